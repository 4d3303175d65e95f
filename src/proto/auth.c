#include "proto/auth.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define HEX_MAX (2u * 32u)        /* characters of the longest digest, SHA-256 */
#define CHALLENGE_HEADERS_MAX 16u /* headers looked at in one reply */
#define BASIC_MAX 2048u           /* characters of a Basic token that the server side compares */

static const struct slice algorithm_names[] = {
    [AUTH_MD5] = SLICE("MD5"),
    [AUTH_MD5_SESS] = SLICE("MD5-sess"),
    [AUTH_SHA256] = SLICE("SHA-256"),
    [AUTH_SHA256_SESS] = SLICE("SHA-256-sess"),
};

#define ALGORITHMS (sizeof(algorithm_names) / sizeof(algorithm_names[0]))

/* ---- Reading "Scheme name=value, name="value", ..." (RFC 7235, 2.1) ---- */

/* A scheme, or a parameter of the scheme before it. */
struct element {
    bool is_scheme;
    struct slice name;
    struct slice value; /* without its quotes, escapes as they are */
};

/* What a challenge or credentials say; borrowed. */
struct fields {
    struct slice scheme, user, realm, nonce, uri, response;
    struct slice algorithm, opaque, qop, cnonce, nc, stale;
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool ends_word(uint8_t byte)
{
    return is_blank(byte) || byte == ',';
}

static void skip_blanks(struct slice *from)
{
    while (from->len > 0 && is_blank(from->data[0]))
        slice_take_byte(from);
}

/* A quoted string that never closes ends with the header. */
static struct slice take_quoted(struct slice *from)
{
    size_t n = 0;
    slice_take_byte(from);
    while (n < from->len && from->data[n] != '"')
        n += from->data[n] == '\\' ? 2 : 1;
    struct slice value = slice_take(from, n);
    slice_take(from, 1);
    return value;
}

static struct slice take_value(struct slice *from)
{
    size_t n = 0;
    skip_blanks(from);
    if (from->len > 0 && from->data[0] == '"')
        return take_quoted(from);
    while (n < from->len && !ends_word(from->data[n]))
        n++;
    return slice_take(from, n);
}

static bool take_element(struct slice *from, struct element *out)
{
    size_t n = 0;
    while (from->len > 0 && ends_word(from->data[0]))
        slice_take_byte(from);
    if (from->len == 0)
        return false;
    while (n < from->len && !ends_word(from->data[n]) && from->data[n] != '=')
        n++;
    out->name = slice_take(from, n);
    out->value = (struct slice){NULL, 0};
    skip_blanks(from);
    out->is_scheme = from->len == 0 || from->data[0] != '=';
    if (!out->is_scheme) {
        slice_take_byte(from);
        out->value = take_value(from);
    }
    return true;
}

static void note_field(struct fields *fields, const struct element *element)
{
    const struct {
        struct slice name;
        struct slice *field;
    } known[] = {
        {SLICE("username"), &fields->user},     {SLICE("realm"), &fields->realm},
        {SLICE("nonce"), &fields->nonce},       {SLICE("uri"), &fields->uri},
        {SLICE("response"), &fields->response}, {SLICE("algorithm"), &fields->algorithm},
        {SLICE("opaque"), &fields->opaque},     {SLICE("qop"), &fields->qop},
        {SLICE("cnonce"), &fields->cnonce},     {SLICE("nc"), &fields->nc},
        {SLICE("stale"), &fields->stale},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal_nocase(element->name, known[i].name) && !known[i].field->data)
            *known[i].field = element->value;
    }
}

/* Takes one scheme with its parameters. Parameters before any scheme belong to none: they are
 * skipped. */
static bool take_fields(struct slice *from, struct fields *out)
{
    struct element element = {.is_scheme = false};
    memset(out, 0, sizeof(*out));
    while (!element.is_scheme) {
        if (!take_element(from, &element))
            return false;
    }
    out->scheme = element.name;
    for (struct slice ahead = *from; take_element(&ahead, &element) && !element.is_scheme;) {
        note_field(out, &element);
        *from = ahead;
    }
    return true;
}

/* ---- The client's choice ---- */

/* Can it stand between quotes again as it is: no line end, no NUL, no quote or escape left open? */
static bool is_quotable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || (text.data[i] == '\\' && ++i == text.len))
            return false;
    }
    return rtsp_is_safe(text);
}

static bool read_algorithm(struct slice name, enum auth_algorithm *out)
{
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (slice_equal_nocase(name, algorithm_names[i])) {
            *out = (enum auth_algorithm)i;
            return true;
        }
    }
    *out = AUTH_MD5;
    return name.len == 0;
}

static bool is_sess(enum auth_algorithm algorithm)
{
    return algorithm == AUTH_MD5_SESS || algorithm == AUTH_SHA256_SESS;
}

static bool is_sha256(enum auth_algorithm algorithm)
{
    return algorithm == AUTH_SHA256 || algorithm == AUTH_SHA256_SESS;
}

/* 0 for a challenge that can't be answered, else more for the stronger. */
static int strength(const struct fields *offer)
{
    enum auth_algorithm algorithm;
    if (offer->realm.len + offer->nonce.len + offer->opaque.len > AUTH_TEXT_MAX)
        return 0;
    if (slice_equal_nocase(offer->scheme, SLICE("Basic")))
        return 1;
    if (!slice_equal_nocase(offer->scheme, SLICE("Digest")) || offer->nonce.len == 0)
        return 0;
    if (!read_algorithm(offer->algorithm, &algorithm))
        return 0;
    if (offer->qop.len > 0 && !rtsp_list_has(offer->qop, "auth"))
        return 0;
    return is_sha256(algorithm) ? 3 : 2;
}

/* The three together must fit. */
static void keep_texts(struct auth_challenge *out, struct slice realm, struct slice nonce,
                       struct slice opaque)
{
    struct text text = text_init(out->text, sizeof(out->text));
    text_add(&text, realm);
    text_add(&text, nonce);
    text_add(&text, opaque);
    assert(!text.overflow);
    out->realm_len = (uint16_t)realm.len;
    out->nonce_len = (uint16_t)nonce.len;
    out->opaque_len = (uint16_t)opaque.len;
}

static enum auth_result keep_offer(const struct fields *offer, struct auth_challenge *out)
{
    enum auth_algorithm algorithm;
    memset(out, 0, sizeof(*out));
    if (!is_quotable(offer->realm) || !is_quotable(offer->nonce) || !is_quotable(offer->opaque))
        return AUTH_UNSAFE;
    bool digest = slice_equal_nocase(offer->scheme, SLICE("Digest"));
    read_algorithm(offer->algorithm, &algorithm);
    out->scheme = digest ? AUTH_DIGEST : AUTH_BASIC;
    if (digest)
        out->algorithm = algorithm;
    out->algorithm_given = digest && offer->algorithm.len > 0;
    out->qop_auth = digest && offer->qop.len > 0;
    out->has_opaque = digest && offer->opaque.data != NULL;
    out->stale = digest && slice_equal_nocase(offer->stale, SLICE("true"));
    keep_texts(out, offer->realm, offer->nonce, offer->opaque);
    return AUTH_OK;
}

enum auth_result auth_choose(const struct rtsp_message *reply, struct auth_challenge *out)
{
    int best = 0;
    enum auth_result result = AUTH_UNSUPPORTED;
    memset(out, 0, sizeof(*out));
    for (unsigned n = 0; n < CHALLENGE_HEADERS_MAX; n++) {
        struct slice value = rtsp_header(reply, "WWW-Authenticate", n);
        struct fields offer;
        while (take_fields(&value, &offer)) {
            if (strength(&offer) <= best)
                continue;
            best = strength(&offer);
            result = keep_offer(&offer, out);
        }
    }
    return result;
}

/* ---- The response ---- */

static struct slice realm_of(const struct auth_challenge *challenge)
{
    return slice_make(challenge->text, challenge->realm_len);
}

static struct slice nonce_of(const struct auth_challenge *challenge)
{
    return slice_make(challenge->text + challenge->realm_len, challenge->nonce_len);
}

static struct slice opaque_of(const struct auth_challenge *challenge)
{
    size_t at = (size_t)challenge->realm_len + challenge->nonce_len;
    return slice_make(challenge->text + at, challenge->opaque_len);
}

/* A digest in hexadecimal; empty when OpenSSL refuses (MD5 under FIPS). */
struct hex {
    char text[HEX_MAX];
    size_t len;
};

static struct slice hex_slice(const struct hex *hex)
{
    return slice_make(hex->text, hex->len);
}

/* The digest of the parts with a colon between them. */
static struct hex digest_of(enum auth_algorithm algorithm, const struct slice *parts, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct hex hex = {.len = 0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context &&
                EVP_DigestInit_ex(context, is_sha256(algorithm) ? EVP_sha256() : EVP_md5(), NULL);
    for (size_t i = 0; good && i < count; i++) {
        good = (i == 0 || EVP_DigestUpdate(context, ":", 1)) &&
               EVP_DigestUpdate(context, parts[i].data, parts[i].len);
    }
    good = good && EVP_DigestFinal_ex(context, sum, &len) && 2 * len <= HEX_MAX;
    EVP_MD_CTX_free(context);
    for (unsigned i = 0; good && i < len; i++) {
        hex.text[hex.len++] = digits[sum[i] >> 4];
        hex.text[hex.len++] = digits[sum[i] & 15];
    }
    return hex;
}

/* What goes into a response beside the challenge (RFC 7616, 3.4.1). */
struct request {
    const struct auth_credentials *credentials;
    struct slice method;
    struct slice uri;
    struct slice cnonce;
    struct slice nc; /* 8 hexadecimal digits; empty without qop */
};

static struct hex respond(const struct auth_challenge *challenge, const struct request *request)
{
    enum auth_algorithm algorithm = challenge->algorithm;
    struct slice nonce = nonce_of(challenge);
    struct slice a1[] = {request->credentials->user, realm_of(challenge),
                         request->credentials->password};
    struct hex key = digest_of(algorithm, a1, 3);
    struct slice session_a1[] = {hex_slice(&key), nonce, request->cnonce};
    if (is_sess(algorithm))
        key = digest_of(algorithm, session_a1, 3);
    struct slice a2[] = {request->method, request->uri};
    struct hex ha2 = digest_of(algorithm, a2, 2);
    struct slice parts[] = {hex_slice(&key), nonce,         request->nc,
                            request->cnonce, SLICE("auth"), hex_slice(&ha2)};
    if (request->nc.len > 0)
        return digest_of(algorithm, parts, 6);
    parts[2] = hex_slice(&ha2);
    return digest_of(algorithm, parts, 3);
}

/* ---- Writing ---- */

/* Adds bytes as a quoted string. What can't stand in one is refused by way of overflow. */
static void add_quoted(struct text *to, struct slice bytes)
{
    to->overflow |= !rtsp_is_safe(bytes);
    text_add_string(to, "\"");
    while (bytes.len > 0) {
        struct slice byte = slice_take(&bytes, 1);
        if (byte.data[0] == '"' || byte.data[0] == '\\')
            text_add_string(to, "\\");
        text_add(to, byte);
    }
    text_add_string(to, "\"");
}

/* Adds a text that came out of quotes, with its escapes. */
static void add_parameter(struct text *to, const char *before, struct slice value)
{
    text_add_string(to, before);
    text_add(to, value);
    text_add_string(to, "\"");
}

/* Three bytes to four characters (RFC 4648, 4), across the parts. */
static void add_base64(struct text *to, const struct slice *parts, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned have = 0; /* bits not written */
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < parts[i].len; at++, total++) {
            bits = bits << 8 | parts[i].data[at];
            for (have += 8; have >= 6; have -= 6)
                text_add(to, slice_make(&digits[bits >> (have - 6) & 63], 1));
        }
    }
    if (have > 0)
        text_add(to, slice_make(&digits[bits << (6 - have) & 63], 1));
    for (; total % 3 != 0; total++)
        text_add_string(to, "=");
}

static void add_basic(struct text *to, const struct auth_credentials *credentials)
{
    struct slice parts[] = {credentials->user, SLICE(":"), credentials->password};
    add_base64(to, parts, 3);
}

/* RFC 7616, 3.4. Parameters that the challenge didn't ask for are left out: some servers refuse
 * them. */
static void write_digest(struct text *to, const struct auth_challenge *challenge,
                         const struct request *request)
{
    struct hex response = respond(challenge, request);
    to->overflow |= response.len == 0;
    text_add_string(to, "Authorization: Digest username=");
    add_quoted(to, request->credentials->user);
    add_parameter(to, ", realm=\"", realm_of(challenge));
    add_parameter(to, ", nonce=\"", nonce_of(challenge));
    text_add_string(to, ", uri=");
    add_quoted(to, request->uri);
    add_parameter(to, ", response=\"", hex_slice(&response));
    if (challenge->algorithm_given) {
        text_add_string(to, ", algorithm=");
        text_add(to, algorithm_names[challenge->algorithm]);
    }
    if (challenge->has_opaque)
        add_parameter(to, ", opaque=\"", opaque_of(challenge));
    if (challenge->qop_auth) {
        text_add_string(to, ", qop=auth, nc=");
        text_add(to, request->nc);
    }
    if (challenge->qop_auth || is_sess(challenge->algorithm))
        add_parameter(to, ", cnonce=\"", request->cnonce);
    text_add_string(to, "\r\n");
}

void auth_write(struct text *to, struct auth_challenge *challenge,
                const struct auth_credentials *credentials, struct slice method, struct slice url,
                struct slice cnonce)
{
    char nc[9];
    challenge->nonce_count++;
    snprintf(nc, sizeof(nc), "%08x", (unsigned)challenge->nonce_count);
    struct slice count = slice_make(nc, challenge->qop_auth ? 8 : 0);
    if (challenge->scheme == AUTH_BASIC) {
        text_add_string(to, "Authorization: Basic ");
        add_basic(to, credentials);
        text_add_string(to, "\r\n");
    } else if (challenge->scheme == AUTH_DIGEST) {
        struct request request = {credentials, method, url, cnonce, count};
        write_digest(to, challenge, &request);
    }
}

/* ---- The server's side ---- */

static bool equal_secret(struct slice a, struct slice b)
{
    return a.len == b.len && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}

/* Is this what add_quoted makes of plain? */
static bool equal_quoted(struct slice quoted, struct slice plain)
{
    while (quoted.len > 0 && plain.len > 0) {
        uint8_t byte = slice_take_byte(&quoted);
        if (byte == '\\' && quoted.len > 0)
            byte = slice_take_byte(&quoted);
        if (byte != slice_take_byte(&plain))
            return false;
    }
    return quoted.len == 0 && plain.len == 0;
}

static bool check_basic(struct slice token, const struct auth_credentials *credentials)
{
    char expected[BASIC_MAX];
    struct text text = text_init(expected, sizeof(expected));
    add_basic(&text, credentials);
    return !text.overflow && equal_secret(token, text_slice(&text));
}

/* A client that knows no qop may answer without (RFC 2617, 3.2.2); one that uses it must do so
 * fully. */
static bool is_qop_valid(const struct fields *given, const struct auth_challenge *challenge)
{
    uint64_t count;
    if (given->qop.len == 0)
        return true;
    return challenge->qop_auth && slice_equal_nocase(given->qop, SLICE("auth")) &&
           given->nc.len == 8 && slice_to_hex_u64(given->nc, UINT32_MAX, &count) &&
           given->cnonce.len > 0;
}

static bool check_digest(const struct fields *given, const struct auth_challenge *challenge,
                         const struct request *request)
{
    enum auth_algorithm algorithm = challenge->algorithm;
    bool readable = given->algorithm.len == 0 || read_algorithm(given->algorithm, &algorithm);
    if (!readable || algorithm != challenge->algorithm || !is_qop_valid(given, challenge))
        return false;
    if (!equal_quoted(given->user, request->credentials->user) ||
        !slice_equal(given->realm, realm_of(challenge)) ||
        !slice_equal(given->nonce, nonce_of(challenge)) || !equal_quoted(given->uri, request->uri))
        return false;
    if (challenge->has_opaque && !slice_equal(given->opaque, opaque_of(challenge)))
        return false;
    struct hex expected = respond(challenge, request);
    return expected.len > 0 && equal_secret(given->response, hex_slice(&expected));
}

bool auth_check(struct slice authorization, const struct auth_challenge *challenge,
                const struct auth_credentials *credentials, struct slice method, struct slice url)
{
    struct fields given;
    struct slice token = slice_trim(authorization);
    struct slice scheme = slice_take_until(&token, ' ');
    if (challenge->scheme == AUTH_BASIC)
        return slice_equal_nocase(scheme, SLICE("Basic")) &&
               check_basic(slice_trim(token), credentials);
    if (challenge->scheme != AUTH_DIGEST || !take_fields(&authorization, &given) ||
        !slice_equal_nocase(given.scheme, SLICE("Digest")))
        return false;
    struct slice nc = given.qop.len > 0 ? given.nc : (struct slice){NULL, 0};
    struct request request = {credentials, method, url, given.cnonce, nc};
    return check_digest(&given, challenge, &request);
}

void auth_challenge_make(struct auth_challenge *out, enum auth_scheme scheme,
                         enum auth_algorithm algorithm, struct slice realm, struct slice nonce)
{
    assert(is_quotable(realm) && is_quotable(nonce));
    memset(out, 0, sizeof(*out));
    out->scheme = scheme;
    if (scheme == AUTH_DIGEST) {
        out->algorithm = algorithm;
        out->algorithm_given = algorithm != AUTH_MD5;
        out->qop_auth = true;
    }
    keep_texts(out, realm, nonce, (struct slice){NULL, 0});
}

void auth_challenge_write(struct text *to, const struct auth_challenge *challenge)
{
    if (challenge->scheme == AUTH_NONE)
        return;
    bool digest = challenge->scheme == AUTH_DIGEST;
    text_add_string(to, digest ? "WWW-Authenticate: Digest " : "WWW-Authenticate: Basic ");
    add_parameter(to, "realm=\"", realm_of(challenge));
    if (digest) {
        add_parameter(to, ", nonce=\"", nonce_of(challenge));
        if (challenge->has_opaque)
            add_parameter(to, ", opaque=\"", opaque_of(challenge));
        if (challenge->algorithm_given) {
            text_add_string(to, ", algorithm=");
            text_add(to, algorithm_names[challenge->algorithm]);
        }
        text_add_string(to, challenge->qop_auth ? ", qop=\"auth\"" : "");
        text_add_string(to, challenge->stale ? ", stale=true" : "");
    }
    text_add_string(to, "\r\n");
}
