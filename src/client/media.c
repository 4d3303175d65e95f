/* media.c - RTP and RTCP packets: counted, judged, and shown to the panel. */
#include <assert.h>
#include <string.h>

#include "client/session_internal.h"

/* Whose a loss is that this packet reveals. */
static enum loss_cause cause_of(struct client *client, struct session *session, unsigned n,
                                uint32_t drops)
{
    if (session->udp) {
        struct session_udp *udp = session_udp_of(client, session);
        bool moved = udp->track[n].drops_seen != drops;
        udp->track[n].drops_seen = drops;
        return moved ? LOSS_LOCAL_SOCKET : LOSS_NETWORK;
    }
    bool backlog =
        (session->flags & FLAG_BACKLOG) && client->now_ms - session->backlog_ms < CLIENT_BLAME_MS;
    return backlog || client_was_late(client) ? LOSS_SELF : LOSS_SERVER;
}

/* The track's format follows the packet's payload type; false when the SDP doesn't name it. */
static bool follow_type(struct client *client, struct session *session, unsigned n, uint8_t type)
{
    struct track *track = session_track(client, session, n);
    const struct description *told = session_description(client, session);
    const struct description_format *format = description_find(&told->tracks[n], type);
    if (!format) {
        const struct client_ignored ignored = {.packets = 1, .payload_type = type};
        client->stats->oddities.unknown_type++;
        if (client->io->on_ignored)
            client->io->on_ignored(client->host, session, &ignored);
        return false;
    }
    track->payload_type = type;
    track->codec = format->codec;
    receiver_set_clock(&track->receiver, format->clock_rate, codec_may_reorder(format->codec));
    return true;
}

static void on_first_rtp(struct client *client, struct session *session, uint64_t arrival_ns)
{
    uint64_t sent_ns = session->play_sent_ns ? session->play_sent_ns : arrival_ns;
    session_measure(client, session, METRIC_FIRST_RTP, sent_ns, arrival_ns);
    session_measure(client, session, METRIC_STARTUP, session->due_ns, arrival_ns);
    if (session->flags & FLAG_GOT_MEDIA)
        return;
    session->flags |= FLAG_GOT_MEDIA;
    session->first_rtp_ns = arrival_ns;
    client->stats->sessions.got_media++;
    client->stats->readers_heard++;
    client->stats->streams[session->url].sessions.got_media++;
}

static bool awaits_keyframe(const struct session *session, const struct track *track)
{
    return (session->flags & FLAG_HAS_KEYFRAMES) && track->kind == MEDIA_VIDEO &&
           !(session->measured & (1u << METRIC_FIRST_KEYFRAME));
}

static void keyframe_complete(struct client *client, struct session *session, uint64_t arrival_ns)
{
    uint64_t sent_ns = session->play_sent_ns ? session->play_sent_ns : arrival_ns;
    session->flags &= (uint16_t)~FLAG_KEYFRAME_OPEN;
    session_measure(client, session, METRIC_FIRST_KEYFRAME, sent_ns, arrival_ns);
    session_measure(client, session, METRIC_JOIN, session->due_ns, arrival_ns);
}

/* Intra refresh has no keyframes: a picture is whole so many frames after a recovery point. True
   for a packet of the frame that completes it. */
static bool is_refreshed(struct session *session, const struct rtp *packet, unsigned marks)
{
    unsigned frames = marks >> CODEC_RECOVERY_SHIFT;
    if (session->refresh_left == 0) {
        session->refresh_left = (uint8_t)(frames < UINT8_MAX ? frames : UINT8_MAX);
        session->keyframe_timestamp = packet->timestamp;
        return false;
    }
    if (packet->timestamp == session->keyframe_timestamp)
        return false;
    session->keyframe_timestamp = packet->timestamp;
    return --session->refresh_left == 0;
}

/* The first complete keyframe: from the packet that starts it to its marker, or to the packet
   before the next timestamp; any gap inside spoils it. */
static void look_for_keyframe(struct client *client, struct session *session,
                              const struct rtp *packet, unsigned marks,
                              const struct media_piece *piece)
{
    bool open = session->flags & FLAG_KEYFRAME_OPEN;
    if (open && packet->timestamp != session->keyframe_timestamp) {
        keyframe_complete(client, session, session->keyframe_arrival_ns);
        return;
    }
    if (!open && ((marks & CODEC_KEYFRAME) || is_refreshed(session, packet, marks))) {
        session->flags |= FLAG_KEYFRAME_OPEN;
        session->keyframe_timestamp = packet->timestamp;
        open = true;
    }
    session->keyframe_arrival_ns = piece->arrival_ns;
    if (open && packet->marker)
        keyframe_complete(client, session, piece->arrival_ns);
}

static struct panel_session *panel_of(const struct client *client, const struct session *session)
{
    return pool_at(&client->panels, session->panel - 1);
}

static enum panel_order order_of(enum receiver_verdict verdict)
{
    switch (verdict) {
    case RECEIVER_REORDERED:
        return PANEL_REORDERED;
    case RECEIVER_DUPLICATE:
        return PANEL_DUPLICATE;
    case RECEIVER_LATE:
    case RECEIVER_HELD:
        return PANEL_LATE;
    case RECEIVER_IN_ORDER:
    case RECEIVER_GAP:
    case RECEIVER_RESTART:
        break;
    }
    return PANEL_IN_ORDER;
}

static void show_to_panel(struct client *client, struct session *session, unsigned n,
                          const struct panel_packet *packet, const struct receiver_arrival *arrival)
{
    struct panel_session *panel = panel_of(client, session);
    if (arrival->verdict == RECEIVER_RESTART)
        panel_on_restart(&client->panel_shard, panel, n);
    if (arrival->verdict == RECEIVER_GAP)
        panel_on_gap(&client->panel_shard, panel, n, arrival->gap_first, arrival->gap_count,
                     packet->arrival_ns);
    panel_on_packet(&client->panel_shard, panel, n, packet);
    if (client->io->on_packet)
        client->io->on_packet(client->host, session, n, packet, arrival);
}

/* What only sessions that are looked at closer need: the payload's first bytes. */
static void look_closer(struct client *client, struct session *session, unsigned n,
                        const struct rtp *packet, const struct media_piece *piece,
                        const struct receiver_arrival *arrival)
{
    const struct track *track = session_track(client, session, n);
    bool cut = piece->bytes.len < piece->total_len;
    struct panel_packet seen = {
        .rtp = packet,
        .sequence = receiver_extend(&track->receiver, packet->sequence),
        .bytes = (uint32_t)piece->total_len,
        .marks = codec_marks((enum codec)track->codec, packet->payload),
        .arrival_ns = piece->arrival_ns,
        .unix_arrival_ns = piece->arrival_ns + client->unix_offset_ns,
        .clock_rate = track->receiver.clock_rate,
        .codec = (enum codec)track->codec,
        .kind = (enum media_kind)track->kind,
        .order = order_of(arrival->verdict),
    };
    if (cut)
        seen.marks &= ~(unsigned)CODEC_DAMAGED;
    if (arrival->verdict != RECEIVER_IN_ORDER) {
        session->flags &= (uint16_t)~FLAG_KEYFRAME_OPEN;
        session->refresh_left = 0;
    }
    if (seen.order == PANEL_IN_ORDER && awaits_keyframe(session, track))
        look_for_keyframe(client, session, packet, seen.marks, piece);
    if (session->panel)
        show_to_panel(client, session, n, &seen, arrival);
}

static void record_jitter(struct client *client, const struct track *track)
{
    histogram_record(&client->media->metrics[METRIC_JITTER], track->receiver.jitter_ns / NS_PER_US);
}

/* A packet that comes late would pass for a reordered frame. */
static bool may_begin_frame(const struct track *track, const struct rtp *packet,
                            enum receiver_verdict verdict)
{
    const struct receiver *receiver = &track->receiver;
    if (receiver->has_frame && packet->timestamp == receiver->frame_timestamp)
        return false;
    if (receiver->may_reorder)
        return order_of(verdict) == PANEL_IN_ORDER;
    return verdict != RECEIVER_HELD || !receiver->has_frame;
}

static void count_packet(struct client *client, struct session *session, unsigned n,
                         const struct rtp *packet, const struct media_piece *piece)
{
    struct track *track = session_track(client, session, n);
    struct rtp_counts delta = {.packets = 1, .bytes = piece->total_len};
    struct rtp_counts *all = &client->media->rtp[track->kind];
    bool one_stream = client->config->url_count == 1;
    struct receiver_arrival arrival = {
        .arrival_ns = piece->arrival_ns,
        .now_ms = client->now_ms,
        .cause = cause_of(client, session, n, piece->drops),
        .counts = one_stream ? all : &delta,
        .gap_blocks = &client->gap_blocks,
        .left = &track->left,
    };
    enum receiver_verdict verdict = receiver_on_packet(&track->receiver, packet, &arrival);
    arrival.verdict = verdict;
    if (verdict == RECEIVER_RESTART) /* another source, which has not said goodbye */
        track->has_bye = false;
    if (one_stream) {
        all->packets++;
        all->bytes += piece->total_len;
    } else {
        rtp_counts_add(all, &delta);
        rtp_counts_add(&client->media->streams[session->url].rtp, &delta);
    }
    if (verdict == RECEIVER_GAP && arrival.cause == LOSS_SELF)
        client->media->recv_backlog_gaps++;
    if (may_begin_frame(track, packet, verdict) &&
        receiver_on_frame(&track->receiver, packet->timestamp, piece->arrival_ns))
        record_jitter(client, track);
    if (session->panel || awaits_keyframe(session, track))
        look_closer(client, session, n, packet, piece, &arrival);
}

static void count_bad(struct client *client, struct session *session, const struct track *track)
{
    client->media->rtp[track->kind].bad++;
    if (client->config->url_count > 1)
        client->media->streams[session->url].rtp.bad++;
}

void media_on_rtp(struct client *client, struct session *session, unsigned n,
                  const struct media_piece *piece)
{
    struct rtp packet;
    struct track *track = session_track(client, session, n);
    if (client_publishes(client)) { /* nobody asked for any */
        client->stats->oddities.unknown_channel++;
        return;
    }
    if (rtp_is_rtcp(piece->bytes)) {
        if (piece->bytes.len == piece->total_len)
            media_on_rtcp(client, session, n, piece);
        return;
    }
    if (rtp_parse_prefix(piece->bytes, piece->total_len, &packet) != RTP_OK) {
        count_bad(client, session, track);
        return;
    }
    if (packet.payload_type != track->payload_type &&
        !follow_type(client, session, n, packet.payload_type))
        return;
    session->last_rtp_ms = client->now_ms;
    session->bytes += piece->total_len;
    session->packets++;
    if (session->flags & FLAG_MEDIA_STALLED) {
        session->flags &= (uint16_t)~FLAG_MEDIA_STALLED;
        session_arm(client, session);
    }
    if (!(session->measured & (1u << METRIC_FIRST_RTP)))
        on_first_rtp(client, session, piece->arrival_ns);
    count_packet(client, session, n, &packet, piece);
}

/* A BYE of every track's source ends the session: the server has no more to send. One of a source
   that the track has left, or never had, is about nobody here. */
static void on_bye(struct client *client, struct session *session, struct track *track,
                   const struct rtcp *bye)
{
    client->media->rtcp.bye_received++;
    if (!track->receiver.started || !rtcp_bye_names(bye, track->receiver.ssrc))
        return;
    track->has_bye = true;
    for (unsigned i = 0; i < session->track_count; i++) {
        if (!session_track(client, session, i)->has_bye)
            return;
    }
    if (session->state == SESSION_PLAYING)
        session_fail(client, session, REASON_BYE, 0, (struct slice){NULL, 0});
}

static void on_sender_report(struct client *client, struct session *session, unsigned n,
                             const struct rtcp *report)
{
    struct track *track = session_track(client, session, n);
    client->media->rtcp.sr_received++;
    receiver_on_sender_report(&track->receiver, report, client->now_ms);
    if (session->panel)
        panel_on_sender_report(panel_of(client, session), n, report->ntp, report->rtp_timestamp);
}

void media_on_rtcp(struct client *client, struct session *session, unsigned n,
                   const struct media_piece *piece)
{
    struct slice left = piece->bytes;
    struct rtcp packet;
    for (;;) {
        enum rtcp_result result = rtcp_next(&left, &packet);
        if (result == RTCP_INVALID)
            client->media->rtcp.bad++;
        if (result != RTCP_OK)
            return;
        if (client_publishes(client) && (packet.type == RTCP_SR || packet.type == RTCP_RR))
            publisher_on_report(client, session, &packet, piece->arrival_ns);
        else if (packet.type == RTCP_SR)
            on_sender_report(client, session, n, &packet);
        if (packet.type == RTCP_BYE) {
            on_bye(client, session, session_track(client, session, n), &packet);
            return;
        }
    }
}

void media_stop(struct client *client, struct session *session)
{
    if (session->panel)
        panel_on_stop(&client->panel_shard, panel_of(client, session), client->now_ns);
}

void media_end(struct client *client, struct session *session)
{
    uint64_t last_ns = client->epoch_ns + (uint64_t)session->last_rtp_ms * NS_PER_MS;
    for (unsigned i = 0; i < session->track_count; i++) {
        struct track *track = session_track(client, session, i);
        if (receiver_last_frame(&track->receiver))
            record_jitter(client, track);
    }
    if (session->panel)
        panel_session_end(&client->panel_shard, panel_of(client, session), client->now_ns);
    uint64_t from_ns = session->first_rtp_ns > client->media_from_ns ? session->first_rtp_ns
                                                                     : client->media_from_ns;
    if (!(session->flags & FLAG_GOT_MEDIA) || last_ns < from_ns + NS_PER_S)
        return;
    uint64_t media_ns = last_ns - from_ns;
    struct stream_stats *stream = &client->media->streams[session->url];
    stream->media_us += media_ns / NS_PER_US;
    stream->media_bytes += session->bytes;
    if (client_publishes(client))
        return;
    histogram_record(&client->media->metrics[METRIC_BITRATE],
                     (uint64_t)((double)session->bytes * 8e9 / (double)media_ns));
}
