/* options.h - the command line: one table of options drives parsing, defaults, messages and help of
 * every command. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum command {
    COMMAND_RUN,
    COMMAND_SERVE,
    COMMAND_PROBE,
    COMMAND_REPORT,
    COMMAND_DOCTOR,
    COMMAND_CALIBRATE,
    COMMAND_SCENARIO,
    COMMAND_COMPARE,
    COMMANDS
};

enum option_id {
    OPT_SCENARIO,
    OPT_VAR,
    OPT_URL,
    OPT_URL_FILE,
    OPT_READERS,
    OPT_RATE,
    OPT_ARRIVAL,
    OPT_OPEN,
    OPT_PROFILE,
    OPT_STAGES,
    OPT_DAY_TABLE,
    OPT_DAY_LENGTH,
    OPT_REAL_WORLD,
    OPT_AVG_CONNECTIONS,
    OPT_VARIANCE,
    OPT_SESSION_DURATION,
    OPT_ZAP,
    OPT_INCLUDE_BAD_CLIENTS,
    OPT_BAD_CLIENT_RATIO,
    OPT_BAD_CLIENTS,
    OPT_BAD_AFTER,
    OPT_PUBLISH,
    OPT_PUBLISH_QUEUE,
    OPT_POPULARITY,
    OPT_DURATION,
    OPT_HOURS,
    OPT_WARMUP,
    OPT_TRANSPORT,
    OPT_TRACKS,
    OPT_USER,
    OPT_PASSWORD_FILE,
    OPT_KEEPALIVE,
    OPT_TIMEOUT,
    OPT_MEDIA_TIMEOUT,
    OPT_END_ON_STALL,
    OPT_RETRIES,
    OPT_BACKOFF,
    OPT_RECONNECT,
    OPT_ADAPTIVE,
    OPT_CLOSE,
    OPT_USER_AGENT,
    OPT_HEADER,
    OPT_LOCATION_TRUSTED,
    OPT_BIND_IPS,
    OPT_BIND_CIDR,
    OPT_RTP_PORTS,
    OPT_RCVBUF,
    OPT_GRO,
    OPT_QUICKACK,
    OPT_THREADS,
    OPT_IO,
    OPT_COALESCE,
    OPT_PANEL,
    OPT_SLO,
    OPT_FIND_MAX,
    OPT_COOL_DOWN,
    OPT_BETWEEN_LEVELS,
    OPT_SEED,
    OPT_STATS_INTERVAL,
    OPT_LOG,
    OPT_QUIET,
    OPT_JSON_FILE,
    OPT_SESSIONS_LOG,
    OPT_LOG_ROTATE,
    OPT_LOG_KEEP,
    OPT_CSV,
    OPT_HLOG,
    OPT_JUNIT,
    OPT_HTML,
    OPT_PROMETHEUS,
    OPT_WEB,
    OPT_WEB_CONTROL,
    OPT_WEB_CONTROL_FILE,
    OPT_SERVER_PID,
    OPT_SERVER_PIDFILE,
    OPT_SERVER_METRICS,
    OPT_OUTPUT,
    OPT_TOLERATE,
    OPT_MARKDOWN,
    OPT_JSON,
    OPT_BITRATE,
    OPT_SYSCTL,
    OPT_LISTEN,
    OPT_PORT,
    OPT_CONGESTION,
    OPT_NO_AUDIO,
    OPT_PATTERN,
    OPT_MEDIA,
    OPT_MEDIA_TRACKS,
    OPT_MTU,
    OPT_FAULT,
    OPT_AUTH,
    OPT_SESSION_TIMEOUT,
    OPT_MAX_SESSIONS,
    OPT_TRUTH,
    OPT_TRUTH_SESSIONS,
    OPT_HELP,
    OPT_VERSION,
    OPTION_IDS
};

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_COUNT,    /* number */
    OPTION_DURATION, /* number: ns */
    OPTION_HOURS,    /* number: ns */
    OPTION_RATE,     /* rate: per second */
    OPTION_SIZE,     /* number: bytes */
    OPTION_CHOICE,   /* number: which of the choices, from 0 */
    OPTION_PORTS, /* number: first port << 16 | last, an even number of ports from an even one on */
};

/* What of an option's value nobody else may see. */
enum option_secret { SECRET_NOTHING, SECRET_ALL, SECRET_BEHIND_COLON };

struct option_spec {
    const char *name;
    const char *argument; /* what help calls it; NULL: a flag */
    const char *help;
    const char *fallback; /* the default as one would type it; NULL: none */
    const char *choices;  /* "tcp|udp|auto" */
    const char *alone;    /* the value where none stands with it; NULL: it needs one. One that has
                             this takes its value after "=" only */
    uint64_t min, max;    /* COUNT, DURATION, SIZE; max 0: no limit */
    enum option_id id;
    enum option_kind kind;
    unsigned commands; /* 1 << enum command of each that knows it */
    char letter;       /* 0: none */
    bool repeatable;
    bool in_request; /* it enters requests: a line end in it would begin a header of its own */
    enum option_secret secret; /* secrets that secrets.h knows by their looks are none either way */
    const char *group;         /* heading in help */
};

/* All options, in the order of help. */
extern const struct option_spec option_table[];
extern const unsigned option_count;

struct option_value {
    bool given; /* on the command line; else this is the default */
    const char *text;
    uint64_t number;
    double rate;
};

/* Owns a copy of the command line, which all texts but the defaults point into. */
struct options {
    enum command command;
    struct option_value values[OPTION_IDS];
    char **arguments; /* ends in NULL */
    char **urls;      /* --url and positional arguments (files for report), in their order */
    unsigned url_count;
    char **words; /* positional arguments of the command scenario */
    unsigned word_count;
    char **repeated; /* the values of the other repeatable options, in their order ... */
    enum option_id *repeated_ids; /* ... and whose each is */
    unsigned repeated_count;
};

/* Reads the command line. False: error says which option, which value, and what was expected; it
   shows no password. Stops at --help and --version. The secrets in argv are overwritten, so that a
   list of processes doesn't show them. */
bool options_parse(struct options *out, int argc, char **argv, struct text *error);
void options_dispose(struct options *options);

static inline uint64_t options_number(const struct options *options, enum option_id id)
{
    return options->values[id].number;
}

static inline const char *options_text(const struct options *options, enum option_id id)
{
    return options->values[id].text;
}

static inline bool options_given(const struct options *options, enum option_id id)
{
    return options->values[id].given;
}

/* "--rate '100/x': expected ...": the form of every complaint about a value. */
void options_complain(struct text *error, enum option_id id, const char *value,
                      const char *expected);

/* The spec of an option by its name; NULL: the command has none such. */
const struct option_spec *options_find(enum command command, const char *name);

/* The name of the command's option that a wrong one is nearest to; NULL: none is near. */
const char *options_nearest(enum command command, const char *name);

/* Whether a value may stand with an option; on false error says what was expected. */
bool options_check(const struct option_spec *spec, const char *value, struct text *error);

/* Whether an option of run may stand in a scenario: outside of its groups, or in one. */
bool option_is_key(const struct option_spec *spec, bool in_group);

/* Whether a command has the option. */
static inline bool options_knows(const struct option_spec *spec, enum command command)
{
    return spec->commands & (1u << command);
}

/* Whether the command has the option at that place of the table, as the first of its group. */
bool options_begins_group(unsigned at, enum command command);

/* Lines, each with its newline; usage has more than one where others belong to it. */
struct command_help {
    const char *usage, *purpose, *examples;
};

const struct command_help *options_about(enum command command);

/* The help of a command, with an example. */
void options_help(struct text *to, enum command command);

const char *command_name(enum command command);
