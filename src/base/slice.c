#include "base/slice.h"

#include <string.h>

struct slice slice_from_string(const char *text)
{
    return text ? slice_make(text, strlen(text)) : (struct slice){NULL, 0};
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

bool slice_starts_with(struct slice whole, struct slice start)
{
    return whole.len >= start.len && slice_equal(slice_make(whole.data, start.len), start);
}

bool slice_starts_with_nocase(struct slice whole, struct slice start)
{
    return whole.len >= start.len && slice_equal_nocase(slice_make(whole.data, start.len), start);
}

ptrdiff_t slice_find_byte(struct slice in, uint8_t byte)
{
    const uint8_t *found = in.len > 0 ? memchr(in.data, byte, in.len) : NULL;
    return found ? found - in.data : -1;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct slice slice_trim(struct slice text)
{
    while (text.len > 0 && is_space(text.data[0]))
        slice_take_byte(&text);
    while (text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

void slice_skip_mark(struct slice *from)
{
    struct slice mark = SLICE("\xef\xbb\xbf");
    if (slice_starts_with(*from, mark))
        slice_take(from, mark.len);
}

struct slice slice_take_until(struct slice *from, uint8_t separator)
{
    ptrdiff_t at = slice_find_byte(*from, separator);
    if (at < 0)
        return slice_take(from, from->len);
    struct slice piece = slice_take(from, (size_t)at);
    slice_take_byte(from);
    return piece;
}

static int digit_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = lower(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : 99;
}

static bool to_u64(struct slice digits, uint64_t base, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    if (digits.len == 0)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        uint64_t digit = (uint64_t)digit_value(digits.data[i]);
        if (digit >= base || digit > max || sum > (max - digit) / base)
            return false;
        sum = sum * base + digit;
    }
    *value = sum;
    return true;
}

bool slice_to_u64(struct slice digits, uint64_t max, uint64_t *value)
{
    return to_u64(digits, 10, max, value);
}

bool slice_to_hex_u64(struct slice digits, uint64_t max, uint64_t *value)
{
    return to_u64(digits, 16, max, value);
}

bool slice_to_string(struct slice from, char *out, size_t size)
{
    size_t n = from.len < size ? from.len : size - 1;
    if (n > 0)
        memcpy(out, from.data, n);
    out[n] = '\0';
    return n == from.len;
}
