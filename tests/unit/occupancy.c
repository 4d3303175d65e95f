#include "test.h"

#include "load/occupancy.h"

#define S UINT64_C(1000000000)

/* Wanted and held from 10 s to 40 s: what lies outside counts for nothing. */
static void test_span(void **state)
{
    struct stats *stats = stats_new(0);
    struct occupancy occupancy;
    occupancy_begin(&occupancy, 10 * S, 40 * S);
    occupancy_add(&occupancy, 5 * S, 100, 100);    /* before */
    occupancy_add(&occupancy, 20 * S, 3, 4);       /* 10 s of it */
    occupancy_add(&occupancy, 20 * S + 500, 3, 4); /* half a microsecond each is kept for later */
    occupancy_add(&occupancy, 30 * S, 2, 4);       /* 10 s less that */
    occupancy_take(&occupancy, stats);
    assert_int_equal(stats->held_us, 50000000);
    assert_int_equal(stats->wanted_us, 80000000);
    occupancy_add(&occupancy, 60 * S, 1, 1); /* 10 s of it */
    occupancy_take(&occupancy, stats);
    assert_int_equal(stats->held_us, 60000000);
    assert_int_equal(stats->wanted_us, 90000000);
    stats_free(stats);
}

/* A reader that was begun late was wanted since it was due; one due before the warm-up's end only
   since then. */
static void test_owed(void **state)
{
    struct stats *stats = stats_new(0);
    struct occupancy occupancy;
    occupancy_begin(&occupancy, 10 * S, 40 * S);
    occupancy_add(&occupancy, 15 * S, 0, 0);
    occupancy_owe(&occupancy, 13 * S);
    occupancy_owe(&occupancy, 8 * S);
    occupancy_owe(&occupancy, 16 * S); /* not due yet */
    occupancy_take(&occupancy, stats);
    assert_int_equal(stats->wanted_us, 7000000);
    assert_int_equal(stats->held_us, 0);
    stats_free(stats);
}

/* A signal ends what is wanted. */
static void test_end(void **state)
{
    struct stats *stats = stats_new(0);
    struct occupancy occupancy;
    occupancy_begin(&occupancy, 0, 40 * S);
    occupancy_add(&occupancy, 20 * S, 1, 2);
    occupancy_end(&occupancy, 25 * S);
    occupancy_add(&occupancy, 30 * S, 1, 2);
    occupancy_end(&occupancy, 50 * S); /* never later again */
    occupancy_add(&occupancy, 60 * S, 1, 2);
    occupancy_take(&occupancy, stats);
    assert_int_equal(stats->held_us, 25000000);
    assert_int_equal(stats->wanted_us, 50000000);
    stats_free(stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span),
        cmocka_unit_test(test_owed),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
