#include "load/checkup.h"

#include <inttypes.h>

#include "base/units.h"
#include "load/sizing.h"

#define PACKET_BITS (1250 * 8)
#define CORE_SHARE 0.8 /* of a core that packets may take: beyond, turns come late */
#define CARD_SHARE 0.95

/* Both are kernel memory in pages: what waits to be read, and that as the kernel accounts it. A
   session of 2 Mbit/s was seen to take less than 2 pages. */
#define TCP_PAGE_BPS 2000000u

/* net.ipv4.udp_mem is charged for what waits unread: 40 ms of a stream, at 2,304 bytes a datagram
   of 1,250. */
#define UDP_WAIT_S 0.04
#define UDP_CHARGE (2304.0 / 1250.0)

static const char *const names[CHECKUP_ITEMS] = {
    [CHECKUP_FILES] = "open files of a process",
    [CHECKUP_SYSTEM_FILES] = "open files of the system",
    [CHECKUP_SOURCE_PORTS] = "source ports to one server",
    [CHECKUP_UDP_PORTS] = "UDP ports",
    [CHECKUP_CONNTRACK] = "connection tracking",
    [CHECKUP_TCP_MEMORY] = "TCP buffer memory",
    [CHECKUP_UDP_MEMORY] = "UDP buffer memory",
    [CHECKUP_MEMORY] = "memory",
    [CHECKUP_CORES] = "cores",
    [CHECKUP_CARD] = "network card",
};

const char *checkup_name(enum checkup_item item)
{
    return names[item];
}

static uint64_t sockets_of(const struct checkup_need *need)
{
    return need->transport == PLAN_TCP ? 1 : 1 + 2 * need->tracks;
}

static struct text room_of(char *room, size_t size)
{
    room[0] = '\0';
    return text_init(room, size - 1);
}

#define ROOM(array) room_of(array, sizeof(array))

static void end(struct text *text)
{
    text->data[text->len] = '\0';
}

/* A sysctl that lifts the limit when set so. */
static void set_sysctl(struct checkup_result *result, const char *name, const char *value)
{
    struct text command = ROOM(result->command), line = ROOM(result->sysctl);
    text_printf(&command, "sysctl -w %s=\"%s\"", name, value);
    text_printf(&line, "%s = %s", name, value);
    end(&command);
    end(&line);
}

static void set_sysctl_number(struct checkup_result *result, const char *name, uint64_t value)
{
    char digits[24];
    struct text text = ROOM(digits);
    text_add_u64(&text, value);
    end(&text);
    set_sysctl(result, name, digits);
}

static void say_have(struct checkup_result *result, uint64_t count, const char *what)
{
    struct text have = ROOM(result->have);
    units_write_count(&have, count);
    text_add_string(&have, what);
    end(&have);
    result->known = true;
}

static void advise(struct checkup_result *result, const char *advice)
{
    struct text text = ROOM(result->advice);
    text_add_string(&text, advice);
    end(&text);
}

/* The next round number: 1, 2 or 5 times a power of 10. */
static uint64_t round_up(uint64_t value)
{
    uint64_t step = 1;
    for (;; step *= 10) {
        if (value <= step)
            return step;
        if (value <= 2 * step)
            return 2 * step;
        if (value <= 5 * step)
            return 5 * step;
    }
}

static void check_files(struct checkup_result *out, const struct limits *limits,
                        const struct checkup_need *need)
{
    uint64_t table = sizing_table(limits->machine.nofile), sockets = sockets_of(need);
    uint64_t wanted = PLAN_SHARD_SOCKETS * 5 / 4;
    out->fits = table / sockets * PLAN_SHARDS_MAX;
    say_have(out, limits->machine.nofile, " a table, and a table for each thread");
    if (table >= PLAN_SHARD_SOCKETS)
        return;
    struct text command = ROOM(out->command);
    text_printf(&command, "ulimit -n %" PRIu64, wanted);
    end(&command);
    advise(out, "for good: '* hard nofile 20000' in /etc/security/limits.conf");
}

static void check_system_files(struct checkup_result *out, const struct limits *limits,
                               const struct checkup_need *need)
{
    uint64_t free = limits->machine.files_free, sockets = sockets_of(need);
    if (limits->file_max == LIMITS_UNKNOWN)
        return;
    out->fits = free / sockets;
    say_have(out, free, " free of fs.file-max");
    set_sysctl_number(out, "fs.file-max",
                      round_up(limits->file_max - free + need->readers * sockets * 2));
}

static void check_source_ports(struct checkup_result *out, const struct limits *limits,
                               const struct checkup_need *need)
{
    char advice[160];
    const struct machine *machine = &limits->machine;
    uint64_t ports = machine->port_high - machine->port_low + 1u, widest = 65535 - 1024 + 1;
    uint64_t wanted = (need->readers + widest - 1) / widest;
    out->fits = ports * need->addresses;
    say_have(out, ports,
             need->addresses == 1 ? " on one source address" : " on each source address");
    if (ports < widest)
        set_sysctl(out, "net.ipv4.ip_local_port_range", "1024 65535");
    struct text text = ROOM(advice);
    text_printf(&text, "with it, ");
    units_write_count(&text, wanted);
    text_add_string(&text, wanted == 1 ? " source address is enough"
                                       : " source addresses are enough: --bind-ips or --bind-cidr");
    end(&text);
    advise(out, advice);
}

static void check_udp_ports(struct checkup_result *out, const struct limits *limits,
                            const struct checkup_need *need)
{
    if (need->transport == PLAN_TCP)
        return;
    uint16_t low, high;
    sizing_rtp_ports(&limits->machine, &low, &high);
    uint64_t pairs = (high - low + 1u) / 2;
    out->fits = pairs / need->tracks * need->addresses;
    say_have(out, pairs, " pairs outside the range that the system deals out itself");
    advise(out, "more source addresses with --bind-ips or --bind-cidr, or --rtp-ports 1024-65535");
}

static void check_conntrack(struct checkup_result *out, const struct limits *limits,
                            const struct checkup_need *need)
{
    if (limits->conntrack_max == LIMITS_UNKNOWN)
        return;
    uint64_t used = limits->conntrack_count == LIMITS_UNKNOWN ? 0 : limits->conntrack_count;
    uint64_t free = limits->conntrack_max > used ? limits->conntrack_max - used : 0;
    out->fits = free / sockets_of(need);
    say_have(out, free, " entries free, where a firewall rule tracks at all");
    set_sysctl_number(out, "net.netfilter.nf_conntrack_max",
                      round_up(used + need->readers * sockets_of(need) * 2));
    advise(out, "or leave the load untracked: a 'notrack' rule for the server's address");
}

static void check_tcp_memory(struct checkup_result *out, const struct limits *limits,
                             const struct checkup_need *need)
{
    if (limits->tcp_mem_pages == LIMITS_UNKNOWN)
        return;
    uint64_t used = limits->tcp_pages_used;
    uint64_t free = limits->tcp_mem_pages > used ? limits->tcp_mem_pages - used : 0;
    uint64_t each = 1 + (need->transport == PLAN_TCP ? need->bps / TCP_PAGE_BPS : 0);
    uint64_t wanted = round_up(used + need->readers * each);
    char value[80];
    struct text text = ROOM(value);
    out->fits = free / each;
    say_have(out, free, " pages free before buffers are squeezed (tcp_mem)");
    text_printf(&text, "%" PRIu64 " %" PRIu64 " %" PRIu64, wanted / 2, wanted, wanted * 2);
    end(&text);
    set_sysctl(out, "net.ipv4.tcp_mem", value);
}

static void check_udp_memory(struct checkup_result *out, const struct limits *limits,
                             const struct checkup_need *need)
{
    char value[80];
    if (need->transport == PLAN_TCP || limits->udp_mem_pages == LIMITS_UNKNOWN)
        return;
    double bytes = (double)need->bps / 8 * UDP_WAIT_S * UDP_CHARGE + (double)limits->page_bytes;
    uint64_t used = limits->udp_pages_used;
    uint64_t free = limits->udp_mem_pages > used ? limits->udp_mem_pages - used : 0;
    uint64_t each = (uint64_t)(bytes / (double)limits->page_bytes) + 1;
    uint64_t wanted = round_up(used + need->readers * each);
    struct text text = ROOM(value);
    out->fits = free / each;
    say_have(out, free, " pages free (udp_mem)");
    text_printf(&text, "%" PRIu64 " %" PRIu64 " %" PRIu64, wanted / 2, wanted, wanted);
    end(&text);
    set_sysctl(out, "net.ipv4.udp_mem", value);
}

static void check_memory(struct checkup_result *out, const struct limits *limits,
                         const struct checkup_need *need)
{
    uint64_t each = sizing_session_bytes((uint32_t)sockets_of(need));
    struct text have = ROOM(out->have);
    out->fits = limits->machine.memory_bytes / 10 * 9 / each;
    out->known = true;
    units_write_bytes(&have, limits->machine.memory_bytes);
    text_add_string(&have, " available; a session takes ");
    units_write_bytes(&have, each);
    text_add_string(&have, ", the kernel's part included");
    end(&have);
}

static void check_cores(struct checkup_result *out, const struct limits *limits,
                        const struct checkup_need *need)
{
    if (need->bps == 0)
        return;
    double packets_per_s = (double)need->bps / PACKET_BITS;
    double a_core = CORE_SHARE * 1e9 / (packets_per_s * need->ns_per_packet);
    struct text have = ROOM(out->have);
    out->fits = (uint64_t)(a_core * limits->machine.cores);
    out->known = true;
    text_printf(&have, "%u; a packet takes %.0f ns of one", limits->machine.cores,
                need->ns_per_packet);
    end(&have);
    advise(out, "'rtspbench calibrate' measures what this machine generates; --quickack off and "
                "--coalesce 5ms make it cheaper");
}

static void check_card(struct checkup_result *out, const struct limits *limits,
                       const struct checkup_need *need)
{
    struct text have = ROOM(out->have);
    if (need->bps == 0)
        return;
    if (limits->device[0] == '\0' || limits->device_bps == LIMITS_UNKNOWN) {
        text_printf(&have, "%.31s does not tell its speed",
                    limits->device[0] ? limits->device : "no default route:");
        end(&have);
        return;
    }
    out->fits = (uint64_t)((double)limits->device_bps * CARD_SHARE / (double)need->bps);
    out->known = true;
    text_printf(&have, "%.31s: ", limits->device);
    units_write_bitrate(&have, (double)limits->device_bps);
    end(&have);
}

void checkup(struct checkup *out, const struct limits *limits, const struct checkup_need *need)
{
    static void (*const checks[CHECKUP_ITEMS])(struct checkup_result *, const struct limits *,
                                               const struct checkup_need *) = {
        [CHECKUP_FILES] = check_files,
        [CHECKUP_SYSTEM_FILES] = check_system_files,
        [CHECKUP_SOURCE_PORTS] = check_source_ports,
        [CHECKUP_UDP_PORTS] = check_udp_ports,
        [CHECKUP_CONNTRACK] = check_conntrack,
        [CHECKUP_TCP_MEMORY] = check_tcp_memory,
        [CHECKUP_UDP_MEMORY] = check_udp_memory,
        [CHECKUP_MEMORY] = check_memory,
        [CHECKUP_CORES] = check_cores,
        [CHECKUP_CARD] = check_card,
    };
    *out = (struct checkup){.fits = CHECKUP_NO_LIMIT};
    for (unsigned i = 0; i < CHECKUP_ITEMS; i++) {
        struct checkup_result *result = &out->items[i];
        result->fits = CHECKUP_NO_LIMIT;
        checks[i](result, limits, need);
        if (result->fits >= need->readers)
            result->command[0] = result->sysctl[0] = result->advice[0] = '\0';
        if (result->fits < out->fits) {
            out->fits = result->fits;
            out->first = (enum checkup_item)i;
        }
    }
}
