/* url.h - RTSP URLs, kept as the user typed them (RFC 3986 only where servers agree). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/text.h"

/* Borrows the text. */
struct url {
    bool secure; /* rtsps */
    bool has_user;
    bool has_port;
    uint16_t port;     /* 554 or 322 when not given */
    struct slice user; /* still percent-encoded */
    struct slice password;
    struct slice host;      /* without brackets; with a zone id (%eth0 or %25eth0) as typed */
    struct slice authority; /* host and port as typed, brackets included, without userinfo */
    struct slice path;      /* path and query from "/" or "?" on, as typed; may be empty */
};

/* NULL, or what is wrong ("has no host", "has port 70000, expected 1-65535", ...) as a static text.
   Accepts "rtsp://rtsp://host" and "rtsp://::ffff:1.2.3.4/" as some cameras write them. */
const char *url_parse(struct slice text, struct url *out);

/* The request line's form: what was typed, without userinfo and fragment. */
void url_write(struct text *to, const struct url *url);

/* The URL of a control attribute by the de-facto rule: track = base + ("/" unless base ends or
   control starts with "/") + control; "*" or nothing is the base; an absolute one stands as it is.
   Appends after a query string too, and never makes a double slash. */
void url_resolve(struct text *to, struct slice base, struct slice control);

/* The base of a description: Content-Base, else Content-Location, else the request URL (RFC 2326,
   C.1.1); one without scheme, or only a path, is completed from the request URL, userinfo is left
   out, and one that is no RTSP URL at all is passed over. */
void url_base(struct text *to, struct slice content_base, struct slice content_location,
              struct slice request_url);

/* Percent-decodes into out, NUL-terminated; false when it didn't fit or held a NUL. A stray %
   stays. */
bool url_decode(struct slice encoded, char *out, size_t size);
