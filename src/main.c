#include <stdio.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/out.h"

static int (*const commands[COMMANDS])(const struct options *, struct text *) = {
    [COMMAND_RUN] = run_main,           [COMMAND_SERVE] = serve_main,
    [COMMAND_PROBE] = probe_main,       [COMMAND_REPORT] = report_main,
    [COMMAND_DOCTOR] = doctor_main,     [COMMAND_CALIBRATE] = calibrate_main,
    [COMMAND_SCENARIO] = scenario_main, [COMMAND_COMPARE] = compare_main,
};

static int print_help(enum command command)
{
    static char room[32768];
    struct text help = text_init(room, sizeof(room));
    options_help(&help, command);
    fputs(text_string(&help), out_stream());
    return 0;
}

static int print_version(void)
{
    fputs("rtspbench " RTSPBENCH_VERSION "\n", out_stream());
    return 0;
}

static int dispatch(const struct options *options, struct text *error)
{
    if (options_given(options, OPT_HELP))
        return print_help(options->command);
    if (options_given(options, OPT_VERSION))
        return print_version();
    return commands[options->command](options, error);
}

static void tell(struct text *error)
{
    if (error->len > 0)
        out_say("%s", text_string(error));
    error->len = 0;
    error->overflow = false;
}

int main(int argc, char **argv)
{
    static char room[16384];
    struct text error = text_init(room, sizeof(room));
    struct options options;
    int status = STATUS_SETUP;
    out_begin();
    if (options_parse(&options, argc, argv, &error))
        status = dispatch(&options, &error);
    tell(&error);
    if (!out_finish(&error)) {
        tell(&error);
        status = STATUS_SETUP;
    }
    out_end();
    options_dispose(&options);
    return status;
}
