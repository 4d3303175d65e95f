#include "proto/url.h"

#include <string.h>

#define PORT_RTSP 554
#define PORT_RTSPS 322 /* RFC 7826, 22.14 */

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Fit for a request line and for a quoted string? */
static bool is_visible(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= 0x20 || text.data[i] == 0x7f || text.data[i] == '"')
            return false;
    }
    return true;
}

static bool take_prefix(struct slice *from, struct slice prefix)
{
    if (!slice_starts_with_nocase(*from, prefix))
        return false;
    slice_take(from, prefix.len);
    return true;
}

static bool take_scheme(struct slice *from, bool *secure)
{
    if (take_prefix(from, SLICE("rtsp://")))
        *secure = false;
    else if (take_prefix(from, SLICE("rtsps://")))
        *secure = true;
    else
        return false;
    return true;
}

/* Takes up to one of the bytes in ends, which stays. */
static struct slice take_to(struct slice *from, const char *ends)
{
    size_t n = 0;
    while (n < from->len && (from->data[n] == '\0' || !strchr(ends, from->data[n])))
        n++;
    return slice_take(from, n);
}

/* Index of the last such byte, or -1. */
static ptrdiff_t find_last(struct slice in, uint8_t byte)
{
    const uint8_t *found = in.len > 0 ? memrchr(in.data, byte, in.len) : NULL;
    return found ? found - in.data : -1;
}

/* Up to the last @, since people type passwords that hold one. */
static void take_userinfo(struct slice *authority, struct url *out)
{
    ptrdiff_t at = find_last(*authority, '@');
    if (at < 0)
        return;
    struct slice userinfo = slice_take(authority, (size_t)at);
    slice_take_byte(authority);
    out->has_user = true;
    out->user = slice_take_until(&userinfo, ':');
    out->password = userinfo;
}

static const char *parse_port(struct slice digits, struct url *out)
{
    uint64_t port;
    out->port = out->secure ? PORT_RTSPS : PORT_RTSP;
    if (digits.len == 0)
        return NULL;
    if (!slice_to_u64(digits, 65535, &port) || port == 0)
        return "has a port that is no number from 1 to 65535";
    out->has_port = true;
    out->port = (uint16_t)port;
    return NULL;
}

/* Hexadecimal digits, colons and dots; anything goes in a zone. */
static bool is_ipv6(struct slice host)
{
    struct slice address = slice_take_until(&host, '%');
    for (size_t i = 0; i < address.len; i++) {
        uint8_t byte = address.data[i];
        bool hex = is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
        if (!hex && byte != ':' && byte != '.')
            return false;
    }
    return slice_find_byte(address, ':') >= 0;
}

static const char *parse_bracketed(struct slice authority, struct url *out)
{
    slice_take_byte(&authority);
    if (slice_find_byte(authority, ']') < 0)
        return "has no ] behind its IPv6 address";
    out->host = slice_take_until(&authority, ']');
    if (!is_ipv6(out->host))
        return "has no IPv6 address in its brackets";
    if (authority.len > 0 && slice_take_byte(&authority) != ':')
        return "has something other than a port behind its IPv6 address";
    return parse_port(authority, out);
}

static const char *parse_authority(struct slice authority, struct url *out)
{
    if (authority.len == 0)
        return "has no host";
    if (authority.data[0] == '[')
        return parse_bracketed(authority, out);
    struct slice host = slice_take_until(&authority, ':');
    if (slice_find_byte(authority, ':') >= 0) {
        out->host = out->authority;
        return is_ipv6(out->host) ? parse_port((struct slice){NULL, 0}, out)
                                  : "has more than one : in its host and port";
    }
    if (host.len == 0)
        return "has no host";
    out->host = host;
    return parse_port(authority, out);
}

/* Did a byte that must be written as %XX cut a password in two? The @ that ends it then stands
   behind the authority, which has no port; and a fragment, which RTSP doesn't use, begins early. */
static bool is_password_cut(struct slice authority, struct slice rest)
{
    uint64_t port;
    if (rest.len == 0 || slice_find_byte(rest, '@') < 0)
        return false;
    if (rest.data[0] == '#')
        return true;
    if (slice_find_byte(authority, ':') < 0 || authority.data[0] == '[' || is_ipv6(authority))
        return false;
    slice_take_until(&authority, ':');
    return !slice_to_u64(authority, UINT64_MAX, &port);
}

const char *url_parse(struct slice text, struct url *out)
{
    memset(out, 0, sizeof(*out));
    if (!is_visible(text))
        return "holds a space, a quote or a control character (write it as %20, ...)";
    if (!take_scheme(&text, &out->secure))
        return "doesn't start with rtsp:// or rtsps://";
    while (take_scheme(&text, &out->secure))
        continue;
    struct slice authority = take_to(&text, "/?#");
    take_userinfo(&authority, out);
    if (is_password_cut(authority, text))
        return "has a raw /, ? or # in its password: write it as %2F, %3F or %23";
    out->authority = authority;
    out->path = take_to(&text, "#");
    struct slice behind_user = slice_make(authority.data, authority.len + out->path.len);
    if (take_scheme(&behind_user, &out->secure))
        return "has another scheme behind its user";
    return parse_authority(authority, out);
}

static const char *scheme_of(const struct url *url)
{
    return url->secure ? "rtsps://" : "rtsp://";
}

void url_write(struct text *to, const struct url *url)
{
    text_add_string(to, scheme_of(url));
    text_add(to, url->authority);
    text_add(to, url->path);
}

static bool is_absolute(struct slice text)
{
    size_t n = 0;
    while (n < text.len && (is_letter(text.data[n]) || (n > 0 && is_digit(text.data[n]))))
        n++;
    return n > 0 && slice_starts_with(slice_make(text.data + n, text.len - n), SLICE("://"));
}

void url_resolve(struct text *to, struct slice base, struct slice control)
{
    control = slice_trim(control);
    if (is_absolute(control)) {
        text_add(to, control);
        return;
    }
    text_add(to, base);
    if (control.len == 0 || slice_equal(control, SLICE("*")))
        return;
    bool base_ends = base.len > 0 && base.data[base.len - 1] == '/';
    bool control_starts = control.data[0] == '/';
    if (base_ends && control_starts)
        slice_take_byte(&control);
    else if (!base_ends && !control_starts)
        text_add_string(to, "/");
    text_add(to, control);
}

/* Does a base without scheme start with a host? It does when it is the request's or an address. */
static bool starts_with_host(struct slice base, const struct url *request)
{
    struct slice authority = take_to(&base, "/?");
    struct slice host =
        authority.len > 0 && authority.data[0] == '[' ? authority : take_to(&authority, ":");
    if (host.len == 0 || slice_equal_nocase(host, request->host))
        return host.len > 0;
    for (size_t i = 0; i < host.len; i++) {
        if (!is_digit(host.data[i]) && host.data[i] != '.')
            return host.data[0] == '[' || is_ipv6(host);
    }
    return slice_find_byte(host, '.') >= 0;
}

/* False when the candidate is of no use as a base. */
static bool write_base(struct text *to, struct slice base, struct slice request_url)
{
    struct url url;
    if (base.len == 0 || !is_visible(base))
        return false;
    if (is_absolute(base)) {
        if (url_parse(base, &url) != NULL)
            return false;
        url_write(to, &url);
        return true;
    }
    if (url_parse(request_url, &url) != NULL)
        return false;
    text_add_string(to, scheme_of(&url));
    if (!starts_with_host(base, &url)) {
        text_add(to, url.authority);
        text_add_string(to, base.data[0] == '/' ? "" : "/");
    }
    text_add(to, base);
    return true;
}

void url_base(struct text *to, struct slice content_base, struct slice content_location,
              struct slice request_url)
{
    if (!write_base(to, slice_trim(content_base), request_url) &&
        !write_base(to, slice_trim(content_location), request_url))
        text_add(to, request_url);
}

/* Takes a byte, of three where they are %XX. */
static uint8_t take_decoded(struct slice *from)
{
    uint64_t value;
    uint8_t byte = slice_take_byte(from);
    struct slice digits = slice_make(from->data, from->len < 2 ? 0 : 2);
    if (byte != '%' || !slice_to_hex_u64(digits, 255, &value))
        return byte;
    slice_take(from, 2);
    return (uint8_t)value;
}

bool url_decode(struct slice encoded, char *out, size_t size)
{
    size_t n = 0;
    bool good = true;
    while (encoded.len > 0 && good) {
        uint8_t byte = take_decoded(&encoded);
        good = byte != '\0' && n + 1 < size;
        if (good)
            out[n++] = (char)byte;
    }
    if (size > 0)
        out[n] = '\0';
    return good && size > 0;
}
