/* result_file.h - reads the result files that --json of run wrote. */
#pragma once

#include <jansson.h>

#include "base/text.h"

/* The caller's document; NULL, with error, when it is none. A checkpoint is read as well. That it
   is one, or that there is a newer one beside a result, is said on standard error. */
json_t *result_file_read(const char *path, struct text *error);
