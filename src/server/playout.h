/* playout.h - one session's way through its media: which packets to write next, and how faults bend
 * it.
 *
 * Pure. playout_plan says what to write, the caller writes as much as the kernel takes, and
 * playout_move moves on by exactly that; what isn't committed is planned again, in the same way.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/media.h"
#include "server/fault.h"
#include "server/truth.h"

#define PLAYOUT_HEADER_ROOM 4u /* in front of the RTP header, for the interleaved frame's */
#define PLAYOUT_HEADER_MAX (PLAYOUT_HEADER_ROOM + MEDIA_HEADER_MAX)

/* A packet that a reorder fault holds back. */
struct playout_held {
    uint32_t lap;
    uint32_t index;
    uint16_t sequence;
    uint8_t wait; /* packets of the track to let pass; 0: nothing is held */
    bool overtaken;
};

struct playout_position {
    struct media_place places[MEDIA_TRACKS_MAX]; /* since the phase's start */
    uint16_t sequence[MEDIA_TRACKS_MAX];
    struct playout_held held[MEDIA_TRACKS_MAX];
};

struct playout_track {
    bool on; /* set up */
    uint32_t ssrc;
    uint32_t timestamp_base; /* RTP timestamp of the phase's start */
    struct truth_track truth;
};

struct playout {
    const struct media *media;
    const struct faults *faults;
    uint64_t phase_ns; /* when the phase's lap 0 began (monotonic) */
    uint64_t seed;     /* of the fates */
    struct playout_position at;
    struct playout_track tracks[MEDIA_TRACKS_MAX];
};

/* Where all streams of a path are counted from. */
struct playout_origin {
    uint64_t epoch_ns; /* monotonic: when lap 0 of phase 0 began */
    uint64_t hash;     /* of the path: makes its SSRCs, first sequence numbers and timestamps */
};

enum playout_step_kind { STEP_SENT, STEP_DUPLICATE, STEP_RELEASED, STEP_DROPPED, STEP_HELD };

struct playout_step {
    enum playout_step_kind kind : 8;
    uint8_t track;
    uint8_t header_len; /* PLAYOUT_HEADER_ROOM included; 0: nothing to write */
    bool overtaken;     /* released after a later packet of the track */
    uint16_t payload_len;
    uint8_t header[PLAYOUT_HEADER_MAX];
    const uint8_t *payload;
    struct playout_position after;
};

/* Joins the stream: the first time, or again after a pause (SSRCs and sequence numbers then go on).
   The tracks that are on must be known. Gives when the first packet is due. */
uint64_t playout_join(struct playout *playout, const struct playout_origin *origin, uint64_t now_ns,
                      bool again);

/* RTP timestamp of a track at a moment (RFC 3550, 6.4.1). */
uint32_t playout_timestamp(const struct playout *playout, unsigned track, uint64_t at_ns);

/* RTP timestamp of the track's next packet. */
uint32_t playout_next_timestamp(const struct playout *playout, unsigned track);

/* When the next packet is due; UINT64_MAX: no track that is on has any. */
uint64_t playout_next_due(const struct playout *playout);

/* Steps for the packets due up to until_ns, in order; room is at least 4. unix_offset_ns is added
   to monotonic time for the stamps. Fewer than room - 3 steps: nothing more is due. */
unsigned playout_plan(const struct playout *playout, uint64_t until_ns, uint64_t unix_offset_ns,
                      struct playout_step *steps, unsigned room);

/* Steps that write what is held, for the end of the stream. */
unsigned playout_plan_held(const struct playout *playout, uint64_t unix_offset_ns,
                           struct playout_step *steps);

/* Moves to where a step leads, without counting it. */
static inline void playout_move(struct playout *playout, const struct playout_step *step)
{
    playout->at = step->after;
}

/* Counts a step that was done: bytes of the RTP packet for those that write. */
void playout_count(struct playout *playout, enum playout_step_kind kind, bool overtaken,
                   unsigned track, uint32_t bytes);

static inline uint32_t playout_step_bytes(const struct playout_step *step)
{
    return step->header_len > 0 ? step->header_len - PLAYOUT_HEADER_ROOM + step->payload_len : 0;
}

/* Packets due up to until_ns and not yet written. */
uint64_t playout_lag(const struct playout *playout, uint64_t until_ns);

/* Drops the oldest of them until only keep are left. */
void playout_skip(struct playout *playout, uint64_t until_ns, uint64_t keep);
