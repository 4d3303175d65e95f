/* arrival.h - when each reader is due: a pure function of the plan, its seed and the reader's
 * number. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "load/plan.h"

/* Even: reader i (from 1) is due at i / rate. Poisson: the gap before reader i is exponential with
   mean 1 / rate, from (seed, i) alone, and reader i is due at the sum of the gaps 1 to i in whole
   nanoseconds. Every shard of every share adds up all the gaps, also those of readers that aren't
   its own: so a split plan starts the same readers at the same times as a plan in one piece. */
struct arrival {
    const struct plan *plan; /* resolved; borrowed */
    uint32_t shard;
    uint32_t nth;           /* readers of the shard already given out */
    uint32_t summed;        /* Poisson: gaps added up so far */
    uint64_t poisson_at_ns; /* their sum */
};

struct arrival_due {
    uint32_t reader; /* from 1, in the whole plan */
    uint64_t at_ns;  /* since the run's start */
};

void arrival_init(struct arrival *arrival, const struct plan *plan, uint32_t shard);

/* The shard's next reader, in order of time. False when there is none within the plan's duration.
 */
bool arrival_next(struct arrival *arrival, struct arrival_due *due);
