/* text.h - a run as text: the summary that ends it, and a line for each interval of it. */
#pragma once

#include "base/text.h"
#include "stats/snapshot.h"

#define VIEW_TEXT_COLUMNS 80u
#define VIEW_TEXT_LINES 24u

/* The summary: at most 23 lines of 80 columns (a shell's prompt is the 24th), each ended by a
   newline. The first says PASS, or what went wrong. 8 KiB always suffice. */
void view_text_summary(const struct snapshot *snapshot, struct text *to);

/* The last interval in one line of at most 80 columns, ended by a newline; where a run both reads
   and publishes, in two. */
void view_text_interval(const struct snapshot *snapshot, struct text *to);
