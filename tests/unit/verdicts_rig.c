/* verdicts_rig.c - runs a row's situation on the simulated network and holds what the program says
 * of it against the row. */
#include "verdicts.h"

#include <signal.h>
#include <stdlib.h>

#include "stats/slo.h"
#include "view/headline.h"

#define FOR_EVER_NS (365 * 86400 * NS_PER_S)

struct rig {
    const struct verdict_row *row;
    struct world world;
    struct world_peer side;
    struct server_config config;
    struct library library;
    struct path_registry registry;
    struct server *server; /* NULL: dead */
    struct media *published;
    bool frozen;
    unsigned events_done;
    uint32_t lags_done_s;
    bool was_told; /* of the signal */
    verdict_look on_turn;
    void *context;
    char urls[VERDICT_PATHS + 1][256];
    const char *groups[VERDICT_PATHS + 1]; /* of each URL */
    char said[512];
};

static uint64_t ns_of(double seconds, double fallback)
{
    return (uint64_t)((seconds > 0 ? seconds : fallback) * 1e9);
}

static void start_server(struct rig *rig)
{
    assert_null(rig->server);
    assert_int_equal(server_new(&rig->server, &rig->config), 0);
}

static void freeze_server(struct rig *rig, bool frozen)
{
    rig->frozen = frozen;
    sim_freeze(rig->world.sim, &rig->config.listen, frozen);
}

static void set_network(struct rig *rig, uint64_t latency_ns, uint32_t black_hole_ppm)
{
    struct sim_faults net = rig->row->net;
    net.latency_ns += latency_ns;
    if (black_hole_ppm > 0)
        net.black_hole_ppm = black_hole_ppm;
    sim_set_faults(rig->world.sim, &net);
}

static void act(struct rig *rig, enum verdict_act what)
{
    switch (what) {
    case SERVER_DIES:
        server_free(rig->server);
        rig->server = NULL;
        break;
    case SERVER_STARTS:
        start_server(rig);
        break;
    case SERVER_FREEZES:
        freeze_server(rig, true);
        break;
    case SERVER_GOES_ON:
        freeze_server(rig, false);
        break;
    case MACHINE_GOES:
        freeze_server(rig, true);
        set_network(rig, NS_PER_MS, 1000000);
        break;
    case NETWORK_LOSES_A_SYN:
        set_network(rig, NS_PER_S, 0);
        break;
    case NOTHING:
        set_network(rig, NS_PER_MS, 0);
        break;
    }
}

/* When the next event is due; there is none: never. */
static uint64_t next_event_ns(const struct rig *rig)
{
    const struct verdict_event *next = &rig->row->events[rig->events_done];
    if (rig->events_done == VERDICT_EVENTS || next->at_ms == 0)
        return TIME_NEVER;
    return rig->world.start_ns + next->at_ms * NS_PER_MS;
}

static uint64_t server_deadline(void *context)
{
    const struct rig *rig = context;
    uint64_t event_ns = next_event_ns(rig);
    uint64_t server_ns =
        rig->server && !rig->frozen ? server_next_deadline(rig->server) : TIME_NEVER;
    return event_ns < server_ns ? event_ns : server_ns;
}

static void server_side_turn(void *context)
{
    struct rig *rig = context;
    while (sim_now(rig->world.sim) >= next_event_ns(rig))
        act(rig, rig->row->events[rig->events_done++].act);
    if (rig->server && !rig->frozen)
        server_turn(rig->server, 0);
}

static void set_up_server(struct rig *rig)
{
    const struct verdict_row *row = rig->row;
    assert_int_equal(path_registry_init(&rig->registry), 0);
    assert_true(library_add(&rig->library, world_media(row->media ? row->media : WORLD_PLAIN)));
    rig->config = rig->world.server_config;
    rig->config.loop.sim = world_sim(&rig->world);
    rig->config.library = &rig->library;
    rig->config.registry = &rig->registry;
    rig->config.report_ns = row->no_reports ? FOR_EVER_NS : 0;
    if (!row->absent)
        start_server(rig);
    rig->side = (struct world_peer){rig, server_deadline, server_side_turn};
    rig->world.peer = &rig->side;
}

static void set_profile(struct plan *plan, const struct verdict_row *row)
{
    char room[256];
    struct text error = text_init(room, sizeof(room));
    bool ok = (!row->profile || profile_parse(row->profile, &plan->profile, &error)) &&
              (!row->stages || profile_parse_stages(row->stages, &plan->profile, &error));
    if (row->stages)
        plan->profile.kind = PROFILE_STAGES;
    if (!ok)
        fail_msg("%s: expected %s", row->name, text_string(&error));
}

static struct distribution fixed(double seconds)
{
    struct distribution distribution = {.kind = DISTRIBUTION_NONE};
    if (seconds > 0)
        distribution = (struct distribution){.kind = DISTRIBUTION_FIXED, .a_ns = ns_of(seconds, 0)};
    return distribution;
}

static void set_plan(struct plan *plan, const struct verdict_row *row)
{
    plan->readers = row->readers > 0 ? row->readers : 20;
    plan->threads = row->threads > 0 ? row->threads : 1;
    plan->rate_given = row->rate > 0;
    plan->rate_per_s = row->rate > 0 ? row->rate : 100;
    plan->duration_ns = ns_of(row->seconds, 20);
    plan->warmup_ns = ns_of(row->warmup_s, 0);
    plan->timeout_ns = ns_of(row->timeout_s, 20);
    plan->media_timeout_ns = ns_of(row->media_timeout_s, 10);
    plan->life = fixed(row->life_s);
    plan->zap = fixed(row->zap_s);
    plan->open = row->open;
    plan->transport = row->udp ? PLAN_UDP : PLAN_TCP;
    plan->close_reset = row->close_reset;
    plan->reconnect = row->reconnect;
    plan->retries = row->retries;
    plan->retries_given = row->has_retries;
    set_profile(plan, row);
}

static void add_url(struct plan *plan, const char *url)
{
    char room[256];
    struct text error = text_init(room, sizeof(room));
    if (!url_list_add(&plan->urls, url, &error))
        fail_msg("%s: %s", url, text_string(&error));
}

/* A group of publishers beside the readers. */
static void add_publishers(struct rig *rig)
{
    const struct verdict_row *row = rig->row;
    struct plan *plan = &rig->world.plans[1];
    plan_init(plan);
    add_url(plan, rig->urls[VERDICT_PATHS]);
    plan->readers = 10;
    plan->threads = 1;
    plan->seed = 2;
    plan->begins_ns = ns_of(row->also_from_s, 0);
    plan->duration_ns = rig->world.plan.duration_ns - plan->begins_ns;
    plan->warmup_ns = rig->world.plan.warmup_ns;
    plan->publish = rig->published;
    rig->world.plan.group = "watch";
    plan->group = "send";
    rig->world.plan_count = 2;
}

static void set_up_load(struct rig *rig)
{
    const struct verdict_row *row = rig->row;
    struct world *world = &rig->world;
    for (unsigned i = 0; i < VERDICT_PATHS; i++)
        snprintf(rig->urls[i], sizeof(rig->urls[i]), "rtsp://" WORLD_HOST ":554/%s",
                 row->paths[i] ? row->paths[i] : "a");
    if (row->also_publish)
        snprintf(rig->urls[VERDICT_PATHS], sizeof(rig->urls[0]), "rtsp://" WORLD_HOST ":554/%s",
                 row->also_publish);
    world_init(world, rig->urls[0]);
    for (unsigned i = 1; i < VERDICT_PATHS && row->paths[i]; i++)
        world_add_url(world, rig->urls[i]);
    if (row->publish || row->also_publish)
        rig->published = world_media(WORLD_PLAIN);
    if (row->publish)
        world->plan.publish = rig->published;
    set_plan(&world->plan, row);
    if (row->also_publish)
        add_publishers(rig);
    world->net = row->net;
    world->net.latency_ns += NS_PER_MS;
    world->interval_ns = ns_of(row->interval_s, 1);
    world->stop_at_ns = ns_of(row->signal_s, 0);
    world->check_every = 97;
}

/* "+loss_ratio<0.1%" */
static void set_slos(struct rig *rig, struct slo slos[VERDICT_SLOS])
{
    uint32_t count = 0;
    for (; count < VERDICT_SLOS && rig->row->slos[count]; count++) {
        char room[256];
        struct text expected = text_init(room, sizeof(room));
        if (!slo_parse(rig->row->slos[count] + 1, &slos[count], &expected))
            fail_msg("%s: %s: expected %s", rig->row->name, rig->row->slos[count],
                     text_string(&expected));
    }
    collector_set_slos(rig->world.collector, slos, count);
}

/* The samples of the seconds that have begun. */
static void add_lags(struct rig *rig)
{
    struct world *world = &rig->world;
    uint64_t since_ns = sim_now(world->sim) - world->start_ns;
    struct stats *stats = collector_exchange(world->collector, 0)->current;
    for (; sim_now(world->sim) > world->start_ns && rig->lags_done_s <= since_ns / NS_PER_S;
         rig->lags_done_s++) {
        for (unsigned i = 0; i < VERDICT_LAGS; i++) {
            const struct verdict_lag *lag = &rig->row->lags[i];
            bool now = rig->lags_done_s >= lag->from_s && rig->lags_done_s < lag->to_s;
            for (uint32_t k = 0; now && k < lag->per_s; k++)
                histogram_record(&stats->metrics[lag->metric], lag->ms * UINT64_C(1000));
        }
    }
}

static void tell_of_signal(struct rig *rig)
{
    struct world *world = &rig->world;
    if (rig->was_told || !rig->row->signal_s || atomic_load(&world->stopped) == 0)
        return;
    rig->was_told = true;
    const struct interrupted interrupted = {.signal = SIGTERM,
                                            .at_ns = sim_now(world->sim) - world->start_ns,
                                            .of_ns = world->plan.duration_ns};
    collector_interrupted(world->collector, &interrupted);
}

/* As a run does at the end of each interval. */
static void end_at_breach(struct rig *rig, const struct slo *slos)
{
    const struct snapshot *now = rig->world.snapshot;
    for (uint32_t i = 0; now && i < now->slo_count; i++) {
        if (slos[i].abort && now->slos[i].measured && !now->slos[i].ok)
            atomic_store(&rig->world.stopped, 1);
    }
}

static void run(struct rig *rig, struct slo slos[VERDICT_SLOS])
{
    struct world *world = &rig->world;
    world_begin(world);
    set_slos(rig, slos);
    for (uint32_t i = 0; i < world->info.stream_count; i++)
        rig->groups[i] = i < world->plan.urls.count ? "watch" : "send";
    if (rig->row->also_publish)
        world->info.stream_groups = rig->groups;
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++) {
        if (rig->row->struck & 1u << i)
            collector_limit(world->collector, (enum generator_limit)i);
    }
    while (world_turn(world)) {
        if (rig->on_turn)
            rig->on_turn(rig->context, world->snapshot);
        add_lags(rig);
        tell_of_signal(rig);
        end_at_breach(rig, slos);
    }
    tell_of_signal(rig); /* which may have been the last turn */
    world_result(world);
}

static void write_limits(uint32_t limits, char *to, size_t size)
{
    struct text text = text_init(to, size);
    for (unsigned i = 0; i < GENERATOR_LIMITS; i++) {
        if (limits & 1u << i)
            text_printf(&text, "%s%s", text.len > 0 ? "," : "",
                        generator_limit_name((enum generator_limit)i));
    }
    text_string(&text);
}

/* The first line, with single spaces. */
static void read_headline(struct rig *rig)
{
    char room[sizeof(rig->said)];
    struct text line = text_init(room, sizeof(room));
    struct text said = text_init(rig->said, sizeof(rig->said));
    headline_write_line(rig->world.snapshot, &line);
    for (size_t i = 0; i < line.len; i++) {
        if (i == 0 || room[i] != ' ' || room[i - 1] != ' ')
            text_add(&said, slice_make(room + i, 1));
    }
    text_string(&said);
}

/* What doesn't hold, or NULL. */
static const char *judge(struct rig *rig, const char *limits)
{
    const struct verdict_row *row = rig->row;
    const struct snapshot *snapshot = rig->world.snapshot;
    int status;
    read_headline(rig);
    snapshot_verdict(snapshot, &status);
    if (status != row->status)
        return "the status";
    if (strncmp(rig->said, row->lead, strlen(row->lead)) != 0)
        return "the lead";
    for (unsigned i = 0; i < 2; i++) {
        if (row->says[i] && !strstr(rig->said, row->says[i]))
            return row->says[i];
    }
    for (uint32_t i = 0; i < snapshot->slo_count; i++) {
        if (snapshot->slos[i].ok != (row->slos[i][0] == '+'))
            return row->slos[i];
    }
    return strcmp(limits, row->limits ? row->limits : "") != 0 ? "the limits" : NULL;
}

static void print_row(const struct rig *rig, const char *wrong, const char *limits)
{
    const struct snapshot *snapshot = rig->world.snapshot;
    int status;
    snapshot_verdict(snapshot, &status);
    print_error("%s: %s\n  expected %d %s\n  is       %d %s\n  limits   %s\n", rig->row->name,
                wrong, rig->row->status, rig->row->lead, status, rig->said, limits);
    for (uint32_t i = 0; i < snapshot->slo_count; i++) {
        char room[128];
        struct text value = text_init(room, sizeof(room));
        slo_write_result(&value, &snapshot->slos[i]);
        print_error("  %s %s: %s\n", rig->row->slos[i], snapshot->slos[i].ok ? "kept" : "missed",
                    text_string(&value));
    }
    world_print(snapshot->total);
}

static void dispose(struct rig *rig)
{
    world_end(&rig->world);
    if (rig->server)
        server_free(rig->server);
    path_registry_dispose(&rig->registry);
    library_dispose(&rig->library);
    media_free(rig->published);
    sim_free(rig->world.sim);
}

static bool holds(const struct verdict_row *row)
{
    static struct rig rig;
    struct slo slos[VERDICT_SLOS];
    char limits[128];
    rig = (struct rig){.row = row};
    set_up_load(&rig);
    set_up_server(&rig);
    run(&rig, slos);
    write_limits(rig.world.snapshot->generator.limits, limits, sizeof(limits));
    const char *wrong = judge(&rig, limits);
    if (wrong)
        print_row(&rig, wrong, limits);
    dispose(&rig);
    return !wrong;
}

void verdicts_read(const struct verdict_row *row, verdict_look on_turn, verdict_look on_end,
                   void *context)
{
    static struct rig rig;
    struct slo slos[VERDICT_SLOS];
    rig = (struct rig){.row = row, .on_turn = on_turn, .context = context};
    set_up_load(&rig);
    set_up_server(&rig);
    run(&rig, slos);
    on_end(context, rig.world.snapshot);
    dispose(&rig);
}

void verdicts_run(const struct verdict_row *rows, size_t count)
{
    size_t wrong = 0;
    const char *only = getenv("TEST_ROW");
    for (size_t i = 0; i < count; i++)
        wrong += (!only || strstr(rows[i].name, only)) && !holds(&rows[i]);
    assert_int_equal(wrong, 0);
}
