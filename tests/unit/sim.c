#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"
#include "net/loop.h"
#include "net/sim.h"

#define START (5 * NS_PER_S)
#define MANY 20000

/* Two hosts, and what host 1 saw of it all. */
struct net {
    struct sim *sim;
    struct loop *loops[2];
    loop_socket accepted;
    uint64_t connected, refused, accepts, eofs, brokens, writables, reads, resolved;
    uint64_t bytes, changed;
    uint64_t datagrams, lost, late, twice;
    uint64_t longest_ns; /* from sending to arrival, of datagrams that say when they were sent */
    uint64_t shortest_ns;
    uint32_t expected;
    uint8_t *seen; /* by number */
    int resolve_error;
    struct address address;
};

static struct address at(const char *host, uint16_t port)
{
    struct address out;
    assert_true(address_parse(slice_from_string(host), port, &out));
    return out;
}

/* Numbered datagrams, classified as a receiver does that knows nothing of the faults. */
static void on_datagram(struct net *net, struct slice bytes, uint64_t now_ns)
{
    uint32_t number;
    uint64_t sent_ns;
    assert_true(bytes.len == sizeof(number) + sizeof(sent_ns));
    memcpy(&number, bytes.data, sizeof(number));
    memcpy(&sent_ns, bytes.data + sizeof(number), sizeof(sent_ns));
    net->datagrams++;
    if (now_ns - sent_ns > net->longest_ns)
        net->longest_ns = now_ns - sent_ns;
    if (now_ns - sent_ns < net->shortest_ns)
        net->shortest_ns = now_ns - sent_ns;
    if (net->seen[number])
        net->twice++;
    else if (number < net->expected)
        net->late++;
    net->seen[number] = 1;
    if (number >= net->expected)
        net->expected = number + 1;
}

static void on_event(void *context, const struct loop_event *event)
{
    struct net *net = context;
    struct slice rest = event->bytes;
    assert_true(event->arrival_ns <= sim_now(net->sim));
    switch (event->type) {
    case LOOP_CONNECTED:
        net->connected += event->error == 0;
        net->refused += event->error == -ECONNREFUSED;
        break;
    case LOOP_ACCEPTED:
        net->accepts++;
        net->accepted = event->accepted;
        loop_set_token(net->loops[1], event->accepted, 9);
        break;
    case LOOP_BYTES:
        net->reads++;
        for (size_t i = 0; i < rest.len; i++)
            net->changed += rest.data[i] != (uint8_t)(net->bytes + i);
        net->bytes += rest.len;
        break;
    case LOOP_DATAGRAM:
        while (rest.len > 0)
            on_datagram(net, slice_take(&rest, event->segment), event->arrival_ns);
        break;
    case LOOP_WRITABLE:
        net->writables++;
        break;
    case LOOP_EOF:
        net->eofs++;
        break;
    case LOOP_BROKEN:
        assert_int_equal(event->error, -ECONNRESET);
        net->brokens++;
        break;
    case LOOP_RESOLVED:
        net->resolved++;
        net->resolve_error = event->error;
        if (event->address_count > 0)
            net->address = event->addresses[0];
        break;
    case LOOP_CLOSED:
    case LOOP_REFUSED:
    case LOOP_WOKEN:
        break;
    }
}

static struct net *net_new(uint64_t seed, const struct sim_faults *faults)
{
    struct net *net = calloc(1, sizeof(*net));
    net->seen = calloc(MANY, 1);
    net->shortest_ns = UINT64_MAX;
    net->sim = sim_new(seed, START);
    sim_set_faults(net->sim, faults);
    for (int i = 0; i < 2; i++) {
        struct loop_config config = {.kind = LOOP_SIM, .max_sockets = 5000, .sim = net->sim};
        assert_int_equal(loop_new(&net->loops[i], &config, on_event, net), 0);
    }
    return net;
}

static void net_free(struct net *net)
{
    loop_free(net->loops[0]);
    loop_free(net->loops[1]);
    sim_free(net->sim);
    free(net->seen);
    free(net);
}

static void run_until(struct net *net, uint64_t end_ns)
{
    while (sim_advance(net->sim, end_ns) || sim_now(net->sim) < end_ns) {
        loop_turn(net->loops[0], end_ns, 0);
        loop_turn(net->loops[1], end_ns, 0);
    }
}

static void run(struct net *net, uint64_t duration_ns)
{
    run_until(net, sim_now(net->sim) + duration_ns);
}

static loop_socket connect_to(struct net *net, uint16_t port)
{
    struct loop_tcp tcp = {.to = at("10.1.1.1", port), .token = 1};
    int64_t socket = loop_connect(net->loops[0], &tcp);
    assert_true(socket > 0);
    return (loop_socket)socket;
}

static void listen_at(struct net *net, uint16_t port)
{
    struct address where = at("10.1.1.1", port);
    assert_true(loop_listen(net->loops[1], &where, false, NULL, 2) > 0);
}

/* Counts up; gives what was taken. */
static uint64_t send_count(struct net *net, loop_socket socket, uint64_t sent, size_t len)
{
    uint8_t block[4096];
    struct iovec part = {block, len};
    for (size_t i = 0; i < len; i++)
        block[i] = (uint8_t)(sent + i);
    int64_t taken = loop_send(net->loops[0], socket, &part, 1);
    return taken > 0 ? (uint64_t)taken : 0;
}

static void send_datagrams(struct net *net, uint32_t count, uint32_t together, uint64_t every_ns)
{
    struct loop_udp here = {.at = at("10.9.9.9", 5000), .receive = true, .gro = true};
    struct loop_udp there = {.at = at("10.8.8.8", 6000), .receive = true, .gro = true};
    int64_t from = loop_open_udp(net->loops[0], &here), to = loop_open_udp(net->loops[1], &there);
    assert_true(from > 0 && to > 0);
    for (uint32_t number = 0; number < count;) {
        uint8_t block[12 * 64];
        size_t len = 0;
        for (uint32_t i = 0; i < together && number < count; i++, number++, len += 12) {
            uint64_t now_ns = sim_now(net->sim);
            memcpy(block + len, &number, sizeof(number));
            memcpy(block + len + sizeof(number), &now_ns, sizeof(now_ns));
        }
        struct slice bytes = slice_make(block, len);
        assert_int_equal(loop_send_to(net->loops[0], (loop_socket)from, &there.at, bytes, 12), 0);
        run(net, every_ns);
    }
    run(net, NS_PER_S);
    for (uint32_t i = 0; i < net->expected; i++)
        net->lost += !net->seen[i];
}

/* Of n occasions at a chance in parts per million: within 5 standard deviations. */
static void assert_rate(uint64_t count, uint64_t occasions, uint32_t ppm)
{
    double expected = (double)occasions * ppm / 1e6;
    double variance = expected * (1 - ppm / 1e6);
    double off = (double)count - expected;
    if (off * off > 25 * variance || count == 0)
        fail_msg("%lu of %lu, expected %.0f", (unsigned long)count, (unsigned long)occasions,
                 expected);
}

static void test_truth(void **state)
{
    static const struct sim_faults rows[] = {
        {.drop_ppm = 20000},
        {.duplicate_ppm = 30000},
        {.reorder_ppm = 40000},
        {.latency_ns = NS_PER_MS, .latency_jitter_ns = 30 * NS_PER_MS},
        {.latency_ns = 3 * NS_PER_MS,
         .latency_jitter_ns = 5 * NS_PER_MS,
         .drop_ppm = 20000,
         .duplicate_ppm = 30000,
         .reorder_ppm = 40000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (uint32_t together = 1; together <= 64; together += 21) {
            struct net *net = net_new(i, &rows[i]);
            send_datagrams(net, MANY, together, together * 100 * NS_PER_US);
            struct sim_truth truth = sim_get_truth(net->sim);
            /* A drop behind the last arrival is no gap to anybody. */
            assert_int_equal(truth.dropped, net->lost + (MANY - net->expected));
            assert_int_equal(truth.duplicated, net->twice);
            assert_int_equal(truth.reordered, net->late);
            assert_int_equal(net->datagrams, MANY - truth.dropped + truth.duplicated);
            if (rows[i].drop_ppm)
                assert_rate(truth.dropped, MANY, rows[i].drop_ppm);
            else
                assert_int_equal(truth.dropped, 0);
            if (rows[i].duplicate_ppm)
                assert_rate(truth.duplicated, MANY - truth.dropped, rows[i].duplicate_ppm);
            else
                assert_int_equal(truth.duplicated, 0);
            assert_int_equal(truth.reordered > 0, rows[i].reorder_ppm > 0);
            assert_int_equal(truth.resets, 0);
            net_free(net);
        }
    }
}

/* One at a time, so that every late one is seen late by its delay alone. */
static void test_late_by(void **state)
{
    struct sim_faults faults = {.latency_ns = 7 * NS_PER_MS, .reorder_ppm = 500000};
    struct net *net = net_new(3, &faults);
    send_datagrams(net, 5000, 1, 30 * NS_PER_MS);
    assert_int_equal(net->shortest_ns, 7 * NS_PER_MS);
    assert_true(net->longest_ns > 26 * NS_PER_MS && net->longest_ns <= 27 * NS_PER_MS);
    /* Each arrived before the next was sent: nothing was overtaken, so nothing was reordered. */
    assert_int_equal(sim_get_truth(net->sim).reordered, 0);
    net_free(net);
}

static void test_connect_faults(void **state)
{
    struct sim_faults faults = {
        .latency_ns = NS_PER_MS, .refuse_ppm = 100000, .black_hole_ppm = 50000};
    struct net *net = net_new(1, &faults);
    listen_at(net, 554);
    for (int i = 0; i < 4000; i++)
        connect_to(net, 554);
    run(net, 2 * NS_PER_MS);
    assert_rate(4000 - net->connected - net->refused, 4000, 50000);
    assert_rate(net->refused, 3800, 100000);
    assert_int_equal(net->accepts, net->connected);
    net_free(net);

    faults = (struct sim_faults){.no_socket_ppm = 300000};
    net = net_new(1, &faults);
    uint64_t failed = 0;
    for (int i = 0; i < 4000; i++) {
        struct loop_tcp tcp = {.to = at("10.1.1.1", 1)};
        int64_t socket = loop_connect(net->loops[0], &tcp);
        assert_true(socket > 0 || socket == -EMFILE);
        failed += socket < 0;
    }
    assert_rate(failed, 4000, 300000);
    net_free(net);
}

/* SYN out, SYN-ACK back, a byte out: 1.5 round trips. */
static void test_latency(void **state)
{
    struct sim_faults faults = {.latency_ns = 10 * NS_PER_MS};
    struct net *net = net_new(1, &faults);
    listen_at(net, 554);
    loop_socket socket = connect_to(net, 554);
    run(net, 10 * NS_PER_MS);
    assert_int_equal(net->accepts, 1);
    run_until(net, START + 20 * NS_PER_MS - 1);
    assert_int_equal(net->connected, 0);
    run(net, 1);
    assert_int_equal(net->connected, 1);
    send_count(net, socket, 0, 1);
    run_until(net, START + 30 * NS_PER_MS - 1);
    assert_int_equal(net->bytes, 0);
    run(net, 1);
    assert_int_equal(net->bytes, 1);
    net_free(net);
}

/* Pushes total bytes or a bit more through a connection, a new one whenever it ends. How many. */
static uint64_t push(struct net *net, uint64_t total)
{
    uint64_t sent = 0, ends = 0;
    listen_at(net, 554);
    loop_socket socket = connect_to(net, 554);
    run(net, 10 * NS_PER_MS);
    while (sent < total) {
        uint64_t taken = send_count(net, socket, sent, 1000);
        if (taken < 1000)
            loop_want_writable(net->loops[0], socket);
        sent += taken;
        run(net, NS_PER_MS);
        if (net->eofs + net->brokens == ends)
            continue;
        loop_close(net->loops[0], socket, false);
        loop_close(net->loops[1], net->accepted, false);
        socket = connect_to(net, 554);
        run(net, 40 * NS_PER_S);
        ends = net->eofs + net->brokens;
        net->bytes = sent;
    }
    run(net, 100 * NS_PER_S);
    return sent;
}

static void test_stream_faults(void **state)
{
    struct net *net = net_new(1, &(struct sim_faults){.segment_max = 300});
    push(net, 1000000);
    assert_int_equal(net->bytes, 1000000);
    assert_int_equal(net->changed, 0);
    /* Pieces of 1 to 300, cut anew each 1,000 bytes: 7.0 a send on average. */
    assert_true(net->reads > 6500 && net->reads < 7700);
    net_free(net);

    net = net_new(1, &(struct sim_faults){.corrupt_ppm = 50000, .latency_jitter_ns = NS_PER_MS});
    push(net, 10000000);
    assert_int_equal(net->bytes, 10000000);
    assert_rate(net->changed, 10000, 50000);
    net_free(net);

    net = net_new(1, &(struct sim_faults){.send_full_ppm = 500000});
    uint64_t sent = push(net, 5000000);
    assert_int_equal(net->bytes, sent);
    assert_int_equal(net->changed, 0);
    assert_true(net->writables > 1000);
    net_free(net);
}

static void test_stream_ends(void **state)
{
    struct net *net = net_new(1, &(struct sim_faults){.reset_ppm = 10000});
    push(net, 5000000);
    assert_rate(sim_get_truth(net->sim).resets, 5000, 10000);
    assert_int_equal(net->brokens, 2 * sim_get_truth(net->sim).resets);
    assert_int_equal(net->eofs, 0);
    net_free(net);

    net = net_new(1, &(struct sim_faults){.eof_ppm = 10000});
    push(net, 5000000);
    assert_rate(net->eofs / 2, 5000, 10000);
    assert_int_equal(net->brokens, 0);
    net_free(net);
}

static void test_stall(void **state)
{
    struct net *net = net_new(1, &(struct sim_faults){.stall_ppm = 1000000});
    listen_at(net, 554);
    loop_socket socket = connect_to(net, 554);
    run(net, NS_PER_MS);
    uint64_t before = sim_now(net->sim);
    send_count(net, socket, 0, 10);
    run_until(net, before + NS_PER_S - 1);
    assert_int_equal(net->bytes, 0);
    run_until(net, before + 30 * NS_PER_S);
    assert_int_equal(net->bytes, 10);
    net_free(net);
}

static uint64_t busy_digest(uint64_t seed, uint32_t drop_ppm)
{
    struct sim_faults faults = {.latency_ns = NS_PER_MS,
                                .latency_jitter_ns = NS_PER_MS,
                                .segment_max = 500,
                                .reset_ppm = 5000,
                                .corrupt_ppm = 1000,
                                .drop_ppm = drop_ppm,
                                .reorder_ppm = 10000};
    struct net *net = net_new(seed, &faults);
    push(net, 300000);
    send_datagrams(net, 2000, 3, NS_PER_MS);
    uint64_t digest = sim_digest(net->sim);
    net_free(net);
    return digest;
}

static void test_digest(void **state)
{
    uint64_t first = busy_digest(42, 1000);
    assert_true(first == busy_digest(42, 1000));
    assert_true(first != busy_digest(43, 1000));
    assert_true(first != busy_digest(42, 2000));
}

static void test_resolve(void **state)
{
    struct net *net = net_new(1, &(struct sim_faults){.latency_ns = NS_PER_MS});
    struct address there = at("10.3.3.3", 1);
    sim_add_name(net->sim, "camera", &there);
    assert_int_equal(loop_resolve(net->loops[0], SLICE("camera"), 554, 7), 0);
    run(net, 2 * NS_PER_MS);
    assert_int_equal(net->resolved, 1);
    assert_int_equal(net->resolve_error, 0);
    assert_true(address_same_host(&net->address, &there));
    assert_int_equal(address_port(&net->address), 554);
    assert_int_equal(loop_resolve(net->loops[0], SLICE("nobody"), 554, 7), 0);
    run(net, 2 * NS_PER_MS);
    assert_int_equal(net->resolve_error, -ENOENT);
    net_free(net);
}

/* Several loops listen on one port, at one address or at any: connects are spread over them. */
static void test_shared(void **state)
{
    static const char *const hosts[] = {"10.1.1.1", "0.0.0.0"};
    for (int row = 0; row < 2; row++) {
        struct net *net = net_new(1, &(struct sim_faults){0});
        struct address where = at(hosts[row], 554);
        for (uint64_t i = 0; i < 2; i++)
            assert_true(loop_listen(net->loops[i], &where, true, NULL, 2) > 0);
        assert_int_equal(loop_listen(net->loops[1], &where, false, NULL, 2), -EADDRINUSE);
        uint64_t generations[2] = {0, 0};
        for (int i = 0; i < 10; i++) {
            connect_to(net, 554);
            sim_advance(net->sim, sim_now(net->sim) + 1);
            for (int k = 0; k < 2; k++) {
                uint64_t before = net->accepts;
                loop_turn(net->loops[k], 0, 0);
                generations[k] += net->accepts - before;
            }
        }
        assert_int_equal(generations[0], 5);
        assert_int_equal(generations[1], 5);
        net_free(net);
    }
}

static void test_clock(void **state)
{
    struct net *net = net_new(1, &(struct sim_faults){.latency_ns = NS_PER_S});
    assert_int_equal(sim_now(net->sim), START);
    assert_int_equal(loop_now(net->loops[0]), START);
    assert_false(sim_advance(net->sim, START + 5));
    assert_int_equal(sim_now(net->sim), START + 5);
    assert_false(sim_advance(net->sim, START));
    assert_int_equal(sim_now(net->sim), START + 5);
    assert_false(sim_advance(net->sim, TIME_NEVER));
    assert_int_equal(sim_now(net->sim), START + 5);
    connect_to(net, 1);
    assert_true(sim_advance(net->sim, TIME_NEVER));
    assert_int_equal(sim_now(net->sim), START + 5 + NS_PER_S);
    assert_true(
        sim_advance(net->sim, TIME_NEVER)); /* the refusal, which nobody has looked at yet */
    assert_true(sim_advance(net->sim, TIME_NEVER));
    assert_int_equal(sim_now(net->sim), START + 5 + 2 * NS_PER_S);
    loop_turn(net->loops[0], 0, 0);
    assert_int_equal(net->refused, 1);
    assert_int_equal(loop_clock(net->loops[1]), sim_now(net->sim));
    net_free(net);
}

/* A process that was stopped: connections are accepted, what comes waits, and time goes on. */
static void test_freeze(void **state)
{
    struct address there = at("10.1.1.1", 554);
    struct net *net = net_new(1, &(struct sim_faults){.latency_ns = NS_PER_MS});
    listen_at(net, 554);
    loop_socket socket = connect_to(net, 554);
    run(net, NS_PER_S);
    sim_freeze(net->sim, &there, true);
    send_count(net, socket, 0, 100);
    while (sim_now(net->sim) < START + 5 * NS_PER_S) {
        sim_advance(net->sim, START + 5 * NS_PER_S);
        loop_turn(net->loops[0], 0, 0);
    }
    assert_int_equal(net->bytes, 0);
    sim_freeze(net->sim, &there, false);
    run(net, NS_PER_S);
    assert_int_equal(net->bytes, 100);
    net_free(net);
}

/* A day of a packet each 20 ms: 4.3 million deliveries. */
static void test_a_day(void **state)
{
    struct net *net = net_new(1, &(struct sim_faults){.latency_ns = NS_PER_MS});
    listen_at(net, 554);
    loop_socket socket = connect_to(net, 554);
    run(net, NS_PER_S);
    uint64_t sent = 0, end = START + 86400 * NS_PER_S;
    for (; sim_now(net->sim) < end; run(net, 20 * NS_PER_MS))
        sent += send_count(net, socket, sent, 100);
    run(net, NS_PER_S);
    assert_int_equal(net->bytes, sent);
    assert_true(sent > UINT64_C(4319000) * 100);
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock),          cmocka_unit_test(test_latency),
        cmocka_unit_test(test_truth),          cmocka_unit_test(test_late_by),
        cmocka_unit_test(test_connect_faults), cmocka_unit_test(test_stream_faults),
        cmocka_unit_test(test_stream_ends),    cmocka_unit_test(test_stall),
        cmocka_unit_test(test_digest),         cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_shared),         cmocka_unit_test(test_freeze),
        cmocka_unit_test(test_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
