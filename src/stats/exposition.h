/* exposition.h - reads metrics in Prometheus' text format, piece by piece, however long the page
 * is. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define EXPOSITION_LINE 2048u /* longer lines are left out */

/* Told of each sample: its name, without labels. */
typedef void (*exposition_on_sample)(void *context, struct slice name, double value);

/* Ready when zeroed but for on_sample and context. */
struct exposition {
    exposition_on_sample on_sample;
    void *context;
    uint64_t skipped; /* lines that are too long, or none of the format */
    size_t len;
    bool too_long;
    char line[EXPOSITION_LINE];
};

/* A page's next bytes; and its end, behind which a last line may lack its newline. */
void exposition_feed(struct exposition *page, struct slice bytes);
void exposition_end(struct exposition *page);
