/* timing_rig.h - units as a container tells them, laid out, and checks of 100 laps of them. */
#pragma once

#include "test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "media/timing.h"

#define LAPS 100u
#define UNITS_MAX 4096u
#define FRAME 3600 /* of 25 a second, at 90 kHz */
#define NONE TIMING_NONE
#define HOUR INT64_C(3600)

struct rig {
    struct timing timing;
    struct timing_unit units[UNITS_MAX];
    struct media media;
};

static inline struct rig *rig_new(void)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    rig->timing.units = rig->units;
    return rig;
}

static inline void rig_free(struct rig *rig)
{
    free(rig->media.packets);
    free(rig);
}

static inline unsigned add_track(struct rig *rig, bool video, uint32_t rate)
{
    unsigned track = rig->timing.track_count++;
    rig->timing.tracks[track] = (struct timing_track){
        .video = video, .rate = rate, .jitter = 2, .frames = 25, .frames_s = 1};
    rig->media.tracks[track].clock_rate = rate;
    rig->media.track_count++;
    return track;
}

static inline struct timing_unit *add(struct rig *rig, unsigned track, int64_t pts, int64_t dts)
{
    assert_true(rig->timing.count < UNITS_MAX);
    struct timing_unit *unit = &rig->units[rig->timing.count++];
    *unit = (struct timing_unit){.track = (uint8_t)track, .pts = pts, .dts = dts};
    return unit;
}

/* Pictures without reordering, a keyframe each 25. */
static inline void add_pictures(struct rig *rig, uint32_t count, int64_t from)
{
    unsigned track = add_track(rig, true, 90000);
    for (uint32_t i = 0; i < count; i++)
        add(rig, track, from + i * FRAME, from + i * FRAME)->key = i % 25 == 0;
}

/* I0 P3 B1 B2 P6 B4 B5 ...: each B-frame is decoded after the P-frame behind it. */
static inline uint32_t shown_as(uint32_t i)
{
    return i == 0 ? 0 : i % 3 == 1 ? i + 2 : i - 1;
}

static inline void add_sound(struct rig *rig, uint32_t rate, uint32_t unit, uint32_t count,
                             int64_t from)
{
    unsigned track = add_track(rig, false, rate);
    for (uint32_t i = 0; i < count; i++)
        add(rig, track, from + (int64_t)i * unit, NONE)->duration = unit;
}

static inline void pack(struct rig *rig)
{
    for (size_t i = 0; i < rig->timing.count; i++) {
        struct media_packet at[2];
        unsigned times = timing_packets(&rig->timing, &rig->units[i], at);
        for (unsigned n = 0; n < times; n++) {
            at[n].payload_len = (uint16_t)i; /* to tell units by */
            assert_true(media_add(&rig->media, &at[n]));
        }
    }
    assert_true(media_finish(&rig->media));
}

static inline void lay_out(struct rig *rig)
{
    char error[100];
    struct text why = text_init(error, sizeof(error));
    assert_true(timing_lay_out(&rig->timing, &rig->media, &why));
    pack(rig);
}

static inline int by_size(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static inline int64_t delay_ticks(const struct rig *rig, uint32_t rate)
{
    return (int64_t)(rig->media.delay_ns * rate / NS_PER_S);
}

/* Pictures are shown at `shown` of every lap, a delay later. They are sent in the order of the
   file, one step of pictures or more apart, and before they are shown. */
static inline void check_pictures(const struct rig *rig, unsigned track, const int64_t *shown,
                                  uint32_t count, int64_t lap)
{
    const struct media *media = &rig->media;
    struct media_place place = media_seek(media, track, 0);
    int64_t *all = calloc((size_t)LAPS * count, sizeof(*all)), least = INT64_MAX, most = 0;
    assert_int_equal(media->tracks[track].packets, count);
    for (uint32_t i = 0; i < count; i++) {
        int64_t step = (i + 1 < count ? shown[i + 1] : shown[0] + lap) - shown[i];
        least = step < least ? step : least;
        most = step > most ? step : most;
    }
    uint64_t before_ns = 0;
    for (uint32_t n = 0; n < LAPS * count; n++) {
        all[n] = media_timestamp(media, place.lap, place.index);
        assert_int_equal(place.lap, n / count);
        assert_true((uint64_t)all[n] * NS_PER_S / 90000 + 1 >= place.due_ns);
        if (n == 0)
            assert_int_equal(place.due_ns, (uint64_t)shown[0] * NS_PER_S / 90000);
        else
            assert_in_range(place.due_ns - before_ns, (uint64_t)least * NS_PER_S / 90000 - 1,
                            (uint64_t)most * NS_PER_S / 90000 + 1);
        before_ns = place.due_ns;
        media_advance(media, &place);
    }
    qsort(all, (size_t)LAPS * count, sizeof(*all), by_size);
    for (uint32_t n = 0; n < LAPS * count; n++)
        assert_int_equal(all[n], n / count * lap + shown[n % count] + delay_ticks(rig, 90000));
    free(all);
}

static inline void check_constant(const struct rig *rig, uint32_t count)
{
    int64_t *shown = calloc(count, sizeof(*shown));
    for (uint32_t i = 0; i < count; i++)
        shown[i] = (int64_t)i * FRAME;
    check_pictures(rig, 0, shown, count, (int64_t)count * FRAME);
    free(shown);
}

/* The sound goes on unit by unit, is sent at its time, and is late by less than a unit where the
   file has unit i of a lap at i * unit. lap: of 90 kHz. */
static inline void check_sound(const struct rig *rig, unsigned track, uint32_t unit, int64_t lap)
{
    const struct media *media = &rig->media;
    struct media_place place = media_seek(media, track, 0);
    uint64_t rate = media->tracks[track].clock_rate;
    for (uint64_t n = 0; place.lap < LAPS; n++) {
        uint64_t ticks = n * unit, late = (uint64_t)delay_ticks(rig, (uint32_t)rate);
        uint64_t due_ns = (ticks + late) * NS_PER_S / rate;
        assert_int_equal(media_timestamp(media, place.lap, place.index), ticks + late);
        assert_in_range(place.due_ns, due_ns - (due_ns > 0), due_ns);
        uint64_t number = media->packets[place.index].number;
        uint64_t ideal = place.lap * (uint64_t)lap * rate + number * unit * 90000;
        assert_true(ticks * 90000 - ideal < UINT64_C(90000) * unit);
        media_advance(media, &place);
    }
}
