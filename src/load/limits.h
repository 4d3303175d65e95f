/* limits.h - what a Linux machine sets limits to, as /proc and /sys tell it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "load/machine.h"

#define LIMITS_UNKNOWN UINT64_MAX /* where the kernel doesn't tell */

struct limits {
    struct machine machine; /* cores and open files are this process's, whatever the root */
    uint64_t file_max;      /* fs.file-max */
    uint64_t nr_open;       /* fs.nr_open: how far the limit of open files can be raised */
    uint64_t page_bytes;
    uint64_t tcp_mem_pages; /* net.ipv4.tcp_mem, the second: from there on buffers are squeezed */
    uint64_t tcp_mem_max_pages; /* the third */
    uint64_t tcp_pages_used;
    uint64_t udp_mem_pages; /* net.ipv4.udp_mem, the third */
    uint64_t udp_pages_used;
    uint64_t rmem_max, wmem_max; /* net.core */
    uint64_t somaxconn;
    uint64_t netdev_backlog; /* net.core.netdev_max_backlog */
    uint64_t conntrack_max;  /* LIMITS_UNKNOWN: no connection tracking */
    uint64_t conntrack_count;
    uint64_t io_uring_disabled; /* kernel.io_uring_disabled: 0 on, 1 for the privileged, 2 off */
    uint64_t rp_filter;         /* net.ipv4.conf.all: 0 off, 1 strict, 2 loose */
    char governor[32];          /* of the first core; empty: the machine has none */
    char device[32];            /* of the default route; empty: none */
    uint64_t device_bps;        /* LIMITS_UNKNOWN: virtual cards don't tell */
};

/* Reads them below root ("" for this machine; a folder that looks like it for tests). What can't be
   read is LIMITS_UNKNOWN or empty. */
void limits_read(struct limits *out, const char *root);
