/* demo.h - the embedded server in a process of its own, to be loaded when no URL was given. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/text.h"

struct demo {
    pid_t server;
    char url[128];         /* what to read */
    char publish_url[128]; /* where to publish */
};

/* Runs this same program as `serve --port 0`, with --pattern unless that is NULL, and waits until
   it listens. False: error says why. */
bool demo_start(struct demo *demo, const char *pattern, struct text *error);

/* Ends the server and waits for it. */
void demo_stop(struct demo *demo);
