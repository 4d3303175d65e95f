/* gaps.h - an exact list of a track's open gaps: the sequence numbers that may still arrive. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "stats/stats.h"

#define GAPS_INLINE 4u
#define GAPS_PER_BLOCK 15u
#define GAPS_AGE_PACKETS                                                                           \
    1024u /* a gap is kept for this many packets after it or this long, whichever is more */
#define GAPS_AGE_MS 2000u

/* A run of missing packets. Extended numbers are kept as their low 16 bits: an open gap is never
   32,768 behind the newest packet. */
struct gap {
    uint16_t first;
    uint16_t count_and_cause; /* count in the low 14 bits, enum loss_cause above */
    uint32_t opened_ms;
};

/* Ready when zeroed. Oldest first; what doesn't fit inline is in a chain of pooled blocks. */
struct gaps {
    uint16_t count : 15;
    bool gave_up : 1;  /* given_up was set: for the caller to look at and clear */
    uint16_t given_up; /* low bits of the last packet of a gap that was given up */
    uint32_t chain;    /* block index + 1 */
    struct gap first[GAPS_INLINE];
};

struct gaps_block {
    uint32_t next; /* block index + 1; also the pool's link while free */
    uint32_t unused;
    struct gap gaps[GAPS_PER_BLOCK];
};

/* Opens [first, first + count) behind all the others; count is 1 to 16,383. When the pool is used
   up the oldest gap is given up. */
void gaps_open(struct gaps *gaps, struct pool *blocks, uint32_t first, struct gap gap);

/* A packet that isn't newer than ext_max arrived: if it was missing, it no longer is, and its cause
   is set. False: it is in no open gap. */
bool gaps_fill(struct gaps *gaps, struct pool *blocks, uint32_t sequence, enum loss_cause *cause);

/* Gives up the gaps that are both old and far behind. */
void gaps_expire(struct gaps *gaps, struct pool *blocks, uint32_t ext_max, uint32_t now_ms);
void gaps_clear(struct gaps *gaps, struct pool *blocks);

static inline struct gap gap_make(uint32_t count, enum loss_cause cause, uint32_t opened_ms)
{
    return (struct gap){0, (uint16_t)(count | (uint32_t)cause << 14), opened_ms};
}
