#include "server/path.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define CAP_BURST_NS (100 * NS_PER_MS) /* a keyframe's worth may go out at once */

int path_registry_init(struct path_registry *registry)
{
    *registry = (struct path_registry){.lock = PTHREAD_MUTEX_INITIALIZER};
    return pool_init(&registry->entries, sizeof(struct path_shared), PATHS_MAX);
}

void path_registry_dispose(struct path_registry *registry)
{
    pool_dispose(&registry->entries);
    pthread_mutex_destroy(&registry->lock);
}

static struct path_shared *find_or_add(struct path_registry *registry, const char *key)
{
    struct path_shared *shared = NULL;
    pthread_mutex_lock(&registry->lock);
    for (uint32_t i = 0; i < registry->entries.touched && !shared; i++) {
        struct path_shared *other = pool_at(&registry->entries, i);
        if (strcmp(other->key, key) == 0)
            shared = other;
    }
    if (!shared) {
        uint32_t index = pool_take(&registry->entries);
        if (index != POOL_NONE) {
            shared = pool_at(&registry->entries, index);
            memcpy(shared->key, key, strlen(key) + 1);
        }
    }
    pthread_mutex_unlock(&registry->lock);
    return shared;
}

int path_table_init(struct path_table *table, struct path_registry *registry)
{
    memset(table, 0, sizeof(*table));
    table->registry = registry;
    return pool_init(&table->paths, sizeof(struct path), PATHS_MAX);
}

void path_table_dispose(struct path_table *table)
{
    pool_dispose(&table->paths);
}

/* FNV-1a */
static uint64_t hash_key(const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *key; key++)
        hash = (hash ^ (uint8_t)*key) * UINT64_C(0x100000001b3);
    return hash;
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t *find_slot(struct path_table *table, const char *key, uint64_t hash)
{
    for (uint64_t i = hash;; i++) {
        uint32_t *slot = &table->slots[i % (2 * PATHS_MAX)];
        struct path *path = *slot > 0 ? pool_at(&table->paths, *slot - 1) : NULL;
        if (!path || strcmp(path->truth.key, key) == 0)
            return slot;
    }
}

struct path *path_find(struct path_table *table, const struct target *target)
{
    uint32_t *slot = find_slot(table, target->key, hash_key(target->key));
    return *slot > 0 ? pool_at(&table->paths, *slot - 1) : NULL;
}

struct path *path_add(struct path_table *table, const struct target *target,
                      const struct media *media, const struct faults *faults)
{
    uint64_t hash = hash_key(target->key);
    struct path_shared *shared = find_or_add(table->registry, target->key);
    uint32_t index = shared ? pool_take(&table->paths) : POOL_NONE;
    if (index == POOL_NONE)
        return NULL;
    struct path *path = pool_at(&table->paths, index);
    *path = (struct path){
        .shared = shared,
        .media = media,
        .faults = *faults,
        .origin.hash = hash,
        .truth.key = shared->key,
    };
    *find_slot(table, target->key, hash) = index + 1;
    return path;
}

static bool enter(atomic_uint *count, uint32_t limit)
{
    if (atomic_fetch_add(count, 1) < limit || limit == 0)
        return true;
    atomic_fetch_sub(count, 1);
    return false;
}

bool path_enter(struct path_table *table, struct path *path, uint32_t server_limit)
{
    if (!enter(&table->registry->sessions, server_limit))
        return false;
    if (enter(&path->shared->sessions, path->faults.max_sessions)) {
        path->truth.sessions++;
        return true;
    }
    atomic_fetch_sub(&table->registry->sessions, 1);
    return false;
}

void path_leave(struct path_table *table, struct path *path)
{
    atomic_fetch_sub(&table->registry->sessions, 1);
    atomic_fetch_sub(&path->shared->sessions, 1);
}

uint64_t path_allowance(struct path *path, uint64_t now_ns, unsigned shards)
{
    double bytes_per_ns = (double)path->faults.bitrate_cap_bps / 8e9 / shards;
    double room = bytes_per_ns * (double)CAP_BURST_NS;
    if (path->faults.bitrate_cap_bps == 0)
        return UINT64_MAX;
    path->cap_bytes += bytes_per_ns * (double)(now_ns - path->cap_filled_at_ns);
    path->cap_filled_at_ns = now_ns;
    if (path->cap_bytes > room)
        path->cap_bytes = room;
    return path->cap_bytes > 0 ? (uint64_t)path->cap_bytes : 0;
}

void path_spend(struct path *path, uint64_t bytes)
{
    if (path->faults.bitrate_cap_bps > 0)
        path->cap_bytes -= (double)bytes;
}
