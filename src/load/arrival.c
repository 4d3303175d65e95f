#include "load/arrival.h"

#include <math.h>

#include "base/clock.h"
#include "base/rng.h"

#define CHOICE_ARRIVAL_GAP UINT64_C(0x61727269)

void arrival_init(struct arrival *arrival, const struct plan *plan, uint32_t shard)
{
    *arrival = (struct arrival){.plan = plan, .shard = shard};
}

static uint64_t poisson_at(struct arrival *arrival, uint32_t reader)
{
    double mean_ns = (double)NS_PER_S / arrival->plan->rate_per_s;
    while (arrival->summed < reader) {
        struct rng rng = rng_init(arrival->plan->seed, ++arrival->summed, CHOICE_ARRIVAL_GAP);
        arrival->poisson_at_ns += (uint64_t)llround(rng_exponential(&rng, mean_ns));
    }
    return arrival->poisson_at_ns;
}

static uint64_t even_at(const struct plan *plan, uint32_t reader)
{
    return (uint64_t)llround((double)reader * (double)NS_PER_S / plan->rate_per_s);
}

bool arrival_next(struct arrival *arrival, struct arrival_due *due)
{
    const struct plan *plan = arrival->plan;
    if (arrival->nth >= plan_shard_readers(plan, arrival->shard))
        return false;
    due->reader = plan_reader(plan, arrival->shard, arrival->nth);
    due->at_ns = plan->arrival == ARRIVAL_EVEN ? even_at(plan, due->reader)
                                               : poisson_at(arrival, due->reader);
    if (due->at_ns >= plan->duration_ns)
        return false;
    arrival->nth++;
    return true;
}
