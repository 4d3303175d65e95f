/* conversation.h - the words of a session while it talks: a pooled context that playing sessions do
 * without. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/slice.h"
#include "net/address.h"

#define CONVERSATION_RX 4576u
#define CONVERSATION_TX 2304u
#define CONVERSATION_URL 1024u
#define CONVERSATION_VISITED                                                                       \
    6u /* URLs remembered to find a redirect loop: the first and 5 redirects */
#define CONVERSATION_GIANT (1114112u) /* the largest head and body together: 64 KiB + 1 MiB */

/* The room for words that most sessions never need: a reply that came in one read and a request
   that went out whole leave nothing to keep. Two pages. */
struct paper {
    uint32_t link;              /* the pool's, while free */
    char url[CONVERSATION_URL]; /* after a redirect */
    uint8_t rx[CONVERSATION_RX];
    uint8_t tx[CONVERSATION_TX];
};

/* Fresh from conversation_take it is zeroed. Two cache lines. */
struct conversation {
    uint32_t link; /* the pool's, while free */
    uint32_t rx_len;
    uint32_t paper;  /* index + 1; 0: none yet */
    uint32_t giant;  /* index + 1 of a giant that holds what was received instead of rx */
    uint32_t tx_len; /* bytes the kernel has not taken yet: tx[tx_sent..tx_len) */
    uint32_t tx_sent;
    bool rx_is_rtcp; /* what is gathered is an RTCP frame, not a message */
    bool open_ended; /* the last reply was a refusal that didn't say how long its body is */
    uint8_t visited_count;
    uint16_t url_len;                       /* 0: the URL of the plan */
    uint64_t visited[CONVERSATION_VISITED]; /* hashes */
    struct address peer;                    /* where the control connection leads */
};

struct conversations {
    struct pool small;
    struct pool papers; /* as many */
    struct pool giants;
};

/* 0 or -ENOMEM. */
int conversations_init(struct conversations *pools, uint32_t count, uint32_t giants);
void conversations_dispose(struct conversations *pools);

/* NULL when all are in use. index is what the session keeps: the pool's + 1. */
struct conversation *conversation_take(struct conversations *pools, uint32_t *index);
void conversation_give(struct conversations *pools, uint32_t *index);

static inline struct conversation *conversation_at(struct conversations *pools, uint32_t index)
{
    return index ? pool_at(&pools->small, index - 1) : NULL;
}

/* Its paper, taken from the pool at the first call; there is one for each conversation. */
struct paper *conversation_paper(struct conversations *pools, struct conversation *it);

/* Appends received bytes; as many as fit, and moves to a giant when the small buffer is full. The
   number taken; 0 when there is no room at all. */
size_t conversation_gather(struct conversations *pools, struct conversation *it,
                           struct slice bytes);
struct slice conversation_gathered(struct conversations *pools, const struct conversation *it);

/* Forgets what was gathered, and gives a giant back. */
void conversation_clear(struct conversations *pools, struct conversation *it);
