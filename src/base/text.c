#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_add(struct text *to, struct slice bytes)
{
    if (to->overflow || bytes.len > to->size - to->len) {
        to->overflow = true;
        return;
    }
    if (bytes.len > 0)
        memcpy(to->data + to->len, bytes.data, bytes.len);
    to->len += bytes.len;
}

void text_add_string(struct text *to, const char *string)
{
    text_add(to, slice_from_string(string));
}

void text_add_u64(struct text *to, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    text_add(to, slice_make(digits + at, sizeof(digits) - at));
}

void text_printf(struct text *to, const char *format, ...)
{
    size_t room = to->size - to->len;
    va_list args;
    if (to->overflow)
        return;
    va_start(args, format);
    int n = vsnprintf(to->data + to->len, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room)
        to->overflow = true;
    else
        to->len += (size_t)n;
}

/* Length of the valid UTF-8 sequence at the start, 0 where there is none. */
static size_t utf8_len(struct slice bytes)
{
    uint8_t first = bytes.data[0];
    size_t n = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || n > bytes.len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((bytes.data[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong =
        (first == 0xe0 && bytes.data[1] < 0xa0) || (first == 0xf0 && bytes.data[1] < 0x90);
    bool surrogate = first == 0xed && bytes.data[1] >= 0xa0;
    bool beyond = first == 0xf4 && bytes.data[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

void text_add_escaped(struct text *to, struct slice bytes)
{
    while (bytes.len > 0 && !to->overflow) {
        uint8_t byte = bytes.data[0];
        size_t n = utf8_len(bytes);
        if (byte == '\r')
            text_add_string(to, "\\r");
        else if (byte == '\n')
            text_add_string(to, "\\n");
        else if (byte == '"' || byte == '\\')
            text_printf(to, "\\%c", byte);
        else if (n == 0 || byte < 0x20 || byte == 0x7f)
            text_printf(to, "\\x%02x", byte);
        else
            text_add(to, slice_make(bytes.data, n));
        slice_take(&bytes, n > 0 ? n : 1);
    }
}

const char *text_string(struct text *from)
{
    if (from->size == 0)
        return "";
    if (from->len == from->size)
        from->len--;
    from->data[from->len] = '\0';
    return from->data;
}
