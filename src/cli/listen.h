/* listen.h - HOST:PORT of options that make us listen: --web and its like. */
#pragma once

#include <stdbool.h>

#include "net/address.h"

/* "192.0.2.1:8080", "[::1]:8080", "localhost:8080"; ":8080" and "8080" are this machine alone. Port
   0 is a free one. False for anything else. */
bool listen_parse(const char *text, struct address *out);

/* Whether only this machine can reach it. */
bool listen_is_loopback(const struct address *address);

#define LISTEN_EXPECTED "HOST:PORT such as 127.0.0.1:8080, or :8080 for this machine alone"
