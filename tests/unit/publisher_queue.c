/* Which frames a publisher gives up. A lap has a frame each 100 ms of two packets, and sound (or
 * another stream without keyframes) between them. */
#include "test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "client/publisher_queue.h"

#define FRAME_NS (100 * NS_PER_MS)
#define PACKETS 2u /* of a frame */

/* K: a keyframe, P: a picture that depends on the one before. Sound comes 50 ms later. */
static struct media *lap_of(const char *frames, bool sound)
{
    struct media *media = calloc(1, sizeof(*media));
    uint32_t count = (uint32_t)strlen(frames);
    assert_non_null(media);
    media->lap_ns = count * FRAME_NS;
    media->track_count = sound ? 2 : 1;
    for (uint32_t i = 0; i < count * PACKETS; i++) {
        uint32_t frame = i / PACKETS;
        struct media_packet packet = {
            .due_ns = frame * FRAME_NS, .timestamp = frame * 9000, .key = frames[frame] == 'K'};
        assert_true(media_add(media, &packet));
        packet = (struct media_packet){
            .due_ns = frame * FRAME_NS + FRAME_NS / 2, .timestamp = frame * 800, .track = 1};
        if (sound && i % PACKETS == 0)
            assert_true(media_add(media, &packet));
    }
    assert_true(media_finish(media));
    return media;
}

/* The frame that a track is in front of, of all laps. */
static uint32_t frame_at(const struct publisher_queue *queue, const struct media *media,
                         unsigned track)
{
    const struct publisher_place *place = &queue->places[track];
    return (uint32_t)((media_due(media, place->at.lap, place->at.index)) / FRAME_NS);
}

/* stale: the number of the first frame that isn't; now: of the last one that is due. */
static void test_video(void **state)
{
    static const struct {
        const char *lap;
        uint32_t written; /* packets, before */
        uint32_t stale, now;
        uint32_t dropped; /* frames */
        uint32_t next;    /* frame that is written next */
        bool broken;
    } rows[] = {
        {"KPPKPP", 0, 0, 5, 0, 0, false},
        /* a keyframe waits as long as it is the newest one that is late; what depends on it, too */
        {"KPPKPP", 0, 1, 5, 0, 0, false},
        {"KPPKPP", 0, 3, 5, 0, 0, false},
        {"KPPKPP", 0, 4, 5, 3, 3, false},
        {"KPPKPP", 0, 6, 5, 3, 3, false},
        {"KPPKPP", 0, 7, 6, 6, 6, false},
        /* a late picture goes, and all that depends on it */
        {"KPPKPP", 2, 1, 5, 0, 1, false},
        {"KPPKPP", 2, 2, 5, 2, 3, false},
        {"KPPKPP", 4, 3, 5, 1, 3, false},
        {"KPPKPP", 4, 6, 5, 1, 3, false},
        /* of which the rest isn't due yet */
        {"KPPKPP", 2, 2, 1, 1, 2, true},
        {"KPPKPP", 8, 5, 5, 2, 6, true},
        /* a frame that is begun is finished first */
        {"KPPKPP", 1, 6, 5, 0, 0, false},
        {"KPPKPP", 3, 6, 5, 0, 1, false},
        /* the next lap's frame is another one, also where its timestamp is the same */
        {"K", 2, 3, 5, 1, 2, false},
        {"K", 1, 3, 5, 0, 0, false},
        {"KP", 2, 2, 9, 1, 2, false},
        /* a stream without keyframes: each frame stands alone */
        {"PPPPPP", 0, 3, 5, 3, 3, false},
        {"PPPPPP", 0, 6, 5, 6, 6, false},
        {"PPPPPP", 1, 6, 5, 0, 0, false},
        {"P", 0, 3, 5, 3, 3, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct media *media = lap_of(rows[i].lap, i % 2 == 0);
        struct publisher_queue queue;
        publisher_queue_begin(&queue, media, NS_PER_S);
        for (uint32_t k = 0; k < rows[i].written; k++)
            publisher_queue_advance(&queue, media, 0);
        /* a frame is stale when it was due before the moment, not at it */
        uint32_t dropped = publisher_queue_shed(&queue, media, 0, NS_PER_S + rows[i].now * FRAME_NS,
                                                NS_PER_S + rows[i].stale * FRAME_NS);
        if (dropped != rows[i].dropped * PACKETS || frame_at(&queue, media, 0) != rows[i].next ||
            queue.places[0].broken != rows[i].broken)
            fail_msg("row %zu: %u packets dropped, next is frame %u", i, dropped,
                     frame_at(&queue, media, 0));
        assert_int_equal(publisher_queue_track_due_ns(&queue, 0),
                         NS_PER_S + rows[i].next * FRAME_NS);
        assert_int_equal(queue.places[1].at.lap + queue.places[1].begun, 0); /* not touched */
        media_free(media);
    }
}

/* What depends on a dropped picture goes as it comes due, though nothing is late any more. */
static void test_broken(void **state)
{
    struct media *media = lap_of("KPPPKP", false);
    struct publisher_queue queue;
    publisher_queue_begin(&queue, media, 0);
    publisher_queue_advance(&queue, media, 0);
    publisher_queue_advance(&queue, media, 0);
    assert_int_equal(publisher_queue_shed(&queue, media, 0, FRAME_NS, FRAME_NS + 1), PACKETS);
    assert_int_equal(publisher_queue_shed(&queue, media, 0, 2 * FRAME_NS - 1, 0), 0);
    assert_int_equal(publisher_queue_shed(&queue, media, 0, 2 * FRAME_NS, 0), PACKETS);
    assert_int_equal(publisher_queue_shed(&queue, media, 0, 5 * FRAME_NS, 0), PACKETS);
    assert_int_equal(frame_at(&queue, media, 0), 4);
    publisher_queue_advance(&queue, media, 0);
    publisher_queue_advance(&queue, media, 0);
    assert_int_equal(publisher_queue_shed(&queue, media, 0, 5 * FRAME_NS, 0), 0);
    assert_int_equal(frame_at(&queue, media, 0), 5);
    media_free(media);
}

/* Sound goes by units, and its lateness is its own. */
static void test_sound(void **state)
{
    struct media *media = lap_of("KPPPPP", true);
    struct publisher_queue queue;
    publisher_queue_begin(&queue, media, 0);
    assert_int_equal(publisher_queue_shed(&queue, media, 1, 10 * FRAME_NS, 3 * FRAME_NS), 3);
    assert_int_equal(queue.places[1].at.due_ns, 3 * FRAME_NS + FRAME_NS / 2);
    assert_false(queue.places[1].broken);
    assert_int_equal(queue.places[0].at.due_ns, 0);
    assert_int_equal(publisher_queue_next(&queue), 0);
    media_free(media);
}

/* Both tracks in the order of their due times, over the ends of laps. */
static void test_order(void **state)
{
    struct media *media = lap_of("KP", true);
    struct publisher_queue queue;
    publisher_queue_begin(&queue, media, NS_PER_S);
    for (uint32_t i = 0; i < 100; i++) {
        unsigned sound = i % 3 == 2;
        assert_int_equal(publisher_queue_next(&queue), sound);
        assert_int_equal(publisher_queue_due_ns(&queue),
                         NS_PER_S + i / 3 * FRAME_NS + sound * FRAME_NS / 2);
        assert_int_equal(queue.places[sound].begun, i % 3 == 1);
        publisher_queue_advance(&queue, media, sound);
    }
    media_free(media);
}

/* All that is due, and no more; a track without packets never is. */
static void test_clear(void **state)
{
    struct media *media = lap_of("KP", false);
    struct publisher_queue queue;
    media->track_count = 2;
    publisher_queue_begin(&queue, media, 0);
    publisher_queue_advance(&queue, media, 0);
    assert_int_equal(publisher_queue_clear(&queue, media, 0, 5 * FRAME_NS), 6 * PACKETS - 1);
    assert_int_equal(publisher_queue_clear(&queue, media, 0, 5 * FRAME_NS), 0);
    assert_int_equal(publisher_queue_clear(&queue, media, 1, 1000 * NS_PER_S), 0);
    assert_int_equal(frame_at(&queue, media, 0), 6);
    media_free(media);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_video), cmocka_unit_test(test_broken), cmocka_unit_test(test_sound),
        cmocka_unit_test(test_order), cmocka_unit_test(test_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
