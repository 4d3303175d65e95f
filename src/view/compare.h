/* compare.h - results side by side: what changed, and whether that is more than noise. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"
#include "stats/proportion.h"

#define COMPARE_RUNS 16u /* at most, the base included */
#define COMPARE_ROWS 72u
#define COMPARE_HEADLINE 512u

/* RATIO: of packets, which come and go together. SHARE: of sessions, each an observation by itself.
 */
enum compare_unit { COMPARE_MS, COMPARE_RATIO, COMPARE_SHARE, COMPARE_RATE };
enum compare_mark {
    COMPARE_NOISE,
    COMPARE_BETTER,
    COMPARE_WORSE,
    COMPARE_TOO_FEW,
    COMPARE_UNMEASURED
};

/* A value, and the range that it may as well have had by chance. */
struct compare_value {
    bool measured;
    bool few;                /* too few values to say how high: high is INFINITY */
    double value, low, high; /* INFINITY: of those who never got there */
    double least;            /* a smaller difference is none */
    struct proportion of; /* of a SHARE: the sessions that it befell; of MS: that never got there */
};

struct compare_row {
    char name[32]; /* as in an objective: "startup.p95" */
    enum compare_unit unit;
    bool more_is_better;
    struct compare_value
        base[COMPARE_RUNS]; /* as each run is held against it, from the second on */
    struct compare_value of[COMPARE_RUNS];
};

struct compare {
    uint32_t run_count, row_count;
    const char *names[COMPARE_RUNS];
    char headlines[COMPARE_RUNS][COMPARE_HEADLINE]; /* "": an older result has none */
    bool limited[COMPARE_RUNS];                     /* the generator was the limit */
    bool by_hand[COMPARE_RUNS];                     /* somebody changed the load while it went */
    bool unfinished[COMPARE_RUNS];                  /* a checkpoint */
    bool older[COMPARE_RUNS]; /* made before sessions that were cut off were counted */
    struct compare_row rows[COMPARE_ROWS];
};

/* results: documents that --json of run wrote, the base first; names are borrowed. */
void compare_make(struct compare *compare, json_t *const *results, const char *const *names,
                  uint32_t count);

/* Against the base: a part of it, but for ratios and shares their difference. */
double compare_change(const struct compare_row *row, uint32_t run);
enum compare_mark compare_mark(const struct compare_row *row, uint32_t run);

/* Whether the mark of a percentile follows from how many never got there, whatever was measured. */
bool compare_is_by_never(const struct compare_row *row, uint32_t run);

const char *compare_mark_name(enum compare_mark mark);

struct compare_tolerance {
    const char *text; /* borrowed */
    const struct compare_row *row;
    double most; /* by which it may be worse */
};

/* Reads "startup.p95=10%" or "loss_ratio=0.1%" (of ratios, percentage points). False: expected says
   what was expected. */
bool compare_tolerance_parse(const struct compare *compare, const char *text,
                             struct compare_tolerance *out, struct text *expected);

/* Whether a run is within it. One that lacks what the base has is not. */
bool compare_within(const struct compare_tolerance *tolerance, uint32_t run);

/* How marks are given, in words. */
extern const char compare_method[];
