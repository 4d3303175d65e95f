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

static struct session_track *track_of(struct server *server, uint32_t peer,
                                      struct connection **owner)
{
    *owner = pool_at(&server->connections, peer / MEDIA_TRACKS_MAX);
    return &(*owner)->session.tracks[peer % MEDIA_TRACKS_MAX];
}

void peers_add(struct server *server, struct connection *connection, unsigned track)
{
    struct session_track *entry = &connection->session.tracks[track];
    uint32_t *head = head_of(&server->peers, &connection->peer, entry->ports[1]);
    entry->next_peer = *head;
    entry->is_peer = true;
    *head = connection_index(server, connection) * MEDIA_TRACKS_MAX + track + 1;
}

void peers_remove(struct server *server, struct connection *connection, unsigned track)
{
    struct session_track *entry = &connection->session.tracks[track];
    uint32_t peer = connection_index(server, connection) * MEDIA_TRACKS_MAX + track + 1;
    if (!entry->is_peer)
        return;
    struct connection *owner;
    uint32_t *link = head_of(&server->peers, &connection->peer, entry->ports[1]);
    while (*link != peer)
        link = &track_of(server, *link - 1, &owner)->next_peer;
    *link = entry->next_peer;
    entry->is_peer = false;
}

struct connection *peers_find(struct server *server, const struct address *from)
{
    uint16_t port = address_port(from);
    struct connection *owner;
    for (uint32_t peer = *head_of(&server->peers, from, port); peer > 0;) {
        struct session_track *entry = track_of(server, peer - 1, &owner);
        if (entry->ports[1] == port && address_same_host(&owner->peer, from))
            return owner;
        peer = entry->next_peer;
    }
    return NULL;
}
