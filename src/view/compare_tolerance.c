#include "view/compare_tolerance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool compare_tolerance_parse(const struct compare *compare, const char *text,
                             struct compare_tolerance *out, struct text *expected)
{
    char name[sizeof(compare->rows[0].name)];
    struct slice rest = slice_from_string(text);
    struct slice left = slice_take_until(&rest, '=');
    char *end = name;
    bool digits = rest.len > 0 && strchr("0123456789.", rest.data[0]); /* no "inf", no sign */
    *out = (struct compare_tolerance){.text = text};
    for (uint32_t i = 0; slice_to_string(left, name, sizeof(name)) && i < compare->row_count; i++) {
        if (strcmp(compare->rows[i].name, name) == 0)
            out->row = &compare->rows[i];
    }
    out->most = digits ? strtod((const char *)rest.data, &end) / 100 : 0;
    if (out->row && digits && strcmp(end, "%") == 0)
        return true;
    text_add_string(expected,
                    "NAME=PERCENT% such as startup.p95=10%, with a NAME that was measured:");
    for (uint32_t i = 0; i < compare->row_count; i++)
        text_printf(expected, " %s", compare->rows[i].name);
    return false;
}

/* An infinite value that is worse is so by infinitely much, also where the base's is infinite. */
static bool is_within(const struct compare_tolerance *tolerance, uint32_t run)
{
    const struct compare_row *row = tolerance->row;
    double change = compare_change(row, run);
    if (isinf(row->of[run].value) && compare_mark(row, run) == COMPARE_WORSE)
        return false;
    return (row->more_is_better ? -change : change) <= tolerance->most;
}

enum compare_judgement compare_judge(const struct compare_tolerance *tolerance, uint32_t run,
                                     struct text *why)
{
    const struct compare_row *row = tolerance->row;
    enum compare_mark mark = compare_mark(row, run);
    if (!row->base[run].measured) {
        text_add_string(why, "the base has no such value");
        return COMPARE_UNJUDGED;
    }
    if (!row->of[run].measured) {
        text_add_string(why, "it has no such value");
        return COMPARE_BEYOND;
    }
    if (!is_within(tolerance, run)) {
        text_add_string(why, mark == COMPARE_WORSE     ? ""
                             : mark == COMPARE_TOO_FEW ? "of too few values"
                                                       : "which may be noise");
        return COMPARE_BEYOND;
    }
    if (isinf(row->of[run].value)) {
        text_add_string(why, "it is never in both");
        return COMPARE_UNJUDGED;
    }
    if (mark != COMPARE_TOO_FEW)
        return COMPARE_WITHIN;
    text_printf(why, "too few values, %u in each run are needed", row->needed);
    return COMPARE_UNJUDGED;
}
