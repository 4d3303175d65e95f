#include "test.h"

#include <stdlib.h>

#include "cli/probe_clean.h"

static const struct probe_secrets secrets = {SLICE("hunter22"), SLICE("00112233aabb")};

static void secrets_are_masked(void **state)
{
    (void)state;
    static const struct {
        const char *message, *shown;
    } rows[] = {
        {"OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n",
         "OPTIONS rtsp://h/a RTSP/1.0\nCSeq: 1\n"},
        {"A\r\nAuthorization: Basic dTpw\r\n\r\n", "A\nAuthorization: Basic ***\n"},
        {"A\r\nauthorization:Digest username=\"u\", response=\"0f\"\r\n",
         "A\nauthorization: Digest ***"},
        {"A\r\nAuthorization: raw\r\n", "A\nAuthorization: ***"},
        {"A\r\nProxy-Authorization: Bearer x\r\n", "A\nProxy-Authorization: Bearer ***"},
        {"A\r\nAuthorization: Digest a=1,\r\n response=\"0f\"\r\n\tmore\r\nX: 1", /* folded */
         "A\nAuthorization: Digest ***\n ***\n ***\nX: 1"},
        {"A\r\nSet-Cookie: id=7\r\nX-Api-Key: k\r\n", "A\nSet-Cookie: ***\nX-Api-Key: ***"},
        {"A\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", /* a challenge is no secret
                                                                        */
         "A\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\""},
        {"A\r\nLocation: rtsp://u:pw@h/a\r\n", "A\nLocation: rtsp://u:***@h/a"},
        {"A rtsp://h/?user=a&password=pw&x=1 RTSP/1.0",
         "A rtsp://h/?user=a&password=***&x=1 RTSP/1.0"},
        {"A rtsp://h/?PWD=p;x RTSP/1.0", "A rtsp://h/?PWD=*** RTSP/1.0"}, /* it may hold a ; */
        {"A rtsp://h/?PWD=p;x=1 RTSP/1.0", "A rtsp://h/?PWD=***;x=1 RTSP/1.0"},
        {"A rtsp://h/?pass=&x RTSP/1.0", "A rtsp://h/?pass=&x RTSP/1.0"}, /* none given */
        {"A\r\n\r\ns=my hunter22 cam\r\na=control:rtsp://u:hunter22@h/t\r\n",
         "A\n\ns=my *** cam\na=control:rtsp://u:***@h/t"},
        {"RTSP/1.0 401 no 00112233aabb or Basic dTpw\r\n", "RTSP/1.0 401 no *** or Basic ***"},
        {"RTSP/1.0 401 Digest response=\"00112233445566778899aabbccddeeff\"\r\n",
         "RTSP/1.0 401 Digest response=\"***\""},
        {"A\r\n\r\nauthorization: in a body\n", "A\n\nauthorization: in a body"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *shown = probe_cleaned(guarded(slice_from_string(rows[i].message)), &secrets, true);
        assert_string_equal(shown, rows[i].shown);
        free(shown);
    }
}

static void proofs_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *message, *proof;
    } rows[] = {
        {"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic dTpw\r\n\r\n", "dTpw"},
        {"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nauthorization: Digest username=\"u\", "
         "response=\"0f1e\", opaque=\"x\"\r\n\r\n",
         "0f1e"},
        {"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Digest x\r\n\r\n", ""},
        {"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nAuthorization: alone\r\n\r\n", ""},
        {"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", ""},
        {"OPTIONS", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice proof = probe_proof(guarded(slice_from_string(rows[i].message)));
        assert_true(slice_equal(proof, slice_from_string(rows[i].proof)));
    }
}

static void a_terminal_obeys_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *value, *shown;
    } rows[] = {
        {"plain \"quoted\" back\\slash", "plain \"quoted\" back\\slash"},
        {"\x1b[2J\x07", "\\x1b[2J\\x07"},
        {"\xc2\x9b"
         "2J \xe2\x80\xae \xe2\x80\xa8",
         "\\u009b2J \\u202e \\u2028"},
        {"a\rb", "a\\rb"}, /* a CR alone would overwrite the line */
        {"caf\xc3\xa9 \xff", "caf\xc3\xa9 \\xff"},
        {"", ""},
        {"\n", ""},
        {"a\n\nb", "a\n\nb"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *shown = probe_cleaned(guarded(slice_from_string(rows[i].value)), &secrets, false);
        assert_string_equal(shown, rows[i].shown);
        free(shown);
    }
}

/* The most that a message may grow: every byte escaped, or a password of one letter everywhere. */
static void there_is_room_for_all(void **state)
{
    (void)state;
    static char escapes[3000], urls[3001];
    memset(escapes, 1, sizeof(escapes));
    for (size_t i = 0; i + 7 <= 3000; i += 7)
        memcpy(urls + i, "://u:p@", 7);
    char *shown = probe_cleaned(slice_make(escapes, sizeof(escapes)), &secrets, false);
    assert_int_equal(strlen(shown), 4 * sizeof(escapes));
    free(shown);
    shown = probe_cleaned(slice_from_string(urls), &secrets, false);
    assert_null(strstr(shown, ":p@"));
    free(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(proofs_are_found),
        cmocka_unit_test(a_terminal_obeys_nothing),
        cmocka_unit_test(there_is_room_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
