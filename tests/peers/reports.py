"""Sender reports as libavformat reads them: what it takes for the time of capture, in what others send and we measure,
and in what we send."""

import contextlib
import os
import pathlib
import statistics
import subprocess
import tempfile

from peers import FOLDER, GstServer, Process, Run, Server, equal, free_port, main, need, skip, test, wait_for_listener

PROGRAM = FOLDER / "av-reports"
SECONDS = 7
SAME_FRAME_MS = 5  # a report between two packets of a frame changes their capture by its rounding


def reader(url, *options, seconds=SECONDS):
    if not os.access(PROGRAM, os.X_OK):
        skip("av-reports is not built: libavformat-dev is not installed")
    return Process([str(PROGRAM), url, str(seconds), *options])


def frames(process):
    """{"video": [(arrival, capture)...], "audio": ...} in ms, a pair a frame: its first packet."""
    process.child.wait(SECONDS + 20)
    process.reader.join(5)
    found = {"video": [], "audio": []}
    for line in filter(None, process.lines):
        kind, arrival, capture = line.split()
        pair = int(arrival) / 1000, int(capture) / 1000
        if not found[kind] or abs(found[kind][-1][1] - pair[1]) > SAME_FRAME_MS:
            found[kind].append(pair)
    assert len(found["video"]) > 50 and len(found["audio"]) > 15, process.output[-2000:]
    return found


def judge(found):
    """(latency of the frames sent closest to their timestamps, skew), the medians in ms: the n-th frame is decoded at the
    n-th smallest time, less the greatest lead."""
    video, audio = found["video"], found["audio"]
    in_order = sorted(capture for _, capture in video)
    leads = [due - capture for due, (_, capture) in zip(in_order, video)]
    lead = max(leads)
    latency = [arrival - capture for own, (arrival, capture) in zip(leads, video) if own > lead - 2]
    transit = [arrival - (due - lead) for due, (arrival, _) in zip(in_order, video)]
    sound = [arrival - capture for arrival, capture in audio]
    return statistics.median(latency), abs(statistics.median(transit) - statistics.median(sound)), lead


def near(ours, theirs, what, within_ms=25):
    """Libavformat has no kernel's stamps, and gives a frame's first packet away with the next one."""
    assert ours is not None and abs(ours - theirs) <= within_ms, f"{what}: {ours} ms, libavformat {theirs} ms"


def compare(url, b_frames):
    with reader(url) as other:
        run = Run(url, "-n", 2, "-d", f"{SECONDS}s", "-t", "tcp")
        latency, skew, lead = judge(frames(other))
    run.expect_clean(2)
    assert (lead > 30) == (b_frames > 0), f"a lead of {lead} ms"
    if latency > 0:
        near(run.panel["latency_ms"]["p50"], latency, "latency")
    elif latency < -25:  # said to have been captured after it came: not measured, unless this machine was late
        measured, frames_seen = run.panel["latency_ms"]["count"], run.panel["frames"]["complete"]
        assert measured < frames_seen / 10, f"{measured} latencies, which libavformat has at {latency} ms"
    near(run.panel["skew_ms"]["p50"], skew, "skew")
    return latency, skew


@test(args=[(0,), (2,)])
def of_gstreamer(b_frames):
    with GstServer(*(["--b-frames", str(b_frames)] if b_frames else [])) as server:
        compare(server.url, b_frames)


@contextlib.contextmanager
def reordered_clip():
    """Pictures in a pyramid of three: held back by two, 80 ms."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        file = pathlib.Path(folder) / "clip.mp4"
        subprocess.run([need("ffmpeg"), "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:d=20",
                        "-f", "lavfi", "-i", "sine=r=48000:d=20", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt",
                        "yuv420p", "-b:v", "400k", "-g", "50", "-bf", "3", "-c:a", "aac", str(file)], check=True, timeout=60)
        yield file


DELAY_MS = 80


@test
def of_our_server():
    with reordered_clip() as file, Server("--media", str(file)) as server:
        latency, skew = compare(server.url, 3)
    near(DELAY_MS, latency, "latency by our reports")
    near(0, skew, "skew by our reports")


@test
def of_our_publishers():
    url = f"rtsp://127.0.0.1:{free_port()}/x"
    with reordered_clip() as file, reader(url, "listen", seconds=SECONDS - 1) as server:
        wait_for_listener(int(url.split(":")[2].split("/")[0]))
        run = Run(url, "--publish", "--media", file, "-n", 1, "-d", f"{SECONDS}s", "-t", "tcp")
        latency, skew, _ = judge(frames(server))
    assert run.rtcp["sr_sent"] > 0, run.rtcp
    near(DELAY_MS, latency, "latency by our reports")
    near(0, skew, "skew by our reports")


if __name__ == "__main__":
    main(at_a_time=1)
