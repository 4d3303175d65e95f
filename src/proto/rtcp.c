#include "proto/rtcp.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

#define HEADER_BYTES 8u /* with the sender's SSRC */
#define SR_BYTES 28u
#define BLOCK_BYTES 24u
#define BLOCKS_MAX 31u
#define CNAME 1u
#define NTP_TO_UNIX_S UINT64_C(2208988800) /* from 1900 to 1970 */

static uint32_t load_u32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static uint64_t load_u64(const uint8_t *from)
{
    return (uint64_t)load_u32(from) << 32 | load_u32(from + 4);
}

static uint8_t *store_u32(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 24);
    to[1] = (uint8_t)(value >> 16);
    to[2] = (uint8_t)(value >> 8);
    to[3] = (uint8_t)value;
    return to + 4;
}

/* Takes a chunk's items up to the null that ends them, and what pads it to 32 bits (RFC 3550, 6.5).
   False when the end is missing. */
static bool skip_sdes_chunk(struct slice *body)
{
    size_t before = body->len;
    slice_take(body, 4);
    while (body->len > 0 && body->data[0] != 0) {
        if (body->len < 2 || body->len - 2 < body->data[1])
            return false;
        slice_take(body, 2u + body->data[1]);
    }
    if (body->len == 0)
        return false;
    size_t used = before - body->len;
    slice_take(body, 4 - used % 4);
    return true;
}

static bool sdes_is_sound(unsigned chunks, struct slice body)
{
    for (; chunks > 0; chunks--) {
        if (!skip_sdes_chunk(&body))
            return false;
    }
    return true;
}

/* packet is as long as its length field says, without padding. */
static bool parse_packet(struct slice packet, struct rtcp *out)
{
    struct slice body = packet;
    slice_take(&body, 4);
    bool lists_sources = out->type == RTCP_SDES || out->type == RTCP_BYE;
    if (body.len >= 4 && (out->count > 0 || !lists_sources))
        out->ssrc = load_u32(body.data);
    if (out->type == RTCP_SDES)
        return sdes_is_sound(out->count, body);
    if (out->type == RTCP_BYE) {
        out->leaving = slice_make(body.data, out->count * 4u);
        return body.len >= out->count * 4u;
    }
    if (out->type != RTCP_SR && out->type != RTCP_RR)
        return true;
    size_t fixed = out->type == RTCP_SR ? SR_BYTES : HEADER_BYTES;
    if (packet.len < fixed + out->count * BLOCK_BYTES)
        return false;
    if (out->type == RTCP_SR) {
        out->ntp = load_u64(packet.data + 8);
        out->rtp_timestamp = load_u32(packet.data + 16);
        out->packet_count = load_u32(packet.data + 20);
        out->octet_count = load_u32(packet.data + 24);
    }
    out->blocks = slice_make(packet.data + fixed, out->count * BLOCK_BYTES);
    return true;
}

bool rtcp_bye_names(const struct rtcp *bye, uint32_t ssrc)
{
    for (size_t at = 0; at + 4 <= bye->leaving.len; at += 4) {
        if (load_u32(bye->leaving.data + at) == ssrc)
            return true;
    }
    return false;
}

/* Types beyond 192-223 are no RTCP (RFC 5761, 4). */
static bool take_packet(struct slice *compound, struct rtcp *out)
{
    if (compound->len < 4 || compound->data[0] >> 6 != 2)
        return false;
    size_t length = ((size_t)compound->data[2] << 8 | compound->data[3]) * 4 + 4;
    if (length > compound->len || compound->data[1] < 192 || compound->data[1] > 223)
        return false;
    struct slice packet = slice_take(compound, length);
    out->type = packet.data[1];
    out->count = packet.data[0] & 0x1f;
    if (packet.data[0] & 0x20) {
        size_t padding = packet.data[length - 1];
        if (padding == 0 || padding > length - 4)
            return false;
        packet.len -= padding;
    }
    return parse_packet(packet, out);
}

enum rtcp_result rtcp_next(struct slice *compound, struct rtcp *out)
{
    *out = (struct rtcp){0};
    if (compound->len == 0)
        return RTCP_END;
    if (take_packet(compound, out))
        return RTCP_OK;
    slice_take(compound, compound->len);
    return RTCP_INVALID;
}

bool rtcp_block_next(struct slice *blocks, struct rtcp_block *out)
{
    if (blocks->len < BLOCK_BYTES)
        return false;
    const uint8_t *block = slice_take(blocks, BLOCK_BYTES).data;
    uint32_t lost = load_u32(block + 4) & 0xffffff;
    out->ssrc = load_u32(block);
    out->fraction_lost = block[4];
    out->cumulative_lost = (int32_t)lost - (lost & 0x800000 ? 0x1000000 : 0);
    out->extended_sequence = load_u32(block + 8);
    out->jitter = load_u32(block + 12);
    out->last_sr = load_u32(block + 16);
    out->delay_since_sr = load_u32(block + 20);
    return true;
}

static uint8_t *store_header(uint8_t *to, unsigned type, unsigned count, size_t bytes)
{
    assert(bytes % 4 == 0 && count <= BLOCKS_MAX);
    size_t words = bytes / 4 - 1;
    to[0] = (uint8_t)(0x80 | count);
    to[1] = (uint8_t)type;
    to[2] = (uint8_t)(words >> 8);
    to[3] = (uint8_t)words;
    return to + 4;
}

/* The cumulative number stops at the ends of its 24 bits (RFC 3550, A.3). */
static uint8_t *store_block(uint8_t *to, const struct rtcp_block *block)
{
    int32_t lost = block->cumulative_lost;
    if (lost > 0x7fffff)
        lost = 0x7fffff;
    if (lost < -0x800000)
        lost = -0x800000;
    to = store_u32(to, block->ssrc);
    to = store_u32(to, (uint32_t)block->fraction_lost << 24 | ((uint32_t)lost & 0xffffff));
    to = store_u32(to, block->extended_sequence);
    to = store_u32(to, block->jitter);
    to = store_u32(to, block->last_sr);
    return store_u32(to, block->delay_since_sr);
}

void rtcp_write_rr(struct text *to, uint32_t ssrc, const struct rtcp_block *blocks, unsigned count)
{
    uint8_t packet[HEADER_BYTES + BLOCKS_MAX * BLOCK_BYTES];
    assert(count <= BLOCKS_MAX);
    size_t bytes = HEADER_BYTES + count * BLOCK_BYTES;
    uint8_t *at = store_header(packet, RTCP_RR, count, bytes);
    at = store_u32(at, ssrc);
    for (unsigned i = 0; i < count; i++)
        at = store_block(at, &blocks[i]);
    text_add(to, slice_make(packet, bytes));
}

void rtcp_write_sr(struct text *to, const struct rtcp *report)
{
    uint8_t packet[SR_BYTES + BLOCKS_MAX * BLOCK_BYTES];
    assert(report->blocks.len % BLOCK_BYTES == 0 && report->blocks.len <= BLOCKS_MAX * BLOCK_BYTES);
    size_t bytes = SR_BYTES + report->blocks.len;
    uint8_t *at =
        store_header(packet, RTCP_SR, (unsigned)(report->blocks.len / BLOCK_BYTES), bytes);
    at = store_u32(at, report->ssrc);
    at = store_u32(at, (uint32_t)(report->ntp >> 32));
    at = store_u32(at, (uint32_t)report->ntp);
    at = store_u32(at, report->rtp_timestamp);
    at = store_u32(at, report->packet_count);
    at = store_u32(at, report->octet_count);
    if (report->blocks.len > 0)
        memcpy(at, report->blocks.data, report->blocks.len);
    text_add(to, slice_make(packet, bytes));
}

void rtcp_write_sdes(struct text *to, uint32_t ssrc, struct slice cname)
{
    uint8_t packet[HEADER_BYTES + 2 + 255 + 4] = {0};
    assert(cname.len <= 255);
    size_t bytes = (HEADER_BYTES + 2 + cname.len) / 4 * 4 + 4; /* ends in one to four nulls */
    uint8_t *at = store_header(packet, RTCP_SDES, 1, bytes);
    at = store_u32(at, ssrc);
    at[0] = CNAME;
    at[1] = (uint8_t)cname.len;
    if (cname.len > 0)
        memcpy(at + 2, cname.data, cname.len);
    text_add(to, slice_make(packet, bytes));
}

void rtcp_write_bye(struct text *to, uint32_t ssrc)
{
    uint8_t packet[HEADER_BYTES];
    store_u32(store_header(packet, RTCP_BYE, 1, sizeof(packet)), ssrc);
    text_add(to, slice_make(packet, sizeof(packet)));
}

uint64_t rtcp_ntp_from_ns(uint64_t unix_ns)
{
    uint64_t seconds = unix_ns / NS_PER_S + NTP_TO_UNIX_S;
    uint64_t fraction = ((unix_ns % NS_PER_S) << 32) / NS_PER_S;
    return seconds << 32 | fraction;
}

uint64_t rtcp_ntp_to_ns(uint64_t ntp)
{
    uint64_t seconds = ntp >> 32;
    if (seconds < NTP_TO_UNIX_S)
        return 0;
    /* To the nearest: a stamp we made gives back the nanosecond it was made of. */
    uint64_t rest = ((ntp & UINT32_MAX) * NS_PER_S + (UINT64_C(1) << 31)) >> 32;
    return (seconds - NTP_TO_UNIX_S) * NS_PER_S + rest;
}
