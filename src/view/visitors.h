/* visitors.h - the connections to one of our HTTP servers: who may ask, and who has to go when
 * there are too many. Needs libmicrohttpd. */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>

struct visitor;

/* Ready when zeroed but for most. Touched by the server's thread alone. */
struct visitors {
    unsigned most; /* connections at a time; MHD must allow twice as many, which are then closing */
    unsigned count;
    struct visitor *oldest, *newest; /* by when they last asked; those that stay are in no list */
};

/* For MHD_OPTION_NOTIFY_CONNECTION; context is the visitors. One connection too many closes the one
   that has been idle for longest. */
void visitors_notify(void *context, struct MHD_Connection *connection, void **socket_context,
                     enum MHD_ConnectionNotificationCode what);

/* A request came. stays: it is answered for as long as the visitor likes, and isn't idle. */
void visitors_asked(struct visitors *visitors, struct MHD_Connection *connection, bool stays);

/* Whether a request was made by an address or as localhost: a page elsewhere can have a name of its
   own point here, but not an address. */
bool visitors_know_us(struct MHD_Connection *connection);

/* The same of a Host header. */
bool visitors_is_our_host(const char *host);
