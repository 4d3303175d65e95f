"""The heart of it: for each fault, transport and backend, our count is the server's own."""

from harness import SLOW, Run, Server, add_up, equal, main, skip, test

READERS = 6 if SLOW else 20
TRANSPORTS = ["tcp", "udp"]
BACKENDS = ["uring", "epoll"]
FAULTS = {
    "clean": None,
    "drop": "drop=1/50",
    "duplicate": "dup=1/50",
    "reorder": "reorder=1/50",
    "all": "drop=1/100,dup=1/60,reorder=1/40",
    "wrap": "seq=65500",
    "wrap-and-drop": "seq=65500,drop=1/30",
    "delay": "delay=50ms",
}


def in_query(faults):
    return "?" + faults.replace(",", "&") if faults else ""


def hold_against(run, truth):
    """Counts of sessions that ended by TEARDOWN agree exactly."""
    about = f" of {run.command}: {truth} {run.rtp}"
    equal(run.rtp["packets"], add_up(truth, "sent"), "packets" + about)
    equal(run.rtp["duplicates"], add_up(truth, "duplicated"), "duplicates" + about)
    equal(run.rtp["reordered"], add_up(truth, "reordered"), "reordered" + about)
    equal(run.rtp["lost"], add_up(truth, "dropped_inside"), "lost" + about)
    equal(run.rtp["bytes"], add_up(truth, "bytes"), "bytes" + about)
    equal(sum(run.rtp["lost_by"].values()), run.rtp["lost"], "sum of lost_by" + about)
    equal(add_up(truth, "teardowns"), run.sessions["completed"], "teardowns" + about)


@test(short=True, args=[(fault, transport, io) for io in BACKENDS for transport in TRANSPORTS for fault in FAULTS])
def counts_are_the_servers(fault, transport, io):
    with Server("--pattern", "100/s:700") as server:
        run = Run(server.url + "pattern" + in_query(FAULTS[fault]), "-n", READERS, "-r", "50/s", "-d", "3s",
                  "-t", transport, "--io", io)
        truth = server.stop()
        if "io_uring is refused here" in run.err and io == "uring":
            skip("io_uring is refused here")
        equal(run.status, 0, f"status ({run.out}{run.err})")
        equal(run.sessions["completed"], READERS, f"sessions.completed {run.sessions} {run.errors}")
        hold_against(run, truth)
        if "drop" in (FAULTS[fault] or ""):
            assert run.rtp["lost"] > 0, "nothing was dropped"


@test(short=True, args=[(transport,) for transport in TRANSPORTS])
def several_paths(transport):
    """URLs with weights, each with its own count in streams."""
    with Server("--pattern", "50/s:500") as server:
        run = Run(f"{server.url}a{{1..3}}", f"{server.url}b*2", "-n", 10, "-r", "100/s", "-d", "2s", "-t", transport)
        truth = server.stop()
        hold_against(run, truth)
        equal(len(run.streams), 4, "streams")
        for stream in run.streams:
            path = "/" + stream["url"].removeprefix(server.url)
            equal(stream["rtp"]["packets"], truth[path]["sent"], f"packets of {path}")
            equal(stream["sessions"]["started"], 4 if path == "/b" else 2, f"started of {path}")


@test
def card_is_read_exactly():
    """Two tracks, video and audio."""
    with Server() as server:
        run = Run(server.url + "card", "-n", READERS, "-r", "50/s", "-d", "5s")
        truth = server.stop()
        hold_against(run, truth)
        run.expect_clean(READERS)


if __name__ == "__main__":
    main()
