/* terminal.h - a run as a screen of a terminal, while it goes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "stats/snapshot.h"

/* Any screen will do; from 80 columns and 24 rows on everything has its place. */
struct terminal_view {
    unsigned columns, rows;
    bool colour;
    bool unicode;
    bool keys; /* whether keys are heard */
    bool paused, ending, help;
    int change;           /* of the target, by hand, per mille of the plan's */
    uint64_t duration_ns; /* the run's, as planned */
    const char *title;    /* what is loaded */
    const char *notice;   /* what the user should know; NULL: nothing */
};

#define VIEW_TERMINAL_BYTES 65536u

/* The whole screen; that many bytes suffice up to 300 columns and 100 rows. Needs the snapshot's
   series. */
void view_terminal(const struct terminal_view *view, const struct snapshot *snapshot,
                   struct text *to);
