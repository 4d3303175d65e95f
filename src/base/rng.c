#include "base/rng.h"

#include <math.h>

/* SplitMix64 (Steele, Lea and Flood, 2014): passes BigCrush, and any state is a good one. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct rng rng_init(uint64_t seed, uint64_t who, uint64_t what)
{
    return (struct rng){mix(mix(mix(seed + 1) ^ who) + what * UINT64_C(0x9e3779b97f4a7c15))};
}

uint64_t rng_next(struct rng *rng)
{
    rng->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(rng->state);
}

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)rng_next(rng) * bound) >> 64);
}

double rng_double(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1.0p-53;
}

double rng_exponential(struct rng *rng, double mean)
{
    return -mean * log1p(-rng_double(rng));
}
