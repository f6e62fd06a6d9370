"""Basic over plain rtsp:// only where the configuration says so, and where version 0.1 did it without a word."""
import json

import pytest

from harness_camera import SimCamera
from harness_wait import until
from test_state_0_1 import Old, OldSite

USER, PASSWORD = "view", "hazel-4410"
BASIC = ("--auth", "basic")


@pytest.fixture(scope="module")
def cameras():
    with SimCamera("east", "gate", "yard", user=USER, password=PASSWORD, switches=BASIC) as basic, \
            SimCamera("west", user=USER, password=PASSWORD) as digest:
        yield basic, digest


@pytest.fixture(scope="module")
def site(cameras, tmp_path_factory):
    """Of 0.1, with two of its cameras and two more."""
    basic, digest = cameras
    old = OldSite(basic, Old(tmp_path_factory.mktemp("old")))
    old.conf["cameras"] = []
    for name, camera, settings in (("east", basic, {}), ("west", digest, {}), ("gate", basic, {}),
                                   ("yard", basic, {"plain_password": True})):
        old.add_camera(name, camera.url(name), USER, PASSWORD, **settings)
    with old as s:
        yield s


def granted(site):
    with open(site.path("state/recorder/plain_password.json"), encoding="ascii") as f:
        return json.load(f)


def test_a_new_camera_is_shown_nothing(site, cameras):
    """It is told why, and what can be done."""
    gap = until("a refusal", lambda: [g for g in site.gaps(camera="gate") if g["cause"] == "camera_refused"])[0]
    for remedy in ("Digest", "rtsps://", "plain_password: true"):
        assert remedy in gap["detail"]
    assert not cameras[0].truth("gate", "play")


def test_it_is_recorded_if_the_configuration_says_so(site, cameras):
    site.wait_recorded("yard", cameras[0].wait_frames("yard", 10)[-1])


def test_a_camera_of_0_1_goes_on(site, cameras):
    """After another start, too; check names it. One that knows Digest has lost the permission."""
    for name, camera in (("east", cameras[0]), ("west", cameras[1])):
        site.wait_recorded(name, camera.wait_frames(name, 10)[-1])
    until("west is struck off", lambda: granted(site) == ["east"])
    told = [line for line in site.cli("check").splitlines() if "plain_password: true" in line]
    assert len(told) == 1 and "east" in told[0]
    site.stop()
    site.start()
    site.wait_recorded("east", cameras[0].wait_frames("east", 10)[-1])
    assert granted(site) == ["east"]
