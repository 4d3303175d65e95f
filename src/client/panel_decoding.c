#include "client/panel_decoding.h"

#include <string.h>

#define JUMP_S 10       /* of RTP time */
#define EARLY_MAX 1000u /* frames: when none in so many needed the depth, it is less */

static int32_t ahead(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

/* Puts a timestamp in its place; how many are newer. One that is there already is no other frame's,
   but of a clock that stands still. */
static unsigned insert(struct panel_decoding *decoding, uint32_t timestamp)
{
    unsigned at = 0;
    while (at < decoding->count && ahead(decoding->newest[at], timestamp) > 0)
        at++;
    if (at < decoding->count && decoding->newest[at] == timestamp)
        return at < decoding->depth ? at : decoding->depth;
    if (decoding->count < PANEL_DECODING_WINDOW)
        decoding->count++;
    memmove(&decoding->newest[at + 1], &decoding->newest[at],
            (decoding->count - at - 1) * sizeof(decoding->newest[0]));
    decoding->newest[at] = timestamp;
    return at;
}

static bool is_jump(const struct panel_decoding *decoding, uint32_t timestamp, uint32_t clock_rate)
{
    int64_t ticks = ahead(timestamp, decoding->newest[0]);
    int64_t most = clock_rate > 0 ? (int64_t)clock_rate * JUMP_S : INT64_MAX;
    if (decoding->count == 0)
        return false;
    bool behind_all = decoding->count == PANEL_DECODING_WINDOW &&
                      ahead(timestamp, decoding->newest[PANEL_DECODING_WINDOW - 1]) < 0;
    return ticks > most || ticks < -most || behind_all;
}

/* The depth grows with the frame that shows it, and shrinks when none needed it for long: RTP time
   that once stepped back would else look like reordering for ever. */
static void fit_depth(struct panel_decoding *decoding, unsigned newer)
{
    if (newer > decoding->shallow)
        decoding->shallow = (uint8_t)newer;
    if (newer < decoding->depth && ++decoding->early < EARLY_MAX)
        return;
    decoding->depth = decoding->shallow;
    decoding->early = 0;
    decoding->shallow = 0;
}

/* After a loss frames seem to lead by less than they do, as some that are newer never came; once
   one leads by all of the depth, none is missing. */
static void settle(struct panel_decoding *decoding, unsigned newer, bool lost)
{
    if (lost && decoding->depth > 0)
        decoding->unsettled = PANEL_DECODING_WINDOW;
    else if (decoding->unsettled > 0)
        decoding->unsettled--;
    if (newer == decoding->depth)
        decoding->unsettled = 0;
}

struct panel_decoding_frame panel_decoding_on_frame(struct panel_decoding *decoding,
                                                    uint32_t timestamp, uint32_t clock_rate,
                                                    bool lost)
{
    uint8_t depth = decoding->depth;
    if (is_jump(decoding, timestamp, clock_rate))
        *decoding = (struct panel_decoding){0};
    unsigned newer = insert(decoding, timestamp);
    fit_depth(decoding, newer);
    settle(decoding, newer, lost);
    if (decoding->depth != depth)
        decoding->same = 0;
    if (decoding->same < PANEL_DECODING_WINDOW)
        decoding->same++;
    bool known = decoding->count > decoding->depth && decoding->unsettled == 0;
    return (struct panel_decoding_frame){
        .due = decoding->newest[decoding->depth],
        .is_known = known,
        .is_least = known && newer == decoding->depth,
        .anew = decoding->depth != depth,
    };
}
