"""Media files as people have them, served over TCP and UDP and published, two laps of each; and what our reader makes
of them.

Pictures and PCM are the file's to the bit, AAC and Opus by access units. They are read by ffmpeg, and on the wire,
where time stamps, the seam between laps and the step of sound and pictures can be seen. --whole: the long list."""

import concurrent.futures
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from media_files import QUICK, WHOLE, digests, ffmpeg, source
from peers import RTSPBENCH, Run, Server, equal, main, need, skip, test
from wire import START_CODE, Reader, Recorder, missing

FILES = QUICK + WHOLE if "--whole" in sys.argv else QUICK
ROUNDING_S = 0.002  # containers count in milliseconds, and so does a difference of two
HASTE_S = 0.04  # how much sooner than others a picture may leave, at the least
TRIES = 3


class Late(AssertionError):
    """What a busy machine does, too: it counts when it happens three times in a row."""


def patiently(row, *arguments):
    for left in reversed(range(TRIES)):
        try:
            return row(*arguments)
        except Late:
            if left == 0:
                raise


def all_of(*checks):
    """Runs them all, and tells of all that fail."""
    faults = []
    for check in checks:
        try:
            check()
        except AssertionError as fault:
            faults.append(fault)
    if faults:
        kind = Late if all(isinstance(fault, Late) for fault in faults) else AssertionError
        raise kind("; ".join(map(str, faults)))


def near(got, expected, within, what, error=AssertionError):
    if abs(got - expected) > within:
        raise error(f"{what}: {got:.4f}, expected {expected:.4f} ± {within:.4f}")


# Pictures.


def may_begin_at(src):
    """Where a lap may begin: the first keyframe, and up to the first that an edit shows."""
    keys = [i for i, frame in enumerate(src.video) if frame.key]
    shown = next((i for i in keys if not src.video[i].hidden), keys[0])
    return [i for i in keys if i <= shown]


def leading(frames):
    """How many pictures are shown before the keyframe that begins them: they may need what came before it."""
    return sum(frame.pts < frames[0].pts for frame in frames) if frames else 0


def may_be_served(src):
    """A lap's frames: all from such a keyframe on, or without its leading ones."""
    for begin in may_begin_at(src):
        frames = src.video[begin:]
        yield frames
        if leading(frames):
            yield [frame for frame in frames if frame.pts >= frames[0].pts]


def check_pictures(decoded, src, frames, laps, what):
    """So many laps of these frames, in front of which may be as many other pictures as there are leading ones."""
    spare, at = leading(frames), 0
    expected = src.pictures[-(len(frames) - spare):]
    for lap in range(1, laps + 1):
        skipped = next((n for n in range(spare + 1) if decoded[at + n:at + n + len(expected)] == expected), None)
        if skipped is None:
            same = next((i for i, pair in enumerate(zip(decoded[at:], expected)) if pair[0] != pair[1]), "the end")
            raise AssertionError(f"{what}: {len(decoded)} pictures, {len(expected)} a lap; lap {lap} differs at {same}")
        at += skipped + len(expected)


def lap_starts(units, what):
    """With which units laps begin; the second one is whole."""
    starts = [i for i in range(len(units) - 2) if all(units[i + j].payload == units[j].payload for j in range(3))]
    assert len(starts) > 2, f"{what}: {len(units)} units, laps begin with {starts}"
    return starts


class Pictures:
    """Two laps of a track's pictures, checked against the file's."""

    def __init__(self, src, track):
        self.src, self.track, self.units = src, track, track.units()
        _, self.lap, end, *_ = lap_starts(self.units, "pictures")
        equal(end, 2 * self.lap, "pictures of two laps")
        frames = [frames for frames in may_be_served(src) if len(frames) == self.lap]
        assert frames, f"a lap of {self.lap} pictures, {len(src.video)} in the file"
        self.frames = frames[0]

    def check_bits(self):
        for lap in range(2):
            units = self.units[lap * self.lap:(lap + 1) * self.lap]
            stream = self.track.parameter_sets() + b"".join(unit.payload for unit in units)
            demuxer = {"H264": "h264", "H265": "hevc"}[self.track.codec]
            with tempfile.NamedTemporaryFile() as file:
                file.write(stream)
                file.flush()
                decoded = digests(ffmpeg("-threads", "1", "-f", demuxer, "-i", file.name, "-vsync", "passthrough", "-f",
                                         "framemd5", "-"))
            check_pictures(decoded, self.src, self.frames, 1, f"lap {lap + 1} decoded")

    def begins_anew(self):
        """Does a decoder know that the next lap's pictures don't go on with the last one's order? In an open GOP of
        H.264 that was cut there is nothing to tell it; H.265 has BLA for that."""
        nals = self.units[0].payload.split(START_CODE)[1:]
        return self.track.codec == "H265" or any(nal[0] & 31 == 5 for nal in nals)

    def seconds(self, i):
        return (self.units[i].ticks - self.units[0].ticks) / self.track.rate

    def check_times(self):
        """The pictures of each lap are as far apart as in the file."""
        for lap in (0, self.lap):
            for i, frame in enumerate(self.frames):
                near(self.seconds(lap + i) - self.seconds(lap), frame.pts - self.frames[0].pts, ROUNDING_S,
                     f"time of picture {i} of {self.lap} in decoding order")

    def check_seam(self):
        """The next lap's first picture is shown one frame after the last one, or when longer sound is over."""
        shown = sorted(self.seconds(i) for i in range(2 * self.lap))
        step = shown[self.lap] - shown[self.lap - 1]
        frames = sorted(self.frames)
        steps = [after.pts - before.pts for before, after in zip(frames, frames[1:])]
        frame_s, last_s = statistics.median(steps), frames[-1].seconds
        longer = self.src.sound_end() - frames[-1].pts - last_s if self.src.sound else 0
        if longer > frame_s and step > last_s:
            last_s = min(step, last_s + longer)
        even = max(steps) - min(steps) < ROUNDING_S
        expected = min(last_s, frame_s, key=lambda each: abs(each - step))
        near(step, expected, ROUNDING_S if even else frame_s, "step of the picture at the seam")
        assert min(self.seconds(i) for i in range(self.lap, 2 * self.lap)) == shown[self.lap], "laps overlap"

    def check_pace(self):
        """Nothing leaves early or late at the seam. The i-th picture to leave is due when the i-th is to be shown, less
        a constant. A busy machine delays some, so of several the promptest counts, and at the seam all do."""
        shown = sorted(self.seconds(i) for i in range(2 * self.lap))
        transit = [unit.at - due for unit, due in zip(self.units, shown)]
        few = min(5, self.lap // 2)
        parts = {"before the seam": transit[few:self.lap], "at it": transit[self.lap:self.lap + few],
                 "after it": transit[self.lap + few:], "at the start": transit[:few]}
        promptest = {name: min(part) for name, part in parts.items()}
        spread = max(*promptest.values(), *parts["at it"]) - min(promptest.values())
        if spread > max(self.src.frame_s(), HASTE_S, self.src.leeway_s() + ROUNDING_S):
            about = ", ".join(f"{name} {1000 * (at - transit[0]):+.0f} ms" for name, at in promptest.items())
            seam = " ".join(f"{1000 * (at - transit[0]):+.0f}" for at in parts["at it"])
            raise Late(f"pictures leave unevenly, the promptest: {about}; the next lap's first: {seam} ms")


# Sound.


class Sound:
    """Two laps of a track's sound, checked against the file's. Sound may go through the seam without a gap: then a lap
    may have a unit more than another, in front or at its end."""

    def __init__(self, src, track, pictures):
        self.src, self.track, self.units = src, track, track.units()
        self.begin_s = min(pictures.frames).pts if pictures else float("-inf")
        self.unit_s = statistics.median(frame.seconds for frame in src.sound)  # the last may be cut short
        self.pts = list(self.access_units() if src.samples() is None else self.samples())
        starts = [0, *(i + 1 for i, (_, end) in enumerate(self.pts[:-1]) if abs(self.pts[i + 1][0] - end) > 1e-6)]
        assert len(starts) > 2, f"{len(self.units)} units of sound, laps begin with {starts}"
        self.lap, self.end = starts[1:3]

    def access_units(self):
        """When each that came begins in the file, and the one behind it. A lap's last may come again, to fill it."""
        last, end = None, 0
        known = {digest: i for i, digest in enumerate(self.src.units())}
        begins = [frame.pts for frame in self.src.sound] + [self.src.sound[-1].pts + self.unit_s]
        for number, unit in enumerate(self.units):
            i = known.get(self.src.digest(unit.payload))
            assert i is not None, f"access unit {number} isn't the file's"
            begin, end = (end, end + self.unit_s) if i == last else (begins[i], begins[i + 1])
            yield begin, end
            last = i

    def samples(self):
        """The same of packets of samples."""
        samples, end = self.src.samples(), 0
        byte_s = self.src.sound_s() / len(samples)
        self.unit_s = max(len(unit.payload) for unit in self.units) * byte_s
        for number, unit in enumerate(self.units):
            begin = end if samples.startswith(unit.payload, end) else samples.find(unit.payload)
            assert begin >= 0, f"packet {number}, of {len(unit.payload)} bytes, isn't the file's"
            end = begin + len(unit.payload)
            yield self.src.sound[0].pts + begin * byte_s, self.src.sound[0].pts + end * byte_s

    def seconds(self, i):
        return (self.units[i].ticks - self.units[0].ticks) / self.track.rate

    def check_times(self):
        for begin, end in ((0, self.lap), (self.lap, self.end)):
            for i in range(begin, end):
                near(self.seconds(i) - self.seconds(begin), self.pts[i][0] - self.pts[begin][0], ROUNDING_S,
                     f"time of sound {i - begin} of {end - begin}")

    def check_whole(self):
        """Nothing but what comes before the picture, and less than a unit at the end beside it, is left out."""
        begin = max(self.src.sound[0].pts, self.begin_s)
        end = min(self.src.sound_end(), self.src.video_end())
        for first, last in ((0, self.lap - 1), (self.lap, self.end - 1)):
            got = self.pts[first][0], self.pts[last][1]
            assert abs(got[0] - begin) <= self.unit_s + ROUNDING_S and got[1] > end - self.unit_s - ROUNDING_S, \
                f"a lap's sound is from {got[0]:.3f} to {got[1]:.3f} s, should be from {begin:.3f} to {end:.3f} s"

    def check_seam(self, lap_s):
        """Where sound is shorter than the picture it is silent until the next lap; else the seam is within a unit."""
        begin, end = self.pts[self.lap - 1]
        hole = self.seconds(self.lap) - self.seconds(self.lap - 1) - (end - begin)
        silence = max(0, lap_s - (self.src.sound_end() - self.pts[0][0]))
        assert -self.unit_s < hole < silence + self.unit_s, \
            f"sound's seam is {hole:+.4f} s, {silence:.4f} s of it silence in the file; a unit is {self.unit_s:.4f} s"


def check_sync(pictures, sound):
    """Laps begin together, and what the file shows and plays at once was captured at once: within a frame, or a unit of
    sound where that is longer."""
    within = max(pictures.src.frame_s(), sound.unit_s)
    moved = sound.pts[sound.lap][0] - sound.pts[0][0]  # a lap may begin with another unit
    near(sound.seconds(sound.lap) - moved, pictures.seconds(pictures.lap), within, "lap of sound, and of pictures")
    captured = [of.track.captured(of.units[0].ticks) for of in (pictures, sound)]
    near(captured[0] - captured[1], pictures.frames[0].pts - sound.pts[0][0], within,
         "picture against sound by sender reports")


def check_tracks(src, tracks):
    """Everything that the wire tells of two laps; gives the pictures, if there are any."""
    by_kind = {track.kind: track for track in tracks}
    equal(sorted(by_kind), ["audio"] * bool(src.sound) + ["video"] * bool(src.video), "tracks")
    for track in tracks:
        equal(missing(track.packets()), 0, f"packets missing on {track.kind}")
    pictures = Pictures(src, by_kind["video"]) if src.video else None
    sound = Sound(src, by_kind["audio"], pictures) if src.sound else None
    checks = []
    if pictures:
        checks += [pictures.check_bits, pictures.check_times, pictures.check_seam, pictures.check_pace]
    if sound:
        lap_s = pictures.seconds(pictures.lap) if pictures else 0
        checks += [sound.check_whole, sound.check_times, lambda: sound.check_seam(lap_s)]
    if pictures and sound:
        checks.append(lambda: check_sync(pictures, sound))
    all_of(*checks)
    return pictures


def two_laps(src):
    """How long they take, and a little more: seconds."""
    return 2 * src.lap_s() + max(0.5, 3 * (src.frame_s() if src.video else 0))


# Rows.


def served(src):
    """A server of the file."""
    try:
        return Server("--media", str(src.file))
    except AssertionError as error:
        if "made without libavformat" in str(error):
            skip("built without libavformat")
        raise


def complaints(src, text):
    """But for what it says of pictures that refer to some that a cut has taken away."""
    of_a_cut = ("mmco: unref short failure", "co located POCs unavailable", "Last message repeated")
    return [line for line in text.splitlines() if not (src.clip.cut and any(words in line for words in of_a_cut))]


def read_by_ffmpeg(src, url):
    """Pictures, and sound by access units or samples, of two laps."""
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        pictures, sound = pathlib.Path(folder) / "pictures", pathlib.Path(folder) / "sound"
        outputs = []
        if src.video:
            outputs += ["-map", "0:v", "-frames:v", str(2 * len(src.video)), "-vsync", "passthrough", "-f", "framemd5",
                        str(pictures)]
        if src.sound:
            muxer = "framemd5" if src.samples() is None else "data"
            outputs += ["-map", "0:a", "-t", f"{2 * src.lap_s():.3f}", "-c:a", "copy", "-f", muxer, str(sound)]
        done = subprocess.run([need("ffmpeg"), "-v", "error", "-rtsp_transport", "tcp", "-threads", "1", "-i", url,
                               *outputs], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        equal(done.returncode, 0, f"ffmpeg's status ({done.stderr})")
        equal(complaints(src, done.stderr), [], "ffmpeg's complaints")
        return (digests(pictures.read_bytes()) if src.video else []), (sound.read_bytes() if src.sound else b"")


def check_ffmpeg(src, pictures, read):
    decoded, sound = read
    if pictures and pictures.begins_anew():
        check_pictures(decoded, src, pictures.frames, 2, "as ffmpeg reads it")
    if not src.sound:
        return
    if (samples := src.samples()) is not None:
        assert len(sound) > len(samples) and sound[:1000] in samples, "samples as ffmpeg reads them"
        return
    units, got = src.units(), digests(sound)
    assert len(got) > len(units), f"{len(got)} access units, as ffmpeg reads them"
    unknown = sum(digest not in units for digest in got)
    equal(unknown, 0, f"access units, as ffmpeg reads them, that aren't the file's, of {len(got)}")


def read_over_tcp(src):
    with served(src) as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
        by_ffmpeg = pool.submit(read_by_ffmpeg, src, server.url)
        reader = Reader(server.url, "tcp", two_laps(src))
        pictures = check_tracks(src, reader.tracks)
        check_ffmpeg(src, pictures, by_ffmpeg.result())


def read_over_udp(src):
    with served(src) as server:
        reader = Reader(server.url, "udp", two_laps(src))
    if reader.drops > 0:
        biggest = max(frame.size for frame in src.video + src.sound)
        if reader.room < 2 * biggest:  # the kernel counts what it keeps with a datagram, too
            skip(f"net.core.rmem_max is too low for a picture of {biggest} bytes")
        raise Late(f"our own sockets had no room for {reader.drops} datagrams")
    check_tracks(src, reader.tracks)


@test(args=[(clip.name, transport) for clip in FILES for transport in ("tcp", "udp")])
def serves(name, transport):
    patiently({"tcp": read_over_tcp, "udp": read_over_udp}[transport], source(name))


def publish(src):
    with Recorder() as recorder:
        run = Run(recorder.url, "--publish", "--media", src.file, "-n", 1, "-d", f"{two_laps(src) + 0.5:.1f}s", "-q")
        if "made without libavformat" in run.err:
            skip("built without libavformat")
        equal(run.status, 0, f"status {run.out}{run.err}")
        recorder.wait()
    published = run.published
    if published["dropped_by"]["self"] > 0 and published["late_ms"]["max"] > 100:
        raise Late(f"published {published}")
    equal(published["dropped"], 0, f"packets dropped of {published['packets']}, {published['dropped_by']}")
    check_tracks(src, recorder.tracks)


@test(args=[(clip.name,) for clip in FILES])
def publishes(name):
    patiently(publish, source(name))


# Our reader.


def prompt(holds, what):
    if not holds:
        raise Late(what)


def keyframes_in(src, seconds):
    """For each lap that may be served: how many keyframes so much of it has, and of the next laps."""
    for frames in may_be_served(src):
        shown = sorted(frame.pts for frame in frames)
        lap_s = shown[-1] - shown[0] + sorted(frames)[-1].seconds
        keys = [shown[i] - shown[0] for i, frame in enumerate(frames) if frame.key][:src.clip.keys or None]
        yield sum(lap * lap_s + key <= seconds for lap in range(int(seconds / lap_s) + 1) for key in keys)


def check_keyframes(src, got, seconds, what):
    expected = list(keyframes_in(src, seconds))
    assert any(abs(got - count) <= 1 for count in expected), \
        f"{what}: {got} keyframes in {seconds:.2f} s, expected {' or '.join(map(str, expected))}"


def check_probe(src, told):
    equal(told["verdict"], "ok", f"probe's verdict {told['error']}")
    for track in told["tracks"]:
        equal((track["lost"], track["resets"], track["reordered"]), (0, 0, 0), f"probe lost, reset, reordered {track}")
        bound = 10 + (1000 * src.leeway_s() if track["kind"] == "video" else 0)
        prompt(track["jitter_ms"] < bound, f"probe's jitter of {track['kind']}: {track['jitter_ms']} ms")
        if track["kind"] == "video":
            ends = leading(src.video) + 2  # pictures that may count although their time lies before the first one's
            near(track["frame_rate"], 1 / src.frame_s(), 0.02 / src.frame_s() + ends / told["media_s"], "frame rate")
            check_keyframes(src, track["keyframes"], told["media_s"], "probe")


def check_frames(src, panel, seconds):
    equal((panel["frames"]["damaged"], panel["frames"]["suspect"]), (0, 0), "frames damaged and suspect")
    low, high = (seconds - 1) / src.frame_s(), seconds / src.frame_s() + 2
    complete = panel["frames"]["complete"]
    prompt(low < complete < high, f"{complete} frames in {seconds} s, expected {low:.0f} to {high:.0f}")
    check_keyframes(src, panel["keyframes"], complete * src.frame_s(), "panel")
    if src.clip.keys:
        assert panel["recovery_points"] > 0, panel
    prompt((panel["freezes"], panel["stalls"]) == (0, 0), f"{panel['freezes']} freezes, {panel['stalls']} stalls")


def check_delays(src, panel):
    latency = panel["latency_ms"]
    assert latency["count"] > 0, f"latency {latency}"
    above_ms = latency["p50"] - 1000 * src.decoding_delay_s()  # which an encoder has, too
    leeway_ms = 1000 * src.leeway_s()
    prompt(-5 - leeway_ms < above_ms < 50 + leeway_ms, f"{above_ms:.1f} ms above the decoding delay, latency {latency}")
    if src.sound:
        assert panel["skew_ms"]["count"] > 0, f"skew {panel['skew_ms']}"
        prompt(panel["skew_ms"]["p50"] < 45, f"skew {panel['skew_ms']}")


def read_by_us(src):
    seconds = two_laps(src)
    with served(src) as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
        probe = pool.submit(subprocess.run, [RTSPBENCH, "probe", "--json", "-d", f"{seconds:.1f}s", server.url],
                            capture_output=True, text=True, timeout=60)
        run = Run(server.url, "-n", 1, "-d", f"{seconds:.1f}s", "-q")
        told = json.loads(probe.result().stdout)
    run.expect_clean(1)
    jitter = run.rtp["jitter_ms"]
    bound = 5 + (1000 * src.leeway_s() if src.video else 0)
    checks = [lambda: prompt(jitter["p50"] < bound, f"jitter {jitter}"), lambda: check_probe(src, told)]
    if src.video:
        checks += [lambda: check_frames(src, run.panel, seconds), lambda: check_delays(src, run.panel)]
    all_of(*checks)


@test(args=[(clip.name,) for clip in FILES])
def our_reader(name):
    patiently(read_by_us, source(name))


if __name__ == "__main__":
    main(at_a_time=8)
