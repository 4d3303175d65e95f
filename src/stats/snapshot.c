#include "stats/snapshot.h"

#include <assert.h>
#include <stdlib.h>

/* Limits that keep a session from being begun at all. */
#define OUT_OF_THINGS (1u << LIMIT_FILES | 1u << LIMIT_PORTS | 1u << LIMIT_MEMORY)

double snapshot_failed_share(const struct snapshot *snapshot)
{
    const struct session_counts *sessions = &snapshot->total->sessions;
    uint64_t failed = sessions->failed + sessions->unanswered;
    return sessions->started > 0 ? (double)failed / (double)sessions->started : 0;
}

bool snapshot_lacks_media(const struct snapshot *snapshot)
{
    bool none_read = stats_rtp(snapshot->total).packets == 0;
    bool none_written = snapshot->total->published.packets == 0;
    return (snapshot_reads(snapshot) && none_read) ||
           (snapshot_publishes(snapshot) && none_written);
}

bool snapshot_ended_early(const struct snapshot *snapshot)
{
    const struct interrupted *interrupted = &snapshot->interrupted;
    return interrupted->signal != 0 && interrupted->at_ns < snapshot->info->judge_from_ns;
}

/* Whether it says nothing about the server: this machine was what it measured, or it had not begun
   in earnest. */
static bool is_invalid(const struct snapshot *snapshot)
{
    bool none = snapshot->total->sessions.established == 0;
    if (none && (snapshot->generator.limits & OUT_OF_THINGS))
        return true;
    bool unfit = snapshot->generator.limits != 0 || snapshot_ended_early(snapshot);
    return snapshot->slo_count > 0 && unfit;
}

static enum verdict decide(const struct snapshot *snapshot, int *exit_status)
{
    bool missed = false;
    for (uint32_t i = 0; i < snapshot->slo_count; i++)
        missed |= !snapshot->slos[i].ok;

    if (snapshot->slo_count > 0 && snapshot_lacks_media(snapshot))
        missed = true;
    if (is_invalid(snapshot)) {
        *exit_status = 3;
        return VERDICT_INVALID;
    }
    if (snapshot->total->sessions.established == 0) {
        *exit_status = 1;
        return VERDICT_FAIL;
    }
    *exit_status = missed ? 99 : 0;
    return missed ? VERDICT_FAIL : VERDICT_PASS;
}

enum verdict snapshot_verdict(const struct snapshot *snapshot, int *exit_status)
{
    int ignored;
    return decide(snapshot, exit_status ? exit_status : &ignored);
}

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {"pass", "fail", "invalid"};
    assert((unsigned)verdict < sizeof(names) / sizeof(names[0]));
    return names[verdict];
}

const char *generator_limit_name(enum generator_limit limit)
{
    static const char *const names[GENERATOR_LIMITS] = {
        "cpu",          "loop_lag", "schedule_lag", "udp_socket_drops",
        "recv_backlog", "files",    "ports",        "memory"};
    assert((unsigned)limit < GENERATOR_LIMITS);
    return names[limit];
}

static int compare_errors(const void *left, const void *right)
{
    const struct error_entry *a = *(const struct error_entry *const *)left;
    const struct error_entry *b = *(const struct error_entry *const *)right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    if (a->phase != b->phase)
        return a->phase < b->phase ? -1 : 1;
    if (a->reason != b->reason)
        return a->reason < b->reason ? -1 : 1;
    return a->status < b->status ? -1 : a->status > b->status;
}

uint32_t snapshot_errors(const struct snapshot *snapshot,
                         const struct error_entry *sorted[static ERRORS_MAX])
{
    uint32_t count = snapshot->total->error_count;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &snapshot->total->errors[i];
    qsort(sorted, count, sizeof(sorted[0]), compare_errors);
    return count;
}

bool snapshot_publishes(const struct snapshot *snapshot)
{
    return snapshot->info->publishes ||
           snapshot->total->published.packets + snapshot->total->published.dropped > 0;
}

bool snapshot_reads(const struct snapshot *snapshot)
{
    return !snapshot_publishes(snapshot) || snapshot->info->reads ||
           snapshot->total->metrics[METRIC_PLAY].count > 0 ||
           stats_rtp(snapshot->total).packets > 0;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

double snapshot_ceiling_used(const struct snapshot *snapshot)
{
    const struct ceiling *ceiling = &snapshot->info->ceiling;
    struct timeline_row before = {0};
    double used = 0;
    if (ceiling->packets_per_s <= 0 || ceiling->starts_per_s <= 0 || ceiling->sessions == 0)
        return 0;
    for (uint32_t i = 0; i < snapshot->timeline_count; i++) {
        const struct timeline_row *row = &snapshot->timeline[i];
        double seconds = (double)(row->t_ns - before.t_ns) / 1e9;
        if (seconds < 0.5) /* the rest of an interval says little about a rate */
            continue;
        uint64_t packets_before = before.packets + before.published;
        double packets = (double)(row->packets + row->published - packets_before) / seconds;
        double starts = (double)(row->started - before.started) / seconds;
        used = larger(used, packets / ceiling->packets_per_s);
        used = larger(used, starts / ceiling->starts_per_s);
        before = *row;
    }
    return larger(used, (double)snapshot->total->active_peak / (double)ceiling->sessions);
}
