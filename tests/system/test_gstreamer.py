"""Cameras that share no code with ours: GStreamer's RTSP server, over each transport, with each codec and login."""
import contextlib
import subprocess

import pytest

from harness_footage import check_range
from harness_gst import GstCamera
from harness_site import PROGRAM, Site, environment
from harness_sound import beeps, streams
from harness_time import SECOND
from harness_wait import until

PICTURES = 85
SOUND = {"aac": ("aac", "mp4a"), "latm": ("aac", "mp4a"), "pcma": ("pcm_alaw", "alaw")}
SPEAKERS = [("tcp", "h264", "basic", "aac"), ("tcp", "h264", None, "latm"), ("tcp", "h265", "basic", "pcma"),
            ("tcp", "h265", None, "aac"), ("udp", "h264", "digest", "pcma"), ("udp", "h264", None, "aac"),
            ("udp", "h265", "digest", "latm"), ("udp", "h265", None, "pcma")]
SETTLED_US = 10 * SECOND  # until then a camera's first pictures, which waited for a viewer, may be moved (timeline.h)


def kinds():
    """Each codec over each transport, with and without a login; TLS; IPv6."""
    plain = [GstCamera(f"{transport}-{codec}-{auth or 'open'}", codec=codec, transport=transport, auth=auth)
             for transport in ("tcp", "udp") for codec in ("h264", "h265") for auth in ("digest", None)]
    return [*plain,
            GstCamera("udp-v6", transport="udp", address="::1"),
            GstCamera("tls-pin", auth="basic", trust="pin"),
            GstCamera("tls-ca-h265", codec="h265", trust="ca", address="::1")]


@pytest.fixture(scope="module")
def cameras():
    with contextlib.ExitStack() as stack:
        yield {c.names[0]: stack.enter_context(c) for c in kinds()}


def check_footage(site, name, camera):
    """Decoded in silence, every picture once, in order. Returns the file."""
    clocks = camera.clocks()
    site.wait_recorded(name, clocks[-1])
    start, end = site.first_recorded(name, clocks) + SETTLED_US, clocks[-1]
    answer = site.footage(name, start, end)
    assert answer.status == 200, answer.body
    check_range(answer.body, start, end, camera.clocks(), camera)
    assert [t[2] for t in site.tiles(name, start, end)] == ["recorded"]
    return answer.body


@pytest.fixture(scope="module")
def speakers():
    with contextlib.ExitStack() as stack:
        def camera(transport, codec, auth, audio):
            name = f"{transport}-{codec}-{auth or 'open'}-{audio}"
            return stack.enter_context(GstCamera(name, codec=codec, auth=auth, transport=transport, audio=audio))
        yield [(camera(transport, codec, auth, audio), SOUND[audio]) for transport, codec, auth, audio in SPEAKERS]


def test_their_sound_is_heard(speakers):
    """One tick a second, beside pictures that lack nothing; with each codec, transport, and with and without a login."""
    recording = {"segment": "4s", "gap_after": "2s", "audio": True}
    with Site([camera for camera, _ in speakers], recording=recording) as site:
        for camera, _ in speakers:
            until(f"the pictures of {camera.names[0]}", lambda c=camera: c.clocks()[PICTURES:], 60)
        for camera, sound in speakers:
            body = check_footage(site, camera.names[0], camera)
            assert sound in streams(body)
            heard = beeps(body)
            assert len(heard) >= 4 and all(abs(b - a - 1) < 0.05 for a, b in zip(heard, heard[1:])), heard


def test_footage_shows_what_the_cameras_saw(cameras):
    """All of them at once. Each has one session while it is recorded, and none after a stop."""
    with Site(cameras.values(), segment="4s") as site:
        for name, camera in cameras.items():
            until(f"the pictures of {name}", lambda c=camera: c.clocks()[PICTURES:], 60)
        for name, camera in cameras.items():
            check_footage(site, name, camera)
            assert camera.sessions()[-1] == 1, name
    for name, camera in cameras.items():
        until(f"{name} has no session left", lambda c=camera: c.sessions()[-1] == 0)
        assert max(camera.sessions()) == 1, name


def probe(camera, *switches):
    done = subprocess.run([PROGRAM, "probe", camera.url(camera.names[0]), "--name", camera.user, *switches],
                          input=camera.password + "\n", env=environment(), capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_camera_that_is_not_known_is_not_recorded(cameras):
    """The sentence says what to do, and shows the key that was seen."""
    camera, other = cameras["tls-pin"], cameras["tls-ca-h265"]
    code, text = probe(camera)
    assert code == 1 and "not trusted" in text and f"tls_pin: {camera.identity.pin}" in text
    code, text = probe(camera, "--tls-pin", other.identity.pin)
    assert code == 1 and "not the key of tls_pin" in text
    code, text = probe(camera, "--tls-ca", other.settings["tls_ca"])
    assert code == 1 and "not trusted" in text
    code, text = probe(camera, "--tls-pin", camera.identity.pin)
    assert code == 0 and "can be recorded" in text
