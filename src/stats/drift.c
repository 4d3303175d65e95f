#include "stats/drift.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 1u /* a slice's percentiles are off by 6 % at most; 4 KiB a distribution */
#define TENTH 10u
#define NOISE_FACTOR 3.0
#define MAD_TO_SIGMA 1.4826 /* of a normal distribution */
#define PAIRS (DRIFT_SLICES * (DRIFT_SLICES - 1) / 2)
#define NS_PER_HOUR 3.6e12

/* A smaller difference than both is no change to speak of. */
static const struct {
    const char *name;
    double least;       /* in its own unit */
    double least_ratio; /* of the first tenth's */
} quantities[DRIFT_QUANTITIES] = {
    [DRIFT_STARTUP] = {"startup_p95_ms", 0.5, 0.1},
    [DRIFT_CONNECT] = {"connect_p95_ms", 0.5, 0.1},
    [DRIFT_JITTER] = {"jitter_p95_ms", 0.5, 0.1},
    [DRIFT_LOSS] = {"loss_ratio", 0.0001, 0.1},
    [DRIFT_RSS] = {"rss_bytes", 1 << 20, 0.05},
    [DRIFT_SERVER_RSS] = {"server_rss_bytes", 1 << 20, 0.05},
    [DRIFT_SERVER_CPU] = {"server_cpu", 0.02, 0.1},
    [DRIFT_ACTIVE] = {"active", 1, 0.1},
};

const char *drift_name(enum drift_quantity quantity)
{
    return quantities[quantity].name;
}

const char *drift_verdict_name(enum drift_verdict verdict)
{
    static const char *const names[] = {"not_measured", "steady", "noise", "rose", "fell"};
    return names[verdict];
}

bool drift_init(struct drift *drift, uint64_t slice_ns, uint64_t from_ns, uint64_t to_ns)
{
    size_t bytes = histogram_counts_bytes(DIGITS);
    *drift = (struct drift){.slice_ns = slice_ns, .from_ns = from_ns, .to_ns = to_ns};
    uint8_t *at = malloc((DRIFT_SLICES + 1) * 3 * bytes);
    drift->counts = at;
    if (!at)
        return false;
    explicit_bzero(at, (DRIFT_SLICES + 1) * 3 * bytes); /* touched now, so that it doesn't grow */
    for (unsigned i = 0; i <= DRIFT_SLICES; i++, at += 3 * bytes) {
        struct drift_slice *slice = &drift->slices[i];
        histogram_init(&slice->startup, DIGITS, (uint64_t *)(void *)at);
        histogram_init(&slice->connect, DIGITS, (uint64_t *)(void *)(at + bytes));
        histogram_init(&slice->jitter, DIGITS, (uint64_t *)(void *)(at + 2 * bytes));
    }
    return true;
}

void drift_dispose(struct drift *drift)
{
    free(drift->counts);
    drift->counts = NULL;
}

static void clear(struct drift_slice *slice)
{
    struct drift_slice cleared = {
        .startup = slice->startup, .connect = slice->connect, .jitter = slice->jitter};
    histogram_clear(&cleared.startup);
    histogram_clear(&cleared.connect);
    histogram_clear(&cleared.jitter);
    *slice = cleared;
}

/* Adds the slice after it. */
static void merge(struct drift_slice *to, const struct drift_slice *later)
{
    histogram_add(&to->startup, &later->startup);
    histogram_add(&to->connect, &later->connect);
    histogram_add(&to->jitter, &later->jitter);
    to->to_ns = later->to_ns;
    to->expected += later->expected;
    to->lost += later->lost;
    to->active_ns += later->active_ns;
    to->rss_bytes = later->rss_bytes ? later->rss_bytes : to->rss_bytes;
    to->server_rss_bytes = later->server_rss_bytes ? later->server_rss_bytes : to->server_rss_bytes;
    to->server_cpu_ns += later->server_cpu_ns;
    to->server_cpu_span_ns += later->server_cpu_span_ns;
}

/* Each two slices become one, twice as long. Slices change places, since each has room of its own.
 */
static void halve(struct drift *drift)
{
    for (uint32_t i = 0; i < DRIFT_SLICES / 2; i++) {
        struct drift_slice spare = drift->slices[i];
        drift->slices[i] = drift->slices[2 * i];
        drift->slices[2 * i] = spare;
        merge(&drift->slices[i], &drift->slices[2 * i + 1]);
        clear(&drift->slices[2 * i + 1]);
    }
    drift->count = DRIFT_SLICES / 2;
    drift->slice_ns *= 2;
}

/* Into coarser buckets. */
static void add_distribution(struct histogram *to, const struct histogram *from)
{
    for (uint32_t i = from->low; i < from->high; i++) {
        if (from->counts[i] > 0)
            histogram_record_many(to, histogram_bucket_high(from, i), from->counts[i]);
    }
}

static void add_server(struct drift *drift, struct drift_slice *slice,
                       const struct server_load *server)
{
    if (server->watched && !server->now.ended && server->now.rss_bytes != SERVER_UNKNOWN)
        slice->server_rss_bytes = server->now.rss_bytes;
    slice->server_cpu_ns += server->cpu_ns - drift->server_cpu_ns;
    slice->server_cpu_span_ns += server->cpu_span_ns - drift->server_cpu_span_ns;
    drift->server_cpu_ns = server->cpu_ns;
    drift->server_cpu_span_ns = server->cpu_span_ns;
}

void drift_add(struct drift *drift, const struct drift_span *span)
{
    struct drift_slice *slice = &drift->slices[drift->count];
    struct rtp_counts rtp = stats_rtp(span->stats);
    if (span->from_ns < drift->from_ns || span->to_ns > drift->to_ns) {
        drift->server_cpu_ns = span->server->cpu_ns;
        drift->server_cpu_span_ns = span->server->cpu_span_ns;
        return;
    }
    if (slice->to_ns == 0)
        slice->from_ns = span->from_ns;
    slice->to_ns = span->to_ns;
    add_distribution(&slice->startup, &span->stats->metrics[METRIC_STARTUP]);
    add_distribution(&slice->connect, &span->stats->metrics[METRIC_CONNECT]);
    add_distribution(&slice->jitter, &span->stats->metrics[METRIC_JITTER]);
    slice->expected += (int64_t)rtp.expected;
    slice->lost += (int64_t)rtp.lost;
    slice->active_ns += span->stats->active * (double)(span->to_ns - span->from_ns);
    slice->rss_bytes = span->rss_bytes;
    add_server(drift, slice, span->server);
    if (slice->to_ns - slice->from_ns < drift->slice_ns)
        return;
    if (++drift->count == DRIFT_SLICES)
        halve(drift);
}

static double p95_ms(const struct histogram *histogram)
{
    return histogram->count > 0 ? (double)histogram_quantile(histogram, 0.95) / 1000 : NAN;
}

/* NAN where it holds nothing of the kind. */
static double value_of(const struct drift_slice *slice, enum drift_quantity quantity)
{
    double span_ns = (double)(slice->to_ns - slice->from_ns);
    switch (quantity) {
    case DRIFT_STARTUP:
        return p95_ms(&slice->startup);
    case DRIFT_CONNECT:
        return p95_ms(&slice->connect);
    case DRIFT_JITTER:
        return p95_ms(&slice->jitter);
    case DRIFT_LOSS:
        return slice->expected > 0 ? (double)slice->lost / (double)slice->expected : NAN;
    case DRIFT_RSS:
        return slice->rss_bytes > 0 ? (double)slice->rss_bytes : NAN;
    case DRIFT_SERVER_RSS:
        return slice->server_rss_bytes > 0 ? (double)slice->server_rss_bytes : NAN;
    case DRIFT_SERVER_CPU:
        return slice->server_cpu_span_ns > 0
                   ? (double)slice->server_cpu_ns / (double)slice->server_cpu_span_ns
                   : NAN;
    case DRIFT_ACTIVE:
        return span_ns > 0 ? slice->active_ns / span_ns : NAN;
    case DRIFT_QUANTITIES:
        break;
    }
    return NAN;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

struct point {
    double hours, value;
};

/* Theil and Sen: the median of the slopes between all pairs, which a third of outliers can't move.
 */
static double slope_of(const struct point *points, uint32_t count)
{
    double slopes[PAIRS];
    size_t pairs = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = i + 1; k < count; k++)
            slopes[pairs++] =
                (points[k].value - points[i].value) / (points[k].hours - points[i].hours);
    }
    return median(slopes, pairs);
}

/* How far the points lie about the line of that slope: as a standard deviation, outliers aside. */
static double scatter_of(const struct point *points, uint32_t count, double slope)
{
    double rest[DRIFT_SLICES];
    for (uint32_t i = 0; i < count; i++)
        rest[i] = points[i].value - slope * points[i].hours;
    double middle = median(rest, count);
    for (uint32_t i = 0; i < count; i++)
        rest[i] = fabs(rest[i] - middle);
    return MAD_TO_SIGMA * median(rest, count);
}

/* The mean of the slices' values; NAN when none has any. */
static double mean_of(const struct drift_slice *slices, uint32_t count,
                      enum drift_quantity quantity)
{
    double sum = 0;
    uint32_t any = 0;
    for (uint32_t i = 0; i < count; i++) {
        double value = value_of(&slices[i], quantity);
        if (isnan(value))
            continue;
        sum += value;
        any++;
    }
    return any > 0 ? sum / any : NAN;
}

static enum drift_verdict judge(enum drift_quantity quantity, const struct drift_row *row)
{
    double change = row->last - row->first;
    double least = fmax(quantities[quantity].least, quantities[quantity].least_ratio * row->first);
    if (fabs(change) < least)
        return DRIFT_STEADY;
    if (fabs(change) <= row->noise)
        return DRIFT_NOISE;
    return change > 0 ? DRIFT_ROSE : DRIFT_FELL;
}

static struct drift_row row_of(const struct drift *drift, enum drift_quantity quantity,
                               uint32_t tenth)
{
    struct point points[DRIFT_SLICES];
    uint32_t count = 0;
    struct drift_row row = {
        .first = mean_of(drift->slices, tenth, quantity),
        .last = mean_of(drift->slices + drift->count - tenth, tenth, quantity),
    };
    for (uint32_t i = 0; i < drift->count; i++) {
        const struct drift_slice *slice = &drift->slices[i];
        double middle_ns = ((double)slice->from_ns + (double)slice->to_ns) / 2;
        double value = value_of(slice, quantity);
        if (!isnan(value))
            points[count++] = (struct point){middle_ns / NS_PER_HOUR, value};
    }
    if (isnan(row.first) || isnan(row.last) || count < DRIFT_SLICES_LEAST / 2)
        return (struct drift_row){.verdict = DRIFT_NOT_MEASURED};
    row.per_hour = slope_of(points, count);
    row.noise = NOISE_FACTOR * scatter_of(points, count, row.per_hour);
    row.verdict = judge(quantity, &row);
    return row;
}

bool drift_report(const struct drift *drift, struct drift_report *report)
{
    uint32_t tenth = (drift->count + TENTH / 2) / TENTH;
    if (drift->count < DRIFT_SLICES_LEAST)
        return false;
    *report = (struct drift_report){.slices = drift->count};
    for (uint32_t i = 0; i < drift->count; i++) {
        uint64_t span_ns = drift->slices[i].to_ns - drift->slices[i].from_ns;
        report->steady_ns += span_ns;
        report->tenth_ns += i < tenth ? span_ns : 0;
    }
    for (unsigned i = 0; i < DRIFT_QUANTITIES; i++)
        report->rows[i] = row_of(drift, (enum drift_quantity)i, tenth);
    return true;
}
