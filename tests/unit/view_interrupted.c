#include "test.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "view/interrupted.h"

/* Tenths are for runs of seconds; a time is never said to be more than it was. */
static void test_words(void **state)
{
    static const struct {
        double at_s, of_s;
        const char *words;
    } rows[] = {
        {2, 20, "2.0 of 20 s"},
        {0, 20, "0.0 of 20 s"},
        {0.04, 0.25, "0.0 of 0.25 s"},
        {2.26, 2.5, "2.2 of 2.5 s"},
        {59.99, 59.995, "59.9 of 59.995 s"},
        {2, 60, "2.0 s of 1 min"},
        {59.99, 61, "59.9 s of 1 min 1 s"},
        {60, 90, "1 min of 1 min 30 s"},
        {754.9, 3600, "12 min 34 s of 1 h"},
        {3900, 7200, "1 h 5 min of 2 h"},
        {3659, 7259, "1 h of 2 h"},
        {20 * 86400, 30 * 86400, "20 d of 30 d"},
        {86400 + 3 * 3600 + 59 * 60, 7 * 86400 + 12 * 3600, "1 d 3 h of 7 d 12 h"},
        {86399, 366 * 86400, "23 h 59 min of 366 d"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char room[80], expected[80];
        struct text text = text_init(room, sizeof(room));
        const struct interrupted interrupted = {SIGTERM,
                                                (uint64_t)(rows[i].at_s * 1000 + 0.5) * NS_PER_MS,
                                                (uint64_t)(rows[i].of_s * 1000 + 0.5) * NS_PER_MS};
        snprintf(expected, sizeof(expected), "interrupted after %s", rows[i].words);
        interrupted_write(&text, &interrupted);
        assert_string_equal(text_string(&text), expected);
    }
}

static void test_signals(void **state)
{
    assert_string_equal(interrupted_signal_name(SIGINT), "SIGINT");
    assert_string_equal(interrupted_signal_name(SIGTERM), "SIGTERM");
    assert_string_equal(interrupted_signal_name(SIGHUP), "SIGHUP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
