#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "a_run.h"
#include "view/endurance.h"
#include "view/json.h"
#include "view/prometheus.h"
#include "view/terminal.h"

static char buffer[65536];

static void watch_server(struct a_run *run)
{
    run->snapshot.server = (struct server_load){.watched = true,
                                                .now = server_sample_unknown,
                                                .rss_peak_bytes = 150000000,
                                                .cpu_ns = 90 * NS_PER_S,
                                                .cpu_span_ns = 200 * NS_PER_S,
                                                .cpu = 0.625};
    run->snapshot.server.now.rss_bytes = 123000000;
    run->snapshot.server.now.sessions = 1234;
    run->snapshot.server.now.packets_discarded = 17;
}

static const char *text_of(const struct snapshot *snapshot)
{
    struct text text = text_init(buffer, sizeof(buffer));
    view_endurance(snapshot, &text);
    unsigned column = 0;
    for (const char *at = text_string(&text); *at; at++) {
        column = *at == '\n' ? 0 : column + 1;
        assert_true(column <= 80);
    }
    assert_int_equal(column, 0);
    return buffer;
}

static void test_server(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    assert_string_equal(text_of(&run.snapshot), "");
    watch_server(&run);
    assert_string_equal(text_of(&run.snapshot),
                        "\nserver     123 MB, 150 MB at most, 0.45 cores\n"
                        "           1,234 sessions, 17 packets discarded\n");
    run.snapshot.server.now.failures = 3;
    run.snapshot.server.now.ended = true;
    assert_non_null(strstr(text_of(&run.snapshot), "its process has ended; 123 MB"));
    assert_non_null(strstr(buffer, "3 fetches of its metrics failed\n"));
    run.snapshot.server = (struct server_load){.watched = true, .now = server_sample_unknown};
    assert_string_equal(text_of(&run.snapshot), "\nserver     nothing is known of it\n");
    a_run_end(&run);
}

/* Twenty slices: startup goes from 10 to 30 ms at the end, sessions from 100 to 50 with it. */
static void fill_drift(struct drift *drift)
{
    struct server_load server = {.watched = true, .now = server_sample_unknown};
    struct stats *stats = stats_new(0);
    assert_true(drift_init(drift, NS_PER_S, 0, UINT64_MAX));
    for (uint64_t i = 0; i < 20; i++) {
        stats_clear(stats);
        histogram_record(&stats->metrics[METRIC_STARTUP], i < 18 ? 10000 : 30000);
        stats->active = i < 18 ? 100 : 50;
        server.now.rss_bytes = 100000000 + i * 1000000;
        const struct drift_span span = {.from_ns = i * NS_PER_S,
                                        .to_ns = (i + 1) * NS_PER_S,
                                        .stats = stats,
                                        .rss_bytes = 20000000,
                                        .server = &server};
        drift_add(drift, &span);
    }
    stats_free(stats);
}

static void test_drift(void **state)
{
    struct a_run run;
    struct drift drift;
    a_run_begin(&run);
    fill_drift(&drift);
    run.snapshot.drift = &drift;
    const char *text = text_of(&run.snapshot);
    assert_non_null(strstr(text, "\nover the run            first 2s      last 2s\n"));
    assert_non_null(strstr(text, "\nour memory               20.0 MB      20.0 MB  steady\n"));
    assert_non_null(strstr(text, "  rose, +3.60 GB an hour\n")); /* a megabyte a second */
    assert_non_null(strstr(text, "\nsessions                     100           50  fell\n"));
    assert_non_null(strstr(text, "the number of sessions changed"));
    assert_non_null(strstr(text, "\nstartup p95 "));
    assert_null(strstr(text, "connect"));
    drift_dispose(&drift);
    a_run_end(&run);
}

static void test_json(void **state)
{
    struct a_run run;
    struct drift drift;
    const char *verdict;
    double cpu, first;
    int rss, sessions;
    a_run_begin(&run);
    json_t *result = view_json_result(&run.snapshot);
    assert_true(json_is_null(json_object_get(result, "server")));
    assert_true(json_is_null(json_object_get(result, "drift")));
    json_t *row = json_array_get(json_object_get(result, "timeline"), 1);
    assert_true(json_is_null(json_object_get(row, "server_cpu")));
    json_decref(result);
    watch_server(&run);
    timeline_row_server(&run.rows[1], &run.snapshot.server);
    fill_drift(&drift);
    run.snapshot.drift = &drift;
    result = view_json_result(&run.snapshot);
    assert_int_equal(json_unpack(result, "{s{sfsisi}}", "server", "cpu", &cpu, "rss_bytes", &rss,
                                 "sessions", &sessions),
                     0);
    assert_true(cpu == 0.45 && rss == 123000000 && sessions == 1234);
    assert_true(json_is_null(json_object_get(json_object_get(result, "server"), "files")));
    row = json_array_get(json_object_get(result, "timeline"), 1);
    assert_true(json_real_value(json_object_get(row, "server_cpu")) == 0.625);
    assert_int_equal(json_integer_value(json_object_get(row, "server_sessions")), 1234);
    assert_true(json_is_null(json_object_get(row, "server_files")));
    assert_int_equal(json_unpack(result, "{s{s{sfss}}}", "drift", "server_rss_bytes", "first",
                                 &first, "verdict", &verdict),
                     0);
    assert_true(first == 100500000);
    assert_string_equal(verdict, "rose");
    json_decref(result);
    drift_dispose(&drift);
    a_run_end(&run);
}

static void test_prometheus(void **state)
{
    struct prometheus_peaks peaks = {0};
    struct a_run run;
    char *page = NULL;
    size_t len;
    a_run_begin(&run);
    watch_server(&run);
    FILE *to = open_memstream(&page, &len);
    prometheus_write(&run.snapshot, &peaks, PROMETHEUS_TEXT, to);
    fclose(to);
    assert_non_null(strstr(page, "\nrtspbench_server_up 1\n"));
    assert_non_null(strstr(page, "\nrtspbench_server_resident_bytes 123000000\n"));
    assert_non_null(strstr(page, "\nrtspbench_server_sessions 1234\n"));
    assert_non_null(strstr(page, "\nrtspbench_server_cpu_seconds_total 90\n"));
    assert_null(strstr(page, "server_open_files"));
    free(page);
    a_run_end(&run);
}

static void test_terminal(void **state)
{
    const struct terminal_view view = {.columns = 80, .rows = 24, .title = "x"};
    struct a_run run;
    a_run_begin(&run);
    for (unsigned watched = 0; watched < 2; watched++) {
        struct text text = text_init(buffer, sizeof(buffer));
        if (watched)
            watch_server(&run);
        view_terminal(&view, &run.snapshot, &text);
        assert_int_equal(strstr(text_string(&text), "123 MB, 0.62 cores, 1,234 sessions") != NULL,
                         watched);
    }
    a_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server),   cmocka_unit_test(test_drift),
        cmocka_unit_test(test_json),     cmocka_unit_test(test_prometheus),
        cmocka_unit_test(test_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
