#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"
#include "client/panel.h"
#include "proto/rtcp.h"

#define T0 (100 * NS_PER_S) /* monotonic */
#define UNIX_MINUS_MONOTONIC                                                                       \
    (1700000000 * NS_PER_S) /* whole seconds, so that NTP stamps are exact */
#define MS NS_PER_MS

static struct stats *stats;
static struct panel_shard shard;
static struct panel_session sessions[3];

static int set_up(void **state)
{
    stats = stats_new(1);
    return stats ? panel_shard_init(&shard, stats, 1) : -1;
}

static int tear_down(void **state)
{
    panel_shard_dispose(&shard);
    stats_free(stats);
    return 0;
}

/* One session, counted from nothing. */
static struct panel_session *begin(void)
{
    tear_down(NULL);
    set_up(NULL);
    panel_session_init(&shard, &sessions[0], 0);
    return &sessions[0];
}

/* A video packet of 90 kHz, H.264, that starts and ends its frame. */
static struct rtp rtp;
static struct panel_packet video(uint32_t sequence, uint32_t timestamp, uint64_t at_ns)
{
    rtp = (struct rtp){
        .marker = true, .sequence = (uint16_t)sequence, .timestamp = timestamp, .ssrc = 7};
    return (struct panel_packet){
        .rtp = &rtp,
        .sequence = sequence,
        .bytes = 1012,
        .marks = CODEC_FRAME_START,
        .arrival_ns = at_ns,
        .unix_arrival_ns = at_ns + UNIX_MINUS_MONOTONIC,
        .clock_rate = 90000,
        .codec = CODEC_H264,
        .kind = MEDIA_VIDEO,
    };
}

static struct panel_packet audio(uint32_t sequence, uint32_t timestamp, uint64_t at_ns)
{
    struct panel_packet packet = video(sequence, timestamp, at_ns);
    packet.clock_rate = 48000;
    packet.codec = CODEC_OPUS;
    packet.kind = MEDIA_AUDIO;
    return packet;
}

static void pass(struct panel_session *session, struct panel_packet packet)
{
    panel_on_packet(&shard, session, packet.kind == MEDIA_AUDIO, &packet);
}

static const struct histogram *metric(enum metric name)
{
    return &stats->metrics[name];
}

/* ---- frames ---- */

enum marking { MARKED, UNMARKED, MARKED_TOO_EARLY };

/* A letter a packet, another letter another frame; a capital never arrives, a digit says how many
   packets later the one before it does. Ten whole frames of three packets lie before and behind. */
static const struct {
    const char *name;
    const char *packets;
    enum marking marking;
    enum codec codec;
    unsigned complete, damaged, suspect;
} frame_rows[] = {
    {"nothing missing", "aaabbbccc", MARKED, CODEC_H264, 3, 0, 0},
    {"frames of any size", "abbbbbbbcdd", MARKED, CODEC_H264, 4, 0, 0},
    {"the middle", "aaabBbccc", MARKED, CODEC_H264, 2, 1, 0},
    {"the first packet", "aaaBbbccc", MARKED, CODEC_H264, 2, 1, 0},
    {"the last packet", "aaabbBccc", MARKED, CODEC_H264, 2, 1, 0},
    {"a whole frame", "aaaBBBccc", MARKED, CODEC_H264, 2, 0, 0},
    {"two whole frames", "aaaBBBCCCddd", MARKED, CODEC_H264, 2, 0, 0},
    {"an end and a start", "aaabBBCcc", MARKED, CODEC_H264, 1, 2, 0},
    {"an end and a frame", "aaabBBCCCddd", MARKED, CODEC_H264, 2, 1, 0},
    {"two places in a frame", "aaabBbBbccc", MARKED, CODEC_H264, 2, 1, 0},
    {"every second frame's middle", "aAabbbcCcdddeEe", MARKED, CODEC_H264, 2, 3, 0},
    {"all but markers", "AAaBBbCCc", MARKED, CODEC_H264, 0, 3, 0},
    {"no marker: nothing missing", "aaabbbccc", UNMARKED, CODEC_H264, 3, 0, 0},
    {"no marker: the middle", "aaabBbccc", UNMARKED, CODEC_H264, 2, 1, 0},
    {"no marker: the first packet", "aaaBbbccc", UNMARKED, CODEC_H264, 2, 1, 0},
    {"no marker: the first two", "aaaBBbccc", UNMARKED, CODEC_H264, 1, 1, 1},
    {"no marker: the last packet", "aaabbBccc", UNMARKED, CODEC_H264, 2, 1, 0},
    {"no marker: a whole frame", "aaaBBBccc", UNMARKED, CODEC_H264, 1, 0, 1},
    {"early marker: nothing missing", "aaabbbccc", MARKED_TOO_EARLY, CODEC_H264, 3, 0, 0},
    {"early marker: a whole frame", "aaaBBBccc", MARKED_TOO_EARLY, CODEC_H264, 1, 0, 1},
    {"no starts: nothing missing", "aaabbbccc", MARKED, CODEC_UNKNOWN, 3, 0, 0},
    {"no starts: the middle", "aaabBbccc", MARKED, CODEC_UNKNOWN, 2, 1, 0},
    {"no starts: the first packet", "aaaBbbccc", MARKED, CODEC_UNKNOWN, 2, 1, 0},
    {"no starts: the last packet", "aaabbBccc", MARKED, CODEC_UNKNOWN, 2, 1, 0},
    {"no starts: an end and a start", "aaabbBCcc", MARKED, CODEC_UNKNOWN, 1, 1, 1},
    {"no starts: a whole frame", "aaaBBBccc", MARKED, CODEC_UNKNOWN, 1, 0, 1},
    {"nothing known: the last packet", "aaabbBccc", UNMARKED, CODEC_UNKNOWN, 1, 0, 2},
    {"nothing known: the middle", "aaabBbccc", UNMARKED, CODEC_UNKNOWN, 2, 1, 0},
    {"reordered: the first packet", "aaab1bbccc", MARKED, CODEC_H264, 3, 0, 0},
    {"reordered: the middle", "aaabb5bccc", MARKED, CODEC_H264, 3, 0, 0},
    {"reordered: the last packet", "aaabbb1ccc", MARKED, CODEC_H264, 3, 0, 0},
    {"reordered: behind the next frame", "aaabbb5ccc", UNMARKED, CODEC_H264, 3, 0, 0},
    {"reordered: a whole frame", "aaab5b5b5ccc", MARKED, CODEC_H264, 3, 0, 0},
    {"reordered: an end and a start", "aaabbb5c5ccddd", MARKED, CODEC_H264, 4, 0, 0},
    {"reordered and lost", "aaab2Bbccc", MARKED, CODEC_H264, 2, 1, 0},
};

struct delivery {
    struct panel_packet packet;
    struct rtp rtp;
    unsigned turn; /* when it arrives */
    bool lost;
};

/* Fills in one frame's packet; position: of size. */
static void make_packet(struct delivery *to, uint32_t sequence, uint32_t timestamp,
                        unsigned position, unsigned size)
{
    to->packet = video(sequence, timestamp, 0);
    to->rtp = rtp;
    to->rtp.marker = position + 1 == size;
    to->packet.marks = position == 0 ? CODEC_FRAME_START : 0;
}

static unsigned plan_row(size_t row, uint32_t sequence, uint32_t timestamp, struct delivery *plan)
{
    char letters[200];
    unsigned count = 0;
    for (unsigned i = 0; i < 30; i++)
        letters[count++] = (char)('A' + i / 3);
    for (const char *at = frame_rows[row].packets; *at; at++) {
        if (*at >= '0' && *at <= '9') {
            plan[count - 1].turn = (unsigned)(*at - '0');
            continue;
        }
        plan[count].lost = *at < 'a';
        letters[count++] = (char)((*at | 0x20) - 'a' + 'K');
    }
    char last = letters[count - 1];
    for (unsigned i = 0; i < 30; i++) {
        letters[count++] = (char)(last + 1 + (char)(i / 3));
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned from = i, to = i + 1;
        while (from > 0 && letters[from - 1] == letters[i])
            from--;
        while (to < count && letters[to] == letters[i])
            to++;
        make_packet(&plan[i], sequence + i, timestamp + (uint32_t)(letters[i] - 'A') * 3600,
                    i - from, to - from);
        if (frame_rows[row].marking == UNMARKED)
            plan[i].rtp.marker = false;
        if (frame_rows[row].marking == MARKED_TOO_EARLY)
            plan[i].rtp.marker = i - from >= 1;
        plan[i].turn = 2 * i + (plan[i].turn > 0 ? 2 * plan[i].turn + 1 : 0);
        plan[i].packet.codec = frame_rows[row].codec;
    }
    return count;
}

/* Delivers by turn, 10 ms a frame or so, each packet twice. */
static void deliver(struct panel_session *session, struct delivery *plan, unsigned count)
{
    uint32_t highest = plan[0].packet.sequence - 1;
    for (unsigned turn = 0; turn < 2 * count + 20; turn++) {
        for (unsigned i = 0; i < count; i++) {
            if (plan[i].turn != turn || plan[i].lost)
                continue;
            struct panel_packet *packet = &plan[i].packet;
            bool newer = (int32_t)(packet->sequence - highest) > 0;
            packet->rtp = &plan[i].rtp;
            packet->order = newer ? PANEL_IN_ORDER : PANEL_REORDERED;
            packet->arrival_ns = T0 + turn * 2 * MS;
            highest = newer ? packet->sequence : highest;
            panel_on_packet(&shard, session, 0, packet);
            packet->order = PANEL_DUPLICATE;
            panel_on_packet(&shard, session, 0, packet);
        }
    }
}

static void check_frames(size_t row, uint32_t sequence, uint32_t timestamp)
{
    static struct delivery plan[200];
    memset(plan, 0, sizeof(plan));
    struct panel_session *session = begin();
    unsigned count = plan_row(row, sequence, timestamp, plan);
    deliver(session, plan, count);
    panel_session_end(&shard, session, T0 + 2 * NS_PER_S);
    const struct panel_counts *got = &stats->panel;
    /* With markers to trust the very last frame is judged too. */
    unsigned whole = frame_rows[row].marking == MARKED ? 20 : 19;
    if (got->frames_complete != whole + frame_rows[row].complete ||
        got->frames_damaged != frame_rows[row].damaged ||
        got->frames_suspect != frame_rows[row].suspect)
        fail_msg("%s (from %x, %x): %d complete, %u damaged, %u suspect", frame_rows[row].name,
                 sequence, timestamp, (int)(got->frames_complete - whole),
                 (unsigned)got->frames_damaged, (unsigned)got->frames_suspect);
}

static void test_frames(void **state)
{
    for (size_t row = 0; row < sizeof(frame_rows) / sizeof(frame_rows[0]); row++) {
        check_frames(row, 65536, 0);
        check_frames(row, 0xffffffdc, 0x1000);              /* the sequence wraps inside the row */
        check_frames(row, 0x1ffdc, 0xffffffff - 3600 * 11); /* so does the RTP time */
    }
}

/* Marks of the codec count: a packet that contradicts itself, and keyframes, whole ones only. */
static void test_marks(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 40; i++) {
        struct panel_packet packet = video(i, i * 3600, T0 + i * 40 * MS);
        packet.marks |= i % 10 == 0 ? CODEC_KEYFRAME : 0u;
        packet.marks |= i == 20 || i == 25 ? CODEC_DAMAGED : 0u;
        pass(session, packet);
    }
    panel_session_end(&shard, session, T0 + 1600 * MS);
    assert_int_equal(stats->panel.sessions, 1);
    assert_int_equal(stats->panel.frames_complete, 38);
    assert_int_equal(stats->panel.frames_damaged, 2);
    assert_int_equal(stats->panel.keyframes, 3);
}

/* A first packet inside a frame, and a last frame that the end cuts off. */
static void test_first_and_last(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 28; i++) {
        struct panel_packet packet = video(i, (i + 1) / 3 * 3600, T0 + i * 10 * MS);
        packet.marks = i % 3 == 2 ? CODEC_FRAME_START : 0u;
        rtp.marker = i % 3 == 1;
        pass(session, packet);
    }
    panel_session_end(&shard, session, T0 + 300 * MS);
    assert_int_equal(stats->panel.frames_suspect, 1);
    assert_int_equal(stats->panel.frames_complete, 8);
    assert_int_equal(stats->panel.frames_damaged, 0);
}

/* Four markers in a row may be chance: who lost the missing frame is not known yet. */
static void test_trust_takes_time(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 20; i++) {
        if (i != 4)
            pass(session, video(i, i * 3600, T0 + i * 40 * MS));
    }
    panel_session_end(&shard, session, T0 + 800 * MS);
    assert_int_equal(stats->panel.frames_complete, 18);
    assert_int_equal(stats->panel.frames_suspect, 1);
}

/* Where RTP time and sequence go on after a restart, in the other one's terms; in frames. */
static const struct {
    const char *name;
    int timestamp, sequence;
    bool by_format; /* no restart is told, but the codec is another */
} restarts[] = {
    {"further ahead", 100000, 5000, false},
    {"as if nothing were missing in time", 0, 5000, false},
    {"back by 5 s", -125, -15, false},
    {"another codec", -125, 0, true},
};

/* A restart is no gap; playout, keyframe intervals and reports don't reach across it. */
static void test_restart(void **state)
{
    for (size_t row = 0; row < sizeof(restarts) / sizeof(restarts[0]); row++) {
        struct panel_session *session = begin();
        struct panel_track_info info;
        panel_on_sender_report(session, 0, rtcp_ntp_from_ns(T0 + UNIX_MINUS_MONOTONIC), 1000000);
        for (uint32_t i = 0; i < 40; i++) {
            uint32_t moved = i >= 20 ? (uint32_t)restarts[row].timestamp : 0;
            uint32_t sequence = 100 + i + (i >= 20 ? (uint32_t)restarts[row].sequence : 0);
            struct panel_packet packet =
                video(sequence, 1000000 + (i + moved) * 3600, T0 + i * 40 * MS);
            packet.marks |= i % 10 == 0 ? CODEC_KEYFRAME : 0u;
            packet.codec = i >= 20 && restarts[row].by_format ? CODEC_H265 : CODEC_H264;
            if (i == 20 && !restarts[row].by_format)
                panel_on_restart(&shard, session, 0);
            pass(session, packet);
        }
        assert_true(panel_track_info(session, 0, &info));
        panel_session_end(&shard, session, T0 + 1600 * MS);
        if (stats->panel.frames_complete != 40 || stats->panel.freezes + stats->panel.stalls != 0)
            fail_msg("%s: %u complete, %u freezes, %u stalls", restarts[row].name,
                     (unsigned)stats->panel.frames_complete, (unsigned)stats->panel.freezes,
                     (unsigned)stats->panel.stalls);
        assert_int_equal(metric(METRIC_PANEL_LATENCY)->count, 20);
        assert_true(info.keyframe_interval_s > 0.399 && info.keyframe_interval_s < 0.401);
    }
}

/* Audio has no frames to judge; where there is no video it stands for the session. */
static void test_audio_alone(void **state)
{
    for (unsigned track = 0; track < 2; track++) {
        struct panel_session *session = begin();
        panel_on_sender_report(session, track, rtcp_ntp_from_ns(T0 + UNIX_MINUS_MONOTONIC), 0);
        for (uint32_t i = 0; i < 100; i++) {
            struct panel_packet packet = audio(i, i * 960, T0 + i * 20 * MS);
            panel_on_packet(&shard, session, track, &packet);
        }
        panel_session_end(&shard, session, T0 + 2000 * MS);
        assert_int_equal(stats->panel.frames_complete + stats->panel.freezes, 0);
        assert_int_equal(metric(METRIC_PANEL_LATENCY)->count, track == 0 ? 100 : 0);
        assert_int_equal(metric(METRIC_PANEL_MLR)->count, track == 0 ? 1 : 0);
    }
}

/* ---- playout ---- */

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

/* Without a clock there are frames and freezes, and nothing else. */
static void test_no_clock(void **state)
{
    struct panel_session *session = begin();
    panel_on_sender_report(session, 0, rtcp_ntp_from_ns(T0 + UNIX_MINUS_MONOTONIC), 0);
    for (uint32_t i = 0; i < 100; i++) {
        struct panel_packet packet =
            video(i, i * 3600, T0 + i * 40 * MS + (i >= 50 ? 2000 * MS : 0));
        packet.clock_rate = 0;
        pass(session, packet);
    }
    panel_session_end(&shard, session, T0 + 6000 * MS);
    assert_int_equal(stats->panel.frames_complete, 100);
    assert_int_equal(stats->panel.freezes, 1);
    assert_int_equal(stats->panel.stalls, 0);
    assert_int_equal(metric(METRIC_PANEL_LATENCY)->count, 0);
    assert_int_equal(metric(METRIC_PANEL_PACE)->count, 0);
    struct panel_track_info info;
    assert_true(panel_track_info(session, 0, &info));
    assert_true(info.frame_rate == 0 && info.keyframe_interval_s == 0);
    assert_true(info.bitrate_bps > 0);
    assert_false(panel_track_info(session, 1, &info));
    assert_false(panel_track_info(session, 2, &info));
}

/* ---- latency and skew ---- */

/* offset_ms: the server's clock against ours; all frames are captured 30 ms before they arrive. */
static const struct {
    const char *name;
    int64_t offset_ms;
    bool no_time; /* NTP 0 */
    unsigned count;
    uint64_t latency_us;
} latency_rows[] = {
    {"by sender report", 0, false, 50, 30000},
    {"a clock ahead", 20, false, 50, 10000},
    {"a clock behind", -500, false, 50, 530000},
    {"ahead by a little too much", 35, false, 50, 0},
    {"ahead by too much", 50, false, 0, 0},
    {"an hour behind", -3599000, false, 50, 3599030000},
    {"more than an hour behind", -3600000, false, 0, 0},
    {"years ahead", INT64_C(100000000000), false, 0, 0},
    {"no time of day", 0, true, 0, 0},
};

static void test_latency(void **state)
{
    for (size_t row = 0; row < sizeof(latency_rows) / sizeof(latency_rows[0]); row++) {
        struct panel_session *session = begin();
        uint64_t reported =
            T0 + UNIX_MINUS_MONOTONIC + (uint64_t)(latency_rows[row].offset_ms * 1000000);
        uint32_t base = 0xffff0000; /* the timestamps wrap between report and frames */
        pass(session, video(0, base - 3600, T0 - 10 * MS)); /* before the report: not measured */
        panel_on_sender_report(session, 0,
                               latency_rows[row].no_time ? 0 : rtcp_ntp_from_ns(reported), base);
        for (uint32_t i = 1; i <= 50; i++)
            pass(session, video(i, base + i * 3600, T0 + i * 40 * MS + 30 * MS));
        const struct histogram *got = metric(METRIC_PANEL_LATENCY);
        if (got->count != latency_rows[row].count ||
            (got->count > 0 && (got->min != latency_rows[row].latency_us ||
                                got->max != latency_rows[row].latency_us)))
            fail_msg("%s: %u, %u to %u us", latency_rows[row].name, (unsigned)got->count,
                     (unsigned)got->min, (unsigned)got->max);
    }
}

static void put_u64(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* A stamp inside beats the reports, from the first one on. */
static void test_latency_stamps(void **state)
{
    for (int onvif = 0; onvif < 2; onvif++) {
        struct panel_session *session = begin();
        uint64_t sent = T0 + UNIX_MINUS_MONOTONIC;
        uint8_t bytes[12] = "RTSB";
        panel_on_sender_report(session, 0, rtcp_ntp_from_ns(sent - NS_PER_S), 0);
        for (uint32_t i = 0; i < 20; i++) {
            struct panel_packet packet = video(i, i * 3600, T0 + i * 40 * MS + 5 * MS);
            put_u64(bytes + 4, sent + i * 40 * MS);
            rtp.payload = slice_make(bytes, onvif ? 4 : 12);
            if (onvif) {
                put_u64(bytes, rtcp_ntp_from_ns(sent + i * 40 * MS));
                rtp.has_extension = true;
                rtp.extension_profile = 0xabac;
                rtp.extension = slice_make(bytes, 12);
            }
            if (i % 2 == 1) /* frames without one are not measured by reports instead */
                rtp.payload = rtp.extension = slice_make(NULL, 0);
            pass(session, packet);
        }
        assert_int_equal(metric(METRIC_PANEL_LATENCY)->count, 10);
        assert_in_range(metric(METRIC_PANEL_LATENCY)->min, 4999, 5000);
        assert_in_range(metric(METRIC_PANEL_LATENCY)->max, 4999, 5000);
        struct panel_track_info info;
        assert_true(panel_track_info(session, 0, &info));
        assert_int_equal(info.latency_source, PANEL_LATENCY_STAMP);
    }
}

/* The server's clock is years off, its tracks' difference is not. Some frames are far later than
   usual: the median doesn't mind. */
static void test_skew(void **state)
{
    static const struct {
        unsigned video_ms, audio_ms, skew_us;
    } rows[] = {{100, 20, 80000}, {20, 100, 80000}, {30, 30, 0}};
    for (size_t row = 0; row < 3; row++) {
        struct panel_session *session = begin();
        uint64_t ntp = rtcp_ntp_from_ns(T0 + 1000000 * NS_PER_S);
        panel_on_sender_report(session, 0, ntp, 500);
        panel_on_sender_report(session, 1, ntp, 0xfffffff0);
        for (uint32_t i = 0; i < 125; i++) {
            uint64_t late = i % 25 >= 10 && i % 25 < 15 ? 300 * MS : 0;
            pass(session,
                 video(i, 500 + i * 3600, T0 + i * 40 * MS + rows[row].video_ms * MS + late));
            pass(session,
                 audio(i, 0xfffffff0 + i * 1920, T0 + i * 40 * MS + rows[row].audio_ms * MS));
            if (i % 25 == 24)
                panel_on_second(&shard, session, T0 + i * 40 * MS);
        }
        assert_int_equal(metric(METRIC_PANEL_SKEW)->count, 5);
        assert_int_equal(metric(METRIC_PANEL_SKEW)->min, rows[row].skew_us);
        assert_int_equal(metric(METRIC_PANEL_SKEW)->max, rows[row].skew_us);
    }
}

static void test_skew_needs_both_reports(void **state)
{
    struct panel_session *session = begin();
    panel_on_sender_report(session, 0, rtcp_ntp_from_ns(T0), 0);
    for (uint32_t i = 0; i < 50; i++) {
        pass(session, video(i, i * 3600, T0 + i * 40 * MS));
        pass(session, audio(i, i * 1920, T0 + i * 40 * MS));
    }
    panel_on_second(&shard, session, T0 + 2000 * MS);
    assert_int_equal(metric(METRIC_PANEL_SKEW)->count, 0);
}

/* Two tracks of video have no skew, whatever their reports say. */
static void test_skew_is_of_video_and_audio(void **state)
{
    struct panel_session *session = begin();
    for (unsigned track = 0; track < 2; track++) {
        panel_on_sender_report(session, track, rtcp_ntp_from_ns(T0), 0);
        for (uint32_t i = 0; i < 25; i++) {
            struct panel_packet packet = video(i, i * 3600, T0 + i * 40 * MS);
            panel_on_packet(&shard, session, track, &packet);
        }
    }
    panel_on_second(&shard, session, T0 + 1000 * MS);
    assert_int_equal(metric(METRIC_PANEL_SKEW)->count, 0);
}

/* When nobody calls once a second, the notes of the first one are kept, and nothing beside them is
 * harmed. */
static void test_skew_without_ticks(void **state)
{
    struct panel_session *session = begin();
    panel_on_sender_report(session, 0, rtcp_ntp_from_ns(T0), 0);
    panel_on_sender_report(session, 1, rtcp_ntp_from_ns(T0), 0);
    for (uint32_t i = 0; i < 510; i++) {
        pass(session, video(i, i * 3600, T0 + i * 40 * MS + 30 * MS));
        pass(session, audio(i, i * 1920, T0 + i * 40 * MS));
    }
    panel_on_second(&shard, session, T0 + 20400 * MS);
    assert_int_equal(metric(METRIC_PANEL_SKEW)->count, 1);
    assert_int_equal(metric(METRIC_PANEL_SKEW)->max, 30000);
    assert_int_equal(metric(METRIC_PANEL_PACE)->count, 2);
    assert_int_equal(metric(METRIC_PANEL_PACE)->min, 1000);
    assert_int_equal(metric(METRIC_PANEL_PACE)->max, 1000);
}

/* ---- pace ---- */

static void test_pace(void **state)
{
    static const struct {
        uint32_t ticks; /* a frame, every 40 ms */
        uint32_t pace;
        bool behind;
    } rows[] = {{3600, 1000, false}, {3240, 900, true}, {3492, 970, true},      {3528, 980, false},
                {7200, 2000, false}, {0, 0, true},      {360000, 100000, false}};
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct panel_session *session = begin();
        for (uint32_t i = 0; i < 755; i++) {
            struct panel_packet packet =
                video(i, i * rows[row].ticks + (rows[row].ticks == 0 ? i % 2 : 0),
                      T0 + i * 40 * MS + (i % 7 == 3 ? 35 * MS : 0));
            pass(session, packet);
        }
        const struct histogram *got = metric(METRIC_PANEL_PACE);
        assert_int_equal(got->count, 3);
        assert_in_range(got->min + 1, rows[row].pace, rows[row].pace + 2 + rows[row].pace / 1000);
        assert_in_range(got->max + 1, rows[row].pace, rows[row].pace + 2 + rows[row].pace / 1000);
        struct panel_track_info info;
        panel_track_info(session, 0, &info);
        assert_int_equal(info.falling_behind, rows[row].behind);
    }
}

/* Frames come 20 ms later each second: after ten of them the last is 200 ms behind. */
static void test_lag(void **state)
{
    struct panel_session *session = begin();
    struct panel_track_info info;
    for (uint32_t i = 0; i <= 250; i++)
        pass(session, video(i, i * 3600, T0 + i * 40 * MS + i / 25 * 20 * MS));
    assert_true(panel_track_info(session, 0, &info));
    assert_int_equal(info.lag_us, 200000);
}

/* Most frames are late, more each second; as long as one a second is on time the pace is 1. */
static void test_pace_by_the_best_frames(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 255; i++) {
        uint64_t late = i % 25 == 12 ? 0 : i / 25 * 20 * MS;
        pass(session, video(i, i * 3600, T0 + i * 40 * MS + late));
    }
    assert_int_equal(metric(METRIC_PANEL_PACE)->count, 1);
    assert_int_equal(metric(METRIC_PANEL_PACE)->min, 1000);
}

/* Two frames are no series. */
static void test_pace_of_two_frames(void **state)
{
    struct panel_session *session = begin();
    pass(session, video(0, 0, T0));
    pass(session, video(1, 90000, T0 + 3 * NS_PER_S));
    panel_session_end(&shard, session, T0 + 4 * NS_PER_S);
    assert_int_equal(metric(METRIC_PANEL_PACE)->count, 0);
}

/* A session of 5 s says its pace at the end; one of 1 s has none to say. */
static void test_pace_of_short_sessions(void **state)
{
    for (unsigned s = 1; s <= 5; s += 4) {
        struct panel_session *session = begin();
        for (uint32_t i = 0; i < s * 25; i++)
            pass(session, video(i, i * 3600, T0 + i * 40 * MS));
        panel_session_end(&shard, session, T0 + s * NS_PER_S);
        assert_int_equal(metric(METRIC_PANEL_PACE)->count, s == 5);
    }
}

/* ---- MDI ---- */

/* RFC 4445, 3.1, by hand. Media rate 8,000 bit/s, packets of 500 bytes: 4,000 bits.
   Second 2: at 0.25 s the buffer goes from -2,000 to 2,000, at 0.75 s from -2,000 to 2,000: 4,000 /
   8,000 is 500 ms. Second 3 is empty: 500 ms again. Second 4: both at its start, from 0 to 8,000:
   1,000 ms. */
static void test_mdi(void **state)
{
    static const unsigned at_ms[] = {0, 500, 1250, 1750, 3000, 3000, 4000};
    for (unsigned declared = 0; declared <= 8000; declared += 8000) {
        struct panel_session *session = begin();
        for (uint32_t i = 0; i < 7; i++) {
            struct panel_packet packet = video(i, i * 3600, T0 + at_ms[i] * MS);
            packet.bytes = 512;
            packet.declared_bps = declared;
            if (i == 3)
                panel_on_gap(&shard, session, 0, i, 3, packet.arrival_ns);
            pass(session, packet);
            if (i == 3) {
                const struct histogram *df = metric(METRIC_PANEL_DF);
                assert_int_equal(df->count, 0); /* the first second has none */
                panel_on_second(&shard, session, T0 + 3200 * MS);
                assert_int_equal(df->count, 2);
                assert_int_equal(df->min, 500000);
                assert_int_equal(df->max, 500000);
            }
        }
        const struct histogram *df = metric(METRIC_PANEL_DF);
        assert_int_equal(df->count, 3);
        /* Where the rate is measured, three seconds brought 16,000 bits: 8,000 bits are 1.5 s of
         * them. */
        assert_int_equal(df->max, declared ? 1000000 : 1500000);
        assert_int_equal(metric(METRIC_PANEL_MLR)->count, 4);
        assert_int_equal(metric(METRIC_PANEL_MLR)->sum, 3);
        assert_int_equal(metric(METRIC_PANEL_MLR)->max, 3);
    }
}

/* An RTP packet of MPEG-TS holds seven packets of media; a session with video leaves its audio out.
 */
static void test_mdi_counts_media_packets(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 26; i++) {
        struct panel_packet packet = video(i, i * 3600, T0 + i * 40 * MS);
        packet.codec = CODEC_MPEG_TS;
        if (i == 10)
            panel_on_gap(&shard, session, 0, i, 2, packet.arrival_ns);
        pass(session, packet);
        pass(session, audio(i, i * 1920, T0 + i * 40 * MS));
    }
    assert_int_equal(metric(METRIC_PANEL_MLR)->count, 1);
    assert_int_equal(metric(METRIC_PANEL_MLR)->sum, 14);
}

/* A stream that has long been silent isn't worked through second by second. */
static void test_mdi_silence(void **state)
{
    struct panel_session *session = begin();
    pass(session, video(0, 0, T0));
    pass(session, video(1, 90000, T0 + NS_PER_S));
    pass(session, video(2, 180000, T0 + 1000000 * NS_PER_S));
    assert_in_range(metric(METRIC_PANEL_DF)->count, 1, 100);
}

/* ---- readers ---- */

static void begin_readers(unsigned count)
{
    begin();
    for (unsigned i = 1; i < count; i++)
        panel_session_init(&shard, &sessions[i], 0);
}

/* Two readers get each frame 5 and 12 ms after the first; the very first frame of a reader isn't
 * compared. */
static void test_cross_reader(void **state)
{
    begin_readers(3);
    for (uint32_t i = 0; i < 100; i++) {
        pass(&sessions[0], video(i, i * 3600, T0 + i * 40 * MS));
        pass(&sessions[1], video(i, i * 3600, T0 + i * 40 * MS + 5 * MS));
        pass(&sessions[2], video(i + 70000, i * 3600, T0 + i * 40 * MS + 12 * MS));
    }
    const struct histogram *got = metric(METRIC_PANEL_CROSS_READER);
    assert_int_equal(got->count, 2 * 99);
    assert_int_equal(got->min, 5000);
    assert_int_equal(got->max, 12000);
    assert_int_equal(got->sum, 99 * 17000);
}

/* What a reader gets that the others had before it joined says nothing about fairness. */
static void test_late_joiner(void **state)
{
    begin_readers(2);
    for (uint32_t i = 0; i < 50; i++)
        pass(&sessions[0], video(i, i * 3600, T0 + i * 40 * MS));
    for (uint32_t i = 25; i < 50; i++)
        pass(&sessions[1], video(i, i * 3600, T0 + 50 * 40 * MS));
    assert_int_equal(metric(METRIC_PANEL_CROSS_READER)->count, 0);
}

/* One reader is 200 frames behind, another 210: where the table has forgotten the first reader,
   neither counts as the first for the other. */
static void test_readers_far_behind(void **state)
{
    static const uint32_t behind[] = {0, 200, 210};
    begin_readers(3);
    for (unsigned r = 0; r < 3; r++)
        pass(&sessions[r], video(0, 0, T0));
    for (uint32_t i = 1; i < 1500; i++) {
        for (unsigned r = 0; r < 3; r++) {
            uint32_t frame = i - behind[r];
            if (i > behind[r])
                pass(&sessions[r], video(frame, frame * 3000, T0 + i * MS));
        }
    }
    const struct histogram *got = metric(METRIC_PANEL_CROSS_READER);
    assert_true(got->count > 0 && got->count < 2 * 1290);
    assert_int_equal(got->min, 200000);
    assert_int_equal(got->max, 210000);
}

/* Readers of different URLs, or of one that the table is too small for, are not compared. */
static void test_streams_apart(void **state)
{
    begin();
    panel_session_init(&shard, &sessions[1], 1);
    panel_session_init(&shard, &sessions[2], 1);
    for (uint32_t i = 0; i < 50; i++) {
        for (unsigned r = 0; r < 3; r++)
            pass(&sessions[r], video(i, i * 3600, T0 + i * 40 * MS + r * MS));
    }
    assert_int_equal(metric(METRIC_PANEL_CROSS_READER)->count, 0);
}

/* Each reader: the gap it reports at 1 s, and whether one packet of it came after all. */
static const struct {
    const char *name;
    unsigned readers;
    struct {
        uint32_t ssrc, first, count;
        bool filled;
    } reader[3];
    unsigned gaps, shared;
} gap_rows[] = {
    {"one reader has nobody to compare with", 1, {{7, 100, 5, false}}, 0, 0},
    {"nobody misses anything", 2, {{7, 0, 0, false}, {7, 0, 0, false}}, 0, 0},
    {"one misses some", 2, {{7, 100, 5, false}, {7, 0, 0, false}}, 1, 0},
    {"both miss the same", 2, {{7, 100, 5, false}, {7, 100, 5, false}}, 2, 2},
    {"both, counted from elsewhere", 2, {{7, 100, 5, false}, {7, 65636, 5, false}}, 2, 2},
    {"partly the same", 2, {{7, 100, 5, false}, {7, 104, 9, false}}, 2, 2},
    {"side by side", 2, {{7, 100, 5, false}, {7, 105, 5, false}}, 2, 0},
    {"over the wrap", 2, {{7, 65534, 5, false}, {7, 65537, 2, false}}, 2, 2},
    {"two of three", 3, {{7, 100, 5, false}, {7, 0, 0, false}, {7, 102, 1, false}}, 2, 2},
    {"all three", 3, {{7, 100, 5, false}, {7, 100, 5, false}, {7, 102, 1, false}}, 3, 3},
    {"came after all", 2, {{7, 100, 1, true}, {7, 300, 2, true}}, 1, 0},
    {"the server gives each its own SSRC", 2, {{7, 100, 5, false}, {8, 100, 5, false}}, 0, 0},
};

static void check_gaps(size_t row, bool end_at_once)
{
    begin_readers(gap_rows[row].readers);
    for (unsigned r = 0; r < gap_rows[row].readers; r++) {
        struct panel_packet packet = video(1, 3600, T0);
        rtp.ssrc = gap_rows[row].reader[r].ssrc;
        pass(&sessions[r], packet);
    }
    for (unsigned r = 0; r < gap_rows[row].readers; r++) {
        uint32_t first = gap_rows[row].reader[r].first;
        panel_on_gap(&shard, &sessions[r], 0, first, gap_rows[row].reader[r].count, T0 + NS_PER_S);
        struct panel_packet packet = video(first, 3600, T0 + NS_PER_S);
        packet.order = PANEL_REORDERED;
        if (gap_rows[row].reader[r].filled)
            pass(&sessions[r], packet);
        if (!end_at_once) /* its gap is counted before the next reader sees the same */
            panel_on_second(&shard, &sessions[r], T0 + 4 * NS_PER_S);
    }
    for (unsigned r = 0; r < gap_rows[row].readers; r++)
        panel_session_end(&shard, &sessions[r], T0 + 5 * NS_PER_S);
    if (stats->panel.gaps != gap_rows[row].gaps || stats->panel.gaps_shared != gap_rows[row].shared)
        fail_msg("%s: %u gaps, %u shared", gap_rows[row].name, (unsigned)stats->panel.gaps,
                 (unsigned)stats->panel.gaps_shared);
}

static void test_shared_gaps(void **state)
{
    for (size_t row = 0; row < sizeof(gap_rows) / sizeof(gap_rows[0]); row++) {
        check_gaps(row, true);
        check_gaps(row, false);
    }
}

/* A reader has nobody to be compared with when the other left, got an SSRC of its own, or fell
   silent before the source changed its SSRC. */
static void test_gaps_of_a_lonely_reader(void **state)
{
    for (unsigned how = 0; how < 3; how++) {
        begin_readers(2);
        for (uint32_t i = 0; i < 200; i++) {
            struct panel_packet packet = video(i, i * 3600, T0 + i * 40 * MS);
            rtp.ssrc = how == 2 && i >= 100 ? 8 : 7;
            pass(&sessions[0], packet);
            rtp.ssrc = how == 1 && i >= 100 ? 9 : 7;
            if (how == 1 || i < 20)
                pass(&sessions[1], packet);
        }
        if (how == 0)
            panel_session_end(&shard, &sessions[1], T0 + 8 * NS_PER_S);
        panel_on_gap(&shard, &sessions[0], 0, 200, 3, T0 + 8 * NS_PER_S);
        panel_session_end(&shard, &sessions[0], T0 + 9 * NS_PER_S);
        assert_int_equal(stats->panel.gaps, 0);
    }
}

/* More gaps than the table holds: all are counted. */
static void test_many_gaps(void **state)
{
    begin_readers(2);
    pass(&sessions[0], video(1, 3600, T0));
    pass(&sessions[1], video(1, 3600, T0));
    for (uint32_t i = 0; i < 200; i++) {
        panel_on_gap(&shard, &sessions[0], 0, 10 * i, 1, T0 + NS_PER_S);
        panel_on_gap(&shard, &sessions[1], 0, 10 * i + i % 2, 1, T0 + NS_PER_S);
    }
    panel_session_end(&shard, &sessions[0], T0 + NS_PER_S);
    panel_session_end(&shard, &sessions[1], T0 + NS_PER_S);
    assert_int_equal(stats->panel.gaps, 400);
    assert_int_equal(stats->panel.gaps_shared, 200);
}

/* The source starts over with another SSRC: soon the readers are compared again. */
static void test_gaps_after_new_ssrc(void **state)
{
    begin_readers(2);
    for (uint32_t i = 0; i < 200; i++) {
        for (unsigned r = 0; r < 2; r++) {
            struct panel_packet packet = video(i, i * 3600, T0 + i * 40 * MS);
            rtp.ssrc = i < 100 ? 7 : 8;
            pass(&sessions[r], packet);
        }
    }
    panel_on_gap(&shard, &sessions[0], 0, 200, 3, T0 + 8 * NS_PER_S);
    panel_on_gap(&shard, &sessions[1], 0, 200, 3, T0 + 8 * NS_PER_S);
    panel_session_end(&shard, &sessions[0], T0 + 9 * NS_PER_S);
    panel_session_end(&shard, &sessions[1], T0 + 9 * NS_PER_S);
    assert_int_equal(stats->panel.gaps, 2);
    assert_int_equal(stats->panel.gaps_shared, 2);
}

/* ---- the rest ---- */

/* 25 frames a second of two packets of 1,012 bytes, a keyframe every 2 s: 404.8 kbit/s. */
static void test_info(void **state)
{
    struct panel_session *session = begin();
    struct panel_track_info info;
    for (uint32_t i = 0; i < 500; i++) {
        struct panel_packet packet = video(i, 0xffff0000 + i / 2 * 3600, T0 + i / 2 * 40 * MS);
        rtp.marker = i % 2;
        packet.marks = i % 2 ? 0 : CODEC_FRAME_START;
        packet.marks |= i % 100 == 0 ? CODEC_KEYFRAME : 0u;
        pass(session, packet);
    }
    assert_true(panel_track_info(session, 0, &info));
    assert_true(info.frame_rate > 24.999 && info.frame_rate < 25.001);
    assert_true(info.keyframe_interval_s > 1.999 && info.keyframe_interval_s < 2.001);
    assert_true(info.bitrate_bps > 404700 && info.bitrate_bps < 404900);
    assert_int_equal(info.keyframes, 5);
    assert_true(info.markers_trusted);
    assert_int_equal(info.latency_source, PANEL_LATENCY_NONE);
}

/* A record used before is as good as a fresh one. */
static void test_record_is_reused(void **state)
{
    begin();
    memset(&sessions[0], 0xa5, sizeof(sessions[0]));
    panel_session_init(&shard, &sessions[0], 0);
    for (uint32_t i = 0; i < 50; i++)
        pass(&sessions[0], video(i, i * 3600, T0 + i * 40 * MS));
    panel_session_end(&shard, &sessions[0], T0 + 2000 * MS);
    assert_int_equal(stats->panel.sessions, 2);
    assert_int_equal(stats->panel.frames_complete, 50);
    assert_int_equal(stats->panel.freezes + stats->panel.stalls, 0);
}

/* Whatever a server sends (PROTOCOL rows 51, 52, 54): no count is more than its cause, nothing
 * overflows. */
static void test_noise(void **state)
{
    static const uint32_t clocks[] = {0, 1, 8000, 90000, UINT32_MAX};
    struct rng rng = rng_init(11, 0, 0);
    struct panel_session *session = begin();
    uint64_t at = T0;
    unsigned packets = 0;
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t dice = rng_next(&rng);
        at += dice % 1000 == 0 ? 90 * NS_PER_S : rng_below(&rng, 20 * MS);
        struct panel_packet packet = video((uint32_t)rng_next(&rng), (uint32_t)rng_next(&rng), at);
        if (dice % 3 == 0) {
            packet.sequence = i;
            rtp.timestamp = (uint32_t)(i / 4 * 3600) + (dice % 64 == 0 ? 0x80000000u : 0);
        }
        packet.order = (enum panel_order)(dice >> 8 & 3);
        packet.marks = dice >> 10 & 15;
        packet.clock_rate = clocks[i / 20000 % 5];
        rtp.marker = dice >> 14 & 1;
        rtp.ssrc = dice >> 15 & 1;
        packets += packet.order != PANEL_DUPLICATE;
        panel_on_packet(&shard, session, (unsigned)(dice >> 16 & 3), &packet);
        if ((dice >> 18) % 32 == 0)
            panel_on_gap(&shard, session, 0, (uint32_t)dice, (uint32_t)(dice >> 40), at);
        if (dice % 50 == 1)
            panel_on_sender_report(session, dice & 1, rng_next(&rng), (uint32_t)dice);
        if (dice % 100 == 2)
            panel_on_second(&shard, session, at);
        if (dice % 500 == 3)
            panel_on_restart(&shard, session, dice & 1);
    }
    panel_session_end(&shard, session, at);
    const struct panel_counts *got = &stats->panel;
    assert_true(got->frames_complete + got->frames_damaged + got->frames_suspect <= packets);
    assert_true(got->keyframes <= got->frames_complete);
    assert_true(got->freeze_us <= 2 * (at - T0) / NS_PER_US);
    assert_true(got->gaps_shared <= got->gaps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_first_and_last),
        cmocka_unit_test(test_trust_takes_time),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_audio_alone),
        cmocka_unit_test(test_playout),
        cmocka_unit_test(test_deadlines_move),
        cmocka_unit_test(test_time_jumps),
        cmocka_unit_test(test_last_packet_counts),
        cmocka_unit_test(test_open_at_end),
        cmocka_unit_test(test_burst_at_start),
        cmocka_unit_test(test_frames_out_of_display_order),
        cmocka_unit_test(test_no_clock),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_latency_stamps),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_skew_needs_both_reports),
        cmocka_unit_test(test_skew_is_of_video_and_audio),
        cmocka_unit_test(test_skew_without_ticks),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_lag),
        cmocka_unit_test(test_pace_by_the_best_frames),
        cmocka_unit_test(test_pace_of_two_frames),
        cmocka_unit_test(test_pace_of_short_sessions),
        cmocka_unit_test(test_mdi),
        cmocka_unit_test(test_mdi_counts_media_packets),
        cmocka_unit_test(test_mdi_silence),
        cmocka_unit_test(test_cross_reader),
        cmocka_unit_test(test_late_joiner),
        cmocka_unit_test(test_readers_far_behind),
        cmocka_unit_test(test_streams_apart),
        cmocka_unit_test(test_shared_gaps),
        cmocka_unit_test(test_gaps_of_a_lonely_reader),
        cmocka_unit_test(test_many_gaps),
        cmocka_unit_test(test_gaps_after_new_ssrc),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_record_is_reused),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
