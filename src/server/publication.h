/* publication.h - the part of a session that only publishers have: what was announced, what was
 * received of it, and the reports back. A sink: what arrives is counted and thrown away. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/announcement.h"
#include "server/connection.h"
#include "server/tally.h"

#define PUBLICATION_HEAD_BYTES 256u /* of a frame split over reads: all of any sender report */

/* In a pool, from ANNOUNCE to the end of the session. The first 4 bytes belong to the pool while
   the record is free. */
struct publication {
    uint32_t pool_link;
    bool recorded; /* RECORD was answered */
    bool stalled;  /* by the fault: the connection isn't read */
    uint16_t head_len;
    uint32_t frame_len; /* of a frame whose end is to come: what was there; 0: there is none */
    uint64_t report_at_ns;
    struct announcement announcement;
    struct tally tallies[MEDIA_TRACKS_MAX];
    uint8_t head[PUBLICATION_HEAD_BYTES];
};

/* The connection's, or NULL. */
struct publication *publication_of(const struct server *server,
                                   const struct connection *connection);

/* Takes one for the connection, or empties the one it has. NULL when the pool is exhausted. */
struct publication *publication_take(struct server *server, struct connection *connection);
void publication_release(struct server *server, struct connection *connection);

/* RECORD: reports go back from now on. */
void publication_record(struct server *server, struct connection *connection);

/* PAUSE and TEARDOWN. What arrives is counted on until the session ends. */
void publication_pause(struct server *server, struct connection *connection);

/* A piece of an interleaved frame; the connection's splitter says what is left of it. */
void publication_on_piece(struct server *server, struct connection *connection, struct slice piece);

/* A datagram of a track; port 0 is RTP's, 1 RTCP's. */
void publication_on_datagram(struct server *server, struct connection *connection, unsigned track,
                             unsigned port, struct slice bytes);

/* Sends the reports that are due, and begins and ends stalls. */
void publication_service(struct server *server, struct connection *connection);

/* When publication_service has something to do next. */
uint64_t publication_next(const struct server *server, const struct connection *connection);

/* Adds to the truth of a session that ends. */
void publication_account(const struct server *server, const struct connection *connection,
                         struct truth_session *report);
