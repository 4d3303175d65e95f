/* crew.h - runs the shards of a server, a thread each, and adds up their truth. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/server.h"

#define CREW_THREADS_MAX 512u

struct crew;

struct crew_ways {
    unsigned threads; /* shards, 1 to CREW_THREADS_MAX */
    bool fewer;       /* where memory or files allow only some of them, these will do */
    bool fallback;    /* LOOP_URING turns to epoll where io_uring is refused, or memory for it */
    unsigned rings;   /* with fallback: so many shards at most have io_uring; 0: all */
};

/* Starts shards that listen on one port, which nobody else may listen on. config's registry, shard,
   shards and shared_port are set here; the rest is borrowed until crew_free, on_session_end is
   called from all threads. 0, or what server_new said. */
int crew_start(struct crew **out, const struct server_config *config, const struct crew_ways *ways);

/* Shards that run, and whether they have to share one table of open files. */
unsigned crew_shards(const struct crew *crew);
bool crew_shares_table(const struct crew *crew);

const struct address *crew_address(const struct crew *crew);

/* Ends all sessions and threads. The truth, merged and sorted, stays until crew_free. */
void crew_stop(struct crew *crew);
struct truth_path *crew_truth(struct crew *crew, size_t *count);

/* What was refused so far, by all shards; at any time. */
struct truth_refused crew_refused(const struct crew *crew);
void crew_free(struct crew *crew);
