/* json.h - a run as JSON: the result file, and the lines of --log json. */
#pragma once

#include <stdio.h>

#include "stats/snapshot.h"

/* Writes the result file, whole or not at all. 0 or -errno. */
int view_json_write(const struct snapshot *snapshot, const char *path);

/* One line {"result": ...}. 0 or -errno. */
int view_json_result_line(const struct snapshot *snapshot, FILE *stream);

/* One line an interval: totals so far, but for active, target and cps. 0 or -errno. */
int view_json_interval_line(const struct snapshot *snapshot, FILE *stream);
