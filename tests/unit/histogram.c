#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "stats/histogram.h"

#define HOUR_US UINT64_C(3600000000)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct histogram make(unsigned digits)
{
    struct histogram histogram;
    uint64_t *counts = calloc(1, histogram_counts_bytes(digits));
    assert_non_null(counts);
    histogram_init(&histogram, digits, counts);
    return histogram;
}

/* Index, lowest and highest equivalent value, as hdr-histogram-js 3.0 gives them. */
static void test_layout(void **state)
{
    static const struct {
        unsigned digits;
        uint64_t value;
        uint32_t index;
        uint64_t low, high;
    } rows[] = {
        {1, 0, 0, 0, 0},
        {1, 31, 31, 31, 31},
        {1, 32, 32, 32, 33},
        {1, 100, 57, 100, 103},
        {1, 4096, 144, 4096, 4351},
        {1, 3600000000, 458, 3489660928, 3623878655},
        {2, 0, 0, 0, 0},
        {2, 1, 1, 1, 1},
        {2, 255, 255, 255, 255},
        {2, 256, 256, 256, 257},
        {2, 257, 256, 256, 257},
        {2, 511, 383, 510, 511},
        {2, 512, 384, 512, 515},
        {2, 5001, 796, 4992, 5023},
        {2, 1234567, 1814, 1228800, 1236991},
        {2, 3599999999, 3286, 3590324224, 3607101439},
        {3, 2047, 2047, 2047, 2047},
        {3, 2048, 2048, 2048, 2049},
        {3, 4096, 3072, 4096, 4099},
        {3, 99999, 7706, 99968, 100031},
        {3, 987654321, 21339, 987234304, 987758591},
        {3, 3600000000, 23220, 3598712832, 3600809983},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct histogram histogram = make(rows[i].digits);
        histogram_record(&histogram, rows[i].value);
        assert_int_equal(histogram.low, rows[i].index);
        assert_int_equal(histogram.high, rows[i].index + 1);
        assert_int_equal(histogram.counts[rows[i].index], 1);
        assert_int_equal(histogram_bucket_low(&histogram, rows[i].index), rows[i].low);
        assert_int_equal(histogram_bucket_high(&histogram, rows[i].index), rows[i].high);
        free(histogram.counts);
    }
    struct histogram two = make(2), three = make(3);
    assert_int_equal(two.bucket_count, 3328);
    assert_int_equal(three.bucket_count, 23552);
    free(two.counts);
    free(three.counts);
}

/* Values 3 i^2 + 7, i = 1..1000: percentiles from hdr-histogram-js, cut at the greatest value. */
static void test_other_tool(void **state)
{
    static const double q[] = {0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1};
    static const uint64_t expected[][COUNT(q)] = {
        {188415, 753663, 1703935, 2490367, 2752511, 3000007, 3000007, 3000007},
        {188415, 753663, 1687551, 2441215, 2719743, 2949119, 2998271, 3000007},
        {187519, 750079, 1687551, 2430975, 2709503, 2940927, 2994175, 3000007},
    };
    for (unsigned digits = 1; digits <= 3; digits++) {
        struct histogram histogram = make(digits);
        for (uint64_t i = 1; i <= 1000; i++)
            histogram_record(&histogram, 3 * i * i + 7);
        for (size_t k = 0; k < COUNT(q); k++)
            assert_int_equal(histogram_quantile(&histogram, q[k]), expected[digits - 1][k]);
        free(histogram.counts);
    }
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

#define RANDOM_VALUES 20000

/* Spread over all magnitudes up to the hour. */
static uint64_t random_value(struct rng *rng)
{
    return rng_next(rng) % (UINT64_C(1) << (1 + rng_below(rng, 31)));
}

static void test_quantiles_of_random_values(void **state)
{
    static uint64_t sorted[RANDOM_VALUES];
    static const double error[] = {1, 0.1, 0.01, 0.001};
    for (unsigned digits = 1; digits <= 3; digits++) {
        struct histogram histogram = make(digits);
        struct rng rng = rng_init(11, digits, 0);
        double sum = 0;
        for (size_t i = 0; i < RANDOM_VALUES; i++) {
            sorted[i] = random_value(&rng);
            sum += (double)sorted[i];
            histogram_record(&histogram, sorted[i]);
        }
        qsort(sorted, RANDOM_VALUES, sizeof(sorted[0]), compare);
        for (size_t rank = 1; rank <= RANDOM_VALUES; rank += 37) {
            double exact = (double)sorted[rank - 1];
            double got = (double)histogram_quantile(&histogram, (double)rank / RANDOM_VALUES);
            assert_true(got >= exact && got <= exact * (1 + error[digits]));
        }
        assert_int_equal(histogram.min, sorted[0]);
        assert_int_equal(histogram.max, sorted[RANDOM_VALUES - 1]);
        assert_true(fabs(histogram_mean(&histogram) - sum / RANDOM_VALUES) < 1);
        free(histogram.counts);
    }
}

/* Four parts added up are one that recorded all; adding nothing changes nothing. */
static void test_add_is_exact(void **state)
{
    struct histogram all = make(2), sum = make(2), part = make(2);
    struct rng rng = rng_init(12, 0, 0);
    for (int round = 0; round < 4; round++) {
        histogram_clear(&part);
        for (int i = 0; i < 5000; i++) {
            uint64_t value = random_value(&rng) >> (round * 8);
            histogram_record(&all, value);
            histogram_record(&part, value);
        }
        histogram_add(&sum, &part);
    }
    histogram_clear(&part);
    histogram_add(&sum, &part);
    assert_memory_equal(sum.counts, all.counts, histogram_counts_bytes(2));
    assert_true(sum.count == all.count && sum.sum == all.sum);
    assert_true(sum.min == all.min && sum.max == all.max);
    assert_true(sum.low == all.low && sum.high == all.high);
    free(sum.counts);
    free(all.counts);
    free(part.counts);
}

static void test_edges(void **state)
{
    struct histogram histogram = make(2);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    assert_true(histogram_mean(&histogram) == 0);
    assert_true(histogram.min == UINT64_MAX);

    histogram_record(&histogram, 0);
    assert_int_equal(histogram_quantile(&histogram, 1), 0);
    assert_int_equal(histogram.min, 0);

    histogram_record(&histogram, UINT64_MAX);
    histogram_record(&histogram, HOUR_US + 1);
    assert_int_equal(histogram.max, HOUR_US);
    assert_int_equal(histogram.sum, 2 * HOUR_US);
    assert_int_equal(histogram_quantile(&histogram, 1), HOUR_US);
    assert_int_equal(histogram_quantile(&histogram, 0), 0);

    histogram_clear(&histogram);
    assert_int_equal(histogram.count, 0);
    assert_int_equal(histogram.low, histogram.high);
    for (uint32_t i = 0; i < histogram.bucket_count; i++)
        assert_int_equal(histogram.counts[i], 0);
    free(histogram.counts);
}

/* Of 100 values 1..100 the p-th percentile is p, though 0.07 * 100 is over 7 in binary. */
static void test_rank_is_not_rounded_up(void **state)
{
    struct histogram histogram = make(2);
    for (uint64_t i = 1; i <= 100; i++)
        histogram_record(&histogram, i);
    for (uint64_t p = 1; p <= 100; p++)
        assert_int_equal(histogram_quantile(&histogram, (double)p / 100), p);
    free(histogram.counts);
}

/* More than 32 bits hold fall into one bucket: doubling 40 times. */
static void test_counts_are_wide(void **state)
{
    struct histogram histogram = make(2);
    histogram_record(&histogram, 1000);
    for (int i = 0; i < 40; i++)
        histogram_add(&histogram, &histogram);
    histogram_record(&histogram, 5);
    assert_true(histogram.count == (UINT64_C(1) << 40) + 1);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 1000);
    free(histogram.counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_other_tool),
        cmocka_unit_test(test_quantiles_of_random_values),
        cmocka_unit_test(test_add_is_exact),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_rank_is_not_rounded_up),
        cmocka_unit_test(test_counts_are_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
