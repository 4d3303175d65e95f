#include "test.h"

#include <stdlib.h>

#include "proto/transport.h"

static void assert_slice(struct slice actual, const char *expected)
{
    assert_int_equal(actual.len, expected ? strlen(expected) : 0);
    if (expected)
        assert_memory_equal(actual.data, expected, actual.len);
}

/* One header a row. */
static const struct row {
    const char *value;
    enum transport_result result;
    struct transport expected; /* but source and destination */
    const char *source, *destination;
} rows[] = {
    /* RFC 2326, 12.39 and chapter 14 */
    {"RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP,
      .has_client_port = true,
      .client_port = {4588, 4589},
      .has_server_port = true,
      .server_port = {6256, 6257}},
     NULL,
     NULL},
    {"RTP/AVP/TCP;interleaved=0-1",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    {"RTP/AVP;multicast;ttl=127;mode=\"PLAY\"",
     TRANSPORT_OK,
     {.lower = TRANSPORT_MULTICAST, .ttl = 127},
     NULL,
     NULL},
    {"RTP/AVP;multicast;destination=224.2.0.1;port=3456-3457;ttl=16",
     TRANSPORT_OK,
     {.lower = TRANSPORT_MULTICAST, .port = {3456, 3457}, .ttl = 16},
     NULL,
     "224.2.0.1"},
    {"RTP/AVP;unicast;client_port=3456-3457;mode=\"PLAY,RECORD\"",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP, .has_client_port = true, .client_port = {3456, 3457}, .record = true},
     NULL,
     NULL},
    /* shapes of real servers */
    {"RTP/AVP/TCP;unicast;destination=10.0.0.2;source=10.0.0.1;interleaved=2-3",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {2, 3}},
     "10.0.0.1",
     "10.0.0.2"},
    {"RTP/AVP/UDP;unicast;source=10.0.0.1;client_port=35466-35467;server_port=8000-8001;"
     "ssrc=0A1B2C3D;mode=\"PLAY\"",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP,
      .has_client_port = true,
      .client_port = {35466, 35467},
      .has_server_port = true,
      .server_port = {8000, 8001},
      .has_ssrc = true,
      .ssrc = 0x0a1b2c3d},
     "10.0.0.1",
     NULL},
    {" rtp/avp/tcp ; UNICAST ; Interleaved = 4 - 5 ",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {4, 5}},
     NULL,
     NULL},
    {"RTP/SAVP;unicast;client_port=2-3",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP, .secure = true, .has_client_port = true, .client_port = {2, 3}},
     NULL,
     NULL},
    {"RTP/SAVPF/TCP;interleaved=0-1",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .secure = true, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    {"RTP/AVPF;unicast", TRANSPORT_OK, {.lower = TRANSPORT_UDP}, NULL, NULL},
    {"RTP/AVP/TCP;unicast;interleaved=0-1;mode=record",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}, .record = true},
     NULL,
     NULL},
    {"RTP/AVP/TCP;interleaved=0-1;mode=\"receive\"",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}, .record = true},
     NULL,
     NULL},
    /* quirk 33: other channels than asked for */
    {"RTP/AVP/TCP;unicast;interleaved=254-255",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {254, 255}},
     NULL,
     NULL},
    /* quirk 34 */
    {"RTP/AVP;unicast;interleaved=0-1",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    {"RTP/AVP/TCP;unicast;interleaved=0",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    /* quirk 35 */
    {"RTP/AVP/TCP;ssrc=8A2F9C01;unicast;interleaved=0-1",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP,
      .has_interleaved = true,
      .interleaved = {0, 1},
      .has_ssrc = true,
      .ssrc = 0x8a2f9c01},
     NULL,
     NULL},
    {"RTP/AVP/TCP;unicast;interleaved=0-1;ssrc= d6d6627;mode=\"play\"",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP,
      .has_interleaved = true,
      .interleaved = {0, 1},
      .has_ssrc = true,
      .ssrc = 0x0d6d6627},
     NULL,
     NULL},
    {"RTP/AVP/TCP;interleaved=0-1;ssrc=\"0x1f\"",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP,
      .has_interleaved = true,
      .interleaved = {0, 1},
      .has_ssrc = true,
      .ssrc = 0x1f},
     NULL,
     NULL},
    {"RTP/AVP/TCP;interleaved=0-1;ssrc=123456789",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    {"RTP/AVP/TCP;interleaved=0-1;ssrc=xyz",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    {"RTP/AVP/TCP;interleaved=0-1;ssrc=",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    /* quirk 36 */
    {"RTP/AVP;unicast;client_port=6000-6001;server_port=40000-40001,ssrc=0000cafe",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP,
      .has_client_port = true,
      .client_port = {6000, 6001},
      .has_server_port = true,
      .server_port = {40000, 40001},
      .has_ssrc = true,
      .ssrc = 0xcafe},
     NULL,
     NULL},
    {"RTP/AVP,unicast,interleaved=0-1",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    /* quirk 37 */
    {"RTP/AVP;unicast;client_port=6000-6001",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP, .has_client_port = true, .client_port = {6000, 6001}},
     NULL,
     NULL},
    {"RTP/AVP;unicast;client_port=6000-6001;server_port=0-1",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP,
      .has_client_port = true,
      .client_port = {6000, 6001},
      .server_port = {0, 1}},
     NULL,
     NULL},
    {"RTP/AVP;unicast;client_port=6000-6001;server_port=0",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP,
      .has_client_port = true,
      .client_port = {6000, 6001},
      .server_port = {0, 1}},
     NULL,
     NULL},
    {"RTP/AVP;unicast;client_port=6000-6001;server_port=",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP, .has_client_port = true, .client_port = {6000, 6001}},
     NULL,
     NULL},
    {"RTP/AVP;unicast;client_port=6000",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP, .has_client_port = true, .client_port = {6000, 6001}},
     NULL,
     NULL},
    {"RTP/AVP;unicast;client_port=6000-6000;server_port=7000-7000",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP,
      .has_client_port = true,
      .client_port = {6000, 6000},
      .has_server_port = true,
      .server_port = {7000, 7000}},
     NULL,
     NULL},
    /* unknown, empty and quoted parameters */
    {"RTP/AVP/TCP;;foo;bar=baz;layers=1;x=\";interleaved=8-9;\";interleaved=\"0-1\";",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    {"RTP/AVP/TCP;x=\"never closed;interleaved=0-1",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    {"RTP/AVP/TCP;unicast", TRANSPORT_OK, {.lower = TRANSPORT_TCP}, NULL, NULL},
    {"RTP/AVP;multicast;port=5000;ttl=256",
     TRANSPORT_OK,
     {.lower = TRANSPORT_MULTICAST, .port = {5000, 5001}},
     NULL,
     NULL},
    {"RTP/AVP;multicast;destination=ff02::1%eth0;port=5000-5001",
     TRANSPORT_OK,
     {.lower = TRANSPORT_MULTICAST, .port = {5000, 5001}},
     NULL,
     "ff02::1%eth0"},
    {"RTP/AVP;unicast;source=[fe80::1];destination=2001:db8::2;client_port=2-3",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP, .has_client_port = true, .client_port = {2, 3}},
     "[fe80::1]",
     "2001:db8::2"},
    {"RTP/AVP;unicast;source=camera-1.local;client_port=2-3",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP, .has_client_port = true, .client_port = {2, 3}},
     "camera-1.local",
     NULL},
    /* what doesn't matter over TCP is not judged */
    {"RTP/AVP/TCP;unicast;interleaved=0-1;client_port=0-0;source=a/b",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     "a/b",
     NULL},
    {"RTP/AVP/UDP;unicast;client_port=2-3;interleaved=300-301",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP, .has_client_port = true, .client_port = {2, 3}},
     NULL,
     NULL},
    /* lists: the first that is usable (hostile 37) */
    {"RAW/RAW/UDP;unicast,RTP/AVP/TCP;interleaved=0-1,RTP/AVP;client_port=2-3",
     TRANSPORT_OK,
     {.lower = TRANSPORT_TCP, .has_interleaved = true, .interleaved = {0, 1}},
     NULL,
     NULL},
    {", RTP/AVP/TCP;interleaved=7-7 , RTP/AVP;unicast;client_port=2-3",
     TRANSPORT_OK,
     {.lower = TRANSPORT_UDP, .has_client_port = true, .client_port = {2, 3}},
     NULL,
     NULL},
    /* hostile 38 */
    {"RTP/AVP/TCP;interleaved=300-301", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;interleaved=300-301", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP/TCP;interleaved=255-256", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP/TCP;interleaved=255", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP/TCP;interleaved=2-2", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP/TCP;interleaved=1-0", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP/TCP;interleaved=-1", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP/TCP;interleaved=0-", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP/TCP;interleaved=a-b", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP/TCP;interleaved=0-1-2", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP/TCP;interleaved=18446744073709551616-1", TRANSPORT_INVALID, {0}, NULL, NULL},
    /* hostile 39 */
    {"RTP/AVP;unicast;client_port=0-1", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=0", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=5000-0", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=70000-70001", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=65535", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=2-3;server_port=70000", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=2-3;server_port=x", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;multicast;port=0-1", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=2-3;source=255.255.255.255", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=2-3;source=239.1.1.1", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=2-3;source=ff02::1", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=2-3;source=a b", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;unicast;client_port=2-3;destination=255.255.255.255",
     TRANSPORT_INVALID,
     {0},
     NULL,
     NULL},
    /* hostile 40 */
    {"RTP/AVP;multicast;destination=10.0.0.1;port=2-3", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;multicast;destination=240.0.0.1;port=2-3", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;multicast;destination=fe80::1;port=2-3", TRANSPORT_INVALID, {0}, NULL, NULL},
    {"RTP/AVP;multicast;destination=host;port=2-3", TRANSPORT_INVALID, {0}, NULL, NULL},
    /* nothing that we know */
    {"", TRANSPORT_UNSUPPORTED, {0}, NULL, NULL},
    {" , ,", TRANSPORT_UNSUPPORTED, {0}, NULL, NULL},
    {"RTP", TRANSPORT_UNSUPPORTED, {0}, NULL, NULL},
    {"RTP/", TRANSPORT_UNSUPPORTED, {0}, NULL, NULL},
    {"RTP/AVP/SCTP;unicast", TRANSPORT_UNSUPPORTED, {0}, NULL, NULL},
    {"RTP/AVP/TCP/UDP", TRANSPORT_UNSUPPORTED, {0}, NULL, NULL},
    {"MP2T/H2221/UDP;unicast;client_port=2-3", TRANSPORT_UNSUPPORTED, {0}, NULL, NULL},
    {"unicast;client_port=2-3", TRANSPORT_UNSUPPORTED, {0}, NULL, NULL},
    {"RAW/RAW/UDP,RTP/AVP;client_port=0", TRANSPORT_INVALID, {0}, NULL, NULL},
};

static void assert_pair(const uint16_t actual[2], const uint16_t expected[2])
{
    assert_int_equal(actual[0], expected[0]);
    assert_int_equal(actual[1], expected[1]);
}

static void assert_transport(const struct transport *actual, const struct row *row)
{
    const struct transport *expected = &row->expected;
    assert_int_equal(actual->lower, expected->lower);
    assert_int_equal(actual->secure, expected->secure);
    assert_int_equal(actual->has_interleaved, expected->has_interleaved);
    assert_int_equal(actual->has_client_port, expected->has_client_port);
    assert_int_equal(actual->has_server_port, expected->has_server_port);
    assert_int_equal(actual->has_ssrc, expected->has_ssrc);
    assert_int_equal(actual->record, expected->record);
    assert_int_equal(actual->ttl, expected->ttl);
    assert_int_equal(actual->ssrc, expected->ssrc);
    if (expected->has_interleaved)
        assert_pair(actual->interleaved, expected->interleaved);
    if (expected->has_client_port)
        assert_pair(actual->client_port, expected->client_port);
    if (expected->has_server_port)
        assert_pair(actual->server_port, expected->server_port);
    assert_pair(actual->port, expected->port);
    assert_slice(actual->source, row->source);
    assert_slice(actual->destination, row->destination);
}

static void test_rows(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct transport transport;
        struct slice value = slice_from_string(rows[i].value);
        print_message("%s\n", rows[i].value);
        for (size_t n = 0; n < value.len; n++)
            transport_parse(guarded_again(slice_make(value.data, n)), &transport);
        assert_int_equal(transport_parse(guarded(value), &transport), rows[i].result);
        if (rows[i].result == TRANSPORT_OK)
            assert_transport(&transport, &rows[i]);
    }
}

/* Each spec of a list gives its own result, in order. */
static void test_next(void **state)
{
    struct slice list = guarded(SLICE("RTP/AVP/TCP;interleaved=0-1;mode=\"PLAY,a/b\", RAW/RAW/UDP,"
                                      "RTP/AVP;unicast;client_port=0,x=1;y,RTP/AVP;unicast"));
    struct transport transport;
    enum transport_result result;
    assert_true(transport_next(&list, &transport, &result));
    assert_int_equal(result, TRANSPORT_OK);
    assert_int_equal(transport.lower, TRANSPORT_TCP);
    assert_true(transport_next(&list, &transport, &result));
    assert_int_equal(result, TRANSPORT_UNSUPPORTED);
    assert_true(transport_next(&list, &transport, &result));
    assert_int_equal(result, TRANSPORT_INVALID);
    assert_true(transport_next(&list, &transport, &result));
    assert_int_equal(result, TRANSPORT_OK);
    assert_int_equal(transport.lower, TRANSPORT_UDP);
    assert_false(transport_next(&list, &transport, &result));
}

/* A header of 64 KiB in its worst shapes is read in no time; this only holds that it ends. */
static void test_large(void **state)
{
    static const char *const pieces[] = {",", ";", "\"", ",\"", "a/", ",a/", "RTP/AVP,", "=", " "};
    struct transport transport;
    char *all = test_malloc(65536);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        size_t len = strlen(pieces[i]), at = 0;
        for (; at + len <= 65536; at += len)
            memcpy(all + at, pieces[i], len);
        transport_parse(guarded_again(slice_make(all, at)), &transport);
    }
    test_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
