"""Sessions that come back while their server restarts: by option, in the ready scenario, and as the service runs."""

import json
import pathlib
import shlex
import tempfile
import time

from harness import RTSPBENCH, TOP, Process, equal, free_port, main, test

READERS = 10


def serve(port):
    server = Process([RTSPBENCH, "serve", "--port", str(port), "--pattern", "50/s:500"])
    server.wait_for("ready ")
    return server


def kill(server):
    server.child.kill()
    server.child.wait()


def restarted(command, port, away_s=2):
    """A run whose server is killed after 2 s and, so many seconds later (None: never), is there again: status and result."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        file = pathlib.Path(folder) / "result.json"
        with serve(port) as server, Process([*command, "--json", str(file)]) as run:
            time.sleep(2)
            kill(server)
            if away_s is None:
                status = run.child.wait(60)
            else:
                time.sleep(away_s)
                with serve(port):
                    status = run.child.wait(60)
        return status, json.loads(file.read_text())


def expect_all_back(result):
    """A coming back is one start, whatever number of tries it took."""
    sessions = result["sessions"]
    about = json.dumps([sessions, result["errors"]])
    for key, count in {"started": 2 * READERS, "established": 2 * READERS, "dropped": READERS, "completed": READERS,
                       "failed": 0, "unanswered": 0, "cancelled": 0, "starting": 0, "playing": 0}.items():
        equal(sessions[key], count, f"sessions.{key} {about}")
    assert sessions["retries"] >= READERS, about  # refused while it was away
    back = result["latency_ms"]["come_back"]
    equal(back["count"], READERS, "come_back.count")
    assert back["min"] >= 1900, back  # it was away for 2 s


def command_of(port, *options):
    return [RTSPBENCH, f"rtsp://127.0.0.1:{port}/pattern", "-n", str(READERS), "-r", "50/s", *options]


@test(short=True)
def all_come_back_after_a_restart():
    port = free_port()
    status, result = restarted(command_of(port, "-d", "10s", "--reconnect"), port)
    equal(status, 0, "status")
    expect_all_back(result)
    held = result["sessions"]["held_ratio"]
    assert 0.5 < held < 0.85, held  # 2 s to nearly 5 s of 10 s were lost


@test
def who_is_not_back_by_the_end_is_unanswered():
    """Each was dropped at 2 s, and had waited for 6 s when the run ended."""
    port = free_port()
    status, result = restarted(command_of(port, "-d", "8s", "--reconnect", "--slo", "failed_ratio<1%"), port, None)
    sessions = result["sessions"]
    equal(status, 3 if result["generator"]["limits"] else 99, f"status {json.dumps(sessions)}")  # a busy machine
    equal([sessions[key] for key in ("started", "dropped", "unanswered", "cancelled", "failed")],
          [2 * READERS, READERS, READERS, 0, 0], "started, dropped, unanswered, cancelled, failed")
    equal(result["latency_ms"]["come_back"]["never"], READERS, "come_back.never")


@test
def retries_limit_the_patience():
    port = free_port()
    _, result = restarted(command_of(port, "-d", "8s", "--reconnect", "--retries", "1"), port, None)
    sessions = result["sessions"]
    equal([sessions[key] for key in ("started", "dropped", "failed", "retries")],
          [2 * READERS, READERS, READERS, READERS], "started, dropped, failed, retries")


@test
def the_ready_scenario_survives_a_restart():
    port = free_port()
    command = [RTSPBENCH, "scenario", "run", "endurance", *command_of(port)[1:], "--hours", "0.0028"]  # 10 s
    status, result = restarted(command, port)
    equal(status, 0, "status")
    expect_all_back(result)


@test
def the_service_survives_a_restart():
    """ExecStart of contrib/rtspbench.service, for 10 s in place of a week."""
    port = free_port()
    unit = (TOP / "contrib/rtspbench.service").read_text().replace("\\\n", " ")
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        words = [word.replace("${RTSPBENCH_URL}", f"rtsp://127.0.0.1:{port}/pattern").replace("/var/lib/rtspbench", folder)
                 for word in shlex.split(line.removeprefix("ExecStart="))]
        changed = {"--readers": str(READERS), "--hours": "0.0028", "--prometheus": "127.0.0.1:0"}
        for option, value in changed.items():
            words[words.index(option) + 1] = value
        status, result = restarted([RTSPBENCH, *words[1:], "-r", "50/s"], port)
    equal(status, 0, "status")
    expect_all_back(result)


main(at_a_time=2)
