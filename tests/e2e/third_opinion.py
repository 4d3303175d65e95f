"""A third opinion: tshark's rtp,streams on a capture of a run agrees on packets, loss and jitter.

The runs have a network namespace of their own, so that the capture holds nothing else."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from harness import Process, Run, Server, equal, main, need, skip, test

INSIDE = "RTSPBENCH_TEST_NAMESPACE"
PORT = 8554
READERS = 6
ROW = re.compile(r"0x[0-9A-F]{8}.*?\s(\d+)\s+(-?\d+) \(-?[\d.]+%\)((?:\s+-?[\d.]+){6})")


def enter_namespace():
    """Runs this script again in a network namespace that ends with it."""
    if INSIDE in os.environ or os.geteuid() != 0 or "--short" in sys.argv or not shutil.which("ip"):
        return
    inside = "ip link set lo up && exec \"$@\""
    os.execvpe("unshare", ["unshare", "--net", "sh", "-c", inside, "sh", sys.executable, *sys.argv],
               {**os.environ, INSIDE: "1"})


def streams(capture):
    """What tshark says of each stream but the single packets that open the way through a firewall."""
    told = subprocess.run(["tshark", "-r", str(capture), "-q", "-d", f"tcp.port=={PORT},rtsp", "-z", "rtp,streams"],
                          capture_output=True, text=True, timeout=120).stdout
    rows = []
    for match in ROW.finditer(told):
        times = [float(time) for time in match.group(3).split()]
        rows.append({"packets": int(match.group(1)), "lost": int(match.group(2)), "mean_jitter_ms": times[4]})
    return [row for row in rows if row["packets"] > 1]


def captured_run(path, server_options, *options):
    """The run, and what tshark saw of it."""
    need("tshark")
    if INSIDE not in os.environ:
        skip("a network namespace needs root and ip (iproute2)")
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        file = pathlib.Path(folder) / "run.pcap"
        with Server(*server_options, "--port", str(PORT)) as server, \
                Process([need("dumpcap"), "-q", "-B", "64", "-i", "lo", "-w", str(file)]) as capture:
            deadline = time.monotonic() + 10
            while not file.exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(0.5)
            run = Run(server.url + path, "-n", READERS, "-r", "20/s", "-d", "4s", *options)
            time.sleep(0.5)
            capture.stop()
        return run, streams(file)


@test(args=[(transport, path) for transport in ("udp", "tcp") for path in ("pattern", "pattern?drop=1/50")])
def packets_and_loss_agree(transport, path):
    run, rows = captured_run(path, ("--pattern", "50/s:400"), "-t", transport)
    equal(len(rows), READERS, "streams")
    equal(run.rtp["packets"], sum(row["packets"] for row in rows), "packets")
    equal(run.rtp["lost"], sum(row["lost"] for row in rows), "lost")
    equal("?" in path, run.rtp["lost"] > 0, "some were lost")


def jitters(transport, sound):
    """Mean jitter in ms: ours, and tshark's."""
    run, rows = captured_run("tone", ("--media", f"tone={sound}"), "-t", transport)
    equal(len(rows), READERS, "streams")
    packets = sum(row["packets"] for row in rows)
    equal(run.rtp["packets"], packets, "packets")
    return run.rtp["jitter_ms"]["mean"], sum(row["mean_jitter_ms"] * row["packets"] for row in rows) / packets


@test(args=[("udp",), ("tcp",)])
def jitter_agrees(transport):
    """Within 5 %, and the microsecond in which ours is counted, on sound whose clock tshark knows: each packet is a frame
    of its own there.

    Over TCP a read has one stamp, its last segment's. Where this machine is so busy that packets of several
    frames come in one read, there is nothing to compare: then another try."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        sound = str(pathlib.Path(folder) / "tone.wav")
        subprocess.run([need("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "sine=400:r=8000:d=10", "-c:a", "pcm_mulaw",
                        sound], check=True, timeout=60)
        for _ in range(3 if transport == "tcp" else 1):
            ours, theirs = jitters(transport, sound)
            if abs(ours - theirs) <= 0.05 * theirs + 0.001:
                return
    if transport == "tcp" and os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        skip("this machine is too busy to read each packet by itself")
    raise AssertionError(f"mean jitter {ours} ms, tshark {theirs:.3f} ms")


if __name__ == "__main__":
    enter_namespace()
    main(at_a_time=1)
