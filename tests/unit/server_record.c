#include "server_world.h"

#include "base/rng.h"
#include "proto/rtcp.h"

#define RECORD_TCP(a, b) "Transport: RTP/AVP/TCP;unicast;interleaved=" #a "-" #b ";mode=record\r\n"
#define SDP                                                                                        \
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"                                          \
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\n"                   \
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 L16/48000/2\r\na=control:streamid=1\r\n"
#define VIDEO_SSRC 0x11223344u
#define VIDEO_BYTES 212u /* of our RTP packets */
#define AUDIO_BYTES 112u

static int announce_as(struct world *world, struct client *client, const char *path,
                       const char *headers, const char *sdp)
{
    char room[3500];
    struct text text = text_init(room, sizeof(room));
    text_printf(&text, "%sContent-Length: %zu\r\n\r\n%s", headers, strlen(sdp) + 2,
                sdp); /* ask adds a line end */
    return ask(world, client, "ANNOUNCE", path, text_string(&text));
}

static int announce(struct world *world, struct client *client, const char *path)
{
    return announce_as(world, client, path, "Content-Type: application/sdp\r\n", SDP);
}

/* Up to the reply to RECORD. */
static struct client *publish(struct world *world, unsigned number, const char *path)
{
    char track[300];
    struct client *client = connect_client(world, number);
    assert_int_equal(announce(world, client, path), 200);
    snprintf(track, sizeof(track), "%s/streamid=0", path);
    assert_int_equal(ask(world, client, "SETUP", track, RECORD_TCP(0, 1)), 200);
    assert_non_null(strstr(client->reply, "mode=record"));
    snprintf(track, sizeof(track), "%s/streamid=1", path);
    assert_int_equal(ask(world, client, "SETUP", track, RECORD_TCP(2, 3) SESSION), 200);
    assert_int_equal(ask(world, client, "RECORD", path, SESSION), 200);
    return client;
}

/* An RTP packet of the track, framed; its length without the frame's header. */
static size_t make_packet(uint8_t *frame, unsigned track, unsigned sequence)
{
    size_t len = track == 0 ? VIDEO_BYTES : AUDIO_BYTES;
    uint32_t timestamp = sequence * (track == 0 ? 3600 : 1920); /* 40 ms */
    memset(frame, 0, 4 + len);
    frame[0] = '$';
    frame[1] = (uint8_t)(2 * track);
    frame[3] = (uint8_t)len;
    frame[4] = 0x80;
    frame[5] = (uint8_t)(96 + track);
    frame[6] = (uint8_t)(sequence >> 8);
    frame[7] = (uint8_t)sequence;
    for (unsigned i = 0; i < 4; i++) {
        frame[8 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
        frame[12 + i] = (uint8_t)((VIDEO_SSRC + track) >> (24 - 8 * i));
    }
    return len;
}

static void send_packet(struct world *world, struct client *client, unsigned track,
                        unsigned sequence)
{
    uint8_t frame[300];
    size_t len = make_packet(frame, track, sequence);
    say(world, client, (const char *)frame, 4 + len);
}

static void send_packets(struct world *world, struct client *client, unsigned first, unsigned last)
{
    for (unsigned n = first; n <= last; n++) {
        send_packet(world, client, 0, n);
        run(world, 40 * NS_PER_MS);
    }
}

static void check_received(const struct truth_received *received, uint64_t packets, uint64_t lost,
                           uint64_t duplicates, uint64_t reordered)
{
    assert_int_equal(received->packets, packets);
    assert_int_equal(received->lost, lost);
    assert_int_equal(received->duplicates, duplicates);
    assert_int_equal(received->reordered, reordered);
}

/* 7 packets on one track: 11 and 13 missing, 14 twice, 10 after 12; 3 on the other. */
static void test_whole_session(void **state)
{
    static const unsigned sequences[] = {9, 12, 10, 14, 14, 15, 16};
    struct world *world = world_new(1, NULL);
    struct client *client = publish(world, 0, "/live/1");
    for (size_t i = 0; i < 7; i++)
        send_packet(world, client, 0, sequences[i]);
    for (unsigned n = 65534; n <= 65536; n++)
        send_packet(world, client, 1, n & 0xffff);
    assert_int_equal(ask(world, client, "GET_PARAMETER", "/live/1", SESSION), 200);
    assert_int_equal(ask(world, client, "TEARDOWN", "/live/1", SESSION), 200);
    run(world, NS_PER_S);
    assert_true(client->eof);
    const struct truth_session *session = &world->ended[0];
    assert_int_equal(world->ended_count, 1);
    assert_string_equal(world->ended_how[0], "teardown");
    assert_string_equal(session->transport, "tcp");
    assert_true(session->publisher);
    assert_int_equal(session->keepalives, 1);
    assert_int_equal(session->track_count, 2);
    check_received(&session->received, 10, 2, 1, 1);
    check_received(&session->tracks[0].received, 7, 2, 1, 1);
    check_received(&session->tracks[1].received, 3, 0, 0, 0);
    assert_int_equal(session->received.bytes, 7 * VIDEO_BYTES + 3 * AUDIO_BYTES);
    assert_int_equal(session->tracks[0].ssrc, VIDEO_SSRC);
    assert_int_equal(session->tracks[1].ssrc, VIDEO_SSRC + 1);
    assert_int_equal(session->counts.sent, 0);
    struct truth_path paths[4];
    assert_int_equal(server_truth(world->server, paths, 4), 1);
    assert_string_equal(paths[0].key, "/live/1");
    assert_int_equal(paths[0].sessions, 1);
    assert_int_equal(paths[0].publishers, 1);
    assert_int_equal(paths[0].teardowns, 1);
    check_received(&paths[0].received, 10, 2, 1, 1);
    assert_int_equal(server_sessions(world->server), 0);
    assert_null(strstr(client->reply, "RTP-Info"));
    world_free(world);
}

/* Requests of one connection, in the order of the rows; ANNOUNCE sends SDP. */
static void test_statuses(void **state)
{
    static const struct {
        const char *method, *path, *headers;
        int status;
    } rows[] = {
        {"RECORD", "/live", "", 454},
        {"SETUP", "/live/streamid=0", RECORD_TCP(0, 1), 455}, /* nothing was announced */
        {"ANNOUNCE", "/live", "Require: x\r\n", 551},
        {"ANNOUNCE", "/live", "Content-Type: text/html\r\n", 415},
        {"ANNOUNCE", "/live?nofault=1", "", 400},
        {"ANNOUNCE", "/live", "", 200}, /* what could it be but an SDP */
        {"ANNOUNCE", "/live", "Content-Type: Application/SDP;charset=utf-8\r\n", 200},
        {"RECORD", "/live", "", 454},
        {"TEARDOWN", "/live", "", 454},
        {"SETUP", "/live/streamid=0", TCP(0, 1), 455}, /* to play */
        {"SETUP", "/live/streamid=0", "", 400},
        {"SETUP", "/live/streamid=0", "Transport: RTP/SAVP/TCP;mode=record\r\n", 461},
        {"SETUP", "/live/streamid=0", "Transport: RTP/AVP;multicast;mode=record\r\n", 461},
        {"SETUP", "/live", RECORD_TCP(0, 1), 459},
        {"SETUP", "/live/streamid=2", RECORD_TCP(0, 1), 404},
        {"SETUP", "/live/trackID=0", RECORD_TCP(0, 1), 404},
        {"SETUP", "/other/streamid=0", RECORD_TCP(0, 1), 404},
        {"SETUP", "/live/streamid=1", TCP(0, 1) RECORD_TCP(0, 1), 455},
        {"SETUP", "/live/streamid=0",
         "Transport: RTP/AVP;unicast;client_port=5000-5001,"
         "RTP/AVP/TCP;unicast;interleaved=4-5;mode=record\r\n",
         200},                                                        /* the 2nd fits */
        {"SETUP", "/live/streamid=1", RECORD_TCP(5, 6) SESSION, 400}, /* 5 is taken */
        {"SETUP", "/live/streamid=1",
         "Transport: RTP/AVP;unicast;client_port=5000-5001;mode=record\r\n" SESSION, 461},
        {"SETUP", "/live/streamid=1", RECORD_TCP(6, 7) "Session: 99\r\n", 454},
        {"SETUP", "/live/streamid=1", "Transport: RTP/AVP/TCP;mode=record\r\n" SESSION, 200},
        {"ANNOUNCE", "/live", "", 455},
        {"PLAY", "/live", SESSION, 455},
        {"PAUSE", "/live", SESSION, 455},
        {"RECORD", "/live/streamid=0", SESSION, 460},
        {"RECORD", "/other", SESSION, 404},
        {"RECORD", "/live", "Session: 99\r\n", 454},
        {"RECORD", "/live", SESSION, 200},
        {"RECORD", "/live", SESSION, 200},
        {"PLAY", "/live", SESSION, 455},
        {"ANNOUNCE", "/live", "", 455},
        {"SETUP", "/live/streamid=1", RECORD_TCP(2, 3) SESSION, 455},
        {"PAUSE", "/live", SESSION, 200},
        {"SETUP", "/live/streamid=1", RECORD_TCP(2, 3) SESSION, 200},
        {"RECORD", "/live", SESSION, 200},
        {"TEARDOWN", "/live/streamid=0", SESSION, 200}, /* as some have it */
    };
    struct world *world = world_new(2, NULL);
    struct client *client = connect_client(world, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool announces = strcmp(rows[i].method, "ANNOUNCE") == 0;
        int status = announces ? announce_as(world, client, rows[i].path, rows[i].headers, SDP)
                               : ask(world, client, rows[i].method, rows[i].path, rows[i].headers);
        if (status != rows[i].status)
            fail_msg("%zu %s %s: %d", i, rows[i].method, rows[i].path, status);
    }
    run(world, NS_PER_S);
    assert_int_equal(world->ended_count, 1);
    struct truth_path paths[4];
    assert_int_equal(server_truth(world->server, paths, 4), 1);
    assert_int_equal(paths[0].publishers, 1); /* RECORD three times is one */
    world_free(world);
}

/* PLAY's session doesn't record; nor does a reader's connection announce. */
static void test_readers_do_not_record(void **state)
{
    struct world *world = world_new(3, NULL);
    struct client *client = play(world, 0, "/live");
    assert_int_equal(ask(world, client, "RECORD", "/live", SESSION), 455);
    assert_int_equal(announce(world, client, "/live"), 455);
    assert_int_equal(ask(world, client, "OPTIONS", "/live", SESSION), 200);
    assert_non_null(strstr(client->reply, "ANNOUNCE"));
    assert_non_null(strstr(client->reply, "RECORD"));
    struct client *publisher = publish(world, 1, "/live"); /* the same path: neither minds */
    send_packets(world, publisher, 1, 25);
    assert_int_equal(ask(world, publisher, "TEARDOWN", "/live", SESSION), 200);
    assert_int_equal(ask(world, client, "TEARDOWN", "/live", SESSION), 200);
    run(world, NS_PER_S);
    check_received(&world->ended[0].received, 25, 0, 0, 0);
    check_truth(world, client, 1);
    assert_false(world->ended[1].publisher);
    assert_int_equal(world->ended[1].received.packets, 0);
    world_free(world);
}

/* A publisher's words and frames, cut at every length: each packet counts once. */
static void test_splits(void **state)
{
    static char words[6000];
    struct text text = text_init(words, sizeof(words));
    uint8_t frame[300];
    text_printf(&text,
                "ANNOUNCE " BASE "/live RTSP/1.0\r\nCSeq: 1\r\nContent-Length: %zu\r\n\r\n" SDP
                "SETUP " BASE "/live/streamid=0 RTSP/1.0\r\nCSeq: 2\r\n" RECORD_TCP(
                    0, 1) "\r\n"
                          "SETUP " BASE "/live/streamid=1 RTSP/1.0\r\nCSeq: 3\r\n" RECORD_TCP(
                              2, 3) "\r\n"
                                    "RECORD " BASE "/live RTSP/1.0\r\nCSeq: 4\r\n\r\n",
                sizeof(SDP) - 1);
    for (unsigned n = 0; n < 6; n++) {
        size_t len = make_packet(frame, n % 2, n + n / 4); /* 0 2 5 and 1 3 6: 1, 3, 4; 2, 4, 5 */
        text_add(&text, slice_make(frame, 4 + len));
        if (n == 3)
            text_add_string(&text, "OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n\r\n");
    }
    text_add_string(&text, "TEARDOWN " BASE "/live RTSP/1.0\r\nCSeq: 6\r\n\r\n");
    text_add(&text, slice_make(frame, make_packet(frame, 0, 7) + 4)); /* too late */
    assert_false(text.overflow);
    for (size_t piece = 1; piece <= text.len; piece = piece < 260 ? piece + 1 : piece * 2) {
        struct world *world = world_new(piece, NULL);
        struct client *client = connect_client(world, 0);
        for (size_t at = 0; at < text.len; at += piece) {
            struct iovec part = {words + at, text.len - at < piece ? text.len - at : piece};
            loop_send(world->loop, client->socket, &part, 1);
            step(world, sim_now(world->sim) + NS_PER_MS);
        }
        run(world, NS_PER_S);
        assert_int_equal(client->replies, 6);
        assert_int_equal(client->status, 200);
        assert_int_equal(world->ended_count, 1);
        check_received(&world->ended[0].tracks[0].received, 3, 3, 0, 0);
        check_received(&world->ended[0].tracks[1].received, 3, 3, 0, 0);
        assert_int_equal(world->ended[0].received.bytes, 3 * (VIDEO_BYTES + AUDIO_BYTES));
        world_free(world);
    }
}

/* Media counts from SETUP's reply on; before it, and on channels that nobody set up, it doesn't. */
static void test_odd_frames(void **state)
{
    static const char odd[] = "$\0\0\13\200\140\0\1\0\0\0\1\0\0\0"    /* 11 bytes */
                              "$\0\0\0"                               /* none */
                              "$\0\0\1\200"                           /* one */
                              "$\0\0\14\100\140\0\1\0\0\0\1\0\0\0\1"  /* version 1 */
                              "$\0\0\14\217\140\0\1\0\0\0\1\0\0\0\1"  /* 15 CSRCs */
                              "$\11\0\14\200\140\0\1\0\0\0\1\0\0\0\1" /* channel 9 */
                              "$\1\0\5\200\310\0\1\0"                 /* RTCP cut off */
                              "$\1\0\14\200\140\0\1\0\0\0\1\0\0\0\1"  /* RTP on RTCP's channel */
                              "$\0\0\14\200\311\0\1\0\0\0\1\0\0\0\1"; /* the other way round */
    struct world *world = world_new(4, NULL);
    struct client *client = connect_client(world, 0);
    send_packet(world, client, 0, 1);
    assert_int_equal(announce(world, client, "/live"), 200);
    send_packet(world, client, 0, 2);
    assert_int_equal(ask(world, client, "SETUP", "/live/streamid=0", RECORD_TCP(0, 1)), 200);
    send_packet(world, client, 0, 3);
    assert_int_equal(ask(world, client, "RECORD", "/live", SESSION), 200);
    send_packet(world, client, 0, 4);
    say(world, client, odd, sizeof(odd) - 1);
    send_packet(world, client, 1, 5); /* the track that wasn't set up */
    assert_int_equal(ask(world, client, "PAUSE", "/live", SESSION), 200);
    send_packet(world, client, 0, 5);
    assert_int_equal(ask(world, client, "TEARDOWN", "/live", SESSION), 200);
    run(world, NS_PER_S);
    check_received(&world->ended[0].received, 3, 0, 0, 0); /* 3, 4, 5 */
    assert_int_equal(world->ended[0].track_count, 1);
    world_free(world);
}

static const char *many_media(char *room, size_t size, unsigned count)
{
    struct text text = text_init(room, size);
    text_add_string(&text, "v=0\r\n");
    for (unsigned i = 0; i < count; i++)
        text_add_string(&text, "m=video 0 RTP/AVP 96\r\n");
    return text_string(&text);
}

static void test_odd_descriptions(void **state)
{
    static char room[30000], request[32000];
    struct world *world = world_new(5, NULL);
    struct client *client = connect_client(world, 0);
    assert_int_equal(announce_as(world, client, "/live", "", ""), 400);
    assert_int_equal(announce_as(world, client, "/live", "", "garbage"), 400);
    assert_int_equal(announce_as(world, client, "/live", "", "v=0\r\ns=x\r\n"), 400);
    assert_int_equal(announce_as(world, client, "/live", "", many_media(room, sizeof(room), 3)),
                     400);
    assert_non_null(strstr(client->reply, "more than two tracks"));
    assert_int_equal(ask(world, client, "SETUP", "/live/streamid=0", RECORD_TCP(0, 1)), 455);
    /* A control that names no track of two; of one it needs no name. */
    assert_int_equal(announce_as(world, client, "/live", "", many_media(room, sizeof(room), 1)),
                     200);
    assert_int_equal(ask(world, client, "SETUP", "/live", RECORD_TCP(0, 1)), 200);
    const char *sdp = many_media(room, sizeof(room), 1000);
    int len =
        snprintf(request, sizeof(request),
                 "ANNOUNCE " BASE "/live RTSP/1.0\r\nCSeq: 1\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(sdp), sdp);
    client = connect_client(world, 1);
    say(world, client, request, (size_t)len);
    run(world, NS_PER_S);
    assert_true(client->status == 400 || client->status == 413); /* in one read, or in several */
    world_free(world);
}

static uint32_t word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* A frame each 40 ms, the third 8 ms late; 20 lost; a sender report after 4 s. At 5 s and 10 s
   reports come back (RFC 3550, 6.4.2). */
static void test_receiver_reports(void **state)
{
    char bytes[64];
    struct text text = text_init(bytes, sizeof(bytes));
    struct rtcp sender = {.ssrc = VIDEO_SSRC, .ntp = UINT64_C(0x1122334455667788)};
    struct world *world = world_new(6, NULL);
    struct client *client = publish(world, 0, "/live");
    uint64_t start_ns = sim_now(world->sim);
    send_packets(world, client, 1, 2);
    run(world, 8 * NS_PER_MS);
    send_packet(world, client, 0, 3);
    run(world, 32 * NS_PER_MS);
    send_packets(world, client, 4, 49);
    run(world, 20 * 40 * NS_PER_MS);
    send_packets(world, client, 70, 119);
    text_add_string(&text, "$\1");
    text_add(&text, slice_make("\0\34", 2));
    rtcp_write_sr(&text, &sender);
    say(world, client, bytes, text.len);
    uint64_t sent_ns = sim_now(world->sim);
    assert_int_equal(client->receiver_reports, 0);
    run(world, 5100 * NS_PER_MS - (sent_ns - start_ns));
    assert_int_equal(client->receiver_reports, 2); /* one a track */
    const uint8_t *report = client->receiver_report[0];
    assert_int_equal(report[0], 0x81);
    assert_int_equal(word(report + 8), VIDEO_SSRC);
    assert_int_equal(report[12], 43); /* 20 * 256 / 119 */
    assert_int_equal(word(report + 12) & 0xffffff, 20);
    assert_int_equal(word(report + 16), 119);
    assert_in_range(word(report + 20), 0, 20); /* 720 units, 8 ms, twice at the start, then none */
    assert_int_equal(word(report + 24), 0x33445566);
    uint64_t delay_ns = start_ns + 5 * NS_PER_S - sent_ns;
    assert_in_range(word(report + 28), delay_ns * 65536 / NS_PER_S - 200,
                    delay_ns * 65536 / NS_PER_S + 200); /* 3 ms */
    assert_int_equal(report[33], 202);
    assert_int_equal(client->receiver_report[1][0], 0x80); /* of nothing: no block */
    send_packets(world, client, 120, 129);
    run(world, 5 * NS_PER_S);
    assert_int_equal(client->receiver_reports, 4);
    assert_int_equal(report[12], 0);
    assert_int_equal(word(report + 12) & 0xffffff, 20);
    assert_int_equal(word(report + 16), 129);
    world_free(world);
}

/* The jitter of a report right after one frame that is 8 ms late: 720 / 16. */
static void short_reports(struct server_config *config)
{
    config->report_ns = 100 * NS_PER_MS;
}

static void test_jitter_goes_back(void **state)
{
    struct world *world = world_new(7, short_reports);
    struct client *client = publish(world, 0, "/live");
    send_packets(world, client, 1, 2);
    run(world, 8 * NS_PER_MS);
    send_packet(world, client, 0, 3);
    run(world, 20 * NS_PER_MS);
    assert_int_equal(client->receiver_reports, 2);
    assert_int_equal(word(client->receiver_report[0] + 20), 45);
    world_free(world);
}

struct udp_publisher {
    struct client *client;
    struct address to; /* the server's RTP port */
};

static struct udp_publisher publish_udp(struct world *world, unsigned number, const char *path)
{
    struct udp_publisher publisher = {.client = connect_client(world, number)};
    struct client *client = publisher.client;
    char url[300], transport[200];
    unsigned port;
    open_ports(world, client, number);
    assert_int_equal(announce(world, client, path), 200);
    for (unsigned i = 0; i < 2; i++) {
        unsigned own = 20000 + 4 * number + 2 * i;
        snprintf(url, sizeof(url), "%s/streamid=%u", path, i);
        snprintf(transport, sizeof(transport),
                 "Transport: RTP/AVP;unicast;client_port=%u-%u;mode=record\r\n%s", own, own + 1,
                 i > 0 ? SESSION : "");
        assert_int_equal(ask(world, client, "SETUP", url, transport), 200);
    }
    assert_int_equal(sscanf(strstr(client->reply, "server_port="), "server_port=%u", &port), 1);
    assert_true(address_parse(SLICE(HOST), (uint16_t)port, &publisher.to));
    assert_int_equal(ask(world, client, "RECORD", path, SESSION), 200);
    return publisher;
}

/* From the client's RTP socket of that track, or from another's. */
static void send_datagram(struct world *world, const struct udp_publisher *publisher,
                          loop_socket from, unsigned track, unsigned sequence)
{
    uint8_t frame[300];
    size_t len = make_packet(frame, track, sequence);
    assert_int_equal(
        loop_send_to(world->loop, from, &publisher->to, slice_make(frame + 4, len), (uint32_t)len),
        0);
}

static void test_udp(void **state)
{
    static const unsigned sequences[] = {65530, 65533, 65531, 65535, 65535, 2, 3};
    struct world *world = world_new(8, NULL);
    struct udp_publisher publisher = publish_udp(world, 0, "/live");
    struct udp_publisher other = publish_udp(world, 1, "/live");
    struct client *stranger = connect_client(world, 2);
    open_ports(world, stranger, 2);
    for (size_t i = 0; i < 7; i++)
        send_datagram(world, &publisher, publisher.client->udp[0], 0, sequences[i]);
    for (unsigned n = 1; n <= 4; n++) {
        send_datagram(world, &publisher, publisher.client->udp[2], 1, n);
        send_datagram(world, &other, other.client->udp[0], 0, n);
        send_datagram(world, &publisher, stranger->udp[0], 0, 100 + n);         /* whose? */
        send_datagram(world, &publisher, publisher.client->udp[1], 0, 200 + n); /* RTCP's port */
    }
    uint8_t three[3 * 300]; /* in one call, and one event */
    for (unsigned n = 0; n < 3; n++)
        make_packet(three + n * VIDEO_BYTES, 0, 5 + n); /* the frame's header is written over */
    loop_send_to(world->loop, other.client->udp[0], &other.to,
                 slice_make(three + 4, 3 * VIDEO_BYTES), VIDEO_BYTES);
    struct slice odd = SLICE("\200\140\0\1\0\0\0\1\0\0\0");
    loop_send_to(world->loop, publisher.client->udp[0], &publisher.to, odd, (uint32_t)odd.len);
    run(world, 6 * NS_PER_S);
    assert_int_equal(publisher.client->receiver_reports, 2);
    assert_int_equal(word(publisher.client->receiver_report[0] + 8), VIDEO_SSRC);
    /* 65530 to 65536 + 3 are 10 numbers, of which 6 came; 7 packets counting the copy */
    assert_int_equal(word(publisher.client->receiver_report[0] + 12) & 0xffffff, 3);
    assert_int_equal(word(publisher.client->receiver_report[0] + 16), 65536 + 3);
    assert_int_equal(ask(world, publisher.client, "TEARDOWN", "/live", SESSION), 200);
    run(world, NS_PER_S);
    assert_int_equal(ask(world, other.client, "TEARDOWN", "/live", SESSION), 200);
    run(world, NS_PER_S);
    assert_string_equal(world->ended[0].transport, "udp");
    check_received(&world->ended[0].tracks[0].received, 7, 4, 1, 1);
    check_received(&world->ended[0].tracks[1].received, 4, 0, 0, 0);
    check_received(&world->ended[1].received, 7, 0, 0, 0);
    world_free(world);
}

/* Datagrams take up to 60 ms, and TEARDOWN may overtake them: they count, also when the client
   closes or resets the connection as soon as it has its answer. */
static void test_teardown_overtakes(void **state)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world *world = world_new(seed, NULL);
        struct udp_publisher publisher = publish_udp(world, 0, "/live");
        struct sim_faults faults = {.latency_jitter_ns = 60 * NS_PER_MS};
        sim_set_faults(world->sim, &faults);
        for (unsigned n = 1; n <= 100; n++)
            send_datagram(world, &publisher, publisher.client->udp[0], 0, n);
        faults.latency_jitter_ns = 0;
        sim_set_faults(world->sim, &faults);
        uint64_t start_ns = sim_now(world->sim);
        assert_int_equal(ask(world, publisher.client, "TEARDOWN", "/live", SESSION), 200);
        assert_true(sim_now(world->sim) < start_ns + 10 * NS_PER_MS); /* the answer doesn't wait */
        assert_int_equal(world->ended_count, 0);
        if (seed % 3 > 0)
            loop_close(world->loop, publisher.client->socket, seed % 3 == 2);
        run(world, 3 * NS_PER_S);
        assert_int_equal(world->ended_count, 1);
        assert_string_equal(world->ended_how[0], "teardown");
        assert_int_equal(world->ended[0].received.packets, 100);
        assert_int_equal(world->ended[0].received.lost, 0);
        assert_int_equal(server_sessions(world->server), 0);
        world_free(world);
    }
}

static void short_timeout(struct server_config *config)
{
    config->session_timeout_ns = 10 * NS_PER_S;
}

/* Media is a sign of life, by TCP and by both ports of UDP. */
static void test_timeout(void **state)
{
    static const char report[] = "\200\311\0\1\0\0\0\1";
    struct world *world = world_new(9, short_timeout);
    struct client *silent = publish(world, 0, "/live");
    struct client *framed = publish(world, 1, "/live");
    struct udp_publisher media = publish_udp(world, 2, "/live");
    struct udp_publisher reports = publish_udp(world, 3, "/live");
    struct udp_publisher mute = publish_udp(world, 4, "/live");
    struct address to = reports.to;
    address_set_port(&to, (uint16_t)(address_port(&to) + 1));
    for (unsigned n = 0; n < 6; n++) {
        run(world, 8 * NS_PER_S);
        send_packet(world, framed, 0, n);
        send_datagram(world, &media, media.client->udp[2], 1, n);
        loop_send_to(world->loop, reports.client->udp[1], &to, slice_make(report, 8), 8);
    }
    assert_true(silent->eof && mute.client->eof);
    assert_false(framed->eof || media.client->eof || reports.client->eof);
    assert_int_equal(world->ended_count, 2);
    assert_string_equal(world->ended_how[0], "timeout");
    world_free(world);
}

/* stall=4s/6s: from 2 s to 6 s nothing is read, and silence of our making is no timeout. */
static void test_stall(void **state)
{
    static const char *const path = "/live?stall=4s/6s&session_timeout=3s";
    struct world *world = world_new(10, NULL);
    struct client *client = publish(world, 0, path);
    uint64_t start_ns = sim_now(world->sim);
    run(world, 1500 * NS_PER_MS);
    send_packet(world, client, 0, 1);
    assert_int_equal(ask(world, client, "OPTIONS", path, SESSION), 200);
    assert_in_range(sim_now(world->sim) - start_ns, 1500 * NS_PER_MS, 1510 * NS_PER_MS);
    run(world, 1000 * NS_PER_MS);
    send_packet(world, client, 0, 2);
    assert_int_equal(ask(world, client, "OPTIONS", path, SESSION), 200);
    assert_in_range(sim_now(world->sim) - start_ns, 6000 * NS_PER_MS, 6010 * NS_PER_MS);
    run(world, 2500 * NS_PER_MS);
    assert_int_equal(ask(world, client, "TEARDOWN", path, SESSION), 200);
    assert_in_range(sim_now(world->sim) - start_ns, 12000 * NS_PER_MS, 12010 * NS_PER_MS);
    run(world, NS_PER_S);
    check_received(&world->ended[0].received, 2, 0, 0, 0);
    world_free(world);
}

/* Nor do media put it off that the server reads before it looks at the clock: it was stopped at
   that moment. */
static void test_stall_under_media(void **state)
{
    static const char *const path = "/live?stall=4s/6s";
    struct world *world = world_new(10, NULL);
    struct client *client = publish(world, 0, path);
    uint64_t start_ns = sim_now(world->sim);
    struct address server;
    assert_true(address_parse(SLICE(HOST), PORT, &server));
    run(world, 1990 * NS_PER_MS);
    sim_freeze(world->sim, &server, true);
    send_packet(world, client, 0, 1);
    run(world, 20 * NS_PER_MS);
    sim_freeze(world->sim, &server, false);
    run(world, 10 * NS_PER_MS);
    assert_int_equal(ask(world, client, "OPTIONS", path, SESSION), 200);
    assert_in_range(sim_now(world->sim) - start_ns, 6000 * NS_PER_MS, 6010 * NS_PER_MS);
    world_free(world);
}

static void test_ending_faults(void **state)
{
    struct world *world = world_new(11, NULL);
    struct client *reset = publish(world, 0, "/live?reset_after=5s");
    struct client *closed = publish(world, 1, "/live?close_after=3s");
    run(world, 2900 * NS_PER_MS);
    assert_false(reset->broken || closed->eof);
    run(world, 200 * NS_PER_MS);
    assert_true(closed->eof && !closed->broken);
    run(world, 1800 * NS_PER_MS);
    assert_false(reset->broken);
    run(world, 200 * NS_PER_MS);
    assert_true(reset->broken && !reset->eof);
    assert_string_equal(world->ended_how[0], "fault");
    world_free(world);
}

static void test_refusing_faults(void **state)
{
    struct world *world = world_new(12, NULL);
    struct client *client = connect_client(world, 0);
    assert_int_equal(announce(world, client, "/live?status=403"), 403);
    assert_int_equal(announce(world, client, "/live?mute=announce"), 0);
    assert_int_equal(announce(world, client, "/live?mute=record"), 200);
    assert_int_equal(ask(world, client, "SETUP", "/live?mute=record/streamid=0", RECORD_TCP(0, 1)),
                     200);
    assert_int_equal(ask(world, client, "RECORD", "/live?mute=record", SESSION), 0);
    publish(world, 1, "/live?max_sessions=1");
    client = connect_client(world, 2);
    assert_int_equal(announce(world, client, "/live?max_sessions=1"), 200);
    assert_int_equal(
        ask(world, client, "SETUP", "/live?max_sessions=1/streamid=0", RECORD_TCP(0, 1)), 453);
    world_free(world);
}

/* A TEARDOWN that is never answered ends the session all the same, and what was announced. */
static void test_mute_teardown(void **state)
{
    struct world *world = world_new(13, NULL);
    struct client *client = publish(world, 0, "/live?mute=teardown");
    send_packet(world, client, 0, 1);
    assert_int_equal(ask(world, client, "TEARDOWN", "/live?mute=teardown", SESSION), 0);
    send_packet(world, client, 0, 2);
    assert_int_equal(
        ask(world, client, "SETUP", "/live/streamid=0?mute=teardown", RECORD_TCP(0, 1)), 455);
    check_received(&world->ended[0].received, 1, 0, 0, 0);
    world_free(world);
}

static void with_digest(struct server_config *config)
{
    config->auth = AUTH_DIGEST;
    config->credentials = (struct auth_credentials){SLICE("bob"), SLICE("s3cret")};
}

static void test_digest(void **state)
{
    struct world *world = world_new(14, with_digest);
    struct client *client = connect_client(world, 0);
    assert_int_equal(announce(world, client, "/live"), 401);
    assert_int_equal(ask(world, client, "RECORD", "/live", ""), 401);
    world_free(world);
}

/* Connections that break off at any point of publishing give back all that they held. */
static void test_records_are_given_back(void **state)
{
    struct world *world = world_new(15, NULL);
    for (unsigned round = 0; round < 100; round++) { /* of 32 connections */
        struct client *client = connect_client(world, 0);
        assert_int_equal(announce(world, client, "/live"), 200);
        if (round % 3 > 0)
            assert_int_equal(ask(world, client, "SETUP", "/live/streamid=0", RECORD_TCP(0, 1)),
                             200);
        if (round % 3 > 1)
            assert_int_equal(ask(world, client, "RECORD", "/live", SESSION), 200);
        loop_close(world->loop, client->socket, round % 2 == 0);
        run(world, 10 * NS_PER_MS);
        memset(client, 0, sizeof(*client));
        world->ended_count = 0;
    }
    assert_int_equal(server_sessions(world->server), 0);
    struct truth_path paths[4];
    assert_int_equal(server_truth(world->server, paths, 4), 1);
    assert_int_equal(paths[0].sessions, 66);
    assert_int_equal(paths[0].publishers, 33);
    world_free(world);
}

/* A publisher's conversation with bytes changed and cut out: the server answers or hangs up, and
   goes on taking others. */
static void test_noise(void **state)
{
    static char words[4000];
    struct text text = text_init(words, sizeof(words));
    uint8_t frame[300];
    text_printf(&text,
                "ANNOUNCE " BASE "/live RTSP/1.0\r\nCSeq: 1\r\nContent-Length: %zu\r\n\r\n" SDP
                "SETUP " BASE "/live/streamid=0 RTSP/1.0\r\nCSeq: 2\r\n"
                "Transport: RTP/AVP/TCP;interleaved=0-1;mode=record\r\n\r\n"
                "RECORD " BASE "/live RTSP/1.0\r\nCSeq: 3\r\n\r\n",
                sizeof(SDP) - 1);
    for (unsigned n = 0; n < 4; n++)
        text_add(&text, slice_make(frame, make_packet(frame, 0, n) + 4));
    text_add_string(&text, "PAUSE " BASE "/live RTSP/1.0\r\nCSeq: 4\r\n\r\n"
                           "RECORD " BASE "/live RTSP/1.0\r\nCSeq: 5\r\n\r\n"
                           "TEARDOWN " BASE "/live RTSP/1.0\r\nCSeq: 6\r\n\r\n");
    struct world *world = world_new(16, NULL);
    struct rng rng = rng_init(16, 0, 0);
    for (unsigned round = 0; round < 2000; round++) {
        char noisy[sizeof(words)];
        size_t len = text.len;
        memcpy(noisy, words, len);
        for (uint64_t changes = rng_below(&rng, 4); changes > 0; changes--) {
            size_t at = (size_t)rng_below(&rng, len);
            size_t cut = rng_below(&rng, 3) == 0 ? (size_t)rng_below(&rng, (len - at) / 4 + 1) : 0;
            noisy[at] = (char)rng_next(&rng);
            memmove(noisy + at, noisy + at + cut, len - at - cut);
            len -= cut;
        }
        struct client *client = connect_client(world, 0);
        for (size_t at = 0, n; at < len; at += n) {
            n = 1 + (size_t)rng_below(&rng, len - at);
            struct iovec part = {noisy + at, n};
            loop_send(world->loop, client->socket, &part, 1);
            step(world, sim_now(world->sim) + 100 * NS_PER_US);
        }
        run(world, rng_below(&rng, 20) * NS_PER_MS);
        loop_close(world->loop, client->socket, round % 2 == 0);
        run(world, 10 * NS_PER_MS);
        memset(client, 0, sizeof(*client));
        world->ended_count = 0;
    }
    assert_int_equal(server_sessions(world->server), 0);
    struct client *client = publish(world, 1, "/quiet");
    send_packets(world, client, 1, 10);
    assert_int_equal(ask(world, client, "TEARDOWN", "/quiet", SESSION), 200);
    run(world, NS_PER_S);
    check_received(&world->ended[0].received, 10, 0, 0, 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_session),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_readers_do_not_record),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_odd_frames),
        cmocka_unit_test(test_odd_descriptions),
        cmocka_unit_test(test_receiver_reports),
        cmocka_unit_test(test_jitter_goes_back),
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_teardown_overtakes),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_stall),
        cmocka_unit_test(test_stall_under_media),
        cmocka_unit_test(test_ending_faults),
        cmocka_unit_test(test_refusing_faults),
        cmocka_unit_test(test_mute_teardown),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_records_are_given_back),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
