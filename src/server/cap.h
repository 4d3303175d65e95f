/* cap.h - a path's bitrate_cap: a bucket of bytes, and the turns of the readers that want more.
 *
 * While there is enough nobody waits. When there isn't, those that still have something to send
 * stand in line, and each gets an equal part a round (deficit round robin: Shreedhar and Varghese,
 * 1995). So a reader that wants less than its share gets all of that. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Embedded in the reader's session. Ready when zeroed. */
struct cap_turn {
    struct cap_turn *next, *previous;
    int64_t
        credit; /* bytes left of its turn; the last packet may overdraw, which the next repays */
    bool waits;
};

/* Ready when zeroed: full at the first cap_fill. */
struct cap {
    struct cap_turn *first, *last;
    double bytes; /* that may be written now; the last packet may overdraw */
    double bytes_per_ns;
    int64_t quantum; /* bytes a turn */
    uint64_t filled_at_ns;
};

/* Adds what has come in since the last time. readers (1 or more) share it. */
void cap_fill(struct cap *cap, double bytes_per_ns, unsigned readers, uint64_t now_ns);

/* How many bytes a reader may be sent now, the packet in which they end whole; 0: it has to wait,
   and stands in line from now on. */
uint64_t cap_allowance(struct cap *cap, struct cap_turn *turn);

/* So many were sent to a reader that was allowed to. more: it has more to send, and stands in line
   for that. */
void cap_spend(struct cap *cap, struct cap_turn *turn, uint64_t bytes, bool more);

/* The reader wants nothing now; no matter whether it waits. */
void cap_leave(struct cap *cap, struct cap_turn *turn);

/* When a reader in line may be sent something: TIME_NEVER unless it is the first. */
uint64_t cap_turn_at(const struct cap *cap, const struct cap_turn *turn);
