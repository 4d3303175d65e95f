#include "view/media_rows.h"

#include "base/units.h"
#include "view/columns.h"

static double packets_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return screen_per_second(row->packets, before->packets, row, before);
}

static double bitrate_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return screen_per_second(row->bytes * 8, before->bytes * 8, row, before);
}

static double lost_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return screen_per_second(row->lost, before->lost, row, before);
}

static double published_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return screen_per_second(row->published, before->published, row, before);
}

static double published_bitrate_of(const struct timeline_row *row,
                                   const struct timeline_row *before)
{
    return screen_per_second(row->published_bytes * 8, before->published_bytes * 8, row, before);
}

static double dropped_of(const struct timeline_row *row, const struct timeline_row *before)
{
    return screen_per_second(row->publish_dropped, before->publish_dropped, row, before);
}

/* "1.23k/s" and its course. */
static void add_rate(struct screen *screen, const char *label, enum style style, row_value *value)
{
    char room[SCREEN_CELL];
    struct text cell = text_init(room, sizeof(room));
    columns_add_short(&cell, screen_newest(screen, value), 3);
    text_add_string(&cell, "/s");
    screen_add_gauge(screen, label, &cell, style, value);
}

static void add_packets(struct screen *screen, const char *label, row_value *value, uint64_t count)
{
    add_rate(screen, label, CYAN, value);
    screen_add_count(screen, PLAIN, count, "");
    canvas_end_line(&screen->canvas);
}

static void add_bitrate(struct screen *screen, const char *label, row_value *value, uint64_t bytes)
{
    char room[SCREEN_CELL];
    struct text cell = text_init(room, sizeof(room));
    units_write_bitrate(&cell, screen_newest(screen, value));
    screen_add_gauge(screen, label, &cell, CYAN, value);
    cell.len = 0;
    units_write_bytes(&cell, bytes);
    canvas_put(&screen->canvas, PLAIN, text_slice(&cell));
    canvas_end_line(&screen->canvas);
}

static void add_missing(struct screen *screen, const char *label, row_value *value, uint64_t part,
                        uint64_t whole)
{
    add_rate(screen, label, RED, value);
    screen_add_count(screen, part > 0 ? RED : PLAIN, part, "");
    if (part > 0 && whole > 0)
        canvas_printf(&screen->canvas, RED, " (%.3g %%)", (double)part / (double)whole * 100);
    canvas_end_line(&screen->canvas);
}

struct cause {
    const char *name;
    bool ours;
    uint64_t packets;
};

/* "by the network 100, our delay 10" */
static void add_causes(struct screen *screen, const struct cause *causes, unsigned count)
{
    canvas_move_to(&screen->canvas, SCREEN_VALUE);
    for (unsigned i = 0, shown = 0; i < count; i++) {
        if (causes[i].packets == 0)
            continue;
        canvas_printf(&screen->canvas, PLAIN, "%s%s ", shown++ > 0 ? ", " : "by ", causes[i].name);
        screen_add_count(screen, causes[i].ours ? YELLOW : RED, causes[i].packets, "");
    }
    canvas_end_line(&screen->canvas);
}

static void add_received(struct screen *screen)
{
    struct rtp_counts rtp = stats_rtp(screen->total);
    const struct cause causes[] = {{"the network", false, rtp.lost_by[LOSS_NETWORK]},
                                   {"our sockets", true, rtp.lost_by[LOSS_LOCAL_SOCKET]},
                                   {"our delay", true, rtp.lost_by[LOSS_SELF]},
                                   {"the server", false, rtp.lost_by[LOSS_SERVER]}};
    add_packets(screen, "packets", packets_of, rtp.packets);
    add_bitrate(screen, "bit rate", bitrate_of, rtp.bytes);
    add_missing(screen, "lost", lost_of, rtp.lost, rtp.expected);
    add_causes(screen, causes, sizeof(causes) / sizeof(causes[0]));
}

/* Beside readers it is said which packets these are; the rest only where there is room. */
static void add_published(struct screen *screen, bool beside_readers)
{
    const struct published_counts *published = &screen->total->published;
    const struct cause causes[] = {{"the server", false, published->dropped_by[DROP_SERVER]},
                                   {"our delay", true, published->dropped_by[DROP_SELF]}};
    bool all = screen->tall || !beside_readers;
    add_packets(screen, beside_readers ? "published" : "packets", published_of, published->packets);
    if (all)
        add_bitrate(screen, "bit rate", published_bitrate_of, published->bytes);
    add_missing(screen, "dropped", dropped_of, published->dropped,
                published->packets + published->dropped);
    if (all)
        add_causes(screen, causes, sizeof(causes) / sizeof(causes[0]));
}

void media_rows(struct screen *screen)
{
    bool reads = snapshot_reads(screen->snapshot);
    if (reads)
        add_received(screen);
    if (snapshot_publishes(screen->snapshot))
        add_published(screen, reads);
}
