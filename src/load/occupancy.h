/* occupancy.h - session-seconds held against session-seconds wanted: was the load there that the
 * plan asked for? */
#pragma once

#include <stdint.h>

#include "stats/stats.h"

/* Times are on the loop's clock. Only what falls in [from_ns, to_ns) counts. */
struct occupancy {
    uint64_t from_ns, to_ns;
    uint64_t seen_ns;            /* everything before has been added */
    uint64_t held_ns, wanted_ns; /* not yet taken */
};

void occupancy_begin(struct occupancy *occupancy, uint64_t from_ns, uint64_t to_ns);

/* Since the last call that many sessions were up, and that many were wanted. */
void occupancy_add(struct occupancy *occupancy, uint64_t now_ns, uint32_t up, uint32_t wanted);

/* One more session has been wanted since due_ns than occupancy_add was told. */
void occupancy_owe(struct occupancy *occupancy, uint64_t due_ns);

/* The plan ends now. */
void occupancy_end(struct occupancy *occupancy, uint64_t now_ns);

/* Moves what there is, in whole microseconds, to held_us and wanted_us. */
void occupancy_take(struct occupancy *occupancy, struct stats *stats);
