#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "load/limits.h"

static char root[] = "/tmp/rtspbench-limits-XXXXXX";

/* Writes a file of the fake machine, with its folders. */
static void put(const char *path, const char *bytes)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(bytes, file);
    fclose(file);
}

static int make_root(void **state)
{
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[600];
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return system(command);
}

/* A machine that tells nothing at all. */
static void test_silent(void **state)
{
    struct limits limits;
    limits_read(&limits, root);
    assert_int_equal(limits.machine.port_low, 32768); /* the kernel's defaults */
    assert_int_equal(limits.machine.port_high, 60999);
    assert_true(limits.tcp_mem_pages == LIMITS_UNKNOWN);
    assert_true(limits.conntrack_max == LIMITS_UNKNOWN);
    assert_true(limits.device_bps == LIMITS_UNKNOWN);
    assert_int_equal(limits.tcp_pages_used, 0);
    assert_string_equal(limits.device, "");
    assert_string_equal(limits.governor, "");
}

static void test_told(void **state)
{
    struct limits limits;
    put("/proc/sys/net/ipv4/ip_local_port_range", "1024\t65000\n");
    put("/proc/sys/fs/file-nr", "1000\t0\t51000\n");
    put("/proc/sys/fs/file-max", "51000\n");
    put("/proc/meminfo", "MemTotal:  9000 kB\nMemFree:  1 kB\nMemAvailable:    8000 kB\n");
    put("/proc/sys/net/ipv4/tcp_mem", "100\t200\t300\n");
    put("/proc/sys/net/ipv4/udp_mem", "10 20 30\n");
    put("/proc/net/sockstat", "sockets: used 99\nTCP: inuse 26 orphan 0 tw 1 alloc 9 mem 42\n"
                              "UDP: inuse 3 mem 7\nUDPLITE: inuse 0\n");
    put("/proc/sys/net/core/rmem_max", "212992\n");
    put("/proc/sys/net/netfilter/nf_conntrack_max", "262144\n");
    put("/proc/sys/net/netfilter/nf_conntrack_count", "44\n");
    put("/proc/net/route", "Iface\tDestination\tGateway\tFlags\n"
                           "eth1\t000200C0\t00000000\t0001\neth7\t00000000\t010200C0\t0003\n");
    put("/sys/class/net/eth7/speed", "25000\n");
    put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
    limits_read(&limits, root);
    assert_int_equal(limits.machine.port_low, 1024);
    assert_int_equal(limits.machine.port_high, 65000);
    assert_int_equal(limits.machine.files_free, 50000);
    assert_int_equal(limits.file_max, 51000);
    assert_int_equal(limits.machine.memory_bytes, 8000 * 1024);
    assert_int_equal(limits.tcp_mem_pages, 200);
    assert_int_equal(limits.tcp_mem_max_pages, 300);
    assert_int_equal(limits.udp_mem_pages, 30);
    assert_int_equal(limits.tcp_pages_used, 42);
    assert_int_equal(limits.udp_pages_used, 7);
    assert_int_equal(limits.rmem_max, 212992);
    assert_int_equal(limits.conntrack_max, 262144);
    assert_int_equal(limits.conntrack_count, 44);
    assert_string_equal(limits.device, "eth7");
    assert_int_equal(limits.device_bps, UINT64_C(25000000000));
    assert_string_equal(limits.governor, "powersave");
}

/* Virtual cards say -1, or refuse to be read. */
static void test_unknown_speed(void **state)
{
    struct limits limits;
    put("/sys/class/net/eth7/speed", "-1\n");
    limits_read(&limits, root);
    assert_true(limits.device_bps == LIMITS_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_unknown_speed),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
