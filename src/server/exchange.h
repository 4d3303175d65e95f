/* exchange.h - a request, what its URL names, and the reply in the making. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "base/text.h"
#include "media/media.h"
#include "proto/rtsp.h"
#include "server/connection.h"
#include "server/fault.h"
#include "server/path.h"
#include "server/target.h"

struct exchange {
    struct server *server;
    struct connection *connection;
    const struct rtsp_message *request; /* NULL when it could not be parsed */
    struct target target;
    struct path *path;    /* NULL until somebody set it up */
    struct faults faults; /* of the path */
    const struct media *media;
    bool unknown; /* the path names no media, and must: nothing plays there, media is the default */
    struct text reply;
};

/* Starts the reply: status line and the headers that every reply has. */
void exchange_begin(struct exchange *exchange, unsigned status);

/* Ends the headers and sends. */
void exchange_finish(struct exchange *exchange);
void exchange_finish_with_body(struct exchange *exchange, const char *type, struct slice body);

/* A reply of a status alone. */
void exchange_answer(struct exchange *exchange, unsigned status);

/* 404, with the paths that there are. */
void exchange_answer_unknown(struct exchange *exchange);

/* Adds the Session header of the connection's session, if there is one. */
void exchange_add_session(struct exchange *exchange);

/* Adds the URL that tracks are relative to, without a slash at its end. */
void exchange_add_base(struct exchange *exchange);

/* Is the Session header, if there is one, that of this connection's session? */
bool exchange_names_session(const struct exchange *exchange);

/* What requests within a session have in common. 200, or why not. */
unsigned exchange_check_session(const struct exchange *exchange);
