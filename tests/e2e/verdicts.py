"""Each exit status of each command, once from end to end; what makes which is tests/unit/verdicts_*.c.

Elsewhere: run's 0 and 99 with a signal in signals.py; find-max's answers in find_max.py; compare's 0, 2 and 99 in compare.py;
probe's 0 and 1 in probe.py; report's 0 and 2 in dashboard.py."""

import subprocess

from harness import RTSPBENCH, Run, Server, equal, free_port, main, run_file, test

HALTED = {"RTSPBENCH_HALT": "300ms/500ms"}  # our own machine is late, on purpose
VERDICTS = {0: "pass", 1: "fail", 3: "invalid", 99: "fail"}


def expect(run, status):
    """That status and its verdict; where this machine was late by itself, an objective proves nothing."""
    about = f"{run.command}\n{run.out}{run.err}"
    if status in (0, 99) and run.status == 3:
        search = run.result.get("search", {})
        assert run.result["generator"]["limits"] or search.get("limit") == "generator", about
        return
    equal(run.status, status, "status of " + about)
    if status == 2:
        equal(run.result, None, "a result of " + about)
    else:
        equal(run.verdict, VERDICTS[status], "verdict of " + about)


def nobody():
    return f"rtsp://127.0.0.1:{free_port()}/a"


# The status, what is read (None: nobody listens), and what is asked.
RUNS = [(0, "pattern", ["--slo", "failed_ratio<1%"]),
        (1, None, ["--slo", "failed_ratio<1%"]),
        (2, "pattern", ["--slo", "failed_ratio<many"]),
        (3, "pattern", ["--slo", "failed_ratio<1%"]),
        (99, "pattern?drop=1/3", ["--slo", "loss_ratio<1%"])]


@test(short=True, args=[(row[0],) for row in RUNS])
def run_ends_with(status):
    _, path, options = next(row for row in RUNS if row[0] == status)
    with Server("--pattern", "50/s:200") as server:
        url = server.url + path if path else nobody()
        expect(Run(url, "-n", 4, "-d", "3s", *options, env=HALTED if status == 3 else None), status)


@test(args=[(row[0],) for row in RUNS])
def find_max_ends_with(status):
    """A level is the run above; its generator is the limit where it misses an objective and is late."""
    options = {0: ["--slo", "failed_ratio<1%"], 2: ["--profile", "ramp"],
               3: ["--slo", "startup.p95<1ms"]}.get(status, ["--slo", "loss_ratio<1%"])
    path = next(row[1] for row in RUNS if row[0] == status)
    with Server("--pattern", "50/s:200") as server:
        url = server.url + path if path else nobody()
        expect(Run(url, "--find-max", "-n", 1, "-d", "1s", "--cool-down", "0", *options,
                   env=HALTED if status == 3 else None), status)


SCENARIO = """
duration: 3s
url: "{url}"
slo: [{slo}]
groups:
  - {{name: one, readers: 2}}
  - {{name: two, readers: 2, start: 1s}}
"""


@test(args=[(row[0],) for row in RUNS])
def scenario_run_ends_with(status):
    """The first group begins at 0 s, the second at 1 s."""
    _, path, (_, slo) = next(row for row in RUNS if row[0] == status)
    with Server("--pattern", "50/s:200") as server:
        url = server.url + path if path else nobody()
        expect(run_file(SCENARIO.format(url=url, slo=f'"{slo}"'), env=HALTED if status == 3 else None), status)


@test
def report_and_compare_of_nothing():
    for words in (["compare", "/nowhere/a.json", "/nowhere/b.json"], ["report", "/nowhere/a.json", "-o", "/dev/null"]):
        done = subprocess.run([RTSPBENCH, *words], capture_output=True, text=True, timeout=30)
        equal(done.returncode, 2, f"status of {words}: {done.stderr}")
        assert "/nowhere/a.json" in done.stderr, done.stderr


@test
def probe_is_told_no_nonsense():
    done = subprocess.run([RTSPBENCH, "probe", "http://127.0.0.1/"], capture_output=True, text=True, timeout=30)
    equal(done.returncode, 2, f"status: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(at_a_time=2)
