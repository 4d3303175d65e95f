/* media_module.h - the one thing that the media module offers: it alone links libavformat, whose
 * hundred libraries would cost every run 20 MB and the start of every command 80 ms. */
#pragma once

#include <stddef.h>

struct media;
struct media_file;

#define MEDIA_MODULE_NAME "rtspbench-media.so"
#define MEDIA_MODULE_ENTRY "media_module_open"

/* As media_new_file. */
struct media *media_module_open(const struct media_file *file, char *error, size_t size);

typedef struct media *(*media_module_entry)(const struct media_file *file, char *error,
                                            size_t size);
