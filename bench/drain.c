/* drain.c - the reference reader: starts sessions as simply as can be, then reads and parses
 * nothing.
 *
 * TCP: epoll and recv of 256 KiB. UDP (-u): epoll and one recvmsg a datagram. A line of JSON a
 * second:
 * {"bytes": so far, "reads": so far}; bytes include interleaving. Ends on SIGTERM. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define BUFFER (256u << 10)
#define FILES 20000u
#define EVENTS 256
#define RTP_PORT 24000u /* the first of the client's */

struct drain {
    const char *path;
    struct sockaddr_in server;
    unsigned sessions;
    bool udp;
    uint64_t sleep_ns; /* between turns: the batching variant */
    int epoll;
    uint64_t bytes, reads;
    uint8_t *buffer;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    stopping = 1;
}

static void die(const char *what)
{
    fprintf(stderr, "drain: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Sends a request and reads until its reply has ended; a body's end isn't looked for. */
static void ask(int fd, const char *request, char *reply, size_t size)
{
    size_t len = 0;
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        die("send");
    do {
        ssize_t n = recv(fd, reply + len, size - 1 - len, 0);
        if (n <= 0)
            die("reply");
        len += (size_t)n;
        reply[len] = '\0';
    } while (!strstr(reply, "\r\n\r\n") && len < size - 1);
    if (!strstr(reply, " 200 "))
        die(reply);
}

/* DESCRIBE is left out: the track's name is known. */
static void start_session(const struct drain *drain, int fd, unsigned port)
{
    char request[1024], reply[4096], transport[80], session[64] = "";
    if (drain->udp)
        snprintf(transport, sizeof(transport), "RTP/AVP;unicast;client_port=%u-%u", port, port + 1);
    else
        snprintf(transport, sizeof(transport), "RTP/AVP/TCP;unicast;interleaved=0-1");
    snprintf(request, sizeof(request),
             "SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: %s\r\n\r\n", drain->path,
             transport);
    ask(fd, request, reply, sizeof(reply));
    const char *id = strstr(reply, "Session: ");
    if (!id || sscanf(id, "Session: %63[^;\r]", session) != 1)
        die("no session");
    snprintf(request, sizeof(request), "PLAY %s/ RTSP/1.0\r\nCSeq: 2\r\nSession: %s\r\n\r\n",
             drain->path, session);
    ask(fd, request, reply, sizeof(reply));
}

static void watch(const struct drain *drain, int fd)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(drain->epoll, EPOLL_CTL_ADD, fd, &wanted))
        die("epoll");
}

/* On the next port that is free. */
static int open_rtp(unsigned *port)
{
    static unsigned next = RTP_PORT;
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), room = 1 << 20;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    do {
        *port = next;
        next += 2;
        at.sin_port = htons((uint16_t)*port);
    } while (bind(fd, (struct sockaddr *)&at, sizeof(at)) && errno == EADDRINUSE && next < 65000);
    return fd;
}

static void open_session(struct drain *drain)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    unsigned port = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || connect(fd, (struct sockaddr *)&drain->server, sizeof(drain->server)))
        die("connect");
    if (drain->udp)
        watch(drain, open_rtp(&port));
    start_session(drain, fd, port);
    watch(drain, fd);
}

static void read_stream(struct drain *drain, int fd)
{
    ssize_t n = recv(fd, drain->buffer, BUFFER, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        close(fd);
    drain->bytes += n > 0 ? (uint64_t)n : 0;
    drain->reads++;
}

static void read_datagrams(struct drain *drain, int fd)
{
    for (;;) {
        struct iovec part = {drain->buffer, BUFFER};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);
        drain->reads++;
        if (n <= 0)
            return;
        drain->bytes += (uint64_t)n;
    }
}

static void turn(struct drain *drain, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(drain->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++)
        drain->udp ? read_datagrams(drain, events[i].data.fd)
                   : read_stream(drain, events[i].data.fd);
}

static void run_drain(struct drain *drain)
{
    uint64_t next_ns = clock_monotonic_ns();
    while (!stopping) {
        turn(drain, 100);
        if (clock_monotonic_ns() >= next_ns) {
            printf("{\"bytes\": %llu, \"reads\": %llu}\n", (unsigned long long)drain->bytes,
                   (unsigned long long)drain->reads);
            fflush(stdout);
            next_ns += NS_PER_S;
        }
        if (drain->sleep_ns > 0)
            nanosleep(&(struct timespec){0, (long)drain->sleep_ns}, NULL);
    }
}

static void usage(void)
{
    fputs("usage: bench-drain [-n SESSIONS] [-u] [-b MILLISECONDS of batching] "
          "rtsp://ADDRESS:PORT/PATH\n",
          stderr);
    exit(2);
}

static void read_options(struct drain *drain, int argc, char **argv)
{
    char host[64];
    unsigned port = 0;
    for (int option; (option = getopt(argc, argv, "n:ub:")) != -1;) {
        if (option == 'n')
            drain->sessions = (unsigned)atoi(optarg);
        else if (option == 'u')
            drain->udp = true;
        else if (option == 'b')
            drain->sleep_ns = (uint64_t)atoi(optarg) * NS_PER_MS;
        else
            usage();
    }
    if (optind + 1 != argc || sscanf(argv[optind], "rtsp://%63[0-9.]:%u/", host, &port) != 2)
        usage();
    drain->path = argv[optind];
    drain->server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &drain->server.sin_addr);
}

int main(int argc, char **argv)
{
    struct drain drain = {.sessions = 500};
    struct rlimit files = {FILES, FILES};
    struct sigaction action = {.sa_handler = on_signal};
    read_options(&drain, argc, argv);
    setrlimit(RLIMIT_NOFILE, &files);
    sigaction(SIGTERM, &action, NULL);
    drain.epoll = epoll_create1(EPOLL_CLOEXEC);
    drain.buffer = malloc(BUFFER);
    assert(drain.epoll >= 0 && drain.buffer);
    for (unsigned i = 0; i < drain.sessions && !stopping; i++) {
        open_session(&drain);
        turn(&drain, 0);
    }
    run_drain(&drain);
    return 0;
}
