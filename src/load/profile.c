#include "load/profile.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/units.h"

#define WINDOW_NS (10 * NS_PER_S) /* noise and real-world targets are drawn anew this often */
#define CHOICE_NOISE UINT64_C(0x6e6f6973)
#define CHOICE_TARGET UINT64_C(0x74617267)
#define CHOICE_SPIKE UINT64_C(0x7370696b)
#define SPIKE_CHANCE 0.01 /* of a window to begin a real-world spike, which lasts 3 windows */
#define SPIKE_WINDOWS 3u
#define SPIKE_FACTOR 1.5
#define HOUR_NS (3600 * NS_PER_S)

static const char *const names[] = {
    [PROFILE_CONSTANT] = "constant", [PROFILE_RAMP] = "ramp",   [PROFILE_BURST] = "burst",
    [PROFILE_STEP] = "step",         [PROFILE_SPIKE] = "spike", [PROFILE_SINE] = "sine",
    [PROFILE_STAGES] = "stages",     [PROFILE_DAY] = "day",     [PROFILE_REAL_WORLD] = "real_world",
};

/* Morning peak 120 %, lunch dip 90 %, afternoon 110 %, evening peak 130 %, night 60 %, other hours
 * 80 %. */
static const double default_hours[PROFILE_HOURS] = {
    0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.8, 0.8, 1.2, 1.2, 1.2, 0.8,
    0.9, 0.9, 1.1, 1.1, 1.1, 0.8, 0.8, 1.3, 1.3, 1.3, 0.8, 0.6,
};

const char *profile_name(enum profile_kind kind)
{
    return names[kind];
}

struct parameter {
    const char *name;
    enum { NUMBER, DURATION, RATIO, COUNT } type;
    size_t at;
};

#define AT(field) offsetof(struct profile, field)

static const struct parameter parameters[] = {
    {"noise", RATIO, AT(noise)},
    {"over", DURATION, AT(ramp_ns)},
    {"n", NUMBER, AT(burst)},
    {"every", DURATION, AT(every_ns)},
    {"steps", COUNT, AT(steps)},
    {"factor", NUMBER, AT(factor)},
    {"length", DURATION, AT(length_ns)},
    {"amplitude", RATIO, AT(amplitude)},
    {"period", DURATION, AT(period_ns)},
};

static bool parse_value(const struct parameter *parameter, const char *value,
                        struct profile *profile)
{
    void *field = (char *)profile + parameter->at;
    uint64_t count = 0;
    double number;
    bool ok = false;
    switch (parameter->type) {
    case NUMBER:
        ok = units_parse_rate(value, &number);
        if (ok)
            memcpy(field, &number, sizeof(number));
        break;
    case RATIO:
        ok = units_parse_ratio(value, &number);
        if (ok)
            memcpy(field, &number, sizeof(number));
        break;
    case DURATION:
        ok = units_parse_duration(value, &count) && count > 0;
        if (ok)
            memcpy(field, &count, sizeof(count));
        break;
    case COUNT:
        ok = units_parse_count(value, 1, 1000000, &count);
        if (ok)
            memcpy(field, &(uint32_t){(uint32_t)count}, sizeof(uint32_t));
        break;
    }
    return ok;
}

static bool parse_parameter(struct slice text, struct profile *profile, struct text *error)
{
    char value[64];
    struct slice key = slice_take_until(&text, '=');
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        if (!slice_equal(key, slice_from_string(parameters[i].name)))
            continue;
        if (slice_to_string(text, value, sizeof(value)) &&
            parse_value(&parameters[i], value, profile))
            return true;
        static const char *const expected[] = {"number", "duration such as 30s",
                                               "ratio such as 10%", "whole number"};
        text_printf(error, "a %s for %s", expected[parameters[i].type], parameters[i].name);
        return false;
    }
    text_add_string(error,
                    "the keys noise, over, n, every, steps, factor, length, amplitude, period");
    return false;
}

bool profile_parse(const char *text, struct profile *profile, struct text *error)
{
    struct slice rest = slice_from_string(text);
    struct slice name = slice_take_until(&rest, ':');
    size_t kind = 0;
    while (kind < sizeof(names) / sizeof(names[0]) &&
           !slice_equal(name, slice_from_string(names[kind])))
        kind++;
    if (kind == sizeof(names) / sizeof(names[0]) || kind == PROFILE_STAGES ||
        kind == PROFILE_REAL_WORLD) {
        text_add_string(error, "constant, ramp, burst, step, spike, sine or day");
        return false;
    }
    profile->kind = (enum profile_kind)kind;
    while (rest.len > 0) {
        if (!parse_parameter(slice_take_until(&rest, ','), profile, error))
            return false;
    }
    return true;
}

bool profile_parse_stages(const char *text, struct profile *profile, struct text *error)
{
    struct slice rest = slice_from_string(text);
    uint64_t at_ns = 0;
    profile->kind = PROFILE_STAGES;
    profile->stage_count = 0;
    while (rest.len > 0) {
        char span[32];
        uint64_t span_ns, target;
        struct slice stage = slice_take_until(&rest, ',');
        struct slice first = slice_take_until(&stage, ':');
        if (profile->stage_count == PROFILE_STAGES_MAX ||
            !slice_to_string(slice_trim(first), span, sizeof(span)) ||
            !units_parse_duration(span, &span_ns) ||
            !slice_to_u64(slice_trim(stage), 10000000, &target)) {
            text_printf(error, "DURATION:READERS,... as in 30s:100,2m:1000 (stage %u is not)",
                        profile->stage_count + 1);
            return false;
        }
        at_ns += span_ns;
        profile->stages[profile->stage_count++] = (struct profile_stage){at_ns, (double)target};
    }
    if (profile->stage_count == 0)
        text_add_string(error, "DURATION:READERS,... as in 30s:100,2m:1000");
    return profile->stage_count > 0;
}

bool profile_parse_hours(const char *text, struct profile *profile, struct text *error)
{
    struct slice rest = slice_from_string(text);
    if (!text) {
        memcpy(profile->hours, default_hours, sizeof(default_hours));
        return true;
    }
    for (unsigned hour = 0; hour < PROFILE_HOURS; hour++) {
        uint64_t percent;
        if (!slice_to_u64(slice_trim(slice_take_until(&rest, ',')), 10000, &percent)) {
            text_add_string(error, "24 percentages, one an hour from midnight: 60,60,...");
            return false;
        }
        profile->hours[hour] = (double)percent / 100;
    }
    return rest.len == 0;
}

static uint64_t or_default(uint64_t given, uint64_t otherwise)
{
    uint64_t value = given ? given : otherwise;
    return value ? value : 1;
}

/* Uniform in [-1, 1], another for each window. */
static double draw(const struct profile *profile, uint64_t window, uint64_t what)
{
    struct rng rng = rng_init(profile->seed, window, what);
    return 2 * rng_double(&rng) - 1;
}

static double at_stages(const struct profile *profile, uint64_t t_ns)
{
    uint64_t from_ns = 0;
    double from = 0;
    for (uint32_t i = 0; i < profile->stage_count; i++) {
        const struct profile_stage *stage = &profile->stages[i];
        if (t_ns < stage->at_ns)
            return from + (stage->target - from) * (double)(t_ns - from_ns) /
                              (double)(stage->at_ns - from_ns);
        from_ns = stage->at_ns;
        from = stage->target;
    }
    return from;
}

/* Linear between the middles of the hours' steps would blur the peaks: the curve steps by the hour.
 */
static double share_of_day(const struct profile *profile, uint64_t t_ns)
{
    uint64_t day_ns = or_default(profile->day_ns, 24 * HOUR_NS);
    double days = (double)t_ns / (double)day_ns + (double)profile->day_start_ns / (24.0 * HOUR_NS);
    unsigned hour = (unsigned)((days - floor(days)) * 24);
    return profile->hours[hour < PROFILE_HOURS ? hour : PROFILE_HOURS - 1];
}

static double at_real_world(const struct profile *profile, uint64_t t_ns)
{
    uint64_t window = t_ns / WINDOW_NS;
    double target = profile->readers * share_of_day(profile, t_ns) *
                    (1 + profile->variance * draw(profile, window, CHOICE_TARGET));
    for (uint64_t back = 0; back < SPIKE_WINDOWS && back <= window; back++) {
        if ((draw(profile, window - back, CHOICE_SPIKE) + 1) / 2 < SPIKE_CHANCE)
            return target * SPIKE_FACTOR;
    }
    return target;
}

static uint64_t spike_every_ns(const struct profile *profile)
{
    return or_default(profile->every_ns, profile->duration_ns / 4);
}

/* Since the period's start. */
static uint64_t spike_from_ns(const struct profile *profile)
{
    uint64_t every_ns = spike_every_ns(profile);
    uint64_t length_ns = or_default(profile->length_ns, every_ns / 4);
    return every_ns - (length_ns < every_ns ? length_ns : every_ns);
}

static double spike_factor(const struct profile *profile)
{
    return profile->factor > 0 ? profile->factor : 3;
}

static double at_spike(const struct profile *profile, uint64_t t_ns)
{
    bool up = t_ns % spike_every_ns(profile) >= spike_from_ns(profile);
    return profile->readers * (up ? spike_factor(profile) : 1);
}

static uint64_t burst_every_ns(const struct profile *profile)
{
    return or_default(profile->every_ns, profile->duration_ns / 10);
}

static double burst_size(const struct profile *profile)
{
    return profile->burst > 0 ? profile->burst : ceil(profile->readers / 10);
}

static double at_burst(const struct profile *profile, uint64_t t_ns)
{
    uint64_t bursts = t_ns / burst_every_ns(profile) + 1;
    return fmin(profile->readers, burst_size(profile) * (double)bursts);
}

static uint64_t sine_period_ns(const struct profile *profile)
{
    return or_default(profile->period_ns, profile->duration_ns);
}

static double at_sine(const struct profile *profile, uint64_t t_ns)
{
    double amplitude = profile->amplitude > 0 ? profile->amplitude : 0.5;
    double period_ns = (double)sine_period_ns(profile);
    return profile->readers * (1 + amplitude * sin(2 * M_PI * (double)t_ns / period_ns));
}

static uint32_t step_count(const struct profile *profile)
{
    return profile->steps ? profile->steps : 5;
}

static uint64_t ramp_ns(const struct profile *profile)
{
    return or_default(profile->ramp_ns, profile->duration_ns / 2);
}

static double shape(const struct profile *profile, uint64_t t_ns)
{
    double steps = step_count(profile);
    double through = (double)t_ns / (double)or_default(profile->duration_ns, 1);
    switch (profile->kind) {
    case PROFILE_RAMP:
        return profile->readers * fmin(1, (double)t_ns / (double)ramp_ns(profile));
    case PROFILE_BURST:
        return at_burst(profile, t_ns);
    case PROFILE_STEP:
        return profile->readers * fmin(1, (floor(through * steps) + 1) / steps);
    case PROFILE_SPIKE:
        return at_spike(profile, t_ns);
    case PROFILE_SINE:
        return at_sine(profile, t_ns);
    case PROFILE_STAGES:
        return at_stages(profile, t_ns);
    case PROFILE_DAY:
        return profile->readers * share_of_day(profile, t_ns);
    case PROFILE_REAL_WORLD:
        return at_real_world(profile, t_ns);
    case PROFILE_CONSTANT:
        break;
    }
    return profile->readers;
}

double profile_target(const struct profile *profile, uint64_t t_ns)
{
    double target = shape(profile, t_ns);
    if (profile->noise > 0)
        target *= 1 + profile->noise * draw(profile, t_ns / WINDOW_NS, CHOICE_NOISE);
    return target > 0 ? target : 0;
}

uint32_t profile_peak(const struct profile *profile)
{
    double peak = profile->readers;
    double most_of_day = 0;
    for (unsigned hour = 0; hour < PROFILE_HOURS; hour++)
        most_of_day = fmax(most_of_day, profile->hours[hour]);
    if (profile->kind == PROFILE_SPIKE)
        peak *= fmax(1, profile->factor > 0 ? profile->factor : 3);
    if (profile->kind == PROFILE_SINE)
        peak *= 1 + (profile->amplitude > 0 ? profile->amplitude : 0.5);
    if (profile->kind == PROFILE_DAY)
        peak *= most_of_day;
    if (profile->kind == PROFILE_REAL_WORLD)
        peak *= most_of_day * (1 + profile->variance) * SPIKE_FACTOR;
    for (uint32_t i = 0; profile->kind == PROFILE_STAGES && i < profile->stage_count; i++)
        peak = i == 0 ? profile->stages[0].target : fmax(peak, profile->stages[i].target);
    return (uint32_t)fmin(ceil(peak * (1 + profile->noise) - 1e-9), UINT32_MAX);
}

static uint64_t burst_peak_ns(const struct profile *profile)
{
    uint64_t every_ns = burst_every_ns(profile);
    double last = (double)((profile->duration_ns - 1) / every_ns);
    double bursts = ceil(profile->readers / burst_size(profile));
    return (uint64_t)fmin(bursts - 1, last) * every_ns;
}

static uint64_t spike_peak_ns(const struct profile *profile)
{
    uint64_t from_ns = spike_from_ns(profile);
    return spike_factor(profile) > 1 && from_ns < profile->duration_ns ? from_ns : 0;
}

/* A target moves in a straight line, so it is at its greatest at the end of a stage, or where the
   duration cuts one off. */
static uint64_t stages_peak_ns(const struct profile *profile)
{
    uint64_t peak_ns = 0, at_ns = 0;
    double peak = 0;
    for (uint32_t i = 0; i < profile->stage_count && at_ns < profile->duration_ns; i++) {
        const struct profile_stage *stage = &profile->stages[i];
        bool whole = stage->at_ns <= profile->duration_ns;
        at_ns = whole ? stage->at_ns : profile->duration_ns;
        double target = whole ? stage->target : at_stages(profile, at_ns);
        if (target > peak) {
            peak = target;
            peak_ns = at_ns;
        }
    }
    return peak_ns;
}

uint64_t profile_peak_ns(const struct profile *profile)
{
    uint64_t peak_ns = 0;
    switch (profile->kind) {
    case PROFILE_RAMP:
        peak_ns = ramp_ns(profile);
        break;
    case PROFILE_BURST:
        peak_ns = burst_peak_ns(profile);
        break;
    case PROFILE_STEP:
        peak_ns = units_scale(profile->duration_ns, step_count(profile) - 1, step_count(profile));
        break;
    case PROFILE_SPIKE:
        peak_ns = spike_peak_ns(profile);
        break;
    case PROFILE_SINE:
        peak_ns = sine_period_ns(profile) / 4;
        break;
    case PROFILE_STAGES:
        peak_ns = stages_peak_ns(profile);
        break;
    case PROFILE_DAY:
    case PROFILE_REAL_WORLD:
    case PROFILE_CONSTANT:
        break;
    }
    return peak_ns < profile->duration_ns ? peak_ns : profile->duration_ns;
}
