/* timing_repair.h - gives all units of a file a time, and closes jumps of the time. Pure. */
#pragma once

#include <stdbool.h>

#include "media/timing.h"

/* Afterwards every unit has a pts, and no track steps back in time or over a pause that the whole
   file has. Notes jumps in media. False when out of memory. */
bool timing_repair(struct timing *timing, struct media *media);

/* A picture's usual duration in ticks. */
static inline int64_t timing_usual(const struct timing_track *track)
{
    return (int64_t)((uint64_t)track->rate * track->frames_s / track->frames);
}
