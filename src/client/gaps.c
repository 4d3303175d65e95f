#include "client/gaps.h"

#include <assert.h>

#define COUNT_MASK 0x3fffu
#define COUNT_MAX 32767u

static_assert(LOSS_CAUSES <= 4, "a gap keeps its cause in two bits");
static_assert(sizeof(struct gaps) == 40, "one per track: keep it small");
static_assert(sizeof(struct gaps_block) == 128, "two cache lines");

static uint16_t count_of(const struct gap *gap)
{
    return gap->count_and_cause & COUNT_MASK;
}

static void set_count(struct gap *gap, uint16_t count)
{
    gap->count_and_cause = (uint16_t)((gap->count_and_cause & ~COUNT_MASK) | count);
}

static struct gaps_block *block_at(struct pool *blocks, uint32_t link)
{
    return pool_at(blocks, link - 1);
}

static struct gap *gap_at(struct gaps *gaps, struct pool *blocks, uint32_t i)
{
    uint32_t link = gaps->chain;
    if (i < GAPS_INLINE)
        return &gaps->first[i];
    for (i -= GAPS_INLINE; i >= GAPS_PER_BLOCK; i -= GAPS_PER_BLOCK)
        link = block_at(blocks, link)->next;
    return &block_at(blocks, link)->gaps[i];
}

/* Blocks that count gaps need. */
static uint32_t blocks_for(uint32_t count)
{
    return count <= GAPS_INLINE ? 0 : (count - GAPS_INLINE + GAPS_PER_BLOCK - 1) / GAPS_PER_BLOCK;
}

/* Where the link to the chain's nth block is kept. */
static uint32_t *link_of(struct gaps *gaps, struct pool *blocks, uint32_t n)
{
    uint32_t *link = &gaps->chain;
    while (n-- > 0)
        link = &block_at(blocks, *link)->next;
    return link;
}

static bool grow(struct gaps *gaps, struct pool *blocks)
{
    uint32_t have = blocks_for(gaps->count);
    if (gaps->count == COUNT_MAX)
        return false;
    if (blocks_for(gaps->count + 1u) > have) {
        uint32_t block = pool_take(blocks);
        if (block == POOL_NONE)
            return false;
        *link_of(gaps, blocks, have) = block + 1;
        block_at(blocks, block + 1)->next = 0;
    }
    gaps->count = (gaps->count + 1u) & COUNT_MAX;
    return true;
}

static void shrink(struct gaps *gaps, struct pool *blocks)
{
    gaps->count = (gaps->count - 1u) & COUNT_MAX;
    uint32_t *link = link_of(gaps, blocks, blocks_for(gaps->count));
    if (*link) {
        uint32_t block = *link - 1;
        *link = 0;
        pool_give(blocks, block);
    }
}

static void remove_at(struct gaps *gaps, struct pool *blocks, uint32_t i)
{
    for (; i + 1 < gaps->count; i++)
        *gap_at(gaps, blocks, i) = *gap_at(gaps, blocks, i + 1);
    shrink(gaps, blocks);
}

static void give_up(struct gaps *gaps, const struct gap *gap)
{
    gaps->gave_up = true;
    gaps->given_up = (uint16_t)(gap->first + count_of(gap) - 1);
}

static void give_up_oldest(struct gaps *gaps, struct pool *blocks)
{
    give_up(gaps, &gaps->first[0]);
    remove_at(gaps, blocks, 0);
}

void gaps_open(struct gaps *gaps, struct pool *blocks, uint32_t first, struct gap gap)
{
    assert(count_of(&gap) > 0);
    gap.first = (uint16_t)first;
    if (!grow(gaps, blocks)) {
        give_up_oldest(gaps, blocks);
        bool room = grow(gaps, blocks);
        assert(room);
    }
    *gap_at(gaps, blocks, gaps->count - 1u) = gap;
}

/* The packet at offset of gap i is there: the gap shrinks, ends, or falls in two. When the second
   half finds no room its packets are given up. */
static void take_from(struct gaps *gaps, struct pool *blocks, uint32_t i, uint16_t offset)
{
    struct gap *gap = gap_at(gaps, blocks, i);
    struct gap rest = *gap;
    uint16_t after = (uint16_t)(count_of(gap) - offset - 1);
    rest.first = (uint16_t)(gap->first + offset + 1);
    set_count(&rest, after);
    if (offset == 0 && after == 0) {
        remove_at(gaps, blocks, i);
        return;
    }
    if (offset == 0) {
        *gap = rest;
        return;
    }
    set_count(gap, offset);
    if (after == 0)
        return;
    if (!grow(gaps, blocks)) {
        give_up(gaps, &rest);
        return;
    }
    for (uint32_t j = gaps->count - 1u; j > i + 1; j--)
        *gap_at(gaps, blocks, j) = *gap_at(gaps, blocks, j - 1);
    *gap_at(gaps, blocks, i + 1) = rest;
}

bool gaps_fill(struct gaps *gaps, struct pool *blocks, uint32_t sequence, enum loss_cause *cause)
{
    for (uint32_t i = gaps->count; i-- > 0;) {
        const struct gap *gap = gap_at(gaps, blocks, i);
        uint16_t offset = (uint16_t)((uint16_t)sequence - gap->first);
        if (offset < count_of(gap)) {
            *cause = (enum loss_cause)(gap->count_and_cause >> 14);
            take_from(gaps, blocks, i, offset);
            return true;
        }
    }
    return false;
}

void gaps_expire(struct gaps *gaps, struct pool *blocks, uint32_t ext_max, uint32_t now_ms)
{
    while (gaps->count > 0) {
        const struct gap *gap = &gaps->first[0];
        uint16_t behind = (uint16_t)((uint16_t)ext_max - gap->first);
        uint16_t since = (uint16_t)(behind - count_of(gap));
        bool old = now_ms - gap->opened_ms >= GAPS_AGE_MS && since >= GAPS_AGE_PACKETS;
        if (!old && behind < 32768)
            return;
        give_up_oldest(gaps, blocks);
    }
}

void gaps_clear(struct gaps *gaps, struct pool *blocks)
{
    while (gaps->count > 0)
        shrink(gaps, blocks);
}
