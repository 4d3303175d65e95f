/* Targets changed by hand while a run goes, on the simulated network. */
#include "world.h"

#include "load/control.h"

#define URL "rtsp://" WORLD_HOST ":554/two"

/* What was done after so long, and how many sessions are there a while later. */
struct act {
    uint64_t at_ms;
    int change;
    bool paused;
    uint64_t look_ms;
    uint32_t active, active_to; /* the range; active_to 0: exactly active */
};

struct play {
    const char *name;
    enum profile_kind kind;
    enum plan_arrival arrival;
    uint32_t readers, threads;
    double rate_per_s;
    struct act acts[4];
    uint32_t started, started_to;
};

static struct run_control control;

static void begin(struct world *world, const struct play *play, bool open)
{
    world_init(world, URL);
    world->plan.readers = play->readers;
    world->plan.threads = play->threads;
    world->plan.rate_per_s = play->rate_per_s;
    world->plan.arrival = play->arrival;
    world->plan.profile.kind = play->kind;
    world->plan.duration_ns = 20 * NS_PER_S;
    world->plan.open = open;
    world->interval_ns = NS_PER_S;
    control = (struct run_control){0};
    world->control = &control;
    world_begin(world);
    control_allow(&control, &world->plan, 1);
}

static uint32_t active(const struct world *world)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < world->plan.shards; i++)
        sum += world->shards[i].client.active;
    return sum;
}

static bool turn_until(struct world *world, uint64_t ms)
{
    uint64_t end_ns = world->start_ns + ms * NS_PER_MS;
    while (sim_now(world->sim) < end_ns) {
        if (!world_turn(world))
            return false;
    }
    return true;
}

static void finish(struct world *world)
{
    while (world_turn(world))
        continue;
}

static void assert_between(const char *what, uint64_t value, uint64_t from, uint64_t to)
{
    if (value < from || value > (to > 0 ? to : from))
        fail_msg("%s: %lu", what, (unsigned long)value);
}

/* 0 is the plan's own. What is more begins at the plan's rate; what is less leaves at once. */
static const struct play closed_plays[] = {
    {"up and down",
     PROFILE_CONSTANT,
     ARRIVAL_EVEN,
     20,
     1,
     20,
     {{3000, 500, false, 3200, 22, 25},
      {3200, 500, false, 4000, 30, 0},
      {5000, -500, false, 5500, 10, 0},
      {6000, 0, false, 7000, 20, 0}},
     40,
     0},
    {"two shards",
     PROFILE_CONSTANT,
     ARRIVAL_EVEN,
     21,
     2,
     20,
     {{3000, 1000, false, 4800, 42, 0},
      {5000, -900, false, 5500, 2, 0},
      {6000, 0, false, 7500, 21, 0}},
     61,
     0},
    {"poisson",
     PROFILE_CONSTANT,
     ARRIVAL_POISSON,
     20,
     2,
     40,
     {{3000, 500, false, 4000, 30, 0}, {5000, -500, false, 5500, 10, 0}},
     30,
     0},
    {"in the ramp",
     PROFILE_CONSTANT,
     ARRIVAL_EVEN,
     100,
     1,
     10,
     {{2000, -900, false, 2500, 10, 0},
      {3000, 0, false, 4000, 16, 20},
      {4000, -800, false, 19000, 20, 0}},
     30,
     0},
    {"before the first",
     PROFILE_CONSTANT,
     ARRIVAL_EVEN,
     10,
     1,
     1,
     {{100, -500, false, 9000, 5, 0}, {9000, 0, false, 15000, 10, 0}},
     10,
     0},
    {"while paused",
     PROFILE_CONSTANT,
     ARRIVAL_EVEN,
     20,
     1,
     10,
     {{1050, 0, true, 1900, 10, 0},
      {1900, -900, true, 2500, 2, 0},
      {2500, 500, true, 4000, 2, 0},
      {4000, 500, false, 8000, 30, 0}},
     38,
     0},
    {"a curve",
     PROFILE_RAMP,
     ARRIVAL_EVEN,
     40,
     2,
     20,
     {{12000, 500, false, 14000, 60, 0}, {14000, -500, false, 14500, 20, 0}},
     60,
     0},
};

static void test_closed(void **state)
{
    struct world world;
    for (size_t i = 0; i < sizeof(closed_plays) / sizeof(closed_plays[0]); i++) {
        const struct play *play = &closed_plays[i];
        begin(&world, play, false);
        for (size_t k = 0; k < 4 && play->acts[k].at_ms > 0; k++) {
            const struct act *act = &play->acts[k];
            assert_true(turn_until(&world, act->at_ms));
            atomic_store(&control.change, act->change);
            atomic_store(&control.paused, act->paused);
            assert_true(turn_until(&world, act->look_ms));
            if (active(&world) != act->active)
                assert_between(play->name, active(&world), act->active, act->active_to);
        }
        finish(&world);
        const struct stats *stats = world_result(&world);
        assert_between(play->name, stats->sessions.started, play->started, play->started_to);
        assert_int_equal(stats->sessions.completed + stats->sessions.cut_off,
                         stats->sessions.started);
        assert_int_equal(stats->error_count, 0);
        world_end(&world);
    }
}

/* Where sessions arrive whatever happens it is their rate that changes: 10 a second, then 20 from
   the fifth to the tenth second, then 5. */
static void test_open(void **state)
{
    struct world world;
    for (enum plan_arrival arrival = ARRIVAL_EVEN; arrival <= ARRIVAL_POISSON; arrival++) {
        const struct play play = {"", PROFILE_CONSTANT, arrival, 1000, 2, 10, {{0}}, 0, 0};
        begin(&world, &play, true);
        turn_until(&world, 5000);
        uint64_t first = world_sessions(&world).started;
        atomic_store(&control.change, 1000);
        turn_until(&world, 10000);
        uint64_t second = world_sessions(&world).started - first;
        atomic_store(&control.change, -500);
        finish(&world);
        uint64_t third = world_result(&world)->sessions.started - first - second;
        bool even = arrival == ARRIVAL_EVEN; /* else within 3.3 standard deviations */
        assert_between("first", first, even ? 49 : 27, even ? 51 : 73);
        assert_between("second", second, even ? 99 : 67, even ? 101 : 133);
        assert_between("third", third, even ? 49 : 27, even ? 51 : 73);
        world_end(&world);
    }
}

/* Never more than was set up at the start, whatever is asked for. */
static void test_room(void **state)
{
    const struct play play = {"", PROFILE_CONSTANT, ARRIVAL_EVEN, 10, 1, 100, {{0}}, 0, 0};
    struct world world;
    begin(&world, &play, false);
    assert_int_equal(world.plan.readers_most, 100);
    assert_int_equal(control.most, 9000);
    turn_until(&world, 1000);
    atomic_store(&control.change, 20000);
    turn_until(&world, 10000);
    assert_int_equal(active(&world), 100);
    finish(&world);
    world_result(&world);
    world_end(&world);
}

/* A run that could have been changed and was not is the run that could not be. */
static void test_untouched(void **state)
{
    for (enum plan_arrival arrival = ARRIVAL_EVEN; arrival <= ARRIVAL_POISSON; arrival++) {
        const struct play play = {"", PROFILE_CONSTANT, arrival, 30, 2, 7, {{0}}, 0, 0};
        uint64_t digests[2];
        for (unsigned i = 0; i < 2; i++) {
            struct world world;
            begin(&world, &play, false);
            for (uint32_t k = 0; i == 1 && k < world.plan.shards; k++)
                world.shards[k].setup.control = NULL;
            finish(&world);
            digests[i] = world_digest(world_result(&world), true);
            world_end(&world);
        }
        assert_true(digests[0] == digests[1]);
    }
}

static void test_steps(void **state)
{
    static const struct {
        int from, most;
        bool up;
        int to;
        bool changed;
    } rows[] = {
        {0, 9000, true, 100, true},      {0, 9000, false, -100, true},
        {100, 9000, false, 0, true},     {-900, 9000, false, -900, false},
        {-800, 9000, false, -900, true}, {9000, 9000, true, 9000, false},
        {0, 0, true, 0, false},          {0, 150, true, 100, true},
        {100, 150, true, 150, true},     {150, 150, true, 150, false},
        {150, 150, false, 100, true},    {-100, 50, true, 0, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run_control one = {.change = rows[i].from, .most = rows[i].most};
        assert_int_equal(control_step(&one, rows[i].up), rows[i].changed);
        assert_int_equal(atomic_load(&one.change), rows[i].to);
        assert_int_equal(control_by_hand(&one).changes, rows[i].changed);
    }
    struct run_control one = {.paused = false};
    for (int i = 0; i < 4; i++)
        control_pause(&one, i < 2);
    assert_int_equal(control_by_hand(&one).pauses, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed),    cmocka_unit_test(test_open),  cmocka_unit_test(test_room),
        cmocka_unit_test(test_untouched), cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
