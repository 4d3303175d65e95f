/* truth.h - the server's own count of what it wrote and received, for a client's count to be held
 * against. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "media/media.h"
#include "net/address.h"

struct truth_counts {
    uint64_t sent;    /* RTP packets the kernel took whole, duplicates included */
    uint64_t bytes;   /* their RTP headers and payloads */
    uint64_t dropped; /* due while the session played, never written */
    uint64_t
        dropped_inside;  /* those between the first and the last packet written on their track */
    uint64_t duplicated; /* second copies */
    uint64_t reordered;  /* written after a later one of their track */
};

/* Counts of one track, and what it takes to tell which drops lie inside. Ready when zeroed. */
struct truth_track {
    struct truth_counts counts;
    uint64_t dropped_last; /* drops since the last packet that was, or is going to be, written */
    bool started;
};

/* Packets are told in the order of their sequence numbers, but for those that were held. */
void truth_sent(struct truth_track *track, uint32_t bytes);
void truth_duplicated(struct truth_track *track, uint32_t bytes);
void truth_dropped(struct truth_track *track);
void truth_held(struct truth_track *track); /* it will be written later */
void truth_released(struct truth_track *track, uint32_t bytes, bool overtaken);

void truth_add(struct truth_counts *sum, const struct truth_counts *counts);

/* What publishers sent, as it arrived. */
struct truth_received {
    uint64_t packets;    /* of RTP, duplicates included */
    uint64_t bytes;      /* their RTP headers and payloads */
    uint64_t lost;       /* missing between a track's first and last packet by sequence number */
    uint64_t duplicates; /* second copies */
    uint64_t reordered;  /* received after a later one of their track */
};

void truth_add_received(struct truth_received *sum, const struct truth_received *received);

/* Totals of a path. */
struct truth_path {
    const char *key; /* the URL's path, with its query when it has one */
    uint64_t sessions;
    uint64_t keepalives; /* OPTIONS, GET_PARAMETER and SET_PARAMETER within a session */
    uint64_t teardowns;
    struct truth_counts counts;
    uint64_t publishers; /* of the sessions: those that had RECORD answered */
    struct truth_received received;
};

/* What a connection or a session was refused for want of. */
enum refusal {
    REFUSED_FILES,  /* connections reset: the shard's or the system's open files are all in use */
    REFUSED_MEMORY, /* connections reset for want of the kernel's memory, and what found no room in
                       that which the server has set aside (503 where it can still be answered) */
    REFUSED_SESSIONS, /* 453: the server's or a path's max_sessions */
    REFUSALS,
};

struct truth_refused {
    uint64_t of[REFUSALS];
};

/* A session as it ends. */
struct truth_session {
    uint64_t id;
    const char *path;
    const char *transport; /* "tcp" or "udp" */
    const char *ended;     /* "teardown", "timeout", "closed", "reset", "fault", "stopped" */
    struct address client; /* of the RTSP connection */
    uint64_t keepalives;
    bool publisher; /* had RECORD answered */
    struct truth_counts counts;
    struct truth_received received;
    unsigned track_count; /* that were set up */
    struct {
        unsigned track;
        uint32_t ssrc;
        struct truth_counts counts;
        struct truth_received received;
    } tracks[MEDIA_TRACKS_MAX];
};

/* One JSON object and a line end. */
void truth_write_session(struct text *to, const struct truth_session *session);

/* Writes {"paths": {...}, "refused": {...}} to a file, whole or not at all. Paths of one key (of
   several shards) are added up; the array is sorted. 0 or -errno. */
int truth_write_file(const char *name, struct truth_path *paths, size_t count,
                     const struct truth_refused *refused);

/* Sorts by key and adds up equal ones; how many are left. */
size_t truth_merge(struct truth_path *paths, size_t count);
