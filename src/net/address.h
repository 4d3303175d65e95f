/* address.h - an IPv4 or IPv6 address with a port. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/text.h"

/* Zeroed is "none" (family 0). */
struct address {
    union {
        sa_family_t family;
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

/* A numeric address: "127.0.0.1", "::1", "fe80::1%eth0", no brackets. False for names. */
bool address_parse(struct slice text, uint16_t port, struct address *out);
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);
socklen_t address_len(const struct address *address);

/* Same host, whatever the port; an IPv4-mapped IPv6 address equals its IPv4 one. */
bool address_same_host(const struct address *a, const struct address *b);

/* Somewhere to send media to: false for none, unspecified, broadcast and multicast addresses. */
bool address_is_unicast(const struct address *address);

/* "127.0.0.1:554" or "[::1]:554". */
void address_write(struct text *to, const struct address *address);

/* The host alone, as in a URL: IPv6 in brackets. */
void address_write_host(struct text *to, const struct address *address);
