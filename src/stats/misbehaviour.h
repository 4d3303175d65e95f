/* misbehaviour.h - the kinds of bad clients, and what became of them. */
#pragma once

#include <stdint.h>

enum misbehaviour {
    BAD_SLOW_CONNECTOR,       /* 5 s before each request */
    BAD_SLOW_SENDER,          /* a request that never ends, a byte at a time */
    BAD_GARBAGE,              /* random bytes */
    BAD_INCOMPLETE_HANDSHAKE, /* silence after DESCRIBE */
    BAD_INVALID_PROTOCOL,     /* HTTP */
    BAD_RESOURCE_HOG,         /* sets up, never plays, asks for descriptions all the time */
    BAD_RANDOM_DISCONNECT,    /* gone at a random point */
    BAD_MALFORMED_REQUESTS,
    BAD_SLOW_READER, /* reads for 20 ms a second */
    BAD_ZERO_WINDOW, /* stops reading for good */
    BAD_RST,         /* resets the connection after 2 s of media */
    BAD_HALF_CLOSE,  /* shuts its sending side and reads on */
    BAD_NO_TEARDOWN, /* plays, then closes without a word */
    BAD_NO_KEEPALIVE,
    BAD_SETUP_FLOOD,
    BAD_PLAY_WITHOUT_SETUP,
    BAD_SESSION_REUSE, /* another session's id */
    BAD_RTCP_FLOOD,
    BAD_TLS_STALL,        /* the start of a TLS handshake */
    BAD_CONNECT_AND_WAIT, /* nothing at all */
    MISBEHAVIOURS
};

enum bad_outcome {
    BAD_TOLERATED, /* left by itself */
    BAD_CLOSED,    /* by the server */
    BAD_RESET,
    BAD_REJECTED, /* ended by an error status */
    BAD_REFUSED,  /* not even connected */
    BAD_TIMED_OUT,
    BAD_OTHER,
    BAD_OUTCOMES
};

/* Of one kind. All integers, so that they add up. */
struct bad_counts {
    uint64_t started;
    uint64_t outcomes[BAD_OUTCOMES];
    uint64_t answers[6]; /* by status / 100 */
    uint64_t lived_ms;   /* sum over those that ended */
};

/* "slow_reader". */
const char *misbehaviour_name(enum misbehaviour kind);
const char *bad_outcome_name(enum bad_outcome outcome);
