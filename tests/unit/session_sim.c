/* Whole sessions against the embedded server, on the simulated network. */
#include "world.h"

#include <stdlib.h>

#define URL "rtsp://" WORLD_HOST ":554/two"

/* What the client counted must be what the server says it sent. */
static void check_truth(const struct world *world, const struct stats *stats)
{
    struct truth_path truth = world_truth(world);
    struct rtp_counts rtp = stats_rtp(stats);
    assert_int_equal(rtp.packets, truth.counts.sent);
    assert_int_equal(rtp.bytes, truth.counts.bytes);
    assert_int_equal(rtp.duplicates, truth.counts.duplicated);
    assert_int_equal(rtp.reordered, truth.counts.reordered);
    assert_int_equal(rtp.lost, truth.counts.dropped_inside);
    assert_int_equal(stats->metrics[METRIC_KEEPALIVE].count, truth.keepalives);
}

/* Readers from 10 ms on, one each 10 ms; all play until the plan ends. */
static void test_whole(void **state)
{
    static const struct {
        const char *name, *url;
        enum plan_transport transport;
        uint32_t readers, threads;
        uint64_t interval_ns;
        uint32_t segment_max;
        enum auth_scheme auth;
    } rows[] = {
        {"tcp", URL, PLAN_TCP, 1, 1, 0, 0, AUTH_NONE},
        {"udp", URL, PLAN_UDP, 1, 1, 0, 0, AUTH_NONE},
        {"auto", URL, PLAN_AUTO, 1, 1, 0, 0, AUTH_NONE},
        {"tcp, many", URL, PLAN_TCP, 20, 2, NS_PER_S, 0, AUTH_NONE},
        {"udp, many", URL, PLAN_UDP, 20, 2, NS_PER_S, 0, AUTH_NONE},
        {"tcp, small segments", URL, PLAN_TCP, 5, 1, NS_PER_S, 7, AUTH_NONE},
        {"tcp, faults", URL "?drop=1/50&dup=1/60&reorder=1/40", PLAN_TCP, 10, 1, 0, 0, AUTH_NONE},
        {"udp, faults", URL "?drop=1/50&dup=1/60&reorder=1/40", PLAN_UDP, 10, 1, 0, 0, AUTH_NONE},
        {"wrap", URL "?seq=65500&drop=1/50&reorder=1/40", PLAN_UDP, 4, 1, 0, 0, AUTH_NONE},
        {"stall", URL "?stall=1s/3s", PLAN_TCP, 4, 1, 0, 0, AUTH_NONE},
        {"basic", URL, PLAN_TCP, 4, 1, 0, 0, AUTH_BASIC},
        {"digest", URL, PLAN_UDP, 4, 1, 0, 0, AUTH_DIGEST},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, rows[i].url);
        world.plan.transport = rows[i].transport;
        world.plan.readers = rows[i].readers;
        world.plan.threads = rows[i].threads;
        world.interval_ns = rows[i].interval_ns;
        world.net.segment_max = rows[i].segment_max;
        world.log_sessions = true;
        world_log_in(&world, rows[i].auth);
        world_run(&world);
        const struct stats *stats = world_result(&world);
        if (stats->sessions.completed != rows[i].readers || stats->error_count > 0) {
            world_print(stats);
            fail_msg("%s", rows[i].name);
        }
        assert_int_equal(stats->sessions.started, rows[i].readers);
        assert_int_equal(stats->sessions.got_media, rows[i].readers);
        assert_int_equal(world_truth(&world).teardowns, rows[i].readers);
        for (unsigned metric = 0; metric < LATENCY_METRICS; metric++) {
            uint64_t count = stats->metrics[metric].count;
            bool absent = metric == METRIC_TLS || metric == METRIC_KEEPALIVE ||
                          metric == METRIC_ANNOUNCE || metric == METRIC_RECORD ||
                          metric == METRIC_COME_BACK;
            assert_int_equal(count, absent ? 0 : rows[i].readers);
            assert_int_equal(stats->never[metric], 0);
        }
        check_truth(&world, stats);
        world_end(&world);
    }
}

/* 5 ms each way: a phase takes 10 ms a round, SETUP one for each of two tracks; a 401 belongs to
   the phase. The embedded server answers at once, and asks who it is at DESCRIBE. */
static void test_latencies(void **state)
{
    static const struct {
        enum metric metric;
        uint64_t ms, ms_with_login;
    } rows[] = {
        {METRIC_CONNECT, 10, 10}, {METRIC_OPTIONS, 10, 10}, {METRIC_DESCRIBE, 10, 20},
        {METRIC_SETUP, 20, 20},   {METRIC_PLAY, 10, 10},    {METRIC_TEARDOWN, 10, 10},
    };
    struct world world;
    for (unsigned login = 0; login < 2; login++) {
        world_init(&world, URL);
        world.net.latency_ns = 5 * NS_PER_MS;
        world.plan.readers = 3;
        world_log_in(&world, login ? AUTH_DIGEST : AUTH_NONE);
        world_run(&world);
        const struct stats *stats = world_result(&world);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            const struct histogram *seen = &stats->metrics[rows[i].metric];
            uint64_t expected_us = 1000 * (login ? rows[i].ms_with_login : rows[i].ms);
            assert_int_equal(seen->count, 3);
            assert_int_equal(seen->min, expected_us);
            assert_int_equal(seen->max, expected_us);
        }
        world_end(&world);
    }
}

/* Each reader stalls in the warm-up and behind it: the panel is that of the time that counts. */
static void test_warmup(void **state)
{
    struct world world;
    world_init(&world, URL "?stall=1s/3s");
    world.plan.readers = 4;
    world.plan.duration_ns = 10 * NS_PER_S;
    world.plan.warmup_ns = 4 * NS_PER_S; /* in the second period, before its stall */
    world_run(&world);
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.completed, 4);
    assert_int_equal(stats->panel.sessions, 4);
    assert_int_equal(stats->panel.stalled_sessions, 4);
    assert_in_range(stats->panel.stalls, 4, 8);
    assert_in_range(stats->panel.frames_complete, 4 * 6 * 25 - 40, 4 * 6 * 25 + 40);
    world_end(&world);
}

/* The server writes nothing more from 2 s after PLAY on, in the warm-up. Of the 10 s of the run the
   6 behind the warm-up count: readers who saw nothing in them saw a frozen picture. */
static void test_frozen_in_warmup(void **state)
{
    static const struct {
        enum plan_transport transport;
        uint32_t threads;
    } rows[] = {{PLAN_TCP, 1}, {PLAN_UDP, 1}, {PLAN_TCP, 2}};
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, URL "?stall=100s/102s");
        world.plan.transport = rows[i].transport;
        world.plan.threads = rows[i].threads;
        world.plan.readers = 4;
        world.plan.duration_ns = 10 * NS_PER_S;
        world.plan.warmup_ns = 4 * NS_PER_S;
        world.interval_ns = NS_PER_S;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        assert_int_equal(stats->sessions.completed, 4);
        assert_int_equal(stats_rtp(stats).packets, 0);
        assert_int_equal(stats->panel.sessions, 4);
        assert_int_equal(stats->panel.frames_complete, 0);
        assert_int_equal(stats->panel.freezes, 4);
        assert_in_range(stats->panel.freeze_us, 4 * 6000000 - 10000, 4 * 6000000 + 10000);
        assert_int_equal(stats->panel.stalls, 4);
        assert_int_equal(stats->panel.stall_us, stats->panel.freeze_us);
        assert_int_equal(stats->panel.stalled_sessions, 4);
        world_end(&world);
    }
}

static double seconds_in(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    assert_non_null(at);
    return strtod(at + strlen(key), NULL);
}

/* A line of a session of 700 ms beside a warm-up of 2 s, on a network of 1 ms each way. All times
   are real; packets are those behind the warm-up. Adds 1 to where the session lay: 0 before the
   warm-up's end, 1 across it, 2 behind it. */
static void check_log_line(const char *line, unsigned lay[3])
{
    double due_s = seconds_in(line, "\"due_s\":");
    double play_s = seconds_in(line, "\"play_s\":");
    double first_s = seconds_in(line, "\"first_rtp_s\":");
    double ended_s = seconds_in(line, "\"ended_s\":");
    double packets = seconds_in(line, "\"packets\":");
    assert_true(due_s < play_s && play_s < due_s + 0.1);
    assert_true(play_s < first_s && first_s < play_s + 0.1);
    assert_true(first_s < ended_s && ended_s < due_s + 0.7 + 0.3);
    double counted_s = ended_s < 2 ? 0 : ended_s - (first_s > 2 ? first_s : 2);
    assert_true(counted_s > 0 || packets == 0);
    assert_true(packets < 150 * counted_s + 10 && packets > 150 * counted_s - 20);
    lay[ended_s < 2 ? 0 : first_s < 2 ? 1 : 2]++;
}

/* Short lives and a warm-up: the sums of the sessions' log are the result's, which world_result
   sees to. */
static void test_sessions_log(void **state)
{
    static const struct {
        enum plan_transport transport;
        bool publishes;
    } rows[] = {{PLAN_TCP, false}, {PLAN_UDP, false}, {PLAN_TCP, true}, {PLAN_UDP, true}};
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned lay[3] = {0};
        world_init(&world, URL);
        if (rows[i].publishes)
            world_publish(&world);
        world.plan.transport = rows[i].transport;
        world.plan.readers = 4;
        world.plan.threads = 2;
        world.plan.life =
            (struct distribution){.kind = DISTRIBUTION_FIXED, .a_ns = 700 * NS_PER_MS};
        world.plan.warmup_ns = 2 * NS_PER_S;
        world.log_sessions = true;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        assert_true((rows[i].publishes ? stats->published.packets : stats_rtp(stats).packets) > 0);
        for (const char *line = world.log_text; *line; line = strchr(line, '\n') + 1) {
            if (seconds_in(line, "\"ended_s\":") < 5) /* not cut off by the plan's end */
                check_log_line(line, lay);
        }
        assert_true(lay[0] >= 4 && lay[1] == 4 && lay[2] >= 4);
        world_end(&world);
    }
}

/* The bit rate is that of the time that counts: 150 packets a second, of 24,750 bytes with their
   headers of 12. */
static void test_bitrate_after_warmup(void **state)
{
    const uint64_t bps = 8 * (150 * 12 + 100 * 100 + 99 * 100 / 2 + 50 * 160);
    struct world world;
    for (unsigned udp = 0; udp < 2; udp++) {
        world_init(&world, URL);
        world.plan.transport = udp ? PLAN_UDP : PLAN_TCP;
        world.plan.duration_ns = 10 * NS_PER_S;
        world.plan.warmup_ns = 6 * NS_PER_S;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        const struct histogram *seen = &stats->metrics[METRIC_BITRATE];
        const struct stream_stats *stream = &stats->streams[0];
        assert_int_equal(seen->count, 1);
        assert_in_range(seen->max, bps * 98 / 100, bps * 102 / 100);
        assert_in_range(stream->media_bytes * 8 * 1000000 / stream->media_us, bps * 98 / 100,
                        bps * 102 / 100);
        world_end(&world);
    }
}

/* A day of a stream of one packet in five seconds: a keepalive each 30 s, or each timeout / 2. */
static void test_day(void **state)
{
    static const struct {
        const char *url;
        enum plan_transport transport;
        uint64_t keepalives; /* of each session, give or take one */
    } rows[] = {
        {URL, PLAN_TCP, 86400 / 30},
        {URL, PLAN_UDP, 86400 / 30},
        {URL "?session_timeout=600s", PLAN_TCP, 86400 / 30},
        {URL "?session_timeout=20s", PLAN_UDP, 86400 / 10},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, rows[i].url);
        world.plan.transport = rows[i].transport;
        world.plan.readers = 2;
        world.plan.duration_ns = 86400 * NS_PER_S;
        world.interval_ns = 3600 * NS_PER_S;
        assert_true(library_add(&world.library, media_new_pattern(0.2, 200)));
        world_run(&world);
        const struct stats *stats = world_result(&world);
        if (stats->sessions.completed != 2 || stats->error_count > 0) {
            world_print(stats);
            fail_msg("row %zu", i);
        }
        assert_in_range(stats->metrics[METRIC_KEEPALIVE].count, 2 * rows[i].keepalives - 4,
                        2 * rows[i].keepalives);
        assert_int_equal(stats->never[METRIC_KEEPALIVE], 0);
        assert_in_range(stats_rtp(stats).packets, 2 * (86400 / 5 - 1), 2 * (86400 / 5 + 1));
        /* RFC 3550: every 5 s, here from 4.5 to 5.5 s; over UDP of both tracks, here one */
        assert_in_range(stats->rtcp.rr_sent, 2 * 86400 * 10 / 55, 2 * 86400 * 10 / 45);
        check_truth(&world, stats);
        world_end(&world);
    }
}

/* Fourteen readers of four URLs: how they are shared out must not show in what was counted. Shares
   are runs of their own here, against servers that draw other packets to drop for them: so only
   faults without dice then. */
static void split_plan(struct world *world, uint32_t threads, uint32_t share, uint32_t shares,
                       bool dice)
{
    world_init(world, dice ? URL "?drop=1/50&reorder=1/40" : URL "?stall=300ms/1s");
    world_add_url(world, dice ? "rtsp://" WORLD_HOST ":554/other?dup=1/30&close_after=2s"
                              : "rtsp://" WORLD_HOST ":554/other?reset_after=2s");
    world_add_url(world, "rtsp://" WORLD_HOST ":554/gone?status=404");
    world_add_url(world, "rtsp://" WORLD_HOST ":554/late?describe_delay=700ms");
    world->plan.readers = 14;
    world->plan.transport = PLAN_UDP;
    world->plan.rate_per_s = 13;
    world->plan.arrival = ARRIVAL_POISSON;
    world->plan.retries = 2;
    world->plan.reconnect = true;
    world->plan.threads = threads;
    world->plan.share = share;
    world->plan.shares = shares;
    world->interval_ns = 1100 * NS_PER_MS;
}

static void test_split(void **state)
{
    static const struct {
        uint32_t threads, shares;
        bool dice;
    } rows[] = {{1, 1, true},  {2, 1, true},  {5, 1, true},  {1, 1, false},
                {3, 1, false}, {1, 2, false}, {1, 4, false}, {2, 3, false}};
    struct world world;
    uint64_t whole[2] = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stats *sum = stats_new(4);
        for (uint32_t share = 1; share <= rows[i].shares; share++) {
            split_plan(&world, rows[i].threads, share, rows[i].shares, rows[i].dice);
            world_run(&world);
            stats_add(sum, world_result(&world));
            world_end(&world);
        }
        uint64_t *expected = &whole[rows[i].dice];
        if (rows[i].threads == 1 && rows[i].shares == 1)
            *expected = world_digest(sum, false);
        if (world_digest(sum, false) != *expected) {
            world_print(sum);
            fail_msg("%u threads, %u shares", rows[i].threads, rows[i].shares);
        }
        assert_true(sum->sessions.started > 14 && sum->sessions.failed == 3);
        stats_free(sum);
    }
}

/* A frame lasts 3 ms from its first packet to its last. At an IDR, or at a recovery point after no
   frame, that is the wait for a keyframe; a picture that is refreshed within 5 frames of 40 ms is
   whole 200 ms later. */
static void test_keyframes(void **state)
{
    static const struct {
        enum world_media media;
        uint32_t wait_ms, keyframes, recovery_points;
    } rows[] = {{WORLD_TWO_TRACKS, 3, 5, 0}, {WORLD_OPEN_GOP, 3, 5, 0}, {WORLD_REFRESH, 203, 0, 5}};
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, URL);
        world.plan.duration_ns = 5500 * NS_PER_MS;
        assert_true(library_add(&world.library, world_media(rows[i].media)));
        world_run(&world);
        const struct stats *stats = world_result(&world);
        const struct histogram *first = &stats->metrics[METRIC_FIRST_RTP];
        const struct histogram *keyframe = &stats->metrics[METRIC_FIRST_KEYFRAME];
        assert_int_equal(keyframe->count, 1);
        assert_in_range(keyframe->max - first->max, rows[i].wait_ms * 1000 - 100,
                        rows[i].wait_ms * 1000 + 100);
        assert_in_range(stats->panel.keyframes, rows[i].keyframes,
                        rows[i].keyframes + (rows[i].keyframes > 0));
        assert_in_range(stats->panel.recovery_points, rows[i].recovery_points,
                        rows[i].recovery_points + (rows[i].recovery_points > 0));
        assert_int_equal(stats->panel.frames_damaged + stats->panel.frames_suspect, 0);
        world_end(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),        cmocka_unit_test(test_latencies),
        cmocka_unit_test(test_warmup),       cmocka_unit_test(test_frozen_in_warmup),
        cmocka_unit_test(test_sessions_log), cmocka_unit_test(test_bitrate_after_warmup),
        cmocka_unit_test(test_keyframes),    cmocka_unit_test(test_day),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
