/* Times that a file lacks or that jump: a lap of them has no seam either. */
#include "timing_rig.h"

#include <stdio.h>

/* A sound steps back by 1.5 s on its own, and goes on without a seam; a unit that comes twice is
   left out. */
static void test_sound_steps_back(void **state)
{
    struct rig *rig = rig_new();
    add_pictures(rig, 100, 0);
    unsigned track = add_track(rig, false, 48000);
    for (int64_t i = 0; i < 189; i++) {
        int64_t at = (i <= 50 ? i : i - 1) * 1024;
        add(rig, track, i > 100 ? at - 72000 : at, NONE)->duration = 1024;
    }
    lay_out(rig);
    check_sound(rig, 1, 1024, 100 * FRAME);
    assert_int_equal(rig->media.packets[100 + 50].payload_len, 100 + 50);
    assert_int_equal(rig->media.packets[100 + 51].payload_len, 100 + 52);
    rig_free(rig);
}

/* B-frames: their pts with all dts, without the first ones, without any, and at an hour. */
static void test_reordered(void **state)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        struct rig *rig = rig_new();
        unsigned track = add_track(rig, true, 90000);
        int64_t start = kind == 3 ? HOUR * 90000 : 126000;
        for (uint32_t i = 0; i < 100; i++) {
            bool known = kind == 0 || kind == 3 || (kind == 1 && i >= 2);
            int64_t dts = known ? start + (int64_t)i * FRAME - 2 * FRAME : NONE;
            add(rig, track, start + (int64_t)shown_as(i) * FRAME, dts)->key = i == 0;
        }
        add_sound(rig, 48000, 1024, 188, start * 48 / 90);
        lay_out(rig);
        check_constant(rig, 100);
        check_sound(rig, 1, 1024, 100 * FRAME);
        assert_int_equal(rig->media.delay_ns, 40 * NS_PER_MS);
        assert_string_equal(rig->media.notes, "");
        rig_free(rig);
    }
}

/* A raw stream: only the order in which pictures are shown is known. */
static void test_no_times(void **state)
{
    struct rig *rig = rig_new();
    unsigned track = add_track(rig, true, 90000);
    for (uint32_t i = 0; i < 100; i++) {
        struct timing_unit *unit = add(rig, track, NONE, NONE);
        unit->order = shown_as(i) * 2;
        unit->key = i == 0;
    }
    lay_out(rig);
    check_constant(rig, 100);
    rig_free(rig);
}

/* The time jumps for both tracks, on and back, where tracks are a little apart in the file. */
static void test_jump(void **state)
{
    static const int64_t jumps_s[] = {3600, -3600, 20, -1};
    for (size_t j = 0; j < sizeof(jumps_s) / sizeof(jumps_s[0]); j++) {
        struct rig *rig = rig_new();
        unsigned video = add_track(rig, true, 90000), sound = add_track(rig, false, 48000);
        int64_t jump_s = jumps_s[j];
        for (uint32_t i = 0, units = 0; i < 100; i++) {
            int64_t by = 2 * HOUR + (i >= 50 ? jump_s : 0), dts = by * 90000 + (int64_t)i * FRAME;
            add(rig, video, by * 90000 + (int64_t)shown_as(i) * FRAME, dts)->key = i == 0;
            /* ten pictures behind */
            for (; i >= 10 && units * 1024 < (i - 10) * 1920; units++) {
                by = 2 * HOUR + (units * 1024 >= 50 * 1920 ? jump_s : 0);
                add(rig, sound, by * 48000 + units * 1024, NONE)->duration = 1024;
            }
            for (; i == 99 && units < 188; units++)
                add(rig, sound, by * 48000 + units * 1024, NONE)->duration = 1024;
        }
        lay_out(rig);
        check_constant(rig, 100);
        check_sound(rig, 1, 1024, 100 * FRAME);
        char note[100];
        snprintf(note, sizeof(note),
                 "its time jumps 1 time, first by %+d.000 s after 2.000 s: that is closed",
                 (int)jump_s);
        assert_string_equal(rig->media.notes, note);
        rig_free(rig);
    }
}

/* 300 pieces of five pictures, one behind the other, that each begin at 0. */
static void test_many_jumps(void **state)
{
    struct rig *rig = rig_new();
    unsigned video = add_track(rig, true, 90000);
    for (uint32_t i = 0; i < 1500; i++)
        add(rig, video, i % 5 * FRAME, i % 5 * FRAME)->key = i % 5 == 0;
    lay_out(rig);
    check_constant(rig, 1500);
    assert_memory_equal(rig->media.notes, "its time jumps 299 times, ", 26);
    rig_free(rig);
}

/* A picture that stays for 8 s while the sound goes on is no jump; nor is a gap of the sound. */
static void test_no_jump(void **state)
{
    struct rig *rig = rig_new();
    unsigned video = add_track(rig, true, 90000), sound = add_track(rig, false, 8000);
    for (int64_t i = 0; i < 20; i++) {
        int64_t pts = i * 9000 + (i >= 10 ? 8 * 90000 : 0);
        add(rig, video, pts, pts)->key = i == 0;
        for (int64_t n = 0; n < (i == 9 ? 405 : 5); n++) {
            int64_t at = (i * 5 + (i > 9 ? 400 : 0) + n) * 160;
            if (i < 15 || i >= 17)
                add(rig, sound, at, NONE)->duration = 160;
        }
    }
    lay_out(rig);
    assert_int_equal(rig->media.lap_ns, 10 * NS_PER_S);
    assert_int_equal(rig->media.tracks[1].packets, 490);
    assert_int_equal(rig->media.packets[20 + 489].timestamp, 499 * 160);
    assert_string_equal(rig->media.notes,
                        "its sound is 0.200 s shorter than its video: that is a gap in every lap");
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_steps_back), cmocka_unit_test(test_reordered),
        cmocka_unit_test(test_no_times),         cmocka_unit_test(test_jump),
        cmocka_unit_test(test_many_jumps),       cmocka_unit_test(test_no_jump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
