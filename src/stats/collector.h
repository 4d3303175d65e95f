/* collector.h - adds the shards' intervals up to a run, and judges the generator. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stats/exchange.h"
#include "stats/judge.h"
#include "stats/slo.h"
#include "stats/snapshot.h"

struct collector;

/* Allocates everything it will ever need; NULL when out of memory. info is kept. */
struct collector *collector_new(const struct run_info *info);
void collector_free(struct collector *collector);

/* The run's objectives, SLO_MAX at most, checked with every snapshot. One that says abort and was
   missed at the end of an interval stays as it was then. Kept; before the first collect. */
void collector_set_slos(struct collector *collector, const struct slo *slos, uint32_t count);

/* Shard i's end of it, valid as long as the collector. */
struct stats_exchange *collector_exchange(struct collector *collector, uint32_t shard);

/* An interval is: want, then give the shards a turn (wake those that sleep) until ready or until
   patience ends, then collect. A shard that has not published by then is counted in the next
   interval and asked for nothing more meanwhile; its gauges stay as they were. One thread may do
   all of it, with stats_exchange_poll between want and collect. */
void collector_want(struct collector *collector);
bool collector_ready(const struct collector *collector);

/* now_ns: on the clock of info->start_ns. The snapshot is ours, and good until the next call. */
const struct snapshot *collector_collect(struct collector *collector, uint64_t now_ns);

/* The same in the middle of an interval, for views that move faster: the interval goes on, and gets
   a row in the series alone. */
const struct snapshot *collector_tick(struct collector *collector, uint64_t now_ns);

/* The last interval, once every shard's thread has called stats_exchange_end and was joined. */
const struct snapshot *collector_finish(struct collector *collector, uint64_t now_ns);

/* Before a collect, where known: resident memory, and the core that has been busy the longest. */
void collector_machine(struct collector *collector, uint64_t rss_bytes,
                       const struct busy_core *busiest);

/* Likewise what is known of the server by now. */
void collector_server(struct collector *collector, const struct server_sample *sample);

/* Before a collect: what was changed by hand so far. */
void collector_by_hand(struct collector *collector, const struct by_hand *by_hand);

/* A signal ended the run before its plan did. */
void collector_interrupted(struct collector *collector, const struct interrupted *interrupted);

/* This machine ran out of files, ports or memory. */
void collector_limit(struct collector *collector, enum generator_limit limit);
