#include "net/uring_compat.h"

#include <assert.h>

#include "base/clock.h"

static_assert(sizeof(struct uring_wait) == sizeof(struct io_uring_getevents_arg),
              "the kernel tells by the size");

int uring_wait(struct io_uring *ring, unsigned count, uint64_t timeout_ns, uint32_t min_wait_us,
               const sigset_t *mask)
{
    struct __kernel_timespec limit = {(int64_t)(timeout_ns / NS_PER_S),
                                      (long long)(timeout_ns % NS_PER_S)};
    struct uring_wait wait = {.sigmask = (uintptr_t)mask,
                              .sigmask_size = _NSIG / 8,
                              .min_wait_usec = min_wait_us,
                              .timeout = timeout_ns == TIME_NEVER ? 0 : (uintptr_t)&limit};
    unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    int got = io_uring_enter2((unsigned)ring->enter_ring_fd, 0, count, flags, (sigset_t *)&wait,
                              sizeof(wait));
    return got < 0 ? got : 0;
}
