#include "server/request.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "media/describe.h"
#include "proto/auth.h"
#include "server/exchange.h"
#include "server/publication.h"
#include "server/publish.h"
#include "server/setup.h"
#include "server/shard.h"
#include "server/stream.h"

#define REALM "rtspbench"
#define METHODS                                                                                    \
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER, ANNOUNCE, "    \
    "RECORD"
#define LINGER_NS (100 * NS_PER_MS) /* for datagrams that TEARDOWN has overtaken */

void request_refuse(struct server *server, struct connection *connection, unsigned status)
{
    struct exchange exchange = {.server = server, .connection = connection};
    exchange_begin(&exchange, status);
    text_add_string(&exchange.reply, "Connection: close\r\n");
    exchange_finish(&exchange);
    connection_close(server, connection, "closed", false);
}

static void on_options(struct exchange *exchange)
{
    exchange_begin(exchange, 200);
    text_add_string(&exchange->reply, "Public: " METHODS "\r\n");
    exchange_add_session(exchange);
    exchange_finish(exchange);
}

static void on_describe(struct exchange *exchange)
{
    if (exchange->unknown) {
        exchange_answer_unknown(exchange);
        return;
    }
    char description[DESCRIBE_MAX];
    struct text sdp = text_init(description, sizeof(description));
    describe(&sdp, exchange->media, exchange->server->address.family == AF_INET6);
    exchange_begin(exchange, 200);
    text_add_string(&exchange->reply, "Content-Base: ");
    exchange_add_base(exchange);
    text_add_string(&exchange->reply, "/\r\n");
    exchange_finish_with_body(exchange, "application/sdp", text_slice(&sdp));
}

static void add_rtp_info(struct exchange *exchange)
{
    const struct playout *playout = &exchange->connection->session.playout;
    const char *separator = "RTP-Info: ";
    for (unsigned i = 0; i < playout->media->track_count; i++) {
        if (!playout->tracks[i].on)
            continue;
        text_printf(&exchange->reply, "%surl=", separator);
        exchange_add_base(exchange);
        text_printf(&exchange->reply, "/trackID=%u;seq=%u;rtptime=%u", i, playout->at.sequence[i],
                    playout_next_timestamp(playout, i));
        separator = ",";
    }
    text_add_string(&exchange->reply, "\r\n");
}

static void on_play(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    unsigned status = exchange_check_session(exchange);
    if (status == 200 && connection_publishes(connection))
        status = 455;
    if (status == 200 && exchange->target.track != TARGET_WHOLE &&
        session_tracks_on(&connection->session) > 1)
        status = 460;
    if (status == 200 && connection->session.state == SESSION_READY)
        stream_play(exchange->server, connection);
    exchange_begin(exchange, status);
    if (status == 200) {
        exchange_add_session(exchange);
        text_add_string(&exchange->reply, "Range: npt=0-\r\n");
        add_rtp_info(exchange);
    }
    exchange_finish(exchange);
}

static void on_pause(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    unsigned status = exchange_check_session(exchange);
    if (status == 200 && connection->session.state == SESSION_READY)
        status = 455;
    exchange_begin(exchange, status);
    exchange_add_session(exchange);
    if (status == 200) {
        stream_pause(exchange->server, connection);
        publication_pause(exchange->server, connection);
        connection_flush(exchange->server, connection);
    }
    exchange_finish(exchange);
}

/* Media stops before the reply, so that the client has all of it when the reply is there. A
   publisher's datagrams are awaited for a while: they and this request come by different sockets.
 */
static void on_teardown(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    unsigned status = exchange_check_session(exchange);
    exchange_begin(exchange, status);
    exchange_add_session(exchange);
    if (status != 200) {
        exchange_finish(exchange);
        return;
    }
    connection->session.torn_down = true;
    stream_pause(exchange->server, connection);
    publication_pause(exchange->server, connection);
    connection_flush(exchange->server, connection);
    if ((exchange->faults.mute >> RTSP_TEARDOWN & 1) != 0) {
        connection_end_session(exchange->server, connection, "teardown");
        return;
    }
    exchange_finish(exchange);
    if (connection->state == CONNECTION_OPEN)
        connection->state = CONNECTION_ENDING;
    if (connection_publishes(connection) && connection->session.udp)
        connection->shut_at_ns = exchange->server->now_ns + LINGER_NS;
}

static void on_parameter(struct exchange *exchange)
{
    if (!exchange_names_session(exchange)) {
        exchange_answer(exchange, 454);
        return;
    }
    exchange_begin(exchange, 200);
    exchange_add_session(exchange);
    exchange_finish(exchange);
}

static void on_unsupported(struct exchange *exchange)
{
    exchange_begin(exchange, exchange->request->method == RTSP_OTHER ? 501 : 405);
    text_add_string(&exchange->reply, "Allow: " METHODS "\r\n");
    exchange_finish(exchange);
}

static void make_nonce(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    if (!exchange->server->on_sim &&
        getrandom(connection->nonce, sizeof(connection->nonce), 0) == sizeof(connection->nonce))
        return;
    struct rng rng = rng_init(exchange->server->config.seed, connection->serial, 3);
    for (unsigned i = 0; i < sizeof(connection->nonce); i++)
        connection->nonce[i] = (uint8_t)rng_next(&rng);
}

static void make_challenge(const struct exchange *exchange, enum auth_algorithm algorithm,
                           struct auth_challenge *out)
{
    char hex[2 * sizeof(exchange->connection->nonce)];
    for (unsigned i = 0; i < sizeof(hex); i++) {
        uint8_t byte = exchange->connection->nonce[i / 2];
        hex[i] = "0123456789abcdef"[i % 2 == 0 ? byte >> 4 : byte & 15];
    }
    auth_challenge_make(out, exchange->server->config.auth, algorithm, SLICE(REALM),
                        slice_make(hex, sizeof(hex)));
}

static bool is_authorized(const struct exchange *exchange)
{
    static const enum auth_algorithm algorithms[] = {AUTH_MD5, AUTH_SHA256};
    const struct server_config *config = &exchange->server->config;
    struct slice proof = rtsp_header(exchange->request, "Authorization", 0);
    struct auth_challenge challenge;
    if (config->auth == AUTH_NONE || exchange->request->method == RTSP_OPTIONS)
        return true;
    for (unsigned i = 0; i < 2 && proof.data; i++) {
        make_challenge(exchange, algorithms[i], &challenge);
        if (auth_check(proof, &challenge, &config->credentials, exchange->request->method_name,
                       exchange->request->url))
            return true;
    }
    return false;
}

static void ask_for_proof(struct exchange *exchange)
{
    struct auth_challenge challenge;
    static const uint8_t none[sizeof(exchange->connection->nonce)];
    if (memcmp(exchange->connection->nonce, none, sizeof(none)) == 0)
        make_nonce(exchange);
    exchange_begin(exchange, 401);
    /* The strongest first (RFC 7616, 3.7); and FFmpeg, which knows MD5 alone, heeds the last. */
    if (exchange->server->config.auth == AUTH_DIGEST) {
        make_challenge(exchange, AUTH_SHA256, &challenge);
        auth_challenge_write(&exchange->reply, &challenge);
    }
    make_challenge(exchange, AUTH_MD5, &challenge);
    auth_challenge_write(&exchange->reply, &challenge);
    exchange_finish(exchange);
}

/* Finds the path and its faults, or answers why there is none. */
static bool find_path(struct exchange *exchange)
{
    struct server *server = exchange->server;
    char why[256];
    struct text error = text_init(why, sizeof(why));
    enum target_result result = target_parse(exchange->request->url, &exchange->target);
    if (!exchange->request->has_cseq || result != TARGET_OK) {
        exchange_answer(exchange, result == TARGET_TOO_LONG ? 414 : 400);
        return false;
    }
    if (connection_publishes(exchange->connection))
        announcement_resolve(&publication_of(server, exchange->connection)->announcement,
                             &exchange->target);
    exchange->path = path_find(&server->paths, &exchange->target);
    exchange->media = library_find(server->config.library, exchange->target.path);
    exchange->unknown = !exchange->media;
    if (exchange->unknown)
        exchange->media = server->config.library->media[0];
    exchange->faults = exchange->path ? exchange->path->faults : server->config.faults;
    if (exchange->path || faults_parse(&exchange->faults, exchange->target.query, &error))
        return true;
    exchange_begin(exchange, 400);
    exchange_finish_with_body(exchange, "text/plain", text_slice(&error));
    return false;
}

/* Faults and refusals that come before the method's own answer; true when that was all. */
static bool intercept(struct exchange *exchange)
{
    enum rtsp_method method = exchange->request->method;
    bool is_exempt = method == RTSP_OPTIONS || method == RTSP_TEARDOWN;
    if ((exchange->faults.mute >> method & 1) != 0 && method != RTSP_TEARDOWN)
        return true;
    if (!is_authorized(exchange)) {
        ask_for_proof(exchange);
        return true;
    }
    struct slice required = rtsp_header(exchange->request, "Require", 0);
    if (required.len > 0) {
        exchange_begin(exchange, 551);
        text_add_string(&exchange->reply, "Unsupported: ");
        text_add(&exchange->reply, required);
        text_add_string(&exchange->reply, "\r\n");
        exchange_finish(exchange);
        return true;
    }
    if (exchange->faults.status > 0 && !is_exempt) {
        exchange_answer(exchange, exchange->faults.status);
        return true;
    }
    return false;
}

static void count_keepalive(struct exchange *exchange)
{
    enum rtsp_method method = exchange->request->method;
    if (connection_has_session(exchange->connection) &&
        (method == RTSP_OPTIONS || method == RTSP_GET_PARAMETER || method == RTSP_SET_PARAMETER))
        exchange->connection->session.keepalives++;
}

static bool must_wait(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    bool wait = exchange->request->method == RTSP_DESCRIBE &&
                exchange->faults.describe_delay_ns > 0 && !connection->delay_served;
    connection->delay_served = false;
    if (!wait)
        return false;
    connection->resume_at_ns = exchange->server->now_ns + exchange->faults.describe_delay_ns;
    loop_pause(exchange->server->loop, connection->socket, true);
    return true;
}

bool request_handle(struct server *server, struct connection *connection,
                    const struct rtsp_message *message)
{
    static void (*const handlers[RTSP_METHODS])(struct exchange *) = {
        [RTSP_OPTIONS] = on_options,
        [RTSP_DESCRIBE] = on_describe,
        [RTSP_SETUP] = setup_handle,
        [RTSP_PLAY] = on_play,
        [RTSP_PAUSE] = on_pause,
        [RTSP_TEARDOWN] = on_teardown,
        [RTSP_GET_PARAMETER] = on_parameter,
        [RTSP_SET_PARAMETER] = on_parameter,
        [RTSP_ANNOUNCE] = publish_announce,
        [RTSP_RECORD] = publish_record,
    };
    struct exchange exchange = {.server = server, .connection = connection, .request = message};
    if (!message->is_request || !find_path(&exchange))
        return true;
    if (must_wait(&exchange))
        return false;
    count_keepalive(&exchange);
    if (intercept(&exchange))
        return true;
    if (handlers[message->method])
        handlers[message->method](&exchange);
    else
        on_unsupported(&exchange);
    return true;
}
