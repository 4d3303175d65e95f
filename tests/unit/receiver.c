#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"
#include "client/receiver.h"

#define SSRC 0x1234u

struct world {
    struct receiver receiver;
    struct rtp_counts counts;
    struct receiver_left left;
    struct pool blocks;
    uint32_t now_ms;
    enum loss_cause cause;
};

static struct world world_make(uint32_t blocks)
{
    struct world world = {.now_ms = 1, .cause = LOSS_SERVER};
    world.receiver.clock_rate = 90000;
    assert_int_equal(pool_init(&world.blocks, sizeof(struct gaps_block), blocks), 0);
    return world;
}

/* What always holds, and nothing is left in the pool. */
static void world_end(struct world *world)
{
    uint64_t by = 0;
    for (unsigned i = 0; i < LOSS_CAUSES; i++)
        by += world->counts.lost_by[i];
    assert_int_equal(by, world->counts.lost);
    assert_int_equal(world->receiver.lost, world->counts.lost);
    receiver_restart(&world->receiver, &world->blocks);
    assert_int_equal(world->blocks.in_use, 0);
    pool_dispose(&world->blocks);
}

static enum receiver_verdict give_from(struct world *world, uint32_t ssrc, uint32_t sequence)
{
    struct rtp packet = {.ssrc = ssrc, .sequence = (uint16_t)sequence};
    struct receiver_arrival arrival = {
        .now_ms = world->now_ms,
        .cause = world->cause,
        .counts = &world->counts,
        .gap_blocks = &world->blocks,
        .left = &world->left,
    };
    return receiver_on_packet(&world->receiver, &packet, &arrival);
}

static enum receiver_verdict give(struct world *world, uint32_t sequence)
{
    return give_from(world, SSRC, sequence);
}

/* Consecutive packets, one every step_ms. */
static void run_of(struct world *world, uint32_t first, uint32_t count, uint32_t step_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(give(world, first + i), RECEIVER_IN_ORDER);
        world->now_ms += step_ms;
    }
}

/* Short streams, a letter a verdict: In order, Gap, Reordered, Duplicate, Held, reStart. The
   numbers were worked out by hand from RFC 3550, A.1, and METRICS' definitions. */
static void streams_are_judged(void **state)
{
    (void)state;
    static const struct {
        uint32_t sequences[10];
        const char *verdicts;
        uint64_t expected, lost, duplicates, reordered, resets;
    } rows[] = {
        {{1, 2, 3}, "III", 3, 0, 0, 0, 0},
        {{65534, 65535, 0, 1}, "IIII", 4, 0, 0, 0, 0},
        {{65534, 1}, "IG", 4, 2, 0, 0, 0},
        {{65534, 1, 65535, 0}, "IGRR", 4, 0, 0, 2, 0},
        {{65535, 0, 65535}, "IID", 2, 0, 1, 0, 0},
        {{0, 65535, 1}, "IRI", 3, 0, 0, 1, 0}, /* the base moves back across the wrap */
        {{10, 7}, "IR", 4, 2, 0, 1, 0},        /* ... and leaves 8 and 9 missing */
        {{10, 7, 9, 8, 8, 7}, "IRRRDD", 4, 0, 2, 3, 0},
        {{5, 5, 5}, "IDD", 1, 0, 2, 0, 0},
        {{5, 8, 6, 6, 7, 7}, "IGRDRD", 4, 0, 2, 2, 0},
        {{5, 8, 7, 8, 7}, "IGRDD", 4, 1, 2, 1, 0},
        {{100, 30000, 30001, 30002}, "IHSI", 4, 0, 0, 0, 1},     /* one epoch of 1, one of 3 */
        {{100, 30000, 30002, 30003}, "IHSI", 5, 1, 0, 0, 1},     /* the second one is lost */
        {{100, 30000, 30101, 30102}, "IHHS", 3, 0, 0, 0, 1},     /* too far apart to follow */
        {{100, 30000, 101, 30001, 102}, "IHIHI", 3, 0, 0, 0, 0}, /* noise twice: not consecutive */
        {{100, 30000, 40000, 40001}, "IHHS", 3, 0, 0, 0, 1},
        {{100, 65535 - 1024 + 101, 101}, "IRI", 1024 + 2, 1023, 0, 1, 0},
        {{5000, 5000 - 1024, 5000 - 1025, 5001}, "IRHI", 1026, 1023, 0, 1, 0},
    };
    static const char letters[] = {
        [RECEIVER_IN_ORDER] = 'I',  [RECEIVER_GAP] = 'G',  [RECEIVER_REORDERED] = 'R',
        [RECEIVER_DUPLICATE] = 'D', [RECEIVER_LATE] = 'L', [RECEIVER_RESTART] = 'S',
        [RECEIVER_HELD] = 'H'};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world = world_make(4);
        char seen[11] = {0};
        for (unsigned k = 0; rows[i].verdicts[k]; k++) {
            seen[k] = letters[give(&world, rows[i].sequences[k])];
            world.now_ms += 20;
        }
        assert_string_equal(seen, rows[i].verdicts);
        assert_int_equal(world.counts.expected, rows[i].expected);
        assert_int_equal(world.counts.lost, rows[i].lost);
        assert_int_equal(world.counts.duplicates, rows[i].duplicates);
        assert_int_equal(world.counts.reordered, rows[i].reordered);
        assert_int_equal(world.counts.resets, rows[i].resets);
        assert_int_equal(world.counts.late, 0);
        world_end(&world);
    }
}

/* 300,000 packets from 65,500 on: four wraps and more. */
static void sequences_wrap(void **state)
{
    (void)state;
    struct world world = world_make(0);
    run_of(&world, 65500, 300000, 1);
    assert_int_equal(world.counts.expected, 300000);
    assert_int_equal(world.counts.lost, 0);
    struct rtcp_block block = receiver_report(&world.receiver, world.now_ms);
    assert_int_equal(block.extended_sequence, 65500 + 299999); /* cycles << 16 | sequence */
    assert_int_equal(block.cumulative_lost, 0);
    world_end(&world);
}

/* A session of months: 2^32 packets and a few more. */
static void the_extended_number_wraps_too(void **state)
{
    (void)state;
    struct world world = world_make(1);
    run_of(&world, 1, 10, 1);
    world.receiver.ext_max = UINT32_MAX - 5; /* as if all of them had come; low bits 65530 */
    run_of(&world, 65531, 10, 1);
    assert_int_equal(give(&world, 2), RECEIVER_DUPLICATE);
    assert_int_equal(give(&world, 65534), RECEIVER_DUPLICATE);
    assert_int_equal(give(&world, 7), RECEIVER_GAP);
    assert_int_equal(give(&world, 6), RECEIVER_REORDERED);
    assert_int_equal(world.counts.lost, 1);
    assert_int_equal(world.counts.expected, 10 + 10 + 3);
    world_end(&world);
}

/* How far ahead is a gap and not a restart: 60 s of packets, but at least 3,000. 60 packets that
   came at 1 a second have a mean of 60 in 60 s; 2,000 at 500 a second have 30,000, cut to 16,383.
 */
static void dropout_follows_the_rate(void **state)
{
    (void)state;
    static const struct {
        uint32_t count, step_ms, ahead;
        bool gap;
    } rows[] = {
        {60, 1000, 3000, true},  {60, 1000, 3001, false}, {2000, 2, 16383, true},
        {2000, 2, 16384, false}, {1000, 10, 6000, true}, /* 100 a second: 6,000, give or take the
                                                            last step */
        {1000, 10, 6010, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world = world_make(0);
        run_of(&world, 0, rows[i].count, rows[i].step_ms);
        enum receiver_verdict verdict = give(&world, rows[i].count - 1 + rows[i].ahead);
        assert_int_equal(verdict, rows[i].gap ? RECEIVER_GAP : RECEIVER_HELD);
        assert_int_equal(world.counts.lost, rows[i].gap ? rows[i].ahead - 1 : 0);
        world_end(&world);
    }
}

/* How far back is an old packet: 1,024, or 2 s where that is more, but at most 4,096. */
static void misorder_follows_the_rate(void **state)
{
    (void)state;
    static const struct {
        uint32_t count, step_us, behind;
        enum receiver_verdict verdict;
    } rows[] = {
        {3000, 20000, 1024, RECEIVER_DUPLICATE}, {3000, 20000, 1025, RECEIVER_HELD},
        {9000, 1000, 2000, RECEIVER_DUPLICATE},  {9000, 1000, 2001, RECEIVER_HELD},
        {9000, 250, 4096, RECEIVER_DUPLICATE},   {9000, 250, 4097, RECEIVER_HELD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world = world_make(0);
        for (uint32_t n = 0; n < rows[i].count; n++) {
            world.now_ms = 1 + (uint32_t)((uint64_t)(n + 1) * rows[i].step_us / 1000);
            give(&world, n);
        }
        world.now_ms = 1 + rows[i].count * (rows[i].step_us / 10) / 100;
        assert_int_equal(give(&world, rows[i].count - 1 - rows[i].behind), rows[i].verdict);
        world_end(&world);
    }
}

static void another_source_is_another_epoch(void **state)
{
    (void)state;
    struct world world = world_make(1);
    const struct rtcp sr = {.ntp = UINT64_C(0x0123456789abcdef)};
    run_of(&world, 100, 50, 10);
    receiver_on_sender_report(&world.receiver, &sr, world.now_ms);
    give(&world, 152);
    assert_int_equal(world.counts.lost, 2);
    assert_int_equal(give_from(&world, SSRC + 1, 151), RECEIVER_RESTART);
    assert_int_equal(give_from(&world, SSRC + 1, 150), RECEIVER_REORDERED);
    assert_int_equal(world.counts.lost, 2); /* the old source's gap stays a loss */
    assert_int_equal(world.counts.resets, 1);
    assert_int_equal(world.counts.expected, 53 + 2);
    struct rtcp_block block = receiver_report(&world.receiver, world.now_ms);
    assert_int_equal(block.ssrc, SSRC + 1);
    assert_int_equal(block.last_sr, 0); /* RFC 3550, 6.4.1: none from this source */
    assert_int_equal(block.cumulative_lost, 0);
    world_end(&world);
}

/* Packets that a change of source overtook are late; two in a row say that the old source is back.
 */
static void an_old_source_may_come_late(void **state)
{
    (void)state;
    struct world world = world_make(0);
    run_of(&world, 100, 50, 10);
    assert_int_equal(give_from(&world, SSRC + 1, 7), RECEIVER_RESTART);
    assert_int_equal(give(&world, 150), RECEIVER_LATE);
    assert_int_equal(give_from(&world, SSRC + 1, 8), RECEIVER_IN_ORDER);
    assert_int_equal(give(&world, 151), RECEIVER_LATE);
    assert_int_equal(give_from(&world, SSRC + 1, 9), RECEIVER_IN_ORDER);
    assert_int_equal(world.counts.resets, 1);
    assert_int_equal(world.counts.late, 2);
    assert_int_equal(world.counts.expected, 50 + 3);
    assert_int_equal(give(&world, 152), RECEIVER_LATE);
    assert_int_equal(give(&world, 153), RECEIVER_RESTART);
    assert_int_equal(give(&world, 154), RECEIVER_IN_ORDER);
    assert_int_equal(give_from(&world, SSRC + 2, 10), RECEIVER_RESTART);
    assert_int_equal(world.counts.resets, 3);
    assert_int_equal(world.counts.lost, 0);
    world_end(&world);
}

/* What was missing or given up before a restart says nothing about the numbers after it. */
static void an_epoch_forgets_the_one_before(void **state)
{
    (void)state;
    struct world world = world_make(0);
    for (uint32_t n = 0; n <= 40; n += 2) /* 20 gaps, of which 4 are kept and 1 to 31 given up */
        give(&world, n);
    give(&world, 60);
    assert_int_equal(give_from(&world, SSRC + 1, 58), RECEIVER_RESTART);
    assert_int_equal(give_from(&world, SSRC + 1, 58), RECEIVER_DUPLICATE);
    assert_int_equal(give_from(&world, SSRC + 2, 25), RECEIVER_RESTART);
    for (uint32_t n = 26; n < 40; n++)
        assert_int_equal(give_from(&world, SSRC + 2, n), RECEIVER_IN_ORDER);
    assert_int_equal(give_from(&world, SSRC + 2, 26), RECEIVER_DUPLICATE);
    world_end(&world);
}

/* One is lost; it comes back after so many packets and so much time. */
static void a_lost_packet_may_come_late(void **state)
{
    (void)state;
    static const struct {
        uint32_t packets, step_us;
        enum receiver_verdict verdict;
    } rows[] = {
        {1023, 20000, RECEIVER_REORDERED}, /* after 20 s, but few packets */
        {1500, 1000, RECEIVER_REORDERED},  /* after many packets, but in 1.5 s */
        {4000, 600, RECEIVER_LATE},        /* 2.4 s at a rate that was 10,000 a second at first */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world = world_make(0);
        uint32_t from = 30000;
        for (uint32_t n = 0; n < from; n++) {
            world.now_ms = 1 + n / 10;
            give(&world, n);
        }
        uint32_t before_ms = world.now_ms;
        for (uint32_t n = 1; n <= rows[i].packets; n++) {
            world.now_ms = before_ms + n * rows[i].step_us / 1000;
            give(&world, from + n);
        }
        assert_int_equal(world.counts.lost, 1);
        assert_int_equal(give(&world, from), rows[i].verdict);
        assert_int_equal(world.counts.lost, rows[i].verdict == RECEIVER_LATE);
        assert_int_equal(world.counts.late, rows[i].verdict == RECEIVER_LATE);
        /* what is newer than the gap was never missing */
        assert_int_equal(give(&world, from + 1), RECEIVER_DUPLICATE);
        world_end(&world);
    }
}

/* More gaps than a pool has: the oldest packets are given up, the others still come back. */
static void a_pool_may_be_used_up(void **state)
{
    (void)state;
    struct world world = world_make(1);
    const uint32_t room = GAPS_INLINE + GAPS_PER_BLOCK, gaps = 100;
    give(&world, 0);
    for (uint32_t i = 1; i <= gaps; i++)
        assert_int_equal(give(&world, 2 * i), RECEIVER_GAP);
    assert_int_equal(world.counts.lost, gaps);
    for (uint32_t i = 1; i <= gaps; i++)
        assert_int_equal(give(&world, 2 * i - 1),
                         i <= gaps - room ? RECEIVER_LATE : RECEIVER_REORDERED);
    assert_int_equal(world.counts.lost, gaps - room);
    world_end(&world);
}

static void losses_keep_their_cause(void **state)
{
    (void)state;
    struct world world = world_make(1);
    give(&world, 0);
    for (uint32_t i = 0; i < LOSS_CAUSES; i++) {
        world.cause = (enum loss_cause)i;
        give(&world, 10 * (i + 1)); /* 9 missing */
    }
    world.cause = LOSS_NETWORK; /* what a packet fills says nothing about whose the loss was */
    give(&world, 15);
    give(&world, 35);
    give(&world, 36);
    assert_int_equal(world.counts.lost_by[0], 9);
    assert_int_equal(world.counts.lost_by[1], 8);
    assert_int_equal(world.counts.lost_by[2], 9);
    assert_int_equal(world.counts.lost_by[3], 7);
    world_end(&world);
}

/* RFC 3550, A.3: packets given between reports, and what each report must say. */
static void reports_tell_loss(void **state)
{
    (void)state;
    struct world world = world_make(4);
    struct rtcp_block block;
    run_of(&world, 65530, 100, 10); /* to 65629 */
    block = receiver_report(&world.receiver, world.now_ms);
    assert_int_equal(block.fraction_lost, 0);
    assert_int_equal(block.extended_sequence, 65629);
    give(&world, 65629 + 26); /* 25 of 26 lost */
    block = receiver_report(&world.receiver, world.now_ms);
    assert_int_equal(block.fraction_lost, 246); /* 25 * 256 / 26 = 246.15 */
    assert_int_equal(block.cumulative_lost, 25);
    run_of(&world, 65656, 3, 10);
    give(&world, 65660); /* 1 of 5 */
    block = receiver_report(&world.receiver, world.now_ms);
    assert_int_equal(block.fraction_lost, 51); /* 256 / 5 = 51.2 */
    assert_int_equal(block.cumulative_lost, 26);
    for (unsigned i = 0; i < 30; i++) /* duplicates mask loss: 130 + 5 - 26 + ... */
        give(&world, 65660);
    block = receiver_report(&world.receiver, world.now_ms);
    assert_int_equal(block.fraction_lost, 0);
    assert_int_equal(block.cumulative_lost, -4); /* 26 - 30 */
    block = receiver_report(&world.receiver, world.now_ms);
    assert_int_equal(block.fraction_lost, 0); /* nothing expected: no division */
    world_end(&world);
}

/* A far packet that is noise was never received (A.1 returns 0 for it). */
static void noise_is_not_received(void **state)
{
    (void)state;
    struct world world = world_make(1);
    run_of(&world, 100, 10, 10);
    assert_int_equal(give(&world, 40000), RECEIVER_HELD);
    give(&world, 111); /* 110 is missing */
    assert_int_equal(receiver_report(&world.receiver, world.now_ms).cumulative_lost, 1);
    world_end(&world);
}

/* 24 bits, signed; a fraction of 1 doesn't fit its byte. */
static void reports_are_clamped(void **state)
{
    (void)state;
    struct world world = world_make(0);
    give(&world, 0);
    receiver_report(&world.receiver, 1);
    world.receiver.ext_max += 9000000;
    struct rtcp_block block = receiver_report(&world.receiver, 1);
    assert_int_equal(block.cumulative_lost, 8388607);
    assert_int_equal(block.fraction_lost, 255);
    world.receiver.received += 30000000;
    block = receiver_report(&world.receiver, 1);
    assert_int_equal(block.cumulative_lost, -8388608);
    world_end(&world);
}

/* RFC 3550, 6.4.1: an SR stamped b44d:b705:2000:0000, answered 5.250 s later, gives LSR b705:2000
   and DLSR 0005:4000 (the RFC's own example). */
static void reports_tell_the_delay_since_sr(void **state)
{
    (void)state;
    struct world world = world_make(0);
    const struct rtcp sr = {.ntp = UINT64_C(0xb44db70520000000)};
    give(&world, 1);
    assert_int_equal(receiver_report(&world.receiver, 5000).delay_since_sr, 0);
    receiver_on_sender_report(&world.receiver, &sr, 10000);
    struct rtcp_block block = receiver_report(&world.receiver, 15250);
    assert_int_equal(block.last_sr, 0xb7052000);
    assert_int_equal(block.delay_since_sr, 0x00054000);
    world_end(&world);
}

/* Jitter against RFC 3550, A.8, in floating point, in seconds. */
static void jitter_is_the_rfcs(void **state)
{
    (void)state;
    static const struct {
        uint32_t clock_rate, ticks, spread_us;
    } rows[] = {
        {90000, 3600, 0},   {90000, 3600, 5000}, {90000, 3003, 40000},   {8000, 160, 3000},
        {48000, 1024, 900}, {1000, 40, 200000},  {90000, 3600, 8000000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct receiver receiver = {.clock_rate = rows[i].clock_rate};
        struct rng rng = rng_init(7, i, 0);
        double jitter = 0, before_s = 0;
        uint32_t timestamp = UINT32_MAX - 50 * rows[i].ticks; /* wraps on the way */
        for (uint32_t n = 0; n < 2000; n++) {
            uint64_t media_ns = (uint64_t)n * rows[i].ticks * NS_PER_S / rows[i].clock_rate;
            uint64_t late_us = rows[i].spread_us ? rng_below(&rng, rows[i].spread_us) : 0;
            uint64_t at_ns = 5 * NS_PER_S + media_ns + late_us * NS_PER_US;
            double at_s = (double)at_ns / 1e9;
            double d = at_s - before_s - (double)rows[i].ticks / rows[i].clock_rate;
            bool renewed = receiver_on_frame(&receiver, timestamp + n * rows[i].ticks, at_ns);
            assert_int_equal(renewed, n > 0);
            if (n > 0)
                jitter += (fabs(d) - jitter) / 16;
            before_s = at_s;
            assert_true(fabs(receiver.jitter_ns / 1e9 - jitter) < 1e-7);
        }
        uint32_t reported = receiver_report(&receiver, 0).jitter;
        assert_true(fabs(reported - jitter * rows[i].clock_rate) <= 1.01);
    }
}

static void frames_begin_with_a_newer_timestamp(void **state)
{
    (void)state;
    struct receiver receiver = {.clock_rate = 90000};
    const uint64_t frame_ns = 40 * NS_PER_MS;
    assert_false(receiver_on_frame(&receiver, 0, 0));
    assert_false(receiver_on_frame(&receiver, 0, NS_PER_MS));
    assert_true(receiver_on_frame(&receiver, 10800, 3 * frame_ns));
    assert_int_equal(receiver.jitter_ns, 0);
    assert_false(receiver_on_frame(&receiver, 3600, 4 * frame_ns)); /* B-frames */
    assert_false(receiver_on_frame(&receiver, 7200, 5 * frame_ns));
    assert_true(receiver_on_frame(&receiver, 21600, 6 * frame_ns));
    assert_int_equal(receiver.jitter_ns, 0);
}

/* In the order of decoding, by the places in the order of showing: first what the stream begins
   with, then a group that repeats. */
static const struct reordering {
    unsigned head_len, head[4], group_len, group[8];
    unsigned newest; /* frames of a group that are newer than all before */
} reorderings[] = {
    {1, {0}, 3, {3, 1, 2}, 1},
    {1, {0}, 4, {4, 1, 2, 3}, 1},
    {1, {0}, 4, {4, 2, 1, 3}, 1},
    {1, {0}, 8, {8, 4, 2, 1, 3, 6, 5, 7}, 1},
    {1, {0}, 8, {8, 4, 2, 6, 1, 3, 5, 7}, 1},
    {3, {2, 0, 1}, 3, {5, 3, 4}, 1}, /* an open GOP with leading pictures */
    {2, {0, 1}, 3, {4, 2, 3}, 1},    /* joined among B-frames */
    {2, {0, 1}, 5, {2, 3, 6, 4, 5}, 3},
};

static uint32_t place_of(const struct reordering *order, uint32_t i)
{
    if (i < order->head_len)
        return order->head[i];
    uint32_t k = i - order->head_len;
    return k / order->group_len * order->group_len + order->group[k % order->group_len];
}

/* 1,000 frames, 40 ms apart but for those late; every so many the newest of a group is lost.
   Returns how often jitter was renewed. */
static unsigned play_reordered(struct world *world, const struct reordering *order,
                               uint32_t late_each, uint32_t lost_each, uint32_t *worst_ns)
{
    unsigned renewed = 0;
    receiver_set_clock(&world->receiver, 90000, true);
    *worst_ns = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t k = i >= order->head_len ? (i - order->head_len) / order->group_len : 0;
        bool first = i >= order->head_len && (i - order->head_len) % order->group_len == 0;
        uint64_t late_ns = late_each > 0 && first && k % late_each == 10 ? 16 * NS_PER_MS : 0;
        if (lost_each > 0 && first && k % lost_each == 10)
            continue;
        uint64_t at_ns = NS_PER_S + i * 40 * NS_PER_MS + late_ns;
        give(world, i);
        renewed += receiver_on_frame(&world->receiver, place_of(order, i) * 3600 - 90000, at_ns);
        if (world->receiver.jitter_ns > *worst_ns)
            *worst_ns = world->receiver.jitter_ns;
    }
    return renewed;
}

/* At a perfect pace there is no jitter, from the first frame on. One frame that is 16 ms late adds
   a sixteenth of it, and its successor another. */
static void reordered_frames_have_no_jitter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(reorderings) / sizeof(reorderings[0]); i++) {
        const struct reordering *order = &reorderings[i];
        struct world world = world_make(1);
        uint32_t worst_ns;
        unsigned renewed = play_reordered(&world, order, 0, 0, &worst_ns);
        assert_int_equal(worst_ns, 0);
        assert_in_range(renewed, 1000 / order->group_len * order->newest - 8,
                        1000 / order->group_len * order->newest + 1);
        world_end(&world);
        world = world_make(1);
        play_reordered(&world, order, 1000, 0, &worst_ns);
        assert_int_equal(worst_ns, NS_PER_MS + (16 * NS_PER_MS - NS_PER_MS) / 16);
        world_end(&world);
    }
}

/* Of a group whose newest frame is lost the others pass for newest ones, but for no jitter. */
static void lost_reordered_frames_make_no_jitter(void **state)
{
    (void)state;
    for (size_t i = 0; i < 7; i++) {
        struct world world = world_make(1);
        uint32_t worst_ns;
        unsigned renewed = play_reordered(&world, &reorderings[i], 0, 25, &worst_ns);
        assert_int_equal(worst_ns, 0);
        assert_in_range(renewed, 1000 / reorderings[i].group_len * 3 / 4, 1000);
        world_end(&world);
    }
}

/* Where frames might be reordered and are not, all counts as elsewhere, with the frame behind; the
   last one's when it is asked for. */
static void samples_wait_for_the_next_frame(void **state)
{
    (void)state;
    struct receiver waits = {0}, counts = {0};
    struct rng rng = rng_init(11, 1, 0);
    receiver_set_clock(&waits, 90000, true);
    receiver_set_clock(&counts, 90000, false);
    for (uint32_t n = 0; n < 500; n++) {
        uint64_t at_ns = NS_PER_S + n * 40 * NS_PER_MS + rng_below(&rng, 20) * NS_PER_MS;
        uint32_t before_ns = counts.jitter_ns;
        assert_int_equal(receiver_on_frame(&waits, n * 3600, at_ns), n > 1);
        assert_int_equal(receiver_on_frame(&counts, n * 3600, at_ns), n > 0);
        assert_int_equal(waits.jitter_ns, before_ns);
    }
    assert_true(receiver_last_frame(&waits));
    assert_false(receiver_last_frame(&waits));
    assert_false(receiver_last_frame(&counts));
    assert_int_equal(waits.jitter_ns, counts.jitter_ns);
}

static void without_a_clock_there_is_no_jitter(void **state)
{
    (void)state;
    struct receiver receiver = {0};
    for (uint32_t n = 0; n < 10; n++)
        assert_false(receiver_on_frame(&receiver, n * 3600, n * n * NS_PER_MS));
    assert_int_equal(receiver.jitter_ns, 0);
    assert_int_equal(receiver_report(&receiver, 0).jitter, 0);
}

/* A timestamp far off is a new beginning, in either direction: not jitter, and not the end of it.
 */
static void timestamps_may_jump(void **state)
{
    (void)state;
    static const uint32_t jumps[] = {
        0x80000000u, 0x7fffffffu, 0xc0000000u, 0x40000000u, (uint32_t)-900001, 11 * 90000,
    };
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct receiver receiver = {.clock_rate = 90000};
        uint64_t at_ns = NS_PER_S;
        assert_false(receiver_on_frame(&receiver, 77, at_ns));
        assert_true(receiver_on_frame(&receiver, 77 + 3600, at_ns += 40 * NS_PER_MS));
        assert_false(receiver_on_frame(&receiver, 77 + 3600 + jumps[i], at_ns += 40 * NS_PER_MS));
        assert_int_equal(receiver.jitter_ns, 0);
        assert_true(receiver_on_frame(&receiver, 77 + 7200 + jumps[i], at_ns += 56 * NS_PER_MS));
        assert_int_equal(receiver.jitter_ns, NS_PER_MS); /* 16 ms late, a sixteenth of it */
    }
}

/* A model that remembers every packet, against 10^6 of them dropped, repeated and delayed at
 * random. */
#define MODEL_PACKETS 1000000u
#define MODEL_DELAY 500u /* packets; below the 1,024 that a gap is kept */

struct model {
    uint8_t *seen; /* a byte a packet */
    uint32_t first, last;
    uint64_t packets, unique, duplicates, reordered;
};

static enum receiver_verdict model_judge(struct model *model, uint32_t n)
{
    bool begins = model->packets++ == 0;
    bool newest = begins || n > model->last, gap = !begins && n > model->last + 1;
    if (model->seen[n]) {
        model->duplicates++;
        return RECEIVER_DUPLICATE;
    }
    model->seen[n] = 1;
    model->unique++;
    if (begins || n < model->first)
        model->first = n;
    if (newest) {
        model->last = n;
        return gap ? RECEIVER_GAP : RECEIVER_IN_ORDER;
    }
    model->reordered++;
    return RECEIVER_REORDERED;
}

/* What arrives at each moment: packet numbers in a ring of slots. */
struct wire {
    uint32_t slots[MODEL_DELAY + 1][16];
    uint8_t count[MODEL_DELAY + 1];
};

static void wire_put(struct wire *wire, uint64_t at, uint32_t n)
{
    unsigned slot = (unsigned)(at % (MODEL_DELAY + 1));
    if (wire->count[slot] < 16)
        wire->slots[slot][wire->count[slot]++] = n;
}

static void wire_send(struct wire *wire, struct rng *rng, uint32_t n)
{
    bool burst = n / 997 % 50 == 49; /* now and then a bad time */
    if (rng_below(rng, burst ? 3 : 200) == 0)
        return;
    uint64_t delay = rng_below(rng, 40) == 0 ? rng_below(rng, MODEL_DELAY) : 0;
    wire_put(wire, n + delay, n);
    if (rng_below(rng, 60) == 0)
        wire_put(wire, n + rng_below(rng, MODEL_DELAY), n);
}

static void compare(const struct world *world, const struct model *model)
{
    assert_int_equal(world->counts.expected, model->last - model->first + 1);
    assert_int_equal(world->counts.lost, world->counts.expected - model->unique);
    assert_int_equal(world->counts.duplicates, model->duplicates);
    assert_int_equal(world->counts.reordered, model->reordered);
    assert_int_equal(world->counts.late, 0);
    assert_int_equal(world->counts.resets, 0);
    assert_int_equal(world->receiver.received, model->packets);
}

static void a_model_agrees(void **state)
{
    (void)state;
    struct world world = world_make(1000);
    struct model model = {.seen = calloc(MODEL_PACKETS, 1)};
    struct wire *wire = calloc(1, sizeof(*wire));
    struct rng rng = rng_init(2024, 1, 2);
    assert_non_null(model.seen);
    assert_non_null(wire);
    for (uint32_t at = 0; at < MODEL_PACKETS + MODEL_DELAY; at++) {
        unsigned slot = at % (MODEL_DELAY + 1);
        if (at < MODEL_PACKETS)
            wire_send(wire, &rng, at);
        for (unsigned i = 0; i < wire->count[slot]; i++) {
            uint32_t n = wire->slots[slot][i];
            enum receiver_verdict verdict = give(&world, 65500 + n);
            assert_int_equal(verdict, model_judge(&model, n));
        }
        wire->count[slot] = 0;
        world.now_ms += at % 2;
        if (at % 1000 == 0 && model.packets > 0)
            compare(&world, &model);
    }
    compare(&world, &model);
    assert_true(model.reordered > 10000 && model.duplicates > 10000);
    assert_true(world.counts.lost > 5000);
    world_end(&world);
    free(model.seen);
    free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_judged),
        cmocka_unit_test(sequences_wrap),
        cmocka_unit_test(the_extended_number_wraps_too),
        cmocka_unit_test(dropout_follows_the_rate),
        cmocka_unit_test(misorder_follows_the_rate),
        cmocka_unit_test(another_source_is_another_epoch),
        cmocka_unit_test(an_old_source_may_come_late),
        cmocka_unit_test(an_epoch_forgets_the_one_before),
        cmocka_unit_test(a_lost_packet_may_come_late),
        cmocka_unit_test(a_pool_may_be_used_up),
        cmocka_unit_test(losses_keep_their_cause),
        cmocka_unit_test(reports_tell_loss),
        cmocka_unit_test(noise_is_not_received),
        cmocka_unit_test(reports_are_clamped),
        cmocka_unit_test(reports_tell_the_delay_since_sr),
        cmocka_unit_test(jitter_is_the_rfcs),
        cmocka_unit_test(frames_begin_with_a_newer_timestamp),
        cmocka_unit_test(reordered_frames_have_no_jitter),
        cmocka_unit_test(lost_reordered_frames_make_no_jitter),
        cmocka_unit_test(samples_wait_for_the_next_frame),
        cmocka_unit_test(without_a_clock_there_is_no_jitter),
        cmocka_unit_test(timestamps_may_jump),
        cmocka_unit_test(a_model_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
