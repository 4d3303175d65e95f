/* machine.h - what this machine allows a run: cores, memory, open files and ports. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/text.h"
#include "stats/judge.h"

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

/* Adds why something could not be set up (error: -errno), and what to do where a limit of this
   process is behind it. */
void machine_explain(struct text *to, int error);

/* Raises the soft limit of open files to the hard one. */
void machine_raise_files(void);

#define MACHINE_CORES 256u /* looked at; more are left out */

/* What a core had done by then. */
struct machine_core {
    uint64_t busy, total; /* clock ticks */
    uint64_t own_ns;      /* of this process, on all cores */
};

/* Each core when last looked at, and when it was last not busy. Ready when zeroed. */
struct machine_load {
    struct machine_core last[MACHINE_CORES], since[MACHINE_CORES];
};

/* The core that has been busy the longest since the first call, whoever used it. Of its work as
   much as this process did on all cores together may be ours. */
struct busy_core machine_busiest_core(struct machine_load *load);

/* The same from the text of /proc/stat and the process's CPU time as of now. */
struct busy_core machine_see_cores(struct machine_load *load, FILE *stat, uint64_t own_ns);
