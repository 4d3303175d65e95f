/* session_log.h - a log that all shards write lines to, and that begins a new file when one is
 * full: no shard ever waits for the disk. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct session_log;

/* rotate_bytes: the file becomes FILE.1 before a line makes it larger than that, FILE.1 becomes
   FILE.2, ... FILE.keep; 0: it grows. Only a regular file is rotated. A thread of its own does all
   that, with the caller's file table. 0, or -errno and no log. */
int session_log_open(struct session_log **out, const char *path, uint64_t rotate_bytes,
                     uint32_t keep);

/* What is to be written to, in whole lines; from any thread. */
FILE *session_log_stream(const struct session_log *log);

/* Errors beside -errno. */
#define SESSION_LOG_LEFT_OUT 1
#define SESSION_LOG_STANDS_STILL 2

/* Writes what there is left, waiting up to 5 s for what it is written to. 0, or an error where
   something is not written; NULL is fine. */
int session_log_close(struct session_log *log);

const char *session_log_error(int error);
