/* out.h - standard output and standard error: every write is checked, and told of once. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/text.h"

/* Before anything is opened: a standard stream that is closed must not become another file. Signals
   that a failing write would bring are ignored. */
void out_begin(void);

/* What is written here goes to standard output; instead of stdout, which forgets why a write
   failed. */
FILE *out_stream(void);

/* The same for standard error, in whole lines. */
FILE *out_errors(void);

/* False, with error, where standard output could not be written. That its reader went away (such as
   head, or a terminal that is closed) is no error. */
bool out_finish(struct text *error);
