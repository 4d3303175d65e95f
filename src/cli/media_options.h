/* media_options.h - the options that say what is sent: by `serve`, and by sessions that publish. */
#pragma once

#include "base/text.h"
#include "cli/options.h"
#include "media/media.h"

#define MEDIA_PATTERN_DEFAULT "100/s:1200"

/* "200/s:1250": NULL when it makes no sense; error then says what was expected. */
struct media *media_option_pattern(const char *value, uint32_t most_bytes, struct text *error);

/* Whether --media-tracks makes sense, where it is given. */
bool media_check_tracks(const struct options *options, struct text *error);

/* "[NAME=]FILE", cut as the options say. A file of that whole name comes first. Without a name,
   that of the file without its last suffix. What there is to say about the file is said on standard
   error. mtu_most: what --mtu may be here. */
struct media *media_option_file(const struct options *options, const char *value, uint32_t mtu_most,
                                struct text *error);

/* What --publish sends: a file, a pattern, or else the test card where this build has one. NULL
   with an empty error: nothing is published. The caller frees it. */
struct media *media_to_publish(const struct options *options, struct text *error);
