#include "view/prometheus.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "stats/fields.h"

#define LOWEST_SHIFT 3u /* 16 us */
#define LABELS 2048u

/* One exposition under way. */
struct page {
    FILE *to;
    enum prometheus_format format;
};

struct counter {
    const char *name, *help;
    size_t offset; /* of a uint64_t */
};

uint64_t prometheus_bound_us(uint32_t i)
{
    return (UINT64_C(2) + i % 2) << (LOWEST_SHIFT + i / 2);
}

/* now may be below 0. */
static void raise_peak(uint64_t *peak, uint64_t now)
{
    if ((int64_t)now > (int64_t)*peak)
        *peak = now;
}

void prometheus_peaks_see(struct prometheus_peaks *peaks, const struct snapshot *snapshot)
{
    struct rtp_counts rtp = stats_rtp(snapshot->total);
    for (unsigned i = 0; i < LOSS_CAUSES; i++)
        raise_peak(&peaks->lost_by[i], rtp.lost_by[i]);
    raise_peak(&peaks->reported_lost, snapshot->total->published.reported_lost);
    for (unsigned i = 0; i < LATENCY_METRICS; i++)
        raise_peak(&peaks->never[i], snapshot->total->never[i]);
}

/* In OpenMetrics a counter's family is called without the _total of its values. */
static void family(const struct page *page, const char *name, const char *type, const char *help)
{
    bool counter = type[0] == 'c';
    const char *suffix = counter && page->format == PROMETHEUS_TEXT ? "_total" : "";
    fprintf(page->to, "# HELP rtspbench_%s%s %s\n# TYPE rtspbench_%s%s %s\n", name, suffix, help,
            name, suffix, type);
}

static void count(const struct page *page, const char *name, const char *labels, uint64_t value)
{
    fprintf(page->to, "rtspbench_%s_total%s %llu\n", name, labels, (unsigned long long)value);
}

static void value(const struct page *page, const char *name, const char *labels, double value)
{
    fprintf(page->to, "rtspbench_%s%s %.12g\n", name, labels, value);
}

static void gauge(const struct page *page, const char *name, const char *help, double now)
{
    family(page, name, "gauge", help);
    value(page, name, "", now);
}

static void counter(const struct page *page, const char *name, const char *help, uint64_t now)
{
    family(page, name, "counter", help);
    count(page, name, "", now);
}

static void counters(const struct page *page, const struct counter *counters, size_t n,
                     const void *from)
{
    for (size_t i = 0; i < n; i++)
        counter(page, counters[i].name, counters[i].help,
                *(const uint64_t *)((const char *)from + counters[i].offset));
}

/* A label whose value may be anything: what isn't printable is escaped first, and then what the
   format escapes, which knows no other escapes. */
static const char *label(char out[LABELS], const char *name, const char *of)
{
    char room[LABELS / 2];
    struct text printable = text_init(room, sizeof(room)), text = text_init(out, LABELS - 1);
    text_add_printable(&printable, slice_from_string(of));
    text_printf(&text, "{%s=\"", name);
    for (size_t i = 0; i < printable.len; i++) {
        if (room[i] == '\\' || room[i] == '"')
            text_add_string(&text, "\\");
        text_add(&text, slice_make(room + i, 1));
    }
    text_add_string(&text, "\"}");
    return text_string(&text);
}

#define COUNTS(table) table, sizeof(table) / sizeof((table)[0])

static void write_sessions(const struct page *page, const struct stats *total)
{
#define AT(field) offsetof(struct session_counts, field)
    static const struct counter table[] = {
        {"sessions_started", "Sessions begun; retries are not counted again.", AT(started)},
        {"sessions_established", "Sessions whose PLAY or RECORD was answered 200.",
         AT(established)},
        {"sessions_got_media", "Sessions that got an RTP packet, or published one.", AT(got_media)},
        {"sessions_failed", "Sessions never established, retries used up.", AT(failed)},
        {"sessions_cancelled",
         "Sessions cut off by the run's end or their own before they were established.",
         AT(cut_off)},
        {"sessions_dropped", "Sessions ended by anything but the plan.", AT(dropped)},
        {"sessions_completed", "Established sessions that the plan ended.", AT(completed)},
        {"sessions_not_started", "Sessions that were due and never begun.", AT(not_started)},
        {"retries", "Tries after a first one failed.", AT(retries)},
    };
#undef AT
    gauge(page, "sessions_active", "Sessions established and not yet ended.", total->active);
    gauge(page, "sessions_starting", "Sessions begun and not yet established.", total->starting);
    gauge(page, "sessions_target", "Sessions that the plan wants by now.", total->target);
    gauge(page, "sessions_unanswered", "Those of sessions_cancelled that had waited too long.",
          (double)total->sessions.unanswered);
    gauge(page, "sessions_no_media", "Ended readers that had played and got no RTP packet.",
          (double)total->no_media);
    if (total->wanted_us > 0)
        gauge(page, "held_ratio", "Session-seconds played, of those that the plan wanted so far.",
              (double)total->held_us / (double)total->wanted_us);
    counters(page, COUNTS(table), &total->sessions);
}

static void write_media_counter(const struct page *page, const struct stats *total,
                                const struct counter *of)
{
    static const char *const kinds[MEDIA_KINDS] = {"video", "audio", "other"};
    char labels[LABELS];
    family(page, of->name, "counter", of->help);
    for (unsigned i = 0; i < MEDIA_KINDS; i++)
        count(page, of->name, label(labels, "media", kinds[i]),
              *(const uint64_t *)((const char *)&total->rtp[i] + of->offset));
}

static void write_rtp(const struct page *page, const struct stats *total,
                      const struct prometheus_peaks *peaks)
{
#define AT(field) offsetof(struct rtp_counts, field)
    static const struct counter by_media[] = {
        {"rtp_packets", "RTP packets received, duplicates included.", AT(packets)},
        {"rtp_bytes", "Bytes of RTP header and payload received.", AT(bytes)},
    };
    static const struct counter table[] = {
        {"rtp_expected_packets", "RTP packets that were sent, by their sequence numbers.",
         AT(expected)},
        {"rtp_duplicates", "RTP packets received again.", AT(duplicates)},
        {"rtp_reordered", "RTP packets that came after a later one.", AT(reordered)},
        {"rtp_late", "RTP packets that came after they had been given up.", AT(late)},
        {"rtp_resets", "Restarts of a track's sequence.", AT(resets)},
        {"rtp_bad", "Packets that are not RTP.", AT(bad)},
    };
#undef AT
    static const char *const causes[LOSS_CAUSES] = {"network", "local_socket", "self", "server"};
    struct rtp_counts all = stats_rtp(total);
    char labels[LABELS];
    for (size_t i = 0; i < sizeof(by_media) / sizeof(by_media[0]); i++)
        write_media_counter(page, total, &by_media[i]);
    counters(page, COUNTS(table), &all);
    family(page, "rtp_lost", "counter",
           "RTP packets lost, by whose fault it was; self and local_socket are the generator's.");
    for (unsigned i = 0; i < LOSS_CAUSES; i++)
        count(page, "rtp_lost", label(labels, "cause", causes[i]), peaks->lost_by[i]);
}

static void write_published(const struct page *page, const struct stats *total,
                            const struct prometheus_peaks *peaks)
{
    const struct published_counts *published = &total->published;
    counter(page, "published_packets", "RTP packets that publishers wrote.", published->packets);
    counter(page, "published_bytes", "Bytes of RTP header and payload that publishers wrote.",
            published->bytes);
    family(page, "published_dropped", "counter",
           "RTP packets due and never written, by whose fault; self is the generator.");
    count(page, "published_dropped", "{by=\"server\"}", published->dropped_by[DROP_SERVER]);
    count(page, "published_dropped", "{by=\"self\"}", published->dropped_by[DROP_SELF]);
    counter(page, "published_unconfirmed_sessions",
            "Publishers that ended and of which the server may not have read all.",
            published->unconfirmed);
    counter(page, "published_unacked_bytes",
            "Bytes that the server's kernel had not acknowledged as publishers ended.",
            published->unacked_bytes);
    counter(page, "published_reported_lost", "Packets that the server's receiver reports miss.",
            peaks->reported_lost);
}

static void write_errors(const struct page *page, const struct stats *total)
{
    char labels[LABELS];
    family(page, "errors", "counter", "Failed tries, by phase, reason and RTSP status.");
    for (uint32_t i = 0; i < total->error_count; i++) {
        const struct error_entry *error = &total->errors[i];
        int n = snprintf(labels, sizeof(labels), "{phase=\"%s\",reason=\"%s\",status=\"",
                         phase_name(error->phase), reason_name(error->reason));
        if (error->status > 0)
            n += snprintf(labels + n, sizeof(labels) - (size_t)n, "%u", error->status);
        snprintf(labels + n, sizeof(labels) - (size_t)n, "\"}");
        count(page, "errors", labels, error->count);
    }
    counter(page, "errors_not_kept", "Failed tries of further kinds.", total->errors_not_kept);
}

/* Without the status, so that all that can occur are there before they do: to rate() and increase()
   a counter that begins at 500 has never risen. */
static void write_failed_tries(const struct page *page, const struct error_entry *errors,
                               uint32_t error_count)
{
    uint64_t counts[PHASES][REASONS] = {0};
    char labels[LABELS];
    for (uint32_t i = 0; i < error_count; i++)
        counts[errors[i].phase][errors[i].reason] += errors[i].count;
    family(page, "failed_tries", "counter", "Failed tries, by phase and reason, each from 0 on.");
    for (unsigned phase = 0; phase < PHASES; phase++) {
        for (unsigned reason = 0; reason < REASONS; reason++) {
            if (counts[phase][reason] == 0 && !reason_occurs_in(reason, phase))
                continue;
            snprintf(labels, sizeof(labels), "{phase=\"%s\",reason=\"%s\"}", phase_name(phase),
                     reason_name(reason));
            count(page, "failed_tries", labels, counts[phase][reason]);
        }
    }
}

static void write_panel(const struct page *page, const struct panel_counts *panel)
{
    family(page, "panel_frames", "counter", "Video frames of the sessions looked at in depth.");
    count(page, "panel_frames", "{state=\"complete\"}", panel->frames_complete);
    count(page, "panel_frames", "{state=\"damaged\"}", panel->frames_damaged);
    count(page, "panel_frames", "{state=\"suspect\"}", panel->frames_suspect);
    counter(page, "panel_freezes", "Freezes (W3C webrtc-stats).", panel->freezes);
    family(page, "panel_freeze_seconds", "counter", "How long the picture stood still.");
    value(page, "panel_freeze_seconds_total", "", (double)panel->freeze_us / 1e6);
    counter(page, "panel_stalls", "Stalls of a player that starts 200 ms after the first frame.",
            panel->stalls);
    gauge(page, "panel_sessions", "Sessions looked at in depth.", (double)panel->sessions);
}

/* labels: "" or "phase=\"connect\"," */
static void write_histogram(const struct page *page, const char *name, const char *labels,
                            const struct histogram *histogram)
{
    uint64_t seen = 0;
    uint32_t at = histogram->low;
    for (uint32_t i = 0; i < PROMETHEUS_BOUNDS; i++) {
        uint64_t bound_us = prometheus_bound_us(i);
        while (at < histogram->high && histogram_bucket_high(histogram, at) < bound_us)
            seen += histogram->counts[at++];
        fprintf(page->to, "rtspbench_%s_bucket{%sle=\"%.9g\"} %llu\n", name, labels,
                (double)bound_us / 1e6, (unsigned long long)seen);
    }
    fprintf(page->to, "rtspbench_%s_bucket{%sle=\"+Inf\"} %llu\n", name, labels,
            (unsigned long long)histogram->count);
    int n = (int)(labels[0] ? strlen(labels) - 1 : 0); /* without the comma */
    const char *open = n > 0 ? "{" : "", *close = n > 0 ? "}" : "";
    fprintf(page->to, "rtspbench_%s_sum%s%.*s%s %.12g\n", name, open, n, labels, close,
            (double)histogram->sum / 1e6);
    fprintf(page->to, "rtspbench_%s_count%s%.*s%s %llu\n", name, open, n, labels, close,
            (unsigned long long)histogram->count);
}

static void write_latencies(const struct page *page, const struct stats *total,
                            const struct prometheus_peaks *peaks)
{
    static const struct {
        const char *name, *help;
        enum metric metric;
    } table[] = {
        {"jitter_seconds", "Interarrival jitter after each frame (RFC 3550).", METRIC_JITTER},
        {"latency_seconds", "Capture to arrival, of the sessions looked at in depth.",
         METRIC_PANEL_LATENCY},
        {"generator_loop_lag_seconds", "How late a turn of the generator was.", METRIC_LOOP_LAG},
        {"generator_schedule_lag_seconds", "How late the generator began sessions.",
         METRIC_SCHEDULE_LAG},
        {"published_late_seconds", "How long after it was due a packet was written.",
         METRIC_PUBLISH_LATE},
        {"published_round_trip_seconds", "Round trip by the server's receiver reports.",
         METRIC_ROUND_TRIP},
    };
    char labels[64];
    family(page, "phase_seconds", "histogram", "How long each phase of a session took.");
    for (unsigned i = 0; i < LATENCY_METRICS; i++) {
        snprintf(labels, sizeof(labels), "phase=\"%s\",", latency_name(i));
        write_histogram(page, "phase_seconds", labels, &total->metrics[i]);
    }
    family(page, "phase_never", "counter", "Sessions that should have got there and did not.");
    for (unsigned i = 0; i < LATENCY_METRICS; i++) {
        snprintf(labels, sizeof(labels), "{phase=\"%s\"}", latency_name(i));
        count(page, "phase_never", labels, peaks->never[i]);
    }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        family(page, table[i].name, "histogram", table[i].help);
        write_histogram(page, table[i].name, "", &total->metrics[table[i].metric]);
    }
}

static void write_generator(const struct page *page, const struct snapshot *snapshot)
{
    const struct generator *generator = &snapshot->generator;
    double busy = snapshot->series_count > 0 ? snapshot->series[snapshot->series_count - 1].cpu : 0;
    char labels[LABELS];
    family(page, "generator_limited", "gauge",
           "1 where this machine was the limit, and not the server.");
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++)
        value(page, "generator_limited", label(labels, "limit", generator_limit_name(i)),
              generator->limits >> i & 1);
    family(page, "generator_cpu_seconds", "counter",
           "CPU time of the threads that carry sessions.");
    value(page, "generator_cpu_seconds_total", "", (double)generator->cpu_ns / 1e9);
    gauge(page, "generator_busiest_thread_ratio", "How busy the busiest of these was lately.",
          busy);
    gauge(page, "generator_threads", "Threads that carry sessions.", snapshot->info->shard_count);
    gauge(page, "generator_resident_bytes", "Resident memory, the highest seen.",
          (double)generator->rss_bytes);
    counter(page, "generator_udp_socket_drops", "Datagrams that our sockets had no room for.",
            snapshot->total->udp_socket_drops);
    gauge(page, "elapsed_seconds", "Since the start of the run.",
          (double)snapshot->elapsed_ns / 1e9);
    family(page, "run_info", "gauge", "The tool's version and how it does its input and output.");
    fprintf(page->to, "rtspbench_run_info{version=\"%s\",io=\"%s\"} 1\n",
            snapshot->info->tool_version, snapshot->info->io);
}

/* The first stream of that URL: several may differ in what isn't shown, a token or a user, and a
   page has each sample once. */
static uint32_t first_of(const struct snapshot *snapshot, uint32_t stream)
{
    const char *const *urls = snapshot->info->stream_urls;
    for (uint32_t i = 0; i < stream; i++) {
        if (strcmp(urls[i], urls[stream]) == 0)
            return i;
    }
    return stream;
}

static uint64_t sum_of_url(const struct snapshot *snapshot, const char *url, size_t offset)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < snapshot->total->stream_count; i++) {
        const char *stream = (const char *)&snapshot->total->streams[i];
        int64_t now = *(const int64_t *)(stream + offset);
        if (strcmp(snapshot->info->stream_urls[i], url) == 0)
            sum += now > 0 ? (uint64_t)now : 0;
    }
    return sum;
}

static void write_stream_counter(const struct page *page, const struct snapshot *snapshot,
                                 const struct counter *of)
{
    char labels[LABELS];
    family(page, of->name, "counter", of->help);
    for (uint32_t i = 0; i < snapshot->total->stream_count; i++) {
        const char *url = snapshot->info->stream_urls[i];
        if (first_of(snapshot, i) == i)
            count(page, of->name, label(labels, "url", url), sum_of_url(snapshot, url, of->offset));
    }
}

static void write_streams(const struct page *page, const struct snapshot *snapshot)
{
#define AT(field) offsetof(struct stream_stats, field)
    static const struct counter table[] = {
        {"stream_sessions_established", "Sessions established, by stream.",
         AT(sessions.established)},
        {"stream_sessions_failed", "Sessions never established, by stream.", AT(sessions.failed)},
        {"stream_rtp_packets", "RTP packets received, by stream.", AT(rtp.packets)},
        {"stream_rtp_bytes", "RTP bytes received, by stream.", AT(rtp.bytes)},
        {"stream_published_packets", "RTP packets published, by stream.", AT(published.packets)},
        {"stream_published_bytes", "RTP bytes published, by stream.", AT(published.bytes)},
        {"stream_published_dropped", "RTP packets due and never written, by stream.",
         AT(published.dropped)},
    };
#undef AT
    if (snapshot->total->stream_count > PROMETHEUS_STREAMS)
        return;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        write_stream_counter(page, snapshot, &table[i]);
}

/* What the server takes, as it was last seen; nothing of what isn't known. */
static void write_server(const struct page *page, const struct server_load *server)
{
    const struct server_sample *now = &server->now;
    const struct {
        const char *name, *help;
        uint64_t value;
    } gauges[] = {
        {"server_resident_bytes", "Resident memory of the server.", now->rss_bytes},
        {"server_open_files", "Open files of the server.", now->files},
        {"server_sessions", "Sessions by the server's own count.", now->sessions},
        {"server_connections", "Connections by the server's own count.", now->connections},
    };
    if (!server->watched)
        return;
    gauge(page, "server_up", "1 while the server's process is there.", !now->ended);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        if (gauges[i].value != SERVER_UNKNOWN)
            gauge(page, gauges[i].name, gauges[i].help, (double)gauges[i].value);
    }
    if (server->cpu_span_ns == 0)
        return;
    family(page, "server_cpu_seconds", "counter", "CPU time of the server since the start.");
    value(page, "server_cpu_seconds_total", "", (double)server->cpu_ns / 1e9);
}

static void write_slos(const struct page *page, const struct snapshot *snapshot)
{
    char labels[LABELS];
    if (snapshot->slo_count == 0)
        return;
    family(page, "slo_ok", "gauge", "1 where an objective is kept, 0 where it is missed.");
    for (uint32_t i = 0; i < snapshot->slo_count; i++)
        value(page, "slo_ok", label(labels, "slo", snapshot->slos[i].expression),
              snapshot->slos[i].ok);
}

static void end(const struct page *page)
{
    if (page->format == PROMETHEUS_OPENMETRICS)
        fputs("# EOF\n", page->to);
}

void prometheus_write(const struct snapshot *snapshot, const struct prometheus_peaks *peaks,
                      enum prometheus_format format, FILE *to)
{
    const struct page page = {to, format};
    write_sessions(&page, snapshot->total);
    write_rtp(&page, snapshot->total, peaks);
    write_published(&page, snapshot->total, peaks);
    write_failed_tries(&page, snapshot->total->errors, snapshot->total->error_count);
    write_errors(&page, snapshot->total);
    write_latencies(&page, snapshot->total, peaks);
    write_panel(&page, &snapshot->total->panel);
    write_generator(&page, snapshot);
    write_server(&page, &snapshot->server);
    write_streams(&page, snapshot);
    write_slos(&page, snapshot);
    end(&page);
}

void prometheus_write_first(enum prometheus_format format, FILE *to)
{
    const struct page page = {to, format};
    write_failed_tries(&page, NULL, 0);
    end(&page);
}
