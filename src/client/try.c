/* try.c - how sessions begin: where to, the next hop of a redirect, and coming back after a drop.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "client/misbehave.h"
#include "client/session_internal.h"
#include "proto/url.h"

#define WAIT_FOR_ROOM_NS (10 * NS_PER_MS)

/* Where the next try goes; -1 when the name did not resolve. */
static int target(const struct client *client, const struct session *session, struct address *to)
{
    const struct client_url *url = &client->config->urls[session->url];
    if (url->address_count == 0)
        return -1;
    *to = url->addresses[session->address % url->address_count];
    return 0;
}

static void connect_to(struct client *client, struct session *session, const struct address *to)
{
    session_enter(client, session, SESSION_CONNECTING);
    if (!(session->measured & (1u << METRIC_CONNECT)))
        session->phase_started_ns = client->io->clock(client->host);
    session_talk(client, session)->peer = *to;
    int64_t socket =
        client->io->connect(client->host, to, session_token(client, session, 0), session->reader);
    if (socket < 0) {
        session_fail(client, session, session_reason_of(client, session, (int)socket), 0,
                     slice_from_string(strerror((int)-socket)));
        return;
    }
    session->socket = (uint32_t)socket;
    session->flags &= (uint16_t)~FLAG_CONTROL_CLOSING;
    session->opens = 1;
}

/* What one try must not inherit from the one before. */
static void reset_try(struct session *session)
{
    session->generation = (session->generation + 1) & 0xffffff;
    session->split = (struct interleaved){0};
    session->carry_len = 0;
    session->pending_cseq = 0;
    session->keepalive_cseq = 0;
    session->report_ms = 0;
    session->keepalive_ms = 0;
    session->auth_rounds = 0;
    session->server_requests = 0;
    session->skipped_bytes = 0;
    session->bad_step = 0;
    session->refresh_left = 0;
    session->acting = false;
    session->bad_reset = false;
    session->elsewhere = false;
    session->wait_ms = 0;
    session->opens = 0;
    session->flags &= FLAG_FORCE_TCP | FLAG_GOT_MEDIA | FLAG_RESETUP | FLAG_LEFT;
    session->flags |= FLAG_CONTROL_CLOSING;
    if (session->next != NEXT_REDIRECT) {
        session->measured = 0;
        session->redirects = 0;
    }
}

/* What is secret is for the scheme, host and port that the user named: another port may be
   another's server. */
static bool is_elsewhere(const struct client *client, const struct session *session,
                         const struct url *now)
{
    struct url named;
    return url_parse(client->config->urls[session->url].text, &named) ||
           named.secure != now->secure || named.port != now->port ||
           !slice_equal_nocase(named.host, now->host);
}

/* The next hop of a redirect: a numeric host at once, a name by way of the resolver. */
static void follow_redirect(struct client *client, struct session *session)
{
    struct url url;
    struct address to;
    const char *wrong = url_parse(session_url(client, session), &url);
    session->flags |= FLAG_REDIRECTED;
    assert(!wrong);
    session->elsewhere = is_elsewhere(client, session, &url);
    if (address_parse(url.host, url.port, &to)) {
        connect_to(client, session, &to);
        return;
    }
    session_enter(client, session, SESSION_RESOLVING);
    if (client->io->resolve(client->host, url.host, url.port, session_token(client, session, 0)) <
        0)
        session_fail(client, session, REASON_NO_ADDRESS, 0, url.host);
}

void session_on_resolved(struct client *client, struct session *session,
                         const struct session_event *event)
{
    if (session->state != SESSION_RESOLVING)
        return;
    if (event->error || event->address_count == 0)
        session_fail(client, session, REASON_NO_ADDRESS, 0, session_url(client, session));
    else
        connect_to(client, session, &event->addresses[0]);
}

/* A publisher's own URL stands in its conversation, like that of a redirect. */
static void number_url(struct client *client, struct session *session)
{
    struct conversation *talk = session_talk(client, session);
    struct paper *paper = conversation_paper(&client->conversations, talk);
    struct text url = text_init(paper->url, sizeof(paper->url));
    session_write_url(client, session, &url);
    assert(!url.overflow); /* the plan sees to that */
    talk->url_len = (uint16_t)url.len;
}

void session_begin_try(struct client *client, struct session *session)
{
    struct address to;
    bool redirected = session->next == NEXT_REDIRECT;
    if (!session->conversation &&
        !conversation_take(&client->conversations, &session->conversation)) {
        session_wait(client, session, WAIT_FOR_ROOM_NS);
        return;
    }
    reset_try(session);
    session_talk(client, session)->open_ended = false;
    session->next = NEXT_FREE;
    if (client_publishes(client) && !redirected)
        number_url(client, session);
    if (redirected)
        follow_redirect(client, session);
    else if (target(client, session, &to) == 0)
        connect_to(client, session, &to);
    else {
        session_enter(client, session, SESSION_RESOLVING);
        session_fail(client, session, REASON_NO_ADDRESS, 0, (struct slice){NULL, 0});
    }
}

void session_live(struct client *client, struct session *session)
{
    const struct client_io *io = client->io;
    uint64_t life_ns =
        io->life_ns ? io->life_ns(client->host, session->reader, session->incarnation) : TIME_NEVER;
    if (io->url_of)
        session->url = io->url_of(client->host, session->reader, session->incarnation);
    session->end_ms = life_ns / NS_PER_MS < INT32_MAX ? session_ms(client, life_ns) : 0;
}

void session_come_back(struct client *client, struct session *session)
{
    if (session->next == NEXT_REPLACE || session->misbehaviour) {
        session->incarnation++;
        session_live(client, session);
    }
    if (session->misbehaviour)
        misbehave_began(client, session);
    if (!session->returning)
        session->waits_since_ms = client->now_ms;
    session->last_reason = REASON_NONE;
    session->due_ns = client->now_ns;
    session->ever = 0;
    session->bytes = 0;
    session->packets = 0;
    session->play_sent_ns = 0;
    session->first_rtp_ns = 0;
    session->flags &= (uint16_t) ~(FLAG_GOT_MEDIA | FLAG_RESETUP | FLAG_ESTABLISHED);
    client->starting++;
    client->stats->sessions.started++;
    client->stats->streams[session->url].sessions.started++;
    session->next = NEXT_FREE;
}
