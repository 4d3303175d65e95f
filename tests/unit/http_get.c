#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/http_get.h"

static void test_urls(void **state)
{
    static const struct {
        const char *url, *address, *host, *path; /* address NULL: refused */
    } rows[] = {
        {"http://127.0.0.1:9998/metrics", "127.0.0.1:9998", "127.0.0.1:9998", "/metrics"},
        {"HTTP://127.0.0.1", "127.0.0.1:80", "127.0.0.1", "/metrics"},
        {"http://127.0.0.1:81/", "127.0.0.1:81", "127.0.0.1:81", "/metrics"},
        {"http://[::1]:82/a?b=c", "[::1]:82", "[::1]:82", "/a?b=c"},
        {"http://localhost:83/x", "localhost:83", "localhost:83", "/x"},
        {"https://127.0.0.1/", NULL, NULL, NULL},
        {"http://user:secret@127.0.0.1/", NULL, NULL, NULL},
        {"http:///metrics", NULL, NULL, NULL},
        {"http://127.0.0.1:99999/", NULL, NULL, NULL},
        {"http://[::1/", NULL, NULL, NULL},
        {"http://[::1]82/", NULL, NULL, NULL},
        {"http://127.0.0.1/a b", NULL, NULL, NULL},
        {"http://127.0.0.1/\r\nX: y", NULL, NULL, NULL},
        {"127.0.0.1:80", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char said[512], room[128];
        struct text error = text_init(said, sizeof(said)), at = text_init(room, sizeof(room));
        struct http_target target;
        bool good = http_target_init(&target, rows[i].url, &error);
        if (good != (rows[i].address != NULL))
            fail_msg("%s: %s", rows[i].url, text_string(&error));
        assert_null(strstr(text_string(&error), "secret"));
        if (!good)
            continue;
        address_write(&at, &target.address);
        if (strncmp(rows[i].address, "localhost", 9) != 0)
            assert_string_equal(text_string(&at), rows[i].address);
        assert_string_equal(target.host, rows[i].host);
        assert_string_equal(target.path, rows[i].path);
    }
}

/* A server of one reply, given in pieces; NULL: it says nothing until the other side leaves. */
struct server {
    int listener;
    const char *reply;
    size_t len, piece;
    char request[1024];
    pthread_t thread;
};

static void *serve(void *argument)
{
    struct server *server = argument;
    int fd = accept(server->listener, NULL, NULL);
    ssize_t n = recv(fd, server->request, sizeof(server->request) - 1, 0);
    server->request[n > 0 ? n : 0] = '\0';
    for (size_t at = 0; server->reply && at < server->len; at += server->piece) {
        size_t left = server->len - at;
        size_t len = left < server->piece ? left : server->piece;
        if (send(fd, server->reply + at, len, MSG_NOSIGNAL) < 0)
            break;
    }
    char rest[16];
    if (!server->reply)
        while (recv(fd, rest, sizeof(rest), 0) > 0)
            continue;
    close(fd);
    return NULL;
}

static void begin(struct server *server, struct http_target *target)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    char said[256], url[64];
    struct text error = text_init(said, sizeof(said));
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(server->listener, 1), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&at, &len), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/m", ntohs(at.sin_port));
    assert_true(http_target_init(target, url, &error));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void end(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->listener);
}

static void on_body(void *context, struct slice piece)
{
    text_add(context, piece);
}

static void test_replies(void **state)
{
    static const struct {
        const char *reply, *body;
        int result;
    } rows[] = {
        {"HTTP/1.0 200 OK\r\nA: b\r\n\r\nabc\ndef", "abc\ndef", 200},
        {"HTTP/1.1 200 OK\r\n\r\n", "", 200},
        {"HTTP/1.1 404 Not Found\r\n\r\nsorry", "", 404},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "", -EPROTO},
        {"RTSP/1.0 200 OK\r\n\r\n", "", -EPROTO},
        {"HTTP/1.0 2x0 OK\r\n\r\n", "", -EPROTO},
        {"HTTP/1.0 200 OK\r\n", "", -EPROTO},
        {"", "", -EPROTO},
        {NULL, "", -ETIMEDOUT},
    };
    static const size_t pieces[] = {1, 7, 1000};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
            struct server server = {.reply = rows[i].reply,
                                    .len = rows[i].reply ? strlen(rows[i].reply) : 0,
                                    .piece = pieces[k]};
            struct http_target target;
            char room[256];
            struct text body = text_init(room, sizeof(room));
            atomic_bool stop = false;
            begin(&server, &target);
            const struct http_get get = {.target = &target,
                                         .patience_ns =
                                             rows[i].reply ? 30 * NS_PER_S : 50 * NS_PER_MS,
                                         .stop = &stop,
                                         .on_body = on_body,
                                         .context = &body};
            int result = http_get(&get);
            end(&server);
            if (result != rows[i].result)
                fail_msg("row %zu: %d", i, result);
            assert_string_equal(text_string(&body), rows[i].body);
            assert_true(strncmp(server.request, "GET /m HTTP/1.0\r\n", 17) == 0);
            if (!rows[i].reply)
                break;
        }
    }
}

/* A head without end, and a body of more than anyone wants. */
static void test_too_much(void **state)
{
    size_t len = HTTP_BODY_MAX + 100000;
    char *reply = malloc(len);
    assert_non_null(reply);
    for (unsigned i = 0; i < 2; i++) {
        const char *start = i == 0 ? "HTTP/1.0 200 OK\r\n" : "HTTP/1.0 200 OK\r\n\r\n";
        memset(reply, 'x', len);
        memcpy(reply, start, strlen(start));
        struct server server = {.reply = reply, .len = len, .piece = len};
        struct http_target target;
        char room[16];
        struct text body = text_init(room, sizeof(room));
        atomic_bool stop = false;
        begin(&server, &target);
        const struct http_get get = {.target = &target,
                                     .patience_ns = 60 * NS_PER_S,
                                     .stop = &stop,
                                     .on_body = on_body,
                                     .context = &body};
        assert_int_equal(http_get(&get), i == 0 ? -EPROTO : -EFBIG);
        end(&server);
    }
    free(reply);
}

/* Asked to stop, it does not wait for the server. */
static void test_stop(void **state)
{
    struct server server = {.reply = NULL};
    struct http_target target;
    atomic_bool stop = true;
    begin(&server, &target);
    const struct http_get get = {.target = &target, .patience_ns = 3600 * NS_PER_S, .stop = &stop};
    assert_int_equal(http_get(&get), -ECANCELED);
    end(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
