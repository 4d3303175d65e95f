#include "server/connection.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "proto/rtsp.h"
#include "server/publication.h"
#include "server/request.h"
#include "server/shard.h"
#include "server/stream.h"

#define SHUT_WAIT_NS (2 * NS_PER_S) /* for the peer's FIN */

static_assert(sizeof(struct connection) <= 1024, "one per reader: keep it small");

void connection_open(struct server *server, const struct loop_event *event)
{
    uint32_t index = pool_take(&server->connections);
    if (index == POOL_NONE) {
        server_count_refusal(server, REFUSED_FILES); /* max_connections is made of their limit */
        loop_close(server->loop, event->accepted, true);
        return;
    }
    struct connection *connection = pool_at(&server->connections, index);
    *connection = (struct connection){
        .state = CONNECTION_OPEN,
        .socket = event->accepted,
        .publication = POOL_NONE,
        .input = POOL_NONE,
        .output = POOL_NONE,
        .heard_at_ns = server->now_ns,
        .serial = server->serial++,
        .peer = *event->from,
    };
    loop_set_token(server->loop, connection->socket, index);
    connection_arm(server, connection);
}

static void release_words(struct server *server, uint32_t *words)
{
    if (*words != POOL_NONE)
        pool_give(&server->words, *words);
    *words = POOL_NONE;
}

void connection_released(struct server *server, struct connection *connection)
{
    connection->state = CONNECTION_FREE;
    pool_give(&server->connections, connection_index(server, connection));
}

static void account(const struct session *session, struct truth_session *report)
{
    for (unsigned i = 0; i < session->path->media->track_count; i++) {
        const struct playout_track *track = &session->playout.tracks[i];
        if (!track->on)
            continue;
        report->tracks[report->track_count].track = i;
        report->tracks[report->track_count].ssrc = track->ssrc;
        report->tracks[report->track_count++].counts = track->truth.counts;
        truth_add(&report->counts, &track->truth.counts);
    }
}

static void report_end(struct server *server, const struct connection *connection,
                       struct truth_session *report)
{
    const struct session *session = &connection->session;
    report->id = session->id;
    report->path = session->path->truth.key;
    report->transport = session->udp ? "udp" : "tcp";
    report->client = connection->peer;
    report->keepalives = session->keepalives;
    if (connection_publishes(connection))
        publication_account(server, connection, report);
    else
        account(session, report);
    if (server->config.on_session_end)
        server->config.on_session_end(server->config.context, report);
}

void connection_end_session(struct server *server, struct connection *connection, const char *ended)
{
    struct session *session = &connection->session;
    struct truth_session report = {.ended = ended};
    if (session->state == SESSION_NONE)
        return;
    if (session->torn_down)
        report.ended = "teardown";
    stream_leave(server, session);
    report_end(server, connection, &report);
    truth_add(&session->path->truth.counts, &report.counts);
    truth_add_received(&session->path->truth.received, &report.received);
    session->path->truth.keepalives += session->keepalives;
    session->path->truth.teardowns += session->torn_down;
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++)
        peers_remove(server, connection, i);
    path_leave(&server->paths, session->path);
    publication_release(server, connection);
    server->sessions--;
    memset(session, 0, sizeof(*session));
}

void connection_close(struct server *server, struct connection *connection, const char *ended,
                      bool reset)
{
    if (connection->state == CONNECTION_CLOSED)
        return;
    connection_end_session(server, connection, ended);
    publication_release(server, connection);
    connection->state = CONNECTION_CLOSED;
    release_words(server, &connection->input);
    release_words(server, &connection->output);
    wheel_cancel(&server->wheel, connection_index(server, connection));
    loop_close(server->loop, connection->socket, reset);
}

static bool is_idle(const struct connection *connection)
{
    return connection->output == POOL_NONE && connection->session.partial.at == 0 &&
           !connection->session.draining;
}

static void queue(struct server *server, struct connection *connection, struct slice bytes)
{
    if (connection->output == POOL_NONE) {
        connection->output = pool_take(&server->words);
        connection->output_len = 0;
    }
    if (connection->output == POOL_NONE)
        server_count_refusal(server, REFUSED_MEMORY);
    if (connection->output == POOL_NONE || bytes.len > WORDS_BYTES - connection->output_len) {
        connection_close(server, connection, "closed", true);
        return;
    }
    uint8_t *words = pool_at(&server->words, connection->output);
    memcpy(words + connection->output_len, bytes.data, bytes.len);
    connection->output_len += (uint32_t)bytes.len;
}

void connection_keep(struct server *server, struct connection *connection, struct slice bytes)
{
    queue(server, connection, bytes);
    if (connection->state == CONNECTION_OPEN)
        loop_want_writable(server->loop, connection->socket);
}

/* Bytes taken; what can't be sent ever closes the connection. */
static size_t send_now(struct server *server, struct connection *connection, struct slice bytes)
{
    struct iovec part = {(void *)(uintptr_t)bytes.data, bytes.len};
    int64_t taken = loop_send(server->loop, connection->socket, &part, 1);
    if (taken < 0 && taken != -EAGAIN)
        connection_close(server, connection, "reset", false);
    else if (taken < (int64_t)bytes.len)
        loop_want_writable(server->loop, connection->socket);
    return taken > 0 ? (size_t)taken : 0;
}

void connection_send(struct server *server, struct connection *connection, struct slice bytes)
{
    if (connection->state != CONNECTION_OPEN)
        return;
    if (is_idle(connection))
        slice_take(&bytes, send_now(server, connection, bytes));
    if (bytes.len > 0 && connection->state == CONNECTION_OPEN)
        queue(server, connection, bytes);
}

static bool flush_words(struct server *server, struct connection *connection)
{
    if (connection->output == POOL_NONE)
        return true;
    uint8_t *words = pool_at(&server->words, connection->output);
    size_t taken = send_now(server, connection, slice_make(words, connection->output_len));
    if (connection->state == CONNECTION_CLOSED)
        return false;
    connection->output_len -= (uint32_t)taken;
    memmove(words, words + taken, connection->output_len);
    if (connection->output_len > 0)
        return false;
    release_words(server, &connection->output);
    return true;
}

bool connection_flush(struct server *server, struct connection *connection)
{
    if (!stream_finish_partial(server, connection))
        return false;
    if (connection->session.draining && !stream_drain(server, connection))
        return false;
    return flush_words(server, connection);
}

/* After TEARDOWN, once everything is out: the server says goodbye first, so that the client's ports
   stay free of TIME_WAIT. */
static void finish_teardown(struct server *server, struct connection *connection)
{
    if (connection->state != CONNECTION_ENDING || server->now_ns < connection->shut_at_ns)
        return;
    if (connection->gone) {
        connection_close(server, connection, "closed", false);
        return;
    }
    if (!is_idle(connection))
        return;
    connection_end_session(server, connection, "teardown");
    loop_shutdown(server->loop, connection->socket);
    connection->state = CONNECTION_SHUT;
    connection->shut_at_ns = server->now_ns + SHUT_WAIT_NS;
}

/* Handles the messages that input starts with; how many bytes are done with. */
static size_t process(struct server *server, struct connection *connection, struct slice input)
{
    size_t whole = input.len;
    struct slice piece;
    struct rtsp_message message;
    while (input.len > 0 && connection->state == CONNECTION_OPEN) {
        enum interleaved_event event = interleaved_next(&connection->split, &input, &piece);
        if (event == INTERLEAVED_PAYLOAD && connection_publishes(connection))
            publication_on_piece(server, connection, piece);
        if (event != INTERLEAVED_TEXT)
            continue;
        enum rtsp_result result = rtsp_parse(input, &message);
        if (result == RTSP_NEED_MORE)
            break;
        if (result == RTSP_BAD) {
            request_refuse(server, connection, 400);
            break;
        }
        if (!request_handle(server, connection, &message))
            break;
        slice_take(&input, message.length);
    }
    return whole - input.len;
}

/* Processes kept input; false when nothing of it could be used. */
static bool process_kept(struct server *server, struct connection *connection)
{
    uint8_t *words = pool_at(&server->words, connection->input);
    size_t used = process(server, connection, slice_make(words, connection->input_len));
    if (connection->input == POOL_NONE)
        return true;
    connection->input_len -= (uint32_t)used;
    memmove(words, words + used, connection->input_len);
    if (connection->input_len == 0 || connection->state != CONNECTION_OPEN)
        release_words(server, &connection->input);
    return used > 0;
}

/* Adds to kept input as much as there is room for. */
static size_t keep(struct server *server, struct connection *connection, struct slice bytes)
{
    if (connection->input == POOL_NONE) {
        connection->input = pool_take(&server->words);
        connection->input_len = 0;
    }
    if (connection->input == POOL_NONE)
        return 0;
    struct slice piece = slice_take(&bytes, WORDS_BYTES - connection->input_len);
    uint8_t *words = pool_at(&server->words, connection->input);
    memcpy(words + connection->input_len, piece.data, piece.len);
    connection->input_len += (uint32_t)piece.len;
    return piece.len;
}

/* It is too long, or there is no room left to keep any of it. */
static void refuse_rest(struct server *server, struct connection *connection)
{
    bool lacks_room = connection->input == POOL_NONE;
    if (lacks_room)
        server_count_refusal(server, REFUSED_MEMORY);
    request_refuse(server, connection, lacks_room ? 503 : 413);
}

void connection_on_bytes(struct server *server, struct connection *connection, struct slice bytes)
{
    connection->heard_at_ns = server->now_ns;
    if (connection->input == POOL_NONE && connection->state == CONNECTION_OPEN)
        slice_take(&bytes, process(server, connection, bytes));
    while (bytes.len > 0 && connection->state == CONNECTION_OPEN) {
        slice_take(&bytes, keep(server, connection, bytes));
        bool used = connection->input != POOL_NONE && connection->resume_at_ns == 0 &&
                    process_kept(server, connection);
        if (!used && bytes.len > 0 && connection->state == CONNECTION_OPEN)
            refuse_rest(server, connection);
    }
    finish_teardown(server, connection);
    connection_arm(server, connection);
}

void connection_on_writable(struct server *server, struct connection *connection)
{
    if (connection->state == CONNECTION_SHUT)
        return;
    if (connection->session.state == SESSION_PLAYING)
        stream_service(server, connection);
    else if (connection->state != CONNECTION_CLOSED)
        connection_flush(server, connection);
    finish_teardown(server, connection);
    connection_arm(server, connection);
}

void connection_on_end(struct server *server, struct connection *connection, const char *ended)
{
    connection->gone = true;
    if (connection->state == CONNECTION_ENDING)
        finish_teardown(server, connection); /* datagrams may still be awaited */
    else
        connection_close(server, connection, ended, false);
}

static bool is_stalled(const struct server *server, const struct connection *connection)
{
    const struct publication *publication = publication_of(server, connection);
    return publication && publication->stalled;
}

/* The delay that a DESCRIBE was given is over. */
static void resume(struct server *server, struct connection *connection)
{
    connection->resume_at_ns = 0;
    connection->delay_served = true;
    loop_pause(server->loop, connection->socket, is_stalled(server, connection));
    if (connection->input != POOL_NONE)
        process_kept(server, connection);
}

static uint64_t timeout_ns(const struct server *server, const struct connection *connection)
{
    uint64_t of_path_ns = connection_has_session(connection)
                              ? connection->session.path->faults.session_timeout_ns
                              : 0;
    return of_path_ns > 0 ? of_path_ns : server->config.session_timeout_ns;
}

/* A connection that isn't read can't be said to be silent. */
static uint64_t silent_at(const struct server *server, const struct connection *connection)
{
    bool stalled = is_stalled(server, connection);
    return (stalled ? server->now_ns : connection->heard_at_ns) + timeout_ns(server, connection);
}

static bool is_streaming(const struct session *session)
{
    return session->state == SESSION_PLAYING || session->state == SESSION_RECORDING;
}

/* The faults that end a session. */
static uint64_t fault_at(const struct session *session)
{
    if (!is_streaming(session))
        return TIME_NEVER;
    const struct faults *faults = &session->path->faults;
    uint64_t reset_ns = faults->reset_after_ns, close_ns = faults->close_after_ns;
    uint64_t first_ns =
        reset_ns > 0 && (close_ns == 0 || reset_ns < close_ns) ? reset_ns : close_ns;
    return first_ns > 0 ? session->played_at_ns + first_ns : TIME_NEVER;
}

/* Ends what has lasted long enough; true when it did. */
static bool expire(struct server *server, struct connection *connection)
{
    const struct session *session = &connection->session;
    uint64_t playing_ns = server->now_ns - session->played_at_ns;
    const struct faults *faults = session->path ? &session->path->faults : &server->config.faults;
    bool began = is_streaming(session) && server->now_ns >= session->played_at_ns;
    if (connection->state == CONNECTION_SHUT && server->now_ns >= connection->shut_at_ns)
        connection_close(server, connection, "closed", false);
    else if (server->now_ns >= silent_at(server, connection))
        connection_close(server, connection, "timeout", false);
    else if (began && faults->reset_after_ns > 0 && playing_ns >= faults->reset_after_ns)
        connection_close(server, connection, "fault", true);
    else if (began && faults->close_after_ns > 0 && playing_ns >= faults->close_after_ns)
        connection_close(server, connection, "fault", false);
    return connection->state == CONNECTION_CLOSED;
}

void connection_on_timer(struct server *server, struct connection *connection)
{
    if (expire(server, connection))
        return;
    if (connection->resume_at_ns > 0 && server->now_ns >= connection->resume_at_ns)
        resume(server, connection);
    if (connection->session.draining)
        connection_flush(server, connection);
    stream_service(server, connection);
    publication_service(server, connection);
    finish_teardown(server, connection);
    connection_arm(server, connection);
}

static void sooner(uint64_t *at_ns, uint64_t other_ns)
{
    if (other_ns < *at_ns)
        *at_ns = other_ns;
}

void connection_arm(struct server *server, struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED)
        return;
    uint64_t at_ns = silent_at(server, connection);
    sooner(&at_ns, stream_next(server, connection));
    sooner(&at_ns, publication_next(server, connection));
    sooner(&at_ns, fault_at(&connection->session));
    if (connection->resume_at_ns > 0)
        sooner(&at_ns, connection->resume_at_ns);
    if (connection->shut_at_ns > server->now_ns)
        sooner(&at_ns, connection->shut_at_ns);
    wheel_set(&server->wheel, connection_index(server, connection), at_ns);
}
