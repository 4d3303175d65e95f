#include "test.h"

#include "net/route.h"

/* Of 192.0.2.0/24 and 2001:db8::/32 nobody has an address (RFC 5737, RFC 3849). */
static void test_local(void **state)
{
    static const struct {
        const char *address;
        bool local;
    } rows[] = {
        {"127.0.0.1", true},  {"127.9.8.7", true},    {"::1", true},
        {"192.0.2.1", false}, {"2001:db8::1", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address;
        assert_true(address_parse(slice_from_string(rows[i].address), 0, &address));
        assert_int_equal(route_is_local(&address), rows[i].local);
    }
}

/* Nobody has an address of a link that isn't there; one of our own is always reached. */
static void test_exists(void **state)
{
    static const struct {
        const char *address;
        bool exists;
    } rows[] = {{"127.0.0.1", true}, {"127.9.8.7", true}, {"255.255.255.255", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address;
        assert_true(address_parse(slice_from_string(rows[i].address), 554, &address));
        assert_int_equal(route_exists(&address), rows[i].exists);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_local), cmocka_unit_test(test_exists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
