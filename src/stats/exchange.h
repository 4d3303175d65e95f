/* exchange.h - a shard hands its interval's counts to the collector by a swap: no lock, no copy. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "stats/stats.h"

/* One a shard, owned by the collector. The shard counts into current and looks it up again whenever
   stats_exchange_poll has returned true. */
struct stats_exchange {
    struct stats *current;             /* the shard's */
    uint64_t since_ns;                 /* when current's interval began */
    uint64_t cpu_since_ns;             /* the thread's CPU time then */
    bool virtual_time;                 /* then CPU time is not looked at */
    struct stats *spare;               /* cleared; the shard's while wanted, else the collector's */
    _Atomic(bool) wanted;              /* set by the collector, cleared by the shard */
    _Atomic(struct stats *) published; /* set by the shard, cleared by the collector */
    _Atomic(bool) ended;               /* current is the collector's from now on */
} __attribute__((aligned(64)));

/* The shard's thread calls begin before it counts, and end after the last count. */
void stats_exchange_begin(struct stats_exchange *exchange, uint64_t now_ns);
void stats_exchange_end(struct stats_exchange *exchange, uint64_t now_ns);

/* What poll does when an interval is wanted. Gauges go on in the new current, its peak starts at
   active. */
void stats_exchange_publish(struct stats_exchange *exchange, uint64_t now_ns);

/* Once a turn of the shard's loop. True when current is another one now. */
static inline bool stats_exchange_poll(struct stats_exchange *exchange, uint64_t now_ns)
{
    if (!atomic_load_explicit(&exchange->wanted, memory_order_relaxed))
        return false;
    stats_exchange_publish(exchange, now_ns);
    return true;
}
