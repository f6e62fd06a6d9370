"""A camera made of raw packets, which does one odd thing at the step that a test overrides.

    class NamesNoSession(MockCamera):
        def on_setup(self, c, r):
            self.reply(c, r, headers=self.transport_line(c, r))

    with NamesNoSession() as camera, Site([camera]) as site: ...

It plays a clip for ever, each picture of which differs from every other, so that pictures_of() tells from the
footage which ones were recorded, in their order and to the byte.
"""
import base64
import functools
import hashlib
import json
import os
import random
import re
import socket
import struct
import subprocess
import tempfile
import threading
import time

from harness_time import SECOND, now_us
from harness_wait import until

H264, H265 = "h264", "h265"
DELIMITER = {H264: 9, H265: 35}
SESSION = "12345678"
MARGIN_US = SECOND // 2  # at the edges of what is asked for


def nal_type(nal, codec=H264):
    return nal[0] & 31 if codec == H264 else nal[0] >> 1 & 63


def is_slice(nal, codec=H264):
    return 1 <= nal_type(nal, codec) <= 5 if codec == H264 else nal_type(nal, codec) < 32


def is_key(nal, codec=H264):
    return nal_type(nal, codec) == 5 if codec == H264 else 16 <= nal_type(nal, codec) <= 23


def digest_of(nals, codec=H264):
    """Of what makes a picture: its slices."""
    return hashlib.sha256(b"\0\0\1".join(n for n in nals if is_slice(n, codec))).hexdigest()


# --- clips -------------------------------------------------------------------------------

class Clip(list):
    """[(time of showing, in pictures, [NAL units])] in decoding order, without delimiters."""
    codec, fps = H264, 10


def _ffmpeg(program, *words):
    done = subprocess.run([program, "-v", "error", *words], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-800:]
    return done.stdout


def _split(stream):
    """The NAL units of a byte stream."""
    starts = [m.start() for m in re.finditer(b"\0\0\1", stream)]
    nals = [stream[a + 3:b] for a, b in zip(starts, [*starts[1:], len(stream)])]
    return [n[:-1] if n.endswith(b"\0") else n for n in nals[:-1]] + nals[-1:]


@functools.lru_cache(maxsize=None)
def clip(codec=H264, seconds=4, fps=10, gop=10, size="320x240", params="", source="testsrc2", bframes=0):
    """Encoded once a process. params: further ones of x264 or x265, "a=b:c=d"."""
    common = f"aud=1:keyint={gop}:min-keyint={gop}:scenecut=0:bframes={bframes}" + (":" + params if params else "")
    encoder = (["-c:v", "libx264", "-preset", "veryfast", "-x264-params", common + ":repeat-headers=1:threads=1"] if codec == H264 else
               ["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params",
                "open-gop=0:" + common + ":repeat-headers=1:pools=1:frame-threads=1:log-level=none"])
    with tempfile.TemporaryDirectory(prefix="hfm-", dir="/tmp") as folder:
        mp4, es = os.path.join(folder, "a.mp4"), os.path.join(folder, "a.es")
        _ffmpeg("ffmpeg", "-f", "lavfi", "-i", f"{source}=size={size}:rate={fps}", "-t", str(seconds),
                "-pix_fmt", "yuv420p", *encoder, mp4)
        name = codec if codec == H264 else "hevc"
        _ffmpeg("ffmpeg", "-i", mp4, "-c", "copy", "-bsf:v", f"{name}_mp4toannexb", "-f", name, es)
        shown = [float(p["pts_time"]) for p in json.loads(
            _ffmpeg("ffprobe", "-show_entries", "packet=pts_time", "-of", "json", mp4))["packets"]]
        with open(es, "rb") as f:
            nals = _split(f.read())
    units = []
    for n in nals:
        if nal_type(n, codec) == DELIMITER[codec]:
            units.append([])
        elif units and n not in units[-1]:  # ffmpeg adds copies of the parameter sets
            units[-1].append(n)
    assert len(units) == len(shown)
    out = Clip((round((t - min(shown)) * fps), unit) for t, unit in zip(shown, units))
    out.codec, out.fps = codec, fps
    assert len({digest_of(unit, codec) for unit in units}) == len(units)
    return out


# --- one client ------------------------------------------------------------------------------

class Client:
    """A connection, and the session on it."""

    def __init__(self, sock):
        self.sock, self.playing, self.buf = sock, True, b""
        self.lock = threading.Lock()
        self.channel, self.udp, self.to = 0, None, None
        self.seq, self.ssrc = random.randrange(1000, 60000), 0x1234

    def send(self, data):
        with self.lock:
            self.sock.sendall(data)

    def packet(self, data, channel=None):
        """One RTP packet (or RTCP, or nonsense) on the way that was agreed on."""
        if self.udp:
            self.udp.sendto(data, self.to)
        else:
            self.send(self.interleaved(data, channel))

    def interleaved(self, data, channel=None):
        return b"$" + struct.pack(">BH", self.channel if channel is None else channel, len(data)) + data

    def close(self):
        self.playing = False
        for s in filter(None, (self.sock, self.udp)):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def read_request(self):
        """{"method", "url", "headers" in small letters}; None: the client has left."""
        while b"\r\n\r\n" not in self.buf:
            if self.buf[:1] == b"$" and len(self.buf) >= 4:
                n = 4 + struct.unpack(">H", self.buf[2:4])[0]
                if len(self.buf) >= n:
                    self.buf = self.buf[n:]
                    continue
            data = self.sock.recv(4096)
            if not data:
                return None
            self.buf += data
        head, _, self.buf = self.buf.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin1").lstrip("\r\n").split("\r\n")
        method, url, _ = first.split(" ", 2)
        pairs = (line.split(":", 1) for line in lines if ":" in line)
        return {"method": method, "url": url, "headers": {k.strip().lower(): v.strip() for k, v in pairs}}


# --- the camera ---------------------------------------------------------------------------------

class MockCamera:
    """One stream. What a test may override: each on_METHOD(client, request), cseq, sdp, fmtp, media, access_unit, nal,
    payloads. sent: (wall time in us, index in the clip) of each picture that went out."""
    payload_type, mtu, name = 96, 1400, "a"
    user = password = None
    settings = {}
    first_timestamp = 777000

    def __init__(self, pictures=None, port=0):
        self.clip = clip() if pictures is None else pictures
        self.names = (self.name,)
        self.clients, self.requests, self.sent, self.errors = [], [], [], []
        self._threads = []
        self._server = socket.create_server(("127.0.0.1", port))
        self.port = self._server.getsockname()[1]

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, kind, *_):
        for s in (self._server, ):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        for c in self.clients:
            c.close()
        for t in self._threads:
            t.join()
        assert kind or not self.errors, self.errors

    def url(self, _name=None):
        return f"rtsp://127.0.0.1:{self.port}/live"

    def asked(self, method):
        """The requests of that method so far."""
        return [r for r in list(self.requests) if r["method"] == method]

    def _start(self, work, *args):
        def guarded():
            try:
                work(*args)
            except OSError:
                pass  # the client, or the test, is gone
            except Exception as e:  # pylint: disable=broad-exception-caught
                self.errors.append(repr(e))
        self._threads.append(threading.Thread(target=guarded, daemon=True))
        self._threads[-1].start()

    def _accept(self):
        while True:
            sock = self._server.accept()[0]
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.clients.append(Client(sock))
            self._start(self._serve, self.clients[-1])

    def _serve(self, c):
        try:
            while (r := c.read_request()):
                self.requests.append(r)
                self.handle(c, r)
        finally:
            c.close()

    # --- RTSP ----------------------------------------------------------------------------

    def handle(self, c, r):
        getattr(self, "on_" + r["method"].lower(), self.on_other)(c, r)

    def cseq(self, _c, r):
        """The line of the answer; "": none."""
        return f"CSeq: {r['headers'].get('cseq', '0')}\r\n"

    def reply(self, c, r, status="200 OK", headers="", body=""):
        data = body.encode()
        length = f"Content-Length: {len(data)}\r\n" if data else ""
        c.send(f"RTSP/1.0 {status}\r\n{self.cseq(c, r)}{headers}{length}\r\n".encode("latin1") + data)

    def on_options(self, c, r):
        self.reply(c, r, headers="Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n")

    def on_describe(self, c, r):
        self.reply(c, r, headers=f"Content-Type: application/sdp\r\nContent-Base: {r['url']}/\r\n", body=self.sdp())

    def transport_line(self, c, r):
        """What is agreed on: as the client asked."""
        asked = r["headers"].get("transport", "")
        ports = re.search(r"client_port=(\d+)", asked)
        if not ports:
            c.channel = int(re.search(r"interleaved=(\d+)", asked)[1])
            return f"Transport: RTP/AVP/TCP;unicast;interleaved={c.channel}-{c.channel + 1}\r\n"
        c.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        c.udp.bind(("127.0.0.1", 0))
        c.to = (c.sock.getpeername()[0], int(ports[1]))
        port = c.udp.getsockname()[1]
        return f"Transport: RTP/AVP;unicast;client_port={ports[1]}-{int(ports[1]) + 1};server_port={port}-{port + 1}\r\n"

    def on_setup(self, c, r):
        self.reply(c, r, headers=f"Session: {SESSION};timeout=60\r\n{self.transport_line(c, r)}")

    def on_play(self, c, r):
        self.reply(c, r, headers=f"Session: {SESSION}\r\nRange: npt=0-\r\n")
        self.play(c)

    def play(self, c):
        self._start(self.media, c)

    def on_teardown(self, c, r):
        self.reply(c, r)
        c.playing = False

    def on_get_parameter(self, c, r):
        self.reply(c, r)

    def on_other(self, c, r):
        self.reply(c, r, "501 Not Implemented")

    # --- SDP --------------------------------------------------------------------------------

    def sets(self):
        """The parameter sets that the clip begins with."""
        types = (7, 8) if self.clip.codec == H264 else (32, 33, 34)
        return [n for n in self.clip[0][1] if nal_type(n, self.clip.codec) in types]

    def sprop(self):
        return ",".join(base64.b64encode(n).decode() for n in self.sets())

    def fmtp(self):
        return "packetization-mode=1" if self.clip.codec == H264 else ""

    def sdp(self):
        fmtp = f"a=fmtp:{self.payload_type} {self.fmtp()}\r\n" if self.fmtp() else ""
        return ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Media\r\nt=0 0\r\na=control:*\r\n"
                f"m=video 0 RTP/AVP {self.payload_type}\r\na=rtpmap:{self.payload_type} {self.clip.codec.upper()}/90000\r\n"
                f"{fmtp}a=control:track1\r\n")

    # --- media ------------------------------------------------------------------------------

    def media(self, c):
        """Plays at the pace of the clip from its beginning, for ever."""
        start, i = time.monotonic(), 0
        while c.playing:
            time.sleep(max(0, start + i / self.clip.fps - time.monotonic()))
            shown, nals = self.clip[i % len(self.clip)]
            ticks = (i // len(self.clip) * len(self.clip) + shown) * 90000 // self.clip.fps
            at = now_us()
            if self.access_unit(c, i, ticks + self.first_timestamp, nals) is not False:
                self.sent.append((at, i % len(self.clip)))
            i += 1

    def access_unit(self, c, _i, ts, nals):
        """Picture _i since the start. Answers False if it was not sent whole."""
        for k, n in enumerate(nals):
            self.nal(c, ts, n, k + 1 == len(nals))

    def nal(self, c, ts, nal, last):
        for payload, marker in self.payloads(nal, last):
            c.packet(self.rtp(c, payload, ts, marker))

    def payloads(self, nal, last):
        """(payload, marker) of each packet that it takes: whole, or in fragments."""
        if len(nal) <= self.mtu:
            yield nal, last
            return
        header = 1 if self.clip.codec == H264 else 2
        parts = [nal[i:i + self.mtu] for i in range(header, len(nal), self.mtu)]
        for i, part in enumerate(parts):
            end = i + 1 == len(parts)
            yield self.fragment_head(nal, i == 0, end) + part, last and end

    def fragment_head(self, nal, start, end):
        flags = (0x80 if start else 0) | (0x40 if end else 0) | nal_type(nal, self.clip.codec)
        if self.clip.codec == H264:
            return bytes([nal[0] & 0xe0 | 28, flags])
        return bytes([nal[0] & 0x81 | 49 << 1, nal[1], flags])

    def rtp(self, c, payload, ts, marker, payload_type=None, seq=None):  # pylint: disable=too-many-arguments
        """A packet, of the next sequence number if it is given none."""
        if seq is None:
            seq, c.seq = c.seq, c.seq + 1 & 0xffff
        kind = (0x80 if marker else 0) | (self.payload_type if payload_type is None else payload_type)
        return struct.pack(">BBHII", 0x80, kind, seq & 0xffff, ts & 0xffffffff, c.ssrc & 0xffffffff) + payload

    def wait_sent(self, more):
        """Returns when so many more pictures went out. Their wall times."""
        want = len(self.sent) + more
        until(f"{more} more pictures", lambda: len(self.sent) >= want, 20 + 3 * more / self.clip.fps)
        return [at for at, _ in self.sent]


# --- what was recorded of it ----------------------------------------------------------------------

def packets_of(mp4):
    """[(pts, dts, [NAL units])] of the video of a file, in decoding order; times in its own unit."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as f:
        f.write(mp4)
        f.flush()
        listed = json.loads(_ffmpeg("ffprobe", "-select_streams", "v", "-show_entries", "packet=pts,dts,pos,size",
                                    "-of", "json", f.name))["packets"]
    out = []
    for p in listed:
        at, end, nals = int(p["pos"]), int(p["pos"]) + int(p["size"]), []
        while at < end:
            size = struct.unpack(">I", mp4[at:at + 4])[0]
            nals.append(mp4[at + 4:at + 4 + size])
            at += 4 + size
        out.append((int(p["pts"]), int(p["dts"]), nals))
    return out


def pictures_of(mp4, pictures):
    """The index in the clip of each picture of a file, in decoding order; None for one that is not of it."""
    known = {digest_of(nals, pictures.codec): i for i, (_, nals) in enumerate(pictures)}
    return [known.get(digest_of(nals, pictures.codec)) for _, _, nals in packets_of(mp4)]


def decoder_says(mp4):
    """What a decoder has to say of a file; "" is good."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as f:
        f.write(mp4)
        f.flush()
        return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", f.name, "-fps_mode", "passthrough",
                               "-enc_time_base", "-1", "-f", "null", "-"],
                              capture_output=True, text=True, check=False).stderr


def wait_covered(site, camera, at_us, timeout_s=30):
    """Returns when the account of that instant is settled, as recorded or not."""
    until("an account", lambda: site.tiles(camera.name, at_us - 1, at_us)[0][2] != "pending", timeout_s)


def check_all_recorded(site, camera, pictures=60):
    """Waits for so many pictures more, and demands each: no gap, none lost, doubled, damaged, or out of order.
    Returns the footage."""
    sent = camera.wait_sent(pictures)
    return check_recorded_since(site, camera, sent[-pictures])


def check_recorded_since(site, camera, from_us):
    """All that was sent since then, and some time after the session began, is there."""
    end = camera.sent[-1][0] - MARGIN_US
    site.wait_recorded(camera.name, end)
    start = max(from_us, site.recorded(camera.name, camera.sent[0][0] - 60 * SECOND, end)[0][0] + MARGIN_US)
    tiles = site.tiles(camera.name, start, end)
    assert [t[2] for t in tiles] == ["recorded"], tiles
    answer = site.footage(camera.name, start, end)
    assert answer.status == 200, answer.body
    assert decoder_says(answer.body) == ""
    seen = pictures_of(answer.body, camera.clip)
    assert None not in seen, seen
    assert all(b == (a + 1) % len(camera.clip) for a, b in zip(seen, seen[1:])), seen
    wanted = [i for at, i in list(camera.sent) if start + MARGIN_US <= at <= end - MARGIN_US]
    assert len(seen) >= len(wanted) >= camera.clip.fps, (len(seen), len(wanted))
    return answer.body
