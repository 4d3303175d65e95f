#include "stats/exposition.h"

#include <stdlib.h>
#include <string.h>

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Past "{...}", whose values stand in quotes and may hold anything; NULL when it doesn't end. */
static const char *skip_labels(const char *at)
{
    bool quoted = false;
    for (at++; *at; at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (*at == '}' && !quoted)
            return at + 1;
    }
    return NULL;
}

/* "NAME{LABELS} VALUE [TIME]"; false: it is none. */
static bool read_sample(struct exposition *page, const char *line)
{
    const char *at = line;
    char *end;
    while (is_name(*at))
        at++;
    size_t len = (size_t)(at - line);
    if (len == 0 || (line[0] >= '0' && line[0] <= '9'))
        return false;
    while (is_blank(*at))
        at++;
    if (*at == '{' && !(at = skip_labels(at)))
        return false;
    while (is_blank(*at))
        at++;
    double value = strtod(at, &end);
    if (end == at || (*end && !is_blank(*end)))
        return false;
    page->on_sample(page->context, slice_make(line, len), value);
    return true;
}

static void end_line(struct exposition *page)
{
    const char *at = page->line;
    if (page->len > 0 && page->line[page->len - 1] == '\r')
        page->len--;
    page->line[page->len] = '\0';
    while (is_blank(*at))
        at++;
    if (page->too_long || (*at && *at != '#' && !read_sample(page, at)))
        page->skipped++;
    page->len = 0;
    page->too_long = false;
}

void exposition_feed(struct exposition *page, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] == '\n')
            end_line(page);
        else if (page->len + 1 < sizeof(page->line))
            page->line[page->len++] = (char)bytes.data[i];
        else
            page->too_long = true;
    }
}

void exposition_end(struct exposition *page)
{
    if (page->len > 0)
        end_line(page);
}
