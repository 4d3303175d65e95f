/* search.h - finds the highest level at which a server keeps its objectives: what to try next, and
 * what the tries have shown. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SEARCH_TRIES_MAX 128u
#define SEARCH_CHECKS 3u /* of a server that may be broken, 30 s from the first to the last */

enum search_outcome {
    SEARCH_KEPT,
    SEARCH_MISSED,
    SEARCH_LIMITED, /* missed while the generator was the limit: says nothing about the server */
};

struct search_try {
    uint32_t level;
    uint32_t reached; /* what the level came to, level or a little less */
    enum search_outcome outcome;
    bool longer;   /* as search_next asked for: of such a level, only these count */
    bool recovery; /* likewise: not a try of the level, but of whether the server is still well */
    bool nothing;  /* no session was established, or no packet came (publishers: was written) */
    double failed_share; /* of the sessions begun */
    uint64_t ended_ns;   /* on the clock of search_wish */
};

/* Doubles the level from start on until one is missed, bisects to within a hundredth, and repeats
   both sides of the edge with tries that take longer. A level that goes both ways is tried until
   one way leads; it then counts as that. Where a longer try shows that a short one was too short to
   see a level fail, all further ones are longer.

   A level that was missed may have broken the server: where it came to nothing, or most of its
   sessions failed at no more than twice a level that was kept. Then the last kept level is read
   again, up to SEARCH_CHECKS times, and the search goes on as soon as one of these tries is kept.
   Where none is, it ends. */
struct search {
    uint32_t start;
    uint32_t most; /* no level is higher */
    uint32_t count;
    struct search_try tries[SEARCH_TRIES_MAX];
};

/* 1 <= start <= most. */
void search_init(struct search *search, uint32_t start, uint32_t most);

/* What to try now. */
struct search_wish {
    uint32_t level;
    bool longer;
    bool recovery;
    uint64_t not_before_ns; /* the try begins then, or later; 0: at once */
};

/* False when there is no more to be learned. */
bool search_next(const struct search *search, struct search_wish *wish);
void search_tell(struct search *search, const struct search_try *done);

struct search_tally {
    uint32_t kept, missed, limited;
};

enum search_confidence {
    SEARCH_NONE, /* no level was kept */
    SEARCH_LOW,  /* the edge was not repeated often enough, or not always the same */
    SEARCH_HIGH, /* kept 3 times of 3 below it and missed 2 times of 2 above, or nothing above */
};

enum search_edge {
    SEARCH_EDGE_MISSED,  /* the next level above was missed */
    SEARCH_EDGE_LIMITED, /* there the generator was the limit: the server may do more */
    SEARCH_EDGE_OPEN,    /* not come to: stopped early */
    SEARCH_EDGE_MOST,    /* the highest level of all was kept */
    SEARCH_EDGE_SERVER,  /* the server did not recover from a level */
};

struct search_result {
    uint32_t number; /* the least that the tries at level reached; 0: no level was kept */
    uint32_t level;
    uint32_t above;     /* the lowest level that was not kept; 0: none */
    uint32_t broken_by; /* the level that the server did not recover from; 0: none */
    enum search_edge edge;
    enum search_confidence confidence;
    struct search_tally at_level, at_above;
};

/* Of the tries so far. */
struct search_result search_result(const struct search *search);

/* How the tries of a level went that count. */
struct search_tally search_tally(const struct search *search, uint32_t level);

/* The level after which a recovery try, told as the index-th one, was asked for; nth becomes which
   of the tries since it is, from 1. */
uint32_t search_recovers_from(const struct search *search, uint32_t index, uint32_t *nth);

const char *search_outcome_name(enum search_outcome outcome);
const char *search_confidence_name(enum search_confidence confidence);
