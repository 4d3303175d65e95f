"""The live view on a terminal: what it shows, its keys, and a terminal that is left as it was found."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time

from harness import RTSPBENCH, Server, equal, main, test

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A run on a pseudo terminal of so many columns and rows."""

    def __init__(self, *options, columns=80, rows=24, env=None):
        self.ours, self.theirs = pty.openpty()
        self.shown = ""
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.theirs)
        self.child = subprocess.Popen(
            [RTSPBENCH, *map(str, options)], stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "", "NO_COLOR": "", **(env or {})})

    def resize(self, columns, rows):
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        """Takes what is shown for that long, or until the run ends and is silent."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.ours], [], [], min(left, 0.2))[0]:
                self.shown += os.read(self.ours, 65536).decode(errors="replace")
            elif self.child.poll() is not None:
                return

    def wait_for(self, pattern, seconds=20):
        """Until what is shown from now on holds the pattern, escapes left out."""
        start, end = len(self.shown), time.monotonic() + seconds
        while not re.search(pattern, ESCAPE.sub("", self.shown[start:])):
            assert time.monotonic() < end and self.child.poll() is None, \
                f"never showed '{pattern}':\n{ESCAPE.sub('', self.shown[start:])}"
            self.read(0.1)
        return ESCAPE.sub("", self.shown[start:])

    def press(self, keys):
        os.write(self.ours, keys.encode())

    def end(self, seconds=20):
        """Its status; the terminal must be what it was, with its cursor."""
        self.read(seconds)
        status = self.child.wait(60)
        equal(termios.tcgetattr(self.theirs), self.before, "the terminal's modes")
        assert self.shown.rfind("\x1b[?25h") > self.shown.rfind("\x1b[?25l"), "the cursor stays hidden"
        return status

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        os.close(self.ours)
        os.close(self.theirs)


@test(short=True)
def shows_the_run_and_then_the_summary():
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 20, "-r", "20/s", "-d", "4s") as terminal:
        terminal.wait_for(r"20 readers of rtsp://.*● running")
        terminal.wait_for(r"active +20 ")
        terminal.wait_for(r"of 20 ")
        equal(terminal.end(), 0, "status")
        end = terminal.shown[terminal.shown.rfind("\x1b[?25h"):]
        assert "PASS" in end and "20 of 20 sessions" in end, end
        assert "\x1b[36m" in terminal.shown, "no colour"


@test(short=True)
def q_ends_in_order():
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 5, "-r", "20/s", "-d", "10m") as terminal:
        terminal.wait_for(r"active +5 ")
        terminal.press("q")
        equal(terminal.end(), 0, "status")
        assert "5 started, 5 established" in terminal.shown, terminal.shown[-2000:]
        truth = server.stop()
        equal(sum(path["teardowns"] for path in truth.values()), 5, "TEARDOWNs")


@test(short=True)
def p_pauses_and_goes_on():
    """Nobody begins while paused; who came due meanwhile begins afterwards, late by our own account."""
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 1000, "-r", "10/s", "-d", "10m") as terminal:
        terminal.wait_for(r"active +[1-9]")
        terminal.press("p")
        terminal.wait_for("● paused")
        terminal.read(1.5)
        terminal.shown = ""
        terminal.read(2.5)
        held = {int(n) for n in re.findall(r"active +(\d+) ", ESCAPE.sub("", terminal.shown))}
        equal(len(held), 1, f"numbers of sessions while paused, {held}")
        terminal.press("p")
        terminal.wait_for("● running")
        more = held.pop() + 20
        terminal.wait_for(r"active +(%s) " % "|".join(str(n) for n in range(more, 1001)))
        terminal.press("q")
        terminal.end()
        assert re.search("LIMITED by.* schedule_lag", ESCAPE.sub("", terminal.shown)), terminal.shown[-2000:]


@test(short=True)
def plus_and_minus_change_the_target():
    """By a tenth of the plan's: more begin, fewer leave, and the summary says that it was done."""
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 20, "-r", "20/s", "-d", "10m") as terminal:
        terminal.wait_for(r"active +20 ")
        terminal.press("+")
        terminal.wait_for("target 110 % of the plan's")
        terminal.wait_for(r"active +22 .*of 22 \(110 %\)")
        terminal.press("---")
        terminal.wait_for(r"active +16 .*of 16 \(80 %\)")
        terminal.press("-" * 8)
        terminal.wait_for("10 % is the least")
        terminal.press("q")
        equal(terminal.end(), 0, "status")
        assert "22 started" in terminal.shown, terminal.shown[-2000:]
        assert "the target was changed more than once, to 10 % of the plan's" in terminal.shown, terminal.shown[-2000:]


@test(short=True)
def question_mark_helps():
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 2, "-d", "10m") as terminal:
        terminal.wait_for(r"active +2 ")
        terminal.press("?")
        terminal.wait_for("this page, and back")
        terminal.press("?")
        terminal.wait_for("active")
        terminal.press("q")
        equal(terminal.end(), 0, "status")


@test(short=True)
def ctrl_c_leaves_the_terminal_clean():
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 2, "-d", "10m") as terminal:
        terminal.wait_for(r"active +2 ")
        terminal.press("\x03")
        equal(terminal.end(), 0, "status")
        assert "PASS" in terminal.shown, terminal.shown[-2000:]


@test
def a_hangup_ends_in_order():
    """The signal alone, then a terminal that is really gone: nobody reads the summary, but sessions are torn down."""
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 2, "-d", "10m") as terminal:
        terminal.wait_for(r"active +2 ")
        terminal.child.send_signal(signal.SIGHUP)
        equal(terminal.end(), 0, "status")
        assert "PASS" in terminal.shown and "interrupted after " in terminal.shown, terminal.shown[-2000:]
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "result.json"
        with Terminal(server.url + "a", "-n", 2, "-d", "10m", "--json", file) as terminal:
            terminal.wait_for(r"active +2 ")
            os.dup2(os.open(os.devnull, os.O_RDWR), terminal.ours)  # the last of its side
            terminal.child.wait(20)
        equal(json.loads(file.read_text())["interrupted"]["signal"], "SIGHUP", "interrupted.signal")
        equal(sum(path["teardowns"] for path in server.stop().values()), 2, "TEARDOWNs")


@test(args=[("ABRT",), ("SEGV",), ("QUIT",)])
def crash_leaves_the_terminal_clean(name):
    number = signal.Signals["SIG" + name]
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 2, "-d", "10m") as terminal:
        terminal.wait_for(r"active +2 ")
        terminal.child.send_signal(number)
        equal(terminal.end(), -number, "status")


@test
def crash_before_a_terminal_that_stands_still():
    """Nobody reads what is shown: the signal ends the run all the same, and the modes are restored."""
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 2, "-d", "10m", columns=250, rows=80) as terminal:
        terminal.wait_for(r"active +2 ")
        time.sleep(8)
        terminal.child.send_signal(signal.SIGQUIT)
        equal(terminal.child.wait(20), -signal.SIGQUIT, "status")
        equal(termios.tcgetattr(terminal.theirs), terminal.before, "the terminal's modes")


@test(short=True)
def follows_the_size():
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 2, "-d", "10m", columns=120, rows=40) as terminal:
        terminal.wait_for(r"picture ")
        assert "\x1b[40;1H" in terminal.shown, "the last row"
        terminal.resize(80, 24)
        terminal.wait_for("q end")
        terminal.shown = ""
        terminal.read(2.2)
        rows = {int(n) for n in re.findall(r"\x1b\[(\d+);1H", terminal.shown)}
        equal(max(rows), 24, "the last row drawn")
        terminal.press("q")
        terminal.end()


@test(short=True, args=[(["TERM=dumb"],), (["TERM="],), (["-q"],), (["--log", "json"],)])
def falls_back_to_lines(words):
    env = dict(word.split("=") for word in words if "=" in word)
    options = [word for word in words if "=" not in word]
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 2, "-d", "2s", *options, "--stats-interval", "1s", env=env) as terminal:
        terminal.before = None  # not looked at: never touched
        terminal.read(20)
        equal(terminal.child.wait(60), 0, "status")
        assert "\x1b" not in terminal.shown, terminal.shown
        lines = [line for line in terminal.shown.splitlines() if " up " in line or line.startswith('{"time"')]
        assert len(lines) >= 2 or "-q" in words, terminal.shown


@test(short=True)
def no_color_is_obeyed():
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 2, "-d", "2s", env={"NO_COLOR": "1", "LANG": "C"}) as terminal:
        equal(terminal.end(), 0, "status")
        assert not re.search(r"\x1b\[3\dm", terminal.shown), "colour"
        view = terminal.shown[:terminal.shown.rfind("\x1b[?25h")]
        assert "* running" in view and view.isascii(), view


@test
def a_terminal_that_stands_still_holds_up_nothing():
    """Nobody reads what is shown, and the run still ends when it should."""
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 2, "-d", "6s", columns=200, rows=60) as terminal:
        time.sleep(8)
        truth = server.stop()
        equal(sum(path["teardowns"] for path in truth.values()), 2, "TEARDOWNs")
        equal(terminal.end(), 0, "status")


@test
def costs_little():
    """Under 10 ms of CPU a second, of the main thread, which also collects."""
    with Server("--pattern", "50/s:500") as server, \
            Terminal(server.url + "a", "-n", 50, "-r", "50/s", "-d", "10m") as terminal:
        terminal.wait_for(r"active +50 ")
        ticks = []
        for seconds in (0, 5):
            terminal.read(seconds)
            with open(f"/proc/{terminal.child.pid}/task/{terminal.child.pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            ticks.append(int(fields[11]) + int(fields[12]))
        ms_a_second = (ticks[1] - ticks[0]) * 1000 / os.sysconf("SC_CLK_TCK") / 5
        assert ms_a_second <= 10, f"{ms_a_second} ms of CPU a second"
        terminal.press("q")
        terminal.end()


if __name__ == "__main__":
    main()
