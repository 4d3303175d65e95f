/* timeline.h - how a run went: a row a span of time, in room of fixed size. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stats/server_load.h"
#include "stats/stats.h"

/* Bands of start-up latency, two an octave: from 128 us (and below) to 50 s (and above). */
#define STARTUP_BANDS 38u

/* One span of time, or several that were merged to save room. */
struct timeline_row {
    uint64_t t_ns;           /* its end, since the start */
    uint32_t target, active; /* as of then */
    uint64_t started, established, failed, dropped, packets, bytes, lost; /* totals so far */
    uint64_t lost_by[LOSS_CAUSES];                                        /* likewise ... */
    uint64_t errors, freezes; /* ... these too; errors are tries, all kinds together */
    uint64_t published, published_bytes, publish_dropped; /* ... and these: packets, bytes of RTP */
    bool has_startup, has_jitter;                         /* whether the row's time saw any */
    bool has_latency, has_publish_late;
    uint64_t startup_p95_us; /* of what came in the row's time; the worse one of merged rows */
    uint64_t jitter_p95_us;
    uint64_t startup_p50_us, startup_p99_us;
    uint64_t jitter_p50_us, jitter_p99_us;
    uint64_t latency_p50_us, latency_p95_us; /* the panel's */
    uint64_t publish_late_p50_us, publish_late_p95_us, publish_late_p99_us;
    uint64_t loop_lag_p99_us, schedule_lag_p99_us;
    double cpu; /* of its busiest thread, 0 to 1; the higher one of merged rows; 0 under 100 ms */
    bool has_server_rss, has_server_cpu, has_server_files, has_server_sessions;
    uint64_t server_rss_bytes, server_files, server_sessions; /* as of the row's end */
    double server_cpu;                /* cores' worth; the higher one of merged rows */
    uint32_t startups[STARTUP_BANDS]; /* sessions that started up in the row's time, by band */
};

/* Ready with rows and room (a multiple of 4) set and the rest 0. */
struct timeline {
    struct timeline_row *rows;
    uint32_t room, count;
};

/* The row that ends at t_ns: total is the run so far, span what came in the row's time. */
struct timeline_row timeline_row_of(uint64_t t_ns, const struct stats *total,
                                    const struct stats *span, double cpu);

/* Adds what is known of the server. */
void timeline_row_server(struct timeline_row *row, const struct server_load *server);

/* When full, the older half first becomes a quarter: each two of its rows are merged. */
void timeline_add(struct timeline *timeline, const struct timeline_row *row);

/* The lowest value of a band; band may be STARTUP_BANDS. */
uint64_t startup_band_low_us(uint32_t band);
