#include "stats/collector.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ROWS 4096u
#define BUSY 0.9
/* An interval of 5 s is never 5 s to the nanosecond. */
#define BUSY_FOR_NS (5 * NS_PER_S - 50 * NS_PER_MS)
#define SHORTEST_NS (100 * NS_PER_MS)
#define LOOP_LAG_US 10000u
#define SCHEDULE_LAG_US 100000u

struct shard {
    struct stats_exchange exchange;
    bool asked;                        /* the exchange's spare is with the shard */
    uint32_t active, starting, target; /* as it last said */
    uint32_t active_peak;              /* in the last interval */
    uint64_t busy_ns;                  /* on end */
};

struct collector {
    const struct run_info *info;
    struct shard *shards;
    struct stats *total;
    struct stats *interval;
    uint64_t collected_ns; /* when the last interval ended; 0: none has, it began with the run */
    uint64_t rss_bytes;
    double busiest_core;
    uint64_t core_busy_ns;
    double interval_cpu;  /* share of the last interval that its busiest thread was busy */
    uint32_t active_peak; /* of any interval so far */
    struct snapshot snapshot;
    struct timeline_row rows[ROWS];
};

static bool init_shard(struct shard *shard, const struct run_info *info)
{
    shard->exchange.virtual_time = info->virtual_time;
    shard->exchange.current = stats_new(info->stream_count);
    shard->exchange.spare = stats_new(info->stream_count);
    return shard->exchange.current && shard->exchange.spare;
}

struct collector *collector_new(const struct run_info *info)
{
    struct collector *collector = calloc(1, sizeof(*collector));
    if (!collector)
        return NULL;
    size_t bytes = info->shard_count * sizeof(struct shard);
    collector->info = info;
    collector->shards = aligned_alloc(_Alignof(struct shard), bytes);
    collector->total = stats_new(info->stream_count);
    collector->interval = stats_new(info->stream_count);
    bool ok = collector->shards && collector->total && collector->interval;
    if (collector->shards)
        memset(collector->shards, 0, bytes);
    for (uint32_t i = 0; ok && i < info->shard_count; i++)
        ok = init_shard(&collector->shards[i], info);
    if (!ok) {
        collector_free(collector);
        return NULL;
    }
    collector->snapshot = (struct snapshot){
        .info = info,
        .total = collector->total,
        .interval = collector->interval,
        .timeline = collector->rows,
    };
    return collector;
}

void collector_free(struct collector *collector)
{
    if (!collector)
        return;
    for (uint32_t i = 0; collector->shards && i < collector->info->shard_count; i++) {
        struct stats_exchange *exchange = &collector->shards[i].exchange;
        stats_free(exchange->current);
        stats_free(exchange->spare);
        stats_free(atomic_load(&exchange->published));
    }
    free(collector->shards);
    stats_free(collector->total);
    stats_free(collector->interval);
    free(collector);
}

struct stats_exchange *collector_exchange(struct collector *collector, uint32_t shard)
{
    assert(shard < collector->info->shard_count);
    return &collector->shards[shard].exchange;
}

void collector_want(struct collector *collector)
{
    for (uint32_t i = 0; i < collector->info->shard_count; i++) {
        struct shard *shard = &collector->shards[i];
        if (shard->asked)
            continue;
        shard->asked = true;
        atomic_store_explicit(&shard->exchange.wanted, true, memory_order_release);
    }
}

bool collector_ready(const struct collector *collector)
{
    for (uint32_t i = 0; i < collector->info->shard_count; i++) {
        const struct shard *shard = &collector->shards[i];
        if (shard->asked && !atomic_load_explicit(&shard->exchange.published, memory_order_relaxed))
            return false;
    }
    return true;
}

/* Whether it has been over BUSY for long enough by now. */
static bool busy_too_long(uint64_t *busy_ns, double share, uint64_t ns)
{
    *busy_ns = share > BUSY ? *busy_ns + ns : 0;
    return *busy_ns >= BUSY_FOR_NS;
}

/* 0 where the time is too short to tell: the moments between the last interval and the end. */
static double cpu_share(const struct stats *stats)
{
    return stats->wall_ns >= SHORTEST_NS ? (double)stats->cpu_ns / (double)stats->wall_ns : 0;
}

/* Adds one shard's part to the interval. */
static void take(struct collector *collector, struct shard *shard, const struct stats *part)
{
    stats_add(collector->interval, part);
    shard->active = part->active;
    shard->starting = part->starting;
    shard->target = part->target;
    if (part->active_peak > shard->active_peak)
        shard->active_peak = part->active_peak;
    if (cpu_share(part) > collector->interval_cpu)
        collector->interval_cpu = cpu_share(part);
    if (busy_too_long(&shard->busy_ns, cpu_share(part), part->wall_ns))
        collector_limit(collector, LIMIT_CPU);
}

static void take_published(struct collector *collector, struct shard *shard)
{
    struct stats_exchange *exchange = &shard->exchange;
    struct stats *part = atomic_load_explicit(&exchange->published, memory_order_acquire);
    if (!part)
        return;
    take(collector, shard, part);
    stats_clear(part);
    atomic_store_explicit(&exchange->published, NULL, memory_order_relaxed);
    exchange->spare = part;
    shard->asked = false;
}

/* Sums of what every shard last said; the interval's peak is the sum of its shards' peaks. */
static void set_gauges(struct collector *collector)
{
    struct stats *interval = collector->interval, *total = collector->total;
    interval->active = interval->starting = interval->target = interval->active_peak = 0;
    for (uint32_t i = 0; i < collector->info->shard_count; i++) {
        interval->active += collector->shards[i].active;
        interval->starting += collector->shards[i].starting;
        interval->target += collector->shards[i].target;
        interval->active_peak += collector->shards[i].active_peak;
    }
    if (interval->active_peak > collector->active_peak)
        collector->active_peak = interval->active_peak;
    total->active = interval->active;
    total->starting = interval->starting;
    total->target = interval->target;
    total->active_peak = collector->active_peak;
}

/* The older half of the rows becomes a quarter: the later row of each two stands for both. */
static void thin_out(struct collector *collector)
{
    struct timeline_row *rows = collector->rows;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ROWS / 2; i += 2, kept++) {
        struct timeline_row merged = rows[i + 1];
        if (rows[i].startup_p95_us > merged.startup_p95_us)
            merged.startup_p95_us = rows[i].startup_p95_us;
        if (rows[i].jitter_p95_us > merged.jitter_p95_us)
            merged.jitter_p95_us = rows[i].jitter_p95_us;
        if (rows[i].cpu > merged.cpu)
            merged.cpu = rows[i].cpu;
        merged.has_startup |= rows[i].has_startup;
        merged.has_jitter |= rows[i].has_jitter;
        rows[kept] = merged;
    }
    memmove(rows + kept, rows + ROWS / 2, (ROWS - ROWS / 2) * sizeof(rows[0]));
    collector->snapshot.timeline_count = kept + ROWS - ROWS / 2;
}

static void add_row(struct collector *collector)
{
    const struct stats *total = collector->total, *interval = collector->interval;
    const struct histogram *startup = &interval->metrics[METRIC_STARTUP];
    const struct histogram *jitter = &interval->metrics[METRIC_JITTER];
    struct rtp_counts rtp = stats_rtp(total);
    if (collector->snapshot.timeline_count == ROWS)
        thin_out(collector);
    collector->rows[collector->snapshot.timeline_count++] = (struct timeline_row){
        .t_ns = collector->snapshot.elapsed_ns,
        .target = total->target,
        .active = total->active,
        .started = total->sessions.started,
        .established = total->sessions.established,
        .failed = total->sessions.failed,
        .dropped = total->sessions.dropped,
        .packets = rtp.packets,
        .bytes = rtp.bytes,
        .lost = rtp.lost,
        .has_startup = startup->count > 0,
        .has_jitter = jitter->count > 0,
        .startup_p95_us = histogram_quantile(startup, 0.95),
        .jitter_p95_us = histogram_quantile(jitter, 0.95),
        .cpu = collector->interval_cpu,
    };
}

static void judge(struct collector *collector)
{
    const struct stats *total = collector->total;
    if (histogram_quantile(&total->metrics[METRIC_LOOP_LAG], 0.99) > LOOP_LAG_US)
        collector_limit(collector, LIMIT_LOOP_LAG);
    if (histogram_quantile(&total->metrics[METRIC_SCHEDULE_LAG], 0.99) > SCHEDULE_LAG_US)
        collector_limit(collector, LIMIT_SCHEDULE_LAG);
    if (total->udp_socket_drops > 0)
        collector_limit(collector, LIMIT_UDP_SOCKET_DROPS);
    if (total->recv_backlog_gaps > 0)
        collector_limit(collector, LIMIT_RECV_BACKLOG);
}

static void describe_generator(struct collector *collector)
{
    struct generator *generator = &collector->snapshot.generator;
    uint64_t before = collector->info->rss_before_bytes;
    generator->cpu_ns = collector->total->cpu_ns;
    generator->rss_bytes = collector->rss_bytes;
    generator->bytes_per_session = 0;
    if (before > 0 && collector->rss_bytes > before && collector->active_peak > 0)
        generator->bytes_per_session = (collector->rss_bytes - before) / collector->active_peak;
    if (collector->interval_cpu > generator->cpu_peak)
        generator->cpu_peak = collector->interval_cpu;
}

/* A run may be stopped before its start has come. */
static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

static void begin_interval(struct collector *collector, uint64_t now_ns)
{
    uint64_t start_ns = collector->info->start_ns;
    stats_clear(collector->interval);
    collector->interval_cpu = 0;
    collector->snapshot.elapsed_ns = since(start_ns, now_ns);
    collector->snapshot.interval_ns =
        since(collector->collected_ns > 0 ? collector->collected_ns : start_ns, now_ns);
    collector->collected_ns = now_ns;
    for (uint32_t i = 0; i < collector->info->shard_count; i++)
        collector->shards[i].active_peak = collector->shards[i].active;
}

static const struct snapshot *end_interval(struct collector *collector)
{
    stats_add(collector->total, collector->interval);
    set_gauges(collector);
    if (busy_too_long(&collector->core_busy_ns, collector->busiest_core,
                      collector->snapshot.interval_ns))
        collector_limit(collector, LIMIT_CPU);
    judge(collector);
    describe_generator(collector);
    add_row(collector);
    return &collector->snapshot;
}

const struct snapshot *collector_collect(struct collector *collector, uint64_t now_ns)
{
    begin_interval(collector, now_ns);
    for (uint32_t i = 0; i < collector->info->shard_count; i++)
        take_published(collector, &collector->shards[i]);
    return end_interval(collector);
}

const struct snapshot *collector_finish(struct collector *collector, uint64_t now_ns)
{
    begin_interval(collector, now_ns);
    for (uint32_t i = 0; i < collector->info->shard_count; i++) {
        struct shard *shard = &collector->shards[i];
        if (atomic_load_explicit(&shard->exchange.published, memory_order_relaxed))
            take_published(collector, shard);
        take(collector, shard, shard->exchange.current);
        stats_clear(shard->exchange.current);
    }
    return end_interval(collector);
}

void collector_machine(struct collector *collector, uint64_t rss_bytes, double busiest_core)
{
    if (rss_bytes > collector->rss_bytes)
        collector->rss_bytes = rss_bytes;
    collector->busiest_core = busiest_core;
}

void collector_limit(struct collector *collector, enum generator_limit limit)
{
    assert((unsigned)limit < GENERATOR_LIMITS);
    collector->snapshot.generator.limits |= 1u << limit;
}
