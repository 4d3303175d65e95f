#include "client/panel_playout.h"

#include "base/clock.h"

#define DURATIONS_MIN 5u /* before a freeze can be told */
#define STEPS_MAX 32
#define FREEZE_MORE_US 150000
#define TOLERANCE_NS ((int64_t)(10 * NS_PER_MS)) /* a miss below it is not seen */
#define JUMP_NS ((int64_t)(10 * NS_PER_S))       /* of RTP time: the player starts anew */

/* Mean time from frame to frame. */
static int64_t mean_us(const struct panel_playout *playout)
{
    int64_t arrivals = playout->count > 0 ? (int64_t)playout->sum * 100 / playout->count : 0;
    return arrivals > playout->step_us ? arrivals : playout->step_us;
}

/* What of a time that ended at end_ns counts. */
static uint64_t counted_us(const struct panel_playout *playout, uint64_t begin_ns, uint64_t end_ns)
{
    uint64_t from_ns = begin_ns > playout->since_ns ? begin_ns : playout->since_ns;
    return (end_ns - from_ns) / NS_PER_US;
}

/* A gap is judged by its whole length, whatever of it counts. */
static void judge_freeze(const struct panel_playout *playout, struct panel_counts *counts,
                         uint64_t begin_ns, uint64_t end_ns)
{
    uint64_t gap_ns = end_ns > begin_ns ? end_ns - begin_ns : 0;
    int64_t mean = mean_us(playout);
    int64_t limit = 3 * mean > mean + FREEZE_MORE_US ? 3 * mean : mean + FREEZE_MORE_US;
    if (playout->count < DURATIONS_MIN || gap_ns < (uint64_t)limit * NS_PER_US ||
        end_ns <= playout->since_ns)
        return;
    counts->freezes++;
    counts->freeze_us += counted_us(playout, begin_ns, end_ns);
}

static void note_duration(struct panel_playout *playout, uint64_t gap_ns)
{
    uint64_t units = gap_ns / (100 * NS_PER_US);
    uint16_t duration = units < UINT16_MAX ? (uint16_t)units : UINT16_MAX;
    if (playout->count == PANEL_DURATIONS)
        playout->sum -= playout->durations[playout->next];
    else
        playout->count++;
    playout->durations[playout->next] = duration;
    playout->sum += duration;
    playout->next = (uint8_t)((playout->next + 1u) % PANEL_DURATIONS);
}

static void note_step(struct panel_playout *playout, int64_t step_ns)
{
    if (playout->steps < STEPS_MAX)
        playout->steps++;
    playout->step_us +=
        (int32_t)((step_ns / (int64_t)NS_PER_US - playout->step_us) / playout->steps);
}

static void judge_stall(struct panel_playout *playout, struct panel_counts *counts,
                        int64_t deadline_ns, uint64_t end_ns)
{
    if ((int64_t)end_ns - deadline_ns < TOLERANCE_NS || end_ns <= playout->since_ns)
        return;
    counts->stalls++;
    counts->stall_us += counted_us(playout, deadline_ns > 0 ? (uint64_t)deadline_ns : 0, end_ns);
    counts->stalled_sessions += !playout->stalled;
    playout->stalled = true;
}

static void start_player(struct panel_playout *playout, uint32_t timestamp, uint64_t now_ns)
{
    playout->has_deadline = true;
    playout->anew = false;
    playout->timestamp = timestamp;
    playout->deadline_ns = (int64_t)(now_ns + PANEL_START_DELAY_MS * NS_PER_MS);
}

static void play_frame(struct panel_playout *playout, struct panel_counts *counts,
                       uint32_t timestamp, uint64_t whole_ns, uint32_t clock_rate)
{
    int64_t ticks = (int32_t)(timestamp - playout->timestamp);
    int64_t step_ns = ticks * (int64_t)NS_PER_S / clock_rate;
    if (!playout->has_deadline || step_ns > JUMP_NS || step_ns < -JUMP_NS) {
        start_player(playout, timestamp, whole_ns);
        return;
    }
    note_step(playout, step_ns);
    playout->timestamp = timestamp;
    playout->deadline_ns += step_ns;
    judge_stall(playout, counts, playout->deadline_ns, whole_ns);
    if (playout->anew)
        start_player(playout, timestamp, whole_ns);
    else if ((int64_t)whole_ns > playout->deadline_ns)
        playout->deadline_ns = (int64_t)whole_ns;
}

void panel_playout_on_frame(struct panel_playout *playout, struct panel_counts *counts,
                            uint32_t timestamp, uint64_t whole_ns, uint32_t clock_rate)
{
    if (playout->ended)
        return;
    if (playout->started) {
        uint64_t gap_ns = whole_ns > playout->shown_ns ? whole_ns - playout->shown_ns : 0;
        judge_freeze(playout, counts, playout->shown_ns, whole_ns);
        note_duration(playout, gap_ns);
    }
    playout->started = true;
    playout->shown_ns = whole_ns;
    if (clock_rate > 0)
        play_frame(playout, counts, timestamp, whole_ns, clock_rate);
}

void panel_playout_restart(struct panel_playout *playout)
{
    playout->has_deadline = false;
}

void panel_playout_reorder(struct panel_playout *playout)
{
    panel_playout_restart(playout);
    playout->steps = 0;
    playout->step_us = 0;
}

void panel_playout_count_from(struct panel_playout *playout, uint64_t now_ns)
{
    playout->since_ns = now_ns;
    playout->stalled = false;
    playout->anew = true;
}

void panel_playout_end(struct panel_playout *playout, struct panel_counts *counts,
                       uint64_t pending_ns, uint64_t now_ns)
{
    bool pending = pending_ns > playout->shown_ns;
    uint64_t last_ns = pending ? pending_ns : playout->shown_ns;
    int64_t step_ns = playout->step_us * (int64_t)NS_PER_US;
    bool watching = playout->started && !playout->ended;
    playout->ended = true;
    if (!watching || now_ns < last_ns)
        return;
    judge_freeze(playout, counts, last_ns, now_ns);
    int64_t next_ns = playout->deadline_ns + (pending ? 2 * step_ns : step_ns);
    if (playout->has_deadline && playout->steps > 0)
        judge_stall(playout, counts, next_ns, now_ns);
}
