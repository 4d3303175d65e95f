/* find_report.h - a search as people read it, and as JSON. */
#pragma once

#include "cli/find_max.h"

/* A line for the try that was told last. */
void find_report_line(const struct find_max *find, struct text *to);

/* The answer, and the curve as a table: a line a level. */
void find_report_table(const struct find_max *find, struct text *to);

/* The result's "search". */
json_t *find_report_json(const struct find_max *find);

/* The first objective that the level above the answer missed, NULL when there is none. */
const struct slo_result *find_report_first_to_break(const struct find_max *find);
