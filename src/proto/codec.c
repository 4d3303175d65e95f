#include "proto/codec.h"

#include "proto/h264.h"

#define SCAN_MAX                                                                                   \
    512u /* bytes searched for start codes: what stands before the first slice is short */

static const struct {
    const char *name;
    enum codec codec;
} encodings[] = {
    {"H264", CODEC_H264},
    {"H265", CODEC_H265},
    {"HEVC", CODEC_H265},
    {"JPEG", CODEC_MJPEG},
    {"AV1", CODEC_AV1},
    {"VP8", CODEC_VP8},
    {"VP9", CODEC_VP9},
    {"MP4V-ES", CODEC_MPEG4_VIDEO},
    {"MP2T", CODEC_MPEG_TS},
    {"MPEG4-GENERIC", CODEC_AAC},
    {"MP4A-LATM", CODEC_AAC},
    {"OPUS", CODEC_OPUS},
    {"MULTIOPUS", CODEC_OPUS},
    {"PCMU", CODEC_PCMU},
    {"PCMA", CODEC_PCMA},
    {"L16", CODEC_L16},
    {"G726-16", CODEC_G726},
    {"G726-24", CODEC_G726},
    {"G726-32", CODEC_G726},
    {"G726-40", CODEC_G726},
    {"AAL2-G726-16", CODEC_G726},
    {"AAL2-G726-24", CODEC_G726},
    {"AAL2-G726-32", CODEC_G726},
    {"AAL2-G726-40", CODEC_G726},
    {"G722", CODEC_G722},
    {"MPA", CODEC_MPEG_AUDIO},
    {"VND.ONVIF.METADATA", CODEC_ONVIF_METADATA},
    {"VND.ONVIF.METADATA.GZIP", CODEC_ONVIF_METADATA},
    {"VND.ONVIF.METADATA.EXI.ONVIF", CODEC_ONVIF_METADATA},
    {"VND.ONVIF.METADATA.EXI.EXT", CODEC_ONVIF_METADATA},
};

enum codec codec_from_name(struct slice name)
{
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        if (slice_equal_nocase(name, slice_from_string(encodings[i].name)))
            return encodings[i].codec;
    }
    return CODEC_UNKNOWN;
}

static const char *const names[CODECS] = {
    [CODEC_UNKNOWN] = "unknown",
    [CODEC_H264] = "H.264",
    [CODEC_H265] = "H.265",
    [CODEC_MJPEG] = "MJPEG",
    [CODEC_AV1] = "AV1",
    [CODEC_VP8] = "VP8",
    [CODEC_VP9] = "VP9",
    [CODEC_MPEG4_VIDEO] = "MPEG-4",
    [CODEC_MPEG_TS] = "MPEG-TS",
    [CODEC_AAC] = "AAC",
    [CODEC_OPUS] = "Opus",
    [CODEC_PCMU] = "PCMU",
    [CODEC_PCMA] = "PCMA",
    [CODEC_L16] = "L16",
    [CODEC_G726] = "G.726",
    [CODEC_G722] = "G.722",
    [CODEC_MPEG_AUDIO] = "MPEG audio",
    [CODEC_ONVIF_METADATA] = "ONVIF metadata",
};

const char *codec_name(enum codec codec)
{
    return names[codec];
}

bool codec_may_reorder(enum codec codec)
{
    return codec == CODEC_H264 || codec == CODEC_H265 || codec == CODEC_MPEG4_VIDEO;
}

bool codec_has_keyframes(enum codec codec)
{
    return codec >= CODEC_H264 && codec <= CODEC_MPEG4_VIDEO;
}

/* RFC 3551, tables 4 and 5: a clock is known even where the codec means nothing to us. */
static const struct {
    enum codec codec;
    uint32_t clock_rate;
} static_types[35] = {
    [0] = {CODEC_PCMU, 8000},
    [3] = {CODEC_UNKNOWN, 8000},  /* GSM */
    [4] = {CODEC_UNKNOWN, 8000},  /* G723 */
    [5] = {CODEC_UNKNOWN, 8000},  /* DVI4 */
    [6] = {CODEC_UNKNOWN, 16000}, /* DVI4 */
    [7] = {CODEC_UNKNOWN, 8000},  /* LPC */
    [8] = {CODEC_PCMA, 8000},
    [9] = {CODEC_G722, 8000}, /* sampled at 16 kHz, but 8000 by an old mistake (RFC 3551, 4.5.2) */
    [10] = {CODEC_L16, 44100},
    [11] = {CODEC_L16, 44100},
    [12] = {CODEC_UNKNOWN, 8000}, /* QCELP */
    [13] = {CODEC_UNKNOWN, 8000}, /* comfort noise */
    [14] = {CODEC_MPEG_AUDIO, 90000},
    [15] = {CODEC_UNKNOWN, 8000},  /* G728 */
    [16] = {CODEC_UNKNOWN, 11025}, /* DVI4 */
    [17] = {CODEC_UNKNOWN, 22050}, /* DVI4 */
    [18] = {CODEC_UNKNOWN, 8000},  /* G729 */
    [25] = {CODEC_UNKNOWN, 90000}, /* CelB */
    [26] = {CODEC_MJPEG, 90000},
    [28] = {CODEC_UNKNOWN, 90000}, /* nv */
    [31] = {CODEC_UNKNOWN, 90000}, /* H261 */
    [32] = {CODEC_UNKNOWN, 90000}, /* MPV */
    [33] = {CODEC_MPEG_TS, 90000},
    [34] = {CODEC_UNKNOWN, 90000}, /* H263 */
};

enum codec codec_from_static_type(uint8_t payload_type, uint32_t *clock_rate)
{
    bool known = payload_type < sizeof(static_types) / sizeof(static_types[0]);
    *clock_rate = known ? static_types[payload_type].clock_rate : 0;
    return known ? static_types[payload_type].codec : CODEC_UNKNOWN;
}

/* Takes a big-endian 16 bit number; the slice must hold two bytes. */
static uint16_t take_u16(struct slice *from)
{
    uint16_t high = slice_take_byte(from);
    return (uint16_t)(high << 8 | slice_take_byte(from));
}

static unsigned recovery_marks(int frames)
{
    if (frames == H264_NO_RECOVERY_POINT)
        return 0;
    return frames == 0 ? CODEC_KEYFRAME : CODEC_RECOVERY | (unsigned)frames << CODEC_RECOVERY_SHIFT;
}

/* Marks of one NAL unit, its header included. */
static unsigned h264_unit(struct slice unit)
{
    switch (unit.data[0] & 0x1f) {
    case 5:
        return CODEC_FRAME_START | CODEC_KEYFRAME;
    case 6:
        return CODEC_FRAME_START | recovery_marks(h264_recovery_frames(unit));
    default:
        return CODEC_FRAME_START;
    }
}

static unsigned h265_unit(struct slice unit)
{
    unsigned type = unit.data[0] >> 1 & 0x3f;
    return CODEC_FRAME_START | (type >= 16 && type <= 23 ? CODEC_KEYFRAME : 0u);
}

/* Units of an aggregation packet, each behind 16 bits of size (RFC 6184, 5.7.1; RFC 7798, 4.4.2).
 */
static unsigned aggregated_units(struct slice units, unsigned (*unit_marks)(struct slice))
{
    unsigned marks = units.len == 0 ? CODEC_DAMAGED : 0;
    while (units.len >= 2) {
        size_t size = take_u16(&units);
        struct slice unit = slice_take(&units, size);
        if (unit.len < size || size == 0)
            marks |= CODEC_DAMAGED;
        unsigned more = unit.len > 0 ? unit_marks(unit) : 0;
        bool again = (marks & CODEC_RECOVERY) && (more & CODEC_RECOVERY);
        marks |= again ? more & CODEC_MARKS : more; /* the first one's count stands */
    }
    return units.len > 0 ? marks | CODEC_DAMAGED : marks;
}

/* Skips to behind the next 00 00 01; false when there is none. */
static bool skip_start_code(struct slice *from)
{
    for (; from->len >= 3; slice_take_byte(from)) {
        if (from->data[0] == 0 && from->data[1] == 0 && from->data[2] == 1) {
            slice_take(from, 3);
            return true;
        }
    }
    return false;
}

/* Some cameras put a byte stream (H.264, annex B) where one unit belongs: parameter sets and the
   slice behind start codes. */
static unsigned byte_stream_units(struct slice payload, unsigned (*unit_marks)(struct slice))
{
    unsigned marks = 0;
    struct slice stream = slice_make(payload.data, payload.len < SCAN_MAX ? payload.len : SCAN_MAX);
    while (skip_start_code(&stream) && stream.len > 0)
        marks |= unit_marks(stream);
    return marks;
}

/* Two zero bytes start no unit of either codec. */
static bool is_byte_stream(struct slice payload)
{
    return payload.len >= 3 && payload.data[0] == 0 && payload.data[1] == 0 && payload.data[2] <= 1;
}

/* S alone tells: there are cameras that set S and E together, and that change the type inside. */
static unsigned h264_fragment(struct slice payload)
{
    if (payload.len < 2)
        return CODEC_DAMAGED;
    if (!(payload.data[1] & 0x80))
        return 0;
    return CODEC_FRAME_START | ((payload.data[1] & 0x1f) == 5 ? CODEC_KEYFRAME : 0u);
}

static unsigned h264_marks(struct slice payload)
{
    unsigned type = payload.data[0] & 0x1f;
    if (is_byte_stream(payload))
        return byte_stream_units(payload, h264_unit);
    switch (type) {
    case 24: /* STAP-A */
        slice_take(&payload, 1);
        return aggregated_units(payload, h264_unit);
    case 25: /* STAP-B: a decoding order number first */
        slice_take(&payload, 3);
        return aggregated_units(payload, h264_unit);
    case 28: /* FU-A, FU-B */
    case 29:
        return h264_fragment(payload);
    case 7: /* parameter sets, which a byte stream may follow without a start code in front */
    case 8:
        return h264_unit(payload) | byte_stream_units(payload, h264_unit);
    default:
        return h264_unit(payload);
    }
}

static unsigned h265_fragment(struct slice payload)
{
    if (payload.len < 3)
        return CODEC_DAMAGED;
    if (!(payload.data[2] & 0x80))
        return 0;
    unsigned type = payload.data[2] & 0x3f;
    return CODEC_FRAME_START | (type >= 16 && type <= 23 ? CODEC_KEYFRAME : 0u);
}

/* Decoding order numbers (sprop-max-don-diff over 0) are not expected: nobody was seen to send
 * them. */
static unsigned h265_marks(struct slice payload)
{
    unsigned type = payload.data[0] >> 1 & 0x3f;
    if (payload.len < 2)
        return CODEC_DAMAGED;
    if (is_byte_stream(payload))
        return byte_stream_units(payload, h265_unit);
    switch (type) {
    case 48: /* AP */
        slice_take(&payload, 2);
        return aggregated_units(payload, h265_unit);
    case 49: /* FU */
        return h265_fragment(payload);
    case 32: /* parameter sets, as above */
    case 33:
    case 34:
        return h265_unit(payload) | byte_stream_units(payload, h265_unit);
    default:
        return h265_unit(payload);
    }
}

/* Every JPEG is intra; its first packet has fragment offset 0 (RFC 2435, 3.1.2). */
static unsigned mjpeg_marks(struct slice payload)
{
    if (payload.len < 8)
        return CODEC_DAMAGED;
    bool start = payload.data[1] == 0 && payload.data[2] == 0 && payload.data[3] == 0;
    return start ? CODEC_FRAME_START | CODEC_KEYFRAME : 0u;
}

/* The aggregation header: Z, the first OBU continues; N, a coded video sequence starts (AV1
 * RTP, 4.4). */
static unsigned av1_marks(struct slice payload)
{
    unsigned header = payload.data[0];
    return (header & 0x80 ? 0u : CODEC_FRAME_START) | (header & 0x08 ? CODEC_KEYFRAME : 0u);
}

/* S and partition 0 start a frame; bit 0 of its first byte is 0 in a key frame (RFC 7741, 4.2
 * and 4.3). */
static unsigned vp8_marks(struct slice payload)
{
    unsigned first = slice_take_byte(&payload);
    bool start = (first & 0x10) && (first & 0x07) == 0;
    if (first & 0x80) {
        unsigned extension = payload.len > 0 ? slice_take_byte(&payload) : 0;
        if (extension & 0x80)
            slice_take(&payload, payload.len > 0 && (payload.data[0] & 0x80) ? 2 : 1);
        slice_take(&payload, (extension & 0x40 ? 1u : 0u) + (extension & 0x30 ? 1u : 0u));
    }
    if (payload.len == 0)
        return CODEC_DAMAGED;
    if (!start)
        return 0;
    return CODEC_FRAME_START | (payload.data[0] & 0x01 ? 0u : CODEC_KEYFRAME);
}

/* The scalability structure: sizes of the layers, and a group of pictures (RFC 9628, 4.2.1). */
static void skip_vp9_structure(struct slice *payload)
{
    unsigned header = payload->len > 0 ? slice_take_byte(payload) : 0;
    if (header & 0x10)
        slice_take(payload, ((header >> 5) + 1u) * 4);
    unsigned pictures = header & 0x08 && payload->len > 0 ? slice_take_byte(payload) : 0;
    for (; pictures > 0 && payload->len > 0; pictures--) {
        unsigned references = slice_take_byte(payload) >> 2 & 3;
        slice_take(payload, references);
    }
}

/* frame_type of an uncompressed header, which profile 3 moves by one bit (VP9 bitstream, 6.2);
   without the header, what the descriptor said is all there is. */
static bool is_vp9_key_header(struct slice frame)
{
    if (frame.len == 0)
        return true;
    bool profile_3 = (frame.data[0] & 0x30) == 0x30;
    return !(frame.data[0] & (profile_3 ? 0x02 : 0x04));
}

/* B starts the frame of a layer; a layer above the lowest (SID, or D: predicted from the one below)
   makes no frame of its own. P 0 should say that no other picture is referred to (RFC 9628, 4.2),
   but FFmpeg never sets it: the frame's header has to agree. */
static unsigned vp9_marks(struct slice payload)
{
    unsigned first = slice_take_byte(&payload);
    if (!(first & 0x08))
        return 0;
    if (first & 0x80)
        slice_take(&payload, payload.len > 0 && (payload.data[0] & 0x80) ? 2 : 1);
    if (first & 0x20) {
        if (payload.len == 0)
            return CODEC_DAMAGED;
        if (slice_take_byte(&payload) & 0x0f)
            return 0;
        if (!(first & 0x10))
            slice_take(&payload, 1); /* TL0PICIDX */
    }
    if (first & 0x40)
        return CODEC_FRAME_START;
    if (first & 0x02)
        skip_vp9_structure(&payload);
    return CODEC_FRAME_START | (is_vp9_key_header(payload) ? CODEC_KEYFRAME : 0u);
}

/* 00 00 01 B6 starts a VOP, whose first two bits are 0 in an intra one (ISO 14496-2, 6.2.5). */
static unsigned mpeg4_marks(struct slice payload)
{
    struct slice stream = slice_make(payload.data, payload.len < SCAN_MAX ? payload.len : SCAN_MAX);
    if (!is_byte_stream(stream))
        return 0;
    while (skip_start_code(&stream)) {
        if (stream.len >= 2 && stream.data[0] == 0xb6)
            return CODEC_FRAME_START | (stream.data[1] & 0xc0 ? 0u : CODEC_KEYFRAME);
    }
    return CODEC_FRAME_START;
}

/* Four bytes of header end in the fragment's offset (RFC 2250, 3.5). */
static unsigned mpeg_audio_marks(struct slice payload)
{
    if (payload.len < 4)
        return CODEC_DAMAGED;
    return payload.data[2] == 0 && payload.data[3] == 0 ? CODEC_FRAME_START : 0u;
}

unsigned codec_marks(enum codec codec, struct slice payload)
{
    if (payload.len == 0)
        return 0;
    switch (codec) {
    case CODEC_H264:
        return h264_marks(payload);
    case CODEC_H265:
        return h265_marks(payload);
    case CODEC_MJPEG:
        return mjpeg_marks(payload);
    case CODEC_AV1:
        return av1_marks(payload);
    case CODEC_VP8:
        return vp8_marks(payload);
    case CODEC_VP9:
        return vp9_marks(payload);
    case CODEC_MPEG4_VIDEO:
        return mpeg4_marks(payload);
    case CODEC_MPEG_AUDIO:
        return mpeg_audio_marks(payload);
    case CODEC_MPEG_TS:
    case CODEC_AAC:
    case CODEC_OPUS:
    case CODEC_PCMU:
    case CODEC_PCMA:
    case CODEC_L16:
    case CODEC_G726:
    case CODEC_G722:
        return CODEC_FRAME_START;
    case CODEC_UNKNOWN:
    case CODEC_ONVIF_METADATA: /* XML, in pieces that nothing tells apart */
    case CODECS:
        return 0;
    }
    return 0;
}
