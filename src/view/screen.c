#include "view/screen.h"

#include <math.h>

#include "base/clock.h"
#include "base/units.h"

#define VALUE_END 23u /* the column after values */
#define SPARK 25u     /* where the sparklines begin */
#define SPARK_MAX 240u
#define REMARK 31u /* columns that are kept for what stands behind a sparkline */

unsigned screen_spark_width(unsigned columns)
{
    return screen_left_of(columns, SPARK + REMARK + 2);
}

double screen_per_second(uint64_t now, uint64_t before, const struct timeline_row *row,
                         const struct timeline_row *row_before)
{
    double seconds = (double)(row->t_ns - row_before->t_ns) / 1e9;
    /* An interval that ends just after a tick makes a row too short to have a rate. */
    return seconds < 0.05 ? -1 : now > before ? (double)(now - before) / seconds : 0;
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

void screen_add_spark(struct screen *screen, enum style style, row_value *value, unsigned width)
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

double screen_newest(const struct screen *screen, row_value *value)
{
    double now = 0;
    return gather(screen->snapshot, value, 1, &now) > 0 && now > 0 ? now : 0;
}

unsigned screen_left_of(unsigned column, unsigned by)
{
    return column > by ? column - by : 0;
}

void screen_add_label(struct screen *screen, const char *label)
{
    canvas_put(&screen->canvas, DIM, slice_from_string(label));
    canvas_move_to(&screen->canvas, SCREEN_VALUE);
}

void screen_add_gauge(struct screen *screen, const char *label, const struct text *cell,
                      enum style style, row_value *value)
{
    screen_add_label(screen, label);
    canvas_put_right(&screen->canvas, BOLD, VALUE_END, text_slice(cell));
    canvas_move_to(&screen->canvas, SPARK);
    screen_add_spark(screen, style, value, screen->spark_width);
    canvas_move_to(&screen->canvas, SPARK + screen->spark_width + 2);
}

void screen_add_count(struct screen *screen, enum style style, uint64_t count, const char *what)
{
    char room[SCREEN_CELL];
    struct text text = text_init(room, sizeof(room));
    units_write_count(&text, count);
    text_add_string(&text, what);
    canvas_put(&screen->canvas, style, text_slice(&text));
}

void screen_add_count_if_any(struct screen *screen, enum style style, uint64_t count,
                             const char *what)
{
    if (count == 0)
        return;
    canvas_put(&screen->canvas, PLAIN, SLICE(", "));
    screen_add_count(screen, style, count, what);
}
