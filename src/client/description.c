#include "client/description.h"

#include <assert.h>
#include <string.h>

#include "proto/rtsp.h"
#include "proto/url.h"

static_assert(sizeof(struct description) <= 2048, "a description is half a page");

/* Appends to the record's text. False when it is full. */
static bool keep(struct description *out, struct slice text, uint16_t *at, uint16_t *len)
{
    if (text.len > DESCRIPTION_TEXT - (size_t)out->text_len)
        return false;
    *at = out->text_len;
    *len = (uint16_t)text.len;
    if (text.len > 0)
        memcpy(out->text + out->text_len, text.data, text.len);
    out->text_len = (uint16_t)(out->text_len + text.len);
    return true;
}

static enum media_kind kind_of(const struct sdp_media *media)
{
    return media->kind == SDP_VIDEO   ? MEDIA_VIDEO
           : media->kind == SDP_AUDIO ? MEDIA_AUDIO
                                      : MEDIA_OTHER;
}

bool description_wants(const struct sdp_media *media, enum description_wanted wanted)
{
    enum media_kind kind = kind_of(media);
    if (!media->rtp || media->backchannel || kind == MEDIA_OTHER || media->format_count == 0)
        return false;
    return wanted == WANT_ALL || (wanted == WANT_VIDEO) == (kind == MEDIA_VIDEO);
}

static bool add_track(struct description *out, const struct sdp_media *media)
{
    struct description_track *track = &out->tracks[out->track_count];
    if (!keep(out, media->control, &track->control_at, &track->control_len))
        return false;
    track->kind = (uint8_t)kind_of(media);
    for (unsigned i = 0; i < media->format_count && i < DESCRIPTION_FORMATS; i++) {
        track->formats[track->format_count++] = (struct description_format){
            .clock_rate = media->formats[i].clock_rate,
            .payload_type = media->formats[i].payload_type,
            .codec = (uint8_t)media->formats[i].codec,
        };
    }
    out->secure = out->secure || media->secure;
    out->track_count++;
    return true;
}

enum description_result description_make(struct description *out, struct slice base,
                                         const struct sdp *sdp, enum description_wanted wanted,
                                         uint32_t *skipped)
{
    uint16_t at;
    memset(out, 0, sizeof(*out));
    *skipped = 0;
    if (!keep(out, base, &at, &out->base_len) ||
        !keep(out, sdp->control, &out->aggregate_at, &out->aggregate_len))
        return DESCRIPTION_TOO_LARGE;
    for (unsigned i = 0; i < sdp->media_count; i++) {
        if (!description_wants(&sdp->media[i], wanted))
            continue;
        if (out->track_count == DESCRIPTION_TRACKS)
            ++*skipped;
        else if (!add_track(out, &sdp->media[i]))
            return DESCRIPTION_TOO_LARGE;
    }
    if (!rtsp_is_safe(slice_make(out->text, out->text_len)))
        return DESCRIPTION_UNSAFE;
    return out->track_count > 0 ? DESCRIPTION_OK : DESCRIPTION_NO_MEDIA;
}

bool description_equal(const struct description *a, const struct description *b)
{
    size_t from = offsetof(struct description, base_len);
    size_t to = offsetof(struct description, text);
    return memcmp((const char *)a + from, (const char *)b + from, to - from) == 0 &&
           memcmp(a->text, b->text, a->text_len) == 0;
}

static struct slice base_of(const struct description *description)
{
    return slice_make(description->text, description->base_len);
}

void description_write_track_url(const struct description *description, unsigned track,
                                 struct text *to)
{
    const struct description_track *it = &description->tracks[track];
    url_resolve(to, base_of(description),
                slice_make(description->text + it->control_at, it->control_len));
}

void description_write_url(const struct description *description, struct text *to)
{
    url_resolve(
        to, base_of(description),
        slice_make(description->text + description->aggregate_at, description->aggregate_len));
}

const struct description_format *description_find(const struct description_track *track,
                                                  uint8_t payload_type)
{
    for (unsigned i = 0; i < track->format_count; i++) {
        if (track->formats[i].payload_type == payload_type)
            return &track->formats[i];
    }
    return NULL;
}
