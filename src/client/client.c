#include "client/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/misbehave.h"
#include "client/session_internal.h"

#define LAG_NS (100 * NS_PER_MS) /* a turn this late may have cost packets */
#define GIANTS 64u /* messages of over 4.5 KB that are in pieces at a time; memory when used */
#define PANEL_CATCH_UP_MS 10000u /* seconds longer ago than this are skipped */

static uint32_t panel_room(const struct client_config *config)
{
    return config->panel < config->sessions ? config->panel : config->sessions;
}

static int init_pools(struct client *client, uint32_t sessions)
{
    struct {
        struct pool *pool;
        size_t record_size;
        uint32_t capacity;
    } pools[] = {
        {&client->sessions, sizeof(struct session), sessions},
        {&client->more_tracks, sizeof(struct more_tracks), sessions},
        {&client->gap_blocks, sizeof(struct gaps_block), 16 * sessions + 1024},
        {&client->descriptions, sizeof(struct description), sessions + 1},
        {&client->auths, sizeof(struct auth_challenge), sessions},
        {&client->udps, sizeof(struct session_udp), sessions},
        {&client->panels, sizeof(struct panel_session), panel_room(client->config)},
        {&client->long_ids, sizeof(struct long_id), sessions},
        {&client->publishers, sizeof(struct publisher), client->config->publish ? sessions : 1},
    };
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        int error = pool_init(pools[i].pool, pools[i].record_size, pools[i].capacity);
        if (error)
            return error;
    }
    return conversations_init(&client->conversations, client->config->conversations, GIANTS);
}

int client_init(struct client *client, const struct client_config *config,
                const struct client_io *io, void *host, struct stats *stats)
{
    *client =
        (struct client){.config = config, .io = io, .host = host, .stats = stats, .media = stats};
    client->now_ns = io->clock(host);
    client->epoch_ns = client->now_ns - NS_PER_MS;
    client->now_ms = 1;
    client->scratch = stats_new(config->url_count);
    client->last_description = calloc(config->url_count, sizeof(*client->last_description));
    client->scratch_text = malloc(CLIENT_SCRATCH);
    client->panel_users = calloc(panel_room(config) + 1, sizeof(*client->panel_users));
    if (!client->scratch || !client->last_description || !client->scratch_text ||
        !client->panel_users || panel_shard_init(&client->panel_shard, stats, config->url_count) ||
        init_pools(client, config->sessions) ||
        wheel_init(&client->wheel, client->now_ns, client->sessions.base, sizeof(struct session),
                   offsetof(struct session, timer))) {
        client_dispose(client);
        return -ENOMEM;
    }
    return 0;
}

void client_dispose(struct client *client)
{
    struct pool *pools[] = {
        &client->sessions,     &client->more_tracks, &client->gap_blocks,
        &client->descriptions, &client->auths,       &client->udps,
        &client->panels,       &client->long_ids,    &client->publishers,
    };
    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
        pool_dispose(pools[i]);
    conversations_dispose(&client->conversations);
    wheel_dispose(&client->wheel);
    stats_free(client->scratch);
    panel_shard_dispose(&client->panel_shard);
    free(client->panel_users);
    free(client->last_description);
    free(client->scratch_text);
    *client = (struct client){0};
}

/* The panel's seconds end at the same moments whatever the shard has to do, and before what arrived
   later is looked at: so how a plan is split doesn't show. */
static void tell_panel_the_time(struct client *client)
{
    uint64_t now_ns = client->now_ns - (client->now_ns - client->epoch_ns) % NS_PER_MS;
    while (client->now_ms - client->panel_second_ms >= 1000) {
        client->panel_second_ms += 1000;
        uint32_t ago_ms = client->now_ms - client->panel_second_ms;
        for (uint32_t i = 0; i < client->panels.touched && ago_ms < PANEL_CATCH_UP_MS; i++) {
            if (client->panel_users[i])
                panel_on_second(&client->panel_shard, pool_at(&client->panels, i),
                                now_ns - ago_ms * NS_PER_MS);
        }
    }
}

void client_tick(struct client *client, uint64_t now_ns, uint64_t lag_ns)
{
    client->now_ns = now_ns;
    client->now_ms = (uint32_t)((now_ns - client->epoch_ns) / NS_PER_MS);
    if (lag_ns > LAG_NS)
        client->last_lag_ms = client->now_ms ? client->now_ms : 1;
    tell_panel_the_time(client);
}

void client_set_stats(struct client *client, struct stats *stats)
{
    client->stats = stats;
    client->media = client->warming ? client->scratch : stats;
    client->panel_shard.stats = client->media;
}

void client_set_warming(struct client *client, bool warming)
{
    bool was = client->warming;
    client->warming = warming;
    client_set_stats(client, client->stats);
    if (!was || warming)
        return;
    client->media_from_ns = client->now_ns;
    for (uint32_t i = 0; i < client->sessions.touched; i++) {
        struct session *session = client_session(client, i);
        session->bytes = 0;
        session->packets = 0;
        if (session->panel)
            panel_session_end_warmup(&client->panel_shard,
                                     pool_at(&client->panels, session->panel - 1), client->now_ns);
        for (unsigned n = 0; n < session->track_count; n++)
            receiver_restart(&session_track(client, session, n)->receiver, &client->gap_blocks);
    }
}

/* Is this reader one of those that are looked at in depth? Evenly spread, whatever the share. */
static bool is_in_panel(const struct client_config *config, uint32_t reader)
{
    uint64_t panel = config->panel < config->readers ? config->panel : config->readers;
    return reader * panel / config->readers != (reader - 1) * panel / config->readers;
}

void client_join_panel(struct client *client, struct session *session)
{
    if (session->panel || !is_in_panel(client->config, session->reader))
        return;
    uint32_t record = pool_take(&client->panels);
    if (record == POOL_NONE)
        return;
    session->panel = record + 1;
    client->panel_users[record] = client_index(client, session) + 1;
    panel_session_init(&client->panel_shard, pool_at(&client->panels, record), session->url);
}

void client_leave_panel(struct client *client, struct session *session)
{
    if (!session->panel)
        return;
    client->panel_users[session->panel - 1] = 0;
    pool_give(&client->panels, session->panel - 1);
    session->panel = 0;
}

/* A record with its conversation, for a reader's first session; NULL when there is no room. */
static struct session *take_session(struct client *client, uint32_t reader, uint32_t url,
                                    uint64_t due_ns)
{
    uint32_t index = pool_take(&client->sessions);
    uint32_t conversation = 0;
    if (index == POOL_NONE)
        return NULL;
    if (!conversation_take(&client->conversations, &conversation)) {
        pool_give(&client->sessions, index);
        return NULL;
    }
    struct session *session = client_session(client, index);
    uint32_t generation = session->generation;
    memset(session, 0, sizeof(*session));
    session->generation = generation;
    session->reader = reader;
    session->url = url;
    session->due_ns = due_ns;
    session->conversation = conversation;
    session->flags = FLAG_CONTROL_CLOSING;
    session_live(client, session);
    client->last_started = index;
    return session;
}

static void begin_session(struct client *client, struct session *session)
{
    client->alive++;
    client->starting++;
    client->stats->sessions.started++;
    client->stats->streams[session->url].sessions.started++;
    session->waits_since_ms = client->now_ms;
    session_enter(client, session, SESSION_WAITING);
    session_begin_try(client, session);
}

bool client_start(struct client *client, uint32_t reader, uint32_t url, uint64_t due_ns)
{
    struct session *session = take_session(client, reader, url, due_ns);
    if (session)
        begin_session(client, session);
    return session;
}

bool client_start_bad(struct client *client, uint32_t reader, enum misbehaviour kind,
                      uint64_t due_ns)
{
    struct session *session = take_session(client, reader, 0, due_ns);
    if (!session)
        return false;
    session->misbehaviour = (uint8_t)(kind + 1);
    misbehave_began(client, session);
    if (due_ns <= client->now_ns) {
        begin_session(client, session);
        return true;
    }
    client->alive++;
    client->starting++;
    if (session->end_ms > 0) /* it lives from when it is due */
        session->end_ms += (uint32_t)((due_ns - client->now_ns) / NS_PER_MS);
    session_wait(client, session, due_ns - client->now_ns);
    return true;
}

void client_leave(struct client *client, uint32_t record, uint32_t reader)
{
    const struct session_event event = {.type = EVENT_LEAVE};
    struct session *session = client_session(client, record);
    if (record < client->sessions.touched && session->reader == reader &&
        session->state != SESSION_FREE)
        session_step(client, session, &event);
}

void client_run_timers(struct client *client)
{
    const struct session_event event = {.type = EVENT_TIMER};
    for (;;) {
        uint32_t index = wheel_expire(&client->wheel, client->now_ns);
        if (index == UINT32_MAX)
            return;
        session_step(client, client_session(client, index), &event);
    }
}

uint64_t client_next_deadline(const struct client *client)
{
    return wheel_next_ns(&client->wheel);
}

void client_event(struct client *client, uint64_t token, const struct session_event *event)
{
    uint32_t index = (uint32_t)(token ^ client->token_bit);
    uint32_t generation = (uint32_t)(token >> 32) & 0xffffff;
    if (index >= client->sessions.touched)
        return;
    struct session *session = client_session(client, index);
    if (session->generation != generation || session->state == SESSION_FREE)
        return;
    struct session_event full = *event;
    full.channel = (uint8_t)(token >> 56);
    session_step(client, session, &full);
}

bool client_stop(struct client *client, uint32_t *cursor, uint32_t count)
{
    const struct session_event event = {.type = EVENT_STOP};
    client->stopping = true;
    while (*cursor < client->sessions.touched) {
        struct session *session = client_session(client, *cursor);
        ++*cursor;
        if (session->state == SESSION_FREE || session->state == SESSION_CLOSING)
            continue;
        if (count-- == 0) {
            --*cursor;
            return false;
        }
        session_step(client, session, &event);
    }
    return true;
}

void client_abandon(struct client *client)
{
    client->stopping = true;
    for (uint32_t i = 0; i < client->sessions.touched; i++)
        session_abandon(client, client_session(client, i));
}

void client_fill_gauges(struct client *client)
{
    struct stats *stats = client->stats;
    stats->active = client->active;
    stats->starting = client->starting;
    stats->active_peak = client->active_peak;
    client->active_peak = client->active;
    if (client->config->url_count == 1)
        stats->streams[0].rtp = stats_rtp(stats); /* one URL: not counted twice on the way */
}
