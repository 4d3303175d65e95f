/* calibration.h - what this machine was found able to generate, kept in a file between runs. */
#pragma once

#include <stdbool.h>

#include "base/text.h"
#include "stats/snapshot.h"

enum { CALIBRATED_TCP, CALIBRATED_UDP, CALIBRATED_TRANSPORTS };

/* Ceilings are of the whole machine: what all its cores could do, from the CPU time that a part
 * took. */
struct calibration {
    char io[8];                                  /* "uring", "epoll" */
    double ns_per_packet[CALIBRATED_TRANSPORTS]; /* of one core; streams of 2 Mbit/s */
    double bits_per_packet;
    double us_per_start;
    double
        starts_seen_per_s; /* that were really begun, the server's share of the cores taken off */
    uint64_t bytes_per_session; /* resident */
    uint64_t held;              /* sessions that were held at a time */
    uint64_t sessions; /* that the machine's limits allow over TCP, from one source address */
    uint32_t cores;
};

/* Reads $XDG_STATE_HOME/rtspbench/calibration.json. False when there is none, or it is of another
   machine, kernel or version of ours. */
bool calibration_load(struct calibration *out);

/* Writes it, with its folder. 0 or -errno; where says which file. */
int calibration_save(const struct calibration *calibration, struct text *where);

/* The document: rtspbench.calibration.v1. The caller frees it. */
char *calibration_to_json(const struct calibration *calibration);

/* What a run may be held against; udp: its packets came as datagrams. */
struct ceiling calibration_ceiling(const struct calibration *calibration, bool udp);
