/* Sequence numbers: what is lost, repeated, reordered, late, or a new beginning. */
#include "receiver_rig.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"

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
        cmocka_unit_test(a_model_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
