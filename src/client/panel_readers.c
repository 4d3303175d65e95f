#include "client/panel_readers.h"

#include <assert.h>

#include "base/clock.h"

#define MATCH_NS (10 * NS_PER_S) /* an equal timestamp further away is chance */
#define NEWEST_NS (2 * NS_PER_S) /* while it is no older, a timestamp before it is no first */
#define SSRC_NS (2 * NS_PER_S)   /* one not seen for this long has gone */
#define GAP_MS 2000u             /* until then its packets may still come */
#define GAP_MATCH_MS 30000       /* how much later another reader may run into it */

static_assert(PANEL_FIRSTS == 256, "the hash has 8 bits");

/* Timestamps go in steps of thousands: multiplied (Knuth, 6.4) they spread. */
static uint32_t slot_of(uint32_t timestamp)
{
    return (timestamp * 2654435761u) >> 24;
}

void panel_readers_on_frame(struct panel_readers *readers, struct panel_reader *self,
                            struct stats *stats, uint32_t timestamp, uint64_t arrival_ns)
{
    uint32_t slot = slot_of(timestamp);
    uint64_t first_ns = readers->firsts[slot].arrival_ns;
    uint64_t apart_ns = arrival_ns > first_ns ? arrival_ns - first_ns : first_ns - arrival_ns;
    if (first_ns != 0 && readers->firsts[slot].timestamp == timestamp && apart_ns < MATCH_NS) {
        if (readers->firsts[slot].reader != self->reader && first_ns > self->joined_ns)
            histogram_record(&stats->metrics[METRIC_PANEL_CROSS_READER], apart_ns / NS_PER_US);
        return;
    }
    bool behind = (int32_t)(timestamp - readers->newest_timestamp) < 0;
    if (behind && readers->newest_ns != 0 && arrival_ns < readers->newest_ns + NEWEST_NS)
        return;
    readers->firsts[slot].arrival_ns = arrival_ns;
    readers->firsts[slot].timestamp = timestamp;
    readers->firsts[slot].reader = self->reader;
    readers->newest_ns = arrival_ns;
    readers->newest_timestamp = timestamp;
}

static void change_ssrc(struct panel_readers *readers, uint32_t ssrc)
{
    readers->ssrc = ssrc;
    readers->twins = 0;
    if (++readers->ssrc_round == 0)
        readers->ssrc_round = 1;
    for (unsigned i = 0; i < PANEL_GAPS; i++)
        readers->gaps[i].reader = 0;
}

static bool is_twin(const struct panel_readers *readers, const struct panel_reader *self)
{
    return self->ssrc_round != 0 && self->ssrc_round == readers->ssrc_round;
}

static void leave_twins(struct panel_readers *readers, struct panel_reader *self)
{
    if (is_twin(readers, self))
        readers->twins--;
    self->ssrc_round = 0;
}

void panel_readers_on_ssrc(struct panel_readers *readers, struct panel_reader *self, uint32_t ssrc,
                           uint64_t arrival_ns)
{
    bool gone = readers->ssrc_round == 0 || arrival_ns > readers->ssrc_ns + SSRC_NS;
    if (readers->ssrc != ssrc || readers->ssrc_round == 0) {
        if (!gone) {
            leave_twins(readers, self);
            return;
        }
        change_ssrc(readers, ssrc);
    }
    readers->ssrc_ns = arrival_ns;
    if (is_twin(readers, self))
        return;
    self->ssrc_round = readers->ssrc_round;
    readers->twins++;
}

static void settle(struct panel_gap *gap, struct panel_counts *counts)
{
    if (gap->reader == 0 || gap->settled)
        return;
    gap->settled = true;
    counts->gaps++;
    counts->gaps_shared += gap->shared;
}

static bool overlap(const struct panel_gap *a, const struct panel_gap *b)
{
    int32_t apart_ms = (int32_t)(a->opened_ms - b->opened_ms);
    if (apart_ms > GAP_MATCH_MS || apart_ms < -GAP_MATCH_MS)
        return false;
    return (uint16_t)(b->first - a->first) < a->count || (uint16_t)(a->first - b->first) < b->count;
}

/* A gap that was counted as its reader's own is counted again as shared, once. */
static void share(struct panel_gap *gap, struct panel_counts *counts)
{
    if (gap->settled && !gap->shared)
        counts->gaps_shared++;
    gap->shared = true;
}

void panel_readers_on_gap(struct panel_readers *readers, struct panel_reader *self,
                          struct panel_counts *counts, struct panel_gap gap)
{
    if (!is_twin(readers, self) || readers->twins < 2)
        return;
    gap.reader = self->reader;
    gap.missing = gap.count;
    gap.shared = gap.settled = false;
    for (unsigned i = 0; i < PANEL_GAPS; i++) {
        struct panel_gap *other = &readers->gaps[i];
        if (other->reader == 0 || other->reader == self->reader || !overlap(other, &gap))
            continue;
        share(other, counts);
        gap.shared = true;
    }
    settle(&readers->gaps[readers->next_gap], counts);
    readers->gaps[readers->next_gap] = gap;
    readers->next_gap = (readers->next_gap + 1) % PANEL_GAPS;
}

void panel_readers_on_filled(struct panel_readers *readers, const struct panel_reader *self,
                             uint16_t sequence)
{
    for (unsigned i = 0; i < PANEL_GAPS; i++) {
        struct panel_gap *gap = &readers->gaps[i];
        if (gap->reader != self->reader || gap->settled ||
            (uint16_t)(sequence - gap->first) >= gap->count)
            continue;
        if (--gap->missing == 0)
            gap->reader = 0;
        return;
    }
}

void panel_readers_settle(struct panel_readers *readers, const struct panel_reader *self,
                          struct panel_counts *counts, uint32_t now_ms, bool all)
{
    for (unsigned i = 0; i < PANEL_GAPS; i++) {
        struct panel_gap *gap = &readers->gaps[i];
        if (gap->reader == self->reader && (all || now_ms - gap->opened_ms > GAP_MS))
            settle(gap, counts);
    }
}

void panel_readers_leave(struct panel_readers *readers, struct panel_reader *self)
{
    leave_twins(readers, self);
}
