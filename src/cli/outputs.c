#include "cli/outputs.h"

#include <malloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/out.h"
#include "view/csv.h"
#include "view/html.h"
#include "view/json.h"
#include "view/junit.h"

#define CHECKPOINT_NS (60 * NS_PER_S)
#define HLOG_INTERVALS 5000u /* of a run, at most */

static const struct {
    const char *option;
    size_t path;                                                     /* in the plan */
    int (*write)(const struct snapshot *snapshot, const char *path); /* NULL: not in one go */
    bool at_checkpoints;
} kinds[OUTPUTS] = {
    [OUTPUT_JSON] = {"--json", offsetof(struct plan, json_file), view_json_write, true},
    [OUTPUT_CSV] = {"--csv", offsetof(struct plan, csv_file), view_csv_write, true},
    [OUTPUT_JUNIT] = {"--junit", offsetof(struct plan, junit_file), view_junit_write, false},
    [OUTPUT_HTML] = {"--html", offsetof(struct plan, html_file), view_html_write_run, false},
    [OUTPUT_HLOG] = {"--hlog", offsetof(struct plan, hlog_file), NULL, false},
};

static const char *path_of(const struct outputs *outputs, unsigned i)
{
    const char *path;
    memcpy(&path, (const char *)outputs->plan + kinds[i].path, sizeof(path));
    return path;
}

FILE *outputs_text(const struct plan *plan)
{
    return plan->json_on_stdout ? out_errors() : out_stream();
}

FILE *outputs_text_lines(const struct plan *plan)
{
    return plan->json_on_stdout ? out_errors() : out_lines();
}

bool outputs_running_name(const char *path, char name[static PATH_MAX])
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return false;
    int n = snprintf(name, PATH_MAX, "%s.running", path);
    return n > 0 && n < PATH_MAX;
}

void outputs_remove_running(const char *path)
{
    char name[PATH_MAX];
    struct stat status;
    if (outputs_running_name(path, name) && lstat(name, &status) == 0 && S_ISREG(status.st_mode))
        unlink(name);
}

static bool complain(const struct outputs *outputs, unsigned i, int error, struct text *to)
{
    text_printf(to, "%s%s %s: %s", to->len > 0 ? "; " : "", kinds[i].option, path_of(outputs, i),
                strerror(-error));
    return false;
}

bool outputs_begin(struct outputs *outputs, struct text *error)
{
    if (outputs->plan->html_file && !view_html_available()) {
        text_add_string(error, "--html: this build makes no reports: it needs node and npm");
        return false;
    }
    for (unsigned i = 0; i < OUTPUTS; i++) {
        const char *path = path_of(outputs, i);
        int failed = path ? file_check(path) : 0;
        if (failed)
            return complain(outputs, i, failed, error);
        if (path && kinds[i].at_checkpoints)
            outputs_remove_running(path);
    }
    if (outputs->plan->hlog_file) {
        int failed = hlog_open(&outputs->hlog, outputs->plan->hlog_file,
                               outputs->plan->duration_ns / HLOG_INTERVALS);
        if (failed)
            return complain(outputs, OUTPUT_HLOG, failed, error);
    }
    return true;
}

/* What a run that is killed leaves; the result of an older one stays where it is. That a checkpoint
   can't be written is no error: the result may be. */
static void save_checkpoint(struct outputs *outputs, const struct snapshot *snapshot)
{
    char name[PATH_MAX];
    for (unsigned i = 0; i < OUTPUTS; i++) {
        const char *path = path_of(outputs, i);
        if (path && kinds[i].at_checkpoints && outputs_running_name(path, name))
            kinds[i].write(snapshot, name);
    }
    malloc_trim(0); /* a result's document is large: between checkpoints nobody needs its memory */
    outputs->saved_ns = snapshot->elapsed_ns;
}

static void save(struct outputs *outputs, const struct snapshot *snapshot)
{
    for (unsigned i = 0; i < OUTPUTS; i++) {
        const char *path = path_of(outputs, i);
        if (!path || !kinds[i].write)
            continue;
        outputs->errors[i] = kinds[i].write(snapshot, path);
        if (!outputs->errors[i] && kinds[i].at_checkpoints)
            outputs_remove_running(path);
    }
}

void outputs_add(struct outputs *outputs, const struct snapshot *snapshot)
{
    if (outputs->hlog)
        hlog_add(outputs->hlog, snapshot);
    if (outputs->saved_ns == 0 || snapshot->elapsed_ns - outputs->saved_ns >= CHECKPOINT_NS)
        save_checkpoint(outputs, snapshot);
}

void outputs_end(struct outputs *outputs, const struct snapshot *snapshot)
{
    if (outputs->hlog)
        hlog_add(outputs->hlog, snapshot);
    outputs->errors[OUTPUT_HLOG] = hlog_close(outputs->hlog);
    outputs->hlog = NULL;
    save(outputs, snapshot);
}

bool outputs_finish(struct outputs *outputs, struct text *error)
{
    hlog_close(outputs->hlog); /* of a run that never began */
    bool whole = true;
    for (unsigned i = 0; i < OUTPUTS; i++) {
        if (outputs->errors[i])
            whole = complain(outputs, i, outputs->errors[i], error);
    }
    return whole;
}
