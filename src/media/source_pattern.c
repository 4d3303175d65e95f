#include "media/media.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define CLOCK_RATE 90000u
#define WAIT_MAX_NS (40 * NS_PER_MS) /* nobody waits longer for the first packet */
#define LAP_MAX_S 3600u
#define LAP_PACKETS_MAX 1000000.0

/* The shortest lap of whole seconds that holds a whole number of packets; 0 when there is none. */
static unsigned find_lap_s(double per_s)
{
    for (unsigned lap_s = 1; lap_s <= LAP_MAX_S; lap_s++) {
        double packets = per_s * lap_s;
        if (packets > LAP_PACKETS_MAX)
            return 0;
        if (packets >= 1 && fabs(packets - round(packets)) < 1e-6)
            return lap_s;
    }
    return 0;
}

static bool fill(struct media *media, uint64_t packets, const uint8_t *filler, uint16_t len)
{
    uint64_t ticks = media->tracks[0].lap_ticks;
    for (uint64_t i = 0; i < packets; i++) {
        struct media_packet packet = {
            .due_ns = i * media->lap_ns / packets,
            .timestamp = (uint32_t)(i * ticks / packets),
            .payload = filler,
            .payload_len = len,
            .marker = true,
        };
        if (!media_add(media, &packet))
            return false;
    }
    return media_finish(media);
}

struct media *media_new_pattern(double per_s, uint32_t bytes)
{
    unsigned lap_s = find_lap_s(per_s);
    uint16_t len = (uint16_t)(bytes - 12 - MEDIA_STAMP_BYTES);
    struct media *media = lap_s > 0 ? calloc(1, sizeof(*media)) : NULL;
    if (!media || !(media->owned = calloc(1, len + 1u)))
        goto fail;
    uint64_t packets = (uint64_t)llround(per_s * lap_s);
    uint64_t interval_ns = lap_s * NS_PER_S / packets;
    snprintf(media->name, sizeof(media->name), "pattern");
    media->stamped = true;
    media->lap_ns = lap_s * NS_PER_S;
    media->joins = (uint32_t)packets;
    media->phases = (uint32_t)((interval_ns + WAIT_MAX_NS - 1) / WAIT_MAX_NS);
    media->track_count = 1;
    media->tracks[0] = (struct media_track){
        .video = true,
        .payload_type = 96,
        .clock_rate = CLOCK_RATE,
        .lap_ticks = lap_s * CLOCK_RATE,
        .bandwidth_kbps = (uint32_t)(per_s * bytes * 8 / 1000) + 1,
        .rtpmap = "X-RTSB/90000",
    };
    memset(media->owned, 0x55, len);
    if (fill(media, packets, media->owned, len))
        return media;
fail:
    media_free(media);
    return NULL;
}
