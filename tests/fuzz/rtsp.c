/* rtsp: slices stay inside the input, and prefixes agree with the whole: a good message is never
   bad or done early, what is bad stays bad, and more input behind a message changes nothing. */
#include "proto/rtsp.h"

#include <string.h>

#include "fuzz.h"

static void check_headers(struct slice input, const struct rtsp_message *message)
{
    static const char *const names[] = {"CSeq", "Session", "WWW-Authenticate", "a", ""};
    struct slice id;
    uint32_t timeout_s;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct slice value = rtsp_header(message, names[i], 0);
        check_inside(input, value);
        rtsp_list_has(value, "auth");
        rtsp_retry_after_s(value);
        if (rtsp_session_parse(value, &id, &timeout_s)) {
            assert(id.len > 0 && id.len <= 255 && rtsp_is_safe(id));
            check_inside(value, id);
        }
        assert(timeout_s >= 1 && timeout_s <= 86400);
    }
}

static void check_message(struct slice input, enum rtsp_result result,
                          const struct rtsp_message *message)
{
    check_inside(input, message->method_name);
    check_inside(input, message->url);
    check_inside(input, message->reason);
    check_inside(input, message->headers);
    check_inside(input, message->body);
    assert((result == RTSP_BAD) == (message->bad != RTSP_BAD_NONE));
    assert((result == RTSP_DONE) == (message->length > 0));
    check_headers(input, message);
    if (!message->head_complete)
        return;
    assert(message->head_length <= RTSP_HEAD_MAX && message->content_length <= RTSP_BODY_MAX);
    assert(message->is_request ? message->url.len > 0 && rtsp_is_safe(message->url)
                               : message->status >= 100 && message->status <= 599);
    if (result == RTSP_DONE) {
        assert(message->length == message->head_length + message->content_length);
        assert(message->length <= input.len && message->body.len == message->content_length);
    }
}

static void check_prefix(struct slice prefix, size_t whole_len, enum rtsp_result whole_result,
                         const struct rtsp_message *whole)
{
    struct rtsp_message message;
    enum rtsp_result result = rtsp_parse(prefix, &message);
    check_message(prefix, result, &message);
    switch (whole_result) {
    case RTSP_DONE:
        assert(result == (prefix.len < whole->length ? RTSP_NEED_MORE : RTSP_DONE));
        break;
    case RTSP_NEED_MORE:
        assert(result == RTSP_NEED_MORE);
        break;
    case RTSP_BAD:
        assert(result == RTSP_NEED_MORE || (result == RTSP_BAD && message.bad == whole->bad));
        break;
    }
    if (prefix.len == whole_len)
        assert(result == whole_result && memcmp(&message, whole, sizeof(message)) == 0);
}

/* Every prefix of small inputs, some of large ones. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_make(data, size);
    struct rtsp_message message;
    enum rtsp_result result = rtsp_parse(input, &message);
    check_message(input, result, &message);
    size_t step = size / 128 + 1;
    for (size_t n = 0; n <= size; n += step)
        check_prefix(slice_make(data, n), size, result, &message);
    return 0;
}
