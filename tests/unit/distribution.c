#include "test.h"

#include <math.h>

#include "base/clock.h"
#include "load/distribution.h"

#define DRAWS 200000

static void test_parse(void **state)
{
    static const char *const good[] = {"30s", "exp:5m", "uniform:30s,5m", "lognormal:5m,1.0",
                                       "500ms"};
    static const char *const wrong[] = {"",
                                        "0",
                                        "30",
                                        "exp:",
                                        "exp:5m,1",
                                        "uniform:30s",
                                        "uniform:5m,30s",
                                        "lognormal:5m",
                                        "gauss:1s",
                                        "lognormal:5m,0",
                                        "lognormal:5m,x"};
    struct distribution distribution;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!distribution_parse(good[i], &distribution))
            fail_msg("'%s' was refused", good[i]);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (distribution_parse(wrong[i], &distribution))
            fail_msg("'%s' was taken", wrong[i]);
    }
}

/* Means and medians by the textbook, within 2 % over 200,000 draws. */
static void test_draws(void **state)
{
    static const struct {
        const char *text;
        double mean_s, below_s, share_below;
    } rows[] = {
        {"30s", 30, 30.1, 1},
        {"uniform:30s,5m", 165, 165, 0.5},
        {"exp:5m", 300, 300 * 0.6931472, 0.5},
        {"lognormal:5m,1.0", 300 * 1.6487213, 300, 0.5}, /* mean = median * exp(sigma^2 / 2) */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct distribution distribution;
        struct rng rng = rng_init(3, i, 9);
        double sum = 0, below = 0;
        assert_true(distribution_parse(rows[i].text, &distribution));
        for (unsigned n = 0; n < DRAWS; n++) {
            double s = (double)distribution_draw(&distribution, &rng) / 1e9;
            sum += s;
            below += s < rows[i].below_s;
        }
        assert_true(fabs(sum / DRAWS / rows[i].mean_s - 1) < 0.02);
        assert_true(fabs(below / DRAWS - rows[i].share_below) < 0.01);
    }
}

static void test_none_lasts_for_ever(void **state)
{
    struct distribution none = {0};
    struct rng rng = rng_init(1, 2, 3);
    assert_true(distribution_draw(&none, &rng) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_none_lasts_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
