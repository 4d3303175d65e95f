#include "view/json_limits.h"

#include <math.h>

#include "base/clock.h"

/* To a microsecond, a thousandth. */
static json_t *number(bool known, double value)
{
    return known ? json_real(round(value * 1000) / 1000) : json_null();
}

static json_t *value_object(const char *name, const struct limit_value *value)
{
    json_t *object = json_object();
    json_object_set_new(object, "limit", json_string(name));
    json_object_set_new(object, "value", number(value->measured, value->value));
    json_object_set_new(object, "bound", number(value->measured, value->bound));
    json_object_set_new(object, "at_s",
                        number(value->at_ns > 0, (double)value->at_ns / (double)NS_PER_S));
    return object;
}

void view_json_limits(json_t *object, const struct generator *generator)
{
    json_t *limits = json_array(), *values = json_array(), *warnings = json_array();
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++) {
        if (!(generator->limits & 1u << i))
            continue;
        const char *name = generator_limit_name((enum generator_limit)i);
        json_array_append_new(limits, json_string(name));
        json_array_append_new(values, value_object(name, &generator->limit_values[i]));
    }
    for (uint32_t i = 0; i < generator->warning_count; i++)
        json_array_append_new(warnings, json_string(generator->warnings[i]));
    json_object_set_new(object, "verdict", json_string(generator->limits ? "limited" : "ok"));
    json_object_set_new(object, "limits", limits);
    json_object_set_new(object, "limit_values", values);
    json_object_set_new(object, "warnings", warnings);
}
