/* control.h - what whoever watches a run may ask of its shards while they go. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "load/plan.h"
#include "stats/snapshot.h"

/* Per mille of the plan's target. */
#define CONTROL_STEP 100
#define CONTROL_LEAST (-900)

/* Written by who watches, on any thread; read by every shard once a turn (relaxed loads). Ready
   when zeroed: nothing is asked for, and the target can't be raised. */
struct run_control {
    /* Nobody is begun, but for retries and those who come back. Who comes due meanwhile begins
       late, which counts as schedule lag, or never, which counts as not_started; who was to leave
       after them leaves late too. */
    atomic_bool paused;
    /* What the target is changed by, per mille of the plan's: of the readers that are wanted, or of
       the rate where sessions arrive whatever happens. More readers begin at the plan's rate, fewer
       leave at once. */
    atomic_int change;
    int most; /* that change may be: what the plan was sized for. Set before the run */
    atomic_uint changes, pauses; /* how often */
};

/* What those plans have room for, as far as they run side by side. */
void control_allow(struct run_control *control, const struct plan *plans, uint32_t count);

void control_pause(struct run_control *control, bool paused);

/* A tenth of the plan's target more or less. False when that is the most or the least there is. */
bool control_step(struct run_control *control, bool up);

struct by_hand control_by_hand(const struct run_control *control);
