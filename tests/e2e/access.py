"""Basic and Digest, right and wrong passwords, and no password in any output."""

import json
import pathlib
import tempfile

from harness import RTSPBENCH, Process, Run, Server, equal, main, test

SECRET = "pass%2Fwo:rd"  # as in a URL; "pass/wo:rd" decoded
TOKEN = "t0ken-of-mine"
PLAIN = "pass/wo:rd"


class Guarded(Server):
    """A server that asks for user and password."""

    def __init__(self, scheme):
        self.secrets = tempfile.TemporaryDirectory(prefix="rtspbench-")
        self.file = pathlib.Path(self.secrets.name) / "password"
        self.file.write_text(PLAIN + "\n")
        super().__init__("--auth", scheme, "--user", "user", "--password-file", str(self.file), "--pattern", "50/s:500")

    def with_user(self, user):
        return self.url.replace("://", f"://{user}@") + "a"

    def __exit__(self, *unused):
        super().__exit__()
        self.secrets.cleanup()


@test(short=True, args=[(scheme, transport) for scheme in ("basic", "digest") for transport in ("tcp", "udp")])
def right_password(scheme, transport):
    with Guarded(scheme) as server:
        Run(server.with_user("user:" + SECRET), "-n", 5, "-r", "50/s", "-d", "2s", "-t", transport).expect_clean(5)


@test(short=True, args=[("basic",), ("digest",)])
def password_from_a_file(scheme):
    with Guarded(scheme) as server:
        Run(server.url + "a", "--user", "user", "--password-file", server.file, "-n", 5, "-r", "50/s", "-d",
            "2s").expect_clean(5)


@test(short=True, args=[("basic",), ("digest",)])
def wrong_password(scheme):
    with Guarded(scheme) as server:
        run = Run(server.with_user("user:wrong"), "-n", 3, "-r", "50/s", "-d", "2s")
        equal(run.status, 1, "status")
        equal([(error["phase"], error["reason"], error["count"]) for error in run.errors],
              [("describe", "auth_rejected", 3)], "errors")


@test(short=True, args=[("basic",), ("digest",)])
def no_password(scheme):
    with Guarded(scheme) as server:
        run = Run(server.url + "a", "-n", 3, "-r", "50/s", "-d", "2s")
        equal([(error["phase"], error["reason"], error["count"]) for error in run.errors],
              [("describe", "auth_required", 3)], "errors")


def is_secret_free(text, where):
    for secret in (SECRET, PLAIN):
        assert secret not in text, f"the password is in {where}:\n{text}"


@test(short=True, args=[("right", "text"), ("right", "json"), ("wrong", "text"), ("wrong", "json")])
def no_output_shows_a_password(which, log):
    with Guarded("digest") as server, tempfile.TemporaryDirectory() as folder:
        sessions = pathlib.Path(folder) / "sessions"
        password = SECRET if which == "right" else "x" + SECRET
        run = Run(server.with_user("user:" + password), "-n", 3, "-d", "2s", "--log", log, "--sessions-log", sessions,
                  "-H", "X-Key: " + PLAIN)
        for where, text in (("stdout", run.out), ("stderr", run.err), ("the result", json.dumps(run.result)),
                            ("the sessions' log", sessions.read_text())):
            is_secret_free(text, where)
        assert "a" in sessions.read_text()


@test(short=True, args=[("text",), ("json",)])
def no_output_shows_a_token(log):
    """One in the URL's query, served or refused."""
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory() as folder:
        files = {name: pathlib.Path(folder) / name for name in ("sessions-log", "html", "junit", "csv", "hlog")}
        names = [word for name, file in files.items() for word in ("--" + name, file)]
        run = Run(server.url + f"a?access_token={TOKEN}", server.url + f"b?key={TOKEN}", "rtsp://127.0.0.1:1/?pwd=" + TOKEN,
                  "-n", 6, "-d", "2s", "--log", log, "--slo", "sessions.failed=0", *names)
        shown = {"stdout": run.out, "stderr": run.err, "the result": json.dumps(run.result)}
        for where, text in {**shown, **{name: file.read_text() for name, file in files.items() if file.exists()}}.items():
            assert TOKEN not in text, f"the token is in {where}:\n{text}"
        equal({stream["url"] for stream in run.streams},
              {server.url + "a?access_token=***", server.url + "b?key=***", "rtsp://127.0.0.1:1/?pwd=***"}, "streams")
        assert "?pwd=***" in files["sessions-log"].read_text() and "?pwd=***" in json.dumps(run.errors), run.errors


@test(short=True)
def process_list_shows_no_password():
    with Guarded("basic") as server:
        with Process([RTSPBENCH, server.with_user("user:" + SECRET), "-n", "2", "-d", "3s", "-H", "X-Key: " + PLAIN,
                      "--var", "token=" + PLAIN, "--stats-interval", "500ms"]) as run:
            run.wait_for("")
            title = pathlib.Path(f"/proc/{run.child.pid}/cmdline").read_bytes().decode()
            is_secret_free(title, "the process list")
            assert "user:***" in title and "X-Key:***" in title and "token=***" in title, title


@test(short=True)
def usage_errors_show_no_password():
    for url in (f"rtsp:/user:{SECRET}@host/", f"user:{SECRET}@host/", f"rtsp://user:{SECRET}#x@host/",
                f"rtsp://user:{SECRET}@:99/", f"rtsp://user:{SECRET}@host:99999/", f"rtsp://user:{SECRET}@"):
        with Process([RTSPBENCH, url]) as run:
            equal(run.stop(0), 2, "status of " + url)
            is_secret_free(run.output, "a usage error")


if __name__ == "__main__":
    main()
