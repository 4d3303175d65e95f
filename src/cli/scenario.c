#include "cli/scenario.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/out.h"
#include "cli/ready.h"
#include "cli/run.h"
#include "cli/scenario_plans.h"
#include "cli/scenario_schema.h"

/* What the table of "run all" says of a run. */
struct row {
    const char *name;
    bool ran;
    struct session_counts sessions;
    struct rtp_counts rtp;
    bool has_startup;
    double p50_ms, p95_ms; /* of start-up */
    enum verdict verdict;
};

static void fill_row(void *context, const struct snapshot *snapshot)
{
    struct row *row = context;
    const struct histogram *startup = &snapshot->total->metrics[METRIC_STARTUP];
    row->ran = true;
    row->sessions = snapshot->total->sessions;
    row->rtp = stats_rtp(snapshot->total);
    row->has_startup = startup->count > 0;
    row->p50_ms = (double)histogram_quantile(startup, 0.5) / 1000;
    row->p95_ms = (double)histogram_quantile(startup, 0.95) / 1000;
    row->verdict = snapshot_verdict(snapshot, NULL);
}

#define FILES 6u /* that a run can leave behind */

struct file_names {
    char names[FILES][4096];
};

/* "result.json" of the scenario burst is result-burst.json. A device stays what it is. */
static const char *name_file(const char *path, const char *scenario, char room[static 4096])
{
    if (!path || strncmp(path, "/dev/", 5) == 0)
        return path;
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    int stem = (int)(dot && dot > base ? (size_t)(dot - path) : strlen(path));
    int len = snprintf(room, 4096, "%.*s-%s%s", stem, path, scenario, path + stem);
    return len < 4096 ? room : path;
}

/* So that runs one after another don't write over each other's files. */
static void name_files(struct plan *plan, const char *scenario, struct file_names *room)
{
    const char **files[FILES] = {&plan->json_file, &plan->sessions_log_file, &plan->csv_file,
                                 &plan->hlog_file, &plan->junit_file,        &plan->html_file};
    for (unsigned i = 0; i < FILES; i++)
        *files[i] = name_file(*files[i], scenario, room->names[i]);
}

/* Against --url or the scenario's URLs, else a server of our own. row: of one run among several;
   NULL: it is the only one. */
static int run_scenario(const struct scenario *scenario, const struct options *options,
                        struct row *row, struct text *error)
{
    static struct watch watch; /* large, and there is one at a time; so are the names */
    static struct file_names names;
    struct scenario_plans *plans = calloc(1, sizeof(*plans));
    struct demo demo = {0};
    int status = STATUS_SETUP;
    assert(plans);
    watch = (struct watch){.ended = row ? fill_row : NULL, .ended_context = row};
    bool own = scenario_needs_server(scenario, options);
    if ((!own || demo_start(&demo, NULL, error)) &&
        scenario_plans_make(plans, scenario, options, own ? demo.url : NULL, error)) {
        if (row)
            name_files(&plans->plans[0], row->name, &names);
        if (row && plans->plans[0].json_on_stdout)
            text_add_string(error, "--json -: expected a file, as 'run all' has several results");
        else
            status = run_watched(plans->plans, plans->count, &watch, error);
    }
    if (own)
        demo_stop(&demo);
    scenario_plans_dispose(plans);
    free(plans);
    return status;
}

int scenario_run_file(const struct options *options, struct text *error)
{
    struct scenario scenario = {0};
    int status = STATUS_SETUP;
    if (scenario_read(&scenario, options_text(options, OPT_SCENARIO), error))
        status = run_scenario(&scenario, options, NULL, error);
    scenario_dispose(&scenario);
    return status;
}

static bool parse_ready(const struct ready *ready, struct scenario *out, struct text *error)
{
    struct slice yaml = slice_make(ready->yaml, (size_t)(ready->end - ready->yaml));
    return scenario_parse(out, ready->name, yaml, error);
}

static int run_ready(const struct ready *ready, const struct options *options, struct row *row,
                     struct text *error)
{
    struct scenario scenario = {0};
    int status = STATUS_SETUP;
    if (parse_ready(ready, &scenario, error))
        status = run_scenario(&scenario, options, row, error);
    scenario_dispose(&scenario);
    return status;
}

#define CELL 24u

/* "12.3%", or "-" where there was nothing that it could be a share of. */
static const char *percent(char room[CELL], unsigned decimals, uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return "-";
    snprintf(room, CELL, "%.*f%%", (int)decimals, 100.0 * (double)part / (double)whole);
    return room;
}

static const char *milliseconds(char room[CELL], bool measured, double ms)
{
    if (!measured)
        return "-";
    snprintf(room, CELL, "%.1f ms", ms);
    return room;
}

static void print_row(const struct row *row)
{
    char success[CELL], loss[CELL], p50[CELL], p95[CELL];
    fprintf(out_stream(), "%-14s %7llu %9s %8s %12s %12s %11llu  %s\n", row->name,
            (unsigned long long)row->sessions.started,
            percent(success, 1, row->sessions.established, row->sessions.started),
            percent(loss, 3, row->rtp.lost, row->rtp.expected),
            milliseconds(p50, row->has_startup, row->p50_ms),
            milliseconds(p95, row->has_startup, row->p95_ms), (unsigned long long)row->rtp.packets,
            verdict_name(row->verdict));
}

/* One after another. A run that can't begin, or a missed objective, shows in the exit status. */
static int run_all(const struct options *options, struct text *error)
{
    struct row rows[32] = {0};
    unsigned count = 0;
    int status = 0;
    for (unsigned i = 0; i < ready_count && status != STATUS_SETUP; i++) {
        struct row *row = &rows[count];
        if (!ready_scenarios[i].is_short)
            continue;
        row->name = ready_scenarios[i].name;
        out_say("scenario %s", row->name);
        int ended = run_ready(&ready_scenarios[i], options, row, error);
        status = ended == STATUS_SETUP || status == 0 ? ended : status;
        count += row->ran;
    }
    fprintf(out_stream(), "\n%-14s %7s %9s %8s %12s %12s %11s  %s\n", "scenario", "readers",
            "success", "loss", "startup p50", "p95", "packets", "verdict");
    for (unsigned i = 0; i < count; i++)
        print_row(&rows[i]);
    return status;
}

static int list(struct text *error)
{
    for (unsigned i = 0; i < ready_count; i++) {
        struct scenario scenario = {0};
        bool ok = parse_ready(&ready_scenarios[i], &scenario, error);
        if (ok)
            fprintf(out_stream(), "%-16s %s\n", ready_scenarios[i].name,
                    scenario.about ? scenario.about : "");
        scenario_dispose(&scenario);
        if (!ok)
            return STATUS_SETUP;
    }
    return 0;
}

static const struct ready *find_ready(const char *name, struct text *error)
{
    const struct ready *ready = ready_find(name);
    if (ready)
        return ready;
    text_printf(error, "no scenario '%.60s'", name);
    for (unsigned i = 0; i < ready_count; i++) {
        if (words_near(words_distance(name, ready_scenarios[i].name), strlen(name))) {
            text_printf(error, ": did you mean '%s'?", ready_scenarios[i].name);
            return NULL;
        }
    }
    text_add_string(error, ": see 'rtspbench scenario list'");
    return NULL;
}

static int of_one(const struct options *options, bool show, struct text *error)
{
    const struct ready *ready = find_ready(options->words[1], error);
    if (!ready)
        return STATUS_SETUP;
    if (!show)
        return run_ready(ready, options, NULL, error);
    fwrite(ready->yaml, 1, (size_t)(ready->end - ready->yaml), out_stream());
    return 0;
}

int scenario_main(const struct options *options, struct text *error)
{
    const char *verb = options->word_count > 0 ? options->words[0] : "";
    const char *name = options->word_count == 2 ? options->words[1] : NULL;
    bool show = strcmp(verb, "show") == 0, runs = strcmp(verb, "run") == 0;
    if (strcmp(verb, "list") == 0 && options->word_count == 1)
        return list(error);
    if (strcmp(verb, "schema") == 0 && options->word_count == 1)
        return scenario_schema_print();
    if (runs && name && strcmp(name, "all") == 0)
        return run_all(options, error);
    if ((show || runs) && name)
        return of_one(options, show, error);
    text_add_string(error, "scenario: expected list, show NAME, run NAME, run all or schema");
    return STATUS_SETUP;
}
