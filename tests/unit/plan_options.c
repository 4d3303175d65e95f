#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/plan_options.h"
#include "net/loop.h"

static char said[16384];
static struct text error;
static struct options options;
static struct plan plan;
static struct plan_storage storage;

static bool make_plan(int argc, const char *const *words)
{
    static char room[16][256];
    char *argv[16];
    for (int i = 0; i < argc; i++) {
        snprintf(room[i], sizeof(room[i]), "%s", words[i]);
        argv[i] = room[i];
    }
    error = text_init(said, sizeof(said));
    assert_true(options_parse(&options, argc, argv, &error));
    return plan_from_options(&plan, &storage, &options, &error);
}

#define PLAN(...)                                                                                  \
    make_plan(sizeof((const char *[]){"rtspbench", __VA_ARGS__}) / sizeof(char *),                 \
              (const char *[]){"rtspbench", __VA_ARGS__})

static void drop(void)
{
    plan_dispose(&plan);
    plan_storage_dispose(&storage);
    options_dispose(&options);
}

/* What the table of options calls defaults is what plan_init calls so. */
static void test_defaults(void **state)
{
    struct plan expect;
    plan_init(&expect);
    assert_true(PLAN("rtsp://h/a"));
    assert_int_equal(plan.readers, expect.readers);
    assert_true(plan.rate_per_s == expect.rate_per_s);
    assert_int_equal(plan.duration_ns, expect.duration_ns);
    assert_int_equal(plan.warmup_ns, expect.warmup_ns);
    assert_int_equal(plan.backoff_ns, expect.backoff_ns);
    assert_int_equal(plan.timeout_ns, expect.timeout_ns);
    assert_int_equal(plan.media_timeout_ns, expect.media_timeout_ns);
    assert_int_equal(plan.coalesce_ns, expect.coalesce_ns);
    assert_int_equal(plan.publish_queue_ns, expect.publish_queue_ns);
    assert_int_equal(plan.panel, expect.panel);
    assert_int_equal(plan.stats_interval_ns, expect.stats_interval_ns);
    assert_int_equal(plan.transport, expect.transport);
    assert_int_equal(plan.quickack, expect.quickack);
    assert_int_equal(plan.gro, expect.gro);
    assert_int_equal(plan.rtp_port_high, 0);
    assert_string_equal(plan.user_agent, expect.user_agent);
    assert_string_equal(plan.headers, "");
    drop();
}

static void test_values(void **state)
{
    assert_true(PLAN("rtsp://h/a", "-n", "7", "--hours", "2", "-d", "5s", "-t", "auto",
                     "--close=rst", "--rtp-ports", "40000-40009", "--seed", "9"));
    assert_int_equal(plan.readers, 7);
    assert_int_equal(plan.duration_ns, 7200 * NS_PER_S);
    assert_int_equal(plan.transport, PLAN_AUTO);
    assert_true(plan.close_reset);
    assert_int_equal(plan.rtp_port_low, 40000);
    assert_int_equal(plan.rtp_port_high, 40009);
    assert_int_equal(plan.seed, 9);
    drop();
    assert_true(PLAN("rtsp://h/a", "--publish", "--publish-queue", "1500ms"));
    assert_int_equal(plan.publish_queue_ns, 1500 * NS_PER_MS);
    drop();
}

static void test_headers(void **state)
{
    static const char *const bad[] = {"no colon",   ": x",    "CSeq: 1",
                                      "session: 2", "A b: 1", "A: b\x1b"};
    assert_true(PLAN("rtsp://h/a", "-H", "X-One: 1", "--header=X-Two:  2 "));
    assert_string_equal(plan.headers, "X-One: 1\r\nX-Two: 2\r\n");
    drop();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(PLAN("rtsp://h/a", "-H", bad[i]));
        assert_non_null(strstr(text_string(&error), "--header"));
        drop();
    }
}

static void check_bind(uint32_t i, const char *expect)
{
    char room[80];
    struct text text = text_init(room, sizeof(room));
    address_write_host(&text, &plan.bind[i]);
    assert_string_equal(text_string(&text), expect);
}

static void test_bind(void **state)
{
    assert_true(PLAN("rtsp://h/a", "--bind-ips", "127.0.0.2,::1", "--bind-cidr", "10.1.2.77/30"));
    assert_int_equal(plan.bind_count, 4);
    check_bind(0, "127.0.0.2");
    check_bind(1, "[::1]");
    check_bind(2, "10.1.2.77"); /* the hosts of 10.1.2.76/30 */
    check_bind(3, "10.1.2.78");
    drop();

    assert_true(PLAN("rtsp://h/a", "--bind-cidr", "2001:db8::ff/127"));
    assert_int_equal(plan.bind_count, 2);
    check_bind(0, "[2001:db8::fe]");
    check_bind(1, "[2001:db8::ff]");
    drop();

    assert_true(PLAN("rtsp://h/a", "--bind-cidr", "192.0.2.9/32"));
    assert_int_equal(plan.bind_count, 1);
    check_bind(0, "192.0.2.9");
    drop();
}

static void test_refused(void **state)
{
    static const struct {
        const char *option, *value, *says;
    } rows[] = {
        {"--bind-ips", "127.0.0.1,host", "--bind-ips '127.0.0.1,host': expected"},
        {"--bind-cidr", "10.0.0.0/8", "--bind-cidr '10.0.0.0/8': expected"},
        {"--bind-cidr", "10.0.0.0", "--bind-cidr"},
        {"--bind-cidr", "10.0.0.0/33", "--bind-cidr"},
        {"--password-file", "/nonexistent/file",
         "--password-file '/nonexistent/file': No such file"},
        {"--password-file", "/dev/null",
         "--password-file '/dev/null': expected a file with the password"},
        {"--url-file", "/nonexistent/file", "cannot read '/nonexistent/file'"},
        {"--url", "rtsp:///x", "URL 'rtsp:///x' has no host"},
        {"--url", "rtsp://a%0d%0aX:p@h/", "has a user of more than one line"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(PLAN("rtsp://h/a", rows[i].option, rows[i].value));
        if (!strstr(text_string(&error), rows[i].says))
            fail_msg("'%s' lacks '%s'", said, rows[i].says);
        drop();
    }
}

static void test_password_file(void **state)
{
    char path[] = "/tmp/plan_options-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "pass word\r\nsecond\n", 18), 18);
    close(fd);
    assert_true(PLAN("rtsp://h/a", "--user", "u", "--password-file", path));
    assert_string_equal(plan.password, "pass word");
    drop();
    fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "pass\0word\n", 10), 10);
    close(fd);
    assert_false(PLAN("rtsp://h/a", "--user", "u", "--password-file", path));
    assert_non_null(strstr(text_string(&error), "without a NUL"));
    drop();
    unlink(path);
}

static void test_token_file(void **state)
{
    char path[] = "/tmp/plan_options-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "\xef\xbb\xbflong token\nsecond\n", 21), 21);
    close(fd);
    assert_true(PLAN("rtsp://h/a", "--web", ":0", "--web-control-file", path));
    assert_string_equal(plan.web_token, "long token");
    drop();
    assert_false(PLAN("rtsp://h/a", "--web-control-file", path, "--web-control", "12345678"));
    assert_non_null(strstr(text_string(&error), "leave out one of them"));
    drop();
    unlink(path);
    assert_false(PLAN("rtsp://h/a", "--web-control-file", path));
    assert_non_null(strstr(text_string(&error), "--web-control-file '/tmp/"));
    drop();
    assert_false(PLAN("rtsp://h/a", "--web-control-file", "/dev/null"));
    assert_non_null(strstr(text_string(&error), "expected a file with the token"));
    drop();
}

static void test_environment(void **state)
{
    setenv("RTSPBENCH_HALT", "300ms/2s", 1);
    setenv("RTSPBENCH_DENY", "uring,gro", 1);
    assert_true(PLAN("rtsp://h/a"));
    assert_int_equal(plan.halt_ns, 300 * NS_PER_MS);
    assert_int_equal(plan.halt_period_ns, 2 * NS_PER_S);
    assert_int_equal(plan.denied, LOOP_DENY_URING | LOOP_DENY_GRO);
    drop();
    setenv("RTSPBENCH_HALT", "300ms", 1);
    assert_false(PLAN("rtsp://h/a"));
    assert_non_null(strstr(text_string(&error), "RTSPBENCH_HALT '300ms'"));
    drop();
    unsetenv("RTSPBENCH_HALT");
    setenv("RTSPBENCH_DENY", "uring,nonsense", 1);
    assert_false(PLAN("rtsp://h/a"));
    assert_non_null(strstr(text_string(&error), "nonsense"));
    drop();
    unsetenv("RTSPBENCH_DENY");
}

static void test_objectives(void **state)
{
    assert_true(
        PLAN("--slo", "loss_ratio<1%", "-n", "5", "--slo", "rtp.lost=0 abort", "rtsp://h/a"));
    assert_int_equal(plan.slo_count, 2);
    assert_string_equal(plan.slos[1].expression, "rtp.lost=0 abort");
    assert_true(plan.find == FIND_NOTHING && !plan.slos[0].abort && plan.slos[1].abort);
    drop();
    assert_false(PLAN("--slo", "los_ratio<1%", "rtsp://h/a"));
    assert_non_null(strstr(text_string(&error), "--slo 'los_ratio<1%': expected "));
    drop();
}

/* What isn't given is set for a search. */
static void test_search(void **state)
{
    assert_true(PLAN("--find-max", "rtsp://h/a"));
    assert_true(plan.find == FIND_READERS && !plan.readers_given);
    assert_int_equal(plan.slo_count, 4);
    assert_string_equal(plan.slos[1].expression, "no_media_ratio<1%");
    assert_true(plan.slos_are_usual);
    assert_int_equal(plan.duration_ns, 10 * NS_PER_S);
    assert_int_equal(plan.cool_down_ns, NS_PER_S);
    drop();
    assert_true(PLAN("--find-max=rate", "--slo", "errors<5", "-d", "3s", "-n", "7", "rtsp://h/a"));
    assert_true(plan.find == FIND_RATE && plan.readers_given);
    assert_int_equal(plan.slo_count, 1);
    assert_false(plan.slos_are_usual);
    assert_int_equal(plan.duration_ns, 3 * NS_PER_S);
    drop();
    assert_true(PLAN("--find-max", "--between-levels", "true", "rtsp://h/a"));
    assert_string_equal(plan.between_levels, "true");
    drop();
    assert_false(PLAN("--between-levels", "true", "rtsp://h/a"));
    assert_non_null(strstr(text_string(&error), "add --find-max"));
    drop();
    assert_true(PLAN("--find-max", "--publish", "--pattern", "10/s:200", "rtsp://h/a"));
    assert_int_equal(plan.slo_count, 5);
    assert_string_equal(plan.slos[3].expression, "unconfirmed_ratio<1%");
    for (uint32_t i = 0; i < plan.slo_count; i++) {
        bool reported = strcmp(plan.slos[i].expression, "published.reported_loss_ratio<0.1%") == 0;
        assert_int_equal(plan.slos[i].source.may_lack, reported);
    }
    drop();
    assert_false(PLAN("--find-max", "--stages", "30s:100", "rtsp://h/a"));
    assert_non_null(strstr(text_string(&error), "--find-max sets the load itself"));
    drop();
}

static void test_result_on_stdout(void **state)
{
    assert_true(PLAN("rtsp://h/a", "--json", "-"));
    assert_true(plan.json_on_stdout);
    assert_null(plan.json_file);
    drop();
    assert_true(PLAN("rtsp://h/a", "--json=./-"));
    assert_false(plan.json_on_stdout);
    assert_string_equal(plan.json_file, "./-");
    drop();
    assert_false(PLAN("rtsp://h/a", "--json", "-", "--log", "json"));
    assert_non_null(strstr(text_string(&error), "leave out one of them"));
    drop();
}

static void test_server(void **state)
{
    assert_true(PLAN("--server-pidfile", "s.pid", "rtsp://h/a"));
    assert_string_equal(plan.server_pidfile, "s.pid");
    drop();
    assert_false(PLAN("--server-pidfile", "s.pid", "--server-pid", "1", "rtsp://h/a"));
    assert_non_null(strstr(text_string(&error), "leave out one of them"));
    drop();
}

int main(void)
{
    unsetenv("RTSPBENCH_HALT");
    unsetenv("RTSPBENCH_DENY");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objectives),       cmocka_unit_test(test_search),
        cmocka_unit_test(test_defaults),         cmocka_unit_test(test_values),
        cmocka_unit_test(test_headers),          cmocka_unit_test(test_bind),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_password_file),
        cmocka_unit_test(test_environment),      cmocka_unit_test(test_server),
        cmocka_unit_test(test_result_on_stdout), cmocka_unit_test(test_token_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
