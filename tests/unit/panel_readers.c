#include "panel_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cross_reader),       cmocka_unit_test(test_late_joiner),
        cmocka_unit_test(test_readers_far_behind), cmocka_unit_test(test_streams_apart),
        cmocka_unit_test(test_shared_gaps),        cmocka_unit_test(test_gaps_of_a_lonely_reader),
        cmocka_unit_test(test_many_gaps),          cmocka_unit_test(test_gaps_after_new_ssrc),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
