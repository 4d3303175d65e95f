/* The simulated network's wires: faults are drawn when something is sent, and strike when it
 * arrives. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/sim_core.h"

#define ROOM_DELAY (10 * NS_PER_US) /* so that a full socket can't spin without time passing */

static void send_simple(struct sim *sim, enum sim_event_type type, struct sim_end from,
                        struct sim_end to, uint64_t at_ns)
{
    struct sim_event *event = sim_event_new(sim, type, 0);
    event->from = from;
    event->to = to;
    sim_schedule(sim, event, at_ns);
}

/* When the next thing on this connection arrives: no earlier than the one before. */
static uint64_t stream_time(struct sim *sim, struct sim_socket *socket, uint64_t stall_ns)
{
    uint64_t at_ns = sim->now_ns + sim_delay(sim, &socket->rng) + stall_ns;
    if (at_ns > socket->sent_until_ns)
        socket->sent_until_ns = at_ns;
    return socket->sent_until_ns;
}

static void send_segment(struct sim *sim, struct sim_socket *socket, struct slice bytes)
{
    struct sim_event *event = sim_event_new(sim, SIM_BYTES, bytes.len);
    struct rng *rng = &socket->rng;
    uint64_t stall_ns = 0;
    memcpy(event->bytes, bytes.data, bytes.len);
    event->from = socket->self;
    event->to = socket->peer;
    if (sim_chance(rng, sim->faults.corrupt_ppm))
        event->bytes[rng_below(rng, bytes.len)] ^= (uint8_t)(1 + rng_below(rng, 255));
    if (sim_chance(rng, sim->faults.reset_ppm))
        event->twist = SIM_RESETS;
    else if (sim_chance(rng, sim->faults.eof_ppm))
        event->twist = SIM_ENDS;
    if (sim_chance(rng, sim->faults.stall_ppm))
        stall_ns = NS_PER_S + rng_below(rng, 29 * NS_PER_S + 1);
    sim_schedule(sim, event, stream_time(sim, socket, stall_ns));
}

int64_t sim_room(struct sim *sim, struct sim_socket *socket, size_t wish)
{
    size_t room = SIM_WINDOW - socket->outstanding;
    size_t takes = wish < room ? wish : room;
    if (socket->flags & SIM_CONNECTING)
        return -EAGAIN;
    if (socket->flags & (SIM_BROKEN | SIM_SHUT))
        return -EPIPE;
    if (takes > 0 && sim_chance(&socket->rng, sim->faults.send_full_ppm))
        takes = rng_below(&socket->rng, takes);
    return takes > 0 || wish == 0 ? (int64_t)takes : -EAGAIN;
}

void sim_send_bytes(struct sim *sim, struct sim_socket *socket, struct slice bytes)
{
    uint32_t most = sim->faults.segment_max;
    socket->outstanding += (uint32_t)bytes.len;
    while (bytes.len > 0) {
        size_t len = most > 0 ? 1 + rng_below(&socket->rng, most) : bytes.len;
        send_segment(sim, socket, slice_take(&bytes, len));
    }
}

void sim_send_end(struct sim *sim, struct sim_socket *socket, bool reset)
{
    bool said = socket->flags & SIM_SHUT;
    if (socket->peer.socket == 0 || (said && !reset))
        return;
    socket->flags |= SIM_SHUT;
    send_simple(sim, reset ? SIM_RST : SIM_FIN, socket->self, socket->peer,
                stream_time(sim, socket, 0));
}

void sim_offer_room(struct sim *sim, struct sim_socket *socket)
{
    uint64_t delay_ns = sim->faults.latency_ns > ROOM_DELAY ? sim->faults.latency_ns : ROOM_DELAY;
    if (!(socket->flags & SIM_WANTS_ROOM) || (socket->flags & SIM_ROOM_COMES) ||
        socket->outstanding > SIM_WINDOW / 3 * 2)
        return;
    socket->flags |= SIM_ROOM_COMES;
    send_simple(sim, SIM_WRITABLE, socket->self, socket->self, sim->now_ns + delay_ns);
}

static void answer_connect(struct sim *sim, struct sim_end to, int error, uint64_t at_ns)
{
    struct sim_event *event = sim_event_new(sim, SIM_CONNECTED, 0);
    event->to = to;
    event->error = error;
    sim_schedule(sim, event, at_ns);
}

void sim_connect(struct sim *sim, struct sim_socket *socket)
{
    uint64_t at_ns = sim->now_ns + sim_delay(sim, &socket->rng);
    if (sim_chance(&socket->rng, sim->faults.black_hole_ppm))
        return;
    if (sim_chance(&socket->rng, sim->faults.refuse_ppm)) {
        answer_connect(sim, socket->self, -ECONNREFUSED, at_ns + sim->faults.latency_ns);
        return;
    }
    struct sim_event *event = sim_event_new(sim, SIM_SYN, 0);
    event->from = socket->self;
    event->from_address = socket->local;
    event->to_address = socket->remote;
    sim_schedule(sim, event, at_ns);
}

/* Makes the SYN the listener's ACCEPTED. False when there is nobody, or no socket left. */
static bool accept_syn(struct sim *sim, struct sim_event *event, struct sim_socket *client)
{
    struct sim_socket *listener = sim_bound(sim, false, &event->to_address);
    struct sim_socket *accepted = NULL;
    if (listener)
        accepted = sim_socket_open(sim->loops[listener->self.loop], 0, listener->token);
    if (!accepted)
        return false;
    accepted->local = event->to_address;
    accepted->remote = event->from_address;
    accepted->peer = client->self;
    client->peer = accepted->self;
    answer_connect(sim, client->self, 0, stream_time(sim, accepted, 0));
    event->type = SIM_ACCEPTED;
    event->to = listener->self;
    event->accepted = accepted->self.socket;
    return true;
}

static void arrive_syn(struct sim *sim, struct sim_event *event)
{
    struct sim_socket *client = sim_socket_at(sim, event->from);
    if (client && accept_syn(sim, event, client)) {
        sim_deliver(sim, event);
        return;
    }
    if (client)
        answer_connect(sim, event->from, -ECONNREFUSED, sim->now_ns + sim->faults.latency_ns);
    sim_event_free(sim, event);
}

/* The fault strikes: both ends hear of it. */
static void arrive_twisted(struct sim *sim, struct sim_event *event)
{
    bool resets = event->twist == SIM_RESETS;
    sim->truth.resets += resets;
    event->twist = SIM_PLAIN;
    event->type = resets ? SIM_RST : SIM_FIN;
    event->len = 0;
    send_simple(sim, event->type, event->to, event->from, sim->now_ns);
}

static void arrive_stream(struct sim *sim, struct sim_event *event)
{
    struct sim_socket *socket = sim_socket_at(sim, event->to);
    if (!socket && event->type == SIM_BYTES)
        send_simple(sim, SIM_RST, event->to, event->from, sim->now_ns + sim->faults.latency_ns);
    if (!socket || (socket->flags & SIM_BROKEN) ||
        ((socket->flags & SIM_DEAF) && event->type != SIM_RST)) {
        sim_event_free(sim, event);
        return;
    }
    if (event->twist != SIM_PLAIN)
        arrive_twisted(sim, event);
    if (event->type == SIM_RST)
        socket->flags |= SIM_BROKEN;
    if (event->type != SIM_BYTES)
        socket->flags |= SIM_DEAF;
    socket->arrived += event->len;
    sim_deliver(sim, event);
}

static uint64_t flow_key(const struct sim_socket *socket, const struct address *to)
{
    uint64_t high = 0, low = 0;
    if (to->family == AF_INET6) {
        memcpy(&high, &to->v6.sin6_addr, sizeof(high));
        memcpy(&low, &to->v6.sin6_addr.s6_addr[8], sizeof(low));
    } else {
        low = to->v4.sin_addr.s_addr;
    }
    return rng_init(high, low, (uint64_t)socket->identity << 16 | address_port(to)).state | 1;
}

static struct sim_flow *find_flow(struct sim_flow *flows, uint32_t room, uint64_t key)
{
    uint32_t at = (uint32_t)(key >> 32) & (room - 1);
    while (flows[at].key != 0 && flows[at].key != key)
        at = (at + 1) & (room - 1);
    return &flows[at];
}

static void grow_flows(struct sim *sim)
{
    uint32_t room = sim->flow_room ? sim->flow_room * 2 : 1024;
    struct sim_flow *flows = reallocarray(NULL, room, sizeof(*flows));
    if (!flows)
        abort();
    memset(flows, 0, room * sizeof(*flows));
    for (uint32_t i = 0; i < sim->flow_room; i++) {
        if (sim->flows[i].key != 0)
            *find_flow(flows, room, sim->flows[i].key) = sim->flows[i];
    }
    free(sim->flows);
    sim->flows = flows;
    sim->flow_room = room;
}

static struct sim_flow *flow_of(struct sim *sim, uint64_t key)
{
    if (sim->flow_count * 2 >= sim->flow_room)
        grow_flows(sim);
    struct sim_flow *flow = find_flow(sim->flows, sim->flow_room, key);
    if (flow->key == 0) {
        flow->key = key;
        sim->flow_count++;
    }
    return flow;
}

/* One delivery: a datagram, or several in a row. Only a late one may be overtaken: the others keep
   their order whatever their jitter, so that the truth counts every reordering. */
static void send_run(struct sim *sim, struct sim_socket *socket, struct sim_event *event)
{
    uint64_t at_ns = sim->now_ns + sim_delay(sim, &socket->rng);
    event->from = socket->self;
    event->from_address = sim_source(sim, socket);
    if (sim->faults.latency_jitter_ns > 0 || sim->faults.reorder_ppm > 0) {
        event->flow = flow_key(socket, &event->to_address);
        struct sim_flow *flow = flow_of(sim, event->flow);
        at_ns = at_ns > flow->last_ns ? at_ns : flow->last_ns;
        event->number = ++flow->sent;
        if (event->twist != SIM_LATE)
            flow->last_ns = at_ns;
    }
    if (event->twist == SIM_LATE)
        at_ns += NS_PER_MS + rng_below(&socket->rng, 19 * NS_PER_MS + 1);
    sim_schedule(sim, event, at_ns);
}

static struct sim_event *new_run(struct sim *sim, const struct address *to, struct slice bytes,
                                 uint32_t segment)
{
    struct sim_event *event = sim_event_new(sim, SIM_DATAGRAM, bytes.len);
    if (bytes.len > 0)
        memcpy(event->bytes, bytes.data, bytes.len);
    event->to_address = *to;
    event->segment = segment;
    return event;
}

static void send_copy(struct sim *sim, const struct sim_event *original)
{
    struct sim_event *copy = sim_event_new(sim, SIM_DATAGRAM, original->len);
    memcpy(copy->bytes, original->bytes, original->len);
    copy->from = original->from;
    copy->from_address = original->from_address;
    copy->to_address = original->to_address;
    copy->segment = original->segment;
    copy->twist = SIM_COPY;
    sim_schedule(sim, copy, original->at_ns);
}

void sim_send_datagrams(struct sim *sim, struct sim_socket *socket, const struct address *to,
                        struct slice bytes, uint32_t segment)
{
    const struct sim_faults *faults = &sim->faults;
    struct slice run = {bytes.data, 0};
    do {
        struct slice one = slice_take(&bytes, segment);
        bool drop = sim_chance(&socket->rng, faults->drop_ppm);
        bool late = sim_chance(&socket->rng, faults->reorder_ppm);
        bool twice = sim_chance(&socket->rng, faults->duplicate_ppm);
        bool plain = !drop && !late && !twice;
        run.len += plain ? one.len : 0;
        if (plain && bytes.len > 0)
            continue;
        if (run.len > 0 || (plain && one.len == 0))
            send_run(sim, socket, new_run(sim, to, run, segment));
        run = slice_make(bytes.data, 0);
        sim->truth.dropped += drop;
        if (drop || plain)
            continue;
        struct sim_event *event = new_run(sim, to, one, segment);
        event->twist = late ? SIM_LATE : SIM_PLAIN;
        send_run(sim, socket, event);
        if (twice)
            send_copy(sim, event);
    } while (bytes.len > 0);
}

static void follow(struct sim *sim, const struct sim_event *event)
{
    struct sim_flow *flow = event->flow ? flow_of(sim, event->flow) : NULL;
    sim->truth.duplicated += event->twist == SIM_COPY;
    if (!flow)
        return;
    if (event->number > flow->newest)
        flow->newest = event->number;
    else
        sim->truth.reordered++;
}

static void arrive_datagram(struct sim *sim, struct sim_event *event)
{
    struct sim_socket *socket = sim_bound(sim, true, &event->to_address);
    if (!socket || !(socket->flags & SIM_READING)) {
        sim_event_free(sim, event);
        return;
    }
    follow(sim, event);
    event->drops = socket->drops;
    event->to = socket->self;
    sim_deliver(sim, event);
}

void sim_arrive(struct sim *sim, struct sim_event *event)
{
    switch (event->type) {
    case SIM_SYN:
        arrive_syn(sim, event);
        break;
    case SIM_BYTES:
    case SIM_FIN:
    case SIM_RST:
        arrive_stream(sim, event);
        break;
    case SIM_DATAGRAM:
        arrive_datagram(sim, event);
        break;
    case SIM_CONNECTED:
    case SIM_ACCEPTED:
    case SIM_WRITABLE:
    case SIM_RESUMED:
    case SIM_RESOLVED:
    case SIM_CLOSED:
        sim_deliver(sim, event);
        break;
    }
}
