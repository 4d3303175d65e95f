/* server.h - one shard of the embedded RTSP server: a loop with its listener, connections and
 * truth.
 *
 * Belongs to the thread that made it (on the simulated network all share one thread):
 *     while (!stop)
 *         server_turn(server, TIME_NEVER);
 *     server_stop(server); */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "net/address.h"
#include "net/loop.h"
#include "proto/auth.h"
#include "server/fault.h"
#include "server/library.h"
#include "server/path.h"
#include "server/truth.h"

#define SERVER_SESSION_TIMEOUT_NS (60 * UINT64_C(1000000000))

/* Called in the shard's thread as a session ends; what it is told is valid during the call. */
typedef void (*server_on_session_end)(void *context, const struct truth_session *session);

/* Everything is borrowed and must outlive the server. */
struct server_config {
    struct loop_config loop; /* max_sockets is set from max_connections */
    struct address listen;
    bool shared_port;       /* other shards listen there too */
    const char *congestion; /* NULL: the system's */
    const struct library *library;
    struct path_registry *registry;
    struct faults faults; /* of every path, overridden by its query */
    enum auth_scheme auth;
    struct auth_credentials credentials;
    uint64_t session_timeout_ns; /* 0: SERVER_SESSION_TIMEOUT_NS */
    uint64_t report_ns;       /* between RTCP reports; 0: 5 s. For simulations of very long runs */
    uint32_t max_sessions;    /* of the registry's servers together; 0: no limit */
    uint32_t max_connections; /* of this shard */
    unsigned shards;          /* that share the machine; 0 is 1 */
    unsigned shard;           /* zero-based index of this one */
    uint64_t seed;            /* of session ids and faults, and on the sim loop of nonces */
    server_on_session_end on_session_end; /* may be NULL */
    void *context;
};

struct server;

/* Listens. 0, or -errno: what loop_new or binding said, -ENOMEM. */
int server_new(struct server **out, const struct server_config *config);
void server_free(struct server *server);

/* Where it listens, the port that was picked included. */
const struct address *server_address(const struct server *server);

/* When server_turn has something to do by itself. */
uint64_t server_next_deadline(const struct server *server);

/* Handles what arrived and what is due; waits for it until deadline_ns at most. */
void server_turn(struct server *server, uint64_t deadline_ns);

/* Makes a waiting server_turn return; from any thread or signal handler. */
void server_wake(struct server *server);

/* Ends all sessions ("stopped"), so that the truth is whole. */
void server_stop(struct server *server);

/* Totals of the paths so far, sessions that still play left out: up to room of them; how many there
   are. Keys borrow from the registry. */
size_t server_truth(const struct server *server, struct truth_path *paths, size_t room);

/* Sessions now. */
uint32_t server_sessions(const struct server *server);
