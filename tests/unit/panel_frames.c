#include "panel_rig.h"

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

/* What the receiver takes for noise until another packet follows it does no harm to the frame it is
 * in. */
static void test_packets_out_of_place(void **state)
{
    struct panel_session *session = begin();
    for (uint32_t i = 0; i < 90; i++) {
        struct panel_packet noise = video(i + 20000, 12345678, T0 + i * 10 * MS);
        noise.order = PANEL_LATE;
        if (i % 10 == 5)
            pass(session, noise);
        struct panel_packet packet = video(i, i / 3 * 3600, T0 + i * 10 * MS);
        rtp.marker = i % 3 == 2;
        packet.marks = i % 3 == 0 ? CODEC_FRAME_START : 0u;
        pass(session, packet);
    }
    panel_session_end(&shard, session, T0 + 900 * MS);
    assert_int_equal(stats->panel.frames_complete, 30);
    assert_int_equal(stats->panel.frames_damaged + stats->panel.frames_suspect, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_packets_out_of_place),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_first_and_last),
        cmocka_unit_test(test_trust_takes_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
