/* ready.h - the scenarios that come with the program. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct ready {
    const char *name;
    const char *yaml, *end;
    bool is_short; /* "run all" runs it: at most 20 s */
};

extern const struct ready ready_scenarios[];
extern const unsigned ready_count;

/* NULL: there is none of that name. */
const struct ready *ready_find(const char *name);
