#include "load/control.h"

#define OPEN_MOST 9000 /* a rate needs no room */

void control_allow(struct run_control *control, const struct plan *plans, uint32_t count)
{
    control->most = OPEN_MOST;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t more = plans[i].readers_most - plans[i].readers;
        int most = (int)(more * 1000 / plans[i].readers);
        if (!plans[i].open && most < control->most)
            control->most = most;
    }
}

void control_pause(struct run_control *control, bool paused)
{
    bool was = atomic_exchange_explicit(&control->paused, paused, memory_order_relaxed);
    if (paused && !was)
        atomic_fetch_add_explicit(&control->pauses, 1, memory_order_relaxed);
}

/* The next whole step, also from where the last one was cut short. */
static int next_step(const struct run_control *control, int change, bool up)
{
    int steps = (change - CONTROL_LEAST) / CONTROL_STEP,
        rest = (change - CONTROL_LEAST) % CONTROL_STEP;
    int next = CONTROL_LEAST + (up ? steps + 1 : rest > 0 ? steps : steps - 1) * CONTROL_STEP;
    return next < CONTROL_LEAST ? CONTROL_LEAST : next > control->most ? control->most : next;
}

bool control_step(struct run_control *control, bool up)
{
    int change = atomic_load_explicit(&control->change, memory_order_relaxed);
    int next = next_step(control, change, up);
    while (next != change &&
           !atomic_compare_exchange_weak_explicit(&control->change, &change, next,
                                                  memory_order_relaxed, memory_order_relaxed))
        next = next_step(control, change, up);
    if (next != change)
        atomic_fetch_add_explicit(&control->changes, 1, memory_order_relaxed);
    return next != change;
}

struct by_hand control_by_hand(const struct run_control *control)
{
    return (struct by_hand){
        .change = atomic_load_explicit(&control->change, memory_order_relaxed),
        .changes = atomic_load_explicit(&control->changes, memory_order_relaxed),
        .pauses = atomic_load_explicit(&control->pauses, memory_order_relaxed),
    };
}
