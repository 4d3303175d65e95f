#include "test.h"

#include <pthread.h>

#include "base/clock.h"
#include "stats/collector.h"

#define START (1000 * NS_PER_S)
#define SHARDS_MAX 4u

static struct run_info info_for(uint32_t shards, uint32_t streams)
{
    return (struct run_info){.start_ns = START,
                             .shard_count = shards,
                             .stream_count = streams,
                             .rss_before_bytes = 1000};
}

/* One thread is all the shards: they began at START. */
static struct collector *make(const struct run_info *info, struct stats_exchange **exchanges)
{
    struct collector *collector = collector_new(info);
    assert_non_null(collector);
    for (uint32_t i = 0; i < info->shard_count; i++) {
        exchanges[i] = collector_exchange(collector, i);
        stats_exchange_begin(exchanges[i], START);
    }
    return collector;
}

static void gather(struct collector *collector, struct stats_exchange **exchanges, uint32_t shards,
                   uint64_t now_ns)
{
    collector_want(collector);
    for (uint32_t i = 0; i < shards; i++)
        assert_true(stats_exchange_poll(exchanges[i], now_ns));
    assert_true(collector_ready(collector));
}

static const struct snapshot *collect_all(struct collector *collector,
                                          struct stats_exchange **exchanges, uint32_t shards,
                                          uint64_t now_ns)
{
    gather(collector, exchanges, shards, now_ns);
    return collector_collect(collector, now_ns);
}

/* The thread seems to have worked that much longer than it did. */
static void pretend_cpu(struct stats_exchange *exchange, uint64_t ns)
{
    exchange->cpu_since_ns -= ns;
}

static void test_nothing_wanted(void **state)
{
    struct run_info info = info_for(1, 0);
    struct stats_exchange *exchange;
    struct collector *collector = make(&info, &exchange);
    struct stats *current = exchange->current;
    assert_false(stats_exchange_poll(exchange, START + 1));
    assert_ptr_equal(exchange->current, current);
    assert_true(collector_ready(collector));
    collector_want(collector);
    assert_false(collector_ready(collector));
    assert_true(stats_exchange_poll(exchange, START + 2));
    assert_ptr_not_equal(exchange->current, current);
    assert_false(stats_exchange_poll(exchange, START + 3));
    collector_free(collector);
}

/* Two shards, two intervals: totals add up, the interval is the last alone, gauges go on. */
static void test_intervals(void **state)
{
    struct run_info info = info_for(2, 1);
    struct stats_exchange *exchanges[2];
    struct collector *collector = make(&info, exchanges);
    for (uint32_t i = 0; i < 2; i++) {
        struct stats *stats = exchanges[i]->current;
        stats->sessions.started = stats->sessions.established = 10 + i;
        stats->active = stats->active_peak = 10 + i;
        stats->target = 20;
        stats->rtp[MEDIA_VIDEO].packets = 100;
        stats->rtp[MEDIA_AUDIO].packets = 10;
        stats->rtp[MEDIA_AUDIO].bytes = 1000;
        stats->streams[0].rtp.packets = 110;
        histogram_record(&stats->metrics[METRIC_STARTUP], 5000 + 1000 * i);
    }
    const struct snapshot *snapshot = collect_all(collector, exchanges, 2, START + 5 * NS_PER_S);
    assert_int_equal(snapshot->total->sessions.started, 21);
    assert_int_equal(snapshot->total->active, 21);
    assert_int_equal(exchanges[1]->current->active, 11);
    assert_int_equal(exchanges[1]->current->sessions.started, 0);

    exchanges[0]->current->rtp[MEDIA_VIDEO].packets = 7;
    exchanges[0]->current->rtp[MEDIA_VIDEO].lost = 3;
    exchanges[1]->current->active--;
    exchanges[1]->current->sessions.dropped++;
    histogram_record(&exchanges[0]->current->metrics[METRIC_JITTER], 77);
    snapshot = collect_all(collector, exchanges, 2, START + 9 * NS_PER_S);
    assert_int_equal(snapshot->total->rtp[MEDIA_VIDEO].packets, 207);
    assert_int_equal(snapshot->interval->rtp[MEDIA_VIDEO].packets, 7);
    assert_int_equal(snapshot->interval->sessions.started, 0);
    assert_int_equal(snapshot->interval->active, 20);
    assert_int_equal(snapshot->total->active, 20);
    assert_int_equal(snapshot->total->target, 40);
    assert_int_equal(snapshot->total->active_peak, 21);
    assert_int_equal(snapshot->total->streams[0].rtp.packets, 220);
    assert_int_equal(snapshot->total->metrics[METRIC_STARTUP].count, 2);
    assert_int_equal(snapshot->interval_ns, 4 * NS_PER_S);
    assert_int_equal(snapshot->elapsed_ns, 9 * NS_PER_S);
    assert_int_equal(snapshot->total->wall_ns, 18 * NS_PER_S);

    assert_int_equal(snapshot->timeline_count, 2);
    const struct timeline_row *first = &snapshot->timeline[0], *last = &snapshot->timeline[1];
    assert_int_equal(first->t_ns, 5 * NS_PER_S);
    assert_int_equal(first->packets, 220);
    assert_true(first->has_startup && !first->has_jitter);
    assert_int_equal(first->startup_p95_us, 6000);
    assert_int_equal(last->t_ns, 9 * NS_PER_S);
    assert_int_equal(last->packets, 227);
    assert_int_equal(last->bytes, 2000);
    assert_int_equal(last->lost, 3);
    assert_int_equal(last->dropped, 1);
    assert_int_equal(last->established, 21);
    assert_int_equal(last->active, 20);
    assert_true(!last->has_startup && last->has_jitter);
    assert_int_equal(last->jitter_p95_us, 77);
    collector_free(collector);
}

/* Two ticks and an interval's end: the interval holds all three, each has its row in the series. */
static void test_ticks(void **state)
{
    struct run_info info = info_for(1, 0);
    struct stats_exchange *exchange;
    struct collector *collector = make(&info, &exchange);
    const struct snapshot *snapshot = NULL;
    static const unsigned busy_percent[] = {80, 20, 20};
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t now_ns = START + (i + 1) * NS_PER_S;
        exchange->current->rtp[MEDIA_VIDEO].packets = 100;
        exchange->current->active = exchange->current->active_peak = i == 1 ? 9 : 2;
        histogram_record(&exchange->current->metrics[METRIC_STARTUP], 1000 * (i + 1));
        pretend_cpu(exchange, busy_percent[i] * 10 * NS_PER_MS);
        gather(collector, &exchange, 1, now_ns);
        snapshot = i < 2 ? collector_tick(collector, now_ns) : collector_collect(collector, now_ns);
        assert_int_equal(snapshot->interval->rtp[MEDIA_VIDEO].packets, 100 * (i + 1));
        assert_int_equal(snapshot->interval_ns, (i + 1) * NS_PER_S);
        assert_int_equal(snapshot->series_count, i + 1);
        assert_int_equal(snapshot->series[i].packets, 100 * (i + 1));
        assert_int_equal(snapshot->series[i].startup_p50_us, 1000 * (i + 1));
        assert_int_equal(snapshot->timeline_count, i < 2 ? 0 : 1);
    }
    assert_int_equal(snapshot->interval->active_peak, 9);
    assert_int_equal(snapshot->interval->active, 2);
    assert_int_equal(snapshot->total->active_peak, 9);
    assert_true(snapshot->series[0].cpu >= 0.8);
    assert_true(snapshot->timeline[0].cpu >= 0.4 && snapshot->timeline[0].cpu < 0.5);
    assert_true(snapshot->generator.cpu_peak < 0.5);

    exchange->current->rtp[MEDIA_VIDEO].packets = 7;
    gather(collector, &exchange, 1, START + 4 * NS_PER_S);
    snapshot = collector_tick(collector, START + 4 * NS_PER_S);
    assert_int_equal(snapshot->interval->rtp[MEDIA_VIDEO].packets, 7);
    assert_int_equal(snapshot->interval_ns, NS_PER_S);
    assert_int_equal(snapshot->total->rtp[MEDIA_VIDEO].packets, 307);
    collector_free(collector);
}

/* A shard that doesn't answer: its gauges stay, its counts come later, none is lost. */
static void test_late_shard(void **state)
{
    struct run_info info = info_for(2, 0);
    struct stats_exchange *exchanges[2];
    struct collector *collector = make(&info, exchanges);
    exchanges[0]->current->active = exchanges[0]->current->active_peak = 4;
    exchanges[1]->current->active = exchanges[1]->current->active_peak = 3;
    collect_all(collector, exchanges, 2, START + NS_PER_S);

    exchanges[1]->current->sessions.started = 5;
    collector_want(collector);
    assert_true(stats_exchange_poll(exchanges[0], START + 2 * NS_PER_S));
    assert_false(collector_ready(collector));
    const struct snapshot *snapshot = collector_collect(collector, START + 2 * NS_PER_S);
    assert_int_equal(snapshot->total->active, 7);
    assert_int_equal(snapshot->interval->active_peak, 7);
    assert_int_equal(snapshot->total->sessions.started, 0);

    exchanges[1]->current->sessions.started += 6;
    snapshot = collect_all(collector, exchanges, 2, START + 3 * NS_PER_S);
    assert_int_equal(snapshot->interval->sessions.started, 11);
    assert_int_equal(snapshot->total->wall_ns, 6 * NS_PER_S);
    collector_free(collector);
}

/* The start is often set when the collector is there already; the moments before the end are too
   short to tell how busy anyone was. */
static void test_first_and_last_moments(void **state)
{
    struct run_info info = info_for(1, 0);
    struct stats_exchange *exchange;
    info.start_ns = 0;
    struct collector *collector = make(&info, &exchange);
    info.start_ns = START;
    const struct snapshot *snapshot = collect_all(collector, &exchange, 1, START + NS_PER_S);
    assert_int_equal(snapshot->interval_ns, NS_PER_S);
    pretend_cpu(exchange, NS_PER_MS);
    stats_exchange_end(exchange, START + NS_PER_S + NS_PER_MS);
    snapshot = collector_finish(collector, START + NS_PER_S + NS_PER_MS);
    assert_int_equal(snapshot->interval_ns, NS_PER_MS);
    assert_true(snapshot->timeline[1].cpu == 0);
    assert_true(snapshot->generator.cpu_peak < 0.5);
    collector_free(collector);
}

static void test_stopped_before_the_start(void **state)
{
    struct run_info info = info_for(1, 0);
    struct stats_exchange *exchange;
    struct collector *collector = make(&info, &exchange);
    stats_exchange_end(exchange, START - NS_PER_MS);
    const struct snapshot *snapshot = collector_finish(collector, START - NS_PER_MS);
    assert_int_equal(snapshot->elapsed_ns, 0);
    assert_int_equal(snapshot->interval_ns, 0);
    assert_int_equal(snapshot->total->wall_ns, 0);
    assert_int_equal(snapshot->timeline[0].t_ns, 0);
    collector_free(collector);
}

/* All came and went within one interval: the peak is still seen. Later peaks don't add to it. */
static void test_active_peak(void **state)
{
    struct run_info info = info_for(2, 0);
    struct stats_exchange *exchanges[2];
    struct collector *collector = make(&info, exchanges);
    exchanges[0]->current->active_peak = 50;
    exchanges[1]->current->active_peak = 49;
    const struct snapshot *snapshot = collect_all(collector, exchanges, 2, START + NS_PER_S);
    assert_int_equal(snapshot->total->active, 0);
    assert_int_equal(snapshot->total->active_peak, 99);
    exchanges[0]->current->active_peak = 60;
    snapshot = collect_all(collector, exchanges, 2, START + 2 * NS_PER_S);
    assert_int_equal(snapshot->interval->active_peak, 60);
    assert_int_equal(snapshot->total->active_peak, 99);
    collector_free(collector);
}

/* What was published but not collected, and what came after it, are both in the end. */
static void test_finish(void **state)
{
    struct run_info info = info_for(3, 0);
    struct stats_exchange *exchanges[3];
    struct collector *collector = make(&info, exchanges);
    for (uint32_t i = 0; i < 3; i++) {
        exchanges[i]->current->sessions.completed = 1;
        exchanges[i]->current->active = exchanges[i]->current->active_peak = 5;
    }
    collector_want(collector);
    stats_exchange_poll(exchanges[1], START + NS_PER_S);
    stats_exchange_poll(exchanges[2], START + NS_PER_S);
    for (uint32_t i = 0; i < 3; i++) {
        exchanges[i]->current->sessions.completed += 10;
        exchanges[i]->current->active = 0;
        stats_exchange_end(exchanges[i], START + 2 * NS_PER_S);
    }
    const struct snapshot *snapshot = collector_finish(collector, START + 2 * NS_PER_S);
    assert_int_equal(snapshot->total->sessions.completed, 33);
    assert_int_equal(snapshot->total->active, 0);
    assert_int_equal(snapshot->total->active_peak, 15);
    assert_int_equal(snapshot->total->wall_ns, 6 * NS_PER_S);
    collector_free(collector);
}

/* A thread that is busy for 5 s on end is a limit where something came late meanwhile, else a
   warning. */
static void test_busy_thread(void **state)
{
    static const struct {
        unsigned busy_percent[4]; /* of intervals of 2 s */
        bool busy, late;
    } rows[] = {
        {{95, 95, 95, 10}, true, false},  {{95, 95, 10, 95}, false, false},
        {{85, 85, 85, 85}, false, false}, {{10, 95, 95, 95}, true, false},
        {{95, 95, 10, 10}, false, true},  {{95, 95, 95, 10}, true, true},
    };
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct run_info info = info_for(2, 0);
        struct stats_exchange *exchanges[2];
        struct collector *collector = make(&info, exchanges);
        const struct snapshot *snapshot = NULL;
        for (uint64_t i = 0; i < 4; i++) {
            pretend_cpu(exchanges[1], rows[row].busy_percent[i] * 20 * NS_PER_MS);
            exchanges[0]->current->recv_backlog_gaps = rows[row].late;
            snapshot = collect_all(collector, exchanges, 2, START + (i + 1) * 2 * NS_PER_S);
            double busy = rows[row].busy_percent[i] / 100.0;
            assert_true(snapshot->timeline[i].cpu >= busy);
            assert_true(snapshot->timeline[i].cpu < busy + 0.04);
        }
        const struct generator *generator = &snapshot->generator;
        bool limited = rows[row].busy && rows[row].late;
        assert_int_equal(generator->limits >> LIMIT_CPU & 1, limited);
        assert_int_equal(generator->warning_count, rows[row].busy && !rows[row].late);
        if (limited) {
            assert_string_equal(generator->limit_values[LIMIT_CPU].what, "thread");
            assert_true(generator->limit_values[LIMIT_CPU].value >= 0.95);
            assert_int_equal(generator->limit_values[LIMIT_CPU].at_ns, 6 * NS_PER_S);
        }
        assert_true(generator->cpu_peak >= 0.85);
        collector_free(collector);
    }
}

/* A simulated day may take a second or an hour of CPU: neither shows. */
static void test_virtual_time(void **state)
{
    struct run_info info = info_for(1, 0);
    info.virtual_time = true;
    struct stats_exchange *exchange;
    struct collector *collector = make(&info, &exchange);
    const struct snapshot *snapshot = collect_all(collector, &exchange, 1, START + 1);
    stats_exchange_end(exchange, START + 2);
    snapshot = collector_finish(collector, START + 2);
    assert_int_equal(snapshot->total->cpu_ns, 0);
    assert_int_equal(snapshot->generator.limits, 0);
    assert_true(snapshot->generator.cpu_peak == 0);
    collector_free(collector);
}

/* Other people's work on our cores is worth a warning, as long as nothing comes of it. */
static void test_busy_core(void **state)
{
    struct run_info info = info_for(1, 0);
    struct stats_exchange *exchange;
    struct collector *collector = make(&info, &exchange);
    struct busy_core core = {.busy_ns = 4 * NS_PER_S, .core = 3, .share = 0.97, .others = 0.992};
    collector_machine(collector, 5000, &core);
    exchange->current->active_peak = 8;
    const struct snapshot *snapshot = collect_all(collector, &exchange, 1, START + 4 * NS_PER_S);
    assert_int_equal(snapshot->generator.warning_count, 0);
    core.busy_ns = 5 * NS_PER_S;
    collector_machine(collector, 4000, &core);
    snapshot = collect_all(collector, &exchange, 1, START + 5 * NS_PER_S);
    assert_int_equal(snapshot->generator.limits, 0);
    assert_int_equal(snapshot->generator.warning_count, 1);
    assert_string_equal(snapshot->generator.warnings[0], "core 3 is 97 % busy, 99 % of it others'");
    collector_machine(collector, 4000, &(struct busy_core){0}); /* it stays true */
    exchange->current->udp_socket_drops = 1;
    snapshot = collect_all(collector, &exchange, 1, START + 8 * NS_PER_S);
    assert_int_equal(snapshot->generator.limits, 1u << LIMIT_CPU | 1u << LIMIT_UDP_SOCKET_DROPS);
    assert_int_equal(snapshot->generator.warning_count, 0);
    assert_string_equal(snapshot->generator.limit_values[LIMIT_CPU].what, "core 3");
    assert_true(snapshot->generator.limit_values[LIMIT_CPU].value == 0.97);
    assert_int_equal(snapshot->generator.limit_values[LIMIT_CPU].at_ns, 5 * NS_PER_S);
    assert_int_equal(snapshot->generator.rss_bytes, 5000);
    assert_int_equal(snapshot->generator.bytes_per_session, 500);
    collector_free(collector);
}

static void test_limits(void **state)
{
    static const struct {
        uint64_t loop_lag_us, schedule_lag_us, drops, backlog;
        uint32_t limits;
    } rows[] = {
        {9000, 99000, 0, 0, 0},
        {11000, 0, 0, 0, 1u << LIMIT_LOOP_LAG},
        {0, 102000, 0, 0, 1u << LIMIT_SCHEDULE_LAG},
        {0, 0, 1, 0, 1u << LIMIT_UDP_SOCKET_DROPS},
        {0, 0, 0, 1, 1u << LIMIT_RECV_BACKLOG},
    };
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct run_info info = info_for(1, 0);
        struct stats_exchange *exchange;
        struct collector *collector = make(&info, &exchange);
        for (int i = 0; i < 50; i++) {
            histogram_record(&exchange->current->metrics[METRIC_LOOP_LAG], rows[row].loop_lag_us);
            histogram_record(&exchange->current->metrics[METRIC_SCHEDULE_LAG],
                             rows[row].schedule_lag_us);
        }
        exchange->current->udp_socket_drops = rows[row].drops;
        exchange->current->recv_backlog_gaps = rows[row].backlog;
        const struct snapshot *snapshot = collect_all(collector, &exchange, 1, START + NS_PER_S);
        assert_int_equal(snapshot->generator.limits, rows[row].limits);
        collector_limit(collector, LIMIT_FILES);
        snapshot = collect_all(collector, &exchange, 1, START + 2 * NS_PER_S);
        assert_int_equal(snapshot->generator.limits, rows[row].limits | 1u << LIMIT_FILES);
        collector_free(collector);
    }
}

/* What was late at first is judged by all that came since. */
static void test_limits_are_judged_anew(void **state)
{
    struct run_info info = info_for(1, 0);
    struct stats_exchange *exchange;
    struct collector *collector = make(&info, &exchange);
    const struct snapshot *snapshot = NULL;
    for (uint64_t second = 1; second <= 10; second++) {
        struct histogram *metrics = exchange->current->metrics;
        histogram_record_many(&metrics[METRIC_LOOP_LAG], 100, 500);
        histogram_record_many(&metrics[METRIC_SCHEDULE_LAG], 100, 50);
        histogram_record_many(&metrics[METRIC_LOOP_LAG], 40000, second == 1 ? 10 : 0);
        histogram_record_many(&metrics[METRIC_SCHEDULE_LAG], 200000, second == 1 ? 4 : 0);
        gather(collector, &exchange, 1, START + second * NS_PER_S);
        snapshot = collector_tick(collector, START + second * NS_PER_S);
        /* 10 of 510 are over 1 %, 10 of 1,010 are not; 4 of 54 are, 4 of 354 are, 4 of 404 not */
        uint32_t limits =
            (second < 2 ? 1u << LIMIT_LOOP_LAG : 0) | (second < 8 ? 1u << LIMIT_SCHEDULE_LAG : 0);
        assert_int_equal(snapshot->generator.limits, limits);
    }
    collector_free(collector);
}

/* Over a day of 5 s intervals: rows stay few, in order, from the start to now, and keep peaks. */
static void test_timeline_is_thinned(void **state)
{
    enum { INTERVALS = 20000, WORST = 777 };
    struct run_info info = info_for(1, 0);
    struct stats_exchange *exchange;
    struct collector *collector = make(&info, &exchange);
    const struct snapshot *snapshot = NULL;
    for (uint64_t i = 1; i <= INTERVALS; i++) {
        exchange->current->sessions.started = 1;
        histogram_record(&exchange->current->metrics[METRIC_STARTUP], i == WORST ? 90000 : 100);
        snapshot = collect_all(collector, &exchange, 1, START + i * 5 * NS_PER_S);
        assert_true(snapshot->timeline_count <= 4096);
    }
    const struct timeline_row *rows = snapshot->timeline;
    uint32_t count = snapshot->timeline_count;
    bool worst_kept = false;
    assert_true(count > 2048);
    assert_int_equal(rows[count - 1].started, INTERVALS);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(i == 0 || rows[i].t_ns > rows[i - 1].t_ns);
        assert_int_equal(rows[i].t_ns, rows[i].started * 5 * NS_PER_S);
        assert_true(rows[i].has_startup && !rows[i].has_jitter);
        if (rows[i].startup_p95_us == 90000) {
            assert_true(rows[i].started >= WORST);
            assert_true(i == 0 || rows[i - 1].started < WORST);
            worst_kept = true;
        }
    }
    assert_true(worst_kept);
    for (uint32_t i = count - 2000; i < count; i++)
        assert_int_equal(rows[i].t_ns - rows[i - 1].t_ns, 5 * NS_PER_S);
    collector_free(collector);
}

#define TURNS 200000u

static atomic_bool told_to_count;

static void *count_away(void *argument)
{
    struct stats_exchange *exchange = argument;
    stats_exchange_begin(exchange, START);
    while (!atomic_load(&told_to_count))
        stats_exchange_poll(exchange, START + 1);
    for (uint64_t i = 1; i <= TURNS; i++) {
        stats_exchange_poll(exchange, START + i);
        exchange->current->sessions.started++;
        histogram_record(&exchange->current->metrics[METRIC_CONNECT], i & 1023);
    }
    stats_exchange_end(exchange, START + TURNS);
    return NULL;
}

/* Threads that count while the collector takes: nothing is lost or seen twice. */
static void test_threads(void **state)
{
    struct run_info info = info_for(SHARDS_MAX, 0);
    struct collector *collector = collector_new(&info);
    pthread_t threads[SHARDS_MAX];
    atomic_store(&told_to_count, false);
    for (uint32_t i = 0; i < SHARDS_MAX; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, count_away, collector_exchange(collector, i)), 0);
    collector_want(collector);
    while (!collector_ready(collector))
        usleep(100);
    collector_collect(collector, START + 1);
    atomic_store(&told_to_count, true);
    const struct snapshot *snapshot;
    uint64_t seen = 0, rounds = 2;
    do {
        collector_want(collector);
        usleep(200);
        snapshot = collector_collect(collector, START + rounds);
        seen += snapshot->interval->sessions.started;
        assert_int_equal(snapshot->total->sessions.started, seen);
    } while (++rounds < 30);
    for (uint32_t i = 0; i < SHARDS_MAX; i++)
        pthread_join(threads[i], NULL);
    snapshot = collector_finish(collector, START + TURNS);
    assert_int_equal(snapshot->total->sessions.started, SHARDS_MAX * TURNS);
    assert_int_equal(snapshot->total->metrics[METRIC_CONNECT].count, SHARDS_MAX * TURNS);
    collector_free(collector);
}

/* An objective is checked with every snapshot; a breach of one that says abort stays a breach. */
static void test_objectives(void **state)
{
    struct run_info info = info_for(1, 0);
    struct stats_exchange *exchange;
    struct collector *collector = make(&info, &exchange);
    static const char *const texts[] = {"failed_ratio<50%", "failed_ratio<50% abort"};
    struct slo slos[2];
    char room[200];
    struct text expected = text_init(room, sizeof(room));
    for (int i = 0; i < 2; i++)
        assert_true(slo_parse(texts[i], &slos[i], &expected));
    collector_set_slos(collector, slos, 2);
    exchange->current->sessions = (struct session_counts){.started = 4, .failed = 1};
    const struct snapshot *now = collect_all(collector, &exchange, 1, START + NS_PER_S);
    assert_int_equal(now->slo_count, 2);
    assert_true(now->slos[0].ok && now->slos[1].ok);
    exchange->current->sessions = (struct session_counts){.failed = 3};
    now = collect_all(collector, &exchange, 1, START + 2 * NS_PER_S);
    assert_false(now->slos[0].ok || now->slos[1].ok);
    exchange->current->sessions = (struct session_counts){.started = 96};
    now = collect_all(collector, &exchange, 1, START + 3 * NS_PER_S);
    assert_true(now->slos[0].ok && now->slos[0].value == 0.04);
    assert_true(!now->slos[1].ok && now->slos[1].value == 1);
    collector_free(collector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_wanted),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_late_shard),
        cmocka_unit_test(test_stopped_before_the_start),
        cmocka_unit_test(test_first_and_last_moments),
        cmocka_unit_test(test_active_peak),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_busy_thread),
        cmocka_unit_test(test_virtual_time),
        cmocka_unit_test(test_busy_core),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limits_are_judged_anew),
        cmocka_unit_test(test_timeline_is_thinned),
        cmocka_unit_test(test_objectives),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
