/* scenario_yaml.c - scenario_parse, by libyaml. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "cli/scenario_file.h"

struct reading {
    struct scenario *to;
    yaml_document_t document;
    struct text *error;
};

static unsigned line_of(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

static bool complain(struct reading *reading, const yaml_node_t *node, const char *what)
{
    scenario_place(reading->to, line_of(node), reading->error);
    text_add_string(reading->error, what);
    return false;
}

static char *copy(const yaml_node_t *scalar)
{
    char *text = strndup((const char *)scalar->data.scalar.value, scalar->data.scalar.length);
    assert(text);
    return text;
}

static void add_entry(struct scenario_block *block, const char *key, const yaml_node_t *value)
{
    size_t room = (block->count + 1) * sizeof(*block->entries);
    struct scenario_entry *entries = realloc(block->entries, room);
    assert(entries);
    block->entries = entries;
    entries[block->count] =
        (struct scenario_entry){.key = strdup(key), .value = copy(value), .line = line_of(value)};
    assert(entries[block->count].key);
    block->count++;
}

static bool is_text(const yaml_node_t *scalar)
{
    return !memchr(scalar->data.scalar.value, '\0', scalar->data.scalar.length);
}

/* A value, or a list of them. */
static bool read_values(struct reading *reading, struct scenario_block *block, const char *key,
                        const yaml_node_t *value)
{
    if (value->type == YAML_SCALAR_NODE && !is_text(value))
        return complain(reading, value, "expected a value without a NUL");
    if (value->type == YAML_SCALAR_NODE) {
        add_entry(block, key, value);
        return true;
    }
    if (value->type != YAML_SEQUENCE_NODE)
        return complain(reading, value, "expected a value or a list of values");
    for (yaml_node_item_t *item = value->data.sequence.items.start;
         item < value->data.sequence.items.top; item++) {
        const yaml_node_t *one = yaml_document_get_node(&reading->document, *item);
        if (one->type != YAML_SCALAR_NODE)
            return complain(reading, one, "expected a value");
        if (!is_text(one))
            return complain(reading, one, "expected a value without a NUL");
        add_entry(block, key, one);
    }
    return true;
}

static bool read_groups(struct reading *reading, const yaml_node_t *groups);

/* What only the top level has: true when key is such a one. */
static bool read_special(struct reading *reading, const char *key, const yaml_node_t *value,
                         bool *ok);

static bool read_block(struct reading *reading, struct scenario_block *block,
                       const yaml_node_t *node, bool top)
{
    if (node->type != YAML_MAPPING_NODE)
        return complain(reading, node, "expected keys and values, as in 'readers: 100'");
    block->line = line_of(node);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&reading->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(&reading->document, pair->value);
        if (name->type != YAML_SCALAR_NODE)
            return complain(reading, name, "expected the name of a key");
        char *key = copy(name);
        bool ok = true;
        if (scenario_find(block, key))
            ok = complain(reading, name, "this key stands here for the second time");
        else if (!top || !read_special(reading, key, value, &ok))
            ok = read_values(reading, block, key, value);
        free(key);
        if (!ok)
            return false;
    }
    return true;
}

static bool read_special(struct reading *reading, const char *key, const yaml_node_t *value,
                         bool *ok)
{
    struct scenario *to = reading->to;
    if (strcmp(key, "about") == 0) {
        *ok =
            value->type == YAML_SCALAR_NODE || complain(reading, value, "expected a line of text");
        if (*ok && !to->about)
            to->about = copy(value);
        return true;
    }
    if (strcmp(key, "vars") == 0) {
        *ok = read_block(reading, &to->vars, value, false);
        return true;
    }
    if (strcmp(key, "groups") == 0) {
        *ok = read_groups(reading, value);
        return true;
    }
    return false;
}

static bool read_groups(struct reading *reading, const yaml_node_t *groups)
{
    struct scenario *to = reading->to;
    if (groups->type != YAML_SEQUENCE_NODE || to->group_count > 0)
        return complain(reading, groups, "expected one list of groups, each with '- name: ...'");
    for (yaml_node_item_t *item = groups->data.sequence.items.start;
         item < groups->data.sequence.items.top; item++) {
        const yaml_node_t *node = yaml_document_get_node(&reading->document, *item);
        if (to->group_count == SCENARIO_GROUPS_MAX)
            return complain(reading, node, "expected at most 32 groups");
        struct scenario_block *group = &to->groups[to->group_count++];
        if (!read_block(reading, group, node, false))
            return false;
        const struct scenario_entry *name = scenario_find(group, "name");
        if (!name || name->value[0] == '\0')
            return complain(reading, node, "expected a 'name' for the group");
    }
    return to->group_count > 0 || complain(reading, groups, "expected at least one group");
}

bool scenario_parse(struct scenario *out, const char *file, struct slice yaml, struct text *error)
{
    struct reading reading = {.to = out, .error = error};
    yaml_parser_t parser;
    *out = (struct scenario){.file = strdup(file)};
    assert(out->file);
    if (!yaml_parser_initialize(&parser))
        abort();
    yaml_parser_set_input_string(&parser, yaml.data, yaml.len);
    if (!yaml_parser_load(&parser, &reading.document)) {
        scenario_place(out, (unsigned)parser.problem_mark.line + 1, error);
        text_printf(error, "expected YAML: %s", parser.problem ? parser.problem : "out of memory");
        yaml_parser_delete(&parser);
        return false;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&reading.document);
    bool ok = root && read_block(&reading, &out->common, root, true);
    if (!root)
        text_printf(error, "%s:1: expected keys and values, as in 'readers: 100'", file);
    yaml_document_delete(&reading.document);
    yaml_parser_delete(&parser);
    return ok;
}
