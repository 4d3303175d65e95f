#include "load/arrival.h"

#include <math.h>

#include "base/clock.h"
#include "base/rng.h"

#define CHOICE_ARRIVAL_GAP UINT64_C(0x61727269)
#define TICK_NS (10 * NS_PER_MS)
#define REAL_WORLD_LEAVES_PER_S 20.0

void arrival_init(struct arrival *arrival, const struct plan *plan, uint32_t shard)
{
    *arrival = (struct arrival){
        .plan = plan, .shard = shard, .most = plan->readers, .scale = 1, .wish = 1};
}

bool arrival_is_curve(const struct arrival *arrival)
{
    const struct plan *plan = arrival->plan;
    return plan->profile.kind != PROFILE_CONSTANT || plan->profile.noise > 0 ||
           (arrival->by_hand && !plan->open);
}

static uint64_t poisson_at(struct arrival *arrival, uint32_t reader)
{
    double mean_ns = (double)NS_PER_S / arrival->plan->rate_per_s;
    while (arrival->summed < reader) {
        struct rng rng = rng_init(arrival->plan->seed, ++arrival->summed, CHOICE_ARRIVAL_GAP);
        arrival->poisson_at_ns +=
            (uint64_t)llround(rng_exponential(&rng, mean_ns) / arrival->scale);
    }
    return arrival->poisson_at_ns;
}

static uint64_t even_at(const struct arrival *arrival, uint32_t reader)
{
    double rate_per_s = arrival->plan->rate_per_s * arrival->scale;
    double more = (double)reader - arrival->passed;
    return arrival->passed_ns + (uint64_t)llround(fmax(more, 0) * (double)NS_PER_S / rate_per_s);
}

uint64_t arrival_last_due_ns(const struct plan *plan)
{
    struct arrival arrival;
    uint64_t last_ns = 0;
    arrival_init(&arrival, plan, 0);
    for (uint32_t reader = 1; reader <= plan->readers; reader++) {
        uint64_t at_ns = plan->arrival == ARRIVAL_EVEN ? even_at(&arrival, reader)
                                                       : poisson_at(&arrival, reader);
        if (at_ns >= plan->duration_ns)
            break;
        last_ns = at_ns;
    }
    return last_ns;
}

static bool next_of_constant(struct arrival *arrival, uint64_t until_ns,
                             struct arrival_event *event)
{
    const struct plan *plan = arrival->plan;
    if (!plan->open && arrival->nth >= plan_shard_readers(plan, arrival->shard))
        return false;
    uint32_t reader = plan_reader(plan, arrival->shard, arrival->nth);
    uint64_t at_ns =
        plan->arrival == ARRIVAL_EVEN ? even_at(arrival, reader) : poisson_at(arrival, reader);
    if (at_ns >= until_ns)
        return false;
    *event = (struct arrival_event){.reader = reader, .at_ns = at_ns};
    arrival->nth++;
    return true;
}

static double slew(const struct arrival *arrival, double target)
{
    double step_s = (double)TICK_NS / (double)NS_PER_S;
    double most = arrival->level + ARRIVAL_REAL_WORLD_STARTS_PER_S * step_s;
    double least = arrival->level - REAL_WORLD_LEAVES_PER_S * step_s;
    if (arrival->plan->profile.kind != PROFILE_REAL_WORLD)
        return target;
    return fmin(most, fmax(least, target));
}

/* What is wanted by hand is reached no faster than at the plan's rate, but for less at once. */
static double scaled(struct arrival *arrival, double target)
{
    double step_s = (double)TICK_NS / (double)NS_PER_S;
    if (arrival->scale < arrival->wish && target > 0)
        arrival->scale += arrival->plan->rate_per_s * step_s / target;
    arrival->scale = fmin(arrival->scale, arrival->wish);
    return target * arrival->scale;
}

static void walk_tick(struct arrival *arrival)
{
    arrival->tick_ns += TICK_NS;
    double target = profile_target(&arrival->plan->profile, arrival->tick_ns);
    arrival->level = slew(arrival, scaled(arrival, target));
    arrival->next = (uint32_t)fmin(floor(arrival->level + 1e-9), arrival->most);
    arrival->changes = arrival->next > arrival->count ? arrival->next - arrival->count
                                                      : arrival->count - arrival->next;
    arrival->change = 0;
}

/* Is it one of the shard's readers? */
static bool is_ours(const struct arrival *arrival, uint32_t reader)
{
    const struct plan *plan = arrival->plan;
    return (reader - 1) % plan->shares == plan->share - 1 &&
           (reader - 1) / plan->shares % plan->shards == arrival->shard;
}

/* The next change of the tick, whoever's it is. */
static struct arrival_event next_change(struct arrival *arrival)
{
    const struct plan *plan = arrival->plan;
    bool leaves = arrival->next < arrival->count;
    uint64_t into_ns = TICK_NS * ++arrival->change / arrival->changes;
    struct arrival_event event = {.leaves = leaves, .at_ns = arrival->tick_ns - TICK_NS + into_ns};
    event.reader = leaves ? arrival->count-- : ++arrival->count;
    if (event.at_ns < arrival->last_ns)
        event.at_ns = arrival->last_ns;
    if (!leaves && (plan->rate_given || arrival->paced)) {
        uint64_t soonest_ns = arrival->began_ns + (uint64_t)((double)NS_PER_S / plan->rate_per_s);
        if (event.at_ns < soonest_ns)
            event.at_ns = soonest_ns;
        arrival->began_ns = event.at_ns;
    }
    arrival->last_ns = event.at_ns;
    return event;
}

static bool next_of_curve(struct arrival *arrival, uint64_t until_ns, struct arrival_event *event)
{
    for (;;) {
        while (arrival->count != arrival->next) {
            struct arrival before = *arrival;
            *event = next_change(arrival);
            if (event->at_ns >= until_ns) {
                *arrival = before;
                return false;
            }
            if (is_ours(arrival, event->reader))
                return true;
        }
        if (arrival->tick_ns >= until_ns)
            return false;
        walk_tick(arrival);
    }
}

bool arrival_next(struct arrival *arrival, uint64_t until_ns, struct arrival_event *event)
{
    const struct plan *plan = arrival->plan;
    if (until_ns > plan->duration_ns)
        until_ns = plan->duration_ns;
    if (arrival_is_curve(arrival))
        return next_of_curve(arrival, until_ns, event);
    return next_of_constant(arrival, until_ns, event);
}

/* The rate changes; the readers that are due by now stay so. */
static void change_rate(struct arrival *arrival, double scale, uint64_t now_ns)
{
    double since_s = ((double)now_ns - (double)arrival->passed_ns) / (double)NS_PER_S;
    if (arrival->poisson_at_ns > now_ns)
        arrival->poisson_at_ns =
            now_ns + (uint64_t)((double)(arrival->poisson_at_ns - now_ns) * arrival->scale / scale);
    arrival->passed += since_s * arrival->plan->rate_per_s * arrival->scale;
    arrival->passed_ns = now_ns;
    arrival->scale = scale;
}

/* All readers before the shard's next one have begun, as far as the shard can know. */
static void become_curve(struct arrival *arrival, uint64_t now_ns)
{
    const struct plan *plan = arrival->plan;
    uint32_t begun = plan_reader(plan, arrival->shard, arrival->nth) - 1;
    arrival->count = begun < plan->readers ? begun : plan->readers;
    arrival->began_ns = even_at(arrival, arrival->count);
    if (plan->arrival == ARRIVAL_POISSON && arrival->began_ns > now_ns)
        arrival->began_ns = now_ns;
    arrival->level = arrival->count;
    arrival->paced = true;
}

void arrival_rescale(struct arrival *arrival, double scale, uint64_t now_ns)
{
    bool was_curve = arrival_is_curve(arrival);
    arrival->by_hand = true;
    arrival->wish = scale;
    if (!arrival_is_curve(arrival)) {
        change_rate(arrival, scale, now_ns);
        return;
    }
    if (!was_curve)
        become_curve(arrival, now_ns);
    arrival->next = arrival->count; /* wherever it was on its way to */
    if (arrival->tick_ns < now_ns)
        arrival->tick_ns = now_ns - now_ns % TICK_NS;
}

void arrival_take_back(struct arrival *arrival, const struct arrival_event *event)
{
    if (!arrival_is_curve(arrival))
        arrival->nth--;
    else
        arrival->count = event->leaves ? event->reader : event->reader - 1;
}
