#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "load/arrival.h"

#define READERS 1000u

/* A plan that is sized already, without URLs: arrivals need none. */
static struct plan make_plan(enum plan_arrival kind, double rate_per_s)
{
    struct plan plan;
    plan_init(&plan);
    plan.readers = READERS;
    plan.rate_per_s = rate_per_s;
    plan.arrival = kind;
    plan.duration_ns = 3600 * NS_PER_S;
    plan.seed = 42;
    plan.own_readers = READERS;
    plan.shards = 1;
    return plan;
}

/* When each reader of the plan is due, by reader number; returns how many there were. Every reader
   may come once only, and each shard gives them out in order of time. */
static uint32_t collect(const struct plan *plan, uint64_t at_ns[READERS + 1])
{
    uint32_t count = 0;
    for (uint32_t shard = 0; shard < plan->shards; shard++) {
        struct arrival arrival;
        struct arrival_event due;
        uint64_t before = 0;
        arrival_init(&arrival, plan, shard);
        while (arrival_next(&arrival, UINT64_MAX, &due)) {
            assert_in_range(due.reader, 1, READERS);
            assert_int_equal(at_ns[due.reader], 0);
            assert_true(due.at_ns >= before);
            at_ns[due.reader] = before = due.at_ns;
            count++;
        }
    }
    return count;
}

static void test_even(void **state)
{
    static const struct {
        double rate_per_s;
        uint32_t reader;
        uint64_t at_ns;
    } rows[] = {
        {100, 1, 10 * NS_PER_MS},
        {100, 100, NS_PER_S},
        {100, 1000, 10 * NS_PER_S},
        {0.5, 1, 2 * NS_PER_S},
        {3, 1, 333333333},
        {3, 3, NS_PER_S},
        {3, 1000, UINT64_C(333333333333)},
        {1e6, 1, 1000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan plan = make_plan(ARRIVAL_EVEN, rows[i].rate_per_s);
        uint64_t at_ns[READERS + 1] = {0};
        assert_int_equal(collect(&plan, at_ns), READERS);
        assert_int_equal(at_ns[rows[i].reader], rows[i].at_ns);
    }
}

/* Splitting over shares and shards changes nobody's time, and loses and doubles nobody. */
static void test_split(void **state)
{
    static const struct {
        uint32_t shares, shards;
    } rows[] = {{1, 2}, {1, 7}, {3, 1}, {2, 2}, {4, 6}, {7, 5}, {1000, 1}, {999, 3}};
    for (int kind = ARRIVAL_EVEN; kind <= ARRIVAL_POISSON; kind++) {
        struct plan whole = make_plan(kind, 100);
        uint64_t expect[READERS + 1] = {0};
        assert_int_equal(collect(&whole, expect), READERS);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            uint64_t at_ns[READERS + 1] = {0};
            uint32_t count = 0;
            for (uint32_t share = 1; share <= rows[i].shares; share++) {
                struct plan part = make_plan(kind, 100);
                part.share = share;
                part.shares = rows[i].shares;
                part.shards = rows[i].shards;
                part.own_readers = READERS / part.shares + (share <= READERS % part.shares);
                count += collect(&part, at_ns);
            }
            assert_int_equal(count, READERS);
            assert_memory_equal(at_ns, expect, sizeof(expect));
        }
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The gaps are exponential: the largest distance between their distribution and 1 - exp(-x / mean)
   stays under Kolmogorov's bound for one false alarm in 10,000 (2.23 / sqrt n). */
static void test_poisson_is_exponential(void **state)
{
    struct plan plan = make_plan(ARRIVAL_POISSON, 100);
    uint64_t at_ns[READERS + 1] = {0};
    double gaps[READERS], worst = 0;
    collect(&plan, at_ns);
    for (uint32_t i = 0; i < READERS; i++)
        gaps[i] = (double)(at_ns[i + 1] - at_ns[i]);
    qsort(gaps, READERS, sizeof(gaps[0]), compare_doubles);
    for (uint32_t i = 0; i < READERS; i++) {
        double distance = fabs(1 - exp(-gaps[i] / 1e7) - (i + 0.5) / READERS);
        worst = distance > worst ? distance : worst;
    }
    assert_true(worst < 2.23 / sqrt(READERS));
}

static void test_seed_decides(void **state)
{
    struct plan plan = make_plan(ARRIVAL_POISSON, 100);
    uint64_t first[READERS + 1] = {0}, again[READERS + 1] = {0}, other[READERS + 1] = {0};
    collect(&plan, first);
    collect(&plan, again);
    plan.seed = 43;
    collect(&plan, other);
    assert_memory_equal(first, again, sizeof(first));
    assert_true(memcmp(first, other, sizeof(first)) != 0);
}

/* Nobody is due when the plan is over: 100/s for 2 s are the readers 1 to 199. */
static void test_ends_with_the_plan(void **state)
{
    struct plan plan = make_plan(ARRIVAL_EVEN, 100);
    uint64_t at_ns[READERS + 1] = {0};
    plan.duration_ns = 2 * NS_PER_S;
    plan.shards = 3;
    assert_int_equal(collect(&plan, at_ns), 199);
    assert_true(at_ns[199] != 0);
    assert_true(at_ns[200] == 0);
}

struct step {
    uint64_t at_ns;
    uint32_t reader;
    bool leaves;
};

/* All events of a curve, of every shard of every share, in order of time. */
static uint32_t walk(struct plan *plan, struct step *steps, uint32_t room)
{
    uint32_t count = 0;
    for (plan->share = 1; plan->share <= plan->shares; plan->share++) {
        for (uint32_t shard = 0; shard < plan->shards; shard++) {
            struct arrival arrival;
            struct arrival_event event;
            uint64_t before = 0;
            arrival_init(&arrival, plan, shard);
            while (arrival_next(&arrival, UINT64_MAX, &event)) {
                assert_true(event.at_ns >= before && count < room);
                before = event.at_ns;
                steps[count++] = (struct step){event.at_ns, event.reader, event.leaves};
            }
        }
    }
    plan->share = 1;
    return count;
}

static int by_reader(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    if (x->reader != y->reader)
        return x->reader < y->reader ? -1 : 1;
    return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* A split curve has the events of the whole one; each reader begins, leaves, begins ...; and as
   many are there at any time as the target says. */
static void test_curves(void **state)
{
    static const enum profile_kind kinds[] = {PROFILE_SINE, PROFILE_SPIKE, PROFILE_REAL_WORLD,
                                              PROFILE_RAMP};
    static struct step whole[20000], split[20000];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct plan plan = make_plan(ARRIVAL_EVEN, 100);
        char room[64];
        struct text error = text_init(room, sizeof(room));
        plan.duration_ns = 120 * NS_PER_S;
        plan.profile = (struct profile){.kind = kinds[i],
                                        .readers = 300,
                                        .duration_ns = plan.duration_ns,
                                        .variance = 0.5,
                                        .seed = 5};
        assert_true(profile_parse_hours(NULL, &plan.profile, &error));
        uint32_t count = walk(&plan, whole, 20000);
        plan.shards = 3;
        plan.shares = 2;
        assert_int_equal(walk(&plan, split, 20000), count);
        qsort(whole, count, sizeof(*whole), by_reader);
        qsort(split, count, sizeof(*split), by_reader);
        uint32_t present = 0, wanted = (uint32_t)profile_target(&plan.profile, 60 * NS_PER_S);
        for (uint32_t n = 0; n < count; n++) {
            bool first = n == 0 || whole[n].reader != whole[n - 1].reader;
            assert_true(whole[n].at_ns == split[n].at_ns && whole[n].reader == split[n].reader &&
                        whole[n].leaves == split[n].leaves);
            assert_int_equal(whole[n].leaves, first ? false : !whole[n - 1].leaves);
            if (whole[n].at_ns <= 60 * NS_PER_S)
                present += whole[n].leaves ? -1u : 1u;
        }
        if (kinds[i] != PROFILE_REAL_WORLD)
            assert_int_equal(present, wanted);
        assert_true(count >= 200);
    }
}

/* The rate that was asked for is the fastest that readers of a burst begin. */
static void test_rate_bounds_a_burst(void **state)
{
    struct plan plan = make_plan(ARRIVAL_EVEN, 10);
    struct arrival arrival;
    struct arrival_event event;
    plan.rate_given = true;
    plan.profile = (struct profile){
        .kind = PROFILE_STEP, .readers = 50, .steps = 1, .duration_ns = plan.duration_ns};
    arrival_init(&arrival, &plan, 0);
    uint64_t before = 0;
    for (unsigned i = 0; i < 50; i++) {
        assert_true(arrival_next(&arrival, UINT64_MAX, &event));
        assert_true(i == 0 || event.at_ns - before == 100 * NS_PER_MS);
        before = event.at_ns;
    }
    assert_false(arrival_next(&arrival, UINT64_MAX, &event));
}

/* It is the latest of all readers' times, as far as the plan goes; a share's is the whole plan's.
 */
static void test_last_due(void **state)
{
    for (int kind = ARRIVAL_EVEN; kind <= ARRIVAL_POISSON; kind++) {
        for (uint64_t duration_s = 2; duration_s <= 3600; duration_s *= 60) {
            struct plan plan = make_plan(kind, 100);
            uint64_t at_ns[READERS + 1] = {0}, last_ns = 0;
            plan.duration_ns = duration_s * NS_PER_S;
            collect(&plan, at_ns);
            for (uint32_t i = 1; i <= READERS; i++)
                last_ns = at_ns[i] > last_ns ? at_ns[i] : last_ns;
            assert_int_equal(arrival_last_due_ns(&plan), last_ns);
            plan.share = 2;
            plan.shares = 3;
            plan.own_readers = 333;
            assert_int_equal(arrival_last_due_ns(&plan), last_ns);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even),
        cmocka_unit_test(test_curves),
        cmocka_unit_test(test_rate_bounds_a_burst),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_poisson_is_exponential),
        cmocka_unit_test(test_seed_decides),
        cmocka_unit_test(test_ends_with_the_plan),
        cmocka_unit_test(test_last_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
