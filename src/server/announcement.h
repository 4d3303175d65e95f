/* announcement.h - what a publisher announced (RFC 2326, 10.3): a path, and tracks by the names it
 * gave them. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "media/media.h"
#include "proto/sdp.h"
#include "server/target.h"

#define ANNOUNCEMENT_CONTROL_MAX 256u

struct announcement_track {
    char control[ANNOUNCEMENT_CONTROL_MAX]; /* may be empty: the URL itself */
    bool absolute;                          /* then control is the path and query of its URL */
    unsigned format_count;
    struct {
        uint8_t payload_type;
        uint32_t clock_rate; /* Hz; 0: unknown */
    } formats[SDP_FORMATS_MAX];
};

struct announcement {
    char key[TARGET_KEY_MAX]; /* of the path, as in struct target */
    unsigned track_count;
    struct announcement_track tracks[MEDIA_TRACKS_MAX];
};

/* Reads an SDP. NULL, or what is wrong with it, as a static text. Media that are no RTP are passed
   over. */
const char *announcement_parse(struct announcement *announcement, const char *key,
                               struct slice text);

/* Makes target one of the announced path when it names one of its tracks: its control behind the
   path or behind the query, or its absolute URL whatever the host. A track that was not announced
   is left as one that the path hasn't. */
void announcement_resolve(const struct announcement *announcement, struct target *target);

/* Hz, or 0. */
uint32_t announcement_clock_rate(const struct announcement *announcement, unsigned track,
                                 uint8_t payload_type);
