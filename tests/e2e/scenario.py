"""Scenarios: the ready ones, files with groups and variables, mistakes in them, and the schema."""

import json
import subprocess

from harness import RTSPBENCH, TOP, Run, Server, equal, free_port, main, run_file, skip, test

READY = ["basic-small", "basic-medium", "basic-large", "burst", "ramp-up", "udp", "endurance", "real-world",
         "camera-fleet", "zapping", "reconnect-storm", "bad-neighbours", "scale-5k", "scale-10k"]


def ask(*words):
    child = subprocess.run([RTSPBENCH, "scenario", *words], capture_output=True, text=True, timeout=30)
    if "needs libyaml" in child.stderr:
        skip("built without libyaml")
    return child


@test(short=True)
def list_and_show():
    equal([line.split()[0] for line in ask("list").stdout.splitlines()], READY, "the list")
    for name in READY:
        assert ask("show", name).stdout.startswith("about: "), name
    wrong = ask("show", "brst")
    equal(wrong.returncode, 2, "status")
    assert "did you mean 'burst'?" in wrong.stderr, wrong.stderr


@test
def what_was_not_measured_has_no_value():
    """Start-up of sessions that never were, and loss of packets that nobody sent."""
    url = f"rtsp://127.0.0.1:{free_port()}/nobody"
    rows = [line.split() for line in ask("run", "all", "-d", "500ms", "--url", url).stdout.splitlines()
            if line.split()[:1] and line.split()[0] in READY]
    equal(len(rows), 6, "rows")
    for row in rows:
        equal(row[2:], ["0.0%" if int(row[1]) > 0 else "-", "-", "-", "-", "0", "fail"], row[0])


@test
def schema_is_current():
    equal((TOP / "docs/scenario.schema.json").read_text(), ask("schema").stdout,
          "docs/scenario.schema.json (make it anew by 'rtspbench scenario schema')")


@test
def ramp_up():
    """Reader i of 5/s is due at i/5 s: 24 are before 5 s, 39 before 8 s, and so on, each to the last one."""
    ask("list")
    with Server("--pattern", "50/s:200") as server:
        run = Run("scenario", "run", "ramp-up", "--url", server.url + "pattern", "--log", "json",
                  "--stats-interval", "1s")
    rows = {round(row["t_s"]): row["active"] for row in run.timeline}
    for second, active in {5: 24, 8: 39, 11: 54, 14: 69, 17: 84}.items():
        assert abs(rows[second] - active) <= 1, f"active at {second} s: {rows[second]}, expected {active}"
    equal(run.sessions["established"], run.sessions["started"], "established")
    equal(run.rtp["lost"], 0, "lost")


GROUPS = """duration: 4s
seed: 7
vars: {few: 3}
url: ${server}/pattern
groups:
  - name: good
    readers: 6
    rate: 10/s
  - name: late
    readers: ${few}
    rate: 10/s
    start: 1s
    end: 3s
    transport: udp
"""


@test(short=True)
def groups_side_by_side():
    with Server("--pattern", "50/s:200") as server:
        run = run_file(GROUPS, "--url", server.url + "pattern", "--stats-interval", "500ms")
        truth = server.stop()
    run.expect_clean(9)
    equal({stream["group"]: stream["sessions"]["completed"] for stream in run.streams},
          {"good": 6, "late": 3}, "sessions of the groups")
    equal([(group["name"], group["start_s"], group["duration_s"], group["transport"])
           for group in run.config["groups"]], [("good", 0, 4, "tcp"), ("late", 1, 2, "udp")], "config.groups")
    equal(sum(path["sent"] for path in truth.values()), run.rtp["packets"], "packets")
    before = [row["active"] for row in run.timeline if row["t_s"] < 0.95]
    assert before and max(before) <= 6, before


@test(short=True)
def command_line_wins():
    with Server("--pattern", "50/s:200") as server:
        run = run_file("url: rtsp://127.0.0.1:9/none\nhours: 5\nreaders: 50\nvars: {n: 40}\nrate: ${n}/s\n",
                       "--url", server.url + "pattern", "--duration", "2s", "-n", 3, "--var", "n=30")
    run.expect_clean(3)
    equal((run.config["rate_per_s"], run.config["duration_s"]), (30, 2), "config")


MISTAKES = [
    ("readers: 5\nratee: 3/s\n", "a.yaml:2: unknown key 'ratee': did you mean 'rate'?"),
    ("readers: abc\n", "a.yaml:1: readers 'abc': expected a whole number from 1 to"),
    ("readers: 1\nrate: ${r}/s\n", "a.yaml:2: '${r}/s': expected a variable"),
    ("readers: 1\n\nprofile: rmp\n", "a.yaml:3: profile 'rmp': expected constant"),
    ("a: [1\n", "a.yaml:2: expected YAML"),
    ("", "a.yaml:1: expected keys and values"),
    ("groups:\n- name: x\n  json: f\n", "a.yaml:3: json: expected it outside of groups"),
    ("groups:\n- readers: 3\n", "a.yaml:2: expected a 'name'"),
    ("reconnect: maybe\n", "a.yaml:1: reconnect: expected true or false"),
    ("url: rtsp//x\n", "a.yaml:1: URL 'rtsp//x'"),
    ("readers: 1\nreaders: 2\n", "a.yaml:2: this key stands here for the second time"),
    ("duration: 2s\ngroups:\n- name: x\n  start: 3s\n", "a.yaml:3: x: expected the group's start before its end"),
]


@test(short=True)
def mistakes_are_told():
    """By file and line, and what was expected."""
    for yaml, message in MISTAKES:
        run = run_file(yaml)
        equal(run.status, 2, f"status of {yaml!r}")
        assert message in run.err, f"{yaml!r}: {run.err}"


if __name__ == "__main__":
    main()
