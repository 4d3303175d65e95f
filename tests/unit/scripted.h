/* scripted.h - a row of a table: what a scripted server says, and what must come of it. */
#pragma once

#include "peer.h"

enum scripted_end {
    COMPLETES,
    FAILS,
    DROPS, /* established, then ended */
};

#define CHECKS_MAX 4u
#define COUNTS(field, n)                                                                           \
    {                                                                                              \
        offsetof(struct stats, field), (n)                                                         \
    }
#define FAILS_IN(where, why) .end = FAILS, .phase = PHASE_##where, .reason = REASON_##why
#define DROPS_IN(where, why) .end = DROPS, .phase = PHASE_##where, .reason = REASON_##why
#define NONE (-1)

struct scripted_row {
    const char *name;
    struct peer_line lines[PEER_LINES];
    const char *sdp; /* NULL: one video track */

    /* How the client runs. */
    bool udp;
    bool automatic;      /* -t auto */
    bool login;          /* has credentials */
    bool trusting;       /* --location-trusted */
    const char *headers; /* of its own; NULL: none */
    bool stall_ends;
    bool keepalive_set;  /* SET_PARAMETER */
    uint32_t duration_s; /* 0: 6 */
    uint32_t retries;
    bool pieces; /* sends take only some of the bytes */
    /* Only as it is, not cut: for what is very long, or where a cut changes what can be seen. */
    bool uncut;

    /* What comes of each session. */
    enum scripted_end end;
    enum phase phase; /* with FAILS, DROPS, or where a reason is named */
    enum reason reason;
    uint32_t status;
    int packets; /* RTP, in all; 0: 3 where it completes; NONE: whatever */
    struct {
        size_t field; /* of struct stats, a uint64_t; 0: none */
        int64_t count;
    } counts[CHECKS_MAX]; /* a session's */
    const char *says[3];  /* found in what the client sent; {n} is the variant */
    const char *never_says;
    const char *since; /* ... from where that first stands; NULL: in all of it */
};

/* Runs them all, then fails if one didn't hold. */
void scripted_run(const struct scripted_row *rows, size_t count);

#define SCRIPTED_RUN(rows) scripted_run(rows, sizeof(rows) / sizeof((rows)[0]))
