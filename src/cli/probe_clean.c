#include "cli/probe_clean.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/rtsp.h"
#include "proto/secrets.h"

#define ROOM(len) (8 * (len) + 64) /* "\xNN" for a byte, and "***" for one of a password */
#define LITERAL_MIN 4u             /* shorter passwords stand in too many harmless places */

static bool contains(struct slice in, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= in.len; i++) {
        if (slice_starts_with_nocase(slice_make(in.data + i, in.len - i), slice_from_string(word)))
            return true;
    }
    return false;
}

/* "Authorization: Digest ***": the scheme is no secret. */
static void add_hidden(struct text *to, struct slice line)
{
    struct slice name = slice_take_until(&line, ':');
    struct slice value = slice_trim(line);
    ptrdiff_t space = slice_find_byte(value, ' ');
    text_add(to, name);
    text_add_string(to, ": ");
    if (contains(name, "authorization") && space > 0)
        text_add(to, slice_make(value.data, (size_t)space + 1));
    text_add_string(to, "***");
}

static void hide_literal(struct text *to, struct slice line, struct slice literal)
{
    while (line.len > 0) {
        bool hit = literal.len >= LITERAL_MIN && slice_starts_with(line, literal);
        struct slice some = slice_take(&line, hit ? literal.len : 1);
        if (hit)
            text_add_string(to, "***");
        else
            text_add(to, some);
    }
}

/* a and b have ROOM for the line. */
static void clean_line(struct text *to, struct slice line, const struct probe_secrets *secrets,
                       char *rooms[2])
{
    struct text a = text_init(rooms[0], ROOM(line.len));
    struct text b = text_init(rooms[1], ROOM(line.len));
    secrets_mask(&a, line);
    hide_literal(&b, text_slice(&a), secrets->password);
    a.len = 0;
    hide_literal(&a, text_slice(&b), secrets->proof);
    text_add_printable(to, text_slice(&a));
}

struct slice probe_proof(struct slice message)
{
    struct rtsp_message parsed;
    struct slice response = SLICE("response=\"");
    if (rtsp_parse(message, &parsed) != RTSP_DONE)
        return (struct slice){NULL, 0};
    struct slice value = rtsp_header(&parsed, "Authorization", 0);
    struct slice scheme = slice_take_until(&value, ' ');
    if (!slice_equal_nocase(scheme, SLICE("Digest")))
        return slice_trim(value);
    while (value.len > 0 && !slice_starts_with_nocase(value, response))
        slice_take(&value, 1);
    slice_take(&value, response.len);
    return slice_take_until(&value, '"');
}

void probe_clean(struct text *to, struct slice text, const struct probe_secrets *secrets,
                 bool is_message)
{
    char *rooms[2] = {malloc(ROOM(text.len)), malloc(ROOM(text.len))};
    bool in_head = is_message, hidden = false, first = true;
    assert(rooms[0] && rooms[1]);
    while (text.len > 0) {
        struct slice line = slice_take_until(&text, '\n');
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        bool folded = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
        ptrdiff_t colon = slice_find_byte(line, ':');
        if (!first)
            text_add_string(to, "\n");
        if (!folded)
            hidden = in_head && !first && colon > 0 &&
                     secrets_in_header(slice_make(line.data, (size_t)colon));
        if (in_head && line.len == 0)
            in_head = false;
        if (hidden && folded)
            text_add_string(to, " ***");
        else if (hidden)
            add_hidden(to, line);
        else
            clean_line(to, line, secrets, rooms);
        first = false;
    }
    free(rooms[0]);
    free(rooms[1]);
}

char *probe_cleaned(struct slice text, const struct probe_secrets *secrets, bool is_message)
{
    size_t size = ROOM(text.len);
    char *room = malloc(size);
    assert(room);
    struct text to = text_init(room, size);
    probe_clean(&to, text, secrets, is_message);
    text_string(&to);
    return room;
}
