#include "stats/stats.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define WAIT_DIGITS 2u

const uint32_t keyframe_steps_ms[KEYFRAME_STEPS] = {0,     2000,  3000,  4000,  5000,  6000,
                                                    8000,  10000, 12000, 16000, 20000, 24000,
                                                    32000, 40000, 60000, 120000};

static unsigned metric_digits(enum metric metric)
{
    return metric == METRIC_STARTUP ? 3 : 2;
}

/* The counts of one histogram, cut off the block that all of them live in. */
static void init_histogram(struct histogram *histogram, unsigned digits, uint8_t **block)
{
    histogram_init(histogram, digits, (uint64_t *)(void *)*block);
    *block += histogram_counts_bytes(digits);
}

struct stats *stats_new(uint32_t stream_count)
{
    size_t size = sizeof(struct stats) + stream_count * sizeof(struct stream_stats);
    for (unsigned i = 0; i < METRICS; i++)
        size += histogram_counts_bytes(metric_digits(i));
    size += (ROLES * WAITS + 1) * (size_t)histogram_counts_bytes(WAIT_DIGITS);
    size += (size_t)stream_count * histogram_counts_bytes(2);

    struct stats *stats = calloc(1, size); /* pages of values that never occur are never touched */
    if (!stats)
        return NULL;
    stats->stream_count = stream_count;
    stats->streams = (struct stream_stats *)(stats + 1);
    uint8_t *block = (uint8_t *)(stats->streams + stream_count);
    for (unsigned i = 0; i < METRICS; i++)
        init_histogram(&stats->metrics[i], metric_digits(i), &block);
    for (unsigned i = 0; i < ROLES * WAITS; i++)
        init_histogram(&stats->cut_off[0][0] + i, WAIT_DIGITS, &block);
    init_histogram(&stats->silent, WAIT_DIGITS, &block);
    for (uint32_t i = 0; i < stream_count; i++)
        init_histogram(&stats->streams[i].startup, 2, &block);
    return stats;
}

void stats_free(struct stats *stats)
{
    free(stats);
}

static void clear_stream(struct stream_stats *stream)
{
    struct histogram startup = stream->startup;
    histogram_clear(&startup);
    *stream = (struct stream_stats){.startup = startup};
}

void stats_clear(struct stats *stats)
{
    static_assert(offsetof(struct stats, silent) < offsetof(struct stats, failed_in),
                  "cleared apart");
    for (unsigned i = 0; i < METRICS; i++)
        histogram_clear(&stats->metrics[i]);
    for (unsigned i = 0; i < ROLES * WAITS; i++)
        histogram_clear(&stats->cut_off[0][0] + i);
    histogram_clear(&stats->silent);
    for (uint32_t i = 0; i < stats->stream_count; i++)
        clear_stream(&stats->streams[i]);
    memset(stats, 0, offsetof(struct stats, metrics));
    memset(stats->failed_in, 0, offsetof(struct stats, errors) - offsetof(struct stats, failed_in));
}

/* Structs of nothing but uint64_t, added field by field. */
#define ADD_ALL(to, from) add_u64s((to), (from), sizeof(*(to)))

static void add_u64s(void *to, const void *from, size_t size)
{
    uint64_t *sums = to;
    const uint64_t *values = from;
    assert(size % sizeof(uint64_t) == 0);
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        sums[i] += values[i];
}

/* The entry of that kind, a new one (count 0) if need be, NULL when there is no room. */
static struct error_entry *error_entry(struct stats *stats, enum phase phase, enum reason reason,
                                       unsigned status)
{
    for (uint32_t i = 0; i < stats->error_count; i++) {
        struct error_entry *entry = &stats->errors[i];
        if (entry->phase == phase && entry->reason == reason && entry->status == status)
            return entry;
    }
    if (stats->error_count == ERRORS_MAX)
        return NULL;
    struct error_entry *entry = &stats->errors[stats->error_count++];
    *entry = (struct error_entry){.phase = phase, .reason = reason, .status = status};
    return entry;
}

static void add_error(struct stats *to, const struct error_entry *from)
{
    struct error_entry *entry = error_entry(to, from->phase, from->reason, from->status);
    if (!entry) {
        to->errors_not_kept += from->count;
        return;
    }
    if (entry->count == 0)
        memcpy(entry->sample, from->sample, sizeof(entry->sample));
    entry->count += from->count;
}

static void add_stream(struct stream_stats *to, const struct stream_stats *from)
{
    ADD_ALL(&to->sessions, &from->sessions);
    ADD_ALL(&to->rtp, &from->rtp);
    ADD_ALL(&to->published, &from->published);
    histogram_add(&to->startup, &from->startup);
    ADD_ALL(&to->no_keyframe, &from->no_keyframe);
    if (from->keyframe_interval_us > to->keyframe_interval_us)
        to->keyframe_interval_us = from->keyframe_interval_us;
    to->media_us += from->media_us;
    to->media_bytes += from->media_bytes;
}

/* no_media and never are worked out of these. */
static void add_waits(struct stats *to, const struct stats *from)
{
    for (unsigned i = 0; i < ROLES * WAITS; i++)
        histogram_add(&to->cut_off[0][0] + i, &from->cut_off[0][0] + i);
    histogram_add(&to->silent, &from->silent);
    ADD_ALL(&to->failed_in, &from->failed_in);
    ADD_ALL(&to->shortages, &from->shortages);
    to->readers_heard += from->readers_heard;
    to->teardowns_unanswered += from->teardowns_unanswered;
    to->keepalives_unanswered += from->keepalives_unanswered;
    to->held_us += from->held_us;
    to->wanted_us += from->wanted_us;
    to->up_at_end += from->up_at_end;
    to->wanted_at_end += from->wanted_at_end;
}

void stats_add(struct stats *to, const struct stats *from)
{
    assert(to->stream_count == from->stream_count);
    ADD_ALL(&to->sessions, &from->sessions);
    ADD_ALL(&to->rtp, &from->rtp);
    ADD_ALL(&to->published, &from->published);
    ADD_ALL(&to->rtcp, &from->rtcp);
    ADD_ALL(&to->oddities, &from->oddities);
    ADD_ALL(&to->panel, &from->panel);
    add_waits(to, from);
    ADD_ALL(&to->misbehaving, &from->misbehaving);
    for (unsigned i = 0; i < METRICS; i++)
        histogram_add(&to->metrics[i], &from->metrics[i]);
    to->udp_socket_drops += from->udp_socket_drops;
    to->recv_backlog_gaps += from->recv_backlog_gaps;
    to->cpu_ns += from->cpu_ns;
    to->wall_ns += from->wall_ns;
    to->active += from->active;
    to->starting += from->starting;
    to->target += from->target;
    to->active_peak += from->active_peak;
    to->errors_not_kept += from->errors_not_kept;
    for (uint32_t i = 0; i < from->error_count; i++)
        add_error(to, &from->errors[i]);
    for (uint32_t i = 0; i < from->stream_count; i++)
        add_stream(&to->streams[i], &from->streams[i]);
}

void stats_error(struct stats *stats, enum phase phase, enum reason reason, unsigned status,
                 const char *sample)
{
    struct error_entry *entry = error_entry(stats, phase, reason, status);
    if (!entry) {
        stats->errors_not_kept++;
        return;
    }
    if (entry->count++ == 0) {
        struct text text = text_init(entry->sample, sizeof(entry->sample) - 1);
        text_add_printable(&text, slice_from_string(sample));
        entry->sample[text.len] = '\0';
    }
}

void rtp_counts_add(struct rtp_counts *to, const struct rtp_counts *from)
{
    ADD_ALL(to, from);
}

struct rtp_counts stats_rtp(const struct stats *stats)
{
    struct rtp_counts all = {0};
    for (unsigned i = 0; i < MEDIA_KINDS; i++)
        ADD_ALL(&all, &stats->rtp[i]);
    return all;
}
