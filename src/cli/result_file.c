#include "cli/result_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/out.h"
#include "cli/outputs.h"

#define SCHEMA "rtspbench.result.v1"

/* Writes the name of the checkpoint beside path; false where there is none. */
static bool find_running(const char *path, char name[static PATH_MAX], struct stat *status)
{
    return outputs_running_name(path, name) && stat(name, status) == 0;
}

/* What compare and report don't show: that there is something newer. */
static void note_a_later_run(const char *path)
{
    char name[PATH_MAX];
    struct stat result, running;
    if (stat(path, &result) != 0 || !find_running(path, name, &running))
        return;
    if (running.st_mtim.tv_sec > result.st_mtim.tv_sec ||
        (running.st_mtim.tv_sec == result.st_mtim.tv_sec &&
         running.st_mtim.tv_nsec > result.st_mtim.tv_nsec))
        out_say("%s: a later run did not finish, and left %s", path, name);
}

static void complain(const char *path, const char *why, struct text *error)
{
    char name[PATH_MAX];
    struct stat result, running;
    if (stat(path, &result) != 0 && find_running(path, name, &running))
        text_printf(error, "%s: there is no result, but the checkpoint of an unfinished run: %s",
                    path, name);
    else
        text_printf(error, "%s: %s", path, why);
}

json_t *result_file_read(const char *path, struct text *error)
{
    json_error_t where;
    json_t *result = json_load_file(path, 0, &where);
    const char *schema = json_string_value(json_object_get(result, "schema"));
    const char *state = json_string_value(json_object_get(result, "state"));
    if (!result) {
        complain(path, where.text, error);
        return NULL;
    }
    if (!schema || strcmp(schema, SCHEMA) != 0) {
        text_printf(error, "%s: expected a result file as --json writes it (schema " SCHEMA ")",
                    path);
        json_decref(result);
        return NULL;
    }
    if (state && strcmp(state, "running") == 0)
        out_say("%s is of an unfinished run", path);
    else
        note_a_later_run(path);
    return result;
}
