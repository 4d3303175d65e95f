#include "server/request.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "media/describe.h"
#include "proto/auth.h"
#include "proto/transport.h"
#include "server/shard.h"
#include "server/stream.h"

#define REALM "rtspbench"

/* A request, what its URL names, and the reply in the making. */
struct exchange {
    struct server *server;
    struct connection *connection;
    const struct rtsp_message *request;
    struct target target;
    struct path *path;    /* NULL until somebody set it up */
    struct faults faults; /* of the path */
    const struct media *media;
    struct text reply;
};

static void begin(struct exchange *exchange, unsigned status)
{
    exchange->reply = text_init(exchange->server->reply, sizeof(exchange->server->reply));
    text_printf(&exchange->reply, "RTSP/1.0 %u %s\r\n", status, rtsp_reason_phrase(status));
    if (exchange->request && exchange->request->has_cseq)
        text_printf(&exchange->reply, "CSeq: %u\r\n", exchange->request->cseq);
    text_add_string(&exchange->reply, "Server: rtspbench\r\n");
}

static void finish(struct exchange *exchange)
{
    text_add_string(&exchange->reply, "\r\n");
    if (exchange->reply.overflow) { /* only what a client sent us to send back can be that long */
        begin(exchange, 400);
        text_add_string(&exchange->reply, "\r\n");
    }
    connection_send(exchange->server, exchange->connection, text_slice(&exchange->reply));
}

static void answer(struct exchange *exchange, unsigned status)
{
    begin(exchange, status);
    finish(exchange);
}

static void finish_with_body(struct exchange *exchange, const char *type, struct slice body)
{
    text_printf(&exchange->reply, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", type,
                body.len);
    text_add(&exchange->reply, body);
    if (exchange->reply.overflow)
        answer(exchange, 500);
    else
        connection_send(exchange->server, exchange->connection, text_slice(&exchange->reply));
}

void request_refuse(struct server *server, struct connection *connection, unsigned status)
{
    struct exchange exchange = {.server = server, .connection = connection};
    begin(&exchange, status);
    text_add_string(&exchange.reply, "Connection: close\r\n");
    finish(&exchange);
    connection_close(server, connection, "closed", false);
}

static void add_session(struct exchange *exchange)
{
    if (connection_has_session(exchange->connection))
        text_printf(&exchange->reply, "Session: %016" PRIx64 "\r\n",
                    exchange->connection->session.id);
}

/* Is the Session header, if there is one, that of this connection's session? */
static bool names_session(const struct exchange *exchange)
{
    struct slice id, value = rtsp_header(exchange->request, "Session", 0);
    uint64_t number;
    uint32_t timeout_s;
    if (!value.data)
        return true;
    return connection_has_session(exchange->connection) &&
           rtsp_session_parse(value, &id, &timeout_s) &&
           slice_to_hex_u64(id, UINT64_MAX, &number) && number == exchange->connection->session.id;
}

static void on_options(struct exchange *exchange)
{
    begin(exchange, 200);
    text_add_string(&exchange->reply, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, "
                                      "GET_PARAMETER, SET_PARAMETER\r\n");
    add_session(exchange);
    finish(exchange);
}

/* The URL that tracks are relative to, without a slash at its end. */
static void add_base(struct text *to, const struct exchange *exchange)
{
    if (exchange->target.base.len > 0) {
        text_add(to, exchange->target.base);
    } else {
        text_add_string(to, "rtsp://");
        address_write(to, &exchange->server->address);
    }
    text_add_string(to, strcmp(exchange->target.key, "/") == 0 ? "" : exchange->target.key);
}

static void on_describe(struct exchange *exchange)
{
    char description[4096];
    struct text sdp = text_init(description, sizeof(description));
    describe(&sdp, exchange->media, exchange->server->address.family == AF_INET6);
    begin(exchange, 200);
    text_add_string(&exchange->reply, "Content-Base: ");
    add_base(&exchange->reply, exchange);
    text_add_string(&exchange->reply, "/\r\n");
    finish_with_body(exchange, "application/sdp", text_slice(&sdp));
}

/* The first alternative that we can serve; else 400 or 461. */
static unsigned choose_transport(const struct exchange *exchange, struct transport *out)
{
    struct slice list = rtsp_header(exchange->request, "Transport", 0);
    enum transport_result result;
    unsigned status = list.data ? 461 : 400;
    while (transport_next(&list, out, &result)) {
        if (result == TRANSPORT_INVALID)
            status = 400;
        if (result != TRANSPORT_OK || out->secure || out->record)
            continue;
        if (out->lower == TRANSPORT_TCP || (out->lower == TRANSPORT_UDP && out->has_client_port))
            return 200;
    }
    return status;
}

static bool channels_taken(const struct session *session, const uint16_t *channels, unsigned except)
{
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++) {
        if (i == except || !session->playout.tracks[i].on)
            continue;
        for (unsigned j = 0; j < 4; j++) {
            if (session->tracks[i].channels[j / 2] == channels[j % 2])
                return true;
        }
    }
    return false;
}

/* Makes the session at its first SETUP. 200, or why not. */
static unsigned create_session(struct exchange *exchange, bool udp)
{
    struct server *server = exchange->server;
    struct session *session = &exchange->connection->session;
    if (!exchange->path)
        exchange->path =
            path_add(&server->paths, &exchange->target, exchange->media, &exchange->faults);
    if (!exchange->path)
        return 503;
    if (!path_enter(&server->paths, exchange->path, server->config.max_sessions))
        return 453;
    *session = (struct session){
        .state = SESSION_READY,
        .udp = udp,
        .id = rng_next(&server->rng) | 1,
        .path = exchange->path,
        .playout = {.media = exchange->media,
                    .faults = &exchange->path->faults,
                    .seed = rng_next(&server->rng)},
    };
    server->sessions++;
    return 200;
}

static void set_up_udp(struct exchange *exchange, unsigned track, const struct transport *transport)
{
    struct session_track *entry = &exchange->connection->session.tracks[track];
    peers_remove(exchange->server, exchange->connection, track);
    entry->ports[0] = transport->client_port[0];
    entry->ports[1] = transport->client_port[1];
    peers_add(exchange->server, exchange->connection, track);
    text_printf(&exchange->reply,
                "Transport: RTP/AVP;unicast;client_port=%u-%u;server_port=%u-%u\r\n",
                entry->ports[0], entry->ports[1], exchange->server->rtp_port,
                exchange->server->rtp_port + 1u);
}

static void set_up_tcp(struct exchange *exchange, unsigned track, const uint16_t *channels)
{
    struct session_track *entry = &exchange->connection->session.tracks[track];
    entry->channels[0] = (uint8_t)channels[0];
    entry->channels[1] = (uint8_t)channels[1];
    text_printf(&exchange->reply, "Transport: RTP/AVP/TCP;unicast;interleaved=%u-%u\r\n",
                channels[0], channels[1]);
}

/* May this track be set up now, and on what? 200, or the status that says why not. */
static unsigned check_setup(const struct exchange *exchange, unsigned track,
                            struct transport *transport)
{
    const struct session *session = &exchange->connection->session;
    if (track >= exchange->media->track_count)
        return 404;
    if (!names_session(exchange))
        return 454;
    unsigned status = choose_transport(exchange, transport);
    if (status != 200)
        return status;
    if (session->state == SESSION_PLAYING)
        return 455;
    if (session->state != SESSION_NONE && session->path != exchange->path)
        return 459;
    bool udp = transport->lower == TRANSPORT_UDP;
    if (session->state != SESSION_NONE && session->udp != udp)
        return 461;
    if (!transport->has_interleaved) {
        transport->interleaved[0] = (uint16_t)(2 * track);
        transport->interleaved[1] = (uint16_t)(2 * track + 1);
    }
    return !udp && channels_taken(session, transport->interleaved, track) ? 400 : 200;
}

static void on_setup(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    struct transport transport;
    bool whole = exchange->target.track == TARGET_WHOLE;
    unsigned track = whole ? 0 : (unsigned)exchange->target.track;
    unsigned status =
        whole && exchange->media->track_count > 1 ? 459 : check_setup(exchange, track, &transport);
    bool udp = status == 200 && transport.lower == TRANSPORT_UDP;
    if (status == 200 && !connection_has_session(connection))
        status = create_session(exchange, udp);
    begin(exchange, status);
    if (status == 200) {
        uint64_t timeout_ns = exchange->faults.session_timeout_ns;
        if (timeout_ns == 0)
            timeout_ns = exchange->server->config.session_timeout_ns;
        if (udp)
            set_up_udp(exchange, track, &transport);
        else
            set_up_tcp(exchange, track, transport.interleaved);
        connection->session.playout.tracks[track].on = true;
        text_printf(&exchange->reply, "Session: %016" PRIx64 ";timeout=%" PRIu64 "\r\n",
                    connection->session.id, (timeout_ns + NS_PER_S - 1) / NS_PER_S);
    }
    finish(exchange);
}

static void add_rtp_info(struct exchange *exchange)
{
    const struct playout *playout = &exchange->connection->session.playout;
    const char *separator = "RTP-Info: ";
    for (unsigned i = 0; i < playout->media->track_count; i++) {
        if (!playout->tracks[i].on)
            continue;
        text_printf(&exchange->reply, "%surl=", separator);
        add_base(&exchange->reply, exchange);
        text_printf(&exchange->reply, "/trackID=%u;seq=%u;rtptime=%u", i, playout->at.sequence[i],
                    playout_next_timestamp(playout, i));
        separator = ",";
    }
    text_add_string(&exchange->reply, "\r\n");
}

static unsigned tracks_on(const struct session *session)
{
    unsigned count = 0;
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++)
        count += session->playout.tracks[i].on;
    return count;
}

/* What PLAY, PAUSE and TEARDOWN have in common. 200, or why not. */
static unsigned check_session(const struct exchange *exchange)
{
    const struct session *session = &exchange->connection->session;
    if (session->state == SESSION_NONE || !names_session(exchange))
        return 454;
    return session->path == exchange->path || exchange->target.path.data[0] == '*' ? 200 : 404;
}

static void on_play(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    unsigned status = check_session(exchange);
    if (status == 200 && exchange->target.track != TARGET_WHOLE &&
        tracks_on(&connection->session) > 1)
        status = 460;
    if (status == 200 && connection->session.state == SESSION_READY)
        stream_play(exchange->server, connection);
    begin(exchange, status);
    if (status == 200) {
        add_session(exchange);
        text_add_string(&exchange->reply, "Range: npt=0-\r\n");
        add_rtp_info(exchange);
    }
    finish(exchange);
}

static void on_pause(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    unsigned status = check_session(exchange);
    if (status == 200 && connection->session.state != SESSION_PLAYING)
        status = 455;
    begin(exchange, status);
    add_session(exchange);
    if (status == 200) {
        stream_pause(exchange->server, connection);
        connection_flush(exchange->server, connection);
    }
    finish(exchange);
}

/* Media stops before the reply, so that the client has all of it when the reply is there. */
static void on_teardown(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    unsigned status = check_session(exchange);
    begin(exchange, status);
    add_session(exchange);
    if (status != 200) {
        finish(exchange);
        return;
    }
    connection->session.torn_down = true;
    stream_pause(exchange->server, connection);
    connection_flush(exchange->server, connection);
    if ((exchange->faults.mute >> RTSP_TEARDOWN & 1) != 0) {
        connection_end_session(exchange->server, connection, "teardown");
        return;
    }
    finish(exchange);
    if (connection->state == CONNECTION_OPEN)
        connection->state = CONNECTION_ENDING;
}

static void on_parameter(struct exchange *exchange)
{
    if (!names_session(exchange)) {
        answer(exchange, 454);
        return;
    }
    begin(exchange, 200);
    add_session(exchange);
    finish(exchange);
}

static void on_unsupported(struct exchange *exchange)
{
    begin(exchange, exchange->request->method == RTSP_OTHER ? 501 : 405);
    text_add_string(&exchange->reply, "Allow: OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, "
                                      "GET_PARAMETER, SET_PARAMETER\r\n");
    finish(exchange);
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
    begin(exchange, 401);
    /* The strongest first (RFC 7616, 3.7); and FFmpeg, which knows MD5 alone, heeds the last. */
    if (exchange->server->config.auth == AUTH_DIGEST) {
        make_challenge(exchange, AUTH_SHA256, &challenge);
        auth_challenge_write(&exchange->reply, &challenge);
    }
    make_challenge(exchange, AUTH_MD5, &challenge);
    auth_challenge_write(&exchange->reply, &challenge);
    finish(exchange);
}

/* Finds the path and its faults, or answers why there is none. */
static bool find_path(struct exchange *exchange)
{
    struct server *server = exchange->server;
    char why[256];
    struct text error = text_init(why, sizeof(why));
    enum target_result result = target_parse(exchange->request->url, &exchange->target);
    if (!exchange->request->has_cseq || result != TARGET_OK) {
        answer(exchange, result == TARGET_TOO_LONG ? 414 : 400);
        return false;
    }
    exchange->path = path_find(&server->paths, &exchange->target);
    exchange->media = library_find(server->config.library, exchange->target.path);
    exchange->faults = exchange->path ? exchange->path->faults : server->config.faults;
    if (exchange->path || faults_parse(&exchange->faults, exchange->target.query, &error))
        return true;
    begin(exchange, 400);
    finish_with_body(exchange, "text/plain", text_slice(&error));
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
        begin(exchange, 551);
        text_add_string(&exchange->reply, "Unsupported: ");
        text_add(&exchange->reply, required);
        text_add_string(&exchange->reply, "\r\n");
        finish(exchange);
        return true;
    }
    if (exchange->faults.status > 0 && !is_exempt) {
        answer(exchange, exchange->faults.status);
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
        [RTSP_SETUP] = on_setup,
        [RTSP_PLAY] = on_play,
        [RTSP_PAUSE] = on_pause,
        [RTSP_TEARDOWN] = on_teardown,
        [RTSP_GET_PARAMETER] = on_parameter,
        [RTSP_SET_PARAMETER] = on_parameter,
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
