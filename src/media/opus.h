/* opus.h - how long a packet of Opus lasts (RFC 6716, 3.1 and 3.2). */
#pragma once

#include <stdint.h>

#include "base/slice.h"

/* In samples of 48 kHz; 0: it is no packet of Opus, or longer than 120 ms. */
uint32_t opus_samples(struct slice packet);
