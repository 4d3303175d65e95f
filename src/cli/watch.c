#include "cli/watch.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/listen.h"
#include "cli/options.h"
#include "cli/out.h"
#include "view/bystanders.h"
#include "view/endurance.h"
#include "view/json.h"
#include "view/json_dump.h"
#include "view/text.h"

#define TOKEN_SHORTEST 8u

static void print_text(const struct snapshot *snapshot,
                       void (*write)(const struct snapshot *, struct text *), FILE *to)
{
    char room[8192];
    struct text text = text_init(room, sizeof(room));
    write(snapshot, &text);
    out_print(to, text_slice(&text));
    fflush(to);
}

static void on_start(void *context, const struct run_info *info)
{
    struct watch *watch = context;
    if (watch->plan->log == LOG_TEXT && !watch->plan->quiet && !watch->plan->json_on_stdout)
        live_begin(&watch->live, watch->plan, info);
}

static void on_tick(void *context, const struct snapshot *snapshot)
{
    struct watch *watch = context;
    if (live_is_on(&watch->live))
        live_draw(&watch->live, snapshot);
    if (watch->dashboard)
        dashboard_show(watch->dashboard, snapshot);
    if (watch->exporter)
        exporter_show(watch->exporter, snapshot);
}

static void on_look(void *context, const struct snapshot *last, bool stopping)
{
    struct watch *watch = context;
    if (live_is_on(&watch->live))
        live_look(&watch->live, last, stopping);
}

static void on_interval(void *context, const struct snapshot *snapshot)
{
    struct watch *watch = context;
    if (watch->plan->log == LOG_JSON) {
        view_json_interval_line(snapshot, out_lines());
    } else if (!watch->plan->quiet && !live_is_on(&watch->live)) {
        print_text(snapshot, view_text_interval, outputs_text_lines(watch->plan));
    }
    outputs_add(&watch->outputs, snapshot);
}

static void on_end(void *context, const struct snapshot *snapshot)
{
    struct watch *watch = context;
    live_end(&watch->live);
    snapshot_verdict(snapshot, &watch->status);
    outputs_end(&watch->outputs, snapshot);
    if (watch->exporter)
        exporter_show(watch->exporter, snapshot);
    if (watch->dashboard)
        dashboard_end(watch->dashboard, snapshot);
    if (watch->plan->log == LOG_JSON)
        view_json_result_line(snapshot, out_stream());
    else {
        FILE *to = outputs_text(watch->plan);
        print_text(snapshot, view_text_summary, to);
        print_text(snapshot, view_bystanders, to);
        print_text(snapshot, view_endurance, to);
    }
    if (watch->plan->json_on_stdout)
        view_dump_pretty(view_json_result(snapshot), out_stream());
    fflush(out_stream());
    if (watch->ended)
        watch->ended(watch->ended_context, snapshot);
}

static void on_notice(void *context, const char *line)
{
    struct watch *watch = context;
    if (live_is_on(&watch->live))
        live_notice(&watch->live, line);
    else
        out_say("%s", line);
}

/* As the first Ctrl-C would. */
static void stop_run(void *context)
{
    (void)context;
    kill(getpid(), SIGTERM);
}

static void pause_run(void *context, bool paused)
{
    struct watch *watch = context;
    control_pause(&watch->live.control, paused);
}

static bool step_run(void *context, bool up)
{
    struct watch *watch = context;
    return control_step(&watch->live.control, up);
}

/* Where one of our servers is to be found now; the live view will cover the first line. */
static void say_where(struct watch *watch, const char *what, struct address *address, uint16_t port,
                      const char *path)
{
    char room[160], notice[240];
    struct text where = text_init(room, sizeof(room));
    address_set_port(address, port);
    address_write(&where, address);
    snprintf(notice, sizeof(notice), "%s at http://%s%s", what, text_string(&where), path);
    out_say("%s", notice);
    live_notice(&watch->live, notice);
}

static bool start_dashboard(struct watch *watch, struct text *error)
{
    const char *web = watch->plan->web;
    struct address address;
    char room[160];
    struct text why = text_init(room, sizeof(room));
    if (!listen_parse(web, &address)) {
        options_complain(error, OPT_WEB, web, LISTEN_EXPECTED);
        return false;
    }
    const struct dashboard_config config = {
        .address = &address.any,
        .loopback = listen_is_loopback(&address),
        .token = watch->plan->web_token,
        .paused = &watch->live.control.paused,
        .change = &watch->live.control.change,
        .stop = stop_run,
        .pause = pause_run,
        .step = step_run,
        .context = watch,
    };
    watch->dashboard = dashboard_start(&config, &why);
    if (watch->dashboard)
        say_where(watch, "dashboard", &address, dashboard_port(watch->dashboard), "/");
    else
        text_printf(error, "--web %s: %s", web, text_string(&why));
    return watch->dashboard;
}

static bool start_exporter(struct watch *watch, struct text *error)
{
    const char *prometheus = watch->plan->prometheus;
    struct address address;
    char room[160];
    struct text why = text_init(room, sizeof(room));
    if (!listen_parse(prometheus, &address)) {
        options_complain(error, OPT_PROMETHEUS, prometheus, LISTEN_EXPECTED);
        return false;
    }
    watch->exporter = exporter_start(&address.any, listen_is_loopback(&address), &why);
    if (watch->exporter)
        say_where(watch, "metrics", &address, exporter_port(watch->exporter), "/metrics");
    else
        text_printf(error, "--prometheus %s: %s", prometheus, text_string(&why));
    return watch->exporter;
}

bool watch_begin(struct watch *watch, struct text *error)
{
    const struct plan *plan = watch->plan;
    if (plan->web_token && (!plan->web || strlen(plan->web_token) < TOKEN_SHORTEST)) {
        text_printf(error, "--web-control: expected %s",
                    plan->web ? "a token of 8 characters or more" : "--web beside it");
        return false;
    }
    watch->outputs.plan = plan;
    return outputs_begin(&watch->outputs, error) && (!plan->web || start_dashboard(watch, error)) &&
           (!plan->prometheus || start_exporter(watch, error));
}

bool watch_finish(struct watch *watch, struct text *error)
{
    dashboard_stop(watch->dashboard);
    exporter_stop(watch->exporter);
    return outputs_finish(&watch->outputs, error);
}

struct run_hooks watch_hooks(struct watch *watch)
{
    return (struct run_hooks){.context = watch,
                              .on_start = on_start,
                              .on_interval = on_interval,
                              .on_tick = on_tick,
                              .on_look = on_look,
                              .on_end = on_end,
                              .on_notice = on_notice,
                              .control = &watch->live.control};
}
