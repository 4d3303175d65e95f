/* csv.h - the timeline as a table: a row an interval, for spreadsheets. */
#pragma once

#include "stats/snapshot.h"

/* Writes the file, whole or not at all. 0 or -errno. */
int view_csv_write(const struct snapshot *snapshot, const char *path);
