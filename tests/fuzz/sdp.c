/* sdp: slices and counts stay in bounds, and white space around lines changes nothing. */
#include "proto/sdp.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void check_format(struct slice text, const struct sdp_format *format)
{
    assert(format->payload_type <= 127 && (unsigned)format->codec < CODECS);
    assert(format->clock_rate <= 100000000);
    check_inside(text, format->name);
    check_inside(text, format->fmtp);
}

static void check_media(struct slice text, const struct sdp_media *media)
{
    check_inside(text, media->protocol);
    check_inside(text, media->control);
    check_inside(text, media->connection);
    assert(media->frame_rate >= 0 && media->frame_rate < 5e9);
    assert(media->format_count <= SDP_FORMATS_MAX && (media->rtp || media->format_count == 0));
    assert(media->rtp || !media->secure);
    for (unsigned i = 0; i < media->format_count; i++) {
        check_format(text, &media->formats[i]);
        assert(sdp_find_format(media, media->formats[i].payload_type) == &media->formats[i]);
    }
}

static void check_sdp(struct slice text, enum sdp_result result, const struct sdp *sdp)
{
    unsigned receivable = 0, backchannels = 0;
    check_inside(text, sdp->name);
    check_inside(text, sdp->control);
    check_inside(text, sdp->range);
    assert(sdp->media_count <= SDP_MEDIA_MAX);
    assert(sdp->media_skipped == 0 || sdp->media_count == SDP_MEDIA_MAX);
    for (unsigned i = 0; i < sdp->media_count; i++) {
        const struct sdp_media *media = &sdp->media[i];
        check_media(text, media);
        receivable += media->format_count > 0 && !media->backchannel;
        backchannels += media->backchannel;
    }
    assert((result == SDP_OK) == (receivable > 0));
    assert(backchannels == 0 || receivable > 0);
}

/* The same with CRLF line ends and blanks around each line. */
static struct slice spread(struct slice text, uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\n') {
            memcpy(out + n, " \r\n\t", 4);
            n += 4;
        } else {
            out[n++] = text.data[i];
        }
    }
    return slice_make(out, n);
}

static void check_same(const struct sdp *a, const struct sdp *b)
{
    assert(a->media_count == b->media_count && a->media_skipped == b->media_skipped);
    assert(a->odd_lines == b->odd_lines && slice_equal(a->control, b->control));
    assert(slice_equal(a->name, b->name) && slice_equal(a->range, b->range));
    for (unsigned i = 0; i < a->media_count; i++) {
        assert(a->media[i].format_count == b->media[i].format_count);
        assert(a->media[i].backchannel == b->media[i].backchannel);
        assert(slice_equal(a->media[i].control, b->media[i].control));
        for (unsigned f = 0; f < a->media[i].format_count; f++)
            assert(slice_equal(a->media[i].formats[f].fmtp, b->media[i].formats[f].fmtp));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sdp sdp, again;
    struct slice text = slice_make(data, size);
    enum sdp_result result = sdp_parse(text, &sdp);
    check_sdp(text, result, &sdp);
    uint8_t *wide = size < 16384 ? malloc(4 * size + 1) : NULL;
    if (wide) {
        assert(sdp_parse(spread(text, wide), &again) == result);
        check_same(&sdp, &again);
    }
    free(wide);
    return 0;
}
