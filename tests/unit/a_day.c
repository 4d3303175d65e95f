/* Not a test: writes the result of a day of 10,000 sessions, made on the simulated network and
 * written as the program does, for the browser tests to make a report of. A packet each 10 minutes
 * and a new life each two hours keep that to 40 s of CPU; A_DAY_READERS asks for fewer sessions,
 * which makes the result hardly smaller. */
#include "world.h"

#include <stdlib.h>

#include "view/json.h"

#define URLS "rtsp://" WORLD_HOST ":554/pattern/"
#define HOUR_NS (3600 * NS_PER_S)
#define INTERVAL_NS (30 * NS_PER_S)

static struct world world;

static void plan_day(uint32_t readers)
{
    struct plan *plan = &world.plan;
    world_init(&world, URLS "cam{1..440}");
    world_add_url(&world, URLS "lossy{1..50}?drop=1/9&dup=1/30&reorder=1/20");
    world_add_url(&world, URLS "gone{1..10}?status=404");
    plan->readers = readers;
    plan->rate_per_s = 100;
    plan->reconnect = true;
    plan->retries = 1;
    plan->backoff_ns = 600 * NS_PER_S;
    plan->life = (struct distribution){.kind = DISTRIBUTION_EXPONENTIAL, .a_ns = 2 * HOUR_NS};
    plan->duration_ns = 24 * HOUR_NS;
    plan->media_timeout_ns = HOUR_NS;
    plan->report_ns = 6 * HOUR_NS;
    plan->keepalive = KEEPALIVE_NONE;
    plan->arrival = ARRIVAL_POISSON;
    world.net = (struct sim_faults){.latency_ns = NS_PER_MS,
                                    .latency_jitter_ns = 40 * NS_PER_MS,
                                    .reset_ppm = 20,
                                    .stall_ppm = 100};
    world.interval_ns = INTERVAL_NS;
    world.check_every = 10000019;
    world.server_config.max_connections = 2 * readers;
    world.server_config.session_timeout_ns = 48 * HOUR_NS;
    world.server_config.report_ns = 6 * HOUR_NS;
    assert_true(library_add(&world.library, media_new_pattern(1 / 600.0, 200)));
}

int main(int count, char **arguments)
{
    const char *readers = getenv("A_DAY_READERS");
    if (count != 2)
        return 2;
    plan_day(readers ? (uint32_t)atoi(readers) : 10000);
    world_begin(&world);
    char *plan = plan_to_json(&world.plan);
    world.info.plan_json = plan;
    world.info.started_at_ns = UINT64_C(1767225600000000000);
    world.info.host = (struct host){"simulated", 1, UINT64_C(8) << 30, 20000};
    while (world_turn(&world))
        continue;
    world_result(&world);
    int error = view_json_write(world.snapshot, arguments[1]);
    world_end(&world);
    free(plan);
    return error ? 1 : 0;
}
