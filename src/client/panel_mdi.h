/* panel_mdi.h - the media delivery index: delay factor and media loss rate a second (RFC 4445). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stats/stats.h"

/* Ready when zeroed. */
struct panel_mdi {
    uint64_t interval_ns; /* when the current one began; 0: no packet yet */
    double rate;          /* media rate of this interval, bits a second; 0: unknown */
    double bits;          /* received in this interval */
    double low, high;     /* of the virtual buffer, bits */
    double bits_before;   /* in all whole intervals */
    uint32_t intervals;   /* whole ones */
    uint32_t packets;     /* in this interval */
    uint32_t missing;     /* lost or out of order in this interval */
    uint32_t df_us;       /* of the last interval that had packets */
    uint32_t declared_bps;
    bool has_df;
};

/* payload_bytes: of media. The media rate is declared_bps, or where that is 0 the mean of all whole
   intervals so far. There is no delay factor of the first interval, and one without packets repeats
   the last. Finished intervals go to METRIC_PANEL_DF and METRIC_PANEL_MLR. */
void panel_mdi_on_packet(struct panel_mdi *mdi, struct stats *stats, uint64_t arrival_ns,
                         uint32_t payload_bytes, uint32_t declared_bps);

/* Finishes the intervals that ended by then. */
void panel_mdi_advance(struct panel_mdi *mdi, struct stats *stats, uint64_t until_ns);
