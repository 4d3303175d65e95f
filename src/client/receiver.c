#include "client/receiver.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

#define SUSPECTS_APART 100u /* packets out of range that make a restart are no further apart */
#define SETTLE 3u           /* newest frames that follow an older one, until a loss has no effect */
#define IN_ORDER_MAX 60     /* newest frames in a row: nothing is reordered any more */
#define JUMP_NS (10 * (int64_t)NS_PER_S) /* RTP time this far off starts afresh */

static_assert(sizeof(struct receiver) == 112, "one per track: keep it small");

static uint32_t clamp(uint64_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : (uint32_t)value;
}

/* Packets that come in this many milliseconds at the track's mean rate. RFC 3550's MAX_DROPOUT and
   MAX_MISORDER are "typical" for 50 packets a second: here they follow the rate. */
static uint64_t packets_in(const struct receiver *receiver, uint32_t now_ms, uint32_t span_ms)
{
    uint32_t age_ms = now_ms - receiver->started_ms;
    return (uint64_t)receiver->received * span_ms / (age_ms > 0 ? age_ms : 1);
}

static void forget_frames(struct receiver *receiver)
{
    receiver->has_frame = false;
    receiver->reorders = false;
    receiver->has_sample = false;
    receiver->step = 0;
}

static void begin_epoch(struct receiver *receiver, const struct rtp *packet,
                        struct receiver_arrival *arrival)
{
    gaps_clear(&receiver->gaps, arrival->gap_blocks);
    receiver->ext_max = 65536u + packet->sequence;
    receiver->ext_base = receiver->ext_max;
    receiver->ssrc = packet->ssrc;
    receiver->received = 1;
    receiver->expected_prior = 0;
    receiver->received_prior = 0;
    receiver->started_ms = arrival->now_ms;
    receiver->started = true;
    receiver->has_bad_sequence = false;
    forget_frames(receiver);
    receiver->gave_up = false;
    receiver->jitter_ns = 0;
    arrival->counts->expected++;
}

static enum receiver_verdict restart(struct receiver *receiver, const struct rtp *packet,
                                     struct receiver_arrival *arrival)
{
    begin_epoch(receiver, packet, arrival);
    arrival->counts->resets++;
    return RECEIVER_RESTART;
}

static void count_lost(struct receiver *receiver, struct receiver_arrival *arrival, uint32_t count)
{
    receiver->lost += count;
    arrival->counts->lost += count;
    arrival->counts->lost_by[arrival->cause] += count;
}

/* Takes note of gaps that were given up: what comes from there or before may have been lost or not.
 */
static void note_given_up(struct receiver *receiver)
{
    if (!receiver->gaps.gave_up)
        return;
    uint16_t behind = (uint16_t)((uint16_t)receiver->ext_max - receiver->gaps.given_up);
    receiver->gaps.gave_up = false;
    if (receiver->gave_up && behind > receiver->ext_max - receiver->given_up)
        return;
    receiver->gave_up = true;
    receiver->given_up = receiver->ext_max - behind;
}

static enum receiver_verdict advance(struct receiver *receiver, uint32_t ahead,
                                     struct receiver_arrival *arrival)
{
    uint32_t missing = ahead - 1;
    receiver->received++;
    receiver->has_bad_sequence = false;
    arrival->counts->expected += ahead;
    if (missing > 0) {
        receiver->unsettled = SETTLE;
        receiver->stepped_back = false;
        arrival->gap_first = receiver->ext_max + 1;
        arrival->gap_count = missing;
        count_lost(receiver, arrival, missing);
        gaps_open(&receiver->gaps, arrival->gap_blocks, arrival->gap_first,
                  gap_make(missing, arrival->cause, arrival->now_ms));
    }
    receiver->ext_max += ahead;
    if (receiver->gaps.count > 0)
        gaps_expire(&receiver->gaps, arrival->gap_blocks, receiver->ext_max, arrival->now_ms);
    note_given_up(receiver);
    return missing > 0 ? RECEIVER_GAP : RECEIVER_IN_ORDER;
}

/* Older than the first packet seen: the base moves back, and what lies between is missing so far.
 */
static enum receiver_verdict move_base(struct receiver *receiver, uint32_t extended,
                                       struct receiver_arrival *arrival)
{
    uint32_t missing = receiver->ext_base - extended - 1;
    arrival->counts->expected += missing + 1;
    arrival->counts->reordered++;
    if (missing > 0) {
        count_lost(receiver, arrival, missing);
        gaps_open(&receiver->gaps, arrival->gap_blocks, extended + 1,
                  gap_make(missing, arrival->cause, arrival->now_ms));
        note_given_up(receiver);
    }
    receiver->ext_base = extended;
    return RECEIVER_REORDERED;
}

static enum receiver_verdict judge_old(struct receiver *receiver, uint32_t behind,
                                       struct receiver_arrival *arrival)
{
    uint32_t extended = receiver->ext_max - behind;
    struct rtp_counts *counts = arrival->counts;
    enum loss_cause cause;
    receiver->received++;
    if (behind > receiver->ext_max - receiver->ext_base)
        return move_base(receiver, extended, arrival);
    if (gaps_fill(&receiver->gaps, arrival->gap_blocks, extended, &cause)) {
        receiver->lost--;
        counts->lost--;
        counts->lost_by[cause]--;
        counts->reordered++;
        note_given_up(receiver);
        return RECEIVER_REORDERED;
    }
    if (receiver->gave_up && behind >= receiver->ext_max - receiver->given_up) {
        counts->late++;
        return RECEIVER_LATE;
    }
    counts->duplicates++;
    return RECEIVER_DUPLICATE;
}

/* The packet that was held as a suspect is the first of the new numbers, and this one the next,
   with what is missing between them. */
static enum receiver_verdict restart_from(struct receiver *receiver, const struct rtp *packet,
                                          uint16_t held, struct receiver_arrival *arrival)
{
    struct rtp first = *packet;
    first.sequence = held;
    restart(receiver, &first, arrival);
    advance(receiver, (uint16_t)(packet->sequence - held), arrival);
    return RECEIVER_RESTART;
}

/* Out of every range: noise, unless another packet follows it closely (A.1 asks for the very next
   one, which may be lost). */
static enum receiver_verdict judge_far(struct receiver *receiver, const struct rtp *packet,
                                       struct receiver_arrival *arrival)
{
    uint16_t held = (uint16_t)(receiver->bad_sequence - 1);
    uint16_t ahead = (uint16_t)(packet->sequence - held);
    if (receiver->has_bad_sequence && ahead > 0 && ahead <= SUSPECTS_APART)
        return restart_from(receiver, packet, held, arrival);
    receiver->has_bad_sequence = true;
    receiver->bad_sequence = (uint16_t)(packet->sequence + 1);
    return RECEIVER_HELD;
}

/* Another source begins anew. A packet of the one before it was overtaken by the change, and only a
   second one in a row says that the old source is back. */
static enum receiver_verdict judge_source(struct receiver *receiver, const struct rtp *packet,
                                          struct receiver_arrival *arrival)
{
    struct receiver_left *left = arrival->left;
    uint16_t source = packet->ssrc & 0x7fff;
    if (source != 0 && source == left->ssrc && !left->came) {
        left->came = true;
        arrival->counts->late++;
        return RECEIVER_LATE;
    }
    left->ssrc = receiver->ssrc & 0x7fff;
    left->came = false;
    receiver->last_sr = 0; /* it was another source's */
    return restart(receiver, packet, arrival);
}

enum receiver_verdict receiver_on_packet(struct receiver *receiver, const struct rtp *packet,
                                         struct receiver_arrival *arrival)
{
    if (!receiver->started) {
        begin_epoch(receiver, packet, arrival);
        return RECEIVER_IN_ORDER;
    }
    if (packet->ssrc != receiver->ssrc)
        return judge_source(receiver, packet, arrival);
    arrival->left->came = false;
    uint16_t ahead = (uint16_t)(packet->sequence - (uint16_t)receiver->ext_max);
    if (ahead == 1)
        return advance(receiver, 1, arrival);
    uint32_t dropout = clamp(packets_in(receiver, arrival->now_ms, 60000), 3000, 16383);
    uint32_t misorder = clamp(packets_in(receiver, arrival->now_ms, 2000), 100, 4096);
    if (ahead > 0 && ahead <= dropout)
        return advance(receiver, ahead, arrival);
    uint32_t behind = (uint16_t)-ahead;
    if (behind <= misorder || behind <= GAPS_AGE_PACKETS)
        return judge_old(receiver, behind, arrival);
    return judge_far(receiver, packet, arrival);
}

void receiver_set_clock(struct receiver *receiver, uint32_t clock_rate, bool may_reorder)
{
    if (receiver->clock_rate != clock_rate || receiver->may_reorder != may_reorder)
        forget_frames(receiver);
    receiver->clock_rate = clock_rate;
    receiver->may_reorder = may_reorder;
}

/* RFC 3550, A.8. */
static void add_jitter(struct receiver *receiver, int64_t change_ns)
{
    int64_t jitter = receiver->jitter_ns;
    jitter += (change_ns - jitter) / 16;
    receiver->jitter_ns = jitter > UINT32_MAX ? UINT32_MAX : (uint32_t)jitter;
}

bool receiver_last_frame(struct receiver *receiver)
{
    if (!receiver->has_sample)
        return false;
    receiver->has_sample = false;
    add_jitter(receiver, (int64_t)receiver->sample * 4);
    return true;
}

/* A frame in order: what it adds counts at once where nothing can be reordered. */
static bool sample_in_order(struct receiver *receiver, int64_t transit_ns, bool continuous)
{
    bool renewed = receiver_last_frame(receiver);
    if (!continuous)
        return renewed;
    if (!receiver->may_reorder) {
        add_jitter(receiver, llabs(transit_ns));
        return true;
    }
    receiver->has_sample = true;
    receiver->sample = (uint32_t)(llabs(transit_ns) / 4);
    return renewed;
}

/* A frame that is shown before the newest. */
static void step_back(struct receiver *receiver)
{
    if (!receiver->reorders) {
        receiver->reorders = true;
        receiver->has_sample = false;
        receiver->step = 0;
        receiver->unsettled = SETTLE;
    }
    receiver->stepped_back = true;
    receiver->in_order = 0;
}

/* A frame newer than all before, since_ns after the one that was. Right after a loss older frames
   may pass for newest ones, until some groups have come whole. */
static bool sample_reordered(struct receiver *receiver, int64_t since_ns, int32_t ticks,
                             bool continuous)
{
    int64_t step_ns = (int64_t)receiver->step * (int64_t)NS_PER_S / receiver->clock_rate;
    bool renewed = continuous && receiver->step > 0 && receiver->unsettled == 0;
    if (renewed)
        add_jitter(receiver, llabs(since_ns - step_ns));
    if (!continuous)
        receiver->unsettled = SETTLE;
    else if (receiver->stepped_back && receiver->unsettled > 0)
        receiver->unsettled--;
    receiver->step = receiver->unsettled == 0 ? (uint32_t)ticks : 0;
    receiver->stepped_back = false;
    if (++receiver->in_order == IN_ORDER_MAX)
        receiver->reorders = false;
    return renewed;
}

bool receiver_on_frame(struct receiver *receiver, uint32_t timestamp, uint64_t arrival_ns)
{
    int32_t ticks = (int32_t)(timestamp - receiver->frame_timestamp);
    if (receiver->clock_rate == 0)
        return false;
    int64_t media_ns = (int64_t)ticks * (int64_t)NS_PER_S / receiver->clock_rate;
    if (receiver->has_frame && media_ns <= 0 && media_ns > -JUMP_NS) {
        if (ticks < 0 && receiver->may_reorder)
            step_back(receiver);
        return false; /* the same frame, or one that is shown before it */
    }
    int64_t since_ns = (int64_t)(arrival_ns - receiver->frame_arrival_ns);
    bool continuous = receiver->has_frame && llabs(since_ns - media_ns) < JUMP_NS;
    receiver->frame_timestamp = timestamp;
    receiver->frame_arrival_ns = arrival_ns;
    receiver->has_frame = true;
    if (receiver->reorders)
        return sample_reordered(receiver, since_ns, ticks, continuous);
    return sample_in_order(receiver, since_ns - media_ns, continuous);
}

void receiver_on_sender_report(struct receiver *receiver, const struct rtcp *report,
                               uint32_t now_ms)
{
    receiver->last_sr = (uint32_t)(report->ntp >> 16);
    receiver->last_sr_ms = now_ms;
}

/* Lost since the last report over expected since then, in 1/256 (A.3). */
static uint8_t fraction_lost(struct receiver *receiver, uint32_t expected)
{
    int64_t expected_interval = (int64_t)expected - receiver->expected_prior;
    int64_t received_interval = (int64_t)receiver->received - receiver->received_prior;
    int64_t lost_interval = expected_interval - received_interval;
    receiver->expected_prior = expected;
    receiver->received_prior = receiver->received;
    if (expected_interval <= 0 || lost_interval <= 0)
        return 0;
    int64_t fraction = (lost_interval << 8) / expected_interval;
    return fraction > 255 ? 255 : (uint8_t)fraction;
}

struct rtcp_block receiver_report(struct receiver *receiver, uint32_t now_ms)
{
    uint32_t expected = receiver->ext_max - receiver->ext_base + 1;
    int64_t lost = (int64_t)expected - receiver->received;
    struct rtcp_block block = {
        .ssrc = receiver->ssrc,
        .fraction_lost = fraction_lost(receiver, expected),
        .cumulative_lost = (int32_t)(lost > 0x7fffff    ? 0x7fffff
                                     : lost < -0x800000 ? -0x800000
                                                        : lost),
        .extended_sequence = receiver->ext_max - 65536u,
        .jitter = (uint32_t)((uint64_t)receiver->jitter_ns * receiver->clock_rate / NS_PER_S),
        .last_sr = receiver->last_sr,
    };
    if (receiver->last_sr != 0)
        block.delay_since_sr = (uint32_t)((uint64_t)(now_ms - receiver->last_sr_ms) * 65536 / 1000);
    return block;
}

void receiver_restart(struct receiver *receiver, struct pool *gap_blocks)
{
    gaps_clear(&receiver->gaps, gap_blocks);
    *receiver = (struct receiver){
        .clock_rate = receiver->clock_rate,
        .may_reorder = receiver->may_reorder,
        .reorders = receiver->reorders,
        .unsettled = SETTLE,
        .last_sr = receiver->last_sr,
        .last_sr_ms = receiver->last_sr_ms,
    };
}
