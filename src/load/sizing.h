/* sizing.h - does a plan fit on a machine, how many shards does it take, and if not, what would
 * lift the limit? */
#pragma once

#include <stdbool.h>

#include "load/machine.h"
#include "load/plan.h"

/* Sets what plan_resolve sets: shards, sockets, ports, buffers, memory. False when the readers
   don't fit: error says how many would, which limit that is, and what lifts it. */
bool sizing_fit(struct plan *plan, const struct machine *machine, struct text *error);

/* What will run, but not as well as it could: a line each, with the command that helps. */
void sizing_warn(const struct plan *plan, const struct machine *machine, struct text *warning);

/* Sockets that a shard's table takes under that limit of open files. */
uint64_t sizing_table(uint64_t nofile);

/* The UDP ports taken where none were asked for: an even first one and an odd last one, outside the
   range that the system gives away by itself. */
void sizing_rtp_ports(const struct machine *machine, uint16_t *first, uint16_t *last);

/* What a session of so many sockets takes, the kernel's memory included. */
uint64_t sizing_session_bytes(uint32_t sockets);
