/* The fast backend: io_uring, multishot receives into provided buffers, one wake-up for many
 * arrivals. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "net/real.h"
#include "net/uring_ring.h"

/* What an operation is, in the top byte of its user_data; below, generation and index of the
 * socket. */
enum op { OP_RECEIVE, OP_ACCEPT, OP_CONNECT, OP_ROOM, OP_CANCEL, OPS };

/* record.armed: a bit for each op in flight, and one more while its end has been asked for. */
#define BIT(op) ((uint8_t)(1u << (op)))
#define ENDING(op) ((uint8_t)(16u << (op)))

#define TEARDOWN_TURNS 50 /* of 10 ms: for cancelled operations to end when the loop is freed */
#define LOSE_EVERY 3
#define MANY 16        /* completions that say there may be more, unseen */
#define HURRY_TURNS 64 /* without gathering, after the buffers were used up ... */
#define HURRY_DEPTH 64 /* ... when so few are offered because they come full */

/* A completion put off by LOOP_FAULT_LATE. */
struct held {
    uint64_t user_data;
    uint64_t key; /* the same for all of one socket: their order stays */
    uint32_t order;
    int32_t res;
    uint32_t flags;
};

struct uring_loop {
    struct real real; /* first */
    struct uring_ring ring;
    uint64_t inflight; /* operations of all sockets */
    uint32_t hurry;    /* turns still to be taken without gathering */
    uint32_t lost;     /* of LOOP_FAULT_LOSE_MORE: counts the occasions */
    struct held *held;
    uint32_t held_count;
    struct rng shuffle;
};

static struct uring_loop *of(struct real *real)
{
    return (struct uring_loop *)real;
}

static uint64_t user_data(const struct real *real, uint32_t index, enum op op)
{
    return (uint64_t)op << 56 | (uint64_t)real_at(real, index)->generation << 32 | index;
}

static void started(struct uring_loop *self, struct record *record, enum op op)
{
    assert(!(record->armed & BIT(op)));
    record->armed |= BIT(op);
    record->inflight++;
    self->inflight++;
}

static void ended(struct uring_loop *self, struct record *record, enum op op)
{
    assert(record->armed & BIT(op));
    record->armed &= (uint8_t) ~(BIT(op) | ENDING(op));
    record->inflight--;
    self->inflight--;
}

static struct uring_buffers *buffers_of(struct uring_loop *self, const struct record *record)
{
    return record->flags & SOCKET_UDP ? &self->ring.datagram : &self->ring.stream;
}

static void cancel(struct uring_loop *self, uint32_t index, enum op op)
{
    struct record *record = real_at(&self->real, index);
    if (!(record->armed & BIT(op)) || (record->armed & ENDING(op)))
        return;
    record->armed |= ENDING(op);
    uring_ring_cancel(&self->ring, user_data(&self->real, index, op), (uint64_t)OP_CANCEL << 56);
}

static void arm_receive(struct uring_loop *self, uint32_t index)
{
    struct record *record = real_at(&self->real, index);
    started(self, record, OP_RECEIVE);
    uring_ring_receive(&self->ring, buffers_of(self, record), record->fd,
                       user_data(&self->real, index, OP_RECEIVE));
}

static void arm_accept(struct uring_loop *self, uint32_t index)
{
    struct record *record = real_at(&self->real, index);
    struct io_uring_sqe *entry = uring_ring_entry(&self->ring);
    started(self, record, OP_ACCEPT);
    io_uring_prep_multishot_accept(entry, record->fd, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(entry, user_data(&self->real, index, OP_ACCEPT));
}

static void arm_room(struct uring_loop *self, uint32_t index)
{
    struct record *record = real_at(&self->real, index);
    struct io_uring_sqe *entry = uring_ring_entry(&self->ring);
    started(self, record, OP_ROOM);
    io_uring_prep_poll_add(entry, record->fd, POLLOUT);
    io_uring_sqe_set_data64(entry, user_data(&self->real, index, OP_ROOM));
}

static void refresh(struct real *real, uint32_t index)
{
    struct uring_loop *self = of(real);
    struct record *record = real_at(real, index);
    if (record->flags & SOCKET_LISTENER) {
        if (!(record->flags & SOCKET_RESTING) && !(record->armed & BIT(OP_ACCEPT)))
            arm_accept(self, index);
        return;
    }
    if (!real_wants_read(record))
        cancel(self, index, OP_RECEIVE);
    else if (!(record->armed & BIT(OP_RECEIVE)))
        arm_receive(self, index);
    if ((record->flags & SOCKET_WANTS_ROOM) && !(record->flags & SOCKET_CONNECTING) &&
        !(record->armed & BIT(OP_ROOM)))
        arm_room(self, index);
}

/* The last operation of a closing socket has ended. */
static void finish(struct uring_loop *self, uint32_t index)
{
    const struct record *record = real_at(&self->real, index);
    if (record->inflight > 0)
        return;
    if (!(record->flags & (SOCKET_UDP | SOCKET_LISTENER | SOCKET_ENDED)))
        socket_discard(record->fd);
    real_closed(&self->real, index);
}

static void reset_now(int fd)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    socket_linger_none(fd);
    connect(fd, &nobody, sizeof(nobody));
}

/* A descriptor that is closed under an armed receive sends no FIN and goes on receiving. So: shut
   down, which ends the receive, or cancel what that doesn't end; and close when the last one has
   ended. */
static void release(struct real *real, uint32_t index, bool reset)
{
    struct uring_loop *self = of(real);
    const struct record *record = real_at(real, index);
    bool stream = !(record->flags & (SOCKET_UDP | SOCKET_LISTENER));
    bool connecting = record->armed & BIT(OP_CONNECT);
    if (stream && reset)
        connecting ? socket_linger_none(record->fd) : reset_now(record->fd);
    else if (stream && !connecting && record->inflight > 0)
        shutdown(record->fd, SHUT_RDWR);
    cancel(self, index, OP_ACCEPT);
    cancel(self, index, OP_CONNECT);
    cancel(self, index, OP_ROOM);
    if (!stream)
        cancel(self, index, OP_RECEIVE);
    finish(self, index);
}

static const struct real_ways ways = {refresh, release};

static int64_t opened(struct real *real, uint32_t index)
{
    if (index == SOCKET_NONE)
        return -EMFILE;
    refresh(real, index);
    return real_name(real, index);
}

static int64_t uring_connect(struct loop *loop, const struct loop_tcp *tcp)
{
    struct real *real = (struct real *)loop;
    int fd = socket_open_tcp(&real->sockets, tcp);
    if (fd < 0)
        return fd;
    uint32_t index = real_open(real, fd, SOCKET_CONNECTING | SOCKET_READING, tcp->token);
    if (index != SOCKET_NONE) {
        started(of(real), real_at(real, index), OP_CONNECT);
        uring_ring_connect(&of(real)->ring, fd, &tcp->to, user_data(real, index, OP_CONNECT));
    }
    return opened(real, index);
}

static int64_t uring_listen(struct loop *loop, const struct address *at, bool shared,
                            const char *congestion, uint64_t token)
{
    struct real *real = (struct real *)loop;
    int fd = socket_open_listener(&real->sockets, at, shared, congestion);
    return fd < 0 ? fd : opened(real, real_open_listener(real, fd, token));
}

static int64_t uring_open_udp(struct loop *loop, const struct loop_udp *udp)
{
    struct real *real = (struct real *)loop;
    uint16_t flags = SOCKET_UDP | (udp->receive ? SOCKET_READING : 0);
    int fd = socket_open_udp(&real->sockets, udp);
    return fd < 0 ? fd : opened(real, real_open(real, fd, flags, udp->token));
}

static void deliver(struct uring_loop *self, uint32_t index, const struct uring_message *message)
{
    const struct record *record = real_at(&self->real, index);
    static const struct address nobody = {0};
    if (record->flags & SOCKET_UDP)
        real_datagram(&self->real, index, message->bytes, message->remarks,
                      message->from ? message->from : &nobody);
    else if (message->bytes.len > 0)
        real_bytes(&self->real, index, message->bytes, message->remarks);
    else
        real_ended(&self->real, index, 0);
}

/* An error of the receive itself. Most only end the multishot, which is armed again. */
static void on_receive_error(struct uring_loop *self, uint32_t index, int error)
{
    if (error == -ENOBUFS && self->ring.stream.depth < HURRY_DEPTH)
        self->hurry = HURRY_TURNS;
    bool passing = error == -ENOBUFS || error == -ECANCELED || error == -EAGAIN || error == -EINTR;
    if (passing || (real_at(&self->real, index)->flags & SOCKET_UDP))
        return;
    real_ended(&self->real, index, error);
}

/* LOOP_FAULT_LOSE_MORE: ends every third multishot. */
static void lose_some(struct uring_loop *self, uint32_t index, enum op op)
{
    if ((self->real.loop.config.faults & LOOP_FAULT_LOSE_MORE) && ++self->lost % LOSE_EVERY == 0)
        cancel(self, index, op);
}

static void on_receive(struct uring_loop *self, uint32_t index, const struct held *got)
{
    struct record *record = real_at(&self->real, index);
    struct uring_buffers *buffers = buffers_of(self, record);
    unsigned id = got->flags >> IORING_CQE_BUFFER_SHIFT;
    bool closing = record->flags & SOCKET_CLOSING, more = got->flags & IORING_CQE_F_MORE;
    if (!more) {
        ended(self, record, OP_RECEIVE);
        if (!closing)
            real_queue(&self->real, index); /* to be armed again, if it is still wanted */
    } else {
        lose_some(self, index, OP_RECEIVE);
    }
    if (got->flags & IORING_CQE_F_BUFFER) {
        struct uring_message message = uring_buffers_message(buffers, id, (uint32_t)got->res);
        if (!closing)
            deliver(self, index, &message);
        uring_buffers_give(buffers, id);
    } else if (!closing && got->res < 0) {
        on_receive_error(self, index, got->res);
    } else if (!closing && got->res == 0 && !(record->flags & SOCKET_UDP)) {
        real_ended(&self->real, index, 0);
    }
    if (closing)
        finish(self, index);
}

static void on_accept(struct uring_loop *self, uint32_t index, const struct held *got)
{
    struct real *real = &self->real;
    struct record *record = real_at(real, index);
    bool closing = record->flags & SOCKET_CLOSING;
    struct address from = {0};
    socklen_t len = sizeof(from);
    if (!(got->flags & IORING_CQE_F_MORE)) {
        ended(self, record, OP_ACCEPT);
        if (!closing)
            real_queue(real, index);
        if (!closing && real_accept_lacks(got->res))
            real_refuse(real, real_name(real, index), got->res);
    } else {
        lose_some(self, index, OP_ACCEPT);
    }
    if (got->res >= 0 && (closing || getpeername(got->res, &from.any, &len) < 0))
        close(got->res); /* nobody wants it, or it is gone already */
    else if (got->res >= 0)
        real_accepted(real, index, got->res, &from);
    if (closing)
        finish(self, index);
}

static void on_once(struct uring_loop *self, uint32_t index, enum op op, int res)
{
    struct record *record = real_at(&self->real, index);
    ended(self, record, op);
    if (record->flags & SOCKET_CLOSING)
        finish(self, index);
    else if (op == OP_CONNECT)
        real_connected(&self->real, index, res);
    else if (record->flags & SOCKET_WANTS_ROOM)
        real_writable(&self->real, index);
}

static void on_completion(struct uring_loop *self, const struct held *got)
{
    enum op op = (enum op)(got->user_data >> 56);
    uint32_t index = (uint32_t)got->user_data;
    if (op == OP_CANCEL)
        return;
    /* A record isn't reused while an operation of it is in flight, so this can't be a stranger. */
    assert(real_at(&self->real, index)->generation == (uint16_t)(got->user_data >> 32));
    if (op == OP_RECEIVE)
        on_receive(self, index, got);
    else if (op == OP_ACCEPT)
        on_accept(self, index, got);
    else
        on_once(self, index, op, got->res);
}

/* Takes the next completion off the queue. */
static bool take(struct uring_loop *self, struct held *out)
{
    struct io_uring_cqe *completion;
    if (io_uring_peek_cqe(&self->ring.ring, &completion) != 0)
        return false;
    *out = (struct held){
        .user_data = completion->user_data, .res = completion->res, .flags = completion->flags};
    io_uring_cqe_seen(&self->ring.ring, completion);
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct held *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* LOOP_FAULT_LATE: hands out what the last turn kept, sockets shuffled, and keeps what came now. */
static uint32_t drain_late(struct uring_loop *self)
{
    uint32_t late = self->held_count, count = late;
    uint64_t salt = rng_next(&self->shuffle);
    while (count < late + self->ring.completions && take(self, &self->held[count])) {
        uint32_t index = (uint32_t)self->held[count].user_data;
        self->held[count].key = rng_init(salt, index, 0).state;
        self->held[count].order = count;
        count++;
    }
    self->held_count = count;
    qsort(self->held, late, sizeof(self->held[0]), by_key);
    for (uint32_t i = 0; i < late; i++)
        on_completion(self, &self->held[i]);
    self->held_count -= late;
    for (uint32_t i = 0; i < self->held_count; i++)
        self->held[i] = self->held[late + i];
    return late;
}

static uint32_t drain(struct uring_loop *self)
{
    struct held got;
    uint32_t count = 0;
    for (; take(self, &got); count++)
        on_completion(self, &got);
    return count;
}

static void sleep_for(uint64_t ns)
{
    struct timespec pause = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

/* Submits and waits. With min-wait the kernel does the gathering: at least half the buffers, or
   whatever there is once the time is over; a first arrival after that is handed out at once. */
static void wait_first(struct uring_loop *self, uint64_t patience_ns, uint64_t coalesce_ns)
{
    const sigset_t *mask = &self->real.while_waiting;
    struct io_uring *ring = &self->ring.ring;
    if (io_uring_sq_ready(ring) > 0)
        io_uring_submit(ring);
    if (coalesce_ns > patience_ns)
        coalesce_ns = patience_ns;
    if (patience_ns == 0) {
        uring_wait(ring, 0, 0, 0, mask);
    } else if (coalesce_ns >= NS_PER_US && self->ring.min_wait) {
        uring_wait(ring, self->ring.stream.depth / 2, patience_ns,
                   (uint32_t)(coalesce_ns / NS_PER_US), mask);
    } else {
        int error = uring_wait(ring, 1, patience_ns, 0, mask);
        if (coalesce_ns > 0 && error == 0) {
            sleep_for(coalesce_ns);
            uring_wait(ring, 0, 0, 0, mask);
        }
    }
}

static void uring_turn(struct loop *loop, uint64_t deadline_ns, uint64_t coalesce_ns)
{
    struct uring_loop *self = (struct uring_loop *)loop;
    uint64_t patience_ns = self->held_count > 0 ? 0 : real_patience(&self->real, deadline_ns);
    /* What comes in a millisecond was more than the buffers hold: each receive that finds none has
       to be armed anew. */
    if (self->hurry > 0) {
        self->hurry--;
        coalesce_ns = 0;
    }
    wait_first(self, patience_ns, coalesce_ns);
    real_begin(&self->real);
    if (self->held) {
        drain_late(self);
    } else {
        uint32_t rounds = loop->config.max_sockets / MANY + 1;
        uint32_t count = drain(self);
        /* Newer kernels hand out deferred work in portions: take all before sleeping again. */
        while (coalesce_ns > 0 && !self->ring.min_wait && count >= MANY && rounds-- > 0) {
            uring_wait(&self->ring.ring, 0, 0, 0, &self->real.while_waiting);
            count = drain(self);
        }
    }
    uring_buffers_settle(&self->ring.stream);
    uring_buffers_settle(&self->ring.datagram);
    real_settle(&self->real);
}

/* Ends every operation, so that closing the descriptors frees their ports at once. */
static void end_operations(struct uring_loop *self)
{
    struct held got;
    if (gettid() != self->real.thread || self->inflight == 0)
        return;
    struct io_uring_sqe *entry = uring_ring_entry(&self->ring);
    io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data64(entry, (uint64_t)OP_CANCEL << 56);
    io_uring_submit(&self->ring.ring);
    for (int i = 0; i < TEARDOWN_TURNS && self->inflight > 0; i++) {
        while (take(self, &got)) {
            enum op op = (enum op)(got.user_data >> 56);
            if (op == OP_ACCEPT && got.res >= 0)
                close(got.res);
            if (op != OP_CANCEL && !(got.flags & IORING_CQE_F_MORE))
                self->inflight--;
        }
        if (self->inflight > 0)
            uring_wait(&self->ring.ring, 1, 10 * NS_PER_MS, 0, &self->real.while_waiting);
    }
}

static void uring_free(struct loop *loop)
{
    struct uring_loop *self = (struct uring_loop *)loop;
    if (self->ring.opened)
        end_operations(self);
    real_dispose(&self->real);
    uring_ring_dispose(&self->ring);
    free(self->held);
    free(self);
}

static const struct loop_ops ops = {
    .free = uring_free,
    .turn = uring_turn,
    .clock = real_clock,
    .wake = real_wake,
    .connect = uring_connect,
    .listen = uring_listen,
    .open_udp = uring_open_udp,
    .send = real_send,
    .send_to = real_send_to,
    .want_writable = real_want_writable,
    .set_token = real_set_token,
    .pause = real_pause,
    .shutdown = real_shutdown,
    .close = real_close,
    .quickack_off = real_quickack_off,
    .udp_drops = real_udp_drops,
    .unacked = real_unacked,
    .rcvbuf = real_rcvbuf,
    .local_address = real_local_address,
    .resolve = real_resolve,
};

static int set_up(struct uring_loop *self, const struct loop_config *config)
{
    int error = uring_ring_init(&self->ring, config);
    self->real.ways = &ways;
    self->shuffle = rng_init(1, 0, 0);
    if (error == 0 && (config->faults & LOOP_FAULT_LATE)) {
        self->held = calloc(2 * (size_t)self->ring.completions, sizeof(self->held[0]));
        error = self->held ? 0 : -ENOMEM;
    }
    snprintf(self->real.loop.description, sizeof(self->real.loop.description),
             "io_uring (multishot recvmsg, %s%s)", self->ring.min_wait ? "min-wait" : "sleep",
             self->ring.deferred ? "" : ", no deferred work");
    return error;
}

int loop_new_uring(struct loop **out, const struct loop_config *config, loop_handler handler,
                   void *context)
{
    struct uring_loop *self = calloc(1, sizeof(*self));
    if (!self)
        return -ENOMEM;
    int error = real_init(&self->real, &ops, config, handler, context);
    if (error) {
        free(self);
        return error;
    }
    error = set_up(self, config);
    if (error) {
        uring_free(&self->real.loop);
        return error;
    }
    *out = &self->real.loop;
    return 0;
}
