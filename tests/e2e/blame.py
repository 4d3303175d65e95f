"""Whose fault a loss is: a shard that is halted for 300 ms every 2 s loses packets that nobody else lost."""

import pathlib
import tempfile

from harness import KEYFRAMES_OF_800K, SLOW, Run, Server, add_up, equal, main, noise, skip, test

HALT = {"RTSPBENCH_HALT": "300ms/2s"}
BACKENDS = ("epoll", "uring")


def run_halted(server, path, *options):
    return Run(server.url + path, "--duration", "7s", "--rate", "50/s", *options, env=HALT)


@test(args=[(io,) for io in BACKENDS])
def udp_socket_too_small(io):
    """Every loss is the local socket's, and exactly what the kernel counted."""
    with Server("--pattern", "100/s:1000") as server:
        run = run_halted(server, "pattern", "-n", 10, "-t", "udp", "--rcvbuf", "4k", "--gro", "off", "--io", io)
        truth = server.stop()
    lost = run.rtp["lost"]
    assert lost > 0, "the halts cost nothing"
    equal(run.rtp["lost_by"], {"network": 0, "local_socket": lost, "self": 0, "server": 0}, "lost_by")
    equal(run.generator["udp_socket_drops"], lost, "the kernel's count")
    equal(run.rtp["packets"] + lost, add_up(truth, "sent"), "received and dropped here")
    equal(run.generator["verdict"], "limited", "verdict of the generator")
    assert "udp_socket_drops" in run.generator["limits"], run.generator["limits"]
    assert "limit" in run.out.splitlines()[-20:][0] or "LIMITED" in run.out, run.out


@test(args=[(io,) for io in BACKENDS])
def udp_socket_as_planned(io):
    """The same halts with the planned buffer cost nothing."""
    with Server("--pattern", "100/s:1000") as server:
        run = run_halted(server, "pattern", "-n", 10, "-t", "udp", "--io", io)
        truth = server.stop()
    run.expect_clean(10)
    equal(run.rtp["packets"], add_up(truth, "sent"), "packets")
    equal(run.generator["udp_socket_drops"], 0, "udp_socket_drops")


@test(args=[(io,) for io in BACKENDS])
def tcp_reader_too_slow(io):
    """The server's queue overflowed because we did not read: our own fault, though the server dropped it.

    A halt must outlast what the kernel buffers, 4 MB of the server's at most: hence the fast stream."""
    with Server("--pattern", "16000/s:1400") as server:
        run = run_halted(server, "pattern?queue=64", "-n", 2, "--rcvbuf", "64k", "--io", io)
        truth = server.stop()
    lost = run.rtp["lost"]
    assert lost > 0, "the halts cost nothing"
    equal(lost, add_up(truth, "dropped_inside"), "lost against the server's dropped_inside")
    equal(run.rtp["lost_by"], {"network": 0, "local_socket": 0, "self": lost, "server": 0}, "lost_by")
    equal(run.generator["verdict"], "limited", "verdict of the generator")


@test(args=[(io,) for io in BACKENDS])
def publisher_too_late(io):
    """30 MB come due in a halt, which is more than an idle connection takes at once: what is too old then is dropped, and
    that is our own fault."""
    if SLOW:
        skip("not under a sanitizer")
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        file = noise(pathlib.Path(folder), *KEYFRAMES_OF_800K)
        run = Run(server.url + "live/{n}", "--publish", "--media", file, "-n", 1, "-d", "7s", "--io", io,
                  "--publish-queue", "500ms", env={"RTSPBENCH_HALT": "3s/4s"})
        truth = server.stop()
    dropped = run.published["dropped"]
    assert dropped > 0, f"the halt cost nothing: {run.published}"
    equal(run.published["dropped_by"], {"server": 0, "self": dropped}, "dropped_by")
    equal(dropped, add_up(truth, "received_lost"), "the server's count")
    equal(run.generator["verdict"], "limited", "verdict of the generator")


@test(args=[(transport, cause) for transport, cause in (("tcp", "server"), ("udp", "network"))])
def dropped_by_others(transport, cause):
    """What is dropped on purpose elsewhere is not our fault."""
    with Server("--pattern", "100/s:600") as server:
        run = Run(server.url + "pattern?drop=1/50", "-n", 20, "-r", "50/s", "-d", "5s", "-t", transport)
        truth = server.stop()
    lost = run.rtp["lost"]
    assert lost > 0
    equal(lost, add_up(truth, "dropped_inside"), "lost")
    equal(run.rtp["lost_by"][cause], lost, f"lost_by.{cause}")


if __name__ == "__main__":
    main(at_a_time=1)
