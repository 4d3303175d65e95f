/* whose.h - whether a row that is about readers, or about publishers, has its place in a view. */
#pragma once

#include "stats/snapshot.h"

enum whose { EVERYONES, READERS, PUBLISHERS };

static inline bool whose_are_there(enum whose whose, const struct snapshot *snapshot)
{
    return whose == EVERYONES ||
           (whose == READERS ? snapshot_reads(snapshot) : snapshot_publishes(snapshot));
}
