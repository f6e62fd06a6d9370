"""`holdfast discover` against a made-up ONVIF camera that is right, wrong, old or hostile."""
import contextlib
import itertools
import json
import re
import subprocess

import harness_hostile as hostile
from harness_camera import BUILD
from harness_onvif import ENVELOPE, FAULT, FOREIGN, LAUGHS, OnvifCamera, Profile

MEGABYTE = 1 << 20
EIGHT_HOURS_S = 8 * 3600
XXE = ('<?xml version="1.0"?><!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]><e:Envelope xmlns:e="x"><e:Body>'
       '<e:GetSystemDateAndTimeResponse>&x;</e:GetSystemDateAndTimeResponse></e:Body></e:Envelope>')


def discover(*args, password=None, lang="en"):
    """(exit code, standard output); nothing is said of a crash, and the password nowhere."""
    done = subprocess.run([BUILD / "daemon/holdfast", "discover", "--lang", lang, *args], text=True, timeout=60,
                          input=password and password + "\n", capture_output=True, check=False)
    assert done.returncode in (0, 1, 2, 3) and "Sanitizer" not in done.stderr, done.stderr
    assert not password or password not in done.stdout + done.stderr
    return done.returncode, done.stdout


def read(*cameras, password=None):
    """(exit code, what it tells of each camera as JSON)."""
    addresses = (word for c in cameras for word in ("--address", c.url))
    code, text = discover(*addresses, "--username", cameras[0].user, "--json", "--timeout", "2",
                          password=password or cameras[0].password)
    devices = json.loads(text)["devices"]
    assert [d["address"] for d in devices] == [c.url for c in cameras]
    return code, devices


def test_found_by_multicast_and_ready_for_the_configuration(tmp_path):
    """What it prints, put below a site and its areas, is a configuration that holds; noise on the network is
    passed over, and so is the address of another host in the camera's own answer."""
    secret = tmp_path / "camera.password"
    with OnvifCamera(discovery=True) as camera:
        secret.write_text(camera.password + "\n")
        secret.chmod(0o600)
        code, text = discover("--interface", "lo", "--timeout", "1", "--username", camera.user, "--password-file",
                              str(secret), "--area", "playroom")
        assert code == 0, text
    assert camera.password not in text and FOREIGN not in text
    assert 'name: "活动室 \\"东\\""' in text and "1920 × 1080, 25 fps, 4096 kbit/s" in text
    assert re.findall(r"^    url: (.*)$", text, re.M) == ['"rtsp://127.0.0.1:554/main?channel=1&subtype=0"']
    conf = tmp_path / "holdfast.yaml"
    conf.write_text("site: { id: cn-150625-0007, name: 园, timezone: Asia/Shanghai, language: zh-CN }\n"
                    f"rule: cn-hangjin-2021\nstate: {tmp_path}/state\nstorage:\n  - {{ path: {tmp_path}/f, reserve: 1MiB }}\n"
                    "areas:\n  - { id: playroom, name: 活动室, kind: activity }\napi:\n  - { listen: 127.0.0.1:8080 }\n" + text)
    check = subprocess.run([BUILD / "daemon/holdfast", "check", "-c", conf], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr


def test_without_credentials_it_is_listed_all_the_same():
    with OnvifCamera(discovery=True) as camera:
        code, text = discover("--interface", "lo", "--timeout", "1")
    assert code == 1
    assert camera.url in text and "a login is wanted: give --username" in text and "cameras:\n" in text


def test_a_clock_eight_hours_off():
    """The login is made in the camera's time, so it works; the error is shown with the remedy."""
    with OnvifCamera(clock_s=-EIGHT_HOURS_S) as camera:
        code, (device,) = read(camera)
        _, zh = discover("--address", camera.url, "--username", camera.user, password=camera.password, lang="zh-CN")
    assert code == 1 and device["auth"] == "ws-security" and camera.attempts == 0
    assert abs(device["clock_error_s"] + EIGHT_HOURS_S) < 2
    assert device["clock_problem"].startswith("set NTP in the camera") and "请在摄像机中设置 NTP 校时" in zh


def test_a_wrong_password_is_tried_once_a_way():
    with OnvifCamera() as ws, OnvifCamera(auth="http") as digest:
        code, devices = read(ws, digest, password="not the password")
    assert code == 1 and ws.attempts <= 2 and digest.attempts <= 2
    for device in devices:
        assert device["trouble"] == "refused" and "password wrong" in device["detail"]


def test_ways_of_login_and_ages_of_cameras():
    with contextlib.ExitStack() as stack:
        kinds = list(itertools.product(("ws", "http"), (True, False)))
        cameras = [stack.enter_context(OnvifCamera(
            Profile("a", "H265" if media2 else "H264"), Profile("b", "JPEG", size=(3840, 2160)),
            Profile("c<&>", size=(640, 360)), Profile("d", source="lens2", gop=250), auth=auth, media2=media2))
            for auth, media2 in kinds]
        _, devices = read(*cameras)
    for (auth, media2), device in zip(kinds, devices):
        told = {p["token"]: p for p in device["profiles"]}
        assert device["auth"] == {"ws": "ws-security", "http": "http-digest"}[auth], device
        assert list(told) == ["a", "b", "c<&>", "d"]
        assert [t for t, p in told.items() if p["chosen"]] == ["a", "d"]  # of each lens; JPEG cannot be recorded
        assert {k: told["a"][k] for k in ("encoding", "width", "height", "fps", "kbit_per_s", "key_frames", "problem")} == {
            "encoding": "H265" if media2 else "H264", "width": 1920, "height": 1080, "fps": 25.0, "kbit_per_s": 4096,
            "key_frames": 50, "problem": None}
        assert "set H.264 or H.265" in told["b"]["problem"] and "2 s or less" in told["d"]["problem"]
        assert (device["maker"], device["model"], device["name"]) == ("ACME?", "IPC-1", "活动室 \"东\"")


def test_ids_are_unique_and_from_the_name():
    with OnvifCamera(Profile("a"), Profile("b", source="lens2"), name="Nap Room #1") as camera:
        _, text = discover("--address", camera.url, "--address", camera.url.replace("127.0.0.1", "localhost"),
                           "--username", camera.user, password=camera.password)
    assert re.findall(r"^  - id: (.*)$", text, re.M) == [f"nap-room-1{n}" for n in ("", "-2", "-3", "-4")]


# --- hostile and broken cameras ---------------------------------------------------------------

URIS = {  # what the camera says: what is shown, what is said of it
    "http://127.0.0.1/video": (None, "neither rtsp:// nor rtsps://"),
    "file:///etc/passwd": (None, "neither rtsp:// nor rtsps://"),
    f"rtsp://{FOREIGN}/main": (f"rtsp://{FOREIGN}/main", "another host"),
    "rtsp://127.0.0.1/u=admin&p=se%3Ccr%26et": (None, "password stands in the address"),
    'rtsp://127.0.0.1/a b"c': (None, "not valid"),
    "rtsp://127.0.0.1/" + "x" * 600: (None, "not valid"),
    "rtsp://admin:secret@127.0.0.1/main": ("rtsp://127.0.0.1/main", None),
}


def test_stream_addresses_are_judged():
    """What is refused or leads elsewhere is in no entry of the configuration."""
    with OnvifCamera(*(Profile(f"p{i}", source=f"lens{i}", uri=uri) for i, uri in enumerate(URIS))) as camera:
        _, (device,) = read(camera)
        _, text = discover("--address", camera.url, "--username", camera.user, password=camera.password)
    for profile, (url, says) in zip(device["profiles"], URIS.values()):
        assert profile["url"] == url and (says is None) == (profile["problem"] is None)
        assert (says or "") in str(profile["problem"])
    assert re.findall(r"^    url: (.*)$", text, re.M) == ['"rtsp://127.0.0.1/main"']


HOSTILE = {
    "ten-megabytes": b"<a>" + b"x" * (10 * MEGABYTE), "laughs": LAUGHS.encode(), "file": XXE.encode(),
    "deep": b"<a>" * 100000, "wide": b"<a>" + b"<b/>" * 100000 + b"</a>", "empty": b"", "html": b"<html><p>login</html>",
    "zeros": b"\0" * 1000,
}
OPERATIONS = ("GetSystemDateAndTime", "GetProfiles", "GetStreamUri")


def test_hostile_answers():
    """To several questions: at the first it is no ONVIF device, at the others nothing is believed; soon done."""
    kinds = list(itertools.product(OPERATIONS, HOSTILE))
    with contextlib.ExitStack() as stack:
        _, devices = read(*(stack.enter_context(OnvifCamera(say={o: HOSTILE[w]})) for o, w in kinds))
    with open("/etc/hostname", encoding="ascii") as f:
        assert f.read().strip() not in json.dumps(devices)
    for (operation, _), device in zip(kinds, devices):
        if operation == "GetSystemDateAndTime":
            assert device["trouble"] == "no_onvif" and device["detail"], device
        elif operation == "GetStreamUri":
            assert not any(p["url"] for p in device["profiles"]), device


def test_a_redirect_is_not_followed():
    def to(place):
        return lambda camera, handler: camera.send(handler, "", 302, [("Location", place)])

    with contextlib.ExitStack() as stack:
        _, devices = read(*(stack.enter_context(OnvifCamera(say={"GetSystemDateAndTime": to(place)}))
                            for place in ("file:///etc/passwd", f"http://{FOREIGN}/", "gopher://127.0.0.1/")))
    for device in devices:
        assert device["trouble"] == "no_onvif" and "redirects elsewhere (HTTP 302)" in device["detail"]


def test_a_camera_that_cannot():
    """Its own words, cleaned, after ours."""
    fault = ENVELOPE % (FAULT % ("ter:ActionNotSupported", "not\u202e today"))
    with OnvifCamera(media2=False, say={"GetCapabilities": fault.encode()}) as camera:
        code, (device,) = read(camera)
    assert code == 1 and device["trouble"] == "fault" and device["detail"] == "the camera declined: not? today"


def test_nobody_answers():
    with hostile.refused_port() as nobody, hostile.Hostile(hostile.mute) as mute, hostile.Hostile(hostile.noise) as noise:
        ports = [nobody.getsockname()[1]] + [int(h.url().split(":")[2].split("/")[0]) for h in (mute, noise)]
        code, text = discover(*(a for p in ports for a in ("--address", f"127.0.0.1:{p}")), "--timeout", "1", "--json")
    assert code == 1
    assert [d["trouble"] for d in json.loads(text)["devices"]] == ["no_answer", "no_answer", "no_onvif"]
    code, text = discover("--interface", "lo", "--timeout", "1")
    assert code == 1 and "no camera answered: enable ONVIF" in text and text.endswith("cameras:\n  []\n")


def test_usage(tmp_path):
    readable = tmp_path / "pw"
    readable.write_text("x\n")
    readable.chmod(0o644)
    assert discover("--address", "rtsp://127.0.0.1/")[0] == 2
    assert discover("--username", "u", "--password-file", str(readable), "--interface", "lo")[0] == 3
