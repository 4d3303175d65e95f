#include "net/http_get.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/socket.h"

#define LOOK_MS 100u /* how often stop is looked at */
#define HEAD_MAX 8192u
#define DEFAULT_PATH "/metrics"
#define EXPECTED "a URL such as http://127.0.0.1:9998/metrics, without a user"

/* HOST, HOST:PORT or [HOST]:PORT. */
static bool split_authority(struct slice authority, struct slice *host, struct slice *port)
{
    if (authority.len > 0 && authority.data[0] == '[') {
        slice_take(&authority, 1);
        if (slice_find_byte(authority, ']') < 0)
            return false;
        *host = slice_take_until(&authority, ']');
        *port = authority;
        return authority.len == 0 || slice_take_byte(port) == ':';
    }
    *host = slice_take_until(&authority, ':');
    *port = authority;
    return true;
}

static bool look_up(struct http_target *target, const char *host, uint16_t port, struct text *error)
{
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM};
    if (address_parse(slice_from_string(host), port, &target->address))
        return true;
    int failed = getaddrinfo(host, NULL, &hints, &found);
    if (failed) {
        text_printf(error, "%s: %s", host, gai_strerror(failed));
        return false;
    }
    memcpy(&target->address, found->ai_addr,
           found->ai_addrlen < sizeof(target->address) ? found->ai_addrlen
                                                       : sizeof(target->address));
    address_set_port(&target->address, port);
    freeaddrinfo(found);
    return true;
}

static bool is_clean(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return false;
    }
    return true;
}

bool http_target_init(struct http_target *target, const char *url, struct text *error)
{
    struct slice rest = slice_from_string(url), host, port;
    char name[sizeof(target->host)];
    uint64_t number = 80;
    *target = (struct http_target){.path = DEFAULT_PATH};
    bool good = slice_starts_with_nocase(rest, SLICE("http://")) && is_clean(rest);
    slice_take(&rest, good ? 7 : 0);
    ptrdiff_t slash = slice_find_byte(rest, '/');
    struct slice authority = slice_take(&rest, slash < 0 ? rest.len : (size_t)slash);
    good = good && slice_find_byte(authority, '@') < 0 &&
           slice_to_string(authority, target->host, sizeof(target->host)) &&
           split_authority(authority, &host, &port) &&
           (port.len == 0 || slice_to_u64(port, 65535, &number)) &&
           slice_to_string(host, name, sizeof(name)) && name[0] &&
           (rest.len <= 1 || slice_to_string(rest, target->path, sizeof(target->path)));
    if (!good) {
        text_add_string(error, "expected " EXPECTED);
        return false;
    }
    return look_up(target, name, (uint16_t)number, error);
}

struct exchange {
    const struct http_get *get;
    int fd;
    uint64_t until_ns;
    size_t head_len;
    bool in_body;
    int status;
    uint64_t body_bytes;
    char head[HEAD_MAX + 1];
};

/* 0 when the socket has one of the events, else -ETIMEDOUT or -ECANCELED. */
static int wait_for(const struct exchange *exchange, short events)
{
    struct pollfd poller = {.fd = exchange->fd, .events = events};
    while (!atomic_load(exchange->get->stop)) {
        if (clock_monotonic_ns() >= exchange->until_ns)
            return -ETIMEDOUT;
        if (poll(&poller, 1, LOOK_MS) > 0)
            return 0;
    }
    return -ECANCELED;
}

static int connect_to(struct exchange *exchange)
{
    const struct address *to = &exchange->get->target->address;
    exchange->fd = socket(to->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (exchange->fd < 0)
        return -errno;
    if (connect(exchange->fd, &to->any, address_len(to)) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    int error = wait_for(exchange, POLLOUT);
    return error ? error : socket_take_error(exchange->fd);
}

/* It fits into any socket's buffer. */
static int send_request(struct exchange *exchange)
{
    char room[1024];
    struct text request = text_init(room, sizeof(room));
    text_printf(&request,
                "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: rtspbench\r\n"
                "Accept: text/plain\r\nConnection: close\r\n\r\n",
                exchange->get->target->path, exchange->get->target->host);
    ssize_t sent = send(exchange->fd, request.data, request.len, MSG_NOSIGNAL);
    if (sent < 0)
        return -errno;
    return (size_t)sent == request.len ? 0 : -EPROTO;
}

static int on_body(struct exchange *exchange, struct slice piece)
{
    exchange->body_bytes += piece.len;
    if (exchange->body_bytes > HTTP_BODY_MAX)
        return -EFBIG;
    if (exchange->status == 200 && piece.len > 0)
        exchange->get->on_body(exchange->get->context, piece);
    return 0;
}

/* HTTP/1.0 has no transfer codings, but for servers that don't mind what they are asked. */
static bool is_coded(struct slice head)
{
    while (head.len > 0) {
        struct slice line = slice_take_until(&head, '\n');
        if (slice_starts_with_nocase(line, SLICE("transfer-encoding:")))
            return true;
    }
    return false;
}

static int read_status(const char *head)
{
    if (strncmp(head, "HTTP/1.", 7) != 0 || head[7] == '\0' || head[8] != ' ')
        return -EPROTO;
    uint64_t status;
    if (!slice_to_u64(slice_make(head + 9, strnlen(head + 9, 3)), 999, &status) || status < 100)
        return -EPROTO;
    return (int)status;
}

/* Gathers the head; what stands behind it in the same read is body. */
static int on_bytes(struct exchange *exchange, struct slice bytes)
{
    if (exchange->in_body)
        return on_body(exchange, bytes);
    struct slice taken = slice_take(&bytes, HEAD_MAX - exchange->head_len);
    memcpy(exchange->head + exchange->head_len, taken.data, taken.len);
    exchange->head_len += taken.len;
    exchange->head[exchange->head_len] = '\0';
    const char *end = strstr(exchange->head, "\r\n\r\n");
    if (!end)
        return exchange->head_len == HEAD_MAX ? -EPROTO : 0;
    size_t len = (size_t)(end + 4 - exchange->head);
    exchange->status = read_status(exchange->head);
    exchange->in_body = true;
    if (exchange->status < 0 || is_coded(slice_make(exchange->head, len)))
        return -EPROTO;
    int error = on_body(exchange, slice_make(exchange->head + len, exchange->head_len - len));
    return error ? error : on_body(exchange, bytes);
}

static int read_reply(struct exchange *exchange)
{
    char room[16384];
    for (;;) {
        int error = wait_for(exchange, POLLIN);
        if (error)
            return error;
        ssize_t n = recv(exchange->fd, room, sizeof(room), 0);
        if (n == 0)
            return exchange->in_body ? exchange->status : -EPROTO;
        if (n < 0 && errno != EAGAIN)
            return -errno;
        error = n > 0 ? on_bytes(exchange, slice_make(room, (size_t)n)) : 0;
        if (error)
            return error;
    }
}

int http_get(const struct http_get *get)
{
    struct exchange exchange = {.get = get, .until_ns = clock_monotonic_ns() + get->patience_ns};
    int result = connect_to(&exchange);
    if (!result)
        result = send_request(&exchange);
    if (!result)
        result = read_reply(&exchange);
    if (exchange.fd >= 0)
        close(exchange.fd);
    return result;
}
