/* path.h - the paths that readers asked for: their faults, their limits and their truth. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "server/cap.h"
#include "server/fault.h"
#include "server/library.h"
#include "server/playout.h"
#include "server/target.h"
#include "server/truth.h"

#define PATHS_MAX 4096u

/* What shards must agree on about a path. */
struct path_shared {
    char key[TARGET_KEY_MAX];
    atomic_uint sessions; /* now */
    atomic_uint readers;  /* of them, those that play */
    atomic_uint clogged;  /* readers over their queue, for stall_all */
};

/* One for all shards of a server. Entries are never removed. */
struct path_registry {
    pthread_mutex_t lock; /* for adding */
    struct pool entries;
    atomic_uint sessions; /* now, of all paths */
    atomic_ullong refused[REFUSALS];
};

int path_registry_init(struct path_registry *registry);
void path_registry_dispose(struct path_registry *registry);

/* Counts one more that was refused; what all shards have refused so far. From any thread. */
void path_registry_refuse(struct path_registry *registry, enum refusal refusal);
struct truth_refused path_registry_refused(const struct path_registry *registry);

/* A path as one shard knows it. */
struct path {
    struct path_shared *shared;
    const struct media *media;
    struct faults faults;
    struct playout_origin origin;
    struct truth_path truth;
    unsigned readers; /* that play, in this shard */
    struct cap cap;   /* unused without bitrate_cap */
};

/* Paths of one shard, found by key. */
struct path_table {
    struct path_registry *registry;
    struct pool paths;
    uint32_t slots[2 * PATHS_MAX]; /* path index + 1; 0 is free */
};

int path_table_init(struct path_table *table, struct path_registry *registry);
void path_table_dispose(struct path_table *table);

/* The path of a target, or NULL when nobody has set it up in this shard yet. */
struct path *path_find(struct path_table *table, const struct target *target);

/* Makes it with what the caller knows; NULL when there are PATHS_MAX. */
struct path *path_add(struct path_table *table, const struct target *target,
                      const struct media *media, const struct faults *faults);

/* Takes one of the path's and of the server's sessions (limit 0: none); false: there are too many.
 */
bool path_enter(struct path_table *table, struct path *path, uint32_t server_limit);
void path_leave(struct path_table *table, struct path *path);

/* A reader begins to play, and stops. */
void path_play(struct path *path);
void path_rest(struct path *path);

/* Brings the cap of a path that has one up to date. While somebody plays here: the shard's part of
   bitrate_cap is that of its readers among all of the path. */
void path_fill_cap(struct path *path, uint64_t now_ns);
