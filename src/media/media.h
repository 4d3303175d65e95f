/* media.h - what a path plays: one lap of RTP packets, repeated for ever and shared by all readers.
 */
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
    uint32_t number;        /* among the track's packets of a lap */
    uint16_t payload_len;
    uint8_t track;
    uint8_t prefix_len : 6;
    uint8_t marker : 1;
    uint8_t key : 1;                  /* of a frame that decoding can begin with */
    uint8_t prefix[MEDIA_PREFIX_MAX]; /* a fragment's or an access unit's header, so that no payload
                                         is copied */
};

struct media_track {
    bool video;
    uint8_t payload_type;
    uint32_t clock_rate;       /* Hz */
    uint32_t lap_ticks;        /* what a lap adds to the timestamp */
    uint32_t packets;          /* a lap */
    uint32_t key_packets;      /* of those; 0: every frame stands alone, or nobody can tell */
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
    uint32_t
        joins; /* points of a lap where it can be joined, evenly spaced; the first is its start */
    uint32_t phases;
    unsigned track_count;
    struct media_track tracks[MEDIA_TRACKS_MAX];
    uint32_t packet_count;
    uint32_t packet_room;
    struct media_packet *packets; /* in order of due_ns */
    void *owned;                  /* payload memory to free with the media; NULL: someone else's */
    char notes[512];              /* what its user should be told, lines separated by '\n' */
};

/* Appends a copy of a packet; number is set by media_finish. False when out of memory. */
bool media_add(struct media *media, const struct media_packet *packet);

/* Adds a line to the notes, unless it doesn't fit. */
void media_note(struct media *media, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sorts by due time (packets of equal time keep their order), numbers and counts. False when there
   is no packet, or one is due beyond the lap. */
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

/* First packet of a lap due at or after due_ns; packet_count when there is none. */
uint32_t media_find(const struct media *media, uint64_t due_ns);

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
    const char *tracks; /* as --media-tracks has them; NULL: video and audio */
};

/* NULL and a message in error (of size bytes) when it can't be sent. */
struct media *media_new_file(const struct media_file *file, char *error, size_t size);
