#include "test.h"

#include "base/clock.h"
#include "load/search.h"

/* A server that takes so many; where flip says so, the try-th try of a level goes the other way. */
struct simulated {
    uint32_t holds;
    uint32_t generator_holds; /* beyond it our own machine is the limit; 0: never */
    double tolerates;         /* share of a level that may be refused and yet be kept */
    bool (*flip)(uint32_t level, uint32_t tried);
    uint32_t holds_shortly; /* what it takes for a short time, over holds; 0: no more than that */
};

static struct search_try serve(const struct simulated *server, struct search_wish wish,
                               uint32_t tried)
{
    uint32_t level = wish.level;
    uint32_t holds =
        server->holds_shortly > 0 && !wish.longer ? server->holds_shortly : server->holds;
    uint32_t reached = level < holds ? level : holds;
    bool kept = level - reached <= server->tolerates * level;
    if (server->flip && server->flip(level, tried))
        kept = !kept;
    struct search_try done = {.level = level,
                              .reached = reached,
                              .outcome = kept ? SEARCH_KEPT : SEARCH_MISSED,
                              .longer = wish.longer};
    if (server->generator_holds > 0 && level > server->generator_holds)
        done.outcome = SEARCH_LIMITED;
    return done;
}

static struct search_result find(const struct simulated *server, uint32_t start, uint32_t most,
                                 struct search *search)
{
    struct search_wish wish;
    search_init(search, start, most);
    while (search_next(search, &wish)) {
        assert_true(wish.level >= 1 && wish.level <= most);
        struct search_tally before = search_tally(search, wish.level);
        struct search_try done = serve(server, wish, before.kept + before.missed + before.limited);
        search_tell(search, &done);
    }
    return search_result(search);
}

/* Exact below 200, within a hundredth above; certain where nothing flickers. */
static void test_every_number_is_found(void **state)
{
    static struct search search;
    for (uint32_t holds = 1; holds <= 3000; holds += holds < 300 ? 1 : 37) {
        struct simulated server = {.holds = holds};
        struct search_result result = find(&server, 10, 10000, &search);
        assert_true(result.number <= holds);
        assert_true(holds - result.number < (holds < 200 ? 1u : holds / 100 + 1));
        assert_int_equal(result.confidence, SEARCH_HIGH);
        assert_int_equal(result.edge, SEARCH_EDGE_MISSED);
        assert_true(result.at_level.kept == 3 && result.at_above.missed == 2);
        assert_true(search.count <= 32);
    }
}

/* Where an objective tolerates some refusals, the answer is what was held, not what was asked. */
static void test_tolerance_does_not_inflate(void **state)
{
    static struct search search;
    struct simulated server = {.holds = 137, .tolerates = 0.01};
    struct search_result result = find(&server, 10, 10000, &search);
    assert_int_equal(result.number, 137);
    assert_int_equal(result.level, 138);
    assert_int_equal(result.above, 139);
    server.holds = 5000;
    assert_int_equal(find(&server, 10, 10000, &search).number, 5000);
}

/* A queue hides for a short time that a level is too much: the longer tries of the edge see it, and
   find the true one without beginning anew. */
static void test_a_queue_hides_the_edge(void **state)
{
    static struct search search;
    for (uint32_t holds = 1; holds <= 3000; holds += holds < 300 ? 1 : 37) {
        struct simulated server = {.holds = holds, .holds_shortly = holds + 1 + holds / 10};
        struct search_result result = find(&server, 10, 10000, &search);
        assert_true(result.number <= holds);
        assert_true(holds - result.number < (holds < 200 ? 1u : holds / 100 + 1));
        assert_int_equal(result.confidence, SEARCH_HIGH);
        assert_true(result.at_level.kept == 3 && result.at_above.missed == 2);
        assert_true(search.count <= 45);
    }
}

static void test_nothing_is_kept(void **state)
{
    static struct search search;
    struct simulated server = {.holds = 0};
    struct search_result result = find(&server, 10, 10000, &search);
    assert_int_equal(result.number, 0);
    assert_int_equal(result.level, 0);
    assert_int_equal(result.above, 1);
    assert_int_equal(result.confidence, SEARCH_NONE);
}

static void test_the_bound_is_kept(void **state)
{
    static struct search search;
    struct simulated server = {.holds = 1000000};
    static const uint32_t bounds[] = {1, 9, 10, 11, 640, 999, 10000};
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        uint32_t start = bounds[i] < 10 ? bounds[i] : 10;
        struct search_result result = find(&server, start, bounds[i], &search);
        assert_int_equal(result.number, bounds[i]);
        assert_int_equal(result.above, 0);
        assert_int_equal(result.edge, SEARCH_EDGE_MOST);
        assert_int_equal(result.confidence, SEARCH_HIGH);
        assert_int_equal(result.at_level.kept, 3);
    }
}

static void test_the_generator_is_the_limit(void **state)
{
    static struct search search;
    struct simulated server = {.holds = 1000000, .generator_holds = 150};
    struct search_result result = find(&server, 10, 10000, &search);
    assert_int_equal(result.number, 150);
    assert_int_equal(result.above, 151);
    assert_int_equal(result.edge, SEARCH_EDGE_LIMITED);
    assert_int_equal(result.at_above.limited, 2);
    server.holds = 120; /* the server gives way first: that is its own number */
    result = find(&server, 10, 10000, &search);
    assert_int_equal(result.number, 120);
    assert_int_equal(result.edge, SEARCH_EDGE_MISSED);
}

/* A miss that does not repeat costs time, not truth. */
static bool fluke_at_40(uint32_t level, uint32_t tried)
{
    return level == 40 && tried == 0;
}

static void test_a_fluke_is_seen_through(void **state)
{
    static struct search search;
    struct simulated server = {.holds = 137, .flip = fluke_at_40};
    struct search_result result = find(&server, 10, 10000, &search);
    assert_int_equal(result.number, 137);
    assert_int_equal(result.confidence, SEARCH_HIGH);
}

/* A level that holds but now and then is no level to name with confidence. */
static bool fails_every_other_time(uint32_t level, uint32_t tried)
{
    return level > 100 && level <= 137 && tried % 2 == 1;
}

static void test_a_wavering_edge(void **state)
{
    static struct search search;
    struct simulated server = {.holds = 137, .flip = fails_every_other_time};
    struct search_result result = find(&server, 10, 10000, &search);
    assert_in_range(result.number, 100, 137);
    assert_int_equal(result.confidence, SEARCH_LOW);
    assert_true(result.at_level.kept > result.at_level.missed);
}

/* Whatever the outcomes, it ends, and asks for levels within its bounds. */
static void test_noise_ends(void **state)
{
    static struct search search;
    for (uint32_t seed = 1; seed <= 2000; seed++) {
        uint32_t random = seed * 2654435761u;
        struct search_wish wish;
        search_init(&search, 10, 1000);
        while (search_next(&search, &wish)) {
            assert_true(wish.level >= 1 && wish.level <= 1000);
            random = random * 1664525u + 1013904223u;
            struct search_try done = {.level = wish.level,
                                      .reached = wish.level,
                                      .outcome = (enum search_outcome)((random >> 16) % 3),
                                      .longer = wish.longer,
                                      .recovery = wish.recovery,
                                      .nothing = (random >> 20) % 4 == 0,
                                      .failed_share = (double)(random >> 24) / 256};
            search_tell(&search, &done);
        }
        struct search_result result = search_result(&search);
        assert_true(result.level <= 1000);
        assert_true(result.above == 0 || result.above > result.level || result.broken_by > 0);
    }
}

static void test_stopped_early(void **state)
{
    static struct search search;
    struct simulated server = {.holds = 137};
    struct search_wish wish;
    search_init(&search, 10, 1000);
    assert_int_equal(search_result(&search).level, 0);
    assert_int_equal(search_result(&search).edge, SEARCH_EDGE_OPEN);
    for (int i = 0; i < 6; i++) { /* 10 20 40 80 160, 120 */
        assert_true(search_next(&search, &wish));
        struct search_try done = serve(&server, wish, 0);
        search_tell(&search, &done);
    }
    struct search_result result = search_result(&search);
    assert_int_equal(result.number, 120);
    assert_int_equal(result.above, 160);
    assert_int_equal(result.confidence, SEARCH_LOW);
}

#define FOR_GOOD UINT32_MAX
#define TRY_NS (10 * NS_PER_S)

/* A server that a level breaks: so many tries from then on come to nothing. */
struct fragile {
    uint32_t breaks_at;
    uint32_t stays_broken; /* tries */
    bool half;             /* it still takes some: not nothing, but most of a level fails */
    enum search_outcome broken_outcome;
    uint32_t broken; /* tries still to come to nothing */
    uint64_t now_ns; /* at the end of the last try */
};

static struct search_try serve_fragile(struct fragile *server, struct search_wish wish)
{
    struct search_try done = {.level = wish.level,
                              .reached = wish.level,
                              .longer = wish.longer,
                              .recovery = wish.recovery};
    bool breaks = wish.level >= server->breaks_at;
    if (breaks || server->broken > 0) {
        done.reached = 0;
        done.outcome = breaks ? SEARCH_MISSED : server->broken_outcome;
        done.nothing = !server->half;
        done.failed_share = 0.51;
    }
    if (breaks)
        server->broken = server->stays_broken;
    else if (server->broken > 0 && server->broken != FOR_GOOD)
        server->broken--;
    if (server->now_ns < wish.not_before_ns)
        server->now_ns = wish.not_before_ns;
    server->now_ns += TRY_NS;
    done.ended_ns = server->now_ns;
    return done;
}

static struct search_result find_fragile(struct fragile *server, uint32_t most,
                                         struct search *search)
{
    struct search_wish wish;
    search_init(search, 10, most);
    while (search_next(search, &wish)) {
        assert_true(wish.level >= 1 && wish.level <= most);
        struct search_try done = serve_fragile(server, wish);
        search_tell(search, &done);
    }
    return search_result(search);
}

/* 10, 20, ... 640 are kept, 1,120 breaks it. 640 is read three times again, within 30 s or more. */
static void test_broken_for_good(void **state)
{
    static struct search search;
    static const uint32_t broken_at_s[] = {0, 15, 30}; /* since the level's end */
    for (unsigned half = 0; half < 2; half++) {
        struct fragile server = {.breaks_at = 1000,
                                 .stays_broken = FOR_GOOD,
                                 .half = half,
                                 .broken_outcome = SEARCH_MISSED};
        struct search_result result = find_fragile(&server, 1120, &search);
        assert_int_equal(search.count, 7 + 1 + 3);
        const struct search_try *broke = &search.tries[7];
        assert_int_equal(broke->level, 1120);
        for (uint32_t i = 0; i < 3; i++) {
            const struct search_try *one = broke + 1 + i;
            uint32_t nth;
            assert_true(one->recovery && one->level == 640);
            assert_true(one->ended_ns - TRY_NS >= broke->ended_ns + broken_at_s[i] * NS_PER_S);
            assert_int_equal(search_recovers_from(&search, 8 + i, &nth), 1120);
            assert_int_equal(nth, i + 1);
        }
        assert_int_equal(result.edge, SEARCH_EDGE_SERVER);
        assert_true(result.number == 640 && result.level == 640 && result.broken_by == 1120);
        assert_true(result.at_level.kept == 1 && result.at_level.missed == 0);
        assert_int_equal(result.confidence, SEARCH_LOW);
    }
}

/* Where it recovers in time the answer is as of any other server, and as certain. */
static void test_broken_and_recovered(void **state)
{
    static struct search search;
    for (uint32_t stays = 0; stays <= 3; stays++) {
        for (unsigned half = 0; half < 2; half++) {
            struct fragile server = {.breaks_at = 138,
                                     .stays_broken = stays,
                                     .half = half,
                                     .broken_outcome = SEARCH_MISSED};
            struct search_result result = find_fragile(&server, 10000, &search);
            if (stays == 3) {
                assert_int_equal(result.edge, SEARCH_EDGE_SERVER);
                assert_true(result.number == 80 && result.broken_by == 160);
                continue;
            }
            assert_true(result.number == 137 && result.above == 138 && result.broken_by == 0);
            assert_int_equal(result.edge, SEARCH_EDGE_MISSED);
            assert_int_equal(result.confidence, SEARCH_HIGH);
            assert_true(result.at_level.kept == 3 && result.at_above.missed == 2);
        }
    }
}

/* There is nothing to go back to: it ends as it would, without a try to spare. */
static void test_broken_from_the_start(void **state)
{
    static struct search search;
    struct fragile server = {.breaks_at = 1};
    struct search_result result = find_fragile(&server, 10000, &search);
    assert_int_equal(result.level, 0);
    assert_int_equal(result.edge, SEARCH_EDGE_MISSED);
    assert_int_equal(search.count, 4 + 2); /* 10 5 2 1, and 1 twice for longer */
    for (uint32_t i = 0; i < search.count; i++)
        assert_false(search.tries[i].recovery);
}

/* The last level kept for a short time breaks it in the long try: that is what was kept. */
static void test_broken_by_the_longer_try(void **state)
{
    static struct search search;
    struct search_wish wish;
    struct search_try kept = {.level = 10, .reached = 9}, broken = {.level = 10, .nothing = true};
    search_init(&search, 10, 10);
    search_tell(&search, &kept);
    assert_true(search_next(&search, &wish) && wish.level == 10 && wish.longer);
    broken.outcome = SEARCH_MISSED;
    broken.longer = true;
    search_tell(&search, &broken);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(search_next(&search, &wish) && wish.level == 10 && wish.recovery);
        struct search_try again = {
            .level = 10, .outcome = SEARCH_MISSED, .nothing = true, .recovery = true};
        search_tell(&search, &again);
    }
    assert_false(search_next(&search, &wish));
    struct search_result result = search_result(&search);
    assert_int_equal(result.edge, SEARCH_EDGE_SERVER);
    assert_true(result.level == 10 && result.number == 9 && result.broken_by == 10);
}

/* Whether a level that was missed calls for a look at the server. */
static void test_what_may_have_broken_it(void **state)
{
    static struct search search;
    static const struct {
        uint32_t level;
        bool nothing;
        double failed_share;
        enum search_outcome outcome;
        bool looks;
    } rows[] = {
        {20, true, 0, SEARCH_MISSED, true},    {20, true, 0, SEARCH_LIMITED, true},
        {50, true, 0, SEARCH_MISSED, true},    {20, false, 0.5, SEARCH_MISSED, false},
        {20, false, 0.51, SEARCH_KEPT, false}, {20, false, 0.51, SEARCH_MISSED, true},
        {21, false, 1, SEARCH_MISSED, false},  {5, false, 0.51, SEARCH_MISSED, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct search_wish wish;
        struct search_try kept = {.level = 10, .reached = 10};
        struct search_try done = {.level = rows[i].level,
                                  .outcome = rows[i].outcome,
                                  .nothing = rows[i].nothing,
                                  .failed_share = rows[i].failed_share};
        search_init(&search, 10, 1000);
        search_tell(&search, &kept);
        search_tell(&search, &done);
        assert_true(search_next(&search, &wish));
        assert_int_equal(wish.recovery, rows[i].looks);
    }
}

/* Where the generator is the limit in each look, nothing is known of the server. */
static void test_broken_or_limited(void **state)
{
    static struct search search;
    struct fragile server = {
        .breaks_at = 1000, .stays_broken = FOR_GOOD, .broken_outcome = SEARCH_LIMITED};
    struct search_result result = find_fragile(&server, 1120, &search);
    assert_int_equal(result.edge, SEARCH_EDGE_LIMITED);
    assert_true(result.number == 640 && result.broken_by == 1120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_is_found),
        cmocka_unit_test(test_tolerance_does_not_inflate),
        cmocka_unit_test(test_a_queue_hides_the_edge),
        cmocka_unit_test(test_nothing_is_kept),
        cmocka_unit_test(test_the_bound_is_kept),
        cmocka_unit_test(test_the_generator_is_the_limit),
        cmocka_unit_test(test_a_fluke_is_seen_through),
        cmocka_unit_test(test_a_wavering_edge),
        cmocka_unit_test(test_noise_ends),
        cmocka_unit_test(test_stopped_early),
        cmocka_unit_test(test_broken_for_good),
        cmocka_unit_test(test_broken_and_recovered),
        cmocka_unit_test(test_broken_from_the_start),
        cmocka_unit_test(test_broken_by_the_longer_try),
        cmocka_unit_test(test_what_may_have_broken_it),
        cmocka_unit_test(test_broken_or_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
