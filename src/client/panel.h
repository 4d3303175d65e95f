/* panel.h - what is looked at in depth for a sample of sessions: frames, freezes, stalls, latency,
 * pace, MDI, and how readers of one stream differ.
 *
 * Nothing is allocated after panel_shard_init; a session's part is a record that the caller pools.
 * Results go to shard->stats: panel_counts and the METRIC_PANEL_* histograms. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/panel_decoding.h"
#include "client/panel_frames.h"
#include "client/panel_latency.h"
#include "client/panel_mdi.h"
#include "client/panel_pace.h"
#include "client/panel_playout.h"
#include "client/panel_readers.h"
#include "proto/codec.h"
#include "proto/rtp.h"
#include "stats/stats.h"

#define PANEL_TRACKS                                                                               \
    2u /* a session's tracks beyond these are not looked at: callers may pass them */

struct panel_stream {
    struct panel_readers tracks[PANEL_TRACKS];
};

struct panel_shard {
    struct stats *stats; /* the caller's, which may exchange it between calls */
    struct panel_stream *streams;
    uint32_t stream_count;
    uint32_t readers; /* begun so far */
};

/* streams: URLs whose readers are compared, 9.3 KB each once one is read. 0 or -ENOMEM. */
int panel_shard_init(struct panel_shard *shard, struct stats *stats, uint32_t streams);
void panel_shard_dispose(struct panel_shard *shard);

struct panel_track {
    struct panel_frames frames;
    struct panel_playout playout;
    struct panel_latency latency;
    struct panel_pace pace;
    struct panel_mdi mdi;
    struct panel_decoding decoding;
    struct panel_decoding_frame begun; /* the newest frame */
    struct panel_reader reader;
    uint64_t first_ns, last_ns; /* arrivals */
    uint64_t bytes;
    int64_t keyframe_ticks; /* RTP time from keyframe to keyframe, added up */
    uint32_t keyframe_steps;
    uint32_t keyframe_timestamp;
    uint32_t keyframes;
    uint32_t timestamp; /* of the newest frame */
    uint32_t last;      /* extended sequence number, the highest */
    uint32_t clock_rate;
    uint32_t stream; /* the session's */
    enum codec codec : 8;
    enum media_kind kind : 8;
    bool has_keyframe; /* keyframe_timestamp is set */
    bool seen;         /* has ever had a packet */
    bool started;      /* has had one since the last restart */
};

struct panel_session {
    struct panel_track tracks[PANEL_TRACKS];
    uint32_t stream;
    int64_t transit_base_ns;
};

enum panel_order {
    PANEL_IN_ORDER,  /* newer than all before it, after a gap or not */
    PANEL_REORDERED, /* was missing */
    PANEL_LATE,      /* was missing, and had been given up */
    PANEL_DUPLICATE,
};

struct panel_packet {
    const struct rtp *rtp;
    uint32_t sequence; /* extended to 32 bits; may start anywhere, and start over in order */
    uint32_t bytes;    /* of the whole RTP packet, of which rtp may show only the start */
    unsigned marks; /* of codec_marks, without CODEC_DAMAGED when the payload was cut by a read */
    uint64_t arrival_ns;      /* monotonic */
    uint64_t unix_arrival_ns; /* the same moment in UTC */
    uint32_t clock_rate;      /* Hz; 0: unknown, then only frames and freezes are judged */
    uint32_t declared_bps;    /* b= of the SDP; 0: none */
    enum codec codec;
    enum media_kind kind;
    enum panel_order order;
};

/* Begins anew with whatever record (used before, or zeroed), and counts a panel session. stream is
   the URL's index; one beyond the shard's streams is compared with nobody. */
void panel_session_init(struct panel_shard *shard, struct panel_session *session, uint32_t stream);

/* Every RTP packet of a track. Frames, freezes and stalls are judged on video tracks only; latency,
   pace and MDI on the session's video tracks, or on track 0 while no video has come (with both, the
   audio's packets would outnumber the frames). */
void panel_on_packet(struct panel_shard *shard, struct panel_session *session, unsigned track,
                     const struct panel_packet *packet);

/* A gap opened before the packet that is passed next: count packets from first (extended) are
 * missing. */
void panel_on_gap(struct panel_shard *shard, struct panel_session *session, unsigned track,
                  uint32_t first, uint32_t count, uint64_t now_ns);

/* The sequence starts over (a new SSRC, a restart) with the packet that is passed next. */
void panel_on_restart(struct panel_shard *shard, struct panel_session *session, unsigned track);

void panel_on_sender_report(struct panel_session *session, unsigned track, uint64_t ntp,
                            uint32_t rtp_timestamp);

/* About once a second. */
void panel_on_second(struct panel_shard *shard, struct panel_session *session, uint64_t now_ns);

/* Media is no longer to be expected (TEARDOWN is sent): silence from now on is no freeze and no
   stall. What still comes is looked at otherwise. */
void panel_on_stop(struct panel_shard *shard, struct panel_session *session, uint64_t now_ns);

/* The warm-up ends: all begins anew, and counts again as a panel session, but a freeze or a stall
   that is running goes on, and counts from now. */
void panel_session_end_warmup(struct panel_shard *shard, struct panel_session *session,
                              uint64_t now_ns);

/* Settles what is open; stops at now what was not stopped before. */
void panel_session_end(struct panel_shard *shard, struct panel_session *session, uint64_t now_ns);

/* What `probe` says about a track. A value of 0 is unknown. */
struct panel_track_info {
    double frame_rate;          /* a second, by RTP time */
    double keyframe_interval_s; /* mean, by RTP time */
    double bitrate_bps;         /* RTP header and payload; over RTP time, else over arrivals */
    uint32_t keyframes;
    uint64_t lag_us;     /* of the last frame, behind the best so far (relative latency) */
    bool falling_behind; /* media ran below 0.98 of real time in the last 10 s */
    bool markers_trusted;
    enum panel_latency_source latency_source;
};

/* False when nothing came on that track. */
bool panel_track_info(const struct panel_session *session, unsigned track,
                      struct panel_track_info *info);
