#include "test.h"

#include "base/text.h"
#include "cli/listen.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *address; /* NULL: refused */
        bool loopback;
    } rows[] = {
        {"127.0.0.1:8080", "127.0.0.1:8080", true},
        {"127.9.9.9:1", "127.9.9.9:1", true},
        {"0.0.0.0:80", "0.0.0.0:80", false},
        {"192.0.2.1:65535", "192.0.2.1:65535", false},
        {"[::1]:8080", "[::1]:8080", true},
        {"[::]:8080", "[::]:8080", false},
        {"[2001:db8::1]:9", "[2001:db8::1]:9", false},
        {"localhost:8080", "127.0.0.1:8080", true},
        {"LOCALHOST:1", "127.0.0.1:1", true},
        {":8080", "127.0.0.1:8080", true},
        {"8080", "127.0.0.1:8080", true},
        {":0", "127.0.0.1:0", true},
        {"", NULL, false},
        {":", NULL, false},
        {"127.0.0.1", NULL, false},
        {"127.0.0.1:", NULL, false},
        {"127.0.0.1:65536", NULL, false},
        {"127.0.0.1:-1", NULL, false},
        {"127.0.0.1:80x", NULL, false},
        {"example.org:80", NULL, false},
        {"::1:80", NULL, false},
        {"[::1]", NULL, false},
        {"[]:80", NULL, false},
        {"[127.0.0.1]:80", NULL, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char room[80];
        struct text text = text_init(room, sizeof(room));
        struct address address = {0};
        bool ok = listen_parse(rows[i].text, &address);
        if (ok != (rows[i].address != NULL))
            print_error("'%s'\n", rows[i].text);
        assert_int_equal(ok, rows[i].address != NULL);
        if (!ok)
            continue;
        address_write(&text, &address);
        assert_string_equal(text_string(&text), rows[i].address);
        assert_int_equal(listen_is_loopback(&address), rows[i].loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
