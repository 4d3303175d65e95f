#include "test.h"

#include <math.h>

#include "stats/proportion.h"

static double chance(double base_part, double base, double now_part, double now)
{
    return proportion_chance((struct proportion){base_part, base},
                             (struct proportion){now_part, now});
}

static double choose(unsigned n, unsigned k)
{
    double ways = 1;
    for (unsigned i = 0; i < k; i++)
        ways *= (double)(n - i) / (i + 1);
    return ways;
}

/* By counting: of all ways to choose those whom it befell, how many have so many or more in the
   second group. */
static void test_chance(void **state)
{
    static const struct {
        double base_part, base, now_part, now;
    } rows[] = {
        {0, 4, 4, 4},    {1, 4, 3, 4},   {0, 3, 3, 3},       {0, 20, 10, 20}, {0, 10, 1, 1},
        {3, 30, 20, 40}, {5, 7, 60, 61}, {1, 1000, 2, 1000}, {0, 1, 1, 500},  {12, 13, 9, 9},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned base = (unsigned)rows[i].base, now = (unsigned)rows[i].now;
        unsigned parts = (unsigned)(rows[i].base_part + rows[i].now_part);
        double ways = 0;
        for (unsigned k = (unsigned)rows[i].now_part; k <= parts && k <= now; k++)
            ways += choose(now, k) * choose(base, parts - k);
        double expected = ways / choose(base + now, parts);
        double got = chance(rows[i].base_part, base, rows[i].now_part, now);
        assert_true(fabs(got - expected) < 1e-9 * expected);
    }
    assert_true(fabs(chance(0, 4, 4, 4) - 1.0 / 70) < 1e-12);
    assert_true(fabs(chance(1, 4, 3, 4) - 17.0 / 70) < 1e-12); /* Fisher's tea */
    assert_true(fabs(chance(0, 1000, 1, 1000) - 0.5) < 1e-9);
}

static void test_nothing_to_tell(void **state)
{
    assert_true(chance(0, 0, 5, 5) == 1);
    assert_true(chance(5, 5, 0, 0) == 1);
    assert_true(chance(0, 9, 0, 9) == 1);
    assert_true(chance(9, 9, 9, 9) == 1);
    assert_true(chance(5, 10, 4, 10) == 1);
    assert_true(proportion_share((struct proportion){0, 0}) == 0);
    assert_true(proportion_share((struct proportion){1, 4}) == 0.25);
}

/* All k in one of two equal large groups is a chance of 1 in 2^k at most, 2^-8 = 0.4 %. Of a
   million each, the difference of two counts strays by sqrt(2 * 10,000 * 0.99) = 141 around 0. */
static void test_sure(void **state)
{
    static const struct {
        struct proportion base, now;
        bool sure;
    } rows[] = {
        {{0, 20}, {10, 20}, true},
        {{10, 20}, {0, 20}, false},
        {{0, 1000}, {7, 1000}, false},
        {{0, 1000}, {8, 1000}, true},
        {{10000, 1e6}, {10280, 1e6}, false},
        {{10000, 1e6}, {10440, 1e6}, true},
        {{0, 1e9}, {1e9, 1e9}, true},
        {{5e8, 1e9}, {5e8 + 1, 1e9}, false},
        {{0, 3}, {3, 3}, false},
        {{0, 5}, {5, 5}, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(proportion_is_greater(rows[i].base, rows[i].now), rows[i].sure);
}

/* All of 4 in 8, all in one group: 1 way of 70; of 5 in 10: of 252; of 1 in 201: of 201. */
static void test_sizes(void **state)
{
    assert_false(proportion_can_tell(4, 4));
    assert_true(proportion_can_tell(5, 5));
    assert_false(proportion_can_tell(198, 1));
    assert_true(proportion_can_tell(200, 1));
    assert_false(proportion_can_tell(0, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chance),
        cmocka_unit_test(test_nothing_to_tell),
        cmocka_unit_test(test_sure),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
