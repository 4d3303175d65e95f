/* The contract of loop.h, second part: datagrams, pausing, time, waking, resolving. */
#include "test.h"

#include <pthread.h>
#include <sched.h>

#include "loop_world.h"

/* count datagrams of size bytes, numbered from first: their number, then the pattern from there. */
static int send_numbered(struct world *world, struct end *from, const struct end *to,
                         const uint32_t range[2], uint32_t size)
{
    static uint8_t block[400000];
    struct address at;
    size_t len = 0;
    assert_true(loop_local_address(world->loop, to->socket, &at));
    for (uint32_t number = range[0]; number < range[1]; number++, len += size) {
        assert_true(len + size <= sizeof(block));
        memcpy(block + len, &number, sizeof(number));
        for (uint32_t i = sizeof(number); i < size; i++)
            block[len + i] = pattern(number + i);
    }
    /* The last one may be shorter than the others. */
    size_t cut = range[1] - range[0] > 1 && size > 100 ? 50 : 0;
    return loop_send_to(world->loop, from->socket, &at, slice_make(block, len - cut), size);
}

static void test_datagrams(void **state)
{
    static const uint32_t rows[][2] = {
        /* datagrams, bytes of each */
        {1, 4},    {1, 1200},  {2, 1200},  {10, 1200}, {50, 1250},
        {64, 100}, {200, 200}, {1, 60000}, {3, 30000}, {130, 1000},
    };
    for (int gro = 0; gro < 2; gro++) {
        struct world *world = world_new(*state, 16);
        struct end *from = open_udp(world, "127.0.0.1", 0, gro);
        struct end *to = open_udp(world, "127.0.0.1", 4000000, gro);
        struct address mine;
        uint32_t number = 0;
        uint64_t bytes = 0;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            uint32_t range[2] = {number, number + rows[i][0]};
            assert_int_equal(send_numbered(world, from, to, range, rows[i][1]), 0);
            number = range[1];
            bytes += (uint64_t)rows[i][0] * rows[i][1];
            bytes -= rows[i][0] > 1 && rows[i][1] > 100 ? 50 : 0;
            turn_until(world, to->datagrams == number);
        }
        settle(world);
        assert_int_equal(to->datagrams, number);
        assert_int_equal(to->received, bytes);
        assert_int_equal(to->drops, 0);
        assert_true(loop_local_address(world->loop, from->socket, &mine));
        assert_int_equal(address_port(&mine), address_port(&to->from));
        world_free(world);
    }
}

/* With GRO on and 10 of a kind sent as one, the kernel keeps them together; denied, it must not. */
static void test_gro_is_used(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *from = open_udp(world, "127.0.0.1", 0, true);
    struct end *to = open_udp(world, "127.0.0.1", 0, true);
    assert_int_equal(send_numbered(world, from, to, (uint32_t[]){0, 10}, 1000), 0);
    turn_until(world, to->datagrams == 10);
    bool together = !(world->variant->denied & (LOOP_DENY_GRO | LOOP_DENY_GSO));
    assert_int_equal(to->reads, together ? 1 : 10);
    world_free(world);
}

static void test_empty_datagram(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *from = open_udp(world, "127.0.0.1", 0, true);
    struct end *to = open_udp(world, "127.0.0.1", 0, true);
    struct address at;
    assert_true(loop_local_address(world->loop, to->socket, &at));
    assert_int_equal(loop_send_to(world->loop, from->socket, &at, slice_make(NULL, 0), 0), 0);
    turn_until(world, to->reads == 1);
    assert_int_equal(to->received, 0);
    assert_int_equal(send_numbered(world, from, to, (uint32_t[]){0, 1}, 100), 0);
    turn_until(world, to->received == 100);
    world_free(world);
}

/* Nobody is there: the ICMP answer must not come out of a later call. */
static void test_port_unreachable(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *from = open_udp(world, "127.0.0.1", 0, true);
    struct end *to = open_udp(world, "127.0.0.1", 0, true);
    struct end *gone = open_udp(world, "127.0.0.1", 0, true);
    struct address at;
    assert_true(loop_local_address(world->loop, gone->socket, &at));
    close_and_wait(world, gone, false);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(loop_send_to(world->loop, from->socket, &at, SLICE("xxxx"), 4), 0);
        settle(world);
    }
    assert_int_equal(send_numbered(world, from, to, (uint32_t[]){0, 1}, 100), 0);
    assert_int_equal(send_numbered(world, to, from, (uint32_t[]){0, 1}, 100), 0);
    turn_until(world, to->datagrams == 1 && from->datagrams == 1);
    assert_int_equal(from->brokens + from->eofs, 0);
    world_free(world);
}

/* A buffer too small on purpose: what is missing was counted, exactly. */
static void test_drops(void **state)
{
    enum { SENT = 500 };
    struct world *world = world_new(*state, 16);
    struct end *from = open_udp(world, "127.0.0.1", 0, false);
    struct end *to = open_udp(world, "127.0.0.1", 20000, false);
    assert_true(loop_rcvbuf(world->loop, to->socket) == 40000);
    loop_pause(world->loop, to->socket, true);
    settle(world);
    for (uint32_t i = 0; i < SENT; i++)
        assert_int_equal(send_numbered(world, from, to, (uint32_t[]){i, i + 1}, 1000), 0);
    settle(world);
    assert_int_equal(to->datagrams, 0);
    loop_pause(world->loop, to->socket, false);
    turn_until(world, to->datagrams > 0);
    settle(world);
    uint32_t drops = loop_udp_drops(world->loop, to->socket);
    assert_true(drops > 0);
    assert_int_equal(to->datagrams + drops, SENT);
    assert_int_equal(send_numbered(world, from, to, (uint32_t[]){SENT, SENT + 1}, 1000), 0);
    turn_until(world, to->datagrams + drops == SENT + 1);
    assert_int_equal(to->drops, drops);
    world_free(world);
}

static void test_send_only(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *to = open_udp(world, "127.0.0.1", 0, true);
    struct end *deaf = new_end(world);
    struct loop_udp udp = {.at = local("127.0.0.1", 0), .token = token_of(world, deaf)};
    int64_t socket = loop_open_udp(world->loop, &udp);
    assert_true(socket > 0);
    deaf->socket = (loop_socket)socket;
    assert_int_equal(send_numbered(world, deaf, to, (uint32_t[]){0, 1}, 100), 0);
    assert_int_equal(send_numbered(world, to, deaf, (uint32_t[]){0, 1}, 100), 0);
    turn_until(world, to->datagrams == 1);
    settle(world);
    assert_int_equal(deaf->datagrams, 0);
    world_free(world);
}

static void test_pause(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    make_pair(world, &client, &server);
    for (int round = 1; round <= 5; round++) {
        loop_pause(world->loop, client->socket, true);
        settle(world); /* io_uring may deliver what it had read already */
        uint64_t before = client->received;
        server->to_send += 20000;
        pump(world, server);
        settle(world);
        assert_int_equal(client->received, before);
        loop_pause(world->loop, client->socket, false);
        loop_pause(world->loop, client->socket, true);
        loop_pause(world->loop, client->socket, false);
        turn_until(world, client->received == server->to_send);
    }
    loop_pause(world->loop, client->socket, true);
    settle(world);
    close_and_wait(world, server, false);
    settle(world);
    assert_int_equal(client->eofs, 0);
    loop_pause(world->loop, client->socket, false);
    turn_until(world, client->eofs == 1);
    world_free(world);
}

/* unread, where the kernel tells it, says how much the next reads will bring. epoll's buffer takes
   all that waits; one of io_uring's has room for 64 KiB and what stands before them, and what is
   sent has to be more than that: not all of it waits from the start. */
static void test_unread(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    const struct variant *variant = world->variant;
    bool uring = variant->kind == LOOP_URING;
    uint32_t bytes = uring ? 300000 : 40000, first = bytes;
    if (uring)
        first = 65536;
    else if (variant->faults & LOOP_FAULT_NO_BUFFERS)
        first = 1000;
    make_pair(world, &client, &server);
    loop_pause(world->loop, client->socket, true);
    settle(world);
    server->to_send = bytes;
    pump(world, server);
    settle(world);
    loop_pause(world->loop, client->socket, false);
    turn_until(world, client->received == bytes);
    assert_int_equal(client->unread, 0);
    if (variant->denied & LOOP_DENY_INQ)
        assert_int_equal(client->unread_peak, 0);
    else if (uring)
        assert_in_range(client->unread_peak, 1, bytes - first);
    else
        assert_int_equal(client->unread_peak, bytes - first);
    world_free(world);
}

static void test_arrival(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    make_pair(world, &client, &server);
    struct end *from = open_udp(world, "127.0.0.1", 0, true);
    struct end *to = open_udp(world, "127.0.0.1", 0, true);
    settle(world); /* the first socket with time stamps switches them on for the machine, a bit
                      later */
    for (int i = 0; i < 20; i++) {
        uint64_t before_ns = loop_clock(world->loop);
        int reads = client->reads, datagrams = to->reads;
        server->to_send += 1000;
        client->to_send = server->to_send;
        pump(world, server);
        pump(world, client);
        send_numbered(world, from, to, (uint32_t[]){(uint32_t)i, (uint32_t)i + 1}, 1000);
        turn_until(world, client->reads > reads && to->reads > datagrams);
        turn_until(world, server->received == server->to_send);
        uint64_t after_ns = loop_clock(world->loop);
        assert_true(client->arrival_ns + NS_PER_MS >= before_ns && client->arrival_ns <= after_ns);
        assert_true(to->arrival_ns + NS_PER_MS >= before_ns && to->arrival_ns <= after_ns);
        assert_true(loop_now(world->loop) <= after_ns);
    }
    bool kernels = !(world->variant->denied & LOOP_DENY_TIMESTAMP);
    assert_int_equal(client->arrival_is_kernels, kernels);
    assert_int_equal(server->arrival_is_kernels, kernels); /* inherited from the listener */
    assert_int_equal(to->arrival_is_kernels, kernels);
    world_free(world);
}

/* What arrives while nobody looks is stamped when it came, not when it was read. */
static void test_arrival_before_read(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    make_pair(world, &client, &server);
    loop_pause(world->loop, client->socket, true);
    settle(world);
    server->to_send = 1000;
    pump(world, server);
    uint64_t sent_ns = loop_clock(world->loop);
    while (loop_clock(world->loop) < sent_ns + 30 * NS_PER_MS)
        turn(world, 10 * NS_PER_MS);
    uint64_t read_ns = loop_clock(world->loop);
    loop_pause(world->loop, client->socket, false);
    turn_until(world, client->received == 1000);
    if (world->variant->denied & LOOP_DENY_TIMESTAMP)
        assert_true(client->arrival_ns >= read_ns);
    else
        assert_true(client->arrival_ns < sent_ns + 20 * NS_PER_MS);
    world_free(world);
}

static void test_deadline(void **state)
{
    struct world *world = world_new(*state, 16);
    open_udp(world, "127.0.0.1", 0, true);
    settle(world);
    static const uint64_t waits_ns[] = {0, 1, 999, 300 * NS_PER_US, 20 * NS_PER_MS};
    for (size_t i = 0; i < sizeof(waits_ns) / sizeof(waits_ns[0]); i++) {
        uint64_t deadline_ns = loop_clock(world->loop) + waits_ns[i];
        turn(world, waits_ns[i]);
        /* Nothing happens on this loop, so nothing may end the wait earlier. */
        assert_true(world->sim || loop_now(world->loop) >= deadline_ns);
        assert_true(loop_now(world->loop) <= loop_clock(world->loop));
    }
    loop_turn(world->loop, 1, 0); /* long past: returns at once */
    world_free(world);
}

/* A turn of which nothing is to come must last; what is left over may not wake it again and again.
 */
static void assert_idle(struct world *world)
{
    settle(world);
    uint64_t deadline_ns = loop_clock(world->loop) + 10 * NS_PER_MS;
    turn(world, 10 * NS_PER_MS);
    assert_true(loop_now(world->loop) >= deadline_ns);
}

static void test_idle(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server, *other, *peer;
    make_pair(world, &client, &server);
    assert_idle(world);
    loop_pause(world->loop, client->socket, true);
    settle(world);
    server->to_send = 100000;
    pump(world, server);
    assert_idle(world); /* bytes wait, and aren't wanted */
    loop_shutdown(world->loop, client->socket);
    turn_until(world, server->eofs);
    assert_idle(world);
    loop_pause(world->loop, client->socket, false);
    loop_shutdown(world->loop, server->socket);
    turn_until(world, client->eofs);
    assert_idle(world); /* ended both ways, and not closed */
    make_pair(world, &other, &peer);
    close_and_wait(world, peer, true);
    turn_until(world, other->brokens);
    assert_idle(world); /* broken, and not closed */
    make_pair(world, &other, &peer);
    loop_pause(world->loop, other->socket, true);
    settle(world);
    close_and_wait(world, peer, true);
    assert_idle(world); /* broken, and nobody was told */
    assert_int_equal(other->brokens, 0);
    struct end *udp = open_udp(world, "127.0.0.1", 0, true);
    loop_pause(world->loop, udp->socket, true);
    settle(world);
    assert_int_equal(send_numbered(world, udp, udp, (uint32_t[]){0, 1}, 100), 0);
    assert_idle(world);
    world_free(world);
}

struct waker {
    struct world *world;
    pthread_barrier_t ready;
};

static void *wake_it(void *argument)
{
    struct waker *waker = argument;
    pthread_barrier_wait(&waker->ready);
    usleep(5000);
    loop_wake(waker->world->loop);
    return NULL;
}

static void test_wake(void **state)
{
    struct world *world = world_new(*state, 16);
    struct waker waker = {.world = world};
    pthread_t thread;
    pthread_barrier_init(&waker.ready, NULL, 2);
    loop_wake(world->loop);
    loop_wake(world->loop);
    turn_until(world, world->woken == 1);
    settle(world);
    assert_int_equal(world->woken, 1);
    pthread_create(&thread, NULL, wake_it, &waker);
    pthread_barrier_wait(&waker.ready);
    uint64_t deadline_ns = loop_clock(world->loop) + PATIENCE_NS;
    if (!world->sim)
        loop_turn(world->loop, deadline_ns, world->variant->coalesce_ns);
    assert_true(loop_clock(world->loop) < deadline_ns);
    pthread_join(thread, NULL);
    turn_until(world, world->woken == 2);
    pthread_barrier_destroy(&waker.ready);
    world_free(world);
}

/* A shard has a file table of its own; the thread that wakes it hasn't. */
struct shard {
    const struct variant *variant;
    struct world *world;
    bool woken;
    pthread_barrier_t ready;
    pthread_barrier_t done;
};

static void *run_shard(void *argument)
{
    struct shard *self = argument;
    if (unshare(CLONE_FILES) == 0)
        self->world = world_new(self->variant, 16);
    pthread_barrier_wait(&self->ready);
    if (self->world)
        loop_turn(self->world->loop, loop_clock(self->world->loop) + PATIENCE_NS, 0);
    self->woken = self->world && self->world->woken;
    pthread_barrier_wait(&self->done);
    if (self->world)
        world_free(self->world);
    return NULL;
}

static void test_wake_other_file_table(void **state)
{
    struct shard self = {.variant = *state};
    pthread_t thread;
    world_free(world_new(*state, 1)); /* skips here, where cmocka expects it */
    if (self.variant->kind == LOOP_SIM)
        return;
    pthread_barrier_init(&self.ready, NULL, 2);
    pthread_barrier_init(&self.done, NULL, 2);
    pthread_create(&thread, NULL, run_shard, &self);
    pthread_barrier_wait(&self.ready);
    usleep(5000);
    if (self.world)
        loop_wake(self.world->loop);
    pthread_barrier_wait(&self.done);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&self.ready);
    pthread_barrier_destroy(&self.done);
    assert_true(self.woken);
}

static void test_resolve(void **state)
{
    static const struct {
        const char *host;
        int error;
    } rows[] = {
        {"localhost", 0},
        {"127.0.0.1", 0},
        {"::1", 0},
        {"no-such-name.invalid", -ENOENT}, /* RFC 6761, 6.4: never resolves */
        {"two words", -ENOENT},
    };
    struct world *world = world_new(*state, 16);
    struct address home = local("127.0.0.1", 0);
    if (world->sim)
        sim_add_name(world->sim, "localhost", &home);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct end *end = new_end(world);
        struct slice host = slice_from_string(rows[i].host);
        assert_int_equal(loop_resolve(world->loop, host, 554, token_of(world, end)), 0);
        turn_until(world, end->resolved);
        assert_int_equal(end->resolve_error, rows[i].error);
        assert_int_equal(end->addresses > 0, rows[i].error == 0);
        if (rows[i].error == 0)
            assert_int_equal(address_port(&end->address), 554);
    }
    assert_true(loop_resolve(world->loop, SLICE(""), 554, 1) < 0);
    /* Freed with a question under way: the thread must cope. */
    loop_resolve(world->loop, SLICE("localhost"), 554, 1);
    world_free(world);
}

static void test_describe(void **state)
{
    struct world *world = world_new(*state, 16);
    static const char *const starts[] = {"io_uring (", "epoll", "sim"};
    const char *text = loop_describe(world->loop), *start = starts[world->variant->kind];
    assert_int_equal(strncmp(text, start, strlen(start)), 0);
    if (world->variant->denied & LOOP_DENY_MIN_WAIT)
        assert_null(strstr(text, "min-wait"));
    world_free(world);
}

static const struct loop_test tests[] = {
    {"datagrams", test_datagrams},
    {"gro is used", test_gro_is_used},
    {"empty datagram", test_empty_datagram},
    {"port unreachable", test_port_unreachable},
    {"drops", test_drops},
    {"send only", test_send_only},
    {"pause", test_pause},
    {"unread", test_unread},
    {"arrival", test_arrival},
    {"arrival before the read", test_arrival_before_read},
    {"deadline", test_deadline},
    {"idle", test_idle},
    {"wake", test_wake},
    {"wake across file tables", test_wake_other_file_table},
    {"resolve", test_resolve},
    {"describe", test_describe},
};

int main(void)
{
    return run_variants(tests, sizeof(tests) / sizeof(tests[0]));
}
