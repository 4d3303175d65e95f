/* How late a shard says it was, on the simulated network, where nobody ever is. */
#include "world.h"

#include "load/control.h"

#define URL "rtsp://" WORLD_HOST ":554/two"
#define LATE_MAX_US 1000u /* what the turns of a simulated loop may differ by */

static void assert_never_late(const struct stats *total)
{
    const struct histogram *loop_lag = &total->metrics[METRIC_LOOP_LAG];
    assert_true(total->sessions.established > 0);
    assert_true(loop_lag->count > 0);
    assert_true(loop_lag->max <= LATE_MAX_US);
}

static void begin(struct world *world, const char *stages, uint32_t threads)
{
    char room[128];
    struct text error = text_init(room, sizeof(room));
    world_init(world, URL);
    assert_true(profile_parse_stages(stages, &world->plan.profile, &error));
    world->plan.readers = profile_peak(&world->plan.profile);
    world->plan.duration_ns = 5 * NS_PER_S;
    world->plan.threads = threads;
}

static void finish(struct world *world)
{
    while (world_turn(world))
        continue;
    const struct stats *total = world_result(world);
    assert_never_late(total);
    assert_int_equal(world->snapshot->generator.limits, 0);
}

/* Curves whose target falls to 0 or begins there, and ramps whose second reader is far away: some
   shard has nothing to wait for as the run begins. */
static void test_curves(void **state)
{
    static const struct {
        const char *stages;
        uint32_t threads;
    } rows[] = {
        {"2s:10,2s:10,1s:0", 1}, {"2s:10,2s:10,1s:0", 2}, {"2s:10,2s:10,1s:0", 8},
        {"1s:0,2s:10,2s:10", 1}, {"1s:0,2s:10,2s:10", 2}, {"2s:20,2s:20,1s:0", 2},
        {"4s:2,1s:2", 2},
    };
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct world world;
        begin(&world, rows[row].stages, rows[row].threads);
        world_begin(&world);
        finish(&world);
        assert_true(world.snapshot->total->metrics[METRIC_SCHEDULE_LAG].max <= LATE_MAX_US);
        world_end(&world);
    }
}

/* A shard that turns before its start, as those of a later group do, was late for nothing. */
static void test_before_the_start(void **state)
{
    struct world world;
    begin(&world, "1s:0,2s:10,2s:10", 2);
    world_begin(&world);
    for (uint32_t i = 0; i < world.plan.shards; i++)
        shard_start(&world.shards[i], world.start_ns + 3 * NS_PER_S);
    uint64_t start_ns = world.start_ns + 3 * NS_PER_S, sampled = 0;
    while (world_turn(&world) && sim_now(world.sim) < start_ns) {
        for (uint32_t i = 0; i < world.plan.shards; i++)
            sampled +=
                collector_exchange(world.collector, i)->current->metrics[METRIC_LOOP_LAG].count;
    }
    assert_true(world.turns > 30);
    assert_int_equal(sampled, 0);
    world_end(&world);
}

/* Who was held up by a pause begins late by it, as the plan has it; the loops were not late. */
static void test_pause(void **state)
{
    static struct run_control control;
    struct world world;
    world_init(&world, URL);
    world.plan.readers = 20;
    world.plan.threads = 2;
    world.plan.rate_per_s = 10;
    control = (struct run_control){0};
    world.control = &control;
    world_begin(&world);
    control_allow(&control, &world.plan, 1);
    uint64_t began_ns = sim_now(world.sim);
    while (world_turn(&world)) {
        uint64_t since_ns = sim_now(world.sim) - began_ns;
        bool paused = since_ns > 500 * NS_PER_MS && since_ns < 3500 * NS_PER_MS;
        if (control.paused && !paused) /* time goes on until the shards see it */
            sim_advance(world.sim, sim_now(world.sim) + NS_PER_MS);
        control_pause(&control, paused);
    }
    const struct stats *total = world_result(&world);
    assert_never_late(total);
    assert_int_equal(total->sessions.started, 20);
    assert_true(total->metrics[METRIC_SCHEDULE_LAG].max > 2500000);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_curves),
        cmocka_unit_test(test_before_the_start),
        cmocka_unit_test(test_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
