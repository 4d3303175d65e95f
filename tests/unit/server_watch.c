#include "test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool watch_pid(pid_t pid, struct server_watch **watch, struct text *error)
{
    const struct server_watch_config config = {.pid = (uint32_t)pid, .period_ns = NS_PER_S};
    return server_watch_new(watch, &config, error);
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
    assert_true(watch_pid(getpid(), &watch, &error));
    server_watch_look(watch, &own, &notice);
    server_watch_free(watch);
    assert_true(watch_pid(child, &watch, &error));
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
    assert_false(watch_pid(child, &watch, &error));
    assert_non_null(strstr(text_string(&error), "no such process"));
    assert_true(watch_pid(0, &watch, &error));
    assert_null(watch);
}

static pid_t start_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    return child;
}

static void end_child(pid_t child)
{
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void write_pid(const char *path, pid_t pid)
{
    char line[64];
    snprintf(line, sizeof(line), " %d\nand more\n", (int)pid);
    write_file(path, line);
}

/* One look, of which nothing is said. */
static struct server_sample look(struct server_watch *watch)
{
    char told[256];
    struct text notice = text_init(told, sizeof(told));
    struct server_sample sample;
    server_watch_look(watch, &sample, &notice);
    assert_string_equal(text_string(&notice), "");
    return sample;
}

/* One look that has something to say: "the server's process PID ..." */
static struct server_sample look_at(struct server_watch *watch, pid_t pid, const char *what)
{
    char told[256], wanted[256];
    struct text notice = text_init(told, sizeof(told));
    struct server_sample sample;
    snprintf(wanted, sizeof(wanted), "the server's process %d %s", (int)pid, what);
    server_watch_look(watch, &sample, &notice);
    assert_string_equal(text_string(&notice), wanted);
    return sample;
}

/* A server that is restarted has another process, which the file names. */
static void test_pidfile(void **state)
{
    char path[] = "/tmp/rtspbench-pid-XXXXXX", said[256], wanted[256];
    struct text error = text_init(said, sizeof(said));
    struct server_watch_config config = {.pidfile = path, .period_ns = NS_PER_S};
    struct server_watch *watch;
    close(mkstemp(path));
    pid_t child = start_child();
    write_pid(path, child);
    assert_true(server_watch_new(&watch, &config, &error));
    struct server_sample sample = look(watch);
    assert_true(!sample.ended && !sample.anew && sample.rss_bytes > 100000);
    end_child(child);
    sample = look_at(watch, child, "has ended");
    assert_true(sample.ended && sample.rss_bytes > 100000);
    unlink(path);
    assert_true(look(watch).ended);
    pid_t next = start_child();
    write_pid(path, next);
    sample = look_at(watch, next, "has taken its place");
    assert_true(!sample.ended && sample.anew && sample.cpu_ns != SERVER_UNKNOWN);
    assert_false(look(watch).anew);
    pid_t third = start_child();
    write_pid(path, third);
    end_child(next);
    char both[80];
    snprintf(both, sizeof(both), "has ended; the server's process %d has taken its place",
             (int)third);
    assert_true(look_at(watch, next, both).anew);
    server_watch_free(watch);
    end_child(third);

    assert_false(server_watch_new(&watch, &config, &error));
    snprintf(wanted, sizeof(wanted), "--server-pidfile %s: there is no process %d", path,
             (int)third);
    assert_string_equal(text_string(&error), wanted);
    config.may_be_gone = true;
    assert_true(server_watch_new(&watch, &config, &error));
    sample = look_at(watch, third, "has ended");
    assert_true(sample.ended && sample.rss_bytes == SERVER_UNKNOWN);
    server_watch_free(watch);
    unlink(path);
}

/* What a file must hold, as the first level of a search or any other run is told. */
static void test_bad_pidfile(void **state)
{
    static const char *const contents[] = {"", "\n", "0\n", "12a\n", "-5\n", "4194305\n"};
    char path[] = "/tmp/rtspbench-pid-XXXXXX", said[256];
    struct server_watch_config config = {.pidfile = path};
    struct server_watch *watch;
    close(mkstemp(path));
    for (size_t i = 0; i <= sizeof(contents) / sizeof(contents[0]); i++) {
        struct text error = text_init(said, sizeof(said));
        bool missing = i == sizeof(contents) / sizeof(contents[0]);
        if (missing)
            unlink(path);
        else
            write_file(path, contents[i]);
        assert_false(server_watch_new(&watch, &config, &error));
        assert_non_null(
            strstr(text_string(&error), missing ? ": No such file or directory"
                                                : ": expected a process id in its first line"));
    }
    struct text error = text_init(said, sizeof(said));
    config.may_be_gone = true;
    assert_true(server_watch_new(&watch, &config, &error));
    assert_true(look(watch).ended);
    write_pid(path, getpid());
    assert_false(look_at(watch, getpid(), "is there now").ended);
    unlink(path);
    server_watch_free(watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics),     cmocka_unit_test(test_older_name),
        cmocka_unit_test(test_process),     cmocka_unit_test(test_pidfile),
        cmocka_unit_test(test_bad_pidfile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
