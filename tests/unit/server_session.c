#include "server_world.h"

#include "base/rng.h"
#include "proto/auth.h"

static void test_whole_session(void **state)
{
    struct world *world = world_new(1, NULL);
    struct client *client = play(world, 0, "/cam");
    assert_non_null(strstr(client->reply, "RTP-Info: url=" BASE "/cam/trackID=0;seq="));
    assert_non_null(strstr(client->reply, ",url=" BASE "/cam/trackID=1;seq="));
    int sequence = atoi(strstr(client->reply, ";seq=") + 5);
    run(world, 12 * NS_PER_S);
    assert_int_equal(ask(world, client, "GET_PARAMETER", "/cam", SESSION), 200);
    assert_int_equal(ask(world, client, "TEARDOWN", "/cam", SESSION), 200);
    run(world, NS_PER_S);
    assert_true(client->eof);
    assert_int_equal(client->heard[0].first, sequence);
    assert_in_range(client->heard[0].packets, 717, 723); /* 60 a second, 3 a frame */
    assert_in_range(client->heard[1].packets, 478, 482);
    assert_int_equal(client->heard[0].bytes, client->heard[0].packets * 500);
    assert_int_equal(missing(&client->heard[0]) + missing(&client->heard[1]), 0);
    assert_int_equal(client->reports, 2 * 3); /* at 0, 5 and 10 s */
    check_truth(world, client, 0);
    assert_string_equal(world->ended_how[0], "teardown");
    assert_string_equal(world->ended[0].transport, "tcp");
    assert_int_equal(world->ended[0].keepalives, 1);
    struct truth_path paths[4];
    assert_int_equal(server_truth(world->server, paths, 4), 1);
    assert_string_equal(paths[0].key, "/cam");
    assert_int_equal(paths[0].sessions, 1);
    assert_int_equal(paths[0].teardowns, 1);
    assert_int_equal(paths[0].keepalives, 1);
    assert_int_equal(paths[0].counts.sent, client->heard[0].packets + client->heard[1].packets);
    assert_int_equal(server_sessions(world->server), 0);
    world_free(world);
}

/* Requests without a session, in the order of the rows on one connection. */
static void test_statuses_before_setup(void **state)
{
    static const struct {
        const char *method, *path, *headers;
        int status;
    } rows[] = {
        {"OPTIONS", "*", "", 200},
        {"OPTIONS", "/cam", "", 200},
        {"DESCRIBE", "/cam", "", 200},
        {"DESCRIBE", "/cam?nofault=1", "", 400},
        {"DESCRIBE", "/cam?drop=7", "", 400},
        {"DESCRIBE", "/cam?status=404", "", 404},
        {"DESCRIBE", "/cam?status=503", "", 503},
        {"OPTIONS", "/cam?status=503", "", 200},
        {"DESCRIBE", "/cam", "Require: play.basic\r\n", 551},
        {"PLAY", "/cam", "", 454},
        {"PLAY", "/cam", "Session: 123\r\n", 454},
        {"PAUSE", "/cam", "", 454},
        {"TEARDOWN", "/cam", "", 454},
        {"GET_PARAMETER", "/cam", "", 200},
        {"GET_PARAMETER", "/cam", "Session: 123\r\n", 454},
        {"SET_PARAMETER", "/cam", "", 200},
        {"REDIRECT", "/cam", "", 405},
        {"BREW", "/cam", "", 501},
        {"SETUP", "/cam/trackID=0", "", 400},
        {"SETUP", "/cam/trackID=2", TCP(0, 1), 404},
        {"SETUP", "/cam", TCP(0, 1), 459},
        {"SETUP", "/cam/trackID=0", "Transport: RTP/AVP;multicast\r\n", 461},
        {"SETUP", "/cam/trackID=0", "Transport: RTP/SAVP/TCP;interleaved=0-1\r\n", 461},
        {"SETUP", "/cam/trackID=0", "Transport: RTP/AVP/TCP;interleaved=0-1;mode=record\r\n", 455},
        {"SETUP", "/cam/trackID=0", "Transport: RTP/AVP;unicast;client_port=0-1\r\n", 400},
        {"SETUP", "/cam/trackID=0", "Transport: RTP/AVP/TCP;interleaved=300-301\r\n", 400},
        {"SETUP", "/cam/trackID=0", TCP(0, 1) "Session: 123\r\n", 454},
    };
    struct world *world = world_new(2, NULL);
    struct client *client = connect_client(world, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = ask(world, client, rows[i].method, rows[i].path, rows[i].headers);
        if (status != rows[i].status)
            fail_msg("%s %s %s: %d", rows[i].method, rows[i].path, rows[i].headers, status);
        assert_non_null(strstr(client->reply, "CSeq: 7\r\n"));
    }
    assert_int_equal(server_sessions(world->server), 0);
    assert_int_equal(world->ended_count, 0);
    world_free(world);
}

/* The same with a session: rows go on where the last one left off. */
static void test_statuses_in_a_session(void **state)
{
    static const struct {
        const char *method, *path, *headers;
        int status;
    } rows[] = {
        {"SETUP", "/cam/trackID=0",
         "Transport: RTP/AVP;unicast;client_port=5000-5001," /* 1st fits */
         "RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
         200},
        {"SETUP", "/cam/trackID=1", TCP(2, 3) SESSION,
         461}, /* not both transports in one session */
        {"TEARDOWN", "/cam", SESSION, 200},
    };
    static const struct {
        const char *method, *path, *headers;
        int status;
    } tcp_rows[] = {
        {"SETUP", "/cam/trackID=0", "Transport: RTP/AVP/TCP;unicast\r\n", 200},
        {"SETUP", "/cam/trackID=1", TCP(1, 2) SESSION, 400}, /* channel 1 is taken */
        {"SETUP", "/cam/trackID=1", "Transport: RTP/AVP/TCP;unicast\r\n" SESSION, 200},
        {"SETUP", "/other/trackID=1", TCP(4, 5) SESSION, 459},
        {"PAUSE", "/cam", SESSION, 455},
        {"PLAY", "/cam/trackID=0", SESSION, 460},
        {"PLAY", "/other", SESSION, 404},
        {"PLAY", "/cam", "Session: 99\r\n", 454},
        {"PLAY", "/cam/", SESSION, 200},
        {"PLAY", "/cam", SESSION, 200},
        {"SETUP", "/cam/trackID=1", TCP(2, 3) SESSION, 455},
        {"OPTIONS", "/cam", SESSION, 200},
        {"SET_PARAMETER", "/cam", SESSION, 200},
        {"PAUSE", "/cam", SESSION, 200},
        {"PAUSE", "/cam", SESSION, 455},
        {"PLAY", "/cam", SESSION, 200},
        {"TEARDOWN", "/cam", "Session: 99\r\n", 454},
        {"TEARDOWN", "/cam", SESSION, 200},
    };
    struct world *world = world_new(3, NULL);
    struct client *client = connect_client(world, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(ask(world, client, rows[i].method, rows[i].path, rows[i].headers),
                         rows[i].status);
    client = connect_client(world, 1);
    for (size_t i = 0; i < sizeof(tcp_rows) / sizeof(tcp_rows[0]); i++) {
        int status = ask(world, client, tcp_rows[i].method, tcp_rows[i].path, tcp_rows[i].headers);
        if (status != tcp_rows[i].status)
            fail_msg("%zu %s %s: %d", i, tcp_rows[i].method, tcp_rows[i].path, status);
    }
    run(world, NS_PER_S);
    check_truth(world, client, 1);
    assert_int_equal(world->ended[1].keepalives, 2);
    world_free(world);
}

static void test_pause_and_resume(void **state)
{
    struct world *world = world_new(4, NULL);
    struct client *client = play(world, 0, "/cam?reorder=1/5");
    run(world, 3 * NS_PER_S);
    assert_int_equal(ask(world, client, "PAUSE", "/cam?reorder=1/5", SESSION), 200);
    uint64_t packets = client->heard[0].packets;
    run(world, 5 * NS_PER_S);
    assert_int_equal(client->heard[0].packets, packets);
    assert_int_equal(ask(world, client, "PLAY", "/cam?reorder=1/5", SESSION), 200);
    run(world, 3 * NS_PER_S);
    assert_int_equal(ask(world, client, "TEARDOWN", "/cam?reorder=1/5", SESSION), 200);
    run(world, NS_PER_S);
    assert_in_range(client->heard[0].packets, packets + 177, packets + 183);
    assert_int_equal(missing(&client->heard[0]), 0);
    check_truth(world, client, 0);
    world_free(world);
}

/* Faults, a network that cuts every message and sockets that take only parts: the counts hold. */
static void test_counts_hold_in_bad_weather(void **state)
{
    static const char *const path = "/cam?drop=1/10&dup=1/10&reorder=1/10";
    uint64_t sent = 0, inside = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct world *world = world_new(seed, NULL);
        struct sim_faults faults = {.latency_ns = 3 * NS_PER_MS,
                                    .latency_jitter_ns = 2 * NS_PER_MS,
                                    .segment_max = 1 + (uint32_t)seed * 40};
        sim_set_faults(world->sim, &faults);
        struct client *client = connect_client(world, 0);
        run(world, 20 * NS_PER_MS);
        char track[300];
        snprintf(track, sizeof(track), "%s/trackID=0", path);
        assert_int_equal(ask(world, client, "SETUP", track, TCP(0, 1)), 200);
        faults.send_full_ppm = 300000;
        sim_set_faults(world->sim, &faults);
        /* The client's own sends might be cut too: it has only one that matters, and tries until it
         * goes. */
        char text[512];
        int len = snprintf(text, sizeof(text), "PLAY " BASE "%s RTSP/1.0\r\nCSeq: 2\r\n\r\n", path);
        for (int at = 0; at < len;) {
            struct iovec part = {text + at, (size_t)(len - at)};
            int64_t taken = loop_send(world->loop, client->socket, &part, 1);
            at += taken > 0 ? (int)taken : 0;
        }
        run(world, 5 * NS_PER_S + seed * 13 * NS_PER_MS);
        faults.send_full_ppm = 0;
        sim_set_faults(world->sim, &faults);
        assert_int_equal(ask(world, client, "TEARDOWN", path, SESSION), 200);
        run(world, NS_PER_S);
        check_truth(world, client, 0);
        sent += world->ended[0].counts.sent;
        inside += world->ended[0].counts.dropped_inside;
        world_free(world);
    }
    assert_in_range(sent, 20 * 290, 20 * 330);
    assert_true(inside > 300);
}

static struct client *play_udp(struct world *world, unsigned number, const char *path)
{
    char url[300], transport[200];
    struct client *client = connect_client(world, number);
    open_ports(world, client, number);
    for (unsigned i = 0; i < 2; i++) {
        unsigned port = 20000 + 4 * number + 2 * i;
        snprintf(url, sizeof(url), "%s/trackID=%u", path, i);
        snprintf(transport, sizeof(transport), "Transport: RTP/AVP;unicast;client_port=%u-%u\r\n%s",
                 port, port + 1, i > 0 ? SESSION : "");
        assert_int_equal(ask(world, client, "SETUP", url, transport), 200);
    }
    assert_int_equal(ask(world, client, "PLAY", path, SESSION), 200);
    return client;
}

static void test_udp(void **state)
{
    struct world *world = world_new(5, NULL);
    static const char *const path = "/cam?drop=1/10&dup=1/10&reorder=1/10&seq=65500";
    struct client *client = play_udp(world, 0, path);
    run(world, 8 * NS_PER_S);
    assert_int_equal(ask(world, client, "TEARDOWN", path, SESSION), 200);
    run(world, NS_PER_S);
    check_truth(world, client, 0);
    assert_string_equal(world->ended[0].transport, "udp");
    assert_in_range(client->heard[0].packets, 440, 520);
    assert_int_equal(client->reports, 4);
    assert_true(world->ended[0].counts.dropped_inside > 30);
    world_free(world);
}

static void short_timeout(struct server_config *config)
{
    config->session_timeout_ns = 10 * NS_PER_S;
}

/* RTSP, RTCP in a frame and RTCP in a datagram are signs of life; silence isn't. */
static void test_timeout(void **state)
{
    static const char report[] = "$\1\0\10\200\311\0\1\0\0\0\1"; /* an empty receiver report */
    struct world *world = world_new(6, short_timeout);
    struct client *silent = play(world, 0, "/cam");
    assert_int_equal(atoi(strstr(silent->reply, "Session: ") + 9) >= 0, 1);
    struct client *framed = play(world, 1, "/cam");
    struct client *datagrams = play_udp(world, 2, "/cam");
    struct client *speaks = play(world, 3, "/cam");
    struct client *idle = connect_client(world, 4);
    unsigned port;
    assert_int_equal(ask(world, datagrams, "PLAY", "/cam", SESSION), 200);
    struct address to = {0};
    uint16_t server_port = 0;
    assert_int_equal(ask(world, datagrams, "PAUSE", "/cam", SESSION), 200);
    assert_int_equal(ask(world, datagrams, "SETUP", "/cam/trackID=1",
                         "Transport: RTP/AVP;unicast;client_port=20010-20011\r\n" SESSION),
                     200);
    assert_int_equal(sscanf(strstr(datagrams->reply, "server_port="), "server_port=%u", &port), 1);
    server_port = (uint16_t)(port + 1);
    assert_int_equal(ask(world, datagrams, "PLAY", "/cam", SESSION), 200);
    assert_true(address_parse(SLICE(HOST), server_port, &to));
    for (int i = 0; i < 6; i++) {
        run(world, 8 * NS_PER_S);
        say(world, framed, report, 12);
        loop_send_to(world->loop, datagrams->udp[3], &to, slice_make(report + 4, 8), 8);
        assert_int_equal(ask(world, speaks, "OPTIONS", "/cam", SESSION), 200);
    }
    assert_true(silent->eof && idle->eof);
    assert_false(framed->eof || datagrams->eof || speaks->eof);
    assert_int_equal(world->ended_count, 1);
    assert_string_equal(world->ended_how[0], "timeout");
    assert_in_range(silent->heard[0].packets, 590, 610); /* media flowed for 10 s */
    world_free(world);
}

static void few_connections(struct server_config *config)
{
    short_timeout(config);
    config->max_connections = CLIENTS;
}

/* Seven UDP readers share 16 hash chains. Three leave; the reports of the others still find them.
 */
static void test_reports_find_their_session(void **state)
{
    static const char report[] = "\200\311\0\1\0\0\0\1";
    struct world *world = world_new(20, few_connections);
    struct address to;
    unsigned port;
    for (unsigned i = 0; i < 7; i++) {
        struct client *client = connect_client(world, i);
        open_ports(world, client, i);
        char transport[100];
        for (unsigned track = 0; track < 2; track++) {
            snprintf(transport, sizeof(transport),
                     "Transport: RTP/AVP;unicast;client_port=%u-%u\r\n", 20000 + 4 * i + 2 * track,
                     20001 + 4 * i + 2 * track);
            assert_int_equal(ask(world, client, "SETUP",
                                 track > 0 ? "/cam/trackID=1" : "/cam/trackID=0", transport),
                             200);
        }
        assert_int_equal(sscanf(strstr(client->reply, "server_port="), "server_port=%u", &port), 1);
    }
    assert_true(address_parse(SLICE(HOST), (uint16_t)(port + 1), &to));
    for (unsigned i = 0; i < 7; i += 3)
        assert_int_equal(ask(world, &world->clients[i], "TEARDOWN", "/cam", SESSION), 200);
    for (unsigned round = 0; round < 4; round++) {
        run(world, 8 * NS_PER_S);
        for (unsigned i = 0; i < 7; i++)
            loop_send_to(world->loop, world->clients[i].udp[1 + 2 * (round % 2)], &to,
                         slice_make(report, 8), 8);
    }
    run(world, NS_PER_S);
    assert_int_equal(server_sessions(world->server), 4);
    world_free(world);
}

/* How a fault on the path ends a session, and when. */
static void test_ending_faults(void **state)
{
    struct world *world = world_new(7, NULL);
    struct client *reset = play(world, 0, "/cam?reset_after=5s");
    struct client *closed = play(world, 1, "/cam?close_after=3s");
    run(world, 10 * NS_PER_S);
    assert_true(reset->broken && !reset->eof);
    assert_true(closed->eof && !closed->broken);
    assert_in_range(reset->heard[0].packets, 294, 306);
    assert_in_range(closed->heard[0].packets, 174, 186);
    assert_int_equal(world->ended_count, 2);
    assert_string_equal(world->ended_how[0], "fault");
    world_free(world);
}

static void test_describe_delay_and_mute(void **state)
{
    struct world *world = world_new(8, NULL);
    struct client *client = connect_client(world, 0);
    uint64_t start_ns = sim_now(world->sim);
    static const char pipelined[] = "DESCRIBE " BASE "/cam?describe_delay=500ms RTSP/1.0\r\n"
                                    "CSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n";
    say(world, client, pipelined, sizeof(pipelined) - 1);
    run(world, 499 * NS_PER_MS);
    assert_int_equal(client->replies, 0);
    run(world, 3 * NS_PER_MS);
    assert_int_equal(client->replies, 2);
    assert_non_null(strstr(client->reply, "CSeq: 2\r\n")); /* in order */
    assert_int_equal(ask(world, client, "DESCRIBE", "/cam?describe_delay=500ms", ""), 200);
    assert_true(sim_now(world->sim) >= start_ns + NS_PER_S);
    assert_int_equal(ask(world, client, "DESCRIBE", "/cam?mute=describe", ""), 0);
    assert_int_equal(ask(world, client, "OPTIONS", "/cam?mute=describe", ""), 200);
    world_free(world);
}

static void two_sessions(struct server_config *config)
{
    config->max_sessions = 3;
}

static void test_limits(void **state)
{
    struct world *world = world_new(9, two_sessions);
    struct client *first = play(world, 0, "/cam?max_sessions=1");
    struct client *second = connect_client(world, 1);
    assert_int_equal(ask(world, second, "SETUP", "/cam?max_sessions=1/trackID=0", TCP(0, 1)), 453);
    assert_int_equal(ask(world, second, "SETUP", "/a/trackID=0", TCP(0, 1)), 200);
    play(world, 2, "/b");
    struct client *fourth = connect_client(world, 3);
    assert_int_equal(ask(world, fourth, "SETUP", "/c/trackID=0", TCP(0, 1)), 453);
    assert_int_equal(ask(world, first, "TEARDOWN", "/cam?max_sessions=1", SESSION), 200);
    assert_int_equal(ask(world, fourth, "SETUP", "/c/trackID=0", TCP(0, 1)), 200);
    assert_int_equal(server_sessions(world->server), 3);
    world_free(world);
}

static void expect_refused(const struct world *world, uint64_t files, uint64_t memory,
                           uint64_t sessions)
{
    struct truth_refused refused = path_registry_refused(&world->registry);
    assert_int_equal(refused.of[REFUSED_FILES], files);
    assert_int_equal(refused.of[REFUSED_MEMORY], memory);
    assert_int_equal(refused.of[REFUSED_SESSIONS], sessions);
}

static void three_connections(struct server_config *config)
{
    config->max_connections = 3;
    config->max_sessions = 1;
}

static void test_refusals_are_counted(void **state)
{
    struct world *world = world_new(9, three_connections);
    play(world, 0, "/cam");
    struct client *second = connect_client(world, 1);
    assert_int_equal(ask(world, second, "SETUP", "/a/trackID=0", TCP(0, 1)), 453);
    expect_refused(world, 0, 0, 1);
    connect_client(world, 2);
    assert_true(connect_client(world, 3)->broken);
    assert_true(connect_client(world, 4)->broken);
    expect_refused(world, 2, 0, 1);
    world_free(world);
}

/* Others have taken the room for as many paths as there may be. */
static void test_no_room_for_a_path(void **state)
{
    struct world *world = world_new(9, NULL);
    struct path_table others;
    struct target target = {0};
    struct faults faults = {0};
    assert_int_equal(path_table_init(&others, &world->registry), 0);
    for (unsigned i = 0; i < PATHS_MAX; i++) {
        snprintf(target.key, sizeof(target.key), "/%u", i);
        assert_non_null(path_add(&others, &target, world->library.media[0], &faults));
    }
    struct client *client = connect_client(world, 0);
    assert_int_equal(ask(world, client, "SETUP", "/cam/trackID=0", TCP(0, 1)), 503);
    expect_refused(world, 0, 1, 0);
    path_table_dispose(&others);
    world_free(world);
}

/* A whole conversation in one write, and byte by byte. */
static void test_pipelining_and_splits(void **state)
{
    static const char words[] =
        "\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        "$\1\0\10\200\311\0\1\0\0\0\1"
        "DESCRIBE " BASE "/cam RTSP/1.0\nCSeq: 2\n\n"
        "SETUP " BASE "/cam/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast\r\n\r\n"
        "$\1\0\10\200\311\0\1\0\0\0\1"
        "SET_PARAMETER " BASE "/cam RTSP/1.0\r\nCSeq: 4\r\nContent-Length: 5\r\n\r\na: b\n"
        "PLAY " BASE "/cam RTSP/1.0\r\nCSeq: 5\r\n\r\n";
    size_t len = sizeof(words) - 1;
    for (size_t piece = 1; piece <= len; piece = piece < 40 ? piece + 1 : piece * 2) {
        struct world *world = world_new(piece, NULL);
        struct client *client = connect_client(world, 0);
        for (size_t at = 0; at < len; at += piece) {
            say(world, client, words + at, len - at < piece ? len - at : piece);
            step(world, sim_now(world->sim) + NS_PER_MS);
        }
        run(world, NS_PER_S);
        assert_int_equal(client->replies, 5);
        assert_int_equal(client->status, 200);
        assert_non_null(strstr(client->reply, "CSeq: 5\r\n"));
        assert_in_range(client->heard[0].packets, 54, 63);
        world_free(world);
    }
}

static void test_nonsense_ends_the_connection(void **state)
{
    static const char *const words[] = {
        "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: x\r\n\r\n"};
    for (size_t i = 0; i < 3; i++) {
        struct world *world = world_new(10, NULL);
        struct client *client = connect_client(world, 0);
        say(world, client, words[i], strlen(words[i]));
        run(world, NS_PER_S);
        assert_int_equal(client->status, 400);
        assert_true(client->eof || client->broken);
        world_free(world);
    }
}

/* An endless request is cut off, whatever it would have become. */
static void test_endless_request(void **state)
{
    static char words[40000];
    struct world *world = world_new(11, NULL);
    struct client *client = connect_client(world, 0);
    memset(words, 'a', sizeof(words));
    memcpy(words, "OPTIONS * RTSP/1.0\r\nX: ", 23);
    for (size_t at = 0; at < sizeof(words) && !client->eof && !client->broken; at += 1000) {
        struct iovec part = {words + at, 1000};
        loop_send(world->loop, client->socket, &part, 1);
        run(world, NS_PER_MS);
    }
    run(world, NS_PER_S);
    assert_true(client->eof || client->broken);
    world_free(world);
}

/* A reader that stops reading loses the oldest packets beyond its queue, and the counts still hold.
 */
static void test_slow_reader(void **state)
{
    struct world *world = world_new(12, NULL);
    struct client *slow = play(world, 0, "/cam?queue=64");
    struct client *other = play(world, 1, "/cam?queue=64");
    run(world, NS_PER_S);
    loop_pause(world->loop, slow->socket, true);
    run(world, 30 * NS_PER_S); /* the network holds 256 KiB: some 7 s */
    loop_pause(world->loop, slow->socket, false);
    run(world, 2 * NS_PER_S);
    assert_int_equal(ask(world, slow, "TEARDOWN", "/cam?queue=64", SESSION), 200);
    assert_int_equal(ask(world, other, "TEARDOWN", "/cam?queue=64", SESSION), 200);
    run(world, NS_PER_S);
    check_truth(world, slow, 0);
    check_truth(world, other, 1);
    assert_in_range(world->ended[0].counts.dropped_inside, 1500, 2700);
    assert_int_equal(world->ended[1].counts.dropped, 0);
    world_free(world);
}

/* A reader says goodbye while a packet is half written and more are waiting: the half is finished,
   what waits was never sent, and lies behind the last packet. */
static void test_teardown_of_a_slow_reader(void **state)
{
    static const char words[] = "TEARDOWN " BASE "/cam RTSP/1.0\r\nCSeq: 7\r\n\r\n";
    uint64_t dropped = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct world *world = world_new(seed, NULL);
        struct client *client = play(world, 0, "/cam");
        loop_pause(world->loop, client->socket, true);
        run(world, 9 * NS_PER_S + seed * 200 * NS_PER_MS);
        say(world, client, words, sizeof(words) - 1);
        run(world, NS_PER_S);
        loop_pause(world->loop, client->socket, false);
        run(world, NS_PER_S);
        assert_int_equal(client->status, 200);
        assert_true(client->eof);
        check_truth(world, client, 0);
        dropped += world->ended[0].counts.dropped;
        assert_int_equal(world->ended[0].counts.dropped_inside, 0);
        world_free(world);
    }
    assert_true(dropped > 100);
}

/* stall_all: one reader that stops reading stops the other, until it is gone. */
static void test_stall_all(void **state)
{
    struct world *world = world_new(13, NULL);
    struct client *slow = play(world, 0, "/cam?queue=64&stall_all=1");
    struct client *other = play(world, 1, "/cam?queue=64&stall_all=1");
    struct client *elsewhere = play(world, 2, "/cam");
    loop_pause(world->loop, slow->socket, true);
    run(world, 20 * NS_PER_S);
    uint64_t stalled = other->heard[0].packets;
    run(world, 5 * NS_PER_S);
    assert_int_equal(other->heard[0].packets, stalled);
    assert_in_range(elsewhere->heard[0].packets, 1490, 1510);
    loop_close(world->loop, slow->socket, true);
    run(world, 5 * NS_PER_S);
    assert_in_range(other->heard[0].packets, 1790, 1810); /* all of 30 s, late */
    world_free(world);
}

/* 100 packets a second of 500 and 100 bytes are 272 kbit/s; of 136k half can pass. */
static void test_bitrate_cap(void **state)
{
    struct world *world = world_new(14, NULL);
    struct client *client = play(world, 0, "/cam?bitrate_cap=136k&queue=20");
    run(world, 20 * NS_PER_S);
    assert_int_equal(ask(world, client, "TEARDOWN", "/cam?bitrate_cap=136k&queue=20", SESSION),
                     200);
    run(world, NS_PER_S);
    check_truth(world, client, 0);
    assert_in_range(world->ended[0].counts.bytes, 330000, 350000);
    assert_in_range(world->ended[0].counts.dropped_inside, 900, 1100);
    world_free(world);
}

/* stall=1s/3s: packets come late, none is lost. */
static void test_stall(void **state)
{
    struct world *world = world_new(15, NULL);
    struct client *client = play(world, 0, "/cam?stall=1s/3s");
    run(world, 2100 * NS_PER_MS);
    uint64_t packets = client->heard[0].packets;
    assert_in_range(packets, 117, 123);
    run(world, 800 * NS_PER_MS);
    assert_int_equal(client->heard[0].packets, packets);
    run(world, 200 * NS_PER_MS);
    assert_in_range(client->heard[0].packets, 177, 186);
    world_free(world);
}

static void with_digest(struct server_config *config)
{
    config->auth = AUTH_DIGEST;
    config->credentials = (struct auth_credentials){SLICE("bob"), SLICE("s3cret")};
}

static int ask_with_proof(struct world *world, struct client *client, const char *password)
{
    char line[1024];
    struct rtsp_message message;
    struct auth_challenge challenge;
    struct auth_credentials credentials = {SLICE("bob"), slice_from_string(password)};
    struct text text = text_init(line, sizeof(line));
    assert_int_equal(rtsp_parse(slice_from_string(client->reply), &message), RTSP_DONE);
    assert_int_equal(auth_choose(&message, &challenge), AUTH_OK);
    auth_write(&text, &challenge, &credentials, SLICE("DESCRIBE"), SLICE(BASE "/cam"),
               SLICE("0123456789abcdef"));
    return ask(world, client, "DESCRIBE", "/cam", text_string(&text));
}

static void test_digest(void **state)
{
    struct world *world = world_new(16, with_digest);
    struct client *client = connect_client(world, 0);
    assert_int_equal(ask(world, client, "OPTIONS", "/cam", ""), 200);
    assert_int_equal(ask(world, client, "DESCRIBE", "/cam", ""), 401);
    assert_non_null(strstr(client->reply, "SHA-256"));
    assert_int_equal(ask_with_proof(world, client, "wrong"), 401);
    assert_int_equal(ask_with_proof(world, client, "s3cret"), 200);
    assert_int_equal(ask(world, client, "SETUP", "/cam/trackID=0", TCP(0, 1)), 401);
    assert_int_equal(world->ended_count, 0);
    world_free(world);
}

/* A connection that goes away takes its session along; so does the server's end. */
static void test_other_ends(void **state)
{
    struct world *world = world_new(17, NULL);
    struct client *a = play(world, 0, "/cam");
    struct client *b = play(world, 1, "/cam");
    play(world, 2, "/cam");
    loop_close(world->loop, a->socket, false);
    loop_close(world->loop, b->socket, true);
    run(world, NS_PER_S);
    assert_int_equal(world->ended_count, 2);
    server_stop(world->server);
    assert_int_equal(world->ended_count, 3);
    assert_string_equal(world->ended_how[2], "stopped");
    assert_int_equal(server_sessions(world->server), 0);
    for (int i = 0; i < 2; i++)
        assert_true(strcmp(world->ended_how[i], "closed") == 0 ||
                    strcmp(world->ended_how[i], "reset") == 0);
    world_free(world);
}

/* One seed, one run: byte for byte. */
static void test_repeats(void **state)
{
    uint64_t digests[2];
    for (int i = 0; i < 2; i++) {
        struct world *world = world_new(18, NULL);
        struct client *client = play(world, 0, "/cam?drop=1/10&reorder=1/10");
        run(world, 5 * NS_PER_S);
        assert_int_equal(ask(world, client, "TEARDOWN", "/cam?drop=1/10&reorder=1/10", SESSION),
                         200);
        digests[i] = sim_digest(world->sim);
        world_free(world);
    }
    assert_true(digests[0] == digests[1]);
}

/* Valid conversations with bytes changed, cut out and doubled: the server answers or hangs up, and
   goes on serving others. */
static void test_noise(void **state)
{
    static const char words[] =
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        "DESCRIBE " BASE "/cam?drop=1/10&describe_delay=5ms RTSP/1.0\r\nCSeq: 2\r\n\r\n"
        "SETUP " BASE "/cam?drop=1/10/trackID=0 RTSP/1.0\r\nCSeq: 3\r\n"
        "Transport: RTP/AVP;unicast;client_port=7000-7001,RTP/AVP/TCP;interleaved=0-1\r\n\r\n"
        "$\1\0\10\200\311\0\1\0\0\0\1"
        "PLAY " BASE "/cam?drop=1/10 RTSP/1.0\r\nCSeq: 4\r\nRange: npt=0-\r\n\r\n"
        "PAUSE " BASE "/cam?drop=1/10 RTSP/1.0\r\nCSeq: 5\r\n\r\n"
        "PLAY " BASE "/cam?drop=1/10 RTSP/1.0\r\nCSeq: 6\r\nContent-Length: 3\r\n\r\nabc"
        "TEARDOWN " BASE "/cam?drop=1/10 RTSP/1.0\r\nCSeq: 7\r\n\r\n";
    struct world *world = world_new(19, NULL);
    struct rng rng = rng_init(19, 0, 0);
    struct loop_tcp tcp = {.token = 0};
    assert_true(address_parse(SLICE(HOST), PORT, &tcp.to));
    for (unsigned round = 0; round < 3000; round++) {
        char noisy[2 * sizeof(words)];
        size_t len = sizeof(words) - 1;
        memcpy(noisy, words, len);
        for (uint64_t changes = rng_below(&rng, 4); changes > 0; changes--) {
            size_t at = (size_t)rng_below(&rng, len), cut = (size_t)rng_below(&rng, len - at);
            if (rng_below(&rng, 3) > 0) {
                noisy[at] = (char)rng_next(&rng);
            } else {
                memmove(noisy + at, noisy + at + cut, len - at - cut);
                len -= cut;
            }
            if (len < 2)
                break;
        }
        world->ended_count = 0;
        int64_t socket = loop_connect(world->loop, &tcp);
        assert_true(socket > 0);
        run(world, 10 * NS_PER_US);
        for (size_t at = 0, n; at < len; at += n) {
            n = 1 + (size_t)rng_below(&rng, len - at);
            struct iovec part = {noisy + at, n};
            loop_send(world->loop, (loop_socket)socket, &part, 1);
            step(world, sim_now(world->sim) + 100 * NS_PER_US);
        }
        run(world, rng_below(&rng, 200) * NS_PER_MS);
        loop_close(world->loop, (loop_socket)socket, round % 2 == 0);
        run(world, 10 * NS_PER_MS);
        memset(&world->clients[0], 0, sizeof(world->clients[0]));
    }
    assert_int_equal(server_sessions(world->server), 0);
    world->ended_count = 0;
    struct client *client = play(world, 1, "/cam");
    run(world, NS_PER_S);
    assert_int_equal(ask(world, client, "TEARDOWN", "/cam", SESSION), 200);
    check_truth(world, client, 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_session),
        cmocka_unit_test(test_statuses_before_setup),
        cmocka_unit_test(test_statuses_in_a_session),
        cmocka_unit_test(test_pause_and_resume),
        cmocka_unit_test(test_counts_hold_in_bad_weather),
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_reports_find_their_session),
        cmocka_unit_test(test_ending_faults),
        cmocka_unit_test(test_describe_delay_and_mute),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_refusals_are_counted),
        cmocka_unit_test(test_no_room_for_a_path),
        cmocka_unit_test(test_pipelining_and_splits),
        cmocka_unit_test(test_nonsense_ends_the_connection),
        cmocka_unit_test(test_endless_request),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_teardown_of_a_slow_reader),
        cmocka_unit_test(test_stall_all),
        cmocka_unit_test(test_bitrate_cap),
        cmocka_unit_test(test_stall),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_other_ends),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
