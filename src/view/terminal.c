#include "view/terminal.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "view/canvas.h"
#include "view/columns.h"
#include "view/endurance.h"

#define CELL 64u
#define VALUE 11u     /* where values begin */
#define VALUE_END 23u /* the column after them */
#define SPARK 25u     /* where the sparklines begin */
#define REMARK 31u    /* columns that are kept for what stands behind them */
#define SPARK_MAX 240u
#define TABLE_CELL 10u
#define TABLE_END (VALUE + 4 * TABLE_CELL + 8)
#define TALL 34u       /* rows from which on the screen has room for more than the essential */
#define STREAM 52u     /* columns of a stream after its URL */
#define STREAM_ROWS 8u /* kept for streams where the screen is tall */

/* A screen under way. */
struct screen {
    struct canvas canvas;
    const struct terminal_view *view;
    const struct snapshot *snapshot;
    const struct stats *total;
    unsigned spark_width;
    bool tall;
};

/* What a column of a sparkline shows. Below 0: nothing was measured. */
typedef double row_value(const struct timeline_row *row, const struct timeline_row *before);

static double per_second(uint64_t now, uint64_t before, const struct timeline_row *row,
                         const struct timeline_row *row_before)
{
    double seconds = (double)(row->t_ns - row_before->t_ns) / 1e9;
    /* An interval that ends just after a tick makes a row too short to have a rate. */
    return seconds < 0.05 ? -1 : now > before ? (double)(now - before) / seconds : 0;
}

static double active_of(const struct timeline_row *row, const struct timeline_row *before)
{
    (void)before;
    return row->active;
}

static double established_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return per_second(row->established, before->established, row, before);
}

static double packets_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return per_second(row->packets, before->packets, row, before);
}

static double bitrate_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return per_second(row->bytes * 8, before->bytes * 8, row, before);
}

static double lost_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return per_second(row->lost, before->lost, row, before);
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

static double cpu_of(const struct timeline_row *row, const struct timeline_row *before)
{
    (void)before;
    return row->cpu;
}

/* The newest rows that are long enough to have a rate; how many there are. */
static unsigned gather(const struct snapshot *snapshot, row_value *value, unsigned most,
                       double *values)
{
    static const struct timeline_row start;
    unsigned count = 0;
    for (uint32_t i = snapshot->series_count; i > 0 && count < most; i--) {
        const struct timeline_row *row = &snapshot->series[i - 1];
        const struct timeline_row *before = i > 1 ? row - 1 : &start;
        if (row->t_ns - before->t_ns >= 50 * NS_PER_MS)
            values[count++] = value(row, before);
    }
    return count;
}

/* The newest value at the right. */
static void add_spark(struct screen *screen, enum style style, row_value *value, unsigned width)
{
    double values[SPARK_MAX], most = 0;
    unsigned count = gather(screen->snapshot, value, width < SPARK_MAX ? width : SPARK_MAX, values);
    for (unsigned i = 0; i < count; i++)
        most = fmax(most, values[i]);
    for (unsigned i = count; i > 0; i--) {
        double height = values[i - 1] < 0 ? -1 : most > 0 ? values[i - 1] / most : 0;
        canvas_spark(&screen->canvas, style, height);
    }
}

static double newest(const struct screen *screen, row_value *value)
{
    double now = 0;
    return gather(screen->snapshot, value, 1, &now) > 0 && now > 0 ? now : 0;
}

/* No column is left of the first. */
static unsigned left_of(unsigned column, unsigned by)
{
    return column > by ? column - by : 0;
}

static void add_label(struct screen *screen, const char *label)
{
    canvas_put(&screen->canvas, DIM, slice_from_string(label));
    canvas_move_to(&screen->canvas, VALUE);
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
    unsigned state_at = left_of(view->columns, (unsigned)strlen(state) + 2);
    canvas_put(&screen->canvas, BOLD, SLICE("rtspbench"));
    canvas_move_to(&screen->canvas, VALUE);
    canvas_put(&screen->canvas, PLAIN,
               columns_clip(slice_from_string(view->title), left_of(state_at, VALUE + 1)));
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
    char elapsed_room[CELL], left_room[CELL];
    struct text elapsed = text_init(elapsed_room, CELL), left = text_init(left_room, CELL);
    add_clock(&elapsed, elapsed_ns);
    text_printf(&left, "%3.0f %%  ", floor(share * 100));
    add_clock(&left, left_ns + NS_PER_S - 1);
    text_add_string(&left, " left");
    unsigned columns = screen->view->columns, left_width = 20;
    canvas_put(&screen->canvas, PLAIN, text_slice(&elapsed));
    canvas_move_to(&screen->canvas, VALUE);
    canvas_bar(&screen->canvas, CYAN, left_of(columns, VALUE + left_width), share);
    canvas_put_right(&screen->canvas, PLAIN, columns, text_slice(&left));
    canvas_end_line(&screen->canvas);
}

/* A label, a value, its course, and a remark. */
static void add_gauge(struct screen *screen, const char *label, const struct text *cell,
                      row_value *value)
{
    add_label(screen, label);
    canvas_put_right(&screen->canvas, BOLD, VALUE_END, text_slice(cell));
    canvas_move_to(&screen->canvas, SPARK);
    add_spark(screen, value == lost_of ? RED : CYAN, value, screen->spark_width);
    canvas_move_to(&screen->canvas, SPARK + screen->spark_width + 2);
}

static void add_count(struct screen *screen, enum style style, uint64_t count, const char *what)
{
    char room[CELL];
    struct text text = text_init(room, sizeof(room));
    units_write_count(&text, count);
    text_add_string(&text, what);
    canvas_put(&screen->canvas, style, text_slice(&text));
}

static void add_count_if_any(struct screen *screen, enum style style, uint64_t count,
                             const char *what)
{
    if (count == 0)
        return;
    canvas_put(&screen->canvas, PLAIN, SLICE(", "));
    add_count(screen, style, count, what);
}

static void add_sessions(struct screen *screen)
{
    const struct stats *total = screen->total;
    char room[CELL];
    struct text cell = text_init(room, sizeof(room));
    units_write_count(&cell, total->active);
    add_gauge(screen, "active", &cell, active_of);
    canvas_put(&screen->canvas, PLAIN, SLICE("of "));
    add_count(screen, PLAIN, total->target, "");
    if (screen->view->change != 0)
        canvas_printf(&screen->canvas, YELLOW, " (%g %%)", (1000 + screen->view->change) / 10.0);
    add_count_if_any(screen, DIM, total->starting, " starting");
    canvas_end_line(&screen->canvas);
    cell.len = 0;
    columns_add_short(&cell, newest(screen, established_of), 3);
    text_add_string(&cell, "/s");
    add_gauge(screen, "new", &cell, established_of);
    add_count(screen, PLAIN, total->sessions.established, " in all");
    add_count_if_any(screen, RED, total->sessions.failed, " failed");
    add_count_if_any(screen, RED, total->sessions.dropped, " dropped");
    canvas_end_line(&screen->canvas);
}

static void add_media(struct screen *screen, const struct rtp_counts *rtp)
{
    char room[CELL];
    struct text cell = text_init(room, sizeof(room));
    columns_add_short(&cell, newest(screen, packets_of), 3);
    text_add_string(&cell, "/s");
    add_gauge(screen, "packets", &cell, packets_of);
    add_count(screen, PLAIN, rtp->packets, "");
    canvas_end_line(&screen->canvas);
    cell.len = 0;
    units_write_bitrate(&cell, newest(screen, bitrate_of));
    add_gauge(screen, "bit rate", &cell, bitrate_of);
    cell.len = 0;
    units_write_bytes(&cell, rtp->bytes);
    canvas_put(&screen->canvas, PLAIN, text_slice(&cell));
    canvas_end_line(&screen->canvas);
}

static void add_loss(struct screen *screen, const struct rtp_counts *rtp)
{
    static const char *const causes[LOSS_CAUSES] = {"the network ", "our sockets ", "our delay ",
                                                    "the server "};
    char room[CELL];
    struct text cell = text_init(room, sizeof(room));
    columns_add_short(&cell, newest(screen, lost_of), 3);
    text_add_string(&cell, "/s");
    add_gauge(screen, "lost", &cell, lost_of);
    add_count(screen, rtp->lost > 0 ? RED : PLAIN, rtp->lost, "");
    if (rtp->lost > 0 && rtp->expected > 0)
        canvas_printf(&screen->canvas, RED, " (%.3g %%)",
                      (double)rtp->lost / (double)rtp->expected * 100);
    canvas_end_line(&screen->canvas);
    canvas_move_to(&screen->canvas, VALUE);
    for (unsigned i = 0, shown = 0; i < LOSS_CAUSES; i++) {
        if (rtp->lost_by[i] == 0)
            continue;
        canvas_printf(&screen->canvas, PLAIN, "%s%s", shown++ > 0 ? ", " : "by ", causes[i]);
        add_count(screen, i == LOSS_LOCAL_SOCKET || i == LOSS_SELF ? YELLOW : RED, rtp->lost_by[i],
                  "");
    }
    canvas_end_line(&screen->canvas);
}

static void add_table_head(struct screen *screen)
{
    static const char *const heads[] = {"p50", "p95", "p99", "max"};
    add_label(screen, "");
    for (unsigned i = 0; i < 4; i++)
        canvas_put_right(&screen->canvas, DIM, VALUE + (i + 1) * TABLE_CELL,
                         slice_from_string(heads[i]));
    canvas_put_right(&screen->canvas, DIM, TABLE_END, SLICE("never"));
    canvas_move_to(&screen->canvas, TABLE_END + 2);
    canvas_put(&screen->canvas, DIM, SLICE("p95 by second"));
    canvas_end_line(&screen->canvas);
}

static void add_time_cell(struct screen *screen, unsigned end, uint64_t us)
{
    char room[CELL];
    struct text cell = text_init(room, sizeof(room));
    units_write_duration(&cell, us * NS_PER_US);
    canvas_put_right(&screen->canvas, PLAIN, end, text_slice(&cell));
}

static void add_never(struct screen *screen, uint64_t never)
{
    char room[CELL];
    struct text cell = text_init(room, sizeof(room));
    units_write_count(&cell, never);
    canvas_put_right(&screen->canvas, never > 0 ? RED : DIM, TABLE_END, text_slice(&cell));
}

struct table_row {
    const char *name;
    enum metric metric;
    row_value *course;
    bool tall;   /* only where there is room */
    bool if_any; /* only where there is a value */
};

static void add_distribution(struct screen *screen, const struct table_row *row)
{
    static const double quantiles[] = {0.5, 0.95, 0.99, 1};
    const struct histogram *histogram = &screen->total->metrics[row->metric];
    add_label(screen, row->name);
    for (unsigned i = 0; i < 4; i++) {
        unsigned end = VALUE + (i + 1) * TABLE_CELL;
        if (histogram->count > 0)
            add_time_cell(screen, end, histogram_quantile(histogram, quantiles[i]));
        else
            canvas_put_right(&screen->canvas, DIM, end, SLICE("-"));
    }
    if (row->metric < LATENCY_METRICS)
        add_never(screen, screen->total->never[row->metric]);
    if (row->course) {
        canvas_move_to(&screen->canvas, TABLE_END + 2);
        add_spark(screen, CYAN, row->course, left_of(screen->view->columns, TABLE_END + 2));
    }
    canvas_end_line(&screen->canvas);
}

static void add_distributions(struct screen *screen)
{
    static const struct table_row rows[] = {
        {"connect", METRIC_CONNECT, NULL, false, false},
        {"tls", METRIC_TLS, NULL, false, true},
        {"options", METRIC_OPTIONS, NULL, true, true},
        {"describe", METRIC_DESCRIBE, NULL, false, false},
        {"setup", METRIC_SETUP, NULL, false, false},
        {"play", METRIC_PLAY, NULL, false, false},
        {"first rtp", METRIC_FIRST_RTP, NULL, false, false},
        {"startup", METRIC_STARTUP, startup_of, false, false},
        {"join", METRIC_JOIN, NULL, true, true},
        {"keepalive", METRIC_KEEPALIVE, NULL, true, true},
        {"latency", METRIC_PANEL_LATENCY, NULL, true, true},
        {"jitter", METRIC_JITTER, jitter_of, false, false},
    };
    add_table_head(screen);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool any = screen->total->metrics[rows[i].metric].count > 0;
        if ((any || !rows[i].if_any) && (screen->tall || !rows[i].tall))
            add_distribution(screen, &rows[i]);
    }
}

static void add_panel(struct screen *screen)
{
    const struct panel_counts *panel = &screen->total->panel;
    add_label(screen, "picture");
    add_count(screen, PLAIN, panel->frames_complete, " whole frames, ");
    add_count(screen, PLAIN, panel->frames_damaged + panel->frames_suspect, " damaged, ");
    add_count(screen, panel->freezes > 0 ? YELLOW : PLAIN, panel->freezes, " freezes, ");
    add_count(screen, panel->stalls > 0 ? YELLOW : PLAIN, panel->stalls, " stalls");
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
    double cpu = newest(screen, cpu_of);
    char lag_room[CELL];
    struct text lag = text_init(lag_room, sizeof(lag_room));
    add_label(screen, "generator");
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
    char room[CELL];
    struct text count = text_init(room, sizeof(room));
    bool fresh = lately(screen->snapshot->interval, error) > 0;
    add_label(screen, first ? "errors" : "");
    units_write_count(&count, error->count);
    canvas_put_right(&screen->canvas, fresh ? RED : PLAIN, VALUE + 7, text_slice(&count));
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
        add_label(screen, "errors");
        canvas_put(&screen->canvas, DIM, SLICE("none"));
        canvas_end_line(&screen->canvas);
    }
    for (uint32_t i = 0; i < shown; i++)
        add_error(screen, sorted[i], i == 0);
    for (uint32_t i = shown; i < count; i++)
        rest += sorted[i]->count;
    if (shown == count)
        return;
    add_label(screen, shown == 0 ? "errors" : "");
    add_count(screen, PLAIN, rest, " of other kinds");
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
        "lost       packets missing by their sequence numbers, and whose fault that was",
        "startup    from when a session was due to its first packet",
        "never      sessions that should have got there and did not, in no percentile",
        "generator  this machine: when it is LIMITED, do not blame the server",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        canvas_put(&screen->canvas, PLAIN, slice_from_string(lines[i]));
        canvas_end_line(&screen->canvas);
    }
}

/* The busiest stream that comes after the one before; the order is by packets, then by number. */
static uint32_t next_stream(const struct stats *total, uint32_t before)
{
    const struct stream_stats *streams = total->streams;
    uint32_t best = total->stream_count;
    for (uint32_t i = 0; i < total->stream_count; i++) {
        uint64_t packets = streams[i].rtp.packets;
        bool after = before == total->stream_count || packets < streams[before].rtp.packets ||
                     (packets == streams[before].rtp.packets && i > before);
        if (after && (best == total->stream_count || packets > streams[best].rtp.packets))
            best = i;
    }
    return best;
}

static void add_stream(struct screen *screen, uint32_t index)
{
    const struct stream_stats *stream = &screen->total->streams[index];
    char room[256];
    struct text url = text_init(room, sizeof(room));
    text_add_escaped(&url, slice_from_string(screen->snapshot->info->stream_urls[index]));
    canvas_move_to(&screen->canvas, VALUE);
    canvas_put(&screen->canvas, PLAIN,
               columns_clip(text_slice(&url), left_of(screen->view->columns, VALUE + STREAM)));
    canvas_move_to(&screen->canvas, left_of(screen->view->columns, STREAM - 2));
    add_count(screen, PLAIN, stream->sessions.established, " established, ");
    add_count(screen, PLAIN, stream->rtp.packets, " packets, ");
    add_count(screen, stream->rtp.lost > 0 ? RED : PLAIN, stream->rtp.lost, " lost");
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
    struct rtp_counts rtp = stats_rtp(screen->total);
    add_sessions(screen);
    add_media(screen, &rtp);
    add_loss(screen, &rtp);
    if (screen->tall)
        canvas_end_line(&screen->canvas);
    add_distributions(screen);
    canvas_end_line(&screen->canvas);
    if (screen->tall)
        add_panel(screen);
    add_generator(screen);
    view_server_row(&screen->canvas, VALUE, screen->snapshot);
    unsigned left = canvas_rows_left(&screen->canvas);
    add_errors(screen, left_of(left, screen->tall ? STREAM_ROWS : 0));
    if (screen->tall)
        add_streams(screen);
}

void view_terminal(const struct terminal_view *view, const struct snapshot *snapshot,
                   struct text *to)
{
    unsigned fixed = SPARK + REMARK + 2;
    struct screen screen = {
        .canvas = {.to = to,
                   .columns = view->columns,
                   .rows = left_of(view->rows, 1), /* the last one is for the keys */
                   .colour = view->colour,
                   .unicode = view->unicode},
        .view = view,
        .snapshot = snapshot,
        .total = snapshot->total,
        .spark_width = left_of(view->columns, fixed),
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
