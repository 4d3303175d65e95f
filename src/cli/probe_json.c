/* probe_json.c - a probe's facts as one JSON document; docs/PROBE.md describes its keys. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/out.h"
#include "cli/probe.h"
#include "cli/probe_clean.h"

static json_t *text_or_null(const struct probe *probe, struct slice value)
{
    if (value.len == 0)
        return json_null();
    char *clean = probe_cleaned(value, &probe->secrets, false);
    json_t *json = json_string(clean);
    free(clean);
    return json;
}

static json_t *string_or_null(const char *value)
{
    return value && value[0] ? json_string(value) : json_null();
}

static json_t *real_or_null(bool known, double value)
{
    return known ? json_real(value) : json_null();
}

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *messages_of(const struct probe *probe)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < probe->message_count; i++) {
        const struct probe_message *message = &probe->messages[i];
        bool sent = message->direction == CLIENT_SENT;
        json_array_append_new(all, json_pack("{s:f, s:s, s:s}", "at_ms",
                                             (double)message->at_ns / 1e6, "direction",
                                             sent ? "sent" : "received", "text", message->text));
    }
    return all;
}

static json_t *formats_of(const struct probe *probe, const struct sdp_media *media)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < media->format_count; i++) {
        const struct sdp_format *format = &media->formats[i];
        json_array_append_new(
            all,
            json_pack("{s:i, s:s, s:o, s:o, s:o, s:o}", "payload_type", format->payload_type,
                      "codec", codec_name(format->codec), "name", text_or_null(probe, format->name),
                      "clock_rate", format->clock_rate ? count(format->clock_rate) : json_null(),
                      "channels", format->channels ? count(format->channels) : json_null(), "fmtp",
                      text_or_null(probe, format->fmtp)));
    }
    return all;
}

static json_t *medium_of(const struct probe *probe, unsigned i)
{
    static const char *const kinds[] = {"video", "audio", "application", "other"};
    const struct sdp_media *media = &probe->sdp.media[i];
    int track = probe_track_of(probe, i);
    return json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "kind", kinds[media->kind],
                     "track", track >= 0 ? json_integer(track) : json_null(), "protocol",
                     text_or_null(probe, media->protocol), "control",
                     text_or_null(probe, media->control), "secure", media->secure, "bandwidth_kbps",
                     media->bandwidth_kbps ? count(media->bandwidth_kbps) : json_null(),
                     "frame_rate", real_or_null(media->frame_rate > 0, media->frame_rate),
                     "formats", formats_of(probe, media));
}

static json_t *sdp_of(const struct probe *probe)
{
    json_t *media = json_array();
    if (!probe->sdp_text) {
        json_decref(media);
        return json_null();
    }
    for (unsigned i = 0; i < probe->sdp.media_count; i++)
        json_array_append_new(media, medium_of(probe, i));
    return json_pack("{s:o, s:o, s:o, s:o}", "name", text_or_null(probe, probe->sdp.name),
                     "control", text_or_null(probe, probe->sdp.control), "range",
                     text_or_null(probe, probe->sdp.range), "media", media);
}

static json_t *timing_of(const struct probe *probe)
{
    static const struct {
        enum metric metric;
        const char *key;
    } rows[] = {
        {METRIC_CONNECT, "connect"},     {METRIC_TLS, "tls"},
        {METRIC_OPTIONS, "options"},     {METRIC_DESCRIBE, "describe"},
        {METRIC_SETUP, "setup"},         {METRIC_PLAY, "play"},
        {METRIC_FIRST_RTP, "first_rtp"}, {METRIC_FIRST_KEYFRAME, "first_keyframe"},
        {METRIC_STARTUP, "startup"},     {METRIC_JOIN, "join"},
        {METRIC_TEARDOWN, "teardown"},
    };
    json_t *all = json_pack("{s:f}", "resolve", (double)probe->resolve_ns / 1e6);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t ns = probe_latency_ns(probe, rows[i].metric);
        json_object_set_new(all, rows[i].key, real_or_null(ns > 0, (double)ns / 1e6));
    }
    return all;
}

/* What the packets' look into the payload gave. */
static void add_pictures(json_t *to, const struct probe_track *track)
{
    const struct panel_track_info *info = &track->info;
    bool video = track->has_info && track->kind == MEDIA_VIDEO;
    bool keyframes = video && codec_has_keyframes(track->codec);
    json_object_set_new(to, "frame_rate",
                        real_or_null(video && info->frame_rate > 0, info->frame_rate));
    json_object_set_new(to, "keyframes", keyframes ? count(info->keyframes) : json_null());
    json_object_set_new(
        to, "keyframe_interval_s",
        real_or_null(keyframes && info->keyframe_interval_s > 0, info->keyframe_interval_s));
    json_object_set_new(to, "falling_behind",
                        probe_knows_pace(track) ? json_boolean(info->falling_behind) : json_null());
}

static json_t *track_of(const struct probe_track *track, unsigned n)
{
    static const char *const kinds[MEDIA_KINDS] = {"video", "audio", "other"};
    bool came = track->packets > 0;
    json_t *json = json_pack("{s:i, s:s, s:s, s:o, s:o}", "track", n, "kind", kinds[track->kind],
                             "codec", codec_name(track->codec), "payload_type",
                             came ? count(track->payload_type) : json_null(), "clock_rate",
                             track->clock_rate ? count(track->clock_rate) : json_null());
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {
        {"packets", track->packets},
        {"bytes", track->bytes},
        {"expected", probe_expected(track)},
        {"lost", track->lost},
        {"duplicates", track->duplicates},
        {"reordered", track->reordered},
        {"late", track->late},
        {"resets", track->resets},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        json_object_set_new(json, counts[i].key, count(counts[i].value));
    json_object_set_new(json, "jitter_ms",
                        real_or_null(track->has_jitter, (double)track->jitter_ns / 1e6));
    json_object_set_new(json, "bitrate_bps", real_or_null(came, probe_bitrate_bps(track)));
    json_object_set_new(json, "packets_per_s",
                        real_or_null(track->packets > 1, probe_packets_per_s(track)));
    add_pictures(json, track);
    return json;
}

static json_t *tracks_of(const struct probe *probe)
{
    json_t *all = json_array();
    for (unsigned n = 0; n < probe->track_count; n++)
        json_array_append_new(all, track_of(&probe->tracks[n], n));
    return all;
}

static json_t *error_of(const struct probe *probe)
{
    char room[1024];
    struct text words = text_init(room, sizeof(room));
    bool failed = probe->reason != REASON_NONE;
    if (!failed && probe_got_media(probe))
        return json_null();
    probe_write_reason(&words, probe);
    return json_pack("{s:o, s:o, s:o, s:s, s:o}", "phase",
                     failed ? json_string(phase_name(probe->phase)) : json_null(), "reason",
                     failed ? json_string(reason_name(probe->reason)) : json_null(), "status",
                     probe->status ? count(probe->status) : json_null(), "text",
                     text_string(&words), "sample", string_or_null(probe->what));
}

static json_t *address_of(const struct probe *probe)
{
    char room[80];
    struct text to = text_init(room, sizeof(room));
    const struct client_url *url = &probe->targets.urls[0];
    if (url->address_count == 0)
        return json_null();
    address_write(&to, &url->addresses[0]);
    return json_string(text_string(&to));
}

static json_t *host_or_null(bool is_known, const struct address *address)
{
    char room[80];
    struct text to = text_init(room, sizeof(room));
    if (!is_known)
        return json_null();
    address_write_host(&to, address);
    return json_string(text_string(&to));
}

static json_t *ignored_of(const struct probe_ignored *ignored)
{
    bool foreign = ignored->foreign > 0, unknown = ignored->unknown_type > 0;
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "foreign", count(ignored->foreign), "from",
                     host_or_null(foreign, &ignored->from), "expected_from",
                     host_or_null(foreign, &ignored->expected), "unknown_type",
                     count(ignored->unknown_type), "payload_type",
                     unknown ? count(ignored->payload_type) : json_null());
}

bool probe_print_json(const struct probe *probe)
{
    const struct rtcp_counts *rtcp = &probe->shard.client.stats->rtcp;
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s}, s:o, s:o, s:s, s:o, s:s, s:o, s:o, s:f, s:o, s:o, s:{s:I, s:I, s:I}, "
        "s:o, s:o}",
        "schema", "rtspbench.probe.v1", "tool", "name", "rtspbench", "version", RTSPBENCH_VERSION,
        "url", text_or_null(probe, probe->targets.urls[0].text), "address", address_of(probe),
        "transport", probe->udp ? "udp" : "tcp", "server", string_or_null(probe->server), "verdict",
        probe_got_media(probe) ? "ok" : "failed", "error", error_of(probe), "timing_ms",
        timing_of(probe), "media_s", probe_media_s(probe), "tracks", tracks_of(probe), "ignored",
        ignored_of(&probe->ignored), "rtcp", "sr_received", (json_int_t)rtcp->sr_received,
        "rr_sent", (json_int_t)rtcp->rr_sent, "bye_received", (json_int_t)rtcp->bye_received, "sdp",
        sdp_of(probe), "messages", messages_of(probe));
    if (!document)
        return false;
    bool good = json_dumpf(document, out_stream(), JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;
    fputc('\n', out_stream());
    json_decref(document);
    return good;
}
