"""doctor, calibrate, and addresses that only a local route makes ours."""

import json
import os
import pathlib
import subprocess
import tempfile

from harness import RTSPBENCH, SLOW, Run, equal, main, need, skip, test


def call(*words, env=None, seconds=120):
    done = subprocess.run([RTSPBENCH, *map(str, words)], env={**os.environ, **(env or {})}, capture_output=True,
                          text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


@test(short=True)
def doctor_says_what_fits_and_what_does_not():
    """What doctor says fits, fits; one more doesn't, and run refuses it by the same number."""
    status, out, _ = call("doctor", "--json")
    report = json.loads(out)
    equal((status, report["schema"], report["ok"]), (0, "rtspbench.doctor.v1", True), "doctor")
    fits = report["fits"]
    equal(call("doctor", "-n", fits)[0], 0, "status with as many as fit")
    status, out, _ = call("doctor", "-n", fits + 100000)
    equal(status, 1, "status with more")
    assert "LIMIT " + report["first_limit"] in out, out
    if report["first_limit"].startswith("source ports"):
        status, _, err = call("rtsp://127.0.0.1:9/x", "-n", fits + 1)
        equal(status, 2, "status of the run")
        assert f"{fits:,} do" in err and "source ports" in err, err


@test(short=True)
def doctor_counts_source_addresses():
    one, four = (json.loads(call("doctor", "--json", *words)[1])
                 for words in ([], ["--bind-cidr", "127.0.0.0/29"]))
    ports = [next(check["fits"] for check in report["checks"] if check["name"].startswith("source ports"))
             for report in (one, four)]
    equal(ports[1], 6 * ports[0], "source ports of six addresses")


@test(short=True)
def doctor_writes_a_sysctl_file():
    """Every line is a comment or NAME = VALUE, and each that a limit needs is there."""
    _, out, _ = call("doctor", "--sysctl", "-n", 5000000)
    lines = [line for line in out.splitlines() if not line.startswith("#")]
    assert lines and all(line.count(" = ") == 1 for line in lines), out
    checks = json.loads(call("doctor", "--json", "-n", 5000000)[1])["checks"]
    for check in checks:
        if check["sysctl"]:
            assert check["sysctl"].split(" = ")[0] in out, f"{check}\n{out}"


@test(short=True)
def doctor_knows_what_is_denied():
    report = json.loads(call("doctor", "--json", env={"RTSPBENCH_DENY": "uring"})[1])
    equal(report["io_uring"], False, "io_uring")
    assert "refused" in report["io"], report["io"]


@test(short=True, args=[(["--bitrate", "fast"],), (["rtsp://h/"],), (["-n", "0"],)])
def doctor_refuses(words):
    status, _, err = call("doctor", *words)
    equal(status, 2, "status")
    assert err, "no message"


@test
def calibration_is_kept_and_used():
    """A result has a ceiling once the machine is calibrated, and none before."""
    if SLOW:
        skip("a sanitizer's numbers are not this machine's")
    with tempfile.TemporaryDirectory() as state:
        env = {"XDG_STATE_HOME": state}
        equal(Run("-n", 5, "-d", "1s", env=env).generator["ceiling"], None, "ceiling before")
        status, out, err = call("calibrate", "--json", env=env)
        equal(status, 0, f"calibrate: {err}")
        found = json.loads(out)
        equal(found, json.loads((pathlib.Path(state) / "rtspbench/calibration.json").read_text()), "the file")
        for key in ("starts_per_s", "sessions", "held", "us_per_start"):
            assert found[key] > 0, found
        ceiling = Run("-n", 5, "-d", "1s", env=env).generator["ceiling"]
        equal(ceiling["packets_per_s"], found["tcp"]["packets_per_s"], "ceiling")
        assert 0 < ceiling["used"] < 1, ceiling
        file = pathlib.Path(state) / "rtspbench/calibration.json"
        file.write_text(file.read_text().replace(found["machine"]["kernel"], "5.4.0"))
        equal(Run("-n", 5, "-d", "1s", env=env).generator["ceiling"], None, "ceiling of another kernel")


@test(short=True)
def a_foreign_source_address_is_refused():
    status, _, err = call("rtsp://127.0.0.1:9/x", "--bind-ips", "192.0.2.77", "-n", 1)
    equal(status, 2, "status")
    assert "192.0.2.77" in err and "ip address add" in err, err


LOCAL_ROUTES = """
set -e
ip link set lo up
ip route add local 198.51.100.0/24 dev lo
ip -6 route add local 2001:db8:5::/64 dev lo
"$1" serve --listen "$2" --port 8554 > "$5/ready" & server=$!
while ! grep -q ready "$5/ready"; do sleep 0.05; done
"$1" "rtsp://$3:8554/pattern" --bind-cidr "$4" -n 20 -r 200/s -d 1s -q -t "$6" --json "$5/result.json"
kill $server
wait $server
"""


@test(args=[("ipv4", "tcp"), ("ipv4", "udp"), ("ipv6", "tcp"), ("ipv6", "udp")])
def a_network_that_a_local_route_makes_ours(family, transport):
    """Nobody has these addresses; a route to the loopback device is enough."""
    need("ip")
    if subprocess.run(["unshare", "-rnpf", "true"], capture_output=True).returncode != 0:
        skip("no network namespaces here")
    listen, host, network = {"ipv4": ("127.0.0.1", "127.0.0.1", "198.51.100.0/28"),
                             "ipv6": ("::1", "[::1]", "2001:db8:5::/124")}[family]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["unshare", "-rnpf", "--kill-child", "sh", "-c", LOCAL_ROUTES, "sh", RTSPBENCH, listen, host, network,
                               folder, transport], capture_output=True, text=True, timeout=60)
        equal(done.returncode, 0, f"status: {done.stdout}{done.stderr}")
        result = json.loads((pathlib.Path(folder) / "result.json").read_text())
    equal(result["sessions"]["got_media"], 20, "sessions.got_media")
    equal(result["rtp"]["lost"], 0, "rtp.lost")


if __name__ == "__main__":
    main()
