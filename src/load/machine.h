/* machine.h - what this machine allows a run: cores, memory, open files and ports. */
#pragma once

#include <stdint.h>

struct machine {
    uint32_t cores;               /* that this process may run on */
    uint64_t memory_bytes;        /* available now, the control group's limit included */
    uint64_t nofile;              /* hard limit of open files, for each file table */
    uint64_t files_free;          /* that the whole system may still open (fs.file-max) */
    uint16_t port_low, port_high; /* net.ipv4.ip_local_port_range, inclusive */
    uint64_t
        rcvbuf_max; /* bytes that a UDP socket's buffer may have; UINT64_MAX with CAP_NET_ADMIN */
};

/* What can't be read gets the kernel's default. */
void machine_read(struct machine *out);

/* Cores that this process may run on. */
uint32_t machine_cores(void);

/* Raises the soft limit of open files to the hard one. */
void machine_raise_files(void);

#define MACHINE_CORES 256u /* looked at; more are left out */

/* What each core had done when last asked, in clock ticks. Ready when zeroed. */
struct machine_load {
    uint64_t busy[MACHINE_CORES];
    uint64_t total[MACHINE_CORES];
};

/* How busy the busiest core was since the last call, 0 to 1, whoever used it; 0 at the first call.
 */
double machine_busiest_core(struct machine_load *load);
