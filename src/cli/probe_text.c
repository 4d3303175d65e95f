/* probe_text.c - the story of one session on a terminal: "*" what happens, ">" what is sent, "<"
   what is received. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/out.h"
#include "cli/probe.h"
#include "cli/probe_clean.h"

#define LINES_SHOWN 120u /* of one message */

static const char *const kind_names[MEDIA_KINDS] = {"video", "audio", "other"};

static void print(const struct text *text)
{
    out_print(out_stream(), text_slice(text));
    fflush(out_stream());
}

static const char *transport_name(const struct probe *probe)
{
    switch (probe->plan.transport) {
    case PLAN_UDP:
        return "udp";
    case PLAN_AUTO:
        return "udp, else tcp";
    case PLAN_TCP:
        break;
    }
    return "tcp";
}

static void add_clean(struct text *to, const struct probe *probe, struct slice value)
{
    if (value.len > 1024)
        value.len = 1024;
    probe_clean(to, value, &probe->secrets, false);
}

void probe_tell_start(const struct probe *probe)
{
    char room[16384];
    struct text to = text_init(room, sizeof(room));
    const struct client_url *url = &probe->targets.urls[0];
    if (probe->json)
        return;
    text_add_string(&to, "* ");
    add_clean(&to, probe, url->text);
    text_printf(&to, " over %s\n", transport_name(probe));
    for (uint32_t i = 0; i < url->address_count; i++) {
        text_add_string(&to, i == 0 ? "* at " : ", ");
        address_write(&to, &url->addresses[i]);
    }
    if (url->address_count > 0)
        text_add_string(&to, "\n");
    print(&to);
}

void probe_tell_message(const struct probe *probe, const struct probe_message *message)
{
    struct slice rest = slice_from_string(message->text);
    const char *mark = message->direction == CLIENT_SENT ? ">" : "<";
    unsigned lines = 0;
    bool has_body = false;
    if (probe->json)
        return;
    while (rest.len > 0 && lines++ < LINES_SHOWN) {
        struct slice line = slice_take_until(&rest, '\n');
        fprintf(out_stream(), "%s%s%.*s\n", mark, line.len > 0 ? " " : "", (int)line.len,
                (const char *)line.data);
        has_body = has_body || line.len == 0;
    }
    if (rest.len > 0)
        fprintf(out_stream(), "%s ... %zu bytes more\n", mark, rest.len);
    else if (!has_body)
        fprintf(out_stream(), "%s\n", mark);
    fflush(out_stream());
}

static void tell_phase(const struct probe *probe, enum metric metric)
{
    static const char *const forms[LATENCY_METRICS] = {
        [METRIC_CONNECT] = "connected in %s",
        [METRIC_TLS] = "TLS set up in %s",
        [METRIC_OPTIONS] = "OPTIONS answered in %s",
        [METRIC_DESCRIBE] = "DESCRIBE answered in %s",
        [METRIC_SETUP] = "SETUP of all tracks answered in %s",
        [METRIC_PLAY] = "PLAY answered in %s",
        [METRIC_FIRST_RTP] = "first RTP packet %s after PLAY",
        [METRIC_FIRST_KEYFRAME] = "first keyframe complete %s after PLAY",
        [METRIC_KEEPALIVE] = "keepalive answered in %s",
        [METRIC_TEARDOWN] = "TEARDOWN answered in %s",
    };
    char span[32], room[128];
    struct text duration = text_init(span, sizeof(span));
    struct text to = text_init(room, sizeof(room));
    if (!forms[metric])
        return;
    units_write_duration(&duration, probe_latency_ns(probe, metric));
    const char *form = strstr(forms[metric], "%s");
    text_printf(&to, "* %.*s%s%s\n", (int)(form - forms[metric]), forms[metric],
                text_string(&duration), form + 2);
    print(&to);
}

void probe_tell_phases(struct probe *probe)
{
    for (unsigned metric = 0; metric < LATENCY_METRICS; metric++) {
        const struct histogram *values = &probe->shard.client.stats->metrics[metric];
        if (values->count == 0 || (probe->phases_told & (1u << metric)))
            continue;
        probe->phases_told |= (uint16_t)(1u << metric);
        if (!probe->json)
            tell_phase(probe, (enum metric)metric);
    }
    if (!probe->json && !probe->media_told && (probe->phases_told & (1u << METRIC_FIRST_RTP)) &&
        (probe->phases_told & (1u << METRIC_PLAY))) {
        char span[32];
        struct text duration = text_init(span, sizeof(span));
        units_write_duration(&duration, probe->duration_ns);
        probe->media_told = true;
        fprintf(out_stream(), "* reading media for %s\n", text_string(&duration));
        fflush(out_stream());
    }
}

static void add_format(struct text *to, const struct probe *probe, const struct sdp_format *format)
{
    bool known = format->codec != CODEC_UNKNOWN;
    if (known)
        text_add_string(to, codec_name(format->codec));
    else if (format->name.len > 0)
        add_clean(to, probe, format->name);
    else
        text_add_string(to, "unknown");
    text_printf(to, " (%u)", format->payload_type);
    if (format->clock_rate > 0) {
        text_add_string(to, " ");
        units_write_count(to, format->clock_rate);
        text_add_string(to, " Hz");
    }
    if (format->channels > 0)
        text_printf(to, " %u channel%s", format->channels, format->channels > 1 ? "s" : "");
}

static const char *why_no_track(const struct probe *probe, const struct sdp_media *media)
{
    if (!media->rtp)
        return "not over RTP";
    if (media->backchannel)
        return "a back channel";
    if (media->format_count == 0)
        return "no format to receive";
    bool av = media->kind == SDP_VIDEO || media->kind == SDP_AUDIO;
    if (av && probe->plan.tracks != TRACKS_ALL)
        return "not asked for";
    return av ? "too many tracks" : "neither video nor audio";
}

static void tell_medium(const struct probe *probe, unsigned i)
{
    static const char *const names[] = {"video", "audio", "application", "other"};
    char room[16384];
    struct text to = text_init(room, sizeof(room));
    const struct sdp_media *media = &probe->sdp.media[i];
    int track = probe_track_of(probe, i);
    if (track >= 0)
        text_printf(&to, "*   track %d  %s  ", track, names[media->kind]);
    else
        text_printf(&to, "*   left out  %s (%s)  ", names[media->kind], why_no_track(probe, media));
    for (unsigned k = 0; k < media->format_count; k++) {
        text_add_string(&to, k > 0 ? ", " : "");
        add_format(&to, probe, &media->formats[k]);
    }
    if (media->bandwidth_kbps > 0)
        text_printf(&to, "  %" PRIu32 " kbit/s declared", media->bandwidth_kbps);
    if (media->frame_rate > 0)
        text_printf(&to, "  %.4g frames/s declared", media->frame_rate);
    text_add_string(&to, "  control ");
    add_clean(&to, probe, media->control.len > 0 ? media->control : SLICE("none"));
    text_add_string(&to, media->secure ? "  SRTP\n" : "\n");
    print(&to);
}

void probe_tell_sdp(const struct probe *probe)
{
    char room[16384];
    struct text to = text_init(room, sizeof(room));
    const struct sdp *sdp = &probe->sdp;
    if (probe->json)
        return;
    text_add_string(&to, "* the description");
    if (sdp->name.len > 0) {
        text_add_string(&to, " \"");
        add_clean(&to, probe, sdp->name);
        text_add_string(&to, "\"");
    }
    text_printf(&to, " has %u %s", sdp->media_count, sdp->media_count == 1 ? "medium" : "media");
    if (sdp->range.len > 0) {
        text_add_string(&to, ", range ");
        add_clean(&to, probe, sdp->range);
    }
    text_add_string(&to, "\n");
    print(&to);
    for (unsigned i = 0; i < sdp->media_count; i++)
        tell_medium(probe, i);
}

static void add_times(struct text *to, const struct probe *probe)
{
    static const struct {
        enum metric metric;
        const char *name;
    } rows[] = {
        {METRIC_CONNECT, "connect"},
        {METRIC_OPTIONS, "options"},
        {METRIC_DESCRIBE, "describe"},
        {METRIC_SETUP, "setup, all tracks"},
        {METRIC_PLAY, "play"},
        {METRIC_FIRST_RTP, "play to first packet"},
        {METRIC_FIRST_KEYFRAME, "play to first keyframe"},
        {METRIC_STARTUP, "start to first packet"},
        {METRIC_JOIN, "start to first keyframe"},
        {METRIC_TEARDOWN, "teardown"},
    };
    text_add_string(to, "\nTiming\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t ns = probe_latency_ns(probe, rows[i].metric);
        if (ns == 0)
            continue;
        text_printf(to, "  %-24s ", rows[i].name);
        units_write_duration(to, ns);
        text_add_string(to, "\n");
    }
}

static void add_count(struct text *to, uint64_t count, const char *what)
{
    if (count == 0)
        return;
    text_add_string(to, ", ");
    units_write_count(to, count);
    text_add_string(to, what);
}

/* What the panel saw of it, a line of its own. */
static void add_pictures(struct text *to, const struct probe_track *track)
{
    if (!track->has_info || track->kind != MEDIA_VIDEO)
        return;
    const struct panel_track_info *info = &track->info;
    text_add_string(to, "                  ");
    if (info->frame_rate > 0)
        text_printf(to, "%.2f frames/s, ", info->frame_rate);
    if (info->keyframe_interval_s > 0)
        text_printf(to, "a keyframe every %.2f s", info->keyframe_interval_s);
    else if (codec_has_keyframes(track->codec))
        text_printf(to, "%" PRIu32 " keyframe%s", info->keyframes, info->keyframes == 1 ? "" : "s");
    else
        text_add_string(to, "keyframes can't be told");
    text_add_string(to, probe_knows_pace(track) && info->falling_behind
                            ? ", falling behind real time\n"
                            : "\n");
}

static void add_track(struct text *to, const struct probe *probe, unsigned n)
{
    const struct probe_track *track = &probe->tracks[n];
    text_printf(to, "  %u %-5s  %-7s ", n, kind_names[track->kind], codec_name(track->codec));
    if (track->packets == 0) {
        text_add_string(to, "no packet came\n");
        return;
    }
    units_write_count(to, track->packets);
    text_add_string(to, " packets, ");
    units_write_count(to, track->lost);
    text_add_string(to, " lost");
    add_count(to, track->duplicates, " duplicates");
    add_count(to, track->reordered, " reordered");
    add_count(to, track->late, " late");
    add_count(to, track->resets, " restarts");
    if (track->has_jitter) {
        text_add_string(to, ", jitter ");
        units_write_duration(to, track->jitter_ns);
    }
    text_add_string(to, ", ");
    units_write_bitrate(to, probe_bitrate_bps(track));
    text_printf(to, ", payload type %u\n", track->payload_type);
    add_pictures(to, track);
}

static void add_media(struct text *to, const struct probe *probe)
{
    const struct rtcp_counts *rtcp = &probe->shard.client.stats->rtcp;
    text_printf(to, "\nMedia, %.2f s over %s\n", probe_media_s(probe), probe->udp ? "udp" : "tcp");
    for (unsigned n = 0; n < probe->track_count; n++)
        add_track(to, probe, n);
    if (probe_has_ignored(probe)) {
        text_add_string(to, "  ignored        ");
        probe_write_ignored(to, probe);
        text_add_string(to, "\n");
    }
    text_printf(to,
                "  RTCP           %" PRIu64 " sender reports, %" PRIu64 " receiver reports sent\n",
                rtcp->sr_received, rtcp->rr_sent);
}

static void add_verdict(struct text *to, const struct probe *probe)
{
    uint64_t packets = 0, lost = 0;
    unsigned fed = 0;
    for (unsigned n = 0; n < probe->track_count; n++) {
        packets += probe->tracks[n].packets;
        lost += probe->tracks[n].lost;
        fed += probe->tracks[n].packets > 0;
    }
    bool early = probe->reason != REASON_NONE;
    if (fed == 0) {
        text_add_string(to, "\nfailed: ");
        probe_write_reason(to, probe);
        text_add_string(to, "\n");
        return;
    }
    text_printf(to, "\nok: media on %u of %u track%s, ", fed, probe->track_count,
                probe->track_count == 1 ? "" : "s");
    units_write_count(to, packets);
    text_add_string(to, " packets, ");
    units_write_count(to, lost);
    text_add_string(to, " lost");
    text_add_string(to, early ? "; but " : "\n");
    if (early) {
        probe_write_reason(to, probe);
        text_add_string(to, "\n");
    }
}

void probe_tell_end(const struct probe *probe)
{
    char room[32768];
    struct text to = text_init(room, sizeof(room));
    if (probe_latency_ns(probe, METRIC_CONNECT) > 0)
        add_times(&to, probe);
    if (probe->established)
        add_media(&to, probe);
    add_verdict(&to, probe);
    print(&to);
}
