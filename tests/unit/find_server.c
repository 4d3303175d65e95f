#include "test.h"

#include "base/clock.h"
#include "cli/find_server.h"

static struct server_load loaded(uint64_t rss_bytes, uint64_t files, uint64_t cpu_s,
                                 uint64_t span_s)
{
    return (struct server_load){
        .watched = true,
        .now = {.rss_bytes = rss_bytes, .files = files},
        .rss_peak_bytes = 9000000,
        .cpu_ns = cpu_s * NS_PER_S,
        .cpu_span_ns = span_s * NS_PER_S,
    };
}

static void expect(const struct find_server *server, const char *wanted)
{
    char room[96];
    struct text text = text_init(room, sizeof(room));
    find_server_write(server, &text);
    assert_string_equal(text_string(&text), wanted);
}

/* The most memory and files, and the CPU time of the hold: 6 s in 4 s, whatever came before. */
static void test_held(void **state)
{
    struct find_server server = find_server_unknown;
    struct server_load looks[] = {loaded(1000000, 5, 30, 3), loaded(7000000, 4, 33, 5),
                                  loaded(6000000, 8, 36, 7), loaded(8000000, 9, 90, 9)};
    looks[3].now.ended = true;
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
        find_server_see(&server, &looks[i]);
    find_server_end(&server, &looks[3]);
    expect(&server, "7.00 MB, 1.50 cores, 8 files");
    json_t *json = find_server_json(&server);
    assert_int_equal(json_integer_value(json_object_get(json, "rss_bytes")), 7000000);
    assert_int_equal(json_integer_value(json_object_get(json, "files")), 8);
    assert_float_equal(json_real_value(json_object_get(json, "cpu")), 1.5, 1e-9);
    json_decref(json);
}

/* A level that is shorter than the time between two looks. */
static void test_short(void **state)
{
    struct find_server server = find_server_unknown;
    struct server_load end = loaded(1000000, 5, 3, 4);
    find_server_end(&server, &end);
    expect(&server, "9.00 MB, 0.75 cores, 5 files");
}

static void test_unknown(void **state)
{
    struct find_server server = find_server_unknown;
    struct server_load load = {.watched = true, .now = server_sample_unknown};
    load.now.ended = true;
    find_server_see(&server, &load);
    find_server_end(&server, &load);
    expect(&server, "not known");
    json_t *json = find_server_json(&server);
    assert_true(json_is_null(json_object_get(json, "rss_bytes")) &&
                json_is_null(json_object_get(json, "cpu")) &&
                json_is_null(json_object_get(json, "files")));
    json_decref(json);
    load.now = server_sample_unknown;
    load.now.files = 0;
    find_server_end(&server, &load);
    expect(&server, "0 files");
    load.watched = false;
    find_server_end(&server, &load);
    json = find_server_json(&server);
    assert_true(json_is_null(json));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
