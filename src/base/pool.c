#include "base/pool.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int pool_init(struct pool *pool, size_t record_size, uint32_t capacity)
{
    assert(record_size >= sizeof(uint32_t));
    *pool = (struct pool){.record_size = record_size, .capacity = capacity, .free_head = POOL_NONE};
    if (capacity == 0)
        return 0;
    void *base = mmap(NULL, record_size * capacity, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -ENOMEM;
    pool->base = base;
    return 0;
}

void pool_dispose(struct pool *pool)
{
    if (pool->base)
        munmap(pool->base, pool->record_size * pool->capacity);
    *pool = (struct pool){.free_head = POOL_NONE};
}

uint32_t pool_take(struct pool *pool)
{
    uint32_t index = pool->free_head;
    if (index != POOL_NONE)
        memcpy(&pool->free_head, pool_at(pool, index), sizeof(uint32_t));
    else if (pool->touched < pool->capacity)
        index = pool->touched++;
    else
        return POOL_NONE;
    pool->in_use++;
    if (pool->in_use > pool->in_use_peak)
        pool->in_use_peak = pool->in_use;
    return index;
}

void pool_give(struct pool *pool, uint32_t index)
{
    assert(index < pool->touched && pool->in_use > 0);
    memcpy(pool_at(pool, index), &pool->free_head, sizeof(uint32_t));
    pool->free_head = index;
    pool->in_use--;
}
