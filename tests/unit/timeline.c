#include "test.h"

#include "base/clock.h"
#include "stats/timeline.h"

/* Octaves from 2^7 us on, each in two halves: bounds by hand. */
static void test_bands(void **state)
{
    static const struct {
        uint32_t band;
        uint64_t low_us;
    } rows[] = {
        {0, 0}, {1, 192}, {2, 256}, {3, 384}, {4, 512}, {6, 1024}, {7, 1536}, {37, 50331648},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(startup_band_low_us(rows[i].band), rows[i].low_us);
    assert_int_equal(STARTUP_BANDS, 38);
}

/* A start-up counts in the band that it is in, at both of the band's edges. */
static void test_startups_fall_into_bands(void **state)
{
    struct stats *span = stats_new(0);
    for (uint32_t band = 0; band < STARTUP_BANDS; band++) {
        stats_clear(span);
        histogram_record(&span->metrics[METRIC_STARTUP], startup_band_low_us(band));
        if (band + 1 < STARTUP_BANDS)
            histogram_record(&span->metrics[METRIC_STARTUP], startup_band_low_us(band + 1) - 1);
        else
            histogram_record(&span->metrics[METRIC_STARTUP], 3600 * UINT64_C(1000000));
        struct timeline_row row = timeline_row_of(NS_PER_S, span, span, 0);
        for (uint32_t i = 0; i < STARTUP_BANDS; i++)
            assert_int_equal(row.startups[i], i == band ? 2 : 0);
    }
    stats_free(span);
}

/* Totals come from the run, percentiles from the row's time. */
static void test_row(void **state)
{
    struct stats *total = stats_new(0), *span = stats_new(0);
    total->rtp[MEDIA_VIDEO].lost_by[LOSS_NETWORK] = 3;
    total->rtp[MEDIA_AUDIO].lost_by[LOSS_NETWORK] = 4;
    total->panel.freezes = 5;
    total->published = (struct published_counts){80, 9000, 6, {4, 2}, 1, 0, 0};
    total->errors_not_kept = 2;
    stats_error(total, PHASE_CONNECT, REASON_TIMEOUT, 0, "");
    stats_error(total, PHASE_CONNECT, REASON_TIMEOUT, 0, "");
    stats_error(total, PHASE_PLAY, REASON_STATUS, 404, "");
    histogram_record(&total->metrics[METRIC_STARTUP], 100);
    for (uint64_t i = 1; i <= 100; i++)
        histogram_record(&span->metrics[METRIC_STARTUP], i);
    histogram_record(&span->metrics[METRIC_LOOP_LAG], 11);
    histogram_record(&span->metrics[METRIC_PANEL_LATENCY], 12);
    for (uint64_t i = 1; i <= 100; i++)
        histogram_record(&span->metrics[METRIC_PUBLISH_LATE], i + 20);
    struct timeline_row row = timeline_row_of(NS_PER_S, total, span, 0.25);
    assert_int_equal(row.lost_by[LOSS_NETWORK], 7);
    assert_int_equal(row.freezes, 5);
    assert_int_equal(row.published, 80);
    assert_int_equal(row.published_bytes, 9000);
    assert_int_equal(row.publish_dropped, 6);
    assert_int_equal(row.errors, 5);
    assert_int_equal(row.startup_p50_us, 50);
    assert_int_equal(row.startup_p95_us, 95);
    assert_int_equal(row.startup_p99_us, 99);
    assert_true(row.has_startup && row.has_latency && !row.has_jitter);
    assert_int_equal(row.loop_lag_p99_us, 11);
    assert_int_equal(row.latency_p95_us, 12);
    assert_true(row.has_publish_late);
    assert_int_equal(row.publish_late_p50_us, 70);
    assert_int_equal(row.publish_late_p95_us, 115);
    assert_int_equal(row.publish_late_p99_us, 119);
    assert_true(row.cpu == 0.25);
    stats_free(total);
    stats_free(span);
}

/* Of 8 rows and one more: the first 4 become 2, which keep the later totals and the worst of both.
 */
static void test_thinned(void **state)
{
    struct timeline_row rows[8];
    struct timeline timeline = {rows, 8, 0};
    for (uint64_t i = 1; i <= 9; i++) {
        struct timeline_row row = {.t_ns = i, .packets = i, .startups = {1}};
        row.startup_p99_us = i == 3 ? 900 : 100;
        row.loop_lag_p99_us = i == 1 ? 70 : 7;
        row.cpu = i == 1 ? 0.5 : 0.1;
        row.has_jitter = row.has_publish_late = i == 1;
        row.publish_late_p95_us = i == 1 ? 40 : 4;
        row.published = i;
        timeline_add(&timeline, &row);
    }
    static const uint64_t t_ns[] = {2, 4, 5, 6, 7, 8, 9};
    assert_int_equal(timeline.count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(rows[i].t_ns, t_ns[i]);
        assert_int_equal(rows[i].packets, t_ns[i]);
        assert_int_equal(rows[i].published, t_ns[i]);
        assert_int_equal(rows[i].startups[0], i < 2 ? 2 : 1);
    }
    assert_int_equal(rows[0].startup_p99_us, 100);
    assert_int_equal(rows[1].startup_p99_us, 900);
    assert_int_equal(rows[0].loop_lag_p99_us, 70);
    assert_true(rows[0].cpu == 0.5 && rows[1].cpu == 0.1);
    assert_true(rows[0].has_jitter && !rows[1].has_jitter);
    assert_true(rows[0].has_publish_late && !rows[1].has_publish_late);
    assert_int_equal(rows[0].publish_late_p95_us, 40);
    assert_int_equal(rows[1].publish_late_p95_us, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_startups_fall_into_bands),
        cmocka_unit_test(test_row),
        cmocka_unit_test(test_thinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
