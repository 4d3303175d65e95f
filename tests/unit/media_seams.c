/* Files that ffmpeg makes, in 100 laps: no seam, whatever they are kept in. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "media/media.h"

#define LAPS 100u

static char folder[] = "/tmp/rtspbench-seams-XXXXXX";

/* Runs commands in the folder of the files; false when one fails, as without an ffmpeg. */
static bool run(const char *commands)
{
    char line[2048];
    snprintf(line, sizeof(line),
             "cd %s && ff() { ffmpeg -v error -nostdin -y \"$@\" 2>/dev/null; } && { %s; }", folder,
             commands);
    return system(line) == 0;
}

/* Pictures of 25 a second with B-frames for 4 s and their sound, which others are made from. */
static int make_files(void **state)
{
    assert_non_null(mkdtemp(folder));
    run("ff -f lavfi -i testsrc2=s=64x48:r=25:d=4 -f lavfi -i sine=r=48000:d=4.2 -c:v libx264 "
        "-preset veryfast -pix_fmt yuv420p -g 25 -bf 3 -c:a aac a.mp4");
    return 0;
}

static int remove_files(void **state)
{
    char line[100];
    snprintf(line, sizeof(line), "rm -r %s", folder);
    return system(line);
}

static struct media *load(const char *name)
{
    char path[256], error[256] = "";
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    struct media *media = media_new_file(&(struct media_file){.path = path}, error, sizeof(error));
    if (!media && strstr(error, "without libavformat"))
        skip(); /* this build reads no files */
    if (!media)
        fail_msg("%s: %s", name, error);
    return media;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static bool is_next_unit(const struct media *media, const struct media_place *place,
                         int64_t timestamp)
{
    return (int64_t)media_timestamp(media, place->lap, place->index) != timestamp;
}

/* The timestamps of a track's units in 100 laps; how many. Each is due `step_ns` (2 ns more or
   less) after the one before. */
static size_t walk(const struct media *media, unsigned track, uint64_t step_ns, int64_t *to)
{
    struct media_place place = media_seek(media, track, 0);
    uint64_t before_ns = 0;
    size_t count = 0;
    for (; place.lap < LAPS; media_advance(media, &place)) {
        if (count > 0 && !is_next_unit(media, &place, to[count - 1]))
            continue;
        if (count > 0)
            assert_in_range(place.due_ns - before_ns, step_ns - 2, step_ns + 2);
        to[count++] = media_timestamp(media, place.lap, place.index);
        before_ns = place.due_ns;
    }
    return count;
}

static void check_pictures(const struct media *media, unsigned count)
{
    int64_t *shown = calloc((size_t)LAPS * count + 1, sizeof(*shown));
    assert_int_equal(walk(media, 0, 40 * NS_PER_MS, shown), LAPS * count);
    qsort(shown, (size_t)LAPS * count, sizeof(*shown), by_size);
    for (unsigned n = 0; n < LAPS * count; n++)
        assert_int_equal(shown[n], n * 3600 + media->delay_ns * 9 / 100000);
    free(shown);
}

/* 187 or 188 units of 1,024 samples in each lap of 4 s. */
static void check_sound(const struct media *media)
{
    int64_t *heard = calloc(LAPS * 200, sizeof(*heard));
    size_t count = walk(media, 1, 1024 * NS_PER_S / 48000, heard);
    assert_int_equal(count, LAPS * 375 / 2);
    uint64_t late = media->delay_ns * 48 / 1000000;
    assert_in_range(heard[0], late, late + 1023);
    for (size_t n = 1; n < count; n++)
        assert_int_equal(heard[n], heard[n - 1] + 1024);
    free(heard);
}

/* Matroska and FLV round to milliseconds; Matroska and transport streams leave out times. */
static void test_containers(void **state)
{
    static const char *const rows[][2] = {
        {"a.mp4", "true"},
        {"a.mov", "ff -i a.mp4 -c copy a.mov"},
        {"a.mkv", "ff -i a.mp4 -c copy a.mkv"},
        {"a.ts", "ff -i a.mp4 -c copy a.ts"},
        {"a.flv", "ff -i a.mp4 -c copy a.flv"},
        {"fragments.mp4", "ff -i a.mp4 -c copy -movflags frag_keyframe+empty_moov fragments.mp4"},
        {"hour.mp4", "ff -i a.mp4 -c copy -output_ts_offset 3600 hour.mp4"},
        {"hour.mkv", "ff -i a.mp4 -c copy -output_ts_offset 3600 hour.mkv"},
        {"hour.ts", "ff -i a.mp4 -c copy -output_ts_offset 3600 hour.ts"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!run(rows[i][1]))
            skip();
        struct media *media = load(rows[i][0]);
        check_pictures(media, 100);
        check_sound(media);
        assert_true(media->delay_ns >= 40 * NS_PER_MS);
        assert_non_null(strstr(media->notes, "its sound is 0.2")); /* longer */
        media_free(media);
    }
}

/* An open GOP's keyframes have no parameter sets in MP4: they get the file's, a copy of them. */
static void test_parameter_sets(void **state)
{
    if (!run("ff -i a.mp4 -an -c:v libx264 -pix_fmt yuv420p -bf 3 -x264-params "
             "open-gop=1:b-adapt=0:keyint=24:min-keyint=24:scenecut=0 open.mp4"))
        skip();
    struct media *media = load("open.mp4");
    unsigned sets = 0;
    for (uint32_t i = 0; i < media->packet_count; i++) {
        const struct media_packet *packet = &media->packets[i];
        unsigned type = (packet->prefix_len > 0 ? packet->prefix[0] : packet->payload[0]) & 31;
        assert_in_range(type, 1, 28);
        sets += type == 7; /* SPS */
    }
    assert_int_equal(sets, (100 + 23) / 24);
    check_pictures(media, 100);
    media_free(media);
}

/* Raw streams have no times: those of the MP4 file are found again, if from 0 on. */
static void test_raw(void **state)
{
    if (!run("ff -i a.mp4 -c copy -an -bsf:v h264_mp4toannexb a.h264"))
        skip();
    struct media *media = load("a.h264"), *original = load("a.mp4");
    check_pictures(media, 100);
    assert_int_equal(media->packet_count, original->tracks[0].packets);
    for (uint32_t i = 0; i < media->packet_count; i++) {
        assert_int_equal(media->packets[i].timestamp, original->packets[i].timestamp);
        assert_int_equal(media->packets[i].due_ns, original->packets[i].due_ns);
    }
    media_free(media);
    media_free(original);
    if (!run("ff -i a.mp4 -an -c:v libx265 -preset ultrafast -x265-params "
             "log-level=none:bframes=3:keyint=25 a.h265"))
        skip();
    media = load("a.h265");
    check_pictures(media, 100);
    media_free(media);
}

/* The file begins 10 pictures behind a keyframe, and so do its edits: it is sent from there on. */
static void test_edits(void **state)
{
    static const char *const rows[][2] = {
        {"edit.mp4", "ff -ss 1.4 -i a.mp4 -c copy edit.mp4"},
        {"edits.mp4", "ff -ss 1.4 -i a.mp4 -c copy -movflags frag_keyframe+delay_moov edits.mp4"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!run(rows[i][1]))
            skip();
        struct media *media = load(rows[i][0]);
        check_pictures(media, 75);
        assert_non_null(strstr(media->notes, "an edit of it begins between two keyframes"));
        media_free(media);
    }
}

/* Two recordings one behind the other, the second one made an hour later. */
static void test_jump(void **state)
{
    if (!run("ff -i a.mp4 -an -c copy 1.ts && ff -i a.mp4 -an -c copy -output_ts_offset 3600 2.ts "
             "&& "
             "cat 1.ts 2.ts >both.ts"))
        skip();
    struct media *media = load("both.ts");
    check_pictures(media, 200);
    assert_non_null(strstr(media->notes, "its time jumps 1 time, first by +359"));
    media_free(media);
}

/* A transport stream that was cut between keyframes. */
static void test_cut(void **state)
{
    if (!run("ff -i a.mp4 -an -c copy a.ts && ff -ss 0.6 -i a.ts -c copy -copyinkf cut.ts"))
        skip();
    struct media *media = load("cut.ts");
    check_pictures(media, 75);
    assert_non_null(strstr(media->notes, "in front of the first keyframe"));
    media_free(media);
}

/* Samples go on over the file's packets, which are of no whole number of 20 ms and whose times may
   be rounded. */
static void test_samples(void **state)
{
    static const struct {
        const char *name, *command;
        uint32_t samples, rate; /* of a packet: of 20 ms, or as many as fit */
    } rows[] = {
        {"pcm.mov", "ff -i a.mp4 -c:v copy -c:a pcm_s16be -ac 1 -ar 8000 -t 4 pcm.mov", 160, 8000},
        {"pcm.mkv", "ff -i a.mp4 -c:v copy -c:a pcm_s16le -ac 1 -ar 44100 -t 4 pcm.mkv", 694,
         44100},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t samples = rows[i].samples, rate = rows[i].rate;
        if (!run(rows[i].command))
            skip();
        struct media *media = load(rows[i].name);
        int64_t *heard = calloc((LAPS + 1) * 4 * rate / samples, sizeof(*heard));
        check_pictures(media, 100);
        size_t count = walk(media, 1, samples * NS_PER_S / rate, heard);
        assert_in_range(count, LAPS * 4 * rate / samples, LAPS * 4 * rate / samples + 1);
        for (size_t n = 1; n < count; n++)
            assert_int_equal(heard[n], heard[n - 1] + samples);
        free(heard);
        media_free(media);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containers), cmocka_unit_test(test_parameter_sets),
        cmocka_unit_test(test_raw),        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_jump),       cmocka_unit_test(test_cut),
        cmocka_unit_test(test_samples),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
