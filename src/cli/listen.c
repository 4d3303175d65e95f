#include "cli/listen.h"

#include <string.h>

#include "base/units.h"

static bool parse_port(const char *text, uint16_t *port)
{
    uint64_t number;
    if (!units_parse_count(text, 0, UINT16_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

bool listen_parse(const char *text, struct address *out)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    struct slice host = slice_make((const uint8_t *)text, len);
    uint16_t port;
    if (!parse_port(colon ? colon + 1 : text, &port))
        return false;
    if (len == 0 || slice_equal_nocase(host, SLICE("localhost")))
        return address_parse(SLICE("127.0.0.1"), port, out);
    if (text[0] != '[')
        return !memchr(text, ':', len) && address_parse(host, port, out);
    return len > 2 && text[len - 1] == ']' &&
           address_parse(slice_make((const uint8_t *)text + 1, len - 2), port, out) &&
           out->family == AF_INET6;
}

bool listen_is_loopback(const struct address *address)
{
    if (address->family == AF_INET)
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}
