#include "test.h"

#include <math.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "load/server_watch.h"

/* Sums over labels and over both kinds of RTSP; a name that only means the same is not added. */
static void test_metrics(void **state)
{
    static const struct {
        const char *name;
        double value;
    } page[] = {
        {"rtsp_sessions", 1},
        {"rtsp_sessions", 1},
        {"rtsps_sessions", 3},
        {"rtsp_conns", 0},
        {"paths_outbound_bytes", 1000},
        {"paths_bytes_sent", 1000},
        {"paths_outbound_bytes", 500},
        {"process_cpu_seconds_total", 1.25},
        {"process_resident_memory_bytes", 1.5e7},
        {"rtsp_sessions_outbound_rtp_packets_discarded", 7},
        {"rtsps_sessions_outbound_rtp_packets_discarded", 8},
        {"process_open_fds", NAN},
        {"rtsp_sessions_more", 99},
    };
    struct server_metrics metrics = {0};
    struct server_sample sample = server_sample_unknown;
    for (size_t i = 0; i < sizeof(page) / sizeof(page[0]); i++)
        server_metrics_add(&metrics, slice_from_string(page[i].name), page[i].value);
    server_metrics_fill(&metrics, &sample);
    assert_int_equal(sample.sessions, 5);
    assert_int_equal(sample.connections, 0);
    assert_int_equal(sample.bytes_sent, 1500);
    assert_int_equal(sample.cpu_ns, 1250 * NS_PER_MS);
    assert_int_equal(sample.rss_bytes, 15000000);
    assert_int_equal(sample.packets_discarded, 15);
    assert_int_equal(sample.files, SERVER_UNKNOWN);
    assert_int_equal(sample.packets_reported_lost, SERVER_UNKNOWN);
}

static void test_older_name(void **state)
{
    struct server_metrics metrics = {0};
    struct server_sample sample = server_sample_unknown;
    server_metrics_add(&metrics, SLICE("paths_bytes_sent"), 30);
    server_metrics_fill(&metrics, &sample);
    assert_int_equal(sample.bytes_sent, 30);
}

/* A child of ours with a file more open; its end is said once, and what it took stays. */
static void test_process(void **state)
{
    char said[256], told[256];
    int to_child[2];
    struct text error = text_init(said, sizeof(said)), notice = text_init(told, sizeof(told));
    struct server_watch *watch;
    struct server_sample sample, own;
    assert_int_equal(pipe(to_child), 0);
    pid_t child = fork();
    if (child == 0) {
        char c;
        close(to_child[1]);
        _exit((int)read(to_child[0], &c, 1));
    }
    assert_true(server_watch_new(&watch, (uint32_t)getpid(), NULL, NS_PER_S, &error));
    server_watch_look(watch, &own, &notice);
    server_watch_free(watch);
    assert_true(server_watch_new(&watch, (uint32_t)child, NULL, NS_PER_S, &error));
    server_watch_look(watch, &sample, &notice);
    assert_int_equal(notice.len, 0);
    assert_false(sample.ended);
    assert_true(sample.rss_bytes > 100000 && sample.rss_bytes < UINT64_C(1) << 40);
    assert_true(own.cpu_ns != SERVER_UNKNOWN && own.cpu_at_ns > 0);
    assert_true(sample.files >= 3 && sample.files <= own.files);
    close(to_child[0]);
    close(to_child[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (unsigned i = 0; i < 2; i++) {
        notice.len = 0;
        server_watch_look(watch, &sample, &notice);
        assert_true(sample.ended && sample.rss_bytes > 100000);
        assert_int_equal(strstr(text_string(&notice), "has ended") != NULL, i == 0);
    }
    server_watch_free(watch);
    assert_false(server_watch_new(&watch, (uint32_t)child, NULL, NS_PER_S, &error));
    assert_non_null(strstr(text_string(&error), "no such process"));
    assert_true(server_watch_new(&watch, 0, NULL, NS_PER_S, &error));
    assert_null(watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_older_name),
        cmocka_unit_test(test_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
