/* run.h - a whole run on this machine: threads, intervals, signals, and one result. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "load/control.h"
#include "load/plan.h"
#include "stats/snapshot.h"

/* What watches a run; called on the thread that called run. Snapshots are good until the call
 * returns. */
struct run_hooks {
    void *context;
    void (*on_start)(void *context, const struct run_info *info);
    void (*on_interval)(void *context, const struct snapshot *snapshot);
    void (*on_tick)(void *context, const struct snapshot *snapshot); /* each second, and before
                                                                        on_interval; may be NULL */
    /* Some 20 times a second, for keys; may be NULL. last is the newest snapshot, NULL before the
       first; stopping: a signal asked for the end. */
    void (*on_look)(void *context, const struct snapshot *last, bool stopping);
    void (*on_end)(void *context, const struct snapshot *snapshot);
    void (*on_notice)(void *context, const char *line); /* what the user should know, a line */
    const struct run_control *control; /* what the watcher asks for; NULL: nothing */
};

/* Runs resolved plans side by side, each from its own beginning, to the end of the last one. What
   isn't a matter of readers (objectives, files, intervals, the loop) is as the first one says. */
bool run_plans(const struct plan *plans, uint32_t count, const char *version,
               const struct run_hooks *hooks, struct text *error);

/* The signals that end a run: SIGINT, SIGTERM, and SIGHUP unless it is ignored, as under nohup. */
void run_end_signals(sigset_t *signals);

/* Runs a resolved plan to its end, or until one of those signals: the first ends it in order within
   5 s, the second at once; but SIGHUP, which a shell and the kernel both send when a terminal goes
   away, hastens nothing. version is the tool's. False, with error set, when it could not begin, or
   when the sessions' log could not be written. */
bool run(const struct plan *plan, const char *version, const struct run_hooks *hooks,
         struct text *error);
