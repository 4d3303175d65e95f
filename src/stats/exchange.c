#include "stats/exchange.h"

#include <assert.h>
#include <stddef.h>

#include "base/clock.h"

/* 0 where time is virtual: real CPU time against it means nothing, and differs every run. */
static uint64_t cpu_now(const struct stats_exchange *exchange)
{
    return exchange->virtual_time ? 0 : clock_thread_cpu_ns();
}

void stats_exchange_begin(struct stats_exchange *exchange, uint64_t now_ns)
{
    exchange->since_ns = now_ns;
    exchange->cpu_since_ns = cpu_now(exchange);
}

/* wall_ns and cpu_ns of what current holds; another interval begins. */
static void close_interval(struct stats_exchange *exchange, uint64_t now_ns)
{
    uint64_t cpu_ns = cpu_now(exchange);
    exchange->current->wall_ns = now_ns > exchange->since_ns ? now_ns - exchange->since_ns : 0;
    exchange->current->cpu_ns = cpu_ns - exchange->cpu_since_ns;
    exchange->since_ns = now_ns;
    exchange->cpu_since_ns = cpu_ns;
}

void stats_exchange_end(struct stats_exchange *exchange, uint64_t now_ns)
{
    close_interval(exchange, now_ns);
    atomic_store_explicit(&exchange->ended, true, memory_order_release);
}

void stats_exchange_publish(struct stats_exchange *exchange, uint64_t now_ns)
{
    /* Pairs with the collector's release: it has cleared spare. */
    bool wanted = atomic_load_explicit(&exchange->wanted, memory_order_acquire);
    assert(wanted && exchange->spare);

    struct stats *done = exchange->current;
    close_interval(exchange, now_ns);
    exchange->current = exchange->spare;
    exchange->spare = NULL;
    exchange->current->active = done->active;
    exchange->current->active_peak = done->active;
    exchange->current->starting = done->starting;
    exchange->current->target = done->target;
    atomic_store_explicit(&exchange->wanted, false, memory_order_relaxed);
    atomic_store_explicit(&exchange->published, done, memory_order_release);
}
