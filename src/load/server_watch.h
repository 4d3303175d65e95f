/* server_watch.h - looks at the server under load from outside: its process in /proc, and the
 * metrics that it publishes. */
#pragma once

#include <stdbool.h>

#include "base/text.h"
#include "stats/server_load.h"

struct server_watch;

/* Strings are borrowed and must outlive the watch. */
struct server_watch_config {
    uint32_t pid;        /* 0: none is told */
    const char *pidfile; /* a file with the process's id, read again when the process is gone, as a
                            server that is restarted has another one; NULL: none */
    const char
        *metrics; /* URL of a page, fetched on a thread of its own once a period; NULL: none */
    uint64_t period_ns;
    bool may_be_gone; /* the process need not be there at first */
};

/* False, with error: the process isn't there, or the URL can't be used. Where there is nothing to
   look at, out is NULL. */
bool server_watch_new(struct server_watch **out, const struct server_watch_config *config,
                      struct text *error);
void server_watch_free(struct server_watch *watch);

/* What is known by now; never waits for the server. notice gets a line where there is something to
   say for the first time: that the process has ended, that another one is there, that the page
   can't be had. */
void server_watch_look(struct server_watch *watch, struct server_sample *out, struct text *notice);

/* Adds one metric of a page to a sample, of whose fields the first such one is set and further
   ones are summed up; ready is zeroed before each page. */
struct server_metrics {
    double values[16];
    bool has[16];
};
void server_metrics_add(struct server_metrics *metrics, struct slice name, double value);
void server_metrics_fill(const struct server_metrics *metrics, struct server_sample *sample);
