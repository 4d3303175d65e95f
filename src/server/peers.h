/* peers.h - finds the session that a datagram's sender belongs to. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

struct server;
struct connection;

/* Heads of chains of peers; a peer is a track of a connection (index * MEDIA_TRACKS_MAX + track),
   and its chain runs through session_track.next_peer. */
struct peers {
    uint32_t *heads; /* peer number + 1 */
    uint32_t mask;
};

int peers_init(struct peers *peers, uint32_t max_connections);
void peers_dispose(struct peers *peers);

/* Enters a track of a UDP session by its client's RTCP port. */
void peers_add(struct server *server, struct connection *connection, unsigned track);
void peers_remove(struct server *server, struct connection *connection, unsigned track);

/* NULL when nobody's. */
struct connection *peers_find(struct server *server, const struct address *from);
