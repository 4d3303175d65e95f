#include "view/paragraph.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/units.h"
#include "view/columns.h"
#include "view/text.h"

#define PIECE 128u

struct paragraph paragraph_begin(struct text *to, const char *label)
{
    text_printf(to, "%-*s", (int)PARAGRAPH_LABEL, label);
    return (struct paragraph){.to = to, .column = PARAGRAPH_LABEL, .more_lines = 1};
}

void paragraph_end(struct paragraph *paragraph)
{
    text_add_string(paragraph->to, "\n");
}

/* Each piece leaves a column for the comma that may follow it. */
void paragraph_add(struct paragraph *paragraph, struct slice piece)
{
    unsigned gap = paragraph->any ? 2 : 0;
    if (paragraph->any && paragraph->column + gap + columns_of(piece) >= VIEW_TEXT_COLUMNS) {
        if (paragraph->more_lines == 0)
            return;
        paragraph->more_lines--;
        text_printf(paragraph->to, "%c\n%*s", paragraph->separator ? paragraph->separator[0] : ',',
                    (int)PARAGRAPH_LABEL, "");
        paragraph->column = PARAGRAPH_LABEL;
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

void paragraph_printf(struct paragraph *paragraph, const char *format, ...)
{
    char buffer[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buffer, sizeof(buffer), format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(buffer) ? (size_t)n : sizeof(buffer) - 1;
    paragraph_add(paragraph, slice_make(buffer, len));
}

void paragraph_count(struct paragraph *paragraph, uint64_t count, const char *what)
{
    char buffer[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    units_write_count(&text, count);
    text_printf(&text, " %s", what);
    paragraph_add(paragraph, text_slice(&text));
}

void paragraph_count_if_any(struct paragraph *paragraph, uint64_t count, const char *what)
{
    if (count > 0)
        paragraph_count(paragraph, count, what);
}

void paragraph_bitrate(struct paragraph *paragraph, double bps)
{
    char buffer[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    units_write_bitrate(&text, bps);
    paragraph_add(paragraph, text_slice(&text));
}

void paragraph_bytes(struct paragraph *paragraph, uint64_t bytes, const char *what)
{
    char buffer[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    units_write_bytes(&text, bytes);
    text_add_string(&text, what);
    paragraph_add(paragraph, text_slice(&text));
}

void paragraph_share(struct paragraph *paragraph, uint64_t part, uint64_t whole)
{
    char buffer[PIECE];
    struct text text = text_init(buffer, sizeof(buffer));
    units_write_count(&text, part);
    text_add_string(&text, " of ");
    units_write_count(&text, whole);
    if (part > 0 && whole > 0)
        text_printf(&text, " (%.3g %%)", (double)part / (double)whole * 100);
    paragraph_add(paragraph, text_slice(&text));
}
