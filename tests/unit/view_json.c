#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "a_run.h"
#include "view/json.h"

static char folder[] = "/tmp/rtspbench-view-json-XXXXXX";
static char path[128];

static int make_folder(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/result.json", folder);
    return 0;
}

static int remove_folder(void **state)
{
    unlink(path);
    return rmdir(folder); /* fails where a temporary file was left */
}

static json_t *written(const struct snapshot *snapshot)
{
    assert_int_equal(view_json_write(snapshot, path), 0);
    json_t *result = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(result);
    return result;
}

/* Follows "a.b.0.c". */
static json_t *at(json_t *value, const char *names)
{
    char copy[128];
    snprintf(copy, sizeof(copy), "%s", names);
    for (char *name = strtok(copy, "."); name && value; name = strtok(NULL, "."))
        value = json_is_array(value) ? json_array_get(value, strtoul(name, NULL, 10))
                                     : json_object_get(value, name);
    if (!value)
        print_error("no %s\n", names);
    assert_non_null(value);
    return value;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every key of the reference but those of H: i integer, n number, s string, b boolean, o object,
   a array, H histogram. */
static const struct {
    const char *path;
    char type;
} schema[] = {
    {"schema", 's'},
    {"tool.name", 's'},
    {"tool.version", 's'},
    {"started_at", 's'},
    {"elapsed_s", 'n'},
    {"config", 'o'},
    {"host.kernel", 's'},
    {"host.cores", 'i'},
    {"host.memory_bytes", 'i'},
    {"host.nofile", 'i'},
    {"state", 's'},
    {"interrupted.signal", 's'},
    {"interrupted.at_s", 'n'},
    {"interrupted.of_s", 'n'},
    {"sessions.started", 'i'},
    {"sessions.established", 'i'},
    {"sessions.got_media", 'i'},
    {"sessions.failed", 'i'},
    {"sessions.unanswered", 'i'},
    {"sessions.cancelled", 'i'},
    {"sessions.starting", 'i'},
    {"sessions.playing", 'i'},
    {"sessions.readers_with_media", 'i'},
    {"sessions.no_media", 'i'},
    {"sessions.held_ratio", 'n'},
    {"sessions.held_s", 'n'},
    {"sessions.wanted_s", 'n'},
    {"sessions.dropped", 'i'},
    {"sessions.completed", 'i'},
    {"sessions.not_started", 'i'},
    {"sessions.retries", 'i'},
    {"sessions.active_peak", 'i'},
    {"latency_ms.connect", 'H'},
    {"latency_ms.tls", 'H'},
    {"latency_ms.options", 'H'},
    {"latency_ms.describe", 'H'},
    {"latency_ms.setup", 'H'},
    {"latency_ms.play", 'H'},
    {"latency_ms.first_rtp", 'H'},
    {"latency_ms.first_keyframe", 'H'},
    {"latency_ms.startup", 'H'},
    {"latency_ms.join", 'H'},
    {"latency_ms.keepalive", 'H'},
    {"latency_ms.teardown", 'H'},
    {"latency_ms.come_back", 'H'},
    {"rtp.packets", 'i'},
    {"rtp.bytes", 'i'},
    {"rtp.expected", 'i'},
    {"rtp.lost", 'i'},
    {"rtp.loss_ratio", 'n'},
    {"rtp.duplicates", 'i'},
    {"rtp.reordered", 'i'},
    {"rtp.late", 'i'},
    {"rtp.resets", 'i'},
    {"rtp.bad", 'i'},
    {"rtp.unknown_channel", 'i'},
    {"rtp.lost_by.network", 'i'},
    {"rtp.lost_by.local_socket", 'i'},
    {"rtp.lost_by.self", 'i'},
    {"rtp.lost_by.server", 'i'},
    {"rtp.jitter_ms", 'H'},
    {"rtp.bitrate_bps", 'H'},
    {"rtp.media.video.packets", 'i'},
    {"rtp.media.video.lost", 'i'},
    {"rtp.media.audio.packets", 'i'},
    {"rtp.media.audio.lost", 'i'},
    {"rtcp.sr_received", 'i'},
    {"rtcp.rr_sent", 'i'},
    {"rtcp.bye_received", 'i'},
    {"published.packets", 'i'},
    {"published.bytes", 'i'},
    {"published.dropped", 'i'},
    {"published.dropped_ratio", 'n'},
    {"published.dropped_by.server", 'i'},
    {"published.dropped_by.self", 'i'},
    {"published.reported_lost", 'i'},
    {"published.unconfirmed", 'i'},
    {"published.unconfirmed_ratio", 'n'},
    {"published.unacked_bytes", 'i'},
    {"published.late_ms", 'H'},
    {"published.round_trip_ms", 'H'},
    {"streams.0.url", 's'},
    {"streams.0.sessions.started", 'i'},
    {"streams.0.rtp.packets", 'i'},
    {"streams.0.rtp.lost", 'i'},
    {"streams.0.published.packets", 'i'},
    {"streams.0.published.bytes", 'i'},
    {"streams.0.published.dropped", 'i'},
    {"streams.0.startup_ms", 'H'},
    {"streams.0.bitrate_bps", 'n'},
    {"panel.sessions", 'i'},
    {"panel.frames.complete", 'i'},
    {"panel.frames.damaged", 'i'},
    {"panel.frames.suspect", 'i'},
    {"panel.keyframes", 'i'},
    {"panel.recovery_points", 'i'},
    {"panel.freezes", 'i'},
    {"panel.freeze_s", 'n'},
    {"panel.stalls", 'i'},
    {"panel.stall_s", 'n'},
    {"panel.stalled_sessions", 'i'},
    {"panel.latency_ms", 'H'},
    {"panel.skew_ms", 'H'},
    {"panel.cross_reader_ms", 'H'},
    {"panel.shared_gap_ratio", 'n'},
    {"panel.pace", 'H'},
    {"panel.mdi.df_ms", 'H'},
    {"panel.mdi.mlr", 'H'},
    {"errors.0.phase", 's'},
    {"errors.0.reason", 's'},
    {"errors.0.status", 'i'},
    {"errors.0.count", 'i'},
    {"errors.0.sample", 's'},
    {"misbehaving", 'a'},
    {"by_hand", 'o'},
    {"generator.verdict", 's'},
    {"generator.limits", 'a'},
    {"generator.limit_values", 'a'},
    {"generator.warnings", 'a'},
    {"generator.io", 's'},
    {"generator.threads", 'i'},
    {"generator.cpu_s", 'n'},
    {"generator.ns_per_packet", 'n'},
    {"generator.rss_bytes", 'i'},
    {"generator.bytes_per_session", 'i'},
    {"generator.loop_lag_ms", 'H'},
    {"generator.schedule_lag_ms", 'H'},
    {"generator.udp_socket_drops", 'i'},
    {"timeline.1.t_s", 'n'},
    {"timeline.1.target", 'i'},
    {"timeline.1.active", 'i'},
    {"timeline.1.started", 'i'},
    {"timeline.1.established", 'i'},
    {"timeline.1.failed", 'i'},
    {"timeline.1.dropped", 'i'},
    {"timeline.1.packets", 'i'},
    {"timeline.1.bytes", 'i'},
    {"timeline.1.lost", 'i'},
    {"timeline.1.startup_p95_ms", 'n'},
    {"timeline.1.jitter_p95_ms", 'n'},
    {"timeline.1.cpu", 'n'},
    {"timeline.1.published", 'i'},
    {"timeline.1.published_bytes", 'i'},
    {"timeline.1.publish_dropped", 'i'},
    {"slo", 'a'},
    {"verdict", 's'},
};

/* Values are numbers exactly where something was measured. */
static bool is_histogram(const json_t *h)
{
    static const char *const values[] = {"min", "mean", "max", "p50", "p75",
                                         "p90", "p95",  "p99", "p999"};
    json_t *count = json_object_get(h, "count");
    bool measured = json_integer_value(count) > 0;
    bool ok = json_is_integer(count) && json_is_integer(json_object_get(h, "never"));
    for (size_t i = 0; i < COUNT(values); i++) {
        json_t *value = json_object_get(h, values[i]);
        ok = ok && (measured ? json_is_number(value) : json_is_null(value));
    }
    return ok && json_object_size(h) == COUNT(values) + 2;
}

static bool has_type(const json_t *value, char type)
{
    switch (type) {
    case 'i':
        return json_is_integer(value);
    case 'n':
        return json_is_number(value);
    case 's':
        return json_is_string(value);
    case 'o':
        return json_is_object(value);
    case 'a':
        return json_is_array(value);
    default:
        return is_histogram(value);
    }
}

static void test_schema(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    a_run_publish(&run);
    run.total->wanted_us = 3000000;
    run.snapshot.interrupted = (struct interrupted){SIGTERM, 2 * NS_PER_S, 20 * NS_PER_S};
    json_t *result = written(&run.snapshot);
    for (size_t i = 0; i < COUNT(schema); i++) {
        bool ok = has_type(at(result, schema[i].path), schema[i].type);
        if (!ok)
            print_error("%s is no %c\n", schema[i].path, schema[i].type);
        assert_true(ok);
    }
    json_decref(result);
    a_run_end(&run);
}

/* Where a run saw nothing at all, the keys are there, with 0, null or nothing in them. */
static void test_empty_run(void **state)
{
    static const char *const nulls[] = {"config",
                                        "interrupted",
                                        "rtp.loss_ratio",
                                        "panel.shared_gap_ratio",
                                        "published.dropped_ratio",
                                        "published.late_ms.p99",
                                        "generator.ns_per_packet",
                                        "latency_ms.startup.p95",
                                        "streams.0.bitrate_bps",
                                        "timeline.0.startup_p95_ms",
                                        "timeline.0.jitter_p95_ms",
                                        "series.latency_p50_ms.0",
                                        "series.startup_p50_ms.0",
                                        "series.publish_late_p95_ms.0"};
    struct a_run run;
    a_run_begin(&run);
    stats_clear(run.total);
    run.info.plan_json = NULL;
    run.rows[0].has_startup = false;
    json_t *result = written(&run.snapshot);
    for (size_t i = 0; i < COUNT(nulls); i++)
        assert_true(json_is_null(at(result, nulls[i])));
    for (size_t i = 0; i < COUNT(schema); i++) {
        if (strncmp(schema[i].path, "errors.", 7) == 0 ||
            strncmp(schema[i].path, "interrupted.", 12) == 0)
            continue;
        json_t *value = at(result, schema[i].path);
        assert_true(json_is_null(value) || has_type(value, schema[i].type));
    }
    assert_int_equal(json_array_size(at(result, "errors")), 0);
    assert_string_equal(json_string_value(at(result, "verdict")), "fail");
    json_decref(result);
    a_run_end(&run);
}

/* A checkpoint can't be taken for a result. */
static void test_running(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    run.snapshot.final = false;
    json_t *result = written(&run.snapshot);
    assert_string_equal(json_string_value(at(result, "state")), "running");
    assert_true(json_is_null(at(result, "verdict")));
    assert_true(json_is_null(at(result, "headline")));
    assert_int_equal(json_array_size(at(result, "lead")), 0);
    json_decref(result);
    run.snapshot.final = true;
    result = written(&run.snapshot);
    assert_string_equal(json_string_value(at(result, "state")), "final");
    assert_true(json_is_string(at(result, "verdict")));
    json_decref(result);
    a_run_end(&run);
}

static double number(json_t *result, const char *names)
{
    return json_number_value(at(result, names));
}

static const struct {
    const char *path;
    double value;
} numbers[] = {
    {"elapsed_s", 30.5},
    {"sessions.started", 100},
    {"sessions.readers_with_media", 83},
    {"sessions.cancelled", 1},
    {"sessions.dropped", 3},
    {"sessions.completed", 94},
    {"sessions.not_started", 4},
    {"sessions.retries", 5},
    {"sessions.active_peak", 198},
    {"latency_ms.startup.min", 0.09},
    {"latency_ms.startup.mean", 4.545},
    {"latency_ms.startup.max", 9},
    {"latency_ms.startup.count", 100},
    {"latency_ms.startup.never", 8},
    {"latency_ms.teardown.never", 11},
    {"rtp.packets", 1294567},
    {"rtp.bytes", 1555208750},
    {"rtp.lost_by.network", 100},
    {"rtp.lost_by.local_socket", 20},
    {"rtp.lost_by.self", 10},
    {"rtp.lost_by.server", 20},
    {"rtp.unknown_channel", 31},
    {"rtp.media.video.lost", 150},
    {"rtp.media.audio.packets", 60000},
    {"rtp.bitrate_bps.max", 14000}, /* 100 * 10 * (METRIC_BITRATE + 1), in whole bits a second */
    {"panel.freeze_s", 5.5},
    {"panel.stall_s", 5.7},
    {"panel.shared_gap_ratio", 0.75},
    {"panel.pace.max", 20}, /* thousandths: 100 * 10 * (METRIC_PANEL_PACE + 1) */
    {"panel.mdi.mlr.max", 22000},
    {"errors.0.status", 404},
    {"errors.0.count", 7},
    {"generator.cpu_s", 2.589134},
    {"generator.ns_per_packet", 2589134000.0 / 1294567},
    {"generator.udp_socket_drops", 61},
    {"generator.threads", 2},
    {"timeline.1.t_s", 30.5},
    {"timeline.1.startup_p95_ms", 8.75},
    {"timeline.1.jitter_p95_ms", 1.25},
    {"timeline.1.cpu", 0.432},
    {"timeline.1.bytes", 1555208750},
    {"streams.0.bitrate_bps", 2000000}, /* 1 MB in 4 s */
    {"streams.0.startup_ms.max", 12.345},
    {"series.t_s.1", 2},
    {"series.active.0", 50},
    {"series.packets.1", 70},
    {"series.lost_server.1", 9},
    {"series.latency_p95_ms.1", 2.5},
    {"series.loop_lag_p99_ms.1", 1.5},
    {"series.startups.0.0", 3},
    {"series.startups.0.1", 7},
    {"series.startups.0.2", 37},
    {"series.startup_bands_ms.1", 0.192},
    {"histograms.connect.0", 10},
    {"histograms.connect.199", 1},
    {"histograms.join.198", 10000},
    {"histograms.join.199", 1},
    {"histograms.come_back.199", 1},
};

static void test_numbers(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    run.total->readers_heard = 83;
    json_t *result = written(&run.snapshot);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        double difference = number(result, numbers[i].path) - numbers[i].value;
        if (difference > 1e-6 || difference < -1e-6)
            print_error("%s is %f\n", numbers[i].path, number(result, numbers[i].path));
        assert_true(difference <= 1e-6 && difference >= -1e-6);
    }
    double ratio = number(result, "rtp.loss_ratio");
    assert_true(ratio > 150.0 / 1294701 && ratio < 150.0 / 1294699);
    json_decref(result);
    a_run_end(&run);
}

/* What publishers did is counted apart from what readers got, but costs the generator the same. */
static void test_published(void **state)
{
    static const struct {
        const char *path;
        double value;
    } rows[] = {
        {"rtp.packets", 1294567},
        {"published.packets", 600000},
        {"published.bytes", 750000000},
        {"published.dropped", 1500},
        {"published.dropped_ratio", 1500.0 / 601500},
        {"published.dropped_by.server", 1200},
        {"published.dropped_by.self", 300},
        {"published.reported_lost", 45},
        {"published.unconfirmed", 12},
        {"published.unconfirmed_ratio", 12.0 / 100},
        {"published.unacked_bytes", 34567},
        {"published.late_ms.max", 25}, /* 100 * 10 * (METRICS - 5 + 2 + 1) us */
        {"published.round_trip_ms.max", 26},
        {"latency_ms.announce.max", 23},
        {"latency_ms.record.max", 24},
        {"rtcp.sr_sent", 25},
        {"rtcp.rr_received", 26},
        {"generator.ns_per_packet", 2589134000.0 / 1894567},
        {"timeline.0.published", 0},
        {"timeline.1.packets", 1294567},
        {"timeline.1.published", 600000},
        {"timeline.1.published_bytes", 750000000},
        {"timeline.1.publish_dropped", 1500},
        {"series.published.0", 0},
        {"series.published.1", 600000},
        {"series.published_bytes.1", 750000000},
        {"series.publish_dropped.1", 1500},
        {"series.publish_late_p50_ms.1", 0.5},
        {"series.publish_late_p95_ms.1", 1.25},
        {"series.publish_late_p99_ms.1", 2},
        {"streams.0.published.packets", 0},
        {"streams.1.published.packets", 600000}, /* more than none, less than 1,234,567 */
        {"streams.1.published.bytes", 750000000},
        {"streams.1.published.dropped", 1500},
        {"streams.1.published.unconfirmed", 12},
        {"streams.1.published.unacked_bytes", 34567},
        {"histograms.publish_late.0", 250},
        {"histograms.round_trip.199", 1},
    };
    struct a_run run;
    a_run_begin(&run);
    a_run_publish(&run);
    run.total->streams[0].rtp.packets =
        599999; /* with the one that the publishers' URL got: 2 less */
    json_t *result = written(&run.snapshot);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_float_equal(number(result, rows[i].path), rows[i].value, 1e-6);
    assert_string_equal(json_string_value(at(result, "streams.1.url")), "rtsp://host/\\xff");
    run.total->published.reported_lost = (uint64_t)-3; /* duplicates, RFC 3550, 6.4.1 */
    json_decref(result);
    result = written(&run.snapshot);
    assert_true(number(result, "published.reported_lost") == -3);
    json_decref(result);
    a_run_end(&run);
}

/* What a result holds is enough to work out the unanswered and those without media again: the sum
   of several results is judged by it. */
static void test_waits(void **state)
{
    static const struct {
        const char *path;
        enum role role;
        enum wait wait;
    } waits[] = {
        {"histograms.cut_off_reader_connect", ROLE_READER, WAIT_CONNECT},
        {"histograms.cut_off_reader_options", ROLE_READER, WAIT_OPTIONS},
        {"histograms.cut_off_reader_describe", ROLE_READER, WAIT_DESCRIBE},
        {"histograms.cut_off_reader_setup", ROLE_READER, WAIT_SETUP},
        {"histograms.cut_off_reader_play", ROLE_READER, WAIT_PLAY},
        {"histograms.cut_off_reader_come_back", ROLE_READER, WAIT_COME_BACK},
        {"histograms.cut_off_publisher_connect", ROLE_PUBLISHER, WAIT_CONNECT},
        {"histograms.cut_off_publisher_options", ROLE_PUBLISHER, WAIT_OPTIONS},
        {"histograms.cut_off_publisher_announce", ROLE_PUBLISHER, WAIT_ANNOUNCE},
        {"histograms.cut_off_publisher_setup", ROLE_PUBLISHER, WAIT_SETUP},
        {"histograms.cut_off_publisher_record", ROLE_PUBLISHER, WAIT_RECORD},
        {"histograms.cut_off_publisher_come_back", ROLE_PUBLISHER, WAIT_COME_BACK},
    };
    struct a_run run;
    a_run_begin(&run);
    json_t *result = written(&run.snapshot);
    for (size_t i = 0; i < COUNT(waits); i++)
        assert_int_equal(json_array_size(at(result, waits[i].path)), 0);
    assert_int_equal(json_array_size(at(result, "histograms.silent")), 0);
    json_decref(result);

    /* Under 128 us each value has a bucket of its own. */
    for (size_t i = 0; i < COUNT(waits); i++)
        histogram_record_many(&run.total->cut_off[waits[i].role][waits[i].wait], 10 + i, i + 1);
    histogram_record_many(&run.total->silent, 99, 3);
    result = written(&run.snapshot);
    for (size_t i = 0; i < COUNT(waits); i++) {
        json_t *pairs = at(result, waits[i].path);
        assert_int_equal(json_array_size(pairs), 2);
        assert_int_equal(number(pairs, "0"), 10 + i);
        assert_int_equal(number(pairs, "1"), i + 1);
    }
    assert_int_equal(number(result, "histograms.silent.0"), 99);
    assert_int_equal(number(result, "histograms.silent.1"), 3);
    json_decref(result);
    a_run_end(&run);
}

/* Which signal ended it, when, and how long it would have gone on. */
static void test_interrupted(void **state)
{
    static const struct {
        int signal;
        const char *name;
    } rows[] = {{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGHUP, "SIGHUP"}};
    struct a_run run;
    a_run_begin(&run);
    for (size_t i = 0; i < COUNT(rows); i++) {
        run.snapshot.interrupted =
            (struct interrupted){rows[i].signal, 2250 * NS_PER_MS, 20 * NS_PER_S};
        json_t *result = written(&run.snapshot);
        assert_string_equal(json_string_value(at(result, "interrupted.signal")), rows[i].name);
        assert_true(number(result, "interrupted.at_s") == 2.25);
        assert_true(number(result, "interrupted.of_s") == 20);
        assert_int_equal(json_object_size(at(result, "interrupted")), 3);
        json_decref(result);
    }
    a_run_end(&run);
}

static void test_words(void **state)
{
    static const struct {
        const char *path, *value;
    } rows[] = {
        {"schema", "rtspbench.result.v1"},
        {"started_at", "2001-09-09T01:46:40.123Z"}, /* date -u -d @1000000000 */
        {"config.urls.0", "rtsp://user:***@host/busy"},
        {"errors.0.phase", "describe"},
        {"errors.0.reason", "status"},
        {"errors.0.sample", "404 Not Found"},
        {"errors.1.reason", "refused"},
        {"generator.verdict", "limited"},
        {"generator.limits.0", "loop_lag"},
        {"generator.limits.1", "ports"},
        {"generator.limit_values.0.limit", "loop_lag"},
        {"generator.limit_values.1.limit", "ports"},
        {"generator.warnings.0", "core 0 is busy"},
        {"generator.io", "uring"},
        {"generator.arrival", "kernel"},
        {"slo.0.expr", "loss_ratio<0.1%"},
        {"verdict", "invalid"},
        {"streams.0.url", "rtsp://user:***@host/busy"},
        {"streams.1.url", "rtsp://host/\\xff"},
        {"streams.2.url", "rtsp://host/idle"},
    };
    struct a_run run;
    struct slo_result slos[] = {
        {.expression = "loss_ratio<0.1%", .measured = true, .ok = true, .value = 0.0001},
        {.expression = "x<1", .unit = SLO_COUNT},
        {.expression = "startup.p95<1s", .measured = true, .value = INFINITY, .beyond = 7}};
    a_run_begin(&run);
    run.snapshot.generator.limits = 1u << LIMIT_LOOP_LAG | 1u << LIMIT_PORTS;
    run.snapshot.generator.limit_values[LIMIT_LOOP_LAG] =
        (struct limit_value){"p99", 23.4567, 10, 12 * NS_PER_S, true};
    run.snapshot.generator.limit_values[LIMIT_SCHEDULE_LAG].measured =
        true; /* no limit: not said */
    strcpy(run.snapshot.generator.warnings[0], "core 0 is busy");
    run.snapshot.generator.warning_count = 1;
    run.snapshot.slos = slos;
    run.snapshot.slo_count = 3;
    json_t *result = written(&run.snapshot);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(json_string_value(at(result, rows[i].path)), rows[i].value);
    assert_true(json_is_null(at(result, "errors.1.status")));
    assert_true(json_is_null(at(result, "slo.1.value")));
    assert_true(json_is_null(at(result, "slo.2.value")));
    assert_int_equal(number(result, "slo.2.never"), 7);
    assert_true(json_is_true(at(result, "slo.0.ok")));
    assert_true(json_is_false(at(result, "slo.1.ok")));
    assert_int_equal(json_array_size(at(result, "generator.limits")), 2);
    assert_int_equal(json_array_size(at(result, "generator.limit_values")), 2);
    assert_int_equal(json_array_size(at(result, "generator.warnings")), 1);
    assert_float_equal(number(result, "generator.limit_values.0.value"), 23.457, 1e-9);
    assert_true(number(result, "generator.limit_values.0.bound") == 10);
    assert_true(number(result, "generator.limit_values.0.at_s") == 12);
    assert_true(json_is_null(at(result, "generator.limit_values.1.value")));
    assert_true(json_is_null(at(result, "generator.limit_values.1.bound")));
    assert_true(json_is_null(at(result, "generator.limit_values.1.at_s")));
    json_decref(result);
    a_run_end(&run);
}

/* 1,500 URLs: the 1,000 with most packets, most first. */
static void test_busiest_streams(void **state)
{
    enum { STREAMS = 1500 };
    static const char *urls[STREAMS];
    struct a_run run;
    struct stats *total = stats_new(STREAMS);
    a_run_begin(&run);
    for (uint32_t i = 0; i < STREAMS; i++) {
        urls[i] = "rtsp://host/";
        total->streams[i].rtp.packets = (i * 7) % STREAMS; /* 7 and 1,500 share no factor */
    }
    run.info.stream_count = STREAMS;
    run.info.stream_urls = urls;
    run.snapshot.total = total;
    json_t *result = written(&run.snapshot);
    json_t *streams = at(result, "streams");
    assert_int_equal(json_array_size(streams), 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(number(json_array_get(streams, i), "rtp.packets"), STREAMS - 1 - i);
    json_decref(result);
    stats_free(total);
    a_run_end(&run);
}

static unsigned files_in_folder(void)
{
    DIR *directory = opendir(folder);
    unsigned files = 0;
    assert_non_null(directory);
    while (readdir(directory))
        files++;
    closedir(directory);
    return files - 2; /* . and .. */
}

/* A write that fails leaves what was there before, and nothing beside it. */
static void test_written_whole(void **state)
{
    struct a_run run;
    char missing[160];
    a_run_begin(&run);
    snprintf(missing, sizeof(missing), "%s/no/result.json", folder);
    assert_int_equal(view_json_write(&run.snapshot, missing), -ENOENT);
    assert_int_equal(view_json_write(&run.snapshot, folder), -EISDIR);

    json_decref(written(&run.snapshot));
    run.info.tool_version = "2";
    json_t *result = written(&run.snapshot);
    assert_string_equal(json_string_value(at(result, "tool.version")), "2");
    json_decref(result);

    struct rlimit limit, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){1000, limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    run.info.tool_version = "3";
    assert_int_equal(view_json_write(&run.snapshot, path), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(files_in_folder(), 1);
    result = json_load_file(path, 0, NULL);
    assert_string_equal(json_string_value(at(result, "tool.version")), "2");
    json_decref(result);
    a_run_end(&run);
}

static void test_device_is_written_directly(void **state)
{
    struct a_run run;
    struct stat after;
    a_run_begin(&run);
    assert_int_equal(view_json_write(&run.snapshot, "/dev/full"), -ENOSPC);
    assert_int_equal(view_json_write(&run.snapshot, "/dev/null"), 0);
    assert_int_equal(stat("/dev/null", &after), 0);
    assert_true(S_ISCHR(after.st_mode));
    a_run_end(&run);
}

/* The file behind a link is replaced, the link stays. */
static void test_link_is_followed(void **state)
{
    struct a_run run;
    struct stat status;
    char link[160];
    a_run_begin(&run);
    json_decref(written(&run.snapshot));
    snprintf(link, sizeof(link), "%s/link", folder);
    assert_int_equal(symlink(path, link), 0);
    run.info.tool_version = "3";
    assert_int_equal(view_json_write(&run.snapshot, link), 0);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    json_t *result = json_load_file(path, 0, NULL);
    assert_string_equal(json_string_value(at(result, "tool.version")), "3");
    json_decref(result);
    unlink(link);
    a_run_end(&run);
}

/* Parses what was printed, which must be one line. */
static json_t *line_of(const struct snapshot *snapshot,
                       int (*print)(const struct snapshot *, FILE *))
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    assert_int_equal(print(snapshot, stream), 0);
    fclose(stream);
    assert_true(len > 0);
    assert_ptr_equal(strchr(text, '\n'), text + len - 1);
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    free(text);
    return line;
}

static void test_result_line(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    json_t *line = line_of(&run.snapshot, view_json_result_line);
    json_t *result = written(&run.snapshot);
    assert_int_equal(json_object_size(line), 1);
    assert_true(json_equal(at(line, "result"), result));
    json_decref(result);
    json_decref(line);
    a_run_end(&run);
}

static void test_interval_line(void **state)
{
    static const struct {
        uint64_t elapsed_ms;
        const char *time;
    } rows[] = {{5000, "5s"}, {5012, "5s"}, {4990, "5s"}, {12340, "12.3s"}, {86400000, "86400s"}};
    static const struct {
        const char *key;
        double value;
    } values[] = {{"active", 94},        {"target", 100},          {"connects", 100},
                  {"cps", 2.4},          {"failures", 5},          {"packets", 1294567},
                  {"loss", 150},         {"bytes", 1555208750},    {"established", 97},
                  {"published", 600000}, {"publish_dropped", 1500}};
    struct a_run run;
    a_run_begin(&run);
    a_run_publish(&run);
    for (size_t i = 0; i < COUNT(rows); i++) {
        run.snapshot.elapsed_ns = rows[i].elapsed_ms * NS_PER_MS;
        json_t *line = line_of(&run.snapshot, view_json_interval_line);
        assert_string_equal(json_string_value(at(line, "time")), rows[i].time);
        for (size_t k = 0; k < COUNT(values); k++)
            assert_true(number(line, values[k].key) == values[k].value);
        json_decref(line);
    }
    run.snapshot.interval_ns = 0;
    json_t *line = line_of(&run.snapshot, view_json_interval_line);
    assert_true(number(line, "cps") == 0);
    json_decref(line);
    a_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema),
        cmocka_unit_test(test_empty_run),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_running),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_busiest_streams),
        cmocka_unit_test(test_written_whole),
        cmocka_unit_test(test_device_is_written_directly),
        cmocka_unit_test(test_link_is_followed),
        cmocka_unit_test(test_result_line),
        cmocka_unit_test(test_interval_line),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
