"""What the end-to-end and peer tests share: servers, runs of rtspbench, and how results are told.

A test is a function marked @test; its docstring's first line says what it holds. It fails by an assertion
and is left out by skip(why). A script ends with main(), which prints "ok NAME", "not ok NAME: why" or
"skip NAME: why" for each; words on its command line choose tests by a part of their name."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
RTSPBENCH = os.environ.get("RTSPBENCH", str(TOP / "build/rtspbench"))
SLOW = "RTSPBENCH_SLOW" in os.environ  # a sanitizer build: fewer readers, no verdict on the generator
SANITIZER_STATUS = 86

_tests = []


class Skip(Exception):
    pass


def skip(why):
    raise Skip(why)


def test(function=None, *, short=False, args=()):
    """Marks a test; short ones also run on every tier of denied features and under the sanitizers.

    With args, there is a test for each of them, a tuple of the function's arguments, named by these; a list
    among them is a command line, which names the test alone."""
    def mark(function):
        for each in args or [()]:
            lines = [word for line in each if isinstance(line, list) for word in line]
            name = " ".join([function.__name__.replace("_", "-"), *(lines or map(str, each))]).replace(": ", " ")
            _tests.append((name, function, each, short))
        return function
    return mark(function) if function else mark


def _why(error):
    """What failed, in which line of which file."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    why = str(error) or f"{type(error).__name__} in '{where.line}'"
    return f"{pathlib.Path(where.filename).name}:{where.lineno}: {why}".replace("\n", "\n#   ")


def _run(name, function, arguments):
    """A test's line."""
    try:
        function(*arguments)
        return f"ok {name}"
    except Skip as why:
        return f"skip {name}: {why}"
    except Exception as error:  # whatever it is, the next test still runs
        return f"not ok {name}: {_why(error)}"


def main(at_a_time=4):
    """Runs the script's tests, so many at a time: those that load the machine or share a port ask for 1."""
    for number in (signal.SIGHUP, signal.SIGQUIT):  # nohup and a shell's '&' ignore them, and children inherit that
        signal.signal(number, signal.SIG_DFL)
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    short_only = "--short" in sys.argv
    chosen = [(name, function, arguments) for name, function, arguments, short in _tests
              if (short or not short_only) and (not words or any(word in name for word in words))]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
        for line in pool.map(lambda test: _run(*test), chosen):
            failed += line.startswith("not ok")
            print(line, flush=True)
    if not chosen and not short_only:
        print("not ok all: no such test")
    sys.exit(1 if failed else 0)


def equal(got, expected, what):
    assert got == expected, f"{what}: {got!r}, expected {expected!r}"


def need(program):
    """The path of a program, or a skipped test."""
    return shutil.which(program) or skip(f"{program} is not installed")


def noise(folder, drawn, shown, qp, group):
    """Two seconds of H.264 and AAC whose pictures are noise that stands still, which only keyframes have to tell: a
    keyframe every so many pictures of 25 a second. Noise of one size is drawn and scaled to another."""
    ffmpeg, picture, file = need("ffmpeg"), folder / "noise.png", folder / "noise.mp4"
    for options in [["-f", "lavfi", "-i", f"nullsrc=s={drawn},geq='random(1)*255':128:128", "-frames:v", "1", picture],
                    ["-loop", "1", "-framerate", "25", "-t", "2", "-i", picture, "-f", "lavfi", "-t", "2", "-i", "sine",
                     "-vf", f"scale={shown}", "-c:v", "libx264", "-preset", "ultrafast", "-qp", str(qp), "-g", str(group),
                     "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", file]]:
        done = subprocess.run([ffmpeg, "-v", "error", "-y", *options], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
        if "libx264" in done.stderr:
            skip("this ffmpeg has no libx264")
        equal(done.returncode, 0, done.stderr)
    return file


KEYFRAMES_OF_4K = ("1920x1080", "3840:2160", 40, 25)  # of 1.7 MB, one a second
KEYFRAMES_OF_800K = ("1280x720", "1280:720", 22, 2)


def free_port():
    """A TCP port that nobody listens on, below the range that the system gives away by itself."""
    while True:
        port = random.randrange(20000, 30000, 2)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port


class Process:
    """A program under way whose output is gathered; ends with the test at the latest."""

    def __init__(self, command, env=None, user=None):
        self.command = command
        self.lines = []
        self.child = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      errors="replace", start_new_session=True, user=user)
        self.grew = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            with self.grew:
                self.lines.append(line.rstrip("\n"))
                self.grew.notify_all()
        with self.grew:
            self.lines.append(None)  # no more will come
            self.grew.notify_all()

    @property
    def output(self):
        return "\n".join(line for line in self.lines if line is not None)

    def wait_for(self, start, seconds=20):
        """The rest of the first line that begins with start."""
        def found():
            return next((line for line in self.lines if line is None or line.startswith(start)), "")
        with self.grew:
            self.grew.wait_for(lambda: found() != "", seconds)
            line = found()
        assert line, f"{self.command[0]} did not say '{start}':\n{self.output}"
        return line[len(start):].strip()

    def stop(self, signal_number=signal.SIGTERM, seconds=20):
        """Ends it, if it hasn't ended; its exit status."""
        if self.child.poll() is None:
            self.child.send_signal(signal_number)
        try:
            status = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            raise AssertionError(f"{self.command[0]} did not end within {seconds} s of a signal:\n{self.output}")
        self.reader.join(5)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        self.reader.join(5)
        self.child.stdout.close()


class Server(Process):
    """rtspbench serve on a free port, started by a command if one is given; stop() gives its truth."""

    def __init__(self, *options, env=None, by=()):
        self.folder = tempfile.TemporaryDirectory(prefix="rtspbench-")
        self.truth_file = pathlib.Path(self.folder.name) / "truth.json"
        super().__init__([*by, RTSPBENCH, "serve", "--port", "0", "--truth", str(self.truth_file), *options], env)
        self.url = self.wait_for("ready ")

    def stop(self):
        """The truth: {path: {"sent": ..., ...}}. And what was refused stands in self.refused."""
        status = super().stop()
        assert status == 0, f"serve ended with {status}:\n{self.output}"
        truth = json.loads(self.truth_file.read_text())
        self.refused = truth["refused"]
        return truth["paths"]

    def __exit__(self, *unused):
        super().__exit__()
        self.folder.cleanup()


class Run:
    """What one run of rtspbench gave: status, out, err, and result, the document of --json (None: none)."""

    def __init__(self, *options, env=None, seconds=120):
        with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
            file = pathlib.Path(folder) / "result.json"
            command = [RTSPBENCH, *map(str, options), "--json", str(file)]
            child = subprocess.run(command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                                   capture_output=True, text=True, errors="replace", timeout=seconds)
            self.result = json.loads(file.read_text()) if file.exists() else None
        self.status, self.out, self.err = child.returncode, child.stdout, child.stderr
        self.command = " ".join(command[1:-2])
        assert self.status not in (SANITIZER_STATUS, -signal.SIGABRT, -signal.SIGSEGV), \
            f"{self.command} ended with {self.status}:\n{self.err}"

    def __getattr__(self, key):
        """run.sessions is run.result["sessions"]."""
        assert self.result is not None, f"{self.command} wrote no result:\n{self.out}{self.err}"
        return self.result[key]

    def expect_clean(self, readers):
        """That many readers, all established, all fed, none failed, nothing lost."""
        sessions, rtp = self.sessions, self.rtp
        about = f"\n{self.command}\n{json.dumps(sessions)}\n{json.dumps(self.errors)}\n{self.out}{self.err}"
        equal(self.status, 0, "status" + about)
        for key, count in {"started": readers, "established": readers, "got_media": readers,
                           "completed": readers, "failed": 0, "dropped": 0, "cancelled": 0}.items():
            equal(sessions[key], count, f"sessions.{key}" + about)
        assert rtp["packets"] > 0, "no packets" + about
        equal(rtp["lost"], 0, f"rtp.lost {json.dumps(rtp['lost_by'])}" + about)


def add_up(truth, key):
    return sum(path[key] for path in truth.values())


def run_file(yaml, *options, **how):
    """The run of a scenario, which messages call a.yaml; how it runs is told as to Run."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        file = pathlib.Path(folder) / "a.yaml"
        file.write_text(yaml)
        run = Run("--scenario", file, *options, **how)
        run.err = run.err.replace(str(file), "a.yaml")
    if "needs libyaml" in run.err:
        skip("built without libyaml")
    return run
