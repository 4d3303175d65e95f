#include "view/endurance.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"

#define CELL 40u

static void add_bytes(struct text *to, uint64_t bytes, const char *what)
{
    if (bytes == SERVER_UNKNOWN)
        return;
    text_add_string(to, to->len > 0 ? ", " : "");
    units_write_bytes(to, bytes);
    text_add_string(to, what);
}

static void add_count(struct text *to, uint64_t count, const char *what)
{
    if (count == SERVER_UNKNOWN)
        return;
    text_add_string(to, to->len > 0 ? ", " : "");
    units_write_count(to, count);
    text_add_string(to, what);
}

static void add_cores(struct text *to, double cores)
{
    if (cores < 0)
        return;
    text_printf(to, "%s%.2f core%s", to->len > 0 ? ", " : "", cores, cores == 1 ? "" : "s");
}

void view_server_row(struct canvas *canvas, unsigned column, const struct snapshot *snapshot)
{
    const struct server_load *server = &snapshot->server;
    char room[256];
    struct text line = text_init(room, sizeof(room));
    if (!server->watched)
        return;
    add_bytes(&line, server->now.rss_bytes, "");
    add_cores(&line, server->cpu);
    add_count(&line, server->now.files, " files");
    add_count(&line, server->now.sessions, " sessions");
    canvas_put(canvas, DIM, SLICE("server"));
    canvas_move_to(canvas, column);
    if (server->now.ended)
        canvas_put(canvas, RED, SLICE("its process has ended"));
    else
        canvas_put(canvas, PLAIN, line.len > 0 ? text_slice(&line) : SLICE("not known yet"));
    canvas_end_line(canvas);
}

/* Where it stood at the end, and how much it took at most and on average. */
static void add_server(const struct snapshot *snapshot, struct text *to)
{
    const struct server_load *server = &snapshot->server;
    const struct server_sample *now = &server->now;
    char room[160], more_room[200];
    struct text line = text_init(room, sizeof(room)),
                more = text_init(more_room, sizeof(more_room));
    add_bytes(&line, now->rss_bytes, "");
    add_bytes(&line, server->rss_peak_bytes > 0 ? server->rss_peak_bytes : SERVER_UNKNOWN,
              " at most");
    add_cores(&line, server_load_mean_cpu(server));
    add_count(&line, now->files, " files");
    add_count(&more, now->sessions, " sessions");
    add_count(&more, now->connections, " connections");
    add_bytes(&more, now->bytes_sent, " sent");
    add_count(&more, now->packets_discarded, " packets discarded");
    text_printf(to, "\n%-11s%s%s\n", "server", now->ended ? "its process has ended; " : "",
                line.len > 0   ? text_string(&line)
                : more.len > 0 ? text_string(&more)
                               : "nothing is known of it");
    if (line.len > 0 && more.len > 0)
        text_printf(to, "%-11s%s\n", "", text_string(&more));
    if (now->failures > 0)
        text_printf(to, "%-11s%u fetches of its metrics failed\n", "", now->failures);
}

enum unit { UNIT_MS, UNIT_PERCENT, UNIT_BYTES, UNIT_CORES, UNIT_COUNT };

static void write_value(struct text *to, enum unit unit, double value)
{
    switch (unit) {
    case UNIT_MS:
        units_write_duration(to, (uint64_t)fmax(0, value * (double)NS_PER_MS));
        break;
    case UNIT_PERCENT:
        text_printf(to, "%.3g %%", value * 100);
        break;
    case UNIT_BYTES:
        units_write_bytes(to, (uint64_t)fmax(0, value));
        break;
    case UNIT_CORES:
        text_printf(to, "%.2f cores", value);
        break;
    case UNIT_COUNT:
        units_write_count(to, (uint64_t)fmax(0, round(value)));
        break;
    }
}

static void add_cell(struct text *to, enum unit unit, double value)
{
    char room[CELL];
    struct text cell = text_init(room, sizeof(room));
    write_value(&cell, unit, value);
    text_printf(to, " %12s", text_string(&cell));
}

static void add_row(const struct drift_row *row, const char *name, enum unit unit, struct text *to)
{
    char room[CELL];
    struct text slope = text_init(room, sizeof(room));
    if (row->verdict == DRIFT_NOT_MEASURED)
        return;
    text_printf(to, "%-19s", name);
    add_cell(to, unit, row->first);
    add_cell(to, unit, row->last);
    text_printf(to, "  %s", drift_verdict_name(row->verdict));
    if (unit == UNIT_BYTES && fabs(row->per_hour) >= 1000) {
        write_value(&slope, unit, fabs(row->per_hour));
        text_printf(to, ", %c%s an hour", row->per_hour < 0 ? '-' : '+', text_string(&slope));
    }
    text_add_string(to, "\n");
}

static void add_span(struct text *to, const char *what, uint64_t ns)
{
    char room[CELL], cell_room[CELL];
    struct text span = text_init(room, sizeof(room)),
                cell = text_init(cell_room, sizeof(cell_room));
    uint64_t minutes = ns / (60 * NS_PER_S);
    if (minutes >= 600)
        text_printf(&span, "%.1fh", (double)minutes / 60);
    else if (minutes >= 10)
        text_printf(&span, "%um", (unsigned)minutes);
    else
        text_printf(&span, "%us", (unsigned)(ns / NS_PER_S));
    text_printf(&cell, "%s %s", what, text_string(&span));
    text_printf(to, " %12s", text_string(&cell));
}

static void add_drift(const struct drift_report *report, struct text *to)
{
    static const struct {
        const char *name;
        enum unit unit;
    } rows[DRIFT_QUANTITIES] = {
        [DRIFT_STARTUP] = {"startup p95", UNIT_MS},
        [DRIFT_CONNECT] = {"connect p95", UNIT_MS},
        [DRIFT_JITTER] = {"jitter p95", UNIT_MS},
        [DRIFT_LOSS] = {"loss", UNIT_PERCENT},
        [DRIFT_RSS] = {"our memory", UNIT_BYTES},
        [DRIFT_SERVER_RSS] = {"the server's memory", UNIT_BYTES},
        [DRIFT_SERVER_CPU] = {"the server's CPU", UNIT_CORES},
        [DRIFT_ACTIVE] = {"sessions", UNIT_COUNT},
    };
    const struct drift_row *active = &report->rows[DRIFT_ACTIVE];
    text_printf(to, "\n%-19s", "over the run");
    add_span(to, "first", report->tenth_ns);
    add_span(to, "last", report->tenth_ns);
    text_add_string(to, "\n");
    for (unsigned i = 0; i < DRIFT_QUANTITIES; i++)
        add_row(&report->rows[i], rows[i].name, rows[i].unit, to);
    if (active->verdict == DRIFT_ROSE || active->verdict == DRIFT_FELL)
        text_add_string(to, "the number of sessions changed, which may explain the rest\n");
}

void view_endurance(const struct snapshot *snapshot, struct text *to)
{
    struct drift_report report;
    if (snapshot->server.watched)
        add_server(snapshot, to);
    if (snapshot->drift && drift_report(snapshot->drift, &report))
        add_drift(&report, to);
}
