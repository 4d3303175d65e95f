/* media_input.h - opens a media file with libavformat, or says in plain words why it can't be. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct AVFormatContext;

/* The caller closes it (avformat_close_input). path is a file, whatever characters its name has;
   else a URL of libavformat's. NULL: why (of size bytes) says that the file is empty, none of
   media, or cut off. */
struct AVFormatContext *media_input_open(const char *path, char *why, size_t size);

/* Bytes at the end of an MP4 file that its boxes tell of and that aren't there; 0 where none are
   missing, or it is another kind of file. */
uint64_t media_input_missing(const char *path);

/* Whether it is an MP4 file with edits that libavformat doesn't apply. */
bool media_input_lacks_edits(const char *path);
