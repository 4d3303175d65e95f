#include "client/panel_mdi.h"

#include "base/clock.h"

#define SILENCE_MAX_S 60u /* a longer one is not held against a dead stream second by second */

static void begin_interval(struct panel_mdi *mdi, uint64_t start_ns)
{
    mdi->interval_ns = start_ns;
    mdi->bits = mdi->low = mdi->high = 0;
    mdi->packets = mdi->missing = 0;
    mdi->rate = mdi->declared_bps;
    if (mdi->declared_bps == 0 && mdi->intervals > 0)
        mdi->rate = mdi->bits_before / mdi->intervals;
}

static void finish_interval(struct panel_mdi *mdi, struct stats *stats)
{
    if (mdi->packets > 0 && mdi->intervals > 0 && mdi->rate > 0) {
        double us = (mdi->high - mdi->low) / mdi->rate * 1e6;
        mdi->df_us = us < UINT32_MAX ? (uint32_t)(us + 0.5) : UINT32_MAX;
        mdi->has_df = true;
    }
    if (mdi->has_df)
        histogram_record(&stats->metrics[METRIC_PANEL_DF], mdi->df_us);
    histogram_record(&stats->metrics[METRIC_PANEL_MLR], mdi->missing);
    mdi->bits_before += mdi->bits;
    mdi->intervals++;
}

void panel_mdi_advance(struct panel_mdi *mdi, struct stats *stats, uint64_t until_ns)
{
    for (unsigned i = 0; mdi->interval_ns != 0 && until_ns >= mdi->interval_ns + NS_PER_S; i++) {
        finish_interval(mdi, stats);
        begin_interval(mdi, i < SILENCE_MAX_S ? mdi->interval_ns + NS_PER_S : until_ns);
    }
}

static void note_buffer(struct panel_mdi *mdi, double bits)
{
    if (bits < mdi->low)
        mdi->low = bits;
    if (bits > mdi->high)
        mdi->high = bits;
}

void panel_mdi_on_packet(struct panel_mdi *mdi, struct stats *stats, uint64_t arrival_ns,
                         uint32_t payload_bytes, uint32_t declared_bps)
{
    mdi->declared_bps = declared_bps;
    if (mdi->interval_ns == 0)
        begin_interval(mdi, arrival_ns);
    panel_mdi_advance(mdi, stats, arrival_ns);
    double passed_s = arrival_ns > mdi->interval_ns
                          ? (double)(arrival_ns - mdi->interval_ns) / (double)NS_PER_S
                          : 0;
    note_buffer(mdi, mdi->bits - mdi->rate * passed_s);
    mdi->bits += payload_bytes * 8.0;
    note_buffer(mdi, mdi->bits - mdi->rate * passed_s);
    mdi->packets++;
}
