/* media.h - what a server's path plays, or a publisher sends: one lap of RTP packets, repeated for
 * ever and shared by all who send it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define MEDIA_TRACKS_MAX 2u
#define MEDIA_PREFIX_MAX 4u
#define MEDIA_RTP_HEADER 12u
#define MEDIA_MTU_DEFAULT 1400u /* bytes of the largest RTP packet, its header included */
#define MEDIA_MTU_MIN 200u
#define MEDIA_MTU_MAX 65000u  /* an IPv4 datagram holds 65,507, an interleaved frame 65,535 */
#define MEDIA_STAMP_BYTES 12u /* "RTSB" and the time the packet was due: Unix ns, big endian */
#define MEDIA_FMTP_MAX 1024u
#define MEDIA_NAME_MAX 256u /* a file's name fits (NAME_MAX), its NUL included */

struct media_packet {
    uint64_t due_ns;        /* since the lap's start */
    const uint8_t *payload; /* behind the prefix (or the stamp); borrowed from the media */
    uint32_t timestamp;     /* since the lap's start, in the track's clock */
    uint32_t number;        /* index among the track's packets of a lap */
    uint16_t payload_len;
    uint8_t track : 7;
    uint8_t only_long : 1; /* on a grid: short laps don't have it */
    uint8_t prefix_len : 6;
    uint8_t marker : 1;
    uint8_t key : 1;                  /* of a frame that decoding can begin with */
    uint8_t prefix[MEDIA_PREFIX_MAX]; /* a fragment's or an access unit's header, so that no payload
                                         is copied */
};

/* Sound whose units don't fill a lap exactly stays on a grid of units: its lap k begins with the
   first unit of the grid at or after the lap's start, and so has a unit more or less than others.
 */
struct media_grid {
    uint32_t unit_ticks;      /* in the track's clock */
    uint32_t units, rest, of; /* a lap is units + rest / of units long, rest < of <= 2^31 */
    uint32_t short_packets;   /* of a lap of so many units; a long one has one more */
};

struct media_track {
    bool video;
    uint8_t payload_type;
    uint32_t clock_rate;       /* Hz */
    uint32_t lap_ticks;        /* what a lap adds to the timestamp; a track on a grid has none */
    uint32_t first;            /* index of its first packet */
    uint32_t packets;          /* a lap; on a grid, a long one */
    uint32_t key_packets;      /* of those; 0: every frame stands alone, or nobody can tell */
    struct media_grid grid;    /* unit_ticks is 0: none, its laps are all alike */
    uint32_t bandwidth_kbps;   /* 0: unknown */
    char rtpmap[32];           /* "H264/90000" */
    char fmtp[MEDIA_FMTP_MAX]; /* may be empty */
};

/* A path plays as so many phases of one lap, each a stream of its own that never stops: phase v
   runs v / phases of a joining interval behind phase 0. A reader joins the phase that next comes to
   a point where a stream can be joined (a keyframe), so it neither waits for one nor gets a cut-off
   group of pictures; readers of one phase get the same packets at the same time. */
struct media {
    char name[MEDIA_NAME_MAX]; /* a file's may have any bytes but NUL */
    uint32_t mtu; /* no RTP packet that is cut is larger, in bytes; 0: MEDIA_MTU_DEFAULT */
    bool stamped; /* payloads begin with MEDIA_STAMP_BYTES that are made at the write */
    uint64_t lap_ns;
    uint32_t lap_rest, lap_of; /* a lap is lap_rest / lap_of ns longer; lap_of 0: it is not */
    uint64_t delay_ns; /* how long the first picture is sent before its timestamp: the decoding
                          delay, 0 where pictures are sent in the order in which they are shown */
    uint32_t
        joins; /* points of a lap where it can be joined, evenly spaced; the first is its start */
    uint32_t phases;
    unsigned track_count;
    struct media_track tracks[MEDIA_TRACKS_MAX];
    uint32_t packet_count;
    uint32_t packet_room;
    struct media_packet *packets; /* those of a track together, in order of due_ns */
    void *owned;                  /* payload memory to free with the media; NULL: someone else's */
    char notes[512];              /* what its user should be told, lines separated by '\n' */
};

/* Appends a copy of a packet; number is set by media_finish. False when out of memory. */
bool media_add(struct media *media, const struct media_packet *packet);

/* Adds a line to the notes, unless it doesn't fit. */
void media_note(struct media *media, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets how long a lap is: ticks of a clock of rate Hz, at least a nanosecond. */
void media_set_lap(struct media *media, uint64_t ticks, uint32_t rate);

/* Puts a track, whose clock rate is known, on a grid of units: lap_ticks and rate are those of
   media_set_lap, and rate * unit_ticks is at most 2^31. Where whole units fill a lap there is no
   need for a grid, and the track gets its lap_ticks. */
void media_set_grid(struct media_track *track, uint32_t unit_ticks, uint64_t lap_ticks,
                    uint32_t rate);

/* Sorts by track and due time (packets of equal time keep their order), numbers and counts. False
   when there is no packet, or one of a track that has no grid is due behind the next lap's end. */
bool media_finish(struct media *media);
void media_free(struct media *media);

/* Size of the whole RTP packet, header included. */
static inline uint32_t media_packet_bytes(const struct media *media,
                                          const struct media_packet *packet)
{
    return MEDIA_RTP_HEADER + packet->prefix_len + packet->payload_len +
           (media->stamped ? MEDIA_STAMP_BYTES : 0);
}

/* Bytes behind the RTP header of the largest packet that is cut, prefix included. */
static inline uint32_t media_payload_max(const struct media *media)
{
    return (media->mtu > 0 ? media->mtu : MEDIA_MTU_DEFAULT) - MEDIA_RTP_HEADER;
}

/* What a packet's RTP header says beside its marker and its track's type. */
struct media_rtp {
    uint32_t ssrc;
    uint32_t timestamp;
    uint16_t sequence;
    uint64_t due_ns; /* since 1970: the stamp, where the media has one */
};

/* Header and prefix, or header and stamp: a stamped media's packets have no prefix. */
#define MEDIA_HEADER_MAX (MEDIA_RTP_HEADER + MEDIA_STAMP_BYTES)

/* Writes all that goes in front of the packet's payload (RFC 3550, 5.1), MEDIA_HEADER_MAX bytes at
   most; how many. */
unsigned media_write_header(const struct media *media, const struct media_packet *packet,
                            const struct media_rtp *rtp, uint8_t *to);

/* Where a track of a stream of laps goes on. */
struct media_place {
    uint64_t due_ns;     /* of its next packet, since the stream's start; UINT64_MAX: it has none */
    uint32_t lap, index; /* of that packet, in packets */
};

/* When a lap begins, in ns since the stream's start. */
uint64_t media_lap_start(const struct media *media, uint32_t lap);

/* When a packet is due in a lap, in ns since the stream's start. */
uint64_t media_due(const struct media *media, uint32_t lap, uint32_t index);

/* Its timestamp in the track's clock since the stream's start. */
uint32_t media_timestamp(const struct media *media, uint32_t lap, uint32_t index);

/* The track's first packet due at or after from_ns (since the stream's start). */
struct media_place media_seek(const struct media *media, unsigned track, uint64_t from_ns);

/* Moves on by a packet of the track. */
void media_advance(const struct media *media, struct media_place *place);

/* Packets of the track from the stream's start to that place, which has one. */
uint64_t media_ordinal(const struct media *media, const struct media_place *place);

/* N packets a second of bytes each (the whole RTP packet), every one a frame of its own with a
   stamp. NULL when out of memory or the rate has no lap of a whole number of packets within an
   hour. */
struct media *media_new_pattern(double per_s, uint32_t bytes);

/* The built-in test card in packets of mtu bytes at most (MEDIA_MTU_MIN to MEDIA_MTU_MAX; 0:
   MEDIA_MTU_DEFAULT); NULL when this build has none. */
struct media *media_new_card(bool audio, uint32_t mtu);

/* A media file and how it is made into packets. Borrowed. */
struct media_file {
    const char *path;
    uint32_t mtu;       /* as of media_new_card */
    uint32_t mtu_most;  /* that its user may ask for, to be told where mtu is too small */
    const char *tracks; /* as --media-tracks has them; NULL: video and audio */
};

/* NULL and a message in error (of size bytes) when it can't be sent. */
struct media *media_new_file(const struct media_file *file, char *error, size_t size);
