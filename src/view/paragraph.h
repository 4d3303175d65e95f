/* paragraph.h - pieces of text joined by commas, and wrapped under a label. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define PARAGRAPH_LABEL 11u /* columns before the pieces */

/* What doesn't fit into its lines any more is left out, so the pieces come in the order of their
   weight. */
struct paragraph {
    struct text *to;
    unsigned column;
    unsigned more_lines;   /* that may be begun */
    bool any;              /* piece so far */
    const char *separator; /* before the next piece, 2 columns; NULL is a comma */
};

/* Of two lines. */
struct paragraph paragraph_begin(struct text *to, const char *label);
void paragraph_end(struct paragraph *paragraph);

void paragraph_add(struct paragraph *paragraph, struct slice piece);
void paragraph_printf(struct paragraph *paragraph, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "1,234 failed" */
void paragraph_count(struct paragraph *paragraph, uint64_t count, const char *what);
void paragraph_count_if_any(struct paragraph *paragraph, uint64_t count, const char *what);
void paragraph_bitrate(struct paragraph *paragraph, double bps);
void paragraph_bytes(struct paragraph *paragraph, uint64_t bytes, const char *what);

/* "150 of 1,294,700 (0.0116 %)" */
void paragraph_share(struct paragraph *paragraph, uint64_t part, uint64_t whole);
