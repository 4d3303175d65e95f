/* limit_text.h - a limit of the generator in words: what was over which bound, and when. */
#pragma once

#include "base/text.h"
#include "stats/snapshot.h"

/* "loop_lag (p99 23 ms, bound 10 ms, worst at 12 s)"; its name alone where no more is known. */
void limit_text_add(struct text *to, const struct generator *generator, enum generator_limit limit);
