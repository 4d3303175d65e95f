#include "test.h"

#include "load/checkup.h"

/* 1,000 of everything that is counted, and room enough elsewhere. */
static const struct limits roomy = {
    .machine = {.cores = 4,
                .memory_bytes = UINT64_C(1) << 40,
                .nofile = 20000,
                .files_free = 100000000,
                .port_low = 32768,
                .port_high = 60999},
    .file_max = 100000100,
    .page_bytes = 4096,
    .tcp_mem_pages = 100000000,
    .udp_mem_pages = 100000000,
    .conntrack_max = LIMITS_UNKNOWN,
    .device_bps = LIMITS_UNKNOWN,
    .rmem_max = 4194304,
    .somaxconn = 4096,
};

static const struct checkup_need tcp = {.readers = 100000, .tracks = 2, .addresses = 1};

/* By hand: 60999 - 32768 + 1 ports; with 64,512 an address, 100,000 readers need two. */
static void test_ports(void **state)
{
    struct checkup_need need = tcp;
    struct checkup out;
    checkup(&out, &roomy, &need);
    const struct checkup_result *ports = &out.items[CHECKUP_SOURCE_PORTS];
    assert_int_equal(out.fits, 28232);
    assert_int_equal(out.first, CHECKUP_SOURCE_PORTS);
    assert_string_equal(ports->command, "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"");
    assert_string_equal(ports->sysctl, "net.ipv4.ip_local_port_range = 1024 65535");
    assert_non_null(strstr(ports->advice, "2 source addresses"));
    need.addresses = 4;
    checkup(&out, &roomy, &need);
    assert_int_equal(ports->fits, 112928);
    assert_string_equal(ports->command, ""); /* nothing need be lifted */
    assert_string_equal(ports->advice, "");
}

/* 10000 to 32767 are 11,384 pairs, of which a reader of two tracks takes two. */
static void test_udp_ports(void **state)
{
    struct checkup_need need = tcp;
    struct checkup out;
    need.transport = PLAN_UDP;
    checkup(&out, &roomy, &need);
    assert_int_equal(out.items[CHECKUP_UDP_PORTS].fits, 5692);
    assert_int_equal(out.first, CHECKUP_UDP_PORTS);
    need.tracks = 1;
    need.addresses = 3;
    checkup(&out, &roomy, &need);
    assert_int_equal(out.items[CHECKUP_UDP_PORTS].fits, 34152);
}

/* A table of 1,024 files takes 896 sockets (64 and a sixteenth are kept back), in up to 512 shards;
   5 sockets a UDP reader of two tracks, so 179 of them. */
static void test_files(void **state)
{
    struct limits limits = roomy;
    struct checkup_need need = tcp;
    struct checkup out;
    limits.machine.nofile = 1024;
    need.readers = 500000;
    checkup(&out, &limits, &need);
    assert_int_equal(out.items[CHECKUP_FILES].fits, 896 * 512);
    assert_string_equal(out.items[CHECKUP_FILES].command, "ulimit -n 20000");
    assert_string_equal(out.items[CHECKUP_FILES].sysctl, ""); /* no sysctl lifts that */
    need.transport = PLAN_UDP;
    checkup(&out, &limits, &need);
    assert_int_equal(out.items[CHECKUP_FILES].fits, 179 * 512);
}

static void test_system_files(void **state)
{
    struct limits limits = roomy;
    struct checkup out;
    limits.machine.files_free = 50000;
    limits.file_max = 51000;
    checkup(&out, &limits, &tcp);
    assert_int_equal(out.items[CHECKUP_SYSTEM_FILES].fits, 50000);
    /* 1,000 in use and twice 100,000: 201,000, rounded up */
    assert_string_equal(out.items[CHECKUP_SYSTEM_FILES].sysctl, "fs.file-max = 500000");
}

static void test_conntrack(void **state)
{
    struct limits limits = roomy;
    struct checkup out;
    limits.conntrack_max = 65536;
    limits.conntrack_count = 536;
    checkup(&out, &limits, &tcp);
    assert_int_equal(out.items[CHECKUP_CONNTRACK].fits, 65000);
    assert_string_equal(out.items[CHECKUP_CONNTRACK].sysctl,
                        "net.netfilter.nf_conntrack_max = 500000");
    checkup(&out, &roomy, &tcp);
    assert_true(out.items[CHECKUP_CONNTRACK].fits == CHECKUP_NO_LIMIT);
    assert_false(out.items[CHECKUP_CONNTRACK].known);
}

static void test_tcp_memory(void **state)
{
    struct limits limits = roomy;
    struct checkup_need need = tcp;
    struct checkup out;
    limits.tcp_mem_pages = 21000;
    limits.tcp_pages_used = 1000;
    checkup(&out, &limits, &need); /* a page a session */
    assert_int_equal(out.items[CHECKUP_TCP_MEMORY].fits, 20000);
    assert_string_equal(out.items[CHECKUP_TCP_MEMORY].sysctl,
                        "net.ipv4.tcp_mem = 100000 200000 400000");
    need.bps = 2000000; /* two pages */
    checkup(&out, &limits, &need);
    assert_int_equal(out.items[CHECKUP_TCP_MEMORY].fits, 10000);
}

/* 2 Mbit/s are 200 packets of 1,250 bytes a second; at 500 ns each, 80 % of a core takes 8,000 such
   readers. 95 % of 10 Gbit/s take 4,750. Without a bit rate neither is looked at. */
static void test_throughput(void **state)
{
    struct limits limits = roomy;
    struct checkup_need need = tcp;
    struct checkup out;
    limits.device_bps = UINT64_C(10000000000);
    strcpy(limits.device, "eth0");
    need.ns_per_packet = 500;
    checkup(&out, &limits, &need);
    assert_true(out.items[CHECKUP_CORES].fits == CHECKUP_NO_LIMIT);
    assert_true(out.items[CHECKUP_CARD].fits == CHECKUP_NO_LIMIT);
    need.bps = 2000000;
    checkup(&out, &limits, &need);
    assert_int_equal(out.items[CHECKUP_CORES].fits, 32000);
    assert_int_equal(out.items[CHECKUP_CARD].fits, 4750);
    assert_int_equal(out.first, CHECKUP_CARD);
}

/* 2,048 bytes and 5,120 a socket; nine tenths of the memory are given out. */
static void test_memory(void **state)
{
    struct limits limits = roomy;
    struct checkup out;
    limits.machine.memory_bytes = 7168u * 10000u;
    checkup(&out, &limits, &tcp);
    assert_int_equal(out.items[CHECKUP_MEMORY].fits, 9000);
    assert_int_equal(out.first, CHECKUP_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports),      cmocka_unit_test(test_udp_ports),
        cmocka_unit_test(test_files),      cmocka_unit_test(test_system_files),
        cmocka_unit_test(test_conntrack),  cmocka_unit_test(test_tcp_memory),
        cmocka_unit_test(test_throughput), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
