/* The backend of the simulated network: loop.h's functions, and what arrived becomes events. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/sim_core.h"

#define DEFAULT_RCVBUF 212992 /* net.core.rmem_default */
#define NAME_BYTES 256

static struct sim_loop *of(struct loop *loop)
{
    return (struct sim_loop *)loop;
}

struct sim_socket *sim_socket_at(const struct sim *sim, struct sim_end end)
{
    struct sim_loop *loop = end.socket ? sim->loops[end.loop] : NULL;
    uint32_t index = loop ? loop_index(&loop->loop, end.socket) : 0;
    if (!loop || index >= loop->sockets.touched)
        return NULL;
    struct sim_socket *socket = pool_at(&loop->sockets, index);
    bool same = socket->generation == loop_generation(&loop->loop, end.socket);
    return same && (socket->flags & SIM_IS_OPEN) ? socket : NULL;
}

static struct sim_socket *find(struct loop *loop, loop_socket name)
{
    return sim_socket_at(of(loop)->sim, (struct sim_end){of(loop)->number, name});
}

struct sim_socket *sim_socket_open(struct sim_loop *loop, uint16_t flags, uint64_t token)
{
    uint32_t index = pool_take(&loop->sockets);
    if (index == POOL_NONE)
        return NULL;
    struct sim_socket *socket = pool_at(&loop->sockets, index);
    uint16_t generation = loop_next_generation(&loop->loop, socket->generation);
    struct sim *sim = loop->sim;
    *socket = (struct sim_socket){.generation = generation,
                                  .flags = flags | SIM_IS_OPEN,
                                  .token = token,
                                  .rcvbuf = DEFAULT_RCVBUF,
                                  .identity = ++sim->opened};
    socket->self = (struct sim_end){loop->number, loop_name(&loop->loop, index, generation)};
    socket->rng = rng_init(sim->seed, socket->identity, 0);
    return socket;
}

void sim_deliver(struct sim *sim, struct sim_event *event)
{
    struct sim_loop *loop = sim->loops[event->to.loop];
    if (!loop) {
        sim_event_free(sim, event);
        return;
    }
    sim_put(&loop->inbox, event);
    sim->undelivered++;
}

static void deliver_own(struct sim_loop *loop, enum sim_event_type type, loop_socket name)
{
    struct sim_event *event = sim_event_new(loop->sim, type, 0);
    event->to = (struct sim_end){loop->number, name};
    event->at_ns = loop->sim->now_ns;
    sim_deliver(loop->sim, event);
}

static void emit(struct sim_loop *loop, const struct loop_event *event)
{
    sim_note(loop->sim, event, loop->number);
    loop_emit(&loop->loop, event);
}

static struct loop_event event_of(const struct sim_socket *socket, enum loop_event_type type,
                                  uint64_t at_ns)
{
    return (struct loop_event){.type = type,
                               .socket = socket->self.socket,
                               .token = socket->token,
                               .arrival_is_kernels = true,
                               .arrival_ns = at_ns};
}

static void drop_queue(struct sim *sim, struct sim_queue *queue)
{
    for (struct sim_event *event; (event = sim_take(queue));)
        sim_event_free(sim, event);
}

/* The reader has taken the bytes: the sender has room again. */
static void credit(struct sim *sim, const struct sim_event *bytes)
{
    struct sim_socket *sender = sim_socket_at(sim, bytes->from);
    if (!sender)
        return;
    sender->outstanding -= bytes->len;
    sim_offer_room(sim, sender);
}

static void deliver_stream(struct sim_loop *loop, struct sim_socket *socket,
                           const struct sim_event *arrived)
{
    struct loop_event event = event_of(socket, LOOP_BYTES, arrived->at_ns);
    if (arrived->type == SIM_BYTES) {
        socket->arrived -= arrived->len;
        event.bytes = slice_make(arrived->bytes, arrived->len);
        event.unread = socket->arrived;
        credit(loop->sim, arrived);
    } else {
        bool reset = arrived->type == SIM_RST;
        event.type = reset ? LOOP_BROKEN : LOOP_EOF;
        event.error = reset ? -ECONNRESET : 0;
    }
    emit(loop, &event);
}

static void deliver_datagrams(struct sim_loop *loop, struct sim_socket *socket,
                              const struct sim_event *arrived)
{
    struct slice rest = slice_make(arrived->bytes, arrived->len);
    struct sim_end self = socket->self;
    uint32_t size = socket->flags & SIM_GRO ? arrived->len : arrived->segment;
    do {
        struct loop_event event = event_of(socket, LOOP_DATAGRAM, arrived->at_ns);
        event.bytes = slice_take(&rest, size);
        event.segment =
            arrived->segment < event.bytes.len ? arrived->segment : (uint32_t)event.bytes.len;
        event.drops = arrived->drops;
        event.from = &arrived->from_address;
        emit(loop, &event);
    } while (rest.len > 0 && (socket = sim_socket_at(loop->sim, self)));
}

/* What the kernel charges a datagram for: its bytes and the slack around them. */
static uint32_t charge(const struct sim_event *event)
{
    return event->type == SIM_DATAGRAM ? (event->len + 1024 + 255) / 256 * 256 : 0;
}

/* Keeps it until somebody reads; datagrams only as far as the receive buffer goes. */
static void hold(struct sim *sim, struct sim_socket *socket, struct sim_event *event)
{
    uint32_t count = charge(event) > 0 && event->len > event->segment
                         ? (event->len - 1) / event->segment + 1
                         : 1;
    if (charge(event) > 0 && socket->arrived + charge(event) > socket->rcvbuf) {
        socket->drops += count;
        sim->truth.dropped += count;
        sim_event_free(sim, event);
        return;
    }
    socket->arrived += charge(event);
    sim_put(&socket->held, event);
}

static void deliver_received(struct sim_loop *loop, struct sim_socket *socket,
                             struct sim_event *event)
{
    if (event->type == SIM_DATAGRAM)
        deliver_datagrams(loop, socket, event);
    else
        deliver_stream(loop, socket, event);
    sim_event_free(loop->sim, event);
}

static bool wants_read(const struct sim_socket *socket)
{
    return (socket->flags & (SIM_READING | SIM_PAUSED)) == SIM_READING;
}

static void on_received(struct sim_loop *loop, struct sim_socket *socket, struct sim_event *event)
{
    if (!wants_read(socket) || socket->held.count > 0)
        hold(loop->sim, socket, event);
    else
        deliver_received(loop, socket, event);
}

static void on_resumed(struct sim_loop *loop, struct sim_socket *socket)
{
    struct sim_end self = socket->self;
    while ((socket = sim_socket_at(loop->sim, self)) && wants_read(socket) &&
           socket->held.count > 0) {
        struct sim_event *event = sim_take(&socket->held);
        socket->arrived -= charge(event);
        deliver_received(loop, socket, event);
    }
}

static void on_accepted(struct sim_loop *loop, struct sim_socket *listener,
                        const struct sim_event *arrived)
{
    if (!listener) {
        loop_close(&loop->loop, arrived->accepted, true);
        return;
    }
    struct loop_event event = event_of(listener, LOOP_ACCEPTED, arrived->at_ns);
    event.accepted = arrived->accepted;
    event.from = &arrived->from_address;
    emit(loop, &event);
}

static void on_connected(struct sim_loop *loop, struct sim_socket *socket,
                         const struct sim_event *arrived)
{
    struct loop_event event = event_of(socket, LOOP_CONNECTED, arrived->at_ns);
    event.error = arrived->error;
    socket->flags &= (uint16_t)~SIM_CONNECTING;
    socket->flags |= arrived->error ? SIM_BROKEN : SIM_READING;
    emit(loop, &event);
}

static void on_writable(struct sim_loop *loop, struct sim_socket *socket,
                        const struct sim_event *arrived)
{
    struct loop_event event = event_of(socket, LOOP_WRITABLE, arrived->at_ns);
    socket->flags &= (uint16_t) ~(SIM_WANTS_ROOM | SIM_ROOM_COMES);
    emit(loop, &event);
}

static void on_resolved(struct sim_loop *loop, const struct sim_event *arrived)
{
    struct loop_event event = {.type = LOOP_RESOLVED,
                               .error = arrived->error,
                               .token = arrived->token,
                               .arrival_ns = arrived->at_ns,
                               .addresses = &arrived->from_address,
                               .address_count = arrived->error ? 0 : 1};
    emit(loop, &event);
}

static void on_closed(struct sim_loop *loop, loop_socket name)
{
    uint32_t index = loop_index(&loop->loop, name);
    struct sim_socket *socket = pool_at(&loop->sockets, index);
    struct loop_event event = event_of(socket, LOOP_CLOSED, loop->sim->now_ns);
    pool_give(&loop->sockets, index);
    emit(loop, &event);
}

static void deliver(struct sim_loop *loop, struct sim_event *event)
{
    struct sim_socket *socket = sim_socket_at(loop->sim, event->to);
    switch (event->type) {
    case SIM_BYTES:
    case SIM_FIN:
    case SIM_RST:
    case SIM_DATAGRAM:
        if (!socket)
            break;
        on_received(loop, socket, event);
        return;
    case SIM_CONNECTED:
        if (socket)
            on_connected(loop, socket, event);
        break;
    case SIM_ACCEPTED:
        on_accepted(loop, socket, event);
        break;
    case SIM_WRITABLE:
        if (socket)
            on_writable(loop, socket, event);
        break;
    case SIM_RESUMED:
        if (socket)
            on_resumed(loop, socket);
        break;
    case SIM_RESOLVED:
        on_resolved(loop, event);
        break;
    case SIM_CLOSED:
        on_closed(loop, event->to.socket);
        break;
    case SIM_SYN:
        assert(!"a SYN is for an address");
    }
    sim_event_free(loop->sim, event);
}

/* Never waits: sim_advance moves the clock. What handlers cause is for the next turn. */
static void turn(struct loop *base, uint64_t deadline_ns, uint64_t coalesce_ns)
{
    struct sim_loop *loop = of(base);
    struct sim *sim = loop->sim;
    sim_pump(sim);
    base->now_ns = sim->now_ns;
    if (atomic_exchange(&loop->woken, false)) {
        struct loop_event event = {.type = LOOP_WOKEN, .arrival_ns = base->now_ns};
        emit(loop, &event);
    }
    for (uint32_t left = loop->inbox.count; left > 0; left--) {
        sim->undelivered--;
        deliver(loop, sim_take(&loop->inbox));
    }
}

static uint64_t read_clock(const struct loop *loop)
{
    return ((const struct sim_loop *)loop)->sim->now_ns;
}

static void wake(struct loop *loop)
{
    atomic_store(&of(loop)->woken, true);
}

/* Draws from the loop's own dice when a socket is to be opened: 0, or what it is refused with. */
static int refusal(struct sim_loop *loop)
{
    const struct sim_faults *faults = &loop->sim->faults;
    struct rng rng = rng_init(loop->sim->seed, ++loop->sim->opened, 1);
    if (!sim_chance(&rng, faults->no_socket_ppm))
        return 0;
    return faults->no_socket_error ? faults->no_socket_error : -EMFILE;
}

static int64_t connect_tcp(struct loop *base, const struct loop_tcp *tcp)
{
    struct sim_loop *loop = of(base);
    int error = refusal(loop);
    if (error)
        return error;
    struct sim_socket *socket = sim_socket_open(loop, SIM_CONNECTING, tcp->token);
    if (!socket)
        return -EMFILE;
    socket->remote = tcp->to;
    socket->local =
        tcp->from.family == AF_UNSPEC ? sim_own_address(loop, tcp->to.family) : tcp->from;
    if (address_port(&socket->local) == 0)
        address_set_port(&socket->local, sim_ephemeral_port(loop->sim));
    if (tcp->rcvbuf > 0)
        socket->rcvbuf = 2 * (uint32_t)tcp->rcvbuf;
    sim_connect(loop->sim, socket);
    return socket->self.socket;
}

static int64_t bind_or_give(struct sim_loop *loop, struct sim_socket *socket)
{
    int error = sim_bind(loop->sim, socket);
    if (error == 0)
        return socket->self.socket;
    socket->flags = 0;
    pool_give(&loop->sockets, loop_index(&loop->loop, socket->self.socket));
    return error;
}

static int64_t listen_tcp(struct loop *base, const struct address *at, bool shared,
                          const char *congestion, uint64_t token)
{
    uint16_t flags = SIM_IS_LISTENER | (shared ? SIM_IS_SHARED : 0);
    struct sim_socket *socket = sim_socket_open(of(base), flags, token);
    if (!socket)
        return -EMFILE;
    socket->local = *at;
    return bind_or_give(of(base), socket);
}

static int64_t open_udp(struct loop *base, const struct loop_udp *udp)
{
    struct sim_loop *loop = of(base);
    uint16_t flags = SIM_IS_UDP;
    if (udp->receive)
        flags |= SIM_READING;
    if (udp->gro && !(base->config.denied & LOOP_DENY_GRO))
        flags |= SIM_GRO;
    int error = refusal(loop);
    if (error)
        return error;
    struct sim_socket *socket = sim_socket_open(loop, flags, udp->token);
    if (!socket)
        return -EMFILE;
    socket->local = udp->at;
    if (udp->rcvbuf > 0)
        socket->rcvbuf = 2 * (uint32_t)udp->rcvbuf;
    return bind_or_give(loop, socket);
}

static size_t total(const struct iovec *parts, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += parts[i].iov_len;
    return bytes;
}

static int64_t send_bytes(struct loop *base, loop_socket name, const struct iovec *parts, int count)
{
    static _Thread_local uint8_t gathered[SIM_WINDOW];
    struct sim *sim = of(base)->sim;
    struct sim_socket *socket = find(base, name);
    int64_t takes = socket ? sim_room(sim, socket, total(parts, count)) : -EBADF;
    if (takes <= 0)
        return takes;
    size_t len = 0;
    for (int i = 0; i < count && len < (size_t)takes; i++) {
        size_t left = (size_t)takes - len;
        size_t part = parts[i].iov_len < left ? parts[i].iov_len : left;
        if (part > 0)
            memcpy(gathered + len, parts[i].iov_base, part);
        len += part;
    }
    sim_send_bytes(sim, socket, slice_make(gathered, len));
    return takes;
}

static int send_to(struct loop *base, loop_socket name, const struct address *to,
                   struct slice bytes, uint32_t segment)
{
    struct sim *sim = of(base)->sim;
    struct sim_socket *socket = find(base, name);
    if (!socket)
        return -EBADF;
    if (sim_chance(&socket->rng, sim->faults.send_full_ppm))
        return -EAGAIN;
    if (segment == 0 || segment > bytes.len)
        segment = bytes.len > 0 ? (uint32_t)bytes.len : 1;
    sim_send_datagrams(sim, socket, to, bytes, segment);
    return 0;
}

static void want_writable(struct loop *base, loop_socket name)
{
    struct sim_socket *socket = find(base, name);
    if (!socket)
        return;
    socket->flags |= SIM_WANTS_ROOM;
    sim_offer_room(of(base)->sim, socket);
}

static void set_token(struct loop *base, loop_socket name, uint64_t token)
{
    struct sim_socket *socket = find(base, name);
    if (!socket)
        return;
    socket->token = token;
    if (socket->flags & (SIM_READING | SIM_CONNECTING | SIM_IS_LISTENER | SIM_IS_UDP))
        return;
    socket->flags |= SIM_READING;
    deliver_own(of(base), SIM_RESUMED, name);
}

static void set_paused(struct loop *base, loop_socket name, bool paused)
{
    struct sim_socket *socket = find(base, name);
    if (!socket)
        return;
    socket->flags &= (uint16_t)~SIM_PAUSED;
    if (paused)
        socket->flags |= SIM_PAUSED;
    else
        deliver_own(of(base), SIM_RESUMED, name);
}

static void shut(struct loop *base, loop_socket name)
{
    struct sim_socket *socket = find(base, name);
    if (socket)
        sim_send_end(of(base)->sim, socket, false);
}

static void let_go(struct sim *sim, struct sim_socket *socket, bool reset)
{
    if (socket->flags & (SIM_IS_UDP | SIM_IS_LISTENER))
        sim_unbind(sim, socket);
    else
        sim_send_end(sim, socket, reset);
    drop_queue(sim, &socket->held);
    socket->flags = 0;
}

static void close_socket(struct loop *base, loop_socket name, bool reset)
{
    struct sim_socket *socket = find(base, name);
    if (!socket)
        return;
    let_go(of(base)->sim, socket, reset);
    deliver_own(of(base), SIM_CLOSED, name);
}

static void quickack_off(struct loop *base, loop_socket name)
{
}

static uint32_t udp_drops(struct loop *base, loop_socket name)
{
    struct sim_socket *socket = find(base, name);
    return socket ? socket->drops : 0;
}

static uint32_t unacked(struct loop *base, loop_socket name)
{
    struct sim_socket *socket = find(base, name);
    return socket ? socket->outstanding : 0;
}

static uint32_t rcvbuf(struct loop *base, loop_socket name)
{
    struct sim_socket *socket = find(base, name);
    return socket ? socket->rcvbuf : 0;
}

static bool local_address(struct loop *base, loop_socket name, struct address *out)
{
    struct sim_socket *socket = find(base, name);
    if (socket)
        *out = socket->local;
    return socket != NULL;
}

static int resolve(struct loop *base, struct slice host, uint16_t port, uint64_t token)
{
    struct sim_loop *loop = of(base);
    char text[NAME_BYTES];
    if (host.len == 0 || !slice_to_string(host, text, sizeof(text)))
        return -EINVAL;
    struct sim_event *event = sim_event_new(loop->sim, SIM_RESOLVED, 0);
    const struct sim_name *name = sim_find_name(loop->sim, text);
    event->to.loop = loop->number;
    event->token = token;
    if (name)
        event->from_address = name->address;
    else if (!address_parse(host, port, &event->from_address))
        event->error = -ENOENT;
    address_set_port(&event->from_address, port);
    sim_schedule(loop->sim, event, loop->sim->now_ns + 2 * loop->sim->faults.latency_ns);
    return 0;
}

static void free_loop(struct loop *base)
{
    struct sim_loop *loop = of(base);
    struct sim *sim = loop->sim;
    for (uint32_t i = 0; i < loop->sockets.touched; i++) {
        struct sim_socket *socket = pool_at(&loop->sockets, i);
        if (socket->flags & SIM_IS_OPEN)
            let_go(sim, socket, false);
    }
    sim->undelivered -= loop->inbox.count;
    drop_queue(sim, &loop->inbox);
    sim->loops[loop->number] = NULL;
    pool_dispose(&loop->sockets);
    free(loop);
}

static const struct loop_ops ops = {
    .free = free_loop,
    .turn = turn,
    .clock = read_clock,
    .wake = wake,
    .connect = connect_tcp,
    .listen = listen_tcp,
    .open_udp = open_udp,
    .send = send_bytes,
    .send_to = send_to,
    .want_writable = want_writable,
    .set_token = set_token,
    .pause = set_paused,
    .shutdown = shut,
    .close = close_socket,
    .quickack_off = quickack_off,
    .udp_drops = udp_drops,
    .unacked = unacked,
    .rcvbuf = rcvbuf,
    .local_address = local_address,
    .resolve = resolve,
};

int loop_new_sim(struct loop **out, const struct loop_config *config, loop_handler handler,
                 void *context)
{
    struct sim *sim = config->sim;
    struct sim_loop *loop = calloc(1, sizeof(*loop));
    struct sim_loop **loops =
        reallocarray(sim->loops, (size_t)sim->loop_count + 1, sizeof(struct sim_loop *));
    if (loops)
        sim->loops = loops;
    if (!loop || !loops ||
        pool_init(&loop->sockets, sizeof(struct sim_socket), config->max_sockets) < 0) {
        free(loop);
        return -ENOMEM;
    }
    loop_init(&loop->loop, &ops, config, handler, context);
    loop->sim = sim;
    loop->number = sim->loop_count++;
    loop->loop.now_ns = sim->now_ns;
    sim->loops[loop->number] = loop;
    strcpy(loop->loop.description, "sim");
    *out = &loop->loop;
    return 0;
}
