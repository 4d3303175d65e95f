#include "net/real.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define REST_NS (100 * NS_PER_MS)
#define REFUSALS 64 /* in a row, before others get their turn */
#define READ_APART_NS (5 * NS_PER_US)
#define WAKE_SIGNAL SIGURG /* ignored by default, so a stray one does no harm */

static_assert(sizeof(struct record) == 32, "one per socket: keep it small");

static void on_signal(int number)
{
}

static void notify(void *context)
{
    struct real *real = context;
    if (!atomic_exchange(&real->resolved, true))
        syscall(SYS_tgkill, real->process, real->thread, WAKE_SIGNAL);
}

/* The signal only ends a wait: it is let in there and nowhere else, so none can come in between the
   look at the flags and the wait. */
static void init_waking(struct real *real)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t wake;
    sigaction(WAKE_SIGNAL, &action, NULL);
    sigemptyset(&wake);
    sigaddset(&wake, WAKE_SIGNAL);
    pthread_sigmask(SIG_BLOCK, &wake, &real->while_waiting);
    sigdelset(&real->while_waiting, WAKE_SIGNAL);
    real->process = getpid();
    real->thread = gettid();
}

/* Both clocks at the same moment: anew when the thread lost its processor between the two. */
static void measure_time(struct real *real)
{
    uint64_t before_ns, wall_ns;
    for (int attempt = 0; attempt < 3; attempt++) {
        before_ns = clock_monotonic_ns();
        wall_ns = clock_realtime_ns();
        real->loop.now_ns = clock_monotonic_ns();
        if (real->loop.now_ns - before_ns < READ_APART_NS)
            break;
    }
    stamper_measure(&real->stamper, real->loop.now_ns, wall_ns);
}

int real_init(struct real *real, const struct loop_ops *ops, const struct loop_config *config,
              loop_handler handler, void *context)
{
    loop_init(&real->loop, ops, config, handler, context);
    real->sockets.denied = config->denied;
    real->settle_first = real->settle_last = SOCKET_NONE;
    real->rest_until_ns = TIME_NEVER;
    real->spare = -1;
    if (pool_init(&real->records, sizeof(struct record), config->max_sockets) < 0)
        return -ENOMEM;
    real->resolver = resolver_new(notify, real);
    if (!real->resolver) {
        pool_dispose(&real->records);
        return -ENOMEM;
    }
    init_waking(real);
    measure_time(real);
    return 0;
}

void real_dispose(struct real *real)
{
    resolver_free(real->resolver);
    if (real->spare >= 0)
        close(real->spare);
    for (uint32_t i = 0; i < real->records.touched; i++) {
        if (real_at(real, i)->generation > 0 && real_at(real, i)->fd >= 0)
            close(real_at(real, i)->fd);
    }
    pool_dispose(&real->records);
}

struct record *real_find(const struct real *real, loop_socket socket)
{
    uint32_t index = loop_index(&real->loop, socket);
    if (index >= real->records.touched)
        return NULL;
    struct record *record = real_at(real, index);
    if (record->generation != loop_generation(&real->loop, socket) || record->fd < 0 ||
        (record->flags & SOCKET_CLOSING))
        return NULL;
    return record;
}

loop_socket real_name(const struct real *real, uint32_t index)
{
    return loop_name(&real->loop, index, real_at(real, index)->generation);
}

uint32_t real_open(struct real *real, int fd, uint16_t flags, uint64_t token)
{
    uint32_t index = pool_take(&real->records);
    if (index == POOL_NONE) {
        close(fd);
        return SOCKET_NONE;
    }
    struct record *record = real_at(real, index);
    uint16_t generation = loop_next_generation(&real->loop, record->generation);
    *record = (struct record){.token = token, .fd = fd, .generation = generation, .flags = flags};
    return index;
}

void real_closed(struct real *real, uint32_t index)
{
    struct record *record = real_at(real, index);
    assert((record->flags & SOCKET_CLOSING) && record->inflight == 0);
    close(record->fd);
    record->fd = -1;
    real_queue(real, index);
}

void real_queue(struct real *real, uint32_t index)
{
    struct record *record = real_at(real, index);
    if (record->flags & SOCKET_QUEUED)
        return;
    record->flags |= SOCKET_QUEUED;
    record->next = SOCKET_NONE;
    if (real->settle_first == SOCKET_NONE)
        real->settle_first = index;
    else
        real_at(real, real->settle_last)->next = index;
    real->settle_last = index;
}

static struct loop_event event_of(const struct real *real, uint32_t index,
                                  enum loop_event_type type, int error)
{
    return (struct loop_event){.type = type,
                               .error = error,
                               .socket = real_name(real, index),
                               .token = real_at(real, index)->token,
                               .arrival_ns = real->loop.now_ns};
}

static void settle_one(struct real *real, uint32_t index)
{
    struct record *record = real_at(real, index);
    record->flags &= (uint16_t)~SOCKET_QUEUED;
    if ((record->flags & SOCKET_CLOSING) && record->fd < 0) {
        struct loop_event event = event_of(real, index, LOOP_CLOSED, 0);
        pool_give(&real->records, index);
        loop_emit(&real->loop, &event);
    } else if ((record->flags & (SOCKET_CLOSING | SOCKET_FAILED)) == SOCKET_FAILED) {
        record->flags &= (uint16_t)~SOCKET_FAILED;
        real_connected(real, index, record->error);
    } else if (!(record->flags & SOCKET_CLOSING)) {
        real->ways->refresh(real, index);
    }
}

/* What handlers queue meanwhile is for the next turn: a handler that always closes and opens can't
   keep this one from ending. */
void real_settle(struct real *real)
{
    uint32_t index = real->settle_first;
    real->settle_first = real->settle_last = SOCKET_NONE;
    while (index != SOCKET_NONE) {
        uint32_t next = real_at(real, index)->next;
        settle_one(real, index);
        index = next;
    }
}

uint64_t real_patience(const struct real *real, uint64_t deadline_ns)
{
    uint64_t until_ns = deadline_ns < real->rest_until_ns ? deadline_ns : real->rest_until_ns;
    if (real->settle_first != SOCKET_NONE || atomic_load(&real->woken) ||
        atomic_load(&real->resolved))
        return 0;
    if (until_ns == TIME_NEVER)
        return TIME_NEVER;
    uint64_t now_ns = clock_monotonic_ns();
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

static void deliver_answers(struct real *real)
{
    struct resolution answer;
    while (resolver_answer(real->resolver, &answer)) {
        struct loop_event event = {.type = LOOP_RESOLVED,
                                   .error = answer.error,
                                   .token = answer.token,
                                   .arrival_ns = real->loop.now_ns,
                                   .addresses = answer.addresses,
                                   .address_count = answer.count};
        loop_emit(&real->loop, &event);
    }
}

static void end_rest(struct real *real)
{
    real->rest_until_ns = TIME_NEVER;
    for (uint32_t i = 0; i < real->records.touched; i++) {
        struct record *record = real_at(real, i);
        if (record->fd >= 0 && (record->flags & SOCKET_RESTING)) {
            record->flags &= (uint16_t)~SOCKET_RESTING;
            real_queue(real, i);
        }
    }
}

void real_begin(struct real *real)
{
    measure_time(real);
    if (atomic_exchange(&real->woken, false)) {
        struct loop_event event = {.type = LOOP_WOKEN, .arrival_ns = real->loop.now_ns};
        loop_emit(&real->loop, &event);
    }
    if (atomic_exchange(&real->resolved, false))
        deliver_answers(real);
    if (real->loop.now_ns >= real->rest_until_ns)
        end_rest(real);
}

static void rest(struct real *real, uint32_t listener)
{
    real_at(real, listener)->flags |= SOCKET_RESTING;
    real_queue(real, listener);
    if (real->rest_until_ns == TIME_NEVER)
        real->rest_until_ns = real->loop.now_ns + REST_NS;
}

static void keep_spare(struct real *real)
{
    if (real->spare < 0)
        real->spare = eventfd(0, EFD_CLOEXEC);
}

uint32_t real_open_listener(struct real *real, int fd, uint64_t token)
{
    keep_spare(real);
    return real_open(real, fd, SOCKET_LISTENER, token);
}

static void give_spare(struct real *real)
{
    if (real->spare >= 0)
        close(real->spare);
    real->spare = -1;
}

/* A descriptor, or -errno: -EAGAIN when none waits. The listener may be a blocking one. */
static int accept_next(const struct real *real, int listener, struct address *from)
{
    struct pollfd waiting = {.fd = listener, .events = POLLIN};
    int flags = SOCK_CLOEXEC | (real->sockets.nonblocking ? SOCK_NONBLOCK : 0);
    socklen_t len = sizeof(*from);
    int ready = poll(&waiting, 1, 0); /* -EINVAL where not even one descriptor is allowed */
    if (ready != 1)
        return ready < 0 ? -errno : -EAGAIN;
    int fd = accept4(listener, &from->any, &len, flags);
    return fd < 0 ? -errno : fd;
}

static void refused(struct real *real, uint32_t listener, int fd, int error)
{
    struct loop_event event = event_of(real, listener, LOOP_REFUSED, error);
    socket_linger_none(fd);
    close(fd);
    keep_spare(real);
    loop_emit(&real->loop, &event);
}

/* Accepts the next one after all, if there is a descriptor by now; else takes it in the spare one's
   place, to reset it. 0 or -errno. */
static int refuse_next(struct real *real, uint32_t listener, int error)
{
    struct address from = {0};
    int fd = accept_next(real, real_at(real, listener)->fd, &from);
    if (fd >= 0) {
        real_accepted(real, listener, fd, &from);
        return 0;
    }
    if (!real_accept_lacks(fd))
        return fd;
    give_spare(real);
    fd = accept_next(real, real_at(real, listener)->fd, &from);
    if (fd >= 0)
        refused(real, listener, fd, error);
    else
        keep_spare(real);
    return fd < 0 ? fd : 0;
}

/* io_uring says that it lacks a descriptor when nobody waits for one, too: then the listener rests,
   or it would say so again at once. */
void real_refuse(struct real *real, loop_socket listener, int error)
{
    uint32_t index = loop_index(&real->loop, listener);
    int failed = 0, served = 0;
    while (served < REFUSALS && failed == 0 && real_find(real, listener)) {
        failed = refuse_next(real, index, error);
        served += failed == 0;
    }
    if (failed != 0 && (served == 0 || failed != -EAGAIN))
        rest(real, index);
}

bool real_accept_lacks(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* The kernel's stamp, else the time of the read. What arrived since the turn began moves the turn's
   time along, so that no event is ever later than loop_now. */
static void set_arrival(struct real *real, struct loop_event *event, uint64_t stamp_ns)
{
    struct loop *loop = &real->loop;
    uint64_t at_ns = stamper_convert(&real->stamper, stamp_ns, loop->now_ns);
    if (at_ns == 0) {
        loop->now_ns = clock_monotonic_ns();
        at_ns = stamper_convert(&real->stamper, stamp_ns, loop->now_ns);
    }
    event->arrival_is_kernels = at_ns > 0;
    event->arrival_ns = at_ns > 0 ? at_ns : loop->now_ns;
}

void real_connected(struct real *real, uint32_t index, int error)
{
    struct record *record = real_at(real, index);
    struct loop_event event = event_of(real, index, LOOP_CONNECTED, error);
    record->flags &= (uint16_t)~SOCKET_CONNECTING;
    if (error)
        record->flags |= SOCKET_ENDED;
    real_queue(real, index);
    loop_emit(&real->loop, &event);
}

void real_accepted(struct real *real, uint32_t listener, int fd, const struct address *from)
{
    if (real->records.in_use == real->records.capacity) {
        refused(real, listener, fd, -EMFILE);
        return;
    }
    uint32_t index = real_open(real, fd, 0, real_at(real, listener)->token);
    struct loop_event event = event_of(real, listener, LOOP_ACCEPTED, 0);
    event.accepted = real_name(real, index);
    event.from = from;
    loop_emit(&real->loop, &event);
}

void real_bytes(struct real *real, uint32_t index, struct slice bytes, struct remarks remarks)
{
    struct loop_event event = event_of(real, index, LOOP_BYTES, 0);
    event.bytes = bytes;
    event.unread = remarks.unread;
    set_arrival(real, &event, remarks.stamp_ns);
    loop_emit(&real->loop, &event);
}

void real_datagram(struct real *real, uint32_t index, struct slice bytes, struct remarks remarks,
                   const struct address *from)
{
    struct record *record = real_at(real, index);
    if (remarks.has_drops)
        record->drops = remarks.drops;
    struct loop_event event = event_of(real, index, LOOP_DATAGRAM, 0);
    bool aggregate = remarks.segment > 0 && remarks.segment < bytes.len;
    event.bytes = bytes;
    event.segment = aggregate ? remarks.segment : (uint32_t)bytes.len;
    event.drops = record->drops;
    event.from = from;
    set_arrival(real, &event, remarks.stamp_ns);
    loop_emit(&real->loop, &event);
}

void real_ended(struct real *real, uint32_t index, int error)
{
    struct loop_event event = event_of(real, index, error ? LOOP_BROKEN : LOOP_EOF, error);
    real_at(real, index)->flags |= SOCKET_ENDED;
    real_queue(real, index);
    loop_emit(&real->loop, &event);
}

void real_writable(struct real *real, uint32_t index)
{
    struct loop_event event = event_of(real, index, LOOP_WRITABLE, 0);
    real_at(real, index)->flags &= (uint16_t)~SOCKET_WANTS_ROOM;
    real_queue(real, index);
    loop_emit(&real->loop, &event);
}

uint64_t real_clock(const struct loop *loop)
{
    return clock_monotonic_ns();
}

void real_wake(struct loop *loop)
{
    struct real *real = (struct real *)loop;
    if (!atomic_exchange(&real->woken, true))
        syscall(SYS_tgkill, real->process, real->thread, WAKE_SIGNAL);
}

int64_t real_send(struct loop *loop, loop_socket socket, const struct iovec *parts, int count)
{
    struct record *record = real_find((struct real *)loop, socket);
    if (!record)
        return -EBADF;
    return record->flags & SOCKET_CONNECTING ? -EAGAIN : socket_send(record->fd, parts, count);
}

int real_send_to(struct loop *loop, loop_socket socket, const struct address *to,
                 struct slice bytes, uint32_t segment)
{
    struct record *record = real_find((struct real *)loop, socket);
    if (!record)
        return -EBADF;
    return socket_send_to(record->fd, to, bytes, segment, !(loop->config.denied & LOOP_DENY_GSO));
}

void real_want_writable(struct loop *loop, loop_socket socket)
{
    struct real *real = (struct real *)loop;
    struct record *record = real_find(real, socket);
    if (!record)
        return;
    record->flags |= SOCKET_WANTS_ROOM;
    real->ways->refresh(real, loop_index(loop, socket));
}

void real_set_token(struct loop *loop, loop_socket socket, uint64_t token)
{
    struct real *real = (struct real *)loop;
    struct record *record = real_find(real, socket);
    if (!record)
        return;
    record->token = token;
    if (record->flags & (SOCKET_READING | SOCKET_LISTENER | SOCKET_UDP))
        return;
    record->flags |= SOCKET_READING; /* it was accepted, and waited for this */
    real->ways->refresh(real, loop_index(loop, socket));
}

void real_pause(struct loop *loop, loop_socket socket, bool paused)
{
    struct real *real = (struct real *)loop;
    struct record *record = real_find(real, socket);
    if (!record)
        return;
    record->flags &= (uint16_t)~SOCKET_PAUSED;
    record->flags |= paused ? SOCKET_PAUSED : 0;
    real->ways->refresh(real, loop_index(loop, socket));
}

void real_shutdown(struct loop *loop, loop_socket socket)
{
    struct record *record = real_find((struct real *)loop, socket);
    /* While connecting it would undo the connect. */
    if (record && !(record->flags & SOCKET_CONNECTING))
        shutdown(record->fd, SHUT_WR);
}

void real_close(struct loop *loop, loop_socket socket, bool reset)
{
    struct real *real = (struct real *)loop;
    struct record *record = real_find(real, socket);
    if (!record)
        return;
    record->flags |= SOCKET_CLOSING;
    real->ways->release(real, loop_index(loop, socket), reset);
}

void real_quickack_off(struct loop *loop, loop_socket socket)
{
    struct record *record = real_find((struct real *)loop, socket);
    if (record)
        socket_quickack_off(record->fd);
}

uint32_t real_udp_drops(struct loop *loop, loop_socket socket)
{
    struct record *record = real_find((struct real *)loop, socket);
    return record ? socket_drops(record->fd) : 0;
}

uint32_t real_unacked(struct loop *loop, loop_socket socket)
{
    struct record *record = real_find((struct real *)loop, socket);
    return record ? socket_unacked(record->fd) : 0;
}

uint32_t real_rcvbuf(struct loop *loop, loop_socket socket)
{
    struct record *record = real_find((struct real *)loop, socket);
    return record ? socket_rcvbuf(record->fd) : 0;
}

bool real_local_address(struct loop *loop, loop_socket socket, struct address *out)
{
    struct record *record = real_find((struct real *)loop, socket);
    return record && socket_local_address(record->fd, out);
}

int real_resolve(struct loop *loop, struct slice host, uint16_t port, uint64_t token)
{
    return resolver_ask(((struct real *)loop)->resolver, host, port, token);
}
