#include "client/panel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static_assert(sizeof(struct panel_session) <= 1792, "one per panel session");

#define TICK_GRACE_NS (NS_PER_S / 5) /* packets stamped earlier may still be under way to us */
#define TS_PACKETS 7u                /* MPEG-TS packets in an RTP packet (RFC 4445, 3.2) */

int panel_shard_init(struct panel_shard *shard, struct stats *stats, uint32_t streams)
{
    *shard = (struct panel_shard){.stats = stats, .stream_count = streams};
    if (streams == 0)
        return 0;
    shard->streams = calloc(streams, sizeof(*shard->streams));
    return shard->streams ? 0 : -ENOMEM;
}

void panel_shard_dispose(struct panel_shard *shard)
{
    free(shard->streams);
    shard->streams = NULL;
    shard->stream_count = 0;
}

void panel_session_init(struct panel_shard *shard, struct panel_session *session, uint32_t stream)
{
    memset(session, 0, sizeof(*session));
    session->stream = stream;
    session->transit_base_ns = PANEL_NO_BASE;
    if (++shard->readers == 0)
        shard->readers = 1;
    for (unsigned i = 0; i < PANEL_TRACKS; i++)
        session->tracks[i] =
            (struct panel_track){.stream = stream, .reader.reader = shard->readers};
    shard->stats->panel.sessions++;
}

/* What this track's readers have in common; NULL where they aren't compared. */
static struct panel_readers *readers_of(const struct panel_shard *shard,
                                        const struct panel_session *session, unsigned track)
{
    if (session->stream >= shard->stream_count)
        return NULL;
    return &shard->streams[session->stream].tracks[track];
}

/* Does this track stand for the session in latency, pace and MDI? */
static bool is_leading(const struct panel_session *session, unsigned track)
{
    if (session->tracks[track].kind == MEDIA_VIDEO)
        return true;
    if (track > 0)
        return false;
    for (unsigned i = 0; i < PANEL_TRACKS; i++) {
        if (session->tracks[i].seen && session->tracks[i].kind == MEDIA_VIDEO)
            return false;
    }
    return true;
}

/* Codecs whose fragments say where they start. */
static bool starts_known(enum codec codec)
{
    return codec_has_keyframes(codec);
}

/* The longest interval that a URL has shown says how long a reader may have to wait for one. */
static void note_interval(struct panel_shard *shard, const struct panel_track *track, int32_t ticks)
{
    if (ticks <= 0 || track->clock_rate == 0 || track->stream >= shard->stats->stream_count)
        return;
    struct stream_stats *stream = &shard->stats->streams[track->stream];
    uint64_t us = (uint64_t)ticks * 1000000 / track->clock_rate;
    if (us > stream->keyframe_interval_us)
        stream->keyframe_interval_us = us;
}

static void note_keyframe(struct panel_shard *shard, struct panel_track *track, uint32_t timestamp)
{
    track->keyframes++;
    if (track->has_keyframe) {
        int32_t ticks = (int32_t)(timestamp - track->keyframe_timestamp);
        track->keyframe_steps++;
        track->keyframe_ticks += ticks;
        note_interval(shard, track, ticks);
    }
    track->has_keyframe = true;
    track->keyframe_timestamp = timestamp;
}

static void judged_frame(struct panel_shard *shard, struct panel_track *track,
                         const struct panel_frame *frame, enum panel_verdict verdict)
{
    struct panel_counts *counts = &shard->stats->panel;
    bool key = frame->marks & CODEC_KEYFRAME;
    if (key)
        note_keyframe(shard, track, frame->timestamp);
    if (frame->anew)
        panel_playout_reorder(&track->playout);
    switch (verdict) {
    case PANEL_COMPLETE:
        counts->frames_complete++;
        counts->keyframes += key;
        counts->recovery_points += !key && (frame->marks & CODEC_RECOVERY);
        panel_playout_on_frame(&track->playout, counts, frame->due, frame->last_arrival_ns,
                               frame->has_due ? track->clock_rate : 0);
        break;
    case PANEL_DAMAGED:
        counts->frames_damaged++;
        break;
    case PANEL_SUSPECT:
        counts->frames_suspect++;
        break;
    }
}

static void settle_frames(struct panel_shard *shard, struct panel_track *track, bool flush)
{
    struct panel_frame frame;
    enum panel_verdict verdict;
    while (panel_frames_settle(&track->frames, starts_known(track->codec), flush, &frame, &verdict))
        judged_frame(shard, track, &frame, verdict);
}

/* When the frame of this packet is decoded. One that is in order is of the frame begun last. */
static struct panel_decoding_frame decoding_of(const struct panel_track *track,
                                               const struct panel_packet *packet)
{
    if (packet->order == PANEL_IN_ORDER)
        return track->begun;
    return (struct panel_decoding_frame){
        .due = packet->rtp->timestamp,
        .is_known = track->decoding.depth == 0,
    };
}

static void add_to_frames(struct panel_shard *shard, struct panel_track *track,
                          const struct panel_packet *packet)
{
    panel_frames_add(&track->frames, &(struct panel_frame_packet){
                                         .arrival_ns = packet->arrival_ns,
                                         .sequence = packet->sequence,
                                         .timestamp = packet->rtp->timestamp,
                                         .marks = packet->marks,
                                         .marker = packet->rtp->marker,
                                         .in_order = packet->order == PANEL_IN_ORDER,
                                         .decoding = decoding_of(track, packet),
                                     });
    settle_frames(shard, track, false);
}

static void record_pace(struct panel_shard *shard, uint32_t thousandths)
{
    histogram_record(&shard->stats->metrics[METRIC_PANEL_PACE], thousandths);
}

static bool is_order_sure(const struct panel_track *track)
{
    return track->kind != MEDIA_VIDEO || panel_decoding_is_sure(&track->decoding);
}

static void record_latency(struct panel_shard *shard, uint64_t latency_us)
{
    histogram_record(&shard->stats->metrics[METRIC_PANEL_LATENCY], latency_us);
}

/* Those of the first frames count once no deeper reordering has shown them to be ahead of their
 * time.
 */
static void release_latencies(struct panel_shard *shard, struct panel_track *track)
{
    for (unsigned i = 0; i < track->latency.held_count; i++)
        record_latency(shard, track->latency.held_us[i]);
    track->latency.held_count = 0;
}

static void measure_latency(struct panel_shard *shard, struct panel_track *track,
                            const struct panel_packet *packet, bool leading)
{
    uint64_t latency_us;
    if (is_order_sure(track))
        release_latencies(shard, track);
    if (!panel_latency_of(&track->latency, packet->rtp, track->clock_rate, packet->unix_arrival_ns,
                          &latency_us) ||
        !leading)
        return;
    if (is_order_sure(track) || track->latency.held_count == PANEL_DECODING_WINDOW)
        record_latency(shard, latency_us);
    else
        track->latency.held_us[track->latency.held_count++] =
            (uint32_t)latency_us; /* under an hour */
}

/* Of a frame that begins and whose time of decoding is known. */
static void measure_frame(struct panel_shard *shard, struct panel_session *session, unsigned i,
                          const struct panel_packet *packet)
{
    struct panel_track *track = &session->tracks[i];
    bool leading = is_leading(session, i);
    uint32_t pace;
    if (track->begun.is_least)
        measure_latency(shard, track, packet, leading);
    panel_latency_note_transit(&track->latency, track->begun.due, track->clock_rate,
                               packet->unix_arrival_ns, &session->transit_base_ns);
    if (panel_pace_on_frame(&track->pace, track->begun.due, packet->arrival_ns, track->clock_rate,
                            &pace) &&
        leading)
        record_pace(shard, pace);
}

static void time_frame(struct panel_track *track, const struct panel_packet *packet, bool joined)
{
    if (track->kind != MEDIA_VIDEO) {
        track->begun = (struct panel_decoding_frame){
            .due = packet->rtp->timestamp, .is_known = true, .is_least = true};
        return;
    }
    track->begun = panel_decoding_on_frame(&track->decoding, packet->rtp->timestamp,
                                           track->clock_rate, !joined);
    if (!track->begun.anew)
        return;
    panel_latency_forget(&track->latency);
    track->pace.started = false;
}

/* The first packet of a frame; joined: nothing is missing before it. */
static void begin_frame(struct panel_shard *shard, struct panel_session *session, unsigned i,
                        const struct panel_packet *packet, bool joined)
{
    struct panel_track *track = &session->tracks[i];
    struct panel_readers *readers = readers_of(shard, session, i);
    time_frame(track, packet, joined);
    if (track->begun.is_known)
        measure_frame(shard, session, i, packet);
    if (!readers)
        return;
    panel_readers_on_ssrc(readers, &track->reader, packet->rtp->ssrc, packet->arrival_ns);
    if (joined)
        panel_readers_on_frame(readers, &track->reader, shard->stats, packet->rtp->timestamp,
                               packet->arrival_ns);
}

static void in_order_packet(struct panel_shard *shard, struct panel_session *session, unsigned i,
                            const struct panel_packet *packet)
{
    struct panel_track *track = &session->tracks[i];
    if (track->started && (int32_t)(packet->sequence - track->last) <= 0)
        panel_on_restart(shard, session, i); /* the caller's count of the sequence began anew */
    bool joined = track->started && packet->sequence == track->last + 1;
    if (!track->started || packet->rtp->timestamp != track->timestamp)
        begin_frame(shard, session, i, packet, joined);
    track->started = true;
    track->timestamp = packet->rtp->timestamp;
    track->last = packet->sequence;
}

/* A track's format is that of its packets: it may change on the way. */
static void take_format(struct panel_shard *shard, struct panel_session *session, unsigned i,
                        const struct panel_packet *packet)
{
    struct panel_track *track = &session->tracks[i];
    if (track->seen && (track->codec != packet->codec || track->clock_rate != packet->clock_rate))
        panel_on_restart(shard, session, i);
    if (!track->seen)
        track->first_ns = track->reader.joined_ns = packet->arrival_ns;
    track->seen = true;
    track->codec = packet->codec;
    track->kind = packet->kind;
    track->clock_rate = packet->clock_rate;
}

void panel_on_packet(struct panel_shard *shard, struct panel_session *session, unsigned i,
                     const struct panel_packet *packet)
{
    if (i >= PANEL_TRACKS || packet->order == PANEL_DUPLICATE)
        return;
    struct panel_track *track = &session->tracks[i];
    struct panel_readers *readers = readers_of(shard, session, i);
    take_format(shard, session, i, packet);
    track->last_ns = packet->arrival_ns;
    track->bytes += packet->bytes;
    if (is_leading(session, i))
        panel_mdi_on_packet(&track->mdi, shard->stats, packet->arrival_ns,
                            packet->bytes > RTP_HEADER_MIN ? packet->bytes - RTP_HEADER_MIN : 0,
                            packet->declared_bps);
    if (packet->order == PANEL_IN_ORDER)
        in_order_packet(shard, session, i, packet);
    else if (readers)
        panel_readers_on_filled(readers, &track->reader, (uint16_t)packet->sequence);
    if (packet->kind == MEDIA_VIDEO)
        add_to_frames(shard, track, packet);
}

static uint32_t to_ms(uint64_t ns)
{
    return (uint32_t)(ns / NS_PER_MS);
}

void panel_on_gap(struct panel_shard *shard, struct panel_session *session, unsigned i,
                  uint32_t first, uint32_t count, uint64_t now_ns)
{
    if (i >= PANEL_TRACKS || count == 0)
        return;
    struct panel_track *track = &session->tracks[i];
    struct panel_readers *readers = readers_of(shard, session, i);
    if (is_leading(session, i))
        panel_mdi_advance(&track->mdi, shard->stats, now_ns);
    track->mdi.missing += track->codec == CODEC_MPEG_TS ? count * TS_PACKETS : count;
    if (!readers)
        return;
    struct panel_gap gap = {
        .first = (uint16_t)first,
        .count = count < UINT16_MAX ? (uint16_t)count : UINT16_MAX,
        .opened_ms = to_ms(now_ns),
    };
    panel_readers_on_gap(readers, &track->reader, &shard->stats->panel, gap);
}

void panel_on_restart(struct panel_shard *shard, struct panel_session *session, unsigned i)
{
    if (i >= PANEL_TRACKS)
        return;
    struct panel_track *track = &session->tracks[i];
    settle_frames(shard, track, true);
    release_latencies(shard, track);
    track->decoding = (struct panel_decoding){0};
    track->frames.has_settled = false;
    track->has_keyframe = false;
    track->latency.report_unix_ns = 0;
    track->pace.started = false;
    panel_playout_restart(&track->playout);
    track->started = false;
}

void panel_on_sender_report(struct panel_session *session, unsigned i, uint64_t ntp,
                            uint32_t rtp_timestamp)
{
    if (i < PANEL_TRACKS)
        panel_latency_on_report(&session->tracks[i].latency, ntp, rtp_timestamp);
}

/* How far one video and one audio track are apart; in the medians of a second. */
static void record_skew(struct panel_shard *shard, struct panel_session *session)
{
    struct panel_track *a = &session->tracks[0];
    struct panel_track *b = &session->tracks[1];
    int32_t transit_a, transit_b;
    bool has_a = panel_latency_take_median(&a->latency, &transit_a);
    bool has_b = panel_latency_take_median(&b->latency, &transit_b);
    bool both_kinds = (a->kind == MEDIA_VIDEO && b->kind == MEDIA_AUDIO) ||
                      (a->kind == MEDIA_AUDIO && b->kind == MEDIA_VIDEO);
    if (!has_a || !has_b || !both_kinds || !is_order_sure(a) || !is_order_sure(b))
        return;
    int64_t skew = (int64_t)transit_a - transit_b;
    histogram_record(&shard->stats->metrics[METRIC_PANEL_SKEW],
                     (uint64_t)(skew < 0 ? -skew : skew));
}

void panel_on_second(struct panel_shard *shard, struct panel_session *session, uint64_t now_ns)
{
    for (unsigned i = 0; i < PANEL_TRACKS; i++) {
        struct panel_track *track = &session->tracks[i];
        struct panel_readers *readers = readers_of(shard, session, i);
        if (now_ns > TICK_GRACE_NS && is_leading(session, i))
            panel_mdi_advance(&track->mdi, shard->stats, now_ns - TICK_GRACE_NS);
        if (readers && track->seen)
            panel_readers_settle(readers, &track->reader, &shard->stats->panel, to_ms(now_ns),
                                 false);
    }
    record_skew(shard, session);
}

void panel_on_stop(struct panel_shard *shard, struct panel_session *session, uint64_t now_ns)
{
    for (unsigned i = 0; i < PANEL_TRACKS; i++) {
        struct panel_track *track = &session->tracks[i];
        panel_playout_end(&track->playout, &shard->stats->panel,
                          panel_frames_pending_ns(&track->frames), now_ns);
    }
}

/* What a viewer has seen as the warm-up ends: a frame that isn't judged yet passes for whole. */
static struct panel_playout warmed_playout(const struct panel_track *track, uint64_t now_ns)
{
    struct panel_counts uncounted = {0};
    struct panel_playout playout = track->playout;
    const struct panel_frame *newest = panel_frames_newest(&track->frames);
    if (newest)
        panel_playout_on_frame(&playout, &uncounted, newest->due, newest->last_arrival_ns,
                               newest->has_due ? track->clock_rate : 0);
    panel_playout_count_from(&playout, now_ns);
    return playout;
}

void panel_session_end_warmup(struct panel_shard *shard, struct panel_session *session,
                              uint64_t now_ns)
{
    struct panel_playout playouts[PANEL_TRACKS];
    struct panel_decoding decodings[PANEL_TRACKS];
    for (unsigned i = 0; i < PANEL_TRACKS; i++) {
        struct panel_track *track = &session->tracks[i];
        struct panel_readers *readers = readers_of(shard, session, i);
        struct panel_counts uncounted = {0};
        playouts[i] = warmed_playout(track, now_ns);
        decodings[i] = track->decoding;
        if (!readers)
            continue;
        panel_readers_settle(readers, &track->reader, &uncounted, to_ms(now_ns), true);
        panel_readers_leave(readers, &track->reader);
    }
    panel_session_init(shard, session, session->stream);
    for (unsigned i = 0; i < PANEL_TRACKS; i++) {
        session->tracks[i].playout = playouts[i];
        session->tracks[i].decoding = decodings[i];
    }
}

void panel_session_end(struct panel_shard *shard, struct panel_session *session, uint64_t now_ns)
{
    struct panel_counts *counts = &shard->stats->panel;
    for (unsigned i = 0; i < PANEL_TRACKS; i++) {
        struct panel_track *track = &session->tracks[i];
        struct panel_readers *readers = readers_of(shard, session, i);
        uint64_t pending_ns = panel_frames_pending_ns(&track->frames);
        uint32_t pace;
        settle_frames(shard, track, true);
        release_latencies(shard, track);
        panel_playout_end(&track->playout, counts, pending_ns, now_ns);
        if (panel_pace_end(&track->pace, &pace) && is_leading(session, i))
            record_pace(shard, pace);
        if (readers) {
            panel_readers_settle(readers, &track->reader, counts, to_ms(now_ns), true);
            panel_readers_leave(readers, &track->reader);
        }
    }
}

/* Seconds of media that came, by RTP time and the last frame included; else by arrival. */
static double media_s(const struct panel_track *track)
{
    const struct panel_pace *pace = &track->pace;
    double s = (double)(track->last_ns - track->first_ns) / (double)NS_PER_S;
    if (pace->first_ns == track->first_ns && pace->media_ns > 0)
        s = (double)pace->media_ns / (double)NS_PER_S;
    if (track->frames.steps > 0 && track->clock_rate > 0)
        s += (double)track->frames.step_ticks / track->frames.steps / track->clock_rate;
    return s;
}

bool panel_track_info(const struct panel_session *session, unsigned i,
                      struct panel_track_info *info)
{
    *info = (struct panel_track_info){0};
    if (i >= PANEL_TRACKS || !session->tracks[i].seen)
        return false;
    const struct panel_track *track = &session->tracks[i];
    double clock_rate = track->clock_rate;
    double s = media_s(track);
    if (track->frames.step_ticks > 0)
        info->frame_rate = track->frames.steps * clock_rate / (double)track->frames.step_ticks;
    if (track->keyframe_steps > 0 && clock_rate > 0)
        info->keyframe_interval_s =
            (double)track->keyframe_ticks / clock_rate / track->keyframe_steps;
    if (s > 0)
        info->bitrate_bps = (double)track->bytes * 8 / s;
    info->keyframes = track->keyframes;
    info->lag_us = (uint64_t)(track->pace.delay_ns - track->pace.best_ns) / NS_PER_US;
    info->falling_behind = track->pace.behind;
    info->markers_trusted = panel_frames_markers_trusted(&track->frames);
    info->latency_source = track->latency.source;
    return true;
}
