#include "load/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"

#define SHORTEST_TICKS 10u /* 100 ms: less says little about a share */

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

/* A core's line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. The line of
   all cores together has a blank where the others have their number. */
static bool read_core(const char *line, unsigned *core, struct machine_core *now)
{
    uint64_t ticks[8], total = 0;
    if (strncmp(line, "cpu", 3) != 0 || line[3] == ' ' ||
        sscanf(line,
               "cpu%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64 " %" SCNu64,
               core, &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6],
               &ticks[7]) != 9 ||
        *core >= MACHINE_CORES)
        return false;
    for (unsigned i = 0; i < 8; i++)
        total += ticks[i];
    now->busy = total - ticks[3] - ticks[4];
    now->total = total;
    return true;
}

static double share_since(const struct machine_core *then, const struct machine_core *now)
{
    return (double)(now->busy - then->busy) / (double)(now->total - then->total);
}

/* Waiting for a disk may be taken back, says proc(5): then nothing is known of that time. */
static bool went_back(const struct machine_core *then, const struct machine_core *now)
{
    return now->total < then->total || now->busy < then->busy;
}

static struct busy_core see_core(struct machine_load *load, unsigned core,
                                 const struct machine_core *now)
{
    struct machine_core *last = &load->last[core], *since = &load->since[core];
    bool first = last->total == 0 || went_back(last, now);
    if (!first && now->total - last->total < SHORTEST_TICKS)
        return (struct busy_core){0};
    if (first || share_since(last, now) <= JUDGE_BUSY)
        *since = *now;
    *last = *now;
    if (now->total == since->total)
        return (struct busy_core){0};
    double tick_ns = (double)NS_PER_S / (double)sysconf(_SC_CLK_TCK);
    double busy_ns = (double)(now->busy - since->busy) * tick_ns;
    double own_ns = (double)(now->own_ns - since->own_ns);
    return (struct busy_core){
        .busy_ns = (uint64_t)((double)(now->total - since->total) * tick_ns),
        .core = core,
        .share = share_since(since, now),
        .others = own_ns < busy_ns ? 1 - own_ns / busy_ns : 0,
    };
}

struct busy_core machine_see_cores(struct machine_load *load, FILE *stat, uint64_t own_ns)
{
    char line[256];
    unsigned core;
    struct busy_core busiest = {0};
    struct machine_core now = {.own_ns = own_ns};
    while (fgets(line, sizeof(line), stat)) {
        if (!read_core(line, &core, &now))
            continue;
        struct busy_core busy = see_core(load, core, &now);
        if (busy.busy_ns > busiest.busy_ns ||
            (busy.busy_ns == busiest.busy_ns && busy.share > busiest.share))
            busiest = busy;
    }
    return busiest;
}

struct busy_core machine_busiest_core(struct machine_load *load)
{
    struct busy_core busiest = {0};
    FILE *stat = fopen("/proc/stat", "re");
    if (!stat)
        return busiest;
    busiest = machine_see_cores(load, stat, clock_process_cpu_ns());
    fclose(stat);
    return busiest;
}

void machine_explain(struct text *to, int error)
{
    struct rlimit space = {RLIM_INFINITY, RLIM_INFINITY};
    getrlimit(RLIMIT_AS, &space);
    text_add_string(to, strerror(-error));
    if (error != -ENOMEM || space.rlim_cur == RLIM_INFINITY)
        return;
    text_add_string(to, ": the address space of this process is limited to ");
    units_write_bytes(to, space.rlim_cur);
    text_add_string(
        to, " (RLIMIT_AS), and rtspbench reserves some for as many sessions as there may be, "
            "though it touches little of that. Run 'ulimit -v unlimited' first, or ask for "
            "fewer sessions.");
}
