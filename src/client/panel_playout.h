/* panel_playout.h - what a viewer would see: freezes (as in W3C webrtc-stats) and a player that
 * runs dry. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stats/stats.h"

#define PANEL_DURATIONS 30u
#define PANEL_START_DELAY_MS 200u /* what the virtual player buffers before it starts */

/* Ready when zeroed. */
struct panel_playout {
    uint64_t shown_ns;   /* when the last complete frame came */
    int64_t deadline_ns; /* when the player wanted that frame, where it has a clock */
    uint64_t since_ns;   /* nothing before this moment counts (the warm-up's end); 0: all does */
    uint32_t timestamp;  /* of its decoding */
    int32_t step_us;     /* mean time between frames by their RTP time; 0: unknown */
    uint32_t sum;        /* of durations */
    uint16_t durations[PANEL_DURATIONS]; /* between the arrivals of the last frames, in 100 us */
    uint8_t count, next;
    uint8_t steps; /* that step_us is the mean of, up to 32 */
    bool started;  /* a frame was shown */
    bool ended;
    bool has_deadline; /* timestamp and deadline_ns are set */
    bool stalled;      /* ever: the session is counted */
    bool anew;         /* the player starts anew with the next frame, once that is judged */
};

/* A complete frame; timestamp is the RTP time at which it is decoded (clock_rate 0: unknown, then
   only freezes are judged), whole_ns when its last packet arrived. A freeze is a gap between frames
   of at least max(3 d, d + 150 ms), d the mean of the last 30 durations once there are five (by
   arrival or by RTP time, whichever is more, so that a burst at the start makes no freezes
   afterwards). A stall is a frame that misses its deadline by 10 ms or more; the player then waits
   for it, and later deadlines move. */
void panel_playout_on_frame(struct panel_playout *playout, struct panel_counts *counts,
                            uint32_t timestamp, uint64_t whole_ns, uint32_t clock_rate);

/* The next frame's RTP time has nothing to do with those before. */
void panel_playout_restart(struct panel_playout *playout);

/* Nor were those before the times of decoding. */
void panel_playout_reorder(struct panel_playout *playout);

/* The warm-up ends: freezes and stalls count from now on, also what remains of one that is running.
   Then the player starts anew, so that what it had to wait before gives it no reserve. */
void panel_playout_count_from(struct panel_playout *playout, uint64_t now_ns);

/* No more frames were to come after now: counts the freeze and the stall that are open, once; later
   frames are none of the viewer's. pending_ns: when the last packet of a frame came that isn't
   judged yet; 0: none. */
void panel_playout_end(struct panel_playout *playout, struct panel_counts *counts,
                       uint64_t pending_ns, uint64_t now_ns);
