#include <jansson.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/result_file.h"
#include "view/html.h"

/* Adds {"name", "result"} of a result file. */
static bool add_result(json_t *results, const char *path, struct text *error)
{
    json_t *result = result_file_read(path, error);
    if (!result)
        return false;
    json_t *one = json_object();
    json_t *name = json_string(path);
    json_object_set_new(one, "name", name ? name : json_string("result"));
    json_object_set_new(one, "result", result);
    json_array_append_new(results, one);
    return true;
}

static bool write_report(const struct options *options, json_t *results, struct text *error)
{
    const char *output = options_text(options, OPT_OUTPUT);
    for (unsigned i = 0; i < options->url_count; i++) {
        if (!add_result(results, options->urls[i], error))
            return false;
    }
    int failed = view_html_write(results, output);
    if (failed)
        text_printf(error, "--output %s: %s", output, strerror(-failed));
    return !failed;
}

int report_main(const struct options *options, struct text *error)
{
    if (options->url_count == 0) {
        text_add_string(error, "report needs the result file of a run (see --json of run)");
        return STATUS_SETUP;
    }
    if (!options_given(options, OPT_OUTPUT)) {
        text_add_string(error, "report needs --output FILE, the page to write");
        return STATUS_SETUP;
    }
    if (!view_html_available()) {
        text_add_string(error, "this build makes no reports: it needs node and npm");
        return STATUS_SETUP;
    }
    json_t *results = json_array();
    bool ok = write_report(options, results, error);
    json_decref(results);
    return ok ? 0 : STATUS_SETUP;
}
