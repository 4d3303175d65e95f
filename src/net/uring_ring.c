#include "net/uring_ring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

#define ENTRIES 1024 /* of the submission queue */
#define NAME_ROOM 32 /* a struct sockaddr_in6, rounded up so that what follows is aligned */
/* Bytes a buffer: 64 KiB of payload and what stands before them. An odd multiple of a cache line
   more than a page over a power of 2: else all buffers' beginnings would compete for the same
   lines. */
#define BUFFER_SIZE 69696u
#define BUFFERS 256u           /* of streams, and of datagrams; a power of 2 */
#define WORKING_SET (1u << 21) /* bytes of buffers that are offered, as filled */
#define DEPTH_MIN 8u
#define DEPTH_FIRST 64u
#define PROBE_NS NS_PER_S

static int map(void **out, size_t bytes)
{
    *out = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                -1, 0);
    if (*out == MAP_FAILED)
        *out = NULL;
    return *out ? 0 : -ENOMEM;
}

static uint8_t *buffer_at(const struct uring_buffers *buffers, unsigned id)
{
    return buffers->base + (size_t)id * buffers->size;
}

static void offer(struct uring_buffers *buffers, unsigned id)
{
    int mask = io_uring_buf_ring_mask(buffers->count);
    io_uring_buf_ring_add(buffers->ring, buffer_at(buffers, id), buffers->size, (uint16_t)id, mask,
                          0);
    io_uring_buf_ring_advance(buffers->ring, 1);
    buffers->offered++;
}

void uring_buffers_give(struct uring_buffers *buffers, unsigned id)
{
    if (buffers->offered < buffers->depth)
        offer(buffers, id);
    else
        buffers->spare[buffers->spare_count++] = (uint16_t)id;
}

void uring_buffers_settle(struct uring_buffers *buffers)
{
    if (buffers->turn_count < DEPTH_MIN)
        return;
    uint64_t average = buffers->turn_bytes / buffers->turn_count + 1;
    uint64_t depth = WORKING_SET / average;
    buffers->depth = (uint32_t)(depth < DEPTH_MIN ? DEPTH_MIN : depth);
    if (buffers->depth > buffers->count)
        buffers->depth = buffers->count;
    buffers->turn_count = 0;
    buffers->turn_bytes = 0;
    while (buffers->offered < buffers->depth && buffers->spare_count > 0)
        offer(buffers, buffers->spare[--buffers->spare_count]);
}

static int open_buffers(struct uring_ring *ring, struct uring_buffers *buffers)
{
    void *memory;
    int error = map(&memory, buffers->count * sizeof(struct io_uring_buf));
    buffers->ring = memory;
    if (error == 0)
        error = map(&memory, (size_t)buffers->count * buffers->size);
    if (error)
        return error;
    buffers->base = memory;
    buffers->spare = calloc(buffers->count, sizeof(buffers->spare[0]));
    if (!buffers->spare)
        return -ENOMEM;
    struct io_uring_buf_reg where = {.ring_addr = (uintptr_t)buffers->ring,
                                     .ring_entries = buffers->count,
                                     .bgid = buffers->group};
    error = io_uring_register_buf_ring(&ring->ring, &where, 0);
    if (error)
        return error == -EINVAL ? -ENOSYS : error;
    io_uring_buf_ring_init(buffers->ring);
    buffers->depth = buffers->count < DEPTH_FIRST ? buffers->count : DEPTH_FIRST;
    for (unsigned i = buffers->count; i-- > 0;)
        uring_buffers_give(buffers, i);
    return 0;
}

static void close_buffers(struct uring_buffers *buffers)
{
    free(buffers->spare);
    if (buffers->ring)
        munmap(buffers->ring, buffers->count * sizeof(struct io_uring_buf));
    if (buffers->base)
        munmap(buffers->base, (size_t)buffers->count * buffers->size);
}

/* A completion a socket, and one a buffer, since those bound the data; no fewer than entries. More
   at a time (every socket ends while all of them have data) the kernel keeps for us. It rounds up
   to a power of 2, touches all of it in turn, and clamps what is too much. */
static int open_ring(struct uring_ring *ring, const struct loop_config *config)
{
    static const unsigned ways[] = {IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER,
                                    IORING_SETUP_COOP_TASKRUN, 0};
    uint32_t wish = config->max_sockets + ENTRIES;
    int error = -ENOSYS;
    for (size_t i = config->denied & LOOP_DENY_DEFER_TASKRUN ? 1 : 0; i < 3; i++) {
        struct io_uring_params params = {
            .flags = ways[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP, .cq_entries = wish};
        error = io_uring_queue_init_params(ENTRIES, &ring->ring, &params);
        if (error == 0) {
            ring->opened = true;
            ring->deferred = ways[i] & IORING_SETUP_DEFER_TASKRUN;
            ring->completions = params.cq_entries;
            ring->min_wait = (params.features & URING_FEAT_MIN_TIMEOUT) &&
                             !(config->denied & LOOP_DENY_MIN_WAIT);
            return params.features & IORING_FEAT_EXT_ARG ? 0 : -ENOSYS;
        }
        if (error != -EINVAL)
            break;
    }
    return error == -EINVAL ? -ENOSYS : error == -EACCES ? -EPERM : error;
}

static int next_completion(struct uring_ring *ring, struct io_uring_cqe *out)
{
    struct __kernel_timespec limit = {PROBE_NS / NS_PER_S, PROBE_NS % NS_PER_S};
    struct io_uring_cqe *completion;
    int error = io_uring_wait_cqe_timeout(&ring->ring, &completion, &limit);
    if (error == 0) {
        *out = *completion;
        io_uring_cqe_seen(&ring->ring, completion);
    }
    return error;
}

/* Receives a byte for a trial, since versions say nothing about what was backported or is refused.
 */
static int try_multishot(struct uring_ring *ring, const int pair[2])
{
    enum { TRIAL = 1, CANCEL = 2 };
    struct io_uring_cqe got;
    uring_ring_receive(ring, &ring->stream, pair[0], TRIAL);
    if (send(pair[1], "", 1, MSG_DONTWAIT) != 1)
        return -errno;
    int error = io_uring_submit(&ring->ring);
    if (error >= 0)
        error = next_completion(ring, &got);
    if (error)
        return error;
    bool works = got.res > 0 && (got.flags & IORING_CQE_F_BUFFER);
    if (works) {
        unsigned id = got.flags >> IORING_CQE_BUFFER_SHIFT;
        uring_buffers_message(&ring->stream, id, (uint32_t)got.res);
        uring_buffers_give(&ring->stream, id);
    }
    if (!(got.flags & IORING_CQE_F_MORE))
        return -ENOSYS;
    uring_ring_cancel(ring, TRIAL, CANCEL);
    io_uring_submit(&ring->ring);
    for (int left = 2; left > 0 && error == 0; left--)
        error = next_completion(ring, &got);
    return works ? error : -ENOSYS;
}

static int probe(struct uring_ring *ring)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    int error = try_multishot(ring, pair);
    close(pair[0]);
    close(pair[1]);
    return error;
}

int uring_ring_init(struct uring_ring *ring, const struct loop_config *config)
{
    uint32_t count = config->faults & LOOP_FAULT_NO_BUFFERS ? 2 : BUFFERS;
    *ring = (struct uring_ring){
        .stream = {.count = count, .size = BUFFER_SIZE, .layout = {.msg_controllen = REMARKS_TCP}},
        .datagram = {.count = count,
                     .size = BUFFER_SIZE,
                     .group = 1,
                     .layout = {.msg_namelen = NAME_ROOM, .msg_controllen = REMARKS_UDP}}};
    int error = open_ring(ring, config);
    if (error)
        return error;
    ring->targets = calloc(ring->ring.sq.ring_entries, sizeof(ring->targets[0]));
    if (!ring->targets)
        return -ENOMEM;
    error = open_buffers(ring, &ring->stream);
    if (error == 0)
        error = open_buffers(ring, &ring->datagram);
    return error ? error : probe(ring);
}

void uring_ring_dispose(struct uring_ring *ring)
{
    if (ring->opened)
        io_uring_queue_exit(&ring->ring);
    close_buffers(&ring->stream);
    close_buffers(&ring->datagram);
    free(ring->targets);
}

struct io_uring_sqe *uring_ring_entry(struct uring_ring *ring)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->ring);
    if (!entry) {
        io_uring_submit(&ring->ring);
        entry = io_uring_get_sqe(&ring->ring);
    }
    assert(entry);
    return entry;
}

void uring_ring_receive(struct uring_ring *ring, struct uring_buffers *buffers, int fd,
                        uint64_t user_data)
{
    struct io_uring_sqe *entry = uring_ring_entry(ring);
    io_uring_prep_recvmsg_multishot(entry, fd, &buffers->layout, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = buffers->group;
    io_uring_sqe_set_data64(entry, user_data);
}

void uring_ring_connect(struct uring_ring *ring, int fd, const struct address *to,
                        uint64_t user_data)
{
    struct io_uring_sqe *entry = uring_ring_entry(ring);
    struct address *kept = &ring->targets[entry - ring->ring.sq.sqes];
    *kept = *to;
    io_uring_prep_connect(entry, fd, &kept->any, address_len(to));
    io_uring_sqe_set_data64(entry, user_data);
}

void uring_ring_cancel(struct uring_ring *ring, uint64_t target, uint64_t user_data)
{
    struct io_uring_sqe *entry = uring_ring_entry(ring);
    io_uring_prep_cancel64(entry, target, 0);
    io_uring_sqe_set_data64(entry, user_data);
}

struct uring_message uring_buffers_message(struct uring_buffers *buffers, unsigned id,
                                           uint32_t bytes)
{
    uint8_t *at = buffer_at(buffers, id);
    buffers->offered--;
    buffers->turn_count++;
    buffers->turn_bytes += bytes;
    const struct io_uring_recvmsg_out *head = (const struct io_uring_recvmsg_out *)at;
    uint8_t *name = at + sizeof(*head), *control = name + buffers->layout.msg_namelen;
    uint8_t *payload = control + buffers->layout.msg_controllen;
    uint32_t before = (uint32_t)(payload - at);
    struct msghdr message = {.msg_control = control, .msg_controllen = head->controllen};
    uint32_t len = bytes > before ? bytes - before : 0;
    return (struct uring_message){
        .bytes = {payload, head->payloadlen < len ? head->payloadlen : len},
        .remarks = remarks_read(&message),
        .from = head->namelen > 0 ? (const struct address *)name : NULL};
}
