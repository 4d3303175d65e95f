#include "test.h"

#include "view/visitors.h"

static void our_hosts(void **state)
{
    static const struct {
        const char *host;
        bool ours;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.0.0.1:8080", true},
        {"192.0.2.1:1", true},
        {"localhost", true},
        {"LocalHost:8080", true},
        {"[::1]", true},
        {"[::1]:8080", true},
        {"[2001:db8::1]", true},
        {"evil.example", false},
        {"evil.example:8080", false},
        {"127.0.0.1.evil.example", false},
        {"1.2.3", false},
        {"1.2.3.4.5", false},
        {"....", false},
        {"[evil.com", false},
        {"[evil.com]", false},
        {"[evil.com]:80", false},
        {"[::1", false},
        {"[::1]evil.com", false},
        {"[::1]:evil.com", false},
        {"[127.0.0.1]", false},
        {"::1", false},
        {"127.0.0.1:99999", false},
        {"127.0.0.1:evil.com", false},
        {"127.0.0.1@evil.com", false},
        {"localhost.evil.com", false},
        {"[]", false},
        {"[", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (visitors_is_our_host(rows[i].host) != rows[i].ours)
            fail_msg("'%s'", rows[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(our_hosts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
