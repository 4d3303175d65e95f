#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/rtsp.h"

static void assert_slice(struct slice actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.len);
}

/* ---- Good messages ---- */

static const struct good {
    const char *name;
    struct slice input;
    unsigned status; /* 0: a request */
    enum rtsp_method method;
    const char *word; /* the reason, or the URL */
    int64_t cseq;     /* -1: none */
    const char *body;
    unsigned odd_lines;
} good_rows[] = {
    {"response", SLICE("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"), 200, 0, "OK", 1, "", 0},
    {"RFC 2326, 10.1", SLICE("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nRequire: implicit-play\r\n\r\n"), 0,
     RTSP_OPTIONS, "*", 1, "", 0},
    {"request",
     SLICE("SETUP rtsp://h:554/a?b=c/trackID=0 RTSP/1.0\r\nCSeq: 302\r\n"
           "Transport: RTP/AVP;unicast;client_port=4588-4589\r\n\r\n"),
     0, RTSP_SETUP, "rtsp://h:554/a?b=c/trackID=0", 302, "", 0},
    {"unknown method", SLICE("PLAY_NOTIFY rtsp://h/ RTSP/1.0\r\nCSeq: 9\r\n\r\n"), 0, RTSP_OTHER,
     "rtsp://h/", 9, "", 0},
    {"methods have a case", SLICE("play rtsp://h/ RTSP/1.0\r\n\r\n"), 0, RTSP_OTHER, "rtsp://h/",
     -1, "", 0},
    {"blanks in the request line", SLICE("PLAY  rtsp://h/\t RTSP/1.0 \r\n\r\n"), 0, RTSP_PLAY,
     "rtsp://h/", -1, "", 0},
    {"8-bit URL", SLICE("PLAY rtsp://h/\xc3\xa9 RTSP/1.0\r\n\r\n"), 0, RTSP_PLAY,
     "rtsp://h/\xc3\xa9", -1, "", 0},
    {"body", SLICE("RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n"), 200, 0, "OK",
     2, "v=0\r\n", 0},
    {"body of a request",
     SLICE("SET_PARAMETER rtsp://h/ RTSP/1.0\r\nCSeq: 3\r\ncontent-length:4\r\n\r\na: b"), 0,
     RTSP_SET_PARAMETER, "rtsp://h/", 3, "a: b", 0},
    {"LF only (hostile 3)", SLICE("RTSP/1.0 200 OK\nCSeq: 3\nContent-Length: 2\n\nhi"), 200, 0,
     "OK", 3, "hi", 0},
    {"mixed line ends", SLICE("RTSP/1.0 200 OK\nCSeq: 3\r\nA: b\n\r\n"), 200, 0, "OK", 3, "", 0},
    {"blank lines before", SLICE("\r\n\n\r\nRTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n"), 200, 0, "OK", 4,
     "", 0},
    {"no headers", SLICE("RTSP/1.0 200 OK\r\n\r\n"), 200, 0, "OK", -1, "", 0},
    {"no reason (hostile 2)", SLICE("RTSP/1.0 200\r\nCSeq: 5\r\n\r\n"), 200, 0, "", 5, "", 0},
    {"blank for a reason", SLICE("RTSP/1.0 200 \r\nCSeq: 5\r\n\r\n"), 200, 0, "", 5, "", 0},
    {"long reason", SLICE("RTSP/1.0 455 Method Not Valid in This State\r\n\r\n"), 455, 0,
     "Method Not Valid in This State", -1, "", 0},
    {"blanks before the status", SLICE("RTSP/1.0  404  Not Found\r\n\r\n"), 404, 0, "Not Found", -1,
     "", 0},
    {"status 100 (hostile 30)", SLICE("RTSP/1.0 100 Continue\r\n\r\n"), 100, 0, "Continue", -1, "",
     0},
    {"status 599", SLICE("RTSP/1.0 599 x\r\n\r\n"), 599, 0, "x", -1, "", 0},
    {"version 1.1", SLICE("RTSP/1.1 200 OK\r\n\r\n"), 200, 0, "OK", -1, "", 0},
    {"505 without CSeq (quirk 68)", SLICE("RTSP/1.0 505 RTSP Version not supported\r\n\r\n"), 505,
     0, "RTSP Version not supported", -1, "", 0},
    {"Cseq: (quirks 15, 67)", SLICE("RTSP/1.0 200 OK\r\nServer: x\r\nCseq: 0\r\n\r\n"), 200, 0,
     "OK", 0, "", 0},
    {"blank behind CSeq (quirk 16)", SLICE("RTSP/1.0 401 Unauthorized\r\nCSeq: 2 \r\n\r\n"), 401, 0,
     "Unauthorized", 2, "", 0},
    {"blank before the colon", SLICE("RTSP/1.0 200 OK\r\nCSeq : 7\r\n\r\n"), 200, 0, "OK", 7, "",
     0},
    {"tabs around CSeq", SLICE("RTSP/1.0 200 OK\r\nCSEQ:\t7\t\r\n\r\n"), 200, 0, "OK", 7, "", 0},
    {"largest CSeq", SLICE("RTSP/1.0 200 OK\r\nCSeq: 4294967295\r\n\r\n"), 200, 0, "OK", 4294967295,
     "", 0},
    {"CSeq too large (hostile 10)", SLICE("RTSP/1.0 200 OK\r\nCSeq: 4294967296\r\n\r\n"), 200, 0,
     "OK", -1, "", 0},
    {"negative CSeq", SLICE("RTSP/1.0 200 OK\r\nCSeq: -1\r\n\r\n"), 200, 0, "OK", -1, "", 0},
    {"empty CSeq", SLICE("RTSP/1.0 200 OK\r\nCSeq:\r\n\r\n"), 200, 0, "OK", -1, "", 0},
    {"CSeq is text", SLICE("RTSP/1.0 200 OK\r\nCSeq: 1 RTSP\r\n\r\n"), 200, 0, "OK", -1, "", 0},
    {"CSeq twice", SLICE("RTSP/1.0 200 OK\r\nCSeq: 8\r\nCSeq: 8\r\n\r\n"), 200, 0, "OK", 8, "", 0},
    {"CSeq contradicts", SLICE("RTSP/1.0 200 OK\r\nCSeq: 8\r\nCSeq: 9\r\n\r\n"), 200, 0, "OK", -1,
     "", 0},
    {"CSeq contradicts, third time", SLICE("RTSP/1.0 200 OK\nCSeq: 8\nCSeq: 9\nCSeq: 8\n\n"), 200,
     0, "OK", -1, "", 0},
    {"OPTIONS: for Public: (quirk 67)",
     SLICE("RTSP/1.0 200 OK\r\nCSeq: 1\r\nOPTIONS: DESCRIBE SETUP\r\n\r\n"), 200, 0, "OK", 1, "",
     0},
    {"line without a colon (hostile 9)",
     SLICE("RTSP/1.0 200 OK\r\nnonsense\r\nCSeq: 1\r\n: x\r\n\r\n"), 200, 0, "OK", 1, "", 2},
    {"folded lines (hostile 8)",
     SLICE("RTSP/1.0 200 OK\r\nCSeq:\r\n 12\r\nX: a\r\n\tb\r\n  c: d\r\n\r\n"), 200, 0, "OK", 12,
     "", 0},
    {"folded into nothing", SLICE("RTSP/1.0 200 OK\r\n  x: y\r\nCSeq: 1\r\n\r\n"), 200, 0, "OK", 1,
     "", 0},
    {"folded into a line without colon", SLICE("RTSP/1.0 200 OK\nodd\n CSeq: 5\nCSeq: 1\n\n"), 200,
     0, "OK", 1, "", 1},
    {"NUL and 8 bit (hostile 6)", SLICE("RTSP/1.0 200 \0\xff\r\nX: \0\x80\r\nCSeq: 1\r\n\r\n"), 200,
     0, NULL, 1, "", 0},
    {"same length twice", SLICE("RTSP/1.0 200 OK\nContent-Length: 2\nContent-Length: 02\n\nab"),
     200, 0, "OK", -1, "ab", 0},
    {"length 0", SLICE("RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), 200, 0, "OK", -1, "", 0},
    {"length with blanks", SLICE("RTSP/1.0 200 OK\r\nContent-Length: \t1 \r\n\r\nx"), 200, 0, "OK",
     -1, "x", 0},
    {"body that looks like a message",
     SLICE("RTSP/1.0 200 OK\nContent-length: 21\n\nRTSP/1.0 200 OK\r\n\r\n\r\n"), 200, 0, "OK", -1,
     "RTSP/1.0 200 OK\r\n\r\n\r\n", 0},
};

static void assert_good(const struct good *row, struct slice input, size_t length)
{
    struct rtsp_message message;
    assert_int_equal(rtsp_parse(input, &message), RTSP_DONE);
    assert_int_equal(message.bad, RTSP_BAD_NONE);
    assert_int_equal(message.length, length);
    assert_true(message.head_complete);
    assert_int_equal(message.head_length + message.content_length, length);
    assert_int_equal(message.is_request, row->status == 0);
    assert_int_equal(message.status, row->status);
    assert_int_equal(message.method, row->method);
    if (row->word)
        assert_slice(row->status ? message.reason : message.url, row->word);
    assert_int_equal(message.has_cseq, row->cseq >= 0);
    assert_int_equal(message.cseq, row->cseq >= 0 ? row->cseq : 0);
    assert_slice(message.body, row->body);
    assert_int_equal(message.odd_lines, row->odd_lines);
}

static void test_good(void **state)
{
    for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
        const struct good *row = &good_rows[i];
        struct rtsp_message message;
        char more[512];
        print_message("%s\n", row->name);
        for (size_t n = 0; n < row->input.len; n++) {
            struct slice prefix = guarded_again(slice_make(row->input.data, n));
            assert_int_equal(rtsp_parse(prefix, &message), RTSP_NEED_MORE);
            assert_int_equal(message.bad, RTSP_BAD_NONE);
            if (message.head_complete)
                assert_int_equal(message.head_length + message.content_length, row->input.len);
        }
        assert_good(row, guarded(row->input), row->input.len);
        memcpy(more, row->input.data, row->input.len);
        memcpy(more + row->input.len, "$\0\0\1xRTSP\r", 10);
        assert_good(row, guarded(slice_make(more, row->input.len + 10)), row->input.len);
    }
}

/* Only the body is missing: the caller can already size a buffer. */
static void test_head_complete(void **state)
{
    struct rtsp_message message;
    struct slice input = SLICE("\r\nRTSP/1.0 200 OK\r\nContent-Length: 1048576\r\n\r\nv=0");
    assert_int_equal(rtsp_parse(input, &message), RTSP_NEED_MORE);
    assert_true(message.head_complete);
    assert_int_equal(message.head_length, input.len - 3);
    assert_int_equal(message.content_length, 1048576);
    assert_int_equal(rtsp_parse(slice_make(input.data, input.len - 4), &message), RTSP_NEED_MORE);
    assert_false(message.head_complete);
}

/* ---- Bad messages ---- */

static const struct bad {
    const char *name;
    struct slice input;
    enum rtsp_bad bad;
    size_t known_at; /* bytes that suffice to tell; 0: the whole input */
} bad_rows[] = {
    {"HTTP response (hostile 1)", SLICE("HTTP/1.1 200 OK\r\n\r\n"), RTSP_BAD_PROTOCOL, 5},
    {"HTTP request", SLICE("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), RTSP_BAD_PROTOCOL, 7},
    {"version 9.9", SLICE("RTSP/9.9 200 OK\r\n\r\n"), RTSP_BAD_PROTOCOL, 6},
    {"version 2.0", SLICE("RTSP/2.0 200 OK\r\n\r\n"), RTSP_BAD_PROTOCOL, 6},
    {"version 2.0 of a request", SLICE("PLAY * RTSP/2.0\r\n\r\n"), RTSP_BAD_PROTOCOL, 13},
    {"TLS alert", SLICE("\x15\x03\x03\0\2\2\x28"), RTSP_BAD_PROTOCOL, 1},
    {"TLS handshake with a CR", SLICE("\x16\x03\r\0"), RTSP_BAD_PROTOCOL, 1},
    {"SSH", SLICE("SSH-2.0-OpenSSH\r\n"), RTSP_BAD_PROTOCOL, 17},
    {"frame", SLICE("$\0\0\4abcd"), RTSP_BAD_PROTOCOL, 1},
    {"NUL", SLICE("\0RTSP/1.0 200 OK\r\n\r\n"), RTSP_BAD_PROTOCOL, 1},
    {"8 bit", SLICE("\xff\xfb\x01"), RTSP_BAD_PROTOCOL, 1},
    {"leading blank", SLICE(" RTSP/1.0 200 OK\r\n\r\n"), RTSP_BAD_PROTOCOL, 1},
    {"method of 33", SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / RTSP/1.0\r\n\r\n"),
     RTSP_BAD_PROTOCOL, 33},
    {"only RTSP/", SLICE("RTSP/\r\n"), RTSP_BAD_PROTOCOL, 7},
    {"cut in the name", SLICE("RTS\n"), RTSP_BAD_PROTOCOL, 4},
    {"no minor version", SLICE("RTSP/1. 200 OK\r\n\r\n"), RTSP_BAD_PROTOCOL, 8},
    {"minor version of 3", SLICE("RTSP/1.000 200 OK\r\n\r\n"), RTSP_BAD_PROTOCOL, 10},
    {"status glued to the version", SLICE("RTSP/1.0/200 OK\r\n\r\n"), RTSP_BAD_PROTOCOL, 9},
    {"request without URL", SLICE("OPTIONS\r\n\r\n"), RTSP_BAD_PROTOCOL, 9},
    {"request without version", SLICE("OPTIONS *\r\n\r\n"), RTSP_BAD_PROTOCOL, 11},
    {"blank in the URL", SLICE("PLAY rtsp://h/a b RTSP/1.0\r\n\r\n"), RTSP_BAD_PROTOCOL, 17},
    {"control in the URL", SLICE("PLAY rtsp://h/\1 RTSP/1.0\r\n\r\n"), RTSP_BAD_PROTOCOL, 15},
    {"text behind the version", SLICE("PLAY * RTSP/1.0 x\r\n\r\n"), RTSP_BAD_PROTOCOL, 17},
    {"status 20 (hostile 2)", SLICE("RTSP/1.0 20\r\n\r\n"), RTSP_BAD_STATUS, 13},
    {"status 20 with reason", SLICE("RTSP/1.0 20 OK\r\n\r\n"), RTSP_BAD_STATUS, 12},
    {"status 0", SLICE("RTSP/1.0 0\r\n\r\n"), RTSP_BAD_STATUS, 10},
    {"status -1", SLICE("RTSP/1.0 -1\r\n\r\n"), RTSP_BAD_STATUS, 10},
    {"status 99999", SLICE("RTSP/1.0 99999\r\n\r\n"), RTSP_BAD_STATUS, 10},
    {"status 20000", SLICE("RTSP/1.0 20000\r\n\r\n"), RTSP_BAD_STATUS, 13},
    {"status 099", SLICE("RTSP/1.0 099\r\n\r\n"), RTSP_BAD_STATUS, 10},
    {"status 600", SLICE("RTSP/1.0 600\r\n\r\n"), RTSP_BAD_STATUS, 10},
    {"status is text", SLICE("RTSP/1.0 OK\r\n\r\n"), RTSP_BAD_STATUS, 10},
    {"text glued to the status", SLICE("RTSP/1.0 200OK\r\n\r\n"), RTSP_BAD_STATUS, 13},
    {"no status", SLICE("RTSP/1.0\r\n\r\n"), RTSP_BAD_STATUS, 10},
    {"CR only (hostile 3)", SLICE("RTSP/1.0 200 OK\rCSeq: 1\r\r"), RTSP_BAD_MALFORMED, 17},
    {"CR behind the version", SLICE("RTSP/1.0\rX\n\n"), RTSP_BAD_MALFORMED, 10},
    {"CR in a header (hostile 7)", SLICE("RTSP/1.0 200 OK\r\nX: a\rY: b\r\n\r\n"),
     RTSP_BAD_MALFORMED, 23},
    {"CR CR LF", SLICE("RTSP/1.0 200 OK\r\nX: a\r\r\n\r\n"), RTSP_BAD_MALFORMED, 23},
    {"two lengths (hostile 14)",
     SLICE("RTSP/1.0 200 OK\r\nContent-Length: 2\r\ncontent-length: 3\r\n\r\nabc"),
     RTSP_BAD_MALFORMED, 57},
    {"length -1 (hostile 13)", SLICE("RTSP/1.0 200 OK\nContent-Length: -1\n\n"), RTSP_BAD_LENGTH,
     0},
    {"length 2^64", SLICE("RTSP/1.0 200 OK\nContent-Length: 18446744073709551616\n\n"),
     RTSP_BAD_BODY_TOO_LARGE, 0},
    {"length 1e9", SLICE("RTSP/1.0 200 OK\nContent-Length: 1e9\n\n"), RTSP_BAD_LENGTH, 0},
    {"length is text", SLICE("RTSP/1.0 200 OK\nContent-Length: abc\n\n"), RTSP_BAD_LENGTH, 0},
    {"length is empty", SLICE("RTSP/1.0 200 OK\nContent-Length:\n\n"), RTSP_BAD_LENGTH, 0},
    {"length is a list", SLICE("RTSP/1.0 200 OK\nContent-Length: 1, 1\n\n"), RTSP_BAD_LENGTH, 0},
    {"length folded in two", SLICE("RTSP/1.0 200 OK\nContent-Length: 1\n 2\n\n"), RTSP_BAD_LENGTH,
     0},
    {"length over 1 MiB", SLICE("RTSP/1.0 200 OK\nContent-Length: 1048577\n\n"),
     RTSP_BAD_BODY_TOO_LARGE, 0},
};

static void test_bad(void **state)
{
    for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
        const struct bad *row = &bad_rows[i];
        size_t known_at = row->known_at ? row->known_at : row->input.len;
        struct rtsp_message message;
        print_message("%s\n", row->name);
        for (size_t n = 0; n <= row->input.len; n++) {
            struct slice prefix = guarded_again(slice_make(row->input.data, n));
            enum rtsp_result result = rtsp_parse(prefix, &message);
            assert_int_equal(result, n < known_at ? RTSP_NEED_MORE : RTSP_BAD);
            assert_int_equal(message.bad, n < known_at ? RTSP_BAD_NONE : row->bad);
            assert_int_equal(message.length, 0);
        }
    }
}

/* ---- The caps (hostile 4, 5) ---- */

/* start, then the piece n times, then end, in memory that lives as long as the test. */
static struct slice repeated(const char *start, const char *piece, size_t n, const char *end)
{
    size_t size = strlen(start) + n * strlen(piece) + strlen(end);
    char *all = test_malloc(size + 1);
    char *at = stpcpy(all, start);
    while (n-- > 0)
        at = stpcpy(at, piece);
    stpcpy(at, end);
    struct slice kept = guarded(slice_make(all, size));
    test_free(all);
    return kept;
}

static enum rtsp_bad parse_bad(struct slice input)
{
    struct rtsp_message message;
    enum rtsp_result result = rtsp_parse(input, &message);
    assert_int_equal(result == RTSP_BAD, message.bad != RTSP_BAD_NONE);
    return message.bad;
}

static enum rtsp_result parse(struct slice input)
{
    struct rtsp_message message;
    return rtsp_parse(input, &message);
}

static void test_line_cap(void **state)
{
    const char *start = "RTSP/1.0 200 OK\r\nX:";
    assert_int_equal(parse(repeated(start, "a", 16382, "")), RTSP_NEED_MORE);
    assert_int_equal(parse(repeated(start, "a", 16382, "\r")), RTSP_NEED_MORE);
    assert_int_equal(parse(repeated(start, "a", 16382, "\r\n\r\n")), RTSP_DONE);
    assert_int_equal(parse_bad(repeated(start, "a", 16383, "")), RTSP_BAD_HEADER_TOO_LARGE);
    assert_int_equal(parse_bad(repeated(start, "a", 16383, "\r\n\r\n")), RTSP_BAD_HEADER_TOO_LARGE);
    assert_int_equal(parse_bad(repeated("RTSP/1.0 200 ", "a", 17000, "")),
                     RTSP_BAD_HEADER_TOO_LARGE);
    assert_int_equal(parse_bad(repeated("PLAY rtsp://", "a", 17000, "")),
                     RTSP_BAD_HEADER_TOO_LARGE);
}

static void test_header_count_cap(void **state)
{
    const char *start = "RTSP/1.0 200 OK\r\n";
    assert_int_equal(parse(repeated(start, "a:b\r\n", 255, "")), RTSP_NEED_MORE);
    assert_int_equal(parse(repeated(start, "a:b\r\n", 255, "\r\n")), RTSP_DONE);
    assert_int_equal(parse_bad(repeated(start, "a:b\r\n", 256, "")), RTSP_BAD_HEADER_TOO_MANY);
    assert_int_equal(parse_bad(repeated(start, "a:b\r\n", 1000000, "\r\n")),
                     RTSP_BAD_HEADER_TOO_MANY);
    assert_int_equal(parse_bad(repeated("RTSP/1.0 200 OK\r\na:b\r\n", " c\n", 300, "\r\n")),
                     RTSP_BAD_HEADER_TOO_MANY);
}

/* 17 bytes of start line and 65 lines of 1008 are 65537. */
static void test_head_cap(void **state)
{
    char line[1009];
    memset(line, 'a', sizeof(line));
    memcpy(line, "Long:", 5);
    memcpy(line + 1006, "\r\n", 3);
    struct slice good = repeated("RTSP/1.0 200 OK\r\n", line, 64, "Fill: 678901234567\r\n\r\n");
    assert_int_equal(parse(good), RTSP_DONE);
    struct slice all = repeated("RTSP/1.0 200 OK\r\n", line, 65, "\r\n");
    assert_int_equal(parse(slice_make(all.data, 65535)), RTSP_NEED_MORE);
    assert_int_equal(parse_bad(slice_make(all.data, 65536)), RTSP_BAD_HEADER_TOO_LARGE);
    assert_int_equal(parse_bad(all), RTSP_BAD_HEADER_TOO_LARGE);
    assert_int_equal(parse(repeated("", "\r\n", 1000, "")), RTSP_NEED_MORE);
    assert_int_equal(parse_bad(repeated("", "\r\n", 40000, "")), RTSP_BAD_HEADER_TOO_LARGE);
}

static void test_largest_body(void **state)
{
    struct rtsp_message message;
    struct slice all = repeated("RTSP/1.0 200 OK\nContent-Length: 1048576\n\n", "a", 1048576, "");
    assert_int_equal(rtsp_parse(all, &message), RTSP_DONE);
    assert_int_equal(message.body.len, 1048576);
    assert_int_equal(parse(slice_make(all.data, all.len - 1)), RTSP_NEED_MORE);
}

/* ---- Headers and values ---- */

static void test_header(void **state)
{
    struct rtsp_message message;
    struct slice input =
        guarded(SLICE("RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nno colon\r\n"
                      "WWW-Authenticate: Digest realm=\"a\",\r\n nonce=\"b\"\r\n"
                      "www-authenticate:Basic realm=\"a\"  \r\nEmpty:\r\nURL: a:b\r\n\r\nBody: x"));
    assert_int_equal(rtsp_parse(input, &message), RTSP_DONE);
    assert_slice(rtsp_header(&message, "WWW-Authenticate", 0),
                 "Digest realm=\"a\",\r\n nonce=\"b\"");
    assert_slice(rtsp_header(&message, "WWW-Authenticate", 1), "Basic realm=\"a\"");
    assert_null(rtsp_header(&message, "WWW-Authenticate", 2).data);
    assert_slice(rtsp_header(&message, "url", 0), "a:b");
    assert_non_null(rtsp_header(&message, "Empty", 0).data);
    assert_int_equal(rtsp_header(&message, "Empty", 0).len, 0);
    assert_null(rtsp_header(&message, "Body", 0).data);
    assert_null(rtsp_header(&message, "", 0).data);
    assert_null(rtsp_header(&message, "CSe", 0).data);
}

static void test_methods(void **state)
{
    static const char *const names[] = {
        [RTSP_OPTIONS] = "OPTIONS",   [RTSP_DESCRIBE] = "DESCRIBE",
        [RTSP_SETUP] = "SETUP",       [RTSP_PLAY] = "PLAY",
        [RTSP_PAUSE] = "PAUSE",       [RTSP_TEARDOWN] = "TEARDOWN",
        [RTSP_ANNOUNCE] = "ANNOUNCE", [RTSP_GET_PARAMETER] = "GET_PARAMETER",
        [RTSP_RECORD] = "RECORD",     [RTSP_SET_PARAMETER] = "SET_PARAMETER",
        [RTSP_REDIRECT] = "REDIRECT",
    };
    for (enum rtsp_method method = RTSP_OPTIONS; method < RTSP_METHODS; method++) {
        assert_slice(rtsp_method_name(method), names[method]);
        assert_int_equal(rtsp_method_from_name(slice_from_string(names[method])), method);
    }
    assert_int_equal(rtsp_method_from_name(SLICE("OPTION")), RTSP_OTHER);
    assert_int_equal(rtsp_method_from_name(SLICE("")), RTSP_OTHER);
}

static void test_list_has(void **state)
{
    struct slice list = guarded(SLICE("OPTIONS, describe,\r\n GET_PARAMETER ,,SETUP"));
    assert_true(rtsp_list_has(list, "GET_PARAMETER"));
    assert_true(rtsp_list_has(list, "DESCRIBE"));
    assert_true(rtsp_list_has(list, "SETUP"));
    assert_false(rtsp_list_has(list, "PARAMETER"));
    assert_false(rtsp_list_has(list, "SET"));
    assert_false(rtsp_list_has((struct slice){NULL, 0}, "SETUP"));
}

static void test_reason_phrase(void **state)
{
    assert_string_equal(rtsp_reason_phrase(200), "OK");
    assert_string_equal(rtsp_reason_phrase(454), "Session Not Found");
    assert_string_equal(rtsp_reason_phrase(461), "Unsupported transport");
    assert_string_equal(rtsp_reason_phrase(299), "Unknown");
}

/* RFC 2326, 12.37; quirks 10-13 and hostile 42, 43. */
static void test_session(void **state)
{
    static const struct {
        struct slice value;
        const char *id; /* NULL: not usable */
        uint32_t timeout_s;
    } rows[] = {
        {SLICE("12345678"), "12345678", 60},
        {SLICE("12345678;timeout=30"), "12345678", 30},
        {SLICE(" abc-$_.+ ; Timeout = 120 "), "abc-$_.+", 120},
        {SLICE("a;x=1;timeout=15;y"), "a", 15},
        {SLICE("a;timeout=\t10"), "a", 10},
        {SLICE("a\r\n ;timeout=10"), "a", 10},
        {SLICE("a;timeout=30.5"), "a", 30},
        {SLICE("a;timeout=0"), "a", 60},
        {SLICE("a;timeout=-5"), "a", 60},
        {SLICE("a;timeout="), "a", 60},
        {SLICE("a;timeout"), "a", 60},
        {SLICE("a;timeout=86400"), "a", 86400},
        {SLICE("a;timeout=86401"), "a", 60},
        {SLICE("a;timeout=1000000000000"), "a", 60},
        {SLICE("a;timeout=99999999999999999999999"), "a", 60},
        {SLICE("a;timeouts=5"), "a", 60},
        {SLICE("a;"), "a", 60},
        {SLICE(""), NULL, 60},
        {SLICE(";timeout=30"), NULL, 30},
        {SLICE("a\r\nb"), NULL, 60},
        {SLICE("a\0b"), NULL, 60},
        {SLICE("a\x7f"), NULL, 60},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice id;
        uint32_t timeout_s = 1;
        bool good = rtsp_session_parse(guarded(rows[i].value), &id, &timeout_s);
        assert_int_equal(good, rows[i].id != NULL);
        assert_int_equal(timeout_s, rows[i].timeout_s);
        if (rows[i].id)
            assert_slice(id, rows[i].id);
    }
    struct slice id;
    uint32_t timeout_s;
    assert_true(rtsp_session_parse(repeated("", "a", 255, ""), &id, &timeout_s));
    assert_false(rtsp_session_parse(repeated("", "a", 256, ""), &id, &timeout_s));
    assert_false(rtsp_session_parse(repeated("", "a", 1048576, ""), &id, &timeout_s));
}

static void test_is_safe(void **state)
{
    assert_true(rtsp_is_safe(SLICE("rtsp://h/\xff\"")));
    assert_true(rtsp_is_safe((struct slice){NULL, 0}));
    assert_false(rtsp_is_safe(SLICE("a\rb")));
    assert_false(rtsp_is_safe(SLICE("a\nb")));
    assert_false(rtsp_is_safe(SLICE("a\0b")));
}

static void test_retry_after(void **state)
{
    assert_int_equal(rtsp_retry_after_s(SLICE(" 120 ")), 120);
    assert_int_equal(rtsp_retry_after_s((struct slice){NULL, 0}), 0);
    assert_int_equal(rtsp_retry_after_s(SLICE("Fri, 31 Dec 1999 23:59:59 GMT")), 0);
    assert_int_equal(rtsp_retry_after_s(SLICE("-1")), 0);
    assert_int_equal(rtsp_retry_after_s(SLICE("4294967295")), UINT32_MAX);
    assert_int_equal(rtsp_retry_after_s(SLICE("99999999999999999999")), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_head_complete),
        cmocka_unit_test(test_bad),           cmocka_unit_test(test_line_cap),
        cmocka_unit_test(test_head_cap),      cmocka_unit_test(test_header_count_cap),
        cmocka_unit_test(test_largest_body),  cmocka_unit_test(test_header),
        cmocka_unit_test(test_methods),       cmocka_unit_test(test_list_has),
        cmocka_unit_test(test_reason_phrase), cmocka_unit_test(test_session),
        cmocka_unit_test(test_is_safe),       cmocka_unit_test(test_retry_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
