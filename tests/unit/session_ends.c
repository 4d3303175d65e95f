/* How sessions begin again and end: retries, other addresses, coming back, warm-up, and a stop in
 * every state. */
#include "world.h"

#include <errno.h>

#include "client/session_internal.h"

#define URL "rtsp://" WORLD_HOST ":554/two"

/* Runs to the end, and gives when the last session was over: since the start of the run. */
static uint64_t run_until_alone(struct world *world)
{
    uint64_t over_ns = 0;
    world_begin(world);
    while (world_turn(world)) {
        uint32_t alive = 0;
        for (uint32_t i = 0; i < world->plan.shards; i++)
            alive += world->shards[i].client.alive;
        if (alive > 0)
            over_ns = sim_now(world->sim) - world->start_ns;
    }
    return over_ns;
}

/* Pauses of 100, 200, 400 ... ms, each times 0.5 to 1.5; at most a minute before that. */
static void test_retries(void **state)
{
    static const struct {
        const char *url;
        uint32_t retries;
        uint64_t least_ms, most_ms;
        enum phase phase;
        enum reason reason;
        uint32_t status;
    } rows[] = {
        {URL "?status=503", 0, 0, 50, PHASE_DESCRIBE, REASON_STATUS, 503},
        {URL "?status=503", 1, 50, 200, PHASE_DESCRIBE, REASON_STATUS, 503},
        {URL "?status=503", 3, 350, 1150, PHASE_DESCRIBE, REASON_STATUS, 503},
        {URL "?status=503", 300, 8730000, 27000000, PHASE_DESCRIBE, REASON_STATUS, 503},
        {URL "?mute=describe", 1, 4050, 4200, PHASE_DESCRIBE, REASON_TIMEOUT, 0},
        {"rtsp://10.9.9.1:554/", 2, 150, 500, PHASE_CONNECT, REASON_REFUSED, 0},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, rows[i].url);
        world.plan.retries = rows[i].retries;
        world.plan.timeout_ns = 2 * NS_PER_S;
        world.plan.duration_ns = 86400 * NS_PER_S;
        uint64_t over_ns = run_until_alone(&world);
        const struct stats *stats = world_result(&world);
        assert_in_range(over_ns, rows[i].least_ms * NS_PER_MS, rows[i].most_ms * NS_PER_MS);
        assert_int_equal(stats->sessions.failed, 1);
        assert_int_equal(stats->sessions.started, 1);
        assert_int_equal(stats->sessions.retries, rows[i].retries);
        assert_int_equal(world_errors(stats, rows[i].phase, rows[i].reason, rows[i].status),
                         rows[i].retries + 1);
        world_end(&world);
    }
}

/* A URL with several addresses: those where nobody listens give way, within the same try. */
static void test_addresses(void **state)
{
    static const struct {
        const char *hosts[3];
        uint32_t retries;
        bool completes;
    } rows[] = {
        {{"10.9.9.1", WORLD_HOST}, 0, true},
        {{"10.9.9.1", "10.9.9.2", WORLD_HOST}, 0, true},
        {{"10.9.9.1", "10.9.9.2", "10.9.9.3"}, 0, false},
        {{"10.9.9.1", "10.9.9.2", "10.9.9.3"}, 2, false},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, URL);
        world.plan.retries = rows[i].retries;
        world_begin(&world);
        struct client_url *url = &world.targets.urls[0];
        for (url->address_count = 0; url->address_count < 3 && rows[i].hosts[url->address_count];
             url->address_count++)
            assert_true(address_parse(slice_from_string(rows[i].hosts[url->address_count]), 554,
                                      &url->addresses[url->address_count]));
        while (world_turn(&world))
            continue;
        const struct stats *stats = world_result(&world);
        assert_int_equal(stats->sessions.completed, rows[i].completes);
        assert_int_equal(stats->sessions.failed, !rows[i].completes);
        assert_int_equal(world_errors(stats, PHASE_CONNECT, REASON_REFUSED, 0),
                         rows[i].completes ? 0 : rows[i].retries + 1);
        world_end(&world);
    }
}

/* All refuse at first; once the last one doesn't, a retry comes to it. */
static void test_late_address(void **state)
{
    static const char *const hosts[] = {"10.9.9.1", "10.9.9.2", WORLD_HOST};
    struct world world;
    world_init(&world, URL);
    world.plan.retries = 1;
    world.net.refuse_ppm = 1000000;
    world_begin(&world);
    struct client_url *url = &world.targets.urls[0];
    for (url->address_count = 0; url->address_count < 3; url->address_count++)
        assert_true(address_parse(slice_from_string(hosts[url->address_count]), 554,
                                  &url->addresses[url->address_count]));
    while (world_turn(&world)) {
        if (world_sessions(&world).retries == 1)
            sim_set_faults(world.sim, &(struct sim_faults){.latency_ns = NS_PER_MS});
    }
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.completed, 1);
    assert_int_equal(world_errors(stats, PHASE_CONNECT, REASON_REFUSED, 0), 1);
    world_end(&world);
}

static void test_connect(void **state)
{
    static const struct {
        struct sim_faults net;
        enum reason reason;
    } rows[] = {
        {{.refuse_ppm = 1000000}, REASON_REFUSED},
        {{.black_hole_ppm = 1000000}, REASON_TIMEOUT},
        {{.no_socket_ppm = 1000000}, REASON_NO_SOCKET},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, URL);
        world.net = rows[i].net;
        world.plan.retries = 2;
        world.plan.timeout_ns = NS_PER_S;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        assert_int_equal(stats->sessions.failed, 1);
        assert_int_equal(world_errors(stats, PHASE_CONNECT, rows[i].reason, 0), 3);
        assert_int_equal(stats->never[METRIC_CONNECT], 1);
        world_end(&world);
    }
}

/* What this machine has no more of is its limit, and named: without a session that is up there is
   nothing to say about the server. */
static void test_shortages(void **state)
{
    static const struct {
        int error;
        enum shortage shortage;
        enum generator_limit limit;
    } rows[] = {
        {-EMFILE, SHORT_OF_FILES, LIMIT_FILES},        {-ENFILE, SHORT_OF_FILES, LIMIT_FILES},
        {-EADDRNOTAVAIL, SHORT_OF_PORTS, LIMIT_PORTS}, {-EADDRINUSE, SHORT_OF_PORTS, LIMIT_PORTS},
        {-ENOBUFS, SHORT_OF_MEMORY, LIMIT_MEMORY},     {-ENOMEM, SHORT_OF_MEMORY, LIMIT_MEMORY},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status;
        world_init(&world, URL);
        world.net.no_socket_ppm = 1000000;
        world.net.no_socket_error = rows[i].error;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        for (unsigned k = 0; k < SHORTAGES; k++)
            assert_int_equal(stats->shortages[k], k == rows[i].shortage);
        assert_int_equal(world_errors(stats, PHASE_CONNECT, REASON_NO_SOCKET, 0), 1);
        assert_int_equal(world.snapshot->generator.limits, 1u << rows[i].limit);
        assert_int_equal(snapshot_verdict(world.snapshot, &status), VERDICT_INVALID);
        assert_int_equal(status, 3);
        world_end(&world);
    }
}

/* No way to the server is the network's business. */
static void test_no_way(void **state)
{
    static const int errors[] = {-ENETUNREACH, -EHOSTUNREACH, -EAFNOSUPPORT};
    struct world world;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        world_init(&world, URL);
        world.net.no_socket_ppm = 1000000;
        world.net.no_socket_error = errors[i];
        world_run(&world);
        const struct stats *stats = world_result(&world);
        assert_int_equal(world_errors(stats, PHASE_CONNECT, REASON_UNREACHABLE, 0), 1);
        assert_int_equal(world.snapshot->generator.limits, 0);
        world_end(&world);
    }
}

/* Whatever comes late from an earlier try touches nothing. */
static void test_late_events(void **state)
{
    struct world world;
    uint64_t old_token = 0;
    world_init(&world, URL "?mute=describe");
    world.plan.retries = 1;
    world.plan.timeout_ns = 2 * NS_PER_S;
    world_begin(&world);
    while (world_turn(&world)) {
        struct client *client = &world.shards[0].client;
        struct session *session = client_session(client, 0);
        if (session->state != SESSION_DESCRIBE)
            continue;
        if (session->tries == 0)
            old_token = session_token(client, session, 0);
        for (int type = EVENT_CONNECTED; session->tries == 1 && type <= EVENT_RESOLVED; type++) {
            const struct session_event event = {
                .type = (enum session_event_type)type,
                .error = -1,
                .bytes = SLICE("noise"),
            };
            struct session before = *session;
            client_event(client, old_token, &event);
            assert_memory_equal(session, &before, sizeof(before));
        }
    }
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.failed, 1);
    assert_int_equal(world_errors(stats, PHASE_DESCRIBE, REASON_TIMEOUT, 0), 2);
    world_end(&world);
}

/* A name that was not found: that is said of each try, and nothing is connected. */
static void test_no_address(void **state)
{
    struct world world;
    world_init(&world, URL);
    world.plan.retries = 1;
    world_begin(&world);
    world.targets.urls[0].address_count = 0;
    while (world_turn(&world))
        continue;
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.failed, 1);
    assert_int_equal(world_errors(stats, PHASE_RESOLVE, REASON_NO_ADDRESS, 0), 2);
    assert_int_equal(stats->metrics[METRIC_CONNECT].count, 0);
    world_end(&world);
}

/* Cut after 1 s of media each time: with some 130 ms between, seven or eight starts in 8 s. */
static void test_reconnect(void **state)
{
    static const struct {
        const char *url;
        enum reason reason;
    } rows[] = {{URL "?reset_after=1s", REASON_RESET}, {URL "?close_after=1s", REASON_EOF}};
    struct world world;
    for (size_t i = 0; i < 4; i++) {
        world_init(&world, rows[i / 2].url);
        world.plan.transport = i % 2 ? PLAN_UDP : PLAN_TCP;
        world.plan.reconnect = true;
        world.plan.duration_ns = 8 * NS_PER_S;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        assert_in_range(stats->sessions.started, 6, 8);
        assert_int_equal(stats->sessions.dropped + stats->sessions.completed,
                         stats->sessions.started);
        assert_true(stats->sessions.completed <= 1);
        assert_int_equal(stats->sessions.got_media, stats->sessions.established);
        assert_int_equal(stats->metrics[METRIC_STARTUP].count, stats->sessions.started);
        assert_int_equal(world_errors(stats, PHASE_MEDIA, rows[i / 2].reason, 0),
                         stats->sessions.dropped);
        world_end(&world);
    }
}

/* What was missing when warming up ended, and comes after it, is not found again. */
static void test_warmup_reorder(void **state)
{
    struct world world;
    world_init(&world, URL "?reorder=1/3");
    world.plan.transport = PLAN_UDP;
    world.plan.readers = 20;
    world.plan.warmup_ns = 2 * NS_PER_S;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    struct rtp_counts rtp = stats_rtp(stats);
    assert_int_equal(rtp.packets + rtp.lost, rtp.expected);
    assert_true(rtp.lost <= 2 * 20 * 4); /* at most what was held of each track just then */
    assert_in_range(rtp.reordered, 20 * 3 * 20, 20 * 3 * 50);
    world_end(&world);
}

/* Media of the first 2 s is not counted, sessions are; gaps that warming up hid stay hidden. */
static void test_warmup(void **state)
{
    struct world world;
    for (unsigned i = 0; i < 2; i++) {
        world_init(&world, URL "?drop=1/20");
        world.plan.transport = i ? PLAN_UDP : PLAN_TCP;
        world.plan.readers = 4;
        world.plan.warmup_ns = 2 * NS_PER_S;
        world.interval_ns = 300 * NS_PER_MS;
        world.log_sessions = true;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        struct rtp_counts rtp = stats_rtp(stats);
        assert_int_equal(stats->sessions.completed, 4);
        assert_int_equal(stats->sessions.got_media, 4);
        assert_int_equal(stats->metrics[METRIC_STARTUP].count, 4);
        assert_in_range(rtp.expected, 4 * 3 * 148, 4 * 3 * 152);
        assert_in_range(rtp.lost, 40, 140); /* of 1,800, each with a chance of 1/20 */
        assert_int_equal(rtp.packets + rtp.lost, rtp.expected);
        assert_true(world_truth(&world).counts.sent > rtp.packets + 4 * 150);
        world_end(&world);
    }
}

/* Nothing comes over UDP: counted once, and read over TCP instead; established counts once. */
static void test_fallback(void **state)
{
    struct world world;
    world_init(&world, URL);
    world.plan.transport = PLAN_AUTO;
    world.plan.readers = 3;
    world.plan.media_timeout_ns = 2 * NS_PER_S;
    world.net.drop_ppm = 1000000;
    world.interval_ns = 500 * NS_PER_MS;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.completed, 3);
    assert_int_equal(stats->sessions.established, 3);
    assert_int_equal(stats->sessions.started, 3);
    assert_int_equal(world_errors(stats, PHASE_MEDIA, REASON_MEDIA_TIMEOUT, 0), 3);
    assert_in_range(stats_rtp(stats).packets, 3 * 2 * 150, 3 * 3 * 150);
    assert_true(histogram_quantile(&stats->metrics[METRIC_STARTUP], 0.5) > 2000000);
    world_end(&world);
}

/* Weights 3, 1, 0 media: what each URL counted adds up to the whole. */
static void test_streams(void **state)
{
    struct world world;
    struct session_counts sessions = {0};
    struct rtp_counts rtp = {0};
    world_init(&world, URL "?drop=1/30*3");
    world_add_url(&world, "rtsp://" WORLD_HOST ":554/other");
    world_add_url(&world, "rtsp://" WORLD_HOST ":554/gone?status=404");
    world.plan.readers = 10;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    for (uint32_t i = 0; i < 3; i++) {
        for (size_t word = 0; word < sizeof(sessions) / 8; word++)
            ((uint64_t *)&sessions)[word] += ((const uint64_t *)&stats->streams[i].sessions)[word];
        rtp_counts_add(&rtp, &stats->streams[i].rtp);
    }
    struct rtp_counts all = stats_rtp(stats);
    assert_memory_equal(&sessions, &stats->sessions, sizeof(sessions));
    assert_memory_equal(&rtp, &all, sizeof(rtp));
    assert_int_equal(stats->streams[0].sessions.completed, 6);
    assert_int_equal(stats->streams[1].sessions.completed, 2);
    assert_int_equal(stats->streams[2].sessions.failed, 2);
    assert_true(stats->streams[0].rtp.lost > 0 && stats->streams[1].rtp.lost == 0);
    assert_int_equal(stats->streams[0].startup.count, 6);
    world_end(&world);
}

/* The end of the run at every millisecond of a session's life, a day of 10 ms each way: whatever
   the session was about, it ends once and the server is left without it. */
static void stop_at(enum plan_transport transport, const char *url, bool clogged, uint64_t stop_ns,
                    uint32_t states[SESSION_STATES])
{
    static char header[3000] = "X-Long: ";
    memset(header + 8, 'x', sizeof(header) - 11);
    memcpy(header + sizeof(header) - 3, "\r\n", 3);
    struct world world;
    world_init(&world, url);
    world.plan.transport = transport;
    world.plan.reconnect = true;
    world.plan.retries = 1;
    world.net.latency_ns = 10 * NS_PER_MS;
    world.stop_at_ns = stop_ns;
    world.seed = stop_ns;
    if (clogged) {
        world.plan.headers = header;
        world.plan.readers = 20;
        world.plan.rate_per_s = 1e6;
        world.net.send_full_ppm = 200000;
    }
    world_run_to_stop(&world, states);
    const struct stats *stats = world_result(&world);
    uint64_t ends = stats->sessions.completed + stats->sessions.cut_off + stats->sessions.dropped +
                    stats->sessions.failed;
    assert_int_equal(ends, stats->sessions.started);
    for (unsigned i = 0; i < 30; i++) {
        sim_advance(world.sim, sim_now(world.sim) + 10 * NS_PER_MS);
        server_turn(world.server, 0);
    }
    assert_int_equal(server_sessions(world.server), 0);
    world_end(&world);
}

static void test_stop(void **state)
{
    static const struct {
        enum plan_transport transport;
        const char *url;
        bool clogged; /* long requests, taken in pieces */
    } rows[] = {
        {PLAN_TCP, URL "?describe_delay=10ms", true},
        {PLAN_TCP, URL, false},
        {PLAN_UDP, URL, false},
        {PLAN_AUTO, URL "?status=461", false},
        {PLAN_TCP, URL "?status=503", false},
        {PLAN_TCP, URL "?reset_after=50ms", false},
        {PLAN_UDP, URL "?close_after=50ms", false},
        {PLAN_TCP, URL "?mute=teardown", false},
    };
    uint32_t states[SESSION_STATES] = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (uint64_t ms = 1; ms < 400; ms += 400 / world_scaled(80))
            stop_at(rows[i].transport, rows[i].url, rows[i].clogged, ms * NS_PER_MS, states);
    }
    for (unsigned i = SESSION_WAITING; i < SESSION_STATES; i++) {
        bool never = i == SESSION_RESOLVING || i == SESSION_ANNOUNCE || i == SESSION_RECORD ||
                     i > SESSION_PLAYING;
        assert_true(never || states[i] > 0);
    }
}

/* More sessions at once than conversations: those that find none wait their turn, which is schedule
   lag, and the shard sleeps meanwhile. 4,096 and 1,024 there are; all time out after 2 s. */
static void test_no_room(void **state)
{
    struct world world;
    world_init(&world, URL "?mute=describe");
    world.plan.readers = 5200;
    world.plan.rate_per_s = 1e6;
    world.plan.timeout_ns = 2 * NS_PER_S;
    world.server_config.max_connections = 6000;
    world.check_every = 500;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.started, 5200);
    assert_int_equal(stats->sessions.failed, 5200);
    assert_int_equal(stats->sessions.not_started, 0);
    assert_in_range(stats->metrics[METRIC_SCHEDULE_LAG].max, 1900000, 2100000);
    assert_true(world.turns < 25000);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retries),        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_late_address),   cmocka_unit_test(test_shortages),
        cmocka_unit_test(test_no_way),         cmocka_unit_test(test_connect),
        cmocka_unit_test(test_late_events),    cmocka_unit_test(test_no_address),
        cmocka_unit_test(test_reconnect),      cmocka_unit_test(test_warmup),
        cmocka_unit_test(test_warmup_reorder), cmocka_unit_test(test_fallback),
        cmocka_unit_test(test_streams),        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
