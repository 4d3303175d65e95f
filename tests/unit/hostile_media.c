/* Hostile session descriptions, transports and media, and what must come of them. */
#include "scripted.h"

#include "client/session_internal.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
#define AUDIO "m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n"
#define TWO_TRACKS HEAD VIDEO "a=control:trackID=0\r\n" AUDIO
#define BASE "rtsp://" WORLD_HOST ":554/{n}"
#define SETUP(transport) "{ok}Session: 12345678\r\nTransport: " transport "\r\n\r\n"
#define PLAY "{ok}Session: 12345678\r\n\r\n"
#define SSRC_1 "11223344"

static const struct scripted_row descriptions[] = {
    {.name = "empty",
     .lines = {{"DESCRIBE", "{ok}Content-Length: 0\r\n\r\n"}},
     FAILS_IN(DESCRIBE, NO_MEDIA)},
    {.name = "no media", .sdp = HEAD, FAILS_IN(DESCRIBE, NO_MEDIA)},
    {.name = "only what is no RTP",
     .sdp = HEAD "m=application 0 TP-LINK 1\r\na=control:x\r\n",
     FAILS_IN(DESCRIBE, NO_MEDIA)},
    {.name = "noise", .sdp = "{hex:00ff80}{x:100}", FAILS_IN(DESCRIBE, NO_MEDIA)},
    {.name = "a thousand media",
     .sdp = HEAD "{media:1000}",
     .uncut = true,
     .packets = 3,
     .counts = {COUNTS(oddities.tracks_skipped, 992)}},
    {.name = "an endless line",
     .sdp = HEAD VIDEO "a=x:{x:100000}",
     .uncut = true,
     FAILS_IN(DESCRIBE, SDP_TOO_LARGE)},
    {.name = "16 MB", .sdp = "s={x:16000000}", .uncut = true, FAILS_IN(DESCRIBE, BODY_TOO_LARGE)},
    {.name = "a control of 8 KB",
     .sdp = HEAD VIDEO "a=control:{x:8192}\r\n",
     .uncut = true,
     FAILS_IN(DESCRIBE, SDP_TOO_LARGE)},
    {.name = "no rtpmap",
     .sdp = HEAD "m=video 0 RTP/AVP 96\r\na=control:t\r\n",
     .counts = {COUNTS(metrics[METRIC_JITTER].count, 0)}},
    {.name = "a clock of 0",
     .sdp = HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\na=control:t\r\n",
     .counts = {COUNTS(metrics[METRIC_JITTER].count, 0)}},
    {.name = "a clock of 2^32",
     .sdp = HEAD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/4294967296\r\na=control:t\r\n",
     .counts = {COUNTS(metrics[METRIC_JITTER].count, 0)}},
    {.name = "rtpmap twice", .sdp = HEAD VIDEO "a=rtpmap:96 H264/1\r\na=control:t\r\n"},
    {.name = "a broken fmtp",
     .sdp = HEAD VIDEO "a=fmtp:96 sprop-parameter-sets=!!,=;x\r\na=control:t\r\n"},
    {.name = "no control", .sdp = HEAD VIDEO, .says = {"SETUP " BASE " RTSP/1.0\r\n"}},
    {.name = "a control that climbs",
     .sdp = HEAD VIDEO "a=control:../../t\r\n",
     .says = {"SETUP " BASE "/../../t RTSP/1.0\r\n"}},
    {.name = "a control elsewhere",
     .sdp = HEAD VIDEO "a=control:rtsp://" PEER_OTHER_HOST ":554/1/t\r\n",
     .says = {"SETUP rtsp://" PEER_OTHER_HOST ":554/1/t RTSP/1.0\r\n"}},
};

static void test_descriptions(void **state)
{
    SCRIPTED_RUN(descriptions);
}

static const struct scripted_row transports[] = {
    {.name = "none",
     .lines = {{"SETUP", "{ok}Session: 1\r\n\r\n"}},
     FAILS_IN(SETUP, TRANSPORT_MISMATCH)},
    {.name = "UDP for TCP",
     .lines = {{"SETUP", SETUP("RTP/AVP;unicast;client_port=5-6;server_port=7-8")}},
     FAILS_IN(SETUP, TRANSPORT_MISMATCH)},
    {.name = "two",
     .lines = {{"SETUP", SETUP("RTP/AVP;unicast;client_port=6-7,"
                               "RTP/AVP/TCP;interleaved=0-1")}},
     FAILS_IN(SETUP, TRANSPORT_MISMATCH)},
    {.name = "something else",
     .lines = {{"SETUP", SETUP("MP2T/H2221/UDP;unicast")}},
     FAILS_IN(SETUP, TRANSPORT_MISMATCH)},
    {.name = "channels 300-301",
     .lines = {{"SETUP", SETUP("RTP/AVP/TCP;unicast;interleaved=300-301")}},
     FAILS_IN(SETUP, TRANSPORT_INVALID)},
    {.name = "equal channels",
     .lines = {{"SETUP", SETUP("RTP/AVP/TCP;unicast;interleaved=5-5")}},
     FAILS_IN(SETUP, TRANSPORT_INVALID)},
    {.name = "reversed channels",
     .lines = {{"SETUP", SETUP("RTP/AVP/TCP;unicast;interleaved=1-0")}},
     FAILS_IN(SETUP, TRANSPORT_INVALID)},
    {.name = "overlapping channels",
     .sdp = TWO_TRACKS,
     .lines = {{"SETUP", SETUP("RTP/AVP/TCP;unicast;interleaved=0-1")}},
     FAILS_IN(SETUP, TRANSPORT_INVALID)},
    {.name = "port 0",
     .udp = true, /* not told: learnt from the packets */
     .lines = {{"SETUP", SETUP("RTP/AVP;unicast;client_port=6-7;server_port=0-0")},
               {"PLAY", PLAY "{udp:1}"}},
     .packets = 1},
    {.name = "port 70000",
     .udp = true,
     .lines = {{"SETUP", SETUP("RTP/AVP;unicast;client_port=6-7;server_port=70000-70001")}},
     FAILS_IN(SETUP, TRANSPORT_INVALID)},
    {.name = "no source",
     .udp = true,
     .lines = {{"SETUP", SETUP("RTP/AVP;unicast;source=@@;server_port=20000-20001")}},
     FAILS_IN(SETUP, TRANSPORT_INVALID)},
    {.name = "a broadcast source",
     .udp = true,
     .lines = {{"SETUP", SETUP("RTP/AVP;source=255.255.255.255;server_port=20000-20001")}},
     FAILS_IN(SETUP, TRANSPORT_INVALID)},
    {.name = "a loopback source",
     .udp = true,
     .lines = {{"SETUP", SETUP("RTP/AVP;unicast;source=127.0.0.1;server_port=20000-20001")}},
     FAILS_IN(SETUP, TRANSPORT_INVALID)},
    {.name = "multicast to one host",
     .udp = true,
     .lines = {{"SETUP", SETUP("RTP/AVP;multicast;destination=10.1.1.1;port=6-7")}},
     FAILS_IN(SETUP, TRANSPORT_INVALID)},
    {.name = "multicast unasked",
     .udp = true,
     .lines = {{"SETUP", SETUP("RTP/AVP;multicast;destination=239.1.1.1;port=6-7")}},
     FAILS_IN(SETUP, TRANSPORT_MISMATCH)},
    {.name = "no Session",
     .lines = {{"SETUP", "{ok}Transport: {transport}\r\n\r\n"}, {"PLAY", "{ok}\r\n{rtp:0:1}"}},
     .packets = 1,
     .never_says = "Session:"},
    {.name = "a Session of 1 MB",
     .lines = {{"SETUP", "{ok}Session: {x:1000000}\r\n\r\n"}},
     .uncut = true,
     FAILS_IN(SETUP, HEADER_TOO_LARGE)},
    {.name = "a Session of 200 bytes",
     .uncut = true,
     .lines = {{"SETUP", "{ok}Session: {x:200}\r\nTransport: {transport}\r\n\r\n"}}},
    {.name = "timeout=0",
     .duration_s = 70,
     .lines = {{"SETUP", "{ok}Session: 12345678;timeout=0\r\nTransport: {transport}\r\n\r\n"}},
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2)}},
    {.name = "timeout=-5",
     .duration_s = 70,
     .lines = {{"SETUP", "{ok}Session: 12345678;timeout=-5\r\nTransport: {transport}\r\n\r\n"}},
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2)}},
    {.name = "timeout=10^12",
     .duration_s = 70,
     .lines = {{"SETUP", "{ok}Session: 12345678;timeout=1000000000000\r\n"
                         "Transport: {transport}\r\n\r\n"}},
     .counts = {COUNTS(metrics[METRIC_KEEPALIVE].count, 2)}},
};

static void test_transports(void **state)
{
    SCRIPTED_RUN(transports);
}

/* A frame: "$", channel 0, length, then the RTP header. */
static const struct scripted_row frames[] = {
    {.name = "before SETUP's reply",
     .lines = {{"SETUP", "{rtp:0:1}" SETUP("{transport}")}, {"PLAY", PLAY "{rtp:0:2}"}},
     .packets = 2},
    {.name = "before PLAY's reply", .lines = {{"PLAY", "{rtp:0:1}{rtp:0:2}" PLAY "{rtp:0:3}"}}},
    {.name = "unknown channels",
     .lines = {{"PLAY", PLAY "{rtp:7:1}{rtp:0:1}{rtp:255:2}"}},
     .packets = 1,
     .counts = {COUNTS(oddities.unknown_channel, 2)}},
    {.name = "lengths 0, 1 and 11",
     .lines = {{"PLAY", PLAY "{hex:24000000}{rtp:0:1}{hex:2400000180}{rtp:0:2}"
                             "{hex:2400000b8060000200000000112233}{rtp:0:3}"}},
     .counts = {COUNTS(rtp[MEDIA_VIDEO].bad, 2), COUNTS(oddities.resyncs, 0)}},
    {.name = "length 65535",
     .uncut = true,
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:2400ffff806000020000000011223344}{x:65523}"
                             "{rtp:0:3}"}},
     .counts = {COUNTS(rtp[MEDIA_VIDEO].bytes, 16 + 65535 + 16)}},
    {.name = "noise between frames",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:ff00fe}{rtp:0:2}{rtp:0:3}"}},
     .counts = {COUNTS(oddities.resyncs, 1)}},
    {.name = "words between frames",
     .lines = {{"PLAY", PLAY "{rtp:0:1}noise{rtp:0:2}{rtp:0:3}"}},
     .counts = {COUNTS(oddities.resyncs, 1)}},
    {.name = "noise for ever",
     .uncut = true,
     .lines = {{"PLAY", PLAY "{rtp:0:1}{x:1200000}"}},
     .packets = 1,
     DROPS_IN(MEDIA, FRAMING_LOST)},
    {.name = "a reply inside a frame",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:2400003080600002000000001122334465}"
                             "RTSP/1.0 400 Bad Request\r\nCSeq: 3\r\n\r\n{hex:0000}"
                             "{hex:00000000}{rtp:0:3}{rtp:0:4}"}},
     .packets = NONE},
    {.name = "version 1",
     .lines = {{"PLAY", PLAY "{hex:2400000c406000020000000011223344}"
                             "{rtp:0:3}"}},
     .packets = 1,
     .counts = {COUNTS(rtp[MEDIA_VIDEO].bad, 1)}},
    {.name = "CSRCs beyond the end",
     .lines = {{"PLAY", PLAY "{hex:2400000c8f6000020000000011223344}{rtp:0:3}"}},
     .packets = 1,
     .counts = {COUNTS(rtp[MEDIA_VIDEO].bad, 1)}},
    {.name = "an extension beyond the end",
     .lines = {{"PLAY", PLAY "{hex:2400001090600002000000001122334400010009}{rtp:0:3}"}},
     .packets = 1,
     .counts = {COUNTS(rtp[MEDIA_VIDEO].bad, 1)}},
    {.name = "padding of 0",
     .uncut = true,
     .lines = {{"PLAY", PLAY "{hex:2400000ea06000020000000011223344ff00}{rtp:0:3}"}},
     .packets = 1,
     .counts = {COUNTS(rtp[MEDIA_VIDEO].bad, 1)}},
    {.name = "padding beyond the start",
     .uncut = true,
     .lines = {{"PLAY", PLAY "{hex:2400000ea06000020000000011223344ffff}{rtp:0:3}"}},
     .packets = 1,
     .counts = {COUNTS(rtp[MEDIA_VIDEO].bad, 1)}},
    {.name = "a frozen sequence",
     .lines = {{"PLAY", PLAY "{rtp:0:9}{rtp:0:9}{rtp:0:9}"}},
     .counts = {COUNTS(rtp[MEDIA_VIDEO].duplicates, 2), COUNTS(rtp[MEDIA_VIDEO].lost, 0)}},
    {.name = "a random sequence",
     .lines = {{"PLAY", PLAY "{rtp:0:9}{rtp:0:40000}{rtp:0:22000}{rtp:0:50000}{rtp:0:10}"}},
     .packets = 5,
     .counts = {COUNTS(rtp[MEDIA_VIDEO].lost, 0), COUNTS(rtp[MEDIA_VIDEO].resets, 0)}},
    {.name = "a restart",
     .lines = {{"PLAY", PLAY "{rtp:0:9}{rtp:0:40000}{rtp:0:40001}"}},
     .counts = {COUNTS(rtp[MEDIA_VIDEO].lost, 0), COUNTS(rtp[MEDIA_VIDEO].resets, 1)}},
    {.name = "another SSRC each time",
     .lines = {{"PLAY", PLAY "{hex:2400000c806000010000000011000001}"
                             "{hex:2400000c806000090000000011000002}"
                             "{hex:2400000c806000050000000011000003}"}},
     .counts = {COUNTS(rtp[MEDIA_VIDEO].lost, 0), COUNTS(rtp[MEDIA_VIDEO].resets, 2)}},
    {.name = "wrapping time stamps",
     .lines = {{"PLAY", PLAY "{hex:2400000c80e0000100000000" SSRC_1 "}"
                             "{hex:2400000c80e0000280000000" SSRC_1 "}"
                             "{hex:2400000c80e00003ffffffff" SSRC_1 "}"}},
     .counts = {COUNTS(rtp[MEDIA_VIDEO].lost, 0)}},
    {.name = "RTCP that lies",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:2401000880c900ff" SSRC_1 "}{rtp:0:2}"
                             "{hex:2401000480c90000}{hex:24010008c0c90001" SSRC_1 "}{rtp:0:3}"}},
     .counts = {COUNTS(rtcp.bad, 3)}},
    {.name = "BYE mid-stream",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:2401000881cb0001" SSRC_1 "}"}},
     .packets = 1,
     DROPS_IN(MEDIA, BYE),
     .counts = {COUNTS(rtcp.bye_received, 1)}},
    {.name = "BYE of another source",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:2401000881cb000155667788}{rtp:0:2}{rtp:0:3}"}},
     .counts = {COUNTS(rtcp.bye_received, 1)}},
    {.name = "BYE of nobody",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:2401000480cb0000}{rtp:0:2}{rtp:0:3}"}},
     .counts = {COUNTS(rtcp.bye_received, 1)}},
    {.name = "BYE of a source that the track has left",
     .lines = {{"PLAY", PLAY "{hex:2400000c806000010000000011000001}"
                             "{hex:2400000c806000090000000011000002}"
                             "{hex:2401000881cb000111000001}"
                             "{hex:2400000c8060000a0000000011000002}"}},
     .counts = {COUNTS(rtcp.bye_received, 1), COUNTS(rtp[MEDIA_VIDEO].resets, 1)}},
    {.name = "BYE of two sources, one of them the track's",
     .lines = {{"PLAY", PLAY "{rtp:0:1}{hex:2401000c82cb000255667788" SSRC_1 "}"}},
     .packets = 1,
     DROPS_IN(MEDIA, BYE),
     .counts = {COUNTS(rtcp.bye_received, 1)}},
    {.name = "sender reports of year 0 and 2036",
     .lines = {{"PLAY",
                PLAY "{rtp:0:1}{rtp:0:2}{rtp:0:3}"
                     "{hex:2401001c80c80006" SSRC_1 "0000000000000000000000000000000000000000}"
                     "{hex:2401001c80c80006" SSRC_1 "ffffffffffffffff000000000000000000000000}"}},
     .counts = {COUNTS(rtcp.sr_received, 2), COUNTS(metrics[METRIC_PANEL_LATENCY].count, 0)}},
    {.name = "units that overrun",
     .lines = {{"PLAY", PLAY "{hex:2400001080e00001000000001122334478ffffff}"
                             "{hex:24000010806000020000e00011223344"
                             "7c8500ff}"
                             "{hex:24000010806000030000e00011223344"
                             "7c0500ff}"}}},
    {.name = "a flood of requests",
     .uncut = true,
     .lines = {{"PLAY", PLAY "{rtp:0:1}{flood:1500}"}},
     .packets = 1,
     DROPS_IN(MEDIA, ABUSE)},
    {.name = "an unknown request",
     .lines = {{"PLAY", PLAY "{rtp:0:1}FROB * RTSP/1.0\r\nCSeq: 77\r\n\r\n"}},
     .packets = 1,
     .counts = {COUNTS(oddities.server_requests, 1)},
     .says = {"RTSP/1.0 501 Not Implemented\r\nCSeq: 77\r\n"}},
    {.name = "a request with a huge body",
     .lines = {{"PLAY", PLAY "{rtp:0:1}ANNOUNCE * RTSP/1.0\r\nCSeq: 5\r\n"
                             "Content-Length: 50000\r\n\r\n{x:50000}{rtp:0:2}"}},
     .uncut = true,
     .packets = 2,
     .says = {"RTSP/1.0 200 OK\r\nCSeq: 5\r\n"}},
    {.name = "a flood of 1xx",
     .uncut = true,
     .lines = {{"DESCRIBE", "{continue:1500}{ok}{sdp}"}},
     FAILS_IN(DESCRIBE, ABUSE),
     .status = 100},
};

static void test_frames(void **state)
{
    SCRIPTED_RUN(frames);
}

static const struct scripted_row datagrams[] = {
    {.name = "good",
     .udp = true,
     .lines = {{"PLAY", PLAY "{udp:1}{rtcp2:}{udp:2}{udp:4}"}},
     .says = {"datagram to 20000: type 0\n", "datagram to 20001: type 201\n"},
     .counts = {COUNTS(rtp[MEDIA_VIDEO].lost, 1), COUNTS(rtcp.sr_received, 1),
                COUNTS(rtp[MEDIA_VIDEO].lost_by[LOSS_NETWORK], 1)}},
    {.name = "frames instead",
     .udp = true,
     .packets = NONE,
     .counts = {COUNTS(rtp[MEDIA_VIDEO].packets, 0), COUNTS(oddities.unknown_channel, 3)}},
    {.name = "another port",
     .udp = true,
     .lines = {{"PLAY", PLAY "{udp2:1}{udp2:2}"}},
     .packets = 2,
     .counts = {COUNTS(oddities.foreign, 0)}},
    {.name = "another host",
     .udp = true,
     .lines = {{"PLAY", PLAY "{udp:1}{udp3:2}{udp:2}"}},
     .packets = 2,
     .counts = {COUNTS(oddities.foreign, 1), COUNTS(rtp[MEDIA_VIDEO].duplicates, 0)}},
    {.name = "another host that SETUP's reply names",
     .udp = true,
     .lines = {{"SETUP", SETUP("{transport};source=10.66.66.66")},
               {"PLAY", PLAY "{udp:1}{udp3:2}{udp:3}"}},
     .packets = 3,
     .counts = {COUNTS(oddities.foreign, 0), COUNTS(rtp[MEDIA_VIDEO].lost, 0)}},
    {.name = "another host than SETUP's reply names",
     .udp = true,
     .lines = {{"SETUP", SETUP("{transport};source=10.66.66.67")},
               {"PLAY", PLAY "{udp:1}{udp3:2}{udp:2}"}},
     .packets = 2,
     .counts = {COUNTS(oddities.foreign, 1)}},
    {.name = "before SETUP's reply",
     .udp = true,
     .lines = {{"SETUP", "{udp:1}{wait:1}" SETUP("{transport}")}, {"PLAY", PLAY "{udp:2}"}},
     .packets = 2},
    {.name = "after TEARDOWN's reply",
     .udp = true,
     .lines = {{"PLAY", PLAY "{udp:1}"},
               {"TEARDOWN", "{ok}\r\n{udp:2}{wait:50}{udp:3}{wait:50}{udp:4}"}},
     .packets = 4},
    {.name = "for ever after TEARDOWN",
     .udp = true,
     .uncut = true,
     .lines = {{"PLAY", PLAY "{udp:1}"},
               {"TEARDOWN", "{ok}\r\n{udp:2}{wait:90}{udp:3}{wait:90}{udp:4}{wait:90}{udp:5}"
                            "{wait:90}{udp:6}{wait:90}{udp:7}{wait:90}{udp:8}{wait:90}{udp:9}"
                            "{wait:90}{udp:10}{wait:90}{udp:11}{wait:90}{udp:12}{wait:90}"
                            "{udp:13}{wait:90}{udp:14}{wait:90}{udp:15}"}},
     .packets = 13}, /* sent at 0, 90 ... 990 ms, and the first before: a second at most */
};

static void test_datagrams(void **state)
{
    SCRIPTED_RUN(datagrams);
}

/* Hands a session, which plays but gets nothing from its server, a packet as the loop would. */
static void hand_packet(struct world *world, bool udp, uint16_t sequence, uint32_t drops,
                        uint32_t unread)
{
    struct client *client = &world->shards[0].client;
    const struct session *session = client_session(client, 0);
    const uint8_t bytes[16] = {
        '$', 0, 0, 12, 0x80, 96, (uint8_t)(sequence >> 8), (uint8_t)sequence};
    struct address from;
    assert_true(address_parse(SLICE(WORLD_HOST), 20000, &from));
    const struct session_event event = {
        .type = udp ? EVENT_DATAGRAM : EVENT_BYTES,
        .bytes = udp ? slice_make(bytes + 4, 12) : slice_make(bytes, 16),
        .segment = 12,
        .drops = drops,
        .unread = unread,
        .from = &from,
        .arrival_ns = client->now_ns,
    };
    client_event(client, session_token(client, session, udp), &event);
}

/* Whose a gap is. UDP: ours if the socket's drop counter moved across it. TCP: ours for 5 s after
   half the receive buffer was unread, or a turn was over 100 ms late; else the server's. */
static const struct loss_row {
    bool udp;
    uint16_t sequence; /* of the packet behind a gap of three */
    uint32_t drops, unread;
    uint32_t at_s; /* the buffer is looked at once in 16 ms */
    uint64_t lag_ns;
    enum loss_cause cause;
} loss_rows[] = {
    {true, 14, 0, 0, 1, 0, LOSS_NETWORK},
    {true, 18, 2, 0, 1, 0, LOSS_LOCAL_SOCKET},
    {true, 22, 2, 0, 1, 0, LOSS_NETWORK},
    {true, 26, 2, 0, 2, NS_PER_S, LOSS_NETWORK},
    {false, 14, 0, 0, 1, 0, LOSS_SERVER},
    {false, 18, 0, 106495, 2, 0, LOSS_SERVER}, /* half of 212,992, less one */
    {false, 22, 0, 106496, 3, 0, LOSS_SELF},
    {false, 26, 0, 0, 5, 0, LOSS_SELF},
    {false, 30, 0, 0, 9, 0, LOSS_SERVER},
    {false, 34, 0, 0, 10, 100 * NS_PER_MS, LOSS_SERVER},
    {false, 38, 0, 0, 11, 101 * NS_PER_MS, LOSS_SELF},
    {false, 42, 0, 0, 15, 0, LOSS_SELF},
    {false, 46, 0, 0, 17, 0, LOSS_SERVER},
};

static void try_loss_row(struct world *world, const struct loss_row *row,
                         uint64_t expected[LOSS_CAUSES])
{
    struct client *client = &world->shards[0].client;
    if (row->lag_ns > 0)
        client_tick(client, client->now_ns, row->lag_ns);
    hand_packet(world, row->udp, row->sequence, row->drops, row->unread);
    expected[row->cause] += 3;
    struct rtp_counts rtp = world_rtp(world);
    for (unsigned cause = 0; cause < LOSS_CAUSES; cause++) {
        if (rtp.lost_by[cause] != expected[cause])
            fail_msg("sequence %u: %u lost to cause %u", row->sequence,
                     (unsigned)rtp.lost_by[cause], cause);
    }
}

static void play_loss_rows(struct world *world, bool udp)
{
    uint64_t expected[LOSS_CAUSES] = {0};
    size_t next = 0, count = sizeof(loss_rows) / sizeof(loss_rows[0]);
    bool begun = false;
    while (world_turn(world)) {
        uint64_t since_ns = sim_now(world->sim) - world->start_ns;
        if (sim_now(world->sim) < world->start_ns + NS_PER_S)
            continue;
        if (!begun)
            hand_packet(world, udp, 10, 0, 0);
        begun = true;
        for (; next < count && since_ns >= loss_rows[next].at_s * NS_PER_S; next++) {
            if (loss_rows[next].udp == udp)
                try_loss_row(world, &loss_rows[next], expected);
        }
    }
    assert_int_equal(next, count);
}

static void test_loss_causes(void **state)
{
    static const struct peer_line lines[PEER_LINES] = {{"PLAY", PLAY}};
    for (unsigned udp = 0; udp < 2; udp++) {
        struct world world;
        world_init(&world, "rtsp://" WORLD_HOST ":554/1");
        world.plan.duration_ns = 20 * NS_PER_S;
        world.plan.media_timeout_ns = 3600 * NS_PER_S;
        world.plan.transport = udp ? PLAN_UDP : PLAN_TCP;
        struct peer *peer = peer_new(world_sim(&world), lines, NULL);
        const struct world_peer side = peer_as_world(peer);
        world.peer = &side;
        world.interval_ns = NS_PER_S;
        world_begin(&world);
        play_loss_rows(&world, udp);
        world_result(&world);
        world_end(&world);
        peer_free(peer);
        sim_free(world.sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptions), cmocka_unit_test(test_transports),
        cmocka_unit_test(test_frames),       cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_loss_causes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
