#include "stats/judge.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* An interval of 5 s is never 5 s to the nanosecond. */
#define FIVE_SECONDS_NS (5 * NS_PER_S - 50 * NS_PER_MS)
#define LAG_DIGITS 2
#define LOOP_LAG_US 10000u
#define ONE_OF_FEW_US 100000u
#define ONE_LAG_US 500000u
#define SCHEDULE_LAG_US 100000u
#define WINDOW_SAMPLES 100u
#define WINDOWS_SHARE 20u /* late windows are over one part in so many of the run */

#define BIT(limit) (1u << (limit))
/* What a busy processor explains: without one of these it did no harm. */
#define EXPLAINED_BY_CPU                                                                           \
    (BIT(LIMIT_LOOP_LAG) | BIT(LIMIT_SCHEDULE_LAG) | BIT(LIMIT_UDP_SOCKET_DROPS) |                 \
     BIT(LIMIT_RECV_BACKLOG))

bool judge_init(struct judge *judge)
{
    uint64_t *counts = calloc(1, histogram_counts_bytes(LAG_DIGITS));
    *judge = (struct judge){0};
    if (!counts)
        return false;
    histogram_init(&judge->window, LAG_DIGITS, counts);
    return true;
}

void judge_dispose(struct judge *judge)
{
    free(judge->window.counts);
    judge->window.counts = NULL;
}

static void been_busy(struct judge *judge, uint64_t at_ns)
{
    if (judge->busy_at_ns == 0)
        judge->busy_at_ns = at_ns;
}

void judge_thread(struct judge *judge, uint64_t busy_ns, double share, uint64_t at_ns)
{
    if (busy_ns < FIVE_SECONDS_NS)
        return;
    been_busy(judge, at_ns);
    if (share > judge->thread_share)
        judge->thread_share = share;
}

void judge_core(struct judge *judge, const struct busy_core *core, uint64_t at_ns)
{
    if (core->busy_ns < FIVE_SECONDS_NS)
        return;
    been_busy(judge, at_ns);
    if (core->busy_ns >= judge->core.busy_ns)
        judge->core = *core;
}

void judge_found(struct judge *judge, enum generator_limit limit)
{
    assert((unsigned)limit < GENERATOR_LIMITS);
    judge->found |= BIT(limit);
}

static void see_lag(struct judge_lag *worst, uint64_t us, uint64_t at_ns)
{
    if (us > worst->us)
        *worst = (struct judge_lag){us, at_ns};
}

static void end_window(struct judge *judge, uint64_t at_ns)
{
    uint64_t p99_us = histogram_quantile(&judge->window, 0.99);
    if (judge->window.count >= WINDOW_SAMPLES && p99_us > LOOP_LAG_US) {
        judge->late_ns += judge->window_ns;
        see_lag(&judge->late, p99_us, at_ns);
    }
    histogram_clear(&judge->window);
    judge->window_ns = 0;
}

static void see_shortages(struct judge *judge, const struct stats *tick)
{
    static const enum generator_limit limits[SHORTAGES] = {LIMIT_FILES, LIMIT_PORTS, LIMIT_MEMORY};
    for (unsigned i = 0; i < SHORTAGES; i++) {
        if (tick->shortages[i] > 0)
            judge_found(judge, limits[i]);
    }
}

void judge_tick(struct judge *judge, const struct stats *tick, uint64_t span_ns, uint64_t at_ns)
{
    const struct histogram *loop_lag = &tick->metrics[METRIC_LOOP_LAG];
    see_lag(&judge->loop_lag, loop_lag->max, at_ns);
    see_lag(&judge->schedule_lag, tick->metrics[METRIC_SCHEDULE_LAG].max, at_ns);
    if (tick->udp_socket_drops > 0 && judge->drops_at_ns == 0)
        judge->drops_at_ns = at_ns;
    if (tick->recv_backlog_gaps > 0 && judge->backlog_at_ns == 0)
        judge->backlog_at_ns = at_ns;
    see_shortages(judge, tick);
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++) {
        if (judge->found & BIT(i) && judge->found_at_ns[i] == 0)
            judge->found_at_ns[i] = at_ns;
    }
    histogram_add(&judge->window, loop_lag);
    judge->window_ns += span_ns;
    if (judge->window_ns >= FIVE_SECONDS_NS)
        end_window(judge, at_ns);
}

static void strike(struct generator *generator, enum generator_limit limit,
                   struct limit_value value)
{
    value.measured = true;
    generator->limits |= BIT(limit);
    generator->limit_values[limit] = value;
}

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

/* Of fewer than 100 lags the 99th percentile is the greatest one, and a single late turn says
   nothing about a run: then it is the second greatest, unless the greatest is over 100 ms. */
static uint64_t p99_of_lags(const struct histogram *lags)
{
    if (lags->count >= WINDOW_SAMPLES || lags->max > ONE_OF_FEW_US)
        return histogram_quantile(lags, 0.99);
    return lags->count < 2
               ? 0
               : histogram_quantile(lags, ((double)lags->count - 1.5) / (double)lags->count);
}

static void judge_loop_lag(const struct judge *judge, const struct stats *total,
                           uint64_t elapsed_ns, struct generator *generator)
{
    const struct histogram *lags = &total->metrics[METRIC_LOOP_LAG];
    uint64_t p99_us = p99_of_lags(lags);
    const struct judge_lag *worst = &judge->loop_lag, *window = &judge->late;
    if (p99_us > LOOP_LAG_US)
        strike(generator, LIMIT_LOOP_LAG,
               (struct limit_value){"p99", ms(p99_us), ms(LOOP_LAG_US), worst->at_ns, false});
    else if (worst->us > ONE_LAG_US)
        strike(generator, LIMIT_LOOP_LAG,
               (struct limit_value){"once", ms(worst->us), ms(ONE_LAG_US), worst->at_ns, false});
    else if (judge->late_ns * WINDOWS_SHARE > elapsed_ns)
        strike(
            generator, LIMIT_LOOP_LAG,
            (struct limit_value){"5 s p99", ms(window->us), ms(LOOP_LAG_US), window->at_ns, false});
}

static void judge_counts(const struct judge *judge, const struct stats *total,
                         struct generator *generator)
{
    uint64_t p99_us = histogram_quantile(&total->metrics[METRIC_SCHEDULE_LAG], 0.99);
    if (p99_us > SCHEDULE_LAG_US)
        strike(generator, LIMIT_SCHEDULE_LAG,
               (struct limit_value){"p99", ms(p99_us), ms(SCHEDULE_LAG_US),
                                    judge->schedule_lag.at_ns, false});
    if (total->udp_socket_drops > 0)
        strike(generator, LIMIT_UDP_SOCKET_DROPS,
               (struct limit_value){"", (double)total->udp_socket_drops, 0, judge->drops_at_ns,
                                    false});
    if (total->recv_backlog_gaps > 0)
        strike(generator, LIMIT_RECV_BACKLOG,
               (struct limit_value){"", (double)total->recv_backlog_gaps, 0, judge->backlog_at_ns,
                                    false});
}

static void judge_found_ones(const struct judge *judge, struct generator *generator)
{
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++) {
        if (!(judge->found & BIT(i)) || generator->limits & BIT(i) || i == LIMIT_CPU)
            continue;
        generator->limits |= BIT(i);
        generator->limit_values[i] = (struct limit_value){.at_ns = judge->found_at_ns[i]};
    }
}

/* The text of a new warning. */
static struct text warning(struct generator *generator)
{
    assert(generator->warning_count < GENERATOR_WARNINGS);
    char *room = generator->warnings[generator->warning_count++];
    room[0] = '\0';
    return text_init(room, GENERATOR_WARNING);
}

static void warn_of_cpu(const struct judge *judge, struct generator *generator)
{
    const struct busy_core *core = &judge->core;
    if (judge->thread_share > 0) {
        struct text text = warning(generator);
        text_printf(&text, "a thread of ours is %.0f %% busy", judge->thread_share * 100);
    }
    if (core->busy_ns > 0) {
        struct text text = warning(generator);
        text_printf(&text, "core %u is %.0f %% busy, %.0f %% of it others'", core->core,
                    core->share * 100, core->others * 100);
    }
}

static void judge_cpu(const struct judge *judge, struct generator *generator)
{
    double thread = judge->thread_share, core = judge->core.share;
    struct limit_value value = {"thread", thread, JUDGE_BUSY, judge->busy_at_ns, false};
    if (!(generator->limits & EXPLAINED_BY_CPU)) {
        warn_of_cpu(judge, generator);
    } else if (thread > 0 || core > 0) {
        if (core > thread) {
            value.value = core;
            snprintf(value.what, sizeof(value.what), "core %u", judge->core.core);
        }
        strike(generator, LIMIT_CPU, value);
    } else if (judge->found & BIT(LIMIT_CPU)) {
        generator->limits |= BIT(LIMIT_CPU);
    }
}

void judge_say(const struct judge *judge, const struct stats *total, uint64_t elapsed_ns,
               struct generator *generator)
{
    generator->limits = 0;
    generator->warning_count = 0;
    memset(generator->limit_values, 0, sizeof(generator->limit_values));
    judge_loop_lag(judge, total, elapsed_ns, generator);
    judge_counts(judge, total, generator);
    judge_found_ones(judge, generator);
    judge_cpu(judge, generator);
}
