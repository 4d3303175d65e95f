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

/* When a target is first at its greatest, by hand: 100 readers, 10 minutes where nothing else is
   said. A target that is still rising at the end is at its greatest there. */
static void test_peak_moments(void **state)
{
    static const struct {
        const char *text;
        uint64_t duration_ns, peak_ns;
    } rows[] = {
        {"constant", 10 * MINUTE, 0},
        {"ramp", 10 * MINUTE, 5 * MINUTE}, /* over half of the duration */
        {"ramp:over=1m", 10 * MINUTE, MINUTE},
        {"ramp:over=10m", 4 * MINUTE, 4 * MINUTE},
        {"ramp:over=1m,noise=0.2", 10 * MINUTE, MINUTE},
        {"burst:n=30,every=1m", 10 * MINUTE, 3 * MINUTE}, /* 30, 60, 90, 100 */
        {"burst:n=25,every=1m", 10 * MINUTE, 3 * MINUTE}, /* 25, 50, 75, 100 */
        {"burst:n=200,every=1m", 10 * MINUTE, 0},
        {"burst", 10 * MINUTE, 9 * MINUTE},            /* a tenth each tenth of the duration */
        {"burst:n=30,every=1m", 2 * MINUTE, MINUTE},   /* 60 are all that come */
        {"step:steps=4", 10 * MINUTE, 450 * NS_PER_S}, /* the fourth fourth */
        {"step", 10 * MINUTE, 8 * MINUTE},             /* 5 steps */
        {"step:steps=1", 10 * MINUTE, 0},
        {"spike:factor=3,every=1m,length=10s", 10 * MINUTE, 50 * NS_PER_S},
        {"spike:factor=3,every=1m,length=10s", 40 * NS_PER_S, 0}, /* none comes */
        {"spike:factor=3,every=1m,length=2m", 10 * MINUTE, 0},    /* it is always there */
        {"spike:factor=0.5,every=1m,length=10s", 10 * MINUTE, 0}, /* a dip */
        {"sine:period=4m", 10 * MINUTE, MINUTE},
        {"sine", 10 * MINUTE, 150 * NS_PER_S},
        {"sine:period=4m", 30 * NS_PER_S, 30 * NS_PER_S},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct profile profile = parsed(rows[i].text);
        profile.duration_ns = rows[i].duration_ns;
        uint64_t peak_ns = profile_peak_ns(&profile);
        if (peak_ns != rows[i].peak_ns)
            fail_msg("%s: %.3f s, expected %.3f s", rows[i].text, (double)peak_ns / 1e9,
                     (double)rows[i].peak_ns / 1e9);
    }
}

static void test_stages_peak_moments(void **state)
{
    static const struct {
        const char *text;
        uint64_t duration_s, peak_s;
    } rows[] = {
        {"2s:10,2s:10,2s:0", 6, 2},
        {"30s:100,2m:1000,30s:0", 180, 150},
        {"30s:100,2m:1000,30s:0", 20, 20}, /* cut off while it rises */
        {"30s:100,2m:1000,30s:0", 60, 60},
        {"30s:100,30s:0,30s:90", 60, 30},
        {"30s:100,30s:0,30s:200", 89, 89}, /* cut off above the first peak */
        {"30s:100,30s:0,30s:200", 70, 30}, /* and below it */
        {"0s:50,1m:50,1m:20", 120, 0},     /* there at once */
        {"1m:100,0s:20,1m:100", 120, 60},  /* falls where it is highest */
        {"1m:0,1m:0", 120, 0},             /* nobody ever comes */
        {"1m:5", 600, 60},                 /* and stays */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char room[200];
        struct text error = text_init(room, sizeof(room));
        struct profile profile = {.readers = 1, .duration_ns = rows[i].duration_s * NS_PER_S};
        assert_true(profile_parse_stages(rows[i].text, &profile, &error));
        if (profile_peak_ns(&profile) != rows[i].peak_s * NS_PER_S)
            fail_msg("%s: %.3f s", rows[i].text, (double)profile_peak_ns(&profile) / 1e9);
    }
}

/* It is where a walk through the whole curve first finds the highest target. */
static void test_peak_moments_hold(void **state)
{
    static const char *const texts[] = {
        "ramp",         "ramp:over=7m",   "burst",           "burst:n=7,every=13s",
        "step:steps=7", "sine:period=3m", "spike:every=97s", "spike:length=9s"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct profile profile = parsed(texts[i]);
        double most = -1;
        uint64_t at_ns = 0;
        for (uint64_t t_ns = 0; t_ns < 10 * MINUTE; t_ns += NS_PER_S / 10) {
            if (profile_target(&profile, t_ns) <= most + 1e-9)
                continue;
            most = profile_target(&profile, t_ns);
            at_ns = t_ns;
        }
        int64_t off_ns = (int64_t)(at_ns - profile_peak_ns(&profile));
        if (off_ns < -(int64_t)NS_PER_S / 10 || off_ns > (int64_t)NS_PER_S / 10)
            fail_msg("%s: off by %.3f s", texts[i], (double)off_ns / 1e9);
    }
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
        cmocka_unit_test(test_targets),           cmocka_unit_test(test_stages),
        cmocka_unit_test(test_peak_moments),      cmocka_unit_test(test_stages_peak_moments),
        cmocka_unit_test(test_peak_moments_hold), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_peak_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
