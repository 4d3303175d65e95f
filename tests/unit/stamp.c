#include "test.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <time.h>

#include "base/clock.h"
#include "net/stamp.h"

#define WALL (UINT64_C(1700000000) * NS_PER_S)

static void test_convert(void **state)
{
    struct stamper stamper = {0};
    uint64_t now = 1000 * NS_PER_S;
    stamper_measure(&stamper, now, WALL);
    assert_int_equal(stamper_convert(&stamper, WALL, now), now);
    assert_int_equal(stamper_convert(&stamper, WALL - 5, now), now - 5);
    assert_int_equal(stamper_convert(&stamper, WALL + 7, now), 0); /* in the future */
    assert_int_equal(stamper_convert(&stamper, WALL + 7, now + 7), now + 7);
    assert_int_equal(stamper_convert(&stamper, WALL - 59 * NS_PER_S, now), now - 59 * NS_PER_S);
    assert_int_equal(stamper_convert(&stamper, WALL - 61 * NS_PER_S, now), 0);
    assert_int_equal(stamper_convert(&stamper, WALL - 2000 * NS_PER_S, now), 0); /* before boot */
    assert_int_equal(stamper_convert(&stamper, 0, now), 0);
}

/* A second turn, the wall clock having moved by passed + stepped. */
static void test_steps(void **state)
{
    static const struct {
        int64_t stepped_ns;
        uint64_t passed_ns;
        uint64_t age_ns; /* of the stamp, on the clock as it was before */
        uint64_t expected_age_ns;
        bool believed;
    } rows[] = {
        {0, NS_PER_MS, 2 * NS_PER_MS, 2 * NS_PER_MS, true},
        /* NTP slews a long turn by 500 ppm. */
        {5 * NS_PER_MS, 10 * NS_PER_S, 20 * NS_PER_MS, 25 * NS_PER_MS, true},
        {-5 * (int64_t)NS_PER_MS, 10 * NS_PER_S, 20 * NS_PER_MS, 15 * NS_PER_MS, true},
        /* Stepped: what was stamped before can't be placed. */
        {NS_PER_S, NS_PER_MS, 2 * NS_PER_MS, 0, false},
        {20 * NS_PER_MS, NS_PER_MS, 2 * NS_PER_MS, 0, false},
        {-(int64_t)NS_PER_S, NS_PER_MS, 2 * NS_PER_MS, 0, false},
        {-3600 * (int64_t)NS_PER_S, NS_PER_MS, 2 * NS_PER_MS, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stamper stamper = {0};
        uint64_t now = 1000 * NS_PER_S, wall = WALL;
        stamper_measure(&stamper, now, wall);
        now += rows[i].passed_ns;
        wall += rows[i].passed_ns;
        uint64_t stamp = wall - rows[i].age_ns;
        wall += (uint64_t)rows[i].stepped_ns;
        stamper_measure(&stamper, now, wall);
        uint64_t expected = rows[i].believed ? now - rows[i].expected_age_ns : 0;
        assert_int_equal(stamper_convert(&stamper, stamp, now), expected);
        /* What is stamped from now on is right again. */
        assert_int_equal(stamper_convert(&stamper, wall + 10, now + 20), now + 10);
    }
}

static size_t add(char *at, int level, int type, const void *data, size_t len)
{
    struct cmsghdr control = {.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
    memcpy(at, &control, sizeof(control));
    memcpy(at + CMSG_LEN(0), data, len);
    return CMSG_SPACE(len);
}

static void test_remarks(void **state)
{
    char bytes[256] __attribute__((aligned(8))) = {0};
    struct timespec at = {1700000000, 123};
    int segment = 1200, unread = 4711;
    uint32_t drops = 9;
    size_t len = add(bytes, SOL_SOCKET, SO_TIMESTAMPNS, &at, sizeof(at));
    struct msghdr message = {.msg_control = bytes, .msg_controllen = len};
    struct remarks remarks = remarks_read(&message);
    assert_int_equal(remarks.stamp_ns, WALL + 123);
    assert_false(remarks.has_drops);
    len += add(bytes + len, SOL_SOCKET, SO_RXQ_OVFL, &drops, sizeof(drops));
    len += add(bytes + len, IPPROTO_UDP, UDP_GRO, &segment, sizeof(segment));
    len += add(bytes + len, IPPROTO_TCP, TCP_INQ, &unread, sizeof(unread));
    len += add(bytes + len, SOL_SOCKET, 9999, &unread, sizeof(unread));
    message.msg_controllen = len;
    remarks = remarks_read(&message);
    assert_int_equal(remarks.stamp_ns, WALL + 123);
    assert_true(remarks.has_drops);
    assert_int_equal(remarks.drops, 9);
    assert_int_equal(remarks.segment, 1200);
    assert_int_equal(remarks.unread, 4711);
    message.msg_controllen = 0;
    assert_int_equal(remarks_read(&message).stamp_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_remarks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
