#include "net/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* The interface named or numbered behind the '%' of a link-local address; 0 when there is none
 * such. */
static uint32_t scope_parse(struct slice scope)
{
    char name[IF_NAMESIZE];
    uint64_t number;
    if (slice_to_u64(scope, UINT32_MAX, &number))
        return (uint32_t)number;
    return slice_to_string(scope, name, sizeof(name)) ? if_nametoindex(name) : 0;
}

static bool parse_v6(struct slice text, uint16_t port, struct address *out)
{
    char digits[INET6_ADDRSTRLEN];
    ptrdiff_t percent = slice_find_byte(text, '%');
    struct slice host = percent < 0 ? text : slice_take(&text, (size_t)percent);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (!slice_to_string(host, digits, sizeof(digits)) ||
        inet_pton(AF_INET6, digits, &v6.sin6_addr) != 1)
        return false;
    if (percent >= 0) {
        slice_take_byte(&text);
        v6.sin6_scope_id = scope_parse(text);
        if (v6.sin6_scope_id == 0)
            return false;
    }
    *out = (struct address){.v6 = v6};
    return true;
}

bool address_parse(struct slice text, uint16_t port, struct address *out)
{
    char digits[INET_ADDRSTRLEN];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    /* A NUL inside would hide what follows it from inet_pton. */
    if (slice_find_byte(text, '\0') >= 0)
        return false;
    if (slice_find_byte(text, ':') >= 0)
        return parse_v6(text, port, out);
    if (!slice_to_string(text, digits, sizeof(digits)) ||
        inet_pton(AF_INET, digits, &v4.sin_addr) != 1)
        return false;
    memset(out, 0, sizeof(*out));
    out->v4 = v4;
    return true;
}

uint16_t address_port(const struct address *address)
{
    if (address->family == AF_INET6)
        return ntohs(address->v6.sin6_port);
    return address->family == AF_INET ? ntohs(address->v4.sin_port) : 0;
}

void address_set_port(struct address *address, uint16_t port)
{
    if (address->family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else if (address->family == AF_INET)
        address->v4.sin_port = htons(port);
}

socklen_t address_len(const struct address *address)
{
    if (address->family == AF_INET6)
        return sizeof(struct sockaddr_in6);
    return address->family == AF_INET ? sizeof(struct sockaddr_in) : 0;
}

/* The IPv4 address inside, also of an IPv4-mapped IPv6 one. */
static bool as_v4(const struct address *address, struct in_addr *out)
{
    if (address->family == AF_INET) {
        *out = address->v4.sin_addr;
        return true;
    }
    if (address->family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
        return false;
    memcpy(out, &address->v6.sin6_addr.s6_addr[12], sizeof(*out));
    return true;
}

bool address_same_host(const struct address *a, const struct address *b)
{
    struct in_addr a4 = {0}, b4 = {0};
    bool a_is_v4 = as_v4(a, &a4), b_is_v4 = as_v4(b, &b4);
    if (a_is_v4 || b_is_v4)
        return a_is_v4 && b_is_v4 && a4.s_addr == b4.s_addr;
    if (a->family != AF_INET6 || b->family != AF_INET6)
        return a->family == b->family;
    return IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr) &&
           a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

bool address_is_unicast(const struct address *address)
{
    struct in_addr v4;
    if (as_v4(address, &v4)) {
        uint32_t host = ntohl(v4.s_addr);
        return host != INADDR_ANY && host != INADDR_BROADCAST && !IN_MULTICAST(host);
    }
    return address->family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr) &&
           !IN6_IS_ADDR_MULTICAST(&address->v6.sin6_addr);
}

static void write_v6(struct text *to, const struct sockaddr_in6 *v6)
{
    char digits[INET6_ADDRSTRLEN], name[IF_NAMESIZE];
    text_add_string(to, "[");
    text_add_string(to, inet_ntop(AF_INET6, &v6->sin6_addr, digits, sizeof(digits)));
    if (v6->sin6_scope_id != 0) {
        text_add_string(to, "%");
        if (if_indextoname(v6->sin6_scope_id, name))
            text_add_string(to, name);
        else
            text_add_u64(to, v6->sin6_scope_id);
    }
    text_add_string(to, "]");
}

void address_write_host(struct text *to, const struct address *address)
{
    char digits[INET_ADDRSTRLEN];
    if (address->family == AF_INET6)
        write_v6(to, &address->v6);
    else if (address->family == AF_INET)
        text_add_string(to, inet_ntop(AF_INET, &address->v4.sin_addr, digits, sizeof(digits)));
    else
        text_add_string(to, "none");
}

void address_write(struct text *to, const struct address *address)
{
    address_write_host(to, address);
    if (address->family == AF_UNSPEC)
        return;
    text_add_string(to, ":");
    text_add_u64(to, address_port(address));
}
