/* reply.c - what a session is told: replies by state, challenges, redirects, and the server's
 * requests. */
#include <assert.h>
#include <string.h>

#include "client/misbehave.h"
#include "client/session_internal.h"
#include "media/describe.h"
#include "proto/sdp.h"
#include "proto/url.h"

#define REDIRECTS_MAX 5u
#define AUTH_ROUNDS_MAX 2u
#define RETRY_AFTER_MAX_S 3600u
#define SERVER_REQUESTS_MAX 1000u /* in one try: beyond it is abuse */

static void fail_with_status(struct client *client, struct session *session, enum reason reason,
                             const struct rtsp_message *reply)
{
    char buffer[RTSP_LINE_MAX];
    struct text line = text_init(buffer, sizeof(buffer));
    uint32_t retry_after_s = rtsp_retry_after_s(rtsp_header(reply, "Retry-After", 0));
    session->wait_ms =
        1000 * (retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S);
    text_printf(&line, "%u ", reply->status);
    text_add(&line, reply->reason);
    session_fail(client, session, reason, reply->status, text_slice(&line));
}

static bool is_success(const struct rtsp_message *reply)
{
    return reply->status >= 200 && reply->status < 300;
}

/* Keeps a challenge to answer, at most twice a request; or says why not. */
static enum reason take_challenge(struct client *client, struct session *session,
                                  const struct rtsp_message *reply)
{
    struct auth_challenge challenge;
    client->stats->oddities.auth_rounds++;
    if (!session_may_authenticate(client, session))
        return REASON_AUTH_REQUIRED;
    enum auth_result result = auth_choose(reply, &challenge);
    if (result == AUTH_UNSAFE)
        return REASON_INJECTION_REJECTED;
    if (result != AUTH_OK) /* some servers refuse credentials by a 401 without a challenge */
        return session->auth ? REASON_AUTH_REJECTED : REASON_AUTH_UNSUPPORTED;
    bool refused = session->auth_rounds > 0 && !challenge.stale;
    if (session->auth_rounds >= AUTH_ROUNDS_MAX || refused)
        return REASON_AUTH_REJECTED;
    if (!session->auth) {
        uint32_t record = pool_take(&client->auths);
        assert(record != POOL_NONE); /* one for each session */
        session->auth = record + 1;
    }
    memcpy(pool_at(&client->auths, session->auth - 1), &challenge, sizeof(challenge));
    session->auth_rounds++;
    return REASON_NONE;
}

static uint64_t hash_of(struct slice bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Notes where the session has been; false when it has been there already. */
static bool visit(struct conversation *talk, struct slice url)
{
    uint64_t hash = hash_of(url);
    for (unsigned i = 0; i < talk->visited_count; i++) {
        if (talk->visited[i] == hash)
            return false;
    }
    if (talk->visited_count < CONVERSATION_VISITED)
        talk->visited[talk->visited_count++] = hash;
    return true;
}

/* Never down from rtsps to rtsp. */
static bool may_follow(struct client *client, struct session *session, struct slice location,
                       struct url *next)
{
    struct url now;
    if (location.len == 0 || location.len > CONVERSATION_URL)
        return false;
    if (!slice_starts_with_nocase(location, SLICE("rtsp")) || url_parse(location, next) ||
        url_parse(session_url(client, session), &now))
        return false;
    return !now.secure && !next->secure;
}

static void on_redirect(struct client *client, struct session *session,
                        const struct rtsp_message *reply)
{
    struct url next;
    struct conversation *talk = session_talk(client, session);
    struct slice location = rtsp_header(reply, "Location", 0);
    client->stats->oddities.redirects++;
    if (!rtsp_is_safe(location)) {
        fail_with_status(client, session, REASON_INJECTION_REJECTED, reply);
        return;
    }
    if (!talk || !may_follow(client, session, location, &next)) {
        fail_with_status(client, session, REASON_REDIRECT_INVALID, reply);
        return;
    }
    visit(talk, session_url(client, session));
    struct paper *paper = conversation_paper(&client->conversations, talk);
    struct text url = text_init(paper->url, sizeof(paper->url));
    url_write(&url, &next);
    talk->url_len = (uint16_t)url.len;
    if (++session->redirects > REDIRECTS_MAX || url.overflow || !visit(talk, text_slice(&url))) {
        fail_with_status(client, session, REASON_REDIRECT_LOOP, reply);
        return;
    }
    conversation_clear(&client->conversations, talk);
    session_close_all(client, session, NEXT_REDIRECT);
}

static void choose_keepalive(struct client *client, struct session *session, struct slice offered)
{
    session->keepalive = (uint8_t)client->config->keepalive;
    if (session->keepalive == KEEP_AUTO)
        session->keepalive =
            rtsp_list_has(offered, "GET_PARAMETER") ? KEEP_GET_PARAMETER : KEEP_OPTIONS;
}

/* Whatever it says, the session goes on: some servers don't know OPTIONS. */
static void on_options(struct client *client, struct session *session,
                       const struct rtsp_message *reply)
{
    struct slice offered = rtsp_header(reply, "Public", 0);
    if (!offered.data)
        offered = rtsp_header(reply, "OPTIONS", 0);
    choose_keepalive(client, session, offered);
    if (client_publishes(client)) {
        session_enter(client, session, SESSION_ANNOUNCE);
        request_announce(client, session);
        return;
    }
    session_enter(client, session, SESSION_DESCRIBE);
    request_describe(client, session);
}

/* Puts a description into a record, or finds the one that other sessions of the URL already have.
 */
static enum description_result keep_description(struct client *client, struct session *session,
                                                struct slice base, const struct sdp *sdp)
{
    enum description_wanted wanted = client_publishes(client) ? WANT_ALL : client->config->tracks;
    uint32_t skipped;
    uint32_t record = pool_take(&client->descriptions);
    assert(record != POOL_NONE); /* one for each session */
    struct description *fresh = pool_at(&client->descriptions, record);
    enum description_result result = description_make(fresh, base, sdp, wanted, &skipped);
    client->stats->oddities.tracks_skipped += skipped + sdp->media_skipped;
    if (result != DESCRIPTION_OK) {
        pool_give(&client->descriptions, record);
        return result;
    }
    uint32_t last = client->last_description[session->url];
    struct description *known = last ? pool_at(&client->descriptions, last - 1) : NULL;
    if (known && known->users > 0 && description_equal(known, fresh)) {
        pool_give(&client->descriptions, record);
        record = last - 1;
        fresh = known;
    }
    fresh->users++;
    session->description = record + 1;
    client->last_description[session->url] = record + 1;
    return DESCRIPTION_OK;
}

static void fail_description(struct client *client, struct session *session,
                             enum description_result result)
{
    if (result == DESCRIPTION_NO_MEDIA)
        session_fail(client, session, REASON_NO_MEDIA, 0, (struct slice){NULL, 0});
    else if (result == DESCRIPTION_UNSAFE)
        session_fail(client, session, REASON_INJECTION_REJECTED, 0, SLICE("a URL of two lines"));
    else
        session_fail(client, session, REASON_SDP_TOO_LARGE, 0, SLICE("URLs of over 1.5 KB"));
}

/* From a description, the server's or our own, to the first track. */
static void set_up_tracks(struct client *client, struct session *session, const struct sdp *sdp,
                          const struct text *base)
{
    enum description_result result = keep_description(client, session, text_slice(base), sdp);
    if (result == DESCRIPTION_OK && base->overflow)
        result = DESCRIPTION_TOO_LARGE;
    if (result != DESCRIPTION_OK) {
        fail_description(client, session, result);
        return;
    }
    session->setup_track = 0;
    session_enter(client, session, SESSION_SETUP);
    setup_next_track(client, session);
}

/* What a publisher announced is its description. */
static void on_announce(struct client *client, struct session *session,
                        const struct rtsp_message *reply)
{
    struct slice id = rtsp_header(reply, "Session", 0); /* some servers make it here */
    struct sdp sdp;
    char room[DESCRIBE_MAX], url[2 * CONVERSATION_URL];
    struct text announced = text_init(room, sizeof(room));
    struct text base = text_init(url, sizeof(url));
    if (!setup_adopt_id(client, session, id)) {
        session_fail(client, session, REASON_INJECTION_REJECTED, 0, id);
        return;
    }
    describe(&announced, client->config->publish, false);
    sdp_parse(text_slice(&announced), &sdp);
    text_add(&base, session_url(client, session));
    set_up_tracks(client, session, &sdp, &base);
}

static void on_describe(struct client *client, struct session *session,
                        const struct rtsp_message *reply)
{
    struct sdp sdp;
    char buffer[2 * CONVERSATION_URL];
    struct text base = text_init(buffer, sizeof(buffer));
    if (sdp_parse(reply->body, &sdp) == SDP_TOO_LARGE) {
        session_fail(client, session, REASON_SDP_TOO_LARGE, 0, (struct slice){NULL, 0});
        return;
    }
    url_base(&base, rtsp_header(reply, "Content-Base", 0),
             rtsp_header(reply, "Content-Location", 0), session_url(client, session));
    set_up_tracks(client, session, &sdp, &base);
}

static void establish(struct client *client, struct session *session)
{
    struct conversation *talk = session_talk(client, session);
    session_enter(client, session, SESSION_PLAYING);
    session->flags |= FLAG_ESTABLISHED;
    client->stats->sessions.established++;
    client->tries_established++;
    client->stats->streams[session->url].sessions.established++;
    client->starting--;
    client->active++;
    if (client->active > client->active_peak)
        client->active_peak = client->active;
    if (session->returning)
        histogram_record(&client->stats->metrics[METRIC_COME_BACK],
                         (uint64_t)(client->now_ms - session->waits_since_ms) * 1000);
    session->returning = false;
    session->last_rtp_ms = client->now_ms;
    session->report_ms = session_ms(client, 3 * NS_PER_S + (session->reader % 2000) * NS_PER_MS);
    session->keepalive_ms = session_ms(client, session->keepalive_period_ms * NS_PER_MS);
    if (talk && talk->tx_len == 0 && talk->rx_len == 0)
        conversation_give(&client->conversations, &session->conversation);
    if (client_publishes(client)) {
        publisher_begin(client, session);
        session->report_ms = client->now_ms; /* receivers need one to tell the time by */
    }
    if (client->config->quickack_off)
        client->io->quickack_off(client->host, session->socket);
    session_arm(client, session);
    if (session->misbehaviour)
        misbehave_on_playing(client, session);
}

static void on_play(struct client *client, struct session *session,
                    const struct rtsp_message *reply, uint64_t arrival_ns)
{
    setup_adopt_id(client, session, rtsp_header(reply, "Session", 0));
    session->auth_rounds = 0;
    if ((session->flags & FLAG_PLAY_EACH) && session->setup_track + 1u < session->track_count) {
        session->setup_track++;
        request_play(client, session);
        return;
    }
    session->pending_cseq = 0;
    session_measure(client, session, METRIC_PLAY, session->phase_started_ns, arrival_ns);
    establish(client, session);
}

static void on_record(struct client *client, struct session *session,
                      const struct rtsp_message *reply, uint64_t arrival_ns)
{
    setup_adopt_id(client, session, rtsp_header(reply, "Session", 0));
    session->pending_cseq = 0;
    session_measure(client, session, METRIC_RECORD, session->phase_started_ns, arrival_ns);
    establish(client, session);
}

void session_on_goodbye(struct client *client, struct session *session, uint64_t arrival_ns)
{
    session_measure(client, session, METRIC_TEARDOWN, session->phase_started_ns, arrival_ns);
    session->pending_cseq = 0;
    if (session->udp && !session->publisher)
        session_drain(client, session);
    else
        session_finish(client, session, OUTCOME_COMPLETED);
}

/* 454: the server lost the session. One fresh start of the set-up is tried. */
static void start_over(struct client *client, struct session *session)
{
    session->flags |= FLAG_RESETUP;
    session_close_all(client, session, NEXT_AGAIN);
}

static void on_refusal(struct client *client, struct session *session,
                       const struct rtsp_message *reply)
{
    if (session->state == SESSION_TEARDOWN) {
        session_measure(client, session, METRIC_TEARDOWN, session->phase_started_ns,
                        client->now_ns);
        fail_with_status(client, session, REASON_STATUS, reply);
    } else if (session->state == SESSION_PLAY && reply->status == 459 &&
               !(session->flags & FLAG_PLAY_EACH)) {
        session->flags |= FLAG_PLAY_EACH;
        session->setup_track = 0;
        request_play(client, session);
    } else if (reply->status == 454 && session->state >= SESSION_SETUP &&
               !(session->flags & FLAG_RESETUP)) {
        start_over(client, session);
    } else if (reply->status == 461 && session->state == SESSION_SETUP &&
               (session->flags & FLAG_UDP) && client->config->transport == CLIENT_AUTO) {
        stats_error(client->stats, PHASE_SETUP, REASON_TRANSPORT_MISMATCH, 461,
                    "UDP refused: trying TCP");
        session->flags |= FLAG_FORCE_TCP;
        session_close_all(client, session, NEXT_AGAIN);
    } else {
        fail_with_status(client, session, reply->status == 305 ? REASON_REDIRECTED : REASON_STATUS,
                         reply);
    }
}

/* 404 and the like with a challenge are really 401 (some servers hide what they have). */
static bool is_challenge(const struct session *session, const struct rtsp_message *reply)
{
    if (reply->status == 401)
        return true;
    return reply->status >= 400 && !session->auth && rtsp_header(reply, "WWW-Authenticate", 0).data;
}

static bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void on_success(struct client *client, struct session *session,
                       const struct rtsp_message *reply, uint64_t arrival_ns)
{
    switch ((enum session_state)session->state) {
    case SESSION_OPTIONS:
        session_measure(client, session, METRIC_OPTIONS, session->phase_started_ns, arrival_ns);
        on_options(client, session, reply);
        break;
    case SESSION_DESCRIBE:
        session_measure(client, session, METRIC_DESCRIBE, session->phase_started_ns, arrival_ns);
        on_describe(client, session, reply);
        break;
    case SESSION_ANNOUNCE:
        session_measure(client, session, METRIC_ANNOUNCE, session->phase_started_ns, arrival_ns);
        on_announce(client, session, reply);
        break;
    case SESSION_SETUP:
        if (session->setup_track + 1u >= session_description(client, session)->track_count)
            session_measure(client, session, METRIC_SETUP, session->phase_started_ns, arrival_ns);
        setup_on_reply(client, session, reply);
        break;
    case SESSION_PLAY:
        on_play(client, session, reply, arrival_ns);
        break;
    case SESSION_RECORD:
        on_record(client, session, reply, arrival_ns);
        break;
    case SESSION_TEARDOWN:
        session_on_goodbye(client, session, arrival_ns);
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

/* The reply that the state waits for. */
static void on_reply(struct client *client, struct session *session,
                     const struct rtsp_message *reply, uint64_t arrival_ns)
{
    if (is_challenge(session, reply)) {
        enum reason refused = take_challenge(client, session, reply);
        if (refused != REASON_NONE)
            fail_with_status(client, session, refused, reply);
        else
            request_again(client, session);
        return;
    }
    if (is_redirect(reply->status) && session->state < SESSION_PLAYING) {
        on_redirect(client, session, reply);
        return;
    }
    if (!is_success(reply) && session->state != SESSION_OPTIONS) {
        on_refusal(client, session, reply);
        return;
    }
    session->auth_rounds = 0;
    on_success(client, session, reply, arrival_ns);
}

static void on_keepalive_reply(struct client *client, struct session *session,
                               const struct rtsp_message *reply, uint64_t arrival_ns)
{
    session->flags &= (uint16_t)~FLAG_KEEPALIVE_PENDING;
    session->keepalive_cseq = 0;
    if (reply->status == 401 && session->state == SESSION_PLAYING &&
        take_challenge(client, session, reply) == REASON_NONE) {
        request_keepalive(client, session);
        session_arm(client, session);
        return;
    }
    session->auth_rounds = 0;
    uint64_t us = arrival_ns > session->keepalive_sent_ns
                      ? (arrival_ns - session->keepalive_sent_ns) / NS_PER_US
                      : 0;
    histogram_record(&client->stats->metrics[METRIC_KEEPALIVE], us);
    if (is_success(reply))
        return;
    if (reply->status == 454 && session->state == SESSION_PLAYING) {
        stats_error(client->stats, PHASE_KEEPALIVE, REASON_STATUS, 454,
                    "the server lost the session");
        session->last_phase = PHASE_KEEPALIVE;
        session->last_reason = REASON_STATUS;
        session_finish(client, session, OUTCOME_DROPPED);
        return;
    }
    client->stats->oddities.keepalive_refused++;
    if (client->config->keepalive == KEEP_AUTO)
        session->keepalive = KEEP_OPTIONS;
}

static void on_request(struct client *client, struct session *session,
                       const struct rtsp_message *request)
{
    client->stats->oddities.server_requests++;
    if (++session->server_requests > SERVER_REQUESTS_MAX) {
        session_fail(client, session, REASON_ABUSE, 0,
                     SLICE("over 1,000 requests of the server's"));
        return;
    }
    switch (request->method) {
    case RTSP_OPTIONS:
    case RTSP_GET_PARAMETER:
    case RTSP_SET_PARAMETER:
    case RTSP_ANNOUNCE:
        request_answer(client, session, 200, request->cseq);
        break;
    case RTSP_REDIRECT:
        request_answer(client, session, 200, request->cseq);
        if (session->state == SESSION_PLAYING)
            session_fail(client, session, REASON_REDIRECTED, 0,
                         rtsp_header(request, "Location", 0));
        break;
    case RTSP_OTHER:
    case RTSP_DESCRIBE:
    case RTSP_SETUP:
    case RTSP_PLAY:
    case RTSP_PAUSE:
    case RTSP_TEARDOWN:
    case RTSP_RECORD:
    case RTSP_METHODS:
        request_answer(client, session, 501, request->cseq);
        break;
    }
}

/* Refusals often have a page of HTML for a body, and not all servers say how long it is. */
static void note_open_end(struct client *client, struct session *session,
                          const struct rtsp_message *reply)
{
    struct conversation *talk = session_talk(client, session);
    if (talk)
        talk->open_ended = reply->status >= 300 && !rtsp_header(reply, "Content-Length", 0).data;
}

void session_on_message(struct client *client, struct session *session,
                        const struct rtsp_message *message, uint64_t arrival_ns)
{
    bool keepalive_out = session->flags & FLAG_KEEPALIVE_PENDING;
    bool numbered =
        message->has_cseq && message->cseq != 0; /* a 0 is some cameras' word for "none" */
    if (message->is_request) {
        on_request(client, session, message);
        return;
    }
    note_open_end(client, session, message);
    if (session->misbehaviour)
        misbehave_on_answer(client, session, message->status);
    if (message->status < 200) {
        if (++session->server_requests > SERVER_REQUESTS_MAX)
            session_fail(client, session, REASON_ABUSE, message->status,
                         SLICE("a flood of 1xx replies"));
        return;
    }
    bool oldest_is_keepalive = keepalive_out && (session->pending_cseq == 0 ||
                                                 session->keepalive_cseq < session->pending_cseq);
    if (keepalive_out &&
        (numbered ? message->cseq == session->keepalive_cseq : oldest_is_keepalive))
        on_keepalive_reply(client, session, message, arrival_ns);
    else if (session->pending_cseq && (!numbered || message->cseq == session->pending_cseq))
        on_reply(client, session, message, arrival_ns);
    else
        client->stats->oddities.unasked_replies++;
}
