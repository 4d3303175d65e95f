/* out.h - standard output and standard error: every write is checked and told of once, and a run
   never waits for who reads them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/feeder.h"

#define OUT_PATIENCE_MS 5000u /* for a reader that takes nothing, at the end of a run */

/* Before anything is opened: a standard stream that is closed must not become another file. Signals
   that a failing write would bring are ignored. */
void out_begin(void);

/* What is written here goes to standard output; instead of stdout, which forgets why a write
   failed. */
FILE *out_stream(void);

/* The same, for whole lines that may be left out where the reader is behind; flush after each. */
FILE *out_lines(void);

/* The same for standard error. */
FILE *out_errors(void);

/* Text for people, lines of it: what a terminal would obey, whoever it came from, is escaped. */
void out_print(FILE *to, struct slice lines);

/* A message on standard error: "rtspbench: ..." and the end of a line, with the same care. */
void out_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From now on threads write, and nothing waits for a reader before the end; there, up to
   patience_ms for one that takes nothing, or FEEDER_FOREVER. Only the first call counts. */
void out_detach(uint32_t patience_ms);

/* Waits until what was said stands there, but not long: before something else writes there. */
void out_settle(void);

/* False, with error, where standard output could not be written. That its reader went away (such as
   head, or a terminal that is closed) is no error. Lines that were left out are told of. */
bool out_finish(struct text *error);

/* The last call: what was said on standard error stands there, or its reader stands still. */
void out_end(void);
