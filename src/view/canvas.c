#include "view/canvas.h"

#include <stdarg.h>
#include <stdio.h>

#include "view/columns.h"

#define LEVELS 8u

static const char *const style_escapes[STYLES] = {
    [PLAIN] = "",          [BOLD] = "\033[1m", [DIM] = "\033[2m",   [GREEN] = "\033[32m",
    [YELLOW] = "\033[33m", [RED] = "\033[31m", [CYAN] = "\033[36m",
};

static void begin_line(struct canvas *canvas)
{
    if (canvas->row < canvas->rows)
        text_printf(canvas->to, "\033[%u;1H", canvas->row + 1);
    canvas->column = 0;
}

void canvas_begin(struct canvas *canvas)
{
    canvas->row = 0;
    begin_line(canvas);
}

/* Erasing to the end of a full line would take its last character on some terminals. */
static void erase_rest(struct canvas *canvas)
{
    if (canvas->row < canvas->rows && canvas->column < canvas->columns)
        text_add_string(canvas->to, "\033[K");
}

void canvas_end_line(struct canvas *canvas)
{
    erase_rest(canvas);
    canvas->row++;
    begin_line(canvas);
}

void canvas_last_line(struct canvas *canvas, unsigned rows)
{
    while (canvas_rows_left(canvas) > 0)
        canvas_end_line(canvas);
    canvas->rows = rows;
    canvas->row = rows > 0 ? rows - 1 : 0;
    begin_line(canvas);
}

void canvas_end(struct canvas *canvas)
{
    erase_rest(canvas);
    text_printf(canvas->to, "\033[%u;1H", canvas->rows);
}

unsigned canvas_rows_left(const struct canvas *canvas)
{
    return canvas->row < canvas->rows ? canvas->rows - canvas->row : 0;
}

/* Text that is known to be so many columns wide. */
static void put(struct canvas *canvas, enum style style, struct slice text, unsigned width)
{
    bool styled = style != PLAIN && (canvas->colour || style == BOLD);
    if (canvas->row >= canvas->rows || text.len == 0)
        return;
    if (styled)
        text_add_string(canvas->to, style_escapes[style]);
    text_add(canvas->to, text);
    if (styled)
        text_add_string(canvas->to, "\033[0m");
    canvas->column += width;
}

void canvas_put(struct canvas *canvas, enum style style, struct slice text)
{
    unsigned room = canvas->columns > canvas->column ? canvas->columns - canvas->column : 0;
    text = columns_clip(text, room);
    put(canvas, style, text, columns_of(text));
}

void canvas_printf(struct canvas *canvas, enum style style, const char *format, ...)
{
    char buffer[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buffer, sizeof(buffer), format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(buffer) ? (size_t)n : sizeof(buffer) - 1;
    canvas_put(canvas, style, slice_make(buffer, len));
}

void canvas_move_to(struct canvas *canvas, unsigned column)
{
    if (column > canvas->columns)
        column = canvas->columns;
    if (column > canvas->column)
        canvas_printf(canvas, PLAIN, "%*s", (int)(column - canvas->column), "");
}

void canvas_put_right(struct canvas *canvas, enum style style, unsigned column, struct slice text)
{
    unsigned width = columns_of(text);
    canvas_move_to(canvas, column > width ? column - width : 0);
    canvas_put(canvas, style, text);
}

void canvas_symbol(struct canvas *canvas, enum style style, const char *character)
{
    if (canvas->column < canvas->columns)
        put(canvas, style, slice_from_string(character), 1);
}

static void repeat(struct canvas *canvas, enum style style, const char *character, unsigned times)
{
    char room[1024];
    struct text run = text_init(room, sizeof(room));
    unsigned left = canvas->columns - canvas->column; /* never negative */
    times = times < left ? times : left;
    for (unsigned i = 0; i < times; i++)
        text_add_string(&run, character);
    put(canvas, style, text_slice(&run), times);
}

void canvas_bar(struct canvas *canvas, enum style style, unsigned width, double share)
{
    double bounded = share < 0 ? 0 : share > 1 ? 1 : share;
    unsigned full = (unsigned)(bounded * width + 0.5);
    repeat(canvas, style, canvas->unicode ? "█" : "#", full);
    repeat(canvas, DIM, canvas->unicode ? "░" : ".", width - full);
}

void canvas_spark(struct canvas *canvas, enum style style, double height)
{
    static const char *const blocks[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[LEVELS] = {"_", ".", "-", "=", "+", "*", "#", "@"};
    unsigned level = height > 0 ? (unsigned)(height * (LEVELS - 1) + 0.5) : 0;
    const char *const *levels = canvas->unicode ? blocks : ascii;
    canvas_symbol(canvas, style, height < 0 ? " " : levels[level < LEVELS ? level : LEVELS - 1]);
}
