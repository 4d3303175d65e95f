"""What can't be written is said once, and makes the exit status 2; what nobody reads holds nothing up."""

import contextlib
import json
import os
import pathlib
import resource
import stat
import subprocess
import tempfile
import threading

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
        equal(json.loads(other.read_text())["verdict"], "fail", "verdict in the file")


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
        equal(json.loads(truth.read_text()), {"paths": {}}, "truth")
        equal(victim.read_text(), "untouched", "what the link leads to")
        os.mkfifo(pipe)
        read = []
        reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
        with Server("--pattern", "50/s:500", "--truth", str(pipe)) as server:
            reader.start()
            equal(Process.stop(server), 0, "status")
        reader.join(20)
        equal([json.loads(text) for text in read], [{"paths": {}}], "what came through the pipe")
        assert stat.S_ISFIFO(os.stat(pipe).st_mode)


if __name__ == "__main__":
    main()
