/* url: what is accepted is written back so that it parses the same, a decoded text has no NUL and
   fits, and where a password stood a masked text has ***. The first line is a URL, the rest a
   control or a base.
 */
#include "proto/url.h"

#include <string.h>

#include "fuzz.h"
#include "proto/rtsp.h"
#include "proto/secrets.h"

static void check_url(struct slice text)
{
    struct url url, again;
    char buffer[4096];
    struct text written = text_init(buffer, sizeof(buffer));
    const char *message = url_parse(text, &url);
    check_inside(text, url.user);
    check_inside(text, url.password);
    check_inside(text, url.host);
    check_inside(text, url.authority);
    check_inside(text, url.path);
    if (message || text.len >= sizeof(buffer) / 2)
        return;
    assert(url.host.len > 0 && url.port > 0);
    url_write(&written, &url);
    assert(!written.overflow && url_parse(text_slice(&written), &again) == NULL);
    assert(!again.has_user && again.port == url.port && again.secure == url.secure);
    assert(slice_equal(again.host, url.host) && slice_equal(again.path, url.path));
}

/* Where a URL's password stood, "***" stands, and nothing before it has changed. */
static void check_masked(struct slice text)
{
    struct url url;
    char buffer[8192];
    struct text masked = text_init(buffer, sizeof(buffer));
    secrets_mask(&masked, text);
    if (masked.overflow)
        return;
    assert(masked.len <= 3 * text.len);
    if (url_parse(text, &url) != NULL || url.password.len == 0)
        return;
    size_t before = (size_t)(url.password.data - text.data);
    struct slice shown = text_slice(&masked);
    assert(slice_equal(slice_take(&shown, before), slice_make(text.data, before)));
    assert(slice_starts_with(shown, SLICE("***@")));
}

static void check_masked_word(struct slice text)
{
    char buffer[8192];
    struct text masked = text_init(buffer, sizeof(buffer));
    secrets_mask_word(&masked, text);
    assert(masked.overflow || masked.len <= 3 * text.len);
}

static void check_resolved(struct slice base, struct slice control)
{
    char buffer[4096];
    struct text text = text_init(buffer, sizeof(buffer));
    struct url url;
    url_resolve(&text, base, control);
    assert(text.overflow || text.len <= base.len + control.len + 1);
    text = text_init(buffer, sizeof(buffer));
    url_base(&text, control, control, base);
    if (!text.overflow && url_parse(base, &url) == NULL)
        assert(rtsp_is_safe(text_slice(&text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);
    char out[64];
    check_masked(rest);
    if (!url_decode(rest, out, sizeof(out)))
        assert(strlen(out) < sizeof(out));
    else
        assert(strlen(out) <= size);
    struct slice first = slice_take_until(&rest, '\n');
    check_url(first);
    check_masked(first);
    check_masked_word(first);
    check_resolved(first, rest);
    return 0;
}
