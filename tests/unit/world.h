/* world.h - whole runs on the simulated network: shards on one side, a server on the other, one
 * thread, virtual time, and the client's invariants checked after every turn. */
#pragma once

#include "test.h"

#include <stdio.h>

#include "base/clock.h"
#include "load/shard.h"
#include "net/sim.h"
#include "server/server.h"
#include "stats/collector.h"

#define WORLD_SHARDS 8u
#define WORLD_PLANS 2u
#define WORLD_HOST "10.9.9.9"

/* A shard is at work: nothing may be allocated. */
extern bool world_in_client;

/* What there is to play, see world_media.c. */
enum world_media {
    WORLD_TWO_TRACKS,  /* 25 frames a second of 4 packets, a keyframe each second; 50 of audio */
    WORLD_PLAIN,       /* the same in few packets: 10 frames a second of one; 5 of audio */
    WORLD_LONG_GROUPS, /* a keyframe a minute, and one joins anywhere */
    WORLD_SOUND,       /* no video */
    WORLD_NO_PICTURE,  /* a video track that plays nothing for an hour, beside sound */
    WORLD_RARE,        /* a packet a minute */
    WORLD_OPEN_GOP,    /* as two tracks, with recovery points after no frame for keyframes */
    WORLD_REFRESH,     /* likewise, after 5 frames: intra refresh */
};

struct media *world_media(enum world_media kind);

/* Any other side than the embedded server. */
struct world_peer {
    void *context;
    uint64_t (*deadline)(void *context);
    void (*turn)(void *context);
};

struct world {
    /* For the test to change between world_init and world_begin. */
    union {
        struct plan plan; /* the first */
        struct plan plans[WORLD_PLANS];
    };
    uint32_t plan_count; /* 1 */
    struct sim_faults net;
    struct server_config server_config;
    uint64_t seed;
    const struct world_peer *peer; /* NULL: the embedded server */
    uint64_t interval_ns;          /* how often the shards hand over their counts; 0: at the end */
    uint64_t stop_at_ns;           /* the user's interrupt, since the run's start; 0: none */
    uint32_t check_every;          /* turns; 0: each */
    uint64_t halt_from_ns, halt_to_ns; /* since the run's start: the shards are halted */
    struct run_control *control;       /* NULL: none */
    struct media *publish;             /* of world_publish; the world's */
    bool log_sessions;
    const char *secret; /* must not show in any sample or log line */

    struct sim *sim;
    struct server *server;
    struct library library;
    struct path_registry registry;
    struct targets targets;
    struct run_info info;
    const char *stream_urls[1024];
    struct collector *collector;
    const struct snapshot *snapshot; /* the last one, or NULL */
    struct shard shards[WORLD_SHARDS];
    atomic_int stopped;
    uint64_t start_ns;
    uint64_t next_interval_ns;
    uint64_t turns;
    uint64_t still_turns; /* on end, without time moving */
    FILE *log;
    char *log_text;
    size_t log_len;
};

/* One reader of WORLD_HOST that reads two tracks over TCP for five seconds, on a network with 1 ms
   of delay each way. url: "rtsp://10.9.9.9:554/..." */
void world_init(struct world *world, const char *url);
void world_add_url(struct world *world, const char *url);

/* Sessions publish: 100 packets of video a second and 50 of audio, in two tracks. */
void world_publish(struct world *world);

/* The server asks who it is by that scheme, and the plan knows; the password is the world's secret.
 */
void world_log_in(struct world *world, enum auth_scheme auth);

/* Makes everything. The sim is there already when the peer of the test was made before. */
void world_begin(struct world *world);
struct sim *world_sim(struct world *world);

/* One step of everybody; false once every shard is done. */
bool world_turn(struct world *world);
void world_run(struct world *world);

/* The same; counts the state that the first session was in as it was told to stop. */
void world_run_to_stop(struct world *world, uint32_t states[SESSION_STATES]);

/* The totals, once world_turn gave false. Good until world_end. */
const struct stats *world_result(struct world *world);
void world_end(struct world *world);

/* The server's own count, of all paths. */
struct truth_path world_truth(const struct world *world);

/* Sums over the shards, at any moment. */
struct session_counts world_sessions(const struct world *world);
struct rtp_counts world_rtp(const struct world *world);

/* How many failures were counted of that kind; any status: UINT32_MAX. */
uint64_t world_errors(const struct stats *stats, enum phase phase, enum reason reason,
                      uint32_t status);

/* A hash of all that was counted but for what depends on how the run was split (the panel's
   comparisons between readers, loop lag, peaks), and with it. */
uint64_t world_digest(const struct stats *stats, bool whole);

void world_print(const struct stats *stats);

/* TEST_SCALE in percent, 100 when not set. */
uint32_t world_scaled(uint32_t count);
