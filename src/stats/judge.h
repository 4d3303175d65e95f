/* judge.h - decides whether this machine, not the server, was the limit of a run. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stats/snapshot.h"

#define JUDGE_BUSY 0.9 /* share of a thread's or a core's time */

/* The core that has been over JUDGE_BUSY the longest by now. All 0: none is. */
struct busy_core {
    uint64_t busy_ns; /* for how long on end */
    uint32_t core;
    double share;  /* of that time that it was busy, 0 to 1 */
    double others; /* share of its work that was not this process's, at least */
};

/* The worst that was seen, and when, since the start. */
struct judge_lag {
    uint64_t us;
    uint64_t at_ns;
};

struct judge {
    struct histogram window; /* loop lag in the window so far */
    uint64_t window_ns;      /* its length */
    uint64_t late_ns;        /* of windows that were late, together */
    struct judge_lag late;   /* the p99 of the worst of them */
    struct judge_lag loop_lag, schedule_lag;
    uint64_t drops_at_ns, backlog_at_ns; /* when the first was seen */
    double thread_share;                 /* of the busiest thread, 0: none was busy for long */
    struct busy_core core;               /* busy_ns 0: none was busy for long */
    uint64_t busy_at_ns;                 /* when a thread or a core had been busy for so long */
    uint32_t found;                      /* limits that others told */
    uint64_t found_at_ns[GENERATOR_LIMITS];
};

/* False when out of memory. */
bool judge_init(struct judge *judge);
void judge_dispose(struct judge *judge);

/* A thread has been busy for so long on end, that share of it. at_ns: since the start. */
void judge_thread(struct judge *judge, uint64_t busy_ns, double share, uint64_t at_ns);
void judge_core(struct judge *judge, const struct busy_core *core, uint64_t at_ns);

/* A limit that the counts don't show. */
void judge_found(struct judge *judge, enum generator_limit limit);

/* What came in the last span_ns, until at_ns. */
void judge_tick(struct judge *judge, const struct stats *tick, uint64_t span_ns, uint64_t at_ns);

/* Limits and warnings of the run so far, anew each time: a lag that mattered in the first seconds
   need not matter in an hour. */
void judge_say(const struct judge *judge, const struct stats *total, uint64_t elapsed_ns,
               struct generator *generator);
