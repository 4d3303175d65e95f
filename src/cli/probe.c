#include "cli/probe.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/plan_options.h"
#include "cli/probe_clean.h"

#define LONGEST_NS (3600 * NS_PER_S) /* that set-up may take, all deadlines together */
#define STATUS_NO_MEDIA 1

static atomic_int stopped;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&stopped, 1);
}

/* Signals end the session in order; the second one at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Only the session needs an end in order. */
static void release_signals(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static void keep_sdp(struct probe *probe, const struct rtsp_message *reply)
{
    free(probe->sdp_text);
    probe->sdp_text = malloc(reply->body.len + 1);
    assert(probe->sdp_text);
    if (reply->body.len > 0)
        memcpy(probe->sdp_text, reply->body.data, reply->body.len);
    sdp_parse(slice_make(probe->sdp_text, reply->body.len), &probe->sdp);
}

static void keep_server(struct probe *probe, const struct rtsp_message *reply)
{
    struct text to = text_init(probe->server, sizeof(probe->server));
    struct slice name = rtsp_header(reply, "Server", 0);
    if (name.len == 0 || name.len > sizeof(probe->server) / 8)
        name.len = name.len == 0 ? 0 : sizeof(probe->server) / 8;
    if (name.len == 0)
        return;
    probe_clean(&to, name, &probe->secrets, false);
    text_string(&to);
}

static struct probe_message *keep_message(struct probe *probe, enum client_direction direction,
                                          struct slice text)
{
    if (probe->message_count == PROBE_MESSAGES)
        return NULL;
    struct probe_message *message = &probe->messages[probe->message_count++];
    *message = (struct probe_message){
        .at_ns = loop_clock(probe->shard.loop) - probe->start_ns,
        .direction = direction,
        .text = probe_cleaned(text, &probe->secrets, true),
    };
    return message;
}

/* A server may say it back. */
static void keep_proof(struct probe *probe, struct slice sent)
{
    struct slice proof = probe_proof(sent);
    if (proof.len == 0)
        return;
    free(probe->proof);
    probe->proof = malloc(proof.len);
    assert(probe->proof);
    memcpy(probe->proof, proof.data, proof.len);
    probe->secrets.proof = slice_make(probe->proof, proof.len);
}

static void forget_media(struct probe *probe)
{
    memset(probe->tracks, 0, sizeof(probe->tracks));
    memset(&probe->ignored, 0, sizeof(probe->ignored));
}

static void on_message(void *context, const struct session *session,
                       enum client_direction direction, struct slice text)
{
    struct probe *probe = context;
    struct rtsp_message message;
    probe_tell_phases(probe);
    if (direction == CLIENT_SENT)
        keep_proof(probe, text);
    const struct probe_message *kept = keep_message(probe, direction, text);
    if (kept)
        probe_tell_message(probe, kept);
    if (rtsp_parse(text, &message) != RTSP_DONE)
        return;
    if (direction == CLIENT_SENT && message.method == RTSP_DESCRIBE) /* begins it all again */
        forget_media(probe);
    if (direction == CLIENT_SENT || message.is_request)
        return;
    keep_server(probe, &message);
    if (session->state == SESSION_DESCRIBE && message.status == 200) {
        keep_sdp(probe, &message);
        probe_tell_sdp(probe);
    }
}

static void on_packet(void *context, const struct session *session, unsigned n,
                      const struct panel_packet *packet, const struct receiver_arrival *arrival)
{
    struct probe *probe = context;
    struct probe_track *track = &probe->tracks[n];
    if (track->packets++ == 0)
        track->first_ns = packet->arrival_ns;
    track->last_ns = packet->arrival_ns;
    track->bytes += packet->bytes;
    track->duplicates += arrival->verdict == RECEIVER_DUPLICATE;
    track->reordered += arrival->verdict == RECEIVER_REORDERED;
    track->late += arrival->verdict == RECEIVER_LATE;
    track->resets += arrival->verdict == RECEIVER_RESTART;
    track->held += arrival->verdict == RECEIVER_HELD;
    (void)session;
}

static void on_ignored(void *context, const struct session *session,
                       const struct client_ignored *what)
{
    struct probe *probe = context;
    struct probe_ignored *ignored = &probe->ignored;
    if (!what->from) {
        if (ignored->unknown_type == 0)
            ignored->payload_type = what->payload_type;
        ignored->unknown_type += what->packets;
        return;
    }
    if (ignored->foreign == 0) {
        ignored->from = *what->from;
        ignored->expected = *what->expected;
    }
    ignored->foreign += what->packets;
    (void)session;
}

static void keep_track(struct probe *probe, struct session *session, unsigned n)
{
    const struct client *client = &probe->shard.client;
    const struct track *from = session_track(client, session, n);
    struct probe_track *to = &probe->tracks[n];
    to->lost = from->receiver.lost;
    to->clock_rate = from->receiver.clock_rate;
    to->has_jitter = to->clock_rate > 0 && from->receiver.has_frame;
    to->jitter_ns = from->receiver.jitter_ns;
    to->payload_type = from->payload_type;
    to->codec = (enum codec)from->codec;
    to->kind = (enum media_kind)from->kind;
    if (session->panel)
        to->has_info = panel_track_info(pool_at(&client->panels, session->panel - 1), n, &to->info);
}

/* "404 Not Found from rtsp://...": which URL it was is known. */
static struct slice without_url(struct slice sample)
{
    struct slice tail = SLICE(" from rtsp");
    for (size_t i = sample.len; i-- > 0;) {
        if (slice_starts_with_nocase(slice_make(sample.data + i, sample.len - i), tail))
            return slice_make(sample.data, i);
    }
    return (struct slice){NULL, 0};
}

static void keep_error(struct probe *probe)
{
    const struct stats *stats = probe->shard.client.stats;
    struct text what = text_init(probe->what, sizeof(probe->what));
    for (uint32_t i = 0; i < stats->error_count; i++) {
        const struct error_entry *error = &stats->errors[i];
        if (error->phase != probe->phase || error->reason != probe->reason)
            continue;
        probe->status = error->status;
        probe_clean(&what, without_url(slice_from_string(error->sample)), &probe->secrets, false);
        text_string(&what);
        return;
    }
}

static void on_ended(void *context, const struct session *ended, enum session_outcome outcome)
{
    struct probe *probe = context;
    struct client *client = &probe->shard.client;
    struct session *session = client_session(client, client_index(client, ended));
    probe->ended = true;
    probe->outcome = outcome;
    probe->phase = (enum phase)session->last_phase;
    probe->reason = (enum reason)session->last_reason;
    probe->udp = session->flags & FLAG_UDP;
    probe->established = session->flags & FLAG_ESTABLISHED;
    probe->local_port = session->local_port;
    probe->track_count = session->track_count;
    for (unsigned n = 0; n < probe->track_count; n++)
        keep_track(probe, session, n);
    if (probe->reason != REASON_NONE)
        keep_error(probe);
}

/* Asks the session to end once its media was read for long enough. */
static void look_at_media(struct probe *probe)
{
    const struct client *client = &probe->shard.client;
    if (client->sessions.touched == 0)
        return;
    const struct session *session = client_session(client, 0);
    probe_tell_phases(probe);
    if (session->state == SESSION_PLAYING && session->first_rtp_ns > 0 &&
        loop_clock(probe->shard.loop) >= session->first_rtp_ns + probe->duration_ns &&
        atomic_load(&stopped) == 0)
        atomic_store(&stopped, 1);
}

static int init_shard(struct probe *probe, enum loop_kind loop)
{
    const struct shard_setup setup = {
        .plan = &probe->plan,
        .targets = &probe->targets,
        .loop = loop,
        .exchange = &probe->exchange,
        .stopped = &stopped,
        .on_message = on_message,
        .on_packet = on_packet,
        .on_ignored = on_ignored,
        .on_ended = on_ended,
        .context = probe,
    };
    return shard_init(&probe->shard, &setup);
}

static bool open_shard(struct probe *probe, struct text *error)
{
    enum plan_io io = probe->plan.io;
    int failed = init_shard(probe, io == IO_EPOLL ? LOOP_EPOLL : LOOP_URING);
    if (failed && io == IO_AUTO)
        failed = init_shard(probe, LOOP_EPOLL);
    if (failed)
        text_printf(error, "cannot set up a loop: %s", strerror(-failed));
    return !failed;
}

static void run_session(struct probe *probe)
{
    struct shard *shard = &probe->shard;
    bool asked = false;
    probe->start_ns = loop_clock(shard->loop);
    probe_tell_start(probe);
    shard_start(shard, probe->start_ns);
    while (!shard->done && atomic_load(&stopped) < 2 &&
           !(probe->ended && shard->client.alive == 0)) {
        shard_turn(shard);
        look_at_media(probe);
        asked = asked || (atomic_load(&stopped) > 0 && !probe_got_media(probe));
    }
    probe->interrupted = asked || !probe->ended;
    probe_tell_phases(probe);
}

/* The readers' options that make sense for one. */
static void set_plan(struct probe *probe, const struct options *options)
{
    struct plan *plan = &probe->plan;
    probe->duration_ns = options_number(options, OPT_DURATION);
    plan->readers = 1;
    plan->panel = 1;
    plan->rate_per_s = 1000;
    plan->duration_ns = probe->duration_ns + LONGEST_NS;
    plan->coalesce_ns = 0;
    plan->end_on_stall = true;
    plan->transport = (enum plan_transport)options_number(options, OPT_TRANSPORT);
    plan->tracks = (enum plan_tracks)options_number(options, OPT_TRACKS);
    plan->timeout_ns = options_number(options, OPT_TIMEOUT);
    if (plan->media_timeout_ns > plan->timeout_ns)
        plan->media_timeout_ns = plan->timeout_ns;
    plan->trust_redirects = options_given(options, OPT_LOCATION_TRUSTED);
    plan->user = options_text(options, OPT_USER);
    plan->user_agent = options_text(options, OPT_USER_AGENT);
    plan->io = (enum plan_io)options_number(options, OPT_IO);
}

static bool set_url(struct probe *probe, const struct options *options, struct text *error)
{
    struct plan *plan = &probe->plan;
    struct slice bad;
    if (options->url_count != 1) {
        text_add_string(error, options->url_count == 0 ? "probe needs a URL to read"
                                                       : "probe reads one URL, not several");
        return false;
    }
    if (!loop_parse_denied(getenv("RTSPBENCH_DENY"), &plan->denied, &bad)) {
        text_add_string(error, "RTSPBENCH_DENY: unknown feature");
        return false;
    }
    if (!url_list_add(&plan->urls, options->urls[0], error))
        return false;
    if (plan->urls.count != 1)
        text_add_string(error, "probe reads one URL: this one stands for several");
    return plan->urls.count == 1;
}

static bool resolve(struct probe *probe, struct text *error)
{
    char room[1024];
    struct text warnings = text_init(room, sizeof(room));
    struct machine machine;
    machine_read(&machine);
    if (!plan_resolve(&probe->plan, &machine, error, &warnings))
        return false;
    uint64_t before_ns = clock_monotonic_ns();
    if (targets_resolve(&probe->targets, &probe->plan)) {
        text_add_string(error, "out of memory");
        return false;
    }
    probe->resolve_ns = clock_monotonic_ns() - before_ns;
    probe->secrets.password = plan_credentials(&probe->plan, 0).password;
    probe->exchange.current = stats_new(1);
    probe->messages = calloc(PROBE_MESSAGES, sizeof(*probe->messages));
    assert(probe->exchange.current && probe->messages);
    return true;
}

static int tell(struct probe *probe, struct text *error)
{
    if (!probe->json) {
        probe_tell_end(probe);
    } else if (!probe_print_json(probe)) {
        text_add_string(error, "out of memory");
        return STATUS_SETUP;
    }
    return probe_got_media(probe) ? 0 : STATUS_NO_MEDIA;
}

static void dispose(struct probe *probe)
{
    shard_dispose(&probe->shard);
    stats_free(probe->exchange.current);
    targets_dispose(&probe->targets);
    plan_dispose(&probe->plan);
    for (uint32_t i = 0; i < probe->message_count; i++)
        free(probe->messages[i].text);
    free(probe->messages);
    free(probe->sdp_text);
    free(probe->proof);
    free(probe);
}

int probe_main(const struct options *options, struct text *error)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    int status = STATUS_SETUP;
    assert(probe);
    plan_init(&probe->plan);
    set_plan(probe, options);
    probe->json = options_given(options, OPT_JSON);
    char *password = password_from_options(options, error);
    char *headers = error->len == 0 ? headers_from_options(options, error) : NULL;
    probe->plan.password = password;
    probe->plan.headers = headers;
    if (headers && set_url(probe, options, error) && resolve(probe, error) &&
        open_shard(probe, error)) {
        out_detach(FEEDER_FOREVER);
        catch_signals();
        run_session(probe);
        release_signals();
        status = tell(probe, error);
    }
    dispose(probe);
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
    free(headers);
    return status;
}
