/* checkup.h - how many readers a machine's limits allow, and what lifts each: pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "load/limits.h"
#include "load/plan.h"

/* What is to be held. */
struct checkup_need {
    uint64_t readers;
    enum plan_transport transport;
    unsigned tracks;      /* a reader */
    uint64_t bps;         /* a reader; 0: cores and card aren't looked at */
    uint64_t addresses;   /* source addresses */
    double ns_per_packet; /* of one core, as calibrated; else what was measured at home */
};

#define CHECKUP_NS_PER_PACKET 800.0 /* docs/PERFORMANCE.md, target 1, with room */

enum checkup_item {
    CHECKUP_FILES,
    CHECKUP_SYSTEM_FILES,
    CHECKUP_SOURCE_PORTS,
    CHECKUP_UDP_PORTS,
    CHECKUP_CONNTRACK,
    CHECKUP_TCP_MEMORY,
    CHECKUP_UDP_MEMORY,
    CHECKUP_MEMORY,
    CHECKUP_CORES,
    CHECKUP_CARD,
    CHECKUP_ITEMS
};

#define CHECKUP_NO_LIMIT UINT64_MAX

struct checkup_result {
    uint64_t fits; /* readers; CHECKUP_NO_LIMIT: it doesn't bound them, or isn't known */
    bool known;
    char have[96];     /* "28,232 on each of 1 source address" */
    char command[200]; /* what lifts it for the readers asked for, as root; empty: nothing does, or
                          nothing need */
    char sysctl[96];   /* the same as a line of sysctl.conf; empty: it isn't one */
    char advice[200];  /* what else helps; may be empty */
};

struct checkup {
    struct checkup_result items[CHECKUP_ITEMS];
    uint64_t fits;           /* the least of all */
    enum checkup_item first; /* whose that is */
};

void checkup(struct checkup *out, const struct limits *limits, const struct checkup_need *need);

/* "source ports" */
const char *checkup_name(enum checkup_item item);
