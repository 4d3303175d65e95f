/* find_max.h - runs the levels of a search for the most that keeps every objective. */
#pragma once

#include <jansson.h>

#include "cli/find_server.h"
#include "load/machine.h"
#include "load/plan.h"
#include "load/search.h"

/* What became of one try, beside what the search is told. */
struct find_max_level {
    uint32_t limits;  /* of the generator, a bit each */
    bool short_of_it; /* the level was not reached: under 95 % of it */
    uint64_t established, failed;
    double cpu_peak;
    struct find_server server;
    struct slo_result slos[SLO_MAX];
    bool left_out[SLO_MAX]; /* the objective, as no receiver report came that would measure it */
    json_t *document;       /* the result of a level that was kept, or of the last one; else NULL */
};

#define FIND_LONGER 3u /* longer tries hold a level so many times as long */

struct find_max {
    struct plan *plan;
    uint32_t readers;   /* as asked for ... */
    double rate_per_s;  /* ... likewise */
    uint64_t hold_ns;   /* each level, its ramp left aside */
    uint64_t warmup_ns; /* as asked for; 0: the ramp */
    struct search search;
    struct find_max_level levels[SEARCH_TRIES_MAX];
    bool interrupted;    /* by a signal, or as the command between levels failed ... */
    bool command_failed; /* ... which is this */
    /* of the level under way */
    uint64_t steady_ns, end_ns; /* held for that time, since its start */
    uint32_t least_active;
    bool seen;
};

/* Searches, says how it goes, and leaves the result. The plan isn't resolved yet. Returns the exit
   status; on STATUS_SETUP error says why. */
int find_max_run(struct plan *plan, const struct machine *machine, struct text *error);
