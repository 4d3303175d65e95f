/* timing.h - when the units of a media file are sent, so that its lap repeats without a seam. Pure.
 *
 * A lap begins with the first keyframe and is as long as the longest video track (without video: as
 * the longest sound). Pictures are sent in the order of decoding, each at the time at which a
 * picture is shown: the decoding delay is a whole number of pictures, and the first pictures of a
 * lap are decoded while the last ones of the lap before are shown. Sound goes by the number of its
 * samples, and onto a grid (media.h) where its units don't fill the lap. It is sent when a picture
 * of its time would be that is sent as late as it can be: a decoding delay late. Timestamps are
 * later by the delay, so that nothing is sent after its timestamp. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "media/media.h"

#define TIMING_NONE INT64_MIN

/* An access unit or a run of samples, in the order of the file. Times are in the track's clock. */
struct timing_unit {
    int64_t pts, dts;  /* as the file has them; TIMING_NONE: it has none */
    int64_t order;     /* the order in which pictures are shown, for tracks without a pts */
    uint32_t duration; /* of a sound exactly; of a picture 0 where it isn't known */
    uint8_t track;
    uint32_t len;
    size_t bytes; /* where the file's reader has its len bytes */
    bool key;     /* decoding can begin here */
    bool hidden;  /* in front of what an edit shows */
    /* What timing_lay_out finds: */
    bool sent;
    int64_t at;   /* the timestamp in ticks since the lap's start */
    uint64_t due; /* in ticks since the lap's start */
    uint32_t
        repeat;   /* sound: how many ticks later it is sent again to fill long laps; 0: it is not */
    bool in_long; /* sound on a grid: only long laps have it */
};

struct timing_track {
    bool video;
    uint32_t rate;             /* of its clock, Hz */
    uint32_t jitter;           /* ticks by which the file may have rounded a time */
    uint32_t frames, frames_s; /* a picture's usual duration is frames_s / frames s */
};

struct timing {
    struct timing_unit *units;
    size_t count;
    unsigned track_count;
    struct timing_track tracks[MEDIA_TRACKS_MAX];
};

/* Decides for all units when they are sent, sets the media's lap, delay and grids (the clock rates
   of its tracks are known), and notes what its user should know. False: why says what is wrong with
   the file; or why is empty, and memory ran out. */
bool timing_lay_out(struct timing *timing, struct media *media, struct text *why);

/* What the packets of a unit have in common (track, times), for each time that it is sent in a long
   lap: 0 to 2. */
unsigned timing_packets(const struct timing *timing, const struct timing_unit *unit,
                        struct media_packet at[2]);
