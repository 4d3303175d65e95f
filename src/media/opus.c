#include "media/opus.h"

#define SAMPLES_MAX 5760u /* 120 ms */

/* Of one frame, by the configuration in the first byte (RFC 6716, table 2). */
static uint32_t frame_samples(uint8_t first)
{
    unsigned config = first >> 3;
    if (config < 12) /* SILK: 10, 20, 40, 60 ms */
        return config % 4 == 3 ? 2880 : 480u << config % 4;
    if (config < 16) /* hybrid: 10, 20 ms */
        return 480u << config % 2;
    return 120u << config % 4; /* CELT: 2.5, 5, 10, 20 ms */
}

uint32_t opus_samples(struct slice packet)
{
    if (packet.len == 0)
        return 0;
    unsigned code = packet.data[0] & 3;
    if (code == 3 && packet.len < 2)
        return 0;
    uint32_t frames = code == 0 ? 1 : code == 3 ? packet.data[1] & 63u : 2;
    uint32_t samples = frames * frame_samples(packet.data[0]);
    return samples <= SAMPLES_MAX ? samples : 0;
}
