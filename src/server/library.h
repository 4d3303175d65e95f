/* library.h - the media of a server by name, made once and shared by its shards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "media/media.h"

#define LIBRARY_MAX 32u

/* Entry 0 is the default: what any other path plays. */
struct library {
    unsigned count;
    struct media *media[LIBRARY_MAX];
};

/* Adds media under its name and owns it from then on. False when full or NULL. */
bool library_add(struct library *library, struct media *media);
void library_dispose(struct library *library);

/* "/card" finds the media named card; every other path the default. */
const struct media *library_find(const struct library *library, struct slice path);
