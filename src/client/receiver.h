/* receiver.h - what one RTP track received: sequence, loss, duplicates, reordering, jitter (RFC
   3550, A.1, A.3, A.8). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/gaps.h"
#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "stats/stats.h"

/* Ready when zeroed and receiver_set_clock was called. The first line is what a packet in order
 * touches. */
struct receiver {
    uint32_t ext_max;  /* extended highest sequence number; numbers start at 65,536 + the first */
    uint32_t ext_base; /* of the first packet */
    uint32_t received; /* this epoch, duplicates included, as RFC 3550 counts */
    uint32_t ssrc;
    uint32_t frame_timestamp; /* RTP time of the newest frame: the greatest */
    uint32_t clock_rate;      /* Hz; 0: unknown, then there is no jitter */
    uint64_t frame_arrival_ns;
    uint32_t jitter_ns; /* of frames; capped at 4.29 s */
    uint32_t started_ms;
    uint16_t bad_sequence; /* the one expected if the sequence restarted */
    bool started : 1;
    bool has_bad_sequence : 1;
    bool has_frame : 1;
    bool gave_up : 1;      /* given_up is set */
    bool may_reorder : 1;  /* frames may come ahead of those that are shown before them */
    bool reorders : 1;     /* some did, of late */
    bool has_sample : 1;   /* sample is set */
    bool stepped_back : 1; /* an older frame came after the newest */
    uint8_t unsettled : 2; /* newest frames that follow an older one, until jitter can be told */
    uint8_t in_order : 6;  /* newest frames in a row that follow no older one */
    union {
        uint32_t sample; /* !reorders: what the newest frame adds to jitter, in 4 ns, unless the
                            next one shows that it was reordered */
        uint32_t step;   /* reorders: RTP ticks from the newest frame but one to the newest; 0:
                            unknown */
    };
    uint32_t lost;     /* now missing, all epochs */
    uint32_t given_up; /* extended number of the newest packet whose gap was given up */
    /* second line */
    struct gaps gaps;
    uint32_t expected_prior; /* at the last receiver report, this epoch (A.3) */
    uint32_t received_prior;
    uint32_t last_sr;    /* middle 32 bits of the NTP stamp of the last sender report */
    uint32_t last_sr_ms; /* when it arrived */
};

/* The source before the present one, kept beside the receiver, whose lines are full. Ready when
   zeroed. */
struct receiver_left {
    uint16_t ssrc : 15; /* low bits; 0: there was none */
    uint16_t came : 1;  /* the last packet was of it */
};

enum receiver_verdict {
    RECEIVER_IN_ORDER,
    RECEIVER_GAP, /* in order after a gap: gap_first and gap_count say what is missing */
    RECEIVER_REORDERED,
    RECEIVER_DUPLICATE,
    RECEIVER_LATE, /* its gap may have been given up, it is a very late duplicate, or it is of the
                      source before this one */
    RECEIVER_RESTART, /* a new epoch begins with this packet */
    RECEIVER_HELD,    /* far out of range: a restart if the next one follows it, else noise */
};

/* What judging needs beside the packet. */
struct receiver_arrival {
    uint64_t arrival_ns;
    uint32_t now_ms;
    enum loss_cause cause; /* of a gap that this packet reveals */
    struct rtp_counts *counts;
    struct pool *gap_blocks;
    struct receiver_left *left;
    uint32_t gap_first; /* set by receiver_on_packet with RECEIVER_GAP */
    uint32_t gap_count;
    enum receiver_verdict verdict; /* for the caller to keep */
};

/* Counts one packet. A missing packet is counted in lost when its gap opens and taken back when it
   comes after all, so lost may fall from one interval to the next; expected, lost and lost_by
   always agree. */
enum receiver_verdict receiver_on_packet(struct receiver *receiver, const struct rtp *packet,
                                         struct receiver_arrival *arrival);

/* Extended number of a packet just counted. */
static inline uint32_t receiver_extend(const struct receiver *receiver, uint16_t sequence)
{
    return receiver->ext_max +
           (uint32_t)(int32_t)(int16_t)(uint16_t)(sequence - (uint16_t)receiver->ext_max);
}

/* Jitter of frames: true when jitter_ns was renewed. Only frames newer than all before count. The
   times that they were sent at are their timestamps; or, where frames are reordered, that of the
   newest frame before: what is shown between the two comes after the later one, so it is sent as
   long after the newest before as that is shown after the one before it. Where frames may be
   reordered, a sample counts with the next frame. Packets that come late are no new frames: of a
   track that may reorder they must not be passed. */
bool receiver_on_frame(struct receiver *receiver, uint32_t timestamp, uint64_t arrival_ns);

/* The last frame's sample, with which no other comes: true when jitter_ns was renewed. */
bool receiver_last_frame(struct receiver *receiver);

/* What the packets that follow are of. clock_rate: Hz; 0: unknown. */
void receiver_set_clock(struct receiver *receiver, uint32_t clock_rate, bool may_reorder);

void receiver_on_sender_report(struct receiver *receiver, const struct rtcp *report,
                               uint32_t now_ms);

/* The block for the next receiver report (A.3); remembers it as the prior one. */
struct rtcp_block receiver_report(struct receiver *receiver, uint32_t now_ms);

/* Forgets what was received, as if the next packet were the first. Keeps clock rate, sender
 * report, and whether frames are reordered. */
void receiver_restart(struct receiver *receiver, struct pool *gap_blocks);
