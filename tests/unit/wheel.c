#include "test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/wheel.h"

#define ENTRIES 500

struct record {
    uint64_t due_ns;
    struct wheel_entry timer;
};

static struct record records[ENTRIES];

static void init(struct wheel *wheel, uint64_t now_ns)
{
    memset(records, 0, sizeof(records));
    assert_int_equal(
        wheel_init(wheel, now_ns, records, sizeof(struct record), offsetof(struct record, timer)),
        0);
}

/* Every entry fires at or after its deadline and within 1 ms of the clock passing it. */
static void test_fires_on_time(void **state)
{
    struct wheel wheel;
    struct rng rng = rng_init(7, 0, 0);
    uint64_t now = 12345 * NS_PER_MS + 678;
    init(&wheel, now);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        records[i].due_ns = now + rng_below(&rng, 20 * NS_PER_S);
        wheel_set(&wheel, i, records[i].due_ns);
    }
    uint32_t fired = 0;
    while (fired < ENTRIES) {
        uint64_t next = wheel_next_ns(&wheel);
        assert_true(next != TIME_NEVER);
        uint64_t step = now + rng_below(&rng, 7 * NS_PER_MS);
        now = next > step ? next : step;
        for (uint32_t i; (i = wheel_expire(&wheel, now)) != UINT32_MAX; fired++) {
            assert_true(records[i].due_ns <= now);
            assert_true(records[i].due_ns != 0);
            records[i].due_ns = 0;
        }
        for (uint32_t i = 0; i < ENTRIES; i++)
            assert_true(records[i].due_ns == 0 || records[i].due_ns + NS_PER_MS > now);
    }
    assert_true(wheel_next_ns(&wheel) == TIME_NEVER);
    wheel_dispose(&wheel);
}

static void test_cancel_and_move(void **state)
{
    struct wheel wheel;
    init(&wheel, NS_PER_S);
    wheel_set(&wheel, 1, 2 * NS_PER_S);
    wheel_set(&wheel, 2, 2 * NS_PER_S);
    wheel_set(&wheel, 3, 2 * NS_PER_S);
    wheel_cancel(&wheel, 2);
    wheel_cancel(&wheel, 2);
    wheel_set(&wheel, 3, 30 * NS_PER_S);
    assert_int_equal(wheel_expire(&wheel, 2 * NS_PER_S - 1), UINT32_MAX);
    assert_int_equal(wheel_expire(&wheel, 2 * NS_PER_S), 1);
    assert_int_equal(wheel_expire(&wheel, 29 * NS_PER_S), UINT32_MAX);
    assert_int_equal(wheel_expire(&wheel, 30 * NS_PER_S), 3);
    assert_int_equal(wheel.count, 0);
    wheel_dispose(&wheel);
}

/* A deadline in the past fires at the next millisecond, not a turn of the wheel later. */
static void test_past_deadline(void **state)
{
    struct wheel wheel;
    init(&wheel, 0);
    assert_int_equal(wheel_expire(&wheel, 50 * NS_PER_S), UINT32_MAX);
    wheel_set(&wheel, 0, 10 * NS_PER_S);
    assert_int_equal(wheel_expire(&wheel, 50 * NS_PER_S + NS_PER_MS), 0);
    wheel_dispose(&wheel);
}

/* 60 days pass: 32 bits of milliseconds are not enough, and are not needed. */
static void test_long_life(void **state)
{
    struct wheel wheel;
    uint64_t now = 5;
    init(&wheel, now);
    for (int day = 0; day < 60; day++) {
        wheel_set(&wheel, 9, now + 86400 * NS_PER_S);
        assert_int_equal(wheel_expire(&wheel, now + 86399 * NS_PER_S), UINT32_MAX);
        now += 86400 * NS_PER_S + NS_PER_MS;
        assert_int_equal(wheel_expire(&wheel, now), 9);
    }
    wheel_dispose(&wheel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fires_on_time),
        cmocka_unit_test(test_cancel_and_move),
        cmocka_unit_test(test_past_deadline),
        cmocka_unit_test(test_long_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
