/* rng.h - random numbers that depend on a seed alone, so that a run can be repeated. */
#pragma once

#include <stdint.h>

struct rng {
    uint64_t state;
};

/* One independent sequence for each (seed, who, what): a reader's number and a purpose, never a
   share or a shard, so that splitting a plan changes nobody's choices. */
struct rng rng_init(uint64_t seed, uint64_t who, uint64_t what);

uint64_t rng_next(struct rng *rng);

/* Uniform in [0, bound), bound > 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);

/* Uniform in [0, 1). */
double rng_double(struct rng *rng);

/* Exponential with that mean. */
double rng_exponential(struct rng *rng, double mean);
