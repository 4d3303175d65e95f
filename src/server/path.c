#include "server/path.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

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

void path_registry_refuse(struct path_registry *registry, enum refusal refusal)
{
    atomic_fetch_add_explicit(&registry->refused[refusal], 1, memory_order_relaxed);
}

struct truth_refused path_registry_refused(const struct path_registry *registry)
{
    struct truth_refused sum;
    for (int i = 0; i < REFUSALS; i++)
        sum.of[i] = atomic_load_explicit(&registry->refused[i], memory_order_relaxed);
    return sum;
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

void path_play(struct path *path)
{
    path->readers++;
    atomic_fetch_add(&path->shared->readers, 1);
}

void path_rest(struct path *path)
{
    assert(path->readers > 0);
    path->readers--;
    atomic_fetch_sub(&path->shared->readers, 1);
}

void path_fill_cap(struct path *path, uint64_t now_ns)
{
    double part = path->readers / (double)atomic_load(&path->shared->readers);
    double bytes_per_ns = (double)path->faults.bitrate_cap_bps / 8 / NS_PER_S * part;
    cap_fill(&path->cap, bytes_per_ns, path->readers, now_ns);
}
