#include "view/compare_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/units.h"

#define CELL 64u
#define WHY 160u
#define METHOD_COLUMNS 88u

static const char *write_value(char room[CELL], enum compare_unit unit,
                               const struct compare_value *of)
{
    struct text cell = text_init(room, CELL);
    if (!of->measured)
        text_add_string(&cell, "-");
    else if (isinf(of->value))
        text_add_string(&cell, "never");
    else if (unit == COMPARE_MS)
        units_write_duration(&cell, (uint64_t)(of->value * 1e6));
    else if (unit == COMPARE_RATE)
        text_printf(&cell, "%.4g/s", of->value);
    else
        text_printf(&cell, "%.3g %%", of->value * 100);
    return text_string(&cell);
}

static const char *write_change(char room[CELL], const struct compare_row *row, uint32_t run)
{
    double percent = compare_change(row, run) * 100;
    bool points = row->unit == COMPARE_RATIO || row->unit == COMPARE_SHARE;
    const char *unit = points ? "points" : "%";
    int decimals = fabs(percent) < 0.995 && percent != 0 ? 2 : fabs(percent) < 9.95 ? 1 : 0;
    if (compare_mark(row, run) == COMPARE_UNMEASURED)
        return "";
    if (isinf(row->of[run].value) || isinf(row->base[run].value))
        return percent > 0 ? "to never" : percent < 0 ? "from never" : "";
    if (isinf(percent))
        return "from 0";
    snprintf(room, CELL, "%+.*f %s", decimals, percent, unit);
    return room;
}

static void add_proportion(struct text *to, struct proportion of, const char *after)
{
    units_write_count(to, (uint64_t)of.part);
    text_add_string(to, " of ");
    units_write_count(to, (uint64_t)of.whole);
    text_add_string(to, after);
}

/* "10 of 20 never got there, of the base 0 of 20"; "" where that doesn't decide. */
static const char *write_why(char room[WHY], const struct compare_row *row, uint32_t run)
{
    struct text why = text_init(room, WHY);
    if (compare_is_by_never(row, run)) {
        add_proportion(&why, row->of[run].of, " never got there, of the base ");
        add_proportion(&why, row->base[run].of, "");
    }
    return text_string(&why);
}

/* "noise", or with the reason: "noise: 10 of ..." */
static void write_mark(const char *mark, const struct compare_row *row, uint32_t run, FILE *to)
{
    char room[WHY];
    const char *why = write_why(room, row, run);
    fprintf(to, "%s%s%s", mark, why[0] ? ": " : "", why);
}

static uint32_t count_marks(const struct compare *compare, uint32_t run, enum compare_mark mark)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < compare->row_count; i++)
        count += compare_mark(&compare->rows[i], run) == mark;
    return count;
}

static void write_named(const struct compare *compare, uint32_t run, enum compare_mark mark,
                        FILE *to)
{
    const char *separator = mark == COMPARE_WORSE ? "worse: " : "better: ";
    for (uint32_t i = 0; i < compare->row_count; i++) {
        if (compare_mark(&compare->rows[i], run) != mark)
            continue;
        fprintf(to, "%s%s", separator, compare->rows[i].name);
        separator = ", ";
    }
}

static void write_older(const struct compare *compare, uint32_t run, FILE *to)
{
    bool base = compare->older[0], now = compare->older[run];
    if (base && now)
        fputs(" (both are older: cut-off sessions weren't counted then)", to);
    else if (base || now)
        fprintf(to, " (%s is older: cut-off sessions weren't counted then)",
                compare->names[now ? run : 0]);
}

/* "worse: describe.p50, startup.p50; better: loss_ratio" or "noise everywhere" */
static void write_sentence(const struct compare *compare, uint32_t run, FILE *to)
{
    uint32_t worse = count_marks(compare, run, COMPARE_WORSE);
    uint32_t better = count_marks(compare, run, COMPARE_BETTER);
    write_named(compare, run, COMPARE_WORSE, to);
    fputs(worse > 0 && better > 0 ? "; " : "", to);
    write_named(compare, run, COMPARE_BETTER, to);
    fputs(worse + better == 0 ? "noise everywhere" : "", to);
    if (compare->limited[0] || compare->limited[run])
        fprintf(to, " (but the generator was the limit of %s)",
                compare->limited[run] ? compare->names[run] : compare->names[0]);
    if (compare->by_hand[0] || compare->by_hand[run])
        fprintf(to, " (but the load of %s was changed by hand)",
                compare->by_hand[run] ? compare->names[run] : compare->names[0]);
    for (uint32_t i = 0; i < compare->run_count; i++) {
        if (compare->unfinished[i] && (i == 0 || i == run))
            fprintf(to, " (but %s is of an unfinished run)", compare->names[i]);
    }
    write_older(compare, run, to);
}

static void write_wrapped(const char *words, FILE *to)
{
    struct slice rest = slice_from_string(words);
    size_t column = 0;
    while (rest.len > 0) {
        struct slice word = slice_take_until(&rest, ' ');
        if (column > 0 && column + 1 + word.len > METHOD_COLUMNS) {
            fputc('\n', to);
            column = 0;
        }
        fprintf(to, "%s%.*s", column > 0 ? " " : "", (int)word.len, (const char *)word.data);
        column += word.len + (column > 0);
    }
    fputc('\n', to);
}

static void write_tolerance(const struct compare_report *report,
                            const struct compare_tolerance *tolerance, uint32_t run, FILE *to)
{
    static const char *const words[] = {"within", "BEYOND", "UNJUDGED"};
    char room[CELL], reason[WHY];
    struct text why = text_init(reason, sizeof(reason));
    enum compare_judgement judgement = compare_judge(tolerance, run, &why);
    const char *change = write_change(room, tolerance->row, run);
    fprintf(to, "%s  %s: %s", words[judgement], tolerance->text, report->compare->names[run]);
    fprintf(to, "%s%s", change[0] ? " " : "", change);
    fprintf(to, "%s%s\n", why.len > 0 ? ", " : "", text_string(&why));
}

/* What can't be judged needs a reason only where it was to be judged. */
static void write_tolerances(const struct compare_report *report, const char *start, FILE *to)
{
    const struct compare *compare = report->compare;
    if (report->tolerance_count == 0)
        return;
    for (uint32_t i = 0; i < report->tolerance_count; i++) {
        for (uint32_t run = 1; run < compare->run_count; run++) {
            fputs(start, to);
            write_tolerance(report, &report->tolerances[i], run, to);
        }
    }
    for (uint32_t i = 0; i < compare->run_count; i++) {
        if (compare->unfit[i])
            fprintf(to, "%sUNJUDGED  %s: %s\n", start, compare->names[i], compare->unfit[i]);
    }
}

/* Columns of the names and what keeps them from the values. */
static int name_columns(const struct compare *compare)
{
    size_t columns = 22;
    for (uint32_t i = 0; i < compare->row_count; i++) {
        size_t len = strlen(compare->rows[i].name);
        columns = len + 1 > columns ? len + 1 : columns;
    }
    return (int)columns;
}

static bool has_headlines(const struct compare *compare)
{
    bool any = false;
    for (uint32_t i = 0; i < compare->run_count; i++)
        any |= compare->headlines[i][0] != '\0';
    return any;
}

static void write_headlines(const struct compare *compare, FILE *to)
{
    for (uint32_t i = 0; i < compare->run_count; i++) {
        if (compare->headlines[i][0])
            fprintf(to, "%s: %s\n", compare->names[i], compare->headlines[i]);
    }
    fputs(has_headlines(compare) ? "\n" : "", to);
}

void compare_write_text(const struct compare_report *report, FILE *to)
{
    const struct compare *compare = report->compare;
    int columns = name_columns(compare);
    char room[CELL];
    write_headlines(compare, to);
    for (uint32_t run = 1; run < compare->run_count; run++) {
        fprintf(to, "%s against %s: ", compare->names[run], compare->names[0]);
        write_sentence(compare, run, to);
        fprintf(to, "\n\n%*s%12s%12s%12s\n", columns, "", "base", "new", "change");
        for (uint32_t i = 0; i < compare->row_count; i++) {
            const struct compare_row *row = &compare->rows[i];
            fprintf(to, "%-*s%12s", columns, row->name,
                    write_value(room, row->unit, &row->base[run]));
            fprintf(to, "%12s", write_value(room, row->unit, &row->of[run]));
            fprintf(to, "%16s  ", write_change(room, row, run));
            write_mark(compare_mark_name(compare_mark(row, run)), row, run, to);
            fputc('\n', to);
        }
        fputc('\n', to);
    }
    write_tolerances(report, "", to);
    fputs(report->tolerance_count > 0 ? "\n" : "", to);
    write_wrapped(compare_method, to);
}

static const char *mark_sign(enum compare_mark mark)
{
    static const char *const signs[] = {"noise", "**better**", "**worse** :warning:", "too few",
                                        ""};
    return signs[mark];
}

/* As code: nothing in it is Markdown. */
static void write_code(const char *string, FILE *to)
{
    fputc('`', to);
    for (; *string; string++)
        fputc(*string == '`' ? '\'' : *string, to);
    fputc('`', to);
}

static void write_markdown_headlines(const struct compare *compare, FILE *to)
{
    for (uint32_t i = 0; i < compare->run_count; i++) {
        if (!compare->headlines[i][0])
            continue;
        fputs("- ", to);
        write_code(compare->names[i], to);
        fputs(": ", to);
        write_code(compare->headlines[i], to);
        fputc('\n', to);
    }
    fputs(has_headlines(compare) ? "\n" : "", to);
}

void compare_write_markdown(const struct compare_report *report, FILE *to)
{
    const struct compare *compare = report->compare;
    char room[CELL];
    write_markdown_headlines(compare, to);
    for (uint32_t run = 1; run < compare->run_count; run++) {
        fprintf(to, "**`%s` against `%s`**: ", compare->names[run], compare->names[0]);
        write_sentence(compare, run, to);
        fputs("\n\n| | base | new | change | |\n|---|---:|---:|---:|---|\n", to);
        for (uint32_t i = 0; i < compare->row_count; i++) {
            const struct compare_row *row = &compare->rows[i];
            fprintf(to, "| %s | %s", row->name, write_value(room, row->unit, &row->base[run]));
            fprintf(to, " | %s", write_value(room, row->unit, &row->of[run]));
            fprintf(to, " | %s | ", write_change(room, row, run));
            write_mark(mark_sign(compare_mark(row, run)), row, run, to);
            fputs(" |\n", to);
        }
        fputc('\n', to);
    }
    write_tolerances(report, "- ", to);
    fprintf(to, "%s<details><summary>How</summary>\n\n%s\n</details>\n",
            report->tolerance_count > 0 ? "\n" : "", compare_method);
}

static void write_escaped(const char *string, FILE *to)
{
    for (; *string; string++) {
        if (strchr("&<>\"", *string))
            fprintf(to, "&#%d;", *string);
        else
            fputc(*string, to);
    }
}

static void write_html_headlines(const struct compare *compare, FILE *to)
{
    fputs("<ul>\n", to);
    for (uint32_t i = 0; i < compare->run_count; i++) {
        if (!compare->headlines[i][0])
            continue;
        fputs("<li><b>", to);
        write_escaped(compare->names[i], to);
        fputs("</b>: ", to);
        write_escaped(compare->headlines[i], to);
        fputs("</li>\n", to);
    }
    fputs("</ul>\n", to);
}

static void write_html_run(const struct compare *compare, uint32_t run, FILE *to)
{
    char room[CELL];
    fputs("<h2>", to);
    write_escaped(compare->names[run], to);
    fputs("</h2><p>", to);
    char *sentence = NULL;
    size_t len;
    FILE *memory = open_memstream(&sentence, &len);
    write_sentence(compare, run, memory);
    fclose(memory);
    write_escaped(sentence, to);
    free(sentence);
    fputs("</p><table><thead><tr><th></th><th>base</th><th>new</th><th>change</th><th></th></tr>"
          "</thead><tbody>\n",
          to);
    for (uint32_t i = 0; i < compare->row_count; i++) {
        const struct compare_row *row = &compare->rows[i];
        const char *mark = compare_mark_name(compare_mark(row, run));
        fprintf(to, "<tr class=\"%s\"><th>%s</th><td>%s</td>", mark, row->name,
                write_value(room, row->unit, &row->base[run]));
        fprintf(to, "<td>%s</td>", write_value(room, row->unit, &row->of[run]));
        fprintf(to, "<td>%s</td><td>", write_change(room, row, run));
        write_mark(mark, row, run, to);
        fputs("</td></tr>\n", to);
    }
    fputs("</tbody></table>\n", to);
}

int compare_write_html(const struct compare_report *report, const char *path)
{
    static const char head[] =
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><title>rtspbench: comparison</title><style>"
        ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:50rem;"
        "margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}"
        "td,thead th{text-align:right;padding:.15rem .6rem}tbody th{text-align:left;"
        "font-weight:400}td:last-child{text-align:left}tbody tr{border-top:1px solid #8884}"
        ".worse td:last-child{color:#c33;font-weight:600}.better td:last-child{color:#283;"
        "font-weight:600}.noise td:last-child,.unmeasured td:last-child{opacity:.6}"
        "@media(prefers-color-scheme:dark){.worse td:last-child{color:#f77}"
        ".better td:last-child{color:#6d7}}</style><h1>Comparison with ";
    struct file file;
    int error = file_open(&file, path);
    if (error)
        return error;
    fputs(head, file.stream);
    write_escaped(report->compare->names[0], file.stream);
    fputs("</h1>\n", file.stream);
    if (has_headlines(report->compare))
        write_html_headlines(report->compare, file.stream);
    for (uint32_t run = 1; run < report->compare->run_count; run++)
        write_html_run(report->compare, run, file.stream);
    fprintf(file.stream, "<p>%s</p></html>\n", compare_method);
    return file_commit(&file);
}

/* What is not finite has no number in JSON. */
static json_t *number_or_null(bool has, double value)
{
    return has && isfinite(value) ? json_real(value) : json_null();
}

/* never: infinitely slow, so that value is null. */
static json_t *value_json(const struct compare_value *value)
{
    return json_pack("{so so so sb}", "value", number_or_null(value->measured, value->value), "low",
                     number_or_null(value->measured, value->low), "high",
                     number_or_null(value->measured, value->high), "never", isinf(value->value));
}

static json_t *row_json(const struct compare_row *row, uint32_t run)
{
    char room[WHY];
    const char *why = write_why(room, row, run);
    enum compare_mark mark = compare_mark(row, run);
    return json_pack("{ss so so so ss ss}", "name", row->name, "base", value_json(&row->base[run]),
                     "new", value_json(&row->of[run]), "change",
                     number_or_null(mark != COMPARE_UNMEASURED, compare_change(row, run)), "mark",
                     compare_mark_name(mark), "why", why);
}

static json_t *headline_json(const struct compare *compare, uint32_t run)
{
    const char *headline = compare->headlines[run];
    return headline[0] ? json_string(headline) : json_null();
}

static json_t *run_json(const struct compare *compare, uint32_t run)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < compare->row_count; i++)
        json_array_append_new(rows, row_json(&compare->rows[i], run));
    json_t *name = json_string(compare->names[run]);
    return json_pack("{so so sb sb ss? so}", "name", name ? name : json_string("result"),
                     "headline", headline_json(compare, run), "unfinished",
                     compare->unfinished[run], "older", compare->older[run], "unfit",
                     compare->unfit[run], "rows", rows);
}

static json_t *tolerance_json(const struct compare_tolerance *tolerance, uint32_t run)
{
    char room[WHY];
    struct text why = text_init(room, sizeof(room));
    enum compare_judgement judgement = compare_judge(tolerance, run, &why);
    return json_pack("{ss si sb sb ss}", "tolerance", tolerance->text, "run", (int)run - 1,
                     "within", judgement == COMPARE_WITHIN, "judged", judgement != COMPARE_UNJUDGED,
                     "why", text_string(&why));
}

json_t *compare_to_json(const struct compare_report *report)
{
    const struct compare *compare = report->compare;
    json_t *runs = json_array(), *tolerances = json_array();
    for (uint32_t run = 1; run < compare->run_count; run++) {
        json_array_append_new(runs, run_json(compare, run));
        for (uint32_t i = 0; i < report->tolerance_count; i++)
            json_array_append_new(tolerances, tolerance_json(&report->tolerances[i], run));
    }
    json_t *base = json_string(compare->names[0]);
    return json_pack("{ss so so sb sb ss? so so ss}", "schema", "rtspbench.compare.v1", "base",
                     base ? base : json_string("result"), "base_headline",
                     headline_json(compare, 0), "base_unfinished", compare->unfinished[0],
                     "base_older", compare->older[0], "base_unfit", compare->unfit[0], "runs", runs,
                     "tolerances", tolerances, "method", compare_method);
}
