#include "stats/collector.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ROWS 4096u
#define SERIES_ROWS 2048u
#define SHORTEST_NS (100 * NS_PER_MS)

struct shard {
    struct stats_exchange exchange;
    bool asked;                        /* the exchange's spare is with the shard */
    uint32_t active, starting, target; /* as it last said */
    uint32_t active_peak;              /* since the last tick */
    uint64_t busy_ns, busy_cpu_ns;     /* on end, and the CPU time of that */
    uint64_t cpu_ns, wall_ns;          /* in the interval so far */
};

struct collector {
    const struct run_info *info;
    struct shard *shards;
    struct stats *total;
    struct stats *calm; /* NULL: no calm stretch to mark */
    struct stats *interval;
    struct stats *tick;      /* what came since the last tick or interval */
    uint64_t interval_began; /* 0: with the run */
    uint64_t ticked_ns;      /* 0: never */
    bool interval_over;
    uint64_t rss_bytes;     /* the highest seen */
    uint64_t rss_now_bytes; /* 0: not known */
    struct busy_core busiest;
    struct judge judge;
    double tick_cpu;      /* share of the tick that its busiest thread was busy */
    uint32_t active_peak; /* of any interval so far */
    const struct slo *slos;
    struct slo_result results[SLO_MAX];
    bool breached[SLO_MAX]; /* for good */
    struct snapshot snapshot;
    struct timeline timeline, series;
    struct drift drift;
    struct timeline_row rows[ROWS], series_rows[SERIES_ROWS];
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
    collector->calm = info->calm_ns > 0 ? stats_new(info->stream_count) : NULL;
    collector->interval = stats_new(info->stream_count);
    collector->tick = stats_new(info->stream_count);
    bool ok = collector->shards && collector->total && collector->interval && collector->tick;
    if (collector->shards)
        memset(collector->shards, 0, bytes);
    ok = judge_init(&collector->judge) && ok;
    ok = drift_init(&collector->drift, DRIFT_SLICE_NS, info->steady_from_ns, info->steady_to_ns) &&
         ok;
    for (uint32_t i = 0; ok && i < info->shard_count; i++)
        ok = init_shard(&collector->shards[i], info);
    if (!ok) {
        collector_free(collector);
        return NULL;
    }
    /* touched now, so that a long run's memory doesn't seem to grow */
    explicit_bzero(collector->rows, sizeof(collector->rows));
    explicit_bzero(collector->series_rows, sizeof(collector->series_rows));
    collector->timeline = (struct timeline){collector->rows, ROWS, 0};
    collector->series = (struct timeline){collector->series_rows, SERIES_ROWS, 0};
    collector->snapshot = (struct snapshot){
        .info = info,
        .total = collector->total,
        .interval = collector->interval,
        .timeline = collector->rows,
        .series = collector->series_rows,
        .drift = &collector->drift,
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
    stats_free(collector->calm);
    stats_free(collector->interval);
    stats_free(collector->tick);
    drift_dispose(&collector->drift);
    judge_dispose(&collector->judge);
    free(collector);
}

void collector_set_slos(struct collector *collector, const struct slo *slos, uint32_t count)
{
    assert(count <= SLO_MAX);
    collector->slos = slos;
    collector->snapshot.slos = collector->results;
    collector->snapshot.slo_count = count;
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
        if (shard->asked &&
            !atomic_load_explicit(&shard->exchange.published, memory_order_relaxed) &&
            !atomic_load_explicit(&shard->exchange.ended, memory_order_relaxed))
            return false;
    }
    return true;
}

/* 0 where the time is too short to tell: the moments between the last interval and the end. */
static double cpu_share(uint64_t cpu_ns, uint64_t wall_ns)
{
    return wall_ns >= SHORTEST_NS ? (double)cpu_ns / (double)wall_ns : 0;
}

/* How long a thread has been busy on end by now. */
static void look_at_thread(struct collector *collector, struct shard *shard,
                           const struct stats *part)
{
    bool busy = cpu_share(part->cpu_ns, part->wall_ns) > JUDGE_BUSY;
    shard->busy_ns = busy ? shard->busy_ns + part->wall_ns : 0;
    shard->busy_cpu_ns = busy ? shard->busy_cpu_ns + part->cpu_ns : 0;
    judge_thread(&collector->judge, shard->busy_ns, cpu_share(shard->busy_cpu_ns, shard->busy_ns),
                 collector->snapshot.elapsed_ns);
}

/* Adds one shard's part to the tick. */
static void take(struct collector *collector, struct shard *shard, const struct stats *part)
{
    double share = cpu_share(part->cpu_ns, part->wall_ns);
    stats_add(collector->tick, part);
    shard->active = part->active;
    shard->starting = part->starting;
    shard->target = part->target;
    shard->cpu_ns += part->cpu_ns;
    shard->wall_ns += part->wall_ns;
    if (part->active_peak > shard->active_peak)
        shard->active_peak = part->active_peak;
    if (share > collector->tick_cpu)
        collector->tick_cpu = share;
    look_at_thread(collector, shard, part);
}

/* What a shard that has ended left behind. Its last wish stays for all to see. */
static void take_last(struct collector *collector, struct shard *shard)
{
    struct stats *last = shard->exchange.current;
    uint32_t target = last->target;
    take(collector, shard, last);
    stats_clear(last);
    last->target = target;
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

/* Whether it has ended is asked first: nothing is published after that. */
static void take_what_is_there(struct collector *collector, struct shard *shard)
{
    bool ended = atomic_load_explicit(&shard->exchange.ended, memory_order_acquire);
    take_published(collector, shard);
    if (ended)
        take_last(collector, shard);
}

static void set_gauges(struct stats *to, const struct stats *sums, uint32_t active_peak)
{
    to->active = sums->active;
    to->starting = sums->starting;
    to->target = sums->target;
    to->active_peak = active_peak;
}

/* Sums of what every shard last said; the tick's peak is the sum of its shards' peaks. */
static void add_gauges(struct collector *collector, uint32_t interval_peak)
{
    struct stats sums = {0};
    uint32_t peak = 0;
    for (uint32_t i = 0; i < collector->info->shard_count; i++) {
        sums.active += collector->shards[i].active;
        sums.starting += collector->shards[i].starting;
        sums.target += collector->shards[i].target;
        peak += collector->shards[i].active_peak;
    }
    if (peak > interval_peak)
        interval_peak = peak;
    if (peak > collector->active_peak)
        collector->active_peak = peak;
    set_gauges(collector->interval, &sums, interval_peak);
    set_gauges(collector->total, &sums, collector->active_peak);
}

/* Of the interval so far. */
static double busiest_shard(const struct collector *collector)
{
    double most = 0;
    for (uint32_t i = 0; i < collector->info->shard_count; i++) {
        double share = cpu_share(collector->shards[i].cpu_ns, collector->shards[i].wall_ns);
        if (share > most)
            most = share;
    }
    return most;
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
}

/* A run may be stopped before its start has come. */
static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
    return now_ns > then_ns ? now_ns - then_ns : 0;
}

static void begin_interval(struct collector *collector)
{
    stats_clear(collector->interval);
    collector->interval_over = false;
    collector->interval_began = collector->ticked_ns;
    for (uint32_t i = 0; i < collector->info->shard_count; i++)
        collector->shards[i].cpu_ns = collector->shards[i].wall_ns = 0;
}

static void begin_tick(struct collector *collector, uint64_t now_ns)
{
    uint64_t start_ns = collector->info->start_ns;
    if (collector->interval_over)
        begin_interval(collector);
    stats_clear(collector->tick);
    collector->tick_cpu = 0;
    collector->ticked_ns = now_ns;
    collector->snapshot.elapsed_ns = since(start_ns, now_ns);
    collector->snapshot.interval_ns =
        since(collector->interval_began > 0 ? collector->interval_began : start_ns, now_ns);
    for (uint32_t i = 0; i < collector->info->shard_count; i++)
        collector->shards[i].active_peak = collector->shards[i].active;
}

static void check_slos(struct collector *collector)
{
    for (uint32_t i = 0; i < collector->snapshot.slo_count; i++) {
        if (!collector->breached[i])
            collector->results[i] = slo_check(&collector->slos[i], &collector->snapshot);
    }
}

static void keep_breaches(struct collector *collector)
{
    for (uint32_t i = 0; i < collector->snapshot.slo_count; i++) {
        const struct slo_result *result = &collector->results[i];
        collector->breached[i] |= collector->slos[i].abort && result->measured && !result->ok;
    }
}

/* The calm stretch is over: what it counted is kept, for the rest to be held against. */
static void mark_calm(struct collector *collector)
{
    struct snapshot *snapshot = &collector->snapshot;
    if (!collector->calm || snapshot->calm || snapshot->elapsed_ns < collector->info->calm_ns)
        return;
    stats_add(collector->calm, collector->total);
    snapshot->calm = collector->calm;
    snapshot->calm_ns = snapshot->elapsed_ns;
}

static void add_to_drift(struct collector *collector, uint64_t span_ns)
{
    uint64_t to_ns = collector->snapshot.elapsed_ns;
    collector->tick->active = collector->total->active;
    const struct drift_span span = {
        .from_ns = to_ns - span_ns,
        .to_ns = to_ns,
        .stats = collector->tick,
        .rss_bytes = collector->rss_now_bytes,
        .server = &collector->snapshot.server,
    };
    drift_add(&collector->drift, &span);
}

static void end_tick(struct collector *collector, uint64_t span_ns)
{
    struct snapshot *snapshot = &collector->snapshot;
    uint32_t interval_peak = collector->interval->active_peak;
    stats_add(collector->interval, collector->tick);
    stats_add(collector->total, collector->tick);
    stats_derive(collector->total);
    add_gauges(collector, interval_peak);
    judge_core(&collector->judge, &collector->busiest, snapshot->elapsed_ns);
    judge_tick(&collector->judge, collector->tick, span_ns, snapshot->elapsed_ns);
    judge_say(&collector->judge, collector->total, snapshot->elapsed_ns, &snapshot->generator);
    describe_generator(collector);
    check_slos(collector);
    struct timeline_row row = timeline_row_of(snapshot->elapsed_ns, collector->total,
                                              collector->tick, collector->tick_cpu);
    timeline_row_server(&row, &snapshot->server);
    timeline_add(&collector->series, &row);
    snapshot->series_count = collector->series.count;
    mark_calm(collector);
    add_to_drift(collector, span_ns);
}

static const struct snapshot *end_interval(struct collector *collector)
{
    struct snapshot *snapshot = &collector->snapshot;
    double cpu = busiest_shard(collector);
    if (cpu > snapshot->generator.cpu_peak)
        snapshot->generator.cpu_peak = cpu;
    struct timeline_row row =
        timeline_row_of(snapshot->elapsed_ns, collector->total, collector->interval, cpu);
    timeline_row_server(&row, &snapshot->server);
    timeline_add(&collector->timeline, &row);
    snapshot->timeline_count = collector->timeline.count;
    collector->interval_over = true;
    check_slos(collector); /* again, as cpu_peak may be new */
    keep_breaches(collector);
    return snapshot;
}

const struct snapshot *collector_tick(struct collector *collector, uint64_t now_ns)
{
    uint64_t before_ns =
        collector->ticked_ns > 0 ? collector->ticked_ns : collector->info->start_ns;
    begin_tick(collector, now_ns);
    for (uint32_t i = 0; i < collector->info->shard_count; i++)
        take_what_is_there(collector, &collector->shards[i]);
    end_tick(collector, since(before_ns, now_ns));
    return &collector->snapshot;
}

const struct snapshot *collector_collect(struct collector *collector, uint64_t now_ns)
{
    collector_tick(collector, now_ns);
    return end_interval(collector);
}

const struct snapshot *collector_finish(struct collector *collector, uint64_t now_ns)
{
    uint64_t before_ns =
        collector->ticked_ns > 0 ? collector->ticked_ns : collector->info->start_ns;
    begin_tick(collector, now_ns);
    for (uint32_t i = 0; i < collector->info->shard_count; i++) {
        struct shard *shard = &collector->shards[i];
        take_published(collector, shard);
        take_last(collector, shard);
    }
    end_tick(collector, since(before_ns, now_ns));
    collector->snapshot.final = true;
    return end_interval(collector);
}

void collector_machine(struct collector *collector, uint64_t rss_bytes,
                       const struct busy_core *busiest)
{
    if (rss_bytes > collector->rss_bytes)
        collector->rss_bytes = rss_bytes;
    collector->rss_now_bytes = rss_bytes;
    collector->busiest = *busiest;
}

void collector_server(struct collector *collector, const struct server_sample *sample)
{
    server_load_see(&collector->snapshot.server, sample);
}

void collector_by_hand(struct collector *collector, const struct by_hand *by_hand)
{
    collector->snapshot.by_hand = *by_hand;
}

void collector_interrupted(struct collector *collector, const struct interrupted *interrupted)
{
    collector->snapshot.interrupted = *interrupted;
}

void collector_limit(struct collector *collector, enum generator_limit limit)
{
    judge_found(&collector->judge, limit);
}
