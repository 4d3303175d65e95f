/* receiver_rig.h - a receiver, what it counts, and packets to feed it. */
#pragma once

#include "test.h"

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

static inline struct world world_make(uint32_t blocks)
{
    struct world world = {.now_ms = 1, .cause = LOSS_SERVER};
    world.receiver.clock_rate = 90000;
    assert_int_equal(pool_init(&world.blocks, sizeof(struct gaps_block), blocks), 0);
    return world;
}

/* What always holds, and nothing is left in the pool. */
static inline void world_end(struct world *world)
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

static inline enum receiver_verdict give_from(struct world *world, uint32_t ssrc, uint32_t sequence)
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

static inline enum receiver_verdict give(struct world *world, uint32_t sequence)
{
    return give_from(world, SSRC, sequence);
}

/* Consecutive packets, one every step_ms. */
static inline void run_of(struct world *world, uint32_t first, uint32_t count, uint32_t step_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(give(world, first + i), RECEIVER_IN_ORDER);
        world->now_ms += step_ms;
    }
}
