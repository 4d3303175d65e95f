/* A thousand random schedules: faults of the network, of the server, stops at any time. Whatever
 * happens, the client's invariants hold after every turn and the same seed gives the same result.
 */
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/rng.h"

#define SCHEDULES 1000u

static uint32_t once_in(struct rng *rng, uint32_t n, uint32_t most)
{
    return rng_below(rng, n) == 0 ? (uint32_t)rng_below(rng, most) + 1 : 0;
}

static struct sim_faults random_faults(struct rng *rng)
{
    return (struct sim_faults){
        .latency_ns = rng_below(rng, 30) * NS_PER_MS,
        .latency_jitter_ns = once_in(rng, 3, 20) * NS_PER_MS,
        .segment_max = once_in(rng, 3, 100),
        .refuse_ppm = once_in(rng, 4, 500000),
        .black_hole_ppm = once_in(rng, 6, 300000),
        .reset_ppm = once_in(rng, 4, 20000),
        .eof_ppm = once_in(rng, 4, 20000),
        .stall_ppm = once_in(rng, 4, 10000),
        .corrupt_ppm = once_in(rng, 3, 30000),
        .drop_ppm = once_in(rng, 3, 200000),
        .duplicate_ppm = once_in(rng, 3, 200000),
        .reorder_ppm = once_in(rng, 3, 200000),
        .send_full_ppm = once_in(rng, 3, 500000),
        .no_socket_ppm = once_in(rng, 6, 200000),
    };
}

static const char *random_url(struct rng *rng)
{
    static const char *const urls[] = {
        "two",
        "two?drop=1/20&dup=1/20&reorder=1/20",
        "two?stall=2s/4s",
        "two?reset_after=1s",
        "two?close_after=1500ms",
        "two?status=503",
        "two?status=401",
        "two?status=454",
        "two?status=461",
        "two?status=459",
        "two?describe_delay=3s",
        "two?mute=describe",
        "two?mute=setup",
        "two?mute=play",
        "two?mute=teardown",
        "two?mute=options",
        "two?session_timeout=1s",
        "two?max_sessions=3",
        "two?bitrate_cap=100k",
        "two?queue=5&stall=1s/2s",
        "two?seq=65530",
        "two?status=301",
        "two?stall=6s/7s",
        "two?mute=announce",
        "two?mute=record",
        "{n}?stall=1s/2s",
        "{n}",
    };
    static char url[128];
    snprintf(url, sizeof(url), "rtsp://" WORLD_HOST ":554/%s",
             urls[rng_below(rng, sizeof(urls) / sizeof(urls[0]))]);
    return url;
}

/* A request with it is longer than what can be kept of one that was sent in part. */
static const char *long_header(void)
{
    static char line[3000] = "X-Long: ";
    memset(line + 8, 'x', sizeof(line) - 11);
    memcpy(line + sizeof(line) - 3, "\r\n", 3);
    return line;
}

/* Readers that come and go, and change streams. */
static void add_churn(struct plan *plan, struct rng *rng)
{
    static const char *const profiles[] = {"constant", "ramp", "burst", "step", "spike", "sine"};
    static const char *const spans[] = {"300ms", "uniform:50ms,2s", "exp:800ms",
                                        "lognormal:500ms,1.0"};
    char said[256];
    struct text error = text_init(said, sizeof(said));
    assert_true(profile_parse(profiles[rng_below(rng, 6)], &plan->profile, &error));
    if (rng_below(rng, 2))
        assert_true(distribution_parse(spans[rng_below(rng, 4)], &plan->life));
    if (rng_below(rng, 2))
        assert_true(distribution_parse(spans[rng_below(rng, 4)], &plan->zap));
    plan->zipf = (double)rng_below(rng, 3) / 2;
    plan->open = rng_below(rng, 3) == 0;
    plan->adaptive = rng_below(rng, 3) == 0;
    plan->bad_ratio = rng_below(rng, 2) ? 0.5 : 0;
    for (unsigned i = 0; i < MISBEHAVIOURS && plan->bad_ratio > 0; i++)
        plan->bad_weights[i] = 1;
    plan->bad_after_ns = once_in(rng, 2, 2000) * NS_PER_MS;
}

static void make_schedule(struct world *world, uint64_t seed)
{
    struct rng rng = rng_init(seed, 1, 1);
    struct plan *plan = &world->plan;
    world_init(world, random_url(&rng));
    while (rng_below(&rng, 2))
        world_add_url(world, random_url(&rng));
    if (rng_below(&rng, 10) == 0)
        world_add_url(world, "rtsp://10.9.9.7:554/nobody");
    world->net = random_faults(&rng);
    world->seed = plan->seed = world->server_config.seed = seed;
    plan->readers = 1 + (uint32_t)rng_below(&rng, 8);
    plan->threads = 1 + (uint32_t)rng_below(&rng, plan->readers < 3 ? plan->readers : 3);
    plan->rate_per_s = 1 + (double)rng_below(&rng, 30);
    plan->arrival = rng_below(&rng, 2) ? ARRIVAL_EVEN : ARRIVAL_POISSON;
    plan->duration_ns = 1 + rng_below(&rng, 8 * NS_PER_S);
    plan->warmup_ns = rng_below(&rng, 4) == 0 ? plan->duration_ns / 2 : 0;
    plan->transport = (enum plan_transport)rng_below(&rng, 3);
    plan->tracks = (enum plan_tracks)(rng_below(&rng, 5) == 0);
    plan->close_reset = rng_below(&rng, 4) == 0;
    plan->end_on_stall = rng_below(&rng, 2);
    plan->reconnect = rng_below(&rng, 2);
    plan->retries = (uint32_t)rng_below(&rng, 4);
    plan->timeout_ns = (500 + rng_below(&rng, 4000)) * NS_PER_MS;
    plan->media_timeout_ns = rng_below(&rng, 3) * NS_PER_S;
    plan->panel = (uint32_t)rng_below(&rng, 4);
    plan->quickack = rng_below(&rng, 2);
    plan->headers = rng_below(&rng, 4) ? "" : long_header();
    world->interval_ns = rng_below(&rng, 2) ? 700 * NS_PER_MS : 0;
    world->stop_at_ns = rng_below(&rng, 3) == 0 ? 1 + rng_below(&rng, plan->duration_ns) : 0;
    world->log_sessions = rng_below(&rng, 2);
    world->secret = "s3cr3t!";
    if (rng_below(&rng, 2) == 0)
        add_churn(plan, &rng);
    if (rng_below(&rng, 3) == 0 && plan->bad_ratio <= 0) {
        world_publish(world);
        plan->zap.kind = DISTRIBUTION_NONE;
        plan->zipf = 0;
        plan->tracks = TRACKS_ALL;
    }
    if (rng_below(&rng, 3) == 0) {
        world->server_config.auth = rng_below(&rng, 2) ? AUTH_BASIC : AUTH_DIGEST;
        world->server_config.credentials =
            (struct auth_credentials){SLICE("admin"), SLICE("s3cr3t!")};
        plan->user = rng_below(&rng, 4) ? "admin" : "nobody";
        plan->password = "s3cr3t!";
    }
}

/* What came of it, for the whole test to be known to have seen every ending. */
struct endings {
    struct session_counts sessions;
    uint64_t reasons[REASONS];
    uint64_t misbehaved;
    struct published_counts published;
};

static void note(struct endings *endings, const struct stats *stats)
{
    endings->sessions.completed += stats->sessions.completed;
    endings->sessions.dropped += stats->sessions.dropped;
    endings->sessions.failed += stats->sessions.failed;
    endings->sessions.cut_off += stats->sessions.cut_off;
    endings->sessions.retries += stats->sessions.retries;
    endings->published.packets += stats->published.packets;
    endings->published.dropped += stats->published.dropped;
    for (unsigned i = 0; i < MISBEHAVIOURS; i++)
        endings->misbehaved += stats->misbehaving[i].started;
    for (uint32_t i = 0; i < stats->error_count; i++)
        endings->reasons[stats->errors[i].reason] += stats->errors[i].count;
}

static void run_schedule(uint64_t seed, uint64_t digests[2], struct endings *endings)
{
    struct world world;
    make_schedule(&world, seed);
    world_run(&world);
    const struct stats *stats = world_result(&world);
    digests[0] = world_digest(stats, true);
    digests[1] = sim_digest(world.sim);
    note(endings, stats);
    world_end(&world);
}

static void test_schedules(void **state)
{
    const char *only = getenv("TEST_SEED");
    uint32_t count = world_scaled(SCHEDULES);
    struct endings endings = {0};
    for (uint32_t seed = 1; seed <= count; seed++) {
        uint64_t first[2], again[2];
        if (only && strtoul(only, NULL, 10) != seed)
            continue;
        if (getenv("TEST_VERBOSE"))
            print_message("seed %u\n", seed);
        run_schedule(seed, first, &endings);
        if (seed % 8 != 0)
            continue;
        run_schedule(seed, again, &endings);
        assert_memory_equal(first, again, sizeof(first));
    }
    if (only || count < SCHEDULES)
        return;
    static const enum reason seen[] = {
        REASON_TIMEOUT,
        REASON_REFUSED,
        REASON_RESET,
        REASON_EOF,
        REASON_STATUS,
        REASON_AUTH_REJECTED,
        REASON_MEDIA_TIMEOUT,
        REASON_NO_SOCKET,
        REASON_MALFORMED,
        REASON_BAD_PROTOCOL,
        REASON_TRANSPORT_MISMATCH,
    };
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        assert_true(endings.reasons[seen[i]] > 0);
    assert_true(endings.sessions.completed > 0 && endings.sessions.dropped > 0 &&
                endings.sessions.failed > 0 && endings.sessions.cut_off > 0 &&
                endings.sessions.retries > 0 && endings.misbehaved > 100 &&
                endings.published.packets > 0 && endings.published.dropped > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_schedules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
