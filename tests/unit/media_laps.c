/* The iteration over laps: what is due when, and with which timestamp, for 100 laps and more. */
#include "test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "media/media.h"

#define LAPS 100u

/* Pictures of `frame` ticks of 90 kHz, and a sound of `unit` ticks that fills each lap. */
struct row {
    uint32_t frames, frame;
    uint32_t rate, unit;
    uint32_t late; /* of the sound's first unit, in its ticks: less than a unit */
};

static const struct row rows[] = {
    {100, 3600, 48000, 1024, 0},   /* 187.5 units a lap */
    {100, 3600, 48000, 1024, 700}, /* the last one may go on behind the lap's end */
    {100, 3600, 44100, 1024, 0},   /* 172.27 */
    {101, 3003, 48000, 1024, 0},   /* 30000/1001 a second: a lap of no whole number of ns */
    {7, 3600, 8000, 160, 0},       /* 14 units exactly: no grid */
    {1, 3600, 48000, 2048, 0},     /* less than a unit: laps without sound */
    {1, 90, 8000, 1024, 900},      /* a unit of 128 laps, which begins 112 laps late */
};

static uint32_t units_at_most(const struct row *row)
{
    uint64_t lap = (uint64_t)row->frames * row->frame * row->rate,
             unit = UINT64_C(90000) * row->unit;
    return (uint32_t)((lap + unit - 1) / unit);
}

static void add(struct media *media, uint8_t track, uint32_t i, uint32_t ticks, uint32_t late)
{
    struct media_packet packet = {
        .track = track & 1,
        .only_long = track == 1 && i == media->tracks[1].grid.units,
        .timestamp = late + i * ticks,
        .due_ns = (late + (uint64_t)i * ticks) * NS_PER_S / media->tracks[track].clock_rate,
    };
    assert_true(media_add(media, &packet));
}

static struct media *make(const struct row *row)
{
    struct media *media = calloc(1, sizeof(*media));
    uint32_t ticks = row->frames * row->frame, units = units_at_most(row);
    assert_non_null(media);
    media->joins = media->phases = 1;
    media->track_count = 2;
    media->tracks[0].clock_rate = 90000;
    media->tracks[0].lap_ticks = ticks;
    media->tracks[1].clock_rate = row->rate;
    media_set_lap(media, ticks, 90000);
    media_set_grid(&media->tracks[1], row->unit, ticks, 90000);
    for (uint32_t i = 0; i < units; i++) /* out of order, to be sorted */
        add(media, 1, units - 1 - i, row->unit, row->late);
    for (uint32_t i = 0; i < row->frames; i++)
        add(media, 0, i, row->frame, 0);
    assert_true(media_finish(media));
    return media;
}

/* Each picture follows the one before by a frame, and is due at its time. */
static void test_pictures(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct media *media = make(&rows[i]);
        struct media_place place = media_seek(media, 0, 0);
        for (uint64_t n = 0; n < LAPS * rows[i].frames; n++) {
            uint64_t ticks = n * rows[i].frame, due_ns = ticks * NS_PER_S / 90000;
            assert_int_equal(media_timestamp(media, place.lap, place.index), ticks);
            assert_in_range(place.due_ns, due_ns - (due_ns > 0), due_ns);
            assert_int_equal(media_ordinal(media, &place), n);
            media_advance(media, &place);
        }
        media_free(media);
    }
}

/* The sound has no hole and no overlap. Each lap's begins where its pictures do, or less than a
   unit later. */
static void test_sound(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct media *media = make(row);
        struct media_place place = media_seek(media, 1, 0);
        uint32_t laps = LAPS * 100;
        for (uint64_t n = 0; place.lap < laps; n++) {
            uint64_t ticks = row->late + n * row->unit, due_ns = ticks * NS_PER_S / row->rate;
            assert_int_equal(media_timestamp(media, place.lap, place.index), (uint32_t)ticks);
            assert_in_range(place.due_ns, due_ns - (due_ns > 0), due_ns);
            assert_int_equal(media_ordinal(media, &place), n);
            /* in units of 1 / (90000 * rate) s */
            uint64_t lap_at = (uint64_t)place.lap * row->frames * row->frame * row->rate;
            uint64_t number = media->packets[place.index].number;
            uint64_t content = (row->late + number * row->unit) * 90000;
            uint64_t late = ticks * 90000 - lap_at - content;
            assert_true(late < UINT64_C(90000) * row->unit);
            media_advance(media, &place);
        }
        media_free(media);
    }
}

/* Wherever a stream is looked into, that is where walking there leads. */
static void test_seek(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct media *media = make(&rows[i]);
        for (unsigned track = 0; track < 2; track++) {
            struct media_place walk = media_seek(media, track, 0);
            for (uint64_t at_ns = 0; at_ns < LAPS * media->lap_ns; at_ns += 1234567) {
                while (walk.due_ns < at_ns)
                    media_advance(media, &walk);
                struct media_place found = media_seek(media, track, at_ns);
                assert_int_equal(found.lap, walk.lap);
                assert_int_equal(found.index, walk.index);
                assert_int_equal(found.due_ns, walk.due_ns);
                found = media_seek(media, track, walk.due_ns);
                assert_int_equal(found.index, walk.index);
            }
        }
        media_free(media);
    }
}

/* A sound that is a unit short in long laps leaves it out there, and says so in its numbering. */
static void test_short_sound(void **state)
{
    struct row row = {100, 3600, 48000, 1024, 0};
    struct media *media = make(&row);
    media->tracks[1].packets--; /* 187 units, laps of 188 and 187 */
    struct media_place place = media_seek(media, 1, 0);
    for (uint64_t n = 0; place.lap < LAPS; n++) {
        uint64_t lap = n / 187, unit = lap * 375 / 2 + lap % 2 + n % 187;
        assert_int_equal(media_timestamp(media, place.lap, place.index), (uint32_t)(unit * 1024));
        assert_int_equal(media_ordinal(media, &place), n);
        media_advance(media, &place);
    }
    media_free(media);
}

/* A track without a packet is never due. */
static void test_empty_track(void **state)
{
    struct media media = {.lap_ns = NS_PER_S, .track_count = 1};
    assert_true(media_seek(&media, 0, 0).due_ns == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures),    cmocka_unit_test(test_sound),
        cmocka_unit_test(test_seek),        cmocka_unit_test(test_short_sound),
        cmocka_unit_test(test_empty_track),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
