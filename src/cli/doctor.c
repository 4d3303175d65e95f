#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "cli/calibration.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/plan_options.h"
#include "load/checkup.h"
#include "net/loop.h"

#define SYSCTL_READERS 100000u /* that --sysctl makes room for, when no number is asked for */
#define SOMAXCONN_GOOD 4096u

/* What a report is made of. */
struct diagnosis {
    struct limits limits;
    struct checkup_need need;
    struct checkup checkup;
    uint64_t asked; /* readers; 0: none were */
    char io[96];    /* what the loop found of io_uring */
    bool uring;
};

static void ignore_event(void *context, const struct loop_event *event)
{
}

/* Makes a loop to see what the kernel lets us have. */
static void look_at_io(struct diagnosis *diagnosis, uint32_t denied)
{
    struct loop_config config = {.kind = LOOP_URING, .max_sockets = 4, .denied = denied};
    struct text io = text_init(diagnosis->io, sizeof(diagnosis->io) - 1);
    struct loop *loop;
    int refused = loop_new(&loop, &config, ignore_event, NULL);
    diagnosis->uring = !refused;
    if (!refused) {
        text_add_string(&io, loop_describe(loop));
        loop_free(loop);
    } else {
        text_printf(&io, "epoll: io_uring is refused here (%s)", strerror(-refused));
        if (diagnosis->limits.io_uring_disabled != LIMITS_UNKNOWN &&
            diagnosis->limits.io_uring_disabled > 0)
            text_printf(&io, "; kernel.io_uring_disabled is %" PRIu64,
                        diagnosis->limits.io_uring_disabled);
    }
    text_string(&io);
}

static bool read_bitrate(const struct options *options, uint64_t *bps, struct text *error)
{
    const char *value = options_text(options, OPT_BITRATE);
    if (!value || (units_parse_bitrate(value, bps) && *bps > 0))
        return true;
    options_complain(error, OPT_BITRATE, value, "a bit rate such as 500k, 2M or 1Gbit");
    return false;
}

static bool examine(struct diagnosis *out, const struct options *options, struct text *error)
{
    struct plan plan;
    struct plan_storage storage = {0};
    struct calibration calibration;
    plan_init(&plan);
    plan.transport = (enum plan_transport)options_number(options, OPT_TRANSPORT);
    bool ok = plan_sources_from_options(&plan, &storage, options, error);
    *out = (struct diagnosis){.asked = options_number(options, OPT_READERS)};
    if (ok && read_bitrate(options, &out->need.bps, error)) {
        limits_read(&out->limits, "");
        out->need.readers = out->asked;
        out->need.transport = plan.transport;
        out->need.tracks = options_number(options, OPT_TRACKS) == TRACKS_ALL ? 2 : 1;
        out->need.addresses = plan.bind_count ? plan.bind_count : 1;
        out->need.ns_per_packet = CHECKUP_NS_PER_PACKET;
        if (calibration_load(&calibration))
            out->need.ns_per_packet = calibration.ns_per_packet[plan.transport == PLAN_UDP];
        look_at_io(out, plan.denied);
        if (options_given(options, OPT_SYSCTL) && out->asked == 0)
            out->need.readers = SYSCTL_READERS;
        checkup(&out->checkup, &out->limits, &out->need);
    } else {
        ok = false;
    }
    plan_dispose(&plan);
    plan_storage_dispose(&storage);
    return ok;
}

static bool is_short(const struct diagnosis *diagnosis, unsigned item)
{
    return diagnosis->checkup.items[item].fits < diagnosis->need.readers;
}

static void write_fits(struct text *to, uint64_t fits)
{
    if (fits == CHECKUP_NO_LIMIT)
        text_add_string(to, "-");
    else
        units_write_count(to, fits);
}

static void write_item(struct text *to, const struct diagnosis *diagnosis, unsigned item)
{
    const struct checkup_result *result = &diagnosis->checkup.items[item];
    char room[32];
    struct text fits = text_init(room, sizeof(room));
    bool too_few = is_short(diagnosis, item);
    if (result->have[0] == '\0')
        return;
    write_fits(&fits, result->fits);
    text_printf(to, "%-5s %-26s %14s  %s\n", too_few ? "LIMIT" : "ok", checkup_name(item),
                text_string(&fits), result->have);
    if (too_few && result->command[0])
        text_printf(to, "        %s\n", result->command);
    if (too_few && result->advice[0])
        text_printf(to, "        %s\n", result->advice);
    if (too_few && !result->command[0] && !result->advice[0])
        text_add_string(to, "        no command lifts that: fewer readers, or more machines\n");
}

static void write_note(struct text *to, bool good, const char *what, const char *have)
{
    text_printf(to, "%-5s %-26s %14s  %s\n", good ? "ok" : "note", what, "", have);
}

/* What bounds no number of readers and yet spoils a run. */
static void write_notes(struct text *to, const struct diagnosis *diagnosis)
{
    const struct limits *limits = &diagnosis->limits;
    char room[160];
    write_note(to, diagnosis->uring, "io", diagnosis->io);
    snprintf(room, sizeof(room),
             "rmem_max %" PRIu64 ": UDP sockets want 1 MiB, more than that takes "
             "CAP_NET_ADMIN; net.core.rmem_max=4194304",
             limits->rmem_max);
    if (limits->rmem_max < 1048576)
        write_note(to, false, "receive buffers", room);
    snprintf(room, sizeof(room),
             "%" PRIu64 ": a server here refuses bursts of connects; "
             "net.core.somaxconn=65535",
             limits->somaxconn);
    if (limits->somaxconn < SOMAXCONN_GOOD)
        write_note(to, false, "somaxconn", room);
    if (limits->rp_filter == 1 && diagnosis->need.addresses > 1)
        write_note(
            to, false, "rp_filter",
            "strict: replies to several source addresses may be dropped; see docs/MULTI-IP.md");
    if (limits->governor[0] && strcmp(limits->governor, "performance") != 0)
        write_note(to, false, "CPU governor",
                   "not 'performance': wake-ups take longer; see docs/TUNING.md");
}

static void write_report(struct text *to, const struct diagnosis *diagnosis)
{
    static const char *const transports[] = {"tcp", "udp", "auto"};
    const struct checkup *checkup = &diagnosis->checkup;
    bool fits = checkup->fits >= diagnosis->asked;
    units_write_count(to, diagnosis->asked ? diagnosis->asked : checkup->fits);
    text_printf(
        to, " readers over %s %s; the first limit is %s (", transports[diagnosis->need.transport],
        fits ? "fit on this machine" : "do not fit on this machine", checkup_name(checkup->first));
    units_write_count(to, checkup->fits);
    text_printf(to, ")\n\n%-5s %-26s %14s  %s\n", "", "", "readers", "what there is");
    for (unsigned i = 0; i < CHECKUP_ITEMS; i++)
        write_item(to, diagnosis, i);
    write_notes(to, diagnosis);
    if (diagnosis->need.bps == 0)
        text_add_string(to, "\nWith --bitrate, cores and network card are looked at, too.\n");
}

static void write_sysctl(struct text *to, const struct diagnosis *diagnosis)
{
    const struct limits *limits = &diagnosis->limits;
    text_add_string(to, "# For ");
    units_write_count(to, diagnosis->need.readers);
    text_add_string(to, " readers, by 'rtspbench doctor --sysctl'. Install as "
                        "/etc/sysctl.d/90-rtspbench.conf, then run 'sysctl --system'.\n");
    for (unsigned i = 0; i < CHECKUP_ITEMS; i++) {
        const struct checkup_result *result = &diagnosis->checkup.items[i];
        if (is_short(diagnosis, i) && result->sysctl[0])
            text_printf(to, "# %s\n%s\n", checkup_name(i), result->sysctl);
        else if (is_short(diagnosis, i))
            text_printf(to, "# not a sysctl: %s: %s\n", checkup_name(i),
                        result->command[0] ? result->command : result->advice);
    }
    if (limits->rmem_max < 4194304)
        text_add_string(to, "# receive buffers of UDP sockets\nnet.core.rmem_max = 4194304\n");
    if (limits->somaxconn < SOMAXCONN_GOOD)
        text_add_string(to, "# bursts of connects to a server on this machine\n"
                            "net.core.somaxconn = 65535\n");
}

static json_t *count_or_null(uint64_t value)
{
    return value == UINT64_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *item_json(const struct diagnosis *diagnosis, unsigned item)
{
    const struct checkup_result *result = &diagnosis->checkup.items[item];
    return json_pack("{s:s, s:o, s:b, s:s, s:s, s:s, s:s}", "name", checkup_name(item), "fits",
                     count_or_null(result->fits), "ok", !is_short(diagnosis, item), "have",
                     result->have, "command", result->command, "sysctl", result->sysctl, "advice",
                     result->advice);
}

static json_t *machine_json(const struct diagnosis *diagnosis)
{
    const struct limits *limits = &diagnosis->limits;
    const struct machine *machine = &limits->machine;
    return json_pack("{s:i, s:I, s:o, s:[i,i], s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "cores",
                     machine->cores, "memory_bytes", (json_int_t)machine->memory_bytes, "nofile",
                     count_or_null(machine->nofile), "ip_local_port_range", machine->port_low,
                     machine->port_high, "file_max", count_or_null(limits->file_max),
                     "tcp_mem_pages", count_or_null(limits->tcp_mem_pages), "rmem_max",
                     count_or_null(limits->rmem_max), "wmem_max", count_or_null(limits->wmem_max),
                     "somaxconn", count_or_null(limits->somaxconn), "conntrack_max",
                     count_or_null(limits->conntrack_max), "governor", limits->governor, "device",
                     limits->device);
}

static void print_json(const struct diagnosis *diagnosis)
{
    json_t *items = json_array();
    for (unsigned i = 0; i < CHECKUP_ITEMS; i++)
        json_array_append_new(items, item_json(diagnosis, i));
    json_t *document =
        json_pack("{s:s, s:o, s:o, s:s, s:b, s:s, s:b, s:o, s:o}", "schema", "rtspbench.doctor.v1",
                  "readers", diagnosis->asked ? count_or_null(diagnosis->asked) : json_null(),
                  "fits", count_or_null(diagnosis->checkup.fits), "first_limit",
                  checkup_name(diagnosis->checkup.first), "ok",
                  diagnosis->checkup.fits >= diagnosis->asked, "io", diagnosis->io, "io_uring",
                  diagnosis->uring, "checks", items, "machine", machine_json(diagnosis));
    json_dumpf(document, out_stream(), JSON_INDENT(2));
    fputc('\n', out_stream());
    json_decref(document);
}

int doctor_main(const struct options *options, struct text *error)
{
    char room[8192];
    struct text text = text_init(room, sizeof(room));
    struct diagnosis diagnosis;
    if (!examine(&diagnosis, options, error))
        return STATUS_SETUP;
    if (options_given(options, OPT_JSON))
        print_json(&diagnosis);
    else if (options_given(options, OPT_SYSCTL))
        write_sysctl(&text, &diagnosis);
    else
        write_report(&text, &diagnosis);
    fputs(text_string(&text), out_stream());
    return diagnosis.checkup.fits >= diagnosis.asked ? 0 : 1;
}
