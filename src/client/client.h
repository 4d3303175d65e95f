/* client.h - what all sessions of one shard share: their configuration, pools, clock, and the host
 * that does for them what they can't do themselves. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/wheel.h"
#include "client/conversation.h"
#include "client/description.h"
#include "client/panel.h"
#include "client/publisher.h"
#include "client/session.h"
#include "media/media.h"
#include "net/address.h"
#include "stats/stats.h"

#define CLIENT_ADDRESSES 8u
#define CLIENT_TEARDOWN_NS                                                                         \
    UINT64_C(5000000000) /* an answer to TEARDOWN is waited for so long at most */

enum client_transport {
    CLIENT_TCP,
    CLIENT_UDP,
    CLIENT_AUTO
}; /* auto: UDP, and TCP where that fails */

enum client_keepalive {
    KEEP_AUTO, /* GET_PARAMETER if offered, else OPTIONS */
    KEEP_OPTIONS,
    KEEP_GET_PARAMETER,
    KEEP_SET_PARAMETER,
    KEEP_NONE,
};

/* Where sessions of one URL go, and who they are there. */
struct client_url {
    struct slice text;  /* as in a request line: no userinfo; {n} stands for a publisher's number */
    struct slice shown; /* the same without secrets, for what people read */
    struct slice user;  /* bytes, percent-decoded; empty: no credentials */
    struct slice password;
    uint32_t address_count; /* 0: the name did not resolve */
    struct address addresses[CLIENT_ADDRESSES];
};

/* Read-only while sessions run; all borrowed. */
struct client_config {
    const struct client_url *urls;
    uint32_t url_count;
    uint32_t sessions; /* that can live at a time */
    uint32_t readers;  /* in the whole plan */
    uint32_t panel;    /* of those, looked at in depth; may be more than there are */
    uint32_t conversations;
    uint32_t retries;
    bool retries_given; /* else who comes back after a drop tries until the plan ends */
    uint64_t backoff_ns;
    uint64_t timeout_ns; /* of each phase */
    uint64_t media_timeout_ns;
    uint64_t report_ns; /* between receiver reports; 0: 5 s */
    uint64_t seed;
    const struct media *publish; /* what sessions send; NULL: they read */
    uint64_t publish_queue_ns;   /* so long what the kernel doesn't take waits, at least */
    enum client_transport transport;
    enum client_keepalive keepalive;
    enum description_wanted tracks;
    bool end_on_stall;
    bool reconnect;
    bool replace; /* a session whose life is over makes room for another of its reader */
    bool quickack_off;
    bool close_reset;
    bool trust_redirects; /* wherever one leads may have credentials, too */
    struct slice user_agent;
    struct slice headers; /* whole lines, each with CRLF */
};

enum client_direction { CLIENT_SENT, CLIENT_RECEIVED };

/* What the host does. Sockets are its own names, over 0; errors are -errno. */
/* Packets that are not a session's media: of a payload type that the SDP doesn't have, or datagrams
   from another host than the server and SETUP's source. */
struct client_ignored {
    const struct address *from;     /* NULL: of an unknown payload type */
    const struct address *expected; /* with from: whose would have counted */
    uint32_t packets;
    uint8_t payload_type; /* without from */
};

struct client_io {
    uint64_t (*clock)(void *host); /* monotonic, of this instant */
    int64_t (*connect)(void *host, const struct address *to, uint64_t token, uint32_t reader);
    int64_t (*send)(void *host, uint32_t socket, struct slice bytes);
    void (*want_writable)(void *host, uint32_t socket);
    void (*close)(void *host, uint32_t socket, bool reset);
    void (*pause)(void *host, uint32_t socket, bool paused);
    void (*shutdown)(void *host, uint32_t socket);
    /* An even port and the next one, at the address of the control connection. 0, or -errno and
     * nothing. */
    int (*open_udp_pair)(void *host, uint32_t control, const uint64_t tokens[2],
                         uint32_t sockets[2], uint16_t *rtp_port);
    /* Whether there is a way to that address: one errno says both that there is none and that all
       source ports to it are taken. */
    bool (*has_way)(void *host, const struct address *to);
    int (*send_to)(void *host, uint32_t socket, const struct address *to, struct slice bytes);
    uint32_t (*udp_drops)(void *host, uint32_t socket);
    uint32_t (*unacked)(void *host, uint32_t socket); /* as loop_unacked */
    uint32_t (*rcvbuf)(void *host, uint32_t socket);
    void (*quickack_off)(void *host, uint32_t socket);
    uint16_t (*local_port)(void *host, uint32_t socket);
    int (*resolve)(void *host, struct slice name, uint16_t port, uint64_t token);
    /* How long a reader's session lives (UINT64_MAX: until it is told to end), and the URL it
       reads; incarnation counts the sessions that the reader had before. NULL: for ever, always the
       same. */
    uint64_t (*life_ns)(void *host, uint32_t reader, uint32_t incarnation);
    uint32_t (*url_of)(void *host, uint32_t reader, uint32_t incarnation);
    /* A session ended for good (or dropped, before it comes back). */
    void (*ended)(void *host, const struct session *session, enum session_outcome outcome);
    /* Both may be NULL. A message as sent or received, credentials still in it; a panel session's
     * packet as judged. */
    void (*on_message)(void *host, const struct session *session, enum client_direction direction,
                       struct slice message);
    void (*on_packet)(void *host, const struct session *session, unsigned track,
                      const struct panel_packet *packet, const struct receiver_arrival *arrival);
    /* May be NULL. What came and is not counted. */
    void (*on_ignored)(void *host, const struct session *session,
                       const struct client_ignored *what);
};

struct client {
    const struct client_config *config;
    const struct client_io *io;
    void *host;
    struct stats *stats; /* of the current interval */
    struct stats *media; /* the same, or a block that nobody reads while warming up */
    struct stats *scratch;
    struct client
        *good; /* of misbehaving clients: those whose numbers they must not touch; else NULL */
    uint64_t token_bit;      /* set in every token of this client's */
    uint64_t now_ns;         /* as of this turn */
    uint64_t epoch_ns;       /* now_ms counts from here, starting at 1 */
    uint64_t unix_offset_ns; /* added to monotonic time: the time since 1970 */
    uint32_t now_ms;
    uint32_t last_lag_ms; /* when the shard was last over 100 ms late; 0: never */
    uint32_t active;      /* established and not yet ended */
    uint32_t active_peak;
    uint32_t starting;          /* begun, neither established nor given up */
    uint32_t waiting;           /* for a reply of the handshake or of TEARDOWN */
    uint32_t tearing_down;      /* whose TEARDOWN is unanswered */
    uint32_t alive;             /* records in use */
    uint32_t last_started;      /* record of the last client_start */
    uint64_t tries_established; /* in all ... */
    uint64_t tries_failed;      /* ... also of sessions that try again */
    bool stopping;              /* the plan's end has come: nobody retries or comes back */
    bool warming;
    uint64_t media_from_ns; /* media counts from then on: the warm-up's end; 0: there was none */
    struct pool sessions;
    struct pool more_tracks;
    struct pool gap_blocks;
    struct pool descriptions;
    struct pool auths;
    struct pool udps;
    struct pool panels;
    struct pool publishers;
    struct pool long_ids;
    struct conversations conversations;
    struct wheel wheel;
    struct panel_shard panel_shard;
    uint32_t *panel_users;      /* which session has a panel record: index + 1, 0 none */
    uint32_t panel_second_ms;   /* when the panel was last told the time */
    uint32_t *last_description; /* a URL's newest: index + 1 */
    uint8_t *scratch_text;      /* CLIENT_SCRATCH bytes: requests are built here */
};

#define CLIENT_SCRATCH 16384u

/* Allocates everything; nothing is allocated afterwards. 0 or -ENOMEM. stats is the first
 * interval's. */
int client_init(struct client *client, const struct client_config *config,
                const struct client_io *io, void *host, struct stats *stats);
void client_dispose(struct client *client);

/* Once a turn, before its events. lag_ns: how late the turn came back. */
void client_tick(struct client *client, uint64_t now_ns, uint64_t lag_ns);

/* Counts go there from now on. */
void client_set_stats(struct client *client, struct stats *stats);

/* While on, media is counted aside and thrown away; when it ends every track starts afresh. Only a
   freeze or a stall that is running then goes on. */
void client_set_warming(struct client *client, bool warming);

/* Begins a session for a reader (from 1). False when there is no record or conversation free now.
 */
bool client_start(struct client *client, uint32_t reader, uint32_t url, uint64_t due_ns);

/* Begins a session that misbehaves, now or later, in a client of its own, made with good set. */
bool client_start_bad(struct client *client, uint32_t reader, enum misbehaviour kind,
                      uint64_t due_ns);

/* A reader leaves: the session in that record ends in order, if it is still that reader's. */
void client_leave(struct client *client, uint32_t record, uint32_t reader);

/* Runs the timers that are due, and says when the next one is. */
void client_run_timers(struct client *client);
uint64_t client_next_deadline(const struct client *client);

/* Takes a session into the panel if its reader is one of the sample. */
void client_join_panel(struct client *client, struct session *session);
void client_leave_panel(struct client *client, struct session *session);

/* Hands an event to the session its token names; late ones of dead connections are ignored. */
void client_event(struct client *client, uint64_t token, const struct session_event *event);

/* The plan's end: asks up to count sessions, from record *cursor on, to end. True when all were
 * asked. */
bool client_stop(struct client *client, uint32_t *cursor, uint32_t count);

/* The run ends at once: every session that is left gets its outcome. Nothing is closed. */
void client_abandon(struct client *client);

/* Sets the gauges of the current interval's stats, and what is derived. */
void client_fill_gauges(struct client *client);

static inline struct session *client_session(const struct client *client, uint32_t index)
{
    return pool_at(&client->sessions, index);
}

static inline uint32_t client_index(const struct client *client, const struct session *session)
{
    return (uint32_t)(((const uint8_t *)session - client->sessions.base) / sizeof(struct session));
}
