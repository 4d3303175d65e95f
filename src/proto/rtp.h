/* rtp.h - the RTP fixed header (RFC 3550, 5.1), and the arithmetic of its counters. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define RTP_HEADER_MIN 12u

/* A view of a packet; payload borrows. */
struct rtp {
    uint8_t payload_type;
    bool marker;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
    uint16_t extension_profile; /* with has_extension */
    bool has_extension;
    struct slice extension; /* without its 4-byte header */
    struct slice payload;   /* without padding */
};

enum rtp_result {
    RTP_OK,
    RTP_SHORT, /* under 12 bytes */
    RTP_BAD,   /* version not 2; CSRC list, extension or padding overrun, padding 0 */
};

enum rtp_result rtp_parse(struct slice packet, struct rtp *out);

/* The same from the first bytes of a packet of total_len: what lies beyond prefix is left out of
   extension and payload, and only what can be judged from the prefix is judged. */
enum rtp_result rtp_parse_prefix(struct slice prefix, size_t total_len, struct rtp *out);

/* Is this RTCP on an RTP channel (packet types 200-207 where the payload type would be)? */
bool rtp_is_rtcp(struct slice packet);
