/* session.h - one reader or publisher: an RTSP session from its first connect to its end, as a
 * state machine that knows nothing of sockets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/text.h"
#include "base/wheel.h"
#include "client/receiver.h"
#include "net/address.h"
#include "proto/auth.h"
#include "proto/interleaved.h"
#include "proto/rtsp.h"

struct client;

enum session_state {
    SESSION_FREE,
    SESSION_WAITING, /* for its next try */
    SESSION_RESOLVING,
    SESSION_CONNECTING,
    SESSION_OPTIONS,
    SESSION_DESCRIBE,
    SESSION_ANNOUNCE,
    SESSION_SETUP,
    SESSION_PLAY,
    SESSION_RECORD,
    SESSION_PLAYING, /* or recording: media flows */
    SESSION_TEARDOWN,
    SESSION_DRAINING, /* UDP: what is still under way after TEARDOWN's reply */
    SESSION_CLOSING,  /* until nothing of its sockets is in flight */
    SESSION_STATES
};

enum session_outcome {
    OUTCOME_COMPLETED,
    OUTCOME_DROPPED,
    OUTCOME_FAILED,
    OUTCOME_CANCELLED,
    OUTCOMES
};

/* What follows once everything is closed. */
enum session_next {
    NEXT_FREE,
    NEXT_RETRY,     /* another try after a pause */
    NEXT_COME_BACK, /* a new start after a drop */
    NEXT_REPLACE,   /* its life is over: a new start in its place, at once */
    NEXT_REDIRECT,  /* go on at the conversation's URL */
    NEXT_AGAIN,     /* at once: the next address, or over TCP */
};

enum session_event_type {
    EVENT_CONNECTED, /* error 0 or -errno */
    EVENT_BYTES,     /* of the control connection */
    EVENT_DATAGRAM,
    EVENT_WRITABLE,
    EVENT_EOF,
    EVENT_BROKEN, /* error */
    EVENT_CLOSED, /* one of its sockets is gone */
    EVENT_RESOLVED,
    EVENT_TIMER,
    EVENT_LEAVE, /* its reader leaves before the plan's end */
    EVENT_STOP,  /* the plan's end */
};

struct session_event {
    enum session_event_type type;
    int error;
    uint32_t segment;   /* DATAGRAM: size of each but the last */
    uint32_t unread;    /* BYTES: still in the kernel */
    uint32_t drops;     /* DATAGRAM: the socket's counter */
    uint8_t channel;    /* filled in from the token */
    struct slice bytes; /* valid during the call */
    uint64_t arrival_ns;
    const struct address *from;      /* DATAGRAM */
    const struct address *addresses; /* RESOLVED */
    uint32_t address_count;
};

/* A track: 120 bytes. */
struct track {
    struct receiver receiver;
    uint8_t channel[2];   /* interleaved: RTP, RTCP */
    uint8_t payload_type; /* of the last packet; 255 before the first */
    uint8_t kind;         /* enum media_kind */
    uint8_t codec;        /* of payload_type */
    bool has_bye;
    struct receiver_left left;
};

#define SESSION_TRACKS_INLINE 2u
#define SESSION_TRACKS_MORE (DESCRIPTION_TRACKS - SESSION_TRACKS_INLINE)
#define SESSION_ID_INLINE 24u
#define SESSION_ID_MAX 255u

/* The sockets of a session over UDP, pooled. */
struct session_udp {
    struct {
        uint32_t socket[2];  /* RTP, RTCP; 0: none */
        uint32_t counted[2]; /* drops that are in the stats */
        uint32_t drops_seen; /* RTP: the counter beside the last datagram, which places a drop */
        uint16_t server_port[2]; /* 0: not told */
        uint16_t client_port;    /* RTP's; RTCP's is the next */
        uint16_t unused;
    } track[8];
    struct address
        peer; /* the control connection's other end: where media may come from and go to */
    struct address
        source; /* where SETUP's reply says that it comes from, too; family 0: nowhere else */
};

/* Bits of session.flags. */
enum {
    FLAG_CONNECTED = 1, /* the control connection is up and may be written to */
    FLAG_UDP = 2,       /* tracks are set up over UDP */
    FLAG_FORCE_TCP = 4, /* UDP failed: do without */
    FLAG_ESTABLISHED = 8,
    FLAG_GOT_MEDIA = 16,
    FLAG_MEDIA_STALLED = 32,      /* counted as a media timeout already */
    FLAG_KEYFRAME_OPEN = 64,      /* inside the first keyframe */
    FLAG_KEEPALIVE_PENDING = 128, /* an unanswered one is out */
    FLAG_RESETUP = 256,           /* 454 was answered by starting over once */
    FLAG_PLAY_EACH = 512,         /* 459: PLAY track by track */
    FLAG_BACKLOG = 1024,          /* backlog_ms is set */
    FLAG_HAS_KEYFRAMES = 2048,    /* a video track whose keyframes can be told */
    FLAG_CONTROL_CLOSING = 4096,  /* the control connection is being closed, or never was */
    FLAG_REDIRECTED = 8192,
    FLAG_LONG_ID = 16384,
    FLAG_LEFT = 32768, /* its reader has left: nobody takes its place */
};

/* All there is of one session but its pooled parts. The first line is what every packet touches. */
struct session {
    uint32_t link;       /* the pool's, while free */
    uint32_t generation; /* of this connection attempt, 24 bits; outlives the record's users */
    uint32_t last_rtp_ms;
    struct interleaved split;
    uint8_t carry[16];   /* a packet's first bytes when a read ended inside them */
    uint8_t carry_len;   /* CARRY_DONE: the current frame was counted, the rest of it is skipped */
    uint8_t state;       /* enum session_state; written by session_enter alone */
    uint8_t track_count; /* set up so far */
    uint8_t opens;       /* sockets not yet closed */
    uint16_t frame_len;  /* of the current interleaved frame */
    uint16_t flags;
    uint32_t url; /* index into the configuration's */
    uint32_t socket;
    uint32_t conversation; /* pooled parts: index + 1, 0 none */
    uint32_t description;
    uint32_t panel;
    uint32_t publisher;
    uint64_t bytes; /* RTP header and payload, this start; the warm-up's only while it lasts */

    /* The second and third line. */
    struct wheel_entry timer;
    uint64_t due_ns;
    uint64_t phase_started_ns;
    uint64_t play_sent_ns;
    uint64_t first_rtp_ns;
    uint64_t keyframe_arrival_ns;
    uint64_t keepalive_sent_ns;
    uint32_t reader;
    uint32_t incarnation; /* sessions that this reader had before */
    uint32_t end_ms;      /* when its life is over; 0: never */
    uint32_t deadline_ms; /* of the state; 0: none */
    uint32_t report_ms;   /* next receiver report; 0: none */
    uint32_t keepalive_ms;
    uint32_t keepalive_period_ms;
    uint32_t cseq;
    uint32_t pending_cseq; /* of the request whose reply the state waits for; 0: none */
    uint32_t keepalive_cseq;
    uint32_t auth;
    uint32_t more;
    uint32_t udp;
    uint32_t backlog_ms; /* when unread bytes last passed half the receive buffer */
    uint32_t keyframe_timestamp;
    uint32_t long_id;
    uint32_t packets;        /* RTP, likewise */
    uint32_t skipped_bytes;  /* of a damaged stream, in this try */
    uint32_t tries;          /* failed so far in this start */
    uint32_t waits_since_ms; /* its first try began; of one that comes back: it was dropped */
    uint32_t wait_ms;        /* the server's Retry-After, or 0 */
    uint16_t measured;       /* a bit a latency metric: this try */
    uint16_t ever;           /* this start */
    uint16_t local_port;
    uint16_t server_requests;
    uint8_t redirects;
    uint8_t auth_rounds; /* answers to challenges of the current request */
    uint8_t setup_track; /* the track being set up, or played */
    uint8_t method;      /* enum rtsp_method of the pending request */
    uint8_t keepalive;   /* enum client_keepalive in use */
    uint8_t address;     /* which of the URL's addresses */
    uint8_t next;        /* enum session_next */
    uint8_t addresses_tried;
    uint8_t id_len;
    uint8_t last_phase; /* where and why it ended: enum phase, enum reason */
    uint8_t last_reason;
    uint8_t misbehaviour; /* enum misbehaviour + 1; 0: a good client */
    uint8_t bad_step;     /* of its script */
    bool acting;          /* its script has taken over: ordinary timers rest */
    bool bad_reset;       /* ends its connection with a reset */
    uint8_t refresh_left; /* frames until a picture that is refreshed bit by bit is whole */
    bool elsewhere;       /* a redirect led it to another scheme, host or port than its URL's */
    bool returning;       /* was dropped, and is not established again yet */
    char id[SESSION_ID_INLINE];

    struct track tracks[SESSION_TRACKS_INLINE];
};

/* Takes an event of the session's sockets, its timer, the resolver or the plan; where the events of
   all states are told apart. The session may have ended, and its record be free, on return. */
void session_step(struct client *client, struct session *session,
                  const struct session_event *event);

/* Its n-th track. */
struct track *session_track(const struct client *client, struct session *session, unsigned n);

/* The server's session id; empty before SETUP was answered. */
struct slice session_id(const struct client *client, const struct session *session);

/* Its URL, with its number in place of a publisher's {n}: as requests say it, and without secrets.
 */
void session_write_url(const struct client *client, const struct session *session, struct text *to);
void session_show_url(const struct client *client, const struct session *session, struct text *to);

/* Packets now missing, of all tracks. */
uint64_t session_lost(const struct client *client, struct session *session);

const char *session_outcome_name(enum session_outcome outcome);
