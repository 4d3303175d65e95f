/* control.h - what whoever watches a run may ask of its shards while they go. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/* Written by the watcher, read by every shard once a turn (relaxed loads). Ready when zeroed. */
struct run_control {
    /* Nobody is begun, but for retries and those who come back. Who comes due meanwhile begins
       late, which counts as schedule lag, or never, which counts as not_started; who was to leave
       after them leaves late too. */
    atomic_bool paused;
};
