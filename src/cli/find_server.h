/* find_server.h - what the server took of its machine while a level of a search was held. */
#pragma once

#include <jansson.h>

#include "base/text.h"
#include "stats/server_load.h"

/* One a level. */
struct find_server {
    bool watched;                      /* somebody looks at the server */
    bool held;                         /* it was seen while the level was held */
    uint64_t rss_bytes, files;         /* the most that was seen; SERVER_UNKNOWN */
    double cpu;                        /* cores' worth; under 0: not known */
    uint64_t cpu_before_ns, cpu_at_ns; /* CPU time of it seen at the hold's first tick and last, */
    uint64_t span_before_ns, span_at_ns; /* ... and over how long */
};

extern const struct find_server find_server_unknown;

/* At each tick while the level is held. */
void find_server_see(struct find_server *server, const struct server_load *load);

/* At the level's end: what wasn't seen while it was held, or not twice, is then that of the whole
   level. */
void find_server_end(struct find_server *server, const struct server_load *load);

/* "85.3 MB, 0.42 cores, 214 files", as far as it is known. */
void find_server_write(const struct find_server *server, struct text *to);

/* null where nobody looks. */
json_t *find_server_json(const struct find_server *server);
