/* world_media.c - what the servers and publishers of simulated runs play. */
#include "world.h"

#include <stdlib.h>

/* A frame each so often of so many packets, a keyframe with each so many of them. joins: from each
   of so many points of a lap on it can be joined, whether there is a keyframe or not. */
struct video {
    uint64_t lap_ns, frame_ns;
    uint32_t packets;  /* of a frame, a millisecond apart */
    uint32_t group;    /* frames from keyframe to keyframe; 0: there is no video */
    uint64_t audio_ns; /* between packets; 0: there is no audio */
    uint32_t joins, phases;
    const char *sei; /* in place of a keyframe's first packet; NULL: they are IDR */
};

static const struct video kinds[] = {
    [WORLD_TWO_TRACKS] = {NS_PER_S, 40 * NS_PER_MS, 4, 25, 20 * NS_PER_MS, 1, 25, NULL},
    [WORLD_PLAIN] = {NS_PER_S, 100 * NS_PER_MS, 1, 10, 200 * NS_PER_MS, 1, 10, NULL},
    [WORLD_LONG_GROUPS] = {60 * NS_PER_S, 100 * NS_PER_MS, 1, 600, 0, 600, 1, NULL},
    [WORLD_SOUND] = {NS_PER_S, 0, 0, 0, 100 * NS_PER_MS, 10, 1, NULL},
    [WORLD_NO_PICTURE] = {3600 * NS_PER_S, 3500 * NS_PER_S, 1, 1, NS_PER_S, 3600, 1, NULL},
    [WORLD_RARE] = {60 * NS_PER_S, 0, 0, 0, 60 * NS_PER_S, 1, 600, NULL},
    /* recovery_frame_cnt as ue(v): 1 is 0, 00110 is 5 */
    [WORLD_OPEN_GOP] = {NS_PER_S, 40 * NS_PER_MS, 4, 25, 20 * NS_PER_MS, 1, 25,
                        "\x06\x06\x01\xc4\x80"},
    [WORLD_REFRESH] = {NS_PER_S, 40 * NS_PER_MS, 4, 25, 20 * NS_PER_MS, 1, 25,
                       "\x06\x06\x02\x34\x40\x80"},
};

/* What the part of a frame is. */
static struct slice payload_of(const struct video *video, bool key, uint32_t part, size_t len)
{
    static const uint8_t slices[2][200] = {{0x41, 0x9a}, {0x65, 0x88}};
    if (key && video->sei && part == 0)
        return slice_from_string(video->sei);
    return slice_make(slices[key && !video->sei], len);
}

static void add_video(struct media *media, const struct video *video)
{
    uint64_t frames = video->lap_ns / video->frame_ns, i = 0;
    for (uint64_t frame = 0; frame < (frames > 0 ? frames : 1); frame++) {
        for (uint32_t part = 0; part < video->packets; part++, i++) {
            bool key = frame % video->group == 0;
            struct slice payload = payload_of(video, key, part, 100 + i % 100);
            const struct media_packet packet = {
                .due_ns = frame * video->frame_ns + part * NS_PER_MS,
                .payload = payload.data,
                .timestamp = (uint32_t)(frame * (video->frame_ns / 1000) * 9 / 100),
                .payload_len = (uint16_t)payload.len,
                .marker = part == video->packets - 1,
            };
            assert_true(media_add(media, &packet));
        }
    }
}

static void add_audio(struct media *media, const struct video *video, uint8_t track)
{
    static const uint8_t samples[160];
    for (uint64_t at_ns = 0; at_ns < video->lap_ns; at_ns += video->audio_ns) {
        const struct media_packet packet = {.due_ns = at_ns,
                                            .payload = samples,
                                            .timestamp = (uint32_t)(at_ns / 1000 * 8 / 1000),
                                            .payload_len = sizeof(samples),
                                            .track = track};
        assert_true(media_add(media, &packet));
    }
}

static struct media_track *add_track(struct media *media, uint32_t clock_rate, const char *rtpmap)
{
    struct media_track *track = &media->tracks[media->track_count++];
    track->clock_rate = clock_rate;
    track->lap_ticks = (uint32_t)(media->lap_ns / 1000 * (clock_rate / 1000) / 1000);
    strcpy(track->rtpmap, rtpmap);
    return track;
}

struct media *world_media(enum world_media kind)
{
    const struct video *video = &kinds[kind];
    struct media *media = calloc(1, sizeof(*media));
    assert_non_null(media);
    strcpy(media->name, "two");
    media->lap_ns = video->lap_ns;
    media->joins = video->joins;
    media->phases = video->phases;
    if (video->group > 0) {
        struct media_track *track = add_track(media, 90000, "H264/90000");
        track->video = true;
        track->payload_type = 96;
        add_video(media, video);
    }
    if (video->audio_ns > 0) {
        add_track(media, 8000, "PCMU/8000");
        add_audio(media, video, (uint8_t)(media->track_count - 1));
    }
    assert_true(media_finish(media));
    return media;
}
