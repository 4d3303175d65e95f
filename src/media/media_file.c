#include "media/media_module.h"

#include <inttypes.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "media/aac_pack.h"
#include "media/media.h"
#include "media/media_input.h"
#include "media/media_read.h"
#include "media/media_tracks.h"
#include "media/nal_pack.h"
#include "media/timing.h"

#define PHASE_NS (40 * NS_PER_MS) /* readers start in step with a frame of 25 a second */
#define FRAME_RATE_DEFAULT 25
#define FRAME_RATE_MAX 1000000 /* of numerator and denominator: times are products with them */

static bool open_filter(struct media_stream *stream)
{
    const AVBitStreamFilter *filter = av_bsf_get_by_name(stream->carriage->filter);
    return filter && av_bsf_alloc(filter, &stream->filter) >= 0 &&
           avcodec_parameters_copy(stream->filter->par_in, stream->from->codecpar) >= 0 &&
           (stream->filter->time_base_in = stream->from->time_base, true) &&
           av_bsf_init(stream->filter) >= 0;
}

static void set_clock(struct loading *loading, unsigned track)
{
    struct media_stream *stream = &loading->streams[track];
    AVStream *from = stream->from;
    AVRational base = from->time_base, rate = av_guess_frame_rate(loading->input, from, NULL);
    uint32_t clock = stream->carriage->clock_rate;
    if (clock == 0)
        clock = (uint32_t)from->codecpar->sample_rate;
    if (rate.num > 0 && rate.den > 0)
        av_reduce(&rate.num, &rate.den, rate.num, rate.den, FRAME_RATE_MAX);
    bool known = rate.num > 0 && rate.den > 0;
    loading->timing.track_count = track + 1;
    loading->timing.tracks[track] = (struct timing_track){
        .video = stream->carriage->filter != NULL,
        .rate = clock,
        .jitter = (uint32_t)av_rescale(clock, base.num, base.den) + 1,
        .frames = known ? (uint32_t)rate.num : FRAME_RATE_DEFAULT,
        .frames_s = known ? (uint32_t)rate.den : 1,
    };
}

static bool add_stream(struct loading *loading, AVStream *from)
{
    struct media_stream *stream = &loading->streams[loading->media->track_count++];
    stream->from = from;
    stream->carriage = carriage_of(from);
    set_clock(loading, loading->media->track_count - 1);
    return !stream->carriage->filter || open_filter(stream) ||
           loading_fail(loading, "its %s can't be read",
                        avcodec_get_name(from->codecpar->codec_id));
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

static bool check_edits(struct loading *loading, const char *path)
{
    return !media_input_lacks_edits(path) ||
           loading_fail(loading,
                        "it is a fragmented MP4 file with more than one edit, which is not "
                        "supported. This copies it without edits: ffmpeg -i FILE -c copy "
                        "COPY.mp4");
}

/* A file that was cut off plays up to there. */
static void note_missing(struct loading *loading, const char *path)
{
    uint64_t bytes = media_input_missing(path);
    if (bytes > 0)
        media_note(loading->media, "it is cut off: its last %" PRIu64 " bytes are missing", bytes);
}

static bool describe_video(struct loading *loading, unsigned track)
{
    struct media_stream *stream = &loading->streams[track];
    struct media_track *to = &loading->media->tracks[track];
    struct text fmtp = text_init(to->fmtp, sizeof(to->fmtp));
    enum nal_codec codec = loading_codec(stream);
    struct slice extra = slice_make(loading->bytes + stream->extra_at, stream->extra_len);
    for (size_t i = 0; !nal_find_sets(codec, extra, &stream->sets); i++) {
        if (i == loading->timing.count)
            return loading_fail(loading, "its video has no parameter sets");
        const struct timing_unit *unit = &loading->timing.units[i];
        extra = slice_make(loading->bytes + unit->bytes, unit->track == track ? unit->len : 0);
    }
    nal_write_fmtp(&fmtp, codec, &stream->sets);
    if (fmtp.overflow)
        return loading_fail(loading, "its parameter sets are too long");
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
        if (i == loading->timing.count)
            return loading_fail(loading, "its AAC has no configuration");
        const struct timing_unit *unit = &loading->timing.units[i];
        struct slice frame = slice_make(loading->bytes + unit->bytes, unit->len);
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
    const struct media_stream *stream = &loading->streams[track];
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

static bool pack_whole(struct loading *loading, struct slice unit, struct media_packet packet)
{
    packet.payload = unit.data;
    packet.payload_len = (uint16_t)unit.len;
    return media_add(loading->media, &packet) || loading_fail(loading, "out of memory");
}

static bool refuse_opus(struct loading *loading, size_t needed)
{
    char room[64];
    struct text remedy = text_init(room, sizeof(room));
    if (needed <= loading->mtu_most)
        text_printf(&remedy, "it needs --mtu %zu", needed);
    else
        text_printf(&remedy, "--mtu is %u at most here", loading->mtu_most);
    return loading_fail(loading,
                        "it has an Opus frame of %zu bytes, which RTP can't cut into packets of "
                        "%u: %s",
                        needed - MEDIA_RTP_HEADER,
                        media_payload_max(loading->media) + MEDIA_RTP_HEADER, text_string(&remedy));
}

/* A packet each: RTP knows no fragments of Opus (RFC 7587, 4.2). */
static bool pack_opus(struct loading *loading, struct slice unit, struct media_packet packet)
{
    uint32_t most = media_payload_max(loading->media);
    if (unit.len > most)
        return refuse_opus(loading, unit.len + MEDIA_RTP_HEADER);
    return pack_whole(loading, unit, packet);
}

static bool pack_unit(struct loading *loading, const struct timing_unit *unit,
                      struct media_packet packet)
{
    const struct media_stream *stream = &loading->streams[unit->track];
    struct slice bytes = slice_make(loading->bytes + unit->bytes, unit->len);
    struct adts adts;
    if (stream->carriage->filter)
        return nal_pack(loading->media, loading_codec(stream), bytes, &stream->sets, &packet) ||
               loading_fail(loading, "out of memory");
    if (stream->carriage->sample_bytes > 0)
        return pack_whole(loading, bytes, packet);
    if (stream->carriage->codec == AV_CODEC_ID_AAC) {
        if (adts_next(&bytes, &adts))
            bytes = adts.unit;
        return aac_pack(loading->media, bytes, &packet) ||
               loading_fail(loading, "its AAC is damaged");
    }
    return pack_opus(loading, bytes, packet);
}

/* The first pictures of a lap follow those of another one. */
static void break_links(struct loading *loading)
{
    bool begun[MEDIA_TRACKS_MAX] = {false};
    for (size_t i = 0; i < loading->timing.count; i++) {
        const struct timing_unit *unit = &loading->timing.units[i];
        const struct media_stream *stream = &loading->streams[unit->track];
        if (!unit->sent)
            continue;
        if (!begun[unit->track] && stream->carriage->codec == AV_CODEC_ID_HEVC)
            nal_break_link(loading->bytes + unit->bytes, unit->len);
        begun[unit->track] = true;
    }
}

static bool pack_all(struct loading *loading)
{
    struct media *media = loading->media;
    break_links(loading);
    for (size_t i = 0; i < loading->timing.count; i++) {
        const struct timing_unit *unit = &loading->timing.units[i];
        struct media_packet at[2];
        unsigned times = timing_packets(&loading->timing, unit, at);
        for (unsigned n = 0; n < times; n++) {
            if (!pack_unit(loading, unit, at[n]))
                return false;
        }
    }
    media->owned = loading->bytes;
    loading->bytes = NULL;
    return media_finish(media) || loading_fail(loading, "its time stamps make no sense");
}

static bool describe_all(struct loading *loading)
{
    for (unsigned i = 0; i < loading->media->track_count; i++) {
        if (!describe_track(loading, i))
            return false;
        loading->media->tracks[i].bandwidth_kbps =
            (uint32_t)(loading->streams[i].from->codecpar->bit_rate / 1000);
    }
    return true;
}

/* Every track of a lap begins with the first keyframe: readers join there. */
static bool lay_out(struct loading *loading)
{
    struct media *media = loading->media;
    struct text why = text_init(loading->error, loading->error_size);
    if (!timing_lay_out(&loading->timing, media, &why)) {
        if (why.len == 0)
            text_add_string(&why, "out of memory");
        text_string(&why);
        return false;
    }
    media->joins = 1;
    media->phases = (uint32_t)(media->lap_ns / PHASE_NS) + 1;
    return true;
}

static void dispose(struct loading *loading)
{
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++) {
        av_bsf_free(&loading->streams[i].filter);
        av_parser_close(loading->streams[i].parser);
        avcodec_free_context(&loading->streams[i].context);
        free(loading->streams[i].samples);
    }
    avformat_close_input(&loading->input);
    free(loading->bytes);
    free(loading->timing.units);
}

struct media *media_module_open(const struct media_file *file, char *error, size_t size)
{
    struct loading loading = {.error = error, .error_size = size};
    loading.media = calloc(1, sizeof(*loading.media));
    if (!loading.media) {
        loading_fail(&loading, "out of memory");
        return NULL;
    }
    loading.mtu_most = file->mtu_most;
    loading.media->mtu = file->mtu > 0 ? file->mtu : MEDIA_MTU_DEFAULT;
    av_log_set_level(AV_LOG_QUIET);
    loading.input = media_input_open(file->path, error, size);
    bool loaded = loading.input && check_edits(&loading, file->path) &&
                  add_streams(&loading, file->tracks) && loading_read(&loading) &&
                  describe_all(&loading) && lay_out(&loading) && pack_all(&loading);
    if (loaded)
        note_missing(&loading, file->path);
    struct media *media = loading.media;
    dispose(&loading);
    if (loaded)
        return media;
    media_free(media);
    return NULL;
}
