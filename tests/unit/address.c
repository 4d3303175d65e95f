#include "test.h"

#include <arpa/inet.h>
#include <net/if.h>

#include "net/address.h"

static struct address parse(const char *text)
{
    struct address out;
    assert_true(address_parse(slice_from_string(text), 554, &out));
    return out;
}

static void test_parse_and_write(void **state)
{
    static const struct {
        const char *text;
        sa_family_t family;
        const char *written;
        const char *host;
    } rows[] = {
        {"127.0.0.1", AF_INET, "127.0.0.1:554", "127.0.0.1"},
        {"255.255.255.255", AF_INET, "255.255.255.255:554", "255.255.255.255"},
        {"::1", AF_INET6, "[::1]:554", "[::1]"},
        {"2001:DB8:0:0:0:0:0:1", AF_INET6, "[2001:db8::1]:554", "[2001:db8::1]"},
        {"::ffff:10.0.0.1", AF_INET6, "[::ffff:10.0.0.1]:554", "[::ffff:10.0.0.1]"},
        {"fe80::1%1", AF_INET6, "[fe80::1%lo]:554", "[fe80::1%lo]"},
        {"fe80::1%lo", AF_INET6, "[fe80::1%lo]:554", "[fe80::1%lo]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char written[80], host[80];
        struct text to = text_init(written, sizeof(written));
        struct text to_host = text_init(host, sizeof(host));
        struct address out = parse(rows[i].text);
        assert_int_equal(out.family, rows[i].family);
        assert_int_equal(address_port(&out), 554);
        address_write(&to, &out);
        address_write_host(&to_host, &out);
        assert_string_equal(text_string(&to), rows[i].written);
        assert_string_equal(text_string(&to_host), rows[i].host);
    }
}

static void test_rejected(void **state)
{
    static const char *const rows[] = {
        "",
        "localhost",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4x",
        "[::1]",
        "::1]",
        ":",
        ":::",
        "1:2:3:4:5:6:7",
        "12345::",
        "fe80::1%",
        "1.2.3.4:5",
        " 1.2.3.4",
        "1.2.3.4 ",
        "fe80::1%no-such-interface",
        "::1%lo%lo",
        "1.2.3.4%lo",
    };
    struct address out;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (address_parse(guarded(slice_from_string(rows[i])), 1, &out))
            fail_msg("accepted: %s", rows[i]);
    }
    assert_false(address_parse(SLICE("127.0.0.1\0x"), 1, &out));
    assert_false(address_parse(SLICE("::1\0"), 1, &out));
}

static void test_port_and_len(void **state)
{
    struct address none = {0}, v4 = parse("10.0.0.1"), v6 = parse("::1");
    address_set_port(&v4, 65535);
    address_set_port(&v6, 1);
    address_set_port(&none, 7);
    assert_int_equal(ntohs(v4.v4.sin_port), 65535);
    assert_int_equal(ntohs(v6.v6.sin6_port), 1);
    assert_int_equal(address_port(&none), 0);
    assert_int_equal(address_len(&v4), sizeof(struct sockaddr_in));
    assert_int_equal(address_len(&v6), sizeof(struct sockaddr_in6));
    assert_int_equal(address_len(&none), 0);
}

static void test_same_host(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } rows[] = {
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"::ffff:10.0.0.1", "10.0.0.1", true},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.1", true},
        {"::ffff:10.0.0.1", "10.0.0.2", false},
        {"::10.0.0.1", "10.0.0.1", false},
        {"fe80::1%1", "fe80::1%2", false},
        {"0.0.0.0", "::", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address a = parse(rows[i].a), b = parse(rows[i].b);
        address_set_port(&b, 99);
        assert_int_equal(address_same_host(&a, &b), rows[i].same);
        assert_int_equal(address_same_host(&b, &a), rows[i].same);
    }
}

static void test_unicast(void **state)
{
    static const struct {
        const char *text;
        bool unicast;
    } rows[] = {
        {"0.0.0.0", false},        {"255.255.255.255", false},
        {"224.0.0.1", false},      {"239.255.255.255", false},
        {"223.255.255.255", true}, {"240.0.0.1", true},
        {"127.0.0.1", true},       {"::", false},
        {"ff02::1", false},        {"::1", true},
        {"fe80::1%1", true},       {"::ffff:224.0.0.1", false},
        {"::ffff:0.0.0.0", false}, {"::ffff:10.0.0.1", true},
    };
    struct address none = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address out = parse(rows[i].text);
        assert_int_equal(address_is_unicast(&out), rows[i].unicast);
    }
    assert_false(address_is_unicast(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_write), cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_port_and_len),    cmocka_unit_test(test_same_host),
        cmocka_unit_test(test_unicast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
