/* codec.h - what an RTP payload tells about its frame without decoding it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum codec {
    CODEC_UNKNOWN,
    CODEC_H264,  /* RFC 6184 */
    CODEC_H265,  /* RFC 7798 */
    CODEC_MJPEG, /* RFC 2435 */
    CODEC_AV1,
    CODEC_VP8,
    CODEC_VP9,
    CODEC_MPEG4_VIDEO,
    CODEC_MPEG_TS,
    CODEC_AAC,
    CODEC_OPUS,
    CODEC_PCMU,
    CODEC_PCMA,
    CODEC_L16,
    CODEC_G726,
    CODEC_G722,
    CODEC_MPEG_AUDIO,
    CODEC_ONVIF_METADATA,
    CODECS
};

/* Marks of one packet, or-ed. */
enum {
    CODEC_FRAME_START = 1, /* a fragment start bit, or a whole unit: the packet can start a frame */
    CODEC_KEYFRAME = 2,    /* a decoder can start at its frame: (the start of) an IDR, IRAP or intra
                              frame, or a recovery point of H.264 after no frame */
    CODEC_DAMAGED = 4,     /* an aggregation unit overruns, a header is cut short */
    CODEC_RECOVERY = 8,    /* a recovery point after some frames (intra refresh): not a keyframe */
    CODEC_MARKS = 0xf,
    CODEC_RECOVERY_SHIFT = 16, /* after how many frames, 1 to 65,535: the bits from here on */
};

/* By the encoding name of an rtpmap, any case. */
enum codec codec_from_name(struct slice name);

/* "H.264", "AAC", "unknown". */
const char *codec_name(enum codec codec);

/* Can keyframes be told for this codec? */
bool codec_has_keyframes(enum codec codec);

/* Do its frames come in an order other than they are shown in, where the encoder likes? */
bool codec_may_reorder(enum codec codec);

/* Reads as much of a payload as is there. One cut short by a split read yields less, and may look
   damaged: the caller who knows that it was cut leaves CODEC_DAMAGED out. */
unsigned codec_marks(enum codec codec, struct slice payload);

/* Static payload types (RFC 3551, table 4 and 5); CODEC_UNKNOWN and clock 0 where there is none. */
enum codec codec_from_static_type(uint8_t payload_type, uint32_t *clock_rate);
