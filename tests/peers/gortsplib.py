"""gortsplib's example server (MediaMTX's engine) with a publisher by ffmpeg: 50 readers, none failed, nothing
lost. Built where Go is installed and the module can be had."""

import fcntl
import os
import shutil
import socket
import subprocess

from peers import HERE, TOP, Process, Run, clip, main, need, skip, test

READERS = 50
PACKAGE = "github.com/bluenviron/gortsplib/v4/examples/server"
PORT = 8554  # the example's own; it also takes UDP 8000-8003
FOLDER = TOP / "build/gortsplib"


def server_program():
    """Builds the server once."""
    go = need("go")
    FOLDER.mkdir(parents=True, exist_ok=True)
    program = FOLDER / "server"
    with open(FOLDER / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            for name in ("go.mod", "go.sum"):
                shutil.copy(HERE / "gortsplib" / name, FOLDER)
            done = subprocess.run([go, "build", "-mod=mod", "-o", program, PACKAGE], cwd=FOLDER, capture_output=True,
                                  text=True, env={**os.environ, "GOTOOLCHAIN": "local"})
            if done.returncode != 0:
                skip("its module can't be had or built here: " + done.stderr.strip().splitlines()[-1])
    return program


class Gortsplib(Process):
    """The server and its publisher."""

    def __init__(self):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", PORT))
            except OSError:
                skip(f"port {PORT} is in use")
        super().__init__([str(server_program())])
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


if __name__ == "__main__":
    main(at_a_time=1)
