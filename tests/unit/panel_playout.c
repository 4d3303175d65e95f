#include "panel_rig.h"

/* Frames at a rate; from frame `from` on they are `hold_ms` late (and come as a burst once that is
   over), or with skip, the camera saw nothing in that time. */
static const struct {
    const char *name;
    unsigned step_ms, frames, from, hold_ms;
    bool skip;
    unsigned freezes, freeze_ms, stalls, stall_ms;
} playout_rows[] = {
    {"smooth", 40, 200, 0, 0, false, 0, 0, 0, 0},
    /* The gap is the hold and the frame's own step. Below 40 + 150 ms it is no freeze. */
    {"a gap just too short", 40, 200, 100, 149, true, 0, 0, 0, 0},
    {"a gap long enough", 40, 200, 100, 150, true, 1, 190, 0, 0},
    {"150 ms more, where that is more", 60, 200, 100, 140, true, 0, 0, 0, 0},
    {"3 steps, where that is more", 200, 200, 100, 399, true, 0, 0, 0, 0},
    {"3 steps exactly", 200, 200, 100, 400, true, 1, 600, 0, 0},
    {"the camera saw nothing for 3 s", 40, 200, 100, 3000, true, 1, 3040, 0, 0},
    /* The first frame held should be shown 200 ms after it was captured. */
    {"held for 2 s", 40, 200, 100, 2000, false, 1, 2040, 1, 1800},
    {"held within the start delay", 40, 200, 100, 190, false, 1, 230, 0, 0},
    {"held beyond it, by too little to see", 40, 200, 100, 209, false, 1, 249, 0, 0},
    {"held just beyond it", 40, 200, 100, 210, false, 1, 250, 1, 10},
    {"too early to tell a freeze", 40, 200, 3, 2000, false, 0, 0, 1, 1800},
};

static void test_playout(void **state)
{
    for (size_t row = 0; row < sizeof(playout_rows) / sizeof(playout_rows[0]); row++) {
        struct panel_session *session = begin();
        uint64_t step = playout_rows[row].step_ms * MS;
        uint64_t hold = playout_rows[row].hold_ms * MS;
        uint64_t release = T0 + playout_rows[row].from * step + hold;
        uint64_t at = T0;
        for (uint32_t i = 0; i < playout_rows[row].frames; i++) {
            uint64_t captured = T0 + i * step;
            if (playout_rows[row].skip && i >= playout_rows[row].from)
                captured += hold;
            at = i >= playout_rows[row].from && captured < release ? release : captured;
            pass(session, video(i, (uint32_t)((captured - T0) / MS * 90), at));
        }
        panel_session_end(&shard, session, at + step);
        const struct panel_counts *got = &stats->panel;
        if (got->freezes != playout_rows[row].freezes ||
            got->freeze_us != playout_rows[row].freeze_ms * 1000 ||
            got->stalls != playout_rows[row].stalls ||
            got->stall_us != playout_rows[row].stall_ms * 1000 ||
            got->stalled_sessions != (playout_rows[row].stalls > 0))
            fail_msg("%s: %u freezes, %u us; %u stalls, %u us", playout_rows[row].name,
                     (unsigned)got->freezes, (unsigned)got->freeze_us, (unsigned)got->stalls,
                     (unsigned)got->stall_us);
    }
}

/* After a stall of 1.8 s the player is 2 s behind: a hold of 1.9 s is absorbed, one of 3 s stalls
   it for 1 s. The session counts as stalled once. */
static void test_deadlines_move(void **state)
{
    static const struct {
        unsigned from, hold_ms;
    } holds[] = {{50, 2000}, {200, 1900}, {350, 3000}};
    struct panel_session *session = begin();
    uint64_t at = T0;
    for (uint32_t i = 0; i < 500; i++) {
        at = T0 + i * 40 * MS;
        for (unsigned h = 0; h < 3; h++) {
            uint64_t release = T0 + (holds[h].from * 40 + holds[h].hold_ms) * MS;
            if (i >= holds[h].from && at < release)
                at = release;
        }
        pass(session, video(i, i * 3600, at));
    }
    panel_session_end(&shard, session, at);
    assert_int_equal(stats->panel.stalls, 2);
    assert_int_equal(stats->panel.stall_us, 1800000 + 1000000);
    assert_int_equal(stats->panel.stalled_sessions, 1);
    assert_int_equal(stats->panel.freezes, 3);
}

/* RTP time jumps by an hour, ahead or back: the player starts anew, and is there for a hold of 2 s.
 */
static void test_time_jumps(void **state)
{
    for (int back = 0; back < 2; back++) {
        struct panel_session *session = begin();
        for (uint32_t i = 0; i < 200; i++) {
            uint32_t jump = i < 50 ? 0 : 3600u * 90000u;
            uint64_t at = T0 + i * 40 * MS;
            if (i >= 100 && i < 150)
                at = T0 + 150 * 40 * MS;
            pass(session, video(i, i * 3600 + (back ? 0 - jump : jump), at));
        }
        panel_session_end(&shard, session, T0 + 200 * 40 * MS);
        assert_int_equal(stats->panel.stalls, 1);
        assert_int_equal(stats->panel.stall_us, 1800000);
    }
}

/* A frame is there when its last packet is: from frame 29, whole 10 ms after its first packet, to
   frame 30, whole 500 ms after its first, 530 ms pass. */
static void test_last_packet_counts(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 120; i++) {
        uint64_t at = T0 + i / 2 * 40 * MS + i % 2 * 10 * MS;
        uint64_t release = T0 + 30 * 40 * MS + 500 * MS;
        struct panel_packet packet = video(i, i / 2 * 3600, i > 60 && at < release ? release : at);
        rtp.marker = i % 2;
        packet.marks = i % 2 ? 0 : CODEC_FRAME_START;
        pass(session, packet);
    }
    panel_session_end(&shard, session, T0 + 60 * 40 * MS);
    assert_int_equal(stats->panel.frames_complete, 60);
    assert_int_equal(stats->panel.freezes, 1);
    assert_int_equal(stats->panel.freeze_us, 530000);
}

/* Silence up to the end is a freeze of its whole length; the player ran dry 200 ms + a step into
 * it. */
static void test_open_at_end(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 50; i++)
        pass(session, video(i, i * 3600, T0 + i * 40 * MS));
    panel_session_end(&shard, session, T0 + 49 * 40 * MS + 3000 * MS);
    assert_int_equal(stats->panel.freezes, 1);
    assert_int_equal(stats->panel.freeze_us, 3000000);
    assert_int_equal(stats->panel.stalls, 1);
    assert_int_equal(stats->panel.stall_us, 3000000 - 200000 - 40000);
}

/* After TEARDOWN was sent, neither its slow reply nor what comes meanwhile is the viewer's. */
static void test_stop(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 60; i++) {
        if (i == 50)
            panel_on_stop(&shard, session, T0 + 50 * 40 * MS);
        pass(session, video(i, i * 3600, T0 + i * 40 * MS + (i >= 50 ? 2000 * MS : 0)));
    }
    panel_session_end(&shard, session, T0 + 10 * NS_PER_S);
    assert_int_equal(stats->panel.frames_complete, 60);
    assert_int_equal(stats->panel.freezes, 0);
    assert_int_equal(stats->panel.stalls, 0);
}

/* At a frame a second without markers, the last one waits for its successor: that is no silence. */
static void test_end_behind_an_open_frame(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 20; i++) {
        struct panel_packet packet = video(i, i * 90000, T0 + i * NS_PER_S);
        rtp.marker = false;
        pass(session, packet);
    }
    panel_session_end(&shard, session, T0 + 19 * NS_PER_S + 1100 * MS);
    assert_int_equal(stats->panel.frames_complete, 19);
    assert_int_equal(stats->panel.freezes, 0);
    assert_int_equal(stats->panel.stalls, 0);
}

/* A server that begins with all it has kept since the last keyframe, at 5 frames a second: the
   burst makes the usual 200 ms no freeze. */
static void test_burst_at_start(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 100; i++)
        pass(session, video(i, i * 18000, i < 50 ? T0 : T0 + (i - 49) * 200 * MS));
    panel_session_end(&shard, session, T0 + 51 * 200 * MS);
    assert_int_equal(stats->panel.frames_complete, 100);
    assert_int_equal(stats->panel.freezes, 0);
    assert_int_equal(stats->panel.stalls, 0);
}

/* I P B B as decoders want them: RTP time steps back, and nothing freezes or stalls. */
static void test_frames_out_of_display_order(void **state)
{
    static const int shown[] = {0, 3, 1, 2};
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t timestamp = 90000 + (i / 4 * 4 + (uint32_t)shown[i % 4]) * 3600;
        pass(session, video(i, timestamp, T0 + i * 40 * MS));
    }
    struct panel_track_info info;
    assert_true(panel_track_info(session, 0, &info));
    panel_session_end(&shard, session, T0 + 200 * 40 * MS);
    assert_int_equal(stats->panel.frames_complete, 200);
    assert_int_equal(stats->panel.freezes, 0);
    assert_int_equal(stats->panel.stalls, 0);
    assert_true(info.frame_rate > 24.5 && info.frame_rate < 25.5);
}

/* 25 frames a second, of which those from `silent_ms` to `resumed_ms` never come, or all from
   `resumed_ms` on where they were held; the warm-up ends at 4,000 ms, the session at 8,000 ms.
   The player runs dry 200 ms after a silence begins, where there were frames to show. */
static const struct {
    const char *name;
    unsigned from_ms; /* when the session begins */
    unsigned silent_ms, resumed_ms;
    bool held, audio, stops;
    unsigned freezes, freeze_ms, stalls, stall_ms;
} warmup_rows[] = {
    {"no silence", 0, 8000, 8000, false, false, false, 0, 0, 0, 0},
    {"silent to the end", 0, 2000, 9000, true, false, false, 1, 4000, 1, 4000},
    {"silent to TEARDOWN", 0, 2000, 9000, true, false, true, 1, 3500, 1, 3500},
    {"audio goes on", 0, 2000, 9000, true, true, false, 1, 4000, 1, 4000},
    {"silent over the end", 0, 2000, 6000, true, false, false, 1, 2000, 1, 2000},
    {"nothing was to be seen", 0, 2000, 6000, false, false, false, 1, 2000, 0, 0},
    {"silent within", 0, 2000, 3000, true, false, false, 0, 0, 0, 0},
    /* The last frame came at 3,960 ms, and is to be seen until 4,200 ms. */
    {"silent from the end on", 0, 4000, 9000, true, false, false, 1, 4000, 1, 3800},
    /* Of the gap from 3,880 to 4,120 ms; the frame due at 3,920 ms is to be seen at 4,120 ms. */
    {"a short one over the end", 0, 3920, 4120, true, false, false, 1, 120, 0, 0},
    {"silent behind", 0, 6000, 7000, true, false, false, 1, 1040, 1, 800},
    {"begun behind", 5000, 9000, 9000, false, false, false, 0, 0, 0, 0},
    {"begun behind, silent to the end", 5000, 6000, 9000, true, false, false, 1, 2040, 1, 1800},
    {"no frame at all", 9000, 9000, 9000, true, true, false, 0, 0, 0, 0},
};

/* As the client does it, which counts the warm-up apart. */
static void end_warmup(struct panel_session *session, uint64_t now_ns)
{
    stats->panel = (struct panel_counts){0};
    panel_session_end_warmup(&shard, session, now_ns);
    assert_int_equal(stats->panel.sessions, 1);
}

/* The row's frame of that moment: false where none comes. */
static bool frame_of(size_t row, unsigned ms, unsigned *arrives_ms)
{
    bool silent = ms >= warmup_rows[row].silent_ms && ms < warmup_rows[row].resumed_ms;
    *arrives_ms = silent ? warmup_rows[row].resumed_ms : ms;
    return ms >= warmup_rows[row].from_ms && (!silent || warmup_rows[row].held);
}

static void play_warmup_row(size_t row, struct panel_session *session)
{
    unsigned next = 0, end_ms = 8000, arrives_ms; /* next: the first frame that hasn't come */
    for (unsigned now_ms = 0; now_ms < end_ms; now_ms += 20) {
        if (now_ms == 4000)
            end_warmup(session, T0 + 4000 * MS);
        if (now_ms == 7500 && warmup_rows[row].stops)
            panel_on_stop(&shard, session, T0 + 7500 * MS);
        if (warmup_rows[row].audio)
            pass(session, audio(now_ms / 20, now_ms * 48, T0 + now_ms * MS));
        for (; next * 40 <= now_ms; next++) {
            bool comes = frame_of(row, next * 40, &arrives_ms);
            if (comes && arrives_ms > now_ms)
                break;
            if (comes)
                pass(session, video(next, next * 3600, T0 + now_ms * MS));
        }
    }
    panel_session_end(&shard, session, T0 + end_ms * MS);
}

static void test_warmup(void **state)
{
    for (size_t row = 0; row < sizeof(warmup_rows) / sizeof(warmup_rows[0]); row++) {
        play_warmup_row(row, begin());
        const struct panel_counts *got = &stats->panel;
        if (got->freezes != warmup_rows[row].freezes ||
            got->freeze_us != warmup_rows[row].freeze_ms * 1000 ||
            got->stalls != warmup_rows[row].stalls ||
            got->stall_us != warmup_rows[row].stall_ms * 1000 ||
            got->stalled_sessions != warmup_rows[row].stalls)
            fail_msg("%s: %u freezes, %u us; %u stalls, %u us", warmup_rows[row].name,
                     (unsigned)got->freezes, (unsigned)got->freeze_us, (unsigned)got->stalls,
                     (unsigned)got->stall_us);
    }
}

/* What the player had to wait in the warm-up gives it no reserve: the same hold stalls it again. */
static void test_warmup_gives_no_reserve(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 300; i++) {
        uint64_t at = T0 + i * 40 * MS;
        if (i >= 50 && i < 100)
            at = T0 + 100 * 40 * MS;
        if (i >= 200 && i < 250)
            at = T0 + 250 * 40 * MS;
        if (i == 150)
            end_warmup(session, at);
        pass(session, video(i, i * 3600, at));
    }
    panel_session_end(&shard, session, T0 + 300 * 40 * MS);
    assert_int_equal(stats->panel.stalls, 1);
    assert_int_equal(stats->panel.stall_us, 1800000);
    assert_int_equal(stats->panel.stalled_sessions, 1);
}

/* Frames that came just before the warm-up's end, and are read just behind it, end a silence that
   was the warm-up's alone. */
static void test_warmup_read_late(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t at = T0 + i * 40 * MS;
        if (i >= 50 && i < 100)
            at = T0 + 100 * 40 * MS - 10 * MS;
        if (i == 50)
            end_warmup(session, T0 + 100 * 40 * MS);
        pass(session, video(i, i * 3600, at));
    }
    panel_session_end(&shard, session, T0 + 200 * 40 * MS);
    assert_int_equal(stats->panel.freezes, 0);
    assert_int_equal(stats->panel.stalls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_playout),
        cmocka_unit_test(test_deadlines_move),
        cmocka_unit_test(test_time_jumps),
        cmocka_unit_test(test_last_packet_counts),
        cmocka_unit_test(test_open_at_end),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_end_behind_an_open_frame),
        cmocka_unit_test(test_burst_at_start),
        cmocka_unit_test(test_frames_out_of_display_order),
        cmocka_unit_test(test_warmup),
        cmocka_unit_test(test_warmup_gives_no_reserve),
        cmocka_unit_test(test_warmup_read_late),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
