#include "server/cap.h"

#include <stddef.h>

#include "base/clock.h"

#define BURST_NS (100 * NS_PER_MS) /* a keyframe's worth may go out at once */
#define TURN_NS (10 * NS_PER_MS)   /* a round of readers that all wait */
#define QUANTUM_MIN 1500           /* less than a packet would only mean more rounds */

void cap_fill(struct cap *cap, double bytes_per_ns, unsigned readers, uint64_t now_ns)
{
    double room = bytes_per_ns * (double)BURST_NS;
    double quantum = bytes_per_ns * (double)TURN_NS / readers;
    cap->bytes += bytes_per_ns * (double)(now_ns - cap->filled_at_ns);
    if (cap->bytes > room)
        cap->bytes = room;
    cap->bytes_per_ns = bytes_per_ns;
    cap->quantum = quantum > QUANTUM_MIN ? (int64_t)quantum : QUANTUM_MIN;
    cap->filled_at_ns = now_ns;
}

void cap_leave(struct cap *cap, struct cap_turn *turn)
{
    if (!turn->waits)
        return;
    *(turn->previous ? &turn->previous->next : &cap->first) = turn->next;
    *(turn->next ? &turn->next->previous : &cap->last) = turn->previous;
    turn->next = turn->previous = NULL;
    turn->waits = false;
}

/* To the end of the line, with credit for its next turn: enough for one packet in any case. */
static void stand_in_line(struct cap *cap, struct cap_turn *turn)
{
    cap_leave(cap, turn);
    int64_t debt = cap->first && turn->credit < 0 ? turn->credit : 0;
    turn->credit = debt + cap->quantum > 0 ? debt + cap->quantum : 1;
    turn->waits = true;
    turn->previous = cap->last;
    *(cap->last ? &cap->last->next : &cap->first) = turn;
    cap->last = turn;
}

uint64_t cap_allowance(struct cap *cap, struct cap_turn *turn)
{
    if (!turn->waits && (cap->first || cap->bytes <= 0))
        stand_in_line(cap, turn);
    if (cap->bytes <= 0 || (turn->waits && cap->first != turn))
        return 0;
    bool alone = cap->last == turn || !cap->last;
    uint64_t bytes = (uint64_t)cap->bytes + 1; /* a fraction is something, too */
    return alone || bytes < (uint64_t)turn->credit ? bytes : (uint64_t)turn->credit;
}

void cap_spend(struct cap *cap, struct cap_turn *turn, uint64_t bytes, bool more)
{
    cap->bytes -= (double)bytes;
    if (cap->first != cap->last) /* others wait, too */
        turn->credit -= (int64_t)bytes;
    if (!more)
        cap_leave(cap, turn);
    else if (!turn->waits || turn->credit <= 0)
        stand_in_line(cap, turn);
}

uint64_t cap_turn_at(const struct cap *cap, const struct cap_turn *turn)
{
    if (cap->first != turn)
        return TIME_NEVER;
    double debt = cap->bytes > 0 ? 0 : -cap->bytes;
    return cap->filled_at_ns + (uint64_t)(debt / cap->bytes_per_ns) + 1;
}
