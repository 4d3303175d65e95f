#include "panel_rig.h"

#include "base/rng.h"

/* Where RTP time and sequence go on after a restart, in the other one's terms; in frames. */
static const struct {
    const char *name;
    int timestamp, sequence;
    enum { BY_CALL, BY_FORMAT, BY_SEQUENCE } how;
} restarts[] = {
    {"further ahead", 100000, 5000, BY_CALL},
    {"as if nothing were missing in time", 0, 5000, BY_CALL},
    {"back by 5 s", -125, -15, BY_CALL},
    {"another codec", -125, 0, BY_FORMAT},
    {"in order, but behind", -125, -60, BY_SEQUENCE},
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
            packet.codec = i >= 20 && restarts[row].how == BY_FORMAT ? CODEC_H265 : CODEC_H264;
            if (i == 20 && restarts[row].how == BY_CALL)
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
        cmocka_unit_test(test_restart),          cmocka_unit_test(test_audio_alone),
        cmocka_unit_test(test_no_clock),         cmocka_unit_test(test_info),
        cmocka_unit_test(test_record_is_reused), cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
