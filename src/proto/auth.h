/* auth.h - HTTP Basic and Digest authentication in RTSP (RFC 7617, 7616, 2617), for both sides. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/text.h"
#include "proto/rtsp.h"

enum auth_scheme { AUTH_NONE, AUTH_BASIC, AUTH_DIGEST };
enum auth_algorithm { AUTH_MD5, AUTH_MD5_SESS, AUTH_SHA256, AUTH_SHA256_SESS };

#define AUTH_TEXT_MAX 512u

/* A challenge kept for a connection. No secret in it. */
struct auth_challenge {
    enum auth_scheme scheme : 8;
    enum auth_algorithm algorithm : 8;
    bool algorithm_given; /* echo algorithm only then */
    bool qop_auth;        /* the server offered qop=auth */
    bool has_opaque;
    bool stale;
    uint32_t nonce_count; /* requests signed with this nonce so far */
    uint16_t realm_len, nonce_len, opaque_len;
    char text[AUTH_TEXT_MAX]; /* realm, nonce and opaque, one behind the other */
};

enum auth_result {
    AUTH_OK,
    AUTH_UNSUPPORTED, /* no challenge, none readable, unknown algorithms, auth-int only, too long */
    AUTH_UNSAFE,      /* the strongest holds CR, LF, NUL or an open quote */
};

/* Picks the strongest of all WWW-Authenticate headers of a 401: SHA-256, then MD5, then Basic. A
   header may hold several challenges. A quoted value is kept, repeated and hashed as it stands
   between its quotes, escapes included (RFC 2617, 3.2.2: unq). */
enum auth_result auth_choose(const struct rtsp_message *reply, struct auth_challenge *out);

/* user and password are bytes (percent-decoded, UTF-8). */
struct auth_credentials {
    struct slice user;
    struct slice password;
};

/* Appends the "Authorization: ..." header line with CRLF, and counts the nonce. cnonce is 16 hex
   characters of the caller's, used where qop asks for one. Overflows also when the user or URL
   can't stand in a header (CR, LF, NUL), so that nothing is sent by halves. */
void auth_write(struct text *to, struct auth_challenge *challenge,
                const struct auth_credentials *credentials, struct slice method, struct slice url,
                struct slice cnonce);

/* Server side: does an Authorization value prove these credentials for (method, url) under the
   challenge that was sent? url is the request's; the digest's own uri parameter must be equal to
   it. An answer without qop passes (old clients); a count that was used before isn't noticed. */
bool auth_check(struct slice authorization, const struct auth_challenge *challenge,
                const struct auth_credentials *credentials, struct slice method, struct slice url);

/* Server side: makes the challenge, and appends its "WWW-Authenticate: ..." line with CRLF. realm
   and nonce are free of quotes and line ends, and fit AUTH_TEXT_MAX together. Digest offers
   qop=auth and names its algorithm unless it is MD5; set the fields otherwise for a server that
   doesn't. */
void auth_challenge_make(struct auth_challenge *out, enum auth_scheme scheme,
                         enum auth_algorithm algorithm, struct slice realm, struct slice nonce);
void auth_challenge_write(struct text *to, const struct auth_challenge *challenge);
