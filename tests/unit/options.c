#include "test.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/options.h"
#include "load/plan.h"

static char said[16384];
static struct text error;

/* Splits a line at its spaces and parses it; the words are writable and stay until the next call.
 */
static bool parse(struct options *options, const char *line)
{
    static char room[1024];
    static char *argv[64];
    int argc = 0;
    snprintf(room, sizeof(room), "rtspbench %s", line);
    for (char *word = strtok(room, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    error = text_init(said, sizeof(said));
    return options_parse(options, argc, argv, &error);
}

static void test_values(void **state)
{
    static const struct {
        const char *line;
        enum option_id id;
        uint64_t number;
    } rows[] = {
        {"", OPT_READERS, 100},
        {"run", OPT_READERS, 100},
        {"-n 5", OPT_READERS, 5},
        {"-n5", OPT_READERS, 5},
        {"--readers 5", OPT_READERS, 5},
        {"--readers=5", OPT_READERS, 5},
        {"run --readers=5 --readers=7", OPT_READERS, 7},
        {"-qn5", OPT_READERS, 5},
        {"-qn5", OPT_QUIET, 1},
        {"--duration 1h30m", OPT_DURATION, 5400 * NS_PER_S},
        {"--hours 1.5", OPT_HOURS, 5400 * NS_PER_S},
        {"", OPT_TIMEOUT, 20 * NS_PER_S},
        {"-t udp", OPT_TRANSPORT, 1},
        {"--keepalive set_parameter", OPT_KEEPALIVE, 3},
        {"--find-max", OPT_FIND_MAX, 0},
        {"--find-max=rate", OPT_FIND_MAX, 1},
        {"--find-max -n 7", OPT_READERS, 7},
        {"--gro off", OPT_GRO, 0},
        {"", OPT_GRO, 1},
        {"--rcvbuf 4k", OPT_RCVBUF, 4096},
        {"--rtp-ports 40000-40999", OPT_RTP_PORTS, UINT64_C(40000) << 16 | 40999},
        {"--rtp-ports 40001-41000", OPT_RTP_PORTS, UINT64_C(40002) << 16 | 40999},
        {"serve", OPT_PORT, 8554},
        {"serve --port 0", OPT_PORT, 0},
        {"serve --auth digest", OPT_AUTH, 1},
        {"probe --json rtsp://h/", OPT_JSON, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct options options;
        assert_true(parse(&options, rows[i].line));
        assert_int_equal(options_number(&options, rows[i].id), rows[i].number);
        options_dispose(&options);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"--reders 5", "unknown option '--reders': did you mean '--readers'?"},
        {"--rate 100/x", "--rate '100/x': expected a rate such as 100/s, 600/m or 3600/h"},
        {"--rate 0", "--rate '0': expected a rate"},
        {"--truth x", "unknown option '--truth'"},
        {"serve --reders 5", "unknown option '--reders': see 'rtspbench serve --help'"},
        {"serve --no-adio", "did you mean '--no-audio'?"},
        {"-n 0", "--readers '0': expected a whole number from 1 to 10,000,000"},
        {"-n many", "--readers 'many': expected a whole number"},
        {"-n -5", "--readers '-5'"},
        {"-n", "--readers needs a value: a whole number"},
        {"--transport=ws", "--transport 'ws': expected one of tcp|udp|auto"},
        {"--duration 10", "--duration '10': expected a duration such as 500ms, 30s or 1h30m"},
        {"--duration 0", "at least 1.00 ms"},
        {"--coalesce 6ms", "at most 5.00 ms"},
        {"--publish-queue 99ms", "at least 100 ms"},
        {"--hours 0", "--hours '0': expected a number of hours"},
        {"--hours 1h", "--hours '1h'"},
        {"--rtp-ports 40001-40002",
         "--rtp-ports '40001-40002': expected a range of at least two ports"},
        {"--rtp-ports 50000", "--rtp-ports '50000'"},
        {"--quiet=yes", "--quiet 'yes': expected no value"},
        {"-x", "unknown option '-x'"},
        {"--json=", "--json '': expected a FILE that is not empty"},
        {"srve", "'srve' is neither a command nor a URL: did you mean 'serve'?"},
        {"camera", "'camera' is neither a command nor a URL: expected one such as rtsp://"},
        {"serve rtsp://h/", "serve takes options only"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct options options;
        assert_false(parse(&options, rows[i].line));
        if (!strstr(text_string(&error), rows[i].says))
            fail_msg("'%s' says '%s', not '%s'", rows[i].line, said, rows[i].says);
        options_dispose(&options);
    }
}

/* --url and positional URLs add up, in their order; so do the other repeatable options. */
static void test_repeatable(void **state)
{
    struct options options;
    assert_true(parse(
        &options,
        "rtsp://h/a --url rtsp://h/b -H A:1 --url=rtsp://h/c -n 3 --header=B:2 -- rtsp://h/d"));
    assert_int_equal(options.url_count, 4);
    for (int i = 0; i < 4; i++) {
        char expect[] = "rtsp://h/?";
        expect[9] = (char)('a' + i);
        assert_string_equal(options.urls[i], expect);
    }
    assert_int_equal(options.repeated_count, 2);
    assert_int_equal(options.repeated_ids[1], OPT_HEADER);
    assert_string_equal(options.repeated[0], "A:1");
    assert_string_equal(options.repeated[1], "B:2");
    options_dispose(&options);
}

static void test_help_stops(void **state)
{
    struct options options;
    assert_true(parse(&options, "serve --help --nonsense"));
    assert_true(options_given(&options, OPT_HELP));
    assert_int_equal(options.command, COMMAND_SERVE);
    options_dispose(&options);
    assert_false(parse(&options, "serve --nonsense --help"));
    options_dispose(&options);
}

/* argv loses the passwords, the options keep them. */
static void test_passwords_leave_argv(void **state)
{
    char name[] = "rtspbench", first[] = "rtsp://user:secret@h/a",
         flag[] = "--url=rtsp://u:p@ss@h/", plain[] = "rtsp://h:554/mail@x",
         bare[] = "rtsp://user@h:554/";
    char *argv[] = {name, first, flag, plain, bare};
    struct options options;
    error = text_init(said, sizeof(said));
    assert_true(options_parse(&options, 5, argv, &error));
    assert_string_equal(first, "rtsp://user:******@h/a");
    assert_string_equal(flag, "--url=rtsp://u:****@h/");
    assert_string_equal(bare, "rtsp://user@h:554/");
    assert_string_equal(options.urls[0], "rtsp://user:secret@h/a");
    assert_string_equal(options.urls[1], "rtsp://u:p@ss@h/");
    assert_string_equal(options.urls[2], "rtsp://h:554/mail@x");
    options_dispose(&options);
}

/* So do a query's tokens, and the values of options that are secrets, however they are given. */
static void test_secrets_leave_argv(void **state)
{
    static const char *const rows[][3] = {
        {"rtsp://h/?token=secret&x=1", NULL, "rtsp://h/?token=******&x=1"},
        {"--url=rtsp://h/?key=secret", NULL, "--url=rtsp://h/?key=******"},
        {"--var=password=secret", NULL, "--var=password=******"},
        {"--web-control", "secret", "******"},
        {"--web-control=secret", NULL, "--web-control=******"},
        {"-H", "X-A: secret", "X-A:*******"},
        {"-qH", "X-A:secret", "X-A:******"},
        {"-HX-A: secret", NULL, "-HX-A:*******"},
        {"--header", "X-A: secret", "X-A:*******"},
        {"--header=X-A: secret", NULL, "--header=X-A:*******"},
        {"--header", "secret", "******"},
        {"--user", "secret", "secret"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char program[] = "rtspbench", first[40], second[40];
        char *argv[] = {program, first, second};
        int argc = rows[i][1] ? 3 : 2;
        struct options options;
        snprintf(first, sizeof(first), "%s", rows[i][0]);
        snprintf(second, sizeof(second), "%s", rows[i][1] ? rows[i][1] : "");
        error = text_init(said, sizeof(said));
        assert_true(options_parse(&options, argc, argv, &error));
        assert_string_equal(argv[argc - 1], rows[i][2]);
        assert_string_equal(options.arguments[argc - 1], rows[i][argc - 2]);
        options_dispose(&options);
    }
}

/* What is said about a bad value or word shows no password in it. */
static void test_complaints_mask(void **state)
{
    struct options options;
    static const char *const lines[] = {
        "--readers rtsp://user:hunter2@h/",
        "--readers rtsp://h/?token=hunter2",
        "rtsp:/user:hunter2@h/x",
        "user:hunter2@h/x",
        "probe user:hunter2@h/x",
        "serve rtsp://user:hunter2@h/x",
        "-H X-A:hunter2\n",
        "--header=X-A:hunter2\r",
        "serve rtsp://h/a?password=hunter2",
        "--rtsp://user:hunter2@h/x",
        "a-user-with-a-name-that-is-quite-long-in-itself:hunter2-and-more-than-60-bytes@h/x",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_false(parse(&options, lines[i]));
        assert_non_null(strstr(text_string(&error), "***"));
        assert_null(strstr(text_string(&error), "hunter2"));
        options_dispose(&options);
    }
}

/* Text that enters a request can't bring a header of its own. */
static void test_one_line_alone(void **state)
{
    static const char *const names[] = {"--user-agent", "--user", "--header", "--url"};
    static const char *const ends[] = {"\r\n", "\n", "\r"};
    for (size_t i = 0; i < 12; i++) {
        char program[] = "rtspbench", name[20], value[40];
        char *argv[] = {program, name, value};
        struct options options;
        snprintf(name, sizeof(name), "%s", names[i / 3]);
        snprintf(value, sizeof(value), "rtsp://h/a: b%sX-Evil: 1", ends[i % 3]);
        error = text_init(said, sizeof(said));
        assert_false(options_parse(&options, 3, argv, &error));
        assert_non_null(strstr(text_string(&error), names[i / 3]));
        assert_non_null(strstr(text_string(&error), "expected one line: no CR and no LF"));
        options_dispose(&options);
    }
}

/* Every option of a command is in its help, and every help has an example. */
static void test_help(void **state)
{
    static char room[32768];
    for (int command = 0; command < COMMANDS; command++) {
        struct text help = text_init(room, sizeof(room));
        options_help(&help, command);
        assert_false(help.overflow);
        assert_non_null(strstr(text_string(&help), "Example:\n  rtspbench"));
        for (unsigned i = 0; i < option_count; i++) {
            char name[80];
            snprintf(name, sizeof(name), "--%s%s", option_table[i].name,
                     option_table[i].argument ? " " : "");
            if (option_table[i].commands & (1u << command))
                assert_non_null(strstr(room, name));
        }
        for (char *line = strtok(room, "\n"); line; line = strtok(NULL, "\n"))
            assert_in_range(strlen(line), 0, 100);
    }
}

/* A command knows each name and each letter once. */
static void test_table(void **state)
{
    for (unsigned i = 0; i < option_count; i++) {
        for (unsigned k = 0; k < i; k++) {
            const struct option_spec *a = &option_table[i], *b = &option_table[k];
            if (!(a->commands & b->commands))
                continue;
            assert_string_not_equal(a->name, b->name);
            assert_false(a->letter && a->letter == b->letter);
            assert_int_not_equal(a->id, b->id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_repeatable),
        cmocka_unit_test(test_help_stops),
        cmocka_unit_test(test_passwords_leave_argv),
        cmocka_unit_test(test_secrets_leave_argv),
        cmocka_unit_test(test_complaints_mask),
        cmocka_unit_test(test_one_line_alone),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
