#include "client/publisher.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"
#include "client/session_internal.h"
#include "proto/rtcp.h"

#define FRAME_BYTES 4u
#define FULL_LOOK_NS (100 * NS_PER_MS) /* how often what a full connection costs is counted */
#define FULL_RETRY_NS (2 * NS_PER_MS)  /* nothing tells when a UDP socket has room again */
#define BATCH_MAX 64u
#define CHOICE_TRACK UINT64_C(0x7075626c)
#define REPORT_APART_MS 1000u /* reports that are closer together count as one */
#define REPORTS_MISSED 3u     /* intervals without one: the server sends no more */
#define KEEPALIVE_PATIENCE_NS (2 * NS_PER_S)

static_assert(FRAME_BYTES + PUBLISHER_PACKET_MAX <= CONVERSATION_TX, "a cut packet is kept");

static struct publisher *publisher_of(const struct client *client, const struct session *session)
{
    return pool_at(&client->publishers, session->publisher - 1);
}

static const struct media *media_of(const struct client *client)
{
    return client->config->publish;
}

void publisher_begin(struct client *client, struct session *session)
{
    uint32_t record = pool_take(&client->publishers);
    assert(record != POOL_NONE); /* one for each session */
    session->publisher = record + 1;
    struct publisher *publisher = pool_at(&client->publishers, record);
    *publisher = (struct publisher){.start_ns = client->now_ns};
    for (unsigned i = 0; i < media_of(client)->track_count; i++) {
        struct rng rng =
            rng_init(client->config->seed, (uint64_t)session->incarnation << 32 | session->reader,
                     CHOICE_TRACK + i);
        publisher->tracks[i].ssrc = (uint32_t)rng_next(&rng);
        publisher->tracks[i].timestamp_base = (uint32_t)rng_next(&rng);
        publisher->tracks[i].sequence = (uint16_t)rng_next(&rng);
        publisher->tracks[i].warm = client->warming;
    }
}

static uint64_t due_ns(const struct media *media, const struct publisher *publisher)
{
    return publisher->start_ns + publisher->lap * media->lap_ns +
           media->packets[publisher->index].due_ns;
}

/* Packets due by now and not yet written. */
static uint64_t lag(const struct client *client, const struct publisher *publisher)
{
    const struct media *media = media_of(client);
    uint64_t since_ns = client->now_ns - publisher->start_ns;
    uint64_t due = since_ns / media->lap_ns * media->packet_count +
                   media_find(media, since_ns % media->lap_ns + 1);
    uint64_t done = (uint64_t)publisher->lap * media->packet_count + publisher->index;
    return due > done ? due - done : 0;
}

static void next_packet(const struct media *media, struct publisher *publisher)
{
    publisher->tracks[media->packets[publisher->index].track].sequence++;
    if (++publisher->index == media->packet_count) {
        publisher->index = 0;
        publisher->lap++;
    }
}

static struct published_counts *stream_counts(struct client *client, const struct session *session)
{
    return &client->media->streams[session->url].published;
}

static void count_dropped(struct client *client, const struct session *session,
                          enum drop_cause cause, uint64_t packets)
{
    struct published_counts *counts[] = {&client->media->published, stream_counts(client, session)};
    for (unsigned i = 0; i < 2; i++) {
        counts[i]->dropped += packets;
        counts[i]->dropped_by[cause] += packets;
    }
}

/* The oldest go until only keep are left. */
static void drop(struct client *client, struct session *session, enum drop_cause cause,
                 uint64_t keep)
{
    struct publisher *publisher = publisher_of(client, session);
    uint64_t behind = lag(client, publisher);
    if (behind <= keep)
        return;
    count_dropped(client, session, cause, behind - keep);
    for (; behind > keep; behind--)
        next_packet(media_of(client), publisher);
}

static void on_first_packet(struct client *client, struct session *session, uint64_t at_ns)
{
    session->flags |= FLAG_GOT_MEDIA;
    session->first_rtp_ns = at_ns;
    session_measure(client, session, METRIC_STARTUP, session->due_ns, at_ns);
    client->stats->sessions.got_media++;
    client->stats->streams[session->url].sessions.got_media++;
}

static void count_written(struct client *client, struct session *session, unsigned track,
                          uint32_t bytes, uint64_t at_ns)
{
    struct publisher_track *to = &publisher_of(client, session)->tracks[track];
    struct published_counts *counts[] = {&client->media->published, stream_counts(client, session)};
    for (unsigned i = 0; i < 2; i++) {
        counts[i]->packets++;
        counts[i]->bytes += bytes;
    }
    histogram_record(&client->media->metrics[METRIC_PUBLISH_LATE],
                     client->now_ns > at_ns ? (client->now_ns - at_ns) / NS_PER_US : 0);
    to->packets++;
    to->octets += bytes - 12;
    session->packets++;
    session->bytes += bytes;
    session->last_rtp_ms = client->now_ms;
    if (!(session->flags & FLAG_GOT_MEDIA))
        on_first_packet(client, session, client->now_ns);
}

/* The next packet, whole, into the scratch buffer from at on; its length, 0 when there is no room.
 */
static uint32_t build(struct client *client, const struct publisher *publisher, size_t at)
{
    const struct media *media = media_of(client);
    const struct media_packet *packet = &media->packets[publisher->index];
    const struct publisher_track *track = &publisher->tracks[packet->track];
    uint8_t *to = client->scratch_text + at;
    const struct media_rtp rtp = {
        .ssrc = track->ssrc,
        .timestamp = track->timestamp_base +
                     publisher->lap * media->tracks[packet->track].lap_ticks + packet->timestamp,
        .sequence = track->sequence,
        .due_ns = due_ns(media, publisher) + client->unix_offset_ns,
    };
    if (at + MEDIA_HEADER_MAX + MEDIA_PREFIX_MAX + packet->payload_len > CLIENT_SCRATCH)
        return 0;
    unsigned header_len = media_write_header(media, packet, &rtp, to);
    memcpy(to + header_len, packet->payload, packet->payload_len);
    return header_len + packet->payload_len;
}

/* Counts the next packet as written and moves on. */
static void commit(struct client *client, struct session *session, uint32_t len)
{
    struct publisher *publisher = publisher_of(client, session);
    unsigned track = media_of(client)->packets[publisher->index].track;
    count_written(client, session, track, len, due_ns(media_of(client), publisher));
    next_packet(media_of(client), publisher);
}

/* Packets that go out in one write: their lengths without the interleaved frames. */
struct batch {
    uint32_t count;
    uint32_t bytes; /* frames included */
    uint32_t lengths[BATCH_MAX];
};

static void fill(struct client *client, struct session *session, struct batch *batch)
{
    struct publisher ahead = *publisher_of(client, session);
    const struct media *media = media_of(client);
    batch->count = batch->bytes = 0;
    while (batch->count < BATCH_MAX && due_ns(media, &ahead) <= client->now_ns) {
        uint8_t track = media->packets[ahead.index].track;
        uint8_t *frame = client->scratch_text + batch->bytes;
        uint32_t len = build(client, &ahead, batch->bytes + FRAME_BYTES);
        if (len == 0)
            return;
        frame[0] = '$'; /* RFC 2326, 10.12 */
        frame[1] = session_track(client, session, track)->channel[0];
        frame[2] = (uint8_t)(len >> 8);
        frame[3] = (uint8_t)len;
        batch->lengths[batch->count++] = len;
        batch->bytes += FRAME_BYTES + len;
        next_packet(media, &ahead);
    }
}

/* The rest of a packet that the kernel cut in two is kept: it counts when that has gone, and
   nothing else goes before it. */
static void keep_cut(struct client *client, struct session *session, uint32_t len,
                     struct slice rest)
{
    struct publisher *publisher = publisher_of(client, session);
    publisher->cut_bytes = len;
    publisher->cut_track = media_of(client)->packets[publisher->index].track;
    publisher->cut_due_ns = due_ns(media_of(client), publisher);
    next_packet(media_of(client), publisher);
    session_keep(client, session, rest);
}

/* Counts what was taken of a batch. */
static void settle(struct client *client, struct session *session, const struct batch *batch,
                   uint32_t taken)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t end = at + FRAME_BYTES + batch->lengths[i];
        if (taken < end) {
            publisher_of(client, session)->full = true;
            if (taken > at)
                keep_cut(client, session, batch->lengths[i],
                         slice_make(client->scratch_text + taken, end - taken));
            else
                client->io->want_writable(client->host, session->socket);
            return;
        }
        commit(client, session, batch->lengths[i]);
        at = end;
    }
}

/* One write over TCP; false when nothing more can be written now. */
static bool write_tcp(struct client *client, struct session *session)
{
    struct batch batch;
    fill(client, session, &batch);
    if (batch.count == 0)
        return false;
    int64_t taken = client->io->send(client->host, session->socket,
                                     slice_make(client->scratch_text, batch.bytes));
    if (taken < 0 && taken != -EAGAIN)
        return false; /* the event of the broken connection follows */
    settle(client, session, &batch, taken > 0 ? (uint32_t)taken : 0);
    return taken == batch.bytes;
}

/* One datagram; false when nothing more can be written now. */
static bool write_udp(struct client *client, struct session *session)
{
    const struct media *media = media_of(client);
    struct publisher *publisher = publisher_of(client, session);
    const struct session_udp *udp = session_udp_of(client, session);
    unsigned track = media->packets[publisher->index].track;
    struct address to = udp->peer;
    if (due_ns(media, publisher) > client->now_ns)
        return false;
    uint32_t len = build(client, publisher, 0);
    address_set_port(&to, udp->track[track].server_port[0]);
    int error = client->io->send_to(client->host, udp->track[track].socket[0], &to,
                                    slice_make(client->scratch_text, len));
    if (error == -EAGAIN || error == -ENOBUFS) {
        publisher->full = true;
        return false;
    }
    if (error == 0) {
        commit(client, session, len);
    } else {
        count_dropped(client, session, DROP_SELF, 1);
        next_packet(media, publisher);
    }
    return true;
}

/* Packets wait because the connection has no room, or because we come late; a datagram's socket is
   full by our own line alone. */
static enum drop_cause cause_of(struct client *client, const struct session *session)
{
    bool full = publisher_of(client, session)->full || !session_can_send(client, session);
    return full && !session->udp && !client_was_late(client) ? DROP_SERVER : DROP_SELF;
}

void publisher_service(struct client *client, struct session *session)
{
    struct publisher *publisher = publisher_of(client, session);
    drop(client, session, cause_of(client, session), PUBLISHER_QUEUE);
    if (session->udp) {
        publisher->full = false;
        while (write_udp(client, session))
            ;
        return;
    }
    while (!publisher->full && session_can_send(client, session) && write_tcp(client, session))
        ;
}

void publisher_on_writable(struct client *client, struct session *session)
{
    struct publisher *publisher = publisher_of(client, session);
    if (!session_can_send(client, session))
        return;
    if (session->state == SESSION_PLAYING)
        drop(client, session, cause_of(client, session), PUBLISHER_QUEUE);
    if (publisher->cut_bytes > 0)
        count_written(client, session, publisher->cut_track, publisher->cut_bytes,
                      publisher->cut_due_ns);
    publisher->cut_bytes = 0;
    publisher->full = false;
    if (session->state == SESSION_PLAYING)
        publisher_service(client, session);
}

uint64_t publisher_next_ns(struct client *client, const struct session *session)
{
    const struct publisher *publisher = publisher_of(client, session);
    if (session->udp && publisher->full)
        return client->now_ns + FULL_RETRY_NS;
    if (!session->udp && (publisher->full || !session_can_send(client, session)))
        return client->now_ns + FULL_LOOK_NS;
    return due_ns(media_of(client), publisher);
}

void publisher_doubt(struct client *client, struct session *session)
{
    if (session->publisher)
        publisher_of(client, session)->unconfirmed = true;
}

/* Over three times as long as between two reports, on average, none came. */
static bool has_stopped(const struct client *client, const struct publisher_track *track)
{
    uint64_t silent_ms = client->now_ms - track->last_report_ms;
    uint64_t told_ms = track->last_report_ms - track->first_report_ms;
    return silent_ms * (track->reports - 1) > REPORTS_MISSED * told_ms;
}

/* Whether the server reported on tracks regularly, and now does on none of them. */
static bool reports_stopped(const struct client *client, const struct publisher *publisher)
{
    bool regular = false;
    for (unsigned i = 0; i < media_of(client)->track_count; i++) {
        const struct publisher_track *track = &publisher->tracks[i];
        if (track->reports < 2)
            continue;
        if (!has_stopped(client, track))
            return false;
        regular = true;
    }
    return regular;
}

static bool lacks_keepalive(const struct client *client, const struct session *session)
{
    return (session->flags & FLAG_KEEPALIVE_PENDING) &&
           client->now_ns >= session->keepalive_sent_ns + KEEPALIVE_PATIENCE_NS;
}

/* What the kernel took can't be told from what the server read. Over UDP nobody could tell. */
static void count_unconfirmed(struct client *client, const struct session *session)
{
    const struct publisher *publisher = publisher_of(client, session);
    struct stats *stats = client->stats;
    struct published_counts *counts[] = {&stats->published,
                                         &stats->streams[session->url].published};
    if (session->udp)
        return;
    bool unconfirmed = publisher->unconfirmed || lacks_keepalive(client, session);
    uint32_t unacked_bytes = client->io->unacked(client->host, session->socket);
    for (unsigned i = 0; i < 2; i++) {
        counts[i]->unconfirmed += unconfirmed;
        counts[i]->unacked_bytes += unacked_bytes;
    }
}

void publisher_stop(struct client *client, struct session *session)
{
    if (reports_stopped(client, publisher_of(client, session)))
        publisher_doubt(client, session);
    publisher_service(client, session);
    if (session->state == SESSION_PLAYING)
        drop(client, session, cause_of(client, session), 0);
}

void publisher_end(struct client *client, struct session *session)
{
    struct publisher *publisher = publisher_of(client, session);
    if (session->state == SESSION_PLAYING) {
        drop(client, session, cause_of(client, session), 0);
        publisher->unconfirmed |= reports_stopped(client, publisher);
    }
    if (publisher->cut_bytes > 0)
        count_dropped(client, session, cause_of(client, session), 1);
    publisher->cut_bytes = 0;
    count_unconfirmed(client, session);
}

/* RTP timestamp of a track as of now (RFC 3550, 6.4.1). */
static uint32_t timestamp_now(const struct client *client, const struct publisher *publisher,
                              unsigned track)
{
    uint64_t since_ns = client->now_ns - publisher->start_ns;
    uint64_t ticks = units_scale(since_ns, media_of(client)->tracks[track].clock_rate, NS_PER_S);
    return publisher->tracks[track].timestamp_base + (uint32_t)ticks;
}

void publisher_write_report(struct client *client, struct session *session, unsigned track,
                            struct text *to)
{
    const struct publisher *publisher = publisher_of(client, session);
    const struct publisher_track *from = &publisher->tracks[track];
    const struct rtcp report = {
        .type = RTCP_SR,
        .ssrc = from->ssrc,
        .ntp = rtcp_ntp_from_ns(client->now_ns + client->unix_offset_ns),
        .rtp_timestamp = timestamp_now(client, publisher, track),
        .packet_count = from->packets,
        .octet_count = from->octets,
    };
    rtcp_write_sr(to, &report);
    rtcp_write_sdes(to, from->ssrc, SLICE("rtspbench"));
}

/* 32 bits from the middle of an NTP time: 16.16 seconds. */
static uint32_t middle(uint64_t ntp)
{
    return (uint32_t)(ntp >> 16);
}

static void note_report(struct publisher_track *track, uint32_t now_ms)
{
    if (track->reports > 0 && now_ms - track->last_report_ms < REPORT_APART_MS)
        return;
    if (track->reports++ == 0)
        track->first_report_ms = now_ms;
    track->last_report_ms = now_ms;
}

static void on_block(struct client *client, struct session *session, const struct rtcp_block *block,
                     uint64_t arrival_ns)
{
    struct publisher *publisher = publisher_of(client, session);
    uint32_t now = middle(rtcp_ntp_from_ns(arrival_ns + client->unix_offset_ns));
    uint32_t away = now - block->last_sr - block->delay_since_sr; /* 1/65536 s */
    for (unsigned i = 0; i < media_of(client)->track_count; i++) {
        struct publisher_track *track = &publisher->tracks[i];
        if (track->ssrc != block->ssrc)
            continue;
        bool counts = client->warming || !track->warm; /* else it was lost in the warm-up */
        int32_t change = counts ? block->cumulative_lost - track->reported_lost : 0;
        uint64_t more = (uint64_t)(int64_t)change;
        track->reported_lost = block->cumulative_lost;
        track->warm = client->warming;
        note_report(track, client->now_ms);
        client->media->rtcp.rr_received++;
        client->media->published.reported_lost += more;
        stream_counts(client, session)->reported_lost += more;
        if (block->last_sr != 0)
            histogram_record(&client->media->metrics[METRIC_ROUND_TRIP],
                             (int32_t)away > 0 ? units_scale(away, 1000000, 65536) : 0);
    }
}

void publisher_on_report(struct client *client, struct session *session, const struct rtcp *report,
                         uint64_t arrival_ns)
{
    struct slice blocks = report->blocks;
    struct rtcp_block block;
    while (session->publisher && rtcp_block_next(&blocks, &block))
        on_block(client, session, &block, arrival_ns);
}
