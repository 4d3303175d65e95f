/* run.h - a run of plans under a watcher's eyes, from sizing to exit status. */
#pragma once

#include <stdint.h>

#include "cli/watch.h"

/* Resolves plans and runs them side by side; watch is ready when zeroed but for ended. Returns the
   exit status; 2 with error set. */
int run_watched(struct plan *plans, uint32_t count, struct watch *watch, struct text *error);
