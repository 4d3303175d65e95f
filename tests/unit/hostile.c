/* What hostile servers say, and what must come of it: a named outcome, never a crash or a hang. */
#include "scripted.h"

#define TRACK "Session: 12345678\r\nTransport: "
#define TCP_0 "RTP/AVP/TCP;unicast;interleaved=0-1"
#define HEAD "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"

static const struct scripted_row messages[] = {
    {.name = "good"},
    {.name = "HTTP",
     .lines = {{"OPTIONS", "HTTP/1.1 200 OK\r\n\r\n"}},
     FAILS_IN(OPTIONS, BAD_PROTOCOL)},
    {.name = "RTSP/9.9",
     .lines = {{"DESCRIBE", "RTSP/9.9 200 OK\r\n\r\n"}},
     FAILS_IN(DESCRIBE, BAD_PROTOCOL)},
    {.name = "a TLS alert",
     .lines = {{"OPTIONS", "{hex:15030100020228}"}},
     FAILS_IN(OPTIONS, BAD_PROTOCOL)},
    {.name = "status 20",
     .lines = {{"DESCRIBE", "RTSP/1.0 20 OK\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(DESCRIBE, BAD_STATUS)},
    {.name = "status 0",
     .lines = {{"SETUP", "RTSP/1.0 0 OK\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(SETUP, BAD_STATUS)},
    {.name = "status -1",
     .lines = {{"DESCRIBE", "RTSP/1.0 -1 OK\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(DESCRIBE, BAD_STATUS)},
    {.name = "status 99999",
     .lines = {{"DESCRIBE", "RTSP/1.0 99999 OK\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(DESCRIBE, BAD_STATUS)},
    {.name = "no reason phrase", .lines = {{"OPTIONS", "RTSP/1.0 200\r\nCSeq: {c}\r\n\r\n"}}},
    {.name = "LF only",
     .lines = {{"SETUP", "RTSP/1.0 200 OK\nCSeq: {c}\nSession: 1\nTransport: " TCP_0 "\n\n"}}},
    {.name = "blank lines first", .lines = {{"SETUP", "\r\n\n\r\n{ok}" TRACK TCP_0 "\r\n\r\n"}}},
    {.name = "CR only",
     .lines = {{"DESCRIBE", "RTSP/1.0 200 OK\rCSeq: {c}\r\r"}},
     FAILS_IN(DESCRIBE, MALFORMED)},
    {.name = "an endless status line",
     .lines = {{"OPTIONS", "RTSP/1.0 200 {x:70000}"}},
     .uncut = true,
     FAILS_IN(OPTIONS, HEADER_TOO_LARGE)},
    {.name = "an endless header",
     .lines = {{"DESCRIBE", "{ok}A: {x:70000}"}},
     .uncut = true,
     FAILS_IN(DESCRIBE, HEADER_TOO_LARGE)},
    {.name = "a million headers",
     .lines = {{"DESCRIBE", "{ok}{lines:1000000}"}},
     .uncut = true,
     FAILS_IN(DESCRIBE, HEADER_TOO_MANY)},
    {.name = "NUL and 8-bit", .lines = {{"OPTIONS", "{ok}Server: {hex:00ff80}x\r\n\r\n"}}},
    {.name = "a folded header",
     .lines = {{"SETUP", "{ok}Session: 7\r\nTransport: RTP/AVP/TCP;unicast;\r\n"
                         "\t interleaved=0-1\r\n\r\n"}}},
    {.name = "no colon", .lines = {{"OPTIONS", "{ok}what is this\r\n\r\n"}}},
    {.name = "no CSeq", .lines = {{"DESCRIBE", "RTSP/1.0 200 OK\r\n{sdp}"}}},
    {.name = "CSeq twice", .lines = {{"DESCRIBE", "{ok}CSeq: 99\r\n{sdp}"}}},
    {.name = "a huge CSeq",
     .lines = {{"DESCRIBE", "RTSP/1.0 200 OK\r\nCSeq: 99999999999\r\n{sdp}"}}},
    {.name = "a negative CSeq", .lines = {{"DESCRIBE", "RTSP/1.0 200 OK\r\nCSeq: -2\r\n{sdp}"}}},
    {.name = "a future CSeq",
     .lines = {{"DESCRIBE", "RTSP/1.0 200 OK\r\nCSeq: 7777\r\n{sdp}"}},
     FAILS_IN(DESCRIBE, TIMEOUT),
     .counts = {COUNTS(oddities.unasked_replies, 1)}},
    {.name = "a past CSeq",
     .lines = {{"SETUP", "RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n"}},
     FAILS_IN(SETUP, TIMEOUT),
     .counts = {COUNTS(oddities.unasked_replies, 1)}},
    {.name = "a reply twice",
     .lines = {{"OPTIONS", "{ok}\r\n{ok}\r\n"}, {"PLAY", "{ok}\r\n{ok}\r\n{rtp:0:1}"}},
     .packets = 1,
     .counts = {COUNTS(oddities.unasked_replies, 2)}},
    {.name = "length -1",
     .lines = {{"DESCRIBE", "{ok}Content-Length: -1\r\n\r\n"}},
     FAILS_IN(DESCRIBE, BAD_LENGTH)},
    {.name = "length in words",
     .lines = {{"DESCRIBE", "{ok}Content-Length: long\r\n\r\n"}},
     FAILS_IN(DESCRIBE, BAD_LENGTH)},
    {.name = "length 1e9",
     .lines = {{"DESCRIBE", "{ok}Content-Length: 1e9\r\n\r\n"}},
     FAILS_IN(DESCRIBE, BAD_LENGTH)},
    {.name = "length 2^64",
     .lines = {{"DESCRIBE", "{ok}Content-Length: 18446744073709551616\r\n\r\n"}},
     FAILS_IN(DESCRIBE, BODY_TOO_LARGE)},
    {.name = "length 16 MB",
     .lines = {{"DESCRIBE", "{ok}Content-Length: 16777216\r\n\r\n"}},
     FAILS_IN(DESCRIBE, BODY_TOO_LARGE)},
    {.name = "two lengths",
     .lines = {{"DESCRIBE", "{ok}Content-Length: 2\r\n{sdp}"}},
     FAILS_IN(DESCRIBE, MALFORMED)},
    {.name = "a body cut off",
     .lines = {{"DESCRIBE", "{ok}Content-Length: 999\r\n\r\nv=0\r\n{close}"}},
     FAILS_IN(DESCRIBE, TRUNCATED_BODY)},
    {.name = "a head cut off",
     .lines = {{"DESCRIBE", "{ok}Content-Le{close}"}},
     FAILS_IN(DESCRIBE, EOF)},
    {.name = "a body that goes on",
     .lines = {{"DESCRIBE", "{ok}Content-Length: 81\r\n\r\nv=0\r\n" VIDEO
                            "a=control:trackID=0\r\na=fmtp:96 packetization-mode=1\r\n"}}},
    {.name = "no length",
     .lines = {{"DESCRIBE", "{ok}\r\nv=0\r\n" VIDEO}},
     FAILS_IN(DESCRIBE, NO_MEDIA)},
    {.name = "an answer before the question is out",
     .pieces = true,
     .lines = {{"OPTIONS", "{ok}\r\n{wait:2}RTSP/1.0 200 OK\r\n{sdp}"}},
     .says = {"DESCRIBE rtsp://" WORLD_HOST ":554/{n} RTSP/1.0\r\nCSeq: 2\r\n",
              "SETUP rtsp://" WORLD_HOST ":554/{n}/trackID=0 RTSP/1.0\r\nCSeq: 3\r\n"}},
    {.name = "100 Continue",
     .lines = {{"DESCRIBE", "RTSP/1.0 100 Continue\r\nCSeq: {c}\r\n\r\n"
                            "{ok}{sdp}"}}},
};

static void test_messages(void **state)
{
    SCRIPTED_RUN(messages);
}

static const struct scripted_row timing[] = {
    {.name = "a drip",
     .lines = {{"OPTIONS", "R{wait:900}T{wait:900}S{wait:900}P{wait:900}/1.0 200 OK\r\n"}},
     FAILS_IN(OPTIONS, TIMEOUT)},
    {.name = "silence at OPTIONS", .lines = {{"OPTIONS", ""}}, FAILS_IN(OPTIONS, TIMEOUT)},
    {.name = "silence at DESCRIBE", .lines = {{"DESCRIBE", ""}}, FAILS_IN(DESCRIBE, TIMEOUT)},
    {.name = "silence at SETUP", .lines = {{"SETUP", ""}}, FAILS_IN(SETUP, TIMEOUT)},
    {.name = "silence at PLAY", .lines = {{"PLAY", ""}}, FAILS_IN(PLAY, TIMEOUT)},
    {.name = "silence after PLAY",
     .lines = {{"PLAY", "{ok}\r\n"}},
     .stall_ends = true,
     DROPS_IN(MEDIA, MEDIA_TIMEOUT)},
    {.name = "silence at TEARDOWN (go2rtc)",
     .lines = {{"TEARDOWN", ""}},
     .phase = PHASE_TEARDOWN,
     .reason = REASON_TEARDOWN_TIMEOUT},
    {.name = "reset at OPTIONS", .lines = {{"OPTIONS", "{reset}"}}, FAILS_IN(OPTIONS, RESET)},
    {.name = "reset at DESCRIBE",
     .lines = {{"DESCRIBE", "RTSP/{reset}"}},
     FAILS_IN(DESCRIBE, RESET)},
    {.name = "reset at SETUP", .lines = {{"SETUP", "{reset}"}}, FAILS_IN(SETUP, RESET)},
    {.name = "reset at PLAY", .lines = {{"PLAY", "{reset}"}}, FAILS_IN(PLAY, RESET)},
    {.name = "reset while playing",
     .lines = {{"PLAY", "{ok}\r\n{wait:500}{reset}"}},
     DROPS_IN(MEDIA, RESET)},
    {.name = "reset at TEARDOWN",
     .lines = {{"TEARDOWN", "{reset}"}},
     .phase = PHASE_TEARDOWN,
     .reason = REASON_RESET},
    {.name = "end at OPTIONS", .lines = {{"OPTIONS", "{close}"}}, FAILS_IN(OPTIONS, EOF)},
    {.name = "end at SETUP", .lines = {{"SETUP", "RTSP/1.0 200{close}"}}, FAILS_IN(SETUP, EOF)},
    {.name = "end inside a frame",
     .lines = {{"PLAY", "{ok}\r\n{hex:24000010806000}{close}"}},
     DROPS_IN(MEDIA, EOF)},
    {.name = "end at TEARDOWN", .lines = {{"TEARDOWN", "{close}"}}},
    {.name = "end inside a frame, then all is well",
     .retries = 1,
     .lines = {{"SETUP 1", "{hex:240000104060000100000000}{close}"}},
     .phase = PHASE_SETUP,
     .reason = REASON_EOF},
    {.name = "half-closed", .lines = {{"DESCRIBE", "{ok}{sdp}{shut}"}}, FAILS_IN(SETUP, EOF)},
    {.name = "never reads",
     .lines = {{"PLAY", "{ok}\r\n{rtp:0:1}{stuck}"}},
     .uncut = true,
     .duration_s = 12,
     DROPS_IN(MEDIA, WRITE_TIMEOUT),
     .packets = 1},
};

static void test_timing(void **state)
{
    SCRIPTED_RUN(timing);
}

#define UNAUTHORIZED "RTSP/1.0 401 Unauthorized\r\nCSeq: {c}\r\n"
static const struct scripted_row trust[] = {
    {.name = "401 for ever",
     .lines = {{"DESCRIBE",
                UNAUTHORIZED "WWW-Authenticate: Digest realm=\"r\", nonce=\"same\"\r\n\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, AUTH_REJECTED),
     .counts = {COUNTS(oddities.auth_rounds, 2)},
     .status = 401},
    {.name = "401 and a new nonce for ever",
     .lines = {{"DESCRIBE", UNAUTHORIZED
                "WWW-Authenticate: Digest realm=\"r\", nonce=\"{c}\", stale=true\r\n\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, AUTH_REJECTED),
     .counts = {COUNTS(oddities.auth_rounds, 3)},
     .status = 401},
    {.name = "no credentials",
     .lines = {{"DESCRIBE", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"}},
     FAILS_IN(DESCRIBE, AUTH_REQUIRED),
     .status = 401},
    {.name = "no challenge",
     .lines = {{"DESCRIBE", UNAUTHORIZED "\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, AUTH_UNSUPPORTED),
     .status = 401},
    {.name = "wrong credentials refused without a challenge (MediaMTX)",
     .lines = {{"DESCRIBE 1", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"},
               {"DESCRIBE 2", UNAUTHORIZED "\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, AUTH_REJECTED),
     .counts = {COUNTS(oddities.auth_rounds, 2)},
     .status = 401},
    {.name = "a garbled challenge",
     .lines = {{"DESCRIBE", UNAUTHORIZED "WWW-Authenticate: ,=,\r\n\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, AUTH_UNSUPPORTED),
     .status = 401},
    {.name = "an unknown algorithm",
     .lines = {{"DESCRIBE", UNAUTHORIZED
                "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=ROT13\r\n\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, AUTH_UNSUPPORTED),
     .status = 401},
    {.name = "auth-int only",
     .lines = {{"DESCRIBE", UNAUTHORIZED
                "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\r\n\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, AUTH_UNSUPPORTED),
     .status = 401},
    {.name = "a realm without end",
     .lines = {{"DESCRIBE", UNAUTHORIZED "WWW-Authenticate: Digest realm=\"{x:1000000}\"\r\n\r\n"}},
     .uncut = true,
     .login = true,
     FAILS_IN(DESCRIBE, HEADER_TOO_LARGE)},
    {.name = "a realm of two lines",
     .lines = {{"DESCRIBE", UNAUTHORIZED
                "WWW-Authenticate: Digest realm=\"r\r\n Evil: 1\", nonce=\"n\"\r\n\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, INJECTION_REJECTED),
     .status = 401},
    {.name = "a session id of two lines",
     .lines = {{"SETUP", "{ok}Session: 12\r\n Evil: 1\r\nTransport: " TCP_0 "\r\n\r\n"}},
     FAILS_IN(SETUP, INJECTION_REJECTED)},
    {.name = "a location of two lines",
     .lines = {{"DESCRIBE", "RTSP/1.0 302 Found\r\nCSeq: {c}\r\n"
                            "Location: rtsp://" WORLD_HOST ":554/\r\n Evil: 1\r\n\r\n"}},
     FAILS_IN(DESCRIBE, INJECTION_REJECTED),
     .status = 302},
    {.name = "a base of two lines", /* of no use, so the request's URL is the base */
     .lines = {{"DESCRIBE", "{ok}Content-Base: rtsp://" WORLD_HOST ":554/\r\n Evil: 1\r\n{sdp}"}},
     .never_says = "Evil"},
    {.name = "a control with CR",
     .sdp = HEAD VIDEO "a=control:t\rEvil: 1\r\n",
     FAILS_IN(DESCRIBE, INJECTION_REJECTED)},
    {.name = "our password in a reason",
     .lines = {{"DESCRIBE", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"},
               {"DESCRIBE 2", "RTSP/1.0 400 user:Pa55word or dXNlcjpQYTU1d29yZA==\r\n\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, STATUS),
     .status = 400},
};

static void test_trust(void **state)
{
    SCRIPTED_RUN(trust);
}

#define SECRET_HEADERS "authorization: Bearer x\r\nCookie: id=7\r\nX-Plain: 1\r\n"
#define FOUND "RTSP/1.0 302 Found\r\nCSeq: {c}\r\n"
static const struct scripted_row redirects[] = {
    {.name = "elsewhere",
     .lines = {{"DESCRIBE 1", FOUND "Location: rtsp://" WORLD_HOST ":554/{n}/b\r\n\r\n"}},
     .counts = {COUNTS(oddities.redirects, 1)},
     .says = {"SETUP rtsp://" WORLD_HOST ":554/{n}/b/trackID=0 "}},
    {.name = "to itself",
     .lines = {{"DESCRIBE", FOUND "Location: rtsp://" WORLD_HOST ":554/{n}\r\n\r\n"}},
     FAILS_IN(DESCRIBE, REDIRECT_LOOP),
     .status = 302},
    {.name = "ping-pong",
     .lines = {{"DESCRIBE 1", FOUND "Location: rtsp://" WORLD_HOST ":554/{n}/a\r\n\r\n"},
               {"DESCRIBE 2", FOUND "Location: rtsp://" WORLD_HOST ":554/{n}/b\r\n\r\n"},
               {"DESCRIBE 3", FOUND "Location: rtsp://" WORLD_HOST ":554/{n}/a\r\n\r\n"}},
     FAILS_IN(DESCRIBE, REDIRECT_LOOP),
     .status = 302},
    {.name = "further and further",
     .lines = {{"DESCRIBE", FOUND "Location: rtsp://" WORLD_HOST ":554/{n}/{c}\r\n\r\n"}},
     FAILS_IN(DESCRIBE, REDIRECT_LOOP),
     .status = 302,
     .counts = {COUNTS(oddities.redirects, 6)}},
    {.name = "nowhere",
     .lines = {{"DESCRIBE", FOUND "\r\n"}},
     FAILS_IN(DESCRIBE, REDIRECT_INVALID),
     .status = 302},
    {.name = "relative",
     .lines = {{"DESCRIBE", FOUND "Location: /other\r\n\r\n"}},
     FAILS_IN(DESCRIBE, REDIRECT_INVALID),
     .status = 302},
    {.name = "a file",
     .lines = {{"DESCRIBE", FOUND "Location: file:///etc/passwd\r\n\r\n"}},
     FAILS_IN(DESCRIBE, REDIRECT_INVALID),
     .status = 302},
    {.name = "nobody there",
     .lines = {{"OPTIONS", FOUND "Location: rtsp://10.9.9.1/\r\n\r\n"}},
     FAILS_IN(CONNECT, REFUSED)},
    {.name = "no such host",
     .lines = {{"OPTIONS", FOUND "Location: rtsp://nowhere.example/\r\n\r\n"}},
     FAILS_IN(RESOLVE, NO_ADDRESS)},
    {.name = "credentials stay",
     .lines = {{"DESCRIBE 1", FOUND "Location: rtsp://" PEER_OTHER_HOST ":554/{n}\r\n\r\n"},
               {"DESCRIBE", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, AUTH_REQUIRED),
     .status = 401,
     .never_says = "Authorization"},
    {.name = "credentials stay with their port",
     .lines = {{"DESCRIBE 1",
                FOUND "Location: rtsp://" WORLD_HOST ":" PEER_OTHER_PORT "/{n}\r\n\r\n"},
               {"DESCRIBE", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"}},
     .login = true,
     FAILS_IN(DESCRIBE, AUTH_REQUIRED),
     .status = 401,
     .never_says = "Authorization"},
    {.name = "credentials follow to the same port",
     .lines = {{"DESCRIBE 1", FOUND "Location: rtsp://" WORLD_HOST ":554/{n}/b\r\n\r\n"},
               {"DESCRIBE 2", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"}},
     .login = true,
     .headers = SECRET_HEADERS,
     .counts = {COUNTS(oddities.auth_rounds, 1)},
     .since = "/b RTSP",
     .says = {"Authorization: Basic", "Cookie: id=7", "X-Plain: 1"}},
    {.name = "credentials follow where the user trusts",
     .lines = {{"DESCRIBE 1", FOUND "Location: rtsp://" PEER_OTHER_HOST ":554/{n}\r\n\r\n"},
               {"DESCRIBE 2", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"}},
     .login = true,
     .trusting = true,
     .headers = SECRET_HEADERS,
     .counts = {COUNTS(oddities.auth_rounds, 1)},
     .since = PEER_OTHER_HOST,
     .says = {"Authorization: Basic", "Cookie: id=7"}},
    {.name = "a cookie stays", /* to the end, with TEARDOWN */
     .lines = {{"DESCRIBE 1", FOUND "Location: rtsp://" PEER_OTHER_HOST ":554/{n}\r\n\r\n"}},
     .headers = SECRET_HEADERS,
     .since = PEER_OTHER_HOST,
     .says = {"TEARDOWN", "X-Plain: 1"},
     .never_says = "Cookie"},
    {.name = "an authorization of the user's own stays",
     .lines = {{"OPTIONS 1",
                FOUND "Location: rtsp://" WORLD_HOST ":" PEER_OTHER_PORT "/{n}\r\n\r\n"}},
     .headers = SECRET_HEADERS,
     .since = PEER_OTHER_PORT,
     .says = {"TEARDOWN", "X-Plain: 1"},
     .never_says = "authorization"},
    {.name = "a password in a location",
     .lines = {{"PLAY", "{ok}\r\n{rtp:0:1}REDIRECT * RTSP/1.0\r\nCSeq: 1\r\n"
                        "Location: rtsp://user:Pa55word@" WORLD_HOST "/\r\n\r\n"}},
     .packets = 1,
     DROPS_IN(MEDIA, REDIRECTED)},
    {.name = "use a proxy",
     .lines = {{"DESCRIBE", "RTSP/1.0 305 Use Proxy\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(DESCRIBE, REDIRECTED),
     .status = 305},
};

static void test_redirects(void **state)
{
    SCRIPTED_RUN(redirects);
}

/* Bodies of 20 KB, half of them late by half a second: 64 can be gathered at a time, the others are
   told from what the server did wrong. */
static void test_many_long_messages(void **state)
{
    static const struct peer_line lines[PEER_LINES] = {
        {"DESCRIBE", "{ok}Content-Length: 20074\r\n\r\n" HEAD VIDEO "i={x:7900}{wait:500}{x:12083}"
                     "\r\n"}};
    struct world world;
    world_init(&world, "rtsp://" WORLD_HOST ":554/{1..100}");
    world.plan.readers = 100;
    world.plan.rate_per_s = 1000;
    struct peer *peer = peer_new(world_sim(&world), lines, NULL);
    const struct world_peer side = peer_as_world(peer);
    world.peer = &side;
    world_run(&world);
    const struct stats *stats = world_result(&world);
    assert_int_equal(stats->sessions.completed, 64);
    assert_int_equal(world_errors(stats, PHASE_DESCRIBE, REASON_NO_SOCKET, 0), 36);
    world_end(&world);
    peer_free(peer);
    sim_free(world.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_timing),
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_many_long_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
