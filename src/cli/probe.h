/* probe.h - what one probed session said and got: gathered by probe.c, told by probe_text.c and
 * probe_json.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/probe_clean.h"
#include "client/client.h"
#include "load/shard.h"
#include "load/targets.h"
#include "proto/sdp.h"

#define PROBE_MESSAGES 2000u /* kept for --json */

struct probe_message {
    uint64_t at_ns; /* since the start */
    enum client_direction direction;
    char *text; /* cleaned, lines end in a newline */
};

/* A track as its packets were judged. */
struct probe_track {
    uint64_t packets, bytes;
    uint64_t duplicates, reordered, late, resets, held;
    uint64_t first_ns, last_ns; /* arrivals */
    uint64_t lost;              /* from here on set at the session's end */
    uint64_t jitter_ns;
    bool has_jitter;
    bool has_info;
    struct panel_track_info info;
    uint8_t payload_type; /* of the newest packet; 255: none came */
    enum codec codec;
    enum media_kind kind;
    uint32_t clock_rate;
};

/* What came and was not counted. */
struct probe_ignored {
    uint64_t foreign; /* datagrams from other hosts than the server and its source */
    struct address from,
        expected;          /* of the first of them: whose it was, whose would have counted */
    uint64_t unknown_type; /* packets of payload types that the SDP doesn't have */
    uint8_t payload_type;  /* of the first of them */
};

struct probe {
    struct plan plan;
    struct targets targets;
    struct shard shard;
    struct stats_exchange exchange;
    bool json;
    uint64_t duration_ns; /* of media */
    uint64_t start_ns;
    uint64_t resolve_ns;
    struct probe_secrets secrets;
    char *proof; /* which the secrets borrow */

    struct probe_message *messages;
    uint32_t message_count;
    uint32_t messages_told;
    uint16_t phases_told; /* a bit a latency metric */
    bool media_told;

    char *sdp_text; /* sdp borrows it; NULL before DESCRIBE was answered */
    struct sdp sdp;
    char server[128]; /* as it calls itself, cleaned */

    struct probe_track tracks[DESCRIPTION_TRACKS];
    unsigned track_count;
    struct probe_ignored ignored;

    bool ended;
    bool interrupted;
    bool udp;
    bool established;
    enum session_outcome outcome;
    enum phase phase; /* with reason: where and why it ended before its time */
    enum reason reason;
    unsigned status; /* 0: none */
    char what[200];  /* the error's sample, cleaned */
    uint16_t local_port;
};

static inline bool probe_got_media(const struct probe *probe)
{
    for (unsigned i = 0; i < probe->track_count; i++) {
        if (probe->tracks[i].packets > 0)
            return true;
    }
    return false;
}

/* The one value of a latency metric in ns, or 0 where it was not reached. */
uint64_t probe_latency_ns(const struct probe *probe, enum metric metric);

/* Packets that came or should have; unique ones and those that are missing. */
uint64_t probe_expected(const struct probe_track *track);
double probe_bitrate_bps(const struct probe_track *track);
double probe_packets_per_s(const struct probe_track *track);

/* Enough media to judge whether it keeps up with real time: 5 s, as METRICS.md has it. */
bool probe_knows_pace(const struct probe_track *track);
double probe_media_s(const struct probe *probe);

/* The number of the track that this medium became, or -1. */
int probe_track_of(const struct probe *probe, unsigned medium);

static inline bool probe_has_ignored(const struct probe *probe)
{
    return probe->ignored.foreign + probe->ignored.unknown_type > 0;
}

/* Appends what came and was not counted, as a sentence without its full stop; nothing where there
   was nothing. */
void probe_write_ignored(struct text *to, const struct probe *probe);

/* Appends why there was no media, or how it ended, as a sentence without its full stop. */
void probe_write_reason(struct text *to, const struct probe *probe);

/* The story, as it happens; silent with --json. */
void probe_tell_start(const struct probe *probe);
void probe_tell_message(const struct probe *probe, const struct probe_message *message);
void probe_tell_phases(struct probe *probe);
void probe_tell_sdp(const struct probe *probe);
void probe_tell_end(const struct probe *probe);

/* One document on stdout. False when out of memory. */
bool probe_print_json(const struct probe *probe);
