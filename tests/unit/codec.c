#include "test.h"

#include "proto/codec.h"

#define START CODEC_FRAME_START
#define KEY (CODEC_FRAME_START | CODEC_KEYFRAME)
#define BAD CODEC_DAMAGED
#define RECOVERY(frames) (CODEC_RECOVERY | (frames) << CODEC_RECOVERY_SHIFT)

static const struct {
    const char *name;
    enum codec codec;
    struct slice payload;
    unsigned marks;
} rows[] = {
    /* H.264: RFC 6184, 5.3-5.8 */
    {"empty", CODEC_H264, {NULL, 0}, 0},
    {"slice", CODEC_H264, SLICE("\x41\x9a"), START},
    {"IDR slice", CODEC_H264, SLICE("\x65\x88"), KEY},
    {"IDR with nal_ref_idc 1", CODEC_H264, SLICE("\x25\x88"), KEY},
    {"SPS", CODEC_H264, SLICE("\x67\x42"), START},
    {"delimiter", CODEC_H264, SLICE("\x09\xf0"), START},
    /* recovery_frame_cnt as ue(v): 1 is 0, 000011001 is 24, 010 is 1 */
    {"recovery point", CODEC_H264, SLICE("\x06\x06\x01\xc4\x80"), KEY},
    {"recovery point, no exact match", CODEC_H264, SLICE("\x06\x06\x01\x84\x80"), KEY},
    {"recovery point behind another", CODEC_H264, SLICE("\x06\x01\x02zz\x06\x01\xc4\x80"), KEY},
    {"behind emulation prevention", CODEC_H264, SLICE("\x06\x01\x03\0\0\x03\x01\x06\x01\xc4\x80"),
     KEY},
    {"24 frames later", CODEC_H264, SLICE("\x06\x06\x02\x0c\xc4\x80"), START | RECOVERY(24)},
    {"a frame later", CODEC_H264, SLICE("\x06\x06\x01\x54\x80"), START | RECOVERY(1)},
    {"recovery point in STAP-A", CODEC_H264, SLICE("\x78\0\5\x06\x06\x01\xc4\x80\0\2\x41\x9a"),
     KEY},
    {"recovery point cut", CODEC_H264, SLICE("\x06\x06\x02\x0c"), START},
    {"recovery point of nothing", CODEC_H264, SLICE("\x06\x06\x00\x80"), START},
    {"SEI of type 255+6", CODEC_H264, SLICE("\x06\xff\x06\x01\xc4\x80"), START},
    {"SEI sized beyond the end", CODEC_H264, SLICE("\x06\x05\xff\xff\x06\x01"), START},
    {"SEI header only", CODEC_H264, SLICE("\x06"), START},
    {"STAP-A SPS PPS IDR", CODEC_H264, SLICE("\x78\0\2\x67\x42\0\1\x68\0\3\x65\x88\x84"), KEY},
    {"STAP-A without IDR", CODEC_H264, SLICE("\x78\0\2\x67\x42\0\1\x68"), START},
    {"STAP-A unit overruns", CODEC_H264, SLICE("\x78\0\1\x68\0\3\x41\x9a"), START | BAD},
    {"STAP-A IDR overruns", CODEC_H264, SLICE("\x78\xff\xff\x65\x88"), KEY | BAD},
    {"STAP-A size cut", CODEC_H264, SLICE("\x78\0\1\x68\0"), START | BAD},
    {"STAP-A unit of 0", CODEC_H264, SLICE("\x78\0\0\0\1\x68"), START | BAD},
    {"STAP-A of nothing", CODEC_H264, SLICE("\x78"), BAD},
    {"STAP-B IDR", CODEC_H264, SLICE("\x79\0\7\0\1\x65"), KEY},
    {"STAP-B header cut", CODEC_H264, SLICE("\x79\0"), BAD},
    {"FU-A IDR start", CODEC_H264, SLICE("\x7c\x85\x88"), KEY},
    {"FU-A IDR middle", CODEC_H264, SLICE("\x7c\x05\x88"), 0},
    {"FU-A IDR end", CODEC_H264, SLICE("\x7c\x45\x88"), 0},
    {"FU-A slice start", CODEC_H264, SLICE("\x7c\x81\x9a"), START},
    {"FU-A start and end at once", CODEC_H264, SLICE("\x7c\xc5\x88"), KEY},
    {"FU-A that changes its type", CODEC_H264, SLICE("\x7c\x01\x88"), 0},
    {"FU-A empty", CODEC_H264, SLICE("\x7c\x85"), KEY},
    {"FU-A header cut", CODEC_H264, SLICE("\x7c"), BAD},
    {"FU-B IDR start", CODEC_H264, SLICE("\x7d\x85\0\1\x88"), KEY},
    {"byte stream SPS IDR", CODEC_H264, SLICE("\0\0\0\1\x67\x42\0\0\1\x65\x88"), KEY},
    {"byte stream slice", CODEC_H264, SLICE("\0\0\1\x41\x9a"), START},
    {"byte stream behind an SPS", CODEC_H264, SLICE("\x67\x42\0\0\0\1\x68\xce\0\0\0\1\x65\x88"),
     KEY},
    {"byte stream of a start code", CODEC_H264, SLICE("\0\0\1"), 0},
    /* H.265: RFC 7798, 4.4 */
    {"TRAIL_R", CODEC_H265, SLICE("\x02\x01\xd0"), START},
    {"IDR_W_RADL 19", CODEC_H265, SLICE("\x26\x01\xaf"), KEY},
    {"BLA_W_LP 16", CODEC_H265, SLICE("\x20\x01\xaf"), KEY},
    {"CRA 21", CODEC_H265, SLICE("\x2a\x01\xaf"), KEY},
    {"type 23", CODEC_H265, SLICE("\x2e\x01\xaf"), KEY},
    {"type 15", CODEC_H265, SLICE("\x1e\x01\xaf"), START},
    {"type 24", CODEC_H265, SLICE("\x30\x01\xaf"), START},
    {"VPS", CODEC_H265, SLICE("\x40\x01\x0c"), START},
    {"AP with IDR", CODEC_H265, SLICE("\x60\x01\0\2\x40\x01\0\3\x26\x01\xaf"), KEY},
    {"AP without", CODEC_H265, SLICE("\x60\x01\0\2\x40\x01\0\2\x42\x01"), START},
    {"AP overruns", CODEC_H265, SLICE("\x60\x01\0\2\x40\x01\0\7\x42\x01"), START | BAD},
    {"AP of nothing", CODEC_H265, SLICE("\x60\x01"), BAD},
    {"FU IDR start", CODEC_H265, SLICE("\x62\x01\x93\xaf"), KEY},
    {"FU IDR middle", CODEC_H265, SLICE("\x62\x01\x13\xaf"), 0},
    {"FU TRAIL start", CODEC_H265, SLICE("\x62\x01\x81\xaf"), START},
    {"FU header cut", CODEC_H265, SLICE("\x62\x01"), BAD},
    {"unit header cut", CODEC_H265, SLICE("\x26"), BAD},
    {"byte stream in H.265", CODEC_H265, SLICE("\0\0\0\1\x40\x01\x0c\0\0\1\x26\x01"), KEY},
    /* MJPEG: RFC 2435, 3.1 */
    {"JPEG start", CODEC_MJPEG, SLICE("\0\0\0\0\1\x5a\x28\x1e"), KEY},
    {"JPEG offset 1", CODEC_MJPEG, SLICE("\0\0\0\1\1\x5a\x28\x1e"), 0},
    {"JPEG offset 65536", CODEC_MJPEG, SLICE("\0\1\0\0\1\x5a\x28\x1e"), 0},
    {"JPEG header cut", CODEC_MJPEG, SLICE("\0\0\0\0\1\x5a\x28"), BAD},
    /* AV1: the aggregation header is Z Y W W N 0 0 0 */
    {"AV1 sequence start", CODEC_AV1, SLICE("\x18\x0a"), KEY},
    {"AV1 whole OBU", CODEC_AV1, SLICE("\x10\x32"), START},
    {"AV1 continues", CODEC_AV1, SLICE("\x90\x32"), 0},
    /* VP8: RFC 7741, 4.2; S is 0x10, X 0x80, and P is bit 0 of the payload header */
    {"VP8 key", CODEC_VP8, SLICE("\x10\x10\x02"), KEY},
    {"VP8 inter", CODEC_VP8, SLICE("\x10\x11\x02"), START},
    {"VP8 continues", CODEC_VP8, SLICE("\x00\x10\x02"), 0},
    {"VP8 partition 1", CODEC_VP8, SLICE("\x11\x10\x02"), 0},
    {"VP8 picture id 7", CODEC_VP8, SLICE("\x90\x80\x11\x10"), KEY},
    {"VP8 picture id 15", CODEC_VP8, SLICE("\x90\x80\x81\x01\x10"), KEY},
    {"VP8 all extensions", CODEC_VP8, SLICE("\x90\xf0\x81\x01\x05\x20\x11"), START},
    {"VP8 all extensions, key", CODEC_VP8, SLICE("\x90\xf0\x81\x01\x05\x20\x10"), KEY},
    {"VP8 only T", CODEC_VP8, SLICE("\x90\x20\x41\x10"), KEY},
    {"VP8 only K", CODEC_VP8, SLICE("\x90\x10\x41\x10"), KEY},
    {"VP8 only L", CODEC_VP8, SLICE("\x90\x40\x41\x10"), KEY},
    {"VP8 cut", CODEC_VP8, SLICE("\x90\xf0\x81\x01\x05\x20"), BAD},
    {"VP8 cut at once", CODEC_VP8, SLICE("\x90"), BAD},
    /* VP9: RFC 9628, 4.2; I 0x80 P 0x40 L 0x20 F 0x10 B 0x08 */
    {"VP9 key", CODEC_VP9, SLICE("\x08\x82"), KEY},
    {"VP9 inter", CODEC_VP9, SLICE("\x48\x86"), START},
    {"VP9 continues", CODEC_VP9, SLICE("\x04\x82"), 0},
    {"VP9 key, picture id 15, base layer", CODEC_VP9, SLICE("\xa8\x81\x01\x00\x00"), KEY},
    {"VP9 upper layer of a key frame", CODEC_VP9, SLICE("\xa8\x81\x01\x03\x00"), 0},
    {"VP9 inter, P never set", CODEC_VP9, SLICE("\x08\x86"), START},
    {"VP9 key of profile 3", CODEC_VP9, SLICE("\x08\xb4"), KEY},
    {"VP9 inter of profile 3", CODEC_VP9, SLICE("\x08\xb2"), START},
    {"VP9 key behind TL0PICIDX", CODEC_VP9, SLICE("\xa8\x01\x00\x04\x82"), KEY},
    {"VP9 inter, flexible, behind its layer", CODEC_VP9, SLICE("\x38\x00\x86"), START},
    {"VP9 key behind a structure", CODEC_VP9, SLICE("\x0a\x18\6\6\6\6\1\x04\6\x82"), KEY},
    {"VP9 inter behind a structure", CODEC_VP9, SLICE("\x0a\x18\6\6\6\6\1\x04\1\x86"), START},
    {"VP9 structure of two sizes", CODEC_VP9, SLICE("\x0a\x30\1\1\1\1\1\1\1\1\x86"), START},
    {"VP9 layer cut", CODEC_VP9, SLICE("\xa8\x81\x01"), BAD},
    /* MPEG-4 part 2 */
    {"I-VOP", CODEC_MPEG4_VIDEO, SLICE("\0\0\1\xb6\x10\x60"), KEY},
    {"P-VOP", CODEC_MPEG4_VIDEO, SLICE("\0\0\1\xb6\x50\x60"), START},
    {"headers and an I-VOP", CODEC_MPEG4_VIDEO, SLICE("\0\0\1\xb0\x01\0\0\1\xb5\0\0\1\xb6\x10"),
     KEY},
    {"continuation", CODEC_MPEG4_VIDEO, SLICE("\x12\0\0\1\xb6\x10"), 0},
    {"VOP cut", CODEC_MPEG4_VIDEO, SLICE("\0\0\1\xb6"), START},
    /* the others */
    {"MPEG audio", CODEC_MPEG_AUDIO, SLICE("\0\0\0\0\xff"), START},
    {"MPEG audio fragment", CODEC_MPEG_AUDIO, SLICE("\0\0\1\0\xff"), 0},
    {"MPEG audio cut", CODEC_MPEG_AUDIO, SLICE("\0\0\0"), BAD},
    {"AAC", CODEC_AAC, SLICE("\0\x10\0\x40"), START},
    {"PCMU", CODEC_PCMU, SLICE("\xff"), START},
    {"TS", CODEC_MPEG_TS, SLICE("\x47\x40"), START},
    {"metadata", CODEC_ONVIF_METADATA, SLICE("<?xml"), 0},
    {"unknown", CODEC_UNKNOWN, SLICE("\x65\x88"), 0},
};

static void test_marks(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned marks = codec_marks(rows[i].codec, guarded(rows[i].payload));
        if (marks != rows[i].marks)
            fail_msg("%s: %x", rows[i].name, marks);
    }
}

/* Cut anywhere, a payload reads nothing behind its end, and claims no keyframe that isn't there
   (but VP9's, where only the cut-off part says it is none). */
static void test_every_cut(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t n = 0; n < rows[i].payload.len; n++) {
            struct slice cut = guarded(slice_make(rows[i].payload.data, n));
            unsigned marks = codec_marks(rows[i].codec, cut);
            if (rows[i].codec != CODEC_VP9 && marks & ~rows[i].marks & CODEC_KEYFRAME)
                fail_msg("%s cut at %zu: %x", rows[i].name, n, marks);
        }
    }
}

/* A byte stream without end costs no more than its first bytes. */
static void test_scan_is_bounded(void **state)
{
    static uint8_t stream[65535] = {0, 0, 1, 0x67};
    memcpy(stream + 60000, "\0\0\1\x65", 4);
    assert_int_equal(codec_marks(CODEC_H264, slice_make(stream, sizeof(stream))), START);
}

static void test_names(void **state)
{
    static const struct {
        struct slice name;
        enum codec codec;
    } names[] = {
        {SLICE("H264"), CODEC_H264},
        {SLICE("h265"), CODEC_H265},
        {SLICE("JPEG"), CODEC_MJPEG},
        {SLICE("AV1"), CODEC_AV1},
        {SLICE("vp8"), CODEC_VP8},
        {SLICE("VP9"), CODEC_VP9},
        {SLICE("MP4V-ES"), CODEC_MPEG4_VIDEO},
        {SLICE("MP2T"), CODEC_MPEG_TS},
        {SLICE("mpeg4-generic"), CODEC_AAC},
        {SLICE("MP4A-LATM"), CODEC_AAC},
        {SLICE("opus"), CODEC_OPUS},
        {SLICE("PCMU"), CODEC_PCMU},
        {SLICE("pcma"), CODEC_PCMA},
        {SLICE("L16"), CODEC_L16},
        {SLICE("G726-32"), CODEC_G726},
        {SLICE("G722"), CODEC_G722},
        {SLICE("MPA"), CODEC_MPEG_AUDIO},
        {SLICE("vnd.onvif.metadata"), CODEC_ONVIF_METADATA},
        {SLICE("H26"), CODEC_UNKNOWN},
        {SLICE("H2644"), CODEC_UNKNOWN},
        {{NULL, 0}, CODEC_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(codec_from_name(names[i].name), names[i].codec);
    for (unsigned i = 0; i < CODECS; i++)
        assert_non_null(codec_name((enum codec)i));
    assert_string_equal(codec_name(CODEC_H264), "H.264");
    assert_string_equal(codec_name(CODEC_UNKNOWN), "unknown");
}

static void test_has_keyframes(void **state)
{
    for (unsigned i = 0; i < CODECS; i++) {
        bool video = i == CODEC_H264 || i == CODEC_H265 || i == CODEC_MJPEG || i == CODEC_AV1 ||
                     i == CODEC_VP8 || i == CODEC_VP9 || i == CODEC_MPEG4_VIDEO;
        assert_int_equal(codec_has_keyframes((enum codec)i), video);
    }
}

static void test_static_types(void **state)
{
    static const struct {
        uint8_t type;
        enum codec codec;
        uint32_t clock_rate;
    } types[] = {
        {0, CODEC_PCMU, 8000},         {1, CODEC_UNKNOWN, 0},      {3, CODEC_UNKNOWN, 8000},
        {8, CODEC_PCMA, 8000},         {9, CODEC_G722, 8000},      {10, CODEC_L16, 44100},
        {14, CODEC_MPEG_AUDIO, 90000}, {26, CODEC_MJPEG, 90000},   {31, CODEC_UNKNOWN, 90000},
        {33, CODEC_MPEG_TS, 90000},    {34, CODEC_UNKNOWN, 90000}, {35, CODEC_UNKNOWN, 0},
        {96, CODEC_UNKNOWN, 0},        {255, CODEC_UNKNOWN, 0},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        uint32_t clock_rate = 1;
        assert_int_equal(codec_from_static_type(types[i].type, &clock_rate), types[i].codec);
        assert_int_equal(clock_rate, types[i].clock_rate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks),           cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_scan_is_bounded), cmocka_unit_test(test_names),
        cmocka_unit_test(test_has_keyframes),   cmocka_unit_test(test_static_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
