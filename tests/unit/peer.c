#include "peer.h"

#include <errno.h>
#include <stdlib.h>

#define CONNECTIONS 2048u
#define INPUT_MAX 131072u
#define OUTPUT_MAX (20u << 20)
#define METHODS 8u
#define DATAGRAMS 4294967001u
#define LISTENERS 4294967000u /* tokens from here on are no connections */

static const char good_sdp[] = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
                               "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                               "a=control:trackID=0\r\n";

static const struct peer_line good[] = {
    {"OPTIONS", "{ok}Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n\r\n"},
    {"DESCRIBE", "{ok}Content-Type: application/sdp\r\n{sdp}"},
    {"SETUP", "{ok}Session: 12345678;timeout=60\r\nTransport: {transport}\r\n\r\n"},
    {"PLAY", "{ok}Session: 12345678\r\n\r\n{rtp:0:1}{rtp:0:2}{rtp:0:3}"},
    {"TEARDOWN", "{ok}\r\n"},
    {"GET_PARAMETER", "{ok}\r\n"},
    {"SET_PARAMETER", "{ok}\r\n"},
};

struct variant {
    uint32_t count[METHODS]; /* requests so far */
    uint16_t client_port;
    char log[PEER_LOG];
    size_t log_len;
};

struct peer_connection {
    loop_socket socket;
    uint32_t variant;
    bool closed;
    const char *rest; /* of the script, still to be said; NULL: none */
    uint64_t resume_ns;
    char cseq[32];
    char transport[256];
    uint8_t input[INPUT_MAX];
    size_t input_len;
    uint8_t *out; /* what the socket has not taken yet */
    size_t out_len, out_sent;
};

struct peer {
    struct sim *sim;
    struct loop *loop;
    const struct peer_line *lines;
    const char *sdp;
    struct address host;
    loop_socket udp[4]; /* RTP, RTCP, another port, another host */
    uint32_t connection_count;
    struct peer_connection *connections[CONNECTIONS];
    struct variant variants[PEER_VARIANTS + 1];
    uint8_t *buffer;
    size_t len;
};

static void say(struct peer *peer, struct peer_connection *connection);

static void put(struct peer *peer, const void *bytes, size_t len)
{
    assert_true(len <= OUTPUT_MAX - peer->len);
    memcpy(peer->buffer + peer->len, bytes, len);
    peer->len += len;
}

static void put_string(struct peer *peer, const char *string)
{
    put(peer, string, strlen(string));
}

static void push(struct peer *peer, struct peer_connection *connection)
{
    while (connection->out_sent < connection->out_len) {
        size_t left = connection->out_len - connection->out_sent;
        struct iovec part = {connection->out + connection->out_sent, left};
        int64_t sent = loop_send(peer->loop, connection->socket, &part, 1);
        if (sent < 0 && sent != -EAGAIN)
            sent = (int64_t)left;
        connection->out_sent += sent > 0 ? (size_t)sent : 0;
        if (sent < (int64_t)left) {
            loop_want_writable(peer->loop, connection->socket);
            return;
        }
    }
}

static void send_piece(struct peer *peer, struct peer_connection *connection, const uint8_t *bytes,
                       size_t len)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    int64_t sent = 0;
    if (connection->out_sent == connection->out_len && len > 0)
        sent = loop_send(peer->loop, connection->socket, &part, 1);
    if ((sent < 0 && sent != -EAGAIN) || sent == (int64_t)len)
        return;
    sent = sent > 0 ? sent : 0;
    size_t kept = connection->out_len - connection->out_sent, left = len - (size_t)sent;
    uint8_t *out = malloc(kept + left);
    if (kept > 0)
        memcpy(out, connection->out + connection->out_sent, kept);
    memcpy(out + kept, bytes + sent, left);
    free(connection->out);
    connection->out = out;
    connection->out_len = kept + left;
    connection->out_sent = 0;
    loop_want_writable(peer->loop, connection->socket);
}

/* Variant 1 gets it whole, 2 byte by byte, the others cut in two at a place of their own. */
static void flush(struct peer *peer, struct peer_connection *connection)
{
    size_t cut = connection->variant > 2 ? connection->variant - 2 : peer->len;
    size_t step = connection->variant == 2 ? 1 : cut < peer->len ? cut : peer->len;
    for (size_t at = 0; at < peer->len && !connection->closed;) {
        size_t n = step < peer->len - at ? step : peer->len - at;
        send_piece(peer, connection, peer->buffer + at, n);
        at += n;
        step = connection->variant == 2 ? 1 : peer->len;
    }
    peer->len = 0;
}

static void put_rtp(struct peer *peer, unsigned sequence, unsigned type)
{
    uint32_t timestamp = sequence * 3600;
    const uint8_t packet[16] = {0x80,
                                (uint8_t)(0x80 | type),
                                (uint8_t)(sequence >> 8),
                                (uint8_t)sequence,
                                (uint8_t)(timestamp >> 24),
                                (uint8_t)(timestamp >> 16),
                                (uint8_t)(timestamp >> 8),
                                (uint8_t)timestamp,
                                0x11,
                                0x22,
                                0x33,
                                0x44,
                                0x65,
                                0x88,
                                0x84,
                                0x21};
    put(peer, packet, sizeof(packet));
}

static void put_frame(struct peer *peer, const char *arguments)
{
    unsigned channel = 0, sequence = 0, type = 96;
    sscanf(arguments, "%u:%u:%u", &channel, &sequence, &type);
    const uint8_t head[4] = {'$', (uint8_t)channel, 0, 16};
    put(peer, head, sizeof(head));
    put_rtp(peer, sequence, type);
}

static void send_udp(struct peer *peer, const struct peer_connection *connection, unsigned from,
                     const char *arguments)
{
    static const uint8_t report[28] = {0x80, 200, 0, 6, 0x11, 0x22, 0x33, 0x44};
    unsigned sequence = 0, type = 96;
    struct address to;
    size_t before = peer->len;
    sscanf(arguments, "%u:%u", &sequence, &type);
    assert_true(
        address_parse(SLICE("10.0.0.2"), peer->variants[connection->variant].client_port, &to));
    if (from == 1) {
        address_set_port(&to, (uint16_t)(address_port(&to) + 1));
        put(peer, report, sizeof(report));
    } else {
        put_rtp(peer, sequence, type);
    }
    struct slice datagram = slice_make(peer->buffer + before, peer->len - before);
    loop_send_to(peer->loop, peer->udp[from], &to, datagram, (uint32_t)datagram.len);
    peer->len = before;
}

static void put_hex(struct peer *peer, const char *digits)
{
    for (; digits[0] != '}'; digits += 2) {
        unsigned value = 0;
        assert_int_equal(sscanf(digits, "%2x", &value), 1);
        uint8_t byte = (uint8_t)value;
        put(peer, &byte, 1);
    }
}

static void put_many(struct peer *peer, const char *what, unsigned long count)
{
    while (count-- > 0)
        put_string(peer, what);
}

static void put_number(struct peer *peer, unsigned long number)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%lu", number);
    put_string(peer, digits);
}

/* The SDP may hold tokens that make bytes. */
static void expand(struct peer *peer, struct peer_connection *connection, const char *text);

static void put_sdp(struct peer *peer, struct peer_connection *connection)
{
    size_t before = peer->len;
    expand(peer, connection, peer->sdp ? peer->sdp : good_sdp);
    size_t len = peer->len - before;
    uint8_t *body = malloc(len + 1);
    memcpy(body, peer->buffer + before, len);
    peer->len = before;
    put_string(peer, "Content-Length: ");
    put_number(peer, len);
    put_string(peer, "\r\n\r\n");
    put(peer, body, len);
    free(body);
}

/* Tokens that are bytes. False: it is none of these. */
static bool put_token(struct peer *peer, struct peer_connection *connection, const char *token)
{
    const char *colon = strchr(token, ':');
    unsigned long count = colon ? strtoul(colon + 1, NULL, 10) : 0;
    if (strncmp(token, "ok}", 3) == 0) {
        put_string(peer, "RTSP/1.0 200 OK\r\nCSeq: ");
        put_string(peer, connection->cseq);
        put_string(peer, "\r\n");
    } else if (strncmp(token, "c}", 2) == 0) {
        put_string(peer, connection->cseq);
    } else if (strncmp(token, "n}", 2) == 0) {
        put_number(peer, connection->variant);
    } else if (strncmp(token, "sdp}", 4) == 0) {
        put_sdp(peer, connection);
    } else if (strncmp(token, "transport}", 10) == 0) {
        put_string(peer, connection->transport);
    } else if (strncmp(token, "rtp:", 4) == 0) {
        put_frame(peer, token + 4);
    } else if (strncmp(token, "x:", 2) == 0) {
        put_many(peer, "x", count);
    } else if (strncmp(token, "lines:", 6) == 0) {
        put_many(peer, "a: b\r\n", count);
    } else if (strncmp(token, "media:", 6) == 0) {
        put_many(peer, "m=video 0 RTP/AVP 96\r\na=control:t\r\n", count);
    } else if (strncmp(token, "flood:", 6) == 0) {
        put_many(peer, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", count);
    } else if (strncmp(token, "continue:", 9) == 0) {
        put_many(peer, "RTSP/1.0 100 Continue\r\n\r\n", count);
    } else if (strncmp(token, "hex:", 4) == 0) {
        put_hex(peer, token + 4);
    } else {
        return false;
    }
    return true;
}

static void expand(struct peer *peer, struct peer_connection *connection, const char *text)
{
    while (*text) {
        const char *brace = strchr(text, '{');
        put(peer, text, brace ? (size_t)(brace - text) : strlen(text));
        if (!brace)
            return;
        assert_true(put_token(peer, connection, brace + 1));
        text = strchr(brace, '}') + 1;
    }
}

static void end(struct peer *peer, struct peer_connection *connection, bool reset)
{
    if (!connection->closed)
        loop_close(peer->loop, connection->socket, reset);
    connection->closed = true;
}

/* Tokens that do something. */
static void act(struct peer *peer, struct peer_connection *connection, const char *token)
{
    flush(peer, connection);
    if (strncmp(token, "wait:", 5) == 0)
        connection->resume_ns = sim_now(peer->sim) + strtoul(token + 5, NULL, 10) * NS_PER_MS;
    else if (strncmp(token, "close}", 6) == 0)
        end(peer, connection, false);
    else if (strncmp(token, "reset}", 6) == 0)
        end(peer, connection, true);
    else if (strncmp(token, "shut}", 5) == 0)
        loop_shutdown(peer->loop, connection->socket);
    else if (strncmp(token, "udp:", 4) == 0)
        send_udp(peer, connection, 0, token + 4);
    else if (strncmp(token, "rtcp2:", 6) == 0)
        send_udp(peer, connection, 1, token + 6);
    else if (strncmp(token, "udp2:", 5) == 0)
        send_udp(peer, connection, 2, token + 5);
    else if (strncmp(token, "udp3:", 5) == 0)
        send_udp(peer, connection, 3, token + 5);
    else if (strncmp(token, "stuck}", 6) == 0)
        sim_set_faults(peer->sim,
                       &(struct sim_faults){.latency_ns = NS_PER_MS, .send_full_ppm = 1000000});
    else
        fail_msg("token {%.20s", token);
}

/* Goes on with the script as far as it goes without waiting. */
static void say(struct peer *peer, struct peer_connection *connection)
{
    while (connection->rest && connection->resume_ns <= sim_now(peer->sim)) {
        const char *text = connection->rest;
        const char *brace = strchr(text, '{');
        put(peer, text, brace ? (size_t)(brace - text) : strlen(text));
        connection->rest = brace ? strchr(brace, '}') + 1 : NULL;
        if (brace && !put_token(peer, connection, brace + 1))
            act(peer, connection, brace + 1);
    }
    flush(peer, connection);
}

static unsigned method_index(const char *method)
{
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (strcmp(good[i].on, method) == 0)
            return i;
    }
    return METHODS - 1;
}

static const char *find_line(const struct peer *peer, const char *method, uint32_t nth)
{
    char numbered[64];
    const char *found = NULL;
    snprintf(numbered, sizeof(numbered), "%s %u", method, nth);
    for (unsigned i = 0; i < PEER_LINES && peer->lines[i].on; i++) {
        const struct peer_line *line = &peer->lines[i];
        if (strcmp(line->on, numbered) == 0)
            return line->say;
        if (strcmp(line->on, method) == 0)
            found = line->say;
    }
    unsigned i = method_index(method);
    return found ? found : i < sizeof(good) / sizeof(good[0]) ? good[i].say : "";
}

static void copy_header(const char *head, const char *name, char *out, size_t size)
{
    const char *at = strcasestr(head, name);
    size_t len = at ? strcspn(at + strlen(name), "\r\n") : 0;
    snprintf(out, size, "%.*s", (int)len, at ? at + strlen(name) : "");
}

static void on_request(struct peer *peer, struct peer_connection *connection, const char *head)
{
    char method[32] = "";
    sscanf(head, "%31s", method);
    if (strncmp(method, "RTSP/", 5) == 0)
        return; /* an answer to a request of ours */
    copy_header(head, "CSeq: ", connection->cseq, sizeof(connection->cseq));
    copy_header(head, "Transport: ", connection->transport, sizeof(connection->transport) - 32);
    const char *port = strstr(connection->transport, "client_port=");
    const char *path = strstr(head, "554/");
    if (path && connection->variant == 0)
        connection->variant = (uint32_t)strtoul(path + 4, NULL, 10);
    assert_true(connection->variant <= PEER_VARIANTS);
    struct variant *variant = &peer->variants[connection->variant];
    if (port && variant->client_port == 0)
        variant->client_port = (uint16_t)strtoul(port + 12, NULL, 10);
    if (port)
        strcat(connection->transport, ";server_port=20000-20001");
    uint32_t nth = ++variant->count[method_index(method)];
    connection->rest = find_line(peer, method, nth);
    say(peer, connection);
}

static void log_bytes(struct peer *peer, uint32_t number, const char *text, size_t len)
{
    struct variant *variant = &peer->variants[number];
    if (len >= sizeof(variant->log) - variant->log_len)
        return;
    memcpy(variant->log + variant->log_len, text, len);
    variant->log_len += len;
}

/* Takes one message, or one interleaved frame. */
static bool take_input(struct peer *peer, struct peer_connection *connection)
{
    static char head[INPUT_MAX + 1];
    size_t used = 0;
    memcpy(head, connection->input, connection->input_len);
    head[connection->input_len] = '\0';
    if (connection->closed || connection->rest || connection->input_len == 0)
        return false;
    if (head[0] == '$') {
        used = 4 + (connection->input_len < 4
                        ? INPUT_MAX
                        : (size_t)connection->input[2] << 8 | connection->input[3]);
    } else {
        const char *blank = strstr(head, "\r\n\r\n");
        used = blank ? (size_t)(blank - head) + 4 : INPUT_MAX;
    }
    if (used > connection->input_len)
        return false;
    memmove(connection->input, connection->input + used, connection->input_len - used);
    connection->input_len -= used;
    if (head[0] == '$')
        return true;
    head[used] = '\0';
    on_request(peer, connection, head);
    log_bytes(peer, connection->variant, head, used);
    return true;
}

/* Hole punching and receiver reports: whose they are is told by the port they come from. */
static void on_datagram(struct peer *peer, const struct loop_event *event)
{
    char line[64];
    uint16_t from = (uint16_t)(address_port(event->from) & ~1u);
    unsigned to = event->socket == peer->udp[0] ? 20000 : event->socket == peer->udp[1] ? 20001 : 0;
    int len = snprintf(line, sizeof(line), "datagram to %u: type %u\n", to, event->bytes.data[1]);
    for (uint32_t i = 1; i <= PEER_VARIANTS; i++) {
        if (peer->variants[i].client_port == from)
            log_bytes(peer, i, line, (size_t)len);
    }
}

static void on_event(void *context, const struct loop_event *event)
{
    struct peer *peer = context;
    if (event->type == LOOP_ACCEPTED) {
        uint32_t index = peer->connection_count++;
        assert_true(index < CONNECTIONS);
        peer->connections[index] = calloc(1, sizeof(struct peer_connection));
        peer->connections[index]->socket = event->accepted;
        loop_set_token(peer->loop, event->accepted, index);
        return;
    }
    if (event->type == LOOP_DATAGRAM && event->bytes.len >= 2)
        on_datagram(peer, event);
    if (event->token >= peer->connection_count)
        return;
    struct peer_connection *connection = peer->connections[event->token];
    if (event->type == LOOP_BYTES) {
        assert_true(event->bytes.len <= INPUT_MAX - connection->input_len);
        memcpy(connection->input + connection->input_len, event->bytes.data, event->bytes.len);
        connection->input_len += event->bytes.len;
        while (take_input(peer, connection))
            continue;
    } else if (event->type == LOOP_WRITABLE) {
        push(peer, connection);
    } else if (event->type == LOOP_EOF || event->type == LOOP_BROKEN) {
        end(peer, connection, false);
    }
}

static uint64_t peer_deadline(void *context)
{
    struct peer *peer = context;
    uint64_t next_ns = TIME_NEVER;
    for (uint32_t i = 0; i < peer->connection_count; i++) {
        const struct peer_connection *connection = peer->connections[i];
        if (connection->rest && !connection->closed && connection->resume_ns < next_ns)
            next_ns = connection->resume_ns;
    }
    return next_ns;
}

static void peer_turn(void *context)
{
    struct peer *peer = context;
    loop_turn(peer->loop, 0, 0);
    for (uint32_t i = 0; i < peer->connection_count; i++) {
        struct peer_connection *connection = peer->connections[i];
        if (connection->closed || !connection->rest || connection->resume_ns > sim_now(peer->sim))
            continue;
        say(peer, connection);
        while (take_input(peer, connection))
            continue;
    }
}

struct world_peer peer_as_world(struct peer *peer)
{
    return (struct world_peer){peer, peer_deadline, peer_turn};
}

static loop_socket bind_udp(struct peer *peer, const char *host, uint16_t port)
{
    struct loop_udp udp = {.token = DATAGRAMS, .receive = true};
    assert_true(address_parse(slice_from_string(host), port, &udp.at));
    int64_t socket = loop_open_udp(peer->loop, &udp);
    assert_true(socket > 0);
    return (loop_socket)socket;
}

struct peer *peer_new(struct sim *sim, const struct peer_line *lines, const char *sdp)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    struct loop_config config = {.kind = LOOP_SIM, .max_sockets = CONNECTIONS + 16, .sim = sim};
    struct address other;
    peer->sim = sim;
    peer->lines = lines;
    peer->sdp = sdp;
    peer->buffer = malloc(OUTPUT_MAX);
    assert_int_equal(loop_new(&peer->loop, &config, on_event, peer), 0);
    assert_true(address_parse(SLICE(WORLD_HOST), 554, &peer->host));
    assert_true(address_parse(SLICE(PEER_OTHER_HOST), 554, &other));
    assert_true(loop_listen(peer->loop, &peer->host, false, NULL, LISTENERS) > 0);
    assert_true(loop_listen(peer->loop, &other, false, NULL, LISTENERS) > 0);
    other = peer->host;
    address_set_port(&other, (uint16_t)atoi(PEER_OTHER_PORT));
    assert_true(loop_listen(peer->loop, &other, false, NULL, LISTENERS) > 0);
    peer->udp[0] = bind_udp(peer, WORLD_HOST, 20000);
    peer->udp[1] = bind_udp(peer, WORLD_HOST, 20001);
    peer->udp[2] = bind_udp(peer, WORLD_HOST, 20444);
    peer->udp[3] = bind_udp(peer, "10.66.66.66", 20000);
    return peer;
}

void peer_free(struct peer *peer)
{
    loop_free(peer->loop);
    for (uint32_t i = 0; i < peer->connection_count; i++) {
        free(peer->connections[i]->out);
        free(peer->connections[i]);
    }
    free(peer->buffer);
    free(peer);
}

const char *peer_log(const struct peer *peer, uint32_t variant)
{
    return peer->variants[variant].log;
}
