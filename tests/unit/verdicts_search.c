/* What a search says of a server: each of its levels is a run on the simulated network, with the
 * usual objectives, held for 4 s, at the edge for 12 s. */
#include "verdicts.h"

#include <stdlib.h>

#include "load/search.h"

#define START 10u
#define MOST 40u
#define RATE 100.0 /* sessions begun a second */
#define SETTLE_S 1.0
#define HOLD_S 4.0
#define COOL_DOWN_NS NS_PER_S
#define REACHED 0.95 /* of a level, at least */

struct search_row {
    const char *name;
    const char *paths[VERDICT_PATHS];
    const char *slo; /* besides the usual ones */
    bool publish;
    bool no_reports;
    bool dead;             /* from the start */
    uint32_t limited_over; /* sessions: beyond them we lag, and lose; 0: never */
    /* The server dies (or freezes) in its first level of more than so many sessions, 2 s after the
       run's start, for so long. 0 s: for good. */
    uint32_t breaks_over;
    bool freezes;
    double down_s;

    uint32_t number;
    enum search_edge edge;
};

struct searched {
    const struct search_row *row;
    struct search search;
    struct search_wish wish;
    uint64_t now_ns;
    bool broken;
    uint64_t back_ns; /* when it is well again */
    uint32_t least_active;
    uint64_t steady_ns, end_ns;
};

/* As find-max looks: at the fewest that are up while the level is held. */
static void look(void *context, const struct snapshot *snapshot)
{
    struct searched *find = context;
    bool held =
        snapshot && snapshot->elapsed_ns >= find->steady_ns && snapshot->elapsed_ns <= find->end_ns;
    if (held && snapshot->total->active < find->least_active)
        find->least_active = snapshot->total->active;
}

static void conclude(void *context, const struct snapshot *snapshot)
{
    struct searched *find = context;
    uint32_t level = find->wish.level;
    bool kept = true;
    for (uint32_t i = 0; i < snapshot->slo_count; i++)
        kept &= snapshot->slos[i].ok;
    struct search_try done = {.level = level,
                              .longer = find->wish.longer,
                              .recovery = find->wish.recovery,
                              .reached = find->least_active,
                              .failed_share = snapshot_failed_share(snapshot),
                              .ended_ns = find->now_ns + find->end_ns};
    done.nothing = snapshot->total->sessions.established == 0 || snapshot_lacks_media(snapshot);
    kept &= done.reached >= REACHED * level && !done.nothing;
    done.outcome = kept ? SEARCH_KEPT : snapshot->generator.limits ? SEARCH_LIMITED : SEARCH_MISSED;
    search_tell(&find->search, &done);
    find->now_ns += find->end_ns;
}

/* Down already, or about to be. */
static void set_troubles(struct searched *find, struct verdict_row *level)
{
    const struct search_row *row = find->row;
    uint64_t down_ns = row->down_s > 0 ? (uint64_t)(row->down_s * 1e9) : 86400 * NS_PER_S;
    struct verdict_event *events = level->events;
    if (row->dead) {
        level->absent = true;
    } else if (find->broken && find->now_ns < find->back_ns) {
        level->absent = !row->freezes;
        uint64_t left_ns = find->back_ns - find->now_ns;
        if (row->freezes)
            *events++ = (struct verdict_event){1, SERVER_FREEZES};
        *events = (struct verdict_event){(uint32_t)(left_ns / NS_PER_MS),
                                         row->freezes ? SERVER_GOES_ON : SERVER_STARTS};
    } else if (!find->broken && row->breaks_over > 0 && find->wish.level > row->breaks_over) {
        find->broken = true;
        find->back_ns = find->now_ns + 2 * NS_PER_S + down_ns;
        events[0] = (struct verdict_event){2000, row->freezes ? SERVER_FREEZES : SERVER_DIES};
        events[1] = (struct verdict_event){(uint32_t)(2000 + down_ns / NS_PER_MS),
                                           row->freezes ? SERVER_GOES_ON : SERVER_STARTS};
    }
}

static void try_level(struct searched *find)
{
    static const char *const of_readers[] = {"+failed_ratio<1%", "+no_media_ratio<1%",
                                             "+startup.p95<1s", "+loss_ratio<0.1%"};
    static const char *const of_publishers[] = {"+failed_ratio<1%", "+startup.p95<1s",
                                                "+published.dropped_ratio<0.1%"};
    const struct search_row *row = find->row;
    double warmup_s = find->wish.level / RATE + SETTLE_S;
    struct verdict_row level = {
        .name = row->name,
        .publish = row->publish,
        .no_reports = row->no_reports,
        .readers = find->wish.level,
        .rate = RATE,
        .warmup_s = warmup_s,
        .seconds = warmup_s + (find->wish.longer ? 3 * HOLD_S : HOLD_S),
    };
    memcpy(level.paths, row->paths, sizeof(level.paths));
    if (row->publish)
        memcpy(level.slos, of_publishers, sizeof(of_publishers));
    else
        memcpy(level.slos, of_readers, sizeof(of_readers));
    level.slos[4] = level.slos[3] ? row->slo : NULL;
    if (row->limited_over > 0 && find->wish.level > row->limited_over) {
        level.lags[0] = (struct verdict_lag){METRIC_LOOP_LAG, 2, 3, 1, 600};
        level.paths[0] = "a?drop=1/20";
    }
    if (find->now_ns < find->wish.not_before_ns)
        find->now_ns = find->wish.not_before_ns;
    set_troubles(find, &level);
    find->steady_ns = (uint64_t)(level.warmup_s * 1e9);
    find->end_ns = (uint64_t)(level.seconds * 1e9);
    find->least_active = UINT32_MAX;
    verdicts_read(&level, look, conclude, find);
    find->now_ns += COOL_DOWN_NS;
}

static bool holds(const struct search_row *row)
{
    static struct searched find;
    find = (struct searched){.row = row};
    search_init(&find.search, START, MOST);
    while (search_next(&find.search, &find.wish))
        try_level(&find);
    struct search_result result = search_result(&find.search);
    if (result.number == row->number && result.edge == row->edge)
        return true;
    print_error("%s: expected %u, edge %d; is %u, edge %d, above %u\n", row->name, row->number,
                (int)row->edge, result.number, (int)result.edge, result.above);
    for (uint32_t i = 0; i < find.search.count; i++) {
        const struct search_try *one = &find.search.tries[i];
        print_error("  %u%s%s: %s, reached %u%s\n", one->level, one->longer ? " longer" : "",
                    one->recovery ? " again" : "", search_outcome_name(one->outcome), one->reached,
                    one->nothing ? ", nothing" : "");
    }
    return false;
}

static void test_searches(void **state)
{
    static const struct search_row rows[] = {
        {"healthy", .number = MOST, .edge = SEARCH_EDGE_MOST},
        {"healthy publishers", .publish = true, .paths = {"live/{n}"}, .number = MOST,
         .edge = SEARCH_EDGE_MOST},
        {"publishers without reports", .publish = true, .no_reports = true, .paths = {"live/{n}"},
         .number = MOST, .edge = SEARCH_EDGE_MOST},
        {"a DESCRIBE of 0.5 s", .paths = {"a?describe_delay=500ms"}, .number = MOST,
         .edge = SEARCH_EDGE_MOST},
        {"full", .paths = {"a?max_sessions=13"}, .number = 13, .edge = SEARCH_EDGE_MISSED},
        {"full publishers", .publish = true, .paths = {"live?max_sessions=13"}, .number = 13,
         .edge = SEARCH_EDGE_MISSED},
        /* the first reader is well, the second isn't */
        {"half hangs", .paths = {"a", "b?mute=describe"}, .number = 1, .edge = SEARCH_EDGE_MISSED},
        {"half is silent", .paths = {"a", "b?delay=1h"}, .number = 1, .edge = SEARCH_EDGE_MISSED},
        {"slow", .paths = {"a?describe_delay=2s"}, .number = 0, .edge = SEARCH_EDGE_MISSED},
        {"silent", .paths = {"a?delay=1h"}, .number = 0, .edge = SEARCH_EDGE_MISSED},
        {"lossy", .paths = {"a?drop=1/20"}, .number = 0, .edge = SEARCH_EDGE_MISSED},
        {"dead", .dead = true, .number = 0, .edge = SEARCH_EDGE_MISSED},
        {"we lag", .limited_over = 15, .number = 15, .edge = SEARCH_EDGE_LIMITED},
        /* 10 were kept, 20 were not, and it was never well again */
        {"dies for good", .breaks_over = 15, .number = 10, .edge = SEARCH_EDGE_SERVER},
        {"freezes for good", .breaks_over = 15, .freezes = true, .slo = "+stalled_ratio<1%",
         .number = 10, .edge = SEARCH_EDGE_SERVER},
        /* what befell it once is seen through: a level that was missed is read again at the edge */
        {"restarts, down for 3 s", .breaks_over = 15, .down_s = 3, .number = MOST,
         .edge = SEARCH_EDGE_MOST},
        {"restarts in the first level, down for 3 s", .breaks_over = 5, .down_s = 3, .number = MOST,
         .edge = SEARCH_EDGE_MOST},
        {"restarts, down for 6 s, into the next level", .breaks_over = 15, .down_s = 6,
         .number = MOST, .edge = SEARCH_EDGE_MOST},
        {"restarts, down for 20 s", .breaks_over = 15, .down_s = 20, .number = MOST,
         .edge = SEARCH_EDGE_MOST},
        {"freezes for 3 s", .breaks_over = 15, .freezes = true, .down_s = 3,
         .slo = "+stalled_ratio<1%", .number = MOST, .edge = SEARCH_EDGE_MOST},
    };
    size_t wrong = 0;
    const char *only = getenv("TEST_ROW");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        wrong += (!only || strstr(rows[i].name, only)) && !holds(&rows[i]);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_searches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
