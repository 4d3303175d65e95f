#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "server/tally.h"

static void take(struct tally *tally, uint16_t sequence, uint32_t ssrc)
{
    struct rtp packet = {.sequence = sequence, .ssrc = ssrc};
    tally_packet(tally, &packet, 100);
}

static void test_stories(void **state)
{
    static const struct {
        int sequences[10]; /* up to a -1 */
        uint64_t packets, lost, duplicates, reordered;
    } rows[] = {
        {{-1}, 0, 0, 0, 0},
        {{7, -1}, 1, 0, 0, 0},
        {{7, 8, 9, -1}, 3, 0, 0, 0},
        {{7, 9, 12, -1}, 3, 3, 0, 0},   /* 8, 10, 11 */
        {{7, 9, 8, -1}, 3, 0, 0, 1},    /* the gap is filled */
        {{7, 8, 8, 7, -1}, 4, 0, 2, 0}, /* second copies aren't reordered */
        {{7, 9, 8, 8, -1}, 4, 0, 1, 1}, /* nor are those of a reordered one */
        {{7, 6, 5, -1}, 3, 0, 0, 2},    /* the first by number comes last */
        {{7, 4, 8, -1}, 3, 2, 0, 1},    /* 5, 6 */
        {{65534, 65535, 0, 1, -1}, 4, 0, 0, 0},
        {{65534, 1, 65535, -1}, 3, 1, 0, 1}, /* 0 */
        {{1, 65534, 0, -1}, 3, 1, 0, 2},     /* 65535 */
        {{10, 5010, -1}, 2, 4999, 0, 0},
        {{100, 5000, 4196, -1}, 3, 4898, 0, 1}, /* 4096 + 100: the same place in the window */
        {{10, 5010, 10, -1}, 3, 4999, 1, 0},
        {{10, 5010, 915, -1}, 3, 4998, 0, 1},           /* 4095 behind: the window's last */
        {{10, 5010, 914, -1}, 3, 4999, 1, 0},           /* behind the window */
        {{0, 30000, 60000, 24464, -1}, 4, 89997, 0, 0}, /* 24464 is 90000 - 65536 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tally tally = {0};
        for (const int *sequence = rows[i].sequences; *sequence >= 0; sequence++)
            take(&tally, (uint16_t)*sequence, 1);
        struct truth_received counts = tally_counts(&tally);
        if (counts.packets != rows[i].packets || counts.lost != rows[i].lost ||
            counts.duplicates != rows[i].duplicates || counts.reordered != rows[i].reordered)
            fail_msg("row %zu: %lu packets, %lu lost, %lu duplicates, %lu reordered", i,
                     counts.packets, counts.lost, counts.duplicates, counts.reordered);
        assert_int_equal(counts.bytes, 100 * rows[i].packets);
    }
}

/* Another SSRC begins anew; what its predecessor lost stays lost. */
static void test_sources(void **state)
{
    struct tally tally = {0};
    struct rtcp_block block;
    take(&tally, 10, 1);
    take(&tally, 13, 1); /* 11, 12 */
    take(&tally, 40000, 2);
    take(&tally, 40002, 2); /* 40001 */
    take(&tally, 13, 3);
    struct truth_received counts = tally_counts(&tally);
    assert_int_equal(counts.packets, 5);
    assert_int_equal(counts.lost, 3);
    assert_int_equal(counts.duplicates + counts.reordered, 0);
    assert_true(tally_report(&tally, NS_PER_S, &block));
    assert_int_equal(block.ssrc, 3);
    assert_int_equal(block.cumulative_lost, 0);
    assert_int_equal(block.extended_sequence, 13);
}

#define NUMBERS 300000u

/* Packets numbered 0 to 299,999 with losses, copies and shuffles of up to 1,000, against a table of
   all numbers. */
static void test_against_a_table(void **state)
{
    static uint8_t seen[NUMBERS];
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct rng rng = rng_init(seed, 0, 0);
        struct tally tally = {0};
        uint32_t low = UINT32_MAX, high = 0, missing = 0;
        uint64_t packets = 0, duplicates = 0, reordered = 0;
        memset(seen, 0, sizeof(seen));
        for (uint32_t at = 1000; at < NUMBERS; at++) {
            uint64_t draw = rng_below(&rng, 10);
            uint32_t n = draw == 0 ? at - (uint32_t)rng_below(&rng, 1000) : at;
            if (draw == 1)
                continue;
            take(&tally, (uint16_t)(n + 65000), 9);
            packets++;
            duplicates += seen[n];
            reordered += !seen[n] && packets > 1 && n < high;
            seen[n] = 1;
            low = n < low ? n : low;
            high = n > high ? n : high;
        }
        for (uint32_t n = low; n <= high; n++)
            missing += !seen[n];
        struct truth_received counts = tally_counts(&tally);
        assert_int_equal(counts.packets, packets);
        assert_int_equal(counts.duplicates, duplicates);
        assert_int_equal(counts.reordered, reordered);
        assert_int_equal(counts.lost, missing);
        assert_true(missing > 20000 && duplicates > 10000 && reordered > 1000);
    }
}

/* RFC 3550, A.3: of 10 expected 8 came, then of 10 more 5 and a second copy. */
static void test_loss_in_reports(void **state)
{
    struct tally tally = {0};
    struct rtcp_block block;
    assert_false(tally_report(&tally, NS_PER_S, &block));
    for (uint16_t n = 0; n < 10; n++) {
        if (n != 3 && n != 4)
            take(&tally, (uint16_t)(65530 + n), 5);
    }
    assert_true(tally_report(&tally, NS_PER_S, &block));
    assert_int_equal(block.ssrc, 5);
    assert_int_equal(block.cumulative_lost, 2);
    assert_int_equal(block.fraction_lost, 51);            /* 2 * 256 / 10 */
    assert_int_equal(block.extended_sequence, 65536 + 3); /* 65530 + 9, once round */
    assert_int_equal(block.last_sr + block.delay_since_sr, 0);
    for (uint16_t n = 10; n < 20; n += 2)
        take(&tally, (uint16_t)(65530 + n), 5);
    take(&tally, 12, 5); /* a second copy counts as received; and the last one, 13, came */
    take(&tally, 13, 5);
    assert_true(tally_report(&tally, NS_PER_S, &block));
    assert_int_equal(block.cumulative_lost, 5); /* 20 expected, 8 + 7 came */
    assert_int_equal(block.fraction_lost, 76);  /* 3 * 256 / 10 */
    for (unsigned i = 0; i < 9; i++)
        take(&tally, 13, 5);
    assert_true(tally_report(&tally, NS_PER_S, &block));
    assert_int_equal(block.cumulative_lost, -4); /* 20 expected, 24 came */
    assert_int_equal(block.fraction_lost, 0);
}

/* Frames of 40 ms, 3600 units; the third is 16 ms late, 1440 units, and the next is not (A.8). */
static void test_jitter(void **state)
{
    static const struct {
        uint64_t at_ms;
        uint32_t jitter;
    } rows[] = {
        {1000, 0}, {1040, 0}, {1096, 90}, {1120, 174}, /* 90 + (1440 - 90) / 16 = 174.4 */
    };
    struct tally tally = {0};
    struct rtcp_block block;
    take(&tally, 1, 1);
    for (uint32_t i = 0; i < 4; i++) {
        tally_arrival(&tally, UINT32_MAX - 4000 + 3600 * i, 90000, rows[i].at_ms * NS_PER_MS);
        assert_true(tally_report(&tally, NS_PER_S, &block));
        assert_int_equal(block.jitter, rows[i].jitter);
    }
    tally_arrival(&tally, 77, 0, 2000 * NS_PER_MS); /* an unknown clock says nothing */
    assert_true(tally_report(&tally, NS_PER_S, &block));
    assert_int_equal(block.jitter, 174);
}

static void test_sender_reports(void **state)
{
    struct rtcp report = {.type = RTCP_SR, .ntp = UINT64_C(0x1122334455667788)};
    struct tally tally = {0};
    struct rtcp_block block;
    take(&tally, 1, 1);
    tally_sender_report(&tally, &report, 100 * NS_PER_S);
    assert_true(tally_report(&tally, 101500 * NS_PER_MS, &block));
    assert_int_equal(block.last_sr, 0x33445566);
    assert_int_equal(block.delay_since_sr, 0x18000); /* 1.5 s */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),         cmocka_unit_test(test_sources),
        cmocka_unit_test(test_against_a_table), cmocka_unit_test(test_loss_in_reports),
        cmocka_unit_test(test_jitter),          cmocka_unit_test(test_sender_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
