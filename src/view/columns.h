/* columns.h - fits text into a number of columns. */
#pragma once

#include "base/text.h"

/* How wide it may come out: what takes two bytes or more of UTF-8 may be two columns wide. */
unsigned columns_of(struct slice bytes);

/* As much of it as surely fits. */
struct slice columns_clip(struct slice bytes, unsigned columns);

/* Appends as much of it as surely fits; with dots at its end where that isn't all. */
void columns_add_clipped(struct text *to, unsigned columns, struct slice bytes);

/* At the right end of width columns. */
void columns_add_right(struct text *to, unsigned width, struct slice cell);

/* A value in so many digits: 3: "0.4" "987" "12.3k" "1.23M"; 2: "1.2k". */
void columns_add_short(struct text *to, double value, int digits);
