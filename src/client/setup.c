/* setup.c - SETUP of each track: channels or ports asked for, and what the server made of them. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "client/session_internal.h"
#include "proto/transport.h"

#define PUNCH_BYTES 12u

static bool wants_udp(const struct client *client, const struct session *session)
{
    return client->config->transport != CLIENT_TCP && !(session->flags & FLAG_FORCE_TCP);
}

/* RTP and RTCP sockets of the track about to be set up. 0 or -errno. */
static int open_udp(struct client *client, struct session *session)
{
    unsigned n = session->setup_track;
    uint64_t tokens[2];
    if (!session->udp) {
        uint32_t record = pool_take(&client->udps);
        assert(record != POOL_NONE); /* one for each session */
        session->udp = record + 1;
        struct session_udp *fresh = session_udp_of(client, session);
        memset(fresh, 0, sizeof(*fresh));
        fresh->peer = session_talk(client, session)->peer;
    }
    struct session_udp *udp = session_udp_of(client, session);
    for (unsigned i = 0; i < 2; i++)
        tokens[i] = session_token(client, session, (uint8_t)(1 + 2 * n + i));
    int error = client->io->open_udp_pair(client->host, session->socket, tokens,
                                          udp->track[n].socket, &udp->track[n].client_port);
    if (error == 0)
        session->opens = (uint8_t)(session->opens + 2);
    return error;
}

static bool has_room_for_tracks(struct client *client, struct session *session)
{
    if (session->setup_track < SESSION_TRACKS_INLINE || session->more)
        return true;
    uint32_t record = pool_take(&client->more_tracks);
    if (record == POOL_NONE)
        return false;
    session->more = record + 1;
    return true;
}

static void init_track(struct client *client, struct session *session)
{
    unsigned n = session->setup_track;
    const struct description_track *told = &session_description(client, session)->tracks[n];
    struct track *track = session_track(client, session, n);
    *track = (struct track){
        .channel = {(uint8_t)(2 * n), (uint8_t)(2 * n + 1)},
        .payload_type = 255,
        .kind = told->kind,
        .codec = told->formats[0].codec,
    };
    receiver_set_clock(&track->receiver, told->formats[0].clock_rate,
                       codec_may_reorder((enum codec)track->codec));
    if (told->kind == MEDIA_VIDEO && codec_has_keyframes((enum codec)track->codec))
        session->flags |= FLAG_HAS_KEYFRAMES;
}

void setup_next_track(struct client *client, struct session *session)
{
    if (!has_room_for_tracks(client, session)) {
        session_fail(client, session, REASON_NO_SOCKET, 0, SLICE("no room for more tracks"));
        return;
    }
    init_track(client, session);
    if (!client_publishes(client))
        client_join_panel(client, session);
    if (wants_udp(client, session)) {
        session->flags |= FLAG_UDP;
        int error = open_udp(client, session);
        if (error) {
            session_fail(client, session, session_reason_of(client, session, error), 0,
                         slice_from_string(strerror(-error)));
            return;
        }
    }
    request_setup(client, session);
}

bool setup_adopt_id(struct client *client, struct session *session, struct slice header)
{
    struct slice id;
    uint32_t timeout_s;
    if (!header.data)
        return true; /* a server may do without */
    if (!rtsp_session_parse(header, &id, &timeout_s))
        return false;
    if (slice_find_byte(header, ';') >= 0) /* one that says none leaves it as it was */
        session->keepalive_period_ms = (timeout_s < 60 ? timeout_s : 60) * 500;
    if (session->id_len > 0)
        return true;
    char *to = session->id;
    if (id.len > SESSION_ID_INLINE) {
        uint32_t record = pool_take(&client->long_ids);
        assert(record != POOL_NONE); /* one for each session */
        session->long_id = record + 1;
        session->flags |= FLAG_LONG_ID;
        to = ((struct long_id *)pool_at(&client->long_ids, record))->bytes;
    }
    memcpy(to, id.data, id.len);
    session->id_len = (uint8_t)id.len;
    return true;
}

/* No two tracks may share a channel. */
static bool channels_are_free(struct client *client, struct session *session,
                              const uint16_t channel[2])
{
    for (unsigned i = 0; i < session->setup_track; i++) {
        const struct track *other = session_track(client, session, i);
        for (unsigned j = 0; j < 2; j++) {
            if (other->channel[j] == channel[0] || other->channel[j] == channel[1])
                return false;
        }
    }
    return channel[0] != channel[1] && channel[0] <= 255 && channel[1] <= 255;
}

static enum reason accept_tcp(struct client *client, struct session *session,
                              const struct transport *transport)
{
    struct track *track = session_track(client, session, session->setup_track);
    if (transport->lower != TRANSPORT_TCP)
        return REASON_TRANSPORT_MISMATCH;
    if (transport->has_interleaved) {
        if (!channels_are_free(client, session, transport->interleaved))
            return REASON_TRANSPORT_INVALID;
        track->channel[0] = (uint8_t)transport->interleaved[0];
        track->channel[1] = (uint8_t)transport->interleaved[1];
    }
    return REASON_NONE;
}

/* Media may be said to come from elsewhere, but not from nowhere, and from this very machine only
   where the server is on it; we never send there. */
static bool take_source(struct session_udp *udp, struct slice source)
{
    const struct address *peer = &udp->peer;
    struct address address;
    if (source.len == 0 || !address_parse(source, 0, &address))
        return true; /* none, or a name: the packets will tell */
    bool loopback = address.family == AF_INET && (ntohl(address.v4.sin_addr.s_addr) >> 24) == 127;
    bool peer_loopback = peer->family != AF_INET || (ntohl(peer->v4.sin_addr.s_addr) >> 24) == 127;
    if (!address_is_unicast(&address) || (loopback && !peer_loopback))
        return false;
    udp->source = address;
    return true;
}

/* Opens the way through a NAT or firewall for what the server will send. */
static void punch(struct client *client, struct session *session)
{
    struct session_udp *udp = session_udp_of(client, session);
    unsigned n = session->setup_track;
    static const uint8_t empty_rtp[PUNCH_BYTES] = {0x80};
    static const uint8_t empty_rr[8] = {0x80, 201, 0, 1};
    struct slice words[2] = {slice_make(empty_rtp, sizeof(empty_rtp)),
                             slice_make(empty_rr, sizeof(empty_rr))};
    for (unsigned i = 0; i < 2; i++) {
        struct address to = udp->peer;
        if (udp->track[n].server_port[i] == 0)
            continue;
        address_set_port(&to, udp->track[n].server_port[i]);
        client->io->send_to(client->host, udp->track[n].socket[i], &to, words[i]);
    }
}

static enum reason accept_udp(struct client *client, struct session *session,
                              const struct transport *transport)
{
    struct session_udp *udp = session_udp_of(client, session);
    unsigned n = session->setup_track;
    if (transport->lower != TRANSPORT_UDP)
        return REASON_TRANSPORT_MISMATCH;
    if (!take_source(udp, transport->source))
        return REASON_TRANSPORT_INVALID;
    if (transport->has_server_port) {
        udp->track[n].server_port[0] = transport->server_port[0];
        udp->track[n].server_port[1] = transport->server_port[1];
    }
    if (client_publishes(client))
        return udp->track[n].server_port[0] ? REASON_NONE : REASON_TRANSPORT_INVALID;
    punch(client, session);
    return REASON_NONE;
}

static enum reason accept_transport(struct client *client, struct session *session,
                                    struct slice header)
{
    struct transport transport;
    if (!header.data)
        return REASON_TRANSPORT_MISMATCH;
    switch (transport_parse(header, &transport)) {
    case TRANSPORT_INVALID:
        return REASON_TRANSPORT_INVALID;
    case TRANSPORT_UNSUPPORTED:
        return REASON_TRANSPORT_MISMATCH;
    case TRANSPORT_OK:
        break;
    }
    return session->flags & FLAG_UDP ? accept_udp(client, session, &transport)
                                     : accept_tcp(client, session, &transport);
}

void setup_on_reply(struct client *client, struct session *session,
                    const struct rtsp_message *reply)
{
    struct slice transport = rtsp_header(reply, "Transport", 0);
    session->keepalive_period_ms =
        session->keepalive_period_ms ? session->keepalive_period_ms : 30000;
    if (!setup_adopt_id(client, session, rtsp_header(reply, "Session", 0))) {
        session_fail(client, session, REASON_INJECTION_REJECTED, 0,
                     rtsp_header(reply, "Session", 0));
        return;
    }
    enum reason reason = accept_transport(client, session, transport);
    if (reason != REASON_NONE) {
        session_fail(client, session, reason, 0, transport);
        return;
    }
    session->track_count = (uint8_t)(session->setup_track + 1);
    if (session->track_count < session_description(client, session)->track_count) {
        session->setup_track++;
        setup_next_track(client, session);
        return;
    }
    session->setup_track = 0;
    if (client_publishes(client)) {
        session_enter(client, session, SESSION_RECORD);
        request_record(client, session);
        return;
    }
    session_enter(client, session, SESSION_PLAY);
    request_play(client, session);
}

static void count_drops(struct client *client, struct session_udp *udp, unsigned n, unsigned i)
{
    uint32_t drops = client->io->udp_drops(client->host, udp->track[n].socket[i]);
    client->media->udp_socket_drops += drops - udp->track[n].counted[i];
    udp->track[n].counted[i] = drops;
}

void setup_count_drops(struct client *client, struct session *session)
{
    struct session_udp *udp = session->udp ? session_udp_of(client, session) : NULL;
    for (unsigned n = 0; udp && n < session->track_count; n++)
        count_drops(client, udp, n, 0);
}

void setup_close_udp(struct client *client, struct session *session)
{
    struct session_udp *udp = session->udp ? session_udp_of(client, session) : NULL;
    for (unsigned n = 0; udp && n < DESCRIPTION_TRACKS; n++) {
        for (unsigned i = 0; i < 2; i++) {
            if (!udp->track[n].socket[i])
                continue;
            count_drops(client, udp, n, i);
            client->io->close(client->host, udp->track[n].socket[i], false);
            udp->track[n].socket[i] = 0;
        }
    }
}

static void forget_description(struct client *client, struct session *session)
{
    struct description *description = session_description(client, session);
    if (--description->users == 0) {
        if (client->last_description[session->url] == session->description)
            client->last_description[session->url] = 0;
        pool_give(&client->descriptions, session->description - 1);
    }
    session->description = 0;
}

/* Gives back what SETUP took. */
void setup_forget(struct client *client, struct session *session)
{
    for (unsigned i = 0; i < session->track_count; i++)
        gaps_clear(&session_track(client, session, i)->receiver.gaps, &client->gap_blocks);
    session->track_count = 0;
    if (session->description)
        forget_description(client, session);
    if (session->more)
        pool_give(&client->more_tracks, session->more - 1);
    if (session->udp)
        pool_give(&client->udps, session->udp - 1);
    if (session->flags & FLAG_LONG_ID)
        pool_give(&client->long_ids, session->long_id - 1);
    session->more = 0;
    session->udp = 0;
    session->id_len = 0;
    session->flags &= (uint16_t) ~(FLAG_LONG_ID | FLAG_HAS_KEYFRAMES | FLAG_UDP);
}
