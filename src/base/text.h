/* text.h - appends bytes to a buffer of fixed size, and remembers when something didn't fit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* data is the caller's. Once overflow is set, nothing more is appended. */
struct text {
    char *data;
    size_t len;
    size_t size;
    bool overflow;
};

static inline struct text text_init(void *data, size_t size)
{
    return (struct text){(char *)data, 0, size, false};
}

void text_add(struct text *to, struct slice bytes);
void text_add_string(struct text *to, const char *string);
void text_add_u64(struct text *to, uint64_t value);
void text_printf(struct text *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Escapers, one a format. All of them show what isn't UTF-8 as \xNN, a byte each.

   Printable: for people. What a terminal would obey (controls, overrides of the direction of
   writing and the like) becomes \n, \r, \xNN or \uNNNN; quotes and backslashes stay, so that what
   was printable already isn't changed. */
void text_add_printable(struct text *to, struct slice bytes);

/* The same in quotes of the caller's: quotes and backslashes get a backslash. */
void text_add_escaped(struct text *to, struct slice bytes);

/* A JSON string, with its quotes. */
void text_add_json(struct text *to, struct slice bytes);

/* XML's text, or the value of an attribute in double quotes; what XML can't hold is made printable.
 */
void text_add_xml(struct text *to, struct slice bytes);

static inline struct slice text_slice(const struct text *from)
{
    return slice_make(from->data, from->len);
}

/* The text with a NUL behind it; cut by one byte when it was full. */
const char *text_string(struct text *from);
