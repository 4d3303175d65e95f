"""The files that a run leaves behind beside its result: --csv, --junit, --hlog. (tests/browser reads the last one.)"""

import contextlib
import csv
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import xml.etree.ElementTree

from harness import RTSPBENCH, Run, Server, equal, main, test


@test(short=True)
def csv_is_the_timeline():
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "run.csv"
        run = Run(server.url + "a?drop=1/20", "-n", 6, "-r", "3/s", "-d", "4s", "--stats-interval", "1s", "--csv", file)
        rows = list(csv.DictReader(file.open()))
        equal(len(rows), len(run.timeline), "rows")
        for row, expected in zip(rows, run.timeline):
            assert None not in row and None not in row.values(), row
            for key in ("target", "active", "started", "established", "failed", "dropped", "packets", "bytes", "lost"):
                equal(int(row[key]), expected[key], f"{key} at {row['t_s']} s")
            for key in ("startup_p95_ms", "jitter_p95_ms"):
                equal(float(row[key]) if row[key] else None, expected[key], f"{key} at {row['t_s']} s")
        last = rows[-1]
        equal(sum(int(last["lost_" + cause]) for cause in run.rtp["lost_by"]), int(last["lost"]), "lost by causes")


@test(short=True)
def junit_has_a_case_an_objective():
    slos = ["startup.p95<1ms", "loss_ratio<50%"]
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "junit.xml"
        run = Run(server.url + "a?describe_delay=100ms", "-n", 4, "-d", "2s", "--junit", file,
                  *(word for slo in slos for word in ("--slo", slo)))
        suite = xml.etree.ElementTree.parse(file).getroot().find("testsuite")
        cases = {case.get("name"): case for case in suite.iter("testcase")}
        equal(list(cases), ["sessions established", *slos], "cases")
        assert cases["sessions established"].find("failure") is None
        if run.result["verdict"] == "invalid":  # a busy machine
            equal((suite.get("failures"), suite.get("errors")), ("0", "2"), "failures and errors")
            return
        equal((suite.get("tests"), suite.get("failures"), suite.get("errors")), ("3", "1", "0"), "counts")
        assert "it was 1" in cases[slos[0]].find("failure").get("message"), file.read_text()
        assert cases[slos[1]].find("failure") is None
        assert "FAIL  missed startup.p95<1ms" in suite.findtext("system-out")


@test(short=True)
def junit_says_when_nothing_was_established():
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "junit.xml"
        Run(server.url + "a?status=404", "-n", 4, "-d", "1s", "--junit", file)
        suite = xml.etree.ElementTree.parse(file).getroot().find("testsuite")
        (case,) = suite.iter("testcase")
        assert "describe status" in case.find("failure").get("message"), file.read_text()


class Rude(threading.Thread):
    """A server that says one thing to every request, in bytes."""

    def __init__(self, says):
        super().__init__(daemon=True)
        self.says, self.listener = says, socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection, contextlib.suppress(OSError):
                    while text := connection.recv(65536):  # a request comes in one piece
                        cseq = re.search(rb"CSeq: (\d+)", text)[1]
                        connection.sendall(b"RTSP/1.0 404 " + self.says + b"\r\nCSeq: " + cseq + b"\r\n\r\n")


@test(short=True)
def what_a_server_says_is_escaped_once():
    """Quotes, markup, what XML can't hold, what isn't UTF-8, and what a terminal would obey."""
    server = Rude(b'say "hi" <b> \xef\xbf\xbe \xff \xc2\x9b \xe2\x80\xae\xc3\xa9')
    shown = 'say "hi" <b> \\ufffe \\xff \\u009b \\u202e\u00e9'
    with tempfile.TemporaryDirectory() as folder:
        junit, log = pathlib.Path(folder) / "junit.xml", pathlib.Path(folder) / "log"
        run = Run(server.url + "\u00e9\udcff", "-n", 1, "-d", "500ms", "--junit", junit, "--sessions-log", log)
        suite = xml.etree.ElementTree.parse(junit).getroot().find("testsuite")
        (line,) = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    message = next(suite.iter("failure")).get("message")
    assert shown in run.errors[0]["sample"], run.errors
    assert shown in message, message
    assert "\u009b" not in run.out and "\u202e" not in run.out, run.out
    assert line["url"].endswith("/\u00e9\\xff"), line


@test(short=True)
def names_of_files_are_escaped_where_they_are_shown():
    """In the table of compare; what it would do to a terminal is not done."""
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "a\x1b[2J\u009b\u202e.json"
        file.write_text(json.dumps(Run(server.url + "a", "-n", 1, "-d", "500ms").result))
        for options in ([], ["--markdown"]):
            out = subprocess.run([RTSPBENCH, "compare", file, file, *options], capture_output=True, timeout=20).stdout.decode()
            assert "a\\x1b[2J\\u009b\\u202e.json" in out, ascii(out)
            assert not any(character in out for character in "\x1b\u009b\u202e"), ascii(out)


@test(short=True)
def hlog_is_a_log():
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "run.hlog"
        Run(server.url + "a", "-n", 4, "-d", "2s", "--hlog", file)
        lines = file.read_text().splitlines()
        assert "#[Histogram log format version 1.3]" in lines, lines[:5]
        tags = {line.split(",")[0] for line in lines if line.startswith("Tag=")}
        assert {"Tag=connect", "Tag=startup", "Tag=teardown", "Tag=jitter"} <= tags, tags


@test(short=True, args=[("--csv",), ("--junit",), ("--hlog",), ("--html",)])
def what_cannot_be_written_is_said_at_the_start(option):
    run = Run("rtsp://127.0.0.1:9/", "-d", "1s", option, "/nonexistent/file")
    equal(run.status, 2, "status")
    assert option in run.err, run.err
    assert run.result is None, "a result of a run that never began"


@test(short=True)
def a_file_survives_a_run_that_never_began():
    """What stood there is replaced by a run's file alone."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "run.hlog"
        file.write_text("precious")
        equal(Run("rtsp://127.0.0.1:9/", "-d", "1s", "--hlog", file, "--prometheus", "nowhere").status, 2, "status")
        equal(file.read_text(), "precious", "the file")


if __name__ == "__main__":
    main()
