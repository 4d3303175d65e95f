/* json_series.h - what charts are drawn from, as JSON: the series by columns, histograms in full.
 */
#pragma once

#include <jansson.h>

#include "stats/snapshot.h"

/* {"t_s": [...], "target": [...], ...}: an element a row. Of rows that end after after_ns. */
json_t *view_series(const struct timeline_row *rows, uint32_t count, uint64_t after_ns);

/* {"connect": [value, count, value, count, ...], ...}: each bucket's highest value, but never above
   the exact maximum, and how often it came; in microseconds. Of what is measured in time. */
json_t *view_histograms(const struct stats *total);
