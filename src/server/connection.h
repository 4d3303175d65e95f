/* connection.h - one RTSP connection of the server and the session it controls. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/slice.h"
#include "base/wheel.h"
#include "net/address.h"
#include "net/loop.h"
#include "proto/interleaved.h"
#include "server/path.h"
#include "server/playout.h"

struct server;

enum connection_state {
    CONNECTION_FREE,
    CONNECTION_OPEN,
    CONNECTION_ENDING, /* TEARDOWN was answered: what is queued goes out, then FIN */
    CONNECTION_SHUT,   /* FIN sent, the peer's is awaited for a while */
    CONNECTION_CLOSED, /* until the loop lets go of the socket */
};

enum session_state { SESSION_NONE, SESSION_READY, SESSION_PLAYING, SESSION_RECORDING };

struct session_track {
    uint8_t channels[2];   /* TCP: RTP and RTCP */
    uint16_t ports[2];     /* UDP: the client's */
    uint32_t next_peer[2]; /* peer number + 1 in the chains of peers.h */
    bool is_peer[2];
};

/* A packet the kernel took only part of: the rest must go first. */
struct session_partial {
    enum playout_step_kind kind : 8;
    bool overtaken;
    uint8_t track;
    uint8_t header_len;
    uint16_t payload_len;
    uint32_t at; /* bytes taken; 0: none is pending */
    uint8_t header[PLAYOUT_HEADER_MAX];
    const uint8_t *payload;
};

struct session {
    enum session_state state : 8;
    bool udp;
    bool joined;    /* has played before: SSRCs and sequence numbers go on */
    bool clogged;   /* counted in the path's clogged readers */
    bool blocked;   /* waits for room in the socket */
    bool torn_down; /* TEARDOWN came: whatever happens now, that is how it ended */
    bool draining;  /* what is held back goes out before any reply */
    uint64_t id;
    struct path *path;
    uint64_t keepalives;
    uint64_t played_at_ns; /* the last PLAY or RECORD */
    uint64_t report_at_ns; /* the next sender reports */
    struct cap_turn turn;  /* of the path's bitrate_cap */
    struct session_partial partial;
    struct session_track tracks[MEDIA_TRACKS_MAX];
    struct playout playout; /* of a publisher only which tracks are on */
};

/* In a pool: the first 4 bytes belong to it while the record is free. */
struct connection {
    uint32_t pool_link;
    enum connection_state state : 8;
    bool delay_served; /* the DESCRIBE at the start of input has had its delay */
    bool gone;         /* while ENDING: the peer has closed */
    loop_socket socket;
    struct interleaved split;
    uint32_t publication;   /* from ANNOUNCE on, or POOL_NONE */
    uint32_t input, output; /* words, or POOL_NONE */
    uint32_t input_len, output_len;
    struct wheel_entry timer;
    uint64_t heard_at_ns;  /* any sign of life */
    uint64_t resume_at_ns; /* describe_delay: input waits until then; 0: it doesn't */
    uint64_t shut_at_ns;   /* ENDING: not before; SHUT: the peer's FIN is awaited until then */
    uint64_t serial;       /* of the shard, never reused */
    struct address peer;
    uint8_t nonce[16]; /* of the challenge sent, all zero before */
    struct session session;
};

/* A socket was accepted. */
void connection_open(struct server *server, const struct loop_event *event);

void connection_on_bytes(struct server *server, struct connection *connection, struct slice bytes);
void connection_on_writable(struct server *server, struct connection *connection);
/* The peer closed, or the connection broke. */
void connection_on_end(struct server *server, struct connection *connection, const char *ended);
void connection_on_timer(struct server *server, struct connection *connection);

/* The socket is gone; the record can be used again. */
void connection_released(struct server *server, struct connection *connection);

/* Sends behind whatever is queued, and queues what the kernel doesn't take. Closes the connection
   when even the queue is full: the peer doesn't read. */
void connection_send(struct server *server, struct connection *connection, struct slice bytes);

/* Queues the rest of what was sent in part. Closes the connection like connection_send. */
void connection_keep(struct server *server, struct connection *connection, struct slice bytes);

/* Writes what is queued. True when nothing is left: media may follow. */
bool connection_flush(struct server *server, struct connection *connection);

/* Ends the session, if there is one, and the connection. */
void connection_close(struct server *server, struct connection *connection, const char *ended,
                      bool reset);

/* Counts the session and forgets it. */
void connection_end_session(struct server *server, struct connection *connection,
                            const char *ended);

/* Sets the timer to whatever comes next. */
void connection_arm(struct server *server, struct connection *connection);

static inline bool connection_publishes(const struct connection *connection)
{
    return connection->publication != POOL_NONE;
}

static inline unsigned session_tracks_on(const struct session *session)
{
    unsigned count = 0;
    for (unsigned i = 0; i < MEDIA_TRACKS_MAX; i++)
        count += session->playout.tracks[i].on;
    return count;
}

static inline bool connection_has_session(const struct connection *connection)
{
    return connection->session.state != SESSION_NONE;
}
