#include "cli/serve_size.h"

#include <math.h>

#include "base/units.h"
#include "load/sizing.h"
#include "server/crew.h"

/* There is room for so many where nobody says how many will come. An idle shard costs 1 ms at the
   start, 1 MB and no CPU time, so the bound on shards is for small tables of open files. Only a
   shard a core has io_uring: a ring locks 0.6 MB, and an ordinary user may lock 8 MB
   (RLIMIT_MEMLOCK) with all processes together, those that load this server among them. */
#define SESSIONS_EXPECTED 100000u
#define SHARDS_UNASKED 32u

/* Files of a table that aren't connections: ring, standard streams, logs, listener, UDP sockets,
   and connections that are still closing. */
#define FILES_SPARE 64u

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint32_t connections_of(uint64_t nofile)
{
    uint64_t files = nofile - least(FILES_SPARE, nofile / 4);
    return files == 0 ? 1 : (uint32_t)least(files, SERVE_CONNECTIONS_MAX);
}

/* The kernel deals connections to the shards' listeners by a hash of their addresses, so a shard
   gets more or fewer than its share, and one that is full refuses although others have room. Hence
   headroom instead of handing connections over: 4 standard deviations of the share, a fifth at
   least, so that refusals begin when nearly all shards are full. */
static uint64_t share_of(uint32_t connections)
{
    uint32_t spread = (uint32_t)(4 * sqrt(connections));
    uint32_t headroom = connections / 5 > spread ? connections / 5 : spread;
    return connections - least(headroom, connections / 2);
}

static uint64_t fit_memory(const struct machine *machine)
{
    return machine->memory_bytes / 10 * 9 / sizing_session_bytes(1);
}

struct serve_size serve_size_fit(const struct machine *machine, unsigned threads,
                                 uint32_t max_sessions)
{
    struct serve_size size = {.connections = connections_of(machine->nofile)};
    uint64_t sessions = max_sessions ? max_sessions : least(SESSIONS_EXPECTED, fit_memory(machine));
    uint64_t share = share_of(size.connections);
    uint64_t needed = (sessions + share - 1) / share;
    uint64_t most = max_sessions ? CREW_THREADS_MAX : SHARDS_UNASKED;
    uint64_t useful = least(machine->cores, sessions > 0 ? sessions : 1);
    needed = least(needed, most);
    size.fewer = threads == 0;
    size.rings = threads == 0 ? (unsigned)useful : 0;
    size.threads = threads > 0 ? threads : (unsigned)(needed > useful ? needed : useful);
    size.threads = (unsigned)least(size.threads, CREW_THREADS_MAX);
    return size;
}

void serve_size_tell(struct text *to, const struct machine *machine, const struct serve_room *room)
{
    unsigned tables = room->one_table ? 1 : room->shards;
    uint64_t held = (uint64_t)room->connections * tables;
    uint64_t most = least(held, least(fit_memory(machine), machine->files_free));
    bool asked = room->max_sessions > 0 && room->max_sessions <= most;
    text_add_string(to, "holds up to ");
    units_write_count(to, asked ? room->max_sessions : most);
    text_printf(to, " sessions in %u shard%s (", room->shards, room->shards == 1 ? "" : "s");
    if (asked) {
        text_add_string(to, "--max-sessions)");
    } else if (most < held) {
        text_add_string(to, most == machine->files_free ? "fs.file-max)" : "memory)");
    } else {
        text_add_string(to, room->connections < SERVE_CONNECTIONS_MAX ? "open files: " : "");
        units_write_count(to, room->connections);
        text_add_string(to, room->one_table ? " for all of them)" : " a shard)");
    }
}
