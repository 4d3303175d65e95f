#include "load/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *open_below(const char *root, const char *path)
{
    char whole[512];
    int n = snprintf(whole, sizeof(whole), "%s%s", root, path);
    return n > 0 && (size_t)n < sizeof(whole) ? fopen(whole, "re") : NULL;
}

/* The nth number (from 0) of a file's first line; LIMITS_UNKNOWN when there is none. */
static uint64_t read_number(const char *root, const char *path, unsigned nth)
{
    FILE *file = open_below(root, path);
    uint64_t value = LIMITS_UNKNOWN;
    if (!file)
        return LIMITS_UNKNOWN;
    for (unsigned i = 0; i <= nth; i++) {
        if (fscanf(file, "%" SCNu64, &value) != 1)
            value = LIMITS_UNKNOWN;
    }
    fclose(file);
    return value;
}

static uint64_t read_sysctl(const char *root, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "/proc/sys/%s", name);
    return read_number(root, path, 0);
}

static void read_word(const char *root, const char *path, char *out, size_t size)
{
    FILE *file = open_below(root, path);
    if (file && fgets(out, (int)size, file))
        out[strcspn(out, " \n")] = '\0';
    if (file)
        fclose(file);
}

/* Pages in use from the line of /proc/net/sockstat that begins so: "TCP: inuse 5 ... mem 7". */
static uint64_t pages_used(const char *root, const char *protocol)
{
    FILE *file = open_below(root, "/proc/net/sockstat");
    char line[256];
    uint64_t pages = 0;
    while (file && fgets(line, sizeof(line), file)) {
        const char *mem = strstr(line, " mem ");
        if (strncmp(line, protocol, strlen(protocol)) == 0 && mem)
            sscanf(mem, " mem %" SCNu64, &pages);
    }
    if (file)
        fclose(file);
    return pages;
}

/* The device whose destination is 0.0.0.0. */
static void read_device(struct limits *out, const char *root)
{
    FILE *file = open_below(root, "/proc/net/route");
    char line[256], device[32], path[128];
    while (file && fgets(line, sizeof(line), file)) {
        unsigned destination = 1;
        if (sscanf(line, "%31s %x", device, &destination) == 2 && destination == 0) {
            memcpy(out->device, device, sizeof(device));
            break;
        }
    }
    if (file)
        fclose(file);
    if (out->device[0] == '\0')
        return;
    snprintf(path, sizeof(path), "/sys/class/net/%s/speed", out->device);
    uint64_t mbps = read_number(root, path, 0);
    if (mbps > 0 && mbps < UINT32_MAX) /* "-1" where it isn't known */
        out->device_bps = mbps * 1000000;
}

static void read_machine(struct machine *machine, const char *root)
{
    uint64_t low = read_number(root, "/proc/sys/net/ipv4/ip_local_port_range", 0);
    uint64_t high = read_number(root, "/proc/sys/net/ipv4/ip_local_port_range", 1);
    uint64_t used = read_number(root, "/proc/sys/fs/file-nr", 0);
    uint64_t max = read_number(root, "/proc/sys/fs/file-nr", 2);
    machine_read(machine);
    if (root[0] == '\0')
        return;
    machine->port_low = low < 65536 ? (uint16_t)low : 32768;
    machine->port_high = high < 65536 ? (uint16_t)high : 60999;
    machine->files_free = max > used ? max - used : 0;
    FILE *file = open_below(root, "/proc/meminfo");
    char line[128];
    uint64_t kib;
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
            machine->memory_bytes = kib * 1024;
    }
    if (file)
        fclose(file);
}

void limits_read(struct limits *out, const char *root)
{
    *out = (struct limits){
        .file_max = read_sysctl(root, "fs/file-max"),
        .nr_open = read_sysctl(root, "fs/nr_open"),
        .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
        .tcp_mem_pages = read_number(root, "/proc/sys/net/ipv4/tcp_mem", 1),
        .tcp_mem_max_pages = read_number(root, "/proc/sys/net/ipv4/tcp_mem", 2),
        .tcp_pages_used = pages_used(root, "TCP:"),
        .udp_mem_pages = read_number(root, "/proc/sys/net/ipv4/udp_mem", 2),
        .udp_pages_used = pages_used(root, "UDP:"),
        .rmem_max = read_sysctl(root, "net/core/rmem_max"),
        .wmem_max = read_sysctl(root, "net/core/wmem_max"),
        .somaxconn = read_sysctl(root, "net/core/somaxconn"),
        .netdev_backlog = read_sysctl(root, "net/core/netdev_max_backlog"),
        .conntrack_max = read_sysctl(root, "net/netfilter/nf_conntrack_max"),
        .conntrack_count = read_sysctl(root, "net/netfilter/nf_conntrack_count"),
        .io_uring_disabled = read_sysctl(root, "kernel/io_uring_disabled"),
        .rp_filter = read_sysctl(root, "net/ipv4/conf/all/rp_filter"),
        .device_bps = LIMITS_UNKNOWN,
    };
    read_machine(&out->machine, root);
    read_word(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", out->governor,
              sizeof(out->governor));
    read_device(out, root);
}
