/* panel_latency.h - how long ago a frame was captured, by a stamp inside it or by sender reports.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/panel_decoding.h"
#include "proto/rtp.h"

#define PANEL_TRANSITS 11u /* looked at a second */
#define PANEL_NO_BASE INT64_MIN

enum panel_latency_source { PANEL_LATENCY_NONE, PANEL_LATENCY_REPORT, PANEL_LATENCY_STAMP };

/* Ready when zeroed. */
struct panel_latency {
    uint64_t report_unix_ns; /* NTP time of the last sender report; 0: none, or no time of day */
    uint32_t report_timestamp;
    enum panel_latency_source source : 8; /* best so far; a stamp seen once rules reports out */
    uint8_t transit_count;
    uint8_t held_count;
    uint64_t transit_sampled_ns;
    int32_t
        transits_us[PANEL_TRANSITS]; /* of the current second, by sender reports, less the base */
    uint32_t
        held_us[PANEL_DECODING_WINDOW]; /* latencies, until it is known that nothing is reordered */
};

void panel_latency_on_report(struct panel_latency *latency, uint64_t ntp, uint32_t rtp_timestamp);

/* Latency of the frame that packet begins, in microseconds. False when nothing tells, or when the
   clocks disagree: captured over 10 ms in the future, or over an hour ago. */
bool panel_latency_of(struct panel_latency *latency, const struct rtp *packet, uint32_t clock_rate,
                      uint64_t unix_arrival_ns, uint64_t *latency_us);

/* Notes how long this frame was under way by the last sender report, from the time at which it is
   decoded, less *base_ns, which a session's first note sets (PANEL_NO_BASE before it): the server's
   clock may be anything, its tracks share it. One in 90 ms is taken at most. */
void panel_latency_note_transit(struct panel_latency *latency, uint32_t due, uint32_t clock_rate,
                                uint64_t unix_arrival_ns, int64_t *base_ns);

/* Frames are reordered, as was not known when these were noted. */
void panel_latency_forget(struct panel_latency *latency);

/* Median of the notes, which are then forgotten. False without any. */
bool panel_latency_take_median(struct panel_latency *latency, int32_t *median_us);
