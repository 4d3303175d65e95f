/* derive.c - who was unanswered, who had no media, and who never got to a step: worked out of
 * merged numbers, so that how a run was split into threads and machines doesn't show.
 *
 * A wait that was cut off says little by itself: a healthy session that began just before the end
 * waits, too. It is unanswered where it lasted 2 s or more and over twice as long as 99 % of those
 * that got through. */
#include "stats/stats.h"

#define PATIENCE_US 2000000.0     /* nobody is blamed for less */
#define TIMES 2.0                 /* as long as the slowest 1 % of the others */
#define NO_INTERVAL_US 10000000.0 /* where no keyframe interval was seen */

struct step {
    enum wait wait;
    enum metric metric;
};

#define STEPS 5u

/* The way to an established session, in order. */
static const struct step steps[ROLES][STEPS] = {
    [ROLE_READER] = {{WAIT_CONNECT, METRIC_CONNECT},
                     {WAIT_OPTIONS, METRIC_OPTIONS},
                     {WAIT_DESCRIBE, METRIC_DESCRIBE},
                     {WAIT_SETUP, METRIC_SETUP},
                     {WAIT_PLAY, METRIC_PLAY}},
    [ROLE_PUBLISHER] = {{WAIT_CONNECT, METRIC_CONNECT},
                        {WAIT_OPTIONS, METRIC_OPTIONS},
                        {WAIT_ANNOUNCE, METRIC_ANNOUNCE},
                        {WAIT_SETUP, METRIC_SETUP},
                        {WAIT_RECORD, METRIC_RECORD}},
};

static double p99_of(const struct stats *stats, enum metric metric)
{
    return (double)histogram_quantile(&stats->metrics[metric], 0.99);
}

/* What 99 % of the sessions needed at most for the steps before this one. */
static double way_to(const struct stats *stats, enum role role, unsigned step)
{
    double us = 0;
    for (unsigned i = 0; i < step; i++)
        us += p99_of(stats, steps[role][i].metric);
    return us;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* From how many microseconds on a wait in that step counts as unanswered. The way to the step is
   granted apart: waits run from the start of the first try. */
static double unanswered_from(const struct stats *stats, enum role role, unsigned step)
{
    double slow_us = TIMES * p99_of(stats, steps[role][step].metric);
    return way_to(stats, role, step) + larger(PATIENCE_US, slow_us);
}

/* The same of sessions that were coming back: held against the slowest that did. */
static double lost_from(const struct stats *stats)
{
    return larger(PATIENCE_US, TIMES * (double)stats->metrics[METRIC_COME_BACK].max);
}

/* Values in buckets that lie wholly in [from, to). */
static uint64_t count_within(const struct histogram *histogram, double from, double to)
{
    uint64_t count = 0;
    for (uint32_t i = histogram->low; i < histogram->high; i++) {
        double low = (double)histogram_bucket_low(histogram, i);
        if (low >= from && low < to)
            count += histogram->counts[i];
    }
    return count;
}

#define FOR_EVER 1e18

static uint64_t unanswered_in(const struct stats *stats, enum role role, unsigned step)
{
    return count_within(&stats->cut_off[role][steps[role][step].wait],
                        unanswered_from(stats, role, step), FOR_EVER);
}

static uint64_t lost_on_return(const struct stats *stats, enum role role)
{
    return count_within(&stats->cut_off[role][WAIT_COME_BACK], lost_from(stats), FOR_EVER);
}

/* Sessions of that role that failed or were unanswered on the way: each step's never is raised by
   those that got stuck in it or before it. Where one that was coming back got stuck is not known:
   it is missing from the last step on. */
static uint64_t count_stuck(struct stats *stats, enum role role)
{
    uint64_t stuck = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t unanswered = unanswered_in(stats, role, i);
        if (i == STEPS - 1)
            unanswered += lost_on_return(stats, role);
        stats->sessions.unanswered += unanswered;
        stuck += stats->failed_in[role][steps[role][i].wait] + unanswered;
        stats->never[steps[role][i].metric] += stuck;
    }
    return stuck;
}

/* Sessions with video that played for long without a keyframe. */
static uint64_t count_without_keyframe(const struct stream_stats *stream)
{
    double interval_us = (double)stream->keyframe_interval_us;
    double from_us = interval_us > 0 ? larger(PATIENCE_US, TIMES * interval_us) : NO_INTERVAL_US;
    uint64_t count = 0;
    for (unsigned i = 0; i < KEYFRAME_STEPS; i++) {
        if (keyframe_steps_ms[i] * 1000.0 >= from_us)
            count += stream->no_keyframe[i];
    }
    return count;
}

void stats_derive(struct stats *stats)
{
    double silent_us = larger(PATIENCE_US, TIMES * p99_of(stats, METRIC_FIRST_RTP));
    uint64_t without_keyframe = 0;
    for (unsigned i = 0; i < LATENCY_METRICS; i++)
        stats->never[i] = 0;
    stats->sessions.unanswered = 0;
    uint64_t readers = count_stuck(stats, ROLE_READER);
    uint64_t publishers = count_stuck(stats, ROLE_PUBLISHER);
    stats->sessions.cancelled = stats->sessions.cut_off - stats->sessions.unanswered;
    stats->no_media = count_within(&stats->silent, silent_us, FOR_EVER);
    for (uint32_t i = 0; i < stats->stream_count; i++)
        without_keyframe += count_without_keyframe(&stats->streams[i]);
    stats->never[METRIC_FIRST_RTP] = readers + stats->no_media;
    stats->never[METRIC_STARTUP] = readers + publishers + stats->no_media;
    stats->never[METRIC_FIRST_KEYFRAME] = readers + without_keyframe;
    stats->never[METRIC_JOIN] = readers + without_keyframe;
    stats->never[METRIC_TEARDOWN] = stats->teardowns_unanswered;
    stats->never[METRIC_COME_BACK] = 0;
    for (unsigned role = 0; role < ROLES; role++)
        stats->never[METRIC_COME_BACK] +=
            lost_on_return(stats, role) + stats->failed_in[role][WAIT_COME_BACK];
    stats->never[METRIC_KEEPALIVE] = stats->keepalives_unanswered;
}

static uint64_t role_over(const struct stats *stats, enum role role, enum metric metric, double us)
{
    bool whole = metric == METRIC_STARTUP || (metric == METRIC_JOIN && role == ROLE_READER);
    uint64_t count = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        double from_us = whole ? us : us + way_to(stats, role, i);
        if (whole || steps[role][i].metric == metric)
            count += count_within(&stats->cut_off[role][steps[role][i].wait], from_us,
                                  unanswered_from(stats, role, i));
    }
    if (whole)
        count += count_within(&stats->cut_off[role][WAIT_COME_BACK], us, lost_from(stats));
    return count;
}

uint64_t stats_cut_off_over(const struct stats *stats, enum metric metric, double us)
{
    return role_over(stats, ROLE_READER, metric, us) + role_over(stats, ROLE_PUBLISHER, metric, us);
}
