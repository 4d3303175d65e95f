#include "load/search.h"

#include <assert.h>

#include "base/clock.h"

#define REPEATS_BELOW 3u /* tries of the highest level that is kept */
#define REPEATS_ABOVE 2u /* of the one above it */
#define TRIES_A_LEVEL 5u
#define RESOLUTION 100u /* one part in so many */
#define CHECK_EVERY_NS (30 * NS_PER_S / (SEARCH_CHECKS - 1))

void search_init(struct search *search, uint32_t start, uint32_t most)
{
    assert(start >= 1 && start <= most);
    search->start = start;
    search->most = most;
    search->count = 0;
}

void search_tell(struct search *search, const struct search_try *done)
{
    assert(search->count < SEARCH_TRIES_MAX);
    search->tries[search->count++] = *done;
}

static bool has_longer(const struct search *search, uint32_t level)
{
    for (uint32_t i = 0; i < search->count; i++) {
        if (search->tries[i].level == level && search->tries[i].longer)
            return true;
    }
    return false;
}

struct search_tally search_tally(const struct search *search, uint32_t level)
{
    struct search_tally tally = {0};
    bool longer = has_longer(search, level);
    for (uint32_t i = 0; i < search->count; i++) {
        const struct search_try *one = &search->tries[i];
        if (one->level != level || one->longer != longer || one->recovery)
            continue;
        tally.kept += one->outcome == SEARCH_KEPT;
        tally.missed += one->outcome == SEARCH_MISSED;
        tally.limited += one->outcome == SEARCH_LIMITED;
    }
    return tally;
}

static uint32_t tries_of(struct search_tally tally)
{
    return tally.kept + tally.missed + tally.limited;
}

/* What the tries of a level make it; where they are even, the worse. */
static enum search_outcome outcome_of(struct search_tally tally)
{
    if (tally.kept > tally.missed)
        return SEARCH_KEPT;
    return tally.missed > 0 ? SEARCH_MISSED : SEARCH_LIMITED;
}

/* Is there something to be gained by trying it again? */
static bool is_open(struct search_tally tally)
{
    bool even = tally.kept == tally.missed;
    if (tally.kept + tally.missed == 0)
        return tally.limited == 1;
    return even && tries_of(tally) < TRIES_A_LEVEL;
}

/* The lowest level that was not kept, 0 when there is none. */
static uint32_t lowest_above(const struct search *search)
{
    uint32_t lowest = 0;
    for (uint32_t i = 0; i < search->count; i++) {
        uint32_t level = search->tries[i].level;
        if (outcome_of(search_tally(search, level)) != SEARCH_KEPT &&
            (lowest == 0 || level < lowest))
            lowest = level;
    }
    return lowest;
}

/* The highest level that was kept with none below it that wasn't, 0 when there is none. */
static uint32_t highest_kept(const struct search *search, uint32_t above)
{
    uint32_t highest = 0;
    for (uint32_t i = 0; i < search->count; i++) {
        uint32_t level = search->tries[i].level;
        if (outcome_of(search_tally(search, level)) == SEARCH_KEPT && level > highest &&
            (above == 0 || level < above))
            highest = level;
    }
    return highest;
}

static bool find_open(const struct search *search, uint32_t *level)
{
    for (uint32_t i = 0; i < search->count; i++) {
        *level = search->tries[i].level;
        if (is_open(search_tally(search, *level)))
            return true;
    }
    return false;
}

static uint32_t step_at(uint32_t level)
{
    return level < 2 * RESOLUTION ? 1 : level / RESOLUTION;
}

/* Whether a level was kept for a short time and not in a longer one. */
static bool short_is_blind(const struct search *search)
{
    for (uint32_t i = 0; i < search->count; i++) {
        const struct search_try *one = &search->tries[i];
        if (!one->longer && !one->recovery && one->outcome == SEARCH_KEPT &&
            has_longer(search, one->level) &&
            outcome_of(search_tally(search, one->level)) != SEARCH_KEPT)
            return true;
    }
    return false;
}

/* The edge is as close as it will be: is it certain? Short tries don't count for that. */
static bool next_repeat(const struct search *search, uint32_t kept, uint32_t above, uint32_t *level)
{
    struct search_tally none = {0};
    struct search_tally below_tally = has_longer(search, kept) ? search_tally(search, kept) : none;
    struct search_tally above_tally =
        has_longer(search, above) ? search_tally(search, above) : none;
    *level = kept;
    if (kept > 0 && below_tally.kept + below_tally.missed < REPEATS_BELOW &&
        tries_of(below_tally) < TRIES_A_LEVEL)
        return true;
    *level = above;
    return above > 0 && tries_of(above_tally) < REPEATS_ABOVE;
}

/* The level to go back to: the highest one kept, or the highest that once was; 0: none ever was. */
static uint32_t last_kept(const struct search *search)
{
    uint32_t last = highest_kept(search, lowest_above(search));
    bool stands = last > 0;
    for (uint32_t i = 0; i < search->count && !stands; i++) {
        const struct search_try *one = &search->tries[i];
        if (!one->recovery && one->outcome == SEARCH_KEPT && one->level > last)
            last = one->level;
    }
    return last;
}

static bool may_have_broken(const struct search *search, const struct search_try *one)
{
    uint32_t kept = last_kept(search);
    if (kept == 0 || one->outcome == SEARCH_KEPT)
        return false;
    return one->nothing || (one->failed_share > 0.5 && one->level <= 2 * kept);
}

/* How it stands with a server that the last level may have broken. */
struct check {
    const struct search_try *broken_by; /* NULL: it is well */
    uint32_t tries;                     /* of the last kept level since, ... */
    bool missed;                        /* ... in one of which it was not the generator's limit */
};

static struct check check_server(const struct search *search)
{
    struct check check = {0};
    bool kept = false;
    uint32_t i = search->count;
    for (; i > 0 && search->tries[i - 1].recovery; i--, check.tries++) {
        kept |= search->tries[i - 1].outcome == SEARCH_KEPT;
        check.missed |= search->tries[i - 1].outcome == SEARCH_MISSED;
    }
    if (i > 0 && !kept && may_have_broken(search, &search->tries[i - 1]))
        check.broken_by = &search->tries[i - 1];
    return check;
}

uint32_t search_recovers_from(const struct search *search, uint32_t index, uint32_t *nth)
{
    assert(index < search->count);
    for (*nth = 0; index > 0 && search->tries[index].recovery; index--)
        ++*nth;
    return search->tries[index].level;
}

bool search_next(const struct search *search, struct search_wish *wish)
{
    uint32_t above = lowest_above(search);
    uint32_t kept = highest_kept(search, above);
    struct check check = check_server(search);
    *wish = (struct search_wish){.longer = short_is_blind(search)};
    if (search->count == SEARCH_TRIES_MAX)
        return false;
    if (check.broken_by) {
        *wish = (struct search_wish){.level = last_kept(search), .recovery = true};
        wish->not_before_ns = check.broken_by->ended_ns + check.tries * CHECK_EVERY_NS;
        return check.tries < SEARCH_CHECKS;
    }
    if (find_open(search, &wish->level)) {
        wish->longer |= has_longer(search, wish->level);
        return true;
    }
    if (above == 0 && kept < search->most) {
        wish->level = kept == 0 ? search->start : kept > search->most / 2 ? search->most : 2 * kept;
        return true;
    }
    if (above > 0 && above - kept > step_at(kept)) {
        wish->level = kept + (above - kept) / 2;
        return true;
    }
    wish->longer = true;
    return next_repeat(search, kept, above, &wish->level);
}

/* In the kept tries of a level: in those that count, where there is one. */
static uint32_t least_reached(const struct search *search, uint32_t level)
{
    uint32_t least = level;
    bool longer = search_tally(search, level).kept > 0 && has_longer(search, level);
    for (uint32_t i = 0; i < search->count; i++) {
        const struct search_try *one = &search->tries[i];
        if (one->level == level && one->longer == longer && !one->recovery &&
            one->outcome == SEARCH_KEPT && one->reached < least)
            least = one->reached;
    }
    return least;
}

static enum search_confidence confidence_of(const struct search_result *result)
{
    const struct search_tally *below = &result->at_level, *above = &result->at_above;
    if (result->level == 0)
        return SEARCH_NONE;
    bool below_sure = below->kept >= REPEATS_BELOW && below->missed == 0;
    bool above_sure = above->kept == 0 && above->missed + above->limited >= REPEATS_ABOVE &&
                      result->above - result->level <= step_at(result->level);
    if (result->edge == SEARCH_EDGE_MOST)
        above_sure = true;
    return below_sure && above_sure ? SEARCH_HIGH : SEARCH_LOW;
}

static enum search_edge edge_of(const struct search *search, const struct search_result *result)
{
    if (result->broken_by > 0)
        return check_server(search).missed ? SEARCH_EDGE_SERVER : SEARCH_EDGE_LIMITED;
    if (result->above == 0)
        return result->level == search->most ? SEARCH_EDGE_MOST : SEARCH_EDGE_OPEN;
    return outcome_of(result->at_above) == SEARCH_LIMITED ? SEARCH_EDGE_LIMITED
                                                          : SEARCH_EDGE_MISSED;
}

struct search_result search_result(const struct search *search)
{
    uint32_t above = lowest_above(search);
    struct search_result result = {.above = above, .level = highest_kept(search, above)};
    struct check check = check_server(search);
    if (check.broken_by && check.tries == SEARCH_CHECKS) {
        result.broken_by = check.broken_by->level;
        result.level = last_kept(search);
    }
    result.number = least_reached(search, result.level);
    result.at_level = search_tally(search, result.level);
    result.at_above = search_tally(search, above);
    result.edge = edge_of(search, &result);
    result.confidence = confidence_of(&result);
    return result;
}

const char *search_outcome_name(enum search_outcome outcome)
{
    static const char *const names[] = {"kept", "missed", "limited"};
    return names[outcome];
}

const char *search_confidence_name(enum search_confidence confidence)
{
    static const char *const names[] = {"none", "low", "high"};
    return names[confidence];
}
