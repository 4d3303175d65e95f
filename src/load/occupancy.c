#include "load/occupancy.h"

#define NS_PER_US UINT64_C(1000)

void occupancy_begin(struct occupancy *occupancy, uint64_t from_ns, uint64_t to_ns)
{
    *occupancy = (struct occupancy){.from_ns = from_ns, .to_ns = to_ns, .seen_ns = from_ns};
}

static uint64_t overlap_ns(const struct occupancy *occupancy, uint64_t from_ns, uint64_t to_ns)
{
    if (from_ns < occupancy->from_ns)
        from_ns = occupancy->from_ns;
    if (to_ns > occupancy->to_ns)
        to_ns = occupancy->to_ns;
    return to_ns > from_ns ? to_ns - from_ns : 0;
}

void occupancy_add(struct occupancy *occupancy, uint64_t now_ns, uint32_t up, uint32_t wanted)
{
    uint64_t span_ns = overlap_ns(occupancy, occupancy->seen_ns, now_ns);
    occupancy->held_ns += up * span_ns;
    occupancy->wanted_ns += wanted * span_ns;
    if (now_ns > occupancy->seen_ns)
        occupancy->seen_ns = now_ns;
}

void occupancy_owe(struct occupancy *occupancy, uint64_t due_ns)
{
    occupancy->wanted_ns += overlap_ns(occupancy, due_ns, occupancy->seen_ns);
}

void occupancy_end(struct occupancy *occupancy, uint64_t now_ns)
{
    if (now_ns < occupancy->to_ns)
        occupancy->to_ns = now_ns;
}

void occupancy_take(struct occupancy *occupancy, struct stats *stats)
{
    stats->held_us += occupancy->held_ns / NS_PER_US;
    stats->wanted_us += occupancy->wanted_ns / NS_PER_US;
    occupancy->held_ns %= NS_PER_US;
    occupancy->wanted_ns %= NS_PER_US;
}
