/* socket.h - creates and tunes the kernel's sockets for the real backends; functions of a
 * descriptor. */
#pragma once

#include "net/loop.h"

/* What a backend wants of its sockets, beside what the caller of loop.h asks for. */
struct socket_ways {
    uint32_t denied;  /* LOOP_DENY_TIMESTAMP, _INQ, _GRO, _GSO */
    bool nonblocking; /* io_uring waits by itself, and better for blocking sockets */
};

/* A TCP socket ready for connect(), bound if asked to. A descriptor or -errno. */
int socket_open_tcp(const struct socket_ways *ways, const struct loop_tcp *tcp);

/* A listening socket; what it accepts inherits its options. A descriptor or -errno. */
int socket_open_listener(const struct socket_ways *ways, const struct address *at, bool shared,
                         const char *congestion);

/* A bound UDP socket. A descriptor or -errno. */
int socket_open_udp(const struct socket_ways *ways, const struct loop_udp *udp);

/* As loop_send. */
int64_t socket_send(int fd, const struct iovec *parts, int count);

/* As loop_send_to; gso false: one datagram at a time. */
int socket_send_to(int fd, const struct address *to, struct slice bytes, uint32_t segment,
                   bool gso);

/* Makes close() send RST. */
void socket_linger_none(int fd);

/* Drops what was received and not read, which would turn the FIN of a close into an RST. */
void socket_discard(int fd);

/* The pending error as -errno, and forgets it. */
int socket_take_error(int fd);

void socket_quickack_off(int fd);
uint32_t socket_drops(int fd);
uint32_t socket_unacked(int fd);
uint32_t socket_rcvbuf(int fd);
bool socket_local_address(int fd, struct address *out);
