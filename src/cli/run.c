#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/calibration.h"
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/find_max.h"
#include "cli/out.h"
#include "cli/plan_options.h"
#include "cli/run.h"
#include "cli/scenario.h"
#include "cli/watch.h"
#include "load/plan.h"
#include "net/route.h"

#define DEMO_DURATION_NS (10 * NS_PER_S)

/* A line each, on stderr: stdout belongs to the log. */
static void print_warnings(struct text *warnings)
{
    struct slice rest = text_slice(warnings);
    while (rest.len > 0) {
        struct slice line = slice_take_until(&rest, '\n');
        out_say("warning: %.*s", (int)line.len, (const char *)line.data);
    }
}

/* An address that isn't ours would fail every session that gets it. */
static bool check_sources(const struct plan *plan, struct text *error)
{
    for (uint32_t i = 0; i < plan->bind_count; i++) {
        if (route_is_local(&plan->bind[i]))
            continue;
        text_add_string(error, plan->freebind ? "--bind-cidr: " : "--bind-ips: ");
        address_write_host(error, &plan->bind[i]);
        text_add_string(error, " is not an address of this machine. As root, 'ip address add "
                               "ADDRESS/LENGTH dev DEVICE' adds one, and 'ip route add local "
                               "NETWORK/LENGTH dev lo' a whole network.");
        return false;
    }
    return true;
}

/* What calibration found this machine able to do, if it was the same one. */
static void set_ceiling(struct plan *plan)
{
    struct calibration calibration;
    if (calibration_load(&calibration))
        plan->ceiling = calibration_ceiling(&calibration, plan->transport == PLAN_UDP);
}

/* What the watcher is told of several plans: the first, as long and as large as they all are. */
static struct plan sum_up(const struct plan *plans, uint32_t count)
{
    struct plan all = plans[0];
    for (uint32_t i = 1; i < count; i++) {
        uint64_t end_ns = plans[i].begins_ns + plans[i].duration_ns;
        all.own_readers += plans[i].own_readers;
        all.duration_ns = end_ns > all.duration_ns ? end_ns : all.duration_ns;
    }
    return all;
}

static bool resolve_all(struct plan *plans, uint32_t count, struct text *error)
{
    char room[4096];
    struct text warnings = text_init(room, sizeof(room));
    struct machine machine;
    uint64_t memory_bytes = 0;
    machine_read(&machine);
    for (uint32_t i = 0; i < count; i++) {
        if (!check_sources(&plans[i], error) ||
            !plan_resolve(&plans[i], &machine, error, &warnings))
            return false;
        memory_bytes += plans[i].memory_bytes;
        set_ceiling(&plans[i]);
    }
    if (memory_bytes > machine.memory_bytes / 10 * 9) {
        text_add_string(error,
                        "the groups together do not fit into memory: expected fewer readers");
        return false;
    }
    print_warnings(&warnings);
    return true;
}

static int find(struct plan *plan, struct text *error)
{
    struct machine machine;
    machine_read(&machine);
    return check_sources(plan, error) ? find_max_run(plan, &machine, error) : STATUS_SETUP;
}

int run_watched(struct plan *plans, uint32_t count, struct watch *watch, struct text *error)
{
    machine_raise_files();
    out_detach(OUT_PATIENCE_MS);
    if (plans[0].find && count == 1)
        return find(&plans[0], error);
    if (plans[0].find) {
        text_add_string(error, "--find-max: expected a scenario without groups");
        return STATUS_SETUP;
    }
    if (!resolve_all(plans, count, error))
        return STATUS_SETUP;
    struct plan all = sum_up(plans, count);
    watch->plan = &all;
    control_allow(&watch->live.control, plans, count);
    const struct run_hooks hooks = watch_hooks(watch);
    if (!watch_begin(watch, error))
        return STATUS_SETUP;
    bool ran = run_plans(plans, count, RTSPBENCH_VERSION, &hooks, error);
    if (!watch_finish(watch, error) || !ran)
        return STATUS_SETUP;
    return watch->status;
}

static int resolve_and_run(struct plan *plan, struct text *error)
{
    static struct watch watch; /* large, and there is one */
    return run_watched(plan, 1, &watch, error);
}

/* No URL: start a server to load, and stop it afterwards. */
static int run_demo(struct plan *plan, const struct options *options, struct text *error)
{
    struct demo demo;
    if (!options_given(options, OPT_DURATION) && !options_given(options, OPT_HOURS))
        plan->duration_ns = DEMO_DURATION_NS;
    if (!demo_start(&demo, NULL, error))
        return STATUS_SETUP;
    int status = STATUS_SETUP;
    if (url_list_add(&plan->urls, plan->publish ? demo.publish_url : demo.url, error))
        status = resolve_and_run(plan, error);
    demo_stop(&demo);
    return status;
}

int run_main(const struct options *options, struct text *error)
{
    struct plan plan;
    struct plan_storage storage;
    int status = STATUS_SETUP;
    if (options_given(options, OPT_SCENARIO))
        return scenario_run_file(options, error);
    bool has_url = options->url_count > 0 || options_given(options, OPT_URL_FILE);
    if (plan_from_options(&plan, &storage, options, error))
        status = has_url ? resolve_and_run(&plan, error) : run_demo(&plan, options, error);
    plan_dispose(&plan);
    plan_storage_dispose(&storage);
    return status;
}
