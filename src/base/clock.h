/* clock.h - time in nanoseconds. */
#pragma once

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* No deadline: later than every time. */
#define TIME_NEVER UINT64_MAX

/* CLOCK_MONOTONIC: what every duration and deadline is measured on. */
uint64_t clock_monotonic_ns(void);

/* CLOCK_REALTIME: nanoseconds since 1970 (UTC), for stamps that leave the process. */
uint64_t clock_realtime_ns(void);

/* CPU time (user and system) of the calling thread. */
uint64_t clock_thread_cpu_ns(void);

/* The same of all threads of this process. */
uint64_t clock_process_cpu_ns(void);

/* Time that the calling thread ran or waited for a core, which is what it would have used had there
   been cores enough; the CPU time alone where the kernel has no schedstat. Costs a few us. */
uint64_t clock_thread_demand_ns(void);
