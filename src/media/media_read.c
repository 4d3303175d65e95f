#include "media/media_read.h"

#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "media/aac_pack.h"
#include "media/opus.h"

#define YEARS_MAX 50                  /* a time further off is damage */
#define BYTES_MAX (UINT64_C(1) << 30) /* of compressed media: it is held in memory */
#define PCM_PACKET_NS (20 * NS_PER_MS)

bool loading_fail(struct loading *loading, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(loading->error, loading->error_size, format, args);
    va_end(args);
    return false;
}

enum nal_codec loading_codec(const struct media_stream *stream)
{
    return stream->carriage->codec == AV_CODEC_ID_H264 ? NAL_H264 : NAL_H265;
}

static void *grow(void *array, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return array;
    while (*room < needed)
        *room = *room > 0 ? *room * 2 : 4096;
    return reallocarray(array, *room, size);
}

static int64_t time_of(const struct media_stream *stream, int64_t time, uint32_t rate)
{
    AVRational clock = {1, (int)rate};
    int64_t most = (int64_t)rate * YEARS_MAX * 365 * 86400; /* sums of such times fit into ns */
    if (time == AV_NOPTS_VALUE)
        return TIMING_NONE;
    int64_t ticks = av_rescale_q(time, stream->from->time_base, clock);
    return ticks > most || ticks < -most ? TIMING_NONE : ticks;
}

/* Keeps bytes that the filter and the demuxer would take back. */
static bool keep_bytes(struct loading *loading, struct slice bytes)
{
    uint8_t *all = grow(loading->bytes, &loading->room, loading->len + bytes.len, 1);
    if (!all)
        return loading_fail(loading, "out of memory");
    loading->bytes = all;
    if (bytes.len > 0)
        memcpy(all + loading->len, bytes.data, bytes.len);
    loading->len += bytes.len;
    return loading->len <= BYTES_MAX || loading_fail(loading, "it holds over 1 GiB of media");
}

static bool keep_unit(struct loading *loading, struct timing_unit unit, const uint8_t *bytes)
{
    struct timing *timing = &loading->timing;
    struct timing_unit *units =
        grow(timing->units, &loading->unit_room, timing->count + 1, sizeof(unit));
    if (!units)
        return loading_fail(loading, "out of memory");
    timing->units = units;
    unit.bytes = loading->len;
    if (!keep_bytes(loading, slice_make(bytes, unit.len)))
        return false;
    units[timing->count++] = unit;
    return true;
}

/* A container's parameter sets are sent with keyframes that have none of their own. */
static bool keep_sets(struct loading *loading, struct media_stream *stream)
{
    const AVCodecParameters *filtered = stream->filter->par_out;
    stream->extra_at = loading->len;
    stream->extra_len = (size_t)filtered->extradata_size;
    return keep_bytes(loading, slice_make(filtered->extradata, stream->extra_len));
}

static uint32_t block_of(const struct media_stream *stream)
{
    return stream->carriage->sample_bytes * (uint32_t)stream->from->codecpar->ch_layout.nb_channels;
}

/* Cuts samples into packets of 20 ms that fit, whole blocks of all channels each (RFC 3551, 4.2).
 */
static bool cut_samples(struct loading *loading, unsigned track)
{
    struct media_stream *stream = &loading->streams[track];
    uint32_t rate = loading->timing.tracks[track].rate, block = block_of(stream);
    uint64_t blocks = rate * PCM_PACKET_NS / NS_PER_S;
    uint64_t fit = media_payload_max(loading->media) / block;
    size_t piece_len = (size_t)(blocks < fit ? blocks : fit) * block;
    struct slice rest = slice_make(stream->samples, stream->samples_len);
    if (piece_len == 0)
        return loading_fail(loading,
                            "a sample of all its %d channels is larger than a packet of %u bytes",
                            stream->from->codecpar->ch_layout.nb_channels, loading->media->mtu);
    for (size_t i = 0; stream->carriage->swap && i + 1 < rest.len; i += 2) {
        uint8_t *sample = stream->samples + i, low = sample[0];
        sample[0] = sample[1];
        sample[1] = low;
    }
    while (rest.len > 0) {
        struct slice piece = slice_take(&rest, piece_len);
        struct timing_unit unit = {
            .pts = stream->samples_at,
            .dts = TIMING_NONE,
            .duration = (uint32_t)(piece.len / block),
            .track = (uint8_t)track,
            .len = (uint32_t)piece.len,
        };
        stream->samples_at += unit.duration;
        if (!keep_unit(loading, unit, piece.data))
            return false;
    }
    stream->samples_len = 0;
    return true;
}

/* Gathers the samples of a file's packets, which may be of any size, as long as no time is missing
   between them. */
static bool keep_samples(struct loading *loading, unsigned track, const AVPacket *packet)
{
    struct media_stream *stream = &loading->streams[track];
    uint32_t rate = loading->timing.tracks[track].rate, block = block_of(stream);
    size_t len = (size_t)packet->size - (size_t)packet->size % block;
    int64_t next = stream->samples_at + (int64_t)(stream->samples_len / block);
    int64_t at = time_of(stream, packet->pts, rate), off = at == TIMING_NONE ? 0 : at - next;
    if (off > rate / 50 || -off > rate / 50) {
        if (!cut_samples(loading, track))
            return false;
        stream->samples_at = at;
    }
    uint8_t *samples = grow(stream->samples, &stream->samples_room, stream->samples_len + len, 1);
    if (!samples)
        return loading_fail(loading, "out of memory");
    stream->samples = samples;
    memcpy(samples + stream->samples_len, packet->data, len);
    stream->samples_len += len;
    return loading->len + stream->samples_len <= BYTES_MAX ||
           loading_fail(loading, "it holds over 1 GiB of media");
}

/* Whether an edit of an MP4 file begins later. libavformat marks what is in front of it, but for
   fragmented files, where it does no more than count times from the edit. */
static bool is_hidden(const struct loading *loading, const AVPacket *packet)
{
    bool mp4 = strncmp(loading->input->iformat->name, "mov,", 4) == 0;
    return (packet->flags & AV_PKT_FLAG_DISCARD) ||
           (mp4 && packet->pts != AV_NOPTS_VALUE && packet->pts + packet->duration <= 0 &&
            packet->pts < 0);
}

/* In samples. */
static uint32_t duration_of_sound(const struct loading *loading, unsigned track,
                                  const AVPacket *packet)
{
    const struct media_stream *stream = &loading->streams[track];
    const AVCodecParameters *of = stream->from->codecpar;
    struct slice bytes = slice_make(packet->data, (size_t)packet->size);
    if (stream->carriage->codec == AV_CODEC_ID_OPUS)
        return opus_samples(bytes);
    return of->frame_size > 0 ? (uint32_t)of->frame_size : AAC_SAMPLES;
}

static bool keep_sound(struct loading *loading, unsigned track, const AVPacket *packet)
{
    const struct media_stream *stream = &loading->streams[track];
    uint32_t rate = loading->timing.tracks[track].rate;
    struct timing_unit unit = {
        .pts = time_of(stream, packet->pts, rate),
        .dts = TIMING_NONE,
        .duration = duration_of_sound(loading, track, packet),
        .track = (uint8_t)track,
        .len = (uint32_t)packet->size,
        .hidden = is_hidden(loading, packet),
    };
    return unit.duration == 0 || unit.len == 0 || keep_unit(loading, unit, packet->data);
}

/* The order in which pictures of a raw stream are shown. */
static bool find_order(struct media_stream *stream, const AVPacket *packet, int64_t *order)
{
    struct slice bytes = slice_make(packet->data, (size_t)packet->size);
    uint8_t *out;
    int out_len;
    if (!stream->parser) {
        stream->parser = av_parser_init((int)stream->carriage->codec);
        stream->context = avcodec_alloc_context3(NULL);
        if (!stream->parser || !stream->context)
            return false;
        stream->context->codec_id = stream->from->codecpar->codec_id;
        stream->parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    }
    av_parser_parse2(stream->parser, stream->context, &out, &out_len, packet->data, packet->size,
                     AV_NOPTS_VALUE, AV_NOPTS_VALUE, 0);
    stream->epoch += nal_unit_begins_order(loading_codec(stream), bytes);
    *order = stream->epoch * (INT64_C(1) << 32) + stream->parser->output_picture_number;
    if (stream->keyed && *order == stream->order && stream->from->codecpar->video_delay > 0)
        stream->unordered = true;
    stream->keyed |= nal_unit_is_keyframe(loading_codec(stream), bytes);
    stream->order = *order;
    return true;
}

static bool keep_picture(struct loading *loading, unsigned track, const AVPacket *packet)
{
    struct media_stream *stream = &loading->streams[track];
    uint32_t rate = loading->timing.tracks[track].rate;
    struct slice bytes = slice_make(packet->data, (size_t)packet->size);
    int64_t duration = time_of(stream, packet->duration, rate);
    struct timing_unit unit = {
        .pts = time_of(stream, packet->pts, rate),
        .dts = time_of(stream, packet->dts, rate),
        .duration = duration > 0 && duration < UINT32_MAX ? (uint32_t)duration : 0,
        .track = (uint8_t)track,
        .len = (uint32_t)packet->size,
        .key =
            (packet->flags & AV_PKT_FLAG_KEY) || nal_unit_is_keyframe(loading_codec(stream), bytes),
        .hidden = is_hidden(loading, packet),
    };
    if (unit.pts == TIMING_NONE && !find_order(stream, packet, &unit.order))
        return loading_fail(loading, "out of memory");
    return keep_unit(loading, unit, packet->data);
}

static bool keep_packet(struct loading *loading, unsigned track, const AVPacket *packet)
{
    const struct carriage *carriage = loading->streams[track].carriage;
    return carriage->filter             ? keep_picture(loading, track, packet)
           : carriage->sample_bytes > 0 ? keep_samples(loading, track, packet)
                                        : keep_sound(loading, track, packet);
}

static bool filter_packet(struct loading *loading, unsigned track, AVPacket *packet)
{
    AVBSFContext *filter = loading->streams[track].filter;
    bool kept = true;
    if (!filter)
        return keep_packet(loading, track, packet);
    if (av_bsf_send_packet(filter, packet) < 0)
        return loading_fail(loading, "its video is damaged");
    while (kept && av_bsf_receive_packet(filter, packet) >= 0) {
        kept = keep_packet(loading, track, packet);
        av_packet_unref(packet);
    }
    return kept;
}

bool loading_read(struct loading *loading)
{
    AVPacket *packet = av_packet_alloc();
    bool kept = packet != NULL;
    for (unsigned i = 0; i < loading->media->track_count && kept; i++)
        kept = !loading->streams[i].filter || keep_sets(loading, &loading->streams[i]);
    while (kept && av_read_frame(loading->input, packet) >= 0) {
        for (unsigned i = 0; i < loading->media->track_count && kept; i++) {
            if (packet->stream_index == loading->streams[i].from->index)
                kept = filter_packet(loading, i, packet);
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    for (unsigned i = 0; i < loading->media->track_count && kept; i++) {
        if (loading->streams[i].unordered)
            kept = loading_fail(loading, "nothing tells the order in which its pictures are shown; "
                                         "encoded into MP4 it does: ffmpeg -i FILE FILE.mp4");
        kept = kept && (loading->streams[i].samples_len == 0 || cut_samples(loading, i));
    }
    return kept && (loading->timing.count > 0 || loading_fail(loading, "it holds no media"));
}
