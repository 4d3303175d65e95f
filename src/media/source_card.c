#include "media/media.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "media/aac_pack.h"
#include "media/nal_pack.h"

#if HAVE_CARD

#define LAP_NS (16 * NS_PER_S)
#define FRAMES_PER_S 25u
#define FRAMES_A_KEYFRAME 50u
#define VIDEO_RATE 90000u

extern const uint8_t card_video[], card_video_end[], card_audio[], card_audio_end[];

/* Takes the next access unit: all up to the first slice of the picture after this one, or what
   stands in front of that. */
static struct slice take_picture(struct slice *stream)
{
    struct slice rest = *stream, nal;
    size_t len = stream->len;
    bool pictured = false;
    while (nal_next(&rest, &nal)) {
        bool is_picture = nal_is_picture(NAL_H264, nal);
        if (pictured && (!is_picture || nal_begins_picture(NAL_H264, nal))) {
            len = (size_t)(nal.data - stream->data) - 3;
            break;
        }
        pictured |= is_picture;
    }
    return slice_take(stream, len);
}

static bool is_key(struct slice unit)
{
    struct slice nal;
    while (nal_next(&unit, &nal)) {
        if (nal_is_keyframe(NAL_H264, nal))
            return true;
    }
    return false;
}

static bool add_video(struct media *media)
{
    struct slice stream = slice_make(card_video, (size_t)(card_video_end - card_video));
    struct media_track *track = &media->tracks[0];
    struct text fmtp = text_init(track->fmtp, sizeof(track->fmtp));
    struct nal_sets sets;
    if (!nal_find_sets(NAL_H264, stream, &sets))
        return false;
    track->video = true;
    track->payload_type = 96;
    track->clock_rate = VIDEO_RATE;
    track->lap_ticks = (uint32_t)(LAP_NS / NS_PER_S * VIDEO_RATE);
    track->bandwidth_kbps = (uint32_t)(stream.len * 8 / (LAP_NS / NS_PER_MS));
    snprintf(track->rtpmap, sizeof(track->rtpmap), "H264/%u", VIDEO_RATE);
    nal_write_fmtp(&fmtp, NAL_H264, &sets);
    text_string(&fmtp);
    for (uint32_t i = 0; stream.len > 0; i++) {
        struct media_packet at = {.due_ns = i * NS_PER_S / FRAMES_PER_S,
                                  .timestamp = i * (VIDEO_RATE / FRAMES_PER_S)};
        struct slice unit = take_picture(&stream);
        if (at.due_ns >= LAP_NS)
            break;
        if (is_key(unit) != (i % FRAMES_A_KEYFRAME == 0))
            return false;
        if (!nal_pack(media, NAL_H264, unit, &sets, &at))
            return false;
    }
    return true;
}

static bool add_audio(struct media *media)
{
    struct slice stream = slice_make(card_audio, (size_t)(card_audio_end - card_audio));
    struct media_track *track = &media->tracks[1];
    size_t bytes = stream.len;
    struct adts adts;
    for (uint32_t i = 0; adts_next(&stream, &adts); i++) {
        uint32_t rate = adts_rate(adts.rate_index);
        if (rate == 0)
            return false;
        if (i == 0) {
            uint8_t config[2];
            adts_config(&adts, config);
            aac_describe(track, slice_make(config, sizeof(config)), rate, adts.channels);
            track->lap_ticks = (uint32_t)(LAP_NS / NS_PER_S * rate);
            track->bandwidth_kbps = (uint32_t)(bytes * 8 / (LAP_NS / NS_PER_MS)) + 1;
        }
        struct media_packet at = {.track = 1,
                                  .timestamp = i * AAC_SAMPLES,
                                  .due_ns = (uint64_t)i * AAC_SAMPLES * NS_PER_S / rate};
        if (at.due_ns >= LAP_NS)
            break;
        if (!aac_pack(media, adts.unit, &at))
            return false;
    }
    return true;
}

struct media *media_new_card(bool audio, uint32_t mtu)
{
    struct media *media = calloc(1, sizeof(*media));
    if (!media)
        return NULL;
    snprintf(media->name, sizeof(media->name), "card");
    media->mtu = mtu;
    media->lap_ns = LAP_NS;
    media->joins = (uint32_t)(LAP_NS / NS_PER_S) * FRAMES_PER_S / FRAMES_A_KEYFRAME;
    media->phases = FRAMES_A_KEYFRAME;
    media->track_count = audio ? 2 : 1;
    if (add_video(media) && (!audio || add_audio(media)) && media_finish(media))
        return media;
    media_free(media);
    return NULL;
}

#else

struct media *media_new_card(bool audio, uint32_t mtu)
{
    (void)audio;
    (void)mtu;
    return NULL;
}

#endif
