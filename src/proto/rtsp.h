/* rtsp.h - reads and writes RTSP 1.0 messages (RFC 2326) as real peers send them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/text.h"

#define RTSP_HEAD_MAX 65536u   /* bytes of start line and headers together */
#define RTSP_LINE_MAX 16384u   /* bytes of one line */
#define RTSP_HEADERS_MAX 255u  /* header lines */
#define RTSP_BODY_MAX 1048576u /* bytes */

enum rtsp_result {
    RTSP_DONE,      /* a whole message, body included */
    RTSP_NEED_MORE, /* so far it could be one: call again with more bytes from the same start */
    RTSP_BAD,       /* never will be; see bad */
};

enum rtsp_bad {
    RTSP_BAD_NONE,
    RTSP_BAD_PROTOCOL,         /* not RTSP/1.x: HTTP, TLS, noise */
    RTSP_BAD_STATUS,           /* status not three digits, 100-599 */
    RTSP_BAD_MALFORMED,        /* contradicting lengths, CR-only lines */
    RTSP_BAD_HEADER_TOO_LARGE, /* a cap above */
    RTSP_BAD_HEADER_TOO_MANY,
    RTSP_BAD_LENGTH, /* Content-Length is no number */
    RTSP_BAD_BODY_TOO_LARGE,
};

enum rtsp_method {
    RTSP_OTHER, /* method_name has it */
    RTSP_OPTIONS,
    RTSP_DESCRIBE,
    RTSP_SETUP,
    RTSP_PLAY,
    RTSP_PAUSE,
    RTSP_TEARDOWN,
    RTSP_GET_PARAMETER,
    RTSP_SET_PARAMETER,
    RTSP_ANNOUNCE,
    RTSP_RECORD,
    RTSP_REDIRECT,
    RTSP_METHODS /* how many there are */
};

/* A message that borrows the input it was parsed from. */
struct rtsp_message {
    bool is_request;
    enum rtsp_method method; /* requests */
    struct slice method_name;
    struct slice url;
    unsigned status;     /* responses: 100-599 */
    struct slice reason; /* responses; may be empty */
    unsigned version_minor;
    struct slice headers; /* all header lines, raw */
    struct slice body;
    size_t length;      /* bytes of input the message took, leading blank lines included */
    unsigned odd_lines; /* header lines without a colon, ignored */
    enum rtsp_bad bad;  /* with RTSP_BAD */
    bool has_cseq;      /* a readable CSeq, white space trimmed; several that differ are none */
    uint32_t cseq;
    uint64_t content_length; /* 0 when absent */
    bool head_complete;      /* also with RTSP_NEED_MORE: only body bytes are missing */
    size_t head_length;      /* then: bytes up to the body */
};

/* Parses what input starts with. Accepts LF line ends, blank lines before the start, folded
   headers, header names in any case, a missing reason phrase. Never writes to input. */
enum rtsp_result rtsp_parse(struct slice input, struct rtsp_message *message);

/* Value of the nth (from 0) header of that name, trimmed; data NULL when there is none. A folded
   value keeps its line ends: readers treat them as white space. */
struct slice rtsp_header(const struct rtsp_message *message, const char *name, unsigned nth);

/* Is token (any case) an element of a comma-separated header value? ("Public: A, B") */
bool rtsp_list_has(struct slice list, const char *token);

struct slice rtsp_method_name(enum rtsp_method method);
enum rtsp_method rtsp_method_from_name(struct slice name);

/* The standard reason phrase of a status (RFC 2326, 7.1.1); "Unknown" for others. */
const char *rtsp_reason_phrase(unsigned status);

/* Takes "id;timeout=30" apart (RFC 2326, 12.37). timeout_s is 60 when absent, 0, negative or over a
   day. False when there is no usable id (empty, over 255 bytes, or with bytes that can't be sent
   back). */
bool rtsp_session_parse(struct slice value, struct slice *id, uint32_t *timeout_s);

/* Can this be put into a request line or header without starting a new line (no CR, LF, NUL)? */
bool rtsp_is_safe(struct slice value);

/* Redirect and back-off helper: seconds of a Retry-After value, 0 when absent or a date. */
uint32_t rtsp_retry_after_s(struct slice value);
