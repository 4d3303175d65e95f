#include "test.h"

#include <math.h>

#include "base/clock.h"
#include "base/rng.h"
#include "stats/drift.h"

#define SLICE_NS (30 * NS_PER_S)
#define MINUTE_NS (60 * NS_PER_S)

/* What comes at a moment of a made-up run. */
typedef double (*curve)(double minute);

struct story {
    struct drift drift;
    struct stats *stats;
    struct server_load server;
    curve startup_ms, server_mb;
};

static double never(double minute)
{
    return 0;
}

static double ten(double minute)
{
    return 10;
}

static double noisy(double minute)
{
    struct rng rng = rng_init(5, (uint64_t)(minute * 60), 1);
    return 10 + 10 * rng_double(&rng);
}

static double rising(double minute)
{
    return noisy(minute) + minute;
}

static double late_jump(double minute)
{
    return minute >= 36 ? 25 : 10;
}

/* Two waves and a half: the run begins on a top and ends in a trough. */
static double waves(double minute)
{
    return 20 + 10 * cos(2 * M_PI * minute / 16);
}

static double leaking(double minute)
{
    return 100 + minute; /* 60 MB an hour */
}

static void begin(struct story *story, curve startup_ms, curve server_mb)
{
    *story = (struct story){.startup_ms = startup_ms, .server_mb = server_mb};
    assert_true(drift_init(&story->drift, SLICE_NS, MINUTE_NS, 41 * MINUTE_NS));
    story->stats = stats_new(0);
    assert_non_null(story->stats);
}

static void add_second(struct story *story, uint64_t second)
{
    double minute = (double)second / 60 - 1;
    struct stats *stats = story->stats;
    struct server_sample sample = server_sample_unknown;
    stats_clear(stats);
    stats->active = 100;
    stats->rtp[MEDIA_VIDEO].expected = 1000;
    stats->rtp[MEDIA_VIDEO].lost = second % 2;
    if (story->startup_ms != never)
        histogram_record(&stats->metrics[METRIC_STARTUP],
                         (uint64_t)(1000 * story->startup_ms(minute)));
    sample.rss_bytes = (uint64_t)(1e6 * story->server_mb(minute));
    sample.cpu_ns = second * NS_PER_S / 4;
    sample.cpu_at_ns = second * NS_PER_S;
    server_load_see(&story->server, &sample);
    const struct drift_span span = {.from_ns = second * NS_PER_S,
                                    .to_ns = (second + 1) * NS_PER_S,
                                    .stats = stats,
                                    .rss_bytes = 30000000,
                                    .server = &story->server};
    drift_add(&story->drift, &span);
}

static void tell(struct story *story, uint64_t seconds)
{
    for (uint64_t second = 0; second < seconds; second++)
        add_second(story, second);
}

static void end(struct story *story)
{
    stats_free(story->stats);
    drift_dispose(&story->drift);
}

/* 40 minutes of each story: is it told from noise? */
static void test_verdicts(void **state)
{
    static const struct {
        const char *name;
        curve startup_ms;
        enum drift_verdict verdict;
    } rows[] = {
        {"always the same", ten, DRIFT_STEADY}, {"scatter", noisy, DRIFT_STEADY},
        {"a trend", rising, DRIFT_ROSE},        {"a jump at the end", late_jump, DRIFT_ROSE},
        {"waves", waves, DRIFT_NOISE},          {"nothing", never, DRIFT_NOT_MEASURED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct story story;
        struct drift_report report;
        begin(&story, rows[i].startup_ms, ten);
        tell(&story, 42 * 60);
        assert_true(drift_report(&story.drift, &report));
        const struct drift_row *row = &report.rows[DRIFT_STARTUP];
        if (row->verdict != rows[i].verdict)
            fail_msg("%s: %s, from %g to %g, noise %g", rows[i].name,
                     drift_verdict_name(row->verdict), row->first, row->last, row->noise);
        end(&story);
    }
}

/* The first minute and what comes after the 41st are not part of it. */
static void test_numbers(void **state)
{
    struct story story;
    struct drift_report report;
    begin(&story, ten, leaking);
    tell(&story, 50 * 60);
    assert_true(drift_report(&story.drift, &report));
    assert_in_range(report.slices, DRIFT_SLICES_LEAST, DRIFT_SLICES - 1);
    assert_int_equal(report.steady_ns, 40 * MINUTE_NS);
    assert_int_equal(report.tenth_ns, 4 * MINUTE_NS);
    const struct drift_row *rows = report.rows;
    assert_true(rows[DRIFT_STARTUP].first >= 10 && rows[DRIFT_STARTUP].first < 10.7);
    assert_true(fabs(rows[DRIFT_LOSS].first - 0.0005) < 1e-9);
    assert_true(rows[DRIFT_ACTIVE].first == 100 && rows[DRIFT_ACTIVE].last == 100);
    assert_true(rows[DRIFT_RSS].first == 30000000);
    assert_int_equal(rows[DRIFT_RSS].verdict, DRIFT_STEADY);
    assert_true(fabs(rows[DRIFT_SERVER_CPU].last - 0.25) < 1e-6);
    assert_int_equal(rows[DRIFT_SERVER_RSS].verdict, DRIFT_ROSE);
    assert_true(fabs(rows[DRIFT_SERVER_RSS].per_hour - 60e6) < 1e5);
    assert_int_equal(rows[DRIFT_CONNECT].verdict, DRIFT_NOT_MEASURED);
    end(&story);
}

/* Twenty slices of 30 s are the least; and a run of any length has room. */
static void test_lengths(void **state)
{
    static const struct {
        uint64_t seconds;
        bool says;
    } rows[] = {{60 + 20 * 30 - 1, false},
                {60 + 20 * 30, true},
                {60 + 39 * 30, true},
                {60 + 40 * 30, true},
                {41 * 60, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct story story;
        struct drift_report report;
        begin(&story, ten, ten);
        tell(&story, rows[i].seconds);
        assert_int_equal(drift_report(&story.drift, &report), rows[i].says);
        end(&story);
    }
    struct story story;
    struct drift_report report;
    begin(&story, noisy, ten);
    story.drift.to_ns = UINT64_MAX;
    tell(&story, 168 * 3600);
    assert_true(drift_report(&story.drift, &report));
    assert_in_range(report.slices, DRIFT_SLICES_LEAST, DRIFT_SLICES - 1);
    assert_true(report.steady_ns > 150 * 3600 * NS_PER_S);
    end(&story);
}

/* A CPU time that falls is another process's, as is one that is told to be; a page that wasn't
   fetched anew says nothing new. */
static void test_server_cpu(void **state)
{
    static const struct {
        uint64_t cpu_s, at_s;
        double cpu;
        bool anew;
    } rows[] = {{10, 0, -1, false}, {12, 4, 0.5, false}, {12, 4, 0.5, false}, {16, 6, 2, false},
                {1, 8, -1, false},  {2, 10, 0.5, false}, {9, 12, -1, true}};
    struct server_load load = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server_sample sample = server_sample_unknown;
        sample.cpu_ns = rows[i].cpu_s * NS_PER_S;
        sample.cpu_at_ns = rows[i].at_s * NS_PER_S;
        sample.anew = rows[i].anew;
        server_load_see(&load, &sample);
        if (load.cpu != rows[i].cpu)
            fail_msg("row %zu: %g", i, load.cpu);
    }
    assert_int_equal(load.cpu_ns, 7 * NS_PER_S);
    assert_int_equal(load.cpu_span_ns, 8 * NS_PER_S);
    server_load_see(&load, &server_sample_unknown);
    assert_true(load.cpu < 0 && server_load_mean_cpu(&load) == 0.875);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_server_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
