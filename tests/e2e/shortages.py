"""This machine runs out of files, ports or memory: the run says so, and doesn't blame the server; nor the server the run."""

import contextlib
import json
import pathlib
import resource
import shutil
import socket
import subprocess
import tempfile
import time

from harness import RTSPBENCH, Process, Run, Server, equal, main, need, skip, test

OBJECTIVES = ("--slo", "sessions.failed=0", "--slo", "startup.p95<5s")


def expect_limited(status, result, limit, out, some_up):
    about = json.dumps([result["sessions"], result["errors"], result["generator"]["limits"]]) + out
    equal(status, 3, "status " + about)
    equal(result["verdict"], "invalid", "verdict")
    assert limit in result["generator"]["limits"], about
    equal(result["generator"]["verdict"], "limited", "generator.verdict")
    assert any(error["reason"] == "no_socket" for error in result["errors"]), about
    first = next(line for line in out.splitlines() if line.startswith(("PASS", "FAIL", "INVALID")))
    assert first.startswith("INVALID") and limit in first, out
    equal(result["sessions"]["established"] > 0, some_up, "some established " + about)


@contextlib.contextmanager
def own_ports(low, high):
    """A network namespace whose TCP connections have so few source ports: a command's start to run in it."""
    need("ip")
    name = f"rtspbench-{time.monotonic_ns() % 10**9}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        skip("no network namespace can be made here")
    inside = ["ip", "netns", "exec", name]
    try:
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        subprocess.run([*inside, "sysctl", "-qw", f"net.ipv4.ip_local_port_range={low} {high}"], check=True)
        yield inside
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def in_namespace(inside, port, *options, taken=0):
    """A run and its server in there, while somebody else holds that many connections to the server."""
    holder = ("import socket, time\n"
              f"all = [socket.create_connection(('127.0.0.1', {port})) for _ in range({taken})]\n"
              "print('holding', flush=True)\ntime.sleep(60)")
    with tempfile.TemporaryDirectory() as folder, \
            Process([*inside, RTSPBENCH, "serve", "--port", str(port), "--pattern", "50/s:500"]) as server:
        server.wait_for("ready ")
        file = pathlib.Path(folder) / "result.json"
        with Process([*inside, "python3", "-c", holder]) as other:
            other.wait_for("holding")
            with Process([*inside, RTSPBENCH, f"rtsp://127.0.0.1:{port}/pattern", "--json", str(file), "-q", *options]) as run:
                status = run.child.wait(60)
            return status, json.loads(file.read_text()), run.output


@test
def tcp_ports():
    """20 source ports, 10 of which are somebody else's: 15 readers fit the plan, but not the machine."""
    with own_ports(40000, 40019) as inside:
        status, result, out = in_namespace(inside, 5554, "-n", "15", "-r", "50/s", "-d", "2s", *OBJECTIVES, taken=10)
        expect_limited(status, result, "ports", out, True)


@test
def tcp_ports_all_gone():
    """Not one session: nothing is known of the server, with or without objectives."""
    with own_ports(40000, 40009) as inside:
        status, result, out = in_namespace(inside, 5554, "-n", "5", "-r", "50/s", "-d", "2s", taken=10)
        expect_limited(status, result, "ports", out, False)


@test
def ports_of_a_source_address():
    with own_ports(40000, 40009) as inside:
        status, result, out = in_namespace(inside, 5554, "-n", "5", "-r", "50/s", "-d", "2s", "--bind-ips", "127.0.0.1", *OBJECTIVES,
                                            taken=8)
        expect_limited(status, result, "ports", out, True)


@test
def udp_pairs():
    """Of 20 pairs of ports all but two are taken by others."""
    with Server("--pattern", "50/s:500") as server, contextlib.ExitStack() as stack:
        for port in range(24004, 24040):
            taken = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                pass  # as good as taken
        run = Run(server.url + "pattern", "-n", 8, "-r", "50/s", "-d", "2s", "-t", "udp", "--rtp-ports", "24000-24039",
                  *OBJECTIVES)
        expect_limited(run.status, run.result, "ports", run.out, True)


@test(args=[("uring",), ("epoll",)])
def files(io):
    """The limit is lowered while the run begins its sessions."""
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "result.json"
        with Process([RTSPBENCH, server.url + "pattern", "-n", "100", "-r", "50/s", "-d", "4s", "--threads", "1", "--io", io,
                      "--json", str(file), "-q", *OBJECTIVES]) as run:
            time.sleep(0.7)
            resource.prlimit(run.child.pid, resource.RLIMIT_NOFILE, (40, 40))
            status = run.child.wait(60)
        expect_limited(status, json.loads(file.read_text()), "files", run.output, True)


@test
def a_search_says_what_it_was_limited_by():
    with own_ports(40000, 40029) as inside, tempfile.TemporaryDirectory() as folder:
        status, result, out = in_namespace(inside, 5554, "--find-max", "-n", "24", "-d", "1s", "--cool-down", "100ms", taken=14)
        equal(status, 3, "status " + out)
        equal(result["search"]["limit"], "generator", "search.limit")
        assert any("ports" in level["generator_limits"] for level in result["search"]["curve"]), out


@test
def no_ipv6_is_no_limit_of_ours():
    """::1 where IPv6 is off: the same error as of a machine without ports."""
    with own_ports(40000, 40999) as inside:
        subprocess.run([*inside, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"], check=True)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "result.json"
            with Process([*inside, RTSPBENCH, "rtsp://[::1]:5554/x", "-n", "2", "-d", "1s", "-q", "--json", str(file)]) as run:
                equal(run.child.wait(30), 1, "status")
            result = json.loads(file.read_text())
    equal([error["reason"] for error in result["errors"]], ["unreachable"], "reasons")
    equal(result["generator"]["limits"], [], "limits")


@test
def address_space():
    """A limit of the address space is named, with what to do about it."""
    command = f"ulimit -v 400000 && exec {shutil.which(RTSPBENCH) or RTSPBENCH} rtsp://127.0.0.1:9/x -n 20000 -r 9999/s -d 1s"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30)
    equal(done.returncode, 2, "status")
    assert "RLIMIT_AS" in done.stderr and "ulimit -v unlimited" in done.stderr, done.stderr


FEW_FILES = ("prlimit", "--nofile=64:64")
RESET = {"reset", "eof"}  # a write that hears of it first leaves the end of file to the next read


def expect_refused(server, run, reasons, refused, word):
    """The run's only errors are so many refusals: the server has counted as many and says so in one line."""
    about = json.dumps([run.errors, run.generator, server.refused]) + run.out + server.output
    equal(sum(error["count"] for error in run.errors), sum(refused.values()), "errors " + about)
    assert {error["reason"] for error in run.errors} <= reasons, about
    equal(server.refused, refused, "refused " + about)
    equal(run.generator["limits"], [], "generator.limits " + about)
    equal(server.output.count(word), 1, f"'{word}' is said once " + about)


@test(args=[("uring",), ("epoll",)])
def server_has_few_files(io):
    """A shard of 64 files holds 48 connections, and resets the others of 100."""
    with Server("--pattern", "50/s:500", "--threads", "1", "--io", io, by=FEW_FILES) as server:
        run = Run(server.url + "pattern", "-n", 100, "-r", "200/s", "-d", "3s")
        server.stop()
    equal(run.sessions["established"], 48, "established")
    expect_refused(server, run, RESET, {"files": 52, "memory": 0, "sessions": 0}, "want of open files")


@test(args=[("uring",), ("epoll",)])
def server_runs_out_of_files(io):
    """Of 16 files a shard plans 12 for connections, but has about half of them in use: accepting fails in the kernel."""
    with Server("--pattern", "50/s:500", "--threads", "1", "--io", io, by=("prlimit", "--nofile=16:16")) as server:
        run = Run(server.url + "pattern", "-n", 40, "-r", "200/s", "-d", "3s")
        server.stop()
    refused = 40 - run.sessions["established"]
    assert 28 < refused < 40, run.sessions
    expect_refused(server, run, RESET, {"files": refused, "memory": 0, "sessions": 0}, "want of open files")


@test
def server_makes_shards_as_needed():
    """No shard of 64 files holds 100 sessions, but several do."""
    with Server("--pattern", "50/s:500", "--max-sessions", "100", by=FEW_FILES) as server:
        Run(server.url + "pattern", "-n", 100, "-r", "200/s", "-d", "3s").expect_clean(100)
        server.stop()
    equal(server.refused, {"files": 0, "memory": 0, "sessions": 0}, "refused")
    assert "holds up to 100 sessions in 5 shards" in server.output, server.output


@test
def server_has_few_sessions():
    with Server("--pattern", "50/s:500", "--max-sessions", "10") as server:
        run = Run(server.url + "pattern", "-n", 25, "-r", "100/s", "-d", "3s")
        server.stop()
    equal(run.sessions["established"], 10, "established")
    expect_refused(server, run, {"status"}, {"files": 0, "memory": 0, "sessions": 15}, "453")


main(at_a_time=2)
