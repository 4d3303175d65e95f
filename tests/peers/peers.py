"""What the tests of peers share: finding the end-to-end harness, a clip to publish, and rtspbench as publisher."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import *  # noqa: E402,F401,F403 - the tests take everything from here
from harness import Process, Run, TOP, equal, need, skip  # noqa: E402

FOLDER = TOP / "build/tests/peers"  # programs of ours around other people's libraries

_making = threading.Lock()
_folder = tempfile.TemporaryDirectory(prefix="rtspbench-peers-")


def clip(name, seconds=60):
    """A file of H.264 at about 400 kbit/s and AAC; readable by everyone. The name's suffix chooses the format."""
    with _making:  # tests run side by side, and want the same file
        folder = pathlib.Path(_folder.name)
        folder.chmod(0o755)
        file = folder / name
        if file.exists():
            return file
        subprocess.run([need("ffmpeg"), "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25",
                        "-f", "lavfi", "-i", "sine=440", "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast",
                        "-b:v", "400k", "-g", "25", "-bf", "0", "-c:a", "aac", "-b:a", "64k", str(file)], check=True)
        return file


PICTURES = range(45, 77)  # of a publisher: 25 a second; a slow start is part of its 3 s


def publish(url, transport, publishers):
    """3 s of the test card from so many: none failed, all that was due was sent."""
    run = Run(url, "--publish", "-n", publishers, "-d", "3s", "-t", transport)
    equal(run.status, 0, f"status {run.out}{run.err}")
    for key, count in {"established": publishers, "completed": publishers, "failed": 0, "dropped": 0}.items():
        equal(run.sessions[key], count, f"sessions.{key} {run.errors}")
    equal(run.published["dropped"], 0, "published.dropped")
    assert run.published["reported_lost"] <= 0, run.published  # GStreamer begins to expect later than to receive
    assert run.published["packets"] > 400 * publishers, run.published
    return run


class GstServer(Process):
    def __init__(self, *options, program="gst-server"):
        if not os.access(FOLDER / program, os.X_OK):
            skip(f"{program} is not built: libgstrtspserver-1.0-dev is not installed")
        super().__init__([str(FOLDER / program), *options])
        self.url = self.wait_for("ready ")

    def with_user(self, user):
        return self.url.replace("://", f"://{user}@")


def wait_for_listener(port, seconds=10):
    """ffmpeg takes one connection and no more, and doesn't say when it listens: the kernel does."""
    row = re.compile(rf"^ *\d+: \w+:{port:04X} \w+:0000 0A ", re.MULTILINE)
    end = time.monotonic() + seconds
    while not row.search(pathlib.Path("/proc/net/tcp").read_text()):
        assert time.monotonic() < end, f"nobody listens at {port}"
        time.sleep(0.02)
