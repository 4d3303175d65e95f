#include "cli/manual.h"

#include <string.h>

/* As roff text: a hyphen that is typed, no escape, and no line that looks like a request. */
static void write_roff(struct slice text, FILE *to)
{
    bool at_start = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (at_start && (c == '.' || c == '\''))
            fputs("\\&", to);
        if (c == '\\')
            fputs("\\e", to);
        else if (c == '-')
            fputs("\\-", to);
        else
            fputc(c, to);
        at_start = c == '\n';
    }
}

static void write_string(const char *string, FILE *to)
{
    write_roff(slice_from_string(string), to);
}

static void write_header(const char *name, FILE *to)
{
    fputs(".TH RTSPBENCH", to);
    for (; *name; name++)
        fputc(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name, to);
    fprintf(to, " 1 \"\" \"rtspbench %s\" \"User Commands\"\n", RTSPBENCH_VERSION);
}

/* Lines of text as paragraphs would have them: without spaces in front. */
static void write_lines(const char *lines, FILE *to)
{
    struct slice rest = slice_from_string(lines);
    while (rest.len > 0) {
        write_roff(slice_trim(slice_take_until(&rest, '\n')), to);
        fputc('\n', to);
    }
}

static void write_option(const struct option_spec *spec, FILE *to)
{
    fputs(".TP\n", to);
    if (spec->letter)
        fprintf(to, "\\fB\\-%c\\fR, ", spec->letter);
    fputs("\\fB\\-\\-", to);
    write_string(spec->name, to);
    fputs("\\fR", to);
    if (spec->argument) {
        fputs(" \\fI", to);
        write_string(spec->argument, to);
        fputs("\\fR", to);
    }
    fputc('\n', to);
    write_string(spec->help, to);
    if (spec->repeatable)
        fputs(" (repeatable)", to);
    fputc('\n', to);
    if (spec->fallback) {
        fputs(".br\nDefault: ", to);
        write_string(spec->fallback, to);
        fputc('\n', to);
    }
}

static void write_options(enum command command, FILE *to)
{
    fputs(".SH OPTIONS\n", to);
    for (unsigned i = 0; i < option_count; i++) {
        if (!options_begins_group(i, command))
            continue;
        fputs(".SS ", to);
        write_string(option_table[i].group, to);
        fputc('\n', to);
        for (unsigned k = i; k < option_count; k++) {
            if (options_knows(&option_table[k], command) &&
                strcmp(option_table[k].group, option_table[i].group) == 0)
                write_option(&option_table[k], to);
        }
    }
}

static void write_forms(FILE *to)
{
    fputs(".SH VALUES\n"
          "Durations: 500ms, 30s, 5m, 1h30m, 7d. Rates: 100/s, 600/m, 3600/h. Sizes: 64k, 2M; "
          "ratios: 0.1% or 0.001.\n"
          "An option given twice: the last one counts, and repeatable ones add up.\n",
          to);
}

static void write_exit_status(enum command command, FILE *to)
{
    static const char *const of_run =
        ".TP\n0\npass, also where some sessions failed\n.TP\n1\nno session was established\n"
        ".TP\n2\nusage or set-up error, or an output that could not be written: the others are, "
        "before\n.TP\n3\nobjectives were set, and this machine was the "
        "limit or a signal ended the run before its load was there\n.TP\n99\nan objective was "
        "missed\n";
    static const char *const of_compare =
        ".TP\n0\nwithin all tolerances, or none was given\n.TP\n2\nusage or set-up error, or an "
        "output that could not be written\n.TP\n3\na tolerance can't be judged: too few values, "
        "none in the base, or a result that is invalid, limited or unfinished\n.TP\n99\nbeyond a "
        "tolerance\n";
    static const char *const of_others = ".TP\n0\nsuccess\n.TP\n1\nwhat was asked for is not so\n"
                                         ".TP\n2\nusage or set-up error, or an output that could "
                                         "not be written\n";
    fputs(".SH EXIT STATUS\n", to);
    fputs(command == COMMAND_RUN       ? of_run
          : command == COMMAND_COMPARE ? of_compare
                                       : of_others,
          to);
}

/* What stands before the first stop, colon or comma. */
static struct slice first_clause(const char *text)
{
    struct slice rest = slice_from_string(text);
    size_t end = 0;
    while (end < rest.len && rest.data[end] != '\n' && rest.data[end] != ':' &&
           rest.data[end] != ',' &&
           !(rest.data[end] == '.' &&
             (end + 1 == rest.len || rest.data[end + 1] == ' ' || rest.data[end + 1] == '\n')))
        end++;
    return slice_take(&rest, end);
}

static void write_see_also(enum command except, FILE *to)
{
    fputs(".SH SEE ALSO\n", to);
    const char *separator = "";
    for (int i = 0; i < COMMANDS; i++) {
        if (i == (int)except)
            continue;
        fprintf(to, "%s\\fBrtspbench\\-%s\\fR(1)", separator, command_name((enum command)i));
        separator = ",\n";
    }
    if (except != COMMANDS)
        fputs(",\n\\fBrtspbench\\fR(1)", to);
    fputc('\n', to);
}

void manual_write_command(enum command command, FILE *to)
{
    const struct command_help *about = options_about(command);
    struct slice usage = slice_from_string(about->usage);
    char name[32];
    snprintf(name, sizeof(name), "-%s", command_name(command));
    write_header(name, to);
    fputs(".SH NAME\nrtspbench", to);
    write_string(name, to);
    fputs(" \\- ", to);
    write_roff(first_clause(about->purpose), to);
    fputs("\n.SH SYNOPSIS\n.B ", to);
    write_roff(slice_take_until(&usage, '\n'), to);
    fputs("\n.SH DESCRIPTION\n", to);
    write_lines(about->purpose, to);
    write_options(command, to);
    write_forms(to);
    write_exit_status(command, to);
    fputs(".SH EXAMPLES\n.nf\n", to);
    write_lines(about->examples, to);
    fputs(".fi\n", to);
    write_see_also(command, to);
}

void manual_write_overview(FILE *to)
{
    write_header("", to);
    fputs(".SH NAME\nrtspbench \\- a load generator for RTSP servers\n"
          ".SH SYNOPSIS\n.B rtspbench\n[\\fICOMMAND\\fR] [\\fIOPTION\\fR]... [\\fIURL\\fR]...\n"
          ".SH DESCRIPTION\n"
          "Opens very many RTSP sessions against a server, receives their media, and says in "
          "numbers what they got, and whose fault it was where they got less.\n"
          "Without a command it is \\fBrun\\fR, and without a URL a demo against a server of its "
          "own.\n.SH COMMANDS\n",
          to);
    for (int i = 0; i < COMMANDS; i++) {
        fprintf(to, ".TP\n\\fBrtspbench\\-%s\\fR(1)\n", command_name((enum command)i));
        write_roff(first_clause(options_about((enum command)i)->purpose), to);
        fputc('\n', to);
    }
    write_see_also(COMMANDS, to);
}
