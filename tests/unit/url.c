#include "test.h"

#include "proto/url.h"

static void assert_slice(struct slice actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.len);
}

/* ---- Parsing ---- */

static const struct {
    const char *text;
    const char *host;
    uint16_t port;
    bool secure, has_port, has_user;
    const char *user, *password;
    const char *written;
} rows[] = {
    {"rtsp://host/path", "host", 554, 0, 0, 0, "", "", "rtsp://host/path"},
    {"rtsp://host", "host", 554, 0, 0, 0, "", "", "rtsp://host"},
    {"rtsp://host:8554/", "host", 8554, 0, 1, 0, "", "", "rtsp://host:8554/"},
    {"rtsp://host:/a", "host", 554, 0, 0, 0, "", "", "rtsp://host:/a"},
    {"RTSP://Host/Path", "Host", 554, 0, 0, 0, "", "", "rtsp://Host/Path"},
    {"rtsps://host/a", "host", 322, 1, 0, 0, "", "", "rtsps://host/a"},
    {"rtsps://host:8322/a", "host", 8322, 1, 1, 0, "", "", "rtsps://host:8322/a"},
    {"rtsp://host?a=b", "host", 554, 0, 0, 0, "", "", "rtsp://host?a=b"},
    {"rtsp://h/a?b=c&d=/e?f#g", "h", 554, 0, 0, 0, "", "", "rtsp://h/a?b=c&d=/e?f"},
    {"rtsp://h#g", "h", 554, 0, 0, 0, "", "", "rtsp://h"},
    {"rtsp://h/%C3%A9%2f", "h", 554, 0, 0, 0, "", "", "rtsp://h/%C3%A9%2f"},
    {"rtsp://h/\xc3\xa9", "h", 554, 0, 0, 0, "", "", "rtsp://h/\xc3\xa9"},
    {"rtsp://h/a#b@c", "h", 554, 0, 0, 0, "", "", "rtsp://h/a"},
    {"rtsp://h/a@b:c", "h", 554, 0, 0, 0, "", "", "rtsp://h/a@b:c"},
    {"rtsp://u:p@h:1/a", "h", 1, 0, 1, 1, "u", "p", "rtsp://h:1/a"},
    {"rtsp://u@h/a", "h", 554, 0, 0, 1, "u", "", "rtsp://h/a"},
    {"rtsp://u:@h/a", "h", 554, 0, 0, 1, "u", "", "rtsp://h/a"},
    {"rtsp://@h/a", "h", 554, 0, 0, 1, "", "", "rtsp://h/a"},
    {"rtsp://u:p:q@h/a", "h", 554, 0, 0, 1, "u", "p:q", "rtsp://h/a"},
    {"rtsp://u:p@ss@h/a", "h", 554, 0, 0, 1, "u", "p@ss", "rtsp://h/a"},
    {"rtsp://u%40x:p%3A@h/a", "h", 554, 0, 0, 1, "u%40x", "p%3A", "rtsp://h/a"},
    {"rtsp://[::1]:65535/a", "::1", 65535, 0, 1, 0, "", "", "rtsp://[::1]:65535/a"},
    {"rtsp://[2001:db8::1]", "2001:db8::1", 554, 0, 0, 0, "", "", "rtsp://[2001:db8::1]"},
    {"rtsp://u:p@[fe80::1%25eth0]:8554/a", "fe80::1%25eth0", 8554, 0, 1, 1, "u", "p",
     "rtsp://[fe80::1%25eth0]:8554/a"},
    /* quirk 5 */
    {"rtsp://rtsp://host/a", "host", 554, 0, 0, 0, "", "", "rtsp://host/a"},
    {"rtsp://rtsps://u:p@host/a", "host", 322, 1, 0, 1, "u", "p", "rtsps://host/a"},
    /* quirk 6 */
    {"rtsp://::ffff:1.2.3.4/a", "::ffff:1.2.3.4", 554, 0, 0, 0, "", "", "rtsp://::ffff:1.2.3.4/a"},
    {"rtsp://u:p@fe80::1%eth0/", "fe80::1%eth0", 554, 0, 0, 1, "u", "p", "rtsp://fe80::1%eth0/"},
};

static void test_parse(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct url url;
        char buffer[128];
        struct text written = text_init(buffer, sizeof(buffer));
        struct slice text = slice_from_string(rows[i].text);
        print_message("%s\n", rows[i].text);
        for (size_t n = 0; n < text.len; n++)
            url_parse(guarded_again(slice_make(text.data, n)), &url);
        assert_null(url_parse(guarded(text), &url));
        assert_slice(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.secure, rows[i].secure);
        assert_int_equal(url.has_port, rows[i].has_port);
        assert_int_equal(url.has_user, rows[i].has_user);
        assert_slice(url.user, rows[i].user);
        assert_slice(url.password, rows[i].password);
        url_write(&written, &url);
        assert_slice(text_slice(&written), rows[i].written);
    }
}

static void test_parse_refuses(void **state)
{
    static const struct {
        struct slice text;
        const char *about; /* a word of the message */
    } refused[] = {
        {SLICE(""), "start"},
        {SLICE("host/path"), "start"},
        {SLICE("http://host/"), "start"},
        {SLICE("file:///etc/passwd"), "start"},
        {SLICE("rtsp:/host"), "start"},
        {SLICE("rtsp://"), "host"},
        {SLICE("rtsp:///path"), "host"},
        {SLICE("rtsp://:554/"), "host"},
        {SLICE("rtsp://u:p@/"), "host"},
        {SLICE("rtsp://rtsp://"), "host"},
        {SLICE("rtsp://u:p@rtsp://h/"), "scheme"},
        {SLICE("rtsp://h:0/"), "port"},
        {SLICE("rtsp://h:65536/"), "port"},
        {SLICE("rtsp://h:70000/"), "port"},
        {SLICE("rtsp://h:99999999999999999999/"), "port"},
        {SLICE("rtsp://h:-1/"), "port"},
        {SLICE("rtsp://h:port/"), "port"},
        {SLICE("rtsp://u:pa/ss@h/"), "password"},
        {SLICE("rtsp://u:pa?ss@h/"), "password"},
        {SLICE("rtsp://u:pa#ss@h/"), "password"},
        {SLICE("rtsp://u:12#ss@h/"), "password"}, /* what precedes the # may be a port */
        {SLICE("rtsp://u:p@a#ss@h/"), "password"},
        {SLICE("rtsp://u:/pass@h/"), "password"},
        {SLICE("rtsp://h:1:2/"), "more than one :"},
        {SLICE("rtsp://[::1/"), "]"},
        {SLICE("rtsp://[]/"), "IPv6"},
        {SLICE("rtsp://[host]/"), "IPv6"},
        {SLICE("rtsp://[::1]x/"), "IPv6"},
        {SLICE("rtsp://[::1]:x/"), "port"},
        {SLICE("rtsp://h/a b"), "space"},
        {SLICE(" rtsp://h/"), "space"},
        {SLICE("rtsp://h/\r\nX: y"), "control"},
        {SLICE("rtsp://h/\0"), "control"},
        {SLICE("rtsp://h/\x7f"), "control"},
        {SLICE("rtsp://h/\"x"), "quote"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct url url;
        const char *message = url_parse(guarded(refused[i].text), &url);
        print_message("%s\n", (const char *)refused[i].text.data);
        assert_non_null(message);
        assert_non_null(strstr(message, refused[i].about));
    }
}

/* ---- Resolving ---- */

static void test_resolve(void **state)
{
    static const struct {
        const char *base, *control, *expected;
    } resolved[] = {
        {"rtsp://h/a", "trackID=1", "rtsp://h/a/trackID=1"},
        {"rtsp://h/a/", "trackID=1", "rtsp://h/a/trackID=1"},
        {"rtsp://h", "trackID=1", "rtsp://h/trackID=1"},
        {"rtsp://h/a", "*", "rtsp://h/a"},
        {"rtsp://h/a", "", "rtsp://h/a"},
        {"rtsp://h/a", " ", "rtsp://h/a"},
        {"rtsp://h/a", " track1 \r", "rtsp://h/a/track1"},
        /* quirks 1 and 2 */
        {"rtsp://h/cam?channel=1&subtype=2/", "trackID=0",
         "rtsp://h/cam?channel=1&subtype=2/trackID=0"},
        {"rtsp://h/cam?q=1", "trackID=0", "rtsp://h/cam?q=1/trackID=0"},
        {"rtsp://h/a", "?ctype=video", "rtsp://h/a/?ctype=video"},
        /* quirk 3 */
        {"rtsp://h/a/", "rtsp://h/a/trackID=1?transportmode=unicast&p=x",
         "rtsp://h/a/trackID=1?transportmode=unicast&p=x"},
        {"rtsp://h/a/", "RTSP://other/b", "RTSP://other/b"},
        {"rtsps://h/a/", "rtsps://h/b", "rtsps://h/b"},
        /* quirk 8 */
        {"rtsp://h/a", "/track1", "rtsp://h/a/track1"},
        {"rtsp://h/a/", "/track1", "rtsp://h/a/track1"},
        {"rtsp://h/a/", "/", "rtsp://h/a/"},
        /* quirk 69 */
        {"rtsp://h/a", "stream=0", "rtsp://h/a/stream=0"},
        {"rtsp://h/a", "streamid=1", "rtsp://h/a/streamid=1"},
        /* hostile 36: no path arithmetic */
        {"rtsp://h/a", "../b", "rtsp://h/a/../b"},
        {"rtsp://h/a", "x?u=rtsp://y", "rtsp://h/a/x?u=rtsp://y"},
        {"", "a", "/a"},
    };
    for (size_t i = 0; i < sizeof(resolved) / sizeof(resolved[0]); i++) {
        char buffer[128];
        struct text text = text_init(buffer, sizeof(buffer));
        struct slice base = guarded(slice_from_string(resolved[i].base));
        url_resolve(&text, base, guarded(slice_from_string(resolved[i].control)));
        assert_string_equal(text_string(&text), resolved[i].expected);
    }
}

static void test_base(void **state)
{
    static const struct {
        const char *base, *location, *request, *expected;
    } bases[] = {
        {NULL, NULL, "rtsp://h/a", "rtsp://h/a"},
        {"", " ", "rtsp://h/a", "rtsp://h/a"},
        {"rtsp://h/b/", NULL, "rtsp://h/a", "rtsp://h/b/"},
        {NULL, "rtsp://h/c/", "rtsp://h/a", "rtsp://h/c/"},
        {"rtsp://h/b/", "rtsp://h/c/", "rtsp://h/a", "rtsp://h/b/"},
        {" rtsp://10.0.0.1:554/b?x=1&y=2/ ", NULL, "rtsp://h/a", "rtsp://10.0.0.1:554/b?x=1&y=2/"},
        {"rtsp://u:p@h/b/", NULL, "rtsp://h/a", "rtsp://h/b/"},
        /* quirk 4 */
        {"10.0.0.1:554/b/", NULL, "rtsp://h/a", "rtsp://10.0.0.1:554/b/"},
        {"10.0.0.1/b/", NULL, "rtsps://h/a", "rtsps://10.0.0.1/b/"},
        {"cam:8554/b/", NULL, "rtsp://cam:8554/a", "rtsp://cam:8554/b/"},
        {"[::1]:554/b", NULL, "rtsp://[::1]/a", "rtsp://[::1]:554/b"},
        /* quirk 5 */
        {"rtsp://rtsp://h/b/", NULL, "rtsp://h/a", "rtsp://h/b/"},
        /* quirk 6 */
        {"rtsp://::ffff:1.2.3.4/b/", NULL, "rtsp://h/a", "rtsp://::ffff:1.2.3.4/b/"},
        /* quirk 7 */
        {"/b/", NULL, "rtsp://h:8554/a", "rtsp://h:8554/b/"},
        {"/b/", NULL, "rtsps://[::1]/a", "rtsps://[::1]/b/"},
        {"live.sdp/", NULL, "rtsp://h:8554/live.sdp", "rtsp://h:8554/live.sdp/"},
        /* what is of no use, or dangerous, is passed over */
        {"http://h/b/", "rtsp://h/c", "rtsp://h/a", "rtsp://h/c"},
        {"file:///b", NULL, "rtsp://h/a", "rtsp://h/a"},
        {"rtsp://h:99999/b/", NULL, "rtsp://h/a", "rtsp://h/a"},
        {"rtsp://h/b\r\nX: y", "/c\"", "rtsp://h/a", "rtsp://h/a"},
    };
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        char buffer[128];
        struct text text = text_init(buffer, sizeof(buffer));
        url_base(&text, guarded(slice_from_string(bases[i].base)),
                 guarded(slice_from_string(bases[i].location)),
                 guarded(slice_from_string(bases[i].request)));
        assert_string_equal(text_string(&text), bases[i].expected);
    }
}

/* ---- Decoding ---- */

static void test_decode(void **state)
{
    static const struct {
        struct slice encoded;
        bool good;
        const char *expected;
    } decoded[] = {
        {SLICE("plain"), true, "plain"},
        {SLICE("p%40ss%3aword"), true, "p@ss:word"},
        {SLICE("%c3%A9"), true, "\xc3\xa9"},
        {SLICE("100%"), true, "100%"},
        {SLICE("100%4"), true, "100%4"},
        {SLICE("%zz%-1%+1"), true, "%zz%-1%+1"},
        {SLICE("%2525"), true, "%25"},
        {SLICE("a+b"), true, "a+b"},
        {SLICE("a%00b"), false, "a"},
        {SLICE("a\0b"), false, "a"},
        {SLICE("1234567890123456"), false, "123456789012345"},
        {SLICE("123456789012345"), true, "123456789012345"},
        {SLICE("12345678901234%35"), true, "123456789012345"},
        {SLICE(""), true, ""},
    };
    char out[16];
    for (size_t i = 0; i < sizeof(decoded) / sizeof(decoded[0]); i++) {
        memset(out, 'x', sizeof(out));
        assert_int_equal(url_decode(guarded(decoded[i].encoded), out, sizeof(out)),
                         decoded[i].good);
        assert_string_equal(out, decoded[i].expected);
    }
    assert_false(url_decode(SLICE("a"), out, 1));
    assert_true(url_decode(SLICE(""), out, 1));
    assert_false(url_decode(SLICE("a"), out, 0));
}

/* Nothing is written past the buffer, and the overflow is remembered. */
static void test_overflow(void **state)
{
    for (size_t size = 0; size < 20; size++) {
        char buffer[20];
        memset(buffer, 'x', sizeof(buffer));
        struct text text = text_init(buffer, size);
        url_resolve(&text, SLICE("rtsp://host/a"), SLICE("track1"));
        assert_true(text.overflow);
        for (size_t i = size; i < sizeof(buffer); i++)
            assert_int_equal(buffer[i], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),   cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_resolve), cmocka_unit_test(test_base),
        cmocka_unit_test(test_decode),  cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
