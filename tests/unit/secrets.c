#include "test.h"

#include "proto/secrets.h"

struct row {
    const char *text, *shown;
};

static void assert_rows(void (*mask)(struct text *, struct slice), const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char buffer[256];
        struct text text = text_init(buffer, sizeof(buffer));
        mask(&text, guarded(slice_from_string(rows[i].text)));
        assert_string_equal(text_string(&text), rows[i].shown);
    }
}

static void passwords_of_urls(void **state)
{
    static const struct row rows[] = {
        {"rtsp://u:secret@h/a", "rtsp://u:***@h/a"},
        {"rtsp://u:secret@h", "rtsp://u:***@h"},
        {"rtsps://u:se@cret@h:1/a", "rtsps://u:***@h:1/a"},
        {"rtsp://u:a:b@[::1]:1/a", "rtsp://u:***@[::1]:1/a"},
        {"rtsp://rtsp://u:secret@h/a", "rtsp://rtsp://u:***@h/a"},
        {"http://u:secret@h?x", "http://u:***@h?x"},
        {"a rtsp://u:secret@h/a, \"rtsp://v:secret@i\": b",
         "a rtsp://u:***@h/a, \"rtsp://v:***@i\": b"},
        {"'rtsp://u:s'e<c>ret@h/a'", "'rtsp://u:***@h/a'"},
        {"rtsp://u:sec/ret@h/a", "rtsp://u:***@h/a"},
        {"rtsp://u:sec?ret@h/a", "rtsp://u:***@h/a"},
        {"rtsp://u:sec#ret@h/a", "rtsp://u:***@h/a"},
        {"rtsp://u:12#ret@h/a", "rtsp://u:***@h/a"}, /* begins like a port */
        {"rtsp://u:s@c#r@h/a", "rtsp://u:***@h/a"},
        {"rtsp://u:sec:/ret@h/a", "rtsp://u:***@h/a"}, /* no IPv6 address */
        {"rtsp://u:/secret@h/a", "rtsp://u:***@h/a"},
        {"rtsp://u@h/a", "rtsp://u@h/a"},
        {"rtsp://h:554/a@b", "rtsp://h:554/a@b"},
        {"rtsp://h/a:b@c", "rtsp://h/a:b@c"},
        {"rtsp://[::1]:554/a@b", "rtsp://[::1]:554/a@b"},
        {"rtsp://::1/a@b", "rtsp://::1/a@b"},
        {"no URL: a@b", "no URL: a@b"},
        {"rtsp://", "rtsp://"},
        {"://:@", "://:***@"},
        {"", ""},
    };
    (void)state;
    assert_rows(secrets_mask, rows, sizeof(rows) / sizeof(rows[0]));
}

static void values_by_their_names(void **state)
{
    static const struct row rows[] = {
        {"rtsp://h/a?user=u&password=p&x=1", "rtsp://h/a?user=u&password=***&x=1"},
        {"?passwd=p", "?passwd=***"},
        {"?pwd=p", "?pwd=***"},
        {"?pass=p", "?pass=***"},
        {"?token=p", "?token=***"},
        {"?access_token=p", "?access_token=***"},
        {"?auth=p", "?auth=***"},
        {"?key=p", "?key=***"},
        {"?api_key=p&streamkey=q", "?api_key=***&streamkey=***"},
        {"?secret=p", "?secret=***"},
        {"?sig=p", "?sig=***"},
        {"?signature=p", "?signature=***"},
        {"?X-Amz-Signature=p&X-Amz-Date=d", "?X-Amz-Signature=***&X-Amz-Date=d"},
        {"?TOKEN=p", "?TOKEN=***"},
        {"?login[password]=p", "?login[password]=***"},
        {"?token=", "?token="}, /* none given */
        {"?token=&x", "?token=&x"},
        {"?token=a=b/c?d+e==&x=1", "?token=***&x=1"}, /* base64 as it is */
        {"?token=a;b,c'd>e", "?token=***"},
        {"?token=a;x=1,token=b", "?token=***;x=1,token=***"},
        {"at 'rtsp://h/?token=a', line 1",
         "at 'rtsp://h/?token=***, line 1"}, /* rather too much ... */
        {"<rtsp://h/?token=a> 'rtsp://h/?token=a' (?key=b)",
         "<rtsp://h/?token=***> 'rtsp://h/?token=***' (?key=***)"},
        {"rtsp://h/user=a_password=b_channel=1?x&y=1", "rtsp://h/user=a_password=***&y=1"},
        {"password=\"a b&c\", x", "password=\"***\", x"},
        {"password='a b&c', x", "password='***', x"},
        {"password=\"a", "password=\"***"}, /* ... than too little */
        {"Digest realm=\"r\", nonce=\"n\", response=\"00112233445566778899aabbccddeeff\", qop=auth",
         "Digest realm=\"r\", nonce=\"n\", response=\"***\", qop=auth"},
        {"response=00112233445566778899AABBCCDDEEFF", "response=***"},
        {"response=ok", "response=ok"},
        {"config=1408; profile-level-id=42; mode=x", "config=1408; profile-level-id=42; mode=x"},
        {"?author=a&tracks=all&keyframes=1&drop=1/100",
         "?author=a&tracks=all&keyframes=1&drop=1/100"},
        {"=", "="},
    };
    (void)state;
    assert_rows(secrets_mask, rows, sizeof(rows) / sizeof(rows[0]));
}

static void proofs(void **state)
{
    static const struct row rows[] = {
        {"401 no Basic dTpw", "401 no Basic ***"}, /* u:p */
        {"401 no basic Ym9iOmh1bnRlcjI=, sorry", "401 no basic ***, sorry"},
        {"Basic YWJjOg==", "Basic ***"}, /* abc: */
        {"Basic authentication required", "Basic authentication required"},
        {"Basic realm=\"x\"", "Basic realm=\"x\""},
        {"Basic credentials were wrong", "Basic credentials were wrong"},
        {"Bearer 0123456789abcdef.", "Bearer ***"},
        {"Bearer authorization", "Bearer authorization"},
        {"Bearer realm=\"a long one it is\"", "Bearer realm=\"a long one it is\""},
        {"Basic ", "Basic "},
    };
    (void)state;
    assert_rows(secrets_mask, rows, sizeof(rows) / sizeof(rows[0]));
}

static void words_that_are_no_urls(void **state)
{
    static const struct row rows[] = {
        {"rtsp:/bob:secret@h/x", "rtsp:/bob:***@h/x"},
        {"rtsp:bob:secret@h/x", "rtsp:bob:***@h/x"},
        {"RTSPS:\\\\bob:secret@h", "RTSPS:\\\\bob:***@h"},
        {"bob:secret@h/x", "bob:***@h/x"},
        {"bob:se/cr@et@h/x", "bob:***@h/x"},
        {"rtsp//bob:secret@h", "rtsp//bob:***@h"},
        {"rtsp:/secret@h/x", "rtsp:/***@h/x"}, /* whose, and what? */
        {"bob@h/x", "bob@h/x"},
        {"rtsp://bob:secret@h/x@y", "rtsp://bob:***@h/x@y"},
        {"bob:secret@h/x?token=t", "bob:***@h/x?token=***"},
        {"rtsp:/u:secret@h?next=http://v:secret@i", "rtsp:/u:***@i"},
        {"prob", "prob"},
        {"@", "@"},
        {"", ""},
    };
    (void)state;
    assert_rows(secrets_mask_word, rows, sizeof(rows) / sizeof(rows[0]));
}

static void headers_by_their_names(void **state)
{
    (void)state;
    assert_true(secrets_in_header(SLICE("Authorization")));
    assert_true(secrets_in_header(SLICE("proxy-authorization")));
    assert_true(secrets_in_header(SLICE("Set-Cookie")));
    assert_true(secrets_in_header(SLICE("X-Access-Token")));
    assert_true(secrets_in_header(SLICE("X-API-Key")));
    assert_false(secrets_in_header(SLICE("WWW-Authenticate")));
    assert_false(secrets_in_header(SLICE("Accept")));
    assert_false(secrets_in_header(SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_of_urls),
        cmocka_unit_test(values_by_their_names),
        cmocka_unit_test(proofs),
        cmocka_unit_test(words_that_are_no_urls),
        cmocka_unit_test(headers_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
