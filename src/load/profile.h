/* profile.h - how many readers a plan wants at each moment: a pure function of the profile and
 * time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define PROFILE_STAGES_MAX 64u
#define PROFILE_HOURS 24u

enum profile_kind {
    PROFILE_CONSTANT,   /* all of them, as fast as the rate allows */
    PROFILE_RAMP,       /* linear from none, over ramp_ns */
    PROFILE_BURST,      /* so many more at once, every so often */
    PROFILE_STEP,       /* in so many equal steps */
    PROFILE_SPIKE,      /* a base, and a multiple of it now and then */
    PROFILE_SINE,       /* around a mean */
    PROFILE_STAGES,     /* linear between the points of a list */
    PROFILE_DAY,        /* a curve of 24 hours */
    PROFILE_REAL_WORLD, /* the day by the local clock, a new target every 10 s, spikes */
};

struct profile_stage {
    uint64_t at_ns; /* end of the stage, since the start */
    double target;
};

/* Plain data. readers is the number that --readers or --avg-connections gives. */
struct profile {
    enum profile_kind kind;
    double readers;
    uint64_t duration_ns; /* of the plan */
    uint64_t seed;
    double noise;          /* 0 to 1: a factor in [1 - noise, 1 + noise], another every 10 s */
    uint64_t ramp_ns;      /* RAMP; 0: half of the duration */
    double burst;          /* BURST: readers at once; 0: a tenth of all */
    uint64_t every_ns;     /* BURST, SPIKE: period; 0: a tenth, a fourth of the duration */
    uint32_t steps;        /* STEP; 0: 5 */
    double factor;         /* SPIKE; 0: 3 */
    uint64_t length_ns;    /* SPIKE: of one; 0: a fourth of the period */
    double amplitude;      /* SINE: share of the mean; 0: 0.5 */
    uint64_t period_ns;    /* SINE; 0: the duration */
    uint64_t day_ns;       /* DAY, REAL_WORLD: how long a day takes; 0: 24 h */
    uint64_t day_start_ns; /* time of day at the plan's start, of a real day */
    double hours[PROFILE_HOURS]; /* DAY, REAL_WORLD: share of readers at the start of each hour */
    double variance;             /* REAL_WORLD */
    uint32_t stage_count;
    struct profile_stage stages[PROFILE_STAGES_MAX];
};

/* Reads "spike:factor=3,every=1m,length=10s" (any kind but stages and real_world; keys are the
   fields above) into a profile that has its other fields. False: error says what was expected. */
bool profile_parse(const char *text, struct profile *profile, struct text *error);

/* "30s:100,2m:1000,30s:0": how long each stage lasts and where it ends. */
bool profile_parse_stages(const char *text, struct profile *profile, struct text *error);

/* 24 shares of a day, in percent: "60,60,...". NULL: the default curve. */
bool profile_parse_hours(const char *text, struct profile *profile, struct text *error);

/* Readers wanted at t_ns since the start. Not smoothed: REAL_WORLD's is what it is on its way to.
 */
double profile_target(const struct profile *profile, uint64_t t_ns);

/* The most that is ever wanted. */
uint32_t profile_peak(const struct profile *profile);

/* The first moment within the duration at which the target, its noise left out, is at its greatest.
   CONSTANT: 0. Not for DAY and REAL_WORLD. */
uint64_t profile_peak_ns(const struct profile *profile);

const char *profile_name(enum profile_kind kind);
