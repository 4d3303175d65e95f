/* shard.h - one share of a run on one loop: sessions begun when due, driven, counted and torn down.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "client/client.h"
#include "load/adaptive.h"
#include "load/arrival.h"
#include "load/control.h"
#include "load/occupancy.h"
#include "load/plan.h"
#include "load/targets.h"
#include "net/loop.h"
#include "stats/exchange.h"

/* What a shard is made of; all borrowed, and alive until the shard is freed. */
struct shard_setup {
    const struct plan *plan; /* resolved */
    const struct targets *targets;
    uint32_t index;       /* from 0, within the plan */
    uint32_t first_url;   /* the plan's first URL among the targets */
    uint32_t lane, lanes; /* which of all the run's shards; lanes 0: those of the plan are all */
    enum loop_kind loop;
    struct sim *sim; /* with LOOP_SIM */
    struct stats_exchange *exchange;
    FILE *sessions_log;                /* a JSON line a session that ended; NULL: none */
    const atomic_int *stopped;         /* over 0: the user asked for the end; over 1: at once */
    const struct run_control *control; /* NULL: none */
    /* For probe; NULL otherwise. */
    void (*on_message)(void *context, const struct session *session,
                       enum client_direction direction, struct slice message);
    void (*on_packet)(void *context, const struct session *session, unsigned track,
                      const struct panel_packet *packet, const struct receiver_arrival *arrival);
    void (*on_ignored)(void *context, const struct session *session,
                       const struct client_ignored *what);
    void (*on_ended)(void *context, const struct session *session, enum session_outcome outcome);
    void *context;
};

struct shard {
    struct shard_setup setup;
    struct client_config config;
    struct client client;
    struct client_config bad_config; /* of the misbehaving clients, where the plan has some */
    struct client bad;
    struct stats *bad_stats; /* what would be their numbers: nobody reads them */
    struct loop *loop;
    struct arrival arrival;
    struct arrival_event next; /* what is due next */
    bool has_next;
    struct adaptive adaptive; /* looked at where the plan is adaptive */
    uint32_t *records; /* of each own reader's last session, 1 + its record, 0: none; where readers
                          may leave, else NULL */
    int change;        /* of the target, by hand, as heeded */
    bool stopping;
    bool done; /* every session has ended, or was given up */
    uint64_t start_ns;
    uint64_t end_ns;                       /* when the plan ends */
    uint64_t stop_ns;                      /* when stopping began */
    uint64_t stopped_until_ns;             /* up to when the pace of stopping is used up */
    uint64_t deadline_ns;                  /* of the turn before: its lateness is the lag */
    uint64_t seen_ns;                      /* loop time that the client was told */
    uint64_t worked_ns;                    /* how long the turn before was at work after it woke */
    uint64_t busy_wall_ns, busy_demand_ns; /* when and at what demand the load was last looked at */
    bool busy;                             /* over half of the time */
    uint32_t cores;                        /* that the shards share */
    uint64_t next_halt_ns;
    uint64_t not_before_ns; /* a reader that found no room, or that a pause held up, begins then */
    bool held;              /* a pause holds the next reader up */
    uint32_t stop_cursor;
    uint32_t bad_stop_cursor;
    uint32_t rtp_pair; /* next pair of UDP ports to try */
    uint32_t target;   /* sessions begun or due by now */
    struct occupancy occupancy;
};

/* 0, or -errno: -EPERM and -ENOSYS when the loop's backend is refused. Call it on the thread that
   will turn the shard. */
int shard_init(struct shard *shard, const struct shard_setup *setup);
void shard_dispose(struct shard *shard);

/* The run begins at start_ns (the loop's clock). */
void shard_start(struct shard *shard, uint64_t start_ns);

/* When the next turn has something to do at the latest. */
uint64_t shard_next_deadline(const struct shard *shard);

/* The run ends at once: who is still there gets an outcome, and no turn follows. */
void shard_abandon(struct shard *shard);

/* One turn: waits for events until that deadline, and does what is due. */
void shard_turn(struct shard *shard);

/* What sessions ask of their shard. */
extern const struct client_io shard_io;
extern const struct client_io shard_bad_io; /* for clients that misbehave: they are in no log */

#define SHARD_BAD_TOKEN (UINT64_C(1) << 31) /* in the tokens of their sockets */
void shard_on_event(void *context, const struct loop_event *event);

/* Tells the client what time it is, once a turn. */
void shard_tell_time(struct shard *shard);
