#include "load/sizing.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"

/* What one session costs beside its sockets, and what a socket costs the kernel when it is idle and
   armed (measured: 4.1 KB a TCP socket and 0.9 KB for a multishot). */
#define SESSION_BYTES 2048u
#define SOCKET_BYTES 5120u

/* Files of a table that aren't sessions' sockets: ring, standard streams, result files, and sockets
   still closing when their successors open. */
#define FILES_RESERVED 64u

#define GROWTH 10u

/* Two seconds of a 2 Mbit/s stream: a datagram of 1,250 bytes is charged 2,304. Memory only when
 * filled. */
#define UDP_RCVBUF 1048576u

static void say_fit(struct text *error, const struct plan *plan, uint64_t fit, const char *limit)
{
    units_write_count(error, plan->own_readers);
    text_add_string(error, " readers do not fit on this machine, ");
    units_write_count(error, fit);
    text_printf(error, " do: the limit is %s. ", limit);
}

static uint32_t divide_up(uint64_t a, uint64_t b)
{
    return (uint32_t)((a + b - 1) / b);
}

uint64_t sizing_table(uint64_t nofile)
{
    uint64_t reserved = FILES_RESERVED + nofile / 16;
    uint64_t table = nofile > reserved ? nofile - reserved : 0;
    return table < PLAN_SHARD_SOCKETS ? table : PLAN_SHARD_SOCKETS;
}

static bool fit_files(struct plan *plan, const struct machine *machine, struct text *error)
{
    uint64_t table = sizing_table(machine->nofile);
    uint64_t a_shard = table / plan->sockets_per_session;
    uint32_t most = plan->threads ? plan->threads : PLAN_SHARDS_MAX;
    if (a_shard * most < plan->own_readers) {
        say_fit(error, plan, a_shard * most, "open files");
        if (plan->threads && a_shard > 0)
            text_printf(error,
                        "A thread holds %u sockets at most: leave --threads out, or ask for %u.",
                        (unsigned)table, divide_up(plan->own_readers, a_shard));
        else
            text_printf(error, "Run 'ulimit -n %u' first (as root where the hard limit is lower).",
                        PLAN_SHARD_SOCKETS * 5 / 4);
        return false;
    }
    uint32_t needed = divide_up(plan->own_readers, a_shard);
    uint32_t useful = machine->cores < plan->own_readers ? machine->cores : plan->own_readers;
    plan->shards = plan->threads ? plan->threads : needed > useful ? needed : useful;
    plan->sockets_per_shard =
        divide_up(plan->own_readers, plan->shards) * plan->sockets_per_session;
    uint64_t sockets = (uint64_t)plan->own_readers * plan->sockets_per_session;
    if (sockets + FILES_RESERVED * plan->shards <= machine->files_free)
        return true;
    say_fit(error, plan, machine->files_free / (plan->sockets_per_session + 1), "fs.file-max");
    text_printf(error, "Run 'sysctl -w fs.file-max=%llu' as root.",
                (unsigned long long)sockets * 2);
    return false;
}

struct server {
    struct slice host;
    uint32_t port;
    uint64_t weight;
};

static int server_compare(const void *left, const void *right)
{
    const struct server *a = left, *b = right;
    size_t common = a->host.len < b->host.len ? a->host.len : b->host.len;
    int by_host = memcmp(a->host.data, b->host.data, common);
    if (by_host != 0)
        return by_host;
    if (a->host.len != b->host.len)
        return a->host.len < b->host.len ? -1 : 1;
    return (a->port > b->port) - (a->port < b->port);
}

/* The weight of the server (host and port) that most readers go to. */
static uint64_t busiest_server(const struct url_list *urls)
{
    struct server *servers = calloc(urls->count, sizeof(*servers));
    uint64_t most = 0, sum = 0;
    if (!servers)
        return urls->deal_len;
    for (uint32_t i = 0; i < urls->count; i++) {
        const struct url *url = &urls->items[i].parsed;
        servers[i] = (struct server){url->host, url->port, urls->items[i].weight};
    }
    qsort(servers, urls->count, sizeof(*servers), server_compare);
    for (uint32_t i = 0; i < urls->count; i++) {
        bool same = i > 0 && server_compare(&servers[i - 1], &servers[i]) == 0;
        sum = (same ? sum : 0) + servers[i].weight;
        most = sum > most ? sum : most;
    }
    free(servers);
    return most;
}

/* A connection to one server needs a source port of its own, for each source address. */
static uint64_t source_ports_fit(const struct plan *plan, const struct machine *machine)
{
    uint64_t addresses = plan->bind_count ? plan->bind_count : 1;
    uint64_t ports = addresses * (machine->port_high - machine->port_low + 1u);
    return ports * plan->urls.deal_len / busiest_server(&plan->urls);
}

static bool fit_source_ports(const struct plan *plan, const struct machine *machine,
                             struct text *error)
{
    uint64_t fit = source_ports_fit(plan, machine);
    if (plan->own_readers <= fit)
        return true;
    say_fit(error, plan, fit, "source ports to one server");
    if (machine->port_low > 1024 || machine->port_high < 65535)
        text_add_string(error,
                        "Run 'sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"' as root, or "
                        "give more source addresses with --bind-ips.");
    else
        text_add_string(error, "Give more source addresses with --bind-ips.");
    return false;
}

void sizing_rtp_ports(const struct machine *machine, uint16_t *first, uint16_t *last)
{
    uint32_t below = machine->port_low > 10000 ? machine->port_low - 10000u : 0;
    uint32_t above = 65535u - machine->port_high;
    uint32_t low = 10000, high = 65535;
    if (below >= above && below >= 1000)
        high = machine->port_low - 1u;
    else if (above >= 1000)
        low = machine->port_high + 1u;
    *first = (uint16_t)(low + low % 2);
    *last = (uint16_t)(high - (high % 2 == 0));
}

static uint64_t rtp_ports_fit(const struct plan *plan)
{
    uint64_t pairs = (plan->rtp_port_high - plan->rtp_port_low + 1u) / 2;
    if (plan->transport == PLAN_TCP)
        return UINT64_MAX;
    return pairs / plan->tracks_assumed * (plan->bind_count ? plan->bind_count : 1);
}

static bool fit_rtp_ports(struct plan *plan, const struct machine *machine, struct text *error)
{
    char limit[80];
    if (plan->transport != PLAN_TCP && plan->rtp_port_high == 0)
        sizing_rtp_ports(machine, &plan->rtp_port_low, &plan->rtp_port_high);
    uint64_t fit = rtp_ports_fit(plan);
    if (plan->own_readers <= fit)
        return true;
    struct text text = text_init(limit, sizeof(limit));
    text_printf(&text, "UDP ports, %u a reader from --rtp-ports %u-%u", 2 * plan->tracks_assumed,
                plan->rtp_port_low, plan->rtp_port_high);
    say_fit(error, plan, fit, text_string(&text));
    if (plan->rtp_port_low > 1024 || plan->rtp_port_high < 65535)
        text_add_string(error,
                        "Widen it up to --rtp-ports 1024-65535, or give more source addresses "
                        "with --bind-ips.");
    else
        text_add_string(error, "Give more source addresses with --bind-ips.");
    return false;
}

uint64_t sizing_session_bytes(uint32_t sockets)
{
    return SESSION_BYTES + (uint64_t)sockets * SOCKET_BYTES;
}

static bool fit_memory(struct plan *plan, const struct machine *machine, struct text *error)
{
    uint64_t a_session = sizing_session_bytes(plan->sockets_per_session);
    plan->memory_bytes = a_session * plan->own_readers;
    if (plan->memory_bytes <= machine->memory_bytes / 10 * 9)
        return true;
    say_fit(error, plan, machine->memory_bytes / 10 * 9 / a_session, "memory");
    text_add_string(error, "No command lifts that: ask for fewer readers, or use more machines.");
    return false;
}

/* More than were asked for cost address space alone, so there is room for as many as the shards
   that there are can hold, up to GROWTH times the plan's. */
static uint32_t readers_most(const struct plan *plan, const struct machine *machine)
{
    uint64_t a_session = sizing_session_bytes(plan->sockets_per_session);
    uint64_t a_file = plan->sockets_per_session;
    const uint64_t limits[] = {
        (uint64_t)plan->own_readers * GROWTH,
        PLAN_READERS_MAX,
        sizing_table(machine->nofile) / a_file * plan->shards,
        (machine->files_free - FILES_RESERVED * plan->shards) / a_file,
        source_ports_fit(plan, machine),
        rtp_ports_fit(plan),
        machine->memory_bytes / 10 * 9 / a_session,
    };
    uint64_t own = UINT64_MAX;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        own = limits[i] < own ? limits[i] : own;
    uint64_t most = plan->readers + (own - plan->own_readers) * plan->shares;
    return most < PLAN_READERS_MAX ? (uint32_t)most : PLAN_READERS_MAX;
}

bool sizing_fit(struct plan *plan, const struct machine *machine, struct text *error)
{
    plan->tracks_assumed = plan->publish                ? plan->publish->track_count
                           : plan->tracks == TRACKS_ALL ? 2
                                                        : 1;
    plan->sockets_per_session = plan->transport == PLAN_TCP ? 1 : 1 + 2 * plan->tracks_assumed;
    if (plan->transport != PLAN_TCP && plan->rcvbuf == 0 && !plan->publish)
        plan->rcvbuf = UDP_RCVBUF;
    if (!fit_files(plan, machine, error) || !fit_source_ports(plan, machine, error) ||
        !fit_rtp_ports(plan, machine, error) || !fit_memory(plan, machine, error))
        return false;
    plan->readers_most = readers_most(plan, machine);
    return true;
}

/* The kernel drops what comes while such a buffer is full, and that is our own loss. */
static void warn_of_small_buffers(const struct plan *plan, const struct machine *machine,
                                  struct text *warning)
{
    if (plan->transport == PLAN_TCP || plan->rcvbuf <= machine->rcvbuf_max)
        return;
    text_printf(warning, "UDP sockets get receive buffers of %llu bytes where %llu are asked for: ",
                (unsigned long long)machine->rcvbuf_max, (unsigned long long)plan->rcvbuf);
    text_printf(warning, "run 'sysctl -w net.core.rmem_max=%llu' as root\n",
                (unsigned long long)plan->rcvbuf);
}

/* Behind half of a source address's ports each connect searches through all of that half (the
   kernel tries those of one parity first): 1.4 ms at 14,000. */
static void warn_of_port_search(const struct plan *plan, const struct machine *machine,
                                struct text *warning)
{
    uint64_t addresses = plan->bind_count ? plan->bind_count : 1;
    uint64_t easy = addresses * ((machine->port_high - machine->port_low + 1u) / 2);
    uint64_t weight = busiest_server(&plan->urls);
    if (plan->own_readers * weight <= easy * plan->urls.deal_len)
        return;
    units_write_count(warning, easy * plan->urls.deal_len / weight);
    text_add_string(warning, " readers have a source port to one server that the kernel finds at "
                             "once, more start slowly: give more addresses with --bind-cidr\n");
}

void sizing_warn(const struct plan *plan, const struct machine *machine, struct text *warning)
{
    warn_of_small_buffers(plan, machine, warning);
    warn_of_port_search(plan, machine, warning);
}
