/* screen.h - what the rows of the live view are made of: labels, counts, values and their course.
 */
#pragma once

#include "view/canvas.h"
#include "view/terminal.h"

#define SCREEN_CELL 64u
#define SCREEN_VALUE 11u /* where values begin */

/* A screen under way. */
struct screen {
    struct canvas canvas;
    const struct terminal_view *view;
    const struct snapshot *snapshot;
    const struct stats *total;
    unsigned spark_width;
    bool tall;
};

/* Of the sparklines behind gauges, on a screen of so many columns. */
unsigned screen_spark_width(unsigned columns);

/* What a column of a sparkline shows. Below 0: nothing was measured. */
typedef double row_value(const struct timeline_row *row, const struct timeline_row *before);

/* Of a total, for a row_value. */
double screen_per_second(uint64_t now, uint64_t before, const struct timeline_row *row,
                         const struct timeline_row *row_before);

/* No column is left of the first. */
unsigned screen_left_of(unsigned column, unsigned by);

/* The newest value; 0 where there is none. */
double screen_newest(const struct screen *screen, row_value *value);

/* The newest value stands at the right. */
void screen_add_spark(struct screen *screen, enum style style, row_value *value, unsigned width);

void screen_add_label(struct screen *screen, const char *label);

/* A label, a value and its course; a remark may follow. */
void screen_add_gauge(struct screen *screen, const char *label, const struct text *cell,
                      enum style style, row_value *value);

/* "1,234 failed" */
void screen_add_count(struct screen *screen, enum style style, uint64_t count, const char *what);

/* The same after a comma; nothing for 0. */
void screen_add_count_if_any(struct screen *screen, enum style style, uint64_t count,
                             const char *what);
