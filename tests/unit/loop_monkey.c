/* The contract of loop.h, third part: random calls in random states, many connections at a time. */
#include "test.h"

#include <dirent.h>

#include "base/rng.h"
#include "loop_world.h"

#define STEPS 3000
#define OPEN_MAX_ 40
#define SERVERS 2100 /* the first end for accepted sockets */

static int open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static struct end *pick(struct world *world, struct rng *rng)
{
    uint64_t clients = (uint64_t)world->ends_used - 2, servers = world->next_accepted - SERVERS;
    if (clients + servers == 0)
        return NULL;
    uint64_t at = rng_below(rng, clients + servers);
    return &world->ends[at < clients ? 2 + at : SERVERS + (at - clients)];
}

static int count_open(const struct world *world)
{
    int count = 0;
    for (int i = 2; i < ENDS; i++)
        count += world->ends[i].socket && !world->ends[i].closeds;
    return count;
}

static void act(struct world *world, struct rng *rng, struct end *end)
{
    switch (rng_below(rng, 10)) {
    case 0:
        close_end(world, end, false);
        break;
    case 1:
        close_end(world, end, true);
        break;
    case 2:
        loop_shutdown(world->loop, end->socket);
        break;
    case 3:
        end->close_on_read = true;
        break;
    case 4:
        loop_pause(world->loop, end->socket, true);
        break;
    case 5:
        loop_pause(world->loop, end->socket, false);
        break;
    case 6:
        loop_want_writable(world->loop, end->socket);
        break;
    default:
        end->to_send += rng_below(rng, 100000);
        pump(world, end);
    }
}

static void close_everything(struct world *world)
{
    for (int i = 1; i < ENDS; i++) {
        if (world->ends[i].socket && !world->ends[i].is_closed)
            close_end(world, &world->ends[i], i % 2);
    }
}

/* Whatever is done, bytes arrive in order and unchanged until the end, each close is answered once,
   and no descriptor is left but a spare one. The harness holds the events against that. */
static void test_monkey(void **state)
{
    struct world *world = world_new(*state, 64);
    struct rng rng = rng_init(11, 0, 0);
    struct address at;
    int descriptors = open_descriptors();
    uint64_t received = 0;
    listen_at(world, "127.0.0.1", &at);
    world->next_accepted = SERVERS;
    for (int i = 0; i < STEPS; i++) {
        struct end *end = pick(world, &rng);
        if (rng_below(&rng, 4) == 0 && count_open(world) < OPEN_MAX_)
            connect_to(world, &at);
        else if (end && end->socket && !end->is_closed)
            act(world, &rng, end);
        if (rng_below(&rng, 3) == 0)
            turn(world, rng_below(&rng, 2) * NS_PER_MS);
    }
    settle(world);
    close_everything(world);
    settle(world);
    close_everything(world); /* what was accepted meanwhile */
    turn_until(world, count_open(world) == 0);
    settle(world);
    for (int i = 1; i < ENDS; i++) {
        assert_int_equal(world->ends[i].closeds, world->ends[i].socket != 0);
        assert_true(world->ends[i].connected <= 1 && world->ends[i].eofs <= 1);
        received += world->ends[i].received;
    }
    assert_true(received > 1000000);
    int spare = world->sim ? 0 : 1; /* which a loop keeps once it has listened */
    assert_int_equal(open_descriptors(), descriptors + spare);
    world_free(world);
}

static const struct loop_test tests[] = {
    {"monkey", test_monkey},
};

int main(void)
{
    return run_variants(tests, sizeof(tests) / sizeof(tests[0]));
}
