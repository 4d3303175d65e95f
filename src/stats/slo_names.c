#include "stats/slo_names.h"

#include <stdio.h>

#include "stats/fields.h"

static bool ratio(uint64_t part, uint64_t whole, double *value)
{
    *value = whole > 0 ? (double)part / (double)whole : 0;
    return whole > 0;
}

/* A zero says nothing where there was nothing to count: what follows tells where there was. */

static bool has_expected(const struct snapshot *snapshot)
{
    return stats_rtp(snapshot->total).expected > 0;
}

static bool has_video(const struct snapshot *snapshot)
{
    return snapshot->total->rtp[MEDIA_VIDEO].packets > 0;
}

static bool has_audio(const struct snapshot *snapshot)
{
    return snapshot->total->rtp[MEDIA_AUDIO].packets > 0;
}

static bool has_other(const struct snapshot *snapshot)
{
    return snapshot->total->rtp[MEDIA_OTHER].packets > 0;
}

/* Of a video in the panel: one that froze before the first frame that counts is there, too. */
static bool has_frames(const struct snapshot *snapshot)
{
    const struct panel_counts *panel = &snapshot->total->panel;
    return panel->frames_complete + panel->frames_damaged + panel->frames_suspect + panel->freezes +
               panel->stalls >
           0;
}

static bool has_panel(const struct snapshot *snapshot)
{
    return snapshot->total->panel.sessions > 0 && has_expected(snapshot);
}

static bool has_due(const struct snapshot *snapshot)
{
    const struct published_counts *published = &snapshot->total->published;
    return published->packets + published->dropped > 0;
}

static bool has_publishers(const struct snapshot *snapshot)
{
    return snapshot->total->metrics[METRIC_RECORD].count > 0;
}

static bool has_reports(const struct snapshot *snapshot)
{
    return snapshot->total->rtcp.rr_received > 0;
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

/* Publishers alone are established by RECORD. */
static bool unconfirmed_ratio(const struct snapshot *snapshot, double *value)
{
    return ratio(snapshot->total->published.unconfirmed,
                 snapshot->total->metrics[METRIC_RECORD].count, value);
}

static bool failed_ratio(const struct snapshot *snapshot, double *value)
{
    *value = snapshot_failed_share(snapshot);
    return snapshot->total->sessions.started > 0;
}

static bool no_media_ratio(const struct snapshot *snapshot, double *value)
{
    const struct stats *total = snapshot->total;
    return ratio(total->no_media, total->readers_heard + total->no_media, value);
}

static bool held_ratio(const struct snapshot *snapshot, double *value)
{
    return ratio(snapshot->total->held_us, snapshot->total->wanted_us, value);
}

static bool held_s(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->total->held_us / 1e6;
    return true;
}

static bool wanted_s(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->total->wanted_us / 1e6;
    return true;
}

static bool starting(const struct snapshot *snapshot, double *value)
{
    *value = snapshot->total->starting;
    return true;
}

static bool playing(const struct snapshot *snapshot, double *value)
{
    *value = snapshot->total->active;
    return true;
}

static bool stalled_ratio(const struct snapshot *snapshot, double *value)
{
    const struct panel_counts *panel = &snapshot->total->panel;
    return ratio(panel->stalled_sessions, panel->sessions, value);
}

/* Without a gap none is shared. */
static bool shared_gap_ratio(const struct snapshot *snapshot, double *value)
{
    ratio(snapshot->total->panel.gaps_shared, snapshot->total->panel.gaps, value);
    return has_panel(snapshot);
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
    return true;
}

static bool stall_s(const struct snapshot *snapshot, double *value)
{
    *value = (double)snapshot->total->panel.stall_us / 1e6;
    return true;
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
    {"no_media_ratio", FUNCTION(SLO_RATIO, .get = no_media_ratio)},
    {"unconfirmed_ratio", FUNCTION(SLO_RATIO, .get = unconfirmed_ratio)},
    {"held_ratio", FUNCTION(SLO_RATIO, .get = held_ratio)},
    {"stalled_ratio", FUNCTION(SLO_RATIO, .get = stalled_ratio, .has_base = has_frames)},
    {"errors", FUNCTION(SLO_COUNT, .get = errors, .grows = true)},
    {"elapsed_s", FUNCTION(SLO_SECONDS, .get = elapsed_s, .grows = true)},
    {"sessions.active_peak", FUNCTION(SLO_COUNT, .get = active_peak, .grows = true)},
    {"sessions.starting", FUNCTION(SLO_COUNT, .get = starting)},
    {"sessions.playing", FUNCTION(SLO_COUNT, .get = playing)},
    {"sessions.held_ratio", FUNCTION(SLO_RATIO, .get = held_ratio)},
    {"sessions.held_s", FUNCTION(SLO_SECONDS, .get = held_s, .grows = true)},
    {"sessions.wanted_s", FUNCTION(SLO_SECONDS, .get = wanted_s, .grows = true)},
    {"rtp.loss_ratio", FUNCTION(SLO_RATIO, .get = loss_ratio)},
    {"rtp.media.video.loss_ratio", FUNCTION(SLO_RATIO, .get = video_loss)},
    {"rtp.media.audio.loss_ratio", FUNCTION(SLO_RATIO, .get = audio_loss)},
    {"rtp.media.other.loss_ratio", FUNCTION(SLO_RATIO, .get = other_loss)},
    {"published.dropped_ratio", FUNCTION(SLO_RATIO, .get = dropped_ratio)},
    {"published.reported_loss_ratio",
     FUNCTION(SLO_RATIO, .get = reported_loss_ratio, .has_base = has_reports)},
    {"published.unconfirmed_ratio", FUNCTION(SLO_RATIO, .get = unconfirmed_ratio)},
    {"panel.freeze_s",
     FUNCTION(SLO_SECONDS, .get = freeze_s, .grows = true, .has_base = has_frames)},
    {"panel.stall_s", FUNCTION(SLO_SECONDS, .get = stall_s, .grows = true, .has_base = has_frames)},
    {"panel.shared_gap_ratio", FUNCTION(SLO_RATIO, .get = shared_gap_ratio)},
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
    {"frames.complete", offsetof(struct stats, panel.frames_complete)},
    {"frames.damaged", offsetof(struct stats, panel.frames_damaged)},
    {"frames.suspect", offsetof(struct stats, panel.frames_suspect)},
    {"keyframes", offsetof(struct stats, panel.keyframes)},
    {"recovery_points", offsetof(struct stats, panel.recovery_points)},
    {"freezes", offsetof(struct stats, panel.freezes)},
    {"stalls", offsetof(struct stats, panel.stalls)},
    {"stalled_sessions", offsetof(struct stats, panel.stalled_sessions)},
    {NULL, 0},
};

static const struct stats_field single_fields[] = {
    {"panel.sessions", offsetof(struct stats, panel.sessions)},
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
    bool (*has_base)(const struct snapshot *snapshot);
} counters[] = {
    {"", single_fields, 0, NULL},
    {"sessions.", stats_session_fields, offsetof(struct stats, sessions), NULL},
    {"rtp.", stats_rtp_fields, OF_RTP, has_expected},
    {"rtp.lost_by.", stats_loss_fields, OF_RTP, has_expected},
    {"rtp.media.video.", stats_rtp_fields, offsetof(struct stats, rtp[MEDIA_VIDEO]), has_video},
    {"rtp.media.video.lost_by.", stats_loss_fields, offsetof(struct stats, rtp[MEDIA_VIDEO]),
     has_video},
    {"rtp.media.audio.", stats_rtp_fields, offsetof(struct stats, rtp[MEDIA_AUDIO]), has_audio},
    {"rtp.media.audio.lost_by.", stats_loss_fields, offsetof(struct stats, rtp[MEDIA_AUDIO]),
     has_audio},
    {"rtp.media.other.", stats_rtp_fields, offsetof(struct stats, rtp[MEDIA_OTHER]), has_other},
    {"rtp.media.other.lost_by.", stats_loss_fields, offsetof(struct stats, rtp[MEDIA_OTHER]),
     has_other},
    {"published.", stats_published_fields, offsetof(struct stats, published), has_due},
    {"published.dropped_by.", stats_drop_fields, offsetof(struct stats, published), has_due},
    {"rtcp.", stats_rtcp_fields, offsetof(struct stats, rtcp), NULL},
    {"oddities.", stats_oddity_fields, offsetof(struct stats, oddities), NULL},
    {"panel.", panel_fields, 0, has_frames},
};

/* What came or went is a number by itself, also where it is 0. */
static bool is_volume(const struct stats_field *fields, size_t offset)
{
    if (fields == stats_published_fields)
        return offset == offsetof(struct published_counts, packets) ||
               offset == offsetof(struct published_counts, bytes);
    return fields == stats_rtp_fields && (offset == offsetof(struct rtp_counts, packets) ||
                                          offset == offsetof(struct rtp_counts, bytes) ||
                                          offset == offsetof(struct rtp_counts, expected) ||
                                          offset == offsetof(struct rtp_counts, bad));
}

/* Where that counter of a group was measured; NULL: always. */
static bool (*base_of(size_t group, const struct stats_field *field))(const struct snapshot *)
{
    bool whole_run =
        counters[group].base == OF_RTP || counters[group].fields == stats_published_fields;
    if (whole_run && is_volume(counters[group].fields, field->offset))
        return NULL;
    if (counters[group].fields != stats_published_fields)
        return counters[group].has_base;
    if (field->offset == offsetof(struct published_counts, reported_lost))
        return has_reports;
    bool of_sessions = field->offset == offsetof(struct published_counts, unconfirmed) ||
                       field->offset == offsetof(struct published_counts, unacked_bytes);
    return of_sessions ? has_publishers : counters[group].has_base;
}

/* No session need come to these steps. */
static bool is_optional_step(enum metric metric)
{
    return metric == METRIC_TLS || metric == METRIC_ANNOUNCE || metric == METRIC_RECORD ||
           metric == METRIC_KEEPALIVE || metric == METRIC_TEARDOWN || metric == METRIC_COME_BACK;
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
                .has_base = base_of(group, field),
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
