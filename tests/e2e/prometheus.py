"""Metrics for Prometheus: their form, by promtool; and what is in contrib, by a Prometheus that scrapes a run."""

import contextlib
import json
import pathlib
import random
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import RTSPBENCH, TOP, Process, Run, Server, equal, main, need, skip, test

ALERTS = TOP / "contrib/prometheus-alerts.yml"


class Scraped(Process):
    """A run that serves its metrics."""

    def __init__(self, *options):
        super().__init__([RTSPBENCH, *map(str, options), "--prometheus", "127.0.0.1:0"])
        try:
            self.url = self.wait_for("rtspbench: metrics at ")
        except AssertionError:
            self.__exit__()
            if "serves no metrics" in self.output:
                skip("this build serves no metrics: libmicrohttpd was missing")
            raise

    def get(self, accept="*/*"):
        request = urllib.request.Request(self.url, headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.headers["Content-Type"], response.read().decode()

    def sample(self, name):
        found = re.findall(rf"^{re.escape(name)} (\S+)$", self.get()[1], re.M)
        return float(found[0]) if found else None

    def wait_until(self, name, least, seconds=20):
        end = time.monotonic() + seconds
        while (self.sample(name) or 0) < least:
            assert time.monotonic() < end, f"{name} never was {least}:\n{self.get()[1]}"
            time.sleep(0.2)


def failed_tries(text):
    """{(phase, reason): count} of a page of metrics."""
    return {(phase, reason): int(count) for phase, reason, count in re.findall(
        r'^rtspbench_failed_tries_total\{phase="(\w+)",reason="(\w+)"\} (\d+)$', text, re.M)}


def free_port():
    """Outside the range that the system gives to connections."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = random.randrange(20000, 32000)
            probe.bind(("127.0.0.1", port))
            return port


@test
def promtool_finds_nothing():
    promtool = need("promtool")
    with Server("--pattern", "50/s:500") as server, \
            Scraped(f"{server.url}a?drop=1/20", f"{server.url}b?status=404", "-n", 20, "-d", "20s") as run:
        run.wait_until("rtspbench_sessions_active", 10)
        kind, text = run.get()
        equal(kind, "text/plain; version=0.0.4; charset=utf-8", "Content-Type")
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        equal((done.returncode, done.stdout + done.stderr), (0, ""), "promtool check metrics")
        done = subprocess.run([promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True)
        equal(done.returncode, 0, "promtool check rules: " + done.stdout + done.stderr)
        kind, text = run.get("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        equal(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8", "Content-Type")
        assert text.endswith("# EOF\n"), text[-100:]
        phases = re.findall(r'^rtspbench_phase_seconds_bucket\{phase="(\w+)",le="\+Inf"\} \d+$', text, re.M)
        equal(phases, ["connect", "tls", "options", "describe", "announce", "setup", "play", "record", "first_rtp",
                       "first_keyframe", "startup", "join", "keepalive", "teardown", "come_back"], "phases with a histogram")
        run.wait_until('rtspbench_errors_total{phase="describe",reason="status",status="404"}', 10)
        run.wait_until('rtspbench_rtp_lost_total{cause="server"}', 1)
        tries = failed_tries(run.get()[1])
        equal({pair: count for pair, count in tries.items() if count > 0}, {("describe", "status"): 10}, "failed tries")
        try:
            urllib.request.urlopen(run.url.replace("/metrics", "/elsewhere"), timeout=5)
            raise AssertionError("/elsewhere was answered")
        except urllib.error.HTTPError as error:
            equal(error.code, 404, "status of /elsewhere")


@test(short=True)
def a_scraper_gets_in():
    """By address or as localhost, and past any number of connections that do nothing."""
    with Server("--pattern", "50/s:500") as server, Scraped(server.url + "a", "-n", 2, "-d", "6s") as run, \
            contextlib.ExitStack() as stack:
        where = urllib.parse.urlparse(run.url)
        for _ in range(40):
            stack.enter_context(socket.create_connection((where.hostname, where.port)))
        for host, status in (("localhost:9600", 200), ("[::1]", 200), ("evil.example", 403), ("[evil.example", 403)):
            try:
                got = urllib.request.urlopen(urllib.request.Request(run.url, headers={"Host": host}), timeout=5).status
            except urllib.error.HTTPError as error:
                got = error.code
            equal(got, status, "status for " + host)


@test(short=True)
def wrong_addresses_are_refused():
    for address in ("nowhere", "127.0.0.1:99999"):
        run = Run("rtsp://127.0.0.1:9/", "-d", "1s", "--prometheus", address)
        equal(run.status, 2, f"status of --prometheus {address}")
        assert "--prometheus" in run.err, run.err


class Prometheus(Process):
    def __init__(self, folder, target):
        config = pathlib.Path(folder) / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(ALERTS)],
            "scrape_configs": [{"job_name": "rtspbench", "static_configs": [{"targets": [target]}]}]}))
        self.address = f"127.0.0.1:{free_port()}"
        super().__init__([need("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                          f"--web.listen-address={self.address}"])

    def query(self, expression):
        url = f"http://{self.address}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return json.load(response)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None

    def wait_until(self, condition, seconds=30):
        """Until a query has an answer."""
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                if self.query(condition):
                    return
            assert time.monotonic() < end, f"never was {condition}:\n{self.output[-3000:]}"
            time.sleep(0.5)


@test
def an_outage_is_in_rates_from_its_first_error():
    refused = 'rtspbench_failed_tries_total{phase="connect",reason="refused"}'
    need("prometheus")
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory(prefix="rtspbench-") as folder, \
            Scraped(server.url, "-n", 800, "-r", "20/s", "-d", "60s") as run, \
            Prometheus(folder, run.url.removeprefix("http://").removesuffix("/metrics")) as prometheus:
        first = failed_tries(run.get()[1])
        equal(set(first.values()), {0}, "counts of the first scrape")
        prometheus.wait_until("count_over_time(rtspbench_sessions_active[1m]) >= 3")
        equal(prometheus.query('ALERTS{alertname="RtspbenchTriesFail"}'), [], "alerts before the outage")
        server.stop()
        prometheus.wait_until(f"{refused} >= 20")
        (least,) = prometheus.query(f"min_over_time({refused}[5m])")
        equal(least["value"][1], "0", "what increase() counts from")
        assert prometheus.query(f"rate({refused}[10s]) > 0"), "no rate of refused tries"
        prometheus.wait_until('ALERTS{alertname="RtspbenchTriesFail",phase="connect",reason="refused",'
                              'alertstate="firing"}')
        equal(set(failed_tries(run.get()[1])), set(first), "pairs at last, and at first")
        run.stop()


@test
def grafana_queries_have_answers():
    """Every query of contrib/grafana-dashboard.json, on a Prometheus that scrapes a run with loss and errors."""
    dashboard = json.loads((TOP / "contrib/grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) > 20, queries
    need("prometheus")
    with Server("--pattern", "50/s:500") as server, tempfile.TemporaryDirectory(prefix="rtspbench-") as folder, \
            Scraped(f"{server.url}a?drop=1/20", f"{server.url}b?status=404", "-n", 400, "-r", "10/s", "-d",
                    "60s") as run, \
            Prometheus(folder, run.url.removeprefix("http://").removesuffix("/metrics")) as prometheus:
        prometheus.wait_until("count_over_time(rtspbench_sessions_active[1m]) >= 6")
        equal([each["value"][1] for each in prometheus.query("up")], ["1"], "up")
        for query in queries:
            query = query.replace("$__rate_interval", "10s").replace("$job", ".*").replace("$instance", ".*")
            assert "$" not in query, query
            answer = prometheus.query(query)
            assert answer, f"no answer to {query}"
        (p95,) = prometheus.query('histogram_quantile(0.95, rtspbench_phase_seconds_bucket{phase="startup"})')
        assert 0 < float(p95["value"][1]) < 10, p95
        run.stop()


if __name__ == "__main__":
    main()
