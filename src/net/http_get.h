/* http_get.h - fetches a page over plain HTTP; it blocks, so it wants a thread that may wait. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "net/address.h"

#define HTTP_BODY_MAX (UINT64_C(64) << 20)

struct http_target {
    char host[256]; /* as in the URL, with its port: the Host header */
    char path[512]; /* with its query */
    struct address address;
};

/* Reads "http://HOST[:PORT][/PATH]" (the path is /metrics where there is none) and looks the host
   up, which blocks. False: error says what was expected, or that the host wasn't found. */
bool http_target_init(struct http_target *target, const char *url, struct text *error);

struct http_get {
    const struct http_target *target;
    uint64_t patience_ns;    /* for all of it */
    const atomic_bool *stop; /* set: give up soon */
    void (*on_body)(void *context, struct slice piece);
    void *context;
};

/* The reply's status, or -errno: -ETIMEDOUT, -ECANCELED (stop), -EPROTO (no HTTP, or a coding that
   was not asked for), -EFBIG (the body is over HTTP_BODY_MAX). on_body is told of a status 200's
   body alone, which isn't whole unless 200 is returned. */
int http_get(const struct http_get *get);
