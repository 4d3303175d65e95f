#include "stats/slo_names.h"

#include <stdio.h>

#include "stats/fields.h"

static bool ratio(uint64_t part, uint64_t whole, double *value)
{
    *value = whole > 0 ? (double)part / (double)whole : 0;
    return whole > 0;
}

static bool loss_ratio(const struct snapshot *snapshot, double *value)
{
    struct rtp_counts rtp = stats_rtp(snapshot->total);
    return ratio(rtp.lost, rtp.expected, value);
}

static bool media_loss(const struct snapshot *snapshot, enum media_kind kind, double *value)
{
    const struct rtp_counts *rtp = &snapshot->total->rtp[kind];
    return ratio(rtp->lost, rtp->expected, value);
}

static bool video_loss(const struct snapshot *snapshot, double *value)
{
    return media_loss(snapshot, MEDIA_VIDEO, value);
}

static bool audio_loss(const struct snapshot *snapshot, double *value)
{
    return media_loss(snapshot, MEDIA_AUDIO, value);
}

static bool other_loss(const struct snapshot *snapshot, double *value)
{
    return media_loss(snapshot, MEDIA_OTHER, value);
}

static bool dropped_ratio(const struct snapshot *snapshot, double *value)
{
    const struct published_counts *published = &snapshot->total->published;
    return ratio(published->dropped, published->packets + published->dropped, value);
}

/* What the server counts is below 0 where it got packets twice (RFC 3550, 6.4.1): none is lost. */
static bool reported_loss_ratio(const struct snapshot *snapshot, double *value)
{
    const struct published_counts *published = &snapshot->total->published;
    int64_t lost = (int64_t)published->reported_lost;
    return ratio(lost > 0 ? (uint64_t)lost : 0, published->packets, value);
}

static bool failed_ratio(const struct snapshot *snapshot, double *value)
{
    return ratio(snapshot->total->sessions.failed, snapshot->total->sessions.started, value);
}

static bool stalled_ratio(const struct snapshot *snapshot, double *value)
{
    const struct panel_counts *panel = &snapshot->total->panel;
    return ratio(panel->stalled_sessions, panel->sessions, value);
}

static bool shared_gap_ratio(const struct snapshot *snapshot, double *value)
{
    return ratio(snapshot->total->panel.gaps_shared, snapshot->total->panel.gaps, value);
}

static bool active_peak(const struct snapshot *snapshot, double *value)
{
    *value = snapshot->total->active_peak;
    return true;
}

/* Tries that failed, of all kinds. */
static bool errors(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->total->errors_not_kept;
    for (uint32_t i = 0; i < snapshot->total->error_count; i++)
        *value += (double)snapshot->total->errors[i].count;
    return true;
}

static bool elapsed_s(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->elapsed_ns / 1e9;
    return true;
}

static bool freeze_s(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->total->panel.freeze_us / 1e6;
    return snapshot->total->panel.sessions > 0;
}

static bool stall_s(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->total->panel.stall_us / 1e6;
    return snapshot->total->panel.sessions > 0;
}

static bool cpu_s(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->generator.cpu_ns / 1e9;
    return true;
}

static bool cpu_peak(const struct snapshot *snapshot, double *value)
{
    *value = snapshot->generator.cpu_peak;
    return true;
}

static bool ns_per_packet(const struct snapshot *snapshot, double *value)
{
    uint64_t packets = stats_rtp(snapshot->total).packets + snapshot->total->published.packets;
    return ratio(snapshot->generator.cpu_ns, packets, value);
}

static bool rss_bytes(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->generator.rss_bytes;
    return snapshot->generator.rss_bytes > 0;
}

static bool bytes_per_session(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->generator.bytes_per_session;
    return snapshot->generator.bytes_per_session > 0;
}

static const struct {
    const char *name;
    struct slo_source source;
} functions[] = {
#define FUNCTION(unit_, ...)                                                                       \
    {                                                                                              \
        SLO_OF_FUNCTION, .unit = (unit_), __VA_ARGS__                                              \
    }
    {"loss_ratio", FUNCTION(SLO_RATIO, .get = loss_ratio)},
    {"failed_ratio", FUNCTION(SLO_RATIO, .get = failed_ratio)},
    {"stalled_ratio", FUNCTION(SLO_RATIO, .get = stalled_ratio)},
    {"errors", FUNCTION(SLO_COUNT, .get = errors, .grows = true)},
    {"elapsed_s", FUNCTION(SLO_SECONDS, .get = elapsed_s, .grows = true)},
    {"sessions.active_peak", FUNCTION(SLO_COUNT, .get = active_peak, .grows = true)},
    {"rtp.loss_ratio", FUNCTION(SLO_RATIO, .get = loss_ratio)},
    {"rtp.media.video.loss_ratio", FUNCTION(SLO_RATIO, .get = video_loss)},
    {"rtp.media.audio.loss_ratio", FUNCTION(SLO_RATIO, .get = audio_loss)},
    {"rtp.media.other.loss_ratio", FUNCTION(SLO_RATIO, .get = other_loss)},
    {"published.dropped_ratio", FUNCTION(SLO_RATIO, .get = dropped_ratio)},
    {"published.reported_loss_ratio", FUNCTION(SLO_RATIO, .get = reported_loss_ratio)},
    {"panel.freeze_s", FUNCTION(SLO_SECONDS, .get = freeze_s, .grows = true)},
    {"panel.stall_s", FUNCTION(SLO_SECONDS, .get = stall_s, .grows = true)},
    {"panel.shared_gap_ratio", FUNCTION(SLO_RATIO, .get = shared_gap_ratio, .may_lack = true)},
    {"generator.cpu_s", FUNCTION(SLO_SECONDS, .get = cpu_s, .grows = true)},
    {"generator.cpu_peak", FUNCTION(SLO_RATIO, .get = cpu_peak)},
    {"generator.ns_per_packet", FUNCTION(SLO_NUMBER, .get = ns_per_packet)},
    {"generator.rss_bytes", FUNCTION(SLO_BYTES, .get = rss_bytes, .grows = true)},
    {"generator.bytes_per_session", FUNCTION(SLO_BYTES, .get = bytes_per_session)},
};

static const struct {
    const char *name;
    struct slo_source source;
} distributions[] = {
#define DISTRIBUTION(metric_, unit_, ...)                                                          \
    {                                                                                              \
        SLO_OF_DISTRIBUTION, .metric = (metric_), .unit = (unit_), __VA_ARGS__                     \
    }
    {"rtp.jitter_ms", DISTRIBUTION(METRIC_JITTER, SLO_MS)},
    {"rtp.bitrate_bps", DISTRIBUTION(METRIC_BITRATE, SLO_BPS)},
    {"published.late_ms", DISTRIBUTION(METRIC_PUBLISH_LATE, SLO_MS)},
    {"published.round_trip_ms", DISTRIBUTION(METRIC_ROUND_TRIP, SLO_MS)},
    {"panel.latency_ms", DISTRIBUTION(METRIC_PANEL_LATENCY, SLO_MS)},
    {"panel.skew_ms", DISTRIBUTION(METRIC_PANEL_SKEW, SLO_MS)},
    {"panel.cross_reader_ms", DISTRIBUTION(METRIC_PANEL_CROSS_READER, SLO_MS)},
    {"panel.pace", DISTRIBUTION(METRIC_PANEL_PACE, SLO_NUMBER)},
    {"panel.mdi.df_ms", DISTRIBUTION(METRIC_PANEL_DF, SLO_MS)},
    {"panel.mdi.mlr", DISTRIBUTION(METRIC_PANEL_MLR, SLO_COUNT)},
    {"generator.loop_lag_ms", DISTRIBUTION(METRIC_LOOP_LAG, SLO_MS, .may_lack = true)},
    {"generator.schedule_lag_ms", DISTRIBUTION(METRIC_SCHEDULE_LAG, SLO_MS)},
};

static const struct stats_field panel_fields[] = {
    {"sessions", offsetof(struct stats, panel.sessions)},
    {"frames.complete", offsetof(struct stats, panel.frames_complete)},
    {"frames.damaged", offsetof(struct stats, panel.frames_damaged)},
    {"frames.suspect", offsetof(struct stats, panel.frames_suspect)},
    {"keyframes", offsetof(struct stats, panel.keyframes)},
    {"freezes", offsetof(struct stats, panel.freezes)},
    {"stalls", offsetof(struct stats, panel.stalls)},
    {"stalled_sessions", offsetof(struct stats, panel.stalled_sessions)},
    {NULL, 0},
};

static const struct stats_field single_fields[] = {
    {"errors_not_kept", offsetof(struct stats, errors_not_kept)},
    {"rtp.unknown_channel", offsetof(struct stats, oddities.unknown_channel)},
    {"generator.udp_socket_drops", offsetof(struct stats, udp_socket_drops)},
    {NULL, 0},
};

#define OF_RTP SIZE_MAX

static const struct {
    const char *prefix;
    const struct stats_field *fields;
    size_t base;
} counters[] = {
    {"", single_fields, 0},
    {"sessions.", stats_session_fields, offsetof(struct stats, sessions)},
    {"rtp.", stats_rtp_fields, OF_RTP},
    {"rtp.lost_by.", stats_loss_fields, OF_RTP},
    {"rtp.media.video.", stats_rtp_fields, offsetof(struct stats, rtp[MEDIA_VIDEO])},
    {"rtp.media.video.lost_by.", stats_loss_fields, offsetof(struct stats, rtp[MEDIA_VIDEO])},
    {"rtp.media.audio.", stats_rtp_fields, offsetof(struct stats, rtp[MEDIA_AUDIO])},
    {"rtp.media.audio.lost_by.", stats_loss_fields, offsetof(struct stats, rtp[MEDIA_AUDIO])},
    {"rtp.media.other.", stats_rtp_fields, offsetof(struct stats, rtp[MEDIA_OTHER])},
    {"rtp.media.other.lost_by.", stats_loss_fields, offsetof(struct stats, rtp[MEDIA_OTHER])},
    {"published.", stats_published_fields, offsetof(struct stats, published)},
    {"published.dropped_by.", stats_drop_fields, offsetof(struct stats, published)},
    {"rtcp.", stats_rtcp_fields, offsetof(struct stats, rtcp)},
    {"oddities.", stats_oddity_fields, offsetof(struct stats, oddities)},
    {"panel.", panel_fields, 0},
};

/* No session need come to these steps. */
static bool is_optional_step(enum metric metric)
{
    return metric == METRIC_TLS || metric == METRIC_ANNOUNCE || metric == METRIC_RECORD ||
           metric == METRIC_KEEPALIVE || metric == METRIC_TEARDOWN;
}

/* "startup" and "latency_ms.startup" are one. */
static void latency(unsigned i, char name[static SLO_NAME_MAX], struct slo_source *source)
{
    enum metric metric = i / 2;
    snprintf(name, SLO_NAME_MAX, "%s%s", i % 2 ? "latency_ms." : "", latency_name(metric));
    *source = (struct slo_source){
        .kind = SLO_OF_DISTRIBUTION,
        .unit = SLO_MS,
        .metric = metric,
        .may_lack = is_optional_step(metric),
    };
}

static bool counter(unsigned i, char name[static SLO_NAME_MAX], struct slo_source *source)
{
    for (size_t group = 0; group < sizeof(counters) / sizeof(counters[0]); group++) {
        for (const struct stats_field *field = counters[group].fields; field->name; field++) {
            if (i-- > 0)
                continue;
            bool of_rtp = counters[group].base == OF_RTP;
            snprintf(name, SLO_NAME_MAX, "%s%s", counters[group].prefix, field->name);
            *source = (struct slo_source){
                .kind = SLO_OF_COUNTER,
                .unit = SLO_COUNT,
                .offset = field->offset + (of_rtp ? 0 : counters[group].base),
                .of_rtp = of_rtp,
                .grows = true,
            };
            return true;
        }
    }
    return false;
}

bool slo_name(unsigned i, char name[static SLO_NAME_MAX], struct slo_source *source)
{
    const unsigned function_count = sizeof(functions) / sizeof(functions[0]);
    const unsigned distribution_count = sizeof(distributions) / sizeof(distributions[0]);
    if (i < 2 * LATENCY_METRICS) {
        latency(i, name, source);
        return true;
    }
    i -= 2 * LATENCY_METRICS;
    if (i < function_count) {
        snprintf(name, SLO_NAME_MAX, "%s", functions[i].name);
        *source = functions[i].source;
        return true;
    }
    i -= function_count;
    if (i < distribution_count) {
        snprintf(name, SLO_NAME_MAX, "%s", distributions[i].name);
        *source = distributions[i].source;
        return true;
    }
    return counter(i - distribution_count, name, source);
}
