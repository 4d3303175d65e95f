#include "test.h"

#include <jansson.h>
#include <stdlib.h>

#include "server/truth.h"

/* s sent, d dropped, u duplicated (the last again), h held, r released after a later one, o
   released in order. */
static struct truth_counts tell(const char *story)
{
    struct truth_track track = {0};
    for (; *story; story++) {
        switch (*story) {
        case 's':
            truth_sent(&track, 100);
            break;
        case 'd':
            truth_dropped(&track);
            break;
        case 'u':
            truth_duplicated(&track, 100);
            break;
        case 'h':
            truth_held(&track);
            break;
        case 'r':
            truth_released(&track, 100, true);
            break;
        case 'o':
            truth_released(&track, 100, false);
            break;
        }
    }
    return track.counts;
}

static void test_stories(void **state)
{
    static const struct {
        const char *story;
        uint64_t sent, dropped, inside, duplicated, reordered;
    } rows[] = {
        {"", 0, 0, 0, 0, 0},        {"sss", 3, 0, 0, 0, 0},
        {"dds", 1, 2, 0, 0, 0}, /* before the first */
        {"sdd", 1, 2, 0, 0, 0}, /* after the last */
        {"dsddsd", 2, 4, 2, 0, 0},  {"suds", 3, 1, 1, 1, 0},
        {"dd", 0, 2, 0, 0, 0},      {"hsrs", 3, 0, 0, 0, 1},
        {"hdsr", 2, 1, 1, 0, 1}, /* the held packet is the first: the drop lies behind it */
        {"shdo", 2, 1, 0, 0, 0}, /* the held packet is the last: the drop lies behind it */
        {"sdho", 2, 1, 1, 0, 0}, /* the drop lies before the held one */
        {"sdhdsdr", 3, 3, 2, 0, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct truth_counts counts = tell(rows[i].story);
        assert_int_equal(counts.sent, rows[i].sent);
        assert_int_equal(counts.bytes, rows[i].sent * 100);
        assert_int_equal(counts.dropped, rows[i].dropped);
        assert_int_equal(counts.dropped_inside, rows[i].inside);
        assert_int_equal(counts.duplicated, rows[i].duplicated);
        assert_int_equal(counts.reordered, rows[i].reordered);
    }
}

static void test_merge(void **state)
{
    struct truth_path paths[] = {
        {"/b", 1, 2, 3, {10, 20, 30, 40, 50, 60}, 4, {100, 200, 300, 400, 500}},
        {"/a", 1, 0, 1, {1, 1, 1, 1, 1, 1}, 1, {1, 1, 1, 1, 1}},
        {"/b", 5, 6, 7, {1, 2, 3, 4, 5, 6}, 8, {1, 2, 3, 4, 5}},
    };
    assert_int_equal(truth_merge(paths, 3), 2);
    assert_string_equal(paths[0].key, "/a");
    assert_string_equal(paths[1].key, "/b");
    assert_int_equal(paths[1].sessions, 6);
    assert_int_equal(paths[1].keepalives, 8);
    assert_int_equal(paths[1].teardowns, 10);
    assert_int_equal(paths[1].counts.sent, 11);
    assert_int_equal(paths[1].counts.bytes, 22);
    assert_int_equal(paths[1].counts.dropped, 33);
    assert_int_equal(paths[1].counts.dropped_inside, 44);
    assert_int_equal(paths[1].counts.duplicated, 55);
    assert_int_equal(paths[1].counts.reordered, 66);
    assert_int_equal(paths[1].publishers, 12);
    assert_int_equal(paths[1].received.packets, 101);
    assert_int_equal(paths[1].received.bytes, 202);
    assert_int_equal(paths[1].received.lost, 303);
    assert_int_equal(paths[1].received.duplicates, 404);
    assert_int_equal(paths[1].received.reordered, 505);
    assert_int_equal(truth_merge(paths, 0), 0);
}

static json_int_t number(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void test_file(void **state)
{
    char name[] = "/tmp/rtspbench-truth-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    close(fd);
    struct truth_path paths[] = {
        {"/q?a=\"\\\n\xff\xc3\xa9", 1, 2, 3, {4, 5, 6, 7, 8, 9}, 10, {11, 12, 13, 14, 15}},
        {"/card", 10, 11, 12, {13, 14, 15, 16, 17, 18}, 19, {20, 21, 22, 23, 24}},
    };
    struct truth_refused refused = {
        .of = {[REFUSED_FILES] = 31, [REFUSED_MEMORY] = 32, [REFUSED_SESSIONS] = 33}};
    assert_int_equal(truth_write_file(name, paths, 2, &refused), 0);
    json_t *root = json_load_file(name, JSON_REJECT_DUPLICATES, NULL);
    unlink(name);
    json_t *all = json_object_get(root, "paths");
    assert_int_equal(json_object_size(all), 2);
    json_t *odd =
        json_object_get(all, "/q?a=\"\\\n\\xff\xc3\xa9"); /* no UTF-8, and an e with its accent */
    assert_non_null(odd);
    json_t *card = json_object_get(all, "/card");
    static const char *const keys[] = {"sessions",
                                       "keepalives",
                                       "teardowns",
                                       "sent",
                                       "bytes",
                                       "dropped",
                                       "dropped_inside",
                                       "duplicated",
                                       "reordered",
                                       "publishers",
                                       "received",
                                       "received_bytes",
                                       "received_lost",
                                       "received_duplicates",
                                       "received_reordered"};
    assert_int_equal(json_object_size(card), 15);
    for (int i = 0; i < 15; i++) {
        assert_int_equal(number(odd, keys[i]), 1 + i);
        assert_int_equal(number(card, keys[i]), 10 + i);
    }
    json_t *wants = json_object_get(root, "refused");
    assert_int_equal(json_object_size(wants), 3);
    assert_int_equal(number(wants, "files"), 31);
    assert_int_equal(number(wants, "memory"), 32);
    assert_int_equal(number(wants, "sessions"), 33);
    assert_int_equal(json_object_size(root), 2);
    json_decref(root);
    assert_true(truth_write_file("/nowhere/at/all", paths, 1, &refused) < 0);
}

static void test_session_line(void **state)
{
    char line[2048];
    struct text text = text_init(line, sizeof(line));
    struct truth_session session = {
        .id = 0xabc,
        .path = "/card?drop=1/100",
        .transport = "udp",
        .ended = "teardown",
        .keepalives = 3,
        .publisher = true,
        .counts = {.sent = 7, .bytes = 700},
        .received = {.packets = 11, .lost = 2},
        .track_count = 1,
        .tracks = {{.track = 1,
                    .ssrc = 4000000000u,
                    .counts = {.sent = 7, .bytes = 700},
                    .received = {1, 2, 3, 4, 5}}},
    };
    assert_true(address_parse(SLICE("::1"), 5000, &session.client));
    truth_write_session(&text, &session);
    assert_false(text.overflow);
    assert_int_equal(line[text.len - 1], '\n');
    json_t *root = json_loadb(line, text.len, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "session")), "0000000000000abc");
    assert_string_equal(json_string_value(json_object_get(root, "path")), "/card?drop=1/100");
    assert_string_equal(json_string_value(json_object_get(root, "client")), "[::1]:5000");
    assert_string_equal(json_string_value(json_object_get(root, "transport")), "udp");
    assert_string_equal(json_string_value(json_object_get(root, "ended")), "teardown");
    assert_int_equal(number(root, "keepalives"), 3);
    assert_int_equal(number(root, "sent"), 7);
    assert_true(json_is_true(json_object_get(root, "publisher")));
    assert_int_equal(number(root, "received"), 11);
    assert_int_equal(number(root, "received_lost"), 2);
    json_t *track = json_array_get(json_object_get(root, "tracks"), 0);
    assert_int_equal(number(track, "track"), 1);
    assert_int_equal(number(track, "ssrc"), 4000000000);
    assert_int_equal(number(track, "bytes"), 700);
    static const char *const received[] = {"received", "received_bytes", "received_lost",
                                           "received_duplicates", "received_reordered"};
    for (int i = 0; i < 5; i++)
        assert_int_equal(number(track, received[i]), 1 + i);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_session_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
