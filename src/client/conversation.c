#include "client/conversation.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static_assert(sizeof(struct paper) <= 8192, "two pages");
static_assert(sizeof(struct conversation) <= 128, "two cache lines");

int conversations_init(struct conversations *pools, uint32_t count, uint32_t giants)
{
    int error = pool_init(&pools->small, sizeof(struct conversation), count);
    if (error == 0)
        error = pool_init(&pools->papers, sizeof(struct paper), count);
    if (error == 0)
        error = pool_init(&pools->giants, CONVERSATION_GIANT, giants);
    return error;
}

void conversations_dispose(struct conversations *pools)
{
    pool_dispose(&pools->small);
    pool_dispose(&pools->papers);
    pool_dispose(&pools->giants);
}

struct conversation *conversation_take(struct conversations *pools, uint32_t *index)
{
    uint32_t taken = pool_take(&pools->small);
    if (taken == POOL_NONE)
        return NULL;
    struct conversation *it = pool_at(&pools->small, taken);
    *it = (struct conversation){0};
    *index = taken + 1;
    return it;
}

void conversation_give(struct conversations *pools, uint32_t *index)
{
    struct conversation *it = conversation_at(pools, *index);
    if (!it)
        return;
    conversation_clear(pools, it);
    if (it->paper)
        pool_give(&pools->papers, it->paper - 1);
    pool_give(&pools->small, *index - 1);
    *index = 0;
}

struct paper *conversation_paper(struct conversations *pools, struct conversation *it)
{
    if (!it->paper) {
        uint32_t taken = pool_take(&pools->papers);
        assert(taken != POOL_NONE);
        it->paper = taken + 1;
    }
    return pool_at(&pools->papers, it->paper - 1);
}

static uint8_t *buffer_of(struct conversations *pools, struct conversation *it, size_t *size)
{
    *size = it->giant ? CONVERSATION_GIANT : CONVERSATION_RX;
    return it->giant ? pool_at(&pools->giants, it->giant - 1) : conversation_paper(pools, it)->rx;
}

/* False when there is none free. */
static bool move_to_giant(struct conversations *pools, struct conversation *it)
{
    uint32_t taken = pool_take(&pools->giants);
    if (taken == POOL_NONE)
        return false;
    memcpy(pool_at(&pools->giants, taken), conversation_paper(pools, it)->rx, it->rx_len);
    it->giant = taken + 1;
    return true;
}

size_t conversation_gather(struct conversations *pools, struct conversation *it, struct slice bytes)
{
    size_t size;
    if (!it->giant && bytes.len > CONVERSATION_RX - it->rx_len)
        move_to_giant(pools, it);
    uint8_t *buffer = buffer_of(pools, it, &size);
    size_t n = bytes.len < size - it->rx_len ? bytes.len : size - it->rx_len;
    if (n > 0)
        memcpy(buffer + it->rx_len, bytes.data, n);
    it->rx_len += (uint32_t)n;
    return n;
}

struct slice conversation_gathered(struct conversations *pools, const struct conversation *it)
{
    if (it->rx_len == 0)
        return (struct slice){NULL, 0};
    if (it->giant)
        return slice_make(pool_at(&pools->giants, it->giant - 1), it->rx_len);
    const struct paper *paper = pool_at(&pools->papers, it->paper - 1);
    return slice_make(paper->rx, it->rx_len);
}

void conversation_clear(struct conversations *pools, struct conversation *it)
{
    if (it->giant)
        pool_give(&pools->giants, it->giant - 1);
    it->giant = 0;
    it->rx_len = 0;
    it->rx_is_rtcp = false;
}
