#include "test.h"

#include "proto/rtp.h"

#define FIXED(first, second) first second "\x12\x34\x01\x02\x03\x04\xca\xfe\xba\xbe"
#define CSRC "\0\0\0\x0a"

/* PROTOCOL rows 46 and 50. Packets of 12 bytes and more carry sequence 0x1234, timestamp 0x01020304
   and SSRC 0xcafebabe. */
static const struct {
    const char *name;
    struct slice packet;
    enum rtp_result result;
    bool marker;
    uint8_t payload_type;
    bool has_extension;
    uint16_t profile;
    size_t extension_at, extension_len;
    size_t payload_at, payload_len;
} rows[] = {
    {"empty", {NULL, 0}, RTP_SHORT, .payload_len = 0},
    {"one byte", SLICE("\x80"), RTP_SHORT, .payload_len = 0},
    {"11 bytes", SLICE("\x80\x60\0\1\0\0\0\0\0\0\0"), RTP_SHORT, .payload_len = 0},
    {"no payload", SLICE(FIXED("\x80", "\x60")), RTP_OK, false, 96, .payload_at = 12},
    {"payload and marker", SLICE(FIXED("\x80", "\xe1") "abc"), RTP_OK, true, 97, false, 0, 0, 0, 12,
     3},
    {"payload type 127", SLICE(FIXED("\x80", "\x7f") "a"), RTP_OK, false, 127, false, 0, 0, 0, 12,
     1},
    {"version 0", SLICE(FIXED("\x00", "\x60") "abc"), RTP_BAD, .payload_len = 0},
    {"version 1", SLICE(FIXED("\x40", "\x60") "abc"), RTP_BAD, .payload_len = 0},
    {"version 3", SLICE(FIXED("\xc0", "\x60") "abc"), RTP_BAD, .payload_len = 0},
    {"two sources", SLICE(FIXED("\x82", "\x60") CSRC CSRC "abc"), RTP_OK, false, 96, false, 0, 0, 0,
     20, 3},
    {"sources fill the packet", SLICE(FIXED("\x81", "\x60") CSRC), RTP_OK, false, 96, false, 0, 0,
     0, 16, 0},
    {"sources overrun", SLICE(FIXED("\x82", "\x60") CSRC "abc"), RTP_BAD, .payload_len = 0},
    {"15 sources overrun", SLICE(FIXED("\x8f", "\x60") CSRC), RTP_BAD, .payload_len = 0},
    {"extension", SLICE(FIXED("\x90", "\x60") "\xab\xac\0\1ABCDxyz"), RTP_OK, false, 96, true,
     0xabac, 16, 4, 20, 3},
    {"empty extension", SLICE(FIXED("\x90", "\x60") "\xbe\xde\0\0xyz"), RTP_OK, false, 96, true,
     0xbede, 16, 0, 16, 3},
    {"source and extension", SLICE(FIXED("\x91", "\x60") CSRC "\xbe\xde\0\1ABCDz"), RTP_OK, false,
     96, true, 0xbede, 20, 4, 24, 1},
    {"extension header cut", SLICE(FIXED("\x90", "\x60") "\xbe\xde\0"), RTP_BAD, .payload_len = 0},
    {"extension overruns", SLICE(FIXED("\x90", "\x60") "\xbe\xde\0\2ABCDxyz"), RTP_BAD,
     .payload_len = 0},
    {"extension of 65535 words", SLICE(FIXED("\x90", "\x60") "\xbe\xde\xff\xff"), RTP_BAD,
     .payload_len = 0},
    {"padding", SLICE(FIXED("\xa0", "\x60") "ab\0\2"), RTP_OK, false, 96, false, 0, 0, 0, 12, 2},
    {"padding of one", SLICE(FIXED("\xa0", "\x60") "abc\1"), RTP_OK, false, 96, false, 0, 0, 0, 12,
     3},
    {"only padding", SLICE(FIXED("\xa0", "\x60") "\0\0\0\4"), RTP_OK, false, 96, false, 0, 0, 0, 12,
     0},
    {"padding 0", SLICE(FIXED("\xa0", "\x60") "ab\0\0"), RTP_BAD, .payload_len = 0},
    {"padding over the payload", SLICE(FIXED("\xa0", "\x60") "ab\0\5"), RTP_BAD, .payload_len = 0},
    {"padding 255", SLICE(FIXED("\xa0", "\x60") "ab\0\xff"), RTP_BAD, .payload_len = 0},
    {"padding without payload", SLICE(FIXED("\xa0", "\x60")), RTP_BAD, .payload_len = 0},
    {"padding into the extension", SLICE(FIXED("\xb0", "\x60") "\xbe\xde\0\1\0\0\0\5x\2"), RTP_OK,
     false, 96, true, 0xbede, 16, 4, 20, 0},
    {"padding over the extension", SLICE(FIXED("\xb0", "\x60") "\xbe\xde\0\1\0\0\0\5\1\3"), RTP_BAD,
     .payload_len = 0},
};

static void check(size_t row, struct slice packet, const struct rtp *rtp)
{
    assert_int_equal(rtp->marker, rows[row].marker);
    assert_int_equal(rtp->payload_type, rows[row].payload_type);
    assert_int_equal(rtp->sequence, 0x1234);
    assert_int_equal(rtp->timestamp, 0x01020304);
    assert_int_equal(rtp->ssrc, 0xcafebabe);
    assert_int_equal(rtp->has_extension, rows[row].has_extension);
    assert_int_equal(rtp->extension_profile, rows[row].profile);
    assert_int_equal(rtp->extension.len, rows[row].extension_len);
    assert_int_equal(rtp->payload.len, rows[row].payload_len);
    if (rtp->extension.len > 0)
        assert_ptr_equal(rtp->extension.data, packet.data + rows[row].extension_at);
    if (rtp->payload.len > 0)
        assert_ptr_equal(rtp->payload.data, packet.data + rows[row].payload_at);
}

static void test_rows(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice packet = guarded(rows[i].packet);
        struct rtp rtp;
        memset(&rtp, 0xaa, sizeof(rtp));
        enum rtp_result result = rtp_parse(packet, &rtp);
        if (result != rows[i].result)
            fail_msg("%s: %d", rows[i].name, result);
        if (result == RTP_OK)
            check(i, packet, &rtp);
    }
}

/* What a prefix shows is what the whole packet holds, cut; and it never says bad of a good packet.
 */
static void test_every_prefix(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rtp whole, cut;
        if (rtp_parse(rows[i].packet, &whole) != RTP_OK)
            continue;
        for (size_t n = 0; n < rows[i].packet.len; n++) {
            struct slice prefix = guarded(slice_make(rows[i].packet.data, n));
            enum rtp_result result = rtp_parse_prefix(prefix, rows[i].packet.len, &cut);
            assert_int_equal(result, n < 12 ? RTP_SHORT : RTP_OK);
            if (n < 12)
                continue;
            assert_int_equal(cut.sequence, whole.sequence);
            assert_int_equal(cut.has_extension, whole.has_extension);
            size_t at = rows[i].extension_at;
            size_t seen = n > at ? n - at : 0;
            assert_int_equal(cut.extension.len,
                             seen < whole.extension.len ? seen : whole.extension.len);
            at = rows[i].payload_at;
            assert_int_equal(cut.payload.len, n > at ? n - at : 0);
            if (cut.payload.len > 0)
                assert_ptr_equal(cut.payload.data, prefix.data + at);
        }
    }
}

/* What can be judged from a prefix is judged. */
static void test_bad_prefix(void **state)
{
    struct rtp rtp;
    assert_int_equal(rtp_parse_prefix(SLICE(FIXED("\x40", "\x60")), 100, &rtp), RTP_BAD);
    assert_int_equal(rtp_parse_prefix(SLICE(FIXED("\x8f", "\x60")), 71, &rtp), RTP_BAD);
    assert_int_equal(rtp_parse_prefix(SLICE(FIXED("\x8f", "\x60")), 72, &rtp), RTP_OK);
    assert_int_equal(rtp_parse_prefix(SLICE(FIXED("\x90", "\x60")), 15, &rtp), RTP_BAD);
    assert_int_equal(rtp_parse_prefix(SLICE(FIXED("\x90", "\x60") "\xbe\xde\0\2"), 23, &rtp),
                     RTP_BAD);
    assert_int_equal(rtp_parse_prefix(SLICE(FIXED("\x90", "\x60") "\xbe\xde\0\2"), 24, &rtp),
                     RTP_OK);
    assert_int_equal(rtp_parse_prefix(SLICE(FIXED("\x80", "\x60") "abcd"), 13, &rtp), RTP_OK);
    assert_int_equal(rtp.payload.len, 1);
}

static void test_is_rtcp(void **state)
{
    static const struct {
        struct slice packet;
        bool expected;
    } packets[] = {
        {SLICE("\x80\xc8"), true},  {SLICE("\x81\xcf\0\1"), true},
        {SLICE("\x80\xc7"), false}, {SLICE("\x80\xd0"), false},
        {SLICE("\x80\x60"), false}, {SLICE("\x40\xc8"), false},
        {SLICE("\x80"), false},     {{NULL, 0}, false},
    };
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
        assert_int_equal(rtp_is_rtcp(guarded(packets[i].packet)), packets[i].expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_bad_prefix),
        cmocka_unit_test(test_is_rtcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
