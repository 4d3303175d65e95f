#include "client/session.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "client/misbehave.h"
#include "client/session_internal.h"

static_assert(sizeof(struct track) == 120, "hot half of it in one line");
static_assert(sizeof(struct session) <= 512, "one per reader: 512 bytes all in");

#define DRAIN_SILENCE_NS (100 * NS_PER_MS)
#define DRAIN_MAX_NS NS_PER_S

#define BIT(state) (1u << (state))

/* From which states each may be entered. */
static const uint16_t entered_from[SESSION_STATES] = {
    [SESSION_FREE] = BIT(SESSION_CLOSING),
    [SESSION_WAITING] = BIT(SESSION_FREE) | BIT(SESSION_CLOSING) | BIT(SESSION_WAITING),
    [SESSION_RESOLVING] = BIT(SESSION_WAITING) | BIT(SESSION_CLOSING),
    [SESSION_CONNECTING] = BIT(SESSION_WAITING) | BIT(SESSION_RESOLVING) | BIT(SESSION_CLOSING),
    [SESSION_OPTIONS] = BIT(SESSION_CONNECTING),
    [SESSION_DESCRIBE] = BIT(SESSION_OPTIONS),
    [SESSION_ANNOUNCE] = BIT(SESSION_OPTIONS),
    [SESSION_SETUP] = BIT(SESSION_DESCRIBE) | BIT(SESSION_ANNOUNCE),
    [SESSION_PLAY] = BIT(SESSION_SETUP),
    [SESSION_RECORD] = BIT(SESSION_SETUP),
    [SESSION_PLAYING] = BIT(SESSION_PLAY) | BIT(SESSION_RECORD),
    [SESSION_TEARDOWN] = BIT(SESSION_PLAYING),
    [SESSION_DRAINING] = BIT(SESSION_TEARDOWN),
    [SESSION_CLOSING] = 0xffff & ~(BIT(SESSION_FREE) | BIT(SESSION_CLOSING)),
};

#define AWAITS_REPLY                                                                               \
    (BIT(SESSION_RESOLVING) | BIT(SESSION_CONNECTING) | BIT(SESSION_OPTIONS) |                     \
     BIT(SESSION_DESCRIBE) | BIT(SESSION_ANNOUNCE) | BIT(SESSION_SETUP) | BIT(SESSION_PLAY) |      \
     BIT(SESSION_RECORD) | BIT(SESSION_TEARDOWN))

static uint64_t allowed_ns(const struct client *client, enum session_state state)
{
    uint64_t phase_ns = client->config->timeout_ns;
    switch (state) {
    case SESSION_RESOLVING:
    case SESSION_CONNECTING:
    case SESSION_OPTIONS:
    case SESSION_DESCRIBE:
    case SESSION_ANNOUNCE:
    case SESSION_SETUP:
    case SESSION_PLAY:
    case SESSION_RECORD:
        return phase_ns;
    case SESSION_TEARDOWN:
        return phase_ns < CLIENT_TEARDOWN_NS ? phase_ns : CLIENT_TEARDOWN_NS;
    case SESSION_DRAINING:
        return DRAIN_SILENCE_NS;
    case SESSION_FREE:
    case SESSION_WAITING:
    case SESSION_PLAYING:
    case SESSION_CLOSING:
    case SESSION_STATES:
        break;
    }
    return 0;
}

void session_enter_deadline(struct client *client, struct session *session)
{
    uint64_t span_ns = allowed_ns(client, (enum session_state)session->state);
    session->deadline_ms = span_ns ? session_ms(client, span_ns) : 0;
    session_arm(client, session);
}

void session_enter(struct client *client, struct session *session, enum session_state state)
{
    unsigned before = session->state;
    assert(entered_from[state] & BIT(before));
    client->waiting += ((AWAITS_REPLY >> state) & 1) - ((AWAITS_REPLY >> before) & 1);
    client->tearing_down += (state == SESSION_TEARDOWN) - (before == SESSION_TEARDOWN);
    session->state = (uint8_t)state;
    session_enter_deadline(client, session);
}

static bool is_earlier(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static uint32_t earliest(uint32_t a, uint32_t b)
{
    return a == 0 ? b : b == 0 || is_earlier(a, b) ? a : b;
}

static uint32_t media_deadline_ms(const struct client *client, const struct session *session)
{
    if (session->state != SESSION_PLAYING || client->config->media_timeout_ns == 0 ||
        (session->flags & FLAG_MEDIA_STALLED) || client_publishes(client))
        return 0;
    uint32_t at = session->last_rtp_ms + (uint32_t)(client->config->media_timeout_ns / NS_PER_MS);
    return at ? at : 1;
}

/* Has media to write, or will have. */
static bool is_publishing(const struct client *client, const struct session *session)
{
    return session->state == SESSION_PLAYING ||
           (session->state == SESSION_TEARDOWN && publisher_lingers(client, session));
}

void session_arm(struct client *client, struct session *session)
{
    uint32_t next_ms = session->deadline_ms;
    if (session->state == SESSION_PLAYING) {
        bool room = session_can_send(client, session); /* else they wait for that */
        next_ms = earliest(next_ms, room || session->udp ? session->report_ms : 0);
        next_ms = earliest(next_ms, room ? session->keepalive_ms : 0);
        next_ms = earliest(next_ms, session->end_ms);
        next_ms = earliest(next_ms, media_deadline_ms(client, session));
    }
    if (session->acting)
        next_ms = earliest(session->report_ms, session->end_ms);
    int32_t away_ms = (int32_t)(next_ms - client->now_ms);
    uint64_t at_ns = client->now_ns + (away_ms > 0 ? (uint64_t)away_ms : 0) * NS_PER_MS;
    if (next_ms == 0)
        at_ns = TIME_NEVER;
    if (session->publisher && is_publishing(client, session)) {
        uint64_t media_ns = publisher_next_ns(client, session);
        at_ns = media_ns < at_ns ? media_ns : at_ns;
    }
    if (at_ns == TIME_NEVER)
        wheel_cancel(&client->wheel, client_index(client, session));
    else
        wheel_set(&client->wheel, client_index(client, session), at_ns);
}

enum phase session_phase(const struct session *session)
{
    switch ((enum session_state)session->state) {
    case SESSION_RESOLVING:
        return PHASE_RESOLVE;
    case SESSION_FREE:
    case SESSION_WAITING:
    case SESSION_CONNECTING:
    case SESSION_CLOSING:
    case SESSION_STATES:
        return PHASE_CONNECT;
    case SESSION_OPTIONS:
        return PHASE_OPTIONS;
    case SESSION_DESCRIBE:
        return PHASE_DESCRIBE;
    case SESSION_ANNOUNCE:
        return PHASE_ANNOUNCE;
    case SESSION_SETUP:
        return PHASE_SETUP;
    case SESSION_PLAY:
        return PHASE_PLAY;
    case SESSION_RECORD:
        return PHASE_RECORD;
    case SESSION_PLAYING:
        return PHASE_MEDIA;
    case SESSION_TEARDOWN:
    case SESSION_DRAINING:
        break;
    }
    return PHASE_TEARDOWN;
}

void session_measure(struct client *client, struct session *session, enum metric metric,
                     uint64_t from_ns, uint64_t to_ns)
{
    uint16_t bit = (uint16_t)(1u << metric);
    bool since_due = metric == METRIC_STARTUP || metric == METRIC_JOIN; /* whatever try it was */
    if ((since_due ? session->ever : session->measured) & bit)
        return;
    session->measured |= bit;
    session->ever |= bit;
    uint64_t us = to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;
    histogram_record(&client->stats->metrics[metric], us);
    if (metric == METRIC_STARTUP)
        histogram_record(&client->stats->streams[session->url].startup, us);
}

struct track *session_track(const struct client *client, struct session *session, unsigned n)
{
    if (n < SESSION_TRACKS_INLINE)
        return &session->tracks[n];
    struct more_tracks *more = pool_at(&client->more_tracks, session->more - 1);
    return &more->tracks[n - SESSION_TRACKS_INLINE];
}

struct slice session_id(const struct client *client, const struct session *session)
{
    if (!(session->flags & FLAG_LONG_ID))
        return slice_make(session->id, session->id_len);
    const struct long_id *id = pool_at(&client->long_ids, session->long_id - 1);
    return slice_make(id->bytes, session->id_len);
}

uint64_t session_lost(const struct client *client, struct session *session)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < session->track_count; i++)
        lost += session_track(client, session, i)->receiver.lost;
    return lost;
}

const char *session_outcome_name(enum session_outcome outcome)
{
    static const char *const names[OUTCOMES] = {"completed", "dropped", "failed", "cancelled"};
    return names[outcome];
}

/* A plan's end for a session that has not got so far: TEARDOWN goes out if the server made a
   session, but nobody waits for the answer. */
static void stop_starting(struct client *client, struct session *session)
{
    if (session->id_len > 0 && (session->flags & FLAG_CONNECTED))
        request_teardown(client, session);
    if (session->state != SESSION_CLOSING) /* for want of room to keep the request */
        session_finish(client, session, OUTCOME_CANCELLED);
}

static void stop(struct client *client, struct session *session)
{
    if (session->acting) {
        session_finish(client, session, OUTCOME_CANCELLED);
        return;
    }
    switch ((enum session_state)session->state) {
    case SESSION_WAITING:
        if (session->next == NEXT_COME_BACK ||
            session->next == NEXT_REPLACE) { /* not begun again yet */
            session_enter(client, session, SESSION_CLOSING);
            session->next = NEXT_FREE;
            session_after_closed(client, session);
            break;
        }
        stop_starting(client, session);
        break;
    case SESSION_RESOLVING:
    case SESSION_CONNECTING:
    case SESSION_OPTIONS:
    case SESSION_DESCRIBE:
    case SESSION_ANNOUNCE:
    case SESSION_SETUP:
    case SESSION_PLAY:
    case SESSION_RECORD:
        stop_starting(client, session);
        break;
    case SESSION_PLAYING:
        session->auth_rounds = 0; /* of a keepalive */
        if (session->publisher)
            publisher_stop(client, session);
        if (session->state != SESSION_PLAYING) /* for want of room to keep a packet */
            break;
        session_enter(client, session, SESSION_TEARDOWN);
        if (session->publisher && publisher_lingers(client, session)) /* as long as that lasts */
            session->deadline_ms += (uint32_t)(publisher_linger_ns(client) / NS_PER_MS);
        media_stop(client, session);
        request_teardown(client, session);
        break;
    case SESSION_FREE:
    case SESSION_TEARDOWN:
    case SESSION_DRAINING:
    case SESSION_CLOSING:
    case SESSION_STATES:
        break;
    }
}

static void on_deadline(struct client *client, struct session *session)
{
    const struct conversation *talk = session_talk(client, session);
    bool stuck = talk && talk->tx_len > 0;
    switch ((enum session_state)session->state) {
    case SESSION_WAITING:
        if (session->next == NEXT_COME_BACK || session->next == NEXT_REPLACE)
            session_come_back(client, session);
        session_begin_try(client, session);
        break;
    case SESSION_DRAINING:
        session_finish(client, session, OUTCOME_COMPLETED);
        break;
    case SESSION_RESOLVING:
    case SESSION_CONNECTING:
    case SESSION_OPTIONS:
    case SESSION_DESCRIBE:
    case SESSION_ANNOUNCE:
    case SESSION_SETUP:
    case SESSION_PLAY:
    case SESSION_RECORD:
    case SESSION_PLAYING:
    case SESSION_TEARDOWN:
        session_fail(client, session, stuck ? REASON_WRITE_TIMEOUT : REASON_TIMEOUT, 0,
                     (struct slice){NULL, 0});
        break;
    case SESSION_FREE:
    case SESSION_CLOSING:
    case SESSION_STATES:
        break;
    }
}

/* No RTP for too long: counted once, until the next packet; the end of the session only if asked.
 */
static void on_silence(struct client *client, struct session *session)
{
    bool never = !(session->flags & FLAG_GOT_MEDIA);
    if (never && client->config->transport == CLIENT_AUTO && (session->flags & FLAG_UDP)) {
        session_count_error(client, session, REASON_MEDIA_TIMEOUT, 0,
                            SLICE("no RTP over UDP: trying TCP"));
        request_teardown(client, session); /* or the server would go on sending */
        if (session->state != SESSION_PLAYING)
            return;
        client->active--;
        client->starting++;
        client->stats->sessions.established--;
        client->stats->streams[session->url].sessions.established--;
        session->flags = (uint16_t)((session->flags | FLAG_FORCE_TCP) & ~FLAG_ESTABLISHED);
        session->waits_since_ms = client->now_ms;
        session_close_all(client, session, NEXT_AGAIN);
        return;
    }
    if (client->config->end_on_stall) {
        session_fail(client, session, REASON_MEDIA_TIMEOUT, 0, (struct slice){NULL, 0});
        return;
    }
    session_count_error(client, session, REASON_MEDIA_TIMEOUT, 0, (struct slice){NULL, 0});
    session->flags |= FLAG_MEDIA_STALLED;
}

static bool is_due(const struct client *client, uint32_t at_ms)
{
    return at_ms != 0 && !is_earlier(client->now_ms, at_ms);
}

/* A script's next step, or the end of a bad client's life, which needs no goodbye. */
static void on_bad_timer(struct client *client, struct session *session)
{
    uint32_t generation = session->generation;
    if (is_due(client, session->end_ms)) {
        session_finish(client, session, OUTCOME_CANCELLED);
        return;
    }
    if (is_due(client, session->report_ms))
        misbehave_on_tick(client, session);
    if (session->acting && session->generation == generation)
        session_arm(client, session);
}

/* Reports and keepalives that are due, where there is room for them. */
static void send_due(struct client *client, struct session *session)
{
    bool room = session_can_send(client, session);
    if (session->state == SESSION_PLAYING && (room || session->udp) &&
        is_due(client, session->report_ms))
        stream_send_reports(client, session);
    if (session->state == SESSION_PLAYING && session_can_send(client, session) &&
        is_due(client, session->keepalive_ms))
        request_keepalive(client, session);
}

/* TEARDOWN follows what a publisher still had to write. */
static void say_goodbye(struct client *client, struct session *session)
{
    if (session->state == SESSION_TEARDOWN && session->pending_cseq == 0)
        request_teardown(client, session);
}

static void on_timer(struct client *client, struct session *session)
{
    uint32_t generation = session->generation;
    if (session->acting) {
        on_bad_timer(client, session);
        return;
    }
    if (is_due(client, session->deadline_ms)) {
        session->deadline_ms = 0;
        on_deadline(client, session);
        return;
    }
    send_due(client, session);
    if (session->publisher && is_publishing(client, session))
        publisher_service(client, session);
    if (session->publisher)
        say_goodbye(client, session);
    if (session->state == SESSION_PLAYING && is_due(client, media_deadline_ms(client, session)))
        on_silence(client, session);
    if (session->state == SESSION_PLAYING && is_due(client, session->end_ms))
        stop(client, session);
    if (session->state != SESSION_FREE && session->generation == generation)
        session_arm(client, session);
}

/* What a socket could not be opened for want of; -1: it was something else. */
static int shortage_of(struct client *client, const struct session *session, int error)
{
    const struct conversation *talk = session_talk(client, session);
    switch (error) {
    case -EMFILE:
    case -ENFILE:
        return SHORT_OF_FILES;
    case -EADDRNOTAVAIL:
        return talk && !client->io->has_way(client->host, &talk->peer) ? -1 : SHORT_OF_PORTS;
    case -EADDRINUSE:
        return SHORT_OF_PORTS;
    case -ENOBUFS:
    case -ENOMEM:
        return SHORT_OF_MEMORY;
    default:
        return -1;
    }
}

enum reason session_reason_of(struct client *client, const struct session *session, int error)
{
    int shortage = shortage_of(client, session, error);
    if (shortage >= 0) {
        client->stats->shortages[shortage]++;
        return REASON_NO_SOCKET;
    }
    switch (error) {
    case -ECONNREFUSED:
        return REASON_REFUSED;
    case -ETIMEDOUT:
        return REASON_TIMEOUT;
    case -EADDRNOTAVAIL:
    case -EAFNOSUPPORT:
    case -EPERM:
    case -ENETUNREACH:
    case -EHOSTUNREACH:
    case -EACCES:
        return REASON_UNREACHABLE;
    default:
        return REASON_RESET;
    }
}

/* An address that can't be reached gives way to the URL's next one, within the same try. */
static bool try_next_address(struct client *client, struct session *session)
{
    uint32_t count = client->config->urls[session->url].address_count;
    if ((session->flags & FLAG_REDIRECTED) || session->addresses_tried + 1u >= count)
        return false;
    session->addresses_tried++;
    session->address++;
    session_close_all(client, session, NEXT_AGAIN);
    return true;
}

static void on_connected(struct client *client, struct session *session,
                         const struct session_event *event)
{
    if (session->state != SESSION_CONNECTING)
        return;
    if (event->error) {
        if (!try_next_address(client, session))
            session_fail(client, session, session_reason_of(client, session, event->error), 0,
                         slice_from_string(strerror(-event->error)));
        return;
    }
    session->flags |= FLAG_CONNECTED;
    session->addresses_tried = 0;
    session->local_port = client->io->local_port(client->host, session->socket);
    session_measure(client, session, METRIC_CONNECT, session->phase_started_ns, event->arrival_ns);
    session_enter(client, session, SESSION_OPTIONS);
    request_options(client, session);
}

void session_drain(struct client *client, struct session *session)
{
    session_enter(client, session, SESSION_DRAINING);
    session->phase_started_ns = client->now_ns;
}

/* Did the connection end inside the body of a message? */
static bool is_body_cut(struct client *client, struct session *session)
{
    struct rtsp_message message;
    const struct conversation *talk = session_talk(client, session);
    if (!talk || talk->rx_len == 0 || talk->rx_is_rtcp)
        return false;
    rtsp_parse(conversation_gathered(&client->conversations, talk), &message);
    return message.head_complete;
}

/* The server closed or cut the connection. During TEARDOWN that is an answer too. */
static void on_end(struct client *client, struct session *session, enum reason reason)
{
    switch ((enum session_state)session->state) {
    case SESSION_TEARDOWN:
        if (reason == REASON_EOF)
            session_on_goodbye(client, session, client->now_ns);
        else
            session_fail(client, session, reason, 0, (struct slice){NULL, 0});
        break;
    case SESSION_RESOLVING:
    case SESSION_CONNECTING:
    case SESSION_OPTIONS:
    case SESSION_DESCRIBE:
    case SESSION_ANNOUNCE:
    case SESSION_SETUP:
    case SESSION_PLAY:
    case SESSION_RECORD:
    case SESSION_PLAYING:
        if (reason == REASON_EOF && is_body_cut(client, session))
            reason = REASON_TRUNCATED_BODY;
        session_fail(client, session, reason, 0, (struct slice){NULL, 0});
        break;
    case SESSION_FREE:
    case SESSION_WAITING:
    case SESSION_DRAINING:
    case SESSION_CLOSING:
    case SESSION_STATES:
        break;
    }
}

static void on_closed(struct client *client, struct session *session)
{
    assert(session->opens > 0);
    session->opens--;
    if (session->state == SESSION_CLOSING && session->opens == 0)
        session_after_closed(client, session);
}

/* Silence ends the draining of UDP, but not later than a second after it began. */
static void prolong_drain(struct client *client, struct session *session)
{
    uint32_t last_ms =
        (uint32_t)((session->phase_started_ns - client->epoch_ns + DRAIN_MAX_NS) / NS_PER_MS) + 1;
    uint32_t next_ms = session_ms(client, DRAIN_SILENCE_NS);
    session->deadline_ms = is_earlier(last_ms, next_ms) ? last_ms : next_ms;
    session_arm(client, session);
}

/* Words before packets: a connection that is always full would never carry any. */
static void on_writable(struct client *client, struct session *session)
{
    uint32_t generation = session->generation;
    session_flush(client, session);
    if (session->acting || session->generation != generation)
        return;
    send_due(client, session);
    if (session->publisher) {
        publisher_on_writable(client, session);
        say_goodbye(client, session);
    }
    if (session->state == SESSION_PLAYING || session->state == SESSION_TEARDOWN)
        session_arm(client, session);
}

void session_step(struct client *client, struct session *session, const struct session_event *event)
{
    switch (event->type) {
    case EVENT_BYTES:
        if (session->state != SESSION_CLOSING)
            stream_on_bytes(client, session, event);
        break;
    case EVENT_DATAGRAM:
        if (session->state != SESSION_CLOSING)
            stream_on_datagram(client, session, event);
        if (session->state == SESSION_DRAINING)
            prolong_drain(client, session);
        break;
    case EVENT_TIMER:
        on_timer(client, session);
        break;
    case EVENT_CONNECTED:
        on_connected(client, session, event);
        break;
    case EVENT_WRITABLE:
        on_writable(client, session);
        break;
    case EVENT_EOF:
        on_end(client, session, REASON_EOF);
        break;
    case EVENT_BROKEN:
        on_end(client, session, session_reason_of(client, session, event->error));
        break;
    case EVENT_CLOSED:
        on_closed(client, session);
        break;
    case EVENT_RESOLVED:
        session_on_resolved(client, session, event);
        break;
    case EVENT_LEAVE:
        session->flags |= FLAG_LEFT;
        stop(client, session);
        break;
    case EVENT_STOP:
        stop(client, session);
        break;
    }
}
