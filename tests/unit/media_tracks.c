#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

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
    if (!media && strstr(error, "libavformat)"))
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
    assert_null(LOAD(.path = path));
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

static void test_cut_off_files(void **state)
{
    const char *last = make("last.mp4", "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -c:v libx264 "
                                        "-pix_fmt yuv420p");
    expect_refusal(cut(last, "cut_last.mp4", 20000), CUT_OFF);
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
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
