#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "load/url_list.h"

static char said[16384];
static struct text error;

static void clear_error(void)
{
    error = text_init(said, sizeof(said));
}

/* The list's URLs, a space between them; a weight over 1 as *N. */
static const char *listed(const struct url_list *list)
{
    static char room[4096];
    struct text out = text_init(room, sizeof(room));
    for (uint32_t i = 0; i < list->count; i++) {
        text_printf(&out, "%s%s", i ? " " : "", list->items[i].url);
        if (list->items[i].weight > 1)
            text_printf(&out, "*%u", list->items[i].weight);
    }
    return text_string(&out);
}

static void test_patterns(void **state)
{
    static const struct {
        const char *pattern, *expect;
    } rows[] = {
        {"rtsp://h/a", "rtsp://h/a"},
        {"rtsp://h/cam{1..3}", "rtsp://h/cam1 rtsp://h/cam2 rtsp://h/cam3"},
        {"rtsp://h/cam{3..1}", "rtsp://h/cam3 rtsp://h/cam2 rtsp://h/cam1"},
        {"rtsp://h/cam{008..011}/x",
         "rtsp://h/cam008/x rtsp://h/cam009/x rtsp://h/cam010/x rtsp://h/cam011/x"},
        {"rtsp://h{1..2}:554/{5..6}?q=1",
         "rtsp://h1:554/5?q=1 rtsp://h1:554/6?q=1 rtsp://h2:554/5?q=1 rtsp://h2:554/6?q=1"},
        {"rtsp://h/a*3", "rtsp://h/a*3"},
        {"rtsp://h/{0..1}*12", "rtsp://h/0*12 rtsp://h/1*12"},
        {"rtsp://h/{n}", "rtsp://h/{n}"},
        {"rtsp://h/{1..}x", "rtsp://h/{1..}x"},
        {"rtsp://h/{1.2}{..3}{a..b}", "rtsp://h/{1.2}{..3}{a..b}"},
        {"rtsp://h/a*", "rtsp://h/a*"},
        {"rtsp://h/7", "rtsp://h/7"},
        {"rtsp://u:p%40ss@h/a#frag", "rtsp://h/a"},
        {"rtsp://[::1]:8554/{1..2}", "rtsp://[::1]:8554/1 rtsp://[::1]:8554/2"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct url_list list = {0};
        clear_error();
        assert_true(url_list_add(&list, rows[i].pattern, &error));
        assert_string_equal(listed(&list), rows[i].expect);
        url_list_dispose(&list);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *pattern, *says;
    } rows[] = {
        {"rtsp:///path", "no host"},
        {"http://h/a", "URL 'http://h/a'"},
        {"rtsp://h/a*0", "weight"},
        {"rtsp://h/a*1000001", "weight"},
        {"rtsp://h/{1..100001}", "100,000"},
        {"rtsp://h/{0..1000}/{0..1000}", "100,000"},
        {"rtsp://h:70000/a", "70000"},
        {"rtsp://h/{1..99999999999}", "beyond"},
        {"rtsp://h/{4294967296..1}", "beyond"},
        {"rtsp://h/{1..99999999999999999999999}", "beyond"},
        {"rtsp://h/{1..2}{1..99999999999}", "beyond"},
        {"rtsp://u:pa#ss@h/a", "password: write it as %2F, %3F or %23"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct url_list list = {0};
        clear_error();
        assert_false(url_list_add(&list, rows[i].pattern, &error));
        assert_non_null(strstr(text_string(&error), rows[i].says));
        url_list_dispose(&list);
    }
}

static void test_credentials(void **state)
{
    struct url_list list = {0};
    clear_error();
    assert_true(url_list_add(&list, "rtsp://us%65r:p%40s%3As@h/a", &error));
    assert_true(url_list_add(&list, "rtsp://only@h/b", &error));
    assert_true(url_list_add(&list, "rtsp://h/c", &error));
    assert_string_equal(list.items[0].user, "user");
    assert_string_equal(list.items[0].password, "p@s:s");
    assert_string_equal(list.items[1].user, "only");
    assert_string_equal(list.items[1].password, "");
    assert_null(list.items[2].user);
    assert_true(slice_equal(list.items[0].parsed.host, SLICE("h")));
    url_list_dispose(&list);
}

/* What is wrong with a URL is said without its password. */
static void test_error_masks(void **state)
{
    struct url_list list = {0};
    clear_error();
    assert_false(url_list_add(&list, "rtsp://user:hunter2@h:99999/a", &error));
    assert_null(strstr(text_string(&error), "hunter2"));
    assert_non_null(strstr(text_string(&error), "user"));
    clear_error();
    assert_false(url_list_add(&list, "rtsp:/user:hunter2@h/a", &error));
    assert_false(url_list_add(&list, "user:hunter2@h/a", &error));
    assert_false(url_list_add(&list, "rtsp://user:12#hunter2@h/a", &error));
    assert_null(strstr(text_string(&error), "hunter2"));
    url_list_dispose(&list);
}

/* The first readers' URLs, as digits. */
static void test_deal(void **state)
{
    static const struct {
        const char *patterns[3];
        const char *dealt;
    } rows[] = {
        {{"rtsp://h/a"}, "0000"},
        {{"rtsp://h/{1..3}"}, "0120120"},
        {{"rtsp://h/a*3", "rtsp://h/b"}, "00100010"},
        {{"rtsp://h/a", "rtsp://h/b*2", "rtsp://h/c"}, "10211021"},
        {{"rtsp://h/{1..2}*2"}, "01010101"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct url_list list = {0};
        char dealt[16] = "";
        clear_error();
        for (int k = 0; k < 3 && rows[i].patterns[k]; k++)
            assert_true(url_list_add(&list, rows[i].patterns[k], &error));
        assert_true(url_list_deal(&list, &error));
        for (uint32_t reader = 1; reader <= strlen(rows[i].dealt); reader++)
            dealt[reader - 1] = (char)('0' + url_list_of(&list, reader));
        assert_string_equal(dealt, rows[i].dealt);
        url_list_dispose(&list);
    }
}

static void test_nothing_to_deal(void **state)
{
    struct url_list list = {0};
    clear_error();
    assert_false(url_list_deal(&list, &error));
    assert_non_null(strstr(text_string(&error), "no URL"));
}

static void write_file(char *path, const char *content)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void test_file(void **state)
{
    char path[] = "/tmp/url_list-XXXXXX";
    struct url_list list = {0};
    clear_error();
    write_file(path, "# cameras\n\n  rtsp://h/a*2  \r\nrtsp://h/{1..2}\nrtsp://h/last");
    assert_true(url_list_add_file(&list, path, &error));
    assert_string_equal(listed(&list), "rtsp://h/a*2 rtsp://h/1 rtsp://h/2 rtsp://h/last");
    url_list_dispose(&list);
    unlink(path);
}

/* A byte-order mark begins a file, not a URL. */
static void test_file_with_mark(void **state)
{
    static const char *const texts[] = {"\xef\xbb\xbfrtsp://h/a\r\n",
                                        "\xef\xbb\xbf# first\nrtsp://h/a\n"};
    for (size_t i = 0; i < 2; i++) {
        char path[] = "/tmp/url_list-XXXXXX";
        struct url_list list = {0};
        clear_error();
        write_file(path, texts[i]);
        assert_true(url_list_add_file(&list, path, &error));
        assert_string_equal(listed(&list), "rtsp://h/a");
        url_list_dispose(&list);
        unlink(path);
    }
}

static void test_file_refused(void **state)
{
    char path[] = "/tmp/url_list-XXXXXX";
    struct url_list list = {0};
    clear_error();
    write_file(path, "rtsp://h/a\n# b\nrtsp://\n");
    assert_false(url_list_add_file(&list, path, &error));
    assert_non_null(strstr(text_string(&error), "line 3"));
    unlink(path);
    clear_error();
    assert_false(url_list_add_file(&list, path, &error));
    assert_non_null(strstr(text_string(&error), "No such file"));
    url_list_dispose(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_credentials),    cmocka_unit_test(test_error_masks),
        cmocka_unit_test(test_deal),           cmocka_unit_test(test_nothing_to_deal),
        cmocka_unit_test(test_file),           cmocka_unit_test(test_file_refused),
        cmocka_unit_test(test_file_with_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
