/* slo_check.c - how a run stands to its objectives. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "stats/slo.h"

static const double quantiles[SLO_STATISTICS] = {
    [SLO_P50] = 0.5,  [SLO_P75] = 0.75,   [SLO_P90] = 0.9,    [SLO_P95] = 0.95,
    [SLO_P99] = 0.99, [SLO_P999] = 0.999, [SLO_GREATEST] = 1,
};

/* What was measured is counted in thousandths of the result's unit, or in that itself. */
static double per_unit(enum metric metric)
{
    return metric == METRIC_BITRATE || metric == METRIC_PANEL_MLR ? 1 : 1000;
}

static uint64_t never_of(const struct slo *slo, const struct stats *total)
{
    enum metric metric = slo->source.metric;
    return metric < LATENCY_METRICS ? total->never[metric] : 0;
}

/* Who is over every bound, or over this one at least: those who never got there, and waits that
   were cut off when they were longer than the bound already. */
static uint64_t count_beyond(const struct slo *slo, const struct stats *total)
{
    if (slo->source.metric >= LATENCY_METRICS)
        return 0;
    return never_of(slo, total) +
           stats_cut_off_over(total, slo->source.metric, slo->threshold * 1000);
}

/* The value of a rank among the measured ones and, after them, so many that are over all bounds. */
static double ranked(const struct histogram *histogram, double q, uint64_t beyond)
{
    double rank = fmax(1, ceil(q * (double)(histogram->count + beyond)));
    if (rank > (double)histogram->count)
        return INFINITY;
    return (double)histogram_quantile(histogram, (rank - 0.5) / (double)histogram->count);
}

static double statistic_of(const struct histogram *histogram, enum slo_statistic statistic,
                           uint64_t beyond)
{
    if (statistic == SLO_MIN)
        return histogram->count > 0 ? (double)histogram->min : INFINITY;
    if (statistic == SLO_MEAN)
        return beyond > 0 ? INFINITY : histogram_mean(histogram);
    if (statistic == SLO_GREATEST)
        return beyond > 0 ? INFINITY : (double)histogram->max;
    return ranked(histogram, quantiles[statistic], beyond);
}

static bool distribution_value(const struct slo *slo, const struct stats *total,
                               struct slo_result *result)
{
    const struct histogram *histogram = &total->metrics[slo->source.metric];
    if (slo->statistic == SLO_HOW_MANY || slo->statistic == SLO_NEVER) {
        result->value =
            (double)(slo->statistic == SLO_NEVER ? never_of(slo, total) : histogram->count);
        return true;
    }
    result->beyond = count_beyond(slo, total);
    if (histogram->count + result->beyond == 0)
        return false;
    result->value =
        statistic_of(histogram, slo->statistic, result->beyond) / per_unit(slo->source.metric);
    return true;
}

static double counter_value(const struct slo *slo, const struct stats *total)
{
    struct rtp_counts rtp = stats_rtp(total);
    const char *base = slo->source.of_rtp ? (const char *)&rtp : (const char *)total;
    /* A loss that is taken back may bring a counter below 0 for a while. */
    return (double)*(const int64_t *)(base + slo->source.offset);
}

static bool value_of(const struct slo *slo, const struct snapshot *snapshot,
                     struct slo_result *result)
{
    if (slo->source.has_base && !slo->source.has_base(snapshot))
        return false;
    switch (slo->source.kind) {
    case SLO_OF_COUNTER:
        result->value = counter_value(slo, snapshot->total);
        return true;
    case SLO_OF_DISTRIBUTION:
        return distribution_value(slo, snapshot->total, result);
    case SLO_OF_FUNCTION:
        break;
    }
    return slo->source.get(snapshot, &result->value);
}

static bool holds(enum slo_operator op, double value, double threshold)
{
    switch (op) {
    case SLO_LESS:
        return value < threshold;
    case SLO_AT_MOST:
        return value <= threshold;
    case SLO_MORE:
        return value > threshold;
    case SLO_AT_LEAST:
        return value >= threshold;
    case SLO_EQUAL:
        return value == threshold;
    case SLO_UNEQUAL:
        break;
    }
    return value != threshold;
}

struct slo_result slo_check(const struct slo *slo, const struct snapshot *snapshot)
{
    struct slo_result result = {
        .expression = slo->expression, .unit = slo->source.unit, .threshold = slo->threshold};
    result.measured = value_of(slo, snapshot, &result);
    result.ok =
        result.measured ? holds(slo->op, result.value, slo->threshold) : slo->source.may_lack;
    if (!result.measured)
        result.value = 0;
    return result;
}

static void write_digits(struct text *to, enum slo_unit unit, double value, int digits)
{
    switch (unit) {
    case SLO_NUMBER:
        text_printf(to, "%.*g", digits + 1, value);
        break;
    case SLO_COUNT:
        text_printf(to, "%.0f", value);
        break;
    case SLO_RATIO:
        text_printf(to, "%.*g %%", digits, value * 100);
        break;
    case SLO_MS:
        text_printf(to, "%.*g ms", digits + 1, value);
        break;
    case SLO_SECONDS:
        text_printf(to, "%.*g s", digits + 1, value);
        break;
    case SLO_BPS:
        if (digits > SLO_DIGITS)
            text_printf(to, "%.0f bit/s", value);
        else
            units_write_bitrate(to, value);
        break;
    case SLO_BYTES:
        if (digits > SLO_DIGITS)
            text_printf(to, "%.0f bytes", value);
        else
            units_write_bytes(to, (uint64_t)value);
        break;
    }
}

void slo_write_value(struct text *to, enum slo_unit unit, double value)
{
    if (isinf(value))
        text_add_string(to, "never");
    else
        write_digits(to, unit, value, SLO_DIGITS);
}

/* Whether a value looks like its bound though it isn't. */
static bool is_mistaken(const struct slo_result *result, int digits)
{
    char a_room[64], b_room[64];
    struct text a = text_init(a_room, sizeof(a_room)), b = text_init(b_room, sizeof(b_room));
    write_digits(&a, result->unit, result->value, digits);
    write_digits(&b, result->unit, result->threshold, digits);
    return result->value != result->threshold && slice_equal(text_slice(&a), text_slice(&b));
}

void slo_write_result(struct text *to, const struct slo_result *result)
{
    int digits = SLO_DIGITS;
    if (!result->measured) {
        text_add_string(to, "never measured");
        return;
    }
    if (isinf(result->value)) {
        char count[32];
        struct text beyond = text_init(count, sizeof(count));
        units_write_count(&beyond, result->beyond);
        text_printf(to, "%s never got there", text_string(&beyond));
        return;
    }
    while (digits < SLO_DIGITS_MAX && is_mistaken(result, digits))
        digits++;
    write_digits(to, result->unit, result->value, digits);
}
