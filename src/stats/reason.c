#include "stats/reason.h"

#include <assert.h>
#include <stddef.h>

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
