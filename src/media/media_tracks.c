#include "media/media_tracks.h"

#include <libavformat/avformat.h>
#include <stdio.h>

#define CARRIED "H.264, H.265, AAC, Opus and PCM"
#define STREAMS_TOLD 12u /* in a message */

static const struct carriage carriages[] = {
    {AV_CODEC_ID_H264, "H264", "h264_mp4toannexb", 90000, 96, 0, false},
    {AV_CODEC_ID_HEVC, "H265", "hevc_mp4toannexb", 90000, 96, 0, false},
    {AV_CODEC_ID_AAC, NULL, NULL, 0, 97, 0, false},
    {AV_CODEC_ID_OPUS, "opus", NULL, 48000, 97, 0, false}, /* RFC 7587: always opus/48000/2 */
    {AV_CODEC_ID_PCM_S16BE, "L16", NULL, 0, 97, 2, false},
    {AV_CODEC_ID_PCM_S16LE, "L16", NULL, 0, 97, 2, true},
    {AV_CODEC_ID_PCM_MULAW, "PCMU", NULL, 0, 97, 1, false},
    {AV_CODEC_ID_PCM_ALAW, "PCMA", NULL, 0, 97, 1, false},
};

static bool is_cover(const AVStream *stream)
{
    return (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

/* RFC 7587 knows mono and stereo only. */
static bool is_surround_opus(const AVStream *stream)
{
    return stream->codecpar->codec_id == AV_CODEC_ID_OPUS &&
           stream->codecpar->ch_layout.nb_channels > 2;
}

const struct carriage *carriage_of(const AVStream *stream)
{
    const AVCodecParameters *of = stream->codecpar;
    bool sound = of->codec_type == AVMEDIA_TYPE_AUDIO;
    if (is_surround_opus(stream) ||
        (sound && (of->ch_layout.nb_channels <= 0 || of->sample_rate <= 0))) /* a damaged header */
        return NULL;
    for (size_t i = 0; i < sizeof(carriages) / sizeof(carriages[0]); i++) {
        if (carriages[i].codec == stream->codecpar->codec_id)
            return &carriages[i];
    }
    return NULL;
}

static const char *codec_name(enum AVCodecID id)
{
    static const struct {
        enum AVCodecID id;
        const char *name;
    } known[] = {
        {AV_CODEC_ID_H264, "H.264"},
        {AV_CODEC_ID_HEVC, "H.265"},
        {AV_CODEC_ID_AAC, "AAC"},
        {AV_CODEC_ID_OPUS, "Opus"},
        {AV_CODEC_ID_AC3, "AC-3"},
        {AV_CODEC_ID_EAC3, "E-AC-3"},
        {AV_CODEC_ID_MP3, "MP3"},
        {AV_CODEC_ID_MP2, "MP2"},
        {AV_CODEC_ID_DTS, "DTS"},
        {AV_CODEC_ID_FLAC, "FLAC"},
        {AV_CODEC_ID_VORBIS, "Vorbis"},
        {AV_CODEC_ID_VP8, "VP8"},
        {AV_CODEC_ID_VP9, "VP9"},
        {AV_CODEC_ID_AV1, "AV1"},
        {AV_CODEC_ID_MJPEG, "MJPEG"},
        {AV_CODEC_ID_MPEG2VIDEO, "MPEG-2"},
        {AV_CODEC_ID_MPEG4, "MPEG-4 Part 2"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].id == id)
            return known[i].name;
    }
    return avcodec_get_name(id);
}

/* "AC-3 sound (stream 1)" */
static void write_stream(struct text *to, const AVStream *stream)
{
    const AVCodecParameters *of = stream->codecpar;
    if (is_cover(stream))
        text_add_string(to, "cover art");
    else if (of->codec_type == AVMEDIA_TYPE_VIDEO)
        text_printf(to, "%s video", codec_name(of->codec_id));
    else if (is_surround_opus(stream))
        text_printf(to, "Opus sound of %d channels", of->ch_layout.nb_channels);
    else if (of->codec_type == AVMEDIA_TYPE_AUDIO)
        text_printf(to, "%s sound", codec_name(of->codec_id));
    else
        text_add_string(to, of->codec_type == AVMEDIA_TYPE_SUBTITLE     ? "subtitles"
                            : of->codec_type == AVMEDIA_TYPE_ATTACHMENT ? "an attachment"
                                                                        : "data");
    text_printf(to, " (stream %d)", stream->index);
}

static bool is_chosen(const struct media_choice *choice, unsigned index)
{
    for (unsigned i = 0; i < choice->count; i++) {
        if (choice->streams[i] == index)
            return true;
    }
    return false;
}

static void write_all(struct text *to, const AVFormatContext *input)
{
    unsigned told = input->nb_streams < STREAMS_TOLD ? input->nb_streams : STREAMS_TOLD;
    for (unsigned i = 0; i < told; i++) {
        text_add_string(to, i == 0 ? "it has " : ", ");
        write_stream(to, input->streams[i]);
    }
    if (told < input->nb_streams)
        text_printf(to, " and %u more", input->nb_streams - told);
}

/* The best of those that can be carried, or -1. */
static int find_best(AVFormatContext *input, enum AVMediaType kind)
{
    int best = av_find_best_stream(input, kind, -1, -1, NULL, 0);
    if (best < 0 || carriage_of(input->streams[best]))
        return best < 0 ? -1 : best;
    for (unsigned i = 0; i < input->nb_streams; i++) {
        const AVStream *stream = input->streams[i];
        if (stream->codecpar->codec_type == kind && carriage_of(stream))
            return (int)i;
    }
    return -1;
}

static void add(struct media_choice *choice, int index)
{
    if (index >= 0)
        choice->streams[choice->count++] = (unsigned)index;
}

/* A line about streams that aren't sent: those that can be carried, or those that can't. */
static void note_left_out(const AVFormatContext *input, const struct media_choice *choice,
                          bool carried, struct media *media)
{
    char room[300];
    struct text list = text_init(room, sizeof(room));
    unsigned count = 0;
    for (unsigned i = 0; i < input->nb_streams; i++) {
        const AVStream *stream = input->streams[i];
        if (is_chosen(choice, i) || (carriage_of(stream) != NULL) != carried)
            continue;
        if (count < STREAMS_TOLD / 2) {
            text_add_string(&list, count > 0 ? ", its " : "its ");
            write_stream(&list, stream);
        }
        count++;
    }
    if (count > STREAMS_TOLD / 2)
        text_printf(&list, " and %u more", count - STREAMS_TOLD / 2);
    if (count > 0)
        media_note(media, "left out %s%s", text_string(&list),
                   carried ? ": one of a kind is sent, unless --media-tracks chooses others"
                           : ", which RTP sessions here can't carry");
}

static bool choose_best(AVFormatContext *input, struct media_choice *choice, struct media *media,
                        struct text *why)
{
    add(choice, find_best(input, AVMEDIA_TYPE_VIDEO));
    add(choice, find_best(input, AVMEDIA_TYPE_AUDIO));
    if (choice->count > 0) {
        note_left_out(input, choice, false, media);
        note_left_out(input, choice, true, media);
        return true;
    }
    if (input->nb_streams == 0) {
        text_add_string(why, "it has no video or audio");
        return false;
    }
    write_all(why, input);
    text_add_string(why, ", but RTP sessions here carry " CARRIED " only");
    return false;
}

/* Says what was wrong with a word of --media-tracks, unless it can be added. */
static bool add_wanted(AVFormatContext *input, struct slice word, struct media_choice *choice,
                       struct text *why)
{
    bool video = slice_equal(word, SLICE("video")), audio = slice_equal(word, SLICE("audio"));
    uint64_t number = UINT64_MAX;
    int best =
        video || audio ? find_best(input, video ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO) : -1;
    if (best >= 0)
        number = (uint64_t)best;
    else if (video || audio)
        text_printf(why, "it has no %s that RTP sessions here carry", video ? "video" : "audio");
    else if (!slice_to_u64(word, UINT32_MAX, &number) || number >= input->nb_streams) {
        text_add_string(why, "it has no stream ");
        text_add_escaped(why, word);
    } else if (!carriage_of(input->streams[number])) {
        text_add_string(why, "RTP sessions here can't carry its ");
        write_stream(why, input->streams[number]);
    }
    if (why->len == 0 && is_chosen(choice, (unsigned)number))
        text_printf(why, "stream %u is chosen twice", (unsigned)number);
    else if (why->len == 0 && choice->count == MEDIA_TRACKS_MAX)
        text_printf(why, "at most %u tracks are sent", MEDIA_TRACKS_MAX);
    if (why->len > 0)
        return false;
    add(choice, (int)number);
    return true;
}

bool media_tracks_choose(AVFormatContext *input, const char *wanted, struct media_choice *choice,
                         struct media *media, struct text *why)
{
    *choice = (struct media_choice){0};
    if (!wanted)
        return choose_best(input, choice, media, why);
    struct slice rest = slice_from_string(wanted);
    while (rest.len > 0) {
        if (add_wanted(input, slice_take_until(&rest, ','), choice, why))
            continue;
        text_add_string(why, ": ");
        write_all(why, input);
        return false;
    }
    return true;
}
