#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "server/crew.h"

#define READERS 12

static atomic_uint ended;

static void on_end(void *context, const struct truth_session *session)
{
    atomic_fetch_add(&ended, 1);
}

/* Real sockets, blocking, one thread: a client that shares nothing with the server's code. */
static int connect_to(const struct address *to)
{
    int fd = socket(to->family, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 10};
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &to->any, sizeof(to->v4)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static void say(int fd, const char *words)
{
    assert_int_equal(send(fd, words, strlen(words), 0), strlen(words));
}

/* Reads until the n-th status line; media frames in between are skipped by their length. */
static unsigned read_replies(int fd, unsigned replies)
{
    unsigned packets = 0;
    uint8_t head[4], body[2048];
    while (replies > 0) {
        assert_int_equal(recv(fd, head, 4, MSG_WAITALL), 4);
        if (head[0] == '$') {
            size_t len = (size_t)head[2] << 8 | head[3];
            assert_true(len <= sizeof(body));
            assert_int_equal(recv(fd, body, len, MSG_WAITALL), len);
            packets += head[1] == 0;
            continue;
        }
        assert_memory_equal(head, "RTSP", 4);
        for (char tail[4] = ""; memcmp(tail, "\r\n\r\n", 4) != 0;) {
            memmove(tail, tail + 1, 3);
            assert_int_equal(recv(fd, tail + 3, 1, 0), 1);
        }
        replies--;
    }
    return packets;
}

/* Listens on the first free port below those that the system hands out. */
static struct crew *start(struct server_config *config, unsigned threads)
{
    struct crew *crew = NULL;
    int error = -EADDRINUSE;
    struct crew_ways ways = {.threads = threads, .fallback = true};
    for (uint16_t port = 21000; port < 22000 && error == -EADDRINUSE; port++) {
        assert_true(address_parse(SLICE("127.0.0.1"), port, &config->listen));
        error = crew_start(&crew, config, &ways);
    }
    assert_int_equal(error, 0);
    return crew;
}

static void check_crew(unsigned threads)
{
    struct library library = {0};
    assert_true(library_add(&library, media_new_pattern(50, 300)));
    struct server_config config = {.loop = {.kind = LOOP_EPOLL},
                                   .library = &library,
                                   .max_connections = 64,
                                   .seed = 1,
                                   .on_session_end = on_end};
    int readers[READERS];
    uint64_t packets = 0;
    atomic_store(&ended, 0);
    struct crew *crew = start(&config, threads);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = connect_to(crew_address(crew));
        say(readers[i], "SETUP /x/trackID=0 RTSP/1.0\r\nCSeq: 1\r\n"
                        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
                        "PLAY /x RTSP/1.0\r\nCSeq: 2\r\n\r\n");
        packets += read_replies(readers[i], 2);
    }
    for (unsigned i = 0; i + 1 < READERS; i++) {
        say(readers[i], "TEARDOWN /x RTSP/1.0\r\nCSeq: 3\r\n\r\n");
        packets += read_replies(readers[i], 1);
    }
    crew_stop(crew);
    size_t count;
    struct truth_path *truth = crew_truth(crew, &count);
    assert_int_equal(count, 1);
    assert_string_equal(truth->key, "/x");
    assert_int_equal(truth->sessions, READERS);
    assert_int_equal(truth->teardowns, READERS - 1);
    assert_true(truth->counts.sent >= packets); /* the last reader's weren't read */
    assert_int_equal(truth->counts.bytes, truth->counts.sent * 300);
    assert_int_equal(atomic_load(&ended), READERS);
    crew_free(crew);
    library_dispose(&library);
    for (unsigned i = 0; i < READERS; i++)
        close(readers[i]);
}

static void test_one_thread(void **state)
{
    check_crew(1);
}

static void test_three_threads(void **state)
{
    check_crew(3);
}

/* SO_REUSEPORT lets shards share a port, but not servers. */
static void test_a_port_has_one_server(void **state)
{
    struct library library = {0};
    assert_true(library_add(&library, media_new_pattern(50, 300)));
    struct server_config config = {
        .loop = {.kind = LOOP_EPOLL}, .library = &library, .max_connections = 8};
    struct crew *first = start(&config, 2), *second = NULL;
    assert_int_equal(crew_shards(first), 2);
    config.listen = *crew_address(first);
    struct crew_ways ways = {.threads = 2, .fewer = true};
    assert_int_equal(crew_start(&second, &config, &ways), -EADDRINUSE);
    assert_null(second);
    crew_stop(first);
    crew_free(first);
    library_dispose(&library);
}

/* Sanitizers want more address space than that for themselves. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_SPACE 0
#else
#define OWN_SPACE 1
#endif

/* 200 shards of 20,000 connections want 40 GiB of address space and more, and 2 GiB are allowed. */
static void test_fewer_shards_will_do(void **state)
{
    enum { SHARDS = 200 };
    if (!OWN_SPACE)
        skip();
    struct library library = {0};
    struct rlimit limit, low;
    assert_true(library_add(&library, media_new_pattern(50, 300)));
    struct server_config config = {
        .loop = {.kind = LOOP_EPOLL}, .library = &library, .max_connections = 20000};
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    low = (struct rlimit){UINT64_C(2) << 30, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &low), 0);
    struct crew *crew = NULL;
    struct crew_ways ways = {.threads = SHARDS};
    assert_true(address_parse(SLICE("127.0.0.1"), 0, &config.listen));
    assert_int_equal(crew_start(&crew, &config, &ways), -ENOMEM);
    ways.fewer = true;
    assert_int_equal(crew_start(&crew, &config, &ways), 0);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    assert_in_range(crew_shards(crew), 1, SHARDS - 1);
    close(connect_to(crew_address(crew)));
    crew_stop(crew);
    crew_free(crew);
    library_dispose(&library);
}

static void test_cannot_listen(void **state)
{
    struct crew *crew = NULL;
    struct library library = {0};
    assert_true(library_add(&library, media_new_pattern(50, 300)));
    struct server_config config = {
        .loop = {.kind = LOOP_EPOLL}, .library = &library, .max_connections = 8};
    assert_true(address_parse(SLICE("192.0.2.1"), 21000, &config.listen)); /* RFC 5737: nobody's */
    struct crew_ways ways = {.threads = 2, .fewer = true, .fallback = true};
    assert_int_equal(crew_start(&crew, &config, &ways), -EADDRNOTAVAIL);
    assert_null(crew);
    library_dispose(&library);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread),
        cmocka_unit_test(test_three_threads),
        cmocka_unit_test(test_a_port_has_one_server),
        cmocka_unit_test(test_fewer_shards_will_do),
        cmocka_unit_test(test_cannot_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
