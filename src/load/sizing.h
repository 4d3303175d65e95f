/* sizing.h - does a plan fit on a machine, how many shards does it take, and if not, what would
 * lift the limit? */
#pragma once

#include <stdbool.h>

#include "load/machine.h"
#include "load/plan.h"

/* Sets what plan_resolve sets: shards, sockets, ports, buffers, memory. False when the readers
   don't fit: error says how many would, which limit that is, and what lifts it. */
bool sizing_fit(struct plan *plan, const struct machine *machine, struct text *error);
