/* target.h - what a request's URL names on our server: a path with its faults, and a track of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define TARGET_KEY_MAX 256u
#define TARGET_WHOLE (-1) /* the presentation, not one track */

struct target {
    char key[TARGET_KEY_MAX]; /* "/card", "/card?drop=1/100": how the truth names the path */
    struct slice path;        /* of key, without the query */
    struct slice query;       /* of key, without "?"; may be empty */
    struct slice whole;       /* path and query as they came, without slashes at the end; borrows */
    int track;                /* the N of "trackID=N", or TARGET_WHOLE */
    struct slice base; /* of url: scheme and authority, for absolute URLs in replies; empty when
                          it has none, or one with a password */
};

enum target_result { TARGET_OK, TARGET_BAD, TARGET_TOO_LONG };

/* Takes rtsp://HOST/path?query/trackID=N apart, and .../trackID=N?query, as clients join the two.
   Slashes at the end don't count. base borrows from url. */
enum target_result target_parse(struct slice url, struct target *out);
