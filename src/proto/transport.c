#include "proto/transport.h"

#include <arpa/inet.h>
#include <string.h>

/* A spec while it is read: what is wrong only counts once the lower transport is known. */
struct reading {
    struct transport *out;
    bool lower_given;
    bool multicast;
    bool bad_channels;
    bool bad_ports;
};

/* Takes up to a separator that stands outside quotes. A quote that never closes is just a byte. */
static struct slice take_unquoted(struct slice *from, bool (*is_separator)(struct slice rest))
{
    size_t at = 0;
    while (at < from->len) {
        struct slice rest = slice_make(from->data + at, from->len - at);
        ptrdiff_t quoted = -1;
        if (rest.data[0] == '"')
            quoted = slice_find_byte(slice_make(rest.data + 1, rest.len - 1), '"');
        else if (is_separator(rest))
            break;
        at += quoted >= 0 ? (size_t)quoted + 2 : 1;
    }
    struct slice piece = slice_take(from, at);
    slice_take(from, 1);
    return piece;
}

static bool ends_parameter(struct slice rest)
{
    return rest.data[0] == ';' || rest.data[0] == ',';
}

/* A comma ends the spec when a protocol follows; elsewhere some cameras mean a semicolon. */
static bool ends_spec(struct slice rest)
{
    bool slash = false;
    if (slice_take_byte(&rest) != ',')
        return false;
    while (rest.len > 0 && !ends_parameter(rest) && rest.data[0] != '=')
        slash |= slice_take_byte(&rest) == '/';
    return slash && (rest.len == 0 || rest.data[0] != '=');
}

static struct slice unquote(struct slice value)
{
    value = slice_trim(value);
    while (value.len > 0 && value.data[0] == '"')
        slice_take_byte(&value);
    while (value.len > 0 && value.data[value.len - 1] == '"')
        value.len--;
    return slice_trim(value);
}

/* "n-m" or "n", which means n and n + 1. */
static bool read_pair(struct slice value, uint64_t max, uint16_t pair[2])
{
    uint64_t first, second;
    bool single = slice_find_byte(value, '-') < 0;
    if (!slice_to_u64(slice_trim(slice_take_until(&value, '-')), max, &first))
        return false;
    second = first + 1;
    if (!single && !slice_to_u64(slice_trim(value), max, &second))
        return false;
    pair[0] = (uint16_t)first;
    pair[1] = (uint16_t)second;
    return second <= max;
}

static void read_interleaved(struct reading *reading, struct slice value)
{
    uint16_t *channels = reading->out->interleaved;
    bool usable = read_pair(value, 255, channels) && channels[0] < channels[1];
    reading->out->has_interleaved = usable;
    reading->bad_channels |= !usable;
}

static void read_client_port(struct reading *reading, struct slice value)
{
    uint16_t *ports = reading->out->client_port;
    bool usable = read_pair(value, 65535, ports) && ports[0] != 0 && ports[1] != 0;
    reading->out->has_client_port = usable;
    reading->bad_ports |= !usable;
}

/* Port 0 means that the camera doesn't say: then it is learnt from the packets. */
static void read_server_port(struct reading *reading, struct slice value)
{
    uint16_t *ports = reading->out->server_port;
    bool readable = read_pair(value, 65535, ports);
    reading->out->has_server_port = readable && ports[0] != 0 && ports[1] != 0;
    reading->bad_ports |= !readable;
}

static void read_port(struct reading *reading, struct slice value)
{
    uint16_t *ports = reading->out->port;
    reading->bad_ports |= !read_pair(value, 65535, ports) || ports[0] == 0 || ports[1] == 0;
}

static void read_ssrc(struct reading *reading, struct slice value)
{
    uint64_t ssrc;
    if (slice_starts_with_nocase(value, SLICE("0x")))
        slice_take(&value, 2);
    reading->out->has_ssrc = slice_to_hex_u64(value, UINT32_MAX, &ssrc);
    reading->out->ssrc = reading->out->has_ssrc ? (uint32_t)ssrc : 0;
}

static void read_ttl(struct reading *reading, struct slice value)
{
    uint64_t ttl;
    if (slice_to_u64(value, 255, &ttl))
        reading->out->ttl = (uint8_t)ttl;
}

static void read_mode(struct reading *reading, struct slice value)
{
    while (value.len > 0) {
        struct slice mode = slice_trim(slice_take_until(&value, ','));
        reading->out->record |=
            slice_equal_nocase(mode, SLICE("record")) || slice_equal_nocase(mode, SLICE("receive"));
    }
}

static void read_source(struct reading *reading, struct slice value)
{
    reading->out->source = value;
}

static void read_destination(struct reading *reading, struct slice value)
{
    reading->out->destination = value;
}

static void read_multicast(struct reading *reading, struct slice value)
{
    reading->multicast = true;
}

static void read_unicast(struct reading *reading, struct slice value)
{
    reading->multicast = false;
}

static void read_parameter(struct reading *reading, struct slice parameter)
{
    static const struct {
        struct slice name;
        bool is_flag;
        void (*read)(struct reading *, struct slice);
    } known[] = {
        {SLICE("unicast"), true, read_unicast},
        {SLICE("multicast"), true, read_multicast},
        {SLICE("interleaved"), false, read_interleaved},
        {SLICE("client_port"), false, read_client_port},
        {SLICE("server_port"), false, read_server_port},
        {SLICE("port"), false, read_port},
        {SLICE("ssrc"), false, read_ssrc},
        {SLICE("ttl"), false, read_ttl},
        {SLICE("mode"), false, read_mode},
        {SLICE("source"), false, read_source},
        {SLICE("destination"), false, read_destination},
    };
    struct slice name = slice_trim(slice_take_until(&parameter, '='));
    struct slice value = unquote(parameter);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal_nocase(name, known[i].name) && (known[i].is_flag || value.len > 0))
            known[i].read(reading, value);
    }
}

/* "RTP/AVP", "RTP/SAVPF/UDP", ... False for what we can't receive. */
static bool read_protocol(struct reading *reading, struct slice protocol)
{
    struct slice rest = slice_trim(protocol);
    struct slice family = slice_take_until(&rest, '/');
    struct slice profile = slice_take_until(&rest, '/');
    bool plain =
        slice_equal_nocase(profile, SLICE("AVP")) || slice_equal_nocase(profile, SLICE("AVPF"));
    reading->out->secure =
        slice_equal_nocase(profile, SLICE("SAVP")) || slice_equal_nocase(profile, SLICE("SAVPF"));
    reading->lower_given = rest.len > 0;
    bool tcp = slice_equal_nocase(rest, SLICE("TCP"));
    reading->out->lower = tcp ? TRANSPORT_TCP : TRANSPORT_UDP;
    return slice_equal_nocase(family, SLICE("RTP")) && (plain || reading->out->secure) &&
           (rest.len == 0 || tcp || slice_equal_nocase(rest, SLICE("UDP")));
}

enum address_kind { ADDRESS_NAME, ADDRESS_UNICAST, ADDRESS_MULTICAST, ADDRESS_BROADCAST };

/* "[ff02::1%eth0]" is judged as "ff02::1". */
static struct slice without_zone(struct slice address)
{
    if (address.len > 0 && address.data[0] == '[') {
        slice_take_byte(&address);
        address = slice_take_until(&address, ']');
    }
    return slice_take_until(&address, '%');
}

static enum address_kind address_kind(struct slice address)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[sizeof(struct in6_addr)];
    address = without_zone(address);
    if (!slice_to_string(address, text, sizeof(text)))
        return ADDRESS_NAME;
    if (inet_pton(AF_INET6, text, bytes) == 1)
        return bytes[0] == 0xff ? ADDRESS_MULTICAST : ADDRESS_UNICAST;
    if (inet_pton(AF_INET, text, bytes) != 1)
        return ADDRESS_NAME;
    if (bytes[0] >= 224 && bytes[0] < 240)
        return ADDRESS_MULTICAST;
    return bytes[0] == 255 && bytes[1] == 255 && bytes[2] == 255 && bytes[3] == 255
               ? ADDRESS_BROADCAST
               : ADDRESS_UNICAST;
}

/* Could this be an address or a host name at all? */
static bool is_host(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        uint8_t byte = host.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool digit = byte >= '0' && byte <= '9';
        if (!letter && !digit && (byte == '\0' || !strchr(".-_:%[]", byte)))
            return false;
    }
    return true;
}

/* Whether an address fits the peer is the caller's policy; here, what is wrong whoever the peer is.
 */
static bool addresses_valid(const struct transport *transport)
{
    enum address_kind source = address_kind(transport->source);
    enum address_kind destination = address_kind(transport->destination);
    if (!is_host(transport->source) || !is_host(transport->destination))
        return false;
    if (source == ADDRESS_MULTICAST || source == ADDRESS_BROADCAST)
        return false;
    if (transport->lower == TRANSPORT_MULTICAST && transport->destination.len > 0)
        return destination == ADDRESS_MULTICAST;
    return destination != ADDRESS_BROADCAST;
}

static enum transport_result parse_spec(struct slice spec, struct transport *out)
{
    struct reading reading = {.out = out};
    if (!read_protocol(&reading, take_unquoted(&spec, ends_parameter)))
        return TRANSPORT_UNSUPPORTED;
    while (spec.len > 0)
        read_parameter(&reading, take_unquoted(&spec, ends_parameter));
    if (!reading.lower_given && (out->has_interleaved || reading.bad_channels))
        out->lower = TRANSPORT_TCP;
    else if (out->lower == TRANSPORT_UDP && reading.multicast)
        out->lower = TRANSPORT_MULTICAST;
    bool valid = out->lower == TRANSPORT_TCP ? !reading.bad_channels
                                             : !reading.bad_ports && addresses_valid(out);
    return valid ? TRANSPORT_OK : TRANSPORT_INVALID;
}

bool transport_next(struct slice *list, struct transport *out, enum transport_result *result)
{
    while (list->len > 0) {
        struct slice spec = slice_trim(take_unquoted(list, ends_spec));
        if (spec.len == 0)
            continue;
        memset(out, 0, sizeof(*out));
        *result = parse_spec(spec, out);
        return true;
    }
    return false;
}

enum transport_result transport_parse(struct slice value, struct transport *out)
{
    enum transport_result worst = TRANSPORT_UNSUPPORTED, result;
    memset(out, 0, sizeof(*out));
    while (transport_next(&value, out, &result)) {
        if (result == TRANSPORT_OK)
            return TRANSPORT_OK;
        if (result == TRANSPORT_INVALID)
            worst = TRANSPORT_INVALID;
    }
    return worst;
}
