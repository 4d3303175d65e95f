#include "cli/scenario_schema.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/out.h"

static json_t *of_type(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

/* A value that the YAML reader takes for no string is one all the same to us. */
static json_t *value_schema(const struct option_spec *spec)
{
    if (spec->kind == OPTION_FLAG)
        return of_type("boolean");
    if (spec->kind == OPTION_CHOICE && strcmp(spec->choices, "off|on") == 0)
        return json_pack("{s:[s,s,b,b]}", "enum", "on", "off", 1, 0);
    if (spec->kind == OPTION_CHOICE) {
        json_t *names = json_array();
        struct slice rest = slice_from_string(spec->choices);
        while (rest.len > 0) {
            struct slice name = slice_take_until(&rest, '|');
            json_array_append_new(names, json_stringn((const char *)name.data, name.len));
        }
        return json_pack("{s:[{s:o},{s:s}]}", "anyOf", "enum", names, "$ref",
                         "#/$defs/with_variable");
    }
    if (spec->kind == OPTION_COUNT)
        return json_pack("{s:[{s:s,s:I,s:I},{s:s}]}", "anyOf", "type", "integer", "minimum",
                         (json_int_t)spec->min, "maximum", (json_int_t)spec->max, "$ref",
                         "#/$defs/with_variable");
    return json_pack("{s:[s,s]}", "type", "string", "number");
}

static json_t *property(const struct option_spec *spec)
{
    json_t *schema = value_schema(spec);
    if (spec->repeatable) {
        json_t *list = json_pack("{s:s,s:O}", "type", "array", "items", schema);
        schema = json_pack("{s:[o,o]}", "anyOf", schema, list);
    }
    json_object_set_new(schema, "description", json_string(spec->help));
    if (spec->fallback)
        json_object_set_new(schema, "default", json_string(spec->fallback));
    return schema;
}

static json_t *properties(bool in_group)
{
    json_t *all = json_object();
    for (unsigned i = 0; i < option_count; i++) {
        const struct option_spec *spec = &option_table[i];
        if (option_is_key(spec, in_group))
            json_object_set_new(all, spec->name, property(spec));
    }
    return all;
}

static json_t *block(json_t *keys)
{
    return json_pack("{s:s,s:o,s:b}", "type", "object", "properties", keys, "additionalProperties",
                     0);
}

static json_t *group_schema(void)
{
    json_t *keys = properties(true);
    json_t *name = of_type("string"), *start = of_type("string"), *end = of_type("string");
    json_object_set_new(start, "description", json_string("after the run's start, as 20s"));
    json_object_set_new(end, "description", json_string("likewise; else the run's end"));
    json_object_set_new(keys, "name", name);
    json_object_set_new(keys, "start", start);
    json_object_set_new(keys, "end", end);
    json_t *group = block(keys);
    json_object_set_new(group, "required", json_pack("[s]", "name"));
    return group;
}

int scenario_schema_print(void)
{
    json_t *keys = properties(false);
    json_object_set_new(keys, "about", of_type("string"));
    json_object_set_new(keys, "vars",
                        json_pack("{s:s,s:{s:[s,s,s]}}", "type", "object", "additionalProperties",
                                  "type", "string", "number", "boolean"));
    json_object_set_new(keys, "groups",
                        json_pack("{s:s,s:i,s:i,s:o}", "type", "array", "minItems", 1, "maxItems",
                                  32, "items", group_schema()));
    json_t *schema = block(keys);
    json_object_set_new(schema, "$schema",
                        json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(schema, "title", json_string("A scenario of rtspbench"));
    json_object_set_new(
        schema, "$defs",
        json_pack("{s:{s:s,s:s}}", "with_variable", "type", "string", "pattern", "[$][{]"));
    int failed = json_dumpf(schema, out_stream(), JSON_INDENT(2) | JSON_SORT_KEYS);
    json_decref(schema);
    fputc('\n', out_stream());
    return failed ? 1 : 0;
}
