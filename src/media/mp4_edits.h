/* mp4_edits.h - whether libavformat applies the edits of an MP4 file (ISO/IEC 14496-12, 8.6.6). Of
 * fragmented ones it counts times from the first edit and leaves out all others. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* moov is the content of the box of that name, or what is there of it: whether the file is
   fragmented, and a track of it has more than an edit with media and pauses before that. */
bool mp4_edits_are_left_out(struct slice moov);
