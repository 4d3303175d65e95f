/* slo_names.h - the names of a result's numbers, as objectives use them. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "stats/slo.h"

#define SLO_NAME_MAX 64u

/* The i-th name that there is, with its NUL; false: there are no more. */
bool slo_name(unsigned i, char name[static SLO_NAME_MAX], struct slo_source *source);
