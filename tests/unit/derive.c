#include "test.h"

#include "stats/stats.h"

#define S UINT64_C(1000000) /* in microseconds */

static struct stats *stats;

static int begin(void **state)
{
    stats = stats_new(2);
    return stats ? 0 : -1;
}

static int end(void **state)
{
    stats_free(stats);
    return 0;
}

/* One that was cut off after so long. */
static void cut(enum role role, enum wait wait, uint64_t us)
{
    stats->sessions.started++;
    stats->sessions.cut_off++;
    histogram_record(&stats->cut_off[role][wait], us);
}

static void got_through(enum metric metric, uint64_t us)
{
    histogram_record_many(&stats->metrics[metric], us, 100);
}

/* 2 s are granted to everyone, and twice the p99 of those that got through the phase; what the
   phases before it take is granted apart. Buckets of two digits are less than 1 % wide. */
static void test_unanswered(void **state)
{
    static const struct {
        const char *name;
        enum role role;
        enum wait wait;
        uint64_t connect, options, describe, setup; /* p99 of each, 0: nobody got through */
        uint64_t waited;
        bool unanswered;
    } rows[] = {
        {"1.9 s", ROLE_READER, WAIT_CONNECT, 0, 0, 0, 0, 19 * S / 10, false},
        {"2.1 s, nobody else connected", ROLE_READER, WAIT_CONNECT, 0, 0, 0, 0, 21 * S / 10, true},
        {"2.1 s, others took 1 ms", ROLE_READER, WAIT_DESCRIBE, 1000, 1000, 1000, 0, 21 * S / 10,
         true},
        {"DESCRIBE takes 3 s", ROLE_READER, WAIT_DESCRIBE, 1000, 1000, 3 * S, 0, 59 * S / 10,
         false},
        {"over twice that", ROLE_READER, WAIT_DESCRIBE, 1000, 1000, 3 * S, 0, 62 * S / 10, true},
        {"SETUP began just now, after 3 s", ROLE_READER, WAIT_SETUP, 1000, 1000, 3 * S, 1000,
         31 * S / 10, false},
        {"SETUP hangs for over 2 s", ROLE_READER, WAIT_SETUP, 1000, 1000, 3 * S, 1000, 52 * S / 10,
         true},
        {"a publisher's way leaves DESCRIBE out", ROLE_PUBLISHER, WAIT_SETUP, 1000, 1000, 3 * S,
         1000, 31 * S / 10, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint64_t p99[] = {rows[i].connect, rows[i].options, rows[i].describe, rows[i].setup};
        const enum metric metrics[] = {METRIC_CONNECT, METRIC_OPTIONS, METRIC_DESCRIBE,
                                       METRIC_SETUP};
        stats_clear(stats);
        for (unsigned k = 0; k < 4; k++) {
            if (p99[k] > 0)
                got_through(metrics[k], p99[k]);
        }
        cut(rows[i].role, rows[i].wait, rows[i].waited);
        stats_derive(stats);
        if (stats->sessions.unanswered != rows[i].unanswered)
            fail_msg("%s", rows[i].name);
        assert_int_equal(stats->sessions.cancelled, !rows[i].unanswered);
    }
}

/* Coming back is held against the slowest that did. */
static void test_coming_back(void **state)
{
    histogram_record(&stats->metrics[METRIC_COME_BACK], 3 * S);
    cut(ROLE_READER, WAIT_COME_BACK, 59 * S / 10);
    cut(ROLE_READER, WAIT_COME_BACK, 62 * S / 10);
    stats_derive(stats);
    assert_int_equal(stats->sessions.unanswered, 1);
    assert_int_equal(stats->never[METRIC_COME_BACK], 1);
    assert_int_equal(stats->never[METRIC_CONNECT], 0); /* that much isn't known */
    assert_int_equal(stats->never[METRIC_PLAY], 1);
    assert_int_equal(stats->never[METRIC_STARTUP], 1);
}

/* Who failed or was unanswered in a step is missing from it and from all that follow; from nothing
   before it, and from no step of the other role. */
static void test_never(void **state)
{
    stats->failed_in[ROLE_READER][WAIT_DESCRIBE] = 5;
    stats->failed_in[ROLE_PUBLISHER][WAIT_CONNECT] = 7;
    cut(ROLE_READER, WAIT_PLAY, 3 * S);
    cut(ROLE_READER, WAIT_PLAY, S / 10); /* cancelled: in none */
    stats->teardowns_unanswered = 11;
    stats->keepalives_unanswered = 13;
    stats_derive(stats);
    static const struct {
        enum metric metric;
        uint64_t never;
    } rows[] = {
        {METRIC_CONNECT, 7},        {METRIC_OPTIONS, 7},   {METRIC_DESCRIBE, 5},
        {METRIC_ANNOUNCE, 7},       {METRIC_SETUP, 12},    {METRIC_PLAY, 6},
        {METRIC_RECORD, 7},         {METRIC_FIRST_RTP, 6}, {METRIC_STARTUP, 13},
        {METRIC_FIRST_KEYFRAME, 6}, {METRIC_JOIN, 6},      {METRIC_TEARDOWN, 11},
        {METRIC_KEEPALIVE, 13},     {METRIC_TLS, 0},       {METRIC_COME_BACK, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(stats->never[rows[i].metric], rows[i].never);
}

/* No packet in 2 s, or in twice what the slowest 1 % of the others needed for their first. */
static void test_no_media(void **state)
{
    histogram_record(&stats->silent, 19 * S / 10);
    histogram_record(&stats->silent, 3 * S);
    histogram_record(&stats->silent, 9 * S);
    stats_derive(stats);
    assert_int_equal(stats->no_media, 2);
    assert_int_equal(stats->never[METRIC_FIRST_RTP], 2);
    assert_int_equal(stats->never[METRIC_STARTUP], 2);
    assert_int_equal(stats->never[METRIC_JOIN], 0);
    got_through(METRIC_FIRST_RTP, 4 * S);
    stats_derive(stats);
    assert_int_equal(stats->no_media, 1);
}

/* A keyframe every 4 s may be waited for 8 s, one that nobody saw 10 s. */
static void test_no_keyframe(void **state)
{
    for (unsigned i = 0; i < KEYFRAME_STEPS; i++)
        stats->streams[0].no_keyframe[i] = stats->streams[1].no_keyframe[i] = 1;
    stats->streams[0].keyframe_interval_us = 4 * S;
    uint64_t expected = 0;
    for (unsigned i = 0; i < KEYFRAME_STEPS; i++)
        expected += (keyframe_steps_ms[i] >= 8000) + (keyframe_steps_ms[i] >= 10000);
    stats_derive(stats);
    assert_int_equal(stats->never[METRIC_JOIN], expected);
    assert_int_equal(stats->never[METRIC_FIRST_KEYFRAME], expected);
    assert_int_equal(stats->never[METRIC_STARTUP], 0);
}

/* However the sessions were dealt to shards, the sum says the same. */
static void test_parts_dont_show(void **state)
{
    struct stats *sum = stats_new(2), *part = stats_new(2);
    assert_true(sum && part);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t took = (i + 1) * S / 50, waited = i * S / 10;
        struct stats *shards[] = {stats, part};
        for (unsigned k = 0; k < 2; k++) {
            struct stats *to = k == 0 || i % 2 ? shards[k] : sum;
            histogram_record(&to->metrics[METRIC_DESCRIBE], took);
            histogram_record(&to->cut_off[ROLE_READER][WAIT_DESCRIBE], waited);
            to->sessions.cut_off++;
        }
    }
    stats_add(sum, part);
    stats_derive(stats);
    stats_derive(sum);
    assert_true(stats->sessions.unanswered > 0);
    assert_int_equal(sum->sessions.unanswered, stats->sessions.unanswered);
    assert_int_equal(sum->never[METRIC_PLAY], stats->never[METRIC_PLAY]);
    stats_free(sum);
    stats_free(part);
}

/* A wait over the bound that is not yet unanswered: counted for its phase and for startup. */
static void test_cut_off_over(void **state)
{
    got_through(METRIC_CONNECT, 100000);
    got_through(METRIC_DESCRIBE, 3 * S);
    cut(ROLE_READER, WAIT_DESCRIBE, S);
    cut(ROLE_READER, WAIT_DESCRIBE, 4 * S);
    cut(ROLE_READER, WAIT_DESCRIBE, 9 * S); /* unanswered: counted by never */
    stats_derive(stats);
    assert_int_equal(stats->sessions.unanswered, 1);
    assert_int_equal(stats_cut_off_over(stats, METRIC_DESCRIBE, 500000), 2);
    assert_int_equal(stats_cut_off_over(stats, METRIC_DESCRIBE, 950000), 1); /* 0.1 s to connect */
    assert_int_equal(stats_cut_off_over(stats, METRIC_STARTUP, 950000), 2);
    assert_int_equal(stats_cut_off_over(stats, METRIC_JOIN, 5 * S), 0);
    assert_int_equal(stats_cut_off_over(stats, METRIC_SETUP, 1), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_unanswered),   TEST(test_coming_back), TEST(test_never),
        TEST(test_no_media),     TEST(test_no_keyframe), TEST(test_parts_dont_show),
        TEST(test_cut_off_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
