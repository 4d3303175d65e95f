/* panel_frames.h - puts a track's packets together to frames, and tells the whole from the damaged
 * ones. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/panel_decoding.h"

#define PANEL_FRAMES_OPEN 6u /* frames that may wait for reordered packets */

enum panel_verdict {
    PANEL_COMPLETE, /* all its packets came, and what lies before and behind belongs to other frames
                     */
    PANEL_DAMAGED,
    PANEL_SUSPECT, /* a gap touches it that may as well be another frame's */
};

/* Packets of one RTP timestamp. */
struct panel_frame {
    uint64_t last_arrival_ns;
    uint32_t first, last; /* lowest and highest extended sequence number seen */
    uint32_t received;    /* packets */
    uint32_t timestamp;
    uint32_t due;  /* RTP time at which it is decoded, where has_due is set */
    uint8_t marks; /* of codec_marks, all packets' or-ed */
    bool starts;   /* the first has CODEC_FRAME_START */
    bool marker;   /* on the last */
    bool has_due : 1;
    bool anew : 1; /* as panel_decoding_frame has it */
};

/* Ready when zeroed. Only one frame is open as long as nothing is missing. */
struct panel_frames {
    struct panel_frame open[PANEL_FRAMES_OPEN]; /* by sequence, the newest last */
    uint8_t open_count;
    uint8_t marker_run; /* frames in a row that ended in a marker, and had no other */
    uint8_t step_run;   /* frames in a row that were a step apart */
    bool has_settled;
    bool settled_marker; /* the frame settled last ended in a marker that could be trusted */
    uint32_t settled_last;
    bool settled_has_due;
    uint32_t settled_due;
    uint32_t step;      /* RTP ticks from frame to frame, in the order of decoding */
    uint32_t steps;     /* pairs of frames with nothing missing between ... */
    int64_t step_ticks; /* ... and the ticks between them, added up */
};

struct panel_frame_packet {
    uint64_t arrival_ns;
    uint32_t sequence; /* extended */
    uint32_t timestamp;
    unsigned marks;
    bool marker;
    bool in_order; /* newer than all before */
    struct panel_decoding_frame decoding;
};

void panel_frames_add(struct panel_frames *frames, const struct panel_frame_packet *packet);

/* Takes the oldest frame once it can be judged: as soon as the next one began when nothing is
   missing, else when PANEL_FRAMES_OPEN are open or half a second went by. starts_known: the codec's
   marks tell where a frame can start. flush: nothing more will come; a frame cut off by that is not
   judged. */
bool panel_frames_settle(struct panel_frames *frames, bool starts_known, bool flush,
                         struct panel_frame *frame, enum panel_verdict *verdict);

/* The newest frame that isn't judged yet; NULL: none is open. */
const struct panel_frame *panel_frames_newest(const struct panel_frames *frames);

/* When the newest packet of a frame came that isn't judged yet; 0: none is open. */
uint64_t panel_frames_pending_ns(const struct panel_frames *frames);

/* Do markers end frames here? Some cameras set none, others set them inside frames. */
bool panel_frames_markers_trusted(const struct panel_frames *frames);
