#include "test.h"

#include <stdio.h>

#include "base/rng.h"
#include "proto/interleaved.h"

#define OUT_MAX 200000u

/* What a stream came apart into, in bytes: "C<channel>" and the payload of each frame, "|" behind a
   complete one, "T" and the bytes of a text up to the next blank line. */
struct parts {
    char text[OUT_MAX];
    size_t len;
    unsigned frames;
};

static void put(struct parts *parts, const void *bytes, size_t len)
{
    assert_true(parts->len + len <= OUT_MAX);
    memcpy(parts->text + parts->len, bytes, len);
    parts->len += len;
}

/* Feeds one read; text is taken up to its "\n\n". */
static void feed(struct interleaved *split, struct slice input, struct parts *parts, bool *in_text)
{
    struct slice piece;
    for (;;) {
        while (*in_text && input.len > 0) {
            put(parts, input.data, 1);
            *in_text = slice_take_byte(&input) != '\n';
        }
        switch (interleaved_next(split, &input, &piece)) {
        case INTERLEAVED_NEED_MORE:
            assert_int_equal(input.len, 0);
            return;
        case INTERLEAVED_PAYLOAD:
            put(parts, piece.data, piece.len);
            if (split->left == 0) {
                char end[8];
                put(parts, end, (size_t)snprintf(end, sizeof(end), "|%u|", split->channel));
                parts->frames++;
            }
            break;
        case INTERLEAVED_TEXT:
            assert_true(input.len > 0);
            *in_text = true;
            break;
        }
    }
}

static void run_split(struct slice stream, size_t at, struct parts *parts)
{
    struct interleaved split = {0};
    bool in_text = false;
    parts->len = 0;
    parts->frames = 0;
    feed(&split, slice_take(&stream, at), parts, &in_text);
    feed(&split, stream, parts, &in_text);
}

/* A message between frames, an empty frame, frames of 1 and 11 bytes, an unknown channel, all 256
   values: what comes apart is the same at every split and a byte at a time. */
static void test_every_split(void **state)
{
    static struct parts parts;
    struct slice stream = guarded(SLICE("$\0\0\1A"
                                        "$\1\0\0"
                                        "RTSP/1.0 200 OK\n"
                                        "$\377\0\013hello$world"
                                        "$\2\0\2\r\n"));
    const char expected[] = "A|0|RTSP/1.0 200 OK\nhello$world|255|\r\n|2|";
    for (size_t at = 0; at <= stream.len; at++) {
        run_split(stream, at, &parts);
        assert_int_equal(parts.len, sizeof(expected) - 1);
        assert_memory_equal(parts.text, expected, parts.len);
        assert_int_equal(parts.frames, 3);
    }
    struct interleaved split = {0};
    bool in_text = false;
    parts.len = 0;
    for (size_t i = 0; i < stream.len; i++)
        feed(&split, slice_make(stream.data + i, 1), &parts, &in_text);
    assert_int_equal(parts.len, sizeof(expected) - 1);
    assert_memory_equal(parts.text, expected, parts.len);
}

/* PROTOCOL row 46: the longest frame; and row 48: 64 frames a segment. */
static void test_sizes(void **state)
{
    static uint8_t stream[4 + 65535 + 64 * 5];
    static struct parts parts;
    memcpy(stream, "$\3\xff\xff", 4);
    memset(stream + 4, '$', 65535);
    for (unsigned i = 0; i < 64; i++)
        memcpy(stream + 4 + 65535 + i * 5, "$\4\0\1x", 5);
    for (size_t at = 0; at < sizeof(stream); at += 997) {
        run_split(slice_make(stream, sizeof(stream)), at, &parts);
        assert_int_equal(parts.frames, 65);
        assert_int_equal(parts.len, 65535 + 3 + 64 * 4);
    }
}

/* Channels 0 to 3, payload types 96 and 97. */
static const struct interleaved_hint hint = {.channels = {0xf},
                                             .payload_types = {0, UINT64_C(3) << 32}};

#define RTP12 "\x80\x60\0\1\0\0\0\0\0\0\0\1"
#define RR8 "\x80\xc9\0\1\0\0\0\1"

/* PROTOCOL rows 47 and 49. */
static const struct {
    const char *name;
    struct slice input;
    size_t skip;
} resyncs[] = {
    {"nothing", {NULL, 0}, 0},
    {"a frame at once", SLICE("$\0\0\x0c" RTP12), 0},
    {"noise, then a frame", SLICE("abc$\0\0\x0c" RTP12), 3},
    {"marker bit", SLICE("\0$\0\0\x0c\x80\xe1\0\1\0\0\0\0\0\0\0\1"), 1},
    {"a report", SLICE("..$\1\0\x08" RR8), 2},
    {"frame followed by a frame", SLICE("x$\0\0\x0c" RTP12 "$"), 1},
    {"frame followed by a message", SLICE("x$\0\0\x0c" RTP12 "RTSP"), 1},
    {"frame followed by noise", SLICE("x$\0\0\x0c" RTP12 "\x01zzzzzzzzz"), 27},
    {"unknown channel", SLICE("$\4\0\x0c" RTP12), 16},
    {"unknown type", SLICE("$\0\0\x0c\x80\x62\0\1\0\0\0\0\0\0\0\1"), 16},
    {"version 1", SLICE("$\0\0\x0c\x40\x60\0\1\0\0\0\0\0\0\0\1"), 16},
    {"too short for RTP", SLICE("$\0\0\x0b\x80\x60\0\1\0\0\0\0\0\0\0"), 15},
    {"report with a wrong length", SLICE("$\1\0\x08\x80\xc9\0\2\0\0\0\1"), 12},
    {"report of a length not in words", SLICE("$\1\0\x0a\x80\xc9\0\1\0\0\0\1\0\0"), 14},
    {"dollars", SLICE("$$$$$$\0\0\x0c" RTP12), 5},
    {"a reply", SLICE("\x80\x99RTSP/1.0 200 OK\r\n"), 2},
    {"not a reply", SLICE("RTSPRTSP/2"), 10},
    {"a request", SLICE("~OPTIONS * RTSP/1.0"), 1},
    {"ANNOUNCE", SLICE("~~ANNOUNCE rtsp://h/ RTSP/1.0"), 2},
    {"a word like a request", SLICE("OPTIONSx"), 8},
    {"cut off: magic", SLICE("abc$"), 3},
    {"cut off: channel", SLICE("abc$\1"), 3},
    {"cut off: wrong channel", SLICE("abc$\7"), 5},
    {"cut off: length", SLICE("abc$\1\0"), 3},
    {"cut off: version", SLICE("abc$\1\0\x0c"), 3},
    {"cut off: type", SLICE("abc$\1\0\x0c\x80"), 3},
    {"cut off: wrong version", SLICE("abc$\1\0\x0c\x40"), 8},
    {"cut off: length of a report", SLICE("abc$\1\0\x0c\x80\xc9\0"), 3},
    {"cut off: type known", SLICE("abc$\1\0\x0c\x80\x60"), 3},
    {"cut off: a reply", SLICE("abcRTS"), 3},
    {"cut off: a method", SLICE("abcGET_PARA"), 3},
    {"noise", SLICE("\x01\x02\x03\xff\xfe"), 5},
};

static void test_resync(void **state)
{
    for (size_t i = 0; i < sizeof(resyncs) / sizeof(resyncs[0]); i++) {
        size_t skip = interleaved_resync(&hint, guarded(resyncs[i].input));
        if (skip != resyncs[i].skip)
            fail_msg("%s: %zu", resyncs[i].name, skip);
    }
}

/* Without known types any but the reserved ones goes. */
static void test_resync_any_type(void **state)
{
    struct interleaved_hint any = {.channels = {1}};
    assert_int_equal(interleaved_resync(&any, SLICE("x$\0\0\x0c\x80\x05\0\1\0\0\0\0\0\0\0\1")), 1);
    assert_int_equal(interleaved_resync(&any, SLICE("x$\0\0\x0c\x80\x48\0\1\0\0\0\0\0\0\0\1")), 17);
}

/* Channel 255 is the last bit of the last word. */
static void test_resync_last_channel(void **state)
{
    struct interleaved_hint last = {.channels = {0, 0, 0, UINT64_C(1) << 63}};
    assert_int_equal(interleaved_resync(&last, SLICE("$\0$\xff\0\x0c" RTP12)), 2);
}

/* Noise cut at any point, then frames: the frames are found, whatever stood before. */
static void test_resync_finds_frames_behind_noise(void **state)
{
    uint8_t stream[300];
    struct rng rng = rng_init(1, 2, 3);
    for (unsigned round = 0; round < 2000; round++) {
        size_t noise = (size_t)rng_below(&rng, 200);
        for (size_t i = 0; i < noise; i++)
            stream[i] = (uint8_t)(rng_next(&rng) | 0x80); /* no magic, no letters */
        memcpy(stream + noise, "$\0\0\x0c" RTP12 "$\0\0\x0c" RTP12, 32);
        assert_int_equal(interleaved_resync(&hint, slice_make(stream, noise + 32)), noise);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_resync),
        cmocka_unit_test(test_resync_any_type),
        cmocka_unit_test(test_resync_last_channel),
        cmocka_unit_test(test_resync_finds_frames_behind_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
