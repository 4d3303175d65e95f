/* What a run of publishers says, and one of readers beside publishers. Where a row says nothing
 * else, 20 publishers begin within 0.2 s and send for 20 s. */
#include "verdicts.h"

#define LIVE "live/{n}"
#define SENT                                                                                       \
    "+failed_ratio<1%", "+startup.p95<500ms", "+published.dropped_ratio<0.1%", "+sessions.dropped=0"
#define READ "+unconfirmed_ratio<1%"

static const struct verdict_row healthy_rows[] = {
    {"over TCP", .publish = true, .paths = {LIVE},
     .slos = {SENT, READ, "+published.reported_loss_ratio<0.1%", "+held_ratio>99%"},
     .lead = "PASS 20 of 20 publishers, 0 packets dropped"},
    {"over UDP", .publish = true, .udp = true, .paths = {LIVE},
     .slos = {SENT, READ, "+published.reported_loss_ratio<0.1%", "+held_ratio>99%"},
     .lead = "PASS 20 of 20 publishers, 0 packets dropped"},
    {"without objectives", .publish = true, .paths = {LIVE},
     .lead = "PASS 20 of 20 publishers, 0 packets dropped"},
    {"one", .publish = true, .readers = 1, .paths = {LIVE}, .slos = {SENT, READ},
     .lead = "PASS 1 of 1 publishers, 0 packets dropped"},
    {"without reports", .publish = true, .no_reports = true, .paths = {LIVE}, .slos = {SENT, READ},
     .lead = "PASS 20 of 20 publishers, 0 packets dropped"},
    {"without reports, which are asked for", .publish = true, .no_reports = true, .paths = {LIVE},
     .slos = {SENT, READ, "-published.reported_loss_ratio<0.1%"}, .status = 99,
     .lead = "FAIL missed published.reported_loss_ratio<0.1% (never measured)"},
    {"loss of what is received", .publish = true, .paths = {LIVE},
     .slos = {SENT, READ, "-loss_ratio<0.1%", "-no_media_ratio<1%"}, .status = 99,
     .lead = "FAIL missed loss_ratio<0.1% (never measured)"},
    {"short lives", .publish = true, .life_s = 2, .paths = {LIVE}, .slos = {SENT, READ},
     .lead = "PASS "},
    {"a ramp that ends with the run", .publish = true, .profile = "ramp:over=20s", .paths = {LIVE},
     .slos = {SENT, READ, "+held_ratio>98%"}, .lead = "PASS "},
    {"stages down to nobody", .publish = true, .stages = "5s:20,10s:20,5s:0", .paths = {LIVE},
     .slos = {SENT, READ, "+held_ratio>98%"}, .lead = "PASS 20 of 20 publishers"},
    {"after a warm-up", .publish = true, .warmup_s = 5, .paths = {LIVE}, .slos = {SENT, READ},
     .lead = "PASS 20 of 20 publishers, 0 packets dropped"},
    {"beside readers", .also_publish = LIVE, .slos = {USUAL_KEPT, "+published.dropped_ratio<0.1%"},
     .lead = "PASS 30 of 30 sessions, 0 packets lost, 0 unsent"},
    {"beside readers, later", .also_publish = LIVE, .also_from_s = 5,
     .slos = {USUAL_KEPT, "+published.dropped_ratio<0.1%", "+held_ratio>99%"},
     .lead = "PASS 30 of 30 sessions, 0 packets lost, 0 unsent"},
};

static void test_healthy(void **state)
{
    VERDICTS_RUN(healthy_rows);
}

/* At 2/s 10 publishers are there at 5.25 s. */
static const struct verdict_row dead_rows[] = {
    {"from the start", .publish = true, .absent = true, .paths = {LIVE},
     .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-published.dropped_ratio<0.1%"},
     .status = 1, .lead = "FAIL no session was established: connect refused (20)"},
    {"from the start, nothing asked for", .publish = true, .absent = true, .paths = {LIVE},
     .status = 1, .lead = "FAIL no session was established: connect refused (20)"},
    {"in the ramp", .publish = true, .rate = 2, .events = {{5250, SERVER_DIES}}, .paths = {LIVE},
     .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-sessions.dropped=0", "-held_ratio>90%"},
     .status = 99,
     .lead = "FAIL 10 of 20 publishers, 0 of 20 up at the end, 10 failed; missed "
             "failed_ratio<1% (it was 50 %)"},
    {"in the ramp, nothing asked for", .publish = true, .rate = 2, .events = {{5250, SERVER_DIES}},
     .paths = {LIVE}, .lead = "PASS 10 of 20 publishers, 0 of 20 up at the end, 10 failed"},
    {"in the warm-up", .publish = true, .warmup_s = 5, .events = {{3000, SERVER_DIES}},
     .paths = {LIVE}, .slos = {"+failed_ratio<1%"}, .status = 99,
     .lead = "FAIL 20 of 20 publishers, 20 dropped, 0 of 20 up at the end; no media, with "
             "objectives"},
    {"in the midst", .publish = true, .events = {{10000, SERVER_DIES}}, .paths = {LIVE},
     .slos = {"+failed_ratio<1%", "+startup.p95<500ms", "-sessions.dropped=0", "-held_ratio>90%",
              "+held_ratio>45%"},
     .status = 99, .lead = "FAIL 20 of 20 publishers, 20 dropped, 0 of 20 up at the end"},
    {"in the midst, failures asked for", .publish = true, .events = {{10000, SERVER_DIES}},
     .paths = {LIVE}, .slos = {"+failed_ratio<1%"},
     .lead = "PASS 20 of 20 publishers, 20 dropped, 0 of 20 up at the end"},
    {"in the midst, of both", .also_publish = LIVE, .events = {{10000, SERVER_DIES}},
     .slos = {"+failed_ratio<1%", "+startup.p95<500ms", "+loss_ratio<0.1%", "-sessions.dropped=0",
              "-held_ratio>90%"},
     .status = 99, .lead = "FAIL 30 of 30 sessions, 30 dropped, 0 of 30 up at the end"},
    {"before the second group begins", .also_publish = LIVE, .also_from_s = 10,
     .events = {{5000, SERVER_DIES}},
     .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-sessions.dropped=0"}, .status = 99,
     .lead = "FAIL 20 of 30 sessions, 0 of 30 up at the end, 20 dropped; missed "
             "failed_ratio<1% (it was 33.3 %)"},
    {"while ending", .publish = true, .events = {{20001, SERVER_DIES}}, .paths = {LIVE},
     .net = {.latency_ns = 4 * NS_PER_MS}, .slos = {SENT, "+teardown.p95<100ms"},
     .lead = "PASS 20 of 20 publishers, 0 packets dropped"},
};

static void test_dead(void **state)
{
    VERDICTS_RUN(dead_rows);
}

static const struct verdict_row frozen_rows[] = {
    {"from the start", .publish = true, .events = {{1, SERVER_FREEZES}}, .paths = {LIVE},
     .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-published.dropped_ratio<0.1%"},
     .status = 1, .lead = "FAIL no session was established: 20 unanswered"},
    {"in the ramp", .publish = true, .rate = 2, .events = {{5250, SERVER_FREEZES}}, .paths = {LIVE},
     .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-record.p95<1s", "-held_ratio>90%"},
     .status = 99, .lead = "FAIL 10 of 20 publishers, ", .says = {"10 unanswered"}},
    {"in the ramp, drops asked for", .publish = true, .rate = 2, .events = {{5250, SERVER_FREEZES}},
     .paths = {LIVE}, .slos = {"+sessions.dropped=0"}, .lead = "PASS 10 of 20 publishers, ",
     .says = {"10 unanswered"}},
    {"while ending", .publish = true, .events = {{20000, SERVER_FREEZES}}, .paths = {LIVE},
     .slos = {SENT, "-teardown.p95<1s", "-unconfirmed_ratio<1%"}, .status = 99,
     .lead = "FAIL 20 of 20 publishers, 20 unconfirmed, 20 TEARDOWNs unanswered"},
    /* its kernel has room for all that comes due until the end */
    {"in the midst", .publish = true, .events = {{12000, SERVER_FREEZES}}, .paths = {LIVE},
     .slos = {SENT, "-unconfirmed_ratio<1%", "-published.unconfirmed=0"}, .status = 99,
     .lead = "FAIL 20 of 20 publishers, 20 unconfirmed, 20 TEARDOWNs unanswered; missed "
             "unconfirmed_ratio<1% (it was 100 %)"},
    {"in the midst, nothing asked for", .publish = true, .events = {{12000, SERVER_FREEZES}},
     .paths = {LIVE}, .lead = "PASS 20 of 20 publishers, 20 unconfirmed, 20 TEARDOWNs unanswered"},
    {"in the midst, over UDP", .publish = true, .udp = true, .events = {{12000, SERVER_FREEZES}},
     .paths = {LIVE}, .slos = {SENT, READ},
     .lead = "PASS 20 of 20 publishers, 20 TEARDOWNs unanswered"},
    {"for a while", .publish = true, .events = {{5000, SERVER_FREEZES}, {12000, SERVER_GOES_ON}},
     .paths = {LIVE}, .slos = {SENT, READ}, .lead = "PASS 20 of 20 publishers, 0 packets dropped"},
    {"in the ramp, of both", .also_publish = LIVE, .also_from_s = 10, .seconds = 25,
     .events = {{5000, SERVER_FREEZES}},
     .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "+no_media_ratio<1%", "+loss_ratio<0.1%"},
     .status = 99, .lead = "FAIL 20 of 30 sessions, 20 media timeouts"},
};

static void test_frozen(void **state)
{
    VERDICTS_RUN(frozen_rows);
}

/* Every other one gets a path where something goes wrong. */
static void test_half_hangs(void **state)
{
#define HALF "FAIL 10 of 20 publishers, 10 unanswered, 10 of 20 up at the end; missed "
    static const struct verdict_row rows[] = {
        {"ANNOUNCE", .publish = true, .paths = {"a/{n}", "b/{n}?mute=announce"},
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-announce.p95<1s",
                  "+published.dropped_ratio<0.1%", "-held_ratio>90%", "+startup.p50<500ms"},
         .status = 99, .lead = HALF "failed_ratio<1% (it was 50 %)"},
        {"RECORD", .publish = true, .paths = {"a/{n}", "b/{n}?mute=record"},
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-record.p95<1s", "+announce.p95<1s"},
         .status = 99, .lead = HALF "failed_ratio<1% (it was 50 %)"},
        {"ANNOUNCE, nothing asked for", .publish = true, .paths = {"a/{n}", "b/{n}?mute=announce"},
         .lead = "PASS 10 of 20 publishers, 10 unanswered, 10 of 20 up at the end"},
        {"ANNOUNCE, a moment", .publish = true, .paths = {"a/{n}", "b/{n}?mute=announce"},
         .seconds = 1.5, .slos = {"+failed_ratio<1%", "-startup.p95<500ms", "+startup.p95<5s"},
         .status = 99, .lead = "FAIL 10 of 20 publishers, 10 of 20 up at the end"},
        {"ANNOUNCE, impatient", .publish = true, .paths = {"a/{n}", "b/{n}?mute=announce"},
         .timeout_s = 5, .slos = {"-failed_ratio<1%"}, .status = 99,
         .lead = "FAIL 10 of 20 publishers, 10 failed, 10 of 20 up at the end"},
        {"one of twenty", .publish = true, .paths = {"a/{n}*19", "b/{n}?mute=announce"},
         .slos = {"-failed_ratio<1%", "+startup.p95<500ms", "-startup.p99<500ms"}, .status = 99,
         .lead = "FAIL 19 of 20 publishers, 1 unanswered; missed failed_ratio<1% (it was 5 %)"},
        {"refused", .publish = true, .paths = {"a/{n}", "b/{n}?status=403"},
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 99,
         .lead = "FAIL 10 of 20 publishers, 10 failed, 10 of 20 up at the end"},
        {"all refused", .publish = true, .paths = {"a/{n}?status=403"},
         .slos = {"-failed_ratio<1%"}, .status = 1,
         .lead = "FAIL no session was established: announce status 403 (20)"},
        {"beside readers", .also_publish = "b/{n}?mute=announce",
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "+no_media_ratio<1%",
                  "+loss_ratio<0.1%", "-published.dropped_ratio<1%"},
         .status = 99, .lead = "FAIL 20 of 30 sessions, 10 unanswered, 20 of 30 up at the end"},
        /* half of what there is to send or read is nothing at all */
        {"beside readers, failures tolerated", .also_publish = "b/{n}?mute=announce",
         .slos = {"+failed_ratio<50%"}, .status = 99,
         .lead = "FAIL 20 of 30 sessions, 10 unanswered, 20 of 30 up at the end; no media, with "
                 "objectives"},
        {"readers beside publishers", .also_publish = LIVE, .paths = {"a?mute=describe"},
         .slos = {"-failed_ratio<1%", "-no_media_ratio<1%", "+published.dropped_ratio<0.1%"},
         .status = 99, .lead = "FAIL 10 of 30 sessions, 20 unanswered, 10 of 30 up at the end"},
        /* publishers are no readers without media */
        {"silent readers beside publishers", .also_publish = LIVE, .paths = {"a", "b?delay=1h"},
         .slos = {"+failed_ratio<1%", "-no_media_ratio<50%", "+no_media_ratio<=50%",
                  "-startup.p95<500ms"},
         .status = 99,
         .lead = "FAIL 30 of 30 sessions, 10 without media; missed no_media_ratio<50%"},
        {"TEARDOWN", .publish = true, .paths = {"a/{n}", "b/{n}?mute=teardown"},
         .slos = {SENT, "-teardown.p95<1s", "-unconfirmed_ratio<1%", "+unconfirmed_ratio<=50%"},
         .status = 99,
         .lead = "FAIL 20 of 20 publishers, 10 unconfirmed, 10 TEARDOWNs unanswered; missed"},
    };
    VERDICTS_RUN(rows);
}

static void test_lossy_and_restarting(void **state)
{
#define RESTARTS .events = { {8000, SERVER_DIES}, {11000, SERVER_STARTS} }
    static const struct verdict_row rows[] = {
        {"a lossy network", .publish = true, .udp = true, .net = {.drop_ppm = 50000},
         .paths = {LIVE},
         .slos = {"+failed_ratio<1%", "+published.dropped_ratio<0.1%",
                  "-published.reported_loss_ratio<0.1%", "+published.reported_loss_ratio<20%"},
         .status = 99, .lead = "FAIL missed published.reported_loss_ratio<0.1% (it was "},
        {"a lossy network, failures asked for", .publish = true, .udp = true,
         .net = {.drop_ppm = 50000}, .paths = {LIVE}, .slos = {"+failed_ratio<1%"},
         .lead = "PASS 20 of 20 publishers, 0 packets dropped"},
        {"restarts", .publish = true, RESTARTS, .paths = {LIVE},
         .slos = {"+failed_ratio<1%", "-sessions.dropped=0", "-held_ratio>90%"}, .status = 99,
         .lead = "FAIL 20 of 20 publishers, 20 dropped, 0 of 20 up at the end"},
        {"restarts, all come back", .publish = true, RESTARTS, .reconnect = true, .seconds = 30,
         .paths = {LIVE},
         .slos = {"+failed_ratio<1%", "-sessions.dropped=0", "+come_back.p95<8s", "+held_ratio>70%",
                  "-held_ratio>91%"},
         .status = 99, .lead = "FAIL 40 of 40 publishers, 20 dropped; missed sessions.dropped=0"},
        {"dies, nobody can come back", .publish = true, .events = {{8000, SERVER_DIES}},
         .reconnect = true, .paths = {LIVE}, .slos = {"-failed_ratio<1%", "-come_back.p95<1m"},
         .status = 99, .lead = "FAIL 20 of 40 publishers, 20 unanswered, 20 dropped"},
        {"interrupted in the ramp", .publish = true, .rate = 2, .signal_s = 5.05, .paths = {LIVE},
         .slos = {SENT}, .status = 3, .lead = "INVALID interrupted after 5.0 of 20 s"},
        {"interrupted in the midst", .publish = true, .signal_s = 10.05, .paths = {LIVE},
         .slos = {SENT}, .lead = "PASS 20 of 20 publishers, interrupted after 10.0 of 20 s"},
    };
    VERDICTS_RUN(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_dead),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_half_hangs),
        cmocka_unit_test(test_lossy_and_restarting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
