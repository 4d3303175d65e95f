/* uring_compat.h - the few things of io_uring that are newer than Debian 12's headers and
 * liburing 2.3. */
#pragma once

#include <liburing.h>
#include <signal.h>
#include <stdint.h>

/* Linux 6.12: io_uring_enter can gather completions for a while. */
#define URING_FEAT_MIN_TIMEOUT (1U << 15)

/* struct io_uring_getevents_arg as of 6.12: what was padding is the time to gather. */
struct uring_wait {
    uint64_t sigmask;
    uint32_t sigmask_size;
    uint32_t min_wait_usec;
    uint64_t timeout;
};

/* Waits for count completions, for timeout_ns at most (UINT64_MAX: for ever), with that signal
   mask. With min_wait_us, any completion is enough once that time has passed. 0 or -errno: -ETIME,
   -EINTR. */
int uring_wait(struct io_uring *ring, unsigned count, uint64_t timeout_ns, uint32_t min_wait_us,
               const sigset_t *mask);
