"""GStreamer's RTSP server, read by rtspbench: 50 readers, none failed, nothing lost. And written to by 5 publishers."""

import pathlib
import tempfile

from peers import GstServer, KEYFRAMES_OF_4K, PICTURES, Process, RTSPBENCH, Run, equal, main, noise, publish, test

READERS = 50
PUBLISHERS = 5


def read(url, transport, *options, seconds=6):
    return Run(url, "-n", READERS, "-r", "25/s", "-d", f"{seconds}s", "-t", transport, *options)


@test(args=[("tcp",), ("udp",)])
def reads(transport):
    with GstServer() as server:
        run = read(server.url, transport)
        run.expect_clean(READERS)
        assert run.latency_ms["first_keyframe"]["count"] == READERS, run.latency_ms["first_keyframe"]
        assert run.rtp["media"]["audio"]["packets"] > 0 and run.rtp["media"]["video"]["packets"] > 0, run.rtp["media"]
        assert run.rtcp["sr_received"] > 0, run.rtcp


@test(args=[("tcp",), ("udp",)])
def reads_jpeg_with_other_control_names(transport):
    with GstServer("--jpeg", "--control", "weird/track-") as server:
        read(server.url, transport).expect_clean(READERS)


@test(args=[("basic", "tcp"), ("digest", "tcp"), ("digest", "udp")])
def authenticates(scheme, transport):
    with GstServer(f"--{scheme}", "user:pass word") as server:
        read(server.with_user("user:pass%20word"), transport).expect_clean(READERS)


@test(args=[("basic",), ("digest",)])
def wrong_password(scheme):
    with GstServer(f"--{scheme}", "user:right") as server:
        run = Run(server.with_user("user:wrong"), "-n", 3, "-d", "2s")
        equal(run.status, 1, "status")
        equal([(error["reason"], error["count"]) for error in run.errors], [("auth_rejected", 3)], "errors")


@test(args=[("tcp",), ("udp",)])
def outlives_the_session_timeout(transport):
    """A timeout of 6 s, 15 s of reading: keepalives in time, nobody dropped."""
    with GstServer("--timeout", "6") as server:
        run = read(server.url, transport, seconds=15)
        run.expect_clean(READERS)
        assert run.latency_ms["keepalive"]["count"] >= 2 * READERS, run.latency_ms["keepalive"]


@test
def limit_of_sessions():
    """12 are let in, the others get an error with its phase and status."""
    with GstServer("--max-sessions", "12") as server:
        run = Run(server.url, "-n", 20, "-r", "20/s", "-d", "4s")
        equal(run.status, 0, "status")
        equal((run.sessions["established"], run.sessions["failed"]), (12, 8), f"established and failed {run.errors}")
        equal([(error["phase"], error["reason"], error["status"], error["count"]) for error in run.errors],
              [("setup", "status", 503, 8)], "errors")


@test
def tcp_refused():
    """461 is a named failure over TCP, and no hindrance to auto."""
    with GstServer("--transport", "udp") as server:
        run = Run(server.url, "-n", 3, "-d", "2s")
        equal(run.status, 1, "status")
        equal([(error["phase"], error["status"], error["count"]) for error in run.errors], [("setup", 461, 3)],
              "errors")
        read(server.url, "auto").expect_clean(READERS)


@test
def udp_refused():
    """auto goes on over TCP. (Somebody else plays meanwhile: a media that its last reader leaves answers 503 to
    those who come back at once.)"""
    with GstServer("--transport", "tcp") as server, \
            Process([RTSPBENCH, server.url, "-n", "1", "-d", "30s", "--stats-interval", "1s"]) as somebody:
        somebody.wait_for("    1s")
        read(server.url, "auto").expect_clean(READERS)


@test(args=[("tcp",), ("udp",)])
def records(transport):
    """Packets as GStreamer's RTP sessions count them, pictures and sound as they are decoded. (Its jitter buffer holds
    back what came in the last 200 ms, 5 pictures; and what it lost is below 0, as it begins to expect later than
    to receive.)"""
    with GstServer(program="gst-recorder") as server:
        run = publish(server.url + "{n}", transport, PUBLISHERS)
        server.stop()
    equal([line for line in server.lines if line and line.startswith("complaint")], [], "complaints")
    takes = [list(map(int, line.split()[2:])) for line in server.lines if line and line.startswith("session ")]
    equal(len(takes), PUBLISHERS, f"publishers\n{server.output}")
    equal(sum(packets for packets, *_ in takes), run.published["packets"], "packets")
    for _, lost, pictures, sounds in takes:
        assert lost <= 0 and pictures in PICTURES and sounds > pictures, server.output


@test
def records_large_keyframes():
    """4K, a keyframe of 1.7 MB a second for 5 s: none of its packets is missing, and every picture is decoded."""
    with tempfile.TemporaryDirectory() as folder, GstServer(program="gst-recorder") as server:
        file = noise(pathlib.Path(folder), *KEYFRAMES_OF_4K)
        run = Run(server.url + "{n}", "--publish", "--media", file, "-n", 1, "-d", "5s")
        server.stop()
    equal((run.sessions["completed"], run.published["dropped"]), (1, 0), f"completed, dropped {run.errors} {run.published}")
    equal([line for line in server.lines if line and line.startswith("complaint")], [], "complaints")
    takes = [list(map(int, line.split()[2:])) for line in server.lines if line and line.startswith("session ")]
    equal(len(takes), 1, f"publishers\n{server.output}")
    packets, lost, pictures, sounds = takes[0]
    equal(packets, run.published["packets"], "packets")
    assert lost <= 0 and pictures in range(105, 126) and sounds > pictures, server.output


if __name__ == "__main__":
    main(at_a_time=2)
