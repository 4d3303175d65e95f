"""RTSP and RTP by hand, sharing nothing with the program: a reader over TCP or UDP, and a server to publish to. Both
keep every packet with the kernel's stamp, and put pictures and sounds together again."""

import base64
import contextlib
import re
import select
import socket
import struct
import threading
import time
from typing import NamedTuple

SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33  # root's, beyond net.core.rmem_max
SO_MEMINFO = 55
MEMINFO_DROPS = 8  # its ninth number: what the socket had no room for
UDP_BUFFER = 4 << 20
NTP_EPOCH = 2208988800
AAC_SAMPLES = 1024
START_CODE = b"\0\0\0\1"


class Packet(NamedTuple):
    at: float  # arrival, Unix time
    sequence: int  # both run on where the fields of 16 and 32 bits begin anew
    ticks: int
    marker: bool
    payload: bytes


class Unit(NamedTuple):
    """A picture, an access unit of sound, or a packet of samples."""
    at: float  # arrival of its first packet
    ticks: int
    payload: bytes  # of pictures: a byte stream with start codes


def signed(difference, bits):
    """How far a field that wraps has moved."""
    half = 1 << (bits - 1)
    return (difference + half) % (1 << bits) - half


class Track:
    def __init__(self, section):
        """Of a section of an SDP."""
        self.kind = section.split(" ", 1)[0]
        codec, rate = re.search(r"a=rtpmap:\d+ ([^/\s]+)/(\d+)", section).groups()
        self.codec, self.rate = codec.upper(), int(rate)
        self.control = re.search(r"a=control:(\S+)", section)[1]
        self.fmtp = (re.search(r"a=fmtp:\d+ ([^\r\n]*)", section) or [0, ""])[1]
        self.arrived, self.reports = [], []  # (at, packet); (Unix time, ticks as in the packet)
        self.newest = 0  # seconds since the first packet

    def on_rtp(self, at, packet):
        if len(packet) < 12 or packet[0] >> 6 != 2:
            raise AssertionError(f"not RTP: {packet[:12].hex()}")
        self.arrived.append((at, packet))
        first, now = (struct.unpack_from(">I", each, 4)[0] for each in (self.arrived[0][1], packet))
        self.newest = max(self.newest, signed(now - first, 32) / self.rate)

    def on_rtcp(self, packet):
        if len(packet) >= 20 and packet[1] == 200:
            seconds, fraction, ticks = struct.unpack_from(">III", packet, 8)
            self.reports.append((seconds - NTP_EPOCH + fraction / (1 << 32), ticks))

    def packets(self):
        """In order of their sequence numbers, second copies left out."""
        out, sequence, ticks = {}, None, None
        for at, packet in self.arrived:
            raw, raw_ticks = struct.unpack_from(">HI", packet, 2)
            sequence = raw if sequence is None else sequence + signed(raw - sequence, 16)
            ticks = raw_ticks if ticks is None else ticks + signed(raw_ticks - ticks, 32)
            start = 12 + 4 * (packet[0] & 15)
            out.setdefault(sequence, Packet(at, sequence, ticks, packet[1] >= 128, packet[start:]))
        return [out[number] for number in sorted(out)]

    def captured(self, ticks):
        """When the senders' clock says that was: Unix time, by the newest report."""
        if not self.reports:
            raise AssertionError(f"no sender report for {self.kind}")
        at, then = self.reports[-1]
        return at + signed(ticks - then, 32) / self.rate

    def units(self):
        packets = self.packets()
        if self.codec in ("H264", "H265"):
            return list(pictures(packets, h264_nals if self.codec == "H264" else h265_nals))
        if self.codec == "MPEG4-GENERIC":
            return list(aac_units(packets))
        return [Unit(packet.at, packet.ticks, packet.payload) for packet in packets]

    def parameter_sets(self):
        """Those of the SDP, with start codes."""
        sets = re.findall(r"sprop-(?:vps|sps|pps|parameter-sets)=([^;\s]+)", self.fmtp)
        return b"".join(START_CODE + base64.b64decode(each) for text in sets for each in text.split(","))


def missing(packets):
    return packets[-1].sequence - packets[0].sequence + 1 - len(packets) if packets else 0


def h264_nals(packets):
    """The NAL units of an access unit (RFC 6184, 5.6 to 5.8)."""
    for payload in (packet.payload for packet in packets):
        kind = payload[0] & 31
        if kind == 24:
            yield from aggregated(payload[1:])
        elif kind == 28:
            start = bytes([payload[0] & 0xe0 | payload[1] & 31])
            yield (start if payload[1] & 0x80 else None, payload[2:])
        elif 1 <= kind <= 23:
            yield (b"", payload)
        else:
            raise AssertionError(f"a packet of H.264 type {kind}")


def h265_nals(packets):
    """The same of RFC 7798, 4.4."""
    for payload in (packet.payload for packet in packets):
        kind = payload[0] >> 1 & 63
        if kind == 48:
            yield from aggregated(payload[2:])
        elif kind == 49:
            start = bytes([payload[0] & 0x81 | (payload[2] & 63) << 1, payload[1]])
            yield (start if payload[2] & 0x80 else None, payload[3:])
        elif kind < 48:
            yield (b"", payload)
        else:
            raise AssertionError(f"a packet of H.265 type {kind}")


def aggregated(payload):
    while payload:
        size = struct.unpack_from(">H", payload)[0]
        yield (b"", payload[2:2 + size])
        payload = payload[2 + size:]


def pictures(packets, nals):
    """Access units end with the marker, and no packet of another time is in between."""
    begun = []
    for packet in packets:
        begun.append(packet)
        if packet.ticks != begun[0].ticks:
            raise AssertionError(f"two times in one access unit, {packet.ticks - begun[0].ticks} ticks apart")
        if packet.marker:
            stream = b"".join(part if start is None else START_CODE + start + part for start, part in nals(begun))
            yield Unit(begun[0].at, begun[0].ticks, stream)
            begun = []


def aac_units(packets):
    """Access units of AAC-hbr (RFC 3640, 3.3.6): some in a packet, or one in some packets."""
    begun, at = b"", 0.0
    for packet in packets:
        bits, = struct.unpack_from(">H", packet.payload)
        sizes = [word >> 3 for word in struct.unpack_from(f">{bits // 16}H", packet.payload, 2)]
        rest = packet.payload[2 + bits // 8:]
        if len(sizes) == 1 and (begun or sizes[0] > len(rest)):
            at = at if begun else packet.at
            begun += rest
            if packet.marker:
                yield Unit(at, packet.ticks, begun)
                begun = b""
            continue
        for i, size in enumerate(sizes):
            yield Unit(packet.at, packet.ticks + i * AAC_SAMPLES, rest[:size])
            rest = rest[size:]
        if rest:
            raise AssertionError(f"{len(rest)} bytes behind the last access unit")


def tracks_of(sdp):
    return [Track(section) for section in re.split(r"(?m)^m=", sdp)[1:]]


def stamped(connection, size):
    """What a read gives, and the kernel's stamp."""
    data, extras, _, _ = connection.recvmsg(size, 256)
    for level, kind, value in extras:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack_from("qq", value)
            return data, seconds + nanoseconds / 1e9
    return data, time.time()


class Stream:
    """A connection: messages, and frames between them."""

    def __init__(self, connection):
        self.connection, self.buffer, self.at = connection, bytearray(), 0.0
        connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def more(self):
        """False at the end."""
        data, self.at = stamped(self.connection, 1 << 20)
        self.buffer += data
        return bool(data)

    def _piece(self, start):
        """The channel (None: a message) and the end of the whole piece that begins there; None: not yet."""
        if self.buffer[start] == 0x24:
            if len(self.buffer) - start < 4:
                return None
            channel, size = struct.unpack_from(">BH", self.buffer, start + 1)
            return (channel, start + 4 + size) if len(self.buffer) - start - 4 >= size else None
        head = self.buffer.find(b"\r\n\r\n", start)
        if head < 0:
            return None
        size = re.search(rb"(?i)\r\ncontent-length: *(\d+)", self.buffer[start:head])
        end = head + 4 + (int(size[1]) if size else 0)
        return (None, end) if len(self.buffer) >= end else None

    def pieces(self):
        """(channel, packet) or (None, text) of all that is there; one may break off after any of them."""
        start = 0
        try:
            while start < len(self.buffer) and (found := self._piece(start)):
                channel, end = found
                piece = bytes(self.buffer[start if channel is None else start + 4:end])
                start = end
                yield channel, piece if channel is not None else piece.decode()
        finally:
            del self.buffer[:start]


def header(text, name):
    return (re.search(rf"(?im)^{name}: *([^\r\n]*)", text) or [0, ""])[1]


def udp_pair():
    """Two sockets at an even port and the next."""
    while True:
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        try:
            pair[0].bind(("127.0.0.1", 0))
            port = pair[0].getsockname()[1]
            if port % 2 == 0:
                pair[1].bind(("127.0.0.1", port + 1))
                for each in pair:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER)
                    with contextlib.suppress(PermissionError):
                        each.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER)
                    each.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                return pair
        except OSError:
            pass
        for each in pair:
            each.close()


class Reader:
    """Reads a URL until so many seconds of media are there; then tracks has them, and drops says how many datagrams our
    own sockets, with room for so many bytes each, had no room for."""

    def __init__(self, url, transport, seconds, patience=15):
        self.url, self.cseq, self.session, self.drops, self.room, self.sockets = url, 0, "", 0, 0, []
        host, port = re.match(r"rtsp://([^:/]+):(\d+)", url).groups()
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            self.stream = Stream(connection)
            reply = self.ask("DESCRIBE", url)
            base = header(reply, "content-base") or url + "/"
            self.tracks = tracks_of(reply)
            for number, track in enumerate(self.tracks):
                self.set_up(f"{base.rstrip('/')}/{track.control}", transport, number)
            self.ask("PLAY", url)
            self.read(seconds, time.monotonic() + seconds + patience)
            self.ask("TEARDOWN", url)
        for each in self.sockets:
            meminfo = struct.unpack("9I", each.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
            self.drops += meminfo[MEMINFO_DROPS]
            self.room = each.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            each.close()

    def ask(self, method, url, extra=""):
        self.cseq += 1
        request = f"{method} {url} RTSP/1.0\r\nCSeq: {self.cseq}\r\n{self.session}{extra}\r\n"
        self.stream.connection.sendall(request.encode())
        while True:
            for channel, piece in self.stream.pieces():
                if channel is None:
                    assert piece.startswith("RTSP/1.0 200"), f"{method}: {piece}"
                    return piece
                self.take(channel, self.stream.at, piece)
            assert self.stream.more(), f"the server closed before it answered {method}"

    def set_up(self, url, transport, number):
        how = f"RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
        if transport == "udp":
            pair = udp_pair()
            self.sockets += pair
            port = pair[0].getsockname()[1]
            how = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
        reply = self.ask("SETUP", url, f"Transport: {how}\r\n")
        self.session = f"Session: {header(reply, 'session').split(';')[0]}\r\n"

    def take(self, channel, at, packet):
        track = self.tracks[channel // 2]
        if channel % 2:
            track.on_rtcp(packet)
        else:
            track.on_rtp(at, packet)

    def read(self, seconds, deadline):
        while max(track.newest for track in self.tracks) < seconds and time.monotonic() < deadline:
            ready, _, _ = select.select([self.stream.connection, *self.sockets], [], [], 1)
            for each in ready:
                if each in self.sockets:
                    self.read_datagrams(each)
                else:
                    assert self.stream.more(), "the server closed"
            for channel, piece in self.stream.pieces():
                self.take(channel, self.stream.at, piece)

    def read_datagrams(self, ready):
        with contextlib.suppress(BlockingIOError):
            ready.setblocking(False)
            while True:
                data, at = stamped(ready, 65536)
                self.take(self.sockets.index(ready), at, data)


class Recorder:
    """A server that one publisher may write to, over TCP, once; tracks has what came."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self.listener.getsockname()[1]}/matrix"
        self.tracks, self.channels, self.why = [], {}, None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listener.close()
        self.thread.join(5)

    def wait(self):
        """Until the publisher is gone."""
        self.thread.join(20)
        assert not self.thread.is_alive(), "the publisher's connection is still there"
        if self.why:
            raise self.why

    def serve(self):
        try:
            connection, _ = self.listener.accept()
            with connection:
                stream = Stream(connection)
                while stream.more():
                    for channel, piece in stream.pieces():
                        if channel is None:
                            connection.sendall(self.answer(piece).encode())
                        else:
                            self.take(channel, stream.at, piece)
        except Exception as why:  # told by wait()
            self.why = why

    def take(self, channel, at, packet):
        track = self.channels[channel & ~1]
        if channel % 2:
            track.on_rtcp(packet)
        else:
            track.on_rtp(at, packet)

    def answer(self, request):
        method, url, _ = request.split("\r\n", 1)[0].split(" ")
        extra = "Session: 1;timeout=60\r\n"
        if method == "ANNOUNCE":
            self.tracks = tracks_of(request)
        elif method == "SETUP":
            channel = int(re.search(r"interleaved=(\d+)", header(request, "transport"))[1])
            self.channels[channel] = next(track for track in self.tracks if url.endswith(track.control))
            extra += f"Transport: RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1};mode=record\r\n"
        elif method == "OPTIONS":
            extra = "Public: ANNOUNCE, SETUP, RECORD, TEARDOWN, OPTIONS, GET_PARAMETER\r\n"
        return f"RTSP/1.0 200 OK\r\nCSeq: {header(request, 'cseq')}\r\n{extra}\r\n"
