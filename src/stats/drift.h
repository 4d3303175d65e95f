/* drift.h - what changed over a run: its first tenth held against its last, and told from noise. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stats/server_load.h"
#include "stats/stats.h"

/* The steady part of a run is cut into slices of equal length. When there are as many as there is
   room for, each two become one; so a run of any length has 20 to 39 of them. */
#define DRIFT_SLICES 40u
#define DRIFT_SLICES_LEAST 20u /* for a report: fewer say nothing */
#define DRIFT_SLICE_NS UINT64_C(30000000000)

struct drift_slice {
    uint64_t from_ns, to_ns; /* since the run's start */
    struct histogram startup, connect, jitter;
    int64_t expected, lost; /* of an interval, loss may be taken back */
    double active_ns;       /* sessions, times how long they were there */
    uint64_t rss_bytes;     /* ours, as of its end; 0: not known */
    uint64_t server_rss_bytes;
    uint64_t server_cpu_ns, server_cpu_span_ns;
};

struct drift {
    uint64_t slice_ns;       /* how long a slice is now */
    uint64_t from_ns, to_ns; /* the steady part; what isn't wholly within is left out */
    uint32_t count;          /* whole slices; the next one is under way */
    uint64_t server_cpu_ns, server_cpu_span_ns; /* of the server's totals, in slices already */
    struct drift_slice slices[DRIFT_SLICES + 1];
    void *counts;
};

/* slice_ns: how long a slice is at first. False: out of memory. */
bool drift_init(struct drift *drift, uint64_t slice_ns, uint64_t from_ns, uint64_t to_ns);
void drift_dispose(struct drift *drift);

/* A stretch of time, no longer than a slice if slices shall be of equal length. */
struct drift_span {
    uint64_t from_ns, to_ns;
    const struct stats *stats; /* what came in it; active as of its end */
    uint64_t rss_bytes;        /* ours; 0: not known */
    const struct server_load *server;
};
void drift_add(struct drift *drift, const struct drift_span *span);

enum drift_quantity {
    DRIFT_STARTUP, /* p95, ms */
    DRIFT_CONNECT, /* p95, ms */
    DRIFT_JITTER,  /* p95, ms */
    DRIFT_LOSS,    /* ratio */
    DRIFT_RSS,     /* bytes */
    DRIFT_SERVER_RSS,
    DRIFT_SERVER_CPU, /* cores */
    DRIFT_ACTIVE,     /* sessions */
    DRIFT_QUANTITIES
};

enum drift_verdict {
    DRIFT_NOT_MEASURED,
    DRIFT_STEADY, /* a difference too small to matter */
    DRIFT_NOISE,  /* one that the scatter of the slices explains */
    DRIFT_ROSE,
    DRIFT_FELL,
};

struct drift_row {
    enum drift_verdict verdict;
    double first, last;
    double noise;    /* a difference up to this is noise: three times the scatter */
    double per_hour; /* slope of the trend through all slices */
};

struct drift_report {
    uint32_t slices;
    uint64_t tenth_ns;  /* how long each of the two parts is */
    uint64_t steady_ns; /* all slices together */
    struct drift_row rows[DRIFT_QUANTITIES];
};

/* False: the run was too short to say. */
bool drift_report(const struct drift *drift, struct drift_report *report);

/* "startup_p95_ms" */
const char *drift_name(enum drift_quantity quantity);
const char *drift_verdict_name(enum drift_verdict verdict);
