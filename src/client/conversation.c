#include "client/conversation.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static_assert(sizeof(struct conversation) <= 8192, "two pages");

int conversations_init(struct conversations *pools, uint32_t count, uint32_t giants)
{
    int error = pool_init(&pools->small, sizeof(struct conversation), count);
    if (error == 0)
        error = pool_init(&pools->giants, CONVERSATION_GIANT, giants);
    return error;
}

void conversations_dispose(struct conversations *pools)
{
    pool_dispose(&pools->small);
    pool_dispose(&pools->giants);
}

struct conversation *conversation_take(struct conversations *pools, uint32_t *index)
{
    uint32_t taken = pool_take(&pools->small);
    if (taken == POOL_NONE)
        return NULL;
    struct conversation *it = pool_at(&pools->small, taken);
    memset(it, 0, offsetof(struct conversation, url));
    *index = taken + 1;
    return it;
}

void conversation_give(struct conversations *pools, uint32_t *index)
{
    if (*index == 0)
        return;
    conversation_clear(pools, conversation_at(pools, *index));
    pool_give(&pools->small, *index - 1);
    *index = 0;
}

static uint8_t *buffer_of(struct conversations *pools, struct conversation *it, size_t *size)
{
    *size = it->giant ? CONVERSATION_GIANT : CONVERSATION_RX;
    return it->giant ? pool_at(&pools->giants, it->giant - 1) : it->rx;
}

/* False when there is none free. */
static bool move_to_giant(struct conversations *pools, struct conversation *it)
{
    uint32_t taken = pool_take(&pools->giants);
    if (taken == POOL_NONE)
        return false;
    memcpy(pool_at(&pools->giants, taken), it->rx, it->rx_len);
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
    const uint8_t *buffer = it->giant ? pool_at(&pools->giants, it->giant - 1) : it->rx;
    return slice_make(buffer, it->rx_len);
}

void conversation_clear(struct conversations *pools, struct conversation *it)
{
    if (it->giant)
        pool_give(&pools->giants, it->giant - 1);
    it->giant = 0;
    it->rx_len = 0;
    it->rx_is_rtcp = false;
}
