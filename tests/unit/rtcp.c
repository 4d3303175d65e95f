#include "test.h"

#include "base/clock.h"
#include "proto/rtcp.h"

#define SR                                                                                         \
    "\x80\xc8\0\6\0\0\0\1\xe0\0\0\0\x80\0\0\0\x11\x22\x33\x44\0\0\0\7\0\0\1\0" /* NTP e0000000.8   \
                                                                                */
#define RR "\x80\xc9\0\1\0\0\0\2"
#define SDES "\x81\xca\0\3\0\0\0\1\1\3abc\0\0\0"
#define BYE "\x81\xcb\0\1\0\0\0\1"
#define BLOCK                                                                                      \
    "\0\0\0\x09\x40\xff\xff\xfe\0\1\x12\x34\0\0\0\x0a\xaa\xbb\xcc\xdd\0\1\0\0" /* lost -2 */

/* PROTOCOL row 53. types: of the packets that come out; the list ends in 0. */
static const struct {
    const char *name;
    struct slice compound;
    uint8_t types[5];
    enum rtcp_result last;
} rows[] = {
    {"empty", {NULL, 0}, {0}, RTCP_END},
    {"report", SLICE(RR), {201}, RTCP_END},
    {"compound", SLICE(SR SDES BYE), {200, 202, 203}, RTCP_END},
    {"report with a block", SLICE("\x81\xc9\0\7\0\0\0\2" BLOCK), {201}, RTCP_END},
    {"a block that isn't there", SLICE("\x81\xc9\0\1\0\0\0\2"), {0}, RTCP_INVALID},
    {"31 blocks that aren't there", SLICE("\x9f\xc9\0\7\0\0\0\2" BLOCK), {0}, RTCP_INVALID},
    {"sender report cut by its length", SLICE("\x80\xc8\0\5" SR), {0}, RTCP_INVALID},
    {"receiver report without a sender", SLICE("\x80\xc9\0\0"), {0}, RTCP_INVALID},
    {"length over the end", SLICE(RR "\x80\xc9\0\2\0\0\0\2"), {201}, RTCP_INVALID},
    {"length 65535", SLICE("\x80\xc9\xff\xff\0\0\0\2"), {0}, RTCP_INVALID},
    {"three bytes", SLICE(RR "\x80\xc9\0"), {201}, RTCP_INVALID},
    {"version 1", SLICE(RR "\x40\xc9\0\1\0\0\0\2"), {201}, RTCP_INVALID},
    {"a type that is none", SLICE("\x80\x60\0\1\0\0\0\2"), {0}, RTCP_INVALID},
    {"APP", SLICE("\x80\xcc\0\2\0\0\0\1name"), {204}, RTCP_END},
    {"extended report", SLICE("\x80\xcf\0\1\0\0\0\1" RR), {207, 201}, RTCP_END},
    {"BYE of nobody", SLICE("\x80\xcb\0\0"), {203}, RTCP_END},
    {"BYE with sources missing", SLICE("\x82\xcb\0\1\0\0\0\1"), {0}, RTCP_INVALID},
    {"BYE with a reason", SLICE("\x81\xcb\0\2\0\0\0\1\3bye"), {203}, RTCP_END},
    {"SDES of nobody", SLICE("\x80\xca\0\0"), {202}, RTCP_END},
    {"SDES without end", SLICE("\x81\xca\0\2\0\0\0\1\1\2ab" BYE), {0}, RTCP_INVALID},
    {"SDES item overruns", SLICE("\x81\xca\0\3\0\0\0\1\1\7abc\0\0\0" BYE), {0}, RTCP_INVALID},
    {"SDES item without length", SLICE("\x81\xca\0\2\0\0\0\1\1\1a\1"), {0}, RTCP_INVALID},
    {"SDES chunk without source", SLICE("\x81\xca\0\0"), {0}, RTCP_INVALID},
    {"SDES second chunk missing", SLICE("\x82\xca\0\3\0\0\0\1\1\3abc\0\0\0"), {0}, RTCP_INVALID},
    {"SDES of two", SLICE("\x82\xca\0\4\0\0\0\1\1\1a\0\0\0\0\2\1\1b\0"), {202}, RTCP_END},
    {"padding", SLICE("\xa0\xc9\0\2\0\0\0\2\0\0\0\4"), {201}, RTCP_END},
    {"padding 0", SLICE("\xa0\xc9\0\2\0\0\0\2\0\0\0\0"), {0}, RTCP_INVALID},
    {"padding over the packet", SLICE("\xa0\xc9\0\2\0\0\0\2\0\0\0\x0c"), {0}, RTCP_INVALID},
    {"padding over the report", SLICE("\xa0\xc9\0\2\0\0\0\2\0\0\0\5"), {0}, RTCP_INVALID},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice compound = guarded(rows[i].compound);
        struct rtcp rtcp;
        enum rtcp_result result;
        unsigned n = 0;
        while ((result = rtcp_next(&compound, &rtcp)) == RTCP_OK) {
            if (rtcp.type != rows[i].types[n])
                fail_msg("%s: packet %u has type %u", rows[i].name, n, rtcp.type);
            n++;
        }
        if (result != rows[i].last || rows[i].types[n] != 0)
            fail_msg("%s: %d after %u", rows[i].name, result, n);
        assert_int_equal(compound.len, 0);
        assert_int_equal(rtcp_next(&compound, &rtcp), RTCP_END);
    }
}

/* A compound cut anywhere is bad there, and good at its packets' ends. */
static void test_every_cut(void **state)
{
    struct slice whole = SLICE(SR SDES BYE);
    for (size_t n = 0; n <= whole.len; n++) {
        struct slice cut = guarded(slice_make(whole.data, n));
        struct rtcp rtcp;
        enum rtcp_result result;
        while ((result = rtcp_next(&cut, &rtcp)) == RTCP_OK)
            continue;
        bool at_end = n == 0 || n == 28 || n == 44 || n == 52;
        assert_int_equal(result, at_end ? RTCP_END : RTCP_INVALID);
    }
}

static void test_sender_report(void **state)
{
    struct slice compound = SLICE("\x81\xc8\0\x0c\0\0\0\1\xe0\0\0\0\x80\0\0\0\x11\x22\x33\x44"
                                  "\0\0\0\7\0\0\1\0" BLOCK);
    struct rtcp sr;
    struct rtcp_block block;
    assert_int_equal(rtcp_next(&compound, &sr), RTCP_OK);
    assert_int_equal(sr.count, 1);
    assert_int_equal(sr.ssrc, 1);
    assert_true(sr.ntp == UINT64_C(0xe000000080000000));
    assert_int_equal(sr.rtp_timestamp, 0x11223344);
    assert_int_equal(sr.packet_count, 7);
    assert_int_equal(sr.octet_count, 256);
    assert_true(rtcp_block_next(&sr.blocks, &block));
    assert_int_equal(block.ssrc, 9);
    assert_int_equal(block.fraction_lost, 0x40);
    assert_int_equal(block.cumulative_lost, -2);
    assert_int_equal(block.extended_sequence, 0x11234);
    assert_int_equal(block.jitter, 10);
    assert_int_equal(block.last_sr, 0xaabbccdd);
    assert_int_equal(block.delay_since_sr, 65536);
    assert_false(rtcp_block_next(&sr.blocks, &block));
}

static void test_sources(void **state)
{
    struct slice compound = SLICE("\x80\xcb\0\1\0\0\0\1" BYE "\x80\xca\0\0" RR);
    static const uint32_t expected[] = {0, 1, 0, 2};
    struct rtcp rtcp;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(rtcp_next(&compound, &rtcp), RTCP_OK);
        assert_int_equal(rtcp.ssrc, expected[i]);
    }
}

#define check_written(text, expected)                                                              \
    do {                                                                                           \
        assert_false((text).overflow);                                                             \
        assert_int_equal((text).len, sizeof(expected) - 1);                                        \
        assert_memory_equal((text).data, expected, sizeof(expected) - 1);                          \
    } while (0)

static void test_write(void **state)
{
    char bytes[2000];
    struct text text = text_init(bytes, sizeof(bytes));
    struct rtcp_block block = {9, 0x40, -2, 0x11234, 10, 0xaabbccdd, 65536};
    rtcp_write_rr(&text, 2, &block, 1);
    check_written(text, "\x81\xc9\0\7\0\0\0\2" BLOCK);
    text.len = 0;
    rtcp_write_rr(&text, 2, NULL, 0);
    check_written(text, RR);
    text.len = 0;
    struct rtcp report = {.ssrc = 1,
                          .ntp = UINT64_C(0xe000000080000000),
                          .rtp_timestamp = 0x11223344,
                          .packet_count = 7,
                          .octet_count = 256};
    rtcp_write_sr(&text, &report);
    check_written(text, SR);
    text.len = 0;
    report.blocks = SLICE(BLOCK);
    rtcp_write_sr(&text, &report);
    check_written(text, "\x81\xc8\0\x0c\0\0\0\1\xe0\0\0\0\x80\0\0\0\x11\x22\x33\x44"
                        "\0\0\0\7\0\0\1\0" BLOCK);
    text.len = 0;
    rtcp_write_bye(&text, 1);
    check_written(text, BYE);
}

/* Every length of a CNAME ends in one to four nulls, is in words, and reads back. */
static void test_write_sdes(void **state)
{
    char bytes[300], name[255];
    memset(name, 'n', sizeof(name));
    struct text text = text_init(bytes, sizeof(bytes));
    rtcp_write_sdes(&text, 1, SLICE("abc"));
    check_written(text, SDES);
    for (size_t n = 0; n <= 255; n++) {
        struct rtcp rtcp;
        text.len = 0;
        rtcp_write_sdes(&text, 7, slice_make(name, n));
        size_t nulls = text.len - 10 - n;
        assert_true(text.len % 4 == 0 && nulls >= 1 && nulls <= 4);
        struct slice written = guarded(text_slice(&text));
        assert_int_equal(rtcp_next(&written, &rtcp), RTCP_OK);
        assert_int_equal(rtcp_next(&written, &rtcp), RTCP_END);
    }
}

/* The cumulative number sticks to the ends of its 24 bits. */
static void test_write_lost(void **state)
{
    static const struct {
        int32_t lost, written;
    } losses[] = {{0, 0},
                  {-1, -1},
                  {8388607, 8388607},
                  {8388608, 8388607},
                  {INT32_MAX, 8388607},
                  {-8388608, -8388608},
                  {-8388609, -8388608},
                  {INT32_MIN, -8388608}};
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        char bytes[32];
        struct text text = text_init(bytes, sizeof(bytes));
        struct rtcp_block block = {.cumulative_lost = losses[i].lost, .fraction_lost = 255};
        struct rtcp rtcp;
        rtcp_write_rr(&text, 2, &block, 1);
        struct slice written = text_slice(&text);
        assert_int_equal(rtcp_next(&written, &rtcp), RTCP_OK);
        assert_true(rtcp_block_next(&rtcp.blocks, &block));
        assert_int_equal(block.cumulative_lost, losses[i].written);
        assert_int_equal(block.fraction_lost, 255);
    }
}

/* A packet that doesn't fit leaves nothing behind. */
static void test_write_overflow(void **state)
{
    char bytes[27];
    struct text text = text_init(bytes, sizeof(bytes));
    struct rtcp report = {.ssrc = 1};
    rtcp_write_sr(&text, &report);
    assert_true(text.overflow);
    assert_int_equal(text.len, 0);
}

/* 1970 and 2000-01-01 are 2208988800 and 3155673600 s after 1900 (RFC 868 gives the first). */
static void test_ntp(void **state)
{
    static const struct {
        uint64_t ns, ntp;
    } times[] = {
        {0, UINT64_C(2208988800) << 32},
        {UINT64_C(946684800) * NS_PER_S, UINT64_C(3155673600) << 32},
        {UINT64_C(946684800) * NS_PER_S + NS_PER_S / 2,
         UINT64_C(3155673600) << 32 | UINT64_C(0x80000000)},
        {NS_PER_S / 4, UINT64_C(2208988800) << 32 | UINT64_C(0x40000000)},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_true(rtcp_ntp_from_ns(times[i].ns) == times[i].ntp);
        assert_true(rtcp_ntp_to_ns(times[i].ntp) == times[i].ns);
    }
    for (uint64_t ns = 0; ns < 3000 * NS_PER_MS; ns += 999983)
        assert_true(rtcp_ntp_to_ns(rtcp_ntp_from_ns(ns + 1700000000 * NS_PER_S)) ==
                    ns + 1700000000 * NS_PER_S);
    assert_true(rtcp_ntp_to_ns(0) == 0);
    assert_true(rtcp_ntp_to_ns((UINT64_C(2208988800) << 32) - 1) == 0);
    assert_true(rtcp_ntp_to_ns(UINT64_MAX) == UINT64_C(2085978496) * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_sources),    cmocka_unit_test(test_sender_report),
        cmocka_unit_test(test_write),      cmocka_unit_test(test_write_sdes),
        cmocka_unit_test(test_write_lost), cmocka_unit_test(test_write_overflow),
        cmocka_unit_test(test_ntp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
