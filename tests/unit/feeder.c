#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/feeder.h"

#define LINE 100u
#define ROOM 2000u

static char line[LINE + 1];

static int make_line(void **state)
{
    memset(line, '.', LINE - 1);
    line[LINE - 1] = '\n';
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

/* Fills a pipe; returns what it holds. */
static size_t fill(int to)
{
    size_t held = 0;
    char bytes[4096] = {0};
    int flags = fcntl(to, F_GETFL);
    fcntl(to, F_SETFL, flags | O_NONBLOCK);
    for (ssize_t n = write(to, bytes, sizeof(bytes)); n > 0; n = write(to, bytes, sizeof(bytes)))
        held += (size_t)n;
    fcntl(to, F_SETFL, flags);
    return held;
}

static void drain(int from, size_t len)
{
    char bytes[4096];
    while (len > 0) {
        ssize_t n = read(from, bytes, len < sizeof(bytes) ? len : sizeof(bytes));
        assert_true(n > 0);
        len -= (size_t)n;
    }
}

/* Of a reader that stands still: lines beyond the room are left out, the last word is not. */
static void test_lines_are_left_out(void **state)
{
    int ends[2];
    char last[6] = {0};
    assert_int_equal(pipe(ends), 0);
    size_t held = fill(ends[1]);
    struct feeder *feeder = feeder_new(ends[1], ROOM);
    for (unsigned i = 0; i < 30; i++)
        feeder_add(feeder, line, LINE, true);
    feeder_add(feeder, "last\n", 5, false);
    assert_int_equal(feeder_left_out(feeder), 10);
    assert_int_equal(feeder_waiting(feeder), 20 * LINE + 5);
    uint64_t before_ns = clock_monotonic_ns();
    assert_false(feeder_wait(feeder, 100));
    uint64_t took_ns = clock_monotonic_ns() - before_ns;
    assert_true(took_ns >= 100 * NS_PER_MS);
    drain(ends[0], held + 20 * LINE);
    assert_int_equal(read(ends[0], last, 5), 5);
    assert_string_equal(last, "last\n");
    assert_true(feeder_wait(feeder, FEEDER_FOREVER));
    assert_int_equal(feeder_error(feeder), 0);
    feeder_free(feeder);
    close(ends[0]);
    close(ends[1]);
}

/* What can't be written is given up, and the first error is kept. */
static void test_errors(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    struct feeder *feeder = feeder_new(ends[1], ROOM);
    for (unsigned i = 0; i < 30; i++)
        feeder_add(feeder, line, LINE, false);
    assert_true(feeder_wait(feeder, FEEDER_FOREVER));
    assert_int_equal(feeder_error(feeder), -EPIPE);
    feeder_free(feeder);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_left_out),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, make_line, NULL);
}
