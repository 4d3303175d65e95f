/* resolve.h - looks host names up on a thread of its own, since getaddrinfo blocks. */
#pragma once

#include "net/address.h"

#define RESOLVE_MAX 16

struct resolver;

struct resolution {
    uint64_t token;
    int error; /* 0 or -ENOENT */
    unsigned count;
    struct address addresses[RESOLVE_MAX];
};

/* notify is called on the resolver's thread when an answer is ready; not any more once
   resolver_free has returned. The thread starts with the first question. NULL when out of memory.
 */
struct resolver *resolver_new(void (*notify)(void *context), void *context);

/* Doesn't wait for a lookup that is under way: its thread ends by itself. */
void resolver_free(struct resolver *resolver);

/* 0 or -errno: -ENOMEM, -EAGAIN (no thread), -EINVAL (no such name can be). */
int resolver_ask(struct resolver *resolver, struct slice host, uint16_t port, uint64_t token);

/* Takes the next answer; false when there is none. */
bool resolver_answer(struct resolver *resolver, struct resolution *out);
