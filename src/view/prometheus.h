/* prometheus.h - a run as the text that Prometheus scrapes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "stats/snapshot.h"

enum prometheus_format {
    PROMETHEUS_TEXT, /* 0.0.4 */
    PROMETHEUS_OPENMETRICS,
    PROMETHEUS_FORMATS
};

/* The highest numbers shown so far of what can be taken back (a gap that is filled late, a wait
   that is no longer than those of others that came later): to Prometheus a counter that falls is
   one that began again. Ready when zeroed. */
struct prometheus_peaks {
    uint64_t lost_by[LOSS_CAUSES];
    uint64_t reported_lost;
    uint64_t never[LATENCY_METRICS];
};

/* Of streams there is a row each where a run has no more than this. */
#define PROMETHEUS_STREAMS 100u

void prometheus_peaks_see(struct prometheus_peaks *peaks, const struct snapshot *snapshot);

/* Writes every metric. */
void prometheus_write(const struct snapshot *snapshot, const struct prometheus_peaks *peaks,
                      enum prometheus_format format, FILE *to);

/* Writes what a scrape shall see before there is a snapshot: the counters of failed tries, at 0. */
void prometheus_write_first(enum prometheus_format format, FILE *to);

/* The i-th upper bound of histograms, in microseconds: two an octave, at the edges of the buckets
   that values were counted in, so that every count is exact. */
#define PROMETHEUS_BOUNDS 44u
uint64_t prometheus_bound_us(uint32_t i);
