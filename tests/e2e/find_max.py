"""--find-max finds a server's limit, says how sure it is, and what broke first."""

import json
import pathlib
import signal
import tempfile

from harness import RTSPBENCH, SLOW, Process, Run, Server, equal, main, skip, test


def search(run, what):
    assert run.status in (0, 3), f"status {run.status}\n{run.out}{run.err}"
    found = run.search
    equal(found["what"], what, "search.what")
    levels = {one["level"] for one in found["curve"]}
    assert found["level"] in levels and (found["above"] is None or found["above"] in levels), found
    return found


@test
def a_limit_of_sessions():
    """max_sessions=137: the usual objectives tolerate one refusal of 138, but 137 are held."""
    if SLOW:
        skip("not under a sanitizer")
    with Server("--pattern", "50/s:200", "--threads", "1") as server:
        run = Run(server.url + "pattern?max_sessions=137", "--find-max", "-n", 1000, "-r", "500/s", "-d", "1s",
                  "--cool-down", "200ms", seconds=300)
        found = search(run, "readers")
        equal(found["number"], 137, "search.number" + "\n" + run.out)
        if run.status == 0:
            equal(found["limit"], "objective", "search.limit")
            equal(found["first_to_break"], "failed_ratio<1%", "search.first_to_break")
        assert "find-max   137 readers kept every objective" in run.out, run.out


@test
def a_cap_of_bandwidth():
    """200 packets of 250 bytes a second, and the cap of 60 readers of that. The cap's burst of 100 ms and the queue of
    50 ms hide for 3 s that 63 are too many, 5 %; a try of the edge is held for 6 s."""
    if SLOW:
        skip("not under a sanitizer")
    with Server("--pattern", "200/s:250", "--threads", "1") as server:
        run = Run(server.url + f"pattern?bitrate_cap={60 * 200 * 250 * 8}&queue=10", "--find-max", "-n", 80, "-r", "500/s",
                  "-d", "2s", "--cool-down", "100ms", seconds=300)
        found = search(run, "readers")
        assert 57 <= found["number"] <= 63, f"{found['number']} is not within 5 % of 60\n{run.out}"
        if run.status == 0:
            equal(found["first_to_break"], "loss_ratio<0.1%", "search.first_to_break")


@test
def the_bound_is_said():
    with Server("--pattern", "20/s:200") as server:
        run = Run(server.url + "pattern", "--find-max=rate", "-r", "15/s", "-d", "2s", "--cool-down", "0",
                  "--slo", "sessions.failed=0")
        found = search(run, "rate")
        equal((found["number"], found["limit"], found["above"]), (15, "most", None), "number, limit, above")
        assert "AT LEAST: 15 was the most to be tried" in run.out, run.out


@test
def nothing_is_kept():
    with Server("--pattern", "20/s:200") as server:
        run = Run(server.url + "pattern?drop=1/3", "--find-max", "-n", 2, "-d", "1s", "--cool-down", "0")
        assert run.status in (99, 3), run.out
        equal((run.search["number"], run.search["confidence"]), (0, "none"), "number and confidence")
        equal(run.verdict, "fail" if run.status == 99 else "invalid", "verdict")


@test
def a_server_that_dies_for_good():
    """Between the first level, kept, and the second: the first is read three times again, over 30 s."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder, Server("--pattern", "50/s:200") as server:
        file = pathlib.Path(folder) / "result.json"
        with Process([RTSPBENCH, server.url + "pattern", "--find-max", "-n", "20", "-d", "1s", "--cool-down", "1s",
                      "--slo", "failed_ratio<1%", "--json", str(file)]) as run:
            run.wait_for("   1.")
            server.child.send_signal(signal.SIGKILL)
            status = run.child.wait(90)
            answer = run.wait_for("find-max   ")
        result = json.loads(file.read_text())
    found = result["search"]
    if all(one["outcome"] == "limited" for one in found["curve"][2:]):
        skip("this machine was the limit")
    equal((status, result["verdict"], found["limit"]), (99, "fail", "server"), "status, verdict, limit\n" + run.output)
    equal(answer, "the server did not recover from 20 readers; 10 were kept before", "the answer")
    equal((found["number"], found["level"], found["above"]), (10, 10, 20), "number, level, above")
    equal([(one["level"], one["outcome"] == "kept", one["recovery"]) for one in found["curve"]],
          [(10, True, False), (20, False, False), *3 * [(10, False, True)]], "the curve")
    equal(found["tries_at_level"], {"kept": 1, "missed": 0, "limited": 0}, "tries_at_level")
    equal(result["sessions"]["established"], 10, "the answer's own run: sessions.established")


@test
def a_level_without_a_packet():
    """All of them are dropped: each session is established, none gets anything. What was asked for was kept."""
    with Server("--pattern", "50/s:200") as server:
        run = Run(server.url + "pattern?drop=1/1", "--find-max", "-n", 1, "-d", "1s", "--cool-down", "0",
                  "--slo", "failed_ratio<1%")
        assert run.status in (99, 3), run.out
        equal((run.search["number"], run.search["curve"][0]["outcome"]), (0, "missed"), "number, outcome\n" + run.out)
        assert "missed   no packet came" in run.out, run.out


@test
def what_does_not_go_together_is_told():
    for option in (["--profile", "ramp"], ["--open"], ["--sessions-log", "/dev/null"]):
        equal(Run("rtsp://127.0.0.1:9/", "--find-max", *option).status, 2, "status with " + option[0])
    equal(Run("rtsp://127.0.0.1:9/", "--find-max=readrs").status, 2, "status")


if __name__ == "__main__":
    main()
