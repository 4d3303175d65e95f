/* pool.h - a fixed number of equal records, named by index, in memory that is only touched when
 * used. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define POOL_NONE UINT32_MAX

/* Records keep their address. Fresh memory comes zeroed; a record given back comes again as it was
   left, but for its first 4 bytes, so callers set what they need. */
struct pool {
    uint8_t *base;
    size_t record_size; /* bytes; at least 4 */
    uint32_t capacity;
    uint32_t touched; /* records that were ever handed out */
    uint32_t in_use;
    uint32_t in_use_peak;
    uint32_t free_head; /* last given back, linked through the records' first 4 bytes */
};

/* Reserves address space for capacity records. 0, or -ENOMEM. */
int pool_init(struct pool *pool, size_t record_size, uint32_t capacity);
void pool_dispose(struct pool *pool);

/* Index of a record, or POOL_NONE when all are in use. */
uint32_t pool_take(struct pool *pool);
void pool_give(struct pool *pool, uint32_t index);

static inline void *pool_at(const struct pool *pool, uint32_t index)
{
    return pool->base + (size_t)index * pool->record_size;
}
