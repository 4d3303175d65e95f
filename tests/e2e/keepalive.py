"""Sessions outlive the server's time-out because keepalives are sent in time, and every one is counted."""

from harness import Run, Server, add_up, equal, main, test


@test(args=[(transport, io) for transport in ("tcp", "udp") for io in ("epoll", "uring")])
def sessions_outlive_the_timeout(transport, io):
    """Three times the time-out: none dropped, each keepalive answered and counted on both sides."""
    with Server("--pattern", "20/s:200") as server:
        run = Run(server.url + "pattern?session_timeout=4s", "-n", 20, "-r", "100/s", "-d", "13s", "-t", transport,
                  "--io", io)
        truth = server.stop()
    run.expect_clean(20)
    keepalives = run.latency_ms["keepalive"]["count"]
    assert keepalives >= 20 * 5, f"{keepalives} keepalives in three time-outs"
    equal(keepalives, add_up(truth, "keepalives"), "keepalives")
    equal(add_up(truth, "teardowns"), 20, "teardowns")


@test(short=True, args=[("options",), ("get_parameter",), ("set_parameter",)])
def by_method(method):
    with Server("--pattern", "20/s:200") as server:
        run = Run(server.url + "pattern?session_timeout=2s", "-n", 10, "-r", "100/s", "-d", "5s", "--keepalive", method)
        truth = server.stop()
    run.expect_clean(10)
    equal(run.latency_ms["keepalive"]["count"], add_up(truth, "keepalives"), "keepalives")


@test
def a_minute_with_ten_seconds():
    with Server("--pattern", "10/s:200") as server:
        run = Run(server.url + "pattern?session_timeout=10s", "-n", 10, "-r", "100/s", "-d", "60s")
        truth = server.stop()
    run.expect_clean(10)
    equal(run.latency_ms["keepalive"]["count"], add_up(truth, "keepalives"), "keepalives")
    equal(add_up(truth, "teardowns"), 10, "teardowns")


@test
def without_keepalives_they_end():
    """--keepalive none over UDP, receiver reports aside: the server's time-out is real."""
    with Server("--pattern", "20/s:200") as server:
        run = Run(server.url + "pattern?session_timeout=2s", "-n", 5, "-r", "100/s", "-d", "8s", "--keepalive", "none")
        server.stop()
    equal(run.sessions["dropped"], 5, "sessions.dropped")


if __name__ == "__main__":
    main()
