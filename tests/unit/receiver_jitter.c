/* The jitter of frames: RFC 3550's, in the order of timestamps and of decoding. */
#include "receiver_rig.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"

/* Jitter against RFC 3550, A.8, in floating point, in seconds. */
static void jitter_is_the_rfcs(void **state)
{
    (void)state;
    static const struct {
        uint32_t clock_rate, ticks, spread_us;
    } rows[] = {
        {90000, 3600, 0},   {90000, 3600, 5000}, {90000, 3003, 40000},   {8000, 160, 3000},
        {48000, 1024, 900}, {1000, 40, 200000},  {90000, 3600, 8000000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct receiver receiver = {.clock_rate = rows[i].clock_rate};
        struct rng rng = rng_init(7, i, 0);
        double jitter = 0, before_s = 0;
        uint32_t timestamp = UINT32_MAX - 50 * rows[i].ticks; /* wraps on the way */
        for (uint32_t n = 0; n < 2000; n++) {
            uint64_t media_ns = (uint64_t)n * rows[i].ticks * NS_PER_S / rows[i].clock_rate;
            uint64_t late_us = rows[i].spread_us ? rng_below(&rng, rows[i].spread_us) : 0;
            uint64_t at_ns = 5 * NS_PER_S + media_ns + late_us * NS_PER_US;
            double at_s = (double)at_ns / 1e9;
            double d = at_s - before_s - (double)rows[i].ticks / rows[i].clock_rate;
            bool renewed = receiver_on_frame(&receiver, timestamp + n * rows[i].ticks, at_ns);
            assert_int_equal(renewed, n > 0);
            if (n > 0)
                jitter += (fabs(d) - jitter) / 16;
            before_s = at_s;
            assert_true(fabs(receiver.jitter_ns / 1e9 - jitter) < 1e-7);
        }
        uint32_t reported = receiver_report(&receiver, 0).jitter;
        assert_true(fabs(reported - jitter * rows[i].clock_rate) <= 1.01);
    }
}

static void frames_begin_with_a_newer_timestamp(void **state)
{
    (void)state;
    struct receiver receiver = {.clock_rate = 90000};
    const uint64_t frame_ns = 40 * NS_PER_MS;
    assert_false(receiver_on_frame(&receiver, 0, 0));
    assert_false(receiver_on_frame(&receiver, 0, NS_PER_MS));
    assert_true(receiver_on_frame(&receiver, 10800, 3 * frame_ns));
    assert_int_equal(receiver.jitter_ns, 0);
    assert_false(receiver_on_frame(&receiver, 3600, 4 * frame_ns)); /* B-frames */
    assert_false(receiver_on_frame(&receiver, 7200, 5 * frame_ns));
    assert_true(receiver_on_frame(&receiver, 21600, 6 * frame_ns));
    assert_int_equal(receiver.jitter_ns, 0);
}

/* In the order of decoding, by the places in the order of showing: first what the stream begins
   with, then a group that repeats. */
static const struct reordering {
    unsigned head_len, head[4], group_len, group[8];
    unsigned newest; /* frames of a group that are newer than all before */
} reorderings[] = {
    {1, {0}, 3, {3, 1, 2}, 1},
    {1, {0}, 4, {4, 1, 2, 3}, 1},
    {1, {0}, 4, {4, 2, 1, 3}, 1},
    {1, {0}, 8, {8, 4, 2, 1, 3, 6, 5, 7}, 1},
    {1, {0}, 8, {8, 4, 2, 6, 1, 3, 5, 7}, 1},
    {3, {2, 0, 1}, 3, {5, 3, 4}, 1}, /* an open GOP with leading pictures */
    {2, {0, 1}, 3, {4, 2, 3}, 1},    /* joined among B-frames */
    {2, {0, 1}, 5, {2, 3, 6, 4, 5}, 3},
};

static uint32_t place_of(const struct reordering *order, uint32_t i)
{
    if (i < order->head_len)
        return order->head[i];
    uint32_t k = i - order->head_len;
    return k / order->group_len * order->group_len + order->group[k % order->group_len];
}

/* 1,000 frames, 40 ms apart but for those late; every so many the newest of a group is lost.
   Returns how often jitter was renewed. */
static unsigned play_reordered(struct world *world, const struct reordering *order,
                               uint32_t late_each, uint32_t lost_each, uint32_t *worst_ns)
{
    unsigned renewed = 0;
    receiver_set_clock(&world->receiver, 90000, true);
    *worst_ns = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t k = i >= order->head_len ? (i - order->head_len) / order->group_len : 0;
        bool first = i >= order->head_len && (i - order->head_len) % order->group_len == 0;
        uint64_t late_ns = late_each > 0 && first && k % late_each == 10 ? 16 * NS_PER_MS : 0;
        if (lost_each > 0 && first && k % lost_each == 10)
            continue;
        uint64_t at_ns = NS_PER_S + i * 40 * NS_PER_MS + late_ns;
        give(world, i);
        renewed += receiver_on_frame(&world->receiver, place_of(order, i) * 3600 - 90000, at_ns);
        if (world->receiver.jitter_ns > *worst_ns)
            *worst_ns = world->receiver.jitter_ns;
    }
    return renewed;
}

/* At a perfect pace there is no jitter, from the first frame on. One frame that is 16 ms late adds
   a sixteenth of it, and its successor another. */
static void reordered_frames_have_no_jitter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(reorderings) / sizeof(reorderings[0]); i++) {
        const struct reordering *order = &reorderings[i];
        struct world world = world_make(1);
        uint32_t worst_ns;
        unsigned renewed = play_reordered(&world, order, 0, 0, &worst_ns);
        assert_int_equal(worst_ns, 0);
        assert_in_range(renewed, 1000 / order->group_len * order->newest - 8,
                        1000 / order->group_len * order->newest + 1);
        world_end(&world);
        world = world_make(1);
        play_reordered(&world, order, 1000, 0, &worst_ns);
        assert_int_equal(worst_ns, NS_PER_MS + (16 * NS_PER_MS - NS_PER_MS) / 16);
        world_end(&world);
    }
}

/* Of a group whose newest frame is lost the others pass for newest ones, but for no jitter. */
static void lost_reordered_frames_make_no_jitter(void **state)
{
    (void)state;
    for (size_t i = 0; i < 7; i++) {
        struct world world = world_make(1);
        uint32_t worst_ns;
        unsigned renewed = play_reordered(&world, &reorderings[i], 0, 25, &worst_ns);
        assert_int_equal(worst_ns, 0);
        assert_in_range(renewed, 1000 / reorderings[i].group_len * 3 / 4, 1000);
        world_end(&world);
    }
}

/* Where frames might be reordered and are not, all counts as elsewhere, with the frame behind; the
   last one's when it is asked for. */
static void samples_wait_for_the_next_frame(void **state)
{
    (void)state;
    struct receiver waits = {0}, counts = {0};
    struct rng rng = rng_init(11, 1, 0);
    receiver_set_clock(&waits, 90000, true);
    receiver_set_clock(&counts, 90000, false);
    for (uint32_t n = 0; n < 500; n++) {
        uint64_t at_ns = NS_PER_S + n * 40 * NS_PER_MS + rng_below(&rng, 20) * NS_PER_MS;
        uint32_t before_ns = counts.jitter_ns;
        assert_int_equal(receiver_on_frame(&waits, n * 3600, at_ns), n > 1);
        assert_int_equal(receiver_on_frame(&counts, n * 3600, at_ns), n > 0);
        assert_int_equal(waits.jitter_ns, before_ns);
    }
    assert_true(receiver_last_frame(&waits));
    assert_false(receiver_last_frame(&waits));
    assert_false(receiver_last_frame(&counts));
    assert_int_equal(waits.jitter_ns, counts.jitter_ns);
}

static void without_a_clock_there_is_no_jitter(void **state)
{
    (void)state;
    struct receiver receiver = {0};
    for (uint32_t n = 0; n < 10; n++)
        assert_false(receiver_on_frame(&receiver, n * 3600, n * n * NS_PER_MS));
    assert_int_equal(receiver.jitter_ns, 0);
    assert_int_equal(receiver_report(&receiver, 0).jitter, 0);
}

/* A timestamp far off is a new beginning, in either direction: not jitter, and not the end of it.
 */
static void timestamps_may_jump(void **state)
{
    (void)state;
    static const uint32_t jumps[] = {
        0x80000000u, 0x7fffffffu, 0xc0000000u, 0x40000000u, (uint32_t)-900001, 11 * 90000,
    };
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct receiver receiver = {.clock_rate = 90000};
        uint64_t at_ns = NS_PER_S;
        assert_false(receiver_on_frame(&receiver, 77, at_ns));
        assert_true(receiver_on_frame(&receiver, 77 + 3600, at_ns += 40 * NS_PER_MS));
        assert_false(receiver_on_frame(&receiver, 77 + 3600 + jumps[i], at_ns += 40 * NS_PER_MS));
        assert_int_equal(receiver.jitter_ns, 0);
        assert_true(receiver_on_frame(&receiver, 77 + 7200 + jumps[i], at_ns += 56 * NS_PER_MS));
        assert_int_equal(receiver.jitter_ns, NS_PER_MS); /* 16 ms late, a sixteenth of it */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jitter_is_the_rfcs),
        cmocka_unit_test(frames_begin_with_a_newer_timestamp),
        cmocka_unit_test(reordered_frames_have_no_jitter),
        cmocka_unit_test(lost_reordered_frames_make_no_jitter),
        cmocka_unit_test(samples_wait_for_the_next_frame),
        cmocka_unit_test(without_a_clock_there_is_no_jitter),
        cmocka_unit_test(timestamps_may_jump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
