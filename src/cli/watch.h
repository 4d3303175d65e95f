/* watch.h - what a run shows while it goes and leaves behind: screen or lines, summary, result
 * file. */
#pragma once

#include "cli/live.h"
#include "load/run.h"
#include "view/dashboard.h"
#include "view/exporter.h"

/* Ready when zeroed but for plan. */
struct watch {
    const struct plan *plan;
    struct live live;
    uint64_t saved_ns; /* elapsed when the result was last saved; 0: never */
    int status;        /* the process's exit status, once the run has ended */
    int file_error;    /* -errno of the result file, 0 when it is there or wasn't asked for */
    int html_error;    /* likewise */
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
