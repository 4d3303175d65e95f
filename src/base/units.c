#include "base/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct unit {
    const char *name;
    double factor;
};

/* A decimal number without sign, exponent or hexadecimal; what follows it is left in rest. */
static bool take_number(const char *text, double *value, const char **rest)
{
    size_t n = strspn(text, "0123456789.");
    char *end;
    if (n == 0 || n > 30 || text[0] == '.')
        return false;
    *value = strtod(text, &end);
    *rest = end;
    return end == text + n;
}

/* The factor of a unit that the text starts with, longest names first in the table. */
static const struct unit *find_unit(const struct unit *units, const char *text, bool whole)
{
    for (; units->name; units++) {
        size_t n = strlen(units->name);
        if (strncmp(units->name, text, n) == 0 && (!whole || text[n] == '\0'))
            return units;
    }
    return NULL;
}

bool units_parse_duration(const char *text, uint64_t *ns)
{
    static const struct unit units[] = {{"ns", 1},   {"us", 1e3},   {"ms", 1e6},    {"s", 1e9},
                                        {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {NULL, 0}};
    double sum = 0, value;
    const char *rest = text;
    if (strcmp(text, "0") == 0) {
        *ns = 0;
        return true;
    }
    do {
        if (!take_number(rest, &value, &rest))
            return false;
        const struct unit *unit = find_unit(units, rest, false);
        if (!unit)
            return false;
        rest += strlen(unit->name);
        sum += value * unit->factor;
    } while (*rest);
    if (sum > 366 * 86400e9)
        return false;
    *ns = (uint64_t)llround(sum);
    return true;
}

bool units_parse_rate(const char *text, double *per_s)
{
    static const struct unit units[] = {{"", 1}, {"/s", 1}, {"/m", 60}, {"/h", 3600}, {NULL, 0}};
    const char *rest;
    double value;
    if (!take_number(text, &value, &rest))
        return false;
    const struct unit *unit = find_unit(units, rest, true);
    if (!unit || value <= 0 || value > 1e9)
        return false;
    *per_s = value / unit->factor;
    return true;
}

static bool parse_scaled(const char *text, const struct unit *units, uint64_t *out)
{
    const char *rest;
    double value;
    if (!take_number(text, &value, &rest))
        return false;
    const struct unit *unit = find_unit(units, rest, true);
    if (!unit || value * unit->factor > 1e18)
        return false;
    *out = (uint64_t)llround(value * unit->factor);
    return true;
}

bool units_parse_size(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {{"", 1},
                                        {"B", 1},
                                        {"k", 1024},
                                        {"K", 1024},
                                        {"kB", 1024},
                                        {"KB", 1024},
                                        {"KiB", 1024},
                                        {"M", 1048576},
                                        {"MB", 1048576},
                                        {"MiB", 1048576},
                                        {"G", 1073741824},
                                        {"GB", 1073741824},
                                        {"GiB", 1073741824},
                                        {NULL, 0}};
    return parse_scaled(text, units, bytes);
}

bool units_parse_bitrate(const char *text, uint64_t *bps)
{
    static const struct unit units[] = {
        {"", 1},         {"bit", 1},      {"bit/s", 1},  {"k", 1e3},      {"kbit", 1e3},
        {"kbit/s", 1e3}, {"M", 1e6},      {"Mbit", 1e6}, {"Mbit/s", 1e6}, {"G", 1e9},
        {"Gbit", 1e9},   {"Gbit/s", 1e9}, {NULL, 0}};
    return parse_scaled(text, units, bps);
}

bool units_parse_ratio(const char *text, double *ratio)
{
    static const struct unit units[] = {{"", 1}, {"%", 100}, {NULL, 0}};
    const char *rest;
    double value;
    if (!take_number(text, &value, &rest))
        return false;
    const struct unit *unit = find_unit(units, rest, true);
    if (!unit || value / unit->factor > 1)
        return false;
    *ratio = value / unit->factor;
    return true;
}

bool units_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *count)
{
    return slice_to_u64(slice_from_string(text), max, count) && *count >= min;
}

/* Three significant digits: "1.23", "12.3", "123". */
static void write_three_digits(struct text *to, double value)
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    text_printf(to, "%.*f", decimals, value);
}

static void write_scaled(struct text *to, double value, const struct unit *units)
{
    while (units[1].name && value < units->factor * 0.9995)
        units++;
    if (units->factor == 1)
        text_printf(to, "%.0f %s", value, units->name);
    else {
        write_three_digits(to, value / units->factor);
        text_printf(to, " %s", units->name);
    }
}

void units_write_duration(struct text *to, uint64_t ns)
{
    static const struct unit units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {NULL, 0}};
    write_scaled(to, (double)ns, units);
}

void units_write_bytes(struct text *to, uint64_t bytes)
{
    static const struct unit units[] = {{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6},
                                        {"kB", 1e3},  {"B", 1},    {NULL, 0}};
    write_scaled(to, (double)bytes, units);
}

void units_write_bitrate(struct text *to, double bps)
{
    static const struct unit units[] = {{"Tbit/s", 1e12}, {"Gbit/s", 1e9}, {"Mbit/s", 1e6},
                                        {"kbit/s", 1e3},  {"bit/s", 1},    {NULL, 0}};
    write_scaled(to, bps, units);
}

void units_write_count(struct text *to, uint64_t count)
{
    char digits[24];
    struct text plain = text_init(digits, sizeof(digits));
    text_add_u64(&plain, count);
    for (size_t i = 0; i < plain.len; i++) {
        if (i > 0 && (plain.len - i) % 3 == 0)
            text_add_string(to, ",");
        text_add(to, slice_make(digits + i, 1));
    }
}

uint64_t units_greatest_divisor(uint64_t a, uint64_t b)
{
    while (b > 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}
