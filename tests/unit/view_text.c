#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "a_run.h"
#include "view/text.h"

static char buffer[8192];

/* Fails unless every line fits the screen; gives the text. */
static const char *summary(const struct snapshot *snapshot)
{
    struct text text = text_init(buffer, sizeof(buffer));
    view_text_summary(snapshot, &text);
    assert_false(text.overflow);
    const char *whole = text_string(&text);
    unsigned lines = 0, column = 0;
    for (const char *at = whole; *at; at++) {
        column = *at == '\n' ? 0 : column + ((*at & 0xc0) != 0x80);
        assert_true(column <= 80);
        lines += *at == '\n';
    }
    assert_int_equal(column, 0);
    assert_true(lines < 24);
    return whole;
}

static void assert_starts(const char *whole, const char *start)
{
    if (strncmp(whole, start, strlen(start)) != 0)
        assert_string_equal(whole, start);
}

static void assert_holds(const char *whole, const char *part)
{
    if (!strstr(whole, part))
        assert_string_equal(whole, part);
}

static void test_summary(void **state)
{
    static const char *const parts[] = {
        "100 started, 97 established, 96 with media, 2 failed, 3 dropped,",
        "1 cancelled, 4 never begun, 5 retries, 198 at peak, 30.5 s\n",
        "1,294,567 packets, 1.56 GB, 408 Mbit/s, 11 duplicates, 12 reordered,",
        "13 late, 14 resets, 15 bad",
        "150 of 1,294,700 (0.0116 %), 100 by the network, 20 by our sockets,",
        "10 by our delay, 20 by the server",
        "errors           7  describe status 404  404 Not Found\n",
        "\n                 1  connect refused\n",
        "ok, 2.59 s of CPU, 2000 ns a packet, 2 threads, the busiest 43 %,",
        "headroom 2.3 x, 34.1 MB, 259 B a session\n",
        "50 sessions, 5,000 whole frames, 103 damaged, 54 freezes, 56 stalls",
    };
    struct a_run run;
    a_run_begin(&run);
    const char *whole = summary(&run.snapshot);
    assert_starts(whole,
                  "PASS  97 of 100 sessions, 58 stalled, 4 never begun, 150 packets lost\n\n");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_holds(whole, parts[i]);
    run.total->active_peak = 99;
    assert_null(strstr(summary(&run.snapshot), " a session"));
    a_run_end(&run);
}

/* Each value stands under its heading: startup was recorded as 90, 180, ... 9000 us. */
static void test_table(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    const char *whole = summary(&run.snapshot);
    const char *row = strstr(whole, "\nstartup ");
    double p50, p95, p99, max;
    unsigned never;
    assert_non_null(row);
    assert_int_equal(
        sscanf(row, " startup %lf ms %lf ms %lf ms %lf ms %u", &p50, &p95, &p99, &max, &never), 5);
    assert_true(p50 >= 4.495 && p50 <= 4.51);
    assert_true(p95 >= 8.545 && p95 <= 8.565);
    assert_true(p99 >= 8.905 && p99 <= 8.925);
    assert_true(max == 9);
    assert_int_equal(never, a_run_number(METRIC_STARTUP));
    assert_null(strstr(whole, "\ntls "));
    histogram_record(&run.total->metrics[METRIC_TLS], 5);
    assert_holds(summary(&run.snapshot), "\ntls ");
    a_run_end(&run);
}

static void test_headlines(void **state)
{
    struct a_run run;
    struct slo_result slos[] = {
        {.expression = "startup.p95<500ms", .measured = true, .value = 812, .unit = SLO_MS},
        {.expression = "a<1", .measured = true, .ok = true, .unit = SLO_COUNT},
        {.expression = "b<1", .unit = SLO_COUNT}};
    a_run_begin(&run);
    struct session_counts *sessions = &run.total->sessions;
    *sessions = (struct session_counts){.started = 100, .established = 100};
    run.total->panel.stalled_sessions = 0;
    run.total->rtp[MEDIA_VIDEO].lost = 0;
    assert_starts(summary(&run.snapshot), "PASS  100 of 100 sessions, 0 packets lost\n");

    run.snapshot.generator.limits = 1u << LIMIT_CPU;
    assert_starts(summary(&run.snapshot), "PASS, but the generator was the limit: cpu; "
                                          "100 of 100 sessions, 0 packets lost\n");
    assert_holds(summary(&run.snapshot), "\ngenerator  LIMITED by cpu, ");
    run.snapshot.generator.limits = (1u << GENERATOR_LIMITS) - 1;
    assert_starts(summary(&run.snapshot),
                  "PASS, but the generator was the limit: cpu, loop_lag, +6 more");

    run.snapshot.slos = slos;
    run.snapshot.slo_count = 3;
    assert_starts(summary(&run.snapshot), "INVALID  the generator was the limit: cpu, loop_lag");
    run.snapshot.generator.limits = 0;
    assert_starts(summary(&run.snapshot),
                  "FAIL  missed startup.p95<500ms (it was 812 ms), and 1 more\n");
    run.snapshot.slos = &slos[2];
    run.snapshot.slo_count = 1;
    assert_starts(summary(&run.snapshot), "FAIL  missed b<1 (never measured)\n");
    run.snapshot.slo_count = 0;

    memset(run.total->rtp, 0, sizeof(run.total->rtp));
    run.total->oddities = (struct oddity_counts){0};
    assert_starts(summary(&run.snapshot), "PASS  100 of 100 sessions, no media\n");
    run.total->oddities.foreign = 1940;
    run.total->oddities.unknown_type = 3;
    assert_starts(summary(&run.snapshot),
                  "PASS  100 of 100 sessions, no media, 1,943 packets ignored\n");
    assert_holds(summary(&run.snapshot), "\nignored    1,940 datagrams from other hosts, "
                                         "3 packets of types not in the SDP\n");
    a_run_end(&run);
}

/* Where a signal ended the run, each kind of first line says so, and an invalid one says what for.
 */
static void test_interrupted(void **state)
{
    struct a_run run;
    struct slo_result slo = {.expression = "startup.p95<500ms",
                             .measured = true,
                             .ok = true,
                             .value = 81,
                             .unit = SLO_MS};
    a_run_begin(&run);
    run.total->sessions = (struct session_counts){.started = 9, .established = 9};
    run.total->rtp[MEDIA_VIDEO].lost = 0;
    run.total->panel.stalled_sessions = 0;
    run.info.judge_from_ns = 10 * NS_PER_S;
    run.snapshot.interrupted = (struct interrupted){15, 2 * NS_PER_S, 20 * NS_PER_S};
    assert_starts(summary(&run.snapshot),
                  "PASS  9 of 9 sessions, interrupted after 2.0 of 20 s, 0 packets lost\n");
    run.snapshot.slos = &slo;
    run.snapshot.slo_count = 1;
    static const char early[] = "INVALID  interrupted after 2.0 of 20 s, before the target was "
                                "reached;\n           9 of 9 sessions, 0 packets lost\n";
    assert_starts(summary(&run.snapshot), early);
    run.snapshot.generator.limits = 1u << LIMIT_CPU;
    assert_starts(summary(&run.snapshot), early);
    assert_holds(summary(&run.snapshot), "\ngenerator  LIMITED by cpu, ");
    run.snapshot.interrupted.at_ns = 12 * NS_PER_S;
    assert_starts(summary(&run.snapshot), "INVALID  the generator was the limit: cpu, "
                                          "interrupted after 12.0 of 20 s;\n");
    run.snapshot.generator.limits = 0;
    slo.ok = false;
    assert_starts(summary(&run.snapshot), "FAIL  missed startup.p95<500ms (it was 81 ms), "
                                          "interrupted after 12.0 of 20 s\n");
    run.total->sessions.dropped = 3;
    assert_starts(summary(&run.snapshot),
                  "FAIL  9 of 9 sessions, interrupted after 12.0 of 20 s, 3 dropped");
    run.total->sessions = (struct session_counts){.started = 9, .cancelled = 9};
    run.total->error_count = 0;
    assert_starts(summary(&run.snapshot),
                  "FAIL  no session was established: 9 cut off by the end of the run,\n"
                  "           interrupted after 12.0 of 20 s\n");
    a_run_end(&run);
}

static void test_nothing_established(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    run.total->sessions = (struct session_counts){.started = 7, .failed = 7};
    assert_starts(summary(&run.snapshot),
                  "FAIL  no session was established: describe status 404 (7)\n");
    run.snapshot.generator.limits = 1u << LIMIT_LOOP_LAG;
    assert_starts(summary(&run.snapshot),
                  "FAIL  no session was established: describe status 404 (7)"
                  "; limited: loop_lag\n");
    run.snapshot.generator.limits = 1u << LIMIT_FILES;
    assert_starts(summary(&run.snapshot), "INVALID  no session was established, "
                                          "the generator was the limit: files;\n"
                                          "           0 of 7 sessions, ");
    run.snapshot.generator.limits = 0;
    run.total->error_count = 0;
    run.total->sessions = (struct session_counts){.started = 3, .cancelled = 3};
    assert_starts(summary(&run.snapshot),
                  "FAIL  no session was established: 3 cut off by the end of the run\n");
    run.total->sessions = (struct session_counts){0};
    assert_starts(summary(&run.snapshot), "FAIL  no session was established: none was begun\n");
    a_run_end(&run);
}

/* The generator's line: values, bounds and times of the first two limits, the names of the others.
 */
static void test_limits(void **state)
{
    static const struct {
        enum generator_limit limit;
        struct limit_value value;
        const char *text;
    } rows[] = {
        {LIMIT_LOOP_LAG,
         {"p99", 23.4, 10, 12 * NS_PER_S, true},
         "loop_lag (p99 23.4 ms, bound 10 ms, worst at 12 s),"},
        {LIMIT_LOOP_LAG,
         {"once", 1780.4, 500, 12 * NS_PER_S, true},
         "loop_lag (once 1780 ms, bound 500 ms, worst at 12 s),"},
        {LIMIT_SCHEDULE_LAG,
         {"p99", 120, 100, 0, true},
         "schedule_lag (p99 120 ms, bound 100 ms),"},
        {LIMIT_UDP_SOCKET_DROPS,
         {"", 12345, 0, 2600 * NS_PER_MS, true},
         "udp_socket_drops (12,345, bound 0, first at 3 s),"},
        {LIMIT_CPU,
         {"core 1", 0.987, 0.9, 7 * NS_PER_S, true},
         "cpu (core 1 99 %, bound 90 %, first at 7 s),"},
        {LIMIT_FILES, {"", 0, 0, 7 * NS_PER_S, false}, "files (first at 7 s),"},
        {LIMIT_MEMORY, {"", 0, 0, 0, false}, "memory,"},
    };
    char expected[200];
    struct a_run run;
    a_run_begin(&run);
    struct generator *generator = &run.snapshot.generator;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        generator->limits = 1u << rows[i].limit;
        generator->limit_values[rows[i].limit] = rows[i].value;
        snprintf(expected, sizeof(expected), "\ngenerator  LIMITED by %s", rows[i].text);
        assert_holds(summary(&run.snapshot), expected);
    }
    generator->limits =
        1u << LIMIT_CPU | 1u << LIMIT_LOOP_LAG | 1u << LIMIT_FILES | 1u << LIMIT_PORTS;
    assert_holds(summary(&run.snapshot),
                 "\ngenerator  LIMITED by cpu (core 1 99 %, bound 90 %, first at 7 s),\n"
                 "           loop_lag (once 1780 ms, bound 500 ms, worst at 12 s), +2 more");
    generator->limits = 0;
    strcpy(generator->warnings[0], "core 0 is 100 % busy, 99 % of it others'");
    generator->warning_count = 1;
    assert_holds(summary(&run.snapshot),
                 "\ngenerator  ok, core 0 is 100 % busy, 99 % of it others', 2.59 s of CPU,\n");
    a_run_end(&run);
}

/* 80 columns: label 11, count 7, the name between two pairs of blanks, and the dots. */
static void test_long_error(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    run.total->error_count = 0;
    stats_error(run.total, PHASE_CONNECT, REASON_REFUSED, 0,
                "from rtsp://127.0.0.1:9/a/path/that/is/as/long/as/it/gets");
    assert_holds(
        summary(&run.snapshot),
        "\nerrors           1  connect refused  from rtsp://127.0.0.1:9/a/path/that/is/a...\n");
    a_run_end(&run);
}

/* The greatest numbers, every kind of error with endless samples: still one screen. */
static void worst_fits(bool publish)
{
    struct a_run run;
    a_run_begin(&run);
    if (publish)
        a_run_publish(&run);
    struct rtp_counts *video = &run.total->rtp[MEDIA_VIDEO];
    uint64_t *counts[] = {&run.total->sessions.started, &video->packets, &run.total->panel.sessions,
                          &run.total->published.packets};
    size_t sizes[] = {sizeof(struct session_counts), sizeof(struct rtp_counts),
                      sizeof(struct panel_counts), sizeof(struct published_counts)};
    uint64_t values[] = {1000000, 999999999999, 999999999, 999999999999};
    for (size_t i = 0; i < (publish ? 4u : 3u); i++) {
        for (size_t k = 0; k < sizes[i] / sizeof(uint64_t); k++)
            counts[i][k] = values[i];
    }
    histogram_record(&run.total->metrics[METRIC_TLS], 3600000000);
    for (int i = 0; i < 70; i++)
        stats_error(
            run.total, PHASE_SETUP, REASON_STATUS, 400 + (unsigned)i,
            "\xe6\x97\xa5\xe6\x9c\xac a sample much longer than a line of a terminal may be, "
            "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5");
    run.snapshot.generator.limits = (1u << GENERATOR_LIMITS) - 1;
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++)
        run.snapshot.generator.limit_values[i] =
            (struct limit_value){"123456789012345", 3600000, 100, 9999999 * NS_PER_S, true};
    for (unsigned i = 0; i < GENERATOR_WARNINGS; i++)
        memset(run.snapshot.generator.warnings[i], 'w', GENERATOR_WARNING - 1);
    run.snapshot.generator.warning_count = GENERATOR_WARNINGS;
    run.snapshot.generator.rss_bytes = 99900000000;
    const char *whole = summary(&run.snapshot);
    assert_holds(whole, " of other kinds\n");
    for (int established = 0; established < 2; established++) {
        run.total->sessions.established = established ? 1000000 : 0;
        summary(&run.snapshot);
    }
    if (publish) {
        run.snapshot.by_hand = (struct by_hand){123, 2, 1};
        summary(&run.snapshot);
    }
    a_run_end(&run);
}

static void test_worst_fits(void **state)
{
    worst_fits(false);
    worst_fits(true);
}

/* A made-up run of 30.5 s with 750 MB published: 6e9 bits / 30.5 s = 196.7 Mbit/s. */
static void test_publishers(void **state)
{
    static const char *const parts[] = {
        ("\npublished  600,000 packets, 750 MB, 197 Mbit/s, 12 publishers unconfirmed,\n"
         "           34.6 kB unacknowledged, 45 lost, as the server reports\n"),
        "\ndropped    1,500 of 601,500 (0.249 %), 1,200 by the server, 300 by our delay\n",
        "\nannounce ",
        "\nrecord ",
        "\nlate ",
        "\nround trip ",
        "4315 ns a packet", /* 2,589,134,000 / 600,000 */
    };
    static const char *const readers[] = {"\nRTP ",  "\nloss ",      "\npanel ",  "lost,\n",
                                          "\nplay ", "\nfirst rtp ", "\njitter ", "\ndescribe "};
    struct a_run run;
    a_run_begin(&run);
    a_run_publish_only(&run);
    const char *whole = summary(&run.snapshot);
    assert_starts(whole, "PASS  97 of 100 publishers, 12 unconfirmed, 4 never begun,\n"
                         "           1,500 packets dropped\n");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_holds(whole, parts[i]);
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
        assert_null(strstr(whole, readers[i]));

    run.total->sessions = (struct session_counts){.started = 100, .established = 100};
    run.total->published.dropped = 0;
    run.total->published.unconfirmed = 1;
    whole = summary(&run.snapshot);
    assert_starts(whole, "PASS  100 of 100 publishers, 1 unconfirmed, 0 packets dropped\n");
    assert_holds(whole, ", 1 publisher unconfirmed,\n");
    run.total->published.unconfirmed = run.total->published.unacked_bytes = 0;
    whole = summary(&run.snapshot);
    assert_starts(whole, "PASS  100 of 100 publishers, 0 packets dropped\n");
    assert_null(strstr(whole, "unconfirmed"));
    run.total->published.dropped = 1;
    run.total->published.reported_lost = (uint64_t)-3;
    whole = summary(&run.snapshot);
    assert_starts(whole, "PASS  100 of 100 publishers, 1 packet dropped\n");
    assert_holds(whole, ", 0 lost, as the server reports\n");
    run.total->rtcp.rr_received = 0;
    assert_null(strstr(summary(&run.snapshot), "reports"));
    a_run_end(&run);
}

/* Publishers beside readers: the sums of both, and one screen still. */
static void test_both(void **state)
{
    static const char *const parts[] = {
        "\nplay ",
        "\nrecord ",
        "\nlate ",
        "\nRTP        1,294,567 packets, ",
        "\nloss       150 of ",
        "\npanel ",
        "\nerrors ",
        "\npublished  600,000 packets, 750 MB, 197 Mbit/s, 12 publishers unconfirmed\n",
        "\ndropped    1,500 of 601,500 (0.249 %), 1,200 by the server, 300 by our delay\n",
        "1367 ns a packet", /* 2,589,134,000 / 1,894,567 */
    };
    struct a_run run;
    a_run_begin(&run);
    a_run_publish(&run);
    const char *whole = summary(&run.snapshot);
    assert_starts(whole, "PASS  97 of 100 sessions, 58 stalled, 12 unconfirmed, 150 packets lost,\n"
                         "           1,500 unsent\n");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_holds(whole, parts[i]);
    a_run_end(&run);
}

/* All that isn't shown by name is in the sum. */
static void test_errors_are_all_counted(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    run.total->errors_not_kept = 1000;
    for (unsigned i = 0; i < 30; i++)
        stats_error(run.total, PHASE_PLAY, REASON_STATUS, 500 + i, "");
    const char *whole = summary(&run.snapshot);
    const char *errors = strstr(whole, "\nerrors ");
    assert_non_null(errors);
    unsigned sum = 0;
    char text[8192];
    strcpy(text, errors + strlen("\nerrors "));
    for (char *line = strtok(text, "\n"); line && line[0] == ' '; line = strtok(NULL, "\n")) {
        char *thousands = strchr(line, ',');
        if (thousands)
            memmove(thousands, thousands + 1, strlen(thousands));
        sum += (unsigned)strtoul(line, NULL, 10);
    }
    assert_int_equal(sum, 7 + 1 + 30 + 1000);
    a_run_end(&run);
}

static void interval_is(const struct snapshot *snapshot, const char *expected)
{
    struct text text = text_init(buffer, sizeof(buffer));
    view_text_interval(snapshot, &text);
    assert_string_equal(text_string(&text), expected);
    assert_true(strlen(buffer) <= 81);
}

/* 92,000 packets and 115 MB in 5 s are 18.4 k/s and 184 Mbit/s. */
static void test_interval(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    run.snapshot.elapsed_ns = 30 * NS_PER_S;
    interval_is(&run.snapshot, "   30s        94/100 up    2 new/s 18.4k pkt/s  184 Mbit/s"
                               "    3 lost    1 failed\n");
    run.snapshot.elapsed_ns = 86400 * NS_PER_S;
    run.total->active = run.total->target = 300000;
    run.interval->sessions.established = 500000;
    run.interval->sessions.dropped = 299999;
    run.interval->rtp[MEDIA_VIDEO].lost = 1234567;
    run.interval->rtp[MEDIA_AUDIO].packets = 500000000;
    run.interval->rtp[MEDIA_AUDIO].bytes = 6250000000;
    interval_is(&run.snapshot, "86400s 300000/300000 up 100k new/s  100M pkt/s 10.2 Gbit/s"
                               " 1.2M lost 300k failed\n");
    memset(&run.interval->sessions, 0, sizeof(run.interval->sessions));
    memset(run.interval->rtp, 0, sizeof(run.interval->rtp));
    run.interval->sessions.established = 2;
    run.total->active = run.total->target = 0;
    run.snapshot.elapsed_ns = 2 * NS_PER_S;
    interval_is(&run.snapshot, "    2s           0/0 up  0.4 new/s     0 pkt/s     0 bit/s"
                               "    0 lost    0 failed\n");
    a_run_end(&run);
}

/* 40,000 packets and 50 MB in 5 s are 8 k/s and 80 Mbit/s. */
static void test_interval_of_publishers(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    a_run_publish(&run);
    run.snapshot.elapsed_ns = 30 * NS_PER_S;
    struct text text = text_init(buffer, sizeof(buffer));
    view_text_interval(&run.snapshot, &text);
    assert_string_equal(
        text_string(&text),
        "   30s        94/100 up    2 new/s 18.4k pkt/s  184 Mbit/s    3 lost    1 failed\n"
        "                         published 8.00k pkt/s out 80.0 Mbit/s out   25 dropped\n");
    a_run_end(&run);
    a_run_begin(&run);
    a_run_publish_only(&run);
    run.snapshot.elapsed_ns = 30 * NS_PER_S;
    interval_is(&run.snapshot, "   30s        94/100 up 8.00k pkt/s out 80.0 Mbit/s out"
                               "   25 dropped    1 failed\n");
    a_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_headlines),
        cmocka_unit_test(test_nothing_established),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_error),
        cmocka_unit_test(test_worst_fits),
        cmocka_unit_test(test_errors_are_all_counted),
        cmocka_unit_test(test_interval),
        cmocka_unit_test(test_publishers),
        cmocka_unit_test(test_both),
        cmocka_unit_test(test_interval_of_publishers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
