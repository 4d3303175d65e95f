#include "load/run.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "load/server_watch.h"
#include "load/session_log.h"
#include "load/shard.h"
#include "stats/collector.h"

#define LOOK_NS (50 * NS_PER_MS)      /* how often the run looks whether its shards are done */
#define PATIENCE_NS (300 * NS_PER_MS) /* with a shard that was asked for its interval */
#define START_IN_NS (20 * NS_PER_MS)
#define TICK_NS NS_PER_S /* how often views are shown the run, at least */

struct worker {
    struct run *run;
    const struct plan *plan;
    uint32_t index;     /* among the plan's shards */
    uint32_t first_url; /* of the plan */
    struct shard shard;
    pthread_t thread;
    int error;
    atomic_bool ready;
    atomic_bool done;
};

struct run {
    const struct plan *plan; /* the first one, which speaks for all where they can't differ */
    uint32_t plan_count;
    uint32_t shard_count; /* of all plans */
    const struct run_hooks *hooks;
    struct targets targets;
    struct run_info info;
    const char **stream_urls;
    const char **stream_groups;
    char *plan_json;
    struct utsname kernel;
    struct collector *collector;
    struct worker *workers;
    uint32_t started;                 /* threads */
    struct session_log *sessions_log; /* NULL: none */
    struct server_watch *server;      /* NULL: nobody looks at it */
    struct machine_load load;
    enum loop_kind loop;
    uint64_t plans_end_ns;       /* of the last plan, since the start */
    const struct snapshot *last; /* shown to hooks */
    atomic_int stopped;
    atomic_bool over;           /* nobody wakes a shard any more */
    _Atomic(uint64_t) start_ns; /* 0 until all shards are ready; TIME_NEVER: give up */
};

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void sleep_ns(uint64_t span_ns)
{
    struct timespec span = {(time_t)(span_ns / NS_PER_S), (long)(span_ns % NS_PER_S)};
    nanosleep(&span, NULL);
}

static uint64_t wait_for_start(struct run *run)
{
    uint64_t start_ns;
    while ((start_ns = atomic_load(&run->start_ns)) == 0)
        sleep_ns(NS_PER_MS);
    return start_ns;
}

/* A shard's thread, with a file table of its own: the limit of open files is one a table. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    struct run *run = worker->run;
    uint32_t lane = (uint32_t)(worker - run->workers);
    const struct shard_setup setup = {
        .plan = worker->plan,
        .targets = &run->targets,
        .index = worker->index,
        .first_url = worker->first_url,
        .lane = lane,
        .lanes = run->shard_count,
        .loop = run->loop,
        .exchange = collector_exchange(run->collector, lane),
        .sessions_log = run->sessions_log ? session_log_stream(run->sessions_log) : NULL,
        .stopped = &run->stopped,
        .control = run->hooks->control,
    };
    worker->error = run->shard_count > 1 ? files_own_table() : 0;
    if (!worker->error)
        worker->error = shard_init(&worker->shard, &setup);
    atomic_store(&worker->ready, true);
    uint64_t start_ns = wait_for_start(run);
    if (start_ns != TIME_NEVER) {
        shard_start(&worker->shard, start_ns + worker->plan->begins_ns);
        while (!worker->shard.done && atomic_load_explicit(&run->stopped, memory_order_relaxed) < 2)
            shard_turn(&worker->shard);
        shard_abandon(&worker->shard);
        if (run->plan_count > 1)
            setup.exchange->current->target = 0; /* others may go on */
        stats_exchange_end(setup.exchange, loop_clock(worker->shard.loop));
    }
    atomic_store(&worker->done, true);
    while (!atomic_load(&run->over)) /* until then the loop may be woken */
        sleep_ns(NS_PER_MS);
    shard_dispose(&worker->shard);
    return NULL;
}

static void deal_workers(struct run *run)
{
    struct worker *next = run->workers;
    uint32_t first_url = 0;
    for (uint32_t i = 0; i < run->plan_count; i++) {
        const struct plan *plan = &run->plan[i];
        for (uint32_t k = 0; k < plan->shards; k++, next++) {
            next->run = run;
            next->plan = plan;
            next->index = k;
            next->first_url = first_url;
        }
        first_url += plan->urls.count;
    }
}

/* Starts a thread a shard and waits until their loops are there. 0 or the first error. */
static int start_workers(struct run *run)
{
    int error = 0;
    for (run->started = 0; run->started < run->shard_count && !error; run->started++) {
        struct worker *worker = &run->workers[run->started];
        error = -pthread_create(&worker->thread, NULL, work, worker);
        if (error)
            break;
    }
    for (uint32_t i = 0; i < run->started; i++) {
        while (!atomic_load(&run->workers[i].ready))
            sleep_ns(NS_PER_MS / 4);
        if (!error)
            error = run->workers[i].error;
    }
    return error;
}

static void join_workers(struct run *run)
{
    atomic_store(&run->over, true);
    for (uint32_t i = 0; i < run->started; i++)
        pthread_join(run->workers[i].thread, NULL);
    run->started = 0;
}

static bool all_done(const struct run *run)
{
    for (uint32_t i = 0; i < run->started; i++) {
        if (!atomic_load(&run->workers[i].done))
            return false;
    }
    return true;
}

static void wake_all(struct run *run)
{
    for (uint32_t i = 0; i < run->started; i++) {
        if (!atomic_load(&run->workers[i].done) && run->workers[i].shard.loop)
            loop_wake(run->workers[i].shard.loop);
    }
}

/* The first signal interrupts what the plans and the objectives would have let go on. */
static void note_interruption(struct run *run, int signal_number)
{
    uint64_t now_ns = clock_monotonic_ns(), start_ns = run->info.start_ns;
    const struct interrupted interrupted = {
        .signal = signal_number,
        .at_ns = now_ns > start_ns ? now_ns - start_ns : 0,
        .of_ns = run->plans_end_ns,
    };
    if (atomic_load(&run->stopped) == 0 && interrupted.at_ns < run->plans_end_ns)
        collector_interrupted(run->collector, &interrupted);
}

/* The signals are blocked in every thread and waited for here. */
static void wait_for_signal(struct run *run, const sigset_t *signals, uint64_t span_ns)
{
    struct timespec span = {(time_t)(span_ns / NS_PER_S), (long)(span_ns % NS_PER_S)};
    int signal_number = sigtimedwait(signals, NULL, &span);
    if (signal_number < 0)
        return;
    if (signal_number == SIGHUP && atomic_load(&run->stopped) > 0)
        return;
    note_interruption(run, signal_number);
    atomic_fetch_add(&run->stopped, 1);
    wake_all(run);
}

/* Ends the run in order where an objective that says abort was missed. */
static void end_at_breach(struct run *run, const struct snapshot *now)
{
    int going = 0;
    for (uint32_t i = 0; i < now->slo_count; i++) {
        const struct slo_result *result = &now->slos[i];
        if (!run->plan->slos[i].abort || !result->measured || result->ok)
            continue;
        if (!atomic_compare_exchange_strong(&run->stopped, &going, 1))
            return;
        char room[320];
        struct text line = text_init(room, sizeof(room));
        text_printf(&line, "missed '%.200s' (it was ", result->expression);
        slo_write_result(&line, result);
        text_add_string(&line, "): the run ends");
        if (run->hooks->on_notice)
            run->hooks->on_notice(run->hooks->context, text_string(&line));
        wake_all(run);
        return;
    }
}

static void look_at_server(struct run *run)
{
    char room[512];
    struct text notice = text_init(room, sizeof(room));
    struct server_sample sample;
    if (!run->server)
        return;
    server_watch_look(run->server, &sample, &notice);
    collector_server(run->collector, &sample);
    if (notice.len > 0 && run->hooks->on_notice)
        run->hooks->on_notice(run->hooks->context, text_string(&notice));
}

/* What the collector can't know by itself. */
static void tell_collector(struct run *run)
{
    struct busy_core busiest = machine_busiest_core(&run->load);
    collector_machine(run->collector, resident_bytes(), &busiest);
    if (!run->hooks->control)
        return;
    struct by_hand by_hand = control_by_hand(run->hooks->control);
    collector_by_hand(run->collector, &by_hand);
}

/* A tick, which also ends an interval where one is over. */
static void collect(struct run *run, bool interval_over)
{
    const struct run_hooks *hooks = run->hooks;
    uint64_t give_up_ns = clock_monotonic_ns() + PATIENCE_NS;
    collector_want(run->collector);
    wake_all(run);
    while (!collector_ready(run->collector) && clock_monotonic_ns() < give_up_ns && !all_done(run))
        sleep_ns(NS_PER_MS / 2);
    tell_collector(run);
    if (interval_over || run->plan->find) /* a search's levels may be shorter than an interval */
        look_at_server(run);
    uint64_t now_ns = clock_monotonic_ns();
    const struct snapshot *now = interval_over ? collector_collect(run->collector, now_ns)
                                               : collector_tick(run->collector, now_ns);
    run->last = now;
    if (hooks->on_tick)
        hooks->on_tick(hooks->context, now);
    if (interval_over && hooks->on_interval)
        hooks->on_interval(hooks->context, now);
    if (interval_over)
        end_at_breach(run, now);
}

/* Until the last shard is done. */
static void watch(struct run *run, const sigset_t *signals)
{
    uint64_t interval_ns = run->plan->stats_interval_ns;
    uint64_t interval_end_ns = run->info.start_ns + interval_ns;
    uint64_t tick_ns = run->info.start_ns + TICK_NS;
    while (!all_done(run)) {
        uint64_t now_ns = clock_monotonic_ns();
        uint64_t next_ns = tick_ns < interval_end_ns ? tick_ns : interval_end_ns;
        uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        wait_for_signal(run, signals, left_ns < LOOK_NS ? left_ns : LOOK_NS);
        if (run->hooks->on_look)
            run->hooks->on_look(run->hooks->context, run->last, atomic_load(&run->stopped) > 0);
        now_ns = clock_monotonic_ns();
        if (now_ns < next_ns || all_done(run))
            continue;
        bool interval_over = now_ns >= interval_end_ns;
        collect(run, interval_over);
        while (interval_end_ns <= now_ns) /* what was missed, when we were halted, is in this one */
            interval_end_ns += interval_ns;
        while (tick_ns <= now_ns)
            tick_ns += TICK_NS;
    }
}

/* The URLs of all plans, and whose each is where there are several. */
static bool list_streams(struct run *run)
{
    uint32_t at = 0;
    run->stream_urls = calloc(run->targets.count, sizeof(*run->stream_urls));
    run->stream_groups = calloc(run->targets.count, sizeof(*run->stream_groups));
    if (!run->stream_urls || !run->stream_groups)
        return false;
    for (uint32_t i = 0; i < run->plan_count; i++) {
        const struct plan *plan = &run->plan[i];
        for (uint32_t k = 0; k < plan->urls.count; k++, at++) {
            run->stream_urls[at] = plan->urls.items[k].shown;
            run->stream_groups[at] = plan->group;
        }
    }
    return true;
}

/* Of the plans, those whose sessions publish. */
static uint32_t count_publishing(const struct run *run)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->plan_count; i++)
        count += run->plan[i].publish != NULL;
    return count;
}

/* When the first misbehaving client begins; 0: none does. */
static uint64_t calm_until(const struct run *run)
{
    uint64_t calm_ns = 0;
    for (uint32_t i = 0; i < run->plan_count; i++) {
        const struct plan *plan = &run->plan[i];
        uint64_t at_ns = plan->begins_ns + plan->bad_after_ns;
        if (plan->bad_ratio > 0 && at_ns > 0 && (calm_ns == 0 || at_ns < calm_ns))
            calm_ns = at_ns;
    }
    return calm_ns;
}

/* The part of the run that its end may be held against its beginning in: that of all plans. */
static void set_steady(struct run *run)
{
    run->info.steady_to_ns = UINT64_MAX;
    for (uint32_t i = 0; i < run->plan_count; i++) {
        const struct plan *plan = &run->plan[i];
        uint64_t from_ns = plan->begins_ns + plan_steady_ns(plan);
        uint64_t to_ns = plan->begins_ns + plan->duration_ns;
        if (from_ns > run->info.steady_from_ns)
            run->info.steady_from_ns = from_ns;
        if (to_ns < run->info.steady_to_ns)
            run->info.steady_to_ns = to_ns;
    }
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* When the last plan ends, and from when on the load of all of them has been there and was
   measured. */
static void set_judged(struct run *run)
{
    for (uint32_t i = 0; i < run->plan_count; i++) {
        const struct plan *plan = &run->plan[i];
        uint64_t reached_ns =
            plan->begins_ns + later(plan_target_reached_ns(plan), plan->warmup_ns);
        run->plans_end_ns = later(run->plans_end_ns, plan->begins_ns + plan->duration_ns);
        run->info.judge_from_ns = later(run->info.judge_from_ns, reached_ns);
    }
}

static bool fill_info(struct run *run, const char *version)
{
    const struct plan *plan = run->plan;
    struct rlimit files;
    uname(&run->kernel);
    getrlimit(RLIMIT_NOFILE, &files);
    run->plan_json = plans_to_json(plan, run->plan_count);
    if (!run->plan_json || !list_streams(run))
        return false;
    run->info = (struct run_info){
        .tool_name = "rtspbench",
        .tool_version = version,
        .host = {.kernel = run->kernel.release,
                 .cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
                 .memory_bytes =
                     (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
                 .nofile = files.rlim_cur},
        .plan_json = run->plan_json,
        .io = run->loop == LOOP_URING ? "uring" : "epoll",
        .kernel_stamps = !(plan->denied & LOOP_DENY_TIMESTAMP),
        .calm_ns = calm_until(run),
        .shard_count = run->shard_count,
        .stream_count = run->targets.count,
        .stream_urls = run->stream_urls,
        .ceiling = plan->ceiling,
        .reads = count_publishing(run) < run->plan_count,
        .publishes = count_publishing(run) > 0,
        .stream_groups = run->plan_count > 1 ? run->stream_groups : NULL,
    };
    set_steady(run);
    set_judged(run);
    return true;
}

static void ignore_event(void *context, const struct loop_event *event)
{
    (void)context;
    (void)event;
}

/* io_uring where it is to be had, else epoll. False, with error, when the one asked for is refused.
 */
static bool choose_loop(struct run *run, struct text *error)
{
    struct loop_config probe = {.kind = LOOP_URING, .max_sockets = 4, .denied = run->plan->denied};
    struct loop *loop;
    run->loop = run->plan->io == IO_EPOLL ? LOOP_EPOLL : LOOP_URING;
    if (run->loop == LOOP_EPOLL)
        return true;
    int refused = loop_new(&loop, &probe, ignore_event, NULL);
    if (!refused) {
        loop_free(loop);
        return true;
    }
    if (run->plan->io == IO_URING) {
        text_printf(error, "--io uring: io_uring is refused here (%s); use --io epoll or auto",
                    strerror(-refused));
        return false;
    }
    char line[160];
    snprintf(line, sizeof(line), "io_uring is refused here (%s): using epoll", strerror(-refused));
    if (run->hooks->on_notice)
        run->hooks->on_notice(run->hooks->context, line);
    run->loop = LOOP_EPOLL;
    return true;
}

static bool open_sessions_log(struct run *run, struct text *error)
{
    const char *path = run->plan->sessions_log_file;
    if (!path)
        return true;
    int failed = session_log_open(&run->sessions_log, path, run->plan->log_rotate_bytes,
                                  run->plan->log_keep);
    if (failed)
        text_printf(error, "--sessions-log %s: %s", path, strerror(-failed));
    return !failed;
}

/* Once no shard writes to it any more. 0 or an error. */
static int close_sessions_log(struct run *run)
{
    int failed = session_log_close(run->sessions_log);
    run->sessions_log = NULL;
    return failed;
}

static bool begin_watch(struct run *run, struct text *error)
{
    const struct plan *plan = run->plan;
    const struct server_watch_config config = {
        .pid = plan->server_pid,
        .pidfile = plan->server_pidfile,
        .metrics = plan->server_metrics,
        .period_ns =
            plan->find && plan->stats_interval_ns > TICK_NS ? TICK_NS : plan->stats_interval_ns,
        .may_be_gone = plan->server_may_be_gone,
    };
    return server_watch_new(&run->server, &config, error);
}

static bool prepare(struct run *run, const char *version, struct text *error)
{
    if (!choose_loop(run, error) || !open_sessions_log(run, error) || !begin_watch(run, error))
        return false;
    if (targets_resolve_all(&run->targets, run->plan, run->plan_count) ||
        !fill_info(run, version) ||
        !(run->workers = calloc(run->shard_count, sizeof(*run->workers)))) {
        machine_explain(error, -ENOMEM);
        return false;
    }
    deal_workers(run);
    run->collector = collector_new(&run->info);
    run->info.rss_before_bytes = resident_bytes();
    if (!run->collector)
        machine_explain(error, -ENOMEM);
    else
        collector_set_slos(run->collector, run->plan->slos, run->plan->slo_count);
    return run->collector;
}

static void dispose(struct run *run)
{
    server_watch_free(run->server);
    collector_free(run->collector);
    targets_dispose(&run->targets);
    free(run->workers);
    free(run->stream_urls);
    free(run->stream_groups);
    free(run->plan_json);
    session_log_close(run->sessions_log);
}

/* False, with error, where the sessions' log is not whole; the rest of the run is. */
static bool run_shards(struct run *run, const sigset_t *signals, struct text *error)
{
    machine_busiest_core(&run->load);
    run->info.start_ns = clock_monotonic_ns() + START_IN_NS;
    run->info.started_at_ns = clock_realtime_ns() + START_IN_NS;
    if (run->hooks->on_start)
        run->hooks->on_start(run->hooks->context, &run->info);
    look_at_server(run); /* what it took before */
    atomic_store(&run->start_ns, run->info.start_ns);
    watch(run, signals);
    join_workers(run);
    int failed = close_sessions_log(run);
    tell_collector(run);
    look_at_server(run);
    const struct snapshot *last = collector_finish(run->collector, clock_monotonic_ns());
    run->hooks->on_end(run->hooks->context, last);
    if (failed)
        text_printf(error, "--sessions-log %s: it is not whole: %s", run->plan->sessions_log_file,
                    session_log_error(failed));
    return !failed;
}

void run_end_signals(sigset_t *signals)
{
    struct sigaction hangup;
    sigemptyset(signals);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(signals, SIGHUP);
}

bool run_plans(const struct plan *plans, uint32_t count, const char *version,
               const struct run_hooks *hooks, struct text *error)
{
    struct run run = {.plan = plans, .plan_count = count, .hooks = hooks};
    for (uint32_t i = 0; i < count; i++)
        run.shard_count += plans[i].shards;
    sigset_t signals, before;
    run_end_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    bool ok = prepare(&run, version, error);
    if (ok) {
        int failed = start_workers(&run);
        if (failed) {
            text_add_string(error, "cannot set up a loop: ");
            machine_explain(error, failed);
            atomic_store(&run.start_ns, TIME_NEVER);
            join_workers(&run);
            ok = false;
        } else {
            ok = run_shards(&run, &signals, error);
        }
    }
    dispose(&run);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

bool run(const struct plan *plan, const char *version, const struct run_hooks *hooks,
         struct text *error)
{
    return run_plans(plan, 1, version, hooks, error);
}
