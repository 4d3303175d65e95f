"""What a run says while it goes and at its end: the log, the files, the demo."""

import json
import pathlib
import subprocess
import tempfile

from harness import RTSPBENCH, Run, Server, equal, main, test

LINE_KEYS = {"time": str, "active": (int, float), "connects": (int, float), "cps": (int, float),
             "failures": (int, float), "packets": (int, float), "loss": (int, float)}
LATENCIES = ["connect", "tls", "options", "describe", "setup", "play", "first_rtp", "first_keyframe", "startup", "join",
             "keepalive", "teardown"]
HISTOGRAM = {"count", "min", "mean", "max", "p50", "p75", "p90", "p95", "p99", "p999", "never"}


@test(short=True)
def log_json_is_json_alone():
    """An object a line with the keys of the contract, and the result in the last."""
    with Server("--pattern", "50/s:500") as server:
        run = Run(server.url + "a", "-n", 10, "-r", "20/s", "-d", "4s", "--log", "json", "--stats-interval", "1s")
        lines = [json.loads(line) for line in run.out.splitlines()]
        equal(list(lines[-1]), ["result"], "keys of the last line")
        equal(lines[-1]["result"], run.result, "the last line's result")
        assert len(lines) >= 4, run.out
        for line in lines[:-1]:
            for key, kind in LINE_KEYS.items():
                assert isinstance(line[key], kind), f"{key} of {line}"
        equal(lines[0]["time"], "1s", "time of the first line")
        equal(lines[-2]["connects"], 10, "connects of the last interval")
        packets = [line["packets"] for line in lines[:-1]]
        equal(packets, sorted(packets), "packets, which are totals")


@test(short=True, args=[([],), (["-q"],), (["--find-max", "--slo", "loss_ratio<1%"],)])
def result_on_stdout_is_alone_there(options):
    """--json -: the document of a file, and nothing else; the summary is on stderr."""
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([RTSPBENCH, server.url + "a", "-n", "4", "-d", "2s", "--stats-interval", "1s", "--json", "-",
                               *options], capture_output=True, text=True, timeout=60, cwd=folder)
        equal(list(pathlib.Path(folder).iterdir()), [], "files")
        other = Run(server.url + "a", "-n", 4, "-d", "2s", *options)
    result = json.loads(done.stdout)
    equal((done.returncode, result["state"]), (0, "final"), "status and state")
    equal(list(result), list(other.result), "keys")
    assert ("4 readers" if "--find-max" in options else "PASS") in done.stderr, done.stderr
    assert ("1s " in done.stderr) == (options == []), done.stderr


@test(short=True)
def result_has_every_key():
    with Server() as server:
        run = Run(server.url + "card", "-n", 4, "-r", "20/s", "-d", "4s", "--stats-interval", "1s")
        equal(run.result["schema"], "rtspbench.result.v1", "schema")
        for key in LATENCIES:
            equal(set(run.latency_ms[key]), HISTOGRAM, f"keys of latency_ms.{key}")
        for key in ("tool", "started_at", "elapsed_s", "config", "host", "sessions", "rtp", "rtcp", "streams", "panel",
                    "errors", "misbehaving", "generator", "timeline", "slo", "verdict"):
            assert key in run.result, key
        equal(run.result["verdict"], "pass", "verdict")
        equal(run.config["readers"], 4, "config.readers")
        for key in ("connect", "options", "describe", "setup", "play", "first_rtp", "first_keyframe", "startup", "join",
                    "teardown"):
            equal(run.latency_ms[key]["count"], 4, f"latency_ms.{key}.count")
        equal(run.latency_ms["tls"]["count"], 0, "latency_ms.tls.count")
        rows = run.timeline
        assert len(rows) >= 4, rows
        equal(rows[-1]["packets"], run.rtp["packets"], "the last row's packets")
        equal(rows[-1]["established"], 4, "the last row's established")


@test(short=True)
def sessions_log_has_every_session():
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "sessions"
        run = Run(server.url + "a", "-n", 7, "-r", "50/s", "-d", "2s", "--sessions-log", file)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        equal(len(lines), 7, "lines")
        equal(sum(line["packets"] for line in lines), run.rtp["packets"], "packets of all sessions")
        equal(len({line["source_port"] for line in lines}), 7, "source ports")


@test(short=True, args=[(transport, who) for transport in ("tcp", "udp") for who in ("readers", "publishers")])
def sessions_log_adds_up_to_the_result(transport, who):
    """With a warm-up and lives that end before, across and behind its end; the times are the real ones."""
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "sessions"
        what = [server.url + "a"] if who == "readers" else ["--publish", server.url + "a{n}"]
        run = Run(*what, "-n", 24, "-r", "50/s", "-d", "4s", "--warmup", "2s", "--seed", 1,
                  "--session-duration", "uniform:300ms,1s", "-t", transport, "--sessions-log", file)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
    counted = run.rtp if who == "readers" else run.published
    assert counted["packets"] > 0, run.out
    for key in ("packets", "bytes"):
        equal(sum(line[key] for line in lines), counted[key], f"{key} of all sessions")
    early = [line for line in lines if line["ended_s"] < 1.9]
    assert early and not any(line["packets"] for line in early), early
    assert all(line["first_rtp_s"] < line["ended_s"] for line in early if line["outcome"] == "completed"), early
    # over UDP a session reads on for a moment after its TEARDOWN
    across = [line for line in lines if line["ended_s"] > 2.4 and line["due_s"] < 1.8]
    assert across and all(line["first_rtp_s"] < 1.9 and line["packets"] > 0 for line in across), across


@test(short=True)
def summary_fits_a_screen():
    with Server("--pattern", "50/s:500") as server:
        run = Run(server.url + "a", "-n", 5, "-r", "50/s", "-d", "2s", "-q")
        lines = run.out.splitlines()
        assert len(lines) <= 24, run.out
        assert max(map(len, lines)) <= 80, run.out
        assert lines[0].startswith("PASS"), run.out


@test(short=True)
def no_output_is_decorated():
    """Not on a terminal: no escape sequence."""
    with Server("--pattern", "50/s:500") as server:
        run = Run(server.url + "a", "-n", 2, "-d", "1s")
        assert "\x1b" not in run.out + run.err, run.out


@test(short=True)
def slow_ramp_is_warned_of():
    with Server("--pattern", "50/s:500") as server:
        run = Run(server.url + "a", "-n", 50, "-r", "10/s", "-d", "2s")
        assert "only 19 of 50 readers begin" in run.err, run.err
        equal(run.sessions["started"], 19, "sessions.started")
        equal(run.sessions["not_started"], 0, "sessions.not_started: due, never begun")


@test(short=True)
def seed_repeats_the_arrivals():
    """The seed is in the result, and with it a run's arrivals repeat."""
    with Server("--pattern", "50/s:500") as server:
        first = Run(server.url + "a", "-n", 20, "-r", "20/s", "-d", "1s", "--arrival", "poisson")
        again = Run(server.url + "a", "-n", 20, "-r", "20/s", "-d", "1s", "--arrival", "poisson",
                    "--seed", first.config["seed"])
        equal(again.sessions["started"], first.sessions["started"], "sessions.started")


@test(short=True)
def demo_loads_the_embedded_server():
    """No URL: 100 readers for 10 s, progress on the way, a summary, status 0."""
    run = Run(seconds=60)
    run.expect_clean(100)
    assert 9.5 < run.elapsed_s < 16, run.elapsed_s
    assert len(run.out.splitlines()) > 5, run.out


if __name__ == "__main__":
    main()
