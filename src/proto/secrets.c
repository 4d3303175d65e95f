#include "proto/secrets.h"

#include <string.h>

#define RESPONSE_MIN 32u /* hex digits of MD5, the shortest of Digest's */
#define BEARER_MIN 16u   /* bytes; what is shorter may be a word */

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_one_of(uint8_t byte, const char *bytes)
{
    return byte != '\0' && strchr(bytes, byte);
}

static bool is_name(uint8_t byte)
{
    return is_letter(byte) || is_digit(byte) || is_one_of(byte, "_-.[]");
}

static struct slice from(struct slice text, size_t at)
{
    slice_take(&text, at);
    return text;
}

/* Bytes before the first of those. */
static size_t span_to(struct slice text, const char *ends)
{
    size_t n = 0;
    while (n < text.len && !is_one_of(text.data[n], ends))
        n++;
    return n;
}

static bool contains(struct slice in, struct slice word)
{
    for (size_t i = 0; i + word.len <= in.len; i++) {
        if (slice_starts_with_nocase(from(in, i), word))
            return true;
    }
    return false;
}

static ptrdiff_t find_last(struct slice in, uint8_t byte)
{
    const uint8_t *found = in.len > 0 ? memrchr(in.data, byte, in.len) : NULL;
    return found ? found - in.data : -1;
}

/* ---- The password of a URL ---- */

/* Does that hold a host and port, whatever @ the path behind it has? A password with a raw slash
   hides the @ behind it, so what looks like a port must be one. */
static bool has_no_password(struct slice authority)
{
    uint64_t port;
    struct slice rest = authority;
    if (slice_find_byte(authority, ':') < 0 || authority.data[0] == '[')
        return true;
    slice_take_until(&rest, ':');
    bool is_ipv6 = slice_find_byte(rest, ':') >= 0;
    for (size_t i = 0; i < authority.len; i++)
        is_ipv6 = is_ipv6 && is_one_of(authority.data[i], "0123456789abcdefABCDEF:.");
    return is_ipv6 || slice_to_u64(rest, 65535, &port);
}

/* rest follows a "://". A # doesn't end a password: people type it, and no URL of ours needs one.
 */
static bool find_password(struct slice rest, struct slice *secret)
{
    struct slice word = slice_make(rest.data, span_to(rest, " \t\r\n\""));
    struct slice authority = slice_make(rest.data, span_to(word, "/?"));
    if (slice_starts_with_nocase(word, SLICE("rtsp://")) ||
        slice_starts_with_nocase(word, SLICE("rtsps://")))
        return false; /* typed twice: the next "://" is the one */
    ptrdiff_t end = find_last(authority, '@');
    if (end < 0 && !has_no_password(authority))
        end = find_last(word, '@');
    struct slice userinfo = slice_make(word.data, end > 0 ? (size_t)end : 0);
    ptrdiff_t colon = slice_find_byte(userinfo, ':');
    *secret = from(userinfo, (size_t)(colon + 1));
    return colon >= 0;
}

/* ---- The value of a parameter ---- */

static bool is_secret_name(struct slice name)
{
    static const struct slice anywhere[] = {SLICE("password"),  SLICE("passwd"), SLICE("passwort"),
                                            SLICE("token"),     SLICE("secret"), SLICE("signature"),
                                            SLICE("credential")};
    static const struct slice at_end[] = {SLICE("pwd"), SLICE("pass"), SLICE("auth"), SLICE("key"),
                                          SLICE("sig"), SLICE("sign"), SLICE("jwt")};
    while (name.len > 0 && is_one_of(name.data[name.len - 1], "[]"))
        name.len--;
    for (size_t i = 0; i < sizeof(anywhere) / sizeof(anywhere[0]); i++) {
        if (contains(name, anywhere[i]))
            return true;
    }
    for (size_t i = 0; i < sizeof(at_end) / sizeof(at_end[0]); i++) {
        if (name.len >= at_end[i].len &&
            slice_equal_nocase(from(name, name.len - at_end[i].len), at_end[i]))
            return true;
    }
    return false;
}

static bool begins_parameter(struct slice text)
{
    size_t n = 0;
    while (n < text.len && is_name(text.data[n]))
        n++;
    return n > 0 && n < text.len && text.data[n] == '=';
}

/* Does the byte at the start of text end a value? Rather too much is hidden than too little: what
   may stand in a password ends one only where another parameter, or nothing more, follows. */
static bool ends_value(struct slice text)
{
    uint8_t byte = slice_take_byte(&text);
    if (is_one_of(byte, "& \t\r\n\"#"))
        return true;
    if (!is_one_of(byte, ";,')>"))
        return false;
    bool alone = text.len == 0 || is_one_of(text.data[0], " \t\r\n");
    return alone || (is_one_of(byte, ";,") && begins_parameter(text));
}

static struct slice value_of(struct slice text)
{
    struct slice value = {text.data, 0};
    if (text.len > 0 && is_one_of(text.data[0], "\"'")) {
        struct slice quoted = from(text, 1);
        return slice_take_until(&quoted, text.data[0]);
    }
    while (value.len < text.len && !ends_value(from(text, value.len)))
        value.len++;
    return value;
}

static bool is_response(struct slice name, struct slice value)
{
    uint64_t digit;
    if (!slice_equal_nocase(name, SLICE("response")) || value.len < RESPONSE_MIN)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (!slice_to_hex_u64(slice_make(value.data + i, 1), 15, &digit))
            return false;
    }
    return true;
}

/* equals: where the = of "name=value" stands. */
static bool find_value(struct slice text, size_t equals, struct slice *secret)
{
    size_t start = equals;
    while (start > 0 && is_name(text.data[start - 1]))
        start--;
    struct slice name = slice_make(text.data + start, equals - start);
    *secret = value_of(from(text, equals + 1));
    return secret->len > 0 && (is_secret_name(name) || is_response(name, *secret));
}

/* ---- Proofs ---- */

/* The value of a digit of base64, or -1. */
static int base64_value(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (is_digit(byte))
        return byte - '0' + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

/* Does that decode to "user:password"? A word such as "authentication" doesn't. */
static bool is_user_and_password(struct slice token)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < token.len && base64_value(token.data[i]) >= 0; i++) {
        bits = bits << 6 | (uint32_t)base64_value(token.data[i]);
        if (i % 4 > 0 && (bits >> (4 - 2 * (i % 4 - 1)) & 0xff) == ':')
            return true;
    }
    return false;
}

/* text begins with a scheme of authentication. */
static bool find_proof(struct slice text, struct slice *secret)
{
    bool basic = slice_starts_with_nocase(text, SLICE("Basic "));
    if (!basic && !slice_starts_with_nocase(text, SLICE("Bearer ")))
        return false;
    struct slice rest = from(text, basic ? sizeof("Basic ") - 1 : sizeof("Bearer ") - 1);
    size_t n = 0;
    while (n < rest.len &&
           (is_letter(rest.data[n]) || is_digit(rest.data[n]) || is_one_of(rest.data[n], "+/-._~")))
        n++;
    while (n > 0 && n < rest.len && rest.data[n] == '=' &&
           (n + 1 == rest.len || is_one_of(rest.data[n + 1], "= \t\r\n\"',;")))
        n++;
    *secret = slice_make(rest.data, n);
    return basic ? is_user_and_password(*secret) : n >= BEARER_MIN;
}

/* ---- All of them ---- */

static bool find_at(struct slice text, size_t at, struct slice *secret)
{
    struct slice here = from(text, at);
    bool word_begins = at == 0 || !is_letter(text.data[at - 1]);
    switch (here.data[0]) {
    case ':':
        return slice_starts_with(here, SLICE("://")) && find_password(from(here, 3), secret);
    case '=':
        return find_value(text, at, secret);
    case 'b':
    case 'B':
        return word_begins && find_proof(here, secret);
    default:
        return false;
    }
}

bool secrets_next(struct slice text, size_t *at, struct slice *secret)
{
    for (size_t i = *at; i < text.len; i++) {
        if (!find_at(text, i, secret))
            continue;
        *at = (size_t)(secret->data - text.data) + secret->len;
        return true;
    }
    return false;
}

void secrets_mask(struct text *to, struct slice text)
{
    struct slice secret;
    size_t at = 0, shown = 0;
    while (secrets_next(text, &at, &secret)) {
        text_add(to, slice_make(text.data + shown, at - secret.len - shown));
        text_add_string(to, "***");
        shown = at;
    }
    text_add(to, from(text, shown));
}

/* Bytes of a scheme that is there, however it is written: "rtsp:", "rtsp:/", "RTSP:\\". */
static size_t scheme_len(struct slice word)
{
    static const struct slice schemes[] = {SLICE("rtsp:"), SLICE("rtsps:"), SLICE("http:"),
                                           SLICE("https:")};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t n = schemes[i].len;
        if (!slice_starts_with_nocase(word, schemes[i]))
            continue;
        while (n < word.len && is_one_of(word.data[n], "/\\"))
            n++;
        return n;
    }
    return 0;
}

void secrets_mask_word(struct text *to, struct slice word)
{
    size_t scheme = scheme_len(word);
    ptrdiff_t end = find_last(word, '@');
    struct slice userinfo = slice_make(word.data, end > 0 ? (size_t)end : 0);
    bool is_url = slice_starts_with(from(word, span_to(word, ":/")), SLICE("://"));
    ptrdiff_t colon = slice_find_byte(from(userinfo, scheme), ':');
    size_t user = colon >= 0 ? scheme + (size_t)colon + 1 : scheme;
    if (!is_url && userinfo.len > user && user > 0) {
        text_add(to, slice_take(&word, user));
        text_add_string(to, "***");
        slice_take(&word, userinfo.len - user);
    }
    secrets_mask(to, word);
}

bool secrets_in_header(struct slice name)
{
    static const struct slice words[] = {SLICE("authorization"), SLICE("cookie"),   SLICE("token"),
                                         SLICE("secret"),        SLICE("password"), SLICE("apikey"),
                                         SLICE("api-key"),       SLICE("x-auth")};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (contains(name, words[i]))
            return true;
    }
    return false;
}
