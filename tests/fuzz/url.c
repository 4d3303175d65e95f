/* url: what is accepted is written back so that it parses the same, a decoded text has no NUL and
   fits, and a masked text shows no password. The first line is a URL, the rest a control or a base.
 */
#include "proto/url.h"

#include <string.h>

#include "fuzz.h"
#include "proto/rtsp.h"

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

static bool contains(struct slice whole, struct slice part)
{
    return part.len > 0 && part.data && memmem(whole.data, whole.len, part.data, part.len) != NULL;
}

/* A password of letters that stand nowhere else is gone; masking twice is masking once. */
static void check_masked(struct slice text)
{
    struct url url;
    char buffer[8192], twice[8192];
    struct text once = text_init(buffer, sizeof(buffer));
    struct text more = text_init(twice, sizeof(twice));
    url_write_masked(&once, text);
    if (once.overflow)
        return;
    url_write_masked(&more, text_slice(&once));
    assert(more.overflow || slice_equal(text_slice(&once), text_slice(&more)));
    if (url_parse(text, &url) != NULL || url.password.len < 3)
        return;
    bool elsewhere = contains(url.user, url.password) || contains(url.authority, url.password) ||
                     contains(url.path, url.password) || contains(SLICE(":***@"), url.password) ||
                     contains(SLICE("rtsps://rtsp://"), url.password);
    size_t from = (size_t)(url.password.data - text.data) + url.password.len;
    elsewhere |= contains(slice_make(text.data + from, text.len - from), url.password);
    assert(elsewhere || !contains(text_slice(&once), url.password));
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
    check_resolved(first, rest);
    return 0;
}
