/* peers.h - finds the session that a datagram's sender belongs to. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

struct server;
struct connection;

/* Heads of chains of peers; a peer is a port of a track of a connection, port 0 for RTP and 1 for
   RTCP: (index * MEDIA_TRACKS_MAX + track) * 2 + port. Its chain runs through
   session_track.next_peer. */
struct peers {
    uint32_t *heads; /* peer number + 1 */
    uint32_t mask;
};

int peers_init(struct peers *peers, uint32_t max_connections);
void peers_dispose(struct peers *peers);

/* Enters a client's port of a track of a UDP session. */
void peers_add(struct server *server, struct connection *connection, unsigned track, unsigned port);

/* Takes out those ports of a track that were entered. */
void peers_remove(struct server *server, struct connection *connection, unsigned track);

/* Who has entered that client's port of that kind, and of which track; NULL when nobody has. */
struct connection *peers_find(struct server *server, const struct address *from, unsigned port,
                              unsigned *track);
