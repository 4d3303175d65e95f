/* canvas.h - draws a screen of a terminal line by line, with ANSI escapes, never beyond its edge.
 */
#pragma once

#include <stdbool.h>

#include "base/text.h"

enum style { PLAIN, BOLD, DIM, GREEN, YELLOW, RED, CYAN, STYLES };

struct canvas {
    struct text *to;
    unsigned columns, rows;
    bool colour;
    bool unicode;    /* blocks; else ASCII */
    unsigned row;    /* of the line under way, from 0 */
    unsigned column; /* where it has got to */
};

/* The first line begins at the top left. */
void canvas_begin(struct canvas *canvas);
void canvas_end_line(struct canvas *canvas);

/* Blank lines down to the last of so many rows, which is begun again if it was. */
void canvas_last_line(struct canvas *canvas, unsigned rows);

/* Ends the last line, and leaves the cursor at its start. */
void canvas_end(struct canvas *canvas);

/* Lines that may still be begun, the one under way included. */
unsigned canvas_rows_left(const struct canvas *canvas);

/* Text must hold no control characters. */
void canvas_put(struct canvas *canvas, enum style style, struct slice text);
void canvas_printf(struct canvas *canvas, enum style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One character of one column, whatever its bytes. */
void canvas_symbol(struct canvas *canvas, enum style style, const char *character);

/* Spaces up to a column; nothing where the line is there already. */
void canvas_move_to(struct canvas *canvas, unsigned column);

/* Ends before a column. */
void canvas_put_right(struct canvas *canvas, enum style style, unsigned column, struct slice text);

/* A bar of so many columns, a share of it full. */
void canvas_bar(struct canvas *canvas, enum style style, unsigned width, double share);

/* One column, 0 to 1 high; below 0: nothing there. */
void canvas_spark(struct canvas *canvas, enum style style, double height);
