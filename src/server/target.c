#include "server/target.h"

#include <string.h>

#include "base/text.h"
#include "proto/url.h"

#define TRACK_PREFIX "/trackID="

static void trim_slashes(struct slice *text)
{
    while (text->len > 0 && text->data[text->len - 1] == '/')
        text->len--;
}

/* Cuts "/trackID=N" off the end. False when the number is none we could have given out. */
static bool cut_track(struct slice *text, int *track)
{
    struct slice prefix = SLICE(TRACK_PREFIX);
    size_t digits = 0;
    uint64_t number;
    while (digits < text->len && text->data[text->len - digits - 1] != '=')
        digits++;
    size_t tail = digits + prefix.len;
    if (tail > text->len)
        return true;
    struct slice end = {text->data + text->len - tail, tail};
    if (!slice_starts_with(end, prefix))
        return true;
    if (!slice_to_u64(slice_make(end.data + prefix.len, digits), 99, &number))
        return false;
    text->len -= tail;
    *track = (int)number;
    return true;
}

/* What stands before the path: "rtsp://host:port". */
static bool split_url(struct slice whole, struct slice *base, struct slice *path)
{
    struct url url;
    *base = (struct slice){NULL, 0};
    *path = whole;
    if (whole.len > 0 && (whole.data[0] == '/' || slice_equal(whole, SLICE("*"))))
        return true;
    if (url_parse(whole, &url) != NULL)
        return false;
    *path = url.path;
    if (!url.has_user)
        *base =
            slice_make(whole.data, (size_t)(url.authority.data + url.authority.len - whole.data));
    return true;
}

enum target_result target_parse(struct slice url, struct target *out)
{
    struct slice query, path;
    *out = (struct target){.track = TARGET_WHOLE};
    if (!split_url(url, &out->base, &query))
        return TARGET_BAD;
    trim_slashes(&query);
    out->whole = query;
    path = slice_take_until(&query, '?');
    trim_slashes(&path);
    if (!cut_track(&query, &out->track) || !cut_track(&path, &out->track))
        return TARGET_BAD;
    trim_slashes(&query);
    trim_slashes(&path);
    struct text key = text_init(out->key, sizeof(out->key));
    text_add(&key, path.len > 0 ? path : SLICE("/"));
    out->path = text_slice(&key);
    if (query.len > 0) {
        text_add_string(&key, "?");
        text_add(&key, query);
        out->query = slice_make(out->key + out->path.len + 1, query.len);
    }
    if (key.overflow || key.len == key.size)
        return TARGET_TOO_LONG;
    out->key[key.len] = '\0';
    return TARGET_OK;
}
