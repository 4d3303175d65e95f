#include "net/loop.h"

#include <assert.h>
#include <errno.h>

#include "net/backend.h"

#define MAX_SOCKETS (UINT32_C(1) << 24) /* leaves 8 bits for generations */

static const struct {
    const char *name;
    uint32_t bit;
} features[] = {
    {"uring", LOOP_DENY_URING},
    {"min_wait", LOOP_DENY_MIN_WAIT},
    {"defer_taskrun", LOOP_DENY_DEFER_TASKRUN},
    {"buffer_ring", LOOP_DENY_BUFFER_RING},
    {"multishot", LOOP_DENY_MULTISHOT},
    {"gro", LOOP_DENY_GRO},
    {"gso", LOOP_DENY_GSO},
    {"timestamp", LOOP_DENY_TIMESTAMP},
    {"inq", LOOP_DENY_INQ},
};

static uint32_t feature_bit(struct slice word)
{
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        if (slice_equal(word, slice_from_string(features[i].name)))
            return features[i].bit;
    }
    return 0;
}

bool loop_parse_denied(const char *list, uint32_t *denied, struct slice *bad)
{
    struct slice rest = slice_from_string(list);
    *denied = 0;
    while (rest.len > 0) {
        struct slice word = slice_trim(slice_take_until(&rest, ','));
        uint32_t bit = feature_bit(word);
        if (bit == 0 && word.len > 0) {
            *bad = word;
            return false;
        }
        *denied |= bit;
    }
    return true;
}

void loop_init(struct loop *loop, const struct loop_ops *ops, const struct loop_config *config,
               loop_handler handler, void *context)
{
    loop->ops = ops;
    loop->config = *config;
    loop->handler = handler;
    loop->context = context;
    loop->index_bits = 1;
    while ((UINT32_C(1) << loop->index_bits) < config->max_sockets)
        loop->index_bits++;
}

uint16_t loop_next_generation(const struct loop *loop, uint16_t generation)
{
    unsigned bits = 32 - loop->index_bits;
    uint16_t last = bits >= 16 ? UINT16_MAX : (uint16_t)((1u << bits) - 1);
    return generation == last ? 1 : (uint16_t)(generation + 1);
}

int loop_new(struct loop **out, const struct loop_config *config, loop_handler handler,
             void *context)
{
    const uint32_t essential = LOOP_DENY_URING | LOOP_DENY_BUFFER_RING | LOOP_DENY_MULTISHOT;
    assert(config->max_sockets > 0 && config->max_sockets <= MAX_SOCKETS);
    *out = NULL;
    switch (config->kind) {
    case LOOP_URING:
        if (config->denied & essential)
            return -EPERM;
        return loop_new_uring(out, config, handler, context);
    case LOOP_EPOLL:
        return loop_new_epoll(out, config, handler, context);
    case LOOP_SIM:
        assert(config->sim);
        return loop_new_sim(out, config, handler, context);
    }
    return -EINVAL;
}

void loop_free(struct loop *loop)
{
    if (loop)
        loop->ops->free(loop);
}

void loop_turn(struct loop *loop, uint64_t deadline_ns, uint64_t coalesce_ns)
{
    loop->ops->turn(loop, deadline_ns, coalesce_ns);
}

uint64_t loop_now(const struct loop *loop)
{
    return loop->now_ns;
}

uint64_t loop_clock(const struct loop *loop)
{
    return loop->ops->clock(loop);
}

void loop_wake(struct loop *loop)
{
    loop->ops->wake(loop);
}

const char *loop_describe(const struct loop *loop)
{
    return loop->description;
}

int64_t loop_connect(struct loop *loop, const struct loop_tcp *tcp)
{
    return loop->ops->connect(loop, tcp);
}

int64_t loop_listen(struct loop *loop, const struct address *at, bool shared,
                    const char *congestion, uint64_t token)
{
    return loop->ops->listen(loop, at, shared, congestion, token);
}

int64_t loop_open_udp(struct loop *loop, const struct loop_udp *udp)
{
    return loop->ops->open_udp(loop, udp);
}

int64_t loop_send(struct loop *loop, loop_socket socket, const struct iovec *parts, int count)
{
    return loop->ops->send(loop, socket, parts, count);
}

int loop_send_to(struct loop *loop, loop_socket socket, const struct address *to,
                 struct slice bytes, uint32_t segment)
{
    return loop->ops->send_to(loop, socket, to, bytes, segment);
}

void loop_want_writable(struct loop *loop, loop_socket socket)
{
    loop->ops->want_writable(loop, socket);
}

void loop_set_token(struct loop *loop, loop_socket socket, uint64_t token)
{
    loop->ops->set_token(loop, socket, token);
}

void loop_pause(struct loop *loop, loop_socket socket, bool paused)
{
    loop->ops->pause(loop, socket, paused);
}

void loop_shutdown(struct loop *loop, loop_socket socket)
{
    loop->ops->shutdown(loop, socket);
}

void loop_close(struct loop *loop, loop_socket socket, bool reset)
{
    loop->ops->close(loop, socket, reset);
}

void loop_quickack_off(struct loop *loop, loop_socket socket)
{
    loop->ops->quickack_off(loop, socket);
}

uint32_t loop_udp_drops(struct loop *loop, loop_socket socket)
{
    return loop->ops->udp_drops(loop, socket);
}

uint32_t loop_unacked(struct loop *loop, loop_socket socket)
{
    return loop->ops->unacked(loop, socket);
}

uint32_t loop_rcvbuf(struct loop *loop, loop_socket socket)
{
    return loop->ops->rcvbuf(loop, socket);
}

bool loop_local_address(struct loop *loop, loop_socket socket, struct address *out)
{
    return loop->ops->local_address(loop, socket, out);
}

int loop_resolve(struct loop *loop, struct slice host, uint16_t port, uint64_t token)
{
    return loop->ops->resolve(loop, host, port, token);
}
