/* crew.h - runs the shards of a server, a thread each, and adds up their truth. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/server.h"

#define CREW_THREADS_MAX 256u

struct crew;

/* Starts so many shards that listen on one port. config's registry, shard, shards and shared_port
   are set here; the rest is borrowed until crew_free, on_session_end is called from all threads.
   LOOP_URING with fallback turns to epoll where io_uring is refused. 0, or what server_new said. */
int crew_start(struct crew **out, const struct server_config *config, unsigned threads,
               bool fallback);

const struct address *crew_address(const struct crew *crew);

/* Ends all sessions and threads. The truth, merged and sorted, stays until crew_free. */
void crew_stop(struct crew *crew);
struct truth_path *crew_truth(struct crew *crew, size_t *count);

/* What was refused so far, by all shards; at any time. */
struct truth_refused crew_refused(const struct crew *crew);
void crew_free(struct crew *crew);
