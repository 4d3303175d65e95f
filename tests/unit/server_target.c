#include "test.h"

#include "server/target.h"

static void test_table(void **state)
{
    static const struct {
        const char *url, *key, *path, *query, *base;
        int track;
    } rows[] = {
        {"rtsp://h:8554/card", "/card", "/card", "", "rtsp://h:8554", TARGET_WHOLE},
        {"rtsp://h:8554/card/", "/card", "/card", "", "rtsp://h:8554", TARGET_WHOLE},
        {"rtsp://h/card/trackID=1", "/card", "/card", "", "rtsp://h", 1},
        {"rtsp://h/card/trackID=1/", "/card", "/card", "", "rtsp://h", 1},
        {"rtsp://h", "/", "/", "", "rtsp://h", TARGET_WHOLE},
        {"rtsp://h/", "/", "/", "", "rtsp://h", TARGET_WHOLE},
        {"rtsp://h/trackID=0", "/", "/", "", "rtsp://h", 0},
        {"rtsp://[::1]:554/a/b", "/a/b", "/a/b", "", "rtsp://[::1]:554", TARGET_WHOLE},
        /* the two ways of joining a query and a control attribute */
        {"rtsp://h/c?drop=1/100/trackID=0", "/c?drop=1/100", "/c", "drop=1/100", "rtsp://h", 0},
        {"rtsp://h/c/trackID=0?drop=1/100", "/c?drop=1/100", "/c", "drop=1/100", "rtsp://h", 0},
        {"rtsp://h/c?drop=1/100/", "/c?drop=1/100", "/c", "drop=1/100", "rtsp://h", TARGET_WHOLE},
        {"rtsp://h/c?", "/c", "/c", "", "rtsp://h", TARGET_WHOLE},
        {"rtsp://h?seq=1", "/?seq=1", "/", "seq=1", "rtsp://h", TARGET_WHOLE},
        /* no password is ever given back */
        {"rtsp://u:p@h/card", "/card", "/card", "", "", TARGET_WHOLE},
        {"/card/trackID=2", "/card", "/card", "", "", 2},
        {"*", "*", "*", "", "", TARGET_WHOLE},
        {"rtsp://h/xtrackID=1", "/xtrackID=1", "/xtrackID=1", "", "rtsp://h", TARGET_WHOLE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct target target;
        struct slice url = guarded(slice_from_string(rows[i].url));
        assert_int_equal(target_parse(url, &target), TARGET_OK);
        assert_string_equal(target.key, rows[i].key);
        assert_true(slice_equal(target.path, slice_from_string(rows[i].path)));
        assert_true(slice_equal(target.query, slice_from_string(rows[i].query)));
        assert_true(slice_equal(target.base, slice_from_string(rows[i].base)));
        assert_int_equal(target.track, rows[i].track);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "card",
                                      "http://h/card",
                                      "rtsp://",
                                      "rtsp://h/trackID=x",
                                      "rtsp://h/c/trackID=",
                                      "rtsp://h/c/trackID=-1",
                                      "rtsp://h/c/trackID=100"};
    struct target target;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (target_parse(guarded(slice_from_string(bad[i])), &target) != TARGET_BAD)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void test_length(void **state)
{
    char url[400] = "rtsp://h/";
    struct target target;
    memset(url + 9, 'a', TARGET_KEY_MAX - 2);
    assert_int_equal(target_parse(slice_from_string(url), &target), TARGET_OK);
    assert_int_equal(strlen(target.key), TARGET_KEY_MAX - 1);
    url[9 + TARGET_KEY_MAX - 2] = 'a';
    assert_int_equal(target_parse(slice_from_string(url), &target), TARGET_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
