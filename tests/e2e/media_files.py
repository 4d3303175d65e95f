"""Media files and the packets that they are cut into, as they are served and published."""

import functools
import os
import pathlib
import subprocess
import tempfile
import threading

from harness import RTSPBENCH, Process, Run, Server, add_up, equal, main, need, run_file, skip, test

FOLDER = tempfile.TemporaryDirectory(prefix="rtspbench-files-")
MAKING = threading.Lock()
PICTURES = ["-f", "lavfi", "-i", "testsrc2=s=640x480:r=25:d=2"]
H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25"]
SOUND = ["-f", "lavfi", "-i", "sine=400:r=48000:d=2"]


@functools.cache
def reads_files():
    """Whether this build does."""
    told = subprocess.run([RTSPBENCH, "serve", "--media", "/nowhere/at/all"], capture_output=True, text=True, timeout=20)
    return "made without libavformat" not in told.stderr


def made(name, *options):
    """The path of a file that ffmpeg makes, once; without an ffmpeg that can, the test is skipped."""
    path = pathlib.Path(FOLDER.name) / name
    if not reads_files():
        skip("this build reads no media files")
    with MAKING:
        if not path.exists():
            done = subprocess.run([need("ffmpeg"), "-v", "error", "-nostdin", "-y", *options, path], capture_output=True,
                                  text=True, timeout=60)
            if done.returncode != 0:
                path.unlink(missing_ok=True)
                skip(f"ffmpeg can't make {name}: {done.stderr.strip()}")
    return str(path)


def pictures(name="pictures.mp4", *options):
    return made(name, *PICTURES, *H264, *options)


def noise():
    return made("noise.mp4", "-f", "lavfi", "-i", "nullsrc=s=640x480:r=5:d=2,geq=random(1)*255:128:128", "-c:v", "libx264",
                "-pix_fmt", "yuv420p", "-crf", "18", "-g", "5")


def refused(options, message, folder=None):
    """A command that can't begin says why."""
    done = subprocess.run([os.path.abspath(RTSPBENCH), *options], capture_output=True, text=True, timeout=20, cwd=folder)
    if "made without libavformat" in done.stderr:
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


def units(source, seconds, *options):
    """The digests of the units that ffmpeg finds there, in their order."""
    told = subprocess.run([need("ffmpeg"), "-v", "error", "-nostdin", *options, "-i", source, "-t", seconds, "-map", "0:a", "-c",
                           "copy", "-f", "framemd5", "-"], capture_output=True, text=True, timeout=30).stdout
    return [line.split(",")[5].strip() for line in told.splitlines() if not line.startswith("#")]


@test(args=[("aac", 200), ("aac", 65000), ("opus", 3837)])
def sound_that_ffmpeg_puts_together(codec, mtu):
    """Units of AAC of some 680 bytes, and of Opus of 3,825, are what they were in the file."""
    noise = ["-f", "lavfi", "-i", "anoisesrc=d=2:r=48000", "-ac", "2"]
    if codec == "aac":
        sound = made("noise.m4a", *noise, "-c:a", "aac", "-b:a", "256k")
    else:
        sound = made("noise.mka", *noise, "-c:a", "libopus", "-b:a", "510k", "-vbr", "off", "-frame_duration", "60")
    with Server("--media", sound, "--mtu", str(mtu)) as server:
        heard = units(server.url, "1", "-rtsp_transport", "tcp")
    assert len(heard) >= 15, heard
    assert " ".join(heard) in " ".join(2 * units(sound, "9")), "they are others than the file's"


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
    (["--mtu", "1200"], "--mtu says how large the packets are that are published: it needs --publish"),
    (["--publish", "--mtu", "1200", "--pattern", "5/s:500"], "--pattern says itself how large its packets are"),
])
def refused_sizes(options, message):
    refused(options, message)


def width(url):
    """Of the pictures that ffprobe finds there; None: it can't read it."""
    told = subprocess.run([need("ffprobe"), "-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=width",
                           "-of", "csv=p=0", url], capture_output=True, text=True, timeout=30).stdout.split()
    return int(told[0]) if told else None


def pictures_of(pixels, name):
    return made(name, "-f", "lavfi", "-i", f"testsrc2=s={pixels}x96:r=25:d=1", *H264)


@test(args=[
    ("two words.mp4", "two%20words"),
    ("caf\u00e9.mp4", "caf%C3%A9"),
    ("cam.2.mp4", "cam.2"),
    ("100%25.mp4", "100%2525"),
    ("who?.mp4", "who%3F"),
    ("a=b.mp4", "a=b"),
    ("12:30 cam.mp4", "12:30%20cam"),
    ("nosuffix", "nosuffix"),
    ("n" * 70 + ".mp4", "n" * 70),
])
def a_file_of_this_name(name, path):
    """It plays under its name, also with faults ordered and with a slash at the end."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        os.symlink(pictures_of(128, "first.mp4"), pathlib.Path(folder) / "cam.1.mp4")
        os.symlink(pictures_of(320, "second.mp4"), pathlib.Path(folder) / name)
        with Process(["env", "-C", folder, os.path.abspath(RTSPBENCH), "serve", "--port", "0", "--media", "cam.1.mp4",
                      "--media", name]) as server:
            url = server.wait_for("ready ")
            equal(width(url + path), 320, "pictures of the second file")
            equal(width(url + path + "/?seq=65500"), 320, "pictures with a query")
            equal(width(url + "cam.1"), 128, "pictures of the first file")
            equal(width(url), 128, "pictures of the root")
            run = Run(url + path, "-n", 1, "-d", "1s")
            run.expect_clean(1)


@test
def a_file_of_two_lines():
    """A line's end in a name ends no line of a description."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        file = pathlib.Path(folder) / "two\nlines.mp4"
        os.symlink(pictures_of(128, "first.mp4"), file)
        with Server("--media", str(file)) as server:
            equal(width(server.url + "two%0Alines"), 128, "pictures")
            told = subprocess.run([RTSPBENCH, "probe", server.url], capture_output=True, text=True, timeout=30).stdout
            assert "\ns=rtspbench two\\nlines" in told.replace("< ", ""), told


@test
def names_given():
    """NAME=FILE, and a path to a file in a folder whose name has an equals sign."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        within = pathlib.Path(folder) / "a=b"
        within.mkdir()
        os.symlink(pictures_of(320, "second.mp4"), within / "cam.mp4")
        with Server("--media", f"my cam={pictures_of(128, 'first.mp4')}", "--media", f"{within}/cam.mp4") as server:
            equal(width(server.url + "my%20cam"), 128, "pictures of NAME=FILE")
            equal(width(server.url + "cam"), 320, "pictures of the other")


@test
def an_unknown_path():
    """404, with the paths that there are; the built-in sources stay, and without --media any path plays."""
    with Server("--media", f"my cam={pictures_of(128, 'first.mp4')}", "--no-audio") as server:
        run = Run(server.url + "my", "-n", 2, "-d", "1s")
        equal(run.sessions["failed"], 2, "sessions.failed")
        equal([(error["phase"], error["status"]) for error in run.errors], [("describe", 404)], "errors")
        equal(width(server.url + "my"), None, "ffprobe's pictures")
        told = subprocess.run([RTSPBENCH, "probe", server.url + "my"], capture_output=True, text=True, timeout=30).stdout
        assert "Nothing plays at /my. These paths do:" in told and "/my%20cam" in told and "/pattern" in told, told
        Run(server.url + "pattern", "-n", 1, "-d", "1s").expect_clean(1)
        Run(server.url + "card", "-n", 1, "-d", "1s").expect_clean(1)
        run = Run(server.url + "live/1", "--publish", "--pattern", "10/s:500", "-n", 1, "-d", "1s")
        equal(run.sessions["completed"], 1, f"publishers {run.errors}")
    with Server() as server:
        Run(server.url + "whatever", "-n", 1, "-d", "1s").expect_clean(1)


@test(args=[
    (["cam.mp4", "./cam.mp4"], "--media './cam.mp4': /cam is another file already: NAME=FILE gives it another name"),
    (["x=cam.mp4", "x=other.mp4"], "--media 'x=other.mp4': /x is another file already"),
    (["card=cam.mp4"], "--media 'card=cam.mp4': /card is the built-in one"),
    (["pattern=cam.mp4"], "/pattern is the built-in one"),
    (["LONG=cam.mp4"], "expected a name of at most 255 bytes"),
])
def refused_names(values, message):
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        for name in ("cam.mp4", "other.mp4"):
            os.symlink(pictures(), pathlib.Path(folder) / name)
        options = [word for value in values for word in ("--media", value.replace("LONG", 256 * "x"))]
        refused(["serve", "--port", "0", *options], message, folder)


def film():
    """H.264, AC-3 (the default), AAC."""
    return made("film.mkv", *PICTURES, *SOUND, "-map", "0", "-map", "1", "-map", "1", *H264, "-c:a:0", "ac3", "-c:a:1", "aac")


def codecs(url):
    """Of the streams that ffprobe finds there."""
    return subprocess.run([need("ffprobe"), "-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name",
                           "-of", "csv=p=0", url], capture_output=True, text=True, timeout=30).stdout.split()


LEFT_OUT = "left out its AC-3 sound (stream 1), which RTP sessions here can't carry"


@test
def what_cannot_be_carried_is_left_out():
    """With a word, also by publishers; and the rest plays."""
    with Server("--media", film()) as server:
        equal(codecs(server.url), ["h264", "aac"], "streams")
        equal(server.output.count(f"rtspbench: {film()}: {LEFT_OUT}\n"), 1, f"notes in {server.output}")
        run = Run(server.url + "live/{n}", "--publish", "--media", film(), "-n", 2, "-d", "1s")
        equal(run.sessions["completed"], 2, f"completed {run.errors}")
        equal(run.err.count(LEFT_OUT), 1, f"notes in {run.err}")


@test(args=[("video", "h264"), ("audio", "aac"), ("2,0", "aac h264")])
def chosen_tracks(wanted, expected):
    """By the server, and by a publisher in a scenario: 25 pictures a second, and 47 units of 1,024 samples of 48,000."""
    with Server("--media", film(), "--media-tracks", wanted) as server:
        equal(codecs(server.url), expected.split(), "streams")
        assert "left out" not in server.output, server.output
        yaml = f"publish: true\nmedia: {film()}\nmedia-tracks: {wanted}\nduration: 2s\nurl: {server.url}live/1\nreaders: 1\n"
        run = run_file(yaml)
        equal(run.sessions["completed"], 1, f"completed {run.errors}{run.err}")
        assert "left out" not in run.err, run.err
        truth = server.stop()["/live/1"]
        units = 2 * 47 * ("aac" in expected)
        slices = truth["received"] - units  # more than one a picture
        assert slices >= 2 * 25 * 0.8 if "h264" in expected else abs(slices) <= 10, truth


@test(args=[
    (["serve", "--media", "FILM", "--media-tracks", "1"], "can't carry its AC-3 sound (stream 1): it has H.264 video (stream 0), "),
    (["serve", "--media", "FILM", "--media-tracks", "0,7"], "it has no stream 7: it has H.264 video (stream 0), AC-3 sound"),
    (["--publish", "--media", "FILM", "--media-tracks", "0,2,audio"], "stream 2 is chosen twice"),
    (["serve", "--media", "FILM", "--media-tracks", "0,"], "--media-tracks '0,': expected video, audio or the number of a stream"),
    (["serve", "--media", "FILM", "--media-tracks", "sound"], "--media-tracks 'sound': expected video, audio"),
    (["serve", "--media-tracks", "0"], "it needs --media"),
    (["--publish", "--media-tracks", "0"], "it needs --media"),
    (["--media-tracks", "0"], "--media-tracks says what to publish: it needs --publish"),
    (["serve", "--media", "EMPTY"], "EMPTY': it is empty"),
    (["--publish", "--media", "EMPTY"], "EMPTY': it is empty"),
])
def refused_files(options, message):
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        (pathlib.Path(folder) / "EMPTY").touch()
        if "FILM" in options:
            os.symlink(film(), pathlib.Path(folder) / "FILM")
        refused(options, message, folder)


@test
def edits_of_a_fragmented_file():
    """A pause before the sound is fine; where it is an edit with media, there are two, and the file is refused."""
    path = made("late.mp4", *PICTURES, "-itsoffset", "0.5", *SOUND, *H264, "-c:a", "aac", "-movflags", "frag_keyframe+delay_moov")
    head, mark, rest = pathlib.Path(path).read_bytes().rpartition(b"elst\0\0\0\0\0\0\0\2")  # two edits: length, begin, rate
    if rest[4:8] != b"\xff\xff\xff\xff":
        skip("ffmpeg wrote no pause")
    with Server("--media", path) as server:
        equal(codecs(server.url), ["h264", "aac"], "streams")
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        (pathlib.Path(folder) / "edits.mp4").write_bytes(head + mark + rest[:4] + bytes(4) + rest[8:])
        refused(["serve", "--media", "edits.mp4"], "it is a fragmented MP4 file with more than one edit", folder)


def lap_notes(path):
    """What the server and a publisher say of a file."""
    with Server("--media", path) as server:
        run = Run(server.url + "live/{n}", "--publish", "--media", path, "-n", 1, "-d", "1s")
        equal(run.sessions["completed"], 1, f"completed {run.errors}")
        start = f"rtspbench: {path}: "
        told = [[line for line in text.splitlines() if line.startswith(start)] for text in (server.output, run.err)]
        equal(told[0], told[1], "notes")
        return [line.removeprefix(start) for line in told[0]]


@test
def what_was_done_to_laps_is_said():
    cut = made("cut.ts", "-ss", "0.4", "-i", pictures("pictures.ts"), "-c", "copy", "-copyinkf")
    told = lap_notes(cut)
    assert len(told) == 1 and told[0].endswith("in front of the first keyframe"), told
    short = made("short.mp4", *PICTURES, "-f", "lavfi", "-i", "sine=r=8000:d=1", *H264, "-c:a", "pcm_mulaw", "-f", "mov")
    equal(lap_notes(short), ["its sound is 1.000 s shorter than its video: that is a gap in every lap"], "notes")
    equal(lap_notes(pictures()), [], "notes")


@test
def readers_over_a_seam():
    """With B-frames and sound, over several laps of 2 s: every packet is there, and no picture stays."""
    path = made("seam.mp4", *PICTURES, *SOUND, *H264, "-bf", "3", "-c:a", "aac")
    with Server("--media", path) as server:
        run = Run(server.url, "-n", 3, "-d", "7s", "-t", "tcp")
        truth = server.stop()
        run.expect_clean(3)
        equal(run.rtp["packets"], add_up(truth, "sent"), "packets")
        equal(run.result["panel"]["freezes"], 0, "freezes")
        equal(run.result["panel"]["frames"]["damaged"], 0, "damaged frames")


@test
def sound_of_no_channels():
    """A damaged header is a sentence, not a crash."""
    file = pathlib.Path(made("whole.wav", *SOUND)).read_bytes()
    damaged = pathlib.Path(FOLDER.name) / "damaged.wav"
    damaged.write_bytes(file[:22] + bytes(2) + file[24:])  # the channels in "fmt "
    refused(["serve", "--port", "0", "--media", str(damaged), "--media-tracks", "0"], "damaged.wav")


@test
def a_named_pipe():
    """It is read once, as it comes."""
    file = pathlib.Path(made("small.ts", *SOUND, "-t", "1", "-c:a", "aac", "-b:a", "64k")).read_bytes()
    assert len(file) < 65536, "the pipe holds it all, so that its writer is gone at once"
    pipe = pathlib.Path(FOLDER.name) / "pipe.ts"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_bytes(file), daemon=True).start()
    with Server("--media", str(pipe)) as server:
        server.stop()


@test(args=[((), 30), (("--pattern", "50/s:400"), 30)])
def as_many_files_as_it_says(options, most):
    """The test card and the pattern keep their places."""
    file = pictures()
    media = [word for n in range(most) for word in ("--media", f"n{n}={file}")]
    with Server(*options, *media) as server:
        for path in ("card", "pattern", f"n{most - 1}"):
            equal(Run(server.url + path, "-n", 1, "-d", "1s").sessions["established"], 1, path)
        server.stop()
    refused(["serve", "--port", "0", *options, *media, "--media", f"more={file}"], f"at most {most} files")


if __name__ == "__main__":
    main()
