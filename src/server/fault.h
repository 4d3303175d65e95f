/* fault.h - faults that the server commits to order: "drop=1/100 stall=2s/10s status=404". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/text.h"

/* Zeroed is a server without faults. Shares are of 2^32 packets. */
struct faults {
    uint64_t drop;      /* never written */
    uint64_t duplicate; /* written twice */
    uint64_t reorder;   /* held back until some later ones were written */
    uint64_t delay_ns;  /* every packet is written that much after it was due */
    uint64_t
        stall_ns; /* nothing is written in the last stall_ns of each stall_every_ns since PLAY */
    uint64_t stall_every_ns;
    uint64_t reset_after_ns; /* since PLAY: the connection is reset; 0: never */
    uint64_t close_after_ns; /* likewise closed, without BYE or answer */
    uint64_t describe_delay_ns;
    uint64_t bitrate_cap_bps;    /* of all media that the path writes; 0: none */
    uint64_t session_timeout_ns; /* 0: the server's */
    uint32_t max_sessions;       /* of the path; more are refused with 453; 0: no limit */
    uint32_t queue;              /* packets kept for a reader that lags; 0: QUEUE_DEFAULT */
    uint32_t mute;               /* a bit an enum rtsp_method: requests that are never answered */
    uint16_t status;             /* answers every request but OPTIONS and TEARDOWN; 0: none */
    uint16_t sequence; /* with has_sequence: the first RTP sequence number of every track */
    bool has_sequence;
    bool stall_all; /* a reader over its queue stops all readers of the path */
    bool spread;    /* readers aren't in step: each starts in its own millisecond */
};

#define FAULT_QUEUE_DEFAULT 512u

/* Adds or overrides one fault, "name=value". False when it makes no sense: error then says what was
   expected. */
bool faults_set(struct faults *faults, struct slice pair, struct text *error);

/* The same for a list with "&" or "," between (a URL's query, without "?"), percent-encoded. */
bool faults_parse(struct faults *faults, struct slice query, struct text *error);

enum fault_fate { FATE_SENT, FATE_DROPPED, FATE_DUPLICATED, FATE_HELD };

/* What becomes of packet number (any numbering) of a session's track: depends on the arguments
   alone, so it can be asked twice. */
enum fault_fate faults_fate(const struct faults *faults, uint64_t seed, uint64_t number);

/* The moment up to whose due packets may be written now, for a session that plays since played_ns.
 */
uint64_t faults_media_time(const struct faults *faults, uint64_t played_ns, uint64_t now_ns);

/* When a packet due at due_ns may be written: the inverse, never before due_ns. */
uint64_t faults_write_time(const struct faults *faults, uint64_t played_ns, uint64_t due_ns);
