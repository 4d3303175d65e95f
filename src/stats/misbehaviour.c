#include "stats/misbehaviour.h"

const char *misbehaviour_name(enum misbehaviour kind)
{
    static const char *const names[MISBEHAVIOURS] = {
        [BAD_SLOW_CONNECTOR] = "slow_connector",
        [BAD_SLOW_SENDER] = "slow_sender",
        [BAD_GARBAGE] = "garbage",
        [BAD_INCOMPLETE_HANDSHAKE] = "incomplete_handshake",
        [BAD_INVALID_PROTOCOL] = "invalid_protocol",
        [BAD_RESOURCE_HOG] = "resource_hog",
        [BAD_RANDOM_DISCONNECT] = "random_disconnect",
        [BAD_MALFORMED_REQUESTS] = "malformed_requests",
        [BAD_SLOW_READER] = "slow_reader",
        [BAD_ZERO_WINDOW] = "zero_window",
        [BAD_RST] = "rst",
        [BAD_HALF_CLOSE] = "half_close",
        [BAD_NO_TEARDOWN] = "no_teardown",
        [BAD_NO_KEEPALIVE] = "no_keepalive",
        [BAD_SETUP_FLOOD] = "setup_flood",
        [BAD_PLAY_WITHOUT_SETUP] = "play_without_setup",
        [BAD_SESSION_REUSE] = "session_reuse",
        [BAD_RTCP_FLOOD] = "rtcp_flood",
        [BAD_TLS_STALL] = "tls_stall",
        [BAD_CONNECT_AND_WAIT] = "connect_and_wait",
    };
    return names[kind];
}

const char *bad_outcome_name(enum bad_outcome outcome)
{
    static const char *const names[BAD_OUTCOMES] = {
        [BAD_TOLERATED] = "tolerated", [BAD_CLOSED] = "closed",   [BAD_RESET] = "reset",
        [BAD_REJECTED] = "rejected",   [BAD_REFUSED] = "refused", [BAD_TIMED_OUT] = "timed_out",
        [BAD_OTHER] = "other",
    };
    return names[outcome];
}
