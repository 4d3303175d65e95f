#include "media/media_module.h"

#include <inttypes.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "media/aac_pack.h"
#include "media/media.h"
#include "media/media_input.h"
#include "media/media_tracks.h"
#include "media/nal_pack.h"

#define BYTES_MAX (UINT64_C(1) << 30) /* of compressed media: it is held in memory */
#define PHASE_NS (40 * NS_PER_MS)     /* readers start in step with a frame of 25 a second */
#define PCM_PACKET_NS (20 * NS_PER_MS)
#define FRAME_RATE_DEFAULT 25

/* An access unit of the file, or a run of samples. */
struct unit {
    size_t at; /* in bytes */
    uint32_t len;
    uint8_t track;
    int64_t dts_ns, pts_ns, duration_ns;
};

struct stream {
    AVStream *from;
    const struct carriage *carriage;
    AVBSFContext *filter; /* NULL: none is needed */
    int64_t last_ns;      /* dts of the last unit; they must not go back */
    int64_t next_ns;      /* when a unit without time stamps would be due */
    bool started;
    struct nal_sets sets;
};

struct loading {
    AVFormatContext *input;
    struct media *media;
    struct stream streams[MEDIA_TRACKS_MAX];
    uint8_t *bytes;
    size_t len, room;
    struct unit *units;
    size_t unit_count, unit_room;
    char *error;
    size_t error_size;
};

static bool fail(struct loading *loading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct loading *loading, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(loading->error, loading->error_size, format, args);
    va_end(args);
    return false;
}

static bool open_filter(struct stream *stream)
{
    const AVBitStreamFilter *filter = av_bsf_get_by_name(stream->carriage->filter);
    return filter && av_bsf_alloc(filter, &stream->filter) >= 0 &&
           avcodec_parameters_copy(stream->filter->par_in, stream->from->codecpar) >= 0 &&
           (stream->filter->time_base_in = stream->from->time_base, true) &&
           av_bsf_init(stream->filter) >= 0;
}

static bool add_stream(struct loading *loading, AVStream *from)
{
    struct stream *stream = &loading->streams[loading->media->track_count++];
    stream->from = from;
    stream->carriage = carriage_of(from);
    return !stream->carriage->filter || open_filter(stream) ||
           fail(loading, "its %s can't be read", avcodec_get_name(from->codecpar->codec_id));
}

static bool add_streams(struct loading *loading, const char *wanted)
{
    struct media_choice choice;
    struct text why = text_init(loading->error, loading->error_size);
    bool added = media_tracks_choose(loading->input, wanted, &choice, loading->media, &why);
    if (!added)
        text_string(&why);
    for (unsigned i = 0; added && i < choice.count; i++)
        added = add_stream(loading, loading->input->streams[choice.streams[i]]);
    return added;
}

/* A file that was cut off plays up to there. */
static void note_missing(struct loading *loading, const char *path)
{
    uint64_t bytes = media_input_missing(path);
    if (bytes > 0)
        media_note(loading->media, "it is cut off: its last %" PRIu64 " bytes are missing", bytes);
}

static void *grow(void *array, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return array;
    while (*room < needed)
        *room = *room > 0 ? *room * 2 : 4096;
    return reallocarray(array, *room, size);
}

/* Raw streams have no time stamps and are paced by their frame rate; Matroska leaves out the dts of
   the first units, which then go with the one before. */
static struct unit time_unit(struct stream *stream, const AVPacket *packet)
{
    AVRational base = stream->from->time_base, ns = {1, 1000000000};
    AVRational rate = stream->from->avg_frame_rate;
    int64_t usual_ns = NS_PER_S / FRAME_RATE_DEFAULT;
    if (rate.num > 0 && rate.den > 0)
        usual_ns = av_rescale(NS_PER_S, rate.den, rate.num);
    struct unit unit = {.dts_ns = stream->next_ns};
    unit.duration_ns = packet->duration > 0 ? av_rescale_q(packet->duration, base, ns) : usual_ns;
    if (packet->dts != AV_NOPTS_VALUE)
        unit.dts_ns = av_rescale_q(packet->dts, base, ns);
    else if (packet->pts != AV_NOPTS_VALUE)
        unit.dts_ns = stream->started ? stream->last_ns : av_rescale_q(packet->pts, base, ns);
    if (stream->started && unit.dts_ns < stream->last_ns)
        unit.dts_ns = stream->last_ns;
    unit.pts_ns = packet->pts != AV_NOPTS_VALUE ? av_rescale_q(packet->pts, base, ns) : unit.dts_ns;
    stream->started = true;
    stream->last_ns = unit.dts_ns;
    stream->next_ns = unit.dts_ns + unit.duration_ns;
    return unit;
}

/* Keeps a packet's bytes, which the filter and the demuxer would take back. */
static bool keep_unit(struct loading *loading, unsigned track, const AVPacket *packet)
{
    struct unit unit = time_unit(&loading->streams[track], packet);
    unit.at = loading->len;
    unit.len = (uint32_t)packet->size;
    unit.track = (uint8_t)track;
    uint8_t *bytes = grow(loading->bytes, &loading->room, loading->len + unit.len, 1);
    if (!bytes)
        return fail(loading, "out of memory");
    loading->bytes = bytes;
    struct unit *units =
        grow(loading->units, &loading->unit_room, loading->unit_count + 1, sizeof(unit));
    if (!units)
        return fail(loading, "out of memory");
    loading->units = units;
    memcpy(bytes + loading->len, packet->data, unit.len);
    loading->len += unit.len;
    units[loading->unit_count++] = unit;
    return loading->len <= BYTES_MAX || fail(loading, "it holds over 1 GiB of media");
}

static bool filter_packet(struct loading *loading, unsigned track, AVPacket *packet)
{
    AVBSFContext *filter = loading->streams[track].filter;
    bool kept = true;
    if (!filter)
        return keep_unit(loading, track, packet);
    if (av_bsf_send_packet(filter, packet) < 0)
        return fail(loading, "its video is damaged");
    while (kept && av_bsf_receive_packet(filter, packet) >= 0) {
        kept = keep_unit(loading, track, packet);
        av_packet_unref(packet);
    }
    return kept;
}

static bool read_all(struct loading *loading)
{
    AVPacket *packet = av_packet_alloc();
    bool kept = packet != NULL;
    while (kept && av_read_frame(loading->input, packet) >= 0) {
        for (unsigned i = 0; i < loading->media->track_count && kept; i++) {
            if (packet->stream_index == loading->streams[i].from->index)
                kept = filter_packet(loading, i, packet);
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return kept && (loading->unit_count > 0 || fail(loading, "it holds no media"));
}

static bool describe_video(struct loading *loading, unsigned track)
{
    struct stream *stream = &loading->streams[track];
    struct media_track *to = &loading->media->tracks[track];
    struct text fmtp = text_init(to->fmtp, sizeof(to->fmtp));
    enum nal_codec codec = stream->carriage->codec == AV_CODEC_ID_H264 ? NAL_H264 : NAL_H265;
    const AVCodecParameters *filtered = stream->filter->par_out;
    struct slice extra = slice_make(filtered->extradata, (size_t)filtered->extradata_size);
    for (size_t i = 0; !nal_find_sets(codec, extra, &stream->sets); i++) {
        if (i == loading->unit_count)
            return fail(loading, "its video has no parameter sets");
        extra = slice_make(loading->bytes + loading->units[i].at,
                           loading->units[i].track == track ? loading->units[i].len : 0);
    }
    nal_write_fmtp(&fmtp, codec, &stream->sets);
    if (fmtp.overflow)
        return fail(loading, "its parameter sets are too long");
    text_string(&fmtp);
    to->video = true;
    return true;
}

/* Raw AAC comes in ADTS frames, which tell what a container's header would. */
static bool describe_aac(struct loading *loading, unsigned track)
{
    const AVCodecParameters *of = loading->streams[track].from->codecpar;
    struct slice config = slice_make(of->extradata, (size_t)of->extradata_size);
    uint8_t made[2];
    struct adts adts;
    for (size_t i = 0; config.len == 0; i++) {
        if (i == loading->unit_count)
            return fail(loading, "its AAC has no configuration");
        const struct unit *unit = &loading->units[i];
        struct slice frame = slice_make(loading->bytes + unit->at, unit->len);
        if (unit->track != track || !adts_next(&frame, &adts))
            continue;
        adts_config(&adts, made);
        config = slice_make(made, sizeof(made));
    }
    aac_describe(&loading->media->tracks[track], config, (uint32_t)of->sample_rate,
                 (unsigned)of->ch_layout.nb_channels);
    return true;
}

/* Sound that has a static payload type goes out under it (RFC 3551, table 4). */
static uint8_t payload_type_of(const struct carriage *carriage, uint32_t rate, unsigned channels)
{
    bool l16 = carriage->codec == AV_CODEC_ID_PCM_S16BE || carriage->codec == AV_CODEC_ID_PCM_S16LE;
    if (carriage->codec == AV_CODEC_ID_PCM_MULAW && rate == 8000 && channels == 1)
        return 0;
    if (carriage->codec == AV_CODEC_ID_PCM_ALAW && rate == 8000 && channels == 1)
        return 8;
    if (l16 && rate == 44100 && (channels == 1 || channels == 2))
        return channels == 2 ? 10 : 11;
    return carriage->payload_type;
}

static bool describe_track(struct loading *loading, unsigned track)
{
    const struct stream *stream = &loading->streams[track];
    const struct carriage *carriage = stream->carriage;
    const AVCodecParameters *of = stream->from->codecpar;
    struct media_track *to = &loading->media->tracks[track];
    unsigned channels = (unsigned)of->ch_layout.nb_channels;
    if (!carriage->name)
        return describe_aac(loading, track);
    to->clock_rate = carriage->clock_rate > 0 ? carriage->clock_rate : (uint32_t)of->sample_rate;
    to->payload_type = payload_type_of(carriage, to->clock_rate, channels);
    /* A receiver expects mono (RFC 7587, 6.1). */
    if (carriage->codec == AV_CODEC_ID_OPUS && channels == 2)
        snprintf(to->fmtp, sizeof(to->fmtp), "sprop-stereo=1");
    if (carriage->filter)
        snprintf(to->rtpmap, sizeof(to->rtpmap), "%s/%u", carriage->name, to->clock_rate);
    else
        snprintf(to->rtpmap, sizeof(to->rtpmap), "%s/%u/%u", carriage->name, to->clock_rate,
                 carriage->codec == AV_CODEC_ID_OPUS ? 2 : channels);
    return !carriage->filter || describe_video(loading, track);
}

/* Cuts samples into packets of 20 ms that fit, whole blocks of all channels each (RFC 3551, 4.2).
 */
static bool pack_pcm(struct loading *loading, const struct unit *unit, struct media_packet packet)
{
    const struct stream *stream = &loading->streams[unit->track];
    uint32_t rate = loading->media->tracks[unit->track].clock_rate;
    uint32_t block =
        stream->carriage->sample_bytes * (uint32_t)stream->from->codecpar->ch_layout.nb_channels;
    uint64_t blocks = rate * PCM_PACKET_NS / NS_PER_S;
    uint64_t fit = media_payload_max(loading->media) / block;
    size_t piece_len = (size_t)(blocks < fit ? blocks : fit) * block;
    struct slice rest = slice_make(loading->bytes + unit->at, unit->len - unit->len % block);
    uint64_t start_ns = packet.due_ns, done = 0;
    uint32_t start = packet.timestamp;
    if (piece_len == 0)
        return fail(loading, "a sample of all its %d channels is larger than a packet of %u bytes",
                    stream->from->codecpar->ch_layout.nb_channels, loading->media->mtu);
    for (size_t i = 0; stream->carriage->swap && i + 1 < unit->len; i += 2) {
        uint8_t *sample = loading->bytes + unit->at + i, low = sample[0];
        sample[0] = sample[1];
        sample[1] = low;
    }
    while (rest.len > 0) {
        struct slice piece = slice_take(&rest, piece_len);
        packet.due_ns = start_ns + done * NS_PER_S / rate;
        packet.timestamp = start + (uint32_t)done;
        packet.payload = piece.data;
        packet.payload_len = (uint16_t)piece.len;
        if (!media_add(loading->media, &packet))
            return fail(loading, "out of memory");
        done += piece.len / block;
    }
    return true;
}

/* A packet each: RTP knows no fragments of Opus (RFC 7587, 4.2). */
static bool pack_opus(struct loading *loading, struct slice unit, struct media_packet packet)
{
    uint32_t most = media_payload_max(loading->media);
    if (unit.len > most)
        return fail(loading,
                    "it has an Opus frame of %zu bytes, which RTP can't cut into packets of %u: "
                    "it needs --mtu %zu",
                    unit.len, most + MEDIA_RTP_HEADER, unit.len + MEDIA_RTP_HEADER);
    packet.payload = unit.data;
    packet.payload_len = (uint16_t)unit.len;
    return media_add(loading->media, &packet) || fail(loading, "out of memory");
}

static bool pack_unit(struct loading *loading, const struct unit *unit, int64_t start_ns)
{
    const struct stream *stream = &loading->streams[unit->track];
    unsigned id = stream->carriage->codec;
    struct slice bytes = slice_make(loading->bytes + unit->at, unit->len);
    struct adts adts;
    int64_t rate = loading->media->tracks[unit->track].clock_rate;
    struct media_packet packet = {
        .track = unit->track,
        .due_ns = (uint64_t)(unit->dts_ns - start_ns),
        .timestamp = (uint32_t)av_rescale(unit->pts_ns - start_ns, rate, NS_PER_S),
    };
    if (stream->carriage->filter)
        return nal_pack(loading->media, id == AV_CODEC_ID_H264 ? NAL_H264 : NAL_H265, bytes,
                        &stream->sets, &packet) ||
               fail(loading, "out of memory");
    if (stream->carriage->sample_bytes > 0)
        return pack_pcm(loading, unit, packet);
    if (id == AV_CODEC_ID_AAC) {
        if (adts_next(&bytes, &adts))
            bytes = adts.unit;
        return aac_pack(loading->media, bytes, &packet) || fail(loading, "its AAC is damaged");
    }
    return pack_opus(loading, bytes, packet);
}

/* Where pictures are reordered, the first one is sent ahead of its timestamp. */
static uint64_t decoding_delay(const struct loading *loading)
{
    for (size_t i = 0; i < loading->unit_count; i++) {
        const struct unit *unit = &loading->units[i];
        if (loading->media->tracks[unit->track].video)
            return unit->pts_ns > unit->dts_ns ? (uint64_t)(unit->pts_ns - unit->dts_ns) : 0;
    }
    return 0;
}

/* The lap lasts until the last track's last unit is over. */
static bool pack_all(struct loading *loading)
{
    struct media *media = loading->media;
    int64_t start_ns = INT64_MAX, end_ns = 0;
    for (size_t i = 0; i < loading->unit_count; i++) {
        const struct unit *unit = &loading->units[i];
        start_ns = unit->dts_ns < start_ns ? unit->dts_ns : start_ns;
        if (i == 0 || unit->dts_ns + unit->duration_ns > end_ns)
            end_ns = unit->dts_ns + unit->duration_ns;
    }
    media->lap_ns = (uint64_t)(end_ns - start_ns);
    media->joins = 1;
    media->phases = (uint32_t)(media->lap_ns / PHASE_NS) + 1;
    for (unsigned i = 0; i < media->track_count; i++) {
        struct media_track *track = &media->tracks[i];
        if (!describe_track(loading, i))
            return false;
        track->lap_ticks =
            (uint32_t)av_rescale((int64_t)media->lap_ns, track->clock_rate, NS_PER_S);
        track->bandwidth_kbps = (uint32_t)(loading->streams[i].from->codecpar->bit_rate / 1000);
    }
    for (size_t i = 0; i < loading->unit_count; i++) {
        if (!pack_unit(loading, &loading->units[i], start_ns))
            return false;
    }
    media->delay_ns = decoding_delay(loading);
    media->owned = loading->bytes;
    loading->bytes = NULL;
    return media_finish(media) || fail(loading, "its time stamps make no sense");
}

static void dispose(struct loading *loading)
{
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++)
        av_bsf_free(&loading->streams[i].filter);
    avformat_close_input(&loading->input);
    free(loading->bytes);
    free(loading->units);
}

struct media *media_module_open(const struct media_file *file, char *error, size_t size)
{
    struct loading loading = {.error = error, .error_size = size};
    loading.media = calloc(1, sizeof(*loading.media));
    if (!loading.media) {
        fail(&loading, "out of memory");
        return NULL;
    }
    loading.media->mtu = file->mtu > 0 ? file->mtu : MEDIA_MTU_DEFAULT;
    av_log_set_level(AV_LOG_QUIET);
    loading.input = media_input_open(file->path, error, size);
    bool loaded = loading.input && add_streams(&loading, file->tracks) && read_all(&loading) &&
                  pack_all(&loading);
    if (loaded)
        note_missing(&loading, file->path);
    struct media *media = loading.media;
    dispose(&loading);
    if (loaded)
        return media;
    media_free(media);
    return NULL;
}
