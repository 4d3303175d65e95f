#include "view/json.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "stats/fields.h"
#include "view/bystanders.h"
#include "view/headline.h"
#include "view/interrupted.h"
#include "view/json_dump.h"
#include "view/json_endurance.h"
#include "view/json_limits.h"
#include "view/json_series.h"

#define STREAMS_MAX 1000u

/* Takes value over. Fails only when memory runs out. */
static void put(json_t *object, const char *key, json_t *value)
{
    int failed = json_object_set_new(object, key, value);
    assert(!failed);
}

static void put_count(json_t *object, const char *key, uint64_t count)
{
    put(object, key, json_integer((json_int_t)count));
}

static void put_number_or_null(json_t *object, const char *key, bool measured, double value)
{
    put(object, key, measured ? json_real(value) : json_null());
}

/* What isn't UTF-8 is escaped. */
static void put_string(json_t *object, const char *key, const char *string)
{
    char buffer[4096];
    json_t *value = json_string(string ? string : "");
    if (!value) {
        struct text escaped = text_init(buffer, sizeof(buffer) - 1);
        text_add_printable(&escaped, slice_from_string(string));
        value = json_string(text_string(&escaped));
    }
    put(object, key, value);
}

static void put_counts(json_t *object, const void *counts, const struct stats_field *fields)
{
    for (; fields->name; fields++)
        put_count(object, fields->name, *(const uint64_t *)((const char *)counts + fields->offset));
}

static json_t *counts_object(const void *counts, const struct stats_field *fields)
{
    json_t *object = json_object();
    put_counts(object, counts, fields);
    return object;
}

/* A value of a histogram in its result's unit; whole where that is the unit it was counted in. */
static json_t *in_unit(uint64_t value, unsigned per_unit)
{
    return per_unit == 1 ? json_integer((json_int_t)value) : json_real((double)value / per_unit);
}

/* H: per_unit of what the histogram counted are one of what the result shows. */
static void put_histogram(json_t *object, const char *key, const struct histogram *histogram,
                          unsigned per_unit, uint64_t never)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = {{"p50", 0.5},  {"p75", 0.75}, {"p90", 0.9},
                     {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}};
    bool any = histogram->count > 0;
    double mean = round(histogram_mean(histogram) / per_unit * 1000) / 1000;
    json_t *h = json_object();
    put_count(h, "count", histogram->count);
    put(h, "min", any ? in_unit(histogram->min, per_unit) : json_null());
    put_number_or_null(h, "mean", any, mean);
    put(h, "max", any ? in_unit(histogram->max, per_unit) : json_null());
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        uint64_t value = histogram_quantile(histogram, quantiles[i].q);
        put(h, quantiles[i].name, any ? in_unit(value, per_unit) : json_null());
    }
    put_count(h, "never", never);
    put(object, key, h);
}

static void put_ratio(json_t *object, const char *key, uint64_t part, uint64_t whole)
{
    put_number_or_null(object, key, whole > 0, whole > 0 ? (double)part / (double)whole : 0);
}

static json_t *tool_object(const struct run_info *info)
{
    json_t *object = json_object();
    put_string(object, "name", info->tool_name);
    put_string(object, "version", info->tool_version);
    return object;
}

static void put_started_at(json_t *object, uint64_t realtime_ns)
{
    char buffer[40];
    time_t seconds = (time_t)(realtime_ns / NS_PER_S);
    struct tm utc;
    struct text text = text_init(buffer, sizeof(buffer));
    gmtime_r(&seconds, &utc);
    text.len = strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%S", &utc);
    text_printf(&text, ".%03uZ", (unsigned)(realtime_ns % NS_PER_S / NS_PER_MS));
    put_string(object, "started_at", text_string(&text));
}

static json_t *config_value(const char *plan_json)
{
    if (!plan_json)
        return json_null();
    json_t *config = json_loads(plan_json, JSON_DECODE_ANY, NULL);
    assert(config);
    return config;
}

static json_t *host_object(const struct host *host)
{
    json_t *object = json_object();
    put_string(object, "kernel", host->kernel);
    put_count(object, "cores", host->cores);
    put_count(object, "memory_bytes", host->memory_bytes);
    put_count(object, "nofile", host->nofile);
    return object;
}

static json_t *sessions_object(const struct stats *total)
{
    json_t *object = counts_object(&total->sessions, stats_session_fields);
    put_count(object, "starting", total->starting);
    put_count(object, "playing", total->active);
    put_count(object, "readers_with_media", total->readers_heard);
    put_count(object, "no_media", total->no_media);
    put_count(object, "active_peak", total->active_peak);
    put_ratio(object, "held_ratio", total->held_us, total->wanted_us);
    put(object, "held_s", json_real((double)total->held_us / 1e6));
    put(object, "wanted_s", json_real((double)total->wanted_us / 1e6));
    return object;
}

static json_t *latency_object(const struct stats *total)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < LATENCY_METRICS; i++)
        put_histogram(object, latency_name(i), &total->metrics[i], 1000, total->never[i]);
    return object;
}

static json_t *rtp_counts_object(const struct rtp_counts *rtp)
{
    json_t *object = counts_object(rtp, stats_rtp_fields);
    put_ratio(object, "loss_ratio", rtp->lost, rtp->expected);
    put(object, "lost_by", counts_object(rtp, stats_loss_fields));
    return object;
}

static json_t *rtp_object(const struct stats *total)
{
    struct rtp_counts all = stats_rtp(total);
    json_t *object = rtp_counts_object(&all);
    json_t *media = json_object();
    put_count(object, "unknown_channel", total->oddities.unknown_channel);
    put_histogram(object, "jitter_ms", &total->metrics[METRIC_JITTER], 1000, 0);
    put_histogram(object, "bitrate_bps", &total->metrics[METRIC_BITRATE], 1, 0);
    for (unsigned i = 0; i < MEDIA_KINDS; i++)
        put(media, media_kind_names[i], rtp_counts_object(&total->rtp[i]));
    put(object, "media", media);
    return object;
}

static json_t *published_object(const struct stats *total)
{
    const struct published_counts *published = &total->published;
    json_t *object = counts_object(published, stats_published_fields);
    put_ratio(object, "dropped_ratio", published->dropped, published->packets + published->dropped);
    put(object, "dropped_by", counts_object(published, stats_drop_fields));
    put_ratio(object, "unconfirmed_ratio", published->unconfirmed,
              total->metrics[METRIC_RECORD].count);
    put_histogram(object, "late_ms", &total->metrics[METRIC_PUBLISH_LATE], 1000, 0);
    put_histogram(object, "round_trip_ms", &total->metrics[METRIC_ROUND_TRIP], 1000, 0);
    return object;
}

struct ranked_stream {
    uint64_t packets; /* received and published */
    uint32_t index;
};

static int compare_streams(const void *left, const void *right)
{
    const struct ranked_stream *a = left, *b = right;
    if (a->packets != b->packets)
        return a->packets > b->packets ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static json_t *stream_object(const char *url, const struct stream_stats *stream)
{
    json_t *object = json_object();
    double bps = stream->media_us > 0
                     ? round((double)stream->media_bytes * 8e6 / (double)stream->media_us)
                     : 0;
    put_string(object, "url", url);
    put(object, "sessions", counts_object(&stream->sessions, stats_stream_session_fields));
    put(object, "rtp", rtp_counts_object(&stream->rtp));
    put(object, "published", counts_object(&stream->published, stats_published_fields));
    put_histogram(object, "startup_ms", &stream->startup, 1000, 0);
    put_number_or_null(object, "bitrate_bps", stream->media_us > 0, bps);
    return object;
}

static json_t *streams_array(const struct snapshot *snapshot, uint32_t most)
{
    const struct stats *total = snapshot->total;
    json_t *array = json_array();
    struct ranked_stream *ranked = calloc(total->stream_count + 1, sizeof(*ranked));
    assert(ranked);
    for (uint32_t i = 0; i < total->stream_count; i++) {
        const struct stream_stats *stream = &total->streams[i];
        ranked[i] = (struct ranked_stream){stream->rtp.packets + stream->published.packets, i};
    }
    qsort(ranked, total->stream_count, sizeof(*ranked), compare_streams);
    for (uint32_t i = 0; i < total->stream_count && i < most; i++) {
        uint32_t index = ranked[i].index;
        json_t *stream = stream_object(snapshot->info->stream_urls[index], &total->streams[index]);
        if (snapshot->info->stream_groups)
            put_string(stream, "group", snapshot->info->stream_groups[index]);
        json_array_append_new(array, stream);
    }
    free(ranked);
    return array;
}

static json_t *panel_object(const struct stats *total)
{
    const struct panel_counts *panel = &total->panel;
    json_t *object = json_object(), *frames = json_object(), *mdi = json_object();
    put_count(object, "sessions", panel->sessions);
    put_count(frames, "complete", panel->frames_complete);
    put_count(frames, "damaged", panel->frames_damaged);
    put_count(frames, "suspect", panel->frames_suspect);
    put(object, "frames", frames);
    put_count(object, "keyframes", panel->keyframes);
    put_count(object, "recovery_points", panel->recovery_points);
    put_count(object, "freezes", panel->freezes);
    put(object, "freeze_s", json_real((double)panel->freeze_us / 1e6));
    put_count(object, "stalls", panel->stalls);
    put(object, "stall_s", json_real((double)panel->stall_us / 1e6));
    put_count(object, "stalled_sessions", panel->stalled_sessions);
    put_histogram(object, "latency_ms", &total->metrics[METRIC_PANEL_LATENCY], 1000, 0);
    put_histogram(object, "skew_ms", &total->metrics[METRIC_PANEL_SKEW], 1000, 0);
    put_histogram(object, "cross_reader_ms", &total->metrics[METRIC_PANEL_CROSS_READER], 1000, 0);
    put_ratio(object, "shared_gap_ratio", panel->gaps_shared, panel->gaps);
    put_histogram(object, "pace", &total->metrics[METRIC_PANEL_PACE], 1000, 0);
    put_histogram(mdi, "df_ms", &total->metrics[METRIC_PANEL_DF], 1000, 0);
    put_histogram(mdi, "mlr", &total->metrics[METRIC_PANEL_MLR], 1, 0);
    put(object, "mdi", mdi);
    return object;
}

static json_t *errors_array(const struct snapshot *snapshot)
{
    const struct error_entry *sorted[ERRORS_MAX];
    uint32_t count = snapshot_errors(snapshot, sorted);
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_t *object = json_object();
        uint32_t status = sorted[i]->status;
        put_string(object, "phase", phase_name(sorted[i]->phase));
        put_string(object, "reason", reason_name(sorted[i]->reason));
        put(object, "status", status > 0 ? json_integer(status) : json_null());
        put_count(object, "count", sorted[i]->count);
        put_string(object, "sample", sorted[i]->sample);
        json_array_append_new(array, object);
    }
    return array;
}

/* What calibration found, and how near to it the run came. */
static json_t *ceiling_value(const struct snapshot *snapshot)
{
    const struct ceiling *ceiling = &snapshot->info->ceiling;
    if (ceiling->packets_per_s <= 0)
        return json_null();
    json_t *object = json_object();
    put(object, "packets_per_s", json_real(round(ceiling->packets_per_s)));
    put(object, "starts_per_s", json_real(round(ceiling->starts_per_s)));
    put_count(object, "sessions", ceiling->sessions);
    put(object, "used", json_real(round(snapshot_ceiling_used(snapshot) * 1000) / 1000));
    return object;
}

static json_t *generator_object(const struct snapshot *snapshot)
{
    const struct generator *generator = &snapshot->generator;
    const struct stats *total = snapshot->total;
    json_t *object = json_object();
    view_json_limits(object, generator);
    put_string(object, "io", snapshot->info->io);
    put_string(object, "arrival", snapshot->info->kernel_stamps ? "kernel" : "read");
    put_count(object, "threads", snapshot->info->shard_count);
    put(object, "cpu_s", json_real((double)generator->cpu_ns / 1e9));
    put(object, "cpu_peak", json_real(round(generator->cpu_peak * 1000) / 1000));
    put_ratio(object, "ns_per_packet", generator->cpu_ns,
              stats_rtp(total).packets + total->published.packets);
    put_count(object, "rss_bytes", generator->rss_bytes);
    put_count(object, "bytes_per_session", generator->bytes_per_session);
    put_histogram(object, "loop_lag_ms", &total->metrics[METRIC_LOOP_LAG], 1000, 0);
    put_histogram(object, "schedule_lag_ms", &total->metrics[METRIC_SCHEDULE_LAG], 1000, 0);
    put_count(object, "udp_socket_drops", total->udp_socket_drops);
    put(object, "ceiling", ceiling_value(snapshot));
    return object;
}

static json_t *row_object(const struct timeline_row *row)
{
    json_t *object = json_object();
    put(object, "t_s", json_real((double)row->t_ns / 1e9));
    put_count(object, "target", row->target);
    put_count(object, "active", row->active);
    put_count(object, "started", row->started);
    put_count(object, "established", row->established);
    put_count(object, "failed", row->failed);
    put_count(object, "dropped", row->dropped);
    put_count(object, "packets", row->packets);
    put_count(object, "bytes", row->bytes);
    put_count(object, "lost", row->lost);
    put_number_or_null(object, "startup_p95_ms", row->has_startup,
                       (double)row->startup_p95_us / 1e3);
    put_number_or_null(object, "jitter_p95_ms", row->has_jitter, (double)row->jitter_p95_us / 1e3);
    put(object, "cpu", json_real(round(row->cpu * 1000) / 1000));
    view_json_server_row(object, row);
    put_count(object, "published", row->published);
    put_count(object, "published_bytes", row->published_bytes);
    put_count(object, "publish_dropped", row->publish_dropped);
    return object;
}

static json_t *timeline_array(const struct snapshot *snapshot)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < snapshot->timeline_count; i++)
        json_array_append_new(array, row_object(&snapshot->timeline[i]));
    return array;
}

static json_t *bad_client_json(enum misbehaviour kind, const struct bad_counts *counts)
{
    static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    json_t *one = json_object(), *outcomes = json_object(), *answers = json_object();
    uint64_t ended = 0;
    put(one, "kind", json_string(misbehaviour_name(kind)));
    put_count(one, "started", counts->started);
    for (unsigned i = 0; i < BAD_OUTCOMES; i++) {
        put_count(outcomes, bad_outcome_name((enum bad_outcome)i), counts->outcomes[i]);
        ended += counts->outcomes[i];
    }
    for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        put_count(answers, classes[i], counts->answers[i]);
    put(one, "outcomes", outcomes);
    put(one, "answers", answers);
    put_number_or_null(one, "mean_life_s", ended > 0,
                       (double)counts->lived_ms / 1000 / (double)(ended ? ended : 1));
    return one;
}

/* One stretch of the run as the good clients saw it. */
static json_t *bystander_json(const struct bystander *stretch)
{
    json_t *one = json_object();
    put(one, "seconds", json_real(stretch->seconds));
    put_count(one, "started", stretch->started);
    put_count(one, "failed", stretch->failed);
    put_count(one, "dropped", stretch->dropped);
    put_count(one, "packets", stretch->packets);
    put_count(one, "lost", stretch->lost);
    put_count(one, "freezes", stretch->freezes);
    put_count(one, "stalls", stretch->stalls);
    put_number_or_null(one, "startup_p50_ms", stretch->has_startup, stretch->startup_p50_ms);
    put_number_or_null(one, "startup_p95_ms", stretch->has_startup, stretch->startup_p95_ms);
    put_number_or_null(one, "jitter_p95_ms", stretch->has_jitter, stretch->jitter_p95_ms);
    return one;
}

static void add_bad_clients(json_t *to, const struct snapshot *snapshot)
{
    json_t *list = json_array();
    struct bystanders bystanders;
    for (unsigned i = 0; i < MISBEHAVIOURS; i++) {
        const struct bad_counts *counts = &snapshot->total->misbehaving[i];
        if (counts->started > 0)
            json_array_append_new(list, bad_client_json((enum misbehaviour)i, counts));
    }
    put(to, "misbehaving", list);
    if (!bystanders_of(snapshot, &bystanders)) {
        put(to, "bystanders", json_null());
        return;
    }
    json_t *both = json_object();
    put(both, "calm", bystander_json(&bystanders.calm));
    put(both, "with_bad", bystander_json(&bystanders.with_bad));
    put(to, "bystanders", both);
}

static json_t *by_hand_object(const struct by_hand *by_hand)
{
    json_t *object = json_object();
    put(object, "target_scale", json_real((1000 + by_hand->change) / 1000.0));
    put_count(object, "target_changes", by_hand->changes);
    put_count(object, "pauses", by_hand->pauses);
    return object;
}

static json_t *interrupted_value(const struct interrupted *interrupted)
{
    if (!interrupted->signal)
        return json_null();
    json_t *object = json_object();
    put_string(object, "signal", interrupted_signal_name(interrupted->signal));
    put(object, "at_s", json_real((double)interrupted->at_ns / 1e9));
    put(object, "of_s", json_real((double)interrupted->of_ns / 1e9));
    return object;
}

static json_t *slo_array(const struct snapshot *snapshot)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < snapshot->slo_count; i++) {
        const struct slo_result *slo = &snapshot->slos[i];
        json_t *object = json_object();
        put_string(object, "expr", slo->expression);
        put_number_or_null(object, "value", slo->measured && isfinite(slo->value), slo->value);
        put_count(object, "never", slo->beyond);
        put(object, "ok", json_boolean(slo->ok));
        json_array_append_new(array, object);
    }
    return array;
}

static void put_headline(json_t *object, const struct snapshot *snapshot)
{
    char room[512];
    struct text line = text_init(room, sizeof(room) - 1);
    struct headline_fact lead[HEADLINE_LEAD];
    unsigned count = headline_lead(snapshot, lead);
    json_t *facts = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(facts, json_string(lead[i].text));
    headline_write_line(snapshot, &line);
    put_string(object, "headline", text_string(&line));
    put(object, "lead", facts);
}

/* Of a run that goes on there is none. */
static void put_conclusion(json_t *object, const struct snapshot *snapshot)
{
    if (snapshot->final) {
        put_string(object, "verdict", verdict_name(snapshot_verdict(snapshot, NULL)));
        put_headline(object, snapshot);
        return;
    }
    put(object, "verdict", json_null());
    put(object, "headline", json_null());
    put(object, "lead", json_array());
}

json_t *view_json_state(const struct snapshot *snapshot, uint32_t most_streams)
{
    const struct run_info *info = snapshot->info;
    const struct stats *total = snapshot->total;
    json_t *state = json_object();
    put_string(state, "schema", "rtspbench.result.v1");
    put(state, "tool", tool_object(info));
    put_started_at(state, info->started_at_ns);
    put(state, "elapsed_s", json_real((double)snapshot->elapsed_ns / 1e9));
    put(state, "config", config_value(info->plan_json));
    put(state, "host", host_object(&info->host));
    put_string(state, "state", snapshot->final ? "final" : "running");
    put(state, "interrupted", interrupted_value(&snapshot->interrupted));
    put(state, "sessions", sessions_object(total));
    put(state, "latency_ms", latency_object(total));
    put(state, "rtp", rtp_object(total));
    put(state, "rtcp", counts_object(&total->rtcp, stats_rtcp_fields));
    put(state, "published", published_object(total));
    put(state, "oddities", counts_object(&total->oddities, stats_oddity_fields));
    put(state, "streams", streams_array(snapshot, most_streams));
    put(state, "panel", panel_object(total));
    put(state, "errors", errors_array(snapshot));
    put_count(state, "errors_not_kept", total->errors_not_kept);
    add_bad_clients(state, snapshot);
    put(state, "generator", generator_object(snapshot));
    put(state, "server", view_json_server(&snapshot->server));
    put(state, "by_hand", by_hand_object(&snapshot->by_hand));
    put(state, "slo", slo_array(snapshot));
    put_conclusion(state, snapshot);
    return state;
}

json_t *view_json_result(const struct snapshot *snapshot)
{
    json_t *result = view_json_state(snapshot, STREAMS_MAX);
    put(result, "drift", view_json_drift(snapshot->drift));
    put(result, "timeline", timeline_array(snapshot));
    put(result, "series", view_series(snapshot->series, snapshot->series_count, 0));
    put(result, "histograms", view_histograms(snapshot->total));
    return result;
}

int view_json_write(const struct snapshot *snapshot, const char *path)
{
    struct file file;
    int error = file_open(&file, path);
    if (error)
        return error;
    error = view_dump_pretty(view_json_result(snapshot), file.stream);
    if (!error)
        return file_commit(&file);
    file_discard(&file);
    return error;
}

int view_json_result_line(const struct snapshot *snapshot, FILE *stream)
{
    json_t *line = json_object();
    put(line, "result", view_json_result(snapshot));
    return view_dump(line, stream);
}

static void put_time(json_t *object, uint64_t elapsed_ns)
{
    char buffer[32];
    struct text text = text_init(buffer, sizeof(buffer));
    uint64_t tenths = (elapsed_ns + 50 * NS_PER_MS) / (100 * NS_PER_MS);
    text_add_u64(&text, tenths / 10);
    if (tenths % 10 > 0)
        text_printf(&text, ".%u", (unsigned)(tenths % 10));
    text_add_string(&text, "s");
    put_string(object, "time", text_string(&text));
}

int view_json_interval_line(const struct snapshot *snapshot, FILE *stream)
{
    const struct stats *total = snapshot->total;
    struct rtp_counts rtp = stats_rtp(total);
    double connects = (double)snapshot->interval->metrics[METRIC_CONNECT].count;
    double seconds = (double)snapshot->interval_ns / 1e9;
    json_t *line = json_object();
    put_time(line, snapshot->elapsed_ns);
    put_count(line, "active", total->active);
    put_count(line, "target", total->target);
    put_count(line, "connects", total->metrics[METRIC_CONNECT].count);
    put(line, "cps", json_real(seconds > 0 ? round(connects / seconds * 10) / 10 : 0));
    put_count(line, "established", total->sessions.established);
    put_count(line, "failures", total->sessions.failed + total->sessions.dropped);
    put_count(line, "packets", rtp.packets);
    put_count(line, "bytes", rtp.bytes);
    put_count(line, "loss", rtp.lost);
    put_count(line, "published", total->published.packets);
    put_count(line, "publish_dropped", total->published.dropped);
    if (snapshot->server.watched)
        put(line, "server", view_json_server(&snapshot->server));
    return view_dump(line, stream);
}
