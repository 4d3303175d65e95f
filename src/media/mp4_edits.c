#include "media/mp4_edits.h"

#include <stdint.h>
#include <string.h>

static uint64_t take_number(struct slice *from, unsigned count)
{
    struct slice bytes = slice_take(from, count);
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.len; i++)
        number = number << 8 | bytes.data[i];
    return number;
}

/* Takes the next box (4.2); false at the end, and where none is whole enough to have a type. */
static bool box_next(struct slice *stream, struct slice *type, struct slice *content)
{
    if (stream->len < 8)
        return false;
    size_t whole = stream->len;
    uint64_t size = take_number(stream, 4);
    *type = slice_take(stream, 4);
    if (size == 1)
        size = take_number(stream, 8);
    else if (size == 0)
        size = whole;
    uint64_t head = whole - stream->len;
    if (size < head)
        return false;
    *content = slice_take(stream, size - head < stream->len ? (size_t)(size - head) : stream->len);
    return true;
}

/* The first box of a type; empty when there is none. */
static struct slice find(struct slice stream, const char *wanted, bool *found)
{
    struct slice type, content;
    while (box_next(&stream, &type, &content)) {
        *found = memcmp(type.data, wanted, 4) == 0;
        if (*found)
            return content;
    }
    *found = false;
    return stream;
}

/* Of an edit list: is there anything behind the first edit with media? */
static bool goes_on(struct slice elst)
{
    bool wide = take_number(&elst, 1) == 1;
    unsigned bytes = wide ? 8 : 4;
    take_number(&elst, 3); /* flags */
    uint64_t count = take_number(&elst, 4);
    for (; count > 0 && elst.len >= 2 * bytes + 4; count--) {
        take_number(&elst, bytes); /* duration */
        uint64_t media_time = take_number(&elst, bytes);
        take_number(&elst, 4); /* rate */
        if (media_time != (wide ? UINT64_MAX : UINT32_MAX))
            return count > 1;
    }
    return false;
}

bool mp4_edits_are_left_out(struct slice moov)
{
    struct slice type, track;
    bool found;
    find(moov, "mvex", &found);
    if (!found)
        return false;
    while (box_next(&moov, &type, &track)) {
        if (memcmp(type.data, "trak", 4) != 0)
            continue;
        struct slice edits = find(track, "edts", &found);
        struct slice list = find(edits, "elst", &found);
        if (found && goes_on(list))
            return true;
    }
    return false;
}
