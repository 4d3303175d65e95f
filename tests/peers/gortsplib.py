"""gortsplib's example server (MediaMTX's engine) with a publisher by ffmpeg: 50 readers, none failed, nothing
lost. And a server of ours around gortsplib that takes 5 publishers and counts. Built where Go is installed and the
module can be had."""

import fcntl
import json
import os
import shutil
import socket
import subprocess

from peers import HERE, PICTURES, TOP, Process, Run, clip, equal, free_port, main, need, publish, skip, test

READERS = 50
PUBLISHERS = 5
TAIL = 20  # packets: a picture and the sound beside it
PACKAGE = "github.com/bluenviron/gortsplib/v4/examples/server"
PORT = 8554  # the example's own; it also takes UDP 8000-8003
FOLDER = TOP / "build/gortsplib"


def build(program, package):
    """The path of a program. Go builds only what has changed."""
    go = need("go")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in ("go.mod", "go.sum", "recorder.go"):
            shutil.copy(HERE / "gortsplib" / name, FOLDER)
        done = subprocess.run([go, "build", "-mod=mod", "-o", program, package], cwd=FOLDER, capture_output=True,
                              text=True, env={**os.environ, "GOTOOLCHAIN": "local"})
        if done.returncode != 0:
            skip("its module can't be had or built here: " + done.stderr.strip().splitlines()[-1])
    return str(FOLDER / program)


class Gortsplib(Process):
    """The server and its publisher."""

    def __init__(self):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", PORT))
            except OSError:
                skip(f"port {PORT} is in use")
        super().__init__([build("server", PACKAGE)])
        self.url = f"rtsp://127.0.0.1:{PORT}/stream"
        self.publisher = None
        try:
            self.publish()
        except BaseException:
            self.__exit__()
            raise

    def publish(self):
        self.wait_until(lambda line: "server is ready" in line)
        self.publisher = Process([need("ffmpeg"), "-v", "error", "-nostdin", "-re", "-i", str(clip("clip.mp4")), "-c",
                                  "copy", "-f", "rtsp", "-rtsp_transport", "tcp", self.url])
        self.wait_until(lambda line: "RECORD request" in line)

    def wait_until(self, wanted, seconds=20):
        with self.grew:
            self.grew.wait_for(lambda: any(line is None or wanted(line) for line in self.lines), seconds)
            assert any(line is not None and wanted(line) for line in self.lines), self.output

    def __exit__(self, *unused):
        if self.publisher:
            self.publisher.__exit__()
        super().__exit__()


@test(args=[("tcp",), ("udp",)])
def reads(transport):
    with Gortsplib() as server:
        run = Run(server.url, "-n", READERS, "-r", "25/s", "-d", "8s", "-t", transport)
        run.expect_clean(READERS)
        assert run.rtp["media"]["audio"]["packets"] > 0 and run.rtp["media"]["video"]["packets"] > 0, run.rtp["media"]


def record(transport):
    """What gortsplib says of each publisher, the packets it lost in all, and what the publishers say."""
    port = free_port()
    with Process([build("recorder", "."), str(port)]) as server:
        server.wait_for("ready")
        run = publish(f"rtsp://127.0.0.1:{port}/live/{{n}}", transport, PUBLISHERS)
        server.stop()
    takes = [json.loads(line.partition(" ")[2]) for line in server.lines if line and line.startswith("session ")]
    lost = sum(take["lost"] for take in takes)
    missing = run.published["packets"] - sum(take["packets"] for take in takes) - lost
    return takes, lost, missing, run.published


@test(args=[("tcp",), ("udp",)])
def records(transport):
    """Packets and losses as gortsplib hands them out, and H.264 put together again by its own decoder. (Over UDP the
    socket that it has for all may overflow when the machine is busy: then it says how many it missed. And a TEARDOWN,
    which comes over TCP, may overtake the last datagrams, which it then throws away: those tries don't count.)"""
    for tries_left in (4, 3, 2, 1, 0):
        takes, lost, missing, published = record(transport)
        if missing == 0 or transport == "tcp" or tries_left == 0:
            break
        assert 0 < missing <= TAIL * PUBLISHERS, takes
    equal(sorted(take["path"] for take in takes), [f"/live/{n}" for n in range(1, PUBLISHERS + 1)], "paths")
    equal(missing, 0, f"packets that it neither had nor missed, {lost} lost")
    assert lost == 0 or (transport == "udp" and lost < published["packets"] / 5), takes
    for take in takes:
        assert take["lost"] > 0 or take["errors"] == [], take
        equal(take["formats"], ["H264", "MPEG-4 Audio"], "formats")
        assert take["pictures"] in PICTURES and take["reports"] > 0 and take["ended"].startswith("torn down"), take


if __name__ == "__main__":
    main(at_a_time=1)
