"""The dashboard as HTTP, and reports as files. What they look like is tests/browser's."""

import contextlib
import http.client
import json
import pathlib
import re
import socket
import subprocess
import tempfile

from harness import RTSPBENCH, SLOW, Process, Run, Server, equal, main, skip, test

TOKEN = "a-long-secret"
ONE_THREAD = ["--threads", "1"] if SLOW else []  # TSan takes the files of threads with tables of their own for one


def need_web():
    done = subprocess.run([RTSPBENCH, "report", "/nonexistent", "-o", "/nonexistent"], capture_output=True, text=True)
    if "makes no reports" in done.stderr:
        skip("this build has no front end: node and npm were missing")


class Watched(Process):
    """A run with a dashboard, against a server of its own."""

    def __init__(self, *options):
        need_web()
        self.folder = tempfile.TemporaryDirectory(prefix="rtspbench-")
        self.file = pathlib.Path(self.folder.name) / "result.json"
        self.server = Server("--pattern", "50/s:500")
        super().__init__([RTSPBENCH, self.server.url + "a", "--web", ":0", "--json", str(self.file), "-n", "20",
                          "-r", "100/s", *ONE_THREAD, *map(str, options)])
        try:
            self.where = self.wait_for("rtspbench: dashboard at http://").rstrip("/")
        except AssertionError:
            self.__exit__()
            if "no dashboard" in self.output:
                skip("this build has no dashboard: libmicrohttpd was missing")
            raise

    def ask(self, path, method="GET", **headers):
        """Status, headers in small letters, and the open response."""
        connection = http.client.HTTPConnection(self.where, timeout=20)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response

    def result(self, seconds=20):
        status = self.child.wait(seconds)
        return status, json.loads(self.file.read_text())

    def __exit__(self, *unused):
        super().__exit__()
        self.server.__exit__()
        self.folder.cleanup()


def events(response):
    """Each event as its fields."""
    fields = {}
    for line in response:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


@test(short=True)
def pages_are_guarded():
    """Each with a policy that lets nothing in from elsewhere; unknown ones are 404."""
    with Watched("-d", "4s") as run:
        for path, kind in {"/": "text/html", "/app.js": "text/javascript", "/app.css": "text/css"}.items():
            status, headers, response = run.ask(path)
            equal((status, headers["content-type"]), (200, kind + "; charset=utf-8"), path)
            policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
            equal(policy["default-src"], "'none'", "default-src")
            for name, value in policy.items():
                assert value in ("'none'", "'self'", "data:"), f"{name} {value}"
            assert len(response.read()) > 100
        page = run.ask("/")[2].read().decode()
        assert "http" not in page and "<!--" not in page, page
        for path in ("/nope", "/control/stop", "/../etc/passwd", "/app.js/"):
            equal(run.ask(path)[0], 404, path)
        equal(run.ask("/", "PUT")[0], 405, "PUT")
        equal(run.ask("/", Host="evil.example")[0], 403, "by a name that isn't ours")
        equal(run.ask("/", Host="[evil.example")[0], 403, "by half an address")
        equal(run.ask("/", Host="localhost:1")[0], 200, "localhost")
        equal(run.ask("/", Host="[::1]:1")[0], 200, "an address")
        equal(run.ask("/control/stop", "POST")[0], 403, "POST without --web-control")
        equal(run.result()[0], 0, "status")


@test(short=True)
def events_tell_the_run():
    """Server-sent events: rows that continue each other, and at last the result's own numbers."""
    with Watched("-d", "4s") as run:
        status, headers, response = run.ask("/events")
        equal((status, headers["content-type"]), (200, "text/event-stream; charset=utf-8"), "head")
        told = list(events(response))
        result = run.result()[1]
        messages = [json.loads(event["data"]) for event in told]
        assert len(messages) >= 4, f"{len(messages)} events"
        equal({event["event"] for event in told}, {"state"}, "kinds")
        equal([message["ended"] for message in messages], [False] * (len(messages) - 1) + [True], "ended")
        times = [t for message in messages for t in message["series"]["t_s"]]
        equal(times, result["series"]["t_s"], "times of all rows")
        packets = [n for message in messages for n in message["series"]["packets"]]
        equal(packets, result["series"]["packets"], "packets of all rows")
        last = messages[-1]["result"]
        for key in ("sessions", "rtp", "latency_ms", "streams", "panel", "errors", "histograms", "verdict"):
            equal(last[key], result[key], key)


@test(short=True)
def idle_connections_give_way():
    """Whoever does nothing is closed for who asks, the longest idle first; one who watches stays."""
    with Watched("-d", "6s") as run, contextlib.ExitStack() as stack:
        host, port = run.where.split(":")
        stream = events(run.ask("/events")[2])
        next(stream)
        idle = [stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(100)]
        half = idle[-1]
        half.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        for path in ("/", "/app.css"):
            equal(run.ask(path)[0], 200, path)
        idle[0].settimeout(5)
        equal(idle[0].recv(1), b"", "what the oldest idle one gets")
        half.sendall(b"\r\n")
        equal(half.recv(12), b"HTTP/1.1 200", "what one of the newest gets")
        assert not json.loads(list(zip(range(2), stream))[-1][1]["data"])["ended"]


@test
def a_viewer_catches_up():
    """One that comes late gets all rows; one that comes back gets those after its last."""
    with Watched("-d", "6s") as run:
        first = events(run.ask("/events")[2])
        next(first)
        seen = next(first)
        late = json.loads(next(events(run.ask("/events")[2]))["data"])["series"]["t_s"]
        assert late[0] < 1.5 and len(late) >= 2, late
        back = json.loads(next(events(run.ask("/events", Last_Event_ID=seen["id"])[2]))["data"])["series"]["t_s"]
        assert all(t > float(seen["id"]) / 1e9 - 0.001 for t in back), (seen["id"], back)


@test(short=True)
def stopping_takes_the_token():
    with Watched("-d", "60s", "--web-control", TOKEN) as run:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer " + TOKEN[:-1]},
                        {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Basic " + TOKEN},
                        {"Authorization": "Bearer "}):
            equal(run.ask("/control/stop", "POST", **headers)[0], 401, f"{headers}")
        equal(run.ask("/control/nope", "POST", Authorization="Bearer " + TOKEN)[0], 404, "unknown")
        stream = events(run.ask("/events")[2])
        assert json.loads(next(stream)["data"])["control"] is True
        assert "frame-ancestors 'none'" in run.ask("/")[1]["content-security-policy"], "it may be framed"
        for _ in range(2):  # the second must not cut it off
            equal(run.ask("/control/stop", "POST", Authorization="Bearer " + TOKEN)[0], 202, "stop")
        status, result = run.result()
        equal(status, 0, "status")
        assert result["elapsed_s"] < 30, result["elapsed_s"]
        equal(result["sessions"]["completed"], result["sessions"]["established"], "all torn down in order")
        assert TOKEN not in json.dumps(result) and TOKEN not in run.output


@test
def pausing_holds_arrivals():
    """While it is paused nobody is begun; what was held back comes afterwards."""
    with Watched("-d", "5s", "-r", "5/s", "--web-control", TOKEN) as run:
        stream = (json.loads(event["data"]) for event in events(run.ask("/events")[2]))
        next(stream)
        equal(run.ask("/control/pause", "POST", Authorization="Bearer " + TOKEN)[0], 202, "pause")
        first = next(message for message in stream if message["paused"])
        later = next(stream)
        equal(later["result"]["sessions"]["started"], first["result"]["sessions"]["started"], "begun while paused")
        equal(run.ask("/control/resume", "POST", Authorization="Bearer " + TOKEN)[0], 202, "resume")
        assert next(message for message in stream if not message["paused"])
        assert run.result()[1]["sessions"]["started"] == 20, "not all began afterwards"


@test
def the_target_is_raised_and_lowered():
    """A tenth of the plan's at a time; the result says that it was done by hand."""
    with Watched("-d", "5s", "--web-control", TOKEN) as run:
        def ask(what, token=TOKEN):
            status, _, response = run.ask("/control/" + what, "POST", Authorization="Bearer " + token)
            return status, response.read().decode()

        stream = (json.loads(event["data"]) for event in events(run.ask("/events")[2]))
        equal(next(message["target_scale"] for message in stream if message["result"]["sessions"]["started"] == 20), 1,
              "as planned")
        equal(ask("raise", "not-the-token")[0], 401, "without the token")
        equal(ask("raise"), (202, "The target is 110 % of the plan's.\n"), "raised")
        equal(next(message["target_scale"] for message in stream if message["result"]["sessions"]["started"] == 22), 1.1,
              "raised")
        for _ in range(10):
            equal(ask("lower")[0], 202, "lowered")
        equal(ask("lower"), (409, "The least is 10 % of the plan's.\n"), "no lower")
        assert next(message for message in stream if message["series"]["active"][-1:] == [2])
        result = run.result()[1]
        equal(result["by_hand"], {"target_scale": 0.1, "target_changes": 11, "pauses": 0}, "by_hand")
        equal((result["sessions"]["started"], result["sessions"]["completed"]), (22, 22), "sessions")


@test(short=True, args=[(["--web", "nowhere"],), (["--web", "127.0.0.1:99999"],), (["--web", "192.0.2.1:8080"],),
                        (["--web-control", "longenough"],), (["--web", ":0", "--web-control", "short"],),
                        (["--html", "/nonexistent/x.html"],)])
def wrong_use(options):
    need_web()
    run = Run("rtsp://127.0.0.1:1/x", "-d", "1s", *options)
    equal(run.status, 2, f"status: {run.err}")
    assert options[0] in run.err or options[-2] in run.err, run.err


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(found[1])


@test(short=True)
def report_holds_the_result():
    """--html and report: one file, nothing fetched, the data as it was measured."""
    need_web()
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder, Server("--pattern", "50/s:500") as server:
        pages = [pathlib.Path(folder) / name for name in ("run.html", "report.html")]
        result = pathlib.Path(folder) / "kept.json"
        run = Run(server.url + "a", "-n", "10", "-r", "50/s", "-d", "2s", *ONE_THREAD, "--html", pages[0])
        result.write_text(json.dumps(run.result))
        equal(subprocess.run([RTSPBENCH, "report", result, result, "-o", pages[1]]).returncode, 0, "report")
        equal([len(data_of(page.read_text())["results"]) for page in pages], [1, 2], "results in the pages")
        for page in pages:
            text = page.read_text()
            held = data_of(text)["results"][0]["result"]
            for key in set(run.result) - {"timeline"}:
                equal(held[key], run.result[key], f"{key} in {page.name}")
            markup = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.S)
            assert "default-src 'none'" in markup, "no policy"
            assert not re.search(r"(src|href)=\"(?!data:)", markup), markup


@test(short=True)
def report_is_not_broken_out_of():
    """What a server said is data, whatever it looks like."""
    need_web()
    evil = "</script><script>alert(1)</script><!--<script>"
    run = Run("rtsp://127.0.0.1:1/x", "-n", "1", "-d", "1s")
    run.result["errors"][0]["sample"] = evil
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        result, page = pathlib.Path(folder) / "r.json", pathlib.Path(folder) / "r.html"
        result.write_text(json.dumps(run.result))
        equal(subprocess.run([RTSPBENCH, "report", result, "-o", page]).returncode, 0, "report")
        text = page.read_text()
        assert evil not in text
        equal(data_of(text)["results"][0]["result"]["errors"][0]["sample"], evil, "sample")


@test(short=True, args=[("missing", None), ("no-json", "{"), ("other-json", '{"schema": "x"}'), ("list", "[]")])
def report_refuses(kind, content):
    need_web()
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        result, page = pathlib.Path(folder) / "r.json", pathlib.Path(folder) / "r.html"
        if content is not None:
            result.write_text(content)
        done = subprocess.run([RTSPBENCH, "report", result, "-o", page], capture_output=True, text=True)
        equal(done.returncode, 2, "status")
        assert str(result) in done.stderr, done.stderr
        assert not page.exists(), "it wrote a page"


if __name__ == "__main__":
    main()
