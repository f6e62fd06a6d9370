"""Sound beside the pictures, where a site asks for it; and never at their cost."""
import contextlib
import pathlib
import sys

import pytest

from harness_camera import SimCamera
from harness_footage import check_range
from harness_site import Site
from harness_sound import QUIET_S, beeps, streams
from harness_time import SECOND

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "camera"))
import clockbits  # noqa: E402

APART_S = 0.1
TAGS = {"pcma": ("pcm_alaw", "alaw"), "pcmu": ("pcm_mulaw", "ulaw"), "aac": ("aac", "mp4a")}
RECORDING = {"segment": "4s", "gap_after": "2s", "audio": True}


@pytest.fixture(scope="module")
def world():
    """One site with four cameras: each kind of sound, and one that has none."""
    with contextlib.ExitStack() as stack:
        cameras = {kind: stack.enter_context(SimCamera(kind, switches=("--audio", kind))) for kind in TAGS}
        cameras["silent"] = stack.enter_context(SimCamera("silent"))
        site = stack.enter_context(Site(cameras.values(), recording=RECORDING))
        cameras["silent"].wait_frames("silent", 100)
        clocks = {name: camera.clocks(name) for name, camera in cameras.items()}
        for name in cameras:
            site.wait_recorded(name, clocks[name][-1])
        yield site, cameras, clocks


def footage(world, name, first=15, last=-1):
    site, cameras, clocks = world
    clocks = clocks[name]
    answer = site.footage(name, clocks[first], clocks[last])
    assert answer.status == 200, answer.body
    check_range(answer.body, clocks[first], clocks[last], clocks, cameras[name])
    return answer.body


@pytest.mark.parametrize("kind", TAGS)
def test_what_is_heard_is_what_is_seen(world, kind):
    """A beep at each full second of the clock in the picture, over several files, within 100 ms."""
    body = footage(world, kind)
    assert streams(body) == [("h264", "avc1"), TAGS[kind]]
    frames, heard = clockbits.read_frames(body), beeps(body)
    first, last = frames[0], frames[-1]
    zero_us = first.clock_us - first.pts_seconds * SECOND  # the clock where the timeline is 0
    seconds = [s for s in range(first.clock_us // SECOND + 1, last.clock_us // SECOND)]
    expected = [e for e in (s - zero_us / SECOND for s in seconds) if e > QUIET_S + APART_S]
    assert len(expected) >= 6
    errors = [min((h - e for h in heard), key=abs, default=9) for e in expected]
    print(kind, "sound minus picture, ms:", [round(e * 1000) for e in errors])
    assert max(map(abs, errors)) <= APART_S, (heard, expected)
    assert len(heard) <= len(expected) + 2


def test_a_cut_cuts_the_sound(world):
    """It ends where the pictures end, though the fragment goes on."""
    body = footage(world, "pcma", 15, 38)
    frames, heard = clockbits.read_frames(body), beeps(body)
    assert all(h <= frames[-1].pts_seconds + 0.2 for h in heard)


def test_a_camera_without_sound_is_recorded(world):
    """As ever."""
    assert streams(footage(world, "silent")) == [("h264", "avc1")]


def test_sound_that_ceases_costs_no_picture(world):
    """The camera goes mute: coverage goes on without a seam."""
    site, cameras, _ = world
    cameras["aac"].order("mute aac on")
    start = cameras["aac"].clocks("aac")[-1]
    clocks = cameras["aac"].wait_frames("aac", 60)
    site.wait_recorded("aac", clocks[-1])
    assert [t[2] for t in site.tiles("aac", start, clocks[-1])] == ["recorded"]
    body = site.footage("aac", start, clocks[-1]).body
    check_range(body, start, clocks[-1], clocks, cameras["aac"])
    cameras["aac"].order("mute aac off")
    assert site.gaps(camera="aac") == []
    assert "error" not in site.fsck()


def test_sound_is_not_recorded_unless_asked_for():
    """The camera offers it; nobody sets it up."""
    with SimCamera("a", switches=("--audio", "aac")) as camera, Site([camera]) as site:
        clocks = camera.wait_frames("a", 20)
        site.wait_recorded("a", clocks[-1])
        assert streams(site.footage("a", clocks[5], clocks[-1]).body) == [("h264", "avc1")]
