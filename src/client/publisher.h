/* publisher.h - what a session that publishes sends: a lap of packets over and over, each when it
 * is due, and sender reports. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "media/media.h"

struct client;
struct session;
struct rtcp;

#define PUBLISHER_QUEUE 512u /* packets that wait for the server to take them; older ones go */
#define PUBLISHER_PACKET_MAX 2048u /* bytes of a whole RTP packet: what a conversation can keep */

struct publisher_track {
    uint32_t ssrc;
    uint32_t timestamp_base;  /* of the first lap's start */
    uint32_t packets, octets; /* for the sender reports (RFC 3550, 6.4.1) */
    int32_t reported_lost;    /* as the server's last report said */
    uint32_t reports;         /* of the server's, a second apart or more ... */
    uint32_t first_report_ms; /* ... and when the first ... */
    uint32_t last_report_ms;  /* ... and the last of them came */
    uint16_t sequence;        /* of the next packet */
    bool warm;                /* the last report came in the warm-up */
};

/* Pooled: taken when RECORD is answered. */
struct publisher {
    uint32_t link;       /* the pool's, while free */
    uint32_t lap, index; /* of the next packet */
    uint32_t cut_bytes;  /* of a packet that the kernel has taken in part; 0: there is none ... */
    uint8_t cut_track;   /* ... its track ... */
    bool full;           /* the socket took less than it was given */
    bool unconfirmed;    /* an answer or reports that the server owed it did not come */
    uint64_t cut_due_ns; /* ... and when it was due */
    uint64_t start_ns;   /* when the first lap began */
    struct publisher_track tracks[MEDIA_TRACKS_MAX];
};

/* RECORD was answered: the first packet is due now. */
void publisher_begin(struct client *client, struct session *session);

/* Writes what is due. */
void publisher_service(struct client *client, struct session *session);

/* When publisher_service has something to do again. */
uint64_t publisher_next_ns(struct client *client, const struct session *session);

/* There is room again, and what was kept may have gone. */
void publisher_on_writable(struct client *client, struct session *session);

/* An answer that the server owed it did not come in time; nothing where it doesn't publish. */
void publisher_doubt(struct client *client, struct session *session);

/* The session is about to end: what is due goes out, what can't be written is dropped. */
void publisher_stop(struct client *client, struct session *session);

/* It has ended, whatever way: what waits now is not going to be written. */
void publisher_end(struct client *client, struct session *session);

/* Appends a sender report of a track. */
void publisher_write_report(struct client *client, struct session *session, unsigned track,
                            struct text *to);

/* What the server says of our tracks in its reports. */
void publisher_on_report(struct client *client, struct session *session, const struct rtcp *report,
                         uint64_t arrival_ns);
