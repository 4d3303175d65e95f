"""probe tells one session's story, its numbers are those of the stream, and it shows no secret."""

import json
import pathlib
import re
import socket
import struct
import subprocess
import tempfile
import threading

from harness import RTSPBENCH, SANITIZER_STATUS, SLOW, Server, equal, main, test

USER, PASSWORD = "viewer", "s3cret:of&mine"


class Probe:
    """What one probe said: status, out, err, and document with --json."""

    def __init__(self, *options):
        done = subprocess.run([RTSPBENCH, "probe", *options], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        assert self.status not in (SANITIZER_STATUS, -6, -11), self.err
        self.document = json.loads(self.out) if "--json" in options else None

    def expect(self, status, *says):
        equal(self.status, status, f"status\n{self.out}{self.err}")
        for what in says:
            assert re.search(what, self.out, re.M), f"no '{what}' in\n{self.out}"


def near(value, expected, share, what):
    assert value is not None and abs(value - expected) <= share * expected, f"{what}: {value}, expected {expected}"


def closed_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@test(short=True, args=[("tcp",), ("udp",)])
def card(transport):
    """The card's own figures: 25 frames a second, 2 Mbit/s, a keyframe every 2 s, AAC beside it."""
    with Server() as server:
        done = Probe("--json", "-d", "5s", "-t", transport, server.url + "card")
        truth = server.stop()["/card"]
    equal(done.status, 0, f"status\n{done.out}")
    document = done.document
    equal(document["schema"], "rtspbench.probe.v1", "schema")
    equal(document["verdict"], "ok", "verdict")
    equal(document["error"], None, "error")
    equal(document["transport"], transport, "transport")
    video, audio = document["tracks"]
    equal((video["kind"], video["codec"], video["clock_rate"]), ("video", "H.264", 90000), "video")
    equal((audio["kind"], audio["codec"]), ("audio", "AAC"), "audio")
    equal(video["packets"] + audio["packets"], truth["sent"], "packets, against what was sent")
    equal(video["bytes"] + audio["bytes"], truth["bytes"], "bytes, against what was sent")
    for track in (video, audio):
        for key in ("lost", "duplicates", "reordered", "late", "resets"):
            equal(track[key], 0, f"{track['kind']}.{key}")
        equal(track["expected"], track["packets"], "expected")
    near(video["frame_rate"], 25, 0.01, "frame rate")
    near(video["keyframe_interval_s"], 2, 0.01, "keyframe interval")
    assert 2 <= video["keyframes"] <= 4, video["keyframes"]
    near(video["bitrate_bps"], 2e6, 0.3, "bit rate")
    equal(audio["frame_rate"], None, "the audio's frame rate")
    if not SLOW:
        equal(video["falling_behind"], False, "falling_behind")
        near(document["media_s"], 5, 0.1, "media_s")
    timing = document["timing_ms"]
    for key in ("connect", "options", "describe", "setup", "play", "first_rtp", "first_keyframe", "teardown"):
        assert timing[key] > 0, f"timing_ms.{key}: {timing[key]}"
    assert timing["startup"] >= timing["first_rtp"], timing
    assert timing["first_keyframe"] >= timing["first_rtp"], timing
    equal([medium["track"] for medium in document["sdp"]["media"]], [0, 1], "the media's tracks")
    methods = [message["text"].split()[0] for message in document["messages"] if message["direction"] == "sent"]
    equal(methods[:5], ["OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY"], "requests")
    equal(methods[-1], "TEARDOWN", "the last request")


@test
def pattern():
    """50 packets a second of 1,000 bytes."""
    with Server("--pattern", "50/s:1000") as server:
        done = Probe("--json", "-d", "4s", server.url + "pattern")
    equal(done.status, 0, f"status\n{done.out}")
    (track,) = done.document["tracks"]
    near(track["packets_per_s"], 50, 0.05, "packets a second")
    near(track["bytes"], 1000 * track["packets"], 0.02, "bytes")
    near(track["bitrate_bps"], 50 * 1000 * 8, 0.1, "bit rate")
    equal(track["falling_behind"], None, "falling_behind, of too little media")


@test(short=True, args=[("tcp",), ("udp",)])
def faults(transport):
    """What the server dropped, repeated and swapped is what the tracks count."""
    with Server("--no-audio") as server:
        done = Probe("--json", "-d", "3s", "-t", transport, server.url + "card?drop=1/50&dup=1/60&reorder=1/40")
        (truth,) = server.stop().values()
    (track,) = done.document["tracks"]
    equal(track["packets"], truth["sent"], "packets")
    equal(track["lost"], truth["dropped_inside"], "lost")
    equal(track["duplicates"], truth["duplicated"], "duplicates")
    equal(track["reordered"], truth["reordered"], "reordered")
    assert track["lost"] > 0 and track["duplicates"] > 0 and track["reordered"] > 0, track


@test
def story():
    """On a terminal: the messages, the description, the times, the tracks, and a verdict."""
    with Server() as server:
        done = Probe("-d", "3s", "-H", "X-Color: green", server.url + "card")
    done.expect(0, r"^\* connected in ", r"^> DESCRIBE rtsp://", r"^> X-Color: green$", r"^< RTSP/1.0 200 OK$",
                r"^< m=video ", r"^\*   track 0  video  H.264 \(96\) 90,000 Hz",
                r"^\*   track 1  audio  AAC \(97\) 48,000 Hz 2 channels", r"^\* reading media for 3.00 s$",
                r"^\* TEARDOWN answered in ", r"^  connect  ", r"^Media, \d\.\d\d s over tcp$",
                r"25.00 frames/s, a keyframe every 2.00 s", r"^ok: media on 2 of 2 tracks, [\d,]+ packets, 0 lost$")
    equal(done.err, "", "stderr")


@test
def chosen_tracks():
    with Server() as server:
        done = Probe("--json", "-d", "1s", "--tracks", "audio", server.url + "card")
    equal([track["codec"] for track in done.document["tracks"]], ["AAC"], "tracks")
    equal([medium["track"] for medium in done.document["sdp"]["media"]], [None, 0], "the media's tracks")


def password_file(folder):
    file = pathlib.Path(folder) / "password"
    file.write_text(PASSWORD + "\n")
    return str(file)


@test(short=True, args=[("digest",), ("basic",)])
def no_secret_is_shown(scheme):
    """With credentials from a file and from the URL, in the story and in JSON."""
    in_url = f"{USER}:s3cret%3Aof&mine@"
    with tempfile.TemporaryDirectory(prefix="rtspbench-") as folder:
        given = ["--user", USER, "--password-file", password_file(folder)]
        with Server("--auth", scheme, *given) as server:
            url = server.url + "card"
            for options in (given, []):
                target = url if options else url.replace("rtsp://", "rtsp://" + in_url)
                for more in ([], ["--json"]):
                    done = Probe("-d", "500ms", *options, *more, target)
                    equal(done.status, 0, f"status\n{done.out}{done.err}")
                    shown = done.out + done.err
                    for secret in (PASSWORD, "s3cret", "response=", "dmlld2Vy"):
                        assert secret not in shown, f"'{secret}' is in\n{shown}"
                    assert f"Authorization: {scheme.capitalize()} ***" in shown, shown
            without = Probe("-d", "500ms", url)
            without.expect(1, r"^failed: describe: the server wants credentials: give --user")
            wrong = Probe("-d", "500ms", url.replace("rtsp://", "rtsp://viewer:wr0ngone@"))
            wrong.expect(1, r"^failed: describe: the server rejected the credentials \(401 Unauthorized\)$")
            assert "wr0ngone" not in wrong.out, wrong.out


def echo(listener, challenge, proofs):
    """A server that refuses who asks, and says in its reason phrase how they asked."""
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as requests:
        head = []
        for line in requests:
            if line.strip():
                head.append(line.decode().rstrip())
                continue
            headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in head[1:])}
            asked = headers.get("authorization")
            status = "200 OK" if head[0].startswith("OPTIONS") else "401 Unauthorized"
            if asked:
                bare = re.search(r'response="(\w+)"|(\S+)$', asked)
                proofs.append(bare[1] or bare[2])
                status = f"400 {asked} {proofs[-1]}" if challenge.startswith("Basic") else f"400 {proofs[-1]} {asked}"
            connection.sendall(f"RTSP/1.0 {status}\r\nCSeq: {headers['cseq']}\r\nWWW-Authenticate: {challenge}\r\n\r\n"
                               .encode())
            head = []


@test(short=True, args=[('Basic realm="r"',), ('Digest realm="r", nonce="n"',)])
def no_secret_is_said_back(challenge):
    for more in ([], ["--json"]):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            proofs = []
            threading.Thread(target=echo, args=(listener, challenge, proofs), daemon=True).start()
            done = Probe("--timeout", "5s", *more, f"rtsp://{USER}:s3cret%3Aof&mine@127.0.0.1:{listener.getsockname()[1]}/x")
        equal(done.status, 1, f"status\n{done.out}{done.err}")
        assert proofs and "400 " in done.out, done.out
        for secret in (*proofs, PASSWORD):
            assert secret not in done.out + done.err, f"'{secret}' is in\n{done.out}{done.err}"


@test(short=True)
def secrets_of_other_kinds():
    """Passwords in a URL's query, and in headers asked for."""
    with Server() as server:
        done = Probe("-d", "300ms", "-H", "Authorization: Bearer abcdef", "-H", "X-Auth-Token: ghijkl",
                     server.url + "card?user=admin&password=hidden1")
        for secret in ("abcdef", "ghijkl", "hidden1"):
            assert secret not in done.out + done.err, f"'{secret}' is in\n{done.out}"
        assert "password=***" in done.out and "X-Auth-Token: ***" in done.out, done.out


@test(short=True)
def failures_are_named():
    """Status 1, and the phase and reason in words and in JSON."""
    with Server() as server:
        gone = Probe(server.url + "card?status=404")
        gone.expect(1, r"^< RTSP/1.0 404 Not Found$", r"^failed: describe: the server answered 404 Not Found$")
        mute = Probe("--timeout", "700ms", server.url + "card?mute=describe")
        mute.expect(1, r"^failed: describe: no answer within 700 ms$")
        told = Probe("--json", server.url + "card?status=404").document
        equal(told["verdict"], "failed", "verdict")
        equal((told["error"]["phase"], told["error"]["reason"], told["error"]["status"]),
              ("describe", "status", 404), "error")
        equal(told["tracks"], [], "tracks")
        equal(told["timing_ms"]["play"], None, "timing_ms.play")
    nobody = Probe(f"rtsp://127.0.0.1:{closed_port()}/x")
    nobody.expect(1, r"^failed: connect: the connection was refused: nobody listens there$")
    nowhere = Probe("rtsp://does-not-exist.invalid/x")
    nowhere.expect(1, r"^failed: resolve: the host's name was not found$")


@test(short=True)
def a_drop_in_the_middle():
    """Media came, so the status is 0; but the verdict says how it ended."""
    with Server() as server:
        done = Probe("-d", "10s", server.url + "card?close_after=1s")
    done.expect(0, r"^ok: media on 2 of 2 tracks, .*; but media: the server closed the connection$")


DESCRIPTION = ("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
               "a=rtpmap:96 H264/90000\r\na=control:t\r\n")


def packet(payload_type, number):
    return struct.pack(">BBHII", 0x80, payload_type, number, number * 3600, 7) + bytes(20)


def send_ignored(connection, transport, count):
    """Packets that nobody asked for: from another host, or of another payload type."""
    if "client_port" not in transport:
        for number in range(count):
            one = packet(97, number)
            connection.sendall(struct.pack(">cBH", b"$", 0, len(one)) + one)
        return
    port = int(re.search(r"client_port=(\d+)", transport)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.1.1", 0))
        for number in range(count):
            sender.sendto(packet(96, number), ("127.0.0.1", port))


def ignored_server(listener, count):
    """A server whose media are not what it said."""
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as requests:
        head, transport = [], ""
        for line in requests:
            if line.strip():
                head.append(line.decode("latin-1").rstrip())  # reports stand among the requests
                continue
            method = head[0].split()[0]
            headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in head[1:])}
            transport = headers.get("transport", transport)
            body = DESCRIPTION if method == "DESCRIBE" else ""
            more = f"Transport: {transport};server_port=9000-9001\r\n" if method == "SETUP" else ""
            connection.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {headers.get('cseq')}\r\nSession: 1\r\n{more}"
                               f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            if method == "PLAY":
                send_ignored(connection, transport, count)
            head = []


IGNORED = {
    "tcp": ("31 packets had payload type 97, which the SDP doesn't have",
            {"foreign": 0, "from": None, "expected_from": None, "unknown_type": 31, "payload_type": 97}),
    "udp": ("31 packets came from 127.0.1.1, not from 127.0.0.1",
            {"foreign": 31, "from": "127.0.1.1", "expected_from": "127.0.0.1", "unknown_type": 0,
             "payload_type": None}),
}


@test(args=[(transport, as_json) for transport in IGNORED for as_json in ("text", "json")])
def what_is_ignored_is_said(transport, told_as):
    """With its count and where it came from, and never as if nothing had come."""
    more = ["--json"] if told_as == "json" else []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=ignored_server, args=(listener, 31), daemon=True).start()
        done = Probe("-t", transport, *more, f"rtsp://127.0.0.1:{listener.getsockname()[1]}/x")
    sentence, ignored = IGNORED[transport]
    equal(done.status, 1, f"status\n{done.out}{done.err}")
    if more:
        equal(done.document["ignored"], ignored, "ignored")
    else:
        done.expect(1, f"^failed: media: no RTP that counts came within 10.0 s: {sentence}$",
                    f"^  ignored +{sentence}$")


if __name__ == "__main__":
    main()
