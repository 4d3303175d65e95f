"""How many sessions, and what each takes: targets 5, 7 and 10 of docs/PERFORMANCE.md, and the old tool's table."""

import time

import lab
from speed import SOURCES, at_most, result



def held(io, sessions, seconds, *options, pattern="1/s:1250", threads=7):
    """Holds that many sessions; the client's result, its lines, and the server's truth by key."""
    with lab.Serve("--threads", threads, "--io", io, "--pattern", pattern, core=None) as serve:
        with lab.run(serve.ready + "pattern", "--io", io, "--bind-cidr", SOURCES, "-n", sessions, "-r", "10000/s", "-d",
                     f"{seconds}s", *options, core=None) as program:
            program.line(seconds - 2, seconds + 60)
            server_rss = lab.rss(serve.child.pid)
            end = program.finish(120)["result"]
            lines = [line[2] for line in program.lines if line]
        truth = {key: serve.truth(key) for key in ("sent", "teardowns", "keepalives")}
    return end, lines, truth, server_rss


def flaws(end):
    """Whatever went wrong, counted."""
    sessions, rtp = end["sessions"], end["rtp"]
    return (sum(sessions[key] for key in ("failed", "dropped", "cancelled", "not_started"))
            + rtp["lost"] + (end["latency_ms"]["teardown"] or {}).get("never", 0))


def memory():
    """5 and 10: resident memory as the slope between two session counts."""
    sizes, ours, its = (20000, 60000), [], []
    for size in sizes:
        end, _, _, server_rss = held("auto", size, size // 10000 + 4, "--threads", 4, threads=4)
        if flaws(end):
            raise lab.Unfit(f"{flaws(end)} flaws at {size} sessions")
        ours.append(end["generator"]["rss_bytes"])
        its.append(server_rss)
    span = sizes[1] - sizes[0]
    yield at_most("5 resident memory a TCP session", 512, (ours[1] - ours[0]) / span, "bytes",
                  f"{ours[0] / 2**20:.0f} MiB at {sizes[0]:,}, {ours[1] / 2**20:.0f} MiB at {sizes[1]:,}, 4 shards")
    yield at_most("10 the server's resident memory a session", 1024, (its[1] - its[0]) / span, "bytes")


def hundred_thousand(io):
    """7: a hundred thousand, held for 60 s."""
    sessions, hold = 100000, 72
    end, lines, truth, _ = held(io, sessions, hold)
    name = f"7 100,000 TCP sessions, {io}"
    yield at_most(f"{name}: failed, dropped, lost, unanswered", 0, flaws(end), "",
                  f"{end['sessions']['established']:,} established")
    whole = next((line["time"] for line in lines if line.get("established", 0) >= sessions), None)
    took = float(whole.rstrip("s")) if whole else None
    yield result(f"{name}: all started after", 12, took, "s", bool(took) and took <= 12)
    yield at_most(f"{name}: TEARDOWNs took", 10, round(end["elapsed_s"] - hold, 2), "s",
                  f"the server answered {truth['teardowns']:,}")
    yield at_most(f"{name}: packets the server sent that we did not count", 0,
                  abs(truth["sent"] - end["rtp"]["packets"]), "packets",
                  f"{truth['sent']:,} sent, {truth['keepalives']:,} keepalives")
    yield at_most(f"{name}: resident memory", 96, end["generator"]["rss_bytes"] / 1e6, "MB",
                  f"CPU {end['generator']['cpu_s']:.1f} s, limits {end['generator']['limits']}")


def hundred_thousand_uring():
    yield from hundred_thousand("uring")


def hundred_thousand_epoll():
    yield from hundred_thousand("epoll")


def three_hundred_thousand():
    """7: beyond; a packet each 30 s, and no more than half the port range for each source address."""
    name = "7 300,000 TCP sessions"
    end, _, truth, _ = held("uring", 300000, 75, "-r", "6000/s", "--bind-cidr", "127.1.0.0/26", pattern="2/m:1250",
                            threads=20)
    yield at_most(f"{name}: failed, dropped, lost, unanswered", 0, flaws(end), "",
                  f"{end['sessions']['established']:,} established, {end['generator']['rss_bytes'] / 1e6:.0f} MB")
    yield at_most(f"{name}: packets the server sent that we did not count", 0,
                  abs(truth["sent"] - end["rtp"]["packets"]), "packets",
                  f"{truth['sent']:,} sent, {truth['keepalives']:,} keepalives, {truth['teardowns']:,} TEARDOWNs")


def udp_20000():
    """7: UDP."""
    sessions = 20000
    end, _, truth, _ = held("auto", sessions, 24, "-t", "udp", "--tracks", "video", threads=2)
    yield at_most("7 20,000 UDP sessions: failed, dropped, lost, unanswered", 0, flaws(end), "",
                  f"{end['sessions']['established']:,} established, {end['generator']['rss_bytes'] / 1e6:.0f} MB")
    yield at_most("7 20,000 UDP sessions: packets sent that we did not count", 0,
                  abs(truth["sent"] - end["rtp"]["packets"]), "packets", f"{truth['sent']:,} sent")


# Readers, and what the tool we replace measured on 3 cores: connect average and p95 in ms, memory in MB.
TABLE = ((1000, 0.7, 3.0, None), (2000, 1.6, 11, None), (3000, 2.7, 16, None), (4000, 3.3, 16, None),
         (5000, 4.7, 23, 750))


def table():
    """The old tool's scale table, server and client sharing the cores."""
    for readers, average, p95, megabytes in TABLE:
        with lab.Serve("--threads", lab.machine()["cores"], core=None) as serve, \
                lab.run(serve.ready + "card", "-n", readers, "-r", f"{readers // 10}/s", "-d", "15s",
                        core=None) as program:
            end = program.finish()["result"]
            sent = serve.truth("sent")
        connect, name = end["latency_ms"]["connect"], f"table, {readers:,} readers"
        note = f"CPU peak {end['generator']['cpu_peak']:.0%}, limits {end['generator']['limits']}, {sent:,} packets"
        yield at_most(f"{name}: failed, dropped, lost", 0, flaws(end), "", note)
        yield at_most(f"{name}: connect average", average, connect["mean"], "ms")
        yield at_most(f"{name}: connect p95", p95, connect["p95"], "ms")
        if megabytes:
            yield at_most(f"{name}: resident memory", megabytes, end["generator"]["rss_bytes"] / 1e6, "MB")
        time.sleep(1)
