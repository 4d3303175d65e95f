/* sim.h - a virtual clock and network: loops join it, and a seed makes every fault repeat.
 *
 * Clients and servers are ordinary users of loops of kind LOOP_SIM. One thread drives them all:
 *     while (sim_now(sim) < end) {
 *         sim_advance(sim, min of the users' next deadlines);
 *         each user: loop_turn(...), then its timers;
 *     } */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "net/address.h"
#include "net/loop.h"

struct sim;

/* Virtual monotonic time 0 was 2026-01-01 UTC: wall clocks on the simulated network agree. */
#define SIM_UNIX_NS UINT64_C(1767225600000000000)

/* Chances are in parts per million of each occasion. Zeroed: a perfect network with no delay. */
struct sim_faults {
    uint64_t latency_ns;        /* one way */
    uint64_t latency_jitter_ns; /* uniform on top, TCP stays in order */
    uint32_t segment_max;    /* TCP: bytes are delivered in pieces of 1 to this many; 0: as sent */
    uint32_t refuse_ppm;     /* a connect is refused */
    uint32_t black_hole_ppm; /* a connect is never answered */
    uint32_t reset_ppm;      /* a TCP segment's delivery breaks the connection instead */
    uint32_t eof_ppm;        /* a TCP segment's delivery is replaced by an end of file, both ways */
    uint32_t stall_ppm;      /* a TCP segment's delivery is held back by 1 to 30 s */
    uint32_t corrupt_ppm;    /* a TCP segment has one byte changed */
    uint32_t drop_ppm;       /* UDP: a datagram */
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm;   /* a datagram arrives 1 to 20 ms late */
    uint32_t send_full_ppm; /* a send takes only some of its bytes, or none (-EAGAIN) */
    uint32_t no_socket_ppm; /* loop_connect and loop_open_udp fail ... */
    int no_socket_error;    /* ... with this -errno; 0: -EMFILE */
};

/* What really happened to datagrams, for tests to hold counts against. */
struct sim_truth {
    uint64_t dropped;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t resets;
};

/* start_ns: the virtual monotonic time to begin at (over 0). NULL when out of memory. */
struct sim *sim_new(uint64_t seed, uint64_t start_ns);

/* All its loops must be freed before. */
void sim_free(struct sim *sim);

/* Applies to what is sent from now on. */
void sim_set_faults(struct sim *sim, const struct sim_faults *faults);
struct sim_truth sim_get_truth(const struct sim *sim);

uint64_t sim_now(const struct sim *sim);

/* Moves the clock to the next delivery or to limit_ns, whichever is first, never backwards. True
   when something became due. */
bool sim_advance(struct sim *sim, uint64_t limit_ns);

/* The process that listens there is stopped (SIGSTOP), or goes on: its loop is not turned
   meanwhile. Its kernel goes on, which accepts connections and keeps what arrives. */
void sim_freeze(struct sim *sim, const struct address *listener, bool frozen);

/* The same of the process that has that loop. */
void sim_freeze_loop(struct loop *loop, bool frozen);

/* Gives a name addresses for loop_resolve; names never given are not found. */
void sim_add_name(struct sim *sim, const char *name, const struct address *address);

/* A hash over all deliveries so far (when, where, what): two runs of one seed must agree. */
uint64_t sim_digest(const struct sim *sim);
