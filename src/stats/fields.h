/* fields.h - the counters by name: what results and objectives call them. */
#pragma once

#include <stddef.h>

#include "stats/stats.h"

struct stats_field {
    const char *name;
    size_t offset; /* of a uint64_t */
};

/* All of a struct's counters, in the order of the result; each list ends in a NULL name. */
extern const struct stats_field stats_session_fields[]; /* struct session_counts of a run ... */
/* ... and of one URL: there, cancelled has all that were cut off, unanswered or not */
extern const struct stats_field stats_stream_session_fields[];
extern const struct stats_field stats_rtp_fields[];       /* struct rtp_counts, but for ... */
extern const struct stats_field stats_loss_fields[];      /* ... its lost_by */
extern const struct stats_field stats_published_fields[]; /* struct published_counts, but for ... */
extern const struct stats_field stats_drop_fields[];      /* ... its dropped_by */
extern const struct stats_field stats_rtcp_fields[];      /* struct rtcp_counts */
extern const struct stats_field stats_oddity_fields[];    /* struct oddity_counts */
extern const char *const media_kind_names[MEDIA_KINDS];

/* "startup"; metric under LATENCY_METRICS. */
const char *latency_name(enum metric metric);
