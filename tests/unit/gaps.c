#include "test.h"

#include "client/gaps.h"

#define BLOCKS 4u
#define ROOM (GAPS_INLINE + BLOCKS * GAPS_PER_BLOCK)

struct world {
    struct gaps gaps;
    struct pool blocks;
};

static struct world world_make(uint32_t blocks)
{
    struct world world = {0};
    assert_int_equal(pool_init(&world.blocks, sizeof(struct gaps_block), blocks), 0);
    return world;
}

/* Every block has gone back to the pool. */
static void world_end(struct world *world)
{
    gaps_clear(&world->gaps, &world->blocks);
    assert_int_equal(world->gaps.count, 0);
    assert_int_equal(world->gaps.chain, 0);
    assert_int_equal(world->blocks.in_use, 0);
    pool_dispose(&world->blocks);
}

static void open_gap(struct world *world, uint32_t first, uint32_t count, uint32_t now_ms)
{
    gaps_open(&world->gaps, &world->blocks, first, gap_make(count, LOSS_NETWORK, now_ms));
}

static bool fill(struct world *world, uint32_t sequence)
{
    enum loss_cause cause;
    return gaps_fill(&world->gaps, &world->blocks, sequence, &cause);
}

/* One gap of five, 10 to 14, filled in some order: how many gaps are left after each packet. */
static void a_gap_shrinks_splits_and_ends(void **state)
{
    (void)state;
    static const struct {
        uint32_t order[5];
        unsigned left[5];
    } rows[] = {
        {{10, 11, 12, 13, 14}, {1, 1, 1, 1, 0}}, {{14, 13, 12, 11, 10}, {1, 1, 1, 1, 0}},
        {{12, 11, 10, 13, 14}, {2, 2, 1, 1, 0}}, {{11, 13, 12, 10, 14}, {2, 3, 2, 1, 0}},
        {{12, 10, 14, 13, 11}, {2, 2, 2, 1, 0}}, {{10, 14, 12, 11, 13}, {1, 1, 2, 1, 0}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world = world_make(1);
        open_gap(&world, 10, 5, 0);
        for (unsigned k = 0; k < 5; k++) {
            assert_true(fill(&world, rows[i].order[k]));
            assert_int_equal(world.gaps.count, rows[i].left[k]);
            assert_false(fill(&world, rows[i].order[k]));
        }
        world_end(&world);
    }
}

static void a_gap_has_sharp_ends(void **state)
{
    (void)state;
    struct world world = world_make(0);
    open_gap(&world, 65534, 4, 0); /* 65534 to 65537, across the wrap of 16 bits */
    assert_false(fill(&world, 65533));
    assert_false(fill(&world, 65538));
    assert_true(fill(&world, 65537));
    assert_true(fill(&world, 65534));
    assert_true(fill(&world, 65536));
    assert_true(fill(&world, 65535));
    assert_int_equal(world.gaps.count, 0);
    world_end(&world);
}

/* Four gaps of the largest size, one a cause. */
static void a_gap_keeps_its_cause(void **state)
{
    (void)state;
    struct world world = world_make(1);
    enum loss_cause cause;
    for (unsigned i = 0; i < LOSS_CAUSES; i++)
        gaps_open(&world.gaps, &world.blocks, 16383 * i, gap_make(16383, (enum loss_cause)i, 0));
    for (unsigned i = LOSS_CAUSES; i-- > 0;) {
        static const uint32_t offsets[] = {0, 50, 49, 51, 16382};
        for (size_t k = 0; k < sizeof(offsets) / sizeof(offsets[0]); k++) {
            cause = LOSS_CAUSES;
            assert_true(gaps_fill(&world.gaps, &world.blocks, 16383 * i + offsets[k], &cause));
            assert_int_equal(cause, i);
        }
    }
    world_end(&world);
}

/* As many gaps as inline and pooled room hold, filled from the front, the back and the middle. */
static void gaps_chain_into_the_pool(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        struct world world = world_make(BLOCKS);
        for (uint32_t i = 0; i < ROOM; i++)
            open_gap(&world, 1000 + 10 * i, 1, 0);
        assert_int_equal(world.gaps.count, ROOM);
        assert_int_equal(world.blocks.in_use, BLOCKS);
        assert_false(world.gaps.gave_up);
        for (uint32_t i = 0; i < ROOM; i++) {
            uint32_t which = way == 0 ? i : way == 1 ? ROOM - 1 - i : (i * 37) % ROOM;
            uint32_t left = ROOM - 1 - i;
            assert_true(fill(&world, 1000 + 10 * which));
            assert_int_equal(world.gaps.count, left);
            assert_int_equal(world.blocks.in_use,
                             left <= GAPS_INLINE
                                 ? 0
                                 : (left - GAPS_INLINE + GAPS_PER_BLOCK - 1) / GAPS_PER_BLOCK);
        }
        world_end(&world);
    }
}

static void without_room_the_oldest_goes(void **state)
{
    (void)state;
    for (uint32_t blocks = 0; blocks < 3; blocks++) {
        uint32_t room = GAPS_INLINE + blocks * GAPS_PER_BLOCK;
        struct world world = world_make(blocks);
        for (uint32_t i = 0; i < room + 3; i++)
            open_gap(&world, 1000 + 10 * i, 2, 0);
        assert_int_equal(world.gaps.count, room);
        assert_true(world.gaps.gave_up);
        assert_int_equal(world.gaps.given_up, 1021); /* the last packet of the third */
        for (uint32_t i = 0; i < room + 3; i++)
            assert_int_equal(fill(&world, 1000 + 10 * i), i >= 3);
        world_end(&world);
    }
}

/* Two owners of one pool: one's chain must not be touched by what the other does. */
static void owners_share_a_pool(void **state)
{
    (void)state;
    struct world world = world_make(2);
    struct gaps other = {0};
    for (uint32_t i = 0; i < 12; i++) {
        open_gap(&world, 10 * i, 1, 0);
        gaps_open(&other, &world.blocks, 5000 + 10 * i, gap_make(1, LOSS_SERVER, 0));
    }
    for (uint32_t i = 12; i < 30; i++) /* no block is left: the other keeps its newest 19 */
        gaps_open(&other, &world.blocks, 5000 + 10 * i, gap_make(1, LOSS_SERVER, 0));
    for (uint32_t i = 0; i < 12; i++)
        assert_true(fill(&world, 10 * i));
    enum loss_cause cause;
    for (uint32_t i = 0; i < 30; i++)
        assert_int_equal(gaps_fill(&other, &world.blocks, 5000 + 10 * i, &cause), i >= 30 - 19);
    world_end(&world);
}

static void a_split_without_room_gives_up_the_rest(void **state)
{
    (void)state;
    struct world world = world_make(0);
    for (uint32_t i = 0; i < GAPS_INLINE; i++)
        open_gap(&world, 100 * i, 10, 0);
    assert_true(fill(&world, 104));
    assert_int_equal(world.gaps.count, GAPS_INLINE);
    assert_true(world.gaps.gave_up);
    assert_int_equal(world.gaps.given_up, 109);
    assert_false(fill(&world, 105));
    assert_true(fill(&world, 103));
    assert_true(fill(&world, 200));
    world_end(&world);
}

/* A gap of ten at 1000 goes once the newest packet is 1,024 beyond its last and 2 s have passed. */
static void a_gap_expires_by_packets_and_time(void **state)
{
    (void)state;
    static const struct {
        uint32_t ext_max, now_ms;
        bool gone;
    } rows[] = {
        {2033, 5000, false}, {2034, 5000, true}, {2034, 2499, false},          {2034, 2500, true},
        {9000, 2499, false}, {9000, 2500, true}, {1010, 500 + 3600000, false}, {33767, 500, false},
        {33768, 500, true}, /* 32,768 behind: 16 bits hold no more */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world = world_make(0);
        open_gap(&world, 1000, 10, 500);
        gaps_expire(&world.gaps, &world.blocks, rows[i].ext_max, rows[i].now_ms);
        assert_int_equal(world.gaps.count, !rows[i].gone);
        assert_int_equal(world.gaps.gave_up, rows[i].gone);
        if (rows[i].gone)
            assert_int_equal(world.gaps.given_up, 1009);
        world_end(&world);
    }
}

static void expiry_survives_the_wrap_of_the_clock(void **state)
{
    (void)state;
    struct world world = world_make(0);
    open_gap(&world, 65530, 1, UINT32_MAX - 999);
    gaps_expire(&world.gaps, &world.blocks, 65530 + 5000, 999);
    assert_int_equal(world.gaps.count, 1);
    gaps_expire(&world.gaps, &world.blocks, 65530 + 5000, 1000);
    assert_int_equal(world.gaps.count, 0);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_shrinks_splits_and_ends),
        cmocka_unit_test(a_gap_has_sharp_ends),
        cmocka_unit_test(a_gap_keeps_its_cause),
        cmocka_unit_test(gaps_chain_into_the_pool),
        cmocka_unit_test(without_room_the_oldest_goes),
        cmocka_unit_test(owners_share_a_pool),
        cmocka_unit_test(a_split_without_room_gives_up_the_rest),
        cmocka_unit_test(a_gap_expires_by_packets_and_time),
        cmocka_unit_test(expiry_survives_the_wrap_of_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
