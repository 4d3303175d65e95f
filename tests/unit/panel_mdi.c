#include "panel_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mdi),
        cmocka_unit_test(test_mdi_counts_media_packets),
        cmocka_unit_test(test_mdi_silence),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
