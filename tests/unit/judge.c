#include "test.h"

#include "base/clock.h"
#include "stats/judge.h"

#define LOOP_LAG (1u << LIMIT_LOOP_LAG)
#define SCHEDULE_LAG (1u << LIMIT_SCHEDULE_LAG)
#define DROPS (1u << LIMIT_UDP_SOCKET_DROPS)
#define BACKLOG (1u << LIMIT_RECV_BACKLOG)
#define CPU (1u << LIMIT_CPU)

static struct judge judge;
static struct stats *tick, *total;
static struct generator said;
static uint64_t now_s;

static int begin(void **state)
{
    assert_true(judge_init(&judge));
    tick = stats_new(0);
    total = stats_new(0);
    said = (struct generator){0};
    now_s = 0;
    return tick && total ? 0 : -1;
}

static int end(void **state)
{
    judge_dispose(&judge);
    stats_free(tick);
    stats_free(total);
    return 0;
}

/* A new run within a test. */
static void begin_anew(void **state)
{
    end(state);
    begin(state);
}

static void lag(enum metric metric, uint64_t count, uint64_t us)
{
    histogram_record_many(&tick->metrics[metric], us, count);
}

/* What was put into tick came in so many seconds. */
static uint32_t after(uint64_t seconds)
{
    now_s += seconds;
    stats_add(total, tick);
    judge_tick(&judge, tick, seconds * NS_PER_S, now_s * NS_PER_S);
    judge_say(&judge, total, now_s * NS_PER_S, &said);
    stats_clear(tick);
    return said.limits;
}

static void assert_said(enum generator_limit limit, const char *what, double value, double bound)
{
    assert_true(said.limits & 1u << limit);
    assert_true(said.limit_values[limit].measured);
    assert_string_equal(said.limit_values[limit].what, what);
    assert_float_equal(said.limit_values[limit].value, value, value * 0.01);
    assert_true(said.limit_values[limit].bound == bound);
}

/* Of one tick of 1 s. */
static void test_whole_run(void **state)
{
    static const struct {
        enum metric metric;
        uint64_t prompt, late, late_us;
        uint32_t limits;
    } rows[] = {
        {METRIC_LOOP_LAG, 0, 0, 0, 0},
        {METRIC_LOOP_LAG, 0, 50, 10000, 0},
        {METRIC_LOOP_LAG, 0, 50, 11000, LOOP_LAG},
        {METRIC_LOOP_LAG, 6, 1, 90000, 0}, /* one late turn of a few */
        {METRIC_LOOP_LAG, 6, 1, 110000, LOOP_LAG},
        {METRIC_LOOP_LAG, 6, 2, 11000, LOOP_LAG},
        {METRIC_LOOP_LAG, 0, 1, 90000, 0},
        {METRIC_LOOP_LAG, 9900, 100, 40000, 0}, /* 1 % is not over it */
        {METRIC_LOOP_LAG, 9900, 101, 40000, LOOP_LAG},
        {METRIC_LOOP_LAG, 9999, 1, 500000, 0}, /* one lag */
        {METRIC_LOOP_LAG, 9999, 1, 500001, LOOP_LAG},
        {METRIC_SCHEDULE_LAG, 0, 50, 100000, 0},
        {METRIC_SCHEDULE_LAG, 0, 50, 102000, SCHEDULE_LAG},
        {METRIC_SCHEDULE_LAG, 9900, 100, 900000, 0},
        {METRIC_SCHEDULE_LAG, 9900, 101, 900000, SCHEDULE_LAG},
    };
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        begin_anew(state);
        lag(rows[row].metric, rows[row].prompt, 50);
        lag(rows[row].metric, rows[row].late, rows[row].late_us);
        assert_int_equal(after(1), rows[row].limits);
    }
}

/* Windows of 5 s, of which the first ones are late, among others that are prompt and so busy that
   the whole run's p99 is, too. */
static void test_windows(void **state)
{
    static const struct {
        unsigned windows, late;
        uint64_t samples, late_samples; /* of a late window */
        uint32_t limits;
    } rows[] = {
        {20, 1, 100, 2, 0},                              /* 5 s of 100 s: not over 5 % */
        {19, 1, 100, 2, LOOP_LAG},   {19, 1, 99, 99, 0}, /* too few to say */
        {19, 1, 100, 1, 0},                              /* 1 % of them */
        {19, 1, 101, 2, LOOP_LAG},   {40, 2, 100, 100, 0},
        {40, 3, 100, 100, LOOP_LAG}, {39, 2, 100, 100, LOOP_LAG},
    };
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        begin_anew(state);
        for (unsigned i = 0; i < rows[row].windows; i++) {
            bool late = i < rows[row].late;
            for (unsigned second = 0; second < 4; second++)
                after(1);
            lag(METRIC_LOOP_LAG, late ? rows[row].samples - rows[row].late_samples : 5000, 50);
            lag(METRIC_LOOP_LAG, late ? rows[row].late_samples : 0, 30000);
            after(1);
        }
        assert_int_equal(said.limits, rows[row].limits);
        if (said.limits) {
            assert_said(LIMIT_LOOP_LAG, "5 s p99", 30, 10);
            assert_int_equal(said.limit_values[LIMIT_LOOP_LAG].at_ns, 5 * NS_PER_S);
        }
    }
}

/* What fired at first is forgotten when there was enough since; one long lag never is. */
static void test_anew(void **state)
{
    lag(METRIC_LOOP_LAG, 98, 50);
    lag(METRIC_LOOP_LAG, 2, 20000);
    assert_int_equal(after(1), LOOP_LAG);
    assert_said(LIMIT_LOOP_LAG, "p99", 20, 10);
    assert_int_equal(said.limit_values[LIMIT_LOOP_LAG].at_ns, NS_PER_S);
    lag(METRIC_LOOP_LAG, 100, 50);
    assert_int_equal(after(1), 0);
    assert_false(said.limit_values[LIMIT_LOOP_LAG].measured);
    lag(METRIC_LOOP_LAG, 9999, 50);
    lag(METRIC_LOOP_LAG, 1, 780000);
    assert_int_equal(after(1), LOOP_LAG);
    lag(METRIC_LOOP_LAG, 1000000, 50);
    assert_int_equal(after(3600), LOOP_LAG);
    assert_said(LIMIT_LOOP_LAG, "once", 780, 500);
    assert_int_equal(said.limit_values[LIMIT_LOOP_LAG].at_ns, 3 * NS_PER_S);
}

/* Of counts, when the first was seen. */
static void test_counts(void **state)
{
    assert_int_equal(after(1), 0);
    tick->udp_socket_drops = 3;
    assert_int_equal(after(1), DROPS);
    tick->udp_socket_drops = 4;
    tick->recv_backlog_gaps = 1;
    judge_found(&judge, LIMIT_FILES);
    assert_int_equal(after(1), DROPS | BACKLOG | 1u << LIMIT_FILES);
    assert_int_equal(after(1), DROPS | BACKLOG | 1u << LIMIT_FILES);
    assert_said(LIMIT_UDP_SOCKET_DROPS, "", 7, 0);
    assert_said(LIMIT_RECV_BACKLOG, "", 1, 0);
    assert_int_equal(said.limit_values[LIMIT_UDP_SOCKET_DROPS].at_ns, 2 * NS_PER_S);
    assert_int_equal(said.limit_values[LIMIT_RECV_BACKLOG].at_ns, 3 * NS_PER_S);
    assert_int_equal(said.limit_values[LIMIT_FILES].at_ns, 3 * NS_PER_S);
    assert_false(said.limit_values[LIMIT_FILES].measured);
}

static void make_late(uint32_t limit)
{
    if (limit == LOOP_LAG)
        lag(METRIC_LOOP_LAG, 10, 11000);
    if (limit == SCHEDULE_LAG)
        lag(METRIC_SCHEDULE_LAG, 10, 110000);
    tick->udp_socket_drops = limit == DROPS;
    tick->recv_backlog_gaps = limit == BACKLOG;
    if (limit == 1u << LIMIT_FILES)
        judge_found(&judge, LIMIT_FILES);
}

/* A busy processor explains a limit of lag, drops or backlog, and is none without. */
static void test_cpu(void **state)
{
    static const struct {
        uint64_t busy_ms;
        uint32_t other;
        bool limit, warning;
    } rows[] = {
        {4900, LOOP_LAG, false, false},         {4960, LOOP_LAG, true, false},
        {5000, SCHEDULE_LAG, true, false},      {5000, DROPS, true, false},
        {5000, BACKLOG, true, false},           {5000, 0, false, true},
        {5000, 1u << LIMIT_FILES, false, true}, {4900, 0, false, false},
    };
    const char *const texts[] = {"a thread of ours is 97 % busy",
                                 "core 12 is 96 % busy, 25 % of it others'"};
    for (size_t row = 0; row < 2 * sizeof(rows) / sizeof(rows[0]); row++) {
        uint64_t busy_ns = rows[row / 2].busy_ms * NS_PER_MS;
        begin_anew(state);
        if (row % 2)
            judge_core(&judge, &(struct busy_core){busy_ns, 12, 0.96, 0.25}, 7 * NS_PER_S);
        else
            judge_thread(&judge, busy_ns, 0.97, 7 * NS_PER_S);
        make_late(rows[row / 2].other);
        assert_int_equal(after(8), rows[row / 2].other | (rows[row / 2].limit ? CPU : 0));
        assert_int_equal(said.warning_count, rows[row / 2].warning);
        if (rows[row / 2].warning)
            assert_string_equal(said.warnings[0], texts[row % 2]);
        if (rows[row / 2].limit)
            assert_said(LIMIT_CPU, row % 2 ? "core 12" : "thread", row % 2 ? 0.96 : 0.97, 0.9);
    }
    begin_anew(state);
    judge_thread(&judge, 6 * NS_PER_S, 0.93, 6 * NS_PER_S);
    judge_core(&judge, &(struct busy_core){6 * NS_PER_S, 1, 1, 0.25}, 6 * NS_PER_S);
    assert_int_equal(after(7), 0);
    assert_int_equal(said.warning_count, 2);
    tick->udp_socket_drops = 1;
    assert_int_equal(after(1), CPU | DROPS); /* later than it was busy, but in the same run */
    assert_int_equal(said.warning_count, 0);
    assert_said(LIMIT_CPU, "core 1", 1, 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole_run, begin, end),
        cmocka_unit_test_setup_teardown(test_windows, begin, end),
        cmocka_unit_test_setup_teardown(test_anew, begin, end),
        cmocka_unit_test_setup_teardown(test_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_cpu, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
