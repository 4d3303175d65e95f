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

static uint32_t code_of(struct slice character)
{
    static const uint8_t firsts[] = {0x7f, 0x1f, 0x0f, 0x07}; /* bits of the first byte */
    uint32_t code = character.data[0] & firsts[character.len - 1];
    for (size_t i = 1; i < character.len; i++)
        code = code << 6 | (character.data[i] & 0x3f);
    return code;
}

/* What a terminal would obey or that would change how its neighbours are read: controls, marks and
   overrides of the direction of writing, separators of lines, marks of the byte order, and what is
   no character at all. */
static bool is_hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff || code == 0xfffe || code == 0xffff;
}

/* The next character; len 0: the next byte is none. code is set else. */
static struct slice take_character(struct slice *bytes, uint32_t *code)
{
    struct slice character = slice_make(bytes->data, utf8_len(*bytes));
    if (character.len > 0)
        *code = code_of(character);
    slice_take(bytes, character.len > 0 ? character.len : 1);
    return character;
}

static void add_hidden(struct text *to, uint32_t code)
{
    if (code == '\r' || code == '\n')
        text_add_string(to, code == '\r' ? "\\r" : "\\n");
    else
        text_printf(to, code < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)code);
}

static void add_printable(struct text *to, struct slice bytes, const char *also)
{
    while (bytes.len > 0 && !to->overflow) {
        uint8_t byte = bytes.data[0];
        uint32_t code = 0;
        struct slice character = take_character(&bytes, &code);
        if (character.len == 0)
            text_printf(to, "\\x%02x", byte);
        else if (is_hidden(code))
            add_hidden(to, code);
        else if (code < 0x80 && strchr(also, (int)code))
            text_printf(to, "\\%c", (char)code);
        else
            text_add(to, character);
    }
}

void text_add_printable(struct text *to, struct slice bytes)
{
    add_printable(to, bytes, "");
}

void text_add_escaped(struct text *to, struct slice bytes)
{
    add_printable(to, bytes, "\"\\");
}

void text_add_json(struct text *to, struct slice bytes)
{
    text_add_string(to, "\"");
    while (bytes.len > 0 && !to->overflow) {
        uint8_t byte = bytes.data[0];
        uint32_t code = 0;
        struct slice character = take_character(&bytes, &code);
        if (character.len == 0)
            text_printf(to, "\\\\x%02x", byte);
        else if (is_hidden(code))
            text_printf(to, "\\u%04x", (unsigned)code);
        else if (code == '"' || code == '\\')
            text_printf(to, "\\%c", (char)code);
        else
            text_add(to, character);
    }
    text_add_string(to, "\"");
}

static const char *entity_of(uint8_t byte)
{
    return byte == '&' ? "&amp;" : byte == '<' ? "&lt;" : byte == '>' ? "&gt;" : "&quot;";
}

void text_add_xml(struct text *to, struct slice bytes)
{
    while (bytes.len > 0 && !to->overflow) {
        size_t plain = 0;
        while (plain < bytes.len && !strchr("&<>\"", bytes.data[plain] ? bytes.data[plain] : 1))
            plain++;
        text_add_printable(to, slice_take(&bytes, plain));
        if (bytes.len > 0)
            text_add_string(to, entity_of(slice_take_byte(&bytes)));
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
