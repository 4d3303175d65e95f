#include "media/aac_pack.h"

#include <stdio.h>

#define ADTS_HEADER 7u
#define ADTS_CHECKSUM 2u
#define AU_HEADER_BYTES 4u /* with the AU-headers-length */

uint32_t adts_rate(uint8_t rate_index)
{
    static const uint32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                     22050, 16000, 12000, 11025, 8000,  7350};
    return rate_index < sizeof(rates) / sizeof(rates[0]) ? rates[rate_index] : 0;
}

bool adts_next(struct slice *stream, struct adts *out)
{
    const uint8_t *head = stream->data;
    if (stream->len < ADTS_HEADER || head[0] != 0xff || (head[1] & 0xf6) != 0xf0)
        return false;
    size_t header = head[1] & 1 ? ADTS_HEADER : ADTS_HEADER + ADTS_CHECKSUM;
    size_t len = (size_t)(head[3] & 3) << 11 | (size_t)head[4] << 3 | head[5] >> 5;
    if (len <= header || len > stream->len)
        return false;
    out->object_type = (uint8_t)((head[2] >> 6) + 1);
    out->rate_index = head[2] >> 2 & 15;
    out->channels = (uint8_t)((head[2] & 1) << 2 | head[3] >> 6);
    out->unit = slice_take(stream, len);
    slice_take(&out->unit, header);
    return true;
}

void adts_config(const struct adts *adts, uint8_t config[2])
{
    config[0] = (uint8_t)(adts->object_type << 3 | adts->rate_index >> 1);
    config[1] = (uint8_t)(adts->rate_index << 7 | adts->channels << 3);
}

void aac_describe(struct media_track *track, struct slice config, uint32_t rate, unsigned channels)
{
    struct text fmtp = text_init(track->fmtp, sizeof(track->fmtp));
    track->payload_type = 97;
    track->clock_rate = rate;
    snprintf(track->rtpmap, sizeof(track->rtpmap), "MPEG4-GENERIC/%u/%u", rate, channels);
    text_add_string(&fmtp, "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;"
                           "indexlength=3;indexdeltalength=3;config=");
    for (size_t i = 0; i < config.len; i++)
        text_printf(&fmtp, "%02X", config.data[i]);
    text_string(&fmtp);
}

bool aac_pack(struct media *media, struct slice unit, const struct media_packet *at)
{
    struct media_packet packet = *at;
    if (unit.len == 0 || unit.len > AAC_UNIT_MAX)
        return false;
    packet.prefix[0] = 0; /* AU-headers-length: 16 bits */
    packet.prefix[1] = 16;
    packet.prefix[2] = (uint8_t)(unit.len >> 5); /* AU-size, 13 bits; AU-Index, 3 bits of 0 */
    packet.prefix[3] = (uint8_t)(unit.len << 3);
    packet.prefix_len = AU_HEADER_BYTES;
    while (unit.len > 0) { /* every fragment's header tells the size of the whole unit */
        struct slice piece = slice_take(&unit, media_payload_max(media) - AU_HEADER_BYTES);
        packet.payload = piece.data;
        packet.payload_len = (uint16_t)piece.len;
        packet.marker = unit.len == 0;
        if (!media_add(media, &packet))
            return false;
    }
    return true;
}
