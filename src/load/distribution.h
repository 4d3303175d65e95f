/* distribution.h - how long something lasts: a fixed time or a random one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

enum distribution_kind {
    DISTRIBUTION_NONE, /* for ever */
    DISTRIBUTION_FIXED,
    DISTRIBUTION_UNIFORM,
    DISTRIBUTION_EXPONENTIAL,
    DISTRIBUTION_LOGNORMAL,
};

struct distribution {
    enum distribution_kind kind;
    uint64_t a_ns; /* the time, the least, the mean, or the median */
    uint64_t b_ns; /* uniform: the most */
    double sigma;  /* lognormal: of the logarithm */
};

/* "30s", "uniform:30s,5m", "exp:5m", "lognormal:5m,1.0" (median, sigma). */
bool distribution_parse(const char *text, struct distribution *out);

/* At least 1 ms; UINT64_MAX for NONE. */
uint64_t distribution_draw(const struct distribution *distribution, struct rng *rng);
