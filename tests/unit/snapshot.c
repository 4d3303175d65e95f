#include "test.h"

#include "base/clock.h"
#include "stats/snapshot.h"

static void test_verdict(void **state)
{
    enum { LAG = 1 << LIMIT_LOOP_LAG, FILES = 1 << LIMIT_FILES };
    static const struct {
        uint64_t started, established, failed, packets;
        uint32_t limits;
        uint32_t slo_count;
        bool slo_ok;
        enum verdict verdict;
        int exit_status;
    } rows[] = {
        {0, 0, 0, 0, 0, 0, true, VERDICT_FAIL, 1},
        {9, 0, 9, 0, 0, 0, true, VERDICT_FAIL, 1},
        /* nothing is up, and this machine was late: that says nothing about the server, ... */
        {9, 0, 9, 0, LAG, 1, false, VERDICT_INVALID, 3},
        /* ... but without objectives it is told as it is */
        {9, 0, 9, 0, LAG, 0, true, VERDICT_FAIL, 1},
        /* out of files before the first session was up: whether or not anything was asked */
        {9, 0, 9, 0, FILES, 0, true, VERDICT_INVALID, 3},
        {9, 0, 9, 0, FILES, 1, false, VERDICT_INVALID, 3},
        {9, 9, 0, 9, FILES, 0, true, VERDICT_PASS, 0},
        {9, 9, 0, 9, 0, 0, true, VERDICT_PASS, 0},
        {9, 1, 8, 9, 0, 0, true, VERDICT_PASS, 0},
        {9, 9, 0, 9, LAG, 0, true, VERDICT_PASS, 0},
        {9, 9, 0, 9, LAG, 1, true, VERDICT_INVALID, 3},
        {9, 9, 0, 9, LAG, 1, false, VERDICT_INVALID, 3},
        {9, 9, 0, 9, 0, 1, false, VERDICT_FAIL, 99},
        {9, 9, 0, 9, 0, 1, true, VERDICT_PASS, 0},
        /* not one packet: objectives that are kept don't make that a pass */
        {9, 9, 0, 0, 0, 1, true, VERDICT_FAIL, 99},
        {9, 9, 0, 0, 0, 0, true, VERDICT_PASS, 0},
    };
    struct stats *stats = stats_new(0);
    const struct run_info info = {.reads = true};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slo_result slo = {
            .expression = "failed_ratio<1%", .measured = true, .ok = rows[i].slo_ok};
        struct snapshot snapshot = {.info = &info,
                                    .total = stats,
                                    .generator = {.limits = rows[i].limits},
                                    .slos = &slo,
                                    .slo_count = rows[i].slo_count};
        int exit_status = -1;
        stats->sessions.started = rows[i].started;
        stats->sessions.established = rows[i].established;
        stats->sessions.failed = rows[i].failed;
        stats->rtp[MEDIA_VIDEO].packets = rows[i].packets;
        assert_int_equal(snapshot_verdict(&snapshot, &exit_status), rows[i].verdict);
        assert_int_equal(exit_status, rows[i].exit_status);
        assert_int_equal(snapshot_verdict(&snapshot, NULL), rows[i].verdict);
    }
    stats_free(stats);
    assert_string_equal(verdict_name(VERDICT_PASS), "pass");
    assert_string_equal(verdict_name(VERDICT_FAIL), "fail");
    assert_string_equal(verdict_name(VERDICT_INVALID), "invalid");
}

/* A signal makes a run invalid that objectives were set for, where it came before the load that
   they are about: whatever they say by then, and though nothing was established yet. The last rows
   are a plan of 30 days by the hours of the day, ended on day 20: a tenth of it, 3 days, is enough.
 */
static void test_interrupted(void **state)
{
    enum { DAY_S = 86400, NONE = 0, TERM = 15, INT = 2 };
    static const struct {
        int signal;
        uint64_t at_s, of_s, judge_from_s;
        uint32_t slo_count;
        bool slo_ok;
        uint64_t established;
        uint32_t limits;
        enum verdict verdict;
        int exit_status;
    } rows[] = {
        {NONE, 0, 0, 10, 1, true, 9, 0, VERDICT_PASS, 0},
        {TERM, 2, 20, 10, 1, true, 9, 0, VERDICT_INVALID, 3},
        {INT, 2, 20, 10, 1, true, 9, 0, VERDICT_INVALID, 3},
        {TERM, 2, 20, 10, 1, false, 9, 0, VERDICT_INVALID, 3},
        {TERM, 2, 20, 10, 1, false, 0, 0, VERDICT_INVALID, 3},
        {TERM, 0, 20, 10, 1, true, 9, 1, VERDICT_INVALID, 3},
        {TERM, 10, 20, 10, 1, true, 9, 0, VERDICT_PASS, 0},
        {TERM, 15, 20, 10, 1, false, 9, 0, VERDICT_FAIL, 99},
        {TERM, 15, 20, 10, 1, true, 0, 0, VERDICT_FAIL, 1},
        {TERM, 15, 20, 10, 1, true, 9, 1, VERDICT_INVALID, 3},
        {TERM, 2, 20, 10, 0, true, 9, 0, VERDICT_PASS, 0},
        {TERM, 2, 20, 10, 0, true, 0, 0, VERDICT_FAIL, 1},
        {TERM, 20 * DAY_S, 30 * DAY_S, 3 * DAY_S, 1, true, 9, 0, VERDICT_PASS, 0},
        {TERM, 20 * DAY_S, 30 * DAY_S, 3 * DAY_S, 1, false, 9, 0, VERDICT_FAIL, 99},
    };
    struct stats *stats = stats_new(0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slo_result slo = {
            .expression = "failed_ratio<1%", .measured = true, .ok = rows[i].slo_ok};
        struct run_info info = {.judge_from_ns = rows[i].judge_from_s * NS_PER_S};
        struct snapshot snapshot = {
            .info = &info,
            .total = stats,
            .generator = {.limits = rows[i].limits},
            .interrupted = {rows[i].signal, rows[i].at_s * NS_PER_S, rows[i].of_s * NS_PER_S},
            .slos = &slo,
            .slo_count = rows[i].slo_count};
        int exit_status = -1;
        stats->sessions.started = 9;
        stats->rtp[MEDIA_VIDEO].packets = rows[i].established;
        stats->sessions.established = rows[i].established;
        enum verdict verdict = snapshot_verdict(&snapshot, &exit_status);
        if (verdict != rows[i].verdict || exit_status != rows[i].exit_status)
            fail_msg("row %zu: %s, %d", i, verdict_name(verdict), exit_status);
    }
    stats_free(stats);
}

static void test_limit_names(void **state)
{
    static const char *const names[] = {
        "cpu",          "loop_lag", "schedule_lag", "udp_socket_drops",
        "recv_backlog", "files",    "ports",        "memory"};
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++)
        assert_string_equal(generator_limit_name(i), names[i]);
}

static void test_errors_sorted(void **state)
{
    static const struct {
        enum phase phase;
        enum reason reason;
        unsigned status;
        int times;
        uint32_t place;
    } rows[] = {
        {PHASE_PLAY, REASON_EOF, 0, 1, 4},       {PHASE_SETUP, REASON_STATUS, 461, 7, 1},
        {PHASE_SETUP, REASON_STATUS, 404, 7, 0}, {PHASE_CONNECT, REASON_REFUSED, 0, 2, 2},
        {PHASE_PLAY, REASON_RESET, 0, 1, 3},
    };
    struct stats *stats = stats_new(0);
    struct snapshot snapshot = {.total = stats};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int n = 0; n < rows[i].times; n++)
            stats_error(stats, rows[i].phase, rows[i].reason, rows[i].status, "");
    }
    const struct error_entry *sorted[ERRORS_MAX];
    assert_int_equal(snapshot_errors(&snapshot, sorted), 5);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(sorted[rows[i].place]->phase, rows[i].phase);
        assert_int_equal(sorted[rows[i].place]->reason, rows[i].reason);
        assert_int_equal(sorted[rows[i].place]->status, rows[i].status);
    }
    stats_free(stats);
}

/* 3,000 packets in the first second and 9,000 in the second of at most 10,000; 40 starts of 100; 50
   sessions of 1,000. A row of a tenth of a second says nothing of a rate. */
static void test_ceiling(void **state)
{
    struct timeline_row rows[] = {
        {.t_ns = 1000000000, .packets = 3000, .started = 40},
        {.t_ns = 2000000000, .packets = 12000, .started = 50},
        {.t_ns = 2100000000, .packets = 22000, .started = 50},
    };
    struct run_info info = {
        .ceiling = {.packets_per_s = 10000, .starts_per_s = 100, .sessions = 1000}};
    struct stats *total = stats_new(1);
    struct snapshot snapshot = {
        .info = &info, .total = total, .timeline = rows, .timeline_count = 3};
    total->active_peak = 50;
    assert_true(snapshot_ceiling_used(&snapshot) == 0.9);
    rows[1].published = 500; /* a packet that is sent is a packet */
    assert_true(snapshot_ceiling_used(&snapshot) == 0.95);
    info.ceiling.starts_per_s = 40;
    assert_true(snapshot_ceiling_used(&snapshot) == 1);
    total->active_peak = 2000;
    assert_true(snapshot_ceiling_used(&snapshot) == 2);
    info.ceiling = (struct ceiling){0};
    assert_true(snapshot_ceiling_used(&snapshot) == 0);
    stats_free(total);
}

/* As planned, whatever came of it; else whoever got PLAY answered reads, even where no packet came,
   and all others publish. */
static void test_who_is_there(void **state)
{
    static const struct {
        uint64_t received, plays, published, dropped;
        bool reads, publishes;
        struct run_info info;
    } rows[] = {
        {0, 0, 0, 0, true, false, {0}},
        {9, 0, 0, 0, true, false, {0}},
        {0, 0, 5, 0, false, true, {0}},
        {0, 0, 0, 5, false, true, {0}},
        {0, 1, 5, 0, true, true, {0}},
        {9, 0, 5, 0, true, true, {0}},
        {0, 0, 0, 0, false, true, {.publishes = true}},
        {0, 0, 0, 0, true, false, {.reads = true}},
        {0, 0, 5, 0, true, true, {.reads = true, .publishes = true}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stats *total = stats_new(0);
        struct snapshot snapshot = {.info = &rows[i].info, .total = total};
        total->rtp[MEDIA_AUDIO].packets = rows[i].received;
        total->published.packets = rows[i].published;
        total->published.dropped = rows[i].dropped;
        histogram_record_many(&total->metrics[METRIC_PLAY], 1, rows[i].plays);
        assert_int_equal(snapshot_reads(&snapshot), rows[i].reads);
        assert_int_equal(snapshot_publishes(&snapshot), rows[i].publishes);
        stats_free(total);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdict),       cmocka_unit_test(test_limit_names),
        cmocka_unit_test(test_ceiling),       cmocka_unit_test(test_who_is_there),
        cmocka_unit_test(test_errors_sorted), cmocka_unit_test(test_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
