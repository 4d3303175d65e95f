/* result_file.h - reads the result files that --json of run wrote. */
#pragma once

#include <jansson.h>

#include "base/text.h"

/* The caller's document; NULL, with error, when it is none. */
json_t *result_file_read(const char *path, struct text *error);
