#include "server/library.h"

bool library_add(struct library *library, struct media *media)
{
    if (!media || library->count == LIBRARY_MAX)
        return false;
    library->media[library->count++] = media;
    return true;
}

void library_dispose(struct library *library)
{
    for (unsigned i = 0; i < library->count; i++)
        media_free(library->media[i]);
    *library = (struct library){0};
}

const struct media *library_find(const struct library *library, struct slice path)
{
    slice_take(&path, 1);
    for (unsigned i = 0; i < library->count; i++) {
        if (slice_equal(path, slice_from_string(library->media[i]->name)))
            return library->media[i];
    }
    return library->media[0];
}
