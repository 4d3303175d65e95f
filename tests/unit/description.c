#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/description.h"

#define BASE "rtsp://192.0.2.1/stream/"

static const char two_tracks[] = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\na=control:*\r\n"
                                 "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                                 "a=control:trackID=0\r\n"
                                 "m=audio 0 RTP/AVP 97 0\r\na=rtpmap:97 mpeg4-generic/48000/2\r\n"
                                 "a=control:trackID=1\r\n";

/* The record starts full of garbage, as one from a pool may. */
static enum description_result make(struct description *out, struct slice base, const char *text,
                                    enum description_wanted wanted, uint32_t *skipped)
{
    static struct sdp sdp;
    memset(out, 0xa5, sizeof(*out));
    sdp_parse(slice_from_string(text), &sdp);
    return description_make(out, base, &sdp, wanted, skipped);
}

static void it_keeps_what_sessions_need(void **state)
{
    (void)state;
    struct description it;
    uint32_t skipped;
    assert_int_equal(make(&it, SLICE(BASE), two_tracks, WANT_ALL, &skipped), DESCRIPTION_OK);
    assert_int_equal(it.track_count, 2);
    assert_int_equal(it.users, 0);
    assert_int_equal(skipped, 0);
    assert_false(it.secure);
    assert_int_equal(it.tracks[0].kind, MEDIA_VIDEO);
    assert_int_equal(it.tracks[1].kind, MEDIA_AUDIO);
    assert_int_equal(it.tracks[1].format_count, 2);
    const struct description_format *aac = description_find(&it.tracks[1], 97);
    assert_int_equal(aac->codec, CODEC_AAC);
    assert_int_equal(aac->clock_rate, 48000);
    const struct description_format *pcmu = description_find(&it.tracks[1], 0);
    assert_int_equal(pcmu->codec, CODEC_PCMU); /* RFC 3551: static type 0, 8 kHz */
    assert_int_equal(pcmu->clock_rate, 8000);
    assert_null(description_find(&it.tracks[0], 97));
}

static void only_wanted_media_are_kept(void **state)
{
    (void)state;
    static const struct {
        enum description_wanted wanted;
        const char *media;
        enum description_result result;
        unsigned tracks;
        enum media_kind first;
    } rows[] = {
        {WANT_ALL, "m=video 0 RTP/AVP 26\nm=audio 0 RTP/AVP 0\n", DESCRIPTION_OK, 2, MEDIA_VIDEO},
        {WANT_VIDEO, "m=audio 0 RTP/AVP 0\nm=video 0 RTP/AVP 26\n", DESCRIPTION_OK, 1, MEDIA_VIDEO},
        {WANT_AUDIO, "m=video 0 RTP/AVP 26\nm=audio 0 RTP/AVP 0\n", DESCRIPTION_OK, 1, MEDIA_AUDIO},
        {WANT_VIDEO, "m=audio 0 RTP/AVP 0\n", DESCRIPTION_NO_MEDIA, 0, 0},
        {WANT_AUDIO, "m=video 0 RTP/AVP 26\n", DESCRIPTION_NO_MEDIA, 0, 0},
        {WANT_ALL, "m=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\n",
         DESCRIPTION_NO_MEDIA, 0, 0},
        {WANT_ALL, "m=video 0 TCP/WHATEVER 26\n", DESCRIPTION_NO_MEDIA, 0, 0},
        {WANT_ALL, "m=audio 0 RTP/AVP 0\na=sendonly\nm=video 0 RTP/AVP 26\na=recvonly\n",
         DESCRIPTION_OK, 1, MEDIA_VIDEO}, /* a back channel is ours to fill, not to play */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct description it;
        uint32_t skipped;
        char text[256];
        snprintf(text, sizeof(text), "v=0\ns=x\nt=0 0\n%s", rows[i].media);
        assert_int_equal(make(&it, SLICE(BASE), text, rows[i].wanted, &skipped), rows[i].result);
        assert_int_equal(it.track_count, rows[i].tracks);
        if (rows[i].tracks > 0)
            assert_int_equal(it.tracks[0].kind, rows[i].first);
    }
}

static void urls_are_resolved(void **state)
{
    (void)state;
    static const struct {
        const char *base, *aggregate, *control, *track, *whole;
    } rows[] = {
        {"rtsp://h/a/", "*", "trackID=1", "rtsp://h/a/trackID=1", "rtsp://h/a/"},
        {"rtsp://h/a", "*", "trackID=1", "rtsp://h/a/trackID=1", "rtsp://h/a"},
        {"rtsp://h/a", "rtsp://h/b/", "rtsp://h/b/t1", "rtsp://h/b/t1", "rtsp://h/b/"},
        {"rtsp://h/a?x=1", "", "", "rtsp://h/a?x=1", "rtsp://h/a?x=1"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct description it;
        uint32_t skipped;
        char text[256], room[256];
        snprintf(text, sizeof(text), "v=0\ns=x\nt=0 0\n%s%s\nm=video 0 RTP/AVP 26\n%s%s\n",
                 rows[i].aggregate[0] ? "a=control:" : "", rows[i].aggregate,
                 rows[i].control[0] ? "a=control:" : "", rows[i].control);
        struct slice base = slice_from_string(rows[i].base);
        assert_int_equal(make(&it, base, text, WANT_ALL, &skipped), DESCRIPTION_OK);
        struct text url = text_init(room, sizeof(room));
        description_write_track_url(&it, 0, &url);
        assert_string_equal(text_string(&url), rows[i].track);
        url = text_init(room, sizeof(room));
        description_write_url(&it, &url);
        assert_string_equal(text_string(&url), rows[i].whole);
    }
}

static void tracks_beyond_the_last_are_counted(void **state)
{
    (void)state;
    struct description it;
    uint32_t skipped;
    char text[2048] = "v=0\ns=x\nt=0 0\n";
    for (unsigned i = 0; i < DESCRIPTION_TRACKS + 3; i++)
        strcat(text, "m=video 0 RTP/AVP 96 97 98 99 100 101\na=control:t\n");
    assert_int_equal(make(&it, SLICE(BASE), text, WANT_ALL, &skipped), DESCRIPTION_OK);
    assert_int_equal(it.track_count, DESCRIPTION_TRACKS);
    assert_int_equal(skipped, 3);
    assert_int_equal(it.tracks[0].format_count, DESCRIPTION_FORMATS);
    assert_non_null(description_find(&it.tracks[DESCRIPTION_TRACKS - 1], 99));
    assert_null(description_find(&it.tracks[0], 100));
}

/* Text of exactly the record's size, and of one byte more, wherever it is. */
static void urls_have_their_limit(void **state)
{
    (void)state;
    enum { IN_BASE, IN_AGGREGATE, IN_CONTROL };
    for (unsigned where = IN_BASE; where <= IN_CONTROL; where++) {
        for (unsigned over = 0; over < 2; over++) {
            struct description it;
            uint32_t skipped;
            static char text[8192], filler[2048];
            size_t len = DESCRIPTION_TEXT + over;
            memset(filler, 'x', len);
            filler[len] = '\0';
            snprintf(text, sizeof(text), "v=0\ns=x\nt=0 0\n%s%s\nm=video 0 RTP/AVP 26\n%s%s\n",
                     where == IN_AGGREGATE ? "a=control:" : "", where == IN_AGGREGATE ? filler : "",
                     where == IN_CONTROL ? "a=control:" : "", where == IN_CONTROL ? filler : "");
            struct slice base = slice_make(filler, where == IN_BASE ? len : 0);
            assert_int_equal(make(&it, base, text, WANT_ALL, &skipped),
                             over ? DESCRIPTION_TOO_LARGE : DESCRIPTION_OK);
        }
    }
}

static void equal_is_what_says_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        bool equal;
    } rows[] = {
        {"x", "x", true},
        {"s=x", "s=another name", true}, /* nothing that a session needs */
        {"trackID=1", "trackID=2", false},
        {"H264/90000", "H265/90000", false},
        {"H264/90000", "H264/45000", false},
        {"RTP/AVP 96", "RTP/SAVP 96", false},
        {"RTP/AVP 97 0", "RTP/AVP 97 8", false},
        {"RTP/AVP 97 0", "RTP/AVP 97", false},
        {"m=audio", "m=video", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct description a, b;
        uint32_t skipped;
        char changed[512];
        const char *at = strstr(two_tracks, rows[i].from);
        assert_non_null(at);
        snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - two_tracks), two_tracks,
                 rows[i].to, at + strlen(rows[i].from));
        assert_int_equal(make(&a, SLICE(BASE), two_tracks, WANT_ALL, &skipped), DESCRIPTION_OK);
        assert_int_equal(make(&b, SLICE(BASE), changed, WANT_ALL, &skipped), DESCRIPTION_OK);
        a.users = 17;
        assert_int_equal(description_equal(&a, &b), rows[i].equal);
        assert_int_equal(
            make(&b, SLICE("rtsp://192.0.2.2/stream/"), two_tracks, WANT_ALL, &skipped),
            DESCRIPTION_OK);
        assert_false(description_equal(&a, &b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_keeps_what_sessions_need),
        cmocka_unit_test(only_wanted_media_are_kept),
        cmocka_unit_test(urls_are_resolved),
        cmocka_unit_test(tracks_beyond_the_last_are_counted),
        cmocka_unit_test(urls_have_their_limit),
        cmocka_unit_test(equal_is_what_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
