/* server_world.h - a server and scripted clients on one simulated network, and what each client
 * got. */
#pragma once

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/sim.h"
#include "server/server.h"

#define CLIENTS 8
#define BUFFER_BYTES (1u << 20)
#define PORT 8554
#define HOST "127.0.0.1"
#define BASE "rtsp://127.0.0.1:8554"
#define ENDED_MAX 64

/* RTP of one track, judged by sequence numbers alone; streams stay under 32,768 packets. */
struct heard {
    uint8_t seen[1 << 16]; /* by offset to the first sequence number, + 1000 */
    int first, low, high;
    uint64_t packets, bytes, duplicates, reordered;
    uint64_t first_at_ns, last_at_ns;
};

struct client {
    loop_socket socket;
    uint8_t buffer[BUFFER_BYTES]; /* what isn't looked at yet */
    size_t len;
    int status; /* of the last reply */
    unsigned replies;
    char reply[16384];
    char session[64];
    struct heard heard[2];
    uint64_t reports;          /* of senders */
    uint64_t receiver_reports; /* and the last one of each track: */
    uint8_t receiver_report[2][128];
    size_t receiver_report_len[2];
    bool connected, eof, broken;
    loop_socket udp[4]; /* RTP and RTCP of track 0, of track 1 */
};

struct world {
    struct sim *sim;
    struct server *server;
    struct loop *loop;
    struct library library;
    struct path_registry registry;
    struct client *clients;
    unsigned ended_count;
    struct truth_session ended[ENDED_MAX];
    char ended_how[ENDED_MAX][16];
};

static inline void hear(struct heard *heard, const uint8_t *packet, size_t len, uint64_t now_ns)
{
    int sequence = packet[2] << 8 | packet[3];
    assert_true(len >= 12 && packet[0] == 0x80);
    if (heard->packets++ == 0) {
        heard->first = sequence;
        heard->first_at_ns = now_ns;
    }
    heard->last_at_ns = now_ns;
    heard->bytes += len;
    int n = (int16_t)(sequence - heard->first);
    assert_true(n > -1000 && n < 32000);
    if (heard->seen[n + 1000]++ > 0)
        heard->duplicates++;
    else if (n < heard->high)
        heard->reordered++;
    heard->low = n < heard->low ? n : heard->low;
    heard->high = n > heard->high ? n : heard->high;
}

static inline uint64_t missing(const struct heard *heard)
{
    uint64_t count = 0;
    for (int n = heard->low; n <= heard->high && heard->packets > 0; n++)
        count += heard->seen[n + 1000] == 0;
    return count;
}

static inline void hear_report(struct client *client, unsigned track, const uint8_t *packet,
                               size_t len)
{
    client->reports += packet[1] == 200;
    if (packet[1] != 201)
        return;
    assert_true(len <= sizeof(client->receiver_report[0]));
    memcpy(client->receiver_report[track], packet, len);
    client->receiver_report_len[track] = len;
    client->receiver_reports++;
}

/* Takes one frame or reply off the buffer; false when there is none whole. */
static inline bool take_message(struct client *client, uint64_t now_ns)
{
    uint8_t *at = client->buffer;
    size_t used = 0;
    if (client->len >= 4 && at[0] == '$') {
        size_t len = (size_t)at[2] << 8 | at[3];
        if (client->len < 4 + len)
            return false;
        assert_true(at[1] < 4);
        if (at[1] % 2 == 0)
            hear(&client->heard[at[1] / 2], at + 4, len, now_ns);
        else
            hear_report(client, at[1] / 2, at + 4, len);
        used = 4 + len;
    } else if (client->len > 0 && at[0] != '$') {
        uint8_t *end = memmem(at, client->len, "\r\n\r\n", 4);
        if (!end)
            return false;
        size_t head = (size_t)(end - at) + 4;
        snprintf(client->reply, sizeof(client->reply), "%.*s", (int)head, (char *)at);
        char *length = strstr(client->reply, "Content-Length: ");
        used = head + (length ? strtoul(length + 16, NULL, 10) : 0);
        if (client->len < used)
            return false;
        snprintf(client->reply, sizeof(client->reply), "%.*s", (int)used, (char *)at);
        assert_int_equal(sscanf(client->reply, "RTSP/1.0 %d", &client->status), 1);
        char *session = strstr(client->reply, "Session: ");
        if (session)
            sscanf(session, "Session: %63[0-9a-f]", client->session);
        client->replies++;
    } else {
        return false;
    }
    memmove(at, at + used, client->len - used);
    client->len -= used;
    return true;
}

static inline void on_client_event(void *context, const struct loop_event *event)
{
    struct world *world = context;
    struct client *client = &world->clients[event->token % CLIENTS];
    unsigned port = (unsigned)(event->token / CLIENTS); /* 0: TCP; else index in udp + 1 */
    client->connected |= event->type == LOOP_CONNECTED && event->error == 0;
    client->eof |= event->type == LOOP_EOF;
    client->broken |= event->type == LOOP_BROKEN;
    if (event->type == LOOP_BYTES) {
        assert_true(client->len + event->bytes.len <= BUFFER_BYTES);
        memcpy(client->buffer + client->len, event->bytes.data, event->bytes.len);
        client->len += event->bytes.len;
        while (take_message(client, sim_now(world->sim)))
            ;
    }
    struct slice rest = event->bytes;
    while (event->type == LOOP_DATAGRAM && rest.len > 0) {
        struct slice one = slice_take(&rest, event->segment);
        if (port % 2 == 1)
            hear(&client->heard[port / 2], one.data, one.len, sim_now(world->sim));
        else
            hear_report(client, port / 2 - 1, one.data, one.len);
    }
}

static inline void on_ended(void *context, const struct truth_session *session)
{
    struct world *world = context;
    assert_true(world->ended_count < ENDED_MAX);
    snprintf(world->ended_how[world->ended_count], sizeof(world->ended_how[0]), "%s",
             session->ended);
    world->ended[world->ended_count++] = *session;
}

/* A media of 60 packets of 500 bytes and 40 of 100 bytes a second. */
static inline struct media *make_media(void)
{
    static const uint8_t payload[1000];
    struct media *media = calloc(1, sizeof(*media));
    snprintf(media->name, sizeof(media->name), "two");
    media->lap_ns = NS_PER_S;
    media->joins = 1;
    media->phases = 25;
    media->track_count = 2;
    media->tracks[0] = (struct media_track){.video = true,
                                            .payload_type = 96,
                                            .clock_rate = 90000,
                                            .lap_ticks = 90000,
                                            .rtpmap = "H264/90000"};
    media->tracks[1] = (struct media_track){
        .payload_type = 97, .clock_rate = 48000, .lap_ticks = 48000, .rtpmap = "L16/48000/2"};
    for (unsigned i = 0; i < 100; i++) {
        bool video = i < 60;
        struct media_packet packet = {.due_ns = video ? i / 3 * 50 * NS_PER_MS
                                                      : (i - 60) * 25 * NS_PER_MS,
                                      .timestamp = video ? i / 3 * 4500 : (i - 60) * 1200,
                                      .track = !video,
                                      .payload = payload,
                                      .payload_len = video ? 488 : 88,
                                      .marker = !video || i % 3 == 2};
        assert_true(media_add(media, &packet));
    }
    assert_true(media_finish(media));
    return media;
}

/* change may set what a test needs, before the server starts; NULL: the defaults. */
static inline struct world *world_new(uint64_t seed, void (*change)(struct server_config *))
{
    struct world *world = calloc(1, sizeof(*world));
    world->clients = calloc(CLIENTS, sizeof(*world->clients));
    world->sim = sim_new(seed, NS_PER_S);
    assert_true(library_add(&world->library, make_media()));
    assert_true(library_add(&world->library, media_new_pattern(100, 1000)));
    assert_int_equal(path_registry_init(&world->registry), 0);
    struct server_config config = {
        .loop = {.kind = LOOP_SIM, .sim = world->sim},
        .library = &world->library,
        .registry = &world->registry,
        .max_connections = 32,
        .seed = seed,
        .on_session_end = on_ended,
        .context = world,
    };
    assert_true(address_parse(SLICE(HOST), PORT, &config.listen));
    if (change)
        change(&config);
    assert_int_equal(server_new(&world->server, &config), 0);
    struct loop_config loop = {.kind = LOOP_SIM, .sim = world->sim, .max_sockets = 64};
    assert_int_equal(loop_new(&world->loop, &loop, on_client_event, world), 0);
    return world;
}

static inline void world_free(struct world *world)
{
    server_free(world->server);
    loop_free(world->loop);
    sim_free(world->sim);
    path_registry_dispose(&world->registry);
    library_dispose(&world->library);
    free(world->clients);
    free(world);
}

static inline void step(struct world *world, uint64_t end_ns)
{
    uint64_t next_ns = server_next_deadline(world->server);
    sim_advance(world->sim, next_ns < end_ns ? next_ns : end_ns);
    server_turn(world->server, 0);
    loop_turn(world->loop, 0, 0);
}

static inline void run(struct world *world, uint64_t length_ns)
{
    uint64_t end_ns = sim_now(world->sim) + length_ns;
    while (sim_now(world->sim) < end_ns)
        step(world, end_ns);
}

static inline struct client *connect_client(struct world *world, unsigned number)
{
    struct loop_tcp tcp = {.token = number};
    assert_true(address_parse(SLICE(HOST), PORT, &tcp.to));
    int64_t socket = loop_connect(world->loop, &tcp);
    assert_true(socket > 0);
    struct client *client = &world->clients[number];
    client->socket = (loop_socket)socket;
    run(world, NS_PER_MS);
    return client;
}

static inline void say(struct world *world, struct client *client, const char *words, size_t len)
{
    struct iovec part = {(void *)(uintptr_t)words, len};
    assert_int_equal(loop_send(world->loop, client->socket, &part, 1), len);
}

/* Sends a request, @ in headers standing for the session; waits up to 10 s. The status; 0: no
   answer. */
static inline int ask(struct world *world, struct client *client, const char *method,
                      const char *path, const char *headers)
{
    char room[4096];
    struct text text = text_init(room, sizeof(room));
    unsigned before = client->replies;
    text_printf(&text, "%s %s%s RTSP/1.0\r\nCSeq: 7\r\n", method, path[0] == '*' ? "" : BASE, path);
    struct slice rest = slice_from_string(headers);
    while (rest.len > 0) {
        bool at = slice_find_byte(rest, '@') >= 0;
        text_add(&text, slice_take_until(&rest, '@'));
        text_add_string(&text, at ? client->session : "");
    }
    text_add_string(&text, "\r\n");
    say(world, client, room, text.len);
    uint64_t end_ns = sim_now(world->sim) + 10 * NS_PER_S;
    while (client->replies == before && !client->eof && !client->broken &&
           sim_now(world->sim) < end_ns)
        step(world, end_ns);
    return client->replies > before ? client->status : 0;
}

#define SESSION "Session: @\r\n"
#define TCP(a, b) "Transport: RTP/AVP/TCP;unicast;interleaved=" #a "-" #b "\r\n"

/* Opens four ports from 20000 + 4 * number on: RTP and RTCP of track 0, of track 1. */
static inline void open_ports(struct world *world, struct client *client, unsigned number)
{
    for (unsigned i = 0; i < 4; i++) {
        struct loop_udp udp = {.token = number + (uint64_t)CLIENTS * (i + 1), .receive = true};
        assert_true(address_parse(SLICE("0.0.0.0"), (uint16_t)(20000 + 4 * number + i), &udp.at));
        int64_t socket = loop_open_udp(world->loop, &udp);
        assert_true(socket > 0);
        client->udp[i] = (loop_socket)socket;
    }
}

/* Connects, sets both tracks up over TCP and plays. */
static inline struct client *play(struct world *world, unsigned number, const char *path)
{
    char track[300];
    struct client *client = connect_client(world, number);
    snprintf(track, sizeof(track), "%s/trackID=0", path);
    assert_int_equal(ask(world, client, "SETUP", track, TCP(0, 1)), 200);
    snprintf(track, sizeof(track), "%s/trackID=1", path);
    assert_int_equal(ask(world, client, "SETUP", track, TCP(2, 3) SESSION), 200);
    assert_int_equal(ask(world, client, "PLAY", path, SESSION), 200);
    return client;
}

/* Everything a client of an ended session heard is in its truth, and the other way round. */
static inline void check_truth(const struct world *world, const struct client *client,
                               unsigned ended)
{
    const struct truth_session *truth = &world->ended[ended];
    assert_true(ended < world->ended_count);
    for (unsigned i = 0; i < truth->track_count; i++) {
        const struct heard *heard = &client->heard[truth->tracks[i].track];
        const struct truth_counts *counts = &truth->tracks[i].counts;
        assert_int_equal(heard->packets, counts->sent);
        assert_int_equal(heard->bytes, counts->bytes);
        assert_int_equal(heard->duplicates, counts->duplicated);
        assert_int_equal(heard->reordered, counts->reordered);
        assert_int_equal(missing(heard), counts->dropped_inside);
    }
}
