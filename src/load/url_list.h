/* url_list.h - the URLs of a run: patterns expanded, weights applied, and dealt to the readers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "proto/url.h"

#define URL_LIST_MAX 100000u     /* URLs after expansion */
#define URL_WEIGHTS_MAX 1000000u /* sum of all weights */

struct url_item {
    char *url;         /* the request line's form: no userinfo */
    char *shown;       /* the same without secrets; url itself where it has none */
    struct url parsed; /* borrows url */
    char *user;        /* percent-decoded; NULL when the URL named none */
    char *password;    /* likewise: never shown */
    uint32_t weight;
};

/* Ready when zeroed. Owns everything in it. */
struct url_list {
    struct url_item *items;
    uint32_t count;
    uint32_t room;
    uint32_t *deal; /* URL numbers in the order they are dealt, over and over */
    uint32_t deal_len;
    double *popularity; /* cumulative shares by Zipf's law; NULL: dealt round robin */
};

/* Adds "rtsp://user:password@host/cam{1..500}*3": every {A..B} counts (with the zeros of
   {001..500}), *N at the end is the weight of each. On false the list is as before or longer, and
   error says why; it shows no password. */
bool url_list_add(struct url_list *list, const char *pattern, struct text *error);

/* Adds a pattern a line; blank lines, those that begin with # and a byte-order mark are skipped. */
bool url_list_add_file(struct url_list *list, const char *path, struct text *error);

/* Makes the deal, once the last URL is added: each URL as often as it weighs, spread evenly. False
   when there is nothing to deal, or too much. */
bool url_list_deal(struct url_list *list, struct text *error);

/* The number of the URL that a reader (from 1) reads. Depends on the list and the number alone. */
uint32_t url_list_of(const struct url_list *list, uint32_t reader);

/* From now on URLs can be drawn by Zipf's law: the n-th in the list (from 1) weighs 1 / n^exponent.
   False when out of memory. */
bool url_list_set_zipf(struct url_list *list, double exponent);

/* The number of a URL so drawn; at is uniform in [0, 1). */
uint32_t url_list_draw(const struct url_list *list, double at);

void url_list_dispose(struct url_list *list);
