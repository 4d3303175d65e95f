/* scenario_yaml_none.c - scenario_parse of a build without libyaml. */
#include <assert.h>
#include <string.h>

#include "cli/scenario_file.h"

bool scenario_parse(struct scenario *out, const char *file, struct slice yaml, struct text *error)
{
    (void)yaml;
    *out = (struct scenario){.file = strdup(file)};
    assert(out->file);
    text_add_string(error, "this build reads no scenarios: it needs libyaml");
    return false;
}
