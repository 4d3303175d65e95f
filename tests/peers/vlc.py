"""VLC as an RTSP server (UDP only, absolute control URLs, both tracks with payload type 96): 50 readers, none
failed, nothing lost."""

import os
import pathlib
import tempfile
import time

from peers import Process, Run, clip, equal, free_port, main, need, test

READERS = 50


class Vlc(Process):
    def __init__(self):
        vlc = need("cvlc")
        self.home = tempfile.TemporaryDirectory(prefix="rtspbench-vlc-")
        pathlib.Path(self.home.name).chmod(0o777)
        self.url = f"rtsp://127.0.0.1:{free_port()}/test"
        nobody = "nobody" if os.geteuid() == 0 else None  # VLC refuses to run as root
        super().__init__([vlc, "--no-dbus", "-v", str(clip("clip.ts")), "--sout", f"#rtp{{sdp={self.url}}}",
                          "--sout-all"], {"HOME": self.home.name}, nobody)
        try:
            self.wait_until_it_plays()
        except BaseException:
            self.__exit__()
            raise

    def wait_until_it_plays(self):
        for _ in range(50):
            run = Run(self.url, "-n", 1, "-d", "500ms", "-t", "udp", "-q")
            if run.sessions["established"] == 1:
                return
            time.sleep(0.2)
        raise AssertionError(f"VLC does not serve: {run.errors}\n{self.output}")

    def __exit__(self, *unused):
        super().__exit__()
        self.home.cleanup()


@test
def reads():
    with Vlc() as vlc:
        run = Run(vlc.url, "-n", READERS, "-r", "25/s", "-d", "8s", "-t", "udp")
        run.expect_clean(READERS)
        assert run.rtp["media"]["audio"]["packets"] > 0 and run.rtp["media"]["video"]["packets"] > 0, run.rtp["media"]


@test
def tcp_is_refused():
    with Vlc() as vlc:
        run = Run(vlc.url, "-n", 3, "-d", "2s")
        equal([(error["phase"], error["status"], error["count"]) for error in run.errors], [("setup", 461, 3)],
              "errors")


if __name__ == "__main__":
    main(at_a_time=2)
