#include "server/setup.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "proto/transport.h"
#include "server/publication.h"
#include "server/shard.h"

/* The first alternative that we can serve: to record after ANNOUNCE, else to play. Else 400, 455 or
   461. */
static unsigned choose_transport(const struct exchange *exchange, struct transport *out)
{
    struct slice list = rtsp_header(exchange->request, "Transport", 0);
    enum transport_result result;
    unsigned status = list.data ? 461 : 400;
    bool record = connection_publishes(exchange->connection);
    while (transport_next(&list, out, &result)) {
        if (result == TRANSPORT_INVALID)
            status = 400;
        if (result != TRANSPORT_OK || out->secure || out->lower == TRANSPORT_MULTICAST ||
            (out->lower == TRANSPORT_UDP && !out->has_client_port))
            continue;
        if (out->record == record)
            return 200;
        status = 455;
    }
    return status;
}

static bool channels_taken(const struct session *session, const uint16_t *channels, unsigned except)
{
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++) {
        if (i == except || !session->playout.tracks[i].on)
            continue;
        for (unsigned j = 0; j < 4; j++) {
            if (session->tracks[i].channels[j / 2] == channels[j % 2])
                return true;
        }
    }
    return false;
}

/* Makes the session at its first SETUP. 200, or why not. */
static unsigned create_session(struct exchange *exchange, bool udp)
{
    struct server *server = exchange->server;
    struct session *session = &exchange->connection->session;
    if (!exchange->path)
        exchange->path =
            path_add(&server->paths, &exchange->target, exchange->media, &exchange->faults);
    if (!exchange->path) {
        server_count_refusal(server, REFUSED_MEMORY);
        return 503;
    }
    if (!path_enter(&server->paths, exchange->path, server->config.max_sessions)) {
        server_count_refusal(server, REFUSED_SESSIONS);
        return 453;
    }
    *session = (struct session){
        .state = SESSION_READY,
        .udp = udp,
        .id = rng_next(&server->rng) | 1,
        .path = exchange->path,
        .playout = {.media = exchange->media,
                    .faults = &exchange->path->faults,
                    .seed = rng_next(&server->rng)},
    };
    server->sessions++;
    return 200;
}

static const char *mode(const struct transport *transport)
{
    return transport->record ? ";mode=record" : "";
}

static void set_up_udp(struct exchange *exchange, unsigned track, const struct transport *transport)
{
    struct session_track *entry = &exchange->connection->session.tracks[track];
    peers_remove(exchange->server, exchange->connection, track);
    entry->ports[0] = transport->client_port[0];
    entry->ports[1] = transport->client_port[1];
    if (transport->record)
        peers_add(exchange->server, exchange->connection, track, 0);
    peers_add(exchange->server, exchange->connection, track, 1);
    text_printf(&exchange->reply,
                "Transport: RTP/AVP;unicast;client_port=%u-%u;server_port=%u-%u%s\r\n",
                entry->ports[0], entry->ports[1], exchange->server->rtp_port,
                exchange->server->rtp_port + 1u, mode(transport));
}

static void set_up_tcp(struct exchange *exchange, unsigned track, const struct transport *transport)
{
    const uint16_t *channels = transport->interleaved;
    struct session_track *entry = &exchange->connection->session.tracks[track];
    entry->channels[0] = (uint8_t)channels[0];
    entry->channels[1] = (uint8_t)channels[1];
    text_printf(&exchange->reply, "Transport: RTP/AVP/TCP;unicast;interleaved=%u-%u%s\r\n",
                channels[0], channels[1], mode(transport));
}

/* Which of the media's or of the announced tracks? 200, or why none. */
static unsigned find_track(const struct exchange *exchange, unsigned *track)
{
    const struct publication *publication = publication_of(exchange->server, exchange->connection);
    bool whole = exchange->target.track == TARGET_WHOLE;
    unsigned count =
        publication ? publication->announcement.track_count : exchange->media->track_count;
    *track = whole ? 0 : (unsigned)exchange->target.track;
    if (publication && strcmp(publication->announcement.key, exchange->target.key) != 0)
        return 404;
    if (!publication && exchange->unknown)
        return 404;
    if (whole && count > 1)
        return 459;
    return *track < count ? 200 : 404;
}

/* May this track be set up now, and on what? 200, or the status that says why not. */
static unsigned check_setup(const struct exchange *exchange, unsigned *track,
                            struct transport *transport)
{
    const struct session *session = &exchange->connection->session;
    unsigned status = choose_transport(exchange, transport);
    if (status == 200)
        status = find_track(exchange, track);
    if (status == 200 && !exchange_names_session(exchange))
        status = 454;
    if (status != 200)
        return status;
    if (session->state != SESSION_NONE && session->state != SESSION_READY)
        return 455;
    if (session->state != SESSION_NONE && session->path != exchange->path)
        return 459;
    bool udp = transport->lower == TRANSPORT_UDP;
    if (session->state != SESSION_NONE && session->udp != udp)
        return 461;
    if (!transport->has_interleaved) {
        transport->interleaved[0] = (uint16_t)(2 * *track);
        transport->interleaved[1] = (uint16_t)(2 * *track + 1);
    }
    return !udp && channels_taken(session, transport->interleaved, *track) ? 400 : 200;
}

void setup_handle(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    struct transport transport;
    unsigned track, status = check_setup(exchange, &track, &transport);
    bool udp = status == 200 && transport.lower == TRANSPORT_UDP;
    if (status == 404 && exchange->unknown && !connection_publishes(connection)) {
        exchange_answer_unknown(exchange);
        return;
    }
    if (status == 200 && !connection_has_session(connection))
        status = create_session(exchange, udp);
    exchange_begin(exchange, status);
    if (status == 200) {
        uint64_t timeout_ns = exchange->faults.session_timeout_ns;
        if (timeout_ns == 0)
            timeout_ns = exchange->server->config.session_timeout_ns;
        if (udp)
            set_up_udp(exchange, track, &transport);
        else
            set_up_tcp(exchange, track, &transport);
        connection->session.playout.tracks[track].on = true;
        text_printf(&exchange->reply, "Session: %016" PRIx64 ";timeout=%" PRIu64 "\r\n",
                    connection->session.id, (timeout_ns + NS_PER_S - 1) / NS_PER_S);
    }
    exchange_finish(exchange);
}
