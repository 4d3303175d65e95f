/* description.h - what a DESCRIBE said, kept once for all sessions of a stream that were told the
 * same. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/slice.h"
#include "base/text.h"
#include "proto/codec.h"
#include "proto/sdp.h"
#include "stats/stats.h"

#define DESCRIPTION_TRACKS 8u  /* tracks a session sets up at most */
#define DESCRIPTION_FORMATS 4u /* payload types kept a track */
#define DESCRIPTION_TEXT 1608u

struct description_format {
    uint32_t clock_rate; /* Hz; 0: unknown */
    uint8_t payload_type;
    uint8_t codec; /* enum codec */
};

struct description_track {
    uint8_t kind; /* enum media_kind */
    uint8_t format_count;
    uint16_t control_at; /* in text */
    uint16_t control_len;
    struct description_format formats[DESCRIPTION_FORMATS];
};

/* One 2 KiB record of the shard's pool. Read-only once made. */
struct description {
    uint32_t users; /* also the pool's link while free */
    uint16_t base_len;
    uint16_t aggregate_at; /* session-level control, in text */
    uint16_t aggregate_len;
    uint16_t text_len;
    uint8_t track_count;
    bool secure; /* an SRTP profile */
    struct description_track tracks[DESCRIPTION_TRACKS];
    char text[DESCRIPTION_TEXT]; /* base URL first */
};

/* Which media are wanted. */
enum description_wanted { WANT_ALL, WANT_VIDEO, WANT_AUDIO };

enum description_result {
    DESCRIPTION_OK,
    DESCRIPTION_NO_MEDIA,
    DESCRIPTION_TOO_LARGE, /* URLs beyond what a record holds */
    DESCRIPTION_UNSAFE,    /* a URL with CR, LF or NUL in it */
};

/* Fills a record. Media that carry no RTP, aren't wanted, or are for us to send are left out;
   tracks beyond DESCRIPTION_TRACKS are counted in skipped. */
enum description_result description_make(struct description *out, struct slice base,
                                         const struct sdp *sdp, enum description_wanted wanted,
                                         uint32_t *skipped);

/* Is this one of the media that become tracks? */
bool description_wants(const struct sdp_media *media, enum description_wanted wanted);

/* Says the same, whoever uses it? */
bool description_equal(const struct description *a, const struct description *b);

/* Appends the URL to SETUP a track with, and the one for the whole presentation. */
void description_write_track_url(const struct description *description, unsigned track,
                                 struct text *to);
void description_write_url(const struct description *description, struct text *to);

/* The format of a payload type, or NULL. */
const struct description_format *description_find(const struct description_track *track,
                                                  uint8_t payload_type);
