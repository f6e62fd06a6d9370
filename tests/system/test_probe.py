"""`holdfast probe`: what it says of cameras that are right, wrong, or none. All are watched at the same time."""
import concurrent.futures
import contextlib
import json
import subprocess

import pytest

import harness_hostile as hostile
from harness_camera import BUILD, SimCamera
from harness_wait import until

USER, PASSWORD = "view", "p w?&"
SECONDS = "5"
AT_ONCE = 8
HEAD = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\n"
CODECS = {"JPEG": b"m=video 0 RTP/AVP 26\r\n", "MP4V-ES": b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\n",
          "AV1": b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 AV1/90000\r\n"}
TALKS = {"web": hostile.web_server, "noise": hostile.noise, "no-sdp": hostile.describes(b"\x00\xff\x80 no sdp at all"),
         **{codec: hostile.describes(HEAD + sdp + b"a=control:a\r\n") for codec, sdp in CODECS.items()}}


class Told:
    """What one run printed, and its exit code."""

    def __init__(self, url, *args, password=None, user=USER):
        login = ["--username", user] if password else []
        done = subprocess.run([BUILD / "daemon/holdfast", "probe", url, "--seconds", SECONDS, *login, *args], text=True,
                              input=password and password + "\n", capture_output=True, timeout=90, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        assert not password or password not in done.stdout + done.stderr
        self.code, self.text = done.returncode, done.stdout
        self.answer = json.loads(done.stdout) if "--json" in args else {}
        self.found = {f["id"]: f for f in self.answer.get("findings", [])}

    def wrong(self):
        """What should be changed. This machine may be too busy to read in time: that is no fault of the camera."""
        return {i for i, f in self.found.items() if f["level"] in ("warning", "bad")} - {"jitter"}


def pace(clocks):
    """Pictures per second that a camera made, which on a busy machine are fewer than it should."""
    return (len(clocks) - 1) * 1e6 / (clocks[-1] - clocks[0])


@pytest.fixture(scope="module")
def told():
    """Each camera's name: what is told of it."""
    with contextlib.ExitStack() as stack:
        def camera(*names, **how):
            return stack.enter_context(SimCamera(*names, **how))

        def none(talk):
            return stack.enter_context(hostile.Hostile(talk)).url()

        locked = camera("a", user=USER, password=PASSWORD, gop_s=2)
        basic = camera("a", user=USER, password=PASSWORD, switches=("--auth", "basic", "--sets", "sdp"))
        free = camera("lazy", "jumps", "slow", gop_s=4.5)
        free.order("slow slow 4")
        nobody = stack.enter_context(hostile.refused_port())
        asks = {
            "jumps": (free.url("jumps"), "--json", {}),
            "good": (locked.url("a"), "--json", {"password": PASSWORD}), "chinese": (locked.url("a"), "--lang", "zh-CN", {}),
            "wrong-password": (locked.url("a"), "--json", {"password": "n0t-it"}), "no-password": (locked.url("a"), "--json", {}),
            "no-path": (locked.url("b"), "--json", {"password": PASSWORD}), "plain": (basic.url("a"), "--json", {"password": PASSWORD}),
            "basic": (basic.url("a"), "--plain-password", "--json", {"password": PASSWORD}),
            "lazy": (free.url("lazy"), "--json", {}),
            "both": (locked.url("a"), basic.url("a"), "--plain-password", "--json", {"password": PASSWORD}),
            "slow": (none(hostile.redirects(free.url("slow"))), "--json", {}),
            "unreachable": (f"rtsp://127.0.0.1:{nobody.getsockname()[1]}/a", "--json", {}),
            "redirected": (none(hostile.redirects("file:///etc/passwd")), "--json", {}),
            **{name: (none(talk), "--json", {}) for name, talk in TALKS.items()}}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            runs = {name: pool.submit(Told, *args, **how) for name, (*args, how) in asks.items()}
            until("ten pictures", lambda: len(free.clocks("jumps")) >= 10, 80)
            free.order("jump jumps 3600")
            done = {name: run.result() for name, run in runs.items()}
        done["good"].truth_fps, done["jumps"].truth_fps = pace(locked.clocks("a")), pace(free.clocks("jumps"))
        yield done


def test_a_good_camera(told):
    good = told["good"]
    assert good.wrong() == set(), good.found
    assert good.code == (1 if good.found["jitter"]["level"] == "warning" else 0) and good.answer["recordable"]
    assert good.found["login"]["text"] == "the password is right (Digest MD5)"
    assert good.found["key_frames"]["text"] == f"a key frame every {good.answer['key_interval_s']:.1f} s"
    assert good.found["picture_size"]["text"] == "picture 320 × 240"
    assert good.answer["fps"] == pytest.approx(good.truth_fps, rel=0.1)
    assert abs(good.answer["clock_error_s"]) < 2
    assert "in the SDP and in the stream" in good.found["parameter_sets"]["text"]
    gigabytes = good.answer["bits_per_s"] / 8 * 86400 * 90 / 1e9
    assert f"in 90 days about {gigabytes:.0f} GB" in good.found["bitrate"]["text"]


def test_logins(told):
    for name in ("wrong-password", "no-password"):
        assert told[name].code == 1 and told[name].wrong() == {"login"}, told[name].found
    assert "password is wrong (Digest MD5)" in told["wrong-password"].found["login"]["text"]
    assert "give --username" in told["no-password"].found["login"]["remedy"]
    assert told["plain"].wrong() == {"login"} and told["plain"].code == 1 and not told["plain"].answer["recordable"]
    assert "--plain-password" in told["plain"].found["login"]["remedy"] and "rtsps://" in told["plain"].found["login"]["text"]
    assert told["basic"].wrong() == {"login"} and told["basic"].code == 1 and told["basic"].answer["recordable"]
    assert "to Digest" in told["basic"].found["login"]["remedy"]
    assert "parameter sets are in the SDP" == told["basic"].found["parameter_sets"]["text"]
    assert told["lazy"].found["login"]["level"] == "note" and "set a password" in told["lazy"].found["login"]["remedy"]


def test_both_streams_of_a_camera(told):
    """Each is judged by itself, and the second against the first: it is there to be smaller."""
    both = told["both"].answer
    assert both["recordable"] and both["sub"]["recordable"]
    assert {f["id"] for f in both["sub"]["findings"]} >= {"login", "bitrate"}
    assert both["sub_saves_little"] == (both["sub"]["bits_per_s"] > 0.9 * both["bits_per_s"])
    assert told["both"].code == 1  # Basic


def test_in_chinese(told):
    assert told["chinese"].code == 1
    assert "摄像机可以连接" in told["chinese"].text and "--username" in told["chinese"].text
    assert told["chinese"].text.endswith("不能录制\n")


def test_rare_key_frames(told):
    lazy = told["lazy"]
    assert lazy.wrong() == {"key_frames", "smart_codec"} and lazy.code == 1 and lazy.answer["recordable"]
    assert 4.3 < lazy.answer["key_interval_s"] < 5.5 and "every 2 s or less" in lazy.found["key_frames"]["remedy"]


def test_times_that_jump(told):
    assert "timestamps" in told["jumps"].wrong() and told["jumps"].code == 1
    assert "(1 jumps)" in told["jumps"].found["timestamps"]["text"]
    assert told["jumps"].answer["fps"] == pytest.approx(told["jumps"].truth_fps, rel=0.2)


def test_a_redirect_and_a_frame_rate_that_lies(told):
    slow = told["slow"]
    assert slow.found["redirect"]["level"] == "note" and "/slow" in slow.found["redirect"]["text"]
    assert "while the camera announces 10" in slow.found["frame_rate"]["text"] and 2 < slow.answer["fps"] < 5


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_that_is_not_recorded(told, codec):
    found = told[codec].found["codec"]
    assert told[codec].code == 1 and found["level"] == "bad" and codec in found["text"]
    assert "set this stream's encoding to H.264 or H.265" in found["remedy"]


def test_what_is_no_camera(told):
    assert told["unreachable"].code == 3 and told["unreachable"].wrong() == {"reachable"}
    assert "check address, port, cable and power" in told["unreachable"].found["reachable"]["remedy"]
    for name in ("web", "noise"):
        assert told[name].code == 1 and told[name].wrong() <= {"rtsp", "stream"}, (name, told[name].found)
    for name in ("no-path", "no-sdp", "redirected"):
        assert told[name].code == 1 and told[name].wrong() == {"stream"}, (name, told[name].found)


@pytest.mark.parametrize("args", [("rtsp://u:p@127.0.0.1/",), ("rtsp://127.0.0.1/", "--seconds", "0")])
def test_usage(args):
    done = subprocess.run([BUILD / "daemon/holdfast", "probe", *args], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr
