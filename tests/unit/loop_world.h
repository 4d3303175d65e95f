/* loop_world.h - one loop of any backend with both ends of its connections, and a record of what
 * each saw. */
#pragma once

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"
#include "net/sim.h"

#define ENDS 4200
#define PATIENCE_NS (15 * NS_PER_S) /* for what takes milliseconds, on a busy machine */

struct variant {
    const char *name;
    enum loop_kind kind;
    uint32_t denied;
    uint32_t faults;
    uint64_t coalesce_ns;
};

/* What one socket saw; its token is its index. The bytes that are exchanged are pattern(position).
 */
struct end {
    loop_socket socket;
    loop_socket accepted; /* of a listener: the last one */
    struct address from;
    int connected, accepts, refused, eofs, brokens, closeds, writables, reads, resolved;
    int connect_error, broken_error, resolve_error, refused_error;
    unsigned addresses;
    struct address address;
    uint64_t received; /* bytes */
    uint64_t to_send;  /* sent by pump() */
    uint64_t sent;
    uint64_t arrival_ns;
    uint32_t datagrams, wrong, drops, unread, unread_peak;
    uint32_t segment;  /* of datagrams we send: 4 bytes of number, then pattern */
    uint32_t expected; /* number of the next datagram */
    bool arrival_is_kernels;
    bool is_closed; /* by us */
    bool close_on_read;
    bool bad_order; /* an event came where none may */
};

struct world {
    const struct variant *variant;
    struct sim *sim;
    struct loop *loop;
    uint16_t next_port;
    int woken;
    uint64_t events;
    int ends_used;
    uint32_t next_accepted; /* token for the next accepted socket, 0: leave it alone */
    loop_socket close_too;  /* closed by the first handler call that has bytes */
    struct end ends[ENDS];
};

static inline uint8_t pattern(uint64_t position)
{
    return (uint8_t)(position * 7 + (position >> 8) * 13 + (position >> 16));
}

static inline struct address local(const char *host, uint16_t port)
{
    struct address out;
    assert_true(address_parse(slice_from_string(host), port, &out));
    return out;
}

static inline void close_end(struct world *world, struct end *end, bool reset)
{
    end->is_closed = true;
    loop_close(world->loop, end->socket, reset);
}

/* Sends what is due until the kernel takes no more. */
static inline void pump(struct world *world, struct end *end)
{
    static uint8_t block[65536];
    while (end->sent < end->to_send) {
        size_t left = end->to_send - end->sent;
        size_t len = left < sizeof(block) ? left : sizeof(block);
        for (size_t i = 0; i < len; i++)
            block[i] = pattern(end->sent + i);
        struct iovec parts[2] = {{block, len / 3}, {block + len / 3, len - len / 3}};
        int64_t taken = loop_send(world->loop, end->socket, parts, 2);
        if (taken >= 0)
            end->sent += (uint64_t)taken;
        if (taken == -EAGAIN || (taken >= 0 && taken < (int64_t)len)) {
            loop_want_writable(world->loop, end->socket);
            return;
        }
        if (taken < 0)
            return;
    }
}

static inline void on_bytes(struct world *world, struct end *end, const struct loop_event *event)
{
    for (size_t i = 0; i < event->bytes.len; i++)
        end->wrong += event->bytes.data[i] != pattern(end->received + i);
    end->bad_order |= end->eofs > 0 || end->brokens > 0 || event->bytes.len == 0;
    end->received += event->bytes.len;
    end->unread = event->unread;
    if (event->unread > end->unread_peak)
        end->unread_peak = event->unread;
    if (end->close_on_read)
        close_end(world, end, false);
}

/* A datagram is its number and pattern bytes. Gaps are legal, steps back aren't. */
static inline void on_datagrams(struct end *end, const struct loop_event *event)
{
    struct slice rest = event->bytes;
    end->bad_order |= event->segment > rest.len;
    while (rest.len > 0) {
        struct slice one = slice_take(&rest, event->segment);
        uint32_t number = 0;
        if (one.len >= sizeof(number))
            memcpy(&number, one.data, sizeof(number));
        for (size_t i = sizeof(number); i < one.len; i++)
            end->wrong += one.data[i] != pattern(number + i);
        end->wrong += number < end->expected;
        end->expected = number + 1;
        end->received += one.len;
        end->datagrams++;
    }
    end->drops = event->drops;
    end->from = *event->from;
}

static inline void on_accepted(struct world *world, struct end *end, const struct loop_event *event)
{
    end->accepts++;
    end->accepted = event->accepted;
    end->from = *event->from;
    if (world->next_accepted == 0)
        return;
    struct end *fresh = &world->ends[world->next_accepted];
    fresh->socket = event->accepted;
    fresh->from = *event->from;
    loop_set_token(world->loop, event->accepted, world->next_accepted);
    world->next_accepted++;
}

static inline void on_event(void *context, const struct loop_event *event)
{
    struct world *world = context;
    struct end *end = &world->ends[event->token];
    assert_true(event->token < ENDS);
    world->events++;
    end->bad_order |= event->arrival_ns > loop_now(world->loop);
    if (event->type != LOOP_CLOSED && event->type != LOOP_WOKEN && event->type != LOOP_RESOLVED)
        end->bad_order |= end->is_closed || end->closeds > 0 || event->socket != end->socket;
    if (event->type == LOOP_BYTES || event->type == LOOP_DATAGRAM) {
        end->reads++;
        end->arrival_ns = event->arrival_ns;
        end->arrival_is_kernels = event->arrival_is_kernels;
        if (world->close_too) {
            struct end *other = &world->ends[world->close_too];
            world->close_too = 0;
            close_end(world, other, false);
        }
    }
    switch (event->type) {
    case LOOP_CONNECTED:
        end->connected++;
        end->connect_error = event->error;
        end->bad_order |= end->reads > 0 || end->eofs > 0;
        break;
    case LOOP_ACCEPTED:
        on_accepted(world, end, event);
        break;
    case LOOP_REFUSED:
        end->refused++;
        end->refused_error = event->error;
        break;
    case LOOP_BYTES:
        on_bytes(world, end, event);
        break;
    case LOOP_DATAGRAM:
        on_datagrams(end, event);
        break;
    case LOOP_WRITABLE:
        end->writables++;
        pump(world, end);
        break;
    case LOOP_EOF:
        end->eofs++;
        break;
    case LOOP_BROKEN:
        end->brokens++;
        end->broken_error = event->error;
        break;
    case LOOP_CLOSED:
        end->closeds++;
        end->bad_order |= !end->is_closed;
        break;
    case LOOP_RESOLVED:
        end->resolved++;
        end->resolve_error = event->error;
        end->addresses = event->address_count;
        if (event->address_count > 0)
            end->address = event->addresses[0];
        break;
    case LOOP_WOKEN:
        world->woken++;
        break;
    }
}

static inline struct world *world_new(const struct variant *variant, uint32_t max_sockets)
{
    struct world *world = calloc(1, sizeof(*world));
    struct loop_config config = {.kind = variant->kind,
                                 .max_sockets = max_sockets,
                                 .denied = variant->denied,
                                 .faults = variant->faults};
    assert_non_null(world);
    world->variant = variant;
    world->ends_used = 1;
    /* Outside ip_local_port_range, and apart from another run of this test. */
    world->next_port = (uint16_t)(20000 + getpid() % 1000 * 12);
    if (variant->kind == LOOP_SIM)
        config.sim = world->sim = sim_new(1, NS_PER_S);
    int error = loop_new(&world->loop, &config, on_event, world);
    if (error) {
        free(world);
        if (variant->kind == LOOP_URING && (error == -EPERM || error == -ENOSYS))
            skip();
        fail_msg("loop_new: %d", error);
    }
    return world;
}

/* Whatever happened, no end may have seen an event out of place. */
static inline void world_free(struct world *world)
{
    loop_free(world->loop);
    sim_free(world->sim);
    for (int i = 0; i < ENDS; i++) {
        assert_false(world->ends[i].bad_order);
        assert_int_equal(world->ends[i].wrong, 0);
        assert_true(world->ends[i].closeds <= 1);
    }
    free(world);
}

static inline struct end *new_end(struct world *world)
{
    assert_true(world->ends_used < ENDS);
    return &world->ends[world->ends_used++];
}

static inline uint64_t token_of(const struct world *world, const struct end *end)
{
    return (uint64_t)(end - world->ends);
}

static inline void turn(struct world *world, uint64_t wait_ns)
{
    uint64_t deadline_ns = loop_clock(world->loop) + wait_ns;
    if (world->sim)
        sim_advance(world->sim, deadline_ns);
    loop_turn(world->loop, deadline_ns, world->variant->coalesce_ns);
}

/* Turns until nothing happens for a while. */
static inline void settle(struct world *world)
{
    for (int quiet = 0; quiet < 3;) {
        uint64_t before = world->events;
        turn(world, 4 * NS_PER_MS);
        quiet = world->events == before ? quiet + 1 : 0;
    }
}

#define turn_until(world, condition)                                                               \
    do {                                                                                           \
        uint64_t limit_ns_ = loop_clock((world)->loop) + PATIENCE_NS;                              \
        while (!(condition)) {                                                                     \
            if (loop_clock((world)->loop) > limit_ns_)                                             \
                fail_msg("never became true: %s", #condition);                                     \
            turn(world, 5 * NS_PER_MS);                                                            \
        }                                                                                          \
    } while (0)

static inline struct end *listen_at(struct world *world, const char *host, struct address *at)
{
    struct end *end = new_end(world);
    for (;;) {
        *at = local(host, world->next_port++);
        int64_t socket = loop_listen(world->loop, at, false, NULL, token_of(world, end));
        if (socket == -EADDRINUSE)
            continue;
        assert_true(socket > 0);
        end->socket = (loop_socket)socket;
        return end;
    }
}

static inline struct end *connect_to(struct world *world, const struct address *at)
{
    struct end *end = new_end(world);
    struct loop_tcp tcp = {.to = *at, .token = token_of(world, end)};
    int64_t socket = loop_connect(world->loop, &tcp);
    assert_true(socket > 0);
    end->socket = (loop_socket)socket;
    return end;
}

/* A connected pair; the listener is closed again. */
static inline void make_pair(struct world *world, struct end **client, struct end **server)
{
    struct address at;
    struct end *listener = listen_at(world, "127.0.0.1", &at);
    *server = new_end(world);
    world->next_accepted = (uint32_t)token_of(world, *server);
    *client = connect_to(world, &at);
    turn_until(world, (*client)->connected && (*server)->socket);
    assert_int_equal((*client)->connect_error, 0);
    world->next_accepted = 0;
    close_end(world, listener, false);
    turn_until(world, listener->closeds);
}

static inline struct end *open_udp(struct world *world, const char *host, int rcvbuf, bool gro)
{
    struct end *end = new_end(world);
    for (;;) {
        struct loop_udp udp = {.at = local(host, world->next_port++),
                               .token = token_of(world, end),
                               .rcvbuf = rcvbuf,
                               .gro = gro,
                               .receive = true};
        int64_t socket = loop_open_udp(world->loop, &udp);
        if (socket == -EADDRINUSE)
            continue;
        assert_true(socket > 0);
        end->socket = (loop_socket)socket;
        return end;
    }
}

static inline void close_and_wait(struct world *world, struct end *end, bool reset)
{
    close_end(world, end, reset);
    turn_until(world, end->closeds == 1);
}

struct loop_test {
    const char *name;
    CMUnitTestFunction test;
};

static struct variant variants[] = {
    {"epoll", LOOP_EPOLL, 0, 0, 0},
    {"epoll, coalescing", LOOP_EPOLL, 0, 0, NS_PER_MS},
    {"epoll without gro", LOOP_EPOLL, LOOP_DENY_GRO, 0, 0},
    {"epoll without gso", LOOP_EPOLL, LOOP_DENY_GSO, 0, 0},
    {"epoll without time stamps", LOOP_EPOLL, LOOP_DENY_TIMESTAMP, 0, 0},
    {"epoll without inq", LOOP_EPOLL, LOOP_DENY_INQ, 0, 0},
    {"epoll, no buffers", LOOP_EPOLL, 0, LOOP_FAULT_NO_BUFFERS, 0},
    {"epoll, late", LOOP_EPOLL, 0, LOOP_FAULT_LATE, 0},
    {"uring", LOOP_URING, 0, 0, 0},
    {"uring, coalescing", LOOP_URING, 0, 0, NS_PER_MS},
    {"uring without min-wait, coalescing", LOOP_URING, LOOP_DENY_MIN_WAIT, 0, NS_PER_MS},
    {"uring without defer-taskrun", LOOP_URING, LOOP_DENY_DEFER_TASKRUN, 0, 0},
    {"uring as on Linux 6.1", LOOP_URING, LOOP_DENY_MIN_WAIT | LOOP_DENY_DEFER_TASKRUN, 0,
     NS_PER_MS},
    {"uring without gro", LOOP_URING, LOOP_DENY_GRO, 0, 0},
    {"uring without gso", LOOP_URING, LOOP_DENY_GSO, 0, 0},
    {"uring without time stamps", LOOP_URING, LOOP_DENY_TIMESTAMP, 0, 0},
    {"uring without inq", LOOP_URING, LOOP_DENY_INQ, 0, 0},
    {"uring, no buffers", LOOP_URING, 0, LOOP_FAULT_NO_BUFFERS, 0},
    {"uring, more lost", LOOP_URING, 0, LOOP_FAULT_LOSE_MORE, 0},
    {"uring, late", LOOP_URING, 0, LOOP_FAULT_LATE, 0},
    {"uring, every fault", LOOP_URING, 0,
     LOOP_FAULT_NO_BUFFERS | LOOP_FAULT_LOSE_MORE | LOOP_FAULT_LATE, 0},
    {"sim", LOOP_SIM, 0, 0, 0},
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

/* Every test on every variant. LOOP_ONLY in the environment picks variants by a part of the name.
 */
static inline int run_variants(const struct loop_test *tests, size_t count)
{
    struct CMUnitTest *all = calloc(VARIANTS * count, sizeof(*all));
    const char *only = getenv("LOOP_ONLY");
    size_t used = 0;
    for (size_t i = 0; i < VARIANTS * count; i++) {
        struct variant *variant = &variants[i / count];
        char *name = NULL;
        if (only && !strstr(variant->name, only))
            continue;
        if (asprintf(&name, "%s: %s", variant->name, tests[i % count].name) < 0)
            return 1;
        all[used++] = (struct CMUnitTest){
            .name = name, .test_func = tests[i % count].test, .initial_state = variant};
    }
    return _cmocka_run_group_tests("loop", all, used, NULL, NULL);
}
