#include "test.h"

#include <stdio.h>
#include <string.h>

#include "a_run.h"
#include "view/terminal.h"

#define ROWS 60u
#define COLUMNS 300u

/* What a terminal makes of a frame: the characters at their places, escapes obeyed. */
struct screen {
    char cells[ROWS][COLUMNS][5];
    unsigned row, column, styled;
    char line[COLUMNS * 4 + 1];
};

static char buffer[VIEW_TERMINAL_BYTES];
static struct screen screen;

/* Obeys one escape sequence; gives what follows it. */
static const char *obey(const char *at)
{
    unsigned row = 1, column = 1;
    size_t digits = strspn(at + 2, "0123456789;?");
    char last = at[2 + digits];
    assert_true(at[1] == '[');
    if (last == 'H') {
        assert_int_equal(sscanf(at + 2, "%u;%u", &row, &column), 2);
        screen.row = row - 1;
        screen.column = column - 1;
    } else {
        assert_true(last == 'm' || last == 'K');
        screen.styled += last == 'm';
    }
    return at + 3 + digits;
}

static void show(const char *frame, unsigned columns, unsigned rows)
{
    memset(&screen, 0, sizeof(screen));
    for (const char *at = frame; *at;) {
        size_t n = 1;
        if (*at == '\033') {
            at = obey(at);
            continue;
        }
        while ((at[n] & 0xc0) == 0x80)
            n++;
        assert_true((unsigned char)*at >= 0x20 && n <= 4);
        assert_true(screen.row < rows && screen.column < columns);
        memcpy(screen.cells[screen.row][screen.column++], at, n);
        at += n;
    }
}

static const char *line(unsigned row)
{
    screen.line[0] = '\0';
    for (unsigned i = 0; i < COLUMNS && screen.cells[row][i][0]; i++)
        strcat(screen.line, screen.cells[row][i]);
    return screen.line;
}

/* Draws, and fails where anything is beyond the edge. */
static void draw(const struct terminal_view *view, const struct snapshot *snapshot)
{
    struct text text = text_init(buffer, sizeof(buffer));
    view_terminal(view, snapshot, &text);
    assert_false(text.overflow);
    show(text_string(&text), view->columns, view->rows);
}

/* The row that begins with a label. */
static const char *labelled(const char *label, unsigned rows)
{
    for (unsigned i = 0; i < rows; i++) {
        if (strncmp(line(i), label, strlen(label)) == 0)
            return screen.line;
    }
    fail_msg("no row '%s'", label);
    return "";
}

static void assert_holds(const char *whole, const char *part)
{
    if (!strstr(whole, part))
        assert_string_equal(whole, part);
}

static const struct terminal_view usual = {.columns = 80,
                                           .rows = 24,
                                           .colour = true,
                                           .unicode = true,
                                           .keys = true,
                                           .duration_ns = 61 * NS_PER_S,
                                           .title = "100 readers of rtsp://host/busy"};

static void test_numbers(void **state)
{
    struct a_run run;
    a_run_begin(&run);
    draw(&usual, &run.snapshot);
    assert_holds(line(0), "100 readers of rtsp://host/busy");
    assert_holds(line(0), "● running");
    assert_holds(line(1), "30 s ");
    assert_holds(line(1), " 50 %  31 s left");
    assert_holds(labelled("active", 24), "94  ");
    assert_holds(screen.line, "of 100");
    assert_holds(labelled("new", 24), "97 in all, 2 failed, 3 dropped");
    assert_holds(labelled("packets", 24), "1,294,567");
    assert_holds(labelled("lost", 24), "150 (0.0116 %)");
    assert_holds(line(8), "by the network 100, our sockets 20, our delay 10, the server 20");
    assert_holds(labelled("describe", 24), "2.01 ms");
    assert_holds(labelled("errors", 24), "7  describe status 404  404 Not Found");
    assert_holds(labelled("generator", 24), "ok, busiest thread ");
    assert_holds(line(23), "q end   p pause   + - target   ? help");
    a_run_end(&run);
}

/* At any size nothing is beyond the edge, and the keys are in the last row. */
static void test_sizes(void **state)
{
    static const unsigned sizes[][2] = {{1, 1},   {10, 3},  {39, 10},  {80, 12},  {80, 24},
                                        {81, 33}, {80, 34}, {120, 40}, {300, 60}, {79, 24}};
    struct a_run run;
    a_run_begin(&run);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct terminal_view view = usual;
        view.columns = sizes[i][0];
        view.rows = sizes[i][1];
        draw(&view, &run.snapshot);
        assert_true(line(view.rows - 1)[0] == 'q' || view.rows == 1);
        view.help = true;
        draw(&view, &run.snapshot);
    }
    a_run_end(&run);
}

static void test_states(void **state)
{
    struct terminal_view view = usual;
    struct a_run run;
    a_run_begin(&run);
    view.paused = true;
    draw(&view, &run.snapshot);
    assert_holds(line(0), "● paused");
    assert_holds(line(23), "p go on");
    view.ending = true;
    draw(&view, &run.snapshot);
    assert_holds(line(0), "● ending");
    view.help = true;
    view.notice = "io_uring is refused here";
    draw(&view, &run.snapshot);
    labelled("p          pause", 24);
    assert_holds(line(23), "io_uring is refused here");
    run.snapshot.generator.limits = 1u << LIMIT_CPU | 1u << LIMIT_FILES;
    draw(&usual, &run.snapshot);
    assert_holds(labelled("generator", 24), "LIMITED by cpu files,");
    a_run_end(&run);
}

/* No colour asked for: bold and reset alone. No UTF-8: ASCII alone. */
static void test_plain(void **state)
{
    struct terminal_view view = usual;
    struct a_run run;
    a_run_begin(&run);
    view.colour = view.unicode = false;
    draw(&view, &run.snapshot);
    for (const char *at = buffer; (at = strchr(at, '\033')); at++)
        assert_true(strchr("HK", at[2 + strspn(at + 2, "0123456789;")]) ||
                    strncmp(at, "\033[1m", 4) == 0 || strncmp(at, "\033[0m", 4) == 0);
    for (const char *at = buffer; *at; at++)
        assert_true((unsigned char)*at < 0x80);
    a_run_end(&run);
}

/* The newest value stands at the right, the greatest is the highest, and nothing is a blank. */
static void test_sparkline(void **state)
{
    static const struct timeline_row rows[] = {
        {.t_ns = 1 * NS_PER_S, .packets = 800, .has_startup = true, .startup_p95_us = 10},
        {.t_ns = 2 * NS_PER_S, .packets = 800},
        {.t_ns = 3 * NS_PER_S, .packets = 1200, .has_startup = true, .startup_p95_us = 80},
        {.t_ns = 3 * NS_PER_S + 1000000, .packets = 1201}, /* too short for a rate */
    };
    struct a_run run;
    a_run_begin(&run);
    run.snapshot.series = rows;
    run.snapshot.series_count = 4;
    draw(&usual, &run.snapshot);
    assert_holds(labelled("packets", 24), " 400/s  █▁▅ ");
    assert_holds(labelled("startup", 24), "8  ▂ █");
    a_run_end(&run);
}

/* Who was not answered failed. A step that all got stuck in has no value, and yet a row. */
static void test_never(void **state)
{
    struct terminal_view tall = usual;
    struct a_run run;
    tall.rows = 40;
    a_run_begin(&run);
    run.total->sessions.unanswered = 20;
    draw(&usual, &run.snapshot);
    assert_holds(labelled("new", 24), "97 in all, 22 failed, 3 dropped");
    histogram_clear(&run.total->metrics[METRIC_COME_BACK]);
    histogram_clear(&run.total->metrics[METRIC_KEEPALIVE]);
    run.total->never[METRIC_COME_BACK] = 17;
    run.total->never[METRIC_KEEPALIVE] = 0;
    draw(&tall, &run.snapshot);
    assert_holds(labelled("come back", 40), "-         -         -         -      17");
    for (unsigned i = 0; i < 40; i++)
        assert_null(strstr(line(i), "keepalive"));
    a_run_end(&run);
}

static void test_streams(void **state)
{
    struct terminal_view view = usual;
    struct a_run run;
    a_run_begin(&run);
    view.columns = 120;
    view.rows = 40;
    draw(&view, &run.snapshot);
    assert_holds(labelled("streams", 40), "rtsp://user:***@host/busy");
    assert_holds(screen.line, "97 established, 1,234,567 packets, 150 lost");
    labelled("picture    5,000 whole frames, 103 damaged, 54 freezes, 56 stalls", 40);
    a_run_end(&run);
}

static void assert_no_row(const char *label)
{
    for (unsigned i = 0; i < ROWS; i++)
        assert_int_not_equal(strncmp(line(i), label, strlen(label)), 0);
}

/* A made-up run whose last second saw 600,000 packets, 750 MB and 1,500 drops more than that
   before: over 1.0004 s. */
static void test_publishers(void **state)
{
    static const char *const of_readers[] = {"lost", "play", "first rtp", "jitter", "describe"};
    struct terminal_view tall = usual;
    struct a_run run;
    tall.columns = 120;
    tall.rows = 40;
    a_run_begin(&run);
    a_run_publish_only(&run);
    draw(&usual, &run.snapshot);
    assert_holds(labelled("packets", 24), " 600k/s ");
    assert_holds(screen.line, "  600,000");
    assert_holds(labelled("bit rate", 24), "6.00 Gbit/s ");
    assert_holds(screen.line, "  750 MB");
    assert_holds(labelled("dropped", 24), "1.50k/s ");
    assert_holds(screen.line, "1,500 (0.249 %)");
    assert_holds(line(8), "by the server 1,200, our delay 300");
    assert_holds(labelled("announce", 24), "23.0 ms");
    assert_holds(labelled("record", 24), "24.0 ms");
    assert_holds(labelled("late", 24), "25.0 ms");
    assert_holds(labelled("round trip", 24), "26.0 ms");
    labelled("errors", 24);
    for (size_t i = 0; i < sizeof(of_readers) / sizeof(of_readers[0]); i++)
        assert_no_row(of_readers[i]);
    draw(&tall, &run.snapshot);
    assert_no_row("picture");
    assert_holds(labelled("streams", 40), "0 established, 600,000 packets, 1,500 dropped");
    a_run_end(&run);
}

/* With both kinds the essential of each has room on the smallest screen that is promised. */
static void test_both(void **state)
{
    static const char *const rows[] = {"packets", "bit rate", "lost",   "published",
                                       "dropped", "play",     "record", "startup",
                                       "jitter",  "late",     "errors", "generator"};
    struct terminal_view view = usual;
    struct a_run run;
    a_run_begin(&run);
    a_run_publish(&run);
    histogram_record(&run.total->metrics[METRIC_TLS], 5);
    draw(&view, &run.snapshot);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        labelled(rows[i], 24);
    assert_holds(labelled("packets", 24), "1,294,567");
    assert_holds(labelled("published", 24), "600,000");
    view.rows = 40;
    draw(&view, &run.snapshot);
    labelled("announce", 40);
    labelled("picture", 40);
    view.help = true;
    draw(&view, &run.snapshot);
    labelled("late       from when", 40);
    a_run_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_states),     cmocka_unit_test(test_plain),
        cmocka_unit_test(test_sparkline),  cmocka_unit_test(test_streams),
        cmocka_unit_test(test_publishers), cmocka_unit_test(test_both),
        cmocka_unit_test(test_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
