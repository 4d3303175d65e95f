#include "stats/reason.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

static const char *const phase_names[PHASES] = {
    [PHASE_RESOLVE] = "resolve",   [PHASE_CONNECT] = "connect",   [PHASE_TLS] = "tls",
    [PHASE_OPTIONS] = "options",   [PHASE_DESCRIBE] = "describe", [PHASE_SETUP] = "setup",
    [PHASE_PLAY] = "play",         [PHASE_MEDIA] = "media",       [PHASE_KEEPALIVE] = "keepalive",
    [PHASE_TEARDOWN] = "teardown", [PHASE_ANNOUNCE] = "announce", [PHASE_RECORD] = "record",
};

static const char *const reason_names[REASONS] = {
    [REASON_NONE] = "none",
    [REASON_TIMEOUT] = "timeout",
    [REASON_REFUSED] = "refused",
    [REASON_UNREACHABLE] = "unreachable",
    [REASON_RESET] = "reset",
    [REASON_EOF] = "eof",
    [REASON_STATUS] = "status",
    [REASON_AUTH_REJECTED] = "auth_rejected",
    [REASON_AUTH_UNSUPPORTED] = "auth_unsupported",
    [REASON_AUTH_REQUIRED] = "auth_required",
    [REASON_REDIRECT_LOOP] = "redirect_loop",
    [REASON_REDIRECT_INVALID] = "redirect_invalid",
    [REASON_REDIRECTED] = "redirected",
    [REASON_BAD_PROTOCOL] = "bad_protocol",
    [REASON_BAD_STATUS] = "bad_status",
    [REASON_BAD_LENGTH] = "bad_length",
    [REASON_MALFORMED] = "malformed",
    [REASON_HEADER_TOO_LARGE] = "header_too_large",
    [REASON_HEADER_TOO_MANY] = "header_too_many",
    [REASON_BODY_TOO_LARGE] = "body_too_large",
    [REASON_TRUNCATED_BODY] = "truncated_body",
    [REASON_NO_MEDIA] = "no_media",
    [REASON_SDP_TOO_LARGE] = "sdp_too_large",
    [REASON_TRANSPORT_MISMATCH] = "transport_mismatch",
    [REASON_TRANSPORT_INVALID] = "transport_invalid",
    [REASON_INJECTION_REJECTED] = "injection_rejected",
    [REASON_FRAMING_LOST] = "framing_lost",
    [REASON_MEDIA_TIMEOUT] = "media_timeout",
    [REASON_WRITE_TIMEOUT] = "write_timeout",
    [REASON_TEARDOWN_TIMEOUT] = "teardown_timeout",
    [REASON_TLS_VERIFY] = "tls_verify",
    [REASON_TLS_HANDSHAKE] = "tls_handshake",
    [REASON_NO_ADDRESS] = "no_address",
    [REASON_NO_SOCKET] = "no_socket",
    [REASON_BYE] = "bye",
    [REASON_ABUSE] = "abuse",
};

#define BIT(reason) (UINT64_C(1) << (reason))

static_assert(REASONS <= 64, "a bit each");

/* What the system says of a connection. */
#define CONNECTION                                                                                 \
    (BIT(REASON_TIMEOUT) | BIT(REASON_REFUSED) | BIT(REASON_UNREACHABLE) | BIT(REASON_RESET) |     \
     BIT(REASON_NO_SOCKET))

/* While requests are written and messages of the server's are read ... */
#define TALK (CONNECTION | BIT(REASON_WRITE_TIMEOUT) | BIT(REASON_MALFORMED) | BIT(REASON_ABUSE))

/* ... and the server isn't expected to close. */
#define CUT (BIT(REASON_EOF) | BIT(REASON_TRUNCATED_BODY))

/* Garbage where there is no media to look for the way back by. */
#define GARBAGE                                                                                    \
    (BIT(REASON_BAD_PROTOCOL) | BIT(REASON_BAD_STATUS) | BIT(REASON_BAD_LENGTH) |                  \
     BIT(REASON_HEADER_TOO_LARGE) | BIT(REASON_HEADER_TOO_MANY) | BIT(REASON_BODY_TOO_LARGE))

/* Replies: a challenge, a redirect, another refusal. */
#define CHALLENGE                                                                                  \
    (BIT(REASON_AUTH_REQUIRED) | BIT(REASON_AUTH_REJECTED) | BIT(REASON_AUTH_UNSUPPORTED) |        \
     BIT(REASON_INJECTION_REJECTED))
#define REDIRECT (BIT(REASON_REDIRECT_INVALID) | BIT(REASON_REDIRECT_LOOP))
#define REFUSAL (BIT(REASON_STATUS) | BIT(REASON_REDIRECTED))

/* TLS has none: no session speaks it. */
static const uint64_t reasons_of[PHASES] = {
    [PHASE_RESOLVE] = BIT(REASON_TIMEOUT) | BIT(REASON_NO_ADDRESS),
    [PHASE_CONNECT] = CONNECTION,
    [PHASE_OPTIONS] = TALK | CUT | GARBAGE | CHALLENGE | REDIRECT,
    [PHASE_DESCRIBE] = TALK | CUT | GARBAGE | CHALLENGE | REDIRECT | REFUSAL |
                       BIT(REASON_NO_MEDIA) | BIT(REASON_SDP_TOO_LARGE),
    [PHASE_ANNOUNCE] =
        TALK | CUT | GARBAGE | CHALLENGE | REDIRECT | REFUSAL | BIT(REASON_SDP_TOO_LARGE),
    [PHASE_SETUP] = TALK | CUT | GARBAGE | CHALLENGE | REDIRECT | REFUSAL |
                    BIT(REASON_TRANSPORT_MISMATCH) | BIT(REASON_TRANSPORT_INVALID) |
                    BIT(REASON_FRAMING_LOST),
    [PHASE_PLAY] = TALK | CUT | CHALLENGE | REDIRECT | REFUSAL | BIT(REASON_FRAMING_LOST),
    [PHASE_RECORD] = TALK | CUT | CHALLENGE | REDIRECT | REFUSAL | BIT(REASON_FRAMING_LOST),
    [PHASE_MEDIA] = TALK | CUT | BIT(REASON_FRAMING_LOST) | BIT(REASON_MEDIA_TIMEOUT) |
                    BIT(REASON_BYE) | BIT(REASON_REDIRECTED),
    [PHASE_KEEPALIVE] = BIT(REASON_STATUS),
    [PHASE_TEARDOWN] = (TALK & ~BIT(REASON_TIMEOUT)) | CHALLENGE | BIT(REASON_TEARDOWN_TIMEOUT) |
                       BIT(REASON_STATUS) | BIT(REASON_FRAMING_LOST),
};

const char *phase_name(enum phase phase)
{
    assert((unsigned)phase < PHASES);
    return phase_names[phase];
}

const char *reason_name(enum reason reason)
{
    assert((unsigned)reason < REASONS);
    return reason_names[reason];
}

bool reason_occurs_in(enum reason reason, enum phase phase)
{
    assert((unsigned)reason < REASONS && (unsigned)phase < PHASES);
    return reasons_of[phase] & BIT(reason);
}
