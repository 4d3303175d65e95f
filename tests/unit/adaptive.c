#include "test.h"

#include "base/clock.h"
#include "load/adaptive.h"

#define S NS_PER_S

static void test_idle_is_the_plan_itself(void **state)
{
    struct adaptive adaptive;
    adaptive_init(&adaptive);
    for (uint64_t t = 1; t <= 100000; t++)
        adaptive_look(&adaptive, t * S, t * 100, 0);
    assert_true(adaptive.share == 1);
    static const uint64_t times[] = {0, 1, 999999999, 86400 * S + 1, 366 * 86400 * S + 7};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_int_equal(adaptive_plan_time(&adaptive, times[i]), times[i]);
        assert_int_equal(adaptive_run_time(&adaptive, times[i]), times[i]);
    }
}

/* What each second brings, and the share of the rate after it. */
static void test_decisions(void **state)
{
    static const struct {
        unsigned good, bad;
        double share;
    } rows[] = {
        {80, 20, 1},   /* 20 % is not over 20 % */
        {79, 21, 0.5}, /* 41 of 200 */
        {0, 4, 0.5},   /* too few to judge */
        {0, 1, 0.25},  /* 5 in the window */
        {0, 0, 0.25},  /* nothing heard, nothing known */
        {4, 0, 0.3},   /* a fifth more each second ... */
        {100, 0, 0.36},        {100, 0, 0.432},     {100, 0, 0.5184}, {100, 0, 0.62208},
        {100, 0, 0.746496},    {0, 100, 0.8957952}, /* 100 of the last 500 are 20 % */
        {0, 101, 0.4478976},                        /* 201 of them */
        {1000, 0, 0.53747712},                      /* those have been judged */
    };
    struct adaptive adaptive;
    uint64_t good = 0, bad = 0;
    adaptive_init(&adaptive);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        good += rows[i].good;
        bad += rows[i].bad;
        adaptive_look(&adaptive, (i + 1) * S + i * 1000, good, bad);
        adaptive_look(&adaptive, (i + 1) * S + 500 * NS_PER_MS, good, bad); /* not a second later */
        if (adaptive.share < rows[i].share * 0.999 || adaptive.share > rows[i].share * 1.001)
            fail_msg("second %zu: %g, expected %g", i, adaptive.share, rows[i].share);
    }
}

/* A server that refuses everything, then takes everything: down to the floor, up to the whole. */
static void test_bounds(void **state)
{
    struct adaptive adaptive;
    uint64_t t = 0, good = 0, bad = 0;
    adaptive_init(&adaptive);
    for (int i = 0; i < 100; i++)
        adaptive_look(&adaptive, ++t * S, good, bad += 100);
    assert_true(adaptive.share == ADAPTIVE_LOWEST);
    for (int i = 0; i < 100; i++)
        adaptive_look(&adaptive, ++t * S, good += 100, bad);
    assert_true(adaptive.share == 1);
}

/* The plan's clock never jumps, and due times are where it says. At 1, 1/2, 1/4 of the speed for a
   second each it stands at 1.75 s after 3 s. */
static void test_clock(void **state)
{
    struct adaptive adaptive;
    adaptive_init(&adaptive);
    uint64_t before_ns = 0;
    for (uint64_t t = 0; t <= 3000; t++) {
        uint64_t run_ns = t * NS_PER_MS;
        adaptive_look(&adaptive, run_ns, 0, t < 3000 ? t : 2999);
        uint64_t plan_ns = adaptive_plan_time(&adaptive, run_ns);
        assert_true(plan_ns >= before_ns && plan_ns - before_ns <= NS_PER_MS);
        uint64_t back_ns = adaptive_run_time(&adaptive, plan_ns);
        assert_true(back_ns + 10 >= run_ns && back_ns <= run_ns + 10);
        before_ns = plan_ns;
    }
    assert_in_range(before_ns, 1749 * NS_PER_MS, 1751 * NS_PER_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_is_the_plan_itself),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
