/* shard_io.c - between sessions and the loop: what sessions ask for, and what happened to their
 * sockets. */
#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/rng.h"
#include "load/shard.h"
#include "net/route.h"

#define PORT_TRIES 512u
#define PUBLISH_UNSENT_MAX                                                                         \
    131072 /* bytes: what is late shows, and a slow reader's progress, too                         \
            */
#define BAD_LIFE_NS (20 * NS_PER_S)

static uint64_t io_clock(void *host)
{
    const struct shard *shard = host;
    return loop_clock(shard->loop);
}

static int64_t io_connect(void *host, const struct address *to, uint64_t token, uint32_t reader)
{
    struct shard *shard = host;
    const struct plan *plan = shard->setup.plan;
    struct loop_tcp tcp = {
        .to = *to, .token = token, .freebind = plan->freebind, .congestion = plan->congestion};
    if (plan->bind_count > 0)
        tcp.from = plan->bind[plan_bind_of(plan, reader)];
    if (plan->publish)
        tcp.unsent_max = PUBLISH_UNSENT_MAX;
    if (plan->transport == PLAN_TCP)
        tcp.rcvbuf = (int)plan->rcvbuf;
    return loop_connect(shard->loop, &tcp);
}

static int64_t io_send(void *host, uint32_t socket, struct slice bytes)
{
    struct shard *shard = host;
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes.data, .iov_len = bytes.len};
    return loop_send(shard->loop, socket, &part, 1);
}

static void io_want_writable(void *host, uint32_t socket)
{
    struct shard *shard = host;
    loop_want_writable(shard->loop, socket);
}

static void io_close(void *host, uint32_t socket, bool reset)
{
    struct shard *shard = host;
    loop_close(shard->loop, socket, reset);
}

/* The next pair of the planned range; shards take every n-th, so that they never meet. */
static uint16_t next_port(struct shard *shard)
{
    const struct plan *plan = shard->setup.plan;
    const struct shard_setup *setup = &shard->setup;
    uint32_t lane = setup->lanes > 0 ? setup->lane : setup->index;
    uint32_t lanes = setup->lanes > 0 ? setup->lanes : plan->shards;
    uint32_t pairs = (plan->rtp_port_high - plan->rtp_port_low + 1u) / 2;
    uint32_t pair = (lane + shard->rtp_pair++ * lanes) % pairs;
    return (uint16_t)(plan->rtp_port_low + 2 * pair);
}

static int open_pair_at(struct shard *shard, const struct loop_udp udp[2], uint32_t sockets[2])
{
    int64_t rtp = loop_open_udp(shard->loop, &udp[0]);
    if (rtp < 0)
        return (int)rtp;
    int64_t rtcp = loop_open_udp(shard->loop, &udp[1]);
    if (rtcp < 0) {
        loop_close(shard->loop, (uint32_t)rtp, false);
        return (int)rtcp;
    }
    sockets[0] = (uint32_t)rtp;
    sockets[1] = (uint32_t)rtcp;
    return 0;
}

static int io_open_udp_pair(void *host, uint32_t control, const uint64_t tokens[2],
                            uint32_t sockets[2], uint16_t *rtp_port)
{
    struct shard *shard = host;
    const struct plan *plan = shard->setup.plan;
    struct loop_udp udp[2] = {
        {.rcvbuf = (int)plan->rcvbuf,
         .gro = plan->gro,
         .receive = true,
         .freebind = plan->freebind},
        {.receive = true, .freebind = plan->freebind},
    };
    int error = -EADDRINUSE;
    if (!loop_local_address(shard->loop, control, &udp[0].at))
        return -ENOTCONN;
    udp[1].at = udp[0].at;
    for (unsigned i = 0; i < PORT_TRIES && error == -EADDRINUSE; i++) {
        *rtp_port = next_port(shard);
        address_set_port(&udp[0].at, *rtp_port);
        address_set_port(&udp[1].at, (uint16_t)(*rtp_port + 1));
        /* a half-opened pair's first socket reports its end under a token that no session has */
        udp[0].token = udp[1].token = UINT64_MAX;
        error = open_pair_at(shard, udp, sockets);
    }
    if (error)
        return error;
    loop_set_token(shard->loop, sockets[0], tokens[0]);
    loop_set_token(shard->loop, sockets[1], tokens[1]);
    return 0;
}

static bool io_has_way(void *host, const struct address *to)
{
    struct shard *shard = host;
    return shard->setup.loop == LOOP_SIM || route_exists(to);
}

static int io_send_to(void *host, uint32_t socket, const struct address *to, struct slice bytes)
{
    struct shard *shard = host;
    return loop_send_to(shard->loop, socket, to, bytes, (uint32_t)bytes.len);
}

static uint32_t io_udp_drops(void *host, uint32_t socket)
{
    struct shard *shard = host;
    return loop_udp_drops(shard->loop, socket);
}

static uint32_t io_unacked(void *host, uint32_t socket)
{
    struct shard *shard = host;
    return loop_unacked(shard->loop, socket);
}

static uint32_t io_rcvbuf(void *host, uint32_t socket)
{
    struct shard *shard = host;
    return loop_rcvbuf(shard->loop, socket);
}

static void io_quickack_off(void *host, uint32_t socket)
{
    struct shard *shard = host;
    loop_quickack_off(shard->loop, socket);
}

static uint16_t io_local_port(void *host, uint32_t socket)
{
    struct shard *shard = host;
    struct address local;
    return loop_local_address(shard->loop, socket, &local) ? address_port(&local) : 0;
}

static int io_resolve(void *host, struct slice name, uint16_t port, uint64_t token)
{
    struct shard *shard = host;
    return loop_resolve(shard->loop, name, port, token);
}

static void write_ms(struct text *to, const char *key, uint64_t from_ns, uint64_t at_ns)
{
    if (at_ns == 0)
        text_printf(to, ",\"%s\":null", key);
    else
        text_printf(to, ",\"%s\":%.3f", key, ((double)at_ns - (double)from_ns) / 1e9);
}

static void write_group(struct text *to, const char *group)
{
    if (!group)
        return;
    text_add_string(to, "\"group\":");
    text_add_json(to, slice_from_string(group));
    text_add_string(to, ",");
}

/* What the result counts of it: nothing while the warm-up lasts. */
static void write_media(struct text *to, const struct client *client, const struct session *session)
{
    text_printf(to, ",\"packets\":%" PRIu32 ",\"bytes\":%" PRIu64,
                client->warming ? 0 : session->packets, client->warming ? 0 : session->bytes);
}

#define URL_ROOM 6000u

/* One line; times in seconds since the run's start. */
static void io_ended(void *host, const struct session *session, enum session_outcome outcome)
{
    struct shard *shard = host;
    const struct client *client = &shard->client;
    char room[6 * URL_ROOM + 8192], url_room[URL_ROOM]; /* a byte becomes six at most */
    struct text line = text_init(room, sizeof(room) - 1);
    struct text url = text_init(url_room, sizeof(url_room));
    bool failed = session->last_reason != REASON_NONE;
    if (shard->setup.on_ended)
        shard->setup.on_ended(shard->setup.context, session, outcome);
    if (!shard->setup.sessions_log)
        return;
    uint64_t run_start_ns = shard->start_ns - shard->setup.plan->begins_ns;
    text_add_string(&line, "{");
    write_group(&line, shard->setup.plan->group);
    text_printf(&line, "\"reader\":%" PRIu32 ",\"url\":", session->reader);
    session_show_url(client, session, &url);
    text_add_json(&line, text_slice(&url));
    text_printf(&line, ",\"source_port\":%u,\"session\":", session->local_port);
    text_add_json(&line, session_id(client, session));
    write_ms(&line, "due_s", run_start_ns, session->due_ns);
    write_ms(&line, "play_s", run_start_ns, session->play_sent_ns);
    write_ms(&line, "first_rtp_s", run_start_ns, session->first_rtp_ns);
    write_ms(&line, "ended_s", run_start_ns, client->now_ns);
    text_printf(&line, ",\"tries\":%u", session->tries + 1u);
    write_media(&line, client, session);
    text_printf(&line, ",\"outcome\":\"%s\",\"phase\":%s%s%s,\"reason\":%s%s%s}\n",
                session_outcome_name(outcome), failed ? "\"" : "",
                failed ? phase_name((enum phase)session->last_phase) : "null", failed ? "\"" : "",
                failed ? "\"" : "",
                failed ? reason_name((enum reason)session->last_reason) : "null",
                failed ? "\"" : "");
    fwrite(line.data, 1, line.len, shard->setup.sessions_log);
}

static void io_on_message(void *host, const struct session *session,
                          enum client_direction direction, struct slice message)
{
    struct shard *shard = host;
    if (shard->setup.on_message)
        shard->setup.on_message(shard->setup.context, session, direction, message);
}

static void io_on_ignored(void *host, const struct session *session,
                          const struct client_ignored *what)
{
    const struct shard *shard = host;
    if (shard->setup.on_ignored)
        shard->setup.on_ignored(shard->setup.context, session, what);
}

static void io_on_packet(void *host, const struct session *session, unsigned track,
                         const struct panel_packet *packet, const struct receiver_arrival *arrival)
{
    struct shard *shard = host;
    if (shard->setup.on_packet)
        shard->setup.on_packet(shard->setup.context, session, track, packet, arrival);
}

#define CHOICE_LIFE UINT64_C(0x6c696665)
#define CHOICE_URL UINT64_C(0x75726c)

static void io_pause(void *host, uint32_t socket, bool paused)
{
    struct shard *shard = host;
    loop_pause(shard->loop, socket, paused);
}

static void io_shutdown(void *host, uint32_t socket)
{
    struct shard *shard = host;
    loop_shutdown(shard->loop, socket);
}

static uint64_t io_life_ns(void *host, uint32_t reader, uint32_t incarnation)
{
    const struct shard *shard = host;
    const struct plan *plan = shard->setup.plan;
    struct rng rng = rng_init(plan->seed, (uint64_t)incarnation << 32 | reader, CHOICE_LIFE);
    uint64_t life_ns = distribution_draw(&plan->life, &rng);
    uint64_t zap_ns = distribution_draw(&plan->zap, &rng);
    return life_ns < zap_ns ? life_ns : zap_ns;
}

/* A viewer who zaps goes to another stream: dealt on, or drawn by popularity. */
static uint32_t io_url_of(void *host, uint32_t reader, uint32_t incarnation)
{
    const struct shard *shard = host;
    const struct plan *plan = shard->setup.plan;
    struct rng rng = rng_init(plan->seed, (uint64_t)incarnation << 32 | reader, CHOICE_URL);
    if (plan->zipf > 0)
        return shard->setup.first_url + url_list_draw(&plan->urls, rng_double(&rng));
    bool zaps = plan->zap.kind != DISTRIBUTION_NONE;
    return shard->setup.first_url + url_list_of(&plan->urls, reader + (zaps ? incarnation : 0));
}

const struct client_io shard_io = {
    .clock = io_clock,
    .connect = io_connect,
    .send = io_send,
    .want_writable = io_want_writable,
    .close = io_close,
    .pause = io_pause,
    .shutdown = io_shutdown,
    .open_udp_pair = io_open_udp_pair,
    .has_way = io_has_way,
    .send_to = io_send_to,
    .udp_drops = io_udp_drops,
    .unacked = io_unacked,
    .rcvbuf = io_rcvbuf,
    .quickack_off = io_quickack_off,
    .local_port = io_local_port,
    .resolve = io_resolve,
    .life_ns = io_life_ns,
    .url_of = io_url_of,
    .ended = io_ended,
    .on_message = io_on_message,
    .on_packet = io_on_packet,
    .on_ignored = io_on_ignored,
};

/* A bad client's life has a length even where the good ones' has none: it leaves and comes again.
 */
static uint64_t io_bad_life_ns(void *host, uint32_t reader, uint32_t incarnation)
{
    uint64_t life_ns = io_life_ns(host, reader, incarnation);
    return life_ns == TIME_NEVER ? BAD_LIFE_NS : life_ns;
}

const struct client_io shard_bad_io = {
    .clock = io_clock,
    .connect = io_connect,
    .send = io_send,
    .want_writable = io_want_writable,
    .close = io_close,
    .pause = io_pause,
    .shutdown = io_shutdown,
    .open_udp_pair = io_open_udp_pair,
    .has_way = io_has_way,
    .send_to = io_send_to,
    .udp_drops = io_udp_drops,
    .unacked = io_unacked,
    .rcvbuf = io_rcvbuf,
    .quickack_off = io_quickack_off,
    .local_port = io_local_port,
    .resolve = io_resolve,
    .life_ns = io_bad_life_ns,
    .url_of = io_url_of,
};

void shard_on_event(void *context, const struct loop_event *event)
{
    static const enum session_event_type types[] = {
        [LOOP_CONNECTED] = EVENT_CONNECTED,
        [LOOP_BYTES] = EVENT_BYTES,
        [LOOP_DATAGRAM] = EVENT_DATAGRAM,
        [LOOP_WRITABLE] = EVENT_WRITABLE,
        [LOOP_EOF] = EVENT_EOF,
        [LOOP_BROKEN] = EVENT_BROKEN,
        [LOOP_CLOSED] = EVENT_CLOSED,
        [LOOP_RESOLVED] = EVENT_RESOLVED,
    };
    struct shard *shard = context;
    shard_tell_time(shard);
    if (event->type == LOOP_WOKEN || event->type == LOOP_ACCEPTED)
        return;
    const struct session_event told = {
        .type = types[event->type],
        .error = event->error,
        .segment = event->segment,
        .unread = event->unread,
        .drops = event->drops,
        .bytes = event->bytes,
        .arrival_ns = event->arrival_ns,
        .from = event->from,
        .addresses = event->addresses,
        .address_count = event->address_count,
    };
    client_event(event->token & SHARD_BAD_TOKEN ? &shard->bad : &shard->client, event->token,
                 &told);
}
