/* live.h - the live view of a run on a terminal, and its keys. */
#pragma once

#include "cli/screen.h"
#include "load/run.h"
#include "view/terminal.h"

/* Embedded in what watches the run; ready when zeroed. */
struct live {
    struct screen screen;
    struct terminal_view view;
    struct run_control control;
    bool open; /* it is the rate that is changed */
    char title[256];
    char notice[160];
    char frame[VIEW_TERMINAL_BYTES];
};

/* Takes the terminal over, where there is one: then true. */
bool live_begin(struct live *live, const struct plan *plan, const struct run_info *info);
bool live_is_on(const struct live *live);
void live_end(struct live *live);

void live_draw(struct live *live, const struct snapshot *snapshot);

/* Some 20 times a second: keys, a new size, what the terminal had not taken. last may be NULL. */
void live_look(struct live *live, const struct snapshot *last, bool stopping);

/* Shown beside the keys from now on. */
void live_notice(struct live *live, const char *line);
