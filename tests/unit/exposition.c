#include "test.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "stats/exposition.h"

static char room[4096];
static struct text told;

static void on_sample(void *context, struct slice name, double value)
{
    text_add(&told, name);
    text_printf(&told, "=%g;", value);
}

static struct exposition new_page(void)
{
    told = text_init(room, sizeof(room));
    return (struct exposition){.on_sample = on_sample};
}

/* Samples as Prometheus' documentation of its text format has them, and what is none. */
static void test_lines(void **state)
{
    static const struct {
        const char *page, *samples;
        unsigned skipped;
    } rows[] = {
        {"", "", 0},
        {"a 1\n", "a=1;", 0},
        {"a 1", "a=1;", 0},
        {"a 1\r\nb 2\r\n", "a=1;b=2;", 0},
        {"# HELP a b\n# TYPE a counter\na 1.5e3 1395066363000\n", "a=1500;", 0},
        {"\n  \na{b=\"c\",d=\"e\"} 2\n", "a=2;", 0},
        {"a{b=\"}\"} 3\n", "a=3;", 0},
        {"a{b=\"\\\"}\",} 4\n", "a=4;", 0},
        {"a{b=\"\\\\\"} 5\n", "a=5;", 0},
        {"a {b=\"c d\"}\t6 # {x=\"y\"} 7\n", "a=6;", 0},
        {"a +Inf\nb -Inf\n", "a=inf;b=-inf;", 0},
        {"a:b_C9 -1\n", "a:b_C9=-1;", 0},
        {"{} 1\na\na{b=\"c\" 1\na x\n9a 1\na 1x\n<html>\n", "", 7},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].page);
        for (size_t split = 0; split <= len; split++) {
            struct exposition page = new_page();
            exposition_feed(&page, guarded_again(slice_make(rows[i].page, split)));
            exposition_feed(&page, guarded_again(slice_make(rows[i].page + split, len - split)));
            exposition_end(&page);
            assert_string_equal(text_string(&told), rows[i].samples);
            assert_int_equal(page.skipped, rows[i].skipped);
        }
    }
}

/* A line of exactly the room is read, a longer one is left out, and the next one is read again. */
static void test_long_lines(void **state)
{
    for (size_t len = EXPOSITION_LINE - 3; len < EXPOSITION_LINE + 3; len++) {
        char line[EXPOSITION_LINE + 8];
        memset(line, 'a', len);
        memcpy(line + len - 2, " 1", 2);
        struct exposition page = new_page();
        exposition_feed(&page, slice_make(line, len));
        exposition_feed(&page, SLICE("\nb 2\n"));
        exposition_end(&page);
        bool fits = len < EXPOSITION_LINE;
        assert_int_equal(page.skipped, fits ? 0 : 1);
        assert_int_equal(told.len, fits ? len - 2 + 3 + 4 : 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
