/* slice.h - a borrowed run of bytes, and the few ways our parsers take it apart. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Never owns its bytes and need not end in NUL. data may be NULL when len is 0. */
struct slice {
    const uint8_t *data;
    size_t len;
};

/* A string literal as a slice, without its NUL. */
#define SLICE(literal) ((struct slice){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline struct slice slice_make(const void *data, size_t len)
{
    return (struct slice){(const uint8_t *)data, len};
}

/* Borrows a NUL-terminated string; NULL gives the empty slice. */
struct slice slice_from_string(const char *text);

/* Takes the first byte; the slice must not be empty. */
static inline uint8_t slice_take_byte(struct slice *from)
{
    uint8_t byte = from->data[0];
    from->data++;
    from->len--;
    return byte;
}

/* Takes up to n bytes, fewer where fewer are left. */
static inline struct slice slice_take(struct slice *from, size_t n)
{
    struct slice taken = {from->data, n < from->len ? n : from->len};
    if (taken.len > 0) /* NULL + 0 is undefined */
        from->data += taken.len;
    from->len -= taken.len;
    return taken;
}

bool slice_equal(struct slice a, struct slice b);

/* Equal but for ASCII case. */
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_starts_with(struct slice whole, struct slice start);
bool slice_starts_with_nocase(struct slice whole, struct slice start);

/* Index of the first such byte, or -1. */
ptrdiff_t slice_find_byte(struct slice in, uint8_t byte);

/* Without spaces, tabs, CR and LF at both ends (a folded header line is just more white space). */
struct slice slice_trim(struct slice text);

/* Takes the byte-order mark that some editors put at the start of a file. */
void slice_skip_mark(struct slice *from);

/* Takes what stands before the next separator, and the separator; the whole rest when there is
 * none. */
struct slice slice_take_until(struct slice *from, uint8_t separator);

/* Reads an unsigned decimal that fills the slice. False when empty, not all digits, or over max. */
bool slice_to_u64(struct slice digits, uint64_t max, uint64_t *value);

/* The same in hexadecimal, either case, no prefix. */
bool slice_to_hex_u64(struct slice digits, uint64_t max, uint64_t *value);

/* Copies into out (of size bytes), always NUL-terminated; false when it had to be cut. */
bool slice_to_string(struct slice from, char *out, size_t size);
