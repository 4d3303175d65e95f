#include "proto/interleaved.h"

#include <assert.h>

#include "proto/rtp.h"

#define FRAME_HEAD 4u /* RFC 2326, 10.12 */

static_assert(sizeof(struct interleaved) == 4, "one per session: keep it small");

/* A frame's four bytes at once, where they are all there: nearly always. */
static inline void take_head(struct interleaved *split, struct slice *input)
{
    split->channel = input->data[1];
    split->left = (uint16_t)(input->data[2] << 8 | input->data[3]);
    split->state = split->left > 0 ? AT_PAYLOAD : AT_MAGIC;
    slice_take(input, FRAME_HEAD);
}

enum interleaved_event interleaved_next(struct interleaved *split, struct slice *input,
                                        struct slice *piece)
{
    while (input->len > 0) {
        switch (split->state) {
        case AT_MAGIC:
            if (input->data[0] != '$')
                return INTERLEAVED_TEXT;
            if (input->len >= FRAME_HEAD) {
                take_head(split, input);
                break;
            }
            slice_take_byte(input);
            split->state = AT_CHANNEL;
            break;
        case AT_CHANNEL:
            split->channel = slice_take_byte(input);
            split->state = AT_LENGTH_HIGH;
            break;
        case AT_LENGTH_HIGH:
            split->left = (uint16_t)(slice_take_byte(input) << 8);
            split->state = AT_LENGTH_LOW;
            break;
        case AT_LENGTH_LOW:
            split->left |= slice_take_byte(input);
            split->state = split->left > 0 ? AT_PAYLOAD : AT_MAGIC;
            break;
        case AT_PAYLOAD:
            *piece = slice_take(input, split->left);
            split->left = (uint16_t)(split->left - piece->len);
            split->state = split->left > 0 ? AT_PAYLOAD : AT_MAGIC;
            __builtin_prefetch(input->data); /* the next frame's head, while this one is counted */
            return INTERLEAVED_PAYLOAD;
        }
    }
    return INTERLEAVED_NEED_MORE;
}

/* How well a place in the stream fits. */
enum fit { FIT_NO, FIT_CUT_OFF, FIT_YES };

static bool has_bit(const uint64_t *bits, unsigned i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

/* Without known types anything goes but 72-76, which would be RTCP (RFC 5761, 4). */
static bool type_fits(const struct interleaved_hint *hint, unsigned payload_type)
{
    if (hint->payload_types[0] == 0 && hint->payload_types[1] == 0)
        return payload_type < 72 || payload_type > 76;
    return has_bit(hint->payload_types, payload_type);
}

/* head is the first bytes of a frame of that length. */
static enum fit packet_fits(const struct interleaved_hint *hint, struct slice head, size_t length)
{
    if (head.len >= 1 && head.data[0] >> 6 != 2)
        return FIT_NO;
    if (head.len < 2)
        return FIT_CUT_OFF;
    if (!rtp_is_rtcp(head)) {
        bool fits = length >= RTP_HEADER_MIN && type_fits(hint, head.data[1] & 0x7f);
        return fits ? FIT_YES : FIT_NO;
    }
    if (head.len < 4)
        return FIT_CUT_OFF;
    size_t first = ((size_t)head.data[2] << 8 | head.data[3]) * 4 + 4;
    return length % 4 == 0 && first >= 8 && first <= length ? FIT_YES : FIT_NO;
}

static enum fit starts_with(struct slice input, struct slice word)
{
    if (slice_starts_with(input, word))
        return FIT_YES;
    return slice_starts_with(word, input) ? FIT_CUT_OFF : FIT_NO;
}

static enum fit message_fits(struct slice input)
{
    static const char *const starts[] = {
        "RTSP/1.",        "OPTIONS ",  "ANNOUNCE ", "GET_PARAMETER ",
        "SET_PARAMETER ", "REDIRECT ", "TEARDOWN ", "PLAY_NOTIFY ",
    };
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        enum fit fit = starts_with(input, slice_from_string(starts[i]));
        if (fit != FIT_NO)
            return fit;
    }
    return FIT_NO;
}

/* Whatever follows a real frame is another one, or a message, or blank lines before one. */
static bool can_follow(uint8_t byte)
{
    return byte == '$' || byte == '\r' || byte == '\n' || (byte >= 'A' && byte <= 'Z');
}

static enum fit frame_fits(const struct interleaved_hint *hint, struct slice input)
{
    if (input.data[0] != '$' || (input.len >= 2 && !has_bit(hint->channels, input.data[1])))
        return FIT_NO;
    if (input.len < 4)
        return FIT_CUT_OFF;
    size_t length = (size_t)input.data[2] << 8 | input.data[3];
    if (length < 8 || (input.len > 4 + length && !can_follow(input.data[4 + length])))
        return FIT_NO;
    slice_take(&input, 4);
    return packet_fits(hint, slice_take(&input, length), length);
}

size_t interleaved_resync(const struct interleaved_hint *hint, struct slice input)
{
    struct slice rest = input;
    while (rest.len > 0) {
        if (frame_fits(hint, rest) != FIT_NO || message_fits(rest) != FIT_NO)
            break;
        slice_take_byte(&rest);
    }
    return input.len - rest.len;
}
