/* endurance.h - the server seen from outside, and what changed over a run. */
#pragma once

#include "base/text.h"
#include "stats/snapshot.h"
#include "view/canvas.h"

/* A line of a screen, "server 12.3 MB, 0.45 cores, 100 sessions", with its values from that column
   on; none where nobody looks. */
void view_server_row(struct canvas *canvas, unsigned column, const struct snapshot *snapshot);

/* The same at the end of a run, and a table of what changed over it, where it was long enough. At
   most 80 columns; 4 KiB suffice. */
void view_endurance(const struct snapshot *snapshot, struct text *to);
