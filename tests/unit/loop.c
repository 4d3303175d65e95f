/* One suite of contract tests for every backend, each feature denied and each fault forced. */
#include "test.h"

#include <errno.h>
#include <sys/resource.h>

#include "loop_world.h"

static void test_connect(void **state)
{
    struct world *world = world_new(*state, 16);
    struct address at, mine;
    struct end *listener = listen_at(world, "127.0.0.1", &at);
    struct end *client = connect_to(world, &at);
    turn_until(world, client->connected && listener->accepts);
    assert_int_equal(client->connect_error, 0);
    assert_true(loop_local_address(world->loop, client->socket, &mine));
    assert_true(address_same_host(&mine, &listener->from));
    assert_int_equal(address_port(&mine), address_port(&listener->from));
    assert_true(loop_local_address(world->loop, listener->accepted, &mine));
    assert_int_equal(address_port(&mine), address_port(&at));
    assert_true(loop_local_address(world->loop, listener->socket, &mine));
    assert_true(address_same_host(&mine, &at));
    settle(world);
    assert_int_equal(client->connected, 1);
    assert_int_equal(listener->accepts, 1);
    world_free(world);
}

static void test_refused(void **state)
{
    struct world *world = world_new(*state, 16);
    struct address at;
    close_and_wait(world, listen_at(world, "127.0.0.1", &at), false);
    struct end *client = connect_to(world, &at);
    turn_until(world, client->connected);
    assert_int_equal(client->connect_error, -ECONNREFUSED);
    settle(world);
    assert_int_equal(client->connected, 1);
    assert_int_equal(client->brokens + client->eofs + client->closeds, 0);
    close_and_wait(world, client, false);
    world_free(world);
}

static void test_source_address(void **state)
{
    struct world *world = world_new(*state, 16);
    struct address at;
    struct end *listener = listen_at(world, "127.0.0.1", &at);
    struct end *client = new_end(world);
    struct loop_tcp tcp = {.to = at, .from = local("127.0.0.7", 0), .token = 2};
    int64_t socket = loop_connect(world->loop, &tcp);
    assert_true(socket > 0);
    client->socket = (loop_socket)socket;
    turn_until(world, client->connected && listener->accepts);
    assert_true(address_same_host(&listener->from, &tcp.from));
    world_free(world);
}

static void test_bytes_exact(void **state)
{
    static const uint64_t sizes[] = {1, 100, 16304, 16305, 262144, 5000000};
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    uint64_t total = 0;
    make_pair(world, &client, &server);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        total += sizes[i];
        client->to_send = server->to_send = total;
        pump(world, client);
        pump(world, server);
        turn_until(world, server->received == total && client->received == total);
    }
    settle(world);
    assert_int_equal(server->received, total);
    close_and_wait(world, client, false);
    turn_until(world, server->eofs == 1);
    world_free(world);
}

/* The 5 MB of the above fit no buffer, so WRITABLE must have come; here it must not come unasked.
 */
static void test_writable_once(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    make_pair(world, &client, &server);
    settle(world);
    assert_int_equal(client->writables, 0);
    loop_want_writable(world->loop, client->socket);
    turn_until(world, client->writables == 1);
    settle(world);
    assert_int_equal(client->writables, 1);
    world_free(world);
}

static void test_backpressure(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    make_pair(world, &client, &server);
    loop_pause(world->loop, server->socket, true);
    settle(world);
    client->to_send = 20000000;
    pump(world, client);
    uint64_t before = UINT64_MAX;
    for (int quiet = 0; quiet < 10; quiet = client->sent == before ? quiet + 1 : 0) {
        before = client->sent;
        turn(world, 5 * NS_PER_MS);
    }
    assert_true(client->sent > 0 && client->sent < client->to_send);
    assert_int_equal(server->received, 0);
    /* the peer's buffer is full: what is left of it is in ours */
    assert_in_range(loop_unacked(world->loop, client->socket), 1, client->sent);
    loop_pause(world->loop, server->socket, false);
    turn_until(world, server->received == client->to_send);
    turn_until(world, loop_unacked(world->loop, client->socket) == 0);
    assert_true(client->writables > 0);
    world_free(world);
}

static void test_half_close(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    make_pair(world, &client, &server);
    client->to_send = 100000;
    pump(world, client);
    turn_until(world, client->sent == client->to_send);
    loop_shutdown(world->loop, client->socket);
    turn_until(world, server->eofs == 1);
    assert_int_equal(server->received, 100000);
    server->to_send = 300000;
    pump(world, server);
    turn_until(world, client->received == 300000);
    assert_int_equal(client->eofs, 0);
    close_and_wait(world, server, false);
    turn_until(world, client->eofs == 1);
    close_and_wait(world, client, false);
    settle(world);
    assert_int_equal(client->eofs + server->eofs, 2);
    assert_int_equal(client->brokens + server->brokens, 0);
    world_free(world);
}

static void test_reset(void **state)
{
    for (int from_server = 0; from_server < 2; from_server++) {
        struct world *world = world_new(*state, 16);
        struct end *client, *server;
        make_pair(world, &client, &server);
        struct end *closer = from_server ? server : client, *other = from_server ? client : server;
        close_and_wait(world, closer, true);
        turn_until(world, other->brokens == 1);
        assert_int_equal(other->broken_error, -ECONNRESET);
        settle(world);
        assert_int_equal(other->brokens, 1);
        assert_int_equal(other->eofs, 0);
        close_and_wait(world, other, false);
        world_free(world);
    }
}

/* The harness asserts that nothing but CLOSED follows a close. */
static void test_close_while_data_arrives(void **state)
{
    for (int reset = 0; reset < 2; reset++) {
        struct world *world = world_new(*state, 16);
        struct end *client, *server;
        make_pair(world, &client, &server);
        server->to_send = 3000000;
        pump(world, server);
        turn_until(world, client->received > 0);
        close_and_wait(world, client, reset);
        turn_until(world, server->brokens + server->eofs > 0);
        close_and_wait(world, server, false);
        world_free(world);
    }
}

static void test_close_in_handler(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *clients[3], *servers[3];
    for (int i = 0; i < 3; i++)
        make_pair(world, &clients[i], &servers[i]);
    for (int i = 0; i < 3; i++) {
        servers[i]->to_send = 500000;
        pump(world, servers[i]);
    }
    clients[0]->close_on_read = true;
    world->close_too = (loop_socket)token_of(world, clients[1]);
    turn_until(world, clients[0]->closeds && clients[1]->closeds);
    turn_until(world, clients[2]->received == 500000);
    settle(world);
    assert_int_equal(clients[0]->closeds + clients[1]->closeds, 2);
    world_free(world);
}

static void test_fin_despite_unread(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    make_pair(world, &client, &server);
    loop_pause(world->loop, client->socket, true);
    settle(world);
    server->to_send = 1000;
    pump(world, server);
    settle(world);
    close_and_wait(world, client, false);
    turn_until(world, server->eofs + server->brokens > 0);
    assert_int_equal(server->eofs, 1);
    world_free(world);
}

static void test_token_change(void **state)
{
    struct world *world = world_new(*state, 16);
    struct end *client, *server;
    make_pair(world, &client, &server);
    server->to_send = 10;
    pump(world, server);
    turn_until(world, client->received == 10);
    struct end *renamed = new_end(world);
    renamed->socket = client->socket;
    renamed->received = 10;
    loop_set_token(world->loop, client->socket, token_of(world, renamed));
    server->to_send = 20;
    pump(world, server);
    turn_until(world, renamed->received == 20);
    assert_int_equal(client->received, 10);
    close_and_wait(world, renamed, false);
    world_free(world);
}

/* An accepted socket is read from only once it has a token of its own. */
static void test_accepted_waits(void **state)
{
    struct world *world = world_new(*state, 16);
    struct address at;
    struct end *listener = listen_at(world, "127.0.0.1", &at);
    struct end *client = connect_to(world, &at);
    struct end *server = new_end(world);
    turn_until(world, client->connected && listener->accepts);
    client->to_send = 50000;
    pump(world, client);
    settle(world);
    assert_int_equal(listener->reads, 0);
    server->socket = listener->accepted;
    loop_set_token(world->loop, server->socket, token_of(world, server));
    turn_until(world, server->received == 50000);
    world_free(world);
}

static void use_stale(struct world *world, loop_socket stale)
{
    struct address at = local("127.0.0.1", 9);
    struct iovec part = {(char[]){"x"}, 1};
    assert_int_equal(loop_send(world->loop, stale, &part, 1), -EBADF);
    assert_int_equal(loop_send_to(world->loop, stale, &at, SLICE("x"), 1), -EBADF);
    assert_false(loop_local_address(world->loop, stale, &at));
    assert_int_equal(loop_udp_drops(world->loop, stale), 0);
    assert_int_equal(loop_unacked(world->loop, stale), 0);
    assert_int_equal(loop_rcvbuf(world->loop, stale), 0);
    loop_want_writable(world->loop, stale);
    loop_set_token(world->loop, stale, 4000);
    loop_pause(world->loop, stale, true);
    loop_shutdown(world->loop, stale);
    loop_quickack_off(world->loop, stale);
    loop_close(world->loop, stale, true);
}

/* Old names must not reach whoever has the record now. */
static void test_stale_names(void **state)
{
    struct world *world = world_new(*state, 3);
    loop_socket names[64];
    for (int i = 0; i < 64; i++) {
        struct end *udp = open_udp(world, "127.0.0.1", 0, false);
        names[i] = udp->socket;
        for (int k = 0; k < i; k++) {
            assert_int_not_equal(names[k], names[i]);
            use_stale(world, names[k]);
        }
        if (i < 63)
            close_and_wait(world, udp, false);
    }
    struct end *client, *server;
    struct end *udp = &world->ends[world->ends_used - 1];
    close_and_wait(world, udp, false);
    make_pair(world, &client, &server);
    for (int i = 0; i < 64; i++)
        use_stale(world, names[i]);
    use_stale(world, 0);
    use_stale(world, UINT32_MAX);
    client->to_send = 1000;
    pump(world, client);
    turn_until(world, server->received == 1000);
    world_free(world);
}

static void test_full(void **state)
{
    struct world *world = world_new(*state, 2);
    struct end *a = open_udp(world, "127.0.0.1", 0, false);
    struct end *b = open_udp(world, "127.0.0.1", 0, false);
    struct loop_udp udp = {.at = local("127.0.0.1", 0), .receive = true};
    struct loop_tcp tcp = {.to = local("127.0.0.1", 9)};
    assert_int_equal(loop_open_udp(world->loop, &udp), -EMFILE);
    assert_int_equal(loop_connect(world->loop, &tcp), -EMFILE);
    close_and_wait(world, a, false);
    close_and_wait(world, b, false);
    open_udp(world, "127.0.0.1", 0, false);
    open_udp(world, "127.0.0.1", 0, false);
    world_free(world);
}

/* LOOP_CLOSED comes once, from every state. */
static void test_closed_once(void **state)
{
    struct world *world = world_new(*state, 32);
    struct end *client, *server, *ends[6];
    struct address at;
    make_pair(world, &client, &server);
    loop_pause(world->loop, client->socket, true);
    loop_want_writable(world->loop, server->socket);
    ends[0] = listen_at(world, "127.0.0.1", &at);
    ends[1] = connect_to(world, &at); /* never got a turn */
    ends[2] = open_udp(world, "127.0.0.1", 0, true);
    ends[3] = client;
    ends[4] = server;
    ends[5] = open_udp(world, "127.0.0.1", 0, false);
    for (int i = 0; i < 6; i++) {
        close_end(world, ends[i], i == 3);
        assert_int_equal(ends[i]->closeds, 0);
        close_end(world, ends[i], false);
    }
    for (int i = 0; i < 6; i++)
        turn_until(world, ends[i]->closeds);
    settle(world);
    for (int i = 0; i < 6; i++)
        assert_int_equal(ends[i]->closeds, 1);
    world_free(world);
}

static void test_close_while_connecting(void **state)
{
    struct world *world = world_new(*state, 16);
    struct address at;
    struct end *listener = listen_at(world, "127.0.0.1", &at);
    for (int i = 0; i < 20; i++) {
        struct end *client = connect_to(world, &at);
        if (i % 2)
            turn(world, 0);
        close_and_wait(world, client, i % 3 == 0);
        while (listener->accepted) {
            loop_close(world->loop, listener->accepted, true);
            listener->accepted = 0;
            listener->is_closed =
                true; /* the accepted one has its token, and says CLOSED with it */
            turn(world, 0);
            settle(world);
            listener->is_closed = false;
            listener->closeds = 0;
        }
    }
    world_free(world);
}

static void test_listener_in_use(void **state)
{
    struct world *world = world_new(*state, 16);
    struct address at;
    listen_at(world, "127.0.0.1", &at);
    assert_int_equal(loop_listen(world->loop, &at, false, NULL, 1), -EADDRINUSE);
    struct end *udp = open_udp(world, "127.0.0.1", 0, false);
    struct loop_udp again = {.receive = true};
    assert_true(loop_local_address(world->loop, udp->socket, &again.at));
    assert_int_equal(loop_open_udp(world->loop, &again), -EADDRINUSE);
    world_free(world);
}

/* Three clients are told at once that there is no room for them, and then there is for one. */
static void expect_refusals(struct world *world, struct end *listener, struct end *const clients[3])
{
    turn_until(world, listener->refused == 3);
    assert_int_equal(listener->refused_error, -EMFILE);
    assert_int_equal(listener->accepts, 0);
    for (int i = 0; i < 3; i++) {
        turn_until(world, clients[i]->brokens || clients[i]->connect_error);
        assert_int_equal(clients[i]->broken_error + clients[i]->connect_error, -ECONNRESET);
    }
    settle(world);
    assert_int_equal(listener->refused, 3);
}

static void test_refused_for_want_of_room(void **state)
{
    struct world *world = world_new(*state, 4);
    struct end *listener, *clients[3];
    struct address at;
    listener = listen_at(world, "127.0.0.1", &at);
    for (int i = 0; i < 3 && !world->sim; i++)
        clients[i] = connect_to(world, &at);
    if (!world->sim) {
        expect_refusals(world, listener, clients);
        for (int i = 0; i < 3; i++)
            close_and_wait(world, clients[i], false);
        connect_to(world, &at);
        turn_until(world, listener->accepts == 1);
        assert_int_equal(listener->refused, 3);
    }
    world_free(world);
}

static void test_refused_for_want_of_descriptors(void **state)
{
    enum { FEW = 200 };
    struct world *world = world_new(*state, 16);
    struct end *listener, *clients[3];
    struct address at;
    struct rlimit limit, low;
    int taken[FEW], count = 0;
    listener = listen_at(world, "127.0.0.1", &at);
    if (!world->sim) {
        for (int i = 0; i < 3; i++)
            clients[i] = connect_to(world, &at);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        low = (struct rlimit){FEW, limit.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        while (count < FEW && (taken[count] = dup(STDERR_FILENO)) >= 0)
            count++;
        expect_refusals(world, listener, clients);
        unsigned turns = 0; /* few: it doesn't ask for a descriptor again and again */
        for (uint64_t until_ns = loop_clock(world->loop) + 30 * NS_PER_MS;
             loop_clock(world->loop) < until_ns; turns++)
            loop_turn(world->loop, until_ns, 0);
        assert_true(turns < 10);
        while (count > 0)
            close(taken[--count]);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        connect_to(world, &at);
        turn_until(world, listener->accepts == 1);
        assert_int_equal(listener->refused, 3);
    }
    world_free(world);
}

/* A listener that can't even refuse for want of descriptors waits, without spinning, and goes on
 * later.
 */
static void test_out_of_descriptors(void **state)
{
    struct world *world = world_new(*state, 16);
    struct address at;
    struct rlimit limit, none;
    struct end *listener = listen_at(world, "127.0.0.1", &at);
    if (!world->sim) {
        for (int i = 0; i < 3; i++)
            connect_to(world, &at);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = (struct rlimit){0, limit.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        settle(world);
        uint64_t deadline_ns = loop_clock(world->loop) + 5 * NS_PER_MS;
        turn(world, 5 * NS_PER_MS);
        bool lasted = loop_now(world->loop) >= deadline_ns;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_true(lasted);
        assert_int_equal(listener->accepts + listener->refused, 0);
        turn_until(world, listener->accepts == 3);
    }
    world_free(world);
}

static void test_many(void **state)
{
    enum { COUNT = 2000, EACH = 100 };
    struct world *world = world_new(*state, 2 * COUNT + 1);
    struct address at;
    listen_at(world, "127.0.0.1", &at);
    struct end *clients = &world->ends[2], *servers = &world->ends[2 + COUNT];
    world->next_accepted = 2 + COUNT;
    uint64_t done = 0;
    for (int i = 0; i < COUNT; i++) {
        struct end *client = connect_to(world, &at);
        client->to_send = EACH;
        if (i % 100 == 99)
            turn(world, 0);
    }
    turn_until(world, world->next_accepted == 2 + 2 * COUNT);
    for (int i = 0; i < COUNT; i++) {
        turn_until(world, clients[i].connected == 1);
        assert_int_equal(clients[i].connect_error, 0);
        pump(world, &clients[i]);
    }
    for (int i = 0; i < COUNT; i++)
        turn_until(world, servers[i].received == EACH);
    for (int i = 0; i < COUNT; i++)
        close_end(world, &clients[i], i % 2);
    for (int i = 0; i < COUNT; i++) {
        turn_until(world, clients[i].closeds == 1);
        turn_until(world, servers[i].eofs + servers[i].brokens == 1);
        done += servers[i].received;
    }
    assert_int_equal(done, COUNT * EACH);
    world_free(world);
}

static void test_ipv6(void **state)
{
    struct world *world = world_new(*state, 16);
    struct address at;
    struct end *listener = listen_at(world, "::1", &at);
    struct end *client = connect_to(world, &at);
    turn_until(world, client->connected && listener->accepts);
    assert_int_equal(client->connect_error, 0);
    assert_int_equal(listener->from.family, AF_INET6);
    struct end *a = open_udp(world, "::1", 0, true), *b = open_udp(world, "::1", 0, true);
    struct address to, from;
    assert_true(loop_local_address(world->loop, b->socket, &to));
    assert_true(loop_local_address(world->loop, a->socket, &from));
    assert_int_equal(loop_send_to(world->loop, a->socket, &to, SLICE("\0\0\0\0"), 4), 0);
    turn_until(world, b->datagrams == 1);
    assert_true(address_same_host(&b->from, &from));
    assert_int_equal(address_port(&b->from), address_port(&from));
    world_free(world);
}

static const struct loop_test tests[] = {
    {"connect", test_connect},
    {"refused", test_refused},
    {"source address", test_source_address},
    {"bytes exact", test_bytes_exact},
    {"writable once", test_writable_once},
    {"backpressure", test_backpressure},
    {"half close", test_half_close},
    {"reset", test_reset},
    {"close while data arrives", test_close_while_data_arrives},
    {"close in a handler", test_close_in_handler},
    {"fin despite unread bytes", test_fin_despite_unread},
    {"token change", test_token_change},
    {"accepted waits for its token", test_accepted_waits},
    {"stale names", test_stale_names},
    {"full", test_full},
    {"closed once", test_closed_once},
    {"close while connecting", test_close_while_connecting},
    {"address in use", test_listener_in_use},
    {"refused for want of room", test_refused_for_want_of_room},
    {"refused for want of descriptors", test_refused_for_want_of_descriptors},
    {"out of descriptors", test_out_of_descriptors},
    {"2,000 sockets", test_many},
    {"ipv6", test_ipv6},
};

static void test_parse_denied(void **state)
{
    static const struct {
        const char *list;
        const char *bad; /* NULL: accepted */
        uint32_t denied;
    } rows[] = {
        {NULL, NULL, 0},
        {"", NULL, 0},
        {"gro", NULL, LOOP_DENY_GRO},
        {"min_wait,gro", NULL, LOOP_DENY_MIN_WAIT | LOOP_DENY_GRO},
        {" uring , inq ,", NULL, LOOP_DENY_URING | LOOP_DENY_INQ},
        {"defer_taskrun,buffer_ring,multishot,gso,timestamp", NULL,
         LOOP_DENY_DEFER_TASKRUN | LOOP_DENY_BUFFER_RING | LOOP_DENY_MULTISHOT | LOOP_DENY_GSO |
             LOOP_DENY_TIMESTAMP},
        {"gro,nonsense,inq", "nonsense", 0},
        {"GRO", "GRO", 0},
        {"gr", "gr", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t denied = 77;
        struct slice bad = {NULL, 0};
        assert_int_equal(loop_parse_denied(rows[i].list, &denied, &bad), rows[i].bad == NULL);
        if (rows[i].bad)
            assert_true(slice_equal(bad, slice_from_string(rows[i].bad)));
        else
            assert_int_equal(denied, rows[i].denied);
    }
}

/* What can't be done without makes io_uring refused, whatever the machine. */
static void test_uring_denied(void **state)
{
    static const uint32_t rows[] = {LOOP_DENY_URING, LOOP_DENY_BUFFER_RING, LOOP_DENY_MULTISHOT};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct loop_config config = {.kind = LOOP_URING, .max_sockets = 4, .denied = rows[i]};
        struct loop *loop;
        assert_int_equal(loop_new(&loop, &config, on_event, NULL), -EPERM);
        assert_null(loop);
    }
}

int main(void)
{
    const struct CMUnitTest denied[] = {
        cmocka_unit_test(test_parse_denied),
        cmocka_unit_test(test_uring_denied),
    };
    if (cmocka_run_group_tests(denied, NULL, NULL) != 0)
        return 1;
    return run_variants(tests, sizeof(tests) / sizeof(tests[0]));
}
