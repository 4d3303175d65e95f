/* What a run of readers says of a server with troubles: one that answers only some, or slowly, that
 * sends nothing, loses, is full, restarts; and of runs that a signal ends. Where a row says nothing
 * else, 20 readers begin within 0.2 s and read for 20 s. */
#include "verdicts.h"

/* Of two paths every other reader gets one: 10 of 20 hang. */
static void test_half_hangs(void **state)
{
#define HALF "FAIL 10 of 20 sessions, 10 unanswered, 10 of 20 up at the end; missed "
    static const struct verdict_row rows[] = {
        {"OPTIONS", .paths = {"a", "b?mute=options"},
         .slos = {"-failed_ratio<1%", "+no_media_ratio<1%", "-startup.p95<500ms",
                  "+loss_ratio<0.1%", "-held_ratio>90%", "-options.p95<1s"},
         .status = 99, .lead = HALF "failed_ratio<1% (it was 50 %)"},
        {"DESCRIBE", .paths = {"a", "b?mute=describe"},
         .slos = {"-failed_ratio<1%", "+no_media_ratio<1%", "-startup.p95<500ms",
                  "-describe.p95<1s", "+options.p95<1s", "-play.p95<1s", "+startup.p50<500ms",
                  "-join.p95<1s"},
         .status = 99, .lead = HALF "failed_ratio<1% (it was 50 %)"},
        {"SETUP", .paths = {"a", "b?mute=setup"},
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-setup.p95<1s", "+describe.p95<1s"},
         .status = 99, .lead = HALF "failed_ratio<1% (it was 50 %)"},
        {"PLAY", .paths = {"a", "b?mute=play"},
         .slos = {"-failed_ratio<1%", "-play.p95<1s", "+setup.p95<1s", "-held_ratio>90%"},
         .status = 99, .lead = HALF "failed_ratio<1% (it was 50 %)"},
        {"DESCRIBE, in two threads", .threads = 2, .paths = {"a", "b?mute=describe"},
         .slos = {"-failed_ratio<1%", "+no_media_ratio<1%", "-startup.p95<500ms"}, .status = 99,
         .lead = HALF "failed_ratio<1% (it was 50 %)"},
        {"DESCRIBE, half tolerated", .paths = {"a", "b?mute=describe"},
         .slos = {"+failed_ratio<60%", "+loss_ratio<0.1%"},
         .lead = "PASS 10 of 20 sessions, 10 unanswered, 10 of 20 up at the end"},
        {"DESCRIBE, nothing asked for", .paths = {"a", "b?mute=describe"},
         .lead = "PASS 10 of 20 sessions, 10 unanswered, 10 of 20 up at the end"},
        {"DESCRIBE, impatient", .paths = {"a", "b?mute=describe"}, .timeout_s = 5,
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 99,
         .lead =
             "FAIL 10 of 20 sessions, 10 failed, 10 of 20 up at the end; missed failed_ratio<1%"},
        /* nobody is blamed for less than 2 s, but over 500 ms is over 500 ms */
        {"DESCRIBE, a moment", .paths = {"a", "b?mute=describe"}, .seconds = 1.5,
         .slos = {"+failed_ratio<1%", "-startup.p95<500ms", "+startup.p95<5s", "+loss_ratio<0.1%"},
         .status = 99,
         .lead = "FAIL 10 of 20 sessions, 10 of 20 up at the end; missed startup.p95<500ms (10 "},
        /* 1 of 20: the 95th percentile is the 19th, the 99th the last */
        {"one of twenty", .paths = {"a*19", "b?mute=describe"},
         .slos = {"-failed_ratio<1%", "+startup.p95<500ms", "-startup.p99<500ms",
                  "+held_ratio>90%"},
         .status = 99,
         .lead = "FAIL 19 of 20 sessions, 1 unanswered; missed failed_ratio<1% (it was 5 %)"},
        {"one of twenty, tolerated", .paths = {"a*19", "b?mute=describe"},
         .slos = {"+failed_ratio<=5%", "+startup.p95<500ms"},
         .lead = "PASS 19 of 20 sessions, 1 unanswered, 0 packets lost"},
        /* their own life is over while they wait */
        {"for longer than they live", .paths = {"a", "b?mute=describe"}, .life_s = 5,
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 99, .lead = "FAIL ",
         .says = {"10 unanswered"}},
        {"while they zap", .paths = {"a", "b?mute=describe"}, .zap_s = 4,
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "+loss_ratio<0.1%"}, .status = 99,
         .lead = "FAIL ", .says = {"unanswered"}},
        {"under arrivals", .paths = {"a", "b?mute=describe"}, .open = true, .rate = 5, .life_s = 3,
         .readers = 100, .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 99,
         .lead = "FAIL ", .says = {"unanswered"}},
        {"in a ramp", .paths = {"a", "b?mute=describe"}, .profile = "ramp:over=10s",
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 99,
         .lead = "FAIL 10 of 20 sessions, 10 unanswered"},
        {"within the warm-up", .paths = {"a", "b?mute=describe"}, .warmup_s = 5,
         .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-held_ratio>90%"}, .status = 99,
         .lead = "FAIL 10 of 20 sessions, 10 unanswered"},
        {"only TEARDOWN", .paths = {"a?mute=teardown"}, .slos = {USUAL_KEPT, "-teardown.p95<1s"},
         .status = 99,
         .lead = "FAIL 20 of 20 sessions, 20 TEARDOWNs unanswered; missed teardown.p95"},
        {"only TEARDOWN, the usual", .paths = {"a?mute=teardown"}, .slos = {USUAL_KEPT},
         .lead = "PASS 20 of 20 sessions, 20 TEARDOWNs unanswered, 0 packets lost"},
        {"only TEARDOWN of half, short lives", .paths = {"a", "b?mute=teardown"}, .life_s = 4,
         .slos = {USUAL_KEPT, "-teardown.p95<1s"}, .status = 99, .lead = "FAIL ",
         .says = {"TEARDOWNs unanswered"}},
    };
    VERDICTS_RUN(rows);
}

/* PLAY is answered, and nothing comes. */
static const struct verdict_row silent_rows[] = {
    {"all", .paths = {"a?delay=1h"},
     .slos = {"+failed_ratio<1%", "-no_media_ratio<1%", "-startup.p95<500ms", "-loss_ratio<0.1%",
              "-panel.freezes=0", "+held_ratio>99%"},
     .status = 99,
     .lead = "FAIL 20 of 20 sessions, 20 without media; missed no_media_ratio<1% (it was 100 %)"},
    {"all, failures asked for", .paths = {"a?delay=1h"}, .slos = {"+failed_ratio<1%"}, .status = 99,
     .lead = "FAIL 20 of 20 sessions, 20 without media; no media, with objectives"},
    {"all, nothing asked for", .paths = {"a?delay=1h"},
     .lead = "PASS 20 of 20 sessions, 20 without media, no media"},
    {"half", .paths = {"a", "b?delay=1h"},
     .slos = {"+failed_ratio<1%", "-no_media_ratio<1%", "-startup.p95<500ms", "+loss_ratio<0.1%",
              "-first_rtp.p95<1s", "-join.p95<1s", "+startup.p50<500ms", "+play.p95<500ms"},
     .status = 99,
     .lead = "FAIL 20 of 20 sessions, 10 without media; missed no_media_ratio<1% (it was 50 %)"},
    {"half, over UDP", .paths = {"a", "b?delay=1h"}, .udp = true,
     .slos = {"+failed_ratio<1%", "-no_media_ratio<1%", "-startup.p95<500ms"}, .status = 99,
     .lead = "FAIL 20 of 20 sessions, 10 without media; missed no_media_ratio<1% (it was 50 %)"},
    {"half, failures asked for", .paths = {"a", "b?delay=1h"}, .slos = {"+failed_ratio<1%"},
     .lead = "PASS 20 of 20 sessions, 10 without media, 0 packets lost"},
    {"half, nothing asked for", .paths = {"a", "b?delay=1h"},
     .lead = "PASS 20 of 20 sessions, 10 without media, 0 packets lost"},
    {"half, a moment", .paths = {"a", "b?delay=1h"}, .seconds = 1.5, .slos = {USUAL_KEPT},
     .lead = "PASS 20 of 20 sessions, 0 packets lost"},
    {"all, a moment", .paths = {"a?delay=1h"}, .seconds = 1.5,
     .slos = {"+failed_ratio<1%", "-no_media_ratio<1%", "-startup.p95<500ms"}, .status = 99,
     .lead = "FAIL missed no_media_ratio<1% (never measured)"},
    {"all, a moment, failures asked for", .paths = {"a?delay=1h"}, .seconds = 1.5,
     .slos = {"+failed_ratio<1%"}, .status = 99, .lead = "FAIL no media, with objectives"},
    /* half of those that play for 3 s */
    {"half, while they zap", .paths = {"a", "b?delay=1h"}, .zap_s = 4,
     .slos = {"+failed_ratio<1%", "-no_media_ratio<1%", "-startup.p95<500ms", "+loss_ratio<0.1%"},
     .status = 99, .lead = "FAIL ", .says = {"without media"}},
    {"half, short lives", .paths = {"a", "b?delay=1h"}, .life_s = 3,
     .slos = {"+failed_ratio<1%", "-no_media_ratio<1%", "-startup.p95<500ms"}, .status = 99,
     .lead = "FAIL ", .says = {"without media"}},
    /* all play on from the moment they began, so all but the last had 2 s */
    {"half, in a ramp to the end", .paths = {"a", "b?delay=1h"}, .profile = "ramp:over=20s",
     .slos = {"+failed_ratio<1%", "-no_media_ratio<1%", "-startup.p95<500ms"}, .status = 99,
     .lead = "FAIL ", .says = {"without media"}},
    {"one of twenty", .paths = {"a*19", "b?delay=1h"},
     .slos = {"-no_media_ratio<1%", "+no_media_ratio<=5%", "+startup.p95<500ms",
              "-startup.p99<500ms"},
     .status = 99,
     .lead = "FAIL 20 of 20 sessions, 1 without media; missed no_media_ratio<1% (it was 5 %)"},
    /* sound that plays does not make pictures that don't */
    {"the picture", .media = WORLD_NO_PICTURE,
     .slos = {"+failed_ratio<1%", "+no_media_ratio<1%", "+loss_ratio<0.1%", "-panel.freezes=0",
              "-rtp.media.video.loss_ratio<1%", "-join.p95<2s", "+rtp.media.audio.loss_ratio<1%",
              "-stalled_ratio<1%"},
     .status = 99, .lead = "FAIL missed panel.freezes=0 (never measured)"},
    {"the picture, the usual", .media = WORLD_NO_PICTURE,
     .slos = {"+failed_ratio<1%", "+no_media_ratio<1%", "+startup.p95<2s", "+loss_ratio<0.1%"},
     .lead = "PASS 20 of 20 sessions, 0 packets lost"},
    {"no picture was promised", .media = WORLD_SOUND,
     .slos = {"-panel.freezes=0", "-rtp.media.video.lost=0", "+rtp.media.audio.lost=0"},
     .status = 99, .lead = "FAIL missed panel.freezes=0 (never measured)"},
    {"the server's reports to readers", .no_reports = true,
     .slos = {USUAL_KEPT, "-published.reported_loss_ratio<1%"}, .status = 99,
     .lead = "FAIL missed published.reported_loss_ratio<1% (never measured)"},
    /* for long without a keyframe, and for too short a time to say so */
    {"keyframes, for 15 s", .media = WORLD_LONG_GROUPS, .seconds = 15,
     .slos = {USUAL_KEPT, "-join.p95<2s", "-first_keyframe.never=0"}, .status = 99,
     .lead = "FAIL missed join.p95<2s (20 never got there)"},
    {"keyframes, for 5 s", .media = WORLD_LONG_GROUPS, .seconds = 5,
     .slos = {USUAL_KEPT, "+first_keyframe.never=0"},
     .lead = "PASS 20 of 20 sessions, 0 packets lost"},
};

static void test_silent(void **state)
{
    VERDICTS_RUN(silent_rows);
}

static const struct verdict_row slow_rows[] = {
    {"1.5 s", .paths = {"a?describe_delay=1500ms"},
     .slos = {"+failed_ratio<1%", "-startup.p95<1s", "+startup.p95<2s", "+no_media_ratio<1%"},
     .status = 99, .lead = "FAIL missed startup.p95<1s (it was 1"},
    {"1.5 s, loss asked for", .paths = {"a?describe_delay=1500ms"}, .slos = {"+loss_ratio<0.1%"},
     .lead = "PASS 20 of 20 sessions, 0 packets lost"},
    {"too slow for the run", .paths = {"a?describe_delay=10s"}, .seconds = 6,
     .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 1,
     .lead = "FAIL no session was established: 20 unanswered"},
    {"half too slow for the run", .paths = {"a", "b?describe_delay=10s"}, .seconds = 6,
     .slos = {"-failed_ratio<1%", "-startup.p95<500ms", "-startup.p95<1m"}, .status = 99,
     .lead = "FAIL 10 of 20 sessions, 10 unanswered"},
    {"half slow", .paths = {"a", "b?describe_delay=3s"},
     .slos = {"+failed_ratio<1%", "-startup.p95<500ms", "+startup.p95<4s", "+startup.p50<500ms"},
     .status = 99, .lead = "FAIL missed startup.p95<500ms (it was 3"},
    {"8 s each", .paths = {"a?describe_delay=8s"}, .rate = 2, .seconds = 22,
     .slos = {"+failed_ratio<1%", "-startup.p95<500ms", "+startup.p95<10s", "+no_media_ratio<1%"},
     .status = 99, .lead = "FAIL missed startup.p95<500ms (it was 8"},
    /* readers 13 to 20 are cut off after 7.5 s and less, as all others were slow, too */
    {"8 s each, in a rate to the end", .paths = {"a?describe_delay=8s"}, .rate = 1, .seconds = 20.5,
     .slos = {"+failed_ratio<1%", "+startup.p95<10s", "+loss_ratio<0.1%"},
     .lead = "PASS 12 of 20 sessions, 12 of 20 up at the end"},
    {"8 s each, in a rate to the end, start-up asked for", .paths = {"a?describe_delay=8s"},
     .rate = 1, .seconds = 20.5, .slos = {"+failed_ratio<1%", "-startup.p95<5s"}, .status = 99,
     .lead = "FAIL 12 of 20 sessions, 12 of 20 up at the end; missed startup.p95<5s"},
    {"first packets", .paths = {"a?delay=3s"},
     .slos = {"+failed_ratio<1%", "+no_media_ratio<1%", "-startup.p95<2s", "+startup.p95<4s",
              "+play.p95<500ms"},
     .status = 99, .lead = "FAIL missed startup.p95<2s (it was 3"},
    {"first packets of one in twenty", .paths = {"a*19", "b?delay=5s"},
     .slos = {"+no_media_ratio<1%", "+startup.p95<500ms", "-startup.p99<1s", "+failed_ratio<1%"},
     .status = 99, .lead = "FAIL missed startup.p99<1s (it was 5"},
    {"stutters", .paths = {"a?stall=2s/5s"},
     .slos = {"+failed_ratio<1%", "+no_media_ratio<1%", "+loss_ratio<0.1%", "-stalled_ratio<1%",
              "-panel.freezes=0"},
     .status = 99, .lead = "FAIL 20 of 20 sessions, 20 stalled; missed stalled_ratio<1% (it was"},
    {"stutters, the usual", .paths = {"a?stall=2s/5s"},
     .slos = {"+failed_ratio<1%", "+no_media_ratio<1%", "+startup.p95<500ms", "+loss_ratio<0.1%"},
     .lead = "PASS 20 of 20 sessions, 20 stalled, 0 packets lost"},
};

static void test_slow(void **state)
{
    VERDICTS_RUN(slow_rows);
}

/* A packet in twenty; and room for 10 of 20. */
static const struct verdict_row lossy_and_full_rows[] = {
    {"drops", .paths = {"a?drop=1/20"},
     .slos = {"+failed_ratio<1%", "+no_media_ratio<1%", "+startup.p95<500ms", "-loss_ratio<0.1%",
              "+loss_ratio<20%", "-rtp.lost_by.server=0"},
     .status = 99, .lead = "FAIL missed loss_ratio<0.1% (it was "},
    {"drops, failures asked for", .paths = {"a?drop=1/20"}, .slos = {"+failed_ratio<1%"},
     .lead = "PASS 20 of 20 sessions, "},
    {"a lossy network", .udp = true, .net = {.drop_ppm = 50000},
     .slos = {"+failed_ratio<1%", "+no_media_ratio<1%", "-loss_ratio<0.1%", "+loss_ratio<20%",
              "+rtp.lost_by.server=0"},
     .status = 99, .lead = "FAIL missed loss_ratio<0.1% (it was "},
    {"nothing comes over UDP", .udp = true, .net = {.drop_ppm = 1000000},
     .slos = {"+failed_ratio<1%", "-no_media_ratio<1%", "-startup.p95<500ms", "-loss_ratio<0.1%"},
     .status = 99, .lead = "FAIL 20 of 20 sessions, 20 without media; missed no_media_ratio<1%"},
    {"loses in the warm-up alone", .paths = {"a?drop=1/20"}, .warmup_s = 19.999,
     .slos = {"+failed_ratio<1%"}, .status = 99, .lead = "FAIL no media, with objectives"},
    {"full", .paths = {"a?max_sessions=10"},
     .slos = {"-failed_ratio<1%", "+no_media_ratio<1%", "-startup.p95<500ms", "+loss_ratio<0.1%",
              "-held_ratio>90%", "+held_ratio>49%"},
     .status = 99,
     .lead = "FAIL 10 of 20 sessions, 10 failed, 10 of 20 up at the end; missed failed_ratio<1%"},
    {"full, tolerated", .paths = {"a?max_sessions=10"}, .slos = {"+failed_ratio<=50%"},
     .lead = "PASS 10 of 20 sessions, 10 failed, 10 of 20 up at the end, 0 packets lost"},
    {"full, retries", .paths = {"a?max_sessions=10"}, .retries = 3, .has_retries = true,
     .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 99,
     .lead = "FAIL 10 of 20 sessions, 10 failed"},
    /* they try until the end: who waits counts, whatever was said meanwhile */
    {"full, retries without end", .paths = {"a?max_sessions=10"}, .retries = 1000,
     .has_retries = true, .slos = {"-failed_ratio<1%", "-startup.p95<500ms"}, .status = 99,
     .lead = "FAIL 10 of 20 sessions, 10 unanswered"},
    {"full under arrivals", .paths = {"a?max_sessions=5"}, .open = true, .rate = 5, .life_s = 2,
     .readers = 50, .slos = {"-failed_ratio<1%", "+no_media_ratio<1%"}, .status = 99,
     .lead = "FAIL ", .says = {"failed"}},
    {"full in stages", .paths = {"a?max_sessions=10"}, .stages = "5s:20,10s:20,5s:0",
     .slos = {"-failed_ratio<1%", "+loss_ratio<0.1%"}, .status = 99,
     .lead = "FAIL 10 of 20 sessions, 10 failed; missed failed_ratio<1% (it was 50 %)"},
    {"full but for one of three", .readers = 3, .paths = {"a?max_sessions=2"},
     .slos = {"-failed_ratio<33.3%"}, .status = 99,
     .lead = "FAIL 2 of 3 sessions, 1 failed, 2 of 3 up at the end; missed failed_ratio<33.3% "
             "(it was 33.33 %)"},
    {"refuses all", .paths = {"a?status=503"}, .slos = {"-failed_ratio<1%"}, .status = 1,
     .lead = "FAIL no session was established: describe status 503 (20)"},
    {"refuses all, retries without end", .paths = {"a?status=503"}, .retries = 1000,
     .has_retries = true, .slos = {"-failed_ratio<1%"}, .status = 1,
     .lead = "FAIL no session was established: describe status 503 ("},
    {"refuses half", .paths = {"a", "b?status=404"},
     .slos = {"-failed_ratio<1%", "+no_media_ratio<1%", "-startup.p95<500ms"}, .status = 99,
     .lead = "FAIL 10 of 20 sessions, 10 failed"},
};

static void test_lossy_and_full(void **state)
{
    VERDICTS_RUN(lossy_and_full_rows);
}

/* Down from 8 to 11 s. Pauses between tries double from 0.1 s, each times 0.5 to 1.5: the first
   that comes after 3 s comes before 8. */
static void test_restarts(void **state)
{
#define RESTARTS .events = { {8000, SERVER_DIES}, {11000, SERVER_STARTS} }
    static const struct verdict_row rows[] = {
        {"nobody comes back", RESTARTS,
         .slos = {"+failed_ratio<1%", "-sessions.dropped=0", "-held_ratio>90%"}, .status = 99,
         .lead = "FAIL 20 of 20 sessions, 20 dropped, 0 of 20 up at the end"},
        {"all come back", RESTARTS, .reconnect = true, .seconds = 30,
         .slos = {"+failed_ratio<1%", "-sessions.dropped=0", "+sessions.failed=0",
                  "+come_back.p95<8s", "-come_back.p50<2s", "+held_ratio>70%", "-held_ratio>91%"},
         .status = 99, .lead = "FAIL 40 of 40 sessions, 20 dropped; missed sessions.dropped=0"},
        {"all come back, failures asked for", RESTARTS, .reconnect = true, .seconds = 30,
         .slos = {"+failed_ratio<1%", "+loss_ratio<0.1%", "+no_media_ratio<1%"},
         .lead = "PASS 40 of 40 sessions, 20 dropped"},
        {"all come back, in two threads", RESTARTS, .reconnect = true, .seconds = 30, .threads = 2,
         .slos = {"+failed_ratio<1%", "+come_back.p95<8s"},
         .lead = "PASS 40 of 40 sessions, 20 dropped"},
        {"nobody can come back", .events = {{8000, SERVER_DIES}}, .reconnect = true,
         .slos = {"-failed_ratio<1%", "+failed_ratio<=50%", "-come_back.p95<1m", "-held_ratio>90%"},
         .status = 99, .lead = "FAIL 20 of 40 sessions, 20 unanswered, 20 dropped"},
        {"two retries each", .events = {{8000, SERVER_DIES}}, .reconnect = true, .retries = 2,
         .has_retries = true, .slos = {"-failed_ratio<1%", "-come_back.p95<1m"}, .status = 99,
         .lead = "FAIL 20 of 40 sessions, 20 failed, 20 dropped"},
        {"no time to come back", .events = {{19000, SERVER_DIES}}, .reconnect = true,
         .slos = {"+failed_ratio<1%", "-sessions.dropped=0", "+held_ratio>90%"}, .status = 99,
         .lead = "FAIL 20 of ", .says = {"20 dropped, 0 of 20 up at the end"}},
        {"comes back frozen", .reconnect = true,
         .events = {{8000, SERVER_DIES}, {9000, SERVER_STARTS}, {9001, SERVER_FREEZES}},
         .slos = {"-failed_ratio<1%", "-come_back.p95<5s"}, .status = 99,
         .lead = "FAIL 20 of 40 sessions, 20 unanswered, 20 dropped"},
        /* down from 8.05 to 11.05 s: the arrivals of 8.2 to 11.0 s are refused, 10 of 2 s dropped
         */
        {"under arrivals", .open = true, .rate = 5, .life_s = 2, .readers = 100,
         .events = {{8050, SERVER_DIES}, {11050, SERVER_STARTS}},
         .slos = {"-failed_ratio<1%", "-failed_ratio<15%", "+failed_ratio<16%",
                  "-startup.p95<500ms", "+no_media_ratio<1%"},
         .status = 99,
         .lead = "FAIL 84 of 99 sessions, 15 failed, 10 dropped; missed failed_ratio<1%"},
        {"in the ramp, with retries", .rate = 2, .retries = 10, .has_retries = true, .seconds = 25,
         .reconnect = true, .events = {{5250, SERVER_DIES}, {7250, SERVER_STARTS}},
         .slos = {"+failed_ratio<1%", "-sessions.dropped=0", "-startup.p95<500ms"}, .status = 99,
         .lead = "FAIL 30 of 30 sessions, 10 dropped; missed sessions.dropped=0 (it was 10)"},
        {"in the warm-up", .warmup_s = 15, .reconnect = true, .seconds = 30,
         .events = {{4000, SERVER_DIES}, {5000, SERVER_STARTS}},
         .slos = {"+failed_ratio<1%", "+loss_ratio<0.1%", "+held_ratio>99%"},
         .lead = "PASS 40 of 40 sessions, 20 dropped"},
        {"drops each after 5 s", .paths = {"a?reset_after=5s"}, .reconnect = true,
         .slos = {"+failed_ratio<1%", "-sessions.dropped=0", "+held_ratio>95%"}, .status = 99,
         .lead = "FAIL ", .says = {" dropped; missed sessions.dropped=0"}},
        {"drops half after 5 s", .paths = {"a", "b?close_after=5s"},
         .slos = {"+failed_ratio<1%", "-sessions.dropped=0", "-held_ratio>90%"}, .status = 99,
         .lead = "FAIL 20 of 20 sessions, 10 dropped, 10 of 20 up at the end"},
    };
    VERDICTS_RUN(rows);
}

/* A constant target is reached when its last reader is due: of 20 at 2/s after 10 s. */
static const struct verdict_row interrupted_rows[] = {
    {"in the ramp", .rate = 2, .signal_s = 5.05, .slos = {USUAL_KEPT}, .status = 3,
     .lead = "INVALID interrupted after 5.0 of 20 s, before the target was reached; 10 of 10 "
             "sessions"},
    {"in the ramp, an objective missed", .rate = 2, .signal_s = 5.05, .paths = {"a?drop=1/20"},
     .slos = {"-loss_ratio<0.1%"}, .status = 3, .lead = "INVALID interrupted after 5.0 of 20 s"},
    {"in the ramp, nothing asked for", .rate = 2, .signal_s = 5.05,
     .lead = "PASS 10 of 10 sessions, interrupted after 5.0 of 20 s"},
    {"in the midst", .signal_s = 10.05, .slos = {USUAL_KEPT, "+held_ratio>99%"},
     .lead = "PASS 20 of 20 sessions, interrupted after 10.0 of 20 s"},
    {"in the midst, an objective missed", .signal_s = 10.05, .paths = {"a?drop=1/20"},
     .slos = {"-loss_ratio<0.1%"}, .status = 99, .lead = "FAIL missed loss_ratio<0.1%",
     .says = {"interrupted after 10.0 of 20 s"}},
    {"of a dead server, in the ramp", .rate = 2, .signal_s = 5.05, .absent = true,
     .slos = {"-failed_ratio<1%"}, .status = 3, .lead = "INVALID interrupted after 5.0 of 20 s"},
    {"of a dead server, in the ramp, nothing asked for", .rate = 2, .signal_s = 5.05,
     .absent = true, .status = 1,
     .lead = "FAIL no session was established: connect refused (10), interrupted after 5.0"},
    {"of a dead server, in the midst", .signal_s = 10.05, .absent = true,
     .slos = {"-failed_ratio<1%"}, .status = 1,
     .lead = "FAIL no session was established: connect refused (20), interrupted after 10.0"},
    {"of a frozen server, in the midst", .signal_s = 10.05, .rate = 5,
     .events = {{2100, SERVER_FREEZES}}, .slos = {"-failed_ratio<1%", "-startup.p95<500ms"},
     .status = 99, .lead = "FAIL 10 of 20 sessions, interrupted after 10.0 of 20 s, 10 unanswered"},
    /* due at 4.2 s and later are 0.85 s and less: too short to blame anybody */
    {"of a server that just froze", .signal_s = 5.05, .rate = 5, .readers = 24,
     .events = {{4100, SERVER_FREEZES}}, .slos = {"+failed_ratio<1%", "+loss_ratio<0.1%"},
     .lead = "PASS 20 of 24 sessions, interrupted after 5.0 of 20 s"},
    {"in stages, at their top", .stages = "5s:20,10s:20,5s:0", .signal_s = 7.05,
     .slos = {USUAL_KEPT}, .lead = "PASS 20 of 20 sessions, interrupted after 7.0 of 20 s"},
    {"in stages, on the way up", .stages = "5s:20,10s:20,5s:0", .signal_s = 4.05,
     .slos = {USUAL_KEPT}, .status = 3, .lead = "INVALID interrupted after 4.0 of 20 s"},
    {"of a rate, before a tenth", .open = true, .rate = 5, .life_s = 2, .signal_s = 1.95,
     .slos = {USUAL_KEPT}, .status = 3, .lead = "INVALID interrupted after 1.9 of 20 s"},
    {"of a rate, after a tenth", .open = true, .rate = 5, .life_s = 2, .signal_s = 3.05,
     .slos = {USUAL_KEPT}, .lead = "PASS 15 of 15 sessions, interrupted after 3.0 of 20 s"},
    {"before a group began", .also_publish = "live/{n}", .also_from_s = 10, .signal_s = 5.05,
     .slos = {"+failed_ratio<1%", "+loss_ratio<0.1%"}, .status = 3,
     .lead = "INVALID interrupted after 5.0 of 20 s", .says = {"group send never began"}},
    {"before a group began, nothing asked for", .also_publish = "live/{n}", .also_from_s = 10,
     .signal_s = 5.05,
     .lead = "PASS 20 of 20 sessions, interrupted after 5.0 of 20 s, group send never began"},
    {"by an objective, in the ramp", .rate = 2.2, .paths = {"a?drop=1/5"},
     .slos = {"-loss_ratio<0.1% abort", "+failed_ratio<1%"}, .status = 99,
     .lead = "FAIL missed loss_ratio<0.1% abort"},
};

static void test_interrupted(void **state)
{
    VERDICTS_RUN(interrupted_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_hangs), cmocka_unit_test(test_silent),
        cmocka_unit_test(test_slow),       cmocka_unit_test(test_lossy_and_full),
        cmocka_unit_test(test_restarts),   cmocka_unit_test(test_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
