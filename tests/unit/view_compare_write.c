#include "a_comparison.h"

#include "view/compare_write.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unfinished),    cmocka_unit_test(test_older),
        cmocka_unit_test(test_headlines),     cmocka_unit_test(test_headlines_of_a_page),
        cmocka_unit_test(test_never_is_said),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(written);
    return failed;
}
