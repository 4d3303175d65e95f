/* screen.h - the terminal that a run is shown on: taken over, and given back whatever happens. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* A screenful that the terminal hasn't taken yet is kept here, so that a terminal that stands still
   (or a slow line) never holds up the run. */
#define SCREEN_ROOM 65536u

struct screen {
    int tty; /* an open file of our own, non-blocking */
    bool taken;
    size_t waiting, written; /* of frame, in bytes */
    char frame[SCREEN_ROOM];
};

/* Takes the terminal on stdout: no echo, no cursor, what stood there scrolled away. False, and
   nothing done, where stdout is none, can't move its cursor (TERM=dumb), or isn't ours now.
   Call it where the signals that end a run are blocked; a crash gives the terminal back. */
bool screen_take(struct screen *screen);

/* Clears what was shown. Does nothing when it isn't taken. */
void screen_give_back(struct screen *screen);

/* The next key pressed, 0 where there is none. */
char screen_key(struct screen *screen);

void screen_size(const struct screen *screen, unsigned *columns, unsigned *rows);

/* Of the bytes that don't fit the terminal at once the rest goes out with the next calls; while
   there is a rest, a new frame is left out. False: it was. An empty frame only sends the rest. */
bool screen_show(struct screen *screen, struct slice frame);

/* From the environment: NO_COLOR, and the locale's character set. */
bool screen_has_colour(void);
bool screen_has_unicode(void);
