"""Ctrl-C ends a run in order, a second one at once; a checkpoint survives a kill."""

import json
import pathlib
import signal
import tempfile
import time

from harness import RTSPBENCH, Process, Server, add_up, equal, main, test


def start(server, folder, *options):
    file = pathlib.Path(folder) / "result.json"
    run = Process([RTSPBENCH, server.url + "pattern", "-n", "20", "-r", "100/s", "-d", "60s", "--json", str(file),
                   "--stats-interval", "500ms", *options])
    return run, file


@test(short=True, args=[(signal.SIGINT.name,), (signal.SIGTERM.name,)])
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
        equal(json.loads(file.read_text())["sessions"]["established"], 20, "sessions.established")


@test
def checkpoint_survives_a_kill():
    """The first is written after an interval, then one a minute: it is there after kill -9."""
    with Server("--pattern", "10/s:100") as server, tempfile.TemporaryDirectory() as folder:
        run, file = start(server, folder)
        with run:
            time.sleep(2.5)
            run.child.kill()
            run.child.wait()
        result = json.loads(file.read_text())
        server.stop()
    equal(result["schema"], "rtspbench.result.v1", "schema")
    assert result["sessions"]["started"] > 0 and result["rtp"]["packets"] > 0, result["sessions"]


if __name__ == "__main__":
    main()
