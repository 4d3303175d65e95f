/* exporter.h - serves a run's metrics at /metrics, on a thread of its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/text.h"
#include "stats/snapshot.h"

struct exporter;

/* Port 0: a free one. loopback: only requests to an address or localhost are answered. NULL, with
 * error, when it can't listen there or the build can't serve. */
struct exporter *exporter_start(const struct sockaddr *address, bool loopback, struct text *error);
uint16_t exporter_port(const struct exporter *exporter);

/* What a scrape gets from now on. */
void exporter_show(struct exporter *exporter, const struct snapshot *snapshot);

/* NULL is fine. */
void exporter_stop(struct exporter *exporter);
