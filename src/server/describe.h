/* describe.h - writes the session description of a media (RFC 8866). */
#pragma once

#include "base/text.h"
#include "net/address.h"
#include "server/media.h"

/* Tracks are "trackID=0", "trackID=1". at tells the address family. */
void describe(struct text *to, const struct media *media, const struct address *at);
