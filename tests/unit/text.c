#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

typedef void escaper(struct text *to, struct slice bytes);

static const char *escaped(escaper *escape, struct slice bytes)
{
    static char room[1024];
    struct text to = text_init(room, sizeof(room) - 1);
    escape(&to, bytes);
    assert_false(to.overflow);
    return text_string(&to);
}

/* Each byte by itself, and with neighbours that could make it a part of a character. */
static void test_json_of_every_byte(void **state)
{
    static const struct slice around[][2] = {
        {SLICE(""), SLICE("")},
        {SLICE("\xc3"), SLICE("")},
        {SLICE("\xe2\x80"), SLICE("\xa8")},
        {SLICE("\""), SLICE("\\")},
    };
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
            char bytes[16];
            struct text all = text_init(bytes, sizeof(bytes));
            text_add(&all, around[i][0]);
            text_add(&all, slice_make(&(uint8_t){(uint8_t)byte}, 1));
            text_add(&all, around[i][1]);
            const char *json = escaped(text_add_json, text_slice(&all));
            json_t *value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            if (!json_is_string(value))
                print_error("byte %02x: %s\n", byte, json);
            assert_true(json_is_string(value));
            json_t *same = json_stringn(bytes, all.len); /* NULL where that is no UTF-8 */
            if (same)
                assert_true(json_equal(value, same));
            json_decref(same);
            json_decref(value);
        }
    }
}

static const struct {
    struct slice bytes;
    const char *printable, *escaped, *json, *xml;
} rows[] = {
    {SLICE("plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xa5"),
     "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xa5", "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xa5",
     "\"plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xa5\"",
     "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xa5"},
    {SLICE("\"\\"), "\"\\", "\\\"\\\\", "\"\\\"\\\\\"", "&quot;\\"},
    {SLICE("<a b='&'>"), "<a b='&'>", "<a b='&'>", "\"<a b='&'>\"", "&lt;a b='&amp;'&gt;"},
    {SLICE("\r\n\t\x1b[2J\x7f"), "\\r\\n\\x09\\x1b[2J\\x7f", "\\r\\n\\x09\\x1b[2J\\x7f",
     "\"\\u000d\\u000a\\u0009\\u001b[2J\\u007f\"", "\\r\\n\\x09\\x1b[2J\\x7f"},
    /* C1: CSI; an override of the direction, isolates, separators, a mark of the byte order */
    {SLICE("\xc2\x9b"), "\\u009b", "\\u009b", "\"\\u009b\"", "\\u009b"},
    {SLICE("\xe2\x80\xae"), "\\u202e", "\\u202e", "\"\\u202e\"", "\\u202e"},
    {SLICE("\xe2\x81\xa6\xe2\x81\xa9"), "\\u2066\\u2069", "\\u2066\\u2069", "\"\\u2066\\u2069\"",
     "\\u2066\\u2069"},
    {SLICE("\xe2\x80\xa8\xd8\x9c\xef\xbb\xbf"), "\\u2028\\u061c\\ufeff", "\\u2028\\u061c\\ufeff",
     "\"\\u2028\\u061c\\ufeff\"", "\\u2028\\u061c\\ufeff"},
    /* no character, which XML can't hold */
    {SLICE("\xef\xbf\xbe\xef\xbf\xbf"), "\\ufffe\\uffff", "\\ufffe\\uffff", "\"\\ufffe\\uffff\"",
     "\\ufffe\\uffff"},
    /* no UTF-8: a byte alone, cut, overlong, a surrogate, beyond U+10FFFF */
    {SLICE("\xff"), "\\xff", "\\xff", "\"\\\\xff\"", "\\xff"},
    {SLICE("\xe2\x82"), "\\xe2\\x82", "\\xe2\\x82", "\"\\\\xe2\\\\x82\"", "\\xe2\\x82"},
    {SLICE("\xc0\xaf"), "\\xc0\\xaf", "\\xc0\\xaf", "\"\\\\xc0\\\\xaf\"", "\\xc0\\xaf"},
    {SLICE("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", "\"\\\\xed\\\\xa0\\\\x80\"",
     "\\xed\\xa0\\x80"},
    {SLICE("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80",
     "\"\\\\xf4\\\\x90\\\\x80\\\\x80\"", "\\xf4\\x90\\x80\\x80"},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(escaped(text_add_printable, rows[i].bytes), rows[i].printable);
        assert_string_equal(escaped(text_add_escaped, rows[i].bytes), rows[i].escaped);
        assert_string_equal(escaped(text_add_json, rows[i].bytes), rows[i].json);
        assert_string_equal(escaped(text_add_xml, rows[i].bytes), rows[i].xml);
    }
}

/* What was made printable once is not changed by the next. */
static void test_printable_twice(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(escaped(text_add_printable, slice_from_string(rows[i].printable)),
                            rows[i].printable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_of_every_byte),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_printable_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
