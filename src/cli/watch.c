#include "cli/watch.h"

#include <string.h>

#include "base/clock.h"
#include "view/file.h"
#include "view/json.h"
#include "view/text.h"

#define CHECKPOINT_NS (60 * NS_PER_S)

static void print_text(const struct snapshot *snapshot,
                       void (*write)(const struct snapshot *, struct text *))
{
    char room[8192];
    struct text text = text_init(room, sizeof(room));
    write(snapshot, &text);
    fwrite(text.data, 1, text.len, stdout);
    fflush(stdout);
}

static void save(struct watch *watch, const struct snapshot *snapshot)
{
    if (!watch->plan->json_file)
        return;
    watch->file_error = view_json_write(snapshot, watch->plan->json_file);
    watch->saved_ns = snapshot->elapsed_ns;
}

static void on_interval(void *context, const struct snapshot *snapshot)
{
    struct watch *watch = context;
    if (watch->plan->log == LOG_JSON) {
        view_json_interval_line(snapshot, stdout);
        fflush(stdout);
    } else if (!watch->plan->quiet) {
        print_text(snapshot, view_text_interval);
    }
    if (watch->saved_ns == 0 || snapshot->elapsed_ns - watch->saved_ns >= CHECKPOINT_NS)
        save(watch, snapshot);
}

static void on_end(void *context, const struct snapshot *snapshot)
{
    struct watch *watch = context;
    snapshot_verdict(snapshot, &watch->status);
    save(watch, snapshot);
    if (watch->plan->log == LOG_JSON)
        view_json_result_line(snapshot, stdout);
    else
        print_text(snapshot, view_text_summary);
    fflush(stdout);
}

static void on_notice(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "rtspbench: %s\n", line);
}

bool watch_can_write(const struct plan *plan, struct text *error)
{
    struct file file;
    int failed = plan->json_file ? file_open(&file, plan->json_file) : 0;
    if (failed)
        text_printf(error, "--json %s: %s", plan->json_file, strerror(-failed));
    else if (plan->json_file)
        file_discard(&file);
    return !failed;
}

struct run_hooks watch_hooks(struct watch *watch)
{
    return (struct run_hooks){
        .context = watch, .on_interval = on_interval, .on_end = on_end, .on_notice = on_notice};
}
