#include "proto/sdp.h"

#include <stddef.h>
#include <string.h>

#define TEXT_MAX 1048576u         /* bytes */
#define LINE_MAX_BYTES 65536u     /* bytes */
#define CLOCK_RATE_MAX 100000000u /* Hz; RTP clocks in use end at 27 MHz */
#define PAYLOAD_TYPE_MAX 127u

/* Where the parser stands, and what session level lines mean for the media below them. */
struct parser {
    struct sdp *out;
    struct sdp_media *media; /* NULL above the first m= line and in media beyond the cap */
    bool in_media;
    bool sendonly; /* session level default */
    bool media_sendonly[SDP_MEDIA_MAX];
    struct slice connection;
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* Takes a word, and the blanks around it. */
static struct slice take_word(struct slice *from)
{
    size_t n = 0;
    while (from->len > 0 && is_blank(from->data[0]))
        slice_take_byte(from);
    while (n < from->len && !is_blank(from->data[n]))
        n++;
    struct slice word = slice_take(from, n);
    while (from->len > 0 && is_blank(from->data[0]))
        slice_take_byte(from);
    return word;
}

static bool contains_nocase(struct slice whole, struct slice part)
{
    for (; whole.len >= part.len; slice_take_byte(&whole)) {
        if (slice_starts_with_nocase(whole, part))
            return true;
    }
    return false;
}

/* Index of its format; format_count when there is none. */
static unsigned format_index(const struct sdp_media *media, uint64_t payload_type)
{
    unsigned i = 0;
    while (i < media->format_count && media->formats[i].payload_type != payload_type)
        i++;
    return i;
}

const struct sdp_format *sdp_find_format(const struct sdp_media *media, uint8_t payload_type)
{
    unsigned i = format_index(media, payload_type);
    return i < media->format_count ? &media->formats[i] : NULL;
}

static struct sdp_format *find_format(struct sdp_media *media, uint64_t payload_type)
{
    unsigned i = format_index(media, payload_type);
    return i < media->format_count ? &media->formats[i] : NULL;
}

/* The format is there afterwards, unless there are too many already: then NULL. */
static struct sdp_format *add_format(struct sdp_media *media, uint64_t payload_type)
{
    struct sdp_format *format = find_format(media, payload_type);
    if (format || media->format_count == SDP_FORMATS_MAX)
        return format;
    format = &media->formats[media->format_count++];
    memset(format, 0, sizeof(*format));
    format->payload_type = (uint8_t)payload_type;
    format->codec = codec_from_static_type(format->payload_type, &format->clock_rate);
    return format;
}

/* What follows a slash is some vendor's own: "application/TP-LINK". */
static enum sdp_kind read_kind(struct slice word)
{
    struct slice kind = slice_take_until(&word, '/');
    if (slice_equal_nocase(kind, SLICE("video")))
        return SDP_VIDEO;
    if (slice_equal_nocase(kind, SLICE("audio")))
        return SDP_AUDIO;
    return slice_equal_nocase(kind, SLICE("application")) ? SDP_APPLICATION : SDP_OTHER;
}

/* RFC 8866, 5.14: media, port or port/count, protocol, formats. */
static void read_media(struct parser *parser, struct slice value)
{
    struct sdp *out = parser->out;
    parser->in_media = true;
    parser->media = NULL;
    if (out->media_count == SDP_MEDIA_MAX) {
        out->media_skipped++;
        return;
    }
    parser->media_sendonly[out->media_count] = parser->sendonly;
    struct sdp_media *media = parser->media = &out->media[out->media_count++];
    memset(media, 0, offsetof(struct sdp_media, formats));
    media->connection = parser->connection;
    media->kind = read_kind(take_word(&value));
    struct slice ports = take_word(&value);
    uint64_t port, payload_type;
    if (slice_to_u64(slice_take_until(&ports, '/'), UINT16_MAX, &port))
        media->port = (uint16_t)port;
    media->protocol = take_word(&value);
    media->rtp = contains_nocase(media->protocol, SLICE("RTP/"));
    media->secure = media->rtp && contains_nocase(media->protocol, SLICE("RTP/SAVP"));
    while (media->rtp && value.len > 0) {
        if (slice_to_u64(take_word(&value), PAYLOAD_TYPE_MAX, &payload_type))
            add_format(media, payload_type);
    }
    parser->out->odd_lines += media->protocol.len == 0;
}

/* "IN IP4 224.2.1.1/127/3": the address only. */
static void read_connection(struct parser *parser, struct slice value)
{
    take_word(&value);
    take_word(&value);
    struct slice word = take_word(&value);
    struct slice address = slice_take_until(&word, '/');
    if (address.len == 0)
        parser->out->odd_lines++;
    else if (parser->media)
        parser->media->connection = address;
    else if (!parser->in_media)
        parser->connection = address;
}

static void read_bandwidth(struct parser *parser, struct slice value)
{
    uint64_t kbps;
    struct slice type = slice_trim(slice_take_until(&value, ':'));
    if (parser->media && slice_equal_nocase(type, SLICE("AS")) &&
        slice_to_u64(slice_trim(value), UINT32_MAX, &kbps))
        parser->media->bandwidth_kbps = (uint32_t)kbps;
}

/* "H264/90000" or "opus/48000/2". What it doesn't say stays as the static type has it. */
static void read_encoding(struct sdp_format *format, struct slice encoding)
{
    uint64_t number;
    bool has_rate = slice_find_byte(encoding, '/') >= 0;
    format->name = slice_trim(slice_take_until(&encoding, '/'));
    format->codec = codec_from_name(format->name);
    if (!has_rate)
        return;
    struct slice rate = slice_trim(slice_take_until(&encoding, '/'));
    format->clock_rate = slice_to_u64(rate, CLOCK_RATE_MAX, &number) ? (uint32_t)number : 0;
    struct slice channels = slice_trim(encoding);
    format->channels = slice_to_u64(channels, UINT8_MAX, &number) ? (uint8_t)number : 0;
}

/* A payload type that its m= line doesn't list is nobody's. */
static void read_rtpmap(struct parser *parser, struct slice value)
{
    uint64_t payload_type;
    struct sdp_format *format = NULL;
    if (parser->media && slice_to_u64(take_word(&value), PAYLOAD_TYPE_MAX, &payload_type))
        format = find_format(parser->media, payload_type);
    if (format && value.len > 0)
        read_encoding(format, value);
    else
        parser->out->odd_lines++;
}

/* Splits "96 a=b;c=d"; false where no payload type is. */
static bool split_fmtp(struct slice value, uint64_t *payload_type, struct slice *parameters)
{
    bool good = slice_to_u64(take_word(&value), PAYLOAD_TYPE_MAX, payload_type);
    *parameters = slice_trim(value);
    return good;
}

static void read_fmtp(struct parser *parser, struct slice value)
{
    uint64_t payload_type;
    struct slice parameters;
    if (!split_fmtp(value, &payload_type, &parameters)) {
        parser->out->odd_lines++;
        return;
    }
    struct sdp_format *format = parser->media ? find_format(parser->media, payload_type) : NULL;
    if (format && parameters.len > 0)
        format->fmtp = parameters;
}

/* "25", "29.97", "30000/1001"; 0 for what is none. */
static double read_decimal(struct slice value)
{
    uint64_t whole, part = 0, divisor = 1;
    struct slice numerator = slice_trim(slice_take_until(&value, '/'));
    struct slice digits = slice_take_until(&numerator, '.');
    if (value.len > 0 && (!slice_to_u64(slice_trim(value), UINT32_MAX, &divisor) || divisor == 0))
        return 0;
    if (!slice_to_u64(digits, UINT32_MAX, &whole))
        return 0;
    numerator = slice_take(&numerator, 9);
    if (numerator.len > 0 && !slice_to_u64(numerator, UINT32_MAX, &part))
        return 0;
    double fraction = (double)part;
    for (size_t i = 0; i < numerator.len; i++)
        fraction /= 10;
    return ((double)whole + fraction) / (double)divisor;
}

static void read_framerate(struct parser *parser, struct slice value)
{
    if (parser->media)
        parser->media->frame_rate = read_decimal(value);
}

static void set_first(struct slice *kept, struct slice value)
{
    if (kept->len == 0)
        *kept = value;
}

static void read_control(struct parser *parser, struct slice value)
{
    if (parser->media)
        set_first(&parser->media->control, value);
    else if (!parser->in_media)
        set_first(&parser->out->control, value);
}

/* Some give it in the media only. */
static void read_range(struct parser *parser, struct slice value)
{
    set_first(&parser->out->range, value);
}

static void set_sendonly(struct parser *parser, bool sendonly)
{
    if (parser->media)
        parser->media_sendonly[parser->media - parser->out->media] = sendonly;
    else if (!parser->in_media)
        parser->sendonly = sendonly;
}

static void read_sendonly(struct parser *parser, struct slice value)
{
    set_sendonly(parser, true);
}

static void read_other_direction(struct parser *parser, struct slice value)
{
    set_sendonly(parser, false);
}

static void read_attribute(struct parser *parser, struct slice value)
{
    static const struct {
        struct slice name;
        void (*read)(struct parser *, struct slice);
    } known[] = {
        {SLICE("control"), read_control},
        {SLICE("rtpmap"), read_rtpmap},
        {SLICE("fmtp"), read_fmtp},
        {SLICE("range"), read_range},
        {SLICE("framerate"), read_framerate},
        {SLICE("sendonly"), read_sendonly},
        {SLICE("recvonly"), read_other_direction},
        {SLICE("sendrecv"), read_other_direction},
        {SLICE("inactive"), read_other_direction},
    };
    struct slice name = slice_trim(slice_take_until(&value, ':'));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal_nocase(name, known[i].name))
            known[i].read(parser, slice_trim(value));
    }
}

static void read_line(struct parser *parser, uint8_t type, struct slice value)
{
    switch (type) {
    case 'm':
        read_media(parser, value);
        break;
    case 'a':
        read_attribute(parser, value);
        break;
    case 'c':
        read_connection(parser, value);
        break;
    case 'b':
        read_bandwidth(parser, value);
        break;
    case 's':
        if (!parser->in_media)
            set_first(&parser->out->name, value);
        break;
    default:
        break;
    }
}

/* Takes the next line that isn't blank. type is 0 where it isn't of the form "x=value". */
static bool take_line(struct slice *text, uint8_t *type, struct slice *value)
{
    while (text->len > 0) {
        struct slice line = slice_trim(slice_take_until(text, '\n'));
        if (line.len == 0)
            continue;
        *type = line.len >= 2 && line.data[1] == '=' ? line.data[0] : 0;
        slice_take(&line, 2);
        *value = slice_trim(line);
        return true;
    }
    return false;
}

static bool is_too_large(struct slice text)
{
    if (text.len > TEXT_MAX)
        return true;
    while (text.len > 0) {
        if (slice_take_until(&text, '\n').len > LINE_MAX_BYTES)
            return true;
    }
    return false;
}

static struct sdp_format *find_without_fmtp(struct sdp *sdp, uint64_t payload_type)
{
    for (unsigned i = 0; i < sdp->media_count; i++) {
        struct sdp_format *format = find_format(&sdp->media[i], payload_type);
        if (format && format->fmtp.len == 0)
            return format;
    }
    return NULL;
}

/* Gives an fmtp that stands under media without its payload type to the first media that has it and
   got none of its own. Known only when all media are. */
static void place_stray_fmtps(struct slice text, struct sdp *out)
{
    uint8_t type;
    struct slice value, parameters;
    uint64_t payload_type;
    unsigned above = 0; /* m= lines so far */
    unsigned strays = 0;
    while (strays < SDP_MEDIA_MAX && take_line(&text, &type, &value)) {
        above += type == 'm';
        if (type != 'a' || !slice_equal_nocase(slice_take_until(&value, ':'), SLICE("fmtp")))
            continue;
        if (!split_fmtp(value, &payload_type, &parameters) || above > out->media_count)
            continue;
        if (above > 0 && find_format(&out->media[above - 1], payload_type))
            continue;
        strays++;
        struct sdp_format *format = find_without_fmtp(out, payload_type);
        if (format)
            format->fmtp = parameters;
    }
}

static bool is_receivable(const struct sdp_media *media)
{
    return media->rtp && media->format_count > 0;
}

/* Where all media are sendonly, the server means what it sends itself. */
static void mark_backchannels(struct parser *parser)
{
    struct sdp *out = parser->out;
    bool others = false;
    for (unsigned i = 0; i < out->media_count; i++)
        others |= is_receivable(&out->media[i]) && !parser->media_sendonly[i];
    for (unsigned i = 0; i < out->media_count; i++)
        out->media[i].backchannel = others && parser->media_sendonly[i];
}

enum sdp_result sdp_parse(struct slice text, struct sdp *out)
{
    struct parser parser = {.out = out};
    struct slice lines = text, value;
    uint8_t type;
    memset(out, 0, offsetof(struct sdp, media));
    if (is_too_large(text))
        return SDP_TOO_LARGE;
    while (take_line(&lines, &type, &value)) {
        out->odd_lines += type == 0;
        read_line(&parser, type, value);
    }
    place_stray_fmtps(text, out);
    mark_backchannels(&parser);
    for (unsigned i = 0; i < out->media_count; i++) {
        if (is_receivable(&out->media[i]))
            return SDP_OK;
    }
    return SDP_NO_MEDIA;
}
