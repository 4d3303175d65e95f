/* commands.h - what each command does; all return the process's exit status, and only main.c exits.
 */
#pragma once

#include "base/text.h"
#include "cli/options.h"

/* What is wrong with usage or set-up goes into error, with status 2; main.c prints it. */
int run_main(const struct options *options, struct text *error);
int serve_main(const struct options *options, struct text *error);
int probe_main(const struct options *options, struct text *error);
int compare_main(const struct options *options, struct text *error);
int report_main(const struct options *options, struct text *error);
int doctor_main(const struct options *options, struct text *error);
int scenario_main(const struct options *options, struct text *error);
int calibrate_main(const struct options *options, struct text *error);

#define STATUS_SETUP 2
