"""Publishers: what is counted as written is what the server counted as received, and drops have a name."""

import pathlib
import re
import signal
import socketserver
import subprocess
import tempfile
import threading
import time

from harness import (KEYFRAMES_OF_4K, KEYFRAMES_OF_800K, SLOW, Run, Server, add_up, equal, main, need, noise, run_file,
                     skip, test)

PUBLISHERS = 6 if SLOW else 20


def hold_against(run, truth):
    about = f" of {run.command}: {truth} {run.published}"
    equal(run.published["packets"], add_up(truth, "received"), "packets" + about)
    equal(run.published["bytes"], add_up(truth, "received_bytes"), "bytes" + about)
    equal(run.published["dropped"], add_up(truth, "received_lost"), "dropped" + about)
    equal(add_up(truth, "received_duplicates") + add_up(truth, "received_reordered"), 0, "order" + about)
    equal(sum(run.published["dropped_by"].values()), run.published["dropped"], "sum of dropped_by" + about)
    equal(add_up(truth, "publishers"), run.sessions["established"], "publishers" + about)


@test(short=True, args=[(transport, io) for io in ("uring", "epoll") for transport in ("tcp", "udp")])
def counts_are_the_servers(transport, io):
    """100 packets a second of each, for 3 s but for its start within the first half second."""
    with Server() as server:
        run = Run(server.url + "live/{n}", "--publish", "--pattern", "100/s:700", "-n", PUBLISHERS, "-r", "50/s",
                  "-d", "3s", "-t", transport, "--io", io)
        truth = server.stop()
        if "io_uring is refused here" in run.err and io == "uring":
            skip("io_uring is refused here")
        equal(run.status, 0, f"status ({run.out}{run.err})")
        equal(run.sessions["completed"], PUBLISHERS, f"sessions.completed {run.sessions} {run.errors}")
        hold_against(run, truth)
        equal(set(truth), {f"/live/{n}" for n in range(1, PUBLISHERS + 1)}, "paths")
        assert PUBLISHERS * 240 <= run.published["packets"] <= PUBLISHERS * 300, run.published
        equal(run.published["bytes"], 700 * run.published["packets"], "bytes")
        equal(run.latency_ms["record"]["count"], PUBLISHERS, "record.count")
        equal(run.latency_ms["describe"]["count"], 0, "describe.count")


@test
def test_card():
    """Two tracks; and the demo's own server takes them."""
    run = Run("--publish", "-n", 5, "-d", "3s")
    if run.config["publish"] != "card":
        skip("this build has no test card")
    equal(run.sessions["completed"], 5, f"completed {run.errors}")
    equal(run.published["dropped"], 0, "dropped")
    assert run.published["packets"] > 5 * 2.5 * 150, run.published


class LoggedServer(Server):
    """A server whose closed sessions can be waited for."""

    def __init__(self, *options):
        self.log_folder = tempfile.TemporaryDirectory(prefix="rtspbench-")
        self.log = pathlib.Path(self.log_folder.name) / "sessions"
        super().__init__("--truth-sessions", str(self.log), *options)

    def wait_for_sessions(self, count, seconds=20):
        until = time.monotonic() + seconds
        while len(self.log.read_text().splitlines()) < count and time.monotonic() < until:
            time.sleep(0.05)


@test(args=[("tcp",), ("udp",)])
def ffmpeg_publishes(transport):
    """A publisher that nobody here wrote: 50 pictures of at least a packet each, none missing by their numbers."""
    ffmpeg = need("ffmpeg")
    with LoggedServer() as server:
        done = subprocess.run([ffmpeg, "-hide_banner", "-loglevel", "error", "-re", "-f", "lavfi", "-i",
                               "testsrc=size=160x120:rate=25", "-t", "2", "-c:v", "libx264", "-f", "rtsp",
                               "-rtsp_transport", transport, server.url + "live/1"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if "libx264" in done.stderr:
            skip("this ffmpeg has no libx264")
        server.wait_for_sessions(1)  # ffmpeg doesn't wait for the answer to its TEARDOWN
        path = server.stop()["/live/1"]
        equal(done.returncode, 0, done.stderr)
        equal((path["publishers"], path["teardowns"], path["received_lost"]), (1, 1, 0), f"{path}")
        assert 50 <= path["received"] <= 500, path


@test
def a_server_that_does_not_read():
    """The two kernels take 33 MB at most of the 42 MB that come due in the 6 s; of the rest what has waited is dropped:
    less than half of all sequence numbers."""
    if SLOW:
        skip("not under a sanitizer")
    with Server() as server:
        run = Run(server.url + "live/{n}?stall=6s/7s", "--publish", "--pattern", "5000/s:1400", "-n", 2, "-d", "7500ms",
                  "--publish-queue", "500ms", "--slo", "published.dropped_ratio<1%")
        truth = server.stop()
        assert run.status in (99, 3), f"status {run.status}\n{run.out}{run.err}"
        hold_against(run, truth)
        assert run.published["dropped_by"]["server"] > 3000, run.published
        equal([slo["ok"] for slo in run.slo], [False], "slo")


def publish_noise(server, path, kind, *options):
    with tempfile.TemporaryDirectory() as folder:
        file = noise(pathlib.Path(folder), *kind)
        return Run(server.url + path, "--publish", "--media", file, "-n", 1, *options)


@test(args=[("tcp", "uring"), ("tcp", "epoll"), ("udp", "epoll")])
def large_keyframes(transport, io):
    """A frame of 1.7 MB is more than sockets hold, and more than 512 packets; an idle server gets it whole. (Over UDP
    its socket can't hold a burst of that size, which is nobody's fault here.)"""
    if SLOW:
        skip("not under a sanitizer")
    with Server() as server:
        run = publish_noise(server, "live/{n}", KEYFRAMES_OF_4K, "-d", "5s", "-t", transport, "--io", io)
        truth = server.stop()
    if "io_uring is refused here" in run.err and io == "uring":
        skip("io_uring is refused here")
    equal(run.published["dropped"], 0, f"dropped {run.published}")
    assert run.published["packets"] > 4 * 1200, run.published
    if transport == "tcp":
        hold_against(run, truth)


@test
def large_keyframes_and_a_stall():
    """12.5 keyframes a second of 800 kB: the two kernels take 33 MB at most of the 50 MB of the stall."""
    if SLOW:
        skip("not under a sanitizer")
    with Server() as server:
        run = publish_noise(server, "live/{n}?stall=5s/7s", KEYFRAMES_OF_800K, "-d", "8s", "--publish-queue", "500ms")
        truth = server.stop()
    hold_against(run, truth)
    equal(run.published["dropped_by"]["self"], 0, f"dropped_by.self {run.published}")
    assert run.published["dropped"] > 600, run.published


FREEZES = ["--publish", "--pattern", "50/s:700", "-n", 10, "-r", "100/s", "-d", "5s", "--timeout", "2s",
           "--slo", "unconfirmed_ratio<1%", "--slo", "published.dropped_ratio<1%"]


@test(args=[("tcp", "uring"), ("tcp", "epoll"), ("udp", "uring")])
def a_frozen_server(transport, io):
    """From 1.5 s on; the two kernels take the 0.12 MB that each sends from there on. Over UDP nothing tells."""
    with Server() as server:
        freeze = threading.Timer(1.5, server.child.send_signal, [signal.SIGSTOP])
        freeze.start()
        run = Run(server.url + "live/{n}", *FREEZES, "-t", transport, "--io", io)
        freeze.join()
    if "io_uring is refused here" in run.err and io == "uring":
        skip("io_uring is refused here")
    if run.status == 3:
        skip("this machine was the limit")
    unconfirmed = 10 if transport == "tcp" else 0
    equal(run.published["dropped"], 0, f"dropped\n{run.out}")
    assert run.published["unacked_bytes"] < run.published["bytes"], run.published
    equal((run.published["unconfirmed"], run.published["unconfirmed_ratio"]), (unconfirmed, unconfirmed / 10), "unconfirmed")
    equal([slo["ok"] for slo in run.slo], [unconfirmed == 0, True], "slo")
    equal(run.status, 99 if unconfirmed else 0, "status")
    equal("10 of 10 publishers, 10 unconfirmed, " in run.headline, bool(unconfirmed), run.headline)
    beside = re.search(r"^published .* 10 publishers unconfirmed,\s+\S+ \S+ unacknowledged$", run.out, re.MULTILINE)
    equal(bool(beside), bool(unconfirmed), run.out)


@test
def a_frozen_server_with_a_full_kernel():
    """Each sends 3.5 MB a second, of which a server's kernel takes 6 MB by default."""
    if SLOW:
        skip("not under a sanitizer")
    with Server() as server:
        freeze = threading.Timer(1, server.child.send_signal, [signal.SIGSTOP])
        freeze.start()
        run = Run(server.url + "live/{n}", "--publish", "--pattern", "2500/s:1400", "-n", 2, "-d", "5s", "--timeout", "10s")
        freeze.join()
    equal(run.published["unconfirmed"], 2, f"unconfirmed\n{run.out}")
    assert 0 < run.published["unacked_bytes"] < run.published["bytes"], run.published


class ClosesAtTeardown(socketserver.StreamRequestHandler):
    """A server that lets publishers in, and closes the connection instead of answering TEARDOWN."""

    def handle(self):
        while first := self.rfile.read(1):
            if first == b"$":
                self.rfile.read(int.from_bytes(self.rfile.read(3)[1:], "big"))
                continue
            method = (first + self.rfile.readline()).split()[0]
            lines = [line.decode().strip() for line in iter(self.rfile.readline, b"\r\n")]
            headers = dict(line.split(": ", 1) for line in lines)
            self.rfile.read(int(headers.get("Content-Length", 0)))
            if method == b"TEARDOWN":
                return
            reply = f"RTSP/1.0 200 OK\r\nCSeq: {headers['CSeq']}\r\nSession: 1\r\n"
            if method == b"SETUP":
                reply += f"Transport: {headers['Transport']}\r\n"
            self.wfile.write(reply.encode() + b"\r\n")


@test(short=True, args=[("tcp",), ("udp",)])
def nobody_is_unconfirmed(transport):
    """By a server that answers."""
    with Server() as server:
        run = Run(server.url + "live/{n}", "--publish", "--pattern", "50/s:300", "-n", 5, "-d", "2s", "-t", transport)
    equal((run.status, run.sessions["completed"]), (0, 5), f"status, completed {run.out}")
    equal((run.published["unconfirmed"], run.published["unacked_bytes"]), (0, 0), "unconfirmed, unacked_bytes")


@test(short=True)
def closing_confirms():
    """It says that the server has read TEARDOWN, which comes after all packets."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), ClosesAtTeardown) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        run = Run(f"rtsp://127.0.0.1:{server.server_address[1]}/live/{{n}}", "--publish", "--pattern", "50/s:300", "-n", 5,
                  "-d", "2s", "--slo", "unconfirmed_ratio<1%")
        server.shutdown()
    assert run.status == 0 or run.generator["verdict"] == "limited", run.out
    equal(run.latency_ms["teardown"]["count"], 5, f"teardown.count {run.out}")
    equal((run.published["unconfirmed"], run.published["unacked_bytes"]), (0, 0), "unconfirmed, unacked_bytes")


@test
def find_max():
    """17 are let in a path; the objectives of publishers are the defaults."""
    if SLOW:
        skip("not under a sanitizer")
    with Server("--max-sessions", "17") as server:
        run = Run(server.url + "live/{n}", "--publish", "--pattern", "50/s:200", "--find-max", "-n", 100, "-d", "1s",
                  "--cool-down", "100ms", seconds=300)
        assert run.status in (0, 3), f"status {run.status}\n{run.out}{run.err}"
        equal(run.search["number"], 17, "search.number" + "\n" + run.out)
        assert "17 publishers kept every objective" in run.out, run.out
        assert "startup.p95<1s dropped_ratio<0.1%\n" in run.out, run.out


@test
def no_reports_in_a_search():
    """The server's first report comes after a level's second: nobody asked for what it would tell. One who did misses it."""
    asked = "published.reported_loss_ratio<0.1%"
    with Server() as server:
        options = [server.url + "live/{n}", "--publish", "--pattern", "50/s:200", "--find-max", "-n", 2, "-d", "1s",
                   "--cool-down", "0"]
        usual, told = Run(*options), Run(*options, "--slo", asked)
    if usual.status == 3 or told.status == 3:
        skip("this machine was the limit")
    equal((usual.status, usual.search["number"]), (0, 2), "status, search.number" + "\n" + usual.out)
    slo = {one["expr"]: one for one in usual.search["curve"][0]["slo"]}
    equal(slo[asked], {"expr": asked, "value": None, "ok": True, "left_out": True}, "the usual objective")
    equal(sum(one["left_out"] for one in slo.values()), 1, "objectives left out")
    tries = [any(one["left_out"] for one in level["slo"]) for level in usual.search["curve"]]
    note = f"No receiver report came in {sum(tries)} of {len(tries)} tries: {asked} was left out there"
    assert note in usual.out, usual.out
    equal(told.status, 99, "status" + "\n" + told.out)
    equal(told.search["curve"][0]["slo"], [{"expr": asked, "value": None, "ok": False, "left_out": False}], "the one asked for")


BOTH = """duration: 3s
groups:
  - name: cameras
    publish: true
    pattern: 50/s:300
    readers: 4
    url: ${server}/live/{n}
  - name: viewers
    readers: 6
    start: 500ms
    url: ${server}/pattern
"""


@test(short=True)
def with_readers_in_a_scenario():
    with Server("--pattern", "50/s:200") as server:
        run = run_file(BOTH, "--url", server.url)
        truth = server.stop()
    equal({stream["group"]: stream["sessions"]["completed"] for stream in run.streams},
          {"cameras": 4, "viewers": 6}, "sessions of the groups")
    equal(run.rtp["packets"], add_up(truth, "sent"), "packets")
    equal(run.rtp["lost"], 0, "lost")
    equal(run.published["packets"], add_up(truth, "received"), "published.packets")
    equal([path for path in sorted(truth) if truth[path]["publishers"]], [f"/live/{n}" for n in range(1, 5)], "paths")


@test(short=True)
def what_does_not_go_together_is_told():
    for options, says in [
        (["--media", "x.mp4"], "--media says what to publish: it needs --publish"),
        (["--publish-queue", "3s"], "--publish-queue says how long what is published waits: it needs --publish"),
        (["--publish", "--pattern", "1/s:9000"], "24 to 2048"),
        (["--publish", "--pattern", "1/s:900", "--no-audio"], "one of them says what is published"),
        (["--publish", "--zap", "3s"], "--zap and --popularity are for readers"),
        (["--publish", "--include-bad-clients"], "bad clients are readers"),
        (["--publish", "--media", "/nonexistent.mp4"], "/nonexistent.mp4"),
    ]:
        run = Run("rtsp://127.0.0.1:9/x", *options)
        equal(run.status, 2, f"status with {options}")
        assert says in run.err, f"{options}: {run.err}"
    run = Run("rtsp://127.0.0.1:9/x", "--publish", "-n", 3, "-d", "300ms")
    assert "3 publishers share 1 URL," in run.err, run.err


if __name__ == "__main__":
    main(at_a_time=2)
