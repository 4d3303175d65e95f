#include "view/json_series.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum column_kind {
    COLUMN_SECONDS, /* ns, to milliseconds */
    COLUMN_GAUGE,   /* uint32_t */
    COLUMN_COUNT,   /* uint64_t */
    COLUMN_MS,      /* us; null where the flag isn't set */
    COLUMN_SHARE,   /* double, to thousandths; null where the flag isn't set */
    COLUMN_AMOUNT,  /* uint64_t, likewise */
};

#define ALWAYS SIZE_MAX

struct column {
    const char *name;
    size_t offset;
    enum column_kind kind;
    size_t flag; /* offset of the bool that says whether there is a value */
};

#define AT(field) offsetof(struct timeline_row, field)

static const struct column columns[] = {
    {"t_s", AT(t_ns), COLUMN_SECONDS, ALWAYS},
    {"target", AT(target), COLUMN_GAUGE, ALWAYS},
    {"active", AT(active), COLUMN_GAUGE, ALWAYS},
    {"started", AT(started), COLUMN_COUNT, ALWAYS},
    {"established", AT(established), COLUMN_COUNT, ALWAYS},
    {"failed", AT(failed), COLUMN_COUNT, ALWAYS},
    {"dropped", AT(dropped), COLUMN_COUNT, ALWAYS},
    {"packets", AT(packets), COLUMN_COUNT, ALWAYS},
    {"bytes", AT(bytes), COLUMN_COUNT, ALWAYS},
    {"lost", AT(lost), COLUMN_COUNT, ALWAYS},
    {"lost_network", AT(lost_by[LOSS_NETWORK]), COLUMN_COUNT, ALWAYS},
    {"lost_local_socket", AT(lost_by[LOSS_LOCAL_SOCKET]), COLUMN_COUNT, ALWAYS},
    {"lost_self", AT(lost_by[LOSS_SELF]), COLUMN_COUNT, ALWAYS},
    {"lost_server", AT(lost_by[LOSS_SERVER]), COLUMN_COUNT, ALWAYS},
    {"errors", AT(errors), COLUMN_COUNT, ALWAYS},
    {"freezes", AT(freezes), COLUMN_COUNT, ALWAYS},
    {"startup_p50_ms", AT(startup_p50_us), COLUMN_MS, AT(has_startup)},
    {"startup_p95_ms", AT(startup_p95_us), COLUMN_MS, AT(has_startup)},
    {"startup_p99_ms", AT(startup_p99_us), COLUMN_MS, AT(has_startup)},
    {"jitter_p50_ms", AT(jitter_p50_us), COLUMN_MS, AT(has_jitter)},
    {"jitter_p95_ms", AT(jitter_p95_us), COLUMN_MS, AT(has_jitter)},
    {"jitter_p99_ms", AT(jitter_p99_us), COLUMN_MS, AT(has_jitter)},
    {"latency_p50_ms", AT(latency_p50_us), COLUMN_MS, AT(has_latency)},
    {"latency_p95_ms", AT(latency_p95_us), COLUMN_MS, AT(has_latency)},
    {"loop_lag_p99_ms", AT(loop_lag_p99_us), COLUMN_MS, ALWAYS},
    {"schedule_lag_p99_ms", AT(schedule_lag_p99_us), COLUMN_MS, ALWAYS},
    {"cpu", AT(cpu), COLUMN_SHARE, ALWAYS},
    {"server_rss_bytes", AT(server_rss_bytes), COLUMN_AMOUNT, AT(has_server_rss)},
    {"server_cpu", AT(server_cpu), COLUMN_SHARE, AT(has_server_cpu)},
    {"server_files", AT(server_files), COLUMN_AMOUNT, AT(has_server_files)},
    {"server_sessions", AT(server_sessions), COLUMN_AMOUNT, AT(has_server_sessions)},
    {"published", AT(published), COLUMN_COUNT, ALWAYS},
    {"published_bytes", AT(published_bytes), COLUMN_COUNT, ALWAYS},
    {"publish_dropped", AT(publish_dropped), COLUMN_COUNT, ALWAYS},
    {"publish_late_p50_ms", AT(publish_late_p50_us), COLUMN_MS, AT(has_publish_late)},
    {"publish_late_p95_ms", AT(publish_late_p95_us), COLUMN_MS, AT(has_publish_late)},
    {"publish_late_p99_ms", AT(publish_late_p99_us), COLUMN_MS, AT(has_publish_late)},
};

static void append(json_t *array, json_t *value)
{
    int failed = json_array_append_new(array, value);
    assert(!failed);
}

static json_t *cell(const struct timeline_row *row, const struct column *column)
{
    const char *at = (const char *)row + column->offset;
    uint64_t count;
    uint32_t gauge;
    double share;
    bool has = true;
    memcpy(&gauge, at, sizeof(gauge));
    if (column->kind == COLUMN_GAUGE)
        return json_integer(gauge);
    if (column->flag != ALWAYS)
        memcpy(&has, (const char *)row + column->flag, sizeof(has));
    if (!has)
        return json_null();
    memcpy(&share, at, sizeof(share));
    if (column->kind == COLUMN_SHARE)
        return json_real(round(share * 1000) / 1000);
    memcpy(&count, at, sizeof(count));
    if (column->kind == COLUMN_COUNT || column->kind == COLUMN_AMOUNT)
        return json_integer((json_int_t)count);
    if (column->kind == COLUMN_SECONDS)
        return json_real(round((double)count / 1e6) / 1e3);
    return json_real((double)count / 1e3);
}

/* [band, count, band, count, ...], of the bands that have any. */
static json_t *bands(const struct timeline_row *row)
{
    json_t *array = json_array();
    for (uint32_t band = 0; band < STARTUP_BANDS; band++) {
        if (row->startups[band] == 0)
            continue;
        append(array, json_integer(band));
        append(array, json_integer(row->startups[band]));
    }
    return array;
}

static json_t *band_edges(void)
{
    json_t *array = json_array();
    for (uint32_t band = 0; band < STARTUP_BANDS; band++)
        append(array, json_real((double)startup_band_low_us(band) / 1e3));
    return array;
}

json_t *view_series(const struct timeline_row *rows, uint32_t count, uint64_t after_ns)
{
    json_t *series = json_object(), *startups = json_array();
    uint32_t first = 0;
    while (first < count && rows[first].t_ns <= after_ns && after_ns > 0)
        first++;
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        json_t *array = json_array();
        for (uint32_t row = first; row < count; row++)
            append(array, cell(&rows[row], &columns[i]));
        json_object_set_new(series, columns[i].name, array);
    }
    for (uint32_t row = first; row < count; row++)
        append(startups, bands(&rows[row]));
    json_object_set_new(series, "startups", startups);
    json_object_set_new(series, "startup_bands_ms", band_edges());
    return series;
}

static json_t *buckets(const struct histogram *histogram)
{
    json_t *array = json_array();
    for (uint32_t i = histogram->low; i < histogram->high; i++) {
        uint64_t high = histogram_bucket_high(histogram, i);
        if (histogram->counts[i] == 0)
            continue;
        append(array, json_integer((json_int_t)(high < histogram->max ? high : histogram->max)));
        append(array, json_integer((json_int_t)histogram->counts[i]));
    }
    return array;
}

/* Who was unanswered, and who had no media, is worked out from sums of these alone. */
static void add_waits(json_t *object, const struct stats *total)
{
    static const struct {
        const char *name;
        enum role role;
        enum wait wait;
    } waits[] = {
        {"cut_off_reader_connect", ROLE_READER, WAIT_CONNECT},
        {"cut_off_reader_options", ROLE_READER, WAIT_OPTIONS},
        {"cut_off_reader_describe", ROLE_READER, WAIT_DESCRIBE},
        {"cut_off_reader_setup", ROLE_READER, WAIT_SETUP},
        {"cut_off_reader_play", ROLE_READER, WAIT_PLAY},
        {"cut_off_reader_come_back", ROLE_READER, WAIT_COME_BACK},
        {"cut_off_publisher_connect", ROLE_PUBLISHER, WAIT_CONNECT},
        {"cut_off_publisher_options", ROLE_PUBLISHER, WAIT_OPTIONS},
        {"cut_off_publisher_announce", ROLE_PUBLISHER, WAIT_ANNOUNCE},
        {"cut_off_publisher_setup", ROLE_PUBLISHER, WAIT_SETUP},
        {"cut_off_publisher_record", ROLE_PUBLISHER, WAIT_RECORD},
        {"cut_off_publisher_come_back", ROLE_PUBLISHER, WAIT_COME_BACK},
    };
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
        json_object_set_new(object, waits[i].name,
                            buckets(&total->cut_off[waits[i].role][waits[i].wait]));
    json_object_set_new(object, "silent", buckets(&total->silent));
}

json_t *view_histograms(const struct stats *total)
{
    static const struct {
        const char *name;
        enum metric metric;
    } shown[] = {
        {"connect", METRIC_CONNECT},
        {"tls", METRIC_TLS},
        {"options", METRIC_OPTIONS},
        {"describe", METRIC_DESCRIBE},
        {"setup", METRIC_SETUP},
        {"play", METRIC_PLAY},
        {"first_rtp", METRIC_FIRST_RTP},
        {"first_keyframe", METRIC_FIRST_KEYFRAME},
        {"startup", METRIC_STARTUP},
        {"join", METRIC_JOIN},
        {"keepalive", METRIC_KEEPALIVE},
        {"teardown", METRIC_TEARDOWN},
        {"jitter", METRIC_JITTER},
        {"panel_latency", METRIC_PANEL_LATENCY},
        {"loop_lag", METRIC_LOOP_LAG},
        {"schedule_lag", METRIC_SCHEDULE_LAG},
        {"announce", METRIC_ANNOUNCE},
        {"record", METRIC_RECORD},
        {"publish_late", METRIC_PUBLISH_LATE},
        {"round_trip", METRIC_ROUND_TRIP},
        {"come_back", METRIC_COME_BACK},
    };
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        json_object_set_new(object, shown[i].name, buckets(&total->metrics[shown[i].metric]));
    add_waits(object, total);
    return object;
}
