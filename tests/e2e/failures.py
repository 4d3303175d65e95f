"""A server that isn't there, refuses, hangs, or answers with an error: status 1, and a summary and result that
name the phase, the reason and the count."""

import contextlib
import socket
import threading

from harness import Run, Server, equal, main, test


def only_error(run):
    equal(len(run.errors), 1, f"kinds of errors {run.errors}")
    return run.errors[0]


def expect(run, phase, reason, count, status=None):
    """All failed, for that reason alone."""
    equal(run.status, 1, f"status ({run.out}{run.err})")
    equal(run.result["verdict"], "fail", "verdict")
    error = only_error(run)
    equal((error["phase"], error["reason"], error["status"], error["count"]), (phase, reason, status, count),
          "error")
    equal(run.sessions["failed"], count, "sessions.failed")
    equal(run.sessions["established"], 0, "sessions.established")
    assert reason in run.out and phase in run.out, f"the summary lacks '{phase}' or '{reason}':\n{run.out}"


@contextlib.contextmanager
def listener(backlog=64):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(backlog)
        yield sock, f"rtsp://127.0.0.1:{sock.getsockname()[1]}/x"


@test(short=True)
def nobody_listens():
    with listener() as (sock, url):
        sock.close()
        expect(Run(url, "-n", 5, "-d", "2s"), "connect", "refused", 5)


@test(short=True)
def name_is_unknown():
    run = Run("rtsp://no-such-host.invalid/x", "-n", 3, "-d", "4s")
    expect(run, "resolve", "no_address", 3)


@test(short=True)
def server_says_nothing():
    """The connection is taken and no request answered: each phase's deadline."""
    with listener() as (_, url):
        expect(Run(url, "-n", 4, "-r", "100/s", "-d", "3s", "--timeout", "500ms"), "options", "timeout", 4)


@test(short=True)
def server_hangs_up():
    def hang_up(sock):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = sock.accept()
                connection.recv(4096)
                connection.close()

    with listener() as (sock, url):
        threading.Thread(target=hang_up, args=[sock], daemon=True).start()
        expect(Run(url, "-n", 4, "-r", "100/s", "-d", "2s"), "options", "eof", 4)


@test(short=True, args=[("status=404", "describe", "status", 404), ("status=503", "describe", "status", 503),
                        ("mute=describe", "describe", "timeout", None)])
def server_answers_badly(fault, phase, reason, status):
    with Server("--fault", fault) as server:
        run = Run(server.url + "a", "-n", 4, "-r", "100/s", "-d", "3s", "--timeout", "500ms")
        expect(run, phase, reason, 4, status)


@test(short=True)
def retries_add_tries():
    """Three tries a reader: errors count tries, sessions count readers."""
    with listener() as (sock, url):
        sock.close()
        run = Run(url, "-n", 5, "-d", "3s", "--retries", 2, "--backoff", "50ms")
        equal(run.sessions["failed"], 5, "sessions.failed")
        equal(run.sessions["started"], 5, "sessions.started")
        equal(run.sessions["retries"], 10, "sessions.retries")
        equal(only_error(run)["count"], 15, "errors[0].count")


@test(short=True)
def some_fail_and_the_run_passes():
    """A server's limit of sessions: those over it fail, the others play, status 0."""
    with Server("--max-sessions", "6", "--pattern", "50/s:500") as server:
        run = Run(server.url + "a", "-n", 10, "-r", "100/s", "-d", "3s")
        equal(run.status, 0, f"status ({run.err})")
        equal(run.sessions["established"], 6, "sessions.established")
        equal(run.sessions["failed"], 4, "sessions.failed")
        equal(run.result["verdict"], "pass", "verdict")
        assert "4" in run.out.splitlines()[-1] or "failed" in run.out, run.out


@test(short=True)
def dropped_sessions_come_back():
    """--reconnect: what the server cuts off is a drop, and the coming back a new start."""
    with Server("--fault", "close_after=1s", "--pattern", "50/s:500") as server:
        run = Run(server.url + "a", "-n", 5, "-r", "100/s", "-d", "3500ms", "--reconnect")
        assert run.sessions["dropped"] >= 10, run.sessions
        # Each drop is followed by a start, but for the last one of each reader when the plan ended meanwhile.
        assert 0 <= 5 + run.sessions["dropped"] - run.sessions["started"] <= 5, run.sessions
        equal(run.sessions["failed"], 0, "sessions.failed")


if __name__ == "__main__":
    main()
