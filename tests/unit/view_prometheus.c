#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "a_run.h"
#include "view/prometheus.h"

static char *page;

static const char *write_page(const struct snapshot *snapshot, struct prometheus_peaks *peaks,
                              enum prometheus_format format)
{
    size_t len;
    free(page);
    page = NULL;
    FILE *to = open_memstream(&page, &len);
    prometheus_peaks_see(peaks, snapshot);
    prometheus_write(snapshot, peaks, format, to);
    fclose(to);
    return page;
}

/* The value of a sample, named with its labels; the page must hold it once. */
static double sample(const char *name)
{
    size_t len = strlen(name);
    const char *found = NULL;
    for (const char *at = page; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        if (strncmp(at, name, len) == 0 && at[len] == ' ') {
            assert_null(found);
            found = at + len;
        }
    }
    if (!found)
        fail_msg("no sample %s", name);
    return atof(found);
}

static void test_numbers(void **state)
{
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    a_run_begin(&run);
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_true(sample("rtspbench_sessions_active") == 94);
    assert_true(sample("rtspbench_sessions_target") == 100);
    assert_true(sample("rtspbench_sessions_started_total") == 100);
    assert_true(sample("rtspbench_rtp_packets_total{media=\"video\"}") == 1234567);
    assert_true(sample("rtspbench_rtp_bytes_total{media=\"audio\"}") == 12000000);
    assert_true(sample("rtspbench_rtp_lost_total{cause=\"network\"}") == 100);
    assert_true(sample("rtspbench_rtp_lost_total{cause=\"self\"}") == 10);
    assert_true(
        sample("rtspbench_errors_total{phase=\"describe\",reason=\"status\",status=\"404\"}") == 7);
    assert_true(
        sample("rtspbench_errors_total{phase=\"connect\",reason=\"refused\",status=\"\"}") == 1);
    assert_true(sample("rtspbench_panel_freeze_seconds_total") == 5.5);
    assert_true(sample("rtspbench_phase_never_total{phase=\"startup\"}") == 8);
    assert_true(sample("rtspbench_generator_cpu_seconds_total") == 2.589134);
    assert_true(sample("rtspbench_generator_limited{limit=\"cpu\"}") == 0);
    assert_true(sample("rtspbench_stream_rtp_packets_total{url=\"rtsp://host/\\\\xff\"}") == 1);
    a_run_end(&run);
}

/* URLs that differ in what isn't shown are one sample, of all of them. */
static void test_same_url(void **state)
{
    static const char *const urls[] = {"rtsp://h/?token=***", "rtsp://h/b", "rtsp://h/?token=***"};
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    a_run_begin(&run);
    run.info.stream_urls = urls;
    for (unsigned i = 0; i < 3; i++)
        run.total->streams[i].rtp.packets = 10u << i;
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_true(sample("rtspbench_stream_rtp_packets_total{url=\"rtsp://h/?token=***\"}") == 50);
    assert_true(sample("rtspbench_stream_rtp_packets_total{url=\"rtsp://h/b\"}") == 20);
    a_run_end(&run);
}

static size_t occurrences(const char *text)
{
    size_t n = 0;
    for (const char *at = strstr(page, text); at; at = strstr(at + 1, text))
        n++;
    return n;
}

/* Pairs of the table of what can occur. */
static size_t pairs(void)
{
    size_t n = 0;
    for (unsigned phase = 0; phase < PHASES; phase++) {
        for (unsigned reason = 0; reason < REASONS; reason++)
            n += reason_occurs_in(reason, phase);
    }
    return n;
}

static double failed_tries(const char *phase, const char *reason)
{
    char name[128];
    snprintf(name, sizeof(name), "rtspbench_failed_tries_total{phase=\"%s\",reason=\"%s\"}", phase,
             reason);
    return sample(name);
}

/* Whatever its status a failure is of its phase and reason; what never occurred is there, too. */
static void test_failed_tries(void **state)
{
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    a_run_begin(&run);
    stats_error(run.total, PHASE_DESCRIBE, REASON_STATUS, 503, "");
    stats_error(run.total, PHASE_DESCRIBE, REASON_STATUS, 503, "");
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_true(failed_tries("describe", "status") == 7 + 2);
    assert_true(failed_tries("connect", "refused") == 1);
    assert_true(failed_tries("setup", "timeout") == 0);
    assert_true(failed_tries("media", "media_timeout") == 0);
    assert_int_equal(occurrences("\nrtspbench_failed_tries_total{"), pairs());

    assert_false(reason_occurs_in(REASON_TLS_VERIFY, PHASE_TLS));
    assert_null(strstr(page, "reason=\"tls_verify\""));
    stats_error(run.total, PHASE_TLS, REASON_TLS_VERIFY, 0, "");
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_true(failed_tries("tls", "tls_verify") == 1);
    assert_int_equal(occurrences("\nrtspbench_failed_tries_total{"), pairs() + 1);
    a_run_end(&run);
}

/* What is scraped before the first second is over. */
static void test_failed_tries_come_first(void **state)
{
    static const char *const ends[PROMETHEUS_FORMATS] = {
        [PROMETHEUS_TEXT] = " 0\n",
        [PROMETHEUS_OPENMETRICS] = " 0\n# EOF\n",
    };
    for (enum prometheus_format format = 0; format < PROMETHEUS_FORMATS; format++) {
        size_t len;
        free(page);
        page = NULL;
        FILE *to = open_memstream(&page, &len);
        prometheus_write_first(format, to);
        fclose(to);
        assert_true(failed_tries("connect", "refused") == 0);
        assert_int_equal(occurrences("\nrtspbench_failed_tries_total{"), pairs());
        assert_int_equal(occurrences("} 0\n"), pairs());
        assert_int_equal(occurrences("# TYPE "), 1);
        assert_string_equal(page + len - strlen(ends[format]), ends[format]);
    }
}

/* What is worked out anew at each tick may fall; a counter never does. */
static void test_cut_off(void **state)
{
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    a_run_begin(&run);
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_int_equal(occurrences("held_ratio"), 0);

    run.total->sessions.cut_off = 30;
    run.total->sessions.unanswered = 20;
    run.total->sessions.cancelled = 10;
    run.total->no_media = 6;
    run.total->never[METRIC_PLAY] = 22;
    run.total->held_us = 750000;
    run.total->wanted_us = 1000000;
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_true(sample("rtspbench_sessions_cancelled_total") == 30);
    assert_true(sample("rtspbench_sessions_unanswered") == 20);
    assert_true(sample("rtspbench_sessions_no_media") == 6);
    assert_true(sample("rtspbench_phase_never_total{phase=\"play\"}") == 22);
    assert_true(sample("rtspbench_held_ratio") == 0.75);

    run.total->sessions.unanswered = 5;
    run.total->sessions.cancelled = 25;
    run.total->no_media = 2;
    run.total->never[METRIC_PLAY] = 7;
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_true(sample("rtspbench_sessions_cancelled_total") == 30);
    assert_true(sample("rtspbench_sessions_unanswered") == 5);
    assert_true(sample("rtspbench_sessions_no_media") == 2);
    assert_true(sample("rtspbench_phase_never_total{phase=\"play\"}") == 22);
    a_run_end(&run);
}

static void test_published(void **state)
{
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    a_run_begin(&run);
    a_run_publish(&run);
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_true(sample("rtspbench_published_packets_total") == 600000);
    assert_true(sample("rtspbench_published_bytes_total") == 750000000);
    assert_true(sample("rtspbench_published_dropped_total{by=\"server\"}") == 1200);
    assert_true(sample("rtspbench_published_dropped_total{by=\"self\"}") == 300);
    assert_true(sample("rtspbench_published_reported_lost_total") == 45);
    assert_true(sample("rtspbench_published_unconfirmed_sessions_total") == 12);
    assert_true(sample("rtspbench_published_unacked_bytes_total") == 34567);
    assert_true(sample("rtspbench_stream_published_packets_total{url=\"rtsp://host/\\\\xff\"}") ==
                600000);
    /* 250 us * (1 + ... + 100): see a_run_number */
    assert_true(sample("rtspbench_published_late_seconds_sum") == 1.2625);
    assert_true(sample("rtspbench_published_late_seconds_bucket{le=\"0.000768\"}") == 3);
    assert_true(sample("rtspbench_published_round_trip_seconds_count") == 100);
    run.total->published.reported_lost = (uint64_t)-3;
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_true(sample("rtspbench_published_reported_lost_total") == 45);
    a_run_end(&run);
}

/* Startup was recorded as 90, 180, ... 9000 us: so many of them are below each bound. */
static void test_histogram(void **state)
{
    static const struct {
        const char *le;
        unsigned count;
    } rows[] = {{"1.6e-05", 0},    {"9.6e-05", 1},     {"0.000128", 1},  {"0.000192", 2},
                {"0.000768", 8},   {"0.001024", 11},   {"0.006144", 68}, {"0.008192", 91},
                {"0.012288", 100}, {"50.331648", 100}, {"+Inf", 100}};
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    char name[128];
    a_run_begin(&run);
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(name, sizeof(name), "rtspbench_phase_seconds_bucket{phase=\"startup\",le=\"%s\"}",
                 rows[i].le);
        assert_int_equal((int)sample(name), (int)rows[i].count);
    }
    /* 90 us * (1 + ... + 100) */
    assert_true(sample("rtspbench_phase_seconds_sum{phase=\"startup\"}") == 0.4545);
    assert_true(sample("rtspbench_phase_seconds_count{phase=\"startup\"}") == 100);
    assert_true(sample("rtspbench_jitter_seconds_bucket{le=\"+Inf\"}") == 100);
    a_run_end(&run);
}

/* Every phase of the result file has its histogram, whole: its bounds rise, and the last one and
   the count are what was recorded. */
static void test_every_phase(void **state)
{
    static const char *const phases[] = {"connect",        "tls",      "options",  "describe",
                                         "announce",       "setup",    "play",     "record",
                                         "first_rtp",      "startup",  "join",     "keepalive",
                                         "first_keyframe", "teardown", "come_back"};
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    char name[128];
    a_run_begin(&run);
    for (enum prometheus_format format = 0; format < PROMETHEUS_FORMATS; format++) {
        write_page(&run.snapshot, &peaks, format);
        for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
            unsigned recorded = strcmp(phases[i], "tls") == 0 ? 0 : 100, buckets = 0;
            snprintf(name, sizeof(name), "\nrtspbench_phase_seconds_bucket{phase=\"%s\",",
                     phases[i]);
            for (const char *at = strstr(page, name); at; at = strstr(at + 1, name))
                buckets++;
            assert_int_equal(buckets, PROMETHEUS_BOUNDS + 1);
            snprintf(name, sizeof(name), "rtspbench_phase_seconds_bucket{phase=\"%s\",le=\"+Inf\"}",
                     phases[i]);
            assert_int_equal((int)sample(name), recorded);
            snprintf(name, sizeof(name), "rtspbench_phase_seconds_count{phase=\"%s\"}", phases[i]);
            assert_int_equal((int)sample(name), recorded);
        }
    }
    a_run_end(&run);
}

/* A bound is where a bucket begins, in histograms of every precision: no count is cut in two. */
static void test_bounds_are_exact(void **state)
{
    for (unsigned digits = 2; digits <= 3; digits++) {
        uint64_t *counts = calloc(1, histogram_counts_bytes(digits));
        struct histogram histogram;
        histogram_init(&histogram, digits, counts);
        for (uint32_t i = 0; i < PROMETHEUS_BOUNDS; i++) {
            uint64_t bound_us = prometheus_bound_us(i);
            histogram_record(&histogram, bound_us);
            assert_true(histogram_bucket_low(&histogram, histogram.high - 1) == bound_us);
        }
        free(counts);
    }
}

/* A loss that is taken back doesn't make the counter fall. */
static void test_counters_never_fall(void **state)
{
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    a_run_begin(&run);
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    run.total->rtp[MEDIA_VIDEO].lost_by[LOSS_NETWORK] = 90;
    run.total->rtp[MEDIA_VIDEO].lost_by[LOSS_SERVER] = (uint64_t)-2;
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_true(sample("rtspbench_rtp_lost_total{cause=\"network\"}") == 100);
    assert_true(sample("rtspbench_rtp_lost_total{cause=\"server\"}") == 20);
    a_run_end(&run);
}

static void test_formats(void **state)
{
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    a_run_begin(&run);
    write_page(&run.snapshot, &peaks, PROMETHEUS_TEXT);
    assert_non_null(strstr(page, "# TYPE rtspbench_sessions_started_total counter\n"));
    assert_null(strstr(page, "# EOF"));
    write_page(&run.snapshot, &peaks, PROMETHEUS_OPENMETRICS);
    assert_non_null(strstr(page, "# TYPE rtspbench_sessions_started counter\n"
                                 "rtspbench_sessions_started_total 100\n"));
    assert_string_equal(page + strlen(page) - 6, "# EOF\n");
    a_run_end(&run);
    free(page);
    page = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_same_url),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_bounds_are_exact),
        cmocka_unit_test(test_counters_never_fall),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_every_phase),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_failed_tries),
        cmocka_unit_test(test_failed_tries_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
