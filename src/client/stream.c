/* stream.c - the bytes of a control connection and the datagrams of the tracks, taken apart. */
#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "client/session_internal.h"

/* An RTP header and the payload's first bytes, which tell the codec's unit. */
#define CARRY_SIZE 16u
#define CARRY_DONE 0xffu    /* the current frame was counted: the rest of it is skipped */
#define CARRY_RTCP 0xfeu    /* it is RTCP after all, and gathered */
#define RESYNC_MAX 1048576u /* bytes of garbage a try may hold */
#define REPORT_NS (5 * NS_PER_S)
#define BACKLOG_LOOK 32768u /* unread bytes from which on the receive buffer's size matters */
#define BACKLOG_MS 16u      /* a session's buffer is looked at once in so many */
#define QUICKACK_MS 200u    /* the mode lasts until a delayed ACK has fired */

/* Still the same connection? Handlers may end or free the session. */
static bool goes_on(const struct session *session, uint32_t generation)
{
    return session->generation == generation && session->state >= SESSION_CONNECTING &&
           session->state < SESSION_CLOSING;
}

static int find_channel(const struct client *client, struct session *session, uint8_t channel,
                        unsigned *is_rtcp)
{
    unsigned count = session->track_count;
    if (session->flags & FLAG_UDP)
        return -1;
    if (session->state == SESSION_SETUP)
        count = session->setup_track + 1u; /* some servers send before they answer */
    for (unsigned i = 0; i < count; i++) {
        const struct track *track = session_track(client, session, i);
        for (unsigned j = 0; j < 2; j++) {
            if (track->channel[j] == channel) {
                *is_rtcp = j;
                return (int)i;
            }
        }
    }
    return -1;
}

static void give_back_if_quiet(struct client *client, struct session *session)
{
    const struct conversation *talk = session_talk(client, session);
    if (talk && session->state == SESSION_PLAYING && talk->tx_len == 0 && talk->rx_len == 0)
        conversation_give(&client->conversations, &session->conversation);
}

/* RTCP is read whole: what comes in several reads is gathered, where there is room. */
static void gather_rtcp(struct client *client, struct session *session, struct slice bytes)
{
    struct conversation *talk = session_talk(client, session);
    if (!talk)
        talk = conversation_take(&client->conversations, &session->conversation);
    if (!talk)
        return;
    talk->rx_is_rtcp = true;
    conversation_gather(&client->conversations, talk, bytes);
}

static void on_gathered_rtcp(struct client *client, struct session *session, unsigned track,
                             const struct media_piece *piece)
{
    struct conversation *talk = session_talk(client, session);
    uint32_t generation = session->generation;
    struct media_piece whole = *piece;
    if (!talk)
        return;
    whole.bytes = conversation_gathered(&client->conversations, talk);
    if (whole.bytes.len == whole.total_len)
        media_on_rtcp(client, session, track, &whole);
    if (!goes_on(session, generation))
        return;
    conversation_clear(&client->conversations, talk);
    give_back_if_quiet(client, session);
}

static void on_rtcp_piece(struct client *client, struct session *session, unsigned track,
                          const struct media_piece *piece)
{
    bool last = session->split.left == 0;
    if (last && piece->bytes.len == piece->total_len) {
        media_on_rtcp(client, session, track, piece);
        return;
    }
    gather_rtcp(client, session, piece->bytes);
    if (last)
        on_gathered_rtcp(client, session, track, piece);
}

/* RTP of which only the header and the payload's first bytes are looked at. Some servers send RTCP
   on the same channel. */
static void on_rtp_piece(struct client *client, struct session *session, unsigned track,
                         struct media_piece *piece)
{
    bool last = session->split.left == 0;
    struct slice bytes = piece->bytes;
    if (session->carry_len == CARRY_DONE)
        return;
    if (session->carry_len == CARRY_RTCP) {
        on_rtcp_piece(client, session, track, piece);
        return;
    }
    if (session->carry_len > 0 || (bytes.len < CARRY_SIZE && !last)) {
        struct slice some = slice_take(&bytes, CARRY_SIZE - session->carry_len);
        memcpy(session->carry + session->carry_len, some.data, some.len);
        session->carry_len = (uint8_t)(session->carry_len + some.len);
        if (session->carry_len < CARRY_SIZE && !last)
            return;
        piece->bytes = slice_make(session->carry, session->carry_len);
    }
    if (piece->bytes.len == piece->total_len || !rtp_is_rtcp(piece->bytes)) {
        session->carry_len = CARRY_DONE;
        media_on_rtp(client, session, track, piece);
        return;
    }
    session->carry_len = CARRY_RTCP;
    if (piece->bytes.data == session->carry) {
        gather_rtcp(client, session, piece->bytes);
        piece->bytes = bytes;
    }
    on_rtcp_piece(client, session, track, piece);
}

static void on_payload(struct client *client, struct session *session, struct slice bytes,
                       uint64_t arrival_ns)
{
    unsigned is_rtcp = 0;
    bool first = session->frame_len == 0;
    if (first)
        session->frame_len = (uint16_t)(bytes.len + session->split.left);
    struct media_piece piece = {
        .bytes = bytes, .total_len = session->frame_len, .arrival_ns = arrival_ns};
    int track = find_channel(client, session, session->split.channel, &is_rtcp);
    bool last = session->split.left == 0;
    if (track < 0)
        client->stats->oddities.unknown_channel += first;
    else if (is_rtcp)
        on_rtcp_piece(client, session, (unsigned)track, &piece);
    else
        on_rtp_piece(client, session, (unsigned)track, &piece);
    if (last) {
        session->frame_len = 0;
        session->carry_len = 0;
    }
}

static enum reason reason_of_bad(enum rtsp_bad bad)
{
    switch (bad) {
    case RTSP_BAD_STATUS:
        return REASON_BAD_STATUS;
    case RTSP_BAD_MALFORMED:
        return REASON_MALFORMED;
    case RTSP_BAD_HEADER_TOO_LARGE:
        return REASON_HEADER_TOO_LARGE;
    case RTSP_BAD_HEADER_TOO_MANY:
        return REASON_HEADER_TOO_MANY;
    case RTSP_BAD_LENGTH:
        return REASON_BAD_LENGTH;
    case RTSP_BAD_BODY_TOO_LARGE:
        return REASON_BODY_TOO_LARGE;
    case RTSP_BAD_NONE:
    case RTSP_BAD_PROTOCOL:
        break;
    }
    return REASON_BAD_PROTOCOL;
}

static struct interleaved_hint hint_of(const struct client *client, struct session *session)
{
    struct interleaved_hint hint = {0};
    const struct description *told = session_description(client, session);
    for (unsigned i = 0; i < session->track_count; i++) {
        const struct track *track = session_track(client, session, i);
        for (unsigned j = 0; j < 2; j++)
            hint.channels[track->channel[j] / 64] |= UINT64_C(1) << (track->channel[j] % 64);
        for (unsigned j = 0; j < told->tracks[i].format_count; j++) {
            uint8_t type = told->tracks[i].formats[j].payload_type & 127;
            hint.payload_types[type / 64] |= UINT64_C(1) << (type % 64);
        }
    }
    return hint;
}

/* May garbage be skipped here? Media may be damaged; an SDP longer than its Content-Length said
   leaves its end in front of the reply to the first SETUP; and a refusal may have a body of unknown
   length. */
static bool may_resync(struct client *client, const struct session *session, enum rtsp_bad bad)
{
    const struct conversation *talk = session_talk(client, session);
    if (bad == RTSP_BAD_PROTOCOL && talk && talk->open_ended)
        return true;
    if (session->state == SESSION_SETUP)
        return session->setup_track == 0 && bad == RTSP_BAD_PROTOCOL;
    return session->track_count > 0 && session->state >= SESSION_PLAY;
}

/* Neither a frame nor a message: input, behind so many bytes that were gathered before. Where that
   is survivable the way back is looked for, within bounds. */
static void on_garbage(struct client *client, struct session *session, struct slice *input,
                       size_t before, enum rtsp_bad bad)
{
    struct conversation *talk = session_talk(client, session);
    if (!may_resync(client, session, bad)) {
        session_fail(client, session, reason_of_bad(bad), 0,
                     before > 0 ? conversation_gathered(&client->conversations, talk) : *input);
        return;
    }
    if (session->skipped_bytes == 0)
        client->stats->oddities.resyncs++;
    if (before > 0)
        conversation_clear(&client->conversations, talk);
    else
        slice_take(input, ++before);
    struct interleaved_hint hint = hint_of(client, session);
    size_t skip = interleaved_resync(&hint, *input);
    slice_take(input, skip);
    session->skipped_bytes += (uint32_t)(before + skip);
    if (session->skipped_bytes > RESYNC_MAX)
        session_fail(client, session, REASON_FRAMING_LOST, 0, (struct slice){NULL, 0});
    else
        give_back_if_quiet(client, session);
}

/* The caps of messages are lower than a giant's room: it is we who have too few of them. */
static void fail_without_room(struct client *client, struct session *session)
{
    session_fail(client, session, REASON_NO_SOCKET, 0, SLICE("no room for a split message"));
}

/* The start of a message: read in place when it is all there. */
static void on_text(struct client *client, struct session *session, struct slice *input,
                    uint64_t arrival_ns)
{
    struct rtsp_message message;
    struct conversation *talk;
    switch (rtsp_parse(*input, &message)) {
    case RTSP_DONE:
        slice_take(input, message.length);
        if (client->io->on_message)
            client->io->on_message(client->host, session, CLIENT_RECEIVED,
                                   slice_make(input->data - message.length, message.length));
        session_on_message(client, session, &message, arrival_ns);
        break;
    case RTSP_NEED_MORE:
        talk = session_talk(client, session);
        if (!talk)
            talk = conversation_take(&client->conversations, &session->conversation);
        if (!talk || conversation_gather(&client->conversations, talk, *input) < input->len)
            fail_without_room(client, session);
        slice_take(input, input->len);
        break;
    case RTSP_BAD:
        on_garbage(client, session, input, 0, message.bad);
        break;
    }
}

static void on_gathered_message(struct client *client, struct session *session,
                                const struct rtsp_message *message, uint64_t arrival_ns)
{
    struct conversation *talk = session_talk(client, session);
    uint32_t generation = session->generation;
    struct slice whole = conversation_gathered(&client->conversations, talk);
    if (client->io->on_message)
        client->io->on_message(client->host, session, CLIENT_RECEIVED,
                               slice_take(&whole, message->length));
    talk->rx_len = 0; /* the bytes stay where they are until the message was dealt with */
    session_on_message(client, session, message, arrival_ns);
    if (!goes_on(session, generation) || !session->conversation)
        return;
    conversation_clear(&client->conversations, session_talk(client, session));
    give_back_if_quiet(client, session);
}

/* More of a message whose start was kept. */
static void on_more_text(struct client *client, struct session *session, struct slice *input,
                         uint64_t arrival_ns)
{
    struct conversation *talk = session_talk(client, session);
    struct rtsp_message message;
    size_t before = talk->rx_len;
    size_t taken = conversation_gather(&client->conversations, talk, *input);
    switch (rtsp_parse(conversation_gathered(&client->conversations, talk), &message)) {
    case RTSP_DONE:
        assert(message.length > before);
        slice_take(input, message.length - before);
        on_gathered_message(client, session, &message, arrival_ns);
        break;
    case RTSP_NEED_MORE:
        slice_take(input, taken);
        if (taken == 0)
            fail_without_room(client, session);
        break;
    case RTSP_BAD:
        on_garbage(client, session, input, before, message.bad);
        break;
    }
}

/* Is this the session's first read of media in a span of so many ms? */
static bool is_first_in(const struct client *client, const struct session *session,
                        uint32_t span_ms)
{
    return client->now_ms / span_ms != session->last_rtp_ms / span_ms;
}

/* Remembers when our own reading was far behind: a gap soon after is our fault, not the server's.
 */
static void note_backlog(struct client *client, struct session *session, uint32_t unread)
{
    if (unread < BACKLOG_LOOK || !is_first_in(client, session, BACKLOG_MS) ||
        unread < client->io->rcvbuf(client->host, session->socket) / 2)
        return;
    session->backlog_ms = client->now_ms;
    session->flags |= FLAG_BACKLOG;
}

static void renew_quickack_off(struct client *client, const struct session *session)
{
    if (client->config->quickack_off && session->state == SESSION_PLAYING &&
        is_first_in(client, session, QUICKACK_MS))
        client->io->quickack_off(client->host, session->socket);
}

void stream_on_bytes(struct client *client, struct session *session,
                     const struct session_event *event)
{
    struct slice input = event->bytes;
    struct slice piece;
    uint32_t generation = session->generation;
    note_backlog(client, session, event->unread);
    renew_quickack_off(client, session);
    while (input.len > 0 && goes_on(session, generation)) {
        const struct conversation *talk = session_talk(client, session);
        if (talk && talk->rx_len > 0 && !talk->rx_is_rtcp) {
            on_more_text(client, session, &input, event->arrival_ns);
            continue;
        }
        switch (interleaved_next(&session->split, &input, &piece)) {
        case INTERLEAVED_NEED_MORE:
            return;
        case INTERLEAVED_PAYLOAD:
            on_payload(client, session, piece, event->arrival_ns);
            break;
        case INTERLEAVED_TEXT:
            on_text(client, session, &input, event->arrival_ns);
            break;
        }
    }
}

/* From the server, or from where SETUP's reply says that media come from (RFC 2326, 12.39). */
static bool is_ours(const struct session_udp *udp, const struct address *from)
{
    return address_same_host(from, &udp->peer) ||
           (udp->source.family != 0 && address_same_host(from, &udp->source));
}

/* What the kernel gathered into one read is as many packets as it has segments. */
static void ignore(struct client *client, const struct session *session,
                   const struct session_event *event)
{
    const struct session_udp *udp = session_udp_of(client, session);
    uint32_t packets = 1;
    if (event->segment > 0 && event->bytes.len > event->segment)
        packets = (uint32_t)((event->bytes.len + event->segment - 1) / event->segment);
    const struct client_ignored ignored = {
        .from = event->from,
        .expected = udp->source.family != 0 ? &udp->source : &udp->peer,
        .packets = packets,
    };
    client->stats->oddities.foreign += packets;
    if (client->io->on_ignored)
        client->io->on_ignored(client->host, session, &ignored);
}

void stream_on_datagram(struct client *client, struct session *session,
                        const struct session_event *event)
{
    const struct session_udp *udp = session->udp ? session_udp_of(client, session) : NULL;
    unsigned track = (event->channel - 1u) / 2;
    bool is_rtcp = (event->channel - 1u) % 2;
    uint32_t generation = session->generation;
    struct slice left = event->bytes;
    bool in_setup = session->state == SESSION_SETUP && track == session->setup_track;
    if (!udp || (track >= session->track_count && !in_setup))
        return;
    if (!is_ours(udp, event->from)) {
        ignore(client, session, event);
        return;
    }
    while (left.len > 0 && goes_on(session, generation)) {
        struct media_piece piece = {
            .bytes = slice_take(&left, event->segment),
            .arrival_ns = event->arrival_ns,
            .drops = event->drops,
        };
        piece.total_len = piece.bytes.len;
        if (is_rtcp)
            media_on_rtcp(client, session, track, &piece);
        else
            media_on_rtp(client, session, track, &piece);
    }
}

static void write_report(struct client *client, struct session *session, unsigned n,
                         struct text *to)
{
    if (session->publisher) {
        publisher_write_report(client, session, n, to);
        client->stats->rtcp.sr_sent++;
        return;
    }
    struct track *track = session_track(client, session, n);
    struct rng rng = rng_init(client->config->seed, session->reader, 2000u + n);
    uint32_t ssrc = (uint32_t)rng_next(&rng);
    struct rtcp_block block = receiver_report(&track->receiver, client->now_ms);
    rtcp_write_rr(to, ssrc, &block, track->receiver.started ? 1 : 0);
    rtcp_write_sdes(to, ssrc, SLICE("rtspbench"));
    client->stats->rtcp.rr_sent++;
}

static void send_reports_udp(struct client *client, struct session *session)
{
    struct session_udp *udp = session_udp_of(client, session);
    for (unsigned n = 0; n < session->track_count; n++) {
        struct text report = text_init(client->scratch_text, CLIENT_SCRATCH);
        struct address to = udp->peer;
        if (udp->track[n].server_port[1] == 0)
            continue;
        write_report(client, session, n, &report);
        address_set_port(&to, udp->track[n].server_port[1]);
        client->io->send_to(client->host, udp->track[n].socket[1], &to, text_slice(&report));
    }
}

static void send_reports_tcp(struct client *client, struct session *session)
{
    struct text frames = text_init(client->scratch_text, CLIENT_SCRATCH);
    if (!session_can_send(client, session))
        return;
    for (unsigned n = 0; n < session->track_count; n++) {
        size_t at = frames.len;
        text_add(&frames, SLICE("$\0\0\0"));
        write_report(client, session, n, &frames);
        size_t len = frames.len - at - 4;
        frames.data[at + 1] = (char)session_track(client, session, n)->channel[1];
        frames.data[at + 2] = (char)(len >> 8);
        frames.data[at + 3] = (char)len;
    }
    session_send(client, session, text_slice(&frames));
}

void stream_send_reports(struct client *client, struct session *session)
{
    struct rng rng = rng_init(client->config->seed, session->reader, session->report_ms);
    uint64_t mean_ns = client->config->report_ns > 0 ? client->config->report_ns : REPORT_NS;
    uint64_t span_ns = mean_ns * 9 / 10 + rng_below(&rng, mean_ns / 5);
    session->report_ms = session_ms(client, span_ns);
    session->server_requests = 0; /* so many between two reports are abuse */
    if (session->udp) {
        setup_count_drops(client, session);
        send_reports_udp(client, session);
    } else {
        send_reports_tcp(client, session);
    }
}
