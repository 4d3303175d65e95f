"""ffmpeg as the server: it takes what rtspbench publishes, and decodes it without a complaint."""

import pathlib
import re
import tempfile

from peers import PICTURES, Process, equal, free_port, main, need, publish, test, wait_for_listener


@test(args=[("tcp",), ("udp",)])
def records(transport):
    url = f"rtsp://127.0.0.1:{free_port()}/x"
    with tempfile.NamedTemporaryFile(prefix="rtspbench-") as progress, \
            Process([need("ffmpeg"), "-v", "error", "-nostdin", "-y", "-xerror", "-rtsp_flags", "listen", "-i", url,
                     "-nostats", "-progress", progress.name, "-f", "null", "-"]) as server:
        wait_for_listener(int(url.split(":")[2].split("/")[0]))
        run = publish(url, transport, 1)
        equal(server.child.wait(10), 0, "ffmpeg's status")
        server.reader.join(5)
        pictures = int(re.findall(r"^frame=(\d+)$", pathlib.Path(progress.name).read_text(), re.MULTILINE)[-1])
    # over UDP it looks for a free port, and says of each that is taken that it was
    complaints = [line for line in server.lines if line and "bind failed: Address already in use" not in line]
    equal(complaints, [], "complaints")
    # over TCP ffmpeg answers TEARDOWN, too, with 501
    for error in run.errors:
        equal((transport, error["phase"], error["status"]), ("tcp", "teardown", 501), f"error {error}")
    assert pictures in PICTURES, f"{pictures} pictures"


if __name__ == "__main__":
    main(at_a_time=1)
