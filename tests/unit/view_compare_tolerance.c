#include "a_comparison.h"

#include "view/compare_tolerance.h"

static char why[160];

static enum compare_judgement judge(const struct compare_tolerance *tolerance)
{
    struct text reason = text_init(why, sizeof(why));
    enum compare_judgement judgement = compare_judge(tolerance, 1, &reason);
    text_string(&reason);
    return judgement;
}

/* Infinitely slow is beyond every tolerance, also where it had been so before but for fewer; where
   it is so for as many, there is nothing to judge. */
static void test_never_is_beyond(void **state)
{
    static const struct {
        struct describes base, now;
        enum compare_judgement judgement;
    } rows[] = {
        {{10, 1000, 0}, {10, 700, 300}, COMPARE_BEYOND},
        {{10, 900, 100}, {10, 300, 700}, COMPARE_BEYOND},
        {{10, 700, 300}, {10, 700, 300}, COMPARE_UNJUDGED},
        {{10, 700, 300}, {10, 1000, 0}, COMPARE_WITHIN},
    };
    struct compare_tolerance tolerance;
    struct text expected = text_init(NULL, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make(described(rows[i].base), described(rows[i].now));
        assert_true(compare_tolerance_parse(&compare, "describe.p95=900%", &tolerance, &expected));
        assert_int_equal(judge(&tolerance), rows[i].judgement);
    }
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
            assert_int_equal(judge(&tolerance), rows[i].within ? COMPARE_WITHIN : COMPARE_BEYOND);
    }
}

/* 0.95^104 and 0.99^528 are under 0.5 %, with one value less they are over it. */
static void test_judgements(void **state)
{
    static const struct {
        const char *tolerance;
        struct describes base, now;
        enum compare_judgement judgement;
        const char *why;
    } rows[] = {
        {"describe.p95=30%", {10, 104, 0}, {12, 104, 0}, COMPARE_WITHIN, ""},
        {"describe.p95=30%",
         {10, 103, 0},
         {12, 103, 0},
         COMPARE_UNJUDGED,
         "too few values, 104 in each run are needed"},
        {"describe.p99=30%", {10, 528, 0}, {12, 528, 0}, COMPARE_WITHIN, ""},
        {"describe.p99=30%",
         {10, 527, 0},
         {12, 527, 0},
         COMPARE_UNJUDGED,
         "too few values, 528 in each run are needed"},
        {"describe.p95=10%", {10, 103, 0}, {12, 103, 0}, COMPARE_BEYOND, "of too few values"},
        {"describe.p95=1%", {10, 104, 0}, {10.3, 104, 0}, COMPARE_BEYOND, "which may be noise"},
        {"describe.p95=10%", {10, 104, 0}, {12, 104, 0}, COMPARE_BEYOND, ""},
        {"describe.p95=10%", {10, 3, 0}, {10, 3, 0}, COMPARE_WITHIN, ""},
        {"describe.p95=10%",
         {10, 0, 0},
         {10, 104, 0},
         COMPARE_UNJUDGED,
         "the base has no such value"},
        {"describe.p95=10%", {10, 104, 0}, {10, 0, 0}, COMPARE_BEYOND, "it has no such value"},
    };
    struct compare_tolerance tolerance;
    struct text expected = text_init(NULL, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make(described(rows[i].base), described(rows[i].now));
        assert_true(compare_tolerance_parse(&compare, rows[i].tolerance, &tolerance, &expected));
        assert_int_equal(judge(&tolerance), rows[i].judgement);
        assert_string_equal(why, rows[i].why);
    }
    make(result_with("failed_ratio", (struct befell){4, 4}),
         result_with("failed_ratio", (struct befell){0, 4}));
    assert_true(compare_tolerance_parse(&compare, "failed_ratio=1%", &tolerance, &expected));
    assert_int_equal(judge(&tolerance), COMPARE_UNJUDGED);
    assert_string_equal(why, "too few values, 5 in each run are needed");
}

static void test_unfit(void **state)
{
    static const struct {
        const char *result, *unfit;
    } rows[] = {
        {"{}", NULL},
        {"{\"verdict\": \"pass\", \"generator\": {\"limits\": []}}", NULL},
        {"{\"verdict\": \"fail\"}", NULL},
        {"{\"verdict\": \"invalid\"}", "the run is invalid"},
        {"{\"verdict\": \"pass\", \"generator\": {\"limits\": [\"cpu\"]}}",
         "the generator was the limit"},
        {"{\"verdict\": null, \"state\": \"running\"}", "the run didn't finish"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make(json_object(), json_loads(rows[i].result, 0, NULL));
        assert_null(compare.unfit[0]);
        if (rows[i].unfit)
            assert_string_equal(compare.unfit[1], rows[i].unfit);
        else
            assert_null(compare.unfit[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tolerances),
        cmocka_unit_test(test_never_is_beyond),
        cmocka_unit_test(test_judgements),
        cmocka_unit_test(test_unfit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
