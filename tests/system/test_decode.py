"""fsck --full decodes: a seal says who made the bytes, not that anybody can see something in them."""
import pathlib
import re

import pytest

from harness_camera import SimCamera
from harness_gst import GstCamera
from harness_seal import damage_a_picture, reseal
from harness_site import Site
from harness_wait import until

PICTURES = 60
CODECS = ("h264", "hevc")


@pytest.fixture(scope="module")
def site():
    with SimCamera("h264") as h264, GstCamera("hevc", codec="h265") as hevc, Site([h264, hevc]) as s:
        for camera in (h264, hevc):
            until(f"pictures of {camera.names[0]}", lambda c=camera: c.clocks(c.names[0])[PICTURES:], 60)
        s.wait_recorded("h264", h264.clocks("h264")[PICTURES - 1])
        s.wait_recorded("hevc", hevc.clocks()[PICTURES - 1])
        s.stop()
        yield s


def newest(site, camera):
    return sorted(pathlib.Path(site.path("footage/archive", camera)).glob("*/*.mp4"))[-1]


def test_sound_footage(site):
    """Each picture of each codec comes out; the quick check decodes nothing."""
    told = site.fsck()
    assert "0 violations" in told
    assert int(re.search(r"(\d+) pictures decoded", told)[1]) >= 2 * PICTURES
    assert "decoded" not in site.cli("fsck")


@pytest.mark.parametrize("codec", CODECS)
def test_a_picture_that_cannot_be_decoded(site, codec):
    """Named with its time, although every seal, chain and digest holds."""
    path = newest(site, codec)
    before = path.read_bytes()
    reseal(site, path, damage_a_picture)
    told = site.cli("fsck", "--full", code=1)
    finding = re.search(rf"{re.escape(str(path))}: its video does not decode at (\S+): (.+) \(\d+ faults, \d+ pictures\)", told)
    assert finding and "1 violations" in told, told
    assert path.stem[:8] == finding[1][:10].replace("-", "")
    assert "0 violations" in site.cli("fsck")
    assert path.stat().st_size == len(before)
    reseal(site, path, lambda _: bytearray(before[:before.rindex(b"uuidHoldfast") - 4]))
    assert "0 violations" in site.fsck()
