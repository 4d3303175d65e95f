#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/sdp.h"

static void assert_slice(struct slice actual, const char *expected)
{
    assert_int_equal(actual.len, expected ? strlen(expected) : 0);
    if (expected)
        assert_memory_equal(actual.data, expected, actual.len);
}

/* ---- Whole descriptions, from tests/vectors/sdp ---- */

struct format_row {
    uint8_t payload_type;
    const char *name;
    enum codec codec;
    uint32_t clock_rate;
    uint8_t channels;
    const char *fmtp; /* how it starts */
};

struct media_row {
    enum sdp_kind kind;
    const char *control;
    struct format_row formats[4];
    unsigned format_count;
    const char *connection;
    uint16_t port;
    uint32_t bandwidth_kbps;
    double frame_rate;
    bool secure, not_rtp, backchannel;
};

static const struct row {
    const char *file;
    const char *name, *control, *range;
    unsigned media_count, odd_lines;
    struct media_row media[4];
} rows[] = {
    {"dahua",
     "Media Server",
     "*",
     "npt=now-",
     2,
     0,
     {{SDP_VIDEO,
       "trackID=0",
       {{98, "H265", CODEC_H265, 90000, 0, "profile-id=1;sprop-sps=Q"}},
       .format_count = 1,
       "0.0.0.0",
       .frame_rate = 15},
      {SDP_AUDIO,
       "trackID=1",
       {{8, "PCMA", CODEC_PCMA, 8000, 0, NULL}},
       .format_count = 1,
       "0.0.0.0"}}},
    {"hikvision",
     "Media Presentation",
     "rtsp://192.168.1.64/Streaming/Channels/101/",
     NULL,
     3,
     0,
     {{SDP_VIDEO,
       "rtsp://192.168.1.64/Streaming/Channels/101/trackID=1?transportmode=unicast&"
       "profile=Profile_1",
       {{96, "H264", CODEC_H264, 90000, 0, "profile-level-id=420029; packetization-mode=1;"}},
       .format_count = 1,
       "0.0.0.0",
       .bandwidth_kbps = 5000},
      {SDP_AUDIO,
       "rtsp://192.168.1.64/Streaming/Channels/101/trackID=2?transportmode=unicast&"
       "profile=Profile_1",
       {{104, "mpeg4-generic", CODEC_AAC, 16000, 1, "profile-level-id=15; streamtype=5;"}},
       .format_count = 1,
       "0.0.0.0",
       .bandwidth_kbps = 50},
      {SDP_APPLICATION,
       "rtsp://192.168.1.64/Streaming/Channels/101/trackID=3?transportmode=unicast&"
       "profile=Profile_1",
       {{107, "vnd.onvif.metadata", CODEC_ONVIF_METADATA, 90000, 0, NULL}},
       .format_count = 1,
       "0.0.0.0",
       .bandwidth_kbps = 50}}},
    /* quirk 48: no o=; no t= and c=IN; t=now- */
    {"macrovideo",
     "streamed by macro-video rtsp server",
     "*",
     NULL,
     2,
     0,
     {{SDP_VIDEO, "trackID=0", {{96, "H264", CODEC_H264, 90000, 0, NULL}}, .format_count = 1},
      {SDP_AUDIO, "trackID=1", {{8, "PCMA", CODEC_PCMA, 8000, 0, NULL}}, .format_count = 1}}},
    {"geovision",
     "GeoVision",
     "*",
     NULL,
     1,
     2,
     {{SDP_VIDEO, "track1", {{96, "H264", CODEC_H264, 90000, 0, NULL}}, .format_count = 1}}},
    {"flir",
     "IR stream",
     NULL,
     NULL,
     1,
     0,
     {{SDP_VIDEO,
       "ch0",
       {{96, "MP4V-ES", CODEC_MPEG4_VIDEO, 90000, 0, NULL},
        {26, NULL, CODEC_MJPEG, 90000, 0, NULL}},
       .format_count = 2,
       "239.1.2.3",
       .port = 5000,
       .frame_rate = 29.97003}}},
    /* quirk 49 */
    {"tplink",
     "Session streamed by \"TP-LINK RTSP Server\"",
     NULL,
     "npt=0-",
     3,
     1,
     {{SDP_VIDEO,
       "track1",
       {{96, "H264", CODEC_H264, 90000, 0, "packetization-mode=1; "}},
       .format_count = 1,
       "0.0.0.0",
       .bandwidth_kbps = 4096},
      {SDP_AUDIO, "track2", {{8, "PCMA", CODEC_PCMA, 8000, 0, NULL}}, .format_count = 1},
      {SDP_APPLICATION, "track3", {{0}}, .format_count = 0}}},
    /* quirk 50 */
    {"ubiquiti",
     "Ubiquiti Live",
     NULL,
     NULL,
     2,
     0,
     {{SDP_AUDIO,
       "trackID=0",
       {{96, "mpeg4-generic", CODEC_AAC, 16000, 1, "streamtype=5;profile-level-id=1;"}},
       .format_count = 1,
       "0.0.0.0"},
      {SDP_VIDEO,
       "trackID=1",
       {{96, "H264", CODEC_H264, 90000, 0, NULL}},
       .format_count = 1,
       "0.0.0.0",
       .frame_rate = 50}}},
    /* quirk 51 */
    {"anpviz",
     "RTSP Session",
     "*",
     NULL,
     2,
     0,
     {{SDP_VIDEO, "track0", {{33, "H264", CODEC_H264, 90000, 0, NULL}}, .format_count = 1},
      {SDP_AUDIO, "track1", {{0, "PCMA", CODEC_PCMA, 8000, 0, NULL}}, .format_count = 1}}},
    /* quirk 52 */
    {"stray-fmtp",
     "first",
     NULL,
     NULL,
     3,
     0,
     {{SDP_VIDEO,
       "track0",
       {{96, "H264", CODEC_H264, 90000, 0, "packetization-mode=1"}},
       .format_count = 1},
      {SDP_AUDIO,
       "track1",
       {{97, "opus", CODEC_OPUS, 48000, 2, "sprop-stereo=1"}},
       .format_count = 1},
      {SDP_VIDEO, NULL, {{98, "H265", CODEC_H265, 90000, 0, "session=1"}}, .format_count = 1}}},
    /* quirk 53 */
    {"handler-sendonly",
     "CV-RTSPHandler v1.1",
     NULL,
     NULL,
     2,
     0,
     {{SDP_VIDEO, "trackID=1", {{96, "H264", CODEC_H264, 90000, 0, NULL}}, .format_count = 1},
      {SDP_AUDIO, "trackID=2", {{8, NULL, CODEC_PCMA, 8000, 0, NULL}}, .format_count = 1}}},
    {"onvif-backchannel",
     "LIVE555-like",
     "*",
     NULL,
     3,
     0,
     {{SDP_VIDEO, "video", {{26, NULL, CODEC_MJPEG, 90000, 0, NULL}}, .format_count = 1},
      {SDP_AUDIO, "audio", {{0, NULL, CODEC_PCMU, 8000, 0, NULL}}, .format_count = 1},
      {SDP_AUDIO,
       "backchannel",
       {{0, "PCMU", CODEC_PCMU, 8000, 0, NULL}},
       .format_count = 1,
       .backchannel = true}}},
    /* quirk 68 */
    {"vlc",
     "Unnamed",
     "rtsp://127.0.0.1:8554/s",
     NULL,
     2,
     0,
     {{SDP_AUDIO,
       "rtsp://127.0.0.1:8554/s/trackID=0",
       {{96, "mpeg4-generic", CODEC_AAC, 44100, 2, "streamtype=5; profile-level-id=15;"}},
       .format_count = 1,
       "0.0.0.0",
       .bandwidth_kbps = 128},
      {SDP_VIDEO,
       "rtsp://127.0.0.1:8554/s/trackID=1",
       {{96, "H264", CODEC_H264, 90000, 0, "packetization-mode=1;profile-level-id=42c01e"}},
       .format_count = 1,
       "0.0.0.0"}}},
    {"lf-only",
     "Multicast, SRTP and MPEG-TS",
     NULL,
     "clock=20240101T000000Z-",
     4,
     0,
     {{SDP_VIDEO,
       "ts",
       {{33, NULL, CODEC_MPEG_TS, 90000, 0, NULL}},
       .format_count = 1,
       "ff15::101",
       .port = 49170,
       .secure = true},
      {SDP_AUDIO,
       NULL,
       {{111, "opus", CODEC_OPUS, 48000, 2, "minptime=10;useinbandfec=1"},
        {0, NULL, CODEC_PCMU, 8000, 0, NULL},
        {8, NULL, CODEC_PCMA, 8000, 0, NULL},
        {101, "telephone-event", CODEC_UNKNOWN, 8000, 0, NULL}},
       .format_count = 4,
       "224.2.1.1",
       .port = 49174,
       .secure = true},
      {SDP_VIDEO, NULL, {{0}}, .format_count = 0, "ff15::101", .port = 1234, .not_rtp = true},
      {SDP_OTHER, NULL, {{0}}, .format_count = 0, "ff15::101", .not_rtp = true}}},
};

static void assert_format(const struct sdp_format *actual, const struct format_row *expected)
{
    assert_int_equal(actual->payload_type, expected->payload_type);
    assert_slice(actual->name, expected->name);
    assert_int_equal(actual->codec, expected->codec);
    assert_int_equal(actual->clock_rate, expected->clock_rate);
    assert_int_equal(actual->channels, expected->channels);
    assert_int_equal(actual->fmtp.len > 0, expected->fmtp != NULL);
    assert_true(slice_starts_with(actual->fmtp, slice_from_string(expected->fmtp)));
}

static void assert_media(const struct sdp_media *actual, const struct media_row *expected)
{
    assert_int_equal(actual->kind, expected->kind);
    assert_slice(actual->control, expected->control);
    assert_slice(actual->connection, expected->connection);
    assert_int_equal(actual->port, expected->port);
    assert_int_equal(actual->bandwidth_kbps, expected->bandwidth_kbps);
    assert_true(actual->frame_rate > expected->frame_rate - 0.0001);
    assert_true(actual->frame_rate < expected->frame_rate + 0.0001);
    assert_int_equal(actual->secure, expected->secure);
    assert_int_equal(actual->rtp, !expected->not_rtp);
    assert_int_equal(actual->backchannel, expected->backchannel);
    assert_int_equal(actual->format_count, expected->format_count);
    for (unsigned i = 0; i < expected->format_count; i++) {
        assert_format(&actual->formats[i], &expected->formats[i]);
        assert_ptr_equal(sdp_find_format(actual, expected->formats[i].payload_type),
                         &actual->formats[i]);
    }
    assert_null(sdp_find_format(actual, 127));
}

static struct slice read_vector(const char *name)
{
    static char buffer[65536];
    const char *folder = getenv("VECTORS");
    char path[4096];
    snprintf(path, sizeof(path), "%s/sdp/%s", folder ? folder : "tests/vectors", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(buffer, 1, sizeof(buffer), file);
    fclose(file);
    assert_true(len > 0 && len < sizeof(buffer));
    return guarded(slice_make(buffer, len));
}

/* A description may be cut short anywhere (hostile 16): what came is read. */
static void test_vectors(void **state)
{
    static struct sdp sdp;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct slice text = read_vector(row->file);
        print_message("%s\n", row->file);
        for (size_t n = 0; n < text.len; n++) {
            sdp_parse(guarded_again(slice_make(text.data, n)), &sdp);
            assert_true(sdp.media_count <= row->media_count);
        }
        assert_int_equal(sdp_parse(text, &sdp), SDP_OK);
        assert_slice(sdp.name, row->name);
        assert_slice(sdp.control, row->control);
        assert_slice(sdp.range, row->range);
        assert_int_equal(sdp.odd_lines, row->odd_lines);
        assert_int_equal(sdp.media_count, row->media_count);
        for (unsigned m = 0; m < row->media_count; m++)
            assert_media(&sdp.media[m], &row->media[m]);
    }
}

/* ---- One line at a time ---- */

#define VIDEO "m=video 0 RTP/AVP 96\n"

/* What one attribute does to the clock rate of payload type 96 (hostile 34). */
static void test_rtpmap(void **state)
{
    static const struct {
        const char *lines;
        const char *name;
        uint32_t clock_rate;
        uint8_t channels;
    } maps[] = {
        {"", NULL, 0, 0},
        {"a=rtpmap:96 H264/90000", "H264", 90000, 0},
        {" a=rtpmap: 96\t H264/90000 ", "H264", 90000, 0},
        {"A=x\na=RTPMAP:96 H264/90000", "H264", 90000, 0},
        {"a=rtpmap:96 opus/48000/2", "opus", 48000, 2},
        {"a=rtpmap:96 opus/48000/256", "opus", 48000, 0},
        {"a=rtpmap:96 H264", "H264", 0, 0},
        {"a=rtpmap:96 H264/0", "H264", 0, 0},
        {"a=rtpmap:96 H264/-1", "H264", 0, 0},
        {"a=rtpmap:96 H264/4294967296", "H264", 0, 0},
        {"a=rtpmap:96 H264/4294967295", "H264", 0, 0},
        {"a=rtpmap:96 H264/x", "H264", 0, 0},
        {"a=rtpmap:96 /90000", NULL, 90000, 0},
        {"a=rtpmap:96", NULL, 0, 0},
        {"a=rtpmap:", NULL, 0, 0},
        {"a=rtpmap", NULL, 0, 0},
        {"a=rtpmap:352 H264/90000", NULL, 0, 0},
        {"a=rtpmap:97 H264/90000", NULL, 0, 0},
        {"a=rtpmap:96 H264/90000\na=rtpmap:96 H265/1000", "H265", 1000, 0},
    };
    static struct sdp sdp;
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), VIDEO "%s", maps[i].lines);
        print_message("%s\n", maps[i].lines);
        assert_int_equal(sdp_parse(guarded(slice_from_string(text)), &sdp), SDP_OK);
        assert_slice(sdp.media[0].formats[0].name, maps[i].name);
        assert_int_equal(sdp.media[0].formats[0].clock_rate, maps[i].clock_rate);
        assert_int_equal(sdp.media[0].formats[0].channels, maps[i].channels);
    }
}

static void test_fmtp(void **state)
{
    static const struct {
        const char *lines, *fmtp;
    } fmtps[] = {
        {"a=fmtp:96 a=1; b=2 ", "a=1; b=2"},
        {"a=fmtp: 96\ta=1", "a=1"},
        {"a=fmtp:96", NULL},
        {"a=fmtp:96 a=1\na=fmtp:96", "a=1"},
        {"a=fmtp:97 a=1", NULL},
        {"a=fmtp:96 a=1\nm=audio 0 RTP/AVP 97\na=fmtp:96 b=2", "a=1"},
        {"m=audio 0 RTP/AVP 97\na=fmtp:96 b=2\na=fmtp:96 c=3", "b=2"},
    };
    static struct sdp sdp;
    for (size_t i = 0; i < sizeof(fmtps) / sizeof(fmtps[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), VIDEO "%s", fmtps[i].lines);
        assert_int_equal(sdp_parse(guarded(slice_from_string(text)), &sdp), SDP_OK);
        assert_slice(sdp.media[0].formats[0].fmtp, fmtps[i].fmtp);
    }
}

static void test_frame_rate(void **state)
{
    static const struct {
        const char *value;
        double rate;
    } rates[] = {
        {"25", 25},
        {" 29.97", 29.97},
        {"12.5000000000000000000", 12.5},
        {"60000/1001", 59.94006},
        {"25.", 25},
        {"0", 0},
        {"-25", 0},
        {"x", 0},
        {"25/0", 0},
        {"25/x", 0},
        {"1e3", 0},
        {"99999999999", 0},
        {"", 0},
        {"12.x", 0},
        {".5", 0},
        {"25.000000001", 25},
    };
    static struct sdp sdp;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), VIDEO "a=framerate:%s\r\n", rates[i].value);
        sdp_parse(guarded(slice_from_string(text)), &sdp);
        assert_true(sdp.media[0].frame_rate > rates[i].rate - 0.0001);
        assert_true(sdp.media[0].frame_rate < rates[i].rate + 0.0001);
    }
}

static void test_results(void **state)
{
    static const struct {
        struct slice text;
        enum sdp_result result;
        unsigned media_count, odd_lines;
    } results[] = {
        /* hostile 31 */
        {SLICE(""), SDP_NO_MEDIA, 0, 0},
        {SLICE("\r\n\n"), SDP_NO_MEDIA, 0, 0},
        {SLICE("v=0\r\ns=x\r\n"), SDP_NO_MEDIA, 0, 0},
        {SLICE("m=video 0 udp 33\n"), SDP_NO_MEDIA, 1, 0},
        {SLICE("m=application/TP-LINK 0 RTP/AVP smart/1/90000\n"), SDP_NO_MEDIA, 1, 0},
        {SLICE("m=video 0 RTP/AVP\n"), SDP_NO_MEDIA, 1, 0},
        {SLICE("m=video 0 RTP/AVP 128 -1 x\n"), SDP_NO_MEDIA, 1, 0},
        {SLICE("m=\n"), SDP_NO_MEDIA, 1, 1},
        {SLICE("m=video"), SDP_NO_MEDIA, 1, 1},
        {SLICE("m"), SDP_NO_MEDIA, 0, 1},
        {SLICE("<html>\n<body>no</body>\n"), SDP_NO_MEDIA, 0, 2},
        {SLICE("\0\xff\n=\n a\n"), SDP_NO_MEDIA, 0, 3},
        {SLICE(VIDEO), SDP_OK, 1, 0},
        {SLICE("m=video 0 rtp/avp 96"), SDP_OK, 1, 0},
        {SLICE("m=video\t0  RTP/AVP  96 \n"), SDP_OK, 1, 0},
        {SLICE(VIDEO "m=video 0 udp 33\nm=audio 70000 RTP/AVP 0\n"), SDP_OK, 3, 0},
        /* hostile 35 */
        {SLICE(VIDEO "a=fmtp:96 sprop-parameter-sets=!!!,,\na=fmtp:\na=fmtp:x y\n"), SDP_OK, 1, 2},
    };
    static struct sdp sdp;
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        print_message("%zu\n", i);
        assert_int_equal(sdp_parse(guarded(results[i].text), &sdp), results[i].result);
        assert_int_equal(sdp.media_count, results[i].media_count);
        assert_int_equal(sdp.odd_lines, results[i].odd_lines);
    }
}

/* start, then the piece n times, then end. */
static struct slice repeated(const char *start, const char *piece, size_t n, const char *end)
{
    size_t size = strlen(start) + n * strlen(piece) + strlen(end);
    char *all = test_malloc(size + 1);
    char *at = stpcpy(all, start);
    while (n-- > 0)
        at = stpcpy(at, piece);
    stpcpy(at, end);
    struct slice kept = guarded(slice_make(all, size));
    test_free(all);
    return kept;
}

/* Hostile 32: what follows the 64th media belongs to none. */
static void test_media_cap(void **state)
{
    static struct sdp sdp;
    struct slice text = repeated("v=0\n", "m=video 9 RTP/AVP 96\na=control:x\n", 1000,
                                 "a=framerate:5\nc=IN IP4 1.2.3.4\nb=AS:1\na=sendonly\n"
                                 "a=fmtp:96 z\na=control:*\n");
    assert_int_equal(sdp_parse(text, &sdp), SDP_OK);
    assert_int_equal(sdp.media_count, SDP_MEDIA_MAX);
    assert_int_equal(sdp.media_skipped, 1000 - SDP_MEDIA_MAX);
    assert_int_equal(sdp.control.len, 0);
    assert_slice(sdp.media[63].control, "x");
    assert_true(sdp.media[63].frame_rate == 0);
    assert_int_equal(sdp.media[63].connection.len, 0);
    assert_int_equal(sdp.media[63].bandwidth_kbps, 0);
    assert_int_equal(sdp.media[63].formats[0].fmtp.len, 0);
    assert_false(sdp.media[63].backchannel);
}

static void test_format_cap(void **state)
{
    static struct sdp sdp;
    struct slice text = SLICE("m=audio 0 RTP/AVP 0 0 96 97 98 99 100 101 102 103 104\n"
                              "a=rtpmap:102 opus/48000\na=rtpmap:103 opus/48000\n");
    assert_int_equal(sdp_parse(guarded(text), &sdp), SDP_OK);
    assert_int_equal(sdp.media[0].format_count, SDP_FORMATS_MAX);
    assert_int_equal(sdp.media[0].formats[1].payload_type, 96);
    assert_int_equal(sdp.media[0].formats[7].payload_type, 102);
    assert_int_equal(sdp.media[0].formats[7].codec, CODEC_OPUS);
    assert_null(sdp_find_format(&sdp.media[0], 103));
}

/* Hostile 33. */
static void test_sizes(void **state)
{
    static struct sdp sdp;
    assert_int_equal(sdp_parse(repeated(VIDEO "a=", "x", 65534, ""), &sdp), SDP_OK);
    assert_int_equal(sdp_parse(repeated(VIDEO "a=", "x", 65535, ""), &sdp), SDP_TOO_LARGE);
    assert_int_equal(sdp_parse(repeated(VIDEO "a=", "x", 65535, "\n" VIDEO), &sdp), SDP_TOO_LARGE);
    assert_int_equal(sdp_parse(repeated("", "x", 16777216, ""), &sdp), SDP_TOO_LARGE);
    assert_int_equal(sdp_parse(repeated(VIDEO, "a=x:y\n", 174759, ""), &sdp), SDP_OK);
    assert_int_equal(sdp_parse(repeated(VIDEO, "a=x:y\n", 174760, ""), &sdp), SDP_TOO_LARGE);
    assert_int_equal(sdp.media_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_rtpmap),
        cmocka_unit_test(test_frame_rate), cmocka_unit_test(test_fmtp),
        cmocka_unit_test(test_results),    cmocka_unit_test(test_media_cap),
        cmocka_unit_test(test_format_cap), cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
