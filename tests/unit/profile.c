#include "test.h"

#include <math.h>

#include "base/clock.h"
#include "load/profile.h"

#define MINUTE (60 * NS_PER_S)

static struct profile parsed(const char *text)
{
    char room[200];
    struct text error = text_init(room, sizeof(room));
    struct profile profile = {.readers = 100, .duration_ns = 10 * MINUTE, .seed = 1};
    assert_true(profile_parse(text, &profile, &error));
    assert_true(profile_parse_hours(NULL, &profile, &error));
    return profile;
}

/* Targets worked out by hand from what each profile says it does. */
static void test_targets(void **state)
{
    static const struct {
        const char *text;
        uint64_t at_ns;
        double target;
    } rows[] = {
        {"constant", 0, 100},
        {"constant", 9 * MINUTE, 100},
        {"ramp", 0, 0},
        {"ramp", 150 * NS_PER_S, 50}, /* over half of the duration */
        {"ramp", 6 * MINUTE, 100},
        {"ramp:over=1m", 15 * NS_PER_S, 25},
        {"burst:n=30,every=1m", 0, 30},
        {"burst:n=30,every=1m", 59 * NS_PER_S, 30},
        {"burst:n=30,every=1m", MINUTE, 60},
        {"burst:n=30,every=1m", 5 * MINUTE, 100},
        {"step:steps=4", 0, 25},
        {"step:steps=4", 151 * NS_PER_S, 50},
        {"step:steps=4", 599 * NS_PER_S, 100},
        {"spike:factor=3,every=1m,length=10s", 49 * NS_PER_S, 100},
        {"spike:factor=3,every=1m,length=10s", 50 * NS_PER_S, 300},
        {"spike:factor=3,every=1m,length=10s", 60 * NS_PER_S, 100},
        {"sine:amplitude=0.5,period=4m", 0, 100},
        {"sine:amplitude=0.5,period=4m", MINUTE, 150},
        {"sine:amplitude=0.5,period=4m", 3 * MINUTE, 50},
        {"day", 0, 60},
        {"day", 8 * 60 * MINUTE + MINUTE, 120},
        {"day", 12 * 60 * MINUTE + MINUTE, 90},
        {"day", 15 * 60 * MINUTE, 110},
        {"day", 20 * 60 * MINUTE, 130},
        {"day", 17 * 60 * MINUTE + MINUTE, 80},
        {"day", 44 * 60 * MINUTE, 130}, /* the next evening */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct profile profile = parsed(rows[i].text);
        double target = profile_target(&profile, rows[i].at_ns);
        if (fabs(target - rows[i].target) > 1e-6)
            fail_msg("%s at %.0f s: %f, expected %f", rows[i].text, (double)rows[i].at_ns / 1e9,
                     target, rows[i].target);
    }
}

static void test_stages(void **state)
{
    char room[200];
    struct text error = text_init(room, sizeof(room));
    struct profile profile = {.readers = 1};
    assert_true(profile_parse_stages("30s:100,2m:1000,30s:0", &profile, &error));
    assert_true(fabs(profile_target(&profile, 15 * NS_PER_S) - 50) < 1e-9);
    assert_true(fabs(profile_target(&profile, 90 * NS_PER_S) - 550) < 1e-9);
    assert_true(fabs(profile_target(&profile, 165 * NS_PER_S) - 500) < 1e-9);
    assert_true(profile_target(&profile, 200 * NS_PER_S) == 0);
    assert_int_equal(profile_peak(&profile), 1000);
}

static void test_refused(void **state)
{
    static const char *const wrong[] = {
        "",       "sawtooth",   "ramp:over=0",  "ramp:over=x",  "burst:n",       "sine:height=3",
        "stages", "real_world", "sine:noise=2", "step:steps=0", "step:steps=2.5"};
    static const char *const stages[] = {"", "30s", "30:100", "30s:x", "30s:100,,"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char room[200];
        struct text error = text_init(room, sizeof(room));
        struct profile profile = {.readers = 1};
        if (profile_parse(wrong[i], &profile, &error) || error.len == 0)
            fail_msg("'%s' was not refused", wrong[i]);
    }
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        char room[200];
        struct text error = text_init(room, sizeof(room));
        struct profile profile = {.readers = 1};
        if (profile_parse_stages(stages[i], &profile, &error) || error.len == 0)
            fail_msg("stages '%s' were not refused", stages[i]);
    }
}

/* No moment of a long run wants more than the peak that pools are sized by, and noise keeps its
 * bounds. */
static void test_peak_holds(void **state)
{
    static const char *const texts[] = {"constant:noise=0.2", "sine:noise=0.1", "spike:factor=2.5",
                                        "day:noise=0.3", "burst:noise=0.5"};
    for (size_t i = 0; i <= sizeof(texts) / sizeof(texts[0]); i++) {
        bool real = i == sizeof(texts) / sizeof(texts[0]);
        struct profile profile = parsed(real ? "day" : texts[i]);
        double least = 1e9, most = 0;
        if (real) {
            profile.kind = PROFILE_REAL_WORLD;
            profile.variance = 0.3;
        }
        for (uint64_t t_ns = 0; t_ns < 48 * 60 * MINUTE; t_ns += 7 * NS_PER_S) {
            double target = profile_target(&profile, t_ns);
            most = fmax(most, target);
            least = fmin(least, target);
        }
        assert_true(most <= profile_peak(&profile));
        assert_true(most > 0.8 * profile_peak(&profile) || real);
        if (i == 0)
            assert_true(least >= 80 && most <= 120 && most - least > 30);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_peak_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
