/* source.c - the cheapest RTSP server there can be, where our own would be the limit of a
 * benchmark.
 *
 * Every reader gets the same bytes: one image a frame, sent as it is. The first packet of a frame
 * bears the time of its write ("RTSB" and Unix nanoseconds). Prints a line of JSON a second:
 * packets sent, and how often a reader was too far behind and was moved on. Ends on SIGTERM. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/rtsp.h"
#include "proto/transport.h"

#define READERS_MAX 20000u
#define IMAGES 64u  /* frames kept: a reader further behind is counted and moved on */
#define FLAT_OUT 52 /* packets a write */
#define TICK_NS NS_PER_MS
#define LATE_TICKS 100 /* then they are left out, and counted as skipped */
#define CLOCK_RATE 90000u
#define REQUEST_BYTES 1024u
#define REPLY_BYTES 256u
#define PREFIX 4u /* of an interleaved frame (RFC 2326, 10.12) */

enum mode { MODE_FRAME, MODE_BURST, MODE_SPREAD, MODE_MAX, MODES };

static const char *const mode_names[MODES] = {"frame", "burst", "spread", "max"};

struct image {
    uint64_t frame; /* + 1; 0: empty */
    uint8_t *bytes; /* packets frames of PREFIX + packet bytes */
};

struct reader {
    int fd; /* 0: none */
    bool playing, udp, ending;
    uint32_t at; /* bytes of the frame that are written */
    uint64_t frame;
    struct sockaddr_in to;
    uint32_t request_len, reply_len;
    char request[REQUEST_BYTES];
    char reply[REPLY_BYTES];
};

struct source {
    enum mode mode;
    unsigned fps, packets, bytes; /* packets a frame, bytes a packet */
    unsigned port;
    bool gso;
    const char *congestion;
    int listener, epoll, rtp;
    uint16_t rtp_port;
    struct image images[IMAGES];
    struct reader *readers; /* by descriptor */
    int highest;
    uint64_t start_ns, sent, skipped;
    uint64_t owed, turn; /* spread: thousandths of packets; whose turn it is */
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    stopping = 1;
}

static void die(const char *what)
{
    fprintf(stderr, "source: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_packet(const struct source *source, uint8_t *to, uint64_t number, uint64_t frame)
{
    uint32_t timestamp = (uint32_t)(frame * (CLOCK_RATE / source->fps));
    bool last = number % source->packets == source->packets - 1;
    const uint8_t head[] = {'$',
                            0,
                            (uint8_t)(source->bytes >> 8),
                            (uint8_t)source->bytes,
                            0x80,
                            (uint8_t)(last << 7 | 96),
                            (uint8_t)(number >> 8),
                            (uint8_t)number,
                            (uint8_t)(timestamp >> 24),
                            (uint8_t)(timestamp >> 16),
                            (uint8_t)(timestamp >> 8),
                            (uint8_t)timestamp};
    memcpy(to, head, sizeof(head));
}

static uint32_t frame_bytes(const struct source *source)
{
    return source->packets * (PREFIX + source->bytes);
}

static struct image *image_of(struct source *source, uint64_t frame)
{
    struct image *image = &source->images[frame % IMAGES];
    if (image->frame == frame + 1)
        return image;
    image->frame = frame + 1;
    for (unsigned i = 0; i < source->packets; i++)
        write_packet(source, image->bytes + i * (PREFIX + source->bytes),
                     frame * source->packets + i, frame);
    return image;
}

static void stamp(struct image *image)
{
    uint64_t now = htobe64(clock_realtime_ns());
    memcpy(image->bytes + PREFIX + 12, "RTSB", 4);
    memcpy(image->bytes + PREFIX + 16, &now, sizeof(now));
}

static void drop(struct source *source, struct reader *reader)
{
    close(reader->fd);
    memset(reader, 0, sizeof(*reader));
}

/* What waits to be said goes out between two frames. */
static void flush_reply(struct source *source, struct reader *reader)
{
    if (reader->at > 0 || reader->reply_len == 0)
        return;
    if (send(reader->fd, reader->reply, reader->reply_len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
        (ssize_t)reader->reply_len) {
        reader->reply_len = 0;
        reader->playing = reader->playing && !reader->ending;
    }
}

/* One write of some of the current frame. False when the reader takes no more now. */
static bool write_some(struct source *source, struct reader *reader)
{
    struct image *image = image_of(source, reader->frame);
    uint32_t size = PREFIX + source->bytes, whole = frame_bytes(source);
    bool whole_frames = source->mode == MODE_FRAME || source->mode == MODE_MAX;
    uint32_t until = whole_frames ? whole : (reader->at / size + 1) * size;
    if (reader->at == 0)
        stamp(image);
    ssize_t n = send(reader->fd, image->bytes + reader->at, until - reader->at,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
        drop(source, reader);
    if (n < 0)
        return false;
    source->sent += (reader->at + (uint32_t)n) / size - reader->at / size;
    reader->at += (uint32_t)n;
    if (reader->at == whole) {
        reader->at = 0;
        reader->frame++;
        flush_reply(source, reader);
    }
    return reader->at == until % whole;
}

/* A frame of datagrams in one call: GSO, or sendmmsg. */
static void write_datagrams(struct source *source, struct reader *reader)
{
    struct image *image = image_of(source, reader->frame);
    struct iovec parts[64];
    struct mmsghdr messages[64] = {0};
    stamp(image);
    for (unsigned i = 0; i < source->packets; i++) {
        parts[i] =
            (struct iovec){image->bytes + i * (PREFIX + source->bytes) + PREFIX, source->bytes};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &reader->to,
                                              .msg_namelen = sizeof(reader->to),
                                              .msg_iov = &parts[i],
                                              .msg_iovlen = 1};
    }
    reader->frame++;
    if (!source->gso) {
        int n = sendmmsg(source->rtp, messages, source->packets, 0);
        source->sent += n > 0 ? (unsigned)n : 0;
        return;
    }
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr head;
    } control = {.head = {CMSG_LEN(sizeof(uint16_t)), IPPROTO_UDP, UDP_SEGMENT}};
    uint16_t segment = (uint16_t)source->bytes;
    memcpy(CMSG_DATA(&control.head), &segment, sizeof(segment));
    messages[0].msg_hdr.msg_iovlen = source->packets;
    messages[0].msg_hdr.msg_control = control.bytes;
    messages[0].msg_hdr.msg_controllen = sizeof(control.bytes);
    if (sendmsg(source->rtp, &messages[0].msg_hdr, 0) > 0)
        source->sent += source->packets;
}

/* What a reader is owed up to a frame, that one included. */
static void catch_up(struct source *source, struct reader *reader, uint64_t until)
{
    if (until >= reader->frame + IMAGES / 2) {
        source->skipped++;
        reader->frame = reader->at > 0 ? reader->frame : until;
    }
    while (reader->playing && reader->frame <= until) {
        if (reader->udp)
            write_datagrams(source, reader);
        else if (!write_some(source, reader))
            return;
    }
}

/* The readers of a millisecond: frames are due spread over the frame interval. */
static void run_slot(struct source *source, uint64_t tick)
{
    unsigned slots = 1000 / source->fps;
    for (int i = (int)(tick % slots); i <= source->highest; i += (int)slots) {
        if (source->readers[i].playing)
            catch_up(source, &source->readers[i], tick / slots);
    }
}

/* Packets of all readers dealt out evenly, one a write. */
static void run_spread(struct source *source)
{
    unsigned count = (unsigned)source->highest + 1;
    source->owed += (uint64_t)count * source->packets * source->fps;
    for (; source->owed >= 1000; source->owed -= 1000) {
        struct reader *reader = &source->readers[source->turn++ % count];
        if (reader->playing && !write_some(source, reader))
            source->skipped++;
    }
}

static void start_playing(struct source *source, struct reader *reader)
{
    uint64_t tick = (clock_monotonic_ns() - source->start_ns) / TICK_NS;
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = reader->fd};
    reader->playing = true;
    reader->frame = tick * source->fps / 1000 + 1;
    if (source->mode == MODE_MAX)
        epoll_ctl(source->epoll, EPOLL_CTL_MOD, reader->fd, &wanted);
}

static void add_setup(struct source *source, struct reader *reader,
                      const struct rtsp_message *request, struct text *reply)
{
    struct slice transport = rtsp_header(request, "Transport", 0);
    const char *ports = memmem(transport.data, transport.len, "client_port=", 12);
    socklen_t len = sizeof(reader->to);
    if (!ports) {
        text_add_string(reply, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
        return;
    }
    unsigned port = (unsigned)atoi(ports + 12);
    getpeername(reader->fd, (struct sockaddr *)&reader->to, &len);
    reader->to.sin_port = htons((uint16_t)port);
    reader->udp = true;
    text_printf(reply, "Transport: RTP/AVP;unicast;client_port=%u-%u;server_port=%u-%u\r\n", port,
                port + 1, source->rtp_port, source->rtp_port + 1);
}

static void add_description(struct text *reply)
{
    static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=source\r\nt=0 0\r\n"
                              "m=video 0 RTP/AVP 96\r\na=rtpmap:96 X-RTSB/90000\r\n"
                              "a=control:t\r\n";
    text_printf(reply, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
                sizeof(sdp) - 1, sdp);
}

static void answer(struct source *source, struct reader *reader, const struct rtsp_message *request)
{
    struct text reply = text_init(reader->reply, sizeof(reader->reply));
    text_printf(&reply, "RTSP/1.0 200 OK\r\nCSeq: %u\r\n", request->cseq);
    if (request->method == RTSP_OPTIONS)
        text_add_string(&reply, "Public: DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n");
    if (request->method == RTSP_SETUP)
        add_setup(source, reader, request, &reply);
    if (request->method == RTSP_SETUP || request->method == RTSP_PLAY)
        text_add_string(&reply, "Session: 1;timeout=600\r\n");
    if (request->method == RTSP_DESCRIBE)
        add_description(&reply);
    else
        text_add_string(&reply, "\r\n");
    assert(!reply.overflow);
    reader->ending = request->method == RTSP_TEARDOWN;
    reader->reply_len = (uint32_t)reply.len;
    flush_reply(source, reader);
    if (request->method == RTSP_PLAY)
        start_playing(source, reader);
}

/* Requests, and RTCP of the reader's (which is skipped). */
static void read_requests(struct source *source, struct reader *reader)
{
    ssize_t n = recv(reader->fd, reader->request + reader->request_len,
                     REQUEST_BYTES - reader->request_len, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        drop(source, reader);
        return;
    }
    reader->request_len += n > 0 ? (uint32_t)n : 0;
    struct slice rest = slice_make(reader->request, reader->request_len);
    struct rtsp_message message;
    while (rest.len >= PREFIX) {
        if (rest.data[0] == '$') {
            size_t len = PREFIX + (size_t)(rest.data[2] << 8 | rest.data[3]);
            if (len > rest.len)
                break;
            slice_take(&rest, len);
        } else {
            if (rtsp_parse(rest, &message) != RTSP_DONE)
                break;
            slice_take(&rest, message.length);
            answer(source, reader, &message);
        }
    }
    memmove(reader->request, rest.data, rest.len);
    reader->request_len = (uint32_t)rest.len;
}

/* As much as the reader takes, for which a frame is FLAT_OUT packets. */
static void run_max(struct source *source, struct reader *reader)
{
    while (reader->playing && write_some(source, reader))
        ;
}

static void accept_all(struct source *source)
{
    for (;;) {
        int fd = accept4(source->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
        if (fd < 0)
            return;
        assert(fd < (int)READERS_MAX);
        source->readers[fd].fd = fd;
        source->highest = fd > source->highest ? fd : source->highest;
        epoll_ctl(source->epoll, EPOLL_CTL_ADD, fd, &wanted);
    }
}

static void handle(struct source *source, const struct epoll_event *event)
{
    if (event->data.fd == source->listener) {
        accept_all(source);
        return;
    }
    struct reader *reader = &source->readers[event->data.fd];
    if (reader->fd > 0 && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        read_requests(source, reader);
    if (source->mode == MODE_MAX && reader->fd > 0 && (event->events & EPOLLOUT))
        run_max(source, reader);
}

static void wait_until(struct source *source, uint64_t due_ns)
{
    struct epoll_event events[256];
    uint64_t now_ns;
    do {
        now_ns = clock_monotonic_ns();
        uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
        struct timespec span = {0, (long)left_ns};
        int n = epoll_pwait2(source->epoll, events, 256, &span, NULL);
        for (int i = 0; i < n; i++)
            handle(source, &events[i]);
    } while (now_ns < due_ns && !stopping);
}

static void tell(const struct source *source)
{
    printf("{\"sent\": %llu, \"skipped\": %llu}\n", (unsigned long long)source->sent,
           (unsigned long long)source->skipped);
    fflush(stdout);
}

static void run_source(struct source *source)
{
    source->start_ns = clock_monotonic_ns();
    for (uint64_t tick = 0, told = 0; !stopping; tick++) {
        uint64_t now = (clock_monotonic_ns() - source->start_ns) / TICK_NS;
        if (now > tick + LATE_TICKS) {
            source->skipped += now - tick;
            tick = now;
        }
        if (tick >= told + NS_PER_S / TICK_NS) {
            tell(source);
            told = tick;
        }
        wait_until(source, source->start_ns + tick * TICK_NS);
        if (source->mode == MODE_SPREAD)
            run_spread(source);
        else if (source->mode != MODE_MAX)
            run_slot(source, tick);
    }
}

static void open_rtp(struct source *source)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int room = 8 << 20;
    for (unsigned port = 20000; port < 24000; port += 2) {
        source->rtp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        at.sin_port = htons((uint16_t)port);
        setsockopt(source->rtp, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
        source->rtp_port = (uint16_t)port;
        if (bind(source->rtp, (struct sockaddr *)&at, sizeof(at)) == 0)
            return;
        close(source->rtp);
    }
    die("no port for RTP");
}

static void open_listener(struct source *source)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)source->port)};
    struct epoll_event wanted = {.events = EPOLLIN};
    int one = 1;
    socklen_t len = sizeof(at);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    source->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(source->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(source->listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (setsockopt(source->listener, IPPROTO_TCP, TCP_CONGESTION, source->congestion,
                   (socklen_t)strlen(source->congestion)))
        die("congestion");
    if (bind(source->listener, (struct sockaddr *)&at, sizeof(at)) ||
        listen(source->listener, 65535) ||
        getsockname(source->listener, (struct sockaddr *)&at, &len))
        die("listen");
    wanted.data.fd = source->listener;
    epoll_ctl(source->epoll, EPOLL_CTL_ADD, source->listener, &wanted);
    printf("ready rtsp://127.0.0.1:%u/\n", ntohs(at.sin_port));
    fflush(stdout);
}

static void prepare(struct source *source)
{
    struct rlimit files = {READERS_MAX, READERS_MAX};
    setrlimit(RLIMIT_NOFILE, &files);
    if (source->mode == MODE_MAX)
        source->packets = FLAT_OUT;
    source->epoll = epoll_create1(EPOLL_CLOEXEC);
    source->readers = calloc(READERS_MAX, sizeof(*source->readers));
    assert(source->readers);
    for (unsigned i = 0; i < IMAGES; i++) {
        source->images[i].bytes = calloc(1, frame_bytes(source));
        assert(source->images[i].bytes);
    }
    open_rtp(source);
    open_listener(source);
}

static void usage(void)
{
    fputs(
        "usage: bench-source [-m frame|burst|spread|max] [-f FPS] [-k PACKETS a frame] [-s BYTES a "
        "packet]\n                    [-p PORT] [-g (UDP with GSO)] [-c CONGESTION]\n",
        stderr);
    exit(2);
}

static enum mode parse_mode(const char *name)
{
    for (unsigned i = 0; i < MODES; i++) {
        if (strcmp(name, mode_names[i]) == 0)
            return (enum mode)i;
    }
    usage();
    return MODES;
}

static void read_options(struct source *source, int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "m:f:k:s:p:gc:")) != -1;) {
        if (option == 'm')
            source->mode = parse_mode(optarg);
        else if (option == 'f')
            source->fps = (unsigned)atoi(optarg);
        else if (option == 'k')
            source->packets = (unsigned)atoi(optarg);
        else if (option == 's')
            source->bytes = (unsigned)atoi(optarg);
        else if (option == 'p')
            source->port = (unsigned)atoi(optarg);
        else if (option == 'g')
            source->gso = true;
        else if (option == 'c')
            source->congestion = optarg;
        else
            usage();
    }
    if (source->fps == 0 || source->fps > 1000 || source->packets == 0 || source->packets > 64 ||
        source->bytes < 24 || source->bytes > 65000)
        usage();
}

int main(int argc, char **argv)
{
    struct source source = {.fps = 25, .packets = 8, .bytes = 1250, .congestion = "cubic"};
    struct sigaction action = {.sa_handler = on_signal};
    read_options(&source, argc, argv);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    prepare(&source);
    run_source(&source);
    return 0;
}
