#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/calibration.h"
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/out.h"
#include "load/checkup.h"
#include "load/run.h"
#include "media/media.h"

#define STARTS 10000u /* sessions begun, a packet a second each */
#define STARTS_PER_S 20000
#define START_RUN_NS (5 * NS_PER_S)
#define STREAMS 500u /* readers of 2 Mbit/s */
#define STREAMS_PER_S 1000
#define STREAM_RUN_NS (6 * NS_PER_S)
#define SETTLED_NS (2 * NS_PER_S) /* the ramp, and then some */
#define LOOK_NS (100 * NS_PER_MS)
#define STARTS_PATTERN "1/s:1250"

/* What one run tells of itself. */
struct watcher {
    uint32_t readers;
    bool settled;
    uint64_t started_ns, started_cpu_ns; /* when all were established */
    uint64_t settled_cpu_ns, settled_packets, settled_bytes;
    uint64_t cpu_ns, packets, bytes; /* as of now */
    uint64_t bytes_per_session;
    uint32_t peak;
    uint64_t flaws;
    const char *io;
};

static void on_interval(void *context, const struct snapshot *snapshot)
{
    struct watcher *watcher = context;
    struct rtp_counts rtp = stats_rtp(snapshot->total);
    if (watcher->started_ns == 0 && snapshot->total->sessions.established >= watcher->readers) {
        watcher->started_ns = snapshot->elapsed_ns;
        watcher->started_cpu_ns = snapshot->generator.cpu_ns;
    }
    watcher->cpu_ns = snapshot->generator.cpu_ns;
    watcher->packets = rtp.packets;
    watcher->bytes = rtp.bytes;
    if (!watcher->settled && snapshot->elapsed_ns >= SETTLED_NS) {
        watcher->settled = true;
        watcher->settled_cpu_ns = watcher->cpu_ns;
        watcher->settled_packets = watcher->packets;
        watcher->settled_bytes = watcher->bytes;
    }
}

static void on_end(void *context, const struct snapshot *snapshot)
{
    struct watcher *watcher = context;
    const struct session_counts *sessions = &snapshot->total->sessions;
    watcher->bytes_per_session = snapshot->generator.bytes_per_session;
    watcher->peak = snapshot->total->active_peak;
    watcher->flaws = sessions->failed + sessions->dropped + sessions->not_started +
                     sessions->cancelled + stats_rtp(snapshot->total).lost;
    watcher->io = snapshot->info->io;
}

static struct plan make_plan(const struct options *options, enum plan_transport transport)
{
    struct plan plan;
    plan_init(&plan);
    plan.readers = STREAMS;
    plan.rate_per_s = STREAMS_PER_S;
    plan.duration_ns = STREAM_RUN_NS;
    plan.transport = transport;
    plan.io = (enum plan_io)options_number(options, OPT_IO);
    plan.stats_interval_ns = LOOK_NS;
    plan.seed = 1;
    return plan;
}

/* Runs a plan against our own server. */
static bool observe(struct plan *plan, const char *url, struct watcher *watcher, struct text *error)
{
    char room[1024];
    struct text warnings = text_init(room, sizeof(room));
    struct machine machine;
    const struct run_hooks hooks = {
        .context = watcher, .on_interval = on_interval, .on_end = on_end};
    *watcher = (struct watcher){.readers = plan->readers};
    machine_raise_files();
    machine_read(&machine);
    bool ok = url_list_add(&plan->urls, url, error) &&
              plan_resolve(plan, &machine, error, &warnings) &&
              run(plan, RTSPBENCH_VERSION, &hooks, error);
    plan_dispose(plan);
    return ok;
}

static bool measure_starts(const struct options *options, const char *url, struct calibration *out,
                           struct text *error)
{
    struct watcher watcher;
    struct plan plan = make_plan(options, PLAN_TCP);
    plan.readers = STARTS;
    plan.rate_per_s = STARTS_PER_S;
    plan.duration_ns = START_RUN_NS;
    if (!observe(&plan, url, &watcher, error))
        return false;
    if (watcher.started_ns == 0) {
        text_printf(error,
                    "only %u of %u sessions could be held against our own server; see "
                    "'rtspbench doctor'",
                    watcher.peak, STARTS);
        return false;
    }
    out->us_per_start = (double)watcher.started_cpu_ns / 1e3 / STARTS;
    out->starts_seen_per_s = STARTS * 1e9 / (double)watcher.started_ns;
    out->bytes_per_session = watcher.bytes_per_session;
    out->held = watcher.peak;
    snprintf(out->io, sizeof(out->io), "%s", watcher.io);
    return true;
}

static bool measure_stream(const struct options *options, const char *url, unsigned transport,
                           struct calibration *out, struct text *error)
{
    struct watcher watcher;
    struct plan plan = make_plan(options, transport == CALIBRATED_UDP ? PLAN_UDP : PLAN_TCP);
    if (!observe(&plan, url, &watcher, error))
        return false;
    uint64_t packets = watcher.packets - watcher.settled_packets;
    if (packets == 0) {
        text_add_string(error, "our own server sent nothing: try 'rtspbench' by itself");
        return false;
    }
    out->ns_per_packet[transport] =
        (double)(watcher.cpu_ns - watcher.settled_cpu_ns) / (double)packets;
    out->bits_per_packet = (double)(watcher.bytes - watcher.settled_bytes) * 8 / (double)packets;
    if (watcher.flaws > 0)
        out_say("warning: %llu losses or failures: something else keeps this "
                "machine busy, calibrate again later",
                (unsigned long long)watcher.flaws);
    return true;
}

static uint64_t sessions_allowed(void)
{
    const struct checkup_need need = {.tracks = 2, .addresses = 1};
    struct limits limits;
    struct checkup checked;
    limits_read(&limits, "");
    checkup(&checked, &limits, &need);
    return checked.fits;
}

static bool measure(const struct options *options, const struct demo *demo, struct calibration *out,
                    struct text *error)
{
    struct machine machine;
    char base[sizeof(demo->url)], pattern[160], card[160];
    struct media *media = media_new_card(false, 0);
    machine_read(&machine);
    *out = (struct calibration){.cores = machine.cores, .sessions = sessions_allowed()};
    snprintf(base, sizeof(base), "%s", demo->url);
    *(strrchr(base, '/') + 1) = '\0';
    snprintf(pattern, sizeof(pattern), "%spattern", base);
    snprintf(card, sizeof(card), "%s%s", base, media ? "card" : "pattern");
    media_free(media);
    return measure_starts(options, pattern, out, error) &&
           measure_stream(options, card, CALIBRATED_TCP, out, error) &&
           measure_stream(options, card, CALIBRATED_UDP, out, error);
}

static void add_transport(struct text *to, const char *name, const struct calibration *from,
                          unsigned transport)
{
    double packets = calibration_ceiling(from, transport == CALIBRATED_UDP).packets_per_s;
    text_printf(to, "%-10s ", name);
    units_write_count(to, (uint64_t)packets);
    text_add_string(to, " packets/s, ");
    units_write_bitrate(to, packets * from->bits_per_packet);
    text_printf(to, " (%.0f ns of a core each)\n", from->ns_per_packet[transport]);
}

static void print_text(const struct calibration *from, const char *where)
{
    char room[1024];
    struct text text = text_init(room, sizeof(room));
    text_printf(&text,
                "This machine's ceiling, from the CPU time that a part took (%u cores, %s):\n\n",
                from->cores, from->io);
    text_add_string(&text, "starts     ");
    units_write_count(&text, (uint64_t)calibration_ceiling(from, false).starts_per_s);
    text_printf(&text, " sessions/s (%.0f us of a core each; ", from->us_per_start);
    units_write_count(&text, (uint64_t)from->starts_seen_per_s);
    text_add_string(&text, "/s seen, our server on the same cores)\n");
    add_transport(&text, "TCP", from, CALIBRATED_TCP);
    add_transport(&text, "UDP", from, CALIBRATED_UDP);
    text_add_string(&text, "sessions   ");
    units_write_count(&text, from->sessions);
    text_add_string(&text, " fit its limits ('rtspbench doctor'); ");
    units_write_count(&text, from->held);
    text_add_string(&text, " were held, ");
    units_write_bytes(&text, from->bytes_per_session);
    text_printf(&text, " each\n\nKept in %s: results now say how near to this a run was.\n", where);
    fputs(text_string(&text), out_stream());
}

static int report(const struct options *options, const struct calibration *calibration,
                  struct text *error)
{
    char room[4200];
    struct text where = text_init(room, sizeof(room) - 1);
    int failed = calibration_save(calibration, &where);
    if (options_given(options, OPT_JSON)) {
        char *document = calibration_to_json(calibration);
        fprintf(out_stream(), "%s\n", document ? document : "null");
        free(document);
    } else if (!failed) {
        print_text(calibration, text_string(&where));
    }
    if (!failed)
        return 0;
    text_printf(error, "cannot keep the calibration in '%s': %s", text_string(&where),
                strerror(-failed));
    return STATUS_SETUP;
}

int calibrate_main(const struct options *options, struct text *error)
{
    struct demo demo;
    struct calibration calibration;
    if (!demo_start(&demo, STARTS_PATTERN, error))
        return STATUS_SETUP;
    bool measured = measure(options, &demo, &calibration, error);
    demo_stop(&demo);
    return measured ? report(options, &calibration, error) : STATUS_SETUP;
}
