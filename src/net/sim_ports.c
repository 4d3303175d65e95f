/* The simulated network's one address space: which socket is bound where. */
#include <errno.h>

#include "net/sim_core.h"

#define EPHEMERAL_FIRST 32768
#define EPHEMERAL_LAST 60999

static bool is_any(const struct address *address)
{
    if (address->family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
    return address->v4.sin_addr.s_addr == INADDR_ANY;
}

static struct sim_socket **chain(struct sim *sim, bool udp, uint16_t port)
{
    return &sim->bound[udp][port];
}

static bool collide(const struct sim_socket *a, const struct sim_socket *b)
{
    if (a->local.family != b->local.family || (a->flags & b->flags & SIM_IS_SHARED))
        return false;
    return is_any(&a->local) || is_any(&b->local) || address_same_host(&a->local, &b->local);
}

uint16_t sim_ephemeral_port(struct sim *sim)
{
    uint16_t port = sim->next_port;
    sim->next_port = port == EPHEMERAL_LAST ? EPHEMERAL_FIRST : (uint16_t)(port + 1);
    return port;
}

static int choose_port(struct sim *sim, struct sim_socket *socket)
{
    bool udp = socket->flags & SIM_IS_UDP;
    for (int i = EPHEMERAL_FIRST; i <= EPHEMERAL_LAST; i++) {
        uint16_t port = sim_ephemeral_port(sim);
        if (!*chain(sim, udp, port)) {
            address_set_port(&socket->local, port);
            return 0;
        }
    }
    return -EADDRINUSE;
}

int sim_bind(struct sim *sim, struct sim_socket *socket)
{
    bool udp = socket->flags & SIM_IS_UDP;
    if (address_port(&socket->local) == 0 && choose_port(sim, socket) < 0)
        return -EADDRINUSE;
    struct sim_socket **first = chain(sim, udp, address_port(&socket->local));
    for (struct sim_socket *other = *first; other; other = other->neighbour) {
        if (collide(socket, other))
            return -EADDRINUSE;
    }
    socket->neighbour = *first;
    *first = socket;
    return 0;
}

void sim_unbind(struct sim *sim, struct sim_socket *socket)
{
    struct sim_socket **at = chain(sim, socket->flags & SIM_IS_UDP, address_port(&socket->local));
    while (*at && *at != socket)
        at = &(*at)->neighbour;
    if (*at)
        *at = socket->neighbour;
}

static bool receives(const struct sim_socket *socket, const struct address *to, bool any)
{
    if (any)
        return socket->local.family == to->family && is_any(&socket->local);
    return address_same_host(&socket->local, to);
}

struct sim_socket *sim_bound(struct sim *sim, bool udp, const struct address *to)
{
    struct sim_socket *first = *chain(sim, udp, address_port(to));
    for (int any = 0; any < 2; any++) {
        uint32_t count = 0;
        for (struct sim_socket *at = first; at; at = at->neighbour)
            count += receives(at, to, any);
        uint32_t skip = count > 1 ? sim->shared++ % count : 0;
        for (struct sim_socket *at = first; at; at = at->neighbour) {
            if (receives(at, to, any) && skip-- == 0)
                return at;
        }
    }
    return NULL;
}

struct address sim_own_address(const struct sim_loop *loop, sa_family_t family)
{
    struct address out = {.family = family};
    if (family == AF_INET6) {
        out.v6.sin6_addr.s6_addr[0] = 0xfd;
        out.v6.sin6_addr.s6_addr[14] = (uint8_t)((loop->number + 1) >> 8);
        out.v6.sin6_addr.s6_addr[15] = (uint8_t)(loop->number + 1);
    } else {
        out.v4.sin_addr.s_addr = htonl(UINT32_C(0x0a000000) + loop->number + 1);
    }
    return out;
}

struct address sim_source(const struct sim *sim, const struct sim_socket *socket)
{
    struct address source = socket->local;
    if (is_any(&source)) {
        source = sim_own_address(sim->loops[socket->self.loop], source.family);
        address_set_port(&source, address_port(&socket->local));
    }
    return source;
}
