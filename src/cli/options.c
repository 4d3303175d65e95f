#include "cli/options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/words.h"
#include "proto/rtsp.h"
#include "proto/secrets.h"

/* Longer values are not repeated in messages. */
#define VALUE_SHOWN 1000u

static const char *const command_names[COMMANDS] = {"run",    "serve",     "probe",    "report",
                                                    "doctor", "calibrate", "scenario", "compare"};

const char *command_name(enum command command)
{
    return command_names[command];
}

static const struct option_spec *find_spec(enum command command, const char *name)
{
    for (unsigned i = 0; i < option_count; i++) {
        if (options_knows(&option_table[i], command) && strcmp(option_table[i].name, name) == 0)
            return &option_table[i];
    }
    return NULL;
}

static const struct option_spec *find_letter(enum command command, char letter)
{
    for (unsigned i = 0; i < option_count; i++) {
        if (options_knows(&option_table[i], command) && option_table[i].letter == letter)
            return &option_table[i];
    }
    return NULL;
}

const struct option_spec *options_find(enum command command, const char *name)
{
    return find_spec(command, name);
}

const char *options_nearest(enum command command, const char *name)
{
    const char *nearest = NULL;
    unsigned least = UINT32_MAX;
    for (unsigned i = 0; i < option_count; i++) {
        unsigned edits = words_distance(name, option_table[i].name);
        if (options_knows(&option_table[i], command) && edits < least) {
            least = edits;
            nearest = option_table[i].name;
        }
    }
    return nearest && words_near(least, strlen(name)) ? nearest : NULL;
}

/* A word of the command line that isn't understood: its beginning, without secrets. */
static void add_word(struct text *error, const char *word)
{
    char room[3 * VALUE_SHOWN + 1];
    struct text masked = text_init(room, sizeof(room));
    if (strlen(word) > VALUE_SHOWN) {
        text_printf(error, "(%zu bytes)", strlen(word));
        return;
    }
    secrets_mask_word(&masked, slice_from_string(word));
    text_printf(error, "%.60s", text_string(&masked));
}

static void say_unknown(struct text *error, enum command command, const char *name)
{
    const char *nearest = options_nearest(command, name);
    text_add_string(error, "unknown option '--");
    add_word(error, name);
    text_add_string(error, "'");
    if (nearest)
        text_printf(error, ": did you mean '--%s'?", nearest);
    else
        text_printf(error, ": see 'rtspbench %s --help'", command_name(command));
}

void options_complain(struct text *error, enum option_id id, const char *value,
                      const char *expected)
{
    const struct option_spec *spec = NULL;
    for (unsigned i = 0; i < option_count; i++) {
        if (option_table[i].id == id)
            spec = &option_table[i];
    }
    assert(spec);
    text_printf(error, "--%s '", spec->name);
    if (spec->secret != SECRET_NOTHING)
        text_add_string(error, "***");
    else if (strlen(value) <= VALUE_SHOWN)
        secrets_mask_word(error, slice_from_string(value));
    else
        text_printf(error, "(%zu bytes)", strlen(value));
    text_printf(error, "': expected %s", expected);
}

static bool parse_hours(const char *text, uint64_t *ns)
{
    char room[40];
    struct text with_unit = text_init(room, sizeof(room));
    text_printf(&with_unit, "%sh", text);
    return text[0] != '\0' && text[strspn(text, "0123456789.")] == '\0' && !with_unit.overflow &&
           units_parse_duration(text_string(&with_unit), ns) && *ns > 0;
}

/* Which of "tcp|udp|auto" the text is. */
static bool parse_choice(const char *choices, const char *text, uint64_t *which)
{
    struct slice rest = slice_from_string(choices);
    for (*which = 0; rest.len > 0; (*which)++) {
        if (slice_equal(slice_take_until(&rest, '|'), slice_from_string(text)))
            return true;
    }
    return false;
}

static bool parse_ports(const char *text, uint64_t *ports)
{
    struct slice rest = slice_from_string(text);
    struct slice first = slice_take_until(&rest, '-');
    uint64_t low, high;
    if (!slice_to_u64(first, 65535, &low) || !slice_to_u64(rest, 65535, &high) || low == 0)
        return false;
    low += low % 2;
    high -= high % 2 == 0;
    *ports = low << 16 | high;
    return low < high;
}

static bool parse_value(const struct option_spec *spec, const char *text, struct option_value *out)
{
    uint64_t max = spec->max ? spec->max : UINT64_MAX;
    switch (spec->kind) {
    case OPTION_FLAG:
        out->number = 1;
        return true;
    case OPTION_TEXT:
        return text[0] != '\0';
    case OPTION_COUNT:
        return units_parse_count(text, spec->min, max, &out->number);
    case OPTION_DURATION:
        return units_parse_duration(text, &out->number) && out->number >= spec->min &&
               out->number <= max;
    case OPTION_HOURS:
        return parse_hours(text, &out->number);
    case OPTION_RATE:
        return units_parse_rate(text, &out->rate);
    case OPTION_SIZE:
        return units_parse_size(text, &out->number) && out->number >= spec->min &&
               out->number <= max;
    case OPTION_CHOICE:
        return parse_choice(spec->choices, text, &out->number);
    case OPTION_PORTS:
        return parse_ports(text, &out->number);
    }
    return false;
}

static void add_duration_range(struct text *to, const struct option_spec *spec)
{
    if (spec->min > 0) {
        text_add_string(to, ", at least ");
        units_write_duration(to, spec->min);
    }
    if (spec->max > 0) {
        text_add_string(to, ", at most ");
        units_write_duration(to, spec->max);
    }
}

/* What parse_value would have taken. */
static void add_expected(struct text *to, const struct option_spec *spec)
{
    switch (spec->kind) {
    case OPTION_FLAG:
        text_add_string(to, "no value");
        break;
    case OPTION_TEXT:
        text_printf(to, "a %s that is not empty", spec->argument);
        break;
    case OPTION_COUNT:
        text_add_string(to, "a whole number from ");
        units_write_count(to, spec->min);
        text_add_string(to, " to ");
        units_write_count(to, spec->max);
        break;
    case OPTION_DURATION:
        text_add_string(to, "a duration such as 500ms, 30s or 1h30m");
        add_duration_range(to, spec);
        break;
    case OPTION_HOURS:
        text_add_string(to, "a number of hours such as 8 or 0.5");
        break;
    case OPTION_RATE:
        text_add_string(to, "a rate such as 100/s, 600/m or 3600/h");
        break;
    case OPTION_SIZE:
        text_add_string(to, "a size such as 64k or 2M, from ");
        units_write_bytes(to, spec->min);
        text_add_string(to, " to ");
        units_write_bytes(to, spec->max);
        break;
    case OPTION_CHOICE:
        text_printf(to, "one of %s", spec->choices);
        break;
    case OPTION_PORTS:
        text_add_string(to, "a range of at least two ports such as 40000-49999");
        break;
    }
}

static bool read_value(const struct option_spec *spec, const char *text, struct option_value *out,
                       struct text *error)
{
    char room[160];
    struct text expected = text_init(room, sizeof(room));
    bool safe = !spec->in_request || rtsp_is_safe(slice_from_string(text));
    if (safe && parse_value(spec, text, out))
        return true;
    if (safe)
        add_expected(&expected, spec);
    else
        text_add_string(&expected, "one line: no CR and no LF");
    options_complain(error, spec->id, text, text_string(&expected));
    return false;
}

bool option_is_key(const struct option_spec *spec, bool in_group)
{
    static const char *const of_the_run[] = {"Output", "Objectives", "The machinery"};
    if (!options_knows(spec, COMMAND_RUN) || spec->id == OPT_SCENARIO || spec->id == OPT_VAR ||
        spec->id == OPT_HELP || spec->id == OPT_VERSION)
        return false;
    for (size_t i = 0; in_group && i < sizeof(of_the_run) / sizeof(of_the_run[0]); i++) {
        if (strcmp(spec->group, of_the_run[i]) == 0)
            return false;
    }
    return !in_group || spec->id != OPT_SEED;
}

bool options_check(const struct option_spec *spec, const char *value, struct text *error)
{
    struct option_value ignored = {0};
    return read_value(spec, value, &ignored, error);
}

static bool set_value(struct options *options, const struct option_spec *spec, char *text,
                      struct text *error)
{
    struct option_value value = {.given = true, .text = text};
    if (!read_value(spec, text, &value, error))
        return false;
    options->values[spec->id] = value;
    if (spec->id == OPT_URL) {
        options->urls[options->url_count++] = text;
    } else if (spec->repeatable) {
        options->repeated_ids[options->repeated_count] = spec->id;
        options->repeated[options->repeated_count++] = text;
    }
    return true;
}

static bool set_alone(struct options *options, const struct option_spec *spec)
{
    struct option_value *value = &options->values[spec->id];
    *value = (struct option_value){.given = true, .text = spec->alone};
    return parse_value(spec, spec->alone, value);
}

/* Where the reading of the command line has got to. */
struct reading {
    struct options *options;
    int argc;
    char **argv; /* as others see it */
    int next;
    struct text *error;
};

/* Overwrites a secret in the command line that others see. value points into the copy of the last
   argument that was taken. */
static void hide_value(struct reading *reading, const struct option_spec *spec, const char *value)
{
    int at = reading->next - 1;
    char *shown = reading->argv[at] + (value - reading->options->arguments[at]);
    const char *colon = strchr(value, ':');
    size_t clear = spec->secret == SECRET_BEHIND_COLON && colon ? (size_t)(colon + 1 - value) : 0;
    if (spec->secret != SECRET_NOTHING)
        memset(shown + clear, '*', strlen(value) - clear);
}

/* Gives an option its value: what stood with it, or else the next argument. */
static bool take_value(struct reading *reading, const struct option_spec *spec, char *value)
{
    if (!value && reading->next == reading->argc) {
        text_printf(reading->error, "--%s needs a value: ", spec->name);
        add_expected(reading->error, spec);
        return false;
    }
    if (!value)
        value = reading->options->arguments[reading->next++];
    hide_value(reading, spec, value);
    return set_value(reading->options, spec, value, reading->error);
}

/* What follows "--": "readers=5" or "readers". */
static bool take_long(struct reading *reading, char *argument)
{
    static char none[] = "";
    enum command command = reading->options->command;
    char name[64];
    char *equals = strchr(argument, '=');
    struct slice rest = slice_from_string(argument);
    slice_to_string(slice_take_until(&rest, '='), name, sizeof(name));
    const struct option_spec *spec = find_spec(command, name);
    if (!spec) {
        say_unknown(reading->error, command, name);
        return false;
    }
    if (spec->alone && !equals)
        return set_alone(reading->options, spec);
    if (spec->kind != OPTION_FLAG)
        return take_value(reading, spec, equals ? equals + 1 : NULL);
    if (!equals)
        return set_value(reading->options, spec, none, reading->error);
    options_complain(reading->error, spec->id, equals + 1, "no value");
    return false;
}

/* What follows "-": "q", "n" and a value in the next argument, "n5", "qn5". */
static bool take_short(struct reading *reading, char *letters)
{
    static char none[] = "";
    for (; *letters; letters++) {
        enum command command = reading->options->command;
        const struct option_spec *spec = find_letter(command, *letters);
        if (!spec) {
            text_printf(reading->error, "unknown option '-%c': see 'rtspbench %s --help'", *letters,
                        command_name(command));
            return false;
        }
        if (spec->kind != OPTION_FLAG)
            return take_value(reading, spec, letters[1] ? letters + 1 : NULL);
        if (!set_value(reading->options, spec, none, reading->error))
            return false;
    }
    return true;
}

static void say_not_a_url(struct text *error, const char *word)
{
    text_add_string(error, "'");
    add_word(error, word);
    text_add_string(error, "' is neither a command nor a URL");
    for (int i = 0; i < COMMANDS; i++) {
        if (words_near(words_distance(word, command_names[i]), strlen(word))) {
            text_printf(error, ": did you mean '%s'?", command_names[i]);
            return;
        }
    }
    text_add_string(error, ": expected one such as rtsp://host/path");
}

static bool takes_files(enum command command)
{
    return command == COMMAND_REPORT || command == COMMAND_COMPARE;
}

static bool takes_words(enum command command)
{
    return command == COMMAND_RUN || command == COMMAND_PROBE || takes_files(command) ||
           command == COMMAND_SCENARIO;
}

static bool take_positional(struct reading *reading, char *word)
{
    struct options *options = reading->options;
    if (!takes_words(options->command)) {
        text_printf(reading->error, "%s takes options only, not '", command_name(options->command));
        add_word(reading->error, word);
        text_add_string(reading->error, "'");
        return false;
    }
    if (options->command == COMMAND_SCENARIO && !strstr(word, "://")) {
        options->words[options->word_count++] = word;
        return true;
    }
    if (!takes_files(options->command) && !strstr(word, "://")) {
        say_not_a_url(reading->error, word);
        return false;
    }
    options->urls[options->url_count++] = word;
    return true;
}

static bool take_argument(struct reading *reading, bool *only_words)
{
    char *argument = reading->options->arguments[reading->next++];
    if (*only_words || argument[0] != '-' || argument[1] == '\0')
        return take_positional(reading, argument);
    if (argument[1] != '-')
        return take_short(reading, argument + 1);
    if (argument[2] != '\0')
        return take_long(reading, argument + 2);
    *only_words = true;
    return true;
}

/* Overwrites what is a secret by its looks. */
static void hide_secrets(char *argument)
{
    struct slice secret, text = slice_from_string(argument);
    size_t at = 0;
    while (secrets_next(text, &at, &secret))
        memset(argument + at - secret.len, '*', secret.len);
}

static void copy_arguments(struct options *out, int argc, char **argv)
{
    size_t n = (size_t)argc + 1;
    out->arguments = calloc(n, sizeof(char *));
    out->urls = calloc(n, sizeof(char *));
    out->words = calloc(n, sizeof(char *));
    out->repeated = calloc(n, sizeof(char *));
    out->repeated_ids = calloc(n, sizeof(enum option_id));
    assert(out->arguments && out->urls && out->words && out->repeated && out->repeated_ids);
    for (int i = 0; i < argc; i++) {
        out->arguments[i] = strdup(argv[i]);
        assert(out->arguments[i]);
        hide_secrets(argv[i]);
    }
}

static void set_defaults(struct options *options)
{
    for (unsigned i = 0; i < option_count; i++) {
        const struct option_spec *spec = &option_table[i];
        if (options_knows(spec, options->command) && spec->fallback) {
            struct option_value *value = &options->values[spec->id];
            bool good = parse_value(spec, spec->fallback, value);
            assert(good);
            value->text = spec->fallback;
        }
    }
}

bool options_parse(struct options *out, int argc, char **argv, struct text *error)
{
    struct reading reading = {
        .options = out, .argc = argc, .argv = argv, .next = 1, .error = error};
    bool only_words = false;
    *out = (struct options){.command = COMMAND_RUN};
    copy_arguments(out, argc, argv);
    for (int i = 0; i < COMMANDS && argc > 1; i++) {
        if (strcmp(out->arguments[1], command_names[i]) == 0) {
            out->command = (enum command)i;
            reading.next = 2;
        }
    }
    set_defaults(out);
    while (reading.next < argc && !out->values[OPT_HELP].given && !out->values[OPT_VERSION].given) {
        if (!take_argument(&reading, &only_words))
            return false;
    }
    return true;
}

void options_dispose(struct options *options)
{
    for (char **argument = options->arguments; argument && *argument; argument++) {
        explicit_bzero(*argument, strlen(*argument));
        free(*argument);
    }
    free(options->arguments);
    free(options->urls);
    free(options->words);
    free(options->repeated);
    free(options->repeated_ids);
    *options = (struct options){0};
}
