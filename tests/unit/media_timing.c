/* Laps of files as containers tell their times: no seam in 100 laps. */
#include "timing_rig.h"

#include "base/rng.h"

/* 4 s, with more units of sound than needed, with as many as short laps need, and one between. */
static void test_sound_beside_pictures(void **state)
{
    static const struct {
        uint32_t rate, unit, units;
    } rows[] = {{48000, 1024, 189}, {48000, 1024, 188}, {48000, 1024, 187}, {44100, 1024, 174},
                {44100, 1024, 173}, {44100, 1024, 172}, {48000, 960, 200},  {8000, 160, 201}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new();
        add_pictures(rig, 100, 0);
        add_sound(rig, rows[i].rate, rows[i].unit, rows[i].units, 0);
        lay_out(rig);
        check_constant(rig, 100);
        check_sound(rig, 1, rows[i].unit, 100 * FRAME);
        assert_string_equal(rig->media.notes, "");
        assert_int_equal(rig->media.delay_ns, 0);
        rig_free(rig);
    }
}

/* 3.5 s of sound beside 4 s of pictures: a gap of 23 or 24 units in every lap, and the next lap's
   sound is in its place. */
static void test_shorter_sound(void **state)
{
    struct rig *rig = rig_new();
    add_pictures(rig, 100, 0);
    add_sound(rig, 48000, 1024, 164, 0);
    lay_out(rig);
    struct media_place place = media_seek(&rig->media, 1, 0);
    for (uint64_t n = 0; place.lap < LAPS; n++) {
        uint64_t lap = n / 164, unit = lap * 375 / 2 + lap % 2 + n % 164;
        assert_int_equal(media_timestamp(&rig->media, place.lap, place.index), unit * 1024);
        media_advance(&rig->media, &place);
    }
    assert_string_equal(
        rig->media.notes,
        "its sound is 0.491 s shorter than its video: that is a gap in every lap"); /* 23 units */
    rig_free(rig);
}

/* What the sound has beyond the pictures is cut off; what it has before them, too. */
static void test_longer_sound(void **state)
{
    struct rig *rig = rig_new();
    add_pictures(rig, 100, 2 * 90000);
    add_sound(rig, 48000, 1000, 400, 0);
    lay_out(rig);
    check_constant(rig, 100);
    check_sound(rig, 1, 1000, 100 * FRAME);
    assert_int_equal(rig->media.packets[rig->media.tracks[1].first].payload_len, 100 + 96);
    assert_string_equal(rig->media.notes,
                        "its sound is 2.333 s longer than its lap: its end is not sent");
    rig_free(rig);
}

/* A Matroska file rounds to milliseconds: 30000/1001 pictures a second are so again. */
static void test_rounded_times(void **state)
{
    struct rig *rig = rig_new();
    unsigned track = add_track(rig, true, 90000);
    int64_t shown[300];
    rig->timing.tracks[track].frames = 30000;
    rig->timing.tracks[track].frames_s = 1001;
    rig->timing.tracks[track].jitter = 91;
    for (int64_t i = 0; i < 300; i++) {
        shown[i] = i * 3003;
        int64_t ms = (shown[i] + 45) / 90;
        add(rig, track, 1000 * 90 + ms * 90, NONE)->key = i == 0;
    }
    unsigned sound = add_track(rig, false, 48000);
    rig->timing.tracks[sound].jitter = 49;
    for (int64_t i = 0; i < 470; i++)
        add(rig, sound, (999 + (i * 1024 + 24) / 48) * 48, NONE)->duration = 1024;
    lay_out(rig);
    check_pictures(rig, 0, shown, 300, 300 * 3003);
    assert_int_equal(rig->media.packets[300].payload_len, 300); /* though it is 1 ms early */
    check_sound(rig, 1, 1024, 300 * 3003);
    rig_free(rig);
}

/* Pictures of various durations, in the order in which they are shown and with B-frames; the last
   one is shown for as long as the file says, else for as long as the one before. */
static void test_variable(void **state)
{
    static const int64_t steps[] = {3600, 3600, 9000, 1800, 3003, 18000, 3600, 2700, 45000, 3600};
    for (unsigned kind = 0; kind < 4; kind++) {
        struct rig *rig = rig_new();
        unsigned track = add_track(rig, true, 90000);
        bool reordered = kind & 1, told = kind & 2;
        int64_t shown[100];
        shown[0] = 0;
        for (uint32_t i = 1; i < 100; i++)
            shown[i] = shown[i - 1] + steps[i % 10];
        for (uint32_t i = 0; i < 100; i++) {
            struct timing_unit *unit = add(rig, track, shown[reordered ? shown_as(i) : i], NONE);
            unit->key = i == 0;
            unit->duration = told && unit->pts == shown[99] ? 5400 : 0;
        }
        lay_out(rig);
        check_pictures(rig, 0, shown, 100, shown[99] + (told ? 5400 : 3600));
        rig_free(rig);
    }
}

/* The last picture stays for 5 s: the first ones don't come as much later than they are shown. */
static void test_picture_that_stays(void **state)
{
    struct rig *rig = rig_new();
    unsigned track = add_track(rig, true, 90000);
    for (uint32_t i = 0; i < 100; i++) {
        struct timing_unit *unit = add(rig, track, shown_as(i) * FRAME, NONE);
        unit->key = i == 0;
        unit->duration = shown_as(i) == 99 ? 5 * 90000 : FRAME;
    }
    lay_out(rig);
    assert_int_equal(rig->media.lap_ns, 99 * 40 * NS_PER_MS + 5 * NS_PER_S);
    assert_int_equal(rig->media.delay_ns, 40 * NS_PER_MS);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(rig->media.packets[i].due_ns, i * 40 * NS_PER_MS);
    rig_free(rig);
}

/* 25 hours, a picture a second: of sound more ticks than a timestamp has. */
static void test_long_sound(void **state)
{
    const uint32_t seconds = 90000, sounds = 100000, unit = 43200; /* of 0.9 s */
    struct rig *rig = rig_new();
    unsigned video = add_track(rig, true, 90000), sound = add_track(rig, false, 48000);
    struct timing_unit *units = calloc(seconds + sounds, sizeof(*units));
    assert_non_null(units);
    rig->timing.tracks[video].frames = 1;
    for (uint32_t i = 0; i < seconds; i++)
        units[i] = (struct timing_unit){.track = (uint8_t)video,
                                        .pts = i * INT64_C(90000),
                                        .dts = i * INT64_C(90000),
                                        .key = true};
    for (uint32_t i = 0; i < sounds; i++)
        units[seconds + i] = (struct timing_unit){
            .track = (uint8_t)sound, .pts = (int64_t)i * unit, .dts = NONE, .duration = unit};
    rig->timing.units = units;
    rig->timing.count = seconds + sounds;
    assert_true(timing_lay_out(&rig->timing, &rig->media, &(struct text){0}));
    uint32_t sent = 0;
    for (uint32_t i = 0; i < sounds; i++)
        sent += units[seconds + i].sent;
    assert_int_equal(sent, sounds);
    assert_int_equal(rig->media.lap_ns, 25 * HOUR * (int64_t)NS_PER_S);
    free(units);
    rig_free(rig);
}

/* A recording that begins between keyframes, and an open GOP's pictures that are shown before its
   keyframe; the sound begins with the keyframe, too. */
static void test_head(void **state)
{
    static const int64_t shown[] = {1, 3, 2, 6, 4, 5, 7, 8, 9, 10}; /* 6: the keyframe */
    struct rig *rig = rig_new();
    unsigned track = add_track(rig, true, 90000);
    for (uint32_t i = 0; i < 10; i++)
        add(rig, track, shown[i] * FRAME, NONE)->key = shown[i] == 6;
    add_sound(rig, 8000, 160, 20, FRAME * 8 / 90);
    lay_out(rig);
    check_constant(rig, 5);
    check_sound(rig, 1, 160, 5 * FRAME);
    assert_int_equal(rig->media.packets[5].payload_len, 10 + 10);
    assert_string_equal(rig->media.notes, "left out 5 pictures in front of the first keyframe");
    rig_free(rig);
}

/* An edit begins with picture 60: it is sent from the keyframe before, picture 50, on. */
static void test_edit(void **state)
{
    struct rig *rig = rig_new();
    add_pictures(rig, 150, -60 * FRAME);
    for (size_t i = 0; i < 60; i++)
        rig->units[i].hidden = true;
    lay_out(rig);
    check_constant(rig, 100);
    assert_int_equal(rig->media.packets[0].payload_len, 50);
    assert_string_equal(rig->media.notes, "an edit of it begins between two keyframes: it is sent "
                                          "from the keyframe before that");
    rig_free(rig);
}

/* Of two videos the longer one says how long a lap is; they stay in step, though only one has
   B-frames. */
static void test_two_videos(void **state)
{
    struct rig *rig = rig_new();
    add_pictures(rig, 97, 0);
    unsigned track = add_track(rig, true, 90000);
    for (uint32_t i = 0; i < 100; i++)
        add(rig, track, (int64_t)shown_as(i) * FRAME, NONE)->key = i == 0;
    lay_out(rig);
    assert_int_equal(rig->media.lap_ns, 4 * NS_PER_S);
    for (uint32_t i = 0; i < 97; i++) {
        assert_int_equal(rig->media.packets[i].timestamp, (i + 1) * FRAME);
        assert_int_equal(rig->media.packets[i].due_ns, (i + 1) * 40 * NS_PER_MS);
    }
    assert_int_equal(rig->media.packets[97].due_ns, 0);
    assert_int_equal(rig->media.packets[97].timestamp, FRAME);
    assert_int_equal(rig->media.tracks[0].lap_ticks, 100 * FRAME);
    assert_string_equal(
        rig->media.notes,
        "its other video is 0.120 s shorter than its video: that is a gap in every lap");
    rig_free(rig);
}

/* A second video without keyframes, of which some are shown before the first one begins. */
static void test_video_without_keyframes(void **state)
{
    struct rig *rig = rig_new();
    add_pictures(rig, 50, 5 * FRAME);
    unsigned track = add_track(rig, true, 90000);
    for (uint32_t i = 0; i < 55; i++)
        add(rig, track, i * FRAME, i * FRAME);
    lay_out(rig);
    assert_int_equal(rig->media.lap_ns, 2 * NS_PER_S);
    assert_int_equal(rig->media.tracks[0].packets, 50);
    assert_int_equal(rig->media.tracks[1].packets, 50);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(rig->media.packets[i].due_ns, i % 50 * 40 * NS_PER_MS);
    rig_free(rig);
}

/* Sound alone: a lap is as long as it is, to the sample; of two, as the longer one. */
static void test_sound_alone(void **state)
{
    struct rig *rig = rig_new();
    add_sound(rig, 8000, 160, 100, HOUR * 8000);
    rig->units[99].duration = 50;
    rig->units[0].hidden = true;
    lay_out(rig);
    assert_int_equal(rig->media.lap_ns, (98 * 160 + 50) * NS_PER_S / 8000);
    assert_int_equal(rig->media.tracks[0].lap_ticks, 98 * 160 + 50);
    assert_int_equal(rig->media.packets[0].payload_len, 1);
    rig_free(rig);
    rig = rig_new();
    add_sound(rig, 8000, 160, 99, 0);
    add_sound(rig, 48000, 960, 100, 0);
    lay_out(rig);
    assert_int_equal(rig->media.lap_ns, 2 * NS_PER_S);
    assert_string_equal(
        rig->media.notes,
        "its sound is 0.020 s shorter than the longest sound: that is a gap in every lap");
    rig_free(rig);
}

/* Opus may have packets of several lengths. */
static void test_units_of_several_lengths(void **state)
{
    struct rig *rig = rig_new();
    add_pictures(rig, 25, 0);
    unsigned track = add_track(rig, false, 48000);
    for (int64_t at = 0, i = 0; at < 48000; at += i % 2 ? 480 : 960, i++)
        add(rig, track, at, NONE)->duration = i % 2 ? 960 : 480;
    for (size_t i = 25; i < rig->timing.count; i++)
        rig->units[i].pts = i == 25 ? 0 : rig->units[i - 1].pts + rig->units[i - 1].duration;
    lay_out(rig);
    struct media_place place = media_seek(&rig->media, 1, 0);
    uint32_t next = 0;
    while (place.lap < LAPS) {
        assert_int_equal(media_timestamp(&rig->media, place.lap, place.index), next);
        next += rig->units[rig->media.packets[place.index].payload_len].duration;
        media_advance(&rig->media, &place);
        if (media_timestamp(&rig->media, place.lap, place.index) % 48000 == 0)
            next = place.lap * 48000; /* what doesn't fit into a lap is left out */
    }
    rig_free(rig);
}

static int64_t random_time(struct rng *rng, int64_t last)
{
    static const int64_t steps[] = {3600,  0,       -3600,   1,
                                    90000, -200000, 3000000, -(INT64_C(1) << 40)};
    uint64_t kind = rng_below(rng, 40);
    return kind == 39 ? NONE : last + steps[kind < 8 ? kind : 0];
}

static void check_order(const struct media *media, unsigned track)
{
    struct media_place place = media_seek(media, track, 0), before = place;
    if (place.due_ns == UINT64_MAX)
        return;
    for (unsigned n = 0; n < 500; n++, before = place) {
        assert_int_equal(media_ordinal(media, &place), n);
        media_advance(media, &place);
        assert_true(place.due_ns >= before.due_ns);
        uint32_t on = media_timestamp(media, place.lap, place.index) -
                      media_timestamp(media, before.lap, before.index);
        bool wraps = media->lap_ns > 40000 * NS_PER_S;
        assert_true((int32_t)on > 0 || wraps || media->tracks[track].clock_rate == 90000);
    }
}

/* Whatever times a file has: nothing is due before what was sent, and sound goes on. */
static void test_any_times(void **state)
{
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct rig *rig = rig_new();
        struct rng rng = rng_init(seed, 0, 0);
        char error[100];
        struct text why = text_init(error, sizeof(error));
        int64_t last[2] = {0, 0};
        add_track(rig, seed % 3 > 0, 90000);
        add_track(rig, false, 48000);
        for (uint64_t i = 1 + rng_below(&rng, 80); i > 0; i--) {
            unsigned track = rng_below(&rng, 2) == 1;
            int64_t pts = random_time(&rng, last[track]);
            int64_t dts = random_time(&rng, last[track]);
            struct timing_unit *unit = add(rig, track, pts, track == 0 ? dts : NONE);
            last[track] = pts == NONE ? last[track] : pts;
            unit->key = rng_below(&rng, 9) == 0;
            unit->hidden = rng_below(&rng, 9) == 0;
            unit->duration =
                rig->timing.tracks[track].video ? 0 : 960 * (1 + (uint32_t)rng_below(&rng, 2));
        }
        if (timing_lay_out(&rig->timing, &rig->media, &why)) {
            pack(rig);
            for (unsigned i = 0; i < 2; i++)
                check_order(&rig->media, i);
        } else {
            assert_true(why.len > 0);
        }
        rig_free(rig);
    }
}

static void test_nothing(void **state)
{
    char error[100];
    struct text why = text_init(error, sizeof(error));
    struct rig *rig = rig_new();
    add_track(rig, true, 90000);
    assert_false(timing_lay_out(&rig->timing, &rig->media, &why));
    assert_string_equal(text_string(&why), "it is shorter than a millisecond");
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_beside_pictures),
        cmocka_unit_test(test_shorter_sound),
        cmocka_unit_test(test_longer_sound),
        cmocka_unit_test(test_rounded_times),
        cmocka_unit_test(test_variable),
        cmocka_unit_test(test_picture_that_stays),
        cmocka_unit_test(test_long_sound),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_edit),
        cmocka_unit_test(test_two_videos),
        cmocka_unit_test(test_video_without_keyframes),
        cmocka_unit_test(test_sound_alone),
        cmocka_unit_test(test_units_of_several_lengths),
        cmocka_unit_test(test_any_times),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
