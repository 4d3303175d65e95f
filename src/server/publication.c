#include "server/publication.h"

#include <string.h>

#include "base/clock.h"
#include "proto/rtcp.h"
#include "server/shard.h"

struct publication *publication_of(const struct server *server, const struct connection *connection)
{
    return connection_publishes(connection)
               ? pool_at(&server->publications, connection->publication)
               : NULL;
}

struct publication *publication_take(struct server *server, struct connection *connection)
{
    if (connection->publication == POOL_NONE)
        connection->publication = pool_take(&server->publications);
    struct publication *publication = publication_of(server, connection);
    if (publication)
        memset(publication, 0, sizeof(*publication));
    return publication;
}

void publication_release(struct server *server, struct connection *connection)
{
    if (connection->publication != POOL_NONE)
        pool_give(&server->publications, connection->publication);
    connection->publication = POOL_NONE;
}

void publication_record(struct server *server, struct connection *connection)
{
    struct publication *publication = publication_of(server, connection);
    struct session *session = &connection->session;
    session->path->truth.publishers += !publication->recorded;
    session->state = SESSION_RECORDING;
    session->played_at_ns = server->now_ns;
    publication->recorded = true;
    publication->report_at_ns = server->now_ns + server_report_ns(server);
}

void publication_pause(struct server *server, struct connection *connection)
{
    if (connection->session.state != SESSION_RECORDING)
        return;
    connection->session.state = SESSION_READY;
    publication_service(server, connection);
}

static void on_rtcp(struct server *server, struct tally *tally, struct slice compound)
{
    struct rtcp report;
    while (rtcp_next(&compound, &report) == RTCP_OK) {
        if (report.type == RTCP_SR)
            tally_sender_report(tally, &report, server->arrival_ns);
    }
}

/* A packet of so many bytes, of which head is the beginning. Only the fixed header is judged, so
   that a packet split over reads is no other than one that came whole. */
static void on_packet(struct server *server, struct connection *connection, unsigned track,
                      struct slice head, uint32_t bytes)
{
    struct publication *publication = publication_of(server, connection);
    struct tally *tally = &publication->tallies[track];
    struct rtp packet;
    struct slice header =
        slice_make(head.data, head.len < RTP_HEADER_MIN ? head.len : RTP_HEADER_MIN);
    if (rtp_parse_prefix(header, bytes, &packet) != RTP_OK)
        return;
    tally_packet(tally, &packet, bytes);
    tally_arrival(tally, packet.timestamp,
                  announcement_clock_rate(&publication->announcement, track, packet.payload_type),
                  server->arrival_ns);
}

/* RTCP is known by its types, whichever way it came: some send it on the RTP channel. */
static void on_either(struct server *server, struct connection *connection, unsigned track,
                      unsigned port, struct slice head, uint32_t bytes)
{
    if (port == 1 || rtp_is_rtcp(head))
        on_rtcp(server, &publication_of(server, connection)->tallies[track], head);
    else
        on_packet(server, connection, track, head, bytes);
}

/* Frames on channels that nobody set up are passed over. */
static void on_frame(struct server *server, struct connection *connection, struct slice head,
                     uint32_t bytes)
{
    const struct session *session = &connection->session;
    for (unsigned i = 0; i < 2 * MEDIA_TRACKS_MAX && connection_has_session(connection); i++) {
        if (session->playout.tracks[i / 2].on &&
            session->tracks[i / 2].channels[i % 2] == connection->split.channel) {
            on_either(server, connection, i / 2, i % 2, head, bytes);
            return;
        }
    }
}

void publication_on_piece(struct server *server, struct connection *connection, struct slice piece)
{
    struct publication *publication = publication_of(server, connection);
    bool ends = connection->split.left == 0;
    if (publication->frame_len == 0 && ends) {
        on_frame(server, connection, piece, (uint32_t)piece.len);
        return;
    }
    publication->frame_len += (uint32_t)piece.len;
    piece = slice_take(&piece, sizeof(publication->head) - publication->head_len);
    memcpy(publication->head + publication->head_len, piece.data, piece.len);
    publication->head_len = (uint16_t)(publication->head_len + piece.len);
    if (!ends)
        return;
    on_frame(server, connection, slice_make(publication->head, publication->head_len),
             publication->frame_len);
    publication->frame_len = publication->head_len = 0;
}

void publication_on_datagram(struct server *server, struct connection *connection, unsigned track,
                             unsigned port, struct slice bytes)
{
    if (connection_publishes(connection))
        on_either(server, connection, track, port, bytes, (uint32_t)bytes.len);
}

/* A receiver report with its SDES (RFC 3550, 6.4.2); empty while nothing was received. */
static void send_report(struct server *server, struct connection *connection, unsigned track)
{
    struct session *session = &connection->session;
    struct publication *publication = publication_of(server, connection);
    uint32_t ssrc = (uint32_t)session->id;
    char bytes[REPORT_BYTES];
    struct text text = text_init(bytes, sizeof(bytes));
    struct rtcp_block block;
    text_add(&text, slice_make("$\0\0", 4));
    rtcp_write_rr(&text, ssrc, &block,
                  tally_report(&publication->tallies[track], server->now_ns, &block));
    rtcp_write_sdes(&text, ssrc, SLICE("rtspbench"));
    bytes[1] = (char)session->tracks[track].channels[1];
    bytes[3] = (char)(text.len - 4);
    if (!session->udp) {
        connection_send(server, connection, text_slice(&text));
        return;
    }
    struct address to = connection->peer;
    address_set_port(&to, session->tracks[track].ports[1]);
    loop_send_to(server->loop, server->rtcp, &to, slice_make(bytes + 4, text.len - 4),
                 (uint32_t)text.len - 4);
}

/* Sending may end the connection, and the session with it. */
static void send_reports(struct server *server, struct connection *connection)
{
    struct publication *publication = publication_of(server, connection);
    if (server->now_ns < publication->report_at_ns)
        return;
    publication->report_at_ns = server->now_ns + server_report_ns(server);
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++) {
        if (connection_publishes(connection) && connection->session.playout.tracks[i].on)
            send_report(server, connection, i);
    }
}

/* stall=D/P: whether the connection isn't read at now_ns, and until when that holds. */
static bool is_stalled(const struct connection *connection, uint64_t now_ns, uint64_t *until_ns)
{
    const struct session *session = &connection->session;
    const struct faults *faults = &session->path->faults;
    *until_ns = TIME_NEVER;
    if (session->udp || faults->stall_every_ns == 0 || session->state != SESSION_RECORDING)
        return false;
    uint64_t flowing_ns = faults->stall_every_ns - faults->stall_ns;
    uint64_t in_period_ns = (now_ns - session->played_at_ns) % faults->stall_every_ns;
    bool stalled = in_period_ns >= flowing_ns;
    *until_ns = now_ns - in_period_ns + (stalled ? faults->stall_every_ns : flowing_ns);
    return stalled;
}

/* The time that nothing was read doesn't count as the peer's silence. */
static void stall(struct server *server, struct connection *connection)
{
    uint64_t until_ns;
    struct publication *publication = publication_of(server, connection);
    bool stalled = is_stalled(connection, server->now_ns, &until_ns);
    if (stalled == publication->stalled)
        return;
    publication->stalled = stalled;
    connection->heard_at_ns = server->now_ns;
    loop_pause(server->loop, connection->socket, stalled || connection->resume_at_ns > 0);
}

void publication_service(struct server *server, struct connection *connection)
{
    if (!connection_publishes(connection) || !connection_has_session(connection))
        return;
    stall(server, connection);
    if (connection->session.state == SESSION_RECORDING)
        send_reports(server, connection);
}

uint64_t publication_next(const struct server *server, const struct connection *connection)
{
    uint64_t until_ns;
    if (!connection_publishes(connection) || connection->session.state != SESSION_RECORDING)
        return TIME_NEVER;
    const struct publication *publication = publication_of(server, connection);
    if (is_stalled(connection, server->now_ns, &until_ns) != publication->stalled)
        return server->now_ns; /* bytes came between that moment and the timer */
    uint64_t report_ns = publication->report_at_ns;
    return report_ns < until_ns ? report_ns : until_ns;
}

void publication_account(const struct server *server, const struct connection *connection,
                         struct truth_session *report)
{
    const struct publication *publication = publication_of(server, connection);
    report->publisher = publication->recorded;
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++) {
        if (!connection->session.playout.tracks[i].on)
            continue;
        const struct tally *tally = &publication->tallies[i];
        struct truth_received received = tally_counts(tally);
        report->tracks[report->track_count].track = i;
        report->tracks[report->track_count].ssrc = tally->ssrc;
        report->tracks[report->track_count++].received = received;
        truth_add_received(&report->received, &received);
    }
}
