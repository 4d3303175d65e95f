#include "stats/slo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/words.h"
#include "stats/slo_names.h"

#define WORD_MAX 64u

static const char *const statistics[SLO_STATISTICS] = {
    "min", "mean", "max", "p50", "p75", "p90", "p95", "p99", "p999", "count", "never"};

/* The longer ones first. */
static const struct {
    const char *sign;
    enum slo_operator op;
} operators[] = {
    {"<=", SLO_AT_MOST}, {">=", SLO_AT_LEAST}, {"!=", SLO_UNEQUAL},
    {"<", SLO_LESS},     {">", SLO_MORE},      {"=", SLO_EQUAL},
};

/* Where the reading of an expression has got to. */
struct reading {
    const char *start;
    const char *at;
    struct slo *slo;
    struct text *expected;
};

static void skip_spaces(struct reading *reading)
{
    reading->at += strspn(reading->at, " \t");
}

/* What stands there, as far as these bytes go. False when nothing does, or too much. */
static bool take_word(struct reading *reading, const char *accept, char out[static WORD_MAX])
{
    size_t n = strspn(reading->at, accept);
    bool fits = slice_to_string(slice_make(reading->at, n), out, WORD_MAX);
    if (n > 0 && fits)
        reading->at += n;
    return n > 0 && fits;
}

/* "... at column 9, where 'p59' stands" */
static void add_place(const struct reading *reading, const char *at)
{
    struct slice rest = slice_from_string(at);
    struct slice shown = slice_take(&rest, 24);
    text_printf(reading->expected, " at column %zu", (size_t)(at - reading->start) + 1);
    if (shown.len == 0)
        return;
    text_add_string(reading->expected, ", not '");
    text_add_escaped(reading->expected, shown);
    text_add_string(reading->expected, rest.len > 0 ? "...'" : "'");
}

static bool find_name(const char *wanted, struct slo_source *source)
{
    char name[SLO_NAME_MAX];
    for (unsigned i = 0; slo_name(i, name, source); i++) {
        if (strcmp(name, wanted) == 0)
            return true;
    }
    return false;
}

static void add_nearest(struct text *to, const char *wanted)
{
    char name[SLO_NAME_MAX], nearest[SLO_NAME_MAX] = "";
    struct slo_source source;
    unsigned least = UINT32_MAX;
    for (unsigned i = 0; slo_name(i, name, &source); i++) {
        unsigned edits = words_distance(wanted, name);
        if (edits >= least)
            continue;
        least = edits;
        memcpy(nearest, name, sizeof(name));
    }
    if (words_near(least, strlen(wanted)))
        text_printf(to, " (did you mean '%s'?)", nearest);
}

/* Cuts ".p95" off a name; SLO_STATISTICS when it ends in no statistic. */
static enum slo_statistic cut_statistic(char *name)
{
    char *dot = strrchr(name, '.');
    for (unsigned i = 0; dot && i < SLO_STATISTICS; i++) {
        if (strcmp(dot + 1, statistics[i]) != 0)
            continue;
        *dot = '\0';
        return (enum slo_statistic)i;
    }
    return SLO_STATISTICS;
}

static void add_statistics(struct text *to)
{
    for (unsigned i = 0; i < SLO_STATISTICS; i++)
        text_printf(to, "%s%s", i > 0 ? " " : "", statistics[i]);
}

/* Is it a distribution's name with something after it that is no statistic? */
static bool is_wrong_statistic(const char *name)
{
    char stem[WORD_MAX];
    const char *dot = strrchr(name, '.');
    struct slo_source source;
    return dot && slice_to_string(slice_make(name, (size_t)(dot - name)), stem, sizeof(stem)) &&
           find_name(stem, &source) && source.kind == SLO_OF_DISTRIBUTION;
}

static bool take_name(struct reading *reading)
{
    const char *at = reading->at;
    char name[WORD_MAX];
    struct slo *slo = reading->slo;
    if (!take_word(reading, "abcdefghijklmnopqrstuvwxyz0123456789_.", name)) {
        text_add_string(reading->expected, "a name such as loss_ratio or startup.p95");
        add_place(reading, at);
        return false;
    }
    slo->statistic = cut_statistic(name);
    bool known = find_name(name, &slo->source);
    bool whole = known && slo->source.kind == SLO_OF_DISTRIBUTION;
    if (known && whole == (slo->statistic < SLO_STATISTICS))
        return true;
    if (whole || is_wrong_statistic(name)) {
        text_printf(reading->expected, "a statistic of '%.*s', one of ",
                    whole ? (int)strlen(name) : (int)(strrchr(name, '.') - name), name);
        add_statistics(reading->expected);
    } else if (known) {
        text_printf(reading->expected, "'%s' alone, which is one number and has no statistics",
                    name);
    } else {
        text_add_string(reading->expected, "the name of a number in the result");
        add_place(reading, at);
        add_nearest(reading->expected, name);
        return false;
    }
    add_place(reading, at);
    return false;
}

static bool take_operator(struct reading *reading)
{
    skip_spaces(reading);
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        size_t n = strlen(operators[i].sign);
        if (strncmp(reading->at, operators[i].sign, n) != 0)
            continue;
        reading->slo->op = operators[i].op;
        reading->at += n;
        return true;
    }
    text_add_string(reading->expected, "one of < <= > >= = !=");
    add_place(reading, reading->at);
    return false;
}

/* A decimal number, and one of so many suffixes, each a thousand times the one before. */
static bool parse_plain(const char *text, const char *suffixes, double *value)
{
    char *end;
    size_t n = strspn(text, "0123456789.");
    if (n == 0 || n > 30 || text[0] == '.')
        return false;
    *value = strtod(text, &end);
    const char *suffix = *end && !end[1] ? strchr(suffixes, *end) : NULL;
    if (end != text + n || (*end && !suffix))
        return false;
    if (suffix)
        *value *= pow(1000, (double)(suffix - suffixes + 1));
    return true;
}

static bool parse_time(const char *text, double per_unit, double *value)
{
    uint64_t ns;
    if (parse_plain(text, "", value))
        return true;
    if (!units_parse_duration(text, &ns))
        return false;
    *value = (double)ns / per_unit;
    return true;
}

static bool parse_value(const char *text, enum slo_unit unit, double *value)
{
    uint64_t whole = 0;
    bool good = false;
    switch (unit) {
    case SLO_NUMBER:
        return parse_plain(text, "", value);
    case SLO_COUNT:
        return parse_plain(text, "kMG", value);
    case SLO_RATIO:
        return units_parse_ratio(text, value);
    case SLO_MS:
        return parse_time(text, 1e6, value);
    case SLO_SECONDS:
        return parse_time(text, 1e9, value);
    case SLO_BPS:
        good = units_parse_bitrate(text, &whole);
        break;
    case SLO_BYTES:
        good = units_parse_size(text, &whole);
        break;
    }
    *value = (double)whole;
    return good;
}

static bool take_value(struct reading *reading)
{
    static const char *const examples[] = {
        [SLO_NUMBER] = "a number such as 0.98",
        [SLO_COUNT] = "a count such as 0, 250 or 10k",
        [SLO_RATIO] = "a ratio such as 0.1% or 0.001",
        [SLO_MS] = "a time such as 500ms or 1.5s",
        [SLO_SECONDS] = "a time such as 2s or 500ms",
        [SLO_BPS] = "a bit rate such as 500k or 2Mbit/s",
        [SLO_BYTES] = "a size such as 64k or 2M",
    };
    skip_spaces(reading);
    const char *at = reading->at;
    char word[WORD_MAX];
    enum slo_unit unit =
        reading->slo->statistic == SLO_HOW_MANY || reading->slo->statistic == SLO_NEVER
            ? SLO_COUNT
            : reading->slo->source.unit;
    reading->slo->source.unit = unit;
    if (take_word(reading, "0123456789.%abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/",
                  word) &&
        parse_value(word, unit, &reading->slo->threshold))
        return true;
    text_add_string(reading->expected, examples[unit]);
    add_place(reading, at);
    return false;
}

/* What grows from 0 on may break an upper bound on the way, but is under any lower one at first. */
static bool can_abort(const struct slo *slo)
{
    bool grows = slo->source.grows || slo->statistic == SLO_HOW_MANY || slo->statistic == SLO_NEVER;
    return !grows || slo->op == SLO_LESS || slo->op == SLO_AT_MOST ||
           (slo->op == SLO_EQUAL && slo->threshold == 0);
}

static bool take_abort(struct reading *reading)
{
    skip_spaces(reading);
    const char *at = reading->at;
    if (*at == '\0')
        return true;
    if (strncmp(at, "abort", 5) != 0 || at[5 + strspn(at + 5, " \t")] != '\0') {
        text_add_string(reading->expected, "'abort' or the end");
        add_place(reading, at);
        return false;
    }
    reading->slo->abort = true;
    if (can_abort(reading->slo))
        return true;
    text_add_string(reading->expected, "no 'abort' here, as the number grows from 0 on and every "
                                       "run would end at its first interval");
    return false;
}

bool slo_parse(const char *text, struct slo *slo, struct text *expected)
{
    struct reading reading = {text, text, slo, expected};
    *slo = (struct slo){.expression = text};
    skip_spaces(&reading);
    return take_name(&reading) && take_operator(&reading) && take_value(&reading) &&
           take_abort(&reading);
}

bool slo_allows_all(const struct slo *slo)
{
    bool upper = slo->op == SLO_LESS || slo->op == SLO_AT_MOST;
    return slo->source.unit == SLO_RATIO && upper && slo->threshold >= 1 &&
           !strchr(slo->expression, '%');
}
