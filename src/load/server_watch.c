#include "load/server_watch.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_get.h"
#include "proto/secrets.h"
#include "stats/exposition.h"

#define PATIENCE_NS (10 * NS_PER_S) /* with a page */
#define PID_MOST 4194304u           /* Linux has no higher ones */
#define STEP_NS (100 * NS_PER_MS)   /* how often the thread looks whether it shall end */

struct server_watch {
    const char *pidfile;      /* NULL: none */
    uint32_t pid;             /* 0: none */
    uint64_t process_started; /* in clock ticks since the system's start: whose pid it is */
    bool ended;
    bool said_files, said_metrics;
    struct server_sample process; /* as last read */
    /* the thread's */
    bool fetches;
    struct http_target target;
    uint64_t period_ns;
    pthread_t thread;
    atomic_bool stop;
    struct server_metrics page; /* under way */
    pthread_mutex_t lock;       /* of what follows */
    struct server_sample published;
    int failure; /* of the last fetch: -errno, or a status; 0: none */
};

/* Metrics that are summed over their labels, of which later ones give way to earlier ones of the
   same field. */
static const struct {
    const char *name;
    size_t field; /* of struct server_sample */
    double unit;
} metrics[] = {
#define AT(field) offsetof(struct server_sample, field)
    {"process_resident_memory_bytes", AT(rss_bytes), 1},
    {"process_cpu_seconds_total", AT(cpu_ns), 1e9},
    {"process_open_fds", AT(files), 1},
    {"rtsp_sessions", AT(sessions), 1},
    {"rtsps_sessions", AT(sessions), 1},
    {"rtsp_conns", AT(connections), 1},
    {"rtsps_conns", AT(connections), 1},
    {"paths_outbound_bytes", AT(bytes_sent), 1},
    {"paths_bytes_sent", AT(bytes_sent), 1},
    {"rtsp_sessions_outbound_rtp_packets_discarded", AT(packets_discarded), 1},
    {"rtsps_sessions_outbound_rtp_packets_discarded", AT(packets_discarded), 1},
    {"rtsp_sessions_outbound_rtp_packets_reported_lost", AT(packets_reported_lost), 1},
    {"rtsps_sessions_outbound_rtp_packets_reported_lost", AT(packets_reported_lost), 1},
#undef AT
};
#define METRICS_KNOWN (sizeof(metrics) / sizeof(metrics[0]))
#define OUTBOUND 7u /* paths_outbound_bytes: newer servers have both, and mean the same */

static_assert(METRICS_KNOWN <= 16, "room in struct server_metrics");

void server_metrics_add(struct server_metrics *page, struct slice name, double value)
{
    for (size_t i = 0; i < METRICS_KNOWN; i++) {
        if (!slice_equal(name, slice_from_string(metrics[i].name)))
            continue;
        page->has[i] = true;
        page->values[i] += value;
        return;
    }
}

void server_metrics_fill(const struct server_metrics *page, struct server_sample *sample)
{
    double sums[METRICS_KNOWN] = {0};
    for (size_t i = 0; i < METRICS_KNOWN; i++) {
        if (!page->has[i] || (i == OUTBOUND + 1 && page->has[OUTBOUND]))
            continue;
        size_t first = i; /* sums of a field gather at its first metric */
        while (first > 0 && metrics[first - 1].field == metrics[i].field)
            first--;
        sums[first] += page->values[i] * metrics[i].unit;
        /* NaN fails both; 2^63 is more than any of them can be */
        uint64_t value =
            sums[first] >= 0 && sums[first] < 0x1p63 ? (uint64_t)sums[first] : SERVER_UNKNOWN;
        memcpy((char *)sample + metrics[i].field, &value, sizeof(value));
    }
}

static void on_sample(void *context, struct slice name, double value)
{
    server_metrics_add(context, name, value);
}

static void on_body(void *context, struct slice piece)
{
    exposition_feed(context, piece);
}

static void fetch(struct server_watch *watch)
{
    struct exposition page = {.on_sample = on_sample, .context = &watch->page};
    const struct http_get get = {.target = &watch->target,
                                 .patience_ns = PATIENCE_NS,
                                 .stop = &watch->stop,
                                 .on_body = on_body,
                                 .context = &page};
    struct server_sample sample = server_sample_unknown;
    watch->page = (struct server_metrics){0};
    int status = http_get(&get);
    exposition_end(&page);
    server_metrics_fill(&watch->page, &sample);
    sample.cpu_at_ns = clock_monotonic_ns();
    pthread_mutex_lock(&watch->lock);
    sample.failures = watch->published.failures + (status != 200);
    if (status == 200)
        watch->published = sample;
    watch->published.failures = sample.failures;
    watch->failure = status == 200 ? 0 : status;
    pthread_mutex_unlock(&watch->lock);
}

static void *work(void *argument)
{
    struct server_watch *watch = argument;
    while (!atomic_load(&watch->stop)) {
        uint64_t next_ns = clock_monotonic_ns() + watch->period_ns;
        fetch(watch);
        while (!atomic_load(&watch->stop) && clock_monotonic_ns() < next_ns) {
            uint64_t left_ns = next_ns - clock_monotonic_ns();
            struct timespec span = {0, (long)(left_ns < STEP_NS ? left_ns : STEP_NS)};
            nanosleep(&span, NULL);
        }
    }
    return NULL;
}

/* The numbers of /proc/PID/stat behind the name, which may hold anything: CPU time and start in
   ticks. */
static bool read_stat(uint32_t pid, uint64_t *ticks, uint64_t *started)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t len = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[len] = '\0';
    const char *behind = strrchr(line, ')');
    uint64_t user, system;
    char state;
    int n = behind ? sscanf(behind,
                            ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                            " %*d %*d %*d %*d %*d %*d %" SCNu64,
                            &state, &user, &system, started)
                   : 0;
    if (n != 4 || state == 'Z')
        return false;
    *ticks = user + system;
    return true;
}

/* From statm: the figure in stat is only roughly kept by newer kernels. */
static uint64_t resident_bytes(uint32_t pid)
{
    char path[64];
    uint64_t pages;
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/statm", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return SERVER_UNKNOWN;
    int n = fscanf(file, "%*u %" SCNu64, &pages);
    fclose(file);
    return n == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : SERVER_UNKNOWN;
}

/* SERVER_UNKNOWN where we may not look. */
static uint64_t count_files(uint32_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/fd", pid);
    DIR *folder = opendir(path);
    uint64_t count = 0;
    if (!folder)
        return SERVER_UNKNOWN;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static bool look_at_process(struct server_watch *watch)
{
    struct server_sample *process = &watch->process;
    uint64_t ticks, started;
    if (!read_stat(watch->pid, &ticks, &started) ||
        (watch->process_started && started != watch->process_started))
        return false;
    watch->process_started = started;
    process->cpu_ns = ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
    process->cpu_at_ns = clock_monotonic_ns();
    process->rss_bytes = resident_bytes(watch->pid);
    process->files = count_files(watch->pid);
    return true;
}

/* The process that a file names in its first line. 0, or -errno; -EINVAL: it names none. */
static int read_pidfile(const char *path, uint32_t *pid)
{
    char line[32] = "";
    uint64_t value = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    int error = fgets(line, sizeof(line), file) || !ferror(file) ? 0 : -errno;
    fclose(file);
    if (!error &&
        (!slice_to_u64(slice_trim(slice_from_string(line)), PID_MOST, &value) || value == 0))
        error = -EINVAL;
    *pid = (uint32_t)value;
    return error;
}

/* Goes over to the process that the file names by now. False: it isn't there. */
static bool look_at_next_process(struct server_watch *watch)
{
    uint32_t pid;
    if (!watch->pidfile || read_pidfile(watch->pidfile, &pid))
        return false;
    watch->pid = pid;
    watch->process_started = 0;
    return look_at_process(watch);
}

static bool find_process(struct server_watch *watch, struct text *error)
{
    int failed = watch->pidfile ? read_pidfile(watch->pidfile, &watch->pid) : 0;
    if (!failed && look_at_process(watch))
        return true;
    if (!watch->pidfile)
        text_printf(error, "--server-pid %" PRIu32 ": there is no such process", watch->pid);
    else if (failed == -EINVAL)
        text_printf(error, "--server-pidfile %s: expected a process id in its first line",
                    watch->pidfile);
    else if (failed)
        text_printf(error, "--server-pidfile %s: %s", watch->pidfile, strerror(-failed));
    else
        text_printf(error, "--server-pidfile %s: there is no process %" PRIu32, watch->pidfile,
                    watch->pid);
    return false;
}

/* The signals that end a run are for the run's thread. */
static bool start_thread(struct server_watch *watch, struct text *error)
{
    int failed = -pthread_create(&watch->thread, NULL, work, watch);
    watch->fetches = !failed;
    if (failed)
        text_printf(error, "--server-metrics: %s", strerror(-failed));
    return !failed;
}

/* What is to be looked at is there. */
static bool begin(struct server_watch *watch, const struct server_watch_config *config,
                  struct text *error)
{
    char room[512];
    struct text why = text_init(room, sizeof(room));
    bool has_process = config->pid > 0 || config->pidfile;
    if (has_process && !find_process(watch, &why) && !config->may_be_gone) {
        text_add_string(error, text_string(&why));
        return false;
    }
    why.len = 0;
    if (!config->metrics)
        return true;
    if (http_target_init(&watch->target, config->metrics, &why))
        return start_thread(watch, error);
    text_printf(error, "--server-metrics: %s",
                text_string(&why)); /* no URL: it may hold a password */
    return false;
}

bool server_watch_new(struct server_watch **out, const struct server_watch_config *config,
                      struct text *error)
{
    *out = NULL;
    if (config->pid == 0 && !config->pidfile && !config->metrics)
        return true;
    struct server_watch *watch = calloc(1, sizeof(*watch));
    if (!watch) {
        text_add_string(error, "out of memory");
        return false;
    }
    pthread_mutex_init(&watch->lock, NULL);
    watch->pid = config->pid;
    watch->pidfile = config->pidfile;
    watch->period_ns = config->period_ns;
    watch->process = watch->published = server_sample_unknown;
    bool ok = begin(watch, config, error);
    if (ok)
        *out = watch;
    else
        server_watch_free(watch);
    return ok;
}

void server_watch_free(struct server_watch *watch)
{
    if (!watch)
        return;
    atomic_store(&watch->stop, true);
    if (watch->fetches)
        pthread_join(watch->thread, NULL);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

static void say_failure(struct server_watch *watch, int failure, struct text *notice)
{
    if (failure == 0 || watch->said_metrics)
        return;
    watch->said_metrics = true;
    text_printf(notice, "the server's metrics can't be fetched from %s", watch->target.host);
    secrets_mask(notice, slice_from_string(watch->target.path));
    text_add_string(notice, ": ");
    if (failure > 0)
        text_printf(notice, "status %d", failure);
    else
        text_add_string(notice, strerror(-failure));
}

static void look_at_metrics(struct server_watch *watch, struct server_sample *out,
                            struct text *notice)
{
    pthread_mutex_lock(&watch->lock);
    *out = watch->published;
    int failure = watch->failure;
    pthread_mutex_unlock(&watch->lock);
    say_failure(watch, failure, notice);
}

static void say(struct text *notice, uint32_t pid, const char *what)
{
    text_printf(notice, "%sthe server's process %" PRIu32 " %s", notice->len > 0 ? "; " : "", pid,
                what);
}

/* Looks at the process, or the one that has taken its place. */
static void watch_process(struct server_watch *watch, struct text *notice)
{
    uint32_t before = watch->pid;
    bool there = look_at_process(watch);
    if (!there && !watch->ended && before > 0)
        say(notice, before, "has ended");
    watch->process.anew = !there && look_at_next_process(watch);
    if (watch->process.anew)
        say(notice, watch->pid, before > 0 ? "has taken its place" : "is there now");
    there |= watch->process.anew;
    watch->ended = !there;
    if (there && watch->process.files == SERVER_UNKNOWN && !watch->said_files) {
        watch->said_files = true;
        text_printf(notice, "%sthe server's open files can't be counted: it is another user's",
                    notice->len > 0 ? "; " : "");
    }
}

void server_watch_look(struct server_watch *watch, struct server_sample *out, struct text *notice)
{
    *out = server_sample_unknown;
    if (watch->fetches)
        look_at_metrics(watch, out, notice);
    if (watch->pid == 0 && !watch->pidfile)
        return;
    watch_process(watch, notice);
    out->ended = watch->ended;
    out->anew = watch->process.anew;
    out->rss_bytes = watch->process.rss_bytes;
    out->cpu_ns = watch->process.cpu_ns;
    out->cpu_at_ns = watch->process.cpu_at_ns;
    out->files = watch->process.files;
}
