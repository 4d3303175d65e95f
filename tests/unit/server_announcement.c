#include "test.h"

#include <string.h>

#include "base/text.h"
#include "server/announcement.h"

#define HEAD "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
#define VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
#define AUDIO "m=audio 0 RTP/AVP 0 97\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\n"

static const char *parse(struct announcement *announcement, const char *key, const char *text)
{
    memset(announcement, 0xa5, sizeof(*announcement)); /* whoever was there before */
    return announcement_parse(announcement, key, slice_from_string(text));
}

static void test_descriptions(void **state)
{
    static const struct {
        const char *text;
        int tracks; /* -1: refused */
    } rows[] = {
        {HEAD VIDEO, 1},
        {HEAD VIDEO AUDIO, 2},
        {VIDEO, 1},
        {HEAD VIDEO AUDIO AUDIO, -1},
        {HEAD, -1},
        {"", -1},
        {"garbage", -1},
        {HEAD "m=video 0 UDP 96\r\n", -1},
        {HEAD "m=application 0 UDP 96\r\n" VIDEO, 1}, /* passed over */
    };
    struct announcement announcement;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *wrong = parse(&announcement, "/live", rows[i].text);
        if ((wrong ? -1 : (int)announcement.track_count) != rows[i].tracks)
            fail_msg("row %zu: %s", i, wrong ? wrong : "accepted");
    }
    assert_null(parse(&announcement, "/live", HEAD VIDEO AUDIO));
    assert_int_equal(announcement_clock_rate(&announcement, 0, 96), 90000);
    assert_int_equal(announcement_clock_rate(&announcement, 0, 97), 0);
    assert_int_equal(announcement_clock_rate(&announcement, 1, 97), 44100);
    assert_int_equal(announcement_clock_rate(&announcement, 1, 0), 8000); /* RFC 3551: PCMU */
}

static void test_long_control(void **state)
{
    static const unsigned lengths[] = {254, 255, 256, 5000};
    struct announcement announcement;
    char room[6000];
    for (unsigned i = 0; i < 4; i++) {
        struct text text = text_init(room, sizeof(room));
        text_add_string(&text, HEAD VIDEO "a=control:");
        for (unsigned n = 0; n < lengths[i]; n++)
            text_add_string(&text, "c");
        text_add_string(&text, "\r\n");
        const char *wrong = parse(&announcement, "/live", text_string(&text));
        assert_int_equal(wrong == NULL, lengths[i] < ANNOUNCEMENT_CONTROL_MAX);
    }
}

/* The second of two tracks goes by control; what does url name after an ANNOUNCE of key? */
static void test_names(void **state)
{
    static const struct {
        const char *key, *control, *url;
        int track;        /* -1: the presentation */
        const char *path; /* the key that comes out of it; NULL: that of the announcement */
    } rows[] = {
        {"/live/1", "streamid=1", "rtsp://h/live/1", -1, NULL},
        {"/live/1", "streamid=1", "rtsp://h/live/1/", -1, NULL},
        {"/live/1", "streamid=1", "rtsp://h:8554/live/1/streamid=1", 1, NULL},
        {"/live/1", "streamid=1", "rtsp://h/live/1/streamid=1/", 1, NULL},
        {"/live/1", "streamid=1", "rtsp://h/live/1/streamid=2", -1, "/live/1/streamid=2"},
        {"/live/1", "streamid=1", "rtsp://h/live/1/xstreamid=1", -1, "/live/1/xstreamid=1"},
        {"/live/1", "streamid=1", "rtsp://h/live/2/streamid=1", -1, "/live/2/streamid=1"},
        {"/live/1", "streamid=1", "rtsp://h/live/1/first", 0, NULL},
        {"/live/1", "trackID=7", "rtsp://h/live/1/trackID=7", 1, NULL},
        {"/live/1", "streamid=1", "rtsp://h/live/1/trackID=0", 2, NULL}, /* never announced */
        {"/a?drop=1/9", "streamid=1", "rtsp://h/a?drop=1/9", -1, NULL},
        {"/a?drop=1/9", "streamid=1", "rtsp://h/a?drop=1/9/streamid=1", 1, NULL},
        {"/a?drop=1/9", "streamid=1", "rtsp://h/a/streamid=1?drop=1/9", 1, NULL},
        {"/a?drop=1/9", "streamid=1", "rtsp://h/a/?drop=1/9/streamid=1", 1, NULL},
        {"/a?drop=1/9", "streamid=1", "rtsp://h/a/streamid=1?drop=1/8", -1,
         "/a/streamid=1?drop=1/8"},
        {"/", "streamid=1", "rtsp://h/streamid=1", 1, NULL},
        {"/", "streamid=1", "rtsp://h", -1, NULL},
        {"/a", "rtsp://h/a/second", "rtsp://h/a/second", 1, NULL},
        {"/a", "rtsp://h/a/second/", "rtsp://other:99/a/second", 1, NULL},
        {"/a", "RTSP://h/b/second", "rtsp://h/b/second", 1, NULL},
        {"/a", "/second", "rtsp://h/a/second", 1, NULL}, /* no double slash */
        {"/a", "*", "rtsp://h/a", -1, NULL},
        {"/a", "x/y=1", "rtsp://h/a/x/y=1", 1, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char description[1024];
        struct announcement announcement;
        struct target target;
        struct text text = text_init(description, sizeof(description));
        text_printf(&text, HEAD VIDEO "a=control:first\r\n" AUDIO "a=control:%s\r\n",
                    rows[i].control);
        assert_null(parse(&announcement, rows[i].key, text_string(&text)));
        assert_int_equal(target_parse(slice_from_string(rows[i].url), &target), TARGET_OK);
        announcement_resolve(&announcement, &target);
        const char *key = rows[i].path ? rows[i].path : rows[i].key;
        if (target.track != rows[i].track || strcmp(target.key, key) != 0)
            fail_msg("row %zu: track %d of %s", i, target.track, target.key);
        assert_true(slice_starts_with(slice_from_string(rows[i].url), target.base));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_long_control),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
