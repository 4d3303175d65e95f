#include "view/text.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/units.h"
#include "view/columns.h"
#include "view/headline.h"
#include "view/limit_text.h"
#include "view/paragraph.h"
#include "view/whose.h"

#define PIECE 128u
#define LAYOUTS 4u /* of the summary, each tighter than the one before */
#define TIGHT 1u   /* the first without blank lines */
#define TIGHTEST 2u
/* Fewer sessions say little about one: what is there once dominates. */
#define SESSIONS_TO_SHARE 100u

/* "describe status 404" */
static const char *error_name(const struct error_entry *error, char out[PIECE])
{
    int n = snprintf(out, PIECE, "%s %s", phase_name(error->phase), reason_name(error->reason));
    if (error->status > 0)
        snprintf(out + n, PIECE - (size_t)n, " %u", error->status);
    return out;
}

static void add_sessions(const struct snapshot *snapshot, struct text *to)
{
    const struct session_counts *sessions = &snapshot->total->sessions;
    struct paragraph line = paragraph_begin(to, "sessions");
    paragraph_count(&line, sessions->started, "started");
    paragraph_count(&line, sessions->established, "established");
    paragraph_count(&line, sessions->got_media, "with media");
    paragraph_count_if_any(&line, snapshot->total->no_media, "without");
    paragraph_count_if_any(&line, sessions->failed, "failed");
    paragraph_count_if_any(&line, sessions->unanswered, "unanswered");
    paragraph_count_if_any(&line, sessions->dropped, "dropped");
    paragraph_count_if_any(&line, sessions->cancelled, "cancelled");
    paragraph_count_if_any(&line, sessions->not_started, "never begun");
    paragraph_count_if_any(&line, sessions->retries, "retries");
    paragraph_count(&line, snapshot->total->active_peak, "at peak");
    paragraph_printf(&line, "%.1f s", (double)snapshot->elapsed_ns / 1e9);
    paragraph_end(&line);
}

static void add_value_cell(struct text *to, enum metric metric, uint64_t value)
{
    char buffer[PIECE];
    struct text cell = text_init(buffer, sizeof(buffer));
    if (metric == METRIC_BITRATE)
        units_write_bitrate(&cell, (double)value);
    else
        units_write_duration(&cell, value * NS_PER_US);
    columns_add_right(to, 12, text_slice(&cell));
}

static void add_count_cell(struct text *to, unsigned width, uint64_t count)
{
    char buffer[PIECE];
    struct text cell = text_init(buffer, sizeof(buffer));
    units_write_count(&cell, count);
    columns_add_right(to, width, text_slice(&cell));
}

static void add_distribution(const struct stats *total, const char *name, enum metric metric,
                             struct text *to)
{
    const struct histogram *histogram = &total->metrics[metric];
    text_printf(to, "%-*s", (int)PARAGRAPH_LABEL, name);
    if (histogram->count > 0) {
        add_value_cell(to, metric, histogram_quantile(histogram, 0.5));
        add_value_cell(to, metric, histogram_quantile(histogram, 0.95));
        add_value_cell(to, metric, histogram_quantile(histogram, 0.99));
        add_value_cell(to, metric, histogram->max);
    } else {
        text_printf(to, "%12s%12s%12s%12s", "-", "-", "-", "-");
    }
    if (metric < LATENCY_METRICS)
        add_count_cell(to, 10, total->never[metric]);
    text_add_string(to, "\n");
}

struct distribution_row {
    const char *name;
    enum metric metric;
    enum whose whose;
    bool if_any; /* only where there is a value */
    bool minor;  /* goes first where both kinds need room */
};

static bool is_shown(const struct snapshot *snapshot, const struct distribution_row *row,
                     unsigned layout)
{
    bool both = snapshot_reads(snapshot) && snapshot_publishes(snapshot);
    if (!whose_are_there(row->whose, snapshot) || (row->minor && both && layout >= TIGHTEST))
        return false;
    return !row->if_any || snapshot->total->metrics[row->metric].count > 0;
}

static void add_distributions(const struct snapshot *snapshot, unsigned layout, struct text *to)
{
    static const struct distribution_row rows[] = {
        {"connect", METRIC_CONNECT, EVERYONES, false, false},
        {"tls", METRIC_TLS, EVERYONES, true, false},
        {"describe", METRIC_DESCRIBE, READERS, false, true},
        {"announce", METRIC_ANNOUNCE, PUBLISHERS, false, true},
        {"setup", METRIC_SETUP, EVERYONES, false, true},
        {"play", METRIC_PLAY, READERS, false, false},
        {"record", METRIC_RECORD, PUBLISHERS, false, false},
        {"first rtp", METRIC_FIRST_RTP, READERS, false, true},
        {"startup", METRIC_STARTUP, EVERYONES, false, false},
        {"jitter", METRIC_JITTER, READERS, false, false},
        {"bit rate", METRIC_BITRATE, READERS, false, true},
        {"late", METRIC_PUBLISH_LATE, PUBLISHERS, false, false},
        {"round trip", METRIC_ROUND_TRIP, PUBLISHERS, true, true},
    };
    text_printf(to, "%-*s%12s%12s%12s%12s%10s\n", (int)PARAGRAPH_LABEL, "", "p50", "p95", "p99",
                "max", "never");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is_shown(snapshot, &rows[i], layout))
            add_distribution(snapshot->total, rows[i].name, rows[i].metric, to);
    }
}

static void add_packets(const struct snapshot *snapshot, const struct rtp_counts *rtp,
                        struct text *to)
{
    struct paragraph line = paragraph_begin(to, "RTP");
    double seconds = (double)snapshot->elapsed_ns / 1e9;
    paragraph_count(&line, rtp->packets, "packets");
    paragraph_bytes(&line, rtp->bytes, "");
    if (seconds > 0)
        paragraph_bitrate(&line, (double)rtp->bytes * 8 / seconds);
    paragraph_count(&line, rtp->duplicates, "duplicates");
    paragraph_count(&line, rtp->reordered, "reordered");
    paragraph_count_if_any(&line, rtp->late, "late");
    paragraph_count_if_any(&line, rtp->resets, "resets");
    paragraph_count_if_any(&line, rtp->bad, "bad");
    paragraph_end(&line);
}

/* What came and was not counted, and why. */
static void add_ignored(const struct oddity_counts *oddities, struct text *to)
{
    if (oddities->foreign + oddities->unknown_type == 0)
        return;
    struct paragraph line = paragraph_begin(to, "ignored");
    line.more_lines = 0;
    paragraph_count_if_any(&line, oddities->foreign, "datagrams from other hosts");
    paragraph_count_if_any(&line, oddities->unknown_type, "packets of types not in the SDP");
    paragraph_end(&line);
}

static void add_loss(const struct rtp_counts *rtp, struct text *to)
{
    static const char *const causes[LOSS_CAUSES] = {"by the network", "by our sockets",
                                                    "by our delay", "by the server"};
    struct paragraph line = paragraph_begin(to, "loss");
    paragraph_share(&line, rtp->lost, rtp->expected);
    for (unsigned i = 0; i < LOSS_CAUSES; i++)
        paragraph_count_if_any(&line, rtp->lost_by[i], causes[i]);
    paragraph_end(&line);
}

/* Sessions that the server may not have read, and what not even its kernel had of all of them. */
static void add_unconfirmed(const struct published_counts *published, struct paragraph *line)
{
    if (published->unconfirmed + published->unacked_bytes == 0)
        return;
    paragraph_count(line, published->unconfirmed,
                    published->unconfirmed == 1 ? "publisher unconfirmed"
                                                : "publishers unconfirmed");
    paragraph_bytes(line, published->unacked_bytes, " unacknowledged");
}

/* What was published, and by whose fault not all of it. */
static void add_published(const struct snapshot *snapshot, unsigned layout, struct text *to)
{
    const struct published_counts *published = &snapshot->total->published;
    int64_t reported = (int64_t)published->reported_lost;
    double seconds = (double)snapshot->elapsed_ns / 1e9;
    struct paragraph line = paragraph_begin(to, "published");
    line.more_lines = layout < TIGHTEST;
    paragraph_count(&line, published->packets, "packets");
    paragraph_bytes(&line, published->bytes, "");
    if (seconds > 0)
        paragraph_bitrate(&line, (double)published->bytes * 8 / seconds);
    add_unconfirmed(published, &line);
    if (snapshot->total->rtcp.rr_received > 0)
        paragraph_count(&line, reported > 0 ? (uint64_t)reported : 0,
                        "lost, as the server reports");
    paragraph_end(&line);
    line = paragraph_begin(to, "dropped");
    line.more_lines = layout < TIGHTEST;
    paragraph_share(&line, published->dropped, published->packets + published->dropped);
    paragraph_count_if_any(&line, published->dropped_by[DROP_SERVER], "by the server");
    paragraph_count_if_any(&line, published->dropped_by[DROP_SELF], "by our delay");
    paragraph_end(&line);
}

static void add_panel(const struct panel_counts *panel, struct text *to)
{
    if (panel->sessions == 0)
        return;
    struct paragraph line = paragraph_begin(to, "panel");
    line.more_lines = 0;
    paragraph_count(&line, panel->sessions, "sessions");
    paragraph_count(&line, panel->frames_complete, "whole frames");
    paragraph_count(&line, panel->frames_damaged + panel->frames_suspect, "damaged");
    paragraph_count(&line, panel->freezes, "freezes");
    paragraph_count(&line, panel->stalls, "stalls");
    paragraph_end(&line);
}

static void add_error(const struct error_entry *error, bool first, struct text *to)
{
    char name[PIECE], count[PIECE], line[512];
    struct text counted = text_init(count, sizeof(count)), whole = text_init(line, sizeof(line));
    units_write_count(&counted, error->count);
    text_printf(&whole, "%-*s", (int)PARAGRAPH_LABEL, first ? "errors" : "");
    columns_add_right(&whole, 7, text_slice(&counted));
    text_printf(&whole, "  %s", error_name(error, name));
    if (error->sample[0])
        text_printf(&whole, "  %s", error->sample);
    columns_add_clipped(to, VIEW_TEXT_COLUMNS, text_slice(&whole));
    text_add_string(to, "\n");
}

/* In so many lines; what doesn't fit is summed up in the last. */
static void add_errors(const struct snapshot *snapshot, unsigned lines, struct text *to)
{
    const struct error_entry *sorted[ERRORS_MAX];
    uint32_t count = snapshot_errors(snapshot, sorted);
    uint64_t rest = snapshot->total->errors_not_kept;
    bool all = count + (rest > 0) <= lines;
    uint32_t shown = all ? count : lines > 0 ? lines - 1 : 0;
    for (uint32_t i = 0; i < shown; i++)
        add_error(sorted[i], i == 0, to);
    for (uint32_t i = shown; i < count; i++)
        rest += sorted[i]->count;
    if (rest == 0 || lines == 0)
        return;
    struct paragraph line = paragraph_begin(to, shown == 0 ? "errors" : "");
    paragraph_count(&line, rest, "of other kinds");
    paragraph_end(&line);
}

/* Two limits with their values, how many more there are, and warnings. */
static void add_limits(const struct generator *generator, struct paragraph *line)
{
    char room[PIECE];
    unsigned named = 0, more = 0;
    if (!generator->limits)
        paragraph_printf(line, "ok");
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++) {
        struct text piece = text_init(room, sizeof(room));
        if (!(generator->limits & 1u << i))
            continue;
        if (named == 2) {
            more++;
            continue;
        }
        text_add_string(&piece, named++ == 0 ? "LIMITED by " : "");
        limit_text_add(&piece, generator, i);
        paragraph_add(line, text_slice(&piece));
    }
    if (more > 0)
        paragraph_printf(line, "+%u more", more);
    for (uint32_t i = 0; i < generator->warning_count; i++)
        paragraph_printf(line, "%s", generator->warnings[i]);
}

static void add_generator(const struct snapshot *snapshot, unsigned layout, struct text *to)
{
    const struct generator *generator = &snapshot->generator;
    uint64_t packets = stats_rtp(snapshot->total).packets + snapshot->total->published.packets;
    struct paragraph line = paragraph_begin(to, "generator");
    if (layout < TIGHTEST && (generator->limits || generator->warning_count > 0))
        line.more_lines++;
    add_limits(generator, &line);
    paragraph_printf(&line, "%.3g s of CPU", (double)generator->cpu_ns / 1e9);
    if (packets > 0)
        paragraph_printf(&line, "%.0f ns a packet", (double)generator->cpu_ns / (double)packets);
    paragraph_printf(&line, "%u thread%s", snapshot->info->shard_count,
                     snapshot->info->shard_count == 1 ? "" : "s");
    double busy = generator->cpu_peak * 100;
    paragraph_printf(&line, "the busiest %.*f %%", busy < 9.95 ? 1 : 0, busy);
    if (generator->cpu_peak >= 0.01)
        paragraph_printf(&line, "headroom %.2g x", fmax(1, 1 / generator->cpu_peak));
    if (snapshot->info->ceiling.packets_per_s > 0)
        paragraph_printf(&line, "%.0f %% of what calibrate found",
                         100 * snapshot_ceiling_used(snapshot));
    if (generator->rss_bytes > 0)
        paragraph_bytes(&line, generator->rss_bytes, "");
    if (generator->bytes_per_session > 0 && snapshot->total->active_peak >= SESSIONS_TO_SHARE)
        paragraph_bytes(&line, generator->bytes_per_session, " a session");
    paragraph_end(&line);
}

/* Nothing where nobody changed anything. */
static void add_by_hand(const struct by_hand *by_hand, struct text *to)
{
    struct paragraph line = {.to = to};
    if (by_hand->changes == 0 && by_hand->pauses == 0)
        return;
    line = paragraph_begin(to, "by hand");
    if (by_hand->changes > 0)
        paragraph_printf(&line, "the target was changed %s, to %g %% of the plan's at last",
                         by_hand->changes == 1 ? "once" : "more than once",
                         (1000 + by_hand->change) / 10.0);
    if (by_hand->pauses > 0)
        paragraph_printf(&line, "arrivals were paused");
    paragraph_end(&line);
}

static unsigned count_lines(struct slice text)
{
    unsigned lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

/* All but the errors and what follows them. */
static void add_head(const struct snapshot *snapshot, unsigned layout, struct text *to)
{
    const char *space = layout < TIGHT ? "\n" : "";
    struct rtp_counts rtp = stats_rtp(snapshot->total);
    headline_write(snapshot, layout < LAYOUTS - 1 ? 2 : 1, to);
    text_add_string(to, "\n");
    add_sessions(snapshot, to);
    add_by_hand(&snapshot->by_hand, to);
    text_add_string(to, space);
    add_distributions(snapshot, layout, to);
    text_add_string(to, space);
    if (snapshot_reads(snapshot)) {
        add_packets(snapshot, &rtp, to);
        add_loss(&rtp, to);
        if (layout < TIGHTEST)
            add_ignored(&snapshot->total->oddities, to);
    }
    if (snapshot_publishes(snapshot))
        add_published(snapshot, layout, to);
    if (snapshot_reads(snapshot))
        add_panel(&snapshot->total->panel, to);
}

void view_text_summary(const struct snapshot *snapshot, struct text *to)
{
    char head_buffer[4096], tail_buffer[1024];
    struct text head = text_init(head_buffer, sizeof(head_buffer));
    struct text tail = text_init(tail_buffer, sizeof(tail_buffer));
    unsigned errors = snapshot->total->error_count < 3 ? snapshot->total->error_count : 3;
    unsigned lines = VIEW_TEXT_LINES - 1, used = lines + 1;
    for (unsigned layout = 0; layout < LAYOUTS && used + errors > lines; layout++) {
        head.len = tail.len = 0;
        add_head(snapshot, layout, &head);
        add_generator(snapshot, layout, &tail);
        used = count_lines(text_slice(&head)) + count_lines(text_slice(&tail));
    }
    text_add(to, text_slice(&head));
    add_errors(snapshot, used < lines ? lines - used : 0, to);
    text_add(to, text_slice(&tail));
}

static void add_short_cell(struct text *to, int digits, double value, const char *unit)
{
    char buffer[PIECE];
    struct text cell = text_init(buffer, sizeof(buffer));
    columns_add_short(&cell, value, digits);
    columns_add_right(to, digits == 2 ? 5 : 6, text_slice(&cell));
    text_add_string(to, unit);
}

static void add_bitrate_cell(struct text *to, unsigned width, double bps)
{
    char buffer[PIECE];
    struct text cell = text_init(buffer, sizeof(buffer));
    units_write_bitrate(&cell, bps);
    columns_add_right(to, width, text_slice(&cell));
}

/* "    3 lost    1 failed", or what publishers dropped. */
static void add_ends(const struct stats *interval, uint64_t missing, const char *what,
                     struct text *to)
{
    const struct session_counts *sessions = &interval->sessions;
    add_short_cell(to, 2, (double)missing, what);
    add_short_cell(to, 2, (double)(sessions->failed + sessions->dropped), " failed");
    text_add_string(to, "\n");
}

static void add_received(const struct stats *interval, double seconds, struct text *to)
{
    struct rtp_counts rtp = stats_rtp(interval);
    add_short_cell(to, 2, (double)interval->sessions.established / seconds, " new/s");
    add_short_cell(to, 3, (double)rtp.packets / seconds, " pkt/s");
    add_bitrate_cell(to, 12, (double)rtp.bytes * 8 / seconds);
    add_ends(interval, rtp.lost, " lost", to);
}

static void add_sent(const struct stats *interval, double seconds, struct text *to)
{
    const struct published_counts *published = &interval->published;
    add_short_cell(to, 3, (double)published->packets / seconds, " pkt/s out");
    add_bitrate_cell(to, 12, (double)published->bytes * 8 / seconds);
    text_add_string(to, " out");
}

void view_text_interval(const struct snapshot *snapshot, struct text *to)
{
    const struct stats *interval = snapshot->interval;
    double seconds = fmax((double)snapshot->interval_ns / 1e9, 1e-9);
    char buffer[PIECE];
    struct text cell = text_init(buffer, sizeof(buffer));
    text_printf(&cell, "%u/%u", snapshot->total->active, snapshot->total->target);

    text_printf(to, "%5.0fs", (double)snapshot->elapsed_ns / 1e9);
    columns_add_right(to, 14, text_slice(&cell));
    text_add_string(to, " up");
    if (!snapshot_reads(snapshot)) {
        add_sent(interval, seconds, to);
        add_ends(interval, interval->published.dropped, " dropped", to);
        return;
    }
    add_received(interval, seconds, to);
    if (snapshot_publishes(snapshot)) {
        text_printf(to, "%34s", "published");
        add_sent(interval, seconds, to);
        add_short_cell(to, 2, (double)interval->published.dropped, " dropped\n");
    }
}
