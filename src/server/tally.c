#include "server/tally.h"

#include <string.h>

#include "base/clock.h"

static uint64_t *word_of(struct tally *tally, int64_t number, uint64_t *bit)
{
    uint64_t place = (uint64_t)number % TALLY_WINDOW;
    *bit = UINT64_C(1) << place % 64;
    return &tally->seen[place / 64];
}

/* False when it was there already. */
static bool mark(struct tally *tally, int64_t number)
{
    uint64_t bit, *word = word_of(tally, number, &bit);
    bool fresh = (*word & bit) == 0;
    *word |= bit;
    return fresh;
}

static uint64_t expected(const struct tally *tally)
{
    return tally->started ? (uint64_t)(tally->highest - tally->lowest) + 1 : 0;
}

static void start(struct tally *tally, const struct rtp *packet)
{
    tally->lost_before += expected(tally) - tally->unique;
    tally->unique = tally->packets = 0;
    tally->expected_prior = tally->packets_prior = 0;
    tally->lowest = tally->highest = packet->sequence;
    tally->ssrc = packet->ssrc;
    tally->jitter = 0;
    tally->has_transit = false;
    tally->started = true;
    memset(tally->seen, 0, sizeof(tally->seen));
}

/* Moves the window up to number: what it leaves behind was judged, what it meets is unseen. */
static void advance(struct tally *tally, int64_t number)
{
    if (number - tally->highest >= TALLY_WINDOW)
        memset(tally->seen, 0, sizeof(tally->seen));
    else
        for (int64_t n = tally->highest + 1; n <= number; n++) {
            uint64_t bit, *word = word_of(tally, n, &bit);
            *word &= ~bit;
        }
    tally->highest = number;
}

/* One that isn't newer than the newest. */
static void count_old(struct tally *tally, int64_t number)
{
    if (number + TALLY_WINDOW <= tally->highest || !mark(tally, number)) {
        tally->counts.duplicates++;
        return;
    }
    tally->unique++;
    tally->counts.reordered++;
    if (number < tally->lowest)
        tally->lowest = number;
}

void tally_packet(struct tally *tally, const struct rtp *packet, uint32_t bytes)
{
    bool first = !tally->started || packet->ssrc != tally->ssrc;
    if (first)
        start(tally, packet);
    tally->counts.packets++;
    tally->counts.bytes += bytes;
    tally->packets++;
    int64_t number =
        tally->highest + (int16_t)(uint16_t)(packet->sequence - (uint64_t)tally->highest);
    if (!first && number <= tally->highest) {
        count_old(tally, number);
        return;
    }
    advance(tally, number);
    mark(tally, number);
    tally->unique++;
}

void tally_arrival(struct tally *tally, uint32_t timestamp, uint32_t clock_rate,
                   uint64_t arrival_ns)
{
    uint64_t arrival =
        arrival_ns / NS_PER_S * clock_rate + arrival_ns % NS_PER_S * clock_rate / NS_PER_S;
    uint32_t transit = (uint32_t)arrival - timestamp;
    uint32_t change = transit - tally->transit;
    if (change > INT32_MAX)
        change = -change;
    if (clock_rate > 0 && tally->has_transit)
        tally->jitter += change - ((tally->jitter + 8) >> 4);
    tally->transit = transit;
    tally->has_transit = clock_rate > 0;
}

void tally_sender_report(struct tally *tally, const struct rtcp *report, uint64_t arrival_ns)
{
    tally->sender_report = (uint32_t)(report->ntp >> 16);
    tally->sender_report_at_ns = arrival_ns;
}

struct truth_received tally_counts(const struct tally *tally)
{
    struct truth_received counts = tally->counts;
    counts.lost = tally->lost_before + expected(tally) - tally->unique;
    return counts;
}

static uint32_t since_sender_report(const struct tally *tally, uint64_t now_ns)
{
    if (tally->sender_report == 0 || now_ns < tally->sender_report_at_ns)
        return 0;
    uint64_t since_ns = now_ns - tally->sender_report_at_ns;
    return (uint32_t)(since_ns / NS_PER_S << 16 | (since_ns % NS_PER_S << 16) / NS_PER_S);
}

bool tally_report(struct tally *tally, uint64_t now_ns, struct rtcp_block *out)
{
    if (!tally->started)
        return false;
    int64_t lost = (int64_t)(expected(tally) - tally->packets);
    uint64_t interval = expected(tally) - tally->expected_prior;
    int64_t lost_interval = (int64_t)(interval - (tally->packets - tally->packets_prior));
    *out = (struct rtcp_block){
        .ssrc = tally->ssrc,
        .fraction_lost =
            lost_interval > 0 ? (uint8_t)(((uint64_t)lost_interval << 8) / interval) : 0,
        .cumulative_lost = (int32_t)(lost > INT32_MAX   ? INT32_MAX
                                     : lost < INT32_MIN ? INT32_MIN
                                                        : lost),
        .extended_sequence = (uint32_t)tally->highest,
        .jitter = tally->jitter >> 4,
        .last_sr = tally->sender_report,
        .delay_since_sr = since_sender_report(tally, now_ns),
    };
    tally->expected_prior = expected(tally);
    tally->packets_prior = tally->packets;
    return true;
}
