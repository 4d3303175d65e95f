/* targets.h - the plan's URLs as sessions need them: resolved to addresses, with their credentials.
 */
#pragma once

#include <stdint.h>

#include "client/client.h"
#include "load/plan.h"

struct targets {
    struct client_url *urls; /* one for each of the plan's */
    uint32_t count;
};

/* Looks the hosts up (blocking, once a host). One that is not found has no addresses: its sessions
   will fail in the phase resolve. 0 or -ENOMEM. The plan must outlive the targets. */
int targets_resolve(struct targets *targets, const struct plan *plan);

/* Those of several plans, one plan's behind the other's. */
int targets_resolve_all(struct targets *targets, const struct plan *plans, uint32_t count);
void targets_dispose(struct targets *targets);
