/* publisher.h - what a session that publishes sends: a lap of packets over and over, each when it
 * is due, and sender reports. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "client/publisher_queue.h"
#include "media/media.h"

struct client;
struct session;
struct rtcp;

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
    uint8_t broken_by;        /* enum drop_cause: why the queue's place is broken */
};

/* Pooled: taken when RECORD is answered. */
struct publisher {
    uint32_t link;       /* the pool's, while free */
    uint32_t cut_bytes;  /* of a packet that the kernel has taken in part; 0: there is none ... */
    uint8_t cut_track;   /* ... its track ... */
    bool full;           /* the socket took less than it was given */
    bool had_room;       /* since refused_ns */
    bool unconfirmed;    /* an answer or reports that the server owed it did not come */
    uint64_t cut_due_ns; /* ... and when it was due */
    uint64_t refused_ns; /* when there last was no room; 0: there has always been */
    uint64_t full_since_ns; /* since when something has waited for room; 0: nothing does */
    uint64_t end_ns; /* the session is to end: media up to here still goes out; 0: it isn't */
    struct publisher_queue queue;
    struct publisher_track tracks[MEDIA_TRACKS_MAX];
};

/* RECORD was answered: the first packet is due now. */
void publisher_begin(struct client *client, struct session *session);

/* Writes what is due as far as the kernel takes it, and drops what has waited for too long. */
void publisher_service(struct client *client, struct session *session);

/* When publisher_service has something to do again. */
uint64_t publisher_next_ns(struct client *client, const struct session *session);

/* There is room again, and what was kept may have gone. */
void publisher_on_writable(struct client *client, struct session *session);

/* An answer that the server owed it did not come in time; nothing where it doesn't publish. */
void publisher_doubt(struct client *client, struct session *session);

/* The session is about to end: nothing more comes due. What is due goes out. */
void publisher_stop(struct client *client, struct session *session);

/* Since publisher_stop: some of what was due waits for room, and is still waited for. */
bool publisher_lingers(const struct client *client, const struct session *session);

/* For how long at most. */
uint64_t publisher_linger_ns(const struct client *client);

/* It has ended, whatever way: what waits now is not going to be written. */
void publisher_end(struct client *client, struct session *session);

/* Appends a sender report of a track. */
void publisher_write_report(struct client *client, struct session *session, unsigned track,
                            struct text *to);

/* What the server says of our tracks in its reports. */
void publisher_on_report(struct client *client, struct session *session, const struct rtcp *report,
                         uint64_t arrival_ns);
