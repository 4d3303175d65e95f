#include "proto/h264.h"

#include <stdbool.h>
#include <stdint.h>

#define RECOVERY_POINT 6u
#define FRAMES_MAX 65535u

/* The bytes of a NAL unit without emulation prevention (7.3.1: 00 00 03 stands for 00 00). */
struct rbsp {
    struct slice left;
    unsigned zeros; /* that came last */
};

static bool next_byte(struct rbsp *rbsp, uint8_t *byte)
{
    if (rbsp->left.len == 0)
        return false;
    *byte = slice_take_byte(&rbsp->left);
    if (rbsp->zeros >= 2 && *byte == 3) {
        rbsp->zeros = 0;
        return next_byte(rbsp, byte);
    }
    rbsp->zeros = *byte == 0 ? rbsp->zeros + 1 : 0;
    return true;
}

/* A number of the SEI syntax: 255s add up to the first byte below (7.3.2.3.1). */
static bool next_number(struct rbsp *rbsp, size_t *value)
{
    uint8_t byte = 255;
    *value = 0;
    while (byte == 255) {
        if (!next_byte(rbsp, &byte))
            return false;
        *value += byte;
    }
    return true;
}

/* The bits of a payload, the first of a byte first. */
struct bits {
    struct rbsp *rbsp;
    size_t bytes; /* of the payload, not yet read */
    uint8_t byte;
    unsigned count; /* left in byte */
};

static bool next_bit(struct bits *bits, unsigned *bit)
{
    if (bits->count == 0) {
        if (bits->bytes == 0 || !next_byte(bits->rbsp, &bits->byte))
            return false;
        bits->bytes--;
        bits->count = 8;
    }
    *bit = bits->byte >> --bits->count & 1u;
    return true;
}

/* ue(v) (9.1), capped. */
static bool next_exp_golomb(struct bits *bits, uint32_t *value)
{
    unsigned zeros = 0, bit = 0;
    while (next_bit(bits, &bit) && bit == 0)
        zeros++;
    if (bit == 0 || zeros > 31)
        return false;
    uint64_t code = 1;
    for (unsigned i = 0; i < zeros; i++) {
        if (!next_bit(bits, &bit))
            return false;
        code = code << 1 | bit;
    }
    *value = (uint32_t)(code - 1 < FRAMES_MAX ? code - 1 : FRAMES_MAX);
    return true;
}

static bool skip(struct rbsp *rbsp, size_t bytes)
{
    uint8_t ignored;
    while (bytes > 0 && next_byte(rbsp, &ignored))
        bytes--;
    return bytes == 0;
}

int h264_recovery_frames(struct slice sei)
{
    struct rbsp rbsp = {.left = sei};
    size_t type, size;
    uint32_t frames;
    if (!skip(&rbsp, 1))
        return H264_NO_RECOVERY_POINT;
    while (next_number(&rbsp, &type) && next_number(&rbsp, &size)) {
        struct bits bits = {.rbsp = &rbsp, .bytes = size};
        if (type == RECOVERY_POINT)
            return next_exp_golomb(&bits, &frames) ? (int)frames : H264_NO_RECOVERY_POINT;
        if (!skip(&rbsp, size))
            break;
    }
    return H264_NO_RECOVERY_POINT;
}
