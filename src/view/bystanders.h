/* bystanders.h - who paid for the bad clients: the good ones' numbers in the calm stretch and after
 * it. */
#pragma once

#include <stdbool.h>

#include "base/text.h"
#include "stats/snapshot.h"

struct bystander {
    double seconds;
    uint64_t started, failed, dropped, packets, lost, freezes, stalls;
    bool has_startup, has_jitter;
    double startup_p50_ms, startup_p95_ms, jitter_p95_ms;
};

struct bystanders {
    struct bystander calm;
    struct bystander with_bad;
};

/* False when the run had no calm stretch, or ended in it. */
bool bystanders_of(const struct snapshot *snapshot, struct bystanders *out);

/* A table of both stretches, and of what became of the bad clients; nothing where there were none.
   At most 80 columns; 4 KiB suffice. */
void view_bystanders(const struct snapshot *snapshot, struct text *to);
