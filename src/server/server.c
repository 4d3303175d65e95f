#include "server/server.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/sim.h"
#include "server/publication.h"
#include "server/shard.h"

#define LAPSES_MAX 1024u /* timers handled before arrivals get their turn again */
#define PORT_FIRST                                                                                 \
    16384u /* of the RTP pair; even, and below the ports that the system hands out                 \
            */
#define PORT_COUNT 16384u
#define WORDS_MAX 4096u
#define RTP_RCVBUF (4 << 20) /* of all UDP publishers together */
#define BUSY_LOOK_NS (100 * NS_PER_MS)
#define GATHER_NS NS_PER_MS
#define GATHER_MAX_NS (5 * NS_PER_MS)

static void renew_unix_offset(struct server *server)
{
    server->unix_offset_ns =
        server->on_sim ? SIM_UNIX_NS : clock_realtime_ns() - clock_monotonic_ns();
    server->unix_renew_at_ns = server->now_ns + NS_PER_S;
}

/* The connection that an event is about; NULL when the socket isn't its any more. */
static struct connection *find_connection(struct server *server, const struct loop_event *event)
{
    if (event->token >= server->connections.touched)
        return NULL;
    struct connection *connection = pool_at(&server->connections, (uint32_t)event->token);
    return connection->state != CONNECTION_FREE && connection->socket == event->socket ? connection
                                                                                       : NULL;
}

static void on_connection_event(struct server *server, struct connection *connection,
                                const struct loop_event *event)
{
    if (event->type == LOOP_CLOSED)
        connection_released(server, connection);
    else if (connection->state == CONNECTION_CLOSED)
        return;
    else if (event->type == LOOP_BYTES)
        connection_on_bytes(server, connection, event->bytes);
    else if (event->type == LOOP_WRITABLE)
        connection_on_writable(server, connection);
    else if (event->type == LOOP_EOF)
        connection_on_end(server, connection, "closed");
    else if (event->type == LOOP_BROKEN)
        connection_on_end(server, connection, "reset");
}

static void on_datagram(struct server *server, const struct loop_event *event)
{
    unsigned track, port = event->token == TOKEN_RTCP;
    struct connection *connection = peers_find(server, event->from, port, &track);
    struct slice rest = event->bytes;
    if (!connection)
        return;
    connection->heard_at_ns = server->now_ns;
    while (rest.len > 0)
        publication_on_datagram(server, connection, track, port, slice_take(&rest, event->segment));
}

static enum refusal want_of(int error)
{
    return error == -EMFILE || error == -ENFILE ? REFUSED_FILES : REFUSED_MEMORY;
}

static void on_event(void *context, const struct loop_event *event)
{
    struct server *server = context;
    server->now_ns = loop_clock(server->loop);
    server->arrival_ns = event->arrival_ns;
    if (event->type == LOOP_ACCEPTED)
        connection_open(server, event);
    else if (event->type == LOOP_REFUSED)
        server_count_refusal(server, want_of(event->error));
    else if (event->type == LOOP_DATAGRAM)
        on_datagram(server, event);
    else if (event->socket != 0 && event->token < TOKEN_LISTENER) {
        struct connection *connection = find_connection(server, event);
        if (connection)
            on_connection_event(server, connection, event);
    }
}

static int listen_at(struct server *server)
{
    const struct server_config *config = &server->config;
    int64_t socket = loop_listen(server->loop, &config->listen, config->shared_port,
                                 config->congestion, TOKEN_LISTENER);
    if (socket < 0)
        return (int)socket;
    server->listener = (loop_socket)socket;
    return loop_local_address(server->loop, server->listener, &server->address) ? 0 : -EINVAL;
}

static int64_t open_udp(struct server *server, uint16_t port, uint64_t token, int rcvbuf)
{
    struct loop_udp udp = {.at = server->config.listen,
                           .token = token,
                           .rcvbuf = rcvbuf,
                           .gro = true,
                           .receive = true};
    address_set_port(&udp.at, port);
    return loop_open_udp(server->loop, &udp);
}

/* One even port and the next, for RTP and RTCP of all UDP sessions (RFC 3550, 11). */
static int open_rtp_pair(struct server *server)
{
    uint64_t start = rng_below(&server->rng, PORT_COUNT / 2);
    for (unsigned i = 0; i < PORT_COUNT / 2; i++) {
        uint16_t port = (uint16_t)(PORT_FIRST + (start + i) % (PORT_COUNT / 2) * 2);
        int64_t rtp = open_udp(server, port, TOKEN_RTP, RTP_RCVBUF);
        int64_t rtcp = rtp > 0 ? open_udp(server, (uint16_t)(port + 1), TOKEN_RTCP, 0) : rtp;
        if (rtcp > 0) {
            server->rtp = (loop_socket)rtp;
            server->rtcp = (loop_socket)rtcp;
            server->rtp_port = port;
            return 0;
        }
        if (rtp > 0)
            loop_close(server->loop, (loop_socket)rtp, false);
        if (rtcp != -EADDRINUSE)
            return (int)rtcp;
    }
    return -EADDRINUSE;
}

static int init_tables(struct server *server)
{
    uint32_t max = server->config.max_connections;
    int error = pool_init(&server->connections, sizeof(struct connection), max);
    if (!error)
        error = pool_init(&server->words, WORDS_BYTES, max < WORDS_MAX ? 2 * max : 2 * WORDS_MAX);
    if (!error)
        error = pool_init(&server->publications, sizeof(struct publication), max);
    if (!error)
        error = path_table_init(&server->paths, server->config.registry);
    if (!error)
        error = peers_init(&server->peers, max);
    if (!error)
        error = wheel_init(&server->wheel, server->epoch_ns, server->connections.base,
                           sizeof(struct connection), offsetof(struct connection, timer));
    return error;
}

static int init_loop(struct server *server)
{
    struct loop_config config = server->config.loop;
    config.max_sockets = server->config.max_connections + 8;
    int error = loop_new(&server->loop, &config, on_event, server);
    if (error)
        return error;
    server->epoch_ns = server->now_ns = loop_clock(server->loop);
    renew_unix_offset(server);
    error = listen_at(server);
    return error ? error : open_rtp_pair(server);
}

int server_new(struct server **out, const struct server_config *config)
{
    struct server *server = calloc(1, sizeof(*server));
    if (!server)
        return -ENOMEM;
    server->config = *config;
    server->config.shards = config->shards > 0 ? config->shards : 1;
    if (config->session_timeout_ns == 0)
        server->config.session_timeout_ns = SERVER_SESSION_TIMEOUT_NS;
    server->on_sim = config->loop.kind == LOOP_SIM;
    server->rng = rng_init(config->seed, config->shard, 1);
    int error = init_loop(server);
    if (!error)
        error = init_tables(server);
    if (error)
        server_free(server);
    else
        *out = server;
    return error;
}

void server_free(struct server *server)
{
    if (server->loop)
        loop_free(server->loop);
    wheel_dispose(&server->wheel);
    peers_dispose(&server->peers);
    path_table_dispose(&server->paths);
    pool_dispose(&server->publications);
    pool_dispose(&server->words);
    pool_dispose(&server->connections);
    free(server);
}

const struct address *server_address(const struct server *server)
{
    return &server->address;
}

uint64_t server_next_deadline(const struct server *server)
{
    return wheel_next_ns(&server->wheel);
}

/* Busy is over half of this shard's part of a core, waiting for the core included. Then arrivals
   and timers are gathered, by shards that share a core for longer, so that it wakes up as often as
   for one. */
static void look_at_load(struct server *server)
{
    uint64_t wall_ns = server->now_ns - server->busy_wall_ns;
    if (server->on_sim || wall_ns < BUSY_LOOK_NS)
        return;
    cpu_set_t set;
    uint64_t shards = server->config.shards ? server->config.shards : 1;
    uint64_t cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint64_t)CPU_COUNT(&set) : 1;
    uint64_t demand_ns = clock_thread_demand_ns();
    uint64_t sharing = (shards + cores - 1) / cores, gather_ns = GATHER_NS * sharing;
    bool busy = (demand_ns - server->busy_demand_ns) * sharing > wall_ns / 2;
    server->gather_ns = !busy ? 0 : gather_ns < GATHER_MAX_NS ? gather_ns : GATHER_MAX_NS;
    server->busy_wall_ns = server->now_ns;
    server->busy_demand_ns = demand_ns;
}

void server_turn(struct server *server, uint64_t deadline_ns)
{
    look_at_load(server);
    uint64_t next_ns = wheel_next_ns(&server->wheel);
    if (server->gather_ns > 0) {
        uint64_t soonest_ns = loop_clock(server->loop) + server->gather_ns;
        next_ns = next_ns > soonest_ns ? next_ns : soonest_ns;
    }
    loop_turn(server->loop, next_ns < deadline_ns ? next_ns : deadline_ns, server->gather_ns);
    server->now_ns = loop_clock(server->loop);
    if (server->now_ns >= server->unix_renew_at_ns)
        renew_unix_offset(server);
    for (unsigned i = 0; i < LAPSES_MAX; i++) {
        uint32_t index = wheel_expire(&server->wheel, server->now_ns);
        if (index == UINT32_MAX)
            break;
        connection_on_timer(server, pool_at(&server->connections, index));
        server->now_ns = loop_clock(server->loop);
    }
}

void server_wake(struct server *server)
{
    loop_wake(server->loop);
}

void server_stop(struct server *server)
{
    server->now_ns = loop_clock(server->loop);
    for (uint32_t i = 0; i < server->connections.touched; i++) {
        struct connection *connection = pool_at(&server->connections, i);
        if (connection->state != CONNECTION_FREE)
            connection_close(server, connection, "stopped", false);
    }
}

size_t server_truth(const struct server *server, struct truth_path *paths, size_t room)
{
    for (uint32_t i = 0; i < server->paths.paths.in_use && i < room; i++) {
        const struct path *path = pool_at(&server->paths.paths, i);
        paths[i] = path->truth;
    }
    return server->paths.paths.in_use;
}

uint32_t server_sessions(const struct server *server)
{
    return server->sessions;
}
