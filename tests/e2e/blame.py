"""Whose fault a loss is: a shard that is halted for 300 ms every 2 s loses packets that nobody else lost."""

from harness import Run, Server, add_up, equal, main, test

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
