/* The backend for everywhere: level-triggered epoll, one shared receive buffer. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "net/real.h"

#define READY 1024          /* events asked for at a time */
#define TCP_BUFFER 262144   /* bytes */
#define TINY_BUFFER 1000    /* under LOOP_FAULT_NO_BUFFERS */
#define TCP_READS 16        /* of one socket in a row, while each fills the buffer */
#define DATAGRAMS 16        /* taken by one system call */
#define DATAGRAM_ROOM 65536 /* an aggregate may be that large; untouched pages cost nothing */
#define UDP_READS 64        /* calls for one socket in a row */
#define ACCEPTS 4096        /* of one listener in a row */

/* What the kernel writes one datagram into. */
struct datagram {
    struct address from;
    char control[REMARKS_UDP] __attribute__((aligned(8)));
    struct iovec part;
};

struct epoll_loop {
    struct real real; /* first */
    int epoll_fd;
    bool no_pwait2; /* Linux before 5.11, or refused */
    size_t stream_room;
    uint8_t *stream;
    uint8_t *datagram_bytes;
    struct datagram datagrams[DATAGRAMS];
    struct mmsghdr messages[DATAGRAMS];
    struct epoll_event ready[READY];
    struct epoll_event held[READY]; /* LOOP_FAULT_LATE: for the next turn */
    int held_count;
    struct rng shuffle;
};

static struct epoll_loop *of(struct real *real)
{
    return (struct epoll_loop *)real;
}

static uint8_t wanted(const struct record *record)
{
    if (record->flags & SOCKET_CLOSING)
        return 0;
    if (record->flags & SOCKET_LISTENER)
        return record->flags & SOCKET_RESTING ? 0 : EPOLLIN;
    if (record->flags & SOCKET_CONNECTING)
        return record->flags & SOCKET_FAILED ? 0 : EPOLLOUT;
    return (uint8_t)((real_wants_read(record) ? EPOLLIN : 0) |
                     (record->flags & SOCKET_WANTS_ROOM ? EPOLLOUT : 0));
}

/* A socket that nothing is wanted of leaves the set: epoll would report its hang-up for ever. */
static void refresh(struct real *real, uint32_t index)
{
    struct record *record = real_at(real, index);
    uint8_t now = wanted(record);
    struct epoll_event event = {.events = now, .data.u32 = real_name(real, index)};
    if (now == record->armed)
        return;
    int what = now == 0 ? EPOLL_CTL_DEL : record->armed == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    int failed = epoll_ctl(of(real)->epoll_fd, what, record->fd, &event);
    assert(!failed || errno == ENOMEM || errno == ENOSPC);
    if (failed)
        real_queue(real, index); /* tried again when the next turn ends */
    else
        record->armed = now;
}

static void release(struct real *real, uint32_t index, bool reset)
{
    struct record *record = real_at(real, index);
    if (reset)
        socket_linger_none(record->fd);
    else if (!(record->flags & (SOCKET_UDP | SOCKET_LISTENER)))
        socket_discard(record->fd);
    real_closed(real, index);
}

static const struct real_ways ways = {refresh, release};

static int64_t opened(struct real *real, uint32_t index)
{
    if (index == SOCKET_NONE)
        return -EMFILE;
    refresh(real, index);
    return real_name(real, index);
}

static int64_t epoll_connect(struct loop *loop, const struct loop_tcp *tcp)
{
    struct real *real = (struct real *)loop;
    int fd = socket_open_tcp(&real->sockets, tcp);
    if (fd < 0)
        return fd;
    int error = connect(fd, &tcp->to.any, address_len(&tcp->to)) < 0 ? -errno : 0;
    uint32_t index = real_open(real, fd, SOCKET_CONNECTING | SOCKET_READING, tcp->token);
    if (index != SOCKET_NONE && error != -EINPROGRESS) {
        real_at(real, index)->flags |= SOCKET_FAILED;
        real_at(real, index)->error = (int16_t)error;
        real_queue(real, index);
    }
    return opened(real, index);
}

static int64_t epoll_listen(struct loop *loop, const struct address *at, bool shared,
                            const char *congestion, uint64_t token)
{
    struct real *real = (struct real *)loop;
    int fd = socket_open_listener(&real->sockets, at, shared, congestion);
    return fd < 0 ? fd : opened(real, real_open_listener(real, fd, token));
}

static int64_t epoll_open_udp(struct loop *loop, const struct loop_udp *udp)
{
    struct real *real = (struct real *)loop;
    uint16_t flags = SOCKET_UDP | (udp->receive ? SOCKET_READING : 0);
    int fd = socket_open_udp(&real->sockets, udp);
    return fd < 0 ? fd : opened(real, real_open(real, fd, flags, udp->token));
}

static void on_listener(struct real *real, loop_socket name)
{
    struct record *listener;
    for (int i = 0; i < ACCEPTS && (listener = real_find(real, name)); i++) {
        struct address from = {0};
        socklen_t len = sizeof(from);
        int fd = accept4(listener->fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            real_accepted(real, loop_index(&real->loop, name), fd, &from);
        } else if (real_accept_lacks(-errno)) {
            real_refuse(real, name, -errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static void read_stream(struct real *real, loop_socket name)
{
    struct epoll_loop *self = of(real);
    struct record *record;
    for (int i = 0; i < TCP_READS && (record = real_find(real, name)); i++) {
        char control[REMARKS_TCP] __attribute__((aligned(8)));
        struct iovec part = {self->stream, self->stream_room};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        uint32_t index = loop_index(&real->loop, name);
        if (!real_wants_read(record))
            return;
        ssize_t got = recvmsg(record->fd, &message, MSG_DONTWAIT);
        if (got > 0)
            real_bytes(real, index, slice_make(self->stream, (size_t)got), remarks_read(&message));
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            real_ended(real, index, got == 0 ? 0 : -errno);
        if (got != (ssize_t)self->stream_room)
            return;
    }
}

static void ready_message(struct epoll_loop *self, int i)
{
    struct msghdr *message = &self->messages[i].msg_hdr;
    message->msg_namelen = sizeof(self->datagrams[i].from);
    message->msg_controllen = sizeof(self->datagrams[i].control);
}

/* False when the handler closed or paused the socket: what was read beyond is lost, as it would
   have been in the kernel's buffer. */
static bool deliver_datagram(struct real *real, loop_socket name, int i)
{
    struct epoll_loop *self = of(real);
    struct slice bytes = {self->datagrams[i].part.iov_base, self->messages[i].msg_len};
    struct remarks remarks = remarks_read(&self->messages[i].msg_hdr);
    real_datagram(real, loop_index(&real->loop, name), bytes, remarks, &self->datagrams[i].from);
    return real_find(real, name) != NULL;
}

static void read_datagrams(struct real *real, loop_socket name)
{
    struct epoll_loop *self = of(real);
    struct record *record;
    int got = DATAGRAMS;
    for (int i = 0; i < UDP_READS && got == DATAGRAMS && (record = real_find(real, name)); i++) {
        if (!real_wants_read(record))
            return;
        got = recvmmsg(record->fd, self->messages, DATAGRAMS, MSG_DONTWAIT, NULL);
        bool open = true;
        for (int k = 0; k < got; k++) {
            open = open && deliver_datagram(real, name, k);
            ready_message(self, k);
        }
    }
}

static void on_connecting(struct real *real, uint32_t index)
{
    real_connected(real, index, socket_take_error(real_at(real, index)->fd));
}

static void on_ready(struct real *real, const struct epoll_event *event)
{
    loop_socket name = event->data.u32;
    uint32_t index = loop_index(&real->loop, name);
    struct record *record = real_find(real, name);
    const uint32_t hang_up = EPOLLHUP | EPOLLERR;
    if (!record)
        return;
    if (record->flags & SOCKET_LISTENER) {
        on_listener(real, name);
    } else if (record->flags & SOCKET_CONNECTING) {
        on_connecting(real, index);
    } else {
        if (event->events & (EPOLLIN | hang_up)) {
            if (record->flags & SOCKET_UDP)
                read_datagrams(real, name);
            else
                read_stream(real, name);
        }
        record = real_find(real, name);
        if (record && (event->events & (EPOLLOUT | hang_up)) && (record->flags & SOCKET_WANTS_ROOM))
            real_writable(real, index);
    }
}

static int wait_ready(struct epoll_loop *self, int room, uint64_t patience_ns)
{
    struct timespec limit = {(time_t)(patience_ns / NS_PER_S), (long)(patience_ns % NS_PER_S)};
    const sigset_t *mask = &self->real.while_waiting;
    int got = -1;
    if (!self->no_pwait2) {
        got = epoll_pwait2(self->epoll_fd, self->ready, room,
                           patience_ns == TIME_NEVER ? NULL : &limit, mask);
        self->no_pwait2 = got < 0 && (errno == ENOSYS || errno == EPERM);
    }
    if (self->no_pwait2) {
        uint64_t ms = patience_ns == 0 ? 0 : (patience_ns - 1) / NS_PER_MS + 1;
        got = epoll_pwait(self->epoll_fd, self->ready, room,
                          patience_ns == TIME_NEVER ? -1 : (int)(ms < 60000 ? ms : 60000), mask);
    }
    assert(got >= 0 || errno == EINTR);
    return got > 0 ? got : 0;
}

/* Waits for the first event; when arrivals are to be gathered, sleeps and takes stock anew. */
static int gather(struct epoll_loop *self, uint64_t patience_ns, uint64_t coalesce_ns)
{
    int got = wait_ready(self, coalesce_ns > 0 && patience_ns > 0 ? 1 : READY, patience_ns);
    if (got == 0 || coalesce_ns == 0 || patience_ns == 0)
        return got;
    struct timespec pause = {(time_t)(coalesce_ns / NS_PER_S), (long)(coalesce_ns % NS_PER_S)};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    return wait_ready(self, READY, 0);
}

/* LOOP_FAULT_LATE: hands out the last turn's events, shuffled, and keeps this one's. */
static int delay(struct epoll_loop *self, int got)
{
    struct epoll_event fresh[READY];
    int late = self->held_count;
    memcpy(fresh, self->ready, sizeof(fresh[0]) * (size_t)got);
    memcpy(self->ready, self->held, sizeof(fresh[0]) * (size_t)late);
    memcpy(self->held, fresh, sizeof(fresh[0]) * (size_t)got);
    self->held_count = got;
    for (int i = late - 1; i > 0; i--) {
        int k = (int)rng_below(&self->shuffle, (uint64_t)i + 1);
        struct epoll_event swapped = self->ready[i];
        self->ready[i] = self->ready[k];
        self->ready[k] = swapped;
    }
    return late;
}

/* Everything that is ready is read before the next sleep: else many busy sockets fall behind. */
static void epoll_turn(struct loop *loop, uint64_t deadline_ns, uint64_t coalesce_ns)
{
    struct epoll_loop *self = (struct epoll_loop *)loop;
    struct real *real = &self->real;
    uint64_t patience_ns = self->held_count > 0 ? 0 : real_patience(real, deadline_ns);
    int got = gather(self, patience_ns, coalesce_ns);
    real_begin(real);
    if (loop->config.faults & LOOP_FAULT_LATE)
        got = delay(self, got);
    for (uint32_t left = loop->config.max_sockets / READY + 1; got > 0; left--) {
        for (int i = 0; i < got; i++)
            on_ready(real, &self->ready[i]);
        got = got == READY && left > 0 ? wait_ready(self, READY, 0) : 0;
    }
    real_settle(real);
}

static void epoll_free(struct loop *loop)
{
    struct epoll_loop *self = (struct epoll_loop *)loop;
    real_dispose(&self->real);
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
    if (self->stream)
        munmap(self->stream, TCP_BUFFER + DATAGRAMS * DATAGRAM_ROOM);
    free(self);
}

static const struct loop_ops ops = {
    .free = epoll_free,
    .turn = epoll_turn,
    .clock = real_clock,
    .wake = real_wake,
    .connect = epoll_connect,
    .listen = epoll_listen,
    .open_udp = epoll_open_udp,
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

static int map_buffers(struct epoll_loop *self)
{
    uint8_t *base = mmap(NULL, TCP_BUFFER + DATAGRAMS * DATAGRAM_ROOM, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -ENOMEM;
    self->stream = base;
    self->stream_room =
        self->real.loop.config.faults & LOOP_FAULT_NO_BUFFERS ? TINY_BUFFER : TCP_BUFFER;
    self->datagram_bytes = base + TCP_BUFFER;
    for (int i = 0; i < DATAGRAMS; i++) {
        struct datagram *datagram = &self->datagrams[i];
        struct msghdr *message = &self->messages[i].msg_hdr;
        datagram->part = (struct iovec){self->datagram_bytes + i * DATAGRAM_ROOM, DATAGRAM_ROOM};
        message->msg_name = &datagram->from;
        message->msg_iov = &datagram->part;
        message->msg_iovlen = 1;
        message->msg_control = datagram->control;
        ready_message(self, i);
    }
    return 0;
}

int loop_new_epoll(struct loop **out, const struct loop_config *config, loop_handler handler,
                   void *context)
{
    struct epoll_loop *self = calloc(1, sizeof(*self));
    if (!self)
        return -ENOMEM;
    int error = real_init(&self->real, &ops, config, handler, context);
    if (error) {
        free(self);
        return error;
    }
    self->real.ways = &ways;
    self->real.sockets.nonblocking = true;
    self->shuffle = rng_init(1, 0, 0);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    error = self->epoll_fd < 0 ? -errno : map_buffers(self);
    if (error) {
        epoll_free(&self->real.loop);
        return error;
    }
    strcpy(self->real.loop.description, "epoll");
    *out = &self->real.loop;
    return 0;
}
