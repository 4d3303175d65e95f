#include "server_world.h"

#include "server/cap.h"

#define RATE 300000.0 /* bytes a second, of the cap alone */
#define READERS 3

/* What a reader wants a millisecond, and the size of its packets. */
struct wish {
    double bytes_per_ms;
    uint64_t packet;
};

/* For each reader, what it got in so many milliseconds of RATE. */
static void share(const struct wish *wishes, unsigned length_ms, uint64_t *got)
{
    struct cap cap = {0};
    struct cap_turn turns[READERS] = {0};
    double wanted[READERS] = {0};
    for (unsigned ms = 0; ms < length_ms; ms++) {
        cap_fill(&cap, RATE / NS_PER_S, READERS, NS_PER_S + ms * NS_PER_MS);
        for (unsigned i = 0; i < READERS; i++)
            wanted[i] += wishes[i].bytes_per_ms;
        for (unsigned idle = 0, i = 0; idle < READERS; i = (i + 1) % READERS, idle++) {
            uint64_t packet = wishes[i].packet;
            uint64_t bytes = 0, allowed = wanted[i] >= packet ? cap_allowance(&cap, &turns[i]) : 0;
            for (; bytes < allowed && wanted[i] >= packet; bytes += packet)
                wanted[i] -= packet;
            if (bytes == 0)
                continue;
            cap_spend(&cap, &turns[i], bytes, wanted[i] >= packet);
            got[i] += bytes;
            idle = 0;
        }
    }
}

/* 10 s of 300,000 bytes, and the tenth of a second that the bucket held at the start. */
static void check_total(const uint64_t *got)
{
    assert_in_range(got[0] + got[1] + got[2], 3030000 - 1500, 3030000 + 1500);
}

/* Whatever the size of their packets. */
static void test_equal_parts(void **state)
{
    static const struct wish wishes[READERS] = {{400, 1400}, {300, 100}, {150, 777}};
    uint64_t got[READERS] = {0};
    share(wishes, 10000, got);
    check_total(got);
    for (unsigned i = 0; i < READERS; i++)
        assert_in_range(got[i], 1010000 - 10000, 1010000 + 10000);
}

/* 40,000 bytes a second are under a third; the other two have the rest in halves, but for what the
   bucket held before anybody had to wait. */
static void test_a_small_wish_is_met(void **state)
{
    static const struct wish wishes[READERS] = {{1000, 1400}, {40, 200}, {200, 1000}};
    uint64_t got[READERS] = {0};
    share(wishes, 10000, got);
    check_total(got);
    assert_in_range(got[1], 400000 - 1500, 400000);
    assert_in_range(got[0], 1315000 - 20000, 1315000 + 20000);
    assert_in_range(got[2], 1315000 - 20000, 1315000 + 20000);
}

/* A million bytes a second: 100,000 at the start, and an overdraft of 1,000 takes 1 ms. */
static void test_the_line(void **state)
{
    struct cap cap = {0};
    struct cap_turn turns[4] = {0};
    cap_fill(&cap, 0.001, 4, NS_PER_S);
    assert_in_range(cap_allowance(&cap, &turns[0]), 100000, 100001);
    cap_spend(&cap, &turns[0], 101000, false);
    assert_null(cap.first);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(cap_allowance(&cap, &turns[i]), 0);
    assert_int_equal(cap_turn_at(&cap, &turns[1]), TIME_NEVER);
    assert_in_range(cap_turn_at(&cap, &turns[0]), 1001 * NS_PER_MS, 1001 * NS_PER_MS + 2);
    cap_fill(&cap, 0.001, 4, 1002 * NS_PER_MS);
    assert_int_equal(cap_allowance(&cap, &turns[3]), 0);
    cap_leave(&cap, &turns[2]);
    cap_leave(&cap, &turns[2]);
    cap_leave(&cap, &turns[0]);
    assert_int_equal(cap_allowance(&cap, &turns[3]), 0);
    assert_in_range(cap_allowance(&cap, &turns[1]), 1000, 1001);
    cap_leave(&cap, &turns[3]);
    cap_leave(&cap, &turns[1]);
    assert_null(cap.first);
    assert_null(cap.last);
}

/* A packet larger than any turn is one turn's. */
static void test_packets_larger_than_a_turn(void **state)
{
    static const struct wish wishes[READERS] = {{400, 20000}, {400, 20000}, {400, 20000}};
    uint64_t got[READERS] = {0};
    share(wishes, 10000, got);
    assert_in_range(got[0] + got[1] + got[2], 3010000, 3050000);
    for (unsigned i = 0; i < READERS; i++)
        assert_in_range(got[i], 1010000 - 40000, 1010000 + 40000);
}

/* 8 Mbit/s are a million bytes a second; of four readers this shard has three. */
static void test_a_shard_has_its_readers_part(void **state)
{
    struct path_registry registry;
    struct path_table *here = calloc(1, sizeof(*here)), *there = calloc(1, sizeof(*there));
    struct target target;
    const struct faults faults = {.bitrate_cap_bps = 8000000};
    assert_int_equal(target_parse(SLICE(BASE "/cam"), &target), TARGET_OK);
    assert_int_equal(path_registry_init(&registry), 0);
    assert_int_equal(path_table_init(here, &registry), 0);
    assert_int_equal(path_table_init(there, &registry), 0);
    struct path *three = path_add(here, &target, NULL, &faults);
    struct path *one = path_add(there, &target, NULL, &faults);
    for (unsigned i = 0; i < 3; i++)
        path_play(three);
    path_play(one);
    path_fill_cap(three, NS_PER_S);
    path_fill_cap(one, NS_PER_S);
    assert_in_range(three->cap.bytes, 74999, 75001);
    assert_in_range(one->cap.bytes, 24999, 25001);
    path_rest(three);
    path_rest(three);
    path_fill_cap(three, 2 * NS_PER_S);
    assert_in_range(three->cap.bytes, 49999, 50001);
    path_table_dispose(here);
    path_table_dispose(there);
    path_registry_dispose(&registry);
    free(here);
    free(there);
}

#define CAPPED "/cam?bitrate_cap=1232k"

static struct client *play_sound(struct world *world, unsigned number)
{
    struct client *client = connect_client(world, number);
    assert_int_equal(ask(world, client, "SETUP", CAPPED "/trackID=1", TCP(0, 1)), 200);
    assert_int_equal(ask(world, client, "PLAY", CAPPED, SESSION), 200);
    return client;
}

static void check_whole(const struct truth_counts *counts)
{
    assert_in_range(counts->bytes, 600000, 606500);
    assert_in_range(counts->dropped_inside, 195, 250);
    assert_in_range(counts->dropped - counts->dropped_inside, 8, 27);
}

static void check_sound(const struct truth_counts *counts)
{
    assert_in_range(counts->bytes, 79800, 81000);
    assert_int_equal(counts->dropped_inside, 0);
    assert_in_range(counts->dropped, 0, 3);
}

/* Five readers want 34,000 bytes a second, a sixth only its sound, which is 4,000. Of 154,000 that
   one has all of it and the others 30,000 each, and a fifth of the bucket's 15,400: 4,000 too few
   are 235 packets in 20 s. What waits when they say goodbye was not older than 200 ms at the last
   turn, at most 60 ms before. */
static void test_a_line_that_is_too_narrow(void **state)
{
    struct world *world = world_new(30, NULL);
    struct client *clients[6];
    for (unsigned i = 0; i < 6; i++)
        clients[i] = i == 2 ? play_sound(world, i) : play(world, i, CAPPED);
    run(world, 20 * NS_PER_S);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(ask(world, clients[i], "TEARDOWN", CAPPED, SESSION), 200);
    run(world, NS_PER_S);
    assert_int_equal(world->ended_count, 6);
    for (unsigned i = 0; i < 6; i++) {
        bool sound = world->ended[i].track_count == 1;
        (sound ? check_sound : check_whole)(&world->ended[i].counts);
    }
    world_free(world);
}

/* Whoever has gone leaves its part to the others, however it went. */
static void test_the_others_go_on(void **state)
{
    struct world *world = world_new(31, NULL);
    struct client *clients[8];
    for (unsigned i = 0; i < 8; i++)
        clients[i] = play(world, i, CAPPED);
    run(world, 3 * NS_PER_S);
    assert_int_equal(ask(world, clients[0], "PAUSE", CAPPED, SESSION), 200);
    assert_int_equal(ask(world, clients[1], "TEARDOWN", CAPPED, SESSION), 200);
    loop_close(world->loop, clients[2]->socket, true);
    loop_close(world->loop, clients[3]->socket, false);
    run(world, NS_PER_S);
    uint64_t missed[8], heard[8];
    for (unsigned i = 4; i < 8; i++) {
        missed[i] = missing(&clients[i]->heard[0]);
        heard[i] = clients[i]->heard[0].packets;
        assert_true(missed[i] > 0);
    }
    run(world, 5 * NS_PER_S);
    for (unsigned i = 4; i < 8; i++) {
        assert_int_equal(missing(&clients[i]->heard[0]), missed[i]);
        assert_in_range(clients[i]->heard[0].packets - heard[i], 297, 312);
    }
    assert_int_equal(ask(world, clients[0], "PLAY", CAPPED, SESSION), 200);
    run(world, NS_PER_S);
    assert_int_equal(ask(world, clients[0], "TEARDOWN", CAPPED, SESSION), 200);
    world_free(world);
}

/* A cap of one reader's wish, and a second one that leaves the line at its head or end. */
static void test_the_turn_is_passed_on(void **state)
{
    static const char *const path = "/cam?bitrate_cap=272k";
    struct world *world = world_new(32, NULL);
    struct client *stays = play(world, 0, path), *leaves = play(world, 1, path);
    for (unsigned i = 0; i < 20; i++) {
        run(world, 500 * NS_PER_MS + i * 7 * NS_PER_MS);
        assert_int_equal(ask(world, leaves, "PAUSE", path, SESSION), 200);
        uint64_t bytes = stays->heard[0].bytes + stays->heard[1].bytes;
        run(world, 300 * NS_PER_MS);
        bytes = stays->heard[0].bytes + stays->heard[1].bytes - bytes;
        assert_in_range(bytes, 34000 * 3 / 10 - 2000, 34000 * 3 / 10 + 3400 + 2000);
        assert_int_equal(ask(world, leaves, "PLAY", path, SESSION), 200);
    }
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_parts),
        cmocka_unit_test(test_a_small_wish_is_met),
        cmocka_unit_test(test_the_line),
        cmocka_unit_test(test_packets_larger_than_a_turn),
        cmocka_unit_test(test_a_shard_has_its_readers_part),
        cmocka_unit_test(test_a_line_that_is_too_narrow),
        cmocka_unit_test(test_the_others_go_on),
        cmocka_unit_test(test_the_turn_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
