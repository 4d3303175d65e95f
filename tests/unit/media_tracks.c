#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "media/media.h"

static char folder[] = "/tmp/rtspbench-tracks-XXXXXX";
static char error[512];

/* The path of a file in the folder, valid until the next call but three. */
static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

/* Makes a file by ffmpeg, which gets input and output options; no ffmpeg, or one without the codec,
   is a skipped test. */
static const char *make(const char *name, const char *options)
{
    char command[1024];
    const char *path = in_folder(name);
    snprintf(command, sizeof(command), "ffmpeg -v quiet -nostdin -y %s '%s'", options, path);
    if (access(path, R_OK) != 0 && system(command) != 0)
        skip();
    return path;
}

static struct media *load_file(const struct media_file *file)
{
    error[0] = '\0';
    struct media *media = media_new_file(file, error, sizeof(error));
    if (!media && strstr(error, "without libavformat"))
        skip(); /* this build reads no files */
    return media;
}

#define LOAD(...) load_file(&(struct media_file){__VA_ARGS__})

static void expect_packets_of(const struct media *media, uint32_t most)
{
    for (uint32_t i = 0; i < media->packet_count; i++)
        assert_true(media_packet_bytes(media, &media->packets[i]) <= most);
}

/* 510 kbit/s in frames of 60 ms are 3,825 bytes each, which can't be cut (RFC 7587, 4.2). */
static void test_opus_frames(void **state)
{
    const char *path = make("loud.opus", "-f lavfi -i sine=d=1:r=48000 -ac 2 -c:a libopus "
                                         "-b:a 510k -vbr off -frame_duration 60");
    assert_null(LOAD(.path = path, .mtu_most = 2048));
    assert_string_equal(error, "it has an Opus frame of 3825 bytes, which RTP can't cut into "
                               "packets of 1400: --mtu is 2048 at most here");
    assert_null(LOAD(.path = path, .mtu_most = 3837));
    assert_string_equal(error, "it has an Opus frame of 3825 bytes, which RTP can't cut into "
                               "packets of 1400: it needs --mtu 3837");
    assert_null(LOAD(.path = path, .mtu = 3836));
    struct media *media = LOAD(.path = path, .mtu = 3837);
    assert_non_null(media);
    assert_int_equal(media_packet_bytes(media, &media->packets[0]), 3837);
    media_free(media);
}

/* RFC 7587, 6.1: a receiver takes the sound for mono, unless it is told otherwise. */
static void test_opus_stereo(void **state)
{
    const char *two = make("two.opus", "-f lavfi -i sine=d=1:r=48000 -ac 2 -c:a libopus");
    const char *one = make("one.opus", "-f lavfi -i sine=d=1:r=48000 -ac 1 -c:a libopus");
    struct media *media = LOAD(.path = two);
    assert_non_null(media);
    assert_string_equal(media->tracks[0].rtpmap, "opus/48000/2");
    assert_string_equal(media->tracks[0].fmtp, "sprop-stereo=1");
    media_free(media);
    media = LOAD(.path = one);
    assert_non_null(media);
    assert_string_equal(media->tracks[0].rtpmap, "opus/48000/2");
    assert_string_equal(media->tracks[0].fmtp, "");
    media_free(media);
}

/* At both ends of the range and by default: H.264, AAC and PCM. */
static void test_mtu(void **state)
{
    static const uint32_t mtus[] = {0, MEDIA_MTU_MIN, 1400, MEDIA_MTU_MAX};
    const char *video = make("both.mp4", "-f lavfi -i testsrc2=s=640x480:r=25:d=1 -f lavfi -i "
                                         "anoisesrc=d=1:r=48000 -c:v libx264 -crf 10 -c:a aac "
                                         "-b:a 256k -pix_fmt yuv420p");
    const char *sound = make("eight.wav", "-f lavfi -i anoisesrc=d=1:r=8000 -ac 8");
    uint32_t packets[4];
    for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
        struct media *media = LOAD(.path = video, .mtu = mtus[i]);
        assert_non_null(media);
        expect_packets_of(media, mtus[i] > 0 ? mtus[i] : 1400);
        packets[i] = media->packet_count;
        media_free(media);
        media = LOAD(.path = sound, .mtu = mtus[i]);
        assert_non_null(media);
        expect_packets_of(media, mtus[i] > 0 ? mtus[i] : 1400);
        media_free(media);
    }
    assert_int_equal(packets[0], packets[2]);
    assert_true(packets[1] > packets[2] && packets[2] > packets[3]);
}

/* The path of a file of these bytes. */
static const char *write_file(const char *name, const void *bytes, size_t len)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* The path of a copy of a file's first bytes. */
static const char *cut(const char *from, const char *name, size_t len)
{
    uint8_t *bytes = malloc(len);
    FILE *file = fopen(from, "rb");
    assert_non_null(bytes);
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, len, file), len);
    fclose(file);
    const char *path = write_file(name, bytes, len);
    free(bytes);
    return path;
}

/* A sample of 100 channels and 16 bits is 200 bytes. */
static void test_too_many_channels(void **state)
{
    static uint8_t bytes[44 + 3072] = "RIFF\x24\x0c\0\0WAVEfmt \x10\0\0\0\1\0\x64\0\x40\x1f\0\0"
                                      "\0\x6a\x18\0\xc8\0\x10\0data\0\x0c\0\0";
    const char *path = write_file("wide.wav", bytes, sizeof(bytes));
    assert_null(LOAD(.path = path, .mtu = 200));
    assert_string_equal(error,
                        "a sample of all its 100 channels is larger than a packet of 200 bytes");
    struct media *media = LOAD(.path = path, .mtu = 212);
    assert_non_null(media);
    media_free(media);
}

#define NOT_MEDIA "it is no media file that libavformat can read"
#define CUT_OFF "it is cut off: it has no moov, the index that is written when a recording ends"

static void expect_refusal(const char *path, const char *why)
{
    assert_null(LOAD(.path = path));
    assert_string_equal(error, why);
}

/* Boxes by ISO/IEC 14496-12, 4.2: a size that counts itself, or 1 and 8 bytes of it, or 0. */
static void test_unreadable_files(void **state)
{
    static const char ftyp[] = "\0\0\0\x10"
                               "ftypisom\0\0\0\1";
    static const char bare[] = "\0\0\0\x10"
                               "ftypisom\0\0\0\1\0\0\0\0mdat123456789";
    static const char wide[] = "\0\0\0\x10"
                               "ftypisom\0\0\0\1\0\0\0\1mdat\0\0\0\1\0\0\0\0abc";
    expect_refusal(write_file("empty.mp4", "", 0), "it is empty");
    expect_refusal(write_file("words.mp4", "Hello, world.\n", 14), NOT_MEDIA);
    expect_refusal(write_file("few.mp4",
                              "\0\0\0\x10"
                              "ft",
                              6),
                   NOT_MEDIA);
    expect_refusal(write_file("ftyp.mp4", ftyp, sizeof(ftyp) - 1), CUT_OFF);
    expect_refusal(write_file("bare.mp4", bare, sizeof(bare) - 1), CUT_OFF);
    expect_refusal(write_file("wide.mp4", wide, sizeof(wide) - 1), CUT_OFF);
    expect_refusal(in_folder("none.mp4"), "No such file or directory");
    expect_refusal("12:31 none.mp4", "No such file or directory");
    expect_refusal(folder, "Is a directory");
}

/* What is there of a file that was cut off behind its index plays, with a word. */
static void test_cut_off_files(void **state)
{
    const char *last = make("last.mp4", "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -c:v libx264 "
                                        "-pix_fmt yuv420p");
    expect_refusal(cut(last, "cut_last.mp4", 20000), CUT_OFF);
    const char *first = make("first.mp4", "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -c:v libx264 "
                                          "-pix_fmt yuv420p -movflags +faststart");
    struct stat whole;
    char expected[80];
    assert_int_equal(stat(first, &whole), 0);
    snprintf(expected, sizeof(expected), "it is cut off: its last %ld bytes are missing",
             (long)whole.st_size - 30000);
    struct media *media = LOAD(.path = cut(first, "cut_first.mp4", 30000));
    assert_non_null(media);
    assert_string_equal(media->notes, expected);
    media_free(media);
    media = LOAD(.path = first);
    assert_non_null(media);
    assert_string_equal(media->notes, "");
    media_free(media);
    /* One more box, with a size of 2^32 + 20 in 8 bytes, of which 20 are there. */
    const char *more = cut(first, "more.mp4", (size_t)whole.st_size);
    FILE *file = fopen(more, "ab");
    assert_non_null(file);
    assert_int_equal(fwrite("\0\0\0\1free\0\0\0\1\0\0\0\x14"
                            "1234",
                            1, 20, file),
                     20);
    assert_int_equal(fclose(file), 0);
    media = LOAD(.path = more);
    assert_non_null(media);
    assert_string_equal(media->notes, "it is cut off: its last 4294967296 bytes are missing");
    media_free(media);
}

/* Streams: H.264, AC-3, AAC, a subtitle, AAC, and a cover, which in MP4 is no track and so last. */
static const char *mixed(void)
{
    static const char words[] = "1\n00:00:00,000 --> 00:00:01,000\nhello\n\n";
    const char *subtitles = write_file("words.srt", words, sizeof(words) - 1);
    const char *cover = make("cover.jpg", "-f lavfi -i testsrc2=s=64x64 -frames:v 1");
    char options[900];
    snprintf(options, sizeof(options),
             "-f lavfi -i testsrc2=s=320x240:r=25:d=1 -f lavfi -i sine=d=1:r=48000 -i '%s' -i '%s' "
             "-map 0 -map 1 -map 1 -map 2 -map 3 -map 1 -c:v:0 libx264 -pix_fmt:v:0 yuv420p "
             "-c:v:1 mjpeg -disposition:v:1 attached_pic -c:a aac -c:a:0 ac3 -c:s mov_text",
             subtitles, cover);
    return make("mixed.mp4", options);
}

#define HAS                                                                                        \
    "it has H.264 video (stream 0), AC-3 sound (stream 1), AAC sound (stream 2), subtitles "       \
    "(stream 3), AAC sound (stream 4), cover art (stream 5)"

/* The best that can be carried, whatever else there is, which is told. */
static void test_left_out(void **state)
{
    struct media *media = LOAD(.path = mixed());
    if (!media)
        fail_msg("%s", error);
    assert_int_equal(media->track_count, 2);
    assert_string_equal(media->tracks[0].rtpmap, "H264/90000");
    assert_string_equal(media->tracks[1].rtpmap, "MPEG4-GENERIC/48000/1");
    assert_string_equal(media->notes,
                        "left out its AC-3 sound (stream 1), its subtitles (stream 3), its cover "
                        "art (stream 5), which RTP sessions here can't carry\n"
                        "left out its AAC sound (stream 4): one of a kind is sent, unless "
                        "--media-tracks chooses others");
    media_free(media);
}

/* An album: music with a cover. */
static void test_cover_of_music(void **state)
{
    char options[300];
    const char *cover = make("cover.jpg", "-f lavfi -i testsrc2=s=64x64 -frames:v 1");
    snprintf(
        options, sizeof(options),
        "-f lavfi -i sine=d=1:r=48000 -i '%s' -map 0 -map 1 -c:a aac -c:v mjpeg -disposition:v "
        "attached_pic",
        cover);
    struct media *media = LOAD(.path = make("album.m4a", options));
    if (!media)
        fail_msg("%s", error);
    assert_int_equal(media->track_count, 1);
    assert_false(media->tracks[0].video);
    media_free(media);
}

static void test_nothing_to_carry(void **state)
{
    const char *mp3 = make("sound.mp3", "-f lavfi -i sine=d=1:r=48000");
    expect_refusal(mp3, "it has MP3 sound (stream 0), but RTP sessions here carry H.264, H.265, "
                        "AAC, Opus and PCM only");
    const char *six = make("six.mkv", "-f lavfi -i 'anoisesrc=d=1:r=48000,aformat="
                                      "channel_layouts=5.1' -c:a libopus -mapping_family 1");
    expect_refusal(six, "it has Opus sound of 6 channels (stream 0), but RTP sessions here carry "
                        "H.264, H.265, AAC, Opus and PCM only");
}

/* Each row's choice: the tracks by the first letters of their rtpmaps, or why there are none. */
static void test_chosen(void **state)
{
    static const struct {
        const char *wanted, *tracks, *why;
    } rows[] = {
        {"video", "H", NULL},
        {"audio", "M", NULL},
        {"video,audio", "HM", NULL},
        {"audio,video", "MH", NULL},
        {"0", "H", NULL},
        {"2,0", "MH", NULL},
        {"2,4", "MM", NULL},
        {"video,4", "HM", NULL},
        {"1", "", "RTP sessions here can't carry its AC-3 sound (stream 1): " HAS},
        {"5", "", "RTP sessions here can't carry its cover art (stream 5): " HAS},
        {"0,6", "", "it has no stream 6: " HAS},
        {"4294967297", "", "it has no stream 4294967297: " HAS},
        {"0,video", "", "stream 0 is chosen twice: " HAS},
        {"0,2,4", "", "at most 2 tracks are sent: " HAS},
    };
    const char *path = mixed();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct media *media = LOAD(.path = path, .tracks = rows[i].wanted);
        if (!media) {
            assert_string_equal(error, rows[i].why ? rows[i].why : "");
            continue;
        }
        assert_null(rows[i].why);
        assert_string_equal(media->notes, "");
        assert_int_equal(media->track_count, strlen(rows[i].tracks));
        for (unsigned n = 0; n < media->track_count; n++) {
            assert_int_equal(media->tracks[n].rtpmap[0], rows[i].tracks[n]);
            assert_int_equal(media->tracks[n].video, rows[i].tracks[n] == 'H');
            assert_true(media->tracks[n].packets > 0);
        }
        media_free(media);
    }
    const char *mp3 = make("sound.mp3", "-f lavfi -i sine=d=1:r=48000");
    assert_null(LOAD(.path = mp3, .tracks = "video"));
    assert_string_equal(error, "it has no video that RTP sessions here carry: it has MP3 sound "
                               "(stream 0)");
}

/* A line that doesn't fit is left out, a later and shorter one isn't. */
static void test_notes(void **state)
{
    struct media media = {0};
    char line[301] = "";
    memset(line, 'x', 300);
    media_note(&media, "%s", line);
    media_note(&media, "%s", line);
    media_note(&media, "%d more", 2);
    assert_int_equal(strlen(media.notes), 300 + 1 + 6);
    assert_string_equal(media.notes + 300, "\n2 more");
    line[511 - 307 - 1] = '\0';
    media_note(&media, "%s", line);
    assert_int_equal(strlen(media.notes), 511);
    media_note(&media, "%s", "");
    assert_int_equal(strlen(media.notes), 511);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opus_frames),
        cmocka_unit_test(test_opus_stereo),
        cmocka_unit_test(test_mtu),
        cmocka_unit_test(test_too_many_channels),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_cut_off_files),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_cover_of_music),
        cmocka_unit_test(test_nothing_to_carry),
        cmocka_unit_test(test_chosen),
        cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
