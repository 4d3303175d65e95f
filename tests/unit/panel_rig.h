/* panel_rig.h - a panel of up to three readers of one stream, and the packets to feed it. */
#pragma once

#include "test.h"

#include "base/clock.h"
#include "client/panel.h"
#include "proto/rtcp.h"

/* When streams begin (monotonic); and what UTC is more, in whole seconds so that NTP stamps are
 * exact. */
#define T0 (100 * NS_PER_S)
#define UNIX_MINUS_MONOTONIC (1700000000 * NS_PER_S)
#define MS NS_PER_MS

static struct stats *stats;
static struct panel_shard shard;
static struct panel_session sessions[3];

static inline int set_up(void **state)
{
    stats = stats_new(1);
    return stats ? panel_shard_init(&shard, stats, 1) : -1;
}

static inline int tear_down(void **state)
{
    panel_shard_dispose(&shard);
    stats_free(stats);
    return 0;
}

/* One session, counted from nothing. */
static inline struct panel_session *begin(void)
{
    tear_down(NULL);
    set_up(NULL);
    panel_session_init(&shard, &sessions[0], 0);
    return &sessions[0];
}

/* What the last packet made points to: change it before passing that on. */
static struct rtp rtp;

/* A packet in order of H.264 at 90 kHz that starts and ends its frame. */
static inline struct panel_packet video(uint32_t sequence, uint32_t timestamp, uint64_t at_ns)
{
    rtp = (struct rtp){
        .marker = true, .sequence = (uint16_t)sequence, .timestamp = timestamp, .ssrc = 7};
    return (struct panel_packet){
        .rtp = &rtp,
        .sequence = sequence,
        .bytes = 1012,
        .marks = CODEC_FRAME_START,
        .arrival_ns = at_ns,
        .unix_arrival_ns = at_ns + UNIX_MINUS_MONOTONIC,
        .clock_rate = 90000,
        .codec = CODEC_H264,
        .kind = MEDIA_VIDEO,
    };
}

static inline struct panel_packet audio(uint32_t sequence, uint32_t timestamp, uint64_t at_ns)
{
    struct panel_packet packet = video(sequence, timestamp, at_ns);
    packet.clock_rate = 48000;
    packet.codec = CODEC_OPUS;
    packet.kind = MEDIA_AUDIO;
    return packet;
}

/* Video goes to track 0, audio to track 1. */
static inline void pass(struct panel_session *session, struct panel_packet packet)
{
    panel_on_packet(&shard, session, packet.kind == MEDIA_AUDIO, &packet);
}

static inline const struct histogram *metric(enum metric name)
{
    return &stats->metrics[name];
}
