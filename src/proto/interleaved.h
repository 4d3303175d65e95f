/* interleaved.h - splits an RTSP/TCP stream into frame payload and text (RFC 2326, 10.12). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum interleaved_event {
    INTERLEAVED_NEED_MORE, /* input is used up: call again with the next read */
    INTERLEAVED_PAYLOAD,   /* piece is set; the frame is complete when left == 0 */
    INTERLEAVED_TEXT,      /* input starts an RTSP message, which the caller consumes */
};

enum interleaved_state { AT_MAGIC, AT_CHANNEL, AT_LENGTH_HIGH, AT_LENGTH_LOW, AT_PAYLOAD };

/* Ready when zeroed. Embedded in every session, so it keeps no buffer. */
struct interleaved {
    enum interleaved_state state : 8;
    uint8_t channel; /* of the current frame */
    uint16_t left;   /* payload bytes of the current frame still to come */
};

/* Advances input past what it used; piece borrows from input. Skips empty frames. */
enum interleaved_event interleaved_next(struct interleaved *split, struct slice *input,
                                        struct slice *piece);

/* What a real frame of this session looks like, for finding the way back into a damaged stream. */
struct interleaved_hint {
    uint64_t channels[4]; /* a bit a channel (0-255) that was set up */
    uint64_t
        payload_types[2]; /* a bit a payload type (0-127) that the tracks carry; all 0: unknown */
};

/* Bytes to skip from the start of input to the first place that looks like the start of a frame
   (magic, a known channel, a version-2 RTP or RTCP header with a known type, a length it fits) or
   of an RTSP message (a status line or a method the server may send). input.len when there is none;
   the last bytes that could be the cut-off start of one are not skipped. */
size_t interleaved_resync(const struct interleaved_hint *hint, struct slice input);
