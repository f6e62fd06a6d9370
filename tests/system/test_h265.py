"""H.265, from our own camera: in sound and silence, in-band and not, and when its parameter sets change."""
import contextlib

import pytest

from harness_camera import SimCamera
from harness_footage import check_range, check_unbroken, clocks_of
from harness_site import Site
from harness_sound import streams
from harness_time import SECOND, parse_us
from harness_wait import until

FRAMES = 60
KINDS = {"inband": (), "sdp": ("--sets", "sdp"), "sound": ("--audio", "pcma")}


@pytest.fixture(scope="module")
def cameras():
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(SimCamera(name, switches=("--codec", "h265", *more))) for name, more in KINDS.items()}


@pytest.fixture(scope="module")
def site(cameras):
    with Site(cameras.values(), recording={"segment": "4s", "gap_after": "2s", "audio": True}) as s:
        for name, camera in cameras.items():
            until(f"the pictures of {name}", lambda c=camera, n=name: len(c.clocks(n)) >= FRAMES, 60)
            s.wait_recorded(name, camera.clocks(name)[-1])
        yield s


@pytest.mark.parametrize("name", KINDS)
def test_every_picture_is_shown_at_its_time(site, cameras, name):
    """Decoded in silence, by the clock that is burnt into the pictures."""
    camera, clocks = cameras[name], cameras[name].clocks(name)
    start, end = clocks[15], clocks[FRAMES - 10]
    answer = site.footage(name, start, end)
    assert answer.status == 200, answer.body
    check_range(answer.body, start, end, clocks, camera)
    assert streams(answer.body)[0] == ("hevc", "hvc1")
    assert len(streams(answer.body)) == (2 if name == "sound" else 1)


def change_sets(site, cameras, name):
    """A range over other parameter sets of the same format."""
    camera = cameras[name]
    before = camera.clocks(name)[-1]
    camera.order(f"params {name}")
    clocks = camera.wait_frames(name, 25)
    site.wait_recorded(name, clocks[-1])
    start, end = before - SECOND, clocks[-2]
    assert [t[2] for t in site.tiles(name, start, end)] == ["recorded"]
    return start, end


def test_other_parameter_sets_with_each_key_frame_are_one_answer(site, cameras):
    """They come with the key frames, so that a decoder goes on."""
    start, end = change_sets(site, cameras, "inband")
    answer = site.footage("inband", start, end)
    assert answer.status == 200, answer.body
    assert streams(answer.body)[0] == ("hevc", "hev1")
    check_unbroken(clocks_of(answer.body), cameras["inband"].clocks("inband"))


def test_other_parameter_sets_that_come_once_cost_no_picture(site, cameras):
    """Another file begins at that picture; a range over both is refused with the ranges that work."""
    start, end = change_sets(site, cameras, "sdp")
    ranges = site.footage("sdp", start, end).problem(409)["ranges"]
    shown = [clocks_of(site.footage("sdp", parse_us(r["start"]), parse_us(r["end"])).body) for r in ranges]
    assert len(shown) == 2 and shown[0][-1] < shown[1][0]
    check_unbroken(shown[0] + shown[1], cameras["sdp"].clocks("sdp"))
