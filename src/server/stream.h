/* stream.h - writes a playing session's packets when they are due, and what the kernel left over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/connection.h"

/* Starts or resumes; media follows with the next stream_service. */
void stream_play(struct server *server, struct connection *connection);

/* Stops (PAUSE, TEARDOWN): what is held back or half written goes out with the next flush. */
void stream_pause(struct server *server, struct connection *connection);

/* Writes whatever is due and fits. May close the connection. */
void stream_service(struct server *server, struct connection *connection);

/* When stream_service has something to do next; TIME_NEVER while it waits for room. */
uint64_t stream_next(const struct server *server, const struct connection *connection);

/* Finishes a packet the kernel took part of; true when none is pending. */
bool stream_finish_partial(struct server *server, struct connection *connection);

/* Writes what is held back; true when nothing is. */
bool stream_drain(struct server *server, struct connection *connection);

/* Playing or not, the session has no part in what the path's readers share any more. */
void stream_leave(struct server *server, struct session *session);
