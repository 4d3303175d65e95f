#include "view/json_dump.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

int view_dump(json_t *value, FILE *stream)
{
    errno = 0;
    int failed = json_dumpf(value, stream, JSON_COMPACT | VIEW_JSON_FORMAT);
    json_decref(value);
    if (failed || fputc('\n', stream) == EOF || fflush(stream) != 0)
        return errno ? -errno : -EIO;
    return 0;
}

/* Whether it is better read in one line: lists of numbers, which are thousands in the series. */
static bool is_flat(const json_t *value)
{
    if (!json_is_array(value))
        return json_is_object(value) ? json_object_size(value) == 0 : true;
    json_t *first = json_array_get(value, 0);
    return !json_is_object(first) && !json_is_string(first);
}

static void write_pretty(const json_t *value, FILE *stream, unsigned depth);

static void write_members(const json_t *object, FILE *stream, unsigned depth)
{
    /* The library's own macro for this casts const away. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        json_t *key = json_string(json_object_iter_key(at));
        fprintf(stream, "%*s", (int)depth * 2, "");
        json_dumpf(key, stream, JSON_ENCODE_ANY);
        fputs(": ", stream);
        write_pretty(json_object_iter_value(at), stream, depth);
        fputs(json_object_iter_next((json_t *)(uintptr_t)object, at) ? ",\n" : "\n", stream);
        json_decref(key);
    }
}

static void write_elements(const json_t *array, FILE *stream, unsigned depth)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        fprintf(stream, "%*s", (int)depth * 2, "");
        write_pretty(json_array_get(array, i), stream, depth);
        fputs(i + 1 < json_array_size(array) ? ",\n" : "\n", stream);
    }
}

/* For people: two columns a level. */
static void write_pretty(const json_t *value, FILE *stream, unsigned depth)
{
    bool is_object = json_is_object(value);
    if (is_flat(value)) {
        json_dumpf(value, stream, JSON_ENCODE_ANY | JSON_COMPACT | VIEW_JSON_FORMAT);
        return;
    }
    fputs(is_object ? "{\n" : "[\n", stream);
    if (is_object)
        write_members(value, stream, depth + 1);
    else
        write_elements(value, stream, depth + 1);
    fprintf(stream, "%*s%c", (int)depth * 2, "", is_object ? '}' : ']');
}

int view_dump_pretty(json_t *value, FILE *stream)
{
    errno = 0;
    write_pretty(value, stream, 0);
    json_decref(value);
    if (fputc('\n', stream) == EOF || fflush(stream) != 0 || ferror(stream))
        return errno ? -errno : -EIO;
    return 0;
}
