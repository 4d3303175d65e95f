#include "client/publisher.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "base/units.h"
#include "client/session_internal.h"
#include "proto/rtcp.h"

#define FRAME_BYTES 4u
#define FULL_LOOK_NS (100 * NS_PER_MS) /* how often a full connection is looked at */
#define FULL_RETRY_NS (2 * NS_PER_MS)  /* nothing tells when a UDP socket has room again */
#define BATCH_MAX 64u
#define CHOICE_TRACK UINT64_C(0x7075626c)
#define REPORT_APART_MS 1000u /* reports that are closer together count as one */
#define REPORTS_MISSED 3u     /* intervals without one: the server sends no more */
#define KEEPALIVE_PATIENCE_NS (2 * NS_PER_S)
#define LINGER_NS NS_PER_S /* TEARDOWN waits so long for what is still to be written */

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
    *publisher = (struct publisher){0};
    publisher_queue_begin(&publisher->queue, media_of(client), client->now_ns);
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

/* Until when what comes due is to be written. */
static uint64_t due_by_ns(const struct client *client, const struct publisher *publisher)
{
    return publisher->end_ns > 0 ? publisher->end_ns : client->now_ns;
}

/* The next packet of a track was written, or dropped by the kernel. */
static void next_packet(const struct media *media, struct publisher *publisher, unsigned track)
{
    publisher->tracks[track].sequence++;
    publisher_queue_advance(&publisher->queue, media, track);
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

/* Is there no room, as far as the kernel has said? */
static bool is_full(struct client *client, const struct session *session)
{
    return publisher_of(client, session)->full ||
           (!session->udp && !session_can_send(client, session));
}

/* After there was room the time since the last look is ours, where it was longer than it should
   have been: there may have been room all along. */
static void note_full(const struct client *client, struct publisher *publisher)
{
    uint64_t away_ns = client->now_ns - publisher->refused_ns;
    if (publisher->full_since_ns == 0)
        publisher->full_since_ns = client->now_ns;
    else if (publisher->had_room && away_ns > FULL_LOOK_NS + FULL_LOOK_NS / 2)
        publisher->full_since_ns += away_ns;
    publisher->refused_ns = client->now_ns;
    publisher->had_room = false;
}

/* Whose fault it is that a packet still waits. The server's, or that of the way to it, where the
   connection had no room for more than half of that time; else we came late. A datagram's socket is
   full by our own line alone. */
static enum drop_cause cause_of(const struct publisher *publisher, const struct session *session,
                                uint64_t due_ns)
{
    uint64_t refused_ns = publisher->refused_ns, since_ns = publisher->full_since_ns;
    if (session->udp || since_ns == 0)
        return DROP_SELF;
    uint64_t waited_ns = refused_ns > due_ns ? refused_ns - due_ns : 0;
    return refused_ns - since_ns > waited_ns / 2 ? DROP_SERVER : DROP_SELF;
}

static void use_up(struct client *client, const struct session *session, unsigned track,
                   uint32_t packets, enum drop_cause cause)
{
    publisher_of(client, session)->tracks[track].sequence += (uint16_t)packets;
    count_dropped(client, session, cause, packets);
}

/* What was due before, and has not been written, has waited for too long: for as long as the limit
   when there last was no room. */
static uint64_t stale_ns(const struct client *client, const struct publisher *publisher)
{
    uint64_t limit_ns = client->config->publish_queue_ns;
    return publisher->refused_ns > limit_ns ? publisher->refused_ns - limit_ns : 0;
}

static void shed(struct client *client, struct session *session)
{
    struct publisher *publisher = publisher_of(client, session);
    for (unsigned i = 0; i < media_of(client)->track_count; i++) {
        const struct publisher_place *place = &publisher->queue.places[i];
        struct publisher_track *track = &publisher->tracks[i];
        enum drop_cause cause =
            place->broken
                ? (enum drop_cause)track->broken_by
                : cause_of(publisher, session, publisher_queue_track_due_ns(&publisher->queue, i));
        uint32_t dropped =
            publisher_queue_shed(&publisher->queue, media_of(client), i,
                                 due_by_ns(client, publisher), stale_ns(client, publisher));
        if (dropped == 0)
            continue;
        use_up(client, session, i, dropped, cause);
        track->broken_by = (uint8_t)cause;
    }
}

/* Nothing more is written: all that is due is dropped. */
static void drop_rest(struct client *client, struct session *session)
{
    struct publisher *publisher = publisher_of(client, session);
    for (unsigned i = 0; i < media_of(client)->track_count; i++) {
        enum drop_cause cause =
            cause_of(publisher, session, publisher_queue_track_due_ns(&publisher->queue, i));
        uint32_t dropped = publisher_queue_clear(&publisher->queue, media_of(client), i,
                                                 due_by_ns(client, publisher));
        use_up(client, session, i, dropped, cause);
    }
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

/* The next packet of a track, whole, into the scratch buffer from at on; its length, 0 when there
   is no room. */
static uint32_t build(struct client *client, const struct publisher *publisher, unsigned number,
                      size_t at)
{
    const struct media *media = media_of(client);
    const struct publisher_place *place = &publisher->queue.places[number];
    const struct media_packet *packet = publisher_queue_packet(&publisher->queue, media, number);
    const struct publisher_track *track = &publisher->tracks[number];
    uint8_t *to = client->scratch_text + at;
    const struct media_rtp rtp = {
        .ssrc = track->ssrc,
        .timestamp = track->timestamp_base + media_timestamp(media, place->at.lap, place->at.index),
        .sequence = track->sequence,
        .due_ns = publisher_queue_track_due_ns(&publisher->queue, number) + client->unix_offset_ns,
    };
    if (at + MEDIA_HEADER_MAX + MEDIA_PREFIX_MAX + packet->payload_len > CLIENT_SCRATCH)
        return 0;
    unsigned header_len = media_write_header(media, packet, &rtp, to);
    memcpy(to + header_len, packet->payload, packet->payload_len);
    return header_len + packet->payload_len;
}

/* Counts the next packet of a track as written and moves on. */
static void commit(struct client *client, struct session *session, unsigned track, uint32_t len)
{
    struct publisher *publisher = publisher_of(client, session);
    count_written(client, session, track, len,
                  publisher_queue_track_due_ns(&publisher->queue, track));
    next_packet(media_of(client), publisher, track);
}

/* Packets that go out in one write: their lengths without the interleaved frames. */
struct batch {
    uint32_t count;
    uint32_t bytes; /* frames included */
    uint32_t lengths[BATCH_MAX];
    uint8_t tracks[BATCH_MAX];
};

/* Ends in front of a frame that may have to be dropped: shed looks at that first. */
static void fill(struct client *client, struct session *session, struct batch *batch)
{
    struct publisher ahead = *publisher_of(client, session);
    const uint64_t until_ns = due_by_ns(client, &ahead), old_ns = stale_ns(client, &ahead);
    batch->count = batch->bytes = 0;
    while (batch->count < BATCH_MAX && publisher_queue_due_ns(&ahead.queue) <= until_ns) {
        unsigned track = publisher_queue_next(&ahead.queue);
        uint8_t *frame = client->scratch_text + batch->bytes;
        if (batch->count > 0 && publisher_queue_is_stale(&ahead.queue, track, old_ns))
            return;
        uint32_t len = build(client, &ahead, track, batch->bytes + FRAME_BYTES);
        if (len == 0)
            return;
        frame[0] = '$'; /* RFC 2326, 10.12 */
        frame[1] = session_track(client, session, track)->channel[0];
        frame[2] = (uint8_t)(len >> 8);
        frame[3] = (uint8_t)len;
        batch->tracks[batch->count] = (uint8_t)track;
        batch->lengths[batch->count++] = len;
        batch->bytes += FRAME_BYTES + len;
        next_packet(media_of(client), &ahead, track);
    }
}

/* The rest of a packet that the kernel cut in two is kept: it counts when that has gone, and
   nothing else goes before it. */
static void keep_cut(struct client *client, struct session *session, unsigned track, uint32_t len,
                     struct slice rest)
{
    struct publisher *publisher = publisher_of(client, session);
    publisher->cut_bytes = len;
    publisher->cut_track = (uint8_t)track;
    publisher->cut_due_ns = publisher_queue_track_due_ns(&publisher->queue, track);
    next_packet(media_of(client), publisher, track);
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
                keep_cut(client, session, batch->tracks[i], batch->lengths[i],
                         slice_make(client->scratch_text + taken, end - taken));
            else
                client->io->want_writable(client->host, session->socket);
            return;
        }
        commit(client, session, batch->tracks[i], batch->lengths[i]);
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
    struct publisher *publisher = publisher_of(client, session);
    const struct session_udp *udp = session_udp_of(client, session);
    unsigned track = publisher_queue_next(&publisher->queue);
    struct address to = udp->peer;
    if (publisher_queue_track_due_ns(&publisher->queue, track) > due_by_ns(client, publisher))
        return false;
    uint32_t len = build(client, publisher, track, 0);
    address_set_port(&to, udp->track[track].server_port[0]);
    int error = client->io->send_to(client->host, udp->track[track].socket[0], &to,
                                    slice_make(client->scratch_text, len));
    if (error == -EAGAIN || error == -ENOBUFS) {
        publisher->full = true;
        return false;
    }
    if (error == 0) {
        commit(client, session, track, len);
    } else {
        count_dropped(client, session, DROP_SELF, 1);
        next_packet(media_of(client), publisher, track);
    }
    return true;
}

static bool write_some(struct client *client, struct session *session)
{
    shed(client, session);
    return session->udp ? write_udp(client, session) : write_tcp(client, session);
}

static bool is_sending(const struct session *session)
{
    return session->state == SESSION_PLAYING || session->state == SESSION_TEARDOWN;
}

uint64_t publisher_linger_ns(const struct client *client)
{
    uint64_t timeout_ns = client->config->timeout_ns;
    return timeout_ns < LINGER_NS ? timeout_ns : LINGER_NS;
}

static bool lingered_enough(const struct client *client, const struct publisher *publisher)
{
    return publisher->end_ns > 0 &&
           client->now_ns >= publisher->end_ns + publisher_linger_ns(client);
}

void publisher_service(struct client *client, struct session *session)
{
    struct publisher *publisher = publisher_of(client, session);
    if (session->udp)
        publisher->full = false;
    while (!is_full(client, session) && write_some(client, session))
        ;
    if (!is_sending(session)) /* for want of room to keep a packet */
        return;
    if (!is_full(client, session)) {
        publisher->full_since_ns = 0;
        return;
    }
    note_full(client, publisher);
    shed(client, session);
    if (lingered_enough(client, publisher))
        drop_rest(client, session);
}

void publisher_on_writable(struct client *client, struct session *session)
{
    struct publisher *publisher = publisher_of(client, session);
    if (!session_can_send(client, session))
        return;
    if (publisher->cut_bytes > 0)
        count_written(client, session, publisher->cut_track, publisher->cut_bytes,
                      publisher->cut_due_ns);
    publisher->cut_bytes = 0;
    publisher->full = false;
    publisher->had_room = true;
    if (is_sending(session))
        publisher_service(client, session);
}

uint64_t publisher_next_ns(struct client *client, const struct session *session)
{
    const struct publisher *publisher = publisher_of(client, session);
    if (is_full(client, session)) /* counted from the last look, however often this is asked */
        return publisher->refused_ns + (session->udp ? FULL_RETRY_NS : FULL_LOOK_NS);
    return publisher_queue_due_ns(&publisher->queue);
}

bool publisher_lingers(const struct client *client, const struct session *session)
{
    const struct publisher *publisher = publisher_of(client, session);
    return publisher->end_ns > 0 && publisher_queue_due_ns(&publisher->queue) <= publisher->end_ns;
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
    publisher_of(client, session)->end_ns = client->now_ns;
    publisher_service(client, session);
}

void publisher_end(struct client *client, struct session *session)
{
    struct publisher *publisher = publisher_of(client, session);
    if (is_full(client, session))
        note_full(client, publisher);
    if (session->state == SESSION_PLAYING)
        publisher->unconfirmed |= reports_stopped(client, publisher);
    if (publisher->cut_bytes > 0)
        count_dropped(client, session, cause_of(publisher, session, publisher->cut_due_ns), 1);
    publisher->cut_bytes = 0;
    drop_rest(client, session);
    count_unconfirmed(client, session);
}

/* RTP timestamp of a track as of now (RFC 3550, 6.4.1). */
static uint32_t timestamp_now(const struct client *client, const struct publisher *publisher,
                              unsigned track)
{
    uint64_t since_ns = client->now_ns - publisher->queue.start_ns;
    uint64_t ticks = units_scale(since_ns, media_of(client)->tracks[track].clock_rate, NS_PER_S);
    return publisher->tracks[track].timestamp_base + (uint32_t)ticks;
}

/* As the server's reports (server/stream.c), it takes the decoding delay off the time of capture.
 */
void publisher_write_report(struct client *client, struct session *session, unsigned track,
                            struct text *to)
{
    const struct publisher *publisher = publisher_of(client, session);
    const struct publisher_track *from = &publisher->tracks[track];
    const struct rtcp report = {
        .type = RTCP_SR,
        .ssrc = from->ssrc,
        .ntp =
            rtcp_ntp_from_ns(client->now_ns + client->unix_offset_ns - media_of(client)->delay_ns),
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
    uint64_t now_ns = arrival_ns + client->unix_offset_ns - media_of(client)->delay_ns;
    uint32_t now = middle(rtcp_ntp_from_ns(now_ns)); /* by the clock that our reports show */
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
