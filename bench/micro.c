/* micro.c - the parsers by themselves: bench-micro NAME ROUNDS runs one over its input ROUNDS times
 * and prints {"items", "ns"} in all. Under callgrind the difference of two counts of rounds is
 * exact. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/receiver.h"
#include "proto/interleaved.h"
#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "proto/rtsp.h"
#include "proto/sdp.h"
#include "proto/transport.h"

#define PACKETS 13u /* of 1,254 bytes with their prefix: about a read of 16 KiB */
#define PACKET_BYTES 1250u

struct bench {
    const char *name;
    uint64_t (*run)(void); /* one round; items done */
};

static uint8_t packets[PACKETS][4 + PACKET_BYTES];
static uint16_t sequence;
static struct receiver receiver = {.clock_rate = 90000};
static struct rtp_counts counts;

/* A read's worth of a stream in order, a frame a round. */
static void next_packets(void)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        uint8_t *to = packets[i];
        uint8_t head[] = {'$', 0, PACKET_BYTES >> 8, PACKET_BYTES & 255, 0x80, 96};
        memcpy(to, head, sizeof(head));
        to[6] = (uint8_t)(sequence >> 8);
        to[7] = (uint8_t)sequence++;
    }
}

static uint64_t make_only(void)
{
    next_packets();
    return PACKETS;
}

/* Splits the stream and parses the headers. */
static uint64_t run_parse(void)
{
    struct interleaved split = {0};
    struct slice input = slice_make(packets, sizeof(packets)), piece;
    struct rtp packet;
    uint64_t done = 0;
    next_packets();
    while (interleaved_next(&split, &input, &piece) == INTERLEAVED_PAYLOAD)
        done += rtp_parse(piece, &packet) == RTP_OK && packet.payload_type == 96;
    assert(done == PACKETS);
    return done;
}

/* The same, and counts: sequence, loss, order. */
static uint64_t run_packet(void)
{
    struct interleaved split = {0};
    struct slice input = slice_make(packets, sizeof(packets)), piece;
    struct receiver_arrival arrival = {.arrival_ns = 1000, .now_ms = 1, .counts = &counts};
    struct rtp packet;
    uint64_t done = 0;
    next_packets();
    while (interleaved_next(&split, &input, &piece) == INTERLEAVED_PAYLOAD) {
        if (rtp_parse(piece, &packet) == RTP_OK)
            done += receiver_on_packet(&receiver, &packet, &arrival) == RECEIVER_IN_ORDER;
    }
    assert(done == PACKETS);
    return done;
}

static uint64_t run_rtp(void)
{
    struct rtp packet;
    enum rtp_result result = rtp_parse(slice_make(packets[0] + 4, PACKET_BYTES), &packet);
    assert(result == RTP_OK);
    return 1;
}

static uint64_t run_rtcp(void)
{
    static char room[256];
    static struct text compound;
    struct rtcp one;
    if (compound.len == 0) {
        compound = text_init(room, sizeof(room));
        rtcp_write_sr(&compound, &(struct rtcp){.type = RTCP_SR, .ssrc = 1});
        rtcp_write_sdes(&compound, 1, SLICE("rtspbench"));
    }
    struct slice rest = text_slice(&compound);
    unsigned n = 0;
    while (rtcp_next(&rest, &one) == RTCP_OK)
        n++;
    assert(n == 2);
    return 1;
}

static uint64_t run_reply(void)
{
    static const char reply[] = "RTSP/1.0 200 OK\r\nCSeq: 3\r\nServer: rtspbench\r\n"
                                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: "
                                "ae17ebc6516ba681;timeout=60\r\n\r\n";
    struct rtsp_message message;
    enum rtsp_result result = rtsp_parse(slice_make(reply, sizeof(reply) - 1), &message);
    assert(result == RTSP_DONE);
    return 1;
}

static uint64_t run_transport(void)
{
    static const struct slice value = SLICE("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=12345678");
    struct transport transport;
    enum transport_result result = transport_parse(value, &transport);
    assert(result == TRANSPORT_OK);
    return 1;
}

static uint64_t run_sdp(void)
{
    static const char text[] =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 "
        "0\r\na=control:*\r\n"
        "m=video 0 RTP/AVP 96\r\nb=AS:2000\r\na=rtpmap:96 H264/90000\r\n"
        "a=fmtp:96 "
        "packetization-mode=1;profile-level-id=42c01f;sprop-parameter-sets=Z0LAH9oBQBbo,aM48gA=="
        "\r\n"
        "a=control:trackID=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\n"
        "a=fmtp:97 "
        "streamtype=5;mode=AAC-hbr;config=1210;sizeLength=13;indexLength=3;indexDeltaLength=3\r\n"
        "a=control:trackID=1\r\n";
    static struct sdp sdp;
    enum sdp_result result = sdp_parse(slice_make(text, sizeof(text) - 1), &sdp);
    assert(result == SDP_OK && sdp.media_count == 2);
    return 1;
}

static const struct bench benches[] = {
    {"make", make_only}, /* what the next two spend on making its input */
    {"parse", run_parse},         {"packet", run_packet}, {"rtp", run_rtp},
    {"rtcp", run_rtcp},           {"reply", run_reply},   {"sdp", run_sdp},
    {"transport", run_transport},
};

int main(int argc, char **argv)
{
    uint64_t rounds = argc == 3 ? strtoull(argv[2], NULL, 10) : 0, items = 0;
    next_packets();
    for (size_t i = 0; rounds > 0 && i < sizeof(benches) / sizeof(benches[0]); i++) {
        if (strcmp(benches[i].name, argv[1]) != 0)
            continue;
        uint64_t before_ns = clock_thread_cpu_ns();
        for (uint64_t n = 0; n < rounds; n++)
            items += benches[i].run();
        printf("{\"items\": %llu, \"ns\": %llu}\n", (unsigned long long)items,
               (unsigned long long)(clock_thread_cpu_ns() - before_ns));
        return 0;
    }
    fputs("usage: bench-micro make|parse|packet|rtp|rtcp|reply|sdp|transport ROUNDS\n", stderr);
    return 2;
}
