#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/ready.h"
#include "cli/scenario_plans.h"
#include "load/arrival.h"

static char said[8192];
static struct text error;
static struct scenario scenario;
static struct scenario_plans *plans;
static struct options given;

static bool make(const char *yaml, const char *option)
{
    char program[] = "rtspbench", word[200];
    char *argv[] = {program, word};
    snprintf(word, sizeof(word), "%s", option ? option : "");
    error = text_init(said, sizeof(said));
    plans = calloc(1, sizeof(*plans));
    assert_non_null(plans);
    assert_true(options_parse(&given, option ? 2 : 1, argv, &error));
    return scenario_parse(&scenario, "f", slice_from_string(yaml), &error) &&
           scenario_plans_make(plans, &scenario, &given, "rtsp://10.1.2.3:554/demo", &error);
}

static void drop(void)
{
    scenario_plans_dispose(plans);
    free(plans);
    options_dispose(&given);
    scenario_dispose(&scenario);
}

static void test_plain(void **state)
{
    assert_true(make("readers: 7\nrate: 600/m\nduration: 1m30s\nreconnect: yes\nadaptive: false\n"
                     "url: [rtsp://a/x, 'rtsp://a/y']\n",
                     NULL));
    const struct plan *plan = &plans->plans[0];
    assert_int_equal(plans->count, 1);
    assert_null(plan->group);
    assert_int_equal(plan->readers, 7);
    assert_true(plan->rate_per_s == 10);
    assert_int_equal(plan->duration_ns, 90 * NS_PER_S);
    assert_true(plan->reconnect && !plan->adaptive);
    assert_int_equal(plan->urls.count, 2);
    assert_string_equal(plan->urls.items[1].url, "rtsp://a/y");
    drop();
}

/* What the groups say wins over what stands outside, and each is seeded apart. */
static void test_groups(void **state)
{
    assert_true(make("duration: 20s\nseed: 5\nurl: rtsp://a/x\nvars: {n: 3}\ngroups:\n"
                     "- name: one\n  readers: ${n}\n"
                     "- {name: two, start: 5s, end: 9s, url: rtsp://a/y, transport: udp}\n"
                     "- {name: three, start: 5s}\n",
                     NULL));
    const struct plan *plan = plans->plans;
    assert_int_equal(plans->count, 3);
    assert_string_equal(plan[1].group, "two");
    assert_int_equal(plan[0].readers, 3);
    assert_int_equal(plan[0].begins_ns, 0);
    assert_int_equal(plan[0].duration_ns, 20 * NS_PER_S);
    assert_int_equal(plan[1].begins_ns, 5 * NS_PER_S);
    assert_int_equal(plan[1].duration_ns, 4 * NS_PER_S);
    assert_int_equal(plan[2].duration_ns, 15 * NS_PER_S);
    assert_string_equal(plan[1].urls.items[0].url, "rtsp://a/y");
    assert_int_equal(plan[1].urls.count, 1);
    assert_int_equal(plan[1].transport, PLAN_UDP);
    assert_int_equal(plan[0].seed, 5);
    assert_true(plan[1].seed != 5 && plan[2].seed != 5 && plan[1].seed != plan[2].seed);
    uint64_t seed = plan[2].seed;
    drop();
    assert_true(make("seed: 5\ngroups:\n- name: a\n- name: b\n- name: c\n", NULL));
    assert_int_equal(plans->plans[2].seed, seed);
    drop();
}

static void test_command_line_wins(void **state)
{
    assert_true(make("hours: 5\nreaders: 9\n", "--duration=3s"));
    assert_int_equal(plans->plans[0].duration_ns, 3 * NS_PER_S);
    assert_int_equal(plans->plans[0].readers, 9);
    drop();
    assert_true(make("url: rtsp://a/x\n", "--url=rtsp://b/y"));
    assert_int_equal(plans->plans[0].urls.count, 1);
    assert_string_equal(plans->plans[0].urls.items[0].url, "rtsp://b/y");
    drop();
    assert_true(make("vars: {v: 4}\nreaders: ${v}\n", "--var=v=6"));
    assert_int_equal(plans->plans[0].readers, 6);
    drop();
}

static void test_server(void **state)
{
    assert_true(make("url: '${server}/cam{1..3}'\n", NULL));
    assert_int_equal(plans->plans[0].urls.count, 3);
    assert_string_equal(plans->plans[0].urls.items[2].url, "rtsp://10.1.2.3:554/cam3");
    drop();
    assert_true(make("readers: 1\n", NULL));
    assert_string_equal(plans->plans[0].urls.items[0].url, "rtsp://10.1.2.3:554/demo");
    drop();
}

/* A hash over who begins and leaves when in every group, who misbehaves how, and how long a session
   lives. */
static uint64_t arrivals_of(const char *yaml)
{
    static const struct machine roomy = {
        .cores = 1,
        .memory_bytes = UINT64_C(1) << 40,
        .nofile = 20000,
        .files_free = 100000000,
        .port_low = 32768,
        .port_high = 60999,
        .rcvbuf_max = UINT64_MAX,
    };
    uint64_t hash = UINT64_C(0xcbf29ce484222325), events = 0;
    char warned[512];
    struct text warning = text_init(warned, sizeof(warned));
    assert_true(make(yaml, NULL));
    for (unsigned i = 0; i < plans->count; i++) {
        struct plan *plan = &plans->plans[i];
        struct arrival arrival;
        struct arrival_event event;
        assert_true(plan_resolve(plan, &roomy, &error, &warning));
        assert_int_equal(plan->shards, 1);
        arrival_init(&arrival, plan, 0);
        while (arrival_next(&arrival, TIME_NEVER, &event)) {
            struct rng rng = rng_init(plan->seed, event.reader, 1);
            const uint64_t words[] = {event.reader, event.at_ns, event.leaves,
                                      (uint64_t)plan_misbehaviour(plan, event.reader),
                                      distribution_draw(&plan->life, &rng)};
            for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
                hash = (hash ^ words[k]) * UINT64_C(0x100000001b3);
            events++;
        }
    }
    assert_true(events > 200);
    drop();
    return hash;
}

/* The same file with a seed repeats the same arrivals; with another seed there are others. */
static void test_a_seed_repeats_the_arrivals(void **state)
{
#define GROUPS                                                                                     \
    "duration: 2m\nurl: rtsp://a/x\ngroups:\n"                                                     \
    "- {name: a, readers: 100, rate: 5/s, arrival: poisson, session-duration: 'exp:10s'}\n"        \
    "- {name: b, readers: 50, profile: 'sine:period=30s,noise=20%'}\n"                             \
    "- {name: c, readers: 80, rate: 4/s, bad-clients: 'rst,garbage:2', bad-client-ratio: 0.5}\n"
    uint64_t seven = arrivals_of("seed: 7\n" GROUPS);
    assert_true(seven == arrivals_of("seed: 7\n" GROUPS));
    assert_true(seven != arrivals_of("seed: 8\n" GROUPS));
#undef GROUPS
}

static void test_ready(void **state)
{
    assert_int_equal(ready_count, 14);
    for (unsigned i = 0; i < ready_count; i++) {
        char yaml[2048];
        struct slice text = slice_make(ready_scenarios[i].yaml,
                                       (size_t)(ready_scenarios[i].end - ready_scenarios[i].yaml));
        assert_true(slice_to_string(text, yaml, sizeof(yaml)));
        if (!make(yaml, NULL))
            fail_msg("%s: %s", ready_scenarios[i].name, text_string(&error));
        if (ready_scenarios[i].is_short)
            assert_true(plans->plans[0].duration_ns <= 20 * NS_PER_S);
        drop();
    }
}

/* More of them are in tests/e2e/scenario.py. */
static void test_mistakes(void **state)
{
    static const struct {
        const char *yaml, *said;
    } rows[] = {
        {"- a\n", "f:1: expected keys and values, as in 'readers: 100'"},
        {"readers: 1\nurl: {a: b}\n", "f:2: expected a value or a list of values"},
        {"help: true\n", "f:1: unknown key 'help': expected a long option of 'rtspbench run'"},
        {"groups: []\n", "f:1: expected at least one group"},
        {"groups:\n- {name: a, start: x}\n", "f:2: start: expected a duration such as 30s"},
        {"groups:\n- {name: a, seed: 3}\n",
         "f:2: seed: expected it outside of groups: it is for the whole run"},
        {"duration: 5\n", "f:1: duration '5': expected a duration such as 500ms, 30s or 1h30m, at "
                          "least 1.00 ms"},
        {"rate: 5/s\nuser-agent: \"a\\r\\nX-Evil: 1\"\n",
         "f:2: user-agent 'a\r\nX-Evil: 1': expected one line: no CR and no LF"},
        {"user-agent: \"a\\0b\"\n", "f:1: expected a value without a NUL"},
        {"header: [\"A: b\", \"A: b\\0c\"]\n", "f:1: expected a value without a NUL"},
        {"rate: 5/s\nuser-agent: ${x\n", "f:2: '${x': expected a variable of 'vars' or --var"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(make(rows[i].yaml, NULL));
        assert_string_equal(text_string(&error), rows[i].said);
        drop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_command_line_wins),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_a_seed_repeats_the_arrivals),
        cmocka_unit_test(test_ready),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
