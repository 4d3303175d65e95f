/* probe_facts.c - what follows from what a probe gathered, told alike by text and JSON. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/probe.h"

uint64_t probe_latency_ns(const struct probe *probe, enum metric metric)
{
    const struct histogram *values = &probe->shard.client.stats->metrics[metric];
    uint64_t us = values->count > 0 ? values->max : 0;
    return values->count > 0 && us == 0 ? NS_PER_US : us * NS_PER_US; /* reached, so not 0 */
}

uint64_t probe_expected(const struct probe_track *track)
{
    return track->packets - track->duplicates - track->late - track->held + track->lost;
}

static double span_s(const struct probe_track *track)
{
    return (double)(track->last_ns - track->first_ns) / 1e9;
}

double probe_bitrate_bps(const struct probe_track *track)
{
    if (track->has_info && track->info.bitrate_bps > 0)
        return track->info.bitrate_bps;
    return span_s(track) > 0 ? (double)track->bytes * 8 / span_s(track) : 0;
}

double probe_packets_per_s(const struct probe_track *track)
{
    return span_s(track) > 0 ? (double)(track->packets - 1) / span_s(track) : 0;
}

bool probe_knows_pace(const struct probe_track *track)
{
    return track->has_info && span_s(track) >= 4.9;
}

double probe_media_s(const struct probe *probe)
{
    uint64_t first_ns = UINT64_MAX, last_ns = 0;
    for (unsigned n = 0; n < probe->track_count; n++) {
        const struct probe_track *track = &probe->tracks[n];
        if (track->packets == 0)
            continue;
        first_ns = track->first_ns < first_ns ? track->first_ns : first_ns;
        last_ns = track->last_ns > last_ns ? track->last_ns : last_ns;
    }
    return last_ns > first_ns ? (double)(last_ns - first_ns) / 1e9 : 0;
}

int probe_track_of(const struct probe *probe, unsigned medium)
{
    static const enum description_wanted wanted[] = {
        [TRACKS_ALL] = WANT_ALL, [TRACKS_VIDEO] = WANT_VIDEO, [TRACKS_AUDIO] = WANT_AUDIO};
    int track = 0;
    for (unsigned i = 0; i < medium; i++)
        track += description_wants(&probe->sdp.media[i], wanted[probe->plan.tracks]);
    bool wants = description_wants(&probe->sdp.media[medium], wanted[probe->plan.tracks]);
    return wants && track < (int)DESCRIPTION_TRACKS ? track : -1;
}

static void write_packets(struct text *to, uint64_t count)
{
    units_write_count(to, count);
    text_add_string(to, count == 1 ? " packet" : " packets");
}

void probe_write_ignored(struct text *to, const struct probe *probe)
{
    const struct probe_ignored *ignored = &probe->ignored;
    if (ignored->foreign > 0) {
        write_packets(to, ignored->foreign);
        text_add_string(to, " came from ");
        address_write_host(to, &ignored->from);
        text_add_string(to, ", not from ");
        address_write_host(to, &ignored->expected);
    }
    if (ignored->unknown_type == 0)
        return;
    text_add_string(to, ignored->foreign > 0 ? "; " : "");
    write_packets(to, ignored->unknown_type);
    text_printf(to, " had payload type %u, which the SDP doesn't have", ignored->payload_type);
}

static void write_deadline(struct text *to, const struct probe *probe)
{
    bool media = probe->reason == REASON_MEDIA_TIMEOUT;
    uint64_t waited_ns = media ? probe->plan.media_timeout_ns : probe->plan.timeout_ns;
    if (probe->reason == REASON_TEARDOWN_TIMEOUT && waited_ns > CLIENT_TEARDOWN_NS)
        waited_ns = CLIENT_TEARDOWN_NS;
    bool ignored = media && probe_has_ignored(probe);
    text_add_string(to, ignored ? "no RTP that counts came within "
                        : media ? "no RTP came within "
                                : "no answer within ");
    units_write_duration(to, waited_ns);
    if (ignored) {
        text_add_string(to, ": ");
        probe_write_ignored(to, probe);
    } else if (media && probe->udp)
        text_add_string(to, " (a firewall may keep UDP back: try --transport tcp)");
}

/* NULL where the reason's name says enough. */
static const char *plain_words(enum reason reason)
{
    switch ((int)reason) {
    case REASON_REFUSED:
        return "the connection was refused: nobody listens there";
    case REASON_UNREACHABLE:
        return "there is no way to that address";
    case REASON_RESET:
        return "the server cut the connection (RST)";
    case REASON_EOF:
        return "the server closed the connection";
    case REASON_AUTH_REQUIRED:
        return "the server wants credentials: give --user and --password-file";
    case REASON_AUTH_REJECTED:
        return "the server rejected the credentials";
    case REASON_AUTH_UNSUPPORTED:
        return "the server wants an authentication that rtspbench doesn't know";
    case REASON_NO_ADDRESS:
        return "the host's name was not found";
    case REASON_NO_MEDIA:
        return "the description has no media to read";
    case REASON_BAD_PROTOCOL:
        return "what answers there is no RTSP server";
    case REASON_TRANSPORT_MISMATCH:
        return "the server did not agree to that transport";
    case REASON_BYE:
        return "the server ended the stream (BYE)";
    case REASON_NO_SOCKET:
        return "this machine has no socket left";
    default:
        return NULL;
    }
}

void probe_write_reason(struct text *to, const struct probe *probe)
{
    const char *words = plain_words(probe->reason);
    if (probe->reason == REASON_NONE) {
        text_add_string(to, probe->interrupted ? "interrupted before any media came"
                                               : "the session ended before any media came");
        return;
    }
    text_printf(to, "%s: ", phase_name(probe->phase));
    if (probe->reason == REASON_TIMEOUT || probe->reason == REASON_MEDIA_TIMEOUT ||
        probe->reason == REASON_TEARDOWN_TIMEOUT)
        write_deadline(to, probe);
    else if (words)
        text_add_string(to, words);
    else if (probe->status > 0)
        text_printf(to, "the server answered %s", probe->what);
    else
        text_add_string(to, reason_name(probe->reason));
    if (probe->what[0] && (probe->status > 0) == (words != NULL))
        text_printf(to, " (%s)", probe->what);
}
