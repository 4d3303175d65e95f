/* a_comparison.h - results made by hand, and their comparison. */
#pragma once

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "view/compare.h"

static struct compare compare;
static const char *const names[] = {"base", "new"};

/* A result with so many describes of ms[i] milliseconds, and the rest as given. */
static inline json_t *result(const double *ms, const int *counts, size_t n, const char *rest)
{
    json_t *made = json_loads(rest, 0, NULL), *pairs = json_array();
    int count = 0;
    assert_non_null(made);
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(pairs, json_integer((json_int_t)(ms[i] * 1000)));
        json_array_append_new(pairs, json_integer(counts[i]));
        count += counts[i];
    }
    json_object_set_new(made, "latency_ms", json_pack("{s{si}}", "describe", "count", count));
    json_object_set_new(made, "histograms", json_pack("{so}", "describe", pairs));
    return made;
}

static inline void make(json_t *base, json_t *now)
{
    json_t *results[] = {base, now};
    compare_make(&compare, results, names, 2);
    json_decref(base);
    json_decref(now);
}

static inline const struct compare_row *row(const char *name)
{
    for (uint32_t i = 0; i < compare.row_count; i++) {
        if (strcmp(compare.rows[i].name, name) == 0)
            return &compare.rows[i];
    }
    fail_msg("no row %s", name);
    return NULL;
}

/* Sessions that something befell, of so many that it could have. */
struct befell {
    int part, whole;
};

/* A result that has such a share, and nothing else. */
static inline json_t *result_with(const char *share, struct befell of)
{
    int part = of.part, whole = of.whole;
    if (strcmp(share, "failed_ratio") == 0)
        return json_pack("{s{si si si}}", "sessions", "started", whole, "failed", part,
                         "unanswered", 0);
    if (strcmp(share, "unanswered_ratio") == 0)
        return json_pack("{s{si si si}}", "sessions", "started", whole, "failed", 0, "unanswered",
                         part);
    if (strcmp(share, "no_media_ratio") == 0)
        return json_pack("{s{si si si}}", "sessions", "unanswered", 0, "no_media", part,
                         "readers_with_media", whole - part);
    if (strcmp(share, "dropped_ratio") == 0)
        return json_pack("{s{si si si}}", "sessions", "unanswered", 0, "established", whole,
                         "dropped", part);
    if (strcmp(share, "stalled_ratio") == 0)
        return json_pack("{s{si} s{si si s{si}}}", "sessions", "unanswered", 0, "panel", "sessions",
                         whole, "stalled_sessions", part, "frames", "complete", 9);
    return json_pack("{s{si} s{s{si si}}}", "sessions", "unanswered", 0, "latency_ms", "teardown",
                     "count", whole - part, "never", part);
}

/* So many DESCRIBEs that all took so long, and so many that never had an answer. */
struct describes {
    double ms;
    int count, never;
};

static inline json_t *described(struct describes of)
{
    return json_pack("{s{si} s{s{si si}} s{s[i, i]}}", "sessions", "unanswered", 0, "latency_ms",
                     "describe", "count", of.count, "never", of.never, "histograms", "describe",
                     (int)(of.ms * 1000), of.count);
}
