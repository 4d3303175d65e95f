/* scenario_file.h - a scenario as its YAML file says it: keys and values with the lines they stand
 * in, not yet understood. */
#pragma once

#include <stdbool.h>

#include "base/text.h"

#define SCENARIO_GROUPS_MAX 32u
#define SCENARIO_BYTES_MAX 1048576u

struct scenario_entry {
    char *key;
    char *value;
    unsigned line; /* from 1 */
};

/* A mapping. A list of values is as many entries of the same key. */
struct scenario_block {
    struct scenario_entry *entries;
    unsigned count;
    unsigned line;
};

/* Owns everything in it. Ready when zeroed. */
struct scenario {
    char *file;  /* what messages call it */
    char *about; /* one line; NULL: not said */
    struct scenario_block vars;
    struct scenario_block common;
    struct scenario_block groups[SCENARIO_GROUPS_MAX];
    unsigned group_count; /* 0: the common block is all there is */
};

/* False: error says file, line, and what was expected. The scenario is to be disposed in any case.
 */
bool scenario_parse(struct scenario *out, const char *file, struct slice yaml, struct text *error);
bool scenario_read(struct scenario *out, const char *path, struct text *error);
void scenario_dispose(struct scenario *scenario);

/* "FILE:LINE: " */
void scenario_place(const struct scenario *scenario, unsigned line, struct text *error);

/* The last entry of that key, or NULL. */
const struct scenario_entry *scenario_find(const struct scenario_block *block, const char *key);
