/* panel_decoding.h - when frames that come in decoding order are decoded, by their RTP timestamps
 * alone.
 *
 * With B-frames a frame is sent ahead of its timestamp. Its decoding time is what a picture that
 * waits for no other would have: the time of the picture that is shown when this one is decoded,
 * which is the (depth + 1)-th newest timestamp so far; depth is how many frames can come before one
 * that is shown before them, at most (H.264, A.4.2: up to 16). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PANEL_DECODING_WINDOW 17u /* frames: the greatest depth, and one */

/* Ready when zeroed. */
struct panel_decoding {
    uint32_t newest[PANEL_DECODING_WINDOW]; /* timestamps so far, the greatest first */
    uint8_t count;
    uint8_t depth;     /* 0: nothing is reordered */
    uint8_t unsettled; /* frames until a loss is forgotten; 0: none is */
    uint8_t shallow;   /* the depth that would do for the last `early` frames */
    uint16_t early;    /* frames since one needed all of the depth */
    uint8_t same;      /* frames since the depth changed, up to the window */
};

struct panel_decoding_frame {
    uint32_t due;  /* RTP time at which it is decoded: its timestamp without reordering */
    bool is_known; /* due is set; not of the first frames, nor right after a loss */
    bool is_least; /* no frame is sent closer to its timestamp */
    bool anew;     /* the depth changed: due times before mean nothing beside this one */
};

/* A frame begins. lost: frames may be missing before it. All begins anew where RTP time jumps by
   over 10 s, or back over the whole window. clock_rate: Hz; 0: unknown. */
struct panel_decoding_frame panel_decoding_on_frame(struct panel_decoding *decoding,
                                                    uint32_t timestamp, uint32_t clock_rate,
                                                    bool lost);

/* Has the depth been the same for so long that it will stay? */
static inline bool panel_decoding_is_sure(const struct panel_decoding *decoding)
{
    return decoding->same == PANEL_DECODING_WINDOW;
}
