#include "proto/rtp.h"

#include <endian.h>
#include <string.h>

static inline uint16_t load_u16(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof(value));
    return be16toh(value);
}

static inline uint32_t load_u32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof(value));
    return be32toh(value);
}

/* What of [from, to) lies in the prefix. */
static inline struct slice part(struct slice prefix, size_t from, size_t to)
{
    if (to > prefix.len)
        to = prefix.len;
    return from < to ? slice_make(prefix.data + from, to - from) : slice_make(NULL, 0);
}

/* Moves *at from the extension's header to its end (RFC 3550, 5.3.1); to the packet's when the
   prefix doesn't tell where that is. */
static enum rtp_result parse_extension(struct slice prefix, size_t total_len, size_t *at,
                                       struct rtp *out)
{
    size_t start = *at + 4;
    if (start > total_len)
        return RTP_BAD;
    out->has_extension = true;
    if (start > prefix.len) {
        *at = total_len;
        return RTP_OK;
    }
    out->extension_profile = load_u16(prefix.data + start - 4);
    *at = start + (size_t)load_u16(prefix.data + start - 2) * 4;
    if (*at > total_len)
        return RTP_BAD;
    out->extension = part(prefix, start, *at);
    return RTP_OK;
}

static inline enum rtp_result parse(struct slice prefix, size_t total_len, struct rtp *out)
{
    if (prefix.len < RTP_HEADER_MIN)
        return RTP_SHORT;
    unsigned first = prefix.data[0];
    size_t at = RTP_HEADER_MIN + (size_t)(first & 0x0f) * 4;
    size_t end = total_len;
    if (first >> 6 != 2 || at > total_len)
        return RTP_BAD;
    out->payload_type = prefix.data[1] & 0x7f;
    out->marker = prefix.data[1] >> 7;
    out->sequence = load_u16(prefix.data + 2);
    out->timestamp = load_u32(prefix.data + 4);
    out->ssrc = load_u32(prefix.data + 8);
    out->extension_profile = 0;
    out->has_extension = false;
    out->extension = slice_make(NULL, 0);
    if (first & 0x10 && parse_extension(prefix, total_len, &at, out) != RTP_OK)
        return RTP_BAD;
    if (first & 0x20 && prefix.len == total_len) {
        size_t padding = prefix.data[total_len - 1];
        if (padding == 0 || padding > total_len - at)
            return RTP_BAD;
        end -= padding;
    }
    out->payload = part(prefix, at, end);
    return RTP_OK;
}

enum rtp_result rtp_parse(struct slice packet, struct rtp *out)
{
    return parse(packet, packet.len, out);
}

enum rtp_result rtp_parse_prefix(struct slice prefix, size_t total_len, struct rtp *out)
{
    if (prefix.len > total_len)
        prefix.len = total_len;
    return parse(prefix, total_len, out);
}

bool rtp_is_rtcp(struct slice packet)
{
    return packet.len >= 2 && packet.data[0] >> 6 == 2 && packet.data[1] >= 200 &&
           packet.data[1] <= 207;
}
