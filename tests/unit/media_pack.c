#include "test.h"

#include <stdlib.h>

#include "base/rng.h"
#include "base/text.h"
#include "media/aac_pack.h"
#include "media/nal_pack.h"

#define UNIT_MAX 40000u

/* Puts payloads together again as a receiver would (RFC 6184, 5.6 and 5.8; RFC 7798, 4.4): Annex B
   with 4-byte start codes. */
static size_t reassemble(const struct media *media, enum nal_codec codec, size_t most, uint8_t *out)
{
    static uint8_t payload[MEDIA_MTU_MAX];
    size_t len = 0, header = codec == NAL_H264 ? 1 : 2;
    bool open = false;
    for (uint32_t i = 0; i < media->packet_count; i++) {
        const struct media_packet *packet = &media->packets[i];
        size_t payload_len = packet->prefix_len + (size_t)packet->payload_len;
        assert_true(payload_len <= most && payload_len > header);
        memcpy(payload, packet->prefix, packet->prefix_len);
        memcpy(payload + packet->prefix_len, packet->payload, packet->payload_len);
        unsigned type = codec == NAL_H264 ? payload[0] & 31 : payload[0] >> 1 & 63;
        bool fragment = type == (codec == NAL_H264 ? 28 : 49);
        uint8_t fu = fragment ? payload[header] : 0x80;
        assert_int_equal(open, (fu & 0x80) == 0); /* a start bit, and only on the first */
        size_t from = 0;
        if (fu & 0x80) {
            memcpy(out + len, "\0\0\0\1", 4);
            len += 4;
        }
        if (fragment) {
            from = header + 1;
            assert_int_not_equal(fu & 0xc0, 0xc0); /* RFC 6184, 5.8: S and E never both */
            if (fu & 0x80) {
                out[len++] = codec == NAL_H264 ? (uint8_t)((payload[0] & 0xe0) | (fu & 31))
                                               : (uint8_t)((payload[0] & 0x81) | (fu & 63) << 1);
                if (codec == NAL_H265)
                    out[len++] = payload[1];
            }
        }
        open = fragment && (fu & 0x40) == 0;
        memcpy(out + len, payload + from, payload_len - from);
        len += payload_len - from;
        assert_int_equal(packet->marker, i + 1 == media->packet_count);
        assert_int_equal(packet->timestamp, 1234);
    }
    assert_false(open);
    return len;
}

/* A NAL unit of that header and length, without anything that looks like a start code. */
static void add_nal(struct text *stream, struct rng *rng, const char *header, size_t header_len,
                    size_t len)
{
    text_add(stream, slice_make("\0\0\0\1", 4));
    text_add(stream, slice_make(header, header_len));
    for (size_t i = header_len; i < len; i++) {
        uint8_t byte = (uint8_t)(1 + rng_below(rng, 255));
        text_add(stream, slice_make(&byte, 1));
    }
}

/* The sizes are those around one, two and three packets of 1,400 and of 200 bytes. */
static void check_round_trip(enum nal_codec codec, const char *header, size_t header_len,
                             uint32_t mtu)
{
    static uint8_t bytes[UNIT_MAX + 64], out[2 * UNIT_MAX];
    static const size_t sizes[] = {3,    100,  187,  188,  189,  373,  374,  375,  1386, 1387,
                                   1388, 1389, 1390, 1391, 2773, 2774, 2775, 5000, 32000};
    struct rng rng = rng_init(1, codec, 0);
    struct nal_sets none = {0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct media *media = calloc(1, sizeof(*media));
        struct text stream = text_init(bytes, sizeof(bytes));
        struct media_packet at = {.timestamp = 1234};
        media->mtu = mtu;
        add_nal(&stream, &rng, header, header_len, 50);
        add_nal(&stream, &rng, header, header_len, sizes[i]);
        assert_false(stream.overflow);
        assert_true(nal_pack(media, codec, guarded(text_slice(&stream)), &none, &at));
        size_t len = reassemble(media, codec, (mtu > 0 ? mtu : 1400) - 12, out);
        assert_int_equal(len, stream.len);
        assert_memory_equal(out, bytes, len);
        media_free(media);
    }
}

static void test_h264_round_trip(void **state)
{
    check_round_trip(NAL_H264, "\x41", 1, 0);
    check_round_trip(NAL_H264, "\x21", 1, 1400);
    check_round_trip(NAL_H264, "\x41", 1, MEDIA_MTU_MIN);
    check_round_trip(NAL_H264, "\x41", 1, MEDIA_MTU_MAX);
}

static void test_h265_round_trip(void **state)
{
    check_round_trip(NAL_H265, "\x02\x01", 2, 0);
    check_round_trip(NAL_H265, "\x02\x01", 2, MEDIA_MTU_MIN);
    check_round_trip(NAL_H265, "\x02\x01", 2, MEDIA_MTU_MAX);
    check_round_trip(NAL_H265, "\x03\x0a", 2, 0); /* layer and temporal bits live on */
}

static const uint8_t key_unit[] = {0,    0,    0,   1,    9,    0xf0,             /* delimiter */
                                   0,    0,    1,   0x67, 0x4d, 0x40, 0x1f, 0xab, /* SPS */
                                   0,    0,    1,   0x68, 0xee, 0x3c, 0x80, 0,
                                   0,    0,    1,   0x65, /* PPS, IDR */
                                   0x88, 0x84, 0x21};

static void test_annexb(void **state)
{
    static const uint8_t expected[] = {9, 0x67, 0x68, 0x65};
    static const size_t lengths[] = {2, 5, 4, 4};
    struct slice stream = guarded(slice_make(key_unit, sizeof(key_unit))), nal;
    for (size_t i = 0; i < 4; i++) {
        assert_true(nal_next(&stream, &nal));
        assert_int_equal(nal.data[0], expected[i]);
        assert_int_equal(nal.len, lengths[i]);
    }
    assert_false(nal_next(&stream, &nal));
    struct slice junk = guarded(SLICE("\0\0\0\0\0\0"));
    assert_false(nal_next(&junk, &nal));
}

/* A keyframe gets parameter sets when, and only when, it has none; the delimiter is left out. All
   packets of a frame are key where decoding can begin. */
static void test_sets_before_keyframes(void **state)
{
    static const uint8_t bare[] = {0, 0, 1, 0x65, 0x88, 0x84, 0x21};
    static const uint8_t delta[] = {0, 0, 1, 0x41, 0x9a, 0x84, 0x21};
    /* recovery points after no frame and after one (ue(v): 1, 010) */
    static const uint8_t recovery[] = {0, 0, 1, 6, 6, 1, 0xc4, 0x80, 0, 0, 1, 0x41, 0x9a, 0x84};
    static const uint8_t refresh[] = {0, 0, 1, 6, 6, 1, 0x54, 0x80, 0, 0, 1, 0x41, 0x9a, 0x84};
    struct nal_sets sets;
    struct media_packet at = {0};
    assert_true(nal_find_sets(NAL_H264, slice_make(key_unit, sizeof(key_unit)), &sets));
    const struct {
        struct slice unit;
        unsigned packets;
        bool key;
    } rows[] = {{slice_make(key_unit, sizeof(key_unit)), 3, true},
                {slice_make(bare, sizeof(bare)), 3, true},
                {slice_make(delta, sizeof(delta)), 1, false},
                {slice_make(recovery, sizeof(recovery)), 4, true},
                {slice_make(refresh, sizeof(refresh)), 2, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct media *media = calloc(1, sizeof(*media));
        assert_true(nal_pack(media, NAL_H264, rows[i].unit, &sets, &at));
        assert_int_equal(media->packet_count, rows[i].packets);
        for (uint32_t k = 0; k < media->packet_count; k++)
            assert_int_equal(media->packets[k].key, rows[i].key);
        if (rows[i].packets >= 3) {
            assert_int_equal(media->packets[0].payload[0], 0x67);
            assert_int_equal(media->packets[1].payload[0], 0x68);
            assert_int_equal(media->packets[2].payload[0], rows[i].packets == 3 ? 0x65 : 0x06);
        }
        media_free(media);
    }
    assert_false(nal_find_sets(NAL_H264, slice_make(bare, sizeof(bare)), &sets));
}

/* ITU-T H.265, table 7-1: 16 to 21 are pictures that decoding can begin with, also in fragments. */
static void test_h265_keyframes(void **state)
{
    static uint8_t bytes[UNIT_MAX];
    struct rng rng = rng_init(1, 2, 3);
    struct nal_sets none = {0};
    for (unsigned type = 0; type < 22; type++) {
        struct media *media = calloc(1, sizeof(*media));
        struct text stream = text_init(bytes, sizeof(bytes));
        struct media_packet at = {0};
        const char header[] = {(char)(type << 1), 1};
        add_nal(&stream, &rng, header, 2, 5000);
        assert_true(nal_pack(media, NAL_H265, text_slice(&stream), &none, &at));
        assert_int_equal(media->packet_count, 4);
        for (uint32_t i = 0; i < media->packet_count; i++)
            assert_int_equal(media->packets[i].key, type >= 16);
        media_free(media);
    }
}

/* Base64 by hand: 67 4d 40 1f ab -> Z01AH6s=, 68 ee 3c 80 without the zero behind it -> aO48gA== */
static void test_fmtp(void **state)
{
    char bytes[256];
    struct text text = text_init(bytes, sizeof(bytes));
    struct nal_sets sets;
    assert_true(nal_find_sets(NAL_H264, slice_make(key_unit, sizeof(key_unit)), &sets));
    nal_write_fmtp(&text, NAL_H264, &sets);
    assert_string_equal(text_string(&text), "packetization-mode=1;profile-level-id=4D401F;"
                                            "sprop-parameter-sets=Z01AH6s=,aO48gA==");
}

/* ITU-T H.264, table 7-1, and H.265, table 7-1: what stands in front of the first slice counts for
   keyframes, its own type alone for the order. */
static void test_units(void **state)
{
    static const struct {
        enum nal_codec codec;
        const char *unit;
        size_t len;
        bool key, begins;
    } rows[] = {
        {NAL_H264, "\0\0\1\x67\1\1\1\0\0\1\x65\x88", 12, true, true},  /* SPS, IDR */
        {NAL_H264, "\0\0\1\6\6\1\x84\0\0\1\x41\x9a", 12, true, false}, /* recovery in 0 frames */
        {NAL_H264, "\0\0\1\x09\x10\0\0\1\x41\x9a", 10, false, false},
        {NAL_H265, "\0\0\1\x26\1\xa0", 6, true, true},  /* IDR_W_RADL, 19 */
        {NAL_H265, "\0\0\1\x20\1\xa0", 6, true, true},  /* BLA_W_LP, 16 */
        {NAL_H265, "\0\0\1\x2a\1\xa0", 6, true, false}, /* CRA, 21 */
        {NAL_H265, "\0\0\1\x02\1\x80", 6, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice unit = guarded(slice_make(rows[i].unit, rows[i].len));
        assert_int_equal(nal_unit_is_keyframe(rows[i].codec, unit), rows[i].key);
        assert_int_equal(nal_unit_begins_order(rows[i].codec, unit), rows[i].begins);
    }
}

/* ITU-T H.265, table 7-1: CRA_NUT is 21, BLA_W_LP 16; the type is in bits 1 to 6 of the first byte.
 */
static void test_broken_link(void **state)
{
    uint8_t unit[] = "\0\0\1\x46\1\x50\0\0\1\x2a\1\xa0\x2a\0\0\1\xab\1\x20\0\0\1\x26\1\xa0";
    nal_break_link(unit, sizeof(unit) - 1);
    assert_memory_equal(unit,
                        "\0\0\1\x46\1\x50\0\0\1\x20\1\xa0\x2a\0\0\1\xa1\1\x20\0\0\1\x26\1\xa0",
                        sizeof(unit) - 1);
}

static void test_picture_starts(void **state)
{
    static const struct {
        enum nal_codec codec;
        const char *nal;
        bool picture, begins, key;
    } rows[] = {
        {NAL_H264, "\x41\x9a\x11", true, true, false},
        {NAL_H264, "\x41\x5a\x11", true, false, false}, /* a later slice: first_mb_in_slice > 0 */
        {NAL_H264, "\x65\x88\x11", true, true, true},
        {NAL_H264, "\x67\xff\x11", false, false, false},
        {NAL_H265, "\x02\x01\x80", true, true, false},
        {NAL_H265, "\x02\x01\x40", true, false, false},
        {NAL_H265, "\x26\x01\xa0", true, true, true}, /* IDR_W_RADL */
        {NAL_H265, "\x2a\x01\xa0", true, true, true}, /* CRA */
        {NAL_H265, "\x40\x01\x80", false, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice nal = guarded(slice_make(rows[i].nal, 3));
        assert_int_equal(nal_is_picture(rows[i].codec, nal), rows[i].picture);
        assert_int_equal(nal_begins_picture(rows[i].codec, nal), rows[i].begins);
        assert_int_equal(nal_is_keyframe(rows[i].codec, nal), rows[i].key);
    }
}

/* A frame of AAC-LC, 48 kHz, stereo, of 7 + 4 bytes: fixed header by ISO/IEC 13818-7, 6.2.1. */
static void test_adts(void **state)
{
    static const uint8_t bytes[] = {0xff, 0xf1, 0x4c, 0x80, 0x01, 0x7f, 0xfc, 1,    2,    3, 4,
                                    0xff, 0xf0, 0x50, 0x40, 0x01, 0x5f, 0xfc, 0xaa, 0xbb, 5};
    struct slice stream = guarded(slice_make(bytes, sizeof(bytes)));
    struct adts adts;
    uint8_t config[2];
    assert_true(adts_next(&stream, &adts));
    assert_int_equal(adts_rate(adts.rate_index), 48000);
    assert_int_equal(adts.channels, 2);
    assert_int_equal(adts.unit.len, 4);
    assert_int_equal(adts.unit.data[0], 1);
    adts_config(&adts, config);
    assert_memory_equal(config, "\x11\x90", 2); /* 2, 3, 2 in 5, 4 and 4 bits */
    assert_true(adts_next(&stream, &adts));     /* with a checksum, 44.1 kHz, mono */
    assert_int_equal(adts_rate(adts.rate_index), 44100);
    assert_int_equal(adts.channels, 1);
    assert_int_equal(adts.unit.len, 1);
    assert_int_equal(adts.unit.data[0], 5);
    assert_false(adts_next(&stream, &adts));
    struct slice cut = guarded(slice_make(bytes, 10));
    assert_false(adts_next(&cut, &adts));
}

/* RFC 3640, 3.2.3.1: every fragment has the AU-header of the whole unit, and the last is marked. */
static void test_aac_fragments(void **state)
{
    static uint8_t unit[8191];
    static const struct {
        uint32_t mtu;
        size_t len;
        unsigned packets; /* of mtu - 12 - 4 bytes of the unit */
    } rows[] = {{0, 1384, 1},  {0, 1385, 2},    {0, 8191, 6},    {200, 184, 1},
                {200, 185, 2}, {200, 8191, 45}, {65000, 8191, 1}};
    for (size_t i = 0; i < sizeof(unit); i++)
        unit[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct media *media = calloc(1, sizeof(*media));
        struct media_packet at = {.timestamp = 1024};
        size_t done = 0;
        media->mtu = rows[i].mtu;
        assert_true(aac_pack(media, guarded(slice_make(unit, rows[i].len)), &at));
        assert_int_equal(media->packet_count, rows[i].packets);
        for (uint32_t n = 0; n < media->packet_count; n++) {
            const struct media_packet *packet = &media->packets[n];
            assert_int_equal(packet->prefix[0] << 8 | packet->prefix[1], 16);
            assert_int_equal(packet->prefix[2] << 8 | packet->prefix[3], rows[i].len << 3);
            assert_true(media_packet_bytes(media, packet) <= (rows[i].mtu ? rows[i].mtu : 1400));
            assert_memory_equal(packet->payload, unit + done, packet->payload_len);
            assert_int_equal(packet->marker, n + 1 == media->packet_count);
            assert_int_equal(packet->timestamp, 1024);
            done += packet->payload_len;
        }
        assert_int_equal(done, rows[i].len);
        media_free(media);
    }
}

/* RFC 3640, 3.2.1: 16 bits AU-headers-length, then 13 bits size and 3 bits index. */
static void test_aac_payload(void **state)
{
    static const uint8_t unit[8192];
    static const struct {
        size_t len;
        const char *header;
    } rows[] = {{1, "\0\x10\0\x08"}, {341, "\0\x10\x0a\xa8"}, {8191, "\0\x10\xff\xf8"}};
    struct media_packet at = {.track = 1, .timestamp = 1024};
    for (size_t i = 0; i < 3; i++) {
        struct media *media = calloc(1, sizeof(*media));
        media->mtu = MEDIA_MTU_MAX;
        assert_true(aac_pack(media, slice_make(unit, rows[i].len), &at));
        assert_int_equal(media->packet_count, 1);
        assert_int_equal(media->packets[0].prefix_len, 4);
        assert_memory_equal(media->packets[0].prefix, rows[i].header, 4);
        assert_int_equal(media->packets[0].payload_len, rows[i].len);
        assert_true(media->packets[0].marker);
        assert_false(aac_pack(media, slice_make(unit, 0), &at));
        assert_false(aac_pack(media, slice_make(unit, 8192), &at));
        media_free(media);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h264_round_trip), cmocka_unit_test(test_h265_round_trip),
        cmocka_unit_test(test_annexb),          cmocka_unit_test(test_sets_before_keyframes),
        cmocka_unit_test(test_h265_keyframes),  cmocka_unit_test(test_fmtp),
        cmocka_unit_test(test_picture_starts),  cmocka_unit_test(test_units),
        cmocka_unit_test(test_broken_link),     cmocka_unit_test(test_adts),
        cmocka_unit_test(test_aac_fragments),   cmocka_unit_test(test_aac_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
