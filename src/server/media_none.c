#include "server/media.h"

#include <stdio.h>

struct media *media_new_file(const char *path, char *error, size_t size)
{
    (void)path;
    snprintf(error, size, "this build cannot read media files (it was made without libavformat)");
    return NULL;
}
