/* Allocations of our own code while a shard turns end the test: everything must have been there
 * before. The simulated network grows by reallocarray, which is its own affair. Linked with --wrap.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static void refuse(void)
{
    if (!world_in_client)
        return;
    fputs("a shard allocated memory during its turn\n", stderr);
    abort();
}

void *__wrap_malloc(size_t size)
{
    refuse();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    refuse();
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    refuse();
    return __real_realloc(old, size);
}
