"""Runs of days: the server's own load beside ours, and files that don't grow without end."""

import contextlib
import http.server
import json
import os
import pathlib
import signal
import socket
import tempfile
import threading
import time

from harness import RTSPBENCH, Process, Run, Server, equal, free_port, main, test


@contextlib.contextmanager
def metrics(answer):
    """A page of metrics by answer(n), of the nth fetch from 1; its URL."""
    class Handler(http.server.BaseHTTPRequestHandler):
        count = 0

        def do_GET(self):
            Handler.count += 1
            page = answer(Handler.count).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def status_kib(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise AssertionError(f"no {key} of {pid}")


@test
def a_process_is_looked_at():
    """Its memory as the kernel tells it elsewhere, too; one that ends is said once, and ends nothing."""
    with Server("--pattern", "50/s:500") as server, Process(["sleep", "5"]) as sleeper:
        run = Run(server.url, "-n", 5, "-d", "2s", "--stats-interval", "500ms", "--server-pid", server.child.pid)
        least, most = 1024 * status_kib(server.child.pid, "RssAnon"), 1024 * status_kib(server.child.pid, "VmHWM")
        assert least <= run.result["server"]["rss_bytes"] <= most, (least, run.result["server"], most)
        equal(run.result["server"]["ended"], False, "server.ended")
        assert run.result["server"]["files"] >= 3 and run.result["server"]["cpu_s"] >= 0, run.result["server"]
        row = run.timeline[1]
        assert least <= row["server_rss_bytes"] <= most and row["server_cpu"] is not None, row
        assert "\nserver     " in run.out, run.out
        run = Run(server.url, "-n", 5, "-d", "4s", "--stats-interval", "500ms", "--server-pid", sleeper.child.pid)
        equal((run.status, run.result["server"]["ended"]), (0, True), "status, server.ended")
        equal(run.err.count("has ended"), 1, "notices of the end")
        equal(Run(server.url, "--server-pid", 4194304).status, 2, "status without such a process")


@test
def a_process_is_followed_across_a_restart():
    """The file names the next process as soon as it is there; the end of the first is said."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder, Server("--pattern", "50/s:500") as server:
        file, result = pathlib.Path(folder) / "server.pid", pathlib.Path(folder) / "result.json"
        with Process(["sleep", "60"]) as first, Process(["sleep", "60"]) as second:
            file.write_text(f"{first.child.pid}\n")
            with Process([RTSPBENCH, server.url, "-n", "2", "-d", "6s", "--stats-interval", "500ms", "--server-pidfile",
                          str(file), "--json", str(result)]) as run:
                run.wait_for("    1s ")
                first.stop(signal.SIGKILL)
                run.wait_for(f"rtspbench: the server's process {first.child.pid} has ended")
                file.write_text(f"{second.child.pid}\n")
                run.wait_for(f"rtspbench: the server's process {second.child.pid} has taken its place")
                equal(run.child.wait(30), 0, "status")
        found = json.loads(result.read_text())["server"]
        assert found["rss_bytes"] > 100000 and not found["ended"], found
        for options, why in ((["--server-pidfile", file], f"--server-pidfile {file}: there is no process {second.child.pid}"),
                             (["--server-pidfile", folder], f"--server-pidfile {folder}: Is a directory"),
                             (["--server-pidfile", file, "--server-pid", 1], "leave out one of them")):
            bad = Run(server.url, *options)
            equal(bad.status, 2, "status")
            assert why in bad.err, bad.err


@test
def metrics_are_fetched():
    """A server whose CPU time grows by a second a fetch, two fetches a second: about two cores' worth."""
    def page(n):
        return (f"# TYPE x gauge\nprocess_cpu_seconds_total {n}\nprocess_resident_memory_bytes 12345678\n"
                'rtsp_sessions{id="a",path="}"} 1\nrtsp_sessions{id="b"} 1\nrtsps_sessions 0\nwhat is this\n')

    with Server("--pattern", "50/s:500") as server, metrics(page) as url:
        run = Run(server.url, "-n", 5, "-d", "3s", "--stats-interval", "500ms", "--server-metrics", url, "--log", "json")
        found = run.result["server"]
        equal((found["rss_bytes"], found["sessions"], found["files"], found["failures"]), (12345678, 2, None, 0), "server")
        assert 1 < found["cpu"] <= 2.1, found
        line = json.loads(run.out.splitlines()[2])
        equal(line["server"]["sessions"], 2, "the interval's server.sessions")


@test
def a_page_that_never_comes_holds_nothing_up():
    with Server("--pattern", "50/s:500") as server, socket.socket() as silent:
        silent.bind(("127.0.0.1", free_port()))
        silent.listen()
        began = time.monotonic()
        run = Run(server.url, "-n", 5, "-d", "2s", "--stats-interval", "500ms",
                  "--server-metrics", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        equal((run.status, run.sessions["completed"]), (0, 5), "status, sessions.completed")
        assert time.monotonic() - began < 8, f"it took {time.monotonic() - began:.1f} s"
        assert "nothing is known of it" in run.out, run.out
        for wrong in ("https://127.0.0.1/", "http://u:secret@127.0.0.1/", "127.0.0.1:1"):
            told = Run(server.url, "--server-metrics", wrong)
            equal(told.status, 2, "status with " + wrong)
            assert "secret" not in told.err, told.err


@test
def the_sessions_log_is_rotated():
    """Lives of 50 ms: hundreds of lines, in files of 8 KiB of which three older ones are kept."""
    with tempfile.TemporaryDirectory() as folder, Server("--pattern", "50/s:200") as server:
        log = pathlib.Path(folder) / "log"
        run = Run(server.url, "-n", 20, "-r", "200/s", "-d", "3s", "--session-duration", "50ms", "--threads", 2,
                  "--sessions-log", log, "--log-rotate", "8k", "--log-keep", 3)
        equal(run.status, 0, "status")
        names = sorted(os.listdir(folder))
        equal(names, ["log", "log.1", "log.2", "log.3"], "files")
        ends = []
        for name in reversed(names):
            text = (pathlib.Path(folder) / name).read_text()
            assert len(text) <= 8192 and text.endswith("\n"), f"{name}: {len(text)} bytes"
            ends += [json.loads(line)["ended_s"] for line in text.splitlines()]
        assert all(b - a > -0.5 for a, b in zip(ends, ends[1:])), "lines are out of order"
        assert ends[-1] >= 2.9, ends[-1]


@test
def a_run_of_a_week_ends_in_order():
    """--hours 168 as typed, ended by Ctrl-C: every file is there."""
    with tempfile.TemporaryDirectory() as folder, Server("--pattern", "50/s:200") as server:
        files = {kind: os.path.join(folder, kind) for kind in ("json", "csv", "hlog", "junit", "sessions-log")}
        options = [word for kind, file in files.items() for word in (f"--{kind}", file)]
        with Process([RTSPBENCH, "--url", server.url, "--readers", "20", "--hours", "168", "--stats-interval", "1s",
                      *options]) as run:
            run.wait_for("    2s")
            equal(run.stop(signal.SIGINT), 0, "status")
        result = json.loads(pathlib.Path(files["json"]).read_text())
        equal(result["config"]["duration_s"], 604800, "config.duration_s")
        equal((result["sessions"]["completed"], result["drift"]), (20, None), "sessions.completed, drift")
        for kind, file in files.items():
            assert os.path.getsize(file) > 0, f"{kind} is empty"


if __name__ == "__main__":
    main()
