#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "load/plan.h"

static char said[16384], warned[16384];
static struct text error, warning;

static const struct machine roomy = {
    .cores = 2,
    .memory_bytes = UINT64_C(1) << 40,
    .nofile = 20000,
    .files_free = 100000000,
    .port_low = 32768,
    .port_high = 60999,
    .rcvbuf_max = UINT64_MAX,
};

static struct plan make_plan(const char *url)
{
    struct plan plan;
    error = text_init(said, sizeof(said));
    warning = text_init(warned, sizeof(warned));
    plan_init(&plan);
    plan.rate_per_s = 1e9;
    assert_true(url_list_add(&plan.urls, url, &error));
    return plan;
}

/* A publisher over UDP has sockets for the tracks that it sends: here one, so 3 of 16,000 a shard;
   nothing comes that needs a large buffer, and each has a path of its own or is told. */
static void test_publishers(void **state)
{
    struct media *pattern = media_new_pattern(10, 100);
    for (unsigned numbered = 0; numbered < 2; numbered++) {
        struct plan plan = make_plan(numbered ? "rtsp://h/{n}" : "rtsp://h/a");
        plan.publish = pattern;
        plan.transport = PLAN_UDP;
        plan.readers = 12000;
        plan.rtp_port_low = 1024;
        plan.rtp_port_high = 65535;
        assert_true(plan_resolve(&plan, &roomy, &error, &warning));
        assert_int_equal(plan.sockets_per_session, 3);
        assert_int_equal(plan.shards, 3); /* 5,333 in each */
        assert_int_equal(plan.rcvbuf, 0);
        assert_int_equal(strstr(text_string(&warning), "12,000 publishers share 1 URL,") == NULL,
                         numbered);
        plan_dispose(&plan);
    }
    for (unsigned extra = 0; extra < 2; extra++) {
        char url[1100] = "rtsp://h/{n}/";
        memset(url + strlen(url), 'a', 995 + extra - strlen(url)); /* and {n} may grow by 5 */
        struct plan plan = make_plan(url);
        plan.publish = pattern;
        assert_int_equal(plan_resolve(&plan, &roomy, &error, &warning), !extra);
        plan_dispose(&plan);
    }
    media_free(pattern);
}

/* The numbers by hand: a table of 20,000 files takes 16,000 sockets; a UDP session of two tracks
   needs 5, so 3,200 sessions a shard. */
static void test_shards(void **state)
{
    static const struct {
        uint32_t readers;
        enum plan_transport transport;
        enum plan_tracks tracks;
        uint32_t threads, cores;
        uint64_t nofile;
        uint32_t shards, sockets;
    } rows[] = {
        {1, PLAN_TCP, TRACKS_ALL, 0, 2, 20000, 1, 1},
        {100, PLAN_TCP, TRACKS_ALL, 0, 2, 20000, 2, 50},
        {101, PLAN_TCP, TRACKS_ALL, 0, 2, 20000, 2, 51},
        {100, PLAN_TCP, TRACKS_ALL, 1, 2, 20000, 1, 100},
        {100, PLAN_TCP, TRACKS_ALL, 3, 2, 20000, 3, 34},
        {28000, PLAN_TCP, TRACKS_ALL, 0, 1, 20000, 2, 14000},
        {16000, PLAN_TCP, TRACKS_ALL, 0, 1, 20000, 1, 16000},
        {16001, PLAN_TCP, TRACKS_ALL, 0, 1, 20000, 2, 8001},
        {5000, PLAN_UDP, TRACKS_ALL, 0, 1, 20000, 2, 12500},
        {5000, PLAN_UDP, TRACKS_VIDEO, 0, 1, 20000, 1, 15000},
        {5000, PLAN_AUTO, TRACKS_AUDIO, 0, 1, 20000, 1, 15000},
        /* 1,024 less 64 and a sixteenth: 896 */
        {896, PLAN_TCP, TRACKS_ALL, 0, 1, 1024, 1, 896},
        {897, PLAN_TCP, TRACKS_ALL, 0, 1, 1024, 2, 449},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan plan = make_plan("rtsp://h/a");
        struct machine machine = roomy;
        plan.readers = rows[i].readers;
        plan.transport = rows[i].transport;
        plan.tracks = rows[i].tracks;
        plan.threads = rows[i].threads;
        machine.cores = rows[i].cores;
        machine.nofile = rows[i].nofile;
        assert_true(plan_resolve(&plan, &machine, &error, &warning));
        assert_int_equal(plan.shards, rows[i].shards);
        assert_int_equal(plan.sockets_per_shard, rows[i].sockets);
        plan_dispose(&plan);
    }
}

/* 28,232 ports: half are 14,116. A UDP socket asks for 1 MiB. */
static void test_warnings(void **state)
{
    static const struct {
        uint32_t readers;
        enum plan_transport transport;
        uint64_t rcvbuf_max;
        const char *says; /* NULL: nothing */
    } rows[] = {
        {14116, PLAN_TCP, 212992, NULL},
        {14117, PLAN_TCP, 212992, "14,116 readers have a source port"},
        {100, PLAN_UDP, 1048576, NULL},
        {100, PLAN_UDP, 1048575, "sysctl -w net.core.rmem_max=1048576"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan plan = make_plan("rtsp://h/a");
        struct machine machine = roomy;
        plan.readers = rows[i].readers;
        plan.transport = rows[i].transport;
        machine.rcvbuf_max = rows[i].rcvbuf_max;
        assert_true(plan_resolve(&plan, &machine, &error, &warning));
        const char *got = text_string(&warning);
        if (rows[i].says ? !strstr(got, rows[i].says) : got[0] != 0)
            fail_msg("row %zu: '%s'", i, got);
        plan_dispose(&plan);
    }
}

/* An objective that nothing can miss is a slip of the pen. */
static void test_objective_that_allows_all(void **state)
{
    static const char *const texts[] = {"loss_ratio<1", "loss_ratio<1%"};
    for (unsigned i = 0; i < 2; i++) {
        struct plan plan = make_plan("rtsp://h/a");
        struct slo slo;
        assert_true(slo_parse(texts[i], &slo, &error));
        plan.slos = &slo;
        plan.slo_count = 1;
        assert_true(plan_resolve(&plan, &roomy, &error, &warning));
        bool warned_of = strstr(text_string(&warning), "a ratio of 1 is 100 %; write 1%");
        assert_int_equal(warned_of, i == 0);
        plan_dispose(&plan);
    }
}

struct misfit {
    uint32_t readers;
    enum plan_transport transport;
    uint32_t threads;
    const char *says[3];
};

static void refuse(const struct machine *machine, const struct misfit *row)
{
    struct plan plan = make_plan("rtsp://h/a");
    plan.readers = row->readers;
    plan.transport = row->transport;
    plan.threads = row->threads;
    assert_false(plan_resolve(&plan, machine, &error, &warning));
    for (int i = 0; i < 3 && row->says[i]; i++) {
        if (!strstr(text_string(&error), row->says[i]))
            fail_msg("'%s' lacks '%s'", said, row->says[i]);
    }
    plan_dispose(&plan);
}

/* How many fit, which limit, what lifts it. 28,232 ports from 32768 to 60999; 10000 to 32767 are
   11,384 pairs. */
static void test_too_many(void **state)
{
    static const struct misfit rows[] = {
        {28233,
         PLAN_TCP,
         0,
         {"28,232 do", "source ports", "sysctl -w net.ipv4.ip_local_port_range"}},
        {5693, PLAN_UDP, 0, {"5,692 do", "UDP ports", "--rtp-ports 1024-65535"}},
        {16001, PLAN_TCP, 1, {"16,000 do", "open files", "leave --threads out, or ask for 2"}},
        {20000000, PLAN_TCP, 0, {"--readers", "10,000,000"}},
        {0, PLAN_TCP, 0, {"--readers"}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        refuse(&roomy, &rows[i]);
}

static void test_small_machines(void **state)
{
    struct machine few_files = roomy, little_memory = roomy, full_table = roomy;
    few_files.nofile = 64;
    refuse(&few_files,
           &(struct misfit){100, PLAN_TCP, 0, {"0 do", "open files", "ulimit -n 20000"}});
    /* 9 MiB usable / 7,168 bytes a session */
    little_memory.memory_bytes = UINT64_C(10) << 20;
    refuse(&little_memory, &(struct misfit){2000, PLAN_TCP, 0, {"1,316 do", "memory"}});
    full_table.files_free = 1000;
    refuse(&full_table,
           &(struct misfit){1000, PLAN_TCP, 0, {"500 do", "fs.file-max", "sysctl -w"}});
}

/* Each fits exactly: more servers, more addresses, a wider range. */
static void test_more_fit(void **state)
{
    static struct address addresses[2];
    struct plan plan = make_plan("rtsp://h{1..2}/a");
    plan.readers = 2 * 28232;
    assert_true(plan_resolve(&plan, &roomy, &error, &warning));
    plan_dispose(&plan);

    plan = make_plan("rtsp://h/cam{1..2}");
    plan.readers = 2 * 28232;
    plan.bind = addresses;
    plan.bind_count = 2;
    assert_true(plan_resolve(&plan, &roomy, &error, &warning));
    plan_dispose(&plan);

    plan = make_plan("rtsp://h/a");
    plan.readers = 5692;
    plan.transport = PLAN_UDP;
    assert_true(plan_resolve(&plan, &roomy, &error, &warning));
    assert_int_equal(plan.rtp_port_low, 10000);
    assert_int_equal(plan.rtp_port_high, 32767);
    plan_dispose(&plan);
}

/* The default range is even-aligned and stays clear of the system's own. */
static void test_rtp_ports(void **state)
{
    static const struct {
        uint16_t system_low, system_high, low, high;
    } rows[] = {
        {32768, 60999, 10000, 32767}, {1024, 39999, 40000, 65535},
        {15000, 40000, 40002, 65535}, /* 40001 is odd */
        {20001, 65535, 10000, 19999}, /* 20000 has no partner */
        {1024, 65535, 10000, 65535},  /* no room outside */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan plan = make_plan("rtsp://h/a");
        struct machine machine = roomy;
        plan.transport = PLAN_UDP;
        machine.port_low = rows[i].system_low;
        machine.port_high = rows[i].system_high;
        assert_true(plan_resolve(&plan, &machine, &error, &warning));
        assert_int_equal(plan.rtp_port_low, rows[i].low);
        assert_int_equal(plan.rtp_port_high, rows[i].high);
        plan_dispose(&plan);
    }
}

static void test_slow_ramp_is_warned_of(void **state)
{
    static const struct {
        uint32_t readers;
        double rate_per_s;
        uint64_t duration_s;
        const char *says;
    } rows[] = {
        {100, 100, 30, NULL},
        {3000, 100, 30,
         "only 2,999 of 3,000 readers begin within the duration: --rate 101/s or --duration 31s"},
        {2999, 100, 30, NULL},
        {5000, 50, 20,
         "only 999 of 5,000 readers begin within the duration: --rate 251/s or --duration 101s"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan plan = make_plan("rtsp://h/a");
        plan.readers = rows[i].readers;
        plan.rate_per_s = rows[i].rate_per_s;
        plan.duration_ns = rows[i].duration_s * NS_PER_S;
        assert_true(plan_resolve(&plan, &roomy, &error, &warning));
        if (rows[i].says)
            assert_non_null(strstr(text_string(&warning), rows[i].says));
        else
            assert_int_equal(warning.len, 0);
        plan_dispose(&plan);
    }
}

static void test_contradictions(void **state)
{
    struct plan plan = make_plan("rtsp://h/a");
    plan.warmup_ns = plan.duration_ns;
    assert_false(plan_resolve(&plan, &roomy, &error, &warning));
    assert_non_null(strstr(text_string(&error), "--warmup"));
    plan_dispose(&plan);

    plan = make_plan("rtsp://h/a");
    plan.halt_ns = plan.halt_period_ns = NS_PER_S;
    assert_false(plan_resolve(&plan, &roomy, &error, &warning));
    assert_non_null(strstr(text_string(&error), "RTSPBENCH_HALT"));
    plan_dispose(&plan);
}

static void check_credentials(const struct plan *plan, uint32_t url, const char *user,
                              const char *password)
{
    struct auth_credentials who = plan_credentials(plan, url);
    assert_true(slice_equal(who.user, slice_from_string(user)));
    assert_true(slice_equal(who.password, slice_from_string(password)));
}

static void test_credentials(void **state)
{
    struct plan plan = make_plan("rtsp://own:word@h/a");
    assert_true(url_list_add(&plan.urls, "rtsp://h/b", &error));
    check_credentials(&plan, 0, "own", "word");
    check_credentials(&plan, 1, "", "");
    plan.user = "all";
    plan.password = "pass";
    check_credentials(&plan, 0, "own", "word");
    check_credentials(&plan, 1, "all", "pass");
    plan_dispose(&plan);
}

/* When the load that a plan asks for is there, of 20 s unless the row says otherwise. */
static void test_target_reached(void **state)
{
    static const struct {
        const char *profile; /* NULL: constant */
        uint32_t readers;
        double rate_per_s;
        bool rate_given, open;
        enum profile_kind kind; /* where it isn't one that is parsed */
        uint64_t duration_s;
        uint64_t reached_ms;
    } rows[] = {
        {NULL, 50, 5, true, false, 0, 20, 10000},
        {NULL, 50, 5, false, false, 0, 20, 10000}, /* the default rate is a rate, too */
        {NULL, 1, 100, false, false, 0, 20, 10},
        {NULL, 100, 2, true, false, 0, 20, 19500}, /* 39 begin: the 40th would at its end */
        {NULL, 1000, 100, true, true, 0, 20, 2000},
        {NULL, 1000, 100, true, true, 0, 30 * 86400, UINT64_C(3) * 86400000},
        {"ramp:over=4s", 100, 100, false, false, 0, 20, 4000},
        {"ramp:over=4s", 100, 10, true, false, 0, 20, 10000}, /* the rate is slower */
        {"ramp:over=4s", 100, 1, true, false, 0, 20, 20000},
        {"ramp:over=4s", 100, 100, true, true, 0, 20, 2000}, /* a rate all the same */
        {"step:steps=4", 100, 100, false, false, 0, 20, 15000},
        {"burst:n=50,every=3s", 100, 100, false, false, 0, 20, 3000},
        {"spike:every=8s,length=2s", 100, 1000, false, false, 0, 20, 6000},
        {"sine:period=8s", 100, 100, false, false, 0, 20, 2000},
        {"constant:noise=0.1", 100, 100, false, false, 0, 20, 0}, /* all at once */
        {"constant:noise=0.1", 100, 10, true, false, 0, 20, 10000},
        {"day", 100, 100, false, false, 0, 20, 2000},
        {"day", 100, 100, false, false, PROFILE_REAL_WORLD, 20, 2000},
        {"day", 100, 100, false, false, 0, 30 * 86400, UINT64_C(3) * 86400000},
        {"5s:10,5s:100,10s:100", 1, 100, false, false, PROFILE_STAGES, 20, 10000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan plan = make_plan("rtsp://h/a");
        const char *text = rows[i].profile ? rows[i].profile : "constant";
        plan.readers = rows[i].readers;
        plan.rate_per_s = rows[i].rate_per_s;
        plan.rate_given = rows[i].rate_given;
        plan.open = rows[i].open;
        plan.duration_ns = rows[i].duration_s * NS_PER_S;
        assert_true(rows[i].kind == PROFILE_STAGES
                        ? profile_parse_stages(text, &plan.profile, &error)
                        : profile_parse(text, &plan.profile, &error));
        assert_true(profile_parse_hours(NULL, &plan.profile, &error));
        if (rows[i].kind)
            plan.profile.kind = rows[i].kind;
        assert_true(plan_resolve(&plan, &roomy, &error, &warning));
        if (plan_target_reached_ns(&plan) != rows[i].reached_ms * NS_PER_MS)
            fail_msg("row %zu: %.3f s", i, (double)plan_target_reached_ns(&plan) / 1e9);
        plan_dispose(&plan);
    }
}

static void test_json(void **state)
{
    struct address address;
    struct plan plan = make_plan("rtsp://own:word123@h/a?token=123*2");
    plan.server_metrics = "http://h/metrics?key=123";
    assert_true(address_parse(SLICE("::1"), 0, &address));
    plan.user = "all";
    plan.password = "pass123";
    plan.headers = "X-Token: secret123\r\nX-B: 2\r\n";
    plan.bind = &address;
    plan.bind_count = 1;
    plan.transport = PLAN_UDP;
    plan.timeout_ns = 1500 * NS_PER_MS;
    assert_true(plan_resolve(&plan, &roomy, &error, &warning));
    char *text = plan_to_json(&plan);
    assert_non_null(text);
    assert_null(strstr(text, "123"));
    json_t *config = json_loads(text, 0, NULL);
    const char *url, *user, *transport, *header, *bind;
    int weight, readers;
    double timeout_s;
    assert_int_equal(json_unpack(config, "{s:[{s:s,s:i,s:s}],s:i,s:s,s:F,s:[s,s],s:[s]}", "urls",
                                 "url", &url, "weight", &weight, "user", &user, "readers", &readers,
                                 "transport", &transport, "timeout_s", &timeout_s, "headers",
                                 &header, &header, "bind_ips", &bind),
                     0);
    assert_string_equal(url, "rtsp://h/a?token=***");
    assert_string_equal(user, "own");
    assert_int_equal(weight, 2);
    assert_int_equal(readers, 100);
    assert_string_equal(transport, "udp");
    assert_true(timeout_s == 1.5);
    assert_string_equal(header, "X-B");
    assert_string_equal(bind, "[::1]");
    json_decref(config);
    free(text);
    plan_dispose(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objective_that_allows_all),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_publishers),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_small_machines),
        cmocka_unit_test(test_more_fit),
        cmocka_unit_test(test_rtp_ports),
        cmocka_unit_test(test_slow_ramp_is_warned_of),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_target_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
