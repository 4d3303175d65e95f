/* library.h - the media of a server by name, made once and shared by its shards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "base/text.h"
#include "media/media.h"

#define LIBRARY_MAX 32u

/* Entry 0 is the default: what the empty path plays, and any other where paths aren't strict. */
struct library {
    unsigned count;
    bool strict; /* a path must name a media: what a wrong name gets would be taken for the right
                    one */
    struct media *media[LIBRARY_MAX];
};

/* Adds media under its name and owns it from then on. False when full or NULL. */
bool library_add(struct library *library, struct media *media);
void library_dispose(struct library *library);

/* "/card" finds the media named card and "/two%20words" the one named "two words"; any other path
   the default, or NULL where paths are strict. */
const struct media *library_find(const struct library *library, struct slice path);

/* Exactly that name; NULL: there is none. */
const struct media *library_named(const struct library *library, const char *name);

/* Appends the paths of all media, percent-encoded, a line each; "..." in place of those that don't
   fit. */
void library_write_paths(const struct library *library, struct text *to);
