/* json_limits.h - what the result says of the generator's limits. */
#pragma once

#include <jansson.h>

#include "stats/snapshot.h"

/* verdict, limits, limit_values and warnings. */
void view_json_limits(json_t *object, const struct generator *generator);
