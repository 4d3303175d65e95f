/* request.h - answers RTSP requests (RFC 2326). */
#pragma once

#include <stdbool.h>

#include "proto/rtsp.h"
#include "server/connection.h"

/* Handles one message. False: not yet (describe_delay), to be offered again when the connection
 * resumes. */
bool request_handle(struct server *server, struct connection *connection,
                    const struct rtsp_message *message);

/* Answers what could not be parsed. */
void request_refuse(struct server *server, struct connection *connection, unsigned status);
