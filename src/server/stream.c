#include "server/stream.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "proto/rtcp.h"
#include "server/shard.h"

#define REPORT_PATIENCE_NS NS_PER_S    /* a report waits that long for a packet to go with */
#define RETRY_NS (2 * NS_PER_MS)       /* when the shared UDP socket is full */
#define CAP_QUEUE_NS (200 * NS_PER_MS) /* what waits longer for the cap is dropped */
#define CLOGGED_NS (10 * NS_PER_MS)    /* how often stall_all is looked at */
#define SEGMENTS_MAX 60u               /* of one GSO send; the kernel takes 64 */

void stream_play(struct server *server, struct connection *connection)
{
    struct session *session = &connection->session;
    struct playout_origin origin = session->path->origin;
    origin.epoch_ns = server->epoch_ns;
    session->played_at_ns =
        playout_join(&session->playout, &origin, server->now_ns, session->joined);
    session->report_at_ns = server->now_ns;
    session->joined = true;
    session->state = SESSION_PLAYING;
    path_play(session->path);
}

static void unclog(struct session *session)
{
    if (session->clogged)
        atomic_fetch_sub(&session->path->shared->clogged, 1);
    session->clogged = false;
}

/* Who is next to be sent what the cap allows; NULL: nobody waits. */
static struct connection *first_in_line(const struct path *path)
{
    uint8_t *turn = (uint8_t *)path->cap.first;
    return turn ? (void *)(turn - offsetof(struct connection, session.turn)) : NULL;
}

void stream_leave(struct server *server, struct session *session)
{
    if (session->state != SESSION_PLAYING)
        return;
    unclog(session);
    path_rest(session->path);
    cap_leave(&session->path->cap, &session->turn);
    struct connection *next = first_in_line(session->path);
    if (next)
        connection_arm(server, next);
}

void stream_pause(struct server *server, struct connection *connection)
{
    struct session *session = &connection->session;
    if (session->state != SESSION_PLAYING)
        return;
    if (session->blocked || session->turn.waits)
        playout_skip(&session->playout, server->now_ns, 0);
    stream_leave(server, session);
    session->state = SESSION_READY;
    session->draining = true;
}

static void commit(struct session *session, const struct playout_step *step)
{
    playout_move(&session->playout, step);
    playout_count(&session->playout, step->kind, step->overtaken, step->track,
                  playout_step_bytes(step));
}

/* What the kernel took of a step's packet. It counts when the rest is out, but it stands in its
   place among the others from now on, like one that is held back. */
static void keep_partial(struct session *session, const struct playout_step *step, uint32_t taken)
{
    bool first = step->kind == STEP_SENT;
    session->partial = (struct session_partial){
        .kind = first ? STEP_RELEASED : step->kind,
        .overtaken = step->overtaken,
        .track = step->track,
        .header_len = step->header_len,
        .payload_len = step->payload_len,
        .at = taken,
        .payload = step->payload,
    };
    memcpy(session->partial.header, step->header, sizeof(step->header));
    playout_move(&session->playout, step);
    if (first)
        playout_count(&session->playout, STEP_HELD, false, step->track, 0);
}

static void wait_for_room(struct server *server, struct connection *connection)
{
    connection->session.blocked = true;
    if (!connection->session.udp)
        loop_want_writable(server->loop, connection->socket);
}

bool stream_finish_partial(struct server *server, struct connection *connection)
{
    struct session_partial *partial = &connection->session.partial;
    if (partial->at == 0)
        return true;
    struct iovec parts[2];
    int count = 0;
    uint32_t payload_at = 0, whole = (uint32_t)partial->header_len + partial->payload_len;
    if (partial->at < partial->header_len)
        parts[count++] =
            (struct iovec){partial->header + partial->at, partial->header_len - partial->at};
    else
        payload_at = partial->at - partial->header_len;
    parts[count++] = (struct iovec){(void *)(uintptr_t)(partial->payload + payload_at),
                                    partial->payload_len - payload_at};
    int64_t taken = loop_send(server->loop, connection->socket, parts, count);
    if (taken < 0 && taken != -EAGAIN) {
        connection_close(server, connection, "reset", false);
        return false;
    }
    partial->at += taken > 0 ? (uint32_t)taken : 0;
    if (partial->at < whole) {
        wait_for_room(server, connection);
        return false;
    }
    partial->at = 0;
    playout_count(&connection->session.playout, partial->kind, partial->overtaken, partial->track,
                  whole - PLAYOUT_HEADER_ROOM);
    return true;
}

static void frame_header(struct playout_step *step, const struct session_track *track)
{
    uint32_t bytes = playout_step_bytes(step);
    step->header[0] = '$';
    step->header[1] = track->channels[0];
    step->header[2] = (uint8_t)(bytes >> 8);
    step->header[3] = (uint8_t)bytes;
}

/* Commits the steps that taken bytes cover; how many. */
static unsigned commit_taken(struct session *session, const struct playout_step *steps,
                             unsigned count, uint64_t taken)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t size = (uint32_t)steps[i].header_len + steps[i].payload_len;
        if (size > taken) {
            if (taken > 0)
                keep_partial(session, &steps[i], (uint32_t)taken);
            return i;
        }
        taken -= size;
        commit(session, &steps[i]);
    }
    return count;
}

/* Of what the kernel took, the part that isn't the reports'; what it left of those is kept. */
static uint64_t take_reports(struct server *server, struct connection *connection, uint64_t taken)
{
    struct slice reports = slice_make(server->reports, server->reports_len);
    uint64_t whole = reports.len;
    server->reports_len = 0;
    slice_take(&reports, taken);
    if (reports.len > 0)
        connection_keep(server, connection, reports);
    return taken - (whole - reports.len);
}

/* One send for all steps, and the reports before them. How many were done; fewer than count: the
   socket is full, or closed. */
static unsigned write_tcp(struct server *server, struct connection *connection,
                          struct playout_step *steps, unsigned count)
{
    struct iovec parts[1 + 2 * PLAN_STEPS];
    int part = 0;
    if (server->reports_len > 0)
        parts[part++] = (struct iovec){server->reports, server->reports_len};
    for (unsigned i = 0; i < count; i++) {
        if (steps[i].header_len == 0)
            continue;
        frame_header(&steps[i], &connection->session.tracks[steps[i].track]);
        parts[part++] = (struct iovec){steps[i].header, steps[i].header_len};
        if (steps[i].payload_len > 0)
            parts[part++] =
                (struct iovec){(void *)(uintptr_t)steps[i].payload, steps[i].payload_len};
    }
    int64_t taken = part > 0 ? loop_send(server->loop, connection->socket, parts, part) : 0;
    if (taken < 0 && taken != -EAGAIN) {
        connection_close(server, connection, "reset", false);
        return 0;
    }
    uint64_t left = take_reports(server, connection, taken > 0 ? (uint64_t)taken : 0);
    if (connection->state == CONNECTION_CLOSED)
        return 0;
    unsigned done = commit_taken(&connection->session, steps, count, left);
    if (done < count)
        wait_for_room(server, connection);
    return done;
}

/* Copies a run of packets of one track and one size (the last may be shorter) behind each other. */
static unsigned gather(struct server *server, const struct playout_step *steps, unsigned count,
                       struct slice *bytes)
{
    uint32_t segment = playout_step_bytes(&steps[0]);
    uint8_t *to = server->datagrams;
    unsigned n = 0;
    while (n < count && n < SEGMENTS_MAX && steps[n].track == steps[0].track) {
        uint32_t size = playout_step_bytes(&steps[n]);
        uint32_t header_len = steps[n].header_len - PLAYOUT_HEADER_ROOM;
        bool room = (size_t)(to - server->datagrams) + size <= DATAGRAMS_BYTES;
        if (steps[n].header_len == 0 || size > segment || !room)
            break;
        memcpy(to, steps[n].header + PLAYOUT_HEADER_ROOM, header_len);
        memcpy(to + header_len, steps[n].payload, steps[n].payload_len);
        to += size;
        n++;
        if (size < segment)
            break;
    }
    *bytes = slice_make(server->datagrams, (size_t)(to - server->datagrams));
    return n;
}

/* A datagram that can't be sent at all (no route, too long) was never written. */
static void commit_run(struct session *session, const struct playout_step *steps, unsigned count,
                       bool failed)
{
    for (unsigned i = 0; i < count; i++) {
        struct playout_step step = steps[i];
        if (failed && step.kind != STEP_DUPLICATE)
            step.kind = STEP_DROPPED;
        if (failed && steps[i].kind == STEP_DUPLICATE)
            playout_move(&session->playout, &step);
        else
            commit(session, &step);
    }
}

static unsigned write_udp(struct server *server, struct connection *connection,
                          struct playout_step *steps, unsigned count)
{
    struct session *session = &connection->session;
    struct address to = connection->peer;
    unsigned done = 0;
    while (done < count) {
        if (steps[done].header_len == 0) {
            commit(session, &steps[done++]);
            continue;
        }
        struct slice bytes;
        unsigned run = gather(server, steps + done, count - done, &bytes);
        address_set_port(&to, session->tracks[steps[done].track].ports[0]);
        int error =
            loop_send_to(server->loop, server->rtp, &to, bytes, playout_step_bytes(&steps[done]));
        if (error == -EAGAIN || error == -ENOBUFS) {
            wait_for_room(server, connection);
            break;
        }
        commit_run(session, steps + done, run, error < 0);
        done += run;
    }
    return done;
}

static unsigned write_steps(struct server *server, struct connection *connection, unsigned count)
{
    return connection->session.udp ? write_udp(server, connection, server->steps, count)
                                   : write_tcp(server, connection, server->steps, count);
}

bool stream_drain(struct server *server, struct connection *connection)
{
    struct session *session = &connection->session;
    unsigned count = playout_plan_held(&session->playout, server->unix_offset_ns, server->steps);
    if (count > 0 && write_steps(server, connection, count) < count)
        return false;
    session->draining = session->partial.at > 0;
    return !session->draining;
}

/* One sender report with its SDES (RFC 3550, 6.4.1): at once, or over TCP with the next write.
   Packets are sent by decoding time. An encoder that reorders pictures has held each for the
   decoding delay by then, so what has the timestamp of now was captured that much earlier; on all
   tracks, or sound and picture would not be in step. */
static void write_report(struct server *server, struct connection *connection, unsigned track)
{
    struct session *session = &connection->session;
    const struct playout_track *state = &session->playout.tracks[track];
    const struct truth_counts *counts = &state->truth.counts;
    char *bytes = server->reports + server->reports_len;
    struct text text = text_init(bytes, REPORT_BYTES);
    struct rtcp report = {
        .type = RTCP_SR,
        .ssrc = state->ssrc,
        .ntp = rtcp_ntp_from_ns(server_unix_now(server) - session->path->media->delay_ns),
        .rtp_timestamp = playout_timestamp(&session->playout, track, server->now_ns),
        .packet_count = (uint32_t)counts->sent,
        .octet_count = (uint32_t)(counts->bytes - 12 * counts->sent),
    };
    text_add(&text, slice_make("$\0\0", 4));
    rtcp_write_sr(&text, &report);
    rtcp_write_sdes(&text, state->ssrc, SLICE("rtspbench"));
    if (session->udp) {
        struct address to = connection->peer;
        address_set_port(&to, session->tracks[track].ports[1]);
        struct slice packet = slice_make(bytes + 4, text.len - 4);
        loop_send_to(server->loop, server->rtcp, &to, packet, (uint32_t)packet.len);
        return;
    }
    bytes[1] = (char)session->tracks[track].channels[1];
    bytes[3] = (char)(text.len - 4);
    server->reports_len += (uint32_t)text.len;
}

static void write_reports(struct server *server, struct connection *connection)
{
    struct session *session = &connection->session;
    const struct media *media = session->path->media;
    server->reports_len = 0;
    if (server->now_ns < session->report_at_ns)
        return;
    session->report_at_ns = server->now_ns + server_report_ns(server);
    for (unsigned i = 0; i < media->track_count && session->state == SESSION_PLAYING; i++) {
        if (session->playout.tracks[i].on)
            write_report(server, connection, i);
    }
}

/* The buffer in front of a narrow line: when it is full, its older half is dropped at one go. That
   packets are dropped in runs keeps the turns from picking always the same track's. */
static void limit_wait(struct session *session, uint64_t until_ns)
{
    if (playout_lag(&session->playout, until_ns - CAP_QUEUE_NS) > 0)
        playout_skip(&session->playout, until_ns - CAP_QUEUE_NS / 2, 0);
}

/* With stall_all a reader over its queue stops the path; without, its oldest packets are dropped.
 */
static void limit_queue(struct session *session, uint64_t until_ns)
{
    const struct faults *faults = &session->path->faults;
    uint32_t queue = faults->queue > 0 ? faults->queue : FAULT_QUEUE_DEFAULT;
    bool waits = session->turn.waits;
    if (waits && faults->queue == 0 && until_ns > CAP_QUEUE_NS)
        limit_wait(session, until_ns);
    if (!session->blocked && !waits)
        return;
    if (!faults->stall_all) {
        playout_skip(&session->playout, until_ns, queue);
    } else if (!session->clogged && session->blocked &&
               playout_lag(&session->playout, until_ns) > queue) {
        session->clogged = true;
        atomic_fetch_add(&session->path->shared->clogged, 1);
    }
}

static bool is_stopped(const struct session *session)
{
    return session->path->faults.stall_all && !session->clogged &&
           atomic_load(&session->path->shared->clogged) > 0;
}

/* Cuts a plan to what the path's bitrate_cap allows. */
static unsigned limit_rate(struct server *server, struct session *session, unsigned count)
{
    struct path *path = session->path;
    if (path->faults.bitrate_cap_bps == 0)
        return count;
    if (count == 0) {
        cap_leave(&path->cap, &session->turn);
        return 0;
    }
    path_fill_cap(path, server->now_ns);
    uint64_t allowance = cap_allowance(&path->cap, &session->turn), bytes = 0;
    unsigned n = 0;
    while (n < count && bytes < allowance)
        bytes += playout_step_bytes(&server->steps[n++]);
    return n;
}

/* Charges the cap with what was written of a plan, a packet that went in part included. */
static void spend(const struct server *server, struct session *session, unsigned done, bool more)
{
    struct path *path = session->path;
    uint64_t bytes = 0;
    if (path->faults.bitrate_cap_bps == 0)
        return;
    for (unsigned i = 0; i < done + (session->partial.at > 0); i++)
        bytes += playout_step_bytes(&server->steps[i]);
    cap_spend(&path->cap, &session->turn, bytes, more);
}

/* One plan's worth; false when nothing more can be written now. */
static bool write_due(struct server *server, struct connection *connection, uint64_t until_ns)
{
    struct session *session = &connection->session;
    unsigned planned = playout_plan(&session->playout, until_ns, server->unix_offset_ns,
                                    server->steps, PLAN_STEPS);
    unsigned count = limit_rate(server, session, planned);
    if (count == 0)
        return false;
    unsigned done = write_steps(server, connection, count);
    bool more = count < planned || planned + 3 > PLAN_STEPS;
    if (session->state != SESSION_PLAYING)
        return false;
    spend(server, session, done, more && !session->blocked);
    return more && !session->blocked && !session->turn.waits;
}

/* False: nothing can be written now, whatever a cap allows. */
static bool write_all_due(struct server *server, struct connection *connection)
{
    struct session *session = &connection->session;
    uint64_t until_ns =
        faults_media_time(&session->path->faults, session->played_at_ns, server->now_ns);
    limit_queue(session, until_ns);
    if (!connection_flush(server, connection))
        return false;
    session->blocked = false;
    unclog(session);
    write_reports(server, connection);
    while (session->state == SESSION_PLAYING && !session->blocked && !is_stopped(session) &&
           write_due(server, connection, until_ns))
        ;
    if (session->state == SESSION_PLAYING && server->reports_len > 0)
        write_tcp(server, connection, NULL, 0); /* no packet took them along */
    server->reports_len = 0;                    /* also where the connection broke */
    return session->state == SESSION_PLAYING && !session->blocked && !is_stopped(session);
}

static void take_turn(struct server *server, struct path *path, struct connection *connection)
{
    if (!write_all_due(server, connection))
        cap_leave(&path->cap, &connection->session.turn);
}

/* What the cap has left goes to those that wait. */
static void serve_line(struct server *server, struct path *path)
{
    struct connection *connection;
    while ((connection = first_in_line(path)) && path->cap.bytes > 0) {
        take_turn(server, path, connection);
        connection_arm(server, connection);
    }
    if (connection)
        connection_arm(server, connection);
}

void stream_service(struct server *server, struct connection *connection)
{
    struct path *path = connection->session.path;
    if (connection->session.state != SESSION_PLAYING)
        return;
    take_turn(server, path, connection);
    if (path->cap.first)
        serve_line(server, path);
}

static uint64_t write_at(const struct server *server, const struct session *session)
{
    const struct faults *faults = &session->path->faults;
    if (session->blocked && session->udp)
        return server->now_ns + RETRY_NS;
    if (faults->stall_all && (session->blocked || is_stopped(session)))
        return server->now_ns + CLOGGED_NS;
    if (session->blocked)
        return TIME_NEVER;
    uint64_t due_ns = playout_next_due(&session->playout);
    uint64_t at_ns = session->turn.waits ? cap_turn_at(&session->path->cap, &session->turn)
                                         : faults_write_time(faults, session->played_at_ns, due_ns);
    uint64_t report_ns = session->report_at_ns + REPORT_PATIENCE_NS;
    return at_ns < report_ns ? at_ns : report_ns;
}

uint64_t stream_next(const struct server *server, const struct connection *connection)
{
    const struct session *session = &connection->session;
    if (session->state == SESSION_READY && session->draining && session->udp)
        return server->now_ns + RETRY_NS;
    if (session->state != SESSION_PLAYING)
        return TIME_NEVER;
    return write_at(server, session);
}
