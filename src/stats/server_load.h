/* server_load.h - what the server under load takes of its machine, and what it says of itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SERVER_UNKNOWN UINT64_MAX

/* As of one moment; what isn't known is SERVER_UNKNOWN. */
struct server_sample {
    uint64_t rss_bytes; /* resident memory */
    uint64_t cpu_ns;    /* CPU time so far ... */
    uint64_t cpu_at_ns; /* ... as of then, on a monotonic clock */
    uint64_t files;     /* open */
    uint64_t sessions, connections;
    uint64_t bytes_sent;
    uint64_t packets_discarded;     /* RTP packets left out for sessions that are there now ... */
    uint64_t packets_reported_lost; /* ... and those that its readers' reports call lost */
    uint32_t failures;              /* fetches of its metrics that failed so far */
    bool ended;                     /* its process is gone; what it last took stays */
    bool anew;                      /* of another process than the sample before it */
};

/* Over a run. Ready when zeroed. */
struct server_load {
    bool watched;
    struct server_sample now;
    uint64_t rss_peak_bytes;
    uint64_t cpu_ns, cpu_span_ns; /* CPU time seen to pass, and over how long */
    double cpu; /* cores' worth between the last two samples; under 0: not known */
};

extern const struct server_sample server_sample_unknown;

/* Adds the next sample. With another process, which a CPU time that fell is of, too, the counting
   of CPU time begins anew. */
void server_load_see(struct server_load *load, const struct server_sample *sample);

/* Cores' worth over the run; under 0: not known. */
double server_load_mean_cpu(const struct server_load *load);
