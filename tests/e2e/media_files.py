"""Media files and the packets that they are cut into, as they are served and published."""

import functools
import os
import pathlib
import subprocess
import tempfile

from harness import RTSPBENCH, Process, Run, Server, add_up, equal, main, need, run_file, skip, test

FOLDER = tempfile.TemporaryDirectory(prefix="rtspbench-files-")
PICTURES = ["-f", "lavfi", "-i", "testsrc2=s=640x480:r=25:d=2"]
H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25"]
SOUND = ["-f", "lavfi", "-i", "sine=400:r=48000:d=2"]


@functools.cache
def made(name, *options):
    """The path of a file that ffmpeg makes; without an ffmpeg that can, the test is skipped."""
    path = pathlib.Path(FOLDER.name) / name
    done = subprocess.run([need("ffmpeg"), "-v", "error", "-nostdin", "-y", *options, path], capture_output=True, text=True,
                          timeout=60)
    if done.returncode != 0:
        skip(f"ffmpeg can't make {name}: {done.stderr.strip()}")
    return str(path)


def pictures(name="pictures.mp4", *options):
    return made(name, *PICTURES, *H264, *options)


def noise():
    return made("noise.mp4", "-f", "lavfi", "-i", "nullsrc=s=640x480:r=5:d=2,geq=random(1)*255:128:128", "-c:v", "libx264",
                "-pix_fmt", "yuv420p", "-crf", "18", "-g", "5")


def need_files(server):
    """Skips where this build reads no files."""
    if "libavformat)" in server.output:
        skip("this build reads no media files")


def refused(options, message):
    """A command that can't begin says why."""
    done = subprocess.run([RTSPBENCH, *options], capture_output=True, text=True, timeout=20)
    if "libavformat)" in done.stderr:
        skip("this build reads no media files")
    equal(done.returncode, 2, f"status ({done.stdout}{done.stderr})")
    assert message in done.stderr, done.stderr


@test(args=[(transport, mtu) for transport in ("tcp", "udp") for mtu in (200, 1400, 9000, 65000)])
def packets_of_any_size(transport, mtu):
    """Pictures of noise are of some 100,000 bytes: most packets are as large as they may be."""
    with Server("--media", f"big={noise()}", "--mtu", str(mtu)) as server:
        run = Run(server.url + "big", "-n", 3, "-d", "3s", "-t", transport, "--rcvbuf", "8M")
        truth = server.stop()
        run.expect_clean(3)
        equal(run.rtp["packets"], add_up(truth, "sent"), "packets")
        equal(run.rtp["bytes"], add_up(truth, "bytes"), "bytes")
        assert mtu / 2 < run.rtp["bytes"] / run.rtp["packets"] <= mtu, run.rtp


@test(args=[(transport, mtu) for transport in ("tcp", "udp") for mtu in (200, 1400, 2048)])
def published_packets_of_any_size(transport, mtu):
    with Server() as server:
        run = Run(server.url + "live/{n}", "--publish", "--media", noise(), "--mtu", mtu, "-n", 2, "-d", "3s", "-t", transport)
        truth = server.stop()
        equal(run.status, 0, f"status ({run.out}{run.err})")
        equal(run.published["packets"], add_up(truth, "received"), f"packets {truth}")
        equal(run.published["bytes"], add_up(truth, "received_bytes"), "bytes")
        assert mtu / 2 < run.published["bytes"] / run.published["packets"] <= mtu, run.published


@test
def the_card_in_packets_of_another_size():
    """The test card is cut as it is loaded."""
    with Server("--mtu", "300") as server:
        run = Run(server.url + "card", "-n", 1, "-d", "2s")
        if "no test card in this build" in server.output:
            skip("this build has no test card")
        run.expect_clean(1)
        assert run.rtp["bytes"] / run.rtp["packets"] <= 300, run.rtp


@test
def mtu_in_a_scenario():
    """For one group, and for those that don't say another."""
    with Server() as server:
        run = run_file(f"""
mtu: 250
publish: true
media: {noise()}
duration: 2s
groups:
  - name: a
    url: {server.url}a
  - name: b
    url: {server.url}b
    mtu: 2000
""")
        truth = server.stop()
        equal(run.status, 0, run.err)
        sizes = {path: it["received_bytes"] / it["received"] for path, it in truth.items()}
        assert sizes["/a"] <= 250 < 1000 < sizes["/b"] <= 2000, sizes


@test(args=[
    (["serve", "--mtu", "199"], "--mtu '199': expected a whole number from 200 to 65,000"),
    (["serve", "--mtu", "65001"], "--mtu '65001': expected a whole number from 200 to 65,000"),
    (["--publish", "--mtu", "2049"], "--mtu '2049': expected a whole number from 200 to 2,048"),
    (["--mtu", "1200"], "--mtu says what to publish: it needs --publish"),
    (["--publish", "--mtu", "1200", "--pattern", "5/s:500"], "--pattern says itself how large its packets are"),
])
def refused_sizes(options, message):
    refused(options, message)


if __name__ == "__main__":
    main()
