"""What can't be written is said once, and makes the exit status 2; what nobody reads holds nothing up."""

import contextlib
import fcntl
import json
import os
import pathlib
import resource
import stat
import subprocess
import tempfile
import threading
import time

from harness import RTSPBENCH, Process, Server, equal, main, skip, test

FULL = "No space left on device"


def call(*arguments, stdout=subprocess.PIPE, **options):
    done = subprocess.run([RTSPBENCH, *map(str, arguments)], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, **options)
    return done.returncode, done.stdout, done.stderr


def a_full_device(folder):
    """One of our own, so that what replaces it harms nobody."""
    try:
        os.mknod(folder / "full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        (folder / "full").open("w").close()  # not where the file system is mounted without devices
    except OSError as why:
        skip(f"no device can be made: {why}")
    return folder / "full"


@contextlib.contextmanager
def a_folder():
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as name:
        yield pathlib.Path(name)


def a_run(server, *options):
    return ["run", server.url + "pattern", "-n", "2", "-d", "1s", *options]


@test(short=True)
def a_full_stdout_is_said_once():
    """By every command; the files are written before."""
    with Server("--pattern", "50/s:500") as server, a_folder() as folder:
        result = folder / "result.json"
        equal(call(*a_run(server, "--json", result))[0], 0, "status")
        other = folder / "other.json"
        for arguments in (a_run(server, "--json", other, "--slo", "sessions.failed>0"), a_run(server, "--log", "json"),
                          ["probe", "-d", "500ms", server.url + "pattern"],
                          ["probe", "--json", "-d", "500ms", server.url + "pattern"], ["compare", result, result],
                          ["compare", "--json", result, result], ["doctor"], ["doctor", "--json"], ["--help"],
                          ["run", "--help"], ["--version"], ["scenario", "list"], ["scenario", "show", "udp"]):
            with open("/dev/full", "w") as full:
                status, _, said = call(*arguments, stdout=full)
            equal(status, 2, f"status of {arguments}: {said}")
            equal(said.count(FULL), 1, f"messages of {arguments}: {said}")
        equal(json.loads(other.read_text())["state"], "final", "state in the file")


@test(short=True)
def a_closed_stdout_is_an_error():
    """And no other file takes its place."""
    with a_folder() as folder:
        done = subprocess.run([f"exec {RTSPBENCH} doctor --json >&-"], shell=True, capture_output=True, text=True)
        equal((done.returncode, done.stderr), (2, "rtspbench: standard output: Bad file descriptor\n"), "end")


@test(short=True)
def a_reader_that_leaves_is_no_error():
    with Server("--pattern", "50/s:500") as server, a_folder() as folder:
        result = folder / "result.json"
        command = [RTSPBENCH, *a_run(server, "--stats-interval", "200ms", "--log", "json", "--json", str(result))]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        child.stdout.readline()
        child.stdout.close()
        said = child.stderr.read()
        equal((child.wait(20), said), (0, ""), "end")
        assert json.loads(result.read_text())["elapsed_s"] > 0.9


@test(short=True)
def a_full_disk_is_named_by_its_option():
    """Every output that can't be written, with the cause; devices are written to and stay what they are."""
    with Server("--pattern", "50/s:500") as server, a_folder() as folder:
        result, full = folder / "result.json", a_full_device(folder)
        equal(call(*a_run(server, "--json", result))[0], 0, "status")
        status, _, said = call("report", "--output", full, result)
        has_page = "makes no reports" not in said
        equal((status, FULL in said), (2, has_page), f"report: {said}")
        files = ["--json", "--csv", "--junit", "--hlog", *(["--html"] if has_page else []), "--sessions-log"]
        status, out, said = call(*a_run(server, *(word for option in files for word in (option, full))))
        equal(status, 2, f"status: {said}")
        for option in files:
            assert f"{option} {full}: " in said, said
        equal(said.count(FULL), len(files), said)
        assert "2 of 2 sessions" in out, out
        assert stat.S_ISCHR(full.stat().st_mode), "the device was replaced"


@test(short=True)
def the_servers_truth_is_checked():
    with a_folder() as folder:
        full = a_full_device(folder)
        with Server("--pattern", "50/s:500", "--truth", str(full), "--truth-sessions", str(full)) as server:
            equal(call(*a_run(server))[0], 0, "status")
            equal(Process.stop(server), 2, "status of serve")
        for option in ("--truth", "--truth-sessions"):
            assert f"{option} '{full}': {FULL}" in server.output, server.output
        assert stat.S_ISCHR(full.stat().st_mode), "the device was replaced"


@test(short=True)
def the_limit_of_a_files_size_is_an_error():
    """Not a signal; the older file stays."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    with Server("--pattern", "50/s:500") as server, a_folder() as folder:
        result, csv = folder / "result.json", folder / "run.csv"
        result.write_text("older")
        status, out, said = call(*a_run(server, "--json", result, "--csv", csv), preexec_fn=limit)
        equal(status, 2, f"status: {said}")
        assert f"--json {result}: File too large" in said, said
        equal(result.read_text(), "older", "the older result")
        equal(sorted(path.name for path in folder.iterdir()), ["result.json", "run.csv"], "files")


@test(short=True)
def truth_goes_where_it_was_told_to_and_nowhere_else():
    """Not through a link that somebody put where a temporary file might be; a pipe is written to."""
    with a_folder() as folder:
        truth, pipe, victim = folder / "truth.json", folder / "pipe", folder / "victim"
        victim.write_text("untouched")
        (folder / "truth.json.tmp").symlink_to(victim)
        with Server("--pattern", "50/s:500", "--truth", str(truth)) as server:
            equal(Process.stop(server), 0, "status")
        equal(json.loads(truth.read_text())["paths"], {}, "truth")
        equal(victim.read_text(), "untouched", "what the link leads to")
        os.mkfifo(pipe)
        read = []
        reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
        with Server("--pattern", "50/s:500", "--truth", str(pipe)) as server:
            reader.start()
            equal(Process.stop(server), 0, "status")
        reader.join(20)
        equal([json.loads(text)["paths"] for text in read], [{}], "what came through the pipe")
        assert stat.S_ISFIFO(os.stat(pipe).st_mode)


def small_pipe():
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    return read, write


def wait_for_result(file, seconds):
    deadline = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < deadline, "no result"
        time.sleep(0.05)
    return json.loads(file.read_text())


@test(args=[("json",), ("text",)])
def a_reader_that_stands_still_holds_up_nothing(log):
    """The result is there at the plan's end and true; when the reader goes on, it gets every line and the last word."""
    with Server("--pattern", "50/s:500") as server, a_folder() as folder:
        file, (read, write) = folder / "result.json", small_pipe()
        child = subprocess.Popen([RTSPBENCH, server.url + "pattern", "-n", "5", "-d", "4s", "--stats-interval", "100ms",
                                  "--log", log, "--json", str(file)], stdout=write, stderr=subprocess.PIPE)
        os.close(write)
        result = wait_for_result(file, 8)
        assert 3.9 < result["elapsed_s"] < 5.5, result["elapsed_s"]
        equal(result["sessions"]["completed"], 5, "sessions.completed")
        assert len(result["timeline"]) >= 35, f"{len(result['timeline'])} rows of 40"
        with open(read) as stream:
            lines = stream.read().splitlines()
        equal(child.wait(20), 0, "status")
        equal(child.stderr.read(), b"", "what was said")
        assert len(lines) >= 35, f"{len(lines)} lines"
        if log == "json":
            equal(json.loads(lines[-1])["result"], result, "the last line")
            assert all("time" in json.loads(line) for line in lines[:-1]), "a line is none"


@test
def a_reader_that_never_goes_on_is_waited_for_a_while():
    """Standard error as well; then the status is 2, whatever the verdict, as not everything was written."""
    with Server("--pattern", "50/s:500") as server, a_folder() as folder:
        file, (read, write) = folder / "result.json", small_pipe()
        began = time.monotonic()
        child = subprocess.Popen([RTSPBENCH, server.url + "pattern", "-n", "5", "-d", "2s", "--stats-interval", "100ms",
                                  "--log", "json", "--json", str(file)], stdout=write, stderr=write)
        os.close(write)
        equal(wait_for_result(file, 6)["state"], "final", "state")
        equal(child.wait(20), 2, "status")
        took = time.monotonic() - began
        assert took < 12, f"{took:.1f} s"
        os.close(read)


@test
def a_sessions_log_that_nobody_reads_holds_up_nothing():
    """Nor does a result that goes into a pipe without a reader; both are told of."""
    with Server("--pattern", "50/s:500") as server, a_folder() as folder:
        log, csv, file = folder / "log", folder / "csv", folder / "result.json"
        os.mkfifo(log)
        os.mkfifo(csv)
        holding = os.open(log, os.O_RDWR)  # opened, and never read
        fcntl.fcntl(holding, fcntl.F_SETPIPE_SZ, 4096)
        began = time.monotonic()
        status, out, said = call(*a_run(server, "-n", "40", "-r", "200/s", "--sessions-log", log, "--csv", csv,
                                        "--json", file))
        took = time.monotonic() - began
        os.close(holding)
        equal(status, 2, f"status: {said}")
        assert took < 20, f"{took:.1f} s"
        assert f"--sessions-log {log}: it is not whole: nothing was taken for 5 s" in said, said
        assert f"--csv {csv}: No such device or address" in said, said
        equal(json.loads(file.read_text())["sessions"]["completed"], 40, "sessions.completed")


if __name__ == "__main__":
    main()
