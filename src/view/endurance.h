/* endurance.h - the server seen from outside, and what changed over a run. */
#pragma once

#include "base/text.h"
#include "stats/snapshot.h"

/* "server 12.3 MB, 0.45 cores, 100 sessions": what is known of it now; nothing where nobody looks.
 */
void view_server_line(const struct snapshot *snapshot, struct text *to);

/* The same at the end of a run, and a table of what changed over it, where it was long enough. At
   most 80 columns; 4 KiB suffice. */
void view_endurance(const struct snapshot *snapshot, struct text *to);
