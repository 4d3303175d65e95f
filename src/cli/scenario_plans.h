/* scenario_plans.h - the plans of a scenario's groups: its keys read as options, through the one
 * table, and the command line's options over them. */
#pragma once

#include "cli/options.h"
#include "cli/plan_options.h"
#include "cli/scenario_file.h"
#include "load/plan.h"

/* Large: allocate it. */
struct scenario_plans {
    unsigned count;
    struct plan plans[SCENARIO_GROUPS_MAX];
    struct plan_storage storages[SCENARIO_GROUPS_MAX];
    struct options options[SCENARIO_GROUPS_MAX];
};

/* Whether it needs the embedded server: a group reads nothing, or ${server}, and no --url is given.
 */
bool scenario_needs_server(const struct scenario *scenario, const struct options *given);

/* Fills plans, not yet resolved. server is a URL of the embedded server, NULL where none runs. The
   scenario must outlive the plans; they are to be disposed in any case. False: error says file,
   line, and what was expected. */
bool scenario_plans_make(struct scenario_plans *out, const struct scenario *scenario,
                         const struct options *given, const char *server, struct text *error);
void scenario_plans_dispose(struct scenario_plans *plans);
