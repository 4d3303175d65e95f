/* json_dump.h - writes a JSON document: in a line, or for people to read. */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* Enough for microseconds of a day in milliseconds, and no 0.10000000000000001. */
#define VIEW_JSON_FORMAT JSON_REAL_PRECISION(12)

/* Both write value and a line end, and free value. 0 or -errno. */
int view_dump(json_t *value, FILE *stream);
int view_dump_pretty(json_t *value, FILE *stream);
