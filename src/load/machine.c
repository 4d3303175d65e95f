#include "load/machine.h"

#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

/* The numbers in a file of one line; those that aren't there stay as they are. */
static void read_numbers(const char *path, uint64_t *first, uint64_t *second)
{
    FILE *file = fopen(path, "re");
    uint64_t a, b;
    if (!file)
        return;
    int n = fscanf(file, "%" SCNu64 " %" SCNu64, &a, &b);
    fclose(file);
    if (n >= 1)
        *first = a;
    if (n >= 2 && second)
        *second = b;
}

static uint64_t memory_available(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    uint64_t kib = 1024 * 1024, limit = UINT64_MAX, used = 0;
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
            break;
    }
    if (file)
        fclose(file);
    read_numbers("/sys/fs/cgroup/memory.max", &limit, NULL);
    read_numbers("/sys/fs/cgroup/memory.current", &used, NULL);
    uint64_t group = limit > used ? limit - used : 0;
    return kib * 1024 < group ? kib * 1024 : group;
}

uint32_t machine_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return (uint32_t)CPU_COUNT(&set);
    return (uint32_t)get_nprocs();
}

static uint64_t files_free(void)
{
    FILE *file = fopen("/proc/sys/fs/file-nr", "re");
    uint64_t used = 0, unused = 0, max = INT64_MAX;
    if (file) {
        if (fscanf(file, "%" SCNu64 " %" SCNu64 " %" SCNu64, &used, &unused, &max) != 3)
            max = INT64_MAX;
        fclose(file);
    }
    return max > used ? max - used : 0;
}

/* CAP_NET_ADMIN in the effective set: SO_RCVBUFFORCE passes net.core.rmem_max then. */
static bool is_net_admin(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    uint64_t effective = 0;
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "CapEff: %" SCNx64, &effective) == 1)
            break;
    }
    if (file)
        fclose(file);
    return effective >> 12 & 1;
}

void machine_read(struct machine *out)
{
    struct rlimit files;
    uint64_t low = 32768, high = 60999;
    memset(out, 0, sizeof(*out));
    read_numbers("/proc/sys/net/ipv4/ip_local_port_range", &low, &high);
    out->port_low = (uint16_t)low;
    out->port_high = (uint16_t)high;
    out->cores = machine_cores();
    out->memory_bytes = memory_available();
    out->nofile = getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_max : 1024;
    out->files_free = files_free();
    out->rcvbuf_max = 212992;
    read_numbers("/proc/sys/net/core/rmem_max", &out->rcvbuf_max, NULL);
    if (is_net_admin())
        out->rcvbuf_max = UINT64_MAX;
}

void machine_raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* A core's share since the last call from its line of /proc/stat: user, nice, system, idle, iowait,
   irq, softirq, steal. */
static double core_share(struct machine_load *load, const char *line)
{
    unsigned core;
    uint64_t ticks[8], total = 0;
    if (sscanf(line,
               "cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64 " %" SCNu64,
               &core, &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6],
               &ticks[7]) != 9 ||
        core >= MACHINE_CORES)
        return 0;
    for (unsigned i = 0; i < 8; i++)
        total += ticks[i];
    uint64_t busy = total - ticks[3] - ticks[4];
    uint64_t span = total - load->total[core];
    double share = load->total[core] && span ? (double)(busy - load->busy[core]) / (double)span : 0;
    load->busy[core] = busy;
    load->total[core] = total;
    return share;
}

double machine_busiest_core(struct machine_load *load)
{
    FILE *file = fopen("/proc/stat", "re");
    char line[256];
    double busiest = 0;
    while (file && fgets(line, sizeof(line), file)) {
        double share = strncmp(line, "cpu", 3) == 0 ? core_share(load, line) : 0;
        busiest = share > busiest ? share : busiest;
    }
    if (file)
        fclose(file);
    return busiest;
}
