/* h264.h - what a NAL unit of H.264 says about where decoding can start. */
#pragma once

#include "base/slice.h"

#define H264_NO_RECOVERY_POINT (-1)

/* Of an SEI unit, its header byte included: recovery_frame_cnt of its recovery point, capped at
   65,535, or H264_NO_RECOVERY_POINT (ITU-T H.264, D.1.8 and D.2.8). 0: decoding can start at this
   frame, as at an IDR. More: the picture is whole that many frames later (intra refresh).
   exact_match says nothing: x264 writes 1 for intra refresh, too. */
int h264_recovery_frames(struct slice sei);
