"""What a packet, a start and a stamp cost: targets 1 to 4, 6, 8 to 11 of docs/PERFORMANCE.md."""

import json
import re
import subprocess

import lab
from lab import Unfit, Window, median

ROUNDS = 3
STEADY = 4  # seconds
SOURCES = "127.1.0.0/28"  # 14 addresses: with one, half of a start is the search for a free port
FRAMED = 1254  # bytes of a packet on TCP


def result(name, target, measured, unit, ok, note=None):
    return {"name": name, "target": target, "measured": measured, "unit": unit, "pass": ok,
            **({"note": note} if note else {})}


def at_most(name, target, measured, unit, note=None):
    return result(name, target, measured, unit, measured <= target, note)


def drained(line, size=FRAMED):
    return line["bytes"] / size


def counted(line):
    return line["packets"]


def reference(source, sessions, *options, size=FRAMED):
    """A window of the bare drain."""
    with lab.drain(source.ready, "-n", sessions, *options) as program:
        return Window(program, source, 1, STEADY, lambda line: drained(line, size))


def client(source, sessions, *options):
    """A window of rtspbench."""
    with lab.run(source.ready, "-n", sessions, "-r", "2000/s", "-d", "5m", *options) as program:
        return Window(program, source, 1 + sessions // 2000, STEADY, counted)


def compare(source_options, sessions, rate, variants, drain_options=(), size=FRAMED):
    """Medians of the CPU time a packet: the drain's, and that of each variant of options; all in turn.

    rate: the packets a second that must come; None: all that goes."""
    took = [[] for _ in range(1 + len(variants))]
    with lab.source(*source_options) as source:
        for _ in range(ROUNDS):
            windows = [reference(source, sessions, *drain_options, size=size)]
            windows += [client(source, sessions, *variant) for variant in variants]
            for ns, window in zip(took, windows):
                if rate:
                    window.expect(rate)
                elif window.cpu < 0.8 * window.seconds:
                    raise Unfit(f"the source was the limit: the client had {window.cpu / window.seconds:.0%} of a core")
                ns.append(window.ns)
    return [median(ns) for ns in took]


def versus(ns, reference_ns):
    return f"{ns:.0f} ns a packet, the reference {reference_ns:.0f}"


def tcp():
    """1: sessions of 2 Mbit/s, a frame a write."""
    sessions = 2000
    bare, on, off = compare(["-m", "frame"], sessions, sessions * 200, [[], ["--quickack", "off"]])
    yield at_most("1 TCP, 2,000 x 2 Mbit/s, a frame a write", 0.85, on / bare, "x bare drain", versus(on, bare))
    yield at_most("1 the same, --quickack off", 0.60, off / bare, "x bare drain", versus(off, bare))


def burst():
    """2: a packet a write."""
    bare, ours = compare(["-m", "burst"], 500, 500 * 200, [[]])
    yield at_most("2 TCP, 500 x 2 Mbit/s, a packet a write, in bursts", 0.5, ours / bare, "x bare drain",
                  versus(ours, bare))


def flat():
    """3: as fast as can be."""
    bare, ours = compare(["-m", "max"], 50, None, [[]])
    yield at_most("3 TCP, 50 connections flat out", 1.05, ours / bare, "x bare drain", versus(ours, bare))


def udp():
    """4: datagrams."""
    for way, options in (("GSO", ["-g"]), ("sendmmsg", [])):
        bare, ours = compare(["-m", "frame", *options], 500, 500 * 200, [["-t", "udp"]], ["-u"], 1250)
        yield at_most(f"4 UDP, 500 x 2 Mbit/s, sent by {way}", 0.6, ours / bare, "x epoll + recvmsg",
                      versus(ours, bare))
    with lab.source("-m", "frame", "-g") as source, \
            lab.run(source.ready, "-n", 500, "-r", "2000/s", "-d", "6s", "-t", "udp") as program:
        end = program.finish()["result"]
    yield at_most("4 UDP, 500 x 2 Mbit/s: packets lost", 0, end["rtp"]["lost"], "packets",
                  f"of {end['rtp']['packets']:,}")


def ovfl():
    """4: a buffer made too small, and a client that doesn't read for a while: the socket's counter is the sequence loss.

    The last packets come through, so that every gap shows."""
    with lab.Serve("--pattern", "200/s:1250") as serve, \
            lab.run(serve.ready + "pattern", "-n", 100, "-r", "1000/s", "-d", "7s", "-t", "udp", "--gro", "off",
                    "--rcvbuf", "4k", halt="300ms/2s") as program:
        end = program.finish()["result"]
    lost, drops = end["rtp"]["lost"], end["generator"]["udp_socket_drops"]
    if lost == 0:
        raise Unfit("the buffer was not too small")
    blamed = end["rtp"]["lost_by"]["local_socket"]
    yield at_most("4 UDP, a buffer too small: drops the kernel counted that we did not", 0,
                  abs(drops - lost) + abs(blamed - lost), "packets",
                  f"{drops:,} dropped, {lost:,} missing, {blamed:,} blamed on the socket")


def start():
    """6: from connect to the first packet, five requests; source addresses spread, as such loads have them."""
    sessions, costs, rates = 15000, [], []
    for _ in range(ROUNDS):
        with lab.source("-m", "spread", "-f", 1, "-k", 1) as source, \
                lab.run(source.ready, "-n", sessions, "-r", "20000/s", "-d", "5m", "--stats-interval", "100ms",
                        "--bind-cidr", SOURCES) as program:
            at = lambda: next((line for line in program.lines if line and line[2].get("established") == sessions), None)
            program.wait(at, 20)
            costs.append(at()[1] / sessions * 1e6)
            rates.append(sessions / float(at()[2]["time"].rstrip("s")))
    yield at_most("6 a session's start, connect to first packet", 60, median(costs), "us of client CPU")
    rate = median(rates)
    yield result("6 starts a second", 10000, rate, "/s", rate >= 10000, "asked for 20,000/s")


def linear():
    """8: the same packets and writes, by ten times the sessions."""
    few, many = [], []
    for _ in range(ROUNDS):
        for ns, sessions, fps in ((few, 1000, 20), (many, 10000, 2)):
            with lab.source("-m", "frame", "-f", fps, "-k", 10) as source:
                ns.append(client(source, sessions).expect(200000).ns)
    yield at_most("8 ns a packet, 10,000 sessions to 1,000", 1.3, median(many) / median(few), "x",
                  f"{median(many):.0f} and {median(few):.0f} ns")


def lag():
    """8: how late a busy loop is."""
    sessions = 3500
    with lab.source("-m", "frame") as source, \
            lab.run(source.ready, "-n", sessions, "-r", "2000/s", "-d", "8s", "--coalesce", "0ms", "--warmup",
                    "3s") as program:
        window = Window(program, source, 3, STEADY, counted)
        end = program.finish()["result"]
    busy = window.cpu / window.seconds
    late = end["generator"]["loop_lag_ms"]["p99"]
    note = f"at {busy:.0%} of a core, {window.rate:,.0f} packets/s; the source used {window.server_cpu / window.seconds:.0%}"
    yield result("8 loop lag p99 at 80 % CPU", 2, late, "ms", late <= 2 if busy > 0.75 else None, note)


def stamps():
    """9: the stamp of arrival against the time of the write; what loopback takes itself is in it."""
    errors = []
    for _ in range(ROUNDS):
        with lab.source("-m", "frame") as source, \
                lab.run(source.ready, "-n", 500, "-r", "2000/s", "-d", "6s", "--warmup", "2s") as program:
            errors.append(program.finish()["result"]["panel"]["latency_ms"])
    p50, p99 = (median([error[key] for error in errors]) * 1e3 for key in ("p50", "p99"))
    yield at_most("9 arrival stamp after the write, p99, 1 ms batching", 100, p99, "us", f"p50 {p50:.0f} us")


def server():
    """10: the embedded server's cost a packet against the client's."""
    sessions, ours, its = 1000, [], []
    for _ in range(ROUNDS):
        with lab.Serve("--no-audio") as serve, \
                lab.run(serve.ready + "card", "-n", sessions, "-r", "2000/s", "-d", "5m") as program:
            window = Window(program, serve, 3, STEADY, counted)
            ours.append(window.ns)
            its.append(window.server_ns)
    yield result("10 packets a server core sends to those a client core drinks", 1.5, median(ours) / median(its), "x",
                 median(ours) / median(its) >= 1.5,
                 f"server {median(its):.0f} ns a packet, client {median(ours):.0f} (card, 1,000 sessions)")


def micro(name, rounds):
    done = subprocess.run([lab.BUILD / "bench/bench-micro", name, str(rounds)], capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout)


def instructions(name, rounds):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", lab.BUILD / "bench/bench-micro", name,
               str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def cost_of(name):
    """ns and instructions an item; what making packets costs is left out."""
    once = micro(name, 1)["items"]
    runs = [micro(name, 2000000 // once // 5) for _ in range(5)]
    ns = min(run["ns"] / run["items"] for run in runs)
    try:
        count = (instructions(name, 3000) - instructions(name, 1000)) / 2000 / once
    except (FileNotFoundError, AttributeError):
        count = None
    return ns, count


def parse():
    """11: the parsers."""
    make_ns, make_count = cost_of("make")
    for name, what in (("parse", "split and parse a packet"), ("packet", "the same, and count it"),
                       ("rtcp", "a sender report with SDES"), ("transport", "a Transport header"),
                       ("reply", "a reply of RTSP"), ("sdp", "an SDP of two media")):
        ns, count = cost_of(name)
        if name in ("parse", "packet"):
            ns -= make_ns
            count = count - make_count if count else None
        target = 10 if name == "parse" else None
        yield result(f"11 {what}", target, ns, "ns", ns <= target if target else None)
        yield result(f"11 {what}", None, count, "instructions", None, None if count else "valgrind is missing")
