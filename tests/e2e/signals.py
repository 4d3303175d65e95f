"""Ctrl-C ends a run in order, a second one at once; a checkpoint survives a kill."""

import json
import pathlib
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree

from harness import RTSPBENCH, Process, Run, Server, add_up, equal, main, need, skip, test


def start(server, folder, *options):
    file = pathlib.Path(folder) / "result.json"
    run = Process([RTSPBENCH, server.url + "pattern", "-n", "20", "-r", "100/s", "-d", "60s", "--json", str(file),
                   "--stats-interval", "500ms", *options])
    return run, file


@test(short=True, args=[(signal.SIGINT.name,), (signal.SIGTERM.name,), (signal.SIGHUP.name,)])
def first_signal_ends_in_order(name):
    """Every session is torn down, the result written, the status the verdict's."""
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        run, file = start(server, folder)
        with run:
            time.sleep(2)
            began = time.monotonic()
            equal(run.stop(getattr(signal, name)), 0, "status")
            took = time.monotonic() - began
        assert took < 6, f"ending took {took:.1f} s"
        result = json.loads(file.read_text())
        truth = server.stop()
    equal(result["sessions"]["completed"], 20, "sessions.completed")
    equal(add_up(truth, "teardowns"), 20, "teardowns")
    equal(result["rtp"]["packets"], add_up(truth, "sent"), "packets")


def rtspbench(*arguments):
    """Its status, and what it said on both streams."""
    done = subprocess.run([RTSPBENCH, *map(str, arguments)], capture_output=True, text=True, timeout=40)
    return done.returncode, done.stdout + done.stderr


def interrupt(server, at_s, *options, number=signal.SIGTERM):
    """A run that a signal ends after that many seconds: its status, first line, result and JUnit suite."""
    if "--scenario" not in options:
        options = (server.url + "pattern", *options)
    with tempfile.TemporaryDirectory() as folder:
        file, junit = pathlib.Path(folder) / "result.json", pathlib.Path(folder) / "junit.xml"
        with Process([RTSPBENCH, "--json", str(file), "--junit", str(junit), "--quiet", *map(str, options)]) as run:
            time.sleep(at_s)
            status = run.stop(number)
        if "needs libyaml" in run.output:
            skip("built without libyaml")
        first = next(line for line in run.lines if line and line.startswith(("PASS", "FAIL", "INVALID")))
        return status, first, json.loads(file.read_text()), xml.etree.ElementTree.parse(junit).getroot().find("testsuite")


RAMP = ("-n", 40, "-r", "5/s", "-d", "20s")  # 8 s of it
KEPT = ("--slo", "failed_ratio<1%", "--slo", "startup.p95<20s")


@test(short=True)
def a_signal_in_the_ramp_is_no_verdict():
    with Server("--pattern", "50/s:500") as server:
        status, first, result, suite = interrupt(server, 2.5, *RAMP, *KEPT)
        equal((status, result["verdict"]), (3, "invalid"), "status and verdict")
        cut = result["interrupted"]
        equal((cut["signal"], cut["of_s"]), ("SIGTERM", 20), "signal and of_s")
        assert 0.5 < cut["at_s"] < 5 and cut["at_s"] <= result["elapsed_s"], cut
        words = f"interrupted after {int(cut['at_s'] * 10) / 10:.1f} of 20 s"
        if result["generator"]["verdict"] == "ok":
            assert first.startswith(f"INVALID  {words}, before the target was reached"), first
        equal((suite.get("tests"), suite.get("failures"), suite.get("errors")), ("3", "0", "2"), "counts")
        equal([p.get("name") for p in suite.find("properties")], ["headline", "interrupted"], "properties")
        assert all(words in p.get("value") for p in suite.find("properties")), "the properties"
        assert all(words in error.get("message") for error in suite.iter("error")), "messages"
        assert words in suite.findtext("system-out"), "system-out"


@test(short=True, args=[("SIGINT",), ("SIGTERM",)])
def a_signal_after_the_ramp_leaves_the_verdict(name):
    with Server("--pattern", "50/s:500") as server:
        options = ("-n", 10, "-r", "100/s", "-d", "60s")
        number = getattr(signal, name)
        status, first, result, suite = interrupt(server, 3, *options, *KEPT, number=number)
        equal(result["interrupted"]["signal"], name, "signal")
        assert "interrupted after " in first, first
        if result["generator"]["verdict"] == "ok":
            equal((status, result["verdict"]), (0, "pass"), "kept")
            assert first.startswith("PASS  10 of 10 sessions, interrupted after "), first
            equal((suite.get("failures"), suite.get("errors")), ("0", "0"), "counts")
        status, first, result, _ = interrupt(server, 3, *options, "--slo", "rtp.packets<1", number=number)
        if result["generator"]["verdict"] == "ok":
            equal((status, result["verdict"]), (99, "fail"), "missed")
            assert first.startswith("FAIL  missed rtp.packets<1 ") and "interrupted after " in first, first


@test(short=True)
def without_objectives_a_signal_is_only_said():
    with Server("--pattern", "50/s:500") as server:
        status, first, result, _ = interrupt(server, 2.5, *RAMP)
        equal((status, result["verdict"]), (0, "pass"), "status and verdict")
        assert first.startswith("PASS") and "interrupted after " in first and " of 20 s" in first, first


@test
def a_rate_is_judged_after_a_tenth():
    """Sessions that arrive whatever happens have no target to reach: 0.8 s of 8 s, 6 s of 60 s."""
    with Server("--pattern", "50/s:500") as server:
        status, _, result, _ = interrupt(server, 3, "--open", "-r", "5/s", "-d", "60s", *KEPT)
        equal((status, result["verdict"]), (3, "invalid"), "before it")
        status, _, result, _ = interrupt(server, 3, "--open", "-r", "5/s", "-d", "8s", *KEPT)
        if result["generator"]["verdict"] == "ok":
            equal((status, result["verdict"]), (0, "pass"), "after it")


GROUPS = """
duration: 20s
rate: 100/s
groups:
  - {name: first, readers: 3}
  - {name: second, readers: 2, start: 4s}
"""


@test(args=[(2, "invalid"), (6, "pass")])
def a_group_that_never_began_is_no_verdict(at_s, verdict):
    """All that the first wants is there after 0.1 s; the second begins at 4 s."""
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "groups.yaml"
        file.write_text(GROUPS)
        status, first, result, _ = interrupt(server, at_s, "--scenario", file, "--url", server.url + "pattern", *KEPT)
        equal(result["interrupted"]["of_s"], 20, "of_s")
        if result["generator"]["verdict"] == "ok":
            equal((status, result["verdict"]), (3 if verdict == "invalid" else 0, verdict), "status and verdict")
            equal(first.startswith("INVALID  interrupted after "), verdict == "invalid", first)


@test
def a_signal_in_the_warmup_is_no_verdict():
    """All readers are there, but nothing of what they got counts yet."""
    with Server("--pattern", "50/s:500") as server:
        status, first, result, _ = interrupt(server, 2, "-n", 4, "-r", "50/s", "-d", "20s", "--warmup", "10s", *KEPT)
        equal((status, result["verdict"]), (3, "invalid"), "status and verdict")
        assert first.startswith("INVALID  interrupted after "), first


@test(short=True)
def who_was_not_interrupted():
    """A run that went to its end, and one that an objective ended in its ramp."""
    with Server("--pattern", "50/s:500") as server:
        run = Run(server.url + "pattern", "-n", 2, "-d", "1s", *KEPT)
        equal(run.interrupted, None, "to its end")
        assert "interrupted" not in run.out, run.out
        run = Run(server.url + "pattern", *RAMP, "--stats-interval", "500ms", "--slo", "sessions.established<3 abort")
        equal(run.interrupted, None, "aborted")
        assert run.elapsed_s < 15 and "interrupted" not in run.out, run.out
        if run.result["generator"]["verdict"] == "ok":
            equal(run.status, 99, "status")


@test
def a_signal_while_tearing_down_interrupts_nothing():
    """The plan was over already, and only who waits for the end is spared some of it."""
    with Server("--pattern", "50/s:500") as server:
        status, first, result, _ = interrupt(server, 3.5, "-n", 5, "-r", "100/s", "-d", "2s", "--timeout", "5s", *KEPT,
                                             server.url + "pattern?mute=teardown")
        equal(result["interrupted"], None, "interrupted")
        assert "interrupted" not in first and result["elapsed_s"] > 3, (first, result["elapsed_s"])


@test
def second_signal_ends_at_once():
    """A server that never answers TEARDOWN does not hold us up."""
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "result.json"
        run = Process([RTSPBENCH, server.url + "pattern?mute=teardown", "-n", "20", "-r", "100/s", "-d", "60s",
                       "--json", str(file)])
        with run:
            time.sleep(2)
            run.child.send_signal(signal.SIGINT)
            time.sleep(1)
            began = time.monotonic()
            equal(run.stop(signal.SIGINT), 0, "status")
            assert time.monotonic() - began < 2
        sessions = json.loads(file.read_text())["sessions"]
        for key, count in {"established": 20, "completed": 20, "dropped": 0, "playing": 0, "starting": 0}.items():
            equal(sessions[key], count, f"sessions.{key}")


@test
def who_waits_at_the_second_signal_was_unanswered():
    """Half of what there is never got an answer to DESCRIBE, and had waited for 3 s and more."""
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "result.json"
        with Process([RTSPBENCH, server.url + "pattern?mute=describe", server.url + "pattern?mute=teardown", "-n", "20",
                      "-r", "100/s", "-d", "60s", "--json", str(file), "--sessions-log", str(file) + "l"]) as run:
            time.sleep(3.5)
            run.child.send_signal(signal.SIGINT)
            time.sleep(0.3)
            run.stop(signal.SIGINT)
        result = json.loads(file.read_text())
        sessions = result["sessions"]
        for key, count in {"started": 20, "established": 10, "completed": 10, "unanswered": 10, "cancelled": 0, "failed": 0,
                           "dropped": 0, "playing": 0, "starting": 0}.items():
            equal(sessions[key], count, f"sessions.{key}")
        equal(len(pathlib.Path(str(file) + "l").read_text().splitlines()), 20, "lines of the sessions log")
        equal(result["interrupted"]["signal"], "SIGINT", "interrupted.signal")


@test
def a_second_hangup_hastens_nothing():
    """A shell sends one and the kernel another: who waits for an answer to TEARDOWN still waits, up to 3 s."""
    with Server("--pattern", "50/s:500") as server:
        run = Process([RTSPBENCH, server.url + "pattern?mute=teardown", "-n", "20", "-r", "100/s", "-d", "60s",
                       "--timeout", "3s"])
        with run:
            time.sleep(2)
            run.child.send_signal(signal.SIGHUP)
            time.sleep(0.3)
            began = time.monotonic()
            equal(run.stop(signal.SIGHUP), 0, "status")
            took = time.monotonic() - began
        assert took > 1.5, f"ended within {took:.1f} s"


@test
def a_hangup_that_was_ignored_stays_ignored():
    with Server("--pattern", "50/s:500") as server:
        with Process([need("nohup"), RTSPBENCH, server.url + "pattern", "-n", "2", "-d", "4s"]) as run:
            time.sleep(1.5)
            equal(run.stop(signal.SIGHUP), 0, "status")
        assert "interrupted" not in run.output and "2 of 2 sessions" in run.output, run.output


@test
def checkpoint_survives_a_kill():
    """The first is written after an interval, then one a minute: it is there after kill -9."""
    with Server("--pattern", "10/s:100") as server, tempfile.TemporaryDirectory() as folder:
        run, file = start(server, folder)
        with run:
            time.sleep(2.5)
            run.child.kill()
            run.child.wait()
        assert not file.exists(), "a result of an unfinished run"
        running = file.with_name(file.name + ".running")
        result = json.loads(running.read_text())
        equal(result["schema"], "rtspbench.result.v1", "schema")
        equal((result["state"], result["verdict"]), ("running", None), "state and verdict")
        assert result["sessions"]["started"] > 0 and result["rtp"]["packets"] > 0, result["sessions"]
        status, out = rtspbench("compare", file, file)
        assert status == 2 and str(running) in out, out
        status, out = rtspbench("compare", running, running)
        assert status == 0 and "is of an unfinished run" in out, out


@test
def an_older_result_survives_a_run_that_does_not_finish():
    """The older one stays until the newer is whole; compare says that there was a later run; the next run cleans up."""
    with Server("--pattern", "10/s:100") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "result.json"
        running = file.with_name(file.name + ".running")
        command = (server.url + "pattern", "-n", "2", "--stats-interval", "500ms", "--json", file)
        equal(rtspbench(*command, "-d", "1s")[0], 0, "status")
        assert not running.exists(), "the checkpoint of a run that ended"
        before = file.read_bytes()
        equal(json.loads(before)["state"], "final", "state")
        with Process([RTSPBENCH, *map(str, command), "-d", "30s"]) as run:
            deadline = time.monotonic() + 10
            while not running.exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            run.child.kill()
            run.child.wait()
        equal(file.read_bytes(), before, "the older result")
        status, out = rtspbench("compare", file, file)
        assert status == 0 and "a later run did not finish" in out, out
        equal(rtspbench(*command, "-d", "200ms")[0], 0, "status")
        assert not running.exists(), "a stale checkpoint"


if __name__ == "__main__":
    main()
