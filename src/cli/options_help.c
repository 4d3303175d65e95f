#include <string.h>

#include "cli/options.h"

#define HELP_COLUMN 31u
#define HELP_WIDTH 100u

static const struct command_help helps[COMMANDS] = {
    [COMMAND_RUN] =
        {"rtspbench [run] [OPTION]... [URL]...\n"
         "       rtspbench serve [OPTION]...    the embedded RTSP server\n"
         "       rtspbench probe URL            one session, narrated\n"
         "       rtspbench report RESULT...     results as a page with charts\n"
         "       rtspbench compare BASE NEW...  what changed, and whether that is noise\n"
         "       rtspbench doctor [-n N]        what this machine can hold\n"
         "       rtspbench calibrate            what this machine can generate\n",
         "Loads an RTSP server with many readers, or publishers, and says in numbers how they "
         "fared.\n"
         "With no URL, an embedded server is started and loaded: a demo.\n",
         "  rtspbench -n 500 -r 50/s -d 1m rtsp://192.0.2.1:554/stream\n"
         "  rtspbench -t udp --json result.json 'rtsp://192.0.2.1/cam{1..20}'\n"
         "  rtspbench --publish -n 100 'rtsp://192.0.2.1/live/{n}'\n"},
    [COMMAND_SERVE] =
        {"rtspbench serve [OPTION]...\n",
         "An RTSP server to load: any path serves the test card, /pattern cheap "
         "packets, and takes\n"
         "what is published to it, to count it. Faults are ordered in the URL, as in\n"
         "rtsp://127.0.0.1:8554/card?drop=1/100. Prints 'ready URL' when it listens; "
         "ends on SIGTERM\n"
         "or Ctrl-C.\n",
         "  rtspbench serve --port 8554 --pattern 200/s:1250 --truth truth.json\n"},
    [COMMAND_PROBE] =
        {"rtspbench probe URL [OPTION]...\n",
         "Reads one stream and tells what happens: each message, the SDP, the tracks, the\n"
         "timing, then 5 s of media. Ends with 0 when media came, with 1 when none did. The keys "
         "of\n"
         "--json are described in docs/PROBE.md.\n",
         "  rtspbench probe rtsp://192.0.2.1:554/stream\n"
         "  rtspbench probe -t udp --json rtsp://192.0.2.1:554/stream | jq .tracks\n"},
    [COMMAND_REPORT] = {"rtspbench report RESULT... -o FILE\n",
                        "One HTML file with the charts and tables of one or more results (--json "
                        "of run).\n",
                        "  rtspbench report result.json -o report.html\n"},
    [COMMAND_DOCTOR] =
        {"rtspbench doctor [OPTION]...\n",
         "What this machine's limits allow, which is the first to be met, and the commands that "
         "lift each.\n"
         "Ends with 0 when the readers asked for fit, with 1 when they don't.\n",
         "  rtspbench doctor --readers 100000 --bind-cidr 127.1.0.0/28\n"
         "  rtspbench doctor -n 20000 -t udp --sysctl > /etc/sysctl.d/rtspbench.conf\n"},
    [COMMAND_CALIBRATE] =
        {"rtspbench calibrate [OPTION]...\n",
         "Measures in 20 s what this machine can generate, against a server of its own, and keeps "
         "it under\n"
         "$XDG_STATE_HOME/rtspbench (~/.local/state/rtspbench): results then say how near to that "
         "a "
         "run was.\n",
         "  rtspbench calibrate --io epoll\n"},
    [COMMAND_SCENARIO] =
        {"rtspbench scenario list            the ready ones\n"
         "       rtspbench scenario show NAME       one of them, as YAML\n"
         "       rtspbench scenario run NAME|all    against --url, or an embedded server\n"
         "       rtspbench scenario schema          the JSON Schema of --scenario's files\n",
         "Ready scenarios. 'all' runs those of at most 20 s, one after another, and sums them up "
         "in a "
         "table.\nThe options of run on the command line win over the scenario's.\n",
         "  rtspbench scenario run burst --url rtsp://192.0.2.1:554/stream\n"
         "  rtspbench scenario show bad-neighbours >mine.yaml\n"},
    [COMMAND_COMPARE] =
        {"rtspbench compare BASE NEW... [OPTION]...\n",
         "Holds results (--json of run) against the first: what changed, and whether that is more "
         "than noise.\n"
         "Ends with 99 where something is worse by more than is tolerated.\n",
         "  rtspbench compare before.json after.json --tolerate startup.p95=10% --tolerate "
         "loss_ratio=0.1%\n"},
};

static void add_spaces(struct text *to, size_t n)
{
    while (n-- > 0)
        text_add_string(to, " ");
}

/* Adds the words of help from HELP_COLUMN on, in as many lines as it takes. */
static void add_wrapped(struct text *to, struct slice help, size_t column)
{
    while (help.len > 0) {
        struct slice word = slice_take_until(&help, ' ');
        if (column + 1 + word.len > HELP_WIDTH) {
            text_add_string(to, "\n");
            add_spaces(to, HELP_COLUMN - 1);
            column = HELP_COLUMN - 1;
        }
        text_add_string(to, " ");
        text_add(to, word);
        column += 1 + word.len;
    }
}

static void add_option(struct text *to, const struct option_spec *spec)
{
    char room[320];
    size_t start = to->len;
    struct text help = text_init(room, sizeof(room));
    text_printf(to, spec->letter ? "  -%c, " : "      ", spec->letter);
    text_printf(to, "--%s%s%s%s", spec->name,
                spec->alone      ? "[="
                : spec->argument ? " "
                                 : "",
                spec->argument ? spec->argument : "", spec->alone ? "]" : "");
    size_t column = to->len - start;
    if (column >= HELP_COLUMN - 1) {
        text_add_string(to, "\n");
        column = 0;
    }
    add_spaces(to, HELP_COLUMN - 1 - column);
    text_add_string(&help, spec->help);
    if (spec->fallback)
        text_printf(&help, " [%s]", spec->fallback);
    if (spec->repeatable)
        text_add_string(&help, " (repeatable)");
    add_wrapped(to, text_slice(&help), HELP_COLUMN - 1);
    text_add_string(to, "\n");
}

bool options_begins_group(unsigned at, enum command command)
{
    for (unsigned i = 0; i < at; i++) {
        if (options_knows(&option_table[i], command) &&
            strcmp(option_table[i].group, option_table[at].group) == 0)
            return false;
    }
    return options_knows(&option_table[at], command);
}

const struct command_help *options_about(enum command command)
{
    return &helps[command];
}

void options_help(struct text *to, enum command command)
{
    const struct command_help *about = &helps[command];
    text_printf(to, "Usage: %s\n%s", about->usage, about->purpose);
    for (unsigned i = 0; i < option_count; i++) {
        if (!options_begins_group(i, command))
            continue;
        text_printf(to, "\n%s:\n", option_table[i].group);
        for (unsigned k = i; k < option_count; k++) {
            if (options_knows(&option_table[k], command) &&
                strcmp(option_table[k].group, option_table[i].group) == 0)
                add_option(to, &option_table[k]);
        }
    }
    text_printf(
        to,
        "\nDurations: 500ms 30s 1h30m. Rates: 100/s 600/m. Sizes: 64k 2M. Exit status: 0 pass, 1 no"
        " session\nestablished, 2 usage or set-up, 3 the generator was the limit or the run was "
        "interrupted too\nearly, 99 an objective was missed.\n\nExample:\n%s",
        about->examples);
}
