/* plan_options.h - makes the plan of a run from its options and the environment. */
#pragma once

#include <stdbool.h>

#include "cli/options.h"
#include "load/plan.h"

/* What the plan borrows and isn't in the options themselves. */
struct plan_storage {
    char *password;
    char *web_token;
    char *headers;
    struct address *bind;
    struct media *publish;
    struct slo slos[SLO_MAX];
};

/* Fills a plan, not yet resolved. False: error says which option, which value, what was expected.
   Also reads RTSPBENCH_DENY and RTSPBENCH_HALT. The options must outlive the plan. */
bool plan_from_options(struct plan *plan, struct plan_storage *storage,
                       const struct options *options, struct text *error);
void plan_storage_dispose(struct plan_storage *storage);

/* Only the source addresses and the environment, into a plan and storage that are set up. */
bool plan_sources_from_options(struct plan *plan, struct plan_storage *storage,
                               const struct options *options, struct text *error);

/* The first line of --password-file; NULL when there is no such option (error empty) or it can't be
   read. The caller frees it. */
char *password_from_options(const struct options *options, struct text *error);

/* The --header lines of the options, each "Name: value" with its CRLF. NULL: one is wrong. The
   caller frees them. */
char *headers_from_options(const struct options *options, struct text *error);
