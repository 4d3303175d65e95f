/* a_run.h - a made-up run for tests of views: every kind of number in it is there and different. */
#pragma once

#include <string.h>

#include "base/clock.h"
#include "stats/snapshot.h"

struct a_run {
    struct run_info info;
    struct stats *total, *interval;
    struct timeline_row rows[2], series[2];
    struct snapshot snapshot;
};

static const char *const a_run_urls[] = {"rtsp://host/idle", "rtsp://user:***@host/busy",
                                         "rtsp://host/\xff"};

/* The metrics that every reader has are numbered in their order; the others come behind. */
static inline unsigned a_run_number(unsigned metric)
{
    static const unsigned others[] = {METRIC_ANNOUNCE, METRIC_RECORD, METRIC_PUBLISH_LATE,
                                      METRIC_ROUND_TRIP, METRIC_COME_BACK};
    const unsigned count = sizeof(others) / sizeof(others[0]);
    unsigned number = metric;
    for (unsigned i = 0; i < count; i++) {
        if (others[i] == metric)
            return METRICS - count + i;
        number -= others[i] < metric;
    }
    return number;
}

static inline void a_run_count(struct stats *total)
{
    struct session_counts sessions = {.started = 100,
                                      .established = 97,
                                      .got_media = 96,
                                      .failed = 2,
                                      .cut_off = 1,
                                      .cancelled = 1,
                                      .dropped = 3,
                                      .completed = 94,
                                      .not_started = 4,
                                      .retries = 5};
    struct rtp_counts video = {1234567, 1543208750, 1234700, 150, 11,
                               12,      13,         14,      15,  {100, 20, 10, 20}};
    struct rtp_counts audio = {60000, 12000000, 60000, 0, 0, 0, 0, 0, 0, {0, 0, 0, 0}};
    total->sessions = sessions;
    total->rtp[MEDIA_VIDEO] = video;
    total->rtp[MEDIA_AUDIO] = audio;
    total->rtcp = (struct rtcp_counts){21, 22, 23, 24, 25, 26};
    total->oddities = (struct oddity_counts){31, 32, 33, 34, 35, 36, 37, 38, 39, 40};
    total->panel =
        (struct panel_counts){50, 5000, 51, 52, 53, 59, 54, 5500000, 56, 5700000, 58, 60, 45};
    total->udp_socket_drops = 61;
    total->cpu_ns = 2589134000;
    total->active_peak = 198;
    for (unsigned i = 0; i < METRICS; i++) {
        for (uint64_t k = 1; k <= 100 && i != METRIC_TLS; k++)
            histogram_record(&total->metrics[i], k * 10 * (a_run_number(i) + 1));
    }
    for (unsigned i = 0; i < LATENCY_METRICS; i++)
        total->never[i] = a_run_number(i);
    total->streams[1].sessions = sessions;
    total->streams[1].rtp = video;
    total->streams[1].media_us = 4000000;
    total->streams[1].media_bytes = 1000000;
    total->streams[2].rtp.packets = 1;
    histogram_record(&total->streams[1].startup, 12345);
    stats_error(total, PHASE_CONNECT, REASON_REFUSED, 0, "");
    for (int i = 0; i < 7; i++)
        stats_error(total, PHASE_DESCRIBE, REASON_STATUS, 404, "404 Not Found");
}

/* Good until a_run_end. */
static inline void a_run_begin(struct a_run *run)
{
    *run = (struct a_run){
        .info = {.tool_name = "rtspbench",
                 .tool_version = "0.1.0",
                 .started_at_ns = UINT64_C(1000000000123456789),
                 .host = {"Linux 6.1.0", 2, 24000000000, 20000},
                 .plan_json = "{\"readers\": 100, \"urls\": [\"rtsp://user:***@host/busy\"]}",
                 .io = "uring",
                 .kernel_stamps = true,
                 .shard_count = 2,
                 .stream_count = 3,
                 .stream_urls = a_run_urls},
        .total = stats_new(3),
        .interval = stats_new(3),
        .rows = {{.t_ns = 5 * NS_PER_S, .target = 100, .active = 98, .started = 99, .packets = 5},
                 {.t_ns = 30500000000,
                  .target = 100,
                  .active = 94,
                  .started = 100,
                  .established = 97,
                  .failed = 2,
                  .dropped = 1,
                  .packets = 1294567,
                  .bytes = 1555208750,
                  .lost = 150,
                  .has_startup = true,
                  .has_jitter = true,
                  .startup_p95_us = 8750,
                  .jitter_p95_us = 1250,
                  .cpu = 0.4321}},
        .series = {{.t_ns = NS_PER_S, .active = 50, .startups = {[3] = 7, [37] = 1}},
                   {.t_ns = 2000400000,
                    .active = 60,
                    .packets = 70,
                    .lost_by = {[LOSS_SERVER] = 9},
                    .has_latency = true,
                    .latency_p95_us = 2500,
                    .loop_lag_p99_us = 1500}},
    };
    a_run_count(run->total);
    run->total->active = 94;
    run->total->target = 100;
    run->interval->sessions.established = 10;
    run->interval->sessions.failed = 1;
    run->interval->rtp[MEDIA_VIDEO].packets = 92000;
    run->interval->rtp[MEDIA_VIDEO].bytes = 115000000;
    run->interval->rtp[MEDIA_VIDEO].lost = 3;
    for (int i = 0; i < 12; i++)
        histogram_record(&run->interval->metrics[METRIC_CONNECT], 100);
    run->snapshot = (struct snapshot){
        .info = &run->info,
        .elapsed_ns = 30500000000,
        .interval_ns = 5 * NS_PER_S,
        .total = run->total,
        .interval = run->interval,
        .timeline = run->rows,
        .timeline_count = 2,
        .series = run->series,
        .series_count = 2,
        .final = true,
        .generator = {.cpu_ns = 2589134000,
                      .rss_bytes = 34100000,
                      .bytes_per_session = 259,
                      .cpu_peak = 0.4321},
    };
}

/* Gives it publishers beside its readers; of its URLs the last is theirs. */
static inline void a_run_publish(struct a_run *run)
{
    const struct published_counts published = {600000, 750000000, 1500, {1200, 300}, 45, 12, 34567};
    run->total->published = published;
    run->total->streams[2].published = published;
    run->interval->published =
        (struct published_counts){40000, 50000000, 25, {25, 0}, (uint64_t)-2, 0, 0};
    run->rows[1].published = run->series[1].published = published.packets;
    run->rows[1].published_bytes = run->series[1].published_bytes = published.bytes;
    run->rows[1].publish_dropped = run->series[1].publish_dropped = published.dropped;
    run->rows[1].has_publish_late = run->series[1].has_publish_late = true;
    run->rows[1].publish_late_p50_us = run->series[1].publish_late_p50_us = 500;
    run->rows[1].publish_late_p95_us = run->series[1].publish_late_p95_us = 1250;
    run->rows[1].publish_late_p99_us = run->series[1].publish_late_p99_us = 2000;
}

/* Nobody reads any more: all its sessions publish. */
static inline void a_run_publish_only(struct a_run *run)
{
    static const enum metric of_readers[] = {METRIC_DESCRIBE, METRIC_PLAY, METRIC_FIRST_RTP,
                                             METRIC_JITTER, METRIC_BITRATE};
    a_run_publish(run);
    memset(run->total->rtp, 0, sizeof(run->total->rtp));
    memset(run->interval->rtp, 0, sizeof(run->interval->rtp));
    for (unsigned i = 0; i < run->total->stream_count; i++)
        run->total->streams[i].rtp = (struct rtp_counts){0};
    run->total->panel = (struct panel_counts){0};
    for (unsigned i = 0; i < sizeof(of_readers) / sizeof(of_readers[0]); i++)
        histogram_clear(&run->total->metrics[of_readers[i]]);
    for (unsigned i = 0; i < 2; i++)
        run->rows[i].packets = run->rows[i].bytes = run->rows[i].lost = run->series[i].packets = 0;
}

static inline void a_run_end(struct a_run *run)
{
    stats_free(run->total);
    stats_free(run->interval);
}
