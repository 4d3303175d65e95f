/* json.h - a run as JSON: the result file, and the lines of --log json. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "stats/snapshot.h"

/* The result as a document, the caller's. */
json_t *view_json_result(const struct snapshot *snapshot);

/* The same without what grows as the run goes on (timeline, series, histograms), and with that many
   streams at most: what a live view shows. */
json_t *view_json_state(const struct snapshot *snapshot, uint32_t most_streams);

/* Writes the result file, whole or not at all. 0 or -errno. */
int view_json_write(const struct snapshot *snapshot, const char *path);

/* One line {"result": ...}. 0 or -errno. */
int view_json_result_line(const struct snapshot *snapshot, FILE *stream);

/* One line an interval: totals so far, but for active, target and cps. 0 or -errno. */
int view_json_interval_line(const struct snapshot *snapshot, FILE *stream);
