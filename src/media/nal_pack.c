#include "media/nal_pack.h"

#include <string.h>

#include "proto/h264.h"

/* The kinds of NAL units that matter here (ITU-T H.264, table 7-1; H.265, table 7-1). */
enum {
    H264_SLICE = 1,
    H264_IDR = 5,
    H264_SEI = 6,
    H264_SPS = 7,
    H264_PPS = 8,
    H264_DELIMITER = 9,
    H264_FILLER = 12,
    H264_FU_A = 28,
    H265_IRAP_FIRST = 16,
    H265_BLA = 16, /* BLA_W_LP; two more kinds of it follow */
    H265_IDR_LAST = 20,
    H265_CRA = 21,
    H265_IRAP_LAST = 23,
    H265_SLICE_LAST = 31,
    H265_VPS = 32,
    H265_SPS = 33,
    H265_PPS = 34,
    H265_DELIMITER = 35,
    H265_FILLER = 38,
    H265_FU = 49,
};

/* Where the next start code (00 00 01) is, or the end. */
static size_t find_start(struct slice in)
{
    const uint8_t *at = in.data, *end = in.data + in.len;
    while (end - at >= 3) {
        at = memchr(at, 0, (size_t)(end - at) - 2);
        if (!at)
            break;
        if (at[1] == 0 && at[2] == 1)
            return (size_t)(at - in.data);
        at++;
    }
    return in.len;
}

bool nal_next(struct slice *stream, struct slice *nal)
{
    do {
        slice_take(stream, find_start(*stream));
        slice_take(stream, 3);
        *nal = slice_take(stream, find_start(*stream));
        while (nal->len > 0 && nal->data[nal->len - 1] == 0) /* trailing_zero_8bits */
            nal->len--;
    } while (nal->len == 0 && stream->len > 0);
    return nal->len > 0;
}

unsigned nal_type(enum nal_codec codec, struct slice nal)
{
    return codec == NAL_H264 ? nal.data[0] & 31u : nal.data[0] >> 1 & 63u;
}

/* Index in nal_sets, or -1. */
static int set_kind(enum nal_codec codec, struct slice nal)
{
    unsigned type = nal_type(codec, nal);
    if (codec == NAL_H264)
        return type == H264_SPS ? 0 : type == H264_PPS ? 1 : -1;
    return type >= H265_VPS && type <= H265_PPS ? (int)(type - H265_VPS) : -1;
}

bool nal_is_parameter_set(enum nal_codec codec, struct slice nal)
{
    return set_kind(codec, nal) >= 0;
}

bool nal_is_picture(enum nal_codec codec, struct slice nal)
{
    unsigned type = nal_type(codec, nal);
    return codec == NAL_H264 ? type >= H264_SLICE && type <= H264_IDR : type <= H265_SLICE_LAST;
}

bool nal_is_keyframe(enum nal_codec codec, struct slice nal)
{
    unsigned type = nal_type(codec, nal);
    if (codec == NAL_H264 && type == H264_SEI)
        return h264_recovery_frames(nal) == 0;
    return codec == NAL_H264 ? type == H264_IDR : type >= H265_IRAP_FIRST && type <= H265_IRAP_LAST;
}

bool nal_unit_is_keyframe(enum nal_codec codec, struct slice unit)
{
    struct slice nal;
    while (nal_next(&unit, &nal)) {
        if (nal_is_keyframe(codec, nal))
            return true;
    }
    return false;
}

bool nal_unit_begins_order(enum nal_codec codec, struct slice unit)
{
    struct slice nal;
    while (nal_next(&unit, &nal)) {
        unsigned type = nal_type(codec, nal);
        if (nal_is_picture(codec, nal))
            return codec == NAL_H264 ? type == H264_IDR : type >= H265_BLA && type <= H265_IDR_LAST;
    }
    return false;
}

void nal_break_link(uint8_t *unit, size_t len)
{
    struct slice rest = slice_make(unit, len), nal;
    while (nal_next(&rest, &nal)) {
        uint8_t *header = unit + (nal.data - unit);
        if (nal_type(NAL_H265, nal) == H265_CRA)
            *header = (uint8_t)((*header & 0x81) | H265_BLA << 1);
    }
}

bool nal_begins_picture(enum nal_codec codec, struct slice nal)
{
    size_t header = codec == NAL_H264 ? 1 : 2;
    return nal_is_picture(codec, nal) && nal.len > header && (nal.data[header] & 0x80) != 0;
}

bool nal_find_sets(enum nal_codec codec, struct slice stream, struct nal_sets *out)
{
    struct slice nal;
    *out = (struct nal_sets){.count = codec == NAL_H264 ? 2 : 3};
    while (nal_next(&stream, &nal)) {
        int kind = set_kind(codec, nal);
        if (kind >= 0)
            out->sets[kind] = nal;
    }
    for (unsigned i = 0; i < out->count; i++) {
        if (out->sets[i].len < 4)
            return false;
    }
    return true;
}

static void write_base64(struct text *to, struct slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (bytes.len > 0) {
        struct slice three = slice_take(&bytes, 3);
        uint32_t bits = (uint32_t)three.data[0] << 16;
        bits |= three.len > 1 ? (uint32_t)three.data[1] << 8 : 0;
        bits |= three.len > 2 ? three.data[2] : 0;
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], '=', '='};
        if (three.len > 1)
            four[2] = digits[bits >> 6 & 63];
        if (three.len > 2)
            four[3] = digits[bits & 63];
        text_add(to, slice_make(four, 4));
    }
}

void nal_write_fmtp(struct text *to, enum nal_codec codec, const struct nal_sets *sets)
{
    static const char *const names[] = {"sprop-vps=", ";sprop-sps=", ";sprop-pps="};
    if (codec == NAL_H264) {
        const uint8_t *sps = sets->sets[0].data;
        text_printf(to, "packetization-mode=1;profile-level-id=%02X%02X%02X;sprop-parameter-sets=",
                    sps[1], sps[2], sps[3]);
        write_base64(to, sets->sets[0]);
        text_add_string(to, ",");
        write_base64(to, sets->sets[1]);
        return;
    }
    for (unsigned i = 0; i < sets->count; i++) {
        text_add_string(to, names[i]);
        write_base64(to, sets->sets[i]);
    }
}

/* FU-A (RFC 6184, 5.8) and FU (RFC 7798, 4.4.3): the NAL unit's header goes into each fragment's.
 */
static bool pack_fragments(struct media *media, enum nal_codec codec, struct slice nal,
                           struct media_packet packet)
{
    uint8_t *prefix = packet.prefix;
    unsigned flags_at = codec == NAL_H264 ? 1 : 2;
    uint8_t type = (uint8_t)nal_type(codec, nal);
    if (codec == NAL_H264) {
        prefix[0] = (uint8_t)((nal.data[0] & 0xe0) | H264_FU_A);
    } else {
        prefix[0] = (uint8_t)((nal.data[0] & 0x81) | H265_FU << 1);
        prefix[1] = nal.data[1];
    }
    packet.prefix_len = (flags_at + 1) & 0x3f;
    slice_take(&nal, flags_at);
    for (uint8_t start = 0x80; nal.len > 0; start = 0) {
        struct slice piece = slice_take(&nal, media_payload_max(media) - packet.prefix_len);
        uint8_t end = nal.len == 0 ? 0x40 : 0;
        prefix[flags_at] = (uint8_t)(start | end | type);
        packet.payload = piece.data;
        packet.payload_len = (uint16_t)piece.len;
        if (!media_add(media, &packet))
            return false;
    }
    return true;
}

static bool pack_one(struct media *media, enum nal_codec codec, struct slice nal,
                     const struct media_packet *at)
{
    struct media_packet packet = *at;
    if (nal.len > media_payload_max(media))
        return pack_fragments(media, codec, nal, packet);
    packet.payload = nal.data;
    packet.payload_len = (uint16_t)nal.len;
    return media_add(media, &packet);
}

static bool is_padding(enum nal_codec codec, struct slice nal)
{
    unsigned type = nal_type(codec, nal);
    return codec == NAL_H264 ? type == H264_DELIMITER || type == H264_FILLER
                             : type == H265_DELIMITER || type == H265_FILLER;
}

/* What stands in an access unit. */
struct contents {
    bool key;  /* makes it a keyframe */
    bool sets; /* parameter sets */
    bool recovery;
};

static struct contents look_through(enum nal_codec codec, struct slice unit)
{
    struct contents found = {0};
    struct slice nal;
    while (nal_next(&unit, &nal)) {
        bool sei = codec == NAL_H264 && nal_type(codec, nal) == H264_SEI;
        found.key |= nal_is_keyframe(codec, nal);
        found.sets |= nal_is_parameter_set(codec, nal);
        found.recovery |= sei && h264_recovery_frames(nal) != H264_NO_RECOVERY_POINT;
    }
    return found;
}

bool nal_pack(struct media *media, enum nal_codec codec, struct slice unit,
              const struct nal_sets *sets, const struct media_packet *at)
{
    struct slice nal;
    uint32_t before = media->packet_count;
    const struct contents found = look_through(codec, unit);
    struct media_packet packet = *at;
    packet.key = found.key || found.recovery;
    for (unsigned i = 0; found.key && !found.sets && i < sets->count; i++) {
        if (!pack_one(media, codec, sets->sets[i], &packet))
            return false;
    }
    while (nal_next(&unit, &nal)) {
        if (!is_padding(codec, nal) && !pack_one(media, codec, nal, &packet))
            return false;
    }
    if (media->packet_count > before)
        media->packets[media->packet_count - 1].marker = true;
    return true;
}
