#include "view/hlog.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "stats/fields.h"

/* HdrHistogram's own names for these: V2, and word size 1 in the second half byte. */
#define COOKIE 0x1c849313u
#define COOKIE_COMPRESSED 0x1c849314u
#define HEADER 40u
#define HIGHEST UINT64_C(3600000000)
#define LARGEST_COUNT 9u /* bytes of a ZigZag LEB128 */

struct hlog {
    struct file file;
    bool begun;
    uint64_t span_ns;
    uint64_t since_ns; /* where the interval under way began ... */
    uint64_t until_ns; /* ... and how far it has come */
    struct stats *sum; /* of it; no streams */
    uint8_t *plain, *packed;
    size_t room; /* of each */
};

struct entry {
    const char *tag;
    enum metric metric;
};

static const struct entry others[] = {
    {"jitter", METRIC_JITTER},
    {"bitrate_bps", METRIC_BITRATE},
    {"loop_lag", METRIC_LOOP_LAG},
    {"schedule_lag", METRIC_SCHEDULE_LAG},
    {"panel_latency", METRIC_PANEL_LATENCY},
    {"panel_cross_reader", METRIC_PANEL_CROSS_READER},
    {"publish_late", METRIC_PUBLISH_LATE},
    {"round_trip", METRIC_ROUND_TRIP},
};

static void dispose(struct hlog *log)
{
    stats_free(log->sum);
    free(log->plain);
    free(log->packed);
    free(log);
}

int hlog_open(struct hlog **log, const char *path, uint64_t span_ns)
{
    size_t counts = histogram_counts_bytes(3) / sizeof(uint64_t);
    size_t room = compressBound(HEADER + counts * LARGEST_COUNT) + HEADER;
    struct hlog *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->span_ns = span_ns;
    made->sum = stats_new(0);
    made->room = room;
    made->plain = malloc(room);
    made->packed = malloc(room);
    int error = made->plain && made->packed && made->sum ? file_open(&made->file, path) : -ENOMEM;
    if (!error) {
        *log = made;
        return 0;
    }
    dispose(made);
    return error;
}

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(value >> shift);
    return at;
}

static uint8_t *put_u64(uint8_t *at, uint64_t value)
{
    return put_u32(put_u32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

/* ZigZag LEB128 as HdrHistogram has it: seven bits a byte, the ninth byte holds eight. */
static uint8_t *put_count(uint8_t *at, int64_t signed_count)
{
    uint64_t value = (uint64_t)signed_count << 1 ^ (uint64_t)(signed_count >> 63);
    for (unsigned i = 0; i < LARGEST_COUNT - 1; i++) {
        if (value < 0x80) {
            *at++ = (uint8_t)value;
            return at;
        }
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* Counts up to the last that isn't 0; a run of zeros is one negative number. */
static uint8_t *put_counts(uint8_t *at, const struct histogram *histogram)
{
    int64_t zeros = histogram->low;
    for (uint32_t i = histogram->low; i < histogram->high; i++) {
        if (histogram->counts[i] == 0) {
            zeros++;
            continue;
        }
        if (zeros > 0)
            at = put_count(at, -zeros);
        at = put_count(at, (int64_t)histogram->counts[i]);
        zeros = 0;
    }
    return at;
}

/* The uncompressed form; its length. */
static size_t encode(struct hlog *log, const struct histogram *histogram)
{
    double ratio = 1;
    uint64_t ratio_bits;
    uint8_t *payload = log->plain + HEADER, *end = put_counts(payload, histogram);
    memcpy(&ratio_bits, &ratio, sizeof(ratio_bits));
    uint8_t *at = put_u32(log->plain, COOKIE);
    at = put_u32(at, (uint32_t)(end - payload));
    at = put_u32(at, 0); /* normalizing index offset */
    at = put_u32(at, histogram->digits);
    at = put_u64(at, 1); /* lowest discernible value */
    at = put_u64(at, HIGHEST);
    at = put_u64(at, ratio_bits); /* integer to double */
    assert(at == payload);
    return (size_t)(end - log->plain);
}

static void write_base64(FILE *to, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        fputc(digits[group >> 18], to);
        fputc(digits[group >> 12 & 63], to);
        fputc(left > 1 ? digits[group >> 6 & 63] : '=', to);
        fputc(left > 2 ? digits[group & 63] : '=', to);
    }
}

static void add_histogram(struct hlog *log, const struct entry *entry)
{
    const struct histogram *histogram = &log->sum->metrics[entry->metric];
    FILE *to = log->file.stream;
    if (histogram->count == 0)
        return;
    uLongf packed = log->room - 8;
    int failed = compress(log->packed + 8, &packed, log->plain, encode(log, histogram));
    assert(failed == Z_OK);
    put_u32(put_u32(log->packed, COOKIE_COMPRESSED), (uint32_t)packed);
    /* The greatest value in milliseconds: HdrHistogram's tools assume such a unit there. */
    fprintf(to, "Tag=%s,%.3f,%.3f,%.3f,", entry->tag, (double)log->since_ns / 1e9,
            (double)(log->until_ns - log->since_ns) / 1e9, (double)histogram->max / 1e3);
    write_base64(to, log->packed, packed + 8);
    fputc('\n', to);
}

static void begin(struct hlog *log, const struct run_info *info)
{
    fprintf(log->file.stream,
            "#[Logged with %s %s; values in microseconds, bitrate_bps in bits a second]\n"
            "#[Histogram log format version 1.3]\n"
            "#[StartTime: %.3f (seconds since epoch)]\n"
            "#[BaseTime: %.3f (seconds since epoch)]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
            "\"Interval_Compressed_Histogram\"\n",
            info->tool_name, info->tool_version, (double)info->started_at_ns / 1e9,
            (double)info->started_at_ns / 1e9);
    log->begun = true;
}

static void end_line_interval(struct hlog *log)
{
    for (unsigned i = 0; i < LATENCY_METRICS; i++)
        add_histogram(log, &(struct entry){latency_name(i), i});
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        add_histogram(log, &others[i]);
    fflush(log->file.stream); /* what a killed run leaves in its temporary file is whole lines */
    stats_clear(log->sum);
    log->since_ns = log->until_ns;
}

void hlog_add(struct hlog *log, const struct snapshot *snapshot)
{
    if (!log->begun)
        begin(log, snapshot->info);
    for (unsigned i = 0; i < METRICS; i++)
        histogram_add(&log->sum->metrics[i], &snapshot->interval->metrics[i]);
    log->until_ns = snapshot->elapsed_ns;
    if (log->until_ns - log->since_ns >= log->span_ns)
        end_line_interval(log);
}

int hlog_close(struct hlog *log)
{
    if (!log)
        return 0;
    if (log->begun)
        end_line_interval(log);
    int error = log->begun ? file_commit(&log->file) : 0;
    if (!log->begun)
        file_discard(&log->file);
    dispose(log);
    return error;
}
