/* loop.h - sockets and time for one shard: one interface over io_uring, epoll and a simulated
 * network.
 *
 * A loop belongs to the thread that made it; only loop_wake may be called from others. Events come
 * out of loop_turn. A send is tried at once; there is no queue of bytes here. Everything is sized
 * when the loop is made: nothing is allocated afterwards (but by the resolver's thread). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/slice.h"
#include "net/address.h"

struct loop;
struct sim;

enum loop_kind { LOOP_URING, LOOP_EPOLL, LOOP_SIM };

struct loop_config {
    enum loop_kind kind;
    uint32_t max_sockets; /* that can be open at a time, listeners included */
    uint32_t denied;      /* LOOP_DENY_*: kernel features to do without */
    uint32_t faults;      /* LOOP_FAULT_*: forced by tests of the real backends */
    struct sim *sim;      /* LOOP_SIM: the network to join; borrowed */
};

/* Kernel features that are probed for when the loop is made, or denied by RTSPBENCH_DENY. */
enum {
    LOOP_DENY_URING = 1,         /* io_uring as a whole: loop_new gives -EPERM for LOOP_URING */
    LOOP_DENY_MIN_WAIT = 2,      /* Linux 6.12 */
    LOOP_DENY_DEFER_TASKRUN = 4, /* 6.1 */
    LOOP_DENY_BUFFER_RING = 8,   /* 5.19: without it LOOP_URING is refused, like URING */
    LOOP_DENY_MULTISHOT = 16,    /* 6.0: likewise */
    LOOP_DENY_GRO = 32,          /* UDP_GRO, 5.0 */
    LOOP_DENY_GSO = 64,          /* UDP_SEGMENT, 4.18 */
    LOOP_DENY_TIMESTAMP = 128,   /* SO_TIMESTAMPNS: arrival is then the time of the read */
    LOOP_DENY_INQ = 256,         /* TCP_INQ, 4.18 */
};

enum {
    LOOP_FAULT_NO_BUFFERS = 1, /* a receive ring of 2 buffers */
    LOOP_FAULT_LOSE_MORE = 2,  /* every 3rd multishot is ended after a completion */
    LOOP_FAULT_LATE = 4,       /* completions are handed out a turn later, in a shuffled order */
};

/* Parses a comma-separated list such as "min_wait,gro" (the names above, lower case). NULL or
   empty: 0. False names the first unknown word in bad. */
bool loop_parse_denied(const char *list, uint32_t *denied, struct slice *bad);

/* Names an open socket of this loop; never 0. Reused only after its LOOP_CLOSED was delivered, and
   then with another generation inside. */
typedef uint32_t loop_socket;

enum loop_event_type {
    LOOP_CONNECTED, /* error 0, or what connect said: then only loop_close is left to do */
    LOOP_ACCEPTED,  /* on a listener: accepted is the new socket, from its peer. It inherits the
                       listener's  token until loop_set_token; reading starts with that call */
    LOOP_REFUSED, /* on a listener: a connection was reset, since there was no descriptor, memory or
                     room among max_sockets for it (error: -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM) */
    LOOP_BYTES,   /* TCP: bytes, arrival, unread */
    LOOP_DATAGRAM, /* UDP: one datagram, or several of one sender in a row (segment < bytes.len) */
    LOOP_WRITABLE, /* after loop_want_writable, once */
    LOOP_EOF,      /* the peer will send no more; we may still */
    LOOP_BROKEN,   /* the connection failed (error): only loop_close is left to do */
    LOOP_CLOSED,   /* after loop_close: nothing of this socket is in flight any more */
    LOOP_RESOLVED, /* after loop_resolve: error 0 and addresses, or -ENOENT */
    LOOP_WOKEN,    /* after loop_wake, at least once, token 0 */
};

struct loop_event {
    enum loop_event_type type;
    int error; /* 0 or -errno */
    loop_socket socket;
    loop_socket accepted;
    uint64_t token;     /* of the socket, as set at this moment */
    struct slice bytes; /* valid until the handler returns */
    uint32_t segment;   /* size of each datagram in bytes but the last, which may be shorter */
    uint32_t unread; /* TCP: bytes still in the kernel after this read; 0 where unknown, 1 also when
                        only the end of file is left */
    uint32_t
        drops; /* UDP: the socket's drop counter as of this datagram (SO_RXQ_OVFL), since open */
    bool arrival_is_kernels;         /* else arrival is the time of the read */
    uint64_t arrival_ns;             /* monotonic */
    const struct address *from;      /* DATAGRAM, ACCEPTED */
    const struct address *addresses; /* RESOLVED */
    unsigned address_count;
};

typedef void (*loop_handler)(void *context, const struct loop_event *event);

/* 0, or -errno: -EPERM or -ENOSYS when the backend is refused here, -ENOMEM, -EMFILE. The real
   backends block SIGURG in this thread: loop_wake goes by it, since an eventfd wouldn't reach a
   thread with a file table of its own. */
int loop_new(struct loop **out, const struct loop_config *config, loop_handler handler,
             void *context);
void loop_free(struct loop *loop);

/* One turn: waits until something happened, deadline_ns passed or loop_wake was called, then
   delivers what is there, all of it (io_uring may leave some for the next turn, which then doesn't
   wait). With coalesce_ns > 0 it gathers arrivals for that long once the first is there (0 to 5
   ms); io_uring with min-wait counts that time from the turn's beginning. */
void loop_turn(struct loop *loop, uint64_t deadline_ns, uint64_t coalesce_ns);

/* Monotonic time as of this turn's waking, or of a later arrival that the turn has delivered since:
   no event's arrival is after it. Sim: the virtual time. */
uint64_t loop_now(const struct loop *loop);

/* Time of this instant, not of the turn. */
uint64_t loop_clock(const struct loop *loop);

/* Makes the current or next loop_turn return. Safe from any thread and from a signal handler. */
void loop_wake(struct loop *loop);

/* "io_uring (multishot recvmsg, min-wait)", "epoll": for the result and doctor. */
const char *loop_describe(const struct loop *loop);

struct loop_tcp {
    struct address to;
    struct address
        from; /* none: the system's choice; port 0: chosen late (IP_BIND_ADDRESS_NO_PORT) */
    uint64_t token;
    int rcvbuf;             /* SO_RCVBUF in bytes, 0: the system's */
    int unsent_max;         /* TCP_NOTSENT_LOWAT in bytes: full beyond that; 0: the system's */
    bool freebind;          /* from need not be an address of this machine's (IP_FREEBIND) */
    const char *congestion; /* NULL: the system's */
};

/* Starts to connect; LOOP_CONNECTED follows. A socket, or -errno (-EMFILE also when max_sockets are
   open). SO_REUSEADDR, TCP_NODELAY and kernel time stamps are set. */
int64_t loop_connect(struct loop *loop, const struct loop_tcp *tcp);

/* Listens with SO_REUSEADDR, and SO_REUSEPORT when shared (several loops on one port). What is
   can't be accepted is reset, and LOOP_REFUSED says so; where not even that can be done (there is
   no descriptor to take the connection with), it waits. The sim answers "connection refused". */
int64_t loop_listen(struct loop *loop, const struct address *at, bool shared,
                    const char *congestion, uint64_t token);

struct loop_udp {
    struct address at; /* port 0: any */
    uint64_t token;
    int rcvbuf; /* bytes asked for; SO_RCVBUFFORCE first, then SO_RCVBUF. 0: the system's */
    bool gro;
    bool receive;  /* false: for sending only */
    bool freebind; /* as of loop_tcp */
};

/* Binds. A socket, or -errno (-EADDRINUSE). SO_RXQ_OVFL and kernel time stamps are on. */
int64_t loop_open_udp(struct loop *loop, const struct loop_udp *udp);

/* Bytes taken (0 to all of them; fewer than all means full), or -errno. -EAGAIN: none now. */
int64_t loop_send(struct loop *loop, loop_socket socket, const struct iovec *parts, int count);

/* One datagram; or, with segment < bytes.len, several of that size in one call (GSO, or one by one
   where the kernel can't). 0 or -errno; -EAGAIN when the send buffer is full. Of several, some may
   have gone when there was still no room after 20 ms. */
int loop_send_to(struct loop *loop, loop_socket socket, const struct address *to,
                 struct slice bytes, uint32_t segment);

/* LOOP_WRITABLE follows once when there is room again. */
void loop_want_writable(struct loop *loop, loop_socket socket);

void loop_set_token(struct loop *loop, loop_socket socket, uint64_t token);

/* Stop and restart delivering what the socket receives (a slow reader: the kernel's buffer fills).
   With io_uring, what had been read already is still delivered after a stop. */
void loop_pause(struct loop *loop, loop_socket socket, bool paused);

/* Half-close: no more to send. Nothing happens before LOOP_CONNECTED. */
void loop_shutdown(struct loop *loop, loop_socket socket);

/* Ends a socket. No event of it follows but LOOP_CLOSED, which always does, in a later turn or this
   one, never inside this call. With reset: RST instead of FIN. */
void loop_close(struct loop *loop, loop_socket socket, bool reset);

/* TCP_QUICKACK off, to be said again a few times a second: it lasts until a delayed ACK fires. */
void loop_quickack_off(struct loop *loop, loop_socket socket);

/* Datagrams this socket dropped since it was opened for want of buffer (SO_MEMINFO,
 * SK_MEMINFO_DROPS). */
uint32_t loop_udp_drops(struct loop *loop, loop_socket socket);

/* TCP: bytes sent that the peer's system has not acknowledged (SIOCOUTQ). What it has acknowledged
   its process need not have read. Sim: bytes that the peer has not read. */
uint32_t loop_unacked(struct loop *loop, loop_socket socket);

/* The receive buffer in force, in bytes as the kernel accounts them (SO_RCVBUF as read). */
uint32_t loop_rcvbuf(struct loop *loop, loop_socket socket);

bool loop_local_address(struct loop *loop, loop_socket socket, struct address *out);

/* Looks a host name up on a thread of its own; LOOP_RESOLVED follows with that token. -errno when
   it can't even be asked. Numeric addresses are answered too. */
int loop_resolve(struct loop *loop, struct slice host, uint16_t port, uint64_t token);
