/* backend.h - what the backends behind loop.h have in common: a table of operations and socket
 * names. */
#pragma once

#include "base/pool.h"
#include "net/loop.h"

/* As loop.h says, a function each. */
struct loop_ops {
    void (*free)(struct loop *loop);
    void (*turn)(struct loop *loop, uint64_t deadline_ns, uint64_t coalesce_ns);
    uint64_t (*clock)(const struct loop *loop);
    void (*wake)(struct loop *loop);
    int64_t (*connect)(struct loop *loop, const struct loop_tcp *tcp);
    int64_t (*listen)(struct loop *loop, const struct address *at, bool shared,
                      const char *congestion, uint64_t token);
    int64_t (*open_udp)(struct loop *loop, const struct loop_udp *udp);
    int64_t (*send)(struct loop *loop, loop_socket socket, const struct iovec *parts, int count);
    int (*send_to)(struct loop *loop, loop_socket socket, const struct address *to,
                   struct slice bytes, uint32_t segment);
    void (*want_writable)(struct loop *loop, loop_socket socket);
    void (*set_token)(struct loop *loop, loop_socket socket, uint64_t token);
    void (*pause)(struct loop *loop, loop_socket socket, bool paused);
    void (*shutdown)(struct loop *loop, loop_socket socket);
    void (*close)(struct loop *loop, loop_socket socket, bool reset);
    void (*quickack_off)(struct loop *loop, loop_socket socket);
    uint32_t (*udp_drops)(struct loop *loop, loop_socket socket);
    uint32_t (*unacked)(struct loop *loop, loop_socket socket);
    uint32_t (*rcvbuf)(struct loop *loop, loop_socket socket);
    bool (*local_address)(struct loop *loop, loop_socket socket, struct address *out);
    int (*resolve)(struct loop *loop, struct slice host, uint16_t port, uint64_t token);
};

struct loop {
    const struct loop_ops *ops;
    struct loop_config config;
    loop_handler handler;
    void *context;
    uint64_t now_ns;
    unsigned index_bits; /* of a loop_socket; the generation has the rest */
    char description[96];
};

/* Fills in what all backends have. */
void loop_init(struct loop *loop, const struct loop_ops *ops, const struct loop_config *config,
               loop_handler handler, void *context);

static inline void loop_emit(struct loop *loop, const struct loop_event *event)
{
    loop->handler(loop->context, event);
}

/* Names: the generation is never 0, so neither is the name. */
static inline loop_socket loop_name(const struct loop *loop, uint32_t index, uint32_t generation)
{
    return generation << loop->index_bits | index;
}

static inline uint32_t loop_index(const struct loop *loop, loop_socket socket)
{
    return socket & ((UINT32_C(1) << loop->index_bits) - 1);
}

static inline uint32_t loop_generation(const struct loop *loop, loop_socket socket)
{
    return socket >> loop->index_bits;
}

/* The generation that follows; 16 bits at most, fewer where indices need more. */
uint16_t loop_next_generation(const struct loop *loop, uint16_t generation);

int loop_new_epoll(struct loop **out, const struct loop_config *config, loop_handler handler,
                   void *context);
int loop_new_uring(struct loop **out, const struct loop_config *config, loop_handler handler,
                   void *context);
int loop_new_sim(struct loop **out, const struct loop_config *config, loop_handler handler,
                 void *context);
