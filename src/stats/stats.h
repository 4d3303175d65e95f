/* stats.h - what one shard counted in one interval. Plain numbers: added up they are the run's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stats/histogram.h"
#include "stats/misbehaviour.h"
#include "stats/reason.h"

/* All of them histograms; times in microseconds. */
enum metric {
    METRIC_CONNECT,
    METRIC_TLS,
    METRIC_OPTIONS,
    METRIC_DESCRIBE,
    METRIC_ANNOUNCE, /* publishers' */
    METRIC_SETUP,
    METRIC_PLAY,
    METRIC_RECORD, /* publishers' */
    METRIC_FIRST_RTP,
    METRIC_FIRST_KEYFRAME,
    METRIC_STARTUP, /* 3 digits, the others 2 */
    METRIC_JOIN,
    METRIC_KEEPALIVE,
    METRIC_TEARDOWN,
    METRIC_COME_BACK, /* from a drop until the session was established again */
    LATENCY_METRICS,  /* those above: latency_ms in the result, each with a count of never */
    METRIC_JITTER = LATENCY_METRICS, /* jitter_frame after each frame */
    METRIC_BITRATE,      /* bits a second, one value a session, over its time with media */
    METRIC_LOOP_LAG,     /* how late a turn came back to its nearest deadline */
    METRIC_SCHEDULE_LAG, /* how late a session was begun */
    METRIC_PANEL_LATENCY,
    METRIC_PANEL_SKEW,
    METRIC_PANEL_CROSS_READER,
    METRIC_PANEL_PACE, /* in thousandths */
    METRIC_PANEL_DF,
    METRIC_PANEL_MLR,    /* packets */
    METRIC_PUBLISH_LATE, /* from when a packet was due until it was written */
    METRIC_ROUND_TRIP,   /* as a receiver's report shows it (RFC 3550, 6.4.1) */
    METRICS
};

enum role { ROLE_READER, ROLE_PUBLISHER, ROLES };

/* What a session that isn't established yet is waiting for. */
enum wait {
    WAIT_CONNECT, /* or for its name to be resolved, or for another try */
    WAIT_OPTIONS,
    WAIT_DESCRIBE,
    WAIT_ANNOUNCE,
    WAIT_SETUP,
    WAIT_PLAY,
    WAIT_RECORD,
    WAIT_COME_BACK, /* dropped before: for anything of these, since the drop */
    WAITS
};

enum media_kind { MEDIA_VIDEO, MEDIA_AUDIO, MEDIA_OTHER, MEDIA_KINDS };

struct session_counts {
    uint64_t started;     /* first tries begun, and every coming back after a drop */
    uint64_t established; /* PLAY or RECORD answered 200 */
    uint64_t got_media;   /* RTP came; of a publisher: went */
    uint64_t failed;      /* never established, retries used up */
    uint64_t cut_off;     /* begun, and ended by anything of ours before it was established */
    uint64_t unanswered;  /* of those; these two are worked out by stats_derive alone */
    uint64_t cancelled;   /* the rest of them */
    uint64_t dropped;     /* established, then ended by anything but the plan */
    uint64_t completed;   /* established, ended by the plan */
    uint64_t not_started;
    uint64_t retries;
};

enum loss_cause { LOSS_NETWORK, LOSS_LOCAL_SOCKET, LOSS_SELF, LOSS_SERVER, LOSS_CAUSES };

/* What this machine had no more of when a socket was to be opened. */
enum shortage { SHORT_OF_FILES, SHORT_OF_PORTS, SHORT_OF_MEMORY, SHORTAGES };

struct rtp_counts {
    uint64_t packets; /* duplicates included */
    uint64_t bytes;   /* RTP header and payload */
    uint64_t expected;
    uint64_t lost; /* missing now: counted when its gap opens, taken back when it comes after all */
    uint64_t duplicates;
    uint64_t reordered;
    uint64_t late; /* came after its gap had expired and been counted lost */
    uint64_t resets;
    uint64_t bad;
    uint64_t lost_by[LOSS_CAUSES];
};

/* Whose fault it is that a packet was not written. */
enum drop_cause {
    DROP_SERVER, /* the connection stayed full: the server, or the way to it, took too little */
    DROP_SELF,   /* this machine was late */
    DROP_CAUSES
};

/* What publishers did. */
struct published_counts {
    uint64_t packets; /* RTP, that the kernel took whole */
    uint64_t bytes;   /* RTP header and payload */
    uint64_t dropped; /* due, but never written; their sequence numbers are missing */
    uint64_t dropped_by[DROP_CAUSES];
    uint64_t reported_lost; /* by the server's receiver reports; an interval's may be negative */
    uint64_t unconfirmed;   /* sessions over TCP of which the server may not have read all */
    uint64_t unacked_bytes; /* by the server's kernel, as sessions over TCP ended */
};

struct rtcp_counts {
    uint64_t sr_received;
    uint64_t rr_sent;
    uint64_t bye_received;
    uint64_t bad;
    uint64_t sr_sent;     /* publishers' */
    uint64_t rr_received; /* report blocks about a publisher's tracks */
};

/* Things a peer did that are counted and survived. */
struct oddity_counts {
    uint64_t unknown_channel; /* interleaved frames of channels never set up */
    uint64_t unknown_type;    /* RTP payload types the SDP doesn't name */
    uint64_t foreign;         /* datagrams from another host */
    uint64_t unasked_replies;
    uint64_t server_requests;
    uint64_t resyncs;
    uint64_t tracks_skipped;
    uint64_t redirects;
    uint64_t auth_rounds;
    uint64_t keepalive_refused;
};

struct panel_counts {
    uint64_t sessions;
    uint64_t frames_complete, frames_damaged, frames_suspect;
    uint64_t keyframes;
    uint64_t recovery_points; /* of intra refresh: no keyframes */
    uint64_t freezes;
    uint64_t freeze_us;
    uint64_t stalls; /* playout, start delay 200 ms */
    uint64_t stall_us;
    uint64_t stalled_sessions;
    uint64_t gaps;        /* losses seen by panel sessions ... */
    uint64_t gaps_shared; /* ... that another reader of the same stream saw too */
};

/* One kind of failure. count counts tries. */
struct error_entry {
    enum phase phase;
    enum reason reason;
    uint32_t status; /* 0 when none */
    uint64_t count;
    char sample[160]; /* of the first: escaped, no secret */
};

#define ERRORS_MAX 64u

/* How long sessions had played without a keyframe when they ended, by steps: how many of them had
   played for keyframe_steps_ms[i] or more, and less than the next. */
#define KEYFRAME_STEPS 16u
extern const uint32_t keyframe_steps_ms[KEYFRAME_STEPS];

/* A URL's part of it all. */
struct stream_stats {
    struct session_counts sessions;
    struct rtp_counts rtp;
    struct published_counts published;
    struct histogram startup; /* us, 2 digits */
    uint64_t no_keyframe[KEYFRAME_STEPS];
    uint64_t
        keyframe_interval_us; /* the longest that the panel saw; 0: none. Merged as a maximum */
    uint64_t media_us;    /* time with media, summed over ended sessions: bit rate = bytes / this */
    uint64_t media_bytes; /* of those sessions */
};

struct stats {
    struct session_counts sessions;
    struct rtp_counts rtp[MEDIA_KINDS];
    struct published_counts published;
    struct rtcp_counts rtcp;
    struct oddity_counts oddities;
    struct panel_counts panel;
    struct histogram metrics[METRICS];
    struct histogram cut_off[ROLES][WAITS]; /* us, since the first try; 2 digits */
    struct histogram silent; /* us that readers without a packet had played; 2 digits */
    uint64_t failed_in[ROLES][WAITS];
    uint64_t readers_heard;        /* readers that got an RTP packet */
    uint64_t teardowns_unanswered; /* timed out or reset */
    uint64_t keepalives_unanswered;
    uint64_t held_us;                  /* sessions established, times how long */
    uint64_t wanted_us;                /* sessions that the plan wanted, times how long */
    uint64_t up_at_end, wanted_at_end; /* sessions, as the plan ended */
    uint64_t shortages[SHORTAGES];     /* sockets that could not be opened */
    uint64_t no_media;                 /* worked out by stats_derive, like never */
    uint64_t never[LATENCY_METRICS];
    uint64_t udp_socket_drops; /* the kernel's count, RTP and RTCP sockets */
    uint64_t
        recv_backlog_gaps; /* TCP gaps that struck while our own backlog was over the threshold */
    uint64_t cpu_ns;       /* of the shard's thread in this interval */
    uint64_t wall_ns;      /* the interval's length */
    uint32_t active;       /* gauge: established and not yet ended, as of the interval's end */
    uint32_t starting;     /* gauge */
    uint32_t target;       /* gauge: sessions the plan wants by now */
    uint32_t active_peak;
    struct bad_counts misbehaving[MISBEHAVIOURS];
    uint32_t error_count;
    uint64_t errors_not_kept; /* failures of kinds beyond ERRORS_MAX */
    struct error_entry errors[ERRORS_MAX];
    uint32_t stream_count;
    struct stream_stats *streams;
};

/* Allocates all its histograms and stream_count streams in one go; NULL when out of memory. */
struct stats *stats_new(uint32_t stream_count);
void stats_free(struct stats *stats);
void stats_clear(struct stats *stats);

/* Adds from's numbers to to's. Gauges add up too: shards and machines hold different sessions; for
   another interval of the same shard the caller sets them afterwards. */
void stats_add(struct stats *to, const struct stats *from);

/* Works out of the merged numbers who was unanswered, who had no media and who never got there
   (stats/derive.c has the rules). On a sum of all shards, never on a part of it. */
void stats_derive(struct stats *stats);

/* Waits that were cut off in a phase, over so many microseconds, of those that stats_derive has not
   made unanswered. metric: a phase, or METRIC_STARTUP or METRIC_JOIN for all of them. */
uint64_t stats_cut_off_over(const struct stats *stats, enum metric metric, double us);

/* sample (or NULL) is only read when this kind is new; it is kept escaped, cut to what fits. */
void stats_error(struct stats *stats, enum phase phase, enum reason reason, unsigned status,
                 const char *sample);

void rtp_counts_add(struct rtp_counts *to, const struct rtp_counts *from);

/* All kinds of media together. */
struct rtp_counts stats_rtp(const struct stats *stats);
