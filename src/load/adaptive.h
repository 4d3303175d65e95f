/* adaptive.h - begins fewer sessions while many fail: halves the rate, and recovers by a fifth a
 * second. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ADAPTIVE_WINDOW 5u           /* seconds of outcomes that are looked at */
#define ADAPTIVE_TRIES 5u            /* fewer outcomes decide nothing against the rate */
#define ADAPTIVE_LOWEST 0.0009765625 /* of the plan's rate: ten halvings */

struct adaptive_second {
    uint64_t tries, failed;
};

/* The plan has a clock of its own, which is slowed down while sessions fail: so each due time
   shifts, and what the plan wanted by now is still known. Times are since the run's start. */
struct adaptive {
    double share;                 /* of the plan's rate */
    uint64_t run_ns, plan_ns;     /* the plan's clock stood at plan_ns when share was last set */
    uint64_t decide_ns;           /* when to look next */
    uint64_t established, failed; /* totals as of the last look */
    uint32_t seconds;             /* looks so far since the window was emptied */
    struct adaptive_second window[ADAPTIVE_WINDOW];
};

void adaptive_init(struct adaptive *adaptive);

/* To be told at least once a second; looks once each second at what has come since. established and
   failed are totals of tries that ended one way or the other. */
void adaptive_look(struct adaptive *adaptive, uint64_t now_ns, uint64_t established,
                   uint64_t failed);

/* Where the plan's clock stands, and when it will stand there: never before the last change. */
uint64_t adaptive_plan_time(const struct adaptive *adaptive, uint64_t run_ns);
uint64_t adaptive_run_time(const struct adaptive *adaptive, uint64_t plan_ns);
