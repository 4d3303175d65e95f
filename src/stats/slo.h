/* slo.h - service level objectives: expressions such as "startup.p95<500ms", read and checked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "stats/snapshot.h"

#define SLO_MAX 64u /* of a run */

enum slo_operator {
    SLO_LESS,
    SLO_AT_MOST,
    SLO_MORE,
    SLO_AT_LEAST,
    SLO_EQUAL,
    SLO_UNEQUAL,
};

enum slo_statistic {
    SLO_MIN,
    SLO_MEAN,
    SLO_GREATEST,
    SLO_P50,
    SLO_P75,
    SLO_P90,
    SLO_P95,
    SLO_P99,
    SLO_P999,
    SLO_HOW_MANY,
    SLO_NEVER,
    SLO_STATISTICS
};

enum slo_kind {
    SLO_OF_COUNTER,      /* offset into struct stats, or of_rtp into the sum of all media */
    SLO_OF_DISTRIBUTION, /* statistic of metric */
    SLO_OF_FUNCTION,
};

/* What a name stands for. */
struct slo_source {
    enum slo_kind kind;
    enum slo_unit unit;
    enum metric metric;
    size_t offset;
    bool of_rtp;
    bool may_lack; /* a run in which there was nothing to measure keeps the objective */
    bool (*has_base)(const struct snapshot *snapshot); /* whether there was; NULL: see value */
    bool grows;                                        /* from 0 on as the run goes */
    bool (*get)(const struct snapshot *snapshot, double *value);
};

/* Plain data. */
struct slo {
    const char *expression; /* borrowed */
    struct slo_source source;
    enum slo_statistic statistic;
    enum slo_operator op;
    double threshold; /* in the unit of the result's key */
    bool abort;       /* a breach at the end of an interval ends the run */
};

/* Reads NAME[.STATISTIC] OPERATOR VALUE[UNIT] [abort]; docs/SLO.md has the names. text must outlive
   the slo. False: expected says what was expected and where. */
bool slo_parse(const char *text, struct slo *slo, struct text *expected);

/* How the run so far stands to it. What was not measured is not ok, unless nothing could be. */
struct slo_result slo_check(const struct slo *slo, const struct snapshot *snapshot);

/* Significant digits of a ratio in percent; times and plain numbers have one more. */
#define SLO_DIGITS 3
#define SLO_DIGITS_MAX 16

/* "812 ms", "1.2 %", "never" */
void slo_write_value(struct text *to, enum slo_unit unit, double value);

/* The value with as many digits as tell it from its bound; or "12 never got there", "never
   measured". */
void slo_write_result(struct text *to, const struct slo_result *result);

/* A bound that allows everything, such as loss_ratio<1, which is 100 %. */
bool slo_allows_all(const struct slo *slo);
