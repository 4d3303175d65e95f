/* A week of real-world load on the simulated network: 5,000 viewers on average, streams of a packet
 * each 30 s, sparse reports. With WEEK=1 that is what runs, some 20 minutes long; else its first
 * hours, with a tenth of the viewers. */
#include "world.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define URL "rtsp://" WORLD_HOST ":554/pattern"
#define VIEWERS 5000u
#define HOURS 168u
#define SHORT_VIEWERS 500u
#define SHORT_HOURS 4u
#define HOUR_NS (3600 * NS_PER_S)
#define SLACK_BYTES (4u << 20) /* the timeline's room fills for days; the heap's own affairs */
#define SESSION_BYTES 4096u /* a session more at the peak: the sim's and the server's part, too */
#define INTERVAL_NS (60 * NS_PER_S)

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %llu", &pages), 1);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* From seven in the evening on, so that the first hour sees the day's peak. */
static void plan_week(struct world *world, uint32_t viewers, uint64_t hours)
{
    struct plan *plan = &world->plan;
    world_init(world, URL);
    assert_true(profile_parse_hours(NULL, &plan->profile, NULL));
    plan->profile.kind = PROFILE_REAL_WORLD;
    plan->profile.variance = 0.3;
    plan->profile.day_start_ns = 19 * HOUR_NS;
    plan->readers = viewers;
    plan->rate_given = false;
    plan->life = (struct distribution){
        .kind = DISTRIBUTION_UNIFORM, .a_ns = 30 * NS_PER_S, .b_ns = 300 * NS_PER_S};
    plan->duration_ns = hours * HOUR_NS;
    plan->media_timeout_ns = 90 * NS_PER_S;
    plan->report_ns = 600 * NS_PER_S;
    plan->seed = 7;
    world->interval_ns = INTERVAL_NS;
    world->check_every = 100003;
    world->server_config.max_connections = 20000;
    assert_true(library_add(&world->library, media_new_pattern(1 / 30.0, 200)));
}

/* A sanitizer's memory is its own: it keeps what was freed, to find who uses it still. */
static void check_memory(uint64_t bytes, uint64_t first_bytes, uint64_t more_sessions)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)bytes, (void)first_bytes, (void)more_sessions;
#else
    assert_true(bytes <= first_bytes + SLACK_BYTES + more_sessions * SESSION_BYTES);
#endif
}

static void say(const struct world *world, const char *when, uint64_t rss)
{
    const struct stats *total = world->snapshot->total;
    print_message("%s: %" PRIu64 " MiB resident, %" PRIu64 " KiB allocated, %u active, peak %u, "
                  "started %" PRIu64 ", failed %" PRIu64 ", dropped %" PRIu64 ", packets %" PRIu64
                  ", lost %" PRIu64 ", turns %" PRIu64 ", %.0f s of CPU\n",
                  when, rss >> 20, (uint64_t)mallinfo2().uordblks >> 10, total->active,
                  total->active_peak, total->sessions.started, total->sessions.failed,
                  total->sessions.dropped, stats_rtp(total).packets, stats_rtp(total).lost,
                  world->turns, (double)clock() / CLOCKS_PER_SEC);
}

static void test_week(void **state)
{
    bool whole = getenv("WEEK") != NULL;
    uint64_t hours = whole ? HOURS : SHORT_HOURS;
    uint64_t first_rss = 0, last_rss = 0, next_ns = HOUR_NS;
    uint32_t first_peak = 0;
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    plan_week(world, whole ? VIEWERS : world_scaled(SHORT_VIEWERS), hours);
    world_begin(world);
    while (world_turn(world)) {
        uint64_t elapsed_ns = sim_now(world->sim) - world->start_ns;
        if (elapsed_ns < next_ns || !world->snapshot || elapsed_ns >= hours * HOUR_NS)
            continue;
        last_rss = resident_bytes();
        if (first_rss == 0) {
            first_rss = last_rss;
            first_peak = world->snapshot->total->active_peak;
        }
        if (next_ns == HOUR_NS || next_ns % (12 * HOUR_NS) == 0) {
            char when[32];
            snprintf(when, sizeof(when), "after %" PRIu64 " h", next_ns / HOUR_NS);
            say(world, when, last_rss);
        }
        next_ns += HOUR_NS;
    }
    const struct stats *stats = world_result(world);
    last_rss = resident_bytes();
    say(world, "at the end", last_rss);
    world_print(stats);
    check_memory(last_rss, first_rss, stats->active_peak - first_peak);
    assert_true(world->snapshot->timeline_count <= 4096 && world->snapshot->series_count <= 2048);
    assert_int_equal(stats->sessions.failed, 0);
    assert_int_equal(stats->sessions.dropped, 0);
    assert_int_equal(stats->error_count, 0);
    assert_int_equal(stats_rtp(stats).lost, 0);
    world_end(world);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_week),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
