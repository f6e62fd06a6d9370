"""The simulated camera itself: what it shows, what it answers, how it misbehaves.

Everything else is tested against holdfast-camera, so it is tested first. The program is
$HOLDFAST_BUILD/tests/camera/holdfast-camera. Nothing here waits by the clock: each step
is ended by something that the camera does.
"""
import base64
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "camera"))
import clockbits  # noqa: E402

BUILD = os.environ.get("HOLDFAST_BUILD")
pytestmark = pytest.mark.skipif(not BUILD, reason="HOLDFAST_BUILD is not set")
TIMEOUT_S = 20


class Camera:
    """One holdfast-camera process."""

    def __init__(self, folder, *switches):
        self.log = folder / "truth.jsonl"
        self.control_path = str(folder / "control")
        program = pathlib.Path(BUILD) / "tests/camera/holdfast-camera"
        self.process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", "--log", self.log, "--control", self.control_path,
             *switches], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.fullmatch(r"listening rtsp://127\.0\.0\.1:(\d+)/\n", line)[1])

    def url(self, name="a", credentials=""):
        return f"rtsp://{credentials}127.0.0.1:{self.port}/{name}"

    def order(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(TIMEOUT_S)
            s.connect(self.control_path)
            s.sendall(line.encode() + b"\n")
            return s.makefile().readline().rstrip("\n")

    def truth(self, event=None):
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if event in (None, line["t"])]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.close()
        return self.process.wait(TIMEOUT_S)


@pytest.fixture
def start(tmp_path):
    cameras = []

    def begin(*switches):
        cameras.append(Camera(tmp_path, *switches))
        return cameras[-1]

    yield begin
    for camera in cameras:
        assert camera.stop() == 0


class Client:
    """A bare RTSP client that shows everything it gets."""

    def __init__(self, camera, name="a", receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(("127.0.0.1", camera.port))
        self.file = self.socket.makefile("rb")
        self.url, self.cseq, self.session = camera.url(name), 0, None
        self.media = []  # (channel, packet) that came before an answer

    def request(self, method, url=None, **headers):
        self.cseq += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self.cseq}"]
        if self.session:
            lines.append(f"Session: {self.session}")
        lines += [f"{k}: {v}" for k, v in headers.items()]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        while True:
            first = self.file.read(1)
            if first != b"$":
                return self._answer(first)
            self.media.append(self._interleaved())

    def _answer(self, first):
        head = first + self.file.readline()
        status, headers = int(head.split()[1]), {}
        while (line := self.file.readline().strip()):
            key, value = line.decode().split(":", 1)
            headers[key] = value.strip()
        assert headers["CSeq"] == str(self.cseq)
        body = self.file.read(int(headers.get("Content-Length", 0))).decode()
        return status, headers, body

    def _interleaved(self):
        channel, length = struct.unpack(">BH", self.file.read(3))
        return channel, self.file.read(length)

    def packet(self):
        """The next interleaved packet, or None when the camera hung up."""
        if self.media:
            return self.media.pop(0)
        try:
            first = self.file.read(1)
        except ConnectionResetError:
            return None
        if not first:
            return None
        assert first == b"$"
        return self._interleaved()

    def frame(self):
        """The next whole picture: (timestamp, [RTP payloads]); None at the end."""
        payloads = []
        while (got := self.packet()):
            channel, packet = got
            if channel != 0:
                continue
            payloads.append(packet[12:])
            if packet[1] & 0x80:
                return struct.unpack(">I", packet[4:8])[0], payloads
        return None

    def play(self):
        status, headers, _ = self.request("SETUP", self.url + "/track1",
                                          Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
        assert status == 200
        self.session = headers["Session"].split(";")[0]
        status, headers, _ = self.request("PLAY")
        assert status == 200
        return headers


def nal_types(payloads):
    """The types of the NAL units that begin in these payloads (single, STAP-A, FU-A)."""
    types = []
    for p in payloads:
        kind = p[0] & 31
        if kind == 24:
            at = 1
            while at < len(p):
                types.append(p[at + 2] & 31)
                at += 2 + struct.unpack(">H", p[at:at + 2])[0]
        elif kind == 28:
            types += [p[1] & 31] if p[1] & 0x80 else []
        else:
            types.append(kind)
    return types


def record(url, path, seconds, *switches):
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-rtsp_transport", "tcp", *switches, "-i", url,
         "-c", "copy", "-t", str(seconds), path], stderr=subprocess.PIPE, text=True, check=False)


def test_burnt_clock_matches_pts_and_truth(start, tmp_path):
    camera = start("--cameras", "hall,a", "--user", "u", "--password", "p")
    done = record(camera.url("a", "u:p@"), tmp_path / "x.mp4", 4)
    assert done.returncode == 0, done.stderr
    frames = clockbits.read_frames(tmp_path / "x.mp4")
    assert frames.stderr == ""
    assert len(frames) >= 35
    assert {f.camera_number for f in frames} == {2}

    # ffmpeg leaves the very first RTSP packet without a timestamp: start at the second.
    first = frames[1]
    for f in frames[2:]:
        error_us = (f.pts_seconds - first.pts_seconds) * 1e6 - (f.clock_us - first.clock_us)
        assert abs(error_us) < 1000, f

    truth = camera.truth("frame")
    assert [f.clock_us for f in frames] == [t["clock_us"] for t in truth][:len(frames)]
    assert [t["n"] for t in truth] == list(range(len(truth)))
    keys = [t["n"] for t in truth if t["key"]]
    assert keys[0] == 0 and max(b - a for a, b in zip(keys, keys[1:])) <= 10
    assert [t["t"] for t in camera.truth()][:3] == ["session", "play", "frame"]
    assert camera.truth()[-1]["t"] == "teardown"


def test_describes_itself(start):
    camera = start()
    client = Client(camera)
    status, headers, body = client.request("DESCRIBE")
    assert status == 200
    assert headers["Content-Base"] == camera.url() + "/"
    assert headers["Content-Type"] == "application/sdp"
    sets = re.search(r"sprop-parameter-sets=([^,\s]+),([^\s]+)", body)
    assert [base64.b64decode(s)[0] & 31 for s in sets.groups()] == [7, 8]
    assert "a=control:track1" in body
    info = client.play()["RTP-Info"]
    seq = int(re.search(r"seq=(\d+)", info)[1])
    rtptime = int(re.search(r"rtptime=(\d+)", info)[1])
    channel, packet = client.packet()
    assert channel == 0 and packet[1] & 0x7F == 96
    first_seq, timestamp = struct.unpack(">HI", packet[2:8])
    assert first_seq == seq
    assert (timestamp - rtptime) % 2**32 < 90000
    client.media.append((channel, packet))
    assert nal_types(client.frame()[1])[:2] == [7, 8]
    channel, packet = client.packet()
    assert (channel, packet[1]) == (1, 200)  # a sender report


def test_filler_reaches_the_bit_rate(start, tmp_path):
    camera = start("--fill", "on", "--bitrate", "1000")
    assert record(camera.url(), tmp_path / "x.mp4", 3).returncode == 0
    frames = clockbits.read_frames(tmp_path / "x.mp4")
    assert frames.stderr == "" and len(frames) >= 25
    truth = camera.truth("frame")
    seconds = (truth[-1]["clock_us"] - truth[0]["clock_us"]) / 1e6
    assert 700e3 < sum(t["bytes"] for t in truth) * 8 / seconds < 1400e3


def test_udp_is_refused(start):
    client = Client(start())
    assert client.request("SETUP", Transport="RTP/AVP;unicast;client_port=5000-5001")[0] == 461


@pytest.mark.parametrize("kind, algorithm", [("digest", "MD5"), ("digest-sha256", "SHA-256")])
def test_digest(start, kind, algorithm):
    camera = start("--user", "u", "--password", "p w", "--auth", kind)
    client = Client(camera)
    status, headers, _ = client.request("DESCRIBE")
    challenge = headers["WWW-Authenticate"]
    assert status == 401 and f"algorithm={algorithm}" in challenge
    nonce = re.search(r'nonce="([^"]+)"', challenge)[1]
    realm = re.search(r'realm="([^"]+)"', challenge)[1]
    digest = hashlib.md5 if algorithm == "MD5" else hashlib.sha256

    def authorization(password, count):
        def h(text):
            return digest(text.encode()).hexdigest()
        response = h(f"{h(f'u:{realm}:{password}')}:{nonce}:{count:08x}:c:auth:"
                     f"{h(f'DESCRIBE:{camera.url()}')}")
        return (f'Digest username="u", realm="{realm}", nonce="{nonce}", uri="{camera.url()}", '
                f'response="{response}", algorithm={algorithm}, qop=auth, nc={count:08x}, cnonce="c"')

    assert client.request("DESCRIBE", Authorization=authorization("p w", 1))[0] == 200
    status, headers, _ = client.request("DESCRIBE", Authorization=authorization("p w", 1))
    assert status == 401 and "stale=true" in headers["WWW-Authenticate"]  # a replay
    nonce = re.search(r'nonce="([^"]+)"', headers["WWW-Authenticate"])[1]
    assert client.request("DESCRIBE", Authorization=authorization("p w", 1))[0] == 200
    status, headers, _ = client.request("DESCRIBE", Authorization=authorization("wrong", 2))
    assert status == 401 and "stale" not in headers["WWW-Authenticate"]


def test_basic_and_wrong_auth(start):
    camera = start("--user", "u", "--password", "p", "--auth", "basic")
    client = Client(camera)
    right = "Basic " + base64.b64encode(b"u:p").decode()
    assert client.request("DESCRIBE", Authorization="Basic dTp4")[0] == 401
    assert client.request("DESCRIBE", Authorization=right)[0] == 200
    assert camera.order("wrongauth a on") == "ok"
    assert client.request("DESCRIBE", Authorization=right)[0] == 401


def test_ffmpeg_with_a_wrong_password(start, tmp_path):
    camera = start("--user", "u", "--password", "p")
    done = record(camera.url("a", "u:x@"), tmp_path / "x.mp4", 1)
    assert done.returncode != 0 and "401" in done.stderr


def test_silence_skips_pictures_but_rtsp_answers(start):
    camera = start()
    client = Client(camera)
    client.play()
    before = client.frame()[0]
    assert camera.order("silent a on") == "ok"
    assert client.request("GET_PARAMETER")[0] == 200
    client.media.clear()
    for _ in range(20):  # no picture comes between the answers
        assert client.request("GET_PARAMETER")[0] == 200
    assert client.media == []
    assert camera.order("silent a off") == "ok"
    timestamp, payloads = client.frame()
    assert 5 in nal_types(payloads)
    assert (timestamp - before) % 2**32 > 0
    on, off = camera.truth("silent")
    assert [on["on"], off["on"]] == [True, False]
    assert not [f for f in camera.truth("frame") if on["at_us"] < f["clock_us"] < off["at_us"]]


def test_drop_and_refuse(start):
    camera = start("--cameras", "a,b")
    a, b = Client(camera, "a"), Client(camera, "b")
    a.play()
    b.play()
    assert camera.order("drop a") == "ok connections=1"
    while a.frame():
        pass
    assert b.frame()
    assert camera.order("refuse a on") == "ok"
    assert Client(camera, "a").request("DESCRIBE")[0] == 503
    assert Client(camera, "b").request("DESCRIBE")[0] == 200
    assert camera.order("refuse all on") == "ok"
    with pytest.raises(ConnectionRefusedError):
        Client(camera)
    assert b.frame()  # who is in stays in
    assert camera.order("refuse all off") == "ok"
    assert camera.order("refuse a off") == "ok"
    assert Client(camera, "a").request("DESCRIBE")[0] == 200
    assert [t["cause"] for t in camera.truth("teardown")] == ["drop"]


@pytest.mark.parametrize("seconds", [7.5, -3600])
def test_jump(start, seconds):
    camera = start()
    client = Client(camera)
    client.play()
    stamps = [client.frame()[0]]
    assert camera.order(f"jump a {seconds}") == "ok"
    while True:
        stamps.append(client.frame()[0])
        step = (stamps[-1] - stamps[-2] + 2**31) % 2**32 - 2**31
        if abs(step) > 90000:
            break
    clocks = [f["clock_us"] for f in camera.truth("frame")]
    n = len(stamps)
    assert abs(step - seconds * 90000 - (clocks[n - 1] - clocks[n - 2]) * 0.09) <= 2


def test_parameter_sets_change_in_mid_stream(start, tmp_path):
    camera = start("--sets", "sdp")
    client = Client(camera)
    client.play()
    _, _, sdp_before = client.request("DESCRIBE")
    recorder = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-rtsp_transport", "tcp", "-i", camera.url(),
         "-c", "copy", "-t", "3", tmp_path / "x.mkv"])
    assert not {7, 8} & set(nal_types(client.frame()[1]))  # only in the SDP
    while len(camera.truth("play")) < 2 or camera.truth()[-1]["t"] != "frame":
        client.frame()
    assert camera.order("params a") == "ok"
    types = []
    while 7 not in types:
        types = nal_types(client.frame()[1])
    assert types == [7, 8, 6, 5] or types == [7, 8, 5]
    assert client.request("DESCRIBE")[2] != sdp_before
    assert recorder.wait(TIMEOUT_S) == 0
    frames = clockbits.read_frames(tmp_path / "x.mkv")
    assert frames.stderr == "" and len(frames) >= 25


def test_slow_changes_the_rhythm(start):
    camera = start("--command", "slow a 40")
    client = Client(camera)
    client.play()
    stamps = [client.frame()[0] for _ in range(41)]
    assert 80000 < (stamps[-1] - stamps[0]) % 2**32 < 100000
    assert "fps=40.000" in camera.order("stat a")
    assert camera.order("slow a off") == "ok"
    assert "fps=10.000" in camera.order("stat a")


def test_session_times_out_without_requests(start):
    camera = start("--session-timeout", "1")
    silent, polite = Client(camera), Client(camera)
    assert silent.play()["Session"].endswith(";timeout=1")
    polite.play()
    while silent.frame():
        assert polite.request("GET_PARAMETER")[0] == 200
    assert polite.frame()
    assert [t["cause"] for t in camera.truth("teardown")] == ["timeout"]


def test_client_that_does_not_read_is_dropped(start):
    camera = start("--fps", "60", "--gop", "0.05", "--queue", "1024")
    stuck, other = Client(camera, receive_buffer=4096), Client(camera)
    stuck.play()
    other.play()
    while not camera.truth("teardown"):
        assert other.frame()
    assert camera.truth("teardown")[0]["cause"] == "slow_reader"


@pytest.mark.parametrize("request_bytes", [
    b"\0" * 10, b"GET / HTTP/1.1\r\n\r\n", b"DESCRIBE rtsp://x/a RTSP/1.0\r\nCSeq: -1\r\n\r\n",
    b"SETUP rtsp://x/a RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=300-1\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 20000,
    b"$\0\xff\xff", b"A" * 300 + b" rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    b"DESCRIBE rtsp://" + b"h" * 300 + b"/a RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n" + b"A: b\r\n" * 100 + b"\r\n",
])
def test_nonsense_harms_nobody(start, request_bytes):
    camera = start()
    with socket.create_connection(("127.0.0.1", camera.port), TIMEOUT_S) as s:
        s.sendall(request_bytes)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while (more := s.recv(4096)):
                answer += more
        except ConnectionResetError:
            pass
    assert answer == b"" or answer.startswith(b"RTSP/1.0 4") or answer.startswith(b"RTSP/1.0 5")
    assert Client(camera).request("DESCRIBE")[0] == 200


@pytest.mark.parametrize("line", ["", "drop", "fly a", "silent x on", "silent a maybe", "slow a 0",
                                  "slow a nan", "jump a 1e9", "drop a b c"])
def test_orders_that_make_no_sense(start, line):
    camera = start()
    assert camera.order(line).startswith("error ")
