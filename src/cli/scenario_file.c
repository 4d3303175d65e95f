#include "cli/scenario_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void scenario_place(const struct scenario *scenario, unsigned line, struct text *error)
{
    text_printf(error, "%s:%u: ", scenario->file, line);
}

const struct scenario_entry *scenario_find(const struct scenario_block *block, const char *key)
{
    for (unsigned i = block->count; i > 0; i--) {
        if (strcmp(block->entries[i - 1].key, key) == 0)
            return &block->entries[i - 1];
    }
    return NULL;
}

static void block_dispose(struct scenario_block *block)
{
    for (unsigned i = 0; i < block->count; i++) {
        explicit_bzero(block->entries[i].value, strlen(block->entries[i].value));
        free(block->entries[i].key);
        free(block->entries[i].value);
    }
    free(block->entries);
}

void scenario_dispose(struct scenario *scenario)
{
    block_dispose(&scenario->vars);
    block_dispose(&scenario->common);
    for (unsigned i = 0; i < scenario->group_count; i++)
        block_dispose(&scenario->groups[i]);
    free(scenario->file);
    free(scenario->about);
    *scenario = (struct scenario){0};
}

bool scenario_read(struct scenario *out, const char *path, struct text *error)
{
    FILE *file = fopen(path, "re");
    char *yaml = malloc(SCENARIO_BYTES_MAX + 1);
    size_t len = 0;
    bool ok = false;
    assert(yaml);
    if (file)
        len = fread(yaml, 1, SCENARIO_BYTES_MAX + 1, file);
    if (!file || ferror(file))
        text_printf(error, "--scenario '%s': %s", path, strerror(errno));
    else if (len > SCENARIO_BYTES_MAX)
        text_printf(error, "--scenario '%s': expected a file of 1 MiB at most", path);
    else
        ok = scenario_parse(out, path, slice_make(yaml, len), error);
    if (file)
        fclose(file);
    free(yaml);
    return ok;
}
