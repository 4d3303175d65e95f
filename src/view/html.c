#include "view/html.h"

#include <assert.h>
#include <string.h>

#include "base/file.h"
#include "view/json.h"
#include "view/json_dump.h"
#include "view/web.h"

/* Even if data were taken for markup, nothing would be fetched. */
#define POLICY                                                                                     \
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "                  \
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"

static void add(FILE *stream, struct slice bytes)
{
    fwrite(bytes.data, 1, bytes.len, stream);
}

/* What page has before marker; page goes on behind it. */
static struct slice take_before(struct slice *page, const char *marker)
{
    size_t len = strlen(marker);
    const uint8_t *at = memmem(page->data, page->len, marker, len);
    assert(at);
    struct slice before = slice_make(page->data, (size_t)(at - page->data));
    *page = slice_make(at + len, page->len - before.len - len);
    return before;
}

/* "<" could begin "</script>" or "<!--"; in JSON it only stands in strings, where it can be
   escaped. */
static int add_without_markup(const char *bytes, size_t len, void *context)
{
    FILE *stream = context;
    for (const char *end = bytes + len; bytes < end;) {
        const char *stop = memchr(bytes, '<', (size_t)(end - bytes));
        size_t n = (size_t)((stop ? stop : end) - bytes);
        fwrite(bytes, 1, n, stream);
        if (stop)
            fputs("\\u003c", stream);
        bytes += n + (stop != NULL);
    }
    return ferror(stream) ? -1 : 0;
}

static void write_page(json_t *results, FILE *stream)
{
    struct web_assets web;
    json_t *data = json_pack("{s:O}", "results", results);
    bool there = web_assets(&web);
    assert(there && data);
    add(stream, take_before(&web.page, WEB_STYLE));
    fputs(POLICY "<style>", stream);
    add(stream, web.style);
    fputs("</style>", stream);
    add(stream, take_before(&web.page, WEB_SCRIPT));
    fputs("<script type=\"application/json\" id=\"data\">", stream);
    json_dump_callback(data, add_without_markup, stream, JSON_COMPACT | VIEW_JSON_FORMAT);
    fputs("</script>\n<script>", stream);
    add(stream, web.script);
    fputs("</script>", stream);
    add(stream, web.page);
    json_decref(data);
}

/* A copy, down to the results themselves, without what no chart is drawn from. */
static json_t *without_timelines(json_t *results)
{
    json_t *slim = json_array(), *one;
    size_t i;
    json_array_foreach(results, i, one)
    {
        json_t *copy = json_copy(one);
        json_t *result = json_copy(json_object_get(one, "result"));
        if (json_object_get(result, "series"))
            json_object_del(result, "timeline");
        json_object_set_new(copy, "result", result);
        json_array_append_new(slim, copy);
    }
    return slim;
}

bool view_html_available(void)
{
    struct web_assets web;
    return web_assets(&web);
}

int view_html_write(json_t *results, const char *path)
{
    struct file file;
    int error = file_open(&file, path);
    if (error)
        return error;
    json_t *slim = without_timelines(results);
    write_page(slim, file.stream);
    json_decref(slim);
    return file_commit(&file);
}

int view_html_write_run(const struct snapshot *snapshot, const char *path)
{
    json_t *result = view_json_result(snapshot);
    json_t *results = json_pack("[{s:s, s:o}]", "name", "this run", "result", result);
    assert(results);
    int error = view_html_write(results, path);
    json_decref(results);
    return error;
}
