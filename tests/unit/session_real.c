/* Whole runs on the real backends, short: threads, loopback sockets, and the server's own count. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/machine.h"
#include "load/run.h"
#include "server/crew.h"

#define READERS 40u

#define THREADS 2

struct outcome {
    struct session_counts sessions;
    struct rtp_counts rtp;
    uint64_t keepalives;
    uint64_t errors;
    uint32_t intervals;
    char first_error[256];
};

static void on_start(void *context, const struct run_info *info)
{
    assert_non_null(info->io);
}

static void on_interval(void *context, const struct snapshot *snapshot)
{
    struct outcome *outcome = context;
    outcome->intervals++;
}

static void on_end(void *context, const struct snapshot *snapshot)
{
    struct outcome *outcome = context;
    const struct stats *total = snapshot->total;
    outcome->sessions = total->sessions;
    outcome->rtp = stats_rtp(total);
    outcome->errors = total->error_count;
    if (total->error_count > 0)
        snprintf(outcome->first_error, sizeof(outcome->first_error), "%s %s: %s",
                 phase_name(total->errors[0].phase), reason_name(total->errors[0].reason),
                 total->errors[0].sample);
}

static void on_notice(void *context, const char *line)
{
    print_message("%s\n", line);
}

/* Below the ports that the system hands out by itself. */
static struct crew *start_server(struct server_config *config, char *url, size_t size,
                                 const char *path)
{
    for (unsigned i = 0; i < 100; i++) {
        struct crew *crew;
        uint16_t port = (uint16_t)(20000 + ((unsigned)getpid() * 7 + i * 131) % 10000);
        assert_true(address_parse(SLICE("127.0.0.1"), port, &config->listen));
        int error = crew_start(&crew, config, &(struct crew_ways){.threads = 1, .fallback = true});
        snprintf(url, size, "rtsp://127.0.0.1:%u/%s", port, path);
        if (!error)
            return crew;
    }
    fail_msg("no free port");
    return NULL;
}

static void run_plan(const char *url, enum plan_io io, enum plan_transport transport,
                     struct outcome *outcome)
{
    char said[512], warned[512];
    struct text error = text_init(said, sizeof(said)), warning = text_init(warned, sizeof(warned));
    struct plan plan;
    struct machine machine;
    const struct run_hooks hooks = {.context = outcome,
                                    .on_start = on_start,
                                    .on_interval = on_interval,
                                    .on_end = on_end,
                                    .on_notice = on_notice};
    plan_init(&plan);
    plan.readers = READERS;
    plan.rate_per_s = 200;
    plan.duration_ns = 2500 * NS_PER_MS;
    plan.stats_interval_ns = 400 * NS_PER_MS;
    plan.threads = THREADS;
    plan.io = io;
    plan.transport = transport;
    plan.seed = 1;
    machine_read(&machine);
    machine_raise_files();
    assert_true(url_list_add(&plan.urls, url, &error));
    if (!plan_resolve(&plan, &machine, &error, &warning) || !run(&plan, "test", &hooks, &error))
        fail_msg("%s", text_string(&error));
    plan_dispose(&plan);
}

static void check(const struct outcome *outcome, const struct truth_path *truth)
{
    if (outcome->errors > 0)
        fail_msg("%s", outcome->first_error);
    assert_int_equal(outcome->sessions.started, READERS);
    assert_int_equal(outcome->sessions.completed, READERS);
    assert_int_equal(outcome->sessions.got_media, READERS);
    assert_true(outcome->intervals >= 1);
    assert_int_equal(outcome->rtp.packets, truth->counts.sent);
    assert_int_equal(outcome->rtp.bytes, truth->counts.bytes);
    assert_int_equal(outcome->rtp.duplicates, truth->counts.duplicated);
    assert_int_equal(outcome->rtp.reordered, truth->counts.reordered);
    assert_int_equal(outcome->rtp.lost, truth->counts.dropped_inside);
    assert_int_equal(truth->teardowns, READERS);
}

static void test_backends(void **state)
{
    static const struct {
        enum plan_io io;
        enum plan_transport transport;
        const char *path;
    } rows[] = {
        {IO_EPOLL, PLAN_TCP, "x"},
        {IO_EPOLL, PLAN_UDP, "x?drop=1/20&dup=1/30&reorder=1/25"},
        {IO_URING, PLAN_TCP, "x?drop=1/20&dup=1/30&reorder=1/25"},
        {IO_URING, PLAN_UDP, "x"},
    };
    struct loop *loop;
    const struct loop_config probe = {.kind = LOOP_URING, .max_sockets = 4};
    bool has_uring = loop_new(&loop, &probe, NULL, NULL) == 0;
    if (has_uring)
        loop_free(loop);
    else
        print_message("io_uring is refused here: only epoll is tested\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char url[128];
        size_t count;
        struct outcome outcome = {0};
        struct library library = {0};
        if (rows[i].io == IO_URING && !has_uring)
            continue;
        assert_true(library_add(&library, media_new_pattern(50, 600)));
        struct server_config config = {
            .loop = {.kind = LOOP_EPOLL},
            .library = &library,
            .max_connections = 200,
            .seed = 1,
        };
        struct crew *crew = start_server(&config, url, sizeof(url), rows[i].path);
        run_plan(url, rows[i].io, rows[i].transport, &outcome);
        crew_stop(crew);
        const struct truth_path *truth = crew_truth(crew, &count);
        assert_int_equal(count, 1);
        check(&outcome, truth);
        crew_free(crew);
        library_dispose(&library);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_backends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
