#include "server_world.h"

static struct media *named(const char *name)
{
    struct media *media = media_new_pattern(10, 100);
    assert_non_null(media);
    snprintf(media->name, sizeof(media->name), "%s", name);
    return media;
}

static void test_names_of_paths(void **state)
{
    static const char *const names[] = {"one", "two words", "caf\xc3\xa9", "cam.2", "50%25", "a=b"};
    static const struct {
        const char *path;
        int found; /* index in names; -1: nothing */
    } rows[] = {
        {"/one", 0},         {"/On%65", -1},     {"/on%65", 0},
        {"/two%20words", 1}, {"/two words", 1},  {"/two+words", -1},
        {"/two", -1},        {"/caf%C3%A9", 2},  {"/caf%c3%a9", 2},
        {"/caf\xc3\xa9", 2}, {"/caf%E9", -1},    {"/cam.2", 3},
        {"/cam", -1},        {"/cam.2.mp4", -1}, {"/50%2525", 4},
        {"/50%25", 4}, /* as a client that doesn't encode asks for it */
        {"/a=b", 5},         {"/a%3Db", 5},      {"/one%00", -1},
        {"/one/two", -1},    {"/", 0},           {"*", 0},
    };
    struct library library = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_true(library_add(&library, named(names[i])));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice path = guarded(slice_from_string(rows[i].path));
        const struct media *expected = rows[i].found < 0 ? NULL : library.media[rows[i].found];
        library.strict = true;
        if (library_find(&library, path) != expected)
            fail_msg("%s", rows[i].path);
        library.strict = false;
        if (library_find(&library, path) != (expected ? expected : library.media[0]))
            fail_msg("%s, not strict", rows[i].path);
    }
    library_dispose(&library);
}

/* What is written finds the media again, whatever bytes are in its name. */
static void test_written_paths(void **state)
{
    static char name[256];
    struct library library = {.strict = true};
    char room[1024];
    struct text text = text_init(room, sizeof(room));
    for (unsigned i = 1; i < 256; i++)
        name[i - 1] = (char)i;
    assert_true(library_add(&library, named("a b/c?d%e#\xc3\xa9")));
    assert_true(library_add(&library, named(name)));
    library_write_paths(&library, &text);
    struct slice rest = text_slice(&text);
    struct slice line = slice_take_until(&rest, '\r');
    assert_true(slice_equal(line, SLICE("/a%20b%2Fc%3Fd%25e%23%C3%A9")));
    slice_take(&rest, 1);
    line = slice_take_until(&rest, '\r');
    assert_ptr_equal(library_find(&library, line), library.media[1]);
    library_dispose(&library);
}

static void test_paths_without_room(void **state)
{
    struct library library = {0};
    char room[20];
    struct text text = text_init(room, sizeof(room));
    for (unsigned i = 0; i < 3; i++)
        assert_true(library_add(&library, named("123456")));
    library_write_paths(&library, &text);
    assert_true(slice_equal(text_slice(&text), SLICE("/123456\r\n...\r\n")));
    library_dispose(&library);
}

/* Where paths are strict: requests in the order of the rows on one connection. */
static void test_unknown_paths(void **state)
{
    static const struct {
        const char *method, *path, *headers;
        int status;
    } rows[] = {
        {"OPTIONS", "/nope", "", 200},
        {"DESCRIBE", "/nope", "", 404},
        {"DESCRIBE", "/nope?drop=1/100", "", 404},
        {"DESCRIBE", "/nope?status=503", "", 503},
        {"DESCRIBE", "/nope?foo=1", "", 400},
        {"SETUP", "/nope/trackID=0", TCP(0, 1), 404},
        {"PLAY", "/nope", "", 454},
        {"GET_PARAMETER", "/nope", "", 200},
        {"DESCRIBE", "/", "", 200},
        {"DESCRIBE", "", "", 200},
        {"DESCRIBE", "/?drop=1/100", "", 200},
        {"DESCRIBE", "/two", "", 200},
        {"DESCRIBE", "/tw%6F?drop=1/100", "", 200},
        {"SETUP", "/two/trackID=2", TCP(0, 1), 404},
        {"SETUP", "/tw%6F?drop=1/100/trackID=0", TCP(0, 1), 200},
        {"SETUP", "/tw%6F/trackID=1?drop=1/100", TCP(2, 3) SESSION, 200},
        {"PLAY", "/tw%6F?drop=1/100", SESSION, 200},
        {"TEARDOWN", "/tw%6F?drop=1/100", SESSION, 200},
    };
    struct world *world = world_new(3, NULL);
    world->library.strict = true;
    struct client *client = connect_client(world, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = ask(world, client, rows[i].method, rows[i].path, rows[i].headers);
        if (status != rows[i].status)
            fail_msg("%s %s: %d", rows[i].method, rows[i].path, status);
        bool unknown = strstr(rows[i].path, "nope") && status == 404;
        assert_int_equal(unknown,
                         strstr(client->reply, "\r\n\r\nNothing plays at /nope. These "
                                               "paths do:\r\n/two\r\n/pattern\r\n") != NULL);
    }
    world_free(world);
}

/* The names of what is served are for those who may read it. */
static void with_access(struct server_config *config)
{
    config->auth = AUTH_BASIC;
    config->credentials.user = SLICE("u");
    config->credentials.password = SLICE("p");
}

static void test_unknown_paths_with_access(void **state)
{
    struct world *world = world_new(4, with_access);
    world->library.strict = true;
    struct client *client = connect_client(world, 0);
    assert_int_equal(ask(world, client, "DESCRIBE", "/nope", ""), 401);
    assert_null(strstr(client->reply, "/two"));
    assert_int_equal(
        ask(world, client, "DESCRIBE", "/nope", "Authorization: Basic dTpw\r\n"), /* u:p */
        404);
    world_free(world);
}

/* Publishers need no path of the library. */
static void test_publisher(void **state)
{
    static const char announce[] = "ANNOUNCE " BASE "/nope RTSP/1.0\r\nCSeq: 1\r\n"
                                   "Content-Type: application/sdp\r\nContent-Length: 61\r\n\r\n"
                                   "v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:t\r\n"
                                   "a=rtpmap:0 PCMU/8000\r\n";
    struct world *world = world_new(5, NULL);
    world->library.strict = true;
    struct client *client = connect_client(world, 0);
    assert_int_equal(strlen(strstr(announce, "v=0")), 61);
    say(world, client, announce, sizeof(announce) - 1);
    run(world, NS_PER_S);
    assert_int_equal(client->status, 200);
    assert_int_equal(ask(world, client, "SETUP", "/nope/t",
                         "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n"),
                     200);
    assert_int_equal(ask(world, client, "RECORD", "/nope", SESSION), 200);
    assert_int_equal(ask(world, client, "TEARDOWN", "/nope", SESSION), 200);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_paths),
        cmocka_unit_test(test_written_paths),
        cmocka_unit_test(test_paths_without_room),
        cmocka_unit_test(test_unknown_paths),
        cmocka_unit_test(test_unknown_paths_with_access),
        cmocka_unit_test(test_publisher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
