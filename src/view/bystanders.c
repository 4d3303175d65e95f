#include "view/bystanders.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

#define US_PER_MS 1000.0

/* What a histogram held beyond an earlier state of it, or its whole where there is none. */
static struct histogram difference(const struct histogram *now, const struct histogram *before,
                                   uint64_t *counts)
{
    struct histogram rest = *now;
    rest.counts = counts;
    memcpy(counts, now->counts, now->bucket_count * sizeof(*counts));
    if (before)
        histogram_subtract(&rest, before);
    return rest;
}

static struct bystander stretch_of(const struct stats *now, const struct stats *before,
                                   double seconds)
{
    static const struct stats nothing;
    const struct stats *then = before ? before : &nothing;
    struct rtp_counts rtp = stats_rtp(now), rtp_then = stats_rtp(then);
    const struct histogram *startup = &now->metrics[METRIC_STARTUP];
    const struct histogram *jitter = &now->metrics[METRIC_JITTER];
    uint32_t longest =
        startup->bucket_count > jitter->bucket_count ? startup->bucket_count : jitter->bucket_count;
    struct bystander stretch = {
        .seconds = seconds,
        .started = now->sessions.started - then->sessions.started,
        .failed = now->sessions.failed - then->sessions.failed,
        .dropped = now->sessions.dropped - then->sessions.dropped,
        .packets = rtp.packets - rtp_then.packets,
        .lost = rtp.lost - rtp_then.lost,
        .freezes = now->panel.freezes - then->panel.freezes,
        .stalls = now->panel.stalls - then->panel.stalls,
    };
    uint64_t *counts = malloc(longest * sizeof(*counts));
    if (!counts)
        return stretch;
    struct histogram rest =
        difference(startup, before ? &then->metrics[METRIC_STARTUP] : NULL, counts);
    stretch.has_startup = rest.count > 0;
    stretch.startup_p50_ms = (double)histogram_quantile(&rest, 0.5) / US_PER_MS;
    stretch.startup_p95_ms = (double)histogram_quantile(&rest, 0.95) / US_PER_MS;
    rest = difference(jitter, before ? &then->metrics[METRIC_JITTER] : NULL, counts);
    stretch.has_jitter = rest.count > 0;
    stretch.jitter_p95_ms = (double)histogram_quantile(&rest, 0.95) / US_PER_MS;
    free(counts);
    return stretch;
}

bool bystanders_of(const struct snapshot *snapshot, struct bystanders *out)
{
    if (!snapshot->calm || snapshot->elapsed_ns <= snapshot->calm_ns)
        return false;
    out->calm = stretch_of(snapshot->calm, NULL, (double)snapshot->calm_ns / 1e9);
    out->with_bad = stretch_of(snapshot->total, snapshot->calm,
                               (double)(snapshot->elapsed_ns - snapshot->calm_ns) / 1e9);
    return true;
}

static void add_count_row(struct text *to, const char *name, uint64_t calm, uint64_t with_bad)
{
    text_printf(to, "%-22s %14" PRIu64 " %14" PRIu64 "\n", name, calm, with_bad);
}

static void add_ms_cell(struct text *to, bool any, double ms)
{
    char room[40];
    struct text cell = text_init(room, sizeof(room));
    if (any)
        units_write_duration(&cell, (uint64_t)(ms * 1e6));
    else
        text_add_string(&cell, "-");
    text_printf(to, " %14s", text_string(&cell));
}

static void add_ms_row(struct text *to, const char *name, bool any[2], double calm, double with_bad)
{
    text_printf(to, "%-22s", name);
    add_ms_cell(to, any[0], calm);
    add_ms_cell(to, any[1], with_bad);
    text_add_string(to, "\n");
}

static void add_bystanders(struct text *to, const struct bystanders *all)
{
    const struct bystander *calm = &all->calm, *bad = &all->with_bad;
    bool startup[2] = {calm->has_startup, bad->has_startup};
    bool jitter[2] = {calm->has_jitter, bad->has_jitter};
    text_printf(to, "\n%-22s %14s %14s\n", "the good clients", "calm", "with bad ones");
    text_printf(to, "%-22s %12.1f s %12.1f s\n", "for", calm->seconds, bad->seconds);
    add_ms_row(to, "startup p50", startup, calm->startup_p50_ms, bad->startup_p50_ms);
    add_ms_row(to, "startup p95", startup, calm->startup_p95_ms, bad->startup_p95_ms);
    add_ms_row(to, "jitter p95", jitter, calm->jitter_p95_ms, bad->jitter_p95_ms);
    add_count_row(to, "sessions started", calm->started, bad->started);
    add_count_row(to, "failed and dropped", calm->failed + calm->dropped,
                  bad->failed + bad->dropped);
    add_count_row(to, "packets lost", calm->lost, bad->lost);
    add_count_row(to, "freezes", calm->freezes, bad->freezes);
    add_count_row(to, "stalls", calm->stalls, bad->stalls);
}

static void add_kind(struct text *to, enum misbehaviour kind, const struct bad_counts *counts)
{
    uint64_t ended = 0;
    for (unsigned i = 0; i < BAD_OUTCOMES; i++)
        ended += counts->outcomes[i];
    text_printf(to, "%-22s %5" PRIu64 " begun, lived %.1f s:", misbehaviour_name(kind),
                counts->started, ended > 0 ? (double)counts->lived_ms / 1000 / (double)ended : 0.0);
    for (unsigned i = 0; i < BAD_OUTCOMES; i++) {
        if (counts->outcomes[i] > 0)
            text_printf(to, " %" PRIu64 " %s", counts->outcomes[i],
                        bad_outcome_name((enum bad_outcome)i));
    }
    text_add_string(to, "\n");
}

void view_bystanders(const struct snapshot *snapshot, struct text *to)
{
    struct bystanders all;
    bool any = false;
    if (bystanders_of(snapshot, &all))
        add_bystanders(to, &all);
    for (unsigned i = 0; i < MISBEHAVIOURS; i++) {
        const struct bad_counts *counts = &snapshot->total->misbehaving[i];
        if (counts->started == 0)
            continue;
        text_add_string(to, any ? "" : "\nwhat the server did with the bad ones\n");
        any = true;
        add_kind(to, (enum misbehaviour)i, counts);
    }
}
