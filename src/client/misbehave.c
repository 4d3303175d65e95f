#include "client/misbehave.h"

#include <string.h>

#include "base/rng.h"
#include "client/session_internal.h"

#define HOLD_MS 5000u  /* of the slow connector, before each request */
#define REUSE_LOOK 64u /* records looked at for a session id to misuse */
#define FLOOD_REPORTS 20u

/* What a kind does once it has taken over. at: the request it takes over instead of (RTSP_OTHER:
   once PLAY was answered). Every tick_ms the act is repeated; 0: it is done once. */
struct script {
    enum rtsp_method at;
    uint32_t tick_ms;
    void (*act)(struct client *client, struct session *session);
};

/* Bytes as they are, without waiting for an answer; dropped while our own writes are stuck. */
static void say(struct client *client, struct session *session, struct slice bytes)
{
    if (session_can_send(client, session))
        session_send(client, session, bytes);
}

static void say_request(struct client *client, struct session *session, const char *method,
                        struct slice url, const char *headers)
{
    struct text request = text_init(client->scratch_text, CLIENT_SCRATCH);
    text_add_string(&request, method);
    text_add(&request, SLICE(" "));
    text_add(&request, url);
    text_printf(&request, " RTSP/1.0\r\nCSeq: %u\r\n", ++session->cseq);
    text_add_string(&request, headers);
    text_add(&request, SLICE("\r\n"));
    if (!request.overflow)
        say(client, session, text_slice(&request));
}

static struct rng rng_of(const struct client *client, const struct session *session)
{
    return rng_init(client->config->seed, session->reader,
                    (uint64_t)session->incarnation << 32 | session->cseq);
}

static void do_nothing(struct client *client, struct session *session)
{
    (void)client;
    (void)session;
}

static void send_garbage(struct client *client, struct session *session)
{
    uint64_t bytes[32];
    struct rng rng = rng_of(client, session);
    session->cseq++;
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = rng_next(&rng);
    say(client, session, slice_make(bytes, sizeof(bytes)));
}

/* A header that never ends. */
static void send_a_byte(struct client *client, struct session *session)
{
    static const char start[] = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX-Slow: ";
    size_t at = session->bad_step;
    char byte = at < sizeof(start) - 1 ? start[at] : 'a';
    if (at < sizeof(start) - 1)
        session->bad_step++;
    say(client, session, slice_make(&byte, 1));
}

static void send_http(struct client *client, struct session *session)
{
    say(client, session, SLICE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
}

static void send_client_hello(struct client *client, struct session *session)
{
    /* a record header that promises 512 bytes, and the first few of them */
    if (session->bad_step++ == 0)
        say(client, session, SLICE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"));
}

static void send_malformed(struct client *client, struct session *session)
{
    static const char *const lines[] = {
        "DESCRIBE\r\n\r\n",
        "OPTIONS * RTSP/9.7\r\nCSeq: 1\r\n\r\n",
        "DESCRIBE rtsp:// RTSP/1.0\r\nCSeq: -1\r\n\r\n",
        "GET_PARAMETER * RTSP/1.0\r\nCSeq: 99999999999999\r\nContent-Length: -5\r\n\r\n",
        "SETUP * RTSP/1.0\r\nCSeq: 2\r\nTransport: ;;;interleaved=999-\r\n\r\n",
        "PLAY * RTSP/1.0\rCSeq: 3\r\r",
        "\x01\x02 * RTSP/1.0\r\nCSeq 4\r\nSession: \r\n\r\n",
    };
    const char *line = lines[session->bad_step++ % (sizeof(lines) / sizeof(lines[0]))];
    say(client, session, slice_from_string(line));
}

static void ask_to_describe(struct client *client, struct session *session)
{
    say_request(client, session, "DESCRIBE", session_url(client, session),
                "Accept: application/sdp\r\n");
}

static void ask_to_set_up(struct client *client, struct session *session)
{
    char buffer[DESCRIPTION_TEXT + 16];
    struct text url = text_init(buffer, sizeof(buffer));
    description_write_track_url(session_description(client, session), 0, &url);
    say_request(client, session, "SETUP", text_slice(&url),
                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
}

static void ask_to_play(struct client *client, struct session *session)
{
    say_request(client, session, "PLAY", session_url(client, session), "Range: npt=0.000-\r\n");
}

/* The id of some good session that plays. */
static struct slice someone_elses_id(const struct client *client)
{
    const struct client *good = client->good;
    uint32_t look = good->sessions.touched < REUSE_LOOK ? good->sessions.touched : REUSE_LOOK;
    for (uint32_t i = 0; i < look; i++) {
        const struct session *session = client_session(good, i);
        if (session->state == SESSION_PLAYING && session->id_len > 0)
            return session_id(good, session);
    }
    return SLICE("12345678");
}

static void reuse_session(struct client *client, struct session *session)
{
    char room[400];
    struct text header = text_init(room, sizeof(room));
    text_add_string(&header, "Session: ");
    text_add(&header, someone_elses_id(client));
    text_add_string(&header, "\r\n");
    say_request(client, session, session->bad_step++ % 2 ? "PAUSE" : "PLAY",
                session_url(client, session), text_string(&header));
}

static void flood_reports(struct client *client, struct session *session)
{
    uint8_t frame[16 * FLOOD_REPORTS] = {0};
    for (unsigned i = 0; i < FLOOD_REPORTS; i++) {
        uint8_t *at = frame + (size_t)12 * i;
        at[0] = '$';
        at[1] = session->tracks[0].channel[1];
        at[3] = 8;
        at[4] = 0x80;
        at[5] = 201;
        at[7] = 1;
    }
    say(client, session, slice_make(frame, (size_t)12 * FLOOD_REPORTS));
}

/* Reads for one short tick in a second: the others are longer. */
static void read_a_little(struct client *client, struct session *session)
{
    bool reads = session->bad_step++ % 2;
    client->io->pause(client->host, session->socket, !reads);
    session->report_ms = session_ms(client, (reads ? 20 : 980) * NS_PER_MS);
}

static void stop_reading(struct client *client, struct session *session)
{
    client->io->pause(client->host, session->socket, true);
}

static void stop_sending(struct client *client, struct session *session)
{
    session->flags &= (uint16_t)~FLAG_CONNECTED;
    client->io->shutdown(client->host, session->socket);
}

static void abort_it(struct client *client, struct session *session)
{
    if (session->bad_step++ == 0 && session->state == SESSION_PLAYING)
        return; /* some media first: it was called when PLAY was answered */
    session->bad_reset = true;
    session_finish(client, session, OUTCOME_CANCELLED);
}

static void disconnect(struct client *client, struct session *session)
{
    struct rng rng = rng_of(client, session);
    session->bad_reset = rng_below(&rng, 2);
    session_finish(client, session, OUTCOME_CANCELLED);
}

static void go_on(struct client *client, struct session *session)
{
    session->acting = false;
    session_enter_deadline(client, session);
    request_again(client, session);
}

static const struct script scripts[MISBEHAVIOURS] = {
    [BAD_SLOW_CONNECTOR] = {RTSP_METHODS, HOLD_MS, go_on},
    [BAD_SLOW_SENDER] = {RTSP_OPTIONS, 200, send_a_byte},
    [BAD_GARBAGE] = {RTSP_OPTIONS, 500, send_garbage},
    [BAD_INCOMPLETE_HANDSHAKE] = {RTSP_SETUP, 0, do_nothing},
    [BAD_INVALID_PROTOCOL] = {RTSP_OPTIONS, 2000, send_http},
    [BAD_RESOURCE_HOG] = {RTSP_PLAY, 200, ask_to_describe},
    [BAD_RANDOM_DISCONNECT] = {RTSP_METHODS, 0, disconnect},
    [BAD_MALFORMED_REQUESTS] = {RTSP_OPTIONS, 300, send_malformed},
    [BAD_SLOW_READER] = {RTSP_OTHER, 1000, read_a_little},
    [BAD_ZERO_WINDOW] = {RTSP_OTHER, 0, stop_reading},
    [BAD_RST] = {RTSP_OTHER, 2000, abort_it},
    [BAD_HALF_CLOSE] = {RTSP_OTHER, 0, stop_sending},
    [BAD_NO_TEARDOWN] = {RTSP_OTHER, 0, do_nothing},
    [BAD_NO_KEEPALIVE] = {RTSP_OTHER, 0, do_nothing},
    [BAD_SETUP_FLOOD] = {RTSP_SETUP, 50, ask_to_set_up},
    [BAD_PLAY_WITHOUT_SETUP] = {RTSP_SETUP, 1000, ask_to_play},
    [BAD_SESSION_REUSE] = {RTSP_SETUP, 1000, reuse_session},
    [BAD_RTCP_FLOOD] = {RTSP_OTHER, 50, flood_reports},
    [BAD_TLS_STALL] = {RTSP_OPTIONS, 0, send_client_hello},
    [BAD_CONNECT_AND_WAIT] = {RTSP_OPTIONS, 0, do_nothing},
};

static void take_over(struct client *client, struct session *session)
{
    const struct script *script = &scripts[misbehaviour_of(session)];
    bool waits = script->act == go_on;
    session->acting = true;
    session->pending_cseq = 0;
    session->deadline_ms = 0;
    session->report_ms = script->tick_ms ? session_ms(client, script->tick_ms * NS_PER_MS) : 0;
    session_arm(client, session);
    if (!waits)
        script->act(client, session);
}

/* Where the random one leaves: before one of its requests, or once it plays. */
static bool leaves_here(const struct client *client, const struct session *session,
                        enum rtsp_method method)
{
    static const enum rtsp_method points[] = {RTSP_OPTIONS, RTSP_DESCRIBE, RTSP_SETUP, RTSP_PLAY,
                                              RTSP_OTHER};
    struct rng rng = rng_init(client->config->seed, session->reader, session->incarnation);
    return points[rng_below(&rng, sizeof(points) / sizeof(points[0]))] == method;
}

bool misbehave_on_request(struct client *client, struct session *session, enum rtsp_method method)
{
    enum misbehaviour kind = misbehaviour_of(session);
    bool here = scripts[kind].at == method;
    if (method == RTSP_TEARDOWN)
        return false;
    if (kind == BAD_RANDOM_DISCONNECT)
        here = leaves_here(client, session, method);
    if (kind == BAD_SLOW_CONNECTOR)
        here = session->bad_step++ % 2 == 0;
    if (here)
        take_over(client, session);
    return here;
}

void misbehave_on_playing(struct client *client, struct session *session)
{
    enum misbehaviour kind = misbehaviour_of(session);
    bool here = scripts[kind].at == RTSP_OTHER;
    if (kind == BAD_RANDOM_DISCONNECT)
        here = leaves_here(client, session, RTSP_OTHER);
    if (here)
        take_over(client, session);
}

void misbehave_on_tick(struct client *client, struct session *session)
{
    const struct script *script = &scripts[misbehaviour_of(session)];
    session->report_ms = session_ms(client, script->tick_ms * NS_PER_MS);
    script->act(client, session);
}

static struct bad_counts *counts_of(const struct client *client, const struct session *session)
{
    return &client->good->stats->misbehaving[misbehaviour_of(session)];
}

void misbehave_on_answer(struct client *client, const struct session *session, unsigned status)
{
    counts_of(client, session)->answers[status / 100 < 6 ? status / 100 : 0]++;
}

void misbehave_began(struct client *client, const struct session *session)
{
    counts_of(client, session)->started++;
}

static enum bad_outcome outcome_of(const struct session *session, enum session_outcome outcome)
{
    if (outcome == OUTCOME_COMPLETED || outcome == OUTCOME_CANCELLED)
        return BAD_TOLERATED;
    switch ((int)session->last_reason) {
    case REASON_EOF:
    case REASON_TRUNCATED_BODY:
        return BAD_CLOSED;
    case REASON_RESET:
        return BAD_RESET;
    case REASON_STATUS:
    case REASON_AUTH_REJECTED:
    case REASON_AUTH_REQUIRED:
        return BAD_REJECTED;
    case REASON_REFUSED:
    case REASON_UNREACHABLE:
        return BAD_REFUSED;
    case REASON_TIMEOUT:
    case REASON_WRITE_TIMEOUT:
        return BAD_TIMED_OUT;
    }
    return BAD_OTHER;
}

void misbehave_ended(struct client *client, const struct session *session,
                     enum session_outcome outcome)
{
    struct bad_counts *counts = counts_of(client, session);
    counts->outcomes[outcome_of(session, outcome)]++;
    if (client->now_ns > session->due_ns)
        counts->lived_ms += (client->now_ns - session->due_ns) / NS_PER_MS;
}
