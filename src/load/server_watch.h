/* server_watch.h - looks at the server under load from outside: its process in /proc, and the
 * metrics that it publishes. */
#pragma once

#include <stdbool.h>

#include "base/text.h"
#include "stats/server_load.h"

struct server_watch;

/* pid 0: no process; metrics NULL: no page to fetch. The page is fetched on a thread of its own
   once a period. False, with error: the process isn't there, or the URL can't be used. With
   neither, out is NULL. */
bool server_watch_new(struct server_watch **out, uint32_t pid, const char *metrics,
                      uint64_t period_ns, struct text *error);
void server_watch_free(struct server_watch *watch);

/* What is known by now; never waits for the server. notice gets a line where there is something to
   say for the first time: that the process has ended, that the page can't be had. */
void server_watch_look(struct server_watch *watch, struct server_sample *out, struct text *notice);

/* Adds one metric of a page to a sample, of whose fields the first such one is set and further
   ones are summed up; ready is zeroed before each page. */
struct server_metrics {
    double values[16];
    bool has[16];
};
void server_metrics_add(struct server_metrics *metrics, struct slice name, double value);
void server_metrics_fill(const struct server_metrics *metrics, struct server_sample *sample);
