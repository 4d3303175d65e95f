/* scenario.h - runs of scenarios, from a file or the ready ones. */
#pragma once

#include "cli/options.h"

/* run --scenario FILE. The exit status; 2 with error set. */
int scenario_run_file(const struct options *options, struct text *error);
