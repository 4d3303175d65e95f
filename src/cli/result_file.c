#include "cli/result_file.h"

#include <string.h>

#define SCHEMA "rtspbench.result.v1"

json_t *result_file_read(const char *path, struct text *error)
{
    json_error_t where;
    json_t *result = json_load_file(path, 0, &where);
    const char *schema = json_string_value(json_object_get(result, "schema"));
    if (!result)
        text_printf(error, "%s: %s", path, where.text);
    else if (!schema || strcmp(schema, SCHEMA) != 0)
        text_printf(error, "%s: expected a result file as --json writes it (schema " SCHEMA ")",
                    path);
    else
        return result;
    json_decref(result);
    return NULL;
}
