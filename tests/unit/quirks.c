/* What real servers and cameras do that a client must live with, each as a scripted server. */
#include "scripted.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
#define AUDIO "m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n"
#define TWO_TRACKS HEAD VIDEO "a=control:trackID=0\r\n" AUDIO
#define HOST "rtsp://" WORLD_HOST ":554"
#define BASE HOST "/{n}"
#define SETUP(session, transport) "{ok}Session: " session "\r\nTransport: " transport "\r\n\r\n"
#define PLAY "{ok}Session: 12345678\r\n\r\n"
#define UNAUTHORIZED "RTSP/1.0 401 Unauthorized\r\nCSeq: {c}\r\n"

static const struct scripted_row urls[] = {
    {.name = "a base that ends in query and slash (Dahua)",
     .lines = {{"DESCRIBE", "{ok}Content-Base: " BASE "?channel=1&subtype=2/\r\n{sdp}"}},
     .says = {"SETUP " BASE "?channel=1&subtype=2/trackID=0 RTSP/1.0\r\n"}},
    {.name = "a base with a query, no slash (GW)",
     .lines = {{"DESCRIBE", "{ok}Content-Base: " BASE "?a=1\r\n{sdp}"}},
     .says = {"SETUP " BASE "?a=1/trackID=0 RTSP/1.0\r\n", "PLAY " BASE "?a=1 RTSP/1.0\r\n"}},
    {.name = "an absolute control with a query (Hikvision)",
     .sdp = HEAD VIDEO "a=control:" HOST "/1/trackID=1?transportmode=unicast\r\n",
     .says = {"SETUP " HOST "/1/trackID=1?transportmode=unicast RTSP/1.0\r\n"}},
    {.name = "a base without scheme (Anjvision)",
     .lines = {{"DESCRIBE", "{ok}Content-Base: " WORLD_HOST ":554/{n}/x/\r\n{sdp}"}},
     .says = {"SETUP " BASE "/x/trackID=0 RTSP/1.0\r\n"}},
    {.name = "a scheme twice",
     .lines = {{"DESCRIBE", "{ok}Content-Base: rtsp://" BASE "/x/\r\n{sdp}"}},
     .says = {"SETUP " BASE "/x/trackID=0 RTSP/1.0\r\n"}},
    {.name = "a base of only a path",
     .lines = {{"DESCRIBE", "{ok}Content-Base: /{n}/y\r\n{sdp}"}},
     .says = {"SETUP " BASE "/y/trackID=0 RTSP/1.0\r\n"}},
    {.name = "a location for a base",
     .lines = {{"DESCRIBE", "{ok}Content-Location: " BASE "/z\r\n{sdp}"}},
     .says = {"SETUP " BASE "/z/trackID=0 RTSP/1.0\r\n"}},
    {.name = "a control that starts with a slash",
     .sdp = HEAD VIDEO "a=control:/t\r\n",
     .lines = {{"DESCRIBE", "{ok}Content-Base: " BASE "\r\n{sdp}"}},
     .says = {"SETUP " BASE "/t RTSP/1.0\r\n"},
     .never_says = "//t"},
    {.name = "names of their own (GStreamer, VLC)",
     .sdp = HEAD "a=control:*\r\n" VIDEO "a=control:stream=0\r\n"
                 "m=audio 0 RTP/AVP 0\r\na=control:trackN\r\n",
     .says = {"SETUP " BASE "/stream=0 RTSP/1.0\r\n", "SETUP " BASE "/trackN RTSP/1.0\r\n",
              "PLAY " BASE " RTSP/1.0\r\n"}},
    {.name = "an aggregate control of its own",
     .sdp = HEAD "a=control:" HOST "/all\r\n" VIDEO "a=control:t\r\n",
     .says = {"PLAY " HOST "/all RTSP/1.0\r\n", "TEARDOWN " HOST "/all RTSP/1.0\r\n"}},
};

static void test_urls(void **state)
{
    SCRIPTED_RUN(urls);
}

static const struct scripted_row sessions[] = {
    {.name = "another id at the second SETUP (H264DVR)",
     .sdp = TWO_TRACKS,
     .lines = {{"SETUP 1", SETUP("first;timeout=60", "{transport}")},
               {"SETUP 2", SETUP("second;timeout=60", "{transport}")}},
     .says = {"Session: first\r\n"},
     .never_says = "Session: second"},
    {.name = "an id at OPTIONS and DESCRIBE (Wowza)",
     .lines = {{"OPTIONS", "{ok}Session: early\r\n\r\n"},
               {"DESCRIBE", "{ok}Session: early\r\n{sdp}"}},
     .says = {"Session: 12345678\r\n"},
     .never_says = "Session: early"},
    {.name = "an id only at the second SETUP",
     .sdp = TWO_TRACKS,
     .lines = {{"SETUP 1", "{ok}Transport: {transport}\r\n\r\n"}},
     .says = {"Session: 12345678\r\n"}},
    {.name = "an id only at PLAY",
     .lines = {{"SETUP", "{ok}Transport: {transport}\r\n\r\n"},
               {"PLAY", "{ok}Session: late;timeout=10\r\n\r\n{rtp:0:1}"}},
     .packets = 1,
     .says = {"Session: late\r\n"},
     .duration_s = 12,
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2)}},
    {.name = "the id as it is, without the timeout (MediaMTX)",
     .says = {"Session: 12345678\r\n"},
     .never_says = "Session: 12345678;"},
    {.name = "another timeout at PLAY (GW)",
     .duration_s = 12,
     .lines = {{"PLAY", "{ok}Session: 12345678;timeout=10\r\n\r\n{rtp:0:1}"}},
     .packets = 1,
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2)}},
    {.name = "a timeout only at the first SETUP",
     .sdp = TWO_TRACKS,
     .duration_s = 12,
     .lines = {{"SETUP 1", SETUP("12345678;timeout=10", "{transport}")},
               {"SETUP 2", SETUP("12345678", "{transport}")}},
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2)}},
    {.name = "timeout=10 (live555)",
     .duration_s = 12,
     .lines = {{"SETUP", SETUP("12345678;timeout=10", "{transport}")}},
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2)}},
    {.name = "no timeout (GStreamer)",
     .duration_s = 62,
     .lines = {{"SETUP", SETUP("12345678", "{transport}")}},
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2)}},
    {.name = "one SETUP at a time (EvoStream)",
     .sdp = TWO_TRACKS,
     .lines = {{"SETUP 1", "{wait:1000}" SETUP("9", "{transport}")}},
     .says = {"Session: 9\r\n"}},
    {.name = "454 once, then a fresh start",
     .lines = {{"PLAY 1", "RTSP/1.0 454 Session Not Found\r\nCSeq: {c}\r\n\r\n"}}},
    {.name = "454 for ever",
     .lines = {{"PLAY", "RTSP/1.0 454 Session Not Found\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(PLAY, STATUS),
     .status = 454},
    {.name = "459: each track of its own",
     .sdp = TWO_TRACKS,
     .lines = {{"PLAY 1", "RTSP/1.0 459 Aggregate\r\nCSeq: {c}\r\n\r\n"},
               {"PLAY 2", PLAY "{rtp:0:1}"},
               {"PLAY 3", PLAY "{rtp:2:1:0}"}},
     .packets = 2,
     .says = {"PLAY " BASE "/trackID=0 RTSP/1.0\r\n", "PLAY " BASE "/trackID=1 RTSP/1.0\r\n"}},
};

static void test_sessions(void **state)
{
    SCRIPTED_RUN(sessions);
}

static const struct scripted_row replies[] = {
    {.name = "CSeq 0 in every reply (Foscam)",
     .lines = {{"OPTIONS", "RTSP/1.0 200 OK\r\nCseq: 0\r\n\r\n"},
               {"DESCRIBE", "RTSP/1.0 200 OK\r\nCseq: 0\r\n{sdp}"},
               {"PLAY", "RTSP/1.0 200 OK\r\nCseq: 0\r\n\r\n{rtp:0:1}"}},
     .packets = 1},
    {.name = "a space behind CSeq (Longse)",
     .lines = {{"DESCRIBE", "RTSP/1.0 200 OK\r\nCSeq: {c} \r\n{sdp}"}}},
    {.name = "OPTIONS unknown (Foscam)",
     .lines = {{"OPTIONS", "RTSP/1.0 501 Not Implemented\r\nCSeq: {c}\r\n\r\n"}}},
    {.name = "OPTIONS: for Public: (rtsp-streaming-server)",
     .duration_s = 35,
     .lines = {{"OPTIONS", "{ok}OPTIONS: DESCRIBE, GET_PARAMETER\r\n\r\n"}},
     .says = {"GET_PARAMETER "}},
    {.name = "no Content-Type (libav)", .lines = {{"DESCRIBE", "{ok}{sdp}"}}},
    {.name = "a charset",
     .lines = {{"DESCRIBE", "{ok}Content-Type: application/sdp;charset=utf-8\r\n{sdp}"}}},
    {.name = "404 and closed (ZLMediaKit)",
     .lines = {{"DESCRIBE", "RTSP/1.0 404 Not Found\r\nCSeq: {c}\r\nConnection: Close\r\n\r\n"
                            "{close}"}},
     FAILS_IN(DESCRIBE, STATUS),
     .status = 404},
    {.name = "404 after the deadline (ZLMediaKit)",
     .lines = {{"DESCRIBE", "{wait:15000}RTSP/1.0 404 Not Found\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(DESCRIBE, TIMEOUT)},
    {.name = "404 before the deadline",
     .lines = {{"DESCRIBE", "{wait:1500}RTSP/1.0 404 Not Found\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(DESCRIBE, STATUS),
     .status = 404},
    {.name = "505 without CSeq (VLC)",
     .lines = {{"DESCRIBE", "RTSP/1.0 505 RTSP Version not supported\r\n\r\n"}},
     FAILS_IN(DESCRIBE, STATUS),
     .status = 505},
    {.name = "453",
     .lines = {{"SETUP", "RTSP/1.0 453 Not Enough Bandwidth\r\nCSeq: {c}\r\n"
                         "Retry-After: 99999999999\r\n\r\n"}},
     FAILS_IN(SETUP, STATUS),
     .status = 453},
    {.name = "false RTP-Info (Hikvision, OMNY)",
     .lines = {{"PLAY", "{ok}RTP-Info: url=x;seq=0;rtptime=-1;\r\n\r\n{rtp:0:700}{rtp:0:701}"}},
     .packets = 2,
     .counts = {COUNTS(rtp[MEDIA_VIDEO].lost, 0), COUNTS(rtp[MEDIA_VIDEO].resets, 0)}},
};

static void test_replies(void **state)
{
    SCRIPTED_RUN(replies);
}

/* A refusal's body without a length stands in front of the next reply, whatever was refused. */
#define PAGE "<html><h1>Unauthorized</h1></html>\r\n"
#define BASIC UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n" PAGE
static const struct scripted_row bodies[] = {
    {.name = "OPTIONS refused with a body",
     .lines = {{"OPTIONS", "RTSP/1.0 501 Not Implemented\r\nCSeq: {c}\r\n\r\n" PAGE}},
     .counts = {COUNTS(oddities.resyncs, 1)}},
    {.name = "a login at DESCRIBE with a body",
     .login = true,
     .lines = {{"DESCRIBE 1", BASIC}},
     .counts = {COUNTS(oddities.resyncs, 1)}},
    {.name = "a login at the second SETUP with a body",
     .login = true,
     .sdp = TWO_TRACKS,
     .lines = {{"SETUP 2", BASIC}},
     .counts = {COUNTS(oddities.resyncs, 1)}},
    {.name = "a login at every request with a body",
     .login = true,
     .lines = {{"OPTIONS 1", BASIC}, {"DESCRIBE 1", BASIC}, {"SETUP 1", BASIC}, {"PLAY 1", BASIC}},
     .counts = {COUNTS(oddities.resyncs, 1)}},
    {.name = "a redirect with a body, then garbage from the new server",
     .lines = {{"DESCRIBE 1",
                "RTSP/1.0 302 Found\r\nCSeq: {c}\r\nLocation: " BASE "/there\r\n\r\n" PAGE},
               {"OPTIONS 2", PAGE}},
     FAILS_IN(OPTIONS, BAD_PROTOCOL)},
};

static void test_bodies(void **state)
{
    SCRIPTED_RUN(bodies);
}

#define TEN "12345678;timeout=10"
static const struct scripted_row keepalives[] = {
    {.name = "SET_PARAMETER refused under the last CSeq (Tapo)",
     .keepalive_set = true,
     .duration_s = 12,
     .lines = {{"SETUP", SETUP(TEN, "{transport}")},
               {"SET_PARAMETER", "RTSP/1.0 400 Bad Request\r\nCSeq: 4\r\n\r\n"}},
     .counts = {COUNTS(oddities.unasked_replies, 2), COUNTS(never[METRIC_KEEPALIVE], 1)}},
    {.name = "GET_PARAMETER refused, then OPTIONS (Hipcam)",
     .duration_s = 12,
     .lines = {{"SETUP", SETUP(TEN, "{transport}")},
               {"GET_PARAMETER", "RTSP/1.0 501 Not Implemented\r\nCSeq: {c}\r\n\r\n"}},
     .counts = {COUNTS(oddities.keepalive_refused, 1), COUNTS(metrics[METRIC_KEEPALIVE].count, 2)}},
    {.name = "never answered",
     .duration_s = 22,
     .lines = {{"SETUP", SETUP(TEN, "{transport}")}, {"GET_PARAMETER", ""}},
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 0), COUNTS(never[METRIC_KEEPALIVE], 3)}},
    {.name = "with the stream's base URL",
     .duration_s = 12,
     .lines = {{"DESCRIBE", "{ok}Content-Base: " BASE "/base/\r\n{sdp}"},
               {"SETUP", SETUP(TEN, "{transport}")}},
     .says = {"GET_PARAMETER " BASE "/base/ RTSP/1.0\r\n"}},
    {.name = "no GET_PARAMETER on offer",
     .duration_s = 12,
     .lines = {{"OPTIONS 1", "{ok}Public: DESCRIBE\r\n\r\n"}, {"SETUP", SETUP(TEN, "{transport}")}},
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2)},
     .never_says = "GET_PARAMETER"},
    {.name = "a new nonce at a keepalive (Axis)",
     .login = true,
     .duration_s = 12,
     .lines = {{"DESCRIBE 1",
                UNAUTHORIZED "WWW-Authenticate: Digest realm=\"r\", nonce=\"one\"\r\n\r\n"},
               {"SETUP", SETUP(TEN, "{transport}")},
               {"GET_PARAMETER 1",
                UNAUTHORIZED "WWW-Authenticate: Digest realm=\"r\", nonce=\"two\"\r\n\r\n"}},
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2), COUNTS(oddities.auth_rounds, 2)},
     .says = {"nonce=\"one\"", "nonce=\"two\""}},
    {.name = "a keepalive refused for ever, media go on",
     .login = true,
     .duration_s = 12,
     .lines = {{"SETUP", SETUP(TEN, "{transport}")},
               {"GET_PARAMETER",
                UNAUTHORIZED "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n"}},
     .counts = {COUNTS(oddities.keepalive_refused, 1)}},
    {.name = "a keepalive refused to nobody",
     .duration_s = 12,
     .lines = {{"SETUP", SETUP(TEN, "{transport}")}, {"GET_PARAMETER", UNAUTHORIZED "\r\n"}},
     .counts = {COUNTS(oddities.keepalive_refused, 1)}},
    {.name = "an unanswered login at a keepalive, another at TEARDOWN",
     .login = true,
     .lines = {{"SETUP", SETUP(TEN, "{transport}")},
               {"GET_PARAMETER 1",
                UNAUTHORIZED "WWW-Authenticate: Digest realm=\"r\", nonce=\"one\"\r\n\r\n"},
               {"GET_PARAMETER 2", ""},
               {"TEARDOWN 1",
                UNAUTHORIZED "WWW-Authenticate: Digest realm=\"r\", nonce=\"two\"\r\n\r\n"}},
     .counts = {COUNTS(metrics[METRIC_TEARDOWN].count, 1)}},
    {.name = "454 at a keepalive",
     .duration_s = 12,
     .lines = {{"SETUP", SETUP(TEN, "{transport}")},
               {"GET_PARAMETER", "RTSP/1.0 454 Session Not Found\r\nCSeq: {c}\r\n\r\n"}},
     .packets = 3,
     DROPS_IN(KEEPALIVE, STATUS),
     .status = 454},
    {.name = "many requests of the server's, in time",
     .duration_s = 12,
     .uncut = true,
     .lines = {{"PLAY", PLAY "{flood:800}{wait:6000}{flood:800}{rtp:0:1}"}},
     .packets = 1,
     .counts = {COUNTS(oddities.server_requests, 1600)}},
};

static void test_keepalives(void **state)
{
    SCRIPTED_RUN(keepalives);
}

static const struct scripted_row logins[] = {
    {.name = "Basic, then Digest (Tapo)",
     .login = true,
     .lines = {{"DESCRIBE 1",
                UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n"
                             "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n"}},
     .says = {"Authorization: Digest "},
     .never_says = "Basic"},
    {.name = "Digest refused, Basic still offered: the password isn't sent in the clear",
     .login = true,
     .lines = {{"DESCRIBE", UNAUTHORIZED "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"
                                         "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"}},
     .says = {"Authorization: Digest "},
     .never_says = "Basic",
     FAILS_IN(DESCRIBE, AUTH_REJECTED),
     .status = 401},
    {.name = "no algorithm unless asked (TP-Link)",
     .login = true,
     .lines = {{"DESCRIBE 1",
                UNAUTHORIZED "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n"}},
     .says = {"Authorization: Digest "},
     .never_says = "algorithm"},
    {.name = "404 with a challenge",
     .login = true,
     .lines = {{"DESCRIBE 1", "RTSP/1.0 404 Not Found\r\nCSeq: {c}\r\n"
                              "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"}},
     .says = {"Authorization: Basic dXNlcjpQYTU1d29yZA==\r\n"}},
    {.name = "a stale nonce",
     .login = true,
     .lines = {{"DESCRIBE 1",
                UNAUTHORIZED "WWW-Authenticate: Digest realm=\"r\", nonce=\"a\"\r\n\r\n"},
               {"DESCRIBE 2", UNAUTHORIZED
                "WWW-Authenticate: Digest realm=\"r\", nonce=\"b\", stale=true\r\n\r\n"}},
     .says = {"nonce=\"a\"", "nonce=\"b\""}},
    {.name = "a challenge at every request",
     .login = true,
     .lines = {{"OPTIONS 1", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"},
               {"DESCRIBE 1", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"},
               {"SETUP 1", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"},
               {"PLAY 1", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"},
               {"TEARDOWN 1", UNAUTHORIZED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n"}},
     .counts = {COUNTS(oddities.auth_rounds, 5), COUNTS(metrics[METRIC_TEARDOWN].count, 1)}},
    {.name = "what some insist on",
     .says = {"User-Agent: rtspbench\r\n", "Range: npt=0.000-\r\n", "Accept: application/sdp"},
     .never_says = "mode="},
};

static void test_logins(void **state)
{
    SCRIPTED_RUN(logins);
}

static const struct scripted_row transports[] = {
    {.name = "other channels (ZLMediaKit)",
     .lines = {{"SETUP", SETUP("1", "RTP/AVP/TCP;unicast;interleaved=4-5")},
               {"PLAY", PLAY "{rtp:0:1}{rtp:4:1}{rtp:4:2}"}},
     .packets = 2,
     .counts = {COUNTS(oddities.unknown_channel, 1)}},
    {.name = "no /TCP (Escam)",
     .lines = {{"SETUP", SETUP("1", "RTP/AVP;unicast;interleaved=0-1")}}},
    {.name = "one channel", .lines = {{"SETUP", SETUP("1", "RTP/AVP/TCP;interleaved=0")}}},
    {.name = "ssrc first and short (Luckfox)",
     .lines = {{"SETUP", SETUP("1", "RTP/AVP/TCP;ssrc= d6d6627;unicast;interleaved=0-1")}}},
    {.name = "a comma for a semicolon (Victure)",
     .udp = true,
     .lines = {{"SETUP", SETUP("1", "RTP/AVP;unicast;client_port=6-7;"
                                    "server_port=20000-20001,ssrc=1234")},
               {"PLAY", PLAY "{udp:1}{udp:2}"}},
     .packets = 2},
    {.name = "no server_port (OpenIPC)",
     .udp = true,
     .lines = {{"SETUP", SETUP("1", "RTP/AVP;unicast;client_port=6-7")}, {"PLAY", PLAY "{udp:1}"}},
     .packets = 1},
    {.name = "server_port=0-1",
     .udp = true,
     .lines = {{"SETUP", SETUP("1", "RTP/AVP;unicast;client_port=6-7;server_port=0-1")},
               {"PLAY", PLAY "{udp:1}"}},
     .packets = 1},
    {.name = "from other ports than told (Freebox)",
     .udp = true,
     .lines = {{"PLAY", PLAY "{udp2:1}{udp2:2}"}},
     .packets = 2},
    {.name = "before PLAY's reply (Reolink)",
     .udp = true,
     .lines = {{"PLAY", "{udp:1}{udp:2}{wait:5}" PLAY "{udp:3}"}}},
    {.name = "tracks that nobody set up",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{rtp:2:1}{rtp:3:1}"}},
     .packets = 1,
     .counts = {COUNTS(oddities.unknown_channel, 2)}},
    {.name = "RTCP on the RTP channel",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:2400001c80c800061122334400000001000000000000000000"
                             "00000000000000}{rtp:0:2}"}},
     .packets = 2,
     .counts = {COUNTS(rtcp.sr_received, 1), COUNTS(rtp[MEDIA_VIDEO].bad, 0),
                COUNTS(rtp[MEDIA_VIDEO].lost, 0)}},
    {.name = "RTCP of another SSRC (Tapo)",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:2401001c80c80006998877660000000100000000000000000000"
                             "000000000000}{rtp:0:2}"}},
     .packets = 2,
     .counts = {COUNTS(rtcp.sr_received, 1)}},
    {.name = "packets of another type reuse the numbers (Geovision)",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{rtp:0:1:50}{rtp:0:2}{rtp:0:2:50}{rtp:0:3}"}},
     .counts = {COUNTS(oddities.unknown_type, 2), COUNTS(rtp[MEDIA_VIDEO].duplicates, 0)}},
    {.name = "UDP, asked with auto",
     .automatic = true,
     .lines = {{"PLAY", PLAY "{udp:1}"}},
     .packets = 1},
    {.name = "461 to UDP, asked with auto",
     .automatic = true,
     .lines = {{"SETUP 1", "RTSP/1.0 461 Unsupported transport\r\nCSeq: {c}\r\n\r\n"}},
     .phase = PHASE_SETUP,
     .reason = REASON_TRANSPORT_MISMATCH,
     .status = 461},
    {.name = "one of two tracks refused: a session is set up whole",
     .sdp = TWO_TRACKS,
     .lines = {{"SETUP 2", "RTSP/1.0 404 Not Found\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(SETUP, STATUS),
     .status = 404},
    {.name = "461 to TCP",
     .lines = {{"SETUP", "RTSP/1.0 461 Unsupported transport\r\nCSeq: {c}\r\n\r\n"}},
     FAILS_IN(SETUP, STATUS),
     .status = 461},
};

static void test_transports(void **state)
{
    SCRIPTED_RUN(transports);
}

static const struct scripted_row descriptions[] = {
    {.name = "no o=, no t=, c=IN", .sdp = "v=0\r\ns=x\r\nc=IN\r\n" VIDEO "a=control:t\r\n"},
    {.name = "what is no RTP between (TP-Link)",
     .sdp = "v=0\r\no=- 14665860 31787219 1 IN IP4 10.0.0.1 7\r\ns=x\r\n" VIDEO
            "a=control:track1\r\nm=application/TP-LINK 0 RTP/AVP smart/1/90000\r\n"
            "a=control:track3\r\nm=audio 0 RTP/AVP 0\r\na=control:track2\r\n",
     .says = {"/track1 RTSP/1.0\r\n", "/track2 RTSP/1.0\r\n"},
     .never_says = "/track3"},
    {.name = "two media of one type (Ubiquiti, VLC)",
     .sdp = HEAD VIDEO "a=control:v\r\nm=audio 0 RTP/AVP 96\r\n"
                       "a=rtpmap:96 MPEG4-GENERIC/48000\r\na=fmtp:96\r\na=control:a\r\n",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{rtp:2:1}{rtp:2:2}"}},
     .counts = {COUNTS(rtp[MEDIA_VIDEO].packets, 1), COUNTS(rtp[MEDIA_AUDIO].packets, 2)}},
    {.name = "a static type contradicted (Anpviz)",
     .sdp = HEAD "m=video 0 RTP/AVP 26\r\na=rtpmap:26 H264/90000\r\na=control:t\r\n",
     .lines = {{"PLAY", PLAY "{rtp:0:1:26}"}},
     .packets = 1,
     .counts = {COUNTS(metrics[METRIC_FIRST_KEYFRAME].count, 1)}},
    {.name = "fmtp under another media, s= in a media",
     .sdp = HEAD VIDEO "a=control:v\r\ns=again\r\n" AUDIO "a=fmtp:96 packetization-mode=1\r\n"},
    {.name = "all sendonly (CV-RTSPHandler)",
     .sdp = HEAD "a=sendonly\r\n" VIDEO "a=sendonly\r\na=control:v\r\n"},
};

static void test_descriptions(void **state)
{
    SCRIPTED_RUN(descriptions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),         cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_replies),      cmocka_unit_test(test_keepalives),
        cmocka_unit_test(test_logins),       cmocka_unit_test(test_transports),
        cmocka_unit_test(test_descriptions), cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
