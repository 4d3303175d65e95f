#include "load/shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "net/sim.h"

/* TEARDOWNs at a plan's end, of all shards together: while few are unanswered, and at least. */
#define STOPS_PER_S 20000u
#define SLOW_STOPS_PER_S 2500u
#define STOPS_UNANSWERED 1000u
#define GRACE_NS (8 * NS_PER_S) /* after the last was asked to end */
#define BUSY_LOOK_NS (100 * NS_PER_MS)
#define CONVERSATIONS_RESERVE 1024u
#define CONVERSATIONS_STARTING 4096u
#define NO_ROOM_NS NS_PER_MS /* until a reader that found no room is tried again */
#define LOOK_AHEAD_NS                                                                              \
    (250 * NS_PER_MS)             /* arrivals are known this far ahead, longer than IDLE_NS        \
                                   */
#define IDLE_NS (100 * NS_PER_MS) /* a shard looks up at least this often */
#define COALESCE_MAX_NS (5 * NS_PER_MS)

static enum client_transport transport_of(enum plan_transport transport)
{
    return transport == PLAN_UDP ? CLIENT_UDP : transport == PLAN_AUTO ? CLIENT_AUTO : CLIENT_TCP;
}

static enum client_keepalive keepalive_of(enum plan_keepalive keepalive)
{
    switch (keepalive) {
    case KEEPALIVE_OPTIONS:
        return KEEP_OPTIONS;
    case KEEPALIVE_GET_PARAMETER:
        return KEEP_GET_PARAMETER;
    case KEEPALIVE_SET_PARAMETER:
        return KEEP_SET_PARAMETER;
    case KEEPALIVE_NONE:
        return KEEP_NONE;
    case KEEPALIVE_AUTO:
        break;
    }
    return KEEP_AUTO;
}

static enum description_wanted tracks_of(enum plan_tracks tracks)
{
    return tracks == TRACKS_VIDEO ? WANT_VIDEO : tracks == TRACKS_AUDIO ? WANT_AUDIO : WANT_ALL;
}

/* Also where the target may be changed by hand. */
static bool readers_leave(const struct shard_setup *setup)
{
    const struct plan *plan = setup->plan;
    return plan->profile.kind != PROFILE_CONSTANT || plan->profile.noise > 0 ||
           (setup->control && !plan->open);
}

/* That can be wanted of the whole plan at a time. */
static uint32_t most_readers(const struct shard_setup *setup)
{
    const struct plan *plan = setup->plan;
    return setup->control && !plan->open ? plan->readers_most : plan->readers;
}

static struct client_config config_of(const struct shard_setup *setup)
{
    const struct plan *plan = setup->plan;
    uint32_t readers = plan_shard_share(plan, setup->index, most_readers(setup));
    uint32_t sessions =
        readers + (readers_leave(setup) ? readers / 8 + 16 : 0); /* some still closing */
    uint32_t starting = sessions < CONVERSATIONS_STARTING ? sessions : CONVERSATIONS_STARTING;
    return (struct client_config){
        .urls = setup->targets->urls,
        .url_count = setup->targets->count,
        .sessions = sessions,
        .readers = plan->readers,
        .panel = plan->panel,
        .publish = plan->publish,
        .publish_queue_ns = plan->publish_queue_ns,
        .conversations = (plan->publish ? sessions : starting) + CONVERSATIONS_RESERVE,
        .retries = plan->retries,
        .retries_given = plan->retries_given,
        .backoff_ns = plan->backoff_ns,
        .timeout_ns = plan->timeout_ns,
        .media_timeout_ns = plan->media_timeout_ns,
        .report_ns = plan->report_ns,
        .seed = plan->seed,
        .transport = transport_of(plan->transport),
        .keepalive = keepalive_of(plan->keepalive),
        .tracks = tracks_of(plan->tracks),
        .end_on_stall = plan->end_on_stall,
        .reconnect = plan->reconnect,
        .replace = !plan->open,
        .quickack_off = !plan->quickack,
        .close_reset = plan->close_reset,
        .trust_redirects = plan->trust_redirects,
        .user_agent = slice_from_string(plan->user_agent),
        .headers = slice_from_string(plan->headers),
    };
}

static int init_records(struct shard *shard)
{
    const struct shard_setup *setup = &shard->setup;
    uint32_t readers = plan_shard_share(setup->plan, setup->index, most_readers(setup));
    if (!readers_leave(setup))
        return 0;
    shard->records = calloc(readers + 1, sizeof(*shard->records));
    if (!shard->records) {
        shard_dispose(shard);
        return -ENOMEM;
    }
    return 0;
}

/* Clients that misbehave are a client of their own, so that their numbers can't mix with the
 * others'. */
static int init_bad(struct shard *shard)
{
    const struct plan *plan = shard->setup.plan;
    if (plan->bad_ratio <= 0)
        return 0;
    shard->bad_config = shard->config;
    shard->bad_config.transport = CLIENT_TCP;
    shard->bad_config.retries = 0;
    shard->bad_config.backoff_ns = NS_PER_S;
    shard->bad_config.panel = 0;
    shard->bad_config.end_on_stall = false;
    shard->bad_config.media_timeout_ns = 0;
    shard->bad_stats = stats_new(shard->config.url_count);
    if (!shard->bad_stats ||
        client_init(&shard->bad, &shard->bad_config, &shard_bad_io, shard, shard->bad_stats)) {
        shard_dispose(shard);
        return -ENOMEM;
    }
    shard->bad.good = &shard->client;
    shard->bad.token_bit = SHARD_BAD_TOKEN;
    return 0;
}

int shard_init(struct shard *shard, const struct shard_setup *setup)
{
    const struct plan *plan = setup->plan;
    *shard = (struct shard){.setup = *setup, .cores = machine_cores(), .config = config_of(setup)};
    const struct loop_config loop = {
        .kind = setup->loop,
        .max_sockets = shard->config.sessions * plan->sockets_per_session + 16,
        .denied = plan->denied,
        .sim = setup->sim,
    };
    int error = loop_new(&shard->loop, &loop, shard_on_event, shard);
    if (error)
        return error;
    error = client_init(&shard->client, &shard->config, &shard_io, shard, setup->exchange->current);
    if (error) {
        loop_free(shard->loop);
        shard->loop = NULL;
        return error;
    }
    arrival_init(&shard->arrival, plan, setup->index);
    shard->arrival.most = most_readers(setup);
    adaptive_init(&shard->adaptive);
    error = init_bad(shard);
    return error ? error : init_records(shard);
}

void shard_dispose(struct shard *shard)
{
    if (!shard->loop)
        return;
    loop_free(shard->loop);
    client_dispose(&shard->client);
    if (shard->bad_stats)
        client_dispose(&shard->bad);
    stats_free(shard->bad_stats);
    shard->bad_stats = NULL;
    free(shard->records);
    shard->records = NULL;
    shard->loop = NULL;
}

/* How long the run has gone by the plan's clock, which an adaptive plan slows down. */
static uint64_t plan_time(const struct shard *shard, uint64_t now_ns)
{
    uint64_t since_ns = now_ns > shard->start_ns ? now_ns - shard->start_ns : 0;
    return shard->setup.plan->adaptive ? adaptive_plan_time(&shard->adaptive, since_ns) : since_ns;
}

static uint64_t next_due(const struct shard *shard)
{
    uint64_t at_ns = shard->next.at_ns;
    if (shard->setup.plan->adaptive)
        at_ns = adaptive_run_time(&shard->adaptive, at_ns);
    return shard->start_ns + at_ns;
}

/* A curve is walked a little ahead of the clock; a constant profile's next reader is known at any
 * time. */
static bool look_ahead(struct shard *shard, uint64_t now_ns)
{
    bool curve = arrival_is_curve(&shard->arrival);
    uint64_t until_ns = curve ? plan_time(shard, now_ns) + LOOK_AHEAD_NS : TIME_NEVER;
    if (!shard->has_next)
        shard->has_next = arrival_next(&shard->arrival, until_ns, &shard->next);
    return shard->has_next;
}

void shard_start(struct shard *shard, uint64_t start_ns)
{
    const struct plan *plan = shard->setup.plan;
    shard->start_ns = start_ns;
    shard->end_ns = start_ns + plan->duration_ns;
    shard->deadline_ns = TIME_NEVER;
    shard->seen_ns = loop_clock(shard->loop);
    client_tick(&shard->client, shard->seen_ns, 0);
    if (shard->bad_stats)
        client_tick(&shard->bad, shard->seen_ns, 0);
    shard->next_halt_ns = plan->halt_ns ? start_ns + plan->halt_period_ns : TIME_NEVER;
    stats_exchange_begin(shard->setup.exchange, start_ns);
    occupancy_begin(&shard->occupancy, start_ns + plan->warmup_ns, shard->end_ns);
    look_ahead(shard, start_ns);
    if (plan->warmup_ns > 0)
        client_set_warming(&shard->client, true);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* When who is still there will not be waited for. */
static uint64_t give_up_ns(const struct shard *shard)
{
    uint64_t per_s = SLOW_STOPS_PER_S / shard->setup.plan->shards + 1;
    uint64_t asking_ns = (uint64_t)shard->client.sessions.touched * NS_PER_S / per_s;
    return shard->stop_ns + asking_ns + GRACE_NS;
}

/* How many more sessions may be asked to end now: no more than the server keeps up with, so that
   nobody's TEARDOWN waits behind those of all others until it times out. */
static uint32_t stops_due(struct shard *shard)
{
    uint32_t shards = shard->setup.plan->shards;
    bool kept_up = shard->client.tearing_down < STOPS_UNANSWERED / shards + 1;
    uint64_t per_s = (kept_up ? STOPS_PER_S : SLOW_STOPS_PER_S) / shards + 1;
    uint64_t since_ns = shard->seen_ns - shard->stopped_until_ns;
    uint64_t count = since_ns * per_s / NS_PER_S;
    shard->stopped_until_ns += count * NS_PER_S / per_s;
    return (uint32_t)count;
}

/* Whether the next reader has to wait until the user lets the run go on. */
static bool is_held(const struct shard *shard)
{
    const struct run_control *control = shard->setup.control;
    return control && !shard->next.leaves &&
           atomic_load_explicit(&control->paused, memory_order_relaxed);
}

uint64_t shard_next_deadline(const struct shard *shard)
{
    uint64_t next_ns = client_next_deadline(&shard->client);
    if (shard->bad_stats)
        next_ns = earlier(next_ns, client_next_deadline(&shard->bad));
    if (shard->stopping)
        return earlier(next_ns, shard->stop_cursor < shard->client.sessions.touched
                                    ? shard->seen_ns + NS_PER_MS
                                    : give_up_ns(shard));
    if (shard->has_next && !is_held(shard)) {
        next_ns = earlier(next_ns, later(next_due(shard), shard->not_before_ns));
    } else if (arrival_is_curve(&shard->arrival)) {
        next_ns = earlier(next_ns, shard->seen_ns + IDLE_NS);
    }
    next_ns = earlier(next_ns, shard->next_halt_ns);
    if (shard->client.warming)
        next_ns = earlier(next_ns, shard->start_ns + shard->setup.plan->warmup_ns);
    return earlier(next_ns, shard->end_ns);
}

void shard_tell_time(struct shard *shard)
{
    uint64_t now_ns = loop_now(shard->loop);
    if (now_ns == shard->seen_ns)
        return;
    /* Late is what came after its deadline, or waited while the turn before was still at work. No
       lag reaches back to before the start, when there was nothing to be late for. */
    uint64_t from_ns = later(shard->deadline_ns, shard->start_ns);
    uint64_t late_ns = now_ns > from_ns ? now_ns - from_ns : 0;
    bool sampled = shard->deadline_ns <= now_ns && shard->start_ns <= now_ns;
    shard->seen_ns = now_ns;
    occupancy_add(&shard->occupancy, now_ns, shard->client.active, shard->target);
    client_tick(&shard->client, now_ns, late_ns > shard->worked_ns ? late_ns : shard->worked_ns);
    if (shard->bad_stats)
        client_tick(&shard->bad, now_ns, 0);
    if (sampled)
        histogram_record(&shard->client.stats->metrics[METRIC_LOOP_LAG], late_ns / NS_PER_US);
    shard->deadline_ns = TIME_NEVER;
}

/* Where a reader's last session is kept, in shards whose readers may leave. */
static uint32_t *record_of(const struct shard *shard, uint32_t reader)
{
    const struct plan *plan = shard->setup.plan;
    return &shard->records[(reader - 1) / plan->shares / plan->shards];
}

static void leave(struct shard *shard, uint32_t reader)
{
    uint32_t *record = record_of(shard, reader);
    bool good = plan_misbehaviour(shard->setup.plan, reader) < 0;
    shard->target -= good;
    if (*record > 0)
        client_leave(good ? &shard->client : &shard->bad, *record - 1, reader);
    *record = 0;
}

/* Those that are due in the calm stretch begin when it is over, within 2 s. */
static bool begin_bad(struct shard *shard, uint32_t reader, enum misbehaviour kind, uint64_t due_ns)
{
    uint64_t calm_ns = shard->start_ns + shard->setup.plan->bad_after_ns;
    if (due_ns < calm_ns)
        due_ns = calm_ns + (uint64_t)(reader % 200) * 10 * NS_PER_MS;
    if (!client_start_bad(&shard->bad, reader, kind, due_ns))
        return false;
    if (shard->records)
        *record_of(shard, reader) = shard->bad.last_started + 1;
    return true;
}

/* False when there is no room now. In an open model that is the arrival's loss, not a delay. */
static bool begin(struct shard *shard, uint32_t reader, uint64_t due_ns, uint64_t now_ns)
{
    const struct plan *plan = shard->setup.plan;
    uint32_t url = shard->setup.first_url + url_list_of(&plan->urls, reader);
    int kind = plan_misbehaviour(plan, reader);
    if (kind >= 0)
        return begin_bad(shard, reader, (enum misbehaviour)kind, due_ns);
    bool room = !plan->open || shard->client.alive < shard->config.sessions;
    if (!room || !client_start(&shard->client, reader, url, due_ns)) {
        shard->client.stats->sessions.not_started += plan->open;
        return plan->open;
    }
    if (shard->records)
        *record_of(shard, reader) = shard->client.last_started + 1;
    histogram_record(&shard->client.stats->metrics[METRIC_SCHEDULE_LAG],
                     (now_ns - due_ns) / NS_PER_US);
    if (plan->open)
        return true;
    shard->target++;
    occupancy_owe(&shard->occupancy, due_ns);
    return true;
}

/* Readers that a pause held up are due when it is over: until then nobody was late for them. */
static void heed_pause(struct shard *shard, uint64_t now_ns)
{
    bool held = shard->has_next && is_held(shard);
    if (shard->held && !held)
        shard->not_before_ns = later(shard->not_before_ns, now_ns);
    shard->held = held;
}

/* Somebody changed the target. */
static void heed_change(struct shard *shard, uint64_t now_ns)
{
    const struct run_control *control = shard->setup.control;
    int change = control ? atomic_load_explicit(&control->change, memory_order_relaxed) : 0;
    if (change == shard->change)
        return;
    shard->change = change;
    if (shard->has_next)
        arrival_take_back(&shard->arrival, &shard->next);
    shard->has_next = false;
    arrival_rescale(&shard->arrival, (1000 + change) / 1000.0, plan_time(shard, now_ns));
}

/* Begins the readers that are due, and lets go those that leave. One that finds no room is first
   again next time. */
static void start_due(struct shard *shard)
{
    uint64_t now_ns = loop_clock(shard->loop);
    heed_change(shard, now_ns);
    while (!shard->stopping && look_ahead(shard, now_ns)) {
        uint64_t due_ns = next_due(shard);
        if (due_ns > now_ns || is_held(shard))
            return;
        if (shard->next.leaves) {
            leave(shard, shard->next.reader);
        } else if (!begin(shard, shard->next.reader, due_ns, now_ns)) {
            shard->not_before_ns = now_ns + NO_ROOM_NS;
            return;
        }
        shard->has_next = false;
        now_ns = loop_clock(shard->loop);
    }
}

static void adapt(struct shard *shard)
{
    const struct client *client = &shard->client;
    if (shard->setup.plan->adaptive && shard->seen_ns > shard->start_ns)
        adaptive_look(&shard->adaptive, shard->seen_ns - shard->start_ns, client->tries_established,
                      client->tries_failed);
}

/* What was due and never begun. */
static void count_not_started(struct shard *shard)
{
    uint64_t until_ns = earlier(loop_clock(shard->loop), shard->end_ns);
    uint64_t since_ns = until_ns > shard->start_ns ? until_ns - shard->start_ns : 0;
    while (shard->has_next || arrival_next(&shard->arrival, since_ns, &shard->next)) {
        shard->has_next = false;
        if (shard->next.leaves || shard->next.at_ns >= since_ns)
            continue;
        shard->client.stats->sessions.not_started++;
        if (!shard->setup.plan->open)
            occupancy_owe(&shard->occupancy, shard->start_ns + shard->next.at_ns);
    }
}

static void begin_stopping(struct shard *shard)
{
    shard->stopping = true;
    shard->stop_ns = shard->seen_ns;
    shard->stopped_until_ns = shard->seen_ns - NS_PER_MS;
    shard->client.stats->up_at_end += shard->client.active;
    shard->client.stats->wanted_at_end += shard->target;
    count_not_started(shard);
    occupancy_end(&shard->occupancy, shard->seen_ns);
}

static void stop_paced(struct shard *shard)
{
    uint64_t now_ns = shard->seen_ns;
    bool asked =
        shard->setup.stopped && atomic_load_explicit(shard->setup.stopped, memory_order_relaxed);
    if (!shard->stopping) {
        if (now_ns < shard->end_ns && !asked)
            return;
        begin_stopping(shard);
    }
    client_stop(&shard->client, &shard->stop_cursor, stops_due(shard));
    bool all_asked = shard->stop_cursor >= shard->client.sessions.touched;
    if (shard->bad_stats)
        client_stop(&shard->bad, &shard->bad_stop_cursor, UINT32_MAX);
    shard->done = (all_asked && shard->client.alive == 0 && shard->bad.alive == 0) ||
                  now_ns >= give_up_ns(shard);
}

static void end_warmup(struct shard *shard)
{
    if (shard->client.warming && shard->seen_ns >= shard->start_ns + shard->setup.plan->warmup_ns)
        client_set_warming(&shard->client, false);
}

/* The test hook that makes this machine the culprit. */
static void halt_if_due(struct shard *shard)
{
    const struct plan *plan = shard->setup.plan;
    if (shard->seen_ns < shard->next_halt_ns || shard->stopping)
        return;
    struct timespec span = {(time_t)(plan->halt_ns / NS_PER_S), (long)(plan->halt_ns % NS_PER_S)};
    nanosleep(&span, NULL);
    shard->next_halt_ns += plan->halt_period_ns;
}

static void hand_over_stats(struct shard *shard)
{
    struct stats_exchange *exchange = shard->setup.exchange;
    if (!atomic_load_explicit(&exchange->wanted, memory_order_relaxed))
        return;
    exchange->current->target = shard->target;
    occupancy_take(&shard->occupancy, exchange->current);
    client_fill_gauges(&shard->client);
    if (stats_exchange_poll(exchange, shard->seen_ns))
        client_set_stats(&shard->client, exchange->current);
}

/* How many shards take turns on a core. */
static uint64_t sharing(const struct shard *shard)
{
    return (shard->setup.plan->shards + shard->cores - 1) / shard->cores;
}

/* Busy is over half of this shard's part of a core, waiting for the core included. The simulated
   network is never busy. */
static void look_at_load(struct shard *shard)
{
    uint64_t wall_ns = shard->seen_ns - shard->busy_wall_ns;
    if (wall_ns < BUSY_LOOK_NS || shard->setup.loop == LOOP_SIM)
        return;
    uint64_t demand_ns = clock_thread_demand_ns();
    shard->busy = (demand_ns - shard->busy_demand_ns) * sharing(shard) > wall_ns / 2;
    shard->busy_wall_ns = shard->seen_ns;
    shard->busy_demand_ns = demand_ns;
}

/* Gathering arrivals delays a conversation, so it waits until none is going on, or until it must.
   Busy shards that share a core gather longer, so that the core wakes up as often as for one. */
static uint64_t coalesce_ns(const struct shard *shard)
{
    const struct plan *plan = shard->setup.plan;
    if (shard->busy)
        return earlier(plan->coalesce_ns * sharing(shard), COALESCE_MAX_NS);
    return shard->client.waiting == 0 ? plan->coalesce_ns : 0;
}

/* What the turn before took. On the simulated network that is no time: the clock moves between. */
static uint64_t worked_ns(const struct shard *shard, uint64_t now_ns)
{
    bool on_sim = shard->setup.loop == LOOP_SIM;
    return on_sim ? 0 : now_ns - shard->seen_ns;
}

static uint64_t unix_offset_ns(const struct shard *shard)
{
    bool on_sim = shard->setup.loop == LOOP_SIM;
    return on_sim ? SIM_UNIX_NS : clock_realtime_ns() - clock_monotonic_ns();
}

void shard_abandon(struct shard *shard)
{
    client_abandon(&shard->client);
    occupancy_take(&shard->occupancy, shard->setup.exchange->current);
    client_fill_gauges(&shard->client);
}

void shard_turn(struct shard *shard)
{
    uint64_t before_ns = loop_clock(shard->loop);
    uint64_t gather_ns = coalesce_ns(shard);
    heed_pause(shard, before_ns);
    uint64_t deadline_ns = shard_next_deadline(shard);
    uint64_t patience_ns = before_ns + IDLE_NS;
    if (shard->busy && deadline_ns < before_ns + gather_ns)
        deadline_ns = before_ns + gather_ns; /* timers are gathered, too */
    shard->worked_ns = worked_ns(shard, before_ns);
    shard->client.unix_offset_ns = unix_offset_ns(shard);
    shard->deadline_ns = deadline_ns < patience_ns ? deadline_ns : TIME_NEVER;
    loop_turn(shard->loop, earlier(deadline_ns, patience_ns), gather_ns);
    shard_tell_time(shard);
    client_run_timers(&shard->client);
    if (shard->bad_stats)
        client_run_timers(&shard->bad);
    end_warmup(shard);
    adapt(shard);
    start_due(shard);
    stop_paced(shard);
    halt_if_due(shard);
    hand_over_stats(shard);
    look_at_load(shard);
}
