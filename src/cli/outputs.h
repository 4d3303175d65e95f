/* outputs.h - the files that a run leaves behind. */
#pragma once

#include <limits.h>

#include "load/plan.h"
#include "stats/snapshot.h"
#include "view/hlog.h"

enum output { OUTPUT_JSON, OUTPUT_CSV, OUTPUT_JUNIT, OUTPUT_HTML, OUTPUT_HLOG, OUTPUTS };

/* Ready when zeroed but for plan. */
struct outputs {
    const struct plan *plan;
    struct hlog *hlog;
    uint64_t saved_ns;   /* elapsed when the files were last saved; 0: never */
    int errors[OUTPUTS]; /* -errno where one could not be written */
};

/* Can the files be written? Asked before a run of hours, not after it. False, with error: no. */
bool outputs_begin(struct outputs *outputs, struct text *error);

/* At the end of the first interval, and then once a minute: what there is so far is saved beside
   the result, as FILE.running. */
void outputs_add(struct outputs *outputs, const struct snapshot *snapshot);

/* With the last snapshot of the run. */
void outputs_end(struct outputs *outputs, const struct snapshot *snapshot);

/* False, with error, when files could not be written: all of them are named. */
bool outputs_finish(struct outputs *outputs, struct text *error);

/* Where text for people goes: standard output, unless the result goes there. */
FILE *outputs_text(const struct plan *plan);

/* The same for lines that may be left out where the reader is behind. */
FILE *outputs_text_lines(const struct plan *plan);

/* Where the checkpoints of a result file go. False: it has none, being a device or a pipe. */
bool outputs_running_name(const char *path, char name[static PATH_MAX]);

/* One that an earlier run left, or that the result has replaced. */
void outputs_remove_running(const char *path);
