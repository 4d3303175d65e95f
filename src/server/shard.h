/* shard.h - what the parts of one server shard share; nobody else includes it. */
#pragma once

#include "base/clock.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/wheel.h"
#include "server/connection.h"
#include "server/peers.h"
#include "server/server.h"

#define WORDS_BYTES                                                                                \
    16384u             /* the longest request, and the most that waits for a reader of replies */
#define PLAN_STEPS 96u /* packets planned and written at a time */
#define REPLY_BYTES 8192u
#define DATAGRAMS_BYTES 65000u
#define REPORT_BYTES 128u /* of one report with its SDES, framed */
#define REPORT_EVERY_NS (5 * NS_PER_S)

/* Tokens of sockets that aren't connections; those have their index. */
enum { TOKEN_LISTENER = UINT32_MAX - 2, TOKEN_RTP, TOKEN_RTCP };

struct server {
    struct server_config config;
    struct loop *loop;
    struct address address;
    loop_socket listener;
    loop_socket rtp, rtcp; /* one pair for all UDP sessions; rtcp's port is rtp's + 1 */
    uint16_t rtp_port;
    bool on_sim;
    uint64_t now_ns;         /* as of the event or timer in hand */
    uint64_t arrival_ns;     /* of the bytes or the datagram in hand */
    uint64_t epoch_ns;       /* of all streams */
    uint64_t unix_offset_ns; /* to wall-clock time; renewed every second */
    uint64_t unix_renew_at_ns;
    uint64_t busy_wall_ns, busy_demand_ns; /* when and at what demand the load was last looked at */
    uint64_t gather_ns;                    /* when busy, as the client does; else 0 */
    uint64_t serial;
    uint32_t sessions;
    struct rng rng;
    struct wheel wheel;
    struct pool connections;
    struct pool words; /* input and output that had to be kept */
    struct pool publications;
    struct path_table paths;
    struct peers peers;
    struct playout_step steps[PLAN_STEPS];
    char reply[REPLY_BYTES];
    /* Sender reports that go out in front of the session's next packets, in the same write. */
    char reports[MEDIA_TRACKS_MAX * REPORT_BYTES];
    uint32_t reports_len;
    uint8_t datagrams[DATAGRAMS_BYTES];
};

static inline uint32_t connection_index(const struct server *server,
                                        const struct connection *connection)
{
    return (uint32_t)(connection - (const struct connection *)server->connections.base);
}

/* Between reports. */
static inline uint64_t server_report_ns(const struct server *server)
{
    return server->config.report_ns > 0 ? server->config.report_ns : REPORT_EVERY_NS;
}

static inline void server_count_refusal(struct server *server, enum refusal refusal)
{
    path_registry_refuse(server->config.registry, refusal);
}

static inline uint64_t server_unix_now(const struct server *server)
{
    return server->now_ns + server->unix_offset_ns;
}
