"""A file with B-frames, whose sound and picture are in step: numbers about time are as without B-frames."""

import json
import pathlib
import subprocess
import tempfile

from harness import Run, Server, equal, main, need, skip, test


def make_clip(folder, b_frames):
    """H.264 and AAC, 12 s: no run here comes to its end."""
    file = folder / f"{b_frames}.mp4"
    done = subprocess.run([need("ffmpeg"), "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=12",
                           "-f", "lavfi", "-i", "sine=r=48000:d=12", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt",
                           "yuv420p", "-g", "50", "-bf", str(b_frames), "-c:a", "aac", str(file)], stderr=subprocess.PIPE,
                          text=True, timeout=60)
    if "libx264" in done.stderr:
        skip("this ffmpeg has no libx264")
    equal(done.returncode, 0, done.stderr)
    return file


def decoding_delay_ms(file):
    """Of the first picture, as ffprobe has it."""
    out = subprocess.run([need("ffprobe"), "-v", "error", "-select_streams", "v", "-read_intervals", "%+#1",
                          "-show_entries", "packet=pts_time,dts_time", "-of", "json", str(file)], check=True,
                         capture_output=True, text=True, timeout=20).stdout
    first = json.loads(out)["packets"][0]
    return 1000 * (float(first["pts_time"]) - float(first["dts_time"]))


@test(args=[(0, "tcp"), (3, "tcp"), (3, "udp")])
def sound_and_picture_are_in_step(b_frames, transport):
    """Frames are as old as the encoder had to hold them, and as their way is long: next to nothing here."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        file = make_clip(pathlib.Path(folder), b_frames)
        delay_ms = decoding_delay_ms(file)
        assert (delay_ms > 0) == (b_frames > 0), f"a delay of {delay_ms} ms"
        with Server("--media", str(file)) as server:
            run = Run(server.url, "-n", 3, "-d", "7s", "-t", transport)
    run.expect_clean(3)
    panel = run.panel
    assert panel["skew_ms"]["count"] >= 9 and panel["skew_ms"]["p50"] < 10, panel["skew_ms"]
    assert run.rtp["jitter_ms"]["count"] > 100 and run.rtp["jitter_ms"]["p50"] < 5, run.rtp["jitter_ms"]
    assert delay_ms - 2 < panel["latency_ms"]["min"] and panel["latency_ms"]["p50"] < delay_ms + 20, panel["latency_ms"]
    assert panel["latency_ms"]["count"] > 30, panel["latency_ms"]
    assert abs(panel["pace"]["p50"] - 1) < 0.02, panel["pace"]
    equal(panel["frames"]["damaged"] + panel["frames"]["suspect"], 0, "frames")


@test
def round_trips_leave_the_decoding_delay_out():
    """Reports of publishers are of the time of capture, and so are the blocks that answer them."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        file = make_clip(pathlib.Path(folder), 3)
        with Server() as server:
            run = Run(server.url + "{n}", "--publish", "--media", file, "-n", 2, "-d", "8s")
    equal(run.status, 0, f"status {run.out}{run.err}")
    trips = run.published["round_trip_ms"]
    assert trips["count"] > 0 and trips["p50"] < 40, trips  # a picture, the least that B-frames delay


if __name__ == "__main__":
    main(at_a_time=2)
