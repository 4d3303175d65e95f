/* compare_tolerance.h - by how much a value may be worse than the base's. */
#pragma once

#include "view/compare.h"

struct compare_tolerance {
    const char *text; /* borrowed */
    const struct compare_row *row;
    double most; /* by which it may be worse */
};

enum compare_judgement { COMPARE_WITHIN, COMPARE_BEYOND, COMPARE_UNJUDGED };

/* Reads "startup.p95=10%" or "loss_ratio=0.1%" (of ratios, percentage points). False: expected says
   what was expected. */
bool compare_tolerance_parse(const struct compare *compare, const char *text,
                             struct compare_tolerance *out, struct text *expected);

/* Whether a run is within it. One that lacks what the base has is beyond. Where it can't be told,
   or may be noise, why says so; otherwise why stays as it is. */
enum compare_judgement compare_judge(const struct compare_tolerance *tolerance, uint32_t run,
                                     struct text *why);
