#include "panel_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_latency_stamps),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_skew_needs_both_reports),
        cmocka_unit_test(test_skew_is_of_video_and_audio),
        cmocka_unit_test(test_skew_without_ticks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
