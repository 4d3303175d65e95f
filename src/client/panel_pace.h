/* panel_pace.h - does media time pass as fast as real time, and how far behind its best is the
 * stream? */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PANEL_PACE_POINTS 11u
#define PANEL_PACE_WINDOW_S 10u

/* Delay here is (arrival - first arrival) - (RTP time - first RTP time): only its changes mean
   something. Ready when zeroed. */
struct panel_pace {
    bool started;
    bool behind; /* the last window ran below 0.98 */
    uint8_t count;
    uint32_t timestamp;
    int64_t media_ns;     /* RTP time since the first frame */
    uint64_t first_ns;    /* arrival of the first frame */
    int64_t delay_ns;     /* of the last frame */
    int64_t best_ns;      /* the smallest delay so far */
    uint64_t window_ns;   /* when the current window began */
    uint64_t second_ns;   /* when its current second began */
    int64_t window_delay; /* delay at the window's start */
    bool second_has_point;
    float second_at_s, second_delay_s; /* the frame of least delay in the current second */
    float at_s[PANEL_PACE_POINTS];     /* those of the window, relative to its start */
    float delay_s[PANEL_PACE_POINTS];
};

/* The first packet of a frame. True when a window of 10 s has just ended: pace is then RTP time
   over real time in thousandths, from the slope of the delay (Theil-Sen over the least delay of
   each second). RTP time that jumps by over 10 s starts it all over. */
bool panel_pace_on_frame(struct panel_pace *pace, uint32_t timestamp, uint64_t arrival_ns,
                         uint32_t clock_rate, uint32_t *pace_thousandths);

/* The unfinished window's pace; false when under 2 s and 3 points. */
bool panel_pace_end(struct panel_pace *pace, uint32_t *pace_thousandths);
