/* outcome.c - how sessions end: the one door for failures, outcomes counted, what follows. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "client/misbehave.h"
#include "client/session_internal.h"
#include "proto/secrets.h"

#define BACKOFF_MAX_NS (60 * NS_PER_S)
#define SAMPLE_WORDS 96u /* bytes of what was said, beside the URL */

/* What a session that isn't established waits for; between two tries, what the last one failed at.
 */
static enum wait wait_of(const struct session *session)
{
    bool paused = session->state == SESSION_WAITING || session->state == SESSION_CLOSING;
    switch (paused ? (enum phase)session->last_phase : session_phase(session)) {
    case PHASE_OPTIONS:
        return WAIT_OPTIONS;
    case PHASE_DESCRIBE:
        return WAIT_DESCRIBE;
    case PHASE_ANNOUNCE:
        return WAIT_ANNOUNCE;
    case PHASE_SETUP:
        return WAIT_SETUP;
    case PHASE_PLAY:
        return WAIT_PLAY;
    case PHASE_RECORD:
        return WAIT_RECORD;
    case PHASE_RESOLVE:
    case PHASE_CONNECT:
    case PHASE_TLS:
    case PHASE_MEDIA:
    case PHASE_KEEPALIVE:
    case PHASE_TEARDOWN:
    case PHASES:
        break;
    }
    return WAIT_CONNECT;
}

static enum role role_of(const struct client *client)
{
    return client_publishes(client) ? ROLE_PUBLISHER : ROLE_READER;
}

static void count_cut_off(struct client *client, const struct session *session)
{
    enum wait wait = session->returning ? WAIT_COME_BACK : wait_of(session);
    uint64_t waited_ms = client->now_ms - session->waits_since_ms;
    histogram_record(&client->stats->cut_off[role_of(client)][wait], waited_ms * 1000);
}

static void count_without_keyframe(struct client *client, const struct session *session,
                                   uint64_t played)
{
    struct stream_stats *stream = &client->stats->streams[session->url];
    unsigned step = KEYFRAME_STEPS - 1;
    while (keyframe_steps_ms[step] > played)
        step--;
    stream->no_keyframe[step]++;
}

/* From PLAY until TEARDOWN was sent, or until now. */
static uint64_t played_ms(const struct client *client, const struct session *session)
{
    bool over = session->state == SESSION_TEARDOWN || session->state == SESSION_DRAINING;
    uint64_t until_ns = over ? session->phase_started_ns : client->now_ns;
    return until_ns > session->play_sent_ns ? (until_ns - session->play_sent_ns) / NS_PER_MS : 0;
}

/* How long a reader had played that got no packet, or no keyframe, as it ended. */
static void count_deprived(struct client *client, const struct session *session)
{
    uint64_t played = played_ms(client, session);
    bool keyframe = session->ever & (1u << METRIC_FIRST_KEYFRAME);
    if (client_publishes(client))
        return;
    if (!(session->flags & FLAG_GOT_MEDIA))
        histogram_record(&client->stats->silent, played * 1000);
    if ((session->flags & FLAG_HAS_KEYFRAMES) && !keyframe)
        count_without_keyframe(client, session, played);
}

static void count_outcome(struct client *client, struct session *session,
                          enum session_outcome outcome)
{
    struct session_counts *all = &client->stats->sessions;
    struct session_counts *url = &client->stats->streams[session->url].sessions;
    switch (outcome) {
    case OUTCOME_COMPLETED:
        all->completed++;
        url->completed++;
        break;
    case OUTCOME_DROPPED:
        all->dropped++;
        url->dropped++;
        break;
    case OUTCOME_FAILED:
        all->failed++;
        url->failed++;
        client->stats->failed_in[role_of(client)][wait_of(session)]++;
        client->stats->failed_in[role_of(client)][WAIT_COME_BACK] += session->returning;
        break;
    case OUTCOME_CANCELLED:
        all->cut_off++;
        url->cut_off++;
        count_cut_off(client, session);
        break;
    case OUTCOMES:
        break;
    }
    if (session->flags & FLAG_ESTABLISHED) {
        client->active--;
        count_deprived(client, session);
    } else {
        client->starting--;
    }
}

/* A bad client comes back whatever became of it: so the pressure on the server lasts. */
static enum session_next next_of(const struct client *client, const struct session *session,
                                 enum session_outcome outcome)
{
    if (session_is_over(client, session))
        return NEXT_FREE;
    if (session->misbehaviour || (outcome == OUTCOME_DROPPED && client->config->reconnect))
        return NEXT_COME_BACK;
    return outcome == OUTCOME_COMPLETED && client->config->replace ? NEXT_REPLACE : NEXT_FREE;
}

/* The outcome, counted and logged. */
static void conclude(struct client *client, struct session *session, enum session_outcome outcome)
{
    count_outcome(client, session, outcome);
    if (session->publisher)
        publisher_end(client, session);
    media_end(client, session);
    if (session->misbehaviour)
        misbehave_ended(client, session, outcome);
    if (client->io->ended)
        client->io->ended(client->host, session, outcome);
}

void session_finish(struct client *client, struct session *session, enum session_outcome outcome)
{
    enum session_next next = next_of(client, session, outcome);
    conclude(client, session, outcome);
    if (next == NEXT_COME_BACK && !session->misbehaviour) {
        session->returning = true;
        session->waits_since_ms = client->now_ms;
    }
    session_close_all(client, session, next);
}

/* Whether a session that is closing, or waits, has had its outcome already. */
static bool is_concluded(const struct session *session)
{
    enum session_next next = (enum session_next)session->next;
    if (session->state == SESSION_WAITING)
        return next == NEXT_COME_BACK || next == NEXT_REPLACE;
    bool goes_on = next == NEXT_RETRY || next == NEXT_REDIRECT || next == NEXT_AGAIN;
    return session->state == SESSION_FREE || (session->state == SESSION_CLOSING && !goes_on);
}

void session_abandon(struct client *client, struct session *session)
{
    bool up = session->flags & FLAG_ESTABLISHED;
    if (!is_concluded(session))
        conclude(client, session, up ? OUTCOME_COMPLETED : OUTCOME_CANCELLED);
    session->next = NEXT_FREE;
    session->flags &= (uint16_t)~FLAG_ESTABLISHED;
}

static bool contains(struct slice text, struct slice part)
{
    return part.len > 0 && memmem(text.data, text.len, part.data, part.len);
}

/* Does a server's text give back our password, plain or as Basic authentication has it? */
static bool shows_secret(const struct client *client, const struct session *session,
                         struct slice text)
{
    char buffer[2048];
    const struct client_url *who = &client->config->urls[session->url];
    struct auth_challenge basic = {.scheme = AUTH_BASIC};
    struct auth_credentials credentials = {who->user, who->password};
    struct text header = text_init(buffer, sizeof(buffer));
    if (who->user.len == 0 || text.len == 0)
        return false;
    auth_write(&header, &basic, &credentials, SLICE("OPTIONS"), who->text, SLICE(""));
    struct slice proof = text_slice(&header);
    slice_take(&proof, sizeof("Authorization: Basic ") - 1);
    return contains(text, who->password) || contains(text, slice_trim(proof));
}

void session_count_error(struct client *client, const struct session *session, enum reason reason,
                         unsigned status, struct slice what)
{
    char words[2048], buffer[160];
    struct text told = text_init(words, sizeof(words));
    struct text sample = text_init(buffer, sizeof(buffer) - 1);
    enum phase phase = session_phase(session);
    if (shows_secret(client, session, what))
        what = SLICE("***");
    secrets_mask(&told, slice_take(&what, sizeof(words) / 2));
    struct slice shown = text_slice(&told);
    text_add(&sample, slice_take(&shown, SAMPLE_WORDS));
    text_add_string(&sample, told.len > 0 ? " from " : "");
    told.len = 0;
    session_show_url(client, session, &told);
    size_t room = sample.size - sample.len;
    text_add(&sample, slice_make(told.data, told.len < room / 2 ? told.len : room / 2));
    stats_error(client->stats, phase, reason, status, text_string(&sample));
}

/* Tries after the first that a session has. Who comes back after a drop tries until the plan ends,
   unless a number was given. */
static uint32_t retries_of(const struct client *client, const struct session *session)
{
    bool patient = session->returning && !client->config->retries_given;
    return patient ? UINT32_MAX : client->config->retries;
}

/* A status answers TEARDOWN, whatever it says, and so does closing the connection. */
static void count_teardown(struct client *client, struct session *session, enum reason reason)
{
    bool silent =
        reason == REASON_TIMEOUT || reason == REASON_WRITE_TIMEOUT || reason == REASON_RESET;
    if (!silent || session->state != SESSION_TEARDOWN)
        return;
    client->stats->teardowns_unanswered++;
    publisher_doubt(client, session);
}

void session_fail(struct client *client, struct session *session, enum reason reason,
                  unsigned status, struct slice what)
{
    count_teardown(client, session, reason);
    if (session->state == SESSION_TEARDOWN && reason == REASON_TIMEOUT)
        reason = REASON_TEARDOWN_TIMEOUT;
    session_count_error(client, session, reason, status, what);
    session->last_phase = (uint8_t)session_phase(session);
    session->last_reason = (uint8_t)reason;
    if (session->state == SESSION_TEARDOWN || session->state == SESSION_DRAINING) {
        session_finish(client, session, OUTCOME_COMPLETED); /* the plan had ended it already */
    } else if (session->flags & FLAG_ESTABLISHED) {
        session_finish(client, session, OUTCOME_DROPPED);
    } else if (session->tries < retries_of(client, session) && !session_is_over(client, session)) {
        client->tries_failed++;
        session->tries++;
        session->addresses_tried = 0;
        if (session->state == SESSION_CONNECTING)
            session->address++; /* this one may be dead, and another alive */
        client->stats->sessions.retries++;
        client->stats->streams[session->url].sessions.retries++;
        session_close_all(client, session, NEXT_RETRY);
    } else {
        client->tries_failed++;
        session_finish(client, session, OUTCOME_FAILED);
    }
}

/* Exponential from the configured pause, half of it random; at least what the server asked for. */
static uint64_t backoff_ns(const struct client *client, const struct session *session)
{
    struct rng rng = rng_init(client->config->seed, session->reader, 1000u + session->tries);
    unsigned doublings = session->tries > 1 ? session->tries - 1u : 0;
    uint64_t pause_ns = client->config->backoff_ns << (doublings < 20 ? doublings : 20);
    if (pause_ns > BACKOFF_MAX_NS)
        pause_ns = BACKOFF_MAX_NS;
    pause_ns = pause_ns / 2 + (uint64_t)((double)pause_ns * rng_double(&rng));
    uint64_t asked_ns = session->wait_ms * NS_PER_MS;
    return pause_ns > asked_ns ? pause_ns : asked_ns;
}

static void free_pooled(struct client *client, struct session *session)
{
    setup_forget(client, session);
    if (session->auth)
        pool_give(&client->auths, session->auth - 1);
    if (session->publisher)
        pool_give(&client->publishers, session->publisher - 1);
    session->publisher = 0;
    client_leave_panel(client, session);
    session->auth = 0;
    if (session->next != NEXT_REDIRECT)
        conversation_give(&client->conversations, &session->conversation);
}

void session_wait(struct client *client, struct session *session, uint64_t span_ns)
{
    session_enter(client, session, SESSION_WAITING);
    session->deadline_ms = session_ms(client, span_ns + NS_PER_MS);
    session_arm(client, session);
}

static void free_record(struct client *client, struct session *session)
{
    conversation_give(&client->conversations, &session->conversation);
    session_enter(client, session, SESSION_FREE);
    client->alive--;
    pool_give(&client->sessions, client_index(client, session));
}

/* The end came between two tries. */
static void cancel_between_tries(struct client *client, struct session *session)
{
    session->next = NEXT_FREE;
    count_outcome(client, session, OUTCOME_CANCELLED);
    if (client->io->ended)
        client->io->ended(client->host, session, OUTCOME_CANCELLED);
    free_record(client, session);
}

void session_after_closed(struct client *client, struct session *session)
{
    enum session_next next = (enum session_next)session->next;
    bool over = session_is_over(client, session);
    free_pooled(client, session);
    if (over && (next == NEXT_RETRY || next == NEXT_REDIRECT || next == NEXT_AGAIN)) {
        cancel_between_tries(client, session);
        return;
    }
    switch (over ? NEXT_FREE : next) {
    case NEXT_RETRY:
        session_wait(client, session, backoff_ns(client, session));
        break;
    case NEXT_COME_BACK:
        session->tries = 0;
        session_wait(client, session, backoff_ns(client, session));
        break;
    case NEXT_REPLACE:
        session->tries = 0;
        session_wait(client, session, 0);
        break;
    case NEXT_AGAIN:
        session_wait(client, session, 0);
        break;
    case NEXT_REDIRECT:
        session_begin_try(client, session);
        break;
    case NEXT_FREE:
        free_record(client, session);
        break;
    }
}

void session_close_all(struct client *client, struct session *session, enum session_next next)
{
    session->next = (uint8_t)next;
    session->acting = false;
    session_enter(client, session, SESSION_CLOSING);
    if (!(session->flags & FLAG_CONTROL_CLOSING)) {
        session->flags |= FLAG_CONTROL_CLOSING;
        session->flags &= (uint16_t)~FLAG_CONNECTED;
        client->io->close(client->host, session->socket,
                          client->config->close_reset || session->bad_reset);
    }
    setup_close_udp(client, session);
    if (session->opens == 0)
        session_after_closed(client, session);
}
