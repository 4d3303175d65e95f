#include "load/adaptive.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

#define TOO_MANY 0.2 /* of the tries in the window */
#define RECOVERY 1.2

void adaptive_init(struct adaptive *adaptive)
{
    *adaptive = (struct adaptive){.share = 1, .decide_ns = NS_PER_S};
}

uint64_t adaptive_plan_time(const struct adaptive *adaptive, uint64_t run_ns)
{
    uint64_t span_ns = run_ns > adaptive->run_ns ? run_ns - adaptive->run_ns : 0;
    if (adaptive->share < 1)
        span_ns = (uint64_t)((double)span_ns * adaptive->share);
    return adaptive->plan_ns + span_ns;
}

uint64_t adaptive_run_time(const struct adaptive *adaptive, uint64_t plan_ns)
{
    uint64_t span_ns = plan_ns > adaptive->plan_ns ? plan_ns - adaptive->plan_ns : 0;
    if (adaptive->share < 1)
        span_ns = (uint64_t)ceil((double)span_ns / adaptive->share);
    return adaptive->run_ns + span_ns;
}

static void set_share(struct adaptive *adaptive, uint64_t now_ns, double share)
{
    adaptive->plan_ns = adaptive_plan_time(adaptive, now_ns);
    adaptive->run_ns = now_ns;
    adaptive->share = share;
}

static struct adaptive_second sum_of(const struct adaptive *adaptive)
{
    struct adaptive_second sum = {0};
    for (unsigned i = 0; i < ADAPTIVE_WINDOW; i++) {
        sum.tries += adaptive->window[i].tries;
        sum.failed += adaptive->window[i].failed;
    }
    return sum;
}

/* After a halving only what comes from then on counts: the same failures don't halve it again.
   Where nothing has been heard, nothing is known: the rate stays. */
static void decide(struct adaptive *adaptive, uint64_t now_ns)
{
    struct adaptive_second sum = sum_of(adaptive);
    bool too_many = (double)sum.failed > TOO_MANY * (double)sum.tries;
    if (too_many && sum.tries >= ADAPTIVE_TRIES) {
        set_share(adaptive, now_ns, fmax(adaptive->share / 2, ADAPTIVE_LOWEST));
        memset(adaptive->window, 0, sizeof(adaptive->window));
    } else if (!too_many && sum.tries > 0 && adaptive->share < 1) {
        set_share(adaptive, now_ns, fmin(adaptive->share * RECOVERY, 1));
    }
}

void adaptive_look(struct adaptive *adaptive, uint64_t now_ns, uint64_t established,
                   uint64_t failed)
{
    if (now_ns < adaptive->decide_ns)
        return;
    adaptive->window[adaptive->seconds++ % ADAPTIVE_WINDOW] = (struct adaptive_second){
        .tries = established - adaptive->established + failed - adaptive->failed,
        .failed = failed - adaptive->failed,
    };
    adaptive->established = established;
    adaptive->failed = failed;
    decide(adaptive, now_ns);
    adaptive->decide_ns += NS_PER_S * ((now_ns - adaptive->decide_ns) / NS_PER_S + 1);
}
