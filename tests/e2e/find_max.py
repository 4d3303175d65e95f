"""--find-max finds a server's limit, says how sure it is, and what broke first."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from harness import RTSPBENCH, SLOW, Process, Run, Server, equal, free_port, main, skip, test


def search(run, what):
    assert run.status in (0, 3), f"status {run.status}\n{run.out}{run.err}"
    found = run.search
    equal(found["what"], what, "search.what")
    levels = {one["level"] for one in found["curve"]}
    assert found["level"] in levels and (found["above"] is None or found["above"] in levels), found
    return found


@test
def a_limit_of_sessions():
    """max_sessions=137: the usual objectives tolerate one refusal of 138, but 137 are held."""
    if SLOW:
        skip("not under a sanitizer")
    with Server("--pattern", "50/s:200", "--threads", "1") as server:
        run = Run(server.url + "pattern?max_sessions=137", "--find-max", "-n", 1000, "-r", "500/s", "-d", "1s",
                  "--cool-down", "200ms", seconds=300)
        found = search(run, "readers")
        equal(found["number"], 137, "search.number" + "\n" + run.out)
        if run.status == 0:
            equal(found["limit"], "objective", "search.limit")
            equal(found["first_to_break"], "failed_ratio<1%", "search.first_to_break")
        assert "find-max   137 readers kept every objective" in run.out, run.out


@test
def a_cap_of_bandwidth():
    """200 packets of 250 bytes a second, and the cap of 60 readers of that. The cap's burst of 100 ms and the queue of
    50 ms hide for 3 s that 63 are too many, 5 %; a try of the edge is held for 6 s."""
    if SLOW:
        skip("not under a sanitizer")
    with Server("--pattern", "200/s:250", "--threads", "1") as server:
        run = Run(server.url + f"pattern?bitrate_cap={60 * 200 * 250 * 8}&queue=10", "--find-max", "-n", 80, "-r", "500/s",
                  "-d", "2s", "--cool-down", "100ms", seconds=300)
        found = search(run, "readers")
        assert 57 <= found["number"] <= 63, f"{found['number']} is not within 5 % of 60\n{run.out}"
        if run.status == 0:
            equal(found["first_to_break"], "loss_ratio<0.1%", "search.first_to_break")


@test
def the_bound_is_said():
    with Server("--pattern", "20/s:200") as server:
        run = Run(server.url + "pattern", "--find-max=rate", "-r", "15/s", "-d", "2s", "--cool-down", "0",
                  "--slo", "sessions.failed=0")
        found = search(run, "rate")
        equal((found["number"], found["limit"], found["above"]), (15, "most", None), "number, limit, above")
        assert "AT LEAST: 15 was the most to be tried" in run.out, run.out


@test
def nothing_is_kept():
    with Server("--pattern", "20/s:200") as server:
        run = Run(server.url + "pattern?drop=1/3", "--find-max", "-n", 2, "-d", "1s", "--cool-down", "0")
        assert run.status in (99, 3), run.out
        equal((run.search["number"], run.search["confidence"]), (0, "none"), "number and confidence")
        equal(run.verdict, "fail" if run.status == 99 else "invalid", "verdict")


@test
def a_server_that_dies_for_good():
    """Between the first level, kept, and the second: the first is read three times again, over 30 s."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder, Server("--pattern", "50/s:200") as server:
        file = pathlib.Path(folder) / "result.json"
        with Process([RTSPBENCH, server.url + "pattern", "--find-max", "-n", "20", "-d", "1s", "--cool-down", "1s",
                      "--slo", "failed_ratio<1%", "--json", str(file)]) as run:
            run.wait_for("   1.")
            server.child.send_signal(signal.SIGKILL)
            status = run.child.wait(90)
            answer = run.wait_for("find-max   ")
        result = json.loads(file.read_text())
    found = result["search"]
    if all(one["outcome"] == "limited" for one in found["curve"][2:]):
        skip("this machine was the limit")
    equal((status, result["verdict"], found["limit"]), (99, "fail", "server"), "status, verdict, limit\n" + run.output)
    equal(answer, "the server did not recover from 20 readers; 10 were kept before", "the answer")
    equal((found["number"], found["level"], found["above"]), (10, 10, 20), "number, level, above")
    equal([(one["level"], one["outcome"] == "kept", one["recovery"]) for one in found["curve"]],
          [(10, True, False), (20, False, False), *3 * [(10, False, True)]], "the curve")
    equal(found["tries_at_level"], {"kept": 1, "missed": 0, "limited": 0}, "tries_at_level")
    equal(result["sessions"]["established"], 10, "the answer's own run: sessions.established")


@test
def a_level_without_a_packet():
    """All of them are dropped: each session is established, none gets anything. What was asked for was kept."""
    with Server("--pattern", "50/s:200") as server:
        run = Run(server.url + "pattern?drop=1/1", "--find-max", "-n", 1, "-d", "1s", "--cool-down", "0",
                  "--slo", "failed_ratio<1%")
        assert run.status in (99, 3), run.out
        equal(run.search["number"], 0, "number\n" + run.out)
        if run.status == 99:  # else this machine was late
            equal(run.search["curve"][-1]["outcome"], "missed", "outcome\n" + run.out)
            assert "missed   no packet came" in run.out, run.out


RESTART = """cd {folder}
[ -e up ] || {{
    {rtspbench} serve --port {port} --pattern 50/s:200 </dev/null >log 2>&1 &
    echo $! >pid
    until grep -q ready log; do sleep 0.05; done
    : >up
}}
echo the server is there
"""


def kill_server(folder):
    """Whose process the file names, if it is there."""
    (folder / "up").unlink(missing_ok=True)
    with contextlib.suppress(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)


@test
def a_server_that_is_restarted():
    """It dies before the second level; the command starts another one, whose process is found in the file, and the
    search goes on from the level that was kept."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        folder, port = pathlib.Path(folder), free_port()
        script = folder / "restart.sh"
        script.write_text(RESTART.format(folder=folder, rtspbench=pathlib.Path(RTSPBENCH).resolve(), port=port))
        subprocess.run(["sh", script], check=True, timeout=20, stdout=subprocess.DEVNULL)
        try:
            with Process([RTSPBENCH, f"rtsp://127.0.0.1:{port}/pattern", "--find-max", "-n", "11", "-d", "500ms",
                          "--slo", "failed_ratio<1%", "--between-levels", f"sh {script}",
                          "--server-pidfile", str(folder / "pid"), "--json", str(folder / "result.json")]) as run:
                run.wait_for("the server is there")
                kill_server(folder)
                status = run.child.wait(120)
                lines = run.output.splitlines()
        finally:
            kill_server(folder)
        found = json.loads((folder / "result.json").read_text())["search"]
    assert status in (0, 3), run.output
    curve = [(one["level"], one["outcome"], one["recovery"]) for one in found["curve"]]
    equal(curve[:3], [(10, "kept", False), (11, "missed", False), (10, "kept", True)], "the curve\n" + run.output)
    equal(found["curve"][1]["server"], {"rss_bytes": None, "cpu": None, "files": None}, "what a dead server takes")
    assert all(found["curve"][i]["server"]["rss_bytes"] > 1000000 for i in (0, 2)), found["curve"][:3]
    equal([one for one in curve[3:] if one[2]], [], "looks at the server that is well again")
    equal(lines.count("the server is there"), len(curve) - 1, "commands run")
    assert any("10 held; read again after 11: the server is well" in line for line in lines), run.output
    if status == 0:
        equal((found["number"], found["limit"]), (11, "most"), "number, limit\n" + run.output)


@test
def a_command_that_fails():
    """Signals are let through to it; what is known so far is reported."""
    with Server("--pattern", "50/s:200") as server:
        for command, why in (("exit 7", "it ended with status 7"), ("kill -TERM $$", "it was ended by signal 15")):
            run = Run(server.url + "pattern", "--find-max", "-n", 20, "-d", "500ms", "--slo", "failed_ratio<1%",
                      "--between-levels", f"echo here; {command}")
            equal(run.status, 2, "status\n" + run.out)
            equal(run.err, f"here\nrtspbench: --between-levels 'echo here; {command}': {why}\n", "standard error")
            equal((run.search["limit"], len(run.search["curve"])), ("interrupted", 1), "limit, tries")


@test
def a_server_that_was_there_at_first():
    """No level was kept, and at the last one nobody was there: but the first one had sessions."""
    with Server("--pattern", "50/s:200") as server:
        run = Run(server.url + "pattern", "--find-max", "-n", 20, "-d", "500ms", "--slo", "startup.max<1us",
                  "--between-levels", f"kill -9 {server.child.pid} || true")
        levels = run.search["curve"]
        assert levels[0]["established"] > 0 and levels[-1]["established"] == 0, levels
        if not any(level["generator_limits"] for level in levels):
            equal(run.status, 99, "status")


@test
def interrupted_between_levels():
    """The command is ended, too."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder, Server("--pattern", "50/s:200") as server:
        file = pathlib.Path(folder) / "result.json"
        with Process([RTSPBENCH, server.url + "pattern", "--find-max", "-n", "20", "-d", "500ms", "--slo",
                      "failed_ratio<1%", "--between-levels", "echo here $$; exec sleep 60", "--json", str(file)]) as run:
            command = int(run.wait_for("here"))
            begun = time.monotonic()
            status = run.stop(signal.SIGINT)
            assert time.monotonic() - begun < 4, "it took too long to end"
            assert not pathlib.Path(f"/proc/{command}").exists(), "the command goes on"
        found = json.loads(file.read_text())["search"]
        assert status in (0, 3), run.output
        equal((found["limit"], len(found["curve"])), ("interrupted", 1), "limit, tries")
        assert "confidence low, interrupted" in run.output or status == 3, run.output


@test
def what_the_server_takes():
    """The table and the curve have it, and nothing where nobody looks."""
    with Server("--pattern", "50/s:200") as server:
        options = [server.url + "pattern", "--find-max", "-d", "2s", "--cool-down", "0", "--slo", "failed_ratio<1%"]
        run = Run(*options, "-n", 11, "--server-pid", server.child.pid)
        unwatched = Run(*options, "-n", 1)
        assert run.status in (0, 3) and unwatched.status in (0, 3), run.out + unwatched.out
    for one in run.search["curve"]:
        assert one["server"]["rss_bytes"] > 1000000 and 0 <= one["server"]["cpu"] < 2, one
        assert one["server"]["files"] >= 3, one
    equal({one["server"] for one in unwatched.search["curve"]}, {None}, "server where nobody looks")
    table = run.out[run.out.index("   readers     held"):].splitlines()
    assert table[0].endswith(" server") and " MB, " in table[1] and table[1].rstrip(" *").endswith(" files"), run.out
    assert " server\n" not in unwatched.out, unwatched.out


@test
def what_does_not_go_together_is_told():
    for option in (["--profile", "ramp"], ["--open"], ["--sessions-log", "/dev/null"]):
        equal(Run("rtsp://127.0.0.1:9/", "--find-max", *option).status, 2, "status with " + option[0])
    equal(Run("rtsp://127.0.0.1:9/", "--find-max=readrs").status, 2, "status")
    equal(Run("rtsp://127.0.0.1:9/", "--between-levels", "true").status, 2, "status without --find-max")


if __name__ == "__main__":
    main()
