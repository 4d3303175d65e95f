#include "server/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/shard.h"

int peers_init(struct peers *peers, uint32_t max_connections)
{
    uint32_t size = 16;
    while (size < max_connections * MEDIA_TRACKS_MAX && size < 1u << 20)
        size *= 2;
    *peers = (struct peers){calloc(size, sizeof(uint32_t)), size - 1};
    return peers->heads ? 0 : -ENOMEM;
}

void peers_dispose(struct peers *peers)
{
    free(peers->heads);
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    for (const uint8_t *at = bytes; len > 0; at++, len--)
        hash = (hash ^ *at) * UINT64_C(0x100000001b3);
    return hash;
}

/* An IPv4-mapped IPv6 address hashes like the IPv4 one. */
static uint32_t *head_of(struct peers *peers, const struct address *host, uint16_t port)
{
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), &port, sizeof(port));
    if (host->family == AF_INET)
        hash = hash_bytes(hash, &host->v4.sin_addr, 4);
    else if (IN6_IS_ADDR_V4MAPPED(&host->v6.sin6_addr))
        hash = hash_bytes(hash, &host->v6.sin6_addr.s6_addr[12], 4);
    else
        hash = hash_bytes(hash, &host->v6.sin6_addr, 16);
    return &peers->heads[(hash ^ hash >> 32) & peers->mask];
}

static uint32_t peer_of(const struct server *server, const struct connection *connection,
                        unsigned track, unsigned port)
{
    return (connection_index(server, connection) * MEDIA_TRACKS_MAX + track) * 2 + port;
}

static struct session_track *track_of(struct server *server, uint32_t peer,
                                      struct connection **owner)
{
    *owner = pool_at(&server->connections, peer / 2 / MEDIA_TRACKS_MAX);
    return &(*owner)->session.tracks[peer / 2 % MEDIA_TRACKS_MAX];
}

void peers_add(struct server *server, struct connection *connection, unsigned track, unsigned port)
{
    struct session_track *entry = &connection->session.tracks[track];
    uint32_t *head = head_of(&server->peers, &connection->peer, entry->ports[port]);
    entry->next_peer[port] = *head;
    entry->is_peer[port] = true;
    *head = peer_of(server, connection, track, port) + 1;
}

static void remove_port(struct server *server, struct connection *connection, unsigned track,
                        unsigned port)
{
    struct session_track *entry = &connection->session.tracks[track];
    uint32_t peer = peer_of(server, connection, track, port) + 1;
    struct connection *owner;
    uint32_t *link = head_of(&server->peers, &connection->peer, entry->ports[port]);
    while (*link != peer)
        link = &track_of(server, *link - 1, &owner)->next_peer[(*link - 1) % 2];
    *link = entry->next_peer[port];
    entry->is_peer[port] = false;
}

void peers_remove(struct server *server, struct connection *connection, unsigned track)
{
    for (unsigned port = 0; port < 2; port++) {
        if (connection->session.tracks[track].is_peer[port])
            remove_port(server, connection, track, port);
    }
}

struct connection *peers_find(struct server *server, const struct address *from, unsigned port,
                              unsigned *track)
{
    uint16_t number = address_port(from);
    struct connection *owner;
    for (uint32_t link = *head_of(&server->peers, from, number); link > 0;) {
        uint32_t peer = link - 1;
        struct session_track *entry = track_of(server, peer, &owner);
        *track = peer / 2 % MEDIA_TRACKS_MAX;
        if (entry->ports[port] == number && address_same_host(&owner->peer, from))
            return owner;
        link = entry->next_peer[peer % 2];
    }
    return NULL;
}
