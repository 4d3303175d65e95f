/* watch.h - what a run shows while it goes and leaves behind: screen or lines, summary, result
 * file. */
#pragma once

#include "cli/live.h"
#include "cli/outputs.h"
#include "load/run.h"
#include "view/dashboard.h"
#include "view/exporter.h"

/* Ready when zeroed but for plan. */
struct watch {
    const struct plan *plan;
    struct live live;
    struct outputs outputs;
    void (*ended)(void *context, const struct snapshot *snapshot); /* told too; may be NULL */
    void *ended_context;
    int status;                  /* the process's exit status, once the run has ended */
    struct dashboard *dashboard; /* NULL: none */
    struct exporter *exporter;   /* likewise */
};

/* Can the files be written? Asked before a run of hours, not after it. Starts the servers. False,
   with error, when something can't be had. */
bool watch_begin(struct watch *watch, struct text *error);

/* False, with error, when a file could not be written. */
bool watch_finish(struct watch *watch, struct text *error);

/* Hooks of a run that report to watch, which must outlive it. */
struct run_hooks watch_hooks(struct watch *watch);
