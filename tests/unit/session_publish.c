/* Sessions that publish to the embedded server, on the simulated network: what they count as
 * written is what the server, by arithmetic of its own, counts as received. */
#include "world.h"

#include <errno.h>

#include "client/session_internal.h"
#include "proto/rtcp.h"

#define URL "rtsp://" WORLD_HOST ":554/live/{n}"

/* world_publish's media: 100 packets of video a second and 50 of audio; video packet i holds 100 +
   i bytes behind 12 of header, audio packets 160. */
#define PACKETS_PER_S 150u
#define BYTES_PER_S (100u * 112 + 99u * 100 / 2 + 50u * 172)

static void check_truth(const struct world *world, const struct stats *stats)
{
    struct truth_path truth = world_truth(world);
    assert_int_equal(stats->published.packets, truth.received.packets);
    assert_int_equal(stats->published.bytes, truth.received.bytes);
    assert_int_equal(truth.received.duplicates + truth.received.reordered, 0);
    assert_int_equal(stats->metrics[METRIC_KEEPALIVE].count, truth.keepalives);
    assert_int_equal(stats->metrics[METRIC_PUBLISH_LATE].count, stats->published.packets);
    assert_int_equal(stats->published.dropped, stats->published.dropped_by[DROP_SERVER] +
                                                   stats->published.dropped_by[DROP_SELF]);
}

static bool is_of_publishers(unsigned metric)
{
    return metric == METRIC_CONNECT || metric == METRIC_OPTIONS || metric == METRIC_ANNOUNCE ||
           metric == METRIC_SETUP || metric == METRIC_RECORD || metric == METRIC_STARTUP ||
           metric == METRIC_TEARDOWN;
}

/* Publishers from 10 ms on, one each 10 ms, until the plan ends after 5 s. */
static void test_whole(void **state)
{
    static const struct {
        const char *name;
        enum plan_transport transport;
        uint32_t publishers, threads;
        uint32_t segment_max, send_full_ppm;
        enum auth_scheme auth;
    } rows[] = {
        {"tcp", PLAN_TCP, 1, 1, 0, 0, AUTH_NONE},
        {"udp", PLAN_UDP, 1, 1, 0, 0, AUTH_NONE},
        {"auto", PLAN_AUTO, 1, 1, 0, 0, AUTH_NONE},
        {"tcp, many", PLAN_TCP, 20, 2, 0, 0, AUTH_NONE},
        {"udp, many", PLAN_UDP, 20, 2, 0, 0, AUTH_NONE},
        {"small segments", PLAN_TCP, 4, 1, 7, 0, AUTH_NONE},
        {"sends cut anywhere", PLAN_TCP, 10, 1, 0, 300000, AUTH_NONE},
        {"udp sockets full", PLAN_UDP, 10, 1, 0, 300000, AUTH_NONE},
        {"basic", PLAN_TCP, 4, 1, 0, 0, AUTH_BASIC},
        {"digest", PLAN_UDP, 4, 1, 0, 0, AUTH_DIGEST},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t count = rows[i].publishers;
        world_init(&world, URL);
        world_publish(&world);
        world.plan.transport = rows[i].transport;
        world.plan.readers = count;
        world.plan.threads = rows[i].threads;
        world.interval_ns = NS_PER_S;
        world.net.segment_max = rows[i].segment_max;
        world.net.send_full_ppm = rows[i].send_full_ppm;
        world.log_sessions = true;
        world_log_in(&world, rows[i].auth);
        world_run(&world);
        const struct stats *stats = world_result(&world);
        if (stats->sessions.completed != count || stats->error_count > 0) {
            world_print(stats);
            fail_msg("%s", rows[i].name);
        }
        assert_int_equal(stats->sessions.got_media, count);
        assert_int_equal(world_truth(&world).publishers, count);
        assert_int_equal(world_truth(&world).teardowns, count);
        assert_int_equal(world_truth(&world).received.lost + stats->published.dropped, 0);
        assert_int_equal(stats->published.unconfirmed + stats->published.unacked_bytes, 0);
        for (unsigned metric = 0; metric < LATENCY_METRICS; metric++) {
            assert_int_equal(stats->metrics[metric].count, is_of_publishers(metric) ? count : 0);
            assert_int_equal(stats->never[metric], 0);
        }
        /* 5 s but for the start, 0.3 s at most, are five laps at most */
        assert_in_range(stats->published.packets, count * PACKETS_PER_S * 47 / 10,
                        count * PACKETS_PER_S * 5);
        assert_in_range(stats->published.bytes, count * (BYTES_PER_S * 46ull / 10),
                        count * (BYTES_PER_S * 5ull));
        assert_int_equal(stats_rtp(stats).packets, 0);
        check_truth(&world, stats);
        world_end(&world);
    }
}

/* Each has a path of its own, by its number; and one place is enough for the name. */
static void test_numbers(void **state)
{
    struct world world;
    struct truth_path paths[16];
    world_init(&world, URL "/cam{n}");
    world_publish(&world);
    world.plan.readers = 3;
    world.plan.share = 2;
    world.plan.shares = 4; /* numbers 2, 6, 10 of 12 */
    world.plan.readers = 12;
    world.log_sessions = true;
    world_run(&world);
    world_result(&world);
    assert_int_equal(server_truth(world.server, paths, 16), 3);
    assert_string_equal(paths[0].key, "/live/2/cam2");
    assert_string_equal(paths[1].key, "/live/6/cam6");
    assert_string_equal(paths[2].key, "/live/10/cam10");
    assert_non_null(strstr(world.log_text, "\"url\":\"rtsp://" WORLD_HOST ":554/live/10/cam10\""));
    world_end(&world);
}

/* 5 ms each way: a phase takes 10 ms a round, SETUP one for each of two tracks; the first packet is
   written as RECORD's reply is there, 5 round trips after the connect. */
static void test_latencies(void **state)
{
    static const struct {
        enum metric metric;
        uint64_t ms;
    } rows[] = {
        {METRIC_CONNECT, 10}, {METRIC_OPTIONS, 10}, {METRIC_ANNOUNCE, 10}, {METRIC_SETUP, 20},
        {METRIC_RECORD, 10},  {METRIC_STARTUP, 60}, {METRIC_TEARDOWN, 10},
    };
    struct world world;
    world_init(&world, URL);
    world_publish(&world);
    world.net.latency_ns = 5 * NS_PER_MS;
    world.plan.readers = 3;
    world.plan.duration_ns = 12 * NS_PER_S;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct histogram *seen = &stats->metrics[rows[i].metric];
        bool startup = rows[i].metric == METRIC_STARTUP; /* to the next tick of the wheel */
        assert_int_equal(seen->count, 3);
        assert_in_range(seen->min, 1000 * rows[i].ms, 1000 * rows[i].ms + startup * 1000);
        assert_in_range(seen->max, 1000 * rows[i].ms, 1000 * rows[i].ms + startup * 1000);
    }
    /* never more than a tick late; reports both ways, each 5 s or so, of two tracks */
    assert_in_range(stats->metrics[METRIC_PUBLISH_LATE].max, 0, 1000);
    assert_in_range(stats->rtcp.sr_sent, 3 * 2 * 2, 3 * 2 * 4);
    assert_in_range(stats->rtcp.rr_received, 3 * 2, 3 * 2 * 3);
    /* 5 ms each way, in units of 1/65536 s, and the server answers when its time has come */
    assert_int_equal(stats->metrics[METRIC_ROUND_TRIP].count, stats->rtcp.rr_received);
    assert_in_range(stats->metrics[METRIC_ROUND_TRIP].min, 9900, 10000);
    assert_in_range(stats->metrics[METRIC_ROUND_TRIP].max, 10000, 10100);
    world_end(&world);
}

/* A packet each millisecond from RECORD's reply on: due at 10 ms, five rounds of 2 ms. Neither
   early nor late by more than a tick. */
static void test_pace(void **state)
{
    struct world world;
    for (unsigned udp = 0; udp < 2; udp++) {
        world_init(&world, URL);
        world.plan.publish = world.publish = media_new_pattern(1000, 200);
        world.plan.transport = udp ? PLAN_UDP : PLAN_TCP;
        world.plan.duration_ns = NS_PER_S;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        assert_in_range(stats->published.packets, 979, 981);
        assert_int_equal(stats->published.bytes, 200 * stats->published.packets);
        check_truth(&world, stats);
        world_end(&world);
    }
}

/* A server that doesn't read for a while: what waits too long is dropped, its sequence numbers are
   missing there, and all the rest arrives. 1,000 packets a second of 1,400 bytes fill what there is
   between them. */
static void test_backpressure(void **state)
{
    struct world world;
    world_init(&world, URL "?stall=3s/4s");
    world.plan.publish = world.publish = media_new_pattern(1000, 1400);
    world.plan.readers = 3;
    world.plan.duration_ns = 8500 * NS_PER_MS;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    struct truth_path truth = world_truth(&world);
    assert_int_equal(stats->sessions.completed, 3);
    assert_true(stats->published.dropped > 1000);
    assert_int_equal(stats->published.dropped_by[DROP_SELF], 0);
    assert_int_equal(truth.received.lost, stats->published.dropped);
    assert_in_range(stats->published.packets + stats->published.dropped, 3 * 8300, 3 * 8500);
    assert_int_equal(stats->streams[0].published.dropped, stats->published.dropped);
    check_truth(&world, stats);
    world_end(&world);
}

/* All that came due is written or dropped, also where the end comes as the server doesn't read:
   RECORD is answered at 20 ms (one track), and a packet is due then and each millisecond from there
   on. */
static void test_ends_inside_a_stall(void **state)
{
    static const uint64_t ends_ms[] = {6100, 7000, 7900};
    struct world world;
    for (size_t i = 0; i < sizeof(ends_ms) / sizeof(ends_ms[0]); i++) {
        world_init(&world, URL "?stall=3s/4s");
        world.plan.publish = world.publish = media_new_pattern(1000, 1400);
        world.plan.duration_ns = ends_ms[i] * NS_PER_MS;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        uint64_t due = ends_ms[i] - 20 + 1;
        assert_in_range(stats->published.packets + stats->published.dropped, due - 1, due + 1);
        world_end(&world);
    }
}

/* A connection that is nearly always full still carries reports and keepalives. */
static void test_saturated(void **state)
{
    struct world world;
    world_init(&world, URL "?stall=95ms/100ms");
    world.plan.publish = world.publish = media_new_pattern(1000, 1400);
    world.net.send_full_ppm = 900000;
    world.plan.duration_ns = 100 * NS_PER_S;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.completed, 1);
    assert_true(stats->published.dropped > 10000);
    /* each 4.5 to 5.5 s, and each 30 s; a little later where there is no room */
    assert_in_range(stats->rtcp.sr_sent, 100 * 10 / 60, 100 * 10 / 45 + 1);
    assert_in_range(stats->metrics[METRIC_KEEPALIVE].count + stats->never[METRIC_KEEPALIVE], 3, 3);
    check_truth(&world, stats);
    world_end(&world);
}

/* What was lost in the warm-up is not held against what came after. */
static void test_warmup(void **state)
{
    struct world world;
    world_init(&world, URL);
    world_publish(&world);
    world.plan.transport = PLAN_UDP;
    world.plan.readers = 5;
    world.plan.duration_ns = 25 * NS_PER_S;
    world.plan.warmup_ns = 9 * NS_PER_S;
    world.net.drop_ppm = 50000;
    world_begin(&world);
    while (world_turn(&world)) {
        if (sim_now(world.sim) > world.start_ns + 8 * NS_PER_S)
            sim_set_faults(world.sim, &(struct sim_faults){.latency_ns = NS_PER_MS});
    }
    const struct stats *stats = world_result(&world);
    assert_true(world_truth(&world).received.lost > 100);
    assert_true(stats->rtcp.rr_received >= 5 * 2 * 2);
    assert_int_equal(stats->published.reported_lost, 0);
    assert_in_range(stats->published.packets, 5 * 16 * PACKETS_PER_S - 50,
                    5 * 16 * PACKETS_PER_S + 50);
    world_end(&world);
}

/* A server that never reads again: the session ends when what was sent in part has waited as long
   as a phase may take. */
static void test_write_timeout(void **state)
{
    struct world world;
    world_init(&world, URL "?stall=3599s/1h");
    world.plan.publish = world.publish = media_new_pattern(1000, 1400);
    world.plan.timeout_ns = 4 * NS_PER_S;
    world.plan.duration_ns = 20 * NS_PER_S;
    world.log_sessions = true;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.dropped, 1);
    assert_int_equal(world_errors(stats, PHASE_MEDIA, REASON_WRITE_TIMEOUT, 0), 1);
    /* since RECORD's reply at 20 ms a packet came due each millisecond, until it ended */
    const char *ended = strstr(world.log_text, "\"ended_s\":");
    double ended_s;
    assert_non_null(ended);
    assert_int_equal(sscanf(ended, "\"ended_s\":%lf", &ended_s), 1);
    uint64_t due = (uint64_t)(ended_s * 1000) - 20 + 1;
    assert_true(stats->published.dropped > 4000);
    assert_in_range(stats->published.packets + stats->published.dropped, due - 1, due + 1);
    world_end(&world);
}

/* What the network loses the server reports; its last report may come before the last loss. */
static void test_reported_loss(void **state)
{
    struct world world;
    world_init(&world, URL);
    world_publish(&world);
    world.plan.transport = PLAN_UDP;
    world.plan.readers = 5;
    world.plan.duration_ns = 30 * NS_PER_S;
    world.net.drop_ppm = 20000;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    struct truth_path truth = world_truth(&world);
    uint64_t sent = 5 * 30 * PACKETS_PER_S;
    assert_int_equal(stats->sessions.completed, 5);
    assert_int_equal(stats->published.dropped, 0);
    assert_in_range(truth.received.lost, sent * 15 / 1000, sent * 25 / 1000);
    /* the reports are 5 s apart, and one may be lost itself */
    assert_in_range(stats->published.reported_lost, truth.received.lost / 2, truth.received.lost);
    assert_int_equal(stats->streams[0].published.reported_lost, stats->published.reported_lost);
    world_end(&world);
}

/* Three publishers of which the server may not have read all, or surely has. RECORD is answered
   within 0.1 s; keepalives go out each session_timeout / 2 from there on. */
static void test_unconfirmed(void **state)
{
    static const struct {
        const char *url;
        uint64_t duration_ms, report_ns;
        bool udp;
        uint64_t unconfirmed;
    } rows[] = {
        {URL "?mute=teardown", 5000, 0, false, 3},
        {URL "?mute=teardown", 5000, 0, true, 0},
        {URL "?close_after=2s", 5000, 0, false, 0},
        /* one went unanswered until the next */
        {URL "?mute=get_parameter&session_timeout=2s", 5000, 0, false, 3},
        {URL "?mute=get_parameter&session_timeout=2s", 5000, 0, true, 0},
        /* one had waited for 1.9 s at the end, or for 2.9 s */
        {URL "?mute=get_parameter&session_timeout=6s", 5000, 0, false, 0},
        {URL "?mute=get_parameter&session_timeout=6s", 6000, 0, false, 3},
        /* no report ever came, or one alone, 11 s before the end */
        {URL, 40000, 3600 * NS_PER_S, false, 0},
        {URL, 59000, 48 * NS_PER_S, false, 0},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, rows[i].url);
        world_publish(&world);
        world.plan.transport = rows[i].udp ? PLAN_UDP : PLAN_TCP;
        world.plan.readers = 3;
        world.plan.duration_ns = rows[i].duration_ms * NS_PER_MS;
        world.server_config.report_ns = rows[i].report_ns;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        if (stats->published.unconfirmed != rows[i].unconfirmed) {
            world_print(stats);
            fail_msg("%s after %u ms: %u", rows[i].url, (unsigned)rows[i].duration_ms,
                     (unsigned)stats->published.unconfirmed);
        }
        assert_int_equal(stats->metrics[METRIC_RECORD].count, 3);
        assert_int_equal(stats->streams[0].published.unconfirmed, rows[i].unconfirmed);
        assert_int_equal(stats->published.unacked_bytes, 0);
        world_end(&world);
    }
}

/* A server that closes the connection instead of answering TEARDOWN has read it; one that resets it
   need not have. */
static void test_ends_unanswered(void **state)
{
    static const struct {
        struct session_event event;
        uint64_t unconfirmed;
    } rows[] = {{{.type = EVENT_EOF}, 0}, {{.type = EVENT_BROKEN, .error = -ECONNRESET}, 3}};
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, URL "?mute=teardown");
        world_publish(&world);
        world.plan.readers = 3;
        world_begin(&world);
        while (world_turn(&world)) {
            struct client *client = &world.shards[0].client;
            for (uint32_t k = 0; k < client->sessions.touched; k++) {
                struct session *session = client_session(client, k);
                if (session->state == SESSION_TEARDOWN)
                    session_step(client, session, &rows[i].event);
            }
        }
        const struct stats *stats = world_result(&world);
        assert_int_equal(stats->sessions.completed, 3);
        assert_int_equal(stats->metrics[METRIC_TEARDOWN].count, 3 - rows[i].unconfirmed);
        assert_int_equal(stats->published.unconfirmed, rows[i].unconfirmed);
        world_end(&world);
    }
}

/* The server's kernel takes all that is sent, but the server reads no more after a second. */
static void test_frozen(void **state)
{
    struct world world;
    world_init(&world, URL "?stall=3599s/1h");
    world_publish(&world);
    world.plan.readers = 3;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.completed, 3);
    assert_int_equal(stats->published.dropped, 0);
    assert_int_equal(stats->published.unconfirmed, 3);
    /* what was sent from the first second on: packets of 4 s, less the start, a frame's 4 bytes
       around each, and words */
    assert_in_range(stats->published.unacked_bytes, 3 * (BYTES_PER_S + 4 * PACKETS_PER_S) * 38 / 10,
                    3 * (BYTES_PER_S + 4 * PACKETS_PER_S) * 4 + 3 * 1000);
    assert_int_equal(stats->streams[0].published.unacked_bytes, stats->published.unacked_bytes);
    world_end(&world);
}

/* The server reports on one track of each publisher. */
static void report_on(struct world *world, unsigned track)
{
    struct client *client = &world->shards[0].client;
    for (uint32_t i = 0; i < client->sessions.touched; i++) {
        struct session *session = client_session(client, i);
        if (session->state != SESSION_PLAYING)
            continue;
        const struct publisher *publisher = pool_at(&client->publishers, session->publisher - 1);
        struct rtcp_block block = {.ssrc = publisher->tracks[track].ssrc};
        char room[64];
        struct text text = text_init(room, sizeof(room));
        struct rtcp report;
        rtcp_write_rr(&text, 1, &block, 1);
        struct slice bytes = text_slice(&text);
        assert_int_equal(rtcp_next(&bytes, &report), RTCP_OK);
        publisher_on_report(client, session, &report, client->now_ns);
    }
}

/* Reports on a track from 5 s on, so many, and so far apart; the server answers all else. Three
   times as long without one are held against it. */
static void test_reports_stop(void **state)
{
    struct reports {
        unsigned count, apart_ms;
    };
    static const struct {
        const char *url;
        struct reports track[2];
        uint64_t end_ms, unconfirmed, dropped;
    } rows[] = {
        {URL, {{5, 5000}, {0, 0}}, 39000, 0, 0}, /* the last one came at 25 s */
        {URL, {{5, 5000}, {0, 0}}, 41000, 3, 0},
        {URL, {{5, 5000}, {5, 5000}}, 39000, 0, 0},
        {URL, {{5, 5000}, {5, 5000}}, 41000, 3, 0},
        {URL, {{5, 5000}, {20, 5000}}, 41000, 0, 0}, /* on the other track they go on */
        {URL, {{1, 0}, {5, 5000}}, 41000, 3, 0},
        {URL, {{1, 0}, {1, 0}}, 41000, 0, 0},    /* how often they come is not known */
        {URL, {{2, 2000}, {0, 0}}, 12000, 0, 0}, /* the last one came at 7 s */
        {URL, {{2, 2000}, {0, 0}}, 14000, 3, 0},
        {URL, {{9, 100}, {0, 0}}, 41000, 0, 0}, /* all within a second are one */
        {URL "?close_after=39s", {{5, 5000}, {0, 0}}, 60000, 0, 3},
        {URL "?close_after=41s", {{5, 5000}, {0, 0}}, 60000, 3, 3},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned sent[2] = {0, 0};
        world_init(&world, rows[i].url);
        world_publish(&world);
        world.plan.readers = 3;
        world.plan.duration_ns = rows[i].end_ms * NS_PER_MS;
        world.server_config.report_ns = 3600 * NS_PER_S;
        world_begin(&world);
        while (world_turn(&world)) {
            uint64_t ms = (sim_now(world.sim) - world.start_ns) / NS_PER_MS;
            for (unsigned k = 0; k < 2; k++) {
                const struct reports *reports = &rows[i].track[k];
                if (sent[k] < reports->count && ms >= 5000 + sent[k] * reports->apart_ms) {
                    report_on(&world, k);
                    sent[k]++;
                }
            }
        }
        const struct stats *stats = world_result(&world);
        assert_int_equal(stats->sessions.dropped, rows[i].dropped);
        assert_int_equal(stats->metrics[METRIC_TEARDOWN].count, 3 - rows[i].dropped);
        if (stats->published.unconfirmed != rows[i].unconfirmed)
            fail_msg("row %zu: %u", i, (unsigned)stats->published.unconfirmed);
        world_end(&world);
    }
}

static void test_failures(void **state)
{
    static const struct {
        const char *url;
        enum plan_transport transport;
        bool dropped;
        enum phase phase;
        enum reason reason;
        uint32_t status;
        enum metric never; /* first of those */
    } rows[] = {
        {URL "?status=403", PLAN_TCP, false, PHASE_ANNOUNCE, REASON_STATUS, 403, METRIC_ANNOUNCE},
        {URL "?mute=announce", PLAN_TCP, false, PHASE_ANNOUNCE, REASON_TIMEOUT, 0, METRIC_ANNOUNCE},
        {URL "?mute=setup", PLAN_UDP, false, PHASE_SETUP, REASON_TIMEOUT, 0, METRIC_SETUP},
        {URL "?mute=record", PLAN_UDP, false, PHASE_RECORD, REASON_TIMEOUT, 0, METRIC_RECORD},
        {URL "?close_after=2s", PLAN_TCP, true, PHASE_MEDIA, REASON_EOF, 0, LATENCY_METRICS},
        {URL "?reset_after=2s", PLAN_UDP, true, PHASE_MEDIA, REASON_RESET, 0, LATENCY_METRICS},
    };
    struct world world;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_init(&world, rows[i].url);
        world_publish(&world);
        world.plan.transport = rows[i].transport;
        world.plan.timeout_ns = NS_PER_S;
        world.log_sessions = true;
        world_run(&world);
        const struct stats *stats = world_result(&world);
        if (world_errors(stats, rows[i].phase, rows[i].reason, rows[i].status) != 1) {
            world_print(stats);
            fail_msg("%s", rows[i].url);
        }
        assert_int_equal(stats->sessions.dropped, rows[i].dropped);
        assert_int_equal(stats->sessions.failed, !rows[i].dropped);
        for (unsigned metric = 0; metric < METRIC_KEEPALIVE; metric++)
            assert_int_equal(stats->never[metric],
                             is_of_publishers(metric) && metric >= rows[i].never);
        assert_non_null(strstr(stats->errors[0].sample, "/live/1?"));
        world_end(&world);
    }
}

/* Lives of 700 ms, each followed by another of the same publisher, under its old name. */
static void test_lives(void **state)
{
    struct world world;
    struct truth_path paths[16];
    world_init(&world, URL);
    world_publish(&world);
    world.plan.readers = 4;
    world.plan.life = (struct distribution){.kind = DISTRIBUTION_FIXED, .a_ns = 700 * NS_PER_MS};
    world_run(&world);
    const struct stats *stats = world_result(&world);
    assert_int_equal(server_truth(world.server, paths, 16), 4);
    assert_in_range(stats->sessions.started, 4 * 6, 4 * 8);
    assert_int_equal(stats->sessions.completed + stats->sessions.cut_off, stats->sessions.started);
    assert_int_equal(world_truth(&world).received.lost, 0);
    check_truth(&world, stats);
    world_end(&world);
}

/* How publishers are shared out to threads must not show in what was counted. */
static void test_split(void **state)
{
    struct world world;
    uint64_t whole = 0;
    for (uint32_t threads = 1; threads <= 3; threads++) {
        world_init(&world, URL "?stall=300ms/1s");
        world_publish(&world);
        world.plan.readers = 9;
        world.plan.rate_per_s = 13;
        world.plan.arrival = ARRIVAL_POISSON;
        world.plan.threads = threads;
        world.interval_ns = 1100 * NS_PER_MS;
        world_run(&world);
        uint64_t digest = world_digest(world_result(&world), false);
        whole = threads == 1 ? digest : whole;
        assert_int_equal(digest, whole);
        world_end(&world);
    }
}

/* The end of the run at every other millisecond of a publisher's beginning: it ends once, whatever
   it was about, and the server is left without it. */
static void test_stop(void **state)
{
    uint32_t states[SESSION_STATES] = {0};
    struct world world;
    for (uint64_t ms = 1; ms < 200; ms += 2) {
        world_init(&world, URL);
        world_publish(&world);
        world.plan.transport = ms % 4 == 1 ? PLAN_TCP : PLAN_UDP;
        world.net.latency_ns = 10 * NS_PER_MS;
        world.stop_at_ns = ms * NS_PER_MS;
        world_run_to_stop(&world, states);
        const struct stats *stats = world_result(&world);
        assert_int_equal(stats->sessions.completed + stats->sessions.cut_off,
                         stats->sessions.started);
        check_truth(&world, stats);
        world_end(&world);
    }
    static const enum session_state seen[] = {SESSION_CONNECTING, SESSION_OPTIONS, SESSION_ANNOUNCE,
                                              SESSION_SETUP,      SESSION_RECORD,  SESSION_PLAYING};
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        assert_true(states[seen[i]] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_latencies),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_backpressure),
        cmocka_unit_test(test_write_timeout),
        cmocka_unit_test(test_reported_loss),
        cmocka_unit_test(test_unconfirmed),
        cmocka_unit_test(test_ends_unanswered),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_reports_stop),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_ends_inside_a_stall),
        cmocka_unit_test(test_saturated),
        cmocka_unit_test(test_warmup),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
