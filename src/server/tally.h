/* tally.h - counts what a publisher's track received: by sequence numbers, and for its receiver
 * reports.
 *
 * The server's own arithmetic, for a publishing client's to be held against: nothing of it is
 * shared with the load's receiver. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "server/truth.h"

#define TALLY_WINDOW 4096u /* packets; one that comes later than that counts as a duplicate */

/* Ready when zeroed. Sequence numbers are extended without a bound; those before the first may be
   negative. */
struct tally {
    struct truth_received counts; /* lost left out: it follows from the rest */
    uint64_t lost_before;         /* of the sources before this one */
    uint64_t unique;              /* packets of this source */
    uint64_t packets;             /* the same with duplicates, as RFC 3550 wants them */
    int64_t lowest, highest;
    uint64_t expected_prior; /* at the last report (RFC 3550, A.3) */
    uint64_t packets_prior;
    uint64_t sender_report_at_ns;
    uint32_t sender_report; /* middle 32 bits of its NTP stamp; 0: none came */
    uint32_t ssrc;
    uint32_t transit; /* arrival minus RTP timestamp, in clock units (A.8) */
    uint32_t jitter;  /* 1/16 clock units */
    bool started;
    bool has_transit;
    uint64_t seen[TALLY_WINDOW / 64]; /* a bit a packet, by number modulo TALLY_WINDOW */
};

/* Counts a packet of so many bytes, its header included. Another SSRC than the last packet's is
   another source, whose numbers begin anew. */
void tally_packet(struct tally *tally, const struct rtp *packet, uint32_t bytes);

/* Its arrival, for the jitter. clock_rate is its payload type's in Hz; 0: unknown. */
void tally_arrival(struct tally *tally, uint32_t timestamp, uint32_t clock_rate,
                   uint64_t arrival_ns);

void tally_sender_report(struct tally *tally, const struct rtcp *report, uint64_t arrival_ns);

/* What was received, with what is missing between the first and the last packet by number. */
struct truth_received tally_counts(const struct tally *tally);

/* The block of the next receiver report (RFC 3550, 6.4.2 and A.3); remembers what it said. False
   while nothing was received. */
bool tally_report(struct tally *tally, uint64_t now_ns, struct rtcp_block *out);
