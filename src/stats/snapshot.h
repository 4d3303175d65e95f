/* snapshot.h - a run as of one moment: plain data, which every view shows and every file holds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stats/drift.h"
#include "stats/server_load.h"
#include "stats/stats.h"
#include "stats/timeline.h"

/* What makes this machine, not the server, the limit. */
enum generator_limit {
    LIMIT_CPU,              /* a shard's thread, or a core, over 90 % busy for 5 s on end; only with
                               a limit of lag, drops or backlog, which it explains */
    LIMIT_LOOP_LAG,         /* p99 over 10 ms, or one over 500 ms */
    LIMIT_SCHEDULE_LAG,     /* p99 over 100 ms */
    LIMIT_UDP_SOCKET_DROPS, /* any */
    LIMIT_RECV_BACKLOG,     /* a TCP gap struck while our own backlog was over the threshold */
    LIMIT_FILES,            /* these three are found out by whoever opens sockets */
    LIMIT_PORTS,
    LIMIT_MEMORY,
    GENERATOR_LIMITS
};

struct host {
    const char *kernel;
    uint32_t cores;
    uint64_t memory_bytes;
    uint64_t nofile; /* the limit of open files a table */
};

/* What this machine was found able to generate, by calibration; all 0: it never was. */
struct ceiling {
    double packets_per_s;
    double starts_per_s;
    uint64_t sessions;
};

/* What stays the same all through a run. Everything is borrowed, and must outlive the collector. */
struct run_info {
    const char *tool_name;
    const char *tool_version;
    uint64_t started_at_ns; /* CLOCK_REALTIME */
    uint64_t start_ns; /* the same on the clock that collect is given; set before the first one */
    struct host host;
    const char *plan_json; /* the plan as resolved, one JSON value, secrets masked; NULL: null */
    const char *io;        /* "uring", "epoll" or "sim" */
    bool kernel_stamps;    /* arrivals are the kernel's stamps, else the times of the reads */
    bool virtual_time;     /* a simulated run: CPU figures are 0 */
    bool reads, publishes; /* as planned: some of its sessions do */
    uint32_t shard_count;
    uint32_t stream_count;
    const char *const *stream_urls;   /* masked */
    const char *const *stream_groups; /* the group of each; NULL: there are none */
    uint64_t calm_ns; /* misbehaving clients begin then, since the start; 0: there are none */
    struct ceiling ceiling;
    uint64_t
        steady_from_ns;    /* since the start: all the readers wanted are there from then on, ... */
    uint64_t steady_to_ns; /* ... until they are to leave. to 0: never */
    /* Since the start: every group has begun by then, and its target has been at its greatest. A
       run that a signal ends sooner proves nothing. */
    uint64_t judge_from_ns;
    uint64_t rss_before_bytes; /* resident before the first session; 0 when not known */
};

/* A run that the user ended before its plan did. Not one that an objective's abort ended, nor one
   that was only hastened while it was tearing down. */
struct interrupted {
    int signal;     /* the first that came; 0: none did in time */
    uint64_t at_ns; /* since the start */
    uint64_t of_ns; /* when the last of its plans would have ended, since the start */
};

/* What somebody changed while the run went: then the same plan and seed don't repeat it. */
struct by_hand {
    int change;               /* of the target as of now, per mille of the plan's */
    uint32_t changes, pauses; /* how often it was changed, and arrivals were paused */
};

/* What a limit was found by: ms for lags, a count for drops and gaps, a share for cpu. */
struct limit_value {
    char what[16]; /* that was over the bound, where its name alone doesn't tell: "p99" */
    double value, bound;
    uint64_t at_ns; /* since the start: when it was worst, or first seen; 0: not known */
    bool measured;  /* value and bound are set */
};

#define GENERATOR_WARNINGS 4u
#define GENERATOR_WARNING 80u

struct generator {
    uint32_t limits; /* a bit (1 << enum generator_limit) for each that struck */
    struct limit_value limit_values[GENERATOR_LIMITS];    /* of those that struck */
    char warnings[GENERATOR_WARNINGS][GENERATOR_WARNING]; /* what might have become a limit */
    uint32_t warning_count;
    uint64_t cpu_ns;            /* of the shards' threads, user and system */
    uint64_t rss_bytes;         /* the highest seen; 0 when not known */
    uint64_t bytes_per_session; /* what resident memory grew by, over the most sessions at once */
    double cpu_peak;            /* share of an interval that its busiest thread was busy, at most */
};

/* What the values of an objective are counted in: that of the result's key. */
enum slo_unit { SLO_NUMBER, SLO_COUNT, SLO_RATIO, SLO_MS, SLO_SECONDS, SLO_BPS, SLO_BYTES };

struct slo_result {
    const char *expression;
    bool measured; /* value is set */
    bool ok;
    double value;     /* infinite: so many never got there that the statistic is one of them */
    double threshold; /* of the expression */
    uint64_t beyond;  /* sessions taken as infinitely slow */
    enum slo_unit unit;
};

struct snapshot {
    const struct run_info *info;
    uint64_t elapsed_ns;
    uint64_t interval_ns; /* its length */
    const struct stats *total;
    const struct stats *interval; /* the last one; at a tick: what there is of it yet */
    const struct stats
        *calm;        /* the total as of calm_ns, or soon after; NULL: not yet, or no bad clients */
    uint64_t calm_ns; /* when that was */
    const struct timeline_row *timeline; /* a row an interval */
    uint32_t timeline_count;
    const struct timeline_row
        *series; /* the same, finer: a row a tick; the last one is the newest */
    uint32_t series_count;
    struct generator generator;
    struct server_load server;
    const struct drift *drift;
    struct by_hand by_hand;
    struct interrupted interrupted;
    bool final; /* the run is over; else it has no verdict yet */
    const struct slo_result *slos;
    uint32_t slo_count;
};

/* Whether there are publishers. */
bool snapshot_publishes(const struct snapshot *snapshot);

/* Whether there are readers. */
bool snapshot_reads(const struct snapshot *snapshot);

/* How near to the ceiling a run came, by what came nearest: 0 to 1, and beyond where calibration
   was modest. 0 without a ceiling. */
double snapshot_ceiling_used(const struct snapshot *snapshot);

/* Sessions that failed or were unanswered, as a share of those started; 0 where none was. */
double snapshot_failed_share(const struct snapshot *snapshot);

/* Whether there is anything to read or publish and, after the warm-up, no RTP packet came or went.
 */
bool snapshot_lacks_media(const struct snapshot *snapshot);

/* Whether a signal ended it before it had the load that it was to be judged under. */
bool snapshot_ended_early(const struct snapshot *snapshot);

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_INVALID };

/* exit_status (may be NULL) becomes what the process shall end with. */
enum verdict snapshot_verdict(const struct snapshot *snapshot, int *exit_status);
const char *verdict_name(enum verdict verdict);
const char *generator_limit_name(enum generator_limit limit);

/* The errors, most frequent first, then by phase, reason and status. Returns how many. */
uint32_t snapshot_errors(const struct snapshot *snapshot,
                         const struct error_entry *sorted[static ERRORS_MAX]);
