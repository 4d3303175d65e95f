#include "view/text.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/units.h"
#include "stats/slo.h"
#include "view/columns.h"

#define LABEL 11u /* columns before the numbers */
#define PIECE 128u
/* Fewer sessions say little about one: what is there once dominates. */
#define SESSIONS_TO_SHARE 100u

/* Pieces joined by a separator and wrapped under the label. What doesn't fit into its lines any
   more is left out, so the pieces come in the order of their weight. */
struct paragraph {
    struct text *to;
    unsigned column;
    unsigned more_lines;   /* that may be begun */
    bool any;              /* piece so far */
    const char *separator; /* before the next piece, 2 columns; NULL is a comma */
};

static struct paragraph paragraph_begin(struct text *to, const char *label)
{
    text_printf(to, "%-*s", (int)LABEL, label);
    return (struct paragraph){.to = to, .column = LABEL, .more_lines = 1};
}

static void paragraph_end(struct paragraph *paragraph)
{
    text_add_string(paragraph->to, "\n");
}

/* Each piece leaves a column for the comma that may follow it. */
static void add_piece(struct paragraph *paragraph, struct slice piece)
{
    unsigned gap = paragraph->any ? 2 : 0;
    if (paragraph->any && paragraph->column + gap + columns_of(piece) >= VIEW_TEXT_COLUMNS) {
        if (paragraph->more_lines == 0)
            return;
        paragraph->more_lines--;
        text_printf(paragraph->to, ",\n%*s", (int)LABEL, "");
        paragraph->column = LABEL;
        gap = 0;
    } else if (paragraph->any) {
        text_add_string(paragraph->to, paragraph->separator ? paragraph->separator : ", ");
    }
    piece = columns_clip(piece, VIEW_TEXT_COLUMNS - 1 - paragraph->column - gap);
    text_add(paragraph->to, piece);
    paragraph->column += gap + columns_of(piece);
    paragraph->any = true;
    paragraph->separator = NULL;
}

static void __attribute__((format(printf, 2, 3)))
piece(struct paragraph *paragraph, const char *format, ...)
{
    char buffer[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buffer, sizeof(buffer), format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(buffer) ? (size_t)n : sizeof(buffer) - 1;
    add_piece(paragraph, slice_make(buffer, len));
}

/* "1,234 failed" */
static void count_piece(struct paragraph *paragraph, uint64_t count, const char *what)
{
    char buffer[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    units_write_count(&text, count);
    text_printf(&text, " %s", what);
    add_piece(paragraph, text_slice(&text));
}

static void count_piece_if_any(struct paragraph *paragraph, uint64_t count, const char *what)
{
    if (count > 0)
        count_piece(paragraph, count, what);
}

static void bitrate_piece(struct paragraph *paragraph, double bps)
{
    char buffer[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    units_write_bitrate(&text, bps);
    add_piece(paragraph, text_slice(&text));
}

static void bytes_piece(struct paragraph *paragraph, uint64_t bytes, const char *what)
{
    char buffer[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    units_write_bytes(&text, bytes);
    text_add_string(&text, what);
    add_piece(paragraph, text_slice(&text));
}

/* "describe status 404" */
static const char *error_name(const struct error_entry *error, char out[PIECE])
{
    int n = snprintf(out, PIECE, "%s %s", phase_name(error->phase), reason_name(error->reason));
    if (error->status > 0)
        snprintf(out + n, PIECE - (size_t)n, " %u", error->status);
    return out;
}

/* "cpu, loop_lag, +3 more" */
static const char *limits_name(uint32_t limits, char out[PIECE])
{
    struct text text = text_init(out, PIECE);
    unsigned named = 0, left = (unsigned)__builtin_popcount(limits);
    for (unsigned i = 0; i < GENERATOR_LIMITS && named < 2; i++) {
        if (!(limits & 1u << i))
            continue;
        text_printf(&text, "%s%s", named > 0 ? ", " : "", generator_limit_name(i));
        named++;
    }
    if (left > named)
        text_printf(&text, ", +%u more", left - named);
    return text_string(&text);
}

static void nothing_established(const struct snapshot *snapshot, struct paragraph *line)
{
    const struct session_counts *sessions = &snapshot->total->sessions;
    const struct error_entry *sorted[ERRORS_MAX];
    char name[PIECE];
    if (snapshot_errors(snapshot, sorted) > 0)
        piece(line, "FAIL  no session was established: %s (%llu)", error_name(sorted[0], name),
              (unsigned long long)sorted[0]->count);
    else if (sessions->started == 0)
        piece(line, "FAIL  no session was established: none was begun");
    else
        piece(line, "FAIL  no session was established: %llu cut off by the end of the run",
              (unsigned long long)sessions->cancelled);
    line->separator = "; ";
    if (snapshot->generator.limits)
        piece(line, "limited: %s", limits_name(snapshot->generator.limits, name));
}

static void missed_slo(const struct snapshot *snapshot, struct paragraph *line)
{
    uint32_t missed = 0;
    const struct slo_result *first = NULL;
    for (uint32_t i = 0; i < snapshot->slo_count; i++) {
        if (snapshot->slos[i].ok)
            continue;
        if (missed++ == 0)
            first = &snapshot->slos[i];
    }
    assert(first);
    if (first->measured) {
        char buffer[PIECE];
        struct text value = text_init(buffer, sizeof(buffer));
        slo_write_value(&value, first->unit, first->value);
        piece(line, "FAIL  missed %s (it was %s)", first->expression, text_string(&value));
    } else {
        piece(line, "FAIL  missed %s (never measured)", first->expression);
    }
    if (missed > 1)
        piece(line, "and %u more", missed - 1);
}

static void outcome_pieces(const struct snapshot *snapshot, struct paragraph *line)
{
    const struct session_counts *sessions = &snapshot->total->sessions;
    struct rtp_counts rtp = stats_rtp(snapshot->total);
    count_piece_if_any(line, sessions->failed, "failed");
    count_piece_if_any(line, sessions->dropped, "dropped");
    if (rtp.packets == 0)
        piece(line, "no media");
    else
        count_piece(line, rtp.lost, rtp.lost == 1 ? "packet lost" : "packets lost");
}

static void passed(const struct snapshot *snapshot, struct paragraph *line)
{
    const struct session_counts *sessions = &snapshot->total->sessions;
    char buffer[PIECE], limits[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    if (snapshot->generator.limits) {
        piece(line, "PASS, but the generator was the limit: %s",
              limits_name(snapshot->generator.limits, limits));
        line->separator = "; ";
    } else {
        text_add_string(&text, "PASS  ");
    }
    units_write_count(&text, sessions->established);
    text_add_string(&text, " of ");
    units_write_count(&text, sessions->started);
    text_add_string(&text, " sessions");
    add_piece(line, text_slice(&text));
    outcome_pieces(snapshot, line);
}

static void add_headline(const struct snapshot *snapshot, struct text *to)
{
    struct paragraph line = {.to = to};
    char limits[PIECE];
    switch (snapshot_verdict(snapshot, NULL)) {
    case VERDICT_PASS:
        passed(snapshot, &line);
        break;
    case VERDICT_FAIL:
        if (snapshot->total->sessions.established == 0)
            nothing_established(snapshot, &line);
        else
            missed_slo(snapshot, &line);
        break;
    case VERDICT_INVALID:
        piece(&line, "INVALID  the generator was the limit: %s",
              limits_name(snapshot->generator.limits, limits));
        outcome_pieces(snapshot, &line);
        break;
    }
    paragraph_end(&line);
}

static void add_sessions(const struct snapshot *snapshot, struct text *to)
{
    const struct session_counts *sessions = &snapshot->total->sessions;
    struct paragraph line = paragraph_begin(to, "sessions");
    count_piece(&line, sessions->started, "started");
    count_piece(&line, sessions->established, "established");
    count_piece(&line, sessions->got_media, "with media");
    count_piece_if_any(&line, sessions->failed, "failed");
    count_piece_if_any(&line, sessions->dropped, "dropped");
    count_piece_if_any(&line, sessions->cancelled, "cancelled");
    count_piece_if_any(&line, sessions->not_started, "never begun");
    count_piece_if_any(&line, sessions->retries, "retries");
    count_piece(&line, snapshot->total->active_peak, "at peak");
    piece(&line, "%.1f s", (double)snapshot->elapsed_ns / 1e9);
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
    text_printf(to, "%-*s", (int)LABEL, name);
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

static void add_distributions(const struct stats *total, struct text *to)
{
    static const struct {
        const char *name;
        enum metric metric;
    } rows[] = {
        {"connect", METRIC_CONNECT}, {"tls", METRIC_TLS},       {"describe", METRIC_DESCRIBE},
        {"setup", METRIC_SETUP},     {"play", METRIC_PLAY},     {"first rtp", METRIC_FIRST_RTP},
        {"startup", METRIC_STARTUP}, {"jitter", METRIC_JITTER}, {"bit rate", METRIC_BITRATE},
    };
    text_printf(to, "%-*s%12s%12s%12s%12s%10s\n", (int)LABEL, "", "p50", "p95", "p99", "max",
                "never");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].metric != METRIC_TLS || total->metrics[METRIC_TLS].count > 0)
            add_distribution(total, rows[i].name, rows[i].metric, to);
    }
}

static void add_packets(const struct snapshot *snapshot, const struct rtp_counts *rtp,
                        struct text *to)
{
    struct paragraph line = paragraph_begin(to, "RTP");
    double seconds = (double)snapshot->elapsed_ns / 1e9;
    count_piece(&line, rtp->packets, "packets");
    bytes_piece(&line, rtp->bytes, "");
    if (seconds > 0)
        bitrate_piece(&line, (double)rtp->bytes * 8 / seconds);
    count_piece(&line, rtp->duplicates, "duplicates");
    count_piece(&line, rtp->reordered, "reordered");
    count_piece_if_any(&line, rtp->late, "late");
    count_piece_if_any(&line, rtp->resets, "resets");
    count_piece_if_any(&line, rtp->bad, "bad");
    paragraph_end(&line);
}

static void add_loss(const struct rtp_counts *rtp, struct text *to)
{
    static const char *const causes[LOSS_CAUSES] = {"by the network", "by our sockets",
                                                    "by our delay", "by the server"};
    struct paragraph line = paragraph_begin(to, "loss");
    char buffer[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    units_write_count(&text, rtp->lost);
    text_add_string(&text, " of ");
    units_write_count(&text, rtp->expected);
    if (rtp->lost > 0 && rtp->expected > 0)
        text_printf(&text, " (%.3g %%)", (double)rtp->lost / (double)rtp->expected * 100);
    add_piece(&line, text_slice(&text));
    for (unsigned i = 0; i < LOSS_CAUSES; i++)
        count_piece_if_any(&line, rtp->lost_by[i], causes[i]);
    paragraph_end(&line);
}

static void add_panel(const struct panel_counts *panel, struct text *to)
{
    if (panel->sessions == 0)
        return;
    struct paragraph line = paragraph_begin(to, "panel");
    line.more_lines = 0;
    count_piece(&line, panel->sessions, "sessions");
    count_piece(&line, panel->frames_complete, "whole frames");
    count_piece(&line, panel->frames_damaged + panel->frames_suspect, "damaged");
    count_piece(&line, panel->freezes, "freezes");
    count_piece(&line, panel->stalls, "stalls");
    paragraph_end(&line);
}

static void add_error(const struct error_entry *error, bool first, struct text *to)
{
    char name[PIECE], count[PIECE], line[512];
    struct text counted = text_init(count, sizeof(count)), whole = text_init(line, sizeof(line));
    units_write_count(&counted, error->count);
    text_printf(&whole, "%-*s", (int)LABEL, first ? "errors" : "");
    columns_add_right(&whole, 7, text_slice(&counted));
    text_printf(&whole, "  %s", error_name(error, name));
    if (error->sample[0])
        text_printf(&whole, "  %s", error->sample);
    text_add(to, columns_clip(text_slice(&whole), VIEW_TEXT_COLUMNS));
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
    count_piece(&line, rest, "of other kinds");
    paragraph_end(&line);
}

static void add_generator(const struct snapshot *snapshot, struct text *to)
{
    const struct generator *generator = &snapshot->generator;
    uint64_t packets = stats_rtp(snapshot->total).packets;
    char limits[PIECE];
    struct paragraph line = paragraph_begin(to, "generator");
    if (generator->limits)
        piece(&line, "LIMITED by %s", limits_name(generator->limits, limits));
    else
        piece(&line, "ok");
    piece(&line, "%.3g s of CPU", (double)generator->cpu_ns / 1e9);
    if (packets > 0)
        piece(&line, "%.0f ns a packet", (double)generator->cpu_ns / (double)packets);
    piece(&line, "%u thread%s", snapshot->info->shard_count,
          snapshot->info->shard_count == 1 ? "" : "s");
    double busy = generator->cpu_peak * 100;
    piece(&line, "the busiest %.*f %%", busy < 9.95 ? 1 : 0, busy);
    if (generator->cpu_peak >= 0.01)
        piece(&line, "headroom %.2g x", fmax(1, 1 / generator->cpu_peak));
    if (snapshot->info->ceiling.packets_per_s > 0)
        piece(&line, "%.0f %% of what calibrate found", 100 * snapshot_ceiling_used(snapshot));
    if (generator->rss_bytes > 0)
        bytes_piece(&line, generator->rss_bytes, "");
    if (generator->bytes_per_session > 0 && snapshot->total->active_peak >= SESSIONS_TO_SHARE)
        bytes_piece(&line, generator->bytes_per_session, " a session");
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
        piece(&line, "the target was changed %s, to %g %% of the plan's at last",
              by_hand->changes == 1 ? "once" : "more than once", (1000 + by_hand->change) / 10.0);
    if (by_hand->pauses > 0)
        piece(&line, "arrivals were paused");
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
static void add_head(const struct snapshot *snapshot, const char *space, struct text *to)
{
    struct rtp_counts rtp = stats_rtp(snapshot->total);
    add_headline(snapshot, to);
    text_add_string(to, "\n");
    add_sessions(snapshot, to);
    add_by_hand(&snapshot->by_hand, to);
    text_add_string(to, space);
    add_distributions(snapshot->total, to);
    text_add_string(to, space);
    add_packets(snapshot, &rtp, to);
    add_loss(&rtp, to);
    add_panel(&snapshot->total->panel, to);
}

void view_text_summary(const struct snapshot *snapshot, struct text *to)
{
    char head_buffer[4096], tail_buffer[1024];
    struct text head = text_init(head_buffer, sizeof(head_buffer));
    struct text tail = text_init(tail_buffer, sizeof(tail_buffer));
    unsigned errors = snapshot->total->error_count < 3 ? snapshot->total->error_count : 3;
    unsigned lines = VIEW_TEXT_LINES - 1;
    add_generator(snapshot, &tail);
    add_head(snapshot, "\n", &head);
    unsigned used = count_lines(text_slice(&head)) + count_lines(text_slice(&tail));
    if (used + errors > lines) {
        head.len = 0;
        add_head(snapshot, "", &head);
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

void view_text_interval(const struct snapshot *snapshot, struct text *to)
{
    const struct stats *interval = snapshot->interval;
    const struct session_counts *sessions = &interval->sessions;
    struct rtp_counts rtp = stats_rtp(interval);
    double seconds = fmax((double)snapshot->interval_ns / 1e9, 1e-9);
    char buffer[PIECE];
    struct text cell = text_init(buffer, sizeof(buffer));
    text_printf(&cell, "%u/%u", snapshot->total->active, snapshot->total->target);

    text_printf(to, "%5.0fs", (double)snapshot->elapsed_ns / 1e9);
    columns_add_right(to, 14, text_slice(&cell));
    text_add_string(to, " up");
    add_short_cell(to, 2, (double)sessions->established / seconds, " new/s");
    add_short_cell(to, 3, (double)rtp.packets / seconds, " pkt/s");
    add_bitrate_cell(to, 12, (double)rtp.bytes * 8 / seconds);
    add_short_cell(to, 2, (double)rtp.lost, " lost");
    add_short_cell(to, 2, (double)(sessions->failed + sessions->dropped), " failed");
    text_add_string(to, "\n");
}
