/* serve_size.h - how many shards a server gets, and how many sessions they hold. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "load/machine.h"

#define SERVE_CONNECTIONS_MAX 20000u /* a shard, however many files it may open */

struct serve_size {
    unsigned threads;     /* shards to start */
    uint32_t connections; /* that each of them may hold */
    bool fewer;           /* threads weren't asked for: if fewer can be started, they will do */
    unsigned rings;       /* shards that may have io_uring where epoll will do as well; 0: all */
};

/* threads and max_sessions as asked for, 0: not at all. */
struct serve_size serve_size_fit(const struct machine *machine, unsigned threads,
                                 uint32_t max_sessions);

/* What a server in its place holds. */
struct serve_room {
    unsigned shards;       /* that were started */
    bool one_table;        /* they share one table of open files */
    uint32_t connections;  /* a shard */
    uint32_t max_sessions; /* 0: none was given */
};

/* Adds "holds up to 139,552 sessions in 7 shards (open files: 20,000 a shard)", the limit being the
   one that is reached first. */
void serve_size_tell(struct text *to, const struct machine *machine, const struct serve_room *room);
