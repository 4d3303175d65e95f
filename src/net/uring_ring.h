/* uring_ring.h - an io_uring with two rings of provided buffers, probed for what the kernel can do.
 */
#pragma once

#include <sys/socket.h>

#include "net/loop.h"
#include "net/stamp.h"
#include "net/uring_compat.h"

/* Buffers the kernel picks from. What it writes into one: struct io_uring_recvmsg_out, the sender's
   name, control messages, the bytes. No more are offered than stay in the processor's cache: when
   reads are large, a few that are used again and again; the last one used is the first again. */
struct uring_buffers {
    struct io_uring_buf_ring *ring;
    uint8_t *base;
    uint32_t count; /* a power of 2 */
    uint32_t size;  /* bytes each */
    uint16_t group;
    struct msghdr layout; /* lengths of name and control messages */
    uint16_t *spare;      /* a stack of those that aren't offered */
    uint32_t spare_count;
    uint32_t offered;    /* in the ring, as far as completions have told */
    uint32_t depth;      /* how many should be */
    uint32_t turn_count; /* filled since the last uring_buffers_settle, and with how much */
    uint64_t turn_bytes;
};

struct uring_ring {
    struct io_uring ring;
    bool opened;
    bool min_wait;
    bool deferred;
    uint32_t completions; /* room in the completion queue */
    struct uring_buffers stream;
    struct uring_buffers datagram; /* 64 KiB each, untouched pages cost nothing: an aggregate of GRO
                                      that is cut would be loss of our own making */
    struct address *targets;       /* of connects not yet submitted, one per submission entry */
};

/* A message as it lies in its buffer. */
struct uring_message {
    struct slice bytes;
    struct remarks remarks;
    const struct address *from; /* NULL: none */
};

/* Sets everything up and tries a multishot receive. 0; -ENOSYS or -EPERM when io_uring, or what we
   need of it, isn't there. On failure it must still be disposed of. */
int uring_ring_init(struct uring_ring *ring, const struct loop_config *config);
void uring_ring_dispose(struct uring_ring *ring);

/* An empty submission entry; submits those before when the queue is full. */
struct io_uring_sqe *uring_ring_entry(struct uring_ring *ring);

/* Arms a multishot receive into those buffers. */
void uring_ring_receive(struct uring_ring *ring, struct uring_buffers *buffers, int fd,
                        uint64_t user_data);

/* The address must last until the entry is submitted, so it is copied. */
void uring_ring_connect(struct uring_ring *ring, int fd, const struct address *to,
                        uint64_t user_data);

/* Ends another operation; its own completion comes under user_data. */
void uring_ring_cancel(struct uring_ring *ring, uint64_t target, uint64_t user_data);

/* Reads the buffer that a completion names, once: it is no longer offered then. */
struct uring_message uring_buffers_message(struct uring_buffers *buffers, unsigned id,
                                           uint32_t bytes);
void uring_buffers_give(struct uring_buffers *buffers, unsigned id);

/* At a turn's end: how many to offer, from how full they came. */
void uring_buffers_settle(struct uring_buffers *buffers);
