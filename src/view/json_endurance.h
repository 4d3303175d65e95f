/* json_endurance.h - the result's parts on the server's own load, and on what changed over the run.
 */
#pragma once

#include <jansson.h>

#include "stats/snapshot.h"

/* null where nobody looked at the server. */
json_t *view_json_server(const struct server_load *server);

/* Its columns of a timeline's row. */
void view_json_server_row(json_t *object, const struct timeline_row *row);

/* null where the run was too short; drift may be NULL. */
json_t *view_json_drift(const struct drift *drift);
