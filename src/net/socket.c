#include "net/socket.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define GSO_SEGMENTS 64      /* UDP_MAX_SEGMENTS of kernels before 6.9 */
#define GSO_BYTES 65000u     /* an IP packet, less every header */
#define ROOM_WAIT_MS 20      /* for the rest of a run of datagrams that was begun */
#define LISTEN_BACKLOG 65535 /* the kernel caps it at net.core.somaxconn */

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int fail(int fd, int error)
{
    close(fd);
    return error;
}

static int open_socket(const struct socket_ways *ways, sa_family_t family, int type)
{
    int flags = SOCK_CLOEXEC | (ways->nonblocking ? SOCK_NONBLOCK : 0);
    int fd = socket(family, type | flags, 0);
    return fd < 0 ? -errno : fd;
}

static int bind_to(int fd, const struct address *at)
{
    return bind(fd, &at->any, address_len(at)) < 0 ? -errno : 0;
}

/* None of these is worth failing for: each has a fallback that the caller can see. */
static void tune_stream(int fd, const struct socket_ways *ways)
{
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (!(ways->denied & LOOP_DENY_TIMESTAMP))
        set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (!(ways->denied & LOOP_DENY_INQ))
        set(fd, IPPROTO_TCP, TCP_INQ, 1);
}

static int set_congestion(int fd, const char *name)
{
    if (!name)
        return 0;
    size_t len = strlen(name);
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)len) < 0 ? -errno : 0;
}

static void allow_any(int fd, sa_family_t family)
{
    if (family == AF_INET6)
        set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    else
        set(fd, IPPROTO_IP, IP_FREEBIND, 1);
}

static int bind_source(int fd, const struct loop_tcp *tcp)
{
    if (tcp->from.family == AF_UNSPEC)
        return 0;
    if (address_port(&tcp->from) == 0)
        set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (tcp->freebind)
        allow_any(fd, tcp->from.family);
    return bind_to(fd, &tcp->from);
}

int socket_open_tcp(const struct socket_ways *ways, const struct loop_tcp *tcp)
{
    int fd = open_socket(ways, tcp->to.family, SOCK_STREAM);
    if (fd < 0)
        return fd;
    tune_stream(fd, ways);
    /* Keeps our TIME_WAITs from blocking the bind of a server that is restarted. */
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (tcp->rcvbuf > 0)
        set(fd, SOL_SOCKET, SO_RCVBUF, tcp->rcvbuf);
    if (tcp->unsent_max > 0)
        set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, tcp->unsent_max);
    int error = set_congestion(fd, tcp->congestion);
    if (error == 0)
        error = bind_source(fd, tcp);
    return error ? fail(fd, error) : fd;
}

int socket_open_listener(const struct socket_ways *ways, const struct address *at, bool shared,
                         const char *congestion)
{
    int fd = open_socket(ways, at->family, SOCK_STREAM);
    if (fd < 0)
        return fd;
    tune_stream(fd, ways);
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (at->family == AF_INET6)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    int error = shared ? set(fd, SOL_SOCKET, SO_REUSEPORT, 1) : 0;
    if (error == 0)
        error = set_congestion(fd, congestion);
    if (error == 0)
        error = bind_to(fd, at);
    if (error == 0 && listen(fd, LISTEN_BACKLOG) < 0)
        error = -errno;
    return error ? fail(fd, error) : fd;
}

static void tune_receiver(int fd, const struct socket_ways *ways, const struct loop_udp *udp)
{
    set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    if (!(ways->denied & LOOP_DENY_TIMESTAMP))
        set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (udp->gro && !(ways->denied & LOOP_DENY_GRO))
        set(fd, IPPROTO_UDP, UDP_GRO, 1);
    /* FORCE passes net.core.rmem_max, but needs CAP_NET_ADMIN. */
    if (udp->rcvbuf > 0 && set(fd, SOL_SOCKET, SO_RCVBUFFORCE, udp->rcvbuf) < 0)
        set(fd, SOL_SOCKET, SO_RCVBUF, udp->rcvbuf);
}

int socket_open_udp(const struct socket_ways *ways, const struct loop_udp *udp)
{
    int fd = open_socket(ways, udp->at.family, SOCK_DGRAM);
    if (fd < 0)
        return fd;
    if (udp->at.family == AF_INET6)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (udp->freebind)
        allow_any(fd, udp->at.family);
    if (udp->receive)
        tune_receiver(fd, ways, udp);
    int error = bind_to(fd, &udp->at);
    return error ? fail(fd, error) : fd;
}

int64_t socket_send(int fd, const struct iovec *parts, int count)
{
    struct msghdr message = {.msg_iovlen = (size_t)count};
    memcpy(&message.msg_iov, &parts, sizeof(parts)); /* const: sendmsg only reads them */
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

/* One sendmsg, as several datagrams when segment isn't 0. An ICMP error of an earlier datagram is
   reported by the next send: it isn't about this one, which is tried again. */
static int send_message(int fd, const struct address *to, struct slice bytes, uint16_t segment)
{
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec part = {.iov_len = bytes.len};
    struct msghdr message = {.msg_namelen = address_len(to), .msg_iov = &part, .msg_iovlen = 1};
    memcpy(&part.iov_base, &bytes.data, sizeof(bytes.data));
    memcpy(&message.msg_name, &to, sizeof(to));
    if (segment > 0) {
        control.align.cmsg_level = IPPROTO_UDP;
        control.align.cmsg_type = UDP_SEGMENT;
        control.align.cmsg_len = CMSG_LEN(sizeof(segment));
        memcpy(CMSG_DATA(&control.align), &segment, sizeof(segment));
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
    }
    for (int attempt = 0;; attempt++) {
        if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return 0;
        if (errno != ECONNREFUSED || attempt == 3)
            return errno == ECONNREFUSED ? 0 : -errno;
    }
}

/* Once a run was begun, a full buffer is waited for: the caller couldn't tell how far it went. */
static int send_rest(int fd, const struct address *to, struct slice bytes, uint16_t segment)
{
    int error = send_message(fd, to, bytes, segment);
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    if (error == -EAGAIN && poll(&room, 1, ROOM_WAIT_MS) > 0)
        error = send_message(fd, to, bytes, segment);
    return error;
}

static int send_one_by_one(int fd, const struct address *to, struct slice bytes, uint32_t segment)
{
    int error = send_message(fd, to, slice_take(&bytes, segment), 0);
    while (error == 0 && bytes.len > 0)
        error = send_rest(fd, to, slice_take(&bytes, segment), 0);
    return error;
}

/* EIO and EINVAL: the device or the route can't (no checksum offload; segment over the MTU). */
static bool cannot_segment(int error)
{
    return error == -EIO || error == -EINVAL || error == -EOPNOTSUPP;
}

int socket_send_to(int fd, const struct address *to, struct slice bytes, uint32_t segment, bool gso)
{
    if (segment == 0 || segment >= bytes.len)
        return send_message(fd, to, bytes, 0);
    uint32_t count = GSO_BYTES / segment < GSO_SEGMENTS ? GSO_BYTES / segment : GSO_SEGMENTS;
    if (!gso || count < 2)
        return send_one_by_one(fd, to, bytes, segment);
    for (bool begun = false; bytes.len > 0; begun = true) {
        struct slice chunk = slice_take(&bytes, (size_t)count * segment);
        uint16_t size = chunk.len > segment ? (uint16_t)segment : 0;
        int error = begun ? send_rest(fd, to, chunk, size) : send_message(fd, to, chunk, size);
        if (cannot_segment(error))
            error = send_one_by_one(fd, to, chunk, segment);
        if (error)
            return error;
    }
    return 0;
}

void socket_linger_none(int fd)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

void socket_discard(int fd)
{
    recv(fd, NULL, INT32_MAX, MSG_TRUNC | MSG_DONTWAIT);
}

int socket_take_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

void socket_quickack_off(int fd)
{
    set(fd, IPPROTO_TCP, TCP_QUICKACK, 0);
}

uint32_t socket_drops(int fd)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof(memory);
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) < 0)
        return 0;
    return memory[SK_MEMINFO_DROPS];
}

uint32_t socket_unacked(int fd)
{
    int bytes = 0;
    if (ioctl(fd, SIOCOUTQ, &bytes) < 0)
        return 0;
    return (uint32_t)bytes;
}

uint32_t socket_rcvbuf(int fd)
{
    int bytes = 0;
    socklen_t len = sizeof(bytes);
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len);
    return (uint32_t)bytes;
}

bool socket_local_address(int fd, struct address *out)
{
    socklen_t len = sizeof(*out);
    memset(out, 0, sizeof(*out));
    return getsockname(fd, &out->any, &len) == 0;
}
