/* dashboard.h - a run as a page: served by a thread of its own, live by server-sent events. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/text.h"
#include "stats/snapshot.h"

struct dashboard;

struct dashboard_config {
    const struct sockaddr *address; /* where to listen; port 0: a free one */
    bool loopback;                  /* then only requests to an address or localhost are answered */
    const char *token; /* what a request must show to change the run; NULL: none may. Borrowed */
    const atomic_bool *paused; /* as it is now, whoever made it so; likewise change. Borrowed */
    const atomic_int *change;  /* of the target, per mille of the plan's */
    /* What such requests ask for; called on the dashboard's thread. */
    void (*stop)(void *context); /* once */
    void (*pause)(void *context, bool paused);
    bool (*step)(void *context, bool up); /* false: that is the most, or the least */
    void *context;
};

/* NULL, with error, when it can't listen there or the build has no dashboard. */
struct dashboard *dashboard_start(const struct dashboard_config *config, struct text *error);
uint16_t dashboard_port(const struct dashboard *dashboard);

/* What has come since. Cheap while nobody looks. */
void dashboard_show(struct dashboard *dashboard, const struct snapshot *snapshot);

/* The last one: waits, a second at most, until all who look have it. */
void dashboard_end(struct dashboard *dashboard, const struct snapshot *snapshot);

/* NULL is fine. */
void dashboard_stop(struct dashboard *dashboard);
