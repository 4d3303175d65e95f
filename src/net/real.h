/* real.h - what io_uring and epoll share: the table of sockets, waking, resolving, time. */
#pragma once

#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "net/backend.h"
#include "net/resolve.h"
#include "net/socket.h"
#include "net/stamp.h"

enum {
    SOCKET_LISTENER = 1,
    SOCKET_UDP = 2,
    SOCKET_CONNECTING = 4,
    SOCKET_FAILED = 8,   /* connect said error at once: still to be delivered */
    SOCKET_READING = 16, /* what it receives is wanted, unless paused or ended */
    SOCKET_PAUSED = 32,
    SOCKET_ENDED = 64, /* end of file or broken: there is nothing more to read */
    SOCKET_WANTS_ROOM = 128,
    SOCKET_CLOSING = 256,  /* the user is done with it; its name is void */
    SOCKET_QUEUED = 512,   /* on the list of what to settle */
    SOCKET_RESTING = 1024, /* a listener that waits for free descriptors */
};

#define SOCKET_NONE UINT32_MAX

/* One open socket. A record is given back when it is closed and none of its operations is in
 * flight. */
struct record {
    uint64_t token;
    int32_t fd;
    uint32_t next;  /* on the list of what to settle */
    uint32_t drops; /* SO_RXQ_OVFL as last said */
    uint16_t generation;
    uint16_t flags;
    int16_t error;    /* of SOCKET_FAILED, -errno */
    uint8_t armed;    /* what the backend has asked the kernel for: its own bits */
    uint8_t inflight; /* io_uring: operations whose last completion is to come */
};

struct real;

/* What the shared part asks of its backend. */
struct real_ways {
    /* Asks the kernel for what the flags now want (reading or not, room to write). */
    void (*refresh)(struct real *real, uint32_t index);
    /* The flags say CLOSING: lets go of the socket; real_closed when nothing is in flight. */
    void (*release)(struct real *real, uint32_t index, bool reset);
};

struct real {
    struct loop loop; /* first: a loop is cast to this */
    const struct real_ways *ways;
    struct pool records;
    struct socket_ways sockets;
    struct stamper stamper;
    struct resolver *resolver;
    int spare; /* a descriptor given up to refuse a connection with; -1: none */
    pid_t process;
    pid_t thread;
    sigset_t while_waiting; /* signal mask: the wake-up comes through */
    atomic_bool woken;
    atomic_bool resolved;
    uint32_t settle_first; /* records with something to do at the turn's end */
    uint32_t settle_last;
    uint64_t
        rest_until_ns; /* listeners out of descriptors try again then; TIME_NEVER: none rests */
};

/* 0 or -ENOMEM. Blocks SIGURG in this thread, which is how loop_wake gets through: it reaches a
   thread with a file table of its own, which an eventfd made there doesn't. */
int real_init(struct real *real, const struct loop_ops *ops, const struct loop_config *config,
              loop_handler handler, void *context);

/* Closes every descriptor. */
void real_dispose(struct real *real);

static inline struct record *real_at(const struct real *real, uint32_t index)
{
    return pool_at(&real->records, index);
}

/* The record of an open socket, NULL for a stale name. */
struct record *real_find(const struct real *real, loop_socket socket);
loop_socket real_name(const struct real *real, uint32_t index);

/* Takes a record for a descriptor; closes that and gives SOCKET_NONE when there is none left. */
uint32_t real_open(struct real *real, int fd, uint16_t flags, uint64_t token);

/* Closes the descriptor and queues LOOP_CLOSED. */
void real_closed(struct real *real, uint32_t index);

/* Has the record looked at when the turn ends. */
void real_queue(struct real *real, uint32_t index);

/* Delivers what is queued: LOOP_CLOSED, failed connects; refreshes the others. */
void real_settle(struct real *real);

/* How long to wait at most: 0 when something is there already. */
uint64_t real_patience(const struct real *real, uint64_t deadline_ns);

/* After the wait: the time, wake-ups, answers of the resolver, listeners that rested. */
void real_begin(struct real *real);

static inline bool real_wants_read(const struct record *record)
{
    const uint16_t mask = SOCKET_READING | SOCKET_PAUSED | SOCKET_ENDED | SOCKET_CONNECTING;
    return (record->flags & mask) == SOCKET_READING;
}

/* Deliver one event of a socket. Afterwards the socket may be closed: find it anew. */
void real_connected(struct real *real, uint32_t index, int error);
void real_accepted(struct real *real, uint32_t listener, int fd, const struct address *from);
void real_bytes(struct real *real, uint32_t index, struct slice bytes, struct remarks remarks);
void real_datagram(struct real *real, uint32_t index, struct slice bytes, struct remarks remarks,
                   const struct address *from);
void real_ended(struct real *real, uint32_t index, int error); /* 0: end of file */
void real_writable(struct real *real, uint32_t index);

/* A listener's descriptor with its spare one beside it; closes it where there is no record left. */
uint32_t real_open_listener(struct real *real, int fd, uint64_t token);

/* Accepting failed with that error, which real_accept_lacks: resets the connections that wait, up
   to 64, each told as LOOP_REFUSED. Where that fails, too, the listener rests for 100 ms. */
void real_refuse(struct real *real, loop_socket listener, int error);

/* Errors that pass: out of descriptors or memory, or a connection that died before its accept. */
bool real_accept_lacks(int error);

/* The shared members of struct loop_ops. */
uint64_t real_clock(const struct loop *loop);
void real_wake(struct loop *loop);
int64_t real_send(struct loop *loop, loop_socket socket, const struct iovec *parts, int count);
int real_send_to(struct loop *loop, loop_socket socket, const struct address *to,
                 struct slice bytes, uint32_t segment);
void real_want_writable(struct loop *loop, loop_socket socket);
void real_set_token(struct loop *loop, loop_socket socket, uint64_t token);
void real_pause(struct loop *loop, loop_socket socket, bool paused);
void real_shutdown(struct loop *loop, loop_socket socket);
void real_close(struct loop *loop, loop_socket socket, bool reset);
void real_quickack_off(struct loop *loop, loop_socket socket);
uint32_t real_udp_drops(struct loop *loop, loop_socket socket);
uint32_t real_unacked(struct loop *loop, loop_socket socket);
uint32_t real_rcvbuf(struct loop *loop, loop_socket socket);
bool real_local_address(struct loop *loop, loop_socket socket, struct address *out);
int real_resolve(struct loop *loop, struct slice host, uint16_t port, uint64_t token);
