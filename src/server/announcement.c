#include "server/announcement.h"

#include <string.h>

#include "base/text.h"
#include "proto/url.h"

/* A control of "*" is the URL itself; so is none (RFC 2326, C.1.1). */
static bool keep_control(struct announcement_track *track, struct slice control)
{
    struct url url;
    if (slice_equal(control, SLICE("*")))
        control.len = 0;
    track->absolute = slice_starts_with_nocase(control, SLICE("rtsp:")) ||
                      slice_starts_with_nocase(control, SLICE("rtsps:"));
    if (track->absolute && url_parse(control, &url) == NULL)
        control = url.path;
    while (control.len > 0 && control.data[0] == '/' && !track->absolute)
        slice_take_byte(&control);
    while (control.len > 0 && control.data[control.len - 1] == '/')
        control.len--;
    return slice_to_string(control, track->control, sizeof(track->control));
}

static void keep_formats(struct announcement_track *track, const struct sdp_media *media)
{
    track->format_count = media->format_count;
    for (unsigned i = 0; i < media->format_count; i++) {
        track->formats[i].payload_type = media->formats[i].payload_type;
        track->formats[i].clock_rate = media->formats[i].clock_rate;
    }
}

const char *announcement_parse(struct announcement *announcement, const char *key,
                               struct slice text)
{
    struct sdp sdp;
    enum sdp_result result = sdp_parse(text, &sdp);
    if (result != SDP_OK)
        return result == SDP_TOO_LARGE ? "the description is too large" : "no media to receive";
    announcement->track_count = 0;
    memcpy(announcement->key, key, strlen(key) + 1);
    for (unsigned i = 0; i < sdp.media_count; i++) {
        const struct sdp_media *media = &sdp.media[i];
        if (!media->rtp || media->format_count == 0)
            continue;
        if (announcement->track_count == MEDIA_TRACKS_MAX)
            return "more than two tracks";
        struct announcement_track *track = &announcement->tracks[announcement->track_count++];
        if (!keep_control(track, media->control))
            return "a control attribute is too long";
        keep_formats(track, media);
    }
    return NULL;
}

/* Cuts "/control" off the end of text; false when it doesn't stand there. */
static bool cut_control(struct slice *text, struct slice control)
{
    size_t tail = control.len + 1;
    if (text->len < tail || text->data[text->len - tail] != '/' ||
        !slice_equal(slice_make(text->data + text->len - control.len, control.len), control))
        return false;
    text->len -= tail;
    return true;
}

static bool has_key(struct slice url, const char *key)
{
    struct target target;
    return target_parse(url.len > 0 ? url : SLICE("/"), &target) == TARGET_OK &&
           target.track == TARGET_WHOLE && strcmp(target.key, key) == 0;
}

/* Does whole, of a request, name the track with that control of the path with that key? */
static bool names_track(struct slice whole, const struct announcement_track *track, const char *key)
{
    char joined[2 * TARGET_KEY_MAX];
    struct text text = text_init(joined, sizeof(joined));
    struct slice control = slice_from_string(track->control), rest = whole, query = whole;
    if (track->absolute)
        return slice_equal(whole, control);
    if (control.len == 0)
        return false; /* that is the path itself */
    if (cut_control(&rest, control))
        return has_key(rest, key);
    struct slice path = slice_take_until(&query, '?');
    if (query.len == 0 || !cut_control(&path, control))
        return false;
    text_add(&text, path);
    text_add_string(&text, "?");
    text_add(&text, query);
    return !text.overflow && has_key(text_slice(&text), key);
}

void announcement_resolve(const struct announcement *announcement, struct target *target)
{
    struct slice base = target->base, whole = target->whole;
    int track = TARGET_WHOLE;
    for (unsigned i = 0; i < announcement->track_count && track == TARGET_WHOLE; i++) {
        if (names_track(whole, &announcement->tracks[i], announcement->key))
            track = (int)i;
    }
    if (track == TARGET_WHOLE && target->track != TARGET_WHOLE)
        track = MEDIA_TRACKS_MAX;
    else if (track != TARGET_WHOLE)
        target_parse(slice_from_string(announcement->key), target);
    target->base = base;
    target->whole = whole;
    target->track = track;
}

uint32_t announcement_clock_rate(const struct announcement *announcement, unsigned track,
                                 uint8_t payload_type)
{
    const struct announcement_track *of = &announcement->tracks[track];
    for (unsigned i = 0; i < of->format_count; i++) {
        if (of->formats[i].payload_type == payload_type)
            return of->formats[i].clock_rate;
    }
    return 0;
}
