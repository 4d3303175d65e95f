/* compare_write.h - a comparison as text, Markdown, a page, and JSON. */
#pragma once

#include "view/compare_tolerance.h"

struct compare_report {
    const struct compare *compare;
    const struct compare_tolerance *tolerances;
    uint32_t tolerance_count;
};

void compare_write_text(const struct compare_report *report, FILE *to);

/* For a pull request. */
void compare_write_markdown(const struct compare_report *report, FILE *to);

/* One file with everything in it; 0 or -errno. */
int compare_write_html(const struct compare_report *report, const char *path);

/* The caller's. */
json_t *compare_to_json(const struct compare_report *report);
