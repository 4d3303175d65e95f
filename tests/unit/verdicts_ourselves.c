/* What a run says where this machine was at fault. The simulated network is never busy: what would
 * have been found out is set. Where a row says nothing else, 20 readers begin within 0.2 s and read
 * for 20 s. */
#include "verdicts.h"

#include <errno.h>

#define BIT(limit) (1u << (limit))

/* Out of files, ports or memory. */
static void test_out_of_things(void **state)
{
#define ALL(why)                                                                                   \
    {                                                                                              \
        .no_socket_ppm = 1000000, .no_socket_error = (why)                                         \
    }
    static const struct verdict_row rows[] = {
        {"out of files", .struck = BIT(LIMIT_FILES), .slos = {USUAL_KEPT}, .status = 3,
         .limits = "files",
         .lead = "INVALID the generator was the limit: files; 20 of 20 sessions"},
        {"out of files, nothing asked for", .struck = BIT(LIMIT_FILES), .limits = "files",
         .lead = "PASS, but the generator was the limit: files; 20 of 20 sessions"},
        {"out of ports", .struck = BIT(LIMIT_PORTS), .slos = {USUAL_KEPT}, .status = 3,
         .limits = "ports",
         .lead = "INVALID the generator was the limit: ports; 20 of 20 sessions"},
        {"out of memory", .struck = BIT(LIMIT_MEMORY), .slos = {"-loss_ratio<0.1%"},
         .paths = {"a?drop=1/20"}, .status = 3, .limits = "memory",
         .lead = "INVALID the generator was the limit: memory; 20 of 20 sessions"},
        /* some could not be begun, or none */
        {"out of files for some", .net = {.no_socket_ppm = 500000},
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 3, .limits = "files",
         .lead = "INVALID the generator was the limit: files; ", .says = {" failed"}},
        {"out of files for some, nothing asked for", .net = {.no_socket_ppm = 500000},
         .limits = "files", .lead = "PASS, but the generator was the limit: files; ",
         .says = {" failed"}},
        {"out of files for all", .net = ALL(-EMFILE), .slos = {"-failed_ratio<1%"}, .status = 3,
         .limits = "files",
         .lead = "INVALID no session was established, the generator was the limit: files"},
        {"out of files for all, nothing asked for", .net = ALL(-EMFILE), .status = 3,
         .limits = "files",
         .lead = "INVALID no session was established, the generator was the limit: files"},
        {"out of ports for all, nothing asked for", .net = ALL(-EADDRNOTAVAIL), .status = 3,
         .limits = "ports",
         .lead = "INVALID no session was established, the generator was the limit: ports"},
        {"out of memory for all, nothing asked for", .net = ALL(-ENOBUFS), .status = 3,
         .limits = "memory",
         .lead = "INVALID no session was established, the generator was the limit: memory"},
        {"no way to the server", .net = ALL(-ENETUNREACH), .slos = {"-failed_ratio<1%"},
         .status = 1, .lead = "FAIL no session was established: connect unreachable (20)"},
        {"out of files and memory", .struck = BIT(LIMIT_FILES) | BIT(LIMIT_MEMORY),
         .slos = {USUAL_KEPT}, .status = 3, .limits = "files,memory",
         .lead = "INVALID the generator was the limit: files, memory; 20 of 20 sessions"},
        {"publishers out of files", .publish = true, .paths = {"live/{n}"},
         .struck = BIT(LIMIT_FILES), .slos = {"+failed_ratio<1%"}, .status = 3, .limits = "files",
         .lead = "INVALID the generator was the limit: files; 20 of 20 publishers"},
    };
    VERDICTS_RUN(rows);
}

/* 100 samples a second or 2,000 in all, but for those of the simulated loop itself, which are 0. */
static void test_lags(void **state)
{
#define LAG(from, to, n, how_long)                                                                 \
    {                                                                                              \
        METRIC_LOOP_LAG, (from), (to), (n), (how_long)                                             \
    }
#define SCHEDULE_LAG(from, to, n, how_long)                                                        \
    {                                                                                              \
        METRIC_SCHEDULE_LAG, (from), (to), (n), (how_long)                                         \
    }
#define LAGGING "INVALID the generator was the limit: loop_lag; 20 of 20 sessions"
    static const struct verdict_row rows[] = {
        {"halted once, for 600 ms", .lags = {LAG(10, 11, 1, 600)}, .slos = {USUAL_KEPT},
         .status = 3, .limits = "loop_lag", .lead = LAGGING},
        {"halted once, for 600 ms, nothing asked for", .lags = {LAG(10, 11, 1, 600)},
         .limits = "loop_lag",
         .lead = "PASS, but the generator was the limit: loop_lag; 20 of 20 sessions"},
        {"halted once, for 400 ms", .lags = {LAG(10, 11, 1, 400)}, .slos = {USUAL_KEPT},
         .lead = "PASS 20 of 20 sessions, 0 packets lost"},
        {"late all along", .lags = {LAG(0, 20, 1000, 20)}, .slos = {USUAL_KEPT}, .status = 3,
         .limits = "loop_lag", .lead = LAGGING},
        {"a little late all along", .lags = {LAG(0, 20, 1000, 8)}, .slos = {USUAL_KEPT},
         .lead = "PASS 20 of 20 sessions, 0 packets lost"},
        /* 5 samples of 20 ms among 200,000: they fire no more at the start than at the end */
        {"a few late ones at the start", .lags = {LAG(0, 20, 10000, 0), LAG(0, 1, 5, 20)},
         .slos = {USUAL_KEPT}, .lead = "PASS 20 of 20 sessions, 0 packets lost"},
        /* 750 late ones of 200,000 are under 1 %, but over it in 5 s, a quarter of the run */
        {"late for 5 s of 20", .lags = {LAG(0, 20, 10000, 0), LAG(5, 10, 150, 20)},
         .slos = {USUAL_KEPT}, .status = 3, .limits = "loop_lag", .lead = LAGGING},
        /* 5 s of 200: 2.5 % of the run, whose p99 is 0 */
        {"late for 5 s of 200", .lags = {LAG(0, 200, 10000, 0), LAG(50, 55, 2000, 20)},
         .seconds = 200, .readers = 2, .slos = {USUAL_KEPT},
         .lead = "PASS 2 of 2 sessions, 0 packets lost"},
        {"begun late", .lags = {SCHEDULE_LAG(0, 1, 20, 150)}, .slos = {USUAL_KEPT}, .status = 3,
         .limits = "schedule_lag",
         .lead = "INVALID the generator was the limit: schedule_lag; 20 of 20 sessions"},
        {"begun a little late", .lags = {SCHEDULE_LAG(0, 1, 20, 80)}, .slos = {USUAL_KEPT},
         .lead = "PASS 20 of 20 sessions, 0 packets lost"},
        {"begun late, nothing asked for", .lags = {SCHEDULE_LAG(0, 1, 20, 150)},
         .limits = "schedule_lag",
         .lead = "PASS, but the generator was the limit: schedule_lag; 20 of 20 sessions"},
        {"sockets that overflowed", .struck = BIT(LIMIT_UDP_SOCKET_DROPS), .udp = true,
         .slos = {USUAL_KEPT}, .status = 3, .limits = "udp_socket_drops",
         .lead = "INVALID the generator was the limit: udp_socket_drops; 20 of 20 sessions"},
        {"unread bytes under a gap", .struck = BIT(LIMIT_RECV_BACKLOG), .slos = {USUAL_KEPT},
         .status = 3, .limits = "recv_backlog",
         .lead = "INVALID the generator was the limit: recv_backlog; 20 of 20 sessions"},
        /* nobody was late: a server that saturates its core is what people test */
        {"a busy core alone", .struck = BIT(LIMIT_CPU), .slos = {USUAL_KEPT},
         .lead = "PASS 20 of 20 sessions, 0 packets lost"},
        {"a busy core of a slow server", .struck = BIT(LIMIT_CPU),
         .paths = {"a?describe_delay=1500ms"}, .slos = {"-startup.p95<1s"}, .status = 99,
         .lead = "FAIL missed startup.p95<1s"},
        {"a busy core that made us late", .struck = BIT(LIMIT_CPU), .slos = {USUAL_KEPT},
         .lags = {LAG(0, 20, 1000, 20)}, .status = 3, .limits = "cpu,loop_lag",
         .lead = "INVALID the generator was the limit: cpu, loop_lag; 20 of 20 sessions"},
    };
    VERDICTS_RUN(rows);
}

/* Whose fault it was can't be told where both were at fault: with objectives invalid comes first.
 */
static void test_both_at_fault(void **state)
{
#define LATE .lags = {SCHEDULE_LAG(0, 1, 20, 5000)}, .limits = "schedule_lag"
    static const struct verdict_row rows[] = {
        {"starved, nothing established", LATE, .paths = {"a?mute=options"},
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 3,
         .lead = "INVALID no session was established, the generator was the limit: schedule_lag; 0 "
                 "of 20 sessions, 20 unanswered"},
        {"starved, nothing established, nothing asked for", LATE, .paths = {"a?mute=options"},
         .status = 1,
         .lead = "FAIL no session was established: 20 unanswered; limited: schedule_lag"},
        {"starved, and a server that refuses", LATE, .absent = true, .slos = {"-failed_ratio<1%"},
         .status = 3,
         .lead = "INVALID no session was established, the generator was the limit: schedule_lag"},
        {"starved, and half hangs", LATE, .paths = {"a", "b?mute=describe"},
         .slos = {"-failed_ratio<1%"}, .status = 3,
         .lead = "INVALID the generator was the limit: schedule_lag; 10 of 20 sessions, 10 "
                 "unanswered"},
        {"starved, and half is silent, nothing asked for", LATE, .paths = {"a", "b?delay=1h"},
         .lead = "PASS, but the generator was the limit: schedule_lag; 20 of 20 sessions, 10 "
                 "without media"},
        {"starved, and no media", LATE, .paths = {"a?delay=1h"}, .slos = {"+failed_ratio<1%"},
         .status = 3,
         .lead = "INVALID the generator was the limit: schedule_lag; 20 of 20 sessions, 20 without "
                 "media"},
        {"halted, and the server dies", .lags = {LAG(15, 16, 1, 600)}, .limits = "loop_lag",
         .events = {{10000, SERVER_DIES}}, .slos = {"-sessions.dropped=0"}, .status = 3,
         .lead = "INVALID the generator was the limit: loop_lag; 20 of 20 sessions, 20 dropped"},
        {"halted while ending", .lags = {LAG(19, 20, 1, 600)}, .limits = "loop_lag",
         .slos = {USUAL_KEPT}, .status = 3, .lead = LAGGING},
        {"halted in the warm-up", .lags = {LAG(2, 3, 1, 600)}, .limits = "loop_lag", .warmup_s = 5,
         .slos = {USUAL_KEPT}, .status = 3, .lead = LAGGING},
        {"starved, and interrupted in the ramp", LATE, .rate = 2, .signal_s = 5.05,
         .slos = {USUAL_KEPT}, .status = 3, .lead = "INVALID interrupted after 5.0 of 20 s"},
        {"starved, and interrupted in the midst", LATE, .signal_s = 10.05, .slos = {USUAL_KEPT},
         .status = 3,
         .lead = "INVALID the generator was the limit: schedule_lag, interrupted after "
                 "10.0 of 20 s; 20 of 20 sessions"},
    };
    VERDICTS_RUN(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_things),
        cmocka_unit_test(test_lags),
        cmocka_unit_test(test_both_at_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
