"""Wrong use gets one clear line on stderr and status 2."""

import subprocess

from harness import RTSPBENCH, equal, main, test

URL = "rtsp://127.0.0.1:9/x"
COMMANDS = ["run", "serve", "probe"]


def call(*arguments, env=None):
    return subprocess.run([RTSPBENCH, *arguments], capture_output=True, text=True, timeout=20, env=env,
                          stdin=subprocess.DEVNULL)


@test(short=True, args=[
    (["rtsp:///path"], "URL 'rtsp:///path' has no host"),
    (["--url", "rtsp://host:0x/a"], "rtsp://host:0x/a"),
    (["--reders", "5", URL], "unknown option '--reders': did you mean '--readers'?"),
    (["--rate", "100/x", URL], "--rate '100/x': expected a rate such as 100/s"),
    (["--readers", "-1", URL], "--readers '-1': expected a whole number from 1"),
    (["--transport", "ws", URL], "--transport 'ws': expected one of tcp|udp|auto"),
    (["--duration", "ten", URL], "--duration 'ten': expected a duration such as 500ms"),
    (["--warmup", "30s", "--duration", "10s", URL], "--warmup must be shorter than --duration"),
    (["--url-file", "/nonexistent"], "/nonexistent"),
    (["--password-file", "/nonexistent", URL], "/nonexistent"),
    (["--json", "/nonexistent/r.json", "-d", "1s", URL], "/nonexistent/r.json"),
    (["--sessions-log", "/nonexistent/s", "-d", "1s", URL], "/nonexistent/s"),
    (["--readers", "400000", URL], "400,000 readers do not fit on this machine"),
    (["--readers", "100000", "--transport", "udp", URL], "100,000 readers do not fit on this machine"),
    (["srve"], "did you mean 'serve'?"),
    (["serve", "--listen", "nowhere"], "nowhere"),
    (["serve", "--fault", "drop=x"], "drop"),
    (["serve", "--auth", "digest"], "--user"),
    (["serve", "--pattern", "lots"], "--pattern 'lots': expected"),
    (["probe"], "URL"),
])
def refused(arguments, says):
    """Names what was wrong, what was expected, and ends with 2."""
    done = call(*arguments)
    equal(done.returncode, 2, f"status ({done.stderr})")
    assert says in done.stderr, f"stderr lacks '{says}': {done.stderr}"
    equal(done.stdout, "", "stdout")
    assert done.stderr.startswith("rtspbench: "), done.stderr


RAW = "\x1b[2J\u009b2J\u202eevil\u2028\udcff"
SHOWN = "\\x1b[2J\\u009b2J\\u202eevil\\u2028\\xff"


@test(short=True, args=[([*words[:-1], words[-1] + RAW],) for words in (
    ["--reders"], ["--rate", "100"], ["--url-file", "/nonexistent/"], ["--json", "/nonexistent/"], ["srve"], ["rtsp:///"],
    ["--slo", "loss"], ["--scenario", "/nonexistent/"], ["serve", "--fault", "drop="], ["serve", "--listen", "no"],
    ["serve", "--truth", "/nonexistent/"], ["probe", "rtsp:///"],
    ["scenario", "run", "no"], ["report", "-o", "x", "/nonexistent/"])])
def what_a_terminal_would_obey_is_escaped(arguments):
    done = subprocess.run([RTSPBENCH, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=20)
    said = (done.stdout + done.stderr).decode()
    equal(done.returncode, 2, f"status ({said})")
    assert SHOWN[:11] in said and not any(character in said for character in "\x1b\u009b\u202e\u2028"), ascii(said)


@test(short=True)
def limit_names_the_command():
    """Too many readers: how many fit, and the command that lifts the limit."""
    done = call("--readers", "100000", "--transport", "udp", URL)
    assert " do: the limit is " in done.stderr, done.stderr
    assert "--bind-ips" in done.stderr or "ulimit" in done.stderr or "sysctl" in done.stderr, done.stderr


@test(short=True, args=[(command,) for command in COMMANDS])
def help_has_an_example(command):
    done = call(command, "--help")
    equal(done.returncode, 0, "status")
    assert done.stdout.startswith("Usage: rtspbench"), done.stdout
    assert f"Example:\n  rtspbench" in done.stdout, done.stdout


@test(short=True)
def version():
    done = call("--version")
    equal(done.returncode, 0, "status")
    assert done.stdout.startswith("rtspbench "), done.stdout


if __name__ == "__main__":
    main()
