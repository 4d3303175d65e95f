/* reason.h - the named phases a session can fail in, and the reasons it can fail for. */
#pragma once

#include <stdbool.h>

enum phase {
    PHASE_RESOLVE,
    PHASE_CONNECT,
    PHASE_TLS,
    PHASE_OPTIONS,
    PHASE_DESCRIBE,
    PHASE_SETUP,
    PHASE_PLAY,
    PHASE_MEDIA,
    PHASE_KEEPALIVE,
    PHASE_TEARDOWN,
    PHASE_ANNOUNCE,
    PHASE_RECORD,
    PHASES
};

/* The result file's names are these in lower case, without the prefix. */
enum reason {
    REASON_NONE,
    REASON_TIMEOUT,
    REASON_REFUSED,
    REASON_UNREACHABLE,
    REASON_RESET,
    REASON_EOF,
    REASON_STATUS, /* any reply that isn't success and has no reason of its own */
    REASON_AUTH_REJECTED,
    REASON_AUTH_UNSUPPORTED,
    REASON_AUTH_REQUIRED, /* 401 and no credentials were given */
    REASON_REDIRECT_LOOP,
    REASON_REDIRECT_INVALID,
    REASON_REDIRECTED, /* the server asked to go elsewhere with REDIRECT, or 305 */
    REASON_BAD_PROTOCOL,
    REASON_BAD_STATUS,
    REASON_BAD_LENGTH,
    REASON_MALFORMED,
    REASON_HEADER_TOO_LARGE,
    REASON_HEADER_TOO_MANY,
    REASON_BODY_TOO_LARGE,
    REASON_TRUNCATED_BODY,
    REASON_NO_MEDIA,
    REASON_SDP_TOO_LARGE,
    REASON_TRANSPORT_MISMATCH,
    REASON_TRANSPORT_INVALID,
    REASON_INJECTION_REJECTED,
    REASON_FRAMING_LOST,
    REASON_MEDIA_TIMEOUT,
    REASON_WRITE_TIMEOUT,
    REASON_TEARDOWN_TIMEOUT,
    REASON_TLS_VERIFY,
    REASON_TLS_HANDSHAKE,
    REASON_NO_ADDRESS,
    REASON_NO_SOCKET, /* this machine: files, ports or memory */
    REASON_BYE,       /* every track ended with RTCP BYE */
    REASON_ABUSE,     /* a flood of requests from the server */
    REASONS
};

const char *phase_name(enum phase phase);
const char *reason_name(enum reason reason);

/* Can a try fail in that phase for that reason? */
bool reason_occurs_in(enum reason reason, enum phase phase);
