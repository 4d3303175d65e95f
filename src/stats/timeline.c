#include "stats/timeline.h"

#include <assert.h>
#include <string.h>

#define LOWEST_OCTAVE 7u /* 128 us */

uint64_t startup_band_low_us(uint32_t band)
{
    return band == 0 ? 0 : (UINT64_C(2) + band % 2) << (LOWEST_OCTAVE - 1 + band / 2);
}

static uint32_t band_of(uint64_t us)
{
    if (us < 1u << LOWEST_OCTAVE)
        return 0;
    unsigned octave = 63 - (unsigned)__builtin_clzll(us);
    uint32_t band = 2 * (octave - LOWEST_OCTAVE) + (us >> (octave - 1) & 1);
    return band < STARTUP_BANDS ? band : STARTUP_BANDS - 1;
}

/* Exact: no bucket of the histogram lies in two bands. */
static void count_bands(uint32_t counts[static STARTUP_BANDS], const struct histogram *startup)
{
    for (uint32_t i = startup->low; i < startup->high; i++) {
        if (startup->counts[i] > 0)
            counts[band_of(histogram_bucket_low(startup, i))] += (uint32_t)startup->counts[i];
    }
}

static uint64_t count_errors(const struct stats *total)
{
    uint64_t count = total->errors_not_kept;
    for (uint32_t i = 0; i < total->error_count; i++)
        count += total->errors[i].count;
    return count;
}

static void set_percentiles(struct timeline_row *row, const struct stats *span)
{
    const struct histogram *startup = &span->metrics[METRIC_STARTUP];
    const struct histogram *jitter = &span->metrics[METRIC_JITTER];
    const struct histogram *latency = &span->metrics[METRIC_PANEL_LATENCY];
    const struct histogram *late = &span->metrics[METRIC_PUBLISH_LATE];
    row->has_startup = startup->count > 0;
    row->has_jitter = jitter->count > 0;
    row->has_latency = latency->count > 0;
    row->has_publish_late = late->count > 0;
    row->startup_p50_us = histogram_quantile(startup, 0.5);
    row->startup_p95_us = histogram_quantile(startup, 0.95);
    row->startup_p99_us = histogram_quantile(startup, 0.99);
    row->jitter_p50_us = histogram_quantile(jitter, 0.5);
    row->jitter_p95_us = histogram_quantile(jitter, 0.95);
    row->jitter_p99_us = histogram_quantile(jitter, 0.99);
    row->latency_p50_us = histogram_quantile(latency, 0.5);
    row->latency_p95_us = histogram_quantile(latency, 0.95);
    row->publish_late_p50_us = histogram_quantile(late, 0.5);
    row->publish_late_p95_us = histogram_quantile(late, 0.95);
    row->publish_late_p99_us = histogram_quantile(late, 0.99);
    row->loop_lag_p99_us = histogram_quantile(&span->metrics[METRIC_LOOP_LAG], 0.99);
    row->schedule_lag_p99_us = histogram_quantile(&span->metrics[METRIC_SCHEDULE_LAG], 0.99);
    count_bands(row->startups, startup);
}

struct timeline_row timeline_row_of(uint64_t t_ns, const struct stats *total,
                                    const struct stats *span, double cpu)
{
    struct rtp_counts rtp = stats_rtp(total);
    struct timeline_row row = {
        .t_ns = t_ns,
        .target = total->target,
        .active = total->active,
        .started = total->sessions.started,
        .established = total->sessions.established,
        .failed = total->sessions.failed,
        .dropped = total->sessions.dropped,
        .packets = rtp.packets,
        .bytes = rtp.bytes,
        .lost = rtp.lost,
        .errors = count_errors(total),
        .freezes = total->panel.freezes,
        .published = total->published.packets,
        .published_bytes = total->published.bytes,
        .publish_dropped = total->published.dropped,
        .cpu = cpu,
    };
    memcpy(row.lost_by, rtp.lost_by, sizeof(row.lost_by));
    set_percentiles(&row, span);
    return row;
}

static bool know(uint64_t *to, uint64_t value)
{
    bool known = value != SERVER_UNKNOWN;
    *to = known ? value : 0;
    return known;
}

void timeline_row_server(struct timeline_row *row, const struct server_load *server)
{
    if (!server->watched || server->now.ended)
        return;
    row->has_server_rss = know(&row->server_rss_bytes, server->now.rss_bytes);
    row->has_server_files = know(&row->server_files, server->now.files);
    row->has_server_sessions = know(&row->server_sessions, server->now.sessions);
    row->has_server_cpu = server->cpu >= 0;
    row->server_cpu = row->has_server_cpu ? server->cpu : 0;
}

static void raise(uint64_t *to, uint64_t value)
{
    if (value > *to)
        *to = value;
}

/* Adds what an earlier row saw to the one after it. */
static void merge(struct timeline_row *row, const struct timeline_row *earlier)
{
    raise(&row->startup_p50_us, earlier->startup_p50_us);
    raise(&row->startup_p95_us, earlier->startup_p95_us);
    raise(&row->startup_p99_us, earlier->startup_p99_us);
    raise(&row->jitter_p50_us, earlier->jitter_p50_us);
    raise(&row->jitter_p95_us, earlier->jitter_p95_us);
    raise(&row->jitter_p99_us, earlier->jitter_p99_us);
    raise(&row->latency_p50_us, earlier->latency_p50_us);
    raise(&row->latency_p95_us, earlier->latency_p95_us);
    raise(&row->publish_late_p50_us, earlier->publish_late_p50_us);
    raise(&row->publish_late_p95_us, earlier->publish_late_p95_us);
    raise(&row->publish_late_p99_us, earlier->publish_late_p99_us);
    raise(&row->loop_lag_p99_us, earlier->loop_lag_p99_us);
    raise(&row->schedule_lag_p99_us, earlier->schedule_lag_p99_us);
    row->has_startup |= earlier->has_startup;
    row->has_jitter |= earlier->has_jitter;
    row->has_latency |= earlier->has_latency;
    row->has_publish_late |= earlier->has_publish_late;
    if (earlier->cpu > row->cpu)
        row->cpu = earlier->cpu;
    row->has_server_cpu |= earlier->has_server_cpu;
    if (earlier->server_cpu > row->server_cpu)
        row->server_cpu = earlier->server_cpu;
    for (uint32_t i = 0; i < STARTUP_BANDS; i++)
        row->startups[i] += earlier->startups[i];
}

static void thin_out(struct timeline *timeline)
{
    struct timeline_row *rows = timeline->rows;
    uint32_t half = timeline->room / 2, kept = 0;
    for (uint32_t i = 0; i < half; i += 2, kept++) {
        struct timeline_row merged = rows[i + 1];
        merge(&merged, &rows[i]);
        rows[kept] = merged;
    }
    memmove(rows + kept, rows + half, half * sizeof(rows[0]));
    timeline->count = kept + half;
}

void timeline_add(struct timeline *timeline, const struct timeline_row *row)
{
    assert(timeline->room > 0 && timeline->room % 4 == 0);
    if (timeline->count == timeline->room)
        thin_out(timeline);
    timeline->rows[timeline->count++] = *row;
}
