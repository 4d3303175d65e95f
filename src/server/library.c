#include "server/library.h"

#include <ctype.h>
#include <string.h>

#include "proto/url.h"

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

const struct media *library_named(const struct library *library, const char *name)
{
    for (unsigned i = 0; i < library->count; i++) {
        if (strcmp(library->media[i]->name, name) == 0)
            return library->media[i];
    }
    return NULL;
}

const struct media *library_find(const struct library *library, struct slice path)
{
    char name[MEDIA_NAME_MAX];
    const struct media *found = NULL;
    slice_take(&path, 1);
    if (url_decode(path, name, sizeof(name)))
        found = library_named(library, name);
    if (!found && slice_to_string(path, name, sizeof(name))) /* a client that doesn't encode a % */
        found = library_named(library, name);
    if (!found && (!library->strict || path.len == 0))
        found = library->media[0];
    return found;
}

/* What a path may hold as it is (RFC 3986, 3.3). */
static bool is_plain(uint8_t byte)
{
    return byte < 0x80 && (isalnum(byte) || strchr("-._~!$&'()*+,;=:@", byte));
}

static void write_path(struct text *to, const char *name)
{
    text_add_string(to, "/");
    for (const char *at = name; *at; at++) {
        if (is_plain((uint8_t)*at))
            text_add(to, slice_make(at, 1));
        else
            text_printf(to, "%%%02X", (uint8_t)*at);
    }
    text_add_string(to, "\r\n");
}

void library_write_paths(const struct library *library, struct text *to)
{
    for (unsigned i = 0; i < library->count; i++) {
        size_t before = to->len;
        write_path(to, library->media[i]->name);
        if (!to->overflow && to->size - to->len >= strlen("...\r\n"))
            continue;
        to->len = before;
        to->overflow = false;
        text_add_string(to, "...\r\n");
        return;
    }
}
