#include "panel_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_lag),
        cmocka_unit_test(test_pace_by_the_best_frames),
        cmocka_unit_test(test_pace_of_two_frames),
        cmocka_unit_test(test_pace_of_short_sessions),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
