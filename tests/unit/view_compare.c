#include "a_comparison.h"

#include <math.h>

/* 100 values 1 to 100 ms: the median's 99 % range is 50 +- 2.576 * 5 ranks, so 37 to 64. */
static void test_range_of_a_median(void **state)
{
    double ms[100];
    int ones[100];
    for (int i = 0; i < 100; i++) {
        ms[i] = i + 1;
        ones[i] = 1;
    }
    make(result(ms, ones, 100, "{}"), result(ms, ones, 100, "{}"));
    struct compare_value value = row("describe.p50")->base[1];
    assert_true(value.value == 50);
    assert_true(value.low == 37);
    assert_true(value.high == 64);
    /* p95: not even the 100th is beyond 95 + 5.6 + 1, but 0.95^100 = 0.6 % is over 0.5 % */
    assert_true(isinf(row("describe.p95")->base[1].high));
}

static void test_greatest_is_a_bound(void **state)
{
    static const double ms[] = {1, 2};
    static const int enough[] = {100, 10}, few[] = {40, 4};
    make(result(ms, enough, 2, "{}"), result(ms, few, 2, "{}"));
    assert_true(row("describe.p95")->base[1].high == 2); /* 0.95^110 = 0.35 % */
    assert_true(isinf(row("describe.p95")->of[1].high));
    assert_true(isinf(row("describe.p99")->base[1].high));
}

static void test_marks(void **state)
{
    static const struct {
        double base, now;
        int count;
        enum compare_mark p50, p99;
    } rows[] = {
        {1, 6, 100, COMPARE_WORSE, COMPARE_TOO_FEW},
        {6, 1, 100, COMPARE_BETTER, COMPARE_TOO_FEW},
        {1, 6, 1000, COMPARE_WORSE, COMPARE_WORSE},
        {6, 1, 1000, COMPARE_BETTER, COMPARE_BETTER},
        {1, 1.4, 1000, COMPARE_NOISE, COMPARE_NOISE},   /* under 0.5 ms */
        {100, 104, 1000, COMPARE_NOISE, COMPARE_NOISE}, /* under 5 % */
        {100, 106, 1000, COMPARE_WORSE, COMPARE_WORSE},
        {1, 6, 3, COMPARE_TOO_FEW, COMPARE_TOO_FEW},
        {7, 7, 3, COMPARE_NOISE, COMPARE_NOISE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make(result(&rows[i].base, &rows[i].count, 1, "{}"),
             result(&rows[i].now, &rows[i].count, 1, "{}"));
        assert_int_equal(compare_mark(row("describe.p50"), 1), rows[i].p50);
        assert_int_equal(compare_mark(row("describe.p99"), 1), rows[i].p99);
    }
}

/* What the generator was late by is not the server's. */
static void test_lag_is_no_change(void **state)
{
    static const double ms[] = {1, 6};
    static const int count = 1000;
    static const char late[] = "{\"generator\": {\"loop_lag_ms\": {\"p99\": 5.5}}}";
    make(result(&ms[0], &count, 1, late), result(&ms[1], &count, 1, "{}"));
    assert_int_equal(compare_mark(row("describe.p50"), 1), COMPARE_NOISE);
    make(result(&ms[0], &count, 1, "{}"), result(&ms[1], &count, 1, late));
    assert_int_equal(compare_mark(row("describe.p50"), 1), COMPARE_NOISE);
}

static void test_unmeasured(void **state)
{
    static const double ms = 1;
    static const int count = 100;
    make(result(&ms, &count, 1, "{}"), json_object());
    assert_int_equal(compare_mark(row("describe.p50"), 1), COMPARE_UNMEASURED);
}

static const char *const shares[] = {"failed_ratio",   "unanswered_ratio",
                                     "no_media_ratio", "dropped_ratio",
                                     "stalled_ratio",  "teardown_unanswered_ratio"};

/* All k sessions of one of two large runs of one size come out so by chance 1 time in 2^k. So it is
   sure at 8 (0.4 %), not yet at 7 (0.8 %). */
static void test_shares(void **state)
{
    static const struct {
        struct befell base, now;
        enum compare_mark mark;
    } rows[] = {
        {{0, 20}, {10, 20}, COMPARE_WORSE},
        {{0, 1000}, {500, 1000}, COMPARE_WORSE},
        {{500, 1000}, {0, 1000}, COMPARE_BETTER},
        {{0, 20}, {0, 20}, COMPARE_NOISE},
        {{3, 20}, {3, 20}, COMPARE_NOISE},
        {{0, 1000}, {1, 1000}, COMPARE_NOISE},
        {{0, 1000}, {7, 1000}, COMPARE_NOISE},
        {{0, 1000}, {8, 1000}, COMPARE_WORSE},
        {{0, 4}, {4, 4}, COMPARE_TOO_FEW},             /* 1 of 70 */
        {{0, 5}, {5, 5}, COMPARE_WORSE},               /* 1 of 252 */
        {{0, 1000000}, {400, 1000000}, COMPARE_NOISE}, /* under 0.05 points */
        {{0, 1000000}, {600, 1000000}, COMPARE_WORSE},
        {{500000, 1000000}, {510000, 1000000}, COMPARE_NOISE}, /* under 5 % */
        {{980000, 1000000}, {1000000, 1000000}, COMPARE_WORSE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t k = 0; k < sizeof(shares) / sizeof(shares[0]); k++) {
            make(result_with(shares[k], rows[i].base), result_with(shares[k], rows[i].now));
            assert_int_equal(compare_mark(row(shares[k]), 1), rows[i].mark);
            double change = (double)rows[i].now.part / rows[i].now.whole -
                            (double)rows[i].base.part / rows[i].base.whole;
            assert_true(fabs(compare_change(row(shares[k]), 1) - change) < 1e-9);
        }
    }
}

/* They are failures, too. */
static void test_unanswered_have_failed(void **state)
{
    make(result_with("unanswered_ratio", (struct befell){0, 20}),
         result_with("unanswered_ratio", (struct befell){10, 20}));
    assert_int_equal(compare_mark(row("failed_ratio"), 1), COMPARE_WORSE);
    assert_true(row("failed_ratio")->of[1].value == 0.5);
}

/* Without video nothing stalled, and nothing could have. */
static void test_no_video_is_unmeasured(void **state)
{
    json_t *silent = json_pack("{s{si si}}", "panel", "sessions", 20, "stalled_sessions", 0);
    make(result_with("stalled_ratio", (struct befell){10, 20}), silent);
    assert_int_equal(compare_mark(row("stalled_ratio"), 1), COMPARE_UNMEASURED);
}

/* The rank of a percentile is among all who should have got there: of 20 with 10 that never did,
   the median is the 10th, measured; the 19th, p95, is never. */
static void test_never(void **state)
{
    static const struct {
        struct describes base, now;
        enum compare_mark p50, p95;
        bool p50_by_never, p95_by_never;
    } rows[] = {
        {{10, 20, 0}, {10, 10, 10}, COMPARE_NOISE, COMPARE_WORSE, false, true},
        /* those who got through were faster, as the others left them alone */
        {{10, 1000, 0}, {5, 700, 300}, COMPARE_NOISE, COMPARE_WORSE, true, true},
        {{10, 1000, 0}, {5, 960, 40}, COMPARE_NOISE, COMPARE_NOISE, true, false},
        {{10, 1000, 0}, {5, 999, 1}, COMPARE_BETTER, COMPARE_BETTER, false, false},
        {{10, 1000, 0}, {5, 993, 7}, COMPARE_BETTER, COMPARE_BETTER, false, false},
        {{10, 1000000, 0}, {5, 999600, 400}, COMPARE_BETTER, COMPARE_BETTER, false, false},
        {{10, 1000000, 0}, {5, 999400, 600}, COMPARE_NOISE, COMPARE_NOISE, true, true},
        {{10, 700, 300}, {5, 700, 300}, COMPARE_BETTER, COMPARE_NOISE, false, false},
        {{10, 1000, 0}, {20, 700, 300}, COMPARE_WORSE, COMPARE_WORSE, false, true},
        {{10, 700, 300}, {10, 1000, 0}, COMPARE_NOISE, COMPARE_BETTER, false, true},
        {{10, 900, 100}, {10, 300, 700}, COMPARE_WORSE, COMPARE_WORSE, true, true},
        {{10, 300, 700}, {10, 900, 100}, COMPARE_BETTER, COMPARE_NOISE, true, false},
        {{10, 20, 0}, {0, 0, 20}, COMPARE_WORSE, COMPARE_WORSE, true, true},
        {{10, 3, 0}, {0, 0, 3}, COMPARE_TOO_FEW, COMPARE_TOO_FEW, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make(described(rows[i].base), described(rows[i].now));
        assert_int_equal(compare_mark(row("describe.p50"), 1), rows[i].p50);
        assert_int_equal(compare_mark(row("describe.p95"), 1), rows[i].p95);
        assert_int_equal(compare_is_by_never(row("describe.p50"), 1), rows[i].p50_by_never);
        assert_int_equal(compare_is_by_never(row("describe.p95"), 1), rows[i].p95_by_never);
    }
}

/* Wilson, z 2.576: (0.1 + 0.03318 -+ 2.576 * sqrt(0.0009 + 0.000166)) / 1.06636 */
static void test_ratio(void **state)
{
    static const double ms = 1;
    static const int count = 100;
    make(result(&ms, &count, 1, "{\"sessions\": {\"failed\": 10, \"started\": 100}}"),
         result(&ms, &count, 1, "{\"sessions\": {\"failed\": 40, \"started\": 100}}"));
    struct compare_value value = row("failed_ratio")->base[1];
    assert_true(value.value == 0.1);
    assert_true(fabs(value.low - 0.0460) < 0.0002 && fabs(value.high - 0.2038) < 0.0002);
    assert_int_equal(compare_mark(row("failed_ratio"), 1), COMPARE_WORSE);
    assert_true(fabs(compare_change(row("failed_ratio"), 1) - 0.3) < 1e-9);
}

/* A loss that comes in one burst says little: by shares alone it would be certain. */
static void test_bursts_widen_a_loss(void **state)
{
    static const double ms = 1;
    static const int count = 100;
    static const char calm[] = "{\"rtp\": {\"lost\": 100, \"expected\": 100000}, \"series\": "
                               "{\"lost\": [20, 40, 60, 80, 100]}}";
    static const char burst[] = "{\"rtp\": {\"lost\": 200, \"expected\": 100000}, \"series\": "
                                "{\"lost\": [0, 0, 0, 0, 200]}}";
    static const char steady[] = "{\"rtp\": {\"lost\": 200, \"expected\": 100000}, \"series\": "
                                 "{\"lost\": [40, 80, 120, 160, 200]}}";
    make(result(&ms, &count, 1, calm), result(&ms, &count, 1, burst));
    assert_int_equal(compare_mark(row("loss_ratio"), 1), COMPARE_NOISE);
    make(result(&ms, &count, 1, calm), result(&ms, &count, 1, steady));
    assert_int_equal(compare_mark(row("loss_ratio"), 1), COMPARE_WORSE);
}

/* Of 100,000 packets due each: 100 dropped, and 400, evenly or in one burst. */
static void test_published(void **state)
{
    static const char calm[] =
        "{\"published\": {\"dropped\": 100, \"packets\": 99900}, \"series\": {\"t_s\": [1, 2, 3, "
        "4, 5,"
        " 6], \"active\": [10, 10, 10, 10, 10, 10], \"packets\": [0, 0, 0, 0, 0, 0], \"published\":"
        " [500, 1000, 1500, 2000, 2500, 3000], \"publish_dropped\": [20, 40, 60, 80, 100, 100]}}";
    static const char steady[] =
        "{\"published\": {\"dropped\": 400, \"packets\": 99600}, \"series\": "
        "{\"publish_dropped\": [80, 160, 240, 320, 400]}}";
    static const char burst[] =
        "{\"published\": {\"dropped\": 400, \"packets\": 99600}, \"series\": "
        "{\"publish_dropped\": [0, 0, 0, 0, 400]}}";
    make(json_loads(calm, 0, NULL), json_loads(steady, 0, NULL));
    const struct compare_row *dropped = row("published.dropped_ratio");
    assert_true(fabs(dropped->base[1].value - 0.001) < 1e-9);
    assert_true(fabs(compare_change(dropped, 1) - 0.003) < 1e-9);
    assert_int_equal(compare_mark(dropped, 1), COMPARE_WORSE);
    assert_true(row("packets_per_session_s")->base[1].value == 50);
    make(json_loads(calm, 0, NULL), json_loads(burst, 0, NULL));
    assert_int_equal(compare_mark(row("published.dropped_ratio"), 1), COMPARE_NOISE);
    make(json_loads(calm, 0, NULL), json_object());
    assert_int_equal(compare_mark(row("published.dropped_ratio"), 1), COMPARE_UNMEASURED);
}

/* A result whose 2,000 packets were all written so late, but 2 in 10 seconds 9 ms late. */
static json_t *late_by(double ms)
{
    json_t *seconds = json_array();
    for (int i = 0; i < 10; i++)
        json_array_append_new(seconds, json_real(i < 2 ? 9 : ms));
    return json_pack("{s{s{si sf sf sf}} s{s[i, i]} s{so}}", "published", "late_ms", "count", 2000,
                     "p50", ms, "p95", ms, "p99", ms, "histograms", "publish_late",
                     (int)(ms * 1000), 2000, "series", "publish_late_p50_ms", seconds);
}

/* Packets that are late are so together: single seconds say how far that goes. */
static void test_lateness_goes_by_seconds(void **state)
{
    make(late_by(1), late_by(8));
    assert_int_equal(compare_mark(row("published.late_ms.p50"), 1), COMPARE_NOISE);
    assert_int_equal(compare_mark(row("published.late_ms.p95"), 1), COMPARE_WORSE);
    make(late_by(1), late_by(12));
    assert_int_equal(compare_mark(row("published.late_ms.p50"), 1), COMPARE_NOISE);
    make(late_by(10), late_by(1));
    assert_int_equal(compare_mark(row("published.late_ms.p95"), 1), COMPARE_BETTER);
}

/* 1,000 TEARDOWNs of one burst: what they all took, from the least to the greatest. */
static json_t *teardowns(double least, double greatest)
{
    json_t *pairs =
        json_pack("[i, i, i, i]", (int)(least * 1000), 500, (int)(greatest * 1000), 500);
    return json_pack("{s{s{si sf sf sf sf sf}} s{so}}", "latency_ms", "teardown", "count", 1000,
                     "min", least, "p50", least, "p95", greatest, "p99", greatest, "max", greatest,
                     "histograms", "teardown", pairs);
}

static void test_a_burst_is_one_observation(void **state)
{
    make(teardowns(3, 9), teardowns(1, 4));
    assert_int_equal(compare_mark(row("teardown.p50"), 1), COMPARE_NOISE);
    assert_int_equal(compare_mark(row("teardown.p99"), 1), COMPARE_NOISE);
    make(teardowns(3, 9), teardowns(12, 40));
    assert_int_equal(compare_mark(row("teardown.p50"), 1), COMPARE_WORSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_of_a_median),
        cmocka_unit_test(test_greatest_is_a_bound),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_lag_is_no_change),
        cmocka_unit_test(test_unmeasured),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_unanswered_have_failed),
        cmocka_unit_test(test_no_video_is_unmeasured),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_bursts_widen_a_loss),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_lateness_goes_by_seconds),
        cmocka_unit_test(test_a_burst_is_one_observation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
