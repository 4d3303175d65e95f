#include "world.h"

#include <inttypes.h>
#include <stdlib.h>

#include "client/session_internal.h"

#define START_NS (1000 * NS_PER_S)
#define STILL_MAX 200000u

bool world_in_client;

static const struct machine roomy = {
    .cores = 1,
    .memory_bytes = UINT64_C(1) << 40,
    .nofile = 20000,
    .files_free = 100000000,
    .port_low = 32768,
    .port_high = 60999,
    .rcvbuf_max = UINT64_MAX,
};

void world_add_url(struct world *world, const char *url)
{
    char said[256];
    struct text error = text_init(said, sizeof(said));
    if (!url_list_add(&world->plan.urls, url, &error))
        fail_msg("%s: %s", url, text_string(&error));
}

void world_init(struct world *world, const char *url)
{
    memset(world, 0, sizeof(*world));
    plan_init(&world->plan);
    world->plan_count = 1;
    world_add_url(world, url);
    world->plan.readers = 1;
    world->plan.threads = 1;
    world->plan.duration_ns = 5 * NS_PER_S;
    world->plan.seed = 1;
    world->plan.rtp_port_low = 10000;
    world->plan.rtp_port_high = 29999;
    world->seed = 1;
    world->net = (struct sim_faults){.latency_ns = NS_PER_MS};
    world->server_config = (struct server_config){
        .loop = {.kind = LOOP_SIM},
        .max_connections = 2000,
        .seed = 1,
    };
    assert_true(address_parse(SLICE(WORLD_HOST), 554, &world->server_config.listen));
}

void world_publish(struct world *world)
{
    world->plan.publish = world->publish = world_media(WORLD_TWO_TRACKS);
}

void world_log_in(struct world *world, enum auth_scheme auth)
{
    world->secret = "s3cr3t!";
    world->server_config.auth = auth;
    world->server_config.credentials = (struct auth_credentials){SLICE("admin"), SLICE("s3cr3t!")};
    world->plan.user = auth ? "admin" : NULL;
    world->plan.password = auth ? "s3cr3t!" : NULL;
}

struct sim *world_sim(struct world *world)
{
    if (!world->sim) {
        world->sim = sim_new(world->seed, START_NS);
        assert_non_null(world->sim);
    }
    return world->sim;
}

static void begin_server(struct world *world)
{
    struct server_config *config = &world->server_config;
    assert_int_equal(path_registry_init(&world->registry), 0);
    if (world->library.count == 0)
        assert_true(library_add(&world->library, world_media(WORLD_TWO_TRACKS)));
    config->loop.sim = world_sim(world);
    config->library = &world->library;
    config->registry = &world->registry;
    assert_int_equal(server_new(&world->server, config), 0);
}

static void begin_shard(struct world *world, const struct shard_setup *part, uint32_t lane)
{
    struct shard_setup setup = *part;
    setup.targets = &world->targets;
    setup.lane = lane;
    setup.lanes = world->info.shard_count;
    setup.loop = LOOP_SIM;
    setup.sim = world->sim;
    setup.exchange = collector_exchange(world->collector, lane);
    setup.sessions_log = world->log;
    setup.stopped = &world->stopped;
    setup.control = world->control;
    assert_int_equal(shard_init(&world->shards[lane], &setup), 0);
}

/* The shards of one plan behind those of the other. */
static void begin_shards(struct world *world)
{
    struct shard_setup part = {.first_url = 0};
    uint32_t lane = 0;
    for (uint32_t i = 0; i < world->plan_count; i++) {
        part.plan = &world->plans[i];
        for (part.index = 0; part.index < part.plan->shards; part.index++)
            begin_shard(world, &part, lane++);
        part.first_url += part.plan->urls.count;
    }
    for (uint32_t i = 0; i < lane; i++)
        shard_start(&world->shards[i], world->start_ns + world->shards[i].setup.plan->begins_ns);
}

/* What the collector is told of the plans. */
static void sum_up(struct world *world)
{
    struct run_info *info = &world->info;
    for (uint32_t i = 0; i < world->plan_count; i++) {
        const struct plan *plan = &world->plans[i];
        uint64_t reached_ns = plan->begins_ns + plan_target_reached_ns(plan);
        for (uint32_t k = 0; k < plan->urls.count && info->stream_count < 1024; k++)
            world->stream_urls[info->stream_count++] = plan->urls.items[k].shown;
        info->shard_count += plan->shards;
        info->reads |= !plan->publish;
        info->publishes |= plan->publish != NULL;
        if (reached_ns > info->judge_from_ns)
            info->judge_from_ns = reached_ns;
    }
    assert_true(info->shard_count <= WORLD_SHARDS);
}

static void begin_collector(struct world *world)
{
    world->info = (struct run_info){
        .tool_name = "rtspbench",
        .tool_version = "test",
        .io = "sim",
        .kernel_stamps = true,
        .virtual_time = true,
        .start_ns = world->start_ns,
        .stream_urls = world->stream_urls,
    };
    sum_up(world);
    world->collector = collector_new(&world->info);
    assert_non_null(world->collector);
}

void world_begin(struct world *world)
{
    char said[512], warned[512];
    struct text error = text_init(said, sizeof(said)), warning = text_init(warned, sizeof(warned));
    for (uint32_t i = 0; i < world->plan_count; i++) {
        if (!plan_resolve(&world->plans[i], &roomy, &error, &warning))
            fail_msg("%s", text_string(&error));
    }
    world_sim(world);
    if (!world->peer)
        begin_server(world);
    sim_set_faults(world->sim, &world->net);
    world->start_ns = sim_now(world->sim) + 20 * NS_PER_MS;
    world->next_interval_ns =
        world->interval_ns ? world->start_ns + world->interval_ns : TIME_NEVER;
    assert_int_equal(targets_resolve_all(&world->targets, world->plans, world->plan_count), 0);
    if (world->log_sessions)
        world->log = open_memstream(&world->log_text, &world->log_len);
    begin_collector(world);
    begin_shards(world);
}

#define ADD_WORDS(to, from)                                                                        \
    for (size_t word = 0; word < sizeof(*(to)) / 8; word++)                                        \
    ((uint64_t *)(to))[word] += ((const uint64_t *)(from))[word]

static const struct stats *current(const struct world *world, uint32_t shard)
{
    return collector_exchange(world->collector, shard)->current;
}

struct session_counts world_sessions(const struct world *world)
{
    struct session_counts sum = {0};
    if (world->snapshot)
        sum = world->snapshot->total->sessions;
    for (uint32_t i = 0; i < world->info.shard_count; i++)
        ADD_WORDS(&sum, &current(world, i)->sessions);
    return sum;
}

struct rtp_counts world_rtp(const struct world *world)
{
    struct rtp_counts sum = {0};
    if (world->snapshot)
        sum = stats_rtp(world->snapshot->total);
    for (uint32_t i = 0; i < world->info.shard_count; i++) {
        struct rtp_counts part = stats_rtp(current(world, i));
        ADD_WORDS(&sum, &part);
    }
    return sum;
}

/* Every wait has a deadline, every pooled part has exactly one user, every gauge is true. */
static void check_client(const struct client *client)
{
    uint32_t alive = 0, active = 0, starting = 0, waiting = 0;
    uint32_t talks = 0, udps = 0, auths = 0, mores = 0, panels = 0, users = 0, long_ids = 0;
    uint32_t publishers = 0;
    for (uint32_t i = 0; i < client->sessions.touched; i++) {
        const struct session *session = client_session(client, i);
        if (session->state == SESSION_FREE)
            continue;
        bool closing = session->state == SESSION_CLOSING;
        bool resting = session->next == NEXT_COME_BACK || session->next == NEXT_REPLACE ||
                       (closing && session->next == NEXT_FREE);
        alive++;
        active += !resting && (session->flags & FLAG_ESTABLISHED);
        starting += !resting && !(session->flags & FLAG_ESTABLISHED);
        waiting += (session->state >= SESSION_RESOLVING && session->state < SESSION_PLAYING) ||
                   session->state == SESSION_TEARDOWN;
        talks += session->conversation != 0;
        udps += session->udp != 0;
        auths += session->auth != 0;
        mores += session->more != 0;
        panels += session->panel != 0;
        publishers += session->publisher != 0;
        users += session->description != 0;
        long_ids += (session->flags & FLAG_LONG_ID) != 0;
        assert_true(closing ? session->opens > 0 : session->timer.slot != 0);
        if (session->description)
            assert_true(session_description(client, session)->users > 0);
    }
    assert_int_equal(client->alive, alive);
    assert_int_equal(client->sessions.in_use, alive);
    assert_int_equal(client->active, active);
    assert_int_equal(client->starting, starting);
    assert_int_equal(client->waiting, waiting);
    assert_int_equal(client->conversations.small.in_use, talks);
    assert_true(client->conversations.giants.in_use <= talks);
    assert_int_equal(client->udps.in_use, udps);
    assert_int_equal(client->auths.in_use, auths);
    assert_int_equal(client->more_tracks.in_use, mores);
    assert_int_equal(client->panels.in_use, panels);
    assert_int_equal(client->long_ids.in_use, long_ids);
    assert_int_equal(client->publishers.in_use, publishers);
    assert_true(client->descriptions.in_use <= users &&
                (users > 0) == (client->descriptions.in_use > 0));
    assert_true(alive > 0 || client->gap_blocks.in_use == 0);
}

static void check_world(struct world *world)
{
    struct session_counts sessions = world_sessions(world);
    struct rtp_counts rtp = world_rtp(world);
    uint64_t starting = 0, active = 0, lost_by = 0, startups = 0;
    if (world->snapshot)
        startups = world->snapshot->total->metrics[METRIC_STARTUP].count;
    for (uint32_t i = 0; i < world->info.shard_count; i++) {
        startups += current(world, i)->metrics[METRIC_STARTUP].count;
        check_client(&world->shards[i].client);
        check_client(&world->shards[i].bad);
        starting += world->shards[i].client.starting;
        active += world->shards[i].client.active;
    }
    for (unsigned i = 0; i < LOSS_CAUSES; i++)
        lost_by += rtp.lost_by[i];
    assert_int_equal(sessions.started,
                     sessions.established + sessions.failed + sessions.cut_off + starting);
    assert_int_equal(sessions.established, sessions.completed + sessions.dropped + active);
    assert_true(sessions.got_media <= sessions.started);
    assert_int_equal(sessions.got_media, startups);
    assert_int_equal(rtp.lost, lost_by);
    assert_true(rtp.lost <= rtp.expected);
    assert_true(rtp.packets >= rtp.expected - rtp.lost + rtp.duplicates);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool is_halted(const struct world *world, uint64_t now_ns)
{
    return now_ns >= world->start_ns + world->halt_from_ns &&
           now_ns < world->start_ns + world->halt_to_ns;
}

static void halt(struct world *world, bool halted)
{
    for (uint32_t i = 0; world->halt_to_ns > 0 && i < world->info.shard_count; i++)
        sim_freeze_loop(world->shards[i].loop, halted);
}

static uint64_t next_moment(const struct world *world)
{
    uint64_t next_ns = world->next_interval_ns;
    if (world->stop_at_ns && atomic_load(&world->stopped) == 0)
        next_ns = earlier(next_ns, world->start_ns + world->stop_at_ns);
    next_ns = earlier(next_ns, world->peer ? world->peer->deadline(world->peer->context)
                                           : server_next_deadline(world->server));
    if (is_halted(world, sim_now(world->sim)))
        return earlier(next_ns, world->start_ns + world->halt_to_ns);
    for (uint32_t i = 0; i < world->info.shard_count; i++) {
        if (!world->shards[i].done)
            next_ns = earlier(next_ns, shard_next_deadline(&world->shards[i]));
    }
    return next_ns;
}

/* The run ends: a session in TEARDOWN has its 5 s, draining a second, and the asking is paced. */
static void check_time(struct world *world, uint64_t before_ns)
{
    uint64_t now_ns = sim_now(world->sim);
    uint64_t end_ns = 0;
    for (uint32_t i = 0; i < world->plan_count; i++) {
        const struct plan *plan = &world->plans[i];
        if (plan->begins_ns + plan->duration_ns > end_ns)
            end_ns = plan->begins_ns + plan->duration_ns;
    }
    if (world->stop_at_ns && world->stop_at_ns < end_ns)
        end_ns = world->stop_at_ns;
    world->turns++;
    world->still_turns = now_ns == before_ns ? world->still_turns + 1 : 0;
    assert_true(world->still_turns < STILL_MAX);
    assert_true(now_ns <= world->start_ns + end_ns + 9 * NS_PER_S);
}

bool world_turn(struct world *world)
{
    bool all_done = true;
    uint64_t before_ns = sim_now(world->sim);
    sim_advance(world->sim, next_moment(world));
    uint64_t now_ns = sim_now(world->sim);
    bool collects = now_ns >= world->next_interval_ns;
    if (world->stop_at_ns && now_ns >= world->start_ns + world->stop_at_ns)
        atomic_store(&world->stopped, 1);
    if (collects)
        collector_want(world->collector);
    if (world->peer)
        world->peer->turn(world->peer->context);
    else
        server_turn(world->server, 0);
    bool halted = is_halted(world, now_ns);
    halt(world, halted);
    for (uint32_t i = 0; !halted && i < world->info.shard_count; i++) {
        world_in_client = true;
        shard_turn(&world->shards[i]);
        world_in_client = false;
        all_done = all_done && world->shards[i].done;
    }
    if (collects) {
        assert_true(collector_ready(world->collector));
        world->snapshot = collector_collect(world->collector, now_ns);
        world->next_interval_ns += world->interval_ns;
    }
    if (world->check_every == 0 || world->turns % world->check_every == 0)
        check_world(world);
    check_time(world, before_ns);
    return halted || !all_done;
}

void world_run(struct world *world)
{
    world_begin(world);
    while (world_turn(world))
        continue;
}

void world_run_to_stop(struct world *world, uint32_t states[SESSION_STATES])
{
    const struct client *client = &world->shards[0].client;
    world_begin(world);
    for (bool goes_on = true; goes_on;) {
        unsigned before = client->sessions.touched ? client_session(client, 0)->state : 0;
        bool stopped = client->stopping;
        goes_on = world_turn(world);
        states[before] += client->stopping && !stopped;
    }
}

static void check_secret(const struct world *world, const struct stats *stats)
{
    for (uint32_t i = 0; world->secret && i < stats->error_count; i++)
        assert_null(strstr(stats->errors[i].sample, world->secret));
    if (world->secret && world->log)
        assert_null(strstr(world->log_text, world->secret));
}

/* Every way in which sessions failed is one that metrics show from the start. */
static void check_reasons(const struct stats *stats)
{
    for (uint32_t i = 0; i < stats->error_count; i++) {
        const struct error_entry *error = &stats->errors[i];
        if (!reason_occurs_in(error->reason, error->phase))
            fail_msg("%s in %s is not in the table of what can occur", reason_name(error->reason),
                     phase_name(error->phase));
    }
}

static uint64_t number_in(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    assert_non_null(at);
    return strtoull(at + strlen(key), NULL, 10);
}

/* PLAY is that of this start. */
static void check_play(const char *line)
{
    const char *due = strstr(line, "\"due_s\":"), *play = strstr(line, "\"play_s\":");
    assert_true(due && play);
    if (play[strlen("\"play_s\":")] != 'n')
        assert_true(strtod(play + strlen("\"play_s\":"), NULL) >=
                    strtod(due + strlen("\"due_s\":"), NULL));
}

/* A line for each session that ended, and every ending is one of the four; the packets and bytes of
   all lines are the result's. */
static void check_log(const struct world *world, const struct stats *stats)
{
    const struct session_counts *sessions = &stats->sessions;
    struct rtp_counts rtp = stats_rtp(stats);
    uint64_t lines = 0, packets = 0, bytes = 0;
    for (const char *line = world->log_text; *line; line = strchr(line, '\n') + 1) {
        lines++;
        packets += number_in(line, "\"packets\":");
        bytes += number_in(line, "\"bytes\":");
        check_play(line);
    }
    assert_int_equal(lines, sessions->completed + sessions->dropped + sessions->failed +
                                sessions->cut_off);
    assert_int_equal(packets, rtp.packets + stats->published.packets);
    assert_int_equal(bytes, rtp.bytes + stats->published.bytes);
}

const struct stats *world_result(struct world *world)
{
    for (uint32_t i = 0; i < world->info.shard_count; i++) {
        const struct client *client = &world->shards[i].client;
        assert_int_equal(client->alive + world->shards[i].bad.alive, 0);
        client_fill_gauges(&world->shards[i].client);
        stats_exchange_end(collector_exchange(world->collector, i), sim_now(world->sim));
    }
    if (world->server)
        server_stop(world->server);
    world->snapshot = collector_finish(world->collector, sim_now(world->sim));
    if (world->log) {
        fflush(world->log);
        check_log(world, world->snapshot->total);
    }
    check_secret(world, world->snapshot->total);
    check_reasons(world->snapshot->total);
    return world->snapshot->total;
}

void world_end(struct world *world)
{
    for (uint32_t i = 0; i < world->info.shard_count; i++)
        shard_dispose(&world->shards[i]);
    collector_free(world->collector);
    if (world->server) {
        server_free(world->server);
        path_registry_dispose(&world->registry);
        library_dispose(&world->library);
    }
    if (world->log)
        fclose(world->log);
    free(world->log_text);
    media_free(world->publish);
    targets_dispose(&world->targets);
    for (uint32_t i = 0; i < world->plan_count; i++)
        plan_dispose(&world->plans[i]);
    if (!world->peer)
        sim_free(world->sim);
}

struct truth_path world_truth(const struct world *world)
{
    struct truth_path paths[64], sum = {0};
    size_t count = server_truth(world->server, paths, 64);
    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) {
        sum.sessions += paths[i].sessions;
        sum.keepalives += paths[i].keepalives;
        sum.teardowns += paths[i].teardowns;
        sum.publishers += paths[i].publishers;
        truth_add(&sum.counts, &paths[i].counts);
        truth_add_received(&sum.received, &paths[i].received);
    }
    return sum;
}

uint64_t world_errors(const struct stats *stats, enum phase phase, enum reason reason,
                      uint32_t status)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < stats->error_count; i++) {
        const struct error_entry *entry = &stats->errors[i];
        if (entry->phase == phase && entry->reason == reason &&
            (status == UINT32_MAX || entry->status == status))
            count += entry->count;
    }
    return count;
}

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t mix_histogram(uint64_t hash, const struct histogram *histogram)
{
    hash = mix(hash, &histogram->count, sizeof(histogram->count));
    hash = mix(hash, &histogram->sum, sizeof(histogram->sum));
    hash = mix(hash, &histogram->min, sizeof(histogram->min));
    hash = mix(hash, &histogram->max, sizeof(histogram->max));
    return mix(hash, histogram->counts, histogram->bucket_count * sizeof(histogram->counts[0]));
}

/* In an order that doesn't depend on who failed first. */
static uint64_t sum_of_errors(const struct stats *stats)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < stats->error_count; i++) {
        const struct error_entry *entry = &stats->errors[i];
        sum += mix(mix(7, entry, offsetof(struct error_entry, count)), &entry->count, 8);
    }
    return sum;
}

uint64_t world_digest(const struct stats *stats, bool whole)
{
    uint64_t errors = sum_of_errors(stats), hash = UINT64_C(0xcbf29ce484222325);
    struct panel_counts panel = stats->panel;
    panel.gaps_shared = whole ? panel.gaps_shared : 0;
    hash = mix(hash, &stats->sessions, sizeof(stats->sessions));
    hash = mix(hash, stats->rtp, sizeof(stats->rtp));
    hash = mix(hash, &stats->published, sizeof(stats->published));
    hash = mix(hash, &stats->rtcp, sizeof(stats->rtcp));
    hash = mix(hash, &stats->oddities, sizeof(stats->oddities));
    hash = mix(hash, &panel, sizeof(panel));
    hash = mix(hash, stats->never, sizeof(stats->never));
    hash = mix(hash, &errors, sizeof(errors));
    for (unsigned i = 0; i < METRICS; i++) {
        if (whole || (i != METRIC_LOOP_LAG && i != METRIC_PANEL_CROSS_READER))
            hash = mix_histogram(hash, &stats->metrics[i]);
    }
    for (uint32_t i = 0; i < stats->stream_count; i++) {
        const struct stream_stats *stream = &stats->streams[i];
        hash = mix(hash, &stream->sessions, sizeof(stream->sessions));
        hash = mix(hash, &stream->rtp, sizeof(stream->rtp));
        hash = mix(hash, &stream->media_us, sizeof(stream->media_us));
        hash = mix(hash, &stream->media_bytes, sizeof(stream->media_bytes));
        hash = mix_histogram(hash, &stream->startup);
    }
    return hash;
}

void world_print(const struct stats *stats)
{
    const struct session_counts *sessions = &stats->sessions;
    struct rtp_counts rtp = stats_rtp(stats);
    print_message("started %" PRIu64 " established %" PRIu64 " got %" PRIu64 " failed %" PRIu64
                  " cancelled %" PRIu64 " dropped %" PRIu64 " completed %" PRIu64
                  " not_started %" PRIu64 " retries %" PRIu64 "\n",
                  sessions->started, sessions->established, sessions->got_media, sessions->failed,
                  sessions->cut_off, sessions->dropped, sessions->completed, sessions->not_started,
                  sessions->retries);
    print_message("packets %" PRIu64 " expected %" PRIu64 " lost %" PRIu64 " dup %" PRIu64
                  " reordered %" PRIu64 " late %" PRIu64 " resets %" PRIu64 " bad %" PRIu64 "\n",
                  rtp.packets, rtp.expected, rtp.lost, rtp.duplicates, rtp.reordered, rtp.late,
                  rtp.resets, rtp.bad);
    for (uint32_t i = 0; i < stats->error_count; i++)
        print_message("  %s %s %u: %" PRIu64 " (%s)\n", phase_name(stats->errors[i].phase),
                      reason_name(stats->errors[i].reason), stats->errors[i].status,
                      stats->errors[i].count, stats->errors[i].sample);
}

uint32_t world_scaled(uint32_t count)
{
    const char *scale = getenv("TEST_SCALE");
    uint64_t scaled = (uint64_t)count * (scale ? strtoul(scale, NULL, 10) : 100) / 100;
    return scaled > 0 ? (uint32_t)scaled : 1;
}
