/* media_rows.h - the rows of the live view about packets: received, lost, published, dropped. */
#pragma once

#include "view/screen.h"

/* From 4 rows, where all sessions read or all publish, to 8. */
void media_rows(struct screen *screen);
