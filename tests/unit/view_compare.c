#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "view/compare.h"
#include "view/compare_write.h"

static struct compare compare;
static const char *const names[] = {"base", "new"};

/* A result with so many describes of ms[i] milliseconds, and the rest as given. */
static json_t *result(const double *ms, const int *counts, size_t n, const char *rest)
{
    json_t *made = json_loads(rest, 0, NULL), *pairs = json_array();
    int count = 0;
    assert_non_null(made);
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(pairs, json_integer((json_int_t)(ms[i] * 1000)));
        json_array_append_new(pairs, json_integer(counts[i]));
        count += counts[i];
    }
    json_object_set_new(made, "latency_ms",
                        json_pack("{s{si sf sf sf}}", "describe", "count", count, "p50", ms[0],
                                  "p95", ms[n - 1], "p99", ms[n - 1]));
    json_object_set_new(made, "histograms", json_pack("{so}", "describe", pairs));
    return made;
}

static void make(json_t *base, json_t *now)
{
    json_t *results[] = {base, now};
    compare_make(&compare, results, names, 2);
    json_decref(base);
    json_decref(now);
}

static const struct compare_row *row(const char *name)
{
    for (uint32_t i = 0; i < compare.row_count; i++) {
        if (strcmp(compare.rows[i].name, name) == 0)
            return &compare.rows[i];
    }
    fail_msg("no row %s", name);
    return NULL;
}

/* 100 values 1 to 100 ms: the median's 99 % range is 50 +- 2.576 * 5 ranks, so 37 to 64. */
static void test_range_of_a_median(void **state)
{
    double ms[100];
    int ones[100];
    for (int i = 0; i < 100; i++) {
        ms[i] = i + 1;
        ones[i] = 1;
    }
    make(result(ms, ones, 100, "{}"), result(ms, ones, 100, "{}"));
    struct compare_value value = row("describe.p50")->base[1];
    assert_true(value.value == 50);
    assert_true(value.low == 37);
    assert_true(value.high == 64);
    /* p95: not even the 100th is beyond 95 + 5.6 + 1, but 0.95^100 = 0.6 % is over 0.5 % */
    assert_true(isinf(row("describe.p95")->base[1].high));
}

static void test_greatest_is_a_bound(void **state)
{
    static const double ms[] = {1, 2};
    static const int enough[] = {100, 10}, few[] = {40, 4};
    make(result(ms, enough, 2, "{}"), result(ms, few, 2, "{}"));
    assert_true(row("describe.p95")->base[1].high == 2); /* 0.95^110 = 0.35 % */
    assert_true(isinf(row("describe.p95")->of[1].high));
    assert_true(isinf(row("describe.p99")->base[1].high));
}

static void test_marks(void **state)
{
    static const struct {
        double base, now;
        int count;
        enum compare_mark p50, p99;
    } rows[] = {
        {1, 6, 100, COMPARE_WORSE, COMPARE_TOO_FEW},
        {6, 1, 100, COMPARE_BETTER, COMPARE_TOO_FEW},
        {1, 6, 1000, COMPARE_WORSE, COMPARE_WORSE},
        {6, 1, 1000, COMPARE_BETTER, COMPARE_BETTER},
        {1, 1.4, 1000, COMPARE_NOISE, COMPARE_NOISE},   /* under 0.5 ms */
        {100, 104, 1000, COMPARE_NOISE, COMPARE_NOISE}, /* under 5 % */
        {100, 106, 1000, COMPARE_WORSE, COMPARE_WORSE},
        {1, 6, 3, COMPARE_TOO_FEW, COMPARE_TOO_FEW},
        {7, 7, 3, COMPARE_NOISE, COMPARE_NOISE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make(result(&rows[i].base, &rows[i].count, 1, "{}"),
             result(&rows[i].now, &rows[i].count, 1, "{}"));
        assert_int_equal(compare_mark(row("describe.p50"), 1), rows[i].p50);
        assert_int_equal(compare_mark(row("describe.p99"), 1), rows[i].p99);
    }
}

/* What the generator was late by is not the server's. */
static void test_lag_is_no_change(void **state)
{
    static const double ms[] = {1, 6};
    static const int count = 1000;
    static const char late[] = "{\"generator\": {\"loop_lag_ms\": {\"p99\": 5.5}}}";
    make(result(&ms[0], &count, 1, late), result(&ms[1], &count, 1, "{}"));
    assert_int_equal(compare_mark(row("describe.p50"), 1), COMPARE_NOISE);
    make(result(&ms[0], &count, 1, "{}"), result(&ms[1], &count, 1, late));
    assert_int_equal(compare_mark(row("describe.p50"), 1), COMPARE_NOISE);
}

static void test_unmeasured(void **state)
{
    static const double ms = 1;
    static const int count = 100;
    make(result(&ms, &count, 1, "{}"), json_object());
    assert_int_equal(compare_mark(row("describe.p50"), 1), COMPARE_UNMEASURED);
}

/* Sessions that something befell, of so many that it could have. */
struct befell {
    int part, whole;
};

/* A result that has such a share, and nothing else. */
static json_t *result_with(const char *share, struct befell of)
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

static const char *const shares[] = {"failed_ratio",   "unanswered_ratio",
                                     "no_media_ratio", "dropped_ratio",
                                     "stalled_ratio",  "teardown_unanswered_ratio"};

/* All k sessions of one of two large runs of one size come out so by chance 1 time in 2^k. So it is
   sure at 8 (0.4 %), not yet at 7 (0.8 %). */
static void test_shares(void **state)
{
    static const struct {
        struct befell base, now;
        enum compare_mark mark;
    } rows[] = {
        {{0, 20}, {10, 20}, COMPARE_WORSE},
        {{0, 1000}, {500, 1000}, COMPARE_WORSE},
        {{500, 1000}, {0, 1000}, COMPARE_BETTER},
        {{0, 20}, {0, 20}, COMPARE_NOISE},
        {{3, 20}, {3, 20}, COMPARE_NOISE},
        {{0, 1000}, {1, 1000}, COMPARE_NOISE},
        {{0, 1000}, {7, 1000}, COMPARE_NOISE},
        {{0, 1000}, {8, 1000}, COMPARE_WORSE},
        {{0, 4}, {4, 4}, COMPARE_TOO_FEW},             /* 1 of 70 */
        {{0, 5}, {5, 5}, COMPARE_WORSE},               /* 1 of 252 */
        {{0, 1000000}, {400, 1000000}, COMPARE_NOISE}, /* under 0.05 points */
        {{0, 1000000}, {600, 1000000}, COMPARE_WORSE},
        {{500000, 1000000}, {510000, 1000000}, COMPARE_NOISE}, /* under 5 % */
        {{980000, 1000000}, {1000000, 1000000}, COMPARE_WORSE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t k = 0; k < sizeof(shares) / sizeof(shares[0]); k++) {
            make(result_with(shares[k], rows[i].base), result_with(shares[k], rows[i].now));
            assert_int_equal(compare_mark(row(shares[k]), 1), rows[i].mark);
            double change = (double)rows[i].now.part / rows[i].now.whole -
                            (double)rows[i].base.part / rows[i].base.whole;
            assert_true(fabs(compare_change(row(shares[k]), 1) - change) < 1e-9);
        }
    }
}

/* They are failures, too. */
static void test_unanswered_have_failed(void **state)
{
    make(result_with("unanswered_ratio", (struct befell){0, 20}),
         result_with("unanswered_ratio", (struct befell){10, 20}));
    assert_int_equal(compare_mark(row("failed_ratio"), 1), COMPARE_WORSE);
    assert_true(row("failed_ratio")->of[1].value == 0.5);
}

/* Without video nothing stalled, and nothing could have. */
static void test_no_video_is_unmeasured(void **state)
{
    json_t *silent = json_pack("{s{si si}}", "panel", "sessions", 20, "stalled_sessions", 0);
    make(result_with("stalled_ratio", (struct befell){10, 20}), silent);
    assert_int_equal(compare_mark(row("stalled_ratio"), 1), COMPARE_UNMEASURED);
}

/* So many DESCRIBEs that all took so long, and so many that never had an answer. */
struct describes {
    double ms;
    int count, never;
};

static json_t *described(struct describes of)
{
    return json_pack("{s{si} s{s{si si}} s{s[i, i]}}", "sessions", "unanswered", 0, "latency_ms",
                     "describe", "count", of.count, "never", of.never, "histograms", "describe",
                     (int)(of.ms * 1000), of.count);
}

/* The rank of a percentile is among all who should have got there: of 20 with 10 that never did,
   the median is the 10th, measured; the 19th, p95, is never. */
static void test_never(void **state)
{
    static const struct {
        struct describes base, now;
        enum compare_mark p50, p95;
        bool p50_by_never, p95_by_never;
    } rows[] = {
        {{10, 20, 0}, {10, 10, 10}, COMPARE_NOISE, COMPARE_WORSE, false, true},
        /* those who got through were faster, as the others left them alone */
        {{10, 1000, 0}, {5, 700, 300}, COMPARE_NOISE, COMPARE_WORSE, true, true},
        {{10, 1000, 0}, {5, 960, 40}, COMPARE_NOISE, COMPARE_NOISE, true, false},
        {{10, 1000, 0}, {5, 999, 1}, COMPARE_BETTER, COMPARE_BETTER, false, false},
        {{10, 1000, 0}, {5, 993, 7}, COMPARE_BETTER, COMPARE_BETTER, false, false},
        {{10, 1000000, 0}, {5, 999600, 400}, COMPARE_BETTER, COMPARE_BETTER, false, false},
        {{10, 1000000, 0}, {5, 999400, 600}, COMPARE_NOISE, COMPARE_NOISE, true, true},
        {{10, 700, 300}, {5, 700, 300}, COMPARE_BETTER, COMPARE_NOISE, false, false},
        {{10, 1000, 0}, {20, 700, 300}, COMPARE_WORSE, COMPARE_WORSE, false, true},
        {{10, 700, 300}, {10, 1000, 0}, COMPARE_NOISE, COMPARE_BETTER, false, true},
        {{10, 900, 100}, {10, 300, 700}, COMPARE_WORSE, COMPARE_WORSE, true, true},
        {{10, 300, 700}, {10, 900, 100}, COMPARE_BETTER, COMPARE_NOISE, true, false},
        {{10, 20, 0}, {0, 0, 20}, COMPARE_WORSE, COMPARE_WORSE, true, true},
        {{10, 3, 0}, {0, 0, 3}, COMPARE_TOO_FEW, COMPARE_TOO_FEW, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make(described(rows[i].base), described(rows[i].now));
        assert_int_equal(compare_mark(row("describe.p50"), 1), rows[i].p50);
        assert_int_equal(compare_mark(row("describe.p95"), 1), rows[i].p95);
        assert_int_equal(compare_is_by_never(row("describe.p50"), 1), rows[i].p50_by_never);
        assert_int_equal(compare_is_by_never(row("describe.p95"), 1), rows[i].p95_by_never);
    }
}

/* Infinitely slow is beyond every tolerance, also where it had been so before but for fewer. */
static void test_never_is_beyond(void **state)
{
    static const struct {
        struct describes base, now;
        bool within;
    } rows[] = {
        {{10, 1000, 0}, {10, 700, 300}, false},
        {{10, 900, 100}, {10, 300, 700}, false},
        {{10, 700, 300}, {10, 700, 300}, true},
        {{10, 700, 300}, {10, 1000, 0}, true},
    };
    struct compare_tolerance tolerance;
    struct text expected = text_init(NULL, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make(described(rows[i].base), described(rows[i].now));
        assert_true(compare_tolerance_parse(&compare, "describe.p95=900%", &tolerance, &expected));
        assert_int_equal(compare_within(&tolerance, 1), rows[i].within);
    }
}

static char *written;

static char *write_by(void (*write)(const struct compare_report *report, FILE *to))
{
    size_t len;
    free(written);
    FILE *memory = open_memstream(&written, &len);
    write(&(struct compare_report){.compare = &compare}, memory);
    fclose(memory);
    return written;
}

/* The text up to a line's end, after so many of them. */
static const char *line(unsigned before)
{
    char *start = write_by(compare_write_text);
    for (unsigned i = 0; i < before; i++)
        start = strchr(start, '\n') + 1;
    start[strcspn(start, "\n")] = '\0';
    return start;
}

/* Results of versions that don't say are final. */
static void test_unfinished(void **state)
{
    static const char final[] = "{\"state\": \"final\"}", running[] = "{\"state\": \"running\"}";
    make(json_object(), json_loads(final, 0, NULL));
    assert_string_equal(line(0), "new against base: noise everywhere");
    make(json_object(), json_loads(running, 0, NULL));
    assert_string_equal(line(0),
                        "new against base: noise everywhere (but new is of an unfinished run)");
    make(json_loads(running, 0, NULL), json_object());
    assert_string_equal(line(0),
                        "new against base: noise everywhere (but base is of an unfinished run)");
}

static void test_never_is_said(void **state)
{
    make(described((struct describes){10, 20, 0}), described((struct describes){10, 10, 10}));
    assert_string_equal(line(0), "new against base: worse: describe.p95, describe.p99");
    assert_string_equal(line(3), "describe.p50               10.0 ms     10.0 ms"
                                 "          +0.0 %  noise");
    assert_string_equal(line(4), "describe.p95               10.0 ms       never        to never  "
                                 "worse: 10 of 20 never got there, of the base 0 of 20");
    json_t *json = compare_to_json(&(struct compare_report){.compare = &compare});
    json_t *rows = json_object_get(json_array_get(json_object_get(json, "runs"), 0), "rows");
    json_t *p95 = json_array_get(rows, 1), *now = json_object_get(p95, "new");
    assert_string_equal(json_string_value(json_object_get(p95, "name")), "describe.p95");
    assert_true(json_is_null(json_object_get(now, "value")));
    assert_true(json_is_true(json_object_get(now, "never")));
    assert_true(json_is_null(json_object_get(p95, "change")));
    assert_string_equal(json_string_value(json_object_get(p95, "why")),
                        "10 of 20 never got there, of the base 0 of 20");
    json_decref(json);
    make(described((struct describes){10, 10, 10}), described((struct describes){10, 20, 0}));
    assert_string_equal(line(4), "describe.p95                 never     10.0 ms      from never  "
                                 "better: 0 of 20 never got there, of the base 10 of 20");
    make(described((struct describes){10, 1000, 0}), described((struct describes){5, 700, 300}));
    assert_string_equal(line(3), "describe.p50               10.0 ms     5.00 ms           -50 %  "
                                 "noise: 300 of 1,000 never got there, of the base 0 of 1,000");
}

/* What each run says of itself comes first. An older result says nothing. */
static void test_headlines(void **state)
{
    static const char fails[] =
        "{\"headline\": \"FAIL  10 of 20 sessions, 10 unanswered; missed `a<1`\"}";
    static const char passes[] = "{\"headline\": \"PASS  20 of 20\\u001b[m\\nsessions\"}";
    make(json_loads(passes, 0, NULL), json_loads(fails, 0, NULL));
    assert_string_equal(line(0), "base: PASS  20 of 20\\x1b[m\\nsessions");
    assert_string_equal(line(1), "new: FAIL  10 of 20 sessions, 10 unanswered; missed `a<1`");
    assert_string_equal(line(2), "");
    assert_string_equal(line(3), "new against base: noise everywhere");
    static const char markdown[] =
        "- `base`: `PASS  20 of 20\\x1b[m\\nsessions`\n"
        "- `new`: `FAIL  10 of 20 sessions, 10 unanswered; missed 'a<1'`\n\n"
        "**`new` against `base`**: ";
    assert_memory_equal(write_by(compare_write_markdown), markdown, strlen(markdown));
    make(json_object(), json_loads(fails, 0, NULL));
    assert_string_equal(line(0), "new: FAIL  10 of 20 sessions, 10 unanswered; missed `a<1`");
    json_t *json = compare_to_json(&(struct compare_report){.compare = &compare});
    json_t *run = json_array_get(json_object_get(json, "runs"), 0);
    assert_true(json_is_null(json_object_get(json, "base_headline")));
    assert_string_equal(json_string_value(json_object_get(run, "headline")),
                        "FAIL  10 of 20 sessions, 10 unanswered; missed `a<1`");
    json_decref(json);
}

static void test_headlines_of_a_page(void **state)
{
    static const char fails[] = "{\"headline\": \"FAIL  missed a<1\"}";
    static const char expected[] = "<h1>Comparison with base</h1>\n<ul>\n"
                                   "<li><b>new</b>: FAIL  missed a&#60;1</li>\n</ul>\n<h2>";
    char path[] = "/tmp/rtspbench-compare-XXXXXX", page[8192];
    int made = mkstemp(path);
    assert_int_not_equal(made, -1);
    close(made);
    make(json_object(), json_loads(fails, 0, NULL));
    assert_int_equal(compare_write_html(&(struct compare_report){.compare = &compare}, path), 0);
    FILE *file = fopen(path, "r");
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    fclose(file);
    unlink(path);
    assert_non_null(strstr(page, expected));
}

/* What an older result called failed is held against the same of a newer one; its "never" meant
   something else. */
static void test_older(void **state)
{
    static const char older[] =
        "{\"sessions\": {\"started\": 20, \"failed\": 1, \"cancelled\": 10, \"no_media\": 5},"
        " \"latency_ms\": {\"teardown\": {\"count\": 9, \"never\": 11}}}";
    static const char newer[] =
        "{\"sessions\": {\"started\": 20, \"failed\": 1, \"unanswered\": 10, \"no_media\": 5, "
        "\"readers_with_media\": 4}, \"latency_ms\": {\"teardown\": {\"count\": 4, \"never\": 5}}}";
    json_t *results[] = {json_loads(newer, 0, NULL), json_loads(older, 0, NULL),
                         json_loads(newer, 0, NULL)};
    static const char *const three[] = {"base", "old", "new"};
    compare_make(&compare, results, three, 3);
    assert_true(row("failed_ratio")->base[1].value == 0.05);
    assert_true(row("failed_ratio")->of[1].value == 0.05);
    assert_true(row("failed_ratio")->base[2].value == 0.55);
    assert_int_equal(compare_mark(row("unanswered_ratio"), 1), COMPARE_UNMEASURED);
    assert_int_equal(compare_mark(row("no_media_ratio"), 1), COMPARE_UNMEASURED);
    assert_int_equal(compare_mark(row("teardown_unanswered_ratio"), 1), COMPARE_UNMEASURED);
    assert_int_equal(compare_mark(row("no_media_ratio"), 2), COMPARE_NOISE);
    assert_string_equal(line(0), "old against base: noise everywhere (old is older: cut-off "
                                 "sessions weren't counted then)");
    compare_make(&compare, (json_t *[]){results[1], results[0]}, names, 2);
    assert_string_equal(line(0), "new against base: noise everywhere (base is older: cut-off "
                                 "sessions weren't counted then)");
    compare_make(&compare, (json_t *[]){results[1], results[1]}, names, 2);
    assert_string_equal(line(0), "new against base: noise everywhere (both are older: cut-off "
                                 "sessions weren't counted then)");
    compare_make(&compare, (json_t *[]){results[0], results[2]}, names, 2);
    assert_string_equal(line(0), "new against base: noise everywhere");
    for (size_t i = 0; i < 3; i++)
        json_decref(results[i]);
}

/* Wilson, z 2.576: (0.1 + 0.03318 -+ 2.576 * sqrt(0.0009 + 0.000166)) / 1.06636 */
static void test_ratio(void **state)
{
    static const double ms = 1;
    static const int count = 100;
    make(result(&ms, &count, 1, "{\"sessions\": {\"failed\": 10, \"started\": 100}}"),
         result(&ms, &count, 1, "{\"sessions\": {\"failed\": 40, \"started\": 100}}"));
    struct compare_value value = row("failed_ratio")->base[1];
    assert_true(value.value == 0.1);
    assert_true(fabs(value.low - 0.0460) < 0.0002 && fabs(value.high - 0.2038) < 0.0002);
    assert_int_equal(compare_mark(row("failed_ratio"), 1), COMPARE_WORSE);
    assert_true(fabs(compare_change(row("failed_ratio"), 1) - 0.3) < 1e-9);
}

/* A loss that comes in one burst says little: by shares alone it would be certain. */
static void test_bursts_widen_a_loss(void **state)
{
    static const double ms = 1;
    static const int count = 100;
    static const char calm[] = "{\"rtp\": {\"lost\": 100, \"expected\": 100000}, \"series\": "
                               "{\"lost\": [20, 40, 60, 80, 100]}}";
    static const char burst[] = "{\"rtp\": {\"lost\": 200, \"expected\": 100000}, \"series\": "
                                "{\"lost\": [0, 0, 0, 0, 200]}}";
    static const char steady[] = "{\"rtp\": {\"lost\": 200, \"expected\": 100000}, \"series\": "
                                 "{\"lost\": [40, 80, 120, 160, 200]}}";
    make(result(&ms, &count, 1, calm), result(&ms, &count, 1, burst));
    assert_int_equal(compare_mark(row("loss_ratio"), 1), COMPARE_NOISE);
    make(result(&ms, &count, 1, calm), result(&ms, &count, 1, steady));
    assert_int_equal(compare_mark(row("loss_ratio"), 1), COMPARE_WORSE);
}

/* Of 100,000 packets due each: 100 dropped, and 400, evenly or in one burst. */
static void test_published(void **state)
{
    static const char calm[] =
        "{\"published\": {\"dropped\": 100, \"packets\": 99900}, \"series\": {\"t_s\": [1, 2, 3, "
        "4, 5,"
        " 6], \"active\": [10, 10, 10, 10, 10, 10], \"packets\": [0, 0, 0, 0, 0, 0], \"published\":"
        " [500, 1000, 1500, 2000, 2500, 3000], \"publish_dropped\": [20, 40, 60, 80, 100, 100]}}";
    static const char steady[] =
        "{\"published\": {\"dropped\": 400, \"packets\": 99600}, \"series\": "
        "{\"publish_dropped\": [80, 160, 240, 320, 400]}}";
    static const char burst[] =
        "{\"published\": {\"dropped\": 400, \"packets\": 99600}, \"series\": "
        "{\"publish_dropped\": [0, 0, 0, 0, 400]}}";
    make(json_loads(calm, 0, NULL), json_loads(steady, 0, NULL));
    const struct compare_row *dropped = row("published.dropped_ratio");
    assert_true(fabs(dropped->base[1].value - 0.001) < 1e-9);
    assert_true(fabs(compare_change(dropped, 1) - 0.003) < 1e-9);
    assert_int_equal(compare_mark(dropped, 1), COMPARE_WORSE);
    assert_true(row("packets_per_session_s")->base[1].value == 50);
    make(json_loads(calm, 0, NULL), json_loads(burst, 0, NULL));
    assert_int_equal(compare_mark(row("published.dropped_ratio"), 1), COMPARE_NOISE);
    make(json_loads(calm, 0, NULL), json_object());
    assert_int_equal(compare_mark(row("published.dropped_ratio"), 1), COMPARE_UNMEASURED);
}

/* A result whose 2,000 packets were all written so late, but 2 in 10 seconds 9 ms late. */
static json_t *late_by(double ms)
{
    json_t *seconds = json_array();
    for (int i = 0; i < 10; i++)
        json_array_append_new(seconds, json_real(i < 2 ? 9 : ms));
    return json_pack("{s{s{si sf sf sf}} s{s[i, i]} s{so}}", "published", "late_ms", "count", 2000,
                     "p50", ms, "p95", ms, "p99", ms, "histograms", "publish_late",
                     (int)(ms * 1000), 2000, "series", "publish_late_p50_ms", seconds);
}

/* Packets that are late are so together: single seconds say how far that goes. */
static void test_lateness_goes_by_seconds(void **state)
{
    make(late_by(1), late_by(8));
    assert_int_equal(compare_mark(row("published.late_ms.p50"), 1), COMPARE_NOISE);
    assert_int_equal(compare_mark(row("published.late_ms.p95"), 1), COMPARE_WORSE);
    make(late_by(1), late_by(12));
    assert_int_equal(compare_mark(row("published.late_ms.p50"), 1), COMPARE_NOISE);
    make(late_by(10), late_by(1));
    assert_int_equal(compare_mark(row("published.late_ms.p95"), 1), COMPARE_BETTER);
}

/* 1,000 TEARDOWNs of one burst: what they all took, from the least to the greatest. */
static json_t *teardowns(double least, double greatest)
{
    json_t *pairs =
        json_pack("[i, i, i, i]", (int)(least * 1000), 500, (int)(greatest * 1000), 500);
    return json_pack("{s{s{si sf sf sf sf sf}} s{so}}", "latency_ms", "teardown", "count", 1000,
                     "min", least, "p50", least, "p95", greatest, "p99", greatest, "max", greatest,
                     "histograms", "teardown", pairs);
}

static void test_a_burst_is_one_observation(void **state)
{
    make(teardowns(3, 9), teardowns(1, 4));
    assert_int_equal(compare_mark(row("teardown.p50"), 1), COMPARE_NOISE);
    assert_int_equal(compare_mark(row("teardown.p99"), 1), COMPARE_NOISE);
    make(teardowns(3, 9), teardowns(12, 40));
    assert_int_equal(compare_mark(row("teardown.p50"), 1), COMPARE_WORSE);
}

static void test_tolerances(void **state)
{
    static const struct {
        const char *text;
        bool good, within;
    } rows[] = {
        {"describe.p50=499%", true, false}, {"describe.p50=501%", true, true},
        {"failed_ratio=29%", true, false},  {"failed_ratio=31%", true, true},
        {"describe.p50", false, false},     {"describe.p50=10", false, false},
        {"nothing.p50=10%", false, false},  {"describe.p50=-1%", false, false},
        {"describe.p50=%", false, false},   {"", false, false},
    };
    static const double ms[] = {1, 6};
    static const int count = 100;
    struct compare_tolerance tolerance;
    char room[2048];
    make(result(&ms[0], &count, 1, "{\"sessions\": {\"failed\": 10, \"started\": 100}}"),
         result(&ms[1], &count, 1, "{\"sessions\": {\"failed\": 40, \"started\": 100}}"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text expected = text_init(room, sizeof(room));
        assert_int_equal(compare_tolerance_parse(&compare, rows[i].text, &tolerance, &expected),
                         rows[i].good);
        assert_int_equal(expected.len == 0, rows[i].good);
        if (rows[i].good)
            assert_int_equal(compare_within(&tolerance, 1), rows[i].within);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_of_a_median),
        cmocka_unit_test(test_greatest_is_a_bound),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_lag_is_no_change),
        cmocka_unit_test(test_unmeasured),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_unanswered_have_failed),
        cmocka_unit_test(test_no_video_is_unmeasured),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_never_is_beyond),
        cmocka_unit_test(test_never_is_said),
        cmocka_unit_test(test_headlines),
        cmocka_unit_test(test_headlines_of_a_page),
        cmocka_unit_test(test_older),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_bursts_widen_a_loss),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_lateness_goes_by_seconds),
        cmocka_unit_test(test_a_burst_is_one_observation),
        cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_tolerances),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(written);
    return failed;
}
