#include "test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "media/media.h"

static unsigned type_of(const struct media_packet *packet)
{
    const uint8_t *bytes = packet->prefix_len > 0 ? packet->prefix : packet->payload;
    unsigned type = bytes[0] & 31;
    return type == 28 ? bytes[1] & 31 : type; /* FU-A, RFC 6184, 5.8 */
}

/* A build without the card has nothing to test. */
static struct media *card(bool audio, uint32_t mtu)
{
    struct media *media = media_new_card(audio, mtu);
    if (!media)
        skip();
    return media;
}

/* 25 frames a second for 16 s, each with one marker, at its time. */
static void check_frames(uint32_t mtu)
{
    struct media *media = card(true, mtu);
    unsigned frames = 0;
    for (uint32_t i = 0; i < media->packet_count; i++) {
        const struct media_packet *packet = &media->packets[i];
        if (packet->track != 0)
            continue;
        assert_int_equal(packet->due_ns, frames * 40 * NS_PER_MS);
        assert_int_equal(packet->timestamp, frames * 3600);
        assert_true(media_packet_bytes(media, packet) <= (mtu > 0 ? mtu : 1400));
        frames += packet->marker;
    }
    assert_int_equal(frames, 400);
    assert_int_equal(media->lap_ns, 16 * NS_PER_S);
    assert_int_equal(media->tracks[0].lap_ticks, 16 * 90000);
    media_free(media);
}

static void test_frames(void **state)
{
    check_frames(0);
    check_frames(MEDIA_MTU_MIN);
    check_frames(MEDIA_MTU_MAX);
}

/* Every point where a reader may join begins a keyframe: SPS, PPS, IDR; and no other frame is one.
 */
static void test_joining_points_are_keyframes(void **state)
{
    struct media *media = card(false, 0);
    unsigned keyframes = 0;
    for (unsigned k = 0; k < media->joins; k++) {
        uint32_t at = media_seek(media, 0, k * media->lap_ns / media->joins).index;
        assert_int_equal(media->packets[at].due_ns, k * 2 * NS_PER_S);
        assert_int_equal(type_of(&media->packets[at]), 7);
        assert_int_equal(type_of(&media->packets[at + 1]), 8);
    }
    for (uint32_t i = 0; i < media->packet_count; i++) {
        bool key = type_of(&media->packets[i]) == 5;
        if (key)
            assert_int_equal(media->packets[i].due_ns % (2 * NS_PER_S), 0);
        assert_int_equal(media->packets[i].key, media->packets[i].due_ns % (2 * NS_PER_S) == 0);
        keyframes += key && media->packets[i].marker;
    }
    assert_int_equal(media->joins, 8);
    assert_int_equal(keyframes, 8);
    assert_int_equal(media->track_count, 1);
    media_free(media);
}

/* 48,000 samples a second in units of 1,024: 750 fill 16 s exactly, so the loop has no gap. */
static void test_sound(void **state)
{
    struct media *media = card(true, 0);
    uint32_t units = 0;
    for (uint32_t i = 0; i < media->packet_count; i++) {
        const struct media_packet *packet = &media->packets[i];
        if (packet->track != 1)
            continue;
        unsigned size = (unsigned)(packet->prefix[2] << 8 | packet->prefix[3]) >> 3;
        assert_int_equal(size, packet->payload_len); /* RFC 3640: AU-size */
        assert_int_equal(packet->timestamp, units * 1024);
        assert_int_equal(packet->due_ns, units * 1024 * NS_PER_S / 48000);
        units++;
    }
    assert_int_equal(units, 750);
    assert_int_equal(media->tracks[1].lap_ticks, units * 1024);
    assert_non_null(strstr(media->tracks[1].fmtp, "config=1190"));
    media_free(media);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_joining_points_are_keyframes),
        cmocka_unit_test(test_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
