/* request.c - what a session says: RTSP requests, and the answers to the server's own. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/rng.h"
#include "client/misbehave.h"
#include "client/session_internal.h"
#include "media/describe.h"
#include "proto/secrets.h"
#include "proto/url.h"

/* Of a conversation that has kept something. */
static struct paper *paper_of(struct client *client, const struct conversation *talk)
{
    return pool_at(&client->conversations.papers, talk->paper - 1);
}

struct slice session_url(struct client *client, const struct session *session)
{
    const struct conversation *talk = session_talk(client, session);
    if (talk && talk->url_len > 0)
        return slice_make(paper_of(client, talk)->url, talk->url_len);
    return client->config->urls[session->url].text;
}

static bool may_tell_secrets(const struct client *client, const struct session *session)
{
    return !session->elsewhere || client->config->trust_redirects;
}

bool session_may_authenticate(const struct client *client, const struct session *session)
{
    return client->config->urls[session->url].user.len > 0 && may_tell_secrets(client, session);
}

bool session_can_send(struct client *client, const struct session *session)
{
    const struct conversation *talk = session_talk(client, session);
    return (session->flags & FLAG_CONNECTED) && !(talk && talk->tx_len > 0);
}

static void number(const struct client *client, const struct session *session, struct slice url,
                   struct text *to)
{
    const uint8_t *hole;
    while (client_publishes(client) && (hole = memmem(url.data, url.len, "{n}", 3))) {
        text_add(to, slice_take(&url, (size_t)(hole - url.data)));
        text_printf(to, "%" PRIu32, session->reader);
        slice_take(&url, 3);
    }
    text_add(to, url);
}

void session_write_url(const struct client *client, const struct session *session, struct text *to)
{
    number(client, session, client->config->urls[session->url].text, to);
}

void session_show_url(const struct client *client, const struct session *session, struct text *to)
{
    number(client, session, client->config->urls[session->url].shown, to);
}

void session_keep(struct client *client, struct session *session, struct slice rest)
{
    struct conversation *talk = session_talk(client, session);
    if (!talk)
        talk = conversation_take(&client->conversations, &session->conversation);
    if (!talk || rest.len > CONVERSATION_TX - (talk->tx_len - talk->tx_sent)) {
        session_fail(client, session, REASON_WRITE_TIMEOUT, 0,
                     SLICE("no room for an unsent request"));
        return;
    }
    if (talk->tx_len == 0)
        client->io->want_writable(client->host, session->socket);
    talk->tx_len -= talk->tx_sent;
    uint8_t *tx = conversation_paper(&client->conversations, talk)->tx;
    memmove(tx, tx + talk->tx_sent, talk->tx_len);
    memcpy(tx + talk->tx_len, rest.data, rest.len);
    talk->tx_len += (uint32_t)rest.len;
    talk->tx_sent = 0;
    if (session->state == SESSION_PLAYING) {
        session->deadline_ms = session_ms(client, client->config->timeout_ns);
        session_arm(client, session);
    }
}

/* A server may answer before it has read the whole request: then the next one waits behind it. */
void session_send(struct client *client, struct session *session, struct slice bytes)
{
    assert(session->flags & FLAG_CONNECTED);
    if (session_can_send(client, session)) {
        int64_t sent = client->io->send(client->host, session->socket, bytes);
        if (sent < 0 && sent != -EAGAIN)
            return; /* the event of the broken connection follows */
        slice_take(&bytes, sent > 0 ? (size_t)sent : 0);
    }
    if (bytes.len > 0)
        session_keep(client, session, bytes);
}

void session_flush(struct client *client, struct session *session)
{
    struct conversation *talk = session_talk(client, session);
    if (!talk || talk->tx_len == 0 || !(session->flags & FLAG_CONNECTED))
        return;
    struct slice rest =
        slice_make(paper_of(client, talk)->tx + talk->tx_sent, talk->tx_len - talk->tx_sent);
    int64_t sent = client->io->send(client->host, session->socket, rest);
    if (sent < 0 && sent != -EAGAIN)
        return;
    talk->tx_sent += sent > 0 ? (uint32_t)sent : 0;
    if (talk->tx_sent < talk->tx_len) {
        client->io->want_writable(client->host, session->socket);
        return;
    }
    talk->tx_len = talk->tx_sent = 0;
    if (session->state == SESSION_PLAYING) {
        session->deadline_ms = 0;
        if (talk->rx_len == 0)
            conversation_give(&client->conversations, &session->conversation);
        session_arm(client, session);
    } else if (session->state == SESSION_TEARDOWN && session->pending_cseq == 0) {
        request_teardown(client, session);
    }
}

/* 16 hex digits that no other request of the run has. */
static void write_cnonce(const struct client *client, const struct session *session, char out[17])
{
    struct rng rng = rng_init(client->config->seed, session->reader, (uint64_t)session->cseq << 32);
    struct text text = text_init(out, 17);
    text_printf(&text, "%016" PRIx64, rng_next(&rng));
}

static void write_authorization(struct client *client, struct session *session, struct text *to,
                                enum rtsp_method method, struct slice url)
{
    char cnonce[17];
    const struct client_url *who = &client->config->urls[session->url];
    struct auth_credentials credentials = {who->user, who->password};
    if (!session->auth)
        return;
    write_cnonce(client, session, cnonce);
    auth_write(to, pool_at(&client->auths, session->auth - 1), &credentials,
               rtsp_method_name(method), url, slice_make(cnonce, 16));
}

/* Start line and the headers that every request has. url lies outside the scratch buffer. */
static struct text begin(struct client *client, struct session *session, enum rtsp_method method,
                         struct slice url)
{
    struct text to = text_init(client->scratch_text, CLIENT_SCRATCH);
    struct slice id = session_id(client, session);
    session->cseq++;
    text_add(&to, rtsp_method_name(method));
    text_add(&to, SLICE(" "));
    text_add(&to, url);
    text_printf(&to, " RTSP/1.0\r\nCSeq: %" PRIu32 "\r\nUser-Agent: ", session->cseq);
    text_add(&to, client->config->user_agent);
    text_add(&to, SLICE("\r\n"));
    if (id.len > 0) {
        text_add(&to, SLICE("Session: "));
        text_add(&to, id);
        text_add(&to, SLICE("\r\n"));
    }
    write_authorization(client, session, &to, method, url);
    return to;
}

/* The user's own headers. */
static void add_headers(const struct client *client, const struct session *session,
                        struct text *request)
{
    struct slice rest = client->config->headers;
    bool all = may_tell_secrets(client, session);
    while (rest.len > 0) {
        struct slice line = slice_take_until(&rest, '\n'), name = line;
        name = slice_take_until(&name, ':');
        if (!all && secrets_in_header(name))
            continue;
        text_add(request, line);
        text_add(request, SLICE("\n"));
    }
}

static void finish(struct client *client, struct session *session, struct text *request,
                   struct slice body)
{
    add_headers(client, session, request);
    text_add(request, SLICE("\r\n"));
    text_add(request, body);
    if (request->overflow) {
        session_fail(client, session, REASON_MALFORMED, 0,
                     SLICE("the request would be over 16 KiB"));
        return;
    }
    if (client->io->on_message)
        client->io->on_message(client->host, session, CLIENT_SENT, text_slice(request));
    session_send(client, session, text_slice(request));
}

/* The state waits for a reply from now on. A phase begins with its first request. */
static void await_reply(struct client *client, struct session *session, enum rtsp_method method,
                        bool begins_phase)
{
    session->method = (uint8_t)method;
    session->pending_cseq = session->cseq;
    if (begins_phase && session->auth_rounds == 0)
        session->phase_started_ns = client->io->clock(client->host);
}

/* A request whose reply the state waits for. */
static void ask(struct client *client, struct session *session, enum rtsp_method method,
                struct text *request, bool begins_phase)
{
    if (session->misbehaviour && misbehave_on_request(client, session, method))
        return;
    await_reply(client, session, method, begins_phase);
    finish(client, session, request, (struct slice){NULL, 0});
}

/* The presentation's URL, into a buffer of the caller's. */
static struct slice presentation_url(struct client *client, const struct session *session,
                                     char *buffer, size_t size)
{
    struct text url = text_init(buffer, size);
    if (!session->description)
        return session_url(client, session);
    description_write_url(session_description(client, session), &url);
    return text_slice(&url);
}

static struct slice track_url(struct client *client, const struct session *session, char *buffer,
                              size_t size)
{
    struct text url = text_init(buffer, size);
    description_write_track_url(session_description(client, session), session->setup_track, &url);
    return text_slice(&url);
}

void request_options(struct client *client, struct session *session)
{
    struct text request = begin(client, session, RTSP_OPTIONS, session_url(client, session));
    ask(client, session, RTSP_OPTIONS, &request, !(session->measured & (1u << METRIC_OPTIONS)));
}

void request_describe(struct client *client, struct session *session)
{
    struct text request = begin(client, session, RTSP_DESCRIBE, session_url(client, session));
    text_add(&request, SLICE("Accept: application/sdp\r\n"));
    ask(client, session, RTSP_DESCRIBE, &request, session->redirects == 0);
}

/* What it will send, as a description of ours (RFC 2326, 10.3). */
void request_announce(struct client *client, struct session *session)
{
    char room[DESCRIBE_MAX];
    struct text sdp = text_init(room, sizeof(room));
    struct text request = begin(client, session, RTSP_ANNOUNCE, session_url(client, session));
    describe(&sdp, client->config->publish, session_talk(client, session)->peer.family == AF_INET6);
    text_printf(&request, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n", sdp.len);
    await_reply(client, session, RTSP_ANNOUNCE, session->redirects == 0);
    finish(client, session, &request, text_slice(&sdp));
}

void request_setup(struct client *client, struct session *session)
{
    char buffer[DESCRIPTION_TEXT + 16];
    unsigned n = session->setup_track;
    const struct track *track = session_track(client, session, n);
    struct slice url = track_url(client, session, buffer, sizeof(buffer));
    struct text request = begin(client, session, RTSP_SETUP, url);
    const char *profile = session_description(client, session)->secure ? "RTP/SAVP" : "RTP/AVP";
    const char *mode = client_publishes(client) ? ";mode=record" : "";
    if (session->flags & FLAG_UDP) {
        unsigned port = session_udp_of(client, session)->track[n].client_port;
        text_printf(&request, "Transport: %s;unicast;client_port=%u-%u%s\r\n", profile, port,
                    port + 1, mode);
    } else {
        text_printf(&request, "Transport: %s/TCP;unicast;interleaved=%u-%u%s\r\n", profile,
                    track->channel[0], track->channel[1], mode);
    }
    ask(client, session, RTSP_SETUP, &request, n == 0);
}

void request_play(struct client *client, struct session *session)
{
    char buffer[DESCRIPTION_TEXT + 16];
    bool each = session->flags & FLAG_PLAY_EACH;
    struct slice url = each ? track_url(client, session, buffer, sizeof(buffer))
                            : presentation_url(client, session, buffer, sizeof(buffer));
    struct text request = begin(client, session, RTSP_PLAY, url);
    text_add(&request, SLICE("Range: npt=0.000-\r\n"));
    if (session->auth_rounds == 0 && !(each && session->setup_track > 0))
        session->play_sent_ns = client->io->clock(client->host);
    ask(client, session, RTSP_PLAY, &request, !(each && session->setup_track > 0));
}

void request_record(struct client *client, struct session *session)
{
    char buffer[DESCRIPTION_TEXT + 16];
    struct text request = begin(client, session, RTSP_RECORD,
                                presentation_url(client, session, buffer, sizeof(buffer)));
    text_add(&request, SLICE("Range: npt=0.000-\r\n"));
    if (session->auth_rounds == 0)
        session->play_sent_ns = client->io->clock(client->host);
    ask(client, session, RTSP_RECORD, &request, true);
}

void request_teardown(struct client *client, struct session *session)
{
    char buffer[DESCRIPTION_TEXT + 16];
    session->pending_cseq = 0;
    if (!session_can_send(client, session) ||
        (session->publisher && publisher_lingers(client, session)))
        return; /* goes out when what is stuck has gone */
    struct text request = begin(client, session, RTSP_TEARDOWN,
                                presentation_url(client, session, buffer, sizeof(buffer)));
    ask(client, session, RTSP_TEARDOWN, &request, true);
}

static enum rtsp_method keepalive_method(const struct session *session)
{
    switch ((enum client_keepalive)session->keepalive) {
    case KEEP_GET_PARAMETER:
        return RTSP_GET_PARAMETER;
    case KEEP_SET_PARAMETER:
        return RTSP_SET_PARAMETER;
    case KEEP_AUTO:
    case KEEP_OPTIONS:
    case KEEP_NONE:
        break;
    }
    return RTSP_OPTIONS;
}

void request_keepalive(struct client *client, struct session *session)
{
    char buffer[DESCRIPTION_TEXT + 16];
    session->keepalive_ms = session_ms(client, session->keepalive_period_ms * NS_PER_MS);
    if (session->keepalive == KEEP_NONE || !session_can_send(client, session))
        return;
    if (session->flags & FLAG_KEEPALIVE_PENDING) {
        client->stats->keepalives_unanswered++;
        publisher_doubt(client, session);
    }
    struct text request = begin(client, session, keepalive_method(session),
                                presentation_url(client, session, buffer, sizeof(buffer)));
    session->keepalive_cseq = session->cseq;
    if (session->auth_rounds == 0)
        session->keepalive_sent_ns = client->io->clock(client->host);
    session->flags |= FLAG_KEEPALIVE_PENDING;
    finish(client, session, &request, (struct slice){NULL, 0});
}

void request_again(struct client *client, struct session *session)
{
    switch ((enum session_state)session->state) {
    case SESSION_OPTIONS:
        request_options(client, session);
        break;
    case SESSION_DESCRIBE:
        request_describe(client, session);
        break;
    case SESSION_ANNOUNCE:
        request_announce(client, session);
        break;
    case SESSION_SETUP:
        request_setup(client, session);
        break;
    case SESSION_PLAY:
        request_play(client, session);
        break;
    case SESSION_RECORD:
        request_record(client, session);
        break;
    case SESSION_TEARDOWN:
        request_teardown(client, session);
        break;
    case SESSION_FREE:
    case SESSION_WAITING:
    case SESSION_RESOLVING:
    case SESSION_CONNECTING:
    case SESSION_PLAYING:
    case SESSION_DRAINING:
    case SESSION_CLOSING:
    case SESSION_STATES:
        break;
    }
}

void request_answer(struct client *client, struct session *session, unsigned status, uint32_t cseq)
{
    struct slice id = session_id(client, session);
    struct text reply = text_init(client->scratch_text, CLIENT_SCRATCH);
    if (!session_can_send(client, session))
        return;
    text_printf(&reply, "RTSP/1.0 %u %s\r\nCSeq: %" PRIu32 "\r\n", status,
                rtsp_reason_phrase(status), cseq);
    if (id.len > 0) {
        text_add(&reply, SLICE("Session: "));
        text_add(&reply, id);
        text_add(&reply, SLICE("\r\n"));
    }
    text_add(&reply, SLICE("\r\n"));
    if (client->io->on_message)
        client->io->on_message(client->host, session, CLIENT_SENT, text_slice(&reply));
    session_send(client, session, text_slice(&reply));
}
