#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "media/media.h"

#define RATE 8000u
#define SAMPLES 12000u /* 1.5 s, stereo */

static void put(FILE *file, const char *tag, uint32_t value, unsigned bytes)
{
    fputs(tag, file);
    for (unsigned i = 0; i < bytes; i++)
        fputc((int)(value >> (8 * i) & 255), file);
}

static uint16_t sample(uint32_t i, unsigned channel)
{
    return (uint16_t)(i * 3 + channel * 20000);
}

/* A WAV file (RIFF, PCM, 16 bits little-endian). */
static void write_wav(const char *name)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    put(file, "RIFF", 36 + SAMPLES * 4, 4);
    put(file, "WAVEfmt ", 16, 4);
    put(file, "", 1, 2);
    put(file, "", 2, 2);
    put(file, "", RATE, 4);
    put(file, "", RATE * 4, 4);
    put(file, "", 4, 2);
    put(file, "", 16, 2);
    put(file, "data", SAMPLES * 4, 4);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        put(file, "", sample(i, 0), 2);
        put(file, "", sample(i, 1), 2);
    }
    assert_int_equal(fclose(file), 0);
}

static struct media *load(const char *name, char *error, size_t size)
{
    struct media *media = media_new_file(&(struct media_file){.path = name}, error, size);
    if (!media && strstr(error, "without libavformat"))
        skip(); /* this build reads no files */
    return media;
}

/* Every sample comes once, in order, big-endian (RFC 3551, 4.5.11), at its time. */
static void test_pcm(void **state)
{
    char name[] = "/tmp/rtspbench-file-XXXXXX", error[256] = "";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    close(fd);
    write_wav(name);
    struct media *media = load(name, error, sizeof(error));
    unlink(name);
    if (!media)
        fail_msg("%s", error);
    assert_int_equal(media->track_count, 1);
    assert_string_equal(media->tracks[0].rtpmap, "L16/8000/2");
    assert_int_equal(media->lap_ns, 1500 * NS_PER_MS);
    assert_int_equal(media->tracks[0].lap_ticks, SAMPLES);
    uint32_t i = 0;
    for (uint32_t n = 0; n < media->packet_count; n++) {
        const struct media_packet *packet = &media->packets[n];
        assert_int_equal(packet->timestamp, i);
        assert_int_equal(packet->due_ns, i * NS_PER_S / RATE);
        assert_true(packet->payload_len <= 1388 && packet->payload_len <= 640);
        for (uint16_t at = 0; at < packet->payload_len; at += 4, i++) {
            assert_int_equal(packet->payload[at] << 8 | packet->payload[at + 1], sample(i, 0));
            assert_int_equal(packet->payload[at + 2] << 8 | packet->payload[at + 3], sample(i, 1));
        }
    }
    assert_int_equal(i, SAMPLES);
    media_free(media);
}

static void test_refused(void **state)
{
    char error[256] = "";
    assert_null(load("/nowhere/at/all", error, sizeof(error)));
    assert_string_equal(error, "No such file or directory");
    assert_null(load("/dev/null", error, sizeof(error)));
    assert_true(error[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcm),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
