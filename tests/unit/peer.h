/* peer.h - a scripted server on the simulated network: says what a row of a table tells it to,
 * whole, cut in two or byte by byte. */
#pragma once

#include "world.h"

#define PEER_VARIANTS 200u
#define PEER_LOG 16384u
#define PEER_LINES 6u
#define PEER_OTHER_HOST "10.9.9.8" /* where the peer listens too ... */
#define PEER_OTHER_PORT "1554" /* ... as here, of the usual host; it ends in 554 like the other */

/* What is said to the nth request of a method ("SETUP 2"; without a number to all that no other
   line names). "GET_PARAMETER" and the like are the keepalives. In say,
     {ok}        RTSP/1.0 200 OK and the CSeq header
     {c} {n}     the request's CSeq; the variant's number, which is the first part of its path
     {sdp}       Content-Length, the blank line and the row's SDP
     {transport} the request's Transport header, with server ports where it asks for UDP
     {rtp:C:S:P} an interleaved frame on channel C: RTP, sequence number S, payload type P (96),
                 16 bytes in all
     {udp:S:P}   an RTP datagram to the first track's client port; {udp2:} from another port,
                 {udp3:} from another host; {rtcp2:} to its RTCP port a sender report
     {x:N}       N times x; {lines:N} N header lines; {media:N} N m= lines
     {flood:N}   N requests; {continue:N} N replies of status 100
     {hex:..}    bytes
     {wait:MS} {close} {reset} {shut} {stuck}
   where stuck lets no write of anybody through any more. Where no line fits, what a good camera
   says.
 */
struct peer_line {
    const char *on;
    const char *say;
};

struct peer;

/* PEER_LINES of them, the rest zeroed; sdp NULL: one video track. Both are borrowed. */
struct peer *peer_new(struct sim *sim, const struct peer_line *lines, const char *sdp);
void peer_free(struct peer *peer);
struct world_peer peer_as_world(struct peer *peer);

/* All requests of a variant (from 1), one behind the other, and a line for each datagram: "datagram
   to 20001: type 201", the ports of the row's first track and the packet's second byte. */
const char *peer_log(const struct peer *peer, uint32_t variant);
