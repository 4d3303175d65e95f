#include "proto/rtsp.h"

#include <string.h>

#define METHOD_MAX 32u /* longest method name taken seriously; the longest known one has 13 */
#define SESSION_ID_MAX 255u
#define TIMEOUT_DEFAULT_S 60u
#define TIMEOUT_MAX_S 86400u

static const struct slice methods[RTSP_METHODS] = {
    [RTSP_OTHER] = {NULL, 0},
    [RTSP_OPTIONS] = SLICE("OPTIONS"),
    [RTSP_DESCRIBE] = SLICE("DESCRIBE"),
    [RTSP_SETUP] = SLICE("SETUP"),
    [RTSP_PLAY] = SLICE("PLAY"),
    [RTSP_PAUSE] = SLICE("PAUSE"),
    [RTSP_TEARDOWN] = SLICE("TEARDOWN"),
    [RTSP_GET_PARAMETER] = SLICE("GET_PARAMETER"),
    [RTSP_SET_PARAMETER] = SLICE("SET_PARAMETER"),
    [RTSP_ANNOUNCE] = SLICE("ANNOUNCE"),
    [RTSP_RECORD] = SLICE("RECORD"),
    [RTSP_REDIRECT] = SLICE("REDIRECT"),
};

struct slice rtsp_method_name(enum rtsp_method method)
{
    return methods[method];
}

enum rtsp_method rtsp_method_from_name(struct slice name)
{
    for (enum rtsp_method method = RTSP_OPTIONS; method < RTSP_METHODS; method++) {
        if (slice_equal(name, methods[method]))
            return method;
    }
    return RTSP_OTHER;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_token(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || is_digit(byte) ||
           byte == '_' || byte == '-' || byte == '.';
}

static bool is_visible(uint8_t byte)
{
    return byte > 0x20 && byte != 0x7f;
}

static bool is_line_end(uint8_t byte)
{
    return byte == '\r' || byte == '\n';
}

/* Takes the bytes of that kind from the start. */
static struct slice take_while(struct slice *from, bool (*is_kind)(uint8_t))
{
    size_t n = 0;
    while (n < from->len && is_kind(from->data[n]))
        n++;
    return slice_take(from, n);
}

static enum rtsp_result fail(struct rtsp_message *message, enum rtsp_bad why)
{
    message->bad = why;
    return RTSP_BAD;
}

/* What the end of the bytes at hand means: of a whole line that it lacks something, else nothing
 * yet. */
static enum rtsp_result at_end(struct rtsp_message *message, bool whole, enum rtsp_bad why)
{
    return whole ? fail(message, why) : RTSP_NEED_MORE;
}

/* "RTSP/1.x", judged byte by byte, so that another protocol is known from its first bytes. */
static enum rtsp_result take_version(struct rtsp_message *message, struct slice *rest, bool whole)
{
    struct slice start = SLICE("RTSP/1.");
    struct slice had = slice_take(rest, start.len);
    if (!slice_starts_with(start, had))
        return fail(message, RTSP_BAD_PROTOCOL);
    if (had.len < start.len)
        return at_end(message, whole, RTSP_BAD_PROTOCOL);
    struct slice digits = take_while(rest, is_digit);
    uint64_t minor = 0;
    if (digits.len == 0 && rest->len == 0)
        return at_end(message, whole, RTSP_BAD_PROTOCOL);
    if (digits.len > 2 || !slice_to_u64(digits, 99, &minor))
        return fail(message, RTSP_BAD_PROTOCOL);
    message->version_minor = (unsigned)minor;
    if (rest->len > 0 && !is_blank(rest->data[0]))
        return fail(message, RTSP_BAD_PROTOCOL);
    take_while(rest, is_blank);
    return RTSP_DONE;
}

/* RFC 2326, 7.1. The reason may be missing, and so may the blank before it. */
static enum rtsp_result parse_status_line(struct rtsp_message *message, struct slice rest,
                                          bool whole)
{
    enum rtsp_result result = take_version(message, &rest, whole);
    if (result != RTSP_DONE)
        return result;
    struct slice digits = take_while(&rest, is_digit);
    if (digits.len == 0 && rest.len == 0)
        return at_end(message, whole, RTSP_BAD_STATUS);
    if (digits.len == 0 || digits.len > 3 || digits.data[0] < '1' || digits.data[0] > '5')
        return fail(message, RTSP_BAD_STATUS);
    if (digits.len < 3)
        return rest.len > 0 ? fail(message, RTSP_BAD_STATUS)
                            : at_end(message, whole, RTSP_BAD_STATUS);
    if (rest.len > 0 && !is_blank(rest.data[0]))
        return fail(message, RTSP_BAD_STATUS);
    uint64_t status = 0;
    slice_to_u64(digits, 599, &status);
    message->status = (unsigned)status;
    message->reason = slice_trim(rest);
    return whole ? RTSP_DONE : RTSP_NEED_MORE;
}

/* RFC 2326, 6.1, with any blanks between the three words and behind them. */
static enum rtsp_result parse_request_line(struct rtsp_message *message, struct slice rest,
                                           bool whole)
{
    struct slice method = take_while(&rest, is_token);
    if (method.len > METHOD_MAX || (rest.len > 0 && (method.len == 0 || !is_blank(rest.data[0]))))
        return fail(message, RTSP_BAD_PROTOCOL);
    take_while(&rest, is_blank);
    struct slice url = take_while(&rest, is_visible);
    if (rest.len == 0)
        return at_end(message, whole, RTSP_BAD_PROTOCOL);
    if (url.len == 0 || !is_blank(rest.data[0]))
        return fail(message, RTSP_BAD_PROTOCOL);
    take_while(&rest, is_blank);
    enum rtsp_result result = take_version(message, &rest, whole);
    if (result != RTSP_DONE)
        return result;
    if (rest.len > 0)
        return fail(message, RTSP_BAD_PROTOCOL);
    message->is_request = true;
    message->method = rtsp_method_from_name(method);
    message->method_name = method;
    message->url = url;
    return whole ? RTSP_DONE : RTSP_NEED_MORE;
}

static enum rtsp_result parse_start(struct rtsp_message *message, struct slice line, bool whole)
{
    if (slice_starts_with(line, SLICE("RTSP/")))
        return parse_status_line(message, line, whole);
    return parse_request_line(message, line, whole);
}

/* The line without its end; whole when its end is there. Doesn't take it. */
static struct slice peek_line(struct slice from, bool *whole)
{
    ptrdiff_t end = slice_find_byte(from, '\n');
    *whole = end >= 0;
    struct slice line = slice_make(from.data, end >= 0 ? (size_t)end : from.len);
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Takes a line if it is whole. A carriage return alone ends no line, so within one it is malformed.
 */
static enum rtsp_result take_line(struct rtsp_message *message, struct slice *from,
                                  struct slice *line)
{
    bool whole;
    *line = peek_line(*from, &whole);
    if (slice_find_byte(*line, '\r') >= 0)
        return fail(message, RTSP_BAD_MALFORMED);
    if (line->len > RTSP_LINE_MAX)
        return fail(message, RTSP_BAD_HEADER_TOO_LARGE);
    if (!whole)
        return RTSP_NEED_MORE;
    slice_take_until(from, '\n');
    return RTSP_DONE;
}

/* The start line goes first to its own parser: noise is no RTSP whatever line ends it seems to
 * have. */
static enum rtsp_result take_start(struct rtsp_message *message, struct slice *from)
{
    bool whole;
    struct slice line = peek_line(*from, &whole);
    ptrdiff_t stray = slice_find_byte(line, '\r');
    struct slice before = stray >= 0 ? slice_make(line.data, (size_t)stray) : line;
    enum rtsp_result start = parse_start(message, before, whole && stray < 0);
    if (start == RTSP_BAD)
        return start;
    enum rtsp_result result = take_line(message, from, &line);
    return result == RTSP_DONE ? start : result;
}

static enum rtsp_result take_headers(struct rtsp_message *message, struct slice *from)
{
    const uint8_t *first = from->data;
    for (unsigned count = 0;; count++) {
        struct slice line;
        enum rtsp_result result = take_line(message, from, &line);
        if (result != RTSP_DONE)
            return result;
        if (line.len == 0) {
            message->headers = slice_make(first, (size_t)(line.data - first));
            return RTSP_DONE;
        }
        if (count == RTSP_HEADERS_MAX)
            return fail(message, RTSP_BAD_HEADER_TOO_MANY);
    }
}

/* Takes the next header with the lines folded into it. name is empty for a line without a colon. */
static bool take_header(struct slice *lines, struct slice *name, struct slice *value)
{
    if (lines->len == 0)
        return false;
    struct slice field = *lines;
    struct slice first = slice_take_until(lines, '\n');
    while (lines->len > 0 && is_blank(lines->data[0]))
        slice_take_until(lines, '\n');
    field.len -= lines->len;
    ptrdiff_t colon = slice_find_byte(first, ':');
    *name = colon < 0 ? (struct slice){NULL, 0} : slice_trim(slice_take(&field, (size_t)colon));
    slice_take(&field, 1);
    *value = slice_trim(field);
    return true;
}

/* What is wrong with a Content-Length beside the one seen before. */
static enum rtsp_bad note_length(struct rtsp_message *message, struct slice value, bool seen)
{
    uint64_t length;
    struct slice rest = value;
    take_while(&rest, is_digit);
    if (value.len == 0 || rest.len > 0)
        return RTSP_BAD_LENGTH;
    if (!slice_to_u64(value, RTSP_BODY_MAX, &length))
        return RTSP_BAD_BODY_TOO_LARGE;
    if (seen && length != message->content_length)
        return RTSP_BAD_MALFORMED;
    message->content_length = length;
    return RTSP_BAD_NONE;
}

/* Contradicting sequence numbers are none: nobody can say which request is meant. */
static void note_cseq(struct rtsp_message *message, struct slice value, bool seen)
{
    uint64_t cseq;
    bool readable = slice_to_u64(value, UINT32_MAX, &cseq);
    message->has_cseq = readable && (!seen || (message->has_cseq && cseq == message->cseq));
    message->cseq = message->has_cseq ? (uint32_t)cseq : 0;
}

static enum rtsp_bad read_headers(struct rtsp_message *message)
{
    struct slice lines = message->headers, name, value;
    bool seen_length = false, seen_cseq = false;
    while (take_header(&lines, &name, &value)) {
        if (name.len == 0) {
            message->odd_lines++;
        } else if (slice_equal_nocase(name, SLICE("Content-Length"))) {
            enum rtsp_bad bad = note_length(message, value, seen_length);
            if (bad != RTSP_BAD_NONE)
                return bad;
            seen_length = true;
        } else if (slice_equal_nocase(name, SLICE("CSeq"))) {
            note_cseq(message, value, seen_cseq);
            seen_cseq = true;
        }
    }
    return RTSP_BAD_NONE;
}

/* The head of at most RTSP_HEAD_MAX bytes; takes it from input. */
static enum rtsp_result take_head(struct rtsp_message *message, struct slice *input)
{
    struct slice head = slice_make(input->data, input->len);
    if (head.len > RTSP_HEAD_MAX)
        head.len = RTSP_HEAD_MAX;
    take_while(&head, is_line_end);
    enum rtsp_result result = head.len > 0 ? take_start(message, &head) : RTSP_NEED_MORE;
    if (result == RTSP_DONE)
        result = take_headers(message, &head);
    if (result == RTSP_NEED_MORE && input->len >= RTSP_HEAD_MAX)
        return fail(message, RTSP_BAD_HEADER_TOO_LARGE);
    if (result != RTSP_DONE)
        return result;
    slice_take(input, (size_t)(head.data - input->data));
    message->bad = read_headers(message);
    return message->bad == RTSP_BAD_NONE ? RTSP_DONE : RTSP_BAD;
}

enum rtsp_result rtsp_parse(struct slice input, struct rtsp_message *message)
{
    memset(message, 0, sizeof(*message));
    if (input.len == 0)
        return RTSP_NEED_MORE;
    const uint8_t *start = input.data;
    enum rtsp_result result = take_head(message, &input);
    if (result != RTSP_DONE)
        return result;
    message->head_complete = true;
    message->head_length = (size_t)(input.data - start);
    if (input.len < message->content_length)
        return RTSP_NEED_MORE;
    message->body = slice_take(&input, (size_t)message->content_length);
    message->length = message->head_length + message->body.len;
    return RTSP_DONE;
}

struct slice rtsp_header(const struct rtsp_message *message, const char *name, unsigned nth)
{
    struct slice wanted = slice_from_string(name);
    struct slice lines = message->headers, found, value;
    while (take_header(&lines, &found, &value)) {
        if (found.len > 0 && slice_equal_nocase(found, wanted) && nth-- == 0)
            return value;
    }
    return (struct slice){NULL, 0};
}

bool rtsp_list_has(struct slice list, const char *token)
{
    struct slice wanted = slice_from_string(token);
    while (list.len > 0) {
        if (slice_equal_nocase(slice_trim(slice_take_until(&list, ',')), wanted))
            return true;
    }
    return false;
}

const char *rtsp_reason_phrase(unsigned status)
{
    static const struct {
        unsigned status;
        const char *phrase;
    } phrases[] = {
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {250, "Low on Storage Space"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Moved Temporarily"},
        {303, "See Other"},
        {304, "Not Modified"},
        {305, "Use Proxy"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Time-out"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Request Entity Too Large"},
        {414, "Request-URI Too Large"},
        {415, "Unsupported Media Type"},
        {451, "Parameter Not Understood"},
        {452, "Conference Not Found"},
        {453, "Not Enough Bandwidth"},
        {454, "Session Not Found"},
        {455, "Method Not Valid in This State"},
        {456, "Header Field Not Valid for Resource"},
        {457, "Invalid Range"},
        {458, "Parameter Is Read-Only"},
        {459, "Aggregate operation not allowed"},
        {460, "Only aggregate operation allowed"},
        {461, "Unsupported transport"},
        {462, "Destination unreachable"},
        {463, "Key management Failure"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Time-out"},
        {505, "RTSP Version not supported"},
        {551, "Option not supported"},
    };
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return "Unknown";
}

/* The leading digits decide: "30", "30.5", "30s". */
static uint32_t read_timeout_s(struct slice value)
{
    uint64_t seconds;
    struct slice digits = take_while(&value, is_digit);
    bool usable = slice_to_u64(digits, TIMEOUT_MAX_S, &seconds) && seconds > 0;
    return usable ? (uint32_t)seconds : TIMEOUT_DEFAULT_S;
}

static bool is_session_id(struct slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] < 0x20 || id.data[i] == 0x7f)
            return false;
    }
    return id.len > 0 && id.len <= SESSION_ID_MAX;
}

bool rtsp_session_parse(struct slice value, struct slice *id, uint32_t *timeout_s)
{
    *timeout_s = TIMEOUT_DEFAULT_S;
    *id = slice_trim(slice_take_until(&value, ';'));
    while (value.len > 0) {
        struct slice parameter = slice_take_until(&value, ';');
        struct slice name = slice_trim(slice_take_until(&parameter, '='));
        if (slice_equal_nocase(name, SLICE("timeout")))
            *timeout_s = read_timeout_s(slice_trim(parameter));
    }
    return is_session_id(*id);
}

bool rtsp_is_safe(struct slice value)
{
    return slice_find_byte(value, '\r') < 0 && slice_find_byte(value, '\n') < 0 &&
           slice_find_byte(value, '\0') < 0;
}

uint32_t rtsp_retry_after_s(struct slice value)
{
    struct slice rest = slice_trim(value);
    struct slice digits = take_while(&rest, is_digit);
    uint64_t seconds;
    if (digits.len == 0 || rest.len > 0)
        return 0;
    return slice_to_u64(digits, UINT32_MAX, &seconds) ? (uint32_t)seconds : UINT32_MAX;
}
