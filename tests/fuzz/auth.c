/* auth: any reply's challenge is answered in one line that proves its credentials and no others;
   any authorization is checked without harm. The first line is a user, the second a password. */
#include "proto/auth.h"

#include <string.h>

#include "fuzz.h"

#define METHOD SLICE("PLAY")
#define URL SLICE("rtsp://h/a\"b\\")

/* One header line: its only line end is at its end. */
static struct slice value_of(struct slice line)
{
    struct slice name = SLICE("Authorization: ");
    assert(slice_starts_with(line, name) && line.len > name.len + 2);
    slice_take(&line, name.len);
    assert(line.data[line.len - 2] == '\r' && line.data[line.len - 1] == '\n');
    line.len -= 2;
    assert(rtsp_is_safe(line));
    return line;
}

static void check_answer(struct auth_challenge *challenge, const struct auth_credentials *who)
{
    static char buffer[65536];
    struct text text = text_init(buffer, sizeof(buffer));
    struct auth_credentials wrong = {who->user, SLICE("\1 not the password")};
    auth_write(&text, challenge, who, METHOD, URL, SLICE("0123456789abcdef"));
    assert(challenge->nonce_count == 1);
    if (text.overflow)
        return;
    struct slice value = value_of(text_slice(&text));
    if (challenge->scheme == AUTH_DIGEST || who->user.len + who->password.len < 1500)
        assert(auth_check(value, challenge, who, METHOD, URL));
    if (!slice_equal(who->password, wrong.password))
        assert(!auth_check(value, challenge, &wrong, METHOD, URL));
    if (challenge->scheme == AUTH_DIGEST)
        assert(!auth_check(value, challenge, who, METHOD, SLICE("rtsp://h/")));
}

static void check_reply(struct slice lines, const struct auth_credentials *who)
{
    static char buffer[65536];
    struct text text = text_init(buffer, sizeof(buffer));
    struct rtsp_message reply;
    struct auth_challenge challenge;
    text_add_string(&text, "RTSP/1.0 401 x\nWWW-Authenticate: ");
    text_add(&text, lines);
    text_add_string(&text, "\n\n");
    if (text.overflow || rtsp_parse(text_slice(&text), &reply) != RTSP_DONE)
        return;
    enum auth_result result = auth_choose(&reply, &challenge);
    assert((result == AUTH_OK) == (challenge.scheme != AUTH_NONE));
    assert((size_t)challenge.realm_len + challenge.nonce_len + challenge.opaque_len <=
           AUTH_TEXT_MAX);
    if (result == AUTH_OK)
        check_answer(&challenge, who);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);
    struct auth_credentials who;
    struct auth_challenge digest, basic;
    who.user = slice_take_until(&rest, '\n');
    who.password = slice_take_until(&rest, '\n');
    check_reply(rest, &who);
    auth_challenge_make(&digest, AUTH_DIGEST, AUTH_MD5, SLICE("realm"), SLICE("nonce"));
    auth_challenge_make(&basic, AUTH_BASIC, AUTH_MD5, SLICE("realm"), SLICE(""));
    /* The secret is not in the input, so nothing there proves it. */
    struct auth_credentials secret = {SLICE("user"), SLICE("f3b1c8e6-secret")};
    assert(!auth_check(rest, &digest, &secret, METHOD, URL));
    assert(!auth_check(rest, &basic, &secret, METHOD, URL));
    return 0;
}
