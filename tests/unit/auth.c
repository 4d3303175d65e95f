#include "test.h"

#include <stdio.h>

#include "proto/auth.h"

#define AUTHORIZATION "Authorization: "

static void assert_slice(struct slice actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.len);
}

static struct auth_credentials credentials(const char *user, const char *password)
{
    return (struct auth_credentials){slice_from_string(user), slice_from_string(password)};
}

/* A 401 with these header lines, and the choice among its challenges. */
static enum auth_result choose(struct slice lines, struct auth_challenge *out)
{
    static char buffer[65536];
    struct rtsp_message reply;
    struct text text = text_init(buffer, sizeof(buffer));
    text_add_string(&text, "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n");
    text_add(&text, lines);
    text_add_string(&text, "\r\n");
    assert_false(text.overflow);
    assert_int_equal(rtsp_parse(guarded_again(text_slice(&text)), &reply), RTSP_DONE);
    return auth_choose(&reply, out);
}

static enum auth_result choose_string(const char *lines, struct auth_challenge *out)
{
    return choose(slice_from_string(lines), out);
}

/* ---- Vectors ---- */

#define MUFASA_2617 "Mufasa", "Circle Of Life"
#define MUFASA_7616 "Mufasa", "Circle of Life"
#define CHALLENGE_7616                                                                             \
    "WWW-Authenticate: Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "           \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "                                     \
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", algorithm="
#define ANSWER_7616                                                                                \
    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "                                \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", response="
#define QOP_7616                                                                                   \
    ", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", qop=auth, nc=00000001, "           \
    "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\""
#define CNONCE_7616 "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"

/* Those without an RFC were computed with Python's hashlib. */
static const struct {
    const char *name, *challenge;
    const char *user, *password, *method, *url, *cnonce;
    const char *expected; /* the value of the Authorization header */
} vectors[] = {
    {"RFC 2617, 3.5",
     "WWW-Authenticate: Digest\r\n realm=\"testrealm@host.com\",\r\n qop=\"auth,auth-int\",\r\n"
     " nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",\r\n"
     " opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"\r\n",
     MUFASA_2617, "GET", "/dir/index.html", "0a4f113b",
     "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
     "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
     "response=\"6629fae49393a05397450978507c4ef1\", "
     "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", qop=auth, nc=00000001, cnonce=\"0a4f113b\""},
    {"RFC 7616, 3.9.1, MD5", CHALLENGE_7616 "MD5\r\n", MUFASA_7616, "GET", "/dir/index.html",
     CNONCE_7616, ANSWER_7616 "\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5" QOP_7616},
    {"RFC 7616, 3.9.1, SHA-256", CHALLENGE_7616 "SHA-256\r\n", MUFASA_7616, "GET",
     "/dir/index.html", CNONCE_7616,
     ANSWER_7616 "\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", "
                 "algorithm=SHA-256" QOP_7616},
    {"MD5-sess", CHALLENGE_7616 "MD5-sess\r\n", MUFASA_7616, "GET", "/dir/index.html", CNONCE_7616,
     ANSWER_7616 "\"e783283f46242139c486a698fec7211d\", algorithm=MD5-sess" QOP_7616},
    {"SHA-256-sess", CHALLENGE_7616 "\"sha-256-SESS\"\r\n", MUFASA_7616, "GET", "/dir/index.html",
     CNONCE_7616,
     ANSWER_7616 "\"2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7\", "
                 "algorithm=SHA-256-sess" QOP_7616},
    {"RFC 2069 with its erratum 749, no qop (quirk 24: no algorithm unasked)",
     "WWW-Authenticate: Digest realm=\"testrealm@host.com\", "
     "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"\r\n",
     "Mufasa", "CircleOfLife", "GET", "/dir/index.html", "unused",
     "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
     "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
     "response=\"1949323746fe6a43ef61f9606e7febea\""},
    {"a camera's, with a password of all kinds",
     "WWW-Authenticate: Digest realm=\"IP Camera(12345)\", nonce=\"0123abcd\", stale=\"FALSE\"\r\n",
     "admin", "p:w\"\\\xc3\xa9", "DESCRIBE", "rtsp://192.168.1.64:554/Streaming/Channels/101",
     "unused",
     "Digest username=\"admin\", realm=\"IP Camera(12345)\", nonce=\"0123abcd\", "
     "uri=\"rtsp://192.168.1.64:554/Streaming/Channels/101\", "
     "response=\"a6201b906761cb7e76e8432c579e8ddd\""},
    {"escapes in a realm are part of it (computed by Python's hashlib)",
     "WWW-Authenticate: Digest realm=\"cam \\\"one\\\" \\\\ x\", nonce=\"n\"\r\n", "user", "pass",
     "DESCRIBE", "rtsp://h/x", "unused",
     "Digest username=\"user\", realm=\"cam \\\"one\\\" \\\\ x\", nonce=\"n\", "
     "uri=\"rtsp://h/x\", response=\"99ca6a3a86d0c0012650afb8d0873939\""},
    {"RFC 7617, 2", "WWW-Authenticate: Basic realm=\"WallyWorld\"\r\n", "Aladdin", "open sesame",
     "GET", "/", "unused", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    {"RFC 7617, 2.1", "WWW-Authenticate: Basic realm=\"foo\", charset=\"UTF-8\"\r\n", "test",
     "123\xc2\xa3", "GET", "/", "unused", "Basic dGVzdDoxMjPCow=="},
    {"Basic without padding", "WWW-Authenticate: Basic\r\n", "a", "b", "GET", "/", "unused",
     "Basic YTpi"},
    {"Basic with one =", "WWW-Authenticate: basic realm=x\r\n", "a", "bc", "GET", "/", "unused",
     "Basic YTpiYw=="},
    {"Basic of nothing", "WWW-Authenticate: BASIC\r\n", "", "", "GET", "/", "unused", "Basic Og=="},
};

static struct slice sign(struct text *text, struct auth_challenge *challenge,
                         const struct auth_credentials *who, const char *method, const char *url)
{
    size_t from = text->len;
    auth_write(text, challenge, who, slice_from_string(method), slice_from_string(url),
               SLICE("0123456789abcdef"));
    assert_false(text->overflow);
    struct slice line = slice_make(text->data + from, text->len - from);
    assert_true(slice_starts_with(line, SLICE(AUTHORIZATION)));
    slice_take(&line, sizeof(AUTHORIZATION) - 1);
    assert_true(line.len > 2 && line.data[line.len - 2] == '\r' && line.data[line.len - 1] == '\n');
    return slice_make(line.data, line.len - 2);
}

static void test_vectors(void **state)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct auth_challenge challenge;
        struct auth_credentials who = credentials(vectors[i].user, vectors[i].password);
        char buffer[1024], expected[1024];
        struct text text = text_init(buffer, sizeof(buffer));
        print_message("%s\n", vectors[i].name);
        assert_int_equal(choose_string(vectors[i].challenge, &challenge), AUTH_OK);
        auth_write(&text, &challenge, &who, slice_from_string(vectors[i].method),
                   slice_from_string(vectors[i].url), slice_from_string(vectors[i].cnonce));
        snprintf(expected, sizeof(expected), AUTHORIZATION "%s\r\n", vectors[i].expected);
        assert_slice(text_slice(&text), expected);
        assert_true(auth_check(guarded(slice_from_string(vectors[i].expected)), &challenge, &who,
                               slice_from_string(vectors[i].method),
                               slice_from_string(vectors[i].url)));
    }
}

/* No part of a true answer is one; only the last closing quote may be missing. */
static void test_vectors_cut(void **state)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct auth_challenge challenge;
        struct auth_credentials who = credentials(vectors[i].user, vectors[i].password);
        struct slice whole = slice_from_string(vectors[i].expected);
        assert_int_equal(choose_string(vectors[i].challenge, &challenge), AUTH_OK);
        for (size_t n = 0; n + 1 < whole.len; n++) {
            struct slice cut = guarded_again(slice_make(whole.data, n));
            assert_false(auth_check(cut, &challenge, &who, slice_from_string(vectors[i].method),
                                    slice_from_string(vectors[i].url)));
        }
    }
}

/* ---- Choosing (quirks 23, 24; hostile 7, 27, 28) ---- */

#define BASIC "Basic realm=\"b\""
#define MD5 "Digest realm=\"m\", nonce=\"1\""
#define SHA "Digest realm=\"s\", nonce=\"2\", algorithm=SHA-256"

static const struct choice {
    struct slice lines;
    enum auth_result result;
    enum auth_scheme scheme;
    enum auth_algorithm algorithm;
    bool algorithm_given, qop_auth, has_opaque, stale;
    const char *realm, *nonce, *opaque;
} choices[] = {
    {SLICE("WWW-Authenticate: " BASIC "\r\n"), AUTH_OK, AUTH_BASIC, 0, 0, 0, 0, 0, "b", "", ""},
    {SLICE("WWW-Authenticate: " MD5 "\r\n"), AUTH_OK, AUTH_DIGEST, 0, 0, 0, 0, 0, "m", "1", ""},
    {SLICE("www-authenticate:" BASIC "\r\nWWW-Authenticate: " MD5 "\r\n"), AUTH_OK, AUTH_DIGEST, 0,
     0, 0, 0, 0, "m", "1", ""},
    {SLICE("WWW-Authenticate: " MD5 "\r\nWWW-Authenticate: " BASIC "\r\n"), AUTH_OK, AUTH_DIGEST, 0,
     0, 0, 0, 0, "m", "1", ""},
    {SLICE("WWW-Authenticate: " BASIC ", " MD5 ", " SHA "\r\n"), AUTH_OK, AUTH_DIGEST, AUTH_SHA256,
     1, 0, 0, 0, "s", "2", ""},
    {SLICE("WWW-Authenticate: " SHA "," MD5 "," BASIC "\r\n"), AUTH_OK, AUTH_DIGEST, AUTH_SHA256, 1,
     0, 0, 0, "s", "2", ""},
    {SLICE("WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM TlRM==, " BASIC "\r\n"), AUTH_OK,
     AUTH_BASIC, 0, 0, 0, 0, 0, "b", "", ""},
    {SLICE("WWW-Authenticate: Digest realm=\"x\",nonce=\"y\",algorithm=MD5,qop=\"auth\","
           "opaque=\"\",stale=TRUE,domain=\"/\",userhash=false\r\n"),
     AUTH_OK, AUTH_DIGEST, AUTH_MD5, 1, 1, 1, 1, "x", "y", ""},
    {SLICE("WWW-Authenticate: Digest realm=x nonce=y  opaque = z , qop=auth\r\n"), AUTH_OK,
     AUTH_DIGEST, 0, 0, 1, 1, 0, "x", "y", "z"},
    {SLICE("WWW-Authenticate: Digest realm=\"a, nonce=\\\"b\\\"\", nonce=\"c=d, Basic\"\r\n"),
     AUTH_OK, AUTH_DIGEST, 0, 0, 0, 0, 0, "a, nonce=\\\"b\\\"", "c=d, Basic", ""},
    {SLICE("WWW-Authenticate: Digest nonce=\"first\", nonce=\"second\"\r\n"), AUTH_OK, AUTH_DIGEST,
     0, 0, 0, 0, 0, "", "first", ""},
    {SLICE("WWW-Authenticate: Digest realm=\"x\", nonce=\"never closed\r\n"), AUTH_OK, AUTH_DIGEST,
     0, 0, 0, 0, 0, "x", "never closed", ""},
    {SLICE("WWW-Authenticate: Digest nonce=\"1\", algorithm=SHA-512-256, " BASIC "\r\n"), AUTH_OK,
     AUTH_BASIC, 0, 0, 0, 0, 0, "b", "", ""},
    {SLICE(""), AUTH_UNSUPPORTED, 0, 0, 0, 0, 0, 0, "", "", ""},
    {SLICE("WWW-Authenticate:\r\n"), AUTH_UNSUPPORTED, 0, 0, 0, 0, 0, 0, "", "", ""},
    {SLICE("WWW-Authenticate: =,=\"\r\n"), AUTH_UNSUPPORTED, 0, 0, 0, 0, 0, 0, "", "", ""},
    {SLICE("WWW-Authenticate: Bearer realm=\"x\"\r\n"), AUTH_UNSUPPORTED, 0, 0, 0, 0, 0, 0, "", "",
     ""},
    {SLICE("WWW-Authenticate: realm=\"x\", nonce=\"y\"\r\n"), AUTH_UNSUPPORTED, 0, 0, 0, 0, 0, 0,
     "", "", ""},
    {SLICE("WWW-Authenticate: Digest realm=\"x\"\r\n"), AUTH_UNSUPPORTED, 0, 0, 0, 0, 0, 0, "", "",
     ""},
    {SLICE("WWW-Authenticate: Digest realm=\"x\", nonce=\"\"\r\n"), AUTH_UNSUPPORTED, 0, 0, 0, 0, 0,
     0, "", "", ""},
    {SLICE("WWW-Authenticate: Digest nonce=\"1\", qop=\"auth-int\"\r\n"), AUTH_UNSUPPORTED, 0, 0, 0,
     0, 0, 0, "", "", ""},
    {SLICE("WWW-Authenticate: Digest nonce=\"1\", algorithm=SHA-512-256\r\n"), AUTH_UNSUPPORTED, 0,
     0, 0, 0, 0, 0, "", "", ""},
    {SLICE("WWW-Authenticate: Digest nonce=\"a\r\n X: y\"\r\n"), AUTH_UNSAFE, 0, 0, 0, 0, 0, 0, "",
     "", ""},
    {SLICE("WWW-Authenticate: Digest nonce=\"a\", realm=\"\0\"\r\n"), AUTH_UNSAFE, 0, 0, 0, 0, 0, 0,
     "", "", ""},
    {SLICE("WWW-Authenticate: Digest nonce=a\"b\r\n"), AUTH_UNSAFE, 0, 0, 0, 0, 0, 0, "", "", ""},
    {SLICE("WWW-Authenticate: Digest nonce=a, opaque=\"b\\\r\n"), AUTH_UNSAFE, 0, 0, 0, 0, 0, 0, "",
     "", ""},
    {SLICE("WWW-Authenticate: " BASIC ", Digest nonce=\"a\0b\"\r\n"), AUTH_UNSAFE, 0, 0, 0, 0, 0, 0,
     "", "", ""},
};

static void assert_choice(const struct auth_challenge *challenge, const struct choice *row)
{
    const char *text = challenge->text;
    size_t nonce_at = challenge->realm_len, opaque_at = nonce_at + challenge->nonce_len;
    assert_int_equal(challenge->scheme, row->scheme);
    assert_int_equal(challenge->algorithm, row->algorithm);
    assert_int_equal(challenge->algorithm_given, row->algorithm_given);
    assert_int_equal(challenge->qop_auth, row->qop_auth);
    assert_int_equal(challenge->has_opaque, row->has_opaque);
    assert_int_equal(challenge->stale, row->stale);
    assert_int_equal(challenge->nonce_count, 0);
    assert_slice(slice_make(text, challenge->realm_len), row->realm);
    assert_slice(slice_make(text + nonce_at, challenge->nonce_len), row->nonce);
    assert_slice(slice_make(text + opaque_at, challenge->opaque_len), row->opaque);
}

static void test_choose(void **state)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        struct auth_challenge challenge;
        print_message("%s", (const char *)choices[i].lines.data);
        memset(&challenge, 0xff, sizeof(challenge));
        assert_int_equal(choose(choices[i].lines, &challenge), choices[i].result);
        assert_choice(&challenge, &choices[i]);
    }
}

/* Realm, nonce and opaque share 512 bytes; a challenge that needs more can't be answered. */
static void test_choose_long(void **state)
{
    struct auth_challenge challenge;
    char lines[1024];
    snprintf(lines, sizeof(lines), "WWW-Authenticate: Digest realm=\"r\", nonce=\"%0511d\"\r\n", 7);
    assert_int_equal(choose_string(lines, &challenge), AUTH_OK);
    assert_int_equal(challenge.nonce_len, 511);
    snprintf(lines, sizeof(lines), "WWW-Authenticate: Digest realm=\"r\", nonce=\"%0512d\"\r\n", 7);
    assert_int_equal(choose_string(lines, &challenge), AUTH_UNSUPPORTED);
    strcat(lines, "WWW-Authenticate: " BASIC "\r\n");
    assert_int_equal(choose_string(lines, &challenge), AUTH_OK);
    assert_int_equal(challenge.scheme, AUTH_BASIC);
}

/* ---- Server and client together ---- */

/* The client's challenge as it comes out of what the server writes. */
static struct auth_challenge through_the_wire(const struct auth_challenge *server)
{
    struct auth_challenge client;
    char buffer[1024];
    struct text text = text_init(buffer, sizeof(buffer));
    auth_challenge_write(&text, server);
    assert_false(text.overflow);
    assert_int_equal(choose(text_slice(&text), &client), AUTH_OK);
    return client;
}

static struct auth_challenge make(enum auth_scheme scheme, enum auth_algorithm algorithm,
                                  const char *nonce)
{
    struct auth_challenge challenge;
    auth_challenge_make(&challenge, scheme, algorithm, SLICE("the realm"),
                        slice_from_string(nonce));
    return challenge;
}

static void assert_round_trip(const struct auth_challenge *server)
{
    struct auth_credentials who = credentials("us\"er\\", "p\xc3\xa4ss:w@rd\r\n");
    struct auth_credentials other_password = credentials("us\"er\\", "pass");
    struct auth_credentials other_user = credentials("us\"er", "p\xc3\xa4ss:w@rd\r\n");
    struct auth_challenge client = through_the_wire(server);
    struct auth_challenge other = make(server->scheme, server->algorithm, "another nonce");
    const char *url = "rtsp://h:554/a?b=\"c\"";
    char buffer[2048];
    for (unsigned count = 1; count <= 3; count++) {
        struct text text = text_init(buffer, sizeof(buffer));
        struct slice answer = guarded(sign(&text, &client, &who, "SETUP", url));
        struct slice setup = SLICE("SETUP"), to = slice_from_string(url);
        bool digest = server->scheme == AUTH_DIGEST;
        assert_int_equal(client.nonce_count, count);
        assert_true(auth_check(answer, server, &who, setup, to));
        assert_false(auth_check(answer, server, &other_password, setup, to));
        assert_false(auth_check(answer, server, &other_user, setup, to));
        assert_int_equal(auth_check(answer, server, &who, SLICE("PLAY"), to), !digest);
        assert_int_equal(auth_check(answer, server, &who, setup, SLICE("rtsp://h/")), !digest);
        assert_int_equal(auth_check(answer, &other, &who, setup, to), !digest);
        assert_false(auth_check((struct slice){NULL, 0}, server, &who, setup, to));
    }
}

static void test_round_trip(void **state)
{
    struct auth_challenge server = make(AUTH_BASIC, AUTH_MD5, "");
    assert_round_trip(&server);
    for (enum auth_algorithm algorithm = AUTH_MD5; algorithm <= AUTH_SHA256_SESS; algorithm++) {
        server = make(AUTH_DIGEST, algorithm, "the nonce");
        assert_round_trip(&server);
        server.algorithm_given = true;
        assert_round_trip(&server);
        server.qop_auth = false;
        assert_round_trip(&server);
        server.stale = true;
        assert_true(through_the_wire(&server).stale);
    }
}

/* A scheme can't be had for another one, and an answer can't be half of each. */
static void test_check_refuses(void **state)
{
    static const char *const answers[] = {
        "",
        "Digest",
        "Basic",
        "Basic ",
        "Basic YTpj",
        "Basic YTpiYTpi",
        "Bearer YTpi",
        "YTpi",
        "Digest username=\"a\"",
    };
    struct auth_credentials who = credentials("a", "b");
    struct auth_challenge basic = make(AUTH_BASIC, AUTH_MD5, "");
    struct auth_challenge digest = make(AUTH_DIGEST, AUTH_MD5, "n");
    struct auth_challenge none = {.scheme = AUTH_NONE};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct slice answer = guarded(slice_from_string(answers[i]));
        assert_false(auth_check(answer, &basic, &who, SLICE("GET"), SLICE("u")));
        assert_false(auth_check(answer, &digest, &who, SLICE("GET"), SLICE("u")));
        assert_false(auth_check(answer, &none, &who, SLICE("GET"), SLICE("u")));
    }
    assert_true(auth_check(SLICE(" basic  YTpi "), &basic, &who, SLICE("GET"), SLICE("u")));
    assert_false(auth_check(SLICE("Basic YTpi"), &digest, &who, SLICE("GET"), SLICE("u")));
}

/* RFC 2617's answer with one parameter changed at a time. */
static void test_check_each_parameter(void **state)
{
    static const char *const parts[] = {"username=\"Mufasa\"",
                                        "realm=\"testrealm@host.com\"",
                                        "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
                                        "uri=\"/dir/index.html\"",
                                        "response=\"6629fae49393a05397450978507c4ef1\"",
                                        "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
                                        "qop=auth",
                                        "nc=00000001",
                                        "cnonce=\"0a4f113b\"",
                                        "algorithm=MD5"};
    static const char *const changed[] = {"username=\"mufasa\"",
                                          "realm=\"testrealm\"",
                                          "nonce=\"dcd98b71\"",
                                          "uri=\"/dir/\"",
                                          "response=\"6629FAE49393a05397450978507c4ef1\"",
                                          "opaque=\"\"",
                                          "qop=auth-int",
                                          "nc=1",
                                          "cnonce=\"\"",
                                          "algorithm=SHA-256"};
    const size_t count = sizeof(parts) / sizeof(parts[0]);
    struct auth_credentials who = credentials(MUFASA_2617);
    struct auth_challenge challenge;
    assert_int_equal(choose_string(vectors[0].challenge, &challenge), AUTH_OK);
    for (size_t wrong = 0; wrong <= 2 * count; wrong++) {
        char buffer[1024];
        struct text text = text_init(buffer, sizeof(buffer));
        text_add_string(&text, "Digest x=y");
        for (size_t i = 0; i < count; i++) {
            if (i + count != wrong) /* left out then */
                text_printf(&text, ", %s", i == wrong ? changed[i] : parts[i]);
        }
        bool optional = wrong == 2 * count - 1 || wrong == 2 * count;
        assert_int_equal(auth_check(guarded(text_slice(&text)), &challenge, &who, SLICE("GET"),
                                    SLICE("/dir/index.html")),
                         optional);
    }
}

/* A response that is right but for the form of its nc is none (RFC 7616, 3.4: eight digits). */
static void test_check_short_count(void **state)
{
    struct auth_credentials who = credentials(MUFASA_2617);
    struct auth_challenge challenge;
    assert_int_equal(choose_string(vectors[0].challenge, &challenge), AUTH_OK);
    assert_false(auth_check(SLICE("Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
                                  "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                                  "uri=\"/dir/index.html\", qop=auth, nc=1, cnonce=\"0a4f113b\", "
                                  "response=\"95c727b8ed724ea2be8e9318e0e4f619\", "
                                  "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""),
                            &challenge, &who, SLICE("GET"), SLICE("/dir/index.html")));
}

/* What would start a line of its own, or doesn't fit, is never written as if it were whole. */
static void test_write_refuses(void **state)
{
    struct auth_challenge challenge = make(AUTH_DIGEST, AUTH_MD5, "n");
    struct auth_credentials evil = credentials("a\r\nX: y", "b"), who = credentials("a", "b");
    char buffer[512];
    struct text text = text_init(buffer, sizeof(buffer));
    auth_write(&text, &challenge, &evil, SLICE("GET"), SLICE("u"), SLICE("c"));
    assert_true(text.overflow);
    text = text_init(buffer, sizeof(buffer));
    auth_write(&text, &challenge, &who, SLICE("GET"), SLICE("u\nX: y"), SLICE("c"));
    assert_true(text.overflow);
    text = text_init(buffer, 40);
    auth_write(&text, &challenge, &who, SLICE("GET"), SLICE("u"), SLICE("c"));
    assert_true(text.overflow);
    text = text_init(buffer, sizeof(buffer));
    challenge.scheme = AUTH_NONE;
    auth_write(&text, &challenge, &who, SLICE("GET"), SLICE("u"), SLICE("c"));
    auth_challenge_write(&text, &challenge);
    assert_int_equal(text.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_vectors_cut),
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_choose_long),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_check_refuses),
        cmocka_unit_test(test_write_refuses),
        cmocka_unit_test(test_check_short_count),
        cmocka_unit_test(test_check_each_parameter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
