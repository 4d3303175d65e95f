"""Readers that nobody here wrote on our own server: ffmpeg, ffprobe and GStreamer find nothing to complain
about."""

import json
import subprocess
import tempfile

from peers import Server, equal, main, need, test


def silent(command, seconds=90):
    """Runs a reader; it must end well and say nothing on stderr."""
    done = subprocess.run([need(command[0]), *command[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=seconds)
    equal(done.returncode, 0, f"status of {command[0]} ({done.stderr})")
    equal(done.stderr, "", f"stderr of {command[0]}")
    return done.stdout


@test(args=[("tcp",), ("udp",)])
def ffmpeg_reads_the_card(transport):
    """25 s of it, so two turns of the loop of 10 s."""
    with Server() as server:
        silent(["ffmpeg", "-v", "error", "-nostdin", "-rtsp_transport", transport, "-i", server.url + "card", "-t", "25",
                "-f", "null", "-"])


@test(args=[("tcp",), ("udp",)])
def ffprobe_names_the_tracks(transport):
    with Server() as server:
        out = silent(["ffprobe", "-v", "error", "-rtsp_transport", transport, "-show_streams", "-of", "json",
                      server.url + "card"])
        codecs = {stream["codec_type"]: stream["codec_name"] for stream in json.loads(out)["streams"]}
        equal(codecs, {"video": "h264", "audio": "aac"}, "codecs")


@test(args=[("tcp",), ("udp",)])
def gstreamer_plays_the_card(transport):
    """100 pictures decoded and 4 s of sound, then the end; of which it may not complain three times in a row.

    As the pipeline ends, rtspsrc flushes the connection that it sends PAUSE on, and now and then that fails; or it
    takes a signal handler from its own source that is gone already, of which GLib warns."""
    its_own = ("gst_rtspsrc_pause", "has no handler with id")
    for tries_left in (2, 1, 0):
        with Server() as server:
            try:
                out = silent(["gst-launch-1.0", "-q", "rtspsrc", f"location={server.url}card",
                              f"protocols={transport}", "name=source", "source.", "!", "rtph264depay", "!",
                              "h264parse", "!", "avdec_h264", "!", "fakesink", "num-buffers=100", "source.", "!",
                              "rtpmp4gdepay", "!", "aacparse", "!", "avdec_aac", "!", "fakesink",
                              "num-buffers=100"])
            except AssertionError as error:
                if tries_left == 0 or not any(words in str(error) for words in its_own):
                    raise
                continue
            assert "ERROR" not in out and "WARNING" not in out, out
            return


@test(args=[("basic",), ("digest",)])
def ffmpeg_authenticates(scheme):
    with tempfile.NamedTemporaryFile("w") as password:
        password.write("pass\n")
        password.flush()
        with Server("--auth", scheme, "--user", "user", "--password-file", password.name) as server:
            silent(["ffmpeg", "-v", "error", "-nostdin", "-rtsp_transport", "tcp", "-i",
                    server.url.replace("://", "://user:pass@") + "card", "-t", "2", "-f", "null", "-"])


if __name__ == "__main__":
    main(at_a_time=2)
