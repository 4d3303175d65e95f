/* transport.h - the Transport header (RFC 2326, 12.39), as servers and cameras write it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum transport_lower { TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_MULTICAST };

struct transport {
    enum transport_lower lower;
    bool secure; /* RTP/SAVP */
    bool has_interleaved;
    bool has_client_port;
    bool has_server_port;
    bool has_ssrc;
    bool record; /* mode=record or receive */
    uint8_t ttl;
    uint16_t interleaved[2]; /* RTP, RTCP channel; the second is the first + 1 when absent */
    uint16_t client_port[2];
    uint16_t server_port[2];
    uint16_t port[2]; /* multicast */
    uint32_t ssrc;
    struct slice source; /* address as text, may be empty */
    struct slice destination;
};

enum transport_result {
    TRANSPORT_OK,
    TRANSPORT_INVALID,     /* channels over 255 or equal, ports that are 0 or over 65535, ... */
    TRANSPORT_UNSUPPORTED, /* none of the alternatives is RTP over something we know */
};

/* Reads one transport-spec: the first of a comma-separated list that is usable. Tolerates
   "RTP/AVP;...;interleaved=0-1" (then it is TCP), a single channel or port, a space or missing
   digits in ssrc, a comma for a semicolon, quotes around values, unknown parameters, a server_port
   of 0 (then has_server_port is false). Over TCP ports and addresses are not judged. Else a source
   may not be multicast or broadcast, and a multicast destination must be; whether an address fits
   the peer is the caller's to say. */
enum transport_result transport_parse(struct slice value, struct transport *out);

/* Takes the next transport-spec of a list, as transport_parse does. False at the end. */
bool transport_next(struct slice *list, struct transport *out, enum transport_result *result);
