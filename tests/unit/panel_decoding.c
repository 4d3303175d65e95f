#include "panel_rig.h"

#define FRAME_MS 40
#define NET_MS 5
#define FRAMES 500u
#define TICKS 3600u

/* The order in which frames come, by their places in the order in which they are shown: first what
   the stream begins with, then a group that repeats. delay: how many frames an encoder has to hold
   back, the greatest of (frames that came before) - (place) over all frames. */
static const struct pattern {
    const char *name;
    unsigned head_len, head[4], group_len, group[16];
    unsigned delay;
} patterns[] = {
    {"none", 1, {0}, 1, {1}, 0},
    {"IbbP", 1, {0}, 3, {3, 1, 2}, 1},
    {"IbbbP", 1, {0}, 4, {4, 1, 2, 3}, 1},
    {"a pyramid of three", 1, {0}, 4, {4, 2, 1, 3}, 2},
    {"a pyramid of seven", 1, {0}, 8, {8, 4, 2, 1, 3, 6, 5, 7}, 3},
    {"level by level", 1, {0}, 8, {8, 4, 2, 6, 1, 3, 5, 7}, 4},
    {"open GOP with leading pictures", 3, {2, 0, 1}, 3, {5, 3, 4}, 1},
    {"joined among B-frames", 2, {0, 1}, 3, {4, 2, 3}, 1},
};
#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static uint32_t place(const struct pattern *pattern, uint32_t i)
{
    if (i < pattern->head_len)
        return pattern->head[i];
    uint32_t group = (i - pattern->head_len) / pattern->group_len;
    return group * pattern->group_len +
           pattern->group[(i - pattern->head_len) % pattern->group_len];
}

/* Sent at its decoding time, which runs at 25 a second and behind which all is shown by the delay.
 */
static uint64_t sent_ns(uint32_t i)
{
    return T0 + i * FRAME_MS * MS;
}

static const struct flaw {
    uint32_t every, at;           /* one frame in so many is lost; 0: none */
    uint32_t jump_at, jump_ticks; /* RTP time jumps there, and new reports tell so */
} sound = {0};

/* Timestamp 0 is captured at T0: what has the decoding time of now was captured `delay` frames ago.
 */
static void report(struct panel_session *session, uint32_t video_zero, uint32_t audio_zero)
{
    uint64_t ntp = rtcp_ntp_from_ns(T0 + UNIX_MINUS_MONOTONIC);
    panel_on_sender_report(session, 0, ntp, video_zero);
    panel_on_sender_report(session, 1, ntp, audio_zero);
}

static void play(struct panel_session *session, const struct pattern *pattern,
                 const struct flaw *flaw)
{
    uint32_t zero = 0xffff8000; /* the timestamps wrap */
    uint32_t sequence = 0;
    report(session, zero, 0);
    for (uint32_t i = 0; i < FRAMES; i++, sequence++) {
        uint64_t at = sent_ns(i) + NET_MS * MS;
        if (flaw->jump_at > 0 && i == flaw->jump_at) {
            zero += flaw->jump_ticks;
            report(session, zero, 0);
        }
        if (flaw->every > 0 && i % flaw->every == flaw->at)
            continue;
        if (flaw->every > 0 && i > 0 && (i - 1) % flaw->every == flaw->at)
            panel_on_gap(&shard, session, 0, sequence - 1, 1, at);
        pass(session, video(sequence, zero + place(pattern, i) * TICKS, at));
        if (i >= pattern->delay)
            pass(session, audio(i, (i - pattern->delay) * 1920, at));
        if (i % 25 == 24)
            panel_on_second(&shard, session, at);
    }
}

static void expect_exact(const char *name, enum metric which, uint64_t value, uint64_t at_least)
{
    const struct histogram *got = metric(which);
    if (got->count < at_least || got->min != value || got->max != value)
        fail_msg("%s: metric %d: %u of %u, %u to %u", name, (int)which, (unsigned)got->count,
                 (unsigned)at_least, (unsigned)got->min, (unsigned)got->max);
}

/* At a perfect pace sound and picture are in step, frames are as old as the encoder had to hold
   them, and a player has nothing to wait for. */
static void test_a_perfect_pace(void **state)
{
    for (size_t row = 0; row < PATTERNS; row++) {
        const struct pattern *pattern = &patterns[row];
        struct panel_session *session = begin();
        struct panel_track_info info;
        uint64_t latency_us = (pattern->delay * FRAME_MS + NET_MS) * 1000;
        play(session, pattern, &sound);
        expect_exact(pattern->name, METRIC_PANEL_LATENCY, latency_us,
                     (FRAMES - 20) / pattern->group_len);
        expect_exact(pattern->name, METRIC_PANEL_SKEW, 0, FRAMES / 25);
        expect_exact(pattern->name, METRIC_PANEL_PACE, 1000, 1);
        assert_true(panel_track_info(session, 0, &info));
        assert_int_equal(info.lag_us, 0);
        assert_true(info.frame_rate > 24.999 && info.frame_rate < 25.001);
        panel_session_end(&shard, session, sent_ns(FRAMES) + NET_MS * MS);
        assert_int_equal(stats->panel.stalls + stats->panel.freezes, 0);
        assert_int_equal(stats->panel.frames_complete, FRAMES);
        if (pattern->delay == 0)
            assert_int_equal(metric(METRIC_PANEL_LATENCY)->count, FRAMES);
    }
}

/* What the frames that are left seem to lead by means nothing until it is known which are missing.
 */
static void test_loss(void **state)
{
    for (size_t row = 0; row < PATTERNS; row++) {
        for (uint32_t at = 3; at < 20; at++) {
            const struct flaw flaw = {.every = 41, .at = at};
            const struct pattern *pattern = &patterns[row];
            struct panel_session *session = begin();
            uint64_t latency_us = (pattern->delay * FRAME_MS + NET_MS) * 1000;
            play(session, pattern, &flaw);
            if (at < 12) /* the first loss may hide how deep it is */
                continue;
            expect_exact(pattern->name, METRIC_PANEL_LATENCY, latency_us, 20);
            expect_exact(pattern->name, METRIC_PANEL_SKEW, 0, FRAMES / 25 - 2);
        }
    }
}

static void test_a_jump(void **state)
{
    static const uint32_t jumps[] = {11 * 90000, (uint32_t)-11 * 90000, 0x80000000, 1000 * 90000};
    for (size_t row = 0; row < PATTERNS * 4; row++) {
        const struct pattern *pattern = &patterns[row / 4];
        const struct flaw flaw = {.jump_at = pattern->head_len + 24 * pattern->group_len,
                                  .jump_ticks = jumps[row % 4]};
        struct panel_session *session = begin();
        uint64_t latency_us = (pattern->delay * FRAME_MS + NET_MS) * 1000;
        play(session, pattern, &flaw);
        expect_exact(pattern->name, METRIC_PANEL_LATENCY, latency_us,
                     (FRAMES - 60) / pattern->group_len);
    }
}

/* A clock that was set back by 200 ms once makes no stream that is reordered: after 2,000 frames
   all is as before. */
static void test_a_step_back_is_forgotten(void **state)
{
    struct panel_decoding decoding = {0};
    struct panel_decoding_frame got = {0};
    for (uint32_t i = 0; i < 100; i++)
        got = panel_decoding_on_frame(&decoding, i * TICKS, 90000, false);
    assert_true(got.is_least && !got.anew && got.due == 99 * TICKS);
    got = panel_decoding_on_frame(&decoding, 95 * TICKS - 1, 90000, false);
    assert_true(got.anew);
    for (uint32_t i = 0; i < 2100; i++)
        got = panel_decoding_on_frame(&decoding, (95 + i) * TICKS, 90000, false);
    assert_true(got.is_least);
    assert_int_equal(got.due, (95 + 2099) * TICKS);
}

/* Back by more than the window: a source that began again, however little that is in time. */
static void test_a_window_back_is_a_jump(void **state)
{
    struct panel_decoding decoding = {0};
    for (uint32_t i = 0; i < 100; i++)
        panel_decoding_on_frame(&decoding, i * TICKS, 90000, false);
    for (uint32_t i = 0; i < 100; i++) {
        struct panel_decoding_frame got =
            panel_decoding_on_frame(&decoding, i * TICKS, i % 2 ? 90000 : 0, false);
        assert_true(got.is_known && got.is_least && got.due == i * TICKS);
    }
}

/* The greatest depth that H.264 has, and then one frame that is behind all. */
static void test_the_greatest_depth(void **state)
{
    struct panel_decoding decoding = {0};
    struct panel_decoding_frame got = {0};
    for (uint32_t i = 17; i > 0; i--)
        got = panel_decoding_on_frame(&decoding, i * TICKS, 0, false);
    assert_int_equal(decoding.depth, 16);
    assert_true(got.is_known && got.is_least && got.due == TICKS);
    got = panel_decoding_on_frame(&decoding, 0, 0, false);
    assert_int_equal(decoding.depth, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_perfect_pace),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_a_jump),
        cmocka_unit_test(test_a_step_back_is_forgotten),
        cmocka_unit_test(test_a_window_back_is_a_jump),
        cmocka_unit_test(test_the_greatest_depth),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
