#include "view/visitors.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/slice.h"

struct visitor {
    struct visitor *older, *newer;
    int fd;
    bool idle; /* in the list */
};

static void unlink_visitor(struct visitors *visitors, struct visitor *visitor)
{
    if (!visitor->idle)
        return;
    *(visitor->older ? &visitor->older->newer : &visitors->oldest) = visitor->newer;
    *(visitor->newer ? &visitor->newer->older : &visitors->newest) = visitor->older;
    visitor->idle = false;
}

static void append(struct visitors *visitors, struct visitor *visitor)
{
    visitor->older = visitors->newest;
    visitor->newer = NULL;
    *(visitor->older ? &visitor->older->newer : &visitors->oldest) = visitor;
    visitors->newest = visitor;
    visitor->idle = true;
}

/* MHD sees the end of it as if the visitor had gone. */
static void send_away(struct visitors *visitors, struct visitor *visitor)
{
    unlink_visitor(visitors, visitor);
    visitors->count--;
    shutdown(visitor->fd, SHUT_RDWR);
    visitor->fd = -1;
}

void visitors_notify(void *context, struct MHD_Connection *connection, void **socket_context,
                     enum MHD_ConnectionNotificationCode what)
{
    struct visitors *visitors = context;
    struct visitor *visitor = *socket_context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        unlink_visitor(visitors, visitor);
        visitors->count -= visitor->fd >= 0;
        free(visitor);
        return;
    }
    visitor = calloc(1, sizeof(*visitor));
    assert(visitor);
    *socket_context = visitor;
    visitor->fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    append(visitors, visitor);
    if (++visitors->count > visitors->most)
        send_away(visitors, visitors->oldest);
}

void visitors_asked(struct visitors *visitors, struct MHD_Connection *connection, bool stays)
{
    struct visitor *visitor =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (visitor->fd < 0)
        return;
    unlink_visitor(visitors, visitor);
    if (!stays)
        append(visitors, visitor);
}

bool visitors_know_us(struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    return !host || visitors_is_our_host(host);
}

static bool is_address(struct slice host, int family)
{
    char room[INET6_ADDRSTRLEN];
    struct in6_addr address;
    return slice_to_string(host, room, sizeof(room)) && inet_pton(family, room, &address) == 1;
}

/* HOST, HOST:PORT or [HOST]:PORT. */
bool visitors_is_our_host(const char *host)
{
    uint64_t port;
    struct slice rest = slice_from_string(host);
    bool bracketed = rest.len > 0 && rest.data[0] == '[';
    slice_take(&rest, bracketed);
    if (bracketed && slice_find_byte(rest, ']') < 0)
        return false;
    struct slice name = slice_take_until(&rest, bracketed ? ']' : ':');
    if (bracketed && rest.len > 0 && slice_take_byte(&rest) != ':')
        return false;
    if (rest.len > 0 && !slice_to_u64(rest, UINT16_MAX, &port))
        return false;
    if (bracketed)
        return is_address(name, AF_INET6);
    return slice_equal_nocase(name, SLICE("localhost")) || is_address(name, AF_INET);
}
