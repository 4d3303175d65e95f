#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/out.h"
#include "cli/result_file.h"
#include "view/compare_write.h"
#include "view/json_dump.h"

#define STATUS_BEYOND 99
#define STATUS_UNJUDGED 3
#define TOLERANCES_MAX 64u

struct comparison {
    const struct options *options;
    json_t *results[COMPARE_RUNS];
    struct compare compare;
    struct compare_tolerance tolerances[TOLERANCES_MAX];
    uint32_t tolerance_count;
};

static bool read_results(struct comparison *comparison, struct text *error)
{
    const struct options *options = comparison->options;
    if (options->url_count < 2 || options->url_count > COMPARE_RUNS) {
        text_printf(error, "compare needs the result files of 2 to %u runs, the base first",
                    COMPARE_RUNS);
        return false;
    }
    for (unsigned i = 0; i < options->url_count; i++) {
        comparison->results[i] = result_file_read(options->urls[i], error);
        if (!comparison->results[i])
            return false;
    }
    return true;
}

static bool read_tolerances(struct comparison *comparison, struct text *error)
{
    const struct options *options = comparison->options;
    char room[2048];
    struct text expected = text_init(room, sizeof(room));
    for (unsigned i = 0; i < options->repeated_count; i++) {
        if (options->repeated_ids[i] != OPT_TOLERATE)
            continue;
        struct compare_tolerance *next = &comparison->tolerances[comparison->tolerance_count];
        if (comparison->tolerance_count == TOLERANCES_MAX)
            text_printf(&expected, "%u at most", TOLERANCES_MAX);
        if (expected.len > 0 ||
            !compare_tolerance_parse(&comparison->compare, options->repeated[i], next, &expected)) {
            options_complain(error, OPT_TOLERATE, options->repeated[i], text_string(&expected));
            return false;
        }
        comparison->tolerance_count++;
    }
    return true;
}

static void print(const struct compare_report *report,
                  void (*write)(const struct compare_report *, FILE *))
{
    char *text = NULL;
    size_t len;
    FILE *memory = open_memstream(&text, &len);
    assert(memory);
    write(report, memory);
    fclose(memory);
    out_print(out_stream(), slice_make(text, len));
    free(text);
}

static bool write_all(const struct comparison *comparison, struct text *error)
{
    const struct options *options = comparison->options;
    const struct compare_report report = {&comparison->compare, comparison->tolerances,
                                          comparison->tolerance_count};
    const char *html = options_text(options, OPT_HTML);
    int failed = html ? compare_write_html(&report, html) : 0;
    if (failed) {
        text_printf(error, "--html %s: %s", html, strerror(-failed));
        return false;
    }
    if (options_given(options, OPT_JSON))
        view_dump(compare_to_json(&report), out_stream());
    else if (options_given(options, OPT_MARKDOWN))
        print(&report, compare_write_markdown);
    else
        print(&report, compare_write_text);
    fflush(out_stream());
    return true;
}

/* Something beyond is beyond, whatever can't be judged beside it. */
static int status_of(const struct comparison *comparison)
{
    const struct compare *compare = &comparison->compare;
    struct text unused = text_init(NULL, 0);
    int status = 0;
    for (uint32_t i = 0; i < comparison->tolerance_count; i++) {
        for (uint32_t run = 1; run < compare->run_count; run++) {
            enum compare_judgement judgement =
                compare_judge(&comparison->tolerances[i], run, &unused);
            if (judgement == COMPARE_BEYOND)
                return STATUS_BEYOND;
            if (judgement == COMPARE_UNJUDGED || compare->unfit[0] || compare->unfit[run])
                status = STATUS_UNJUDGED;
        }
    }
    return status;
}

int compare_main(const struct options *options, struct text *error)
{
    static struct comparison comparison; /* large */
    int status = STATUS_SETUP;
    comparison = (struct comparison){.options = options};
    if (read_results(&comparison, error)) {
        compare_make(&comparison.compare, comparison.results,
                     (const char *const *)(uintptr_t)options->urls, options->url_count);
        if (read_tolerances(&comparison, error) && write_all(&comparison, error))
            status = status_of(&comparison);
    }
    for (unsigned i = 0; i < COMPARE_RUNS; i++)
        json_decref(comparison.results[i]);
    return status;
}
