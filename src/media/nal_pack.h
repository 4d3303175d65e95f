/* nal_pack.h - cuts H.264 and H.265 into RTP payloads: single NAL units and fragments (RFC 6184,
 * 7798). */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "base/text.h"
#include "media/media.h"

enum nal_codec { NAL_H264, NAL_H265 };

/* Takes the next NAL unit of an Annex B byte stream (ITU-T H.264, annex B); false at its end. */
bool nal_next(struct slice *stream, struct slice *nal);

unsigned nal_type(enum nal_codec codec, struct slice nal);
bool nal_is_parameter_set(enum nal_codec codec, struct slice nal);
bool nal_is_picture(enum nal_codec codec, struct slice nal); /* a slice of one */

/* Does it make its picture one that decoding can start at: an IDR, an IRAP, or an SEI with a
   recovery point after no frame? */
bool nal_is_keyframe(enum nal_codec codec, struct slice nal);

/* Whether an access unit (an Annex B stream) is one that decoding can start at, and whether the
   order in which pictures are shown begins anew with it (an IDR; H.265: a BLA, too). */
bool nal_unit_is_keyframe(enum nal_codec codec, struct slice unit);
bool nal_unit_begins_order(enum nal_codec codec, struct slice unit);

/* Is it a slice that begins a picture (first_mb_in_slice 0, first_slice_segment_in_pic_flag 1)? */
bool nal_begins_picture(enum nal_codec codec, struct slice nal);

/* Tells that what an access unit refers to in front of it is not in the stream: the clean random
   access pictures (CRA) in it become broken links (BLA_W_LP; ITU-T H.265, 7.4.2.2). Where laps
   meet, the numbers of pictures begin anew, and a decoder would take the leading pictures of a CRA
   for those of the lap before. Annex B; nothing else is changed. */
void nal_break_link(uint8_t *unit, size_t len);

/* The parameter sets of a stream, borrowed; the last of each kind. */
struct nal_sets {
    struct slice sets[3]; /* H.264: SPS, PPS; H.265: VPS, SPS, PPS */
    unsigned count;       /* how many kinds the codec has */
};

/* Collects from an Annex B stream. False when one is missing. */
bool nal_find_sets(enum nal_codec codec, struct slice stream, struct nal_sets *out);

/* The fmtp that tells them (RFC 6184, 8.1; RFC 7798, 7.1). */
void nal_write_fmtp(struct text *to, enum nal_codec codec, const struct nal_sets *sets);

/* Appends the packets of one access unit, an Annex B stream that the media will keep: at gives
   track, due time and timestamp. A keyframe without parameter sets gets them in front, delimiters
   and filler are left out, the last packet is marked, and all are key where decoding can begin: at
   a keyframe, or at a recovery point of intra refresh. False when out of memory. */
bool nal_pack(struct media *media, enum nal_codec codec, struct slice unit,
              const struct nal_sets *sets, const struct media_packet *at);
