/* html.h - a report: one HTML file with everything in it, drawn by the dashboard's front end. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "stats/snapshot.h"

/* False where the build has no front end. */
bool view_html_available(void);

/* Writes the report of results, [{"name": ..., "result": ...}, ...], whole or not at all. 0 or
   -errno. */
int view_html_write(json_t *results, const char *path);

/* The report of a run. */
int view_html_write_run(const struct snapshot *snapshot, const char *path);
