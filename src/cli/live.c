#include "cli/live.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static_assert(SCREEN_ROOM >= VIEW_TERMINAL_BYTES, "every frame fits");

/* "100 readers of 5 streams, rtsp://host/cam"; publishers have a stream each */
static void describe(struct live *live, const struct plan *plan, const struct run_info *info)
{
    struct text title = text_init(live->title, sizeof(live->title));
    text_printf(&title, "%u %s%s %s ", plan->own_readers, plan->publish ? "publisher" : "reader",
                plan->own_readers == 1 ? "" : "s", plan->publish ? "to" : "of");
    if (info->stream_count > 1 && !plan->publish)
        text_printf(&title, "%u streams, ", info->stream_count);
    text_add_printable(&title, slice_from_string(info->stream_urls[0]));
    live->view.title = text_string(&title);
}

bool live_begin(struct live *live, const struct plan *plan, const struct run_info *info)
{
    if (!screen_take(&live->screen))
        return false;
    live->view.colour = screen_has_colour();
    live->view.unicode = screen_has_unicode();
    live->view.keys = true;
    live->view.duration_ns = plan->duration_ns;
    live->open = plan->open;
    describe(live, plan, info);
    return true;
}

bool live_is_on(const struct live *live)
{
    return live->screen.taken;
}

void live_end(struct live *live)
{
    screen_give_back(&live->screen);
}

void live_draw(struct live *live, const struct snapshot *snapshot)
{
    struct text frame = text_init(live->frame, sizeof(live->frame));
    screen_size(&live->screen, &live->view.columns, &live->view.rows);
    live->view.paused = atomic_load(&live->control.paused); /* the dashboard sets it too */
    live->view.change = atomic_load(&live->control.change);
    if (snapshot->elapsed_ns > live->view.duration_ns)
        live->view.ending = true;
    view_terminal(&live->view, snapshot, &frame);
    if (!frame.overflow) /* a wall of a screen: rather nothing than half of it */
        screen_show(&live->screen, text_slice(&frame));
}

static void step(struct live *live, bool up)
{
    bool changed = control_step(&live->control, up);
    struct text said = text_init(live->notice, sizeof(live->notice) - 1);
    double percent = (1000 + atomic_load(&live->control.change)) / 10.0;
    if (changed)
        text_printf(&said, "%s %g %% of the plan's", live->open ? "rate" : "target", percent);
    else
        text_printf(&said, up ? "no room for over %g %%" : "%g %% is the least", percent);
    live->view.notice = text_string(&said);
}

/* True when the screen shall be drawn again. */
static bool press(struct live *live, char key)
{
    switch (key) {
    case 'q':
        kill(getpid(), SIGINT);
        return true;
    case 'p':
    case ' ':
        live->view.paused = !atomic_load(&live->control.paused);
        control_pause(&live->control, live->view.paused);
        return true;
    case '+':
    case '=': /* the same key, on many keyboards */
    case '-':
        step(live, key != '-');
        return true;
    case '?':
    case 'h':
        live->view.help = !live->view.help;
        return true;
    default:
        return false;
    }
}

void live_look(struct live *live, const struct snapshot *last, bool stopping)
{
    unsigned columns, rows;
    bool changed = stopping && !live->view.ending;
    live->view.ending |= stopping;
    for (char key = screen_key(&live->screen); key; key = screen_key(&live->screen))
        changed |= press(live, key);
    screen_size(&live->screen, &columns, &rows);
    changed |= atomic_load(&live->control.paused) != live->view.paused; /* the dashboard may, too */
    changed |= atomic_load(&live->control.change) != live->view.change;
    changed |= columns != live->view.columns || rows != live->view.rows;
    if (changed && last)
        live_draw(live, last);
    else
        screen_show(&live->screen, SLICE(""));
}

void live_notice(struct live *live, const char *line)
{
    struct text notice = text_init(live->notice, sizeof(live->notice) - 1);
    text_add_printable(&notice, slice_from_string(line));
    live->view.notice = text_string(&notice);
}
