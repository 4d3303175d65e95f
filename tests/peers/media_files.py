"""Media files as people have them, made by ffmpeg on the spot, and what ffmpeg says is in them."""

import functools
import hashlib
import json
import pathlib
import subprocess
import tempfile
import threading
from typing import NamedTuple

from peers import need, skip

SECONDS = 2
_folder = tempfile.TemporaryDirectory(prefix="rtspbench-matrix-")


class Clip(NamedTuple):
    name: str  # of the file; its suffix is the container
    video: str = ""  # ffmpeg's options; none: no pictures
    sound: str = ""
    muxer: str = ""  # options of the container
    keys: int = 0  # keyframes a lap, where the container marks more than those
    rate: str = "25"
    size: str = "160x120"
    seconds: float = SECONDS
    sound_seconds: float = 0  # 0: as long as the pictures
    source: str = ""  # in place of the test pattern
    cut: str = ""  # the file is a copy of the one above, by these options in front of -i
    cut_to: str = ""  # and these behind it


def h264(more="", params="", group=25):
    """Groups of one second of the test pattern, whatever the pictures show."""
    params = f"keyint={group}:min-keyint={group}:scenecut=0:threads=1:{params}".rstrip(":")
    return f"-c:v libx264 -preset veryfast -pix_fmt yuv420p -x264-params {params} {more}"


def h265(more="", params="", group=25):
    params = f"log-level=error:pools=1:keyint={group}:min-keyint={group}:scenecut=0:{params}".rstrip(":")
    return f"-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params {params} {more}"


PLAIN = h264("-bf 0")
PYRAMID = h264("-bf 3", "b-pyramid=normal:b-adapt=0")
OPEN = h264("-bf 3", "open-gop=1:b-adapt=0", group=24)
HEVC = h265("-bf 0")
HEVC_B = h265()
REFRESH = h264("-bf 0", "intra-refresh=1")
AAC = "-c:a aac -b:a 64k -ar 48000"
AAC_44 = "-c:a aac -b:a 64k -ar 44100"
OPUS = "-c:a libopus -b:a 64k -ar 48000"
S16LE = "-c:a pcm_s16le -ar 48000 -ac 2"
S16BE = "-c:a pcm_s16be -ar 44100 -ac 1"
MULAW = "-c:a pcm_mulaw -ar 8000 -ac 1"
ALAW = "-c:a pcm_alaw -ar 8000 -ac 1"
FRAGMENTS = "-movflags frag_keyframe+empty_moov"
HOUR = "-output_ts_offset 3600"
NOISE = "color=gray:s=480x270:r=5,noise=alls=100:allf=p:all_seed=1,scale=3840:2160:flags=neighbor"
BIG = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -qp 16 -x264-params keyint=5:min-keyint=5:scenecut=0 -bf 0"
UNEVEN = "-vf select=not(eq(mod(n\\,5)\\,1)+eq(mod(n\\,7)\\,2)) -vsync vfr"

QUICK = [
    Clip("h264-plain.mp4", PLAIN, AAC),
    Clip("h264-pyramid.mp4", PYRAMID, AAC),
    Clip("h264-pyramid.mkv", PYRAMID),
    Clip("h264-pyramid.ts", PYRAMID, AAC),
    Clip("h264-pyramid-fragments.mp4", PYRAMID, AAC_44, FRAGMENTS),
    Clip("h264-pyramid-hour.ts", PYRAMID, AAC, HOUR),
    Clip("h264-open-gop.mp4", OPEN, AAC),
    Clip("h264-intra-refresh.mp4", REFRESH, AAC, keys=1),
    Clip("h264-slices.mov", h264("-bf 0", "slices=4"), S16LE),
    Clip("h264-big.mp4", BIG, source=NOISE, rate="5", size="3840x2160"),
    Clip("h264-uneven.mp4", h264(f"-bf 0 {UNEVEN}", group=15), AAC),
    Clip("h264-one-group.mkv", h264("-bf 3", group=500), OPUS),
    Clip("h264-baseline.flv", h264("-bf 0 -profile:v baseline"), AAC_44),
    Clip("h264-raw.h264", PLAIN),
    Clip("h264-cut.mp4", PYRAMID, AAC, seconds=4, cut="-ss 1.5"),
    Clip("h264-cut-open-gop.ts", OPEN, seconds=4, cut="-ss 1.9"),
    Clip("h264-short-sound.mp4", PYRAMID, AAC, sound_seconds=1.2),
    Clip("h265-plain.mp4", HEVC, AAC),
    Clip("h265-b-frames.mkv", HEVC_B, OPUS),
    Clip("h265-raw.hevc", HEVC),
    Clip("sound-aac.m4a", sound=AAC_44),
    Clip("sound-mulaw.mkv", sound=MULAW),
    Clip("sound-alaw.mov", PLAIN, ALAW),
]

WHOLE = [
    Clip("h264-plain.mov", PLAIN, AAC_44),
    Clip("h264-plain.mkv", PLAIN, AAC),
    Clip("h264-plain.ts", PLAIN, AAC_44),
    Clip("h264-plain.flv", PLAIN, AAC),
    Clip("h264-plain-fragments.mp4", PLAIN, AAC, FRAGMENTS),
    Clip("h264-plain-hour.mp4", PLAIN, AAC, HOUR),
    Clip("h264-pyramid.mov", PYRAMID, AAC),
    Clip("h264-pyramid.flv", PYRAMID, AAC),
    Clip("h264-pyramid-alone.mp4", PYRAMID),
    Clip("h264-pyramid-alone.ts", PYRAMID),
    Clip("h264-pyramid-opus.mkv", PYRAMID, OPUS),
    Clip("h264-pyramid-opus.mp4", PYRAMID, OPUS),
    Clip("h264-pyramid-pcm.mkv", PYRAMID, S16LE),
    Clip("h264-pyramid-pcm.mov", PYRAMID, S16BE),
    Clip("h264-pyramid-hour.mp4", PYRAMID, AAC, HOUR),
    Clip("h264-pyramid-hour.mkv", PYRAMID, AAC_44, HOUR),
    Clip("h264-pyramid-29.97.mp4", h264("-bf 3", group=30), AAC, rate="30000/1001"),
    Clip("h264-pyramid-50.ts", h264("-bf 3", group=50), AAC, rate="50"),
    Clip("h264-pyramid-10.mp4", h264("-bf 3", group=10), AAC, rate="10"),
    Clip("h264-plain-23.976.mkv", h264("-bf 0", group=24), AAC, rate="24000/1001"),
    Clip("h264-plain-60.mp4", h264("-bf 0", group=60), OPUS, rate="60"),
    Clip("h264-b1.mp4", h264("-bf 1", "b-adapt=0"), AAC),
    Clip("h264-b5.mkv", h264("-bf 5", "b-pyramid=normal:b-adapt=0"), AAC),
    Clip("h264-open-gop.ts", OPEN, AAC),
    Clip("h264-open-gop.mkv", OPEN, AAC),
    Clip("h264-intra-refresh.ts", REFRESH, AAC, keys=1),
    Clip("h264-intra-refresh.mkv", REFRESH, keys=1),
    Clip("h264-slices.ts", h264("-bf 2", "slices=4"), AAC),
    Clip("h264-big.mkv", BIG, AAC, source=NOISE, rate="5", size="3840x2160"),
    Clip("h264-uneven.mkv", h264(f"-bf 0 {UNEVEN}", group=15)),
    Clip("h264-uneven-b.mp4", h264(f"-bf 2 {UNEVEN}", group=15), AAC),
    Clip("h264-one-group.ts", h264("-bf 3", group=500), AAC),
    Clip("h264-all-keys.mp4", h264("-bf 0", group=1), AAC),
    Clip("h264-baseline.mp4", h264("-bf 0 -profile:v baseline"), AAC),
    Clip("h264-raw-30.h264", h264("-bf 0", group=30), rate="30"),
    Clip("h264-cut.mkv", PYRAMID, AAC, seconds=4, cut="-ss 1.5"),
    Clip("h264-cut.ts", PYRAMID, AAC, seconds=4, cut="-ss 1.5"),
    Clip("h264-cut.mov", PLAIN, AAC, seconds=4, cut="-ss 1.9"),
    Clip("h264-cut-within.ts", PLAIN, seconds=4, cut="-ss 1.6", cut_to="-copyinkf"),
    Clip("h264-cut-open-gop.mp4", OPEN, AAC, seconds=4, cut="-ss 1.5"),
    Clip("h264-short-sound.mkv", PLAIN, OPUS, sound_seconds=1.2),
    Clip("h264-short-sound-pcm.mov", PYRAMID, S16LE, sound_seconds=1.2),
    Clip("h264-long-sound.mp4", PYRAMID, AAC, sound_seconds=2.4),
    Clip("h265-b-frames.mp4", HEVC_B, AAC),
    Clip("h265-b-frames.ts", HEVC_B, AAC),
    Clip("h265-b-frames.mov", HEVC_B, AAC_44, "-tag:v hvc1"),
    Clip("h265-b-frames-fragments.mp4", HEVC_B, AAC, FRAGMENTS),
    Clip("h265-b-frames-hour.ts", HEVC_B, AAC, HOUR),
    Clip("h265-closed.mkv", h265("-bf 3", "open-gop=0"), AAC),
    Clip("h265-slices.mp4", h265("-bf 0", "slices=2:pools=2"), AAC, size="320x256"),
    Clip("h265-plain.ts", HEVC),
    Clip("h265-cut.ts", HEVC_B, AAC, seconds=4, cut="-ss 1.9"),
    Clip("h265-cut.mp4", HEVC_B, AAC, seconds=4, cut="-ss 1.5"),
    Clip("h265-cut-open-gop.ts", h265(group=23), seconds=4, cut="-ss 1.9"),
    Clip("h265-cut-open-gop.mp4", h265(group=23), AAC, seconds=4, cut="-ss 1.5"),
    Clip("sound-aac.aac", sound=AAC),
    Clip("sound-aac.ts", sound=AAC),
    Clip("sound-opus.opus", sound=OPUS),
    Clip("sound-opus.mkv", sound=OPUS),
    Clip("sound-pcm.wav", sound=S16LE),
    Clip("sound-pcm.mov", sound=S16BE),
    Clip("sound-mulaw.wav", sound=MULAW),
    Clip("sound-alaw.wav", sound=ALAW),
    Clip("sound-aac-24.mp4", PLAIN, "-c:a aac -b:a 32k -ar 24000 -ac 1"),
    Clip("sound-aac-5.1.mp4", PLAIN, "-c:a aac -b:a 192k -ar 48000 -ac 6"),
]


def ffmpeg(*words):
    """Its output; it must not complain."""
    done = subprocess.run([need("ffmpeg"), "-v", "error", "-nostdin", "-y", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, f"ffmpeg {' '.join(words)}: {done.stderr.decode()}"
    return done.stdout


def encode(clip, file):
    words = []
    if clip.video:
        pattern = clip.source or f"testsrc2=s={clip.size}:r={clip.rate}"
        words += ["-f", "lavfi", "-t", str(clip.seconds), "-i", pattern]
    if clip.sound:  # noise: no two units of it are alike
        words += ["-f", "lavfi", "-t", str(clip.sound_seconds or clip.seconds), "-i",
                  "anoisesrc=r=48000:color=pink:amplitude=0.3:seed=1"]
    for options in (clip.video, clip.sound, clip.muxer):
        words += options.split()
    ffmpeg(*words, "-fflags", "+bitexact", str(file))


@functools.cache
def encoders():
    done = subprocess.run([need("ffmpeg"), "-v", "error", "-encoders"], capture_output=True, text=True, timeout=60)
    return {words[1] for words in map(str.split, done.stdout.splitlines()) if len(words) > 1}


def make(clip):
    """The file, or a skipped test where ffmpeg has no encoder for it."""
    for word in (*clip.video.split(), *clip.sound.split()):
        if word.startswith("lib") and word not in encoders():
            skip(f"ffmpeg has no {word}")
    file = pathlib.Path(_folder.name) / clip.name
    if not clip.cut:
        encode(clip, file)
        return file
    uncut = file.with_name("uncut-" + clip.name)
    encode(clip, uncut)
    ffmpeg(*clip.cut.split(), "-i", str(uncut), "-c", "copy", *clip.cut_to.split(), str(file))
    return file


class Frame(NamedTuple):
    """A packet of the file, in the order it has them (decoding order)."""
    pts: float
    seconds: float
    key: bool
    hidden: bool  # before the edit begins
    size: int
    digest: str


class Source:
    """A file and what is in it."""

    def __init__(self, clip):
        self.clip, self.file = clip, make(clip)
        told = json.loads(subprocess.run([need("ffprobe"), "-v", "error", "-show_packets", "-show_streams",
                                          "-show_data_hash", "md5", "-of", "json", str(self.file)],
                                         capture_output=True, timeout=60, check=True).stdout)
        self.codecs = {stream["codec_type"]: stream for stream in told["streams"]}
        self.video = self.frames(told, "video")
        self.sound = self.frames(told, "audio")
        self.pictures = self.decoded() if self.video else []

    def frames(self, told, kind):
        """Raw streams have no times: their pictures are evenly spaced."""
        out, even = [], 1 / self.rate()
        for packet in (packet for packet in told["packets"] if packet["codec_type"] == kind):
            pts = float(packet.get("pts_time", len(out) * even))
            flags = packet["flags"]
            digest = packet["data_hash"].partition(":")[2]
            seconds = float(packet.get("duration_time", even))
            out.append(Frame(pts, seconds, "K" in flags, "D" in flags, int(packet["size"]), digest))
        return out

    def rate(self):
        over, _, under = self.clip.rate.partition("/")
        return int(over) / int(under or 1)

    def frame_s(self):
        """Of pictures, on average."""
        return self.video_s() / len(self.video)

    def decoding_delay_s(self):
        """How long pictures wait so that all can be shown in time, when one is decoded as often as one is shown."""
        shown = sorted(frame.pts for frame in self.video)
        return max(decoded - frame.pts for decoded, frame in zip(shown, self.video))

    def leeway_s(self):
        """Pictures that are unevenly spaced and reordered have more than one schedule: how far those may differ."""
        shown = sorted(frame.pts for frame in self.video)
        steps = [after - before for before, after in zip(shown, shown[1:])]
        reordered = shown != [frame.pts for frame in self.video]
        return max(steps) - min(steps) if reordered and max(steps) - min(steps) > 0.002 else 0

    def video_s(self):
        return self.video_end() - min(self.video).pts

    def sound_s(self):
        return self.sound_end() - self.sound[0].pts

    def sound_end(self):
        return self.sound[-1].pts + self.sound[-1].seconds

    def video_end(self):
        """Without pictures nothing ends."""
        return max((frame.pts + frame.seconds for frame in self.video), default=float("inf"))

    def lap_s(self):
        """At the longest."""
        return max(self.video_s() if self.video else 0, self.sound_s() if self.sound else 0)

    def reading(self):
        """How ffmpeg opens it, so that it gives all that is in it."""
        edits = ["-ignore_editlist", "1"] if self.file.suffix in (".mp4", ".mov", ".m4a") else []
        return ["-threads", "1", *edits, "-i", str(self.file)]

    def decoded(self):
        """The pictures' MD5, in the order they are shown."""
        return digests(ffmpeg(*self.reading(), "-map", "0:v", "-vsync", "passthrough", "-f", "framemd5", "-"))

    def units(self):
        """The sound's access units, by MD5. Those of ADTS without its headers, which RTP leaves out."""
        if self.codecs["audio"]["codec_name"] == "aac" and self.file.suffix in (".ts", ".aac"):
            return digests(ffmpeg("-i", str(self.file), "-map", "0:a", "-c", "copy", "-bsf:a", "aac_adtstoasc",
                                  "-f", "framemd5", "-"))
        return [frame.digest for frame in self.sound]

    @staticmethod
    def digest(payload):
        return hashlib.md5(payload).hexdigest()

    def samples(self):
        """PCM as RTP has it: big-endian, or a byte each. None of other codecs."""
        codec = self.codecs["audio"]["codec_name"] if self.sound else ""
        if not codec.startswith("pcm_"):
            return None
        to = {"pcm_mulaw": ["pcm_mulaw", "mulaw"], "pcm_alaw": ["pcm_alaw", "alaw"]}.get(codec, ["pcm_s16be", "s16be"])
        return ffmpeg(*self.reading(), "-map", "0:a", "-c:a", to[0], "-f", to[1], "-")


def digests(framemd5):
    """The MD5 of each frame that ffmpeg's framemd5 tells, in front of those of its side data."""
    lines = framemd5.decode().splitlines()
    return [line.split(",")[5].strip() for line in lines if line and not line.startswith("#")]


_clips = {clip.name: clip for clip in QUICK + WHOLE}
_sources, _making = {}, {name: threading.Lock() for name in _clips}


def source(name):
    """Made once; tests run side by side, and want the same file."""
    with _making[name]:
        if name not in _sources:
            _sources[name] = Source(_clips[name])
        return _sources[name]
