#include "view/compare.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "stats/fields.h"

#define SURE 0.99
#define Z 2.576 /* of a normal distribution, SURE of it is within */
#define LEAST_SHARE 0.05
#define LEAST_MS 0.5
#define LEAST_RATIO 0.0005
#define LEAST_SESSIONS 5u /* in each run, for all against none to be sure */
#define LEAST_SECONDS 5u  /* of a series, to speak of their spread */

const char compare_method[] =
    "A share of sessions is better or worse where Fisher's exact test of the two counts says so at "
    "99 %, and where it changed by over 0.05 percentage points and by over 5 %. "
    "Every other value has a range: where it may have come out by chance. A percentile takes those "
    "who never got there as infinitely slow. Its range is the 99 % range of its rank, widened to "
    "what 8 of 10 single "
    "seconds of the run showed where the result tells; for ratios of packets the 99 % range of a "
    "share (Wilson), widened by how much single seconds differ. They are better or worse where "
    "they left the base's range altogether and changed by over 5 %; times also by over 0.5 ms and "
    "by more than the generator was late itself (p99 of its loop lag), ratios by over 0.05 "
    "percentage points. A percentile is never better where a greater share of sessions never got "
    "there, by the same exact test; where it is one of those itself, it is worse. All else is "
    "noise, or too few values to say so.";

/* A result, and whether what it says of sessions that were cut off is used: both of the two that
   are compared must have counted them. */
struct source {
    json_t *result;
    bool cut_off;
};

struct sources {
    struct source base[COMPARE_RUNS], of[COMPARE_RUNS];
};

static json_t *path(json_t *from, const char *first, const char *second)
{
    json_t *value = json_object_get(from, first);
    return second ? json_object_get(value, second) : value;
}

static double number_at(json_t *from, const char *first, const char *second)
{
    return json_number_value(path(from, first, second));
}

/* Of a result's histogram, [value, count, ...] in microseconds, the value of a rank from 1 on;
   INFINITY beyond the last. */
static double value_of_rank(json_t *pairs, double rank)
{
    double seen = 0;
    for (size_t i = 0; i + 1 < json_array_size(pairs); i += 2) {
        seen += json_number_value(json_array_get(pairs, i + 1));
        if (seen >= rank)
            return json_number_value(json_array_get(pairs, i)) / 1e3;
    }
    return INFINITY;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Widens a range to what 8 of 10 seconds of a column showed. */
static void widen_by_seconds(struct compare_value *value, json_t *column)
{
    size_t size = json_array_size(column), n = 0;
    double *seconds = calloc(size + 1, sizeof(*seconds));
    assert(seconds);
    for (size_t i = 0; i < size; i++) {
        json_t *one = json_array_get(column, i);
        if (json_is_number(one))
            seconds[n++] = json_number_value(one);
    }
    qsort(seconds, n, sizeof(*seconds), compare_doubles);
    if (n >= LEAST_SECONDS) {
        value->low = fmin(value->low, seconds[n / 10]);
        value->high = fmax(value->high, seconds[n - 1 - n / 10]);
    }
    free(seconds);
}

struct statistic {
    const char *name;
    double q;
};

/* What the result calls the distribution, where it is, and its column in the series. */
struct distribution {
    const char *name;       /* of the row */
    const char *group, *of; /* of its H */
    const char *histogram;
    const char *column; /* NULL: none */
    bool in_a_burst;    /* its values wait for each other: they are one observation, not many */
};

/* Values for the greatest to be surely above the quantile. */
static double needed_for(double q)
{
    return ceil(log((1 - SURE) / 2) / log(q));
}

/* Of the values among which the true quantile may be. Beyond the last where not even the greatest
   is surely above it: all n are below it with a chance of q^n. */
static double highest_rank(double n, double q)
{
    double rank = ceil(n * q + Z * sqrt(n * q * (1 - q))) + 1;
    return rank > n && n >= needed_for(q) ? n : rank;
}

/* Where the value of a rank may have come out by chance; ranks beyond the measured ones are of
   those who never got there. */
static void find_range(struct compare_value *value, json_t *pairs, double q)
{
    double n = value->of.whole, low = n * q - Z * sqrt(n * q * (1 - q));
    double high = highest_rank(n, q);
    value->low = low < 1 ? 0 : value_of_rank(pairs, floor(low));
    value->high = value_of_rank(pairs, high);
    value->few = high > n;
}

static void take_as_one(struct compare_value *value, json_t *h)
{
    bool any = number_at(h, "count", NULL) > 0;
    value->low = any ? number_at(h, "min", NULL) : INFINITY;
    value->high = value->of.part > 0 ? INFINITY : number_at(h, "max", NULL);
    value->few = false;
}

static struct compare_value percentile(const struct source *source, const struct distribution *from,
                                       const struct statistic *statistic)
{
    json_t *h = path(source->result, from->group, from->of);
    json_t *pairs = path(source->result, "histograms", from->histogram);
    double never = source->cut_off ? fmax(number_at(h, "never", NULL), 0) : 0;
    double n = number_at(h, "count", NULL) + never;
    char column[64];
    if (n < 1 || !pairs)
        return (struct compare_value){0};
    struct compare_value made = {.measured = true, .of = {never, n}};
    made.value = value_of_rank(pairs, fmax(1, ceil(nextafter(statistic->q, 0) * n)));
    made.least =
        fmax(LEAST_MS, number_at(path(source->result, "generator", "loop_lag_ms"), "p99", NULL));
    if (from->in_a_burst)
        take_as_one(&made, h);
    else
        find_range(&made, pairs, statistic->q);
    if (from->column) {
        snprintf(column, sizeof(column), "%s_%s_ms", from->column, statistic->name);
        widen_by_seconds(&made, path(source->result, "series", column));
    }
    return made;
}

/* How far a total of the series strays by the differences of single seconds. */
static double spread_of(json_t *result, const char *name)
{
    json_t *column = path(result, "series", name);
    double before = 0, sum = 0, squares = 0, n = (double)json_array_size(column);
    for (size_t i = 0; i < json_array_size(column); i++) {
        double total = json_number_value(json_array_get(column, i));
        sum += total - before;
        squares += (total - before) * (total - before);
        before = total;
    }
    double variance = n > 1 ? (squares - sum * sum / n) / (n - 1) : 0;
    return Z * sqrt(fmax(variance, 0) * n);
}

/* Wilson's range of a share. */
static struct compare_value ratio(double part, double whole)
{
    if (whole < 1)
        return (struct compare_value){0};
    double p = fmin(fmax(part / whole, 0), 1), zz = Z * Z / whole;
    double middle = (p + zz / 2) / (1 + zz);
    double off = Z / (1 + zz) * sqrt(p * (1 - p) / whole + zz / whole / 4);
    return (struct compare_value){.measured = true,
                                  .value = p,
                                  .low = fmax(middle - off, 0),
                                  .high = fmin(middle + off, 1),
                                  .least = LEAST_RATIO};
}

/* Of sessions. */
static struct compare_value share(double part, double whole)
{
    struct compare_value value = ratio(part, whole);
    value.of = (struct proportion){fmin(fmax(part, 0), whole), whole};
    return value;
}

/* A share whose parts, a total of the series, come in bursts. */
static struct compare_value ratio_in_bursts(json_t *result, double part, double whole,
                                            const char *column)
{
    struct compare_value value = ratio(part, whole);
    if (value.measured) {
        double off = spread_of(result, column) / whole;
        value.low = fmax(fmin(value.low, value.value - off), 0);
        value.high = fmin(fmax(value.high, value.value + off), 1);
    }
    return value;
}

static struct compare_value loss_ratio(const struct source *source)
{
    return ratio_in_bursts(source->result, number_at(source->result, "rtp", "lost"),
                           number_at(source->result, "rtp", "expected"), "lost");
}

static struct compare_value published_dropped_ratio(const struct source *source)
{
    double dropped = number_at(source->result, "published", "dropped");
    double due = number_at(source->result, "published", "packets") + dropped;
    return ratio_in_bursts(source->result, dropped, due, "publish_dropped");
}

static double sessions(const struct source *source, const char *name)
{
    return number_at(source->result, "sessions", name);
}

static struct compare_value failed_ratio(const struct source *source)
{
    double unanswered = source->cut_off ? sessions(source, "unanswered") : 0;
    return share(sessions(source, "failed") + unanswered, sessions(source, "started"));
}

static struct compare_value unanswered_ratio(const struct source *source)
{
    if (!source->cut_off)
        return (struct compare_value){0};
    return share(sessions(source, "unanswered"), sessions(source, "started"));
}

static struct compare_value no_media_ratio(const struct source *source)
{
    double silent = sessions(source, "no_media");
    if (!source->cut_off || !path(source->result, "sessions", "readers_with_media"))
        return (struct compare_value){0};
    return share(silent, sessions(source, "readers_with_media") + silent);
}

static struct compare_value dropped_ratio(const struct source *source)
{
    return share(sessions(source, "dropped"), sessions(source, "established"));
}

/* Without video nothing can stall. */
static struct compare_value stalled_ratio(const struct source *source)
{
    json_t *panel = json_object_get(source->result, "panel");
    double seen = number_at(panel, "frames", "complete") + number_at(panel, "frames", "damaged") +
                  number_at(panel, "frames", "suspect") + number_at(panel, "freezes", NULL) +
                  number_at(panel, "stalls", NULL);
    if (seen < 1)
        return (struct compare_value){0};
    return share(number_at(panel, "stalled_sessions", NULL), number_at(panel, "sessions", NULL));
}

static struct compare_value teardown_unanswered_ratio(const struct source *source)
{
    json_t *teardown = path(source->result, "latency_ms", "teardown");
    double never = number_at(teardown, "never", NULL);
    if (!source->cut_off)
        return (struct compare_value){0};
    return share(never, number_at(teardown, "count", NULL) + never);
}

static double packets_until(json_t *series, size_t i)
{
    json_t *received = json_object_get(series, "packets");
    json_t *published = json_object_get(series, "published");
    return json_number_value(json_array_get(received, i)) +
           json_number_value(json_array_get(published, i));
}

/* Packets a second and session, received and published, of the middle second; ranges over 8 of 10
   seconds. */
static struct compare_value packet_rate(const struct source *source)
{
    json_t *series = json_object_get(source->result, "series");
    json_t *times = json_object_get(series, "t_s"), *active = json_object_get(series, "active");
    json_t *rates = json_array();
    for (size_t i = 1; i < json_array_size(times); i++) {
        double span = json_number_value(json_array_get(times, i)) -
                      json_number_value(json_array_get(times, i - 1));
        double packets = packets_until(series, i) - packets_until(series, i - 1);
        json_t *now = json_array_get(active, i);
        bool steady = json_equal(now, json_array_get(active, i - 1)) && json_number_value(now) > 0;
        if (steady && span > 0.5)
            json_array_append_new(rates, json_real(packets / span / json_number_value(now)));
    }
    struct compare_value value = {.low = INFINITY, .high = -INFINITY};
    value.measured = json_array_size(rates) >= LEAST_SECONDS;
    widen_by_seconds(&value, rates);
    value.value = (value.low + value.high) / 2;
    json_decref(rates);
    return value;
}

static struct compare_row *new_row(struct compare *compare, enum compare_unit unit)
{
    assert(compare->row_count < COMPARE_ROWS);
    struct compare_row *row = &compare->rows[compare->row_count++];
    *row = (struct compare_row){.unit = unit};
    return row;
}

/* One that no run has is left out. */
static void keep_if_any(struct compare *compare)
{
    const struct compare_row *row = &compare->rows[compare->row_count - 1];
    bool any = false;
    for (uint32_t i = 1; i < compare->run_count; i++)
        any |= row->base[i].measured || row->of[i].measured;
    compare->row_count -= !any;
}

static void add_distribution(struct compare *compare, const struct sources *sources,
                             const struct distribution *from)
{
    static const struct statistic statistics[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};
    for (size_t k = 0; k < sizeof(statistics) / sizeof(statistics[0]); k++) {
        struct compare_row *row = new_row(compare, COMPARE_MS);
        snprintf(row->name, sizeof(row->name), "%s.%s", from->name, statistics[k].name);
        row->needed = from->in_a_burst ? 1 : (uint32_t)needed_for(statistics[k].q);
        for (uint32_t i = 1; i < compare->run_count; i++) {
            row->base[i] = percentile(&sources->base[i], from, &statistics[k]);
            row->of[i] = percentile(&sources->of[i], from, &statistics[k]);
        }
        keep_if_any(compare);
    }
}

static void add_distributions(struct compare *compare, const struct sources *sources)
{
    static const struct distribution others[] = {
        {"jitter", "rtp", "jitter_ms", "jitter", "jitter", false},
        {"latency", "panel", "latency_ms", "panel_latency", "latency", false},
        {"published.late_ms", "published", "late_ms", "publish_late", "publish_late", false},
    };
    for (unsigned i = 0; i < LATENCY_METRICS; i++) {
        const char *name = latency_name(i);
        const struct distribution from = {name,
                                          "latency_ms",
                                          name,
                                          name,
                                          i == METRIC_STARTUP ? "startup" : NULL,
                                          i == METRIC_TEARDOWN};
        add_distribution(compare, sources, &from);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        add_distribution(compare, sources, &others[i]);
}

struct single {
    const char *name;
    struct compare_value (*get)(const struct source *source);
    enum compare_unit unit;
};

static void add_single(struct compare *compare, const struct sources *sources,
                       const struct single *single)
{
    struct compare_row *row = new_row(compare, single->unit);
    snprintf(row->name, sizeof(row->name), "%s", single->name);
    row->more_is_better = single->unit == COMPARE_RATE;
    row->needed = single->unit == COMPARE_SHARE ? LEAST_SESSIONS : 1;
    for (uint32_t i = 1; i < compare->run_count; i++) {
        row->base[i] = single->get(&sources->base[i]);
        row->of[i] = single->get(&sources->of[i]);
    }
    keep_if_any(compare);
}

static void add_shares(struct compare *compare, const struct sources *sources)
{
    static const struct single shares[] = {
        {"failed_ratio", failed_ratio, COMPARE_SHARE},
        {"unanswered_ratio", unanswered_ratio, COMPARE_SHARE},
        {"no_media_ratio", no_media_ratio, COMPARE_SHARE},
        {"dropped_ratio", dropped_ratio, COMPARE_SHARE},
        {"stalled_ratio", stalled_ratio, COMPARE_SHARE},
        {"teardown_unanswered_ratio", teardown_unanswered_ratio, COMPARE_SHARE},
    };
    for (size_t k = 0; k < sizeof(shares) / sizeof(shares[0]); k++)
        add_single(compare, sources, &shares[k]);
}

static void add_others(struct compare *compare, const struct sources *sources)
{
    static const struct single others[] = {
        {"loss_ratio", loss_ratio, COMPARE_RATIO},
        {"published.dropped_ratio", published_dropped_ratio, COMPARE_RATIO},
        {"packets_per_session_s", packet_rate, COMPARE_RATE},
    };
    for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
        add_single(compare, sources, &others[k]);
}

/* Since sessions that are cut off are counted, every result has the key. */
static bool is_older(json_t *result)
{
    json_t *counts = json_object_get(result, "sessions");
    return counts && !json_object_get(counts, "unanswered");
}

/* Older results don't say, and are final. */
static bool is_running(const json_t *result)
{
    const char *state = json_string_value(json_object_get(result, "state"));
    return state && strcmp(state, "running") == 0;
}

/* As one line: who can make a result could write anything into it. */
static void take_headline(char to[COMPARE_HEADLINE], json_t *result)
{
    const char *headline = json_string_value(json_object_get(result, "headline"));
    struct text text = text_init(to, COMPARE_HEADLINE);
    text_add_printable(&text, slice_from_string(headline ? headline : ""));
    text_string(&text);
}

static const char *why_unfit(json_t *result)
{
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    if (is_running(result))
        return "the run didn't finish";
    if (json_array_size(path(result, "generator", "limits")) > 0)
        return "the generator was the limit";
    return verdict && strcmp(verdict, "invalid") == 0 ? "the run is invalid" : NULL;
}

void compare_make(struct compare *compare, json_t *const *results, const char *const *names,
                  uint32_t count)
{
    struct sources sources;
    assert(count >= 2 && count <= COMPARE_RUNS);
    *compare = (struct compare){.run_count = count};
    for (uint32_t i = 0; i < count; i++) {
        compare->names[i] = names[i];
        take_headline(compare->headlines[i], results[i]);
        compare->unfit[i] = why_unfit(results[i]);
        compare->limited[i] = json_array_size(path(results[i], "generator", "limits")) > 0;
        compare->by_hand[i] =
            json_integer_value(path(results[i], "by_hand", "target_changes")) > 0 ||
            json_integer_value(path(results[i], "by_hand", "pauses")) > 0;
        compare->unfinished[i] = is_running(results[i]);
        compare->older[i] = is_older(results[i]);
        bool cut_off = !compare->older[0] && !compare->older[i];
        sources.base[i] = (struct source){results[0], cut_off};
        sources.of[i] = (struct source){results[i], cut_off};
    }
    add_shares(compare, &sources);
    add_distributions(compare, &sources);
    add_others(compare, &sources);
}

static bool is_difference(enum compare_unit unit)
{
    return unit == COMPARE_RATIO || unit == COMPARE_SHARE;
}

double compare_change(const struct compare_row *row, uint32_t run)
{
    double base = row->base[run].value, now = row->of[run].value;
    if (now == base)
        return 0; /* both may be never */
    if (isinf(base) || isinf(now))
        return isinf(now) ? INFINITY : -INFINITY;
    if (is_difference(row->unit))
        return now - base;
    return base > 0 ? (now - base) / base : INFINITY;
}

/* Whether the difference is large enough to matter, and to be the server's. */
static bool matters(const struct compare_row *row, uint32_t run)
{
    const struct compare_value *base = &row->base[run], *now = &row->of[run];
    double off = fabs(now->value - base->value);
    return off > LEAST_SHARE * base->value && off > base->least && off > now->least;
}

static enum compare_mark mark_by_range(const struct compare_row *row, uint32_t run)
{
    const struct compare_value *base = &row->base[run], *now = &row->of[run];
    bool above = now->low > base->high, below = now->high < base->low;
    if (!matters(row, run))
        return COMPARE_NOISE;
    if (!above && !below)
        return (now->value > base->value ? base->few : now->few) ? COMPARE_TOO_FEW : COMPARE_NOISE;
    return above == row->more_is_better ? COMPARE_BETTER : COMPARE_WORSE;
}

/* The same of sessions. Of a share over a half it goes by the rest: from 98 % failed to 100 %
 * matters.
 */
static bool share_matters(struct proportion base, struct proportion now)
{
    double from = proportion_share(base), off = fabs(proportion_share(now) - from);
    return off > LEAST_RATIO && off > LEAST_SHARE * fmin(from, 1 - from);
}

static enum compare_mark mark_of_share(struct proportion base, struct proportion now)
{
    if (!share_matters(base, now))
        return COMPARE_NOISE;
    if (proportion_is_greater(base, now))
        return COMPARE_WORSE;
    if (proportion_is_greater(now, base))
        return COMPARE_BETTER;
    return proportion_can_tell(base.whole, now.whole) ? COMPARE_NOISE : COMPARE_TOO_FEW;
}

/* What follows from how many never got there, before anything that was measured. False: nothing. */
static bool mark_by_never(const struct compare_row *row, uint32_t run, enum compare_mark *mark)
{
    const struct compare_value *base = &row->base[run], *now = &row->of[run];
    enum compare_mark never = mark_of_share(base->of, now->of);
    bool worse = never == COMPARE_WORSE && isinf(now->value);
    bool better = never == COMPARE_BETTER && isinf(base->value) && !isinf(now->value);
    bool survivors = never == COMPARE_WORSE && mark_by_range(row, run) == COMPARE_BETTER;
    *mark = worse ? COMPARE_WORSE : better ? COMPARE_BETTER : COMPARE_NOISE;
    return worse || better || survivors;
}

static bool is_measured(const struct compare_row *row, uint32_t run)
{
    return row->base[run].measured && row->of[run].measured;
}

bool compare_is_by_never(const struct compare_row *row, uint32_t run)
{
    enum compare_mark mark;
    return row->unit == COMPARE_MS && is_measured(row, run) && mark_by_never(row, run, &mark);
}

enum compare_mark compare_mark(const struct compare_row *row, uint32_t run)
{
    enum compare_mark mark;
    if (!is_measured(row, run))
        return COMPARE_UNMEASURED;
    if (row->unit == COMPARE_SHARE)
        return mark_of_share(row->base[run].of, row->of[run].of);
    if (row->unit == COMPARE_MS && mark_by_never(row, run, &mark))
        return mark;
    return mark_by_range(row, run);
}

const char *compare_mark_name(enum compare_mark mark)
{
    static const char *const names[] = {"noise", "better", "worse", "too few", "unmeasured"};
    return names[mark];
}
