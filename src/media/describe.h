/* describe.h - writes the session description of a media (RFC 8866). */
#pragma once

#include <stdbool.h>

#include "base/text.h"
#include "media/media.h"

#define DESCRIBE_MAX 4096u /* bytes: two tracks with the longest parameters, and room to spare */

/* Tracks are "trackID=0", "trackID=1". v6: addresses are of IPv6. */
void describe(struct text *to, const struct media *media, bool v6);
