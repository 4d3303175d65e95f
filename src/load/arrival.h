/* arrival.h - when each reader begins and leaves: a pure function of the plan, its seed and the
 * reader's number. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "load/plan.h"

#define ARRIVAL_REAL_WORLD_STARTS_PER_S 50.0

/* The constant profile, even: reader i (from 1) is due at i / rate. Poisson: the gap before reader
   i is exponential with mean 1 / rate, from (seed, i) alone, and reader i is due at the sum of the
   gaps 1 to i in whole nanoseconds. Every shard of every share adds up all the gaps, also those of
   readers that aren't its own: so a split plan starts the same readers at the same times as a plan
   in one piece.

   The other profiles: reader i begins when the target rises through i and leaves when it falls
   below; within a tick of 10 ms the crossings are spread evenly. A rate that was asked for is the
   fastest that they begin. Every shard walks through the whole curve, and keeps the events of its
   own readers.

   Once the target is changed by hand, a constant profile is a curve too, with its rate; where
   sessions arrive whatever happens, it is their rate that changes. */
struct arrival {
    const struct plan *plan; /* resolved; borrowed */
    uint32_t shard;
    uint32_t most;          /* readers that can be wanted at a time */
    double scale;           /* of the plan's target: what it is by hand ... */
    double wish;            /* ... and what it rises to */
    bool by_hand;           /* it was ever changed */
    bool paced;             /* by the plan's rate, though that was not asked for */
    double passed;          /* even, at an open rate: readers due by passed_ns */
    uint64_t passed_ns;     /* when the rate was last changed */
    uint32_t nth;           /* constant: readers of the shard already given out */
    uint32_t summed;        /* Poisson: gaps added up so far */
    uint64_t poisson_at_ns; /* their sum */
    /* other profiles */
    uint64_t tick_ns;  /* the curve has been walked up to here */
    double level;      /* target there, slewed where the profile asks for it */
    uint32_t count;    /* readers wanted there */
    uint32_t next;     /* wanted at the tick's end: count moves there event by event */
    uint32_t changes;  /* of the tick */
    uint32_t change;   /* given out or passed over so far */
    uint64_t last_ns;  /* of the event before: events never go back in time */
    uint64_t began_ns; /* last begin, for the rate */
};

struct arrival_event {
    uint32_t reader; /* from 1, in the whole plan */
    bool leaves;     /* else it begins */
    uint64_t at_ns;  /* since the run's start */
};

void arrival_init(struct arrival *arrival, const struct plan *plan, uint32_t shard);

/* From now on the target is scale times the plan's, as far as most allows. An event that was given
   out and has not been followed yet is taken back first. */
void arrival_rescale(struct arrival *arrival, double scale, uint64_t now_ns);
void arrival_take_back(struct arrival *arrival, const struct arrival_event *event);

/* Are readers begun and let go as a target moves? Else the next one is known at any time. */
bool arrival_is_curve(const struct arrival *arrival);

/* When the last of a constant profile's readers is due, of all shares: the end of its ramp. Where
   the plan's duration cuts the ramp off, when the last one before that is. */
uint64_t arrival_last_due_ns(const struct plan *plan);

/* The shard's next event before until_ns, in order of time. False when there is none within that
   time and the plan's duration. */
bool arrival_next(struct arrival *arrival, uint64_t until_ns, struct arrival_event *event);
