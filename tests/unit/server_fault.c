#include "test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/rtsp.h"
#include "server/fault.h"

static bool parse(const char *query, struct faults *faults, char *error, size_t size)
{
    struct text text = text_init(error, size);
    *faults = (struct faults){0};
    bool ok = faults_parse(faults, slice_from_string(query), &text);
    text_string(&text);
    return ok;
}

static void test_every_fault(void **state)
{
    char error[256];
    struct faults faults;
    assert_true(parse("drop=1/4&dup=25%&reorder=0.125&delay=50ms&seq=65500&stall=2s/10s"
                      "&reset_after=5s&close_after=6s,status=404&describe_delay=500ms"
                      "&mute=describe&mute=PLAY&bitrate_cap=100M&max_sessions=137"
                      "&session_timeout=10s&queue=64&stall_all=1&spread=1",
                      &faults, error, sizeof(error)));
    assert_int_equal(faults.drop, UINT64_C(1) << 30);
    assert_int_equal(faults.duplicate, UINT64_C(1) << 30);
    assert_int_equal(faults.reorder, UINT64_C(1) << 29);
    assert_int_equal(faults.delay_ns, 50000000);
    assert_true(faults.has_sequence);
    assert_int_equal(faults.sequence, 65500);
    assert_int_equal(faults.stall_ns, 2 * NS_PER_S);
    assert_int_equal(faults.stall_every_ns, 10 * NS_PER_S);
    assert_int_equal(faults.reset_after_ns, 5 * NS_PER_S);
    assert_int_equal(faults.close_after_ns, 6 * NS_PER_S);
    assert_int_equal(faults.status, 404);
    assert_int_equal(faults.describe_delay_ns, 500000000);
    assert_int_equal(faults.mute, 1u << RTSP_DESCRIBE | 1u << RTSP_PLAY);
    assert_int_equal(faults.bitrate_cap_bps, 100000000);
    assert_int_equal(faults.max_sessions, 137);
    assert_int_equal(faults.session_timeout_ns, 10 * NS_PER_S);
    assert_int_equal(faults.queue, 64);
    assert_true(faults.stall_all && faults.spread);
}

static void test_later_overrides_and_escapes(void **state)
{
    char error[256];
    struct faults faults;
    assert_true(
        parse("drop=1%2F2&&drop=1/8&stall_all=1&stall_all=0", &faults, error, sizeof(error)));
    assert_int_equal(faults.drop, UINT64_C(1) << 29);
    assert_false(faults.stall_all);
    assert_true(parse("", &faults, error, sizeof(error)));
}

static void test_refused(void **state)
{
    static const struct {
        const char *query, *names;
    } rows[] = {
        {"foo=1", "'foo'"},
        {"drp=1/100", "'drp'"},
        {"=1", "''"},
        {"drop", "fault drop="},
        {"drop=2", "1/100"},
        {"drop=3/2", "1/100"},
        {"drop=1/0", "1/100"},
        {"drop=60%&dup=50%", "together at most 1"},
        {"delay=50", "duration"},
        {"seq=65536", "65535"},
        {"stall=2s", "2s/10s"},
        {"stall=10s/2s", "2s/10s"},
        {"stall=0/2s", "2s/10s"},
        {"status=200", "300 to 599"},
        {"mute=nothing", "method"},
        {"bitrate_cap=0", "bit rate"},
        {"max_sessions=0", "from 1 on"},
        {"queue=-1", "from 1 on"},
        {"stall_all=yes", "1 or 0"},
        {"drop=1/10&queue=x", "fault queue="},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char error[256];
        struct faults faults;
        if (parse(rows[i].query, &faults, error, sizeof(error)))
            fail_msg("accepted: %s", rows[i].query);
        if (!strstr(error, rows[i].names))
            fail_msg("%s: '%s' doesn't say %s", rows[i].query, error, rows[i].names);
    }
}

/* Shares hold within 5 standard deviations, and asking again gives the same answer. */
static void test_shares_of_fates(void **state)
{
    enum { PACKETS = 200000 };
    struct faults faults;
    char error[64];
    unsigned count[4] = {0};
    assert_true(parse("drop=1/100&dup=1/50&reorder=1/20", &faults, error, sizeof(error)));
    for (uint64_t i = 0; i < PACKETS; i++) {
        enum fault_fate fate = faults_fate(&faults, 42, i);
        assert_int_equal(fate, faults_fate(&faults, 42, i));
        count[fate]++;
    }
    assert_in_range(count[FATE_DROPPED], 2000 - 225, 2000 + 225); /* sqrt(200000*.01*.99) = 44.5 */
    assert_in_range(count[FATE_DUPLICATED], 4000 - 315, 4000 + 315); /* 62.6 */
    assert_in_range(count[FATE_HELD], 10000 - 490, 10000 + 490);     /* 97.5 */
}

static void test_no_faults_no_fate(void **state)
{
    struct faults none = {0}, all = {.drop = UINT64_C(1) << 32};
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(faults_fate(&none, i, i), FATE_SENT);
        assert_int_equal(faults_fate(&all, i, i), FATE_DROPPED);
    }
}

/* stall=2s/10s from PLAY at 100 s: silence from 108 to 110 s, 118 to 120 s, ... */
static void test_stall_times(void **state)
{
    static const struct {
        double delay_s, now_s, media_s;
    } rows[] = {
        {0, 100, 100},     {0, 107.9, 107.9}, {0, 108, 108}, {0, 108.5, 108},
        {0, 109.9, 108},   {0, 110, 110},     {0, 117, 117}, {0, 119, 118},
        {0, 120.5, 120.5}, {1, 100, 99},      {1, 109, 107}, {1, 111, 110},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct faults faults = {.stall_ns = 2 * NS_PER_S,
                                .stall_every_ns = 10 * NS_PER_S,
                                .delay_ns = (uint64_t)(rows[i].delay_s * 1e9)};
        uint64_t media_ns =
            faults_media_time(&faults, 100 * NS_PER_S, (uint64_t)(rows[i].now_s * 1e9));
        assert_int_equal(media_ns, (uint64_t)(rows[i].media_s * 1e9));
    }
}

/* At the time that faults_write_time gives, the packet may be written, and not a moment earlier. */
static void test_write_time_inverts_media_time(void **state)
{
    struct faults faults = {
        .stall_ns = 2 * NS_PER_S, .stall_every_ns = 10 * NS_PER_S, .delay_ns = 50 * NS_PER_MS};
    uint64_t played_ns = 1000 * NS_PER_S;
    for (uint64_t due_ns = played_ns; due_ns < played_ns + 40 * NS_PER_S; due_ns += 7777777) {
        uint64_t at_ns = faults_write_time(&faults, played_ns, due_ns);
        assert_true(faults_media_time(&faults, played_ns, at_ns) >= due_ns);
        assert_true(faults_media_time(&faults, played_ns, at_ns - 1) < due_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault),
        cmocka_unit_test(test_later_overrides_and_escapes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_shares_of_fates),
        cmocka_unit_test(test_no_faults_no_fate),
        cmocka_unit_test(test_stall_times),
        cmocka_unit_test(test_write_time_inverts_media_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
