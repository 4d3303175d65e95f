#include "client/panel_pace.h"

#include <assert.h>

#include "base/clock.h"

#define JUMP_NS ((int64_t)(PANEL_PACE_WINDOW_S * NS_PER_S)) /* of RTP time */
#define BEHIND 980u                                         /* thousandths */
#define PACE_MAX 1e6                                        /* thousandths */
#define SPAN_MIN_S 2.0f
#define SLOPES_MAX (PANEL_PACE_POINTS * (PANEL_PACE_POINTS - 1) / 2)

static float seconds(int64_t ns)
{
    return (float)((double)ns / (double)NS_PER_S);
}

static void begin_window(struct panel_pace *pace, uint64_t now_ns)
{
    pace->window_ns = now_ns;
    pace->second_ns = now_ns;
    pace->window_delay = pace->delay_ns;
    pace->second_has_point = false;
    pace->count = 0;
}

static void finish_second(struct panel_pace *pace)
{
    if (!pace->second_has_point)
        return;
    assert(pace->count < PANEL_PACE_POINTS);
    pace->at_s[pace->count] = pace->second_at_s;
    pace->delay_s[pace->count] = pace->second_delay_s;
    pace->count++;
    pace->second_has_point = false;
}

static float median(float *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        float value = values[i];
        unsigned at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    return (values[count / 2] + values[(count - 1) / 2]) / 2;
}

/* Theil-Sen: the median of the slopes between any two points, so that a few late ones don't count.
 */
static bool window_pace(struct panel_pace *pace, uint32_t *pace_thousandths)
{
    float slopes[SLOPES_MAX];
    unsigned n = 0;
    finish_second(pace);
    if (pace->count < 3 || pace->at_s[pace->count - 1] - pace->at_s[0] < SPAN_MIN_S)
        return false;
    for (unsigned i = 0; i < pace->count; i++) {
        for (unsigned j = i + 1; j < pace->count; j++) {
            float apart = pace->at_s[j] - pace->at_s[i];
            if (apart > 0)
                slopes[n++] = (pace->delay_s[j] - pace->delay_s[i]) / apart;
        }
    }
    double thousandths = (1.0 - (double)median(slopes, n)) * 1000 + 0.5;
    if (thousandths < 0)
        thousandths = 0;
    *pace_thousandths = (uint32_t)(thousandths < PACE_MAX ? thousandths : PACE_MAX);
    pace->behind = *pace_thousandths < BEHIND;
    return true;
}

static void note_point(struct panel_pace *pace, uint64_t arrival_ns)
{
    float delay_s = seconds(pace->delay_ns - pace->window_delay);
    if (pace->second_has_point && delay_s >= pace->second_delay_s)
        return;
    pace->second_has_point = true;
    pace->second_delay_s = delay_s;
    pace->second_at_s = seconds((int64_t)(arrival_ns - pace->window_ns));
}

static void start(struct panel_pace *pace, uint32_t timestamp, uint64_t arrival_ns)
{
    *pace = (struct panel_pace){.started = true, .timestamp = timestamp, .first_ns = arrival_ns};
    begin_window(pace, arrival_ns);
    note_point(pace, arrival_ns);
}

bool panel_pace_on_frame(struct panel_pace *pace, uint32_t timestamp, uint64_t arrival_ns,
                         uint32_t clock_rate, uint32_t *pace_thousandths)
{
    if (clock_rate == 0)
        return false;
    int64_t ticks = (int32_t)(timestamp - pace->timestamp);
    int64_t step_ns = ticks * (int64_t)NS_PER_S / clock_rate;
    if (!pace->started || step_ns > JUMP_NS || step_ns < -JUMP_NS) {
        start(pace, timestamp, arrival_ns);
        return false;
    }
    if (arrival_ns < pace->second_ns)
        return false; /* stamps that step back: the next frame tells */
    pace->timestamp = timestamp;
    pace->media_ns += step_ns;
    pace->delay_ns = (int64_t)(arrival_ns - pace->first_ns) - pace->media_ns;
    if (pace->delay_ns < pace->best_ns)
        pace->best_ns = pace->delay_ns;
    bool known = false;
    if (arrival_ns - pace->window_ns >= PANEL_PACE_WINDOW_S * NS_PER_S) {
        known = window_pace(pace, pace_thousandths);
        begin_window(pace, arrival_ns);
    } else if (arrival_ns - pace->second_ns >= NS_PER_S) {
        finish_second(pace);
        pace->second_ns += (arrival_ns - pace->second_ns) / NS_PER_S * NS_PER_S;
    }
    note_point(pace, arrival_ns);
    return known;
}

bool panel_pace_end(struct panel_pace *pace, uint32_t *pace_thousandths)
{
    bool known = pace->started && window_pace(pace, pace_thousandths);
    pace->started = false;
    return known;
}
