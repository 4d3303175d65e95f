#include "cli/find_max.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/find_report.h"
#include "cli/out.h"
#include "cli/outputs.h"
#include "cli/shell.h"
#include "load/run.h"
#include "view/json.h"
#include "view/json_dump.h"

#define START 10u
#define READERS_MOST 10000u
#define RATE_MOST 10000u
#define LIFE_NS (2 * NS_PER_S)   /* of a session in a search for the rate */
#define SPARE_NS (10 * NS_PER_S) /* that a session may take beside its life */
#define SETTLE_NS NS_PER_S       /* between ramp and hold, at most */
#define RAMP_S 5.0
#define RAMP_RATE 100.0
#define REACHED 0.95

static uint64_t settle_of(uint64_t hold_ns)
{
    return hold_ns / 4 < SETTLE_NS ? hold_ns / 4 : SETTLE_NS;
}

/* All readers are there soon, then they are held. The ramp is the media numbers' warm-up. */
static void plan_readers(struct find_max *find, uint32_t level, uint64_t hold_ns)
{
    struct plan *plan = find->plan;
    plan->readers = level;
    plan->rate_per_s = plan->rate_given ? find->rate_per_s : fmax(RAMP_RATE, level / RAMP_S);
    uint64_t ramp_ns = (uint64_t)(level / plan->rate_per_s * (double)NS_PER_S);
    find->steady_ns = ramp_ns + settle_of(find->hold_ns);
    plan->warmup_ns = find->warmup_ns > 0 ? find->warmup_ns : find->steady_ns;
    plan->duration_ns = find->steady_ns + hold_ns;
}

/* Sessions come at the rate, each with a life of its own. */
static void plan_rate(struct find_max *find, uint32_t level, uint64_t hold_ns)
{
    struct plan *plan = find->plan;
    uint64_t stay_ns = hold_ns;
    if (plan->life.kind == DISTRIBUTION_NONE)
        plan->life = (struct distribution){.kind = DISTRIBUTION_FIXED, .a_ns = LIFE_NS};
    if (plan->life.kind == DISTRIBUTION_FIXED && plan->life.a_ns + SPARE_NS < stay_ns)
        stay_ns = plan->life.a_ns + SPARE_NS;
    double most = ceil(level * ((double)stay_ns / (double)NS_PER_S)) + 1;
    plan->open = true;
    plan->rate_per_s = level;
    plan->readers = plan->readers_given       ? find->readers
                    : most < PLAN_READERS_MAX ? (uint32_t)most
                                              : PLAN_READERS_MAX;
    plan->duration_ns = hold_ns;
    find->steady_ns = 0;
}

static bool resolve_level(struct find_max *find, const struct machine *machine,
                          struct search_wish wish, struct text *error)
{
    char room[512];
    struct text warnings = text_init(room, sizeof(room));
    uint64_t hold_ns = wish.longer ? FIND_LONGER * find->hold_ns : find->hold_ns;
    if (find->plan->find == FIND_RATE)
        plan_rate(find, wish.level, hold_ns);
    else
        plan_readers(find, wish.level, hold_ns);
    find->plan->server_may_be_gone = find->search.count > 0;
    find->end_ns = find->plan->duration_ns;
    find->least_active = UINT32_MAX;
    find->seen = false;
    return plan_resolve(find->plan, machine, error, &warnings);
}

/* The highest level up to most that this machine can hold; 0 when it is none. */
static uint32_t highest_fit(struct find_max *find, const struct machine *machine, uint32_t most)
{
    uint32_t fits = 0, over = most + 1;
    while (over - fits > 1) {
        char room[512];
        struct text ignored = text_init(room, sizeof(room));
        uint32_t middle = fits + (over - fits) / 2;
        if (resolve_level(find, machine, (struct search_wish){.level = middle, .longer = true},
                          &ignored))
            fits = middle;
        else
            over = middle;
    }
    return fits;
}

/* A bound that was asked for must fit; one of ours gives way to the machine. */
static bool begin(struct find_max *find, const struct machine *machine, struct text *error)
{
    bool rate = find->plan->find == FIND_RATE;
    bool given = rate ? find->plan->rate_given : find->plan->readers_given;
    uint32_t most = rate ? RATE_MOST : READERS_MOST;
    if (given)
        most = rate ? (uint32_t)fmax(1, floor(find->rate_per_s)) : find->readers;
    if (!resolve_level(find, machine, (struct search_wish){.level = most, .longer = true}, error)) {
        if (given)
            return false;
        most = highest_fit(find, machine, most);
        error->len = most > 0 ? 0 : error->len;
    }
    if (most == 0)
        return false;
    search_init(&find->search, most < START ? most : START, most);
    return true;
}

static struct find_max_level *level_of(struct find_max *find)
{
    return &find->levels[find->search.count];
}

static void on_tick(void *context, const struct snapshot *snapshot)
{
    struct find_max *find = context;
    bool held = snapshot->elapsed_ns >= find->steady_ns && snapshot->elapsed_ns <= find->end_ns;
    if (held && snapshot->total->active < find->least_active)
        find->least_active = snapshot->total->active;
    if (held)
        find_server_see(&level_of(find)->server, &snapshot->server);
    find->seen |= held;
}

static bool is_breached(const struct plan *plan, const struct snapshot *snapshot)
{
    bool breached = false;
    for (uint32_t i = 0; snapshot && i < snapshot->slo_count; i++)
        breached |= plan->slos[i].abort && snapshot->slos[i].measured && !snapshot->slos[i].ok;
    return breached;
}

static void on_look(void *context, const struct snapshot *last, bool stopping)
{
    struct find_max *find = context;
    find->interrupted |= stopping && !is_breached(find->plan, last);
}

/* What the level came to: readers held, or sessions begun a second. */
static uint32_t reached_by(const struct find_max *find, const struct snapshot *snapshot)
{
    const struct plan *plan = find->plan;
    if (plan->find == FIND_READERS)
        return find->seen ? find->least_active : snapshot->total->active_peak;
    double seconds = (double)plan->duration_ns / (double)NS_PER_S;
    return (uint32_t)ceil((double)snapshot->total->sessions.started / seconds);
}

static void on_end(void *context, const struct snapshot *snapshot)
{
    struct find_max *find = context;
    struct find_max_level *level = level_of(find);
    struct search_try *done = &find->search.tries[find->search.count];
    bool kept = true;
    for (uint32_t i = 0; i < snapshot->slo_count; i++) {
        const struct slo_result *slo = &snapshot->slos[i];
        level->slos[i] = *slo;
        level->left_out[i] = find->plan->slos_are_usual && !slo->measured && slo->ok;
        kept &= slo->ok;
    }
    uint32_t reached = reached_by(find, snapshot);
    done->reached = reached < done->level ? reached : done->level;
    level->short_of_it = done->reached < REACHED * done->level;
    level->limits = snapshot->generator.limits;
    level->cpu_peak = snapshot->generator.cpu_peak;
    find_server_end(&level->server, &snapshot->server);
    level->established = snapshot->total->sessions.established;
    level->failed = snapshot->total->sessions.failed;
    done->nothing = snapshot->total->sessions.established == 0 || snapshot_lacks_media(snapshot);
    done->failed_share = snapshot_failed_share(snapshot);
    kept &= !level->short_of_it && !done->nothing;
    done->outcome = kept ? SEARCH_KEPT : level->limits ? SEARCH_LIMITED : SEARCH_MISSED;
    level->document = view_json_result(snapshot);
}

static void on_notice(void *context, const char *line)
{
    (void)context;
    out_say("%s", line);
}

static void print(const struct find_max *find,
                  void (*write)(const struct find_max *, struct text *))
{
    char room[16384];
    struct text text = text_init(room, sizeof(room));
    write(find, &text);
    FILE *to = outputs_text(find->plan);
    out_print(to, text_slice(&text));
    fflush(to);
}

/* The documents of tries that can't be the answer are let go. */
static void keep_documents(struct find_max *find)
{
    for (uint32_t i = 0; i + 1 < find->search.count; i++) {
        const struct search_try *one = &find->search.tries[i];
        if (one->outcome == SEARCH_KEPT && !one->recovery)
            continue;
        json_decref(find->levels[i].document);
        find->levels[i].document = NULL;
    }
}

static void show_level(const struct find_max *find)
{
    if (find->plan->quiet)
        return;
    if (find->plan->log == LOG_TEXT) {
        print(find, find_report_line);
        return;
    }
    json_t *search = find_report_json(find), *line = json_object();
    json_t *curve = json_object_get(search, "curve");
    json_object_set(line, "level", json_array_get(curve, json_array_size(curve) - 1));
    json_decref(search);
    view_dump(line, out_stream());
    fflush(out_stream());
}

/* One try. False: it could not begin. */
static bool try_level(struct find_max *find, const struct machine *machine, struct search_wish wish,
                      struct text *error)
{
    const struct run_hooks hooks = {
        .context = find,
        .on_tick = on_tick,
        .on_look = on_look,
        .on_end = on_end,
        .on_notice = on_notice,
    };
    struct search_try *done = &find->search.tries[find->search.count];
    *done =
        (struct search_try){.level = wish.level, .longer = wish.longer, .recovery = wish.recovery};
    level_of(find)->server = find_server_unknown;
    if (!resolve_level(find, machine, wish, error) ||
        !run(find->plan, RTSPBENCH_VERSION, &hooks, error))
        return false;
    if (find->interrupted) /* cut off, it says nothing */
        return true;
    struct search_try told = *done;
    told.ended_ns = clock_monotonic_ns();
    search_tell(&find->search, &told);
    keep_documents(find);
    show_level(find);
    return true;
}

/* Until the cool-down is over and the next try may begin. */
static void cool_down(struct find_max *find, const struct search_wish *next,
                      const sigset_t *signals)
{
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t span_ns = find->plan->cool_down_ns;
    if (next->not_before_ns > now_ns + span_ns)
        span_ns = next->not_before_ns - now_ns;
    struct timespec span = {(time_t)(span_ns / NS_PER_S), (long)(span_ns % NS_PER_S)};
    if (sigtimedwait(signals, NULL, &span) > 0)
        find->interrupted = true;
}

static void run_command(struct find_max *find, const sigset_t *signals, struct text *error)
{
    char room[200];
    struct text why = text_init(room, sizeof(room));
    const char *command = find->plan->between_levels;
    enum shell_end end = shell_run(command, signals, &why);
    find->interrupted |= end != SHELL_DONE;
    if (end != SHELL_FAILED)
        return;
    find->command_failed = true;
    text_add_string(error, "--between-levels '");
    text_add_escaped(error, slice_from_string(command));
    text_printf(error, "': %s", text_string(&why));
}

/* The signals stay blocked between the levels, too, and end the search in order. */
static bool search(struct find_max *find, const struct machine *machine, struct text *error)
{
    sigset_t signals, before;
    struct search_wish wish;
    bool ok = true, first = true;
    run_end_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    while (ok && !find->interrupted && search_next(&find->search, &wish)) {
        if (!first && find->plan->between_levels)
            run_command(find, &signals, error);
        if (!first && !find->interrupted)
            cool_down(find, &wish, &signals);
        if (!find->interrupted)
            ok = try_level(find, machine, wish, error);
        first = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static int status_of(const struct find_max *find)
{
    struct search_result result = search_result(&find->search);
    if (result.edge == SEARCH_EDGE_LIMITED)
        return 3;
    if (result.edge == SEARCH_EDGE_SERVER)
        return 99;
    if (result.level > 0)
        return 0;
    for (uint32_t i = 0; i < find->search.count; i++) {
        if (find->levels[i].established > 0)
            return 99;
    }
    return 1;
}

static const char *verdict_of(int status)
{
    return status == 0 ? "pass" : status == 3 ? "invalid" : "fail";
}

/* The answer's own result (the last try's where there is no answer), with the search in it. */
static json_t *document_of(const struct find_max *find, int status)
{
    struct search_result result = search_result(&find->search);
    json_t *document = NULL;
    for (uint32_t i = 0; i < find->search.count; i++) {
        const struct search_try *one = &find->search.tries[i];
        bool best = one->level == result.level && one->outcome == SEARCH_KEPT && !one->recovery;
        if (find->levels[i].document && (best || result.level == 0))
            document = find->levels[i].document;
    }
    if (!document)
        return NULL;
    json_object_set_new(document, "search", find_report_json(find));
    json_object_set_new(document, "verdict", json_string(verdict_of(status)));
    return json_incref(document);
}

static int save(const char *path, json_t *document)
{
    struct file file;
    int error = file_open(&file, path);
    if (error) {
        json_decref(document);
        return error;
    }
    error = view_dump_pretty(document, file.stream);
    if (!error)
        return file_commit(&file);
    file_discard(&file);
    return error;
}

static bool report(const struct find_max *find, int status, struct text *error)
{
    const char *path = find->plan->json_file;
    json_t *document = document_of(find, status);
    int failed = path && document ? save(path, json_incref(document)) : 0;
    if (find->plan->log == LOG_TEXT)
        print(find, find_report_table);
    else if (document)
        view_dump(json_pack("{sO}", "result", document), out_stream());
    if (find->plan->json_on_stdout && document)
        view_dump_pretty(json_incref(document), out_stream());
    json_decref(document);
    if (failed)
        text_printf(error, "%s--json %s: %s", error->len > 0 ? "; " : "", path, strerror(-failed));
    return !failed;
}

static bool check_files(const struct plan *plan, struct text *error)
{
    if (plan->html_file || plan->web || plan->sessions_log_file || plan->csv_file ||
        plan->hlog_file || plan->junit_file || plan->prometheus) {
        text_add_string(error, "--find-max is many runs, and leaves no --html, --csv, --hlog, "
                               "--junit, --web, --prometheus or "
                               "--sessions-log: give it --json, and that to 'rtspbench report'");
        return false;
    }
    int failed = plan->json_file ? file_check(plan->json_file) : 0;
    if (failed)
        text_printf(error, "--json %s: %s", plan->json_file, strerror(-failed));
    else if (plan->json_file)
        outputs_remove_running(plan->json_file);
    return !failed;
}

int find_max_run(struct plan *plan, const struct machine *machine, struct text *error)
{
    int status = STATUS_SETUP;
    struct find_max *find = calloc(1, sizeof(*find));
    if (!find) {
        text_add_string(error, "out of memory");
        return STATUS_SETUP;
    }
    find->plan = plan;
    find->readers = plan->readers;
    find->rate_per_s = plan->rate_per_s;
    find->hold_ns = plan->duration_ns;
    find->warmup_ns = plan->warmup_ns;
    if (check_files(plan, error) && begin(find, machine, error) && search(find, machine, error)) {
        status = status_of(find);
        if (!report(find, status, error) || find->command_failed)
            status = STATUS_SETUP;
    }
    for (uint32_t i = 0; i < SEARCH_TRIES_MAX; i++)
        json_decref(find->levels[i].document);
    free(find);
    return status;
}
