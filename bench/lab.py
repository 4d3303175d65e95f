"""What the benchmarks share: programs pinned to cores, their CPU time, and windows of steady running."""

import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build"))
RTSPBENCH = str(BUILD / "rtspbench")
SERVER_CORE, CLIENT_CORE = 0, 1
NICE = -15  # where allowed: what else runs disturbs less


class Unfit(Exception):
    """The measurement doesn't count, and why."""


def calm():
    """Gives this process, and what it starts, priority: in a session, which is a scheduling group, of its own.

    Programs that share the cores then share them as threads of one program would."""
    if os.getpid() == os.getpgrp():  # which can't begin a session
        child = os.fork()
        if child:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, _: os.kill(child, number))
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os.setsid()
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        pathlib.Path("/proc/self/autogroup").write_text(str(NICE))
    except OSError:
        pass


class Program:
    """A program on one core (None: on all); its lines of JSON are kept with its CPU time as each came."""

    def __init__(self, core, *command):
        self.command = [str(word) for word in command]
        cores = os.sched_getaffinity(0) if core is None else {core}
        self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True,
                                      preexec_fn=lambda: os.sched_setaffinity(0, cores))
        self.lines, self.ready, self.errors = [], None, []
        self.grew = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            now, cpu = time.monotonic(), self.cpu()
            with self.grew:
                if line.startswith("ready "):
                    self.ready = line.split()[1]
                elif line.startswith("{"):
                    self.lines.append((now, cpu, json.loads(line)))
                self.grew.notify_all()
        with self.grew:
            self.lines.append(None)
            self.grew.notify_all()

    def _read_errors(self):
        for line in self.child.stderr:
            self.errors.append(line.rstrip())

    def cpu(self):
        """Seconds of user and system time so far, exact (the clock of another process, clock_gettime(3))."""
        try:
            return time.clock_gettime((~self.child.pid << 3) | 2)
        except OSError:
            return 0.0

    def wait(self, done, seconds):
        """Waits until done() is true or the output has ended."""
        with self.grew:
            self.grew.wait_for(lambda: done() or (self.lines and self.lines[-1] is None), seconds)
        if not done():
            raise Unfit(f"{' '.join(self.command)} did not get there: {' '.join(self.errors[-3:])}")

    def line(self, n, seconds=60):
        """The nth line of JSON, with its time and CPU time."""
        self.wait(lambda: len(self.lines) > n and self.lines[n] is not None, seconds)
        return self.lines[n]

    def mark(self):
        """The newest line so far."""
        with self.grew:
            lines = [line for line in self.lines if line is not None]
        return lines[-1] if lines else (time.monotonic(), self.cpu(), {})

    def finish(self, seconds=120):
        """Waits for its end; the last line of JSON."""
        self.child.wait(seconds)
        with self.grew:
            self.grew.wait_for(lambda: self.lines and self.lines[-1] is None, 10)
        return next((line[2] for line in reversed(self.lines) if line), {})

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def source(*options):
    program = Program(SERVER_CORE, BUILD / "bench/bench-source", "-p", 0, *options)
    program.wait(lambda: program.ready, 10)
    return program


def drain(url, *options):
    return Program(CLIENT_CORE, BUILD / "bench/bench-drain", *options, url)


class Serve(Program):
    """rtspbench serve; truth() ends it."""

    def __init__(self, *options, core=SERVER_CORE):
        self.folder = tempfile.TemporaryDirectory(prefix="rtspbench-bench-")
        self.truth_file = pathlib.Path(self.folder.name) / "truth.json"
        super().__init__(core, RTSPBENCH, "serve", "--port", 0, "--congestion", "cubic", "--truth", self.truth_file,
                         *options)
        self.wait(lambda: self.ready, 20)

    def truth(self, key):
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(60)
        paths = json.loads(self.truth_file.read_text())["paths"]
        return sum(path[key] for path in paths.values())

    def __exit__(self, *unused):
        super().__exit__(*unused)
        self.folder.cleanup()


def run(url, *options, core=CLIENT_CORE, halt=None):
    hook = ["env", f"RTSPBENCH_HALT={halt}"] if halt else []
    return Program(core, *hook, RTSPBENCH, "run", url, "--congestion", "cubic", "--stats-interval", "1s", "--log", "json",
                   *options)


def rss(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Window:
    """The steady part of a run: what a client and its source used and moved between two of the client's lines."""

    def __init__(self, client, server, first, seconds, per_packet):
        begin = client.line(first)
        server_begin, server_cpu = server.mark(), server.cpu()
        end = client.line(first + seconds, 60 + seconds)
        self.seconds = end[0] - begin[0]
        self.server_cpu = server.cpu() - server_cpu
        self.cpu = end[1] - begin[1]
        self.packets = per_packet(end[2]) - per_packet(begin[2])
        self.skipped = server.mark()[2].get("skipped", 0) - server_begin[2].get("skipped", 0)
        if self.packets <= 0:
            raise Unfit("no packets came")

    @property
    def ns(self):
        """CPU time a packet."""
        return self.cpu / self.packets * 1e9

    @property
    def server_ns(self):
        return self.server_cpu / self.packets * 1e9

    @property
    def rate(self):
        return self.packets / self.seconds

    def expect(self, rate):
        """Raises Unfit when source or client could not keep a rate of packets a second."""
        if self.rate < 0.97 * rate:
            busy = f"source {self.server_cpu / self.seconds:.0%}, client {self.cpu / self.seconds:.0%} of a core"
            raise Unfit(f"{self.rate:,.0f} packets/s of {rate:,.0f} came: {busy}")
        return self


def median(values):
    return statistics.median(values)


def machine():
    """What the numbers were measured on."""
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "memory_bytes": memory,
            "kernel": os.uname().release, "nofile": __import__("resource").getrlimit(7)[1],
            "load_before": round(os.getloadavg()[0], 2)}


def commit():
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=TOP, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
