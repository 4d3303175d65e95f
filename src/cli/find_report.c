#include "cli/find_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"

#define COLUMNS 3u /* objectives that the table has room for */
#define CELL 17u
#define SERVER_CELL 34

static const char *noun(const struct find_max *find)
{
    return find->plan->find == FIND_RATE ? "sessions/s"
           : find->plan->publish         ? "publishers"
                                         : "readers";
}

/* The last try of a level: its index. */
static uint32_t last_try_of(const struct find_max *find, uint32_t level)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < find->search.count; i++) {
        if (find->search.tries[i].level == level && !find->search.tries[i].recovery)
            last = i;
    }
    return last;
}

static const struct slo_result *first_missed(const struct find_max *find, uint32_t index)
{
    for (uint32_t i = 0; i < find->plan->slo_count; i++) {
        if (!find->levels[index].slos[i].ok)
            return &find->levels[index].slos[i];
    }
    return NULL;
}

const struct slo_result *find_report_first_to_break(const struct find_max *find)
{
    uint32_t above = search_result(&find->search).above;
    for (uint32_t i = 0; above > 0 && i < find->search.count; i++) {
        const struct search_try *one = &find->search.tries[i];
        const struct slo_result *missed = first_missed(find, i);
        if (one->level == above && one->outcome != SEARCH_KEPT && missed)
            return missed;
    }
    return NULL;
}

static void add_value(struct text *to, const struct slo_result *slo)
{
    if (slo->measured)
        slo_write_result(to, slo);
    else
        text_add_string(to, "not measured");
}

static void add_limits(struct text *to, uint32_t limits)
{
    for (unsigned i = 0, any = 0; i < GENERATOR_LIMITS; i++) {
        if (limits & 1u << i)
            text_printf(to, "%s%s", any++ ? ", " : "",
                        generator_limit_name((enum generator_limit)i));
    }
}

static void add_why(const struct find_max *find, uint32_t index, struct text *to)
{
    const struct find_max_level *level = &find->levels[index];
    const struct slo_result *missed = first_missed(find, index);
    if (missed) {
        text_printf(to, "%s (", missed->expression);
        add_value(to, missed);
        text_add_string(to, ")");
    } else if (level->short_of_it) {
        text_printf(to, "only %u reached", find->search.tries[index].reached);
    } else if (find->search.tries[index].nothing) {
        text_printf(to, "no packet %s", find->plan->publish ? "was written" : "came");
    }
    if (find->search.tries[index].outcome == SEARCH_LIMITED) {
        text_add_string(to, ", but the generator was the limit: ");
        add_limits(to, level->limits);
    }
}

static double hold_s(const struct find_max *find, const struct search_try *one)
{
    return (double)find->hold_ns / 1e9 * (one->longer ? FIND_LONGER : 1);
}

/* What a try was for that looks whether the server is still well, and what it has shown. */
static void add_recovery(const struct find_max *find, uint32_t index, struct text *to)
{
    uint32_t nth, broken_by = search_recovers_from(&find->search, index, &nth);
    text_printf(to, "; read again after %u", broken_by);
    if (find->search.tries[index].outcome == SEARCH_KEPT)
        text_add_string(to, ": the server is well");
    else
        text_printf(to, ", time %u of %u", nth, SEARCH_CHECKS);
}

void find_report_line(const struct find_max *find, struct text *to)
{
    uint32_t index = find->search.count - 1;
    const struct search_try *one = &find->search.tries[index];
    text_printf(to, "%4u. %8u %s  %4.3g s  %-8s", index + 1, one->level, noun(find),
                hold_s(find, one), search_outcome_name(one->outcome));
    if (one->outcome == SEARCH_KEPT)
        text_printf(to, " %u %s", one->reached, find->plan->find == FIND_RATE ? "begun" : "held");
    else
        text_add_string(to, " ");
    add_why(find, index, to);
    if (one->recovery)
        add_recovery(find, index, to);
    text_add_string(to, "\n");
}

static void add_tries(struct text *to, uint32_t of, struct search_tally tally)
{
    text_printf(to, "in %u of %u tries", of, tally.kept + tally.missed + tally.limited);
}

static void add_generator(const struct find_max *find, const struct search_result *result,
                          struct text *to)
{
    uint32_t index = result->broken_by > 0
                         ? find->search.count - 1 /* the last look at the server */
                         : last_try_of(find, result->above);
    text_printf(to, "           AT LEAST: at %u the generator was the limit (",
                find->search.tries[index].level);
    add_limits(to, find->levels[index].limits);
    text_add_string(to, "), so the server may do more");
}

/* Why there is no higher number. */
static void add_edge(const struct find_max *find, const struct search_result *result,
                     struct text *to)
{
    uint32_t missed = result->at_above.missed + result->at_above.limited;
    switch (result->edge) {
    case SEARCH_EDGE_MISSED:
        text_printf(to, "           %u missed ", result->above);
        add_tries(to, missed, result->at_above);
        text_add_string(to, ": ");
        add_why(find, last_try_of(find, result->above), to);
        break;
    case SEARCH_EDGE_LIMITED:
        add_generator(find, result, to);
        break;
    case SEARCH_EDGE_MOST:
        text_printf(to, "           AT LEAST: %u was the most to be tried", find->search.most);
        break;
    case SEARCH_EDGE_OPEN:
        text_add_string(to, "           AT LEAST: the search was cut off");
        break;
    case SEARCH_EDGE_SERVER:
        text_printf(to, "           %u was read again %u times, ", result->level, SEARCH_CHECKS);
        text_add_string(to, "the last time: ");
        add_why(find, find->search.count - 1, to);
        break;
    }
    text_add_string(to, "\n");
}

static void add_broken(const struct find_max *find, const struct search_result *result,
                       struct text *to)
{
    text_add_string(to, "find-max   the server did not recover from ");
    units_write_count(to, result->broken_by);
    text_printf(to, " %s; ", noun(find));
    units_write_count(to, result->number);
    text_add_string(to, " were kept before");
}

static void add_answer(const struct find_max *find, struct text *to)
{
    struct search_result result = search_result(&find->search);
    if (result.level == 0) {
        text_printf(to, "find-max   no level kept every objective%s\n",
                    find->interrupted ? ", interrupted" : "");
    } else {
        if (result.edge == SEARCH_EDGE_SERVER)
            add_broken(find, &result, to);
        else
            text_printf(to, "find-max   %u %s kept every objective", result.number, noun(find));
        if (result.number != result.level)
            text_printf(to, " (of %u asked for)", result.level);
        text_add_string(to, "\n           kept ");
        add_tries(to, result.at_level.kept, result.at_level);
        text_printf(to, ", confidence %s%s\n", search_confidence_name(result.confidence),
                    find->interrupted ? ", interrupted" : "");
    }
    if (find->search.count > 0)
        add_edge(find, &result, to);
}

/* An objective as a column's heading: a long one without the first part of its name. */
static const char *heading(const struct find_max *find, uint32_t slo)
{
    const char *expression = find->plan->slos[slo].expression;
    size_t before_value = strcspn(expression, "<>=!");
    const char *dot = memchr(expression, '.', before_value);
    return strlen(expression) >= CELL && dot ? dot + 1 : expression;
}

/* Adds text at the right of a column that is as wide as its heading, CELL with a space at least. */
static void add_cell(const struct find_max *find, uint32_t slo, struct text *to, const char *text)
{
    size_t width = strlen(heading(find, slo));
    text_printf(to, " %*s", (int)(width < CELL ? CELL - 1 : width), text);
}

static bool is_watched(const struct find_max *find)
{
    bool watched = false;
    for (uint32_t i = 0; i < find->search.count; i++)
        watched |= find->levels[i].server.watched;
    return watched;
}

static void add_server(const struct find_server *server, struct text *to)
{
    char room[96];
    struct text cell = text_init(room, sizeof(room));
    find_server_write(server, &cell);
    text_printf(to, " %*s", SERVER_CELL, text_string(&cell));
}

static void add_row(const struct find_max *find, uint32_t level, struct text *to)
{
    uint32_t index = last_try_of(find, level);
    struct search_tally tally = search_tally(&find->search, level);
    const struct find_max_level *one = &find->levels[index];
    text_printf(to, "%10u %8u %3u/%u", level, find->search.tries[index].reached, tally.kept,
                tally.kept + tally.missed + tally.limited);
    for (uint32_t i = 0; i < find->plan->slo_count && i < COLUMNS; i++) {
        char room[64];
        struct text cell = text_init(room, sizeof(room));
        if (one->left_out[i])
            text_add_string(&cell, "left out");
        else
            add_value(&cell, &one->slos[i]);
        if (!one->slos[i].ok)
            text_add_string(&cell, " !");
        add_cell(find, i, to, text_string(&cell));
    }
    if (is_watched(find))
        add_server(&one->server, to);
    text_add_string(to, one->limits ? " *\n" : "\n");
}

/* The lowest level over another, 0 when there is none. */
static uint32_t next_level(const struct find_max *find, uint32_t over)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < find->search.count; i++) {
        uint32_t level = find->search.tries[i].level;
        if (level > over && (next == 0 || level < next))
            next = level;
    }
    return next;
}

/* What the marks in the table mean, and what isn't in it. */
static void add_legend(const struct find_max *find, bool limited, struct text *to)
{
    text_add_string(to, "Values of each level's last try; ! missed");
    text_add_string(to, limited ? "; * the generator was at its limit\n" : "\n");
    for (uint32_t i = 0; i < find->plan->slo_count; i++) {
        uint32_t count = 0;
        for (uint32_t k = 0; k < find->search.count; k++)
            count += find->levels[k].left_out[i];
        if (count > 0)
            text_printf(to, "No receiver report came in %u of %u tries: %s was left out there\n",
                        count, find->search.count, find->plan->slos[i].expression);
    }
}

static void add_curve(const struct find_max *find, struct text *to)
{
    bool limited = false;
    text_printf(to, "\n%10s %8s  kept", noun(find),
                find->plan->find == FIND_RATE ? "begun" : "held");
    for (uint32_t i = 0; i < find->plan->slo_count && i < COLUMNS; i++)
        add_cell(find, i, to, heading(find, i));
    if (is_watched(find))
        text_printf(to, " %*s", SERVER_CELL, "server");
    text_add_string(to, "\n");
    for (uint32_t level = next_level(find, 0); level > 0; level = next_level(find, level)) {
        add_row(find, level, to);
        limited |= find->levels[last_try_of(find, level)].limits != 0;
    }
    add_legend(find, limited, to);
}

void find_report_table(const struct find_max *find, struct text *to)
{
    add_answer(find, to);
    if (find->search.count > 0)
        add_curve(find, to);
}

static json_t *slos_json(const struct find_max *find, uint32_t index)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < find->plan->slo_count; i++) {
        const struct slo_result *slo = &find->levels[index].slos[i];
        bool finite = slo->measured && isfinite(slo->value);
        json_t *value = finite ? json_real(slo->value) : json_null();
        json_array_append_new(array, json_pack("{sssosbsb}", "expr", slo->expression, "value",
                                               value, "ok", (int)slo->ok, "left_out",
                                               (int)find->levels[index].left_out[i]));
    }
    return array;
}

static json_t *limits_json(uint32_t limits)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++) {
        if (limits & 1u << i)
            json_array_append_new(array,
                                  json_string(generator_limit_name((enum generator_limit)i)));
    }
    return array;
}

static json_t *curve_json(const struct find_max *find)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < find->search.count; i++) {
        const struct search_try *one = &find->search.tries[i];
        const struct find_max_level *level = &find->levels[i];
        json_array_append_new(
            array,
            json_pack("{sIsIsfsssbsIsIsfsososo}", "level", (json_int_t)one->level, "reached",
                      (json_int_t)one->reached, "hold_s", hold_s(find, one), "outcome",
                      search_outcome_name(one->outcome), "recovery", (int)one->recovery,
                      "established", (json_int_t)level->established, "failed",
                      (json_int_t)level->failed, "cpu_peak", round(level->cpu_peak * 1000) / 1000,
                      "generator_limits", limits_json(level->limits), "server",
                      find_server_json(&level->server), "slo", slos_json(find, i)));
    }
    return array;
}

static json_t *tries_json(struct search_tally tally)
{
    return json_pack("{sIsIsI}", "kept", (json_int_t)tally.kept, "missed", (json_int_t)tally.missed,
                     "limited", (json_int_t)tally.limited);
}

json_t *find_report_json(const struct find_max *find)
{
    static const char *const edges[] = {"objective", "generator", "interrupted", "most", "server"};
    struct search_result result = search_result(&find->search);
    const struct slo_result *broke = find_report_first_to_break(find);
    json_t *search = json_object();
    json_object_set_new(search, "what",
                        json_string(find->plan->find == FIND_RATE ? "rate" : "readers"));
    json_object_set_new(search, "number", json_integer(result.number));
    json_object_set_new(search, "level", json_integer(result.level));
    json_object_set_new(search, "above",
                        result.above > 0 ? json_integer(result.above) : json_null());
    json_object_set_new(search, "limit",
                        json_string(find->interrupted ? "interrupted" : edges[result.edge]));
    json_object_set_new(search, "first_to_break",
                        broke ? json_string(broke->expression) : json_null());
    json_object_set_new(search, "confidence",
                        json_string(search_confidence_name(result.confidence)));
    json_object_set_new(search, "tries_at_level", tries_json(result.at_level));
    json_object_set_new(search, "tries_at_above", tries_json(result.at_above));
    json_object_set_new(search, "most", json_integer(find->search.most));
    json_object_set_new(search, "hold_s", json_real((double)find->hold_ns / 1e9));
    json_object_set_new(search, "cool_down_s", json_real((double)find->plan->cool_down_ns / 1e9));
    json_object_set_new(search, "curve", curve_json(find));
    return search;
}
