/* headline.h - a run in one line: the verdict, and what befell most of its sessions. */
#pragma once

#include "base/text.h"
#include "stats/snapshot.h"

/* "12 unanswered", and of how many; count orders them. */
struct headline_fact {
    uint64_t count;
    char text[96];
};

#define HEADLINE_LEAD 2u

/* The facts that matter most, HEADLINE_LEAD at most, the gravest first. Returns how many. */
unsigned headline_lead(const struct snapshot *snapshot,
                       struct headline_fact lead[static HEADLINE_LEAD]);

/* Up to so many lines of 80 columns, each ended by a newline; what has no room is left out. */
void headline_write(const struct snapshot *snapshot, unsigned lines, struct text *to);

/* The same in one line without its end, for files. */
void headline_write_line(const struct snapshot *snapshot, struct text *to);
