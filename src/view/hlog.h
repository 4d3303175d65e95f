/* hlog.h - a run's histograms as HdrHistogram's log (format 1.3, histograms V2 compressed): a line
 * an interval and metric, each with its tag. */
#pragma once

#include "stats/snapshot.h"

struct hlog;

/* span_ns: how long a line's interval is at least, so that a log of days stays short. 0, or -errno
   and no log. */
int hlog_open(struct hlog **log, const char *path, uint64_t span_ns);

/* Adds the interval that the snapshot ends, the last snapshot of all included. Values are
   microseconds, but for the bit rate. */
void hlog_add(struct hlog *log, const struct snapshot *snapshot);

/* Puts the file in its place, if anything was added, and frees log: 0 or -errno. NULL is fine. */
int hlog_close(struct hlog *log);
