#include "view/terminal.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "view/columns.h"
#include "view/endurance.h"
#include "view/media_rows.h"
#include "view/screen.h"
#include "view/whose.h"

#define TABLE_CELL 10u
#define TABLE_END (SCREEN_VALUE + 4 * TABLE_CELL + 8)
#define TALL 34u       /* rows from which on the screen has room for more than the essential */
#define STREAM 52u     /* columns of a stream after its URL */
#define STREAM_ROWS 8u /* kept for streams where the screen is tall */

static double active_of(const struct timeline_row *row, const struct timeline_row *before)
{
    (void)before;
    return row->active;
}

static double established_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return screen_per_second(row->established, before->established, row, before);
}

static double startup_of(const struct timeline_row *row, const struct timeline_row *before)
{
    (void)before;
    return row->has_startup ? (double)row->startup_p95_us : -1;
}

static double jitter_of(const struct timeline_row *row, const struct timeline_row *before)
{
    (void)before;
    return row->has_jitter ? (double)row->jitter_p95_us : -1;
}

static double late_of(const struct timeline_row *row, const struct timeline_row *before)
{
    (void)before;
    return row->has_publish_late ? (double)row->publish_late_p95_us : -1;
}

static double cpu_of(const struct timeline_row *row, const struct timeline_row *before)
{
    (void)before;
    return row->cpu;
}

/* "42 s", "1:23", "23:59:59" */
static void add_clock(struct text *to, uint64_t ns)
{
    unsigned long long seconds = ns / NS_PER_S;
    if (seconds < 100)
        text_printf(to, "%llu s", seconds);
    else if (seconds < 3600)
        text_printf(to, "%llu:%02llu", seconds / 60, seconds % 60);
    else
        text_printf(to, "%llu:%02llu:%02llu", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static void add_title(struct screen *screen)
{
    const struct terminal_view *view = screen->view;
    enum style style = view->ending || view->paused ? YELLOW : GREEN;
    const char *state = view->ending ? "ending" : view->paused ? "paused" : "running";
    const char *dot = screen->canvas.unicode ? "●" : "*";
    unsigned state_at = screen_left_of(view->columns, (unsigned)strlen(state) + 2);
    canvas_put(&screen->canvas, BOLD, SLICE("rtspbench"));
    canvas_move_to(&screen->canvas, SCREEN_VALUE);
    canvas_put(
        &screen->canvas, PLAIN,
        columns_clip(slice_from_string(view->title), screen_left_of(state_at, SCREEN_VALUE + 1)));
    canvas_move_to(&screen->canvas, state_at);
    canvas_symbol(&screen->canvas, style, dot);
    canvas_put(&screen->canvas, PLAIN, SLICE(" "));
    canvas_put(&screen->canvas, style, slice_from_string(state));
    canvas_end_line(&screen->canvas);
}

static void add_progress(struct screen *screen)
{
    uint64_t elapsed_ns = screen->snapshot->elapsed_ns, duration_ns = screen->view->duration_ns;
    uint64_t left_ns = duration_ns > elapsed_ns ? duration_ns - elapsed_ns : 0;
    double share = duration_ns > 0 ? fmin((double)elapsed_ns / (double)duration_ns, 1) : 0;
    char elapsed_room[SCREEN_CELL], left_room[SCREEN_CELL];
    struct text elapsed = text_init(elapsed_room, SCREEN_CELL),
                left = text_init(left_room, SCREEN_CELL);
    add_clock(&elapsed, elapsed_ns);
    text_printf(&left, "%3.0f %%  ", floor(share * 100));
    add_clock(&left, left_ns + NS_PER_S - 1);
    text_add_string(&left, " left");
    unsigned columns = screen->view->columns, left_width = 20;
    canvas_put(&screen->canvas, PLAIN, text_slice(&elapsed));
    canvas_move_to(&screen->canvas, SCREEN_VALUE);
    canvas_bar(&screen->canvas, CYAN, screen_left_of(columns, SCREEN_VALUE + left_width), share);
    canvas_put_right(&screen->canvas, PLAIN, columns, text_slice(&left));
    canvas_end_line(&screen->canvas);
}

static void add_sessions(struct screen *screen)
{
    const struct stats *total = screen->total;
    char room[SCREEN_CELL];
    struct text cell = text_init(room, sizeof(room));
    units_write_count(&cell, total->active);
    screen_add_gauge(screen, "active", &cell, CYAN, active_of);
    canvas_put(&screen->canvas, PLAIN, SLICE("of "));
    screen_add_count(screen, PLAIN, total->target, "");
    if (screen->view->change != 0)
        canvas_printf(&screen->canvas, YELLOW, " (%g %%)", (1000 + screen->view->change) / 10.0);
    screen_add_count_if_any(screen, DIM, total->starting, " starting");
    canvas_end_line(&screen->canvas);
    cell.len = 0;
    columns_add_short(&cell, screen_newest(screen, established_of), 3);
    text_add_string(&cell, "/s");
    screen_add_gauge(screen, "new", &cell, CYAN, established_of);
    screen_add_count(screen, PLAIN, total->sessions.established, " in all");
    screen_add_count_if_any(screen, RED, total->sessions.failed + total->sessions.unanswered,
                            " failed");
    screen_add_count_if_any(screen, RED, total->sessions.dropped, " dropped");
    canvas_end_line(&screen->canvas);
}

static void add_table_head(struct screen *screen)
{
    static const char *const heads[] = {"p50", "p95", "p99", "max"};
    screen_add_label(screen, "");
    for (unsigned i = 0; i < 4; i++)
        canvas_put_right(&screen->canvas, DIM, SCREEN_VALUE + (i + 1) * TABLE_CELL,
                         slice_from_string(heads[i]));
    canvas_put_right(&screen->canvas, DIM, TABLE_END, SLICE("never"));
    canvas_move_to(&screen->canvas, TABLE_END + 2);
    canvas_put(&screen->canvas, DIM, SLICE("p95 by second"));
    canvas_end_line(&screen->canvas);
}

static void add_time_cell(struct screen *screen, unsigned end, uint64_t us)
{
    char room[SCREEN_CELL];
    struct text cell = text_init(room, sizeof(room));
    units_write_duration(&cell, us * NS_PER_US);
    canvas_put_right(&screen->canvas, PLAIN, end, text_slice(&cell));
}

static void add_never(struct screen *screen, uint64_t never)
{
    char room[SCREEN_CELL];
    struct text cell = text_init(room, sizeof(room));
    units_write_count(&cell, never);
    canvas_put_right(&screen->canvas, never > 0 ? RED : DIM, TABLE_END, text_slice(&cell));
}

struct table_row {
    const char *name;
    enum metric metric;
    row_value *course;
    enum whose whose;
    bool minor;  /* where there are both kinds, only where there is room */
    bool tall;   /* only where there is room */
    bool if_any; /* only where there is a value, or should have been one */
};

static uint64_t never_of(const struct stats *total, enum metric metric)
{
    return metric < LATENCY_METRICS ? total->never[metric] : 0;
}

static bool is_shown(const struct screen *screen, const struct table_row *row)
{
    bool both = snapshot_reads(screen->snapshot) && snapshot_publishes(screen->snapshot);
    if (!whose_are_there(row->whose, screen->snapshot))
        return false;
    if (!screen->tall && (row->tall || (row->minor && both)))
        return false;
    return !row->if_any || screen->total->metrics[row->metric].count > 0 ||
           never_of(screen->total, row->metric) > 0;
}

static void add_distribution(struct screen *screen, const struct table_row *row)
{
    static const double quantiles[] = {0.5, 0.95, 0.99, 1};
    const struct histogram *histogram = &screen->total->metrics[row->metric];
    screen_add_label(screen, row->name);
    for (unsigned i = 0; i < 4; i++) {
        unsigned end = SCREEN_VALUE + (i + 1) * TABLE_CELL;
        if (histogram->count > 0)
            add_time_cell(screen, end, histogram_quantile(histogram, quantiles[i]));
        else
            canvas_put_right(&screen->canvas, DIM, end, SLICE("-"));
    }
    if (row->metric < LATENCY_METRICS)
        add_never(screen, never_of(screen->total, row->metric));
    if (row->course) {
        canvas_move_to(&screen->canvas, TABLE_END + 2);
        screen_add_spark(screen, CYAN, row->course,
                         screen_left_of(screen->view->columns, TABLE_END + 2));
    }
    canvas_end_line(&screen->canvas);
}

static void add_distributions(struct screen *screen)
{
    static const struct table_row rows[] = {
        {"connect", METRIC_CONNECT, .whose = EVERYONES},
        {"tls", METRIC_TLS, .if_any = true},
        {"options", METRIC_OPTIONS, .tall = true, .if_any = true},
        {"describe", METRIC_DESCRIBE, .whose = READERS, .minor = true},
        {"announce", METRIC_ANNOUNCE, .whose = PUBLISHERS, .minor = true},
        {"setup", METRIC_SETUP, .minor = true},
        {"play", METRIC_PLAY, .whose = READERS},
        {"record", METRIC_RECORD, .whose = PUBLISHERS},
        {"first rtp", METRIC_FIRST_RTP, .whose = READERS, .minor = true},
        {"startup", METRIC_STARTUP, .course = startup_of},
        {"join", METRIC_JOIN, .whose = READERS, .tall = true, .if_any = true},
        {"keepalive", METRIC_KEEPALIVE, .tall = true, .if_any = true},
        {"come back", METRIC_COME_BACK, .tall = true, .if_any = true},
        {"latency", METRIC_PANEL_LATENCY, .whose = READERS, .tall = true, .if_any = true},
        {"jitter", METRIC_JITTER, .course = jitter_of, .whose = READERS},
        {"late", METRIC_PUBLISH_LATE, .course = late_of, .whose = PUBLISHERS},
        {"round trip", METRIC_ROUND_TRIP, .whose = PUBLISHERS, .minor = true, .if_any = true},
    };
    add_table_head(screen);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is_shown(screen, &rows[i]))
            add_distribution(screen, &rows[i]);
    }
}

static void add_panel(struct screen *screen)
{
    const struct panel_counts *panel = &screen->total->panel;
    screen_add_label(screen, "picture");
    screen_add_count(screen, PLAIN, panel->frames_complete, " whole frames, ");
    screen_add_count(screen, PLAIN, panel->frames_damaged + panel->frames_suspect, " damaged, ");
    screen_add_count(screen, panel->freezes > 0 ? YELLOW : PLAIN, panel->freezes, " freezes, ");
    screen_add_count(screen, panel->stalls > 0 ? YELLOW : PLAIN, panel->stalls, " stalls");
    canvas_end_line(&screen->canvas);
}

static void add_limits(struct screen *screen)
{
    uint32_t limits = screen->snapshot->generator.limits;
    if (limits == 0)
        canvas_put(&screen->canvas, GREEN, SLICE("ok"));
    else
        canvas_put(&screen->canvas, RED, SLICE("LIMITED by"));
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++) {
        if (limits & 1u << i)
            canvas_printf(&screen->canvas, RED, " %s", generator_limit_name(i));
    }
}

static void add_generator(struct screen *screen)
{
    double cpu = screen_newest(screen, cpu_of);
    char lag_room[SCREEN_CELL];
    struct text lag = text_init(lag_room, sizeof(lag_room));
    screen_add_label(screen, "generator");
    add_limits(screen);
    canvas_printf(&screen->canvas, PLAIN, ", busiest thread %.*f %%", cpu < 0.0995 ? 1 : 0,
                  cpu * 100);
    if (cpu >= 0.01)
        canvas_printf(&screen->canvas, PLAIN, ", headroom %.2g x", fmax(1, 1 / cpu));
    units_write_duration(
        &lag, NS_PER_US * histogram_quantile(&screen->total->metrics[METRIC_LOOP_LAG], 0.99));
    canvas_printf(&screen->canvas, PLAIN, ", lag %s", text_string(&lag));
    canvas_end_line(&screen->canvas);
}

/* How often the same went wrong in the interval under way. */
static uint64_t lately(const struct stats *interval, const struct error_entry *error)
{
    for (uint32_t i = 0; i < interval->error_count; i++) {
        const struct error_entry *other = &interval->errors[i];
        if (other->phase == error->phase && other->reason == error->reason &&
            other->status == error->status)
            return other->count;
    }
    return 0;
}

static void add_error(struct screen *screen, const struct error_entry *error, bool first)
{
    char room[SCREEN_CELL];
    struct text count = text_init(room, sizeof(room));
    bool fresh = lately(screen->snapshot->interval, error) > 0;
    screen_add_label(screen, first ? "errors" : "");
    units_write_count(&count, error->count);
    canvas_put_right(&screen->canvas, fresh ? RED : PLAIN, SCREEN_VALUE + 7, text_slice(&count));
    canvas_printf(&screen->canvas, fresh ? RED : PLAIN, "  %s %s", phase_name(error->phase),
                  reason_name(error->reason));
    if (error->status > 0)
        canvas_printf(&screen->canvas, fresh ? RED : PLAIN, " %u", error->status);
    if (error->sample[0])
        canvas_printf(&screen->canvas, DIM, "  %s", error->sample);
    canvas_end_line(&screen->canvas);
}

/* In so many rows; what doesn't fit is summed up in the last. */
static void add_errors(struct screen *screen, unsigned rows)
{
    const struct error_entry *sorted[ERRORS_MAX];
    uint32_t count = snapshot_errors(screen->snapshot, sorted);
    uint32_t shown = count <= rows ? count : rows - 1;
    uint64_t rest = screen->total->errors_not_kept;
    if (rows == 0)
        return;
    if (count == 0) {
        screen_add_label(screen, "errors");
        canvas_put(&screen->canvas, DIM, SLICE("none"));
        canvas_end_line(&screen->canvas);
    }
    for (uint32_t i = 0; i < shown; i++)
        add_error(screen, sorted[i], i == 0);
    for (uint32_t i = shown; i < count; i++)
        rest += sorted[i]->count;
    if (shown == count)
        return;
    screen_add_label(screen, shown == 0 ? "errors" : "");
    screen_add_count(screen, PLAIN, rest, " of other kinds");
    canvas_end_line(&screen->canvas);
}

static void add_key(struct screen *screen, const char *key, const char *what)
{
    canvas_printf(&screen->canvas, BOLD, "%s", key);
    canvas_printf(&screen->canvas, DIM, " %s   ", what);
}

static void add_keys(struct screen *screen)
{
    if (screen->view->keys) {
        add_key(screen, "q", "end");
        add_key(screen, "p", screen->view->paused ? "go on" : "pause");
        add_key(screen, "+ -", "target");
        add_key(screen, "?", screen->view->help ? "back" : "help");
    } else {
        add_key(screen, "Ctrl-C", "end");
    }
    if (screen->view->notice)
        canvas_printf(&screen->canvas, YELLOW, "%s", screen->view->notice);
    canvas_end_line(&screen->canvas);
}

static void add_lines(struct screen *screen, const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        canvas_put(&screen->canvas, PLAIN, slice_from_string(lines[i]));
        canvas_end_line(&screen->canvas);
    }
}

static void add_help(struct screen *screen)
{
    static const char *const lines[] = {
        "q          end in order: sessions are torn down, files are written; Ctrl-C does",
        "           the same, a second Ctrl-C ends at once",
        "p          pause: nobody new begins. Who comes due meanwhile begins late, which",
        "           counts as schedule lag and in startup",
        "+ -        the target (or the rate, with --open): a tenth of the plan's more or",
        "           less. More begin at the plan's rate, fewer leave at once",
        "?          this page, and back",
        "",
        "active     sessions established and not ended; the target is what the plan wants",
        "failed     sessions never established: refused, or not answered in time",
        "lost       packets missing by their sequence numbers, and whose fault that was",
        "startup    from when a session was due to its first packet",
        "never      sessions that should have got there and did not, in no percentile",
        "generator  this machine: when it is LIMITED, do not blame the server",
    };
    static const char *const of_publishers[] = {
        "dropped    packets that publishers did not get rid of, and whose fault that was",
        "late       from when a publisher's packet was due until it was written",
    };
    add_lines(screen, lines, sizeof(lines) / sizeof(lines[0]));
    if (snapshot_publishes(screen->snapshot))
        add_lines(screen, of_publishers, sizeof(of_publishers) / sizeof(of_publishers[0]));
}

static uint64_t packets_of(const struct stream_stats *stream)
{
    return stream->rtp.packets + stream->published.packets;
}

/* The busiest stream that comes after the one before; the order is by packets, then by number. */
static uint32_t next_stream(const struct stats *total, uint32_t before)
{
    const struct stream_stats *streams = total->streams;
    uint32_t best = total->stream_count;
    for (uint32_t i = 0; i < total->stream_count; i++) {
        uint64_t packets = packets_of(&streams[i]);
        bool after = before == total->stream_count || packets < packets_of(&streams[before]) ||
                     (packets == packets_of(&streams[before]) && i > before);
        if (after && (best == total->stream_count || packets > packets_of(&streams[best])))
            best = i;
    }
    return best;
}

static void add_stream(struct screen *screen, uint32_t index)
{
    const struct stream_stats *stream = &screen->total->streams[index];
    char room[256];
    struct text url = text_init(room, sizeof(room));
    bool published = stream->published.packets > 0 && stream->rtp.packets == 0;
    uint64_t missing = published ? stream->published.dropped : stream->rtp.lost;
    text_add_printable(&url, slice_from_string(screen->snapshot->info->stream_urls[index]));
    canvas_move_to(&screen->canvas, SCREEN_VALUE);
    canvas_put(&screen->canvas, PLAIN,
               columns_clip(text_slice(&url),
                            screen_left_of(screen->view->columns, SCREEN_VALUE + STREAM)));
    canvas_move_to(&screen->canvas, screen_left_of(screen->view->columns, STREAM - 2));
    screen_add_count(screen, PLAIN, stream->sessions.established, " established, ");
    screen_add_count(screen, PLAIN, packets_of(stream), " packets, ");
    screen_add_count(screen, missing > 0 ? RED : PLAIN, missing, published ? " dropped" : " lost");
    canvas_end_line(&screen->canvas);
}

/* The busiest, where a run has several and there is room. */
static void add_streams(struct screen *screen)
{
    uint32_t count = screen->total->stream_count, stream = count;
    if (count < 2)
        return;
    canvas_end_line(&screen->canvas);
    canvas_put(&screen->canvas, DIM, SLICE("streams"));
    for (uint32_t i = 0; i < count && canvas_rows_left(&screen->canvas) > 1; i++) {
        stream = next_stream(screen->total, stream);
        add_stream(screen, stream);
    }
}

static void add_body(struct screen *screen)
{
    add_sessions(screen);
    media_rows(screen);
    if (screen->tall)
        canvas_end_line(&screen->canvas);
    add_distributions(screen);
    canvas_end_line(&screen->canvas);
    if (screen->tall && snapshot_reads(screen->snapshot))
        add_panel(screen);
    add_generator(screen);
    view_server_row(&screen->canvas, SCREEN_VALUE, screen->snapshot);
    unsigned left = canvas_rows_left(&screen->canvas);
    add_errors(screen, screen_left_of(left, screen->tall ? STREAM_ROWS : 0));
    if (screen->tall)
        add_streams(screen);
}

void view_terminal(const struct terminal_view *view, const struct snapshot *snapshot,
                   struct text *to)
{
    struct screen screen = {
        .canvas = {.to = to,
                   .columns = view->columns,
                   .rows = screen_left_of(view->rows, 1), /* the last one is for the keys */
                   .colour = view->colour,
                   .unicode = view->unicode},
        .view = view,
        .snapshot = snapshot,
        .total = snapshot->total,
        .spark_width = screen_spark_width(view->columns),
        .tall = view->rows >= TALL,
    };
    canvas_begin(&screen.canvas);
    add_title(&screen);
    add_progress(&screen);
    canvas_end_line(&screen.canvas);
    if (view->help)
        add_help(&screen);
    else
        add_body(&screen);
    canvas_last_line(&screen.canvas, view->rows);
    add_keys(&screen);
    canvas_end(&screen.canvas);
}
