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
    uint32_t needed; /* values, or sessions, in each run: fewer can't show any difference */
    struct compare_value base[COMPARE_RUNS]; /* as it is held against each run but the first */
    struct compare_value of[COMPARE_RUNS];
};

struct compare {
    uint32_t run_count, row_count;
    const char *names[COMPARE_RUNS];
    char headlines[COMPARE_RUNS][COMPARE_HEADLINE]; /* "": an older result has none */
    const char *unfit[COMPARE_RUNS];                /* why nothing is judged by it; NULL: it is */
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

/* How marks are given, in words. */
extern const char compare_method[];
